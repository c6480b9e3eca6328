// SPDX-License-Identifier: BSD-3-Clause
//
// Histories from and to traces (docs/protocol/trace.md).
//
// The reader trusts nothing: what it is given may be torn, mixed up or
// hostile, so each line is checked before anything is recorded, and every size
// is bounded.  An error names the file, the line and what was expected.

#pragma once

#include "sim/checker/history.hpp"

#include <ais/result.hpp>

#include <iosfwd>
#include <string>

namespace ais::sim {

struct TraceLimits {
    std::size_t line_max = 16 * 1024;
    std::size_t events_max = 100'000'000;
};

// Takes traces one after the other, then makes one history of them.
class TraceReader {
  public:
    explicit TraceReader(const TraceLimits& limits = {});
    ~TraceReader();

    // `name` is for messages.  After an error the reader is of no more use.
    Result<void> read(std::istream& from, const std::string& name);

    // All that was read.  A life has crashed if it says `end` or its node started
    // again later; the last lives of nodes go on.  Call once.
    [[nodiscard]] History take();

    // Lines that a killed process did not finish.
    [[nodiscard]] std::size_t torn_lines() const;

  private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

// All lives, one after the other.
void write_trace(std::ostream& to, const History& history);

}  // namespace ais::sim
