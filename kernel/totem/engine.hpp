// SPDX-License-Identifier: BSD-3-Clause
//
// The Totem single-ring protocol as a machine without hands.
//
// An Engine is one processor of one ring.  It owns no socket, no clock and no
// file: bytes, time and the stored ring number come in as arguments, and every
// wish it has leaves as an Effect.  Equal inputs give equal effects, so a
// cluster of engines can be run, replayed and checked inside one process.
//
// Paper: Amir, Moser, Melliar-Smith, Agarwal, Ciarfella, TOCS 13(4), 1995; the
// accelerated ring after Babay and Amir, ICDCS 2016; configurations after
// Moser, Amir, Melliar-Smith, Agarwal, ICDCS 1994 (extended virtual synchrony).
// One file per state: operational.cpp, gather.cpp, commit.cpp, recovery.cpp.
// Wire format: docs/protocol/totem_wire.md.
//
// Threads: none.  All calls come from the kernel loop; an Effects or Source
// must not call back into the engine.
//
// Invariants:
//   1. Messages are delivered in seq order, without gaps, within a ring.
//   2. A Persist effect precedes every Transmit that depends on it.
//   3. Between two regular configurations there is exactly one transitional.
//   4. A safe message is delivered in a regular configuration only when every
//      member of it is known to have it.

#pragma once

#include "base/log.hpp"
#include "base/time.hpp"
#include "totem/config.hpp"
#include "totem/types.hpp"

#include <ais/bytes.hpp>

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

namespace ais::totem {

struct Stats;
enum class Hint : std::uint8_t;   // detector.hpp
enum class Phase : std::uint8_t;  // state.hpp

// What a datagram is, so that links can choose socket, link and order.
enum class Traffic : std::uint8_t {
    data,     // multicast messages; many per visit, may wait for a batch
    token,    // regular and commit tokens: everything emitted before goes out first
    control,  // join, merge detect, hold cancel
};

// What the engine wants done.  Views are valid until emit() returns.
struct Persist {
    std::uint64_t ring_seq;
};
struct Transmit {
    std::optional<NodeId> to;  // nullopt: to all (never to ourselves)
    Traffic traffic;
    Bytes datagram;
    bool is_repeat = false;  // data that somebody has asked for again
};
struct Deliver {
    NodeId sender;
    RingId ring;
    Seq seq;
    Guarantee guarantee;
    // What the sender's Source::take gave.  Stays where it is longer than the call: until
    // Effects::before_free() or the next regular configuration.
    Bytes payload;
    // A message before it in the ring's order is lost to all who move together: others may have
    // delivered it in between.  In transitional configurations only.
    bool is_behind_hole = false;
};
struct Configure {
    const Configuration* now;
};

using Effect = std::variant<Persist, Transmit, Deliver, Configure>;

// Receives effects in the order in which they must happen.
class Effects {
  public:
    virtual void emit(const Effect& effect) = 0;

    // The messages of the installed ring up to `last` are forgotten when this returns, and their
    // payloads with them.
    virtual void before_free(Seq last) { static_cast<void>(last); }

  protected:
    ~Effects() = default;
};

// Where payloads come from: asked at every visit of the token, as late as
// possible, so that small messages share a datagram (group/packer).
class Source {
  public:
    // How many datagrams of payload_max bytes take() could fill now, about;
    // 0 if and only if take() has nothing.
    [[nodiscard]] virtual std::size_t backlog() const = 0;
    // Write the next payload to `room` and say how long it is (never 0 unless
    // backlog() is 0) and which guarantee it wants.
    virtual std::size_t take(MutableBytes room, Guarantee& guarantee) = 0;
    // How many messages of clients take() has taken to their end since the start: many of them may
    // share a payload.  A source that does not say has one in each.
    [[nodiscard]] virtual std::uint64_t messages_taken() const { return 0; }

  protected:
    ~Source() = default;
};

class Engine {
  public:
    struct Identity {
        NodeId self;
        // Random, new at every start: nobody takes us for our former self.
        std::uint64_t incarnation = 0;
        // The last value persisted by this node, or 0 if there was none.
        std::uint64_t stored_ring_seq = 0;
        // Seeds the jitter of joins.
        std::uint64_t seed = 0;
    };

    // Requires: config.validate() is ok, identity.self is valid.  `source` and
    // `log` outlive the engine.
    Engine(const Config& config, const Identity& identity, Source& source, Log& log);
    ~Engine();
    Engine(const Engine&) = delete;
    Engine& operator=(const Engine&) = delete;

    // Enter Gather and start looking for others.
    void start(Instant now, Effects& out);

    // One datagram arrived from `from`, authenticated by the crypto plugin.
    // Anything may be in it all the same: a bad one is counted in stats() and
    // dropped, never trusted and never fatal.
    void receive(Instant now, LinkId link, NodeId from, Bytes datagram, Effects& out);

    // Where receive() would keep the next datagram if it were data that is new: who opens it to
    // there, from its first byte, spares a copy.  Anything may be written to it.  Empty: nowhere.
    // Valid until the next call.
    [[nodiscard]] MutableBytes landing();

    // The operating system noticed something about `peer` (not valid: about all
    // that are reached by `link`).  A hint never excludes anybody: it makes us ask.
    void hint(Instant now, NodeId peer, LinkId link, Hint what, Effects& out);

    // Time passed.  Early and repeated calls do nothing.
    void expire(Instant now, Effects& out);

    // When expire() next has work.  May change after every other call.
    [[nodiscard]] std::optional<Instant> deadline() const;

    // The source's backlog is no longer 0: end a hold of the token.
    void wake(Instant now, Effects& out);

    // While true, this node asks the ring to pass no new messages: its clients
    // do not keep up (docs/protocol/flow.md).  Effective from the next visit
    // of the token.
    void set_congested(bool congested);

    // Tell the others that we go, so that they need not wait for a timeout.
    // No call but the destructor and the observers may follow.
    void leave(Instant now, Effects& out);

    // Bytes that one take() may fill.
    [[nodiscard]] std::size_t payload_max() const;

    // Observers, for logs, status and tests.
    [[nodiscard]] bool is_operational() const;
    [[nodiscard]] Phase phase() const;
    // The ring whose token is passed on: the installed one, in Recovery the one that is formed.
    [[nodiscard]] const RingId& current_ring() const;
    [[nodiscard]] const Configuration& configuration() const;  // the last regular one
    // Why `node` was left out of the ring that came last, in words for a log; empty if
    // that is not known (it may have restarted, or gone its own way).
    [[nodiscard]] std::string_view why_left(NodeId node) const;
    [[nodiscard]] const Stats& stats() const;
    [[nodiscard]] std::string describe() const;  // several lines, for SIGUSR2 and traces

  private:
    struct State;
    std::unique_ptr<State> state_;
};

}  // namespace ais::totem
