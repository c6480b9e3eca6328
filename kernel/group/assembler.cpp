// SPDX-License-Identifier: BSD-3-Clause
//
// See assembler.hpp and docs/protocol/group_wire.md, "What a receiver does".

#include "group/assembler.hpp"

#include "base/assert.hpp"
#include "base/mark.hpp"
#include "group/chunk.hpp"

#include <ais/codec.hpp>

#include <algorithm>
#include <bit>

namespace ais::group {
namespace {

// Limit: memory kept in unused buffers, as a multiple of the largest message.
// Why 16: more nodes than that hardly send their largest messages at once.
constexpr std::size_t kept_messages = 16;
// Why: most messages that are split are small ones at the end of a payload.
constexpr std::size_t buffer_min = 4096;

constexpr std::size_t lane_of(std::uint8_t flags) {
    return (flags & chunk::flag_kernel) != 0 ? 1 : 0;
}

}  // namespace

Assembler::Assembler(std::size_t message_max, Receiver& receiver)
    : message_max_(message_max), receiver_(receiver) {
    senders_.reserve(AIS_NODES_MAX);
    free_.reserve(2 * AIS_NODES_MAX);
}

bool Assembler::on_payload(NodeId node, totem::Seq seq, Bytes payload) {
    Sender* sender = find(node);
    const bool is_good = on_chunks(node, sender, seq, payload);
    if (!is_good && sender != nullptr) {
        drop(*sender);
    }
    return is_good;
}

// `sender` is null until the node sends its first fragment.
bool Assembler::on_chunks(NodeId node, Sender*& sender, totem::Seq seq, Bytes payload) {
    Reader in(payload);
    while (in.remaining() > 0) {
        const std::uint8_t flags = in.u8();
        if (flags == chunk::flag_padding) {
            return true;
        }
        if ((flags & ~chunk::flags_known) != 0) {
            return false;
        }
        const bool is_first = (flags & chunk::flag_first) != 0;
        const bool is_last = (flags & chunk::flag_last) != 0;
        const std::size_t length = in.u16();
        const std::uint16_t service = is_first ? in.u16() : std::uint16_t(0);
        const std::uint16_t kind = is_first ? in.u16() : std::uint16_t(0);
        const std::size_t total = is_first && !is_last ? in.u32() : 0;
        const Bytes data = in.bytes(length);
        if (!in.ok()) {
            return false;
        }
        const std::size_t lane = lane_of(flags);
        const bool is_open = sender != nullptr && sender->lanes[lane].total != 0;
        if (is_first == is_open) {
            AIS_MARK("assembler.refuses_chunk_out_of_place");
            return false;
        }
        if (is_first && is_last) {
            if (data.size() > message_max_) {
                return false;
            }
            hand_up(node, service, kind, data);
            continue;
        }
        if (sender == nullptr && (sender = add(node)) == nullptr) {
            return false;
        }
        Partial& partial = sender->lanes[lane];
        if (is_first ? !begin(partial, service, kind, total, {seq, data})
                     : !append(node, partial, {seq, data}, is_last)) {
            return false;
        }
    }
    return true;
}

bool Assembler::begin(
    Partial& partial, std::uint16_t service, std::uint16_t kind, std::size_t total, Piece piece) {
    AIS_ASSERT(partial.total == 0 && partial.pieces.empty() && partial.kept == 0);
    if (piece.bytes.empty() || total <= piece.bytes.size() || total > message_max_) {
        return false;
    }
    partial.total = total;
    partial.filled = 0;
    partial.service = service;
    partial.kind = kind;
    add_piece(partial, piece);
    return true;
}

bool Assembler::append(NodeId node, Partial& partial, Piece piece, bool is_last) {
    AIS_ASSERT(partial.filled < partial.total);
    const std::size_t missing = partial.total - partial.filled;
    const std::size_t size = piece.bytes.size();
    if (size == 0 || (is_last ? size != missing : size >= missing)) {
        return false;
    }
    add_piece(partial, piece);
    if (is_last) {
        finish(node, partial);
        close(partial);
    }
    return true;
}

void Assembler::add_piece(Partial& partial, Piece piece) {
    if (partial.pieces.size() == Receiver::pieces_max - 1) {  // the buffer is one, too
        AIS_MARK("assembler.keeps_more_pieces_than_a_list_has");
        keep(partial, all);
    }
    partial.filled += piece.bytes.size();
    partial.pieces.push_back(piece);
}

// Copy the pieces up to `last`, which lie in front, into the buffer.
void Assembler::keep(Partial& partial, totem::Seq last) {
    if (partial.pieces.empty() || partial.pieces.front().seq > last) {
        return;
    }
    if (partial.buffer.capacity == 0) {
        partial.buffer = get_buffer(partial.total);
    }
    auto piece = partial.pieces.begin();
    for (; piece != partial.pieces.end() && piece->seq <= last; ++piece) {
        copy_bytes(partial.buffer.bytes.get() + partial.kept, piece->bytes);
        partial.kept += piece->bytes.size();
    }
    partial.pieces.erase(partial.pieces.begin(), piece);
    AIS_ASSERT(partial.kept <= partial.filled && partial.filled <= partial.total);
}

void Assembler::finish(NodeId node, Partial& partial) {
    AIS_ASSERT(partial.filled == partial.total);
    if (!receiver_.takes_pieces(partial.service)) {
        keep(partial, all);
        hand_up(node, partial.service, partial.kind, {partial.buffer.bytes.get(), partial.total});
        return;
    }
    list_.clear();
    if (partial.kept > 0) {
        AIS_MARK("assembler.hands_up_pieces_and_what_the_log_forgot");
        list_.push_back({partial.buffer.bytes.get(), partial.kept});
    }
    for (const Piece& piece : partial.pieces) {
        list_.push_back(to_abi(piece.bytes));
    }
    ++delivered_messages_;
    delivered_bytes_ += partial.total;
    receiver_.on_pieces(node, partial.service, partial.kind, list_);
}

void Assembler::before_free(totem::Seq last) {
    for (Sender& sender : senders_) {
        for (Partial& partial : sender.lanes) {
            if (partial.total != 0) {
                keep(partial, last);
            }
        }
    }
}

void Assembler::hand_up(NodeId sender, std::uint16_t service, std::uint16_t kind, Bytes body) {
    ++delivered_messages_;
    delivered_bytes_ += body.size();
    receiver_.on_message(sender, service, kind, body);
}

// Why linear: one search per payload, among the few nodes that send fragments.
Assembler::Sender* Assembler::find(NodeId node) {
    for (Sender& sender : senders_) {
        if (sender.node == node) {
            return &sender;
        }
    }
    return nullptr;
}

// Null: more senders than a ring can have.
Assembler::Sender* Assembler::add(NodeId node) {
    if (senders_.size() == AIS_NODES_MAX) {
        return nullptr;
    }
    Sender& sender = senders_.emplace_back();
    sender.node = node;
    return &sender;
}

// The smallest kept buffer that is large enough, else a new one.
Assembler::Buffer Assembler::get_buffer(std::size_t size) {
    auto best = free_.end();
    for (auto candidate = free_.begin(); candidate != free_.end(); ++candidate) {
        if (candidate->capacity >= size &&
            (best == free_.end() || candidate->capacity < best->capacity)) {
            best = candidate;
        }
    }
    if (best == free_.end()) {
        const std::size_t capacity = std::bit_ceil(std::max(size, buffer_min));
        return {std::make_unique_for_overwrite<std::uint8_t[]>(capacity), capacity};
    }
    Buffer found = std::move(*best);
    *best = std::move(free_.back());
    free_.pop_back();
    free_bytes_ -= found.capacity;
    return found;
}

void Assembler::put_buffer(Buffer buffer) {
    if (buffer.capacity == 0 || free_.size() == free_.capacity() ||
        free_bytes_ + buffer.capacity >
            kept_messages * std::bit_ceil(std::max(message_max_, buffer_min))) {
        return;
    }
    free_bytes_ += buffer.capacity;
    free_.push_back(std::move(buffer));
}

void Assembler::close(Partial& partial) {
    put_buffer(std::move(partial.buffer));
    partial.buffer = Buffer();
    partial.pieces.clear();
    partial.kept = partial.total = partial.filled = 0;
}

std::size_t Assembler::drop(Sender& sender) {
    std::size_t dropped = 0;
    for (Partial& partial : sender.lanes) {
        if (partial.total != 0) {
            close(partial);
            ++dropped;
        }
    }
    return dropped;
}

std::size_t Assembler::drop_partials() {
    std::size_t dropped = 0;
    for (Sender& sender : senders_) {
        dropped += drop(sender);
    }
    senders_.clear();
    return dropped;
}

}  // namespace ais::group
