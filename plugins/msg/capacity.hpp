// SPDX-License-Identifier: BSD-3-Clause
//
// When an operator is told that an area of a queue, or of all queues of a group, has reached its
// critical capacity, or has room again: at once, but of one queue or group once in `interval` at
// most, with what is the case then.  A queue that is filled and emptied a thousand times a second
// makes no thousand lines.
//
// Each node keeps this for itself, and knows by it what was said, whoever said it.
//
// Invariant: everyone in by_time_ is in told_, which names its time.
//
// Threads: none.

#pragma once

#include "wire.hpp"

#include <chrono>
#include <map>
#include <optional>
#include <set>
#include <utility>

namespace ais::msg {

// `Name`: of a queue (OpenId) or a group (text).
template <typename Name>
class CapacityReports {
  public:
    using Instant = std::chrono::nanoseconds;  // of the host's timer
    static constexpr Instant interval = std::chrono::seconds(10);

    // Thresholds of this one were crossed, or it is gone; `before`: a bit for each area that had
    // reached its own until then.
    void note(const Name& name, std::uint8_t before, Instant now) {
        const auto [at, is_new] = told_.try_emplace(name);
        if (is_new) {
            at->second.areas = before;
        }
        if (!at->second.due) {
            schedule(name, at->second, now);
        }
    }
    // When something is to be told.
    [[nodiscard]] std::optional<Instant> next() const {
        return by_time_.empty() ? std::nullopt : std::optional(by_time_.begin()->first);
    }
    // `report(name, told)` says what is different from what was told, and returns what is the case
    // now; nothing: it is gone.
    template <typename Report>
    void tell(Instant now, Report&& report) {
        while (!by_time_.empty() && by_time_.begin()->first <= now) {
            const Name name = by_time_.begin()->second;
            by_time_.erase(by_time_.begin());
            const auto told = told_.find(name);
            told->second.due.reset();
            const std::optional<std::uint8_t> areas = report(name, told->second.areas);
            if (areas && *areas != told->second.areas) {
                told->second.areas = *areas;
                schedule(name, told->second, now + interval);
            } else if (!areas || *areas == 0) {
                told_.erase(told);
            }
        }
    }
    [[nodiscard]] std::size_t size() const { return told_.size(); }

  private:
    struct Told {
        std::uint8_t areas = 0;
        std::optional<Instant> due;
    };
    void schedule(const Name& name, Told& told, Instant when) {
        told.due = when;
        by_time_.emplace(when, name);
    }

    std::map<Name, Told> told_;
    std::set<std::pair<Instant, Name>> by_time_;
};

}  // namespace ais::msg
