// SPDX-License-Identifier: BSD-3-Clause
//
// libSaMsg: from the connection to the callbacks.  A word about a queue that was closed
// meanwhile is dropped.

#include "client_session.hpp"

namespace ais::msg {
namespace {

std::shared_ptr<Queue> find(Session& session, std::uint32_t tag, SaMsgQueueHandleT& handle) {
    {
        const std::lock_guard lock(session.queues_mutex);
        const auto found = session.queues.find(tag);
        if (found == session.queues.end()) {
            return nullptr;
        }
        handle = found->second;
    }
    return queues().pin(handle);
}

bool on_opened(Session& session, Bytes body) {
    OpenedEvent opened;
    if (!OpenedEvent::decode(body, opened) || session.callbacks.saMsgQueueOpenCallback == nullptr) {
        return false;
    }
    SaMsgQueueHandleT handle = 0;
    const auto queue = find(session, opened.key, handle);
    if (queue == nullptr) {
        return false;
    }
    if (opened.error == SA_AIS_OK) {
        queue->is_open = true;
    } else {
        forget_queue(session, handle, *queue);
        handle = 0;
    }
    session.callbacks.saMsgQueueOpenCallback(
        opened.invocation, handle, static_cast<SaAisErrorT>(opened.error));
    return true;
}

// The service sends no more than received_credit words ahead.  Told once for half of them, and
// without waiting for room, but for the last one, after which none would come.
void give_credit(Session& session, Queue& queue) {
    const std::uint32_t count = ++queue.heard;
    if (count < received_credit / 2) {
        return;
    }
    queue.heard -= count;
    std::uint8_t space[8];
    Writer body(space);
    body.u32(queue.tag);
    body.u32(count);
    const auto patience = count < received_credit ? client::Duration::zero() : client::forever;
    if (tell(session, RequestKind::heard, patience, body.written()) != SA_AIS_OK) {
        queue.heard += count;
    }
}

bool on_received(Session& session, Bytes body) {
    Reader in(body);
    SaMsgQueueHandleT handle = 0;
    const auto queue = find(session, in.u32(), handle);
    if (!in.finished() || queue == nullptr || queue->is_closed ||
        session.callbacks.saMsgMessageReceivedCallback == nullptr) {
        return false;
    }
    // Its Open may be about to return in another thread; it has the queue already.
    queue->is_open = true;
    give_credit(session, *queue);
    session.callbacks.saMsgMessageReceivedCallback(handle);
    return true;
}

bool on_delivered(const Session& session, Bytes body) {
    DeliveredEvent delivered;
    if (!DeliveredEvent::decode(body, delivered) ||
        session.callbacks.saMsgMessageDeliveredCallback == nullptr) {
        return false;
    }
    session.callbacks.saMsgMessageDeliveredCallback(delivered.invocation,
                                                    static_cast<SaAisErrorT>(delivered.error));
    return true;
}

bool on_tracked(const Session& session, Bytes body) {
    Reader in(body);
    const SaNameT group = client::read_name(in);
    const std::uint32_t member_count = in.u32();
    Members members;
    if (!Members::decode(in, members) || !in.finished() ||
        session.callbacks.saMsgQueueGroupTrackCallback == nullptr) {
        return false;
    }
    std::vector<SaMsgQueueGroupNotificationT> items;
    items.reserve(members.members.size());
    for (const Member& member : members.members) {
        items.push_back(
            {{client::to_name(member.name)}, static_cast<SaMsgQueueGroupChangesT>(member.change)});
    }
    const SaMsgQueueGroupNotificationBufferT buffer{
        static_cast<SaUint32T>(items.size()),
        items.data(),
        static_cast<SaMsgQueueGroupPolicyT>(members.policy)};
    session.callbacks.saMsgQueueGroupTrackCallback(&group, &buffer, member_count, SA_AIS_OK);
    return true;
}

}  // namespace

bool on_event(Session& session, const client::Event& event) {
    switch (static_cast<EventKind>(event.kind)) {
        case EventKind::opened:
            return on_opened(session, event.body);
        case EventKind::received:
            return on_received(session, event.body);
        case EventKind::delivered:
            return on_delivered(session, event.body);
        case EventKind::tracked:
            return on_tracked(session, event.body);
    }
    return false;
}

}  // namespace ais::msg
