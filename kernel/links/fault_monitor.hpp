// SPDX-License-Identifier: BSD-3-Clause
//
// When is a link faulty, and when is it good again?  One machine per peer and
// link, fed by hellos and by what the system says of our own interfaces.
//
//            first good step                threshold problems
//   untried ────────────────▶ up ─────────────────────────────────▶ down
//                             ▲                                      │ ▲
//                             │ `needed` good steps in a row  a good │ │ a bad
//                             └──────────── probation ◀──────── step ┘ │ step
//                                               └──────────────────────┘
//
// A step is `silence / 2`.  It is good for a path if the peer was heard on it
// within `silence` and says that it hears us there.  It is a *problem* only if
// the peer was heard elsewhere meanwhile, or hears us elsewhere: who is silent
// on all links is dead, or we are, and that is no fault of a link.  Problems
// are forgiven one by one, each `forgive`, so that sporadic loss condemns nobody
// and a dead link falls after `silence + threshold * silence / 2` at the latest
// (protocol of the papers: RRP, ICDCS 2002, section on monitoring).
//
// Hysteresis: each fall doubles `needed`, up to good_max; a path that stayed up
// for `steady` is trusted as a new one.  An interface of ours that goes down
// takes all its paths at once, without counting.
//
// Deviates: RRP condemns a network for everybody and waits for the operator;
// here one peer's broken cable leaves the others' paths as they are, and
// recovery is automatic.
//
// Threads: none.  Allocates when a peer is heard for the first time.

#pragma once

#include "base/time.hpp"
#include "links/hello.hpp"
#include "links/link_set.hpp"
#include "totem/members.hpp"

#include <array>
#include <vector>

namespace ais::links {

struct MonitorConfig {
    Duration silence = std::chrono::milliseconds(100);   // rrp_token_expired_timeout
    std::uint32_t threshold = 3;                         // rrp_problem_count_threshold
    Duration forgive = std::chrono::milliseconds(1000);  // rrp_problem_count_timeout
    std::uint32_t good_min = 10;
    std::uint32_t good_max = 640;
    Duration steady = std::chrono::seconds(60);
    // A peer that is no member and silent for so long is forgotten.
    Duration forget = std::chrono::seconds(60);

    [[nodiscard]] Duration step() const { return silence / 2; }
};

enum class PathState : std::uint8_t { untried, up, down, probation };
[[nodiscard]] std::string_view name_of(PathState state);

// A path fell or came back; for the log.
struct PathChange {
    enum class Cause : std::uint8_t {
        good,       // up: it passed probation
        silent,     // down: nothing heard
        deaf,       // down: the peer does not hear us on it
        interface,  // down: ours is down
    };
    totem::LinkId link = 0;
    NodeId node;
    Cause cause = Cause::good;
    Duration lasted{};  // good: how long it was down; else since it was good last
};

class FaultMonitor {
  public:
    FaultMonitor(NodeId self, LinkSet configured, const MonitorConfig& config);

    // Ours went down or came back.
    void on_interface(Instant now, totem::LinkId link, bool is_up);
    // Authenticated; `hears_us`: the links on which `from` hears this node.
    void on_hello(Instant now, totem::LinkId link, NodeId from, LinkSet hears_us);
    void on_members(const totem::Members& members);
    // Requires: called about every config.step(); late calls count once.
    void step(Instant now);

    // Falls and recoveries since it was cleared last, in the order of links; the caller clears it.
    [[nodiscard]] std::vector<PathChange>& changes() { return changes_; }

    // On which links `node` was heard within `silence`; and everybody, for a hello.
    [[nodiscard]] LinkSet heard_on(Instant now, NodeId node) const;
    void fill(Instant now, Hello& hello) const;

    // What may carry data.  Never empty while an interface is up.
    struct Choice {
        LinkSet links = 0;
        // Each of `links` alone reaches everybody; else all of them are needed.
        bool each_reaches = true;
    };
    [[nodiscard]] Choice to_all() const { return to_all_; }
    [[nodiscard]] Choice to(NodeId node) const;
    // Links whose interface is up: tokens and control go on all of them.
    [[nodiscard]] LinkSet interfaces() const { return interfaces_; }
    [[nodiscard]] LinkSet configured() const { return configured_; }

    // Observers.
    [[nodiscard]] NodeId self() const { return self_; }
    [[nodiscard]] PathState state(NodeId node, totem::LinkId link) const;
    // Good steps in a row that the path needs, or would need now.
    [[nodiscard]] std::uint32_t needed(NodeId node, totem::LinkId link) const;
    // Every peer that is known, ascending.
    [[nodiscard]] std::vector<NodeId> peers() const;

  private:
    struct Path {
        PathState state = PathState::untried;
        Instant heard = Instant::min();
        std::uint32_t problems = 0;
        Instant forgive_at;
        std::uint32_t good = 0;
        std::uint32_t needed = 0;
        Instant since;  // of the state up or down
        Instant good_last;
    };
    struct Peer {
        NodeId node;
        LinkSet hears_us = 0;
        Instant heard = Instant::min();  // on any link
        std::array<Path, links_max> paths{};
    };

    [[nodiscard]] const Peer* find(NodeId node) const;
    [[nodiscard]] bool is_fresh(Instant now, Instant heard) const;
    void step_path(Instant now, Peer& peer, totem::LinkId link);
    void fall(Instant now, Peer& peer, totem::LinkId link, PathChange::Cause cause);
    [[nodiscard]] LinkSet up_links(const Peer& peer) const;
    void choose();

    const NodeId self_;
    const LinkSet configured_;
    const MonitorConfig config_;
    LinkSet interfaces_;
    totem::Members members_;
    std::vector<Peer> peers_;
    std::vector<PathChange> changes_;
    Choice to_all_;
};

}  // namespace ais::links
