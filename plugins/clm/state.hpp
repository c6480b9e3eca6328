// SPDX-License-Identifier: BSD-3-Clause
//
// The replicated state of clm: the view, that is, the nodes that are members and
// what each has said about itself, and the view's number.
//
// A deterministic function of delivered messages, configurations and merges; equal on
// all nodes of a component.  No host, no clock, no I/O.  Threads: none.
//
// When a view begins.  A configuration that only takes nodes away begins one
// at once.  One that brings nodes begins it at the merge, where their facts
// come; leaves that happened at the same time wait for it, so that a transition is one report.
// Only a node that was away and is back needs two: one in which it left.
//
// Numbers.  A view's number is above all numbers of the views that it comes
// from: one more than the highest.  A view that loses nodes counts one more, too,
// also in what is saved while its successor waits for a merge.
//
// Invariants:
//   1. This node is a member of its view; the first view, before any
//      configuration, is this node alone.
//   2. The number grows with each view that is reported.

#pragma once

#include "wire.hpp"

#include <ais/abi/types.h>
#include <ais/bytes.hpp>

#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <vector>

namespace ais::clm {

struct View {
    std::uint64_t number = 1;
    std::map<std::uint32_t, Member> members;

    friend bool operator==(const View&, const View&) = default;
};

// Which items a program wants of a report; nothing if there are none for it.
std::optional<ViewReport> select(const ViewReport& report,
                                 std::uint32_t track_flags,
                                 ais_node_id self);

class State {
  public:
    explicit State(const Facts& self);
    State(const State&) = delete;
    State& operator=(const State&) = delete;

    // A configuration, of either kind.
    std::optional<ViewReport> configure(const ais_configuration& now);
    // A node has said something new about itself.  Nothing if it is nothing new, or the node
    // is no member.
    std::optional<ViewReport> facts(ais_node_id sender, const Facts& facts);
    // The exchange of snapshots ended with this.  Up to two reports.
    std::vector<ViewReport> replace(const View& merged);

    [[nodiscard]] const View& view() const { return view_; }
    // What is left of the view in the present configuration: what is saved.
    [[nodiscard]] View surviving() const;
    // All members, without change.
    [[nodiscard]] ViewReport report() const;
    [[nodiscard]] const Member* find(ais_node_id node) const;
    [[nodiscard]] ais_node_id self() const { return self_; }
    // The nodes of the last regular configuration, ascending; empty before the first.
    [[nodiscard]] const std::vector<ais_node_id>& nodes() const { return nodes_; }

  private:
    [[nodiscard]] bool is_gone(ais_node_id node) const;
    std::optional<ViewReport> enter(View next);

    ais_node_id self_;
    View view_;
    std::vector<ais_node_id> nodes_;
    std::vector<ais_node_id> pending_left_;  // ascending; since the last view began
};

}  // namespace ais::clm
