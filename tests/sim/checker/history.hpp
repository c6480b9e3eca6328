// SPDX-License-Identifier: BSD-3-Clause
//
// What was seen of a cluster from outside, and the properties of extended
// virtual synchrony that it must have.
//
// A history knows nothing of engines: it has what applications see, so the
// same checkers judge any implementation, and traces of real processes
// (trace.hpp).  A *life* is one start of one node: its events from start to
// crash, in their order.  com(c) is a regular configuration c together with
// the transitional one that follows it at the same life.
//
// Properties: Moser, Amir, Melliar-Smith, Agarwal, ICDCS 1994; one file each.
// Two of them need no file: the events of a life are ordered by being written
// down, and "precedes" has no cycle because everything agrees with (ring, seq):
// rings grow along each life (configuration order), seqs within a ring (agreed
// order), and a send has a higher seq than all that its sender saw (causality).
//
// Cost: linear in the events, but for one sort of each ring's messages.  Rings
// and messages are named by small numbers, so that checkers use arrays.

#pragma once

#include "base/time.hpp"
#include "totem/types.hpp"

#include <compare>
#include <cstdint>
#include <map>
#include <memory>
#include <span>
#include <sstream>
#include <string>
#include <unordered_map>
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

    Kind kind = Kind::configure;
    Guarantee guarantee = Guarantee::agreed;
    std::uint32_t configuration = 0;  // configure: index; else the one installed last
    std::uint32_t message = 0;        // send, deliver: index
    std::uint32_t ring = 0;           // deliver: index
    Seq seq = 0;                      // deliver
    Instant at{};
};

struct Life {
    LifeId id;
    std::vector<Event> events;
    bool crashed = false;    // or left
    std::size_t unsent = 0;  // accepted but not sent, at the end
};

// The part of a life in com(c).
struct Span {
    std::size_t life = 0;       // index
    std::size_t place = 0;      // among the life's spans
    std::uint32_t ring = 0;     // index
    std::uint32_t regular = 0;  // configuration index of c
    bool has_transitional = false;
    bool has_next = false;
    std::uint32_t transitional = 0;
    std::uint32_t next = 0;  // ring index
    std::uint32_t next_configuration = 0;
    // Sends and deliveries.
    std::span<const Event> in_regular;
    std::span<const Event> in_transitional;

    // Calls visit(event) for each delivery in com(c), in order.
    template <typename Visit>
    void deliveries(Visit&& visit) const {
        for (const auto& part : {in_regular, in_transitional}) {
            for (const Event& event : part) {
                if (event.kind == Event::Kind::deliver) {
                    visit(event);
                }
            }
        }
    }
    // The same for sends.
    template <typename Visit>
    void sends(Visit&& visit) const {
        for (const auto& part : {in_regular, in_transitional}) {
            for (const Event& event : part) {
                if (event.kind == Event::Kind::send) {
                    visit(event);
                }
            }
        }
    }
};

// Where a message has its place in the order of a ring.
struct Place {
    Seq seq = 0;
    std::uint32_t message = 0;
    auto operator<=>(const Place&) const = default;
};

// The digest of one service's replicated state; equal places must have equal ones.
struct StateDigest {
    std::size_t life = 0;  // index
    std::uint32_t ring = 0;
    std::uint64_t place = 0;
    std::uint64_t digest = 0;
    std::string service;
};

// A life found its regular configuration to have quorum, or not.
struct QuorumOpinion {
    std::size_t life = 0;  // index
    std::uint32_t configuration = 0;
    bool primary = false;
};

class History {
  public:
    // Recording.  Events of one life come in their order.  What breaks the
    // form of a history (an event of a life that was not started) is our
    // harness's bug, and asserted; trace.hpp checks before it records.
    void start(LifeId life);
    void configure(LifeId life, Instant at, const Configuration& now);
    // The message got its place in the order of the ring installed last.
    void send(LifeId life, Instant at, const MessageId& message, Guarantee guarantee);
    void deliver(LifeId life,
                 Instant at,
                 const MessageId& message,
                 Guarantee guarantee,
                 const RingId& ring,
                 Seq seq);
    void end(LifeId life);
    void unsent(LifeId life, std::size_t count);
    // The regular configuration installed last has quorum, or not.
    void quorum(LifeId life, bool primary);
    // `place` is any number that means the same point of the order to all lives
    // in the ring installed last, such as a count of messages of the service.
    void state(LifeId life, std::string_view service, std::uint64_t place, std::uint64_t digest);

