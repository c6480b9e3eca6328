// SPDX-License-Identifier: BSD-3-Clause
//
// The messages of an exchange, the list of parts, and the name of a history; the bytes are in
// docs/protocol/sync.md.  Decoders take anything: false is "does not decode".

#pragma once

#include "totem/types.hpp"

#include <ais/abi/draft/parts.h>
#include <ais/bytes.hpp>

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace ais::sync {

enum class Kind : std::uint16_t { hello = 1, chunk = 2, done = 3, compare = 4, compared = 5 };

inline constexpr std::uint8_t hello_version = 2;
inline constexpr std::size_t chunk_data_max = 64U << 10;
// Limit: one state in one piece.  Why: every node of the ring holds it in
// memory until the merge.
inline constexpr std::uint64_t snapshot_max = 1U << 30;
inline constexpr std::uint16_t kernel_service = 0;  // of what an exchange sends
inline constexpr std::uint16_t service_id_max = 1023;  // abi/service.h

// Equal lineage, equal replicas.
struct Lineage {
    std::uint64_t value = 0;
    bool operator==(const Lineage&) const = default;
};
Lineage lineage_of_fresh(NodeId self);
Lineage lineage_of_synced(const totem::RingId& ring);
Lineage lineage_of_unsynced(Lineage before, const totem::RingId& ring);

// What a member has of one service.
struct Offer {
    std::uint16_t service = 0;
    bool in_parts = false;
    std::uint64_t digest = 0;
    std::uint64_t size = 0;  // bytes, for progress

    bool operator==(const Offer&) const = default;
};

struct Hello {
    totem::RingId ring;
    Lineage lineage;
    std::vector<Offer> offers;  // strictly ascending services

    [[nodiscard]] const Offer* find(std::uint16_t service) const;
};
std::string encode(const Hello& hello);
[[nodiscard]] bool decode(Bytes from, Hello& hello);

struct Chunk {
    totem::RingId ring;
    std::uint32_t stream = 0;
    std::uint32_t index = 0;
    std::uint64_t total = 0;
    std::uint64_t digest = 0;
    Bytes data;  // decoded: a view; encode_header leaves it out
};
std::string encode_header(const Chunk& chunk);
// Ensures: data is what a chunk of this index and total has.
[[nodiscard]] bool decode(Bytes from, Chunk& chunk);

struct Done {
    totem::RingId ring;
};
std::string encode(const Done& done);
[[nodiscard]] bool decode(Bytes from, Done& done);

// The lowest member wants to know whether replicas are equal still.
struct Compare {
    totem::RingId ring;
    std::uint64_t number = 0;
    std::vector<std::uint16_t> services;  // strictly ascending, not empty
};
std::string encode(const Compare& compare);
[[nodiscard]] bool decode(Bytes from, Compare& compare);

// What a member had at that place of the order.
struct Compared {
    totem::RingId ring;
    std::uint64_t number = 0;
    std::vector<Offer> offers;  // strictly ascending services
};
std::string encode(const Compared& compared);
[[nodiscard]] bool decode(Bytes from, Compared& compared);

// A part of a service, as its list names it.
struct Part {
    std::string name;
    std::uint64_t digest = 0;
    std::uint64_t size = 0;

    bool operator==(const Part&) const = default;
};
std::string encode_list(const std::vector<Part>& parts);
// Ensures: strictly ascending names of 1 to AIS_PART_NAME_MAX bytes, at most AIS_PARTS_MAX.
[[nodiscard]] bool decode_list(Bytes from, std::vector<Part>& parts);
[[nodiscard]] std::uint64_t size_of(const std::vector<Part>& parts);

// XXH3-64.
std::uint64_t digest_of(Bytes bytes);

// The same of bytes that come in pieces.
class RunningDigest {
  public:
    RunningDigest();
    ~RunningDigest();
    RunningDigest(const RunningDigest&) = delete;
    RunningDigest& operator=(const RunningDigest&) = delete;
    void add(Bytes bytes);
    [[nodiscard]] std::uint64_t value() const;

  private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

}  // namespace ais::sync
