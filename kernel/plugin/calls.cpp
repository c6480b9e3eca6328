// SPDX-License-Identifier: BSD-3-Clause

#include "plugin/calls.hpp"

#include "base/assert.hpp"

#include <cstdio>

namespace ais::plugin {

namespace {

// Plain pointers: readable from a signal handler.
thread_local const char* current_plugin = nullptr;
thread_local const char* current_call = nullptr;

bool is_timed(Call call) {
    // Why: these two run for every datagram, and reading a clock would cost as much as
    // sealing a small one.
    return call != Call::seal && call != Call::open;
}

}  // namespace

const char* to_text(Call call) {
    static constexpr const char* names[] = {
        "load",         "unload",       "deliver",   "configure",  "request",      "client_open",
        "client_close", "save",         "merge",     "dump",       "timer",        "parse",
        "is_primary",   "open_session", "seal",      "open",       "list",         "save_part",
        "merge_begin",  "merge_part",   "merge_end", "save_local", "restore_local"};
    static_assert(std::size(names) == static_cast<std::size_t>(Call::count));
    return names[static_cast<std::size_t>(call)];
}

void Calls::finished(Call call, Duration took) {
    CallStats& stats = stats_[static_cast<std::size_t>(call)];
    ++stats.calls;
    stats.total += took;
    if (took > stats.longest) {
        stats.longest = took;
    }
    // Why: load may read what it likes, before the ring is formed.
    if (took >= slow && took >= 2 * reported_ && call != Call::load && call != Call::unload) {
        reported_ = took;
        AIS_LOG(*kernel_.log,
                warning,
                "plugin",
                "PLUGIN-010",
                name_,
                ".",
                to_text(call),
                " took ",
                to_ms(took),
                " ms; the ring waits meanwhile");
    }
}

CallScope::CallScope(Calls& calls, Call call) : calls_(calls), call_(call) {
    AIS_ASSERT(!calls.inside_);
    calls.inside_ = true;
    current_plugin = calls.name_.c_str();
    current_call = to_text(call);
    if (calls.kernel_.stopwatch != nullptr && is_timed(call)) {
        start_ = calls.kernel_.stopwatch->reading();
    }
}

CallScope::~CallScope() {
    Duration took{};
    if (calls_.kernel_.stopwatch != nullptr && is_timed(call_)) {
        took = calls_.kernel_.stopwatch->reading() - start_;
    }
    current_plugin = nullptr;
    current_call = nullptr;
    calls_.inside_ = false;
    calls_.finished(call_, took);
}

const char* describe_current_call(char* to, std::size_t room) {
    if (room == 0) {
        return "";
    }
    std::size_t used = 0;
    const auto add = [&](const char* text) {
        while (*text != '\0' && used + 1 < room) {
            to[used++] = *text++;
        }
    };
    if (current_plugin != nullptr) {
        add(current_plugin);
        add(".");
        add(current_call);
    }
    to[used] = '\0';
    return to;
}

}  // namespace ais::plugin
