// SPDX-License-Identifier: BSD-3-Clause
//
// The rings of ipc_wire.hpp and the doorbell of the event ring, as both sides
// use them.  docs/protocol/ipc_wire.md has the orders and why they suffice.
//
// Each side keeps the position that it owns in private memory and only
// publishes it; the other's position is read, checked against what is
// possible, and then used from a private copy.  So a peer that scribbles over
// the shared page can hurt nobody but itself: the worst that a ring answers is "broken".
//
// **A short lap.**  A producer whose consumer has caught up far from the begin of the ring goes
// back to it at once, over a frame that says "skip" and stands for the rest of the lap.  So only
// as much of a ring is written as is used at one time, and it stays in the caches of the
// processors.
//
// Threads: a Producer and a Consumer are each used by one thread at a time
// (the client library has a lock for each).
//
// Why seq_cst and no fences: sleep/wake and the doorbell are all the same
// pattern (each side writes one word and then reads the other's), and
// ThreadSanitizer understands operations, not fences.

#pragma once

#include <ais/ipc_wire.hpp>

#include <bit>
#include <span>

namespace ais::ipc {

// How a ring has been broken by the other side.
enum class RingFault : std::uint8_t {
    none,
    ahead,      // written is further ahead than the ring is large, or behind read
    misread,    // read is beyond written, or went back
    unaligned,  // a position that is no multiple of 8
    too_big,    // a frame above the limit
    truncated,  // a frame that is longer than what has been written
};

constexpr const char* to_text(RingFault fault) {
    switch (fault) {
        case RingFault::none:
            return "nothing";
        case RingFault::ahead:
            return "written position outside the ring";
        case RingFault::misread:
            return "read position outside what was written";
        case RingFault::unaligned:
            return "unaligned position";
        case RingFault::too_big:
            return "frame above the size limit";
        case RingFault::truncated:
            return "frame longer than what was written";
    }
    return "unknown fault";
}

class RingProducer {
  public:
    // `data` has room for twice `size` bytes, the second half mirroring the
    // first.
    RingProducer(RingControl& control, std::uint8_t* data, std::size_t size)
        : control_(&control), data_(data), size_(size) {}

    // Whether a frame fits, with less than `share` bytes (0: any number) in the ring before it.
    // Looks at the consumer's position only if what is known of it does not suffice.  False, too,
    // when the ring is broken.
    [[nodiscard]] bool has_room(std::size_t body, std::size_t share = 0) {
        if (written_ >= shorten_at_) {
            shorten_lap(body);
        }
        return fits(body, share) || (observe() && fits(body, share));
    }

    // Copies one frame; not visible before publish().  Requires: has_room();
    // header.size is the sum of the parts.
    void put(const FrameHeader& header, std::span<const ais_bytes> parts) {
        std::uint8_t* to = data_ + (written_ & (size_ - 1));
        std::memcpy(to, &header, sizeof header);
        to += sizeof header;
        for (const ais_bytes& part : parts) {
            if (part.size > 0) {
                std::memcpy(to, part.data, part.size);
                to += part.size;
            }
        }
        written_ += frame_space(header.size);
    }
    // The same with a frame that has been put together elsewhere.
    void put_frame(const std::uint8_t* frame, std::size_t space) {
        std::memcpy(data_ + (written_ & (size_ - 1)), frame, space);
        written_ += space;
    }

    // All frames put so far become visible.  Sequentially consistent: who
    // publishes and then reads `sleeping` cannot miss a consumer that writes
    // `sleeping` and then looks at the ring.
    void publish() { control_->written.store(written_, std::memory_order_seq_cst); }
    // Visible, but without that promise: publish() must follow.
    void show() { control_->written.store(written_, std::memory_order_release); }

    // Read the consumer's position anew.  False: the ring is broken.
    bool observe() {
        const std::uint64_t read = control_->read.load(std::memory_order_seq_cst);
        if (read % frame_alignment != 0) {
            fault_ = RingFault::unaligned;
            return false;
        }
        if (read - read_seen_ > written_ - read_seen_) {
            fault_ = RingFault::misread;
            return false;
        }
        read_seen_ = read;
        return true;
    }

    [[nodiscard]] RingFault fault() const { return fault_; }
    [[nodiscard]] std::uint64_t written() const { return written_; }
    // The consumer's position when last observed.
    [[nodiscard]] std::uint64_t read_seen() const { return read_seen_; }
    [[nodiscard]] std::size_t size() const { return size_; }

