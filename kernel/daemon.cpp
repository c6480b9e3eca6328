// SPDX-License-Identifier: BSD-3-Clause

#include "daemon.hpp"

#include "links/stamp.hpp"
#include "os/clock.hpp"
#include "os/files.hpp"
#include "os/privileges.hpp"
#include "os/random.hpp"
#include "os/systemd_notify.hpp"
#include "settings.hpp"

#include <algorithm>
#include <cstring>
#include <sstream>

namespace ais {
namespace {

constexpr std::size_t key_file_max = 4096;
constexpr std::uint32_t run_dir_mode = 0755;  // any user may find the socket
constexpr std::uint32_t state_dir_mode = 0700;

// "1 (127.0.0.1), 2 (127.0.0.2)"
template <typename AddressOf>
std::string list_nodes(const totem::Members& nodes, AddressOf&& address_of) {
    if (nodes.empty()) {
        return "none";
    }
    std::ostringstream text;
    for (const NodeId node : nodes) {
        text << (node == nodes[0] ? "" : ", ") << node.value();
        const std::string address = address_of(node);
        if (!address.empty()) {
            text << " (" << address << ")";
        }
    }
    return text.str();
}

// Where nothing is stored, the milliseconds since 1970: a machine that has lost its state
// directory, or never keeps one, has higher numbers than before all the same, since numbers do not
// grow that fast (a start after a crash skips 1,024).  Fencing numbers are built upon it
// (docs/protocol/lck.md).
std::uint64_t first_ring_seq() {
    static_assert(
        totem::ring_seq_jump_max / 86'400'000 / 365 > 230,
        "until the year 2200 a node that has a number from 0 on lets in one that begins so");
    constexpr std::int64_t millisecond = 1'000'000;
    return static_cast<std::uint64_t>(std::max<std::int64_t>(os::wall_clock_ns() / millisecond, 0));
}

}  // namespace

Daemon::Daemon(const DaemonOptions& options,
               const config::Settings& settings,
               const config::Tree& tree,
               plugin::Registry& registry,
               Log& log)
    : options_(options), settings_(settings), tree_(tree), registry_(registry), log_(log) {}

Daemon::~Daemon() {
    // Those that speak to services go first.  Then the node forgets the services, which go before
    // it: an exchange in parts that is under way when the node ends would still call them.
    control_server_.reset();
    control_.reset();
    pending_.reset();
    clients_.reset();
    for (const auto& service : services_) {
        node_->table().remove(service->id());
    }
}

Result<void> Daemon::open() {
    for (const auto step : {&Daemon::open_signals,
                            &Daemon::open_directories,
                            &Daemon::open_network,
                            &Daemon::open_node,
                            &Daemon::open_services,
                            &Daemon::open_clients,
                            &Daemon::drop_privileges,
                            &Daemon::open_control}) {
        if (auto done = (this->*step)(); !done) {
            return done;
        }
    }
    return {};
}

Result<void> Daemon::open_signals() {
    auto signals = os::Signals::open(loop_);
    if (!signals) {
        return signals.error();
    }
    signals_ = signals.take();
    const auto finish = [this] {
        AIS_LOG(log_, notice, "main", "MAIN-007", "leaving the ring on a signal");
        loop_.stop();
    };
    signals_->on(SIGTERM, finish);
    signals_->on(SIGINT, finish);
    signals_->on(SIGUSR2, [this] { dump(); });
    if (options_.reload) {
        signals_->on(SIGHUP, [this] { reload(); });
    }
    return {};
}

// The pid file decides who has this run directory before a socket is opened.
Result<void> Daemon::open_directories() {
    if (os::is_root() && settings_.user != "root" && !options_.embedded) {
        auto account = os::find_account(settings_.user, settings_.group);
        if (!account) {
            return account.error();
        }
        account_ = account.take();
    }
    if (auto made = os::make_directories(options_.run_dir, run_dir_mode); !made) {
        return Error{made.error().code,
                     "run directory: " + made.error().text +
                         " (--run-dir or OPENAIS_RUN_DIR chooses another one)"};
    }
    if (auto made = os::make_directories(options_.state_dir, state_dir_mode); !made) {
        return Error{
            made.error().code,
            "state directory: " + made.error().text + " (--state-dir chooses another one)"};
    }
    auto pid_file = os::PidFile::take(options_.run_dir + "/pid");
    if (!pid_file) {
        return pid_file.error();
    }
    pid_file_.emplace(pid_file.take());
    return {};
}

Result<void> Daemon::open_crypto() {
    const auto& name = settings_.totem.crypto_backend;
    crypto_kernel_ = plugin::Kernel{.self = self_,
                                    .log = &log_,
                                    .groups = nullptr,
                                    .has_clients = false,
                                    .timers = &loop_,
                                    .config = &tree_,
                                    .stopwatch = nullptr,
                                    .node = nullptr};
    const std::vector<std::string> names{name};
    auto plugins = registry_.start(names, crypto_kernel_);
    if (!plugins) {
        return Error{plugins.error().code, "crypto backend: " + plugins.error().text};
    }
    crypto_plugins_ = plugins.take();
    plugin::Instance* backend = crypto_plugins_->find(name);
    if (backend == nullptr || !backend->manifest().offers_interface(AIS_CRYPTO_INTERFACE)) {
        return invalid("totem.crypto_backend: the plugin " + name +
                       " is no crypto backend (it does not offer " + AIS_CRYPTO_INTERFACE + ")");
    }

    std::string key;
    const auto needed = backend->table<ais_crypto_v1>(AIS_CRYPTO_INTERFACE).key_size_min;
    if (options_.embedded && needed > 0) {
        key.resize(needed);
        if (auto filled =
                os::fill_random({reinterpret_cast<std::uint8_t*>(key.data()), key.size()});
            !filled) {
            return filled;
        }
    } else if (needed > 0) {
        auto file = os::read_file(options_.key_file, key_file_max);
        if (!file) {
            return failed(file.error().text + "; make a key with ais-keygen -k " +
                          options_.key_file + " and copy it to every node");
        }
        if ((file->mode & 0077) != 0) {
            AIS_LOG(log_,
                    warning,
                    "main",
                    "MAIN-003",
                    "the key ",
                    options_.key_file,
                    " is open to other users; it should be of mode 0400: chmod 0400 ",
                    options_.key_file);
        }
        key = std::move(file->bytes);
        if (key.size() < needed) {
            const auto size = key.size();
            os::wipe(key);
            return invalid("the key " + options_.key_file + " has " + std::to_string(size) +
                           " bytes and must have " + std::to_string(needed) +
                           ": make a new one with ais-keygen -k " + options_.key_file);
        }
    }

    ais_crypto_params params{};
    params.struct_size = sizeof params;
    params.local_node = self_.value();
    params.key = to_abi(key);
    params.cipher = settings_.totem.crypto_cipher.c_str();
    if (auto salt = os::fill_random(boot_salt_); !salt) {
        return salt;
    }
    copy_bytes(params.boot_salt, Bytes(boot_salt_));
    auto session = plugin::SealGuard::open_session(*backend, params);
    os::wipe(key);
    if (!session) {
        return session.error();
    }
    seal_ = session.take();
    return {};
}

Result<void> Daemon::open_network() {
    network_ = std::make_unique<Network>(settings_, loop_, log_);
    if (auto chosen = network_->choose(); !chosen) {
        return chosen;
    }
    self_ = network_->self();
    if (auto crypto = open_crypto(); !crypto) {
        return crypto;
    }
    return network_->open(seal_->overhead());
}

Result<void> Daemon::open_node() {
    auto totem = to_totem_config(settings_, seal_->overhead());
    if (!totem) {
        return totem.error();
    }
    service::NodeOptions options;
    options.totem = totem.take();
    // An interface with a tiny mtu leaves nothing; validate() says so.
    const std::size_t sealed_max = network_->sealed_max();
    options.totem.datagram_max = sealed_max - std::min(sealed_max, seal_->overhead());
    // What may be under way to a node must fit into its socket, or the window
    // itself causes loss.
    const auto fits = static_cast<std::uint32_t>(
        std::max<std::size_t>(8, network_->receive_room() / std::max<std::size_t>(sealed_max, 1)));
    if (options.totem.window_size > fits) {
        AIS_LOG(log_,
                notice,
                "main",
                "MAIN-005",
                "the receive buffer that the system grants holds ",
                fits,
                " datagrams: window_size is lowered from ",
                options.totem.window_size);
        options.totem.window_size = fits;
        options.totem.max_messages = std::min(options.totem.max_messages, fits);
        options.totem.accelerated_window =
            std::min(options.totem.accelerated_window, options.totem.max_messages);
    }
    if (auto valid = options.totem.validate(); !valid) {
        return valid;
    }
    options.request_wait = settings_.ipc.request_wait;
    options.compare = settings_.compare;
    options.group.message_max = settings_.ipc.message_max + ipc::Limits{}.header_room;
    options.group.queue_max = std::max(options.group.queue_max, 4 * options.group.message_max);
    ring_store_ =
        std::make_unique<os::RingStore>(options_.state_dir, self_, first_ring_seq(), loop_, log_);
    std::array<std::uint8_t, sizeof(std::uint64_t)> chance{};
    if (auto filled = os::fill_random(chance); !filled) {
        return filled;
    }
    const std::uint64_t incarnation = links::incarnation_of(boot_salt_);
    options.identity = {self_, incarnation, ring_store_->stored(), Reader(chance).u64()};
    if (!options_.trace_file.empty()) {
        auto trace =
            os::TraceFile::open(options_.trace_file, {self_, incarnation}, os::monotonic_now, log_);
        if (!trace) {
            return trace.error();
        }
        trace_ = trace.take();
        options.tap = trace_.get();
        options.tap_stamps = false;
    }
    network_->connect(*seal_, *this, options.totem.datagram_max);
    service::Wire& wire = *this;
    service::RingStore& store = *this;
    service::Observer& observer = *this;
    node_ = std::make_unique<service::Node>(options, wire, store, observer, log_);
    return {};
}

Result<void> Daemon::open_services() {
    facts_ = std::make_unique<MachineFacts>(network_->own_addresses());
    service_kernel_ = plugin::Kernel{.self = self_,
                                     .log = &log_,
                                     .groups = &node_->groups(),
                                     .has_clients = true,
                                     .timers = &loop_,
                                     .config = &tree_,
                                     .stopwatch = this,
                                     .node = facts_.get()};
    auto plugins = registry_.start(options_.services, service_kernel_);
    if (!plugins) {
        return plugins.error();
    }
    service_plugins_ = plugins.take();
    if (const auto quorums = service_plugins_->offering(AIS_QUORUM_INTERFACE); !quorums.empty()) {
        quorum_ = std::make_unique<plugin::QuorumGuard>(*quorums.front());
        service_kernel_.quorum = quorum_.get();
    }
    std::string names;
    for (plugin::Instance* instance : service_plugins_->offering(AIS_SERVICE_INTERFACE)) {
        services_.push_back(std::make_unique<plugin::ServiceGuard>(*instance));
        if (auto added = node_->table().add(*services_.back()); !added) {
            return added;
        }
        names += (names.empty() ? "" : ", ") + instance->name();
    }
    AIS_LOG(log_,
            info,
            "main",
            "MAIN-006",
            "services: ",
            names.empty() ? "none" : names,
            "; sealing with ",
            settings_.totem.crypto_backend,
            ", cipher ",
            seal_->cipher());
    return {};
}

Result<void> Daemon::open_clients() {
    os::UnixServerConfig config;
    config.run_dir = options_.run_dir;
    config.node = self_;
    config.limits = to_ipc_limits(settings_);
    config.access.group = settings_.group;
    for (const config::UidGidRule& rule : settings_.uidgid) {
        std::uint32_t uid = 0;
        std::uint32_t gid = 0;
        if (rule.user) {
            auto found = os::find_user_id(*rule.user);
            if (!found) {
                return Error{found.error().code, "uidgid.uid: " + found.error().text};
            }
            uid = *found;
        }
        if (rule.group) {
            auto found = os::find_group_id(*rule.group);
            if (!found) {
                return Error{found.error().code, "uidgid.gid: " + found.error().text};
            }
            gid = *found;
        }
        if (rule.user && rule.group) {
            config.access.both.push_back({uid, gid});
        } else if (rule.user) {
            config.access.uids.push_back(uid);
        } else if (rule.group) {
            config.access.gids.push_back(gid);
        }
    }
    clients_ = std::make_unique<os::UnixServer>(std::move(config), loop_, node_->sessions(), log_);
    if (auto opened = clients_->open(); !opened) {
        return opened;
    }
    return {};
}

Result<void> Daemon::drop_privileges() {
    os::Resources wish;
    wish.round_robin = settings_.realtime ? 1 : 0;
    const auto missing = os::claim_resources(wish);
    if (account_) {
        for (const std::string& path : {options_.run_dir, options_.state_dir}) {
            if (auto given = os::give_directory_to(path, account_->uid, account_->gid); !given) {
                return given;
            }
        }
        if (auto done = os::become(*account_); !done) {
            return done;
        }
        AIS_LOG(log_,
                info,
                "main",
                "MAIN-008",
                "privileges dropped: now user ",
                account_->user,
                ", group ",
                account_->group);
    }
    os::report_resources(missing, log_);
    return {};
}

int Daemon::run() {
    loop_.set_turn([this] { return turn(); });
    network_->start(
        [this](NodeId peer, totem::LinkId link, totem::Hint what) {
            node_->on_hint(loop_.now(), peer, link, what);
        },
        [this] { node_->before_control(loop_.now()); });
    AIS_LOG(log_,
            notice,
            "main",
            "MAIN-001",
            "node ",
            self_.value(),
            " on ",
            network_->address_of(self_),
            " is looking for a ring; clients at ",
            options_.run_dir);
    os::systemd_notify("READY=1");
    loop_.run_once(Duration(0));
    node_->start(loop_.now());
    loop_.wake_at(loop_.now());
    loop_.run();
    os::systemd_notify("STOPPING=1");
    node_->leave(loop_.now());
    if (trace_) {
        trace_->end();
    }
    if (exit_status_ == 0) {
        AIS_LOG(log_, notice, "main", "MAIN-002", "node ", self_.value(), " has left");
    }
    return exit_status_;
}

void Daemon::explain_pause() {
    const auto& stats = node_->engine().stats();
    if (stats.pauses == pauses_) {
        pause_watch_.tick(loop_.now());
        return;
    }
    pauses_ = stats.pauses;
    AIS_LOG(log_,
            warning,
            "main",
            "MAIN-028",
            "this process did not run for ",
            to_ms(stats.last_pause),
            " ms or more (",
            pause_watch_.explain(loop_.now(), stats.last_pause),
            "); joins that waited meanwhile are dropped");
}

bool Daemon::turn() {
    explain_pause();
    step_replacement();
    const bool more = node_->turn(loop_.now());
    if (trace_) {
        trace_->flush();
    }
    network_->links().expire(loop_.now());
    std::optional<Instant> first;
    for (const auto& at :
         {node_->deadline(), network_->links().deadline(), replacement_deadline()}) {
        if (at && (!first || *at < *first)) {
            first = at;
        }
    }
    loop_.wake_at(first);
    if (settings_.ipc.busy_poll > Duration(0) && node_->expects_a_caller()) {
        loop_.look_awake(settings_.ipc.busy_poll);
    }
    return more;
}

void Daemon::dump() {
    log_lines(node_->describe());
    log_lines(network_->describe());
    for (const auto& instance : service_plugins_->all()) {
        log_lines(instance->describe());
    }
}

void Daemon::log_lines(const std::string& text) {
    std::istringstream lines(text);
    for (std::string line; std::getline(lines, line);) {
        AIS_LOG(log_, notice, "main", "MAIN-009", line);
    }
}

// Only the lists of members: everything else is read at the start.
void Daemon::reload() {
    auto settings = options_.reload();
    if (!settings) {
        AIS_LOG(log_,
                error,
                "main",
                "MAIN-026",
                "HUP: the configuration stays as it was: ",
                settings.error().text);
        return;
    }
    if (auto taken = network_->reload(*settings); !taken) {
        AIS_LOG(log_, error, "main", "MAIN-026", "HUP: ", taken.error().text);
        return;
    }
    AIS_LOG(log_,
            notice,
            "main",
            "MAIN-025",
            "HUP: the lists of members were read again; other keys count at the next start");
}

void Daemon::on_datagram(totem::LinkId link, NodeId sender, Bytes plain) {
    node_->on_datagram(loop_.now(), link, sender, plain);
}

MutableBytes Daemon::landing() {
    return node_->landing();
}

void Daemon::transmit(const totem::Transmit& what) {
    network_->links().transmit(what);
}
void Daemon::flush() {
    network_->links().flush();
}
void Daemon::store(std::uint64_t ring_seq) {
    ring_store_->persist(ring_seq);
}
Duration Daemon::reading() const {
    return os::coarse_monotonic_now().time_since_epoch();
}

void Daemon::on_gathering() {
    network_->links().on_gathering();
}

void Daemon::on_configuration(const totem::Configuration& now) {
    if (now.kind == totem::Configuration::Kind::transitional) {
        left_since_last_ring_ = now.left;
        return;
    }
    network_->on_configuration(now);
    const auto address_of = [this](NodeId node) { return network_->address_of(node); };
    const auto why_left = [&](NodeId node) {
        const std::string_view why = node_->engine().why_left(node);
        return std::string(!why.empty()                 ? why
                           : now.members.contains(node) ? "it restarted, or was apart"
                                                        : "it went its own way");
    };
    AIS_LOG(log_,
            notice,
            "totem",
            "MAIN-010",
            "ring ",
            now.ring,
            " formed: ",
            now.members.size(),
            now.members.size() == 1 ? " processor: " : " processors: ",
            list_nodes(now.members, address_of),
            "; joined: ",
            list_nodes(now.joined, [](NodeId) { return std::string(); }),
            "; left: ",
            list_nodes(left_since_last_ring_, why_left));
    left_since_last_ring_.clear();
}

void Daemon::on_stop(std::string_view why) {
    AIS_LOG(log_, error, "main", "MAIN-011", "this node stops: ", why);
    exit_status_ = 1;
    loop_.stop();
}

}  // namespace ais
