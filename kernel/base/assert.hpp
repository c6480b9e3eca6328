// SPDX-License-Identifier: BSD-3-Clause
//
// AIS_ASSERT: for our own invariants, in every build.  A node that may be
// wrong must leave, so a failed assertion prints where and what, the last
// lines of the trace, and aborts.  Never used on anything that came from the
// network, a client, a file or a plugin.

#pragma once

namespace ais {

[[noreturn]] void assertion_failed(const char* what, const char* file, int line);

}  // namespace ais

#define AIS_ASSERT(condition)                            \
    (static_cast<bool>(condition) ? static_cast<void>(0) \
                                  : ::ais::assertion_failed(#condition, __FILE__, __LINE__))