  private:
    // Limit: what a stream may have under way without going on to new memory; half the second
    // level cache of a small processor.
    static constexpr std::size_t lap_min = 512U << 10;
    // How often to look whether the consumer has caught up.
    static constexpr std::size_t lap_step = 32U << 10;

    [[nodiscard]] bool fits(std::size_t body, std::size_t share) const {
        const std::size_t used = written_ - read_seen_;
        const std::size_t skipped = read_seen_ <= skip_from_ ? skip_size_ : 0;
        return frame_space(body) <= size_ - used && (share == 0 || used - skipped < share);
    }

    // Goes back to the begin if nearly nothing waits and the next frame fits there.
    void shorten_lap(std::size_t body) {
        const std::size_t offset = written_ & (size_ - 1);
        if (offset < lap_min) {
            shorten_at_ = written_ - offset + lap_min;
            return;
        }
        shorten_at_ = written_ + lap_step;
        if (!observe()) {
            return;
        }
        const std::size_t waiting = written_ - read_seen_;
        if (waiting > offset / 8 || frame_space(body) > offset - waiting) {
            return;
        }
        FrameHeader skip;
        skip.flags = frame_skips;
        std::memcpy(data_ + offset, &skip, sizeof skip);  // the mirror has room
        skip_from_ = written_;
        skip_size_ = size_ - offset;
        written_ += skip_size_;
        shorten_at_ = written_ + lap_min;
    }

    RingControl* control_;
    std::uint8_t* data_;
    std::size_t size_;
    std::uint64_t written_ = 0;
    std::uint64_t read_seen_ = 0;
    std::uint64_t shorten_at_ = lap_min;  // position at which shorten_lap() is worth a look
    std::uint64_t skip_from_ = 0;         // the last skip
    std::size_t skip_size_ = 0;
    RingFault fault_ = RingFault::none;
};

class RingConsumer {
  public:
    enum class Look : std::uint8_t { empty, frame, broken };

    RingConsumer(RingControl& control,
                 const std::uint8_t* data,
                 std::size_t size,
                 std::size_t body_max)
        : control_(&control), data_(data), size_(size), body_max_(body_max) {}

    // The next frame: a private copy of its header, and where its body lies
    // (shared memory: the other side can still change it).
    [[nodiscard]] Look look(FrameHeader& header, const std::uint8_t*& body) {
        if (fault_ != RingFault::none) {
            return Look::broken;
        }
        if (written_seen_ == read_ && !refresh()) {
            return fault_ == RingFault::none ? Look::empty : Look::broken;
        }
        const std::uint8_t* at = data_ + (read_ & (size_ - 1));
        header = copy_header(at);
        if ((header.flags & frame_skips) != 0) {
            if (!skip()) {
                return fault_ == RingFault::none ? Look::empty : Look::broken;
            }
            at = data_;
            header = copy_header(at);
            if ((header.flags & frame_skips) != 0) {
                fault_ = RingFault::truncated;  // a lap of nothing
                return Look::broken;
            }
        }
        if (header.size > body_max_) {
            fault_ = RingFault::too_big;
            return Look::broken;
        }
        if (frame_space(header.size) > written_seen_ - read_) {
            fault_ = RingFault::truncated;
            return Look::broken;
        }
        body = at + sizeof(FrameHeader);
        return Look::frame;
    }

    // Done with the frame that look() has shown; its place may be written
    // again.  Sequentially consistent, as publish().
    void take(const FrameHeader& header) {
        read_ += frame_space(header.size);
        control_->read.store(read_, std::memory_order_seq_cst);
    }

    // Read the producer's position anew.  True: there is a frame.
    bool refresh() {
        const std::uint64_t written = control_->written.load(std::memory_order_seq_cst);
        if (written % frame_alignment != 0) {
            fault_ = RingFault::unaligned;
            return false;
        }
        // This covers a position that went back, too.
        if (written - read_ > size_ || written - written_seen_ > size_) {
            fault_ = RingFault::ahead;
            return false;
        }
        written_seen_ = written;
        return written_seen_ != read_;
    }

    [[nodiscard]] RingFault fault() const { return fault_; }
    [[nodiscard]] std::uint64_t position() const { return read_; }
    // Bytes known to wait.
    [[nodiscard]] std::size_t waiting() const { return written_seen_ - read_; }
    [[nodiscard]] std::size_t size() const { return size_; }

