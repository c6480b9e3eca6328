// SPDX-License-Identifier: BSD-3-Clause
//
// libSaEvt: association and channels.

#include "client_session.hpp"

namespace ais::evt {

client::Library<Session>& sessions() {
    static client::Library<Session> table(0x45565401U);
    return table;
}
client::Library<Channel>& channels() {
    static client::Library<Channel> table(0x45564307U);
    return table;
}
client::Library<EventObject>& events() {
    static client::Library<EventObject> table(0x4556450dU);
    return table;
}

void forget_channel(Session& session, SaEvtChannelHandleT handle, Channel& channel) {
    channel.is_open = false;
    channels().take(handle);
    {
        const std::lock_guard lock(session.channels_mutex);
        session.channels.erase(channel.tag);
    }
    std::set<SaEvtEventHandleT> all;
    {
        const std::lock_guard lock(channel.events_mutex);
        all.swap(channel.events);
    }
    for (const SaEvtEventHandleT event : all) {
        events().take(event);
    }
}

namespace {

constexpr client::Version versions[] = {{'B', 1, 1}, {'B', 2, 1}, {'B', 3, 1}};

// One that is not open yet, and known by its tag.
std::shared_ptr<Channel> make_channel(const std::shared_ptr<Session>& session,
                                      SaEvtChannelOpenFlagsT flags,
                                      SaEvtChannelHandleT& handle) {
    auto channel = std::make_shared<Channel>();
    channel->owner = session;
    channel->flags = flags;
    const std::lock_guard lock(session->channels_mutex);
    do {
        channel->tag = ++session->last_tag;
    } while (session->channels.contains(channel->tag));
    handle = channels().insert(channel);
    session->channels[channel->tag] = handle;
    return channel;
}

SaAisErrorT check_open(const SaNameT* name, SaEvtChannelOpenFlagsT flags) {
    const SaAisErrorT named = client::check_name(name);
    if (named != SA_AIS_OK) {
        return named;
    }
    return flags == 0 || (flags & ~flags_all) != 0 ? SA_AIS_ERR_BAD_FLAGS : SA_AIS_OK;
}

SaAisErrorT open(const std::shared_ptr<Session>& session,
                 const SaNameT& name,
                 SaEvtChannelOpenFlagsT flags,
                 client::Duration timeout,
                 SaEvtChannelHandleT& out) {
    SaEvtChannelHandleT handle = 0;
    const auto channel = make_channel(session, flags, handle);
    std::uint8_t space[8];
    Writer head(space);
    head.u32(channel->tag);
    head.u32(flags);
    std::vector<std::uint8_t> response;
    const SaAisErrorT error = ask(
        *session, RequestKind::open, response, timeout, head.written(), client::name_bytes(name));
    if (error == SA_AIS_OK) {
        channel->is_open = true;
        out = handle;
        return error;
    }
    if (error == SA_AIS_ERR_TIMEOUT) {
        // It may be opened yet: then it is closed again.
        (void)tell(*session, RequestKind::abandon, std::chrono::seconds(1), bytes_of(channel->tag));
    }
    forget_channel(*session, handle, *channel);
    return error;
}

SaAisErrorT open_async(const std::shared_ptr<Session>& session,
                       SaInvocationT invocation,
                       const SaNameT& name,
                       SaEvtChannelOpenFlagsT flags) {
    SaEvtChannelHandleT handle = 0;
    const auto channel = make_channel(session, flags, handle);
    std::uint8_t space[16];
    Writer head(space);
    head.u64(invocation);
    head.u32(channel->tag);
    head.u32(flags);
    const SaAisErrorT error = tell(*session,
                                   RequestKind::open_async,
                                   client::forever,
                                   head.written(),
                                   client::name_bytes(name));
    if (error != SA_AIS_OK) {
        forget_channel(*session, handle, *channel);
    }
    return error;
}

}  // namespace
}  // namespace ais::evt

namespace evt = ais::evt;
namespace client = ais::client;

