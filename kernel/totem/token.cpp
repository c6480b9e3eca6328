// SPDX-License-Identifier: BSD-3-Clause
//
// One visit of the token, in Operational and in Recovery.
//
// Order of work (TOCS 1995, section 4; the tail: Babay and Amir, ICDCS 2016):
// answer requests; give seqs to new messages and send all but the last
// accelerated_window of them; update aru, flow control and requests; forward
// the token; send the tail; deliver.  What follows the token has its place in
// the order already, so order does not depend on who sends when; but a seq
// that is missing here may still be on its way, therefore only what the token
// knew of when we forwarded it last is requested.
//
// Hold: when nothing has happened for a while the representative keeps the
// token, unvisited, until a timer, its own source or a hold cancel lets it go.
// What it has to say now and then it says at the end of a rest: one wake-up for both.
//
// A token that is lost on its way to a rest: whoever had it last cannot tell, since a token that
// rests shows no progress, either.  Only the representative can, which never waits for a rest of
// another.  It sends its own token again, and whoever has passed that on passes on the repetition,
// so that this comes to where the token was lost (ADR 0029).

#include "base/assert.hpp"
#include "base/mark.hpp"
#include "base/mutation.hpp"
#include "totem/state.hpp"

#include <algorithm>
#include <limits>

