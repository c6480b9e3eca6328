// SPDX-License-Identifier: BSD-3-Clause

#include "progress.hpp"

#include <unistd.h>

#include <chrono>
#include <iostream>
#include <utility>

namespace ais::ctl {

Progress::Progress(std::string what, std::uint64_t total) : what_(std::move(what)), total_(total) {
    if (::isatty(STDERR_FILENO) == 1) {
        thread_ = std::thread([this] { run(); });
    }
}

Progress::~Progress() {
    {
        const std::lock_guard lock(mutex_);
        over_ = true;
    }
    changed_.notify_all();
    if (thread_.joinable()) {
        thread_.join();
    }
}

void Progress::run() {
    using std::chrono::seconds;
    constexpr std::uint64_t mib = 1U << 20;
    std::unique_lock lock(mutex_);
    int passed = 0;
    while (!changed_.wait_for(lock, seconds(1), [this] { return over_; })) {
        std::string line = "\r" + what_;
        if (total_ >= mib) {
            line +=
                ": " + std::to_string(done_ / mib) + " of " + std::to_string(total_ / mib) + " MiB";
        }
        std::cerr << line << ", " << ++passed << " s " << std::flush;
    }
    if (passed > 0) {
        std::cerr << '\n';
    }
}

}  // namespace ais::ctl
