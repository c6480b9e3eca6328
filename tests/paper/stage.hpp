// SPDX-License-Identifier: BSD-3-Clause
//
// A few engines, and what their applications saw, as words.

#pragma once

#include "sim/world.hpp"
#include "totem/packet.hpp"

#include <sstream>

namespace ais::paper {

using std::chrono::milliseconds;
using std::chrono::seconds;
using totem::Guarantee;
using totem::Members;

inline NodeId node(std::size_t number) {
    return NodeId(static_cast<ais_node_id>(number));
}

class Stage final : sim::World::Watcher {
  public:
    explicit Stage(std::size_t nodes, std::uint32_t accelerated = 0, Log& log = null_log())
        : world(1) {
        world.log_to(log);
        totem::Config config;
        config.accelerated_window = accelerated;
        world.configure(config);
        world.watch(this);
        world.network().set_filter([this](NodeId from, NodeId to, Bytes datagram) {
            totem::PacketHeader header;
            if (decode(datagram, header) != totem::Verdict::ok) {
                return false;
            }
            return on_datagram && on_datagram(from, to, header.type, datagram);
        });
        for (std::size_t i = 1; i <= nodes; ++i) {
            world.start(node(i));
        }
        advance(seconds(1));
        seen.clear();
    }

    void advance(Duration time) { world.run_until(world.now() + time); }
    void send(std::size_t from, Guarantee guarantee, const std::string& text) {
        world.send(node(from), guarantee, text);
    }
    // Every property of extended virtual synchrony, at rest.
    std::vector<std::string> broken() {
        world.close_history();
        return check_all(world.history()).texts;
    }

    sim::World world;
    // What each saw, such as "a b T{1,2} c ?d R{1,2} e": messages, transitional, behind a hole,
    // regular.
    std::map<NodeId, std::string> seen;
    // True: it is lost.
    std::function<bool(NodeId, NodeId, totem::PacketType, Bytes)> on_datagram;

  private:
    void add(NodeId at, const std::string& what) {
        std::string& all = seen[at];
        all += (all.empty() ? "" : " ") + what;
    }
    void on_configure(NodeId at, const totem::Configuration& now) override {
        std::ostringstream to;
        to << (now.kind == totem::Configuration::Kind::regular ? 'R' : 'T') << now.members;
        add(at, to.str());
    }
    void on_deliver(NodeId at, const totem::Deliver& what, Bytes text) override {
        add(at, (what.is_behind_hole ? "?" : "") + std::string(as_text(text)));
    }
};

}  // namespace ais::paper
