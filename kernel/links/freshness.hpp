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
//   - while the sender is a member of the ring: if it is the life that the ring was formed with,
//     and no other one.  A salt begins with the incarnation (links/stamp.hpp) that its node has
//     put into the commit token.  So neither a recording that came before the ring was formed nor
//     a restart that nobody has noticed is taken for the member.  Without a ring all speak to all,
//     and a silence means something again.
// A datagram that comes from where the node is thought to be needs none of
// this: learning the same address again changes nothing.
//
// One object per link.  Threads: none.  Allocates only when a node is heard for
// the first time.

#pragma once

#include "base/time.hpp"
#include "links/stamp.hpp"
#include "totem/types.hpp"

#include <array>
#include <vector>

namespace ais::links {

class Freshness {
  public:
    static constexpr Duration silence = std::chrono::seconds(1);
    // Limit: members and as many that come and go; then the longest silent one is forgotten.
    static constexpr std::size_t nodes_max = std::size_t{2} * AIS_NODES_MAX;

    // `stamp` is of a datagram that has been opened.
    [[nodiscard]] bool is_newest(Instant now, const Stamp& stamp);
    // A regular one was delivered.
    void on_configuration(const totem::Configuration& now) {
        members_ = now.members;
        incarnations_ = now.incarnations;
    }
    // There is no ring.
    void on_gathering() { members_ = {}; }

  private:
    struct Life {
        NodeId node;
        envelope::Salt boot{};
        std::uint64_t newest = 0;
        Instant heard;
    };
    Life* find(NodeId node);

    totem::Members members_;
    std::array<std::uint64_t, totem::Members::capacity> incarnations_{};  // as members_
    std::vector<Life> lives_;
    std::size_t last_ = 0;  // found last: a batch comes from one sender
};

}  // namespace ais::links
