// SPDX-License-Identifier: BSD-3-Clause
//
// Sorted arrays: union, difference and subset are one merge each.

#include "totem/members.hpp"

#include "base/assert.hpp"

#include <algorithm>
#include <ostream>

namespace ais::totem {

Members::Members(std::initializer_list<NodeId> nodes) {
    for (const NodeId node : nodes) {
        insert(node);
    }
}

bool Members::contains(NodeId node) const {
    return std::binary_search(begin(), end(), node);
}

bool Members::is_subset_of(const Members& other) const {
    return std::includes(other.begin(), other.end(), begin(), end());
}

NodeId Members::lowest() const {
    AIS_ASSERT(!empty());
    return nodes_[0];
}

NodeId Members::successor_of(NodeId node) const {
    const auto at = index_of(node);
    AIS_ASSERT(at.has_value());
    return nodes_[(*at + 1) % count_];
}

std::optional<std::size_t> Members::index_of(NodeId node) const {
    const NodeId* at = std::lower_bound(begin(), end(), node);
    if (at == end() || *at != node) {
        return std::nullopt;
    }
    return static_cast<std::size_t>(at - begin());
}

bool Members::insert(NodeId node) {
    const auto at = static_cast<std::size_t>(std::lower_bound(begin(), end(), node) - begin());
    if (at < count_ && nodes_[at] == node) {
        return true;
    }
    if (count_ == capacity) {
        return false;
    }
    std::copy_backward(nodes_.begin() + static_cast<std::ptrdiff_t>(at),
                       nodes_.begin() + static_cast<std::ptrdiff_t>(count_),
                       nodes_.begin() + static_cast<std::ptrdiff_t>(count_) + 1);
    nodes_[at] = node;
    ++count_;
    return true;
}

void Members::erase(NodeId node) {
    const auto at = index_of(node);
    if (!at) {
        return;
    }
    std::copy(nodes_.begin() + static_cast<std::ptrdiff_t>(*at) + 1,
              nodes_.begin() + static_cast<std::ptrdiff_t>(count_),
              nodes_.begin() + static_cast<std::ptrdiff_t>(*at));
    --count_;
}

bool Members::merge(const Members& other) {
    bool all_fit = true;
    for (const NodeId node : other) {
        all_fit = insert(node) && all_fit;
    }
    return all_fit;
}

Members Members::without(const Members& other) const {
    Members rest;
    rest.count_ = static_cast<std::size_t>(
        std::set_difference(begin(), end(), other.begin(), other.end(), rest.nodes_.begin()) -
        rest.nodes_.begin());
    return rest;
}

Members Members::intersection(const Members& other) const {
    Members common;
    common.count_ = static_cast<std::size_t>(
        std::set_intersection(begin(), end(), other.begin(), other.end(), common.nodes_.begin()) -
        common.nodes_.begin());
    return common;
}

bool operator==(const Members& a, const Members& b) {
    return std::equal(a.begin(), a.end(), b.begin(), b.end());
}

std::ostream& operator<<(std::ostream& to, const Members& members) {
    to << '{';
    const char* separator = "";
    for (const NodeId node : members) {
        to << separator << node.value();
        separator = ",";
    }
    return to << '}';
}

}  // namespace ais::totem
