// SPDX-License-Identifier: BSD-3-Clause

#include "os/udp_socket.hpp"

#include "os/address_system.hpp"
#include "os/udp_errors.hpp"

#include <netinet/in.h>
#include <netinet/udp.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <cstring>

// Older C libraries do not have these; the numbers are the kernel's ABI.
#ifndef UDP_GRO
#define UDP_GRO 104
#endif
#ifndef IPV6_MULTICAST_ALL
#define IPV6_MULTICAST_ALL 29
#endif

namespace ais::os {
namespace {

bool set(const Descriptor& fd, int level, int option, int value) {
    return ::setsockopt(fd.get(), level, option, &value, sizeof value) == 0;
}

// With the privilege to exceed the system's limit, else up to it.  Gives what
// was granted: the kernel doubles the number for its own bookkeeping.
std::size_t set_buffer(const Descriptor& fd, int forced, int ordinary, std::size_t bytes) {
    const int wish = static_cast<int>(std::min<std::size_t>(bytes, INT_MAX / 2));
    if (!set(fd, SOL_SOCKET, forced, wish)) {
        set(fd, SOL_SOCKET, ordinary, wish);
    }
    int got = 0;
    socklen_t size = sizeof got;
    ::getsockopt(fd.get(), SOL_SOCKET, ordinary, &got, &size);
    return static_cast<std::size_t>(got) / 2;
}

Error because(const std::string& what, int error) {
    std::string remedy;
    if (error == EADDRINUSE) {
        remedy = ": another executive, or another program, uses this address and port";
    } else if (error == EADDRNOTAVAIL) {
        remedy = ": this host has no such address";
    } else if (error == EACCES) {
        remedy = ": only root may use ports below 1024";
    }
    return failed(what + ": " + std::strerror(error) + remedy);
}

Result<void> join(const Descriptor& fd, const UdpSocketConfig& config) {
    int done = 0;
    if (config.group->family == Family::ipv4) {
        ip_mreqn request{};
        std::memcpy(&request.imr_multiaddr, config.group->bytes.data(), 4);
        request.imr_ifindex = static_cast<int>(config.interface_index);
        // Only what came in by our interface, not whatever the host has joined.
        set(fd, IPPROTO_IP, IP_MULTICAST_ALL, 0);
        done = ::setsockopt(fd.get(), IPPROTO_IP, IP_ADD_MEMBERSHIP, &request, sizeof request);
    } else {
        ipv6_mreq request{};
        std::memcpy(&request.ipv6mr_multiaddr, config.group->bytes.data(), 16);
        request.ipv6mr_interface = config.interface_index;
        set(fd, IPPROTO_IPV6, IPV6_MULTICAST_ALL, 0);
        done = ::setsockopt(fd.get(), IPPROTO_IPV6, IPV6_JOIN_GROUP, &request, sizeof request);
    }
    if (done != 0) {
        return because("cannot join the multicast group " + config.group->host_text(), errno);
    }
    return {};
}

Result<void> prepare_multicast(const Descriptor& fd, const UdpSocketConfig& config) {
    int done = 0;
    if (config.group->family == Family::ipv4) {
        ip_mreqn request{};
        std::memcpy(&request.imr_address, config.bind.bytes.data(), 4);
        request.imr_ifindex = static_cast<int>(config.interface_index);
        done = ::setsockopt(fd.get(), IPPROTO_IP, IP_MULTICAST_IF, &request, sizeof request);
        set(fd, IPPROTO_IP, IP_MULTICAST_TTL, config.multicast_ttl);
    } else {
        const int index = static_cast<int>(config.interface_index);
        done = ::setsockopt(fd.get(), IPPROTO_IPV6, IPV6_MULTICAST_IF, &index, sizeof index);
        set(fd, IPPROTO_IPV6, IPV6_MULTICAST_HOPS, config.multicast_ttl);
    }
    if (done != 0) {
        return because("cannot multicast from " + config.bind.host_text(), errno);
    }
    set_multicast_loop(fd, config.group->family, config.is_control);
    return {};
}

}  // namespace

void set_multicast_loop(const Descriptor& fd, Family family, bool on) {
    if (family == Family::ipv4) {
        set(fd, IPPROTO_IP, IP_MULTICAST_LOOP, on ? 1 : 0);
    } else {
        set(fd, IPPROTO_IPV6, IPV6_MULTICAST_LOOP, on ? 1 : 0);
    }
}

Result<UdpSocket> open_udp_socket(const UdpSocketConfig& config) {
    const bool is_ipv4 = config.bind.family == Family::ipv4;
    UdpSocket socket;
    socket.fd = Descriptor(
        ::socket(is_ipv4 ? AF_INET : AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    const Descriptor& fd = socket.fd;
    if (!fd.is_open()) {
        return because("cannot open an " + std::string(name_of(config.bind.family)) + " socket",
                       errno);
    }
    socket.receive_room = set_buffer(fd, SO_RCVBUFFORCE, SO_RCVBUF, config.receive_buffer);
    socket.send_room = set_buffer(fd, SO_SNDBUFFORCE, SO_SNDBUF, config.send_buffer);
    set(fd, SOL_SOCKET, SO_RXQ_OVFL, 1);
    // PROBE: never fragmented, and not shrunk by forged ICMP either.  OMIT, for
    // control that outgrows the mtu: fragmented to the interface's mtu, whatever ICMP says.
    if (is_ipv4) {
        set(fd,
            IPPROTO_IP,
            IP_MTU_DISCOVER,
            config.is_control ? IP_PMTUDISC_OMIT : IP_PMTUDISC_PROBE);
    } else {
        set(fd, IPPROTO_IPV6, IPV6_V6ONLY, 1);
        set(fd,
            IPPROTO_IPV6,
            IPV6_MTU_DISCOVER,
            config.is_control ? IPV6_PMTUDISC_OMIT : IPV6_PMTUDISC_PROBE);
    }
    if (config.is_control) {
        // Class selector 6 on the wire, the queue for control in this host.
        const int traffic_class = config.dscp << 2;
        if (is_ipv4) {
            set(fd, IPPROTO_IP, IP_TOS, traffic_class);
        } else {
            set(fd, IPPROTO_IPV6, IPV6_TCLASS, traffic_class);
        }
        set(fd, SOL_SOCKET, SO_PRIORITY, 6);
        // Why only here: an error fails the next call, and data comes in batches; a token
        // follows soon enough.
        if (!config.is_group_socket) {
            enable_udp_errors(fd, config.bind.family);
        }
    }
    if (config.is_group_socket) {
        set(fd, SOL_SOCKET, SO_REUSEADDR, 1);  // several nodes on one host
    }
    sockaddr_storage name{};
    const socklen_t size = to_sockaddr(config.bind, name);
    if (::bind(fd.get(), reinterpret_cast<const sockaddr*>(&name), size) != 0) {
        return because("cannot bind to " + config.bind.text(), errno);
    }
    if (config.group) {
        auto ready = config.is_group_socket ? join(fd, config) : prepare_multicast(fd, config);
        if (!ready) {
            return ready.error();
        }
    }
    socket.receives_offloaded = config.receive_offload && set(fd, IPPROTO_UDP, UDP_GRO, 1);
    return socket;
}

}  // namespace ais::os
