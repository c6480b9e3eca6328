// SPDX-License-Identifier: BSD-3-Clause
//
// A set of links, by their ring numbers.

#pragma once

#include "totem/types.hpp"

#include <bit>
#include <cstdint>

namespace ais::links {

inline constexpr std::size_t links_max = 8;

using LinkSet = std::uint8_t;  // bit i: link i

constexpr LinkSet only(totem::LinkId link) {
    return static_cast<LinkSet>(1U << link);
}
constexpr bool has(LinkSet set, totem::LinkId link) {
    return (set >> link & 1U) != 0;
}
constexpr LinkSet with(LinkSet set, totem::LinkId link) {
    return static_cast<LinkSet>(set | only(link));
}
constexpr LinkSet without(LinkSet set, totem::LinkId link) {
    return static_cast<LinkSet>(set & ~unsigned{only(link)});
}
// Requires: set != 0.
constexpr totem::LinkId lowest(LinkSet set) {
    return static_cast<totem::LinkId>(std::countr_zero(set));
}

}  // namespace ais::links
