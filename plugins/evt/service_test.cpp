// SPDX-License-Identifier: BSD-3-Clause
//
// The whole service on an in-memory cluster: what clients ask, and what they are told, as
// text.

#include "wire.hpp"

#include <ais/testing/fake_host.hpp>

#include <openais/saAis.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

extern "C" const struct ais_plugin ais_plugin_evt;

namespace ais::evt {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using namespace std::chrono_literals;

constexpr std::uint32_t all = flag_publisher | flag_subscriber | flag_create;

// One process with one handle.
class Program {
  public:
    Program(FakeHost& host, ais_node_id node, std::uint32_t pid = 100) : node_(node) {
        std::uint8_t space[Hello::size];
        Writer hello(space);
        Hello{}.encode(hello);
        client_ = &host.connect(as_text(hello.written()), pid);
        EXPECT_EQ(client_->open_status, AIS_OK);
    }

    // Not answered before the bus has run.
    void ask_open(std::uint32_t tag, std::string_view name, std::uint32_t flags = all) {
        Appender body;
        body.u32(tag);
        body.u32(flags);
        body.bytes(as_bytes(name));
        request(RequestKind::open, body);
    }
    void ask_open_async(std::uint64_t invocation,
                        std::uint32_t tag,
                        std::string_view name,
                        std::uint32_t flags = all) {
        Appender body;
        body.u64(invocation);
        body.u32(tag);
        body.u32(flags);
        body.bytes(as_bytes(name));
        client_->send(static_cast<std::uint16_t>(RequestKind::open_async), body.written());
    }
    void ask_unlink(std::string_view name) {
        client_->request(static_cast<std::uint16_t>(RequestKind::unlink), name);
    }
    void ask_clear(std::uint32_t tag, std::uint64_t id) {
        Appender body;
        body.u32(tag);
        body.u64(id);
        request(RequestKind::clear, body);
    }
    std::int32_t close(std::uint32_t tag) {
        Appender body;
        body.u32(tag);
        request(RequestKind::close, body);
        return answer();
    }
    void abandon(std::uint32_t tag) {
        Appender body;
        body.u32(tag);
        client_->send(static_cast<std::uint16_t>(RequestKind::abandon), body.written());
    }
    std::int32_t subscribe(std::uint32_t tag, std::uint32_t id, std::string_view exact = {}) {
        Appender body;
        body.u32(tag);
        body.u32(id);
        body.u32(exact.empty() ? 0 : 1);
        if (!exact.empty()) {
            body.u32(3);
            body.text(exact);
        }
        request(RequestKind::subscribe, body);
        return answer();
    }
    std::int32_t unsubscribe(std::uint32_t tag, std::uint32_t id) {
        Appender body;
        body.u32(tag);
        body.u32(id);
        request(RequestKind::unsubscribe, body);
        return answer();
    }
    // The id is the node and `number`.
    void publish(std::uint32_t tag,
                 std::uint32_t number,
                 std::string_view data,
                 std::chrono::nanoseconds retention = 0s,
                 std::uint32_t priority = 3,
                 std::string_view pattern = "p") {
        Event event;
        event.id = id(number);
        event.retention = retention.count();
        event.priority = priority;
        event.patterns = {pattern};
        Appender body;
        body.u32(tag);
        event.encode_head(body);
        body.bytes(as_bytes(data));
        client_->send(static_cast<std::uint16_t>(event.retention > 0 ? RequestKind::retain
                                                                     : RequestKind::publish),
                      body.written());
    }
    void consume(std::uint32_t lowest, std::uint32_t highest = 0) {
        Appender body;
        body.u32(highest);
        body.u32(0);
        body.u32(0);
        body.u32(lowest);
        client_->send(static_cast<std::uint16_t>(RequestKind::consumed), body.written());
    }
    [[nodiscard]] std::uint64_t id(std::uint32_t number) const {
        return (std::uint64_t{node_} << 32) | number;
    }

