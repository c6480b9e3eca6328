// SPDX-License-Identifier: BSD-3-Clause
//
// Who can be reached where: configured addresses and those learned from
// authenticated datagrams.
//
// Invariants:
//   1. At most one entry per node and per address.
//   2. Our own address is never in it.
//   3. A configured address is never forgotten: when its node moves away, it
//      stays as a place where somebody may be.
//
// Pure; the ports of the two channels follow from one: control is data - 1.

#pragma once

#include "base/node_id.hpp"
#include "os/address.hpp"
#include "totem/members.hpp"

#include <cstddef>
#include <string>
#include <vector>

namespace ais::os {

class UdpPeers {
  public:
    // Limit: a ring has at most AIS_NODES_MAX members; twice as many addresses
    // may be configured for nodes that come and go.
    static constexpr std::size_t peers_max = std::size_t{2} * AIS_NODES_MAX;

    struct Peer {
        NodeId node;      // invalid until heard
        Address address;  // of the data channel
        bool is_configured = false;
        std::string host;  // for logs
    };

    // Requires: the address of `own` has its data port.
    UdpPeers(NodeId self, const Address& own);

    // False if the list is full.
    bool configure(NodeId node, const Address& address);
    // Our own address is another one now.
    void set_own(const Address& own);
    // The list was read again: who is not in it is forgotten, if learning or `members` do not
    // speak for it.  What is left is not configured until configure() says so again.
    void forget_others(const std::vector<Address>& addresses, const totem::Members& members);
    // `address` of the data channel.  True if something changed.
    bool learn(NodeId node, const Address& address);

    [[nodiscard]] const Peer* find(NodeId node) const;
    // Who is at this address of the data channel; or at least on this host.
    [[nodiscard]] const Peer* find_at(const Address& address) const;
    [[nodiscard]] const Peer* find_host(const Address& address) const;
    [[nodiscard]] const std::vector<Peer>& all() const { return peers_; }
    [[nodiscard]] std::size_t configured() const;

  private:
    Peer* find_address(const Address& address);

    NodeId self_;
    Address own_;
    std::vector<Peer> peers_;
};

}  // namespace ais::os
