// SPDX-License-Identifier: BSD-3-Clause
//
// What clients of this node want, and their end.

#include "service.hpp"

#include <algorithm>
#include <utility>

namespace ais::lck {

ais_status LckService::client_open(ais_conn* who, Bytes hello_bytes) {
    Hello hello;
    if (!Hello::decode(hello_bytes, hello)) {
        return AIS_ERR_CORRUPT;
    }
    if (hello.version != wire_version) {
        return AIS_ERR_UNSUPPORTED;
    }
    auto& client = clients_[who];
    client = std::make_unique<Client>();
    client->conn = who;
    client->number = ++last_number_;
    client->watch = hello.watch;
    ipc_.set_context(who, client.get());
    return AIS_OK;
}

void LckService::client_close(ais_conn* who) {
    const auto found = clients_.find(who);
    if (found == clients_.end()) {
        return;
    }
    const std::unique_ptr<Client> client = std::move(found->second);
    clients_.erase(found);
    ipc_.set_context(who, nullptr);
    const auto locks = client->locks;
    for (const auto& [id, number] : locks) {
        forget_lock(number);
    }
    // One message for all of them: nothing of a dead process is served in between.
    const auto opens = client->opens;
    for (const auto& [handle, number] : opens) {
        pending_closes_.push_back(number);
        forget_open(number);
    }
    std::erase_if(waiting_, [who](const auto& one) { return one.second.conn == who; });
    flush();
    rearm();
}

void LckService::request(ais_conn* from, std::uint64_t serial, std::uint16_t kind, Bytes body) {
    auto* client = ipc_.context<Client>(from);
    if (client == nullptr) {
        return;
    }
    Reader in(body);
    const auto what = static_cast<RequestKind>(kind);
    switch (what) {
        case RequestKind::open:
        case RequestKind::open_async: {
            OpenRequest wanted;
            const bool is_async = what == RequestKind::open_async;
            if (!OpenRequest::decode(body, is_async, wanted)) {
                return complaints_.broken_request(client->conn, "open");
            }
            return open(*client, serial, is_async, wanted);
        }
        case RequestKind::lock:
        case RequestKind::lock_async: {
            LockRequest wanted;
            const bool is_async = what == RequestKind::lock_async;
            if (!LockRequest::decode(body, is_async, wanted)) {
                return complaints_.broken_request(client->conn, "lock");
            }
            return lock(*client, serial, is_async, wanted);
        }
        case RequestKind::unlock_async: {
            const std::uint64_t invocation = in.u64();
            const std::uint64_t id = in.u64();
            if (!in.finished()) {
                return complaints_.broken_request(client->conn, "unlock");
            }
            return unlock(*client, {from, 0, invocation, id});
        }
        case RequestKind::watch: {
            const std::uint32_t bits = in.u32();
            if (!in.finished() || (bits & ~watch_all) != 0) {
                return complaints_.broken_request(client->conn, "choice of events");
            }
            client->watch = bits;
            ipc_.respond(from, serial, SA_AIS_OK);
            return;
        }
        case RequestKind::list:
            return list(*client, serial, body);
        case RequestKind::close:
        case RequestKind::abandon:
        case RequestKind::unlock:
        case RequestKind::cancel:
        case RequestKind::purge:
        case RequestKind::fence:
            break;
        default:
            return complaints_.broken_request(client->conn, "request of unknown kind");
    }
    // The others have a handle or an id and nothing else.
    const std::uint64_t target = in.u64();
    if (!in.finished()) {
        return complaints_.broken_request(client->conn, "handle");
    }
    switch (what) {
        case RequestKind::close:
        case RequestKind::abandon:
            return close(*client, serial, target);
        case RequestKind::unlock:
            return unlock(*client, {from, serial, 0, target});
        case RequestKind::cancel:
            return cancel(*client, target);
        case RequestKind::purge:
            return purge(*client, serial, target);
        default:
            return tell_fence(*client, serial, target);
    }
}

LckService::LocalOpen* LckService::find_open(const Client& client, std::uint64_t handle) {
    const auto found = client.opens.find(handle);
    if (found == client.opens.end()) {
        return nullptr;
    }
    LocalOpen& open = opens_.at(found->second);
    return open.is_delivered && !open.is_closing ? &open : nullptr;
}

void LckService::open(Client& client,
                      std::uint64_t serial,
                      bool is_async,
                      const OpenRequest& wanted) {
    LocalOpen open;
    open.client = &client;
    open.handle = wanted.handle;
    open.serial = serial;
    open.is_async = is_async;
    open.invocation = wanted.invocation;
    if (client.opens.size() >= opens_max) {
        return tell_opened(open, SA_AIS_ERR_NO_RESOURCES);
    }
    if (client.opens.contains(wanted.handle)) {
        return complaints_.broken_request(client.conn, "open with a handle in use");
    }
    const std::uint64_t number = ++last_number_;
    std::uint8_t space[OpenMessage::head_size];
    Writer head(space);
    OpenMessage{number, client.number, ipc_.peer(client.conn).pid, wanted.flags, {}}.encode_head(
        head);
    const auto kind = number_of(MessageKind::open);
    if (group_.multicast(kind, head.written(), wanted.name) != AIS_OK) {
        return tell_opened(open, SA_AIS_ERR_TRY_AGAIN);
    }
    client.opens[wanted.handle] = number;
    opens_.emplace(number, std::move(open));
}

// Answered when it is delivered: what was locked is free then, for everybody.
void LckService::close(Client& client, std::uint64_t serial, std::uint64_t handle) {
    const auto respond = [&](SaAisErrorT error) {
        if (serial != 0) {
            ipc_.respond(client.conn, serial, error);
        }
    };
    const auto found = client.opens.find(handle);
    if (found == client.opens.end() || opens_.at(found->second).is_closing) {
        return respond(SA_AIS_ERR_BAD_HANDLE);
    }
    const std::uint64_t number = found->second;
    LocalOpen& open = opens_.at(number);
    std::uint8_t space[16];
    Writer body(space);
    body.u64(++last_number_);
    body.u64(number);
    if (group_.multicast(number_of(MessageKind::close), body.written()) != AIS_OK) {
        if (serial != 0) {
            return respond(SA_AIS_ERR_TRY_AGAIN);
        }
        pending_closes_.push_back(number);
        rearm();
    } else if (serial != 0) {
        waiting_[last_number_] = {client.conn, serial, 0, 0};
    }
    open.is_closing = true;
    if (!open.is_delivered) {
        // Given up: nobody waits for it any more.
        tell_opened(open, SA_AIS_ERR_TIMEOUT);
        forget_open(number);
    }
}

void LckService::lock(Client& client,
                      std::uint64_t serial,
                      bool is_async,
                      const LockRequest& wanted) {
    LocalLock lock;
    lock.client = &client;
    lock.id = wanted.id;
    lock.serial = serial;
    lock.is_async = is_async;
    lock.invocation = wanted.invocation;
    LocalOpen* open = find_open(client, wanted.handle);
    if (open == nullptr) {
        return tell_failed(lock, SA_AIS_ERR_BAD_HANDLE);  // closed by another thread
    }
    if (client.locks.contains(wanted.id)) {
        return complaints_.broken_request(client.conn, "lock with an id in use");
    }
    lock.open = client.opens.at(wanted.handle);
    const std::uint64_t number = ++last_number_;
    std::uint8_t space[LockMessage::size];
    Writer body(space);
    LockMessage{number, lock.open, wanted.signal, wanted.mode, wanted.flags}.encode(body);
    if (group_.multicast(number_of(MessageKind::lock), body.written()) != AIS_OK) {
        return tell_failed(lock, SA_AIS_ERR_TRY_AGAIN);
    }
    open->locks.insert(number);
    client.locks[wanted.id] = number;
    LocalLock& kept = locks_.emplace(number, lock).first->second;
    const auto now = timer_.now();
    if (wanted.timeout < (Instant::max() - now).count()) {
        set_deadline(number, kept, now + Instant(wanted.timeout));
    }
}

void LckService::unlock(Client& client, const Waiting& waiting) {
    const std::uint64_t request = ++last_number_;
    waiting_[request] = waiting;
    const auto found = client.locks.find(waiting.id);
    if (found == client.locks.end()) {
        return answer(request, SA_AIS_ERR_NOT_EXIST);  // unlocked, closed or lost meanwhile
    }
    std::uint8_t space[TargetMessage::size];
    Writer body(space);
    TargetMessage{request, found->second}.encode(body);
    if (group_.multicast(number_of(MessageKind::unlock), body.written()) != AIS_OK) {
        answer(request, SA_AIS_ERR_TRY_AGAIN);
    }
}

// Its caller has given up, and has not heard of any decision.
void LckService::cancel(Client& client, std::uint64_t id) {
    const auto found = client.locks.find(id);
    if (found == client.locks.end()) {
        return;
    }
    const std::uint64_t number = found->second;
    LocalLock& lock = locks_.at(number);
    if (lock.serial != 0) {
        tell_failed(lock, SA_AIS_ERR_TIMEOUT);
    }
    forget_lock(number);
    pending_cancels_.push_back(number);
    flush();
    rearm();
}

void LckService::purge(Client& client, std::uint64_t serial, std::uint64_t handle) {
    if (find_open(client, handle) == nullptr) {
        ipc_.respond(client.conn, serial, SA_AIS_ERR_BAD_HANDLE);
        return;
    }
    std::uint8_t space[TargetMessage::size];
    Writer body(space);
    TargetMessage{++last_number_, client.opens.at(handle)}.encode(body);
    if (group_.multicast(number_of(MessageKind::purge), body.written()) != AIS_OK) {
        ipc_.respond(client.conn, serial, SA_AIS_ERR_TRY_AGAIN);
        return;
    }
    waiting_[last_number_] = {client.conn, serial, 0, 0};
}

// As it is at this place of the order: no message is needed.
void LckService::tell_fence(const Client& client, std::uint64_t serial, std::uint64_t id) const {
    const auto found = client.locks.find(id);
    const Lock* lock =
        found != client.locks.end() ? state_.find_lock({state_.self(), found->second}) : nullptr;
    if (lock == nullptr || lock->kind != Kind::granted) {
        ipc_.respond(client.conn, serial, SA_AIS_ERR_NOT_EXIST);
        return;
    }
    std::uint8_t space[Fence::size];
    Writer body(space);
    lock->fence.encode(body);
    ipc_.respond(client.conn, serial, SA_AIS_OK, body.written());
}

void LckService::list(const Client& client, std::uint64_t serial, Bytes body) {
    Reader in(body);
    std::uint32_t skip = in.u32();
    const std::string_view cursor = in.text();
    if (!in.finished() || cursor.size() > name_max) {
        return complaints_.broken_request(client.conn, "list");
    }
    Appender lines;
    std::size_t count = 0;
    const auto add = [&](const ListLine& line) {
        if (skip > 0) {
            --skip;
        } else if (count < lines_max) {
            ++count;
            line.encode(lines);
        }
    };
    const auto& resources = state_.resources();
    for (auto at = resources.lower_bound(cursor); at != resources.end() && count < lines_max;
         ++at) {
        const Resource& resource = *at->second;
        if (resource.name != cursor) {
            skip = 0;
        }
        const auto add_lock = [&](const Lock& lock) {
            ListLine line;
            line.name = resource.name;
            line.kind = static_cast<std::uint32_t>(lock.kind);
            line.mode = static_cast<std::uint32_t>(lock.mode);
            line.node = lock.id.node;
            line.pid = lock.open != nullptr ? lock.open->pid : 0;
            line.signal = lock.signal;
            line.fence = lock.fence;
            add(line);
        };
        for (const auto& [place, lock] : resource.held) {
            add_lock(*lock);
        }
        for (const auto& [place, lock] : resource.queue) {
            add_lock(*lock);
        }
        if (resource.held.empty() && resource.queue.empty()) {
            ListLine line;
            line.name = resource.name;
            add(line);
        }
    }
    ipc_.respond(client.conn, serial, SA_AIS_OK, lines.written());
}

}  // namespace ais::lck
