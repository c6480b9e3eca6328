// SPDX-License-Identifier: BSD-3-Clause
//
// The door for the operator's tool: an AF_UNIX stream socket, RUN_DIR/control,
// on which lines of text come in and lines go out (docs/protocol/control.md).
//
// Open to root and the kernel's own user only, by SO_PEERCRED; the mode of the
// socket says the same.  Nothing here blocks: what a slow reader does not take is
// kept, up to a limit, and tried again.
//
// Threads: the loop's only.

#pragma once

#include "base/log.hpp"
#include "base/timers.hpp"
#include "base/watcher.hpp"

#include <ais/result.hpp>

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

namespace ais::os {

class ControlServer {
  public:
    // Limits: connections at a time; bytes of a request; bytes of replies that wait for a
    // reader, and how long it may take nothing.
    static constexpr std::size_t connections_max = 16;
    static constexpr std::size_t line_max = 64U << 10;
    static constexpr std::size_t output_max = 16U << 20;

    using ConnectionId = std::uint64_t;
    // One line without its end.  May call reply(), now or later.
    using Handler = std::function<void(ConnectionId from, std::string_view line)>;

    // All outlive it.
    ControlServer(std::string run_dir, Watcher& watcher, Timers& timers, Log& log, Handler handler);
    ~ControlServer();
    ControlServer(const ControlServer&) = delete;
    ControlServer& operator=(const ControlServer&) = delete;

    // Requires: nobody else uses the run directory (the lock of unix_server).
    Result<void> open();
    // A line to a connection; one that is gone is forgotten.
    void reply(ConnectionId to, std::string_view line);

  private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

}  // namespace ais::os
