// SPDX-License-Identifier: BSD-3-Clause
//
// The state of evt as bytes, and one state out of several.
//
// A snapshot is canonical: everything by id, kept events in the order of their publication, so
// equal states give equal bytes.
//
//   version u32, clock u64,
//   nodes u32, nodes × (node u32, last event id u64),
//   cleared u32, cleared × (event id u64, deadline u64),
//   channels u32, channels × (node u32, number u64, unlinked u8, name,
//       opens u32, opens × (node u32, number u64, flags u32),
//       kept u32, kept × (deadline u64, event block))
//
// Merge.
//   * Channels are one if they have one id, or one name and are not unlinked.  The lowest id
//     names them.  What is unlinked in one component and not in another is not unlinked.
//   * Each component speaks for the opens of its own members.
//   * Kept events: all of all, by id; the first component's first.  Of one that several
//     have, the longest remaining time counts.  What one has cleared is cleared.
//   * The furthest clock counts, and what is left of each time is carried over to it.

#pragma once

#include "state.hpp"

#include <ais/result.hpp>
#include <ais/service.hpp>

#include <span>
#include <string>

namespace ais::evt {

[[nodiscard]] std::string save(const Image& image);
[[nodiscard]] Result<Image> restore(Bytes snapshot);

// `nodes`: of the present configuration, ascending; opens elsewhere are dropped.
// Empty: no configuration yet, all are kept.
[[nodiscard]] Result<Image> merge(std::span<const SavedState> states,
                                  std::span<const ais_node_id> nodes);

}  // namespace ais::evt
