// SPDX-License-Identifier: BSD-3-Clause
//
// When the retention of closed queues is over, on the clock of this node.  Every node has the
// list; only the lowest member acts on it, and what it does is a message (service.cpp), so a list
// that is a little late is no harm and one that is early cannot be.
//
// Threads: none.

#pragma once

#include "wire.hpp"

#include <chrono>
#include <map>
#include <optional>
#include <set>
#include <utility>
#include <vector>

namespace ais::msg {

class Deadlines {
  public:
    using Instant = std::chrono::nanoseconds;  // of the host's timer

    void set(const Closing& closing, Instant when) {
        erase(closing);
        by_closing_[closing] = when;
        by_time_.insert({when, closing});
    }
    void erase(const Closing& closing) {
        const auto found = by_closing_.find(closing);
        if (found != by_closing_.end()) {
            by_time_.erase({found->second, closing});
            by_closing_.erase(found);
        }
    }
    void clear() {
        by_closing_.clear();
        by_time_.clear();
    }
    // When the next one is over that is not in `without`.
    [[nodiscard]] std::optional<Instant> next(const std::set<Closing>& without) const {
        for (const auto& [when, closing] : by_time_) {
            if (!without.contains(closing)) {
                return when;
            }
        }
        return std::nullopt;
    }
    // Those that are due and not in `without`, at most `limit`.
    [[nodiscard]] std::vector<Closing> due(Instant now,
                                           std::size_t limit,
                                           const std::set<Closing>& without) const {
        std::vector<Closing> closings;
        for (const auto& [when, closing] : by_time_) {
            if (when > now || closings.size() >= limit) {
                break;
            }
            if (!without.contains(closing)) {
                closings.push_back(closing);
            }
        }
        return closings;
    }

  private:
    std::map<Closing, Instant> by_closing_;
    std::set<std::pair<Instant, Closing>> by_time_;
};

}  // namespace ais::msg
