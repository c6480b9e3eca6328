// SPDX-License-Identifier: BSD-3-Clause
//
// The state of lck as bytes, and one state out of several.
//
// A snapshot is canonical: resources by name, opens by id, locks by their place, so equal
// states give equal bytes.
//
//   version u32, frozen u8, grants u64, last place u64,
//   resources u32, resources × (name,
//       opens u32, opens × (node u32, number u64, client u64, pid u32),
//       locks u32, locks × (node u32, number u64, kind u8, mode u8, flags u8, open u64, signal u64,
//                           place u64, fence))
//
// Merge (docs/protocol/lck.md): components are ranked, more members first, then the lower
// lowest member.  What conflicts with a lock of one before is left out.

#pragma once

#include "state.hpp"

#include <ais/result.hpp>
#include <ais/service.hpp>

#include <span>
#include <string>

namespace ais::lck {

[[nodiscard]] std::string save(const Image& image);
[[nodiscard]] Result<Image> restore(Bytes snapshot);

// `nodes`: of the present configuration, ascending; opens elsewhere are dropped.
// Empty: no configuration yet, all are kept.  Locks keep the numbers that they have
// (State::replace gives new ones).
[[nodiscard]] Result<Image> merge(std::span<const SavedState> states,
                                  std::span<const ais_node_id> nodes);

}  // namespace ais::lck
