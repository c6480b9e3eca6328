// SPDX-License-Identifier: BSD-3-Clause

#include "totem/testing/count_allocations.hpp"

#include <cstdlib>
#include <new>

namespace ais::totem::testing {

bool counts_allocations = false;
std::size_t allocations = 0;

}  // namespace ais::totem::testing

void* operator new(std::size_t size) {
    using namespace ais::totem::testing;
    allocations += counts_allocations ? 1 : 0;
    void* const memory = std::malloc(size);
    if (memory == nullptr) {
        throw std::bad_alloc();
    }
    return memory;
}
void operator delete(void* memory) noexcept {
    std::free(memory);
}
void operator delete(void* memory, std::size_t) noexcept {
    std::free(memory);
}
