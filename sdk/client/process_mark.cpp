// SPDX-License-Identifier: BSD-3-Clause

#include "client/process_mark.hpp"

#include <sys/mman.h>
#include <unistd.h>

#include <new>

namespace ais::client {
namespace {

std::size_t page_size() {
    return static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
}

}  // namespace

ProcessMark::ProcessMark() : pid_(::getpid()) {
    void* page =
        ::mmap(nullptr, page_size(), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (page == MAP_FAILED) {
        return;
    }
    if (::madvise(page, page_size(), MADV_WIPEONFORK) != 0) {
        ::munmap(page, page_size());
        return;
    }
    page_ = new (page) std::atomic<std::uint32_t>(1);
}

ProcessMark::~ProcessMark() {
    if (page_ != nullptr) {
        ::munmap(page_, page_size());
    }
}

bool ProcessMark::is_owner() const {
    return page_ != nullptr ? page_->load(std::memory_order_relaxed) == 1 : ::getpid() == pid_;
}

}  // namespace ais::client
