// SPDX-License-Identifier: BSD-3-Clause
//
// libSaClm: tracking, and asking for nodes.

#include "client_session.hpp"

#include <ais/abi/plugin.h>

#include <algorithm>
#include <cstdlib>
#include <vector>

namespace ais::clm {
namespace {

constexpr std::uint32_t tracking = SA_TRACK_CHANGES | SA_TRACK_CHANGES_ONLY;

bool are_flags_good(const Session& session, std::uint32_t flags) {
    constexpr std::uint32_t steps = SA_TRACK_START_STEP | SA_TRACK_VALIDATE_STEP;
    const std::uint32_t known =
        SA_TRACK_CURRENT | tracking | (session.is_b4 ? SA_TRACK_LOCAL | steps : 0U);
    return (flags & ~known) == 0 && (flags & tracking) != tracking &&
           (flags & (SA_TRACK_CURRENT | tracking)) != 0 &&
           ((flags & steps) == 0 || (flags & tracking) != 0);
}

template <typename Notification, typename Buffer>
SaAisErrorT fill(Bytes response, Buffer& buffer) {
    Reader in(response);
    ViewReport view;
    if (!ViewReport::decode(in, view)) {
        return SA_AIS_ERR_LIBRARY;
    }
    Notification* list = buffer.notification;
    if (list == nullptr) {
        list = static_cast<Notification*>(
            std::malloc(std::max<std::size_t>(view.items.size(), 1) * sizeof(Notification)));
        if (list == nullptr) {
            return SA_AIS_ERR_NO_MEMORY;
        }
    } else if (view.items.size() > buffer.numberOfItems) {
        return SA_AIS_ERR_LIBRARY;  // the service was told the capacity
    }
    for (std::size_t i = 0; i < view.items.size(); ++i) {
        convert(view.items[i], list[i]);
    }
    buffer.viewNumber = view.number;
    buffer.numberOfItems = static_cast<SaUint32T>(view.items.size());
    buffer.notification = list;
    return SA_AIS_OK;
}

template <typename Notification, typename Buffer>
SaAisErrorT track(Session& session, std::uint32_t flags, Buffer* buffer) {
    if (!are_flags_good(session, flags)) {
        return SA_AIS_ERR_BAD_FLAGS;
    }
    const bool wants_current = (flags & SA_TRACK_CURRENT) != 0;
    const bool has_room = wants_current && buffer != nullptr && buffer->notification != nullptr;
    if (has_room && buffer->numberOfItems == 0) {
        return SA_AIS_ERR_INVALID_PARAM;
    }
    const bool needs_callback = (flags & tracking) != 0 || buffer == nullptr;
    if (needs_callback && !session.has_track_callback()) {
        return SA_AIS_ERR_INIT;
    }
    TrackRequest request;
    request.flags = flags;
    request.answer = !wants_current      ? Answer::none
                     : buffer == nullptr ? Answer::callback
                                         : Answer::buffer;
    request.capacity = has_room ? buffer->numberOfItems : TrackRequest::unlimited;
    request.epoch = session.epoch;
    Appender body;
    request.encode(body);
    std::vector<std::uint8_t> response;
    const SaAisErrorT error = call(session, RequestKind::track, body, response);
    if (error == SA_AIS_ERR_NO_SPACE && has_room) {
        Reader in(response);
        buffer->numberOfItems = in.u32();
        return in.finished() ? error : SA_AIS_ERR_LIBRARY;
    }
    return error == SA_AIS_OK && request.answer == Answer::buffer
               ? fill<Notification>(response, *buffer)
               : error;
}

std::uint32_t real_node(const Session& session, SaClmNodeIdT node) {
    return node == SA_CLM_LOCAL_NODE_ID ? session.connection->node() : node;
}

template <typename Node>
SaAisErrorT node_get(Session& session, SaClmNodeIdT node, SaTimeT timeout, Node* out) {
    const auto patience = client::to_duration(timeout);
    if (out == nullptr || !patience) {
        return SA_AIS_ERR_INVALID_PARAM;
    }
    Appender body;
    body.u32(real_node(session, node));
    std::vector<std::uint8_t> response;
    const SaAisErrorT error = call(session, RequestKind::node_get, body, response, *patience);
    if (error != SA_AIS_OK) {
        return error;
    }
    Reader in(response);
    Member member;
    if (!Member::decode(in, member) || !in.finished()) {
        return SA_AIS_ERR_LIBRARY;
    }
    convert(member, true, *out);
    return SA_AIS_OK;
}

// Also without an executive: the memory is this process's own.
template <typename Notification>
SaAisErrorT notification_free(Notification* notification) {
    if (notification == nullptr) {
        return SA_AIS_ERR_INVALID_PARAM;
    }
    std::free(notification);
    return SA_AIS_OK;
}

}  // namespace
}  // namespace ais::clm

