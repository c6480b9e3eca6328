// SPDX-License-Identifier: BSD-3-Clause

#include "base/mark.hpp"
#include "ipc/plain_client.hpp"

#include <gtest/gtest.h>

namespace ais::ipc {
namespace {

using std::chrono::milliseconds;

constexpr Instant start{};

ais_status notify(Session& session, std::string_view text, std::uint32_t flags = 0) {
    const ais_bytes part = to_abi(text);
    return session.notify(3, flags, {&part, 1});
}

ais_status respond(Session& session, std::uint64_t serial, std::string_view text) {
    const ais_bytes part = to_abi(text);
    return session.respond(serial, 5, {&part, 1});
}

// Fill the ring and put one more into the outbox.
int overflow(PlainClient& client, std::size_t size = 500) {
    int count = 0;
    const std::string text(size, 'e');
    while (!client.session->is_congested(start)) {
        EXPECT_EQ(notify(*client.session, text), AIS_OK);
        client.session->flush(start);
        ++count;
    }
    return count;
}

TEST(Session, hands_out_requests_in_order) {
    PlainClient client;
    Session& session = *client.session;
    Session::Request request;
    EXPECT_FALSE(session.next_request(request));
    client.ask(1, 11, "first");
    client.ask(2, 0, "");
    ASSERT_TRUE(session.next_request(request));
    EXPECT_EQ(request.kind, 1);
    EXPECT_EQ(request.serial, 11U);
    EXPECT_EQ(as_text(request.body), "first");
    session.release_request();
    ASSERT_TRUE(session.next_request(request));
    EXPECT_EQ(request.kind, 2);
    EXPECT_EQ(request.serial, 0U);
    EXPECT_TRUE(request.body.empty());
    session.release_request();
    EXPECT_FALSE(session.next_request(request));
    EXPECT_EQ(client.waker.closes, 0);
}

TEST(Session, hands_out_a_private_copy_of_the_body) {
    PlainClient client;
    std::uint8_t* place = client.request_place();
    client.ask(1, 1, "honest");
    Session::Request request;
    ASSERT_TRUE(client.session->next_request(request));
    std::memcpy(place + sizeof(FrameHeader), "hostil", 6);
    EXPECT_EQ(as_text(request.body), "honest");
    // And the frame's end is where it was when it was checked.
    FrameHeader header;
    header.size = 900;
    std::memcpy(place, &header, sizeof header);
    client.session->release_request();
    EXPECT_EQ(client.page.request.read, frame_space(6));
}

TEST(Session, goes_round_the_ring) {
    PlainClient client;
    Session::Request request;
    for (int i = 0; i < 200; ++i) {
        const std::string text(static_cast<std::size_t>(i * 5), static_cast<char>('a' + i % 26));
        ASSERT_TRUE(client.ask(1, 1, text));
        ASSERT_TRUE(client.session->next_request(request));
        ASSERT_EQ(as_text(request.body), text);
        client.session->release_request();
        ASSERT_EQ(notify(*client.session, text), AIS_OK);
        client.session->flush(start);
        ASSERT_EQ(client.take_event(), text);
    }
}

TEST(Session, arms_the_wake_up_only_if_nothing_has_come) {
    PlainClient client;
    client.ask(1, 1, "x");
    EXPECT_FALSE(client.session->sleep());
    EXPECT_EQ(client.page.request.sleeping, 0U);
    Session::Request request;
    ASSERT_TRUE(client.session->next_request(request));
    client.session->release_request();
    EXPECT_TRUE(client.session->sleep());
    EXPECT_EQ(client.page.request.sleeping, 1U);
}

TEST(Session, wakes_a_sleeping_caller_once_per_flush) {
    PlainClient client;
    client.page.response.sleeping = 1;
    EXPECT_EQ(respond(*client.session, 8, "one"), AIS_OK);
    EXPECT_EQ(respond(*client.session, 9, "two"), AIS_OK);
    EXPECT_EQ(client.page.response.written, 0U);
    client.session->flush(start);
    EXPECT_EQ(client.waker.responses, 1);
    EXPECT_EQ(client.page.response.sleeping, 0U);
    EXPECT_EQ(respond(*client.session, 10, "three"), AIS_OK);
    client.session->flush(start);
    EXPECT_EQ(client.waker.responses, 1);
    FrameHeader header;
    EXPECT_EQ(PlainClient::take(client.responses, header), "one");
    EXPECT_EQ(header.serial, 8U);
    EXPECT_EQ(header.error, 5);
    EXPECT_EQ(PlainClient::take(client.responses, header), "two");
    EXPECT_EQ(PlainClient::take(client.responses, header), "three");
}

TEST(Session, rings_once_for_many_events) {
    PlainClient client;
    for (int i = 0; i < 10; ++i) {
        notify(*client.session, "event");
    }
    EXPECT_EQ(client.waker.bells, 0);
    client.session->flush(start);
    EXPECT_EQ(client.waker.bells, 1);
    notify(*client.session, "event");
    client.session->flush(start);
    client.session->flush(start);
    EXPECT_EQ(client.waker.bells, 1);
    EXPECT_EQ(client.page.event.sleeping, bell_rung);
}

TEST(Session, refuses_what_is_too_big_and_a_response_for_nobody) {
    PlainClient client;
    const std::string largest(1088, 'x');
    EXPECT_EQ(notify(*client.session, largest), AIS_OK);
    EXPECT_EQ(notify(*client.session, largest + "x"), AIS_ERR_TOO_BIG);
    EXPECT_EQ(respond(*client.session, 1, largest + "x"), AIS_ERR_TOO_BIG);
    EXPECT_EQ(respond(*client.session, 0, "x"), AIS_ERR_INVALID);
    EXPECT_EQ(client.waker.closes, 0);
}

TEST(Session, keeps_order_through_the_outbox) {
    PlainClient client;
    std::vector<std::string> sent;
    for (int i = 0; i < 16; ++i) {
        sent.push_back(std::to_string(i) + std::string(500, 'x'));
        ASSERT_EQ(notify(*client.session, sent.back()), AIS_OK);
    }
    std::vector<std::string> seen;
    for (int turn = 0; turn < 20; ++turn) {
        client.session->flush(start);
        if (const auto text = client.take_event()) {
            seen.push_back(*text);
        }
    }
    EXPECT_EQ(seen, sent);
    EXPECT_FALSE(client.session->is_congested(start));
}

TEST(Session, drops_only_what_may_be_dropped_when_the_ring_is_full) {
    PlainClient client;
    overflow(client);
    EXPECT_MARK("ipc.droppable_notification_is_dropped",
                EXPECT_EQ(notify(*client.session, "x", AIS_NOTIFY_DROPPABLE), AIS_ERR_AGAIN));
    EXPECT_EQ(notify(*client.session, "y"), AIS_OK);
    EXPECT_EQ(client.waker.closes, 0);
    std::string last;
    for (int i = 0; i < 30; ++i) {
        if (const auto text = client.take_event()) {
            last = *text;
        }
        client.session->flush(start);
    }
    EXPECT_EQ(last, "y");
}

TEST(Session, disconnects_a_client_whose_outbox_overflows) {
    PlainClient client;
    ais_status status = AIS_OK;
    int count = 0;
    EXPECT_MARK("ipc.overflow_disconnects", {
        while ((status = notify(*client.session, std::string(500, 'x'))) == AIS_OK) {
            ++count;
        }
    });
    // 4096 / 528 in the ring, 8192 / 528 in the outbox.
    EXPECT_EQ(count, 7 + 15);
    EXPECT_EQ(status, AIS_ERR_FAILED);
    EXPECT_EQ(client.waker.closes, 1);
    EXPECT_EQ(client.waker.why, "event queue overflow");
    EXPECT_TRUE(client.session->is_disconnected());
    EXPECT_EQ(notify(*client.session, "x"), AIS_ERR_FAILED);
    client.session->flush(start);
    EXPECT_EQ(client.waker.closes, 1);
}

TEST(Session, looks_again_before_it_disconnects) {
    PlainClient client;
    for (int i = 0; i < 7 + 15; ++i) {
        ASSERT_EQ(notify(*client.session, std::string(500, 'x')), AIS_OK);
    }
    client.session->flush(start);
    EXPECT_TRUE(client.take_event());
    EXPECT_EQ(notify(*client.session, std::string(500, 'x')), AIS_OK);
    EXPECT_EQ(client.waker.closes, 0);
}

TEST(Session, is_congested_until_it_has_stalled) {
    PlainClient client;
    overflow(client);
    EXPECT_TRUE(client.session->is_congested(start + milliseconds(999)));
    EXPECT_FALSE(client.session->is_congested(start + milliseconds(1000)));
    EXPECT_EQ(client.page.held_back, held_by_events);
    EXPECT_MARK("ipc.stalled_client_does_not_slow_the_ring",
                client.session->flush(start + milliseconds(1000)));
    EXPECT_FALSE(client.session->is_congested(start + milliseconds(1000)));
    EXPECT_FALSE(client.session->is_disconnected());
    // It wakes up: it counts again until the outbox is empty.
    EXPECT_TRUE(client.take_event());
    notify(*client.session, std::string(500, 'x'));
    notify(*client.session, std::string(500, 'x'));
    client.session->flush(start + milliseconds(2000));
    EXPECT_TRUE(client.session->is_congested(start + milliseconds(2500)));
    while (client.take_event()) {
    }
    client.session->flush(start + milliseconds(2600));
    EXPECT_FALSE(client.session->is_congested(start + milliseconds(2600)));
    EXPECT_EQ(client.page.held_back, 0U);
}

TEST(Session, asks_to_be_told_of_room_while_something_waits) {
    PlainClient client;
    notify(*client.session, "x");
    client.session->flush(start);
    EXPECT_EQ(client.page.event.room_wanted, 0U);
    overflow(client);
    EXPECT_EQ(client.page.event.room_wanted, 1U);
}

TEST(Session, wakes_a_producer_when_half_of_the_ring_is_free) {
    PlainClient client;
    int asked = 0;
    while (client.ask(1, 0, std::string(100, 'x'))) {
        ++asked;
    }
    client.page.request.room_wanted = 1;
    Session::Request request;
    int taken = 0;
    while (client.waker.rooms == 0) {
        ASSERT_TRUE(client.session->next_request(request));
        client.session->release_request();
        client.session->flush(start);
        ++taken;
    }
    EXPECT_NEAR(taken, asked / 2, 2);
    EXPECT_EQ(client.page.request.room, 1U);
    EXPECT_EQ(client.page.request.room_wanted, 0U);
}

TEST(Session, does_not_read_requests_while_responses_wait) {
    PlainClient client;
    client.ask(1, 1, "x");
    EXPECT_MARK("ipc.response_waits_in_outbox", {
        for (int i = 0; i < 8; ++i) {
            EXPECT_EQ(respond(*client.session, 7, std::string(500, 'r')), AIS_OK);
        }
    });
    Session::Request request;
    EXPECT_FALSE(client.session->next_request(request));
    client.session->flush(start);
    FrameHeader header;
    EXPECT_TRUE(PlainClient::take(client.responses, header));
    client.session->flush(start);
    EXPECT_TRUE(client.session->next_request(request));
}

TEST(Session, disconnects_a_client_that_takes_no_responses) {
    PlainClient client;
    ais_status status = AIS_OK;
    for (int i = 0; i < 100 && status == AIS_OK; ++i) {
        status = respond(*client.session, 7, std::string(500, 'r'));
    }
    EXPECT_EQ(status, AIS_ERR_FAILED);
    EXPECT_EQ(client.waker.why, "response queue overflow");
}

TEST(Session, holds_a_client_back_and_tells_it) {
    PlainClient client;
    client.ask(1, 1, "x");
    client.page.request.room_wanted = 1;
    client.session->hold_back(true);
    EXPECT_EQ(client.page.held_back, held_by_kernel);
    EXPECT_EQ(client.waker.rooms, 1);
    Session::Request request;
    EXPECT_FALSE(client.session->next_request(request));
    client.session->set_held_back_flag(true);
    client.session->hold_back(false);
    EXPECT_EQ(client.page.held_back, held_by_kernel);
    client.session->set_held_back_flag(false);
    EXPECT_EQ(client.page.held_back, 0U);
    EXPECT_TRUE(client.session->next_request(request));
}

struct KindFiveIsOpaque final : Dispatcher {
    bool may_request() const override { return true; }
    bool is_opaque(std::uint16_t service, std::uint16_t kind) const override {
        return service == 40 && kind == 5;
    }
    ais_status on_open(Session&, Bytes) override { return AIS_OK; }
    void on_request(Session&, const Session::Request&) override {}
    void on_close(Session&) override {}
};

TEST(Session, copies_bodies_but_large_ones_that_nobody_looks_at) {
    const KindFiveIsOpaque dispatcher;
    PlainClient client;
    const std::string large(600, 'x');
    const auto is_copied = [&](std::uint16_t kind, const std::string& body) {
        std::uint8_t* const place = client.request_place() + sizeof(FrameHeader);
        EXPECT_TRUE(client.ask(kind, 0, body));
        Session::Request request;
        EXPECT_TRUE(client.session->next_request(request, &dispatcher));
        EXPECT_EQ(as_text(request.body), body);
        *place = '!';  // the client changes its mind
        const bool copied = as_text(request.body) == body;
        EXPECT_EQ(request.body.data() == place, !copied);
        client.session->release_request();
        return copied;
    };
    EXPECT_FALSE(is_copied(5, large));
    EXPECT_TRUE(is_copied(4, large));
    EXPECT_TRUE(is_copied(5, "small"));
    EXPECT_FALSE(is_copied(5, large));
}

// What a hostile or broken client can write, and that it is cut off for it.
struct Lie {
    const char* what;
    void (*tell)(PlainClient&);
};

void put_header(PlainClient& client, std::uint32_t size) {
    FrameHeader header;
    header.size = size;
    std::memcpy(client.request_place(), &header, sizeof header);
}

class HostileRequests : public testing::TestWithParam<Lie> {};

TEST_P(HostileRequests, are_answered_by_disconnection) {
    PlainClient client;
    Session& session = *client.session;
    GetParam().tell(client);
    Session::Request request;
    while (session.next_request(request)) {
        session.release_request();
    }
    EXPECT_TRUE(session.is_disconnected());
    EXPECT_EQ(client.waker.closes, 1);
    EXPECT_FALSE(session.next_request(request));
}

INSTANTIATE_TEST_SUITE_P(
    Session,
    HostileRequests,
    testing::Values(
        Lie{"written_beyond_the_ring", [](PlainClient& c) { c.page.request.written = 4104; }},
        Lie{"written_far_beyond", [](PlainClient& c) { c.page.request.written = ~7ULL; }},
        Lie{"written_unaligned", [](PlainClient& c) { c.page.request.written = 36; }},
        Lie{"written_before_read",
            [](PlainClient& c) {
                c.ask(1, 1, "x");
                Session::Request request;
                ASSERT_TRUE(c.session->next_request(request));
                c.session->release_request();
                c.page.request.written = 8;
            }},
        Lie{"body_above_the_limit",
            [](PlainClient& c) {
                put_header(c, 1089);
                c.page.request.written = 4096;
            }},
        Lie{"body_that_wraps_the_size",
            [](PlainClient& c) {
                put_header(c, 0xffffffffU);
                c.page.request.written = 4096;
            }},
        Lie{"body_longer_than_written",
            [](PlainClient& c) {
                put_header(c, 100);
                c.page.request.written = 120;
            }},
        Lie{"less_than_a_header", [](PlainClient& c) { c.page.request.written = 8; }}),
    [](const auto& lie) { return lie.param.what; });

TEST(Session, disconnects_for_read_positions_that_cannot_be) {
    for (const std::uint64_t read : {std::uint64_t{1} << 50, std::uint64_t{9}, ~std::uint64_t{7}}) {
        PlainClient client;
        client.page.event.read = read;
        for (int i = 0; i < 20 && !client.session->is_disconnected(); ++i) {
            notify(*client.session, std::string(500, 'x'));
            client.session->flush(start);
        }
        EXPECT_EQ(client.waker.why, "broke the rules of shared memory") << read;

        PlainClient other;
        other.page.response.read = read;
        for (int i = 0; i < 20 && !other.session->is_disconnected(); ++i) {
            respond(*other.session, 1, std::string(500, 'x'));
            other.session->flush(start);
        }
        EXPECT_EQ(other.waker.why, "broke the rules of shared memory") << read;
    }
}

TEST(Session, disconnects_for_a_read_position_that_goes_back) {
    PlainClient client;
    overflow(client);
    EXPECT_TRUE(client.take_event());
    client.session->flush(start);
    EXPECT_FALSE(client.session->is_disconnected());
    client.page.event.read = 0;
    notify(*client.session, std::string(500, 'x'));
    client.session->flush(start);
    EXPECT_TRUE(client.session->is_disconnected());
}

TEST(Session, never_reads_back_the_positions_that_it_owns) {
    PlainClient client;
    client.ask(1, 1, "x");
    client.page.request.read = 1U << 20;
    client.page.response.written = 77;
    client.page.event.written = 1U << 20;
    Session::Request request;
    ASSERT_TRUE(client.session->next_request(request));
    client.session->release_request();
    respond(*client.session, 1, "answer");
    notify(*client.session, "event");
    client.session->flush(start);
    EXPECT_FALSE(client.session->is_disconnected());
    EXPECT_EQ(client.page.request.read, frame_space(1));
    EXPECT_EQ(client.page.response.written, frame_space(6));
    EXPECT_EQ(client.page.event.written, frame_space(5));
}

}  // namespace
}  // namespace ais::ipc
