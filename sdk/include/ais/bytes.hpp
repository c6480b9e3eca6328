// SPDX-License-Identifier: BSD-3-Clause
//
// Views of bytes.  A view owns nothing and lives until the call that gave it
// returns, unless its giver says otherwise.

#pragma once

#include <ais/abi/types.h>

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <string_view>

namespace ais {

using Bytes = std::span<const std::uint8_t>;
using MutableBytes = std::span<std::uint8_t>;

inline Bytes from_abi(ais_bytes view) {
    return view.size == 0 ? Bytes() : Bytes(view.data, view.size);
}
inline ais_bytes to_abi(Bytes view) {
    return {view.data(), view.size()};
}
inline ais_bytes to_abi(std::string_view text) {
    return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}
inline Bytes as_bytes(std::string_view text) {
    return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}
inline std::string_view as_text(Bytes view) {
    return {reinterpret_cast<const char*>(view.data()), view.size()};
}
inline std::string_view as_text(ais_bytes view) {
    return as_text(from_abi(view));
}

// Copy, correct for empty views, too.
inline void copy_bytes(std::uint8_t* to, Bytes from) {
    if (!from.empty()) {
        std::memcpy(to, from.data(), from.size());
    }
}

}  // namespace ais
