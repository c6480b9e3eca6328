// SPDX-License-Identifier: BSD-3-Clause
//
// libSaLck: from the connection to the callbacks.  What concerns a handle or an id that is gone
// by now is dropped: after an unlock or a close nothing comes any more.

#include "client_session.hpp"

namespace ais::lck {
namespace {

bool on_opened(Session& session, Bytes body) {
    DoneEvent opened;
    if (!DoneEvent::decode(body, opened) ||
        session.callbacks.saLckResourceOpenCallback == nullptr) {
        return false;
    }
    const auto resource = resources().pin(opened.key);
    if (resource == nullptr) {
        return false;
    }
    SaLckResourceHandleT handle = resource->handle;
    if (opened.error == SA_AIS_OK) {
        resource->is_open = true;
    } else {
        forget_resource(*resource);
        handle = 0;
    }
    session.callbacks.saLckResourceOpenCallback(
        opened.invocation, handle, static_cast<SaAisErrorT>(opened.error));
    return true;
}

bool on_granted(Session& session, Bytes body) {
    GrantedEvent granted;
    if (!GrantedEvent::decode(body, granted) ||
        session.callbacks.saLckLockGrantCallback == nullptr) {
        return false;
    }
    const auto lock = locks().pin(granted.id);
    if (lock == nullptr || lock->is_unlocking) {
        return false;
    }
    if (granted.error != SA_AIS_OK || granted.status != Status::granted) {
        forget_lock(*lock);
    }
    session.callbacks.saLckLockGrantCallback(granted.invocation,
                                             static_cast<SaLckLockStatusT>(granted.status),
                                             static_cast<SaAisErrorT>(granted.error));
    return true;
}

bool on_waiter(Session& session, Bytes body) {
    WaiterEvent waiter;
    if (!WaiterEvent::decode(body, waiter) ||
        session.callbacks.saLckLockWaiterCallback == nullptr || locks().pin(waiter.id) == nullptr) {
        return false;
    }
    session.callbacks.saLckLockWaiterCallback(waiter.signal,
                                              waiter.id,
                                              static_cast<SaLckLockModeT>(waiter.held),
                                              static_cast<SaLckLockModeT>(waiter.requested));
    return true;
}

bool on_unlocked(Session& session, Bytes body) {
    DoneEvent unlocked;
    if (!DoneEvent::decode(body, unlocked) ||
        session.callbacks.saLckResourceUnlockCallback == nullptr) {
        return false;
    }
    const auto lock = locks().pin(unlocked.key);
    if (lock == nullptr) {
        return false;  // its resource was closed meanwhile
    }
    if (unlocked.error == SA_AIS_ERR_TRY_AGAIN) {
        lock->is_unlocking = false;
    } else {
        forget_lock(*lock);
    }
    session.callbacks.saLckResourceUnlockCallback(unlocked.invocation,
                                                  static_cast<SaAisErrorT>(unlocked.error));
    return true;
}

bool on_lost(Session& session, Bytes body) {
    Reader in(body);
    const std::uint64_t id = in.u64();
    const SaLckLockLostCallbackT callback = session.lost_callback;
    const auto lock = in.finished() ? locks().pin(id) : nullptr;
    if (lock == nullptr || callback == nullptr || lock->is_unlocking) {
        return false;
    }
    forget_lock(*lock);
    callback(lock->resource->handle, id);
    return true;
}

}  // namespace

bool on_event(Session& session, const client::Event& event) {
    switch (static_cast<EventKind>(event.kind)) {
        case EventKind::opened:
            return on_opened(session, event.body);
        case EventKind::granted:
            return on_granted(session, event.body);
        case EventKind::waiter:
            return on_waiter(session, event.body);
        case EventKind::unlocked:
            return on_unlocked(session, event.body);
        case EventKind::lost:
            return on_lost(session, event.body);
    }
    return false;
}

}  // namespace ais::lck
