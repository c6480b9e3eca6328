// SPDX-License-Identifier: BSD-3-Clause

#include "os/address.hpp"

#include "os/address_system.hpp"

#include <net/if.h>

#include <algorithm>
#include <cstring>

namespace ais::os {

Result<Address> resolve(Address address) {
    if (address.zone.empty()) {
        return address;
    }
    address.scope = ::if_nametoindex(address.zone.c_str());
    if (address.scope == 0) {
        return invalid("no interface '" + address.zone + "' on this host, named by the address " +
                       address.host_text());
    }
    address.zone.clear();
    return address;
}

std::size_t udp_payload_max(std::size_t netmtu, Family family) {
    constexpr std::size_t udp_header = 8;
    const std::size_t ip_header = family == Family::ipv6 ? 40 : 20;
    // The length fields have 16 bits; IPv6 does not count its own header there.
    const std::size_t limit = 65535 - udp_header - (family == Family::ipv6 ? 0 : ip_header);
    return netmtu <= ip_header + udp_header ? 0 : std::min(netmtu - ip_header - udp_header, limit);
}

socklen_t to_sockaddr(const Address& address, sockaddr_storage& out) {
    std::memset(&out, 0, sizeof out);
    if (address.family == Family::ipv4) {
        sockaddr_in in{};
        in.sin_family = AF_INET;
        in.sin_port = htons(address.port);
        std::memcpy(&in.sin_addr, address.bytes.data(), 4);
        std::memcpy(&out, &in, sizeof in);
        return sizeof in;
    }
    sockaddr_in6 in{};
    in.sin6_family = AF_INET6;
    in.sin6_port = htons(address.port);
    in.sin6_scope_id = address.scope;
    std::memcpy(&in.sin6_addr, address.bytes.data(), 16);
    std::memcpy(&out, &in, sizeof in);
    return sizeof in;
}

Address from_sockaddr(const sockaddr* from) {
    Address address;
    if (from == nullptr) {
        return address;
    }
    if (from->sa_family == AF_INET) {
        sockaddr_in in{};
        std::memcpy(&in, from, sizeof in);
        address.family = Family::ipv4;
        address.port = ntohs(in.sin_port);
        std::memcpy(address.bytes.data(), &in.sin_addr, 4);
    } else if (from->sa_family == AF_INET6) {
        sockaddr_in6 in{};
        std::memcpy(&in, from, sizeof in);
        address.family = Family::ipv6;
        address.port = ntohs(in.sin6_port);
        std::memcpy(address.bytes.data(), &in.sin6_addr, 16);
        address.scope = address.is_link_local() ? in.sin6_scope_id : 0;
    }
    return address;
}

}  // namespace ais::os
