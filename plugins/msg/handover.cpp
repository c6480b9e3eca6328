// SPDX-License-Identifier: BSD-3-Clause
//
// What this node knows and the replicated state does not, from one build of the service to
// the next: clients, opens, who waits in Get or for a reply, words that are under way.
//
//   version u32, start u64, last open u64, last request u64, last sender u32, last client u64,
//   clients u32 × (conn u32, number u64, exchanges u32 × (id u64, sender id u64),
//       trackings u32 × (name, flags u8))
//   opens u32 × (number u64, client u64, tag u32, flags u32, delivered u8, lost u8, queue,
//       serial u64, async u8, invocation u64, waiting u32 × get, taking u32 × (message id, has u8,
//       get), in hand u32 × message id, handed u32 × (get u64, message id), unheard u32,
//       unannounced u64, closing u8, serial of the close u64)
//   requests u32 × (number u64, client u64, serial u64, async u8, invocation u64, query u16, body)
//   exchanges u32 × (sender id u64, client u64, serial u64, id u64)
//   posts u32 × (kind u16, body)
//   closes u32 × (open u64, client u64, serial u64)
//   get = id u64, serial u64, capacity u64, waits u8
//
// Not what was said about capacity: a new build begins with what is the case.

#include "service.hpp"

#include <algorithm>
#include <utility>

