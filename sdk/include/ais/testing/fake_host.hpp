// SPDX-License-Identifier: BSD-3-Clause
//
// A kernel in memory, for unit tests of plugins.
//
// A FakeBus is a totally ordered network with a clock that stands still until it is told to
// advance.  Each FakeHost on it is one node with one instance of one plugin.  Nothing happens
// by itself: the test forms configurations, connects clients, lets messages be delivered
// one at a time (step) or all (run), and looks at what the clients got.
//
//     FakeBus bus;
//     FakeHost& one = bus.add(1, ais_plugin_counter);
//     FakeHost& two = bus.add(2, ais_plugin_counter);
//     bus.form({1, 2});
//     FakeClient& client = one.connect();
//     client.request(add, "5");
//     bus.run();
//     EXPECT_EQ(client.take_response().error, 1);
//     EXPECT_EQ(one.save(), two.save());
//
// What it keeps of the kernel's contract: messages of a configuration are delivered in one
// order to all its members, a sender's own included; a change is a transitional and then a
// regular configuration; one that brings components together exchanges snapshots
// (save on the lowest member of each, merge on all, in ascending order) before anything
// else is delivered or requested; messages wait meanwhile; timers fire in order of time.
// To a service with deliver_pieces every second message that can be cut comes in two pieces,
// cut anywhere: what it does must not depend on that.
// What it does not have: datagrams, loss, guarantees beyond agreed, flow control other than
// set_congested().
//
// A plugin that breaks the contract (answers twice, uses a closed client, an unknown
// timer) leaves a sentence in FakeHost::complaints().
//
// Threads: none.  Test code only; not part of the ABI.

#pragma once

#include <ais/abi/config.h>
#include <ais/abi/draft/bulk.h>
#include <ais/abi/draft/handover.h>
#include <ais/abi/draft/holes.h>
#include <ais/abi/draft/primary.h>
#include <ais/abi/group.h>
#include <ais/abi/ipc.h>
#include <ais/abi/node.h>
#include <ais/abi/plugin.h>
#include <ais/abi/service.h>
#include <ais/abi/timer.h>
#include <ais/bytes.hpp>
#include <ais/copy_min.hpp>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace ais {

class FakeBus;
class FakeHost;

struct FakeResponse {
    std::uint64_t serial = 0;
    std::uint16_t kind = 0;  // of the request
    std::int32_t error = 0;
    std::string body;
};

struct FakeNotification {
    std::uint16_t kind = 0;
    std::string body;
};

// A client of one node.  Lives as long as its host, closed or not.
class FakeClient {
  public:
    std::deque<FakeResponse> responses;
    std::deque<FakeNotification> notifications;
    ais_status open_status = AIS_OK;  // other: client_open refused
    std::uint32_t uid = 1000;         // of its process
    bool drops = false;               // its queue is full: droppable notifications are lost

    // Send a request; the service sees it at once unless replicas are being synchronised or
    // the client is held back.  Returns the serial.
    std::uint64_t request(std::uint16_t kind, Bytes body);
    std::uint64_t request(std::uint16_t kind, std::string_view body = {}) {
        return request(kind, as_bytes(body));
    }
    // The same without a response (serial 0).
    void send(std::uint16_t kind, Bytes body);
    void send(std::uint16_t kind, std::string_view body = {}) { send(kind, as_bytes(body)); }

    // The oldest one, removed; with serial 0 or kind 0xffff if there is none.
    FakeResponse take_response() {
        if (responses.empty()) {
            return {};
        }
        FakeResponse first = std::move(responses.front());
        responses.pop_front();
        return first;
    }
    FakeNotification take_notification() {
        if (notifications.empty()) {
            return {0xffff, "(none)"};
        }
        FakeNotification first = std::move(notifications.front());
        notifications.pop_front();
        return first;
    }

    // The process goes away.
    void close();
    [[nodiscard]] bool is_open() const { return open_; }
    [[nodiscard]] bool is_held_back() const { return held_back_; }
    // What the service said when it cut the client off; empty if it did not.
    [[nodiscard]] const std::string& disconnected() const { return disconnected_; }
    [[nodiscard]] ais_conn* conn() { return reinterpret_cast<ais_conn*>(this); }

  private:
    friend class FakeHost;
    friend class FakeBus;
    struct Waiting {
        std::uint64_t serial;
        std::uint16_t kind;
        std::string body;
    };

    explicit FakeClient(FakeHost& host) : host_(&host) {}

    FakeHost* host_;
    std::string hello_;
    void* context_ = nullptr;
    bool open_ = false;
    bool held_back_ = false;
    std::uint32_t pid_ = 0;
    std::uint64_t last_serial_ = 0;
    std::map<std::uint64_t, std::uint16_t> unanswered_;
    std::deque<Waiting> waiting_;
    std::string disconnected_;
};

class FakeHost {
  public:
    using Config = std::map<std::string, std::string>;

    // Facts of this machine (ais.node/1); a test may change them.  The wall clock shows
    // the time of the bus since wall_clock_epoch.
    static constexpr std::int64_t wall_clock_epoch = 1'600'000'000'000'000'000;
    std::string host_name;
    std::vector<std::string> addresses;
    std::int64_t boot_time = 0;
    // What ais.primary/1 (a draft) says: set it before the configuration that it is about.
    bool is_primary = true;
    // What ais.holes/1 (a draft) says of what is delivered.
    bool is_behind_hole = false;

