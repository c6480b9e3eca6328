// SPDX-License-Identifier: BSD-3-Clause
//
// The whole service on an in-memory cluster: what clients ask, and what they are told, as
// text.

#include "wire.hpp"

#include <ais/abi/draft/parts.h>
#include <ais/testing/fake_host.hpp>

#include <openais/saAis.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

extern "C" const struct ais_plugin ais_plugin_msg;

namespace ais::msg {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using namespace std::chrono_literals;

constexpr std::uint32_t receives = flag_receive_callback;

// One process with one handle.
class Program {
  public:
    explicit Program(FakeHost& host, std::uint32_t pid = 100) {
        std::uint8_t space[Hello::size];
        Writer hello(space);
        Hello{}.encode(hello);
        client_ = &host.connect(as_text(hello.written()), pid);
        EXPECT_EQ(client_->open_status, AIS_OK);
    }

    void ask_open(std::uint32_t tag,
                  std::string_view name,
                  std::uint32_t flags = flag_create,
                  std::chrono::nanoseconds retention = 3600s,
                  std::uint64_t size = 1000) {
        OpenRequest open;
        open.tag = tag;
        open.flags = flags;
        if ((flags & flag_create) != 0) {
            open.attributes = {0, {size, size, size, size}, retention.count()};
        }
        Appender body;
        open.encode_head(body, false);
        body.bytes(as_bytes(name));
        request(RequestKind::open, body);
    }
    void ask_close(std::uint32_t tag) { ask(RequestKind::close, tag); }
    void ask_cancel(std::uint32_t tag) { ask(RequestKind::cancel, tag); }
    void ask_unlink(std::string_view name) {
        client_->request(static_cast<std::uint16_t>(RequestKind::unlink), name);
    }
    void ask_status(std::string_view name) {
        client_->request(static_cast<std::uint16_t>(RequestKind::status), name);
    }
    void ask_group(RequestKind kind, std::string_view group, std::string_view queue = {}) {
        Appender body;
        if (kind == RequestKind::group_create) {
            body.u32(1);
        }
        if (queue.empty()) {
            body.bytes(as_bytes(group));
        } else {
            body.text(group);
            body.bytes(as_bytes(queue));
        }
        request(kind, body);
    }
    void ask_track(std::string_view group, std::uint8_t flags) {
        Appender body;
        body.u8(flags);
        body.u32(100);
        body.bytes(as_bytes(group));
        request(RequestKind::track, body);
    }
    void send(std::string_view to, std::string_view data, std::uint8_t priority = 3) {
        Appender body;
        write_message(body, to, data, priority);
        request(RequestKind::send, body);
    }
    void send_async(std::uint64_t invocation,
                    bool ack,
                    std::string_view to,
                    std::string_view data) {
        Appender body;
        body.u64(invocation);
        body.u8(ack ? 1 : 0);
        write_message(body, to, data, 3);
        client_->send(static_cast<std::uint16_t>(RequestKind::send_async), body.written());
    }
    void send_receive(std::uint64_t id,
                      std::string_view to,
                      std::string_view data,
                      std::uint64_t capacity = any_size) {
        Appender body;
        body.u64(id);
        body.u64(capacity);
        write_message(body, to, data, 3);
        request(RequestKind::send_receive, body);
    }
    void forget(std::uint64_t id) {
        Appender body;
        body.u64(id);
        request(RequestKind::forget, body);
    }
    void reply(std::uint64_t sender, std::string_view data) {
        Appender body;
        body.u64(sender);
        Message message;
        message.encode_head(body);
        body.bytes(as_bytes(data));
        request(RequestKind::reply, body);
    }
    void get(std::uint32_t tag,
             std::uint64_t id,
             std::uint64_t capacity = any_size,
             bool waits = true) {
        std::uint8_t space[GetRequest::size];
        Writer body(space);
        GetRequest{tag, id, capacity, waits}.encode(body);
        client_->request(static_cast<std::uint16_t>(RequestKind::get), body.written());
    }
    void got(std::uint32_t tag, std::uint64_t id) { about_get(RequestKind::got, tag, id); }
    void heard_callbacks(std::uint32_t tag, std::uint32_t count) {
        Appender body;
        body.u32(tag);
        body.u32(count);
        client_->send(static_cast<std::uint16_t>(RequestKind::heard), body.written());
    }
    void abandon(std::uint32_t tag, std::uint64_t id) {
        about_get(RequestKind::abandon_get, tag, id);
    }

    std::int32_t answer() { return client_->take_response().error; }
    // Of a get: its data, or the error.
    std::string message(std::uint64_t* sender = nullptr) {
        const FakeResponse response = client_->take_response();
        if (response.serial == 0) {
            return "nothing";
        }
        if (response.error != SA_AIS_OK) {
            return "error " + std::to_string(response.error);
        }
        Reader in(as_bytes(response.body));
        const std::uint64_t sender_id =
            response.kind == static_cast<std::uint16_t>(RequestKind::get) ? in.u64() : 0;
        if (sender != nullptr) {
            *sender = sender_id;
        }
        Message message;
        EXPECT_TRUE(Message::decode(in.rest(), message));
        return std::string(as_text(message.data));
    }
    // What it has been told since the last time.
    std::vector<std::string> heard() {
        std::vector<std::string> lines;
        while (!client_->notifications.empty()) {
            lines.push_back(line(client_->take_notification()));
        }
        return lines;
    }
    FakeClient& client() { return *client_; }

