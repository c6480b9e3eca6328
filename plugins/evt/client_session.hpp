// SPDX-License-Identifier: BSD-3-Clause
//
// What stands behind the three kinds of handles of libSaEvt, and what its functions share.
//
// Events reach the library in the order of the ring and leave it by priority: dispatch moves
// what the connection has into `pending`, takes the most urgent, and tells the service how many it
// took (the service keeps the rest by priority, backlog.hpp).  While something is pending
// here the selection object stays readable.
//
// Threads: all functions from any thread.  No lock is held while a callback runs.

#pragma once

#include "include/saEvt.h"
#include "wire.hpp"

#include "client/ais_library.hpp"

#include <ais/abi/plugin.h>

#include <array>
#include <atomic>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <vector>

namespace ais::evt {

struct Channel;

struct Session {
    std::shared_ptr<client::Connection> connection;
    SaEvtCallbacksT callbacks{};
    bool has_limits = false;  // B.03 or later was asked for

    std::mutex channels_mutex;
    std::uint32_t last_tag = 0;
    std::map<std::uint32_t, SaEvtChannelHandleT> channels;  // by tag; also those still opening

    std::mutex ids_mutex;
    IdBlock ids;

    std::mutex pending_mutex;
    std::array<std::deque<client::Event>, priorities> pending;
    std::deque<client::Event> opened;  // answers of ChannelOpenAsync: before all events
    std::array<std::uint32_t, priorities> dispatched{};
};

struct Channel {
    std::weak_ptr<Session> owner;
    std::uint32_t tag = 0;
    SaEvtChannelOpenFlagsT flags = 0;
    std::atomic<bool> is_open{false};

    std::mutex events_mutex;
    std::set<SaEvtEventHandleT> events;
    // The application's ids by the numbers that the executive knows them by.  Why numbers: each is
    // used once, so what is pending for a subscription that has ended is for nobody, also when its
    // id is in use again.
    std::map<std::uint32_t, SaEvtSubscriptionIdT> subscriptions;
    std::uint32_t last_subscription = 0;
};

// An event of the application's own, or one that arrived.
struct EventObject {
    std::weak_ptr<Session> owner;
    std::shared_ptr<Channel> channel;
    bool is_received = false;

    std::mutex mutex;
    std::vector<std::string> patterns;
    SaEvtEventPriorityT priority = SA_EVT_LOWEST_PRIORITY;
    SaTimeT retention = 0;
    std::string publisher;
    SaTimeT publish_time = SA_TIME_UNKNOWN;
    SaEvtEventIdT id = SA_EVT_EVENTID_NONE;
    std::string data;  // of a received one
};

client::Library<Session>& sessions();
client::Library<Channel>& channels();
client::Library<EventObject>& events();

using client::ask;
using client::bytes_of;
using client::part;
using client::tell;

// Find the channel, open, and do it.
template <typename Action>
SaAisErrorT with_channel(SaEvtChannelHandleT handle, Action&& action) {
    return client::with_object(channels(), handle, [&](const auto& channel, const auto& session) {
        return channel->is_open ? action(channel, session) : SA_AIS_ERR_BAD_HANDLE;
    });
}
// Find the event, whose channel is still open, and do it under its lock.
template <typename Action>
SaAisErrorT with_event(SaEvtEventHandleT handle, Action&& action) {
    return client::with_object(events(), handle, [&](const auto& event, const auto& session) {
        if (!event->channel->is_open) {
            return SA_AIS_ERR_BAD_HANDLE;
        }
        const std::lock_guard lock(event->mutex);
        return action(*event, *session);
    });
}

// The handle goes with its channel.
SaEvtEventHandleT insert_event(std::shared_ptr<EventObject> event);
// Take the channel and its events out of the tables.
void forget_channel(Session& session, SaEvtChannelHandleT handle, Channel& channel);

// Dispatch, client_dispatch.cpp.
SaAisErrorT dispatch(const std::shared_ptr<Session>& session, client::DispatchMode mode);

}  // namespace ais::evt
