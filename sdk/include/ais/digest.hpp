// SPDX-License-Identifier: BSD-3-Clause
//
// A 64-bit digest of bytes, to tell whether two replicas have the same: four lanes of
// multiply and rotate, then a mixer.  Good against accidents, not against malice; the ring's
// members trust each other.  Equal on all nodes, whatever their byte order.
//
// Pure.

#pragma once

#include <ais/bytes.hpp>
#include <ais/codec.hpp>

#include <bit>
#include <cstdint>
#include <cstring>

namespace ais {

inline std::uint64_t digest_of(Bytes bytes, std::uint64_t seed) {
    constexpr std::uint64_t p = 0x9e3779b97f4a7c15ULL;
    constexpr std::uint64_t q = 0xbf58476d1ce4e5b9ULL;
    const auto word = [](const std::uint8_t* at) {
        std::uint64_t value = 0;
        std::memcpy(&value, at, sizeof value);
        return little_endian(value);
    };
    std::uint64_t lanes[4] = {seed + p, seed ^ q, seed * p, ~seed};
    const std::uint8_t* at = bytes.data();
    std::size_t left = bytes.size();
    for (; left >= 32; at += 32, left -= 32) {
        for (int i = 0; i < 4; ++i) {
            lanes[i] = std::rotl((lanes[i] ^ word(at + 8 * i)) * p, 31) * q;
        }
    }
    std::uint64_t sum = bytes.size() * q;
    for (const std::uint64_t lane : lanes) {
        sum = std::rotl(sum ^ lane, 27) * p + q;
    }
    for (; left > 0; ++at, --left) {
        sum = std::rotl((sum ^ *at) * p, 11);
    }
    sum = (sum ^ (sum >> 30)) * q;
    sum = (sum ^ (sum >> 27)) * 0x94d049bb133111ebULL;
    return sum ^ (sum >> 31);
}

}  // namespace ais
