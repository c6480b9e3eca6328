// SPDX-License-Identifier: BSD-3-Clause
//
// The optional elements at the end of a datagram (docs/protocol/totem_wire.md):
// what a receiver may not know.  packet.cpp walks over them and hands each kind to its decoder
// here.

#pragma once

#include "base/time.hpp"
#include "totem/reachability.hpp"

#include <ais/codec.hpp>

namespace ais::totem {

enum class ExtensionKind : std::uint16_t {
    hearing = 1,
    heard_across = 2,
    apart = 3,
    terms = 4,
    features = 5,
    askers = 6,
    patience = 16,
};

// Extension 1: row i belongs to the node at place i of the join's proc list.
struct HearingRows {
    struct Row {
        bool is_there = false;
        std::uint16_t age_ms = 0;
        RingId ring;
        NodeBits hears;
    };

    bool is_there = false;
    std::array<Row, Members::capacity> rows;

    static constexpr std::size_t size_max =
        2 + Members::capacity * (16 + 5 + Members::capacity / 8);
};

// Extension 16: how long the sender, or the ring, waits (docs/protocol/detection.md);
// all 0: not said.
struct Patience {
    Duration detection_time{};
    Duration token_timeout{};
    Duration hold_timeout{};

    friend bool operator==(const Patience&, const Patience&) = default;

    static constexpr std::uint16_t size = 12;
};

// Extension 4: keys of the configuration that members must agree on.
struct WireTerm {
    std::string_view name;
    std::string_view value;  // the beginning, if it is long
    std::uint64_t digest = 0;

    static constexpr std::size_t count_max = 16;
    static constexpr std::size_t name_max = 31;
    static constexpr std::size_t value_max = 63;
    static constexpr std::size_t size_max = 1 + count_max * (1 + name_max + 1 + value_max + 8);
};

// Extension 5: what the sender can do, and what it cannot do without.
struct Features {
    std::uint64_t offered = 0;
    std::uint64_t required = 0;

    static constexpr std::size_t size = 16;
};
constexpr std::uint64_t feature_hearing = 1;  // rows of who hears whom

// Calls found(kind, contents) for each element, in order; false if one is malformed or
// refused, or if anything follows.
template <typename Found>
[[nodiscard]] bool read_extensions(Reader& from, Found found) {
    Reader elements(from.bytes(from.u16()));
    while (from.ok() && elements.remaining() > 0) {
        const std::uint16_t kind = elements.u16();
        const Bytes contents = elements.bytes(elements.u16());
        if (!elements.ok() || !found(kind, contents)) {
            return false;
        }
    }
    return from.finished();
}

// The decoders refuse what breaks a rule of the page.
[[nodiscard]] bool decode_hearing(Bytes contents, std::size_t places, HearingRows& to);
[[nodiscard]] bool decode_nodes(Bytes contents, Members& to);
// Only whether it is well formed: read_term() does the rest.
[[nodiscard]] bool decode_terms(Bytes contents);
[[nodiscard]] WireTerm read_term(Reader& from);
void write_term(Writer& to, const WireTerm& term);
[[nodiscard]] bool decode_features(Bytes contents, Features& to);
[[nodiscard]] bool decode_patience(Bytes contents, Patience& to);

// Writes the elements of one datagram and then their size.
class ExtensionWriter {
  public:
    // `datagram` is what `to` writes to.
    ExtensionWriter(Writer& to, MutableBytes datagram)
        : to_(to), datagram_(datagram), at_(to.size()) {
        to_.u16(0);
    }
    ExtensionWriter(const ExtensionWriter&) = delete;
    ExtensionWriter& operator=(const ExtensionWriter&) = delete;

    void hearing(std::size_t places, const HearingRows& rows);
    void nodes(ExtensionKind kind, const Members& nodes);
    // Nothing if there is nothing.
    void terms(Bytes contents);
    void features(const Features& features);
    void patience(const Patience& patience);
    // Nothing if there is nothing.
    void askers(Bytes places);
    // After the last one.
    void finish() { patch_size(at_); }

  private:
    std::size_t begin(ExtensionKind kind);
    // Of what was written behind the u16 at `at`.
    void patch_size(std::size_t at);

    Writer& to_;
    MutableBytes datagram_;
    std::size_t at_;
};

}  // namespace ais::totem
