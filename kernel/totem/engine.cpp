// SPDX-License-Identifier: BSD-3-Clause
//
// The door: every call notes the time, hands its event to the state's file,
// and then lets a ring of one pass its token to itself.

#include "totem/engine.hpp"

#include "base/assert.hpp"
#include "base/mark.hpp"
#include "base/mutation.hpp"
#include "totem/state.hpp"

#include <algorithm>
#include <sstream>

namespace ais::totem {

namespace {

// Limit: visits that a ring of one makes in one call before the loop gets its turn.
constexpr int loopback_max = 4096;

// A process that did not run for a while finds its timers overdue and its
// sockets full of the past.  Why: without this rule it would declare the token
// lost that lies in its socket, and would take joins of a round long closed.
void notice_pause(State& s, Instant now) {
    if (now < s.joins_stale_until) {
        return;  // the rest of what waited in the sockets: it is one pause
    }
    // What we set for ourselves to be done at once was never in the future.
    const auto wake = s.deadlines.at(Timer::wake);
    s.deadlines.clear(Timer::wake);
    const auto earliest = s.deadlines.earliest();
    if (wake) {
        s.deadlines.set(Timer::wake, *wake);
    }
    if (!earliest || now <= *earliest + s.detector.timing().lateness) {
        return;
    }
    // Why first: whoever did not run in time has not heard others in time, either.
    if (now > s.late_noticed_at) {
        ++s.stats.late_wakeups;
        s.detector.on_late_self(now);
        s.late_noticed_at = now;
    }
    if (now <= *earliest + s.config.detection_time * 2 / 5) {
        return;
    }
    AIS_MARK("engine.notices_pause");
    ++s.stats.pauses;
    s.stats.last_pause = now - *earliest;  // the daemon knows more about it, and tells
    s.joins_stale_until = now + s.config.join_timeout / 2;
    const auto put_off = [&](Timer timer, Duration by) {
        if (const auto at = s.deadlines.at(timer); at && *at <= now) {
            s.deadlines.set(timer, now + by);
        }
    };
    put_off(Timer::token_loss, s.config.join_timeout);
    put_off(Timer::token_late, s.config.join_timeout);
    put_off(Timer::consensus, s.config.consensus_timeout);
}

void enter(State& s, Instant now) {
    notice_pause(s, now);
    s.now = std::max(s.now, now);
}

void run_loopback(State& s, Effects& out) {
    for (int visits = 0; s.loopback; ++visits) {
        s.loopback = false;
        if (!passes_tokens(s.phase) || !s.current().has_token) {
            return;
        }
        if (visits == loopback_max) {
            s.deadlines.set(Timer::wake, s.now);
            return;
        }
        visit_token(s, out);
    }
}

void on_timer(State& s, Timer timer, Effects& out) {
    switch (timer) {
        case Timer::token_loss:
            ++s.stats.token_losses;
            enter_gather(s,
                         s.phase == Phase::operational ? "the token is lost"
                         : s.phase == Phase::commit    ? "the commit token is lost"
                                                       : "the token is lost in recovery",
                         out);
            break;
        case Timer::token_late:
            on_token_late(s, out);
            break;
        case Timer::detector:
            on_detector_timer(s, out);
            break;
        case Timer::token_retransmit:
            ++s.stats.retransmit_timeouts;
            retransmit_token(s, out);
            break;
        case Timer::hold:
            end_rest(s, out);
            break;
        case Timer::stay:
            end_stay(s, out);
            break;
        case Timer::hold_cancel:
        case Timer::wake:
            wake(s, out);
            break;
        case Timer::join:
            ++s.stats.join_timeouts;
            on_join_timer(s, out);
            break;
        case Timer::consensus:
            ++s.stats.consensus_timeouts;
            on_consensus_timer(s, out);
            break;
        case Timer::merge_detect:
            transmit_merge_detect(s, out);
            break;
        case Timer::count:
            break;
    }
}

// Does it lie where Engine::landing() said?
bool is_landed(State& s, Bytes datagram) {
    return s.phase == Phase::operational && s.installed->log.has_room() &&
           datagram.data() == s.installed->log.room().data();
}

void dispatch(State& s, NodeId from, Bytes datagram, Effects& out) {
    PacketHeader header;
    switch (decode(datagram, header)) {
        case Verdict::malformed:
            ++s.stats.malformed;
            return;
        case Verdict::wrong_version:
            ++s.stats.wrong_version;
            if (from != s.self) {
                static_cast<void>(is_admitted(s, from, datagram[2], datagram[2], {}, {}));
            }
            return;
        case Verdict::ok:
            break;
    }
    if (header.sender != from || from == s.self) {
        ++s.stats.wrong_sender;
        return;
    }
    s.detector.on_heard(s.now, from, s.receiving_link);
    if (header.type == PacketType::data) {
        on_data(s, from, datagram, out);
        return;
    }
    // Why: while it is worked on, messages of ours may be written to where it has landed.
    std::array<std::uint8_t, control_datagram_max> landed;
    if (is_landed(s, datagram)) {
        if (datagram.size() > landed.size()) {
            ++s.stats.malformed;
            return;
        }
        copy_bytes(landed.data(), datagram);
        datagram = Bytes(landed).first(datagram.size());
    }
    const Bytes body = datagram.subspan(PacketHeader::size);
    switch (header.type) {
        case PacketType::data:
            return;
        case PacketType::token: {
            Token token;
            if (decode(body, token)) {
                on_token(s, from, token, out);
                return;
            }
            break;
        }
        case PacketType::join: {
            Join join;
            if (decode(body, from, join)) {
                on_join(s, from, join, out);
                return;
            }
            break;
        }
        case PacketType::commit_token: {
            CommitToken token;
            if (decode(body, token)) {
                on_commit_token(s, from, token, out);
                return;
            }
            break;
        }
        case PacketType::merge_detect: {
            RingNotice notice;
            if (decode(body, notice)) {
                on_merge_detect(s, from, notice, out);
                return;
            }
            break;
        }
        case PacketType::hold_cancel: {
            RingNotice notice;
            if (decode(body, notice)) {
                on_hold_cancel(s, from, notice, out);
                return;
            }
            break;
        }
        case PacketType::probe:
        case PacketType::probe_answer:
        case PacketType::probe_request: {
            Probe probe;
            if (decode(body, header.type, from, probe)) {
                on_probe(s, header.type, from, probe, out);
                return;
            }
            break;
        }
    }
    ++s.stats.malformed;
}

// Why 5: so many joins in a row are not lost by chance.
Duration hearing_window(const Config& config) {
    return std::max(config.consensus_timeout, 5 * config.join_timeout);
}

Separation::Times separation_times(const Config& config) {
    return {lately(config), config.merge_timeout, config.hold_off_max, 30 * config.merge_timeout};
}

std::vector<Term> terms_of(const Config& config) {
    std::vector<Term> terms = config.terms;
    terms.push_back({"netmtu (datagram)", std::to_string(config.datagram_max)});
    return terms;
}

std::uint32_t salt_of(std::uint64_t incarnation) {
    if (AIS_MUTATION(id_without_salt)) {
        return 1;
    }
    const auto folded = static_cast<std::uint32_t>(incarnation ^ (incarnation >> 32));
    return folded != 0 ? folded : 1;
}

}  // namespace

struct Engine::State : totem::State {
    using totem::State::State;
};

const char* name_of(Phase phase) {
    switch (phase) {
        case Phase::idle:
            return "idle";
        case Phase::operational:
            return "operational";
        case Phase::gather:
            return "gather";
        case Phase::commit:
            return "commit";
        case Phase::recovery:
            return "recovery";
        case Phase::left:
            return "left";
    }
    return "";
}

void Ring::reset(const RingId& ring, const Members& nodes, NodeId self) {
    id = ring;
    members = nodes;
    incarnations.fill(0);
    if (const auto at = members.index_of(self)) {
        successor = members[(*at + 1) % members.size()];
        predecessor = members[(*at + members.size() - 1) % members.size()];
    }
    log.reset();
    delivered = stable = 0;
    token = Token{};
    has_token = false;
    token_seq = visits = 0;
    forwarded = 0;
    forwarded_aru = forwarded_seq = 0;
    idle_visits = 0;
    counted_congested = false;
    lone_visits = 0;
    stays = is_stay_vain = false;
    vain_stays = 0;
    visited_seq = 0;
    keeper = NodeId();
    last_safe = 0;
    settled_visits = 0;
    stuck_aru = 0;
    stuck_id = NodeId();
    stuck_visits = 0;
    stuck_since = Instant{};
}

State::State(const Config& configured, const Engine::Identity& identity, Source& from, Log& to)
    : config(configured),
      own_config(configured),
      self(identity.self),
      incarnation(identity.incarnation),
      salt(salt_of(identity.incarnation)),
      source(from),
      log(to),
      prng(identity.seed),
      adopted_seq(
          AIS_MUTATION(number_not_stored) ? 0 : std::min(identity.stored_ring_seq, seq_limit / 2)),
      known_seq(adopted_seq),
      hearing(identity.self, hearing_window(configured)),
      separation(identity.self, separation_times(configured)),
      admission(terms_of(configured)),
      detector(identity.self),
      installed(std::make_unique<Ring>(configured)),
      forming(std::make_unique<Ring>(configured)) {
    detector.set_timing(DetectionTiming::of(config.detection_time));
}

Ring& State::current() {
    AIS_ASSERT(passes_tokens(phase));
    return phase == Phase::recovery ? *forming : *installed;
}

void transmit(Effects& out, std::optional<NodeId> to, Traffic traffic, Bytes datagram) {
    out.emit(Transmit{to, traffic, datagram});
}

bool passes_tokens(Phase phase) {
    return phase == Phase::operational || phase == Phase::recovery;
}

Engine::Engine(const Config& config, const Identity& identity, Source& source, Log& log)
    : state_(std::make_unique<State>(config, identity, source, log)) {
    AIS_ASSERT(config.validate().ok());
    AIS_ASSERT(identity.self.is_valid());
}

Engine::~Engine() = default;

void Engine::start(Instant now, Effects& out) {
    AIS_ASSERT(state_->phase == Phase::idle);
    state_->now = now;
    enter_gather(*state_, "start", out);
}

void Engine::receive(Instant now, LinkId link, NodeId from, Bytes datagram, Effects& out) {
    State& s = *state_;
    if (s.phase == Phase::idle || s.phase == Phase::left) {
        return;
    }
    enter(s, now);
    s.receiving_link = link;
    dispatch(s, from, datagram, out);
    run_loopback(s, out);
    arm_detector(s);
}

MutableBytes Engine::landing() {
    State& s = *state_;
    if (s.phase != Phase::operational || !s.installed->log.has_room()) {
        return {};
    }
    return s.installed->log.room();
}

void Engine::hint(Instant now, NodeId peer, LinkId link, Hint what, Effects& out) {
    State& s = *state_;
    if (s.phase == Phase::idle || s.phase == Phase::left) {
        return;
    }
    enter(s, now);
    static_cast<void>(link);  // every link is asked alike
    on_hint(s, peer, what);
    on_detector_timer(s, out);
    run_loopback(s, out);
    arm_detector(s);
}

void Engine::expire(Instant now, Effects& out) {
    State& s = *state_;
    if (s.phase == Phase::idle || s.phase == Phase::left) {
        return;
    }
    enter(s, now);
    // Limit: a handler may set a timer that is due at once; each gets a few turns.
    for (int turns = 0; turns < 32; ++turns) {
        const auto timer = s.deadlines.take_due(s.now);
        if (!timer) {
            break;
        }
        on_timer(s, *timer, out);
        run_loopback(s, out);
        arm_detector(s);
    }
}

std::optional<Instant> Engine::deadline() const {
    return state_->deadlines.earliest();
}

void Engine::wake(Instant now, Effects& out) {
    State& s = *state_;
    if (s.phase != Phase::operational) {
        return;  // the next ring asks the source by itself
    }
    enter(s, now);
    totem::wake(s, out);
    run_loopback(s, out);
}

void Engine::set_congested(bool congested) {
    State& s = *state_;
    if (s.congested == congested) {
        return;
    }
    s.congested = congested;
    if (s.phase == Phase::operational) {
        s.deadlines.set(Timer::wake, s.now);  // a held token would not tell the others
    }
}

void Engine::leave(Instant now, Effects& out) {
    State& s = *state_;
    if (s.phase == Phase::idle || s.phase == Phase::left) {
        s.phase = Phase::left;
        return;
    }
    s.now = std::max(s.now, now);
    transmit_leave(s, out);
    s.phase = Phase::left;
    s.deadlines.clear_all();
}

std::size_t Engine::payload_max() const {
    return state_->config.datagram_max - data_overhead;
}

Phase Engine::phase() const {
    return state_->phase;
}
const RingId& Engine::current_ring() const {
    return state_->phase == Phase::recovery ? state_->forming->id : state_->installed->id;
}
bool Engine::is_operational() const {
    return state_->phase == Phase::operational;
}

const Configuration& Engine::configuration() const {
    return state_->configuration;
}

std::string_view Engine::why_left(NodeId node) const {
    for (std::size_t i = 0; i < state_->departure_count; ++i) {
        if (state_->departures[i].node == node) {
            return state_->departures[i].why;
        }
    }
    return {};
}

const Stats& Engine::stats() const {
    return state_->stats;
}

std::string Engine::describe() const {
    const State& s = *state_;
    std::ostringstream to;
    to << "totem: node " << s.self.value() << ' ' << name_of(s.phase) << ", ring "
       << s.installed->id << ' ' << s.installed->members << '\n';
    const Ring& ring = s.phase == Phase::recovery ? *s.forming : *s.installed;
    to << "  seq: aru " << ring.log.aru() << " high " << ring.log.high() << " delivered "
       << ring.delivered << " stable " << ring.stable << " held " << ring.log.held() << " of "
       << ring.log.capacity() << '\n';
    to << "  token: seq " << ring.token_seq << " visits " << ring.visits << " idle "
       << ring.idle_visits
       << (ring.stays       ? " stays here"
           : ring.has_token ? " held here"
                            : "")
       << " window " << ring.flow.window() << (s.congested ? " congested" : "") << '\n';
    if (s.phase != Phase::operational) {
        to << "  gather: processors " << s.processors << " failed " << s.failed << " consensus "
           << s.consensus << '\n';
    }
    if (s.phase == Phase::commit || s.phase == Phase::recovery) {
        to << "  forming: ring " << s.forming->id << ' ' << s.forming->members << '\n';
    }
    if (s.phase == Phase::recovery) {
        to << "  recovery: transitional " << s.recovery.transitional << " to send "
           << recovery_backlog(s) << " quiet " << s.recovery.quiet_visits << " install_seq "
           << s.recovery.install_seq << '\n';
    }
    to << "  detection " << to_ms(s.config.detection_time) << " ms, hold "
       << to_ms(s.config.hold_timeout) << " ms, usual rotation "
       << std::chrono::duration_cast<std::chrono::microseconds>(s.rotation.mean()).count()
       << " us, self doubt " << s.detector.self_doubt(s.now) << ", hints " << s.stats.hints
       << " probes " << s.stats.probes_sent << " late tokens " << s.stats.late_tokens
       << " late wakeups " << s.stats.late_wakeups << '\n'
       << s.detector.describe(s.now);
    to << "  sent " << s.stats.sent << " received " << s.stats.received << " retransmitted "
       << s.stats.retransmitted << " (to one node " << s.stats.retransmitted_to_one
       << ") requested " << s.stats.requested << " (repeated " << s.stats.requests_repeated
       << ", spurious " << s.stats.requests_spurious << ") duplicates " << s.stats.duplicates
       << " rings " << s.stats.rings << " token losses " << s.stats.token_losses << '\n';
    to << "  tokens sent again " << s.stats.token_retransmits << ", passed on again "
       << s.stats.repetitions_passed_on << ", in vain " << s.stats.vain_repetitions
       << ", hold cancels " << s.stats.hold_cancels_sent << '\n';
    to << "  refused: malformed " << s.stats.malformed << " version " << s.stats.wrong_version
       << " sender " << s.stats.wrong_sender << " foreign " << s.stats.foreign << " stale joins "
       << s.stats.stale_joins << " overflows " << s.stats.log_overflows << '\n';
    return to.str();
}

}  // namespace ais::totem
