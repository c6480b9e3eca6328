// SPDX-License-Identifier: BSD-3-Clause
//
// libSaLck: association and resources.

#include "client_session.hpp"

namespace ais::lck {

client::Library<Session>& sessions() {
    static client::Library<Session> table(0x4c434b01U);
    return table;
}
client::Library<ResourceObject>& resources() {
    static client::Library<ResourceObject> table(0x4c434b57U);
    return table;
}
client::Library<LockObject>& locks() {
    static client::Library<LockObject> table(0x4c434ba3U);
    return table;
}

void forget_lock(LockObject& lock) {
    locks().take(lock.id);
    const std::lock_guard guard(lock.resource->locks_mutex);
    lock.resource->locks.erase(lock.id);
}

void forget_resource(ResourceObject& resource) {
    resource.is_open = false;
    resources().take(resource.handle);
    std::set<SaLckLockIdT> all;
    {
        const std::lock_guard guard(resource.locks_mutex);
        all.swap(resource.locks);
    }
    for (const SaLckLockIdT id : all) {
        locks().take(id);
    }
}

namespace {

constexpr client::Version versions[] = {{'B', 1, 1}, {'B', 2, 1}, {'B', 3, 1}};

// One that is not open yet.
std::shared_ptr<ResourceObject> make_resource(const std::shared_ptr<Session>& session) {
    auto resource = std::make_shared<ResourceObject>();
    resource->owner = session;
    resource->handle = resources().insert(resource);
    return resource;
}

SaAisErrorT check_open(const SaNameT* name, SaLckResourceOpenFlagsT flags) {
    const SaAisErrorT named = client::check_name(name);
    if (named != SA_AIS_OK) {
        return named;
    }
    return (flags & ~flag_create) != 0 ? SA_AIS_ERR_BAD_FLAGS : SA_AIS_OK;
}

SaAisErrorT open(const std::shared_ptr<Session>& session,
                 const SaNameT& name,
                 SaLckResourceOpenFlagsT flags,
                 client::Duration timeout,
                 SaLckResourceHandleT& out) {
    const auto resource = make_resource(session);
    std::uint8_t space[12];
    Writer head(space);
    head.u64(resource->handle);
    head.u32(flags);
    std::vector<std::uint8_t> response;
    const SaAisErrorT error = ask(
        *session, RequestKind::open, response, timeout, head.written(), client::name_bytes(name));
    if (error == SA_AIS_OK) {
        resource->is_open = true;
        out = resource->handle;
        return error;
    }
    if (error == SA_AIS_ERR_TIMEOUT) {
        // It may be opened yet: then it is closed again.
        give_up(*session, RequestKind::abandon, resource->handle);
    }
    forget_resource(*resource);
    return error;
}

SaAisErrorT open_async(const std::shared_ptr<Session>& session,
                       SaInvocationT invocation,
                       const SaNameT& name,
                       SaLckResourceOpenFlagsT flags) {
    const auto resource = make_resource(session);
    std::uint8_t space[20];
    Writer head(space);
    head.u64(invocation);
    head.u64(resource->handle);
    head.u32(flags);
    const SaAisErrorT error = tell(*session,
                                   RequestKind::open_async,
                                   client::forever,
                                   head.written(),
                                   client::name_bytes(name));
    if (error != SA_AIS_OK) {
        forget_resource(*resource);
    }
    return error;
}

SaAisErrorT set_watch(Session& session, std::uint32_t bits) {
    std::uint8_t space[4];
    Writer body(space);
    body.u32(bits);
    return ask(session, RequestKind::watch, body.written());
}

std::uint32_t watched(const Session& session) {
    return (session.callbacks.saLckLockWaiterCallback != nullptr ? watch_waiters : 0) |
           (session.lost_callback.load() != nullptr ? watch_losses : 0);
}

}  // namespace
}  // namespace ais::lck

namespace lck = ais::lck;
namespace client = ais::client;

