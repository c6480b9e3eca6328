// SPDX-License-Identifier: BSD-3-Clause
//
// The whole service on a cluster in memory: when it answers, who decides that time is
// up, deaths of clients and nodes, large data, joins and merges.

#include "service.hpp"

#include "test_support.hpp"

#include <ais/testing/fake_host.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <string>
#include <vector>

extern "C" const ais_plugin ais_plugin_ckpt;

namespace ais::ckpt {
namespace {

using namespace std::chrono_literals;
using testing::IsEmpty;

constexpr std::string_view hello("\1\0\0\0", 4);

template <typename Body>
std::string encoded(const Body& body) {
    Appender out;
    body.encode(out);
    return out.take();
}
std::string number_body(std::uint32_t number) {
    Appender out;
    out.u32(number);
    return out.take();
}
std::string read_body(std::uint32_t number, const std::vector<ReadElement>& elements) {
    Appender out;
    out.u32(number);
    out.u32(static_cast<std::uint32_t>(elements.size()));
    for (const ReadElement& element : elements) {
        element.encode(out);
    }
    return out.take();
}
std::string write_body(std::uint32_t number, const std::vector<WriteElement>& elements) {
    Appender out;
    Write::encode_head(out, number, elements.size());
    for (const WriteElement& element : elements) {
        element.encode_head(out);
        out.bytes(element.data);
    }
    return out.take();
}
std::string create_body(std::uint32_t number,
                        std::string_view id,
                        std::string_view data,
                        std::int64_t expiration = time_end) {
    return encoded(CreateHead{number, expiration, id}) + std::string(data);
}
std::string overwrite_body(std::uint32_t number, std::string_view id, std::string_view data) {
    return encoded(OverwriteHead{number, id}) + std::string(data);
}
std::string remove_body(std::uint32_t number, std::string_view id) {
    return number_body(number) + std::string(id);
}

Attributes kept(std::chrono::nanoseconds retention, std::uint32_t flags = wr_all_replicas) {
    Attributes attributes = attributes_of(flags, 10, 10000);
    attributes.retention = retention.count();
    return attributes;
}

class ServiceTest : public testing::Test {
  protected:
    explicit ServiceTest(FakeHost::Config config = {}) {
        for (const ais_node_id node : {1U, 2U, 3U}) {
            hosts.push_back(&bus.add(node, ais_plugin_ckpt, config));
        }
        bus.form({1, 2, 3});
        bus.run();
        for (FakeHost* host : hosts) {
            clients.push_back(&host->connect(hello));
            EXPECT_EQ(clients.back()->open_status, AIS_OK);
        }
    }
    ~ServiceTest() override {
        for (FakeHost* host : hosts) {
            if (host->self() != nullptr) {
                EXPECT_THAT(host->complaints(), IsEmpty());
            }
        }
    }

    FakeHost& host(ais_node_id node) { return *hosts[node - 1]; }
    FakeClient& client(ais_node_id node) { return *clients[node - 1]; }

    // One request, with all that follows from it delivered.
    FakeResponse ask(FakeClient& who, Kind kind, std::string_view body) {
        who.request(number_of(kind), body);
        bus.run();
        return who.take_response();
    }
    Error error_of(FakeClient& who, Kind kind, std::string_view body) {
        const FakeResponse response = ask(who, kind, body);
        EXPECT_EQ(response.kind, number_of(kind));
        return static_cast<Error>(response.error);
    }
    Error open(ais_node_id node,
               std::string_view name,
               std::uint32_t number = 1,
               std::uint32_t flags = open_read | open_write) {
        return error_of(client(node), Kind::open, encoded(open_of(number, name, flags)));
    }
    Error create(ais_node_id node,
                 std::string_view name,
                 const Attributes& attributes,
                 std::uint32_t number = 1) {
        return error_of(client(node), Kind::open, encoded(create_of(number, name, attributes)));
    }
    Error close(ais_node_id node, std::uint32_t number = 1) {
        return error_of(client(node), Kind::close, number_body(number));
    }
    Error put(ais_node_id node, std::string_view id, std::string_view data) {
        return error_of(client(node), Kind::create, create_body(1, id, data));
    }
    std::string get(ais_node_id node, std::string_view id) {
        const FakeResponse response =
            ask(client(node), Kind::read, read_body(1, {{id, 0, ReadElement::rest}}));
        return response.error == 1 ? response.body : "error " + std::to_string(response.error);
    }
    void expect_equal(const std::vector<ais_node_id>& nodes) {
        for (const ais_node_id node : nodes) {
            EXPECT_EQ(host(node).save(), host(nodes.front()).save()) << node;
        }
    }
    std::size_t queued() {
        std::size_t sum = 0;
        for (FakeHost* each : hosts) {
            sum += each->self() != nullptr ? each->queued() : 0;
        }
        return sum;
    }

