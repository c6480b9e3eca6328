// SPDX-License-Identifier: BSD-3-Clause

#include "os/clock.hpp"

#include <ctime>

namespace ais::os {
namespace {

std::int64_t read_ns(clockid_t clock) {
    timespec at{};
    ::clock_gettime(clock, &at);
    return std::int64_t{at.tv_sec} * 1'000'000'000 + at.tv_nsec;
}

}  // namespace

Instant monotonic_now() {
    return Instant(Duration(read_ns(CLOCK_MONOTONIC)));
}

Instant coarse_monotonic_now() {
    return Instant(Duration(read_ns(CLOCK_MONOTONIC_COARSE)));
}

std::int64_t wall_clock_ns() {
    return read_ns(CLOCK_REALTIME);
}

}  // namespace ais::os
