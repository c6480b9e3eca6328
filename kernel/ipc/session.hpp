// SPDX-License-Identifier: BSD-3-Clause
//
// One client of this node, without its sockets: frames in, frames out.
//
// A Session works on the shared memory that kernel/os/unix_server has set up
// (docs/protocol/ipc_wire.md) and treats all of it as hostile: positions and headers are copied,
// checked against the ring's size, and the copy is used.  Bodies of requests are copied, too, but
// for large ones that nobody looks at (Dispatcher::is_opaque).  A client that breaks the rules is
// disconnected and counted.
//
// Out: responses go to the response ring, notifications to the event ring;
// what does not fit waits in the Outbox (outbox.hpp), bounded.  In: requests
// are taken one at a time by Sessions::run, only while the router has room.
// docs/protocol/flow.md says what happens to a client that does not dispatch.
//
// Threads: none.

#pragma once

#include "base/log.hpp"
#include "base/time.hpp"

#include <ais/abi/ipc.h>
#include <ais/bytes.hpp>
#include <ais/ipc_wire.hpp>

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

// What the ABI calls a client; only kernel/ipc knows what is inside.
struct ais_conn {
  protected:
    ais_conn() = default;
    ~ais_conn() = default;
};

namespace ais::ipc {

struct Limits {
    std::size_t message_max =
        1U << 20;  // largest body of a request or event, without the service's own header
    std::size_t header_room = 64U << 10;  // what services may add to it
    std::size_t request_ring = 4U << 20;
    std::size_t response_ring = 2U << 20;
    std::size_t event_ring = 4U << 20;
    std::size_t outbox_max = 16U << 20;  // bytes kept for one client whose rings are full
    // A client with a full ring that has taken nothing for so long no longer
    // slows the ring down (flow.md).
    Duration stall_timeout = std::chrono::milliseconds(1000);
    std::size_t clients_max = 1024;
};

// Wakes the client; kernel/os/unix_server implements it.
class Waker {
  public:
    virtual void wake_response() = 0;  // futex on the response ring
    virtual void wake_room() = 0;      // futex of a producer waiting for room in the request ring
    virtual void ring_doorbell() = 0;  // one byte on the socket
    // Close the socket when the loop comes round; on_closed follows.
    virtual void close(std::string_view why) = 0;
    // All that a client which is gone had asked for has been taken (Session::finish).
    // Sessions::close may be called and the session destroyed at once.
    virtual void finished() {}

  protected:
    ~Waker() = default;
};

struct Peer {
    std::uint32_t pid = 0;
    std::uint32_t uid = 0;
    std::uint32_t gid = 0;
};

// The three rings as mapped memory; each data area is mapped twice in a row.
struct Memory {
    SharedPage* page = nullptr;
    std::uint8_t* request = nullptr;
    std::uint8_t* response = nullptr;
    std::uint8_t* event = nullptr;
    std::size_t request_size = 0;
    std::size_t response_size = 0;
    std::size_t event_size = 0;
};

class Dispatcher;

class Session final : public ais_conn {
  public:
    Session(const Limits& limits,
            const Memory& memory,
            Waker& waker,
            Peer peer,
            std::uint16_t service,
            Log& log);
    ~Session();

    [[nodiscard]] std::uint16_t service() const;
    [[nodiscard]] const Peer& peer() const;
    [[nodiscard]] void* context() const;
    void set_context(void* context);
    // What its library said when it connected, and in which order it did.
    [[nodiscard]] Bytes hello() const;
    [[nodiscard]] std::uint64_t number() const;
    // Requests that wait for a response.
    [[nodiscard]] std::uint64_t outstanding() const;

    // See ais.ipc/1.
    ais_status respond(std::uint64_t serial, std::int32_t error, std::span<const ais_bytes> parts);
    ais_status notify(std::uint16_t kind, std::uint32_t flags, std::span<const ais_bytes> parts);
    void hold_back(bool on);
    void disconnect(std::string_view why);
    [[nodiscard]] bool is_disconnected() const;
    // The client is gone, but what it sent before counts: a program that
    // multicasts and exits has multicast.  True: requests are waiting, they are
    // taken as usual and Waker::finished is called after the last.  False: there are none.
    [[nodiscard]] bool finish();