    FakeHost(const FakeHost&) = delete;
    FakeHost& operator=(const FakeHost&) = delete;
    ~FakeHost() { unload(); }

    // Of the plugin's load; if it is not AIS_OK nothing else may be called but logs().
    [[nodiscard]] ais_status load_status() const { return load_status_; }
    void unload() {
        if (self_ == nullptr) {
            return;
        }
        for (auto& client : clients_) {
            close(*client);
        }
        plugin_.unload(self_);
        self_ = nullptr;
    }

    [[nodiscard]] ais_node_id node() const { return node_; }
    [[nodiscard]] void* self() const { return self_; }
    [[nodiscard]] const ais_host* host() const { return &frame_.host; }

    // A table that the plugin offers; struct_size 0 if it does not.
    template <typename Table>
    [[nodiscard]] Table offer(std::string_view id) const {
        return offer_of<Table>(plugin_, id);
    }
    template <typename Table>
    [[nodiscard]] static Table offer_of(const ais_plugin& plugin, std::string_view id) {
        for (const ais_interface* at = plugin.offers; at != nullptr && at->id != nullptr; ++at) {
            if (id == at->id) {
                return copy_min<Table>(at->table);
            }
        }
        return Table{};
    }

    FakeClient& connect(std::string_view hello = {}, std::uint32_t pid = 0) {
        clients_.push_back(std::unique_ptr<FakeClient>(new FakeClient(*this)));
        FakeClient& client = *clients_.back();
        client.pid_ = pid != 0 ? pid : 1000 + static_cast<std::uint32_t>(clients_.size());
        client.hello_ = hello;
        client.open_ = true;  // the service may use it inside client_open
        client.open_status = service_.client_open == nullptr
                                 ? AIS_ERR_UNSUPPORTED
                                 : service_.client_open(self_, client.conn(), to_abi(hello));
        client.open_ = client.open_status == AIS_OK;
        return client;
    }

    // The service's saved state, as bytes.
    [[nodiscard]] std::string save() {
        std::string bytes;
        const ais_writer writer = {sizeof(ais_writer), 0, &bytes, &append};
        if (service_.save == nullptr || service_.save(self_, &writer) != AIS_OK) {
            complain("save failed or is not offered");
        }
        return bytes;
    }
    // Restore from one saved state.
    ais_status restore(std::string_view bytes) {
        const ais_saved_state state = {
            sizeof(ais_saved_state), AIS_STATE_OWN, node_, 1, &node_, to_abi(bytes)};
        return service_.merge(self_, &state, 1);
    }
    [[nodiscard]] std::string dump() {
        std::string bytes;
        const ais_writer writer = {sizeof(ais_writer), 0, &bytes, &append};
        if (service_.dump != nullptr) {
            service_.dump(self_, &writer);
        }
        return bytes;
    }

    // Live replacement by another build (abi/draft/handover.h), as the kernel does it: clients
    // stay. Not AIS_OK: the new build failed, and the old one goes on.
    ais_status replace(const ais_plugin& build);

    // "WARNING CPG-001 text", one per line that the plugin logged.
    [[nodiscard]] const std::vector<std::string>& logs() const { return logs_; }
    [[nodiscard]] bool logged(std::string_view part) const {
        return std::any_of(logs_.begin(), logs_.end(), [&](const std::string& line) {
            return line.find(part) != std::string::npos;
        });
    }
    // What the plugin did that the contract forbids; empty if all is well.
    [[nodiscard]] const std::vector<std::string>& complaints() const { return complaints_; }

    // The send queue is full: multicast gives AIS_ERR_AGAIN.
    void set_congested(bool on) { congested_ = on; }
    void set_message_max(std::uint32_t bytes) { message_max_ = bytes; }
    // Multicast messages that have no place in the order yet.
    [[nodiscard]] std::size_t queued() const { return queue_.size(); }
    // What the last multicast asked for: AIS_GUARANTEE_AGREED or _SAFE.
    [[nodiscard]] std::uint32_t last_guarantee() const { return last_guarantee_; }
    [[nodiscard]] std::size_t timers() const { return timers_.size(); }
    [[nodiscard]] std::vector<ais_node_id> members() const { return members_; }

    // A call of the plugin from outside the kernel's order, for tests of single functions.
    void deliver(ais_node_id sender, std::uint16_t kind, std::string_view body) {
        hand_up(sender, kind, body);
    }

  private:
    friend class FakeBus;
    friend class FakeClient;

    struct Message {
        std::uint16_t kind;
        std::string body;
    };
    struct PendingTimer {
        std::uint64_t at;
        std::uint64_t id;
        void (*fire)(void*);
        void* context;
    };
    // The ABI hands the host back; what stands behind it is found from here.
    struct Frame {
        ais_host host;
        FakeHost* owner;
    };

