// SPDX-License-Identifier: BSD-3-Clause
//
// libcpg: membership, and messages to the group.

#include "client_instance.hpp"

#include <algorithm>
#include <array>
#include <cstring>
#include <utility>

namespace ais::cpg {
namespace {

// Limit: parts of one message.  A multicast never allocates, so there is one.
constexpr unsigned int iovec_max = 63;

cs_error_t join(Instance& instance, const cpg_name& group) {
    const std::lock_guard serialized(instance.membership);
    std::uint32_t number = 0;
    {
        // Before the request: its events may be dispatched by another thread
        // before the response is here.
        const std::lock_guard lock(instance.names_mutex);
        if (instance.is_joined) {
            const cs_error_t alive = check_alive(instance);
            return alive == CS_OK ? CS_ERR_EXIST : alive;
        }
        number = (instance.last_number + 1) & join_count_mask;
        instance.last_number = number;
        instance.names[number] = make_name(as_text(name_bytes(group)));
    }
    std::uint8_t space[JoinRequest::head_size];
    Writer head(space);
    JoinRequest{number, {}}.encode_head(head);
    const ais_bytes parts[] = {to_abi(head.written()), to_abi(name_bytes(group))};
    std::vector<std::uint8_t> response;
    const cs_error_t error = call(instance, RequestKind::join, parts, response);
    if (error == CS_OK) {
        instance.is_joined = true;
    }
    return error;
}

cs_error_t leave(Instance& instance) {
    const std::lock_guard serialized(instance.membership);
    if (!instance.is_joined) {
        const cs_error_t alive = check_alive(instance);
        return alive == CS_OK ? CS_ERR_NOT_EXIST : alive;
    }
    std::vector<std::uint8_t> response;
    const cs_error_t error = call(instance, RequestKind::leave, {}, response);
    if (error == CS_OK) {
        instance.is_joined = false;
    }
    return error;
}

// How often a list that changes while its pages are read is begun again.
constexpr int membership_tries_max = 8;

// A list of one moment: pages of several are not put together.
cs_error_t membership_get(Instance& instance,
                          const cpg_name& group,
                          cpg_address* list,
                          int& entries) {
    const auto room = static_cast<std::uint32_t>(std::exchange(entries, 0));
    std::uint32_t filled = 0;
    MembershipPage page;
    int tries = 1;
    do {
        std::uint8_t space[MembershipRequest::head_size];
        Writer head(space);
        MembershipRequest{filled, room - filled, {}}.encode_head(head);
        const ais_bytes parts[] = {to_abi(head.written()), to_abi(name_bytes(group))};
        std::vector<std::uint8_t> response;
        const cs_error_t error = call(instance, RequestKind::membership, parts, response);
        if (error != CS_OK) {
            return error;
        }
        const std::uint64_t digest = page.digest;
        if (!MembershipPage::decode(response, page) || page.members.size() > room - filled) {
            return CS_ERR_LIBRARY;
        }
        if (filled != 0 && page.digest != digest) {
            if (++tries > membership_tries_max) {
                return CS_ERR_TRY_AGAIN;
            }
            filled = 0;
            continue;
        }
        if (page.members.empty() && filled < std::min(room, page.total)) {
            return CS_ERR_LIBRARY;  // it would never end
        }
        for (const Process& member : page.members) {
            list[filled++] = {member.node, member.pid, CPG_REASON_UNDEFINED};
        }
    } while (filled < std::min(room, page.total));
    entries = static_cast<int>(filled);
    return CS_OK;
}

// The way of every message: no lock, no allocation, one copy into the shared
// memory.
cs_error_t multicast(Instance& instance,
                     cpg_guarantee_t guarantee,
                     std::span<const ais_bytes> parts,
                     std::size_t size) {
    if (guarantee < CPG_TYPE_UNORDERED || guarantee > CPG_TYPE_SAFE ||
        size > instance.connection->payload_max()) {
        return CS_ERR_INVALID_PARAM;
    }
    if (!instance.is_joined.load(std::memory_order_acquire)) {
        const cs_error_t alive = check_alive(instance);
        return alive == CS_OK ? CS_ERR_NOT_EXIST : alive;
    }
    const auto kind =
        guarantee == CPG_TYPE_SAFE ? RequestKind::mcast_safe : RequestKind::mcast_agreed;
    return to_error(instance.connection->send(static_cast<std::uint16_t>(kind), parts));
}

cs_error_t multicast(Instance& instance,
                     cpg_guarantee_t guarantee,
                     const iovec* parts,
                     unsigned int count) {
    if (count > iovec_max || (count > 0 && parts == nullptr)) {
        return CS_ERR_INVALID_PARAM;
    }
    std::array<ais_bytes, iovec_max> views;
    std::size_t size = 0;
    for (unsigned int i = 0; i < count; ++i) {
        const std::size_t length = parts[i].iov_len;
        if (length > instance.connection->payload_max() - size ||
            (length > 0 && parts[i].iov_base == nullptr)) {
            return CS_ERR_INVALID_PARAM;
        }
        size += length;
        views[i] = {static_cast<const std::uint8_t*>(parts[i].iov_base), length};
    }
    return multicast(instance, guarantee, {views.data(), count}, size);
}

}  // namespace
}  // namespace ais::cpg

