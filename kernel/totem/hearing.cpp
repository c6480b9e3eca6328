// SPDX-License-Identifier: BSD-3-Clause

#include "totem/hearing.hpp"

#include "base/assert.hpp"

#include <algorithm>

namespace ais::totem {

namespace {

NodeBits translate(const NodeBits& bits,
                   std::size_t count,
                   const std::array<std::size_t, Members::capacity>& places) {
    NodeBits to;
    for (std::size_t i = 0; i < count; ++i) {
        if (bits[i] && places[i] < Members::capacity) {
            to.set(places[i]);
        }
    }
    return to;
}

}  // namespace

void Hearing::hear(NodeId from, Instant now) {
    if (include(Members{from})) {
        heard_at_[*nodes_.index_of(from)] = now;
    }
}

void Hearing::take(NodeId from, const Join& join, Instant now) {
    hear(from, now);
    if (!include(join.processors)) {
        return;
    }
    const auto places = places_of(join.processors);
    const std::size_t count = join.processors.size();
    const bool is_same = join.processors == nodes_;
    const Members company = join.processors.without(join.failed);
    if (!company.empty() && !company.contains(self_)) {
        for (const NodeId node : company) {
            rows_[*nodes_.index_of(node)].company = company.lowest();
        }
    }
    for (std::size_t i = 0; i < count; ++i) {
        const NodeId node = join.processors[i];
        const HearingRows::Row& told = join.hearing.rows[i];
        Row& row = rows_[places[i]];
        if (node == from && !join.hearing.is_there) {
            row.at = now;
            row.ring = RingId{};
            row.hears.set();
            continue;
        }
        const Instant at = now - std::chrono::milliseconds(told.age_ms);
        if (!told.is_there || node == self_ || (row.at != never && at <= row.at)) {
            continue;
        }
        row.at = at;
        row.ring = told.ring;
        row.hears = is_same ? told.hears : translate(told.hears, count, places);
    }
}

void Hearing::forget(NodeId node) {
    if (const auto at = nodes_.index_of(node)) {
        heard_at_[*at] = never;
        rows_[*at] = Row{};
    }
}

Members Hearing::heard_beside(const Members& nodes, Duration lately, Instant now) const {
    Members heard;
    for (std::size_t i = 0; i < nodes_.size(); ++i) {
        if (heard_at_[i] != never && now - heard_at_[i] <= lately && nodes_[i] != self_ &&
            !nodes.contains(nodes_[i])) {
            heard.insert(nodes_[i]);
        }
    }
    return heard;
}

void Hearing::tell(Join& join, const RingId& ring, Instant now) {
    join.hearing.is_there = true;
    if (!include(join.processors)) {
        clear();  // too many have been here: those of now are what counts
        include(join.processors);
    }
    const auto places = places_of(join.processors);
    // The other way round.
    std::array<std::size_t, Members::capacity> back;
    back.fill(Members::capacity);
    const std::size_t count = join.processors.size();
    for (std::size_t i = 0; i < count; ++i) {
        if (places[i] < Members::capacity) {
            back[places[i]] = i;
        }
    }
    const bool is_same = join.processors == nodes_;
    for (std::size_t i = 0; i < count; ++i) {
        HearingRows::Row& told = join.hearing.rows[i];
        const bool is_own = join.processors[i] == self_;
        if (places[i] == Members::capacity || (!is_own && !is_recent(rows_[places[i]].at, now))) {
            continue;
        }
        const Row& row = rows_[places[i]];
        const NodeBits hears = is_own ? own_row(window_, now) : row.hears;
        told.is_there = true;
        told.ring = is_own ? ring : row.ring;
        told.age_ms = is_own ? 0
                             : static_cast<std::uint16_t>(
                                   std::clamp<std::int64_t>(to_ms(now - row.at), 0, 65535));
        told.hears = is_same ? hears : translate(hears, nodes_.size(), back);
    }
}

bool Hearing::hears_all(const Members& nodes, Instant now) const {
    return std::all_of(nodes.begin(), nodes.end(), [&](NodeId node) {
        const auto at = nodes_.index_of(node);
        return node == self_ || (at && is_recent(heard_at_[*at], now));
    });
}

bool Hearing::is_whole(const Members& nodes) const {
    NodeBits all;
    for (const NodeId node : nodes) {
        const auto at = nodes_.index_of(node);
        if (!at) {
            return nodes == Members{self_};
        }
        all.set(*at);
    }
    return std::all_of(nodes.begin(), nodes.end(), [&](NodeId node) {
        const Row& row = rows_[*nodes_.index_of(node)];
        return node == self_ || (row.at != never && (row.hears & all) == all);
    });
}

Reachability Hearing::table(const Members& nodes,
                            const RingId& ring,
                            Duration lately,
                            Instant now) const {
    const Duration window = std::max(lately, window_);
    Reachability table;
    table.nodes = nodes;
    const auto places = places_of(nodes);
    const NodeBits own = own_row(window, now);
    for (std::size_t i = 0; i < nodes.size(); ++i) {
        Reachability::Row& row = table.rows[i];
        const bool is_own = nodes[i] == self_;
        if (places[i] < Members::capacity) {
            row.company = rows_[places[i]].company;
        }
        if (!is_own && (places[i] == Members::capacity || rows_[places[i]].at == never ||
                        now - rows_[places[i]].at > window)) {
            continue;
        }
        row.is_known = true;
        row.ring = is_own ? ring : rows_[places[i]].ring;
        const NodeBits& hears = is_own ? own : rows_[places[i]].hears;
        for (std::size_t j = 0; j < nodes.size(); ++j) {
            row.hears[j] = j == i || (places[j] < Members::capacity && hears[places[j]]);
        }
    }
    return table;
}

bool Hearing::include(const Members& nodes) {
    if (nodes.is_subset_of(nodes_)) {
        return true;
    }
    Members all = nodes_;
    if (!all.merge(nodes)) {
        return false;
    }
    std::array<Instant, Members::capacity> heard_at;
    std::array<Row, Members::capacity> rows;
    heard_at.fill(never);
    std::array<std::size_t, Members::capacity> places{};
    for (std::size_t i = 0; i < nodes_.size(); ++i) {
        places[i] = *all.index_of(nodes_[i]);
    }
    for (std::size_t i = 0; i < nodes_.size(); ++i) {
        heard_at[places[i]] = heard_at_[i];
        rows[places[i]] = rows_[i];
        rows[places[i]].hears = translate(rows_[i].hears, nodes_.size(), places);
    }
    nodes_ = all;
    heard_at_ = heard_at;
    rows_ = rows;
    return true;
}

NodeBits Hearing::own_row(Duration window, Instant now) const {
    NodeBits hears;
    for (std::size_t i = 0; i < nodes_.size(); ++i) {
        hears[i] = nodes_[i] == self_ || (heard_at_[i] != never && now - heard_at_[i] <= window);
    }
    return hears;
}

std::array<std::size_t, Members::capacity> Hearing::places_of(const Members& nodes) const {
    std::array<std::size_t, Members::capacity> places;
    places.fill(Members::capacity);
    for (std::size_t i = 0; i < nodes.size(); ++i) {
        places[i] = nodes_.index_of(nodes[i]).value_or(Members::capacity);
    }
    return places;
}

}  // namespace ais::totem
