// SPDX-License-Identifier: BSD-3-Clause
//
// What travels (little-endian; text is u32 length and bytes):
//
//   request add    name:text amount:i64            response: value:i64
//   request get    name:text                       response: value:i64
//   message add    origin ticket:u64 name:text amount:i64
//   origin         node:u32 ring_seq:u64 ring_salt:u32      which life of which node
//   event changed  name:text value:i64             to every client

#pragma once

#include <cstddef>
#include <cstdint>

namespace counter {

// 64 to 1023 are for third parties.
inline constexpr std::uint16_t service_number = 1002;

enum class Request : std::uint16_t { add = 1, get = 2 };
enum class Message : std::uint16_t { add = 1 };
enum class Event : std::uint16_t { changed = 1 };

inline constexpr std::int32_t ok = 0;
inline constexpr std::int32_t invalid = 1;
inline constexpr std::int32_t try_again = 3;

inline constexpr std::size_t name_max = 63;

}  // namespace counter
