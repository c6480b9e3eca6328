// SPDX-License-Identifier: BSD-3-Clause

#include "os/log_sinks.hpp"

#include <spdlog/async_logger.h>
#include <spdlog/details/thread_pool.h>
#include <spdlog/pattern_formatter.h>
#include <spdlog/sinks/base_sink.h>
#include <spdlog/sinks/basic_file_sink.h>
#include <spdlog/sinks/stdout_sinks.h>

#include <syslog.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <mutex>

namespace ais::os {
namespace {

// Our five levels as five of spdlog's, one to one (it has no notice).
spdlog::level::level_enum to_spdlog(Level level) {
    switch (level) {
        case Level::error:
            return spdlog::level::err;
        case Level::warning:
            return spdlog::level::warn;
        case Level::notice:
            return spdlog::level::info;
        case Level::info:
            return spdlog::level::debug;
        case Level::debug:
            break;
    }
    return spdlog::level::trace;
}

int to_priority(spdlog::level::level_enum level) {
    switch (level) {
        case spdlog::level::err:
            return LOG_ERR;
        case spdlog::level::warn:
            return LOG_WARNING;
        case spdlog::level::info:
            return LOG_NOTICE;
        case spdlog::level::debug:
            return LOG_INFO;
        default:
            return LOG_DEBUG;
    }
}

struct Facility {
    std::string_view name;
    int value;
};
constexpr std::array facilities{Facility{"daemon", LOG_DAEMON},
                                Facility{"user", LOG_USER},
                                Facility{"local0", LOG_LOCAL0},
                                Facility{"local1", LOG_LOCAL1},
                                Facility{"local2", LOG_LOCAL2},
                                Facility{"local3", LOG_LOCAL3},
                                Facility{"local4", LOG_LOCAL4},
                                Facility{"local5", LOG_LOCAL5},
                                Facility{"local6", LOG_LOCAL6},
                                Facility{"local7", LOG_LOCAL7}};

// Why not spdlog's: it has no word for notice.
class SyslogSink final : public spdlog::sinks::base_sink<std::mutex> {
  public:
    SyslogSink(std::string ident, int facility) : ident_(std::move(ident)) {
        ::openlog(ident_.c_str(), LOG_PID | LOG_NDELAY, facility);
    }
    ~SyslogSink() override { ::closelog(); }

  protected:
    void sink_it_(const spdlog::details::log_msg& message) override {
        const int size = static_cast<int>(std::min<std::size_t>(message.payload.size(), 8192));
        ::syslog(to_priority(message.level), "%.*s", size, message.payload.data());
    }
    void flush_() override {}

  private:
    const std::string ident_;  // syslog keeps the pointer
};

// Call `each` for every line of `text`, without control characters.
template <typename Each>
void for_each_line(std::string_view text, const Each& each) {
    std::string clean;
    while (!text.empty()) {
        const std::size_t end = std::min(text.find('\n'), text.size());
        clean.assign(text.substr(0, end));
        for (char& c : clean) {
            const auto byte = static_cast<unsigned char>(c);
            c = byte == '\t' ? ' ' : byte < 0x20 || byte == 0x7f ? '?' : c;
        }
        each(clean);
        text.remove_prefix(std::min(end + 1, text.size()));
    }
}

class StartUpLog final : public Log {
  public:
    void write(Level level,
               std::string_view subsystem,
               std::string_view id,
               std::string_view text) override {
        for_each_line(text, [&](const std::string& line) {
            std::string out = "aisexec: ";
            append_log_line(out, level, subsystem, id, line);
            std::fprintf(stderr, "%s\n", out.c_str());
            remember_log_line(out);
        });
    }
    [[nodiscard]] bool wants(Level level, std::string_view) const override {
        return level != Level::debug;
    }
};

}  // namespace

std::string_view name_of(Level level) {
    switch (level) {
        case Level::error:
            return "error";
        case Level::warning:
            return "warning";
        case Level::notice:
            return "notice";
        case Level::info:
            return "info";
        case Level::debug:
            break;
    }
    return "debug";
}

namespace {

// Length of the well-formed UTF-8 sequence at the front of `text`, at least one
// continuation byte long; 0 if there is none.
std::size_t utf8_length(std::string_view text) {
    const auto lead = static_cast<unsigned char>(text[0]);
    const std::size_t length = lead >= 0xf0 && lead < 0xf5 ? 4
                               : lead >= 0xe0              ? 3
                               : lead >= 0xc2              ? 2
                                                           : 0;
    if (lead >= 0xf5 || length > text.size()) {
        return 0;
    }
    for (std::size_t i = 1; i < length; ++i) {
        if ((static_cast<unsigned char>(text[i]) & 0xc0) != 0x80) {
            return 0;
        }
    }
    return length;
}

// Why: names and values in a line come from files, peers and clients, and must
// neither forge lines nor break the terminal of who reads them.
void append_printable(std::string& out, std::string_view text) {
    constexpr char digits[] = "0123456789abcdef";
    while (!text.empty()) {
        const auto byte = static_cast<unsigned char>(text[0]);
        std::size_t length = (byte >= 0x20 && byte < 0x7f) || byte == '\t' ? 1 : 0;
        if (byte >= 0x80) {
            length = utf8_length(text);
        }
        if (length == 0) {
            out.append({'\\', 'x', digits[byte >> 4], digits[byte & 0xf]});
            text.remove_prefix(1);
        } else {
            out.append(text.substr(0, length));
            text.remove_prefix(length);
        }
    }
}

}  // namespace

void append_log_line(std::string& out,
                     Level level,
                     std::string_view subsystem,
                     std::string_view id,
                     std::string_view line) {
    out.append(name_of(level)).append(" ");
    if (!id.empty()) {
        out.append(id).append(" ");
    }
    out.append("[").append(subsystem).append("] ");
    append_printable(out, line);
}

Log& start_up_log() {
    static StartUpLog log;
    return log;
}

struct LogSinks::Impl {
    LogOptions options;
    std::shared_ptr<spdlog::details::thread_pool> pool;
    std::shared_ptr<spdlog::async_logger> logger;
    std::vector<std::shared_ptr<spdlog::sinks::sink>> sinks;
    std::string line;
    std::size_t lost_told = 0;

