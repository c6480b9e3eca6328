// SPDX-License-Identifier: BSD-3-Clause
//
// The whole service on an in-memory cluster: what clients ask, and what they are
// told, as text.

#include "include/cpg.h"
#include "view.hpp"
#include "wire.hpp"

#include <ais/testing/fake_host.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <string>

extern "C" const struct ais_plugin ais_plugin_cpg;

namespace ais::cpg {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using namespace std::chrono_literals;

std::string text_of(const Addresses& processes) {
    static constexpr const char* reasons[] = {"", "/join", "/leave", "/down", "/up", "/died"};
    std::string out;
    for (const cpg_address& process : processes) {
        out += (out.empty() ? "" : " ") + std::to_string(process.nodeid) + ":" +
               std::to_string(process.pid) + reasons[process.reason];
    }
    return "{" + out + "}";
}

// One process with one handle, and what its library keeps.
class Program {
  public:
    Program(FakeHost& host, std::uint32_t pid, std::uint32_t flags = 0) {
        std::uint8_t space[Hello::size];
        Writer hello(space);
        Hello{wire_version, flags}.encode(hello);
        client_ = &host.connect(as_text(hello.written()), pid);
        EXPECT_EQ(client_->open_status, AIS_OK);
    }

    std::int32_t join(std::string_view group) {
        Appender body;
        body.u32(++number_ & join_count_mask);
        groups_[number_ & join_count_mask] = group;
        body.bytes(as_bytes(group));
        return call(RequestKind::join, body.written()).error;
    }
    std::int32_t leave() { return call(RequestKind::leave, {}).error; }
    void say(std::string_view text, RequestKind kind = RequestKind::mcast_agreed) {
        client_->send(static_cast<std::uint16_t>(kind), text);
    }
    FakeResponse ask_members(std::string_view group,
                             std::uint32_t at = 0,
                             std::uint32_t limit = 1000) {
        Appender body;
        body.u32(at);
        body.u32(limit);
        body.bytes(as_bytes(group));
        return call(RequestKind::membership, body.written());
    }
    FakeResponse call(RequestKind kind, Bytes body) {
        client_->request(static_cast<std::uint16_t>(kind), body);
        return client_->take_response();
    }
    // What it has been told since the last time.
    std::vector<std::string> heard() {
        std::vector<std::string> lines;
        while (!client_->notifications.empty()) {
            std::string line = line_of(client_->take_notification());
            if (!line.empty()) {
                lines.push_back(std::move(line));
            }
        }
        return lines;
    }
    FakeClient& client() { return *client_; }
    void die() { client_->close(); }

  private:
    // Empty: there is more to come.
    std::string line_of(const FakeNotification& event) {
        const Bytes body = as_bytes(event.body);
        switch (static_cast<EventKind>(event.kind)) {
            case EventKind::message: {
                Reader in(body);
                const DeliveryHead head = DeliveryHead::decode(in);
                return std::to_string(head.node) + ":" + std::to_string(head.pid) + " says " +
                       std::string(as_text(in.rest())) + " #" + std::to_string(head.number);
            }
            case EventKind::change: {
                ChangeEvent change;
                Told told;
                const auto heard = ChangeEvent::decode(body, change) ? view_.hear(change, told)
                                                                     : View::Heard::broken;
                if (heard != View::Heard::change) {
                    return heard == View::Heard::part ? "" : "(broken change)";
                }
                std::string out = groups_[change.number] + " " + text_of(told.members());
                if (!told.left().empty()) {
                    out += " left " + text_of(told.left());
                }
                if (!told.joined().empty()) {
                    out += " joined " + text_of(told.joined());
                }
                return out + " #" + std::to_string(change.number);
            }
            case EventKind::ring: {
                RingEvent ring;
                if (!RingEvent::decode(body, ring)) {
                    return "(broken ring)";
                }
                std::string out = "ring of " + std::to_string(ring.representative);
                for (const std::uint32_t node : ring.members) {
                    out += " " + std::to_string(node);
                }
                return out;
            }
        }
        return "(unknown kind)";
    }

