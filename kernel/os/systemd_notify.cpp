// SPDX-License-Identifier: BSD-3-Clause

#include "os/systemd_notify.hpp"

#include "os/descriptor.hpp"

#include <sys/socket.h>
#include <sys/un.h>

#include <cstddef>
#include <cstdlib>
#include <cstring>

namespace ais::os {

bool systemd_notify(std::string_view state) {
    const char* const path = std::getenv("NOTIFY_SOCKET");
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    const std::size_t size = path == nullptr ? 0 : std::strlen(path);
    if (size < 2 || size >= sizeof address.sun_path || (path[0] != '/' && path[0] != '@')) {
        return false;
    }
    std::memcpy(address.sun_path, path, size);
    if (path[0] == '@') {
        address.sun_path[0] = '\0';  // an abstract name
    }
    const Descriptor socket(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    const auto length = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + size);
    return socket.is_open() && ::sendto(socket.get(),
                                        state.data(),
                                        state.size(),
                                        MSG_NOSIGNAL | MSG_DONTWAIT,
                                        reinterpret_cast<const sockaddr*>(&address),
                                        length) == static_cast<ssize_t>(state.size());
}

}  // namespace ais::os
