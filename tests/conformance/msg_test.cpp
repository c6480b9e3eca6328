// SPDX-License-Identifier: BSD-3-Clause
//
// libSaMsg against running executives: the acceptance scenarios of the reference (MS1 to
// MS28), and what a program relies on besides.  msg_table_test.cpp has the tables of the
// functions, common_test.cpp what all services promise alike.

#include "msg_program.hpp"

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <set>
#include <thread>

namespace ais::conformance {
namespace {

TEST_F(Msg, MS1_queue_must_be_created_and_is_open_once) {
    Program a(*cluster_, 1);
    Program b(*cluster_, 2);
    SaMsgQueueHandleT queue = 42;
    EXPECT_EQ(a.try_open(name, queue), SA_AIS_ERR_NOT_EXIST);
    EXPECT_EQ(queue, 42U);
    const auto persistent = attributes(10, 0, SA_MSG_QUEUE_PERSISTENT);
    EXPECT_EQ(a.try_open(name, queue, persistent), SA_AIS_OK);
    SaMsgQueueHandleT other = 0;
    EXPECT_EQ(b.try_open(name, other), SA_AIS_ERR_BUSY);
    EXPECT_EQ(a.try_open(name, other, persistent), SA_AIS_ERR_BUSY);
    EXPECT_EQ(b.try_open(name, other, attributes(11)), SA_AIS_ERR_EXIST);
    EXPECT_EQ(a.unlink(name), SA_AIS_OK);
}

TEST_F(Msg, MS2_attributes_must_be_those_of_the_queue) {
    Program a(*cluster_, 1);
    const SaMsgQueueHandleT queue = a.open(name, attributes(10));
    EXPECT_EQ(saMsgQueueClose(queue), SA_AIS_OK);
    EXPECT_EQ(saMsgQueueClose(queue), SA_AIS_ERR_BAD_HANDLE);
    SaMsgQueueHandleT other = 0;
    EXPECT_EQ(a.try_open(name, other, attributes(11)), SA_AIS_ERR_EXIST);
    EXPECT_EQ(a.try_open(name, other, attributes(10, 5)), SA_AIS_ERR_EXIST);
    EXPECT_EQ(a.try_open(name, other, attributes(10, 3600 * second, SA_MSG_QUEUE_PERSISTENT)),
              SA_AIS_ERR_EXIST);
    EXPECT_EQ(a.try_open(name, other, attributes(10)), SA_AIS_OK);
}

TEST_F(Msg, MS3_messages_come_by_priority_and_in_order) {
    Program a(*cluster_, 1);
    Program b(*cluster_, 2);
    const SaMsgQueueHandleT queue = a.open(name);
    EXPECT_EQ(b.send(name, "a", 3), SA_AIS_OK);
    EXPECT_EQ(b.send(name, "b", 0), SA_AIS_OK);
    EXPECT_EQ(b.send(name, "c", 3), SA_AIS_OK);
    EXPECT_THAT(get_all(queue), ElementsAre("b", "a", "c"));
}

TEST_F(Msg, MS4_MS5_area_that_is_full_refuses) {
    Program a(*cluster_, 1);
    auto wanted = attributes(100);
    wanted.size[1] = 0;
    const SaMsgQueueHandleT queue = a.open(name, wanted);
    const std::string sixty(60, 'x');
    EXPECT_EQ(a.send(name, sixty), SA_AIS_OK);
    EXPECT_EQ(a.send(name, sixty), SA_AIS_ERR_QUEUE_FULL);
    EXPECT_EQ(a.send(name, std::string(101, 'x'), 2), SA_AIS_ERR_QUEUE_FULL);
    EXPECT_EQ(a.send(name, "x", 1), SA_AIS_ERR_QUEUE_FULL);
    const SaMsgQueueStatusT status = a.status(name);
    EXPECT_EQ(status.saMsgQueueUsage[3].queueSize, 100U);
    EXPECT_EQ(status.saMsgQueueUsage[3].queueUsed, 60U);
    EXPECT_EQ(status.saMsgQueueUsage[3].numberOfMessages, 1U);
    EXPECT_EQ(status.closeTime, 0);
    std::string data;
    EXPECT_EQ(get(queue, data), SA_AIS_OK);
    EXPECT_EQ(a.send(name, sixty), SA_AIS_OK);
}

TEST_F(Msg, MS6_message_that_does_not_fit_stays) {
    Program a(*cluster_, 1);
    const SaMsgQueueHandleT queue = a.open(name);
    const std::string fifty(50, 'x');
    a.send(name, fifty);
    a.send(name, "second");
    std::string buffer(50, '.');
    SaMsgMessageT message{};
    message.data = buffer.data();
    message.size = 10;
    SaMsgSenderIdT sender = 1;
    EXPECT_EQ(saMsgMessageGet(queue, &message, nullptr, &sender, second), SA_AIS_ERR_NO_SPACE);
    EXPECT_EQ(message.size, 50U);
    SaTimeT sent = 0;
    SaNameT name_out = name_of("before");
    message.senderName = &name_out;
    EXPECT_EQ(saMsgMessageGet(queue, &message, &sent, &sender, 0), SA_AIS_OK);
    EXPECT_EQ(buffer, fifty);
    EXPECT_EQ(sender, 0U);
    EXPECT_EQ(message.type, 7U);
    EXPECT_EQ(message.version, 8U);
    EXPECT_EQ(message.priority, 3);
    EXPECT_EQ(name_out.length, 0);
    EXPECT_GT(sent, SaTimeT{1'500'000'000} * second);
    EXPECT_THAT(get_all(queue), ElementsAre("second"));
}

TEST_F(Msg, MS7_cancel_wakes_all_threads) {
    Program a(*cluster_, 1);
    const SaMsgQueueHandleT queue = a.open(name);
    EXPECT_EQ(saMsgMessageCancel(queue), SA_AIS_ERR_NOT_EXIST);
    std::atomic<int> interrupted{0};
    std::vector<std::thread> threads;
    for (int i = 0; i < 2; ++i) {
        threads.emplace_back([&] {
            std::string data;
            interrupted += get(queue, data, SA_TIME_MAX) == SA_AIS_ERR_INTERRUPT ? 1 : 0;
        });
    }
    // A thread that is not there yet is not woken by the first.
    EXPECT_TRUE(wait_until(
        [&] {
            const SaAisErrorT error = saMsgMessageCancel(queue);
            EXPECT_TRUE(error == SA_AIS_OK || error == SA_AIS_ERR_NOT_EXIST);
            return interrupted == 2;
        },
        patience));
    for (std::thread& thread : threads) {
        thread.join();
    }
    EXPECT_EQ(saMsgMessageCancel(queue), SA_AIS_ERR_NOT_EXIST);
}

TEST_F(Msg, MS8_get_waits_as_long_as_it_was_told) {
    Program a(*cluster_, 1);
    const SaMsgQueueHandleT queue = a.open(name);
    std::string data;
    EXPECT_EQ(get(queue, data, 0), SA_AIS_ERR_TIMEOUT);
    const auto begin = std::chrono::steady_clock::now();
    EXPECT_EQ(get(queue, data, second / 2), SA_AIS_ERR_TIMEOUT);
    EXPECT_GE(std::chrono::steady_clock::now() - begin, 500ms);
}

TEST_F(Msg, get_of_a_thread_that_waits_is_woken_by_a_message_of_another_node) {
    Program a(*cluster_, 1);
    Program b(*cluster_, 3);
    const SaMsgQueueHandleT queue = a.open(name);
    constexpr int count = 200;
    std::set<std::string> all;
    std::mutex mutex;
    std::vector<std::thread> threads;
    for (int i = 0; i < 4; ++i) {
        threads.emplace_back([&] {
            std::string data;
            while (get(queue, data, long_time) == SA_AIS_OK && data != "end") {
                const std::lock_guard lock(mutex);
                EXPECT_TRUE(all.insert(data).second) << data;
            }
        });
    }
    for (int i = 0; i < count; ++i) {
        EXPECT_EQ(b.send(name, std::to_string(i)), SA_AIS_OK);
    }
    for (std::size_t i = 0; i < threads.size(); ++i) {
        EXPECT_EQ(b.send(name, "end"), SA_AIS_OK);
    }
    for (std::thread& thread : threads) {
        thread.join();
    }
    EXPECT_EQ(all.size(), static_cast<std::size_t>(count));
}

TEST_F(Msg, short_timeouts_lose_no_message) {
    Program a(*cluster_, 1);
    const SaMsgQueueHandleT queue = a.open(name, attributes(100000));
    constexpr int count = 300;
    for (int i = 0; i < count; ++i) {
        ASSERT_EQ(a.send(name, std::to_string(i)), SA_AIS_OK);
    }
    // Some of these end while the message is on its way.
    int next = 0;
    std::string data;
    for (SaTimeT timeout = 1; next < count; timeout = timeout * 3 / 2 + 1) {
        const SaTimeT short_time = timeout % 2'000'000 + 1;
        const SaAisErrorT error = get(queue, data, short_time);
        ASSERT_TRUE(error == SA_AIS_OK || error == SA_AIS_ERR_TIMEOUT) << error;
        if (error == SA_AIS_OK) {
            ASSERT_EQ(data, std::to_string(next));
            ++next;
        }
        timeout = timeout > 1'000'000'000 ? 1 : timeout;
    }
    EXPECT_THAT(get_all(queue), IsEmpty());
}

TEST_F(Msg, MS9_retention_keeps_a_closed_queue_as_long_as_it_says) {
    Program a(*cluster_, 1);
    Program b(*cluster_, 2);
    constexpr SaTimeT retention = 2 * second;
    SaMsgQueueHandleT queue = a.open(name, attributes(1000, retention));
    a.send(name, "kept");
    EXPECT_EQ(saMsgQueueClose(queue), SA_AIS_OK);
    EXPECT_GT(b.status(name).closeTime, SaTimeT{1'500'000'000} * second);
    queue = b.reopen(name);
    EXPECT_THAT(get_all(queue), ElementsAre("kept"));
    const auto closed = std::chrono::steady_clock::now();
    EXPECT_EQ(saMsgQueueClose(queue), SA_AIS_OK);
    const SaNameT wanted = name_of(name);
    SaMsgQueueStatusT status{};
    EXPECT_TRUE(wait_until(
        [&] { return saMsgQueueStatusGet(a.handle, &wanted, &status) == SA_AIS_ERR_NOT_EXIST; },
        patience));
    EXPECT_GE(std::chrono::steady_clock::now() - closed, 2s);
    EXPECT_EQ(a.try_open(name, queue), SA_AIS_ERR_NOT_EXIST);
}

TEST_F(Msg, retention_time_can_be_set_while_the_queue_is_open) {
    Program a(*cluster_, 1);
    SaMsgQueueHandleT queue = a.open(name, attributes(1000, 3600 * second));
    SaTimeT retention = 0;
    EXPECT_EQ(saMsgQueueRetentionTimeSet(queue, nullptr), SA_AIS_ERR_INVALID_PARAM);
    EXPECT_EQ(saMsgQueueRetentionTimeSet(queue, &retention), SA_AIS_OK);
    EXPECT_EQ(a.status(name).retentionTime, 0);
    EXPECT_EQ(saMsgQueueClose(queue), SA_AIS_OK);
    EXPECT_EQ(saMsgQueueRetentionTimeSet(queue, &retention), SA_AIS_ERR_BAD_HANDLE);
    EXPECT_EQ(a.try_open(name, queue), SA_AIS_ERR_NOT_EXIST);
    queue = a.open(name, attributes(1000, 0, SA_MSG_QUEUE_PERSISTENT));
    EXPECT_EQ(saMsgQueueRetentionTimeSet(queue, &retention), SA_AIS_ERR_BAD_OPERATION);
    a.unlink(name);
    EXPECT_EQ(saMsgQueueClose(queue), SA_AIS_OK);
}

TEST_F(Msg, MS10_unlinked_queue_lives_for_its_owner) {
    Program a(*cluster_, 1);
    Program b(*cluster_, 2);
    const SaMsgQueueHandleT queue = a.open(name);
    a.send(name, "old");
    EXPECT_EQ(b.unlink(name), SA_AIS_OK);
    EXPECT_EQ(b.unlink(name), SA_AIS_ERR_NOT_EXIST);
    EXPECT_EQ(b.send(name, "x"), SA_AIS_ERR_NOT_EXIST);
    SaTimeT retention = second;
    EXPECT_EQ(saMsgQueueRetentionTimeSet(queue, &retention), SA_AIS_ERR_BAD_OPERATION);
    const SaMsgQueueHandleT other = b.open(name);
    EXPECT_THAT(get_all(other), IsEmpty());
    EXPECT_THAT(get_all(queue), ElementsAre("old"));
}

TEST_F(Msg, MS11_MS12_closed_queue_takes_messages_and_can_be_emptied) {
    Program a(*cluster_, 1);
    Program b(*cluster_, 2);
    SaMsgQueueHandleT queue = a.open(name, attributes(1000, 0, SA_MSG_QUEUE_PERSISTENT));
    EXPECT_EQ(saMsgQueueClose(queue), SA_AIS_OK);
    EXPECT_EQ(a.send(name, "1"), SA_AIS_OK);
    queue = b.reopen(name);
    EXPECT_THAT(get_all(queue), ElementsAre("1"));
    EXPECT_EQ(saMsgQueueClose(queue), SA_AIS_OK);
    EXPECT_EQ(a.send(name, "2"), SA_AIS_OK);
    queue = b.reopen(name, SA_MSG_QUEUE_EMPTY);
    EXPECT_THAT(get_all(queue), IsEmpty());
    EXPECT_EQ(a.status(name).saMsgQueueUsage[3].queueUsed, 0U);
    a.unlink(name);
}

TEST_F(Msg, MS13_messages_are_announced) {
    Program a(*cluster_, 1);
    Program b(*cluster_, 2);
    SaMsgQueueHandleT queue = b.open(name);
    a.send(name, "1");
    a.send(name, "2");
    EXPECT_EQ(saMsgQueueClose(queue), SA_AIS_OK);
    queue = b.reopen(name, receives);
    EXPECT_TRUE(b.until([] { return received.size() >= 2; }));
    EXPECT_THAT(received, ElementsAre(queue, queue));
    a.send(name, "3");
    EXPECT_TRUE(b.until([] { return received.size() >= 3; }));
    EXPECT_THAT(get_all(queue), ElementsAre("1", "2", "3"));
    // What is pending for a handle that is closed is not told.
    a.send(name, "4");
    EXPECT_EQ(saMsgQueueClose(queue), SA_AIS_OK);
    EXPECT_EQ(saMsgDispatch(b.handle, SA_DISPATCH_ALL), SA_AIS_OK);
    EXPECT_EQ(received.size(), 3U);
}

TEST_F(Msg, program_that_does_not_dispatch_is_told_of_all_messages_when_it_does) {
    Program a(*cluster_, 1);
    Program b(*cluster_, 2);
    const SaMsgQueueHandleT queue = b.open(name, attributes(100000), receives);
    constexpr std::size_t many = 1500;
    const SaNameT destination = name_of(name);
    const SaMsgMessageT message = message_of("x");
    for (std::size_t i = 0; i < many; ++i) {
        EXPECT_EQ(patiently([&] {
                      return saMsgMessageSendAsync(a.handle, 1, &destination, &message, 0);
                  }),
                  SA_AIS_OK);
    }
    EXPECT_EQ(a.send(name, "last"), SA_AIS_OK);
    EXPECT_EQ(b.status(name).saMsgQueueUsage[3].numberOfMessages, many + 1);
    EXPECT_TRUE(b.until([] { return received.size() >= many + 1; })) << received.size();
    EXPECT_EQ(received.size(), many + 1);
    EXPECT_EQ(get_all(queue).size(), many + 1) << "and the handle is good";
}

TEST_F(Msg, MS14_MS15_turns_of_a_group) {
    Program a(*cluster_, 1);
    Program b(*cluster_, 2);
    EXPECT_EQ(a.group(group_name, SA_MSG_QUEUE_GROUP_ROUND_ROBIN), SA_AIS_OK);
    std::vector<SaMsgQueueHandleT> queues;
    for (const char* suffix : {"1", "2", "3"}) {
        queues.push_back(a.open(name + suffix, attributes(4)));
        EXPECT_EQ(a.insert(group_name, name + suffix), SA_AIS_OK);
    }
    for (int i = 0; i < 6; ++i) {
        EXPECT_EQ(b.send(group_name, "xx"), SA_AIS_OK);
    }
    for (const SaMsgQueueHandleT queue : {queues[0], queues[2]}) {
        EXPECT_EQ(get_all(queue).size(), 2U);
    }
    int full = 0;
    for (int i = 0; i < 3; ++i) {
        full += b.send(group_name, "x") == SA_AIS_ERR_QUEUE_FULL ? 1 : 0;
    }
    EXPECT_EQ(full, 1);
}

TEST_F(Msg, MS16_group_without_members_and_group_that_is_gone) {
    Program a(*cluster_, 1);
    EXPECT_EQ(a.group(group_name, SA_MSG_QUEUE_GROUP_ROUND_ROBIN), SA_AIS_OK);
    EXPECT_EQ(a.send(group_name, "x"), SA_AIS_ERR_QUEUE_NOT_AVAILABLE);
    const SaNameT group = name_of(group_name);
    EXPECT_EQ(saMsgQueueGroupDelete(a.handle, &group), SA_AIS_OK);
    EXPECT_EQ(saMsgQueueGroupDelete(a.handle, &group), SA_AIS_ERR_NOT_EXIST);
    EXPECT_EQ(a.send(group_name, "x"), SA_AIS_ERR_NOT_EXIST);
}

TEST_F(Msg, MS17_broadcast_reaches_all_that_have_room) {
    Program a(*cluster_, 1);
    EXPECT_EQ(a.group(group_name, SA_MSG_QUEUE_GROUP_BROADCAST), SA_AIS_OK);
    const SaMsgQueueHandleT small = a.open(name + "1", attributes(1));
    const SaMsgQueueHandleT large = a.open(name + "2", attributes(2));
    a.insert(group_name, name + "1");
    a.insert(group_name, name + "2");
    EXPECT_EQ(a.send(group_name, "1"), SA_AIS_OK);
    EXPECT_EQ(a.send(group_name, "2"), SA_AIS_OK);
    EXPECT_EQ(a.send(group_name, "3"), SA_AIS_ERR_QUEUE_FULL);
    EXPECT_THAT(get_all(small), ElementsAre("1"));
    EXPECT_THAT(get_all(large), ElementsAre("1", "2"));
    SaMsgMessageT reply{};
    EXPECT_EQ(a.send_receive(group_name, "x", reply), SA_AIS_ERR_INVALID_PARAM);
}

TEST_F(Msg, local_policies_prefer_queues_of_the_senders_node) {
    Program a(*cluster_, 1);
    Program b(*cluster_, 2);
    const SaMsgQueueHandleT here = a.open(name + "1");
    const SaMsgQueueHandleT there = b.open(name + "2", attributes(5000));
    for (const auto policy :
         {SA_MSG_QUEUE_GROUP_LOCAL_ROUND_ROBIN, SA_MSG_QUEUE_GROUP_LOCAL_BEST_QUEUE}) {
        const std::string group = group_name + std::to_string(policy);
        EXPECT_EQ(a.group(group, policy), SA_AIS_OK);
        a.insert(group, name + "1");
        a.insert(group, name + "2");
        for (int i = 0; i < 3; ++i) {
            EXPECT_EQ(a.send(group, "from 1"), SA_AIS_OK);
            EXPECT_EQ(b.send(group, "from 2"), SA_AIS_OK);
        }
        EXPECT_THAT(get_all(here), ElementsAre("from 1", "from 1", "from 1"));
        EXPECT_THAT(get_all(there), ElementsAre("from 2", "from 2", "from 2"));
    }
}

TEST_F(Msg, MS18_MS19_MS28_trackers_of_another_node_see_each_change) {
    Program a(*cluster_, 1);
    Program b(*cluster_, 2);
    a.open(name + "1");
    a.open(name + "2");
    const std::string other = group_name + "'";
    a.group(group_name, SA_MSG_QUEUE_GROUP_ROUND_ROBIN);
    a.group(other, SA_MSG_QUEUE_GROUP_BROADCAST);
    a.insert(group_name, name + "1");
    a.insert(other, name + "1");
    EXPECT_EQ(b.track(group_name, SA_TRACK_CHANGES), SA_AIS_OK);
    EXPECT_EQ(b.track(other, SA_TRACK_CHANGES_ONLY), SA_AIS_OK);
    EXPECT_EQ(a.insert(group_name, name + "2"), SA_AIS_OK);
    EXPECT_TRUE(b.until([] { return !tracked.empty(); }));
    EXPECT_THAT(tracked, ElementsAre("1 " + group_name + " of 2: " + name + "1 " + name + "2+"));
    tracked.clear();
    EXPECT_EQ(a.unlink(name + "1"), SA_AIS_OK);
    EXPECT_TRUE(b.until([] { return tracked.size() >= 2; }));
    EXPECT_THAT(
        tracked,
        testing::UnorderedElementsAre("1 " + group_name + " of 1: " + name + "2 " + name + "1-",
                                      "4 " + other + " of 0: " + name + "1-"));
    tracked.clear();
    // The other kind replaces the first.
    EXPECT_EQ(b.track(group_name, SA_TRACK_CHANGES_ONLY | SA_TRACK_CURRENT), SA_AIS_OK);
    EXPECT_TRUE(b.until([] { return !tracked.empty(); }));
    EXPECT_THAT(tracked, ElementsAre("1 " + group_name + " of 1: " + name + "2"));
    tracked.clear();
    const SaNameT group = name_of(group_name);
    const SaNameT queue = name_of(name + "2");
    EXPECT_EQ(saMsgQueueGroupRemove(a.handle, &group, &queue), SA_AIS_OK);
    EXPECT_EQ(saMsgQueueGroupRemove(a.handle, &group, &queue), SA_AIS_ERR_NOT_EXIST);
    EXPECT_TRUE(b.until([] { return !tracked.empty(); }));
    EXPECT_THAT(tracked, ElementsAre("1 " + group_name + " of 0: " + name + "2-"));
    EXPECT_EQ(saMsgQueueGroupTrackStop(b.handle, &group), SA_AIS_OK);
    EXPECT_EQ(saMsgQueueGroupTrackStop(b.handle, &group), SA_AIS_ERR_NOT_EXIST);
}

TEST_F(Msg, members_of_a_group_come_in_a_buffer) {
    Program a(*cluster_, 1);
    Program silent(*cluster_, 2, false);
    a.open(name + "1");
    a.open(name + "2");
    a.group(group_name, SA_MSG_QUEUE_GROUP_BROADCAST);
    a.insert(group_name, name + "1");
    a.insert(group_name, name + "2");
    SaMsgQueueGroupNotificationBufferT buffer{};
    EXPECT_EQ(silent.track(group_name, SA_TRACK_CURRENT, &buffer), SA_AIS_OK);
    EXPECT_EQ(line(buffer), " " + name + "1 " + name + "2");
    EXPECT_EQ(buffer.queueGroupPolicy, SA_MSG_QUEUE_GROUP_BROADCAST);
    EXPECT_EQ(saMsgQueueGroupNotificationFree(silent.handle, buffer.notification), SA_AIS_OK);
    SaMsgQueueGroupNotificationT items[2];
    buffer = {1, items, {}};
    EXPECT_EQ(silent.track(group_name, SA_TRACK_CURRENT, &buffer), SA_AIS_ERR_NO_SPACE);
    EXPECT_EQ(buffer.numberOfItems, 2U);
    EXPECT_EQ(silent.track(group_name, SA_TRACK_CURRENT, &buffer), SA_AIS_OK);
    EXPECT_EQ(line(buffer), " " + name + "1 " + name + "2");
    buffer.numberOfItems = 0;
    EXPECT_EQ(silent.track(group_name, SA_TRACK_CURRENT, &buffer), SA_AIS_ERR_INVALID_PARAM);
    EXPECT_EQ(silent.track(group_name, SA_TRACK_CURRENT), SA_AIS_ERR_INIT);
    EXPECT_EQ(silent.track(group_name, SA_TRACK_CHANGES), SA_AIS_ERR_INIT);
    const SaNameT group = name_of(group_name);
    EXPECT_EQ(saMsgQueueGroupTrackStop(silent.handle, &group), SA_AIS_ERR_NOT_EXIST);
    for (const int flags : {0, 6, 7, 8, 9}) {
        EXPECT_EQ(a.track(group_name, static_cast<SaUint8T>(flags)), SA_AIS_ERR_BAD_FLAGS);
    }
    EXPECT_EQ(a.track(name, SA_TRACK_CHANGES), SA_AIS_ERR_NOT_EXIST);
    EXPECT_EQ(saMsgQueueGroupTrack(a.handle, nullptr, SA_TRACK_CURRENT, nullptr),
              SA_AIS_ERR_INVALID_PARAM);
    EXPECT_EQ(saMsgQueueGroupTrackStop(a.handle, nullptr), SA_AIS_ERR_INVALID_PARAM);
    EXPECT_EQ(saMsgQueueGroupNotificationFree(a.handle, nullptr), SA_AIS_ERR_INVALID_PARAM);
}

TEST_F(Msg, MS20_request_and_reply) {
    Program a(*cluster_, 1);
    Program b(*cluster_, 2);
    const SaMsgQueueHandleT queue = a.open(name);
    SaMsgMessageT reply{};
    SaAisErrorT error = SA_AIS_ERR_LIBRARY;
    std::thread requester([&] { error = b.send_receive(name, "question", reply); });
    std::string data;
    SaMsgSenderIdT sender = 0;
    EXPECT_EQ(get(queue, data, long_time, &sender), SA_AIS_OK);
    EXPECT_EQ(data, "question");
    EXPECT_NE(sender, 0U);
    EXPECT_EQ(a.reply(sender, "answer"), SA_AIS_OK);
    requester.join();
    EXPECT_EQ(error, SA_AIS_OK);
    EXPECT_EQ(std::string(static_cast<char*>(reply.data), reply.size), "answer");
    EXPECT_EQ(saMsgMessageDataFree(b.handle, reply.data), SA_AIS_OK);
    EXPECT_EQ(saMsgMessageDataFree(b.handle, nullptr), SA_AIS_ERR_INVALID_PARAM);
    EXPECT_EQ(a.reply(sender, "again"), SA_AIS_ERR_NOT_EXIST);
}

TEST_F(Msg, MS21_reply_that_comes_too_late_is_refused) {
    Program a(*cluster_, 1);
    Program b(*cluster_, 2);
    const SaMsgQueueHandleT queue = a.open(name);
    SaMsgMessageT reply{};
    EXPECT_EQ(b.send_receive(name, "x", reply, second / 10), SA_AIS_ERR_TIMEOUT);
    std::string data;
    SaMsgSenderIdT sender = 0;
    EXPECT_EQ(get(queue, data, long_time, &sender), SA_AIS_OK);
    EXPECT_EQ(a.reply(sender, "late"), SA_AIS_ERR_NOT_EXIST);
    EXPECT_EQ(b.send_receive(name, "x", reply, 0), SA_AIS_ERR_TIMEOUT);
    EXPECT_EQ(a.reply(0, "x"), SA_AIS_ERR_NOT_EXIST);
    EXPECT_EQ(a.reply(12345, "x"), SA_AIS_ERR_NOT_EXIST);
}

TEST_F(Msg, MS22_reply_that_is_too_large_ends_the_exchange) {
    Program a(*cluster_, 1);
    Program b(*cluster_, 2);
    const SaMsgQueueHandleT queue = a.open(name);
    char small[3];
    SaMsgMessageT reply{};
    reply.data = small;
    reply.size = sizeof small;
    SaAisErrorT error = SA_AIS_OK;
    std::thread requester([&] { error = b.send_receive(name, "question", reply); });
    std::string data;
    SaMsgSenderIdT sender = 0;
    EXPECT_EQ(get(queue, data, long_time, &sender), SA_AIS_OK);
    EXPECT_EQ(a.reply(sender, "1234"), SA_AIS_ERR_NO_SPACE);
    requester.join();
    EXPECT_EQ(error, SA_AIS_ERR_NO_SPACE);
    EXPECT_EQ(reply.size, 4U);
    EXPECT_EQ(a.reply(sender, "1"), SA_AIS_ERR_NOT_EXIST);
}

TEST_F(Msg, replies_without_waiting_are_acknowledged) {
    Program a(*cluster_, 1);
    Program b(*cluster_, 2);
    const SaMsgQueueHandleT queue = a.open(name);
    SaMsgMessageT reply{};
    SaAisErrorT error = SA_AIS_ERR_LIBRARY;
    std::thread requester([&] { error = b.send_receive(name, "question", reply); });
    std::string data;
    SaMsgSenderIdT sender = 0;
    EXPECT_EQ(get(queue, data, long_time, &sender), SA_AIS_OK);
    const SaMsgMessageT nothing = message_of("");
    for (const SaInvocationT invocation : {SaInvocationT{5}, SaInvocationT{6}}) {
        EXPECT_EQ(saMsgMessageReplyAsync(
                      a.handle, invocation, &nothing, &sender, SA_MSG_MESSAGE_DELIVERED_ACK),
                  SA_AIS_OK);
    }
    requester.join();
    EXPECT_EQ(error, SA_AIS_OK);
    EXPECT_EQ(reply.size, 0U);
    EXPECT_TRUE(a.until([] { return delivered.size() >= 2; }));
    EXPECT_EQ(delivered[0].invocation, 5U);
    EXPECT_EQ(delivered[0].error, SA_AIS_OK);
    EXPECT_EQ(delivered[1].error, SA_AIS_ERR_NOT_EXIST);
}

TEST_F(Msg, MS23_MS24_acknowledgement_of_what_is_sent_without_waiting) {
    Program a(*cluster_, 1);
    Program silent(*cluster_, 2, false);
    const SaMsgQueueHandleT queue = a.open(name, attributes(5));
    const SaNameT destination = name_of(name);
    const SaMsgMessageT large = message_of("123456");
    const SaMsgMessageT good = message_of("1");
    const SaMsgAckFlagsT ack = SA_MSG_MESSAGE_DELIVERED_ACK;
    EXPECT_EQ(saMsgMessageSendAsync(a.handle, 1, &destination, &large, ack), SA_AIS_OK);
    EXPECT_EQ(saMsgMessageSendAsync(a.handle, 2, &destination, &good, ack), SA_AIS_OK);
    EXPECT_EQ(saMsgMessageSendAsync(a.handle, 3, &destination, &good, 0), SA_AIS_OK);
    EXPECT_TRUE(a.until([] { return delivered.size() >= 2; }));
    EXPECT_EQ(delivered[0].invocation, 1U);
    EXPECT_EQ(delivered[0].error, SA_AIS_ERR_QUEUE_FULL);
    EXPECT_EQ(delivered[1].invocation, 2U);
    EXPECT_EQ(delivered[1].error, SA_AIS_OK);
    EXPECT_EQ(saMsgMessageSendAsync(silent.handle, 4, &destination, &good, 0), SA_AIS_OK);
    EXPECT_EQ(saMsgMessageSendAsync(silent.handle, 4, &destination, &large, 0), SA_AIS_OK);
    EXPECT_EQ(saMsgMessageSendAsync(silent.handle, 4, &destination, &good, ack), SA_AIS_ERR_INIT);
    EXPECT_EQ(saMsgMessageSendAsync(a.handle, 4, &destination, &good, 2), SA_AIS_ERR_BAD_FLAGS);
    EXPECT_TRUE(wait_until([&] { return a.status(name).saMsgQueueUsage[3].numberOfMessages == 3; },
                           patience));
    EXPECT_EQ(saMsgDispatch(a.handle, SA_DISPATCH_ALL), SA_AIS_OK);
    EXPECT_EQ(delivered.size(), 2U);
    EXPECT_EQ(get_all(queue).size(), 3U);
}

TEST_F(Msg, MS25_MS27_process_that_dies_leaves_its_messages_and_nobody_to_answer) {
    Program b(*cluster_, 2);
    const SaMsgQueueHandleT requests = b.open(name + "r");
    int pipe_fds[2];
    ASSERT_EQ(pipe(pipe_fds), 0);
    const pid_t child = fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
        Program a(*cluster_, 1);
        const SaMsgQueueHandleT queue = a.open(name);
        for (const char* data : {"1", "2", "3"}) {
            a.send(name, data);
        }
        std::string data;
        if (get(queue, data) != SA_AIS_OK || data != "1" || write(pipe_fds[1], "x", 1) != 1) {
            _exit(1);
        }
        SaMsgMessageT reply{};
        a.send_receive(name + "r", "question", reply, SA_TIME_MAX);
        _exit(1);
    }
    char byte = 0;
    ASSERT_EQ(read(pipe_fds[0], &byte, 1), 1);
    close(pipe_fds[0]);
    close(pipe_fds[1]);
    std::string data;
    SaMsgSenderIdT sender = 0;
    EXPECT_EQ(get(requests, data, long_time, &sender), SA_AIS_OK);
    kill(child, SIGKILL);
    int status = 0;
    ASSERT_EQ(waitpid(child, &status, 0), child);
    ASSERT_TRUE(WIFSIGNALED(status));
    SaMsgQueueHandleT queue = 0;
    EXPECT_TRUE(wait_until([&] { return b.try_open(name, queue) == SA_AIS_OK; }, patience));
    EXPECT_THAT(get_all(queue), ElementsAre("2", "3"));
    EXPECT_EQ(b.reply(sender, "x"), SA_AIS_ERR_NOT_EXIST);
}

TEST_F(Msg, open_says_what_is_wrong_with_its_arguments) {
    Program a(*cluster_, 1);
    Program silent(*cluster_, 1, false);
    const SaNameT good = name_of(name);
    const SaMsgQueueCreationAttributesT usual = attributes();
    SaMsgQueueHandleT queue = 0;
    const auto open = [&](const SaNameT* wanted,
                          const SaMsgQueueCreationAttributesT* with,
                          SaMsgQueueOpenFlagsT flags,
                          SaTimeT timeout = second) {
        return saMsgQueueOpen(a.handle, wanted, with, flags, timeout, &queue);
    };
    EXPECT_EQ(open(nullptr, &usual, create), SA_AIS_ERR_INVALID_PARAM);
    const SaNameT empty = name_of("");
    EXPECT_EQ(open(&empty, &usual, create), SA_AIS_ERR_INVALID_PARAM);
    EXPECT_EQ(open(&good, nullptr, create), SA_AIS_ERR_INVALID_PARAM);
    EXPECT_EQ(open(&good, &usual, 0), SA_AIS_ERR_INVALID_PARAM);
    EXPECT_EQ(open(&good, &usual, create | 8), SA_AIS_ERR_BAD_FLAGS);
    EXPECT_EQ(open(&good, &usual, create, -1), SA_AIS_ERR_INVALID_PARAM);
    EXPECT_EQ(open(&good, &usual, create, 0), SA_AIS_ERR_TIMEOUT);
    SaMsgQueueCreationAttributesT wrong = usual;
    wrong.creationFlags = 2;
    EXPECT_EQ(open(&good, &wrong, create), SA_AIS_ERR_BAD_FLAGS);
    wrong = usual;
    wrong.retentionTime = -1;
    EXPECT_EQ(open(&good, &wrong, create), SA_AIS_ERR_INVALID_PARAM);
    wrong = usual;
    wrong.size[2] = (SaSizeT{64} << 20) + 1;
    EXPECT_EQ(open(&good, &wrong, create), SA_AIS_ERR_TOO_BIG);
    EXPECT_EQ(saMsgQueueOpen(a.handle, &good, &usual, create, second, nullptr),
              SA_AIS_ERR_INVALID_PARAM);
    EXPECT_EQ(saMsgQueueOpen(silent.handle, &good, &usual, create | receives, second, &queue),
              SA_AIS_ERR_INIT);
    EXPECT_EQ(saMsgQueueOpenAsync(silent.handle, 1, &good, &usual, create), SA_AIS_ERR_INIT);
    EXPECT_EQ(saMsgQueueOpenAsync(a.handle, 1, nullptr, &usual, create), SA_AIS_ERR_INVALID_PARAM);
    EXPECT_EQ(saMsgQueueOpenAsync(a.handle, 1, &good, &usual, create | 16), SA_AIS_ERR_BAD_FLAGS);
    SaMsgQueueStatusT status{};
    EXPECT_EQ(saMsgQueueStatusGet(a.handle, nullptr, &status), SA_AIS_ERR_INVALID_PARAM);
    EXPECT_EQ(saMsgQueueStatusGet(a.handle, &good, nullptr), SA_AIS_ERR_INVALID_PARAM);
    EXPECT_EQ(saMsgQueueStatusGet(a.handle, &good, &status), SA_AIS_ERR_NOT_EXIST);
    EXPECT_EQ(saMsgQueueUnlink(a.handle, nullptr), SA_AIS_ERR_INVALID_PARAM);
}

TEST_F(Msg, open_that_has_timed_out_leaves_nothing_open) {
    Program a(*cluster_, 1);
    const SaNameT wanted = name_of(name);
    const SaMsgQueueCreationAttributesT usual = attributes();
    for (int i = 0; i < 100; ++i) {
        SaMsgQueueHandleT queue = 0;
        const SaAisErrorT error = saMsgQueueOpen(a.handle, &wanted, &usual, create, 1000, &queue);
        ASSERT_TRUE(error == SA_AIS_ERR_TIMEOUT || error == SA_AIS_OK ||
                    error == SA_AIS_ERR_TRY_AGAIN)
            << error;
        if (error == SA_AIS_OK) {
            ASSERT_EQ(saMsgQueueClose(queue), SA_AIS_OK);
        }
    }
    a.open(name);
}

TEST_F(Msg, asynchronous_open_gives_its_handle_in_the_callback) {
    Program a(*cluster_, 1);
    const SaNameT wanted = name_of(name);
    const SaMsgQueueCreationAttributesT usual = attributes();
    EXPECT_EQ(saMsgQueueOpenAsync(a.handle, 21, &wanted, &usual, create | receives), SA_AIS_OK);
    EXPECT_EQ(saMsgQueueOpenAsync(a.handle, 22, &wanted, &usual, create), SA_AIS_OK);
    EXPECT_TRUE(a.until([] { return opened.size() >= 2; }));
    EXPECT_EQ(opened[0].invocation, 21U);
    EXPECT_EQ(opened[0].error, SA_AIS_OK);
    EXPECT_EQ(opened[1].error, SA_AIS_ERR_BUSY);
    EXPECT_EQ(a.send(name, "x"), SA_AIS_OK);
    EXPECT_TRUE(a.until([] { return !received.empty(); }));
    EXPECT_EQ(received[0], opened[0].queue);
    EXPECT_THAT(get_all(opened[0].queue), ElementsAre("x"));
}

TEST_F(Msg, send_says_what_is_wrong_with_its_arguments) {
    Program a(*cluster_, 1);
    const SaMsgQueueHandleT queue = a.open(name, attributes(SaSizeT{4} << 20));
    const SaNameT to = name_of(name);
    const auto send = [&](const SaMsgMessageT* message, SaTimeT timeout = long_time) {
        return saMsgMessageSend(a.handle, &to, message, timeout);
    };
    SaMsgMessageT message = message_of("x");
    EXPECT_EQ(saMsgMessageSend(a.handle, nullptr, &message, second), SA_AIS_ERR_INVALID_PARAM);
    EXPECT_EQ(send(nullptr), SA_AIS_ERR_INVALID_PARAM);
    EXPECT_EQ(send(&message, -1), SA_AIS_ERR_INVALID_PARAM);
    EXPECT_EQ(send(&message, 0), SA_AIS_ERR_TIMEOUT);
    message.priority = 4;
    EXPECT_EQ(send(&message), SA_AIS_ERR_INVALID_PARAM);
    message = message_of("x");
    message.data = nullptr;
    EXPECT_EQ(send(&message), SA_AIS_ERR_INVALID_PARAM);
    message.size = 0;
    SaNameT sender = name_of(std::string(256, 's'));
    message.senderName = &sender;
    EXPECT_EQ(patiently([&] { return send(&message); }), SA_AIS_OK);
    sender.length = 257;
    EXPECT_EQ(send(&message), SA_AIS_ERR_INVALID_PARAM);
    const std::string largest(std::size_t{1} << 20, 'l');
    EXPECT_EQ(a.send(name, largest), SA_AIS_OK);
    EXPECT_EQ(a.send(name, largest + "x"), SA_AIS_ERR_TOO_BIG);
    const SaNameT nowhere = name_of("nowhere");
    message = message_of("x");
    EXPECT_EQ(saMsgMessageSend(a.handle, &nowhere, &message, long_time), SA_AIS_ERR_NOT_EXIST);

    SaMsgMessageT got{};
    SaNameT from = name_of("");
    got.senderName = &from;
    SaMsgSenderIdT id = 0;
    EXPECT_EQ(saMsgMessageGet(queue, &got, nullptr, nullptr, 0), SA_AIS_ERR_INVALID_PARAM);
    EXPECT_EQ(saMsgMessageGet(queue, nullptr, nullptr, &id, 0), SA_AIS_ERR_INVALID_PARAM);
    EXPECT_EQ(saMsgMessageGet(queue, &got, nullptr, &id, -1), SA_AIS_ERR_INVALID_PARAM);
    EXPECT_EQ(saMsgMessageGet(queue, &got, nullptr, &id, 0), SA_AIS_OK);
    EXPECT_EQ(got.size, 0U);
    EXPECT_EQ(text_of(from), std::string(256, 's'));
    EXPECT_THAT(get_all(queue), ElementsAre(largest));

    SaMsgMessageT reply{};
    EXPECT_EQ(saMsgMessageSendReceive(a.handle, &to, &message, nullptr, nullptr, second),
              SA_AIS_ERR_INVALID_PARAM);
    EXPECT_EQ(saMsgMessageSendReceive(a.handle, &to, nullptr, &reply, nullptr, second),
              SA_AIS_ERR_INVALID_PARAM);
    EXPECT_EQ(saMsgMessageSendReceive(a.handle, nullptr, &message, &reply, nullptr, second),
              SA_AIS_ERR_INVALID_PARAM);
    EXPECT_EQ(saMsgMessageSendReceive(a.handle, &nowhere, &message, &reply, nullptr, second),
              SA_AIS_ERR_NOT_EXIST);
    EXPECT_EQ(saMsgMessageReply(a.handle, nullptr, &id, second), SA_AIS_ERR_INVALID_PARAM);
    EXPECT_EQ(saMsgMessageReply(a.handle, &message, nullptr, second), SA_AIS_ERR_INVALID_PARAM);
    EXPECT_EQ(saMsgMessageReply(a.handle, &message, &id, 0), SA_AIS_ERR_TIMEOUT);
    EXPECT_EQ(saMsgMessageReplyAsync(a.handle, 1, &message, &id, 2), SA_AIS_ERR_BAD_FLAGS);
    EXPECT_EQ(saMsgMessageReplyAsync(a.handle, 1, nullptr, &id, 0), SA_AIS_ERR_INVALID_PARAM);
    message.size = (SaSizeT{1} << 20) + 1;
    EXPECT_EQ(saMsgMessageReply(a.handle, &message, &id, second), SA_AIS_ERR_TOO_BIG);
}

TEST_F(Msg, groups_say_what_is_wrong) {
    Program a(*cluster_, 1);
    a.open(name);
    const SaNameT group = name_of(group_name);
    const SaNameT queue = name_of(name);
    const auto wrong = [](int policy) { return beyond<SaMsgQueueGroupPolicyT>(policy); };
    EXPECT_EQ(saMsgQueueGroupCreate(a.handle, nullptr, wrong(1)), SA_AIS_ERR_INVALID_PARAM);
    EXPECT_EQ(saMsgQueueGroupCreate(a.handle, &group, wrong(0)), SA_AIS_ERR_INVALID_PARAM);
    EXPECT_EQ(saMsgQueueGroupCreate(a.handle, &group, wrong(5)), SA_AIS_ERR_INVALID_PARAM);
    EXPECT_EQ(a.insert(group_name, name), SA_AIS_ERR_NOT_EXIST);
    EXPECT_EQ(a.group(group_name, wrong(2)), SA_AIS_OK);
    EXPECT_EQ(a.group(group_name, wrong(1)), SA_AIS_ERR_EXIST);
    EXPECT_EQ(a.group(name, wrong(1)), SA_AIS_ERR_EXIST);
    SaMsgQueueHandleT handle = 0;
    EXPECT_EQ(a.try_open(group_name, handle, attributes()), SA_AIS_ERR_EXIST);
    EXPECT_EQ(a.insert(group_name, "nowhere"), SA_AIS_ERR_NOT_EXIST);
    EXPECT_EQ(a.insert(group_name, name), SA_AIS_OK);
    EXPECT_EQ(a.insert(group_name, name), SA_AIS_ERR_EXIST);
    EXPECT_EQ(saMsgQueueGroupInsert(a.handle, nullptr, &queue), SA_AIS_ERR_INVALID_PARAM);
    EXPECT_EQ(saMsgQueueGroupInsert(a.handle, &group, nullptr), SA_AIS_ERR_INVALID_PARAM);
    EXPECT_EQ(saMsgQueueGroupRemove(a.handle, nullptr, &queue), SA_AIS_ERR_INVALID_PARAM);
    EXPECT_EQ(saMsgQueueGroupRemove(a.handle, &group, nullptr), SA_AIS_ERR_INVALID_PARAM);
    EXPECT_EQ(saMsgQueueGroupRemove(a.handle, &queue, &queue), SA_AIS_ERR_NOT_EXIST);
    EXPECT_EQ(saMsgQueueGroupDelete(a.handle, nullptr), SA_AIS_ERR_INVALID_PARAM);
    EXPECT_EQ(saMsgQueueGroupDelete(a.handle, &group), SA_AIS_OK);
}

TEST_F(Msg, thresholds_limits_and_versions) {
    Program a(*cluster_, 1);
    const SaMsgQueueHandleT queue = a.open(name, attributes(100));
    SaMsgQueueThresholdsT are{};
    EXPECT_EQ(saMsgQueueCapacityThresholdsGet(queue, &are), SA_AIS_OK);
    EXPECT_EQ(are.capacityReached[0], 100U);
    SaMsgQueueThresholdsT wanted{{80, 80, 80, 80}, {40, 40, 40, 80}};
    EXPECT_EQ(saMsgQueueCapacityThresholdsSet(queue, &wanted), SA_AIS_OK);
    EXPECT_EQ(saMsgQueueCapacityThresholdsGet(queue, &are), SA_AIS_OK);
    EXPECT_EQ(are.capacityAvailable[0], 40U);
    wanted.capacityAvailable[3] = 81;
    EXPECT_EQ(saMsgQueueCapacityThresholdsSet(queue, &wanted), SA_AIS_ERR_INVALID_PARAM);
    wanted.capacityAvailable[3] = 80;
    wanted.capacityReached[3] = 101;
    EXPECT_EQ(saMsgQueueCapacityThresholdsSet(queue, &wanted), SA_AIS_ERR_INVALID_PARAM);
    EXPECT_EQ(saMsgQueueCapacityThresholdsSet(queue, nullptr), SA_AIS_ERR_INVALID_PARAM);
    EXPECT_EQ(saMsgQueueCapacityThresholdsGet(queue, nullptr), SA_AIS_ERR_INVALID_PARAM);
    SaUint32T metadata = 1;
    EXPECT_EQ(saMsgMetadataSizeGet(a.handle, &metadata), SA_AIS_OK);
    EXPECT_EQ(metadata, 0U);
    EXPECT_EQ(saMsgMetadataSizeGet(a.handle, nullptr), SA_AIS_ERR_INVALID_PARAM);
    SaLimitValueT value{};
    for (int id = 1; id <= 7; ++id) {
        value.uint64Value = 0;
        EXPECT_EQ(saMsgLimitGet(a.handle, beyond<SaMsgLimitIdT>(id), &value), SA_AIS_OK);
        EXPECT_GE(value.uint64Value, 1024U) << id;
    }
    EXPECT_EQ(saMsgLimitGet(a.handle, beyond<SaMsgLimitIdT>(0), &value), SA_AIS_ERR_INVALID_PARAM);
    EXPECT_EQ(saMsgLimitGet(a.handle, beyond<SaMsgLimitIdT>(8), &value), SA_AIS_ERR_INVALID_PARAM);
    EXPECT_EQ(saMsgLimitGet(a.handle, SA_MSG_MAX_NUM_QUEUES_ID, nullptr), SA_AIS_ERR_INVALID_PARAM);

    SaVersionT old{'B', 1, 1};
    SaMsgHandleT handle = 0;
    ASSERT_EQ(saMsgInitialize(&handle, nullptr, &old), SA_AIS_OK);
    EXPECT_EQ(saMsgMetadataSizeGet(handle, &metadata), SA_AIS_ERR_VERSION);
    EXPECT_EQ(saMsgLimitGet(handle, SA_MSG_MAX_NUM_QUEUES_ID, &value), SA_AIS_ERR_VERSION);
    const SaNameT other = name_of(name + "'");
    const SaMsgQueueCreationAttributesT usual = attributes();
    SaMsgQueueHandleT plain = 0;
    EXPECT_EQ(saMsgQueueOpen(handle, &other, &usual, create, long_time, &plain), SA_AIS_OK);
    EXPECT_EQ(saMsgQueueCapacityThresholdsGet(plain, &are), SA_AIS_ERR_VERSION);
    EXPECT_EQ(saMsgQueueCapacityThresholdsSet(plain, &are), SA_AIS_ERR_VERSION);
    EXPECT_EQ(saMsgFinalize(handle), SA_AIS_OK);
    EXPECT_EQ(saMsgQueueClose(plain), SA_AIS_ERR_BAD_HANDLE);
}

TEST_F(Msg, close_and_finalize_wake_whoever_waits) {
    Program a(*cluster_, 1);
    for (const bool finalizes : {false, true}) {
        SaMsgHandleT handle = 0;
        SaVersionT version{'B', 1, 1};
        ASSERT_EQ(saMsgInitialize(&handle, nullptr, &version), SA_AIS_OK);
        const SaNameT wanted = name_of(name);
        const SaMsgQueueCreationAttributesT usual = attributes();
        SaMsgQueueHandleT queue = 0;
        ASSERT_TRUE(wait_until(
            [&] {
                return saMsgQueueOpen(handle, &wanted, &usual, create, long_time, &queue) ==
                       SA_AIS_OK;
            },
            patience));
        SaAisErrorT error = SA_AIS_OK;
        std::thread thread([&] {
            std::string data;
            error = get(queue, data, SA_TIME_MAX);
        });
        EXPECT_EQ(finalizes ? saMsgFinalize(handle) : saMsgQueueClose(queue), SA_AIS_OK);
        thread.join();
        EXPECT_EQ(error, SA_AIS_ERR_BAD_HANDLE);
        saMsgFinalize(handle);
    }
}

TEST_F(Msg, handles_are_not_inherited_by_a_child) {
    Program a(*cluster_, 1);
    const SaMsgQueueHandleT queue = a.open(name);
    const pid_t child = fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
        std::string data;
        const bool is_good = get(queue, data) == SA_AIS_ERR_BAD_HANDLE &&
                             saMsgQueueClose(queue) == SA_AIS_ERR_BAD_HANDLE &&
                             saMsgFinalize(a.handle) == SA_AIS_ERR_BAD_HANDLE;
        _exit(is_good ? 0 : 1);
    }
    int status = 0;
    ASSERT_EQ(waitpid(child, &status, 0), child);
    EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    EXPECT_EQ(a.send(name, "x"), SA_AIS_OK);
    EXPECT_THAT(get_all(queue), ElementsAre("x"));
}

// Those that kill and pause executives, each with its own cluster.
class MsgFaults : public testing::Test {
  protected:
    MsgFaults() : cluster(3) { cluster.start_all(); }
    Cluster cluster;
    const std::string name = "queue";
};

TEST_F(MsgFaults, MS26_messages_survive_the_node_of_their_owner) {
    Program a(cluster, 1);
    {
        Program c(cluster, 3);
        const SaMsgQueueHandleT queue = c.open(name);
        for (const char* data : {"1", "2"}) {
            a.send(name, data);
        }
        std::string data;
        EXPECT_EQ(get(queue, data), SA_AIS_OK);
        // Why from here: its place in the order is behind the receipt of what was gotten.
        EXPECT_EQ(c.send(name, "3"), SA_AIS_OK);
        EXPECT_EQ(a.status(name).saMsgQueueUsage[3].numberOfMessages, 2U);
        cluster.kill(3);
    }
    SaMsgQueueHandleT queue = 0;
    EXPECT_TRUE(wait_until([&] { return a.try_open(name, queue) == SA_AIS_OK; }, patience));
    EXPECT_THAT(get_all(queue), ElementsAre("2", "3"));
}

TEST_F(MsgFaults, node_that_comes_back_has_the_queues) {
    Program a(cluster, 1);
    SaMsgQueueHandleT queue = a.open(name, attributes(1000, 0, SA_MSG_QUEUE_PERSISTENT));
    a.send(name, "1");
    cluster.kill(3);
    cluster.wait_ring({1, 2});
    a.send(name, "2");
    cluster.restart(3);
    cluster.wait_ring({1, 2, 3});
    EXPECT_EQ(saMsgQueueClose(queue), SA_AIS_OK);
    Program c(cluster, 3);
    queue = c.reopen(name);
    EXPECT_THAT(get_all(queue), ElementsAre("1", "2"));
}

TEST_F(MsgFaults, side_that_is_larger_keeps_the_queue) {
    Program a(cluster, 1);
    Program b(cluster, 2);
    const SaMsgQueueHandleT lost = a.open(name);
    a.send(name, "1");
    cluster.pause(1);
    cluster.wait_ring({2, 3});
    SaMsgQueueHandleT queue = 0;
    EXPECT_TRUE(wait_until([&] { return b.try_open(name, queue) == SA_AIS_OK; }, patience));
    cluster.resume(1);
    cluster.wait_ring({1, 2, 3});
    EXPECT_TRUE(wait_until(
        [&] {
            std::string data;
            return get(lost, data, second / 10) == SA_AIS_ERR_BAD_HANDLE;
        },
        patience));
    EXPECT_EQ(a.send(name, "2"), SA_AIS_OK);
    const auto got = get_all(queue);
    ASSERT_FALSE(got.empty());
    EXPECT_EQ(got.back(), "2");
}

}  // namespace

CommonService service_under_test() {
    CommonService msg;
    msg.name = "MSG";
    msg.version = {'B', 3, 1};
    msg.initialize = [](SaUint64T* handle, bool with_callbacks, SaVersionT* version) {
        const SaMsgCallbacksT callbacks{on_open, on_track, on_delivered, on_received};
        return saMsgInitialize(handle, with_callbacks ? &callbacks : nullptr, version);
    };
    msg.selection_object_get = saMsgSelectionObjectGet;
    msg.dispatch = saMsgDispatch;
    msg.finalize = saMsgFinalize;
    msg.ask = [](SaUint64T handle, SaUint64T number) {
        const SaNameT name = name_of("nowhere at all");
        const SaMsgMessageT message = message_of("x");
        return saMsgMessageSendAsync(handle, number, &name, &message, SA_MSG_MESSAGE_DELIVERED_ACK);
    };
    msg.call = [](SaUint64T handle) {
        const SaNameT name = name_of("nowhere at all");
        SaMsgQueueStatusT status{};
        const SaAisErrorT error = saMsgQueueStatusGet(handle, &name, &status);
        return error == SA_AIS_ERR_NOT_EXIST ? SA_AIS_OK : error;
    };
    const auto with_name = [](auto function) {
        return [function](SaUint64T handle) {
            const SaNameT name = name_of("common");
            return function(handle, &name);
        };
    };
    msg.functions = {
        {"Unlink", with_name(saMsgQueueUnlink)},
        {"GroupDelete", with_name(saMsgQueueGroupDelete)},
        {"TrackStop", with_name(saMsgQueueGroupTrackStop)},
        {"Status",
         [](SaUint64T handle) {
             const SaNameT name = name_of("common");
             SaMsgQueueStatusT status{};
             return saMsgQueueStatusGet(handle, &name, &status);
         }},
        {"Open",
         [](SaUint64T handle) {
             const SaNameT name = name_of("common");
             SaMsgQueueHandleT queue = 0;
             return saMsgQueueOpen(handle, &name, nullptr, 0, second, &queue);
         }},
        {"GroupCreate",
         [](SaUint64T handle) {
             const SaNameT name = name_of("common group");
             return saMsgQueueGroupCreate(handle, &name, SA_MSG_QUEUE_GROUP_BROADCAST);
         }},
        {"GroupInsert",
         [](SaUint64T handle) {
             const SaNameT name = name_of("common");
             return saMsgQueueGroupInsert(handle, &name, &name);
         }},
        {"GroupRemove",
         [](SaUint64T handle) {
             const SaNameT name = name_of("common");
             return saMsgQueueGroupRemove(handle, &name, &name);
         }},
        {"Send",
         [](SaUint64T handle) {
             const SaNameT name = name_of("common");
             const SaMsgMessageT message = message_of("x");
             return saMsgMessageSend(handle, &name, &message, second);
         }},
        {"Reply",
         [](SaUint64T handle) {
             const SaMsgMessageT message = message_of("x");
             const SaMsgSenderIdT sender = 1;
             return saMsgMessageReply(handle, &message, &sender, second);
         }},
    };
    msg.open = [](SaUint64T handle, const SaNameT* name) {
        SaMsgQueueHandleT queue = 0;
        const SaMsgQueueCreationAttributesT usual = attributes(1000, 0);
        return saMsgQueueOpen(handle, name, &usual, create, 10 * second, &queue);
    };
    msg.same = [](SaUint64T handle, const SaNameT* one, const SaNameT* other) {
        SaMsgQueueHandleT queue = 0;
        const SaMsgQueueCreationAttributesT usual = attributes(1000, 0);
        saMsgQueueOpen(handle, one, &usual, create, 10 * second, &queue);
        const bool is_same =
            saMsgQueueOpen(handle, other, nullptr, 0, 10 * second, &queue) == SA_AIS_ERR_BUSY;
        saMsgQueueUnlink(handle, one);
        return is_same;
    };
    msg.hold = [](SaUint64T handle) {
        const SaNameT name = name_of("held");
        SaMsgQueueHandleT queue = 0;
        const SaMsgQueueCreationAttributesT usual = attributes(1000, 0);
        saMsgQueueOpen(handle, &name, &usual, create, 10 * second, &queue);
    };
    msg.is_held = [](SaUint64T handle) {
        const SaNameT name = name_of("held");
        SaMsgQueueStatusT status{};
        return saMsgQueueStatusGet(handle, &name, &status) == SA_AIS_OK;
    };
    return msg;
}

}  // namespace ais::conformance
