// SPDX-License-Identifier: BSD-3-Clause
//
// Coverage marks: AIS_MARK("gather.ignores_stale_join") in an odd branch and
// EXPECT_MARK in its test tie the two, so that each such branch points to the
// one small test that explains why it exists.

#pragma once

#include <cstdint>

namespace ais {

// Counts passes through one marked branch.  Marks are diagnostics, not state:
// nothing in the kernel reads them.
void pass_mark(const char* name);
std::uint64_t mark_count(const char* name);

}  // namespace ais

#if defined(AIS_NO_MARKS)
#define AIS_MARK(name) static_cast<void>(0)
#else
#define AIS_MARK(name) ::ais::pass_mark(name)
#endif

// For tests: the statement passes the mark at least once.
#define EXPECT_MARK(name, statement)                      \
    do {                                                  \
        const auto before_mark = ::ais::mark_count(name); \
        statement;                                        \
        EXPECT_GT(::ais::mark_count(name), before_mark);  \
    } while (false)
