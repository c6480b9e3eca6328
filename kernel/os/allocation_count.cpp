// SPDX-License-Identifier: BSD-3-Clause
//
// Replaces the global operator new of the test program.  In a file of its own:
// where g++ can inline one of the two operators only, it takes them for a mismatch.

#include "os/allocation_count.hpp"

#include <atomic>
#include <cstdlib>
#include <new>

namespace {
std::atomic<std::uint64_t> allocations{0};
}  // namespace

std::uint64_t ais::os::allocation_count() {
    return allocations;
}

void* operator new(std::size_t size) {
    ++allocations;
    void* const at = std::malloc(size);
    if (at == nullptr) {
        std::abort();
    }
    return at;
}
void operator delete(void* at) noexcept {
    std::free(at);
}
void operator delete(void* at, std::size_t) noexcept {
    std::free(at);
}
