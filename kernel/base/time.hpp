// SPDX-License-Identifier: BSD-3-Clause
//
// Instants and durations.  An Instant counts nanoseconds of a monotonic clock
// whose zero means nothing; only kernel/os reads that clock, everybody else
// gets `now` as an argument.

#pragma once

#include <chrono>
#include <cstdint>

namespace ais {

using Duration = std::chrono::nanoseconds;

// A clock that nobody can ask.
struct MonotonicTime {
    using rep = std::int64_t;
    using period = std::nano;
    using duration = Duration;
    using time_point = std::chrono::time_point<MonotonicTime>;
    static constexpr bool is_steady = true;
};

using Instant = MonotonicTime::time_point;

constexpr std::int64_t to_ms(Duration duration) {
    return std::chrono::duration_cast<std::chrono::milliseconds>(duration).count();
}

}  // namespace ais
