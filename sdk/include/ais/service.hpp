// SPDX-License-Identifier: BSD-3-Clause
//
// A replicated service as a class.  abi/service.h has the contract of each call and their
// order; here is how a class says that it has them:
//
//   static constexpr std::uint16_t service_id                            Service: these two
//   void deliver(ais_node_id sender, std::uint16_t kind, Bytes body)
//   void configure(const ais_configuration& now)                         optional
//   void request(ais_conn*, std::uint64_t serial, std::uint16_t kind, Bytes body)   WithClients:
//   ais_status client_open(ais_conn*, Bytes hello)                                  these three
//   void client_close(ais_conn*)
//   ais_status save(StateWriter& out)                                    Synchronised: these two
//   ais_status merge(std::span<const SavedState> states)
//   void dump(std::string& out)                                          Dumpable
//   list_parts, save_part, merge_begin, merge_part, merge_end            InParts, parts.hpp
//   save_local, restore_local                                            HandsOver, handover.hpp
//   deliver_pieces, opaque_requests                                      bulk.hpp
//
// A member of that name with another signature, or half of a group, does not compile.
//
// The trampolines are noexcept: an exception that leaves one of these members ends the
// process, because a replica that did half of a delivery differs from the others.

#pragma once

#include <ais/abi/service.h>
#include <ais/bulk.hpp>
#include <ais/copy_min.hpp>
#include <ais/handover.hpp>
#include <ais/parts.hpp>
#include <ais/plugin.hpp>
#include <ais/state_writer.hpp>

#include <span>
#include <string>
#include <vector>

namespace ais {

// The saved state of one component; views are valid until merge() returns.
struct SavedState {
    bool is_own = false;  // this node was a member of it
    ais_node_id saved_by = 0;
    std::span<const ais_node_id> members;  // ascending
    Bytes bytes;
};

inline std::span<const ais_node_id> members(const ais_configuration& of) {
    return {of.members, of.member_count};
}
inline std::span<const ais_node_id> joined(const ais_configuration& of) {
    return {of.joined, of.joined_count};
}
inline std::span<const ais_node_id> left(const ais_configuration& of) {
    return {of.left, of.left_count};
}

template <typename T>
concept Service = requires(T service, ais_node_id sender, std::uint16_t kind, Bytes body) {
    requires std::convertible_to<decltype(T::service_id), std::uint16_t>;
    { service.deliver(sender, kind, body) } -> std::same_as<void>;
};

template <typename T>
concept WithConfigurations = requires(T service, const ais_configuration& now) {
    { service.configure(now) } -> std::same_as<void>;
};

template <typename T>
concept WithClients =
    requires(T service, ais_conn* who, std::uint64_t serial, std::uint16_t kind, Bytes body) {
    { service.request(who, serial, kind, body) } -> std::same_as<void>;
    { service.client_open(who, body) } -> std::same_as<ais_status>;
    { service.client_close(who) } -> std::same_as<void>;
};

template <typename T>
concept Synchronised = requires(T service, StateWriter& out, std::span<const SavedState> states) {
    { service.save(out) } -> std::same_as<ais_status>;
    { service.merge(states) } -> std::same_as<ais_status>;
};

template <typename T>
concept Dumpable = requires(T service, std::string& out) {
    { service.dump(out) } -> std::same_as<void>;
};

namespace sdk {

template <typename T>
struct ServiceCalls {
    static void deliver(void* self,
                        ais_node_id sender,
                        std::uint16_t kind,
                        ais_bytes body) noexcept {
        instance<T>(self).deliver(sender, kind, from_abi(body));
    }

    static void configure(void* self, const ais_configuration* now) noexcept {
        const auto copy = copy_min<ais_configuration>(now);
        instance<T>(self).configure(copy);
    }

