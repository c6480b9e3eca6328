// SPDX-License-Identifier: BSD-3-Clause

#include "totem/packet.hpp"

#include "base/assert.hpp"
#include "totem/config.hpp"

#include <ais/codec.hpp>

#include <algorithm>

namespace ais::totem {

namespace {

constexpr std::uint8_t flag_encapsulated = 1;
constexpr std::uint8_t flag_retransmitted = 2;
constexpr std::uint8_t flag_obliged = 4;
constexpr std::uint8_t flag_token_stays = 8;
constexpr std::uint8_t flag_retrans = 1;
constexpr std::uint8_t flag_leave = 1;
constexpr std::uint8_t flag_filled = 1;
constexpr std::uint8_t flag_received = 2;

constexpr std::size_t offset_sender = 4;
constexpr std::size_t offset_round = PacketHeader::size + 28;
constexpr std::size_t offset_flags = PacketHeader::size + 33;

static_assert(Token::size_max <= 700, "config.cpp takes 700 as the least datagram");
static_assert(PacketHeader::size + 28 + Patience::size +
                  CommitToken::slot_size * Members::capacity <=
              control_datagram_max);
// A join with all that its extensions may hold.
static_assert(PacketHeader::size + 26 + 12 * Members::capacity + 20 + Patience::size +
                  Features::size + WireTerm::size_max + HearingRows::size_max <=
              control_datagram_max);

void write_header(Writer& to, PacketType type, NodeId sender) {
    to.u16(wire_magic);
    to.u8(wire_version);
    to.u8(static_cast<std::uint8_t>(type));
    to.u32(sender.value());
}

void write_ring(Writer& to, const RingId& ring) {
    to.u64(ring.seq);
    to.u32(ring.representative.value());
    to.u32(ring.salt);
}

RingId read_ring(Reader& from) {
    RingId ring;
    ring.seq = from.u64();
    ring.representative = NodeId(from.u32());
    ring.salt = from.u32();
    if (ring.seq >= seq_limit) {
        from.fail();
    }
    return ring;
}

Seq read_seq(Reader& from) {
    const Seq seq = from.u64();
    if (seq >= seq_limit) {
        from.fail();
    }
    return seq;
}

void write_no_extensions(Writer& to) {
    to.u16(0);
}

bool skip_extensions(Reader& from) {
    return read_extensions(from, [](std::uint16_t, Bytes) { return true; });
}

void write_message_header(Writer& to, const Message& message) {
    write_ring(to, message.ring);
    to.u64(message.seq);
    to.u32(message.originator.value());
    to.u32(message.round);
    to.u8(static_cast<std::uint8_t>(message.guarantee));
    to.u8(static_cast<std::uint8_t>((message.encapsulated ? flag_encapsulated : 0) |
                                    (message.retransmitted ? flag_retransmitted : 0) |
                                    (message.obliged ? flag_obliged : 0)));
    to.u16(0);
}

void write_members(Writer& to, const Members& members) {
    for (const NodeId node : members) {
        to.u32(node.value());
    }
}

bool read_members(Reader& from, std::size_t count, Members& to) {
    to.clear();
    NodeId last;
    for (std::size_t i = 0; i < count; ++i) {
        const NodeId node(from.u32());
        if (!from.ok() || node <= last) {
            return false;
        }
        to.insert(node);
        last = node;
    }
    return true;
}

std::size_t size_if_ok(const Writer& writer) {
    return writer.ok() ? writer.size() : 0;
}

}  // namespace

bool Token::request(Seq wanted, std::uint8_t asker) {
    Request* mine = nullptr;     // takes it, and nobody else is concerned
    Request* foreign = nullptr;  // could take it, if all of it is asked for by several
    for (std::size_t i = 0; i < request_count; ++i) {
        Request& one = requests[i];
        if (wanted < one.start || wanted - one.start >= 64) {
            continue;
        }
        const std::uint64_t bit = std::uint64_t{1} << (wanted - one.start);
        if ((one.bitmap & bit) != 0) {
            if (one.asker == asker || one.asker == Request::several) {
                return true;
            }
            // Now two ask for it; what else stands in this request is still asked for by one.
            if (one.bitmap == bit) {
                one.asker = Request::several;
                return true;
            }
            one.bitmap &= ~bit;
            return request(wanted, Request::several);
        }
        Request*& place = one.asker == asker ? mine : foreign;
        place = place == nullptr ? &one : place;
    }
    if (mine == nullptr && request_count < requests_max) {
        mine = &requests[request_count++];
        *mine = {wanted, 0, asker};
    } else if (mine == nullptr && foreign != nullptr) {
        mine = foreign;
        mine->asker = Request::several;
    }
    if (mine == nullptr) {
        return false;
    }
    mine->bitmap |= std::uint64_t{1} << (wanted - mine->start);
    return true;
}

Members CommitToken::members() const {
    Members members;
    for (std::size_t i = 0; i < count; ++i) {
        members.insert(slots[i].node);
    }
    return members;
}

bool CommitToken::is_filled() const {
    for (std::size_t i = 0; i < count; ++i) {
        if (!slots[i].filled) {
            return false;
        }
    }
    return true;
}

Verdict decode(Bytes datagram, PacketHeader& to) {
    Reader from(datagram);
    const std::uint16_t magic = from.u16();
    const std::uint8_t version = from.u8();
    const std::uint8_t type = from.u8();
    to.sender = NodeId(from.u32());
    if (!from.ok() || magic != wire_magic) {
        return Verdict::malformed;
    }
    if (version != wire_version) {
        return Verdict::wrong_version;
    }
    if (type < static_cast<std::uint8_t>(PacketType::data) ||
        type > static_cast<std::uint8_t>(PacketType::probe_request) || !to.sender.is_valid()) {
        return Verdict::malformed;
    }
    to.type = static_cast<PacketType>(type);
    return Verdict::ok;
}

bool decode(Bytes body, Message& to) {
    Reader from(body);
    to.ring = read_ring(from);
    to.seq = read_seq(from);
    to.originator = NodeId(from.u32());
    to.round = from.u32();
    const std::uint8_t guarantee = from.u8();
    const std::uint8_t flags = from.u8();
    from.u16();
    to.encapsulated = (flags & flag_encapsulated) != 0;
    to.retransmitted = (flags & flag_retransmitted) != 0;
    to.obliged = (flags & flag_obliged) != 0;
    // Why not of a repeated one: it was true when the originator sent it.
    to.token_stays = (flags & flag_token_stays) != 0 && !to.retransmitted && !to.encapsulated;
    to.payload = from.rest();
    if (!from.ok() || to.seq == 0 || !to.ring.is_valid() || !to.originator.is_valid()) {
        return false;
    }
    if (guarantee != static_cast<std::uint8_t>(Guarantee::agreed) &&
        guarantee != static_cast<std::uint8_t>(Guarantee::safe)) {
        return false;
    }
    to.guarantee = static_cast<Guarantee>(guarantee);
    return true;
}

bool decode(Bytes body, Token& to) {
    Reader from(body);
    to.ring = read_ring(from);
    to.token_seq = read_seq(from);
    to.seq = read_seq(from);
    to.aru = read_seq(from);
    to.aru_id = NodeId(from.u32());
    to.fcc = from.u32();
    to.backlog = from.u32();
    to.congested = from.u16();
    to.retrans_flg = (from.u8() & flag_retrans) != 0;
    to.request_count = from.u8();
    if (!from.ok() || to.request_count > Token::requests_max) {
        return false;
    }
    for (std::size_t i = 0; i < to.request_count; ++i) {
        to.requests[i].start = read_seq(from);
        to.requests[i].bitmap = from.u64();
        to.requests[i].asker = Request::several;
    }
    const bool is_good = read_extensions(from, [&](std::uint16_t kind, Bytes contents) {
        if (kind != static_cast<std::uint16_t>(ExtensionKind::askers)) {
            return true;
        }
        if (contents.size() != to.request_count) {
            return false;
        }
        for (std::size_t i = 0; i < contents.size(); ++i) {
            to.requests[i].asker = contents[i];
        }
        return true;
    });
    return is_good && to.ring.is_valid() && to.aru <= to.seq;
}

bool decode(Bytes body, NodeId sender, Join& to) {
    Reader from(body);
    to.incarnation = from.u64();
    to.ring_seq = read_seq(from);
    to.version_min = from.u8();
    to.version_max = from.u8();
    to.leave = (from.u8() & flag_leave) != 0;
    from.u8();
    const std::size_t processors = from.u16();
    const std::size_t failed = from.u16();
    if (!from.ok() || processors > Members::capacity || failed > Members::capacity ||
        !read_members(from, processors, to.processors) || !read_members(from, failed, to.failed)) {
        return false;
    }
    const bool is_good = read_extensions(from, [&](std::uint16_t kind, Bytes contents) {
        switch (static_cast<ExtensionKind>(kind)) {
            case ExtensionKind::hearing:
                return decode_hearing(contents, processors, to.hearing);
            case ExtensionKind::heard_across:
                return decode_nodes(contents, to.heard_across);
            case ExtensionKind::patience:
                return decode_patience(contents, to.patience);
            case ExtensionKind::terms:
                to.terms = contents;
                return decode_terms(contents);
            case ExtensionKind::features:
                return decode_features(contents, to.features);
            default:
                return true;
        }
    });
    return is_good && to.version_min <= to.version_max && to.processors.contains(sender) &&
           to.failed.contains(sender) == to.leave;
}

bool decode(Bytes body, CommitToken& to) {
    Reader from(body);
    to.ring = read_ring(from);
    to.hop = from.u32();
    to.count = from.u16();
    if (!from.ok() || to.count == 0 || to.count > Members::capacity) {
        return false;
    }
    NodeId last;
    for (std::size_t i = 0; i < to.count; ++i) {
        CommitToken::Slot& slot = to.slots[i];
        slot.node = NodeId(from.u32());
        const std::uint8_t flags = from.u8();
        slot.filled = (flags & flag_filled) != 0;
        slot.received = (flags & flag_received) != 0;
        slot.window = from.u32();
        slot.incarnation = from.u64();
        slot.old_ring = read_ring(from);
        slot.old_aru = read_seq(from);
        slot.old_high = read_seq(from);
        slot.high_delivered = read_seq(from);
        if (!from.ok() || slot.node <= last || slot.old_aru > slot.old_high ||
            slot.high_delivered > slot.old_aru) {
            return false;
        }
        last = slot.node;
    }
    const bool is_good = read_extensions(from, [&](std::uint16_t kind, Bytes contents) {
        return kind != static_cast<std::uint16_t>(ExtensionKind::patience) ||
               decode_patience(contents, to.patience);
    });
    return is_good && to.ring.representative == to.slots[0].node;
}

bool decode(Bytes body, RingNotice& to) {
    Reader from(body);
    to.ring = read_ring(from);
    const bool is_good = read_extensions(from, [&](std::uint16_t kind, Bytes contents) {
        switch (static_cast<ExtensionKind>(kind)) {
            case ExtensionKind::heard_across:
                return decode_nodes(contents, to.heard_across);
            case ExtensionKind::apart:
                return decode_nodes(contents, to.apart);
            case ExtensionKind::terms:
                to.terms = contents;
                return decode_terms(contents);
            case ExtensionKind::features:
                return decode_features(contents, to.features);
            default:
                return true;
        }
    });
    return is_good && to.ring.is_valid();
}

bool decode(Bytes body, PacketType type, NodeId sender, Probe& to) {
    Reader from(body);
    to.ring = read_ring(from);
    to.token_seq = read_seq(from);
    to.id = from.u32();
    to.origin = NodeId(from.u32());
    to.subject = NodeId(from.u32());
    if (!skip_extensions(from) || !to.origin.is_valid() || !to.subject.is_valid() ||
        to.origin == to.subject) {
        return false;
    }
    // A probe and an answer may be passed on by a witness; a request may not.
    return type == PacketType::probe          ? sender != to.subject
           : type == PacketType::probe_answer ? sender != to.origin
                                              : sender == to.origin;
}

std::size_t encode(MutableBytes to, NodeId sender, const Token& token) {
    Writer writer(to);
    write_header(writer, PacketType::token, sender);
    write_ring(writer, token.ring);
    writer.u64(token.token_seq);
    writer.u64(token.seq);
    writer.u64(token.aru);
    writer.u32(token.aru_id.value());
    writer.u32(token.fcc);
    writer.u32(token.backlog);
    writer.u16(token.congested);
    writer.u8(token.retrans_flg ? flag_retrans : 0);
    writer.u8(token.request_count);
    for (std::size_t i = 0; i < token.request_count; ++i) {
        writer.u64(token.requests[i].start);
        writer.u64(token.requests[i].bitmap);
    }
    ExtensionWriter extensions(writer, to);
    std::array<std::uint8_t, Token::requests_max> askers{};
    bool is_known = false;
    for (std::size_t i = 0; i < token.request_count; ++i) {
        askers[i] = token.requests[i].asker;
        is_known = is_known || askers[i] != Request::several;
    }
    extensions.askers(Bytes(askers).first(is_known ? token.request_count : 0));
    extensions.finish();
    return size_if_ok(writer);
}

std::size_t encode(MutableBytes to, NodeId sender, const Join& join) {
    Writer writer(to);
    write_header(writer, PacketType::join, sender);
    writer.u64(join.incarnation);
    writer.u64(join.ring_seq);
    writer.u8(join.version_min);
    writer.u8(join.version_max);
    writer.u8(join.leave ? flag_leave : 0);
    writer.u8(0);
    writer.u16(static_cast<std::uint16_t>(join.processors.size()));
    writer.u16(static_cast<std::uint16_t>(join.failed.size()));
    write_members(writer, join.processors);
    write_members(writer, join.failed);
    ExtensionWriter extensions(writer, to);
    if (join.hearing.is_there) {
        extensions.hearing(join.processors.size(), join.hearing);
    }
    if (!join.heard_across.empty()) {
        extensions.nodes(ExtensionKind::heard_across, join.heard_across);
    }
    extensions.patience(join.patience);
    extensions.terms(join.terms);
    extensions.features(join.features);
    extensions.finish();
    return size_if_ok(writer);
}

std::size_t encode(MutableBytes to, NodeId sender, const CommitToken& token) {
    Writer writer(to);
    write_header(writer, PacketType::commit_token, sender);
    write_ring(writer, token.ring);
    writer.u32(token.hop);
    writer.u16(static_cast<std::uint16_t>(token.count));
    for (std::size_t i = 0; i < token.count; ++i) {
        const CommitToken::Slot& slot = token.slots[i];
        writer.u32(slot.node.value());
        writer.u8(static_cast<std::uint8_t>((slot.filled ? flag_filled : 0) |
                                            (slot.received ? flag_received : 0)));
        writer.u32(slot.window);
        writer.u64(slot.incarnation);
        write_ring(writer, slot.old_ring);
        writer.u64(slot.old_aru);
        writer.u64(slot.old_high);
        writer.u64(slot.high_delivered);
    }
    ExtensionWriter extensions(writer, to);
    extensions.patience(token.patience);
    extensions.finish();
    return size_if_ok(writer);
}

std::size_t encode(MutableBytes to, NodeId sender, PacketType type, const RingNotice& notice) {
    AIS_ASSERT(type == PacketType::merge_detect || type == PacketType::hold_cancel);
    Writer writer(to);
    write_header(writer, type, sender);
    write_ring(writer, notice.ring);
    ExtensionWriter extensions(writer, to);
    if (!notice.heard_across.empty()) {
        extensions.nodes(ExtensionKind::heard_across, notice.heard_across);
    }
    if (!notice.apart.empty()) {
        extensions.nodes(ExtensionKind::apart, notice.apart);
    }
    extensions.terms(notice.terms);
    extensions.features(notice.features);
    extensions.finish();
    return size_if_ok(writer);
}

std::size_t encode(MutableBytes to, NodeId sender, PacketType type, const Probe& probe) {
    AIS_ASSERT(type == PacketType::probe || type == PacketType::probe_answer ||
               type == PacketType::probe_request);
    Writer writer(to);
    write_header(writer, type, sender);
    write_ring(writer, probe.ring);
    writer.u64(probe.token_seq);
    writer.u32(probe.id);
    writer.u32(probe.origin.value());
    writer.u32(probe.subject.value());
    write_no_extensions(writer);
    return size_if_ok(writer);
}

void encode_data_header(MutableBytes to, NodeId sender, const Message& message) {
    AIS_ASSERT(to.size() >= data_header_size);
    Writer writer(to);
    write_header(writer, PacketType::data, sender);
    write_message_header(writer, message);
}

void encode_message_header(MutableBytes to, const Message& message) {
    AIS_ASSERT(to.size() >= Message::header_size);
    Writer writer(to);
    write_message_header(writer, message);
}

void patch_sender(MutableBytes datagram, NodeId sender) {
    AIS_ASSERT(datagram.size() >= PacketHeader::size);
    Writer(datagram).patch_u32(offset_sender, sender.value());
}

void patch_data_header(MutableBytes datagram, std::uint32_t round, Sending sending) {
    AIS_ASSERT(datagram.size() >= data_header_size);
    Writer(datagram).patch_u32(offset_round, round);
    if (sending == Sending::again) {
        datagram[offset_flags] |= flag_retransmitted;
    } else if (sending == Sending::token_stays) {
        datagram[offset_flags] |= flag_token_stays;
    }
}

}  // namespace ais::totem
