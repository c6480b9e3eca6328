// SPDX-License-Identifier: BSD-3-Clause
//
// Operational: the ring is installed, messages come and go.
//
// Data of the ring are stored whatever the state, except in Commit, where the
// log must stay as our slot of the commit token describes it.

#include "base/assert.hpp"
#include "base/mark.hpp"
#include "base/mutation.hpp"
#include "totem/state.hpp"

#include <algorithm>
#include <utility>

namespace ais::totem {

namespace {

// The ring whose log takes data of `id` now.
Ring* storing_ring(State& s, const RingId& id) {
    switch (s.phase) {
        case Phase::operational:
        case Phase::gather:
            return s.installed->id == id ? s.installed.get() : nullptr;
        case Phase::recovery:
            return s.forming->id == id ? s.forming.get() : nullptr;
        case Phase::idle:
        case Phase::commit:
        case Phase::left:
            return nullptr;
    }
    return nullptr;
}

bool tells_of_our_ring(const State& s) {
    return s.installed->id.representative == s.self || !s.separation.apart(false, s.now).empty() ||
           s.now < s.asked_until;
}

// How often a ring says that it is there.  Half as often while it rests and misses nobody: two
// rings that have never been one look for each other then, and who is alone or forms a ring says so
// anyway.
Duration notice_interval(const State& s) {
    const bool is_at_rest = s.installed->members.size() > 1 &&
                            s.installed->idle_visits >= s.config.seqno_unchanged_rotations;
    const bool misses_nobody = s.missing.empty() && s.separation.apart(true, s.now).empty();
    return (is_at_rest && misses_nobody ? 2 : 1) * s.config.merge_timeout;
}

// Whom to ask for a token that rests or stays; not valid: nobody, it is on its way.
NodeId who_may_hold(const State& s, const Ring& ring) {
    if (ring.keeper.is_valid()) {
        return ring.keeper;
    }
    const bool may_be_held = ring.idle_visits + 2 >= s.config.seqno_unchanged_rotations;
    return may_be_held && ring.id.representative != s.self ? ring.id.representative : NodeId();
}

void set_merge_detect(State& s, Instant due) {
    s.merge_detect_due = due;
    s.deadlines.set(Timer::merge_detect, due);
}

Configuration regular_configuration(const State& s) {
    Configuration now;
    now.kind = Configuration::Kind::regular;
    now.ring = s.forming->id;
    now.members = s.forming->members;
    now.joined = now.members.without(s.recovery.transitional);
    for (std::size_t i = 0; i < s.commit.count; ++i) {
        now.previous[i] = s.commit.slots[i].old_ring;
        now.incarnations[i] = s.commit.slots[i].incarnation;
    }
    return now;
}

}  // namespace

void enter_operational(State& s, Effects& out) {
    AIS_ASSERT(s.phase == Phase::recovery);
    s.configuration = regular_configuration(s);
    if (AIS_MUTATION(regular_first)) {
        out.emit(Configure{&s.configuration});
    }
    deliver_old_ring(s, out);
    std::swap(s.installed, s.forming);
    s.phase = Phase::operational;
    s.processors.clear();
    s.failed.clear();
    s.consensus.clear();
    s.recovery = Recovery{};
    ++s.stats.rings;
    s.deadlines.clear(Timer::join);
    s.deadlines.clear(Timer::consensus);
    if (tells_of_our_ring(s)) {
        set_merge_detect(s, s.now + s.config.merge_timeout);
    }
    AIS_LOG(s.log,
            notice,
            "totem",
            "TOTEM-003",
            "ring ",
            s.configuration.ring,
            " formed with members ",
            s.configuration.members,
            ", joined ",
            s.configuration.joined,
            ", left ",
            s.transitional.left);
    s.missing.merge(s.transitional.left);  // all that fit
    s.missing = s.missing.without(s.installed->members);
    s.transitional.left.clear();
    if (!AIS_MUTATION(regular_first)) {
        out.emit(Configure{&s.configuration});
    }
    deliver_ready(s, out);
}

void on_data(State& s, NodeId from, Bytes datagram, Effects& out) {
    Message message;
    if (!decode(datagram.subspan(PacketHeader::size), message)) {
        ++s.stats.malformed;
        return;
    }
    Ring* const ring = storing_ring(s, message.ring);
    if (ring == nullptr) {
        ++s.stats.foreign;
        if (message.ring != s.installed->id) {
            on_foreign(s, from, "messages of another ring", out);
        }
        return;
    }
    if (!ring->members.contains(from) || !ring->members.contains(message.originator) ||
        message.originator == s.self || datagram.size() > s.config.datagram_max) {
        if (message.originator == s.self && ring->log.holds(message.seq)) {
            ++s.stats.duplicates;  // somebody sent our own message again for a third
        } else if (message.originator != s.self || message.seq > ring->log.freed()) {
            ++s.stats.malformed;
        }
        return;
    }
    if (message.seq <= ring->log.freed() || ring->log.holds(message.seq)) {
        ++s.stats.duplicates;
        note_arrival(s, *ring, message);
        return;
    }
    if (!ring->log.fits(message.seq)) {
        ++s.stats.log_overflows;
        return;
    }
    if (message.encapsulated && s.phase == Phase::recovery && !take_recovered(s, message)) {
        return;
    }

    ++s.stats.received;
    note_arrival(s, *ring, message);
    const MutableBytes room = ring->log.room();
    if (datagram.data() != room.data()) {  // it has not landed there (Engine::landing)
        copy_bytes(room.data(), datagram);
    }
    patch_sender(room, s.self);
    MessageLog::Entry& entry = ring->log.store(message.seq, datagram.size());
    entry.originator = message.originator;
    entry.guarantee = message.encapsulated ? Guarantee::agreed : message.guarantee;
    entry.encapsulated = message.encapsulated;
    note_safe(*ring, entry, message.seq);
    if (message.seq == ring->log.high()) {
        ring->keeper = message.token_stays ? message.originator : NodeId();
    }
    if (passes_tokens(s.phase) && message.seq > ring->forwarded_seq) {
        // Only who had the token after us could give this seq.
        s.deadlines.clear(Timer::token_retransmit);
    }
    if (s.phase == Phase::operational) {
        deliver_ready(s, out);
    }
}

void on_merge_detect(State& s, NodeId from, const RingNotice& notice, Effects& out) {
    if (!is_admitted(s, from, wire_version, wire_version, notice.terms, notice.features)) {
        return;
    }
    s.hearing.hear(from, s.now);
    s.separation.hear(from, s.now);
    note_path(s, from, notice.heard_across, false);
    if (notice.apart.contains(s.self)) {
        s.asked_until = s.now + lately(s.config);
        if (s.phase == Phase::operational && !s.deadlines.is_set(Timer::merge_detect)) {
            set_merge_detect(s, s.now + s.config.merge_timeout / 4);
        }
    }
    if (notice.ring == s.installed->id) {
        return;
    }
    on_foreign(s, from, "another ring", out);
}

// Due in the second half of the rest: at its end.  Due in the first half of the next one: now
// (end_rest).  So it is early or late by half a rest at most, and needs no wake-up of its own.
void align_merge_detect(State& s, Instant end_of_rest) {
    const auto at = s.deadlines.at(Timer::merge_detect);
    // Why once: messages that end each rest early would put it off for ever.
    if (at && *at == s.merge_detect_due && *at > end_of_rest - s.config.hold_timeout / 2 &&
        *at < end_of_rest) {
        AIS_MARK("operational.merge_detect_waits_for_the_end_of_the_rest");
        s.deadlines.set(Timer::merge_detect, end_of_rest);
    }
}

void end_rest(State& s, Effects& out) {
    if (s.phase != Phase::operational || !s.installed->has_token || s.installed->stays) {
        return;
    }
    // Why the token first: its receiver is still waking up when the notice comes, and is not
    // woken twice.
    visit_token(s, out);
    const auto at = s.deadlines.at(Timer::merge_detect);
    if (at && *at <= s.now + s.config.hold_timeout / 2) {
        AIS_MARK("operational.merge_detect_goes_with_the_token");
        transmit_merge_detect(s, out);
    }
}

void transmit_merge_detect(State& s, Effects& out) {
    if (s.phase != Phase::operational || !tells_of_our_ring(s) ||
        AIS_MUTATION(merge_not_announced)) {
        return;
    }
    // From when it was due, not from now: what is early once is late another time.
    const Duration half = s.config.merge_timeout / 2;
    set_merge_detect(s,
                     std::clamp(s.merge_detect_due, s.now - half, s.now + half) + notice_interval(s));
    const RingNotice notice{s.installed->id,
                            s.hearing.heard_beside(s.installed->members, lately(s.config), s.now),
                            s.separation.apart(s.installed->id.representative == s.self, s.now),
                            s.admission.terms(),
                            own_features};
    const std::size_t size = encode(s.scratch, s.self, PacketType::merge_detect, notice);
    transmit(out, std::nullopt, Traffic::control, Bytes(s.scratch).first(size));
}

void on_hold_cancel(State& s, NodeId from, const RingNotice& notice, Effects& out) {
    if (s.phase != Phase::operational || notice.ring != s.installed->id ||
        !s.installed->members.contains(from) || AIS_MUTATION(hold_not_cancelled)) {
        ++s.stats.foreign;
        return;
    }
    AIS_MARK("operational.hold_cancelled");
    // Why also without the token in hand: it may be on its way to be held.
    s.installed->idle_visits = 0;
    s.installed->lone_visits = 0;
    if (s.installed->stays) {
        AIS_MARK("operational.stay_cancelled");
        end_stay(s, out);
    } else if (s.installed->has_token) {
        visit_token(s, out);
    }
}

void wake(State& s, Effects& out) {
    if (s.phase != Phase::operational) {
        return;
    }
    Ring& ring = *s.installed;
    if (ring.stays) {
        go_on_staying(s, out);
        return;
    }
    if (ring.has_token) {
        ring.idle_visits = 0;
        visit_token(s, out);
        return;
    }
    const bool has_news = s.source.backlog() > 0 || s.congested != ring.counted_congested;
    const NodeId holder = who_may_hold(s, ring);
    if (!has_news || !holder.is_valid()) {
        return;
    }
    if (s.deadlines.is_set(Timer::hold_cancel)) {
        return;  // asked already
    }
    ++s.stats.hold_cancels_sent;
    // Limit: longer each time, so that a ring whose token is late is not asked more and more.
    const Duration next = s.ask_wait > Duration::zero() ? 2 * s.ask_wait
                          : s.rotation.is_known()       ? token_wait(s)
                                                        : s.config.join_timeout;
    s.ask_wait = std::min(next, s.config.join_timeout);
    s.deadlines.set(Timer::hold_cancel, s.now + s.ask_wait);
    const std::size_t size =
        encode(s.scratch, s.self, PacketType::hold_cancel, RingNotice{ring.id});
    transmit(out, holder, Traffic::control, Bytes(s.scratch).first(size));
}

}  // namespace ais::totem
