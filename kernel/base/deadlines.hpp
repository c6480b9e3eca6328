// SPDX-License-Identifier: BSD-3-Clause
//
// A closed set of timers with at most one instant each.  `Timer` is an enum
// whose last enumerator is `count`.

#pragma once

#include "base/time.hpp"

#include <algorithm>
#include <array>
#include <optional>

namespace ais {

template <typename Timer>
class Deadlines {
  public:
    Deadlines() { clear_all(); }

    void set(Timer timer, Instant at) { at_[index(timer)] = at; }
    void clear(Timer timer) { at_[index(timer)] = never; }
    void clear_all() { at_.fill(never); }
    [[nodiscard]] bool is_set(Timer timer) const { return at_[index(timer)] != never; }
    [[nodiscard]] std::optional<Instant> at(Timer timer) const { return known(at_[index(timer)]); }

    [[nodiscard]] std::optional<Instant> earliest() const {
        return known(*std::min_element(at_.begin(), at_.end()));
    }

    // Clears and returns the timer that is due first, if one is due.
    std::optional<Timer> take_due(Instant now) {
        const auto first = std::min_element(at_.begin(), at_.end());
        if (*first == never || *first > now) {
            return std::nullopt;
        }
        *first = never;
        return static_cast<Timer>(first - at_.begin());
    }

  private:
    static constexpr Instant never = Instant::max();
    static constexpr std::size_t index(Timer timer) { return static_cast<std::size_t>(timer); }
    static std::optional<Instant> known(Instant at) {
        return at == never ? std::nullopt : std::optional<Instant>(at);
    }

    std::array<Instant, static_cast<std::size_t>(Timer::count)> at_;
};

}  // namespace ais
