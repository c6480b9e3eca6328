// SPDX-License-Identifier: BSD-3-Clause
//
// Locks and changes in steps: the whole service on the SDK's in-memory cluster.

#include "service.hpp"

#include "include/saClm.h"
#include "snapshot.hpp"

#include <ais/testing/fake_host.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

extern "C" const struct ais_plugin ais_plugin_clm;

namespace ais::clm {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using namespace std::chrono_literals;

static_assert(static_cast<int>(Change::unlocked) == SA_CLM_NODE_UNLOCK &&
              static_cast<int>(Change::shutdown) == SA_CLM_NODE_SHUTDOWN &&
              static_cast<int>(Operation::unlock) == SA_CLM_ADMIN_UNLOCK &&
              static_cast<int>(Operation::lock) == SA_CLM_ADMIN_LOCK &&
              static_cast<int>(Operation::shutdown) == SA_CLM_ADMIN_SHUTDOWN &&
              static_cast<int>(AdminState::shutting_down) == SA_CLM_ADMIN_SHUTTING_DOWN &&
              static_cast<int>(Step::validate) == SA_CLM_CHANGE_VALIDATE &&
              static_cast<int>(Step::start) == SA_CLM_CHANGE_START &&
              static_cast<int>(Step::aborted) == SA_CLM_CHANGE_ABORTED &&
              static_cast<int>(Step::completed) == SA_CLM_CHANGE_COMPLETED &&
              static_cast<int>(Verdict::rejected) == SA_CLM_CALLBACK_RESPONSE_REJECTED &&
              static_cast<int>(Verdict::error) == SA_CLM_CALLBACK_RESPONSE_ERROR);

std::string text(const ViewReport& report) {
    std::string line = std::to_string(report.number) + "/" + std::to_string(report.members) + ":";
    for (const Item& item : report.items) {
        const char* sign[] = {"?", "", "+", "-", "!", "u", "s"};
        line += " " + std::to_string(item.member.facts.node) +
                sign[static_cast<std::uint32_t>(item.change)];
    }
    return line;
}

std::string hello(Role role) {
    Appender out;
    Hello{wire_version, role}.encode(out);
    return out.take();
}

constexpr std::uint32_t steps = SA_TRACK_START_STEP | SA_TRACK_VALIDATE_STEP;

struct Program {
    explicit Program(FakeHost& host) : client(host.connect(hello(Role::program))) {}

    std::int32_t track(std::uint32_t flags) {
        Appender body;
        TrackRequest{flags, Answer::none, TrackRequest::unlimited, 0}.encode(body);
        client.request(static_cast<std::uint16_t>(RequestKind::track), body.written());
        return client.take_response().error;
    }
    std::int32_t answer(Verdict verdict) { return answer(invocation, verdict); }
    std::int32_t answer(std::uint64_t to, Verdict verdict) {
        Appender body;
        body.u64(to);
        body.u32(static_cast<std::uint32_t>(verdict));
        client.request(static_cast<std::uint16_t>(RequestKind::response), body.written());
        return client.take_response().error;
    }
    // What callbacks would say, the oldest first; `invocation` is that of the last.
    std::vector<std::string> heard() {
        std::vector<std::string> lines;
        while (!client.notifications.empty()) {
            const FakeNotification event = client.take_notification();
            Reader in(as_bytes(event.body));
            in.u32();
            if (event.kind == static_cast<std::uint16_t>(EventKind::step)) {
                StepEvent step;
                EXPECT_TRUE(StepEvent::decode(in, step));
                const char* names[] = {"?", "validate ", "start ", "aborted "};
                lines.push_back(names[static_cast<std::uint32_t>(step.step)] + text(step.report));
                EXPECT_EQ(step.invocation == 0, step.step == Step::aborted);
                EXPECT_EQ(step.supervision, step.invocation == 0 ? 0 : 10'000'000'000);
                EXPECT_EQ(step.cause, "host3");
                invocation = step.invocation;
            } else {
                ViewReport report;
                EXPECT_TRUE(ViewReport::decode(in, report));
                lines.push_back(text(report));
                invocation = 0;
            }
        }
        return lines;
    }

    FakeClient& client;
    std::uint64_t invocation = 0;
};

struct Operator {
    explicit Operator(FakeHost& host) : client(host.connect(hello(Role::operators_tool))) {
        client.uid = 0;
    }
    void ask(Operation operation, std::uint32_t node, const std::string& name = "") {
        Appender body;
        AdminRequest{operation, node, name}.encode(body);
        client.request(static_cast<std::uint16_t>(RequestKind::administer), body.written());
    }
    // 0: there is none yet.
    std::int32_t result() { return client.responses.empty() ? 0 : client.take_response().error; }
    std::string list() {
        client.request(static_cast<std::uint16_t>(RequestKind::nodes));
        const FakeResponse response = client.take_response();
        Reader in(as_bytes(response.body));
        std::string lines;
        const std::uint32_t count = in.u32();
        for (std::uint32_t i = 0; i < count; ++i) {
            NodeLine line;
            EXPECT_TRUE(NodeLine::decode(in, line));
            const char* names[] = {"?", "", "L", "S"};
            lines += line.member.facts.name + names[static_cast<std::uint32_t>(line.state)] +
                     (line.is_up ? " " : "(down) ");
        }
        EXPECT_TRUE(in.finished());
        return lines;
    }