    static void request(void* self,
                        ais_conn* from,
                        std::uint64_t serial,
                        std::uint16_t kind,
                        ais_bytes body) noexcept {
        instance<T>(self).request(from, serial, kind, from_abi(body));
    }
    static ais_status client_open(void* self, ais_conn* who, ais_bytes hello) noexcept {
        return instance<T>(self).client_open(who, from_abi(hello));
    }
    static void client_close(void* self, ais_conn* who) noexcept {
        instance<T>(self).client_close(who);
    }

    static ais_status save(void* self, const ais_writer* out) noexcept {
        const auto copy = copy_min<ais_writer>(out);
        StateWriter writer(copy);
        const ais_status status = instance<T>(self).save(writer);
        return status != AIS_OK ? status : writer.status();
    }

    static ais_status merge(void* self,
                            const ais_saved_state* states,
                            std::uint32_t count) noexcept {
        std::vector<SavedState> list;
        list.reserve(count);
        const auto* at = reinterpret_cast<const unsigned char*>(states);
        for (std::uint32_t i = 0; i < count; ++i) {
            // The kernel's struct may be longer than the one we know: step by its size.
            std::uint32_t stride = 0;
            std::memcpy(&stride, at, sizeof stride);
            const auto state = copy_min<ais_saved_state>(at);
            list.push_back({(state.flags & AIS_STATE_OWN) != 0,
                            state.saved_by,
                            {state.members, state.member_count},
                            from_abi(state.bytes)});
            at += stride;
        }
        return instance<T>(self).merge(list);
    }

    static void dump(void* self, const ais_writer* out) noexcept {
        const auto copy = copy_min<ais_writer>(out);
        std::string text;
        instance<T>(self).dump(text);
        copy.write(copy.context, to_abi(std::string_view(text)));
    }
};

template <typename T>
constexpr ais_service_v1 make_service_table() {
    static_assert(Service<T>,
                  "deliver is missing or is not void deliver(ais_node_id, std::uint16_t, Bytes)");
    static_assert(T::service_id >= 1 && T::service_id <= 1023, "service_id is 1 to 1023");
    constexpr bool names_clients = requires {
        &T::request;
    }
    || requires {
        &T::client_open;
    }
    || requires {
        &T::client_close;
    };
    static_assert(WithClients<T> || !names_clients,
                  "request, client_open and client_close come together, with the signatures of "
                  "<ais/service.hpp>");
    static_assert(Synchronised<T> || !(
                                         requires { &T::save; } || requires { &T::merge; }),
                  "save and merge come together, with the signatures of <ais/service.hpp>");
    static_assert(
        WithConfigurations<T> || !requires { &T::configure; },
        "configure is not void configure(const ais_configuration&)");
    static_assert(
        Dumpable<T> || !requires { &T::dump; }, "dump is not void dump(std::string&)");

    using Calls = ServiceCalls<T>;
    ais_service_v1 table{};
    table.struct_size = sizeof table;
    table.service_id = T::service_id;
    table.deliver = &Calls::deliver;
    if constexpr (WithConfigurations<T>) {
        table.configure = &Calls::configure;
    }
    if constexpr (WithClients<T>) {
        table.request = &Calls::request;
        table.client_open = &Calls::client_open;
        table.client_close = &Calls::client_close;
    }
    if constexpr (Synchronised<T>) {
        table.save = &Calls::save;
        table.merge = &Calls::merge;
    }
    if constexpr (Dumpable<T>) {
        table.dump = &Calls::dump;
    }
    return table;
}

template <typename T>
struct ServiceTable {
    static constexpr ais_service_v1 table = make_service_table<T>();
};

// `service_id` alone makes a class a service, so that a wrong deliver is an
// error and not a class that offers nothing.
template <typename T>
requires requires {
    T::service_id;
}
struct Offer<ServiceInterface, T> {
    static constexpr const char* id = AIS_SERVICE_INTERFACE;
    static constexpr const void* table = &ServiceTable<T>::table;
};

}  // namespace sdk
}  // namespace ais
