// SPDX-License-Identifier: BSD-3-Clause
//
// What stands behind a cpg_handle_t, and what all functions of libcpg share.
//
// The library knows of its membership only what a function must answer
// without asking: whether mcast may send (after join was accepted, until leave was), and
// the names behind the join numbers that events carry (wire.hpp).  And it keeps the list of
// members that the application wants with each change, if it wants changes (view.hpp).
//
// Threads: all functions from any thread; a pinned Instance outlives a finalize
// by another thread.  No lock is held while a callback runs.

#pragma once

#include "include/cpg.h"
#include "view.hpp"
#include "wire.hpp"

#include "client/connection.hpp"
#include "client/library.hpp"

#include <ais/abi/plugin.h>

#include <array>
#include <atomic>
#include <map>
#include <memory>
#include <mutex>
#include <new>
#include <utility>
#include <vector>

namespace ais::cpg {

struct Instance {
    std::shared_ptr<client::Connection> connection;
    cpg_model_v1_data_t callbacks{};
    std::atomic<void*> context{nullptr};

    // Join and leave, one at a time: held while they wait for their response.
    std::mutex membership;
    std::atomic<bool> is_joined{false};

    std::mutex names_mutex;
    std::uint32_t last_number = 0;
    // By number.  A place is written again only 256 joins later, when nothing refers to it.
    std::array<cpg_name, join_count_mask + 1> names{};

    View view;  // by one thread at a time: the one that takes an event

    std::mutex buffers_mutex;
    std::map<void*, std::vector<std::uint8_t>> buffers;  // of cpg_zcb_alloc
};

// An iteration has all its entries from the beginning, so that it is not
// disturbed by what happens meanwhile.
struct Iteration {
    std::weak_ptr<Instance> owner;
    std::mutex mutex;
    std::vector<Entry> entries;
    std::size_t next = 0;
};

client::Library<Instance>& instances();
client::Library<Iteration>& iterations();

// Not 0 length, not too long.
cs_error_t check_name(const cpg_name* name);
inline Bytes name_bytes(const cpg_name& name) {
    return {reinterpret_cast<const std::uint8_t*>(name.value), name.length};
}
cpg_name make_name(std::string_view from);

// What a function returns for what the connection says.
cs_error_t to_error(client::Status status);
// The connection as it is now: CS_OK, CS_ERR_LIBRARY or CS_ERR_BAD_HANDLE.
cs_error_t check_alive(const Instance& instance);

// One request and its response.
cs_error_t call(Instance& instance,
                RequestKind kind,
                std::span<const ais_bytes> parts,
                std::vector<std::uint8_t>& response);

// Find the instance, then do it.  Nothing of C++ gets out but what a callback
// throws.
template <typename Action>
cs_error_t with_instance(cpg_handle_t handle, Action&& action) {
    try {
        const auto instance = instances().pin(handle);
        if (instance == nullptr || instance->connection->state() == client::Status::forked) {
            return CS_ERR_BAD_HANDLE;
        }
        return action(*instance);
    } catch (const std::bad_alloc&) {
        return CS_ERR_NO_MEMORY;
    }
}

}  // namespace ais::cpg
