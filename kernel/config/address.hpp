// SPDX-License-Identifier: BSD-3-Clause
//
// An IPv4 or IPv6 address as the configuration writes it, without the
// operating system: parsed and printed here so that the configuration can be
// checked, and the check tested, on any machine.
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

namespace ais::config {

enum class Family : std::uint8_t { ipv4 = 4, ipv6 = 6 };

struct Address {
    Family family = Family::ipv4;
    // Network order; IPv4 is in the first four, the rest 0.
    std::array<std::uint8_t, 16> bytes{};
    std::string scope;  // interface name or number after '%', IPv6 only

    [[nodiscard]] bool is_multicast() const;
    [[nodiscard]] bool is_loopback() const;
    [[nodiscard]] bool is_unspecified() const;  // 0.0.0.0 or ::
    // The IPv4 address as a number, most significant byte first; 0 for IPv6.
    [[nodiscard]] std::uint32_t ipv4_number() const;

    auto operator<=>(const Address&) const = default;
};

[[nodiscard]] std::optional<Address> parse_address(std::string_view text);
[[nodiscard]] std::string to_string(const Address& address);
[[nodiscard]] std::string_view to_string(Family family);  // "IPv4"

}  // namespace ais::config
