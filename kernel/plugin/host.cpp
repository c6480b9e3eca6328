// SPDX-License-Identifier: BSD-3-Clause

#include "plugin/host.hpp"

#include "base/assert.hpp"
#include "config/tree.hpp"
#include "group/groups.hpp"
#include "ipc/session.hpp"
#include "sync/quorum.hpp"

#include <ais/abi/draft/holes.h>
#include <ais/abi/draft/primary.h>
#include <ais/bytes.hpp>
#include <ais/copy_min.hpp>

#include <algorithm>

namespace ais::plugin {

namespace {

// More than a kernel lives, and far from the end of an Instant.
constexpr std::uint64_t delay_max_ns = 100ULL * 365 * 24 * 3600 * 1'000'000'000;

std::uint32_t copy_nodes(const totem::Members& from, std::array<ais_node_id, AIS_NODES_MAX>& to) {
    std::transform(from.begin(), from.end(), to.begin(), [](NodeId id) { return id.value(); });
    return static_cast<std::uint32_t>(from.size());
}

// One line of printable text: a plugin's words may be an attacker's.
std::string cleaned(std::string_view text, std::size_t max) {
    std::string line(text.substr(0, max));
    std::replace_if(
        line.begin(), line.end(), [](char c) { return (c >= 0 && c < ' ') || c == 0x7f; }, ' ');
    if (text.size() > max) {
        line += "…";
    }
    return line;
}

}  // namespace

void AbiConfiguration::set(const totem::Configuration& now) {
    abi_.struct_size = sizeof abi_;
    abi_.kind = static_cast<std::uint32_t>(now.kind);
    abi_.ring = {now.ring.seq, now.ring.representative.value(), now.ring.salt};
    abi_.members = members_.data();
    abi_.joined = joined_.data();
    abi_.left = left_.data();
    abi_.member_count = copy_nodes(now.members, members_);
    abi_.joined_count = copy_nodes(now.joined, joined_);
    abi_.left_count = copy_nodes(now.left, left_);
}

// The functions behind the tables.
struct HostTables {
    static Host& owner(const ais_host* host) {
        return *reinterpret_cast<const Host::Frame*>(host)->owner;
    }

    // Parts that can be read, or misuse.
    static bool parts_ok(Host& self, const ais_bytes* parts, std::uint32_t count) {
        const bool ok = count <= Host::parts_max && (parts != nullptr || count == 0) &&
                        std::all_of(parts, parts + count, [](const ais_bytes& p) {
                            return p.data != nullptr || p.size == 0;
                        });
        if (!ok) {
            self.misuse("a message with null or more than 1024 parts");
        }
        return ok;
    }

    static bool may_speak(Host& self, const char* what) {
        if (self.quiet_) {
            self.misuse(std::string(what) + " before it has taken over from the running build");
        }
        return !self.quiet_;
    }

    static ipc::Session* session(Host& self, ais_conn* conn, const char* what) {
        if (!self.knows(conn)) {
            self.misuse(std::string(what) + " of a client that is not open");
            return nullptr;
        }
        return static_cast<ipc::Session*>(conn);
    }

    // ais_host.
    static void log(const ais_host* host, std::uint32_t level, const char* id, ais_bytes text) {
        Host& self = owner(host);
        const auto known = std::clamp<std::uint32_t>(level, AIS_LOG_ERROR, AIS_LOG_DEBUG);
        const auto words = text.data == nullptr ? std::string_view() : as_text(text);
        self.kernel_.log->write(static_cast<Level>(known),
                                self.calls_.name(),
                                cleaned(id == nullptr ? "" : id, 32),
                                cleaned(words, Host::log_line_max));
    }
    static const void* find(const ais_host* host, const char* id);
    static void* find_self(const ais_host* host, const char* id) {
        const auto found = owner(host).needed_.find(std::string_view(id == nullptr ? "" : id));
        return found == owner(host).needed_.end() ? nullptr : found->second.self;
    }

