// SPDX-License-Identifier: BSD-3-Clause
//
// The reading side of the ABI's rule of growth: a struct of the other side
// may be shorter or longer than ours, so min(theirs, ours) bytes go into a
// zeroed struct of our own, and what is not there reads as 0 or NULL ("not
// offered").  Used by plugins on the kernel's structs and by the kernel on a
// plugin's.  docs/abi/plugin_abi.md.

#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <type_traits>

namespace ais {

// Requires: `theirs` is NULL or begins with its uint32_t struct_size.
// Ensures: struct_size is the number of bytes that are valid; 0 for NULL.
template <typename Table>
[[nodiscard]] Table copy_min(const void* theirs) {
    static_assert(std::is_trivially_copyable_v<Table> && std::is_standard_layout_v<Table>);
    static_assert(offsetof(Table, struct_size) == 0);
    Table ours{};
    if (theirs == nullptr) {
        return ours;
    }
    std::uint32_t size = 0;
    std::memcpy(&size, theirs, sizeof size);
    if (size > sizeof ours) {
        size = sizeof ours;
    }
    std::memcpy(&ours, theirs, size);
    ours.struct_size = size;
    return ours;
}

// The writing side, for structs that the callee fills in: never more than the
// caller has room for, and never its struct_size.
template <typename Struct>
void copy_back(Struct* theirs, const Struct& ours) {
    std::size_t size = theirs->struct_size;
    if (size > sizeof ours) {
        size = sizeof ours;
    }
    if (size > sizeof theirs->struct_size) {
        constexpr std::size_t skip = sizeof theirs->struct_size;
        std::memcpy(reinterpret_cast<unsigned char*>(theirs) + skip,
                    reinterpret_cast<const unsigned char*>(&ours) + skip,
                    size - skip);
    }
}

}  // namespace ais
