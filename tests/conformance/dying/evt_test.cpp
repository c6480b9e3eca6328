// SPDX-License-Identifier: BSD-3-Clause

#include "dying.hpp"

#include <openais/saEvt.h>

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace ais::conformance::dying {
namespace {

constexpr SaEvtChannelOpenFlagsT all_flags =
    SA_EVT_CHANNEL_CREATE | SA_EVT_CHANNEL_PUBLISHER | SA_EVT_CHANNEL_SUBSCRIBER;

std::vector<SaEvtEventHandleT> received;

void on_open(SaInvocationT, SaEvtChannelHandleT, SaAisErrorT) {}
void on_event(SaEvtSubscriptionIdT, SaEvtEventHandleT event, SaSizeT) {
    received.push_back(event);
}

SaAisErrorT initialize(SaEvtHandleT& handle) {
    const SaEvtCallbacksT callbacks{on_open, on_event};
    SaVersionT version{'B', 3, 1};
    return saEvtInitialize(&handle, &callbacks, &version);
}

SaAisErrorT open(SaEvtHandleT handle, SaEvtChannelHandleT& channel) {
    const SaNameT name = name_of("channel");
    return saEvtChannelOpen(handle, &name, all_flags, SA_TIME_MAX, &channel);
}

SaAisErrorT subscribe(SaEvtChannelHandleT channel, SaEvtSubscriptionIdT id) {
    SaEvtEventFilterT all{SA_EVT_PASS_ALL_FILTER, {0, 0, nullptr}};
    const SaEvtEventFilterArrayT filters{1, &all};
    return saEvtEventSubscribe(channel, &filters, id);
}

SaAisErrorT publish(SaEvtEventHandleT event, const std::string& data) {
    SaEvtEventIdT id = 0;
    return saEvtEventPublish(event, data.data(), data.size(), &id);
}

// Patterns of an event, and their end.
SaAisErrorT patterns(SaEvtEventHandleT event, bool is_about_free) {
    SaEvtEventPatternArrayT array{};
    const SaAisErrorT got =
        saEvtEventAttributesGet(event, &array, nullptr, nullptr, nullptr, nullptr, nullptr);
    const SaAisErrorT freed = saEvtEventPatternFree(event, array.patterns);
    return is_about_free ? freed : got;
}

TEST(Dying, executive_dies_in_every_function_of_evt) {
    Executive executive;
    received.clear();
    SaEvtHandleT evt = 0;
    SaEvtHandleT sender = 0;  // its ring is filled
    SaEvtHandleT one = 0;
    SaEvtHandleT other = 0;
    for (SaEvtHandleT* handle : {&evt, &sender, &one, &other}) {
        ASSERT_EQ(patiently([&] { return initialize(*handle); }), SA_AIS_OK);
    }
    SaEvtChannelHandleT channel = 0;
    SaEvtChannelHandleT closing = 0;
    SaEvtChannelHandleT sent = 0;
    ASSERT_EQ(patiently([&] { return open(evt, channel); }), SA_AIS_OK);
    ASSERT_EQ(patiently([&] { return open(evt, closing); }), SA_AIS_OK);
    ASSERT_EQ(patiently([&] { return open(sender, sent); }), SA_AIS_OK);
    SaEvtEventHandleT kept = 0;
    SaEvtEventHandleT fast = 0;
    SaEvtEventHandleT freed[3]{};
    ASSERT_EQ(saEvtEventAllocate(channel, &kept), SA_AIS_OK);
    ASSERT_EQ(saEvtEventAllocate(sent, &fast), SA_AIS_OK);
    for (SaEvtEventHandleT& event : freed) {
        ASSERT_EQ(saEvtEventAllocate(channel, &event), SA_AIS_OK);
    }
    SaUint8T letter[] = {'p'};
    SaEvtEventPatternT pattern{0, 1, letter};
    const SaEvtEventPatternArrayT array{0, 1, &pattern};
    const auto set_attributes = [&](SaEvtEventHandleT event, SaTimeT retention) {
        return saEvtEventAttributesSet(event, &array, SA_EVT_LOWEST_PRIORITY, retention, nullptr);
    };
    ASSERT_EQ(set_attributes(kept, SA_TIME_ONE_HOUR), SA_AIS_OK);
    ASSERT_EQ(set_attributes(fast, 0), SA_AIS_OK);
    // One that has come, and a subscription to end; after that nothing is pending.
    ASSERT_EQ(patiently([&] { return subscribe(channel, 1); }), SA_AIS_OK);
    ASSERT_EQ(patiently([&] { return publish(fast, "data"); }), SA_AIS_OK);
    ASSERT_TRUE(process::wait_until(
        [&] {
            EXPECT_EQ(saEvtDispatch(evt, SA_DISPATCH_ALL), SA_AIS_OK);
            return !received.empty();
        },
        patience));
    Each<SaEvtHandleT> ended({one, other});
    Each<SaEvtEventHandleT> given_back({freed[0], freed[1], freed[2]});
    SaEvtHandleT none = 0;
    SaEvtChannelHandleT opened = 0;
    SaEvtEventHandleT allocated = 0;
    SaSelectionObjectT fd = 0;
    SaLimitValueT limit{};
    const SaNameT name = name_of("channel");
    const SaNameT long_name = name_of(std::string(SA_MAX_NAME_LENGTH, 'n'));
    const std::string large(SA_EVT_DATA_MAX_LEN, 'l');
    char room[4];
    SaSizeT size = sizeof room;
    using enum Course;
    const Calls calls = {
        {"saEvtInitialize", connects, [&] { return initialize(none); }},
        {"saEvtSelectionObjectGet", looks, [&] { return saEvtSelectionObjectGet(evt, &fd); }},
        {"saEvtDispatch", looks, [&] { return saEvtDispatch(evt, SA_DISPATCH_ONE); }, "one"},
        {"saEvtDispatch", looks, [&] { return saEvtDispatch(evt, SA_DISPATCH_ALL); }, "all"},
        {"saEvtDispatch",
         waits,
         [&] { return saEvtDispatch(evt, SA_DISPATCH_BLOCKING); },
         "blocking"},
        {"saEvtFinalize", local, [&] { return saEvtFinalize(ended.next()); }},
        {"saEvtChannelOpen", waits, [&] { return open(evt, opened); }},
        {"saEvtChannelClose", waits, [&] { return saEvtChannelClose(closing); }},
        {"saEvtChannelUnlink", waits, [&] { return saEvtChannelUnlink(evt, &name); }},
        {"saEvtEventAllocate", looks, [&] { return saEvtEventAllocate(channel, &allocated); }},
        {"saEvtEventFree", local, [&] { return saEvtEventFree(given_back.next()); }},
        {"saEvtEventAttributesSet", local, [&] { return set_attributes(fast, 0); }},
        {"saEvtEventAttributesGet", local, [&] { return patterns(received[0], false); }},
        {"saEvtEventPatternFree", local, [&] { return patterns(received[0], true); }},
        {"saEvtEventDataGet", local, [&] { return saEvtEventDataGet(received[0], room, &size); }},
        {"saEvtEventPublish",
         waits,
         [&] { return publish(kept, "data"); },
         "with a retention time"},
        {"saEvtEventSubscribe", waits, [&] { return subscribe(channel, 2); }},
        {"saEvtEventUnsubscribe", waits, [&] { return saEvtEventUnsubscribe(channel, 1); }},
        {"saEvtEventRetentionTimeClear",
         waits,
         [&] { return saEvtEventRetentionTimeClear(channel, 100000); }},
        {"saEvtLimitGet",
         looks,
         [&] { return saEvtLimitGet(evt, SA_EVT_MAX_EVT_SIZE_ID, &limit); }},
        {"saEvtEventPublish", refuses, [&] { return publish(fast, large); }, "without"},
        {"saEvtChannelOpenAsync",
         fills,
         [&] { return saEvtChannelOpenAsync(sender, 1, &long_name, all_flags); }},
    };
    expect_all_functions(calls, "plugins/evt/include/saEvt.h", "saEvt");
    executive.dies_during(calls);
    EXPECT_EQ(saEvtFinalize(evt), SA_AIS_OK);
    EXPECT_EQ(saEvtFinalize(sender), SA_AIS_OK);
    expect_finalized(calls);

    executive.comes_back();
    ASSERT_EQ(patiently([&] { return initialize(evt); }), SA_AIS_OK);
    ASSERT_EQ(patiently([&] { return open(evt, channel); }), SA_AIS_OK);
    EXPECT_EQ(patiently([&] { return subscribe(channel, 1); }), SA_AIS_OK);
    ASSERT_EQ(saEvtEventAllocate(channel, &fast), SA_AIS_OK);
    EXPECT_EQ(patiently([&] { return publish(fast, "again"); }), SA_AIS_OK);
    EXPECT_EQ(saEvtFinalize(evt), SA_AIS_OK);
}

}  // namespace
}  // namespace ais::conformance::dying