    // ais.group/1.
    static ais_status multicast(const ais_host* host,
                                std::uint16_t kind,
                                std::uint32_t guarantee,
                                const ais_bytes* parts,
                                std::uint32_t count) {
        Host& self = owner(host);
        if (guarantee > AIS_GUARANTEE_SAFE) {
            self.misuse("multicast with an unknown guarantee");
            return AIS_ERR_INVALID;
        }
        if (!parts_ok(self, parts, count)) {
            return AIS_ERR_INVALID;
        }
        if (!may_speak(self, "multicast")) {
            return AIS_ERR_AGAIN;
        }
        return self.kernel_.groups->multicast(group::Lane::ordinary,
                                              self.service_id_,
                                              kind,
                                              static_cast<totem::Guarantee>(guarantee),
                                              {parts, count});
    }
    static ais_node_id local_node(const ais_host* host) { return owner(host).kernel_.self.value(); }
    static std::uint32_t message_max(const ais_host* host) {
        return static_cast<std::uint32_t>(owner(host).kernel_.groups->limits().message_max);
    }
    static const ais_configuration* configuration(const ais_host* host) {
        Host& self = owner(host);
        return self.has_configuration_ ? &self.configuration_.get() : nullptr;
    }
    static std::uint32_t congested(const ais_host* host) {
        return owner(host).kernel_.groups->has_room() ? 0 : 1;
    }

    // ais.ipc/1.
    static ais_status respond(const ais_host* host,
                              ais_conn* to,
                              std::uint64_t serial,
                              std::int32_t error,
                              const ais_bytes* parts,
                              std::uint32_t count) {
        Host& self = owner(host);
        ipc::Session* client = session(self, to, "respond");
        if (client == nullptr) {
            return AIS_ERR_NOT_FOUND;
        }
        if (serial == 0) {
            self.misuse("respond to a request that wants no response");
            return AIS_ERR_INVALID;
        }
        if (!parts_ok(self, parts, count)) {
            return AIS_ERR_INVALID;
        }
        return client->respond(serial, error, {parts, count});
    }
    static ais_status notify(const ais_host* host,
                             ais_conn* to,
                             std::uint16_t kind,
                             std::uint32_t flags,
                             const ais_bytes* parts,
                             std::uint32_t count) {
        Host& self = owner(host);
        ipc::Session* client = session(self, to, "notify");
        if (client == nullptr) {
            return AIS_ERR_NOT_FOUND;
        }
        if (!parts_ok(self, parts, count)) {
            return AIS_ERR_INVALID;
        }
        return client->notify(kind, flags, {parts, count});
    }
    static void peer(const ais_host* host, ais_conn* conn, ais_peer* out) {
        if (const ipc::Session* client = session(owner(host), conn, "peer")) {
            const ipc::Peer& peer = client->peer();
            copy_back(out, ais_peer{sizeof(ais_peer), peer.pid, peer.uid, peer.gid});
        }
    }
    static void set_context(const ais_host* host, ais_conn* conn, void* context) {
        if (ipc::Session* client = session(owner(host), conn, "set_context")) {
            client->set_context(context);
        }
    }
    static void* context(const ais_host* host, ais_conn* conn) {
        const ipc::Session* client = session(owner(host), conn, "context");
        return client == nullptr ? nullptr : client->context();
    }
    static void hold_back(const ais_host* host, ais_conn* conn, std::uint32_t on) {
        if (ipc::Session* client = session(owner(host), conn, "hold_back")) {
            client->hold_back(on != 0);
        }
    }
    static void disconnect(const ais_host* host, ais_conn* conn, const char* why) {
        if (ipc::Session* client = session(owner(host), conn, "disconnect")) {
            client->disconnect(cleaned(why == nullptr ? "no reason given" : why, 200));
        }
    }

    // ais.timer/1.
    static ais_status start(const ais_host* host,
                            std::uint64_t delay_ns,
                            void (*fire)(void*),
                            void* context,
                            std::uint64_t* id) {
        Host& self = owner(host);
        if (fire == nullptr || id == nullptr) {
            self.misuse("a timer without a function or a place for its id");
            return AIS_ERR_INVALID;
        }
        if (self.stopped_ || self.timers_.size() >= Host::timers_max) {
            return AIS_ERR_NO_MEMORY;
        }
        const auto delay =
            Duration(static_cast<std::int64_t>(std::min<std::uint64_t>(delay_ns, delay_max_ns)));
        const std::uint64_t ours = ++self.last_timer_;
        Host* const target = &self;
        const TimerId theirs = self.kernel_.timers->start(self.kernel_.timers->now() + delay,
                                                          [target, ours] { target->fire(ours); });
        self.timers_[ours] = {theirs, fire, context};
        *id = ours;
        return AIS_OK;
    }
    static ais_status cancel(const ais_host* host, std::uint64_t id) {
        Host& self = owner(host);
        const auto found = self.timers_.find(id);
        if (found == self.timers_.end()) {
            return AIS_ERR_NOT_FOUND;
        }
        self.kernel_.timers->cancel(found->second.id);
        self.timers_.erase(found);
        return AIS_OK;
    }
    static std::uint64_t now(const ais_host* host) {
        return static_cast<std::uint64_t>(
            owner(host).kernel_.timers->now().time_since_epoch().count());
    }

