// SPDX-License-Identifier: BSD-3-Clause
//
// What this node knows and the replicated state does not, from one build of the service to
// the next: clients, open requests, timers, words that are under way.
//
//   version u32, last_connection u32, last_token u64,
//   clients u32 × (conn u32, connection u32)
//   pending u32 × (token u64, connection u32 or 0, kind u16, serial u64, invocation u64, number
//   u32,
//       query block, error i32, index u32, id block, ring_seq u64, count u64, missing u32 × u32)
//   applied_said u64, is_saying u8, has_more_to_say u8, left u32 × u32
//   timers u32 × (Expire, remaining i64)
//   posts u32 × (kind u16, connection u32, body block)
//
// Large reads that were under way are not in it; their clients are told to try again.

#include "service.hpp"

#include <algorithm>
#include <utility>

namespace ais::ckpt {
namespace {

constexpr std::uint32_t local_version = 1;

}  // namespace

ais_status CkptService::save_local(std::span<ais_conn* const> conns, StateWriter& to) {
    Appender out;
    out.u32(local_version);
    out.u32(last_connection_);
    out.u64(last_token_);
    out.u32(static_cast<std::uint32_t>(clients_.size()));
    for (const auto& [connection, client] : clients_) {
        const auto at = std::find(conns.begin(), conns.end(), client->conn);
        if (at == conns.end()) {
            return AIS_ERR_INVALID;
        }
        out.u32(static_cast<std::uint32_t>(at - conns.begin()));
        out.u32(connection);
    }
    out.u32(static_cast<std::uint32_t>(pending_.size()));
    for (const auto& [token, pending] : pending_) {
        out.u64(token);
        out.u32(pending.client != nullptr ? pending.client->connection : 0);
        out.u16(number_of(pending.kind));
        out.u64(pending.serial);
        out.u64(pending.invocation);
        out.u32(pending.number);
        out.text(pending.query);
        out.i32(static_cast<std::int32_t>(pending.outcome.error));
        out.u32(pending.outcome.index);
        out.text(pending.outcome.id);
        out.u64(pending.ring_seq);
        out.u64(pending.count);
        out.u32(static_cast<std::uint32_t>(pending.missing.size()));
        for (const ais_node_id node : pending.missing) {
            out.u32(node);
        }
    }
    out.u64(applied_said_);
    out.u8(is_saying_ ? 1 : 0);
    out.u8(has_more_to_say_ ? 1 : 0);
    out.u32(static_cast<std::uint32_t>(left_.size()));
    for (const ais_node_id node : left_) {
        out.u32(node);
    }
    const auto timers = deadlines_.remaining(timer_.now().count());
    out.u32(static_cast<std::uint32_t>(timers.size()));
    for (const Remaining& timer : timers) {
        timer.timer.encode(out);
        out.i64(timer.left);
    }
    out.u32(static_cast<std::uint32_t>(posts_.size()));
    for (const Post& post : posts_) {
        out.u16(number_of(post.kind));
        out.u32(post.connection);
        out.text(post.body);
    }
    return to.write(out.written());
}

ais_status CkptService::restore_local(std::span<ais_conn* const> conns,
                                      Bytes saved,
                                      std::string_view /*from_version*/) {
    Reader in(saved);
    if (in.u32() != local_version) {
        return AIS_ERR_UNSUPPORTED;
    }
    last_connection_ = in.u32();
    last_token_ = in.u64();
    const std::uint32_t clients = in.u32();
    for (std::uint32_t i = 0; i < clients && in.ok(); ++i) {
        const std::uint32_t index = in.u32();
        const std::uint32_t connection = in.u32();
        if (!in.ok() || index >= conns.size()) {
            return AIS_ERR_CORRUPT;
        }
        auto client = std::make_unique<Client>();
        client->conn = conns[index];
        client->pid = ipc_.peer(client->conn).pid;
        client->connection = connection;
        ipc_.set_context(client->conn, client.get());
        clients_.insert_or_assign(connection, std::move(client));
    }
    const std::uint32_t pendings = in.u32();
    for (std::uint32_t i = 0; i < pendings && in.ok(); ++i) {
        const std::uint64_t token = in.u64();
        const auto client = clients_.find(in.u32());
        Pending pending;
        pending.client = client == clients_.end() ? nullptr : client->second.get();
        pending.kind = static_cast<Kind>(in.u16());
        pending.serial = in.u64();
        pending.invocation = in.u64();
        pending.number = in.u32();
        pending.query = in.text();
        pending.outcome.error = static_cast<Error>(in.i32());
        pending.outcome.index = in.u32();
        pending.outcome.id = in.text();
        pending.ring_seq = in.u64();
        pending.count = in.u64();
        const std::uint32_t missing = in.u32();
        for (std::uint32_t j = 0; j < missing && in.ok(); ++j) {
            pending.missing.push_back(in.u32());
        }
        pending_.insert_or_assign(token, std::move(pending));
    }
    applied_said_ = in.u64();
    is_saying_ = in.u8() != 0;
    has_more_to_say_ = in.u8() != 0;
    const std::uint32_t left = in.u32();
    for (std::uint32_t i = 0; i < left && in.ok(); ++i) {
        left_.push_back(in.u32());
    }
    const std::uint32_t timers = in.u32();
    for (std::uint32_t i = 0; i < timers && in.ok(); ++i) {
        Remaining timer;
        if (Expire::decode(in, timer.timer)) {
            timer.left = in.i64();
            deadlines_.shorten(timer, timer_.now().count());
        }
    }
    const std::uint32_t posts = in.u32();
    for (std::uint32_t i = 0; i < posts && in.ok(); ++i) {
        const auto kind = static_cast<Kind>(in.u16());
        const std::uint32_t connection = in.u32();
        posts_.push_back({kind, connection, std::string(in.text())});
    }
    if (!in.finished()) {
        return AIS_ERR_CORRUPT;
    }
    arm();
    if (!posts_.empty()) {
        wait_to_flush();
    }
    return AIS_OK;
}

}  // namespace ais::ckpt