  private:
    static void write_message(Appender& body,
                              std::string_view to,
                              std::string_view data,
                              std::uint8_t priority) {
        body.text(to);
        Message message;
        message.priority = priority;
        message.encode_head(body);
        body.bytes(as_bytes(data));
    }
    void request(RequestKind kind, const Appender& body) {
        client_->request(static_cast<std::uint16_t>(kind), body.written());
    }
    void ask(RequestKind kind, std::uint32_t tag) {
        Appender body;
        body.u32(tag);
        request(kind, body);
    }
    void about_get(RequestKind kind, std::uint32_t tag, std::uint64_t id) {
        Appender body;
        body.u32(tag);
        body.u64(id);
        client_->send(static_cast<std::uint16_t>(kind), body.written());
    }
    static std::string line(const FakeNotification& what) {
        const Bytes body = as_bytes(what.body);
        Reader in(body);
        switch (static_cast<EventKind>(what.kind)) {
            case EventKind::received:
                return "received " + std::to_string(in.u32());
            case EventKind::delivered: {
                const std::uint64_t invocation = in.u64();
                return "delivered " + std::to_string(invocation) + " error " +
                       std::to_string(in.i32());
            }
            case EventKind::tracked: {
                std::string text(in.text());
                text += " of " + std::to_string(in.u32());
                Members members;
                EXPECT_TRUE(Members::decode(in, members));
                for (const Member& member : members.members) {
                    text += " " + std::string(member.name) +
                            (member.change == Change::added     ? "+"
                             : member.change == Change::removed ? "-"
                                                                : "");
                }
                return text;
            }
            default:
                return "kind " + std::to_string(what.kind);
        }
    }

    FakeClient* client_ = nullptr;
};

class MsgService : public testing::Test {
  protected:
    MsgService() { bus.form({1, 2, 3}); }
    ~MsgService() override {
        for (FakeHost* host : {&one, &two, &three}) {
            EXPECT_THAT(host->complaints(), IsEmpty());
        }
    }
    std::int32_t open(Program& program,
                      std::uint32_t tag,
                      std::string_view name,
                      std::uint32_t flags = flag_create,
                      std::chrono::nanoseconds retention = 3600s,
                      std::uint64_t size = 1000) {
        program.ask_open(tag, name, flags, retention, size);
        bus.run();
        return program.answer();
    }
    std::int32_t send(Program& program,
                      std::string_view to,
                      std::string_view data,
                      std::uint8_t priority = 3) {
        program.send(to, data, priority);
        bus.run();
        return program.answer();
    }
    std::string get(Program& program, std::uint32_t tag) {
        program.get(tag, ++last_get, any_size, false);
        bus.run();
        const std::string message = program.message();
        program.got(tag, last_get);
        bus.run();
        return message;
    }
    void pass(std::chrono::nanoseconds time) {
        bus.advance(time);
        bus.run();
    }
    std::string messages(FakeHost& host) {
        const std::string text = host.dump();
        const auto at = text.find("messages ");
        return text.substr(at, text.find(' ', at + 9) - at);
    }
    void expect_equal_replicas() {
        EXPECT_EQ(one.save(), two.save());
        EXPECT_EQ(one.save(), three.save());
    }