    FakeBus bus;
    std::vector<FakeHost*> hosts;
    std::vector<FakeClient*> clients;
};

TEST_F(ServiceTest, what_one_node_writes_another_reads) {
    EXPECT_EQ(open(1, "a"), Error::not_exist);
    EXPECT_EQ(create(1, "a", kept(0s)), Error::ok);
    EXPECT_EQ(open(2, "a"), Error::ok);
    EXPECT_EQ(put(1, "s", "hello"), Error::ok);
    EXPECT_EQ(get(2, "s"), "hello");
    EXPECT_EQ(error_of(client(2), Kind::overwrite, overwrite_body(1, "s", "world!")), Error::ok);
    EXPECT_EQ(get(1, "s"), "world!");
    expect_equal({1, 2, 3});
}

TEST_F(ServiceTest, change_for_all_replicas_is_answered_when_all_have_it) {
    create(1, "a", kept(0s));
    client(1).request(number_of(Kind::create), create_body(1, "s", "x"));
    ASSERT_TRUE(bus.step());  // delivered everywhere
    EXPECT_THAT(client(1).responses, IsEmpty());
    EXPECT_EQ(queued(), 2U);  // the words of nodes 2 and 3
    ASSERT_TRUE(bus.step());
    EXPECT_THAT(client(1).responses, IsEmpty());
    ASSERT_TRUE(bus.step());
    EXPECT_EQ(client(1).take_response().error, 1);
    EXPECT_EQ(queued(), 0U);
}

TEST_F(ServiceTest, change_of_an_asynchronous_one_is_answered_at_its_place) {
    create(1, "a", kept(0s, wr_active_replica));
    client(1).request(number_of(Kind::create), create_body(1, "s", "x"));
    ASSERT_TRUE(bus.step());
    EXPECT_EQ(client(1).take_response().error, 1);
    EXPECT_EQ(queued(), 0U);
}

TEST_F(ServiceTest, synchronous_checkpoint_is_read_without_a_message) {
    create(1, "a", kept(0s));
    put(1, "s", "x");
    client(1).request(number_of(Kind::read), read_body(1, {{"s", 0, 1}}));
    EXPECT_EQ(client(1).take_response().body, "x");
    EXPECT_EQ(queued(), 0U);
}

// Another node's write may have been answered before it is applied here, so a
// read must come after all that was ordered when it was asked.
TEST_F(ServiceTest, asynchronous_checkpoint_is_read_at_a_place_in_the_order) {
    create(1, "a", kept(0s, wr_active_replica));
    open(2, "a");
    put(1, "s", "old");
    client(2).request(number_of(Kind::read), read_body(1, {{"s", 0, 3}}));
    EXPECT_THAT(client(2).responses, IsEmpty());
    EXPECT_EQ(host(2).queued(), 1U);
    ASSERT_TRUE(bus.step());
    EXPECT_EQ(client(2).take_response().body, "old");
}

TEST_F(ServiceTest, node_that_is_alone_reads_without_a_message) {
    create(2, "a", kept(0s, wr_active_replica));
    put(2, "s", "x");
    bus.form({2});
    client(2).request(number_of(Kind::read), read_body(1, {{"s", 0, 3}}));
    EXPECT_EQ(client(2).take_response().body, "x");
}

TEST_F(ServiceTest, many_changes_need_few_words) {
    create(1, "a", kept(0s));
    put(1, "s", "x");
    for (int i = 0; i < 100; ++i) {
        client(1).request(number_of(Kind::overwrite), overwrite_body(1, "s", "y"));
    }
    const std::size_t delivered = bus.run();
    EXPECT_EQ(client(1).responses.size(), 100U);
    EXPECT_LT(delivered, 320U);
}

TEST_F(ServiceTest, change_is_answered_when_who_has_not_applied_it_dies) {
    create(1, "a", kept(0s));
    client(1).request(number_of(Kind::create), create_body(1, "s", "x"));
    ASSERT_TRUE(bus.step());
    bus.crash(3);
    bus.run();
    EXPECT_EQ(client(1).take_response().error, 1);
    expect_equal({1, 2});
}

TEST_F(ServiceTest, word_that_is_owed_is_said_in_the_next_ring) {
    create(1, "a", kept(0s));
    client(1).request(number_of(Kind::create), create_body(1, "s", "x"));
    ASSERT_TRUE(bus.step());
    bus.form({1, 2});  // the words of the old ring are still queued
    bus.run();
    EXPECT_EQ(client(1).take_response().error, 1);
    bus.form({1, 2, 3});
    client(1).request(number_of(Kind::overwrite), overwrite_body(1, "s", "y"));
    bus.run();
    EXPECT_EQ(client(1).take_response().error, 1);
    expect_equal({1, 2, 3});
}

TEST_F(ServiceTest, retention_is_decided_by_one_node_and_in_the_order) {
    create(1, "a", kept(10s));
    close(1);
    bus.advance(9999ms);
    EXPECT_EQ(queued(), 0U);
    bus.advance(2ms);
    EXPECT_EQ(queued(), 1U);
    EXPECT_EQ(host(1).queued(), 1U);
    bus.run();
    EXPECT_EQ(open(2, "a"), Error::not_exist);
    expect_equal({1, 2, 3});
}

TEST_F(ServiceTest, open_that_comes_before_the_decision_saves_the_checkpoint) {
    create(1, "a", kept(10s));
    close(1);
    client(2).request(number_of(Kind::open), encoded(open_of(1, "a")));
    bus.advance(11s);
    // The open goes first: it is node 2's turn when node 1 has nothing.
    while (host(2).queued() != 0) {
        bus.step();
    }
    bus.run();
    EXPECT_TRUE(client(2).take_response().error == 1 || open(2, "a", 2) == Error::not_exist);
    expect_equal({1, 2, 3});
}

TEST_F(ServiceTest, new_checkpoint_of_the_name_is_not_hit_by_the_end_of_the_old_one) {
    create(1, "a", kept(10s));
    close(1);
    bus.advance(11s);  // the decision is queued at node 1
    host(1).set_congested(false);
    ASSERT_EQ(host(1).queued(), 1U);
    // Unlink and create anew are ordered before it by a node that is alone with them.
    host(2).deliver(2, number_of(Kind::unlink), encoded(MessageHead{}) + "a");
    for (FakeHost* each : {hosts[0], hosts[2]}) {
        each->deliver(2, number_of(Kind::unlink), encoded(MessageHead{}) + "a");
    }
    const std::string anew = encoded(MessageHead{0, 77, 1}) + encoded(create_of(1, "a", kept(10s)));
    for (FakeHost* each : hosts) {
        each->deliver(2, number_of(Kind::open), anew);
    }
    bus.run();
    EXPECT_EQ(open(3, "a"), Error::ok);
    expect_equal({1, 2, 3});
}

TEST_F(ServiceTest, next_speaker_decides_what_the_last_one_could_not) {
    create(2, "a", kept(10s));
    close(2);
    host(1).set_congested(true);
    bus.advance(11s);
    EXPECT_EQ(queued(), 0U);
    bus.crash(1);
    bus.advance(1ms);
    bus.run();
    EXPECT_EQ(open(2, "a"), Error::not_exist);
    expect_equal({2, 3});
}

TEST_F(ServiceTest, section_expires_everywhere_and_counts_no_more) {
    create(1, "a", kept(0s));
    const std::int64_t now = FakeHost::wall_clock_epoch + static_cast<std::int64_t>(bus.now());
    EXPECT_EQ(error_of(client(1), Kind::create, create_body(1, "s", "x", now)),
              Error::invalid_param);
    EXPECT_EQ(error_of(client(1), Kind::create, create_body(1, "s", "x", now + 2000000000)),
              Error::ok);
    bus.advance(1999ms);
    bus.run();
    EXPECT_EQ(get(1, "s"), "x");
    bus.advance(2ms);
    bus.run();
    open(2, "a");
    EXPECT_EQ(get(1, "s"), "error 12");
    EXPECT_EQ(get(2, "s"), "error 12");
    StatusReply status;
    const FakeResponse response = ask(client(2), Kind::status, number_body(1));
    ASSERT_TRUE(StatusReply::decode(as_bytes(response.body), status));
    EXPECT_EQ(status.sections, 0U);
}

// The node that comes late knows how much is left, even when it is alone with it.
TEST_F(ServiceTest, time_that_is_left_goes_over_to_who_joins) {
    bus.partition({{1, 2}, {3}});
    bus.run();
    create(1, "a", kept(10s));
    close(1);
    bus.advance(6s);
    bus.form({1, 2, 3});
    bus.run();
    bus.crash(1);
    bus.crash(2);
    bus.advance(3900ms);
    bus.run();
    EXPECT_EQ(open(3, "a"), Error::ok);
    close(3);
    bus.advance(9999ms);
    bus.run();
    bus.advance(2ms);
    bus.run();
    EXPECT_EQ(open(3, "a"), Error::not_exist);
}

TEST_F(ServiceTest, time_that_is_left_is_not_begun_anew_by_a_join) {
    bus.partition({{1, 2}, {3}});
    bus.run();
    create(1, "a", kept(10s));
    close(1);
    bus.advance(6s);
    bus.form({1, 2, 3});
    bus.run();
    bus.crash(1);
    bus.crash(2);
    bus.advance(4001ms);
    bus.run();
    EXPECT_EQ(open(3, "a"), Error::not_exist);
}

TEST_F(ServiceTest, client_that_dies_has_closed_everything) {
    create(1, "a", kept(0s));
    create(1, "b", kept(0s), 2);
    open(2, "b");
    client(1).close();
    bus.run();
    EXPECT_EQ(open(3, "a"), Error::not_exist);
    EXPECT_EQ(open(3, "b"), Error::ok);
    expect_equal({1, 2, 3});
}

TEST_F(ServiceTest, end_of_a_client_waits_for_room_in_the_queue) {
    create(1, "a", kept(0s));
    host(1).set_congested(true);
    client(1).close();
    EXPECT_EQ(queued(), 0U);
    host(1).set_congested(false);
    bus.advance(20ms);
    bus.run();
    EXPECT_EQ(open(3, "a"), Error::not_exist);
}

TEST_F(ServiceTest, retention_waits_for_openers_on_all_nodes) {
    create(1, "a", kept(2s));
    open(2, "a");
    bus.crash(1);
    bus.advance(5s);
    bus.run();
    EXPECT_EQ(open(3, "a"), Error::ok);
    close(3);
    close(2);
    bus.advance(1s);
    bus.run();
    EXPECT_EQ(open(3, "a"), Error::ok);
    close(3);
    bus.advance(2001ms);
    bus.run();
    EXPECT_EQ(open(3, "a"), Error::not_exist);
}

TEST_F(ServiceTest, large_write_in_pieces_takes_effect_at_once) {
    create(1, "a", kept(0s));
    open(2, "a");
    put(1, "s", "old");
    const Begin begin{1, {Kind::overwrite, time_end, {{"s", 0, 2000}}}};
    EXPECT_EQ(error_of(client(1), Kind::begin, encoded(begin)), Error::ok);
    for (const std::uint64_t offset : {0U, 1000U}) {
        std::uint8_t space[Piece::head_size];
        Writer head(space);
        Piece{1, 0, offset, {}}.encode_head(head);
        EXPECT_EQ(get(2, "s"), "old");
        EXPECT_EQ(error_of(client(1),
                           Kind::piece,
                           std::string(as_text(head.written())) + std::string(1000, 'n')),
                  Error::ok);
    }
    EXPECT_EQ(error_of(client(1), Kind::finish, number_body(1)), Error::ok);
    EXPECT_EQ(get(2, "s"), std::string(2000, 'n'));
    expect_equal({1, 2, 3});
}

TEST_F(ServiceTest, large_write_of_a_client_that_dies_is_as_if_it_had_never_been) {
    create(1, "a", kept(0s));
    open(2, "a");
    put(1, "s", "old");
    const Begin begin{1, {Kind::overwrite, time_end, {{"s", 0, 2000}}}};
    ask(client(1), Kind::begin, encoded(begin));
    std::uint8_t space[Piece::head_size];
    Writer head(space);
    Piece{1, 0, 0, {}}.encode_head(head);
    ask(client(1), Kind::piece, std::string(as_text(head.written())) + std::string(1000, 'n'));
    EXPECT_NE(host(2).dump().find("bytes 1003"), std::string::npos);
    client(1).close();
    bus.run();
    EXPECT_EQ(get(2, "s"), "old");
    EXPECT_NE(host(2).dump().find("bytes 3"), std::string::npos);
}

TEST_F(ServiceTest, large_read_comes_in_parts_of_one_moment) {
    create(1, "a", kept(0s));
    put(1, "s", std::string(3000, 'x'));
    host(1).set_message_max(1024);
    const FakeResponse first = ask(client(1), Kind::read, read_body(1, {{"s", 0, 3000}}));
    ASSERT_EQ(first.error, static_cast<std::int32_t>(Error::in_parts));
    Reader in(as_bytes(first.body));
    ReadSizes sizes;
    ASSERT_TRUE(ReadSizes::decode(in, sizes));
    ASSERT_EQ(sizes.sizes, std::vector<std::uint64_t>{3000});
    error_of(client(1), Kind::overwrite, overwrite_body(1, "s", "changed"));
    std::string all;
    while (all.size() < 3000) {
        std::uint8_t space[ReadPart::size_of];
        Writer part(space);
        ReadPart{sizes.read, 0, all.size(), 1000}.encode(part);
        const FakeResponse response = ask(client(1), Kind::read_part, as_text(part.written()));
        ASSERT_EQ(response.error, 1);
        ASSERT_FALSE(response.body.empty());
        all += response.body;
    }
    EXPECT_EQ(all, std::string(3000, 'x'));
    client(1).send(number_of(Kind::read_done), number_body(sizes.read));
    std::uint8_t space[ReadPart::size_of];
    Writer part(space);
    ReadPart{sizes.read, 0, 0, 10}.encode(part);
    EXPECT_EQ(error_of(client(1), Kind::read_part, as_text(part.written())), Error::try_again);
}

TEST_F(ServiceTest, several_elements_are_read_together) {
    create(1, "a", kept(0s));
    put(1, "s", "one");
    put(1, "t", "three");
    const FakeResponse response =
        ask(client(1), Kind::read, read_body(1, {{"s", 0, 9}, {"t", 2, 9}}));
    ASSERT_EQ(response.error, static_cast<std::int32_t>(Error::together));
    Reader in(as_bytes(response.body));
    ReadSizes sizes;
    ASSERT_TRUE(ReadSizes::decode(in, sizes));
    EXPECT_EQ(sizes.sizes, (std::vector<std::uint64_t>{3, 3}));
    EXPECT_EQ(as_text(in.rest()), "oneree");
    const FakeResponse bad =
        ask(client(1), Kind::read, read_body(1, {{"s", 0, 9}, {"nobody", 2, 9}}));
    EXPECT_EQ(bad.error, static_cast<std::int32_t>(Error::not_exist));
    EXPECT_EQ(bad.body, number_body(1));
}

// The kernel takes no message of more than 1024 parts, so a client that read more elements never
// got its answer.
TEST_F(ServiceTest, elements_above_the_parts_of_a_message_are_read_together) {
    create(1, "a", kept(0s));
    put(1, "s", "0123456789");
    for (const std::size_t count : {512U, 513U, 1023U, 1024U, 5000U}) {
        std::vector<ReadElement> elements;
        std::string expected;
        for (std::size_t i = 0; i < count; ++i) {
            elements.push_back({"s", i % 10, 1});
            expected += static_cast<char>('0' + i % 10);
        }
        const FakeResponse response = ask(client(1), Kind::read, read_body(1, elements));
        ASSERT_EQ(response.error, static_cast<std::int32_t>(Error::together)) << count;
        Reader in(as_bytes(response.body));
        ReadSizes sizes;
        ASSERT_TRUE(ReadSizes::decode(in, sizes));
        EXPECT_EQ(sizes.sizes, std::vector<std::uint64_t>(count, 1));
        EXPECT_EQ(as_text(in.rest()), expected);
    }
}

TEST_F(ServiceTest, asynchronous_requests_are_answered_by_events) {
    const auto start = [&](Kind kind, std::uint64_t invocation, const std::string& body) {
        Appender out;
        out.u64(invocation);
        out.bytes(as_bytes(body));
        client(1).send(number_of(kind), out.written());
        bus.run();
        const FakeNotification event = client(1).take_notification();
        DoneEvent done;
        EXPECT_TRUE(DoneEvent::decode(as_bytes(event.body), done));
        EXPECT_EQ(done.invocation, invocation);
        return std::pair(static_cast<EventKind>(event.kind), done.error);
    };
    EXPECT_EQ(start(Kind::open_async, 7, encoded(open_of(1, "a"))),
              std::pair(EventKind::opened, Error::not_exist));
    EXPECT_EQ(start(Kind::open_async, 8, encoded(create_of(1, "a", kept(0s, wr_active_replica)))),
              std::pair(EventKind::opened, Error::ok));
    EXPECT_EQ(start(Kind::synchronize_async, 9, number_body(1)),
              std::pair(EventKind::synchronized, Error::ok));
    EXPECT_EQ(start(Kind::synchronize_async, 9, number_body(5)),
              std::pair(EventKind::synchronized, Error::bad_handle));
}

TEST_F(ServiceTest, synchronize_is_answered_when_all_have_applied) {
    create(1, "a", kept(0s, wr_active_replica));
    client(1).request(number_of(Kind::synchronize), number_body(1));
    ASSERT_TRUE(bus.step());
    EXPECT_THAT(client(1).responses, IsEmpty());
    bus.run();
    EXPECT_EQ(client(1).take_response().error, 1);
}

TEST_F(ServiceTest, iteration_of_a_collocated_one_asks_for_each_section) {
    create(1, "a", kept(0s, wr_active_replica | collocated));
    EXPECT_EQ(error_of(client(1), Kind::set_active, number_body(1)), Error::ok);
    put(1, "s", "x");
    put(1, "t", "y");
    const FakeResponse response =
        ask(client(1), Kind::iterate, encoded(Iterate{1, Chosen::any, 0, false, {}}));
    Page page;
    ASSERT_TRUE(Page::decode(as_bytes(response.body), page));
    EXPECT_TRUE(page.more);
    ASSERT_EQ(page.sections.size(), 1U);
    EXPECT_EQ(page.sections[0].id, "s");
    EXPECT_GE(page.sections[0].last_update, FakeHost::wall_clock_epoch);
}

TEST_F(ServiceTest, iteration_fits_the_largest_answer_however_small_that_is) {
    Attributes attributes = kept(0s);
    attributes.max_sections = 100;
    create(1, "a", attributes);
    std::vector<std::string> ids;
    for (int i = 10; i < 40; ++i) {
        ids.push_back(std::to_string(i) + std::string(8, 'x'));
        ASSERT_EQ(put(1, ids.back(), "x"), Error::ok);
    }
    host(1).set_message_max(200);
    std::vector<std::string> seen;
    Iterate wanted{1, Chosen::any, 0, false, {}};
    for (Page page{true, {}}; page.more;) {
        client(1).request(number_of(Kind::iterate), encoded(wanted));
        bus.run();
        ASSERT_EQ(client(1).responses.size(), 1U) << "no answer after " << seen.size();
        ASSERT_TRUE(Page::decode(as_bytes(client(1).take_response().body), page));
        for (const Descriptor& section : page.sections) {
            seen.push_back(section.id);
        }
        wanted.has_after = true;
        wanted.after = seen.back();
    }
    EXPECT_EQ(seen, ids);
}

TEST_F(ServiceTest, sides_of_a_division_become_one_by_the_rule) {
    create(1, "both", kept(0s));
    open(3, "both");
    put(1, "s", "before");
    bus.partition({{1, 2}, {3}});
    bus.run();
    error_of(client(1), Kind::overwrite, overwrite_body(1, "s", "larger"));
    error_of(client(3), Kind::overwrite, overwrite_body(1, "s", "smaller"));
    EXPECT_EQ(create(3, "alone", kept(0s), 2), Error::ok);
    EXPECT_EQ(get(3, "s"), "smaller");
    bus.form({1, 2, 3});
    bus.run();
    expect_equal({1, 2, 3});
    EXPECT_EQ(get(3, "s"), "larger");
    EXPECT_EQ(open(2, "alone"), Error::ok);
}

TEST_F(ServiceTest, handle_that_lost_its_checkpoint_says_so_and_can_be_closed) {
    bus.partition({{1, 2}, {3}});
    bus.run();
    create(1, "a", kept(0s));
    create(3, "a", kept(0s, wr_active_replica));
    bus.form({1, 2, 3});
    bus.run();
    EXPECT_EQ(get(3, "s"), "error 9");
    EXPECT_EQ(error_of(client(3), Kind::remove, remove_body(1, "s")), Error::bad_handle);
    EXPECT_EQ(open(3, "a"), Error::ok);  // with the same number
}

TEST_F(ServiceTest, joiner_gets_everything) {
    FakeHost& four = bus.add(4, ais_plugin_ckpt);
    create(1, "a", kept(0s));
    for (int i = 0; i < 10; ++i) {
        put(1, std::to_string(i), std::string(1000, 'x'));
    }
    bus.form({1, 2, 3, 4});
    bus.run();
    EXPECT_EQ(four.save(), host(1).save());
}

TEST_F(ServiceTest, saved_state_goes_on_in_another_instance) {
    create(1, "a", kept(10s));
    put(1, "s", "x");
    FakeBus elsewhere;
    FakeHost& other = elsewhere.add(1, ais_plugin_ckpt);
    elsewhere.form({1});
    const std::string saved = host(1).save();
    EXPECT_EQ(other.restore(saved), AIS_OK);
    EXPECT_EQ(other.save(), saved);
    EXPECT_NE(other.restore("nonsense"), AIS_OK);
    EXPECT_TRUE(other.logged("CKPT-001"));
}

TEST_F(ServiceTest, state_moves_in_parts_to_another_instance) {
    create(1, "a", kept(10s));
    put(1, "s", "x");
    put(1, "t", std::string(9000, 'y'));
    create(1, "b", kept(10s), 2);
    close(1, 2);
    const auto parts = host(1).offer<ais_service_parts_v1>(AIS_SERVICE_PARTS_INTERFACE);
    ASSERT_NE(parts.list, nullptr);
    std::vector<std::string> names;
    const ais_part_writer lister = {
        sizeof(ais_part_writer), 0, &names, [](void* context, const ais_part* part) {
            static_cast<std::vector<std::string>*>(context)->emplace_back(as_text(part->name));
            return AIS_OK;
        }};
    ASSERT_EQ(parts.list(host(1).self(), &lister), AIS_OK);
    EXPECT_TRUE(std::is_sorted(names.begin(), names.end()));

    FakeBus elsewhere;
    FakeHost& other = elsewhere.add(1, ais_plugin_ckpt);
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
        ASSERT_EQ(parts.save_part(host(1).self(), to_abi(std::string_view(name)), &writer), AIS_OK);
        const ais_part_state state = {
            sizeof(ais_part_state), AIS_STATE_OWN, 0, 0, 0, to_abi(std::string_view(bytes))};
        ASSERT_EQ(parts.merge_part(other.self(), to_abi(std::string_view(name)), &state, 1),
                  AIS_OK);
    }
    EXPECT_NE(other.save(), host(1).save());  // nothing shows before the end
    ASSERT_EQ(parts.merge_end(other.self(), 1), AIS_OK);
    EXPECT_EQ(other.save(), host(1).save());
    ASSERT_EQ(parts.merge_begin(other.self(), &component, 1), AIS_OK);
    EXPECT_NE(parts.merge_part(other.self(), to_abi(std::string_view("Sxx")), nullptr, 0), -1);
    const ais_part_state bad = {
        sizeof(ais_part_state), 0, 0, 0, 0, to_abi(std::string_view("nonsense"))};
    EXPECT_NE(parts.merge_part(other.self(), to_abi(std::string_view("O")), &bad, 1), AIS_OK);
    ASSERT_EQ(parts.merge_end(other.self(), 0), AIS_OK);
    EXPECT_EQ(other.save(), host(1).save());
}

// Another build takes over while requests are open; what it answers is seen by the clients.
TEST_F(ServiceTest, another_build_takes_clients_and_timers_over) {
    create(1, "a", kept(10s));
    create(1, "b", kept(10s), 2);
    close(1, 2);
    put(1, "s", "x");
    bus.advance(6s);
    const auto handover = host(1).offer<ais_service_handover_v1>(AIS_SERVICE_HANDOVER_INTERFACE);
    ASSERT_NE(handover.save_local, nullptr);
    std::string local;
    const ais_writer writer = {sizeof(ais_writer), 0, &local, [](void* context, ais_bytes bytes) {
                                   static_cast<std::string*>(context)->append(as_text(bytes));
                                   return AIS_OK;
                               }};
    ais_conn* conns[] = {client(1).conn()};
    client(1).request(number_of(Kind::overwrite), overwrite_body(1, "s", "late"));
    ASSERT_TRUE(bus.step());  // applied here, and not yet said by the others
    ASSERT_EQ(handover.save_local(host(1).self(), conns, 1, &writer), AIS_OK);
    const std::string saved = host(1).save();

    // In the same place: the host and its clients stay.
    void* next = nullptr;
    ASSERT_EQ(ais_plugin_ckpt.load(host(1).host(), &next), AIS_OK);
    auto& taker = ais::instance<CkptService>(next);
    const ais_node_id nodes[] = {1, 2, 3};
    ais_configuration now{};
    now.struct_size = sizeof now;
    now.kind = AIS_CONFIGURATION_REGULAR;
    now.ring = {12, 1, 7};
    now.members = nodes;
    now.member_count = 3;
    taker.configure(now);
    const SavedState states[] = {{true, 1, nodes, as_bytes(saved)}};
    ASSERT_EQ(taker.merge(states), AIS_OK);
    ASSERT_EQ(handover.restore_local(next, conns, 1, to_abi(std::string_view(local)), "1.0.0"),
              AIS_OK);
    std::string dump;
    taker.dump(dump);
    EXPECT_NE(dump.find("timers 1"), std::string::npos);
    EXPECT_NE(dump.find("waiting requests 1"), std::string::npos);
    for (const ais_node_id node : {2U, 3U}) {
        Appender word;
        MessageHead{}.encode(word);
        word.u64(~std::uint64_t{0});
        word.u64(~std::uint64_t{0});
        taker.deliver(node, number_of(Kind::applied), word.written());
    }
    EXPECT_EQ(client(1).take_response().error, 1);
    for (std::size_t size = 0; size < local.size(); ++size) {
        EXPECT_NE(handover.restore_local(
                      next, conns, 1, to_abi(std::string_view(local).substr(0, size)), "1.0.0"),
                  AIS_OK);
    }
    taker.client_close(client(1).conn());
    ais_plugin_ckpt.unload(next);
}

TEST_F(ServiceTest, broken_request_cuts_the_client_off) {
    for (const int kind : {1, 2, 3, 4, 5, 8, 10, 12, 14, 16, 18, 19, 21, 23, 64, 65, 999}) {
        FakeClient& bad = host(1).connect(hello);
        bad.request(static_cast<std::uint16_t>(kind), "");
        bus.run();
        EXPECT_FALSE(bad.is_open()) << kind;
    }
    EXPECT_TRUE(host(1).logged("CKPT-004"));
    EXPECT_EQ(host(1).connect("").open_status, AIS_ERR_CORRUPT);
    EXPECT_EQ(host(1).connect(std::string_view("\2\0\0\0", 4)).open_status, AIS_ERR_UNSUPPORTED);
}

TEST_F(ServiceTest, broken_messages_of_nodes_are_counted) {
    for (std::uint16_t kind = 0; kind < 80; ++kind) {
        host(1).deliver(2, kind, "");
        host(1).deliver(2, kind, encoded(MessageHead{}) + "x");
    }
    EXPECT_TRUE(host(1).logged("CKPT-003"));
}

struct LimitedTest : ServiceTest {
    LimitedTest() : ServiceTest({{"ckpt.section_size_max", "2000"}, {"ckpt.memory_max", "5000"}}) {}
};

TEST_F(LimitedTest, limits_of_the_node_are_no_resources) {
    create(1, "a", kept(0s));
    EXPECT_EQ(put(1, "big", std::string(2100, 'x')), Error::no_resources);
    EXPECT_EQ(put(1, "s", std::string(1900, 'x')), Error::ok);
    EXPECT_EQ(put(1, "t", std::string(1900, 'x')), Error::ok);
    EXPECT_EQ(put(1, "u", std::string(1900, 'x')), Error::no_resources);
    const WriteElement beyond{"s", 3000, as_bytes("x")};
    EXPECT_EQ(error_of(client(1), Kind::write, write_body(1, {beyond})), Error::no_resources);
    // What the checkpoint does not allow is its own error.
    EXPECT_EQ(put(1, "s", std::string(10001, 'x')), Error::invalid_param);
    const Begin begin{1, {Kind::overwrite, time_end, {{"s", 0, 2100}}}};
    EXPECT_EQ(error_of(client(1), Kind::begin, encoded(begin)), Error::no_resources);
}

TEST_F(LimitedTest, section_that_may_just_be_so_large_is_measured_without_its_envelope) {
    // Why: of a small message the head could make up for what the limit takes away.
    Attributes attributes = attributes_of(wr_all_replicas, 10, 2050);
    create(1, "a", attributes);
    EXPECT_EQ(put(1, "s", std::string(2050, 'x')), Error::no_resources);
    EXPECT_EQ(put(1, "s", "x"), Error::ok);
    const auto overwrite = [&](std::size_t size) {
        return error_of(client(1), Kind::overwrite, overwrite_body(1, "s", std::string(size, 'x')));
    };
    EXPECT_EQ(overwrite(2050), Error::no_resources);
    EXPECT_EQ(overwrite(2001), Error::no_resources);
    EXPECT_EQ(overwrite(2000), Error::ok);
}

TEST_F(LimitedTest, empty_sections_and_checkpoints_take_room_as_well) {
    Attributes attributes = attributes_of(wr_all_replicas, 100, 100);
    attributes.retention = time_end;
    ASSERT_EQ(create(1, "a", attributes), Error::ok);
    std::uint64_t kept_bytes = checkpoint_cost;
    std::uint32_t sections = 0;
    for (; kept_bytes + section_cost + 3 <= 5000; kept_bytes += section_cost + 3) {
        ASSERT_EQ(put(1, std::to_string(100 + sections++), ""), Error::ok) << kept_bytes;
    }
    EXPECT_EQ(put(1, "one", ""), Error::no_resources);
    const Begin begin{1, {Kind::create, time_end, {{"one", 0, 0}}}};
    EXPECT_EQ(error_of(client(1), Kind::begin, encoded(begin)), Error::no_resources);
    EXPECT_EQ(create(1, "b", attributes, 2), Error::no_resources);
    Appender later;
    later.u64(77);
    create_of(2, "b", attributes).encode(later);
    client(1).send(number_of(Kind::open_async), later.written());
    DoneEvent done;
    const FakeNotification event = client(1).take_notification();
    ASSERT_TRUE(DoneEvent::decode(as_bytes(event.body), done));
    EXPECT_EQ(done.invocation, 77U);
    EXPECT_EQ(done.error, Error::no_resources);
    // What is there can be opened and used.
    EXPECT_EQ(open(2, "a"), Error::ok);
    EXPECT_EQ(create(3, "a", attributes), Error::ok);
    // One that is deleted makes room.
    for (int i = 0; i < 2; ++i) {
        EXPECT_EQ(error_of(client(1), Kind::remove, remove_body(1, std::to_string(100 + i))),
                  Error::ok);
    }
    EXPECT_EQ(create(1, "b", attributes, 2), Error::ok);
    EXPECT_EQ(close(1, 2), Error::ok);
    EXPECT_EQ(error_of(client(1), Kind::unlink, "b"), Error::ok);
    EXPECT_EQ(put(1, "one", ""), Error::ok);
}

TEST_F(ServiceTest, large_reads_of_one_client_that_are_not_fetched_are_bounded) {
    create(1, "a", kept(0s));
    put(1, "s", std::string(3000, 'x'));
    host(1).set_message_max(1024);
    const auto read = [&] {
        return error_of(client(1), Kind::read, read_body(1, {{"s", 0, 3000}}));
    };
    for (int i = 0; i < 64; ++i) {
        ASSERT_EQ(read(), Error::in_parts) << i;
    }
    EXPECT_EQ(read(), Error::no_resources);
    client(1).send(number_of(Kind::read_done), number_body(1));
    EXPECT_EQ(read(), Error::in_parts);
}

TEST_F(ServiceTest, checkpoints_are_listed_by_name) {
    create(1, "b", kept(0s));
    create(1, "a", kept(0s), 2);
    const FakeResponse response = ask(client(2), Kind::list, "");
    NameList list;
    ASSERT_TRUE(NameList::decode(as_bytes(response.body), list));
    ASSERT_EQ(list.lines.size(), 2U);
    EXPECT_EQ(list.lines[0].name, "a");
    EXPECT_EQ(list.lines[1].openers, 1U);
    EXPECT_FALSE(list.more);
}

}  // namespace
}  // namespace ais::ckpt
