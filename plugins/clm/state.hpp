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
// Administration.  A locked node is up, its facts are kept, and it is no member: no report has
// it.  A lock outlives the node's restart, as long as one node that knows of it lives.  Of
// two parts of a cluster the later operation on a node is what is true (of equals, the lock).
//
// Lock and shutdown are a change in steps: validate, start, completed.  Each node of the
// configuration says when its programs have answered (step_over); when all that are left have,
// the next step begins.  A program that objects to validate aborts the change, and so does a
// configuration that brings nodes, because they have not seen its beginning.  So each step begins
// and ends at one place in the order of messages.  One change at a time.
//
// Invariants:
//   1. This node is in its view; the first view, before any configuration, is this node alone.
//   2. The number grows with each view that is reported.

#pragma once

#include "wire.hpp"

#include <ais/abi/types.h>
#include <ais/bytes.hpp>

#include <openais/saAis.h>

#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <vector>

namespace ais::clm {

// What the operator has last done to a node.
struct Administered {
    bool is_locked = false;
    std::uint64_t when = 0;  // View::operations of then
    std::string name;        // of the node, as it was then

    friend bool operator==(const Administered&, const Administered&) = default;
};

// A lock or a shutdown on its way.
struct PendingChange {
    Operation operation = Operation::lock;
    Step step = Step::validate;
    std::uint32_t node = 0;
    std::uint32_t asked_by = 0;        // the node of the operator
    std::uint64_t ticket = 0;          // its own number for the operator's request
    std::uint64_t id = 0;              // View::operations of its beginning
    std::vector<ais_node_id> awaited;  // ascending; whose programs have not all answered
    std::string name;                  // of the node, as it was at the beginning

    // Names this step in programs' answers; never 0.
    [[nodiscard]] std::uint64_t invocation() const {
        return id * 4 + static_cast<std::uint32_t>(step);
    }

    friend bool operator==(const PendingChange&, const PendingChange&) = default;
};

struct View {
    std::uint64_t number = 1;
    std::map<std::uint32_t, Member> members;  // all nodes that are up, also those that are locked
    std::uint64_t operations = 0;             // of the operator, so far
    std::map<std::uint32_t, Administered> administered = {};
    std::optional<PendingChange> change = {};

    [[nodiscard]] bool is_locked(std::uint32_t node) const {
        const auto found = administered.find(node);
        return found != administered.end() && found->second.is_locked;
    }

    friend bool operator==(const View&, const View&) = default;
};

// Something that happened to a change, or to an operator's wish.
struct AdminEvent {
    Step step = Step::completed;  // aborted: also refused at once
    PendingChange change;
    SaAisErrorT result = SA_AIS_OK;    // for the operator, of the last two steps
    std::optional<ViewReport> report;  // what trackers are told; completed: nothing if the node
                                       // is not up
    Step reached = Step::validate;     // aborted: which step that was in
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
    // An operator on `sender` wants something.
    std::vector<AdminEvent> administer(ais_node_id sender,
                                       const AdminRequest& request,
                                       std::uint64_t ticket);
    // The programs of `sender` have answered the step with this invocation.
    std::vector<AdminEvent> step_over(ais_node_id sender,
                                      std::uint64_t invocation,
                                      Verdict verdict);
    // After a regular configuration: what it means for the change.
    std::vector<AdminEvent> settle();
    // The exchange of snapshots ended with this.  Up to two reports.
    std::vector<ViewReport> replace(const View& merged);

    [[nodiscard]] const View& view() const { return view_; }
    // What is left of the view in the present configuration: what is saved.
    [[nodiscard]] View surviving() const;
    // All members, without change.
    [[nodiscard]] ViewReport report() const;
    // A member; nullptr if it is none.
    [[nodiscard]] const Member* find(ais_node_id node) const;
    [[nodiscard]] bool is_member() const { return !view_.is_locked(self_); }
    [[nodiscard]] ais_node_id self() const { return self_; }
    // For the operator: all nodes that are up or have been administered, ascending.
    [[nodiscard]] std::vector<NodeLine> lines() const;
    // The nodes of the last regular configuration, ascending; empty before the first.
    [[nodiscard]] const std::vector<ais_node_id>& nodes() const { return nodes_; }

  private:
    [[nodiscard]] bool is_gone(ais_node_id node) const;
    [[nodiscard]] bool has_newcomers() const;
    [[nodiscard]] std::uint32_t resolve(const AdminRequest& request) const;
    [[nodiscard]] std::string name_of(std::uint32_t node) const;
    [[nodiscard]] ViewReport plan() const;
    std::optional<ViewReport> enter(View next);
    std::optional<ViewReport> set_locked(const PendingChange& change, bool is_locked);
    AdminEvent abort(SaAisErrorT why);
    void begin_step(Step step, std::vector<AdminEvent>& events);
    void advance(std::vector<AdminEvent>& events);

    ais_node_id self_;
    View view_;
    std::vector<ais_node_id> nodes_;
    std::vector<ais_node_id> pending_left_;  // ascending; since the last view began
};

}  // namespace ais::clm
