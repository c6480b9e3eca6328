// SPDX-License-Identifier: BSD-3-Clause
//
// libSaEvt: from the connection to the callbacks, most urgent first.

#include "client_session.hpp"

namespace ais::evt {
namespace {

// Tell the service after so many, or when nothing is pending.
constexpr std::uint32_t consumed_batch = 32;

// What ended it: not ok.
client::Status take_all(Session& session) {
    client::Event event;
    for (;;) {
        const client::Status status = session.connection->take_event(event, client::Settle::later);
        if (status != client::Status::ok) {
            return status;
        }
        if (static_cast<EventKind>(event.kind) == EventKind::opened) {
            session.opened.push_back(std::move(event));
            continue;
        }
        // The priority lies at a fixed place; what does not decode is dropped here.
        Event decoded;
        Reader in(event.body);
        DeliverHead::decode(in);
        if (in.ok() && Event::decode(in.rest(), decoded)) {
            session.pending[decoded.priority].push_back(std::move(event));
        }
    }
}

// Requires: pending_mutex.
void tell_consumed(Session& session, bool is_last) {
    std::uint32_t total = 0;
    for (const std::uint32_t count : session.dispatched) {
        total += count;
    }
    if (total == 0 || (total < consumed_batch && !is_last)) {
        return;
    }
    std::uint8_t space[priorities * 4];
    Writer body(space);
    for (const std::uint32_t count : session.dispatched) {
        body.u32(count);
    }
    const ais_bytes list[] = {part(body.written())};
    // Without room now it goes with the next ones.
    if (session.connection->send(static_cast<std::uint16_t>(RequestKind::consumed), list) ==
        client::Status::ok) {
        session.dispatched.fill(0);
    }
}

// The next event, most urgent first.  try_again: none is pending.
client::Status take(Session& session, client::Event& out) {
    const std::lock_guard lock(session.pending_mutex);
    const client::Status last = take_all(session);
    bool found = !session.opened.empty();
    if (found) {
        out = std::move(session.opened.front());
        session.opened.pop_front();
    }
    for (std::uint32_t priority = 0; priority < priorities && !found; ++priority) {
        auto& queue = session.pending[priority];
        if (!queue.empty()) {
            found = true;
            out = std::move(queue.front());
            queue.pop_front();
            ++session.dispatched[priority];
        }
    }
    bool is_empty = session.opened.empty();
    for (const auto& queue : session.pending) {
        is_empty = is_empty && queue.empty();
    }
    tell_consumed(session, is_empty);
    if (is_empty) {
        session.connection->settle_events();
    }
    if (found) {
        return client::Status::ok;
    }
    return last == client::Status::no_memory ? last : session.connection->state();
}

bool on_opened(Session& session, const client::Event& event) {
    OpenedEvent opened;
    if (!OpenedEvent::decode(event.body, opened) ||
        session.callbacks.saEvtChannelOpenCallback == nullptr) {
        return false;
    }
    SaEvtChannelHandleT handle = 0;
    {
        const std::lock_guard lock(session.channels_mutex);
        const auto found = session.channels.find(opened.key);
        handle = found != session.channels.end() ? found->second : 0;
    }
    const auto channel = channels().pin(handle);
    if (channel == nullptr) {
        return false;
    }
    if (opened.error == SA_AIS_OK) {
        channel->is_open = true;
    } else {
        forget_channel(session, handle, *channel);
        handle = 0;
    }
    session.callbacks.saEvtChannelOpenCallback(
        opened.invocation, handle, static_cast<SaAisErrorT>(opened.error));
    return true;
}

bool on_deliver(Session& session,
                const std::shared_ptr<Session>& owner,
                const client::Event& event) {
    Reader in(event.body);
    const DeliverHead head = DeliverHead::decode(in);
    Event decoded;
    if (!in.ok() || !Event::decode(in.rest(), decoded) ||
        session.callbacks.saEvtEventDeliverCallback == nullptr) {
        return false;
    }
    SaEvtChannelHandleT handle = 0;
    {
        const std::lock_guard lock(session.channels_mutex);
        const auto found = session.channels.find(head.tag);
        handle = found != session.channels.end() ? found->second : 0;
    }
    auto channel = channels().pin(handle);
    if (channel == nullptr || !channel->is_open) {
        return false;  // closed meanwhile
    }
    SaEvtSubscriptionIdT subscription = 0;
    {
        const std::lock_guard lock(channel->events_mutex);
        const auto found = channel->subscriptions.find(head.subscription);
        if (found == channel->subscriptions.end()) {
            return false;  // unsubscribed meanwhile
        }
        subscription = found->second;
    }
    auto object = std::make_shared<EventObject>();
    object->owner = owner;
    object->channel = std::move(channel);
    object->is_received = true;
    object->patterns.assign(decoded.patterns.begin(), decoded.patterns.end());
    object->priority = static_cast<SaEvtEventPriorityT>(decoded.priority);
    object->retention = decoded.retention;
    object->publisher = decoded.publisher;
    // A notice of loss has the time at which it is told.
    object->publish_time = decoded.id == lost_event_id ? client::time_of_day()
                                                       : static_cast<SaTimeT>(decoded.publish_time);
    object->id = decoded.id;
    object->data = as_text(decoded.data);
    const SaSizeT size = decoded.data.size();
    session.callbacks.saEvtEventDeliverCallback(
        subscription, insert_event(std::move(object)), size);
    return true;
}

}  // namespace

SaAisErrorT dispatch(const std::shared_ptr<Session>& session, client::DispatchMode mode) {
    client::Event event;
    for (;;) {
        const client::Status status = take(*session, event);
        if (status == client::Status::ok && !event.body.empty()) {
            const bool called = static_cast<EventKind>(event.kind) == EventKind::opened
                                    ? on_opened(*session, event)
                                    : on_deliver(*session, session, event);
            event = {};
            if (called && mode == client::DispatchMode::one_nonblocking) {
                return SA_AIS_OK;
            }
            continue;
        }
        if (status == client::Status::closed) {
            return SA_AIS_OK;  // finalized by a callback or by another thread
        }
        if (status != client::Status::ok) {
            return client::to_sa_error(status);
        }
        if (mode != client::DispatchMode::blocking) {
            return SA_AIS_OK;
        }
        const client::Status waited = session->connection->wait_event();
        if (waited != client::Status::ok) {
            return waited == client::Status::closed ? SA_AIS_OK : client::to_sa_error(waited);
        }
    }
}

}  // namespace ais::evt
