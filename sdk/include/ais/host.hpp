// SPDX-License-Identifier: BSD-3-Clause
//
// Typed views of what the kernel offers to a plugin.  Each is two words and a copied table,
// made once in the constructor of the plugin's class:
//
//     explicit Counter(const ais_host& host) : log_(host), group_(host), ipc_(host) {}
//
// A view of an interface that this kernel does not have throws, so the load fails with a
// sentence; a plugin that can do without asks has() first.  The abi headers have the
// contract of every call.  All calls come from the kernel's loop.

#pragma once

#include <ais/abi/config.h>
#include <ais/abi/group.h>
#include <ais/abi/host.h>
#include <ais/abi/ipc.h>
#include <ais/abi/node.h>
#include <ais/abi/timer.h>
#include <ais/bytes.hpp>
#include <ais/copy_min.hpp>

#include <chrono>
#include <optional>
#include <span>
#include <sstream>
#include <stdexcept>
#include <string>
#include <type_traits>

namespace ais::host {

// Does this kernel offer the interface?
inline bool has(const ais_host& host, const char* id) {
    return host.find(&host, id) != nullptr;
}

// Its table, or zeroes if the kernel does not have it.
template <typename Table>
Table find(const ais_host& host, const char* id) {
    return copy_min<Table>(host.find(&host, id));
}

template <typename Table>
Table require(const ais_host& host, const char* id) {
    const auto table = find<Table>(host, id);
    if (table.struct_size == 0) {
        throw std::runtime_error(std::string("this kernel does not offer ") + id);
    }
    return table;
}

inline ais_bytes part(ais_bytes bytes) {
    return bytes;
}
inline ais_bytes part(Bytes bytes) {
    return to_abi(bytes);
}
inline ais_bytes part(std::string_view text) {
    return to_abi(text);
}

class Log {
  public:
    explicit Log(const ais_host& host) : host_(&host) {}

    // `id` is stable and explained in the plugin's man page: "CPG-001".  The parts are
    // written one after the other.
    template <typename... Parts>
    void error(const char* id, const Parts&... parts) const {
        write(AIS_LOG_ERROR, id, parts...);
    }
    template <typename... Parts>
    void warning(const char* id, const Parts&... parts) const {
        write(AIS_LOG_WARNING, id, parts...);
    }
    template <typename... Parts>
    void notice(const char* id, const Parts&... parts) const {
        write(AIS_LOG_NOTICE, id, parts...);
    }
    template <typename... Parts>
    void info(const char* id, const Parts&... parts) const {
        write(AIS_LOG_INFO, id, parts...);
    }
    // Needs no id.
    template <typename... Parts>
    void debug(const Parts&... parts) const {
        write(AIS_LOG_DEBUG, "", parts...);
    }

    template <typename... Parts>
    void write(std::uint32_t level, const char* id, const Parts&... parts) const {
        std::ostringstream text;
        (text << ... << parts);
        host_->log(host_, level, id, to_abi(text.view()));
    }

  private:
    const ais_host* host_;
};

class Group {
  public:
    explicit Group(const ais_host& host)
        : host_(&host), table_(require<ais_group_v1>(host, AIS_GROUP_INTERFACE)) {}

    // Parts are Bytes, text or ais_bytes; they arrive as one body.
    template <typename... Parts>
    ais_status multicast(std::uint16_t kind, const Parts&... parts) const {
        const ais_bytes list[] = {part(parts)..., ais_bytes{}};
        return multicast_list(kind, AIS_GUARANTEE_AGREED, {list, sizeof...(parts)});
    }
    template <typename... Parts>
    ais_status multicast_safe(std::uint16_t kind, const Parts&... parts) const {
        const ais_bytes list[] = {part(parts)..., ais_bytes{}};
        return multicast_list(kind, AIS_GUARANTEE_SAFE, {list, sizeof...(parts)});
    }
    ais_status multicast_list(std::uint16_t kind,
                              std::uint32_t guarantee,
                              std::span<const ais_bytes> parts) const {
        return table_.multicast(
            host_, kind, guarantee, parts.data(), static_cast<std::uint32_t>(parts.size()));
    }

    [[nodiscard]] ais_node_id local_node() const { return table_.local_node(host_); }
    [[nodiscard]] std::size_t message_max() const { return table_.message_max(host_); }
    // nullptr before the first.
    [[nodiscard]] const ais_configuration* configuration() const {
        return table_.configuration(host_);
    }
    [[nodiscard]] bool congested() const { return table_.congested(host_) != 0; }

  private:
    const ais_host* host_;
    ais_group_v1 table_;
};

class Ipc {
  public:
    explicit Ipc(const ais_host& host)
        : host_(&host), table_(require<ais_ipc_v1>(host, AIS_IPC_INTERFACE)) {}

    template <typename... Parts>
    ais_status respond(ais_conn* to,
                       std::uint64_t serial,
                       std::int32_t error,
                       const Parts&... parts) const {
        const ais_bytes list[] = {part(parts)..., ais_bytes{}};
        return respond_list(to, serial, error, {list, sizeof...(parts)});
    }
    ais_status respond_list(ais_conn* to,
                            std::uint64_t serial,
                            std::int32_t error,
                            std::span<const ais_bytes> parts) const {
        return table_.respond(
            host_, to, serial, error, parts.data(), static_cast<std::uint32_t>(parts.size()));
    }

