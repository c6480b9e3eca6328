// SPDX-License-Identifier: BSD-3-Clause
//
// One UDP socket, bound and with all its options.  See udp.hpp for the roles.

#pragma once

#include "os/address.hpp"
#include "os/descriptor.hpp"

#include <ais/result.hpp>

#include <cstdint>
#include <optional>

namespace ais::os {

struct UdpSocketConfig {
    Address bind;  // with port; the group's for a group socket
    std::uint32_t interface_index = 0;
    std::optional<Address>
        group;  // multicasts are sent (unicast socket) or received (group socket)
    bool is_group_socket = false;
    bool is_control = false;
    bool receive_offload = false;
    std::size_t receive_buffer = 0;
    std::size_t send_buffer = 0;
    std::uint8_t multicast_ttl = 1;
    std::uint8_t dscp = 0;
};

struct UdpSocket {
    Descriptor fd;
    std::size_t receive_room = 0;  // payload bytes, see UdpTransport::receive_room
    std::size_t send_room = 0;
    bool receives_offloaded = false;
};

Result<UdpSocket> open_udp_socket(const UdpSocketConfig& config);

// Whether this host gets copies of the multicasts that the socket sends.
void set_multicast_loop(const Descriptor& fd, Family family, bool on);

}  // namespace ais::os
