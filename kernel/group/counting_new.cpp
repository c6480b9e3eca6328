// SPDX-License-Identifier: BSD-3-Clause
//
// Counts allocations of the unit test program.  Why a file of its own: where
// g++ 12 inlines these, it takes free() for a mismatch.

#include <cstdint>
#include <cstdlib>
#include <new>

extern std::uint64_t allocations;
std::uint64_t allocations = 0;

void* operator new(std::size_t size) {
    ++allocations;
    if (void* memory = std::malloc(size == 0 ? 1 : size)) {
        return memory;
    }
    throw std::bad_alloc();
}
void operator delete(void* memory) noexcept {
    std::free(memory);
}
void operator delete(void* memory, std::size_t) noexcept {
    std::free(memory);
}
