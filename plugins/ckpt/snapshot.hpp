// SPDX-License-Identifier: BSD-3-Clause
//
// The state of ckpt as bytes, and one state out of several.
//
// A snapshot is canonical: everything ascending, so equal states give equal bytes.  It holds
// what the replicas agree on and nothing of this node's own (no timers).
//
//   version u32, ring (seq u64, representative u32, salt u32),
//   next_object u64, next_generation u64, applied u64,
//   checkpoints u32 × (ObjectId, name block, attributes, linked u8, active u32,
//       generation u64, generated u64, sections u32 × (id block, at i64, remaining i64,
//       generation u64, state u32, last_update i64, size u64, bytes))
//   openers u32 × (node u32, connection u32, number u32, ObjectId, flags u32,
//       transfer u8, if 1: plan, direct u8, error i32, index u32,
//       here u32 × u64, staged u32 × (size u64, bytes))
//
// Merge.  Components are ranked: more members first, then the lower lowest member.
// Per object, and per name, the component with the best rank is believed; contents
// are never mixed.  Handles are taken from each component for its own members only.
// A handle whose checkpoint was another one of the same name goes over to the
// winner if both were created alike; otherwise it is closed, and its functions
// say BAD_HANDLE.
//
// Why not by time or content: both sides have accepted writes that the
// other has not seen; any mixture is a state that no client has ever written.

#pragma once

#include "image.hpp"

#include <ais/abi/types.h>
#include <ais/bytes.hpp>
#include <ais/result.hpp>

#include <functional>
#include <span>
#include <string>
#include <vector>

namespace ais::ckpt {

// Hands out the snapshot in pieces, in order; large sections are not copied.
void save(const Image& image, const std::function<void(Bytes)>& out);
[[nodiscard]] std::string save(const Image& image);
[[nodiscard]] Result<Image> restore(Bytes snapshot);

struct Component {
    std::vector<ais_node_id> members;  // ascending; empty: a state put back as it was saved
    Image image;
};

// `nodes`: of the present configuration, ascending; handles elsewhere are dropped.  Empty:
// no configuration yet, all are kept.
[[nodiscard]] Image merge(std::vector<Component> components, std::span<const ais_node_id> nodes);

}  // namespace ais::ckpt
