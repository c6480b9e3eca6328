// SPDX-License-Identifier: BSD-3-Clause
//
// How many datagrams a visit of the token may send.
//
// All nodes together send at most a window per rotation, and under load each
// gets the share of it that its backlog is of all backlogs.  The token carries
// what was sent in the last rotation (fcc) and what waits (backlog); both
// contain our own part of our last visit, which is taken out before the rest
// is compared with the window.  (openais left it in, which cost up to a
// quarter of the window.)
//
// Shares are fractions.  What a node could not use of its share because a datagram is
// whole, it has at its next visit: with 64 nodes and a window of 128 a share of
// 1.99 would else be 1, and half of the window lost.
//
// Deviates: who has something to send may always send one datagram, so that n
// nodes may exceed the window by n - 1.
//
// A token that has to be sent again was perhaps lost behind the datagrams of its own visit, in a
// queue that they have overrun, and then it would be so at each visit, for the price of a timeout.
// So the node sends half as many on the next one, and a little more each time that it goes well.
// Deviates: neither the paper nor openais has that; they rely on a window that fits.
//
// Paper: TOCS 1995, section 4.5.  Threads: none.

#pragma once

#include "totem/packet.hpp"

namespace ais::totem {

class FlowControl {
  public:
    // A new ring.  `window` is what its members agreed on.
    // Requires: window > 0, max_messages > 0.
    void reset(std::uint32_t window, std::uint32_t max_messages);

    // Datagrams, retransmissions included, that this visit may send while
    // `backlog` wait here.  Once in a visit.
    [[nodiscard]] std::uint32_t allowed(const Token& token, std::uint64_t backlog);

    // Books what this visit sent, and what waits after it, into the token.
    void account(Token& token, std::uint32_t sent, std::uint64_t backlog);

    // The visit goes on (stay.cpp): how many more it may send, and how many it has sent since.
    [[nodiscard]] std::uint32_t more(const Token& token) const;
    void add(Token& token, std::uint32_t sent, std::uint64_t backlog);

    // The token of the last visit is sent again.
    void note_lost_token();

    [[nodiscard]] std::uint32_t window() const { return window_; }

  private:
    std::uint32_t window_ = 1;
    std::uint32_t max_messages_ = 1;
    std::uint32_t burst_max_ = 1;  // max_messages_ or less: what queues have let through
    std::uint32_t my_trc_ = 0;     // sent on the last visit
    std::uint32_t my_pbl_ = 0;     // backlog at the last visit
    std::uint64_t rest_ = 0;       // of our share, in 1/share_unit datagrams
};

}  // namespace ais::totem
