// SPDX-License-Identifier: BSD-3-Clause
//
// libSaMsg: the association, and what the implementation can do.

#include "client_session.hpp"

#include <cstdlib>
#include <optional>

namespace ais::msg {

client::Library<Session>& sessions() {
    static client::Library<Session> table(0x4d534701U);
    return table;
}
client::Library<Queue>& queues() {
    static client::Library<Queue> table(0x4d535107U);
    return table;
}

void forget_queue(Session& session, SaMsgQueueHandleT handle, Queue& queue) {
    queue.is_closed = true;
    queues().take(handle);
    const std::lock_guard lock(session.queues_mutex);
    session.queues.erase(queue.tag);
}

namespace {

constexpr client::Version versions[] = {{'B', 1, 1}, {'B', 2, 1}, {'B', 3, 1}};

// Nothing: there is no such limit.
std::optional<std::uint64_t> limit_of(SaMsgLimitIdT id) {
    switch (id) {
        case SA_MSG_MAX_PRIORITY_AREA_SIZE_ID:
            return area_size_max;
        case SA_MSG_MAX_QUEUE_SIZE_ID:
            return queue_size_max;
        case SA_MSG_MAX_NUM_QUEUES_ID:
            return queues_max;
        case SA_MSG_MAX_NUM_QUEUE_GROUPS_ID:
            return groups_max;
        case SA_MSG_MAX_NUM_QUEUES_PER_GROUP_ID:
            return members_max;
        case SA_MSG_MAX_MESSAGE_SIZE_ID:
            return message_size_max;
        case SA_MSG_MAX_REPLY_SIZE_ID:
            return reply_size_max;
    }
    return std::nullopt;
}

}  // namespace
}  // namespace ais::msg

namespace msg = ais::msg;
namespace client = ais::client;

extern "C" {

AIS_EXPORT SaAisErrorT saMsgInitialize(SaMsgHandleT* msgHandle,
                                       const SaMsgCallbacksT* msgCallbacks,
                                       SaVersionT* version) {
    const int wanted = version != nullptr ? version->majorVersion : 0;
    return client::initialize(msg::sessions(),
                              msg::service_id,
                              msg::versions,
                              msgHandle,
                              version,
                              [=](msg::Session& session, client::Version) {
                                  if (msgCallbacks != nullptr) {
                                      session.callbacks = *msgCallbacks;
                                  }
                                  session.has_limits = wanted >= 3;
                                  return client::pack(msg::Hello{});
                              });
}

AIS_EXPORT SaAisErrorT saMsgSelectionObjectGet(SaMsgHandleT msgHandle,
                                               SaSelectionObjectT* selectionObject) {
    return client::selection_object_get(msg::sessions(), msgHandle, selectionObject);
}

AIS_EXPORT SaAisErrorT saMsgDispatch(SaMsgHandleT msgHandle, SaDispatchFlagsT dispatchFlags) {
    return client::dispatch(msg::sessions(),
                            msgHandle,
                            dispatchFlags,
                            [](SaMsgHandleT, msg::Session& session, const client::Event& event) {
                                return msg::on_event(session, event);
                            });
}

AIS_EXPORT SaAisErrorT saMsgFinalize(SaMsgHandleT msgHandle) {
    return client::finalize(msg::sessions(), msgHandle, [](const auto& session) {
        client::close_objects(msg::queues(), session);
    });
}

AIS_EXPORT SaAisErrorT saMsgMessageDataFree(SaMsgHandleT msgHandle, void* data) {
    return client::with(msg::sessions(), msgHandle, [=](const auto&) {
        if (data == nullptr) {
            return SA_AIS_ERR_INVALID_PARAM;
        }
        std::free(data);
        return SA_AIS_OK;
    });
}

AIS_EXPORT SaAisErrorT saMsgQueueGroupNotificationFree(SaMsgHandleT msgHandle,
                                                       SaMsgQueueGroupNotificationT* notification) {
    return saMsgMessageDataFree(msgHandle, notification);
}

AIS_EXPORT SaAisErrorT saMsgMetadataSizeGet(SaMsgHandleT msgHandle, SaUint32T* metadataSize) {
    return client::with(msg::sessions(), msgHandle, [=](const auto& session) {
        if (!session->has_limits) {
            return SA_AIS_ERR_VERSION;
        }
        if (metadataSize == nullptr) {
            return SA_AIS_ERR_INVALID_PARAM;
        }
        const SaAisErrorT alive = client::check_alive(*session);
        if (alive == SA_AIS_OK) {
            *metadataSize = 0;  // an area counts data and nothing else
        }
        return alive;
    });
}

AIS_EXPORT SaAisErrorT saMsgLimitGet(SaMsgHandleT msgHandle,
                                     SaMsgLimitIdT limitId,
                                     SaLimitValueT* value) {
    return client::with(msg::sessions(), msgHandle, [=](const auto& session) {
        if (!session->has_limits) {
            return SA_AIS_ERR_VERSION;
        }
        if (value == nullptr) {
            return SA_AIS_ERR_INVALID_PARAM;
        }
        const auto limit = msg::limit_of(limitId);
        if (!limit) {
            return SA_AIS_ERR_INVALID_PARAM;
        }
        const SaAisErrorT alive = client::check_alive(*session);
        if (alive == SA_AIS_OK) {
            value->uint64Value = *limit;
        }
        return alive;
    });
}

}  // extern "C"
