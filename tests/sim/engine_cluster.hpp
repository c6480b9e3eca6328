// SPDX-License-Identifier: BSD-3-Clause
//
// Bare engines on one switch, in virtual time: what ais-detection and ais-scale measure.
//
// No checks and no history; world.hpp is for what is judged.  Equal seeds give equal runs.

#pragma once

#include "base/prng.hpp"
#include "totem/engine.hpp"
#include "totem/stats.hpp"

#include <ais/codec.hpp>

#include <algorithm>
#include <deque>
#include <memory>
#include <queue>
#include <string>
#include <vector>

namespace ais::sim {

using namespace totem;
using std::chrono::microseconds;
using std::chrono::milliseconds;

struct Profile {
    const char* name;
    int detection, token, retransmit, hold, join, consensus, merge;  // ms
};
// As kernel/config/settings.cpp derives them (kernel/settings_test.cpp has the same numbers).
inline constexpr Profile profiles[] = {{"fast", 100, 200, 18, 10, 4, 48, 200},
                                       {"lan", 500, 1000, 90, 140, 20, 240, 200}};

inline Config config_of(const Profile& profile) {
    Config config;
    config.detection_time = milliseconds(profile.detection);
    config.token_timeout = milliseconds(profile.token);
    config.token_retransmit_timeout = milliseconds(profile.retransmit);
    config.hold_timeout = milliseconds(profile.hold);
    config.join_timeout = milliseconds(profile.join);
    config.consensus_timeout = milliseconds(profile.consensus);
    config.merge_timeout = milliseconds(profile.merge);
    config.window_size = 128;
    config.max_messages = config.window_size;
    config.accelerated_window = config.window_size / 2;
    config.log_slots = 12 * 128;
    return config;
}

// Each node has a port of its own on one switch.  A port sends and gets one datagram after the
// other.
struct EngineNetwork {
    Duration delay{};
    Duration jitter{};
    std::uint32_t loss_ppm = 0;
    std::int64_t ns_per_byte = 0;  // of a port, in each direction; 8 is 1 Gbit/s
    bool is_unicast = false;       // the sender's port sends a copy for each receiver
    Duration work{};               // of a processor for each datagram that it sends or gets
};

class EngineCluster {
  public:
    struct Node final : Source, Effects {
        Node(EngineCluster& of, NodeId self) : cluster(of), id(self) {}
        [[nodiscard]] std::size_t backlog() const override {
            const Outside outside(cluster);
            return waiting;
        }
        std::size_t take(MutableBytes room, Guarantee&) override {
            const Outside outside(cluster);
            if (waiting == 0) {
                return 0;
            }
            waiting -= cluster.is_saturated ? 0 : 1;
            const std::size_t size = std::min(cluster.message_size, room.size());
            std::fill_n(room.begin(), size, std::uint8_t{7});
            return size;
        }
        void emit(const Effect& effect) override {
            const Outside outside(cluster);
            if (std::holds_alternative<Deliver>(effect)) {
                ++delivered;
            }
            if (const auto* what = std::get_if<Transmit>(&effect)) {
                cluster.transmit(id, *what);
            } else if (const auto* configure = std::get_if<Configure>(&effect)) {
                if (configure->now->kind == Configuration::Kind::regular) {
                    ++cluster.changes;
                    cluster.left += configure->now->members.size() < cluster.nodes.size() ? 1 : 0;
                }
            }
        }
        EngineCluster& cluster;
        NodeId id;
        std::unique_ptr<Engine> engine;
        std::size_t waiting = 0;
        bool is_paused = false;
        bool is_cut = false;
        std::uint64_t delivered = 0;
        std::uint64_t bytes_sent = 0;  // by its port
        std::uint64_t bytes_got = 0;
        Instant sender_free{};  // its processor and its port have done what they were given
        Instant port_out_free{};
        Instant port_in_free{};
        Instant receiver_free{};
        Instant armed = Instant::max();
        std::deque<std::pair<NodeId, std::shared_ptr<const std::string>>> queued;
    };

    EngineCluster(std::size_t count,
                  const Config& config,
                  const EngineNetwork& network,
                  std::uint64_t seed)
        : network_(network), prng_(seed) {
        for (std::size_t i = 1; i <= count; ++i) {
            const NodeId id(static_cast<ais_node_id>(i));
            nodes.push_back(std::make_unique<Node>(*this, id));
            Engine::Identity identity;
            identity.self = id;
            identity.incarnation = prng_.next() | 1;
            identity.seed = prng_.next();
            nodes.back()->engine =
                std::make_unique<Engine>(config, identity, *nodes.back(), null_log());
        }
        for (auto& node : nodes) {
            node->engine->start(now, *node);
            rearm(*node);
        }
    }

    void run_until(Instant end) {
        while (!events_.empty() && events_.top().at <= end) {
            const Event event = events_.top();
            events_.pop();
            now = std::max(now, event.at);
            Node& node = *nodes[event.to];
            if (!event.datagram) {
                if (node.armed == event.at && !node.is_paused) {
                    node.armed = Instant::max();
                    in_engine([&] { node.engine->expire(now, node); });
                    rearm(node);
                }
            } else if (node.is_paused) {
                if (node.queued.size() < 400) {
                    node.queued.emplace_back(event.from, event.datagram);
                }
            } else {
                in_engine([&] {
                    node.engine->receive(now, 0, event.from, as_bytes(*event.datagram), node);
                });
                rearm(node);
            }
        }
        now = std::max(now, end);
    }

