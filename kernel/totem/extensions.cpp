// SPDX-License-Identifier: BSD-3-Clause

#include "totem/extensions.hpp"

#include "base/assert.hpp"

#include <algorithm>

namespace ais::totem {

namespace {

constexpr std::uint8_t no_ring = 255;
constexpr std::uint8_t form_all = 0;
constexpr std::uint8_t form_bits = 1;
static_assert(Members::capacity < no_ring);
// Limit: twice what a configuration allows.
constexpr std::uint32_t patience_max_us = 120U * 1000 * 1000;

std::uint32_t to_us(Duration value) {
    const auto us = std::chrono::duration_cast<std::chrono::microseconds>(value).count();
    return static_cast<std::uint32_t>(std::clamp<std::int64_t>(us, 0, patience_max_us));
}

Duration read_us(Reader& from) {
    const std::uint32_t us = from.u32();
    if (us > patience_max_us) {
        from.fail();
    }
    return std::chrono::microseconds(us);
}

std::size_t bytes_of(std::size_t places) {
    return (places + 7) / 8;
}

NodeBits first_places(std::size_t places) {
    NodeBits bits;
    for (std::size_t i = 0; i < places; ++i) {
        bits.set(i);
    }
    return bits;
}

bool read_row(Reader& from, std::size_t places, HearingRows::Row& row) {
    row.is_there = true;
    row.age_ms = from.u16();
    const std::uint8_t form = from.u8();
    if (form == form_all) {
        row.hears = first_places(places);
        return from.ok();
    }
    const Bytes bits = from.bytes(bytes_of(places));
    if (form != form_bits || !from.ok()) {
        return false;
    }
    for (std::size_t i = 0; i < 8 * bits.size(); ++i) {
        if ((bits[i / 8] >> (i % 8) & 1) != 0) {
            if (i >= places) {
                return false;
            }
            row.hears.set(i);
        }
    }
    return true;
}

}  // namespace

bool decode_hearing(Bytes contents, std::size_t places, HearingRows& to) {
    AIS_ASSERT(places <= Members::capacity);
    Reader from(contents);
    to = HearingRows{};
    std::array<RingId, Members::capacity> rings;
    const std::size_t ring_count = from.u8();
    if (ring_count > rings.size()) {
        return false;
    }
    for (std::size_t i = 0; i < ring_count; ++i) {
        rings[i].seq = from.u64();
        rings[i].representative = NodeId(from.u32());
        rings[i].salt = from.u32();
    }
    const std::size_t row_count = from.u8();
    std::size_t least = 0;
    for (std::size_t i = 0; i < row_count; ++i) {
        const std::size_t place = from.u8();
        const std::uint8_t ring = from.u8();
        if (!from.ok() || place < least || place >= places ||
            (ring != no_ring && ring >= ring_count) || !read_row(from, places, to.rows[place])) {
            return false;
        }
        if (ring != no_ring) {
            to.rows[place].ring = rings[ring];
        }
        least = place + 1;
    }
    to.is_there = true;
    return from.finished();
}

bool decode_nodes(Bytes contents, Members& to) {
    to.clear();
    Reader from(contents);
    NodeId last;
    while (from.remaining() > 0) {
        const NodeId node(from.u32());
        if (!from.ok() || node <= last || !to.insert(node)) {
            return false;
        }
        last = node;
    }
    return from.finished();
}

bool decode_terms(Bytes contents) {
    Reader from(contents);
    std::size_t count = from.u8();
    if (!from.ok() || count > WireTerm::count_max) {
        return false;
    }
    const auto is_plain = [](std::string_view text) {
        return std::all_of(text.begin(), text.end(), [](char byte) {
            const auto code = static_cast<unsigned char>(byte);
            return code >= 0x20 && code != 0x7f;  // it goes into a log
        });
    };
    for (; count > 0; --count) {
        const WireTerm term = read_term(from);
        if (!from.ok() || term.name.empty() || term.name.size() > WireTerm::name_max ||
            term.value.size() > WireTerm::value_max || !is_plain(term.name) ||
            !is_plain(term.value)) {
            return false;
        }
    }
    return from.finished();
}

WireTerm read_term(Reader& from) {
    WireTerm term;
    term.name = as_text(from.bytes(from.u8()));
    term.value = as_text(from.bytes(from.u8()));
    term.digest = from.u64();
    return term;
}

void write_term(Writer& to, const WireTerm& term) {
    to.u8(static_cast<std::uint8_t>(term.name.size()));
    to.bytes(as_bytes(term.name));
    to.u8(static_cast<std::uint8_t>(term.value.size()));
    to.bytes(as_bytes(term.value));
    to.u64(term.digest);
}

bool decode_features(Bytes contents, Features& to) {
    Reader from(contents);
    to.offered = from.u64();
    to.required = from.u64();
    return from.ok();  // a later release may say more
}

bool decode_patience(Bytes contents, Patience& to) {
    Reader from(contents);
    to.detection_time = read_us(from);
    to.token_timeout = read_us(from);
    to.hold_timeout = read_us(from);
    return from.ok();  // a later release may say more
}

std::size_t ExtensionWriter::begin(ExtensionKind kind) {
    to_.u16(static_cast<std::uint16_t>(kind));
    const std::size_t at = to_.size();
    to_.u16(0);
    return at;
}

void ExtensionWriter::patch_size(std::size_t at) {
    if (!to_.ok()) {
        return;
    }
    const std::size_t size = to_.size() - at - 2;
    datagram_[at] = static_cast<std::uint8_t>(size);
    datagram_[at + 1] = static_cast<std::uint8_t>(size >> 8);
}

void ExtensionWriter::hearing(std::size_t places, const HearingRows& rows) {
    std::array<RingId, Members::capacity> rings;
    std::array<std::uint8_t, Members::capacity> ring_of{};
    std::size_t ring_count = 0;
    std::size_t row_count = 0;
    for (std::size_t i = 0; i < places; ++i) {
        if (!rows.rows[i].is_there) {
            continue;
        }
        ++row_count;
        ring_of[i] = no_ring;
        if (rows.rows[i].ring.is_valid()) {
            std::size_t at = 0;
            while (at < ring_count && rings[at] != rows.rows[i].ring) {
                ++at;
            }
            if (at == ring_count) {
                rings[ring_count++] = rows.rows[i].ring;
            }
            ring_of[i] = static_cast<std::uint8_t>(at);
        }
    }
    const std::size_t begun = begin(ExtensionKind::hearing);
    to_.u8(static_cast<std::uint8_t>(ring_count));
    for (std::size_t i = 0; i < ring_count; ++i) {
        to_.u64(rings[i].seq);
        to_.u32(rings[i].representative.value());
        to_.u32(rings[i].salt);
    }
    to_.u8(static_cast<std::uint8_t>(row_count));
    const NodeBits all = first_places(places);
    for (std::size_t i = 0; i < places; ++i) {
        const HearingRows::Row& row = rows.rows[i];
        if (!row.is_there) {
            continue;
        }
        to_.u8(static_cast<std::uint8_t>(i));
        to_.u8(ring_of[i]);
        to_.u16(row.age_ms);
        const bool hears_all = (row.hears & all) == all;
        to_.u8(hears_all ? form_all : form_bits);
        for (std::size_t byte = 0; !hears_all && byte < bytes_of(places); ++byte) {
            unsigned bits = 0;
            for (std::size_t bit = 0; bit < 8 && 8 * byte + bit < places; ++bit) {
                bits |= static_cast<unsigned>(row.hears[8 * byte + bit]) << bit;
            }
            to_.u8(static_cast<std::uint8_t>(bits));
        }
    }
    patch_size(begun);
}

void ExtensionWriter::terms(Bytes contents) {
    if (contents.empty()) {
        return;
    }
    const std::size_t begun = begin(ExtensionKind::terms);
    to_.bytes(contents);
    patch_size(begun);
}

void ExtensionWriter::features(const Features& features) {
    if (features.offered == 0 && features.required == 0) {
        return;
    }
    const std::size_t begun = begin(ExtensionKind::features);
    to_.u64(features.offered);
    to_.u64(features.required);
    patch_size(begun);
}

void ExtensionWriter::patience(const Patience& patience) {
    if (patience == Patience{}) {
        return;
    }
    const std::size_t begun = begin(ExtensionKind::patience);
    to_.u32(to_us(patience.detection_time));
    to_.u32(to_us(patience.token_timeout));
    to_.u32(to_us(patience.hold_timeout));
    patch_size(begun);
}

void ExtensionWriter::askers(Bytes places) {
    if (places.empty()) {
        return;
    }
    const std::size_t begun = begin(ExtensionKind::askers);
    to_.bytes(places);
    patch_size(begun);
}

void ExtensionWriter::nodes(ExtensionKind kind, const Members& nodes) {
    const std::size_t begun = begin(kind);
    for (const NodeId node : nodes) {
        to_.u32(node.value());
    }
    patch_size(begun);
}

}  // namespace ais::totem
