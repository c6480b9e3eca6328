// SPDX-License-Identifier: BSD-3-Clause
//
// For tests: how often this program has called operator new.

#pragma once

#include <cstdint>

namespace ais::os {

std::uint64_t allocation_count();

}  // namespace ais::os
