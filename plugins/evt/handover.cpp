// SPDX-License-Identifier: BSD-3-Clause
//
// What this node knows and the replicated state does not, from one build of the service to the
// next: clients with what waits for them, opens with their subscriptions, requests that
// wait for their place in the order, numbers that were given out, and what is left of
// retention times by this node's clock.
//
//   version u32
//   events u32 × block                      that wait, each once; named by number below
//   clients u32 × (conn u32, backlog)       backlog.cpp has its layout
//   opens u32 × (number u64, conn u32, tag u32, flags u32, is_delivered u8, serial u64, is_async
//   u8,
//       invocation u64, subscriptions u32 × (id u32, filters block, seen u32 × u64))
//   waiting u32 × (request u64, conn u32, serial u64)
//   last_number u64, last_request u64, has_ids u8, next_id u32
//   closes u32 × u64                        that could not be queued yet
//   deadlines u32 × (id u64, nanoseconds left i64)
//   announced u32 × u64, since the last tick i64, tick_is_under_way u8
//   delivered u64, lost u64, orphans u64, malformed u64

#include "event_table.hpp"
#include "service.hpp"

#include <algorithm>
#include <utility>

namespace ais::evt {
namespace {

constexpr std::uint32_t local_version = 1;

template <typename Numbers>
void write_numbers(Appender& out, const Numbers& numbers) {
    out.u32(static_cast<std::uint32_t>(numbers.size()));
    for (const std::uint64_t number : numbers) {
        out.u64(number);
    }
}

template <typename Numbers>
void read_numbers(Reader& in, Numbers& numbers) {
    const std::uint32_t count = in.u32();
    for (std::uint32_t i = 0; i < count && in.ok(); ++i) {
        numbers.insert(numbers.end(), in.u64());
    }
}

std::uint32_t index_of(std::span<ais_conn* const> conns, const ais_conn* conn) {
    return static_cast<std::uint32_t>(std::find(conns.begin(), conns.end(), conn) - conns.begin());
}

}  // namespace

ais_status EvtService::save_local(std::span<ais_conn* const> conns, StateWriter& to) {
    EventTable events;
    Appender out;
    out.u32(static_cast<std::uint32_t>(clients_.size()));
    std::size_t written = 0;
    for (std::uint32_t i = 0; i < conns.size(); ++i) {
        const auto client = clients_.find(conns[i]);
        if (client != clients_.end()) {
            out.u32(i);
            client->second->backlog.save(out, events);
            ++written;
        }
    }
    if (written != clients_.size()) {
        return AIS_ERR_INVALID;
    }
    out.u32(static_cast<std::uint32_t>(opens_.size()));
    for (const auto& [number, open] : opens_) {
        out.u64(number);
        out.u32(index_of(conns, open.client->conn));
        out.u32(open.tag);
        out.u32(open.flags);
        out.u8(open.is_delivered ? 1 : 0);
        out.u64(open.serial);
        out.u8(open.is_async ? 1 : 0);
        out.u64(open.invocation);
        out.u32(static_cast<std::uint32_t>(open.subscriptions.size()));
        for (const auto& [id, subscription] : open.subscriptions) {
            out.u32(id);
            Appender filters;
            encode_filters(filters, subscription.filters);
            out.block(filters.written());
            write_numbers(out, subscription.seen);
        }
    }
    out.u32(static_cast<std::uint32_t>(waiting_.size()));
    for (const auto& [request, waiting] : waiting_) {
        out.u64(request);
        out.u32(index_of(conns, waiting.conn));
        out.u64(waiting.serial);
    }
    out.u64(last_number_);
    out.u64(last_request_);
    out.u8(has_ids_ ? 1 : 0);
    out.u32(next_id_);
    write_numbers(out, pending_closes_);
    const auto now = timer_.now();
    out.u32(static_cast<std::uint32_t>(deadlines_.all().size()));
    for (const auto& [id, when] : deadlines_.all()) {
        out.u64(id);
        out.i64((when - now).count());
    }
    write_numbers(out, announced_);
    out.i64((now - last_tick_).count());
    out.u8(tick_is_under_way_ ? 1 : 0);
    out.u64(counters_.delivered);
    out.u64(counters_.lost);
    out.u64(counters_.orphans);
    out.u64(complaints_.malformed_count());

    Appender head;
    head.u32(local_version);
    events.encode(head);
    const ais_status status = to.write(head.written());
    return status == AIS_OK ? to.write(out.written()) : status;
}

bool EvtService::restore_open(std::span<ais_conn* const> conns, Reader& in) {
    const std::uint64_t number = in.u64();
    const std::uint32_t index = in.u32();
    Open open;
    open.tag = in.u32();
    open.flags = in.u32();
    open.is_delivered = in.u8() != 0;
    open.serial = in.u64();
    open.is_async = in.u8() != 0;
    open.invocation = in.u64();
    const auto client =
        in.ok() && index < conns.size() ? clients_.find(conns[index]) : clients_.end();
    const std::uint32_t subscriptions = in.u32();
    if (!in.ok() || client == clients_.end()) {
        return false;
    }
    // Why: others believe that it is closed, and it would never be told.
    if (open.is_delivered && state_.channel_of({state_.self(), number}) == nullptr) {
        return false;
    }
    open.client = client->second.get();
    for (std::uint32_t i = 0; i < subscriptions && in.ok(); ++i) {
        const std::uint32_t id = in.u32();
        Reader filters(in.block());
        Subscription& subscription = open.subscriptions[id];
        subscription.cost = subscription_cost + filters.remaining();
        open.client->subscriptions_bytes += subscription.cost;
        if (!in.ok() || !decode_filters(filters, subscription.filters)) {
            return false;
        }
        read_numbers(in, subscription.seen);
    }
    open.client->opens[open.tag] = number;
    opens_.insert_or_assign(number, std::move(open));
    return in.ok();
}

ais_status EvtService::restore_local(std::span<ais_conn* const> conns,
                                     Bytes saved,
                                     std::string_view /*from_version*/) {
    Reader in(saved);
    std::vector<SharedEvent> events;
    const std::uint32_t version = in.u32();
    if (in.ok() && version != local_version) {
        return AIS_ERR_UNSUPPORTED;
    }
    if (!EventTable::decode(in, events)) {
        return AIS_ERR_CORRUPT;
    }
    const std::uint32_t clients = in.u32();
    for (std::uint32_t i = 0; i < clients && in.ok(); ++i) {
        const std::uint32_t index = in.u32();
        if (!in.ok() || index >= conns.size()) {
            return AIS_ERR_CORRUPT;
        }
        auto client = std::make_unique<Client>(conns[index], queue_size_, queue_resume_);
        if (!client->backlog.restore(in, events)) {
            return AIS_ERR_CORRUPT;
        }
        ipc_.set_context(client->conn, client.get());
        clients_.insert_or_assign(client->conn, std::move(client));
    }
    const std::uint32_t opens = in.u32();
    for (std::uint32_t i = 0; i < opens && in.ok(); ++i) {
        if (!restore_open(conns, in)) {
            return AIS_ERR_CORRUPT;
        }
    }
    const std::uint32_t waiting = in.u32();
    for (std::uint32_t i = 0; i < waiting && in.ok(); ++i) {
        const std::uint64_t request = in.u64();
        const std::uint32_t index = in.u32();
        const std::uint64_t serial = in.u64();
        if (!in.ok() || index >= conns.size()) {
            return AIS_ERR_CORRUPT;
        }
        waiting_[request] = {conns[index], serial};
    }
    last_number_ = in.u64();
    last_request_ = in.u64();
    has_ids_ = in.u8() != 0;
    next_id_ = in.u32();
    read_numbers(in, pending_closes_);
    const auto now = timer_.now();
    const std::uint32_t deadlines = in.u32();
    for (std::uint32_t i = 0; i < deadlines && in.ok(); ++i) {
        const std::uint64_t id = in.u64();
        const auto left = std::chrono::nanoseconds(in.i64());
        deadlines_.set(id, now + std::min(left, std::chrono::nanoseconds::max() - now));
    }
    read_numbers(in, announced_);
    last_tick_ = now - std::chrono::nanoseconds(in.i64());
    tick_is_under_way_ = in.u8() != 0;
    counters_ = {in.u64(), in.u64(), in.u64()};
    complaints_.set_malformed_count(in.u64());
    if (!in.finished()) {
        return AIS_ERR_CORRUPT;
    }
    rearm();
    return AIS_OK;
}

}  // namespace ais::evt
