// SPDX-License-Identifier: BSD-3-Clause
//
// What only this host knows about an address (base/address.hpp).  address_system.hpp turns it into
// what the socket calls take.

#pragma once

#include "base/address.hpp"

#include <ais/result.hpp>

namespace ais::os {

// The zone becomes the index of the interface of that name, if there is one.
Result<Address> resolve(Address address);

// Bytes of datagram that fit a packet of `netmtu` bytes: without IP and UDP
// headers, and at most what UDP can carry.  0 if netmtu is smaller than those.
[[nodiscard]] std::size_t udp_payload_max(std::size_t netmtu, Family family);

}  // namespace ais::os
