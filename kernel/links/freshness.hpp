// SPDX-License-Identifier: BSD-3-Clause
//
// Is this the newest that a node has said?  Only then may the place it came
// from become the node's address.
//
// Why: whoever records datagrams can send one again that we have not heard (we
// were not there, or have restarted).  It is authentic and opens once.  Totem
// drops what it says; this class keeps it from leading our tokens astray.
//
// Within one life of a sender counters grow, so the highest is the newest.
// Lives have no order.  Another life than the one we know is believed
//   - at once, if the sender is no member of the ring and has been silent for
//     `silence` (it restarted, or moved);
//   - never, while the sender is a member of the ring and there is one: a member that restarted
//     is left out first, and its address counts as soon as it is.  Without a ring all speak to all,
//     so a silence means something again: who restarted so fast that the life before was
//     still believed when the ring was formed would else be doubted for ever.
// A datagram that comes from where the node is thought to be needs none of
// this: learning the same address again changes nothing.
//
// One object per link.  Threads: none.  Allocates only when a node is heard for
// the first time.

#pragma once

#include "base/time.hpp"
#include "links/stamp.hpp"
#include "totem/members.hpp"

#include <vector>

namespace ais::links {

class Freshness {
  public:
    static constexpr Duration silence = std::chrono::seconds(1);
    // Limit: members and as many that come and go; then the longest silent one is forgotten.
    static constexpr std::size_t nodes_max = std::size_t{2} * AIS_NODES_MAX;

    // `stamp` is of a datagram that has been opened.
    [[nodiscard]] bool is_newest(Instant now, const Stamp& stamp);
    // Of the ring; none while there is no ring.
    void on_members(const totem::Members& members) { members_ = members; }

  private:
    struct Life {
        NodeId node;
        envelope::Salt boot{};
        std::uint64_t newest = 0;
        Instant heard;
    };
    Life* find(NodeId node);

    totem::Members members_;
    std::vector<Life> lives_;
    std::size_t last_ = 0;  // found last: a batch comes from one sender
};

}  // namespace ais::links
