// SPDX-License-Identifier: BSD-3-Clause
//
// Where log lines go: standard error, a file, syslog, as `logging { }` says.
//
//   2026-11-23 13:30:01.123 notice TOTEM-003 [totem] ring 1.24 formed
//
// spdlog's asynchronous logger writes them from a thread of its own, so that a
// slow disk or a stuck syslog never holds the loop; when its queue is full the
// oldest lines are lost, and counted.  Text of several lines becomes several log
// lines; control characters, which may come from the network, become '?'.
//
// Threads: write() from the loop only.  Make it after the process has forked
// into the background: threads do not survive a fork.

#pragma once

#include "base/log.hpp"

#include <ais/result.hpp>

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace ais::os {

struct LogOptions {
    bool to_stderr = true;
    bool to_file = false;
    std::string logfile;  // required by to_file
    bool to_syslog = false;
    std::string syslog_facility = "daemon";
    std::string ident = "aisexec";  // in syslog
    bool debug = false;
    bool timestamp = true;  // not in syslog, which has its own
    // `logger { ident: …  debug: … }`: one part of the executive.
    struct Logger {
        std::string ident;
        bool debug = false;
    };
    std::vector<Logger> loggers;
    std::size_t queue_lines = 8192;
};

class LogSinks final : public Log {
  public:
    static Result<std::unique_ptr<LogSinks>> open(const LogOptions& options);
    // Writes what is queued.
    ~LogSinks();

    void write(Level level,
               std::string_view subsystem,
               std::string_view id,
               std::string_view text) override;
    [[nodiscard]] bool wants(Level level, std::string_view subsystem) const override;

    [[nodiscard]] std::uint64_t lost_lines() const;

  private:
    struct Impl;
    explicit LogSinks(std::unique_ptr<Impl> impl);
    std::unique_ptr<Impl> impl_;
};

// Straight to standard error, for what is said before the configuration is
// known.  Lines of debug are left out.
Log& start_up_log();

// "notice TOTEM-003 [totem] ring formed"; for write() and its tests.
void append_log_line(std::string& out,
                     Level level,
                     std::string_view subsystem,
                     std::string_view id,
                     std::string_view line);
[[nodiscard]] std::string_view name_of(Level level);

}  // namespace ais::os
