// SPDX-License-Identifier: BSD-3-Clause
//
// libSaEvt against running executives: the acceptance scenarios of the reference (EV1 to
// EV24), the error table of each function, and what a program relies on besides.
// common_test.cpp adds what all services promise alike.
//
// One process can be on all nodes of the cluster: it connects to the executive of a
// node's run directory.

#include "common.hpp"

#include <openais/saEvt.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <poll.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <memory>
#include <mutex>
#include <regex>
#include <set>
#include <thread>

namespace ais::conformance {
namespace {

using testing::ElementsAre;
using testing::ElementsAreArray;
using testing::IsEmpty;

constexpr SaEvtChannelOpenFlagsT pub = SA_EVT_CHANNEL_PUBLISHER;
constexpr SaEvtChannelOpenFlagsT sub = SA_EVT_CHANNEL_SUBSCRIBER;
constexpr SaEvtChannelOpenFlagsT create = SA_EVT_CHANNEL_CREATE;
constexpr SaEvtChannelOpenFlagsT all = pub | sub | create;
constexpr SaTimeT second = SA_TIME_ONE_SECOND;

SaEvtEventPatternT pattern(std::string_view bytes) {
    return {0, bytes.size(), reinterpret_cast<SaUint8T*>(const_cast<char*>(bytes.data()))};
}

struct Received {
    SaEvtSubscriptionIdT subscription = 0;
    SaEvtEventHandleT handle = 0;
    std::string data;
    SaEvtEventIdT id = 0;
    SaEvtEventPriorityT priority = 0;
    SaTimeT retention = 0;
    SaTimeT publish_time = 0;
    std::string publisher;
    std::vector<std::string> patterns;
};

struct Opened {
    SaInvocationT invocation;
    SaEvtChannelHandleT channel;
    SaAisErrorT error;
};

std::vector<Received> received;
std::mutex opened_mutex;  // two threads may dispatch at once (Common.C11)
std::vector<Opened> opened;
bool free_received = true;
std::function<void(const Opened&)> in_open;

Received read_event(SaEvtEventHandleT handle, SaSizeT size) {
    Received got;
    got.handle = handle;
    got.data.resize(size);
    SaSizeT room = size;
    EXPECT_EQ(saEvtEventDataGet(handle, got.data.data(), &room), SA_AIS_OK);
    EXPECT_EQ(room, size);
    SaEvtEventPatternArrayT patterns{0, 0, nullptr};
    SaNameT publisher{};
    EXPECT_EQ(saEvtEventAttributesGet(handle,
                                      &patterns,
                                      &got.priority,
                                      &got.retention,
                                      &publisher,
                                      &got.publish_time,
                                      &got.id),
              SA_AIS_OK);
    got.publisher = text_of(publisher);
    for (SaSizeT i = 0; i < patterns.patternsNumber; ++i) {
        const SaEvtEventPatternT& one = patterns.patterns[i];
        got.patterns.emplace_back(reinterpret_cast<const char*>(one.pattern), one.patternSize);
        EXPECT_EQ(one.pattern[one.patternSize], 0) << "programs use strcmp";
    }
    EXPECT_EQ(saEvtEventPatternFree(handle, patterns.patterns), SA_AIS_OK);
    return got;
}

void on_open(SaInvocationT invocation, SaEvtChannelHandleT channel, SaAisErrorT error) {
    const Opened one{invocation, channel, error};
    {
        const std::lock_guard lock(opened_mutex);
        opened.push_back(one);
    }
    if (in_open) {
        in_open(one);
    }
    called_back(invocation);
}

void on_event(SaEvtSubscriptionIdT subscription, SaEvtEventHandleT handle, SaSizeT size) {
    Received got = read_event(handle, size);
    got.subscription = subscription;
    received.push_back(std::move(got));
    if (free_received) {
        EXPECT_EQ(saEvtEventFree(handle), SA_AIS_OK);
    }
}

// One association with the executive of a node.
class Program {
  public:
    Program(const Cluster& cluster, int node, bool with_callbacks = true) {
        cluster.use(node);
        const SaEvtCallbacksT callbacks{on_open, on_event};
        EXPECT_EQ(patiently([&] {
                      SaVersionT version{'B', 3, 1};
                      return saEvtInitialize(
                          &handle, with_callbacks ? &callbacks : nullptr, &version);
                  }),
                  SA_AIS_OK);
    }
    ~Program() { saEvtFinalize(handle); }
    Program(const Program&) = delete;
    Program& operator=(const Program&) = delete;

    SaAisErrorT try_open(std::string_view name,
                         SaEvtChannelOpenFlagsT flags,
                         SaEvtChannelHandleT& out) {
        const SaNameT wanted = name_of(name);
        return patiently(
            [&] { return saEvtChannelOpen(handle, &wanted, flags, 10 * second, &out); });
    }
    SaEvtChannelHandleT open(std::string_view name, SaEvtChannelOpenFlagsT flags = all) {
        SaEvtChannelHandleT channel = 0;
        EXPECT_EQ(try_open(name, flags, channel), SA_AIS_OK);
        return channel;
    }
    // Dispatches until the condition holds.
    bool until(const std::function<bool()>& condition) const {
        const auto descriptor = [&] {
            SaSelectionObjectT fd = 0;
            saEvtSelectionObjectGet(handle, &fd);
            return fd;
        };
        const auto dispatch = [&] { EXPECT_EQ(saEvtDispatch(handle, SA_DISPATCH_ALL), SA_AIS_OK); };
        return dispatch_until(descriptor, dispatch, condition);
    }
    // What has been asked before is answered, and what was published before is delivered here:
    // an event of its own comes after it.
    void settle(SaEvtChannelHandleT channel);

