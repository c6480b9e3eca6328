// SPDX-License-Identifier: BSD-3-Clause
//
// Who hears whom, and who should therefore be in one ring.
//
// A path may work in one direction only, or for some pairs of nodes and not for
// others.  A ring needs every pair in both directions, so the nodes of a Gather
// are parted into groups in which all hear all: the best group first, then the
// best of the rest, and so on.  Better is, in this order: larger; more members of
// the ring that most of the nodes come from; the lowest ids.  Equal tables give equal
// groups on every node, without a word being exchanged.
//
// The largest such group is the largest clique of a graph, and that is hard in general; but what is
// missing in real networks are a few edges.  The search looks at what is missing only,
// piece by piece, and gives up after a fixed number of steps with the best it has found, which is
// the same on every node, too.
//
// Pure; no clock.  hearing.hpp collects the table, separation.hpp keeps groups apart.

#pragma once

#include "totem/types.hpp"

#include <array>
#include <bitset>
#include <cstdint>

namespace ais::totem {

// One bit for each place in a Members.
using NodeBits = std::bitset<Members::capacity>;

// Rows of places in `nodes`.
struct Reachability {
    struct Row {
        bool is_known = false;  // its node has told whom it hears
        RingId ring;            // its last ring
        NodeId company;         // lowest of the set that it was announced in, without us
        NodeBits hears;
    };

    Members nodes;
    std::array<Row, Members::capacity> rows;

    [[nodiscard]] bool hears(std::size_t who, std::size_t whom) const {
        return who == whom || (rows[who].is_known && rows[who].hears[whom]);
    }
    [[nodiscard]] bool is_whole(std::size_t a, std::size_t b) const {
        return hears(a, b) && hears(b, a);
    }
};

struct Groups {
    // Lowest place of the group that the node at this place is in.
    std::array<std::uint8_t, Members::capacity> of{};

    [[nodiscard]] Members members_of(const Members& nodes, std::size_t place) const;
};

// A node without a row is a group of its own.
// Limit: Reachability::nodes has at most 128 nodes; at most separation_steps_max steps.
[[nodiscard]] Groups separate(const Reachability& table);

// Steps of the search, each at most 128 x 128 bit operations: some ten milliseconds in all.
constexpr std::size_t separation_steps_max = 2000;

}  // namespace ais::totem
