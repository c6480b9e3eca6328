// SPDX-License-Identifier: BSD-3-Clause
//
// One queue: its messages in four priority areas, who has it open, and what has left it.
//
// A message is in one of two conditions.  Waiting: it counts in the usage of its area.  Taken: it
// was promised to a Get of the open that the queue has, keeps its place, and does not count.
//
// What has left it is remembered by each sender's highest id (`removed`), so that a merge can
// tell what was consumed here from what was never here: ids of one sender and priority enter and
// leave in ascending order, but for what is still listed.
//
// Invariants:
//   1. index_ names each message once, with its area and place.
//   2. used and waiting of an area are the sums over its messages that are not taken.
//
// Pure; threads: none.

#pragma once

#include "wire.hpp"

#include <limits>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>

namespace ais::msg {

// On the state's clock.
inline constexpr std::uint64_t no_deadline = std::numeric_limits<std::uint64_t>::max();
// Limit: senders that a queue remembers.
inline constexpr std::size_t removed_max = 1024;

struct Stored {
    MessageId id;
    std::shared_ptr<const std::string> bytes;  // encoded; shared by the queues of a broadcast
    std::uint64_t sender_id = 0;               // whom to answer
    std::uint64_t size = 0;                    // of the data
    bool is_taken = false;
};

// Whose ids ascend: one life of a node's service, one priority.
struct Sender {
    std::uint64_t start = 0;
    std::uint32_t node = 0;
    std::uint8_t priority = 0;

    friend auto operator<=>(const Sender&, const Sender&) = default;
};
using Removed = std::map<Sender, std::uint64_t>;  // the highest number
void forget_oldest(Removed& removed);

class Queue {
  public:
    using Area = std::map<std::uint64_t, Stored>;  // by place

    OpenId id;
    std::string name;
    bool is_unlinked = false;
    Attributes attributes;
    Thresholds thresholds;
    OpenId owner;  // node 0: closed
    std::uint32_t open_flags = 0;
    std::uint64_t closings = 0;  // how often it was closed
    std::int64_t closed_at = 0;  // time of day; 0: it is open, or was never open
    // closed_at is a guess until the next tick: nobody was there to look at a clock.
    bool is_closed_at_guessed = false;
    std::uint64_t deadline = no_deadline;
    std::set<std::string> groups;

    [[nodiscard]] bool is_open() const { return owner.node != 0; }
    [[nodiscard]] bool is_over_when_closed() const {
        return is_unlinked || (!attributes.is_persistent() && attributes.retention == 0);
    }

    // For data of this size.
    [[nodiscard]] bool has_room(std::uint8_t priority, std::uint64_t size) const;
    [[nodiscard]] std::uint64_t room(std::uint8_t priority) const;
    // At the end of its area.  False: a message with this id is there.
    bool add(Stored message, std::uint8_t priority, std::uint64_t place);
    // Null: it is not there, or taken already.
    const Stored* take(const MessageId& id);
    // It has left.  False: it is not there.
    bool remove(const MessageId& id);
    void clear();
    // What was taken waits again.
    void give_back();

    [[nodiscard]] const Stored* find(const MessageId& id) const;
    [[nodiscard]] const std::array<Area, priorities>& areas() const { return areas_; }
    [[nodiscard]] AreaStatus status(std::size_t priority) const;
    // A bit for each area whose usage has reached its threshold and is not down again.
    [[nodiscard]] std::uint8_t reached() const { return reached_; }
    void set_reached(std::uint8_t reached) {
        reached_ = reached;
        crossed_from_.reset();
    }
    // What reached() was before thresholds were crossed; nothing: none was since the last call.
    std::optional<std::uint8_t> take_crossed() {
        return std::exchange(crossed_from_, std::nullopt);
    }
    void set_thresholds(const Thresholds& now);
    [[nodiscard]] std::size_t message_count() const { return index_.size(); }
    [[nodiscard]] std::uint64_t waiting_count() const;
    // What all messages cost in memory, about.
    [[nodiscard]] std::uint64_t stored_bytes() const { return stored_bytes_; }

    Removed removed;

  private:
    struct Place {
        std::uint8_t priority = 0;
        std::uint64_t at = 0;
    };
    void count(std::uint8_t priority, const Stored& message, bool is_more);
    void note_usage(std::size_t priority);
    void note_removed(const MessageId& id, std::uint8_t priority);

    std::array<Area, priorities> areas_;
    std::array<std::uint64_t, priorities> used_{};
    std::array<std::uint32_t, priorities> waiting_{};
    std::uint8_t reached_ = 0;
    std::optional<std::uint8_t> crossed_from_;
    std::map<MessageId, Place> index_;
    std::uint64_t stored_bytes_ = 0;
};

// In front of the message's own bytes.
inline constexpr std::uint64_t message_overhead = 256;

}  // namespace ais::msg
