// SPDX-License-Identifier: BSD-3-Clause
//
// The table of all kinds of faults.

#include "sim/nemesis/nemesis.hpp"

namespace ais::sim {

extern const Nemesis nemesis_big_loss;
extern const Nemesis nemesis_clock_leap;
extern const Nemesis nemesis_clock_step;
extern const Nemesis nemesis_crash;
extern const Nemesis nemesis_delay;
extern const Nemesis nemesis_garbage;
extern const Nemesis nemesis_interface;
extern const Nemesis nemesis_leave;
extern const Nemesis nemesis_link_cut;
extern const Nemesis nemesis_link_weather;
extern const Nemesis nemesis_loss_burst;
extern const Nemesis nemesis_one_way;
extern const Nemesis nemesis_other_version;
extern const Nemesis nemesis_partition;
extern const Nemesis nemesis_pause;
extern const Nemesis nemesis_renumber;
extern const Nemesis nemesis_replace;
extern const Nemesis nemesis_replay;
extern const Nemesis nemesis_slow_client;
extern const Nemesis nemesis_slow_clock;
extern const Nemesis nemesis_wrong_key;

std::span<const Nemesis* const> nemeses() {
    static constexpr const Nemesis* all[] = {
        // clang-format off
        &nemesis_big_loss,
        &nemesis_clock_leap,
        &nemesis_clock_step,
        &nemesis_crash,
        &nemesis_delay,
        &nemesis_garbage,
        &nemesis_interface,
        &nemesis_leave,
        &nemesis_link_cut,
        &nemesis_link_weather,
        &nemesis_loss_burst,
        &nemesis_one_way,
        &nemesis_other_version,
        &nemesis_partition,
        &nemesis_pause,
        &nemesis_renumber,
        &nemesis_replace,
        &nemesis_replay,
        &nemesis_slow_client,
        &nemesis_slow_clock,
        &nemesis_wrong_key,
        // clang-format on
    };
    return all;
}

const Nemesis* find_nemesis(std::string_view name) {
    for (const Nemesis* nemesis : nemeses()) {
        if (nemesis->name == name) {
            return nemesis;
        }
    }
    return nullptr;
}

std::string Fault::to_text() const {
    std::string text = kind->name;
    for (const std::uint32_t number : numbers) {
        text += ' ' + std::to_string(number);
    }
    return text;
}

}  // namespace ais::sim
