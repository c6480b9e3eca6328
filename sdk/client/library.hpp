// SPDX-License-Identifier: BSD-3-Clause
//
// What every Initialize has in common: which version of an API is served.

#pragma once

#include <cstdint>
#include <span>

namespace ais::client {

// A version as SaVersionT has it: release letter, major, minor.
struct Version {
    std::uint8_t release = 0;
    std::uint8_t major = 0;
    std::uint8_t minor = 0;

    friend bool operator==(const Version&, const Version&) = default;
};

// The SA Forum's rule.  `supported` (not empty, ascending, the highest minor
// of each release and major) is what the library has; `version` holds what is required (the minor
// does not count) and is overwritten with what is served, also on failure. True: satisfied.  A
// required major of 0 never is.
bool negotiate(std::span<const Version> supported, Version& version);

}  // namespace ais::client
