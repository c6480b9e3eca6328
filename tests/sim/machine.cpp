// SPDX-License-Identifier: BSD-3-Clause

#include "sim/machine.hpp"

#include "base/assert.hpp"
#include "sim/live_replacement.hpp"
#include "totem/stats.hpp"

#include <ais/codec.hpp>

#include <algorithm>
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
    std::vector<std::unique_ptr<plugin::ServiceGuard>> services;
    std::vector<std::unique_ptr<SimClient>> clients;
    std::vector<SimClient*> runnable;
    std::unique_ptr<LiveReplacement> replacement;  // under way
};

Machine::Machine(Surroundings& around, NodeId id, const MachineSettings& settings)
    : around_(around),
      id_(id),
      settings_(settings),
      host_name_("node" + std::to_string(id.value())),
      address_("10.0." + std::to_string(id.value() / 256) + '.' +
               std::to_string(id.value() % 256)) {
    // Since boot: anything up to some days.
    const auto uptime =
        Duration(static_cast<std::int64_t>(1 + around_.prng().below(1U << 18)) * 1000000000);
    clock_.start(around_.world_time(), Instant(uptime));
}

Machine::~Machine() {
    if (executive_) {
        executive_->replacement.reset();
        executive_->services.clear();
        executive_->plugins.reset();
        executive_->clients.clear();
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
    taken_ = 0;
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
    }
    my.node->start(now());
    after_call();
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
    executive_->services.clear();
    executive_->plugins.reset();
    executive_->clients.clear();
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

void Machine::arrive(totem::LinkId link, NodeId from, Bytes datagram) {
    if (!executive_) {
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

void Machine::receive(totem::LinkId link, NodeId from, Bytes datagram) {
    service::Node& node = *executive_->node;
    if (Coverage* coverage = around_.coverage()) {
        Coverage::State state{};
        if (Coverage::state_of(node.engine(), state)) {
            coverage->add(state, Coverage::classify(node.engine(), from, datagram));
        }
    }
    node.on_datagram(now(), link, from, datagram);
    tell_state();
    compare_when_synced();
    turn();
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
    around_.transmit(id_, what);
}

void Machine::store(std::uint64_t ring_seq) {
    if (ring_seq < stored_ring_seq_) {
        around_.fail("node " + std::to_string(id_.value()) + " stores a lower ring number");
    }
    stored_ring_seq_ = ring_seq;
}

void Machine::on_configuration(const totem::Configuration& now) {
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