extern "C" {

AIS_EXPORT SaAisErrorT saLckInitialize(SaLckHandleT* lckHandle,
                                       const SaLckCallbacksT* lckCallbacks,
                                       SaVersionT* version) {
    const int wanted = version != nullptr ? version->majorVersion : 0;
    return client::initialize(
        lck::sessions(),
        lck::service_id,
        lck::versions,
        lckHandle,
        version,
        [=](lck::Session& session, client::Version) {
            if (lckCallbacks != nullptr) {
                session.callbacks = *lckCallbacks;
            }
            session.has_limits = wanted >= 3;
            return client::pack(lck::Hello{lck::wire_version, lck::watched(session)});
        });
}

AIS_EXPORT SaAisErrorT saLckSelectionObjectGet(SaLckHandleT lckHandle,
                                               SaSelectionObjectT* selectionObject) {
    return client::selection_object_get(lck::sessions(), lckHandle, selectionObject);
}

AIS_EXPORT SaAisErrorT saLckOptionCheck(SaLckHandleT lckHandle, SaLckOptionsT* lckOptions) {
    return client::with(lck::sessions(), lckHandle, [=](const auto& session) {
        if (lckOptions == nullptr) {
            return SA_AIS_ERR_INVALID_PARAM;
        }
        const SaAisErrorT alive = client::check_alive(*session);
        if (alive == SA_AIS_OK) {
            *lckOptions = SA_LCK_OPT_ORPHAN_LOCKS | SA_LCK_OPT_DEADLOCK_DETECTION;
        }
        return alive;
    });
}

AIS_EXPORT SaAisErrorT saLckDispatch(SaLckHandleT lckHandle, SaDispatchFlagsT dispatchFlags) {
    return client::dispatch(lck::sessions(),
                            lckHandle,
                            dispatchFlags,
                            [](ais::Handle, lck::Session& session, const client::Event& event) {
                                return lck::on_event(session, event);
                            });
}

AIS_EXPORT SaAisErrorT saLckFinalize(SaLckHandleT lckHandle) {
    return client::finalize(lck::sessions(), lckHandle, [](const auto& session) {
        client::close_objects(lck::resources(), session);
        client::close_objects(lck::locks(), session);
    });
}

AIS_EXPORT SaAisErrorT saLckResourceOpen(SaLckHandleT lckHandle,
                                         const SaNameT* lockResourceName,
                                         SaLckResourceOpenFlagsT resourceFlags,
                                         SaTimeT timeout,
                                         SaLckResourceHandleT* lockResourceHandle) {
    return client::with(lck::sessions(), lckHandle, [=](const auto& session) {
        if (lockResourceHandle == nullptr) {
            return SA_AIS_ERR_INVALID_PARAM;
        }
        const SaAisErrorT checked = lck::check_open(lockResourceName, resourceFlags);
        if (checked != SA_AIS_OK) {
            return checked;
        }
        const auto patience = client::to_duration(timeout);
        if (!patience) {
            return SA_AIS_ERR_INVALID_PARAM;
        }
        if (timeout == 0) {
            return SA_AIS_ERR_TIMEOUT;
        }
        return lck::open(session, *lockResourceName, resourceFlags, *patience, *lockResourceHandle);
    });
}

AIS_EXPORT SaAisErrorT saLckResourceOpenAsync(SaLckHandleT lckHandle,
                                              SaInvocationT invocation,
                                              const SaNameT* lockResourceName,
                                              SaLckResourceOpenFlagsT resourceFlags) {
    return client::with(lck::sessions(), lckHandle, [=](const auto& session) {
        const SaAisErrorT checked = lck::check_open(lockResourceName, resourceFlags);
        if (checked != SA_AIS_OK) {
            return checked;
        }
        if (session->callbacks.saLckResourceOpenCallback == nullptr) {
            return SA_AIS_ERR_INIT;
        }
        return lck::open_async(session, invocation, *lockResourceName, resourceFlags);
    });
}

AIS_EXPORT SaAisErrorT saLckResourceClose(SaLckResourceHandleT lockResourceHandle) {
    return lck::with_resource(lockResourceHandle, [](const auto& resource, const auto& session) {
        if (!resource->is_open.exchange(false)) {
            return SA_AIS_ERR_BAD_HANDLE;  // another thread was first
        }
        const SaAisErrorT error =
            lck::ask(*session, lck::RequestKind::close, lck::bytes_of(resource->handle));
        if (error != SA_AIS_OK && error != SA_AIS_ERR_BAD_HANDLE) {
            resource->is_open = true;
            return error;
        }
        lck::forget_resource(*resource);
        return error;
    });
}

AIS_EXPORT SaAisErrorT saLckLockPurge(SaLckResourceHandleT lockResourceHandle) {
    return lck::with_resource(lockResourceHandle, [](const auto& resource, const auto& session) {
        return lck::ask(*session, lck::RequestKind::purge, lck::bytes_of(resource->handle));
    });
}

AIS_EXPORT SaAisErrorT saLckLimitGet(SaLckHandleT lckHandle,
                                     SaLckLimitIdT limitId,
                                     SaLimitValueT* limitValue) {
    return client::with(lck::sessions(), lckHandle, [=](const auto& session) {
        if (!session->has_limits) {
            return SA_AIS_ERR_VERSION;
        }
        if (limitValue == nullptr || limitId != SA_LCK_MAX_NUM_LOCKS_ID) {
            return SA_AIS_ERR_INVALID_PARAM;
        }
        const SaAisErrorT alive = client::check_alive(*session);
        if (alive == SA_AIS_OK) {
            limitValue->uint64Value = lck::locks_max;
        }
        return alive;
    });
}

AIS_EXPORT SaAisErrorT saLckLockLostCallbackSet(SaLckHandleT lckHandle,
                                                SaLckLockLostCallbackT lostCallback) {
    return client::with(lck::sessions(), lckHandle, [=](const auto& session) {
        session->lost_callback = lostCallback;
        return lck::set_watch(*session, lck::watched(*session));
    });
}

}  // extern "C"
