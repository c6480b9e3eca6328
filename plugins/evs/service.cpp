// SPDX-License-Identifier: BSD-3-Clause

#include "service.hpp"

#include "include/evs.h"

#include <utility>

namespace ais::evs {
namespace {

constexpr std::uint32_t local_version = 1;

constexpr std::uint16_t number_of(EventKind kind) {
    return static_cast<std::uint16_t>(kind);
}

std::int32_t to_error(Outcome outcome) {
    switch (outcome) {
        case Outcome::done:
            return EVS_OK;
        case Outcome::too_many:
            return EVS_ERR_TOO_MANY_GROUPS;
        case Outcome::not_joined:
            return EVS_ERR_NOT_EXIST;
    }
    return EVS_ERR_LIBRARY;
}

}  // namespace

EvsService::EvsService(const ais_host& host)
    : log_(host), group_(host), ipc_(host), complaints_(host, "EVS-001", "EVS-002") {}

void EvsService::deliver(ais_node_id sender, std::uint16_t kind, Bytes body) {
    Reader in(body);
    KeyList groups;
    if (static_cast<MessageKind>(kind) != MessageKind::message || !KeyList::decode(in, groups)) {
        complaints_.malformed(sender, kind);
        return;
    }
    ++counters_.delivered;
    const auto listeners = state_.listeners(groups);
    if (listeners.empty()) {
        ++counters_.unheard;
        return;
    }
    std::uint8_t space[DeliveryHead::size];
    Writer head(space);
    DeliveryHead{sender, 0}.encode(head);
    for (const State::ClientId id : listeners) {
        ipc_.notify(
            clients_.at(id)->conn, number_of(EventKind::message), head.written(), in.rest());
    }
}

void EvsService::configure(const ais_configuration& now) {
    const auto list = [](std::span<const ais_node_id> nodes) {
        return std::vector<std::uint32_t>(nodes.begin(), nodes.end());
    };
    const ConfigurationEvent event{list(members(now)), list(left(now)), list(joined(now))};
    Appender body;
    event.encode(body);
    for (const auto& [id, client] : clients_) {
        ipc_.notify(client->conn, number_of(EventKind::configuration), body.written());
    }
    // A client that comes between the two hears what was before them, and then the regular one.
    if (now.kind == AIS_CONFIGURATION_REGULAR) {
        last_ = event;
    }
}

ais_status EvsService::client_open(ais_conn* who, Bytes hello_bytes) {
    Hello hello;
    if (!Hello::decode(hello_bytes, hello)) {
        return AIS_ERR_CORRUPT;
    }
    if (hello.version != wire_version) {
        return AIS_ERR_UNSUPPORTED;
    }
    tell_configuration(add_client(who));
    return AIS_OK;
}

EvsService::Client& EvsService::add_client(ais_conn* who) {
    auto added = std::make_unique<Client>();
    Client& client = *added;
    client.id = ++last_id_;
    client.conn = who;
    client.pid = ipc_.peer(who).pid;
    ipc_.set_context(who, &client);
    clients_.emplace(client.id, std::move(added));
    return client;
}

//   version u32, n u32, n × groups (a group as often as it was joined), in the order of the conns
ais_status EvsService::save_local(std::span<ais_conn* const> conns, StateWriter& out) {
    Appender saved;
    saved.u32(local_version);
    saved.u32(static_cast<std::uint32_t>(conns.size()));
    for (ais_conn* conn : conns) {
        const auto* client = ipc_.context<Client>(conn);
        const auto keys = client != nullptr ? state_.all_joins(client->id) : std::vector<Key>();
        saved.u32(static_cast<std::uint32_t>(keys.size()));
        for (const Key& key : keys) {
            saved.bytes(key);
        }
    }
    return out.write(saved.written());
}

ais_status EvsService::restore_local(std::span<ais_conn* const> conns,
                                     Bytes saved,
                                     std::string_view) {
    Reader in(saved);
    if (in.u32() != local_version || in.u32() != conns.size()) {
        return AIS_ERR_CORRUPT;
    }
    std::vector<KeyList> lists(conns.size());
    for (KeyList& list : lists) {
        if (!KeyList::decode(in, list)) {
            return AIS_ERR_CORRUPT;
        }
    }
    if (!in.finished()) {
        return AIS_ERR_CORRUPT;
    }
    for (const auto& [id, client] : clients_) {
        state_.remove(id);
    }
    clients_.clear();
    for (std::size_t i = 0; i < conns.size(); ++i) {
        state_.join(add_client(conns[i]).id, lists[i]);
    }
    return AIS_OK;
}

void EvsService::client_close(ais_conn* who) {
    if (const auto* client = ipc_.context<Client>(who)) {
        ipc_.set_context(who, nullptr);
        state_.remove(client->id);
        clients_.erase(client->id);
    }
}

void EvsService::tell_configuration(const Client& client) const {
    Appender body;
    last_.encode(body);
    ipc_.notify(client.conn, number_of(EventKind::configuration), body.written());
}

void EvsService::request(ais_conn* from, std::uint64_t serial, std::uint16_t kind, Bytes body) {
    auto* client = ipc_.context<Client>(from);
    if (client == nullptr) {
        return;
    }
    Reader in(body);
    KeyList groups;
    switch (const auto what = static_cast<RequestKind>(kind)) {
        case RequestKind::joined_agreed:
        case RequestKind::joined_safe:
            return multicast(*client,
                             what == RequestKind::joined_safe,
                             KeyList(state_.joined(client->id)),
                             body);
        case RequestKind::groups_agreed:
        case RequestKind::groups_safe:
            return KeyList::decode(in, groups)
                       ? multicast(*client, what == RequestKind::groups_safe, groups, in.rest())
                       : complaints_.broken_request(client->conn, "multicast");
        case RequestKind::join:
        case RequestKind::leave:
            if (!KeyList::decode(in, groups) || !in.finished()) {
                return complaints_.broken_request(client->conn, "join or leave");
            }
            ipc_.respond(from,
                         serial,
                         to_error(what == RequestKind::join ? state_.join(client->id, groups)
                                                            : state_.leave(client->id, groups)));
            return;
        case RequestKind::membership: {
            Appender out;
            out.u32(static_cast<std::uint32_t>(last_.members.size()));
            for (const std::uint32_t node : last_.members) {
                out.u32(node);
            }
            ipc_.respond(from, serial, EVS_OK, out.written());
            return;
        }
    }
    complaints_.broken_request(client->conn, "request of unknown kind");
}

void EvsService::multicast(Client& client, bool is_safe, KeyList groups, Bytes payload) {
    if (groups.size() == 0) {
        return;  // for nobody
    }
    std::uint8_t space[4];
    Writer count(space);
    count.u32(static_cast<std::uint32_t>(groups.size()));
    const auto kind = static_cast<std::uint16_t>(MessageKind::message);
    const ais_status status =
        is_safe ? group_.multicast_safe(kind, count.written(), groups.bytes(), payload)
                : group_.multicast(kind, count.written(), groups.bytes(), payload);
    if (status != AIS_OK) {
        // The kernel reads no request that it has no room for, so this message is
        // too big.  The library has said yes to it: it must not vanish in silence.
        log_.error("EVS-003",
                   "pid ",
                   client.pid,
                   ": a message of ",
                   payload.size(),
                   " bytes could not be queued (status ",
                   status,
                   ")");
        ipc_.disconnect(client.conn, "its message could not be queued");
    }
}

void EvsService::dump(std::string& out) {
    out += "clients " + std::to_string(clients_.size()) + ", groups heard here " +
           std::to_string(state_.group_count()) + ", messages delivered " +
           std::to_string(counters_.delivered) + ", for nobody here " +
           std::to_string(counters_.unheard) + ", malformed " +
           std::to_string(complaints_.malformed_count()) + "\n";
}

namespace {

constexpr const char* needs[] = {AIS_GROUP_INTERFACE, AIS_IPC_INTERFACE, nullptr};

}  // namespace
}  // namespace ais::evs

AIS_EXPORT_PLUGIN = ais::describe<ais::evs::EvsService>("evs", "1.0.0", ais::evs::needs);
