// SPDX-License-Identifier: BSD-3-Clause
//
// Random bytes as the shared memory of a client.
//
// The input is a program for a hostile client: it writes positions and bytes
// wherever it likes, and in between the kernel does its work.  Whatever
// happens, the session stays inside its memory (ASan), hands out no body above the
// limit, and after a disconnection touches nothing any more.

#include "ipc/session.hpp"

#include <ais/ipc_ring.hpp>

#include <cstdlib>
#include <memory>
#include <vector>

namespace {

using namespace ais;
using namespace ais::ipc;

constexpr std::size_t ring_size = 4096;
constexpr std::size_t body_max = 1088;

void require(bool truth) {
    if (!truth) {
        std::abort();
    }
}

struct QuietWaker final : Waker {
    void wake_response() override { require(!closed); }
    void wake_room() override { require(!closed); }
    void ring_doorbell() override { require(!closed); }
    void close(std::string_view) override {
        require(!closed);
        closed = true;
    }
    bool closed = false;
};

struct Answerer final : Dispatcher {
    bool may_request() const override { return may; }
    ais_status on_open(Session&, Bytes) override { return AIS_OK; }
    void on_request(Session& session, const Session::Request& request) override {
        require(request.body.size() <= body_max);
        sum += request.body.empty() ? 0 : request.body.front() + request.body.back();
        const ais_bytes part = to_abi(request.body);
        session.respond(request.serial, 0, {&part, 1});
        session.notify(request.kind, request.kind & 1U, {&part, 1});
    }
    void on_close(Session&) override {}
    bool may = true;
    unsigned sum = 0;
};

struct Input {
    const std::uint8_t* at;
    std::size_t left;
    std::uint8_t byte() {
        if (left == 0) {
            return 0;
        }
        --left;
        return *at++;
    }
    std::uint32_t word() {
        std::uint32_t value = 0;
        for (int i = 0; i < 4; ++i) {
            value = value << 8 | byte();
        }
        return value;
    }
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    Limits limits;
    limits.message_max = 1024;
    limits.header_room = 64;
    limits.outbox_max = 8192;
    limits.stall_timeout = std::chrono::milliseconds(10);
    auto page = std::make_unique<SharedPage>();
    std::vector<std::uint8_t> rings[3];
    for (auto& ring : rings) {
        ring.resize(2 * ring_size);
    }
    Memory memory;
    memory.page = page.get();
    memory.request = rings[0].data();
    memory.response = rings[1].data();
    memory.event = rings[2].data();
    memory.request_size = memory.response_size = memory.event_size = ring_size;

    QuietWaker waker;
    Answerer answerer;
    Sessions all(answerer, null_log());
    Session session(limits, memory, waker, {}, 40, null_log());
    require(all.open(session, {}) == AIS_OK);

    Input input{data, size};
    std::int64_t time = 0;
    RingProducer honest(page->request, rings[0].data(), ring_size);
    while (input.left > 0) {
        switch (input.byte() % 10) {
            case 0:
                page->request.written = input.word();
                break;
            case 1:  // near where it is, which goes further
                page->request.written += input.byte();
                break;
            case 2:
                page->response.read += input.byte();
                page->event.read += input.byte();
                break;
            case 3:
                page->response.read = input.word();
                break;
            case 4:
                page->event.read = input.word();
                break;
            case 5:
                page->event.sleeping = input.word();
                page->response.sleeping = input.byte();
                page->request.room_wanted = input.byte();
                break;
            case 6: {
                const std::size_t place = input.word() % ring_size;
                for (std::size_t i = 0; i < 32; ++i) {
                    rings[0][place + i] = input.byte();
                }
                break;
            }
            case 7: {  // what an honest client does
                std::vector<std::uint8_t> body(input.word() % (body_max + 1), input.byte());
                if (honest.has_room(body.size())) {
                    FrameHeader header;
                    header.size = static_cast<std::uint32_t>(body.size());
                    header.kind = input.byte();
                    header.serial = input.byte();
                    const ais_bytes part = to_abi(Bytes(body));
                    honest.put(header, {&part, 1});
                    honest.publish();
                }
                break;
            }
            case 8:  // and what one does that takes everything
                page->response.read = page->response.written.load();
                page->event.read = page->event.written.load();
                break;
            default:
                answerer.may = !answerer.may;
                break;
        }
        time += 1'000'000 * (input.byte() % 4);
        const Instant now{Duration(time)};
        all.on_wake(session);
        all.look();
        all.run(now, 16);
        all.flush(now);
    }
    answerer.may = true;
    if (session.finish()) {
        while (all.run(Instant(Duration(time)), 16)) {
        }
    }
    all.close(session);
    return 0;
}
