// SPDX-License-Identifier: BSD-3-Clause
//
// The state of msg as bytes, and one state out of several (docs/protocol/msg.md has the rules).
//
// A snapshot is canonical: queues by id, groups by name, messages in order, so equal states give
// equal bytes.
//
//   version u32, clock u64, time of day i64,
//   queues u32, queues × (id (node u32, number u64), name, unlinked u8, attributes, thresholds,
//       reached u8, owner (node u32, number u64), open flags u32, closings u64, closed i64,
//       guessed u8, deadline u64,
//       removed u32, removed × (start u64, node u32, priority u8, number u64),
//       4 × (messages u32, messages × (id, sender id u64, taken u8, message block)))
//   groups u32, groups × (name, policy u32, turns u64, members u32, members × (id, turn u64))
//   requests u32, requests × (sender id u64, capacity u64)
//   refused u32, refused × id

#pragma once

#include "image.hpp"

#include <ais/result.hpp>
#include <ais/service.hpp>

#include <span>
#include <string>

namespace ais::msg {

[[nodiscard]] std::string save(const Image& image);
[[nodiscard]] Result<Image> restore(Bytes snapshot);

// `nodes`: of the present configuration, ascending; opens and requests elsewhere are
// dropped.  Empty: no configuration yet, all are kept.
[[nodiscard]] Result<Image> merge(std::span<const SavedState> states,
                                  std::span<const ais_node_id> nodes);

}  // namespace ais::msg
