// SPDX-License-Identifier: BSD-3-Clause
//
// The replicated state of evt: which channels there are, who has them open, and which events
// are kept.  Subscriptions are each node's own business and not in here.
//
// A deterministic function of delivered messages and configurations, equal on all nodes of a
// component; `self` only decides which opens are listed as local.  No host, no clock.
//
// Time.  Events are kept for a duration, and replicas have no common clock.  That an event
// is over is a message of the lowest member, whose timer has fired (service.cpp).  So that a
// node which comes later knows how long the rest lasts, the state has a clock of its own: it is
// moved by `tick` messages, which the lowest member sends about every `tick_interval` while
// something is kept for a finite time.  A deadline is on that clock, rounded up to the next tick:
// never early.
//
// Invariants:
//   1. Names are unique among channels that are not unlinked.
//   2. An unlinked channel has an open: with the last one it goes, and its events with it.
//   3. For every open o of channel c: opens_ has o, and names c.
//   4. index_ names each kept event once.
//
// Threads: none.

#pragma once

#include "wire.hpp"

#include <ais/abi/types.h>

#include <chrono>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace ais::evt {

inline constexpr std::chrono::nanoseconds tick_interval = std::chrono::seconds(1);
// On the state's clock.
inline constexpr std::uint64_t no_deadline = std::numeric_limits<std::uint64_t>::max();

// An open, and also the name of the channel that it created.
struct OpenId {
    std::uint32_t node = 0;
    std::uint64_t number = 0;

    friend auto operator<=>(const OpenId&, const OpenId&) = default;
};

struct Kept {
    std::shared_ptr<const std::string> event;  // encoded
    std::uint64_t id = 0;
    std::uint64_t deadline = no_deadline;
};

struct Channel {
    OpenId id;
    std::string name;
    bool is_unlinked = false;
    std::map<OpenId, std::uint32_t> opens;   // with their flags
    std::vector<std::uint64_t> local_opens;  // numbers, ascending
    std::map<std::uint64_t, Kept> kept;      // by place, in the order of publication
};

// The state as plain data: what a snapshot holds.
struct Image {
    struct Part {
        OpenId id;
        std::string name;
        bool is_unlinked = false;
        std::vector<std::pair<OpenId, std::uint32_t>> opens;  // ascending
        std::vector<Kept> kept;                               // in order
    };
    std::uint64_t clock = 0;
    std::map<std::uint32_t, std::uint64_t> last_ids;  // of events, by node
    std::map<std::uint64_t, std::uint64_t> cleared;   // event id → deadline
    std::vector<Part> channels;                       // by id
};

class State {
  public:
    explicit State(ais_node_id self) : self_(self) {}
    State(const State&) = delete;
    State& operator=(const State&) = delete;

    enum class Opened : std::uint8_t { ok, not_exist, no_resources };
    Opened open(ais_node_id sender, const OpenMessage& message);
    void close(ais_node_id sender, std::uint64_t number);
    // False: there is no channel of this name.
    bool unlink(std::string_view name);
    // Where an event goes that was published through this open; null: it is closed.
    // An event that is to be kept is (`encoded` copied).
    const Channel* publish(ais_node_id sender,
                           std::uint64_t number,
                           const Event& event,
                           Bytes encoded);
    // False: no such event is kept on the channel of this open.
    bool clear(ais_node_id sender, std::uint64_t number, std::uint64_t id);
    void expire(std::span<const std::uint64_t> ids);
    void tick(std::uint64_t elapsed);
    void configure(const ais_configuration& now);

    [[nodiscard]] Image image() const;
    // What a merge gave.  Kept events that this node did not have before, in order.
    struct Gained {
        const Channel* channel = nullptr;
        const Kept* kept = nullptr;
    };
    std::vector<Gained> replace(const Image& merged);

    [[nodiscard]] const Channel* channel_of(OpenId open) const;
    // What is left of an event's or a cleared id's time; SA_TIME_MAX-like for ever.
    [[nodiscard]] std::chrono::nanoseconds remaining(std::uint64_t deadline) const;
    // Ids with a deadline, kept or cleared.
    [[nodiscard]] std::map<std::uint64_t, std::uint64_t> deadlines() const;
    // Until when a cleared id is remembered.
    [[nodiscard]] std::uint64_t cleared_until(std::uint64_t id) const { return cleared_.at(id); }
    [[nodiscard]] bool needs_ticks() const { return finite_ > 0 || !cleared_.empty(); }
    [[nodiscard]] std::uint64_t last_id(ais_node_id node) const;
    [[nodiscard]] ais_node_id self() const { return self_; }
    // Of the last regular configuration, ascending.
    [[nodiscard]] const std::vector<ais_node_id>& nodes() const { return nodes_; }
    [[nodiscard]] std::size_t channel_count() const { return channels_.size(); }
    [[nodiscard]] std::size_t open_count() const { return opens_.size(); }
    [[nodiscard]] std::size_t kept_count() const { return index_.size(); }
    [[nodiscard]] std::size_t kept_bytes() const { return kept_bytes_; }
    [[nodiscard]] const std::map<OpenId, std::unique_ptr<Channel>>& channels() const {
        return channels_;
    }

  private:
    struct Place {
        Channel* channel = nullptr;
        std::uint64_t at = 0;
    };

    Channel& create(OpenId id, std::string_view name);
    void add_open(Channel& channel, OpenId id, std::uint32_t flags);
    void remove_open(OpenId id);
    void erase_if_over(Channel& channel);
    void keep(Channel& channel, Kept kept);
    void drop(std::uint64_t id);

    ais_node_id self_;
    std::map<OpenId, std::unique_ptr<Channel>> channels_;
    std::map<std::string, Channel*, std::less<>> names_;  // without the unlinked
    std::map<OpenId, Channel*> opens_;
    std::map<std::uint64_t, Place> index_;  // kept events by id
    std::map<std::uint64_t, std::uint64_t> cleared_;
    std::map<std::uint32_t, std::uint64_t> last_ids_;
    std::uint64_t clock_ = 0;
    std::uint64_t last_place_ = 0;
    std::size_t finite_ = 0;  // kept events with a deadline
    std::size_t kept_bytes_ = 0;
    std::vector<ais_node_id> nodes_;
    std::vector<ais_node_id> pending_left_;  // since then, from transitional ones
};

}  // namespace ais::evt
