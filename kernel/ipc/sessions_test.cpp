// SPDX-License-Identifier: BSD-3-Clause

#include "base/mark.hpp"
#include "ipc/plain_client.hpp"

#include <gtest/gtest.h>

#include <functional>

namespace ais::ipc {
namespace {

using std::chrono::milliseconds;

constexpr Instant start{};

struct Recorder final : Dispatcher {
    bool may_request() const override { return may; }
    bool is_waiting_to_send() const override { return waits; }
    ais_status on_open(Session&, Bytes hello) override {
        opens.emplace_back(as_text(hello));
        return answer;
    }
    void on_request(Session& session, const Session::Request& request) override {
        requests.emplace_back(as_text(request.body));
        if (then) {
            then(session, request);
        }
    }
    void on_close(Session&) override { ++closes; }

    bool may = true;
    bool waits = false;
    ais_status answer = AIS_OK;
    std::vector<std::string> opens;
    std::vector<std::string> requests;
    int closes = 0;
    std::function<void(Session&, const Session::Request&)> then;
};

class SessionsOfClients : public testing::Test {
  protected:
    void open(PlainClient& client) {
        ASSERT_EQ(all.open(*client.session, {}), AIS_OK);
        while (all.run(start, 10)) {
        }
        all.flush(start);
    }

