// SPDX-License-Identifier: BSD-3-Clause
//
// What the tests of libSaMsg have in common: programs on the nodes of a cluster, their calls, and
// what their callbacks have heard.

#pragma once

#include "common.hpp"

#include <openais/saMsg.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

namespace ais::conformance {

using testing::ElementsAre;
using testing::IsEmpty;

constexpr SaMsgQueueOpenFlagsT create = SA_MSG_QUEUE_CREATE;
constexpr SaMsgQueueOpenFlagsT receives = SA_MSG_QUEUE_RECEIVE_CALLBACK;
constexpr SaTimeT second = SA_TIME_ONE_SECOND;
constexpr SaTimeT long_time = 20 * second;

struct Opened {
    SaInvocationT invocation;
    SaMsgQueueHandleT queue;
    SaAisErrorT error;
};
struct Delivered {
    SaInvocationT invocation;
    SaAisErrorT error;
};

// Written under a mutex: two threads may dispatch at once (Common.C11).
inline std::mutex heard_mutex;
inline std::vector<Opened> opened;
inline std::vector<Delivered> delivered;
inline std::vector<SaMsgQueueHandleT> received;
// "group of N: name+ name- name", and the policy in front.
inline std::vector<std::string> tracked;

inline std::string line(const SaMsgQueueGroupNotificationBufferT& buffer) {
    std::string text;
    for (SaUint32T i = 0; i < buffer.numberOfItems; ++i) {
        const SaMsgQueueGroupNotificationT& item = buffer.notification[i];
        text += " " + text_of(item.member.queueName);
        text += item.change == SA_MSG_QUEUE_GROUP_ADDED     ? "+"
                : item.change == SA_MSG_QUEUE_GROUP_REMOVED ? "-"
                                                            : "";
    }
    return text;
}

inline void on_open(SaInvocationT invocation, SaMsgQueueHandleT queue, SaAisErrorT error) {
    {
        const std::lock_guard lock(heard_mutex);
        opened.push_back({invocation, queue, error});
    }
    called_back(invocation);
}
inline void on_track(const SaNameT* group,
                     const SaMsgQueueGroupNotificationBufferT* buffer,
                     SaUint32T members,
                     SaAisErrorT error) {
    EXPECT_EQ(error, SA_AIS_OK);
    const std::lock_guard lock(heard_mutex);
    tracked.push_back(std::to_string(buffer->queueGroupPolicy) + " " + text_of(*group) + " of " +
                      std::to_string(members) + ":" + line(*buffer));
}
inline void on_delivered(SaInvocationT invocation, SaAisErrorT error) {
    {
        const std::lock_guard lock(heard_mutex);
        delivered.push_back({invocation, error});
    }
    called_back(invocation);
}
inline void on_received(SaMsgQueueHandleT queue) {
    const std::lock_guard lock(heard_mutex);
    received.push_back(queue);
}

inline SaMsgQueueCreationAttributesT attributes(SaSizeT size = 1000,
                                                SaTimeT retention = 3600 * second,
                                                SaMsgQueueCreationFlagsT flags = 0) {
    return {flags, {size, size, size, size}, retention};
}

inline SaMsgMessageT message_of(std::string_view data, SaUint8T priority = 3) {
    SaMsgMessageT message{};
    message.type = 7;
    message.version = 8;
    message.size = data.size();
    message.data = const_cast<char*>(data.data());
    message.priority = priority;
    return message;
}

// One association with the executive of a node.
class Program {
  public:
    explicit Program(const Cluster& cluster, int node, bool with_callbacks = true) {
        cluster.use(node);
        const SaMsgCallbacksT callbacks{on_open, on_track, on_delivered, on_received};
        EXPECT_EQ(patiently([&] {
                      SaVersionT version{'B', 3, 1};
                      return saMsgInitialize(
                          &handle, with_callbacks ? &callbacks : nullptr, &version);
                  }),
                  SA_AIS_OK);
    }
    ~Program() { saMsgFinalize(handle); }
    Program(const Program&) = delete;
    Program& operator=(const Program&) = delete;

