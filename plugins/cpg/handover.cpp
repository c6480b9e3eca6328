// SPDX-License-Identifier: BSD-3-Clause
//
// Live replacement: who sits where, what each client waits for, and which ends of
// processes are not multicast yet.  The other build of cpg gets the same conns.
//
//   local     = version u32, last_connection u32, n u32, n × client, n u32, n × leave
//   client    = conn u32, seat u32, connection u32, flags u32, is_joined u8, instance u32,
//               group text, n u32, n × (serial u64, limit u32)
//   leave     = seat u32, instance u32, reason u32, pid u32, group text

#include "service.hpp"

#include <algorithm>
#include <memory>
#include <utility>

namespace ais::cpg {
namespace {

// Goes up with wire_version, too: the clients stay, and the other build must speak as they do.
constexpr std::uint32_t local_version = 2;

}  // namespace

ais_status CpgService::save_local(std::span<ais_conn* const> conns, StateWriter& out) {
    Appender to;
    to.u32(local_version);
    to.u32(last_connection_);
    to.u32(static_cast<std::uint32_t>(conns.size()));
    for (std::size_t at = 0; at < conns.size(); ++at) {
        const auto* client = ipc_.context<Client>(conns[at]);
        if (client == nullptr) {
            return AIS_ERR_FAILED;  // every open client has a seat
        }
        to.u32(static_cast<std::uint32_t>(at));
        to.u32(client->seat);
        to.u32(client->connection);
        to.u32(client->flags);
        to.u8(client->is_joined ? 1 : 0);
        to.u32(client->instance);
        to.text(client->group);
        to.u32(static_cast<std::uint32_t>(client->waiting.size()));
        for (const Waiting& wanted : client->waiting) {
            to.u64(wanted.serial);
            to.u32(wanted.limit);
        }
    }
    to.u32(static_cast<std::uint32_t>(pending_leaves_.size()));
    for (const PendingLeave& leave : pending_leaves_) {
        to.u32(leave.message.seat);
        to.u32(leave.message.instance);
        to.u32(static_cast<std::uint32_t>(leave.message.reason));
        to.u32(leave.pid);
        to.text(leave.group);
    }
    return out.write(to.written());
}

ais_status CpgService::restore_local(std::span<ais_conn* const> conns,
                                     Bytes saved,
                                     std::string_view from_version) {
    Reader in(saved);
    if (in.u32() != local_version) {
        log_.error("CPG-008", "cannot take over from version ", from_version);
        return AIS_ERR_UNSUPPORTED;
    }
    last_connection_ = in.u32();
    const std::uint32_t clients = in.u32();
    for (std::uint32_t i = 0; i < clients && in.ok(); ++i) {
        auto client = std::make_unique<Client>();
        const std::uint32_t index = in.u32();
        client->seat = in.u32();
        client->connection = in.u32();
        client->flags = in.u32();
        client->is_joined = in.u8() != 0;
        client->instance = in.u32();
        client->group = in.text();
        const std::uint32_t waiting = in.u32();
        for (std::uint32_t j = 0; j < waiting && in.ok(); ++j) {
            client->waiting.push_back({in.u64(), in.u32()});
        }
        if (!in.ok() || index >= conns.size() || client->seat >= seats_max) {
            return AIS_ERR_CORRUPT;
        }
        client->conn = conns[index];
        client->pid = ipc_.peer(client->conn).pid;
        if (client->seat >= seats_.size()) {
            seats_.resize(client->seat + 1);
        }
        if (seats_[client->seat].client != nullptr) {
            return AIS_ERR_CORRUPT;
        }
        ipc_.set_context(client->conn, client.get());
        seats_[client->seat].client = std::move(client);
    }
    const std::uint32_t leaves = in.u32();
    for (std::uint32_t i = 0; i < leaves && in.ok(); ++i) {
        PendingLeave leave;
        leave.message.seat = in.u32();
        leave.message.instance = in.u32();
        leave.message.reason = static_cast<Reason>(in.u32());
        leave.pid = in.u32();
        leave.group = in.text();
        if (!in.ok() || leave.message.seat >= seats_max) {
            return AIS_ERR_CORRUPT;
        }
        if (leave.message.seat >= seats_.size()) {
            seats_.resize(leave.message.seat + 1);
        }
        seats_[leave.message.seat].is_leaving = true;
        pending_leaves_.push_back(std::move(leave));
    }
    if (!in.finished()) {
        return AIS_ERR_CORRUPT;
    }
    flush_leaves();
    return AIS_OK;
}

}  // namespace ais::cpg
