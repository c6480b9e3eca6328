// SPDX-License-Identifier: BSD-3-Clause
//
// For unit tests: a client without sockets.  Plain memory for the rings (a
// frame that runs over the end of a ring lies in the second half, where the reader looks, too,
// so no double mapping is needed), and a waker that counts.

#pragma once

#include "ipc/session.hpp"

#include <ais/ipc_ring.hpp>

#include <optional>
#include <string>
#include <vector>

namespace ais::ipc {

struct CountingWaker final : Waker {
    void wake_response() override { ++responses; }
    void wake_room() override { ++rooms; }
    void ring_doorbell() override { ++bells; }
    void close(std::string_view text) override {
        ++closes;
        why = text;
    }
    void finished() override { ++finishes; }

    int responses = 0;
    int rooms = 0;
    int bells = 0;
    int closes = 0;
    int finishes = 0;
    std::string why;
};

// Small rings, so that they are soon full: 4096 bytes each.
inline Limits small_limits() {
    Limits limits;
    limits.message_max = 1024;
    limits.header_room = 64;
    limits.request_ring = limits.response_ring = limits.event_ring = 4096;
    limits.outbox_max = 8192;
    limits.stall_timeout = std::chrono::milliseconds(1000);
    return limits;
}

class PlainClient {
  public:
    explicit PlainClient(const Limits& limits = small_limits())
        : request_(2 * limits.request_ring),
          response_(2 * limits.response_ring),
          event_(2 * limits.event_ring),
          requests(page.request, request_.data(), limits.request_ring),
          responses(page.response, response_.data(), limits.response_ring, 1U << 20),
          events(page.event, event_.data(), limits.event_ring, 1U << 20) {
        Memory memory;
        memory.page = &page;
        memory.request = request_.data();
        memory.response = response_.data();
        memory.event = event_.data();
        memory.request_size = limits.request_ring;
        memory.response_size = limits.response_ring;
        memory.event_size = limits.event_ring;
        session.emplace(limits, memory, waker, Peer{100, 1, 2}, std::uint16_t{40}, null_log());
    }

    // False: the ring is full.
    bool ask(std::uint16_t kind, std::uint64_t serial, std::string_view body) {
        if (!requests.has_room(body.size())) {
            return false;
        }
        FrameHeader header;
        header.size = static_cast<std::uint32_t>(body.size());
        header.kind = kind;
        header.serial = serial;
        const ais_bytes part = to_abi(body);
        requests.put(header, {&part, 1});
        requests.publish();
        rings += page.request.sleeping.exchange(0) != 0 ? 1 : 0;
        return true;
    }
    // The next frame of a ring; empty: none.
    static std::optional<std::string> take(RingConsumer& ring, FrameHeader& header) {
        const std::uint8_t* body = nullptr;
        if (ring.look(header, body) != RingConsumer::Look::frame) {
            return std::nullopt;
        }
        std::string text(as_text(Bytes(body, header.size)));
        ring.take(header);
        return text;
    }
    std::optional<std::string> take_event() {
        FrameHeader header;
        return take(events, header);
    }

    // Where a request frame lies that would be written now.
    std::uint8_t* request_place() {
        return request_.data() + (requests.written() & (requests.size() - 1));
    }

    SharedPage page;
    CountingWaker waker;
    int rings = 0;  // wake-ups of the kernel

  private:
    std::vector<std::uint8_t> request_;
    std::vector<std::uint8_t> response_;
    std::vector<std::uint8_t> event_;

  public:
    RingProducer requests;
    RingConsumer responses;
    RingConsumer events;
    std::optional<Session> session;
};

}  // namespace ais::ipc