extern "C" {

AIS_EXPORT SaAisErrorT saEvtInitialize(SaEvtHandleT* evtHandle,
                                       const SaEvtCallbacksT* callbacks,
                                       SaVersionT* version) {
    const int wanted = version != nullptr ? version->majorVersion : 0;
    return client::initialize(evt::sessions(),
                              evt::service_id,
                              evt::versions,
                              evtHandle,
                              version,
                              [=](evt::Session& session, client::Version) {
                                  if (callbacks != nullptr) {
                                      session.callbacks = *callbacks;
                                  }
                                  session.has_limits = wanted >= 3;
                                  return client::pack(evt::Hello{});
                              });
}

AIS_EXPORT SaAisErrorT saEvtSelectionObjectGet(SaEvtHandleT evtHandle,
                                               SaSelectionObjectT* selectionObject) {
    return client::selection_object_get(evt::sessions(), evtHandle, selectionObject);
}

AIS_EXPORT SaAisErrorT saEvtDispatch(SaEvtHandleT evtHandle, SaDispatchFlagsT dispatchFlags) {
    return client::with(evt::sessions(), evtHandle, [=](const auto& session) {
        const auto mode = client::to_mode(dispatchFlags);
        return mode ? evt::dispatch(session, *mode) : SA_AIS_ERR_INVALID_PARAM;
    });
}

AIS_EXPORT SaAisErrorT saEvtFinalize(SaEvtHandleT evtHandle) {
    return client::finalize(evt::sessions(), evtHandle, [](const auto& session) {
        client::close_objects(evt::channels(), session);
        client::close_objects(evt::events(), session);
    });
}

AIS_EXPORT SaAisErrorT saEvtChannelOpen(SaEvtHandleT evtHandle,
                                        const SaNameT* channelName,
                                        SaEvtChannelOpenFlagsT channelOpenFlags,
                                        SaTimeT timeout,
                                        SaEvtChannelHandleT* channelHandle) {
    return client::with(evt::sessions(), evtHandle, [=](const auto& session) {
        if (channelHandle == nullptr) {
            return SA_AIS_ERR_INVALID_PARAM;
        }
        const SaAisErrorT checked = evt::check_open(channelName, channelOpenFlags);
        if (checked != SA_AIS_OK) {
            return checked;
        }
        if (timeout <= 0) {
            return SA_AIS_ERR_TIMEOUT;
        }
        return evt::open(session,
                         *channelName,
                         channelOpenFlags,
                         client::to_duration(timeout).value_or(client::forever),
                         *channelHandle);
    });
}

AIS_EXPORT SaAisErrorT saEvtChannelOpenAsync(SaEvtHandleT evtHandle,
                                             SaInvocationT invocation,
                                             const SaNameT* channelName,
                                             SaEvtChannelOpenFlagsT channelOpenFlags) {
    return client::with(evt::sessions(), evtHandle, [=](const auto& session) {
        const SaAisErrorT checked = evt::check_open(channelName, channelOpenFlags);
        if (checked != SA_AIS_OK) {
            return checked;
        }
        if (session->callbacks.saEvtChannelOpenCallback == nullptr) {
            return SA_AIS_ERR_INIT;
        }
        return evt::open_async(session, invocation, *channelName, channelOpenFlags);
    });
}

AIS_EXPORT SaAisErrorT saEvtChannelClose(SaEvtChannelHandleT channelHandle) {
    return evt::with_channel(channelHandle, [=](const auto& channel, const auto& session) {
        if (!channel->is_open.exchange(false)) {
            return SA_AIS_ERR_BAD_HANDLE;  // another thread was first
        }
        const SaAisErrorT error =
            evt::ask(*session, evt::RequestKind::close, evt::bytes_of(channel->tag));
        if (error != SA_AIS_OK && error != SA_AIS_ERR_BAD_HANDLE) {
            channel->is_open = true;
            return error;
        }
        evt::forget_channel(*session, channelHandle, *channel);
        return error;
    });
}

AIS_EXPORT SaAisErrorT saEvtChannelUnlink(SaEvtHandleT evtHandle, const SaNameT* channelName) {
    return client::with(evt::sessions(), evtHandle, [=](const auto& session) {
        const SaAisErrorT checked = client::check_name(channelName);
        if (checked != SA_AIS_OK) {
            return checked;
        }
        return evt::ask(*session, evt::RequestKind::unlink, client::name_bytes(*channelName));
    });
}

AIS_EXPORT SaAisErrorT saEvtLimitGet(SaEvtHandleT evtHandle,
                                     SaEvtLimitIdT limitId,
                                     SaLimitValueT* limitValue) {
    return client::with(evt::sessions(), evtHandle, [=](const auto& session) {
        const SaAisErrorT alive = client::check_alive(*session);
        if (alive != SA_AIS_OK) {
            return alive;
        }
        if (!session->has_limits) {
            return SA_AIS_ERR_VERSION;
        }
        if (limitValue == nullptr) {
            return SA_AIS_ERR_INVALID_PARAM;
        }
        switch (limitId) {
            case SA_EVT_MAX_NUM_CHANNELS_ID:
                limitValue->uint64Value = evt::channels_max;
                return SA_AIS_OK;
            case SA_EVT_MAX_EVT_SIZE_ID:
                limitValue->uint64Value = evt::event_size_max;
                return SA_AIS_OK;
            case SA_EVT_MAX_PATTERN_SIZE_ID:
                limitValue->uint64Value = evt::pattern_size_max;
                return SA_AIS_OK;
            case SA_EVT_MAX_NUM_PATTERNS_ID:
                limitValue->uint64Value = evt::patterns_max;
                return SA_AIS_OK;
            case SA_EVT_MAX_RETENTION_DURATION_ID:
                limitValue->timeValue = evt::retention_max;
                return SA_AIS_OK;
        }
        return SA_AIS_ERR_INVALID_PARAM;
    });
}

}  // extern "C"
