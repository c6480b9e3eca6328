// SPDX-License-Identifier: BSD-3-Clause
//
// A cluster of whole executives in one process, in virtual time.
//
// One queue of events and one generator for all chance: equal parameters give equal runs, and
// an equal trace.  It knows nothing of faults (nemesis/) and workloads (workload/): both act on
// it from outside.

#pragma once

#include "base/prng.hpp"
#include "sim/checker/history.hpp"
#include "sim/event_queue.hpp"
#include "sim/machine.hpp"
#include "sim/network.hpp"
#include "sim/surroundings.hpp"

#include <ais/testing/simulation.hpp>

#include <functional>
#include <memory>
#include <ostream>
#include <string>
#include <vector>

namespace ais::sim {

// What a run has cost and done.
struct ClusterStats {
    std::uint64_t datagrams = 0;  // delivered to a machine
    std::uint64_t events = 0;
    std::uint64_t replays = 0;
    std::uint64_t garbage = 0;
    std::uint64_t ends = 0;  // of executives
};

class Cluster final : public Simulation, private Surroundings {
  public:
    static constexpr std::size_t violations_max = 50;

    // `trace`: nullptr, or where each transition is a line.
    Cluster(std::uint64_t seed, std::size_t nodes, MachineSettings settings, std::ostream* trace);
    virtual ~Cluster();
    Cluster(const Cluster&) = delete;
    Cluster& operator=(const Cluster&) = delete;

    // The workload is told of nodes that come and go; outlives the cluster's use.
    void set_workload(Workload& workload) { workload_ = &workload; }
    void set_coverage(Coverage* coverage) { coverage_ = coverage; }
    [[nodiscard]] MachineSettings& settings() { return settings_; }

    [[nodiscard]] Network& network() { return network_; }
    [[nodiscard]] History& history() override { return history_; }
    [[nodiscard]] Prng& prng() override { return prng_; }
    [[nodiscard]] const ClusterStats& stats() const { return stats_; }
    [[nodiscard]] std::uint64_t state_digests() const { return history_.states().size(); }
    [[nodiscard]] const std::vector<std::string>& violations() const { return violations_; }

    // Time since the beginning.
    [[nodiscard]] Duration age() const { return now_ - begin_; }
    void at(Duration age, std::function<void()> action);
    void run_until(Duration age);

    // Machines, by id 1 to nodes().
    [[nodiscard]] Machine& machine(NodeId id) { return *machines_[id.value() - 1]; }
    void start(NodeId id, bool wiped);
    // Requires: it is up.  A leave says goodbye to the ring.
    void crash(NodeId id, bool says_goodbye);

    [[nodiscard]] Instant world_now() const { return now_; }
    // Its clock has changed: it looks at its timers again.
    void poke(NodeId id);

    // Datagrams that are wrong, as faults want them.
    void send_garbage(NodeId to);
    // One that was for the receiver, from another place; if nothing keeps it from being opened
    // twice, one that it had lost, or had got in a former life.  False: there is none.
    bool replay(NodeId to);
    // How many datagrams are kept for that; 0: none are.
    void keep_for_replay(std::size_t count) { kept_max_ = count; }

    // No more faults.
    void set_calm() { calm_ = true; }
    // All nodes are up, in one ring, equal, and nothing waits to be sent.
    [[nodiscard]] bool is_whole() const;
    // And nothing is on its way: all have delivered the same.
    [[nodiscard]] bool is_quiet() const;
    // Why it is not whole, in words.
    [[nodiscard]] std::string why_not_whole() const;
    // At the end: last comparison of states, and what was never sent.
    void close();

    void tell(NodeId node, std::string_view what, std::string_view text) override;
    [[nodiscard]] bool is_traced() const override { return trace_ != nullptr; }
    void fail(std::string_view what) override;

    // Simulation
    [[nodiscard]] std::uint32_t nodes() const override {
        return static_cast<std::uint32_t>(machines_.size());
    }
    [[nodiscard]] bool is_up(ais_node_id node) const override;
    [[nodiscard]] bool is_synced(ais_node_id node) const override;
    [[nodiscard]] std::vector<ais_node_id> members(ais_node_id node) const override;
    [[nodiscard]] std::uint64_t configurations(ais_node_id node) const override;
    [[nodiscard]] std::uint64_t random(std::uint64_t bound) override { return prng_.below(bound); }
    [[nodiscard]] bool is_calm() const override { return calm_; }
    [[nodiscard]] bool has_lost_ring_number() const override { return has_lost_ring_number_; }
    [[nodiscard]] std::chrono::nanoseconds now() const override { return age(); }
    void after(std::chrono::nanoseconds delay, std::function<void()> action) override;
    Client* connect(ais_node_id node,
                    std::uint16_t service_id,
                    Bytes hello,
                    ClientHandler& handler,
                    std::uint32_t pid) override;
    void restart(ais_node_id node, std::chrono::nanoseconds down_for) override;
    [[nodiscard]] std::string save(ais_node_id node, std::uint16_t service_id) override;
    void configure(std::string_view section, std::string_view key, std::string_view value) override;
    void note(std::string_view what) override;

  private:
    struct Kept {
        NodeId from;
        NodeId to;
        totem::LinkId link;
        Instant sent;
        std::uint64_t life;  // of the receiver, if it got it; 0: it did not
        std::vector<std::uint8_t> bytes;
    };

    // Surroundings, as far as it is not public.
    [[nodiscard]] Instant world_time() const override { return now_; }
    Coverage* coverage() override { return coverage_; }
    void transmit(NodeId from,
                  totem::LinkId link,
                  Bytes datagram,
                  const std::vector<Target>& to) override;
    [[nodiscard]] std::size_t nodes_max() const override { return nodes_max_; }
    void wake_at(NodeId node, std::uint64_t life, Instant at) override;
    void dispatch_at(NodeId node, std::uint64_t life, Instant at) override;
    void call_at(NodeId node, std::uint64_t life, Instant at, std::function<void()>) override;

    void send(totem::LinkId link, Machine& from, Machine& to, Bytes bytes, Datagram*& shared);
    void keep(const Kept& what, Bytes bytes);
    void arrive_from_a_stranger(
        NodeId to, totem::LinkId link, NodeId as, Instant sent, Bytes bytes);
    void fill_with_chance(std::vector<std::uint8_t>& bytes, std::size_t size);
    void run(Happening& what);
    [[nodiscard]] const Machine* find(ais_node_id node) const;

    Prng prng_;
    Network network_;
    MachineSettings settings_;
    History history_;
    EventQueue queue_;
    std::ostream* trace_;
    Workload* workload_ = nullptr;
    Coverage* coverage_ = nullptr;
    Instant begin_;
    Instant now_;
    bool calm_ = false;
    bool has_lost_ring_number_ = false;
    ClusterStats stats_;
    std::vector<std::string> violations_;
    std::vector<Instant> arrivals_;
    std::size_t nodes_max_;
    std::size_t kept_max_ = 0;
    std::size_t next_kept_ = 0;
    std::vector<Kept> kept_;
    std::vector<std::unique_ptr<Machine>> machines_;
};

}  // namespace ais::sim
