// SPDX-License-Identifier: BSD-3-Clause
//
// sd_notify without libsystemd: one datagram to the socket that the service
// manager names in NOTIFY_SOCKET.  Does nothing where there is none.

#pragma once

#include <string_view>

namespace ais::os {

// "READY=1", "STOPPING=1", "STATUS=…", several divided by newlines.  False if
// nobody listens.
bool systemd_notify(std::string_view state);

}  // namespace ais::os
