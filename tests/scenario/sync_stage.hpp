// SPDX-License-Identifier: BSD-3-Clause
//
// The stage for kernel/sync: real groups and barriers on the bus of its tests
// (kernel/sync/test_bus.hpp), which stands for the ring.  Services are sets of words.
//
// A step is one payload that all members of a ring get; so a transcript can interrupt an exchange
// wherever it likes.

#pragma once

#include "scenario/stage.hpp"
#include "sync/test_bus.hpp"

namespace ais::scenario {

class SyncStage final : public Stage {
  public:
    SyncStage();

    std::string run(std::string_view line) override;
    std::string take_seen() override { return seen_.take(); }
    // Who is synced in a ring is equal to the others that are, and nobody was given a message
    // before.
    std::string check() override;

  private:
    using Words = std::vector<std::string>;
    struct Command {
        const char* name;
        std::string (SyncStage::*run)(const Words&);
    };
    static const Command commands[];

    // One handler per command; the table in sync_stage.cpp has their syntax.
    std::string node(const Words& words);
    std::string put(const Words& words);
    std::string ring(const Words& words);
    std::string say(const Words& words);
    std::string step(const Words& words);
    std::string run_all(const Words& words);
    std::string last(const Words& words);
    std::string compare(const Words& words);
    std::string crash(const Words& words);
    std::string tamper(const Words& words);
    std::string show(const Words& words);

    [[nodiscard]] bool is_there(std::uint32_t id) const { return living_.count(id) != 0; }

    sync::TestBus bus_;
    std::set<std::uint32_t> living_;
    std::set<std::uint32_t> tampered_;  // whose next chunk is damaged
    Seen seen_;
};

}  // namespace ais::scenario
