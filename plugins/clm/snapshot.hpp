// SPDX-License-Identifier: BSD-3-Clause
//
// The view as bytes, and one view out of several.
//
// A snapshot is canonical: members by node, so equal views give equal bytes.
//
//   version u32, number u64, members u32, members × member     (wire.hpp)
//
// Merge.  Every node belongs to one component, so each component knows what is
// true about its own nodes, and the union is disjoint.  The number is one more
// than the highest.  The nodes of one component stay what they are: of the one with the
// most nodes, then with the highest number, then with the lowest node.  Those
// of the others have become members with this view.  One snapshot alone is a restore.

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
