// SPDX-License-Identifier: BSD-3-Clause
//
// libSaMsg: queues.

#include "client_session.hpp"

#include <algorithm>

namespace ais::msg {
namespace {

// One that is not open yet, and known by its tag.
std::shared_ptr<Queue> make_queue(const std::shared_ptr<Session>& session,
                                  SaMsgQueueHandleT& handle) {
    auto queue = std::make_shared<Queue>();
    queue->owner = session;
    const std::lock_guard lock(session->queues_mutex);
    do {
        queue->tag = ++session->last_tag;
    } while (session->queues.contains(queue->tag));
    handle = queues().insert(queue);
    session->queues[queue->tag] = handle;
    return queue;
}

SaAisErrorT check_open(const Session& session,
                       const SaNameT* name,
                       const SaMsgQueueCreationAttributesT* attributes,
                       SaMsgQueueOpenFlagsT flags) {
    const SaAisErrorT named = client::check_name(name);
    if (named != SA_AIS_OK) {
        return named;
    }
    if ((flags & ~flags_all) != 0) {
        return SA_AIS_ERR_BAD_FLAGS;
    }
    if (((flags & flag_create) != 0) != (attributes != nullptr)) {
        return SA_AIS_ERR_INVALID_PARAM;
    }
    if (attributes != nullptr) {
        if ((attributes->creationFlags & ~creation_persistent) != 0) {
            return SA_AIS_ERR_BAD_FLAGS;
        }
        if (attributes->retentionTime < 0) {
            return SA_AIS_ERR_INVALID_PARAM;
        }
    }
    if ((flags & flag_receive_callback) != 0 &&
        session.callbacks.saMsgMessageReceivedCallback == nullptr) {
        return SA_AIS_ERR_INIT;
    }
    return SA_AIS_OK;
}

Attributes to_attributes(const SaMsgQueueCreationAttributesT* from) {
    Attributes attributes;
    if (from != nullptr) {
        attributes.flags = from->creationFlags;
        std::copy(std::begin(from->size), std::end(from->size), attributes.sizes.begin());
        attributes.retention = from->retentionTime;
    }
    return attributes;
}

SaAisErrorT open(const std::shared_ptr<Session>& session,
                 const SaNameT& name,
                 const Attributes& attributes,
                 SaMsgQueueOpenFlagsT flags,
                 client::Duration timeout,
                 SaMsgQueueHandleT& out) {
    SaMsgQueueHandleT handle = 0;
    const auto queue = make_queue(session, handle);
    Appender head;
    OpenRequest{0, queue->tag, flags, attributes, {}}.encode_head(head, false);
    std::vector<std::uint8_t> response;
    const SaAisErrorT error =
        ask(*session, RequestKind::open, response, timeout, head, client::name_bytes(name));
    if (error == SA_AIS_OK) {
        queue->is_open = true;
        out = handle;
        return error;
    }
    if (error == SA_AIS_ERR_TIMEOUT) {
        // It may be opened yet: then it is closed again.
        tell(*session, RequestKind::abandon, std::chrono::seconds(1), Bytes(bytes_of(queue->tag)));
    }
    forget_queue(*session, handle, *queue);
    return error;
}

SaAisErrorT open_async(const std::shared_ptr<Session>& session,
                       SaInvocationT invocation,
                       const SaNameT& name,
                       const Attributes& attributes,
                       SaMsgQueueOpenFlagsT flags) {
    SaMsgQueueHandleT handle = 0;
    const auto queue = make_queue(session, handle);
    Appender head;
    OpenRequest{invocation, queue->tag, flags, attributes, {}}.encode_head(head, true);
    const SaAisErrorT error =
        tell(*session, RequestKind::open_async, client::forever, head, client::name_bytes(name));
    if (error != SA_AIS_OK) {
        forget_queue(*session, handle, *queue);
    }
    return error;
}

}  // namespace
}  // namespace ais::msg

namespace msg = ais::msg;
namespace client = ais::client;

