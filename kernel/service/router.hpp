// SPDX-License-Identifier: BSD-3-Clause
//
// The router: a delivered message or a client's request → the right function of
// the right service.
//
// It stands where the two streams meet: group::Receiver (from the ring),
// ipc::Dispatcher (from clients) and sync::Participants (snapshots).  Threads: none.

#pragma once

#include "base/log.hpp"
#include "group/groups.hpp"
#include "ipc/session.hpp"
#include "service/service.hpp"
#include "service/table.hpp"
#include "sync/barrier.hpp"

#include <bitset>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace ais::service {

class Router final : public group::Receiver, public ipc::Dispatcher, public sync::Participants {
  public:
    // `stop_node(why)` is called when this replica cannot be trusted any more.
    Router(Table& table, Log& log, std::function<void(std::string_view)> stop_node);

    // The other half of the wiring; both outlive the router's use.
    void connect(group::Groups& groups, sync::Barrier& barrier);

    // No request is taken from clients while it is on.
    void hold_requests(bool on) { is_held_ = on; }

    // A configuration change, to all services in ascending id order.
    void on_configure(const totem::Configuration& now);

    // group::Receiver.
    void on_message(NodeId sender, std::uint16_t service, std::uint16_t kind, Bytes body) override;
    [[nodiscard]] bool takes_pieces(std::uint16_t service) const override;
    void on_pieces(NodeId sender,
                   std::uint16_t service,
                   std::uint16_t kind,
                   std::span<const ais_bytes> pieces) override;

    // ipc::Dispatcher.
    [[nodiscard]] bool may_request() const override;
    [[nodiscard]] bool is_waiting_to_send() const override;
    [[nodiscard]] bool is_opaque(std::uint16_t service, std::uint16_t kind) const override;
    ais_status on_open(ipc::Session& session, Bytes hello) override;
    void on_request(ipc::Session& session, const ipc::Session::Request& request) override;
    void on_close(ipc::Session& session) override;

    // sync::Participants.
    [[nodiscard]] std::vector<std::uint16_t> synchronised_services() const override;
    [[nodiscard]] ais_status save(std::uint16_t service, std::string& out) override;
    [[nodiscard]] ais_status merge(std::uint16_t service,
                                   std::span<const ais_saved_state> states) override;
    [[nodiscard]] std::string name_of(std::uint16_t service) const override;
    [[nodiscard]] bool in_parts(std::uint16_t service) const override;
    [[nodiscard]] ais_status list(std::uint16_t service, std::vector<sync::Part>& out) override;
    [[nodiscard]] ais_status save_part(std::uint16_t service,
                                       const std::string& name,
                                       std::string& out) override;
    [[nodiscard]] ais_status merge_begin(std::uint16_t service,
                                         std::span<const ais_component> components) override;
    [[nodiscard]] ais_status merge_part(std::uint16_t service,
                                        const std::string& name,
                                        std::span<const ais_part_state> states) override;
    [[nodiscard]] ais_status merge_end(std::uint16_t service, bool commit) override;
    void diverged(std::uint16_t service, std::string_view why) override;

    // Messages for services that this node does not have.
    [[nodiscard]] std::uint64_t unknown_service_messages() const {
        return unknown_service_messages_;
    }
    // Messages that came while replicas were not equal, which no member sends.
    [[nodiscard]] std::uint64_t untimely_messages() const { return untimely_messages_; }

  private:
    [[nodiscard]] Service* receiver_of(NodeId sender, std::uint16_t service);

    Table& table_;
    Log& log_;
    std::function<void(std::string_view)> stop_node_;
    group::Groups* groups_ = nullptr;
    sync::Barrier* barrier_ = nullptr;
    bool is_held_ = false;
    std::uint64_t unknown_service_messages_ = 0;
    std::uint64_t untimely_messages_ = 0;
    std::uint64_t missed_ = 0;  // for the mutation
    std::bitset<service_id_max + 1>
        unknown_services_;  // logged already; 0: those above the maximum
};

}  // namespace ais::service