    // ais.config/1.
    static ais_status text(const ais_host* host, const char* path, ais_bytes* value) {
        Host& self = owner(host);
        if (path == nullptr || value == nullptr) {
            self.misuse("a configuration key without a path");
            return AIS_ERR_INVALID;
        }
        const auto found = self.kernel_.config->text(path);
        if (!found) {
            return AIS_ERR_NOT_FOUND;
        }
        *value = to_abi(*found);
        return AIS_OK;
    }
    static ais_status number(const ais_host* host, const char* path, std::int64_t* value) {
        Host& self = owner(host);
        if (path == nullptr || value == nullptr) {
            self.misuse("a configuration key without a path");
            return AIS_ERR_INVALID;
        }
        const auto found = self.kernel_.config->number(path);
        if (!found) {
            return self.kernel_.config->text(path) ? AIS_ERR_INVALID : AIS_ERR_NOT_FOUND;
        }
        *value = *found;
        return AIS_OK;
    }
    static std::uint32_t count(const ais_host* host, const char* path) {
        return path == nullptr ? 0 : owner(host).kernel_.config->count(path);
    }

    // ais.node/1.
    static ais_bytes host_name(const ais_host* host) {
        return to_abi(owner(host).kernel_.node->host_name());
    }
    static ais_status address(const ais_host* host, std::uint32_t ring, ais_bytes* text) {
        Host& self = owner(host);
        if (text == nullptr) {
            self.misuse("an address without a place for it");
            return AIS_ERR_INVALID;
        }
        const std::string_view found = self.kernel_.node->address(ring);
        if (found.empty()) {
            return AIS_ERR_NOT_FOUND;
        }
        *text = to_abi(found);
        return AIS_OK;
    }
    static std::int64_t boot_time(const ais_host* host) {
        return owner(host).kernel_.node->boot_time();
    }
    static std::int64_t wall_clock(const ais_host* host) {
        return owner(host).kernel_.node->wall_clock();
    }

    // ais.primary/1.
    static std::uint32_t is_primary(const ais_host* host) {
        return owner(host).is_primary_ ? 1 : 0;
    }

