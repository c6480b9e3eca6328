// SPDX-License-Identifier: BSD-3-Clause
//
// libevs.
//
// Threads: all functions from any thread; a pinned Instance outlives a finalize
// by another thread.  No lock is held while a callback runs.

#include "include/evs.h"
#include "wire.hpp"

#include "client/dispatch.hpp"
#include "client/library.hpp"

#include <ais/abi/plugin.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <memory>
#include <new>
#include <optional>
#include <utility>
#include <vector>

namespace ais::evs {
namespace {

constexpr std::chrono::seconds first_event_timeout{2};

struct Instance {
    std::shared_ptr<client::Connection> connection;
    evs_callbacks_t callbacks{};
};

client::Library<Instance>& instances() {
    static client::Library<Instance> table(0x45565301U);
    return table;
}

evs_error_t to_error(client::Status status) {
    switch (status) {
        case client::Status::ok:
            return EVS_OK;
        case client::Status::try_again:
            return EVS_ERR_TRY_AGAIN;
        case client::Status::timeout:
            return EVS_ERR_TIMEOUT;
        case client::Status::closed:
        case client::Status::forked:
            return EVS_ERR_BAD_HANDLE;
        case client::Status::too_big:
            return EVS_ERR_INVALID_PARAM;
        case client::Status::denied:
            return EVS_ERR_SECURITY;
        case client::Status::refused:
            return EVS_ERR_NOT_SUPPORTED;
        case client::Status::no_memory:
            return EVS_ERR_NO_MEMORY;
        case client::Status::lost:
        case client::Status::version:
            break;
    }
    return EVS_ERR_LIBRARY;
}

evs_error_t check_alive(const Instance& instance) {
    return to_error(instance.connection->state());
}

// Find the instance, then do it.  Nothing of C++ gets out but what a callback
// throws.
template <typename Action>
evs_error_t with_instance(evs_handle_t handle, Action&& action) {
    try {
        const auto instance = instances().pin(handle);
        if (instance == nullptr || instance->connection->state() == client::Status::forked) {
            return EVS_ERR_BAD_HANDLE;
        }
        return action(*instance);
    } catch (const std::bad_alloc&) {
        return EVS_ERR_NO_MEMORY;
    }
}

evs_error_t initialize(evs_handle_t& handle, const evs_callbacks_t& callbacks) {
    auto instance = std::make_shared<Instance>();
    instance->callbacks = callbacks;
    Appender hello;
    Hello().encode(hello);
    ais_status refusal = AIS_OK;
    const auto status =
        client::Connection::open(evs::service_id, hello.written(), instance->connection, &refusal);
    if (status != client::Status::ok) {
        return status == client::Status::refused && refusal == AIS_ERR_NO_MEMORY ? EVS_ERR_NO_MEMORY
                                                                                 : to_error(status);
    }
    // Why: programs rely on hearing the configuration by the first dispatch, which may be one
    // that does not wait.  It is under way; if it is not here in time it comes later.
    const auto first = instance->connection->wait_event(first_event_timeout);
    if (first != client::Status::ok && first != client::Status::timeout) {
        return to_error(first);
    }
    if (instance->connection->state() == client::Status::lost) {
        return EVS_ERR_TRY_AGAIN;  // it has ended meanwhile
    }
    handle = instances().insert(std::move(instance));
    return EVS_OK;
}

// Each returns whether a callback was called.  What the executive sends is
// checked as if it were a stranger; an event that does not decode is dropped.
bool on_message(Instance& instance, const client::Event& event) {
    Reader in(event.body);
    const DeliveryHead head = DeliveryHead::decode(in);
    if (!in.ok() || instance.callbacks.evs_deliver_fn == nullptr) {
        return false;
    }
    // The interface gives the application its message to write to; the body is
    // the event's own copy.
    auto* payload = const_cast<std::uint8_t*>(event.body.data()) + DeliveryHead::size;
    instance.callbacks.evs_deliver_fn(head.node, payload, static_cast<int>(in.remaining()));
    return true;
}

bool on_configuration(Instance& instance, const client::Event& event) {
    ConfigurationEvent now;
    if (!ConfigurationEvent::decode(event.body, now) ||
        instance.callbacks.evs_confchg_fn == nullptr) {
        return false;
    }
    instance.callbacks.evs_confchg_fn(now.members.data(),
                                      static_cast<int>(now.members.size()),
                                      now.left.data(),
                                      static_cast<int>(now.left.size()),
                                      now.joined.data(),
                                      static_cast<int>(now.joined.size()));
    return true;
}

evs_error_t dispatch(Instance& instance, evs_dispatch_t types) {
    client::DispatchMode mode{};
    switch (types) {
        case EVS_DISPATCH_ONE:
            mode = client::DispatchMode::one;
            break;
        case EVS_DISPATCH_ALL:
            mode = client::DispatchMode::all;
            break;
        case EVS_DISPATCH_BLOCKING:
            mode = client::DispatchMode::blocking;
            break;
        default:
            return EVS_ERR_INVALID_PARAM;
    }
    const auto done = client::dispatch(*instance.connection, mode, [&](const client::Event& event) {
        switch (static_cast<EventKind>(event.kind)) {
            case EventKind::message:
                return on_message(instance, event);
            case EventKind::configuration:
                return on_configuration(instance, event);
        }
        return false;
    });
    // Finalized by a callback or by another thread: that is how BLOCKING ends.
    return done.status == client::Status::closed ? EVS_OK : to_error(done.status);
}

// Groups of the program, checked.  EVS_OK with 0 of them: there is nothing to do.
evs_error_t check_groups(const evs_group* groups, int count) {
    if (count < 0 || (count > 0 && groups == nullptr)) {
        return EVS_ERR_INVALID_PARAM;
    }
    return static_cast<std::size_t>(count) > groups_max ? EVS_ERR_TOO_MANY_GROUPS : EVS_OK;
}

ais_bytes keys_of(const evs_group* groups, int count) {
    static_assert(sizeof(evs_group) == key_size);
    return {reinterpret_cast<const std::uint8_t*>(groups),
            static_cast<std::size_t>(count) * key_size};
}

std::array<std::uint8_t, 4> count_of(int count) {
    std::array<std::uint8_t, 4> space;
    Writer out(space);
    out.u32(static_cast<std::uint32_t>(count));
    return space;
}

evs_error_t change_groups(evs_handle_t handle,
                          RequestKind kind,
                          const evs_group* groups,
                          int count) {
    return with_instance(handle, [=](Instance& instance) {
        const evs_error_t error = check_groups(groups, count);
        if (error != EVS_OK || count == 0) {
            return error != EVS_OK ? error : check_alive(instance);
        }
        const auto number = count_of(count);
        const ais_bytes parts[] = {to_abi(Bytes(number)), keys_of(groups, count)};
        std::vector<std::uint8_t> nothing;
        client::Response head;
        const auto status =
            instance.connection->call(static_cast<std::uint16_t>(kind), parts, nothing, head);
        return status == client::Status::ok ? static_cast<evs_error_t>(head.error)
                                            : to_error(status);
    });
}

// The way of every message: no lock, and no allocation for up to 62 parts.
evs_error_t multicast(Instance& instance,
                      RequestKind kind,
                      std::span<const ais_bytes> heads,
                      const iovec* parts,
                      int count) {
    constexpr std::size_t few = 64;
    std::array<ais_bytes, few> space;
    std::vector<ais_bytes> more;
    std::span<ais_bytes> views = space;
    if (count < 0 || (count > 0 && parts == nullptr)) {
        return EVS_ERR_INVALID_PARAM;
    }
    const std::size_t total = heads.size() + static_cast<std::size_t>(count);
    if (total > few) {
        more.resize(total);
        views = more;
    }
    auto next = std::copy(heads.begin(), heads.end(), views.begin());
    std::size_t size = 0;
    for (int i = 0; i < count; ++i) {
        const std::size_t length = parts[i].iov_len;
        if (length > instance.connection->payload_max() - size ||
            (length > 0 && parts[i].iov_base == nullptr)) {
            return EVS_ERR_INVALID_PARAM;
        }
        size += length;
        *next++ = {static_cast<const std::uint8_t*>(parts[i].iov_base), length};
    }
    return to_error(
        instance.connection->send(static_cast<std::uint16_t>(kind), views.first(total)));
}

bool is_guarantee(evs_guarantee_t guarantee) {
    return static_cast<unsigned>(guarantee) <= EVS_TYPE_SAFE;
}

evs_error_t membership_get(Instance& instance,
                           unsigned int* local,
                           unsigned int* list,
                           unsigned int& entries) {
    std::vector<std::uint8_t> response;
    client::Response head;
    const auto status = instance.connection->call(
        static_cast<std::uint16_t>(RequestKind::membership), {}, response, head);
    if (status != client::Status::ok) {
        return to_error(status);
    }
    Reader in(response);
    const std::uint32_t count = in.u32();
    if (std::uint64_t{count} * 4 != in.remaining()) {
        return EVS_ERR_LIBRARY;
    }
    if (local != nullptr) {
        *local = instance.connection->node();
    }
    entries = list == nullptr ? count : std::min<unsigned int>(entries, count);
    for (unsigned int i = 0; list != nullptr && i < entries; ++i) {
        list[i] = in.u32();
    }
    return EVS_OK;
}

}  // namespace
}  // namespace ais::evs

