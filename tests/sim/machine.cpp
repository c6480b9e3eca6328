// SPDX-License-Identifier: BSD-3-Clause

#include "sim/machine.hpp"

#include "base/assert.hpp"
#include "sim/live_replacement.hpp"
#include "totem/detector.hpp"
#include "totem/stats.hpp"

#include <ais/codec.hpp>
#include <ais/envelope.hpp>

#include <algorithm>
#include <array>
#include <sstream>
#include <utility>

namespace ais::sim {

namespace {

using std::chrono::microseconds;

// When machines were started, about: 2026.
constexpr Duration epoch = std::chrono::hours(24) * 365 * 56;
// Datagrams that wait for a paused node.
constexpr std::size_t socket_max = 400;
// Until a process that was woken runs.
constexpr Duration wake_latency = microseconds(5);
// How often a process looks whether a paused executive runs again.
constexpr Duration pause_check = std::chrono::milliseconds(10);
// How often a replacement that waits is looked at.
constexpr Duration replacement_pace = std::chrono::milliseconds(1);
// State is compared at every so many datagrams of a ring.
constexpr totem::Seq compare_every = 64;
// Where the version stands in a datagram (docs/protocol/totem_wire.md).
constexpr std::size_t version_at = 2;

std::uint64_t digest_of(Bytes state) {
    std::uint64_t hash = 0xcbf29ce484222325;  // FNV-1a
    for (const std::uint8_t byte : state) {
        hash = (hash ^ byte) * 0x100000001b3;
    }
    return hash;
}

}  // namespace

// In order of birth.
struct Machine::Executive {
    plugin::Kernel kernel;
    std::unique_ptr<service::Node> node;
    std::unique_ptr<plugin::Plugins> plugins;
    std::unique_ptr<plugin::QuorumGuard> quorum;
    std::unique_ptr<plugin::SealGuard> seal;
    std::vector<std::unique_ptr<Port>> ports;
    std::unique_ptr<links::Links> links;
    std::optional<Instant> links_step;  // the next one
    std::unique_ptr<PathWatch> watch;
    std::vector<Interface> told;  // what the links know of the interfaces
    std::vector<std::unique_ptr<plugin::ServiceGuard>> services;
    std::vector<std::unique_ptr<SimClient>> clients;
    std::vector<SimClient*> runnable;
    std::unique_ptr<LiveReplacement> replacement;  // under way

