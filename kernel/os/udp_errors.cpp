// SPDX-License-Identifier: BSD-3-Clause

#include "os/udp_errors.hpp"

#include "os/address_system.hpp"

#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include <linux/errqueue.h>

#include <array>
#include <cerrno>
#include <cstring>

namespace ais::os {

bool enable_udp_errors(const Descriptor& fd, Family family) {
    const int on = 1;
    return family == Family::ipv4
               ? ::setsockopt(fd.get(), IPPROTO_IP, IP_RECVERR, &on, sizeof on) == 0
               : ::setsockopt(fd.get(), IPPROTO_IPV6, IPV6_RECVERR, &on, sizeof on) == 0;
}

bool may_be_left_behind(int error) {
    return error == ECONNREFUSED || error == EHOSTUNREACH || error == ENETUNREACH ||
           error == EHOSTDOWN || error == EACCES || error == ENOPROTOOPT || error == EPROTO ||
           error == EOPNOTSUPP;
}

std::optional<UdpError> take_udp_error(int fd) {
    // Limit: messages about other things that are passed over.
    for (int i = 0; i < 64; ++i) {
        sockaddr_storage to{};
        std::array<char, 64> start{};  // of our datagram; nobody needs it
        alignas(cmsghdr) std::array<char, 512> control{};
        iovec part{start.data(), start.size()};
        msghdr header{};
        header.msg_name = &to;
        header.msg_namelen = sizeof to;
        header.msg_iov = &part;
        header.msg_iovlen = 1;
        header.msg_control = control.data();
        header.msg_controllen = control.size();
        if (::recvmsg(fd, &header, MSG_ERRQUEUE | MSG_DONTWAIT) < 0) {
            return std::nullopt;
        }
        for (cmsghdr* at = CMSG_FIRSTHDR(&header); at != nullptr; at = CMSG_NXTHDR(&header, at)) {
            const bool is_ipv4 = at->cmsg_level == IPPROTO_IP && at->cmsg_type == IP_RECVERR;
            const bool is_ipv6 = at->cmsg_level == IPPROTO_IPV6 && at->cmsg_type == IPV6_RECVERR;
            if ((!is_ipv4 && !is_ipv6) || at->cmsg_len < CMSG_LEN(sizeof(sock_extended_err))) {
                continue;
            }
            sock_extended_err error{};
            std::memcpy(&error, CMSG_DATA(at), sizeof error);
            UdpError found;
            found.to = from_sockaddr(reinterpret_cast<const sockaddr*>(&to));
            found.error = static_cast<int>(error.ee_errno);
            found.is_refused = error.ee_errno == ECONNREFUSED;
            if (found.to.is_valid()) {
                return found;
            }
        }
    }
    return std::nullopt;
}

}  // namespace ais::os
