// SPDX-License-Identifier: BSD-3-Clause
//
// The replicated state of cpg: who is a member of which group.
//
// A deterministic function of delivered messages and configurations, equal on
// all nodes of a component; `self` only decides for whom of this node a Change
// is meant.  No host, no clock, no I/O.  Threads: none.
//
// Invariants:
//   1. A group exists while it has members; groups are ordered by name, members
//      by (node, pid).
//   2. A process is a member of a group once, whatever number of handles it has.
//   3. A seat (node, number) sits in at most one group.
//   4. For every member m of group g: seats of m.node at m.seat name g, and vice versa.
//
// Members of nodes that went away are removed at the *regular* configuration,
// not at the transitional one before it: messages of the old ring that come in
// between may be theirs, and belong before the news of their end.

#pragma once

#include "wire.hpp"

#include <ais/abi/types.h>
#include <ais/bytes.hpp>

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace ais::cpg {

struct Member {
    std::uint32_t node = 0;
    std::uint32_t pid = 0;
    std::uint32_t seat = 0;
    std::uint32_t instance = 0;

    friend auto operator<=>(const Member&, const Member&) = default;
};

// A member on this node, as its service finds it.
struct LocalSeat {
    std::uint32_t seat = 0;
    std::uint32_t instance = 0;

    friend auto operator<=>(const LocalSeat&, const LocalSeat&) = default;
};

struct Group {
    std::string name;
    std::vector<Member> members;         // by (node, pid)
    std::uint64_t digest = 0;            // of them (wire.hpp)
    std::vector<LocalSeat> local_seats;  // ascending
};

// All memberships as plain data: what a snapshot holds.
using Membership = std::map<std::string, std::vector<Member>, std::less<>>;

// A change of one group, as its members are told.  It costs what has changed, and
// who hears of it; who the members are is the group's.
struct Change {
    std::string group;
    std::uint64_t digest = 0;  // of the members afterwards
    std::vector<Process> left;
    std::vector<Process> joined;
    // Seats of this node that hear of it: members afterwards, and who has just left by
    // its own wish.
    std::vector<LocalSeat> audience;
    // One of them, whose own join it is: it needs the whole list.
    std::optional<LocalSeat> newcomer;

    // As events of EventKind::change, without the number in front: the same for all who
    // hear of it.  `whole`: the group, for who has no list of it; null for the others.
    // With its number none has more than `bytes_max` bytes (but one entry at least).
    [[nodiscard]] std::vector<std::string> encode(const Group* whole, std::size_t bytes_max) const;
};

class State {
  public:
    explicit State(ais_node_id self) : self_(self) {}
    State(const State&) = delete;
    State& operator=(const State&) = delete;

    // A join or leave was delivered.  Nothing when it means no change: the
    // process is a member already, or was none.
    std::optional<Change> join(ais_node_id sender, const JoinMessage& message);
    std::optional<Change> leave(ais_node_id sender, const LeaveMessage& message);

    // A configuration, of either kind.  One change per group that lost members.
    std::vector<Change> configure(const ais_configuration& now);

    // The exchange of snapshots ended with this.  One change per group that is not
    // as it was.
    std::vector<Change> replace(const Membership& merged);

    // The group of the member on this seat, or null if there is none.  The
    // path of every message: two indices and a short search.
    struct Sender {
        const Group* group = nullptr;
        std::uint32_t pid = 0;
    };
    [[nodiscard]] Sender sender(ais_node_id node, MessageHead head) const;

    [[nodiscard]] const Group* find(std::string_view name) const;
    [[nodiscard]] bool is_member(std::string_view group, ais_node_id node, std::uint32_t pid) const;
    [[nodiscard]] std::size_t group_count() const { return groups_.size(); }
    [[nodiscard]] std::size_t member_count() const;
    [[nodiscard]] ais_node_id self() const { return self_; }

    // The entries after `request.after`, at most `bytes_max` bytes of an encoded
    // page (one entry at least).
    [[nodiscard]] IteratePage iterate(const IterateRequest& request,
                                      std::size_t bytes_max = page_max) const;
    // The members of a group from `request.at` on, as many as are wanted and fit; at
    // least one, if there is one.
    [[nodiscard]] static MembershipPage page(const Group& group,
                                             const MembershipRequest& request,
                                             std::size_t bytes_max = page_max);

    [[nodiscard]] Membership membership() const;
    // The nodes of the last regular configuration, ascending.
    [[nodiscard]] const std::vector<ais_node_id>& nodes() const { return nodes_; }

  private:
    struct Seat {
        Group* group = nullptr;  // null: nobody sits here
        std::uint32_t instance = 0;
        std::uint32_t pid = 0;
    };
    struct NodeSeats {
        ais_node_id node = 0;
        std::vector<Seat> seats;
    };

    [[nodiscard]] const Seat* find_seat(ais_node_id node, std::uint32_t number) const;
    Seat& seat(ais_node_id node, std::uint32_t number);
    Group& group(std::string_view name);
    void insert(Group& group, const Member& member);
    // What else knows of a member that is about to be taken off the list.
    void forget(Group& group, const Member& member);
    [[nodiscard]] static Change describe(const Group& group);
    void erase_if_empty(const Group& group);

    ais_node_id self_;
    std::map<std::string, std::unique_ptr<Group>, std::less<>> groups_;
    std::vector<NodeSeats> seats_;           // ascending nodes
    std::vector<ais_node_id> nodes_;         // of the last regular configuration
    std::vector<ais_node_id> pending_left_;  // since then, from transitional ones
};

}  // namespace ais::cpg
