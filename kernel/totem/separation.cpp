// SPDX-License-Identifier: BSD-3-Clause

#include "totem/separation.hpp"

#include <algorithm>

namespace ais::totem {

void Separation::install(const Reachability& table, const Members& ours, Instant now) {
    const Members& nodes = table.nodes;
    const std::size_t count = nodes.size();
    told_ = told_.without(ours);
    // What was between members of ours is history, and what is in the table is told anew.
    for (std::size_t at = edge_count_; at-- > 0;) {
        const Edge& edge = edges_[at];
        if (!ours.contains(edge.ours) || nodes.contains(edge.theirs) || !is_live(edge, now)) {
            erase_edge(at);
        }
    }
    // The others find together without us: as they have said, or as we think.
    Reachability others = table;
    for (std::size_t i = 0; i < count; ++i) {
        others.rows[i].is_known = others.rows[i].is_known && !ours.contains(nodes[i]);
    }
    const Groups groups = separate(others);
    for (std::size_t theirs = 0; theirs < count; ++theirs) {
        if (ours.contains(nodes[theirs])) {
            continue;
        }
        bool is_alive = table.rows[theirs].is_known;
        for (std::size_t i = 0; i < count; ++i) {
            is_alive = is_alive || (i != theirs && table.hears(i, theirs));
        }
        bool is_apart = false;
        for (std::size_t i = 0; i < count && is_alive; ++i) {
            if (!ours.contains(nodes[i]) || table.is_whole(i, theirs)) {
                continue;
            }
            is_apart = true;
            if (edge_count_ < edges_max) {
                Edge& edge = edges_[edge_count_++];
                edge = Edge{};
                edge.ours = nodes[i];
                edge.theirs = nodes[theirs];
                edge.since = now;
                edge.ours_heard = table.hears(theirs, i) ? now : never;
                edge.theirs_heard = table.hears(i, theirs) ? now : never;
                edge.news_at = now;
            }
        }
        if (!nodes_.contains(nodes[theirs]) && nodes_.size() == Members::capacity) {
            forget(nodes_[0]);
        }
        const std::size_t had = nodes_.size();
        nodes_.insert(nodes[theirs]);
        const std::size_t at = *nodes_.index_of(nodes[theirs]);
        if (nodes_.size() != had) {
            std::copy_backward(outsiders_.begin() + static_cast<std::ptrdiff_t>(at),
                               outsiders_.begin() + static_cast<std::ptrdiff_t>(had),
                               outsiders_.begin() + static_cast<std::ptrdiff_t>(had) + 1);
            outsiders_[at] = Outsider{};
        }
        Outsider& outsider = outsiders_[at];
        const NodeId company = table.rows[theirs].company;
        outsider.group = company.is_valid() ? company : nodes[groups.of[theirs]];
        if (is_apart) {
            // Why the factor: a node that was well for long starts afresh.
            const bool is_again =
                outsider.last != never && now - outsider.last <= 8 * times_.quiet_max;
            outsider.times = is_again ? std::min(outsider.times + 1, 32U) : 1;
            outsider.last = now;
        }
    }
}

void Separation::hear(NodeId from, Instant now) {
    const NodeId group = group_of(from);
    for (std::size_t i = 0; i < edge_count_; ++i) {
        Edge& edge = edges_[i];
        if (group_of(edge.theirs) == group) {
            edge.news_at = now;
        }
        if (edge.theirs == from && edge.ours == self_) {
            edge.theirs_heard = now;
        }
    }
}

std::optional<std::pair<NodeId, NodeId>> Separation::tell(NodeId from,
                                                          const Members& nodes,
                                                          bool is_proof,
                                                          Instant now) {
    std::optional<std::pair<NodeId, NodeId>> mended;
    for (std::size_t at = edge_count_; at-- > 0;) {
        Edge& edge = edges_[at];
        if (edge.theirs != from && edge.ours != from) {
            continue;
        }
        if (edge.theirs == from && nodes.contains(edge.ours)) {
            edge.ours_heard = now;
        }
        if (edge.ours == from && nodes.contains(edge.theirs)) {
            edge.theirs_heard = now;
            edge.news_at = now;
        }
        if (!is_recent(edge.ours_heard, now) || !is_recent(edge.theirs_heard, now)) {
            edge.whole_since = never;
            continue;
        }
        if (edge.whole_since == never) {
            edge.whole_since = now;
        }
        if (is_proof || now - edge.whole_since >= quiet_of(edge.theirs)) {
            mended = {edge.ours, edge.theirs};
            told_.erase(edge.theirs);
            erase_edge(at);
        }
    }
    return mended;
}

bool Separation::holds_off(NodeId from, const Members& ours, Instant now) const {
    const NodeId group = group_of(from);
    return std::any_of(edges_.begin(),
                       edges_.begin() + static_cast<std::ptrdiff_t>(edge_count_),
                       [&](const Edge& edge) {
                           return is_live(edge, now) && group_of(edge.theirs) == group &&
                                  ours.contains(edge.ours);
                       });
}

bool Separation::holds_off(const Members& theirs, const Members& ours, Instant now) const {
    return std::any_of(edges_.begin(),
                       edges_.begin() + static_cast<std::ptrdiff_t>(edge_count_),
                       [&](const Edge& edge) {
                           return is_live(edge, now) && theirs.contains(edge.theirs) &&
                                  ours.contains(edge.ours);
                       });
}

std::optional<Separation::Broken> Separation::take_untold(NodeId from,
                                                          const Members& ours,
                                                          Instant now) {
    const NodeId group = group_of(from);
    for (std::size_t i = 0; i < edge_count_; ++i) {
        const Edge& edge = edges_[i];
        if (is_live(edge, now) && group_of(edge.theirs) == group && ours.contains(edge.ours) &&
            now - edge.since >= times_.recent && !told_.contains(edge.theirs)) {
            told_.insert(edge.theirs);
            return Broken{edge.ours, edge.theirs, is_recent(edge.theirs_heard, now)};
        }
    }
    return std::nullopt;
}

Members Separation::apart(bool of_all, Instant now) const {
    Members nodes;
    for (std::size_t i = 0; i < edge_count_; ++i) {
        if (!is_live(edges_[i], now)) {
            continue;
        }
        if (of_all || edges_[i].ours == self_) {
            nodes.insert(edges_[i].theirs);
        }
        if (of_all && edges_[i].ours != self_) {
            nodes.insert(edges_[i].ours);
        }
    }
    return nodes;
}

NodeId Separation::group_of(NodeId node) const {
    const auto at = nodes_.index_of(node);
    return at ? outsiders_[*at].group : node;
}

Duration Separation::quiet_of(NodeId node) const {
    const auto at = nodes_.index_of(node);
    if (!at || outsiders_[*at].times < 2) {
        return Duration::zero();
    }
    Duration quiet = times_.quiet;
    for (std::uint32_t i = 2; i < outsiders_[*at].times && quiet < times_.quiet_max; ++i) {
        quiet *= 2;
    }
    return std::min(quiet, times_.quiet_max);
}

void Separation::forget(NodeId theirs) {
    for (std::size_t at = edge_count_; at-- > 0;) {
        if (edges_[at].theirs == theirs) {
            erase_edge(at);
        }
    }
    told_.erase(theirs);
    const auto at = nodes_.index_of(theirs);
    if (at) {
        std::copy(outsiders_.begin() + static_cast<std::ptrdiff_t>(*at) + 1,
                  outsiders_.begin() + static_cast<std::ptrdiff_t>(nodes_.size()),
                  outsiders_.begin() + static_cast<std::ptrdiff_t>(*at));
        nodes_.erase(theirs);
    }
}

void Separation::erase_edge(std::size_t at) {
    edges_[at] = edges_[--edge_count_];
}

}  // namespace ais::totem
