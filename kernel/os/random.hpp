// SPDX-License-Identifier: BSD-3-Clause
//
// Random bytes from the kernel, for boot salts, incarnations and seeds.  Called
// at start, before the loop runs: it may wait until the machine has gathered
// enough entropy after boot.

#pragma once

#include <ais/bytes.hpp>
#include <ais/result.hpp>

namespace ais::os {

Result<void> fill_random(MutableBytes out);

}  // namespace ais::os
