// SPDX-License-Identifier: BSD-3-Clause
//
// The kernel as one instance of one plugin sees it: the tables of abi/host.h, group.h, ipc.h,
// timer.h, config.h, node.h and draft/primary.h, and what has to be remembered between their calls.
//
// Everything that comes through these tables comes from a plugin and is checked: sizes,
// nulls, a client that was closed, a timer of somebody else.  A wrong call fails, is
// counted as misuse and logged (PLUGIN-011, the first few); it never asserts.
//
// Invariants:
//   1. clients() are the conns that were opened and are not closed.
//   2. No timer fires after stop().
//
// Threads: none.  All calls come from the kernel's loop.

#pragma once

#include "plugin/calls.hpp"
#include "plugin/kernel.hpp"
#include "totem/types.hpp"

#include <ais/abi/config.h>
#include <ais/abi/group.h>
#include <ais/abi/host.h>
#include <ais/abi/ipc.h>
#include <ais/abi/node.h>
#include <ais/abi/timer.h>

#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace ais::plugin {

// A configuration in the form of the ABI, with the arrays that it points to.
class AbiConfiguration {
  public:
    AbiConfiguration() = default;
    explicit AbiConfiguration(const totem::Configuration& now) { set(now); }
    AbiConfiguration(const AbiConfiguration&) = delete;
    AbiConfiguration& operator=(const AbiConfiguration&) = delete;

    void set(const totem::Configuration& now);
    // Requires: set() was called.
    [[nodiscard]] const ais_configuration& get() const { return abi_; }

  private:
    ais_configuration abi_{};
    std::array<ais_node_id, AIS_NODES_MAX> members_{};
    std::array<ais_node_id, AIS_NODES_MAX> joined_{};
    std::array<ais_node_id, AIS_NODES_MAX> left_{};
};

// An interface that another plugin offers.
struct Offered {
    const void* table = nullptr;
    void* self = nullptr;
};

// Ids that the host tables of this kernel have.  ais.group/1 and ais.ipc/1 are for services.
std::vector<std::string_view> host_interfaces(const Kernel& kernel);

class Host {
  public:
    // Limits: timers of one plugin at a time, parts of one message, bytes of a log line.
    static constexpr std::size_t timers_max = 65536;
    static constexpr std::uint32_t parts_max = 1024;
    static constexpr std::size_t log_line_max = 4096;

    // `service_id` 0: it offers no service.  `needed`: interfaces of other plugins by id.
    // `kernel` and `calls` outlive it.
    Host(const Kernel& kernel,
         Calls& calls,
         std::uint16_t service_id,
         std::map<std::string, Offered, std::less<>> needed);
    ~Host();
    Host(const Host&) = delete;
    Host& operator=(const Host&) = delete;

    // What the plugin gets; its address is its identity.
    [[nodiscard]] const ais_host* abi() const { return &frame_.host; }

    // From the guard.
    void client_opened(ais_conn* conn);
    void client_closed(ais_conn* conn);
    [[nodiscard]] bool knows(ais_conn* conn) const;
    [[nodiscard]] const std::vector<ais_conn*>& clients() const { return clients_; }
    void set_configuration(const totem::Configuration& now);

    // Its clients are another instance's now, or again: no client_close for them.
    void forget_clients() { clients_.clear(); }
    // A build that has not taken over yet says nothing: multicast, respond and notify are refused.
    void set_quiet(bool on) { quiet_ = on; }

    // No more timers: before unload.
    void stop();

    [[nodiscard]] std::uint64_t misuses() const { return misuses_; }
    [[nodiscard]] std::size_t timers() const { return timers_.size(); }

    // A status that a plugin returned: a value this kernel does not know is AIS_ERR_FAILED.
    static ais_status known_status(ais_status status);

  private:
    friend struct HostTables;

    struct Frame {
        ais_host host;
        Host* owner;
    };
    struct Timer {
        TimerId id = 0;  // the loop's
        void (*fire)(void*) = nullptr;
        void* context = nullptr;
    };

    void misuse(std::string_view what);
    void fire(std::uint64_t id);

    const Kernel& kernel_;
    Calls& calls_;
    std::uint16_t service_id_;
    std::map<std::string, Offered, std::less<>> needed_;
    Frame frame_;
    std::vector<ais_conn*> clients_;
    std::unordered_map<std::uint64_t, Timer> timers_;
    std::uint64_t last_timer_ = 0;
    std::uint64_t misuses_ = 0;
    bool has_configuration_ = false;
    bool stopped_ = false;
    bool quiet_ = false;
    bool is_primary_ = true;
    AbiConfiguration configuration_;
};

}  // namespace ais::plugin
