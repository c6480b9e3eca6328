// SPDX-License-Identifier: BSD-3-Clause
//
// What stands behind the handles and lock ids of libSaLck, and what its functions share.
//
// A lock's id is its place in a table of the process, made before the request is sent; the
// service calls it the same, and a resource by its handle.
//
// Threads: all functions from any thread.  No lock is held while a callback runs.

#pragma once

#include "include/saLck.h"
#include "wire.hpp"

#include "client/ais_library.hpp"

#include <ais/abi/plugin.h>

#include <atomic>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <vector>

namespace ais::lck {

struct Session {
    std::shared_ptr<client::Connection> connection;
    SaLckCallbacksT callbacks{};
    std::atomic<SaLckLockLostCallbackT> lost_callback{nullptr};
    bool has_limits = false;  // B.03 or later was asked for
};

struct ResourceObject {
    std::weak_ptr<Session> owner;
    SaLckResourceHandleT handle = 0;
    std::atomic<bool> is_open{false};

    std::mutex locks_mutex;
    std::set<SaLckLockIdT> locks;
};

// A request, and the lock that becomes of it.
struct LockObject {
    std::weak_ptr<Session> owner;
    std::shared_ptr<ResourceObject> resource;
    SaLckLockIdT id = 0;
    std::atomic<bool> is_unlocking{false};
};

client::Library<Session>& sessions();
client::Library<ResourceObject>& resources();
client::Library<LockObject>& locks();

inline ais_bytes part(Bytes bytes) {
    return to_abi(bytes);
}

// One request and its response, of parts that are Bytes.
template <typename... Parts>
SaAisErrorT ask(Session& session,
                RequestKind kind,
                std::vector<std::uint8_t>& response,
                client::Duration timeout,
                const Parts&... parts) {
    const ais_bytes list[] = {part(parts)..., ais_bytes{}};
    return client::call(
        *session.connection, number_of(kind), {list, sizeof...(parts)}, response, timeout);
}
// Of a request whose body is one handle or id.
inline SaAisErrorT ask(Session& session,
                       RequestKind kind,
                       std::uint64_t target,
                       client::Duration timeout = client::forever) {
    std::uint8_t space[8];
    Writer body(space);
    body.u64(target);
    std::vector<std::uint8_t> response;
    return ask(session, kind, response, timeout, body.written());
}
// One way, waiting for room in the ring.
template <typename... Parts>
SaAisErrorT send(Session& session, RequestKind kind, const Parts&... parts) {
    const ais_bytes list[] = {part(parts)..., ais_bytes{}};
    return client::to_sa_error(session.connection->send(
        number_of(kind), {list, sizeof...(parts)}, client::forever));
}

// Tell the service to forget what this call has given up; not waiting for long.
inline void give_up(Session& session, RequestKind kind, std::uint64_t target) {
    std::uint8_t space[8];
    Writer body(space);
    body.u64(target);
    const ais_bytes list[] = {part(body.written())};
    session.connection->send(number_of(kind), list, std::chrono::seconds(1));
}

// Find the resource, open, and do it.
template <typename Action>
SaAisErrorT with_resource(SaLckResourceHandleT handle, Action&& action) {
    return client::with_object(
        resources(), handle, [&](const auto& resource, const auto& session) {
            return resource->is_open ? action(resource, session) : SA_AIS_ERR_BAD_HANDLE;
        });
}

// Take the resource and its locks out of the tables.
void forget_resource(ResourceObject& resource);
void forget_lock(LockObject& lock);

// What comes from the executive; true: a callback was called.
bool on_event(Session& session, const client::Event& event);

}  // namespace ais::lck
