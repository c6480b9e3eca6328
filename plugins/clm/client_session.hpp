// SPDX-License-Identifier: BSD-3-Clause
//
// What stands behind a SaClmHandleT, and how what the service says becomes the standard's
// structures, of either generation.
//
// Threads: all functions from any thread; see client/library.hpp.

#pragma once

#include "include/saClm.h"
#include "wire.hpp"

#include "client/ais_library.hpp"

#include <atomic>
#include <memory>

namespace ais::clm {

struct Session {
    std::shared_ptr<client::Connection> connection;
    bool is_b4 = false;  // which of the two structures of callbacks is in use
    SaClmCallbacksT b1{};
    SaClmCallbacksT_4 b4{};
    // Counts the TrackStops; what was asked for before is not told any more.
    std::atomic<std::uint32_t> epoch{0};

    [[nodiscard]] bool has_track_callback() const {
        return is_b4 ? b4.saClmClusterTrackCallback != nullptr
                     : b1.saClmClusterTrackCallback != nullptr;
    }
    [[nodiscard]] bool has_node_callback() const {
        return is_b4 ? b4.saClmClusterNodeGetCallback != nullptr
                     : b1.saClmClusterNodeGetCallback != nullptr;
    }
};

client::Library<Session>& sessions();

void convert(const Member& from, bool is_member, SaClmClusterNodeT& to);
void convert(const Member& from, bool is_member, SaClmClusterNodeT_4& to);

template <typename Notification>
void convert(const Item& from, Notification& to) {
    convert(from.member, from.change != Change::left, to.clusterNode);
    to.clusterChange = static_cast<SaClmClusterChangesT>(from.change);
}

// The same for a function of one generation: the session must be of it.
template <typename Action>
SaAisErrorT with_session(SaClmHandleT handle, bool is_b4, Action&& action) {
    return client::with(sessions(), handle, [&](const auto& session) {
        return session->is_b4 == is_b4 ? action(*session) : SA_AIS_ERR_VERSION;
    });
}

inline SaAisErrorT call(Session& session,
                        RequestKind kind,
                        const Appender& body,
                        std::vector<std::uint8_t>& response,
                        client::Duration timeout = client::forever) {
    const ais_bytes parts[] = {to_abi(body.written())};
    const SaAisErrorT error = client::call(
        *session.connection, static_cast<std::uint16_t>(kind), parts, response, timeout);
    // B.01 does not know of nodes that are no members.
    return error == SA_AIS_ERR_UNAVAILABLE && !session.is_b4 ? SA_AIS_ERR_TRY_AGAIN : error;
}

}  // namespace ais::clm
