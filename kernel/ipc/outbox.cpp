// SPDX-License-Identifier: BSD-3-Clause

#include "ipc/outbox.hpp"

#include "base/assert.hpp"

#include <algorithm>
#include <utility>

namespace ais::ipc {

void Outbox::append(const FrameHeader& header, std::span<const ais_bytes> parts) {
    const std::size_t space = frame_space(header.size);
    if (chunks_.empty() || chunks_.back().bytes.size() - chunks_.back().end < space) {
        Chunk chunk;
        if (space <= chunk_size && !spare_.empty()) {
            chunk.bytes = std::exchange(spare_, {});
        } else {
            chunk.bytes.resize(std::max(space, chunk_size));
        }
        chunks_.push_back(std::move(chunk));
    }
    Chunk& chunk = chunks_.back();
    std::uint8_t* to = chunk.bytes.data() + chunk.end;
    std::memcpy(to, &header, sizeof header);
    to += sizeof header;
    for (const ais_bytes& part : parts) {
        copy_bytes(to, from_abi(part));
        to += part.size;
    }
    // The rest up to the alignment is shown to the client: nothing of ours
    // must be in it.
    std::fill(to, chunk.bytes.data() + chunk.end + space, std::uint8_t{0});
    chunk.end += space;
    bytes_ += space;
}

bool Outbox::move_to(RingProducer& ring) {
    bool moved = false;
    while (!chunks_.empty()) {
        Chunk& chunk = chunks_.front();
        AIS_ASSERT(chunk.begin < chunk.end);
        FrameHeader header;
        std::memcpy(&header, chunk.bytes.data() + chunk.begin, sizeof header);
        if (!ring.has_room(header.size)) {
            break;
        }
        const std::size_t space = frame_space(header.size);
        ring.put_frame(chunk.bytes.data() + chunk.begin, space);
        chunk.begin += space;
        bytes_ -= space;
        moved = true;
        if (chunk.begin == chunk.end) {
            if (spare_.empty() && chunk.bytes.size() == chunk_size) {
                spare_ = std::move(chunk.bytes);
            }
            chunks_.pop_front();
        }
    }
    AIS_ASSERT(chunks_.empty() == (bytes_ == 0));
    return moved;
}

void Outbox::clear() {
    chunks_.clear();
    bytes_ = 0;
}

}  // namespace ais::ipc
