// SPDX-License-Identifier: BSD-3-Clause
//
// The two messages of an exchange and the name of a history; the bytes are in
// docs/protocol/sync.md.  Decoders take anything: false is "does not decode".

#pragma once

#include "totem/types.hpp"

#include <ais/bytes.hpp>

#include <cstdint>
#include <string>
#include <vector>

namespace ais::sync {

enum class Kind : std::uint16_t { hello = 1, chunk = 2 };

inline constexpr std::uint8_t hello_version = 1;
inline constexpr std::size_t chunk_data_max = 64U << 10;
// Limit: one snapshot of one service.  Why: every node of the ring holds it in
// memory until the merge.
inline constexpr std::uint64_t snapshot_max = 1U << 30;
inline constexpr std::uint16_t service_id_max = 1023;  // abi/service.h

// Equal lineage, equal replicas.
struct Lineage {
    std::uint64_t value = 0;
    bool operator==(const Lineage&) const = default;
};
Lineage lineage_of_fresh(NodeId self);
Lineage lineage_of_synced(const totem::RingId& ring);
Lineage lineage_of_unsynced(Lineage before, const totem::RingId& ring);

struct Hello {
    totem::RingId ring;
    Lineage lineage;
    std::vector<std::uint16_t> services;  // strictly ascending

    [[nodiscard]] bool has(std::uint16_t service) const;
};
std::string encode(const Hello& hello);
[[nodiscard]] bool decode(Bytes from, Hello& hello);

struct Chunk {
    totem::RingId ring;
    std::uint16_t service = 0;
    std::uint32_t index = 0;
    std::uint64_t total = 0;
    std::uint64_t digest = 0;
    Bytes data;  // decoded: a view; encode_header leaves it out
};
std::string encode_header(const Chunk& chunk);
// Ensures: data is what a chunk of this index and total has.
[[nodiscard]] bool decode(Bytes from, Chunk& chunk);

// XXH3-64.
std::uint64_t digest_of(Bytes bytes);

}  // namespace ais::sync
