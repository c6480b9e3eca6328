// SPDX-License-Identifier: BSD-3-Clause
//
// What the wires of services have in common; each service's wire.hpp has the rest.  All fields
// are little-endian.

#pragma once

#include <ais/codec.hpp>

#include <cstdint>
#include <vector>

namespace ais {

// The hello of a library that has nothing to say but its version.
template <std::uint32_t WireVersion>
struct VersionHello {
    static constexpr std::size_t size = 4;
    std::uint32_t version = WireVersion;

    template <typename Out>
    void encode(Out& out) const {
        out.u32(version);
    }
    static bool decode(Bytes from, VersionHello& hello) {
        Reader in(from);
        hello = {in.u32()};
        return in.finished();
    }
};

// The end of an asynchronous request: what the program called it, the library's own name of
// what it was about (a tag, a handle), and a SaAisErrorT.
template <typename Key>
struct DoneEvent {
    static constexpr std::size_t size = 12 + sizeof(Key);
    std::uint64_t invocation = 0;
    Key key = 0;
    std::int32_t error = 0;

    void encode(Writer& out) const {
        out.u64(invocation);
        if constexpr (sizeof(Key) == 8) {
            out.u64(key);
        } else {
            out.u32(key);
        }
        out.i32(error);
    }
    static bool decode(Bytes from, DoneEvent& done) {
        Reader in(from);
        done.invocation = in.u64();
        if constexpr (sizeof(Key) == 8) {
            done.key = in.u64();
        } else {
            done.key = in.u32();
        }
        done.error = in.i32();
        return in.finished();
    }
};

// A list of u64 that is all that is left.
inline bool decode_numbers(Reader& in, std::vector<std::uint64_t>& numbers) {
    numbers.clear();
    if (!in.ok() || in.remaining() % 8 != 0) {
        return false;
    }
    numbers.reserve(in.remaining() / 8);
    while (in.remaining() > 0) {
        numbers.push_back(in.u64());
    }
    return in.finished();
}
inline bool decode_numbers(Bytes from, std::vector<std::uint64_t>& numbers) {
    Reader in(from);
    return decode_numbers(in, numbers);
}

}  // namespace ais
