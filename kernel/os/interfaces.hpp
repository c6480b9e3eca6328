// SPDX-License-Identifier: BSD-3-Clause
//
// bindnetaddr: from what openais.conf says to one local address.
//
// `bindnetaddr` is an address of this host, or of the network that one of its
// addresses is in (so that all nodes can have the same file).  Several matches:
// the exact address wins, then the longest prefix, then the first.  Any address
// of 127.0.0.0/8 is one of this host's, so 127.0.0.3 stays 127.0.0.3: that is how
// several nodes live on one host.
//
// Choosing is pure (a list in, a choice out); only list_interfaces asks the host.

#pragma once

#include "base/node_id.hpp"
#include "os/address.hpp"

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace ais::os {

// One address of one interface.
struct Interface {
    std::string name;
    std::uint32_t index = 0;
    Address address;  // port 0
    unsigned prefix = 0;
    bool is_up = false;
    bool has_carrier = true;  // false: up, but the cable is out
    bool can_multicast = false;
    std::size_t mtu = 0;  // 0: unknown
};

Result<std::vector<Interface>> list_interfaces();

// Requires: bindnetaddr is valid.  The error lists the addresses of the host.
Result<Interface> choose_interface(const Address& bindnetaddr, const std::vector<Interface>& host);

// "lo 127.0.0.1/8, eth0 10.1.2.3/24 (down)"
[[nodiscard]] std::string describe(const std::vector<Interface>& host);

// Addresses with the key they come from ("totem.interface.mcastaddr"): an error
// that names two of them if they are not of one family.
Result<void> check_same_family(const std::vector<std::pair<std::string_view, Address>>& named);

// The identity that openais gave an IPv4 node without `nodeid`: the address as
// a number, the first octet highest.  None for IPv6 and 0.0.0.0.
[[nodiscard]] std::optional<NodeId> node_id_from(const Address& address);

}  // namespace ais::os
