// SPDX-License-Identifier: BSD-3-Clause
//
// Dispatch, once and for all services.
//
// Events are copied out of the ring one at a time, then the handler runs
// without any lock of this library, on the thread that called dispatch().  So
// a callback may make calls, dispatch again, or close the connection; several threads may be in
// dispatch() at once, and each event goes to one of them.  They may get to their handlers in
// another order than that of the events; what must be looked at in order is, by
// `in_order` (connection.hpp).
//
// The selection object is not readable any more when the handler of the last
// pending event begins.

#pragma once

#include "client/connection.hpp"

#include <cstdint>
#include <functional>

namespace ais::client {

enum class DispatchMode : std::uint8_t {
    one,              // waits until one callback was made (CPG_DISPATCH_ONE)
    one_nonblocking,  // at most one callback, never waits (SA_DISPATCH_ONE)
    // All that are pending, and those that become pending meanwhile; but no more than one event
    // ring beyond those that were pending when it was called: in a stream that is as fast as the
    // handler it would never return.
    all,
    blocking,  // until close()
};

// True: a callback was called.  False: nobody wanted it, so it does not count
// as the one of DispatchMode::one.
using Handler = std::function<bool(const Event&)>;

struct Dispatched {
    // ok; closed: close() was called by a callback or another thread (the
    // APIs return OK for it); lost; forked; no_memory.
    Status status = Status::ok;
    std::uint32_t callbacks = 0;
};

// Requires: the caller holds a reference to `connection` until it returns.
Dispatched dispatch(Connection& connection,
                    DispatchMode mode,
                    const Handler& handler,
                    const InOrder& in_order = {});

}  // namespace ais::client