    Recorder recorder;
    Sessions all{recorder, null_log()};
};

TEST_F(SessionsOfClients, sleep_until_they_are_woken) {
    PlainClient a;
    ASSERT_EQ(all.open(*a.session, as_bytes("hello")), AIS_OK);
    EXPECT_EQ(recorder.opens, std::vector<std::string>{"hello"});
    EXPECT_FALSE(all.run(start, 10));
    EXPECT_EQ(a.page.request.sleeping, 1U);
    a.ask(1, 1, "x");
    EXPECT_FALSE(all.run(start, 10));
    EXPECT_TRUE(recorder.requests.empty());
    all.on_wake(*a.session);
    EXPECT_FALSE(all.run(start, 10));
    EXPECT_EQ(recorder.requests, std::vector<std::string>{"x"});
    EXPECT_EQ(a.page.request.sleeping, 1U);
    EXPECT_EQ(all.stats().requests, 1U);
}

TEST_F(SessionsOfClients, are_looked_at_without_a_bell_when_the_token_comes) {
    PlainClient a;
    PlainClient b;
    open(a);
    open(b);
    a.ask(1, 0, "x");
    EXPECT_MARK("ipc.finds_request_before_the_bell", all.look());
    EXPECT_FALSE(all.run(start, 10));
    EXPECT_EQ(recorder.requests, std::vector<std::string>{"x"});
    EXPECT_EQ(a.page.request.sleeping, 1U);
    all.on_wake(*a.session);  // the bell that was rung all the same
    EXPECT_FALSE(all.run(start, 10));
    EXPECT_EQ(recorder.requests.size(), 1U);
    EXPECT_EQ(a.page.request.sleeping, 1U);
}

TEST_F(SessionsOfClients, need_no_bell_when_they_were_looked_at_first) {
    PlainClient a;
    open(a);
    // The frame is there, and the client has not got to the bell yet.
    FrameHeader header;
    header.size = 1;
    header.kind = 1;
    const ais_bytes part = to_abi(std::string_view("x"));
    a.requests.put(header, {&part, 1});
    a.requests.publish();
    all.look();
    EXPECT_EQ(a.page.request.sleeping, 0U);
    EXPECT_FALSE(all.run(start, 10));
    EXPECT_EQ(recorder.requests, std::vector<std::string>{"x"});
}

TEST_F(SessionsOfClients, are_looked_at_no_longer_when_they_are_gone) {
    PlainClient a;
    open(a);
    a.ask(1, 0, "x");
    all.close(*a.session);
    all.look();
    EXPECT_FALSE(all.run(start, 10));
    EXPECT_TRUE(recorder.requests.empty());
}

// The rest of a stream, as sessions.cpp has it.
constexpr std::chrono::microseconds stream_rest{100};

TEST_F(SessionsOfClients, are_not_told_to_ring_in_the_middle_of_a_stream) {
    PlainClient a;
    open(a);
    for (int i = 0; i < 4; ++i) {
        a.ask(1, 0, "x");
    }
    all.on_wake(*a.session);
    EXPECT_MARK("ipc.stream_is_not_told_to_ring", EXPECT_FALSE(all.run(start, 10)));
    EXPECT_EQ(a.page.request.sleeping, 0U);
    EXPECT_EQ(all.deadline(), start + stream_rest);
    const int rings = a.rings;
    a.ask(1, 0, "y");
    EXPECT_FALSE(all.run(start, 10));  // any turn looks
    EXPECT_EQ(recorder.requests.size(), 5U);
    EXPECT_EQ(a.rings, rings);
}

TEST_F(SessionsOfClients, are_told_to_ring_when_a_stream_has_rested) {
    PlainClient a;
    open(a);
    for (int i = 0; i < 4; ++i) {
        a.ask(1, 0, "x");
    }
    all.on_wake(*a.session);
    EXPECT_FALSE(all.run(start, 10));
    EXPECT_FALSE(all.run(start + stream_rest / 2, 10));
    EXPECT_EQ(a.page.request.sleeping, 0U);
    EXPECT_FALSE(all.run(start + stream_rest, 10));
    EXPECT_EQ(a.page.request.sleeping, 1U);
    EXPECT_FALSE(all.deadline());
    a.ask(1, 0, "y");
    all.on_wake(*a.session);
    EXPECT_FALSE(all.run(start + stream_rest, 10));
    EXPECT_EQ(recorder.requests.size(), 5U);
    EXPECT_EQ(a.page.request.sleeping, 1U);  // one message is no stream
}

TEST_F(SessionsOfClients, stream_when_they_ask_again_without_having_taken_what_they_were_sent) {
    PlainClient a;
    open(a);
    const ais_bytes part = to_abi(std::string_view("e"));
    recorder.then = [&](Session& session, const Session::Request&) {
        session.notify(1, 0, {&part, 1});
    };
    const auto ask = [&] {
        a.ask(1, 0, "x");
        all.on_wake(*a.session);
        EXPECT_FALSE(all.run(start, 10));
        all.flush(start);
    };
    ask();
    EXPECT_EQ(a.page.request.sleeping, 1U);
    EXPECT_TRUE(a.take_event());
    ask();
    EXPECT_EQ(a.page.request.sleeping, 1U);
    ask();
    EXPECT_EQ(a.page.request.sleeping, 0U);
}

TEST_F(SessionsOfClients, stream_when_they_ask_while_messages_wait_for_the_token) {
    PlainClient a;
    open(a);
    recorder.waits = true;
    a.ask(1, 0, "x");
    all.on_wake(*a.session);
    EXPECT_FALSE(all.run(start, 10));
    EXPECT_EQ(a.page.request.sleeping, 0U);
    a.ask(1, 0, "y");
    EXPECT_MARK("ipc.finds_request_of_a_stream", all.look());  // the token comes
    EXPECT_FALSE(all.run(start, 10));
    EXPECT_EQ(recorder.requests.size(), 2U);
}

TEST_F(SessionsOfClients, do_not_stream_while_they_wait_for_a_response) {
    PlainClient a;
    open(a);
    recorder.waits = true;
    for (int i = 0; i < 4; ++i) {
        a.ask(1, 0, "x");
    }
    a.ask(1, 1, "call");
    all.on_wake(*a.session);
    EXPECT_FALSE(all.run(start, 10));
    EXPECT_EQ(a.page.request.sleeping, 1U);
}

TEST_F(SessionsOfClients, may_go_in_the_middle_of_a_stream) {
    auto a = std::make_unique<PlainClient>();
    open(*a);
    for (int i = 0; i < 4; ++i) {
        a->ask(1, 0, "x");
    }
    all.on_wake(*a->session);
    EXPECT_FALSE(all.run(start, 10));
    all.close(*a->session);
    a.reset();
    EXPECT_FALSE(all.deadline());
    EXPECT_FALSE(all.run(start + stream_rest, 10));
    EXPECT_EQ(recorder.requests.size(), 4U);
}

TEST_F(SessionsOfClients, share_the_room_of_one_ring) {
    Limits limits = small_limits();
    limits.request_ring = 128U << 10;
    std::vector<std::unique_ptr<PlainClient>> clients;
    for (int i = 0; i < 8; ++i) {
        clients.push_back(std::make_unique<PlainClient>(limits));
        open(*clients.back());
    }
    for (const auto& client : clients) {
        EXPECT_EQ(client->page.request_share, 32U << 10) << "until it is seen to be alone";
    }
    PlainClient& one = *clients.front();
    one.ask(1, 0, "alone");
    all.on_wake(*one.session);
    all.run(start, 1);
    EXPECT_EQ(one.page.request_share, 128U << 10);
    for (const auto& client : clients) {
        client->ask(1, 0, "together");
        client->ask(1, 0, "together");
        all.on_wake(*client->session);
    }
    all.run(start, 8);
    for (const auto& client : clients) {
        EXPECT_EQ(client->page.request_share, 32U << 10) << "no less, however many";
    }
    while (all.run(start, 100)) {
    }
    one.ask(1, 0, "alone again");
    one.ask(1, 0, "alone again");
    all.on_wake(*one.session);
    const Instant later = start + milliseconds(1);
    all.run(later, 100);
    one.ask(1, 0, "the others rest");
    all.on_wake(*one.session);
    all.run(later + milliseconds(1), 1);
    EXPECT_EQ(one.page.request_share, 128U << 10);
}

TEST_F(SessionsOfClients, wake_a_sender_when_half_of_its_share_is_free) {
    Limits limits = small_limits();
    limits.request_ring = 128U << 10;
    PlainClient a(limits);
    PlainClient b(limits);
    PlainClient c(limits);
    PlainClient d(limits);
    const std::string body(1000, 'x');
    for (PlainClient* each : {&a, &b, &c, &d}) {
        open(*each);
    }
    for (PlainClient* each : {&a, &b, &c, &d}) {
        for (int i = 0; i < 40; ++i) {
            each->ask(1, 0, body);
        }
        all.on_wake(*each->session);
    }
    all.run(start, 4);
    const std::size_t share = a.page.request_share;
    ASSERT_EQ(share, 32U << 10);
    EXPECT_FALSE(a.requests.has_room(body.size(), share)) << "though its ring has";
    EXPECT_TRUE(a.requests.has_room(body.size()));
    a.page.request.room_wanted = 1;
    all.flush(start);
    EXPECT_EQ(a.waker.rooms, 0);
    while (a.waker.rooms == 0) {
        EXPECT_FALSE(a.requests.has_room(body.size(), share / 2));
        ASSERT_TRUE(all.run(start, 4));
        all.flush(start);
    }
    EXPECT_TRUE(a.requests.has_room(body.size(), share / 2 + 1));
}

TEST_F(SessionsOfClients, take_turns) {
    PlainClient a;
    PlainClient b;
    PlainClient c;
    for (PlainClient* client : {&a, &b, &c}) {
        open(*client);
    }
    for (int i = 0; i < 3; ++i) {
        a.ask(1, 0, "a");
    }
    b.ask(1, 0, "b");
    c.ask(1, 0, "c");
    c.ask(1, 0, "c");
    for (PlainClient* client : {&a, &b, &c}) {
        all.on_wake(*client->session);
    }
    while (all.run(start, 10)) {
    }
    EXPECT_EQ(recorder.requests, (std::vector<std::string>{"a", "b", "c", "a", "c", "a"}));
}

TEST_F(SessionsOfClients, stop_at_the_budget_and_go_on_where_they_were) {
    PlainClient a;
    PlainClient b;
    open(a);
    open(b);
    for (int i = 0; i < 5; ++i) {
        a.ask(1, 0, "a");
        b.ask(1, 0, "b");
    }
    all.on_wake(*a.session);
    all.on_wake(*b.session);
    EXPECT_TRUE(all.run(start, 3));
    EXPECT_EQ(recorder.requests.size(), 3U);
    EXPECT_TRUE(all.run(start, 3));
    EXPECT_EQ(recorder.requests, (std::vector<std::string>{"a", "b", "a", "b", "a", "b"}));
}

TEST_F(SessionsOfClients, wait_while_the_dispatcher_takes_nothing_and_are_told) {
    PlainClient a;
    PlainClient idle;
    open(a);
    open(idle);
    recorder.may = false;
    a.ask(1, 0, "x");
    all.on_wake(*a.session);
    EXPECT_FALSE(all.run(start, 10));
    EXPECT_TRUE(recorder.requests.empty());
    EXPECT_EQ(a.page.held_back, held_by_kernel);
    EXPECT_EQ(idle.page.held_back, 0U);
    PlainClient late;
    ASSERT_EQ(all.open(*late.session, {}), AIS_OK);
    late.ask(1, 0, "y");
    EXPECT_EQ(late.page.held_back, held_by_kernel);
    recorder.may = true;
    EXPECT_FALSE(all.run(start, 10));
    EXPECT_EQ(recorder.requests, (std::vector<std::string>{"x", "y"}));
    EXPECT_EQ(a.page.held_back, 0U);
    EXPECT_EQ(late.page.held_back, 0U);
}

TEST_F(SessionsOfClients, stop_in_the_middle_when_the_dispatcher_is_full) {
    PlainClient a;
    open(a);
    recorder.then = [&](Session&, const Session::Request&) { recorder.may = false; };
    a.ask(1, 0, "1");
    a.ask(1, 0, "2");
    all.on_wake(*a.session);
    EXPECT_FALSE(all.run(start, 10));
    EXPECT_EQ(recorder.requests.size(), 1U);
    // It is known that more waits, so no wake-up is needed for what comes now.
    a.ask(1, 0, "3");
    EXPECT_EQ(a.rings, 1);
}

TEST_F(SessionsOfClients, go_on_with_a_client_that_its_service_lets_go) {
    PlainClient a;
    open(a);
    a.session->hold_back(true);
    a.ask(1, 0, "x");
    all.on_wake(*a.session);
    EXPECT_FALSE(all.run(start, 10));
    EXPECT_TRUE(recorder.requests.empty());
    a.session->hold_back(false);
    EXPECT_FALSE(all.run(start, 10));
    EXPECT_EQ(recorder.requests.size(), 1U);
}

TEST_F(SessionsOfClients, go_on_with_a_client_that_has_taken_its_responses) {
    PlainClient a;
    open(a);
    recorder.then = [](Session& session, const Session::Request& request) {
        const ais_bytes part = to_abi(request.body);
        session.respond(request.serial, 0, {&part, 1});
    };
    const std::string text(500, 'x');
    std::size_t asked = 0;
    std::size_t answered = 0;
    for (int turn = 0; turn < 200; ++turn) {
        asked += a.ask(1, 7, text) ? 1 : 0;
        all.on_wake(*a.session);
        all.run(start, 10);
        all.flush(start);
        FrameHeader header;
        if (turn % 3 == 0 && PlainClient::take(a.responses, header)) {
            ++answered;
        }
    }
    EXPECT_FALSE(a.session->is_disconnected());
    FrameHeader header;
    for (int turn = 0; turn < 50; ++turn) {
        answered += PlainClient::take(a.responses, header) ? 1 : 0;
        all.on_wake(*a.session);
        all.run(start, 10);
        all.flush(start);
    }
    EXPECT_EQ(answered, asked);
}

TEST_F(SessionsOfClients, flush_only_who_was_written_to) {
    PlainClient a;
    PlainClient b;
    open(a);
    open(b);
    const ais_bytes part = to_abi(std::string_view("x"));
    a.session->notify(1, 0, {&part, 1});
    a.session->notify(1, 0, {&part, 1});
    all.flush(start);
    all.flush(start);
    EXPECT_EQ(a.waker.bells, 1);
    EXPECT_EQ(b.waker.bells, 0);
    EXPECT_EQ(all.stats().events, 2U);
}

TEST_F(SessionsOfClients, are_congested_while_one_is_and_say_when_that_ends) {
    PlainClient a;
    open(a);
    EXPECT_FALSE(all.deadline());
    const std::string text(500, 'x');
    const ais_bytes part = to_abi(text);
    for (int i = 0; i < 10; ++i) {
        a.session->notify(1, 0, {&part, 1});
    }
    all.flush(start + milliseconds(5));
    EXPECT_TRUE(all.congested(start + milliseconds(5)));
    ASSERT_TRUE(all.deadline());
    EXPECT_EQ(*all.deadline(), start + milliseconds(1005));
    // Progress moves it, without any wake-up by the client.
    EXPECT_TRUE(a.take_event());
    all.flush(start + milliseconds(500));
    EXPECT_EQ(*all.deadline(), start + milliseconds(1500));
    all.flush(start + milliseconds(1500));
    EXPECT_FALSE(all.congested(start + milliseconds(1500)));
    EXPECT_FALSE(all.deadline());
    while (a.take_event()) {
    }
    all.on_wake(*a.session);
    all.flush(start + milliseconds(1600));
    EXPECT_FALSE(all.congested(start + milliseconds(1600)));
    EXPECT_TRUE(a.take_event());
}

TEST_F(SessionsOfClients, disconnect_one_liar_and_serve_the_rest) {
    PlainClient a;
    PlainClient liar;
    open(liar);
    open(a);
    liar.page.request.written = 12345;
    a.ask(1, 0, "x");
    all.on_wake(*liar.session);
    all.on_wake(*a.session);
    EXPECT_FALSE(all.run(start, 10));
    EXPECT_EQ(recorder.requests, std::vector<std::string>{"x"});
    EXPECT_EQ(liar.waker.closes, 1);
    EXPECT_EQ(all.stats().broke_rules, 1U);
    all.close(*liar.session);
    EXPECT_EQ(recorder.closes, 1);
    EXPECT_EQ(all.count(), 1U);
}

TEST_F(SessionsOfClients, do_not_keep_who_is_refused) {
    PlainClient a;
    recorder.answer = AIS_ERR_DENIED;
    EXPECT_EQ(all.open(*a.session, {}), AIS_ERR_DENIED);
    EXPECT_EQ(all.count(), 0U);
    EXPECT_EQ(all.stats().refused, 1U);
    a.session.reset();
    EXPECT_FALSE(all.run(start, 10));
    all.flush(start);
    EXPECT_EQ(recorder.closes, 0);
}

TEST(SessionsThatEnd, leave_clients_that_live_longer_in_peace) {
    Recorder recorder;
    PlainClient asleep;
    PlainClient ready;
    {
        Sessions all(recorder, null_log());
        for (PlainClient* each : {&asleep, &ready}) {
            ASSERT_EQ(all.open(*each->session, {}), AIS_OK);
        }
        all.run(start, 10);
        ready.ask(1, 0, "x");
        all.on_wake(*ready.session);
    }
    asleep.session.reset();  // shown by the address sanitizer
    ready.session.reset();
}

TEST_F(SessionsOfClients, forget_a_client_that_is_closed_in_every_list) {
    auto a = std::make_unique<PlainClient>();
    open(*a);
    const std::string text(500, 'x');
    const ais_bytes part = to_abi(text);
    for (int i = 0; i < 10; ++i) {
        a->session->notify(1, 0, {&part, 1});
    }
    all.flush(start);
    a->session->notify(1, 0, {&part, 1});
    a->ask(1, 0, "x");
    all.on_wake(*a->session);
    all.close(*a->session);
    a.reset();
    EXPECT_FALSE(all.run(start, 10));
    all.flush(start);
    EXPECT_FALSE(all.congested(start));
    EXPECT_FALSE(all.deadline());
    EXPECT_TRUE(recorder.requests.empty());
    EXPECT_EQ(all.stats().closed, 1U);
}

TEST_F(SessionsOfClients, take_what_a_gone_client_has_left) {
    PlainClient a;
    open(a);
    recorder.may = false;
    a.ask(1, 0, "last");
    a.ask(1, 9, "words");
    EXPECT_MARK("ipc.requests_outlive_their_client", EXPECT_TRUE(a.session->finish()));
    EXPECT_FALSE(all.run(start, 10));
    EXPECT_EQ(a.waker.finishes, 0);
    recorder.may = true;
    recorder.then = [](Session& session, const Session::Request&) {
        EXPECT_EQ(session.respond(9, 0, {}), AIS_ERR_FAILED);
        EXPECT_EQ(session.notify(9, 0, {}), AIS_ERR_FAILED);
    };
    while (all.run(start, 1)) {
        all.flush(start);
    }
    EXPECT_EQ(recorder.requests, (std::vector<std::string>{"last", "words"}));
    EXPECT_EQ(a.waker.finishes, 1);
    EXPECT_EQ(a.waker.bells + a.waker.responses + a.waker.rooms, 0);
    all.close(*a.session);
    PlainClient b;
    open(b);
    EXPECT_FALSE(b.session->finish());
}

}  // namespace
}  // namespace ais::ipc
