// SPDX-License-Identifier: BSD-3-Clause
//
// Every call into a plugin is made inside a CallScope: it is counted, timed, and its name
// stands where a crash handler can find it.
//
// Why: when a plugin ends the process (an exception at a noexcept border, a signal), the
// kernel's last words should name it; and a plugin that takes long holds up the ring.
//
// Threads: the current call is per thread.

#pragma once

#include "plugin/kernel.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>

namespace ais::plugin {

enum class Call : std::uint8_t {
    load,
    unload,
    deliver,
    configure,
    request,
    client_open,
    client_close,
    save,
    merge,
    dump,
    timer,
    parse,
    is_primary,
    open_session,
    seal,
    open,
    list_parts,
    save_part,
    merge_begin,
    merge_part,
    merge_end,
    save_local,
    restore_local,
    count
};

[[nodiscard]] const char* to_text(Call call);

struct CallStats {
    std::uint64_t calls = 0;
    Duration total{};
    Duration longest{};
};

// Of one instance.
class Calls {
  public:
    // A call that takes longer is a warning, PLUGIN-010, once for each doubling.
    static constexpr Duration slow = std::chrono::milliseconds(50);

    // `name` and `kernel` outlive it.
    Calls(const std::string& name, const Kernel& kernel) : name_(name), kernel_(kernel) {}

    [[nodiscard]] const CallStats& of(Call call) const {
        return stats_[static_cast<std::size_t>(call)];
    }
    [[nodiscard]] const std::string& name() const { return name_; }

  private:
    friend class CallScope;
    void finished(Call call, Duration took);

    const std::string& name_;
    const Kernel& kernel_;
    std::array<CallStats, static_cast<std::size_t>(Call::count)> stats_{};
    Duration reported_ = slow / 2;
    bool inside_ = false;
};

class CallScope {
  public:
    // Invariant: a plugin is not called while it is in a call (its own host calls queue).
    CallScope(Calls& calls, Call call);
    ~CallScope();
    CallScope(const CallScope&) = delete;
    CallScope& operator=(const CallScope&) = delete;

  private:
    Calls& calls_;
    Call call_;
    Duration start_{};
};

// "cpg.deliver", or "" if no plugin is running in this thread.  For a handler of
// std::terminate or of a signal: does not allocate; `to` has room for 64 bytes.
const char* describe_current_call(char* to, std::size_t room);

}  // namespace ais::plugin
