// SPDX-License-Identifier: BSD-3-Clause
//
// The port to the loop's descriptors, implemented by kernel/os/loop and by the
// small poll loop of the tests.
//
// A watch is level-triggered: on_readable is called from the loop once per turn
// for as long as the descriptor is readable, has been hung up or is in error; the callee finds
// out which by reading.  The Watcher never owns or closes a descriptor.
//
// Inside any callback, watch() and unwatch() may be called for any watch, the
// running one, too.  After unwatch() has returned, its callback is not called
// again, even if it was found readable in the same turn, and the descriptor
// may be closed at once.  (So the function object must survive its own
// unwatch() until it returns.)
//
// Threads: all of it on the loop.

#pragma once

#include <cstdint>
#include <functional>

namespace ais {

using WatchId = std::uint64_t;  // never 0, never used twice

class Watcher {
  public:
    // One watch per descriptor at a time.
    virtual WatchId watch(int fd, std::function<void()> on_readable) = 0;
    // Unknown ids are ignored.
    virtual void unwatch(WatchId id) = 0;
    // Inside a callback: could this descriptor have been readable when the turn began?  False saves
    // who looks at several descriptors together a call for nothing.
    [[nodiscard]] virtual bool may_be_readable(WatchId id) const {
        static_cast<void>(id);
        return true;
    }

  protected:
    ~Watcher() = default;
};

}  // namespace ais