    // What needs plugins, before they go.
    void close() {
        replacement.reset();
        services.clear();
        links.reset();
        seal.reset();
        plugins.reset();
        clients.clear();
    }
};

Machine::Machine(Surroundings& around, NodeId id, const MachineSettings& settings)
    : around_(around),
      id_(id),
      settings_(settings),
      host_name_("node" + std::to_string(id.value())),
      address_("10.0." + std::to_string(id.value() / 256) + '.' + std::to_string(id.value() % 256)),
      interfaces_(settings.links) {
    // Since boot: anything up to some days.
    const auto uptime =
        Duration(static_cast<std::int64_t>(1 + around_.prng().below(1U << 18)) * 1000000000);
    clock_.start(around_.world_time(), Instant(uptime));
}

Machine::~Machine() {
    if (executive_) {
        executive_->close();
    }
}

service::Node* Machine::node() const {
    return executive_ ? executive_->node.get() : nullptr;
}

void Machine::start(bool wiped) {
    AIS_ASSERT(!executive_);
    if (wiped) {
        stored_ring_seq_ = 0;
    }
    incarnation_ = around_.prng().next() | 1;
    taken_ = came_back_ = 0;
    paused_ = false;
    waiting_.clear();
    armed_.reset();
    stopped_because_.clear();
    told_state_ = "none";
    is_compared_ = false;
    in_regular_ = false;
    around_.history().start(life_id());

    executive_ = std::make_unique<Executive>();
    Executive& my = *executive_;
    service::NodeOptions options;
    options.totem = settings_.totem;
    options.identity.self = id_;
    options.identity.incarnation = incarnation_;
    options.identity.stored_ring_seq = stored_ring_seq_;
    options.identity.seed = around_.prng().next();
    options.group = settings_.group;
    options.request_budget = settings_.request_budget;
    options.compare = settings_.compare;
    options.tap = this;
    service::Wire& wire = *this;
    service::RingStore& store = *this;
    service::Observer& observer = *this;
    Log& log = *this;
    my.node = std::make_unique<service::Node>(options, wire, store, observer, log);
    my.kernel = plugin::Kernel{.self = id_,
                               .log = this,
                               .groups = &my.node->groups(),
                               .has_clients = true,
                               .timers = this,
                               .config = &settings_.tree,
                               .stopwatch = nullptr,
                               .node = this};
    auto plugins = plugin::Plugins::start(settings_.plugins, my.kernel);
    if (!plugins) {
        around_.fail("node " + std::to_string(id_.value()) +
                     " could not load its plugins: " + plugins.error().text);
    } else {
        my.plugins = plugins.take();
        if (const auto quorums = my.plugins->offering(AIS_QUORUM_INTERFACE); !quorums.empty()) {
            my.quorum = std::make_unique<plugin::QuorumGuard>(*quorums.front());
            my.kernel.quorum = my.quorum.get();
        }
        for (plugin::Instance* instance : my.plugins->offering(AIS_SERVICE_INTERFACE)) {
            my.services.push_back(std::make_unique<plugin::ServiceGuard>(*instance));
            if (auto added = my.node->table().add(*my.services.back()); !added) {
                around_.fail(added.error().text);
            }
        }
        start_links();
    }
    my.node->start(now());
    if (my.links) {
        my.links->start(now());
    }
    after_call();
}

// In the order of the real executive: seal, transports, links, and what the interfaces are now.
void Machine::start_links() {
    Executive& my = *executive_;
    const auto backends = my.plugins->offering(AIS_CRYPTO_INTERFACE);
    AIS_ASSERT(!backends.empty());
    std::array<std::uint8_t, envelope::authkey_size> authkey{};
    Writer(MutableBytes(authkey)).u32(key);
    ais_crypto_params params{};
    params.struct_size = sizeof params;
    params.local_node = id_.value();
    params.key = {authkey.data(), authkey.size()};
    const std::size_t place = id_.value() - 1;
    params.cipher = place < settings_.ciphers.size() ? settings_.ciphers[place].c_str() : "auto";
    // Chance of its own: what is sealed leaves the rest of a run as it is.
    Prng salt(incarnation_);
    Writer to(MutableBytes(params.boot_salt));
    to.u64(incarnation_);
    to.u64(salt.next());
    auto seal = plugin::SealGuard::open_session(*backends.front(), params);
    if (!seal) {
        around_.fail(seal.error().text);
        return;
    }
    my.seal = seal.take();
    std::vector<links::LinkPort> ports;
    PortOwner& owner = *this;
    links::Receiver& receiver = *this;
    Log& log = *this;
    for (std::size_t i = 0; i < settings_.links; ++i) {
        const auto link = static_cast<totem::LinkId>(i);
        my.ports.push_back(
            std::make_unique<Port>(owner, id_, link, around_.nodes_max(), settings_.is_multicast));
        ports.push_back({link, my.ports.back().get()});
    }
    const std::size_t datagram_max = settings_.totem.datagram_max;
    if (ports.size() == 1) {
        my.links =
            links::make_single(*my.seal, *ports[0].transport, receiver, log, id_, datagram_max);
    } else {
        links::MonitorConfig monitor;
        monitor.silence = settings_.totem.detection_time / 5;  // as kernel/config/settings.cpp
        using Mode = MachineSettings::Mode;
        my.links = links::make_redundant(*my.seal,
                                         ports,
                                         settings_.mode == Mode::active    ? links::make_active()
                                         : settings_.mode == Mode::passive ? links::make_passive()
                                                                           : links::make_best(),
                                         monitor,
                                         receiver,
                                         log,
                                         id_,
                                         datagram_max);
        my.watch = std::make_unique<PathWatch>(id_, around_.nodes_max(), settings_.links);
    }
    my.told = interfaces_;
    for (std::size_t i = 0; i < interfaces_.size(); ++i) {
        my.links->on_interface(now(), static_cast<totem::LinkId>(i), interfaces_[i].is_up());
    }
}

// Interfaces.

void Machine::take_down(totem::LinkId link) {
    ++interfaces_[link].downs;
    follow_interfaces();
}

void Machine::bring_up(totem::LinkId link) {
    AIS_ASSERT(interfaces_[link].downs > 0);
    --interfaces_[link].downs;
    follow_interfaces();
}

void Machine::renumber(totem::LinkId link, Address address) {
    interfaces_[link].address = address;
    follow_interfaces();
}

// As kernel/network.cpp when the system says that something has changed.
void Machine::follow_interfaces() {
    if (!executive_ || paused_ || !executive_->links) {
        return;
    }
    Executive& my = *executive_;
    for (std::size_t i = 0; i < interfaces_.size(); ++i) {
        const auto link = static_cast<totem::LinkId>(i);
        const Interface& is = interfaces_[i];
        Interface& told = my.told[i];
        if (!is.is_up()) {
            if (told.is_up()) {
                told.downs = 1;
                my.links->on_interface(now(), link, false);
                my.node->on_hint(now(), NodeId(), link, totem::Hint::link_down);
            }
        } else if (!told.is_up() || told.address != is.address) {
            told = is;
            my.links->on_interface(now(), link, true);
            my.links->on_moved(link);
        }
    }
    turn();
}

void Machine::watch_paths() {
    Executive& my = *executive_;
    if (!my.watch || my.links->deadline() == my.links_step) {
        return;
    }
    my.links_step = my.links->deadline();
    broken_rules_.clear();
    my.watch->look(now(), *my.links, broken_rules_);
    for (const std::string& text : broken_rules_) {
        around_.fail(text);
    }
}

void Machine::judge_paths(totem::LinkId link, NodeId peer, Duration undisturbed) {
    if (!executive_ || !executive_->watch) {
        return;
    }
    const Duration step = settings_.totem.detection_time / 10;
    broken_rules_.clear();
    executive_->watch->expect_up(
        peer, link, static_cast<std::uint64_t>(undisturbed / step), broken_rules_);
    for (const std::string& text : broken_rules_) {
        around_.fail(text);
    }
}

void Machine::end_life() {
    // The service side first: it may still speak of its clients.
    std::vector<ClientHandler*> handlers;
    for (const auto& client : executive_->clients) {
        if (!client->has_ended()) {
            handlers.push_back(&client->handler());
        }
    }
    executive_->replacement.reset();
    // An exchange that is under way when the node goes must not find them (ckpt, seed 6).
    for (const auto& service : executive_->services) {
        executive_->node->table().remove(service->id());
    }
    executive_->close();
    executive_.reset();
    builds_.clear();
    timers_.clear();
    timer_times_.clear();
    around_.history().end(life_id());
    for (ClientHandler* handler : handlers) {
        handler->on_closed("the executive is gone");
    }
}

void Machine::crash() {
    AIS_ASSERT(executive_);
    end_life();
}

void Machine::leave() {
    AIS_ASSERT(executive_);
    executive_->node->leave(now());
    end_life();
}

void Machine::pause() {
    paused_ = true;
}

void Machine::resume() {
    if (!executive_ || !paused_) {
        return;
    }
    paused_ = false;
    armed_.reset();
    const std::uint64_t life = incarnation_;
    // A loop may look at its timers or at its sockets first.
    if (around_.prng().chance(1, 2)) {
        turn();
    }
    const auto waiting = std::exchange(waiting_, {});
    for (const Waiting& datagram : waiting) {
        if (!executive_ || incarnation_ != life) {
            return;
        }
        receive(datagram.link, datagram.from, datagram.bytes);
    }
    if (executive_ && incarnation_ == life) {
        turn();
        dispatch();
    }
    follow_interfaces();
}

bool Machine::replace(std::uint32_t service, Flaw flaw) {
    Executive& my = *executive_;
    if (my.replacement || my.services.empty()) {
        return false;
    }
    const std::string_view name = my.services[service % my.services.size()]->name();
    const auto original = std::find_if(settings_.plugins.begin(),
                                       settings_.plugins.end(),
                                       [&](const auto& one) { return one.plugin->name == name; });
    auto build = Build::make(*original->plugin, flaw, static_cast<std::uint32_t>(builds_.size()));
    if (build == nullptr) {
        return false;
    }
    builds_.push_back(std::move(build));
    my.replacement = std::make_unique<LiveReplacement>(
        LiveReplacement::Of{*my.node, *my.plugins, my.services, my.kernel}, *builds_.back(), now());
    rearm();
    return true;
}

void Machine::step_replacement() {
    if (!executive_->replacement) {
        return;
    }
    if (const auto outcome = executive_->replacement->step(now())) {
        executive_->replacement.reset();
        around_.tell(id_, "replacement", outcome->text);
        if (!outcome->violation.empty()) {
            around_.fail("node " + std::to_string(id_.value()) + ": " + outcome->violation);
        }
    }
}

void Machine::arrive(totem::LinkId link, const Source& from, Bytes datagram) {
    if (!executive_ || !interfaces_[link].is_up()) {
        return;
    }
    if (paused_) {
        if (waiting_.size() < socket_max) {
            waiting_.push_back({link, from, {datagram.begin(), datagram.end()}});
        }
        return;
    }
    receive(link, from, datagram);
}

void Machine::receive(totem::LinkId link, const Source& from, Bytes datagram) {
    Executive& my = *executive_;
    if (my.links) {
        arrived_.assign(datagram.begin(), datagram.end());
        my.ports[link]->comes_from(now(), from.host, from.address, from.sent);
        is_from_stranger_ = !from.host.is_valid();
        my.links->on_received(now(), link, arrived_, {});
    }
    tell_state();
    compare_when_synced();
    turn();
}

void Machine::on_datagram(totem::LinkId link, NodeId sender, Bytes plain) {
    if (is_from_stranger_ && settings_.is_sealed) {
        around_.fail("seal: node " + std::to_string(id_.value()) +
                     " has opened what nobody has sealed");
    }
    if (wire_version != totem_version) {
        plain = in_our_version(plain, altered_in_);
    }
    service::Node& node = *executive_->node;
    if (Coverage* coverage = around_.coverage()) {
        Coverage::State state{};
        if (Coverage::state_of(node.engine(), state)) {
            coverage->add(state, Coverage::classify(node.engine(), sender, plain));
        }
    }
    node.on_datagram(now(), link, sender, plain);
}

MutableBytes Machine::landing() {
    return executive_->node->landing();
}

// The code knows one version.  Who plays another one puts its number where ours is, and takes
// ours for a foreign one.
Bytes Machine::in_our_version(Bytes plain, std::vector<std::uint8_t>& to) const {
    to.assign(plain.begin(), plain.end());
    if (to.size() > version_at) {
        std::uint8_t& version = to[version_at];
        if (version == totem_version) {
            version = wire_version;
        } else if (version == wire_version) {
            version = totem_version;
        }
    }
    return to;
}

void Machine::work() {
    if (armed_ && *armed_ <= around_.world_time()) {
        armed_.reset();
    }
    if (executive_ && !paused_) {
        turn();
    }
}

void Machine::run_timers() {
    const Instant local = now();
    while (!timers_.empty() && timers_.begin()->first.first <= local) {
        const auto due = timers_.begin();
        const auto fire = std::move(due->second);
        timer_times_.erase(due->first.second);
        timers_.erase(due);
        fire();
    }
}

void Machine::turn() {
    step_replacement();
    run_timers();
    const bool more =
        around_.coverage() != nullptr ? covered_turn() : executive_->node->turn(now());
    if (executive_->links) {
        executive_->links->expire(now());
        watch_paths();
    }
    tell_state();
    compare_when_synced();
    if (more) {
        armed_ = around_.world_time() + microseconds(1);
        around_.wake_at(id_, incarnation_, *armed_);
    }
    after_call();
}

// Which timers fired is seen by what the engine counts.
bool Machine::covered_turn() {
    using What = Coverage::Event;
    const totem::Engine& engine = executive_->node->engine();
    Coverage::State state{};
    const bool is_known = Coverage::state_of(engine, state);
    const totem::Stats before = engine.stats();
    const bool more = executive_->node->turn(now());
    const totem::Stats& after = engine.stats();
    const auto add_if = [&](bool has_happened, What event) {
        if (is_known && has_happened) {
            around_.coverage()->add(state, event);
        }
    };
    add_if(after.token_losses != before.token_losses, What::token_timeout);
    add_if(after.consensus_timeouts != before.consensus_timeouts, What::consensus_timeout);
    add_if(after.join_timeouts != before.join_timeouts, What::join_timeout);
    add_if(after.retransmit_timeouts != before.retransmit_timeouts, What::token_again);
    add_if(after.pauses != before.pauses, What::pause);
    return more;
}

void Machine::tell_state() {
    if (!around_.is_traced()) {
        return;
    }
    Coverage::State state{};
    const std::string name =
        Coverage::state_of(executive_->node->engine(), state) ? Coverage::name_of(state) : "none";
    if (name != told_state_) {
        around_.tell(id_, "state", told_state_ + " -> " + name);
        told_state_ = name;
    }
}

void Machine::after_call() {
    if (executive_->node->is_stopped()) {
        around_.fail("node " + std::to_string(id_.value()) +
                     " has stopped itself: " + stopped_because_);
        executive_->node->leave(now());
        end_life();
        return;
    }
    rearm();
}

void Machine::rearm() {
    auto deadline = executive_->node->deadline();
    if (!timers_.empty()) {
        const Instant first = timers_.begin()->first.first;
        deadline = deadline ? std::min(*deadline, first) : first;
    }
    if (executive_->replacement) {
        const Instant again = now() + replacement_pace;
        deadline = deadline ? std::min(*deadline, again) : again;
    }
    if (executive_->links) {
        const auto step = executive_->links->deadline();
        deadline = deadline && step ? std::min(*deadline, *step) : step ? step : deadline;
    }
    if (!deadline) {
        return;
    }
    const Instant at = std::max(clock_.world(*deadline), around_.world_time());
    if (armed_ && *armed_ <= at && *armed_ >= around_.world_time()) {
        return;
    }
    armed_ = at;
    around_.wake_at(id_, incarnation_, at);
}

void Machine::call_later(Duration delay, std::function<void()> action) {
    around_.call_at(id_, incarnation_, around_.world_time() + delay, std::move(action));
}

// The node's wishes.

void Machine::transmit(const totem::Transmit& what) {
    if (!executive_->links) {
        return;
    }
    if (wire_version == totem_version) {
        executive_->links->transmit(what);
        return;
    }
    totem::Transmit other = what;
    other.datagram = in_our_version(what.datagram, altered_out_);
    executive_->links->transmit(other);
}

void Machine::flush() {
    if (executive_->links) {
        executive_->links->flush();
    }
}

void Machine::depart(totem::LinkId link, Bytes datagram, const std::vector<Target>& to) {
    if (interfaces_[link].is_up()) {
        around_.transmit(id_, link, datagram, to);
    }
}

void Machine::store(std::uint64_t ring_seq) {
    if (ring_seq < stored_ring_seq_) {
        around_.fail("node " + std::to_string(id_.value()) + " stores a lower ring number");
    }
    stored_ring_seq_ = ring_seq;
}

void Machine::is_led_astray(totem::LinkId link, NodeId node) {
    around_.fail("addresses: node " + std::to_string(id_.value()) + " takes a stranger for node " +
                 std::to_string(node.value()) + " on link " + std::to_string(link) +
                 ": an old datagram came from there");
}

void Machine::on_configuration(const totem::Configuration& now) {
    if (now.kind == totem::Configuration::Kind::regular && executive_->links) {
        executive_->links->on_configuration(now);
    }
    if (around_.is_traced()) {
        std::ostringstream text;
        text << now.ring << ' ' << now.members;
        if (!now.joined.empty()) {
            text << " joined " << now.joined;
        }
        if (!now.left.empty()) {
            text << " left " << now.left;
        }
        around_.tell(id_,
                     now.kind == totem::Configuration::Kind::regular ? "regular" : "transitional",
                     text.view());
    }
}

void Machine::on_gathering() {
    if (executive_->links) {
        executive_->links->on_gathering();
    }
}

void Machine::on_stop(std::string_view why) {
    stopped_because_ = why;
}

void Machine::on_take(MutableBytes stamp, totem::Guarantee guarantee) {
    Writer to(stamp);
    to.u64(++taken_);
    to.u64(incarnation_);
    to.u32(id_.value());
    AIS_ASSERT(to.ok() && to.size() == stamp_size);
    around_.history().send(life_id(), around_.world_time(), {life_id(), taken_}, guarantee);
}

void Machine::on_deliver(const totem::Deliver& stamped) {
    Reader from(stamped.payload);
    MessageId message;
    message.number = from.u64();
    message.origin.incarnation = from.u64();
    message.origin.node = NodeId(from.u32());
    if (!from.ok() || message.origin.node != stamped.sender) {
        around_.fail("node " + std::to_string(id_.value()) + " delivers what nobody has sent");
        return;
    }
    if (message.origin == life_id()) {
        came_back_ = message.number;
    }
    if (in_regular_) {
        compare_when_synced();
        if (stamped.seq % compare_every == 0) {
            compare_state(stamped.seq);
        }
    }
    delivered_ = stamped.seq;
    around_.history().deliver(
        life_id(), around_.world_time(), message, stamped.guarantee, stamped.ring, stamped.seq);
}

void Machine::on_configure(const totem::Configuration& now) {
    ++configurations_;
    in_regular_ = now.kind == totem::Configuration::Kind::regular;
    is_compared_ = false;
    if (in_regular_) {
        delivered_ = 0;
    }
    around_.history().configure(life_id(), around_.world_time(), now);
}

// The first moment after the exchange, before anything else is delivered.
void Machine::compare_when_synced() {
    const service::Node& node = *executive_->node;
    if (node.barrier().is_synced() && in_regular_ && !is_compared_) {
        compare_state(0);
        is_compared_ = true;
        if (around_.is_traced()) {
            around_.tell(id_, "synced", "replicas are equal");
        }
    }
}

void Machine::compare_state(totem::Seq seq) {
    service::Node& node = *executive_->node;
    if (!node.barrier().is_synced()) {
        return;
    }
    for (service::Service* service : node.table().all()) {
        if (!service->is_synchronised()) {
            continue;
        }
        std::string state;
        if (service->save(state) != AIS_OK) {
            around_.fail(std::string(service->name()) + " of node " + std::to_string(id_.value()) +
                         " cannot save its state");
            continue;
        }
        around_.history().state(life_id(), service->name(), seq, digest_of(as_bytes(state)));
    }
}

std::string Machine::save(std::uint16_t service) {
    std::string state;
    if (executive_) {
        service::Service* const found = executive_->node->table().find(service);
        if (found != nullptr && found->is_synchronised() && found->save(state) != AIS_OK) {
            around_.fail("node " + std::to_string(id_.value()) + " cannot save its state");
        }
    }
    return state;
}

// Timers of plugins.

TimerId Machine::start(Instant at, std::function<void()> fire) {
    const TimerId id = ++last_timer_;
    timers_.emplace(std::pair(at, id), std::move(fire));
    timer_times_[id] = at;
    return id;
}

bool Machine::cancel(TimerId id) {
    const auto at = timer_times_.find(id);
    if (at == timer_times_.end()) {
        return false;
    }
    timers_.erase({at->second, id});
    timer_times_.erase(at);
    return true;
}

// Clients.

Client* Machine::connect(std::uint16_t service,
                         Bytes hello,
                         ClientHandler& handler,
                         std::uint32_t pid) {
    if (!executive_ || paused_) {
        return nullptr;  // nobody answers
    }
    Executive& my = *executive_;
    const ipc::Peer peer{pid != 0 ? pid : next_pid_++, 1000, 1000};
    ClientOwner& owner = *this;
    Log& log = *this;
    my.clients.push_back(std::make_unique<SimClient>(
        owner, handler, settings_.ipc, peer, service, id_.value(), log));
    SimClient& client = *my.clients.back();
    client.number = ++last_client_;
    const ais_status status = my.node->sessions().open(client.session(), hello);
    if (status != AIS_OK) {
        my.clients.pop_back();
        return nullptr;
    }
    if (stuck_) {
        client.set_stuck(true);
    }
    around_.wake_at(id_, incarnation_, around_.world_time());
    return &client;
}

std::size_t Machine::client_count() const {
    return executive_ ? executive_->clients.size() : 0;
}

void Machine::set_clients_stuck(bool stuck) {
    stuck_ = stuck;
    if (executive_) {
        for (const auto& client : executive_->clients) {
            client->set_stuck(stuck);
        }
    }
}

void Machine::wants_dispatch(SimClient& client) {
    if (client.is_waiting_to_run || client.has_ended()) {
        return;
    }
    client.is_waiting_to_run = true;
    if (executive_->runnable.empty()) {
        around_.dispatch_at(id_, incarnation_, around_.world_time() + wake_latency);
    }
    executive_->runnable.push_back(&client);
}

void Machine::dispatch() {
    if (!executive_) {
        return;
    }
    const std::uint64_t life = incarnation_;
    for (SimClient* client : std::exchange(executive_->runnable, {})) {
        // What a handler does may end lives, but clients that end stay until the queue removes
        // them.
        if (!executive_ || incarnation_ != life) {
            return;
        }
        client->is_waiting_to_run = false;
        if (!client->has_ended()) {
            client->run();
        }
    }
}

void Machine::rings(SimClient& client) {
    executive_->node->sessions().on_wake(client.session());
    around_.wake_at(id_, incarnation_, around_.world_time() + microseconds(1));
}

void Machine::has_ended(SimClient& client) {
    later_with(client, wake_latency, [this](SimClient& ended) {
        if (!ended.session().finish()) {
            remove_client(ended, false, {});
        } else {
            around_.wake_at(id_, incarnation_, around_.world_time());
        }
    });
}

void Machine::is_finished(SimClient& client) {
    later_with(client, Duration(0), [this](SimClient& gone) { remove_client(gone, false, {}); });
}

void Machine::is_cut_off(SimClient& client, std::string_view why) {
    // Workloads send no broken requests: the new build knows less of it than the old one did.
    if (!builds_.empty() && why.find("request") != std::string_view::npos) {
        around_.fail("replacement: a client of node " + std::to_string(id_.value()) +
                     " is cut off: " + std::string(why));
    }
    later_with(client, wake_latency, [this, why = std::string(why)](SimClient& gone) {
        remove_client(gone, true, why);
    });
}

// When the executive runs, if the client is still there.
void Machine::later_with(SimClient& client,
                         Duration delay,
                         std::function<void(SimClient&)> action) {
    const std::uint64_t number = client.number;
    call_later(delay, [this, number, action = std::move(action)] {
        const auto& clients = executive_->clients;
        const auto at = std::find_if(
            clients.begin(), clients.end(), [&](const auto& one) { return one->number == number; });
        if (at == clients.end()) {
            return;
        }
        if (paused_) {
            later_with(**at, pause_check, action);
        } else {
            action(**at);
        }
    });
}

void Machine::remove_client(SimClient& client, bool tell, const std::string& why) {
    auto& clients = executive_->clients;
    const auto at = std::find_if(
        clients.begin(), clients.end(), [&](const auto& one) { return one.get() == &client; });
    AIS_ASSERT(at != clients.end());
    executive_->node->sessions().close(client.session());
    std::erase(executive_->runnable, &client);
    ClientHandler& handler = client.handler();
    const bool had_ended = client.has_ended();
    clients.erase(at);
    around_.wake_at(id_, incarnation_, around_.world_time());
    if (tell && !had_ended) {
        handler.on_closed(why);
    }
}

// What its services ask about it.

std::string_view Machine::address(std::uint32_t ring) const {
    return ring == 0 ? std::string_view(address_) : std::string_view();
}

std::int64_t Machine::boot_time() const {
    return (epoch + wall_offset_).count();
}

std::int64_t Machine::wall_clock() const {
    return (epoch + wall_offset_ + now().time_since_epoch()).count();
}

// Log lines of this node.

void Machine::write(Level, std::string_view subsystem, std::string_view id, std::string_view text) {
    around_.tell(id_, id.empty() ? subsystem : id, text);
}

bool Machine::wants(Level, std::string_view) const {
    return around_.is_traced();
}

}  // namespace ais::sim
