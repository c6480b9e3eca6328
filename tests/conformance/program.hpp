// SPDX-License-Identifier: BSD-3-Clause
//
// What the programs of the conformance tests share, whichever library they use: how long they are
// patient, and how they wait for callbacks without sleeping.
//
// One process can be on all nodes of a cluster: it connects to the executive of a node's run
// directory (Cluster::use).

#pragma once

#include "cluster.hpp"

#include <poll.h>

#include <chrono>
#include <cstring>

namespace ais::conformance {

using process::Cluster;
using process::wait_until;
using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

inline constexpr auto patience = 20s;

// A value that an enumeration does not have, as a C program can pass it.
template <typename Enum>
Enum beyond(int value) {
    Enum result{};
    static_assert(sizeof result == sizeof value);
    std::memcpy(&result, &value, sizeof result);
    return result;
}

// Dispatches when something is there, and now and then, until the condition holds.  `descriptor`
// gives what to poll; asked each time, for a handle may come and go.  False: it took too long.
template <typename Descriptor, typename Dispatch, typename Condition>
bool dispatch_until(Descriptor descriptor,
                    Dispatch dispatch,
                    Condition condition,
                    Clock::duration longest = patience) {
    const auto give_up = Clock::now() + longest;
    while (!condition()) {
        if (Clock::now() > give_up) {
            return false;
        }
        pollfd wait{static_cast<int>(descriptor()), POLLIN, 0};
        poll(&wait, 1, 5);
        dispatch();
    }
    return true;
}

}  // namespace ais::conformance
