// SPDX-License-Identifier: BSD-3-Clause
//
// One lane of the packer: a bounded queue of messages in one circle of bytes.
//
// The circle is as large as has been needed lately, so that a stream goes round in memory that
// the caches still hold: it is doubled when a message does not fit, and given up for a small one
// when it has been empty and much has passed since it was needed.  It begins anew whenever it is
// empty.
//
// The message at the head can be taken in pieces; its bytes stay until the
// last piece is taken, so that rewind() can begin it again.
//
// Invariants:
//   1. Records begin at multiples of 16 and the circle is a power of two, so
//      a record's header never wraps; its bytes may.
//   2. used_ is the sum of the space of all records, at most limit_.

#pragma once

#include "base/assert.hpp"
#include "totem/types.hpp"

#include <ais/bytes.hpp>

#include <algorithm>
#include <bit>
#include <cstdint>
#include <cstring>
#include <memory>
#include <span>

namespace ais::group {

class MessageQueue {
  public:
    struct Head {
        std::uint32_t size = 0;
        std::uint16_t service = 0;
        std::uint16_t kind = 0;
        totem::Guarantee guarantee = totem::Guarantee::agreed;
    };

    // Bytes of the circle that a message of `size` occupies.
    static constexpr std::size_t space(std::size_t size) {
        return (record_header + size + alignment - 1) & ~(alignment - 1);
    }

    // `limit` bounds the space of all messages.
    explicit MessageQueue(std::size_t limit)
        : limit_(limit), smallest_(std::bit_ceil(std::clamp(limit, alignment, circle_min))) {
        allocate(smallest_);
    }

    [[nodiscard]] bool empty() const { return messages_ == 0; }
    [[nodiscard]] bool has_room_for(std::size_t size) const {
        return space(size) <= limit_ - used_;
    }
    // Memory that it has now.
    [[nodiscard]] std::size_t circle() const { return mask_ + 1; }
    // Bytes of all messages that were not taken yet, and how many messages.
    [[nodiscard]] std::size_t waiting_bytes() const { return waiting_; }
    [[nodiscard]] std::size_t messages() const { return messages_; }

    // Requires: has_room_for(head.size), head.size is the size of all parts.
    void push(const Head& head, std::span<const ais_bytes> parts) {
        AIS_ASSERT(has_room_for(head.size));
        make_circle_for(space(head.size));
        std::uint8_t record[record_header] = {};
        std::memcpy(record, &head, sizeof head);
        std::memcpy(at(tail_), record, record_header);
        std::size_t to = tail_ + record_header;
        for (const ais_bytes& part : parts) {
            copy_in(to, from_abi(part));
            to += part.size;
        }
        AIS_ASSERT(to - tail_ == record_header + head.size);
        tail_ += space(head.size);
        used_ += space(head.size);
        waiting_ += head.size;
        if (++messages_ == 1) {
            load_head();
        }
    }

    // Requires for all of these: !empty().
    [[nodiscard]] const Head& head() const { return head_now_; }
    [[nodiscard]] std::size_t taken() const { return taken_; }
    [[nodiscard]] std::size_t left() const { return head_now_.size - taken_; }

    // Requires: size <= left().
    void take(std::uint8_t* to, std::size_t size) {
        AIS_ASSERT(size <= left());
        const std::size_t from = (head_ + record_header + taken_) & mask_;
        const std::size_t before_wrap = std::min(size, mask_ + 1 - from);
        copy_bytes(to, {bytes_.get() + from, before_wrap});
        copy_bytes(to + before_wrap, {bytes_.get(), size - before_wrap});
        taken_ += size;
        waiting_ -= size;
    }
    // Requires: left() == 0.
    void pop() {
        AIS_ASSERT(!empty() && left() == 0);
        head_ += space(head_now_.size);
        used_ -= space(head_now_.size);
        taken_ = 0;
        if (--messages_ > 0) {
            load_head();
        }
    }

    // The head is taken from its first byte again.
    void rewind() {
        waiting_ += taken_;
        taken_ = 0;
    }
    void clear() {
        head_ = tail_;
        used_ = waiting_ = taken_ = messages_ = 0;
    }

  private:
    static constexpr std::size_t alignment = 16;
    static constexpr std::size_t record_header = 16;
    static_assert(sizeof(Head) <= record_header);
    // Limit: what clients are asked for ahead (Groups::has_room); a stream that has all of it doubles
    // the circle once.
    static constexpr std::size_t circle_min = 1U << 20;
    // Limit: messages after which a large circle that is not needed any more is given up.
    static constexpr std::uint32_t shrink_after = 4096;

    void allocate(std::size_t circle) {
        bytes_ = std::make_unique_for_overwrite<std::uint8_t[]>(circle);
        mask_ = circle - 1;
    }
    void make_circle_for(std::size_t more) {
        const std::size_t needed = used_ + more;
        unneeded_ = needed > smallest_ ? 0 : unneeded_ + 1;
        if (empty()) {
            head_ = tail_ = 0;
            if (circle() > smallest_ && unneeded_ > shrink_after) {
                allocate(smallest_);
            }
        }
        if (needed > circle()) {
            grow(std::bit_ceil(needed));
        }
    }
    void grow(std::size_t circle) {
        const auto before = std::move(bytes_);
        const std::size_t mask = mask_;
        allocate(circle);
        for (std::size_t from = head_; from != tail_;) {
            const std::size_t piece = std::min(tail_ - from, mask + 1 - (from & mask));
            copy_in(from, {before.get() + (from & mask), piece});
            from += piece;
        }
    }

    std::uint8_t* at(std::size_t position) { return bytes_.get() + (position & mask_); }
    void load_head() { std::memcpy(&head_now_, at(head_), sizeof head_now_); }
    void copy_in(std::size_t position, Bytes from) {
        const std::size_t to = position & mask_;
        const std::size_t before_wrap = std::min(from.size(), mask_ + 1 - to);
        copy_bytes(bytes_.get() + to, from.first(before_wrap));
        copy_bytes(bytes_.get(), from.subspan(before_wrap));
    }

    std::size_t limit_;
    std::size_t smallest_;
    std::size_t mask_ = 0;
    std::unique_ptr<std::uint8_t[]> bytes_;
    std::size_t head_ = 0;  // positions only grow; the mask makes places of them
    std::size_t tail_ = 0;
    std::size_t used_ = 0;
    std::size_t waiting_ = 0;
    std::size_t taken_ = 0;  // of the head
    std::size_t messages_ = 0;
    std::uint32_t unneeded_ = 0;  // messages since the circle was as large as it is for a reason
    Head head_now_;
};

}  // namespace ais::group
