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

using client::ask;
using client::bytes_of;
using client::tell;

// Tell the service to forget what this call has given up; not waiting for long.
inline void give_up(Session& session, RequestKind kind, std::uint64_t target) {
    (void)tell(session, kind, std::chrono::seconds(1), bytes_of(target));
}

// Find the resource, open, and do it.
template <typename Action>
SaAisErrorT with_resource(SaLckResourceHandleT handle, Action&& action) {
    return client::with_object(resources(), handle, [&](const auto& resource, const auto& session) {
        return resource->is_open ? action(resource, session) : SA_AIS_ERR_BAD_HANDLE;
    });
}

// Take the resource and its locks out of the tables.
void forget_resource(ResourceObject& resource);
void forget_lock(LockObject& lock);

// What comes from the executive; true: a callback was called.
bool on_event(Session& session, const client::Event& event);

}  // namespace ais::lck
