// SPDX-License-Identifier: BSD-3-Clause
//
// "Invalid digest": one log line for a datagram that did not open.
//
// An operator must see the first one at once, with the peer's address and the
// cause; a peer with a wrong key, or an attacker, must not fill the disk.  So a
// line is written at once for each new pair of address and cause, and further
// ones are counted and told in one summary per interval.  The table is bounded:
// when it is full of recent pairs, the rest is counted together under
// "other addresses".  Text follows cause, ids are those of DIAGNOSTICS.md.
//
// Threads: none.  Time comes as an argument; summaries are written by whatever
// call comes after they are due.

#pragma once

#include "base/log.hpp"
#include "base/time.hpp"

#include <ais/abi/crypto.h>

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

namespace ais::links {

class FaultLog {
  public:
    // Limit: one pair per node of the largest ring; a flood of forged addresses
    // can write so many lines per interval and one more.
    static constexpr std::size_t entries_max = 128;
    static constexpr Duration interval = std::chrono::seconds(10);

    explicit FaultLog(Log& log) : log_(log) {}

    // `peer` may be empty if nobody knows the address.
    void report(Instant now, std::string_view peer, const ais_crypto_fault& fault);
    // Write the summaries that are due; cheap when none is.
    void tick(Instant now);

  private:
    struct Entry {
        std::string peer;
        ais_crypto_fault fault{};  // the last one
        Instant next;              // when a summary may be written
        std::uint64_t held_back = 0;
        bool used = false;
    };

    Entry& entry_for(Instant now, std::string_view peer, std::uint32_t cause, bool& is_new);
    void write(const Entry& entry, std::uint64_t count);

    Log& log_;
    std::array<Entry, entries_max> entries_{};
    Entry others_;
    std::uint64_t held_back_ = 0;  // over all entries
    Instant next_summary_ = Instant::max();
};

// LINK-001 … LINK-006 by AIS_FAULT_…, LINK-007 for a cause not known here.
std::string_view fault_id(std::uint32_t cause);
// "sealed with key 0000002a, which is not known here: the authkey files differ"
std::string fault_text(const ais_crypto_fault& fault);

}  // namespace ais::links
