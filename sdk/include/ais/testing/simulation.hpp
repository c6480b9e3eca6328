// SPDX-License-Identifier: BSD-3-Clause
//
// Workloads of the simulator: what clients do in a cluster that lives in one process, in
// virtual time, under a network and machines that fail as a seed says (ais-sim).
//
// The nodes are whole executives: ring, groups, snapshots, router, sessions, and the plugins that
// the workload names, each loaded once per node.  A workload is a class:
//
//     class Mine : public ais::sim::Workload {
//         void on_node_up(Simulation& sim, ais_node_id node) override;    connect clients
//         void start(Simulation& sim) override;                           begin to do things
//         bool is_settled(Simulation& sim) override;                      nothing is under way
//         void check(Simulation& sim) override;                           sim.fail(...) what is
//         wrong
//     };
//
// and a constant that names it.  In a plugin it is one more interface that the plugin offers:
//
//     class MyService {
//         static constexpr ais::sim::WorkloadTable workload =
//             ais::sim::describe_workload<Mine>("mine", "what it does", plugins);
//         static constexpr ais_interface more_offers[] = {{AIS_WORKLOAD_INTERFACE, &workload}};
//
//     ais-sim --plugin ./mine.so --workload mine --from 1 --seeds 1000
//
// Everything runs in one thread and in one order: no clocks, no randomness but
// Simulation::random(), no iteration over unordered containers or addresses.  Then a
// seed repeats a run.
//
// Not part of the ABI: a workload and ais-sim are built from one version of the SDK, which
// simulation_version checks.

#pragma once

#include <ais/abi/types.h>
#include <ais/bytes.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#define AIS_WORKLOAD_INTERFACE "ais.sim.workload/1"

namespace ais::sim {

// Changes with every change of this file that old objects would not survive.
inline constexpr std::uint32_t simulation_version = 1;

// What a client is told.  A handler outlives its client.
class ClientHandler {
  public:
    virtual ~ClientHandler() = default;
    // `error` is the service's own.  Or AIS_ERR_AGAIN without a body: the kernel did not ask the
    // service, since the node had no ring, or unequal replicas, for too long.
    virtual void on_response(std::uint64_t serial, std::int32_t error, Bytes body) {
        static_cast<void>(serial);
        static_cast<void>(error);
        static_cast<void>(body);
    }
    virtual void on_event(std::uint16_t kind, Bytes body) {
        static_cast<void>(kind);
        static_cast<void>(body);
    }
    // Its executive is gone, or has cut it off.  The client does not exist any more; what it had
    // asked for may or may not have happened.  Not called after close().
    virtual void on_closed(std::string_view why) { static_cast<void>(why); }
};

// A process of one node, connected to one service.  Owned by the simulation.
class Client {
  public:
    // Serial 0: no response is wanted.  False: the request ring is full, try later.
    virtual bool request(std::uint16_t kind, std::uint64_t serial, Bytes body) = 0;
    // The process ends.  What it had sent counts.  The client does not exist any more.
    virtual void close() = 0;
    // A process that does not call dispatch takes no events; it still takes its responses.
    virtual void set_dispatching(bool on) = 0;
    // The flow control state that a library sees: it should send no more now.
    [[nodiscard]] virtual bool is_held_back() const = 0;
    [[nodiscard]] virtual ais_node_id node() const = 0;
    [[nodiscard]] virtual std::uint32_t pid() const = 0;

  protected:
    ~Client() = default;
};

class Simulation {
  public:
    // Nodes are 1 to nodes(), running or not.
    [[nodiscard]] virtual std::uint32_t nodes() const = 0;
    // Its executive is there (it may be paused).
    [[nodiscard]] virtual bool is_up(ais_node_id node) const = 0;
    // Its replicas are equal to those of its ring.
    [[nodiscard]] virtual bool is_synced(ais_node_id node) const = 0;
    // Of its last regular configuration; empty if it has none.
    [[nodiscard]] virtual std::vector<ais_node_id> members(ais_node_id node) const = 0;
    // How many it has had since the simulation began, transitional ones too.  As long as it stays
    // the same, what this node is told is told to all members; afterwards another side may have
    // come to another result, even if the members are the same again.
    [[nodiscard]] virtual std::uint64_t configurations(ais_node_id node) const = 0;

    [[nodiscard]] virtual std::chrono::nanoseconds now() const = 0;
    // Uniform in 0 to bound-1, 0 if bound is 0: the only chance there is.
    virtual std::uint64_t random(std::uint64_t bound) = 0;
    // No more faults: everything is mended, all nodes are started; load should end, so that the
    // cluster can settle.
    [[nodiscard]] virtual bool is_calm() const = 0;
    virtual void after(std::chrono::nanoseconds delay, std::function<void()> action) = 0;

    // A new process on a node connects to a service.  nullptr: the node is not up, or the service
    // has refused.  `pid` 0: a number that the node has not used.
    virtual Client* connect(ais_node_id node,
                            std::uint16_t service_id,
                            Bytes hello,
                            ClientHandler& handler,
                            std::uint32_t pid = 0) = 0;