using ais::cpg::Instance;
using ais::cpg::with_instance;

extern "C" {

AIS_EXPORT cs_error_t cpg_join(cpg_handle_t handle, const struct cpg_name* group) {
    return with_instance(handle, [group](Instance& instance) {
        const cs_error_t error = ais::cpg::check_name(group);
        return error == CS_OK ? ais::cpg::join(instance, *group) : error;
    });
}

// A handle has one group, so the argument says nothing new; programs pass what
// they like.
AIS_EXPORT cs_error_t cpg_leave(cpg_handle_t handle, const struct cpg_name* /*group*/) {
    return with_instance(handle, [](Instance& instance) { return ais::cpg::leave(instance); });
}

AIS_EXPORT cs_error_t cpg_membership_get(cpg_handle_t handle,
                                         struct cpg_name* group_name,
                                         struct cpg_address* member_list,
                                         int* member_list_entries) {
    return with_instance(handle, [=](Instance& instance) {
        if (member_list == nullptr || member_list_entries == nullptr || *member_list_entries < 0) {
            return CS_ERR_INVALID_PARAM;
        }
        const cs_error_t error = ais::cpg::check_name(group_name);
        if (error != CS_OK) {
            return error;
        }
        return ais::cpg::membership_get(instance, *group_name, member_list, *member_list_entries);
    });
}

AIS_EXPORT cs_error_t cpg_mcast_joined(cpg_handle_t handle,
                                       cpg_guarantee_t guarantee,
                                       const struct iovec* iovec,
                                       unsigned int iov_len) {
    return with_instance(handle, [=](Instance& instance) {
        return ais::cpg::multicast(instance, guarantee, iovec, iov_len);
    });
}

AIS_EXPORT cs_error_t cpg_max_atomic_msgsize_get(cpg_handle_t handle, uint32_t* size) {
    return with_instance(handle, [size](Instance& instance) {
        if (size == nullptr) {
            return CS_ERR_INVALID_PARAM;
        }
        *size = static_cast<std::uint32_t>(instance.connection->payload_max());
        return ais::cpg::check_alive(instance);
    });
}

AIS_EXPORT cs_error_t cpg_flow_control_state_get(cpg_handle_t handle,
                                                 cpg_flow_control_state_t* flow_control_state) {
    return with_instance(handle, [flow_control_state](Instance& instance) {
        if (flow_control_state == nullptr) {
            return CS_ERR_INVALID_PARAM;
        }
        *flow_control_state = instance.connection->is_held_back() ? CPG_FLOW_CONTROL_ENABLED
                                                                  : CPG_FLOW_CONTROL_DISABLED;
        return ais::cpg::check_alive(instance);
    });
}

AIS_EXPORT cs_error_t cpg_zcb_alloc(cpg_handle_t handle, size_t size, void** buffer) {
    return with_instance(handle, [=](Instance& instance) {
        if (buffer == nullptr || size > instance.connection->payload_max()) {
            return CS_ERR_INVALID_PARAM;
        }
        std::vector<std::uint8_t> memory(std::max<std::size_t>(size, 1));
        void* start = memory.data();
        const std::lock_guard lock(instance.buffers_mutex);
        instance.buffers.emplace(start, std::move(memory));
        *buffer = start;
        return CS_OK;
    });
}

AIS_EXPORT cs_error_t cpg_zcb_free(cpg_handle_t handle, void* buffer) {
    return with_instance(handle, [buffer](Instance& instance) {
        const std::lock_guard lock(instance.buffers_mutex);
        return instance.buffers.erase(buffer) != 0 ? CS_OK : CS_ERR_INVALID_PARAM;
    });
}

AIS_EXPORT cs_error_t cpg_zcb_mcast_joined(cpg_handle_t handle,
                                           cpg_guarantee_t guarantee,
                                           void* msg,
                                           size_t msg_len) {
    return with_instance(handle, [=](Instance& instance) {
        // The lock keeps another thread from freeing it meanwhile; a send does
        // not wait.
        const std::lock_guard lock(instance.buffers_mutex);
        const auto found = instance.buffers.find(msg);
        if (found == instance.buffers.end() || msg_len > found->second.size()) {
            return CS_ERR_INVALID_PARAM;
        }
        const ais_bytes parts[] = {{found->second.data(), msg_len}};
        return ais::cpg::multicast(instance, guarantee, parts, msg_len);
    });
}

}  // extern "C"
