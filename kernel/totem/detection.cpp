// SPDX-License-Identifier: BSD-3-Clause
//
// Detection: the detector's opinions, and the ring.
//
// Every member watches its successor.  Who forwarded a token that does not come
// back in the usual time asks the successor which token it saw last: if it lacks
// this one, it is sent again at once; if it has it, the trouble is further on, and
// its own predecessor finds it; if it does not answer, it is found out.  So
// the broken place is found in one round trip by the only node next to it.
//
// Waiting for that costs nothing on a ring that works: the token is the heartbeat.

#include "base/assert.hpp"
#include "base/mark.hpp"
#include "totem/state.hpp"

#include <algorithm>

namespace ais::totem {

namespace {

// The ring that we would name if asked: of the token that we may have.
const Ring& asked_ring(const State& s) {
    return s.phase == Phase::commit || s.phase == Phase::recovery ? *s.forming : *s.installed;
}

Patience longer(const Patience& a, const Patience& b) {
    return {.detection_time = std::max(a.detection_time, b.detection_time),
            .token_timeout = std::max(a.token_timeout, b.token_timeout),
            .hold_timeout = std::max(a.hold_timeout, b.hold_timeout)};
}

void transmit_probe(
    State& s, PacketType type, std::optional<NodeId> to, Probe probe, Effects& out) {
    const std::size_t size = encode(s.scratch, s.self, type, probe);
    AIS_ASSERT(size > 0);
    transmit(out, to, Traffic::control, Bytes(s.scratch).first(size));
}

Probe about_us(const State& s, std::uint32_t id, NodeId origin, NodeId subject) {
    const Ring& ring = asked_ring(s);
    return {.ring = ring.id,
            .token_seq = ring.token_seq,
            .id = id,
            .origin = origin,
            .subject = subject};
}

void perform(State& s, const Detector::Action& action, Effects& out) {
    switch (action.kind) {
        case Detector::Action::Kind::probe:
            ++s.stats.probes_sent;
            transmit_probe(s,
                           PacketType::probe,
                           action.peer,
                           about_us(s, action.id, s.self, action.peer),
                           out);
            return;
        case Detector::Action::Kind::ask_others: {
            ++s.stats.suspicions;
            const auto heard = s.detector.last_heard(action.peer);
            AIS_LOG(s.log,
                    info,
                    "totem",
                    "TOTEM-010",
                    "node ",
                    action.peer.value(),
                    " does not answer (silent for ",
                    heard ? to_ms(s.now - *heard) : 0,
                    " ms): asking the others");
            transmit_probe(s,
                           PacketType::probe_request,
                           std::nullopt,
                           about_us(s, action.id, s.self, action.peer),
                           out);
            return;
        }
        case Detector::Action::Kind::exclude:
            s.stats.exclusions += action.peers.size();
            AIS_MARK("detection.excludes");
            exclude(s,
                    action.peers,
                    action.is_certain ? Level::notice : Level::warning,
                    action.why,
                    out);
            return;
    }
}

// What the successor says about the token that we gave it.
void judge_token(State& s, const Probe& answer, Effects& out) {
    if (s.phase == Phase::commit) {
        if (answer.ring != s.forming->id) {
            AIS_MARK("detection.repeats_commit_token");
            retransmit_token(s, out);
        }
        return;
    }
    if (!passes_tokens(s.phase) || s.current().has_token) {
        return;
    }
    const Ring& ring = s.current();
    if (answer.ring != ring.id) {
        if (s.phase == Phase::operational) {
            AIS_MARK("detection.successor_is_elsewhere");
            enter_gather(s, "the next node is no longer on this ring", out);
        }
        return;
    }
    if (answer.token_seq < ring.token.token_seq) {
        AIS_MARK("detection.repeats_token");
        retransmit_token(s, out);
    }
}

void on_answer(State& s, NodeId from, const Probe& answer, Effects& out) {
    if (answer.origin != s.self) {
        // We asked on behalf of another.
        if (from == answer.subject) {
            transmit_probe(s, PacketType::probe_answer, answer.origin, answer, out);
        }
        return;
    }
    if (answer.subject != from) {
        AIS_MARK("detection.takes_word_of_witness");
        s.detector.on_vouched(answer.subject);
        return;
    }
    if (s.detector.on_answer(s.now, from, s.receiving_link, answer.id) &&
        (passes_tokens(s.phase) || s.phase == Phase::commit) && from == asked_ring(s).successor) {
        judge_token(s, answer, out);
    }
}

}  // namespace

void watch_token(State& s) {
    const Ring& ring = asked_ring(s);
    if (ring.members.size() < 2) {
        return;
    }
    s.forwarded_at = s.now;
    // Limit: a wild estimate may not delay the question for ever.
    const Duration usual = std::min(s.rotation.bound(), s.config.detection_time / 2);
    s.late_wait =
        usual + s.detector.timing().late + (s.may_rest ? s.config.hold_timeout : Duration::zero());
    s.deadlines.set(Timer::token_late, s.now + s.late_wait);
}

void note_rotation(State& s) {
    if (!s.may_rest && s.forwarded_at != Instant{} && s.current().visits > 1) {
        s.rotation.add(s.now - s.forwarded_at);
    }
}

void on_token_late(State& s, Effects& out) {
    if (s.phase != Phase::commit && !passes_tokens(s.phase)) {
        return;
    }
    AIS_MARK("detection.token_is_late");
    ++s.stats.late_tokens;
    // Why longer each time: whoever has it answers, and may rightly be slow.
    s.late_wait = std::min(2 * s.late_wait, s.config.detection_time);
    s.deadlines.set(Timer::token_late, s.now + s.late_wait);
    s.detector.doubt(s.now, asked_ring(s).successor);
    on_detector_timer(s, out);
}

void on_detector_timer(State& s, Effects& out) {
    // Limit: each peer has at most two things to do now.
    for (std::size_t turns = 0; turns < 2 * Members::capacity; ++turns) {
        const auto action = s.detector.next(s.now);
        if (!action) {
            break;
        }
        perform(s, *action, out);
    }
}

void arm_detector(State& s) {
    const auto at = s.detector.deadline();
    if (at && s.phase != Phase::left) {
        s.deadlines.set(Timer::detector, *at);
    } else {
        s.deadlines.clear(Timer::detector);
    }
}

void on_probe(State& s, PacketType type, NodeId from, const Probe& probe, Effects& out) {
    switch (type) {
        case PacketType::probe:
            if (probe.subject == s.self) {
                ++s.stats.probes_answered;
                transmit_probe(s,
                               PacketType::probe_answer,
                               from,
                               about_us(s, probe.id, probe.origin, s.self),
                               out);
            }
            return;
        case PacketType::probe_request:
            // Our own sign of life, and the question passed on.
            if (probe.subject == s.self || !asked_ring(s).members.contains(from)) {
                return;
            }
            ++s.stats.probes_answered;
            transmit_probe(
                s, PacketType::probe_answer, from, about_us(s, probe.id, from, s.self), out);
            if (asked_ring(s).members.contains(probe.subject)) {
                transmit_probe(s, PacketType::probe, probe.subject, probe, out);
            }
            return;
        default:
            on_answer(s, from, probe, out);
            return;
    }
}

void on_hint(State& s, NodeId peer, Hint what) {
    ++s.stats.hints;
    if (peer.is_valid()) {
        s.detector.hint(s.now, peer, what);
        return;
    }
    for (const NodeId member : asked_ring(s).members) {
        s.detector.hint(s.now, member, what);
    }
}

Patience own_patience(const State& s) {
    return {.detection_time = s.own_config.detection_time,
            .token_timeout = s.own_config.token_timeout,
            .hold_timeout = s.own_config.hold_timeout};
}

void note_patience(State& s, NodeId from, const Patience& patience) {
    const auto end = s.offers.begin() + static_cast<std::ptrdiff_t>(s.offer_count);
    auto at =
        std::find_if(s.offers.begin(), end, [&](const auto& offer) { return offer.node == from; });
    if (at == end && s.offer_count < s.offers.size()) {
        ++s.offer_count;
    } else if (at == end) {
        // Full of nodes of the past: one of them makes room.
        at = std::find_if(s.offers.begin(), end, [&](const auto& offer) {
            return !s.processors.contains(offer.node);
        });
        if (at == end) {
            return;
        }
    }
    *at = {from, patience};
}

Patience most_patient(const State& s, const Members& members) {
    Patience most = own_patience(s);
    for (std::size_t i = 0; i < s.offer_count; ++i) {
        if (members.contains(s.offers[i].node)) {
            most = longer(most, s.offers[i].patience);
        }
    }
    return most;
}

void adopt_patience(State& s, const Patience& patience) {
    const Patience agreed = longer(own_patience(s), patience);
    s.config.detection_time = agreed.detection_time;
    s.config.hold_timeout = agreed.hold_timeout;
    // A rest must end before the token counts as lost.
    s.config.token_timeout = std::max(
        agreed.token_timeout,
        agreed.hold_timeout + s.config.token_retransmit_timeout + std::chrono::milliseconds(1));
    s.detector.set_timing(DetectionTiming::of(agreed.detection_time));
}

}  // namespace ais::totem
