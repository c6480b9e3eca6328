// SPDX-License-Identifier: BSD-3-Clause
//
// What travels between clients and the service, and between its replicas.
//
//   request write   value:bytes            response: error 0, empty
//   request read    (empty)                response: error 0, value
//   message write   ticket:u64 value:bytes
//   event   changed value:bytes            to every client

#pragma once

#include <cstddef>
#include <cstdint>

namespace thing {

enum class Request : std::uint16_t { write = 1, read = 2 };
enum class Message : std::uint16_t { write = 1 };
enum class Event : std::uint16_t { changed = 1 };

// The service's own error codes, as the client library returns them.
inline constexpr std::int32_t ok = 0;
inline constexpr std::int32_t bad_request = 1;
inline constexpr std::int32_t too_big = 2;

inline constexpr std::size_t value_max = 4096;

}  // namespace thing
