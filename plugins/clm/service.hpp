// SPDX-License-Identifier: BSD-3-Clause
//
// The clm service: what this node says about itself, and what its clients hear of the view.
//
// Clients' requests change nothing that replicas share, so they are answered at
// once from the state; the kernel keeps them away while replicas are being
// made equal.  A client's snapshot and the beginning of its tracking are one
// request, so no change is lost in between.
//
// This node's facts are in the state from the beginning, and travel with its
// snapshot.  When the host tells other facts later they are multicast.
//
// Administration (state.hpp) is the part that goes through the group: an operator's wish is
// multicast, and each step is told to the programs here that asked for such steps; when all
// have answered, have gone, or the time is up, this node says that the step is over.
// So a program costs the cluster at most the time of one step, and only its own node knows it.
//
// Threads: none; all calls come from the kernel's loop.

#pragma once

#include "state.hpp"
#include "wire.hpp"

#include <ais/complaints.hpp>
#include <ais/config_schema.hpp>
#include <ais/host.hpp>
#include <ais/service.hpp>

#include <openais/saAis.h>

#include <chrono>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace ais::clm {

class ClmService {
  public:
    static constexpr std::uint16_t service_id = clm::service_id;
    static constexpr ais_config_key config_keys[] = {
        text_key("clm", "node_name", nullptr, "name of this node; the machine's if it is left out"),
        address_key("clm",
                    "node_address",
                    nullptr,
                    "address of this node, as programs are told; the first ring's if it is left "
                    "out"),
        text_key("clm",
                 "execution_environment",
                 nullptr,
                 "name of the execution environment of this node, for B.04 programs"),
        number_key("clm",
                   "step_timeout",
                   100,
                   600000,
                   "10000",
                   "how long programs of this node may take to answer a step, in milliseconds"),
    };

    explicit ClmService(const ais_host& host);
    ClmService(const ClmService&) = delete;
    ClmService& operator=(const ClmService&) = delete;
    ~ClmService();

    void deliver(ais_node_id sender, std::uint16_t kind, Bytes body);
    void configure(const ais_configuration& now);
    void request(ais_conn* from, std::uint64_t serial, std::uint16_t kind, Bytes body);
    ais_status client_open(ais_conn* who, Bytes hello);
    void client_close(ais_conn* who);
    ais_status save(StateWriter& out);
    ais_status merge(std::span<const SavedState> states);
    // Live replacement: what clients track.
    ais_status save_local(std::span<ais_conn* const> conns, StateWriter& out);
    ais_status restore_local(std::span<ais_conn* const> conns,
                             Bytes saved,
                             std::string_view from_version);
    void dump(std::string& out);

  private:
    struct Client {
        ais_conn* conn = nullptr;
        std::uint32_t pid = 0;
        std::uint32_t track_flags = 0;  // changes or changes_only, and what goes with it; 0: none
        std::uint32_t epoch = 0;
        std::uint64_t awaited = 0;       // the invocation that it has not answered; 0: none
        std::uint64_t admin_serial = 0;  // the operator's request that waits; 0: none
        std::uint64_t admin_ticket = 0;
    };
    // The step that this node has not said to be over.
    struct LocalStep {
        std::uint64_t invocation = 0;  // 0: none
        std::optional<Verdict> due;    // decided, and waiting for room in the send queue
    };

    Client& add_client(ais_conn* who);
    void track(Client& client, std::uint64_t serial, const TrackRequest& wanted);
    void get_node(Client& client, std::uint64_t serial, const NodeRequest& wanted);
    void ask_node(Client& client, std::uint64_t serial, const NodeRequest& wanted);
    void answer(Client& client, std::uint64_t serial, Bytes body);
    void administer(Client& client, std::uint64_t serial, const AdminRequest& wanted);
    void list_nodes(Client& client, std::uint64_t serial);

    void tell(const ViewReport& report);
    // The next are in service_admin.cpp.
    void on_events(const std::vector<AdminEvent>& events);
    void tell_step(const AdminEvent& event, std::uint32_t to_flags, std::uint64_t invocation);
    void begin_step(const AdminEvent& event);
    void end_step();
    void forget(Client& client);
    void check_answers();
    void report_step(Verdict verdict);
    void on_step_timer();
    void end_timer();
    void start_timer(std::chrono::milliseconds delay);
    [[nodiscard]] std::chrono::milliseconds step_timeout() const;
    void warn_of_twins() const;
    void update_facts();
    [[nodiscard]] Facts current_facts(const ais_host& host) const;

    const ais_host& host_;
    host::Log log_;
    host::Group group_;
    host::Ipc ipc_;
    Complaints complaints_;
    host::Config config_;
    host::Timer timer_;
    State state_;
    std::vector<std::unique_ptr<Client>> clients_;  // in the order of their coming
    LocalStep step_;
    std::uint64_t timer_id_ = 0;
    std::uint64_t last_ticket_ = 0;
};

}  // namespace ais::clm