    SaEvtHandleT handle = 0;
};

SaAisErrorT subscribe(SaEvtChannelHandleT channel,
                      SaEvtSubscriptionIdT id,
                      std::vector<SaEvtEventFilterT> filters = {}) {
    const SaEvtEventFilterArrayT array{filters.size(), filters.data()};
    return patiently([&] { return saEvtEventSubscribe(channel, &array, id); });
}

SaEvtEventHandleT allocate(SaEvtChannelHandleT channel,
                           const std::vector<std::string>& patterns = {},
                           SaEvtEventPriorityT priority = 3,
                           SaTimeT retention = 0) {
    SaEvtEventHandleT event = 0;
    EXPECT_EQ(saEvtEventAllocate(channel, &event), SA_AIS_OK);
    std::vector<SaEvtEventPatternT> list;
    for (const std::string& one : patterns) {
        list.push_back(pattern(one));
    }
    const SaEvtEventPatternArrayT array{0, list.size(), list.data()};
    const SaNameT publisher = name_of("publisher");
    EXPECT_EQ(saEvtEventAttributesSet(event, &array, priority, retention, &publisher), SA_AIS_OK);
    return event;
}

SaEvtEventIdT publish(SaEvtChannelHandleT channel,
                      std::string_view data,
                      const std::vector<std::string>& patterns = {},
                      SaEvtEventPriorityT priority = 3,
                      SaTimeT retention = 0) {
    const SaEvtEventHandleT event = allocate(channel, patterns, priority, retention);
    SaEvtEventIdT id = 0;
    EXPECT_EQ(patiently([&] { return saEvtEventPublish(event, data.data(), data.size(), &id); }),
              SA_AIS_OK);
    EXPECT_EQ(saEvtEventFree(event), SA_AIS_OK);
    return id;
}

void Program::settle(SaEvtChannelHandleT channel) {
    constexpr SaEvtSubscriptionIdT fence = 4242;
    ASSERT_EQ(subscribe(channel, fence, {{SA_EVT_EXACT_FILTER, pattern("fence")}}), SA_AIS_OK);
    publish(channel, "fence", {"fence"});
    const auto is_fence = [](const Received& one) { return one.subscription == fence; };
    ASSERT_TRUE(until([&] { return std::any_of(received.begin(), received.end(), is_fence); }));
    std::erase_if(received, [](const Received& one) { return one.data == "fence"; });
    ASSERT_EQ(saEvtEventUnsubscribe(channel, fence), SA_AIS_OK);
}

std::vector<std::string> texts() {
    std::vector<std::string> lines;
    for (const Received& one : received) {
        lines.push_back(std::to_string(one.subscription) + ":" + one.data);
    }
    return lines;
}

// Of one subscription, in the order of the callbacks.
std::vector<std::string> data_of(SaEvtSubscriptionIdT subscription) {
    std::vector<std::string> list;
    for (const Received& one : received) {
        if (one.subscription == subscription) {
            list.push_back(one.data);
        }
    }
    return list;
}

// How many opens of channels there are in the cluster, as a node has it in its state.
int opens_at(Cluster& cluster, int node) {
    const std::size_t mark = cluster.log(node).size();
    cluster.signal(node, SIGUSR2);
    int opens = -1;
    EXPECT_TRUE(wait_until([&] {
        static const std::regex line("channels \\d+, opens (\\d+), kept");
        const std::string text = cluster.log(node).substr(mark);
        std::smatch found;
        if (std::regex_search(text, found, line)) {
            opens = std::stoi(found[1]);
        }
        return opens >= 0;
    }));
    return opens;
}

class Evt : public testing::Test {
  protected:
    static void SetUpTestSuite() {
        cluster_ = std::make_unique<Cluster>(3);
        cluster_->start_all();
    }
    static void TearDownTestSuite() { cluster_.reset(); }
    static bool until_opens_are(int count) {
        return wait_until([&] { return opens_at(*cluster_, 1) == count; }, patience);
    }
    void SetUp() override {
        received.clear();
        opened.clear();
        free_received = true;
        in_open = nullptr;
        name = std::string("channel of ") +
               testing::UnitTest::GetInstance()->current_test_info()->name();
    }
    static std::unique_ptr<Cluster> cluster_;
    std::string name;
};
std::unique_ptr<Cluster> Evt::cluster_;

TEST_F(Evt, EV1_channel_must_be_created_before_it_can_be_opened) {
    Program a(*cluster_, 1);
    SaEvtChannelHandleT channel = 42;
    EXPECT_EQ(a.try_open(name, sub, channel), SA_AIS_ERR_NOT_EXIST);
    EXPECT_EQ(channel, 42U);
    EXPECT_EQ(a.try_open(name, create | pub, channel), SA_AIS_OK);
    EXPECT_EQ(a.try_open(name, sub, channel), SA_AIS_OK);
    EXPECT_EQ(a.try_open(name, create, channel), SA_AIS_OK);
}

TEST_F(Evt, EV2_open_says_what_is_wrong_with_its_arguments) {
    Program a(*cluster_, 1);
    const SaNameT good = name_of(name);
    SaEvtChannelHandleT channel = 0;
    const auto open = [&](const SaNameT* wanted, int flags, SaTimeT timeout) {
        return saEvtChannelOpen(
            a.handle, wanted, static_cast<SaEvtChannelOpenFlagsT>(flags), timeout, &channel);
    };
    EXPECT_EQ(open(&good, 0, second), SA_AIS_ERR_BAD_FLAGS);
    for (int bit = 8; bit < 256; bit *= 2) {
        EXPECT_EQ(open(&good, bit, second), SA_AIS_ERR_BAD_FLAGS);
        EXPECT_EQ(open(&good, all | bit, second), SA_AIS_ERR_BAD_FLAGS);
    }
    EXPECT_EQ(open(&good, all, 0), SA_AIS_ERR_TIMEOUT);
    EXPECT_EQ(open(&good, all, -1), SA_AIS_ERR_TIMEOUT);
    EXPECT_EQ(open(&good, all, SA_TIME_UNKNOWN), SA_AIS_ERR_TIMEOUT) << "the least there is";
    EXPECT_EQ(open(nullptr, all, second), SA_AIS_ERR_INVALID_PARAM);
    const SaNameT empty = name_of("");
    EXPECT_EQ(open(&empty, all, second), SA_AIS_ERR_INVALID_PARAM);
    SaNameT longer = name_of(std::string(256, 'x'));
    EXPECT_EQ(open(&longer, all, SA_TIME_MAX), SA_AIS_OK);
    longer.length = 257;
    EXPECT_EQ(open(&longer, all, second), SA_AIS_ERR_INVALID_PARAM);
    EXPECT_EQ(saEvtChannelOpen(a.handle, &good, all, second, nullptr), SA_AIS_ERR_INVALID_PARAM);
    EXPECT_EQ(saEvtChannelOpenAsync(a.handle, 1, nullptr, all), SA_AIS_ERR_INVALID_PARAM);
    EXPECT_EQ(saEvtChannelOpenAsync(a.handle, 1, &good, 0), SA_AIS_ERR_BAD_FLAGS);
    EXPECT_EQ(saEvtChannelOpenAsync(a.handle, 1, &good, all | 8), SA_AIS_ERR_BAD_FLAGS);
    EXPECT_EQ(saEvtChannelOpenAsync(a.handle, 1, &empty, all), SA_AIS_ERR_INVALID_PARAM);
    EXPECT_EQ(saEvtChannelOpenAsync(a.handle, 1, &longer, all), SA_AIS_ERR_INVALID_PARAM);
    Program silent(*cluster_, 1, false);
    EXPECT_EQ(saEvtChannelOpenAsync(silent.handle, 1, &good, all), SA_AIS_ERR_INIT);
    const SaEvtCallbacksT halves[] = {{on_open, nullptr}, {nullptr, on_event}};
    for (const SaEvtCallbacksT& half : halves) {
        SaVersionT version{'B', 1, 1};
        SaEvtHandleT handle = 0;
        ASSERT_EQ(saEvtInitialize(&handle, &half, &version), SA_AIS_OK);
        ASSERT_EQ(saEvtChannelOpen(handle, &good, all, 10 * second, &channel), SA_AIS_OK);
        const bool can_open = half.saEvtChannelOpenCallback != nullptr;
        EXPECT_EQ(saEvtChannelOpenAsync(handle, 1, &good, all),
                  can_open ? SA_AIS_OK : SA_AIS_ERR_INIT);
        EXPECT_EQ(subscribe(channel, 1), can_open ? SA_AIS_ERR_INIT : SA_AIS_OK);
        EXPECT_EQ(saEvtFinalize(handle), SA_AIS_OK);
    }
    EXPECT_EQ(saEvtChannelUnlink(a.handle, nullptr), SA_AIS_ERR_INVALID_PARAM);
    EXPECT_EQ(saEvtChannelUnlink(a.handle, &empty), SA_AIS_ERR_INVALID_PARAM);
    EXPECT_EQ(saEvtChannelUnlink(a.handle, &longer), SA_AIS_ERR_INVALID_PARAM);
    longer.length = 256;
    EXPECT_EQ(saEvtChannelOpenAsync(a.handle, 1, &longer, sub), SA_AIS_OK);
    EXPECT_EQ(saEvtChannelUnlink(a.handle, &longer), SA_AIS_OK);
    EXPECT_EQ(saEvtChannelUnlink(a.handle, &longer), SA_AIS_ERR_NOT_EXIST);
}

TEST_F(Evt, EV2_open_that_has_timed_out_leaves_nothing_open) {
    Program a(*cluster_, 1);
    const SaNameT wanted = name_of(name);
    for (int i = 0; i < 200; ++i) {
        SaEvtChannelHandleT channel = 0;
        const SaAisErrorT error = saEvtChannelOpen(a.handle, &wanted, all, 1, &channel);
        ASSERT_TRUE(error == SA_AIS_ERR_TIMEOUT || error == SA_AIS_OK) << error;
        if (error == SA_AIS_OK) {
            ASSERT_EQ(saEvtChannelClose(channel), SA_AIS_OK);
        }
    }
    // One that the executive takes when its time is over.
    const SaNameT late = name_of(name + "2");
    SaEvtChannelHandleT channel = 42;
    cluster_->pause(1);
    EXPECT_EQ(saEvtChannelOpen(a.handle, &late, all, SA_TIME_ONE_MILLISECOND, &channel),
              SA_AIS_ERR_TIMEOUT);
    cluster_->resume(1);
    EXPECT_EQ(channel, 42U);
    EXPECT_EQ(a.try_open(name + "2", sub, channel), SA_AIS_OK) << "it was created";
    EXPECT_TRUE(until_opens_are(1));
    EXPECT_EQ(saEvtChannelClose(channel), SA_AIS_OK);
    EXPECT_TRUE(until_opens_are(0));
}

TEST_F(Evt, EV3_all_subscribers_get_all_events_in_order) {
    Program a(*cluster_, 1);
    const SaEvtChannelHandleT from = a.open(name);
    std::vector<std::unique_ptr<Program>> programs;
    for (int node = 1; node <= 3; ++node) {
        programs.push_back(std::make_unique<Program>(*cluster_, node));
        ASSERT_EQ(
            subscribe(programs.back()->open(name, sub), static_cast<SaEvtSubscriptionIdT>(node)),
            SA_AIS_OK);
    }
    constexpr std::size_t count = 1000;
    std::set<SaEvtEventIdT> ids;
    const SaEvtEventHandleT event = allocate(from);
    for (std::size_t i = 0; i < count; ++i) {
        const std::string data = std::to_string(i);
        SaEvtEventIdT id = 0;
        ASSERT_EQ(
            patiently([&] { return saEvtEventPublish(event, data.data(), data.size(), &id); }),
            SA_AIS_OK);
        EXPECT_GT(id, 1000U);
        ids.insert(id);
        for (const auto& program : programs) {
            ASSERT_EQ(saEvtDispatch(program->handle, SA_DISPATCH_ALL), SA_AIS_OK);
        }
    }
    EXPECT_EQ(ids.size(), count);
    for (const auto& program : programs) {
        ASSERT_TRUE(program->until([&] {
            return received.size() >= count * 3 ||
                   std::count_if(received.begin(), received.end(), [&](const Received& one) {
                       return one.subscription ==
                              static_cast<SaEvtSubscriptionIdT>(&program - programs.data() + 1);
                   }) == static_cast<std::ptrdiff_t>(count);
        }));
    }
    for (SaEvtSubscriptionIdT node = 1; node <= 3; ++node) {
        std::size_t next = 0;
        for (const Received& one : received) {
            if (one.subscription == node) {
                ASSERT_EQ(one.data, std::to_string(next++));
            }
        }
        EXPECT_EQ(next, count);
    }
}

TEST_F(Evt, EV4_events_of_higher_priority_are_dispatched_first) {
    Program a(*cluster_, 1);
    Program b(*cluster_, 2);
    const SaEvtChannelHandleT from = a.open(name);
    const SaEvtChannelHandleT to = b.open(name);
    ASSERT_EQ(subscribe(to, 1), SA_AIS_OK);
    publish(from, "1");
    publish(from, "2");
    publish(from, "3");
    publish(from, "urgent", {}, SA_EVT_HIGHEST_PRIORITY);
    // Another one on its node has all of them: then so has b, which has not dispatched yet.
    {
        Program witness(*cluster_, 2);
        const SaEvtChannelHandleT channel = witness.open(name);
        SaEvtEventHandleT fence = allocate(from, {"fence"}, 2);
        SaEvtEventIdT id = 0;
        ASSERT_EQ(subscribe(channel, 9, {{SA_EVT_EXACT_FILTER, pattern("fence")}}), SA_AIS_OK);
        ASSERT_EQ(saEvtEventPublish(fence, "f", 1, &id), SA_AIS_OK);
        ASSERT_TRUE(witness.until([] { return !received.empty(); }));
        received.clear();
    }
    EXPECT_EQ(saEvtDispatch(b.handle, SA_DISPATCH_ONE), SA_AIS_OK);
    EXPECT_THAT(texts(), ElementsAre("1:urgent"));
    SaSelectionObjectT fd = 0;
    ASSERT_EQ(saEvtSelectionObjectGet(b.handle, &fd), SA_AIS_OK);
    pollfd ready{static_cast<int>(fd), POLLIN, 0};
    EXPECT_EQ(poll(&ready, 1, 0), 1) << "more is pending";
    EXPECT_EQ(saEvtDispatch(b.handle, SA_DISPATCH_ALL), SA_AIS_OK);
    EXPECT_THAT(texts(), ElementsAre("1:urgent", "1:f", "1:1", "1:2", "1:3"));
    EXPECT_EQ(poll(&ready, 1, 0), 0) << "and now nothing";
}

TEST_F(Evt, EV5_to_EV8_filters_choose) {
    Program a(*cluster_, 1);
    const SaEvtChannelHandleT channel = a.open(name);
    const std::string zeros("\x01\x00\x02", 3);
    const std::string other("\x01\x00\x03", 3);
    ASSERT_EQ(subscribe(channel, 5, {{SA_EVT_EXACT_FILTER, pattern("ab")}}), SA_AIS_OK);
    ASSERT_EQ(
        subscribe(channel,
                  6,
                  {{SA_EVT_PREFIX_FILTER, pattern("a")}, {SA_EVT_SUFFIX_FILTER, pattern("z")}}),
        SA_AIS_OK);
    ASSERT_EQ(subscribe(channel,
                        7,
                        {{SA_EVT_PASS_ALL_FILTER, {0, 0, nullptr}},
                         {SA_EVT_PASS_ALL_FILTER, {0, 7, nullptr}}}),
              SA_AIS_OK);
    ASSERT_EQ(subscribe(channel, 8, {{SA_EVT_EXACT_FILTER, pattern(zeros)}}), SA_AIS_OK);
    // No filter; one for a pattern that is missing, with nothing to ask of it and with something.
    const SaEvtEventFilterT is_ab{SA_EVT_EXACT_FILTER, pattern("ab")};
    ASSERT_EQ(subscribe(channel, 9), SA_AIS_OK);
    ASSERT_EQ(subscribe(channel, 10, {is_ab, {SA_EVT_PREFIX_FILTER, {0, 0, nullptr}}}), SA_AIS_OK);
    ASSERT_EQ(subscribe(channel, 11, {is_ab, {SA_EVT_EXACT_FILTER, pattern("x")}}), SA_AIS_OK);
    // Longer than the pattern; and an empty one.
    ASSERT_EQ(subscribe(channel, 12, {{SA_EVT_PREFIX_FILTER, pattern("abcd")}}), SA_AIS_OK);
    ASSERT_EQ(subscribe(channel, 13, {{SA_EVT_SUFFIX_FILTER, pattern("bc")}}), SA_AIS_OK);
    ASSERT_EQ(subscribe(channel, 14, {{SA_EVT_EXACT_FILTER, pattern("")}}), SA_AIS_OK);
    publish(channel, "ab", {"ab"});
    publish(channel, "ab+x", {"ab", "x"});
    publish(channel, "abc", {"abc"});
    publish(channel, "none", {});
    publish(channel, "abc+xyz", {"abc", "xyz"});
    publish(channel, "abc+zx", {"abc", "zx"});
    publish(channel, "zeros", {zeros});
    publish(channel, "other", {other});
    a.settle(channel);
    const std::vector<std::string> everything = {
        "ab", "ab+x", "abc", "none", "abc+xyz", "abc+zx", "zeros", "other"};
    EXPECT_THAT(data_of(5), ElementsAre("ab", "ab+x"));
    EXPECT_THAT(data_of(6), ElementsAre("abc+xyz"));
    EXPECT_THAT(data_of(7), ElementsAreArray(everything));
    EXPECT_THAT(data_of(8), ElementsAre("zeros"));
    EXPECT_THAT(data_of(9), ElementsAreArray(everything));
    EXPECT_THAT(data_of(10), ElementsAre("ab", "ab+x"));
    EXPECT_THAT(data_of(11), ElementsAre("ab+x"));
    EXPECT_THAT(data_of(12), IsEmpty());
    EXPECT_THAT(data_of(13), ElementsAre("abc", "abc+xyz", "abc+zx"));
    EXPECT_THAT(data_of(14), ElementsAre("none"));
}

TEST_F(Evt, EV9_kept_event_is_there_for_those_who_come_in_time) {
    Program a(*cluster_, 1);
    Program b(*cluster_, 3);
    const SaEvtChannelHandleT from = a.open(name);
    const SaEvtChannelHandleT to = b.open(name);
    const SaEvtEventIdT short_lived = publish(from, "short", {"k"}, 3, second);
    publish(from, "long", {"k"}, 3, SA_TIME_END);
    b.settle(to);
    ASSERT_EQ(subscribe(to, 1, {{SA_EVT_EXACT_FILTER, pattern("k")}}), SA_AIS_OK);
    b.settle(to);
    EXPECT_THAT(texts(), ElementsAre("1:short", "1:long"));
    EXPECT_EQ(received[0].retention, second);
    // It is over when it cannot be cleared any more.
    EXPECT_TRUE(wait_until(
        [&] {
            received.clear();
            const SaEvtEventFilterT filter{SA_EVT_EXACT_FILTER, pattern("k")};
            EXPECT_EQ(subscribe(to, 2, {filter}), SA_AIS_OK);
            b.settle(to);
            EXPECT_EQ(saEvtEventUnsubscribe(to, 2), SA_AIS_OK);
            return texts() == std::vector<std::string>{"2:long"};
        },
        patience));
    EXPECT_EQ(saEvtEventRetentionTimeClear(to, short_lived), SA_AIS_ERR_NOT_EXIST);
}

TEST_F(Evt, EV11_retention_can_be_cleared_once) {
    Program a(*cluster_, 1);
    const SaEvtChannelHandleT channel = a.open(name);
    const SaEvtChannelHandleT other = a.open(name + "2");
    const SaEvtEventIdT id = publish(channel, "x", {}, 3, SA_TIME_END);
    const SaEvtEventIdT fleeting = publish(channel, "y");
    EXPECT_EQ(saEvtEventRetentionTimeClear(other, id), SA_AIS_ERR_NOT_EXIST);
    EXPECT_EQ(saEvtEventRetentionTimeClear(channel, id), SA_AIS_OK);
    EXPECT_EQ(saEvtEventRetentionTimeClear(channel, id), SA_AIS_ERR_NOT_EXIST);
    EXPECT_EQ(saEvtEventRetentionTimeClear(channel, fleeting), SA_AIS_ERR_NOT_EXIST);
    for (const SaEvtEventIdT reserved : {0U, 1U, 500U, 1000U}) {
        EXPECT_EQ(saEvtEventRetentionTimeClear(channel, reserved), SA_AIS_ERR_INVALID_PARAM);
    }
    EXPECT_EQ(saEvtEventRetentionTimeClear(channel, 1001), SA_AIS_ERR_NOT_EXIST);
}

TEST_F(Evt, EV11_clear_takes_nothing_from_those_who_have_it_pending) {
    Program a(*cluster_, 1);
    const SaEvtChannelHandleT channel = a.open(name);
    ASSERT_EQ(subscribe(channel, 1), SA_AIS_OK);
    const SaEvtEventIdT id = publish(channel, "pending", {}, 3, SA_TIME_END);
    ASSERT_EQ(saEvtEventRetentionTimeClear(channel, id), SA_AIS_OK);
    EXPECT_THAT(texts(), IsEmpty());
    ASSERT_EQ(subscribe(channel, 2), SA_AIS_OK);
    a.settle(channel);
    EXPECT_THAT(texts(), ElementsAre("1:pending"));
}

TEST_F(Evt, kept_events_go_with_their_channel) {
    Program a(*cluster_, 1);
    const SaEvtChannelHandleT old = a.open(name);
    publish(old, "kept", {}, 3, SA_TIME_END);
    const SaNameT wanted = name_of(name);
    ASSERT_EQ(saEvtChannelUnlink(a.handle, &wanted), SA_AIS_OK);
    ASSERT_EQ(subscribe(old, 1), SA_AIS_OK);
    a.settle(old);
    EXPECT_THAT(texts(), ElementsAre("1:kept")) << "while it is open it is there";
    ASSERT_EQ(saEvtChannelClose(old), SA_AIS_OK);
    received.clear();
    const SaEvtChannelHandleT fresh = a.open(name);
    ASSERT_EQ(subscribe(fresh, 2), SA_AIS_OK);
    a.settle(fresh);
    EXPECT_THAT(texts(), IsEmpty());
}

TEST_F(Evt, EV9_kept_event_is_delivered_once_to_each_subscription) {
    Program a(*cluster_, 1);
    const SaEvtChannelHandleT channel = a.open(name);
    ASSERT_EQ(subscribe(channel, 1), SA_AIS_OK);
    publish(channel, "kept", {}, 3, SA_TIME_END);
    ASSERT_EQ(subscribe(channel, 2), SA_AIS_OK);
    const SaEvtChannelHandleT again = a.open(name);
    ASSERT_EQ(subscribe(again, 3), SA_AIS_OK);
    a.settle(channel);
    std::vector<std::string> got = texts();
    std::sort(got.begin(), got.end());
    EXPECT_THAT(got, ElementsAre("1:kept", "2:kept", "3:kept"));
}

TEST_F(Evt, retention_may_be_as_short_as_there_is) {
    Program a(*cluster_, 1);
    const SaEvtChannelHandleT channel = a.open(name);
    const SaEvtEventIdT id = publish(channel, "x", {}, 3, 1);
    EXPECT_TRUE(wait_until(
        [&] { return saEvtEventRetentionTimeClear(channel, id) == SA_AIS_ERR_NOT_EXIST; },
        patience));
}

TEST_F(Evt, EV12_EV13_each_subscription_gets_the_event_and_has_its_own_id) {
    Program a(*cluster_, 1);
    const SaEvtChannelHandleT channel = a.open(name);
    const SaEvtChannelHandleT again = a.open(name);
    EXPECT_EQ(subscribe(channel, 1), SA_AIS_OK);
    EXPECT_EQ(subscribe(channel, 2), SA_AIS_OK);
    EXPECT_EQ(subscribe(channel, 2), SA_AIS_ERR_EXIST);
    EXPECT_EQ(subscribe(again, 2), SA_AIS_OK) << "ids are unique for a channel handle";
    publish(channel, "x");
    a.settle(channel);
    std::vector<std::string> got = texts();
    std::sort(got.begin(), got.end());
    EXPECT_THAT(got, ElementsAre("1:x", "2:x", "2:x"));
    EXPECT_EQ(saEvtEventUnsubscribe(again, 1), SA_AIS_ERR_NOT_EXIST);
    EXPECT_EQ(saEvtEventUnsubscribe(channel, 1), SA_AIS_OK);
    EXPECT_EQ(saEvtEventUnsubscribe(channel, 1), SA_AIS_ERR_NOT_EXIST);
}

TEST_F(Evt, unsubscribe_discards_what_is_pending_for_it) {
    Program a(*cluster_, 1);
    const SaEvtChannelHandleT channel = a.open(name);
    ASSERT_EQ(subscribe(channel, 1), SA_AIS_OK);
    publish(channel, "x");
    ASSERT_EQ(saEvtEventUnsubscribe(channel, 1), SA_AIS_OK);
    a.settle(channel);
    EXPECT_THAT(texts(), IsEmpty());
}

TEST_F(Evt, what_was_pending_for_a_subscription_is_not_for_the_next_one_of_its_id) {
    Program a(*cluster_, 1);
    const SaEvtChannelHandleT channel = a.open(name);
    ASSERT_EQ(subscribe(channel, 1), SA_AIS_OK);
    publish(channel, "old");
    {
        // It has come to this node, so it lies in the library of a.
        Program witness(*cluster_, 1);
        witness.settle(witness.open(name));
    }
    ASSERT_EQ(saEvtEventUnsubscribe(channel, 1), SA_AIS_OK);
    ASSERT_EQ(subscribe(channel, 1, {{SA_EVT_EXACT_FILTER, pattern("other")}}), SA_AIS_OK);
    publish(channel, "new", {"other"});
    ASSERT_TRUE(a.until([] { return !received.empty(); }));
    a.settle(channel);
    EXPECT_THAT(texts(), ElementsAre("1:new"));
}

TEST_F(Evt, EV14_flags_of_the_open_say_what_may_be_done) {
    Program a(*cluster_, 1);
    Program silent(*cluster_, 1, false);
    const SaEvtChannelHandleT publisher = a.open(name, create | pub);
    const SaEvtChannelHandleT subscriber = a.open(name, sub);
    EXPECT_EQ(subscribe(publisher, 1), SA_AIS_ERR_ACCESS);
    SaEvtEventHandleT event = 42;
    EXPECT_EQ(saEvtEventAllocate(subscriber, &event), SA_AIS_ERR_ACCESS);
    EXPECT_EQ(event, 42U);
    EXPECT_EQ(saEvtEventAllocate(publisher, nullptr), SA_AIS_ERR_INVALID_PARAM);
    EXPECT_EQ(subscribe(silent.open(name, sub), 1), SA_AIS_ERR_INIT);
    EXPECT_EQ(saEvtEventSubscribe(subscriber, nullptr, 1), SA_AIS_ERR_INVALID_PARAM);
    SaUint8T room[1] = {};
    EXPECT_EQ(subscribe(subscriber, 1, {{beyond<SaEvtEventFilterTypeT>(0), pattern("x")}}),
              SA_AIS_ERR_INVALID_PARAM);
    EXPECT_EQ(subscribe(subscriber, 1, {{beyond<SaEvtEventFilterTypeT>(5), pattern("x")}}),
              SA_AIS_ERR_INVALID_PARAM);
    EXPECT_EQ(subscribe(subscriber, 1, {{SA_EVT_EXACT_FILTER, {0, 1, nullptr}}}),
              SA_AIS_ERR_INVALID_PARAM);
    const SaEvtEventFilterArrayT missing{1, nullptr};
    EXPECT_EQ(saEvtEventSubscribe(subscriber, &missing, 1), SA_AIS_ERR_INVALID_PARAM);
    EXPECT_EQ(
        subscribe(subscriber, 1, std::vector<SaEvtEventFilterT>(65, {SA_EVT_PASS_ALL_FILTER, {}})),
        SA_AIS_ERR_TOO_BIG);
    const std::string large(4097, 'x');
    EXPECT_EQ(subscribe(subscriber, 1, {{SA_EVT_EXACT_FILTER, pattern(large)}}),
              SA_AIS_ERR_TOO_BIG);
    EXPECT_EQ(subscribe(subscriber, 1, {{SA_EVT_EXACT_FILTER, pattern(large.substr(1))}}),
              SA_AIS_OK);
    EXPECT_EQ(
        subscribe(subscriber, 2, std::vector<SaEvtEventFilterT>(64, {SA_EVT_PASS_ALL_FILTER, {}})),
        SA_AIS_OK);
    SaEvtEventFilterT one{SA_EVT_EXACT_FILTER, {0, ~SaSizeT{0}, room}};
    SaEvtEventFilterArrayT filters{1, &one};
    EXPECT_EQ(saEvtEventSubscribe(subscriber, &filters, 3), SA_AIS_ERR_TOO_BIG);
    filters.filtersNumber = ~SaSizeT{0};
    EXPECT_EQ(saEvtEventSubscribe(subscriber, &filters, 3), SA_AIS_ERR_TOO_BIG);
}

TEST_F(Evt, EV15_subscriber_that_sleeps_is_told_once_that_it_has_lost_events) {
    Program a(*cluster_, 1);
    Program b(*cluster_, 2);
    const SaEvtChannelHandleT from = a.open(name);
    const SaEvtChannelHandleT to = b.open(name);
    ASSERT_EQ(subscribe(to, 1, {{SA_EVT_EXACT_FILTER, pattern("e")}}), SA_AIS_OK);
    constexpr std::size_t count = 1500;
    for (std::size_t i = 0; i < count; ++i) {
        publish(from, std::to_string(i), {"e"});
    }
    // A witness on its node has seen the last one.
    {
        Program witness(*cluster_, 2);
        witness.settle(witness.open(name));
    }
    ASSERT_TRUE(b.until([] { return received.size() >= 1001; }));
    std::vector<Received> lost;
    for (const Received& one : received) {
        if (one.id == SA_EVT_EVENTID_LOST) {
            lost.push_back(one);
        }
    }
    ASSERT_EQ(lost.size(), 1U);
    EXPECT_EQ(lost[0].subscription, 1U);
    EXPECT_EQ(lost[0].priority, SA_EVT_HIGHEST_PRIORITY);
    EXPECT_THAT(lost[0].patterns, ElementsAre(SA_EVT_LOST_EVENT));
    EXPECT_EQ(lost[0].data, "");
    EXPECT_GT(lost[0].publish_time, 0);
    std::erase_if(received, [](const Received& one) { return one.id == SA_EVT_EVENTID_LOST; });
    ASSERT_EQ(received.size(), 1000U);
    for (std::size_t i = 0; i < received.size(); ++i) {
        ASSERT_EQ(received[i].data, std::to_string(i));
    }
    received.clear();
    publish(from, "and on", {"e"});
    ASSERT_TRUE(b.until([] { return !received.empty(); }));
    EXPECT_THAT(texts(), ElementsAre("1:and on"));
}

TEST_F(Evt, EV16_unlinked_channel_goes_on_among_those_who_have_it) {
    Program a(*cluster_, 1);
    Program b(*cluster_, 2);
    Program c(*cluster_, 3);
    const SaEvtChannelHandleT from = a.open(name);
    const SaEvtChannelHandleT to = b.open(name);
    ASSERT_EQ(subscribe(to, 2), SA_AIS_OK);
    const SaNameT wanted = name_of(name);
    EXPECT_EQ(saEvtChannelUnlink(a.handle, &wanted), SA_AIS_OK);
    EXPECT_EQ(saEvtChannelUnlink(a.handle, &wanted), SA_AIS_ERR_NOT_EXIST);
    SaEvtChannelHandleT other = 0;
    EXPECT_EQ(c.try_open(name, sub, other), SA_AIS_ERR_NOT_EXIST);
    ASSERT_EQ(c.try_open(name, all, other), SA_AIS_OK);
    ASSERT_EQ(subscribe(other, 3), SA_AIS_OK);
    publish(from, "old");
    ASSERT_TRUE(b.until([] { return !received.empty(); }));
    c.settle(other);
    EXPECT_THAT(texts(), ElementsAre("2:old"));
}

TEST_F(Evt, EV17_EV18_received_event_can_be_read_and_not_changed) {
    Program a(*cluster_, 1);
    const SaEvtChannelHandleT channel = a.open(name);
    ASSERT_EQ(subscribe(channel, 1), SA_AIS_OK);
    free_received = false;
    publish(channel, "twelve bytes", {"one", "two"}, 1);
    ASSERT_TRUE(a.until([] { return !received.empty(); }));
    const Received got = received[0];
    EXPECT_THAT(got.patterns, ElementsAre("one", "two"));
    EXPECT_EQ(got.publisher, "publisher");
    EXPECT_EQ(got.priority, 1);
    const SaEvtEventHandleT event = got.handle;
    EXPECT_EQ(saEvtEventAttributesSet(event, nullptr, 1, 0, nullptr), SA_AIS_ERR_ACCESS);
    SaEvtEventIdT id = 0;
    EXPECT_EQ(saEvtEventPublish(event, "x", 1, &id), SA_AIS_ERR_ACCESS);

    char buffer[16] = {};
    SaSizeT size = 5;
    EXPECT_EQ(saEvtEventDataGet(event, buffer, &size), SA_AIS_ERR_NO_SPACE);
    EXPECT_EQ(size, 12U);
    EXPECT_STREQ(buffer, "twelv") << "what fits, and no more";
    size = 11;
    EXPECT_EQ(saEvtEventDataGet(event, buffer, &size), SA_AIS_ERR_NO_SPACE);
    EXPECT_EQ(size, 12U);
    EXPECT_EQ(saEvtEventDataGet(event, buffer, &size), SA_AIS_OK);
    EXPECT_EQ(std::string(buffer, size), "twelve bytes");
    size = 100;
    EXPECT_EQ(saEvtEventDataGet(event, nullptr, &size), SA_AIS_ERR_NO_SPACE);
    EXPECT_EQ(size, 12U);
    EXPECT_EQ(std::string(buffer, 12), "twelve bytes") << "what was there stays";
    EXPECT_EQ(saEvtEventDataGet(event, buffer, nullptr), SA_AIS_ERR_INVALID_PARAM);
    const SaEvtEventHandleT own = allocate(channel);
    EXPECT_EQ(saEvtEventDataGet(own, buffer, &size), SA_AIS_ERR_BAD_HANDLE)
        << "it was not received";
    EXPECT_EQ(saEvtEventPatternFree(event, nullptr), SA_AIS_ERR_INVALID_PARAM);
    EXPECT_EQ(saEvtEventFree(event), SA_AIS_OK);
    EXPECT_EQ(saEvtEventFree(event), SA_AIS_ERR_BAD_HANDLE);
    EXPECT_EQ(saEvtEventDataGet(event, buffer, &size), SA_AIS_ERR_BAD_HANDLE);
    EXPECT_EQ(saEvtEventPatternFree(event, nullptr), SA_AIS_ERR_BAD_HANDLE);
}

TEST_F(Evt, EV19_attributes_come_back_as_they_were_set) {
    Program a(*cluster_, 1);
    const SaEvtChannelHandleT channel = a.open(name);
    SaEvtEventHandleT event = 0;
    ASSERT_EQ(saEvtEventAllocate(channel, &event), SA_AIS_OK);
    SaEvtEventPriorityT priority = 9;
    SaTimeT retention = 9;
    SaTimeT publish_time = 9;
    SaEvtEventIdT id = 9;
    SaNameT publisher = name_of("x");
    SaEvtEventPatternArrayT patterns{0, 7, nullptr};
    const auto get = [&](SaEvtEventPatternArrayT* array) {
        return saEvtEventAttributesGet(
            event, array, &priority, &retention, &publisher, &publish_time, &id);
    };
    ASSERT_EQ(get(&patterns), SA_AIS_OK);
    EXPECT_EQ(patterns.patternsNumber, 0U);
    EXPECT_EQ(saEvtEventPatternFree(event, patterns.patterns), SA_AIS_OK);
    EXPECT_EQ(priority, SA_EVT_LOWEST_PRIORITY);
    EXPECT_EQ(retention, 0);
    EXPECT_EQ(publisher.length, 0);
    EXPECT_EQ(publish_time, SA_TIME_UNKNOWN);
    EXPECT_EQ(id, static_cast<SaEvtEventIdT>(SA_EVT_EVENTID_NONE));

    SaEvtEventPatternT set[] = {pattern("first"), pattern(""), pattern("third one")};
    const SaEvtEventPatternArrayT array{0, 3, set};
    const SaNameT named = name_of("me");
    ASSERT_EQ(saEvtEventAttributesSet(event, &array, 2, 7 * second, &named), SA_AIS_OK);
    set[0] = pattern("not any more: it was copied");
    ASSERT_EQ(saEvtEventAttributesSet(event, nullptr, 2, 7 * second, nullptr), SA_AIS_OK)
        << "null keeps patterns and publisher";
    ASSERT_EQ(get(nullptr), SA_AIS_OK);
    EXPECT_EQ(priority, 2);
    EXPECT_EQ(retention, 7 * second);
    EXPECT_EQ(text_of(publisher), "me");
    EXPECT_EQ(saEvtEventAttributesGet(event, nullptr, nullptr, nullptr, nullptr, nullptr, nullptr),
              SA_AIS_OK);

    SaUint8T room[3][8] = {};
    SaEvtEventPatternT own[] = {{8, 0, room[0]}, {8, 0, room[1]}, {8, 0, room[2]}};
    SaEvtEventPatternArrayT mine{3, 0, own};
    EXPECT_EQ(get(&mine), SA_AIS_ERR_NO_SPACE) << "the third is longer";
    EXPECT_EQ(mine.patternsNumber, 3U);
    EXPECT_EQ(own[2].patternSize, 9U);
    EXPECT_EQ(std::memcmp(room[2], "third on", 8), 0) << "what fits is copied";
    mine.allocatedNumber = 2;
    EXPECT_EQ(get(&mine), SA_AIS_ERR_NO_SPACE);
    EXPECT_EQ(mine.patternsNumber, 3U);
    SaUint8T larger[16];
    own[2] = {16, 0, larger};
    mine.allocatedNumber = 3;
    EXPECT_EQ(get(&mine), SA_AIS_OK);
    EXPECT_STREQ(reinterpret_cast<const char*>(room[0]), "first");
    EXPECT_EQ(own[1].patternSize, 0U);
    EXPECT_EQ(std::memcmp(larger, "third one", 9), 0);
    own[2] = {9, 0, larger};
    EXPECT_EQ(get(&mine), SA_AIS_OK) << "room for no more than it";
    own[0] = {8, 0, nullptr};
    EXPECT_EQ(get(&mine), SA_AIS_ERR_NO_SPACE) << "room that is not there";
    EXPECT_EQ(own[0].patternSize, 5U);
    mine = {0, 0, own};
    EXPECT_EQ(get(&mine), SA_AIS_ERR_NO_SPACE);
    EXPECT_EQ(mine.patternsNumber, 3U);

    SaEvtEventPatternArrayT theirs{0, 0, nullptr};
    ASSERT_EQ(get(&theirs), SA_AIS_OK);
    ASSERT_EQ(theirs.patternsNumber, 3U);
    EXPECT_EQ(theirs.allocatedNumber, 3U);
    EXPECT_EQ(std::string_view(reinterpret_cast<char*>(theirs.patterns[0].pattern), 5), "first");
    EXPECT_EQ(theirs.patterns[1].patternSize, 0U);
    EXPECT_EQ(theirs.patterns[2].patternSize, 9U);
    EXPECT_GE(theirs.patterns[2].allocatedSize, 9U);
    for (SaSizeT i = 0; i < 3; ++i) {
        std::free(theirs.patterns[i].pattern);  // as programs of B.01 do
    }
    std::free(theirs.patterns);
}

TEST_F(Evt, names_and_patterns_are_bytes) {
    Program a(*cluster_, 1);
    const std::string bytes("\xff\0\xc3(\x80 ", 6);  // no UTF-8
    const SaEvtChannelHandleT channel = a.open(name + bytes);
    ASSERT_EQ(subscribe(channel, 1), SA_AIS_OK);
    const SaEvtEventHandleT event = allocate(channel, {bytes, ""});
    SaNameT by = name_of(bytes + std::string(250, '\0'));
    ASSERT_EQ(saEvtEventAttributesSet(event, nullptr, 0, 0, &by), SA_AIS_OK);
    SaEvtEventIdT id = 0;
    ASSERT_EQ(saEvtEventPublish(event, bytes.data(), bytes.size(), &id), SA_AIS_OK);
    by.length = 0;
    ASSERT_EQ(saEvtEventAttributesSet(event, nullptr, 0, 0, &by), SA_AIS_OK) << "it has no name";
    ASSERT_EQ(saEvtEventPublish(event, nullptr, 0, &id), SA_AIS_OK);
    ASSERT_TRUE(a.until([] { return received.size() == 2; }));
    EXPECT_EQ(received[0].publisher, bytes + std::string(250, '\0'));
    EXPECT_EQ(received[0].data, bytes);
    EXPECT_THAT(received[0].patterns, ElementsAre(bytes, ""));
    EXPECT_EQ(received[1].publisher, "");
    EXPECT_EQ(received[1].data, "");
}

TEST_F(Evt, attributes_that_cannot_be_are_refused) {
    Program a(*cluster_, 1);
    const SaEvtChannelHandleT channel = a.open(name);
    SaEvtEventHandleT event = 0;
    ASSERT_EQ(saEvtEventAllocate(channel, &event), SA_AIS_OK);
    const auto set = [&](const SaEvtEventPatternArrayT* array,
                         int priority,
                         SaTimeT retention,
                         const SaNameT* by) {
        return saEvtEventAttributesSet(
            event, array, static_cast<SaEvtEventPriorityT>(priority), retention, by);
    };
    EXPECT_EQ(set(nullptr, 4, 0, nullptr), SA_AIS_ERR_INVALID_PARAM);
    EXPECT_EQ(set(nullptr, 255, 0, nullptr), SA_AIS_ERR_INVALID_PARAM);
    EXPECT_EQ(set(nullptr, 0, -1, nullptr), SA_AIS_ERR_INVALID_PARAM);
    SaNameT by = name_of(std::string(256, 'p'));
    EXPECT_EQ(set(nullptr, 0, SA_TIME_MAX, &by), SA_AIS_OK);
    by.length = 257;
    EXPECT_EQ(set(nullptr, 0, 0, &by), SA_AIS_ERR_INVALID_PARAM);
    const SaEvtEventPatternArrayT missing{0, 1, nullptr};
    EXPECT_EQ(set(&missing, 0, 0, nullptr), SA_AIS_ERR_INVALID_PARAM);
    SaEvtEventPatternT no_bytes{0, 1, nullptr};
    const SaEvtEventPatternArrayT broken{0, 1, &no_bytes};
    EXPECT_EQ(set(&broken, 0, 0, nullptr), SA_AIS_ERR_INVALID_PARAM);
    std::vector<SaEvtEventPatternT> many(65, pattern("x"));
    SaEvtEventPatternArrayT array{0, 65, many.data()};
    EXPECT_EQ(set(&array, 0, 0, nullptr), SA_AIS_ERR_TOO_BIG);
    array.patternsNumber = 64;
    EXPECT_EQ(set(&array, 0, 0, nullptr), SA_AIS_OK);
    const std::string large(4097, 'x');
    many[0] = pattern(large);
    array.patternsNumber = 1;
    EXPECT_EQ(set(&array, 0, 0, nullptr), SA_AIS_ERR_TOO_BIG);
    many[0].patternSize = ~SaSizeT{0};
    EXPECT_EQ(set(&array, 0, 0, nullptr), SA_AIS_ERR_TOO_BIG);
    array.patternsNumber = ~SaSizeT{0};
    EXPECT_EQ(set(&array, 0, 0, nullptr), SA_AIS_ERR_TOO_BIG);
    array.patternsNumber = 1;
    EXPECT_EQ(set(nullptr, 0, SA_TIME_UNKNOWN, nullptr), SA_AIS_ERR_INVALID_PARAM);
    many[0].patternSize = 4096;
    EXPECT_EQ(set(&array, 0, 0, nullptr), SA_AIS_OK);
}

TEST_F(Evt, EV20_data_has_a_limit) {
    Program a(*cluster_, 1);
    Program b(*cluster_, 2);
    const SaEvtChannelHandleT channel = a.open(name);
    ASSERT_EQ(subscribe(b.open(name), 1), SA_AIS_OK);
    // With patterns of the largest size, too.
    const SaEvtEventHandleT event =
        allocate(channel, std::vector<std::string>(64, std::string(4096, 'x')));
    const std::string data(65537, 'd');
    SaEvtEventIdT id = 0;
    EXPECT_EQ(saEvtEventPublish(event, data.data(), 65537, &id), SA_AIS_ERR_TOO_BIG);
    EXPECT_EQ(saEvtEventPublish(event, data.data(), ~SaSizeT{0}, &id), SA_AIS_ERR_TOO_BIG);
    EXPECT_EQ(saEvtEventPublish(event, data.data(), 65536, nullptr), SA_AIS_ERR_INVALID_PARAM);
    EXPECT_EQ(saEvtEventPublish(event, data.data(), 65536, &id), SA_AIS_OK);
    EXPECT_EQ(saEvtEventPublish(event, nullptr, 65536, &id), SA_AIS_OK) << "no data";
    ASSERT_TRUE(b.until([] { return received.size() == 2; }));
    EXPECT_EQ(received[0].data.size(), 65536U);
    EXPECT_EQ(received[0].patterns.size(), 64U);
    EXPECT_EQ(received[1].data.size(), 0U);
}

TEST_F(Evt, publish_says_try_again_while_there_is_no_room_and_nothing_is_lost) {
    Program a(*cluster_, 1);
    const SaEvtChannelHandleT channel = a.open(name);
    ASSERT_EQ(subscribe(channel, 1), SA_AIS_OK);
    publish(channel, "first");  // and has ids for more
    const SaEvtEventHandleT event = allocate(channel);
    const std::string filler(60000, 'x');
    int accepted = 0;
    SaAisErrorT error = SA_AIS_OK;
    SaEvtEventIdT id = 42;
    cluster_->pause(1);
    while (accepted < 1000) {
        const std::string data = std::to_string(accepted) + " " + filler;
        id = 42;
        error = saEvtEventPublish(event, data.data(), data.size(), &id);
        if (error != SA_AIS_OK) {
            break;
        }
        ++accepted;
    }
    cluster_->resume(1);
    EXPECT_EQ(error, SA_AIS_ERR_TRY_AGAIN);
    EXPECT_EQ(id, 42U);
    publish(channel, "last");
    const auto count = static_cast<std::size_t>(accepted) + 2;
    ASSERT_TRUE(a.until([&] { return received.size() >= count; }));
    ASSERT_EQ(received.size(), count);
    EXPECT_EQ(received.front().data, "first");
    EXPECT_EQ(received.back().data, "last");
    for (std::size_t i = 1; i + 1 < count; ++i) {
        EXPECT_EQ(received[i].data, std::to_string(i - 1) + " " + filler);
    }
}

// That both sides publish is in tests/process/services_test.py, which has cables to cut.
TEST_F(Evt, EV21_what_is_kept_on_one_side_is_delivered_once_on_the_other) {
    Program a(*cluster_, 1);
    Program b(*cluster_, 2);
    const SaEvtChannelHandleT here = a.open(name);
    const SaEvtChannelHandleT there = b.open(name);
    ASSERT_EQ(subscribe(here, 1), SA_AIS_OK);
    ASSERT_EQ(subscribe(there, 2), SA_AIS_OK);
    publish(there, "before", {}, 3, SA_TIME_END);
    const auto has = [](SaEvtSubscriptionIdT subscription, std::size_t count) {
        return [=] { return data_of(subscription).size() >= count; };
    };
    ASSERT_TRUE(a.until(has(1, 1)));
    cluster_->pause(1);
    cluster_->wait_ring({2, 3});
    const SaEvtEventIdT cleared = publish(there, "cleared", {}, 3, SA_TIME_END);
    publish(there, "kept", {}, 3, SA_TIME_END);
    publish(there, "not kept");
    EXPECT_EQ(patiently([&] { return saEvtEventRetentionTimeClear(there, cleared); }), SA_AIS_OK);
    cluster_->resume(1);
    cluster_->wait_ring({1, 2, 3});
    publish(here, "after", {}, 3, SA_TIME_END);
    ASSERT_TRUE(a.until(has(1, 3)));
    ASSERT_TRUE(b.until(has(2, 5)));
    a.settle(here);
    b.settle(there);
    EXPECT_THAT(data_of(1), ElementsAre("before", "kept", "after"));
    EXPECT_THAT(data_of(2), ElementsAre("before", "cleared", "kept", "not kept", "after"));
}

TEST_F(Evt, EV22_channel_of_another_node_is_there) {
    Program a(*cluster_, 1);
    a.open(name, create | pub);
    Program b(*cluster_, 3);
    SaEvtChannelHandleT channel = 0;
    EXPECT_EQ(b.try_open(name, sub, channel), SA_AIS_OK);
}

TEST_F(Evt, EV23_event_can_be_published_again_and_is_another_one) {
    Program a(*cluster_, 1);
    const SaEvtChannelHandleT channel = a.open(name);
    ASSERT_EQ(subscribe(channel, 1), SA_AIS_OK);
    const SaEvtEventHandleT event = allocate(channel);
    std::vector<SaEvtEventIdT> ids(3);
    for (SaEvtEventIdT& id : ids) {
        ASSERT_EQ(saEvtEventPublish(event, "x", 1, &id), SA_AIS_OK);
    }
    EXPECT_EQ(std::set<SaEvtEventIdT>(ids.begin(), ids.end()).size(), 3U);
    SaEvtEventIdT last = 0;
    SaTimeT when = 0;
    ASSERT_EQ(saEvtEventAttributesGet(event, nullptr, nullptr, nullptr, nullptr, &when, &last),
              SA_AIS_OK);
    EXPECT_EQ(last, ids[2]);
    EXPECT_GT(when, 0);
    ASSERT_TRUE(a.until([] { return received.size() == 3; }));
    std::vector<SaEvtEventIdT> got;
    for (const Received& one : received) {
        got.push_back(one.id);
    }
    EXPECT_THAT(got, ElementsAreArray(ids));
}

TEST_F(Evt, EV24_finalize_takes_back_an_open_that_is_under_way) {
    const SaNameT wanted = name_of(name);
    {
        Program a(*cluster_, 1);
        ASSERT_EQ(saEvtChannelOpenAsync(a.handle, 7, &wanted, all), SA_AIS_OK);
    }
    EXPECT_THAT(opened.size(), 0U);
    Program b(*cluster_, 1);
    const SaEvtChannelHandleT channel = b.open(name);
    EXPECT_EQ(saEvtChannelClose(channel), SA_AIS_OK);
    EXPECT_EQ(saEvtChannelUnlink(b.handle, &wanted), SA_AIS_OK);
    SaEvtChannelHandleT gone = 0;
    EXPECT_EQ(b.try_open(name, sub, gone), SA_AIS_ERR_NOT_EXIST);
    EXPECT_TRUE(until_opens_are(0)) << "nothing of it is left open in the cluster";
}

TEST_F(Evt, C16_what_a_killed_process_had_open_is_closed) {
    ASSERT_TRUE(until_opens_are(0));
    int ready[2];
    ASSERT_EQ(pipe(ready), 0);
    const pid_t child = fork();
    if (child == 0) {
        Program a(*cluster_, 2);
        a.open(name);
        a.open(name + "2");
        if (write(ready[1], "r", 1) != 1) {
            _exit(1);
        }
        pause();
        _exit(0);
    }
    close(ready[1]);
    pollfd said{ready[0], POLLIN, 0};
    EXPECT_EQ(poll(&said, 1, 20000), 1);
    close(ready[0]);
    EXPECT_TRUE(until_opens_are(2));
    kill(child, SIGKILL);
    ASSERT_EQ(waitpid(child, nullptr, 0), child);
    EXPECT_TRUE(until_opens_are(0));
}

TEST_F(Evt, asynchronous_open_gives_its_handle_in_the_callback) {
    Program a(*cluster_, 1);
    const SaNameT wanted = name_of(name);
    in_open = [](const Opened& one) {
        if (one.error == SA_AIS_OK) {
            EXPECT_EQ(subscribe(one.channel, 1), SA_AIS_OK) << "it is good in the callback already";
        }
    };
    ASSERT_EQ(saEvtChannelOpenAsync(a.handle, 7, &wanted, sub), SA_AIS_OK);
    ASSERT_EQ(saEvtChannelOpenAsync(a.handle, 0, &wanted, all), SA_AIS_OK);
    ASSERT_TRUE(a.until([] { return opened.size() == 2; }));
    EXPECT_EQ(opened[0].invocation, 7U);
    EXPECT_EQ(opened[0].error, SA_AIS_ERR_NOT_EXIST);
    EXPECT_EQ(opened[1].invocation, 0U);
    ASSERT_EQ(opened[1].error, SA_AIS_OK);
    publish(opened[1].channel, "x");
    ASSERT_TRUE(a.until([] { return received.size() == 1; }));
}

TEST_F(Evt, closed_channel_takes_its_events_with_it) {
    Program a(*cluster_, 1);
    const SaEvtChannelHandleT channel = a.open(name);
    ASSERT_EQ(subscribe(channel, 1), SA_AIS_OK);
    const SaEvtEventHandleT event = allocate(channel);
    publish(channel, "never dispatched");
    ASSERT_EQ(saEvtChannelClose(channel), SA_AIS_OK);
    EXPECT_EQ(saEvtChannelClose(channel), SA_AIS_ERR_BAD_HANDLE);
    SaEvtEventIdT id = 0;
    EXPECT_EQ(saEvtEventPublish(event, "x", 1, &id), SA_AIS_ERR_BAD_HANDLE);
    EXPECT_EQ(saEvtEventAttributesSet(event, nullptr, 1, 0, nullptr), SA_AIS_ERR_BAD_HANDLE);
    EXPECT_EQ(saEvtEventAttributesGet(event, nullptr, nullptr, nullptr, nullptr, nullptr, &id),
              SA_AIS_ERR_BAD_HANDLE);
    EXPECT_EQ(saEvtEventFree(event), SA_AIS_ERR_BAD_HANDLE);
    SaEvtEventHandleT other = 0;
    EXPECT_EQ(saEvtEventAllocate(channel, &other), SA_AIS_ERR_BAD_HANDLE);
    EXPECT_EQ(subscribe(channel, 1), SA_AIS_ERR_BAD_HANDLE);
    EXPECT_EQ(saEvtEventUnsubscribe(channel, 1), SA_AIS_ERR_BAD_HANDLE);
    EXPECT_EQ(saEvtEventRetentionTimeClear(channel, 5000), SA_AIS_ERR_BAD_HANDLE);
    a.settle(a.open(name));
    EXPECT_THAT(texts(), IsEmpty());
}

TEST_F(Evt, limits_are_told_to_those_who_know_of_them) {
    Program a(*cluster_, 1);
    SaLimitValueT value{};
    EXPECT_EQ(saEvtLimitGet(a.handle, SA_EVT_MAX_NUM_CHANNELS_ID, &value), SA_AIS_OK);
    EXPECT_EQ(value.uint64Value, 65536U);
    EXPECT_EQ(saEvtLimitGet(a.handle, SA_EVT_MAX_EVT_SIZE_ID, &value), SA_AIS_OK);
    EXPECT_EQ(value.uint64Value, 65536U);
    EXPECT_EQ(saEvtLimitGet(a.handle, SA_EVT_MAX_PATTERN_SIZE_ID, &value), SA_AIS_OK);
    EXPECT_EQ(value.uint64Value, 4096U);
    EXPECT_EQ(saEvtLimitGet(a.handle, SA_EVT_MAX_NUM_PATTERNS_ID, &value), SA_AIS_OK);
    EXPECT_EQ(value.uint64Value, 64U);
    EXPECT_EQ(saEvtLimitGet(a.handle, SA_EVT_MAX_RETENTION_DURATION_ID, &value), SA_AIS_OK);
    EXPECT_EQ(value.timeValue, SA_TIME_MAX);
    EXPECT_EQ(saEvtLimitGet(a.handle, beyond<SaEvtLimitIdT>(0), &value), SA_AIS_ERR_INVALID_PARAM);
    EXPECT_EQ(saEvtLimitGet(a.handle, beyond<SaEvtLimitIdT>(6), &value), SA_AIS_ERR_INVALID_PARAM);
    EXPECT_EQ(saEvtLimitGet(a.handle, SA_EVT_MAX_EVT_SIZE_ID, nullptr), SA_AIS_ERR_INVALID_PARAM);
    SaVersionT old{'B', 1, 1};
    SaEvtHandleT handle = 0;
    ASSERT_EQ(saEvtInitialize(&handle, nullptr, &old), SA_AIS_OK);
    EXPECT_EQ(saEvtLimitGet(handle, SA_EVT_MAX_EVT_SIZE_ID, &value), SA_AIS_ERR_VERSION);
    EXPECT_EQ(saEvtFinalize(handle), SA_AIS_OK);
}

TEST_F(Evt, handles_are_not_inherited_by_a_child) {
    Program a(*cluster_, 1);
    const SaEvtChannelHandleT channel = a.open(name);
    const SaEvtEventHandleT event = allocate(channel);
    const pid_t child = fork();
    if (child == 0) {
        SaEvtEventIdT id = 0;
        const bool all_bad = saEvtEventPublish(event, "x", 1, &id) == SA_AIS_ERR_BAD_HANDLE &&
                             saEvtChannelClose(channel) == SA_AIS_ERR_BAD_HANDLE &&
                             saEvtEventFree(event) == SA_AIS_ERR_BAD_HANDLE;
        _exit(all_bad ? 0 : 1);
    }
    int status = -1;
    ASSERT_EQ(waitpid(child, &status, 0), child);
    EXPECT_EQ(status, 0);
    EXPECT_EQ(saEvtChannelClose(channel), SA_AIS_OK) << "the parent's still work";
}

TEST_F(Evt, finalize_ends_channels_and_events) {
    auto a = std::make_unique<Program>(*cluster_, 1);
    const SaEvtChannelHandleT channel = a->open(name);
    const SaEvtEventHandleT event = allocate(channel);
    ASSERT_EQ(saEvtFinalize(a->handle), SA_AIS_OK);
    SaEvtEventHandleT other = 0;
    SaEvtEventIdT id = 0;
    SaSizeT size = 0;
    const SaEvtEventFilterArrayT none{0, nullptr};
    EXPECT_EQ(saEvtEventAllocate(channel, &other), SA_AIS_ERR_BAD_HANDLE);
    EXPECT_EQ(saEvtEventSubscribe(channel, &none, 1), SA_AIS_ERR_BAD_HANDLE);
    EXPECT_EQ(saEvtEventUnsubscribe(channel, 1), SA_AIS_ERR_BAD_HANDLE);
    EXPECT_EQ(saEvtEventRetentionTimeClear(channel, 2000), SA_AIS_ERR_BAD_HANDLE);
    EXPECT_EQ(saEvtEventPublish(event, "x", 1, &id), SA_AIS_ERR_BAD_HANDLE);
    EXPECT_EQ(saEvtEventAttributesSet(event, nullptr, 1, 0, nullptr), SA_AIS_ERR_BAD_HANDLE);
    EXPECT_EQ(saEvtEventDataGet(event, nullptr, &size), SA_AIS_ERR_BAD_HANDLE);
    EXPECT_EQ(saEvtEventFree(event), SA_AIS_ERR_BAD_HANDLE);
    EXPECT_EQ(saEvtChannelClose(channel), SA_AIS_ERR_BAD_HANDLE);
}

TEST_F(Evt, threads_may_use_a_channel_while_it_is_closed_and_finalized) {
    for (int round = 0; round < 6; ++round) {
        Program a(*cluster_, 1);
        const SaEvtChannelHandleT channel = a.open(name);
        const auto one_turn = [&] {
            SaEvtEventHandleT event = 0;
            SaEvtEventIdT id = 0;
            SaAisErrorT error = saEvtEventAllocate(channel, &event);
            if (error == SA_AIS_OK) {
                error = saEvtEventPublish(event, "x", 1, &id);
                const SaAisErrorT freed = saEvtEventFree(event);
                error = error == SA_AIS_OK || error == SA_AIS_ERR_TRY_AGAIN ? freed : error;
            }
            return error;
        };
        std::atomic<int> turns{0};
        std::vector<SaAisErrorT> last(3, SA_AIS_OK);
        std::vector<std::thread> threads;
        for (SaAisErrorT& mine : last) {
            threads.emplace_back([&] {
                while (mine == SA_AIS_OK) {
                    mine = one_turn();
                    ++turns;
                }
            });
        }
        EXPECT_TRUE(wait_until([&] { return turns > 30; }, patience));
        EXPECT_EQ(round % 2 == 0 ? saEvtChannelClose(channel) : saEvtFinalize(a.handle), SA_AIS_OK);
        for (std::thread& thread : threads) {
            thread.join();
        }
        EXPECT_THAT(last, testing::Each(SA_AIS_ERR_BAD_HANDLE));
    }
}

// Limits that the configuration makes small enough to be met.
TEST(EvtLimits, have_their_errors_and_are_told_to_those_who_lose) {
    Cluster cluster(1,
                    "",
                    "event {\n    delivery_queue_size: 10\n    delivery_queue_resume: 5\n"
                    "    retained_bytes: 65536\n}\nipc {\n    message_max: 4096\n}\n");
    cluster.start_all();
    received.clear();
    opened.clear();
    free_received = true;
    Program a(cluster, 1);
    Program b(cluster, 1);
    const SaEvtChannelHandleT from = a.open("c");
    const SaEvtChannelHandleT to = b.open("c");

    // No more is kept, and what is cleared makes room.
    const SaEvtEventHandleT kept = allocate(from, {}, 3, SA_TIME_END);
    const std::string data(30000, 'k');
    SaEvtEventIdT ids[2] = {};
    SaEvtEventIdT none = 42;
    const auto keep = [&](SaEvtEventIdT& id) {
        const SaAisErrorT error = saEvtEventPublish(kept, data.data(), data.size(), &id);
        a.settle(from);
        return error;
    };
    EXPECT_EQ(keep(ids[0]), SA_AIS_OK);
    EXPECT_EQ(keep(ids[1]), SA_AIS_OK);
    EXPECT_EQ(keep(none), SA_AIS_ERR_NO_RESOURCES);
    EXPECT_EQ(none, 42U);
    for (const SaEvtEventIdT id : ids) {
        EXPECT_EQ(saEvtEventRetentionTimeClear(from, id), SA_AIS_OK);
    }
    EXPECT_EQ(keep(ids[0]), SA_AIS_OK);
    EXPECT_EQ(saEvtEventRetentionTimeClear(from, ids[0]), SA_AIS_OK);

    // What is no message for this executive, though each part is within its limit.
    const SaEvtEventHandleT large =
        allocate(from, std::vector<std::string>(64, std::string(4096, 'p')));
    EXPECT_EQ(saEvtEventPublish(large, data.data(), data.size(), &none), SA_AIS_ERR_TOO_BIG);
    const std::string bytes(4096, 'f');
    EXPECT_EQ(
        subscribe(to, 9, std::vector<SaEvtEventFilterT>(64, {SA_EVT_EXACT_FILTER, pattern(bytes)})),
        SA_AIS_ERR_TOO_BIG);
    EXPECT_EQ(saEvtEventUnsubscribe(to, 9), SA_AIS_ERR_NOT_EXIST);

    // A sleeper is told once in each episode, and loses what is least urgent and newest.
    ASSERT_EQ(subscribe(to, 1), SA_AIS_OK);
    const auto flood = [&](int count, SaEvtEventPriorityT priority, const std::string& text) {
        for (int i = 1; i <= count; ++i) {
            publish(from, text + std::to_string(i), {}, priority);
        }
    };
    const auto arrived = [&] {
        // Another one on this node has seen the last one, so b would have, too.
        Program witness(cluster, 1);
        witness.settle(witness.open("c"));
        received.clear();
        EXPECT_EQ(saEvtDispatch(b.handle, SA_DISPATCH_ALL), SA_AIS_OK);
        // The executive hands over the rest as it learns of what was dispatched.
        EXPECT_TRUE(b.until([] { return received.size() >= 11; }));
        publish(from, "end");
        EXPECT_TRUE(b.until([] { return received.back().data == "end"; }));
        EXPECT_EQ(saEvtEventUnsubscribe(to, 77), SA_AIS_ERR_NOT_EXIST) << "and it has learnt";
        std::vector<std::string> list;
        for (const Received& one : received) {
            list.push_back(one.id == SA_EVT_EVENTID_LOST ? "lost" : one.data);
        }
        return list;
    };
    for (int episode = 0; episode < 2; ++episode) {
        flood(10, 3, "low");
        flood(2, 0, "high");
        flood(3, 3, "more");
        EXPECT_THAT(arrived(),
                    ElementsAre("lost",
                                "high1",
                                "high2",
                                "low1",
                                "low2",
                                "low3",
                                "low4",
                                "low5",
                                "low6",
                                "low7",
                                "low8",
                                "end"))
            << episode;
    }
}

// Faults of executives have a cluster of their own.
class EvtFaults : public testing::Test {
  protected:
    void SetUp() override {
        received.clear();
        opened.clear();
        free_received = true;
        cluster_ = std::make_unique<Cluster>(3);
        cluster_->start_all();
    }
    std::unique_ptr<Cluster> cluster_;
};

TEST_F(EvtFaults, EV10_kept_event_survives_its_publisher_and_the_publishers_node) {
    {
        Program a(*cluster_, 1);
        publish(a.open("c"), "kept", {}, 3, SA_TIME_END);
        Program witness(*cluster_, 3);
        witness.settle(witness.open("c"));
    }
    cluster_->kill(1);
    cluster_->wait_ring({2, 3});
    received.clear();
    Program b(*cluster_, 2);
    ASSERT_EQ(subscribe(b.open("c", sub), 1), SA_AIS_OK);
    ASSERT_TRUE(b.until([] { return !received.empty(); }));
    EXPECT_THAT(texts(), ElementsAre("1:kept"));

    cluster_->start(1);
    cluster_->wait_ring({1, 2, 3});
    received.clear();
    Program again(*cluster_, 1);
    const SaEvtChannelHandleT channel = again.open("c", pub | sub);
    ASSERT_EQ(subscribe(channel, 1), SA_AIS_OK);
    ASSERT_TRUE(again.until([] { return !received.empty(); }));
    EXPECT_THAT(texts(), ElementsAre("1:kept"));
    EXPECT_NE(publish(channel, "new"), received[0].id);
}

}  // namespace

CommonService service_under_test() {
    CommonService evt;
    evt.name = "EVT";
    evt.version = {'B', 3, 1};
    evt.initialize = [](SaUint64T* handle, bool with_callbacks, SaVersionT* version) {
        const SaEvtCallbacksT callbacks{on_open, on_event};
        return saEvtInitialize(handle, with_callbacks ? &callbacks : nullptr, version);
    };
    evt.selection_object_get = saEvtSelectionObjectGet;
    evt.dispatch = saEvtDispatch;
    evt.finalize = saEvtFinalize;
    evt.ask = [](SaUint64T handle, SaUint64T number) {
        const SaNameT name = name_of("asked");
        return saEvtChannelOpenAsync(handle, number, &name, all);
    };
    evt.call = [](SaUint64T handle) {
        const SaNameT name = name_of("called");
        SaEvtChannelHandleT channel = 0;
        const SaAisErrorT error = saEvtChannelOpen(handle, &name, all, 10 * second, &channel);
        return error == SA_AIS_OK ? saEvtChannelClose(channel) : error;
    };
    evt.functions = {
        {"Unlink",
         [](SaUint64T handle) {
             const SaNameT name = name_of("unlinked");
             return saEvtChannelUnlink(handle, &name);
         }},
        {"Open",
         [](SaUint64T handle) {
             const SaNameT name = name_of("opened");
             SaEvtChannelHandleT channel = 0;
             return saEvtChannelOpen(handle, &name, all, second, &channel);
         }},
    };
    evt.open = [](SaUint64T handle, const SaNameT* name) {
        SaEvtChannelHandleT channel = 0;
        return saEvtChannelOpen(handle, name, all, 10 * second, &channel);
    };
    evt.same = [](SaUint64T handle, const SaNameT* one, const SaNameT* other) {
        SaEvtChannelHandleT channel = 0;
        saEvtChannelOpen(handle, one, all, 10 * second, &channel);
        const bool is_same =
            saEvtChannelOpen(handle, other, sub, 10 * second, &channel) == SA_AIS_OK;
        saEvtChannelUnlink(handle, one);
        return is_same;
    };
    return evt;
}

}  // namespace ais::conformance
