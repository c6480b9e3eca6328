// SPDX-License-Identifier: BSD-3-Clause
//
// The host tables, called as a plugin calls them: through the SDK, and badly.

#include "plugin/host.hpp"

#include "plugin/fake_kernel_test.hpp"

#include <ais/abi/draft/holes.h>
#include <ais/host.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace ais::plugin {
namespace {

using ::testing::ElementsAre;

class HostTables : public ::testing::Test {
  protected:
    TestKernel kernel_;
    std::string name_ = "demo";
    Calls calls_{name_, kernel_.kernel};
    Host host_{kernel_.kernel, calls_, 90, {}};
    const ais_host& abi_ = *host_.abi();
};

TEST_F(HostTables, log_under_the_name_of_the_plugin_on_one_line) {
    ais::host::Log(abi_).warning("DEMO-001", "two\nlines ", 5);
    abi_.log(&abi_, 99, nullptr, {nullptr, 3});
    EXPECT_THAT(kernel_.log.lines, ElementsAre("demo DEMO-001 two lines 5", "demo  "));
    ais::host::Log(abi_).info("DEMO-002", std::string(10000, 'x'));
    EXPECT_LE(kernel_.log.lines.back().size(), Host::log_line_max + 50);
}

TEST_F(HostTables, multicast_as_the_service_of_the_plugin) {
    const ais::host::Group group(abi_);
    EXPECT_EQ(group.local_node(), 3U);
    EXPECT_EQ(group.multicast(7, std::string_view("ab"), std::string_view("cd")), AIS_OK);
    EXPECT_GT(kernel_.groups.backlog(), 0U);
    EXPECT_EQ(group.message_max(), kernel_.groups.limits().message_max);
    EXPECT_FALSE(group.congested());
    const std::string big(group.message_max() + 1, 'x');
    EXPECT_EQ(group.multicast(7, std::string_view(big)), AIS_ERR_TOO_BIG);
    const ais_bytes null_part = {nullptr, 5};
    EXPECT_EQ(group.multicast(7, null_part), AIS_ERR_INVALID);
    EXPECT_EQ(group.multicast_list(7, 2, {}), AIS_ERR_INVALID);
    EXPECT_EQ(host_.misuses(), 2U);
    EXPECT_TRUE(kernel_.log.has("PLUGIN-011 plugin 'demo' made a call that the ABI forbids"));
}

TEST_F(HostTables, say_what_is_behind_a_hole) {
    const auto holes = ais::host::find<ais_holes_v1>(abi_, AIS_HOLES_INTERFACE);
    ASSERT_NE(holes.is_behind_hole, nullptr);
    EXPECT_EQ(holes.is_behind_hole(&abi_), 0U);
    kernel_.groups.on_deliver({NodeId(1), {}, 3, totem::Guarantee::safe, {}, true});
    EXPECT_EQ(holes.is_behind_hole(&abi_), 1U);
    kernel_.groups.on_deliver({NodeId(1), {}, 4, totem::Guarantee::safe, {}});
    EXPECT_EQ(holes.is_behind_hole(&abi_), 0U);
}

TEST_F(HostTables, keep_the_last_regular_configuration) {
    const ais::host::Group group(abi_);
    EXPECT_EQ(group.configuration(), nullptr);
    host_.set_configuration(regular({NodeId(3), NodeId(4)}));
    ASSERT_NE(group.configuration(), nullptr);
    EXPECT_EQ(group.configuration()->member_count, 2U);
    EXPECT_EQ(group.configuration()->members[1], 4U);
    EXPECT_EQ(group.configuration()->ring.representative, 3U);
}

TEST_F(HostTables, answer_clients_that_are_open_and_no_others) {
    TestSession client(kernel_.log, 90);
    const ais::host::Ipc ipc(abi_);
    EXPECT_EQ(ipc.notify(client.conn(), 1, std::string_view("early")), AIS_ERR_NOT_FOUND);
    host_.client_opened(client.conn());
    EXPECT_EQ(ipc.respond(client.conn(), 5, -2, std::string_view("an"), std::string_view("swer")),
              AIS_OK);
    EXPECT_EQ(ipc.notify(client.conn(), 6, std::string_view("event")), AIS_OK);
    EXPECT_EQ(ipc.respond(client.conn(), 0, 0), AIS_ERR_INVALID);
    EXPECT_EQ(ipc.peer(client.conn()).pid, 77U);
    EXPECT_EQ(ipc.peer(client.conn()).gid, 1002U);
    int context = 0;
    EXPECT_EQ(ipc.context<int>(client.conn()), nullptr);
    ipc.set_context(client.conn(), &context);
    EXPECT_EQ(ipc.context<int>(client.conn()), &context);
    EXPECT_EQ(client.responses(), "0/5/-2:answer ");
    EXPECT_EQ(client.events(), "6/0/0:event ");
    ipc.disconnect(client.conn(), "bad\nmanners");
    EXPECT_EQ(client.closed_because, "bad manners");
    host_.client_closed(client.conn());
    EXPECT_EQ(ipc.notify(client.conn(), 1), AIS_ERR_NOT_FOUND);
    EXPECT_EQ(ipc.peer(client.conn()).pid, 0U);
    EXPECT_EQ(ipc.respond(reinterpret_cast<ais_conn*>(0x10), 5, 0), AIS_ERR_NOT_FOUND);
    EXPECT_EQ(host_.misuses(), 5U);
}

struct Counter {
    int fired = 0;
    const ais::host::Timer* timer = nullptr;
    std::uint64_t id = 0;
    void fire() { ++fired; }
    void again() {
        ++fired;
        timer->start<&Counter::again>(std::chrono::seconds(1), *this, id);
    }
};

TEST_F(HostTables, fire_timers_once_never_early_and_not_after_stop) {
    const ais::host::Timer timer(abi_);
    Counter once;
    Counter again{0, &timer, 0};
    Counter cancelled;
    ASSERT_EQ(timer.start<&Counter::fire>(std::chrono::seconds(1), once, once.id), AIS_OK);
    ASSERT_EQ(timer.start<&Counter::again>(std::chrono::seconds(1), again, again.id), AIS_OK);
    ASSERT_EQ(timer.start<&Counter::fire>(std::chrono::seconds(1), cancelled, cancelled.id),
              AIS_OK);
    EXPECT_NE(once.id, again.id);
    EXPECT_TRUE(timer.cancel(cancelled.id));
    EXPECT_FALSE(timer.cancel(cancelled.id));
    kernel_.timers.advance(std::chrono::milliseconds(999));
    EXPECT_EQ(once.fired, 0);
    kernel_.timers.advance(std::chrono::milliseconds(1));
    kernel_.timers.advance(std::chrono::seconds(1));
    EXPECT_EQ(once.fired, 1);
    EXPECT_EQ(again.fired, 2);
    EXPECT_FALSE(timer.cancel(once.id));
    EXPECT_EQ(timer.now(), std::chrono::seconds(12));
    EXPECT_EQ(calls_.of(Call::timer).calls, 3U);
    host_.stop();
    EXPECT_EQ(kernel_.timers.size(), 0U);
    EXPECT_EQ(timer.start<&Counter::fire>(std::chrono::seconds(1), once, once.id),
              AIS_ERR_NO_MEMORY);
}

TEST_F(HostTables, bound_the_number_of_timers) {
    const ais::host::Timer timer(abi_);
    Counter counter;
    for (std::size_t i = 0; i < Host::timers_max; ++i) {
        ASSERT_EQ(timer.start<&Counter::fire>(std::chrono::hours(1), counter, counter.id), AIS_OK);
    }
    EXPECT_EQ(timer.start<&Counter::fire>(std::chrono::hours(1), counter, counter.id),
              AIS_ERR_NO_MEMORY);
    ais_timer_v1 table = ais::host::find<ais_timer_v1>(abi_, AIS_TIMER_INTERFACE);
    EXPECT_EQ(table.start(&abi_, 1, nullptr, nullptr, &counter.id), AIS_ERR_INVALID);
    // The end of the world does not overflow.
    EXPECT_TRUE(timer.cancel(counter.id));
    EXPECT_EQ(table.start(
                  &abi_, ~0ULL, [](void*) {}, nullptr, &counter.id),
              AIS_OK);
    kernel_.timers.advance(std::chrono::seconds(1));
    EXPECT_EQ(host_.timers(), Host::timers_max);
}

TEST_F(HostTables, read_the_configuration) {
    const ais::host::Config config(abi_);
    EXPECT_EQ(config.text("demo.word"), "hello");
    EXPECT_EQ(config.number("demo.size"), 32);
    EXPECT_EQ(config.number("demo.word"), std::nullopt);
    EXPECT_EQ(config.text("demo.nothing"), std::nullopt);
    EXPECT_EQ(config.text(nullptr), std::nullopt);
    EXPECT_EQ(config.count("demo"), 1U);
    EXPECT_EQ(config.count("other"), 0U);
}

TEST_F(HostTables, tell_about_this_machine) {
    const host::Node node(abi_);
    EXPECT_EQ(node.host_name(), "machine");
    EXPECT_EQ(node.address(0), "10.0.0.3");
    EXPECT_EQ(node.address(1), std::nullopt);
    EXPECT_EQ(node.boot_time(), 1000);
    EXPECT_EQ(node.wall_clock(), 2000);
    const auto table = host::find<ais_node_v1>(abi_, AIS_NODE_INTERFACE);
    EXPECT_EQ(table.address(&abi_, 0, nullptr), AIS_ERR_INVALID);
}

TEST_F(HostTables, offer_only_what_this_kernel_has) {
    EXPECT_EQ(abi_.find(&abi_, "ais.group/2"), nullptr);
    EXPECT_EQ(abi_.find(&abi_, nullptr), nullptr);
    EXPECT_EQ(abi_.find_self(&abi_, "ais.group/1"), nullptr);
    Kernel early;
    early.log = &kernel_.log;
    EXPECT_TRUE(host_interfaces(early).empty());
    Host before(early, calls_, 0, {});
    for (const char* id :
         {"ais.group/1", "ais.ipc/1", "ais.timer/1", "ais.config/1", "ais.node/1", "ais.holes/1"}) {
        EXPECT_NE(abi_.find(&abi_, id), nullptr) << id;
        EXPECT_EQ(before.abi()->find(before.abi(), id), nullptr) << id;
    }
    // A backend has no group: nobody would deliver to it.
    Host backend(kernel_.kernel, calls_, 0, {});
    EXPECT_FALSE(ais::host::has(*backend.abi(), "ais.group/1"));
    EXPECT_TRUE(ais::host::has(*backend.abi(), "ais.timer/1"));
}

TEST_F(HostTables, hand_on_the_interface_of_another_plugin) {
    int table = 4;
    int self = 0;
    Host user(kernel_.kernel, calls_, 0, {{"com.acme.thing/1", {&table, &self}}});
    EXPECT_EQ(user.abi()->find(user.abi(), "com.acme.thing/1"), &table);
    EXPECT_EQ(user.abi()->find_self(user.abi(), "com.acme.thing/1"), &self);
}

TEST(Calls, are_counted_timed_and_named) {
    TestKernel kernel;
    const std::string name = "slow";
    Calls calls(name, kernel.kernel);
    char text[64];
    {
        const CallScope scope(calls, Call::deliver);
        EXPECT_STREQ(describe_current_call(text, sizeof text), "slow.deliver");
        EXPECT_STREQ(describe_current_call(text, 5), "slow");
    }
    EXPECT_STREQ(describe_current_call(text, sizeof text), "");
    EXPECT_EQ(calls.of(Call::deliver).calls, 1U);
    EXPECT_EQ(calls.of(Call::deliver).total, std::chrono::microseconds(1));
    EXPECT_TRUE(kernel.log.lines.empty());
    kernel.stopwatch.step = std::chrono::milliseconds(60);
    for (int i = 0; i < 5; ++i) {
        const CallScope scope(calls, Call::request);
    }
    EXPECT_THAT(kernel.log.lines,
                ElementsAre("plugin PLUGIN-010 slow.request took 60 ms; the ring "
                            "waits meanwhile"));
    EXPECT_EQ(calls.of(Call::request).longest, std::chrono::milliseconds(60));
    // Not a word, and not a reading, for what runs with every datagram.
    const Duration before = kernel.stopwatch.at;
    { const CallScope scope(calls, Call::open); }
    EXPECT_EQ(kernel.stopwatch.at, before);
    EXPECT_EQ(calls.of(Call::open).calls, 1U);
}

}  // namespace
}  // namespace ais::plugin
