// SPDX-License-Identifier: BSD-3-Clause
//
// One association of a client library with one service of the executive.
//
// A Connection is the client's side of docs/protocol/ipc_wire.md: synchronous
// calls, one-way requests and events.  It knows nothing about handles and
// callbacks; dispatch.hpp and library.hpp add those.
//
// Threads: every function may be called by several threads at once; responses
// find their caller by serial.  No thread and no signal handler is started or installed here,
// EINTR is handled inside, SIGPIPE is never raised.
//
// Invariants:
//   1. After close() no call waits any more: all return Status::closed.  The
//      descriptors and the memory go with the object, so whoever calls in
//      must hold a reference (library.hpp pins the instance).
//   2. 100 ms after the executive has gone every call returns Status::lost, and those that were
//      waiting have done so; until then a one-way request may still be taken, and is lost with
//      it.  There is no reconnect: the standard wants a new Initialize.
//   3. In a child after fork() every call returns Status::forked and touches
//      neither the socket nor the shared memory.  Descriptors are close-on-exec.

#pragma once

#include <ais/abi/types.h>
#include <ais/bytes.hpp>

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <vector>

namespace ais::client {

enum class Status : std::uint8_t {
    ok,
    try_again,  // open: no executive is there (yet); send: no room now
    timeout,    // the time ran out; whether the request took effect is not known
    lost,       // the executive is gone or has cut this client off
    closed,     // close() was called, by this or another thread
    forked,     // the handle belongs to the parent process
    too_big,    // above message_max()
    denied,     // open: this user may not
    refused,    // open: the service said no (Refusal has its status), or is not loaded
    version,    // open: the executive speaks another protocol version
    no_memory,  // memory, descriptors or mappings are exhausted here
};

using Duration = std::chrono::nanoseconds;
inline constexpr Duration forever = Duration::max();

// What came back for a call.
struct Response {
    std::int32_t error = 0;  // the service's own code, as it gave it to respond
    std::size_t size = 0;    // of the whole body, even if the caller's buffer was smaller
};

// When the selection object stops being readable after the last event was taken.
enum class Settle : std::uint8_t {
    at_once,
    later,  // settle_events() says: the library has put events aside that are not dispatched
};

// An event, copied out of the shared memory.
struct Event {
    std::uint16_t kind = 0;
    std::vector<std::uint8_t> body;
};

// Looks at each event in its order, before any thread can take the next one: what several threads
// dispatch, a library may have to keep account of in order.  It may not call the Connection.
// False: the event breaks the service's rules, so the connection is lost.  Throws
// std::bad_alloc: the event is not taken.
using InOrder = std::function<bool(const Event&)>;

class Connection {
  public:
    // Connect to the executive of OPENAIS_RUN_DIR, or /run/ais.  `hello` (at most 256 bytes)
    // goes to the service's client_open.  `service_status`, if given, gets the ais_status of the
    // executive or the service when it refuses (AIS_ERR_NOT_FOUND: no such service).
    // Status: ok, try_again, denied, refused, version, no_memory, lost.
    static Status open(std::uint16_t service_id,
                       Bytes hello,
                       std::shared_ptr<Connection>& out,
                       ais_status* service_status = nullptr);
    // The same with a directory of the caller's choice.
    static Status open_at(const char* run_dir,
                          std::uint16_t service_id,
                          Bytes hello,
                          std::shared_ptr<Connection>& out,
                          ais_status* service_status = nullptr);
    ~Connection();
    Connection(const Connection&) = delete;
    Connection& operator=(const Connection&) = delete;

    // Send the concatenation of `parts` and wait for the response; its body is
    // copied to `body` (as much as fits; or resized to fit exactly).  The
    // timeout covers the wait for room, too; 0 or less gives Status::timeout without
    // sending.  Works inside callbacks, and however full the event ring is.
    // Status: ok, timeout, lost, closed, forked, too_big.
    Status call(std::uint16_t kind,
                std::span<const ais_bytes> parts,
                MutableBytes body,
                Response& response,
                Duration timeout = forever);
    Status call(std::uint16_t kind,
                std::span<const ais_bytes> parts,
                std::vector<std::uint8_t>& body,
                Response& response,
                Duration timeout = forever);

    // One way, in order with call; no response comes (serial 0).  With timeout 0 it
    // never blocks: try_again if the request ring is full, or if this client
    // must dispatch first (its event ring has overflowed).  With another timeout
    // it waits for room in the ring so long, and then returns try_again.
    // Status: ok, try_again, lost, closed, forked, too_big.
    Status send(std::uint16_t kind,
                std::span<const ais_bytes> parts,
                Duration timeout = Duration::zero());

    // Take the next event, if one is pending.  Ensures: when the last one has
    // been taken, fd() is no longer readable (Settle::at_once).  An event that does not fit
    // memory is not taken.
    // `until`: none behind it.  `in_order`: null if nobody needs to look.
    // Status: ok, try_again (none is pending), lost (none will come any more), closed,
    // forked, no_memory.
    Status take_event(Event& out,
                      Settle settle = Settle::at_once,
                      std::uint64_t until = no_events_end,
                      const InOrder* in_order = nullptr);
    // A whole ring of events behind the last one that is pending now.
    [[nodiscard]] std::uint64_t events_bound();
    static constexpr std::uint64_t no_events_end = ~std::uint64_t{0};
    // After Settle::later: fd() is no longer readable if no event is pending.
    void settle_events();
    // Wait until an event may be pending, or something must be told.
    // Status: ok, timeout, lost, closed, forked.
    Status wait_event(Duration timeout = forever);

    // The selection object: readable exactly while an event is pending, or
    // when the connection is lost or closed.  An AF_UNIX socket whose SO_PEERCRED names the
    // executive.  Valid as long as this object.
    [[nodiscard]] int fd() const;

    // True while the kernel does not take requests of this client, because the
    // ring's send queue is full or because this client does not dispatch.
    [[nodiscard]] bool is_held_back() const;

    // Give up: wake every waiter, and let the kernel know.  Idempotent; in a
    // forked child it does nothing.
    void close();
    [[nodiscard]] bool is_closed() const;
    // What a call would return before it does anything: ok, lost, closed or forked.  Looks
    // at the socket if nobody has for a while.
    [[nodiscard]] Status state() const;

    // Of this node and this executive.
    [[nodiscard]] std::uint32_t node() const;
    [[nodiscard]] std::uint32_t executive_pid() const;
    // Largest body of a request or an event.
    [[nodiscard]] std::size_t message_max() const;
    // The same less what is reserved for a service's own headers: what an
    // application may send in one message.
    [[nodiscard]] std::size_t payload_max() const;

  private:
    struct Impl;
    explicit Connection(std::unique_ptr<Impl> impl);
    std::unique_ptr<Impl> impl_;
};

}  // namespace ais::client
