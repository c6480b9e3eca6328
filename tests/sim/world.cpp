// SPDX-License-Identifier: BSD-3-Clause

#include "sim/world.hpp"

#include "base/assert.hpp"

#include <ais/codec.hpp>

#include <algorithm>

namespace ais::sim {

namespace {

// Number of message, incarnation, node: in front of every payload.
constexpr std::size_t stamp_size = 20;
// Datagrams that wait for a paused node.
constexpr std::size_t socket_max = 400;

}  // namespace

struct World::Node : totem::Source, totem::Effects {
    struct Outgoing {
        Guarantee guarantee;
        std::uint64_t number;
        std::string text;
    };

    Node(World& of, NodeId self) : world(of), id(self) {}
    virtual ~Node() = default;

    // totem::Source
    [[nodiscard]] std::size_t backlog() const override { return outgoing.size(); }
    std::size_t take(MutableBytes room, Guarantee& guarantee) override {
        if (outgoing.empty()) {
            return 0;
        }
        const Outgoing message = std::move(outgoing.front());
        outgoing.pop_front();
        Writer to(room);
        to.u64(message.number);
        to.u64(incarnation);
        to.u32(id.value());
        to.bytes(as_bytes(message.text));
        AIS_ASSERT(to.ok());
        guarantee = message.guarantee;
        world.history_.send(life(), world.now_, {life(), message.number}, message.guarantee);
        return to.size();
    }

    // totem::Effects
    void emit(const totem::Effect& effect) override {
        if (const auto* what = std::get_if<totem::Transmit>(&effect)) {
            world.transmit(id, *what);
        } else if (const auto* persist = std::get_if<totem::Persist>(&effect)) {
            AIS_ASSERT(persist->ring_seq > stored_ring_seq || wiped_once);
            stored_ring_seq = persist->ring_seq;
        } else if (const auto* deliver = std::get_if<totem::Deliver>(&effect)) {
            Reader from(deliver->payload);
            MessageId message;
            message.number = from.u64();
            message.origin.incarnation = from.u64();
            message.origin.node = NodeId(from.u32());
            AIS_ASSERT(from.ok() && message.origin.node == deliver->sender);
            world.history_.deliver(
                life(), world.now_, message, deliver->guarantee, deliver->ring, deliver->seq);
            if (world.watcher_ != nullptr) {
                world.watcher_->on_deliver(id, *deliver, from.rest());
            }
        } else if (const auto* configure = std::get_if<totem::Configure>(&effect)) {
            world.history_.configure(life(), world.now_, *configure->now);
            if (world.watcher_ != nullptr) {
                world.watcher_->on_configure(id, *configure->now);
            }
        }
    }

    [[nodiscard]] LifeId life() const { return {id, incarnation}; }

