// SPDX-License-Identifier: BSD-3-Clause
//
// The life cycle that all services of the SA Forum share, so that each writes a few lines:
//
//     struct Session {
//         std::shared_ptr<client::Connection> connection;
//         SaLckCallbacksT callbacks{};
//         …
//     };
//     client::Library<Session>& sessions();   // a function-local static, with a seed of its own
//
//     SaAisErrorT saLckInitialize(SaLckHandleT* handle, const SaLckCallbacksT* callbacks,
//                                 SaVersionT* version) {
//         return client::initialize(sessions(), service_id, versions, handle, version,
//             [=](Session& session, client::Version served) {
//                 session.callbacks = callbacks != nullptr ? *callbacks : SaLckCallbacksT{};
//                 return std::string();       // the hello of this service
//             });
//     }
//     SaAisErrorT saLckSelectionObjectGet(SaLckHandleT handle, SaSelectionObjectT* fd) {
//         return client::selection_object_get(sessions(), handle, fd);
//     }
//     SaAisErrorT saLckDispatch(SaLckHandleT handle, SaDispatchFlagsT flags) {
//         return client::dispatch(sessions(), handle, flags, on_event);
//     }
//     SaAisErrorT saLckFinalize(SaLckHandleT handle) {
//         return client::finalize(sessions(), handle);
//     }
//     SaAisErrorT saLckResourceClose(…) {
//         return client::with(sessions(), handle, [&](const auto& session) { … });
//     }
//
// Order of checks, here and in the services: handle, parameters, callbacks (ERR_INIT),
// the executive.  What an executive that is gone means: every function returns LIBRARY, and
// changes nothing here, but Finalize and those that give back memory or tell what this process
// has (saAis(3) lists them).  Nothing of C++ gets out but what a callback throws.
//
// Objects inside an association (checkpoints, channels, queues) have a Library of their
// own and a member `std::weak_ptr<Session> owner`; with_object() and close_objects() are
// for them.
//
// Threads: all functions from any thread.

#pragma once

#include "client/ais.hpp"
#include "client/library.hpp"

#include <array>
#include <concepts>
#include <cstring>
#include <new>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