    FakeHost(FakeBus& bus,
             ais_node_id node,
             const ais_plugin& plugin,
             Config config,
             std::set<std::string> hidden)
        : host_name("host" + std::to_string(node)),
          addresses{"10.0.0." + std::to_string(node & 0xff)},
          boot_time(wall_clock_epoch + std::int64_t{node}),
          bus_(&bus),
          node_(node),
          plugin_(copy_min_plugin(plugin)),
          config_(std::move(config)),
          hidden_(std::move(hidden)),
          frame_{{sizeof(ais_host), 0, &on_log, &on_find, &on_find_self}, this} {
        service_ = offer<ais_service_v1>(AIS_SERVICE_INTERFACE);
        bulk_ = offer<ais_service_bulk_v1>(AIS_SERVICE_BULK_INTERFACE);
        schema_ = offer<ais_config_schema_v1>(AIS_CONFIG_SCHEMA_INTERFACE);
        load_status_ = plugin_.load(&frame_.host, &self_);
        if (load_status_ != AIS_OK) {
            self_ = nullptr;
        }
    }

    static ais_plugin copy_min_plugin(const ais_plugin& theirs) {
        ais_plugin ours{};
        std::memcpy(&ours, &theirs, std::min<std::size_t>(sizeof ours, theirs.struct_size));
        return ours;
    }

    void complain(std::string what) { complaints_.push_back(std::move(what)); }

    static FakeHost& owner(const ais_host* host) {
        return *reinterpret_cast<const Frame*>(host)->owner;
    }
    static ais_status append(void* context, ais_bytes bytes) {
        static_cast<std::string*>(context)->append(as_text(bytes));
        return AIS_OK;
    }
    // Limit: as that of the kernel.
    static constexpr std::uint32_t parts_max = 1024;
    std::string join(const ais_bytes* parts, std::uint32_t count) {
        if (count > parts_max) {
            complain("a message with more than 1024 parts");
        }
        std::string body;
        for (std::uint32_t i = 0; i < count; ++i) {
            body.append(as_text(parts[i]));
        }
        return body;
    }

    // ais_host.
    static void on_log(const ais_host* host, std::uint32_t level, const char* id, ais_bytes text) {
        static constexpr const char* names[] = {"?", "ERROR", "WARNING", "NOTICE", "INFO", "DEBUG"};
        owner(host).logs_.push_back(std::string(names[level <= 5 ? level : 0]) + " " + id + " " +
                                    std::string(as_text(text)));
    }
    static const void* on_find(const ais_host* host, const char* id) {
        static constexpr ais_group_v1 group = {sizeof(ais_group_v1),
                                               0,
                                               &on_multicast,
                                               &on_local_node,
                                               &on_message_max,
                                               &on_configuration,
                                               &on_congested};
        static constexpr ais_ipc_v1 ipc = {sizeof(ais_ipc_v1),
                                           0,
                                           &on_respond,
                                           &on_notify,
                                           &on_peer,
                                           &on_set_context,
                                           &on_context,
                                           &on_hold_back,
                                           &on_disconnect};
        static constexpr ais_timer_v1 timer = {
            sizeof(ais_timer_v1), 0, &on_start, &on_cancel, &on_now};
        static constexpr ais_config_v1 config = {
            sizeof(ais_config_v1), 0, &on_text, &on_number, &on_count};
        static constexpr ais_node_v1 node = {
            sizeof(ais_node_v1), 0, &on_host_name, &on_address, &on_boot_time, &on_wall_clock};
        static constexpr ais_primary_v1 primary = {sizeof(ais_primary_v1), 0, &on_is_primary};
        static constexpr ais_holes_v1 holes = {sizeof(ais_holes_v1), 0, &on_is_behind_hole};
        const std::string_view name = id;
        if (owner(host).hidden_.count(std::string(name)) != 0) {
            return nullptr;
        }
        return name == AIS_GROUP_INTERFACE     ? static_cast<const void*>(&group)
               : name == AIS_IPC_INTERFACE     ? static_cast<const void*>(&ipc)
               : name == AIS_TIMER_INTERFACE   ? static_cast<const void*>(&timer)
               : name == AIS_CONFIG_INTERFACE  ? static_cast<const void*>(&config)
               : name == AIS_NODE_INTERFACE    ? static_cast<const void*>(&node)
               : name == AIS_PRIMARY_INTERFACE ? static_cast<const void*>(&primary)
               : name == AIS_HOLES_INTERFACE   ? static_cast<const void*>(&holes)
                                               : nullptr;
    }

    static std::uint32_t on_is_behind_hole(const ais_host* host) {
        return owner(host).is_behind_hole ? 1 : 0;
    }
    static std::uint32_t on_is_primary(const ais_host* host) {
        return owner(host).is_primary ? 1 : 0;
    }

    static void* on_find_self(const ais_host*, const char*) { return nullptr; }

