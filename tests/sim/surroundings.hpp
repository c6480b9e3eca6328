// SPDX-License-Identifier: BSD-3-Clause
//
// What a machine needs of the world around it; the cluster implements it.

#pragma once

#include "base/log.hpp"
#include "base/prng.hpp"
#include "sim/checker/history.hpp"
#include "sim/coverage.hpp"
#include "sim/port.hpp"
#include "totem/engine.hpp"

#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace ais::sim {

class Surroundings {
  public:
    [[nodiscard]] virtual Instant world_time() const = 0;
    virtual Prng& prng() = 0;
    virtual History& history() = 0;
    virtual Coverage* coverage() = 0;  // nullptr: nobody counts
    // The network takes it.
    virtual void transmit(NodeId from,
                          totem::LinkId link,
                          Bytes datagram,
                          const std::vector<Target>& to) = 0;
    [[nodiscard]] virtual std::size_t nodes_max() const = 0;
    // Machine::work or Machine::dispatch is called then, if that life still lasts.
    virtual void wake_at(NodeId node, std::uint64_t life, Instant at) = 0;
    virtual void dispatch_at(NodeId node, std::uint64_t life, Instant at) = 0;
    // The same for anything else.
    virtual void call_at(NodeId node, std::uint64_t life, Instant at, std::function<void()>) = 0;
    virtual void fail(std::string_view what) = 0;
    [[nodiscard]] virtual bool is_traced() const = 0;
    // One line of the trace.
    virtual void tell(NodeId node, std::string_view what, std::string_view text) = 0;

  protected:
    ~Surroundings() = default;
};

}  // namespace ais::sim
