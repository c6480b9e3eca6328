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
    bool has_limits = false;                // B.03 or later was asked for
    std::atomic<std::uint64_t> last_id{0};  // of gets and exchanges

    std::mutex queues_mutex;
    std::uint32_t last_tag = 0;
    std::map<std::uint32_t, SaMsgQueueHandleT> queues;  // by tag; also those still opening
};

struct Queue {
    std::weak_ptr<Session> owner;
    std::uint32_t tag = 0;
    std::atomic<bool> is_open{false};
    std::atomic<bool> is_closed{false};   // its handle is gone, or about to go
    std::atomic<std::uint32_t> heard{0};  // words about messages that the service was not told of
};

client::Library<Session>& sessions();
client::Library<Queue>& queues();

using client::ask;
using client::bytes_of;
using client::tell;

// Find the queue, open, and do it.
template <typename Action>
SaAisErrorT with_queue(SaMsgQueueHandleT handle, Action&& action) {
    return client::with_object(queues(), handle, [&](const auto& queue, const auto& session) {
        return queue->is_open && !queue->is_closed ? action(queue, session) : SA_AIS_ERR_BAD_HANDLE;
    });
}

// Take the queue out of the tables.
void forget_queue(Session& session, SaMsgQueueHandleT handle, Queue& queue);

// From the connection to the callbacks, client_dispatch.cpp.
bool on_event(Session& session, const client::Event& event);

}  // namespace ais::msg
