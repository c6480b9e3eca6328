// SPDX-License-Identifier: BSD-3-Clause
//
// What the engine counts.  Counters only grow; a reader takes differences.

#pragma once

#include "base/time.hpp"

#include <cstdint>

namespace ais::totem {

struct Stats {
    // Refused datagrams, by reason.
    std::uint64_t malformed = 0;      // does not follow docs/protocol/totem_wire.md
    std::uint64_t wrong_version = 0;  // follows another version of it
    std::uint64_t wrong_sender = 0;   // header and seal disagree, or not its turn
    std::uint64_t foreign = 0;        // of a ring that is not ours
    std::uint64_t stale_joins = 0;    // overtaken by a ring, or queued during a pause
    std::uint64_t refused = 0;        // from nodes that do not fit
    std::uint64_t held_off = 0;       // from nodes behind a broken path
    std::uint64_t log_overflows = 0;  // beyond the slots of the message log

    // Token.
    std::uint64_t tokens = 0;
    std::uint64_t duplicate_tokens = 0;
    std::uint64_t token_retransmits = 0;
    std::uint64_t repetitions_passed_on = 0;  // our predecessor's, by repeating ours
    std::uint64_t vain_repetitions = 0;       // tokens sent again that were only late
    std::uint64_t token_losses = 0;
    std::uint64_t retransmit_timeouts = 0;  // of the token; not all of them send it
    std::uint64_t holds = 0;
    std::uint64_t hold_cancels_sent = 0;
    std::uint64_t stays = 0;             // times that the token stayed at us, a lone sender
    std::uint64_t sent_staying = 0;      // messages that needed no rotation by it
    std::uint64_t congested_visits = 0;  // we had messages and the ring wanted none

    // Messages.
    std::uint64_t sent = 0;
    std::uint64_t received = 0;
    std::uint64_t duplicates = 0;
    std::uint64_t requested = 0;             // requests for a seq by us, all
    std::uint64_t requests_repeated = 0;     // of these: not the first for this seq
    std::uint64_t requests_spurious = 0;     // seqs that came by themselves after all
    std::uint64_t retransmitted = 0;         // messages that we sent again for others
    std::uint64_t retransmitted_to_one = 0;  // of these: to one node only
    std::uint64_t data_lost_paths = 0;       // times that TOTEM-018 was due
    std::uint64_t delivered_agreed = 0;
    std::uint64_t delivered_safe = 0;

    // Membership.
    std::uint64_t gathers = 0;
    std::uint64_t commits = 0;
    std::uint64_t recoveries = 0;
    std::uint64_t rings = 0;  // regular configurations installed
    std::uint64_t joins_sent = 0;
    std::uint64_t join_timeouts = 0;
    std::uint64_t consensus_timeouts = 0;
    std::uint64_t recovery_sent = 0;        // old messages encapsulated by us
    std::uint64_t recovery_suppressed = 0;  // not sent, since another had sent it
    std::uint64_t holes = 0;                // old messages that no survivor had
    std::uint64_t behind_holes = 0;         // not delivered because of the holes rule
    std::uint64_t failed_to_receive = 0;    // members that we left out by that rule
    std::uint64_t pauses = 0;               // times that this process did not run, and
    Duration last_pause{};                  // how long at least, last time

    // Detection.
    std::uint64_t late_wakeups = 0;  // timers that were due for a twentieth of detection_time
    std::uint64_t late_tokens = 0;   // times that we asked our successor for it
    std::uint64_t hints = 0;         // of the operating system
    std::uint64_t probes_sent = 0;
    std::uint64_t probes_answered = 0;  // by us
    std::uint64_t suspicions = 0;       // others were asked, too
    std::uint64_t exclusions = 0;       // nodes that we left out because of it
};

}  // namespace ais::totem
