// SPDX-License-Identifier: BSD-3-Clause
//
// The machine as its operator knows it.

#pragma once

#include <cstdint>
#include <string>

namespace ais::os {

// "localhost" if it has none.
[[nodiscard]] std::string host_name();

// When it was started, by the wall clock as it is now: nanoseconds since 1970.  Two calls
// differ by what the clock was set meanwhile, so ask once.
[[nodiscard]] std::int64_t boot_time_ns();

}  // namespace ais::os
