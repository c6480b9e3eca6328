// SPDX-License-Identifier: BSD-3-Clause
//
// What clients of this node want, and their end.

#include "service.hpp"

#include <algorithm>
#include <chrono>
#include <memory>
#include <utility>

namespace ais::cpg {
namespace {

// How long a leave waits for another try when the send queue was full.
constexpr std::chrono::milliseconds leave_retry_interval{10};

constexpr std::uint16_t number_of(MessageKind kind) {
    return static_cast<std::uint16_t>(kind);
}

}  // namespace

ais_status CpgService::client_open(ais_conn* who, Bytes hello_bytes) {
    Hello hello;
    if (!Hello::decode(hello_bytes, hello)) {
        return AIS_ERR_CORRUPT;
    }
    if (hello.version != wire_version) {
        return AIS_ERR_UNSUPPORTED;
    }
    const auto is_free = [](const Seat& seat) {
        return seat.client == nullptr && !seat.is_leaving;
    };
    auto place = std::find_if(seats_.begin(), seats_.end(), is_free);
    if (place == seats_.end()) {
        if (seats_.size() >= seats_max) {
            return AIS_ERR_NO_MEMORY;
        }
        place = seats_.emplace(seats_.end());
    }
    place->client = std::make_unique<Client>();
    Client& client = *place->client;
    client.conn = who;
    client.pid = ipc_.peer(who).pid;
    client.seat = static_cast<std::uint32_t>(place - seats_.begin());
    do {
        last_connection_ += join_count_mask + 1;
    } while (last_connection_ == 0);
    client.connection = last_connection_;
    client.flags = hello.flags;
    ipc_.set_context(who, &client);
    if ((client.flags & Hello::wants_initial_ring) != 0) {
        if (const ais_configuration* now = group_.configuration()) {
            tell_ring(client, *now);
        }
    }
    return AIS_OK;
}

void CpgService::client_close(ais_conn* who) {
    auto* client = ipc_.context<Client>(who);
    if (client == nullptr) {
        return;
    }
    ipc_.set_context(who, nullptr);
    Seat& seat = seats_[client->seat];
    if (client->is_joined) {
        pending_leaves_.push_back({{client->seat, client->instance, Reason::process_down},
                                   client->pid,
                                   std::move(client->group)});
        seat.is_leaving = true;
    }
    seat.client.reset();
    flush_leaves();
}

void CpgService::request(ais_conn* from, std::uint64_t serial, std::uint16_t kind, Bytes body) {
    auto* client = ipc_.context<Client>(from);
    if (client == nullptr) {
        return;
    }
    switch (static_cast<RequestKind>(kind)) {
        case RequestKind::mcast_agreed:
            return multicast(*client, false, body);
        case RequestKind::mcast_safe:
            return multicast(*client, true, body);
        case RequestKind::join: {
            JoinRequest wanted;
            if (!JoinRequest::decode(body, wanted)) {
                return complaints_.broken_request(client->conn, "join");
            }
            ipc_.respond(from, serial, join(*client, wanted));
            return;
        }
        case RequestKind::leave:
            ipc_.respond(from, serial, leave(*client));
            return;
        case RequestKind::membership: {
            MembershipRequest wanted;
            if (!MembershipRequest::decode(body, wanted)) {
                return complaints_.broken_request(client->conn, "membership");
            }
            return membership(*client, serial, wanted);
        }
        case RequestKind::iterate: {
            IterateRequest wanted;
            if (!IterateRequest::decode(body, wanted)) {
                return complaints_.broken_request(client->conn, "iteration");
            }
            return iterate(*client, serial, wanted);
        }
    }
    complaints_.broken_request(client->conn, "request of unknown kind");
}

void CpgService::multicast(Client& client, bool is_safe, Bytes payload) {
    if (!client.is_joined) {
        // One thread of it has left while another was sending.
        ++counters_.not_joined;
        return;
    }
    std::uint8_t space[MessageHead::size];
    Writer head(space);
    MessageHead{client.seat, client.instance}.encode(head);
    const std::uint16_t kind = number_of(MessageKind::message);
    const ais_status status = is_safe ? group_.multicast_safe(kind, head.written(), payload)
                                      : group_.multicast(kind, head.written(), payload);
    if (status != AIS_OK) {
        // The kernel reads no request that it has no room for, so this message
        // is too big.  The library has said yes to it: it must not vanish in silence.
        log_.error("CPG-005",
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

cs_error_t CpgService::join(Client& client, const JoinRequest& wanted) {
    if (wanted.group.size() > group_name_max) {
        return CS_ERR_NAME_TOO_LONG;
    }
    if (wanted.group.empty()) {
        return CS_ERR_INVALID_PARAM;
    }
    if (client.is_joined) {
        return CS_ERR_EXIST;
    }
    const std::string_view name = as_text(wanted.group);
    for (const Seat& seat : seats_) {
        const Client* other = seat.client.get();
        if (other != nullptr && other->is_joined && other->pid == client.pid &&
            other->group == name) {
            return CS_ERR_EXIST;
        }
    }
    flush_leaves();
    for (const PendingLeave& pending : pending_leaves_) {
        if (pending.pid == client.pid && pending.group == name) {
            return CS_ERR_TRY_AGAIN;
        }
    }
    const std::uint32_t instance = client.connection | wanted.number;
    std::uint8_t space[JoinMessage::head_size];
    Writer head(space);
    JoinMessage{client.seat, instance, client.pid, {}}.encode_head(head);
    const auto kind = number_of(MessageKind::join);
    if (group_.multicast(kind, head.written(), wanted.group) != AIS_OK) {
        return CS_ERR_TRY_AGAIN;
    }
    client.is_joined = true;
    client.instance = instance;
    client.group = name;
    return CS_OK;
}

cs_error_t CpgService::leave(Client& client) {
    if (!client.is_joined) {
        return CS_ERR_NOT_EXIST;
    }
    if (!send_leave({client.seat, client.instance, Reason::leave})) {
        return CS_ERR_TRY_AGAIN;
    }
    client.is_joined = false;
    return CS_OK;
}

void CpgService::membership(Client& client, std::uint64_t serial, const MembershipRequest& wanted) {
    if (!is_group_name(wanted.group)) {
        ipc_.respond(client.conn,
                     serial,
                     wanted.group.empty() ? CS_ERR_INVALID_PARAM : CS_ERR_NAME_TOO_LONG);
        return;
    }
    if (client.is_joined && client.group == as_text(wanted.group) && !is_delivered(client)) {
        client.waiting.push_back({serial, wanted.limit});  // answered at its join
        return;
    }
    answer_membership(client, serial, wanted);
}

void CpgService::answer_membership(Client& client,
                                   std::uint64_t serial,
                                   const MembershipRequest& wanted) {
    const Group* found = state_.find(as_text(wanted.group));
    if (found == nullptr) {
        ipc_.respond(client.conn, serial, CS_ERR_NOT_EXIST);
        return;
    }
    Appender out;
    State::page(*found, wanted, bytes_max()).encode(out);
    ipc_.respond(client.conn, serial, CS_OK, out.written());
}

void CpgService::iterate(Client& client, std::uint64_t serial, const IterateRequest& request) {
    Appender out;
    state_.iterate(request, bytes_max()).encode(out);
    ipc_.respond(client.conn, serial, CS_OK, out.written());
}

// Why: page_max is above the largest event and answer if ipc.message_max is small.
std::size_t CpgService::bytes_max() const {
    return std::min<std::size_t>(page_max, group_.message_max());
}

// Its join, the last one that was multicast, has been delivered.
bool CpgService::is_delivered(const Client& client) const {
    return state_.sender(state_.self(), {client.seat, client.instance}).group != nullptr;
}

bool CpgService::send_leave(const LeaveMessage& message) const {
    std::uint8_t space[LeaveMessage::size];
    Writer body(space);
    message.encode(body);
    return group_.multicast(number_of(MessageKind::leave), body.written()) == AIS_OK;
}

// The ends of processes are not requests, so they come when the send queue is
// full as well; they wait here, in order.
void CpgService::flush_leaves() {
    std::size_t sent = 0;
    while (sent < pending_leaves_.size() && send_leave(pending_leaves_[sent].message)) {
        seats_[pending_leaves_[sent].message.seat].is_leaving = false;
        ++sent;
    }
    pending_leaves_.erase(pending_leaves_.begin(),
                          pending_leaves_.begin() + static_cast<std::ptrdiff_t>(sent));
    if (!pending_leaves_.empty() && retry_timer_ == 0) {
        const auto status =
            timer_.start<&CpgService::on_retry>(leave_retry_interval, *this, retry_timer_);
        if (status != AIS_OK) {
            retry_timer_ = 0;  // the next join or end of a process tries again
        }
    }
}

void CpgService::on_retry() {
    retry_timer_ = 0;
    flush_leaves();
}

}  // namespace ais::cpg
