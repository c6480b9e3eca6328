// SPDX-License-Identifier: BSD-3-Clause
//
// libSaLck: locks, fencing numbers.

#include "client_session.hpp"

namespace ais::lck {
namespace {

// The service decides in the order of the ring whether a request is granted or its time is
// up.  If there is no order now, this is how long the caller waits beyond its timeout.
constexpr client::Duration grace = std::chrono::seconds(2);

SaAisErrorT check_lock(const SaLckLockIdT* id, SaLckLockModeT mode, SaLckLockFlagsT flags) {
    if (id == nullptr || !is_mode(static_cast<std::uint32_t>(mode))) {
        return SA_AIS_ERR_INVALID_PARAM;
    }
    return (flags & ~lock_flags_all) != 0 ? SA_AIS_ERR_BAD_FLAGS : SA_AIS_OK;
}

std::shared_ptr<LockObject> make_lock(const std::shared_ptr<ResourceObject>& resource,
                                      const std::shared_ptr<Session>& session) {
    auto lock = std::make_shared<LockObject>();
    lock->owner = session;
    lock->resource = resource;
    lock->id = locks().insert(lock);
    const std::lock_guard guard(resource->locks_mutex);
    resource->locks.insert(lock->id);
    return lock;
}

SaAisErrorT lock(Session& session,
                 LockObject& object,
                 LockRequest& wanted,
                 client::Duration timeout,
                 SaLckLockStatusT& status) {
    wanted.timeout = timeout == client::forever ? LockRequest::for_ever : timeout.count();
    Appender body;
    wanted.encode(false, body);
    std::vector<std::uint8_t> response;
    SaAisErrorT error = ask(session,
                            RequestKind::lock,
                            response,
                            timeout == client::forever ? timeout : timeout + grace,
                            body.written());
    LockAnswer answer;
    if (error == SA_AIS_OK && !LockAnswer::decode(response, answer)) {
        error = SA_AIS_ERR_LIBRARY;
    }
    if (error == SA_AIS_ERR_TIMEOUT) {
        // If it is decided after all, it is given back.
        give_up(session, RequestKind::cancel, object.id);
    }
    if (error != SA_AIS_OK || answer.status != Status::granted) {
        forget_lock(object);
    }
    if (error == SA_AIS_OK) {
        status = static_cast<SaLckLockStatusT>(answer.status);
    }
    return error;
}

// Of an unlock.  Without an executive the other one has no answer either.
SaAisErrorT another_was_first(const Session& session) {
    const SaAisErrorT alive = client::check_alive(session);
    return alive == SA_AIS_OK ? SA_AIS_ERR_NOT_EXIST : alive;
}

}  // namespace
}  // namespace ais::lck

namespace lck = ais::lck;
namespace client = ais::client;

