// SPDX-License-Identifier: BSD-3-Clause
//
// Whether replicas that were made equal are equal still: the comparison of
// docs/protocol/sync.md.  Says when to ask for what, and who differs once all
// have answered; taking digests and multicasting is the barrier's.
//
// All that decides comes from delivered messages, so all members find the same.
// Threads: none.

#pragma once

#include "base/time.hpp"
#include "sync/plan.hpp"

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <span>
#include <vector>

namespace ais::sync {

class Comparison {
  public:
    // Bytes of one service that may be digested in an interval, on the average.
    static constexpr std::uint64_t bytes_per_round = 8U << 20;
    // So many intervals the next question waits for the last answer to the one before.
    static constexpr unsigned put_off_max = 9;

    // Zero: it never asks; it answers those who do.
    explicit Comparison(Duration interval) : interval_(interval) {}

    // Replicas are equal in this ring, from now on.
    void begin(const totem::RingId& ring, const totem::Members& members);
    // Not any more.
    void end();

    // A digest was taken: of how many bytes.
    void note_size(std::uint16_t service, std::uint64_t size) { sizes_[service] = size; }

    // What the lowest member is to multicast now; `services` are those that it has, ascending.
    // Call in every turn.
    [[nodiscard]] std::optional<Compare> ask(Instant now,
                                             NodeId self,
                                             const std::vector<std::uint16_t>& services);
    // When ask() has something; nothing before its first call in a ring.
    [[nodiscard]] std::optional<Instant> deadline() const { return next_; }

    // Delivered.  Requires: of this ring.  False: nobody may ask this.  True: take the digests,
    // and answer.
    [[nodiscard]] bool on_compare(NodeId sender, const Compare& compare);
    // Requires: of this ring.  False: nobody waits for it.
    [[nodiscard]] bool on_compared(NodeId sender, const Compared& compared);
    // An answer that does not decode.
    void on_no_answer(NodeId sender);
    // All have answered; once.
    [[nodiscard]] bool is_over() const;
    // Requires: is_over().  Who differs from the others; the comparison is done with.
    [[nodiscard]] std::vector<Divergence> judge();

  private:
    Duration interval_;
    totem::RingId ring_;
    totem::Members members_;  // empty: replicas are not equal
    std::optional<Instant> next_;
    std::uint64_t asked_ = 0;                             // the last number that we have said
    unsigned put_off_ = 0;                                // intervals since then
    std::map<std::uint16_t, std::uint64_t> sizes_;        // when last digested
    std::map<std::uint16_t, std::uint64_t> rounds_left_;  // until a large one is due again

    std::uint64_t number_ = 0;  // the last one delivered in this ring
    std::vector<std::uint16_t> wanted_;
    std::map<NodeId, Hello> answers_;
};

}  // namespace ais::sync
