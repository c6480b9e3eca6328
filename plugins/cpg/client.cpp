// SPDX-License-Identifier: BSD-3-Clause
//
// libcpg: the association, its dispatch and its small questions.

#include "client_instance.hpp"

#include "client/dispatch.hpp"

#include <algorithm>
#include <cstring>

namespace ais::cpg {

client::Library<Instance>& instances() {
    static client::Library<Instance> table(0x43504701U);
    return table;
}

client::Library<Iteration>& iterations() {
    static client::Library<Iteration> table(0x43504907U);
    return table;
}

cs_error_t check_name(const cpg_name* name) {
    if (name == nullptr || name->length == 0) {
        return CS_ERR_INVALID_PARAM;
    }
    return name->length > CPG_MAX_NAME_LENGTH ? CS_ERR_NAME_TOO_LONG : CS_OK;
}

cpg_name make_name(std::string_view from) {
    cpg_name name{};
    name.length = static_cast<std::uint32_t>(std::min<std::size_t>(from.size(), group_name_max));
    std::memcpy(name.value, from.data(), name.length);
    return name;
}

cs_error_t to_error(client::Status status) {
    switch (status) {
        case client::Status::ok:
            return CS_OK;
        case client::Status::try_again:
            return CS_ERR_TRY_AGAIN;
        case client::Status::timeout:
            return CS_ERR_TIMEOUT;
        case client::Status::lost:
            return CS_ERR_LIBRARY;
        case client::Status::closed:
        case client::Status::forked:
            return CS_ERR_BAD_HANDLE;
        case client::Status::too_big:
            return CS_ERR_INVALID_PARAM;
        case client::Status::denied:
            return CS_ERR_ACCESS;
        case client::Status::refused:
            return CS_ERR_NOT_SUPPORTED;
        case client::Status::version:
            return CS_ERR_VERSION;
        case client::Status::no_memory:
            return CS_ERR_NO_MEMORY;
    }
    return CS_ERR_LIBRARY;
}

cs_error_t check_alive(const Instance& instance) {
    return to_error(instance.connection->state());
}

cs_error_t call(Instance& instance,
                RequestKind kind,
                std::span<const ais_bytes> parts,
                std::vector<std::uint8_t>& response) {
    client::Response head;
    const auto status =
        instance.connection->call(static_cast<std::uint16_t>(kind), parts, response, head);
    return status == client::Status::ok ? static_cast<cs_error_t>(head.error) : to_error(status);
}

namespace {

// The name of the group that an event is of; null if there is no such number.
const cpg_name* name_of(Instance& instance, std::uint32_t number) {
    const std::lock_guard lock(instance.names_mutex);
    return number <= join_count_mask ? &instance.names[number] : nullptr;
}

// One call of cpg_dispatch, and the change that it has taken and is to tell.
struct Dispatch {
    cpg_handle_t handle;
    Instance& instance;
    Told told{};
    std::uint32_t number = 0;
    bool is_complete = false;  // it was not a part with more to come
};

// All events pass here in their order.  False: the executive says what cannot be.
bool keep_account(Dispatch& dispatch, const client::Event& event) {
    Instance& instance = dispatch.instance;
    if (event.kind != static_cast<std::uint16_t>(EventKind::change) ||
        instance.callbacks.cpg_confchg_fn == nullptr) {
        return true;
    }
    ChangeEvent change;
    if (!ChangeEvent::decode(event.body, change)) {
        return false;
    }
    const View::Heard heard = instance.view.hear(change, dispatch.told);
    dispatch.number = change.number;
    dispatch.is_complete = heard == View::Heard::change;
    return heard != View::Heard::broken;
}

// Each returns whether a callback was called.  What the executive sends is
// checked as if it were a stranger; an event that does not decode is dropped.
bool on_message(const Dispatch& dispatch, const client::Event& event) {
    Instance& instance = dispatch.instance;
    if (instance.callbacks.cpg_deliver_fn == nullptr) {
        return false;
    }
    Reader in(event.body);
    const DeliveryHead head = DeliveryHead::decode(in);
    const cpg_name* name = name_of(instance, head.number);
    if (!in.ok() || name == nullptr) {
        return false;
    }
    // The interface gives the application its message to write to; the body is
    // the event's own copy.
    auto* payload = const_cast<std::uint8_t*>(event.body.data()) + DeliveryHead::size;
    instance.callbacks.cpg_deliver_fn(
        dispatch.handle, name, head.node, head.pid, payload, in.remaining());
    return true;
}

bool on_change(Dispatch& dispatch) {
    Instance& instance = dispatch.instance;
    if (instance.callbacks.cpg_confchg_fn == nullptr || !dispatch.is_complete) {
        return false;
    }
    const Told& told = dispatch.told;
    instance.callbacks.cpg_confchg_fn(dispatch.handle,
                                      name_of(instance, dispatch.number),
                                      told.members().data(),
                                      told.members().size(),
                                      told.left().data(),
                                      told.left().size(),
                                      told.joined().data(),
                                      told.joined().size());
    dispatch.told.let_go();
    return true;
}

bool on_ring(const Dispatch& dispatch, const client::Event& event) {
    Instance& instance = dispatch.instance;
    RingEvent ring;
    if (instance.callbacks.cpg_totem_confchg_fn == nullptr ||
        !RingEvent::decode(event.body, ring)) {
        return false;
    }
    instance.callbacks.cpg_totem_confchg_fn(dispatch.handle,
                                            {ring.representative, ring.seq},
                                            static_cast<std::uint32_t>(ring.members.size()),
                                            ring.members.data());
    return true;
}

bool on_event(Dispatch& dispatch, const client::Event& event) {
    switch (static_cast<EventKind>(event.kind)) {
        case EventKind::message:
            return on_message(dispatch, event);
        case EventKind::change:
            return on_change(dispatch);
        case EventKind::ring:
            return on_ring(dispatch, event);
    }
    return false;
}

cs_error_t dispatch(cpg_handle_t handle, Instance& instance, cs_dispatch_flags_t types) {
    client::DispatchMode mode{};
    switch (types) {
        case CS_DISPATCH_ONE:
            mode = client::DispatchMode::one;
            break;
        case CS_DISPATCH_ALL:
            mode = client::DispatchMode::all;
            break;
        case CS_DISPATCH_BLOCKING:
            mode = client::DispatchMode::blocking;
            break;
        case CS_DISPATCH_ONE_NONBLOCKING:
            mode = client::DispatchMode::one_nonblocking;
            break;
        default:
            return CS_ERR_INVALID_PARAM;
    }
    Dispatch now{handle, instance};
    const auto done = client::dispatch(
        *instance.connection,
        mode,
        [&now](const client::Event& event) { return on_event(now, event); },
        [&now](const client::Event& event) { return keep_account(now, event); });
    if (done.status == client::Status::closed) {
        return CS_OK;  // finalized by a callback or by another thread
    }
    if (done.status == client::Status::ok && done.callbacks == 0 &&
        types == CS_DISPATCH_ONE_NONBLOCKING) {
        return CS_ERR_TRY_AGAIN;
    }
    return to_error(done.status);
}

cs_error_t initialize(cpg_handle_t* handle, const cpg_model_v1_data_t& callbacks, void* context) {
    auto instance = std::make_shared<Instance>();
    instance->callbacks = callbacks;
    instance->context = context;
    Hello hello;
    if (callbacks.cpg_totem_confchg_fn != nullptr) {
        hello.flags = Hello::wants_ring;
        if ((callbacks.flags & CPG_MODEL_V1_DELIVER_INITIAL_TOTEM_CONF) != 0) {
            hello.flags |= Hello::wants_initial_ring;
        }
    }
    std::uint8_t space[Hello::size];
    Writer out(space);
    hello.encode(out);
    ais_status refusal = AIS_OK;
    const auto status =
        client::Connection::open(cpg::service_id, out.written(), instance->connection, &refusal);
    if (status == client::Status::refused) {
        return refusal == AIS_ERR_NO_MEMORY     ? CS_ERR_NO_RESOURCES
               : refusal == AIS_ERR_UNSUPPORTED ? CS_ERR_VERSION
               : refusal == AIS_ERR_AGAIN       ? CS_ERR_TRY_AGAIN
                                                : CS_ERR_NOT_SUPPORTED;
    }
    if (status != client::Status::ok) {
        return to_error(status);
    }
    *handle = instances().insert(std::move(instance));
    return CS_OK;
}

}  // namespace
}  // namespace ais::cpg

