// SPDX-License-Identifier: BSD-3-Clause
//
// The two clocks.  Only kernel/os reads them; everybody else gets `now`.

#pragma once

#include "base/time.hpp"

#include <cstdint>

namespace ais::os {

// CLOCK_MONOTONIC: does not jump, stands still while the machine is suspended.
[[nodiscard]] Instant monotonic_now();
// CLOCK_REALTIME, nanoseconds since 1970: for people and for AIS time stamps,
// never for a decision that replicas must share.
// The same clock, as of the last tick of the system (some milliseconds ago), but
// much cheaper to read: for measuring what should not take long.
[[nodiscard]] Instant coarse_monotonic_now();
[[nodiscard]] std::int64_t wall_clock_ns();

}  // namespace ais::os
