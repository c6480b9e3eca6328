// SPDX-License-Identifier: BSD-3-Clause
//
// What was seen of a cluster from outside, and the properties of extended
// virtual synchrony that it must have.
//
// A history knows nothing of engines: it has what applications see, so the
// same checkers can judge any implementation and any trace.  A *life* is one
// start of one node: its events from start to crash, in their order.  com(c)
// is a regular configuration c together with the transitional one that
// follows it at the same life.
//
// Properties: Moser, Amir, Melliar-Smith, Agarwal, ICDCS 1994; one file each.

#pragma once

#include "base/time.hpp"
#include "totem/types.hpp"

#include <compare>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace ais::sim {

using totem::Configuration;
using totem::Guarantee;
using totem::RingId;
using totem::Seq;

struct LifeId {
    NodeId node;
    std::uint64_t incarnation = 0;
    auto operator<=>(const LifeId&) const = default;
};

struct MessageId {
    LifeId origin;
    std::uint64_t number = 0;  // counts the messages of that life
    auto operator<=>(const MessageId&) const = default;
};

struct Event {
    enum class Kind : std::uint8_t { configure, send, deliver };

    Kind kind;
    Instant at;
    std::size_t configuration = 0;  // configure: index; else the one installed last
    MessageId message;              // send, deliver
    Guarantee guarantee = Guarantee::agreed;
    RingId ring;  // deliver
    Seq seq = 0;  // deliver
};

struct Life {
    LifeId id;
    std::vector<Event> events;
    bool crashed = false;    // or left
    std::size_t unsent = 0;  // accepted but not sent, at the end
};

class History {
  public:
    // Recording.  Events of one life come in their order.
    void start(LifeId life);
    void configure(LifeId life, Instant at, const Configuration& now);
    void send(LifeId life, Instant at, const MessageId& message, Guarantee guarantee);
    void deliver(LifeId life,
                 Instant at,
                 const MessageId& message,
                 Guarantee guarantee,
                 const RingId& ring,
                 Seq seq);
    void end(LifeId life);
    void unsent(LifeId life, std::size_t count);

    [[nodiscard]] const std::vector<Life>& lives() const { return lives_; }
    [[nodiscard]] const Configuration& configuration(std::size_t at) const {
        return configurations_[at];
    }
    [[nodiscard]] std::size_t deliveries() const { return deliveries_; }
    [[nodiscard]] std::size_t configurations() const { return configurations_.size(); }

    // Equal for equal histories, times included.
    [[nodiscard]] std::uint64_t digest() const;

    // False: nothing went wrong, so nothing may change.
    bool had_faults = true;

  private:
    Life& life(LifeId id);
    void add(LifeId id, Event event);

    std::vector<Life> lives_;
    std::map<LifeId, std::size_t> index_;
    std::vector<Configuration> configurations_;
    std::size_t deliveries_ = 0;
};

// The part of a life in com(c).
struct Span {
    const Life* life = nullptr;
    std::size_t regular = 0;  // configuration index of c
    RingId ring;
    bool has_transitional = false;
    std::size_t transitional = 0;
    bool has_next = false;
    RingId next;
    std::size_t next_configuration = 0;
    std::vector<const Event*> sends;
    std::vector<const Event*> in_regular;       // deliveries
    std::vector<const Event*> in_transitional;  // deliveries

    // All deliveries in com(c), in order.
    [[nodiscard]] std::vector<const Event*> deliveries() const;
};

std::vector<Span> spans_of(const Life& life, const History& history);

struct Violations {
    std::vector<std::string> texts;
    template <typename... Parts>
    void add(const Parts&... parts);
};

std::string name_of(const LifeId& life);
std::string name_of(const MessageId& message);
std::string name_of(const RingId& ring);

// The properties.
void check_basic_delivery(const History& history, Violations& found);
void check_configuration_changes(const History& history, Violations& found);
void check_agreed_order(const History& history, Violations& found);
void check_self_delivery(const History& history, Violations& found);
void check_failure_atomicity(const History& history, Violations& found);
void check_safe_delivery(const History& history, Violations& found);
void check_causality(const History& history, Violations& found);
void check_no_holes(const History& history, Violations& found);
void check_liveness(const History& history, Violations& found);
void check_stability(const History& history, Violations& found);

// All of them; each text begins with the property's name.
Violations check_all(const History& history);

}  // namespace ais::sim

#include <sstream>

template <typename... Parts>
void ais::sim::Violations::add(const Parts&... parts) {
    if (texts.size() >= 50) {
        return;  // one run that went wrong breaks many properties
    }
    std::ostringstream text;
    (text << ... << parts);
    texts.push_back(text.str());
}
