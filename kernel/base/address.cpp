// SPDX-License-Identifier: BSD-3-Clause

#include "base/address.hpp"

#include <algorithm>
#include <charconv>
#include <cstddef>

namespace ais {

namespace {

constexpr std::size_t scope_max = 32;  // above IFNAMSIZ of every system we know

bool parse_ipv4(std::string_view text, std::uint8_t* out) {
    for (int i = 0; i < 4; ++i) {
        const auto end = i == 3 ? text.size() : text.find('.');
        if (end == std::string_view::npos || end == 0 || end > 3) {
            return false;
        }
        const auto digits = text.substr(0, end);
        if (digits.size() > 1 && digits.front() == '0') {
            return false;
        }
        const auto [stop, error] =
            std::from_chars(digits.data(), digits.data() + digits.size(), out[i]);
        if (error != std::errc() || stop != digits.data() + digits.size()) {
            return false;
        }
        text.remove_prefix(std::min(end + 1, text.size()));
    }
    return text.empty();
}

// Groups of one side of "::", each two bytes; an IPv4 tail counts as two.
// Returns how many bytes were written, or -1.
int parse_groups(std::string_view text, std::uint8_t* out) {
    int written = 0;
    while (!text.empty()) {
        const auto colon = text.find(':');
        const auto group = text.substr(0, colon);
        const bool is_last = colon == std::string_view::npos;
        if (is_last && group.find('.') != std::string_view::npos) {
            if (written > 12 || !parse_ipv4(group, out + written)) {
                return -1;
            }
            return written + 4;
        }
        std::uint16_t value = 0;
        const auto [stop, error] =
            std::from_chars(group.data(), group.data() + group.size(), value, 16);
        if (group.empty() || group.size() > 4 || error != std::errc() ||
            stop != group.data() + group.size() || written > 14) {
            return -1;
        }
        out[written++] = static_cast<std::uint8_t>(value >> 8);
        out[written++] = static_cast<std::uint8_t>(value & 0xff);
        if (is_last) {
            break;
        }
        text.remove_prefix(colon + 1);
        if (text.empty()) {
            return -1;  // a colon with nothing behind it
        }
    }
    return written;
}

bool parse_ipv6(std::string_view text, std::uint8_t* out) {
    const auto gap = text.find("::");
    if (gap == std::string_view::npos) {
        return parse_groups(text, out) == 16;
    }
    std::array<std::uint8_t, 16> tail{};
    const auto front_text = text.substr(0, gap);
    if (front_text.find('.') != std::string_view::npos) {
        return false;
    }
    const int front = parse_groups(front_text, out);
    const int back = parse_groups(text.substr(gap + 2), tail.data());
    // "::" stands for at least one group.
    if (front < 0 || back < 0 || front + back > 14) {
        return false;
    }
    std::copy_n(tail.data(), back, out + 16 - back);
    return true;
}

std::string ipv6_text(const std::array<std::uint8_t, 16>& bytes) {
    std::string text;
    const auto group = [&](std::size_t i) {
        return static_cast<unsigned>(bytes[2 * i]) << 8 | bytes[2 * i + 1];
    };
    // RFC 5952: the longest run of at least two zero groups, the first of equals.
    std::size_t gap = 8;
    std::size_t gap_size = 1;
    for (std::size_t i = 0; i < 8; ++i) {
        std::size_t run = 0;
        while (i + run < 8 && group(i + run) == 0) {
            ++run;
        }
        if (run > gap_size) {
            gap = i;
            gap_size = run;
        }
    }
    for (std::size_t i = 0; i < 8; ++i) {
        if (i == gap) {
            text += "::";
            i += gap_size - 1;
            continue;
        }
        if (!text.empty() && text.back() != ':') {
            text += ':';
        }
        std::array<char, 4> digits{};
        const auto [end, error] =
            std::to_chars(digits.data(), digits.data() + digits.size(), group(i), 16);
        text.append(digits.data(), static_cast<std::size_t>(end - digits.data()));
    }
    return text;
}

// A number is an index already.
void set_scope(Address& address, std::string_view text) {
    const auto [stop, error] =
        std::from_chars(text.data(), text.data() + text.size(), address.scope);
    if (error != std::errc() || stop != text.data() + text.size() || address.scope == 0) {
        address.scope = 0;
        address.zone = text;
    }
}

}  // namespace

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

std::optional<Address> parse_address(std::string_view text) {
    Address address;
    if (parse_ipv4(text, address.bytes.data())) {
        address.family = Family::ipv4;
        return address;
    }
    address = Address();
    address.family = Family::ipv6;
    if (const auto percent = text.find('%'); percent != std::string_view::npos) {
        const auto scope = text.substr(percent + 1);
        text = text.substr(0, percent);
        const bool printable = std::all_of(scope.begin(), scope.end(), [](char c) {
            return c > ' ' && c < 0x7f && c != '%' && c != '/';
        });
        if (scope.empty() || scope.size() > scope_max || !printable) {
            return std::nullopt;
        }
        set_scope(address, scope);
    }
    if (text.find(':') == std::string_view::npos || !parse_ipv6(text, address.bytes.data())) {
        return std::nullopt;
    }
    return address;
}

bool Address::is_multicast() const {
    return (family == Family::ipv4 && (bytes[0] & 0xf0U) == 0xe0) ||
           (family == Family::ipv6 && bytes[0] == 0xff);
}

bool Address::is_loopback() const {
    if (family == Family::ipv4) {
        return bytes[0] == 127;
    }
    return family == Family::ipv6 && bytes[15] == 1 &&
           std::all_of(bytes.begin(), bytes.end() - 1, [](auto byte) { return byte == 0; });
}

bool Address::is_any() const {
    return is_valid() &&
           std::all_of(bytes.begin(), bytes.end(), [](std::uint8_t byte) { return byte == 0; });
}

bool Address::is_link_local() const {
    return family == Family::ipv6 && ((bytes[0] == 0xfe && (bytes[1] & 0xc0U) == 0x80) ||
                                      (bytes[0] == 0xff && (bytes[1] & 0x0fU) <= 2));
}

std::uint32_t Address::ipv4_number() const {
    if (family != Family::ipv4) {
        return 0;
    }
    return std::uint32_t{bytes[0]} << 24 | std::uint32_t{bytes[1]} << 16 |
           std::uint32_t{bytes[2]} << 8 | bytes[3];
}

bool Address::same_host(const Address& other) const {
    return family == other.family && bytes == other.bytes && scope == other.scope &&
           zone == other.zone;
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
    std::string text;
    if (family == Family::ipv4) {
        for (std::size_t i = 0; i < 4; ++i) {
            text += (i == 0 ? "" : ".") + std::to_string(bytes[i]);
        }
    } else if (family == Family::ipv6) {
        text = ipv6_text(bytes);
    }
    if (scope != 0 || !zone.empty()) {
        text += '%' + (zone.empty() ? std::to_string(scope) : zone);
    }
    return text;
}

std::string Address::text() const {
    const std::string host = host_text();
    return (family == Family::ipv6 ? '[' + host + ']' : host) + ':' + std::to_string(port);
}

}  // namespace ais
