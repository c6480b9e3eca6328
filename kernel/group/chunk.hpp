// SPDX-License-Identifier: BSD-3-Clause
//
// The bytes of one chunk, as docs/protocol/group_wire.md has them.  The packer
// writes them and the assembler reads them; nobody else knows them.

#pragma once

#include <ais/bytes.hpp>

#include <cstddef>
#include <cstdint>

namespace ais::group::chunk {

inline constexpr std::uint8_t flag_first = 0x01;
inline constexpr std::uint8_t flag_last = 0x02;
inline constexpr std::uint8_t flag_kernel = 0x04;
inline constexpr std::uint8_t flag_padding = 0x80;
inline constexpr std::uint8_t flags_known = flag_first | flag_last | flag_kernel;

inline constexpr std::size_t whole_header = 1 + 2 + 2 + 2;
inline constexpr std::size_t first_header = whole_header + 4;
inline constexpr std::size_t next_header = 1 + 2;

// A message is split only if so many of its bytes fit; below that the rest of
// the payload is padding.  Why 16: less is hardly more than the 3 bytes that
// the extra fragment costs, and a receiver has to copy what is split.
inline constexpr std::size_t fragment_min = 16;

inline constexpr std::size_t payload_min = 128;
inline constexpr std::size_t payload_max = 0xffff;  // length is 16 bits
static_assert(payload_min >= first_header + fragment_min);

}  // namespace ais::group::chunk
