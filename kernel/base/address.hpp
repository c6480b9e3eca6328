// SPDX-License-Identifier: BSD-3-Clause
//
// A network address: IPv4 or IPv6, port, scope.  A value without the operating system, so that the
// configuration can be checked, and the check tested, on any machine.  os/address.hpp turns the
// name of an interface into its index, and an address into what the socket calls take.
//
// IPv4 is four decimal numbers without leading zeros (the old "010" is octal
// to some and decimal to others, so it is refused).  IPv6 is RFC 4291 with an
// optional %scope; it is printed as RFC 5952 says.  Threads: none.

#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace ais {

enum class Family : std::uint8_t { none, ipv4, ipv6 };

[[nodiscard]] std::string_view name_of(Family family);  // "IPv4"

struct Address {
    Family family = Family::none;
    std::array<std::uint8_t, 16> bytes{};  // network order; IPv4 uses the first 4, the rest is 0
    std::uint16_t port = 0;                // host order
    std::uint32_t scope = 0;               // interface index of an IPv6 link-local address
    std::string zone;                      // its interface by name, until that is looked up

    auto operator<=>(const Address&) const = default;

    [[nodiscard]] bool is_valid() const { return family != Family::none; }
    [[nodiscard]] std::size_t size() const { return family == Family::ipv4 ? 4 : 16; }
    [[nodiscard]] bool is_multicast() const;
    [[nodiscard]] bool is_loopback() const;
    [[nodiscard]] bool is_any() const;         // 0.0.0.0 or ::
    [[nodiscard]] bool is_link_local() const;  // IPv6 fe80::/10 or ff02::/16: needs a scope
    // The IPv4 address as a number, most significant byte first; 0 for IPv6.
    [[nodiscard]] std::uint32_t ipv4_number() const;
    // Same host, whatever the port.
    [[nodiscard]] bool same_host(const Address& other) const;
    [[nodiscard]] Address with_port(std::uint16_t number) const;
    // The network that this address is in: all bits after `prefix` are 0.
    [[nodiscard]] Address network(unsigned prefix) const;

    [[nodiscard]] std::string host_text() const;  // "10.0.0.1", "fe80::1%2", "fe80::1%eth0"
    [[nodiscard]] std::string text() const;       // "10.0.0.1:5405", "[::1]:5405"
};

// A numeric address, "10.0.0.1", "fec0::1", "fe80::1%eth0"; no names, no port:
// looking up a name could take seconds and give another answer tomorrow.
[[nodiscard]] std::optional<Address> parse_address(std::string_view text);

}  // namespace ais
