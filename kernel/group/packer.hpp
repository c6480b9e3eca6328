// SPDX-License-Identifier: BSD-3-Clause
//
// The packer: waiting messages → payloads, at the moment the token is here.
//
// Small messages share a payload, large ones are cut so that payloads are
// filled exactly (docs/protocol/group_wire.md).  Nothing is ever held back in
// the hope of more: take() packs what is there.
//
// Invariants:
//   1. Messages of one lane leave in the order in which they came.
//   2. One payload has one guarantee.
//   3. While more of that guarantee is waiting, a payload is as long as its room.

#pragma once

#include "group/groups.hpp"
#include "group/message_queue.hpp"

namespace ais::group {

class Packer {
  public:
    explicit Packer(const Limits& limits);

    // AIS_ERR_TOO_BIG, AIS_ERR_AGAIN: see Groups::multicast.
    ais_status push(Lane lane,
                    std::uint16_t service,
                    std::uint16_t kind,
                    totem::Guarantee guarantee,
                    std::span<const ais_bytes> parts);

    [[nodiscard]] bool has_room_for(Lane lane, std::size_t size) const;
    [[nodiscard]] std::size_t waiting_bytes(Lane lane) const {
        return (lane == Lane::kernel ? kernel_ : ordinary_).waiting_bytes();
    }

    // Which lanes may send.
    enum class Open : std::uint8_t { kernel_only, both };

    // About how many payloads of `payload_max` bytes are waiting; 0 if and
    // only if take() has nothing.
    [[nodiscard]] std::size_t backlog(Open open, std::size_t payload_max) const;

    // Requires: chunk::payload_min <= room.size() <= chunk::payload_max.
    std::size_t take(MutableBytes room, totem::Guarantee& guarantee, Open open);

    // Messages of which only a part was taken begin again.
    void rewind();
    void clear(Lane lane);

    [[nodiscard]] std::uint64_t messages_taken() const { return messages_taken_; }
    [[nodiscard]] std::uint64_t fragments_taken() const { return fragments_taken_; }

  private:
    bool put_chunk(MessageQueue& queue,
                   std::uint8_t lane_flag,
                   MutableBytes room,
                   std::size_t& used);

    std::size_t message_max_;
    MessageQueue kernel_;
    MessageQueue ordinary_;
    std::uint64_t messages_taken_ = 0;
    std::uint64_t fragments_taken_ = 0;
};

}  // namespace ais::group
