// SPDX-License-Identifier: BSD-3-Clause
//
// The replicated state of msg: queues with their messages, groups, and who waits for a reply.
//
// A deterministic function of delivered messages and configurations, equal on all nodes of a
// component.  No host, no clock; who waits in Get and who tracks a group is each
// node's own business and not in here.  The rules are in docs/protocol/msg.md.
//
// Time is as in evt: the state has a clock that `tick` messages of the lowest member move while a
// retention runs.  A deadline is on it, rounded up to the next tick: never early.
//
// Invariants:
//   1. Names are unique among queues that are not unlinked, and no group has one of them.
//   2. A queue that is unlinked is open: with its close it goes.
//   3. For every open queue q: opens_[q.owner] is q.
//   4. A group names queues that exist and are not unlinked; each of them names the group.
//   5. Only messages of an open queue are taken.
//
// Threads: none.

#pragma once

#include "image.hpp"
#include "queue.hpp"
#include "wire.hpp"

#include <ais/abi/types.h>

#include <openais/saAis.h>

#include <chrono>
#include <map>
#include <memory>
#include <set>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace ais::msg {

inline constexpr std::chrono::nanoseconds tick_interval = std::chrono::seconds(1);

class State {
  public:
    explicit State(ais_node_id self) : self_(self) {}
    State(const State&) = delete;
    State& operator=(const State&) = delete;

    // OK, NOT_EXIST, EXIST, BUSY, NO_RESOURCES.
    SaAisErrorT open(ais_node_id sender, const OpenMessage& message);
    // `now`: the sender's time of day.
    void close(ais_node_id sender, std::uint64_t number, std::int64_t now);

    struct Sent {
        // OK, NOT_EXIST, QUEUE_NOT_AVAILABLE, QUEUE_FULL, NO_RESOURCES, INVALID_PARAM (a reply is
        // wanted of a broadcast), TRY_AGAIN (it is behind a hole).
        SaAisErrorT error = SA_AIS_OK;
        std::vector<const Queue*> queues;  // where it is now
    };
    // `is_behind_hole`: something before it in the order is lost here (ais.holes/1).
    Sent send(ais_node_id sender,
              const SendMessage& send,
              const Message& message,
              bool is_behind_hole = false);

    // Null: this open does not have the queue, or the message is not there to be taken.
    const Stored* take(ais_node_id sender, const TakeMessage& take);
    void got(ais_node_id sender, const GotMessage& got);
    // NOT_EXIST: nobody waits (any more).  NO_SPACE: it is too big, and the exchange is over.
    SaAisErrorT reply(std::uint64_t sender_id, std::uint64_t size);
    void forget(std::span<const std::uint64_t> sender_ids);

    SaAisErrorT unlink(std::string_view name);
    SaAisErrorT set_retention(ais_node_id sender, std::uint64_t number, std::int64_t retention);
    SaAisErrorT set_thresholds(ais_node_id sender, std::uint64_t number, const Thresholds& now);
    SaAisErrorT group_create(std::string_view name, Policy policy);
    SaAisErrorT group_insert(std::string_view group, std::string_view queue);
    SaAisErrorT group_remove(std::string_view group, std::string_view queue);
    SaAisErrorT group_delete(std::string_view name);

    void expire(std::span<const Closing> closings);
    void tick(std::uint64_t elapsed, std::int64_t now);
    void configure(const ais_configuration& now);

    [[nodiscard]] Image image() const;
    void replace(const Image& merged);

    // What has happened to groups since the last call, by name.
    struct Changed {
        std::vector<std::string> added;
        std::vector<std::string> removed;
        Policy policy = Policy::round_robin;
        bool is_deleted = false;
    };
    std::map<std::string, Changed> take_changes() { return std::exchange(changes_, {}); }

