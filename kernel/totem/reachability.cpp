// SPDX-License-Identifier: BSD-3-Clause
//
// The largest clique as the largest independent set of what is missing: nodes
// that miss nothing are in, and a node that misses most is first tried without.

#include "totem/reachability.hpp"

#include "base/assert.hpp"

#include <algorithm>

namespace ais::totem {

namespace {

class Search {
  public:
    explicit Search(const Reachability& table) : table_(table), count_(table.nodes.size()) {
        for (std::size_t a = 0; a < count_; ++a) {
            for (std::size_t b = a + 1; b < count_; ++b) {
                if (!table.is_whole(a, b)) {
                    missing_[a].set(b);
                    missing_[b].set(a);
                }
            }
        }
        find_common_ring();
    }

    // The best group among `open`, which is not empty.
    NodeBits best_of(NodeBits open) {
        NodeBits group;
        while (open.any()) {
            const NodeBits piece = piece_of(open);
            open &= ~piece;
            best_.reset();
            explore(piece, NodeBits());
            group |= best_;
        }
        return group;
    }

  private:
    // The ring that most come from; of several the oldest.
    void find_common_ring() {
        std::size_t most = 0;
        RingId common;
        for (std::size_t i = 0; i < count_; ++i) {
            const RingId& ring = table_.rows[i].ring;
            if (!table_.rows[i].is_known || !ring.is_valid()) {
                continue;
            }
            NodeBits together;
            for (std::size_t j = 0; j < count_; ++j) {
                together[j] = table_.rows[j].is_known && table_.rows[j].ring == ring;
            }
            if (together.count() > most || (together.count() == most && ring < common)) {
                most = together.count();
                common = ring;
                from_common_ring_ = together;
            }
        }
    }

    // The nodes that hang together by missing edges with the first of `open`: what is chosen in
    // one piece does not matter to another.
    NodeBits piece_of(const NodeBits& open) const {
        NodeBits piece;
        piece.set(first_of(open));
        for (bool grows = true; grows;) {
            grows = false;
            for (std::size_t i = 0; i < count_; ++i) {
                if (piece[i]) {
                    const NodeBits more = missing_[i] & open & ~piece;
                    grows = grows || more.any();
                    piece |= more;
                }
            }
        }
        return piece;
    }

    void explore(NodeBits open, NodeBits chosen) {
        if (best_.any() && steps_ >= separation_steps_max) {
            return;
        }
        ++steps_;
        std::size_t hub = count_;
        std::size_t most = 0;
        for (std::size_t i = 0; i < count_; ++i) {
            if (!open[i]) {
                continue;
            }
            const std::size_t missing = (missing_[i] & open).count();
            if (missing == 0) {
                chosen.set(i);
                open.reset(i);
            } else if (missing >= most) {
                most = missing;
                hub = i;
            }
        }
        if (open.none()) {
            if (best_.none() || is_better(chosen, best_)) {
                best_ = chosen;
            }
            return;
        }
        if (best_.any() && chosen.count() + open.count() - pairs_in(open) < best_.count()) {
            return;
        }
        open.reset(hub);
        explore(open, chosen);
        chosen.set(hub);
        explore(open & ~missing_[hub], chosen);
    }

    // Of each of these pairs one must go.
    std::size_t pairs_in(NodeBits open) const {
        std::size_t pairs = 0;
        for (std::size_t i = 0; i < count_; ++i) {
            if (!open[i]) {
                continue;
            }
            open.reset(i);
            const NodeBits partners = missing_[i] & open;
            if (partners.any()) {
                open.reset(first_of(partners));
                ++pairs;
            }
        }
        return pairs;
    }

    bool is_better(const NodeBits& a, const NodeBits& b) const {
        if (a.count() != b.count()) {
            return a.count() > b.count();
        }
        const std::size_t a_stays = (a & from_common_ring_).count();
        const std::size_t b_stays = (b & from_common_ring_).count();
        if (a_stays != b_stays) {
            return a_stays > b_stays;
        }
        const NodeBits differ = a ^ b;
        return differ.any() && a[first_of(differ)];
    }

    static std::size_t first_of(const NodeBits& bits) {
        std::size_t at = 0;
        while (at < bits.size() && !bits[at]) {
            ++at;
        }
        AIS_ASSERT(at < bits.size());
        return at;
    }

    const Reachability& table_;
    std::size_t count_;
    std::array<NodeBits, Members::capacity> missing_;
    NodeBits from_common_ring_;
    NodeBits best_;
    std::size_t steps_ = 0;
};

}  // namespace

Members Groups::members_of(const Members& nodes, std::size_t place) const {
    Members group;
    for (std::size_t i = 0; i < nodes.size(); ++i) {
        if (of[i] == of[place]) {
            group.insert(nodes[i]);
        }
    }
    return group;
}

Groups separate(const Reachability& table) {
    Groups groups;
    NodeBits open;
    for (std::size_t i = 0; i < table.nodes.size(); ++i) {
        groups.of[i] = static_cast<std::uint8_t>(i);
        open[i] = table.rows[i].is_known;
    }
    Search search(table);
    while (open.any()) {
        const NodeBits group = search.best_of(open);
        AIS_ASSERT(group.any());
        std::size_t lowest = table.nodes.size();
        for (std::size_t i = table.nodes.size(); i-- > 0;) {
            lowest = group[i] ? i : lowest;
        }
        for (std::size_t i = 0; i < table.nodes.size(); ++i) {
            if (group[i]) {
                groups.of[i] = static_cast<std::uint8_t>(lowest);
            }
        }
        open &= ~group;
    }
    return groups;
}

}  // namespace ais::totem
