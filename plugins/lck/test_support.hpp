// SPDX-License-Identifier: BSD-3-Clause
//
// A state in words, for tests: nodes 1 to 9 are in ring 4.1 at first, each open is
// (node, number) and its client has the number of the open unless said otherwise.

#pragma once

#include "snapshot.hpp"
#include "state.hpp"

#include <string>
#include <vector>

namespace ais::lck {

constexpr Mode ex = Mode::exclusive;
constexpr Mode pr = Mode::protected_read;

inline const char* text_of(Status status) {
    static constexpr const char* words[] = {
        "?", "granted", "deadlock", "not queued", "orphaned", "no more", "duplicate"};
    return words[static_cast<std::size_t>(status)];
}

class TestState {
  public:
    explicit TestState(ais_node_id self = 1) : state(self) {
        form({1, 2, 3, 4, 5, 6, 7, 8, 9});
        serve();
        said.clear();
    }

    void transitional(const std::vector<ais_node_id>& left = {}) {
        ais_configuration now{};
        now.struct_size = sizeof now;
        now.kind = AIS_CONFIGURATION_TRANSITIONAL;
        now.left = left.data();
        now.left_count = static_cast<std::uint32_t>(left.size());
        Effects effects;
        state.configure(now, is_primary, effects);
        note(effects);
    }
    // The next ring.
    void form(const std::vector<ais_node_id>& nodes, const std::vector<ais_node_id>& left = {}) {
        transitional(left);
        ais_configuration now{};
        now.struct_size = sizeof now;
        now.kind = AIS_CONFIGURATION_REGULAR;
        ring += 4;
        now.ring = {ring, nodes.front(), 0};
        now.members = nodes.data();
        now.member_count = static_cast<std::uint32_t>(nodes.size());
        Effects effects;
        state.configure(now, is_primary, effects);
        note(effects);
    }
    void serve() {
        Effects effects;
        state.thaw(effects);
        note(effects);
    }
    State::Opened open(ais_node_id node,
                       std::uint64_t number,
                       std::string_view name,
                       std::uint64_t client = 0) {
        return state.open(node, {number, client != 0 ? client : number, 4711, flag_create, name});
    }
    bool lock(ais_node_id node,
              std::uint64_t number,
              std::uint64_t open,
              Mode mode,
              std::uint32_t flags = 0,
              std::uint64_t signal = 0) {
        Effects effects;
        const bool is_open = state.lock(node, {number, open, signal, mode, flags}, effects);
        note(effects);
        return is_open;
    }
    State::Unlocked unlock(ais_node_id node, std::uint64_t number) {
        Effects effects;
        const State::Unlocked unlocked = state.unlock(node, number, effects);
        note(effects);
        return unlocked;
    }
    bool expire(ais_node_id node, std::uint64_t number) {
        Effects effects;
        const bool was_waiting = state.expire(node, number, effects);
        note(effects);
        return was_waiting;
    }
    bool purge(ais_node_id node, std::uint64_t open) {
        Effects effects;
        const bool is_open = state.purge(node, open, effects);
        note(effects);
        return is_open;
    }
    void close(ais_node_id node, std::vector<std::uint64_t> numbers) {
        Effects effects;
        state.close(node, numbers, effects);
        note(effects);
    }
    void replace(const Image& image, bool is_merged) {
        Effects effects;
        state.replace(image, is_merged, effects);
        note(effects);
    }

    // What has been said since the last time: "1.10 granted", "1.10 held ex, 7 wants pr",
    // "1.10 lost".
    std::vector<std::string> take() { return std::exchange(said, {}); }
    [[nodiscard]] Fence fence(ais_node_id node, std::uint64_t number) const {
        const Lock* lock = state.find_lock({node, number});
        return lock != nullptr ? lock->fence : Fence{};
    }

    State state;
    std::uint64_t ring = 0;
    bool is_primary = true;
    std::vector<std::string> said;
    std::vector<Fence> fences;  // of all grants, as they came

  private:
    static std::string text_of_id(Id id) {
        return std::to_string(id.node) + "." + std::to_string(id.number);
    }
    void note(const Effects& effects) {
        for (const Id id : effects.lost) {
            said.push_back(text_of_id(id) + " lost");
        }
        for (const auto& decided : effects.decided) {
            said.push_back(text_of_id(decided.lock) + " " + text_of(decided.status));
            if (decided.status == Status::granted) {
                fences.push_back(decided.fence);
            }
        }
        for (const auto& waiter : effects.waiters) {
            said.push_back(
                text_of_id(waiter.holder) + " held " + (waiter.held == ex ? "ex" : "pr") + ", " +
                std::to_string(waiter.signal) + " wants " + (waiter.requested == ex ? "ex" : "pr"));
        }
    }
};

}  // namespace ais::lck
