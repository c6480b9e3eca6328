// SPDX-License-Identifier: BSD-3-Clause
//
// Recovery: those who come from the same old ring make their messages of it
// equal, by sending them as messages of the new ring.
//
// Each message is sent by one of its holders: a node passes over what it has
// seen encapsulated by another.  The new ring's aru then tells when all have all.
//
// The obligation.  When a member knows that it holds everything, others may
// install the ring and deliver safe messages on its word, even if it does not
// get so far itself.  Should this recovery fail, it must deliver the same later,
// in whatever company.
// Deviates: the paper keeps the set my_deliver_memb for that, which gets lost
// or differs when the company has another one.  Here each message itself is
// marked as obliged, and the mark goes with it, so that all who move together
// decide alike.  Who learns the mark takes it over at its own obligation point only:
// before, it may still lack what the message depends on.
//
// Paper: TOCS 1995, section 5.3.

#include "base/assert.hpp"
#include "base/mark.hpp"
#include "base/mutation.hpp"
#include "totem/state.hpp"

#include <algorithm>

namespace ais::totem {

namespace {

// Why a copy that was seen may not do: it did not carry the obligation.
bool needs_sending(MessageLog& log, Seq seq) {
    // Whoever installed the old ring had all that its own recovery moved.
    if (!log.holds(seq) || log.entry(seq).encapsulated) {
        return false;
    }
    const MessageLog::Trace& trace = log.trace(seq);
    return !trace.resent || (log.entry(seq).obliged && !trace.resent_obliged &&
                             !AIS_MUTATION(obligation_not_carried));
}

void mark_obliged(State& s) {
    MessageLog& log = s.installed->log;
    for (Seq seq = log.freed() + 1; seq <= log.high(); ++seq) {
        if (!log.holds(seq)) {
            continue;
        }
        MessageLog::Entry& entry = log.entry(seq);
        entry.obliged = entry.obliged || s.recovery.transitional.contains(entry.originator) ||
                        log.trace(seq).resent_obliged;
    }
}

}  // namespace

void enter_recovery(State& s, Effects& out) {
    static_cast<void>(out);
    AIS_ASSERT(s.phase == Phase::commit);
    Ring& ring = *s.forming;
    MessageLog& old = s.installed->log;
    if (!AIS_MUTATION(recovery_not_aborted)) {
        s.recovery = Recovery{};
    }
    Recovery& recovery = s.recovery;

    std::uint32_t window = s.config.window_size;
    Seq low = old.aru();
    bool equal = true;
    for (std::size_t i = 0; i < s.commit.count; ++i) {
        const CommitToken::Slot& slot = s.commit.slots[i];
        ring.incarnations[i] = slot.incarnation;
        window = std::min(window, std::max<std::uint32_t>(slot.window, 1));
        // Why the ring and not the old members: who was with us before may have
        // been elsewhere meanwhile.
        const bool same_ring = AIS_MUTATION(transitional_by_members)
                                   ? s.installed->members.contains(slot.node)
                                   : slot.old_ring == s.installed->id;
        if (!s.installed->id.is_valid() || !same_ring) {
            continue;
        }
        recovery.transitional.insert(slot.node);
        low = std::min(low, slot.old_aru);
        recovery.high_delivered = std::max(recovery.high_delivered, slot.high_delivered);
        equal = equal && slot.received && slot.old_aru == old.aru();
    }
    recovery.cursor = std::max(low, old.freed()) + 1;
    recovery.last = equal || AIS_MUTATION(recovery_sends_nothing) ? 0 : old.high();
    for (Seq seq = recovery.cursor; seq <= recovery.last; ++seq) {
        MessageLog::Trace& trace = old.trace(seq);
        trace.resent = trace.resent_obliged = false;
    }
    // Why: a window below one datagram per node would serve only the first ones.
    window = std::max(window, static_cast<std::uint32_t>(ring.members.size()));
    ring.flow.reset(window, s.config.max_messages);
    recovery.progress_at = s.now;
    s.phase = Phase::recovery;
    ++s.stats.recoveries;
    s.deadlines.set(Timer::token_loss, s.now + s.config.token_timeout);
}

void start_regular_token(State& s, Effects& out) {
    AIS_ASSERT(s.phase == Phase::recovery && s.forming->visits == 0);
    Ring& ring = *s.forming;
    ring.token = Token{};
    ring.token.ring = ring.id;
    ring.has_token = true;
    ring.visits = 1;
    if (ring.members.size() == 1) {
        s.deadlines.clear(Timer::token_loss);
        s.loopback = true;
        return;
    }
    visit_token(s, out);
}

std::uint64_t recovery_backlog(const State& s) {
    return s.recovery.cursor <= s.recovery.last ? s.recovery.last - s.recovery.cursor + 1 : 0;
}

std::uint32_t transmit_recovered(State& s, std::uint32_t allowed, Effects& out) {
    Ring& ring = *s.forming;
    MessageLog& old = s.installed->log;
    Recovery& recovery = s.recovery;
    std::uint32_t sent = 0;
    for (; recovery.cursor <= recovery.last; ++recovery.cursor) {
        const Seq seq = recovery.cursor;
        if (!needs_sending(old, seq)) {
            s.stats.recovery_suppressed += old.holds(seq) ? 1 : 0;
            continue;
        }
        if (sent == allowed || !ring.log.fits(ring.token.seq + 1)) {
            break;
        }
        const MessageLog::Entry& entry = old.entry(seq);
        Message inner;
        inner.ring = s.installed->id;
        inner.seq = seq;
        inner.originator = entry.originator;
        inner.guarantee = entry.guarantee;
        inner.obliged = entry.obliged;
        Message outer;
        outer.ring = ring.id;
        outer.seq = ring.token.seq + 1;
        outer.originator = s.self;
        outer.round = ring.forwarded;
        outer.encapsulated = true;

        const Bytes payload = old.datagram(seq).subspan(data_header_size);
        const MutableBytes room = ring.log.room();
        const std::size_t size = data_overhead + payload.size();
        if (size > room.size()) {
            // It came from a node with larger datagrams than ours.
            ++s.stats.log_overflows;
            continue;
        }
        encode_data_header(room, s.self, outer);
        encode_message_header(room.subspan(data_header_size), inner);
        copy_bytes(room.data() + data_overhead, payload);
        MessageLog::Entry& wrapping = ring.log.store(outer.seq, size);
        wrapping.originator = s.self;
        wrapping.encapsulated = true;
        ring.token.seq = outer.seq;
        transmit(out, std::nullopt, Traffic::data, ring.log.datagram(outer.seq));
        ++sent;
    }
    s.stats.recovery_sent += sent;
    return sent;
}

bool take_recovered(State& s, const Message& wrapping) {
    Message inner;
    if (!decode(wrapping.payload, inner) || inner.encapsulated) {
        ++s.stats.malformed;
        return false;
    }
    Ring& ring = *s.installed;
    if (inner.ring != ring.id && !AIS_MUTATION(recovery_of_other_ring)) {
        return true;  // of another component
    }
    if (!ring.members.contains(inner.originator)) {
        ++s.stats.malformed;
        return false;
    }
    if (inner.seq <= ring.log.freed()) {
        return true;
    }
    const std::size_t size = data_header_size + inner.payload.size();
    if (!ring.log.fits(inner.seq) || size > s.config.datagram_max) {
        ++s.stats.log_overflows;
        return false;
    }
    MessageLog::Trace& trace = ring.log.trace(inner.seq);
    trace.resent = true;
    trace.resent_obliged = trace.resent_obliged || inner.obliged;
    if (!ring.log.holds(inner.seq)) {
        AIS_MARK("recovery.learns_message");
        const MutableBytes room = ring.log.room();
        encode_data_header(room, s.self, inner);
        copy_bytes(room.data() + data_header_size, inner.payload);
        MessageLog::Entry& entry = ring.log.store(inner.seq, size);
        entry.originator = inner.originator;
        entry.guarantee = inner.guarantee;
    }
    return true;
}

bool advance_recovery(State& s, Seq received_aru) {
    Recovery& recovery = s.recovery;
    Ring& ring = *s.forming;
    Token& token = ring.token;

    if (recovery_backlog(s) > 0) {
        if (!token.retrans_flg) {
            token.retrans_flg = true;
            recovery.owns_retrans_flg = true;
        }
    } else if (token.retrans_flg && recovery.owns_retrans_flg) {
        token.retrans_flg = false;
        recovery.owns_retrans_flg = false;
    }
    recovery.quiet_visits = token.retrans_flg ? 0 : recovery.quiet_visits + 1;
    if (AIS_MUTATION(one_quiet_visit) && recovery.quiet_visits == 1) {
        recovery.quiet_visits = 3;
        recovery.install_seq = token.seq;
    }
    if (recovery.quiet_visits == 2) {
        recovery.install_seq = token.seq;  // no message of an old ring will come above
    }
    if (recovery.quiet_visits >= 2 && !recovery.has_obligation &&
        ring.log.aru() >= recovery.install_seq) {
        recovery.has_obligation = true;
        mark_obliged(s);
    }
    if ((recovery.quiet_visits >= 3 && received_aru >= recovery.install_seq) ||
        AIS_MUTATION(no_complete_visit)) {
        ++recovery.complete_visits;
    } else {
        recovery.complete_visits = 0;
    }
    return recovery.complete_visits >= 2 && recovery.has_obligation;
}

}  // namespace ais::totem