    std::int32_t answer() { return client_->take_response().error; }
    // What it has been told since the last time.
    std::vector<std::string> heard() {
        std::vector<std::string> lines;
        while (!client_->notifications.empty()) {
            const FakeNotification event = client_->take_notification();
            lines.push_back(line(event));
        }
        return lines;
    }
    FakeClient& client() { return *client_; }

  private:
    void request(RequestKind kind, const Appender& body) {
        client_->request(static_cast<std::uint16_t>(kind), body.written());
    }
    static std::string line(const FakeNotification& what) {
        const Bytes body = as_bytes(what.body);
        if (static_cast<EventKind>(what.kind) == EventKind::opened) {
            OpenedEvent opened;
            EXPECT_TRUE(OpenedEvent::decode(body, opened));
            return "opened " + std::to_string(opened.invocation) + " tag " +
                   std::to_string(opened.key) + " error " + std::to_string(opened.error);
        }
        Reader in(body);
        const DeliverHead head = DeliverHead::decode(in);
        Event event;
        EXPECT_TRUE(Event::decode(in.rest(), event));
        if (event.id == lost_event_id) {
            return std::to_string(head.subscription) + " has lost events";
        }
        return std::to_string(head.subscription) + ": " + std::string(as_text(event.data));
    }

    FakeClient* client_ = nullptr;
    ais_node_id node_;
};

class EvtService : public testing::Test {
  protected:
    EvtService() { bus.form({1, 2, 3}); }
    ~EvtService() override {
        for (FakeHost* host : {&one, &two, &three}) {
            EXPECT_THAT(host->complaints(), IsEmpty());
        }
    }
    std::int32_t open(Program& program,
                      std::uint32_t tag,
                      std::string_view name,
                      std::uint32_t flags = all) {
        program.ask_open(tag, name, flags);
        bus.run();
        return program.answer();
    }
    void expect_equal_replicas() {
        EXPECT_EQ(one.save(), two.save());
        EXPECT_EQ(one.save(), three.save());
    }

