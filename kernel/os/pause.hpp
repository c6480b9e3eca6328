// SPDX-License-Identifier: BSD-3-Clause
//
// Why did this process not run?  The operating system's counters, read now and
// then, and once more when the loop turns out to be late; the difference is
// the explanation, in words for one log line.
//
// Threads: the loop's.

#pragma once

#include "base/time.hpp"
#include "os/descriptor.hpp"

#include <cstdint>
#include <string>

namespace ais::os {

struct PauseCounters {
    Duration waited{};               // runnable, but no processor (/proc/self/schedstat)
    Duration ran{};                  // on a processor
    Duration stolen{};               // of all processors, by the hypervisor (/proc/stat)
    std::uint64_t major_faults = 0;  // pages that had to be read from disk
    std::uint64_t switches = 0;      // taken off the processor against its will
};

// The counters of the process that makes this object.  The files of /proc stay open, since opening
// them costs more than reading.
class PauseCounterFiles {
  public:
    PauseCounterFiles();
    // What cannot be read is 0.
    [[nodiscard]] PauseCounters read() const;

  private:
    Descriptor process_;
    Descriptor machine_;
};

// "runnable without a processor for 210 ms, 3 pages read from disk": what
// happened between the two, for a pause of `length`; never empty.
[[nodiscard]] std::string explain_pause(const PauseCounters& before,
                                        const PauseCounters& after,
                                        Duration length);

// Keeps the earlier reading.
class PauseWatch {
  public:
    // At every turn of the loop: reads the counters at most every two seconds.
    void tick(Instant now);
    // The loop was late by `length`.
    [[nodiscard]] std::string explain(Instant now, Duration length);

  private:
    PauseCounterFiles files_;
    PauseCounters before_ = files_.read();
    Instant next_ = Instant::min();
};

}  // namespace ais::os
