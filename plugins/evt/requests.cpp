// SPDX-License-Identifier: BSD-3-Clause
//
// What clients of this node want, and their end.

#include "service.hpp"

#include <algorithm>
#include <utility>

namespace ais::evt {

ais_status EvtService::client_open(ais_conn* who, Bytes hello_bytes) {
    Hello hello;
    if (!Hello::decode(hello_bytes, hello)) {
        return AIS_ERR_CORRUPT;
    }
    if (hello.version != wire_version) {
        return AIS_ERR_UNSUPPORTED;
    }
    auto& client = clients_[who];
    client = std::make_unique<Client>(who, queue_size_, queue_resume_);
    ipc_.set_context(who, client.get());
    return AIS_OK;
}

void EvtService::client_close(ais_conn* who) {
    const auto found = clients_.find(who);
    if (found == clients_.end()) {
        return;
    }
    const std::unique_ptr<Client> client = std::move(found->second);
    clients_.erase(found);
    ipc_.set_context(who, nullptr);
    counters_.lost += client->backlog.lost();
    for (const auto& [tag, number] : client->opens) {
        opens_.erase(number);
        pending_closes_.push_back(number);
    }
    std::erase_if(waiting_, [who](const auto& one) { return one.second.conn == who; });
    flush_closes();
    rearm();
}

// The ends of processes are not requests, so they come when the send queue is full as well;
// they wait here.
void EvtService::flush_closes() {
    if (pending_closes_.empty()) {
        return;
    }
    Appender body;
    for (const std::uint64_t number : pending_closes_) {
        body.u64(number);
    }
    if (group_.multicast(number_of(MessageKind::close), body.written()) == AIS_OK) {
        pending_closes_.clear();
    }
}

void EvtService::request(ais_conn* from, std::uint64_t serial, std::uint16_t kind, Bytes body) {
    auto* client = ipc_.context<Client>(from);
    if (client == nullptr) {
        return;
    }
    Reader in(body);
    switch (static_cast<RequestKind>(kind)) {
        case RequestKind::open:
        case RequestKind::open_async: {
            const bool is_async = static_cast<RequestKind>(kind) == RequestKind::open_async;
            OpenRequest wanted;
            if (!OpenRequest::decode(body, is_async, wanted)) {
                return complaints_.broken_request(client->conn, "open");
            }
            return open(*client, serial, is_async, wanted);
        }
        case RequestKind::close:
        case RequestKind::abandon: {
            const std::uint32_t tag = in.u32();
            if (!in.finished()) {
                return complaints_.broken_request(client->conn, "close");
            }
            const SaAisErrorT closed = close(*client, tag);
            if (serial != 0) {
                ipc_.respond(from, serial, closed);
            }
            return;
        }
        case RequestKind::unlink: {
            if (!is_name(body)) {
                return complaints_.broken_request(client->conn, "unlink");
            }
            std::uint8_t space[8];
            Writer head(space);
            head.u64(++last_request_);
            if (group_.multicast(number_of(MessageKind::unlink), head.written(), body) != AIS_OK) {
                ipc_.respond(from, serial, SA_AIS_ERR_TRY_AGAIN);
                return;
            }
            waiting_[last_request_] = {from, serial};
            return;
        }
        case RequestKind::ids:
            return give_ids(*client, serial, body);
        case RequestKind::publish:
            return publish(*client, serial, false, body);
        case RequestKind::retain:
            return publish(*client, serial, true, body);
        case RequestKind::subscribe:
            return subscribe(*client, serial, body);
        case RequestKind::unsubscribe:
            ipc_.respond(from, serial, unsubscribe(*client, body));
            return;
        case RequestKind::clear:
            return clear(*client, serial, body);
        case RequestKind::consumed:
            return consumed(*client, body);
    }
    complaints_.broken_request(client->conn, "request of unknown kind");
}

EvtService::Open* EvtService::find_open(Client& client, std::uint32_t tag) {
    const auto found = client.opens.find(tag);
    if (found == client.opens.end()) {
        return nullptr;
    }
    Open& open = opens_.at(found->second);
    return open.is_delivered ? &open : nullptr;
}

void EvtService::open(Client& client,
                      std::uint64_t serial,
                      bool is_async,
                      const OpenRequest& wanted) {
    Open open;
    open.client = &client;
    open.tag = wanted.tag;
    open.flags = wanted.flags;
    open.serial = serial;
    open.is_async = is_async;
    open.invocation = wanted.invocation;
    if (client.opens.size() >= opens_max) {
        return tell_opened(open, SA_AIS_ERR_NO_RESOURCES);
    }
    if (client.opens.contains(wanted.tag)) {
        return complaints_.broken_request(client.conn, "open with a tag in use");
    }
    const std::uint64_t number = ++last_number_;
    std::uint8_t space[OpenMessage::head_size];
    Writer head(space);
    OpenMessage{number, 0, wanted.flags, {}}.encode_head(head);
    const auto kind = number_of(MessageKind::open);
    if (group_.multicast(kind, head.written(), wanted.name) != AIS_OK) {
        return tell_opened(open, SA_AIS_ERR_TRY_AGAIN);
    }
    client.opens[wanted.tag] = number;
    opens_.emplace(number, std::move(open));
}

void EvtService::tell_opened(Open& open, SaAisErrorT error) {
    if (open.is_async) {
        std::uint8_t space[OpenedEvent::size];
        Writer body(space);
        OpenedEvent{open.invocation, open.tag, error}.encode(body);
        ipc_.notify(open.client->conn, number_of(EventKind::opened), body.written());
    } else if (open.serial != 0) {
        ipc_.respond(open.client->conn, std::exchange(open.serial, 0), error);
    }
}

void EvtService::end_subscriptions(Open& open) {
    for (const auto& [id, subscription] : open.subscriptions) {
        open.client->subscriptions_bytes -= subscription.cost;
    }
    open.subscriptions.clear();
}

SaAisErrorT EvtService::close(Client& client, std::uint32_t tag) {
    const auto found = client.opens.find(tag);
    if (found == client.opens.end()) {
        return SA_AIS_ERR_BAD_HANDLE;
    }
    const std::uint64_t number = found->second;
    Open& open = opens_.at(number);
    if (!open.is_delivered && !open.is_async) {
        tell_opened(open, SA_AIS_ERR_TIMEOUT);  // nobody waits for it any more
    }
    end_subscriptions(open);
    client.opens.erase(found);
    opens_.erase(number);
    client.backlog.forget(tag);
    pending_closes_.push_back(number);
    flush_closes();
    rearm();
    return SA_AIS_OK;
}

// Event ids are the node and a count that begins far from where it began in other lives of this
// node (EvtService::configure), and after the last id that is known of it should that be near.
void EvtService::give_ids(Client& client, std::uint64_t serial, Bytes body) {
    Reader in(body);
    if (!in.finished()) {
        return complaints_.broken_request(client.conn, "ids");
    }
    if (!has_ids_) {
        has_ids_ = true;
        constexpr std::uint32_t near = 1U << 26;
        const std::uint64_t last = state_.last_id(state_.self());
        if (last != 0 && static_cast<std::uint32_t>(last) - next_id_ < near) {
            next_id_ = static_cast<std::uint32_t>(last) + 1;
        }
    }
    const std::uint64_t first = (std::uint64_t{state_.self()} << 32) | next_id_;
    // A block ends where the count does.
    const std::uint32_t count = std::min(ids_per_block, ~next_id_ == 0 ? 1 : ~next_id_);
    next_id_ += count;
    std::uint8_t space[12];
    Writer out(space);
    out.u64(first);
    out.u32(count);
    ipc_.respond(client.conn, serial, SA_AIS_OK, out.written());
}

void EvtService::publish(Client& client, std::uint64_t serial, bool is_kept, Bytes body) {
    Reader in(body);
    const std::uint32_t tag = in.u32();
    const Bytes encoded = in.rest();
    Event event;
    if (!in.ok() || !Event::decode(encoded, event) || event.id >> 32 != state_.self() ||
        is_kept != (event.retention > 0)) {
        return complaints_.broken_request(client.conn, "publish");
    }
    const auto respond = [&](SaAisErrorT error) {
        if (serial != 0) {
            ipc_.respond(client.conn, serial, error);
        }
    };
    const Open* open = find_open(client, tag);
    if (open == nullptr || (open->flags & flag_publisher) == 0) {
        return respond(SA_AIS_ERR_BAD_HANDLE);  // closed by another thread
    }
    if (is_kept && state_.kept_bytes() + encoded.size() > retained_max_) {
        return respond(SA_AIS_ERR_NO_RESOURCES);
    }
    std::uint8_t space[8];
    Writer head(space);
    head.u64(client.opens.at(tag));
    const ais_status status =
        group_.multicast(number_of(MessageKind::publish), head.written(), encoded);
    if (status != AIS_OK && serial == 0) {
        // The kernel reads no request that it has no room for, so it is too big; the
        // library has said yes to it.
        log_.error("EVT-005",
                   "pid ",
                   ipc_.peer(client.conn).pid,
                   ": an event of ",
                   encoded.size(),
                   " bytes could not be queued (status ",
                   status,
                   "): is totem.message_max below it?");
        ipc_.disconnect(client.conn, "its event could not be queued");
        return;
    }
    respond(status == AIS_OK ? SA_AIS_OK : SA_AIS_ERR_TRY_AGAIN);
}

void EvtService::subscribe(Client& client, std::uint64_t serial, Bytes body) {
    Reader in(body);
    const std::uint32_t tag = in.u32();
    const std::uint32_t id = in.u32();
    Subscription subscription;
    subscription.cost = subscription_cost + in.remaining();
    if (!decode_filters(in, subscription.filters)) {
        return complaints_.broken_request(client.conn, "subscribe");
    }
    Open* open = find_open(client, tag);
    if (open == nullptr || (open->flags & flag_subscriber) == 0) {
        ipc_.respond(client.conn, serial, SA_AIS_ERR_BAD_HANDLE);
        return;
    }
    if (client.subscriptions_bytes + subscription.cost > subscriptions_bytes_max &&
        !open->subscriptions.contains(id)) {
        ipc_.respond(client.conn, serial, SA_AIS_ERR_NO_RESOURCES);
        return;
    }
    const auto [place, is_new] = open->subscriptions.emplace(id, std::move(subscription));
    client.subscriptions_bytes += is_new ? place->second.cost : 0;
    ipc_.respond(client.conn, serial, is_new ? SA_AIS_OK : SA_AIS_ERR_EXIST);
    const Channel* channel = state_.channel_of({state_.self(), client.opens.at(tag)});
    if (!is_new || channel == nullptr) {
        return;
    }
    Event event;
    for (const auto& [at, kept] : channel->kept) {
        const Bytes encoded = as_bytes(*kept.event);
        if (Event::decode(encoded, event) && matches(place->second.filters, event.patterns)) {
            SharedEvent shared = kept.event;
            hand_to(*open, id, event, encoded, shared);
        }
    }
}

SaAisErrorT EvtService::unsubscribe(Client& client, Bytes body) {
    Reader in(body);
    const std::uint32_t tag = in.u32();
    const std::uint32_t id = in.u32();
    Open* open = in.finished() ? find_open(client, tag) : nullptr;
    if (open == nullptr) {
        return SA_AIS_ERR_BAD_HANDLE;
    }
    const auto found = open->subscriptions.find(id);
    if (found == open->subscriptions.end()) {
        return SA_AIS_ERR_NOT_EXIST;
    }
    client.subscriptions_bytes -= found->second.cost;
    open->subscriptions.erase(found);
    client.backlog.forget(Subscriber{tag, id});
    return SA_AIS_OK;
}

void EvtService::clear(Client& client, std::uint64_t serial, Bytes body) {
    Reader in(body);
    const std::uint32_t tag = in.u32();
    const std::uint64_t id = in.u64();
    if (!in.finished()) {
        return complaints_.broken_request(client.conn, "retention clear");
    }
    if (find_open(client, tag) == nullptr) {
        ipc_.respond(client.conn, serial, SA_AIS_ERR_BAD_HANDLE);
        return;
    }
    std::uint8_t space[ClearMessage::size];
    Writer message(space);
    ClearMessage{client.opens.at(tag), ++last_request_, id}.encode(message);
    if (group_.multicast(number_of(MessageKind::clear), message.written()) != AIS_OK) {
        ipc_.respond(client.conn, serial, SA_AIS_ERR_TRY_AGAIN);
        return;
    }
    waiting_[last_request_] = {client.conn, serial};
}

void EvtService::consumed(Client& client, Bytes body) {
    Reader in(body);
    for (std::uint32_t priority = 0; priority < priorities; ++priority) {
        const std::uint32_t count = in.u32();
        if (!in.ok() || !client.backlog.consume(priority, count)) {
            return complaints_.broken_request(client.conn, "count of events");
        }
    }
    pump(client);
}

}  // namespace ais::evt
