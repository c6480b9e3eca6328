// SPDX-License-Identifier: BSD-3-Clause

#include "client/dispatch.hpp"

namespace ais::client {

Dispatched dispatch(Connection& connection,
                    DispatchMode mode,
                    const Handler& handler,
                    const InOrder& in_order) {
    Dispatched result;
    // Of this call alone: several threads may dispatch, and a callback may
    // dispatch again.
    Event event;
    const bool waits = mode == DispatchMode::one || mode == DispatchMode::blocking;
    const bool once = mode == DispatchMode::one || mode == DispatchMode::one_nonblocking;
    const std::uint64_t until =
        mode == DispatchMode::all ? connection.events_bound() : Connection::no_events_end;
    for (;;) {
        result.status =
            connection.take_event(event, Settle::at_once, until, in_order ? &in_order : nullptr);
        if (result.status == Status::ok) {
            if (handler(event)) {
                ++result.callbacks;
                if (once) {
                    return result;
                }
            }
            continue;
        }
        if (result.status != Status::try_again) {
            return result;
        }
        if (!waits) {
            result.status = Status::ok;
            return result;
        }
        result.status = connection.wait_event();
        if (result.status != Status::ok) {
            return result;
        }
    }
}

}  // namespace ais::client
