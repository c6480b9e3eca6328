// SPDX-License-Identifier: BSD-3-Clause
//
// What is delivered: the same on all nodes, then words to this node's clients.

#include "service.hpp"

#include "snapshot.hpp"

#include <string>
#include <utility>
#include <vector>

namespace ais::cpg {
namespace {

// Limit: lines of a dump.
constexpr std::size_t dump_members_max = 1000;

constexpr std::uint16_t number_of(EventKind kind) {
    return static_cast<std::uint16_t>(kind);
}

}  // namespace

CpgService::CpgService(const ais_host& host)
    : log_(host),
      group_(host),
      ipc_(host),
      complaints_(host, "CPG-003", "CPG-004"),
      timer_(host),
      state_(group_.local_node()),
      // Begin somewhere else after each start.
      last_connection_(connection_part(static_cast<std::uint32_t>(timer_.now().count() >> 10))) {}

CpgService::~CpgService() {
    if (retry_timer_ != 0) {
        timer_.cancel(retry_timer_);
    }
}

void CpgService::deliver(ais_node_id sender, std::uint16_t kind, Bytes body) {
    switch (static_cast<MessageKind>(kind)) {
        case MessageKind::message: {
            ais_bytes parts[] = {{}, to_abi(body)};
            return on_message(sender, parts);
        }
        case MessageKind::join:
            return on_join(sender, body);
        case MessageKind::leave:
            return on_leave(sender, body);
    }
    complaints_.malformed(sender, "a message of unknown kind");
}

void CpgService::deliver_pieces(ais_node_id sender,
                                std::uint16_t kind,
                                std::span<const ais_bytes> pieces) {
    const bool is_message = static_cast<MessageKind>(kind) == MessageKind::message;
    if (!is_message || pieces.front().size < MessageHead::size) {
        join_pieces(pieces, joined_);
        return deliver(sender, kind, joined_);
    }
    parts_.assign(1, {});
    parts_.insert(parts_.end(), pieces.begin(), pieces.end());
    on_message(sender, parts_);
}

void CpgService::on_message(ais_node_id sender, std::span<ais_bytes> parts) {
    Reader in(from_abi(parts[1]));
    const MessageHead head = MessageHead::decode(in);
    if (!in.ok()) {
        return complaints_.malformed(sender, "a message that is shorter than its head");
    }
    const State::Sender from = state_.sender(sender, head);
    if (from.group == nullptr) {
        ++counters_.orphans;
        return;
    }
    ++counters_.messages;
    std::uint8_t space[DeliveryHead::size];
    parts[0] = {space, sizeof space};
    parts[1] = to_abi(in.rest());
    for (const LocalSeat& local : from.group->local_seats) {
        if (const Client* member = client_at(local)) {
            Writer out(space);
            DeliveryHead{sender, from.pid, join_number(local.instance), 0}.encode(out);
            ipc_.notify_list(member->conn, number_of(EventKind::message), 0, parts);
        }
    }
}

void CpgService::on_join(ais_node_id sender, Bytes body) {
    JoinMessage message;
    if (!JoinMessage::decode(body, message)) {
        return complaints_.malformed(sender, "a join that does not decode");
    }
    const auto change = state_.join(sender, message);
    if (change) {
        tell(*change);
    }
    if (sender != state_.self()) {
        return;
    }
    Client* joined = client_at({message.seat, message.instance});
    if (joined == nullptr) {
        return;  // it went away meanwhile; its leave is on the way
    }
    if (!change) {
        log_.warning(
            "CPG-006", "pid ", joined->pid, ": join was overtaken by another of the same process");
        ipc_.disconnect(joined->conn, "its join was refused in the order");
        return;
    }
    for (const Waiting& wanted : std::exchange(joined->waiting, {})) {
        answer_membership(*joined, wanted.serial, {0, wanted.limit, message.group});
    }
}

void CpgService::on_leave(ais_node_id sender, Bytes body) {
    LeaveMessage message;
    if (!LeaveMessage::decode(body, message)) {
        return complaints_.malformed(sender, "a leave that does not decode");
    }
    if (const auto change = state_.leave(sender, message)) {
        tell(*change);
    }
}

void CpgService::configure(const ais_configuration& now) {
    tell(state_.configure(now));
    if (now.kind != AIS_CONFIGURATION_REGULAR) {
        return;
    }
    for (const Seat& seat : seats_) {
        if (seat.client != nullptr && (seat.client->flags & Hello::wants_ring) != 0) {
            tell_ring(*seat.client, now);
        }
    }
}

ais_status CpgService::save(StateWriter& out) {
    return out.write(cpg::save(state_.membership()));
}

ais_status CpgService::merge(std::span<const SavedState> states) {
    const auto merged = cpg::merge(states, state_.nodes());
    if (!merged) {
        log_.error("CPG-001", merged.error().text);
        return merged.error().code;
    }
    std::vector<const Client*> present;
    for (const Seat& seat : seats_) {
        if (seat.client != nullptr && seat.client->is_joined && is_delivered(*seat.client)) {
            present.push_back(seat.client.get());
        }
    }
    const std::vector<Change> changes = state_.replace(*merged);
    for (const Client* client : present) {
        if (!is_delivered(*client)) {
            // Why: others now believe that it is no member, and it will never
            // be told.  A replica that differs leaves.
            log_.error("CPG-002", "the merged state has lost pid ", client->pid, " of this node");
            return AIS_ERR_CORRUPT;
        }
    }
    tell(changes);
    return AIS_OK;
}

CpgService::Client* CpgService::client_at(LocalSeat local) const {
    if (local.seat >= seats_.size()) {
        return nullptr;
    }
    Client* client = seats_[local.seat].client.get();
    const bool is_same = client != nullptr && client->connection == connection_part(local.instance);
    return is_same ? client : nullptr;
}

void CpgService::tell(const std::vector<Change>& changes) const {
    for (const Change& change : changes) {
        tell(change);
    }
}

void CpgService::tell(const Change& change) const {
    if (change.audience.empty()) {
        return;
    }
    const std::vector<std::string> events = change.encode(nullptr, bytes_max());
    for (const LocalSeat& local : change.audience) {
        if (local == change.newcomer) {
            tell(local, change.encode(state_.find(change.group), bytes_max()));
        } else {
            tell(local, events);
        }
    }
}

void CpgService::tell(LocalSeat local, const std::vector<std::string>& events) const {
    const Client* member = client_at(local);
    if (member == nullptr) {
        return;
    }
    std::uint8_t space[ChangeEvent::number_size];
    Writer number(space);
    number.u32(join_number(local.instance));
    for (const std::string& event : events) {
        ipc_.notify(member->conn, number_of(EventKind::change), number.written(), as_bytes(event));
    }
}

void CpgService::tell_ring(const Client& client, const ais_configuration& now) const {
    const auto nodes = members(now);
    RingEvent event{now.ring.representative, now.ring.seq, {nodes.begin(), nodes.end()}};
    Appender body;
    event.encode(body);
    ipc_.notify(client.conn, number_of(EventKind::ring), body.written());
}

void CpgService::dump(std::string& out) {
    out += "groups " + std::to_string(state_.group_count()) + ", members " +
           std::to_string(state_.member_count()) + ", messages delivered here " +
           std::to_string(counters_.messages) + ", without member " +
           std::to_string(counters_.orphans) + ", malformed " +
           std::to_string(complaints_.malformed_count()) + ", sent without group " +
           std::to_string(counters_.not_joined) + "\n";
    std::size_t lines = 0;
    for (const auto& [name, members] : state_.membership()) {
        for (const Member& member : members) {
            if (++lines > dump_members_max) {
                out += "...\n";
                return;
            }
            out += "  " + name + ": node " + std::to_string(member.node) + " pid " +
                   std::to_string(member.pid) + " seat " + std::to_string(member.seat) + "\n";
        }
    }
}

namespace {

constexpr const char* needs[] = {
    AIS_GROUP_INTERFACE, AIS_IPC_INTERFACE, AIS_TIMER_INTERFACE, nullptr};

}  // namespace
}  // namespace ais::cpg

#ifndef AIS_CPG_VERSION
#define AIS_CPG_VERSION "1.0.0"
#endif
AIS_EXPORT_PLUGIN = ais::describe<ais::cpg::CpgService>("cpg", AIS_CPG_VERSION, ais::cpg::needs);
