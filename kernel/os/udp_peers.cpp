// SPDX-License-Identifier: BSD-3-Clause

#include "os/udp_peers.hpp"

#include <algorithm>

namespace ais::os {

UdpPeers::UdpPeers(NodeId self, const Address& own) : self_(self), own_(own) {
    peers_.reserve(peers_max);
}

const UdpPeers::Peer* UdpPeers::find(NodeId node) const {
    const auto at = std::find_if(
        peers_.begin(), peers_.end(), [&](const Peer& peer) { return peer.node == node; });
    return at == peers_.end() || !node.is_valid() ? nullptr : &*at;
}

const UdpPeers::Peer* UdpPeers::find_at(const Address& address) const {
    const auto at = std::find_if(
        peers_.begin(), peers_.end(), [&](const Peer& peer) { return peer.address == address; });
    return at == peers_.end() ? nullptr : &*at;
}

const UdpPeers::Peer* UdpPeers::find_host(const Address& address) const {
    const auto at = std::find_if(peers_.begin(), peers_.end(), [&](const Peer& peer) {
        return peer.address.same_host(address);
    });
    return at == peers_.end() ? nullptr : &*at;
}

UdpPeers::Peer* UdpPeers::find_address(const Address& address) {
    const auto at = std::find_if(
        peers_.begin(), peers_.end(), [&](const Peer& peer) { return peer.address == address; });
    return at == peers_.end() ? nullptr : &*at;
}

std::size_t UdpPeers::configured() const {
    return static_cast<std::size_t>(std::count_if(
        peers_.begin(), peers_.end(), [](const Peer& peer) { return peer.is_configured; }));
}

void UdpPeers::set_own(const Address& own) {
    own_ = own;
    std::erase_if(peers_, [&](const Peer& peer) { return peer.address == own_; });
}

void UdpPeers::forget_others(const std::vector<Address>& addresses, const totem::Members& members) {
    std::erase_if(peers_, [&](const Peer& peer) {
        return peer.is_configured && !members.contains(peer.node) &&
               std::find(addresses.begin(), addresses.end(), peer.address) == addresses.end();
    });
    for (Peer& peer : peers_) {
        peer.is_configured = false;
    }
}

bool UdpPeers::configure(NodeId node, const Address& address) {
    if (address == own_ || node == self_) {
        return true;
    }
    if (Peer* const there = find_address(address)) {
        there->is_configured = true;
        return true;
    }
    if (peers_.size() == peers_max) {
        return false;
    }
    // A node that is known elsewhere may still be, or come, here.
    peers_.push_back({find(node) == nullptr ? node : NodeId(), address, true, address.host_text()});
    return true;
}

bool UdpPeers::learn(NodeId node, const Address& address) {
    if (node == self_ || address == own_ || !node.is_valid() || !address.is_valid()) {
        return false;
    }
    auto* known = const_cast<Peer*>(find(node));
    if (known != nullptr && known->address == address) {
        return false;
    }
    if (known != nullptr) {
        // The node has moved.
        if (known->is_configured) {
            known->node = NodeId();
        } else {
            peers_.erase(peers_.begin() + (known - peers_.data()));
        }
    }
    if (Peer* there = find_address(address)) {
        there->node = node;
        return true;
    }
    if (peers_.size() == peers_max) {
        // Somebody learned and since replaced makes room: never a configured one.
        const auto old = std::find_if(
            peers_.begin(), peers_.end(), [](const Peer& peer) { return !peer.is_configured; });
        if (old == peers_.end()) {
            return false;
        }
        peers_.erase(old);
    }
    peers_.push_back({node, address, false, address.host_text()});
    return true;
}

}  // namespace ais::os