    // ais.group/1.
    static ais_status on_multicast(const ais_host* host,
                                   std::uint16_t kind,
                                   std::uint32_t guarantee,
                                   const ais_bytes* parts,
                                   std::uint32_t count) {
        FakeHost& self = owner(host);
        if (guarantee > AIS_GUARANTEE_SAFE) {
            return AIS_ERR_INVALID;
        }
        Message message = {kind, self.join(parts, count)};
        if (message.body.size() > self.message_max_) {
            return AIS_ERR_TOO_BIG;
        }
        if (self.congested_) {
            return AIS_ERR_AGAIN;
        }
        self.queue_.push_back(std::move(message));
        self.last_guarantee_ = guarantee;
        return AIS_OK;
    }
    static ais_node_id on_local_node(const ais_host* host) { return owner(host).node_; }
    static std::uint32_t on_message_max(const ais_host* host) { return owner(host).message_max_; }
    static const ais_configuration* on_configuration(const ais_host* host) {
        FakeHost& self = owner(host);
        return self.members_.empty() ? nullptr : &self.regular_;
    }
    static std::uint32_t on_congested(const ais_host* host) {
        return owner(host).congested_ ? 1 : 0;
    }

    // ais.ipc/1.
    FakeClient* known(ais_conn* conn, const char* what) {
        for (auto& client : clients_) {
            if (client->conn() == conn && client->open_) {
                return client.get();
            }
        }
        complain(std::string(what) + " of a client that is not open");
        return nullptr;
    }
    static ais_status on_respond(const ais_host* host,
                                 ais_conn* to,
                                 std::uint64_t serial,
                                 std::int32_t error,
                                 const ais_bytes* parts,
                                 std::uint32_t count) {
        FakeHost& self = owner(host);
        FakeClient* client = self.known(to, "respond");
        if (client == nullptr) {
            return AIS_ERR_NOT_FOUND;
        }
        const auto request = client->unanswered_.find(serial);
        if (request == client->unanswered_.end()) {
            self.complain("respond to a request that is not waiting for one");
            return AIS_ERR_NOT_FOUND;
        }
        std::string body = self.join(parts, count);
        if (body.size() > self.message_max_) {
            return AIS_ERR_TOO_BIG;  // and who asked waits on
        }
        client->responses.push_back({serial, request->second, error, std::move(body)});
        client->unanswered_.erase(request);
        return AIS_OK;
    }
    static ais_status on_notify(const ais_host* host,
                                ais_conn* to,
                                std::uint16_t kind,
                                std::uint32_t flags,
                                const ais_bytes* parts,
                                std::uint32_t count) {
        FakeClient* client = owner(host).known(to, "notify");
        if (client == nullptr) {
            return AIS_ERR_NOT_FOUND;
        }
        if (client->drops && (flags & AIS_NOTIFY_DROPPABLE) != 0) {
            return AIS_ERR_AGAIN;
        }
        client->notifications.push_back({kind, owner(host).join(parts, count)});
        return AIS_OK;
    }
    static void on_peer(const ais_host* host, ais_conn* conn, ais_peer* out) {
        if (const FakeClient* client = owner(host).known(conn, "peer")) {
            copy_back(out, ais_peer{sizeof(ais_peer), client->pid_, client->uid, 1000});
        }
    }
    static void on_set_context(const ais_host* host, ais_conn* conn, void* context) {
        if (FakeClient* client = owner(host).known(conn, "set_context")) {
            client->context_ = context;
        }
    }
    static void* on_context(const ais_host* host, ais_conn* conn) {
        const FakeClient* client = owner(host).known(conn, "context");
        return client == nullptr ? nullptr : client->context_;
    }
    static void on_hold_back(const ais_host* host, ais_conn* conn, std::uint32_t on) {
        if (FakeClient* client = owner(host).known(conn, "hold_back")) {
            client->held_back_ = on != 0;
        }
    }
    static void on_disconnect(const ais_host* host, ais_conn* conn, const char* why) {
        if (FakeClient* client = owner(host).known(conn, "disconnect")) {
            client->disconnected_ = why;  // client_close follows in pump()
        }
    }

    // ais.timer/1.
    static ais_status on_start(const ais_host* host,
                               std::uint64_t delay_ns,
                               void (*fire)(void*),
                               void* context,
                               std::uint64_t* id);
    static ais_status on_cancel(const ais_host* host, std::uint64_t id) {
        auto& timers = owner(host).timers_;
        const auto at = std::find_if(
            timers.begin(), timers.end(), [&](const PendingTimer& t) { return t.id == id; });
        if (at == timers.end()) {
            return AIS_ERR_NOT_FOUND;
        }
        timers.erase(at);
        return AIS_OK;
    }
    static std::uint64_t on_now(const ais_host* host);