    // ais.holes/1.
    static std::uint32_t is_behind_hole(const ais_host* host) {
        return owner(host).kernel_.groups->is_behind_hole() ? 1 : 0;
    }
};

const void* HostTables::find(const ais_host* host, const char* id) {
    static constexpr ais_group_v1 group_table = {
        sizeof(ais_group_v1), 0, &multicast, &local_node, &message_max, &configuration, &congested};
    static constexpr ais_ipc_v1 ipc_table = {sizeof(ais_ipc_v1),
                                             0,
                                             &respond,
                                             &notify,
                                             &peer,
                                             &set_context,
                                             &context,
                                             &hold_back,
                                             &disconnect};
    static constexpr ais_timer_v1 timer_table = {sizeof(ais_timer_v1), 0, &start, &cancel, &now};
    static constexpr ais_config_v1 config_table = {
        sizeof(ais_config_v1), 0, &text, &number, &count};
    static constexpr ais_node_v1 node_table = {
        sizeof(ais_node_v1), 0, &host_name, &address, &boot_time, &wall_clock};
    static constexpr ais_primary_v1 primary_table = {sizeof(ais_primary_v1), 0, &is_primary};
    static constexpr ais_holes_v1 holes_table = {sizeof(ais_holes_v1), 0, &is_behind_hole};
    Host& self = owner(host);
    const std::string_view name = id == nullptr ? "" : id;
    const Kernel& kernel = self.kernel_;
    const bool is_service = self.service_id_ != 0;
    if (name == AIS_GROUP_INTERFACE) {
        return kernel.groups != nullptr && is_service ? &group_table : nullptr;
    }
    if (name == AIS_IPC_INTERFACE) {
        return kernel.has_clients && is_service ? &ipc_table : nullptr;
    }
    if (name == AIS_TIMER_INTERFACE) {
        return kernel.timers != nullptr ? &timer_table : nullptr;
    }
    if (name == AIS_CONFIG_INTERFACE) {
        return kernel.config != nullptr ? &config_table : nullptr;
    }
    if (name == AIS_NODE_INTERFACE) {
        return kernel.node != nullptr ? &node_table : nullptr;
    }
    if (name == AIS_PRIMARY_INTERFACE) {
        return kernel.groups != nullptr && is_service ? &primary_table : nullptr;
    }
    if (name == AIS_HOLES_INTERFACE) {
        return kernel.groups != nullptr && is_service ? &holes_table : nullptr;
    }
    const auto found = self.needed_.find(name);
    return found == self.needed_.end() ? nullptr : found->second.table;
}

std::vector<std::string_view> host_interfaces(const Kernel& kernel) {
    std::vector<std::string_view> ids;
    if (kernel.groups != nullptr) {
        ids.emplace_back(AIS_GROUP_INTERFACE);
        ids.emplace_back(AIS_PRIMARY_INTERFACE);
        ids.emplace_back(AIS_HOLES_INTERFACE);
    }
    if (kernel.has_clients) {
        ids.emplace_back(AIS_IPC_INTERFACE);
    }
    if (kernel.timers != nullptr) {
        ids.emplace_back(AIS_TIMER_INTERFACE);
    }
    if (kernel.config != nullptr) {
        ids.emplace_back(AIS_CONFIG_INTERFACE);
    }
    if (kernel.node != nullptr) {
        ids.emplace_back(AIS_NODE_INTERFACE);
    }
    return ids;
}

Host::Host(const Kernel& kernel,
           Calls& calls,
           std::uint16_t service_id,
           std::map<std::string, Offered, std::less<>> needed)
    : kernel_(kernel),
      calls_(calls),
      service_id_(service_id),
      needed_(std::move(needed)),
      frame_{{sizeof(ais_host), 0, &HostTables::log, &HostTables::find, &HostTables::find_self},
             this} {
    AIS_ASSERT(kernel.log != nullptr);
}

Host::~Host() {
    stop();
}

void Host::client_opened(ais_conn* conn) {
    AIS_ASSERT(!knows(conn));
    clients_.insert(std::lower_bound(clients_.begin(), clients_.end(), conn), conn);
}

void Host::client_closed(ais_conn* conn) {
    const auto at = std::lower_bound(clients_.begin(), clients_.end(), conn);
    AIS_ASSERT(at != clients_.end() && *at == conn);
    clients_.erase(at);
}

bool Host::knows(ais_conn* conn) const {
    return std::binary_search(clients_.begin(), clients_.end(), conn);
}

void Host::set_configuration(const totem::Configuration& now) {
    configuration_.set(now);
    has_configuration_ = true;
    is_primary_ = kernel_.quorum == nullptr || kernel_.quorum->is_primary(now);
}

void Host::stop() {
    stopped_ = true;
    for (const auto& [id, timer] : timers_) {
        kernel_.timers->cancel(timer.id);
    }
    timers_.clear();
}

void Host::fire(std::uint64_t id) {
    const auto found = timers_.find(id);
    AIS_ASSERT(found != timers_.end());
    const Timer timer = found->second;
    timers_.erase(found);  // before the call, which may start it again
    const CallScope scope(calls_, Call::timer);
    timer.fire(timer.context);
}

void Host::misuse(std::string_view what) {
    ++misuses_;
    if (misuses_ <= 10 || (misuses_ & (misuses_ - 1)) == 0) {
        AIS_LOG(*kernel_.log,
                warning,
                "plugin",
                "PLUGIN-011",
                "plugin '",
                calls_.name(),
                "' made a call that the ABI forbids (",
                misuses_,
                " so far): ",
                what);
    }
}

ais_status Host::known_status(ais_status status) {
    return status >= AIS_OK && status <= AIS_ERR_FAILED ? status : AIS_ERR_FAILED;
}

}  // namespace ais::plugin