extern "C" {

AIS_EXPORT SaAisErrorT saLckResourceLock(SaLckResourceHandleT lockResourceHandle,
                                         SaLckLockIdT* lockId,
                                         SaLckLockModeT lockMode,
                                         SaLckLockFlagsT lockFlags,
                                         SaLckWaiterSignalT waiterSignal,
                                         SaTimeT timeout,
                                         SaLckLockStatusT* lockStatus) {
    return lck::with_resource(lockResourceHandle, [=](const auto& resource, const auto& session) {
        if (lockStatus == nullptr) {
            return SA_AIS_ERR_INVALID_PARAM;
        }
        const SaAisErrorT checked = lck::check_lock(lockId, lockMode, lockFlags);
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
        const auto object = lck::make_lock(resource, session);
        *lockId = object->id;
        lck::LockRequest wanted;
        wanted.id = object->id;
        wanted.handle = lockResourceHandle;
        wanted.signal = waiterSignal;
        wanted.mode = static_cast<lck::Mode>(lockMode);
        wanted.flags = lockFlags;
        return lck::lock(*session, *object, wanted, *patience, *lockStatus);
    });
}

AIS_EXPORT SaAisErrorT saLckResourceLockAsync(SaLckResourceHandleT lockResourceHandle,
                                              SaInvocationT invocation,
                                              SaLckLockIdT* lockId,
                                              SaLckLockModeT lockMode,
                                              SaLckLockFlagsT lockFlags,
                                              SaLckWaiterSignalT waiterSignal) {
    return lck::with_resource(lockResourceHandle, [=](const auto& resource, const auto& session) {
        const SaAisErrorT checked = lck::check_lock(lockId, lockMode, lockFlags);
        if (checked != SA_AIS_OK) {
            return checked;
        }
        if (session->callbacks.saLckLockGrantCallback == nullptr) {
            return SA_AIS_ERR_INIT;
        }
        const auto object = lck::make_lock(resource, session);
        *lockId = object->id;
        lck::LockRequest wanted;
        wanted.invocation = invocation;
        wanted.id = object->id;
        wanted.handle = lockResourceHandle;
        wanted.signal = waiterSignal;
        wanted.mode = static_cast<lck::Mode>(lockMode);
        wanted.flags = lockFlags;
        ais::Appender body;
        wanted.encode(true, body);
        const SaAisErrorT error =
            lck::tell(*session, lck::RequestKind::lock_async, client::forever, body.written());
        if (error != SA_AIS_OK) {
            lck::forget_lock(*object);
        }
        return error;
    });
}

AIS_EXPORT SaAisErrorT saLckResourceUnlock(SaLckLockIdT lockId, SaTimeT timeout) {
    const SaAisErrorT result =
        client::with_object(lck::locks(), lockId, [=](const auto& lock, const auto& session) {
            const auto patience = client::to_duration(timeout);
            if (!patience) {
                return SA_AIS_ERR_INVALID_PARAM;
            }
            if (timeout == 0) {
                return SA_AIS_ERR_TIMEOUT;
            }
            if (lock->is_unlocking.exchange(true)) {
                return lck::another_was_first(*session);
            }
            std::vector<std::uint8_t> response;
            const SaAisErrorT error = lck::ask(
                *session, lck::RequestKind::unlock, response, *patience, lck::bytes_of(lockId));
            if (error == SA_AIS_OK || error == SA_AIS_ERR_NOT_EXIST) {
                lck::forget_lock(*lock);
            } else {
                lock->is_unlocking = false;
            }
            return error;
        });
    // Of an id: it does not exist (any more).
    return result == SA_AIS_ERR_BAD_HANDLE ? SA_AIS_ERR_NOT_EXIST : result;
}

AIS_EXPORT SaAisErrorT saLckResourceUnlockAsync(SaInvocationT invocation, SaLckLockIdT lockId) {
    const SaAisErrorT result =
        client::with_object(lck::locks(), lockId, [=](const auto& lock, const auto& session) {
            if (session->callbacks.saLckResourceUnlockCallback == nullptr) {
                return SA_AIS_ERR_INIT;
            }
            if (lock->is_unlocking.exchange(true)) {
                return lck::another_was_first(*session);
            }
            std::uint8_t space[16];
            ais::Writer body(space);
            body.u64(invocation);
            body.u64(lockId);
            const SaAisErrorT error = lck::tell(
                *session, lck::RequestKind::unlock_async, client::forever, body.written());
            if (error != SA_AIS_OK) {
                lock->is_unlocking = false;
            }
            return error;
        });
    return result == SA_AIS_ERR_BAD_HANDLE ? SA_AIS_ERR_NOT_EXIST : result;
}

AIS_EXPORT SaAisErrorT saLckLockFenceGet(SaLckLockIdT lockId, SaLckFenceT* fence) {
    const SaAisErrorT result =
        client::with_object(lck::locks(), lockId, [=](const auto&, const auto& session) {
            if (fence == nullptr) {
                return SA_AIS_ERR_INVALID_PARAM;
            }
            std::vector<std::uint8_t> response;
            const SaAisErrorT error = lck::ask(*session,
                                               lck::RequestKind::fence,
                                               response,
                                               client::forever,
                                               lck::bytes_of(lockId));
            lck::Fence answer;
            if (error != SA_AIS_OK) {
                return error;
            }
            if (!lck::Fence::decode(response, answer)) {
                return SA_AIS_ERR_LIBRARY;
            }
            *fence = {answer.high, answer.low};
            return SA_AIS_OK;
        });
    return result == SA_AIS_ERR_BAD_HANDLE ? SA_AIS_ERR_NOT_EXIST : result;
}

AIS_EXPORT int saLckFenceCompare(const SaLckFenceT* a, const SaLckFenceT* b) {
    const lck::Fence one{a->high, a->low};
    const lck::Fence other{b->high, b->low};
    return one < other ? -1 : one == other ? 0 : 1;
}

}  // extern "C"