  private:
    // To the begin of the next lap.  True: there is a frame.
    bool skip() {
        const std::uint64_t next = (read_ | (size_ - 1)) + 1;
        if (next - read_ > written_seen_ - read_) {
            fault_ = RingFault::truncated;
            return false;
        }
        read_ = next;
        return written_seen_ != read_ || refresh();
    }

    // Word by word and atomically, so that no compiler can turn the check of a
    // copy into a second look at the original.
    static FrameHeader copy_header(const std::uint8_t* from) {
        static_assert(sizeof(FrameHeader) == 3 * sizeof(std::uint64_t));
        struct Words {
            std::uint64_t word[3];
        } words;
        auto* source = reinterpret_cast<std::uint64_t*>(const_cast<std::uint8_t*>(from));
        for (std::size_t i = 0; i < 3; ++i) {
            words.word[i] =
                std::atomic_ref<std::uint64_t>(source[i]).load(std::memory_order_relaxed);
        }
        return std::bit_cast<FrameHeader>(words);
    }

    RingControl* control_;
    const std::uint8_t* data_;
    std::size_t size_;
    std::size_t body_max_;
    std::uint64_t read_ = 0;
    std::uint64_t written_seen_ = 0;
    RingFault fault_ = RingFault::none;
};

// The doorbell word (event.sleeping) is either rung, or quiet and then says
// how far the client had read when it went quiet.
inline constexpr std::uint32_t bell_rung = 1;
constexpr std::uint32_t bell_quiet_at(std::uint64_t read) {
    static_assert(frame_alignment == 8);  // two low bits are free after the shift
    return static_cast<std::uint32_t>(read >> 2);
}
static_assert(bell_quiet_at(0) == 0);

// Kernel's half.  Call after publish(); true: send one byte.
//
// Word is std::atomic<std::uint32_t>; a test uses one that can be stopped.
template <typename Word>
bool must_ring(Word& bell, std::uint64_t written) {
    std::uint32_t seen = bell.load(std::memory_order_seq_cst);
    // An honest client changes the word at most twice while we look: quiet →
    // rung (it takes the bell back) → quiet further on.
    // Limit: 4, so that a dishonest one cannot keep us here.
    for (int attempt = 0; attempt < 4; ++attempt) {
        if ((seen & bell_rung) != 0) {
            return false;  // it has been told
        }
        if (seen == bell_quiet_at(written)) {
            return false;  // it went quiet knowing all that there is
        }
        if (bell.compare_exchange_strong(seen, bell_rung, std::memory_order_seq_cst)) {
            return true;
        }
    }
    return false;
}

// Client's half.  Invariant: bytes in the socket (or on the way) == bell is
// rung, whenever none of the functions here is running.
//
// Socket has: bool peek(), a byte is there; void swallow(), take one that is there.
template <typename Word, typename Socket>
class BellListener {
  public:
    BellListener(Word& bell, Socket& socket) : bell_(&bell), socket_(&socket) {}

    // May events be taken?  Only once the byte has arrived: who takes an event
    // before would leave the socket readable with nothing pending.
    [[nodiscard]] bool heard() {
        if (!heard_) {
            heard_ = (bell_->load(std::memory_order_seq_cst) & bell_rung) != 0 && socket_->peek();
        }
        return heard_;
    }

    // After a take, and when there was nothing to take.  Requires: heard().
    // `refresh()` reads the producer's position and says whether there is a
    // frame (RingConsumer::refresh).
    template <typename Refresh>
    void settle(std::uint64_t position, Refresh refresh) {
        if (refresh()) {
            return;  // a busy stream: told, and more to take
        }
        bell_->store(bell_quiet_at(position), std::memory_order_seq_cst);
        if (!refresh()) {
            socket_->swallow();
            heard_ = false;
            return;
        }
        // The kernel has written between our looks.  Either it saw the bell still rung
        // and sends nothing: then the byte we have announces the new
        // events.  Or it saw it quiet and rings again: then there are two
        // bytes, of which the second may not have arrived yet.
        if ((bell_->exchange(bell_rung, std::memory_order_seq_cst) & bell_rung) != 0) {
            socket_->swallow();
            heard_ = false;
        }
    }

  private:
    Word* bell_;
    Socket* socket_;
    bool heard_ = false;
};

}  // namespace ais::ipc
