// SPDX-License-Identifier: BSD-3-Clause
//
// What a node knows in Gather of who hears whom: its own ears, and the rows
// that joins carry, first or second hand.
//
// A node counts as heard while its last join or merge detect is not older than the window, and so
// do rows: the dead leave the table by themselves.
//
// Threads: none.

#pragma once

#include "base/time.hpp"
#include "totem/packet.hpp"
#include "totem/reachability.hpp"

namespace ais::totem {

class Hearing {
  public:
    Hearing(NodeId self, Duration window) : self_(self), window_(window) {}

    void clear() { nodes_.clear(); }
    // A join or a merge detect of `from` has arrived.
    void hear(NodeId from, Instant now);
    // The rows of a join that has arrived, which is heard, too.
    void take(NodeId from, const Join& join, Instant now);
    // It has said goodbye.
    void forget(NodeId node);
    // Fills in the rows of a join whose sets are there; `ring` is our last one.
    void tell(Join& join, const RingId& ring, Instant now);

    // Who is heard beside `nodes`.
    [[nodiscard]] Members heard_beside(const Members& nodes, Duration lately, Instant now) const;
    // We hear all of `nodes`.
    [[nodiscard]] bool hears_all(const Members& nodes, Instant now) const;
    // Each of `nodes` but us has said that it hears all of them.
    [[nodiscard]] bool is_whole(const Members& nodes) const;
    // What was told within the window, or within `lately` if that is longer.
    [[nodiscard]] Reachability table(const Members& nodes,
                                     const RingId& ring,
                                     Duration lately,
                                     Instant now) const;

  private:
    static constexpr Instant never = Instant::min();
    struct Row {
        Instant at = never;
        RingId ring;
        NodeBits hears;  // places in nodes_
        NodeId company;  // see Reachability
    };

    // False if there is no room.
    bool include(const Members& nodes);
    [[nodiscard]] bool is_recent(Instant at, Instant now) const {
        return at != never && now - at <= window_;
    }
    [[nodiscard]] NodeBits own_row(Duration window, Instant now) const;
    // places[i]: where nodes[i] is in nodes_, or capacity.
    [[nodiscard]] std::array<std::size_t, Members::capacity> places_of(const Members& nodes) const;

    NodeId self_;
    Duration window_;
    Members nodes_;
    std::array<Instant, Members::capacity> heard_at_;
    std::array<Row, Members::capacity> rows_;
};

}  // namespace ais::totem
