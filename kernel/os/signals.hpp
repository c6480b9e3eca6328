// SPDX-License-Identifier: BSD-3-Clause
//
// Signals as events of the loop.  The handler writes one byte to a pipe; the
// loop reads it and calls back.  (Not signalfd: it needs blocked signals, and a
// blocked mask is inherited by every program that a component starts.)
//
// One object per process.  SIGPIPE is ignored while it lives.

#pragma once

#include "base/watcher.hpp"
#include "os/descriptor.hpp"

#include <ais/result.hpp>

#include <csignal>
#include <functional>
#include <map>
#include <memory>

namespace ais::os {

class Signals {
  public:
    static Result<std::unique_ptr<Signals>> open(Watcher& watcher);
    // Gives the signals back to their default.
    ~Signals();
    Signals(const Signals&) = delete;
    Signals& operator=(const Signals&) = delete;

    // Call `react` on the loop whenever the signal came; several that come
    // close together may be one call.  Replaces what was set before.
    void on(int signal, std::function<void()> react);

  private:
    explicit Signals(Watcher& watcher) : watcher_(watcher) {}
    void take();

    Watcher& watcher_;
    Descriptor read_end_;
    Descriptor write_end_;
    WatchId watch_ = 0;
    std::map<int, std::function<void()>> reactions_;
};

}  // namespace ais::os