    template <typename... Parts>
    ais_status notify(ais_conn* to, std::uint16_t kind, const Parts&... parts) const {
        const ais_bytes list[] = {part(parts)..., ais_bytes{}};
        return notify_list(to, kind, 0, {list, sizeof...(parts)});
    }
    // AIS_ERR_AGAIN: it was dropped.
    template <typename... Parts>
    ais_status notify_droppable(ais_conn* to, std::uint16_t kind, const Parts&... parts) const {
        const ais_bytes list[] = {part(parts)..., ais_bytes{}};
        return notify_list(to, kind, AIS_NOTIFY_DROPPABLE, {list, sizeof...(parts)});
    }
    ais_status notify_list(ais_conn* to,
                           std::uint16_t kind,
                           std::uint32_t flags,
                           std::span<const ais_bytes> parts) const {
        return table_.notify(
            host_, to, kind, flags, parts.data(), static_cast<std::uint32_t>(parts.size()));
    }

    [[nodiscard]] ais_peer peer(ais_conn* conn) const {
        ais_peer peer{};
        peer.struct_size = sizeof peer;
        table_.peer(host_, conn, &peer);
        return peer;
    }

    // The service's own object for this client; nullptr at first.
    void set_context(ais_conn* conn, void* context) const {
        table_.set_context(host_, conn, context);
    }
    template <typename Context>
    [[nodiscard]] Context* context(ais_conn* conn) const {
        return static_cast<Context*>(table_.context(host_, conn));
    }

    void hold_back(ais_conn* conn, bool on) const { table_.hold_back(host_, conn, on ? 1 : 0); }
    void disconnect(ais_conn* conn, const char* why) const { table_.disconnect(host_, conn, why); }

  private:
    const ais_host* host_;
    ais_ipc_v1 table_;
};

class Timer {
  public:
    using Nanoseconds = std::chrono::nanoseconds;

    explicit Timer(const ais_host& host)
        : host_(&host), table_(require<ais_timer_v1>(host, AIS_TIMER_INTERFACE)) {}

    // timer.start<&Counter::on_timeout>(std::chrono::seconds(1), *this, id);
    // Requires: `object` lives until the timer has fired or is cancelled.
    template <auto Method, typename T>
    ais_status start(Nanoseconds delay, T& object, std::uint64_t& id) const {
        static_assert(std::is_member_function_pointer_v<decltype(Method)>);
        const auto ns = delay.count() < 0 ? 0 : static_cast<std::uint64_t>(delay.count());
        return table_.start(host_, ns, &fire<Method, T>, &object, &id);
    }
    // False if it has fired or never was.
    bool cancel(std::uint64_t id) const { return table_.cancel(host_, id) == AIS_OK; }
    // Of this node only; constant during one call of the plugin.
    [[nodiscard]] Nanoseconds now() const {
        return Nanoseconds(static_cast<std::int64_t>(table_.now(host_)));
    }

  private:
    template <auto Method, typename T>
    static void fire(void* context) noexcept {
        (static_cast<T*>(context)->*Method)();
    }

    const ais_host* host_;
    ais_timer_v1 table_;
};

class Config {
  public:
    explicit Config(const ais_host& host)
        : host_(&host), table_(require<ais_config_v1>(host, AIS_CONFIG_INTERFACE)) {}

    // What the file says, else the schema's default, else nothing.
    [[nodiscard]] std::optional<std::string_view> text(const char* path) const {
        ais_bytes value{};
        if (table_.text(host_, path, &value) != AIS_OK) {
            return std::nullopt;
        }
        return as_text(value);
    }
    [[nodiscard]] std::optional<std::int64_t> number(const char* path) const {
        std::int64_t value = 0;
        if (table_.number(host_, path, &value) != AIS_OK) {
            return std::nullopt;
        }
        return value;
    }
    [[nodiscard]] bool flag(const char* path, bool otherwise = false) const {
        const auto value = number(path);
        return value ? *value != 0 : otherwise;
    }
    [[nodiscard]] std::uint32_t count(const char* path) const { return table_.count(host_, path); }

  private:
    const ais_host* host_;
    ais_config_v1 table_;
};

// Facts of this machine; see abi/node.h for how far they go.
class Node {
  public:
    explicit Node(const ais_host& host)
        : host_(&host), table_(require<ais_node_v1>(host, AIS_NODE_INTERFACE)) {}

    [[nodiscard]] std::string_view host_name() const { return as_text(table_.host_name(host_)); }
    // Nothing: there is no such ring, or it has no address.
    [[nodiscard]] std::optional<std::string_view> address(std::uint32_t ring) const {
        ais_bytes text{};
        if (table_.address(host_, ring, &text) != AIS_OK) {
            return std::nullopt;
        }
        return as_text(text);
    }
    // Nanoseconds since 1970.
    [[nodiscard]] std::int64_t boot_time() const { return table_.boot_time(host_); }
    [[nodiscard]] std::int64_t wall_clock() const { return table_.wall_clock(host_); }

  private:
    const ais_host* host_;
    ais_node_v1 table_;
};

}  // namespace ais::host
