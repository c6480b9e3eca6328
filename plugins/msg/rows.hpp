// SPDX-License-Identifier: BSD-3-Clause
//
// Queues and groups as bytes, alike in a snapshot (snapshot.hpp) and in parts (parts.hpp), and
// what must be true of a state that came from elsewhere.
//
//   queue = id (node u32, number u64), name, unlinked u8, attributes, thresholds,
//       reached u8, owner (node u32, number u64), open flags u32, closings u64, closed i64,
//       guessed u8, deadline u64,
//       removed u32, removed × (start u64, node u32, priority u8, number u64)
//   group = name, policy u32, turns u64, members u32, members × (id, turn u64)
//
// Pure.

#pragma once

#include "image.hpp"

#include <ais/codec.hpp>

namespace ais::msg {

// Without its messages.
void write_queue(Appender& out, const QueueImage& queue);
void write_group(Appender& out, const Group& group);

// One byte, 0 or 1; anything else makes the reader bad.
bool read_flag(Reader& in);
// Null, or what is wrong with it.
const char* read_queue(Reader& in, QueueImage& queue);
const char* read_group(Reader& in, Group& group);

// What is wrong between its queues, groups and messages; null: nothing.
const char* find_fault(const Image& image);

}  // namespace ais::msg