extern "C" {

AIS_EXPORT SaAisErrorT saMsgQueueOpen(SaMsgHandleT msgHandle,
                                      const SaNameT* queueName,
                                      const SaMsgQueueCreationAttributesT* creationAttributes,
                                      SaMsgQueueOpenFlagsT openFlags,
                                      SaTimeT timeout,
                                      SaMsgQueueHandleT* queueHandle) {
    return client::with(msg::sessions(), msgHandle, [=](const auto& session) {
        if (queueHandle == nullptr) {
            return SA_AIS_ERR_INVALID_PARAM;
        }
        const auto patience = client::to_duration(timeout);
        const SaAisErrorT checked =
            patience ? msg::check_open(*session, queueName, creationAttributes, openFlags)
                     : SA_AIS_ERR_INVALID_PARAM;
        if (checked != SA_AIS_OK) {
            return checked;
        }
        if (timeout == 0) {
            return SA_AIS_ERR_TIMEOUT;
        }
        return msg::open(session,
                         *queueName,
                         msg::to_attributes(creationAttributes),
                         openFlags,
                         *patience,
                         *queueHandle);
    });
}

AIS_EXPORT SaAisErrorT saMsgQueueOpenAsync(SaMsgHandleT msgHandle,
                                           SaInvocationT invocation,
                                           const SaNameT* queueName,
                                           const SaMsgQueueCreationAttributesT* creationAttributes,
                                           SaMsgQueueOpenFlagsT openFlags) {
    return client::with(msg::sessions(), msgHandle, [=](const auto& session) {
        const SaAisErrorT checked =
            msg::check_open(*session, queueName, creationAttributes, openFlags);
        if (checked != SA_AIS_OK) {
            return checked;
        }
        if (session->callbacks.saMsgQueueOpenCallback == nullptr) {
            return SA_AIS_ERR_INIT;
        }
        return msg::open_async(
            session, invocation, *queueName, msg::to_attributes(creationAttributes), openFlags);
    });
}

AIS_EXPORT SaAisErrorT saMsgQueueClose(SaMsgQueueHandleT queueHandle) {
    return msg::with_queue(queueHandle, [=](const auto& queue, const auto& session) {
        if (queue->is_closed.exchange(true)) {
            return SA_AIS_ERR_BAD_HANDLE;  // another thread was first
        }
        const SaAisErrorT error =
            msg::ask(*session, msg::RequestKind::close, ais::Bytes(msg::bytes_of(queue->tag)));
        if (error != SA_AIS_OK && error != SA_AIS_ERR_BAD_HANDLE) {
            queue->is_closed = false;
            return error;
        }
        msg::forget_queue(*session, queueHandle, *queue);
        return error;
    });
}

AIS_EXPORT SaAisErrorT saMsgQueueStatusGet(SaMsgHandleT msgHandle,
                                           const SaNameT* queueName,
                                           SaMsgQueueStatusT* queueStatus) {
    return client::with(msg::sessions(), msgHandle, [=](const auto& session) {
        const SaAisErrorT checked = client::check_name(queueName);
        if (checked != SA_AIS_OK || queueStatus == nullptr) {
            return SA_AIS_ERR_INVALID_PARAM;
        }
        std::vector<std::uint8_t> response;
        const SaAisErrorT error = msg::ask(*session,
                                           msg::RequestKind::status,
                                           response,
                                           client::forever,
                                           client::name_bytes(*queueName));
        if (error != SA_AIS_OK) {
            return error;
        }
        ais::Reader in(response);
        const msg::Status status = msg::Status::decode(in);
        if (!in.finished()) {
            return SA_AIS_ERR_LIBRARY;
        }
        queueStatus->creationFlags = status.flags;
        queueStatus->retentionTime = status.retention;
        queueStatus->closeTime = status.closed;
        for (std::size_t i = 0; i < msg::priorities; ++i) {
            queueStatus->saMsgQueueUsage[i] = {
                status.areas[i].size, status.areas[i].used, status.areas[i].messages};
        }
        return SA_AIS_OK;
    });
}

AIS_EXPORT SaAisErrorT saMsgQueueRetentionTimeSet(SaMsgQueueHandleT queueHandle,
                                                  SaTimeT* retentionTime) {
    return msg::with_queue(queueHandle, [=](const auto& queue, const auto& session) {
        if (retentionTime == nullptr || *retentionTime < 0) {
            return SA_AIS_ERR_INVALID_PARAM;
        }
        std::uint8_t space[12];
        ais::Writer body(space);
        body.u32(queue->tag);
        body.i64(*retentionTime);
        return msg::ask(*session, msg::RequestKind::set_retention, body.written());
    });
}

AIS_EXPORT SaAisErrorT saMsgQueueUnlink(SaMsgHandleT msgHandle, const SaNameT* queueName) {
    return client::with(msg::sessions(), msgHandle, [=](const auto& session) {
        const SaAisErrorT checked = client::check_name(queueName);
        return checked != SA_AIS_OK
                   ? checked
                   : msg::ask(*session, msg::RequestKind::unlink, client::name_bytes(*queueName));
    });
}

AIS_EXPORT SaAisErrorT saMsgQueueCapacityThresholdsSet(SaMsgQueueHandleT queueHandle,
                                                       const SaMsgQueueThresholdsT* thresholds) {
    return msg::with_queue(queueHandle, [=](const auto& queue, const auto& session) {
        if (!session->has_limits) {
            return SA_AIS_ERR_VERSION;
        }
        if (thresholds == nullptr) {
            return SA_AIS_ERR_INVALID_PARAM;
        }
        msg::Thresholds wanted;
        std::copy(std::begin(thresholds->capacityReached),
                  std::end(thresholds->capacityReached),
                  wanted.reached.begin());
        std::copy(std::begin(thresholds->capacityAvailable),
                  std::end(thresholds->capacityAvailable),
                  wanted.available.begin());
        ais::Appender body;
        body.u32(queue->tag);
        wanted.encode(body);
        return msg::ask(*session, msg::RequestKind::set_thresholds, body);
    });
}

AIS_EXPORT SaAisErrorT saMsgQueueCapacityThresholdsGet(SaMsgQueueHandleT queueHandle,
                                                       SaMsgQueueThresholdsT* thresholds) {
    return msg::with_queue(queueHandle, [=](const auto& queue, const auto& session) {
        if (!session->has_limits) {
            return SA_AIS_ERR_VERSION;
        }
        if (thresholds == nullptr) {
            return SA_AIS_ERR_INVALID_PARAM;
        }
        std::vector<std::uint8_t> response;
        const SaAisErrorT error = msg::ask(*session,
                                           msg::RequestKind::thresholds,
                                           response,
                                           client::forever,
                                           ais::Bytes(msg::bytes_of(queue->tag)));
        if (error != SA_AIS_OK) {
            return error;
        }
        ais::Reader in(response);
        const msg::Thresholds are = msg::Thresholds::decode(in);
        if (!in.finished()) {
            return SA_AIS_ERR_LIBRARY;
        }
        std::copy(are.reached.begin(), are.reached.end(), std::begin(thresholds->capacityReached));
        std::copy(
            are.available.begin(), are.available.end(), std::begin(thresholds->capacityAvailable));
        return SA_AIS_OK;
    });
}

}  // extern "C"
