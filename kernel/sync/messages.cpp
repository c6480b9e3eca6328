// SPDX-License-Identifier: BSD-3-Clause

#include "sync/messages.hpp"

#include <ais/codec.hpp>

#include <xxhash.h>

#include <algorithm>

namespace ais::sync {
namespace {

template <typename To>
void write_ring(To& to, const totem::RingId& ring) {
    to.u64(ring.seq);
    to.u32(ring.representative.value());
    to.u32(ring.salt);
}

totem::RingId read_ring(Reader& in) {
    totem::RingId ring;
    ring.seq = in.u64();
    ring.representative = NodeId(in.u32());
    ring.salt = in.u32();
    return ring;
}

Lineage lineage_of(const Appender& fields) {
    return {digest_of(fields.written())};
}

}  // namespace

std::uint64_t digest_of(Bytes bytes) {
    return XXH3_64bits(bytes.data(), bytes.size());
}

Lineage lineage_of_fresh(NodeId self) {
    Appender fields;
    fields.u8(1);
    fields.u32(self.value());
    return lineage_of(fields);
}

Lineage lineage_of_synced(const totem::RingId& ring) {
    Appender fields;
    fields.u8(2);
    write_ring(fields, ring);
    return lineage_of(fields);
}

Lineage lineage_of_unsynced(Lineage before, const totem::RingId& ring) {
    Appender fields;
    fields.u8(3);
    fields.u64(before.value);
    write_ring(fields, ring);
    return lineage_of(fields);
}

bool Hello::has(std::uint16_t service) const {
    return std::binary_search(services.begin(), services.end(), service);
}

std::string encode(const Hello& hello) {
    Appender out;
    out.u8(hello_version);
    out.u8(0);
    out.u16(static_cast<std::uint16_t>(hello.services.size()));
    write_ring(out, hello.ring);
    out.u64(hello.lineage.value);
    for (const std::uint16_t service : hello.services) {
        out.u16(service);
    }
    return out.take();
}

bool decode(Bytes from, Hello& hello) {
    Reader in(from);
    if (in.u8() != hello_version || in.u8() != 0) {
        return false;
    }
    const std::size_t count = in.u16();
    if (count > service_id_max) {
        return false;
    }
    hello.ring = read_ring(in);
    hello.lineage.value = in.u64();
    hello.services.clear();
    std::uint16_t before = 0;
    for (std::size_t i = 0; i < count && in.ok(); ++i) {
        const std::uint16_t service = in.u16();
        if (service <= before || service > service_id_max) {
            return false;
        }
        hello.services.push_back(service);
        before = service;
    }
    return in.finished();
}

std::string encode_header(const Chunk& chunk) {
    Appender out;
    write_ring(out, chunk.ring);
    out.u16(chunk.service);
    out.u16(0);
    out.u32(chunk.index);
    out.u64(chunk.total);
    out.u64(chunk.digest);
    return out.take();
}

bool decode(Bytes from, Chunk& chunk) {
    Reader in(from);
    chunk.ring = read_ring(in);
    chunk.service = in.u16();
    const std::uint16_t zero = in.u16();
    chunk.index = in.u32();
    chunk.total = in.u64();
    chunk.digest = in.u64();
    chunk.data = in.rest();
    if (!in.ok() || zero != 0 || chunk.service == 0 || chunk.service > service_id_max ||
        chunk.total > snapshot_max) {
        return false;
    }
    const std::uint64_t offset = std::uint64_t(chunk.index) * chunk_data_max;
    if (offset > chunk.total) {
        return false;
    }
    const std::uint64_t left = chunk.total - offset;
    return chunk.data.size() == std::min<std::uint64_t>(left, chunk_data_max) &&
           (left > 0 || chunk.index == 0);
}

}  // namespace ais::sync
