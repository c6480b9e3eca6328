// SPDX-License-Identifier: BSD-3-Clause
//
// libSaClm: the association and its callbacks.

#include "client_session.hpp"

#include <ais/abi/plugin.h>

#include <array>
#include <new>
#include <vector>

namespace ais::clm {

client::Library<Session>& sessions() {
    static client::Library<Session> table(0x434c4d01U);
    return table;
}

namespace {

constexpr std::array first_versions{client::Version{'B', 1, 1}};
constexpr std::array later_versions{client::Version{'B', 4, 1}};

template <typename Node>
void convert_common(const Member& from, bool is_member, Node& to) {
    to = {};
    to.nodeId = from.facts.node;
    to.nodeAddress.family = from.facts.family == 2 ? SA_CLM_AF_INET6 : SA_CLM_AF_INET;
    to.nodeAddress.length = static_cast<SaUint16T>(from.facts.address.size());
    copy_bytes(to.nodeAddress.value, as_bytes(from.facts.address));
    to.nodeName = client::to_name(from.facts.name);
    to.member = is_member ? SA_TRUE : SA_FALSE;
    to.bootTimestamp = from.facts.boot_time;
    to.initialViewNumber = from.initial_view;
}

template <typename Buffer, typename Notification, typename Call>
void with_buffer(const ViewReport& view, bool has_happened, Call&& callback) {
    std::vector<Notification> items(view.items.size());
    for (std::size_t i = 0; i < items.size(); ++i) {
        convert(view.items[i], items[i]);
        if (!has_happened) {
            items[i].clusterNode.member = SA_TRUE;
        }
    }
    const Buffer buffer{view.number, static_cast<SaUint32T>(items.size()), items.data()};
    callback(buffer);
}

// Each returns whether a callback was called.  What the executive sends is
// checked as if it were a stranger; an event that does not decode is dropped.
bool on_view(Session& session, Reader& in) {
    ViewReport view;
    const std::uint32_t epoch = in.u32();
    if (!ViewReport::decode(in, view) || epoch != session.epoch || !session.has_track_callback()) {
        return false;
    }
    if (!session.is_b4) {
        with_buffer<SaClmClusterNotificationBufferT, SaClmClusterNotificationT>(
            view, true, [&](const auto& buffer) {
                session.b1.saClmClusterTrackCallback(&buffer, view.members, SA_AIS_OK);
            });
        return true;
    }
    // What has changed is what caused it: a node came, went, or has a new name.
    SaNameT cause{};
    for (const Item& item : view.items) {
        if (item.change != Change::none) {
            cause = client::to_name(item.member.facts.name);
            break;
        }
    }
    const SaNtfCorrelationIdsT ids{};
    with_buffer<SaClmClusterNotificationBufferT_4, SaClmClusterNotificationT_4>(
        view, true, [&](const auto& buffer) {
            session.b4.saClmClusterTrackCallback(
                &buffer, view.members, 0, &cause, &ids, SA_CLM_CHANGE_COMPLETED, 0, SA_AIS_OK);
        });
    return true;
}

// A step of a change that has not happened, or will not.
bool on_step(Session& session, Reader& in) {
    StepEvent event;
    const std::uint32_t epoch = in.u32();
    if (!StepEvent::decode(in, event) || epoch != session.epoch || !session.is_b4 ||
        !session.has_track_callback()) {
        return false;
    }
    const SaNameT cause = client::to_name(event.cause);
    const SaNtfCorrelationIdsT ids{};
    with_buffer<SaClmClusterNotificationBufferT_4, SaClmClusterNotificationT_4>(
        event.report, false, [&](const auto& buffer) {
            session.b4.saClmClusterTrackCallback(&buffer,
                                                 event.report.members,
                                                 event.invocation,
                                                 &cause,
                                                 &ids,
                                                 static_cast<SaClmChangeStepT>(event.step),
                                                 event.supervision,
                                                 SA_AIS_OK);
        });
    return true;
}

bool on_node(Session& session, Reader& in) {
    const SaInvocationT invocation = in.u64();
    const auto error = static_cast<SaAisErrorT>(in.u32());
    Member member;
    const bool is_found = error == SA_AIS_OK;
    if ((is_found && !Member::decode(in, member)) || !in.finished() ||
        !session.has_node_callback()) {
        return false;
    }
    if (session.is_b4) {
        SaClmClusterNodeT_4 node{};
        if (is_found) {
            convert(member, true, node);
        }
        session.b4.saClmClusterNodeGetCallback(invocation, &node, error);
    } else {
        SaClmClusterNodeT node{};
        if (is_found) {
            convert(member, true, node);
        }
        session.b1.saClmClusterNodeGetCallback(invocation, &node, error);
    }
    return true;
}

bool on_event(Handle, Session& session, const client::Event& event) {
    Reader in(event.body);
    switch (static_cast<EventKind>(event.kind)) {
        case EventKind::current:
        case EventKind::changed:
            return on_view(session, in);
        case EventKind::node:
            return on_node(session, in);
        case EventKind::step:
            return on_step(session, in);
    }
    return false;
}

std::string hello() {
    Appender out;
    Hello().encode(out);
    return out.take();
}

// The service refuses programs of a node that is no member.
template <SaAisErrorT meaning>
SaAisErrorT refused(client::Status status, ais_status refusal) {
    return status == client::Status::refused && refusal == not_a_member
               ? meaning
               : client::to_sa_error(status, refusal);
}

}  // namespace

void convert(const Member& from, bool is_member, SaClmClusterNodeT& to) {
    convert_common(from, is_member, to);
}

void convert(const Member& from, bool is_member, SaClmClusterNodeT_4& to) {
    convert_common(from, is_member, to);
    to.executionEnvironment = client::to_name(from.facts.environment);
}

}  // namespace ais::clm

