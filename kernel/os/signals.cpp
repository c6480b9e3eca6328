// SPDX-License-Identifier: BSD-3-Clause

#include "os/signals.hpp"

#include "base/assert.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <set>

namespace ais::os {
namespace {

// Why static: a signal handler gets nothing but its number.
std::atomic<int> wake_fd{-1};
static_assert(std::atomic<int>::is_always_lock_free);

void note_signal(int signal) {
    const int before = errno;
    const auto number = static_cast<unsigned char>(signal);
    // A full pipe has enough bytes to wake the loop.
    [[maybe_unused]] const ssize_t done = ::write(wake_fd.load(), &number, 1);
    errno = before;
}

void set_action(int signal, void (*handler)(int)) {
    struct sigaction action {};
    action.sa_handler = handler;
    action.sa_flags = SA_RESTART;
    sigemptyset(&action.sa_mask);
    ::sigaction(signal, &action, nullptr);
}

}  // namespace

Result<std::unique_ptr<Signals>> Signals::open(Watcher& watcher) {
    AIS_ASSERT(wake_fd.load() == -1);
    int ends[2];
    if (::pipe2(ends, O_CLOEXEC | O_NONBLOCK) != 0) {
        return failed(std::string("cannot make a pipe for signals: ") + std::strerror(errno));
    }
    std::unique_ptr<Signals> signals(new Signals(watcher));
    signals->read_end_ = Descriptor(ends[0]);
    signals->write_end_ = Descriptor(ends[1]);
    wake_fd = ends[1];
    signals->watch_ = watcher.watch(ends[0], [self = signals.get()] { self->take(); });
    set_action(SIGPIPE, SIG_IGN);
    return signals;
}

Signals::~Signals() {
    for (const auto& [signal, react] : reactions_) {
        set_action(signal, SIG_DFL);
    }
    set_action(SIGPIPE, SIG_DFL);
    watcher_.unwatch(watch_);
    wake_fd = -1;
}

void Signals::on(int signal, std::function<void()> react) {
    reactions_[signal] = std::move(react);
    set_action(signal, note_signal);
}

void Signals::take() {
    std::array<unsigned char, 64> numbers{};
    std::set<int> seen;
    ssize_t got = 0;
    while ((got = ::read(read_end_.get(), numbers.data(), numbers.size())) > 0) {
        seen.insert(numbers.begin(), numbers.begin() + got);
    }
    for (const int signal : seen) {
        if (const auto at = reactions_.find(signal); at != reactions_.end()) {
            const auto react = at->second;  // it may replace itself
            react();
        }
    }
}

}  // namespace ais::os
