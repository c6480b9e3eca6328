// SPDX-License-Identifier: BSD-3-Clause
//
// One machine: a disk with one number on it, a clock, a socket, and now and then an executive
// with its plugins and clients.
//
// A start of the executive begins a *life*; a crash ends it and leaves the disk.  The executive
// is a service::Node with real plugins in it, behind a real guard: only what surrounds it is
// simulated.  Below it are the real links (kernel/links) with a real crypto backend behind the
// guard, on ports of simulated networks.  All its datagrams go through a tap (service::Tap), so
// that the history has what the ring delivers, datagram by datagram.
//
// Invariant: every call into the node is followed by after_call(), which carries out what may not
// be done inside of it.

#pragma once

#include "base/timers.hpp"
#include "config/tree.hpp"
#include "links/links.hpp"
#include "plugin/guard.hpp"
#include "service/node.hpp"
#include "sim/builds.hpp"
#include "sim/client.hpp"
#include "sim/clock.hpp"
#include "sim/event_queue.hpp"
#include "sim/path_watch.hpp"
#include "sim/port.hpp"
#include "sim/surroundings.hpp"

#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace ais::sim {

// How executives are started.
struct MachineSettings {
    totem::Config totem;
    group::Limits group;
    ipc::Limits ipc;
    std::size_t request_budget = 512;
    Duration compare{};  // NodeOptions
    std::size_t links = 1;
    enum class Mode : std::uint8_t { none, passive, active } mode = Mode::none;
    bool is_multicast = true;
    // Of each node, in order of ids; who has none takes "auto".
    std::vector<std::string> ciphers;
    // A backend that lets nobody speak for others, or nothing of the kind (crypto_none).
    bool is_sealed = false;
    // With one for crypto.
    std::vector<plugin::Chosen> plugins;
    config::Tree tree{"simulated.conf"};
};

