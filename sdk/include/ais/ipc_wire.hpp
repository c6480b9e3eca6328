// SPDX-License-Identifier: BSD-3-Clause
//
// What the kernel and a client library lay into the memory they share, and
// the two small messages that set it up.  docs/protocol/ipc_wire.md is the
// specification; this header is shared by kernel/ipc, kernel/os and
// sdk/client.
//
// A client connects to the SEQPACKET socket RUN_DIR/ipc, sends one
// ConnectRequest and receives one ConnectReply with two descriptors: the sealed memfd
// of the shared memory, and an eventfd with which it wakes the kernel.  The socket then only
// carries doorbells (one byte, kernel → client: "your event ring was empty and
// is not any more") and tells each side by EOF that the other is gone; its
// descriptor is the selection object of the client library.
//
// Shared memory: one page with three RingControls, then the data areas of the
// request ring (client → kernel), the response ring and the event ring (kernel →
// client).  The size of each data area is a power of two and a multiple of the page size, and it is
// mapped twice in a row, so that a frame is always one contiguous range.
//
// A ring is single-producer, single-consumer.  Positions are byte counts that
// only grow; position modulo size is the place.  A frame begins at a multiple
// of 8.  Neither side believes a position or a header of the other: it is
// copied, checked against the ring's size, and the copy is used.

#pragma once

#include <ais/bytes.hpp>

#include <atomic>

namespace ais::ipc {

inline constexpr std::uint32_t connect_magic = 0x31534941;  // "AIS1"
inline constexpr std::uint16_t protocol_version = 2;
inline constexpr const char* socket_name = "ipc";  // in the run directory
inline constexpr std::size_t hello_max = 256;

// Native byte order: both sides run on one host.
struct ConnectRequest {
    std::uint32_t magic = connect_magic;
    std::uint16_t version = protocol_version;
    std::uint16_t service_id = 0;
    std::uint32_t hello_size = 0;
    std::uint8_t hello[hello_max] = {};  // for the service's client_open
};

struct ConnectReply {
    std::uint32_t magic = connect_magic;
    std::uint16_t version = protocol_version;
    std::uint16_t reserved = 0;
    std::int32_t status = 0;  // ais_status; descriptors follow only with AIS_OK
    std::uint32_t node = 0;
    std::uint32_t request_ring_size = 0;
    std::uint32_t response_ring_size = 0;
    std::uint32_t event_ring_size = 0;
    std::uint32_t message_max = 0;  // largest body of a frame, either direction
    std::uint32_t executive_pid = 0;
    std::uint32_t header_room = 0;  // part of message_max that is meant for headers of services
};

struct FrameHeader {
    std::uint32_t size = 0;  // of the body that follows
    std::uint16_t kind = 0;  // of the service; in a response 0 or kernel_answer
    std::uint16_t flags = 0;
    std::uint64_t serial = 0;  // request and response; 0: no response wanted, or an event
    std::int32_t error = 0;    // response: the service's own code
    std::uint32_t reserved = 0;
};
static_assert(sizeof(FrameHeader) == 24);

// In the kind of a response: it is the kernel's, the request was not seen by the service, and
// `error` is an ais_status.
inline constexpr std::uint16_t kernel_answer = 0xffff;

// In the flags of a frame without body: nothing follows until the ring begins anew (ipc_ring.hpp).
inline constexpr std::uint16_t frame_skips = 1;

inline constexpr std::size_t frame_alignment = 8;
constexpr std::size_t frame_space(std::size_t body) {
    return (sizeof(FrameHeader) + body + frame_alignment - 1) & ~(frame_alignment - 1);
}

// Written by the two sides from different cache lines.
struct RingControl {
    alignas(64) std::atomic<std::uint64_t> written{0};  // producer
    alignas(64) std::atomic<std::uint64_t> read{0};     // consumer
    // 1: the consumer sleeps and wants to be woken after the next write; who
    // takes it back to 0 is the one who wakes.  Request ring: the kernel is
    // woken through its eventfd.  Response ring: a futex word.  Event ring:
    // the doorbell (ipc_ring.hpp).
    alignas(64) std::atomic<std::uint32_t> sleeping{0};
    // 1: the producer wants to be told when the consumer has made room.
    // Request ring: clients sleep on the futex word `room`, which the kernel
    // increments.  Response and event ring: the kernel is woken through its
    // eventfd; `room` is not used.
    alignas(64) std::atomic<std::uint32_t> room{0};
    std::atomic<std::uint32_t> room_wanted{0};
};

// Requests are not read now: the send queue is full, replicas are being
// synchronised, or the service wants a pause.
inline constexpr std::uint32_t held_by_kernel = 1;
// The client's own event ring has overflowed: it must dispatch before it
// multicasts more.  Its requests are read all the same, since a callback may be waiting for a
// response.
inline constexpr std::uint32_t held_by_events = 2;

struct SharedPage {
    RingControl request;
    RingControl response;
    RingControl event;
    // Set by the kernel, read by the client library: why this client should
    // send no more now, a set of the bits above (flow control state of the
    // API).
    alignas(64) std::atomic<std::uint32_t> held_back{0};
    // Set by the kernel: bytes of waiting requests from which on this client is to wait for room
    // though its ring has more, its share of what all clients of the node may have waiting
    // (flow.md). 0: the whole ring.
    std::atomic<std::uint32_t> request_share{0};
};
static_assert(sizeof(SharedPage) <= 4096);
static_assert(std::atomic<std::uint64_t>::is_always_lock_free);
static_assert(std::atomic<std::uint32_t>::is_always_lock_free);

}  // namespace ais::ipc