    FakeBus bus;
    FakeHost& one = bus.add(1, ais_plugin_evt);
    FakeHost& two = bus.add(2, ais_plugin_evt);
    FakeHost& three = bus.add(3, ais_plugin_evt);
};

TEST_F(EvtService, hands_an_event_to_every_subscription_that_it_matches) {
    Program a(one, 1);
    Program b(two, 2);
    ASSERT_EQ(open(b, 1, "c", flag_subscriber), SA_AIS_ERR_NOT_EXIST);
    ASSERT_EQ(open(a, 1, "c"), SA_AIS_OK);
    ASSERT_EQ(open(b, 2, "c", flag_subscriber), SA_AIS_OK);
    EXPECT_EQ(b.subscribe(2, 10), SA_AIS_OK);
    EXPECT_EQ(b.subscribe(2, 20), SA_AIS_OK);
    EXPECT_EQ(b.subscribe(2, 30, "other"), SA_AIS_OK);
    EXPECT_EQ(b.subscribe(2, 20), SA_AIS_ERR_EXIST);
    EXPECT_EQ(a.subscribe(1, 1), SA_AIS_OK);
    a.publish(1, 5000, "x");
    bus.run();
    EXPECT_THAT(b.heard(), ElementsAre("10: x", "20: x"));
    EXPECT_THAT(a.heard(), ElementsAre("1: x"));
    EXPECT_EQ(b.unsubscribe(2, 10), SA_AIS_OK);
    EXPECT_EQ(b.unsubscribe(2, 10), SA_AIS_ERR_NOT_EXIST);
    a.publish(1, 5001, "y");
    bus.run();
    EXPECT_THAT(b.heard(), ElementsAre("20: y"));
    expect_equal_replicas();
}

TEST_F(EvtService, answers_an_asynchronous_open_by_an_event) {
    Program a(one, 1);
    a.ask_open_async(77, 1, "c", flag_subscriber);
    a.ask_open_async(78, 2, "c");
    bus.run();
    EXPECT_THAT(a.heard(), ElementsAre("opened 77 tag 1 error 12", "opened 78 tag 2 error 1"));
}

TEST_F(EvtService, closes_again_what_nobody_waits_for_any_more) {
    Program a(one, 1);
    a.ask_open(1, "c");
    a.abandon(1);
    EXPECT_EQ(a.answer(), SA_AIS_ERR_TIMEOUT);
    bus.run();
    EXPECT_EQ(open(a, 2, "c", flag_publisher), SA_AIS_OK) << "it was created, and closed";
    a.ask_unlink("c");
    bus.run();
    EXPECT_EQ(a.answer(), SA_AIS_OK);
    EXPECT_EQ(a.close(2), SA_AIS_OK);
    EXPECT_EQ(a.close(2), SA_AIS_ERR_BAD_HANDLE);
    bus.run();
    EXPECT_NE(one.dump().find("channels 0, opens 0"), std::string::npos) << one.dump();
    expect_equal_replicas();
}

TEST_F(EvtService, lets_one_process_have_so_many_opens_and_no_more) {
    Program a(one, 1);
    for (std::uint32_t tag = 1; tag <= opens_max; ++tag) {
        a.ask_open(tag, "c");
        if (tag % 256 == 0) {
            bus.run();
            for (int i = 0; i < 256; ++i) {
                ASSERT_EQ(a.answer(), SA_AIS_OK) << tag;
            }
        }
    }
    a.ask_open(opens_max + 1, "c");
    EXPECT_EQ(a.answer(), SA_AIS_ERR_NO_RESOURCES);
    a.ask_open_async(7, opens_max + 1, "c");
    EXPECT_THAT(a.heard(), ElementsAre("opened 7 tag 65537 error 18"));
    EXPECT_EQ(a.close(1), SA_AIS_OK);
    EXPECT_EQ(open(a, opens_max + 1, "c"), SA_AIS_OK);
}

TEST_F(EvtService, keeps_so_many_filters_of_one_process_and_no_more) {
    Program a(one, 1);
    ASSERT_EQ(open(a, 1, "c"), SA_AIS_OK);
    ASSERT_EQ(open(a, 2, "c"), SA_AIS_OK);
    const std::string pattern(pattern_size_max, 'p');
    std::uint32_t id = 0;
    std::int32_t error = SA_AIS_OK;
    while (error == SA_AIS_OK && id < 2 * subscriptions_bytes_max / pattern.size()) {
        ++id;
        error = a.subscribe(1 + id % 2, id, pattern);
    }
    EXPECT_EQ(error, SA_AIS_ERR_NO_RESOURCES);
    EXPECT_GT(std::size_t{id} * (pattern.size() + 2 * subscription_cost), subscriptions_bytes_max);
    EXPECT_EQ(a.subscribe(1, 2, pattern), SA_AIS_ERR_EXIST);
    // What ends makes room: a subscription, an open.
    EXPECT_EQ(a.unsubscribe(1, 2), SA_AIS_OK);
    EXPECT_EQ(a.subscribe(1, id, pattern), SA_AIS_OK);
    EXPECT_EQ(a.subscribe(1, id + 1, pattern), SA_AIS_ERR_NO_RESOURCES);
    EXPECT_EQ(a.close(2), SA_AIS_OK);
    for (std::uint32_t more = 1; more < 100; ++more) {
        ASSERT_EQ(a.subscribe(1, id + more, pattern), SA_AIS_OK) << more;
    }
    Program b(one, 2);
    ASSERT_EQ(open(b, 1, "c"), SA_AIS_OK);
    EXPECT_EQ(b.subscribe(1, 1, pattern), SA_AIS_OK);
}

TEST_F(EvtService, gives_kept_events_to_those_who_subscribe_later_until_they_are_over) {
    Program a(one, 1);
    Program b(three, 3);
    ASSERT_EQ(open(a, 1, "c"), SA_AIS_OK);
    a.publish(1, 5000, "short", 5s);
    a.publish(1, 5001, "for ever", std::chrono::nanoseconds(retention_max));
    bus.run();
    ASSERT_EQ(open(b, 1, "c", flag_subscriber), SA_AIS_OK);
    bus.advance(4s);
    bus.run();
    EXPECT_EQ(b.subscribe(1, 1), SA_AIS_OK);
    EXPECT_THAT(b.heard(), ElementsAre("1: short", "1: for ever"));
    bus.advance(2s);
    bus.run();
    EXPECT_EQ(b.subscribe(1, 2), SA_AIS_OK);
    EXPECT_THAT(b.heard(), ElementsAre("2: for ever"));
    b.ask_clear(1, a.id(5001));
    b.ask_clear(1, a.id(5001));
    bus.run();
    EXPECT_EQ(b.answer(), SA_AIS_OK);
    EXPECT_EQ(b.answer(), SA_AIS_ERR_NOT_EXIST);
    EXPECT_EQ(b.subscribe(1, 3), SA_AIS_OK);
    EXPECT_THAT(b.heard(), IsEmpty());
    expect_equal_replicas();
}

TEST_F(EvtService, keeps_events_though_publisher_and_its_node_are_gone) {
    Program a(one, 1);
    ASSERT_EQ(open(a, 1, "c"), SA_AIS_OK);
    a.publish(1, 5000, "kept", 10s);
    bus.run();
    bus.form({2, 3});
    bus.run();
    Program b(two, 2);
    ASSERT_EQ(open(b, 1, "c", flag_subscriber), SA_AIS_OK);
    EXPECT_EQ(b.subscribe(1, 1), SA_AIS_OK);
    EXPECT_THAT(b.heard(), ElementsAre("1: kept"));
    // The lowest member now is another one, and ends it all the same.
    bus.advance(11s);
    bus.run();
    EXPECT_NE(two.dump().find("kept events 0"), std::string::npos) << two.dump();
    EXPECT_EQ(two.save(), three.save());
}

TEST_F(EvtService, unites_kept_events_of_two_sides_and_delivers_each_once) {
    Program a(one, 1);
    Program b(two, 2);
    ASSERT_EQ(open(a, 1, "c"), SA_AIS_OK);
    ASSERT_EQ(open(b, 1, "c"), SA_AIS_OK);
    EXPECT_EQ(a.subscribe(1, 1), SA_AIS_OK);
    EXPECT_EQ(b.subscribe(1, 1), SA_AIS_OK);
    a.publish(1, 5000, "before", 100s);
    bus.run();
    bus.partition({{1}, {2, 3}});
    bus.run();
    a.publish(1, 5001, "left", 100s);
    b.publish(1, 5000, "right", 100s);
    bus.run();
    EXPECT_THAT(a.heard(), ElementsAre("1: before", "1: left"));
    EXPECT_THAT(b.heard(), ElementsAre("1: before", "1: right"));
    bus.form({1, 2, 3});
    bus.run();
    EXPECT_THAT(a.heard(), ElementsAre("1: right"));
    EXPECT_THAT(b.heard(), ElementsAre("1: left"));
    expect_equal_replicas();
}

TEST_F(EvtService, closes_what_a_process_had_open_that_has_died) {
    Program a(one, 1);
    Program b(two, 2);
    ASSERT_EQ(open(a, 1, "c"), SA_AIS_OK);
    ASSERT_EQ(open(b, 1, "c"), SA_AIS_OK);
    a.ask_unlink("c");
    bus.run();
    a.client().close();
    bus.run();
    EXPECT_NE(three.dump().find("channels 1, opens 1"), std::string::npos) << three.dump();
    b.client().close();
    bus.run();
    EXPECT_NE(three.dump().find("channels 0, opens 0"), std::string::npos) << three.dump();
    expect_equal_replicas();
}

TEST_F(EvtService, lets_a_subscriber_that_sleeps_lose_its_own_events_and_says_so_once) {
    Program a(one, 1);
    Program b(two, 2);
    ASSERT_EQ(open(a, 1, "c"), SA_AIS_OK);
    ASSERT_EQ(open(b, 1, "c", flag_subscriber), SA_AIS_OK);
    EXPECT_EQ(a.subscribe(1, 1), SA_AIS_OK);
    EXPECT_EQ(b.subscribe(1, 7), SA_AIS_OK);
    constexpr std::uint32_t sent = 1500;  // 1000 may wait
    std::uint32_t to_a = 0;
    for (std::uint32_t i = 0; i < sent; ++i) {
        a.publish(1, 5000 + i, std::to_string(i));
        bus.run();
        to_a += static_cast<std::uint32_t>(a.heard().size());
        a.consume(1);
    }
    EXPECT_EQ(to_a, sent) << "who keeps up gets all";

    // It wakes up and dispatches until nothing comes.
    std::vector<std::string> got;
    for (;;) {
        const auto lines = b.heard();
        if (lines.empty()) {
            break;
        }
        std::uint32_t notices = 0;
        for (const std::string& text : lines) {
            got.push_back(text);
            notices += text == "7 has lost events" ? 1 : 0;
        }
        b.consume(static_cast<std::uint32_t>(lines.size()) - notices, notices);
        bus.run();
    }
    EXPECT_EQ(std::count(got.begin(), got.end(), "7 has lost events"), 1);
    std::erase(got, "7 has lost events");
    ASSERT_EQ(got.size(), 1000U);
    for (std::size_t i = 0; i < got.size(); ++i) {
        ASSERT_EQ(got[i], "7: " + std::to_string(i));
    }
    a.publish(1, 9000, "again");
    bus.run();
    EXPECT_THAT(b.heard(), ElementsAre("7: again"));
}

TEST_F(EvtService, cuts_off_a_client_whose_requests_do_not_decode) {
    for (std::uint16_t kind = 0; kind <= 13; ++kind) {
        Program a(one, 1);
        a.client().request(kind, "x");
        bus.run();
        EXPECT_TRUE(!a.client().is_open() || a.answer() == SA_AIS_ERR_BAD_HANDLE ||
                    static_cast<RequestKind>(kind) == RequestKind::unlink)
            << kind;
        if (a.client().is_open()) {
            a.client().close();
        }
    }
    Program a(one, 1);
    ASSERT_EQ(open(a, 1, "c"), SA_AIS_OK);
    a.consume(1);
    EXPECT_TRUE(!a.client().is_open()) << "it has dispatched more than it got";
}

TEST_F(EvtService, gives_event_ids_that_do_not_come_again_after_a_restart) {
    Program a(one, 1);
    const auto ids = [](Program& program) {
        program.client().request(static_cast<std::uint16_t>(RequestKind::ids), Bytes{});
        const FakeResponse response = program.client().take_response();
        IdBlock block;
        EXPECT_TRUE(IdBlock::decode(as_bytes(response.body), block));
        return block;
    };
    const IdBlock first = ids(a);
    const IdBlock second = ids(a);
    EXPECT_EQ(first.first >> 32, 1U);
    EXPECT_EQ(second.first, first.first + first.count);
    ASSERT_EQ(open(a, 1, "c"), SA_AIS_OK);
    a.publish(1, static_cast<std::uint32_t>(second.first + 3), "x");
    bus.run();
    bus.crash(1);
    FakeHost& anew = bus.add(1, ais_plugin_evt);
    bus.form({1, 2, 3});
    bus.run();
    Program again(anew, 1);
    const IdBlock third = ids(again);
    EXPECT_GT(third.first - first.first, 2U * ids_per_block);
    EXPECT_GT(first.first - third.first, ids_per_block);
}

// Nobody remembers what it has given, and its clock says nothing.
TEST_F(EvtService, gives_event_ids_that_do_not_come_again_after_many_restarts_alone) {
    std::vector<std::uint32_t> begun;
    for (int life = 0; life < 200; ++life) {
        bus.crash(1);
        FakeHost& anew = bus.add(1, ais_plugin_evt);
        bus.form({1});
        bus.run();
        Program program(anew, 1);
        program.client().request(static_cast<std::uint16_t>(RequestKind::ids), Bytes{});
        const FakeResponse response = program.client().take_response();
        IdBlock block;
        ASSERT_TRUE(IdBlock::decode(as_bytes(response.body), block));
        begun.push_back(static_cast<std::uint32_t>(block.first));
        program.client().close();
    }
    std::sort(begun.begin(), begun.end());
    for (std::size_t i = 1; i < begun.size(); ++i) {
        EXPECT_GT(begun[i] - begun[i - 1], 1'000'000U) << "between two of 200 lives";
    }
}

// Another build takes over in the middle of everything that a client can have under way.
TEST_F(EvtService, another_build_takes_over_what_clients_have_under_way) {
    Program a(one, 1);
    Program slow(one, 1, 101);
    ASSERT_EQ(open(a, 1, "c"), SA_AIS_OK);
    ASSERT_EQ(open(slow, 1, "c", flag_subscriber), SA_AIS_OK);
    EXPECT_EQ(a.subscribe(1, 1, "p"), SA_AIS_OK);
    EXPECT_EQ(a.subscribe(1, 2, "other"), SA_AIS_OK);
    EXPECT_EQ(slow.subscribe(1, 7), SA_AIS_OK);
    a.publish(1, 5000, "kept", 5s);
    a.publish(1, 5001, "cleared", 5s);
    bus.run();
    EXPECT_THAT(a.heard(), ElementsAre("1: kept", "1: cleared"));
    a.consume(2);
    constexpr std::uint32_t sent = 1200;  // 1000 may wait, the two that are kept among them
    for (std::uint32_t i = 0; i < sent; ++i) {
        a.publish(1, 6000 + i, std::to_string(i));
        bus.run();
        EXPECT_THAT(a.heard(), ElementsAre("1: " + std::to_string(i)));
        a.consume(1);
    }
    bus.advance(3s);
    bus.run();
    a.ask_open(2, "d");
    a.ask_open_async(77, 3, "d");
    slow.ask_unlink("c");
    slow.ask_clear(1, a.id(5001));
    a.publish(1, 8000, "on the way");
    const std::string before = one.save();

    ASSERT_EQ(one.replace(ais_plugin_evt), AIS_OK);
    EXPECT_EQ(one.save(), before);
    ASSERT_EQ(one.replace(ais_plugin_evt), AIS_OK) << "and once more";

    bus.run();
    EXPECT_EQ(a.answer(), SA_AIS_OK);
    EXPECT_EQ(slow.answer(), SA_AIS_OK);
    EXPECT_EQ(slow.answer(), SA_AIS_OK);
    EXPECT_THAT(a.heard(), ElementsAre("opened 77 tag 3 error 1", "1: on the way"));
    EXPECT_EQ(a.subscribe(1, 2), SA_AIS_ERR_EXIST);
    EXPECT_EQ(a.unsubscribe(1, 2), SA_AIS_OK);
    EXPECT_EQ(a.close(2), SA_AIS_OK);

    std::vector<std::string> got;
    for (auto lines = slow.heard(); !lines.empty(); lines = slow.heard()) {
        const auto notices =
            static_cast<std::uint32_t>(std::count(lines.begin(), lines.end(), "7 has lost events"));
        got.insert(got.end(), lines.begin(), lines.end());
        slow.consume(static_cast<std::uint32_t>(lines.size()) - notices, notices);
        bus.run();
    }
    EXPECT_EQ(std::erase(got, "7 has lost events"), 1U);
    ASSERT_EQ(got.size(), 1000U);
    for (std::size_t i = 2; i < got.size(); ++i) {
        ASSERT_EQ(got[i], "7: " + std::to_string(i - 2)) << "none is missing or there twice";
    }
    EXPECT_TRUE(slow.client().is_open());
    // 3 s of its 5 had passed before.
    bus.advance(2s + 1ms);
    bus.run();
    EXPECT_NE(two.dump().find("kept events 0"), std::string::npos) << two.dump();
    a.client().close();
    slow.client().close();
    bus.run();
    EXPECT_NE(two.dump().find("channels 1, opens 0"), std::string::npos)
        << "nobody has unlinked d: " << two.dump();
    expect_equal_replicas();
}

TEST_F(EvtService, refuses_to_take_over_what_does_not_decode) {
    Program a(one, 1);
    Program b(one, 1, 101);
    ASSERT_EQ(open(a, 1, "c"), SA_AIS_OK);
    EXPECT_EQ(a.subscribe(1, 1, "p"), SA_AIS_OK);
    for (std::uint32_t i = 0; i < 130; ++i) {  // two of them wait in the service
        a.publish(1, 5000 + i, "x", 1s);
    }
    bus.run();
    b.ask_open(1, "c");
    b.ask_unlink("c");
    const auto handover = one.offer<ais_service_handover_v1>(AIS_SERVICE_HANDOVER_INTERFACE);
    ASSERT_NE(handover.save_local, nullptr);
    std::string local;
    const ais_writer writer = {sizeof(ais_writer), 0, &local, [](void* to, ais_bytes bytes) {
                                   static_cast<std::string*>(to)->append(as_text(bytes));
                                   return ais_status{AIS_OK};
                               }};
    ais_conn* conns[] = {a.client().conn(), b.client().conn()};
    EXPECT_EQ(handover.save_local(one.self(), conns, 1, &writer), AIS_ERR_INVALID);
    local.clear();
    ASSERT_EQ(handover.save_local(one.self(), conns, 2, &writer), AIS_OK);
    const std::string state = one.save();
    const ais_saved_state saved{
        sizeof saved, AIS_STATE_OWN, 1, 0, nullptr, to_abi(std::string_view(state))};
    const auto service = one.offer<ais_service_v1>(AIS_SERVICE_INTERFACE);
    const auto take_over = [&](std::string_view bytes, std::uint32_t count, bool with_state) {
        void* next = nullptr;
        EXPECT_EQ(ais_plugin_evt.load(one.host(), &next), AIS_OK);
        if (with_state) {
            EXPECT_EQ(service.merge(next, &saved, 1), AIS_OK);
        }
        const ais_status status =
            handover.restore_local(next, conns, count, to_abi(bytes), "1.0.0");
        ais_plugin_evt.unload(next);
        return status;
    };
    for (std::size_t size = 0; size < local.size(); ++size) {
        ASSERT_EQ(take_over(std::string_view(local).substr(0, size), 2, true), AIS_ERR_CORRUPT)
            << size;
    }
    EXPECT_EQ(take_over(local + "x", 2, true), AIS_ERR_CORRUPT);
    EXPECT_EQ(take_over(local, 1, true), AIS_ERR_CORRUPT);
    EXPECT_EQ(take_over(local, 2, false), AIS_ERR_CORRUPT) << "the channel is not there";
    std::string other = local;
    other[0] = 9;
    EXPECT_EQ(take_over(other, 2, true), AIS_ERR_UNSUPPORTED);
    a.client().close();
    b.client().close();
    bus.run();
}

// Found by the simulator: rings of 46 to 62 nodes with a window of one or two datagrams (evt, seeds
// 1019096, 1027259).
TEST_F(EvtService, says_once_that_an_event_is_over_however_long_the_ring_takes) {
    Program a(one, 1);
    ASSERT_EQ(open(a, 1, "c"), SA_AIS_OK);
    a.publish(1, 5000, "kept", 500ms);
    bus.run();
    bus.advance(30s);
    EXPECT_LE(bus.run(), 2U) << "one end and one tick wait to be delivered";
    EXPECT_NE(two.dump().find("kept events 0"), std::string::npos) << two.dump();
    expect_equal_replicas();
}

}  // namespace
}  // namespace ais::evt