class Machine final : private service::Wire,
                      private service::RingStore,
                      private service::Observer,
                      private service::Tap,
                      private links::Receiver,
                      private PortOwner,
                      private Timers,
                      private plugin::NodeFacts,
                      private ClientOwner,
                      private Log {
  public:
    Machine(Surroundings& around, NodeId id, const MachineSettings& settings);
    virtual ~Machine();
    Machine(const Machine&) = delete;
    Machine& operator=(const Machine&) = delete;

    [[nodiscard]] NodeId id() const { return id_; }
    [[nodiscard]] bool is_up() const { return executive_ != nullptr; }
    [[nodiscard]] bool is_paused() const { return paused_; }
    [[nodiscard]] std::uint64_t life() const { return incarnation_; }
    // nullptr: it is not up.
    [[nodiscard]] service::Node* node() const;
    [[nodiscard]] Clock& clock() { return clock_; }

    // Requires: !is_up().  `wiped`: the disk has lost the ring number.
    void start(bool wiped);
    // Requires: is_up().  Clients are told last.
    void crash();
    void leave();
    // As SIGSTOP: datagrams wait (a socket's worth), timers do not fire, clients are not served.
    void pause();
    void resume();
    // An operator replaces one of its services (counted modulo their number) by another build.
    // False: one replacement is under way, or there is nothing that could have the flaw.
    bool replace(std::uint32_t service, Flaw flaw);

    // An operator, or NTP, sets the time of day.
    void step_wall_clock(Duration by) { wall_offset_ += by; }

    // From the network.  from.host is the host that it came from; not valid: from a stranger, who
    // must not be understood if datagrams are sealed.
    struct Source {
        NodeId host;
        Address address = home;
        Instant sent;
    };
    void arrive(totem::LinkId link, const Source& from, Bytes datagram);
    // An interface of this host.  The executive learns of a change as from the system.
    [[nodiscard]] const Interface& interface(totem::LinkId link) const { return interfaces_[link]; }
    void take_down(totem::LinkId link);
    void bring_up(totem::LinkId link);
    void renumber(totem::LinkId link, Address address);
    // The rule about links that come back: nothing has disturbed this path for so long.
    void judge_paths(totem::LinkId link, NodeId peer, Duration undisturbed);
    // Something is due.
    void work();
    // Clients run.
    void dispatch();
    void set_clients_stuck(bool stuck);

    // See Simulation::connect.
    Client* connect(std::uint16_t service, Bytes hello, ClientHandler& handler, std::uint32_t pid);
    [[nodiscard]] std::size_t client_count() const;
    [[nodiscard]] std::string save(std::uint16_t service);
    // The last message of its ring that it has delivered.
    [[nodiscard]] totem::Seq delivered() const { return delivered_; }
    // All that it has sent in this life was delivered to itself.
    [[nodiscard]] bool has_heard_itself() const { return came_back_ == taken_; }
    [[nodiscard]] std::uint64_t configurations() const { return configurations_; }
    // All replicas of this node as they are now, at `seq` of its ring.
    void compare_state(totem::Seq seq);

    // What it has in common with others to understand them.
    std::uint32_t key = 1;
    std::uint8_t wire_version = totem_version;
    static constexpr std::uint8_t totem_version = 1;

  private:
    struct Executive;
    struct Waiting {
        totem::LinkId link;
        Source from;
        std::vector<std::uint8_t> bytes;
    };

    // service::Wire, RingStore, Observer
    void transmit(const totem::Transmit& what) override;
    void flush() override;
    void store(std::uint64_t ring_seq) override;
    void on_configuration(const totem::Configuration& now) override;
    void on_gathering() override;
    void on_stop(std::string_view why) override;
    // service::Tap
    void on_take(MutableBytes stamp, totem::Guarantee guarantee) override;
    void on_deliver(const totem::Deliver& stamped) override;
    void on_configure(const totem::Configuration& now) override;
    // links::Receiver, PortOwner
    void on_datagram(totem::LinkId link, NodeId sender, Bytes plain) override;
    [[nodiscard]] MutableBytes landing() override;
    void depart(totem::LinkId link, Bytes datagram, const std::vector<Target>& to) override;
    void is_led_astray(totem::LinkId link, NodeId node) override;
    // Timers
    [[nodiscard]] Instant now() const override { return clock_.local(around_.world_time()); }
    TimerId start(Instant at, std::function<void()> fire) override;
    bool cancel(TimerId id) override;
    // plugin::NodeFacts
    [[nodiscard]] std::string_view host_name() const override { return host_name_; }
    [[nodiscard]] std::string_view address(std::uint32_t ring) const override;
    [[nodiscard]] std::int64_t boot_time() const override;
    [[nodiscard]] std::int64_t wall_clock() const override;
    // ClientOwner
    void wants_dispatch(SimClient& client) override;
    void rings(SimClient& client) override;
    void has_ended(SimClient& client) override;
    void is_cut_off(SimClient& client, std::string_view why) override;
    void is_finished(SimClient& client) override;
    // Log
    void write(Level level,
               std::string_view subsystem,
               std::string_view id,
               std::string_view text) override;
    [[nodiscard]] bool wants(Level level, std::string_view subsystem) const override;

    [[nodiscard]] LifeId life_id() const { return {id_, incarnation_}; }
    void receive(totem::LinkId link, const Source& from, Bytes datagram);
    void start_links();
    void follow_interfaces();
    void watch_paths();
    Bytes in_our_version(Bytes plain, std::vector<std::uint8_t>& to) const;
    void run_timers();
    void turn();
    bool covered_turn();
    void tell_state();
    void after_call();
    void rearm();
    void step_replacement();
    void call_later(Duration delay, std::function<void()> action);
    void later_with(SimClient& client, Duration delay, std::function<void(SimClient&)> action);
    void remove_client(SimClient& client, bool tell, const std::string& why);
    void end_life();
    void compare_when_synced();

    Surroundings& around_;
    const NodeId id_;
    const MachineSettings& settings_;
    const std::string host_name_;
    const std::string address_;
    Duration wall_offset_{};
    std::vector<Interface> interfaces_;  // by link
    totem::Seq delivered_ = 0;
    std::uint64_t stored_ring_seq_ = 0;
    Clock clock_;
    std::uint32_t next_pid_ = 100;
    std::uint64_t last_client_ = 0;

    // Of the present life.
    std::vector<std::unique_ptr<Build>> builds_;  // that are or were running, or were refused
    std::unique_ptr<Executive> executive_;
    std::uint64_t incarnation_ = 0;
    std::uint64_t taken_ = 0;      // numbers the datagrams
    std::uint64_t came_back_ = 0;  // of them, the last that was delivered here
    bool paused_ = false;
    bool stuck_ = false;
    std::deque<Waiting> waiting_;
    std::vector<std::uint8_t> arrived_;     // opened in place
    std::vector<std::uint8_t> altered_in_;  // of another version
    std::vector<std::uint8_t> altered_out_;
    bool is_from_stranger_ = false;
    std::vector<std::string> broken_rules_;
    std::optional<Instant> armed_;  // of the world
    std::string stopped_because_;
    std::string told_state_;  // in the trace
    TimerId last_timer_ = 0;
    std::map<std::pair<Instant, TimerId>, std::function<void()>> timers_;
    std::map<TimerId, Instant> timer_times_;
    bool is_compared_ = false;  // state, in this configuration
    bool in_regular_ = false;
    std::uint64_t configurations_ = 0;
};

}  // namespace ais::sim
