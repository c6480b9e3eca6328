// SPDX-License-Identifier: BSD-3-Clause
//
// What waits for one client: its events, by priority, and what becomes of them when it does not
// keep up.
//
// A part of them is *in flight*: handed to the client's ring, not yet dispatched.  Of each
// priority so much is in flight that the library always has the most urgent event at hand, and
// no more, so that a client that sleeps costs the ring and the others nothing.  The rest waits
// here, where it can give way to what is more urgent: so a small queue has a small flight.
//
// In all at most `size` events wait.  When one more comes, the newest of the lowest
// priority gives way if that is lower than the new one's; else the new one is lost.  From
// then on, until no more than `resume` wait, events that would need a place are lost (one
// episode), and each subscription that loses one is told so once, by an event of the highest
// priority (AIS B.01.01: SA_EVT_EVENTID_LOST).
//
// Pure: what is to be handed over is asked for with next().  Threads: none.

#pragma once

#include "wire.hpp"

#include <algorithm>
#include <array>
#include <deque>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <utility>

namespace ais::evt {

using SharedEvent = std::shared_ptr<const std::string>;  // an encoded event

class EventTable;

struct Subscriber {
    std::uint32_t tag = 0;
    std::uint32_t subscription = 0;

    friend auto operator<=>(const Subscriber&, const Subscriber&) = default;
};

class Backlog {
  public:
    // Limit: what is in flight of one priority; no more than half of the queue, and at least one
    // event.
    static constexpr std::size_t flight_events = 128;
    static constexpr std::size_t flight_bytes = 256U << 10;

    Backlog(std::size_t size, std::size_t resume)
        : size_(size),
          resume_(resume),
          flight_max_(std::clamp<std::size_t>(size / 2, 1, flight_events)) {}

    struct Item {
        Subscriber to;
        SharedEvent event;  // null: tell that events were lost
    };

    // May an event of this priority go to the client's ring at once, past the queue?  Then it
    // is in flight.  The way of a client that keeps up: nothing is copied.
    bool pass(std::uint32_t priority, std::size_t bytes);

    // Otherwise: wait here, or be lost.
    void add(std::uint32_t priority, const Subscriber& to, SharedEvent event);

    // The next one that may be handed over, most urgent first; it is in flight then.
    std::optional<Item> next();

    // The client has dispatched so many of this priority.  False: it never had so many.
    bool consume(std::uint32_t priority, std::uint32_t count);

    // A subscription ended (or a whole open: all its subscriptions): nothing of it waits any more.
    void forget(const Subscriber& gone);
    void forget(std::uint32_t tag);

    // Live replacement: all but the limits, which are the configuration's.
    void save(Appender& out, EventTable& events) const;
    // False: it does not decode.
    [[nodiscard]] bool restore(Reader& in, std::span<const SharedEvent> events);

    [[nodiscard]] std::size_t waiting() const { return waiting_; }
    [[nodiscard]] std::uint64_t lost() const { return lost_; }

  private:
    struct Class {
        std::deque<std::size_t> flight;  // bytes of each
        std::size_t flight_bytes = 0;
        std::deque<Item> queue;
    };

    [[nodiscard]] bool has_room(const Class& of, std::size_t bytes) const;
    [[nodiscard]] static std::size_t bytes_of(const Item& item);
    static void launch(Class& of, std::size_t bytes);
    void lose(const Subscriber& to);
    void end_episode_if_over();
    template <typename Gone>
    void erase(Gone gone);

    std::size_t size_;
    std::size_t resume_;
    std::size_t flight_max_;
    std::array<Class, priorities> classes_;
    std::size_t waiting_ = 0;  // in flight and queued, without lost-event notices
    bool losing_ = false;
    std::set<Subscriber> told_;  // in this episode
    std::uint64_t lost_ = 0;
};

}  // namespace ais::evt
