// SPDX-License-Identifier: BSD-3-Clause

#include "totem/detector.hpp"

#include "base/assert.hpp"
#include "base/mark.hpp"

#include <algorithm>
#include <sstream>

namespace ais::totem {

namespace {

// Limit: a node may doubt itself so much; more would make a busy host blind.
constexpr std::uint32_t late_steps_max = 3;
// Probes in one period of doubt.  Why 4: with 1 % loss all are lost once in 10^7.
constexpr int probes_per_period = 4;
// Requests to others while a peer is suspected.
constexpr int requests_per_period = 2;

}  // namespace

DetectionTiming DetectionTiming::of(Duration detection_time) {
    // Why: docs/protocol/detection.md adds them up.  Two rests of an idle token
    // (a fifth each, config), lateness, probe and suspicion leave a fifth for the new ring.
    const auto part = [&](int percent) {
        return std::max<Duration>(detection_time * percent / 100, std::chrono::milliseconds(1));
    };
    return {.late = part(6),
            .probe = part(10),
            .suspect = part(22),
            .confirm = part(2),
            .health = detection_time,
            .lateness = part(5)};
}

void Estimate::add(Duration sample) {
    sample = std::max(sample, Duration(1));
    if (!is_known()) {
        mean_ = sample;
        deviation_ = sample / 2;
        return;
    }
    const Duration error = sample - mean_;
    mean_ = std::max(mean_ + error / 8, Duration(1));
    deviation_ += (std::max(error, -error) - deviation_) / 4;
}

void Detector::track(const Members& members) {
    // Those who stay move to the front; then all get their places from behind.
    std::size_t stay = 0;
    for (std::size_t i = 0; i < count_; ++i) {
        if (members.contains(peers_[i].node) && peers_[i].node != self_) {
            peers_[stay++] = peers_[i];
        }
    }
    count_ = members.size() - (members.contains(self_) ? 1 : 0);
    open_ = recent_ = 0;
    std::size_t to = count_;
    for (std::size_t from = members.size(); from-- > 0;) {
        const NodeId node = members[from];
        if (node == self_) {
            continue;
        }
        Peer fresh;
        fresh.node = node;
        if (stay > 0 && peers_[stay - 1].node == node) {
            --stay;
            fresh.heard_at = peers_[stay].heard_at;
            fresh.round_trips = peers_[stay].round_trips;
        }
        peers_[--to] = fresh;
    }
    AIS_ASSERT(to == 0 && stay == 0);
}

Detector::Peer* Detector::find(NodeId node) {
    if (recent_ < count_ && peers_[recent_].node == node) {
        return &peers_[recent_];
    }
    const auto end = peers_.begin() + static_cast<std::ptrdiff_t>(count_);
    const auto at = std::lower_bound(
        peers_.begin(), end, node, [](const Peer& peer, NodeId to) { return peer.node < to; });
    if (at == end || at->node != node) {
        return nullptr;
    }
    recent_ = static_cast<std::size_t>(at - peers_.begin());
    return &*at;
}

const Detector::Peer* Detector::find(NodeId node) const {
    const auto end = peers_.begin() + static_cast<std::ptrdiff_t>(count_);
    const auto at =
        std::find_if(peers_.begin(), end, [&](const Peer& peer) { return peer.node == node; });
    return at == end ? nullptr : &*at;
}

bool Detector::is_open(const Peer& peer) const {
    return peer.standing == Standing::doubted || peer.standing == Standing::suspected;
}

std::uint32_t Detector::self_doubt(Instant now) const {
    if (late_steps_ == 0 || now < late_at_) {
        return late_steps_;
    }
    const auto healed = static_cast<std::uint64_t>((now - late_at_) / timing_.health);
    return healed >= late_steps_ ? 0 : late_steps_ - static_cast<std::uint32_t>(healed);
}

Duration Detector::round_trip(NodeId node) const {
    Duration best{};
    if (const Peer* const peer = find(node)) {
        for (const Estimate& estimate : peer->round_trips) {
            if (estimate.is_known() && (best == Duration::zero() || estimate.mean() < best)) {
                best = estimate.mean();
            }
        }
    }
    return best;
}

std::optional<Instant> Detector::last_heard(NodeId node) const {
    const Peer* const peer = find(node);
    if (peer == nullptr) {
        return std::nullopt;
    }
    const Instant at = *std::max_element(peer->heard_at.begin(), peer->heard_at.end());
    return at == Instant{} ? std::nullopt : std::optional(at);
}

Duration Detector::patience(const Peer& peer, Duration base, Instant now) const {
    Duration needed{};
    for (const Estimate& estimate : peer.round_trips) {
        if (estimate.is_known() && (needed == Duration::zero() || estimate.bound() < needed)) {
            needed = estimate.bound();  // of the best link
        }
    }
    // Limit: a wild estimate may not make a peer immortal.
    needed = std::min(needed, 4 * base);
    return std::max(base, needed) * (1 + self_doubt(now));
}

Duration Detector::interval(const Peer& peer) const {
    return peer.is_hinted && !peer.is_hint_confirmed ? timing_.confirm / probes_per_period
                                                     : timing_.probe / probes_per_period;
}

void Detector::on_heard(Instant now, NodeId node, LinkId link) {
    Peer* const peer = find(node);
    if (peer == nullptr) {
        return;
    }
    peer->heard_at[std::min<std::size_t>(link, links_max - 1)] = now;
    peer->is_heard = true;
    peer->asked_at.reset();
}

void Detector::clear(Peer& peer) {
    open_ -= is_open(peer) ? 1 : 0;
    peer.standing = Standing::alive;
    peer.is_hinted = peer.is_hint_probed = peer.is_hint_confirmed = false;
    peer.asked_at.reset();
}

bool Detector::on_answer(Instant now, NodeId node, LinkId link, std::uint32_t id) {
    Peer* const peer = find(node);
    if (peer == nullptr || peer->standing == Standing::excluded) {
        return false;
    }
    const Sent& sent = peer->sent[id % peer->sent.size()];
    if (sent.id != id || id == 0) {
        return false;
    }
    peer->round_trips[std::min<std::size_t>(link, links_max - 1)].add(now - sent.at);
    clear(*peer);
    return true;
}

void Detector::on_vouched(NodeId node) {
    if (Peer* const peer = find(node)) {
        peer->is_heard = true;
    }
}

void Detector::begin(Peer& peer, Instant now) {
    open_ += is_open(peer) ? 0 : 1;
    peer.standing = Standing::doubted;
    peer.is_heard = peer.is_extended = false;
    peer.decide_at = now + patience(peer, timing_.probe, now);
    peer.probe_at = now;
}

void Detector::doubt(Instant now, NodeId node) {
    Peer* const peer = find(node);
    if (peer != nullptr && peer->standing == Standing::alive) {
        begin(*peer, now);
    }
}

void Detector::hint(Instant now, NodeId node, Hint what) {
    Peer* const peer = find(node);
    if (peer == nullptr || peer->standing == Standing::excluded) {
        return;
    }
    if (peer->standing == Standing::alive) {
        begin(*peer, now);
    }
    if (what != Hint::refused && what != Hint::closed) {
        return;  // a reason to ask, and no more
    }
    if (!peer->is_hinted) {
        peer->is_hinted = true;
        peer->is_hint_probed = false;
        peer->confirm_at = now + patience(*peer, timing_.confirm, now);
        peer->probe_at = now;
    } else if (peer->is_hint_probed && what == Hint::refused) {
        peer->is_hint_confirmed = true;
    }
}

void Detector::on_late_self(Instant now) {
    late_steps_ = std::min(self_doubt(now) + 1, late_steps_max);
    late_at_ = now;
    for (std::size_t i = 0; i < count_; ++i) {
        Peer& peer = peers_[i];
        peer.asked_at.reset();
        if (is_open(peer)) {
            AIS_MARK("detector.doubts_itself_first");
            begin(peer, now);
            peer.is_hinted = peer.is_hint_probed = peer.is_hint_confirmed = false;
        }
    }
}

std::uint32_t Detector::new_id(Peer& peer, Instant now) {
    const std::uint32_t id = next_id_++;
    next_id_ += next_id_ == 0 ? 1 : 0;
    peer.sent[id % peer.sent.size()] = {id, now};
    return id;
}

// Others that were asked together with it, and have been as silent, go with it:
// otherwise each side of a split would be found out one by one.
Detector::Action Detector::exclude(Peer& peer, Instant now) {
    Action action{.kind = Action::Kind::exclude, .peer = peer.node};
    action.is_certain = peer.is_hint_confirmed;
    action.why = peer.is_hint_confirmed ? "its executive has ended"
                 : peer.is_heard        ? "it is heard, but does not answer"
                                        : "it does not answer";
    for (std::size_t i = 0; i < count_; ++i) {
        Peer& other = peers_[i];
        const bool is_silent = other.asked_at && !action.is_certain &&
                               now - *other.asked_at >= patience(other, timing_.suspect, now);
        if (&other == &peer || is_silent) {
            open_ -= is_open(other) ? 1 : 0;
            other.standing = Standing::excluded;
            action.peers.insert(other.node);
        }
    }
    return action;
}

std::optional<Detector::Action> Detector::step(Peer& peer, Instant now) {
    if (peer.is_hint_confirmed && now >= peer.confirm_at) {
        return exclude(peer, now);
    }
    if (now >= peer.decide_at) {
        const bool is_suspected = peer.standing == Standing::suspected;
        if (is_suspected && (!peer.is_heard || peer.is_extended)) {
            return exclude(peer, now);
        }
        if (is_suspected) {
            AIS_MARK("detector.gives_time_to_one_that_is_heard");
            peer.is_extended = true;
        } else {
            peer.standing = Standing::suspected;
            peer.ask_at = now;
        }
        peer.decide_at = now + patience(peer, timing_.suspect, now);
    }
    if (now >= peer.probe_at) {
        peer.probe_at = now + std::max(interval(peer), Duration(1));
        peer.is_hint_probed = peer.is_hinted;
        return Action{.kind = Action::Kind::probe, .peer = peer.node, .id = new_id(peer, now)};
    }
    if (peer.standing == Standing::suspected && now >= peer.ask_at) {
        peer.ask_at = now + std::max(timing_.suspect / requests_per_period, Duration(1));
        const std::uint32_t id = new_id(peer, now);
        for (std::size_t i = 0; i < count_; ++i) {
            Peer& other = peers_[i];
            if (other.standing != Standing::excluded && &other != &peer) {
                other.sent[id % other.sent.size()] = {id, now};
                other.asked_at = other.asked_at.value_or(now);
            }
        }
        return Action{.kind = Action::Kind::ask_others, .peer = peer.node, .id = id};
    }
    return std::nullopt;
}

std::optional<Detector::Action> Detector::next(Instant now) {
    for (std::size_t i = 0; open_ > 0 && i < count_; ++i) {
        if (is_open(peers_[i])) {
            if (auto action = step(peers_[i], now)) {
                return action;
            }
        }
    }
    return std::nullopt;
}

Instant Detector::due(const Peer& peer) const {
    Instant at = std::min(peer.decide_at, peer.probe_at);
    if (peer.standing == Standing::suspected) {
        at = std::min(at, peer.ask_at);
    }
    return peer.is_hint_confirmed ? std::min(at, peer.confirm_at) : at;
}

std::optional<Instant> Detector::deadline() const {
    std::optional<Instant> at;
    for (std::size_t i = 0; open_ > 0 && i < count_; ++i) {
        if (is_open(peers_[i]) && (!at || due(peers_[i]) < *at)) {
            at = due(peers_[i]);
        }
    }
    return at;
}

Detector::Standing Detector::standing(NodeId node) const {
    const Peer* const peer = find(node);
    return peer == nullptr ? Standing::excluded : peer->standing;
}

std::string Detector::describe(Instant now) const {
    std::ostringstream to;
    for (std::size_t i = 0; i < count_; ++i) {
        const Peer& peer = peers_[i];
        constexpr const char* words[] = {"alive", "doubted", "suspected", "excluded"};
        to << "  peer " << peer.node.value() << ' '
           << words[static_cast<std::size_t>(peer.standing)];
        for (std::size_t link = 0; link < links_max; ++link) {
            if (peer.heard_at[link] == Instant{}) {
                continue;
            }
            to << ", link " << link << " heard " << to_ms(now - peer.heard_at[link]) << " ms ago";
            if (const Estimate& trip = peer.round_trips[link]; trip.is_known()) {
                to << " rtt "
                   << std::chrono::duration_cast<std::chrono::microseconds>(trip.mean()).count()
                   << " us";
            }
        }
        to << '\n';
    }
    return to.str();
}

}  // namespace ais::totem
