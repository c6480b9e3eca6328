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

bool Assembler::on_payload(NodeId node, Bytes payload) {
    Sender* sender = find(node);
    const bool is_good = on_chunks(node, sender, payload);
    if (!is_good && sender != nullptr) {
        drop(*sender);
    }
    return is_good;
}

// `sender` is null until the node sends its first fragment.
bool Assembler::on_chunks(NodeId node, Sender*& sender, Bytes payload) {
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
        if (is_first ? !begin(partial, service, kind, total, data)
                     : !append(node, partial, data, is_last)) {
            return false;
        }
    }
    return true;
}

bool Assembler::begin(
    Partial& partial, std::uint16_t service, std::uint16_t kind, std::size_t total, Bytes data) {
    AIS_ASSERT(partial.total == 0);
    if (data.empty() || total <= data.size() || total > message_max_) {
        return false;
    }
    partial.buffer = get_buffer(total);
    partial.total = total;
    partial.filled = data.size();
    partial.service = service;
    partial.kind = kind;
    copy_bytes(partial.buffer.bytes.get(), data);
    return true;
}

bool Assembler::append(NodeId node, Partial& partial, Bytes data, bool is_last) {
    AIS_ASSERT(partial.filled < partial.total);
    const std::size_t missing = partial.total - partial.filled;
    if (data.empty() || (is_last ? data.size() != missing : data.size() >= missing)) {
        return false;
    }
    copy_bytes(partial.buffer.bytes.get() + partial.filled, data);
    partial.filled += data.size();
    if (is_last) {
        hand_up(node, partial.service, partial.kind, {partial.buffer.bytes.get(), partial.total});
        close(partial);
    }
    return true;
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
    if (free_.size() == free_.capacity() ||
        free_bytes_ + buffer.capacity >
            kept_messages * std::bit_ceil(std::max(message_max_, buffer_min))) {
        return;
    }
    free_bytes_ += buffer.capacity;
    free_.push_back(std::move(buffer));
}

void Assembler::close(Partial& partial) {
    put_buffer(std::move(partial.buffer));
    partial = Partial();
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
