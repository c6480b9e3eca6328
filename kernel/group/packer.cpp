// SPDX-License-Identifier: BSD-3-Clause
//
// See packer.hpp and docs/protocol/group_wire.md, "What a sender does".

#include "group/packer.hpp"

#include "base/mark.hpp"
#include "group/chunk.hpp"

#include <ais/codec.hpp>

namespace ais::group {
namespace {

// One message of message_max always fits into an empty lane.
std::size_t lane_limit(std::size_t wanted, std::size_t message_max) {
    return std::max(wanted, MessageQueue::space(message_max));
}

}  // namespace

Packer::Packer(const Limits& limits)
    : message_max_(limits.message_max),
      kernel_(lane_limit(limits.kernel_queue_max, limits.message_max)),
      ordinary_(lane_limit(limits.queue_max, limits.message_max)) {
    AIS_ASSERT(limits.message_max <= 0xffffffffU);  // `total` is 32 bits
}

ais_status Packer::push(Lane lane,
                        std::uint16_t service,
                        std::uint16_t kind,
                        totem::Guarantee guarantee,
                        std::span<const ais_bytes> parts) {
    std::size_t size = 0;
    for (const ais_bytes& part : parts) {
        if (part.size > message_max_ - size) {
            return AIS_ERR_TOO_BIG;
        }
        size += part.size;
    }
    MessageQueue& queue = lane == Lane::kernel ? kernel_ : ordinary_;
    if (!queue.has_room_for(size)) {
        return AIS_ERR_AGAIN;
    }
    queue.push({static_cast<std::uint32_t>(size), service, kind, guarantee}, parts);
    return AIS_OK;
}

bool Packer::has_room_for(Lane lane, std::size_t size) const {
    return (lane == Lane::kernel ? kernel_ : ordinary_).has_room_for(size);
}

std::size_t Packer::backlog(Open open, std::size_t payload_max) const {
    std::size_t messages = kernel_.messages();
    std::size_t bytes = kernel_.waiting_bytes();
    if (open == Open::both) {
        messages += ordinary_.messages();
        bytes += ordinary_.waiting_bytes();
    }
    bytes += messages * chunk::whole_header;
    return (bytes + payload_max - 1) / payload_max;
}

std::size_t Packer::take(MutableBytes room, totem::Guarantee& guarantee, Open open) {
    AIS_ASSERT(room.size() >= chunk::payload_min && room.size() <= chunk::payload_max);
    struct {
        MessageQueue& queue;
        std::uint8_t flag;
    } const lanes[] = {{kernel_, chunk::flag_kernel}, {ordinary_, 0}};

    std::size_t used = 0;
    for (const auto& lane : lanes) {
        if (lane.flag == 0 && open == Open::kernel_only) {
            break;
        }
        while (!lane.queue.empty()) {
            const totem::Guarantee wanted = lane.queue.head().guarantee;
            if (used > 0 && wanted != guarantee) {
                AIS_MARK("packer.ends_payload_at_other_guarantee");
                return used;
            }
            guarantee = wanted;
            if (!put_chunk(lane.queue, lane.flag, room, used)) {
                if (used < room.size()) {
                    AIS_MARK("packer.pads");
                    room[used] = chunk::flag_padding;
                    std::memset(room.data() + used + 1, 0, room.size() - used - 1);
                }
                return room.size();
            }
        }
    }
    return used;
}

// The next piece of the queue's head; false if there is no place for one.
bool Packer::put_chunk(MessageQueue& queue,
                       std::uint8_t lane_flag,
                       MutableBytes room,
                       std::size_t& used) {
    const MessageQueue::Head& head = queue.head();
    const MutableBytes rest = room.subspan(used);
    const bool is_first = queue.taken() == 0;
    const std::size_t header_last = is_first ? chunk::whole_header : chunk::next_header;
    const bool is_last = header_last + queue.left() <= rest.size();
    const std::size_t header =
        is_last ? header_last : (is_first ? chunk::first_header : chunk::next_header);
    if (!is_last && rest.size() < header + chunk::fragment_min) {
        return false;
    }
    const std::size_t size = is_last ? queue.left() : rest.size() - header;

    Writer out(rest.first(header));
    out.u8(static_cast<std::uint8_t>(lane_flag | (is_first ? chunk::flag_first : 0) |
                                     (is_last ? chunk::flag_last : 0)));
    out.u16(static_cast<std::uint16_t>(size));
    if (is_first) {
        out.u16(head.service);
        out.u16(head.kind);
        if (!is_last) {
            out.u32(head.size);
        }
    }
    AIS_ASSERT(out.ok() && out.room() == 0);
    queue.take(rest.data() + header, size);
    used += header + size;

    if (!(is_first && is_last)) {
        ++fragments_taken_;
    }
    if (is_last) {
        queue.pop();
        ++messages_taken_;
    }
    return true;
}

void Packer::rewind() {
    kernel_.rewind();
    ordinary_.rewind();
}

void Packer::clear(Lane lane) {
    (lane == Lane::kernel ? kernel_ : ordinary_).clear();
}

}  // namespace ais::group
