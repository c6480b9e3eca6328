// SPDX-License-Identifier: BSD-3-Clause
//
// A network address: IPv4 or IPv6, port, scope.  A value without system
// headers, so that the daemon can hold and compare addresses; address_system.hpp
// turns it into what the socket calls take.

#pragma once

#include <ais/result.hpp>

#include <array>
#include <compare>
#include <cstdint>
#include <string>
#include <string_view>

namespace ais::os {

enum class Family : std::uint8_t { none, ipv4, ipv6 };

[[nodiscard]] std::string_view name_of(Family family);  // "IPv4"

struct Address {
    Family family = Family::none;
    std::array<std::uint8_t, 16> bytes{};  // network order; IPv4 uses the first 4
    std::uint16_t port = 0;                // host order
    std::uint32_t scope = 0;               // interface index of an IPv6 link-local address

    auto operator<=>(const Address&) const = default;

    [[nodiscard]] bool is_valid() const { return family != Family::none; }
    [[nodiscard]] std::size_t size() const { return family == Family::ipv4 ? 4 : 16; }
    [[nodiscard]] bool is_multicast() const;
    [[nodiscard]] bool is_loopback() const;
    [[nodiscard]] bool is_any() const;
    [[nodiscard]] bool is_link_local() const;  // IPv6 fe80::/10 or ff02::/16: needs a scope
    // Same host, whatever the port.
    [[nodiscard]] bool same_host(const Address& other) const;
    [[nodiscard]] Address with_port(std::uint16_t number) const;
    // The network that this address is in: all bits after `prefix` are 0.
    [[nodiscard]] Address network(unsigned prefix) const;

    [[nodiscard]] std::string host_text() const;  // "10.0.0.1", "fe80::1%2"
    [[nodiscard]] std::string text() const;       // "10.0.0.1:5405", "[::1]:5405"
};

// A numeric address, "10.0.0.1", "fec0::1", "fe80::1%eth0"; no names, no port:
// looking up a name could take seconds and give another answer tomorrow.
Result<Address> parse_address(std::string_view text);

// Bytes of datagram that fit a packet of `netmtu` bytes: without IP and UDP
// headers, and at most what UDP can carry.  0 if netmtu is smaller than those.
[[nodiscard]] std::size_t udp_payload_max(std::size_t netmtu, Family family);

}  // namespace ais::os
