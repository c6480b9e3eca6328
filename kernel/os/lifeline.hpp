// SPDX-License-Identifier: BSD-3-Clause
//
// Lifelines: a TCP connection to each member of the ring, over which nothing is
// ever sent.  When a process ends, however it ends, its system closes the
// connection, and the peers learn of it in one network delay, also on a ring
// that is idle.  It costs nothing meanwhile: no packet, no wake-up.
//
// Each node connects to all others, so that nobody has to find out who is
// calling: a connection that we made tells about the peer we made it to; one that
// we accepted is only kept open.  What is told is a hint, not proof
// (docs/protocol/detection.md): nothing here is authenticated.
//
// Bounds: connections are accepted from hosts of known peers only, at most two per
// member; bytes that come in end the connection.  If a lifeline cannot be had
// (a firewall), detection is that of a silent node; it is tried again, seldom.
//
// Threads: the loop's.

#pragma once

#include "base/timers.hpp"
#include "base/watcher.hpp"
#include "os/address.hpp"
#include "totem/members.hpp"

#include <ais/result.hpp>

#include <functional>
#include <memory>
#include <optional>

namespace ais::os {

class Lifelines {
  public:
    // Where a peer is: the address of its control channel; nothing: unknown.
    using Where = std::function<std::optional<Address>(NodeId)>;
    // Is there a peer on this host?  The port is the caller's own.
    using IsKnown = std::function<bool(const Address&)>;
    // The lifeline of a member has ended.
    using Ended = std::function<void(NodeId)>;

    // Watcher and timers outlive it.
    Lifelines(
        NodeId self, Watcher& watcher, Timers& timers, Where where, IsKnown is_known, Ended ended);
    ~Lifelines();
    Lifelines(const Lifelines&) = delete;
    Lifelines& operator=(const Lifelines&) = delete;

    // Listen at `own`, the address of our control channel.  Again after it has changed:
    // everything begins anew.
    Result<void> open(const Address& own);
    // Hold a lifeline to each of these, and to nobody else.
    void keep(const totem::Members& members);

    [[nodiscard]] std::size_t held() const;      // made by us, as far as we know
    [[nodiscard]] std::size_t accepted() const;  // made by others

  private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

}  // namespace ais::os
