// SPDX-License-Identifier: BSD-3-Clause
//
// A bounded, sorted set of nodes: the membership sets of the protocol.
// Value type, no allocation; 128 entries are the limit of one ring
// (AIS_NODES_MAX).

#pragma once

#include "base/node_id.hpp"

#include <array>
#include <cstddef>
#include <initializer_list>
#include <iosfwd>
#include <optional>
#include <span>

namespace ais::totem {

class Members {
  public:
    static constexpr std::size_t capacity = AIS_NODES_MAX;

    Members() = default;
    Members(std::initializer_list<NodeId> nodes);

    [[nodiscard]] bool empty() const { return count_ == 0; }
    [[nodiscard]] std::size_t size() const { return count_; }
    [[nodiscard]] const NodeId* begin() const { return nodes_.data(); }
    [[nodiscard]] const NodeId* end() const { return nodes_.data() + count_; }
    [[nodiscard]] NodeId operator[](std::size_t at) const { return nodes_[at]; }
    [[nodiscard]] std::span<const NodeId> all() const { return {nodes_.data(), count_}; }

    [[nodiscard]] bool contains(NodeId node) const;
    [[nodiscard]] bool is_subset_of(const Members& other) const;
    // Requires: !empty().
    [[nodiscard]] NodeId lowest() const;
    // The next higher member, or the lowest after the highest: ring order.
    // Requires: contains(node).
    [[nodiscard]] NodeId successor_of(NodeId node) const;
    [[nodiscard]] std::optional<std::size_t> index_of(NodeId node) const;

    // False if the set is full and node is not in it.
    bool insert(NodeId node);
    void erase(NodeId node);
    void clear() { count_ = 0; }
    // False if the union does not fit; then as many as fit are in.
    bool merge(const Members& other);
    [[nodiscard]] Members without(const Members& other) const;
    [[nodiscard]] Members intersection(const Members& other) const;

    friend bool operator==(const Members& a, const Members& b);

  private:
    std::array<NodeId, capacity> nodes_{};
    std::size_t count_ = 0;
};

// {1,2,3}
std::ostream& operator<<(std::ostream& to, const Members& members);

}  // namespace ais::totem
