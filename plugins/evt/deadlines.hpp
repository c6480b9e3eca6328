// SPDX-License-Identifier: BSD-3-Clause
//
// When kept events are over, on the clock of this node.  Every node has the list; only the
// lowest member acts on it, and what it does is a message (service.cpp), so a list that is a
// little late is no harm and one that is early cannot be.
//
// Threads: none.

#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <utility>
#include <vector>

namespace ais::evt {

class Deadlines {
  public:
    using Instant = std::chrono::nanoseconds;  // of the host's timer

    void set(std::uint64_t id, Instant when) {
        erase(id);
        by_id_[id] = when;
        by_time_.insert({when, id});
    }
    void erase(std::uint64_t id) {
        const auto found = by_id_.find(id);
        if (found != by_id_.end()) {
            by_time_.erase({found->second, id});
            by_id_.erase(found);
        }
    }
    void clear() {
        by_id_.clear();
        by_time_.clear();
    }
    [[nodiscard]] const std::map<std::uint64_t, Instant>& all() const { return by_id_; }
    // When the next one is over that is not in `without`.
    [[nodiscard]] std::optional<Instant> next(const std::set<std::uint64_t>& without) const {
        for (const auto& [when, id] : by_time_) {
            if (!without.contains(id)) {
                return when;
            }
        }
        return std::nullopt;
    }
    // Those that are due and not in `without`, at most `limit`; they stay until they are erased.
    [[nodiscard]] std::vector<std::uint64_t> due(Instant now,
                                                 std::size_t limit,
                                                 const std::set<std::uint64_t>& without) const {
        std::vector<std::uint64_t> ids;
        for (const auto& [when, id] : by_time_) {
            if (when > now || ids.size() >= limit) {
                break;
            }
            if (!without.contains(id)) {
                ids.push_back(id);
            }
        }
        return ids;
    }

  private:
    std::map<std::uint64_t, Instant> by_id_;
    std::set<std::pair<Instant, std::uint64_t>> by_time_;
};

}  // namespace ais::evt