    // An operator stops the executive of a node in order and starts it again later.  Nothing
    // happens if it is not up.
    virtual void restart(ais_node_id node, std::chrono::nanoseconds down_for) = 0;

    // The replicated state of a service on a node, as it would be sent; empty if the node is not
    // up or has no such service.  (That the bytes are the same on all nodes is checked anyway.)
    [[nodiscard]] virtual std::string save(ais_node_id node, std::uint16_t service_id) = 0;

    // A key of the configuration of all nodes.  In setup() only.
    virtual void configure(std::string_view section,
                           std::string_view key,
                           std::string_view value) = 0;

    // A property does not hold: the run has failed.
    virtual void fail(std::string_view what) = 0;
    // A line of --trace.
    virtual void note(std::string_view what) = 0;
    // Somebody reads the trace; else a note need not be made.
    [[nodiscard]] virtual bool is_traced() const = 0;
    // A node was started without the ring number that it had stored (faults of kind crash): its
    // rings may have sequence numbers again that they have had, though with another salt.
    [[nodiscard]] virtual bool has_lost_ring_number() const = 0;

  protected:
    ~Simulation() = default;
};

class Workload {
  public:
    virtual ~Workload() = default;
    // Before there are nodes: choose parameters, configure.
    virtual void setup(Simulation& sim) { static_cast<void>(sim); }
    // Time begins; no node is up yet.
    virtual void start(Simulation& sim) { static_cast<void>(sim); }
    // An executive was started, at the beginning or after a crash: it takes clients.
    virtual void on_node_up(Simulation& sim, ais_node_id node) {
        static_cast<void>(sim);
        static_cast<void>(node);
    }
    // It is gone, its clients were told before.
    virtual void on_node_down(Simulation& sim, ais_node_id node) {
        static_cast<void>(sim);
        static_cast<void>(node);
    }
    // Asked when it is calm and the ring is whole: is nothing of ours under way any more?  A run in
    // which that never becomes true has failed.
    [[nodiscard]] virtual bool is_settled(Simulation& sim) {
        static_cast<void>(sim);
        return true;
    }
    // At the end, all nodes up, in one ring and equal.
    virtual void check(Simulation& sim) { static_cast<void>(sim); }
};

struct WorkloadTable {
    std::uint32_t struct_size;
    std::uint32_t version;
    const char* name;   // as a plugin's: [a-z][a-z0-9_]*
    const char* about;  // one line
    // Names of the plugins that it needs, ends with nullptr.
    const char* const* plugins;
    // Largest body of a request or an event of its clients, in bytes.  Their memory grows with it.
    std::uint32_t message_max;
    Workload* (*make)();
};

template <typename T>
consteval WorkloadTable describe_workload(const char* name,
                                          const char* about,
                                          const char* const* plugins,
                                          std::uint32_t message_max = 16U << 10) {
    return {sizeof(WorkloadTable),
            simulation_version,
            name,
            about,
            plugins,
            message_max,
            []() -> Workload* { return new T; }};
}

}  // namespace ais::sim

// At global scope, once in a file, followed by `= ais::sim::describe_workload<…>(…);`.
//
// In the tree (plugins/X/workload.cpp, tests/sim/workload/X.cpp; X is the name) the build collects
// the constants.  Outside, AIS_WORKLOAD_PLUGIN=NAME is defined (ais_sdk_add_workload does that),
// and the file becomes a shared object of its own, NAME.so: a plugin that offers the workload and
// nothing else, for `ais-sim --plugin`.  No executive loads it.
#if defined(AIS_WORKLOAD_PLUGIN)
#include <ais/abi/plugin.h>
#define AIS_WORKLOAD_TEXT_(name) #name
#define AIS_WORKLOAD_TEXT(name) AIS_WORKLOAD_TEXT_(name)
namespace ais::sim {
inline ais_status refuse_to_load(const ais_host*, void**) noexcept {
    return AIS_ERR_UNSUPPORTED;
}
inline void never_loaded(void*) noexcept {}
}  // namespace ais::sim
#define AIS_WORKLOAD(name)                                                                  \
    extern "C" const ais::sim::WorkloadTable ais_workload_##name;                           \
    static constexpr ais_interface ais_workload_offers_##name[] = {                         \
        {AIS_WORKLOAD_INTERFACE, &ais_workload_##name}, {nullptr, nullptr}};                \
    extern "C" AIS_EXPORT const struct ais_plugin ais_plugin;                               \
    constinit const struct ais_plugin ais_plugin = {AIS_ABI_MAJOR,                          \
                                                    sizeof(struct ais_plugin),              \
                                                    AIS_WORKLOAD_TEXT(AIS_WORKLOAD_PLUGIN), \
                                                    "1",                                    \
                                                    nullptr,                                \
                                                    ais_workload_offers_##name,             \
                                                    &ais::sim::refuse_to_load,              \
                                                    &ais::sim::never_loaded};               \
    constinit const ais::sim::WorkloadTable ais_workload_##name
#else
#define AIS_WORKLOAD(name)                                        \
    extern "C" const ais::sim::WorkloadTable ais_workload_##name; \
    constinit const ais::sim::WorkloadTable ais_workload_##name
#endif