    [[nodiscard]] bool has(LifeId life) const { return index_.contains(life); }
    [[nodiscard]] const std::vector<Life>& lives() const { return lives_; }
    [[nodiscard]] const Configuration& configuration(std::size_t at) const {
        return configurations_[at];
    }
    [[nodiscard]] const RingId& ring(std::size_t at) const { return rings_[at]; }
    [[nodiscard]] const MessageId& message(std::size_t at) const { return messages_[at]; }
    [[nodiscard]] const std::vector<StateDigest>& states() const { return states_; }
    [[nodiscard]] const std::vector<QuorumOpinion>& opinions() const { return opinions_; }
    [[nodiscard]] std::size_t deliveries() const { return deliveries_; }
    [[nodiscard]] std::size_t configurations() const { return configurations_.size(); }
    [[nodiscard]] std::size_t rings() const { return rings_.size(); }
    [[nodiscard]] std::size_t messages() const { return messages_.size(); }

    // For the checkers; computed when first asked for after a change.
    [[nodiscard]] const std::vector<Span>& spans() const;
    // What was delivered of a ring by anyone, ascending, each once.
    [[nodiscard]] const std::vector<Place>& order(std::size_t ring) const;

    // Equal for equal histories, times included.
    [[nodiscard]] std::uint64_t digest() const;

    // False: nothing went wrong, so nothing may change.
    bool had_faults = true;
    // False: the history ends in the middle of things, so liveness is not judged.
    bool is_quiet = true;
    // False: times of different nodes cannot be compared.
    bool has_one_clock = true;

  private:
    struct IdHash {
        std::size_t operator()(const LifeId& id) const;
        std::size_t operator()(const MessageId& id) const;
        std::size_t operator()(const RingId& id) const;
    };
    struct Index {
        std::vector<Span> spans;
        std::vector<std::vector<Place>> order;
    };

    std::size_t life(LifeId id) const;
    void add(LifeId id, Event event);
    std::uint32_t index_of(const RingId& ring);
    std::uint32_t index_of(const MessageId& message);
    const Index& index() const;

    std::vector<Life> lives_;
    std::unordered_map<LifeId, std::size_t, IdHash> index_;
    std::vector<Configuration> configurations_;
    std::vector<RingId> rings_;
    std::unordered_map<RingId, std::uint32_t, IdHash> ring_index_;
    std::vector<MessageId> messages_;
    std::unordered_map<MessageId, std::uint32_t, IdHash> message_index_;
    std::vector<StateDigest> states_;
    std::vector<QuorumOpinion> opinions_;
    std::size_t deliveries_ = 0;
    mutable std::unique_ptr<Index> computed_;
};

struct Violations {
    std::vector<std::string> texts;
    template <typename... Parts>
    void add(const Parts&... parts) {
        if (texts.size() >= 50) {
            return;  // one run that went wrong breaks many properties
        }
        std::ostringstream text;
        (text << ... << parts);
        texts.push_back(text.str());
    }
};

std::string name_of(const LifeId& life);
std::string name_of(const MessageId& message);
std::string name_of(const RingId& ring);

// The properties, with their numbers in the paper.
void check_basic_delivery(const History& history, Violations& found);           // 1.3, 1.4
void check_configuration_order(const History& history, Violations& found);      // 2.1 to 2.5
void check_self_delivery(const History& history, Violations& found);            // 3
void check_failure_atomicity(const History& history, Violations& found);        // 4
void check_causality(const History& history, Violations& found);                // 5
void check_agreed_order(const History& history, Violations& found);             // 6.1, 6.2
void check_no_holes(const History& history, Violations& found);                 // 6.3
void check_safe_delivery(const History& history, Violations& found);            // 7.1, 7.2
void check_primary_history(const History& history, Violations& found);          // P1, P2
void check_liveness(const History& history, Violations& found);                 // L1
void check_no_change_without_cause(const History& history, Violations& found);  // L2
void check_same_state(const History& history, Violations& found);

// All of them; each text begins with the property's name.
Violations check_all(const History& history);

}  // namespace ais::sim