    void put(Level level, std::string_view subsystem, std::string_view id, std::string_view text) {
        line.clear();
        append_log_line(line, level, subsystem, id, text);
        remember_log_line(line);
        logger->log(to_spdlog(level), spdlog::string_view_t(line.data(), line.size()));
    }
};

LogSinks::LogSinks(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

LogSinks::~LogSinks() {
    impl_->logger.reset();
    impl_->pool.reset();  // its thread ends after the last line
}

Result<std::unique_ptr<LogSinks>> LogSinks::open(const LogOptions& options) {
    auto impl = std::make_unique<Impl>();
    impl->options = options;
    const std::string pattern = options.timestamp ? "%Y-%m-%d %H:%M:%S.%e %v" : "%v";
    if (options.to_stderr) {
        impl->sinks.push_back(std::make_shared<spdlog::sinks::stderr_sink_mt>());
    }
    if (options.to_file) {
        if (options.logfile.empty()) {
            return invalid("logging.to_file is on, but logging.logfile does not say where");
        }
        try {
            impl->sinks.push_back(
                std::make_shared<spdlog::sinks::basic_file_sink_mt>(options.logfile, false));
        } catch (const spdlog::spdlog_ex& problem) {
            return failed("cannot open the log file " + options.logfile +
                          " (logging.logfile): " + problem.what());
        }
    }
    for (const auto& sink : impl->sinks) {
        sink->set_formatter(std::make_unique<spdlog::pattern_formatter>(pattern));
    }
    if (options.to_syslog) {
        const auto facility =
            std::find_if(facilities.begin(), facilities.end(), [&](const Facility& one) {
                return one.name == options.syslog_facility;
            });
        if (facility == facilities.end()) {
            return invalid(
                "'" + options.syslog_facility +
                "' (logging.syslog_facility) is not a facility: daemon, user or local0 to local7");
        }
        impl->sinks.push_back(std::make_shared<SyslogSink>(options.ident, facility->value));
    }
    impl->pool = std::make_shared<spdlog::details::thread_pool>(
        std::max<std::size_t>(options.queue_lines, 16), 1U);
    impl->logger =
        std::make_shared<spdlog::async_logger>(options.ident,
                                               impl->sinks.begin(),
                                               impl->sinks.end(),
                                               impl->pool,
                                               spdlog::async_overflow_policy::overrun_oldest);
    impl->logger->set_level(spdlog::level::trace);  // wants() decides
    impl->logger->flush_on(spdlog::level::trace);   // by the thread: an operator looks with tail
    // A full disk must not be answered with more output.
    impl->logger->set_error_handler([](const std::string&) {});
    return std::unique_ptr<LogSinks>(new LogSinks(std::move(impl)));
}

void LogSinks::write(Level level,
                     std::string_view subsystem,
                     std::string_view id,
                     std::string_view text) {
    if (!wants(level, subsystem)) {
        return;
    }
    const std::size_t lost = impl_->pool->overrun_counter();
    if (lost != impl_->lost_told && impl_->pool->queue_size() < impl_->options.queue_lines / 2) {
        impl_->put(Level::warning,
                   "log",
                   "OS-004",
                   std::to_string(lost - impl_->lost_told) +
                       " log lines were lost: the log is written too slowly");
        impl_->lost_told = lost;
    }
    for_each_line(text, [&](const std::string& line) { impl_->put(level, subsystem, id, line); });
}

bool LogSinks::wants(Level level, std::string_view subsystem) const {
    if (level != Level::debug) {
        return true;
    }
    const auto& loggers = impl_->options.loggers;
    const auto own = std::find_if(loggers.begin(), loggers.end(), [&](const auto& logger) {
        return logger.ident == subsystem;
    });
    return own == loggers.end() ? impl_->options.debug : own->debug;
}

std::uint64_t LogSinks::lost_lines() const {
    return impl_->pool->overrun_counter();
}

}  // namespace ais::os