namespace ais::msg {
namespace {

constexpr std::uint32_t local_version = 3;

template <typename List>
void write_count(Appender& out, const List& list) {
    out.u32(static_cast<std::uint32_t>(list.size()));
}

}  // namespace

ais_status MsgService::save_local(std::span<ais_conn* const> conns, StateWriter& to) {
    Appender out;
    const auto write_get = [&](const Get& get) {
        out.u64(get.id);
        out.u64(get.serial);
        out.u64(get.capacity);
        out.u8(get.waits ? 1 : 0);
    };
    out.u32(local_version);
    out.u64(start_);
    out.u64(last_number_);
    out.u64(last_request_);
    out.u32(last_sender_);
    out.u64(last_client_);
    write_count(out, clients_);
    for (const auto& [number, client] : clients_) {
        const auto at = std::find(conns.begin(), conns.end(), client->conn);
        if (at == conns.end()) {
            return AIS_ERR_INVALID;
        }
        out.u32(static_cast<std::uint32_t>(at - conns.begin()));
        out.u64(number);
        write_count(out, client->exchanges);
        for (const auto& [id, sender_id] : client->exchanges) {
            out.u64(id);
            out.u64(sender_id);
        }
        write_count(out, client->trackings);
        for (const auto& [name, flags] : client->trackings) {
            out.text(name);
            out.u8(flags);
        }
    }
    write_count(out, opens_);
    for (const auto& [number, open] : opens_) {
        out.u64(number);
        out.u64(open.client->number);
        out.u32(open.tag);
        out.u32(open.flags);
        out.u8(open.is_delivered ? 1 : 0);
        out.u8(open.is_lost ? 1 : 0);
        out.text(open.queue);
        out.u64(open.serial);
        out.u8(open.is_async ? 1 : 0);
        out.u64(open.invocation);
        write_count(out, open.waiting);
        for (const Get& get : open.waiting) {
            write_get(get);
        }
        write_count(out, open.taking);
        for (const auto& [id, get] : open.taking) {
            id.encode(out);
            out.u8(get ? 1 : 0);
            write_get(get.value_or(Get{}));
        }
        write_count(out, open.in_hand);
        for (const MessageId& id : open.in_hand) {
            id.encode(out);
        }
        write_count(out, open.handed);
        for (const auto& [get, id] : open.handed) {
            out.u64(get);
            id.encode(out);
        }
        out.u32(open.unheard);
        out.u64(open.unannounced);
        out.u8(open.is_closing ? 1 : 0);
        out.u64(open.close_serial);
    }
    const auto client_number = [&](ais_conn* conn) { return ipc_.context<Client>(conn)->number; };
    write_count(out, waiting_);
    for (const auto& [number, waiting] : waiting_) {
        out.u64(number);
        out.u64(client_number(waiting.conn));
        out.u64(waiting.serial);
        out.u8(waiting.is_async ? 1 : 0);
        out.u64(waiting.invocation);
        out.u16(waiting.query);
        out.text(waiting.body);
    }
    write_count(out, exchanges_);
    for (const auto& [sender_id, exchange] : exchanges_) {
        out.u64(sender_id);
        out.u64(client_number(exchange.conn));
        out.u64(exchange.serial);
        out.u64(exchange.id);
    }
    write_count(out, posts_);
    for (const Post& post : posts_) {
        out.u16(number_of(post.kind));
        out.text(post.body);
    }
    write_count(out, closing_);
    for (const auto& [number, waiting] : closing_) {
        out.u64(number);
        out.u64(client_number(waiting.conn));
        out.u64(waiting.serial);
    }
    return to.write(out.written());
}

ais_status MsgService::restore_local(std::span<ais_conn* const> conns,
                                     Bytes saved,
                                     std::string_view /*from_version*/) {
    Reader in(saved);
    if (in.u32() != local_version) {
        return AIS_ERR_UNSUPPORTED;
    }
    // A list of so many; `read` may make the reader bad.
    const auto each = [&](const auto& read) {
        const std::uint32_t count = in.u32();
        for (std::uint32_t i = 0; i < count && in.ok(); ++i) {
            read();
        }
    };
    const auto client_of = [&](std::uint64_t number) {
        const auto found = clients_.find(number);
        if (found == clients_.end()) {
            in.fail();
        }
        return found != clients_.end() ? found->second : nullptr;
    };
    const auto read_get = [&] {
        Get get;
        get.id = in.u64();
        get.serial = in.u64();
        get.capacity = in.u64();
        get.waits = in.u8() != 0;
        return get;
    };
    start_ = in.u64();
    last_number_ = in.u64();
    last_request_ = in.u64();
    last_sender_ = in.u32();
    last_client_ = in.u64();
    each([&] {
        const std::uint32_t index = in.u32();
        auto client = std::make_unique<Client>();
        client->number = in.u64();
        each([&] {
            const std::uint64_t id = in.u64();
            client->exchanges[id] = in.u64();
        });
        each([&] {
            const std::string name(in.text());
            client->trackings[name] = in.u8();
        });
        if (!in.ok() || index >= conns.size()) {
            return in.fail();
        }
        client->conn = conns[index];
        ipc_.set_context(client->conn, client.get());
        clients_[client->number] = client.get();
        by_conn_[client->conn] = std::move(client);
    });
    each([&] {
        const std::uint64_t number = in.u64();
        Open open;
        open.client = client_of(in.u64());
        open.tag = in.u32();
        open.flags = in.u32();
        open.is_delivered = in.u8() != 0;
        open.is_lost = in.u8() != 0;
        open.queue = in.text();
        open.serial = in.u64();
        open.is_async = in.u8() != 0;
        open.invocation = in.u64();
        each([&] { open.waiting.push_back(read_get()); });
        each([&] {
            const MessageId id = MessageId::decode(in);
            const bool has_get = in.u8() != 0;
            const Get get = read_get();
            open.taking[id] = has_get ? std::optional(get) : std::nullopt;
        });
        each([&] { open.in_hand.insert(MessageId::decode(in)); });
        each([&] {
            const std::uint64_t get = in.u64();
            open.handed[get] = MessageId::decode(in);
        });
        open.unheard = in.u32();
        open.unannounced = in.u64();
        open.is_closing = in.u8() != 0;
        open.close_serial = in.u64();
        if (open.client != nullptr) {
            open.client->opens[open.tag] = number;
            opens_[number] = std::move(open);
            unserved_.insert(number);  // looked at as soon as the loop turns
        }
    });
    each([&] {
        const std::uint64_t number = in.u64();
        Waiting waiting;
        const Client* client = client_of(in.u64());
        waiting.conn = client != nullptr ? client->conn : nullptr;
        waiting.serial = in.u64();
        waiting.is_async = in.u8() != 0;
        waiting.invocation = in.u64();
        waiting.query = in.u16();
        waiting.body = in.text();
        waiting_[number] = std::move(waiting);
    });
    each([&] {
        const std::uint64_t sender_id = in.u64();
        Exchange exchange;
        const Client* client = client_of(in.u64());
        exchange.conn = client != nullptr ? client->conn : nullptr;
        exchange.serial = in.u64();
        exchange.id = in.u64();
        exchanges_[sender_id] = exchange;
    });
    each([&] {
        const auto kind = static_cast<MessageKind>(in.u16());
        posts_.push_back({kind, std::string(in.text())});
    });
    each([&] {
        const std::uint64_t number = in.u64();
        Waiting waiting;
        const Client* client = client_of(in.u64());
        waiting.conn = client != nullptr ? client->conn : nullptr;
        waiting.serial = in.u64();
        closing_[number] = std::move(waiting);
    });
    if (!in.finished()) {
        return AIS_ERR_CORRUPT;
    }
    watch_all();
    return AIS_OK;
}

}  // namespace ais::msg
