// SPDX-License-Identifier: BSD-3-Clause

#include "links/fault_monitor.hpp"

#include "base/assert.hpp"
#include "base/mark.hpp"
#include "base/mutation.hpp"

#include <algorithm>

namespace ais::links {

std::string_view name_of(PathState state) {
    switch (state) {
        case PathState::untried:
            return "untried";
        case PathState::up:
            return "up";
        case PathState::down:
            return "down";
        case PathState::probation:
            return "on probation";
    }
    return "";
}

FaultMonitor::FaultMonitor(NodeId self, LinkSet configured, const MonitorConfig& config)
    : self_(self), configured_(configured), config_(config), interfaces_(configured) {
    AIS_ASSERT(configured != 0);
    AIS_ASSERT(config.step() > Duration(0));
    AIS_ASSERT(config.threshold > 0 && config.good_min > 0 && config.good_min <= config.good_max);
    peers_.reserve(std::size_t{2} * AIS_NODES_MAX);
    choose();
}

const FaultMonitor::Peer* FaultMonitor::find(NodeId node) const {
    const auto at = std::find_if(
        peers_.begin(), peers_.end(), [&](const Peer& peer) { return peer.node == node; });
    return at == peers_.end() ? nullptr : &*at;
}

bool FaultMonitor::is_fresh(Instant now, Instant heard) const {
    return heard != Instant::min() && now - heard <= config_.silence;
}

void FaultMonitor::on_interface(Instant now, totem::LinkId link, bool is_up) {
    if (!has(configured_, link) || has(interfaces_, link) == is_up) {
        return;
    }
    interfaces_ = is_up ? with(interfaces_, link) : without(interfaces_, link);
    if (!is_up) {
        for (Peer& peer : peers_) {
            if (peer.paths[link].state == PathState::up) {
                fall(now, peer, link, PathChange::Cause::interface);
            } else if (peer.paths[link].state == PathState::probation) {
                peer.paths[link].state = PathState::down;
            }
        }
    }
    choose();
}

void FaultMonitor::on_hello(Instant now, totem::LinkId link, NodeId from, LinkSet hears_us) {
    if (from == self_ || !has(configured_, link)) {
        return;
    }
    auto* peer = const_cast<Peer*>(find(from));
    if (peer == nullptr) {
        if (peers_.size() == peers_.capacity()) {
            AIS_MARK("fault_monitor.full");
            return;
        }
        Peer fresh;
        fresh.node = from;
        for (Path& path : fresh.paths) {
            path.needed = config_.good_min;
        }
        peer = &*peers_.insert(
            std::find_if(
                peers_.begin(), peers_.end(), [&](const Peer& other) { return from < other.node; }),
            fresh);
    }
    peer->heard = now;
    peer->hears_us = hears_us;
    peer->paths[link].heard = now;
}

void FaultMonitor::on_members(const totem::Members& members) {
    members_ = members;
    choose();
}

void FaultMonitor::step(Instant now) {
    std::erase_if(peers_, [&](const Peer& peer) {
        return !members_.contains(peer.node) && now - peer.heard > config_.forget;
    });
    for (totem::LinkId link = 0; link < links_max; ++link) {
        if (!has(interfaces_, link)) {
            continue;
        }
        for (Peer& peer : peers_) {
            step_path(now, peer, link);
        }
    }
    choose();
}

void FaultMonitor::step_path(Instant now, Peer& peer, totem::LinkId link) {
    Path& path = peer.paths[link];
    const bool is_heard = is_fresh(now, path.heard);
    const bool is_good = is_heard && has(peer.hears_us, link);
    // Who hears us nowhere has just started, or is a node that sends no hellos of use.
    const bool is_problem = is_heard ? !is_good && peer.hears_us != 0 : is_fresh(now, peer.heard);
    if (is_good) {
        path.good_last = now;
    }
    switch (path.state) {
        case PathState::untried:
            if (is_good) {
                path.state = PathState::up;
                path.since = now;
            }
            return;
        case PathState::up:
            if (path.problems > 0 && now >= path.forgive_at) {
                --path.problems;
                path.forgive_at = now + config_.forgive;
            }
            if (!is_problem) {
                return;
            }
            if (path.problems == 0) {
                path.forgive_at = now + config_.forgive;
            }
            if (++path.problems >= config_.threshold) {
                fall(now,
                     peer,
                     link,
                     is_heard ? PathChange::Cause::deaf : PathChange::Cause::silent);
            }
            return;
        case PathState::down:
        case PathState::probation:
            if (!is_good) {
                path.state = PathState::down;
                path.good = 0;
                return;
            }
            path.state = PathState::probation;
            if ((++path.good < path.needed && !AIS_MUTATION(no_probation)) ||
                AIS_MUTATION(never_up_again)) {
                return;
            }
            changes_.push_back({link, peer.node, PathChange::Cause::good, now - path.since});
            path.state = PathState::up;
            path.since = now;
            path.problems = 0;
            return;
    }
}

void FaultMonitor::fall(Instant now, Peer& peer, totem::LinkId link, PathChange::Cause cause) {
    Path& path = peer.paths[link];
    AIS_ASSERT(path.state == PathState::up);
    // The first fall, or the first for long, asks for good_min.
    const bool is_trusted = now - path.since >= config_.steady;
    const bool is_first = path.good == 0;
    path.needed =
        is_trusted || is_first ? config_.good_min : std::min(2 * path.needed, config_.good_max);
    path.state = PathState::down;
    path.good = 0;
    path.problems = 0;
    path.since = now;
    changes_.push_back({link, peer.node, cause, now - path.good_last});
}

LinkSet FaultMonitor::up_links(const Peer& peer) const {
    LinkSet up = 0;
    for (totem::LinkId link = 0; link < links_max; ++link) {
        if (peer.paths[link].state == PathState::up) {
            up = with(up, link);
        }
    }
    return up & interfaces_;
}

// One link that reaches everybody is enough; if there is none, all that reach anybody are taken,
// and if somebody is reached by none, everything is tried.
void FaultMonitor::choose() {
    LinkSet common = interfaces_;
    LinkSet any = 0;
    bool is_somebody_lost = false;
    for (const NodeId node : members_) {
        if (node == self_) {
            continue;
        }
        const Peer* const peer = find(node);
        const LinkSet up = peer == nullptr ? LinkSet{0} : up_links(*peer);
        common &= up;
        any |= up;
        is_somebody_lost = is_somebody_lost || up == 0;
    }
    if (common != 0) {
        to_all_ = {common, true};
    } else if (is_somebody_lost) {
        to_all_ = {interfaces_, false};
    } else {
        to_all_ = {any, false};
    }
}

FaultMonitor::Choice FaultMonitor::to(NodeId node) const {
    const Peer* const peer = find(node);
    const LinkSet up = peer == nullptr ? LinkSet{0} : up_links(*peer);
    return up != 0 ? Choice{up, true} : Choice{interfaces_, false};
}

LinkSet FaultMonitor::heard_on(Instant now, NodeId node) const {
    const Peer* const peer = find(node);
    LinkSet on = 0;
    for (totem::LinkId link = 0; peer != nullptr && link < links_max; ++link) {
        if (is_fresh(now, peer->paths[link].heard)) {
            on = with(on, link);
        }
    }
    return on;
}

void FaultMonitor::fill(Instant now, Hello& hello) const {
    hello.count = 0;
    for (const Peer& peer : peers_) {
        const LinkSet on = heard_on(now, peer.node);
        // Limit: more than a ring's nodes do not fit; members come first in time.
        if (on != 0 && hello.count < hello.heard.size()) {
            hello.heard[hello.count++] = {peer.node, on};
        }
    }
}

PathState FaultMonitor::state(NodeId node, totem::LinkId link) const {
    const Peer* const peer = find(node);
    return peer == nullptr ? PathState::untried : peer->paths[link].state;
}

std::uint32_t FaultMonitor::needed(NodeId node, totem::LinkId link) const {
    const Peer* const peer = find(node);
    return peer == nullptr ? config_.good_min : peer->paths[link].needed;
}

std::vector<NodeId> FaultMonitor::peers() const {
    std::vector<NodeId> all;
    for (const Peer& peer : peers_) {
        all.push_back(peer.node);
    }
    return all;
}

}  // namespace ais::links
