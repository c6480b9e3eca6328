// SPDX-License-Identifier: BSD-3-Clause
//
// What the hellos of all members say: who came with whom, whose replica has
// diverged, and what each component has of each service.  Pure: the same
// hellos give the same plan on all members.

#pragma once

#include "sync/messages.hpp"

#include <cstdint>
#include <map>
#include <vector>

namespace ais::sync {

// Members with one lineage.
struct Component {
    Lineage lineage;
    std::vector<ais_node_id> members;  // ascending
};

// A component's state of one service.
struct Share {
    std::size_t component = 0;
    std::vector<NodeId> holders;  // members that have it, ascending; never empty
    std::uint64_t digest = 0;
    std::uint64_t size = 0;
};

struct ServicePlan {
    std::uint16_t service = 0;
    bool in_parts = false;
    // Digests of shares can be compared: all who have the service have it in one form.
    bool is_comparable = true;
    std::vector<Share> shares;  // ascending components

    // Nothing has to move.
    [[nodiscard]] bool is_equal() const;
};

// A replica that is not what the others of its component are.
struct Divergence {
    std::uint16_t service = 0;
    NodeId node;
    std::uint64_t digest = 0;
    std::uint64_t right = 0;  // the others'
};

struct Plan {
    std::vector<Component> components;  // ascending lowest member
    std::vector<ServicePlan> services;  // ascending
    std::vector<Divergence> diverged;
};

Plan make_plan(const std::map<NodeId, Hello>& hellos);

}  // namespace ais::sync