    struct Request {
        std::uint64_t serial = 0;
        std::uint16_t kind = 0;
        Bytes body;  // a private copy, or opaque: valid until release_request
    };
    // The next request, if there is one, the client is not held back and has kept the
    // rules.  Each must be released before the next is taken.  `dispatcher`, if given, says
    // which bodies need no copy.
    [[nodiscard]] bool next_request(Request& out, const Dispatcher* dispatcher = nullptr);
    void release_request();
    // Answers the next request with AIS_ERR_AGAIN instead of taking it.  False if there is none
    // that may be taken, or its client waits for no response: that one keeps its place.
    bool refuse_request();
    // The kernel takes no requests now.  Tells the client its flow-control
    // state and, when it sleeps for room, wakes it.
    void set_held_back_flag(bool on);
    // No request is waiting; the client will wake the kernel.  False if one
    // came in between.
    [[nodiscard]] bool sleep();
    // After sleep() was true: there is a request now, whether or not the client has rung.
    [[nodiscard]] bool has_awoken();

    // Move what waits in the outbox to the rings, wake the client if it sleeps.
    // Call once per turn of the loop, after all responds and notifies.
    void flush(Instant now);

    // Full rings, but the client does take what it gets: the ring of nodes
    // should slow down.
    [[nodiscard]] bool is_congested(Instant now) const;

  private:
    ais_status answer(const FrameHeader& header, std::span<const ais_bytes> parts);

    friend class Sessions;
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

// Who takes the requests: the router.
class Dispatcher {
  public:
    // Requests may be taken now: replicas are equal and the send queue has room.
    [[nodiscard]] virtual bool may_request() const = 0;
    // Messages wait for the token: a request that is seen later does not leave later.
    [[nodiscard]] virtual bool is_waiting_to_send() const { return false; }
    // The body of such a request is only handed on: the client may change it meanwhile.
    [[nodiscard]] virtual bool is_opaque(std::uint16_t service, std::uint16_t kind) const {
        static_cast<void>(service);
        static_cast<void>(kind);
        return false;
    }
    virtual ais_status on_open(Session& session, Bytes hello) = 0;
    virtual void on_request(Session& session, const Session::Request& request) = 0;
    virtual void on_close(Session& session) = 0;

  protected:
    ~Dispatcher() = default;
};

struct IpcStats {
    std::uint64_t opened = 0;
    std::uint64_t refused = 0;
    std::uint64_t closed = 0;
    std::uint64_t requests = 0;
    std::uint64_t refused_requests = 0;  // answered "try again" while replicas were not equal
    std::uint64_t events = 0;
    std::uint64_t dropped_events = 0;  // droppable notifications
    std::uint64_t broke_rules = 0;     // disconnected for hostile or broken memory
    std::uint64_t overflowed = 0;      // disconnected because they did not dispatch
};

// All clients of this node; requests are taken round robin.
//
// Who is in the middle of a stream (judge_stream in session.cpp) is not told to ring when its ring
// is empty: it dozes, and is looked at in every turn, and again after stream_rest.  Why: a
// real-time executive that is woken for each message takes the processor away from the client that
// is about to write the next one.
class Sessions {
  public:
    Sessions(Dispatcher& dispatcher, Log& log);
    ~Sessions();

    // The handshake has succeeded; non-zero: refused by the service, do not
    // keep the session.  `session` outlives its entry here.
    ais_status open(Session& session, Bytes hello);
    // The socket is gone.  The session may be destroyed afterwards.
    void close(Session& session);
    // The client rang the kernel's eventfd.
    void on_wake(Session& session);

    // Look at the rings of those who doze or fell asleep lately: whoever has written since is
    // taken without waiting for the bell.  For the moment before the token is worked on: a
    // request that comes a turn later waits for a whole rotation.
    void look();
    // Take up to `budget` requests, round robin; true if more are waiting that
    // may be taken now.
    bool run(Instant now, std::size_t budget);
    // Requests cannot be taken for long: answer up to `budget` of those that wait for a response
    // with AIS_ERR_AGAIN.
    void refuse(std::size_t budget);
    // Flush all sessions that were written to.
    void flush(Instant now);
    // Since asked last a client has spoken that waits for what comes of it, rather than being in the
    // middle of a stream: it may speak again as soon as it is told.
    [[nodiscard]] bool has_served_a_caller();
    // The earliest time at which run() or flush() has something to do of its own (a client that
    // dozes, a stall timeout).
    [[nodiscard]] std::optional<Instant> deadline() const;

    [[nodiscard]] bool congested(Instant now) const;
    [[nodiscard]] std::size_t count() const;
    [[nodiscard]] IpcStats& stats();

  private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

}  // namespace ais::ipc