    template <typename Done>
    bool run_while_not(Done done, Duration limit) {
        const Instant end = now + limit;
        while (!done()) {
            if (now >= end) {
                return false;
            }
            run_until(now + microseconds(100));
        }
        return true;
    }

    bool is_ring_of(std::size_t count, std::size_t without) const {
        for (std::size_t i = 0; i < nodes.size(); ++i) {
            const auto& engine = *nodes[i]->engine;
            if (i != without &&
                (!engine.is_operational() || engine.configuration().members.size() != count)) {
                return false;
            }
        }
        return true;
    }

    void send(std::size_t at) {
        Node& node = *nodes[at];
        ++node.waiting;
        if (!node.is_paused) {
            in_engine([&] { node.engine->wake(now, node); });
            rearm(node);
        }
    }

    // From now on everybody always has something to say.
    void saturate() {
        is_saturated = true;
        for (std::size_t i = 0; i < nodes.size(); ++i) {
            nodes[i]->waiting += 1000;
            send(i);
        }
    }

    void pause(std::size_t at) { nodes[at]->is_paused = true; }

    void resume(std::size_t at) {
        Node& node = *nodes[at];
        node.is_paused = false;
        if (prng_.chance(1, 2)) {
            node.engine->expire(now, node);
        }
        auto queued = std::move(node.queued);
        node.queued.clear();
        for (const auto& [from, datagram] : queued) {
            node.engine->receive(now, 0, from, as_bytes(*datagram), node);
        }
        node.engine->expire(now, node);
        node.engine->wake(now, node);
        node.armed = Instant::max();
        rearm(node);
    }

    std::vector<std::unique_ptr<Node>> nodes;
    Instant now{std::chrono::seconds(1)};
    std::uint64_t changes = 0;  // regular configurations
    std::uint64_t left = 0;     // of these, with less than all
    std::uint64_t datagrams = 0;
    std::size_t message_size = 64;
    bool is_saturated = false;
    // Told when the engine is entered and left, so that its instructions alone are counted.
    void (*toggle_meter)() = nullptr;

  private:
    // For the time of a call of ours from inside of an engine.
    class Outside {
      public:
        explicit Outside(const EngineCluster& of) : of_(of) { of_.toggle(); }
        ~Outside() { of_.toggle(); }
        Outside(const Outside&) = delete;
        Outside& operator=(const Outside&) = delete;

      private:
        const EngineCluster& of_;
    };
    void toggle() const {
        if (toggle_meter != nullptr) {
            toggle_meter();
        }
    }
    template <typename Call>
    void in_engine(Call call) const {
        toggle();
        call();
        toggle();
    }

    struct Event {
        Instant at;
        std::uint64_t order = 0;
        std::size_t to = 0;
        NodeId from;
        std::shared_ptr<const std::string> datagram;  // none: a timer
        bool operator<(const Event& other) const {
            return at != other.at ? at > other.at : order > other.order;
        }
    };

    void rearm(Node& node) {
        const auto at = node.engine->deadline();
        if (node.is_paused || !at || (node.armed <= *at && node.armed >= now)) {
            return;
        }
        node.armed = std::max(*at, now);
        events_.push({node.armed, ++order_, node.id.value() - 1, {}, nullptr});
    }

    void transmit(NodeId from, const Transmit& what) {
        std::shared_ptr<const std::string> bytes;
        Node& sender = *nodes[from.value() - 1];
        const Duration wire(static_cast<std::int64_t>(what.datagram.size()) * network_.ns_per_byte);
        Instant out{};
        for (auto& node : nodes) {
            if (node->id == from || (what.to && *what.to != node->id)) {
                continue;
            }
            if (!bytes || network_.is_unicast) {
                sender.sender_free = std::max(now, sender.sender_free) + network_.work;
                out = std::max(sender.sender_free, sender.port_out_free) + wire;
                sender.port_out_free = out;
                sender.bytes_sent += what.datagram.size();
            }
            if (!bytes) {
                bytes = std::make_shared<const std::string>(as_text(what.datagram));
            }
            if (sender.is_cut || node->is_cut || prng_.chance(network_.loss_ppm, 1000000)) {
                continue;
            }
            ++datagrams;
            node->bytes_got += bytes->size();
            const auto extra = prng_.below(static_cast<std::uint64_t>(network_.jitter.count()) + 1);
            const Instant there = out + network_.delay + Duration(static_cast<std::int64_t>(extra));
            // Why in the order of sending: a switch does not overtake by more than the jitter.
            node->port_in_free = std::max(there, node->port_in_free + wire);
            node->receiver_free = std::max(node->port_in_free, node->receiver_free) + network_.work;
            events_.push({network_.ns_per_byte == 0 ? there : node->receiver_free,
                          ++order_,
                          node->id.value() - 1,
                          from,
                          bytes});
        }
    }

    EngineNetwork network_;
    Prng prng_;
    std::uint64_t order_ = 0;
    std::priority_queue<Event> events_;
};

}  // namespace ais::sim
