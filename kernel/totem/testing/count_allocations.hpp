// SPDX-License-Identifier: BSD-3-Clause
//
// Counts calls of operator new while asked to; the program that links
// count_allocations.cpp has its operator new replaced.

#pragma once

#include <cstddef>

namespace ais::totem::testing {

extern bool counts_allocations;
extern std::size_t allocations;

}  // namespace ais::totem::testing