namespace client = ais::client;
using ais::clm::Session;
using ais::clm::sessions;

extern "C" {

AIS_EXPORT SaAisErrorT saClmInitialize(SaClmHandleT* clmHandle,
                                       const SaClmCallbacksT* clmCallbacks,
                                       SaVersionT* version) {
    return client::initialize(
        sessions(),
        ais::clm::service_id,
        ais::clm::first_versions,
        clmHandle,
        version,
        [=](Session& session, client::Version) {
            if (clmCallbacks != nullptr) {
                session.b1 = *clmCallbacks;
            }
            return ais::clm::hello();
        },
        ais::clm::refused<SA_AIS_ERR_TRY_AGAIN>);
}

AIS_EXPORT SaAisErrorT saClmInitialize_4(SaClmHandleT* clmHandle,
                                         const SaClmCallbacksT_4* clmCallbacks,
                                         SaVersionT* version) {
    if (version != nullptr && version->releaseCode == 'B' && version->majorVersion == 1) {
        // The first major has callbacks of another form.
        *version = {'B', 4, 1};
        return clmHandle == nullptr ? SA_AIS_ERR_INVALID_PARAM : SA_AIS_ERR_VERSION;
    }
    return client::initialize(
        sessions(),
        ais::clm::service_id,
        ais::clm::later_versions,
        clmHandle,
        version,
        [=](Session& session, client::Version) {
            session.is_b4 = true;
            if (clmCallbacks != nullptr) {
                session.b4 = *clmCallbacks;
            }
            return ais::clm::hello();
        },
        ais::clm::refused<SA_AIS_ERR_UNAVAILABLE>);
}

AIS_EXPORT SaAisErrorT saClmSelectionObjectGet(SaClmHandleT clmHandle,
                                               SaSelectionObjectT* selectionObject) {
    return client::selection_object_get(sessions(), clmHandle, selectionObject);
}

AIS_EXPORT SaAisErrorT saClmDispatch(SaClmHandleT clmHandle, SaDispatchFlagsT dispatchFlags) {
    return client::dispatch(sessions(), clmHandle, dispatchFlags, ais::clm::on_event);
}

AIS_EXPORT SaAisErrorT saClmFinalize(SaClmHandleT clmHandle) {
    return client::finalize(sessions(), clmHandle);
}

}  // extern "C"
