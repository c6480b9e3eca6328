// SPDX-License-Identifier: BSD-3-Clause

#include "service/router.hpp"

#include "base/assert.hpp"
#include "base/mark.hpp"
#include "base/mutation.hpp"

#include <bit>
#include <sstream>

namespace ais::service {

Router::Router(Table& table, Log& log, std::function<void(std::string_view)> stop_node)
    : table_(table), log_(log), stop_node_(std::move(stop_node)) {}

void Router::connect(group::Groups& groups, sync::Barrier& barrier) {
    groups_ = &groups;
    barrier_ = &barrier;
}

void Router::on_configure(const totem::Configuration& now) {
    for (Service* service : table_.all()) {
        service->configure(now);
    }
}

void Router::on_message(NodeId sender, std::uint16_t service, std::uint16_t kind, Bytes body) {
    if (service == kernel_service) {
        barrier_->on_message(sender, kind, body);
        return;
    }
    if (Service* const found = receiver_of(sender, service)) {
        found->deliver(sender, kind, body);
    }
}

bool Router::takes_pieces(std::uint16_t service) const {
    const Service* found = table_.find(service);
    return found != nullptr && found->takes_pieces();
}

void Router::on_pieces(NodeId sender,
                       std::uint16_t service,
                       std::uint16_t kind,
                       std::span<const ais_bytes> pieces) {
    if (Service* const found = receiver_of(sender, service)) {
        found->deliver_pieces(sender, kind, pieces);
    }
}

// Null: nobody here gets this message.
Service* Router::receiver_of(NodeId sender, std::uint16_t service) {
    Service* found = table_.find(service);
    if (found == nullptr) {
        ++unknown_service_messages_;
        const std::size_t slot = service <= service_id_max ? service : 0;
        if (!unknown_services_.test(slot)) {
            unknown_services_.set(slot);
            AIS_LOG(log_,
                    warning,
                    "service",
                    "SERVICE-001",
                    "node ",
                    sender.value(),
                    " uses service ",
                    service,
                    ", which this node has not loaded; its messages are counted and dropped here");
        }
        return nullptr;
    }
    if (!barrier_->is_synced()) {
        // Why: all gates are shut now, so only a faulty peer sends this.  All
        // members are at the same place of the order and drop it alike.
        AIS_MARK("router.drops_untimely_message");
        if (std::has_single_bit(++untimely_messages_)) {
            AIS_LOG(log_,
                    warning,
                    "service",
                    "SERVICE-004",
                    "node ",
                    sender.value(),
                    " sent a message of service ",
                    found->name(),
                    " while replicas were being made equal; dropped (",
                    untimely_messages_,
                    " such so far)");
        }
        return nullptr;
    }
    if (AIS_MUTATION(message_missed) && barrier_->self() == NodeId(2) && ++missed_ % 16 == 0) {
        return nullptr;
    }
    return found;
}

bool Router::may_request() const {
    return !is_held_ && barrier_->is_synced() && groups_->has_room();
}

bool Router::is_waiting_to_send() const {
    return groups_->backlog() > 0;
}

bool Router::is_opaque(std::uint16_t service, std::uint16_t kind) const {
    const Service* found = table_.find(service);
    return found != nullptr && found->is_opaque(kind);
}

ais_status Router::on_open(ipc::Session& session, Bytes hello) {
    Service* service = table_.find(session.service());
    if (service == nullptr) {
        AIS_LOG(log_,
                info,
                "service",
                "SERVICE-002",
                "pid ",
                session.peer().pid,
                " asked for service ",
                session.service(),
                ", which is not loaded");
        return AIS_ERR_NOT_FOUND;
    }
    return service->client_open(&session, hello);
}

void Router::on_request(ipc::Session& session, const ipc::Session::Request& request) {
    Service* service = table_.find(session.service());
    AIS_ASSERT(service != nullptr);
    service->request(&session, request.serial, request.kind, request.body);
}

void Router::on_close(ipc::Session& session) {
    Service* service = table_.find(session.service());
    AIS_ASSERT(service != nullptr);
    service->client_close(&session);
}

std::vector<std::uint16_t> Router::synchronised_services() const {
    std::vector<std::uint16_t> ids;
    for (const Service* service : table_.all()) {
        if (service->is_synchronised()) {
            ids.push_back(service->id());
        }
    }
    return ids;
}

ais_status Router::save(std::uint16_t service, std::string& out) {
    Service* found = table_.find(service);
    return found == nullptr ? AIS_ERR_NOT_FOUND : found->save(out);
}

ais_status Router::merge(std::uint16_t service, std::span<const ais_saved_state> states) {
    Service* found = table_.find(service);
    return found == nullptr ? AIS_ERR_NOT_FOUND : found->merge(states);
}

std::string Router::name_of(std::uint16_t service) const {
    const Service* found = table_.find(service);
    return found == nullptr ? std::to_string(service) : std::string(found->name());
}

bool Router::in_parts(std::uint16_t service) const {
    const Service* found = table_.find(service);
    return found != nullptr && found->in_parts();
}

ais_status Router::list(std::uint16_t service, std::vector<sync::Part>& out) {
    Service* found = table_.find(service);
    return found == nullptr ? AIS_ERR_NOT_FOUND : found->list(out);
}

ais_status Router::save_part(std::uint16_t service, const std::string& name, std::string& out) {
    Service* found = table_.find(service);
    return found == nullptr ? AIS_ERR_NOT_FOUND : found->save_part(name, out);
}

ais_status Router::merge_begin(std::uint16_t service, std::span<const ais_component> components) {
    Service* found = table_.find(service);
    return found == nullptr ? AIS_ERR_NOT_FOUND : found->merge_begin(components);
}

ais_status Router::merge_part(std::uint16_t service,
                              const std::string& name,
                              std::span<const ais_part_state> states) {
    Service* found = table_.find(service);
    return found == nullptr ? AIS_ERR_NOT_FOUND : found->merge_part(name, states);
}

ais_status Router::merge_end(std::uint16_t service, bool commit) {
    Service* found = table_.find(service);
    return found == nullptr ? AIS_ERR_NOT_FOUND : found->merge_end(commit);
}

void Router::diverged(std::uint16_t service, std::string_view why) {
    const Service* found = table_.find(service);
    std::ostringstream text;
    text << "service " << (found == nullptr ? "?" : found->name()) << " (" << service
         << "): " << why << "; its state on this node may differ from the other nodes'";
    AIS_LOG(log_, error, "service", "SERVICE-003", text.str());
    stop_node_(text.str());
}

}  // namespace ais::service
