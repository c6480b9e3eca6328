// SPDX-License-Identifier: BSD-3-Clause

#include "sync/messages.hpp"

#include <ais/codec.hpp>

#include <xxhash.h>

#include <algorithm>
#include <new>

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

void write_offers(Appender& out, const std::vector<Offer>& offers) {
    for (const Offer& offer : offers) {
        out.u16(offer.service);
        out.u8(offer.in_parts ? 1 : 0);
        out.u8(0);
        out.u64(offer.digest);
        out.u64(offer.size);
    }
}

// Ensures: strictly ascending services.
bool read_offers(Reader& in, std::size_t count, std::vector<Offer>& offers) {
    offers.clear();
    std::uint16_t before = 0;
    for (std::size_t i = 0; i < count && in.ok(); ++i) {
        Offer offer;
        offer.service = in.u16();
        const std::uint8_t form = in.u8();
        const std::uint8_t zero = in.u8();
        offer.in_parts = form == 1;
        offer.digest = in.u64();
        offer.size = in.u64();
        if (offer.service <= before || offer.service > service_id_max || form > 1 || zero != 0) {
            return false;
        }
        offers.push_back(offer);
        before = offer.service;
    }
    return in.finished();
}

Lineage lineage_of(const Appender& fields) {
    return {digest_of(fields.written())};
}

}  // namespace

std::uint64_t digest_of(Bytes bytes) {
    return XXH3_64bits(bytes.data(), bytes.size());
}

struct RunningDigest::Impl {
    std::unique_ptr<XXH3_state_t, XXH_errorcode (*)(XXH3_state_t*)> state{XXH3_createState(),
                                                                          &XXH3_freeState};
};

RunningDigest::RunningDigest() : impl_(std::make_unique<Impl>()) {
    if (impl_->state == nullptr) {
        throw std::bad_alloc();
    }
    XXH3_64bits_reset(impl_->state.get());
}

RunningDigest::~RunningDigest() = default;

void RunningDigest::add(Bytes bytes) {
    XXH3_64bits_update(impl_->state.get(), bytes.data(), bytes.size());
}

std::uint64_t RunningDigest::value() const {
    return XXH3_64bits_digest(impl_->state.get());
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

const Offer* Hello::find(std::uint16_t service) const {
    const auto at = std::lower_bound(
        offers.begin(), offers.end(), service, [](const Offer& offer, std::uint16_t id) {
            return offer.service < id;
        });
    return at != offers.end() && at->service == service ? &*at : nullptr;
}

std::string encode(const Hello& hello) {
    Appender out;
    out.u8(hello_version);
    out.u8(0);
    out.u16(static_cast<std::uint16_t>(hello.offers.size()));
    write_ring(out, hello.ring);
    out.u64(hello.lineage.value);
    write_offers(out, hello.offers);
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
    return read_offers(in, count, hello.offers);
}

std::string encode_header(const Chunk& chunk) {
    Appender out;
    write_ring(out, chunk.ring);
    out.u32(chunk.stream);
    out.u32(chunk.index);
    out.u64(chunk.total);
    out.u64(chunk.digest);
    return out.take();
}

bool decode(Bytes from, Chunk& chunk) {
    Reader in(from);
    chunk.ring = read_ring(in);
    chunk.stream = in.u32();
    chunk.index = in.u32();
    chunk.total = in.u64();
    chunk.digest = in.u64();
    chunk.data = in.rest();
    if (!in.ok() || chunk.total > snapshot_max) {
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

std::string encode(const Done& done) {
    Appender out;
    write_ring(out, done.ring);
    return out.take();
}

bool decode(Bytes from, Done& done) {
    Reader in(from);
    done.ring = read_ring(in);
    return in.finished();
}

std::string encode(const Compare& compare) {
    Appender out;
    write_ring(out, compare.ring);
    out.u64(compare.number);
    out.u16(static_cast<std::uint16_t>(compare.services.size()));
    for (const std::uint16_t service : compare.services) {
        out.u16(service);
    }
    return out.take();
}

bool decode(Bytes from, Compare& compare) {
    Reader in(from);
    compare.ring = read_ring(in);
    compare.number = in.u64();
    const std::size_t count = in.u16();
    compare.services.clear();
    std::uint16_t before = 0;
    for (std::size_t i = 0; i < count && in.ok(); ++i) {
        const std::uint16_t service = in.u16();
        if (service <= before || service > service_id_max) {
            return false;
        }
        compare.services.push_back(service);
        before = service;
    }
    return in.finished() && count > 0;
}

std::string encode(const Compared& compared) {
    Appender out;
    write_ring(out, compared.ring);
    out.u64(compared.number);
    out.u16(static_cast<std::uint16_t>(compared.offers.size()));
    write_offers(out, compared.offers);
    return out.take();
}

bool decode(Bytes from, Compared& compared) {
    Reader in(from);
    compared.ring = read_ring(in);
    compared.number = in.u64();
    const std::size_t count = in.u16();
    return count <= service_id_max && read_offers(in, count, compared.offers);
}

std::string encode_list(const std::vector<Part>& parts) {
    Appender out;
    for (const Part& part : parts) {
        out.u8(static_cast<std::uint8_t>(part.name.size()));
        out.bytes(as_bytes(part.name));
        out.u64(part.digest);
        out.u64(part.size);
    }
    return out.take();
}

bool decode_list(Bytes from, std::vector<Part>& parts) {
    Reader in(from);
    parts.clear();
    while (in.remaining() > 0) {
        Part part;
        part.name = as_text(in.bytes(in.u8()));
        part.digest = in.u64();
        part.size = in.u64();
        if (!in.ok() || part.name.empty() || parts.size() >= AIS_PARTS_MAX ||
            (!parts.empty() && part.name <= parts.back().name)) {
            return false;
        }
        parts.push_back(std::move(part));
    }
    return in.ok();
}

std::uint64_t size_of(const std::vector<Part>& parts) {
    std::uint64_t size = 0;
    for (const Part& part : parts) {
        size += part.size;
    }
    return size;
}

}  // namespace ais::sync
