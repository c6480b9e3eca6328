// SPDX-License-Identifier: BSD-3-Clause
//
// The messages of one ring, kept for ordering and for retransmission.
//
// A window of seqs (freed, freed + capacity] lies over a circle of slots; each
// held message is one encoded datagram, header and payload in one piece, so
// that it is sent (again) without a copy.  Buffers come from a pool that is
// reserved once; free ones are taken last in, first out, so that only as
// much memory is ever touched as was in use at one time.
//
// Invariants:
//   1. freed <= aru <= high, and every seq in (freed, aru] is held.
//   2. A held message does not move; its bytes change only by patches of its header.

#pragma once

#include "base/time.hpp"
#include "totem/types.hpp"

#include <ais/bytes.hpp>

#include <memory>
#include <vector>

namespace ais::totem {

class MessageLog {
  public:
    // One slot.  Fields of a message are cached beside its bytes, so that
    // ordering does not touch them.
    struct Entry {
        Seq seq = 0;  // of the message held here, 0 if none
        std::uint32_t buffer = 0;
        std::uint32_t size = 0;
        NodeId originator;
        Guarantee guarantee = Guarantee::agreed;
        bool encapsulated = false;
        // Recovery: delivered even behind a hole (recovery.cpp).
        bool obliged = false;
    };

    // What this node did about a seq, held or not; forgotten with the slot.
    struct Trace {
        Seq seq = 0;
        std::uint32_t asked = 0;     // requests of ours
        std::uint64_t asked_at = 0;  // visit of the last one
        Instant asked_when{};        // and its time
        NodeId answered_to;          // whom we sent it again last,
        std::uint32_t answers = 0;   // and how often in a row
        bool resent = false;         // Recovery: seen encapsulated
        bool resent_obliged = false;
    };

    // Requires: slots > 0, datagram_max > 0.
    MessageLog(std::size_t slots, std::size_t datagram_max);

    // An empty log of a new ring.
    void reset();

    [[nodiscard]] Seq aru() const { return aru_; }
    [[nodiscard]] Seq high() const { return high_; }
    [[nodiscard]] Seq freed() const { return freed_; }
    [[nodiscard]] std::size_t capacity() const { return entries_.size(); }
    [[nodiscard]] std::size_t held() const { return entries_.size() - free_.size(); }

    [[nodiscard]] bool fits(Seq seq) const { return seq > freed_ && seq - freed_ <= capacity(); }
    [[nodiscard]] bool holds(Seq seq) const { return seq != 0 && slot(seq).seq == seq; }

    [[nodiscard]] bool has_room() const { return !free_.empty(); }
    // Room for the next message, datagram_max bytes.
    // Requires: some seq fits that is not held.
    [[nodiscard]] MutableBytes room();
    // What was written to the first `size` bytes of room() is message `seq`.
    // Requires: fits(seq), !holds(seq), size <= datagram_max.
    Entry& store(Seq seq, std::size_t size);

    // Requires: holds(seq).
    [[nodiscard]] Entry& entry(Seq seq);
    [[nodiscard]] MutableBytes datagram(Seq seq);

    // Requires: fits(seq).
    [[nodiscard]] Trace& trace(Seq seq);

    // Forget everything up to `seq`.  Requires: seq <= aru().
    void free_to(Seq seq);

  private:
    [[nodiscard]] std::size_t index(Seq seq) const { return seq & (entries_.size() - 1); }
    [[nodiscard]] const Entry& slot(Seq seq) const { return entries_[index(seq)]; }
    [[nodiscard]] MutableBytes buffer(std::uint32_t at) {
        return {pool_.get() + at * stride_, datagram_max_};
    }

    std::size_t datagram_max_;
    std::size_t stride_;
    std::vector<Entry> entries_;
    std::vector<Trace> traces_;
    std::unique_ptr<std::uint8_t[]> pool_;
    std::vector<std::uint32_t> free_;  // a stack of buffers
    Seq aru_ = 0;
    Seq high_ = 0;
    Seq freed_ = 0;
};

}  // namespace ais::totem
