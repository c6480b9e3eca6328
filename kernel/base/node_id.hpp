// SPDX-License-Identifier: BSD-3-Clause
//
// Identity of a node: configured, totally ordered, never 0, never an address.

#pragma once

#include <ais/abi/types.h>

#include <compare>
#include <cstdint>
#include <functional>

namespace ais {

class NodeId {
  public:
    constexpr NodeId() = default;
    constexpr explicit NodeId(ais_node_id value) : value_(value) {}

    [[nodiscard]] constexpr ais_node_id value() const { return value_; }
    [[nodiscard]] constexpr bool is_valid() const { return value_ != 0; }
    constexpr auto operator<=>(const NodeId&) const = default;

  private:
    ais_node_id value_ = 0;
};

}  // namespace ais

template <>
struct std::hash<ais::NodeId> {
    std::size_t operator()(ais::NodeId id) const noexcept { return id.value(); }
};