    SaAisErrorT try_open(std::string_view name,
                         SaMsgQueueHandleT& out,
                         std::optional<SaMsgQueueCreationAttributesT> wanted = std::nullopt,
                         SaMsgQueueOpenFlagsT flags = 0) {
        const SaNameT queue = name_of(name);
        return patiently([&] {
            return saMsgQueueOpen(handle,
                                  &queue,
                                  wanted ? &*wanted : nullptr,
                                  flags | (wanted ? create : 0),
                                  long_time,
                                  &out);
        });
    }
    SaMsgQueueHandleT open(std::string_view name,
                           std::optional<SaMsgQueueCreationAttributesT> wanted = attributes(),
                           SaMsgQueueOpenFlagsT flags = 0) {
        SaMsgQueueHandleT queue = 0;
        EXPECT_EQ(try_open(name, queue, wanted, flags), SA_AIS_OK) << name;
        return queue;
    }
    SaMsgQueueHandleT reopen(std::string_view name, SaMsgQueueOpenFlagsT flags = 0) {
        return open(name, std::nullopt, flags);
    }
    SaAisErrorT send(std::string_view to, std::string_view data, SaUint8T priority = 3) {
        const SaNameT destination = name_of(to);
        const SaMsgMessageT message = message_of(data, priority);
        return patiently(
            [&] { return saMsgMessageSend(handle, &destination, &message, long_time); });
    }
    SaMsgQueueStatusT status(std::string_view name) {
        const SaNameT queue = name_of(name);
        SaMsgQueueStatusT status{};
        EXPECT_EQ(patiently([&] { return saMsgQueueStatusGet(handle, &queue, &status); }),
                  SA_AIS_OK);
        return status;
    }
    SaAisErrorT unlink(std::string_view name) {
        const SaNameT queue = name_of(name);
        return patiently([&] { return saMsgQueueUnlink(handle, &queue); });
    }
    SaAisErrorT group(std::string_view name, SaMsgQueueGroupPolicyT policy) {
        const SaNameT group = name_of(name);
        return patiently([&] { return saMsgQueueGroupCreate(handle, &group, policy); });
    }
    SaAisErrorT insert(std::string_view name, std::string_view member) {
        const SaNameT group = name_of(name);
        const SaNameT queue = name_of(member);
        return patiently([&] { return saMsgQueueGroupInsert(handle, &group, &queue); });
    }
    SaAisErrorT track(std::string_view name,
                      SaUint8T flags,
                      SaMsgQueueGroupNotificationBufferT* buffer = nullptr) {
        const SaNameT group = name_of(name);
        return patiently([&] { return saMsgQueueGroupTrack(handle, &group, flags, buffer); });
    }
    SaAisErrorT send_receive(std::string_view to,
                             std::string_view data,
                             SaMsgMessageT& reply,
                             SaTimeT timeout = long_time) {
        const SaNameT destination = name_of(to);
        const SaMsgMessageT message = message_of(data);
        return saMsgMessageSendReceive(handle, &destination, &message, &reply, nullptr, timeout);
    }
    SaAisErrorT reply(SaMsgSenderIdT sender, std::string_view data) {
        const SaMsgMessageT message = message_of(data);
        return patiently([&] { return saMsgMessageReply(handle, &message, &sender, long_time); });
    }
    // Dispatches until the condition holds.
    bool until(const std::function<bool()>& condition) const {
        const auto descriptor = [&] {
            SaSelectionObjectT fd = 0;
            saMsgSelectionObjectGet(handle, &fd);
            return fd;
        };
        const auto dispatch = [&] { EXPECT_EQ(saMsgDispatch(handle, SA_DISPATCH_ALL), SA_AIS_OK); };
        return dispatch_until(descriptor, dispatch, condition);
    }

    SaMsgHandleT handle = 0;
};

// Gets with memory of the library.
inline SaAisErrorT get(SaMsgQueueHandleT queue,
                       std::string& data,
                       SaTimeT timeout = 0,
                       SaMsgSenderIdT* sender = nullptr) {
    SaMsgMessageT message{};
    SaMsgSenderIdT ignored = 0;
    const SaAisErrorT error =
        saMsgMessageGet(queue, &message, nullptr, sender != nullptr ? sender : &ignored, timeout);
    if (error == SA_AIS_OK) {
        data.assign(static_cast<const char*>(message.data), message.size);
        std::free(message.data);
    }
    return error;
}
inline std::vector<std::string> get_all(SaMsgQueueHandleT queue) {
    std::vector<std::string> all;
    std::string data;
    SaAisErrorT error = SA_AIS_OK;
    while ((error = patiently([&] { return get(queue, data); })) == SA_AIS_OK) {
        all.push_back(data);
    }
    EXPECT_EQ(error, SA_AIS_ERR_TIMEOUT);
    return all;
}

class Msg : public testing::Test {
  protected:
    static void SetUpTestSuite() {
        cluster_ = std::make_unique<Cluster>(3);
        cluster_->start_all();
    }
    static void TearDownTestSuite() { cluster_.reset(); }
    void SetUp() override {
        opened.clear();
        delivered.clear();
        received.clear();
        tracked.clear();
        name = std::string("queue of ") +
               testing::UnitTest::GetInstance()->current_test_info()->name();
        group_name = "group of " + name;
    }
    static inline std::unique_ptr<Cluster> cluster_;
    std::string name;
    std::string group_name;
};

}  // namespace ais::conformance
