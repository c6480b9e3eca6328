// SPDX-License-Identifier: BSD-3-Clause
//
// A few engines on a table, for unit tests and fuzzing: a queue of datagrams
// instead of a network, a clock that the test moves.  tests/sim has the real
// thing; here nothing is random and nothing is checked.

#pragma once

#include "totem/engine.hpp"
#include "totem/stats.hpp"

#include <ais/codec.hpp>

#include <algorithm>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace ais::totem::testing {

class TinyCluster {
  public:
    struct Datagram {
        NodeId from;
        std::optional<NodeId> to;
        std::string bytes;
    };

    struct Node final : Source, Effects {
        Node(TinyCluster& of, NodeId self) : cluster(of), id(self) {}

        [[nodiscard]] std::size_t backlog() const override { return waiting; }
        std::size_t take(MutableBytes room, Guarantee& guarantee) override {
            if (waiting == 0) {
                return 0;
            }
            --waiting;
            guarantee = next_guarantee;
            std::fill_n(room.begin(), 64, std::uint8_t{7});
            return 64;
        }
        void emit(const Effect& effect) override {
            if (const auto* what = std::get_if<Transmit>(&effect)) {
                ++transmits;
                if (!cluster.is_silent) {
                    cluster.wire.push_back({id, what->to, std::string(as_text(what->datagram))});
                }
                if (what->traffic == Traffic::token && persists == 0) {
                    token_before_persist = true;
                }
            } else if (std::get_if<Persist>(&effect) != nullptr) {
                ++persists;
            } else if (const auto* deliver = std::get_if<Deliver>(&effect)) {
                ++delivered;
                garbled += as_text(deliver->payload) == std::string(64, 7) ? 0 : 1;
                last_sender = deliver->sender;
            } else if (const auto* configure = std::get_if<Configure>(&effect)) {
                kinds.push_back(configure->now->kind);
            }
        }

        TinyCluster& cluster;
        NodeId id;
        std::unique_ptr<Engine> engine;
        std::size_t waiting = 0;
        Guarantee next_guarantee = Guarantee::agreed;
        std::size_t transmits = 0;
        std::size_t persists = 0;
        std::size_t delivered = 0;
        std::size_t garbled = 0;  // of these
        std::size_t landed = 0;   // datagrams that were put where the engine wanted them
        NodeId last_sender;
        bool token_before_persist = false;
        std::vector<Configuration::Kind> kinds;
    };

    explicit TinyCluster(std::size_t count, const Config& config = small()) {
        for (std::size_t i = 1; i <= count; ++i) {
            const NodeId id(static_cast<ais_node_id>(i));
            nodes.push_back(std::make_unique<Node>(*this, id));
            Engine::Identity identity;
            identity.self = id;
            identity.incarnation = 1000 + i;
            identity.seed = i;
            nodes.back()->engine =
                std::make_unique<Engine>(config, identity, *nodes.back(), null_log());
        }
        for (auto& node : nodes) {
            node->engine->start(now, *node);
        }
    }

    static Config small() {
        Config config;
        config.window_size = 20;
        config.max_messages = 10;
        config.accelerated_window = 5;
        config.log_slots = 12 * AIS_NODES_MAX;
        return config;
    }

    // Hands over the first datagram on the wire; false if there is none.
    bool step() {
        if (wire.empty()) {
            return false;
        }
        const Datagram datagram = std::move(wire.front());
        wire.pop_front();
        now += std::chrono::microseconds(10);
        for (auto& node : nodes) {
            if (node->id != datagram.from && (!datagram.to || *datagram.to == node->id)) {
                node->engine->receive(now, 0, datagram.from, land(*node, datagram), *node);
            }
        }
        return true;
    }

    // With `lands`, as a seal does that opens to where datagrams are kept.
    Bytes land(Node& node, const Datagram& datagram) const {
        const Bytes bytes = as_bytes(datagram.bytes);
        const MutableBytes to = lands ? node.engine->landing() : MutableBytes();
        if (to.size() < bytes.size()) {
            return bytes;
        }
        ++node.landed;
        copy_bytes(to.data(), bytes);
        return to.first(bytes.size());
    }

    // Moves the clock to the next deadline, at most by `bound`.
    void tick(Duration bound = std::chrono::seconds(1)) {
        Instant next = now + bound;
        for (const auto& node : nodes) {
            if (const auto at = node->engine->deadline()) {
                next = std::min(next, *at);
            }
        }
        now = std::max(now, next);
        for (auto& node : nodes) {
            node->engine->expire(now, *node);
        }
    }

    // Until all are in one ring; false if that does not happen.
    bool form() {
        for (int i = 0; i < 100000; ++i) {
            if (std::all_of(nodes.begin(), nodes.end(), [&](const auto& node) {
                    return node->engine->is_operational() &&
                           node->engine->configuration().members.size() == nodes.size();
                })) {
                return true;
            }
            if (!step()) {
                tick();
            } else if (i % 16 == 0) {
                tick(Duration::zero());
            }
        }
        return false;
    }

    // So many datagrams (or timers, when there are none).
    void run(int steps) {
        for (int i = 0; i < steps; ++i) {
            if (!step()) {
                tick();
            } else if (i % 16 == 0) {
                tick(Duration::zero());
            }
        }
    }

    Node& operator[](std::size_t at) { return *nodes[at]; }

    Instant now{std::chrono::seconds(1)};
    std::deque<Datagram> wire;
    std::vector<std::unique_ptr<Node>> nodes;
    bool is_silent = false;
    bool lands = false;
};

}  // namespace ais::totem::testing
