// SPDX-License-Identifier: BSD-3-Clause
//
// The view as bytes, and one view out of several.
//
// A snapshot is canonical: members by node, so equal views give equal bytes.
//
//   version u32, number u64, members u32, members × member     (wire.hpp)
//   operations u64, n u32, n × (node u32, is locked u32, when u64, name text)
//   changes u32 (0 or 1) × (operation u32, step u32, node u32, asked by u32, ticket u64, id u64,
//   awaited u32, awaited × node u32, name text)
//
// Merge.  Every node belongs to one component, so each component knows what is
// true about its own nodes, and the union is disjoint.  The number is one more
// than the highest.  The nodes of one component stay what they are: of the one with the
// most nodes, then with the highest number, then with the lowest node.  Those
// of the others have become members with this view.  Of what was done to one node by operators
// the latest is kept, of equals the lock.  A change that was on its way has been aborted
// by the configuration.  One snapshot alone is a restore.

#pragma once

#include "state.hpp"

#include <ais/result.hpp>
#include <ais/service.hpp>

#include <span>
#include <string>

namespace ais::clm {

[[nodiscard]] std::string save(const View& view);
[[nodiscard]] Result<View> restore(Bytes snapshot);

// `nodes`: of the present configuration, ascending; members elsewhere are dropped.
// Empty: no configuration yet, all are kept.
[[nodiscard]] Result<View> merge(std::span<const SavedState> states,
                                 std::span<const ais_node_id> nodes);

}  // namespace ais::clm