    FakeBus bus;
    FakeHost& one = bus.add(1, ais_plugin_msg);
    FakeHost& two = bus.add(2, ais_plugin_msg);
    FakeHost& three = bus.add(3, ais_plugin_msg);
    std::uint64_t last_get = 1000;
};

TEST_F(MsgService, brings_messages_from_all_nodes_to_the_owner_of_a_queue) {
    Program a(one);
    Program b(two);
    EXPECT_EQ(open(a, 1, "q", 0), SA_AIS_ERR_NOT_EXIST);
    EXPECT_EQ(open(a, 1, "q"), SA_AIS_OK);
    EXPECT_EQ(open(b, 1, "q", 0), SA_AIS_ERR_BUSY);
    EXPECT_EQ(send(b, "q", "low"), SA_AIS_OK);
    EXPECT_EQ(send(a, "q", "high", 0), SA_AIS_OK);
    EXPECT_EQ(get(a, 1), "high");
    EXPECT_EQ(get(a, 1), "low");
    EXPECT_EQ(get(a, 1), "error 5");
    EXPECT_EQ(messages(three), "messages 0");
    expect_equal_replicas();
}

TEST_F(MsgService, what_is_behind_a_hole_is_to_be_tried_again) {
    Program a(one);
    open(a, 1, "q");
    for (FakeHost* host : {&one, &two, &three}) {
        host->is_behind_hole = true;
    }
    EXPECT_EQ(send(a, "q", "lost"), SA_AIS_ERR_TRY_AGAIN);
    a.send_receive(1, "q", "lost");
    bus.run();
    EXPECT_EQ(a.answer(), SA_AIS_ERR_TRY_AGAIN);
    for (FakeHost* host : {&one, &two, &three}) {
        host->is_behind_hole = false;
    }
    EXPECT_EQ(send(a, "q", "again"), SA_AIS_OK);
    EXPECT_EQ(get(a, 1), "again");
    EXPECT_EQ(get(a, 1), "error 5");
    expect_equal_replicas();
}

TEST_F(MsgService, a_get_waits_and_each_message_wakes_one) {
    Program a(one);
    Program b(two);
    open(a, 1, "q");
    a.get(1, 1);
    a.get(1, 2);
    bus.run();
    EXPECT_EQ(a.message(), "nothing");
    EXPECT_EQ(send(b, "q", "x"), SA_AIS_OK);
    EXPECT_EQ(a.message(), "x");
    EXPECT_EQ(a.message(), "nothing");
    send(b, "q", "y");
    EXPECT_EQ(a.message(), "y");
}

TEST_F(MsgService, a_message_that_is_too_large_stays_where_it_is) {
    Program a(one);
    open(a, 1, "q");
    send(a, "q", "large");
    send(a, "q", "s");
    a.get(1, 1, 4);
    bus.run();
    const FakeResponse response = a.client().take_response();
    EXPECT_EQ(response.error, SA_AIS_ERR_NO_SPACE);
    Reader in(as_bytes(response.body));
    EXPECT_EQ(in.u64(), 5U);
    a.get(1, 2, 5);
    bus.run();
    EXPECT_EQ(a.message(), "large");
}

TEST_F(MsgService, cancel_wakes_all_that_wait) {
    Program a(one);
    open(a, 1, "q");
    a.ask_cancel(1);
    EXPECT_EQ(a.answer(), SA_AIS_ERR_NOT_EXIST);
    a.get(1, 1);
    a.get(1, 2);
    a.ask_cancel(1);
    EXPECT_EQ(a.message(), "error 16");
    EXPECT_EQ(a.message(), "error 16");
    EXPECT_EQ(a.answer(), SA_AIS_OK);
    a.ask_cancel(1);
    EXPECT_EQ(a.answer(), SA_AIS_ERR_NOT_EXIST);
}

TEST_F(MsgService, a_get_that_is_given_up_leaves_its_message_to_the_next) {
    Program a(one);
    open(a, 1, "q");
    send(a, "q", "x");
    send(a, "q", "y");
    a.get(1, 1);  // takes x, and is given up before that is delivered
    a.abandon(1, 1);
    EXPECT_EQ(a.message(), "error 5");
    bus.run();
    EXPECT_EQ(a.message(), "nothing");
    a.get(1, 2);  // is handed x, and is given up after that
    bus.run();
    EXPECT_EQ(a.message(), "x");
    a.abandon(1, 2);
    EXPECT_EQ(get(a, 1), "x");
    EXPECT_EQ(get(a, 1), "y");
    EXPECT_EQ(messages(two), "messages 0");
}

TEST_F(MsgService, a_get_that_is_given_up_early_does_not_let_a_later_message_pass) {
    Program a(one);
    open(a, 1, "q");
    send(a, "q", "1");
    send(a, "q", "2");
    a.get(1, 1);  // its take is under way
    a.abandon(1, 1);
    a.get(1, 2);
    EXPECT_EQ(a.message(), "error 5");
    bus.run();
    EXPECT_EQ(a.message(), "1");
}

TEST_F(MsgService, what_a_process_has_not_confirmed_goes_to_the_next_owner) {
    Program a(one);
    Program b(two);
    open(a, 1, "q");
    for (const char* data : {"1", "2", "3", "4"}) {
        send(a, "q", data);
    }
    EXPECT_EQ(get(a, 1), "1");
    a.get(1, 5);
    bus.run();
    EXPECT_EQ(a.message(), "2");
    a.get(1, 6);  // not even delivered
    a.client().close();
    bus.run();
    EXPECT_EQ(open(b, 1, "q", 0), SA_AIS_OK);
    EXPECT_EQ(get(b, 1), "2");
    EXPECT_EQ(get(b, 1), "3");
    EXPECT_EQ(get(b, 1), "4");
    EXPECT_EQ(get(b, 1), "error 5");
    expect_equal_replicas();
}

TEST_F(MsgService, the_owner_dies_with_its_node_and_the_messages_do_not) {
    Program a(one);
    Program c(three);
    open(c, 1, "q");
    send(a, "q", "1");
    send(a, "q", "2");
    c.get(1, 1);
    bus.run();
    bus.form({1, 2});
    EXPECT_EQ(open(a, 1, "q", 0), SA_AIS_OK);
    EXPECT_EQ(get(a, 1), "1");
    EXPECT_EQ(get(a, 1), "2");
    EXPECT_EQ(one.save(), two.save());
}

TEST_F(MsgService, announces_each_message_to_who_wants_it) {
    Program a(one);
    Program b(two);
    open(a, 1, "q", flag_create | receives);
    EXPECT_THAT(a.heard(), IsEmpty());
    send(b, "q", "x");
    EXPECT_THAT(a.heard(), ElementsAre("received 1"));
    send(b, "q", "y");
    a.ask_close(1);
    bus.run();
    EXPECT_EQ(a.answer(), SA_AIS_OK);
    EXPECT_EQ(open(b, 7, "q", receives), SA_AIS_OK);
    EXPECT_THAT(b.heard(), ElementsAre("received 7", "received 7"));
}

TEST_F(MsgService, announces_no_more_than_the_library_has_credit_for) {
    Program a(one);
    Program b(two);
    EXPECT_EQ(open(a, 1, "q", flag_create | receives), SA_AIS_OK);
    for (std::uint32_t i = 0; i < received_credit + 300; ++i) {
        send(b, "q", "x");
    }
    EXPECT_EQ(a.heard().size(), received_credit);
    a.heard_callbacks(1, 200);
    EXPECT_EQ(a.heard().size(), 200U);
    EXPECT_THAT(a.heard(), IsEmpty());
    a.heard_callbacks(1, 4'000'000'000);
    EXPECT_EQ(a.heard().size(), 100U) << "one for each message in the end";
}

TEST_F(MsgService, close_wakes_who_waits) {
    Program a(one);
    open(a, 1, "q");
    a.get(1, 1);
    a.ask_close(1);
    EXPECT_EQ(a.message(), "error 9");
    bus.run();
    EXPECT_EQ(a.answer(), SA_AIS_OK);
    a.get(1, 2);
    EXPECT_EQ(a.message(), "error 9");
}

TEST_F(MsgService, close_is_answered_when_all_will_open_the_queue) {
    Program a(one);
    Program b(two);
    open(a, 1, "q");
    a.ask_close(1);
    EXPECT_EQ(a.message(), "nothing") << "it is not ordered yet";
    bus.run();
    EXPECT_EQ(a.answer(), SA_AIS_OK);
    EXPECT_EQ(open(b, 1, "q", 0), SA_AIS_OK);
    expect_equal_replicas();
}

TEST_F(MsgService, close_waits_until_what_was_handed_to_other_threads_is_confirmed) {
    Program a(one);
    Program b(two);
    open(a, 1, "q");
    send(b, "q", "1");
    send(b, "q", "2");
    send(b, "q", "3");
    a.get(1, 1);
    a.get(1, 2);
    bus.run();
    EXPECT_EQ(a.message(), "1");
    EXPECT_EQ(a.message(), "2");
    a.ask_close(1);
    a.get(1, 3);
    EXPECT_EQ(a.message(), "error 9") << "no more of them";
    bus.run();
    EXPECT_EQ(a.message(), "nothing") << "but the close waits";
    ASSERT_EQ(one.replace(ais_plugin_msg), AIS_OK);
    a.got(1, 1);
    bus.run();
    EXPECT_EQ(a.message(), "nothing");
    a.abandon(1, 2);
    a.ask_close(1);
    EXPECT_EQ(a.answer(), SA_AIS_ERR_BAD_HANDLE);
    bus.run();
    EXPECT_EQ(a.answer(), SA_AIS_OK);
    EXPECT_EQ(open(b, 1, "q", 0), SA_AIS_OK);
    EXPECT_EQ(get(b, 1), "2");
    EXPECT_EQ(get(b, 1), "3");
    EXPECT_EQ(get(b, 1), "error 5");
    // Of a process that dies meanwhile it is closed, and what it had not confirmed is back.
    send(a, "q", "4");
    b.get(1, 60);
    bus.run();
    EXPECT_EQ(b.message(), "4");
    b.ask_close(1);
    b.client().close();
    bus.run();
    EXPECT_EQ(open(a, 2, "q", 0), SA_AIS_OK);
    EXPECT_EQ(get(a, 2), "4");
    expect_equal_replicas();
}

TEST_F(MsgService, close_waits_for_room_and_for_a_ring) {
    Program a(one);
    open(a, 1, "q");
    one.set_congested(true);
    a.ask_close(1);
    bus.run();
    EXPECT_EQ(a.message(), "nothing");
    one.set_congested(false);
    pass(20ms);
    EXPECT_EQ(a.answer(), SA_AIS_OK);
    // Of an executive that takes the queue over no answer is lost, and of a process that dies none
    // is given.
    open(a, 2, "q", 0);
    a.ask_close(2);
    ASSERT_EQ(one.replace(ais_plugin_msg), AIS_OK);
    bus.run();
    EXPECT_EQ(a.answer(), SA_AIS_OK);
    Program dying(one, 200);
    EXPECT_EQ(open(dying, 1, "q", 0), SA_AIS_OK);
    dying.ask_close(1);
    dying.client().close();
    bus.run();
    EXPECT_EQ(open(a, 3, "q", 0), SA_AIS_OK);
    expect_equal_replicas();
}

TEST_F(MsgService, retention_ends_when_it_is_over_and_not_before) {
    Program a(one);
    Program b(two);
    open(a, 1, "q", flag_create, 2s);
    send(b, "q", "x");
    a.ask_close(1);
    bus.run();
    a.answer();
    pass(1s);
    EXPECT_EQ(open(b, 1, "q", 0), SA_AIS_OK);
    b.ask_close(1);
    bus.run();
    b.answer();
    pass(1900ms);
    EXPECT_EQ(open(b, 2, "q", 0), SA_AIS_OK);
    EXPECT_EQ(get(b, 2), "x");
    b.ask_close(2);
    bus.run();
    b.answer();
    pass(2001ms);
    EXPECT_EQ(open(a, 2, "q", 0), SA_AIS_ERR_NOT_EXIST);
    pass(10s);
    EXPECT_EQ(one.timers() + two.timers() + three.timers(), 0U);
    expect_equal_replicas();
}

TEST_F(MsgService, retention_goes_on_when_the_node_that_watched_it_is_gone) {
    Program b(two);
    open(b, 1, "q", flag_create, 5s);
    b.client().close();
    bus.run();
    pass(2s);
    bus.form({2, 3});
    Program c(three);
    EXPECT_EQ(open(c, 1, "q", 0), SA_AIS_OK);
    c.client().close();
    bus.run();
    pass(5001ms);
    Program d(three);
    EXPECT_EQ(open(d, 1, "q", 0), SA_AIS_ERR_NOT_EXIST);
}

TEST_F(MsgService, acknowledges_what_is_sent_asynchronously) {
    Program a(one);
    Program b(two);
    open(a, 1, "q", flag_create, 1s, 5);
    b.send_async(11, true, "q", "12345");
    b.send_async(12, true, "q", "1");
    b.send_async(13, false, "q", "1");
    b.send_async(14, true, "nowhere", "1");
    bus.run();
    EXPECT_THAT(
        b.heard(),
        ElementsAre("delivered 11 error 1", "delivered 12 error 23", "delivered 14 error 12"));
}

TEST_F(MsgService, brings_one_reply_back) {
    Program a(one);
    Program b(two);
    open(a, 1, "q");
    b.send_receive(1, "q", "question");
    bus.run();
    a.get(1, 1);
    bus.run();
    std::uint64_t sender = 0;
    EXPECT_EQ(a.message(&sender), "question");
    EXPECT_NE(sender, 0U);
    a.reply(sender, "answer");
    bus.run();
    EXPECT_EQ(a.answer(), SA_AIS_OK);
    EXPECT_EQ(b.message(), "answer");
    a.reply(sender, "answer");
    bus.run();
    EXPECT_EQ(a.answer(), SA_AIS_ERR_NOT_EXIST);
    expect_equal_replicas();
}

TEST_F(MsgService, a_reply_that_is_too_large_ends_the_exchange) {
    Program a(one);
    Program b(two);
    open(a, 1, "q");
    b.send_receive(1, "q", "question", 3);
    bus.run();
    a.get(1, 1);
    bus.run();
    std::uint64_t sender = 0;
    a.message(&sender);
    a.reply(sender, "1234");
    bus.run();
    EXPECT_EQ(a.answer(), SA_AIS_ERR_NO_SPACE);
    EXPECT_EQ(b.answer(), SA_AIS_ERR_NO_SPACE);
}

TEST_F(MsgService, nobody_waits_for_a_reply_after_forget_death_or_failure) {
    Program a(one);
    Program b(two);
    open(a, 1, "q");
    b.send_receive(1, "nowhere", "x");
    bus.run();
    EXPECT_EQ(b.answer(), SA_AIS_ERR_NOT_EXIST);
    std::vector<std::uint64_t> senders;
    for (std::uint64_t id = 1; id <= 2; ++id) {
        b.send_receive(id, "q", "x");
        a.get(1, id);
        bus.run();
        senders.push_back(0);
        a.message(&senders.back());
    }
    b.forget(1);
    bus.run();
    EXPECT_EQ(b.answer(), SA_AIS_ERR_TIMEOUT);
    EXPECT_EQ(b.answer(), SA_AIS_OK);
    a.reply(senders[0], "late");
    bus.run();
    EXPECT_EQ(a.answer(), SA_AIS_ERR_NOT_EXIST);
    b.client().close();
    bus.run();
    a.reply(senders[1], "late");
    bus.run();
    EXPECT_EQ(a.answer(), SA_AIS_ERR_NOT_EXIST);
}

TEST_F(MsgService, tells_trackers_on_all_nodes_what_happens_to_a_group) {
    Program a(one);
    Program b(two);
    Program c(three);
    open(a, 1, "q1");
    open(a, 2, "q2");
    a.ask_group(RequestKind::group_create, "g");
    a.ask_group(RequestKind::group_insert, "g", "q1");
    bus.run();
    EXPECT_EQ(a.answer(), SA_AIS_OK);
    EXPECT_EQ(a.answer(), SA_AIS_OK);
    b.ask_track("g", track_changes);
    c.ask_track("g", track_changes_only | track_current | track_by_callback);
    bus.run();
    EXPECT_EQ(b.answer(), SA_AIS_OK);
    EXPECT_EQ(c.answer(), SA_AIS_OK);
    EXPECT_THAT(c.heard(), ElementsAre("g of 1 q1"));
    a.ask_group(RequestKind::group_insert, "g", "q2");
    bus.run();
    EXPECT_THAT(b.heard(), ElementsAre("g of 2 q1 q2+"));
    EXPECT_THAT(c.heard(), ElementsAre("g of 2 q2+"));
    a.ask_unlink("q1");
    bus.run();
    EXPECT_THAT(b.heard(), ElementsAre("g of 1 q2 q1-"));
    EXPECT_THAT(c.heard(), ElementsAre("g of 1 q1-"));
    a.ask_group(RequestKind::group_delete, "g");
    bus.run();
    EXPECT_THAT(b.heard(), ElementsAre("g of 0 q2-"));
    b.client().request(static_cast<std::uint16_t>(RequestKind::track_stop), "g");
    EXPECT_EQ(b.answer(), SA_AIS_ERR_NOT_EXIST);
}

TEST_F(MsgService, a_client_that_goes_takes_its_own_trackings_only) {
    Program a(one);
    Program goes(one, 200);
    Program stays(one, 300);
    open(a, 1, "q");
    a.ask_group(RequestKind::group_create, "g");
    bus.run();
    EXPECT_EQ(a.answer(), SA_AIS_OK);
    for (Program* program : {&goes, &stays}) {
        program->ask_track("g", track_changes);
        bus.run();
        EXPECT_EQ(program->answer(), SA_AIS_OK);
    }
    goes.client().close();
    a.ask_group(RequestKind::group_insert, "g", "q");
    bus.run();
    EXPECT_THAT(stays.heard(), ElementsAre("g of 1 q+"));
}

TEST_F(MsgService, an_open_that_is_given_up_is_closed_again) {
    Program a(one);
    Program b(two);
    a.ask_open(1, "q");
    a.ask_close(1);
    bus.run();
    EXPECT_EQ(a.answer(), SA_AIS_ERR_TIMEOUT);
    EXPECT_EQ(a.answer(), SA_AIS_OK);
    EXPECT_EQ(open(b, 1, "q", 0), SA_AIS_OK);
}

TEST_F(MsgService, sides_that_come_together_have_all_messages_and_one_owner) {
    Program a(one);
    Program c(three);
    open(a, 1, "q", flag_create | receives);
    send(c, "q", "both");
    EXPECT_THAT(a.heard(), ElementsAre("received 1"));
    bus.partition({{1, 2}, {3}});
    EXPECT_EQ(open(c, 1, "q", 0), SA_AIS_OK);
    send(a, "q", "left");
    send(c, "q", "right");
    EXPECT_EQ(get(c, 1), "both");
    a.heard();
    c.get(1, 50);  // takes "right"; not confirmed
    bus.run();
    EXPECT_EQ(c.message(), "right");
    c.get(1, 51);
    bus.run();
    bus.form({1, 2, 3});
    expect_equal_replicas();
    c.got(1, 50);  // its library has it: not for the other owner
    bus.run();
    // The smaller side has lost it.
    EXPECT_EQ(c.message(), "error 9");
    c.get(1, 52);
    EXPECT_EQ(c.message(), "error 9");
    EXPECT_TRUE(three.logged("MSG-003"));
    EXPECT_THAT(a.heard(), ElementsAre("received 1"));
    EXPECT_EQ(get(a, 1), "left");
    EXPECT_EQ(get(a, 1), "error 5");
    c.ask_close(1);
    EXPECT_EQ(c.answer(), SA_AIS_ERR_BAD_HANDLE);
    expect_equal_replicas();
}

TEST_F(MsgService, a_node_that_comes_later_has_everything) {
    Program a(one);
    open(a, 1, "q");
    send(a, "q", "x");
    FakeHost& four = bus.add(4, ais_plugin_msg);
    bus.form({1, 2, 3, 4});
    EXPECT_EQ(four.save(), one.save());
    EXPECT_EQ(get(a, 1), "x");
    EXPECT_EQ(four.save(), one.save());
}

TEST_F(MsgService, gives_a_client_so_many_handles_and_no_more) {
    Program a(one);
    Program b(two);
    ASSERT_EQ(open(b, 1, "q"), SA_AIS_OK);
    // Asked for and not decided yet, they count as well.
    for (std::uint32_t tag = 1; tag <= opens_max; ++tag) {
        a.ask_open(tag, "q", 0);
    }
    a.ask_open(opens_max + 1, "q", 0);
    EXPECT_EQ(a.answer(), SA_AIS_ERR_NO_RESOURCES);
    bus.run();
    EXPECT_EQ(a.answer(), SA_AIS_ERR_BUSY);
    a.client().responses.clear();
    EXPECT_EQ(open(a, 2, "s"), SA_AIS_OK);
}

TEST_F(MsgService, a_new_build_takes_over_who_waits) {
    Program a(one);
    Program b(two);
    open(a, 1, "q", flag_create | receives);
    a.get(1, 1);
    b.send_receive(1, "q", "question");
    ASSERT_EQ(one.replace(ais_plugin_msg), AIS_OK);
    ASSERT_EQ(two.replace(ais_plugin_msg), AIS_OK);
    bus.run();
    std::uint64_t sender = 0;
    EXPECT_EQ(a.message(&sender), "question");
    EXPECT_THAT(a.heard(), ElementsAre("received 1"));
    ASSERT_EQ(one.replace(ais_plugin_msg), AIS_OK);
    a.got(1, 1);
    a.reply(sender, "answer");
    bus.run();
    EXPECT_EQ(b.message(), "answer");
    EXPECT_EQ(messages(three), "messages 0");
    expect_equal_replicas();
}

TEST_F(MsgService, state_moves_in_parts_to_another_instance) {
    Program a(one);
    open(a, 1, "q", flag_create, std::chrono::nanoseconds::max(), 1U << 20);
    for (int i = 0; i < 50; ++i) {
        EXPECT_EQ(send(a, "q", std::to_string(i)), SA_AIS_OK);
    }
    EXPECT_EQ(send(a, "q", std::string(100000, 'x')), SA_AIS_OK);
    const auto parts = one.offer<ais_service_parts_v1>(AIS_SERVICE_PARTS_INTERFACE);
    ASSERT_NE(parts.list, nullptr);
    std::vector<std::string> names;
    const ais_part_writer lister = {
        sizeof(ais_part_writer), 0, &names, [](void* context, const ais_part* part) {
            static_cast<std::vector<std::string>*>(context)->emplace_back(as_text(part->name));
            return AIS_OK;
        }};
    ASSERT_EQ(parts.list(one.self(), &lister), AIS_OK);
    EXPECT_TRUE(std::is_sorted(names.begin(), names.end()));

    FakeBus elsewhere;
    FakeHost& other = elsewhere.add(1, ais_plugin_msg);
    elsewhere.form({1});
    const ais_node_id members[] = {1, 2, 3};
    const ais_component component = {sizeof(ais_component), AIS_STATE_OWN, 1, 3, members};
    ASSERT_EQ(parts.merge_begin(other.self(), &component, 1), AIS_OK);
    for (const std::string& name : names) {
        std::string bytes;
        const ais_writer writer = {
            sizeof(ais_writer), 0, &bytes, [](void* context, ais_bytes piece) {
                static_cast<std::string*>(context)->append(as_text(piece));
                return AIS_OK;
            }};
        ASSERT_EQ(parts.save_part(one.self(), to_abi(std::string_view(name)), &writer), AIS_OK);
        const ais_part_state state = {
            sizeof(ais_part_state), AIS_STATE_OWN, 0, 0, 0, to_abi(std::string_view(bytes))};
        ASSERT_EQ(parts.merge_part(other.self(), to_abi(std::string_view(name)), &state, 1),
                  AIS_OK);
    }
    EXPECT_NE(other.save(), one.save());  // nothing shows before the end
    ASSERT_EQ(parts.merge_end(other.self(), 1), AIS_OK);
    EXPECT_EQ(other.save(), one.save());

    ASSERT_EQ(parts.merge_begin(other.self(), &component, 1), AIS_OK);
    const ais_part_state bad = {
        sizeof(ais_part_state), 0, 0, 0, 0, to_abi(std::string_view("nonsense"))};
    EXPECT_NE(parts.merge_part(other.self(), to_abi(std::string_view("H")), &bad, 1), AIS_OK);
    EXPECT_TRUE(other.logged("MSG-001"));
    ASSERT_EQ(parts.merge_end(other.self(), 0), AIS_OK);
    EXPECT_EQ(other.save(), one.save());
}

TEST_F(MsgService, drops_what_other_nodes_send_in_error_and_cuts_off_broken_clients) {
    Program a(one);
    const std::string before = one.save();
    for (std::uint16_t kind = 0; kind <= 18; ++kind) {
        one.deliver(2, kind, "x");
    }
    EXPECT_EQ(one.save(), before);
    EXPECT_TRUE(one.logged("MSG-002"));
    for (std::uint16_t kind = 1; kind <= 27; ++kind) {
        Program broken(two, 200U + kind);
        broken.client().request(kind,
                                kind == 6 || kind == 5 || kind == 13 || kind == 15
                                    ? std::string(300, 'n')
                                    : std::string("x"));
        bus.run();
        EXPECT_TRUE(kind == 15 || kind == 26 || !broken.client().disconnected().empty()) << kind;
    }
    EXPECT_TRUE(two.logged("MSG-004"));
}

TEST_F(MsgService, one_node_says_when_a_queue_reaches_and_leaves_its_critical_capacity) {
    const auto lines = [](const FakeHost& host) {
        std::vector<std::string> found;
        for (const std::string& line : host.logs()) {
            if (line.find("MSG-005") != std::string::npos ||
                line.find("MSG-006") != std::string::npos) {
                found.push_back(line);
            }
        }
        return found;
    };
    Program a(one);
    Program b(two);
    open(b, 1, "q", flag_create, std::chrono::nanoseconds::max(), 10);
    EXPECT_EQ(send(a, "q", "123456789"), SA_AIS_OK);
    EXPECT_THAT(lines(two), IsEmpty()) << "at first the threshold is the size";
    EXPECT_EQ(send(a, "q", "0"), SA_AIS_OK);
    EXPECT_THAT(
        lines(two),
        ElementsAre("WARNING MSG-005 queue q, priority 3: critical capacity is reached, 10 of "
                    "10 bytes; messages wait: 2"));
    // It is emptied and filled again and again: no more than a line in ten seconds.
    for (int i = 0; i < 5; ++i) {
        EXPECT_EQ(get(b, 1), i == 0 ? "123456789" : "12345678" + std::to_string(i - 1));
        EXPECT_EQ(get(b, 1), "0");
        EXPECT_EQ(send(a, "q", "12345678" + std::to_string(i)), SA_AIS_OK);
        EXPECT_EQ(send(a, "q", "0"), SA_AIS_OK);
        pass(100ms);
    }
    EXPECT_EQ(get(b, 1), "123456784");
    EXPECT_EQ(lines(two).size(), 1U);
    pass(10s);
    EXPECT_EQ(lines(two).size(), 2U);
    EXPECT_EQ(lines(two).back(),
              "NOTICE MSG-006 queue q, priority 3: capacity is available again, 1 of 10 bytes");
    // Closed: the lowest member speaks.
    b.ask_close(1);
    pass(11s);
    EXPECT_EQ(b.answer(), SA_AIS_OK);
    EXPECT_THAT(lines(one), IsEmpty());
    EXPECT_EQ(send(a, "q", "123456789"), SA_AIS_OK);
    EXPECT_EQ(lines(one).size(), 1U);
    a.ask_unlink("q");
    bus.run();
    pass(30s);
    EXPECT_EQ(lines(one).size(), 1U) << "of a queue that is gone nothing is said";
    EXPECT_EQ(lines(two).size(), 2U);
    EXPECT_THAT(lines(three), IsEmpty());
    EXPECT_EQ(one.timers() + two.timers() + three.timers(), 0U);
}

TEST_F(MsgService, group_has_no_more_members_than_can_be_told) {
    Program a(one);
    a.ask_group(RequestKind::group_create, "g");
    bus.run();
    EXPECT_EQ(a.answer(), SA_AIS_OK);
    one.set_message_max(600);
    std::int32_t error = SA_AIS_OK;
    std::uint32_t members = 0;
    for (std::uint32_t tag = 1; error == SA_AIS_OK && tag < 100; ++tag) {
        const std::string name = "queue " + std::to_string(100 + tag);
        ASSERT_EQ(open(a, tag, name), SA_AIS_OK);
        a.ask_group(RequestKind::group_insert, "g", name);
        bus.run();
        error = a.answer();
        members += error == SA_AIS_OK ? 1 : 0;
    }
    EXPECT_EQ(error, SA_AIS_ERR_NO_RESOURCES);
    EXPECT_GT(members, 10U);
    // All of them in one answer.
    a.client().request(static_cast<std::uint16_t>(RequestKind::list), std::string_view("\1", 1));
    bus.run();
    ASSERT_EQ(a.client().responses.size(), 1U);
    const FakeResponse response = a.client().take_response();
    Reader in(as_bytes(response.body));
    in.u8();  // a full page, which there may be more behind
    EXPECT_EQ(in.u32(), 1U);
    EXPECT_EQ(in.text(), "g");
}

TEST_F(MsgService, the_lowest_node_says_when_all_queues_of_a_group_have_reached_their_capacity) {
    const auto lines = [](const FakeHost& host) {
        std::vector<std::string> found;
        for (const std::string& line : host.logs()) {
            if (line.find("MSG-007") != std::string::npos ||
                line.find("MSG-008") != std::string::npos) {
                found.push_back(line);
            }
        }
        return found;
    };
    Program a(three);
    open(a, 1, "q", flag_create, std::chrono::nanoseconds::max(), 4);
    open(a, 2, "r", flag_create, std::chrono::nanoseconds::max(), 4);
    a.ask_group(RequestKind::group_create, "g");
    a.ask_group(RequestKind::group_insert, "g", "q");
    a.ask_group(RequestKind::group_insert, "g", "r");
    bus.run();
    for (int i = 0; i < 3; ++i) {
        EXPECT_EQ(a.answer(), SA_AIS_OK);
    }
    EXPECT_EQ(send(a, "g", "1234"), SA_AIS_OK);
    EXPECT_THAT(lines(one), IsEmpty());
    EXPECT_EQ(send(a, "g", "1234"), SA_AIS_OK);
    EXPECT_THAT(lines(one),
                ElementsAre("WARNING MSG-007 group g, priority 3: critical capacity is reached in "
                            "all its queues, which are 2"));
    EXPECT_EQ(get(a, 1), "1234");
    EXPECT_EQ(lines(one).size(), 1U) << "a line in ten seconds";
    pass(10s);
    EXPECT_EQ(lines(one).size(), 2U);
    EXPECT_EQ(lines(one).back(), "NOTICE MSG-008 group g, priority 3: capacity is available again");
    // Who comes later knows it when it happens the next time.
    pass(10s);
    EXPECT_EQ(send(a, "q", "5678"), SA_AIS_OK);
    EXPECT_EQ(lines(one).size(), 3U);
    bus.crash(1);
    EXPECT_EQ(get(a, 2), "1234");
    pass(10s);
    EXPECT_THAT(lines(two),
                ElementsAre("NOTICE MSG-008 group g, priority 3: capacity is available again"));
    EXPECT_THAT(lines(three), IsEmpty());
}

TEST_F(MsgService, lists_queues_and_groups_for_operators) {
    Program a(one);
    open(a, 1, "q1");
    open(a, 2, "q2");
    a.client().request(static_cast<std::uint16_t>(RequestKind::list), std::string_view("\0q1", 3));
    bus.run();
    const FakeResponse response = a.client().take_response();
    Reader in(as_bytes(response.body));
    EXPECT_EQ(in.u8(), 0);
    EXPECT_EQ(in.u32(), 1U);
    EXPECT_EQ(in.text(), "q2");
    EXPECT_EQ(in.u32(), 1U);
    EXPECT_EQ(in.u8(), 0);
    EXPECT_EQ(Status::decode(in).areas[0].size, 1000U);
    EXPECT_TRUE(in.finished());
}

}  // namespace
}  // namespace ais::msg
