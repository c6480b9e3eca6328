// SPDX-License-Identifier: BSD-3-Clause
//
// The replicated state: for each counter, what each origin has contributed.
//
// Why not simply a sum: when two halves of a partition come together, both have counted on
// from a common value that nobody remembers.  A contribution has one writer, and its
// number of additions only grows, so of two copies of it the one with more additions is
// the later one, and a merge takes the later copy of each.
//
// An origin is one life of one node (the node, and the first ring it was in): a node that
// starts again begins contributions of its own, and never writes to those of its former life.
//
// Pure.  Invariant: equal states save as equal bytes (maps are ordered).

#pragma once

#include <ais/bytes.hpp>

#include <compare>
#include <cstdint>
#include <map>
#include <string>

namespace counter {

struct Origin {
    std::uint32_t node = 0;
    std::uint64_t ring_seq = 0;
    std::uint32_t ring_salt = 0;
    auto operator<=>(const Origin&) const = default;
};

class State {
  public:
    // The new sum.
    std::int64_t add(const Origin& origin, std::string_view name, std::int64_t amount);
    [[nodiscard]] std::int64_t value(std::string_view name) const;
    [[nodiscard]] std::size_t size() const { return counters_.size(); }

    [[nodiscard]] std::string save() const;
    void clear() { counters_.clear(); }
    // False: these bytes are no snapshot; the state is then undefined.
    [[nodiscard]] bool merge_with(ais::Bytes snapshot);

  private:
    struct Contribution {
        std::uint64_t additions = 0;
        std::uint64_t sum = 0;  // two's complement, so that it may come round without harm
    };
    using Counter = std::map<Origin, Contribution>;
    std::map<std::string, Counter, std::less<>> counters_;
};

}  // namespace counter
