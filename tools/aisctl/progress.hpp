// SPDX-License-Identifier: BSD-3-Clause
//
// A line on the terminal's standard error while something takes long: what is done, how much of
// it, for how long.  Nothing is written if that is no terminal, or if it is over in a second.
//
// Threads: one of its own writes; update() may come from any.

#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <string>
#include <thread>

namespace ais::ctl {

class Progress {
  public:
    // `total` 0: how much there is is not known.
    explicit Progress(std::string what, std::uint64_t total = 0);
    ~Progress();
    Progress(const Progress&) = delete;
    Progress& operator=(const Progress&) = delete;

    void update(std::uint64_t done) { done_ = done; }

  private:
    void run();

    std::string what_;
    std::uint64_t total_;
    std::atomic<std::uint64_t> done_{0};
    std::mutex mutex_;
    std::condition_variable changed_;
    bool over_ = false;
    std::thread thread_;
};

}  // namespace ais::ctl