    // Null: there is none of this name (any more).
    [[nodiscard]] const Queue* find_queue(std::string_view name) const;
    [[nodiscard]] const Group* find_group(std::string_view name) const;
    [[nodiscard]] const Queue* queue_of(OpenId open) const;
    // Requires: it exists.
    [[nodiscard]] const Queue& queue(OpenId id) const { return *queues_.at(id); }
    [[nodiscard]] const std::map<OpenId, std::unique_ptr<Queue>>& queues() const { return queues_; }
    [[nodiscard]] const std::map<std::string, Queue*, std::less<>>& names() const { return names_; }
    [[nodiscard]] const std::map<std::string, Group, std::less<>>& groups() const {
        return groups_;
    }
    [[nodiscard]] bool awaits_reply(std::uint64_t sender_id) const {
        return requests_.contains(sender_id);
    }

    // Queues with areas that have crossed a threshold since the last call (or that are gone), and
    // what they had reached before.
    [[nodiscard]] bool has_crossed() const { return !crossed_.empty() || !crossed_groups_.empty(); }
    std::map<OpenId, std::uint8_t> take_crossed() { return std::exchange(crossed_, {}); }
    // Groups with such queues, or with other members than at the last call.
    std::set<std::string> take_crossed_groups() { return std::exchange(crossed_groups_, {}); }
    // A bit for each priority whose area has reached its threshold in all queues of the group; none
    // if it has no members.
    [[nodiscard]] std::uint8_t reached(const Group& group) const;

    // Queues whose retention has begun since the last call.
    std::vector<OpenId> take_started() { return std::exchange(started_, {}); }
    // Of queues whose retention runs: when it is over, on the state's clock.
    [[nodiscard]] std::map<Closing, std::uint64_t> deadlines() const;
    [[nodiscard]] std::chrono::nanoseconds remaining(std::uint64_t deadline) const;
    [[nodiscard]] bool needs_ticks() const { return !closing_.empty() || !guessed_.empty(); }
    // A tick is wanted at once.
    [[nodiscard]] bool has_guessed_times() const { return !guessed_.empty(); }

    [[nodiscard]] ais_node_id self() const { return self_; }
    // Of the last regular configuration, ascending.
    [[nodiscard]] const std::vector<ais_node_id>& nodes() const { return nodes_; }
    [[nodiscard]] std::uint64_t stored_bytes() const { return stored_bytes_; }
    [[nodiscard]] std::size_t request_count() const { return requests_.size(); }

  private:
    Queue& create(OpenId id, std::string_view name);
    Queue* find_open(ais_node_id sender, std::uint64_t number);
    void close(Queue& queue, std::int64_t now);
    void erase(Queue& queue);
    void leave_groups(Queue& queue);
    Changed& note(const Group& group);
    void start_retention(Queue& queue);
    void stop_retention(Queue& queue);
    void note_capacity(Queue& queue);
    bool put(Queue& queue, const Stored& message, std::uint8_t priority);
    Sent send_to_group(ais_node_id sender, Group& group, const Stored& message, std::uint8_t prio);
    Queue* choose(ais_node_id sender, Group& group, std::uint8_t priority);

    ais_node_id self_;
    std::map<OpenId, std::unique_ptr<Queue>> queues_;
    std::map<std::string, Queue*, std::less<>> names_;  // without the unlinked
    std::map<OpenId, Queue*> opens_;
    std::map<std::string, Group, std::less<>> groups_;
    std::map<std::uint64_t, std::uint64_t> requests_;  // sender id → size of the buffer
    std::map<std::string, Changed> changes_;
    // What was refused behind a hole, where another side may have accepted it: the queues' marks
    // say nothing about it.
    std::set<MessageId> refused_;
    std::map<OpenId, std::uint8_t> crossed_;
    std::set<std::string> crossed_groups_;
    std::vector<OpenId> started_;
    std::set<OpenId> closing_;  // queues with a deadline
    std::set<OpenId> guessed_;  // queues whose time of closing is a guess
    std::uint64_t clock_ = 0;
    std::int64_t time_of_day_ = 0;  // the latest that anybody said
    std::uint64_t last_place_ = 0;
    std::uint64_t stored_bytes_ = 0;
    std::vector<ais_node_id> nodes_;
    std::vector<ais_node_id> pending_left_;  // since then, from transitional ones
};

}  // namespace ais::msg
