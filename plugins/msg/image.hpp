// SPDX-License-Identifier: BSD-3-Clause
//
// The state of msg as plain data: what a snapshot holds (snapshot.hpp).

#pragma once

#include "queue.hpp"
#include "wire.hpp"

#include <array>
#include <map>
#include <set>
#include <string>
#include <vector>

namespace ais::msg {

struct Group {
    struct Member {
        OpenId queue;
        std::uint64_t turn = 0;  // of the last message that was meant for it; 0: none yet
    };
    std::string name;
    Policy policy = Policy::round_robin;
    std::uint64_t turns = 0;
    std::vector<Member> members;  // in the order of insertion
};

struct QueueImage {
    OpenId id;
    std::string name;
    bool is_unlinked = false;
    Attributes attributes;
    Thresholds thresholds;
    std::uint8_t reached = 0;
    OpenId owner;
    std::uint32_t open_flags = 0;
    std::uint64_t closings = 0;
    std::int64_t closed_at = 0;
    bool is_closed_at_guessed = false;
    std::uint64_t deadline = no_deadline;
    std::array<std::vector<Stored>, priorities> areas;  // in order
    Removed removed;
};

// Limit: refused messages that are remembered, the latest by id.
inline constexpr std::size_t refused_max = 4096;

struct Image {
    std::uint64_t clock = 0;
    std::int64_t time_of_day = 0;
    std::vector<QueueImage> queues;                   // by id
    std::vector<Group> groups;                        // by name
    std::map<std::uint64_t, std::uint64_t> requests;  // sender id → size of the buffer
    std::set<MessageId> refused;                      // behind holes
};

}  // namespace ais::msg
