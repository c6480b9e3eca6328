// SPDX-License-Identifier: BSD-3-Clause
//
// One node without an operating system: engine, groups, sync, router and
// clients, wired together.  The daemon gives it sockets, a clock and a file for the ring
// number; the simulator gives it a queue of events.
//
// Everything that happens to a node is one of four calls: a datagram came, time
// passed, a client wrote (Sessions::on_wake), and turn(), which does the work
// that a whole batch of events is worth doing for.  Effects of the engine are
// carried out in the order in which they are emitted.
//
// Why turn(): an Effects or a Source must not call back into the engine, so
// what services multicast while they are delivered to is seen by the engine in the next
// turn; and requests, wake-ups of clients and datagrams are cheaper in batches.
//
// Threads: none.

#pragma once

#include "base/log.hpp"
#include "base/time.hpp"
#include "group/groups.hpp"
#include "ipc/session.hpp"
#include "service/router.hpp"
#include "service/table.hpp"
#include "sync/barrier.hpp"
#include "totem/engine.hpp"

#include <ais/bytes.hpp>

#include <optional>
#include <string>

namespace ais::service {

// Towards the network: kernel/links, or the simulator's.
class Wire {
  public:
    virtual void transmit(const totem::Transmit& what) = 0;
    virtual void flush() = 0;

  protected:
    ~Wire() = default;
};

// Remembers the highest ring number; must not block.
class RingStore {
  public:
    virtual void store(std::uint64_t ring_seq) = 0;

  protected:
    ~RingStore() = default;
};

// What the owner of a node wants to know.
class Observer {
  public:
    // Of both kinds, after the services have seen it.
    virtual void on_configuration(const totem::Configuration& now) = 0;
    // The ring is over and the next one not yet agreed upon.
    virtual void on_gathering() = 0;
    // This replica cannot be trusted any more: say leave() when this call is over,
    // and end the process.  The services see nothing from now on.  Comes from
    // inside another call: must not call the node.
    virtual void on_stop(std::string_view why) = 0;

  protected:
    ~Observer() = default;
};

// Sees every payload of the ring on its way, for a simulator that judges the order: it puts a
// stamp in front of what is sent, and finds it again in front of what is delivered.  All nodes of
// a ring have one, or none.  Must not call the node.
class Tap {
  public:
    static constexpr std::size_t stamp_size = 20;
    // The ring takes a payload of ours now.  Fill the stamp; with NodeOptions::tap_stamps false
    // this is the payload itself, and must not be changed.
    virtual void on_take(MutableBytes stamp, totem::Guarantee guarantee) = 0;
    // Before the groups get it; stamp included.
    virtual void on_deliver(const totem::Deliver& stamped) = 0;
    // Before groups, services and observer see it.
    virtual void on_configure(const totem::Configuration& now) = 0;

  protected:
    ~Tap() = default;
};

struct NodeOptions {
    totem::Config totem;
    totem::Engine::Identity identity;
    group::Limits group;
    // Requests of clients taken in one turn, so that the token never waits
    // long behind them.
    std::size_t request_budget = 512;
    Tap* tap = nullptr;  // outlives the node
    // False: the tap only looks.  It is given payloads as they are and leaves no mark in them,
    // so that others need none.
    bool tap_stamps = true;
    // While replicas are not equal, requests of clients wait so long; then they are answered
    // "try again".
    Duration request_wait = std::chrono::seconds(10);
    // How often replicas that should be equal are compared; zero: never.
    Duration compare = Duration::zero();
};

class Node final : private totem::Effects {
  public:
    // All references outlive it.  Services are added to table() before start().
    Node(const NodeOptions& options, Wire& wire, RingStore& store, Observer& observer, Log& log);
    ~Node();
    Node(const Node&) = delete;
    Node& operator=(const Node&) = delete;

    [[nodiscard]] Table& table() { return table_; }
    [[nodiscard]] group::Groups& groups() { return groups_; }
    [[nodiscard]] ipc::Sessions& sessions() { return sessions_; }
    [[nodiscard]] const totem::Engine& engine() const { return engine_; }
    [[nodiscard]] const sync::Barrier& barrier() const { return barrier_; }
    [[nodiscard]] NodeId self() const { return self_; }

    void start(Instant now);
    void on_datagram(Instant now, totem::LinkId link, NodeId sender, Bytes datagram);
    // A client may speak again at once (ipc::Sessions), and nothing that it said waits here.
    [[nodiscard]] bool expects_a_caller() {
        return sessions_.has_served_a_caller() && groups_.backlog() == 0;
    }
    // Where a datagram that is handed over next would be kept (Engine::landing).
    [[nodiscard]] MutableBytes landing() { return stopped_ ? MutableBytes() : engine_.landing(); }
    // A token may be in what is handed over next: takes what clients have written by now, so
    // that it goes with this visit.  Not needed for order, only for speed.
    void before_control(Instant now);
    // The operating system noticed something (Engine::hint).
    void on_hint(Instant now, NodeId peer, totem::LinkId link, totem::Hint what);
    // Everything that is due or worth doing; true: there is more, come back
    // without sleeping.
    bool turn(Instant now);
    // When turn() has work of its own.
    [[nodiscard]] std::optional<Instant> deadline() const;
    // No request of a client is taken, for a moment: live replacement.
    void hold_requests(bool on) { router_.hold_requests(on); }
    // Say goodbye to the ring, also after on_stop.  Only the observers and the
    // destructor follow.
    void leave(Instant now);
    [[nodiscard]] bool is_stopped() const { return stopped_; }

    // Several lines: ring, queues, counters, services (SIGUSR2).
    [[nodiscard]] std::string describe() const;

  private:
    // The groups, or the groups behind a tap.
    struct TappedSource final : totem::Source {
        TappedSource(group::Groups& the_groups, Tap* the_tap, std::size_t the_stamp)
            : groups(the_groups), tap(the_tap), stamp(the_stamp) {}
        [[nodiscard]] std::size_t backlog() const override { return groups.backlog(); }
        std::size_t take(MutableBytes room, totem::Guarantee& guarantee) override;
        [[nodiscard]] std::uint64_t messages_taken() const override {
            return groups.messages_taken();
        }
        group::Groups& groups;
        Tap* tap;
        std::size_t stamp;  // bytes in front of each payload
    };

    void emit(const totem::Effect& effect) override;
    void before_free(totem::Seq last) override { groups_.before_free(last); }
    void deliver(const totem::Deliver& message);
    void configure(const totem::Configuration& now);
    void stop(std::string_view why);

    NodeId self_;
    void refuse_what_waited_too_long(Instant now);

    std::size_t request_budget_;
    Duration request_wait_;
    std::optional<Instant> unequal_since_;
    std::optional<Instant> refuse_at_;  // requests that wait are looked at then
    Wire& wire_;
    RingStore& store_;
    Observer& observer_;
    bool stopped_ = false;
    bool was_operational_ = false;  // at the last turn
    bool left_ = false;

    Table table_;
    Router router_;
    group::Groups groups_;
    sync::Barrier barrier_;
    ipc::Sessions sessions_;
    TappedSource source_;
    totem::Engine engine_;
};

}  // namespace ais::service
