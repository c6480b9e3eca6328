// SPDX-License-Identifier: BSD-3-Clause
//
// What this node knows and the replicated state does not, from one build of the service to
// the next: clients, who waits for what, timeouts.
//
//   version u32, last number u64, serve is due u8,
//   clients u32 × (conn u32, number u64, watch u32)
//   opens u32 × (number u64, client u64, handle u64, flags u8, serial u64, invocation u64)
//   locks u32 × (number u64, client u64, id u64, open u64, flags u8, serial u64, invocation u64,
//                left i64)
//   waiting u32 × (request u64, client u64, serial u64, invocation u64, id u64)
//   closes u32 × u64, cancels u32 × u64

#include "service.hpp"

#include <algorithm>
#include <utility>

namespace ais::lck {
namespace {

constexpr std::uint32_t local_version = 1;
constexpr std::uint8_t is_async_bit = 1;
constexpr std::uint8_t is_delivered_bit = 2;
constexpr std::uint8_t third_bit = 4;  // an open that is being closed, a lock that is granted

std::uint8_t bits(bool is_async, bool is_delivered, bool third) {
    return static_cast<std::uint8_t>((is_async ? is_async_bit : 0) |
                                     (is_delivered ? is_delivered_bit : 0) |
                                     (third ? third_bit : 0));
}

void write_numbers(Appender& out, const std::vector<std::uint64_t>& numbers) {
    out.u32(static_cast<std::uint32_t>(numbers.size()));
    for (const std::uint64_t number : numbers) {
        out.u64(number);
    }
}

void read_numbers(Reader& in, std::vector<std::uint64_t>& numbers) {
    const std::uint32_t count = in.u32();
    for (std::uint32_t i = 0; i < count && in.ok(); ++i) {
        numbers.push_back(in.u64());
    }
}

}  // namespace

ais_status LckService::save_local(std::span<ais_conn* const> conns, StateWriter& to) {
    Appender out;
    out.u32(local_version);
    out.u64(last_number_);
    out.u8(serve_is_due_ ? 1 : 0);
    out.u32(static_cast<std::uint32_t>(clients_.size()));
    for (std::size_t i = 0; i < conns.size(); ++i) {
        const auto found = clients_.find(conns[i]);
        if (found != clients_.end()) {
            out.u32(static_cast<std::uint32_t>(i));
            out.u64(found->second->number);
            out.u32(found->second->watch);
        }
    }
    out.u32(static_cast<std::uint32_t>(opens_.size()));
    for (const auto& [number, open] : opens_) {
        out.u64(number);
        out.u64(open.client->number);
        out.u64(open.handle);
        out.u8(bits(open.is_async, open.is_delivered, open.is_closing));
        out.u64(open.serial);
        out.u64(open.invocation);
    }
    out.u32(static_cast<std::uint32_t>(locks_.size()));
    for (const auto& [number, lock] : locks_) {
        out.u64(number);
        out.u64(lock.client->number);
        out.u64(lock.id);
        out.u64(lock.open);
        out.u8(bits(lock.is_async, lock.is_delivered, lock.is_granted));
        out.u64(lock.serial);
        out.u64(lock.invocation);
        out.i64(lock.deadline == Instant::max() ? LockRequest::for_ever
                                                : (lock.deadline - timer_.now()).count());
    }
    out.u32(static_cast<std::uint32_t>(waiting_.size()));
    for (const auto& [request, waiting] : waiting_) {
        out.u64(request);
        out.u64(clients_.at(waiting.conn)->number);
        out.u64(waiting.serial);
        out.u64(waiting.invocation);
        out.u64(waiting.id);
    }
    write_numbers(out, pending_closes_);
    write_numbers(out, pending_cancels_);
    return to.write(out.written());
}

ais_status LckService::restore_local(std::span<ais_conn* const> conns,
                                     Bytes saved,
                                     std::string_view /*from_version*/) {
    Reader in(saved);
    if (in.u32() != local_version) {
        return AIS_ERR_UNSUPPORTED;
    }
    last_number_ = in.u64();
    serve_is_due_ = in.u8() != 0;
    std::map<std::uint64_t, Client*> by_number;
    const std::uint32_t clients = in.u32();
    for (std::uint32_t i = 0; i < clients && in.ok(); ++i) {
        const std::uint32_t index = in.u32();
        auto client = std::make_unique<Client>();
        client->number = in.u64();
        client->watch = in.u32();
        if (!in.ok() || index >= conns.size()) {
            return AIS_ERR_CORRUPT;
        }
        client->conn = conns[index];
        ipc_.set_context(client->conn, client.get());
        by_number[client->number] = client.get();
        clients_[client->conn] = std::move(client);
    }
    const auto find_client = [&](std::uint64_t number) -> Client* {
        const auto found = by_number.find(number);
        if (found == by_number.end()) {
            in.fail();
            return nullptr;
        }
        return found->second;
    };
    const std::uint32_t opens = in.u32();
    for (std::uint32_t i = 0; i < opens && in.ok(); ++i) {
        const std::uint64_t number = in.u64();
        LocalOpen open;
        open.client = find_client(in.u64());
        open.handle = in.u64();
        const std::uint8_t flags = in.u8();
        open.is_async = (flags & is_async_bit) != 0;
        open.is_delivered = (flags & is_delivered_bit) != 0;
        open.is_closing = (flags & third_bit) != 0;
        open.serial = in.u64();
        open.invocation = in.u64();
        if (in.ok()) {
            open.client->opens[open.handle] = number;
            opens_.emplace(number, std::move(open));
        }
    }
    const std::uint32_t locks = in.u32();
    for (std::uint32_t i = 0; i < locks && in.ok(); ++i) {
        const std::uint64_t number = in.u64();
        LocalLock lock;
        lock.client = find_client(in.u64());
        lock.id = in.u64();
        lock.open = in.u64();
        const std::uint8_t flags = in.u8();
        lock.is_async = (flags & is_async_bit) != 0;
        lock.is_delivered = (flags & is_delivered_bit) != 0;
        lock.is_granted = (flags & third_bit) != 0;
        lock.serial = in.u64();
        lock.invocation = in.u64();
        const std::int64_t left = in.i64();
        const auto open = opens_.find(lock.open);
        if (!in.ok() || open == opens_.end()) {
            return AIS_ERR_CORRUPT;
        }
        open->second.locks.insert(number);
        lock.client->locks[lock.id] = number;
        LocalLock& kept = locks_.emplace(number, lock).first->second;
        if (left != LockRequest::for_ever) {
            set_deadline(number, kept, timer_.now() + Instant(left));
        }
    }
    const std::uint32_t waitings = in.u32();
    for (std::uint32_t i = 0; i < waitings && in.ok(); ++i) {
        const std::uint64_t request = in.u64();
        Waiting waiting;
        const Client* client = find_client(in.u64());
        waiting.conn = client != nullptr ? client->conn : nullptr;
        waiting.serial = in.u64();
        waiting.invocation = in.u64();
        waiting.id = in.u64();
        waiting_[request] = waiting;
    }
    read_numbers(in, pending_closes_);
    read_numbers(in, pending_cancels_);
    if (!in.finished()) {
        return AIS_ERR_CORRUPT;
    }
    rearm();
    return AIS_OK;
}

}  // namespace ais::lck
