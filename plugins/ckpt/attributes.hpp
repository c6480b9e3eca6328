// SPDX-License-Identifier: BSD-3-Clause
//
// The words of the standard that service and library share: errors, flags, the
// attributes a checkpoint is created with, and what is wrong with some.  The numbers are those
// of <openais/saAis.h> and <openais/saCkpt.h>; the library asserts it.
//
// Pure: no host, no clock, no I/O.

#pragma once

#include <ais/bytes.hpp>
#include <ais/codec.hpp>

#include <cstdint>
#include <limits>

namespace ais::ckpt {

enum class Error : std::int32_t {
    ok = 1,
    library = 2,
    init = 4,
    timeout = 5,
    try_again = 6,
    invalid_param = 7,
    no_memory = 8,
    bad_handle = 9,
    access = 11,
    not_exist = 12,
    exist = 14,
    no_space = 15,
    no_resources = 18,
    bad_operation = 20,
    bad_flags = 25,
    no_sections = 27,

    // Not of the standard, between service and library only (wire.hpp, read).
    together = 1000,
    in_parts = 1001,
};

inline constexpr std::uint32_t wr_all_replicas = 0x1;
inline constexpr std::uint32_t wr_active_replica = 0x2;
inline constexpr std::uint32_t wr_active_replica_weak = 0x4;
inline constexpr std::uint32_t collocated = 0x8;

inline constexpr std::uint32_t open_read = 0x1;
inline constexpr std::uint32_t open_write = 0x2;
inline constexpr std::uint32_t open_create = 0x4;

// SA_TIME_END: for ever.
inline constexpr std::int64_t time_end = std::numeric_limits<std::int64_t>::max();

// Limit: as SA_MAX_NAME_LENGTH.
inline constexpr std::size_t name_max = 256;
// Limit: SaCkptSectionIdT has 16 bits for the length.
inline constexpr std::size_t id_max = 65535;

struct Attributes {
    std::uint32_t creation_flags = 0;
    std::uint64_t size = 0;
    std::int64_t retention = 0;
    std::uint32_t max_sections = 0;
    std::uint64_t max_section_size = 0;
    std::uint64_t max_id_size = 0;

    [[nodiscard]] bool is_synchronous() const { return (creation_flags & wr_all_replicas) != 0; }
    [[nodiscard]] bool is_weak() const { return (creation_flags & wr_active_replica_weak) != 0; }
    [[nodiscard]] bool is_collocated() const { return (creation_flags & collocated) != 0; }
    [[nodiscard]] bool has_default_section() const { return max_sections == 1; }

    template <typename Out>
    void encode(Out& out) const {
        out.u32(creation_flags);
        out.u64(size);
        out.i64(retention);
        out.u32(max_sections);
        out.u64(max_section_size);
        out.u64(max_id_size);
    }
    static Attributes decode(Reader& in) {
        return {in.u32(), in.u64(), in.i64(), in.u32(), in.u64(), in.u64()};
    }

    friend bool operator==(const Attributes&, const Attributes&) = default;
};

// What an open compares: retention can be changed later, so it does not count.
inline bool are_alike(Attributes a, const Attributes& b) {
    a.retention = b.retention;
    return a == b;
}

// Exactly one of the three ways to write, known bits, sizes that can be, and a
// size of the whole that its sections can fill.
inline bool are_valid(const Attributes& a) {
    const std::uint32_t way = a.creation_flags & ~collocated;
    if (way != wr_all_replicas && way != wr_active_replica && way != wr_active_replica_weak) {
        return false;
    }
    if (a.max_sections == 0 || a.retention < 0) {
        return false;
    }
    // size <= max_sections * max_section_size, without overflow.
    const std::uint64_t share = a.size / a.max_sections;
    return share < a.max_section_size ||
           (share == a.max_section_size && a.size % a.max_sections == 0);
}

constexpr bool are_valid_open_flags(std::uint32_t flags) {
    return flags != 0 && (flags & ~(open_read | open_write | open_create)) == 0;
}

constexpr bool is_name(Bytes name) {
    return !name.empty() && name.size() <= name_max;
}

}  // namespace ais::ckpt
