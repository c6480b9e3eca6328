// SPDX-License-Identifier: BSD-3-Clause
//
// Frames that did not fit a client's ring, in order, until they do.
//
// Empty as long as the client keeps up, and then without memory of its own.
// Frames are kept whole, header included, in chunks; a chunk that has been
// emptied is used again for the next ones.  How many bytes may wait is the
// Session's decision (Limits::outbox_max, for both rings together).
//
// Threads: none.

#pragma once

#include <ais/bytes.hpp>
#include <ais/ipc_ring.hpp>

#include <deque>
#include <span>
#include <vector>

namespace ais::ipc {

class Outbox {
  public:
    [[nodiscard]] bool empty() const { return bytes_ == 0; }
    // What the waiting frames need in a ring.
    [[nodiscard]] std::size_t bytes() const { return bytes_; }

    void append(const FrameHeader& header, std::span<const ais_bytes> parts);
    // Move as many frames as fit, in order.  True: at least one was moved.
    bool move_to(RingProducer& ring);
    void clear();

  private:
    // Limit: large enough that a chunk holds many ordinary frames, small
    // enough that one slow client costs little.  A larger frame gets a chunk
    // of its own.
    static constexpr std::size_t chunk_size = 64U << 10;

    struct Chunk {
        std::vector<std::uint8_t> bytes;
        std::size_t begin = 0;
        std::size_t end = 0;
    };

    std::deque<Chunk> chunks_;
    std::vector<std::uint8_t> spare_;  // one chunk, kept for the next slow moment
    std::size_t bytes_ = 0;
};

}  // namespace ais::ipc
