// SPDX-License-Identifier: BSD-3-Clause

#include "os/address.hpp"

#include "os/address_system.hpp"

#include <arpa/inet.h>
#include <net/if.h>

#include <algorithm>
#include <cstring>

namespace ais::os {

std::string_view name_of(Family family) {
    switch (family) {
        case Family::ipv4:
            return "IPv4";
        case Family::ipv6:
            return "IPv6";
        case Family::none:
            break;
    }
    return "no address";
}

bool Address::is_multicast() const {
    return (family == Family::ipv4 && (bytes[0] & 0xf0U) == 0xe0) ||
           (family == Family::ipv6 && bytes[0] == 0xff);
}

bool Address::is_loopback() const {
    if (family == Family::ipv4) {
        return bytes[0] == 127;
    }
    Address one;
    one.bytes[15] = 1;
    return family == Family::ipv6 && bytes == one.bytes;
}

bool Address::is_any() const {
    return is_valid() &&
           std::all_of(bytes.begin(), bytes.end(), [](std::uint8_t byte) { return byte == 0; });
}

bool Address::is_link_local() const {
    return family == Family::ipv6 && ((bytes[0] == 0xfe && (bytes[1] & 0xc0U) == 0x80) ||
                                      (bytes[0] == 0xff && (bytes[1] & 0x0fU) <= 2));
}

bool Address::same_host(const Address& other) const {
    return family == other.family && bytes == other.bytes && scope == other.scope;
}

Address Address::with_port(std::uint16_t number) const {
    Address copy = *this;
    copy.port = number;
    return copy;
}

Address Address::network(unsigned prefix) const {
    Address masked = *this;
    for (std::size_t i = 0; i < size(); ++i) {
        const unsigned before = static_cast<unsigned>(i) * 8;
        const unsigned kept = prefix <= before ? 0 : std::min(prefix - before, 8U);
        masked.bytes[i] = static_cast<std::uint8_t>(masked.bytes[i] & (0xff00U >> kept));
    }
    return masked;
}

std::string Address::host_text() const {
    char room[INET6_ADDRSTRLEN] = {};
    if (!is_valid() ||
        ::inet_ntop(family == Family::ipv4 ? AF_INET : AF_INET6, bytes.data(), room, sizeof room) ==
            nullptr) {
        return {};
    }
    std::string text = room;
    if (scope != 0) {
        text += '%' + std::to_string(scope);
    }
    return text;
}

std::string Address::text() const {
    const std::string host = host_text();
    return (family == Family::ipv6 ? '[' + host + ']' : host) + ':' + std::to_string(port);
}

Result<Address> parse_address(std::string_view text) {
    std::string host(text);
    std::string zone;
    if (const auto percent = host.find('%'); percent != std::string::npos) {
        zone = host.substr(percent + 1);
        host.resize(percent);
    }
    Address address;
    if (::inet_pton(AF_INET, host.c_str(), address.bytes.data()) == 1 && zone.empty() &&
        text.find('%') == text.npos) {
        address.family = Family::ipv4;
        return address;
    }
    address.bytes = {};
    if (host.find('\0') == std::string::npos &&
        ::inet_pton(AF_INET6, host.c_str(), address.bytes.data()) == 1) {
        address.family = Family::ipv6;
        if (text.find('%') == std::string_view::npos) {
            return address;
        }
        const bool is_number =
            !zone.empty() && zone.size() < 9 && zone.find_first_not_of("0123456789") == zone.npos;
        address.scope = is_number ? static_cast<std::uint32_t>(std::stoul(zone))
                                  : ::if_nametoindex(zone.c_str());
        if (address.scope == 0) {
            return invalid("no interface '" + zone + "' on this host, named by the address " +
                           std::string(text));
        }
        return address;
    }
    return invalid("'" + std::string(text) +
                   "' is not a numeric IPv4 or IPv6 address (such as 192.168.1.0 or fec0::1); "
                   "names are not looked up");
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
