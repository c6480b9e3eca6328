// SPDX-License-Identifier: BSD-3-Clause
//
// What stands behind the host tables: the parts of one kernel that its plugins reach.
//
// A part that is not there (nullptr, false) is an interface that is not offered, so the same
// code starts a parser before there is a configuration, and a service in a test.  Several
// kernels can live in one process, each with its own.

#pragma once

#include "base/log.hpp"
#include "base/node_id.hpp"
#include "base/time.hpp"
#include "base/timers.hpp"

#include <cstdint>
#include <string_view>

namespace ais::config {
class Tree;
}
namespace ais::group {
class Groups;
}
namespace ais::sync {
class Quorum;
}

namespace ais::plugin {

// How long calls into plugins take is measured with it.  Not the loop's `now`, which
// stands still during a call.
class Stopwatch {
  public:
    [[nodiscard]] virtual Duration reading() const = 0;

  protected:
    ~Stopwatch() = default;
};

// This machine.  What is told stays where it is while the kernel lives, or until it changes.
class NodeFacts {
  public:
    [[nodiscard]] virtual std::string_view host_name() const = 0;
    // By ring; empty: none.
    [[nodiscard]] virtual std::string_view address(std::uint32_t ring) const = 0;
    // Nanoseconds since 1970: when the machine was started, and now.
    [[nodiscard]] virtual std::int64_t boot_time() const = 0;
    [[nodiscard]] virtual std::int64_t wall_clock() const = 0;

  protected:
    ~NodeFacts() = default;
};

struct Kernel {
    NodeId self;
    Log* log = nullptr;                    // never nullptr
    group::Groups* groups = nullptr;       // ais.group/1, for plugins that offer a service
    bool has_clients = false;              // ais.ipc/1; an ais_conn is an ipc::Session
    Timers* timers = nullptr;              // ais.timer/1
    const config::Tree* config = nullptr;  // ais.config/1
    const Stopwatch* stopwatch = nullptr;  // without it calls are counted, but not timed
    const NodeFacts* node = nullptr;       // ais.node/1
    // Asked for ais.primary/1 at each regular configuration; without it all are primary.  Set
    // when its plugin is loaded, which is one of those that this kernel has.
    sync::Quorum* quorum = nullptr;
};

}  // namespace ais::plugin