    FakeClient* client_ = nullptr;
    std::uint32_t number_ = 0;
    std::map<std::uint32_t, std::string> groups_;
    View view_;
};

class Service : public testing::Test {
  protected:
    Service() { bus.form({1, 2, 3}); }
    ~Service() override {
        for (FakeHost* host : {&one, &two, &three}) {
            EXPECT_THAT(host->complaints(), IsEmpty());
        }
    }

    FakeBus bus;
    FakeHost& one = bus.add(1, ais_plugin_cpg);
    FakeHost& two = bus.add(2, ais_plugin_cpg);
    FakeHost& three = bus.add(3, ais_plugin_cpg);
};

TEST_F(Service, join_is_told_to_the_joiner_and_to_those_who_are_there) {
    Program a(one, 10);
    EXPECT_EQ(a.join("g"), CS_OK);
    EXPECT_THAT(a.heard(), IsEmpty());  // not before it has its place in the order
    bus.run();
    EXPECT_THAT(a.heard(), ElementsAre("g {1:10} joined {1:10/join} #1"));
    Program b(two, 20);
    EXPECT_EQ(b.join("g"), CS_OK);
    bus.run();
    EXPECT_THAT(a.heard(), ElementsAre("g {1:10 2:20} joined {2:20/join} #1"));
    EXPECT_THAT(b.heard(), ElementsAre("g {1:10 2:20} joined {2:20/join} #1"));
    EXPECT_EQ(one.save(), three.save());
}

TEST_F(Service, messages_of_two_senders_have_one_order_and_reach_their_senders) {
    Program a(one, 10);
    Program b(two, 20);
    a.join("g");
    b.join("g");
    bus.run();
    a.heard();
    b.heard();
    a.say("m1");
    b.say("m2", RequestKind::mcast_safe);
    a.say("");
    bus.run();
    const auto seen = a.heard();
    EXPECT_EQ(seen.size(), 3U);
    EXPECT_EQ(b.heard(), seen);
    EXPECT_THAT(seen,
                testing::IsSupersetOf({"1:10 says m1 #1", "2:20 says m2 #1", "1:10 says  #1"}));
}

TEST_F(Service, message_in_pieces_is_what_it_is_in_one_wherever_it_is_cut) {
    Program a(one, 100);
    EXPECT_EQ(a.join("g"), CS_OK);
    bus.run();
    a.heard();
    std::vector<std::string> expected;
    for (int i = 0; i < 40; ++i) {  // the host cuts somewhere else each time
        a.say(std::string(static_cast<std::size_t>(i), 'x'));
        expected.push_back("1:100 says " + std::string(static_cast<std::size_t>(i), 'x') + " #1");
    }
    bus.run();
    EXPECT_EQ(a.heard(), expected);
}

TEST_F(Service, messages_go_with_the_guarantee_that_was_asked_for) {
    Program a(one, 10);
    a.join("g");
    a.say("safe", RequestKind::mcast_safe);
    EXPECT_EQ(one.last_guarantee(), AIS_GUARANTEE_SAFE);
    a.say("agreed");
    EXPECT_EQ(one.last_guarantee(), AIS_GUARANTEE_AGREED);
}

TEST_F(Service, group_is_closed_to_those_who_are_not_members) {
    Program a(one, 10);
    Program c(one, 11);
    Program other(two, 20);
    a.join("g");
    other.join("h");
    bus.run();
    a.heard();
    other.heard();
    c.say("from outside");
    other.say("to h");
    a.say("to g");
    bus.run();
    EXPECT_THAT(a.heard(), ElementsAre("1:10 says to g #1"));
    EXPECT_THAT(c.heard(), IsEmpty());
    EXPECT_THAT(other.heard(), ElementsAre("2:20 says to h #1"));
    EXPECT_NE(one.dump().find("sent without group 1"), std::string::npos);
}

TEST_F(Service, message_right_after_join_follows_it) {
    Program a(one, 10);
    a.join("g");
    a.say("early");
    bus.run();
    EXPECT_THAT(a.heard(), ElementsAre("g {1:10} joined {1:10/join} #1", "1:10 says early #1"));
}

TEST_F(Service, joiner_hears_nothing_that_was_ordered_before_its_join) {
    Program a(one, 10);
    a.join("g");
    bus.run();
    a.say("before");
    bus.run();
    Program b(two, 20);
    b.join("g");
    bus.run();
    a.say("after");
    bus.run();
    EXPECT_THAT(b.heard(),
                ElementsAre("g {1:10 2:20} joined {2:20/join} #1", "1:10 says after #1"));
}

TEST_F(Service, process_joins_a_group_once_with_any_of_its_handles) {
    Program first(one, 10);
    Program second(one, 10);
    EXPECT_EQ(first.join("g"), CS_OK);
    EXPECT_EQ(first.join("g"), CS_ERR_EXIST);
    EXPECT_EQ(first.join("h"), CS_ERR_EXIST);   // one group for each handle
    EXPECT_EQ(second.join("g"), CS_ERR_EXIST);  // also before the first is delivered
    bus.run();
    EXPECT_EQ(second.join("g"), CS_ERR_EXIST);
    EXPECT_EQ(second.join("h"), CS_OK);
    Program same_pid_elsewhere(two, 10);
    EXPECT_EQ(same_pid_elsewhere.join("g"), CS_OK);
    bus.run();
    EXPECT_THAT(
        first.heard(),
        ElementsAre("g {1:10} joined {1:10/join} #1", "g {1:10 2:10} joined {2:10/join} #1"));
}

TEST_F(Service, names_of_bad_length_are_refused) {
    Program a(one, 10);
    EXPECT_EQ(a.join(""), CS_ERR_INVALID_PARAM);
    EXPECT_EQ(a.join(std::string(129, 'n')), CS_ERR_NAME_TOO_LONG);
    EXPECT_EQ(a.join(std::string(128, 'n')), CS_OK);
}

TEST_F(Service, who_leaves_hears_it_as_the_last_thing) {
    Program a(one, 10);
    Program b(two, 20);
    EXPECT_EQ(a.leave(), CS_ERR_NOT_EXIST);
    a.join("g");
    b.join("g");
    bus.run();
    a.heard();
    b.heard();
    EXPECT_EQ(a.leave(), CS_OK);
    EXPECT_EQ(a.leave(), CS_ERR_NOT_EXIST);
    a.say("too late");
    bus.run();
    b.say("without a");
    bus.run();
    EXPECT_THAT(a.heard(), ElementsAre("g {2:20} left {1:10/leave} #1"));
    EXPECT_THAT(b.heard(), ElementsAre("g {2:20} left {1:10/leave} #1", "2:20 says without a #1"));
}

TEST_F(Service, leave_and_join_again_need_no_waiting) {
    Program a(one, 10);
    Program b(two, 20);
    a.join("g");
    b.join("g");
    bus.run();
    a.heard();
    b.heard();
    EXPECT_EQ(a.leave(), CS_OK);
    EXPECT_EQ(a.join("g"), CS_OK);
    a.say("again");
    bus.run();
    EXPECT_THAT(b.heard(),
                ElementsAre("g {2:20} left {1:10/leave} #1",
                            "g {1:10 2:20} joined {1:10/join} #1",
                            "1:10 says again #1"));
    EXPECT_THAT(a.heard(),
                ElementsAre("g {2:20} left {1:10/leave} #1",
                            "g {1:10 2:20} joined {1:10/join} #2",
                            "1:10 says again #2"));
}

TEST_F(Service, leave_before_the_join_is_delivered_gives_both) {
    Program a(one, 10);
    a.join("g");
    EXPECT_EQ(a.leave(), CS_OK);
    EXPECT_EQ(a.join("h"), CS_OK);
    bus.run();
    EXPECT_THAT(a.heard(),
                ElementsAre("g {1:10} joined {1:10/join} #1",
                            "g {} left {1:10/leave} #1",
                            "h {1:10} joined {1:10/join} #2"));
    EXPECT_EQ(one.save(), two.save());
}

TEST_F(Service, end_of_a_process_is_told_as_its_death) {
    Program a(one, 10);
    Program b(two, 20);
    a.join("g");
    b.join("g");
    bus.run();
    b.heard();
    a.die();
    bus.run();
    EXPECT_THAT(b.heard(), ElementsAre("g {2:20} left {1:10/died} #1"));
}

TEST_F(Service, end_of_a_process_before_its_join_is_delivered_leaves_nothing) {
    Program a(one, 10);
    Program b(two, 20);
    b.join("g");
    bus.run();
    b.heard();
    a.join("g");
    a.say("last words");
    a.die();
    bus.run();
    EXPECT_THAT(b.heard(),
                ElementsAre("g {1:10 2:20} joined {1:10/join} #1",
                            "1:10 says last words #1",
                            "g {2:20} left {1:10/died} #1"));
}

TEST_F(Service, handle_that_left_and_ends_says_nothing_more) {
    Program a(one, 10);
    Program b(two, 20);
    a.join("g");
    b.join("g");
    bus.run();
    b.heard();
    a.leave();
    a.die();
    bus.run();
    EXPECT_THAT(b.heard(), ElementsAre("g {2:20} left {1:10/leave} #1"));
}

TEST_F(Service, death_while_the_send_queue_is_full_is_told_later_and_its_seat_waits) {
    auto a = std::make_unique<Program>(one, 10);
    Program b(two, 20);
    a->join("g");
    b.join("g");
    bus.run();
    b.heard();
    one.set_congested(true);
    a->die();
    EXPECT_EQ(one.timers(), 1U);
    Program next(one, 10);  // the same process id, and no seat of its own yet to confuse it with
    bus.advance(50ms);
    bus.run();
    EXPECT_THAT(b.heard(), IsEmpty());
    one.set_congested(false);
    bus.advance(50ms);
    EXPECT_EQ(one.timers(), 0U);
    EXPECT_EQ(next.join("g"), CS_OK);
    bus.run();
    EXPECT_THAT(b.heard(),
                ElementsAre("g {2:20} left {1:10/died} #1", "g {1:10 2:20} joined {1:10/join} #1"));
    EXPECT_EQ(one.save(), two.save());
}

TEST_F(Service, join_is_to_be_repeated_while_an_earlier_membership_has_not_ended) {
    auto a = std::make_unique<Program>(one, 10);
    a->join("g");
    bus.run();
    one.set_message_max(4);  // nothing can be multicast
    a->die();
    Program next(one, 10);
    EXPECT_EQ(next.join("g"), CS_ERR_TRY_AGAIN);
    EXPECT_EQ(next.join("h"), CS_ERR_TRY_AGAIN);
    one.set_message_max(1000);
    EXPECT_EQ(next.join("g"), CS_OK);
    bus.run();
    one.set_message_max(4);
    EXPECT_EQ(next.leave(), CS_ERR_TRY_AGAIN);
    one.set_message_max(1000);
    EXPECT_EQ(next.leave(), CS_OK);
}

TEST_F(Service, membership_is_answered_once_the_own_join_is_delivered) {
    Program a(one, 10);
    Program b(two, 20);
    b.join("g");
    bus.run();
    EXPECT_EQ(a.ask_members("none").error, CS_ERR_NOT_EXIST);
    EXPECT_EQ(a.ask_members("").error, CS_ERR_INVALID_PARAM);
    EXPECT_EQ(a.ask_members(std::string(129, 'n')).error, CS_ERR_NAME_TOO_LONG);
    EXPECT_EQ(a.ask_members("g").error, CS_OK);
    a.join("g");
    EXPECT_EQ(a.ask_members("g", 1).serial, 0U);  // not yet
    EXPECT_EQ(one.replace(ais_plugin_cpg), AIS_OK);
    bus.run();
    const auto response = a.client().take_response();
    EXPECT_EQ(response.error, CS_OK);
    MembershipPage page;
    ASSERT_TRUE(MembershipPage::decode(as_bytes(response.body), page));
    EXPECT_EQ(page.total, 2U);
    EXPECT_THAT(page.members,
                ElementsAre(Process{1, 10, Reason::none}, Process{2, 20, Reason::none}));
}

TEST_F(Service, iteration_lists_what_all_nodes_have) {
    Program a(one, 10);
    Program b(two, 20);
    Program c(three, 30);
    a.join("g");
    b.join("g");
    c.join("h");
    bus.run();
    Appender body;
    IterateRequest{}.encode(body);
    const auto response = a.call(RequestKind::iterate, body.written());
    IteratePage page;
    ASSERT_TRUE(IteratePage::decode(as_bytes(response.body), page));
    EXPECT_FALSE(page.more);
    EXPECT_THAT(page.entries, ElementsAre(Entry{"g", 1, 10}, Entry{"g", 2, 20}, Entry{"h", 3, 30}));
}

TEST_F(Service, iteration_fits_the_largest_answer_however_small_that_is) {
    std::vector<std::unique_ptr<Program>> programs;
    std::vector<Entry> expected;
    for (std::uint32_t pid = 10; pid < 40; ++pid) {
        programs.push_back(std::make_unique<Program>(one, pid));
        programs.back()->join("group " + std::to_string(pid));
        expected.push_back({"group " + std::to_string(pid), 1, pid});
    }
    bus.run();
    one.set_message_max(100);
    std::vector<Entry> seen;
    IterateRequest request;
    for (IteratePage page{true, {}}; page.more;) {
        Appender body;
        request.encode(body);
        const auto response = programs[0]->call(RequestKind::iterate, body.written());
        ASSERT_NE(response.serial, 0U) << "no answer after " << seen.size();
        ASSERT_TRUE(IteratePage::decode(as_bytes(response.body), page));
        seen.insert(seen.end(), page.entries.begin(), page.entries.end());
        request.after = seen.back();
    }
    EXPECT_EQ(seen, expected);
}

// However small the largest event and answer are, lists come whole.
TEST_F(Service, long_lists_come_in_parts) {
    std::vector<std::unique_ptr<Program>> programs;
    std::string members;
    for (std::uint32_t pid = 10; pid < 40; ++pid) {
        programs.push_back(std::make_unique<Program>(two, pid));
        programs.back()->join("g");
        members += (members.empty() ? "2:" : " 2:") + std::to_string(pid);
    }
    bus.run();
    one.set_message_max(100);
    Program late(one, 9);
    late.join("g");
    bus.run();
    EXPECT_GT(late.client().notifications.size(), 3U);
    for (const FakeNotification& event : late.client().notifications) {
        EXPECT_LE(event.body.size(), 100U);
    }
    EXPECT_THAT(late.heard(), ElementsAre("g {1:9 " + members + "} joined {1:9/join} #1"));

    std::string listed;
    MembershipPage page;
    for (std::uint32_t at = 0; at == 0 || at < page.total;) {
        const auto response = late.ask_members("g", at);
        ASSERT_TRUE(MembershipPage::decode(as_bytes(response.body), page) && !page.members.empty());
        for (const Process& member : page.members) {
            ++at;
            listed += (listed.empty() ? "" : " ") + std::to_string(member.node) + ":" +
                      std::to_string(member.pid);
        }
    }
    EXPECT_EQ(listed, "1:9 " + members);

    bus.form({1, 3});
    std::string gone;
    for (std::uint32_t pid = 10; pid < 40; ++pid) {
        gone += (gone.empty() ? "2:" : " 2:") + std::to_string(pid) + "/down";
    }
    EXPECT_GT(late.client().notifications.size(), 3U);
    EXPECT_THAT(late.heard(), ElementsAre("g {1:9} left {" + gone + "} #1"));
}

// Each of n processes that join is told of n, so what is told is n times what has changed.
TEST_F(Service, crowd_that_joins_is_told_of_each_other_in_few_bytes) {
    constexpr std::uint32_t count = 200;
    std::vector<std::unique_ptr<Program>> programs;
    for (std::uint32_t i = 0; i < count; ++i) {
        programs.push_back(std::make_unique<Program>(one, 10 + i));
        programs.back()->join("g");
    }
    bus.run();
    std::size_t bytes = 0;
    for (const auto& program : programs) {
        for (const FakeNotification& event : program->client().notifications) {
            bytes += event.body.size();
        }
    }
    EXPECT_LE(bytes, std::size_t{count} * count * 28);
    const auto first = programs[0]->heard();
    EXPECT_EQ(first.size(), count);
    for (std::uint32_t i = 1; i < count; ++i) {
        // A callback for each join since its own, and none for two.
        EXPECT_EQ(programs[i]->heard(), std::vector<std::string>(first.begin() + i, first.end()));
    }
}

TEST_F(Service, node_that_dies_takes_all_its_processes_in_one_change) {
    Program a(one, 10);
    Program b(two, 20);
    Program c(two, 21);
    for (Program* program : {&a, &b, &c}) {
        program->join("g");
    }
    bus.run();
    a.heard();
    bus.form({1, 3});
    EXPECT_THAT(a.heard(), ElementsAre("g {1:10} left {2:20/down 2:21/down} #1"));
}

TEST_F(Service, partition_and_merge_end_with_equal_members) {
    Program a(one, 10);
    Program b(two, 20);
    Program c(three, 30);
    for (Program* program : {&a, &b, &c}) {
        program->join("g");
    }
    bus.run();
    for (Program* program : {&a, &b, &c}) {
        program->heard();
    }
    bus.partition({{1}, {2, 3}});
    EXPECT_THAT(a.heard(), ElementsAre("g {1:10} left {2:20/down 3:30/down} #1"));
    EXPECT_THAT(b.heard(), ElementsAre("g {2:20 3:30} left {1:10/down} #1"));
    EXPECT_THAT(c.heard(), ElementsAre("g {2:20 3:30} left {1:10/down} #1"));
    Program late(one, 11);
    late.join("g");
    bus.run();
    a.say("alone");
    bus.run();
    a.heard();
    bus.form({1, 2, 3});
    bus.run();
    EXPECT_THAT(a.heard(), ElementsAre("g {1:10 1:11 2:20 3:30} joined {2:20/up 3:30/up} #1"));
    EXPECT_THAT(b.heard(), ElementsAre("g {1:10 1:11 2:20 3:30} joined {1:10/up 1:11/up} #1"));
    EXPECT_THAT(c.heard(), ElementsAre("g {1:10 1:11 2:20 3:30} joined {1:10/up 1:11/up} #1"));
    EXPECT_EQ(one.save(), two.save());
    EXPECT_EQ(one.save(), three.save());
}

// The reason for seats: both sides created the group on their own, and messages, a join and a leave
// were in the senders' queues when the gate closed.
TEST_F(Service, what_was_queued_before_a_merge_means_the_same_after_it) {
    bus.partition({{1}, {2, 3}});
    Program a(one, 10);
    Program b(two, 20);
    Program leaver(two, 21);
    a.join("filler");
    bus.run();
    a.leave();
    a.join("g");
    b.join("g");
    leaver.join("g");
    bus.run();
    for (Program* program : {&a, &b, &leaver}) {
        program->heard();
    }
    Program joiner(two, 22);
    a.say("from a");
    b.say("from b");
    leaver.leave();
    joiner.join("g");
    joiner.say("from joiner");
    bus.form({1, 2, 3});  // all of that is still queued
    EXPECT_THAT(a.heard(), ElementsAre("g {1:10 2:20 2:21} joined {2:20/up 2:21/up} #2"));
    bus.run();
    const auto of_a = a.heard();
    EXPECT_THAT(of_a,
                testing::IsSupersetOf({"1:10 says from a #2",
                                       "2:20 says from b #2",
                                       "g {1:10 2:20} left {2:21/leave} #2",
                                       "g {1:10 2:20 2:22} joined {2:22/join} #2",
                                       "2:22 says from joiner #2"}));
    EXPECT_EQ(of_a.size(), 5U);
    EXPECT_EQ(b.heard().size(), 1U + 5U);
    EXPECT_EQ(one.save(), two.save());
}

TEST_F(Service, exchange_that_is_cut_short_changes_nothing) {
    Program a(one, 10);
    Program b(two, 20);
    a.join("g");
    b.join("g");
    bus.run();
    bus.partition({{1}, {2, 3}});
    a.heard();
    b.heard();
    bus.hold_exchange(true);
    bus.form({1, 2, 3});
    EXPECT_THAT(a.heard(), IsEmpty());
    bus.form({2, 3});
    EXPECT_THAT(b.heard(), IsEmpty());
    bus.hold_exchange(false);
    bus.form({1, 2, 3});
    EXPECT_THAT(a.heard(), ElementsAre("g {1:10 2:20} joined {2:20/up} #1"));
    EXPECT_THAT(b.heard(), ElementsAre("g {1:10 2:20} joined {1:10/up} #1"));
}

TEST_F(Service, configurations_are_told_to_those_who_asked) {
    Program plain(one, 10);
    Program watching(one, 11, Hello::wants_ring);
    Program initial(one, 12, Hello::wants_ring | Hello::wants_initial_ring);
    EXPECT_THAT(initial.heard(), ElementsAre("ring of 1 1 2 3"));
    bus.form({1, 2});
    EXPECT_THAT(plain.heard(), IsEmpty());
    EXPECT_THAT(watching.heard(), ElementsAre("ring of 1 1 2"));
    EXPECT_THAT(initial.heard(), ElementsAre("ring of 1 1 2"));
}

TEST_F(Service, departed_members_are_told_before_the_configuration_without_them) {
    Program a(one, 10, Hello::wants_ring);
    Program b(two, 20);
    a.join("g");
    b.join("g");
    bus.run();
    a.heard();
    bus.form({1, 3});
    EXPECT_THAT(a.heard(), ElementsAre("g {1:10} left {2:20/down} #1", "ring of 1 1 3"));
}

TEST_F(Service, broken_requests_cut_the_client_off_and_its_group_is_told) {
    Program b(two, 20);
    b.join("g");
    bus.run();
    const std::pair<std::uint16_t, std::string> broken[] = {
        {99, ""}, {3, "abc"}, {5, "abc"}, {6, "abc"}};
    std::uint32_t pid = 100;
    for (const auto& [kind, body] : broken) {
        Program a(one, pid++);
        a.join("g");
        bus.run();
        b.heard();
        a.client().request(kind, body);
        bus.run();
        EXPECT_FALSE(a.client().is_open());
        EXPECT_EQ(b.heard().size(), 1U);
    }
    EXPECT_TRUE(one.logged("CPG-004"));
}

TEST_F(Service, message_that_cannot_be_queued_is_not_lost_in_silence) {
    Program a(one, 10);
    a.join("g");
    bus.run();
    one.set_message_max(100);
    a.say(std::string(100, 'x'));
    bus.run();
    EXPECT_FALSE(a.client().is_open());
    EXPECT_TRUE(one.logged("CPG-005"));
}

TEST_F(Service, garbage_of_other_nodes_is_counted_and_changes_nothing) {
    Program a(one, 10);
    a.join("g");
    bus.run();
    a.heard();
    const std::string before = one.save();
    for (std::uint16_t kind = 0; kind < 5; ++kind) {
        for (std::size_t size = 0; size < 20; ++size) {
            one.deliver(2, kind, std::string(size, '\xff'));
        }
    }
    EXPECT_THAT(a.heard(), IsEmpty());
    EXPECT_EQ(one.save(), before);
    EXPECT_TRUE(one.logged("CPG-003"));
}

TEST_F(Service, hello_of_another_version_is_refused) {
    EXPECT_EQ(one.connect("", 1).open_status, AIS_ERR_CORRUPT);
    EXPECT_EQ(one.connect(std::string("\1\0\0\0\0\0\0\0", 8), 1).open_status, AIS_ERR_UNSUPPORTED);
}

TEST_F(Service, snapshot_that_does_not_decode_is_an_error_with_a_reason) {
    EXPECT_EQ(one.restore("nonsense"), AIS_ERR_CORRUPT);
    EXPECT_TRUE(one.logged("CPG-001"));
}

TEST_F(Service, merge_that_loses_a_member_of_this_node_stops_it) {
    const std::string empty = one.save();
    Program a(one, 10);
    a.join("g");
    bus.run();
    EXPECT_EQ(one.restore(empty), AIS_ERR_CORRUPT);
    EXPECT_TRUE(one.logged("CPG-002"));
}

TEST_F(Service, seats_are_used_again_and_never_confused) {
    Program b(two, 20);
    b.join("g");
    bus.run();
    for (std::uint32_t i = 0; i < 300; ++i) {
        Program a(one, 10);
        ASSERT_EQ(a.join("g"), CS_OK);
        a.say("hello");
        a.die();
    }
    bus.run();
    const auto lines = b.heard();
    EXPECT_EQ(lines.size(), 1U + 300U * 3U);
    EXPECT_EQ(lines.back(), "g {2:20} left {1:10/died} #1");
    EXPECT_EQ(one.dump(),
              "groups 1, members 1, messages delivered here 300, without member 0, "
              "malformed 0, sent without group 0\n  g: node 2 pid 20 seat 0\n");
}

// Another build takes over between any two things that happen; nobody notices.
TEST_F(Service, is_replaced_in_the_middle_of_everything) {
    Program a(one, 10);
    Program b(two, 20);
    EXPECT_EQ(a.join("g"), CS_OK);
    EXPECT_EQ(one.replace(ais_plugin_cpg), AIS_OK);  // its join is on the way
    bus.run();
    EXPECT_THAT(a.heard(), ElementsAre("g {1:10} joined {1:10/join} #1"));
    EXPECT_EQ(b.join("g"), CS_OK);
    bus.run();
    a.heard();
    b.heard();
    a.say("before");
    EXPECT_EQ(one.replace(ais_plugin_cpg), AIS_OK);
    EXPECT_EQ(two.replace(ais_plugin_cpg), AIS_OK);
    a.say("after");
    bus.run();
    EXPECT_THAT(b.heard(), ElementsAre("1:10 says before #1", "1:10 says after #1"));
    EXPECT_EQ(one.save(), two.save());
    Program c(one, 30);  // gets a seat of its own
    EXPECT_EQ(c.join("g"), CS_OK);
    bus.run();
    EXPECT_THAT(b.heard(), ElementsAre("g {1:10 1:30 2:20} joined {1:30/join} #1"));
    EXPECT_EQ(a.leave(), CS_OK);
    EXPECT_EQ(one.replace(ais_plugin_cpg), AIS_OK);
    bus.run();
    EXPECT_THAT(b.heard(), ElementsAre("g {1:30 2:20} left {1:10/leave} #1"));
    EXPECT_EQ(one.save(), two.save());
}

}  // namespace
}  // namespace ais::cpg