    FakeClient& client;
};

class Administration : public testing::Test {
  protected:
    Administration() {
        for (const ais_node_id node : {1, 2, 3}) {
            hosts.push_back(&bus.add(node, ais_plugin_clm));
        }
        bus.form({1, 2, 3});
        bus.run();
    }
    ~Administration() override {
        for (const FakeHost* host : hosts) {
            EXPECT_THAT(host->complaints(), IsEmpty());
        }
    }
    FakeHost& at(ais_node_id node) { return *hosts[node - 1]; }
    std::int32_t done(Operator& who, Operation operation, std::uint32_t node) {
        who.ask(operation, node);
        bus.run();
        return who.result();
    }

    FakeBus bus;
    std::vector<FakeHost*> hosts;
};

TEST_F(Administration, locked_node_is_no_member_and_is_one_again_when_it_is_unlocked) {
    Operator admin(at(1));
    Program other(at(1));
    Program own(at(3));
    other.track(SA_TRACK_CHANGES);
    own.track(SA_TRACK_CHANGES_ONLY | SA_TRACK_LOCAL);
    EXPECT_EQ(done(admin, Operation::lock, 3), SA_AIS_OK);
    EXPECT_THAT(other.heard(), ElementsAre("3/2: 1 2 3-"));
    EXPECT_THAT(own.heard(), ElementsAre("3/2: 3-"));
    EXPECT_EQ(admin.list(), "host1 host2 host3L ");
    EXPECT_EQ(own.track(SA_TRACK_CURRENT), SA_AIS_ERR_UNAVAILABLE);
    EXPECT_EQ(own.answer(1, Verdict::ok), SA_AIS_ERR_UNAVAILABLE);
    EXPECT_EQ(at(3).connect(hello(Role::program)).open_status, not_a_member);
    EXPECT_EQ(Operator(at(3)).client.open_status, AIS_OK);
    EXPECT_THAT(at(1).dump(), HasSubstr("since view 2, locked"));
    EXPECT_EQ(done(admin, Operation::unlock, 3), SA_AIS_OK);
    EXPECT_THAT(other.heard(), ElementsAre("4/3: 1 2 3+"));
    EXPECT_THAT(own.heard(), ElementsAre("4/3: 3+"));
    EXPECT_EQ(own.track(SA_TRACK_CURRENT | SA_TRACK_CHANGES), SA_AIS_OK);
    EXPECT_THAT(at(1).dump(), HasSubstr("'host3' 10.0.0.3 since view 4"));
    EXPECT_EQ(at(1).save(), at(3).save());
    EXPECT_TRUE(
        at(2).logged("NOTICE CLM-007 lock of node 3 'host3', asked for on node 1, is done"));
}

TEST_F(Administration, what_is_so_already_or_does_not_exist_is_said) {
    Operator admin(at(2));
    EXPECT_EQ(done(admin, Operation::unlock, 3), SA_AIS_ERR_NO_OP);
    EXPECT_EQ(done(admin, Operation::lock, 9), SA_AIS_ERR_NOT_EXIST);
    admin.ask(Operation::shutdown, 0, "host3");
    bus.run();
    EXPECT_EQ(admin.result(), SA_AIS_OK);
    EXPECT_EQ(done(admin, Operation::lock, 3), SA_AIS_ERR_NO_OP);
    EXPECT_EQ(done(admin, Operation::shutdown, 3), SA_AIS_ERR_NO_OP);
    admin.ask(Operation::unlock, 0, "nobody");
    bus.run();
    EXPECT_EQ(admin.result(), SA_AIS_ERR_NOT_EXIST);
}

TEST_F(Administration, other_users_may_look_only) {
    Operator other(at(1));
    other.client.uid = 54321;
    EXPECT_EQ(done(other, Operation::lock, 3), SA_AIS_ERR_ACCESS);
    EXPECT_EQ(other.list(), "host1 host2 host3 ");
}

TEST_F(Administration, programs_are_asked_in_steps_and_only_those_who_want_it) {
    Operator admin(at(1));
    Program judge(at(2));
    Program both(at(3));
    Program plain(at(2));
    judge.track(SA_TRACK_CHANGES_ONLY | SA_TRACK_VALIDATE_STEP);
    both.track(SA_TRACK_CHANGES | steps);
    plain.track(SA_TRACK_CHANGES_ONLY);
    admin.ask(Operation::shutdown, 3);
    bus.run();
    EXPECT_THAT(judge.heard(), ElementsAre("validate 2/3: 3s"));
    EXPECT_THAT(both.heard(), ElementsAre("validate 2/3: 1 2 3s"));
    EXPECT_EQ(judge.answer(Verdict::ok), SA_AIS_OK);
    EXPECT_EQ(judge.answer(Verdict::ok), SA_AIS_ERR_INVALID_PARAM);  // once
    bus.run();
    EXPECT_THAT(both.heard(), IsEmpty());  // its own answer is missing
    const std::uint64_t validate = 5;      // the first operation, step 1
    EXPECT_EQ(both.answer(validate + 4, Verdict::ok), SA_AIS_ERR_INVALID_PARAM);
    EXPECT_EQ(both.answer(validate, Verdict::ok), SA_AIS_OK);
    EXPECT_EQ(admin.list(), "host1 host2 host3 ");
    bus.run();
    EXPECT_EQ(admin.list(), "host1 host2 host3S ");
    EXPECT_THAT(judge.heard(), IsEmpty());
    EXPECT_THAT(both.heard(), ElementsAre("start 2/3: 1 2 3s"));
    EXPECT_EQ(both.answer(Verdict::rejected), SA_AIS_ERR_INVALID_PARAM);  // too late to object
    EXPECT_EQ(both.answer(Verdict::error), SA_AIS_OK);
    EXPECT_EQ(admin.result(), 0);
    bus.run();
    EXPECT_EQ(admin.result(), SA_AIS_OK);
    EXPECT_THAT(judge.heard(), ElementsAre("3/2: 3-"));
    EXPECT_THAT(both.heard(), ElementsAre("3/2: 1 2 3-"));
    EXPECT_THAT(plain.heard(), ElementsAre("3/2: 3-"));
    EXPECT_EQ(at(1).timers() + at(2).timers() + at(3).timers(), 0U);
    EXPECT_TRUE(at(3).logged("CLM-009"));
}

TEST_F(Administration, objection_aborts_the_change_for_all_who_were_asked) {
    for (const Verdict no : {Verdict::rejected, Verdict::error}) {
        Operator admin(at(1));
        Program judge(at(2));
        Program other(at(3));
        Program starter(at(3));
        judge.track(SA_TRACK_CHANGES_ONLY | SA_TRACK_VALIDATE_STEP);
        other.track(SA_TRACK_CHANGES_ONLY | SA_TRACK_VALIDATE_STEP);
        starter.track(SA_TRACK_CHANGES_ONLY | SA_TRACK_START_STEP);
        admin.ask(Operation::lock, 3);
        bus.run();
        EXPECT_THAT(judge.heard(), ElementsAre("validate 2/3: 3-"));
        EXPECT_EQ(judge.answer(no), SA_AIS_OK);
        bus.run();
        EXPECT_EQ(admin.result(), SA_AIS_ERR_FAILED_OPERATION);
        EXPECT_THAT(judge.heard(), ElementsAre("aborted 2/3: 3-"));
        EXPECT_THAT(other.heard(), ElementsAre("validate 2/3: 3-", "aborted 2/3: 3-"));
        EXPECT_THAT(starter.heard(), IsEmpty());
        EXPECT_EQ(other.answer(5, Verdict::ok), SA_AIS_ERR_INVALID_PARAM);
        EXPECT_EQ(admin.list(), "host1 host2 host3 ");
        judge.client.close();
        other.client.close();
        starter.client.close();
    }
    EXPECT_TRUE(at(1).logged("CLM-008 lock of node 3 'host3', asked for on node 1, was given up"));
}

TEST_F(Administration, program_that_does_not_answer_is_waited_for_a_bounded_time) {
    Operator admin(at(1));
    Program mute(at(2));
    mute.track(SA_TRACK_CHANGES_ONLY | steps);
    admin.ask(Operation::lock, 3);
    bus.run();
    bus.advance(9999ms);
    EXPECT_EQ(bus.run(), 0U);
    bus.advance(1ms);
    bus.run();
    EXPECT_THAT(mute.heard(), ElementsAre("validate 2/3: 3-", "start 2/3: 3-"));
    EXPECT_TRUE(at(2).logged("WARNING CLM-006"));
    bus.advance(10s);
    bus.run();
    EXPECT_EQ(admin.result(), SA_AIS_OK);
    EXPECT_THAT(mute.heard(), ElementsAre("3/2: 3-"));
}

TEST_F(Administration, program_that_goes_or_stops_tracking_is_not_waited_for) {
    Operator admin(at(1));
    Program dies(at(2));
    Program stops(at(3));
    dies.track(SA_TRACK_CHANGES | SA_TRACK_VALIDATE_STEP);
    stops.track(SA_TRACK_CHANGES | SA_TRACK_START_STEP);
    admin.ask(Operation::lock, 3);
    bus.run();
    dies.client.close();
    bus.run();
    EXPECT_THAT(stops.heard(), ElementsAre("start 2/3: 1 2 3-"));
    stops.client.request(static_cast<std::uint16_t>(RequestKind::track_stop));
    EXPECT_EQ(stops.client.take_response().error, SA_AIS_OK);
    bus.run();
    EXPECT_EQ(admin.result(), SA_AIS_OK);
}

TEST_F(Administration, node_that_dies_in_the_middle_is_not_waited_for) {
    Operator admin(at(1));
    Program judge(at(2));
    judge.track(SA_TRACK_CHANGES | steps);
    admin.ask(Operation::lock, 3);
    bus.run();
    bus.crash(2);
    bus.run();
    EXPECT_EQ(admin.result(), SA_AIS_OK);
    EXPECT_EQ(admin.list(), "host1 host3L ");
}

TEST_F(Administration, node_that_dies_while_it_is_being_locked_is_locked_when_it_is_back) {
    Operator admin(at(1));
    Program judge(at(1));
    judge.track(SA_TRACK_CHANGES_ONLY | steps);
    admin.ask(Operation::lock, 3);
    bus.run();
    EXPECT_THAT(judge.heard(), ElementsAre("validate 2/3: 3-"));
    const std::uint64_t asked = judge.invocation;
    bus.crash(3);
    EXPECT_THAT(judge.heard(), ElementsAre("3/2: 3-"));
    EXPECT_EQ(judge.answer(asked, Verdict::ok), SA_AIS_OK);
    bus.run();
    EXPECT_THAT(judge.heard(), IsEmpty());  // nothing is left to be changed for it
    bus.advance(10s);
    bus.run();
    EXPECT_EQ(admin.result(), SA_AIS_OK);
    EXPECT_EQ(admin.list(), "host1 host2 host3L(down) ");
    hosts[2] = &bus.add(3, ais_plugin_clm);
    Program fresh(at(3));
    fresh.track(SA_TRACK_CHANGES_ONLY);  // it waits until replicas are equal
    bus.form({1, 2, 3});
    EXPECT_THAT(judge.heard(), IsEmpty());
    EXPECT_EQ(fresh.client.take_response().error, SA_AIS_ERR_UNAVAILABLE);
    EXPECT_EQ(admin.list(), "host1 host2 host3L ");
    EXPECT_EQ(at(1).save(), at(3).save());
}

TEST_F(Administration, nodes_that_come_abort_the_change) {
    Operator admin(at(1));
    Program judge(at(2));
    judge.track(SA_TRACK_CHANGES_ONLY | steps);
    admin.ask(Operation::lock, 3);
    bus.run();
    hosts.push_back(&bus.add(4, ais_plugin_clm));
    bus.form({1, 2, 3, 4});
    bus.run();
    EXPECT_EQ(admin.result(), SA_AIS_ERR_TRY_AGAIN);
    EXPECT_THAT(judge.heard(), ElementsAre("validate 2/3: 3-", "aborted 2/3: 3-", "3/4: 4+"));
    EXPECT_EQ(admin.list(), "host1 host2 host3 host4 ");
    EXPECT_EQ(at(1).save(), at(4).save());
}

TEST_F(Administration, one_change_at_a_time) {
    Operator first(at(1));
    Operator second(at(2));
    Program judge(at(2));
    judge.track(SA_TRACK_CHANGES_ONLY | steps);
    first.ask(Operation::lock, 3);
    bus.run();
    EXPECT_EQ(done(second, Operation::lock, 1), SA_AIS_ERR_BUSY);
    EXPECT_EQ(done(second, Operation::unlock, 3), SA_AIS_ERR_BUSY);
    EXPECT_EQ(done(first, Operation::lock, 1), SA_AIS_ERR_BUSY);  // its own waits
    EXPECT_THAT(judge.heard(), ElementsAre("validate 2/3: 3-"));
    EXPECT_THAT(at(3).dump(), HasSubstr("lock of node 3, validate, waits for 1 nodes"));
    EXPECT_EQ(judge.answer(Verdict::rejected), SA_AIS_OK);
    bus.run();
    EXPECT_EQ(first.result(), SA_AIS_ERR_FAILED_OPERATION);
}

TEST_F(Administration, latest_operation_is_true_after_a_merge) {
    Operator one(at(1));
    Operator three(at(3));
    Program program(at(1));
    program.track(SA_TRACK_CHANGES_ONLY);
    EXPECT_EQ(done(one, Operation::lock, 2), SA_AIS_OK);
    bus.partition({{1, 2}, {3}});
    EXPECT_EQ(done(three, Operation::unlock, 2), SA_AIS_OK);  // it is not there, but known
    EXPECT_EQ(three.list(), "host2(down) host3 ");
    program.heard();
    bus.form({1, 2, 3});
    EXPECT_THAT(program.heard(), ElementsAre("5/3: 2+ 3+"));
    EXPECT_EQ(one.list(), "host1 host2 host3 ");
    EXPECT_EQ(at(1).save(), at(3).save());
    EXPECT_THAT(at(1).dump(), HasSubstr("'host2' 10.0.0.2 since view 5"));
    // Of equals the lock.
    bus.partition({{1, 2}, {3}});
    EXPECT_EQ(done(one, Operation::lock, 2), SA_AIS_OK);
    EXPECT_EQ(done(three, Operation::lock, 2), SA_AIS_OK);
    EXPECT_EQ(done(three, Operation::unlock, 2), SA_AIS_OK);
    EXPECT_EQ(done(one, Operation::unlock, 2), SA_AIS_OK);
    EXPECT_EQ(done(one, Operation::lock, 2), SA_AIS_OK);
    EXPECT_EQ(done(three, Operation::lock, 3), SA_AIS_OK);
    bus.form({1, 2, 3});
    EXPECT_EQ(one.list(), "host1 host2L host3L ");
    EXPECT_EQ(at(1).save(), at(3).save());
}

TEST_F(Administration, full_send_queue_delays_the_answer_and_does_not_lose_it) {
    Operator admin(at(1));
    Program judge(at(2));
    judge.track(SA_TRACK_CHANGES_ONLY | SA_TRACK_VALIDATE_STEP);
    admin.ask(Operation::lock, 3);
    bus.run();
    judge.heard();
    at(2).set_congested(true);
    judge.client.close();
    bus.advance(60ms);
    EXPECT_EQ(bus.run(), 0U);
    EXPECT_EQ(at(2).timers(), 1U);
    at(2).set_congested(false);
    bus.advance(20ms);
    EXPECT_GT(bus.run(), 0U);
    EXPECT_EQ(admin.client.take_response().error, SA_AIS_OK);
    EXPECT_THAT(admin.list(), HasSubstr("host3L"));
}

TEST_F(Administration, another_build_goes_on_in_the_middle_of_a_step) {
    Operator admin(at(2));
    Program judge(at(2));
    judge.track(SA_TRACK_CHANGES_ONLY | steps);
    admin.ask(Operation::lock, 3);
    bus.run();
    ASSERT_EQ(at(2).replace(ais_plugin_clm), AIS_OK);
    EXPECT_EQ(at(2).timers(), 1U);
    EXPECT_THAT(judge.heard(), ElementsAre("validate 2/3: 3-"));
    EXPECT_EQ(judge.answer(Verdict::ok), SA_AIS_OK);
    bus.run();
    EXPECT_THAT(judge.heard(), ElementsAre("start 2/3: 3-"));
    ASSERT_EQ(at(1).replace(ais_plugin_clm), AIS_OK);
    ASSERT_EQ(at(2).replace(ais_plugin_clm), AIS_OK);
    bus.advance(10s);
    bus.run();
    EXPECT_EQ(admin.result(), SA_AIS_OK);
    EXPECT_THAT(judge.heard(), ElementsAre("3/2: 3-"));
    EXPECT_EQ(at(1).save(), at(2).save());
}

TEST_F(Administration, facts_of_a_locked_node_are_kept_and_told_when_it_is_back) {
    Operator admin(at(1));
    Program program(at(1));
    program.track(SA_TRACK_CHANGES_ONLY);
    EXPECT_EQ(done(admin, Operation::lock, 3), SA_AIS_OK);
    program.heard();
    at(3).host_name = "renamed";
    bus.form({1, 2, 3});
    bus.run();
    EXPECT_THAT(program.heard(), IsEmpty());
    EXPECT_EQ(admin.list(), "host1 host2 renamedL ");
    admin.ask(Operation::unlock, 0, "renamed");
    bus.run();
    EXPECT_EQ(admin.result(), SA_AIS_OK);
    EXPECT_EQ(program.heard().size(), 1U);
    EXPECT_EQ(at(1).save(), at(3).save());
}

TEST_F(Administration, broken_messages_and_requests_are_dropped_by_name) {
    for (const char* bytes : {"", "xx", "\x09\0\0\0"}) {
        at(1).deliver(2, static_cast<std::uint16_t>(MessageKind::administer), bytes);
        at(1).deliver(2, static_cast<std::uint16_t>(MessageKind::step_over), bytes);
    }
    EXPECT_THAT(at(1).dump(), HasSubstr("malformed 6"));
    for (const RequestKind kind : {RequestKind::administer, RequestKind::response}) {
        Program program(at(1));
        program.client.request(static_cast<std::uint16_t>(kind), "xx");
        EXPECT_EQ(program.client.disconnected(), "a request that does not decode");
    }
}

TEST(AdminSnapshot, comes_back_as_it_was_and_is_refused_when_it_is_not_canonical) {
    View view{9, {{1, {{1, 0, "", "n", "", 0}, 1}}}};
    view.operations = 4;
    view.administered = {{1, {false, 2, "n"}}, {7, {true, 3, "seven"}}};
    view.change = PendingChange{Operation::shutdown, Step::start, 1, 1, 5, 4, {1, 3}, "n"};
    const std::string good = save(view);
    ASSERT_TRUE(restore(as_bytes(good)));
    EXPECT_EQ(*restore(as_bytes(good)), view);
    for (std::size_t cut = 0; cut < good.size(); ++cut) {
        EXPECT_FALSE(restore(as_bytes(good.substr(0, cut)))) << cut;
    }
    const auto is_refused = [&](auto&& spoil) {
        View bad = view;
        spoil(bad);
        return !restore(as_bytes(save(bad)));
    };
    EXPECT_TRUE(is_refused([](View& bad) { bad.operations = 2; }));
    EXPECT_TRUE(is_refused([](View& bad) { bad.change->id = 0; }));
    EXPECT_TRUE(is_refused([](View& bad) { bad.change->step = Step::completed; }));
    EXPECT_TRUE(is_refused([](View& bad) { bad.change->operation = Operation::unlock; }));
    EXPECT_TRUE(is_refused([](View& bad) { bad.change->awaited = {3, 1}; }));
    EXPECT_TRUE(is_refused([](View& bad) { bad.administered[7].name = std::string(257, 'n'); }));
}

}  // namespace
}  // namespace ais::clm
