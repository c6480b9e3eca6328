// SPDX-License-Identifier: BSD-3-Clause
//
// What clients of this node want, and their end.

#include "service.hpp"

#include <algorithm>
#include <utility>

namespace ais::msg {

ais_status MsgService::client_open(ais_conn* who, Bytes hello_bytes) {
    Hello hello;
    if (!Hello::decode(hello_bytes, hello)) {
        return AIS_ERR_CORRUPT;
    }
    if (hello.version != wire_version) {
        return AIS_ERR_UNSUPPORTED;
    }
    auto& client = by_conn_[who];
    client = std::make_unique<Client>();
    client->conn = who;
    client->number = ++last_client_;
    clients_[client->number] = client.get();
    ipc_.set_context(who, client.get());
    return AIS_OK;
}

void MsgService::client_close(ais_conn* who) {
    const auto found = by_conn_.find(who);
    if (found == by_conn_.end()) {
        return;
    }
    const std::unique_ptr<Client> client = std::move(found->second);
    by_conn_.erase(found);
    clients_.erase(client->number);
    ipc_.set_context(who, nullptr);
    if (!client->opens.empty()) {
        Appender body;
        body.i64(node_.wall_clock());
        for (const auto& [tag, number] : client->opens) {
            opens_.erase(number);
            unserved_.erase(number);
            body.u64(number);
        }
        post(MessageKind::close, body.written());
    }
    if (!client->exchanges.empty()) {
        Appender body;
        body.u64(0);
        for (const auto& [id, sender_id] : client->exchanges) {
            exchanges_.erase(sender_id);
            body.u64(sender_id);
        }
        post(MessageKind::forget, body.written());
    }
    std::erase_if(waiting_, [who](const auto& one) { return one.second.conn == who; });
    std::erase_if(closing_, [who](const auto& one) { return one.second.conn == who; });
}

void MsgService::request(ais_conn* from, std::uint64_t serial, std::uint16_t kind, Bytes body) {
    auto* client = ipc_.context<Client>(from);
    if (client == nullptr) {
        return;
    }
    flush();
    Reader in(body);
    const auto wanted = static_cast<RequestKind>(kind);
    switch (wanted) {
        case RequestKind::open:
        case RequestKind::open_async: {
            const bool is_async = wanted == RequestKind::open_async;
            OpenRequest request;
            if (!OpenRequest::decode(body, is_async, request)) {
                return complaints_.broken_request(client->conn, "open");
            }
            return open(*client, serial, is_async, request);
        }
        case RequestKind::close:
        case RequestKind::abandon:
        case RequestKind::cancel: {
            const std::uint32_t tag = in.u32();
            if (!in.finished()) {
                return complaints_.broken_request(client->conn, "close");
            }
            if (wanted != RequestKind::cancel) {
                return close(*client, serial, tag);
            }
            ipc_.respond(from, serial, cancel(*client, tag));
            return;
        }
        case RequestKind::unlink:
        case RequestKind::group_create:
        case RequestKind::group_insert:
        case RequestKind::group_remove:
        case RequestKind::group_delete:
            return change(*client, serial, wanted, body);
        case RequestKind::set_retention:
        case RequestKind::set_thresholds:
        case RequestKind::thresholds:
            return change_open(*client, serial, wanted, body);
        case RequestKind::status:
        case RequestKind::track:
        case RequestKind::list:
            return look(*client, serial, wanted, body);
        case RequestKind::track_stop:
            ipc_.respond(from, serial, track_stop(*client, as_text(body)));
            return;
        case RequestKind::send:
        case RequestKind::send_async:
        case RequestKind::send_receive:
            return send(*client, serial, wanted, body);
        case RequestKind::forget:
            return forget(*client, serial, body);
        case RequestKind::reply:
            return reply(*client, serial, false, body);
        case RequestKind::reply_async:
            return reply(*client, serial, true, body);
        case RequestKind::get:
            return get(*client, serial, body);
        case RequestKind::got:
            return got(*client, true, body);
        case RequestKind::abandon_get:
            return got(*client, false, body);
        case RequestKind::heard:
            return heard(*client, body);
    }
    complaints_.broken_request(client->conn, "request of unknown kind");
}

MsgService::Open* MsgService::find_open(Client& client, std::uint32_t tag) {
    const auto found = client.opens.find(tag);
    if (found == client.opens.end()) {
        return nullptr;
    }
    Open& open = opens_.at(found->second);
    return open.is_delivered && !open.is_lost && !open.is_closing ? &open : nullptr;
}

std::uint64_t MsgService::wait_for(ais_conn* conn, std::uint64_t serial) {
    Waiting& waiting = waiting_[++last_request_];
    waiting.conn = conn;
    waiting.serial = serial;
    return last_request_;
}

void MsgService::open(Client& client,
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
    if ((wanted.flags & flag_create) != 0 && wanted.attributes.is_too_big()) {
        return tell_opened(open, SA_AIS_ERR_TOO_BIG);
    }
    if (client.opens.size() >= opens_max) {
        return tell_opened(open, SA_AIS_ERR_NO_RESOURCES);
    }
    if (client.opens.contains(wanted.tag)) {
        return complaints_.broken_request(client.conn, "open with a tag in use");
    }
    const std::uint64_t number = ++last_number_;
    Appender head;
    OpenMessage{number, wanted.flags, wanted.attributes, {}}.encode_head(head);
    if (group_.multicast(number_of(MessageKind::open), head.written(), wanted.name) != AIS_OK) {
        return tell_opened(open, SA_AIS_ERR_TRY_AGAIN);
    }
    client.opens[wanted.tag] = number;
    opens_.emplace(number, std::move(open));
}

void MsgService::tell_opened(Open& open, SaAisErrorT error) {
    if (open.is_async) {
        std::uint8_t space[OpenedEvent::size];
        Writer body(space);
        OpenedEvent{open.invocation, open.tag, error}.encode(body);
        ipc_.notify(open.client->conn, number_of(EventKind::opened), body.written());
    } else if (open.serial != 0) {
        ipc_.respond(open.client->conn, std::exchange(open.serial, 0), error);
    }
}

// Answered when it is delivered: from then on nobody is told that the queue is open.  It is not
// refused, but waits for room and for a ring.
void MsgService::close(Client& client, std::uint64_t serial, std::uint32_t tag) {
    const auto found = client.opens.find(tag);
    if (found == client.opens.end() || opens_.at(found->second).is_closing) {
        if (serial != 0) {
            ipc_.respond(client.conn, serial, SA_AIS_ERR_BAD_HANDLE);
        }
        return;
    }
    Open& open = opens_.at(found->second);
    if (!open.is_delivered && !open.is_async) {
        tell_opened(open, SA_AIS_ERR_TIMEOUT);  // nobody waits for it any more
    }
    refuse_all(open, SA_AIS_ERR_BAD_HANDLE);
    open.is_closing = true;
    open.close_serial = serial;
    try_finish_close(found->second);
}

// Why not at once: another thread may have got a message and be about to say so.  If the close
// came first, that message would go to the next who opens the queue as well.
void MsgService::try_finish_close(std::uint64_t number) {
    Open& open = opens_.at(number);
    if (!open.is_closing || !open.handed.empty()) {
        return;
    }
    ais_conn* conn = open.client->conn;
    const std::uint64_t serial = open.close_serial;
    const bool is_lost = open.is_lost;
    open.client->opens.erase(open.tag);
    opens_.erase(number);
    unserved_.erase(number);
    if (is_lost) {
        if (serial != 0) {
            ipc_.respond(conn, serial, SA_AIS_ERR_BAD_HANDLE);
        }
        return;
    }
    if (serial != 0) {
        Waiting& waiting = closing_[number];
        waiting.conn = conn;
        waiting.serial = serial;
    }
    Appender body;
    body.i64(node_.wall_clock());
    body.u64(number);
    post(MessageKind::close, body.written());
}

// Whether all members of a group can still be told in one answer, when one comes to it.  Half of
// the room is for what others insert meanwhile, and for who has left it since a tracker was told.
bool MsgService::can_tell_one_more(Bytes insert) const {
    const auto group = state_.groups().find(Reader(insert).text());
    if (group == state_.groups().end()) {
        return true;  // whoever decides says so
    }
    Appender all;
    members_of(group->second).encode(all);
    return all.size() <= group_.message_max() / 2;
}

// Queues and groups by name.
void MsgService::change(Client& client, std::uint64_t serial, RequestKind kind, Bytes body) {
    Reader in(body);
    auto message = MessageKind::unlink;
    bool is_good = false;
    if (kind == RequestKind::unlink || kind == RequestKind::group_delete) {
        message = kind == RequestKind::unlink ? MessageKind::unlink : MessageKind::group_delete;
        is_good = is_name(body);
    } else if (kind == RequestKind::group_create) {
        message = MessageKind::group_create;
        is_good = is_policy(in.u32()) && is_name(in.rest());
    } else {
        message = kind == RequestKind::group_insert ? MessageKind::group_insert
                                                    : MessageKind::group_remove;
        is_good = is_name(in.text()) && is_name(in.rest());
    }
    if (!is_good) {
        return complaints_.broken_request(client.conn, "name");
    }
    if (kind == RequestKind::group_insert && !can_tell_one_more(body)) {
        ipc_.respond(client.conn, serial, SA_AIS_ERR_NO_RESOURCES);
        return;
    }
    std::uint8_t space[8];
    Writer head(space);
    head.u64(wait_for(client.conn, serial));
    if (group_.multicast(number_of(message), head.written(), body) != AIS_OK) {
        answer(state_.self(), last_request_, SA_AIS_ERR_TRY_AGAIN);
    }
}

// What is set and asked of a queue that this client has open.
void MsgService::change_open(Client& client, std::uint64_t serial, RequestKind kind, Bytes body) {
    Reader in(body);
    const std::uint32_t tag = in.u32();
    const std::size_t size = kind == RequestKind::set_retention    ? 8
                             : kind == RequestKind::set_thresholds ? Thresholds::size
                                                                   : 0;
    if (!in.ok() || in.remaining() != size) {
        return complaints_.broken_request(client.conn, "attribute");
    }
    const Queue* queue = find_open(client, tag) != nullptr
                             ? state_.queue_of({state_.self(), client.opens.at(tag)})
                             : nullptr;
    if (queue == nullptr) {
        ipc_.respond(client.conn, serial, SA_AIS_ERR_BAD_HANDLE);
        return;
    }
    if (kind == RequestKind::thresholds) {
        Appender out;
        queue->thresholds.encode(out);
        ipc_.respond(client.conn, serial, SA_AIS_OK, out.written());
        return;
    }
    const auto message = kind == RequestKind::set_retention ? MessageKind::set_retention
                                                            : MessageKind::set_thresholds;
    std::uint8_t space[16];
    Writer head(space);
    head.u64(client.opens.at(tag));
    head.u64(wait_for(client.conn, serial));
    if (group_.multicast(number_of(message), head.written(), in.rest()) != AIS_OK) {
        answer(state_.self(), last_request_, SA_AIS_ERR_TRY_AGAIN);
    }
}

// What is looked at in its place of the order, so that it shows all that has returned anywhere.
void MsgService::look(Client& client, std::uint64_t serial, RequestKind kind, Bytes body) {
    Reader in(body);
    if (kind == RequestKind::track) {
        in.u8();
        in.u32();
    } else if (kind == RequestKind::list) {
        in.u8();
    }
    if (!in.ok() || in.remaining() > name_max ||
        (kind != RequestKind::list && in.remaining() == 0)) {
        return complaints_.broken_request(client.conn, "query");
    }
    const std::uint64_t request = wait_for(client.conn, serial);
    Waiting& waiting = waiting_[request];
    waiting.query = number_of(kind);
    waiting.body = as_text(body);
    std::uint8_t space[8];
    Writer head(space);
    head.u64(request);
    if (group_.multicast(number_of(MessageKind::query), head.written()) != AIS_OK) {
        answer(state_.self(), request, SA_AIS_ERR_TRY_AGAIN);
    }
}

namespace {

Status status_of(const Queue& queue) {
    Status status;
    status.flags = queue.attributes.flags;
    status.retention = queue.attributes.retention;
    status.closed = queue.closed_at;
    for (std::size_t i = 0; i < priorities; ++i) {
        status.areas[i] = queue.status(i);
    }
    return status;
}

}  // namespace

void MsgService::give_status(const Waiting& query) {
    const Queue* queue = state_.find_queue(query.body);
    if (queue == nullptr) {
        ipc_.respond(query.conn, query.serial, SA_AIS_ERR_NOT_EXIST);
        return;
    }
    Appender out;
    status_of(*queue).encode(out);
    ipc_.respond(query.conn, query.serial, SA_AIS_OK, out.written());
}

void MsgService::give_list(const Waiting& query) {
    // Limit: of one answer.
    const std::size_t enough = group_.message_max() / 4;
    Reader in(as_bytes(query.body));
    const bool wants_groups = in.u8() != 0;
    const std::string_view after = as_text(in.rest());
    Appender entries;
    std::uint32_t count = 0;
    bool has_more = false;
    if (wants_groups) {
        const auto end = state_.groups().end();
        for (auto at = state_.groups().upper_bound(after); at != end && !has_more; ++at) {
            entries.text(at->first);
            members_of(at->second).encode(entries);
            ++count;
            has_more = entries.size() > enough;
        }
    } else {
        const auto end = state_.names().end();
        for (auto at = state_.names().upper_bound(after); at != end && !has_more; ++at) {
            entries.text(at->first);
            entries.u32(at->second->owner.node);
            entries.u8(at->second->reached());
            status_of(*at->second).encode(entries);
            ++count;
            has_more = entries.size() > enough;
        }
    }
    std::uint8_t space[5];
    Writer head(space);
    head.u8(has_more ? 1 : 0);
    head.u32(count);
    ipc_.respond(query.conn, query.serial, SA_AIS_OK, head.written(), entries.written());
}

std::uint64_t MsgService::next_sender_id() {
    for (;;) {
        const std::uint64_t id = (std::uint64_t{state_.self()} << 32) | ++last_sender_;
        if (last_sender_ != 0 && !exchanges_.contains(id) && !state_.awaits_reply(id)) {
            return id;
        }
    }
}

void MsgService::tell_delivered(ais_conn* conn, std::uint64_t invocation, SaAisErrorT error) {
    std::uint8_t space[DeliveredEvent::size];
    Writer body(space);
    DeliveredEvent{invocation, error}.encode(body);
    ipc_.notify(conn, number_of(EventKind::delivered), body.written());
}

void MsgService::send(Client& client, std::uint64_t serial, RequestKind kind, Bytes body) {
    Reader in(body);
    SendMessage wanted;
    Waiting waiting;
    waiting.conn = client.conn;
    waiting.serial = serial;
    bool is_answered = kind == RequestKind::send;
    Exchange exchange{client.conn, serial, 0};
    if (kind == RequestKind::send_async) {
        waiting.is_async = true;
        waiting.invocation = in.u64();
        is_answered = in.u8() != 0;
    } else if (kind == RequestKind::send_receive) {
        exchange.id = in.u64();
        wanted.capacity = in.u64();
        wanted.sender_id = next_sender_id();
    }
    wanted.destination = in.text();
    wanted.message = in.rest();
    Message message;
    if (!in.ok() || !is_name(wanted.destination) || !Message::decode(wanted.message, message) ||
        (kind == RequestKind::send_receive && client.exchanges.contains(exchange.id))) {
        return complaints_.broken_request(client.conn, "send");
    }
    wanted.start = start_;
    wanted.number = ++last_request_;
    Appender head;
    wanted.encode_head(head);
    // Why safe: the sender is told that the message is in the queue, so every member must have it,
    // also if this node dies in the next moment.
    const auto multicast = number_of(MessageKind::send);
    const ais_status status = is_answered || kind == RequestKind::send_receive
                                  ? group_.multicast_safe(multicast, head.written(), wanted.message)
                                  : group_.multicast(multicast, head.written(), wanted.message);
    if (status == AIS_OK && kind == RequestKind::send_receive) {
        client.exchanges[exchange.id] = wanted.sender_id;
        exchanges_[wanted.sender_id] = exchange;
    } else if (is_answered || (status != AIS_OK && kind == RequestKind::send_receive)) {
        waiting_[wanted.number] = waiting;
    }
    if (status != AIS_OK) {
        answer(state_.self(),
               wanted.number,
               status == AIS_ERR_TOO_BIG ? SA_AIS_ERR_TOO_BIG : SA_AIS_ERR_TRY_AGAIN);
    }
}

void MsgService::reply(Client& client, std::uint64_t serial, bool is_async, Bytes body) {
    Reader in(body);
    Waiting waiting;
    waiting.conn = client.conn;
    waiting.serial = serial;
    bool is_answered = true;
    if (is_async) {
        waiting.is_async = true;
        waiting.invocation = in.u64();
        is_answered = in.u8() != 0;
    }
    const Bytes rest = in.rest();  // sender id and message
    in.u64();
    Message message;
    if (!in.ok() || !Message::decode(in.rest(), message)) {
        return complaints_.broken_request(client.conn, "reply");
    }
    const std::uint64_t request = ++last_request_;
    if (is_answered) {
        waiting_[request] = waiting;
    }
    std::uint8_t space[8];
    Writer head(space);
    head.u64(request);
    // Safe, as a message to a queue is.
    const auto multicast = number_of(MessageKind::reply);
    const ais_status status = is_answered ? group_.multicast_safe(multicast, head.written(), rest)
                                          : group_.multicast(multicast, head.written(), rest);
    if (status != AIS_OK) {
        answer(state_.self(),
               request,
               status == AIS_ERR_TOO_BIG ? SA_AIS_ERR_TOO_BIG : SA_AIS_ERR_TRY_AGAIN);
    }
}

// A SendReceive has timed out.  The answer comes when no reply can any more.
void MsgService::forget(Client& client, std::uint64_t serial, Bytes body) {
    Reader in(body);
    const std::uint64_t id = in.u64();
    if (!in.finished()) {
        return complaints_.broken_request(client.conn, "end of an exchange");
    }
    const auto found = client.exchanges.find(id);
    if (found == client.exchanges.end()) {
        ipc_.respond(client.conn, serial, SA_AIS_OK);  // it is over
        return;
    }
    const std::uint64_t sender_id = found->second;
    const auto exchange = exchanges_.find(sender_id);
    ipc_.respond(client.conn, exchange->second.serial, SA_AIS_ERR_TIMEOUT);
    exchanges_.erase(exchange);
    client.exchanges.erase(found);
    std::uint8_t space[16];
    Writer message(space);
    message.u64(wait_for(client.conn, serial));
    message.u64(sender_id);
    post(MessageKind::forget, message.written());
}

}  // namespace ais::msg
