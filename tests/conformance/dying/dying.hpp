// SPDX-License-Identifier: BSD-3-Clause
//
// Executives that die in the middle of a call, of every call that a header declares.  A service's
// file lists its calls; here is what is done with them, in this order:
//
//     the executive stands still (SIGSTOP)
//     each call is made on a thread of its own, and is where its course says: waiting, or back
//     the executive dies (SIGKILL): all that waited come back, with the result that saAis(3) names
//     each call again, without an executive
//     the service finalizes its handles, and each call a last time: BAD_HANDLE, nothing of it
//     crashes the executive comes back, and a new Initialize gives a handle that works
//
// A call that does not come back within `patience` ends the program with its name: its thread could
// not be joined.
//
// Results are ints: OK, LIBRARY, TRY_AGAIN and BAD_HANDLE have the same numbers in all libraries.

#pragma once

#include "cluster.hpp"

#include <openais/saAis.h>

#include <chrono>
#include <cstddef>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace ais::conformance::dying {

inline constexpr std::chrono::seconds patience{20};

enum class Course {
    waits,  // for the executive; LIBRARY when it dies
    fills,  // nobody answers it: OK until the ring is full, then it waits for room; LIBRARY when it
            // dies
    refuses,   // the same, but TRY_AGAIN when the ring is full
    looks,     // answered here, as long as the executive lives; then LIBRARY
    local,     // answered here, always
    connects,  // Initialize: waits; TRY_AGAIN when it dies, and while there is none
};

struct Call {
    std::string function;  // as the header has it
    Course course = Course::waits;
    std::function<int()> call;   // may be made any number of times
    std::string how{};           // of several calls of one function
    int when_alive = SA_AIS_OK;  // of looks and local
    int when_finalized = SA_AIS_ERR_BAD_HANDLE;
};

// Calls that fill a ring are made in the order of the list, each when the one before is where it
// should be.
using Calls = std::vector<Call>;

// An executive of its own, that the libraries of this process talk to.
class Executive {
  public:
    Executive();

    void dies_during(const Calls& calls);
    void comes_back();

  private:
    process::Cluster cluster_{1};
};

void expect_finalized(const Calls& calls);

// `header` is a path in the source tree; a function is what begins with `prefix` and has a
// parameter list.
void expect_all_functions(const Calls& calls, const std::string& header, const std::string& prefix);

// Calls again while it says TRY_AGAIN, for `patience` at most.
int patiently(const std::function<int()>& call);

// One after the other, and the last one for ever.  Not empty.
template <typename T>
class Each {
  public:
    explicit Each(std::vector<T> list) : list_(std::move(list)) {}
    T next() { return at_ + 1 < list_.size() ? list_[at_++] : list_.back(); }

  private:
    std::vector<T> list_;
    std::size_t at_ = 0;
};

inline SaNameT name_of(std::string_view text) {
    SaNameT name{};
    name.length =
        static_cast<SaUint16T>(text.copy(reinterpret_cast<char*>(name.value), SA_MAX_NAME_LENGTH));
    return name;
}

}  // namespace ais::conformance::dying