namespace ais::client {

// Find the association, then do it; `action` gets the pin and returns the result.
template <typename Association, typename Action>
SaAisErrorT with(const Library<Association>& library, Handle handle, Action&& action) {
    try {
        const auto pin = library.pin(handle);
        if (pin == nullptr || pin->connection->state() == Status::forked) {
            return SA_AIS_ERR_BAD_HANDLE;
        }
        return action(pin);
    } catch (const std::bad_alloc&) {
        return SA_AIS_ERR_NO_MEMORY;
    }
}

// The same for an object and the association that it belongs to.
template <typename Object, typename Action>
SaAisErrorT with_object(const Library<Object>& library, Handle handle, Action&& action) {
    try {
        const auto pin = library.pin(handle);
        const auto owner = pin != nullptr ? pin->owner.lock() : nullptr;
        if (owner == nullptr || owner->connection->is_closed() ||
            owner->connection->state() == Status::forked) {
            return SA_AIS_ERR_BAD_HANDLE;
        }
        return action(pin, owner);
    } catch (const std::bad_alloc&) {
        return SA_AIS_ERR_NO_MEMORY;
    }
}

// Take all objects of an association out of their table.
template <typename Object, typename Association>
void close_objects(Library<Object>& library, const std::shared_ptr<Association>& owner) {
    for (const auto& [handle, object] : library.all()) {
        if (object->owner.lock() == owner) {
            library.take(handle);
        }
    }
}

// `supported`: as negotiate() wants it.  `configure(association, served)` fills the
// association in and returns the hello for the service's client_open (at most 256 bytes); no
// other thread sees the association before all is well.
// *handle is written on success only, *version then and with ERR_VERSION.  `refused` says what
// a connection that did not come about means, for services that have reasons of their own.
template <typename Association, typename Configure>
SaAisErrorT initialize(Library<Association>& library,
                       std::uint16_t service_id,
                       std::span<const Version> supported,
                       SaUint64T* handle,
                       SaVersionT* version,
                       Configure&& configure,
                       SaAisErrorT (*refused)(Status, ais_status) = &to_sa_error) {
    if (handle == nullptr || version == nullptr) {
        return SA_AIS_ERR_INVALID_PARAM;
    }
    Version served{version->releaseCode, version->majorVersion, version->minorVersion};
    const bool is_served = negotiate(supported, served);
    const SaVersionT answer{served.release, served.major, served.minor};
    if (!is_served) {
        *version = answer;
        return SA_AIS_ERR_VERSION;
    }
    try {
        auto association = std::make_shared<Association>();
        const std::string hello = configure(*association, served);
        ais_status refusal = AIS_OK;
        const Status status =
            Connection::open(service_id, as_bytes(hello), association->connection, &refusal);
        if (status != Status::ok) {
            return refused(status, refusal);
        }
        *handle = library.insert(std::move(association));
        *version = answer;
        return SA_AIS_OK;
    } catch (const std::bad_alloc&) {
        return SA_AIS_ERR_NO_MEMORY;
    }
}

template <typename Association>
SaAisErrorT selection_object_get(const Library<Association>& library,
                                 Handle handle,
                                 SaSelectionObjectT* selection_object) {
    return with(library, handle, [=](const auto& association) {
        if (selection_object == nullptr) {
            return SA_AIS_ERR_INVALID_PARAM;
        }
        const SaAisErrorT alive = to_sa_error(association->connection->state());
        if (alive == SA_AIS_OK) {
            *selection_object = static_cast<SaSelectionObjectT>(association->connection->fd());
        }
        return alive;
    });
}

// `on_event(handle, association, event)` returns whether it has called a callback.
template <typename Association, typename OnEvent>
SaAisErrorT dispatch(const Library<Association>& library,
                     Handle handle,
                     SaDispatchFlagsT flags,
                     OnEvent&& on_event) {
    return with(library, handle, [&](const auto& association) {
        const auto mode = to_mode(flags);
        if (!mode) {
            return SA_AIS_ERR_INVALID_PARAM;
        }
        const auto done = dispatch(*association->connection, *mode, [&](const Event& event) {
            return on_event(handle, *association, event);
        });
        // Finalized by a callback or by another thread: that is how BLOCKING ends.
        return done.status == Status::closed ? SA_AIS_OK : to_sa_error(done.status);
    });
}

// `on_closed(association)` is called once, after the connection is closed and the handle is
// gone: the place to close_objects().
template <typename Association, typename OnClosed>
SaAisErrorT finalize(Library<Association>& library, Handle handle, OnClosed&& on_closed) {
    return with(library, handle, [&](const auto&) {
        const auto association = library.finalize(handle);
        if (association == nullptr) {
            return SA_AIS_ERR_BAD_HANDLE;  // another thread was first
        }
        on_closed(association);
        return SA_AIS_OK;
    });
}
template <typename Association>
SaAisErrorT finalize(Library<Association>& library, Handle handle) {
    return finalize(library, handle, [](const auto&) {});
}

// A hello, for what `configure` of initialize() returns.
template <typename Hello>
std::string pack(const Hello& hello) {
    std::string bytes(Hello::size, '\0');
    Writer out({reinterpret_cast<std::uint8_t*>(bytes.data()), bytes.size()});
    hello.encode(out);
    return bytes;
}

// A number as a part of a request.
template <std::unsigned_integral T>
std::array<std::uint8_t, sizeof(T)> bytes_of(T number) {
    std::array<std::uint8_t, sizeof(T)> bytes{};
    number = little_endian(number);
    std::memcpy(bytes.data(), &number, sizeof number);
    return bytes;
}

inline ais_bytes part(Bytes bytes) {
    return to_abi(bytes);
}
inline ais_bytes part(const Appender& bytes) {
    return to_abi(bytes.written());
}

// One request and its response; the service's own code is a SaAisErrorT.
inline SaAisErrorT call(Connection& connection,
                        std::uint16_t kind,
                        std::span<const ais_bytes> parts,
                        std::vector<std::uint8_t>& response,
                        Duration timeout = forever) {
    Response head;
    const Status status = connection.call(kind, parts, response, head, timeout);
    return status == Status::ok ? static_cast<SaAisErrorT>(head.error) : to_sa_error(status);
}

// OK, or what a function that asks nothing of the executive returns when that is gone.
template <typename Association>
SaAisErrorT check_alive(const Association& association) {
    return to_sa_error(association.connection->state());
}

// A call of an association, with parts that are Bytes, Appenders or bytes_of().
template <typename Association, typename Kind, typename... Parts>
requires std::is_enum_v<Kind> SaAisErrorT ask(Association& association,
                                              Kind kind,
                                              std::vector<std::uint8_t>& response,
                                              Duration timeout,
                                              const Parts&... parts) {
    const ais_bytes list[] = {part(parts)..., ais_bytes{}};
    return call(*association.connection,
                static_cast<std::uint16_t>(kind),
                {list, sizeof...(parts)},
                response,
                timeout);
}
// Of which only the result counts.
template <typename Association, typename Kind, typename... Parts>
requires std::is_enum_v<Kind> SaAisErrorT ask(Association& association,
                                              Kind kind,
                                              const Parts&... parts) {
    std::vector<std::uint8_t> response;
    return ask(association, kind, response, forever, parts...);
}
// One way; waits for room in the ring, as long as `timeout`.
template <typename Association, typename Kind, typename... Parts>
requires std::is_enum_v<Kind> SaAisErrorT tell(Association& association,
                                               Kind kind,
                                               Duration timeout,
                                               const Parts&... parts) {
    const ais_bytes list[] = {part(parts)..., ais_bytes{}};
    return to_sa_error(association.connection->send(
        static_cast<std::uint16_t>(kind), {list, sizeof...(parts)}, timeout));
}

}  // namespace ais::client
