// SPDX-License-Identifier: BSD-3-Clause
//
// What the executive says when it must end at once: an exception that nobody
// catches (one that leaves a plugin's function always is: the SDK's
// trampolines are noexcept), or a signal such as SIGSEGV.  A replica that may be
// wrong must leave the ring, so the process ends in any case; the line tells
// whose fault it was, if a plugin was running.
//
// After an exception on the loop's thread the log is drained, so the line is where the other lines
// are.  In a signal handler nothing but write(2) is safe: the line goes to standard error. Then the
// system's default follows: a core file, where those are wanted.
//
// One object per process, made by the thread that runs the loop.

#pragma once

#include "os/log_sinks.hpp"

#include <memory>

namespace ais::os {

class LastWords {
  public:
    // Writes what is running now ("cpg.deliver"), or nothing, to `to`, and returns it.  Called in
    // signal handlers.
    using WhatRuns = const char* (*)(char* to, std::size_t room);

    // `log` is destroyed when the process dies of an exception: that drains it.
    LastWords(std::unique_ptr<LogSinks>& log, WhatRuns what_runs);
    ~LastWords();
    LastWords(const LastWords&) = delete;
    LastWords& operator=(const LastWords&) = delete;
};

}  // namespace ais::os