namespace evs = ais::evs;

extern "C" {

AIS_EXPORT evs_error_t evs_initialize(evs_handle_t* handle, evs_callbacks_t* callbacks) {
    if (handle == nullptr || callbacks == nullptr) {
        return EVS_ERR_INVALID_PARAM;
    }
    try {
        return evs::initialize(*handle, *callbacks);
    } catch (const std::bad_alloc&) {
        return EVS_ERR_NO_MEMORY;
    }
}

AIS_EXPORT evs_error_t evs_finalize(evs_handle_t handle) {
    return evs::with_instance(handle, [handle](evs::Instance&) {
        return evs::instances().finalize(handle) != nullptr ? EVS_OK : EVS_ERR_BAD_HANDLE;
    });
}

AIS_EXPORT evs_error_t evs_fd_get(evs_handle_t handle, int* fd) {
    return evs::with_instance(handle, [fd](evs::Instance& instance) {
        if (fd == nullptr) {
            return EVS_ERR_INVALID_PARAM;
        }
        *fd = instance.connection->fd();
        return EVS_OK;
    });
}

AIS_EXPORT evs_error_t evs_dispatch(evs_handle_t handle, evs_dispatch_t dispatch_types) {
    return evs::with_instance(handle, [dispatch_types](evs::Instance& instance) {
        return evs::dispatch(instance, dispatch_types);
    });
}

AIS_EXPORT evs_error_t evs_join(evs_handle_t handle, struct evs_group* groups, int group_cnt) {
    return evs::change_groups(handle, evs::RequestKind::join, groups, group_cnt);
}

AIS_EXPORT evs_error_t evs_leave(evs_handle_t handle, struct evs_group* groups, int group_cnt) {
    return evs::change_groups(handle, evs::RequestKind::leave, groups, group_cnt);
}

AIS_EXPORT evs_error_t evs_mcast_joined(evs_handle_t handle,
                                        evs_guarantee_t guarantee,
                                        struct iovec* iovec,
                                        int iov_len) {
    return evs::with_instance(handle, [=](evs::Instance& instance) {
        if (!evs::is_guarantee(guarantee)) {
            return EVS_ERR_INVALID_PARAM;
        }
        const auto kind = guarantee == EVS_TYPE_SAFE ? evs::RequestKind::joined_safe
                                                     : evs::RequestKind::joined_agreed;
        return evs::multicast(instance, kind, {}, iovec, iov_len);
    });
}

AIS_EXPORT evs_error_t evs_mcast_groups(evs_handle_t handle,
                                        evs_guarantee_t guarantee,
                                        struct evs_group* groups,
                                        int group_cnt,
                                        struct iovec* iovec,
                                        int iov_len) {
    return evs::with_instance(handle, [=](evs::Instance& instance) {
        const evs_error_t error = evs::check_groups(groups, group_cnt);
        if (error != EVS_OK || !evs::is_guarantee(guarantee)) {
            return error != EVS_OK ? error : EVS_ERR_INVALID_PARAM;
        }
        const auto number = evs::count_of(group_cnt);
        const ais_bytes heads[] = {ais::to_abi(ais::Bytes(number)),
                                   evs::keys_of(groups, group_cnt)};
        const auto kind = guarantee == EVS_TYPE_SAFE ? evs::RequestKind::groups_safe
                                                     : evs::RequestKind::groups_agreed;
        return evs::multicast(instance, kind, heads, iovec, iov_len);
    });
}

AIS_EXPORT evs_error_t evs_membership_get(evs_handle_t handle,
                                          unsigned int* local_nodeid,
                                          unsigned int* member_list,
                                          unsigned int* member_list_entries) {
    return evs::with_instance(handle, [=](evs::Instance& instance) {
        return member_list_entries == nullptr
                   ? EVS_ERR_INVALID_PARAM
                   : evs::membership_get(instance, local_nodeid, member_list, *member_list_entries);
    });
}

}  // extern "C"