namespace client = ais::client;
namespace clm = ais::clm;
using clm::Session;
using clm::with_session;

extern "C" {

AIS_EXPORT SaAisErrorT saClmClusterTrack(SaClmHandleT clmHandle,
                                         SaUint8T trackFlags,
                                         SaClmClusterNotificationBufferT* notificationBuffer) {
    return with_session(clmHandle, false, [=](Session& session) {
        return clm::track<SaClmClusterNotificationT>(session, trackFlags, notificationBuffer);
    });
}

AIS_EXPORT SaAisErrorT saClmClusterTrack_4(SaClmHandleT clmHandle,
                                           SaUint8T trackFlags,
                                           SaClmClusterNotificationBufferT_4* notificationBuffer) {
    return with_session(clmHandle, true, [=](Session& session) {
        return clm::track<SaClmClusterNotificationT_4>(session, trackFlags, notificationBuffer);
    });
}

AIS_EXPORT SaAisErrorT saClmClusterTrackStop(SaClmHandleT clmHandle) {
    return client::with(clm::sessions(), clmHandle, [](const auto& session) {
        std::vector<std::uint8_t> response;
        const SaAisErrorT error =
            clm::call(*session, clm::RequestKind::track_stop, ais::Appender(), response);
        if (error == SA_AIS_OK) {
            ++session->epoch;
        }
        return error;
    });
}

AIS_EXPORT SaAisErrorT saClmClusterNodeGet(SaClmHandleT clmHandle,
                                           SaClmNodeIdT nodeId,
                                           SaTimeT timeout,
                                           SaClmClusterNodeT* clusterNode) {
    return with_session(clmHandle, false, [=](Session& session) {
        return clm::node_get(session, nodeId, timeout, clusterNode);
    });
}

AIS_EXPORT SaAisErrorT saClmClusterNodeGet_4(SaClmHandleT clmHandle,
                                             SaClmNodeIdT nodeId,
                                             SaTimeT timeout,
                                             SaClmClusterNodeT_4* clusterNode) {
    return with_session(clmHandle, true, [=](Session& session) {
        return clm::node_get(session, nodeId, timeout, clusterNode);
    });
}

AIS_EXPORT SaAisErrorT saClmClusterNodeGetAsync(SaClmHandleT clmHandle,
                                                SaInvocationT invocation,
                                                SaClmNodeIdT nodeId) {
    return client::with(clm::sessions(), clmHandle, [=](const auto& session) {
        if (!session->has_node_callback()) {
            return SA_AIS_ERR_INIT;
        }
        ais::Appender body;
        body.u32(clm::real_node(*session, nodeId));
        body.u64(invocation);
        std::vector<std::uint8_t> response;
        return clm::call(*session, clm::RequestKind::node_ask, body, response);
    });
}

AIS_EXPORT SaAisErrorT saClmClusterNotificationFree(SaClmHandleT clmHandle,
                                                    SaClmClusterNotificationT* notification) {
    return with_session(
        clmHandle, false, [=](Session&) { return clm::notification_free(notification); });
}

AIS_EXPORT SaAisErrorT saClmClusterNotificationFree_4(SaClmHandleT clmHandle,
                                                      SaClmClusterNotificationT_4* notification) {
    return with_session(
        clmHandle, true, [=](Session&) { return clm::notification_free(notification); });
}

AIS_EXPORT SaAisErrorT saClmResponse_4(SaClmHandleT clmHandle,
                                       SaInvocationT invocation,
                                       SaClmResponseT response) {
    return with_session(clmHandle, true, [=](Session& session) {
        if (invocation == 0 || response < SA_CLM_CALLBACK_RESPONSE_OK ||
            response > SA_CLM_CALLBACK_RESPONSE_ERROR) {
            return SA_AIS_ERR_INVALID_PARAM;
        }
        ais::Appender body;
        body.u64(invocation);
        body.u32(static_cast<std::uint32_t>(response));
        std::vector<std::uint8_t> nothing;
        return clm::call(session, clm::RequestKind::response, body, nothing);
    });
}

}  // extern "C"
