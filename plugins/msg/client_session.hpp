// SPDX-License-Identifier: BSD-3-Clause
//
// What stands behind the two kinds of handles of libSaMsg, and what its functions share.
//
// Threads: all functions from any thread.  No lock is held while a callback runs.

#pragma once

#include "include/saMsg.h"
#include "wire.hpp"

#include "client/ais_library.hpp"

#include <ais/abi/plugin.h>

#include <array>
#include <atomic>
#include <map>
#include <memory>
#include <mutex>
#include <vector>

namespace ais::msg {

struct Session {
    std::shared_ptr<client::Connection> connection;
    SaMsgCallbacksT callbacks{};
    bool has_limits = false;  // B.03 or later was asked for
    std::atomic<std::uint64_t> last_id{0};  // of gets and exchanges

    std::mutex queues_mutex;
    std::uint32_t last_tag = 0;
    std::map<std::uint32_t, SaMsgQueueHandleT> queues;  // by tag; also those still opening
};

struct Queue {
    std::weak_ptr<Session> owner;
    std::uint32_t tag = 0;
    std::atomic<bool> is_open{false};
    std::atomic<bool> is_closed{false};  // its handle is gone, or about to go
};

client::Library<Session>& sessions();
client::Library<Queue>& queues();

inline ais_bytes part(Bytes bytes) {
    return to_abi(bytes);
}
inline ais_bytes part(const Appender& bytes) {
    return to_abi(bytes.written());
}

// One request and its response, of parts that are Bytes.
template <typename... Parts>
SaAisErrorT ask(Session& session,
                RequestKind kind,
                std::vector<std::uint8_t>& response,
                client::Duration timeout,
                const Parts&... parts) {
    const ais_bytes list[] = {part(parts)..., ais_bytes{}};
    return client::call(*session.connection,
                        static_cast<std::uint16_t>(kind),
                        {list, sizeof...(parts)},
                        response,
                        timeout);
}
template <typename... Parts>
SaAisErrorT ask(Session& session, RequestKind kind, const Parts&... parts) {
    std::vector<std::uint8_t> response;
    return ask(session, kind, response, client::forever, parts...);
}
// One way.
template <typename... Parts>
SaAisErrorT tell(Session& session,
                 RequestKind kind,
                 client::Duration timeout,
                 const Parts&... parts) {
    const ais_bytes list[] = {part(parts)..., ais_bytes{}};
    return client::to_sa_error(session.connection->send(
        static_cast<std::uint16_t>(kind), {list, sizeof...(parts)}, timeout));
}

// Find the queue, open, and do it.
template <typename Action>
SaAisErrorT with_queue(SaMsgQueueHandleT handle, Action&& action) {
    return client::with_object(queues(), handle, [&](const auto& queue, const auto& session) {
        return queue->is_open && !queue->is_closed ? action(queue, session)
                                                   : SA_AIS_ERR_BAD_HANDLE;
    });
}

// Take the queue out of the tables.
void forget_queue(Session& session, SaMsgQueueHandleT handle, Queue& queue);

// From the connection to the callbacks, client_dispatch.cpp.
bool on_event(Session& session, const client::Event& event);

inline std::array<std::uint8_t, 4> bytes_of(std::uint32_t number) {
    std::array<std::uint8_t, 4> bytes{};
    Writer(MutableBytes(bytes)).u32(number);
    return bytes;
}
inline std::array<std::uint8_t, 8> bytes_of(std::uint64_t number) {
    std::array<std::uint8_t, 8> bytes{};
    Writer(MutableBytes(bytes)).u64(number);
    return bytes;
}

}  // namespace ais::msg
