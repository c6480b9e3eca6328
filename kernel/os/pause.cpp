// SPDX-License-Identifier: BSD-3-Clause

#include "os/pause.hpp"

#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <string_view>
#include <vector>

namespace ais::os {
namespace {

// Why two seconds: a reading costs 35 us, which an idle node would notice.
constexpr Duration reading_interval = std::chrono::seconds(2);

Descriptor open_to_read(const char* path) {
    return Descriptor(::open(path, O_RDONLY | O_CLOEXEC));
}

// The first bytes of a file of /proc, as they are now: enough for the first line.
std::string_view read_start(const Descriptor& file, std::array<char, 512>& room) {
    const ssize_t got = ::pread(file.get(), room.data(), room.size(), 0);
    return got > 0 ? std::string_view(room.data(), static_cast<std::size_t>(got))
                   : std::string_view();
}

// The numbers at the start of `text`, at most as many as fit.
template <std::size_t count>
std::array<std::uint64_t, count> numbers(std::string_view text) {
    std::array<std::uint64_t, count> found{};
    for (std::uint64_t& number : found) {
        const auto begin = text.find_first_of("0123456789");
        if (begin == std::string_view::npos || text.substr(0, begin).find('\n') != text.npos) {
            break;
        }
        text.remove_prefix(begin);
        const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
        text.remove_prefix(static_cast<std::size_t>(end - text.data()));
    }
    return found;
}

}  // namespace

PauseCounterFiles::PauseCounterFiles()
    : process_(open_to_read("/proc/self/schedstat")), machine_(open_to_read("/proc/stat")) {}

PauseCounters PauseCounterFiles::read() const {
    PauseCounters now;
    std::array<char, 512> room{};
    const auto scheduled = numbers<2>(read_start(process_, room));
    now.ran = Duration(static_cast<std::int64_t>(scheduled[0]));
    now.waited = Duration(static_cast<std::int64_t>(scheduled[1]));
    // "cpu  user nice system idle iowait irq softirq steal", in ticks.
    const auto processors = numbers<8>(read_start(machine_, room));
    const long ticks = ::sysconf(_SC_CLK_TCK);
    now.stolen = std::chrono::milliseconds(processors[7] * 1000 /
                                           static_cast<std::uint64_t>(ticks > 0 ? ticks : 100));
    rusage usage{};
    if (::getrusage(RUSAGE_SELF, &usage) == 0) {
        now.major_faults = static_cast<std::uint64_t>(usage.ru_majflt);
        now.switches = static_cast<std::uint64_t>(usage.ru_nivcsw);
    }
    return now;
}

std::string explain_pause(const PauseCounters& before,
                          const PauseCounters& after,
                          Duration length) {
    // The readings span a little more than the pause: none can be blamed for more.
    const auto ms = [&](Duration from, Duration to) { return to_ms(std::min(to - from, length)); };
    std::string text;
    const auto add = [&](const std::string& part) { text += (text.empty() ? "" : ", ") + part; };
    const auto waited = ms(before.waited, after.waited);
    const auto ran = ms(before.ran, after.ran);
    const auto stolen = ms(before.stolen, after.stolen);
    const auto faults = after.major_faults - before.major_faults;
    if (waited > 0) {
        add("runnable without a processor for " + std::to_string(waited) +
            " ms: other programs had them");
    }
    if (stolen > 0) {
        add("the hypervisor took " + std::to_string(stolen) + " ms from this machine");
    }
    if (faults > 0) {
        add(std::to_string(faults) + (faults == 1 ? " page" : " pages") +
            " had to be read from disk");
    }
    if (2 * ran > to_ms(length)) {
        add("it was itself busy for " + std::to_string(ran) + " ms");
    }
    const bool is_explained = 2 * (waited + stolen + ran) > to_ms(length) || faults > 0;
    if (!is_explained) {
        add("for the rest it was stopped, blocked in a system call, or the machine stood still");
    }
    return text;
}

void PauseWatch::tick(Instant now) {
    if (now >= next_) {
        next_ = now + reading_interval;
        before_ = files_.read();
    }
}

std::string PauseWatch::explain(Instant now, Duration length) {
    const PauseCounters after = files_.read();
    std::string text = explain_pause(before_, after, length);
    before_ = after;
    next_ = now + reading_interval;
    return text;
}

}  // namespace ais::os
