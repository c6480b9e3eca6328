// SPDX-License-Identifier: BSD-3-Clause
//
// The stage for kernel/totem: a simulated cluster, commands that act on it, and
// what its applications saw.
//
// The answer to a block is what happened in it.  Nodes that saw the
// same are named together: "1,2: deliver 3 safe hello".

#pragma once

#include "scenario/stage.hpp"
#include "sim/world.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace ais::scenario {

class TotemStage final : public Stage, private sim::World::Watcher {
  public:
    TotemStage();

    std::string run(std::string_view line) override;
    std::string take_seen() override { return seen_.take(); }
    // All properties of extended virtual synchrony hold so far.
    std::string check() override;

  private:
    using Words = std::vector<std::string>;
    struct Drop {
        std::uint8_t type;  // 0: any
        NodeId from;        // invalid: any
        NodeId to;
        std::size_t skip;  // matching ones that pass first
        std::size_t count;
    };
    struct Command {
        const char* name;
        std::string (TotemStage::*run)(const Words&);
    };
    static const Command commands[];

    // One handler per command; the table in commands.cpp has their syntax.
    std::string cluster(const Words& words);
    std::string set(const Words& words);
    std::string advance(const Words& words);
    std::string until(const Words& words);
    std::string partition(const Words& words);
    std::string heal(const Words& words);
    std::string cut(const Words& words);
    std::string mend(const Words& words);
    std::string crash(const Words& words);
    std::string start(const Words& words);
    std::string leave(const Words& words);
    std::string pause(const Words& words);
    std::string resume(const Words& words);
    std::string congest(const Words& words);
    std::string send(const Words& words);
    std::string drop(const Words& words);
    std::string show(const Words& words);

    void on_configure(NodeId node, const totem::Configuration& now) override;
    void on_deliver(NodeId node, const totem::Deliver& what, Bytes text) override;
    bool is_dropped(NodeId from, NodeId to, Bytes datagram);
    sim::World world_;
    totem::Config config_;
    std::vector<Drop> drops_;
    Seen seen_;
};

}  // namespace ais::scenario
