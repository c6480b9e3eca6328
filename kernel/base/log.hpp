// SPDX-License-Identifier: BSD-3-Clause
//
// The front of logging.  Parts of the kernel get a Log& and write whole
// sentences with a stable message id ("TOTEM-003", explained under DIAGNOSTICS
// of aisexec-kernel(8)); kernel/os/log_sinks decides where they go.  Writing
// must not block the loop; the sinks see to that.

#pragma once

#include <ais/abi/host.h>

#include <cstdio>
#include <sstream>
#include <string_view>

namespace ais {

enum class Level : std::uint32_t {
    error = AIS_LOG_ERROR,
    warning = AIS_LOG_WARNING,
    notice = AIS_LOG_NOTICE,
    info = AIS_LOG_INFO,
    debug = AIS_LOG_DEBUG,
};

class Log {
  public:
    // `id` may be empty for lines without an entry in DIAGNOSTICS (debug only).
    virtual void write(Level level,
                       std::string_view subsystem,
                       std::string_view id,
                       std::string_view text) = 0;
    [[nodiscard]] virtual bool wants(Level level, std::string_view subsystem) const = 0;

  protected:
    ~Log() = default;
};

// Swallows everything; for tests.
Log& null_log();

// Keeps the last 64 lines for assertion_failed; every sink calls it.
void remember_log_line(std::string_view line);
void print_recent_log_lines(std::FILE* to);

// One line from parts: log(log, Level::notice, "totem", "TOTEM-003", "ring ", id, " formed").
template <typename... Parts>
void log_line(
    Log& log, Level level, std::string_view subsystem, std::string_view id, const Parts&... parts) {
    if (!log.wants(level, subsystem)) {
        return;
    }
    std::ostringstream text;
    (text << ... << parts);
    log.write(level, subsystem, id, text.view());
}

}  // namespace ais

#define AIS_LOG(log, level, subsystem, id, ...) \
    ::ais::log_line((log), ::ais::Level::level, (subsystem), (id), __VA_ARGS__)
