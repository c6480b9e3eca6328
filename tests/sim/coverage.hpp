// SPDX-License-Identifier: BSD-3-Clause
//
// Which rows of the protocol's table (state × event) the runs have been through.
//
// An event is a datagram as it reaches an engine, or a timer that fires; the state is the one
// before.  Some cells cannot be reached; why_impossible() has the proof of each, and a run that
// goes through one refutes it.

#pragma once

#include "totem/engine.hpp"

#include <array>
#include <cstdint>
#include <iosfwd>
#include <string_view>

namespace ais::sim {

class Coverage {
  public:
    enum class Event : std::uint8_t {
        token_of_our_ring,
        token_of_another,
        data_of_our_ring,
        data_of_another,
        join,
        commit_token,
        merge_detect,
        hold_cancel,
        probe,    // and answers, and what is asked of others
        refused,  // malformed, of another version, of a wrong sender
        token_timeout,
        consensus_timeout,
        join_timeout,
        token_again,
        pause,
        count
    };
    enum class State : std::uint8_t { operational, gather, commit, recovery, count };

    static const char* name_of(Event event);
    static const char* name_of(State state);

    void add(State state, Event event) { ++cells_[index(state)][index(event)]; }
    [[nodiscard]] std::uint64_t at(State state, Event event) const {
        return cells_[index(state)][index(event)];
    }

    // What the datagram is to an engine in this state.
    static Event classify(const totem::Engine& engine, NodeId from, Bytes datagram);
    // False: not in one of the four states.
    static bool state_of(const totem::Engine& engine, State& state);

    // nullptr: the protocol can get there; else a sentence why not.
    static const char* why_impossible(State state, Event event);

    // A table for people, the proofs, and which cells are missing.  True if it is complete: every
    // possible cell was seen, and no impossible one.
    bool report(std::ostream& to) const;

  private:
    template <typename Enum>
    static constexpr std::size_t index(Enum value) {
        return static_cast<std::size_t>(value);
    }

    std::array<std::array<std::uint64_t, static_cast<std::size_t>(Event::count)>,
               static_cast<std::size_t>(State::count)>
        cells_{};
};

}  // namespace ais::sim
