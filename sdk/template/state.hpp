// SPDX-License-Identifier: BSD-3-Clause
//
// The replicated state of the service: one value, and how often it was written.
//
// Pure: equal calls in equal order give equal states on all nodes.
//
// Invariant: save() of equal states gives equal bytes.

#pragma once

#include <ais/bytes.hpp>

#include <cstdint>
#include <string>

namespace thing {

class State {
  public:
    void write(ais::Bytes value);
    [[nodiscard]] const std::string& value() const { return value_; }

    // A snapshot, and the merge of several: the state that was written most often wins, and
    // among those the greatest value, so that the order of the snapshots does not matter.
    [[nodiscard]] std::string save() const;
    // Starts over: before the first merge_with().
    void clear();
    // False: these bytes are no snapshot.
    [[nodiscard]] bool merge_with(ais::Bytes snapshot);

  private:
    std::uint64_t writes_ = 0;
    std::string value_;
};

}  // namespace thing