    World& world;
    NodeId id;
    std::unique_ptr<totem::Engine> engine;
    std::uint64_t incarnation = 0;
    std::uint64_t stored_ring_seq = 0;
    bool wiped_once = false;
    bool paused = false;
    std::uint64_t number = 0;
    std::deque<Outgoing> outgoing;
    std::deque<std::pair<NodeId, std::shared_ptr<const std::string>>> waiting;
    std::optional<Instant> armed;
};

World::World(std::uint64_t seed)
    : prng_(seed), network_(prng_), log_(&null_log()), now_(std::chrono::seconds(1)) {}

World::~World() = default;

World::Node& World::node_of(NodeId id) {
    const auto at = nodes_.find(id);
    AIS_ASSERT(at != nodes_.end());
    return *at->second;
}

void World::push(Item item) {
    item.order = ++order_;
    items_.push(std::move(item));
}

void World::start(NodeId id, bool wiped) {
    auto& slot = nodes_[id];
    if (!slot) {
        slot = std::make_unique<Node>(*this, id);
    }
    Node& node = *slot;
    AIS_ASSERT(!node.engine);
    if (wiped) {
        node.stored_ring_seq = 0;
        node.wiped_once = true;
    }
    node.incarnation = prng_.next() | 1;
    node.paused = false;
    node.number = 0;
    node.outgoing.clear();
    node.waiting.clear();
    node.armed.reset();
    totem::Engine::Identity identity;
    identity.self = id;
    identity.incarnation = node.incarnation;
    identity.stored_ring_seq = node.stored_ring_seq;
    identity.seed = prng_.next();
    history_.start(node.life());
    node.engine = std::make_unique<totem::Engine>(config_, identity, node, *log_);
    node.engine->start(now_, node);
    rearm(node);
}

void World::crash(NodeId id) {
    Node& node = node_of(id);
    AIS_ASSERT(node.engine);
    node.engine.reset();
    history_.end(node.life());
}

void World::leave(NodeId id) {
    Node& node = node_of(id);
    node.engine->leave(now_, node);
    crash(id);
}

void World::pause(NodeId id) {
    node_of(id).paused = true;
}

void World::resume(NodeId id) {
    Node& node = node_of(id);
    if (!node.engine || !node.paused) {
        return;
    }
    node.paused = false;
    // A loop may look at its timers or at its sockets first.
    const bool timers_first = prng_.chance(1, 2);
    if (timers_first) {
        node.engine->expire(now_, node);
    }
    auto waiting = std::move(node.waiting);
    node.waiting.clear();
    for (const auto& [from, datagram] : waiting) {
        node.engine->receive(now_, 0, from, as_bytes(*datagram), node);
    }
    node.engine->expire(now_, node);
    if (!node.outgoing.empty()) {
        node.engine->wake(now_, node);
    }
    node.armed.reset();
    rearm(node);
}

void World::set_congested(NodeId id, bool congested) {
    if (is_alive(id)) {
        node_of(id).engine->set_congested(congested);
        rearm(node_of(id));
    }
}

std::size_t World::backlog(NodeId id) const {
    const auto at = nodes_.find(id);
    return at != nodes_.end() ? at->second->outgoing.size() : 0;
}

bool World::is_alive(NodeId id) const {
    const auto at = nodes_.find(id);
    return at != nodes_.end() && at->second->engine;
}

bool World::is_paused(NodeId id) const {
    const auto at = nodes_.find(id);
    return at != nodes_.end() && at->second->paused;
}

const totem::Engine* World::engine(NodeId id) const {
    const auto at = nodes_.find(id);
    return at != nodes_.end() ? at->second->engine.get() : nullptr;
}

std::vector<NodeId> World::living() const {
    std::vector<NodeId> ids;
    for (const auto& [id, node] : nodes_) {
        if (node->engine) {
            ids.push_back(id);
        }
    }
    return ids;
}

void World::send(NodeId id, Guarantee guarantee, std::size_t size) {
    const std::size_t bound = node_of(id).engine->payload_max();
    size = std::clamp(size, stamp_size, bound);
    send(id, guarantee, std::string(size - stamp_size, 'x'));
}

void World::send(NodeId id, Guarantee guarantee, std::string text) {
    Node& node = node_of(id);
    AIS_ASSERT(node.engine && text.size() + stamp_size <= node.engine->payload_max());
    const bool was_empty = node.outgoing.empty();
    node.outgoing.push_back({guarantee, ++node.number, std::move(text)});
    if (was_empty && !node.paused) {
        node.engine->wake(now_, node);
        rearm(node);
    }
}

void World::at(Instant when, std::function<void()> action) {
    Item item{};
    item.at = std::max(when, now_);
    item.action = std::make_shared<std::function<void()>>(std::move(action));
    push(std::move(item));
}

void World::transmit(NodeId from, const totem::Transmit& what) {
    std::shared_ptr<const std::string> shared;
    for (const auto& [id, node] : nodes_) {
        if (id == from || (what.to && *what.to != id)) {
            continue;
        }
        arrivals_.clear();
        network_.plan(now_, from, id, what.datagram, arrivals_);
        for (const Instant arrival : arrivals_) {
            if (!shared) {
                shared = std::make_shared<const std::string>(as_text(what.datagram));
            }
            Item item{};
            item.at = arrival;
            item.to = id;
            item.from = from;
            item.datagram = shared;
            push(std::move(item));
        }
    }
}

void World::rearm(Node& node) {
    if (!node.engine || node.paused) {
        return;
    }
    const auto deadline = node.engine->deadline();
    if (!deadline || (node.armed && *node.armed <= *deadline && *node.armed >= now_)) {
        return;
    }
    node.armed = std::max(*deadline, now_);
    Item item{};
    item.at = *node.armed;
    item.to = node.id;
    item.timer = true;
    push(std::move(item));
}

void World::run(const Item& item) {
    if (item.action) {
        (*item.action)();
        return;
    }
    Node& node = node_of(item.to);
    if (item.timer) {
        if (node.armed == item.at) {
            node.armed.reset();
        }
        if (node.engine && !node.paused) {
            node.engine->expire(now_, node);
            rearm(node);
        }
        return;
    }
    if (!node.engine) {
        return;
    }
    if (node.paused) {
        if (node.waiting.size() < socket_max) {
            node.waiting.emplace_back(item.from, item.datagram);
        }
        return;
    }
    ++datagrams_;
    node.engine->receive(now_, 0, item.from, as_bytes(*item.datagram), node);
    rearm(node);
}

void World::run_until(Instant when) {
    while (!items_.empty() && items_.top().at <= when) {
        const Item item = items_.top();
        items_.pop();
        now_ = std::max(now_, item.at);
        run(item);
    }
    now_ = std::max(now_, when);
}

void World::close_history() {
    for (const auto& [id, node] : nodes_) {
        if (node->engine) {
            history_.unsent(node->life(), node->outgoing.size());
        }
    }
}

}  // namespace ais::sim