namespace ais::totem {

namespace {

// Messages beyond the stable ones that may be under way, in windows.  Why 8:
// stability lags two to three rotations; config.cpp makes logs hold 12, so that
// there is room at nodes that learn of stability a rotation later.
constexpr Seq unstable_windows_max = 8;

// Limit: a lost token is not sent again sooner.  Why 2 ms: a process that has to wait for its
// processor is as late.
constexpr Duration token_wait_min = std::chrono::milliseconds(2);

// The token that we forward now may be held: only by the representative, and not if we have given
// out a seq.
bool may_be_held_by_another(const State& s) {
    if (s.phase != Phase::operational) {
        return false;
    }
    const Ring& ring = *s.installed;
    return ring.id.representative != s.self && ring.token.seq == ring.visited_seq &&
           ring.idle_visits + 2 >= s.config.seqno_unchanged_rotations;
}

bool is_alone(const Ring& ring) {
    return ring.members.size() == 1;
}

void send_kept_token_again(State& s, Effects& out) {
    s.kept_token_sent_at = s.repeated_at = s.now;
    transmit(out, s.kept_token_to, Traffic::token, Bytes(s.kept_token).first(s.kept_token_size));
}

void wait_longer(State& s) {
    // Why: whoever has it may rightly be slow.
    s.token_wait = std::min(2 * s.token_wait, s.config.token_retransmit_timeout);
    s.deadlines.set(Timer::token_retransmit, s.now + s.token_wait);
}

// Our predecessor sends again what we have passed on.  What we passed on may have been lost.
void pass_on_repetition(State& s, const Ring& ring, const Token& token, Effects& out) {
    if (s.phase != Phase::operational || token.token_seq != ring.token_seq || ring.has_token ||
        !s.deadlines.is_set(Timer::token_retransmit)) {
        return;
    }
    // Why an age: a repetition behind a token that is only late follows it from node to node, less
    // than a rotation later, and would never end.
    if (s.now - s.kept_token_sent_at < std::max(token_wait_min / 2, s.rotation.mean())) {
        return;
    }
    AIS_MARK("token.passes_on_repetition");
    ++s.stats.repetitions_passed_on;
    if (!s.may_rest) {
        wait_longer(s);
    }
    send_kept_token_again(s, out);
}

// The token is back.  Had it been lost, if we sent it again, or was it only late?
void judge_rotation(State& s, Ring& ring) {
    s.deadlines.clear(Timer::token_late);
    if (s.repeated_at != Instant{}) {
        // Later than that, and it was not the repetition that brought it.
        const Duration since = s.now - s.repeated_at;
        if (!s.rotation.is_known() || since <= token_wait(s) / 2) {
            AIS_MARK("token.was_lost");
            if (since >= s.rotation.mean() / 2) {  // else it was lost at another's
                ring.flow.note_lost_token();
            }
            // Karn's rule: the time that a lost token takes is no rotation.  But if rotations have
            // become so long, we must have patience for once, to see it.
            s.token_wait_floor = std::min(2 * std::max(token_wait(s), s.token_wait_floor),
                                          s.config.token_retransmit_timeout);
            return;
        }
        AIS_MARK("token.was_late");
        ++s.stats.vain_repetitions;
    }
    s.token_wait_floor = Duration::zero();
    note_rotation(s);
}

void update_congested(State& s, Ring& ring) {
    if (s.congested == ring.counted_congested) {
        return;
    }
    ring.counted_congested = s.congested;
    if (s.congested) {
        if (ring.token.congested < std::numeric_limits<std::uint16_t>::max()) {
            ++ring.token.congested;
        }
    } else if (ring.token.congested > 0) {
        --ring.token.congested;
    }
}

// True if one node has held everything up for too long (failure to receive).
bool is_stuck(State& s, Ring& ring) {
    const Token& token = ring.token;
    if (token.aru == token.seq || !token.aru_id.is_valid() || token.aru != ring.stuck_aru ||
        token.aru_id != ring.stuck_id) {
        ring.stuck_aru = token.aru;
        ring.stuck_id = token.aru_id;
        ring.stuck_visits = 0;
        ring.stuck_since = s.now;
        return false;
    }
    ++ring.stuck_visits;
    // Why the time, too: many rotations may fit into a short burst of loss.
    return ring.stuck_visits > s.config.fail_to_receive_rotations &&
           s.now - ring.stuck_since >= s.config.detection_time && ring.stuck_id != s.self;
}

// Limit: a recovery in which nothing happens for so many token timeouts is given up.
constexpr int recovery_patience = 5;

bool is_recovery_stuck(State& s, Ring& ring) {
    if (s.phase != Phase::recovery) {
        return false;
    }
    Recovery& recovery = s.recovery;
    if (ring.visits <= 1 || ring.log.aru() != recovery.seen_aru ||
        ring.token.seq != recovery.seen_seq) {
        recovery.seen_aru = ring.log.aru();
        recovery.seen_seq = ring.token.seq;
        recovery.progress_at = s.now;
        return false;
    }
    return s.now - recovery.progress_at > recovery_patience * s.config.token_timeout;
}

bool may_hold(const State& s, const Ring& ring) {
    const Token& token = ring.token;
    return s.phase == Phase::operational && ring.id.representative == s.self && !is_alone(ring) &&
           ring.idle_visits >= s.config.seqno_unchanged_rotations &&
           ((token.aru == token.seq && token.request_count == 0 && ring.delivered == token.seq &&
             ring.stable == token.seq) ||
            AIS_MUTATION(hold_before_stable)) &&
           ring.counted_congested == s.congested &&
           (token.congested > 0 || (token.backlog == 0 && s.source.backlog() == 0));
}

void work_alone(State& s, Ring& ring) {
    ++ring.visits;
    const bool has_work = s.phase == Phase::recovery || ring.stable < ring.token.seq ||
                          (ring.token.congested == 0 && !s.congested && s.source.backlog() > 0);
    s.loopback = has_work;
}

}  // namespace

Duration token_wait(const State& s) {
    return std::max(token_wait_min, 2 * s.rotation.bound());
}

std::uint32_t take_messages(State& s, Ring& ring, std::uint32_t allowed) {
    Token& token = ring.token;
    const Seq unstable_max = unstable_windows_max * ring.flow.window();
    const std::size_t payload_max = s.config.datagram_max - data_overhead;
    std::uint32_t taken = 0;
    while (taken < allowed && token.seq - ring.stable < unstable_max &&
           ring.log.fits(token.seq + 1)) {
        const MutableBytes room = ring.log.room();
        Message message;
        const std::size_t size =
            s.source.take(room.subspan(data_header_size, payload_max), message.guarantee);
        AIS_ASSERT(size <= payload_max);
        if (size == 0) {
            break;
        }
        message.ring = ring.id;
        message.seq = ++token.seq;
        message.originator = s.self;
        message.round = ring.forwarded;
        encode_data_header(room, s.self, message);
        MessageLog::Entry& entry = ring.log.store(message.seq, data_header_size + size);
        entry.originator = s.self;
        entry.guarantee = message.guarantee;
        note_safe(ring, entry, message.seq);
        ++taken;
    }
    s.stats.sent += taken;
    return taken;
}

// A ring of one has nobody to send to: sealing what nobody opens cost more
// than all the rest.  Other rings learn of it by merge detect.
void send_messages(Ring& ring, Seq first, Seq last, Sending sending, Effects& out) {
    if (is_alone(ring)) {
        return;
    }
    for (Seq seq = first; seq <= last; ++seq) {
        const MutableBytes datagram = ring.log.datagram(seq);
        patch_data_header(datagram, ring.forwarded, sending);
        transmit(out, std::nullopt, Traffic::data, datagram);
    }
}

// Anyone may lower aru; who lowered it may raise it; nobody's aru follows.
void update_aru(State& s, Ring& ring) {
    Token& token = ring.token;
    const Seq my_aru = ring.log.aru();
    if ((my_aru < token.aru && !AIS_MUTATION(aru_not_lowered)) || token.aru_id == s.self ||
        !token.aru_id.is_valid() || AIS_MUTATION(aru_raised_by_anyone)) {
        token.aru = std::min(my_aru, token.seq);
        token.aru_id = token.aru == token.seq ? NodeId() : s.self;
    }
}

bool is_overtaken(State& s, Ring& ring) {
    if (ring.log.high() <= ring.token.seq) {
        return false;
    }
    ++s.stats.malformed;
    ring.has_token = false;
    s.deadlines.set(Timer::token_loss, s.now + s.config.token_timeout);
    return true;
}

void forward(State& s, Ring& ring, Effects& out) {
    Token& token = ring.token;
    ++token.token_seq;
    ++ring.forwarded;
    ring.forwarded_aru = token.aru;
    ring.forwarded_seq = token.seq;
    if (is_alone(ring)) {
        ring.token_seq = token.token_seq;
        ring.has_token = true;
        return;
    }
    s.deadlines.set(Timer::token_loss, s.now + s.config.token_timeout);
    keep_token(s, ring.successor, encode(s.kept_token, s.self, token), out);
}

void keep_token(State& s, NodeId to, std::size_t size, Effects& out) {
    AIS_ASSERT(size > 0);
    s.kept_token_size = size;
    s.kept_token_to = to;
    s.may_rest = may_be_held_by_another(s);
    s.token_wait = s.config.token_retransmit_timeout;
    if (s.may_rest) {
        // Why: a held token shows no progress; that alone does not mean it is lost.
        s.token_wait += s.config.hold_timeout;
    } else if (s.phase == Phase::operational && s.rotation.is_known()) {
        // Why: a ring that waits for a lost token a hundred times as long as for one that comes
        // does nothing else where one datagram in a hundred is lost.  A wrong guess costs one
        // datagram.
        s.token_wait = std::min(s.token_wait, std::max(token_wait(s), s.token_wait_floor));
    }
    s.deadlines.set(Timer::token_retransmit, s.now + s.token_wait);
    s.kept_token_sent_at = s.now;
    s.repeated_at = Instant{};
    transmit(out, to, Traffic::token, Bytes(s.kept_token).first(size));
    watch_token(s);
}

void retransmit_token(State& s, Effects& out) {
    if (s.kept_token_size == 0 || (s.phase != Phase::commit && !passes_tokens(s.phase))) {
        return;
    }
    AIS_MARK("token.retransmits");
    ++s.stats.token_retransmits;
    wait_longer(s);
    send_kept_token_again(s, out);
}

void on_token(State& s, NodeId from, const Token& token, Effects& out) {
    if (!passes_tokens(s.phase) || token.ring != s.current().id) {
        ++s.stats.foreign;
        return;
    }
    Ring& ring = s.current();
    if (from != ring.predecessor) {
        ++s.stats.wrong_sender;
        return;
    }
    if (token.token_seq <= ring.token_seq && !AIS_MUTATION(token_twice)) {
        AIS_MARK("token.drops_duplicate");
        ++s.stats.duplicate_tokens;
        pass_on_repetition(s, ring, token, out);
        return;
    }
    if (token.seq < ring.log.high() || token.seq < ring.forwarded_seq) {
        ++s.stats.malformed;  // no honest token is behind its own messages
        return;
    }
    ++s.stats.tokens;
    ++ring.visits;
    ring.idle_visits = token.seq == ring.forwarded_seq ? ring.idle_visits + 1 : 0;
    ring.lone_visits = token.seq == ring.forwarded_seq ? ring.lone_visits + 1 : 0;
    ring.token_seq = token.token_seq;
    ring.token = token;
    ring.has_token = true;
    ring.stays = false;
    ring.keeper = NodeId();
    s.deadlines.clear(Timer::stay);
    s.deadlines.clear(Timer::token_retransmit);
    s.deadlines.clear(Timer::hold_cancel);
    s.ask_wait = Duration::zero();
    judge_rotation(s, ring);

    if (may_hold(s, ring)) {
        AIS_MARK("token.holds");
        ++s.stats.holds;
        s.deadlines.clear(Timer::token_loss);
        s.deadlines.set(Timer::hold, s.now + s.config.hold_timeout);
        align_merge_detect(s, s.now + s.config.hold_timeout);
        return;
    }
    visit_token(s, out);
}

void visit_token(State& s, Effects& out) {
    Ring& ring = s.current();
    Token& token = ring.token;
    AIS_ASSERT(ring.has_token);
    s.deadlines.clear(Timer::hold);
    if (is_overtaken(s, ring)) {
        return;
    }
    ring.has_token = false;
    if (is_stuck(s, ring)) {
        AIS_MARK("token.excludes_who_does_not_receive");
        ++s.stats.failed_to_receive;
        if (ring.members.contains(ring.stuck_id)) {
            const std::string_view why = explain_stuck(s, ring);
            exclude(s, Members{ring.stuck_id}, Level::warning, why, out);
        } else {
            enter_gather(s, "the token is damaged", out);
        }
        return;
    }
    if (is_recovery_stuck(s, ring)) {
        AIS_MARK("token.gives_up_recovery");
        enter_gather(s, "recovery does not get on", out);
        return;
    }

    const bool operational = s.phase == Phase::operational;
    const Seq received_aru = token.aru;
    const Seq received_seq = token.seq;
    const Seq known_seq = ring.forwarded_seq;
    const bool is_lone = operational && is_lone_sender(s, ring);
    ring.visited_seq = received_seq;
    const std::uint64_t taken_before = s.source.messages_taken();

    // Requests first, then what is new.
    const std::uint64_t backlog = operational ? s.source.backlog() : recovery_backlog(s);
    const std::uint32_t allowed = ring.flow.allowed(token, backlog);
    const std::uint32_t repeated =
        answer_requests(s, ring, std::max<std::uint32_t>(allowed, 1), out);
    const std::uint32_t allowed_new = allowed > repeated ? allowed - repeated : 0;
    std::uint32_t sent = 0;
    std::uint32_t tail = 0;
    if (operational) {
        update_congested(s, ring);
        if (token.congested > 0) {
            s.stats.congested_visits += backlog > 0 ? 1 : 0;
        } else if (backlog > 0) {
            sent = take_messages(s, ring, allowed_new);
        }
    } else {
        sent = transmit_recovered(s, allowed_new, out);
    }

    const std::uint64_t backlog_left =
        backlog == 0 ? 0 : (operational ? s.source.backlog() : recovery_backlog(s));
    ring.flow.account(token, repeated + sent, backlog_left);
    const bool stays = is_lone && backlog_left == 0 && may_stay(s, ring, sent, taken_before);
    if (operational) {
        tail = stays ? 0 : std::min(sent, s.config.accelerated_window);
        send_messages(ring,
                      received_seq + 1,
                      token.seq - tail,
                      stays ? Sending::token_stays : Sending::first,
                      out);
    }
    update_aru(s, ring);
    // In Recovery nothing follows the token, so that all it knows of can be asked for.
    add_requests(
        s, ring, operational && !AIS_MUTATION(requests_too_early) ? known_seq : received_seq);
    // Everybody had the chance to lower what we forwarded last time.
    ring.stable =
        std::max(ring.stable,
                 AIS_MUTATION(stable_after_one_visit) ? received_aru
                                                      : std::min(ring.forwarded_aru, received_aru));
    ring.settled_visits = ring.stable < ring.last_safe ? 0 : ring.settled_visits + 1;
    const bool recovered = !operational && advance_recovery(s, received_aru);

    if (stays) {
        begin_stay(s, out);
        return;
    }
    forward(s, ring, out);
    send_messages(ring, token.seq - tail + 1, token.seq, Sending::first, out);

    if (recovered) {
        enter_operational(s, out);
    } else if (operational) {
        deliver_ready(s, out);
    }
    if (is_alone(s.current())) {
        work_alone(s, s.current());
    }
}

}  // namespace ais::totem
