// SPDX-License-Identifier: BSD-3-Clause
//
// The state of msg as bytes, and one state out of several (docs/protocol/msg.md has the rules).
//
// A snapshot is canonical: queues by id, groups by name, messages in order, so equal states give
// equal bytes.
//
//   version u32, clock u64, time of day i64,
//   queues u32, queues × (queue (rows.hpp),
//       4 × (messages u32, messages × (id, sender id u64, taken u8, message block)))
//   groups u32, groups × group (rows.hpp)
//   requests u32, requests × (sender id u64, capacity u64)
//   refused u32, refused × id

#pragma once

#include "image.hpp"

#include <ais/abi/types.h>
#include <ais/bytes.hpp>
#include <ais/result.hpp>

#include <span>
#include <string>
#include <vector>

namespace ais::msg {

[[nodiscard]] std::string save(const Image& image);
[[nodiscard]] Result<Image> restore(Bytes snapshot);

struct Component {
    std::vector<ais_node_id> members;  // ascending; empty: a state put back as it was saved
    Image image;
};

// `nodes`: of the present configuration, ascending; opens and requests elsewhere are
// dropped.  Empty: no configuration yet, all are kept.
[[nodiscard]] Image merge(std::vector<Component> components, std::span<const ais_node_id> nodes);

}  // namespace ais::msg