    // ais.config/1.
    static std::string plain(std::string path) {  // without "[0]"
        for (auto at = path.find("[0]"); at != std::string::npos; at = path.find("[0]")) {
            path.erase(at, 3);
        }
        return path;
    }
    static std::string without_indices(const std::string& path) {
        std::string plain_path;
        bool inside = false;
        for (const char c : path) {
            inside = c == '[' || (inside && c != ']');
            if (!inside && c != ']') {
                plain_path += c;
            }
        }
        return plain_path;
    }
    [[nodiscard]] const char* find_text(const char* path) const {
        for (const auto& [key, value] : config_) {
            if (plain(key) == plain(path)) {
                return value.c_str();
            }
        }
        const std::string wanted = without_indices(path);
        const auto* at = reinterpret_cast<const unsigned char*>(schema_.keys);
        for (std::uint32_t i = 0; i < schema_.key_count; ++i, at += schema_.key_size) {
            const auto* key = reinterpret_cast<const ais_config_key*>(at);
            if (wanted == std::string(key->section) + "." + key->key) {
                return key->fallback;
            }
        }
        return nullptr;
    }
    static ais_status on_text(const ais_host* host, const char* path, ais_bytes* value) {
        const char* text = owner(host).find_text(path);
        if (text == nullptr) {
            return AIS_ERR_NOT_FOUND;
        }
        *value = to_abi(std::string_view(text));
        return AIS_OK;
    }
    static ais_status on_number(const ais_host* host, const char* path, std::int64_t* value) {
        const char* text = owner(host).find_text(path);
        if (text == nullptr) {
            return AIS_ERR_NOT_FOUND;
        }
        const std::string_view word = text;
        if (word == "yes" || word == "on" || word == "true") {
            *value = 1;
        } else if (word == "no" || word == "off" || word == "false") {
            *value = 0;
        } else {
            char* end = nullptr;
            *value = std::strtoll(text, &end, 0);
            if (word.empty() || *end != '\0') {
                return AIS_ERR_INVALID;
            }
        }
        return AIS_OK;
    }
    static std::uint32_t on_count(const ais_host* host, const char* path) {
        const std::string wanted = plain(path);
        std::set<std::string> found;  // the sections themselves, with their indices
        for (const auto& [raw, value] : owner(host).config_) {
            const std::string key = plain(raw);
            if (key.compare(0, wanted.size(), wanted) == 0 && key.size() > wanted.size() &&
                (key[wanted.size()] == '.' || key[wanted.size()] == '[')) {
                found.insert(key.substr(0, key.find('.', wanted.size())));
            }
        }
        return static_cast<std::uint32_t>(found.size());
    }

    // ais.node/1.
    static ais_bytes on_host_name(const ais_host* host) {
        return to_abi(std::string_view(owner(host).host_name));
    }
    static ais_status on_address(const ais_host* host, std::uint32_t ring, ais_bytes* text) {
        const FakeHost& self = owner(host);
        if (ring >= self.addresses.size()) {
            return AIS_ERR_NOT_FOUND;
        }
        *text = to_abi(std::string_view(self.addresses[ring]));
        return AIS_OK;
    }
    static std::int64_t on_boot_time(const ais_host* host) { return owner(host).boot_time; }
    static std::int64_t on_wall_clock(const ais_host* host);

    // From the bus.
    void hand_up(ais_node_id sender, std::uint16_t kind, std::string_view body) {
        ++handed_up_;
        if (bulk_.deliver_pieces == nullptr || body.size() < 2 || handed_up_ % 2 == 0) {
            service_.deliver(self_, sender, kind, to_abi(body));
            return;
        }
        const std::size_t cut = 1 + handed_up_ * 5 % (body.size() - 1);
        const ais_bytes pieces[] = {to_abi(body.substr(0, cut)), to_abi(body.substr(cut))};
        bulk_.deliver_pieces(self_, sender, kind, pieces, 2);
    }
    void configure(std::uint32_t kind,
                   const ais_ring_id& ring,
                   const std::vector<ais_node_id>& members,
                   const std::vector<ais_node_id>& joined,
                   const std::vector<ais_node_id>& left) {
        const ais_configuration now = {sizeof(ais_configuration),
                                       kind,
                                       ring,
                                       members.data(),
                                       joined.data(),
                                       left.data(),
                                       static_cast<std::uint32_t>(members.size()),
                                       static_cast<std::uint32_t>(joined.size()),
                                       static_cast<std::uint32_t>(left.size()),
                                       0};
        if (kind == AIS_CONFIGURATION_REGULAR) {
            members_ = members;
            joined_ = joined;
            regular_ = now;
            regular_.members = members_.data();
            regular_.joined = joined_.data();
            regular_.left = nullptr;
            ring_ = ring;
        }
        if (service_.configure != nullptr) {
            service_.configure(self_, &now);
        }
    }
    void close(FakeClient& client) {
        if (client.open_) {
            service_.client_close(self_, client.conn());
            client.open_ = false;
            client.unanswered_.clear();
            client.waiting_.clear();
        }
    }
    // Requests that may go on, and clients that were cut off.
    void pump() {
        for (std::size_t i = 0; i < clients_.size(); ++i) {
            FakeClient& client = *clients_[i];
            while (client.open_ && client.disconnected_.empty() && synced_ && !congested_ &&
                   !client.held_back_ && !client.waiting_.empty()) {
                const auto next = std::move(client.waiting_.front());
                client.waiting_.pop_front();
                if (next.serial != 0) {
                    client.unanswered_[next.serial] = next.kind;
                }
                service_.request(self_,
                                 client.conn(),
                                 next.serial,
                                 next.kind,
                                 to_abi(std::string_view(next.body)));
            }
            if (client.open_ && !client.disconnected_.empty()) {
                close(client);
            }
        }
    }