using ais::cpg::Instance;
using ais::cpg::with_instance;

extern "C" {

AIS_EXPORT cs_error_t cpg_model_initialize(cpg_handle_t* handle,
                                           cpg_model_t model,
                                           cpg_model_data_t* model_data,
                                           void* context) {
    if (handle == nullptr || model_data == nullptr || model != CPG_MODEL_V1) {
        return CS_ERR_INVALID_PARAM;
    }
    cpg_model_v1_data_t data;
    std::memcpy(&data, model_data, sizeof data);
    if ((data.flags & ~static_cast<unsigned>(CPG_MODEL_V1_DELIVER_INITIAL_TOTEM_CONF)) != 0) {
        return CS_ERR_INVALID_PARAM;
    }
    try {
        return ais::cpg::initialize(handle, data, context);
    } catch (const std::bad_alloc&) {
        return CS_ERR_NO_MEMORY;
    }
}

AIS_EXPORT cs_error_t cpg_initialize(cpg_handle_t* handle, cpg_callbacks_t* callbacks) {
    if (handle == nullptr || callbacks == nullptr) {
        return CS_ERR_INVALID_PARAM;
    }
    cpg_model_v1_data_t data{};
    data.model = CPG_MODEL_V1;
    data.cpg_deliver_fn = callbacks->cpg_deliver_fn;
    data.cpg_confchg_fn = callbacks->cpg_confchg_fn;
    try {
        return ais::cpg::initialize(handle, data, nullptr);
    } catch (const std::bad_alloc&) {
        return CS_ERR_NO_MEMORY;
    }
}

AIS_EXPORT cs_error_t cpg_finalize(cpg_handle_t handle) {
    return with_instance(handle, [handle](Instance&) {
        const auto instance = ais::cpg::instances().finalize(handle);
        if (instance == nullptr) {
            return CS_ERR_BAD_HANDLE;  // another thread was first
        }
        for (const auto& [iteration, pinned] : ais::cpg::iterations().all()) {
            if (pinned->owner.lock() == instance) {
                ais::cpg::iterations().take(iteration);
            }
        }
        return CS_OK;
    });
}

AIS_EXPORT cs_error_t cpg_fd_get(cpg_handle_t handle, int* fd) {
    return with_instance(handle, [fd](Instance& instance) {
        if (fd == nullptr) {
            return CS_ERR_INVALID_PARAM;
        }
        *fd = instance.connection->fd();
        return CS_OK;
    });
}

AIS_EXPORT cs_error_t cpg_dispatch(cpg_handle_t handle, cs_dispatch_flags_t dispatch_types) {
    return with_instance(handle, [=](Instance& instance) {
        return ais::cpg::dispatch(handle, instance, dispatch_types);
    });
}

AIS_EXPORT cs_error_t cpg_context_get(cpg_handle_t handle, void** context) {
    return with_instance(handle, [context](Instance& instance) {
        if (context == nullptr) {
            return CS_ERR_INVALID_PARAM;
        }
        *context = instance.context;
        return CS_OK;
    });
}

AIS_EXPORT cs_error_t cpg_context_set(cpg_handle_t handle, void* context) {
    return with_instance(handle, [context](Instance& instance) {
        instance.context = context;
        return CS_OK;
    });
}

AIS_EXPORT cs_error_t cpg_local_get(cpg_handle_t handle, unsigned int* local_nodeid) {
    return with_instance(handle, [local_nodeid](Instance& instance) {
        if (local_nodeid == nullptr) {
            return CS_ERR_INVALID_PARAM;
        }
        *local_nodeid = instance.connection->node();
        return ais::cpg::check_alive(instance);
    });
}

}  // extern "C"
