// SPDX-License-Identifier: BSD-3-Clause

#include "dying.hpp"

#include <openais/saMsg.h>

#include <gtest/gtest.h>

#include <cstdlib>
#include <string>

namespace ais::conformance::dying {
namespace {

void on_open(SaInvocationT, SaMsgQueueHandleT, SaAisErrorT) {}
void on_track(const SaNameT*, const SaMsgQueueGroupNotificationBufferT*, SaUint32T, SaAisErrorT) {}
void on_delivered(SaInvocationT, SaAisErrorT) {}
void on_received(SaMsgQueueHandleT) {}

SaAisErrorT initialize(SaMsgHandleT& handle) {
    const SaMsgCallbacksT callbacks{on_open, on_track, on_delivered, on_received};
    SaVersionT version{'B', 3, 1};
    return saMsgInitialize(&handle, &callbacks, &version);
}

constexpr SaMsgQueueCreationAttributesT attributes{0, {100000, 100000, 100000, 100000}, 0};

SaAisErrorT open(SaMsgHandleT handle, const SaNameT& name, SaMsgQueueHandleT& queue) {
    return saMsgQueueOpen(handle, &name, &attributes, SA_MSG_QUEUE_CREATE, SA_TIME_MAX, &queue);
}

SaMsgMessageT message_of(const std::string& data) {
    SaMsgMessageT message{};
    message.data = const_cast<char*>(data.data());
    message.size = data.size();
    return message;
}

// The library frees it, or else we do.
template <typename T, typename Give>
SaAisErrorT give_back(SaMsgHandleT handle, Give give) {
    auto* memory = static_cast<T*>(std::malloc(sizeof(T)));
    const SaAisErrorT error = give(handle, memory);
    if (error != SA_AIS_OK) {
        std::free(memory);
    }
    return error;
}

TEST(Dying, executive_dies_in_every_function_of_msg) {
    Executive executive;
    SaMsgHandleT msg = 0;
    SaMsgHandleT sender = 0;  // its ring is filled
    SaMsgHandleT one = 0;
    SaMsgHandleT other = 0;
    for (SaMsgHandleT* handle : {&msg, &sender, &one, &other}) {
        ASSERT_EQ(patiently([&] { return initialize(*handle); }), SA_AIS_OK);
    }
    const SaNameT name = name_of("queue");
    const SaNameT closing_name = name_of("closing");
    const SaNameT new_name = name_of("new");
    const SaNameT group = name_of("group");
    const SaNameT long_name = name_of(std::string(SA_MAX_NAME_LENGTH, 'n'));
    SaMsgQueueHandleT queue = 0;
    SaMsgQueueHandleT closing = 0;
    ASSERT_EQ(patiently([&] { return open(msg, name, queue); }), SA_AIS_OK);
    ASSERT_EQ(patiently([&] { return open(msg, closing_name, closing); }), SA_AIS_OK);
    ASSERT_EQ(patiently([&] {
                  return saMsgQueueGroupCreate(msg, &group, SA_MSG_QUEUE_GROUP_ROUND_ROBIN);
              }),
              SA_AIS_OK);
    Each<SaMsgHandleT> ended({one, other});
    SaMsgHandleT none = 0;
    SaMsgQueueHandleT opened = 0;
    SaSelectionObjectT fd = 0;
    SaMsgQueueStatusT status{};
    SaMsgQueueThresholdsT thresholds{};
    SaMsgQueueGroupNotificationBufferT members{};
    SaTimeT hour = SA_TIME_ONE_HOUR;
    SaUint32T size = 0;
    SaLimitValueT limit{};
    SaMsgSenderIdT from = 1;
    SaMsgSenderIdT asked_by = 0;
    SaMsgMessageT got{};
    SaMsgMessageT answer{};
    const std::string short_data(100, 's');
    const std::string large_data(100000, 'l');
    const SaMsgMessageT message = message_of(short_data);
    const SaMsgMessageT large = message_of(large_data);
    using enum Course;
    const Calls calls = {
        {"saMsgInitialize", connects, [&] { return initialize(none); }},
        {"saMsgSelectionObjectGet", looks, [&] { return saMsgSelectionObjectGet(msg, &fd); }},
        {"saMsgDispatch", looks, [&] { return saMsgDispatch(msg, SA_DISPATCH_ONE); }, "one"},
        {"saMsgDispatch", looks, [&] { return saMsgDispatch(msg, SA_DISPATCH_ALL); }, "all"},
        {"saMsgDispatch",
         waits,
         [&] { return saMsgDispatch(msg, SA_DISPATCH_BLOCKING); },
         "blocking"},
        {"saMsgFinalize", local, [&] { return saMsgFinalize(ended.next()); }},
        {"saMsgQueueOpen", waits, [&] { return open(msg, new_name, opened); }},
        {"saMsgQueueClose", waits, [&] { return saMsgQueueClose(closing); }},
        {"saMsgQueueStatusGet", waits, [&] { return saMsgQueueStatusGet(msg, &name, &status); }},
        {"saMsgQueueRetentionTimeSet",
         waits,
         [&] { return saMsgQueueRetentionTimeSet(queue, &hour); }},
        {"saMsgQueueUnlink", waits, [&] { return saMsgQueueUnlink(msg, &name); }},
        {"saMsgQueueGroupCreate",
         waits,
         [&] { return saMsgQueueGroupCreate(msg, &new_name, SA_MSG_QUEUE_GROUP_BROADCAST); }},
        {"saMsgQueueGroupInsert", waits, [&] { return saMsgQueueGroupInsert(msg, &group, &name); }},
        {"saMsgQueueGroupRemove", waits, [&] { return saMsgQueueGroupRemove(msg, &group, &name); }},
        {"saMsgQueueGroupDelete", waits, [&] { return saMsgQueueGroupDelete(msg, &group); }},
        {"saMsgQueueGroupTrack",
         waits,
         [&] { return saMsgQueueGroupTrack(msg, &group, SA_TRACK_CURRENT, &members); }},
        {"saMsgQueueGroupTrack",
         waits,
         [&] { return saMsgQueueGroupTrack(msg, &group, SA_TRACK_CHANGES, nullptr); },
         "changes"},
        {"saMsgQueueGroupTrackStop", waits, [&] { return saMsgQueueGroupTrackStop(msg, &group); }},
        {"saMsgQueueGroupNotificationFree",
         local,
         [&] {
             return give_back<SaMsgQueueGroupNotificationT>(msg, saMsgQueueGroupNotificationFree);
         }},
        {"saMsgMessageSend",
         waits,
         [&] { return saMsgMessageSend(msg, &name, &message, SA_TIME_MAX); }},
        {"saMsgMessageGet",
         waits,
         [&] { return saMsgMessageGet(queue, &got, nullptr, &asked_by, SA_TIME_MAX); }},
        {"saMsgMessageGet",
         waits,
         [&] { return saMsgMessageGet(queue, &got, nullptr, &asked_by, 0); },
         "of what is there"},
        {"saMsgMessageCancel", waits, [&] { return saMsgMessageCancel(queue); }},
        {"saMsgMessageDataFree", local, [&] { return give_back<char>(msg, saMsgMessageDataFree); }},
        {"saMsgMessageSendReceive",
         waits,
         [&] {
             return saMsgMessageSendReceive(msg, &name, &message, &answer, nullptr, SA_TIME_MAX);
         }},
        {"saMsgMessageReply",
         waits,
         [&] { return saMsgMessageReply(msg, &message, &from, SA_TIME_MAX); }},
        {"saMsgQueueCapacityThresholdsSet",
         waits,
         [&] { return saMsgQueueCapacityThresholdsSet(queue, &thresholds); }},
        {"saMsgQueueCapacityThresholdsGet",
         waits,
         [&] { return saMsgQueueCapacityThresholdsGet(queue, &thresholds); }},
        {"saMsgMetadataSizeGet", looks, [&] { return saMsgMetadataSizeGet(msg, &size); }},
        {"saMsgLimitGet",
         looks,
         [&] { return saMsgLimitGet(msg, SA_MSG_MAX_NUM_QUEUES_ID, &limit); }},
        {"saMsgMessageSendAsync",
         refuses,
         [&] {
             return saMsgMessageSendAsync(sender, 1, &name, &large, SA_MSG_MESSAGE_DELIVERED_ACK);
         }},
        {"saMsgMessageReplyAsync",
         refuses,
         [&] {
             return saMsgMessageReplyAsync(sender, 1, &large, &from, SA_MSG_MESSAGE_DELIVERED_ACK);
         }},
        {"saMsgQueueOpenAsync",
         fills,
         [&] {
             return saMsgQueueOpenAsync(sender, 1, &long_name, &attributes, SA_MSG_QUEUE_CREATE);
         }},
    };
    expect_all_functions(calls, "plugins/msg/include/saMsg.h", "saMsg");
    executive.dies_during(calls);
    EXPECT_EQ(saMsgFinalize(msg), SA_AIS_OK);
    EXPECT_EQ(saMsgFinalize(sender), SA_AIS_OK);
    expect_finalized(calls);

    executive.comes_back();
    ASSERT_EQ(patiently([&] { return initialize(msg); }), SA_AIS_OK);
    ASSERT_EQ(patiently([&] { return open(msg, name, queue); }), SA_AIS_OK);
    EXPECT_EQ(patiently([&] { return saMsgMessageSend(msg, &name, &message, SA_TIME_MAX); }),
              SA_AIS_OK);
    EXPECT_EQ(saMsgMessageGet(queue, &got, nullptr, &asked_by, SA_TIME_MAX), SA_AIS_OK);
    EXPECT_EQ(saMsgMessageDataFree(msg, got.data), SA_AIS_OK);
    EXPECT_EQ(saMsgFinalize(msg), SA_AIS_OK);
}

}  // namespace
}  // namespace ais::conformance::dying
