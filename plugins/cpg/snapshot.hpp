// SPDX-License-Identifier: BSD-3-Clause
//
// The state of cpg as bytes, and one state out of several.
//
// A snapshot is canonical: groups by name, members by (node, pid), so equal states give equal
// bytes.  It holds what the replicas agree on and nothing of this node's own.
//
//   version u32, groups u32, groups × (name, members u32,
//       members × (node u32, pid u32, seat u32, instance u32))
//
// Merge.  Every process belongs to one node and every node to one component,
// so each component alone knows what is true about its own nodes: from each
// snapshot the members on nodes of its component are taken, and nothing else.
// What is taken is disjoint; the order of the snapshots does not matter.

#pragma once

#include "state.hpp"

#include <ais/result.hpp>
#include <ais/service.hpp>

#include <span>
#include <string>

namespace ais::cpg {

[[nodiscard]] std::string save(const Membership& membership);
[[nodiscard]] Result<Membership> restore(Bytes snapshot);

// `nodes`: of the present configuration, ascending; members elsewhere are dropped.
// Empty: no configuration yet, all are kept.
[[nodiscard]] Result<Membership> merge(std::span<const SavedState> states,
                                       std::span<const ais_node_id> nodes);

}  // namespace ais::cpg
