// SPDX-License-Identifier: BSD-3-Clause
//
// What the network says about datagrams that we sent: ICMP messages, by the
// error queue of a socket (IP_RECVERR, IPV6_RECVERR).
//
// A socket with this option also fails one later call for each message, which
// UdpSender repeats and UdpSlots overlooks.  Not authenticated: hints, no more.

#pragma once

#include "os/address.hpp"
#include "os/descriptor.hpp"

#include <optional>

namespace ais::os {

struct UdpError {
    Address to;  // where the datagram should have gone
    int error = 0;
    bool is_refused = false;  // nobody listens on the port
};

// False if the system does not have it.
bool enable_udp_errors(const Descriptor& fd, Family family);
// The next message; nothing: no more, or what is there is about something else.
[[nodiscard]] std::optional<UdpError> take_udp_error(int fd);
// Is `error` one that a message leaves behind for the next call on the socket?
[[nodiscard]] bool may_be_left_behind(int error);

}  // namespace ais::os
