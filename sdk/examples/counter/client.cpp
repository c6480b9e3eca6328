// SPDX-License-Identifier: BSD-3-Clause
//
// libcounter on ais::client: handles and pins from library.hpp, calls from connection.hpp,
// events from dispatch.hpp.  No exception reaches the application.

#include "wire.hpp"

#include <counter.h>

#include "client/connection.hpp"
#include "client/dispatch.hpp"
#include "client/library.hpp"

#include <ais/codec.hpp>

#include <array>
#include <cstring>
#include <new>

namespace {

using ais::client::Connection;
using ais::client::Status;

struct Association {
    std::shared_ptr<Connection> connection;
};

ais::client::Library<Association> library(0x636f756e);

counter_error_t to_error(Status status) {
    switch (status) {
        case Status::ok:
            return COUNTER_OK;
        case Status::try_again:
        case Status::timeout:
            return COUNTER_ERR_TRY_AGAIN;
        case Status::lost:
            return COUNTER_ERR_LOST;
        case Status::closed:
        case Status::forked:
            return COUNTER_ERR_BAD_HANDLE;
        case Status::denied:
            return COUNTER_ERR_DENIED;
        case Status::refused:
        case Status::version:
            return COUNTER_ERR_NO_SERVICE;
        case Status::no_memory:
            return COUNTER_ERR_NO_MEMORY;
        case Status::too_big:
            return COUNTER_ERR_INVALID;
    }
    return COUNTER_ERR_LOST;
}

counter_error_t call(counter_handle_t handle,
                     counter::Request kind,
                     const char* name,
                     const std::int64_t* amount,
                     std::int64_t* value) {
    const auto pin = library.pin(handle);
    if (pin == nullptr) {
        return COUNTER_ERR_BAD_HANDLE;
    }
    const std::size_t size = name == nullptr ? 0 : std::strlen(name);
    if (size == 0 || size > counter::name_max) {
        return COUNTER_ERR_INVALID;
    }
    std::array<std::uint8_t, counter::name_max + 16> request;
    ais::Writer writer(request);
    writer.text({name, size});
    if (amount != nullptr) {
        writer.i64(*amount);
    }
    const ais_bytes part = ais::to_abi(writer.written());
    std::array<std::uint8_t, 8> body{};
    ais::client::Response response;
    const Status status = pin->connection->call(
        static_cast<std::uint16_t>(kind), {&part, 1}, ais::MutableBytes(body), response);
    if (status != Status::ok) {
        return to_error(status);
    }
    if (response.error != counter::ok) {
        return response.error == counter::try_again ? COUNTER_ERR_TRY_AGAIN : COUNTER_ERR_INVALID;
    }
    if (value != nullptr) {
        *value = ais::Reader(body).i64();
    }
    return COUNTER_OK;
}

}  // namespace

extern "C" {

__attribute__((visibility("default"))) counter_error_t counter_open(counter_handle_t* handle) {
    if (handle == nullptr) {
        return COUNTER_ERR_INVALID;
    }
    try {
        auto association = std::make_shared<Association>();
        const Status status =
            Connection::open(counter::service_number, {}, association->connection);
        if (status != Status::ok) {
            return to_error(status);
        }
        *handle = library.insert(std::move(association));
        return COUNTER_OK;
    } catch (const std::bad_alloc&) {
        return COUNTER_ERR_NO_MEMORY;
    }
}

__attribute__((visibility("default"))) counter_error_t counter_close(counter_handle_t handle) {
    return library.finalize(handle) != nullptr ? COUNTER_OK : COUNTER_ERR_BAD_HANDLE;
}

__attribute__((visibility("default"))) counter_error_t counter_add(counter_handle_t handle,
                                                                   const char* name,
                                                                   int64_t amount,
                                                                   int64_t* value) {
    return call(handle, counter::Request::add, name, &amount, value);
}

__attribute__((visibility("default"))) counter_error_t counter_get(counter_handle_t handle,
                                                                   const char* name,
                                                                   int64_t* value) {
    return value == nullptr ? COUNTER_ERR_INVALID
                            : call(handle, counter::Request::get, name, nullptr, value);
}

__attribute__((visibility("default"))) counter_error_t counter_fd_get(counter_handle_t handle,
                                                                      int* fd) {
    const auto pin = library.pin(handle);
    if (pin == nullptr) {
        return COUNTER_ERR_BAD_HANDLE;
    }
    if (fd == nullptr) {
        return COUNTER_ERR_INVALID;
    }
    *fd = pin->connection->fd();
    return COUNTER_OK;
}

__attribute__((visibility("default"))) counter_error_t counter_dispatch(counter_handle_t handle,
                                                                        int wait,
                                                                        counter_changed_fn changed,
                                                                        void* context) {
    const auto pin = library.pin(handle);
    if (pin == nullptr) {
        return COUNTER_ERR_BAD_HANDLE;
    }
    if (changed == nullptr) {
        return COUNTER_ERR_INVALID;
    }
    const auto handler = [&](const ais::client::Event& event) {
        ais::Reader reader(event.body);
        const std::string name(reader.text());
        const std::int64_t value = reader.i64();
        if (event.kind != static_cast<std::uint16_t>(counter::Event::changed) ||
            !reader.finished()) {
            return false;  // of a later version of the service
        }
        changed(name.c_str(), value, context);
        return true;
    };
    const auto mode = wait != 0 ? ais::client::DispatchMode::one : ais::client::DispatchMode::all;
    const Status status = ais::client::dispatch(*pin->connection, mode, handler).status;
    return status == Status::closed ? COUNTER_OK : to_error(status);
}

__attribute__((visibility("default"))) const char* counter_error_text(counter_error_t error) {
    switch (error) {
        case COUNTER_OK:
            return "ok";
        case COUNTER_ERR_INVALID:
            return "an argument is out of its range";
        case COUNTER_ERR_BAD_HANDLE:
            return "the handle is closed or never was open";
        case COUNTER_ERR_TRY_AGAIN:
            return "no executive is running here, or it is busy";
        case COUNTER_ERR_LOST:
            return "the executive has ended or cut this program off";
        case COUNTER_ERR_DENIED:
            return "this user may not use the executive";
        case COUNTER_ERR_NO_SERVICE:
            return "the executive does not run the plugin 'counter'";
        case COUNTER_ERR_NO_MEMORY:
            return "memory or descriptors are exhausted";
    }
    return "unknown error";
}

}  // extern "C"
