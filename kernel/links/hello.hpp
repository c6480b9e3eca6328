// SPDX-License-Identifier: BSD-3-Clause
//
// The one datagram that links have of their own (docs/protocol/links.md): on
// each link, in regular intervals, a node tells whom it hears on which links.
// So a path that works in one direction only is known at both ends.
//
// Only nodes with several links send it; one with a single link drops it.

#pragma once

#include "base/node_id.hpp"
#include "links/link_set.hpp"

#include <ais/bytes.hpp>

#include <array>
#include <optional>

namespace ais::links {

struct Hello {
    totem::LinkId link = 0;  // on which it is sent
    struct Heard {
        NodeId node;
        LinkSet on = 0;
    };
    std::uint8_t count = 0;
    std::array<Heard, AIS_NODES_MAX> heard{};

    [[nodiscard]] LinkSet hears(NodeId node) const;
};

inline constexpr std::size_t hello_size_max = 8 + std::size_t{5} * AIS_NODES_MAX;

// Whether `plain` claims to be one: the engine's datagrams begin with another magic.
[[nodiscard]] bool is_hello(Bytes plain);
// Requires: to.size() >= hello_size_max.  Gives the size.
std::size_t encode(MutableBytes to, const Hello& hello);
[[nodiscard]] std::optional<Hello> decode_hello(Bytes plain);

}  // namespace ais::links
