// SPDX-License-Identifier: BSD-3-Clause
//
// libSaMsg, row by row: what the tables of the reference say about each function, and bad input
// of every kind for each of them.  docs/conformance/msg.md has the rows and their tests.

#include "msg_program.hpp"

#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cstring>
#include <limits>
#include <thread>

namespace ais::conformance {
namespace {

using testing::AnyOf;
using testing::Each;

constexpr SaMsgAckFlagsT ack = SA_MSG_MESSAGE_DELIVERED_ACK;

SaAisErrorT close(SaMsgQueueHandleT queue) {
    return patiently([=] { return saMsgQueueClose(queue); });
}
// What is no handle of an association is refused by every function that takes one.
void expect_no_association(SaMsgHandleT handle) {
    const SaNameT name = name_of("n");
    const SaMsgMessageT message = message_of("x");
    const SaMsgQueueCreationAttributesT usual = attributes();
    SaMsgSenderIdT sender = 1;
    SaSelectionObjectT fd = 0;
    SaMsgQueueHandleT queue = 0;
    SaMsgQueueStatusT status{};
    SaMsgMessageT reply{};
    SaMsgQueueGroupNotificationT item{};
    SaLimitValueT value{};
    SaUint32T size = 0;
    const SaAisErrorT results[] = {
        saMsgSelectionObjectGet(handle, &fd),
        saMsgDispatch(handle, SA_DISPATCH_ALL),
        saMsgQueueOpen(handle, &name, &usual, create, second, &queue),
        saMsgQueueOpenAsync(handle, 1, &name, &usual, create),
        saMsgQueueStatusGet(handle, &name, &status),
        saMsgQueueUnlink(handle, &name),
        saMsgQueueGroupCreate(handle, &name, SA_MSG_QUEUE_GROUP_ROUND_ROBIN),
        saMsgQueueGroupInsert(handle, &name, &name),
        saMsgQueueGroupRemove(handle, &name, &name),
        saMsgQueueGroupDelete(handle, &name),
        saMsgQueueGroupTrack(handle, &name, SA_TRACK_CHANGES, nullptr),
        saMsgQueueGroupTrackStop(handle, &name),
        saMsgQueueGroupNotificationFree(handle, &item),
        saMsgMessageSend(handle, &name, &message, second),
        saMsgMessageSendAsync(handle, 1, &name, &message, 0),
        saMsgMessageDataFree(handle, &value),
        saMsgMessageSendReceive(handle, &name, &message, &reply, nullptr, second),
        saMsgMessageReply(handle, &message, &sender, second),
        saMsgMessageReplyAsync(handle, 1, &message, &sender, 0),
        saMsgMetadataSizeGet(handle, &size),
        saMsgLimitGet(handle, SA_MSG_MAX_NUM_QUEUES_ID, &value),
        saMsgFinalize(handle),
    };
    EXPECT_THAT(results, Each(SA_AIS_ERR_BAD_HANDLE));
}
// And what is no handle of a queue by the others.
void expect_no_queue(SaMsgQueueHandleT queue) {
    SaTimeT retention = second;
    SaMsgQueueThresholdsT thresholds{};
    SaMsgMessageT message{};
    SaMsgSenderIdT sender = 0;
    const SaAisErrorT results[] = {
        saMsgQueueRetentionTimeSet(queue, &retention),
        saMsgQueueCapacityThresholdsSet(queue, &thresholds),
        saMsgQueueCapacityThresholdsGet(queue, &thresholds),
        saMsgMessageGet(queue, &message, nullptr, &sender, 0),
        saMsgMessageGet(queue, &message, nullptr, &sender, SA_TIME_MAX),
        saMsgMessageCancel(queue),
        saMsgQueueClose(queue),
    };
    EXPECT_THAT(results, Each(SA_AIS_ERR_BAD_HANDLE));
}

// ---- Numbers of the binary interface; header_test.c has the layouts

TEST(MsgHeader, has_the_numbers_of_the_standard) {
    EXPECT_EQ(SA_MSG_MESSAGE_DELIVERED_ACK, 1);
    EXPECT_EQ(SA_MSG_QUEUE_PERSISTENT, 1);
    EXPECT_EQ(SA_MSG_MESSAGE_HIGHEST_PRIORITY, 0);
    EXPECT_EQ(SA_MSG_MESSAGE_LOWEST_PRIORITY, 3);
    EXPECT_EQ(SA_MSG_QUEUE_CREATE, 1);
    EXPECT_EQ(SA_MSG_QUEUE_RECEIVE_CALLBACK, 2);
    EXPECT_EQ(SA_MSG_QUEUE_EMPTY, 4);
    EXPECT_EQ(SA_MSG_QUEUE_GROUP_ROUND_ROBIN, 1);
    EXPECT_EQ(SA_MSG_QUEUE_GROUP_LOCAL_ROUND_ROBIN, 2);
    EXPECT_EQ(SA_MSG_QUEUE_GROUP_LOCAL_BEST_QUEUE, 3);
    EXPECT_EQ(SA_MSG_QUEUE_GROUP_BROADCAST, 4);
    EXPECT_EQ(SA_MSG_QUEUE_GROUP_NO_CHANGE, 1);
    EXPECT_EQ(SA_MSG_QUEUE_GROUP_ADDED, 2);
    EXPECT_EQ(SA_MSG_QUEUE_GROUP_REMOVED, 3);
    EXPECT_EQ(SA_MSG_QUEUE_GROUP_STATE_CHANGED, 4);
    EXPECT_EQ(SA_MSG_QUEUE_CAPACITY_REACHED, 1);
    EXPECT_EQ(SA_MSG_QUEUE_CAPACITY_AVAILABLE, 2);
    EXPECT_EQ(SA_MSG_QUEUE_GROUP_CAPACITY_REACHED, 3);
    EXPECT_EQ(SA_MSG_QUEUE_GROUP_CAPACITY_AVAILABLE, 4);
    EXPECT_EQ(SA_MSG_DEST_CAPACITY_STATUS, 1);
    EXPECT_EQ(SA_MSG_MAX_PRIORITY_AREA_SIZE_ID, 1);
    EXPECT_EQ(SA_MSG_MAX_QUEUE_SIZE_ID, 2);
    EXPECT_EQ(SA_MSG_MAX_NUM_QUEUES_ID, 3);
    EXPECT_EQ(SA_MSG_MAX_NUM_QUEUE_GROUPS_ID, 4);
    EXPECT_EQ(SA_MSG_MAX_NUM_QUEUES_PER_GROUP_ID, 5);
    EXPECT_EQ(SA_MSG_MAX_MESSAGE_SIZE_ID, 6);
    EXPECT_EQ(SA_MSG_MAX_REPLY_SIZE_ID, 7);
    EXPECT_EQ(sizeof(SaMsgQueueThresholdsT), 64U);
    for (const std::size_t size :
         {sizeof(SaMsgHandleT), sizeof(SaMsgQueueHandleT), sizeof(SaMsgSenderIdT)}) {
        EXPECT_EQ(size, 8U);
    }
}

// ---- Names, flags, times, handles

TEST_F(Msg, open_knows_three_flags_one_attribute_and_names_of_1_to_256_bytes) {
    Program a(*cluster_, 1);
    const SaNameT good = name_of(name);
    const SaMsgQueueCreationAttributesT usual = attributes();
    SaMsgQueueHandleT queue = 42;
    for (SaUint32T flag = 8; flag != 0; flag <<= 1) {
        EXPECT_EQ(saMsgQueueOpen(a.handle, &good, &usual, create | flag, second, &queue),
                  SA_AIS_ERR_BAD_FLAGS);
        EXPECT_EQ(saMsgQueueOpenAsync(a.handle, 1, &good, nullptr, flag), SA_AIS_ERR_BAD_FLAGS);
    }
    for (SaUint32T flag = 2; flag != 0; flag <<= 1) {
        const SaMsgQueueCreationAttributesT wrong = attributes(10, 0, flag);
        EXPECT_EQ(saMsgQueueOpen(a.handle, &good, &wrong, create, second, &queue),
                  SA_AIS_ERR_BAD_FLAGS);
        EXPECT_EQ(saMsgQueueOpenAsync(a.handle, 1, &good, &wrong, create), SA_AIS_ERR_BAD_FLAGS);
    }
    const SaMsgQueueCreationAttributesT past = attributes(10, -1);
    EXPECT_EQ(saMsgQueueOpenAsync(a.handle, 1, &good, &past, create), SA_AIS_ERR_INVALID_PARAM);
    EXPECT_EQ(saMsgQueueOpenAsync(a.handle, 1, &good, nullptr, create), SA_AIS_ERR_INVALID_PARAM);
    EXPECT_EQ(saMsgQueueOpenAsync(a.handle, 1, &good, &usual, 0), SA_AIS_ERR_INVALID_PARAM);
    EXPECT_EQ(queue, 42U);
    // Bytes are bytes: also those that are no text.
    const std::string odd = name + std::string("\0\xff\xc0", 3);
    const SaMsgQueueHandleT one = a.open(odd);
    const SaMsgQueueHandleT other = a.open(name + std::string("\0\xff", 2));
    EXPECT_EQ(a.send(odd, "x"), SA_AIS_OK);
    EXPECT_THAT(get_all(other), IsEmpty());
    EXPECT_THAT(get_all(one), ElementsAre("x"));
    EXPECT_EQ(saMsgDispatch(a.handle, SA_DISPATCH_ALL), SA_AIS_OK);
    EXPECT_TRUE(opened.empty()) << "no callback follows an error";
}

TEST_F(Msg, every_name_has_1_to_256_bytes) {
    Program a(*cluster_, 1);
    a.open(name);
    const SaNameT good = name_of(name);
    const SaMsgMessageT message = message_of("x");
    SaNameT longer = name_of(std::string(256, 'n'));
    longer.length = 257;
    const SaNameT empty = name_of("");
    const SaNameT* const bad_names[] = {&longer, &empty, nullptr};
    for (const SaNameT* bad : bad_names) {
        const SaMsgQueueCreationAttributesT usual = attributes();
        SaMsgQueueHandleT queue = 0;
        SaMsgQueueStatusT status{};
        SaMsgMessageT reply{};
        const SaAisErrorT results[] = {
            saMsgQueueOpen(a.handle, bad, &usual, create, second, &queue),
            saMsgQueueOpenAsync(a.handle, 1, bad, &usual, create),
            saMsgQueueStatusGet(a.handle, bad, &status),
            saMsgQueueUnlink(a.handle, bad),
            saMsgQueueGroupCreate(a.handle, bad, SA_MSG_QUEUE_GROUP_ROUND_ROBIN),
            saMsgQueueGroupInsert(a.handle, bad, &good),
            saMsgQueueGroupInsert(a.handle, &good, bad),
            saMsgQueueGroupRemove(a.handle, bad, &good),
            saMsgQueueGroupRemove(a.handle, &good, bad),
            saMsgQueueGroupDelete(a.handle, bad),
            saMsgQueueGroupTrack(a.handle, bad, SA_TRACK_CURRENT, nullptr),
            saMsgQueueGroupTrackStop(a.handle, bad),
            saMsgMessageSend(a.handle, bad, &message, second),
            saMsgMessageSendAsync(a.handle, 1, bad, &message, 0),
            saMsgMessageSendReceive(a.handle, bad, &message, &reply, nullptr, second),
        };
        EXPECT_THAT(results, Each(SA_AIS_ERR_INVALID_PARAM));
    }
}

TEST_F(Msg, times_are_taken_at_their_word) {
    Program a(*cluster_, 1);
    Program b(*cluster_, 2);
    SaMsgQueueHandleT queue = a.open(name, attributes(100000, SA_TIME_MAX));
    const SaNameT good = name_of(name);
    const SaMsgMessageT message = message_of("x");
    SaMsgMessageT reply{};
    SaMsgMessageT got{};
    SaMsgSenderIdT sender = 1;
    for (const SaTimeT negative :
         {SaTimeT{-1}, -SA_TIME_MAX, std::numeric_limits<SaTimeT>::min()}) {
        SaTimeT retention = negative;
        SaMsgQueueHandleT other = 0;
        const SaAisErrorT results[] = {
            saMsgQueueOpen(a.handle, &good, nullptr, 0, negative, &other),
            saMsgMessageSend(a.handle, &good, &message, negative),
            saMsgMessageGet(queue, &got, nullptr, &sender, negative),
            saMsgMessageSendReceive(a.handle, &good, &message, &reply, nullptr, negative),
            saMsgMessageReply(a.handle, &message, &sender, negative),
            saMsgQueueRetentionTimeSet(queue, &retention),
        };
        EXPECT_THAT(results, Each(SA_AIS_ERR_INVALID_PARAM));
    }
    EXPECT_EQ(saMsgMessageReply(a.handle, &message, &sender, 0), SA_AIS_ERR_TIMEOUT);
    EXPECT_EQ(saMsgMessageSend(a.handle, &good, &message, 0), SA_AIS_ERR_TIMEOUT);
    EXPECT_EQ(a.send_receive(name, "x", reply, 0), SA_AIS_ERR_TIMEOUT);
    EXPECT_THAT(get_all(queue), IsEmpty()) << "nothing was sent";
    for (const SaTimeT long_one : {SA_TIME_MAX, SA_TIME_MAX - 1}) {
        EXPECT_EQ(patiently([&] { return saMsgMessageSend(b.handle, &good, &message, long_one); }),
                  SA_AIS_OK);
        std::string data;
        EXPECT_EQ(get(queue, data, long_one), SA_AIS_OK);
        std::thread requester(
            [&] { EXPECT_EQ(b.send_receive(name, "q", reply, long_one), SA_AIS_OK); });
        EXPECT_EQ(get(queue, data, long_one, &sender), SA_AIS_OK);
        EXPECT_EQ(saMsgMessageReply(a.handle, &message, &sender, long_one), SA_AIS_OK);
        requester.join();
        std::free(std::exchange(reply.data, nullptr));
        EXPECT_EQ(close(queue), SA_AIS_OK) << "its retention never ends";
        EXPECT_EQ(patiently([&] {
                      return saMsgQueueOpen(a.handle, &good, nullptr, 0, long_one, &queue);
                  }),
                  SA_AIS_OK);
    }
    // Hardly any time: it was enough or not, and nothing is the worse for it.
    const auto hardly = AnyOf(SA_AIS_OK, SA_AIS_ERR_TIMEOUT, SA_AIS_ERR_TRY_AGAIN);
    for (int i = 0; i < 30; ++i) {
        sender = 12345;
        ASSERT_THAT(saMsgMessageSend(b.handle, &good, &message, 1), hardly);
        ASSERT_THAT(b.send_receive(name, "x", reply, 1), hardly);
        ASSERT_THAT(saMsgMessageReply(b.handle, &message, &sender, 1),
                    AnyOf(SA_AIS_ERR_NOT_EXIST, SA_AIS_ERR_TIMEOUT, SA_AIS_ERR_TRY_AGAIN));
    }
    EXPECT_EQ(b.send(name, "last"), SA_AIS_OK);
    const auto all = get_all(queue);
    ASSERT_FALSE(all.empty());
    EXPECT_EQ(all.back(), "last");
    EXPECT_LE(all.size(), 61U);
    a.unlink(name);
}

TEST_F(Msg, every_function_refuses_numbers_that_are_not_its_handles) {
    auto a = std::make_unique<Program>(*cluster_, 1);
    const SaMsgHandleT association = a->handle;
    const SaMsgQueueHandleT queue = a->open(name);
    for (const SaUint64T number : {SaUint64T{0}, SaUint64T{1}, ~SaUint64T{0}, association + 1}) {
        expect_no_association(number);
        expect_no_queue(number);
    }
    expect_no_association(queue);
    expect_no_queue(association);
    const pid_t child = fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
        alarm(20);
        expect_no_association(association);
        expect_no_queue(queue);
        _exit(testing::Test::HasFailure() ? 1 : 0);
    }
    int exit_status = -1;
    ASSERT_EQ(waitpid(child, &exit_status, 0), child);
    EXPECT_EQ(exit_status, 0) << "what the parent has is nothing in its child";
    EXPECT_EQ(a->send(name, "x"), SA_AIS_OK) << "nothing of it has done harm";
    const SaMsgQueueHandleT other = a->open(name + "'");
    EXPECT_EQ(close(other), SA_AIS_OK);
    expect_no_queue(other);
    a.reset();
    expect_no_association(association);
    expect_no_queue(queue);
}

// Each function in a thread of its own, again and again, until what it works on goes.
TEST_F(Msg, calls_of_other_threads_end_when_the_queue_is_closed_or_all_finalized) {
    for (const bool finalizes : {false, true}) {
        SCOPED_TRACE(finalizes ? "finalize" : "close");
        Program a(*cluster_, 1);
        const std::string queue_name = name + (finalizes ? "f" : "c");
        const SaNameT wanted = name_of(queue_name);
        const SaMsgMessageT message = message_of("x");
        const SaMsgHandleT handle = a.handle;
        const SaMsgQueueHandleT queue = a.open(queue_name);
        const auto get_for = [=](SaTimeT timeout) {
            std::string data;
            const SaAisErrorT error = get(queue, data, timeout);
            return error == SA_AIS_ERR_TIMEOUT || error == SA_AIS_ERR_INTERRUPT ? SA_AIS_OK : error;
        };
        std::vector<std::function<SaAisErrorT()>> functions{
            [=] { return get_for(0); },
            [=] { return get_for(second / 1000); },
            [=] { return get_for(SA_TIME_MAX); },
            [=] {
                const SaAisErrorT error = saMsgMessageCancel(queue);
                return error == SA_AIS_ERR_NOT_EXIST ? SA_AIS_OK : error;
            },
            [=] {
                SaTimeT retention = second;
                return saMsgQueueRetentionTimeSet(queue, &retention);
            },
            [=] {
                SaMsgQueueThresholdsT thresholds{};
                const SaAisErrorT error = saMsgQueueCapacityThresholdsGet(queue, &thresholds);
                return error == SA_AIS_OK ? saMsgQueueCapacityThresholdsSet(queue, &thresholds)
                                          : error;
            },
        };
        if (finalizes) {
            functions.emplace_back([=] {
                const SaAisErrorT error = saMsgMessageSend(handle, &wanted, &message, long_time);
                return error == SA_AIS_ERR_QUEUE_FULL ? SA_AIS_OK : error;
            });
            functions.emplace_back([=] {
                SaMsgQueueStatusT status{};
                const SaAisErrorT error = saMsgMessageSendAsync(handle, 1, &wanted, &message, 0);
                return error == SA_AIS_OK ? saMsgQueueStatusGet(handle, &wanted, &status) : error;
            });
            functions.emplace_back([=] {
                SaMsgMessageT reply{};
                const SaAisErrorT error = saMsgMessageSendReceive(
                    handle, &wanted, &message, &reply, nullptr, second / 1000);
                return error == SA_AIS_ERR_TIMEOUT || error == SA_AIS_ERR_QUEUE_FULL ? SA_AIS_OK
                                                                                     : error;
            });
            functions.emplace_back([=] {
                const SaMsgSenderIdT sender = 1;
                const SaAisErrorT error = saMsgMessageReply(handle, &message, &sender, long_time);
                return error == SA_AIS_ERR_NOT_EXIST ? SA_AIS_OK : error;
            });
            functions.emplace_back([=, group = name_of(group_name)] {
                const SaAisErrorT error =
                    saMsgQueueGroupCreate(handle, &group, SA_MSG_QUEUE_GROUP_BROADCAST);
                return error == SA_AIS_OK || error == SA_AIS_ERR_EXIST
                           ? saMsgQueueGroupDelete(handle, &group)
                           : error;
            });
        }
        std::vector<std::atomic<int>> calls(functions.size());
        std::vector<SaAisErrorT> last(functions.size());
        std::vector<std::thread> threads;
        for (std::size_t i = 0; i < functions.size(); ++i) {
            threads.emplace_back([&, i] {
                do {
                    last[i] = functions[i]();
                    ++calls[i];
                } while (last[i] == SA_AIS_OK || last[i] == SA_AIS_ERR_TRY_AGAIN);
            });
        }
        for (const std::atomic<int>& count : calls) {
            EXPECT_TRUE(wait_until([&] { return count > 5; }, patience));
        }
        EXPECT_EQ(finalizes ? saMsgFinalize(handle) : close(queue), SA_AIS_OK);
        for (std::thread& thread : threads) {
            thread.join();
        }
        EXPECT_THAT(last, Each(SA_AIS_ERR_BAD_HANDLE));
    }
}

// ---- Queues

TEST_F(Msg, queue_that_is_closed_is_free_for_another_node_at_once) {
    Program a(*cluster_, 1);
    Program b(*cluster_, 2);
    SaMsgQueueHandleT queue = a.open(name);
    for (int i = 0; i < 100; ++i) {
        ASSERT_EQ(close(queue), SA_AIS_OK);
        ASSERT_EQ((i % 2 == 0 ? b : a).try_open(name, queue), SA_AIS_OK) << "never BUSY";
    }
    // Of one that goes with its close nothing is left by then.
    const SaMsgQueueHandleT short_lived = a.open(name + "'", attributes(10, 0));
    ASSERT_EQ(close(short_lived), SA_AIS_OK);
    SaMsgQueueHandleT other = 0;
    EXPECT_EQ(b.try_open(name + "'", other), SA_AIS_ERR_NOT_EXIST);
}

TEST_F(Msg, message_that_a_thread_gets_while_another_closes_comes_once) {
    Program a(*cluster_, 1);
    Program b(*cluster_, 2);
    constexpr std::size_t many = 600;
    SaMsgQueueHandleT queue = a.open(name, attributes(100000));
    for (std::size_t i = 0; i < many; ++i) {
        ASSERT_EQ(a.send(name, std::to_string(i)), SA_AIS_OK);
    }
    std::vector<std::string> all;  // of one getter at a time
    std::atomic<std::size_t> count{0};
    for (std::size_t round = 0; count < many; ++round) {
        SaAisErrorT ended = SA_AIS_OK;
        std::thread getter([&] {
            std::string data;
            while ((ended = get(queue, data, SA_TIME_MAX)) == SA_AIS_OK) {
                all.push_back(data);
                ++count;
            }
        });
        const std::size_t until = std::min(many, count + round % 4);
        EXPECT_TRUE(wait_until([&] { return count >= until; }, patience));
        ASSERT_EQ(close(queue), SA_AIS_OK);
        getter.join();
        EXPECT_EQ(ended, SA_AIS_ERR_BAD_HANDLE);
        queue = (round % 2 == 0 ? b : a).reopen(name);
    }
    ASSERT_EQ(all.size(), many);
    for (std::size_t i = 0; i < many; ++i) {
        EXPECT_EQ(all[i], std::to_string(i));
    }
    EXPECT_THAT(get_all(queue), IsEmpty());
}

TEST_F(Msg, close_of_two_threads_succeeds_once) {
    Program a(*cluster_, 1);
    for (int round = 0; round < 20; ++round) {
        const SaMsgQueueHandleT queue = a.open(name);
        SaAisErrorT first = SA_AIS_OK;
        std::thread thread([&] { first = close(queue); });
        const SaAisErrorT then = close(queue);
        thread.join();
        EXPECT_THAT((std::vector{first, then}),
                    testing::UnorderedElementsAre(SA_AIS_OK, SA_AIS_ERR_BAD_HANDLE));
    }
}

TEST_F(Msg, asynchronous_open_tells_every_result_of_open) {
    Program a(*cluster_, 1);
    const SaNameT wanted = name_of(name);
    const SaMsgQueueCreationAttributesT usual = attributes();
    const SaMsgQueueCreationAttributesT differs = attributes(1);
    const SaMsgQueueCreationAttributesT large = attributes((SaSizeT{64} << 20) + 1);
    EXPECT_EQ(saMsgQueueOpenAsync(a.handle, 1, &wanted, nullptr, 0), SA_AIS_OK);
    EXPECT_EQ(saMsgQueueOpenAsync(a.handle, 2, &wanted, &usual, create), SA_AIS_OK);
    EXPECT_TRUE(a.until([] { return opened.size() >= 2; }));
    EXPECT_EQ(saMsgQueueOpenAsync(a.handle, 3, &wanted, &differs, create), SA_AIS_OK);
    EXPECT_TRUE(a.until([] { return opened.size() >= 3; }));
    EXPECT_EQ(saMsgQueueOpenAsync(a.handle, 4, &wanted, nullptr, 0), SA_AIS_OK);
    EXPECT_TRUE(a.until([] { return opened.size() >= 4; }));
    EXPECT_EQ(saMsgQueueOpenAsync(a.handle, 5, &wanted, &large, create), SA_AIS_OK);
    EXPECT_TRUE(a.until([] { return opened.size() >= 5; }));
    std::vector<SaAisErrorT> errors;
    for (std::size_t i = 0; i < opened.size(); ++i) {
        EXPECT_EQ(opened[i].invocation, i + 1);
        EXPECT_EQ(opened[i].queue != 0, opened[i].error == SA_AIS_OK);
        errors.push_back(opened[i].error);
    }
    EXPECT_THAT(errors,
                ElementsAre(SA_AIS_ERR_NOT_EXIST,
                            SA_AIS_OK,
                            SA_AIS_ERR_EXIST,
                            SA_AIS_ERR_BUSY,
                            SA_AIS_ERR_TOO_BIG));
}

TEST_F(Msg, area_has_at_most_64_mebibytes_and_each_is_looked_at) {
    Program a(*cluster_, 1);
    for (int i = 0; i < 4; ++i) {
        SaMsgQueueHandleT queue = 0;
        auto wanted = attributes(SaSizeT{64} << 20);
        ++wanted.size[i];
        EXPECT_EQ(a.try_open(name, queue, wanted), SA_AIS_ERR_TOO_BIG);
    }
    EXPECT_NE(a.open(name, attributes(SaSizeT{64} << 20)), 0U);
}

TEST_F(Msg, retention_that_was_set_is_the_one_that_is_compared) {
    Program a(*cluster_, 1);
    SaMsgQueueHandleT queue = a.open(name, attributes(100, 100 * second));
    SaTimeT retention = 200 * second;
    EXPECT_EQ(saMsgQueueRetentionTimeSet(queue, &retention), SA_AIS_OK);
    EXPECT_EQ(close(queue), SA_AIS_OK);
    EXPECT_EQ(a.try_open(name, queue, attributes(100, 100 * second)), SA_AIS_ERR_EXIST);
    EXPECT_EQ(a.try_open(name, queue, attributes(100, 200 * second)), SA_AIS_OK);
}

TEST_F(Msg, unlinked_queue_is_no_queue_for_any_function_that_names_it) {
    Program a(*cluster_, 1);
    SaMsgQueueHandleT queue = a.open(name);
    EXPECT_EQ(a.group(group_name, SA_MSG_QUEUE_GROUP_ROUND_ROBIN), SA_AIS_OK);
    EXPECT_EQ(a.insert(group_name, name), SA_AIS_OK);
    EXPECT_EQ(a.unlink(name), SA_AIS_OK);
    const SaNameT gone = name_of(name);
    const SaNameT group = name_of(group_name);
    SaMsgQueueStatusT status{};
    SaMsgQueueHandleT other = 0;
    EXPECT_EQ(saMsgQueueStatusGet(a.handle, &gone, &status), SA_AIS_ERR_NOT_EXIST);
    EXPECT_EQ(a.try_open(name, other), SA_AIS_ERR_NOT_EXIST);
    EXPECT_EQ(a.insert(group_name, name), SA_AIS_ERR_NOT_EXIST);
    EXPECT_EQ(saMsgQueueGroupRemove(a.handle, &group, &gone), SA_AIS_ERR_NOT_EXIST);
    EXPECT_EQ(a.send(group_name, "x"), SA_AIS_ERR_QUEUE_NOT_AVAILABLE) << "it has left its groups";
    EXPECT_EQ(close(queue), SA_AIS_OK);
    // A closed one goes at once.
    queue = a.open(name, attributes(100, 0, SA_MSG_QUEUE_PERSISTENT));
    EXPECT_EQ(close(queue), SA_AIS_OK);
    EXPECT_EQ(a.unlink(name), SA_AIS_OK);
    EXPECT_EQ(a.try_open(name, other), SA_AIS_ERR_NOT_EXIST);
}

TEST_F(Msg, critical_capacity_of_a_queue_is_said_in_the_log_of_its_node) {
    Program a(*cluster_, 1);
    Program b(*cluster_, 2);
    const SaMsgQueueHandleT queue = a.open(name, attributes(100));
    const SaMsgQueueThresholdsT thresholds{{80, 80, 80, 80}, {40, 40, 40, 40}};
    EXPECT_EQ(saMsgQueueCapacityThresholdsSet(queue, &thresholds), SA_AIS_OK);
    EXPECT_EQ(b.send(name, std::string(80, 'x')), SA_AIS_OK);
    const std::string said =
        "queue " + name + ", priority 3: critical capacity is reached, 80 of 100 bytes";
    const auto is_in_log = [&](int node) {
        return cluster_->log(node).find(said) != std::string::npos;
    };
    EXPECT_TRUE(wait_until([&] { return is_in_log(1); }, patience));
    EXPECT_FALSE(is_in_log(2));
    EXPECT_FALSE(is_in_log(3));
}

// ---- Groups

TEST_F(Msg, tracker_sees_members_come_and_go_and_nothing_else) {
    Program a(*cluster_, 1);
    Program b(*cluster_, 2);
    const SaMsgQueueHandleT stays = a.open(name + "1");
    const SaMsgQueueHandleT goes = a.open(name + "2", attributes(100, 0));
    a.group(group_name, SA_MSG_QUEUE_GROUP_ROUND_ROBIN);
    a.insert(group_name, name + "1");
    a.insert(group_name, name + "2");
    EXPECT_EQ(b.track(group_name, SA_TRACK_CHANGES_ONLY), SA_AIS_OK);
    // The other kind replaces the first, in this direction, too.
    EXPECT_EQ(b.track(group_name, SA_TRACK_CHANGES), SA_AIS_OK);
    EXPECT_EQ(close(stays), SA_AIS_OK);
    const SaMsgQueueHandleT again = a.reopen(name + "1");
    EXPECT_EQ(close(goes), SA_AIS_OK) << "it has no retention: deleted";
    EXPECT_TRUE(b.until([] { return !tracked.empty(); }));
    EXPECT_THAT(tracked, ElementsAre("1 " + group_name + " of 1: " + name + "1 " + name + "2-"));
    tracked.clear();
    const SaNameT group = name_of(group_name);
    EXPECT_EQ(saMsgQueueGroupDelete(a.handle, &group), SA_AIS_OK);
    EXPECT_TRUE(b.until([] { return !tracked.empty(); }));
    EXPECT_THAT(tracked, ElementsAre("1 " + group_name + " of 0: " + name + "1-"));
    EXPECT_EQ(saMsgQueueGroupTrackStop(b.handle, &group), SA_AIS_ERR_NOT_EXIST);
    EXPECT_EQ(a.send(name + "1", "x"), SA_AIS_OK) << "queues stay";
    EXPECT_THAT(get_all(again), ElementsAre("x"));
    // A group of the same name is another one, and nobody tracks it.
    tracked.clear();
    a.group(group_name, SA_MSG_QUEUE_GROUP_ROUND_ROBIN);
    a.insert(group_name, name + "1");
    b.status(name + "1");
    EXPECT_EQ(saMsgDispatch(b.handle, SA_DISPATCH_ALL), SA_AIS_OK);
    EXPECT_THAT(tracked, IsEmpty());
}

TEST_F(Msg, track_knows_five_combinations_of_flags) {
    Program a(*cluster_, 1);
    a.open(name);
    a.group(group_name, SA_MSG_QUEUE_GROUP_LOCAL_BEST_QUEUE);
    a.insert(group_name, name);
    const SaNameT group = name_of(group_name);
    const SaNameT nowhere = name_of("nowhere");
    for (int flags = 0; flags < 256; ++flags) {
        SaMsgQueueGroupNotificationBufferT buffer{};
        const bool is_good = flags == 1 || flags == 2 || flags == 3 || flags == 4 || flags == 5;
        EXPECT_EQ(a.track(group_name, static_cast<SaUint8T>(flags), &buffer),
                  is_good ? SA_AIS_OK : SA_AIS_ERR_BAD_FLAGS)
            << flags;
        if (!is_good) {
            continue;
        }
        const bool has_current = (flags & SA_TRACK_CURRENT) != 0;
        EXPECT_EQ(buffer.numberOfItems, has_current ? 1U : 0U) << flags;
        if (has_current) {
            EXPECT_EQ(buffer.queueGroupPolicy, SA_MSG_QUEUE_GROUP_LOCAL_BEST_QUEUE);
            EXPECT_EQ(saMsgQueueGroupNotificationFree(a.handle, buffer.notification), SA_AIS_OK);
        }
        EXPECT_EQ(saMsgQueueGroupTrackStop(a.handle, &group),
                  flags == SA_TRACK_CURRENT ? SA_AIS_ERR_NOT_EXIST : SA_AIS_OK)
            << flags;
    }
    EXPECT_EQ(saMsgQueueGroupTrackStop(a.handle, &nowhere), SA_AIS_ERR_NOT_EXIST);
    EXPECT_EQ(a.track("nowhere", SA_TRACK_CURRENT), SA_AIS_ERR_NOT_EXIST);
}

TEST_F(Msg, policies_choose_by_room_and_by_turn_where_nobody_is_local) {
    Program a(*cluster_, 1);
    Program b(*cluster_, 2);
    const SaMsgQueueHandleT small = a.open(name + "1", attributes(100));
    const SaMsgQueueHandleT large = a.open(name + "2", attributes(200));
    for (const auto policy :
         {SA_MSG_QUEUE_GROUP_LOCAL_BEST_QUEUE, SA_MSG_QUEUE_GROUP_LOCAL_ROUND_ROBIN}) {
        const std::string group = group_name + std::to_string(policy);
        EXPECT_EQ(a.group(group, policy), SA_AIS_OK);
        a.insert(group, name + "1");
        a.insert(group, name + "2");
        // Of another node: each in turn, whatever room it has.
        for (int i = 0; i < 4; ++i) {
            EXPECT_EQ(b.send(group, "far"), SA_AIS_OK);
        }
        EXPECT_EQ(get_all(small).size(), 2U);
        EXPECT_EQ(get_all(large).size(), 2U);
        const std::string fifty(50, 'x');
        for (int i = 0; i < 2; ++i) {
            EXPECT_EQ(a.send(group, fifty), SA_AIS_OK);
        }
        const bool is_best = policy == SA_MSG_QUEUE_GROUP_LOCAL_BEST_QUEUE;
        EXPECT_EQ(get_all(small).size(), is_best ? 0U : 1U);
        EXPECT_EQ(get_all(large).size(), is_best ? 2U : 1U);
    }
}

TEST_F(Msg, remove_and_insert_say_what_is_missing) {
    Program a(*cluster_, 1);
    a.open(name);
    a.group(group_name, SA_MSG_QUEUE_GROUP_ROUND_ROBIN);
    const SaNameT group = name_of(group_name);
    const SaNameT queue = name_of(name);
    const SaNameT nowhere = name_of("nowhere");
    const auto remove = [&](const SaNameT& from, const SaNameT& which) {
        return patiently([&] { return saMsgQueueGroupRemove(a.handle, &from, &which); });
    };
    EXPECT_EQ(remove(nowhere, queue), SA_AIS_ERR_NOT_EXIST);
    EXPECT_EQ(remove(group, nowhere), SA_AIS_ERR_NOT_EXIST);
    EXPECT_EQ(remove(group, queue), SA_AIS_ERR_NOT_EXIST) << "not a member";
    EXPECT_EQ(a.insert("nowhere", name), SA_AIS_ERR_NOT_EXIST);
    EXPECT_EQ(a.insert(group_name, name), SA_AIS_OK);
    EXPECT_EQ(remove(group, queue), SA_AIS_OK);
    EXPECT_EQ(a.insert(group_name, name), SA_AIS_OK) << "it may come back";
    for (const int policy : {0, 5, -1}) {
        EXPECT_EQ(saMsgQueueGroupCreate(a.handle, &nowhere, beyond<SaMsgQueueGroupPolicyT>(policy)),
                  SA_AIS_ERR_INVALID_PARAM);
    }
}

// ---- Messages

TEST_F(Msg, each_of_the_four_priorities_has_an_area_and_its_place) {
    Program a(*cluster_, 1);
    auto wanted = attributes(1);
    wanted.size[2] = 0;
    const SaMsgQueueHandleT queue = a.open(name, wanted);
    for (const SaUint8T priority : {SaUint8T{3}, SaUint8T{1}, SaUint8T{0}}) {
        EXPECT_EQ(a.send(name, std::to_string(priority), priority), SA_AIS_OK);
        EXPECT_EQ(a.send(name, "x", priority), SA_AIS_ERR_QUEUE_FULL);
        EXPECT_EQ(a.send(name, "", priority), SA_AIS_OK) << "without data it takes no room";
    }
    EXPECT_EQ(a.send(name, "", 2), SA_AIS_ERR_QUEUE_FULL) << "an area without size takes nothing";
    EXPECT_THAT(get_all(queue), ElementsAre("0", "", "1", "", "3", ""));
    for (const int priority : {4, 255}) {
        EXPECT_EQ(a.send(name, "x", static_cast<SaUint8T>(priority)), SA_AIS_ERR_INVALID_PARAM);
    }
}

TEST_F(Msg, send_without_waiting_follows_the_table_of_send) {
    Program a(*cluster_, 1);
    const SaMsgQueueHandleT queue = a.open(name);
    a.group(group_name, SA_MSG_QUEUE_GROUP_ROUND_ROBIN);
    const SaNameT to = name_of(name);
    const auto send = [&](const SaMsgMessageT* message, SaMsgAckFlagsT flags = 0) {
        return saMsgMessageSendAsync(a.handle, 9, &to, message, flags);
    };
    SaMsgMessageT message = message_of("x", 4);
    EXPECT_EQ(send(nullptr), SA_AIS_ERR_INVALID_PARAM);
    EXPECT_EQ(send(&message), SA_AIS_ERR_INVALID_PARAM);
    message = message_of("x");
    message.data = nullptr;
    EXPECT_EQ(send(&message), SA_AIS_ERR_INVALID_PARAM);
    message = message_of("x");
    SaNameT sender = name_of(std::string(256, 's'));
    sender.length = 257;
    message.senderName = &sender;
    EXPECT_EQ(send(&message), SA_AIS_ERR_INVALID_PARAM);
    message.senderName = nullptr;
    for (SaMsgAckFlagsT flag = 2; flag != 0; flag <<= 1) {
        EXPECT_EQ(send(&message, flag | ack), SA_AIS_ERR_BAD_FLAGS);
    }
    message.size = (SaSizeT{1} << 20) + 1;
    EXPECT_EQ(send(&message), SA_AIS_ERR_TOO_BIG);
    // What the cluster finds out comes in the callback.
    message = message_of("x");
    const SaNameT nowhere = name_of("nowhere");
    const SaNameT group = name_of(group_name);
    EXPECT_EQ(saMsgMessageSendAsync(a.handle, 1, &nowhere, &message, ack), SA_AIS_OK);
    EXPECT_EQ(saMsgMessageSendAsync(a.handle, 2, &group, &message, ack), SA_AIS_OK);
    // It is copied: what happens to it afterwards does not count.
    char text[] = "before";
    message = message_of(text);
    EXPECT_EQ(send(&message, ack), SA_AIS_OK);
    std::memcpy(text, "after!", sizeof text);
    message = SaMsgMessageT{};
    EXPECT_TRUE(a.until([] { return delivered.size() >= 3; }));
    EXPECT_EQ(delivered[0].invocation, 1U);
    EXPECT_EQ(delivered[0].error, SA_AIS_ERR_NOT_EXIST);
    EXPECT_EQ(delivered[1].invocation, 2U);
    EXPECT_EQ(delivered[1].error, SA_AIS_ERR_QUEUE_NOT_AVAILABLE);
    EXPECT_EQ(delivered[2].error, SA_AIS_OK);
    EXPECT_THAT(get_all(queue), ElementsAre("before"));
}

TEST_F(Msg, get_fills_what_it_is_given_and_nothing_else) {
    Program a(*cluster_, 1);
    const SaMsgQueueHandleT queue = a.open(name);
    // Without data: no memory is needed, and none is allocated.
    EXPECT_EQ(a.send(name, ""), SA_AIS_OK);
    EXPECT_EQ(a.send(name, ""), SA_AIS_OK);
    char room[4] = "...";
    SaMsgSenderIdT sender = 7;
    SaMsgMessageT message{};
    message.data = room;
    message.size = 0;
    EXPECT_EQ(saMsgMessageGet(queue, &message, nullptr, &sender, second), SA_AIS_OK);
    EXPECT_EQ(message.size, 0U);
    EXPECT_EQ(message.data, room);
    EXPECT_EQ(sender, 0U);
    message.data = nullptr;
    EXPECT_EQ(saMsgMessageGet(queue, &message, nullptr, &sender, second), SA_AIS_OK);
    EXPECT_EQ(message.data, nullptr);
    // Exactly as large as the buffer, and one byte larger.
    EXPECT_EQ(a.send(name, "1234"), SA_AIS_OK);
    EXPECT_EQ(a.send(name, "12345"), SA_AIS_OK);
    message.data = room;
    message.size = sizeof room;
    EXPECT_EQ(saMsgMessageGet(queue, &message, nullptr, &sender, second), SA_AIS_OK);
    EXPECT_EQ(std::string(room, 4), "1234");
    EXPECT_EQ(saMsgMessageGet(queue, &message, nullptr, &sender, second), SA_AIS_ERR_NO_SPACE);
    EXPECT_EQ(message.size, 5U);
    EXPECT_EQ(std::string(room, 4), "1234") << "nothing was written";
    // For the library to allocate, the size that is given does not count.
    message.data = nullptr;
    message.size = 1;
    EXPECT_EQ(saMsgMessageGet(queue, &message, nullptr, &sender, second), SA_AIS_OK);
    EXPECT_EQ(std::string(static_cast<char*>(message.data), message.size), "12345");
    EXPECT_EQ(saMsgMessageDataFree(a.handle, message.data), SA_AIS_OK);
}

TEST_F(Msg, request_follows_the_table_of_send) {
    Program a(*cluster_, 1);
    Program b(*cluster_, 2);
    const SaMsgQueueHandleT queue = a.open(name, attributes(4));
    a.group(group_name, SA_MSG_QUEUE_GROUP_ROUND_ROBIN);
    const SaNameT to = name_of(name);
    SaMsgMessageT reply{};
    SaMsgMessageT message = message_of("x", 4);
    const auto request = [&](SaTimeT timeout = long_time) {
        return saMsgMessageSendReceive(b.handle, &to, &message, &reply, nullptr, timeout);
    };
    EXPECT_EQ(request(), SA_AIS_ERR_INVALID_PARAM);
    message = message_of("x");
    message.data = nullptr;
    EXPECT_EQ(request(), SA_AIS_ERR_INVALID_PARAM);
    message.size = (SaSizeT{1} << 20) + 1;
    message.data = &reply;
    EXPECT_EQ(request(), SA_AIS_ERR_TOO_BIG);
    EXPECT_EQ(b.send_receive("nowhere", "x", reply), SA_AIS_ERR_NOT_EXIST);
    EXPECT_EQ(b.send_receive(group_name, "x", reply), SA_AIS_ERR_QUEUE_NOT_AVAILABLE);
    EXPECT_EQ(b.send_receive(name, "12345", reply), SA_AIS_ERR_QUEUE_FULL);
    // Its receiver goes with it: nobody can know, and the time runs out.
    SaAisErrorT error = SA_AIS_OK;
    std::thread requester([&] { error = b.send_receive(name, "q", reply, second / 2); });
    std::string data;
    SaMsgSenderIdT sender = 0;
    EXPECT_EQ(get(queue, data, long_time, &sender), SA_AIS_OK);
    EXPECT_EQ(close(queue), SA_AIS_OK);
    requester.join();
    EXPECT_EQ(error, SA_AIS_ERR_TIMEOUT);
    EXPECT_EQ(a.reply(sender, "late"), SA_AIS_ERR_NOT_EXIST);
}

TEST_F(Msg, reply_has_a_time_and_no_priority) {
    Program a(*cluster_, 1);
    Program b(*cluster_, 2);
    Program silent(*cluster_, 1, false);
    const SaMsgQueueHandleT queue = a.open(name);
    const SaNameT to = name_of(name);
    SaTimeT sent = 0;
    SaMsgMessageT reply{};
    SaAisErrorT error = SA_AIS_ERR_LIBRARY;
    std::thread requester([&] {
        const SaMsgMessageT question = message_of("question");
        error = saMsgMessageSendReceive(b.handle, &to, &question, &reply, &sent, long_time);
    });
    std::string data;
    SaMsgSenderIdT sender = 0;
    EXPECT_EQ(get(queue, data, long_time, &sender), SA_AIS_OK);
    SaMsgMessageT answer = message_of("answer", 200);
    SaNameT name_of_sender = name_of(std::string(256, 's'));
    answer.senderName = &name_of_sender;
    const auto replies = [&] {
        return std::vector{saMsgMessageReply(a.handle, &answer, &sender, long_time),
                           saMsgMessageReplyAsync(a.handle, 1, &answer, &sender, ack)};
    };
    name_of_sender.length = 257;
    EXPECT_THAT(replies(), Each(SA_AIS_ERR_INVALID_PARAM));
    name_of_sender.length = 256;
    answer.data = nullptr;
    EXPECT_THAT(replies(), Each(SA_AIS_ERR_INVALID_PARAM));
    answer.data = &answer;
    answer.size = (SaSizeT{1} << 20) + 1;
    EXPECT_THAT(replies(), Each(SA_AIS_ERR_TOO_BIG));
    answer.data = const_cast<char*>("answer");
    answer.size = 6;
    for (SaMsgAckFlagsT flag = 2; flag != 0; flag <<= 1) {
        EXPECT_EQ(saMsgMessageReplyAsync(a.handle, 1, &answer, &sender, flag | ack),
                  SA_AIS_ERR_BAD_FLAGS);
    }
    EXPECT_EQ(saMsgMessageReplyAsync(a.handle, 1, &answer, nullptr, 0), SA_AIS_ERR_INVALID_PARAM);
    EXPECT_EQ(saMsgMessageReplyAsync(silent.handle, 1, &answer, &sender, ack), SA_AIS_ERR_INIT);
    EXPECT_EQ(patiently([&] { return saMsgMessageReply(a.handle, &answer, &sender, long_time); }),
              SA_AIS_OK)
        << "none of these has used it up";
    requester.join();
    EXPECT_EQ(error, SA_AIS_OK);
    EXPECT_GT(sent, SaTimeT{1'500'000'000} * second);
    EXPECT_EQ(std::string(static_cast<char*>(reply.data), reply.size), "answer");
    std::free(reply.data);
}

}  // namespace
}  // namespace ais::conformance