    FakeBus* bus_;
    ais_node_id node_;
    ais_plugin plugin_;
    Config config_;
    std::set<std::string> hidden_;
    Frame frame_;
    void* self_ = nullptr;
    ais_status load_status_ = AIS_OK;
    ais_service_v1 service_{};
    ais_service_bulk_v1 bulk_{};
    std::uint64_t handed_up_ = 0;
    ais_config_schema_v1 schema_{};
    std::vector<std::unique_ptr<FakeClient>> clients_;
    std::vector<std::string> logs_;
    std::vector<std::string> complaints_;
    std::deque<Message> queue_;
    std::vector<PendingTimer> timers_;
    bool congested_ = false;
    bool synced_ = false;
    std::uint32_t message_max_ = 1U << 20;
    std::uint32_t last_guarantee_ = AIS_GUARANTEE_AGREED;
    ais_ring_id ring_{};
    ais_configuration regular_{};
    std::vector<ais_node_id> members_;
    std::vector<ais_node_id> joined_;
    std::vector<ais_node_id> next_joined_;
    std::vector<ais_node_id> component_;  // whose state was equal to ours, last time replicas were
};

inline ais_status FakeHost::replace(const ais_plugin& build) {
    struct Build {
        ais_plugin plugin;
        ais_service_v1 service;
        ais_service_handover_v1 handover;
        void* self;
    };
    const auto take = [](const ais_plugin& plugin, void* self) {
        return Build{plugin,
                     offer_of<ais_service_v1>(plugin, AIS_SERVICE_INTERFACE),
                     offer_of<ais_service_handover_v1>(plugin, AIS_SERVICE_HANDOVER_INTERFACE),
                     self};
    };
    const Build old = take(plugin_, self_);
    Build next = take(copy_min_plugin(build), nullptr);
    const bool hands_over =
        old.handover.save_local != nullptr && next.handover.restore_local != nullptr;
    std::vector<FakeClient*> open;
    std::vector<ais_conn*> conns;
    std::vector<void*> contexts;
    for (auto& client : clients_) {
        if (client->open_) {
            if (!hands_over && !client->unanswered_.empty()) {
                return AIS_ERR_AGAIN;  // the kernel waits for a better moment
            }
            open.push_back(client.get());
            conns.push_back(client->conn());
        }
    }
    const std::string state = old.service.save == nullptr ? std::string() : save();
    std::string local;
    const ais_writer writer = {sizeof(ais_writer), 0, &local, &append};
    const auto count = static_cast<std::uint32_t>(conns.size());
    if (hands_over && old.handover.save_local(old.self, conns.data(), count, &writer) != AIS_OK) {
        return AIS_ERR_FAILED;
    }
    for (FakeClient* client : open) {
        contexts.push_back(client->context_);
        client->context_ = nullptr;
    }
    std::vector<PendingTimer> timers;
    timers.swap(timers_);
    ais_status status = next.plugin.load(&frame_.host, &next.self);
    const bool is_loaded = status == AIS_OK;
    if (is_loaded && next.service.configure != nullptr && !members_.empty()) {
        next.service.configure(next.self, &regular_);
    }
    if (is_loaded && next.service.merge != nullptr) {
        const ais_saved_state saved = {sizeof(ais_saved_state),
                                       AIS_STATE_OWN,
                                       node_,
                                       static_cast<std::uint32_t>(members_.size()),
                                       members_.data(),
                                       to_abi(std::string_view(state))};
        status = next.service.merge(next.self, &saved, 1);
    }
    if (status == AIS_OK && hands_over) {
        status = next.handover.restore_local(
            next.self, conns.data(), count, to_abi(std::string_view(local)), old.plugin.version);
    }
    for (std::size_t i = 0; status == AIS_OK && !hands_over && i < open.size(); ++i) {
        status = next.service.client_open(
            next.self, conns[i], to_abi(std::string_view(open[i]->hello_)));
    }
    if (status != AIS_OK) {
        if (is_loaded) {
            next.plugin.unload(next.self);
        }
        timers_.swap(timers);
        for (std::size_t i = 0; i < open.size(); ++i) {
            open[i]->context_ = contexts[i];
        }
        return status;
    }
    std::vector<PendingTimer> fresh;
    fresh.swap(timers_);
    timers_.swap(timers);
    old.plugin.unload(old.self);
    timers_.swap(fresh);  // those of the old build die with it
    plugin_ = next.plugin;
    service_ = next.service;
    bulk_ = offer_of<ais_service_bulk_v1>(build, AIS_SERVICE_BULK_INTERFACE);
    self_ = next.self;
    return AIS_OK;
}

class FakeBus {
  public:
    using Nodes = std::vector<ais_node_id>;

    // A node with one instance of `plugin`, alone and without a configuration.  Interfaces in
    // `hidden` are not offered to it.  Several hosts may have one node id if they are different
    // plugins; the messages of plugins with different names do not meet.
    FakeHost& add(ais_node_id node,
                  const ais_plugin& plugin,
                  FakeHost::Config config = {},
                  std::set<std::string> hidden = {}) {
        hosts_.push_back(std::unique_ptr<FakeHost>(
            new FakeHost(*this, node, plugin, std::move(config), std::move(hidden))));
        return *hosts_.back();
    }

