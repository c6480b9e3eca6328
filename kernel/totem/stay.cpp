// SPDX-License-Identifier: BSD-3-Clause
//
// Stay: a lone sender keeps the token for a moment.
//
// Who calls and waits (for a lock, for a write of a checkpoint, for its own message) sends the next
// message as soon as it has got the last one, some microseconds later.  Had the token left, each
// call would take a rotation, with a wake-up of every node.  So a node that has been the only one
// to send for a while, and has sent what it had, keeps the token until its program has had time to
// say more: what comes then is sent at once.  Who sends a stream is better served by the token's
// way, which gives time to fill datagrams; so a visit with more than one message ends it, and when
// it was in vain the next one is tried later.
//
// Nobody waits for it.  Each message sent so says that the token stays, and who has
// something to send asks with a hold cancel; the token leaves at once.  It does not stay while a
// message is missing, a safe one is not stable at all, or the ring is congested.  What waits is
// only that logs are freed, and a message that is lost now is asked for after the stay;
// config.stay_max bounds both.
//
// Order is not concerned: all this is one visit that lasts longer (ADR 0026).
// Deviates: neither the papers nor openais have it.

#include "base/assert.hpp"
#include "base/mark.hpp"
#include "base/mutation.hpp"
#include "totem/state.hpp"

#include <algorithm>

namespace ais::totem {

namespace {

// Why 2: what others sent before they saw our last message has come by then.  Twice as many
// after each stay in vain, up to 128.
std::uint32_t lone_visits_min(const Ring& ring) {
    return 2U << std::min(ring.vain_stays, 6U);
}

// Limit: a program that has not said more by then is not waiting for what it has sent.  Why
// 500 us: two wake-ups of a busy machine.
constexpr Duration pause_max = std::chrono::microseconds(500);

// Limit: the predecessor has proof of its token in our messages; if they are lost, it repeats it in
// vain, but must not have to for long.
Duration stay_max(const State& s) {
    return std::min(s.config.stay_max, s.config.token_retransmit_timeout / 4);
}

void wait_for_more(State& s, const Ring& ring) {
    if (AIS_MUTATION(stay_never_ends)) {
        return;
    }
    s.deadlines.set(Timer::stay, std::min(s.now + pause_max, ring.stay_end));
}

}  // namespace

// Of what was sent on the last visit some may have come behind the token; of what is older nothing
// may be missing.
bool is_lone_sender(const State& s, const Ring& ring) {
    const Token& token = ring.token;
    return stay_max(s) > Duration::zero() && ring.members.size() > 1 &&
           ring.lone_visits >= lone_visits_min(ring) && token.aru >= ring.visited_seq &&
           token.request_count == 0;
}

bool may_stay(const State& s,
              const Ring& ring,
              std::uint32_t datagrams,
              std::uint64_t taken_before) {
    const Token& token = ring.token;
    // Two visits: all others know by then what we know to be stable.
    return datagrams == 1 && s.source.messages_taken() - taken_before <= 1 && token.backlog == 0 &&
           token.congested == 0 && !s.congested && ring.settled_visits >= 2 &&
           ring.last_safe < token.seq;
}

void note_safe(Ring& ring, const MessageLog::Entry& entry, Seq seq) {
    if (entry.guarantee == Guarantee::safe) {
        ring.last_safe = std::max(ring.last_safe, seq);
    }
}

void begin_stay(State& s, Effects& out) {
    Ring& ring = *s.installed;
    AIS_MARK("stay.begins");
    ++s.stats.stays;
    ring.has_token = true;
    ring.stays = true;
    ring.is_stay_vain = true;
    ring.stay_end = s.now + stay_max(s);
    wait_for_more(s, ring);
    deliver_ready(s, out);
}

void go_on_staying(State& s, Effects& out) {
    Ring& ring = *s.installed;
    Token& token = ring.token;
    if (is_overtaken(s, ring)) {
        ring.stays = false;
        return;
    }
    const Seq seq_before = token.seq;
    const std::uint64_t taken_before = s.source.messages_taken();
    const std::uint32_t allowed = s.congested ? 0 : ring.flow.more(token);
    const std::uint32_t sent = take_messages(s, ring, allowed);
    const std::uint64_t backlog = s.source.backlog();
    s.stats.sent_staying += sent;
    ring.flow.add(token, sent, backlog);
    update_aru(s, ring);
    const bool goes_on = backlog == 0 && sent < allowed && s.now < ring.stay_end &&
                         may_stay(s, ring, sent, taken_before);
    ring.is_stay_vain = ring.is_stay_vain && !goes_on;
    send_messages(
        ring, seq_before + 1, token.seq, goes_on ? Sending::token_stays : Sending::first, out);
    if (!goes_on) {
        end_stay(s, out);
        return;
    }
    AIS_MARK("stay.goes_on");
    wait_for_more(s, ring);
    deliver_ready(s, out);
}

void end_stay(State& s, Effects& out) {
    if (s.phase != Phase::operational || !s.installed->stays) {
        return;
    }
    Ring& ring = *s.installed;
    ring.stays = false;
    if (ring.is_stay_vain) {
        AIS_MARK("stay.was_vain");
        ++ring.vain_stays;
        ring.lone_visits = 0;
    } else {
        ring.vain_stays = 0;
    }
    s.deadlines.clear(Timer::stay);
    if (is_overtaken(s, ring)) {
        return;
    }
    ring.has_token = false;
    forward(s, ring, out);
    deliver_ready(s, out);
}

}  // namespace ais::totem
