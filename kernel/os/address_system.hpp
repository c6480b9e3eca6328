// SPDX-License-Identifier: BSD-3-Clause
//
// Address to sockaddr and back, for the .cpp files of this folder.

#pragma once

#include "os/address.hpp"

#include <netinet/in.h>
#include <sys/socket.h>

namespace ais::os {

// Ensures: the length that the socket calls want.
socklen_t to_sockaddr(const Address& address, sockaddr_storage& out);
// Family::none for anything but IPv4 and IPv6.
[[nodiscard]] Address from_sockaddr(const sockaddr* from);

}  // namespace ais::os
