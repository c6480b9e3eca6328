// SPDX-License-Identifier: BSD-3-Clause
//
// libSaMsg: groups of queues, and who watches them.

#include "client_session.hpp"

#include <cstdlib>

namespace ais::msg {
namespace {

SaAisErrorT change_member(SaMsgHandleT handle,
                          RequestKind kind,
                          const SaNameT* group,
                          const SaNameT* queue) {
    return client::with(sessions(), handle, [=](const auto& session) {
        if (client::check_name(group) != SA_AIS_OK || client::check_name(queue) != SA_AIS_OK) {
            return SA_AIS_ERR_INVALID_PARAM;
        }
        Appender body;
        client::write_name(body, *group);
        return ask(*session, kind, body, client::name_bytes(*queue));
    });
}

// The members now, into the application's array or one that it frees.
SaAisErrorT fill(SaMsgQueueGroupNotificationBufferT& buffer, const Members& members) {
    const std::size_t count = members.members.size();
    if (buffer.notification == nullptr) {
        // At least one, so that there is something to free.
        buffer.notification = static_cast<SaMsgQueueGroupNotificationT*>(
            std::calloc(count > 0 ? count : 1, sizeof(SaMsgQueueGroupNotificationT)));
        if (buffer.notification == nullptr) {
            return SA_AIS_ERR_NO_MEMORY;
        }
    }
    for (std::size_t i = 0; i < count; ++i) {
        buffer.notification[i].member.queueName = client::to_name(members.members[i].name);
        buffer.notification[i].change = SA_MSG_QUEUE_GROUP_NO_CHANGE;
    }
    buffer.numberOfItems = static_cast<SaUint32T>(count);
    buffer.queueGroupPolicy = static_cast<SaMsgQueueGroupPolicyT>(members.policy);
    return SA_AIS_OK;
}

SaAisErrorT track(Session& session,
                  const SaNameT& group,
                  SaUint8T flags,
                  SaMsgQueueGroupNotificationBufferT* buffer) {
    const bool wants_members = (flags & SA_TRACK_CURRENT) != 0;
    const bool by_callback = wants_members && buffer == nullptr;
    std::uint32_t room = ~std::uint32_t{0};
    if (wants_members && !by_callback && buffer->notification != nullptr) {
        room = buffer->numberOfItems;
    }
    Appender head;
    head.u8(static_cast<std::uint8_t>(flags | (by_callback ? track_by_callback : 0)));
    head.u32(room);
    std::vector<std::uint8_t> response;
    const SaAisErrorT error = ask(
        session, RequestKind::track, response, client::forever, head, client::name_bytes(group));
    if (!wants_members || by_callback || (error != SA_AIS_OK && error != SA_AIS_ERR_NO_SPACE)) {
        return error;
    }
    Reader in(response);
    Members members;
    if (!Members::decode(in, members) || !in.finished()) {
        return SA_AIS_ERR_LIBRARY;
    }
    if (error == SA_AIS_ERR_NO_SPACE) {
        buffer->numberOfItems = static_cast<SaUint32T>(members.members.size());
        return error;
    }
    return fill(*buffer, members);
}

}  // namespace
}  // namespace ais::msg

namespace msg = ais::msg;
namespace client = ais::client;

extern "C" {

AIS_EXPORT SaAisErrorT saMsgQueueGroupCreate(SaMsgHandleT msgHandle,
                                             const SaNameT* queueGroupName,
                                             SaMsgQueueGroupPolicyT queueGroupPolicy) {
    return client::with(msg::sessions(), msgHandle, [=](const auto& session) {
        const auto policy = static_cast<std::uint32_t>(queueGroupPolicy);
        if (client::check_name(queueGroupName) != SA_AIS_OK || !msg::is_policy(policy)) {
            return SA_AIS_ERR_INVALID_PARAM;
        }
        return msg::ask(*session,
                        msg::RequestKind::group_create,
                        ais::Bytes(msg::bytes_of(policy)),
                        client::name_bytes(*queueGroupName));
    });
}

AIS_EXPORT SaAisErrorT saMsgQueueGroupInsert(SaMsgHandleT msgHandle,
                                             const SaNameT* queueGroupName,
                                             const SaNameT* queueName) {
    return msg::change_member(msgHandle, msg::RequestKind::group_insert, queueGroupName, queueName);
}

AIS_EXPORT SaAisErrorT saMsgQueueGroupRemove(SaMsgHandleT msgHandle,
                                             const SaNameT* queueGroupName,
                                             const SaNameT* queueName) {
    return msg::change_member(msgHandle, msg::RequestKind::group_remove, queueGroupName, queueName);
}

AIS_EXPORT SaAisErrorT saMsgQueueGroupDelete(SaMsgHandleT msgHandle,
                                             const SaNameT* queueGroupName) {
    return client::with(msg::sessions(), msgHandle, [=](const auto& session) {
        const SaAisErrorT checked = client::check_name(queueGroupName);
        return checked != SA_AIS_OK ? checked
                                    : msg::ask(*session,
                                               msg::RequestKind::group_delete,
                                               client::name_bytes(*queueGroupName));
    });
}

AIS_EXPORT SaAisErrorT
saMsgQueueGroupTrack(SaMsgHandleT msgHandle,
                     const SaNameT* queueGroupName,
                     SaUint8T trackFlags,
                     SaMsgQueueGroupNotificationBufferT* notificationBuffer) {
    return client::with(msg::sessions(), msgHandle, [=](const auto& session) {
        const SaAisErrorT checked = client::check_name(queueGroupName);
        if (checked != SA_AIS_OK) {
            return checked;
        }
        constexpr SaUint8T both = SA_TRACK_CHANGES | SA_TRACK_CHANGES_ONLY;
        if (trackFlags == 0 || (trackFlags & ~(SA_TRACK_CURRENT | both)) != 0 ||
            (trackFlags & both) == both) {
            return SA_AIS_ERR_BAD_FLAGS;
        }
        const bool wants_members = (trackFlags & SA_TRACK_CURRENT) != 0;
        if (wants_members && notificationBuffer != nullptr &&
            notificationBuffer->notification != nullptr && notificationBuffer->numberOfItems == 0) {
            return SA_AIS_ERR_INVALID_PARAM;
        }
        const bool needs_callback =
            (trackFlags & both) != 0 || (wants_members && notificationBuffer == nullptr);
        if (needs_callback && session->callbacks.saMsgQueueGroupTrackCallback == nullptr) {
            return SA_AIS_ERR_INIT;
        }
        return msg::track(*session, *queueGroupName, trackFlags, notificationBuffer);
    });
}

AIS_EXPORT SaAisErrorT saMsgQueueGroupTrackStop(SaMsgHandleT msgHandle,
                                                const SaNameT* queueGroupName) {
    return client::with(msg::sessions(), msgHandle, [=](const auto& session) {
        const SaAisErrorT checked = client::check_name(queueGroupName);
        return checked != SA_AIS_OK ? checked
                                    : msg::ask(*session,
                                               msg::RequestKind::track_stop,
                                               client::name_bytes(*queueGroupName));
    });
}

}  // extern "C"