    // These nodes form a ring: each gets a transitional and a regular configuration, and states
    // are exchanged.  What is queued gets its place in the new ring; call run() before to have it
    // delivered in the old one.  Those whom they leave behind form new rings first.
    void form(Nodes nodes) {
        std::sort(nodes.begin(), nodes.end());
        // Old components first: who is left behind goes on without us.
        for (const auto& [ring, rest] : components_without(nodes)) {
            install(rest);
        }
        install(nodes);
    }
    void partition(const std::vector<Nodes>& components) {
        for (const Nodes& nodes : components) {
            form(nodes);
        }
    }
    // The node dies: no call to its plugin but unload, what it had queued is lost, and the
    // others of its ring form a new one.  References to it and its clients stay valid.
    void crash(ais_node_id node) {
        Nodes rest;
        for (auto& host : hosts_) {
            if (host->node_ == node) {
                rest = host->members_;
                for (auto& client : host->clients_) {
                    client->open_ = false;
                }
                host->unload();
                host->timers_.clear();
                dead_.push_back(std::move(host));
            }
        }
        hosts_.erase(std::remove(hosts_.begin(), hosts_.end(), nullptr), hosts_.end());
        rest.erase(std::remove(rest.begin(), rest.end(), node), rest.end());
        if (!rest.empty()) {
            install(rest);
        }
    }

    // Deliver one message: the oldest of the next node that has one, round robin.  False if
    // nothing is queued.
    bool step() {
        pump();
        for (std::size_t tried = 0; tried < hosts_.size(); ++tried) {
            FakeHost& sender = *hosts_[next_++ % hosts_.size()];
            if (sender.queue_.empty() || sender.members_.empty() || !sender.synced_) {
                continue;
            }
            const FakeHost::Message message = std::move(sender.queue_.front());
            sender.queue_.pop_front();
            for (FakeHost* to : members_of(sender)) {
                to->hand_up(sender.node_, message.kind, message.body);
            }
            pump();
            return true;
        }
        return false;
    }
    // Deliver all that is queued and all that follows from it.  Returns the number; stops at
    // `limit`, so that a plugin which always answers itself ends.
    std::size_t run(std::size_t limit = 100000) {
        std::size_t count = 0;
        while (count < limit && step()) {
            ++count;
        }
        return count;
    }

    // Time passes; timers fire in order.  Messages are not delivered.
    void advance(std::chrono::nanoseconds by) {
        const std::uint64_t until = now_ + static_cast<std::uint64_t>(by.count());
        while (true) {
            FakeHost* host = nullptr;
            std::size_t which = 0;
            for (auto& candidate : hosts_) {
                for (std::size_t i = 0; i < candidate->timers_.size(); ++i) {
                    const auto& timer = candidate->timers_[i];
                    if (timer.at <= until &&
                        (host == nullptr || earlier(timer, host->timers_[which]))) {
                        host = candidate.get();
                        which = i;
                    }
                }
            }
            if (host == nullptr) {
                break;
            }
            const auto timer = host->timers_[which];
            host->timers_.erase(host->timers_.begin() + static_cast<std::ptrdiff_t>(which));
            now_ = std::max(now_, timer.at);
            timer.fire(timer.context);
        }
        now_ = until;
        pump();
    }
    [[nodiscard]] std::uint64_t now() const { return now_; }

    // The exchange of snapshots after form() waits until finish_exchange(), so that a test
    // can look at what happens in between.
    void hold_exchange(bool on) { hold_exchange_ = on; }
    void finish_exchange() {
        for (auto& host : hosts_) {
            if (!host->synced_ && !host->members_.empty()) {
                exchange(members_of(*host));
            }
        }
        pump();
    }

  private:
    friend class FakeHost;
    friend class FakeClient;

    static bool earlier(const FakeHost::PendingTimer& a, const FakeHost::PendingTimer& b) {
        return a.at < b.at || (a.at == b.at && a.id < b.id);
    }
    static bool same_plugin(const FakeHost& a, const FakeHost& b) {
        return std::string_view(a.plugin_.name) == b.plugin_.name;
    }

    // Everyone in the ring of this host who runs the same plugin.
    std::vector<FakeHost*> members_of(const FakeHost& host) {
        std::vector<FakeHost*> list;
        for (auto& other : hosts_) {
            if (same_plugin(*other, host) && other->ring_.seq == host.ring_.seq) {
                list.push_back(other.get());
            }
        }
        std::sort(list.begin(), list.end(), [](auto* a, auto* b) { return a->node_ < b->node_; });
        return list;
    }

    // ring → its members that are not in `nodes`, for rings that lose some to `nodes`.
    std::map<std::uint64_t, Nodes> components_without(const Nodes& nodes) {
        std::map<std::uint64_t, std::set<ais_node_id>> rests;
        std::set<std::uint64_t> touched;
        for (auto& host : hosts_) {
            const bool moves = std::binary_search(nodes.begin(), nodes.end(), host->node_);
            if (moves) {
                touched.insert(host->ring_.seq);
            } else if (host->ring_.seq != 0) {
                rests[host->ring_.seq].insert(host->node_);
            }
        }
        std::map<std::uint64_t, Nodes> result;
        for (const auto& [ring, rest] : rests) {
            if (touched.count(ring) != 0) {
                result[ring] = Nodes(rest.begin(), rest.end());
            }
        }
        return result;
    }

