// SPDX-License-Identifier: BSD-3-Clause
//
// What keeps our ring apart from nodes that are alive: broken paths between
// members of ours and them.
//
// Without this, who was left out would call again at once, and the ring would form anew for ever.
// While a path is broken, what comes from the other side starts no Gather here, and both
// ends of the path tell in merge detects whom they hear (and ask the other end to do so).  A path
// is whole again when both ends have heard each other lately.  If the same node was left out
// before, it must stay whole for a quiet period that doubles with each time.
//
// Both sides keep such a list, made from the table of Gather.  Lists may differ: then a Gather too
// many makes them equal.  A wrong entry cannot keep nodes apart for long, since an entry without
// news is dropped.
//
// Threads: none.

#pragma once

#include "base/time.hpp"
#include "totem/reachability.hpp"

#include <optional>
#include <utility>

namespace ais::totem {

class Separation {
  public:
    struct Times {
        Duration recent;     // so long "heard lately" is true
        Duration quiet;      // the first quiet period
        Duration quiet_max;  // the last one
        Duration keep;       // an entry without news
    };
    // Limit: more broken paths are forgotten, which costs a Gather too many.
    static constexpr std::size_t edges_max = 256;

    Separation(NodeId self, const Times& times) : self_(self), times_(times) {}

    // `ours` is the next ring; `table` is what Gather knew of it and of others.
    void install(const Reachability& table, const Members& ours, Instant now);
    // A join or merge detect of `from` has arrived here.
    void hear(NodeId from, Instant now);
    // `from` says that it hears `nodes`.  `is_proof`: in a join, which needs no quiet period, since
    // whoever sends it has waited.  Gives a path that is whole again, if there is one.
    std::optional<std::pair<NodeId, NodeId>> tell(NodeId from,
                                                  const Members& nodes,
                                                  bool is_proof,
                                                  Instant now);

    // What `from`, or a join for `theirs`, says must not start a Gather of `ours`.
    [[nodiscard]] bool holds_off(NodeId from, const Members& ours, Instant now) const;
    [[nodiscard]] bool holds_off(const Members& theirs, const Members& ours, Instant now) const;
    // Somebody has been told why `theirs` is apart; once is enough, until one of its paths is
    // whole.
    void note_told(NodeId theirs) { told_.insert(theirs); }
    // A path that holds `from` off, has done so for as long as "lately" is, and of which nobody has
    // been told; from now on it counts as told.  Why not at once: one that is whole after all is
    // known to be by then.
    struct Broken {
        NodeId ours;
        NodeId theirs;
        bool is_theirs_deaf;  // else: ours does not hear theirs
    };
    [[nodiscard]] std::optional<Broken> take_untold(NodeId from, const Members& ours, Instant now);
    // The far ends of our own broken paths; `of_all`: both ends of all.
    [[nodiscard]] Members apart(bool of_all, Instant now) const;

  private:
    static constexpr Instant never = Instant::min();
    struct Edge {
        NodeId ours;
        NodeId theirs;
        Instant since = never;
        Instant ours_heard = never;    // by theirs
        Instant theirs_heard = never;  // by ours
        Instant whole_since = never;
        Instant news_at = never;
    };
    struct Outsider {
        NodeId group;             // the lowest of those who are in one ring with it
        std::uint32_t times = 0;  // left out in a row
        Instant last = never;
    };

    [[nodiscard]] bool is_recent(Instant when, Instant now) const {
        return when != never && now - when <= times_.recent;
    }
    [[nodiscard]] bool is_live(const Edge& edge, Instant now) const {
        return now - edge.news_at <= times_.keep;
    }
    [[nodiscard]] NodeId group_of(NodeId node) const;
    [[nodiscard]] Duration quiet_of(NodeId node) const;
    void forget(NodeId theirs);
    void erase_edge(std::size_t at);

    NodeId self_;
    Times times_;
    std::array<Edge, edges_max> edges_;
    std::size_t edge_count_ = 0;
    Members told_;
    Members nodes_;
    std::array<Outsider, Members::capacity> outsiders_;  // as nodes_
};

}  // namespace ais::totem
