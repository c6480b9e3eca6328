// SPDX-License-Identifier: BSD-3-Clause
//
// Tells the process that made it from a child that fork() has copied it into,
// without a system call: a page that the kernel wipes in the child
// (MADV_WIPEONFORK), so no pthread_atfork handler stays behind when a library is unloaded.

#pragma once

#include <atomic>
#include <cstdint>

namespace ais::client {

class ProcessMark {
  public:
    ProcessMark();
    ~ProcessMark();
    ProcessMark(const ProcessMark&) = delete;
    ProcessMark& operator=(const ProcessMark&) = delete;

    // False in a child.
    [[nodiscard]] bool is_owner() const;

  private:
    std::atomic<std::uint32_t>* page_ = nullptr;  // nullptr: compare the pid
    std::int32_t pid_ = 0;
};

}  // namespace ais::client