    void install(const Nodes& nodes) {
        const ais_ring_id ring = {last_ring_seq_ += 4, nodes.front(), 7};
        std::vector<FakeHost*> hosts;
        for (auto& host : hosts_) {
            if (std::binary_search(nodes.begin(), nodes.end(), host->node_)) {
                hosts.push_back(host.get());
            }
        }
        std::sort(hosts.begin(), hosts.end(), [](auto* a, auto* b) { return a->node_ < b->node_; });
        std::map<std::uint64_t, std::set<ais_node_id>> from;  // old ring → who comes from it
        for (const FakeHost* host : hosts) {
            // A node without a ring comes alone.
            from[host->ring_.seq != 0 ? host->ring_.seq : (std::uint64_t{1} << 63) + host->node_]
                .insert(host->node_);
        }
        for (FakeHost* host : hosts) {
            Nodes together = {host->node_};
            if (host->ring_.seq != 0) {
                together.assign(from[host->ring_.seq].begin(), from[host->ring_.seq].end());
                Nodes left;
                std::set_difference(host->members_.begin(),
                                    host->members_.end(),
                                    together.begin(),
                                    together.end(),
                                    std::back_inserter(left));
                host->configure(AIS_CONFIGURATION_TRANSITIONAL, host->ring_, together, {}, left);
            }
            Nodes joined;
            std::set_difference(nodes.begin(),
                                nodes.end(),
                                together.begin(),
                                together.end(),
                                std::back_inserter(joined));
            // A component is named by those who were equal: unfinished exchanges keep the old one.
            if (host->synced_ || host->component_.empty()) {
                host->component_ = together;
            } else {
                Nodes still;
                std::set_intersection(host->component_.begin(),
                                      host->component_.end(),
                                      together.begin(),
                                      together.end(),
                                      std::back_inserter(still));
                host->component_ = still;
            }
            host->next_joined_ = joined;
        }
        for (FakeHost* host : hosts) {
            const bool merges = host->component_ != nodes;
            host->synced_ = false;
            host->configure(AIS_CONFIGURATION_REGULAR, ring, nodes, Nodes(host->next_joined_), {});
            if (!merges) {
                host->synced_ = true;
            }
        }
        if (!hold_exchange_) {
            for (FakeHost* host : hosts) {
                if (!host->synced_) {
                    exchange(members_of(*host));
                }
            }
        }
        pump();
    }

    // One snapshot per component, merged everywhere in ascending order of its lowest member.
    void exchange(const std::vector<FakeHost*>& hosts) {
        std::map<Nodes, std::string>
            states;  // component → snapshot; a map of sorted sets is in that order
        if (hosts.front()->service_.save != nullptr) {
            for (FakeHost* host : hosts) {
                if (host->component_.front() == host->node_) {
                    states[host->component_] = host->save();
                }
            }
            for (FakeHost* host : hosts) {
                std::vector<ais_saved_state> list;
                for (const auto& [component, bytes] : states) {
                    list.push_back({sizeof(ais_saved_state),
                                    component == host->component_ ? AIS_STATE_OWN : 0U,
                                    component.front(),
                                    static_cast<std::uint32_t>(component.size()),
                                    component.data(),
                                    to_abi(std::string_view(bytes))});
                }
                const ais_status status = host->service_.merge(
                    host->self_, list.data(), static_cast<std::uint32_t>(list.size()));
                if (status != AIS_OK) {
                    host->complain("merge failed with status " + std::to_string(status));
                }
            }
        }
        for (FakeHost* host : hosts) {
            host->synced_ = true;
        }
    }

    void pump() {
        for (std::size_t i = 0; i < hosts_.size(); ++i) {
            hosts_[i]->pump();
        }
    }

    std::vector<std::unique_ptr<FakeHost>> hosts_;
    std::vector<std::unique_ptr<FakeHost>> dead_;
    std::size_t next_ = 0;
    std::uint64_t now_ = 1'000'000'000;
    std::uint64_t last_ring_seq_ = 0;
    std::uint64_t last_timer_ = 0;
    bool hold_exchange_ = false;
};

inline ais_status FakeHost::on_start(const ais_host* host,
                                     std::uint64_t delay_ns,
                                     void (*fire)(void*),
                                     void* context,
                                     std::uint64_t* id) {
    FakeHost& self = owner(host);
    if (fire == nullptr) {
        return AIS_ERR_INVALID;
    }
    if (self.timers_.size() >= 65536) {
        return AIS_ERR_NO_MEMORY;
    }
    *id = ++self.bus_->last_timer_;
    self.timers_.push_back({self.bus_->now_ + delay_ns, *id, fire, context});
    return AIS_OK;
}

inline std::uint64_t FakeHost::on_now(const ais_host* host) {
    return owner(host).bus_->now_;
}

inline std::int64_t FakeHost::on_wall_clock(const ais_host* host) {
    return wall_clock_epoch + static_cast<std::int64_t>(owner(host).bus_->now_);
}

inline std::uint64_t FakeClient::request(std::uint16_t kind, Bytes body) {
    waiting_.push_back({++last_serial_, kind, std::string(as_text(body))});
    host_->pump();
    return last_serial_;
}

inline void FakeClient::send(std::uint16_t kind, Bytes body) {
    waiting_.push_back({0, kind, std::string(as_text(body))});
    host_->pump();
}

inline void FakeClient::close() {
    host_->close(*this);
}

}  // namespace ais
