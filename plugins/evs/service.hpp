// SPDX-License-Identifier: BSD-3-Clause
//
// The evs service: a client's multicast goes into the order of the ring, and what
// comes out of it goes to the clients that hear its groups; so do all
// configurations, transitional ones included, in their places among the messages.
//
// There is no replicated state, so neither save nor merge (state.hpp).
//
// Threads: none; all calls come from the kernel's loop.

#pragma once

#include "state.hpp"
#include "wire.hpp"

#include <ais/complaints.hpp>
#include <ais/host.hpp>
#include <ais/service.hpp>

#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>

namespace ais::evs {

class EvsService {
  public:
    static constexpr std::uint16_t service_id = evs::service_id;

    explicit EvsService(const ais_host& host);
    EvsService(const EvsService&) = delete;
    EvsService& operator=(const EvsService&) = delete;

    void deliver(ais_node_id sender, std::uint16_t kind, Bytes body);
    void configure(const ais_configuration& now);
    void request(ais_conn* from, std::uint64_t serial, std::uint16_t kind, Bytes body);
    ais_status client_open(ais_conn* who, Bytes hello);
    void client_close(ais_conn* who);
    // Live replacement: who hears which groups.
    ais_status save_local(std::span<ais_conn* const> conns, StateWriter& out);
    ais_status restore_local(std::span<ais_conn* const> conns,
                             Bytes saved,
                             std::string_view from_version);
    void dump(std::string& out);

  private:
    struct Client {
        State::ClientId id = 0;
        ais_conn* conn = nullptr;
        std::uint32_t pid = 0;
    };
    struct Counters {
        std::uint64_t delivered = 0;  // messages that came out of the order
        std::uint64_t unheard = 0;    // of them, for nobody on this node
    };

    Client& add_client(ais_conn* who);
    void multicast(Client& client, bool is_safe, KeyList groups, Bytes payload);
    void tell_configuration(const Client& client) const;

    host::Log log_;
    host::Group group_;
    host::Ipc ipc_;
    Complaints complaints_;
    State state_;
    std::map<State::ClientId, std::unique_ptr<Client>> clients_;
    State::ClientId last_id_ = 0;
    ConfigurationEvent last_;  // what a new client hears first
    Counters counters_;
};

}  // namespace ais::evs
