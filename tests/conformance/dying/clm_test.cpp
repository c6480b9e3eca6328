// SPDX-License-Identifier: BSD-3-Clause

#include "dying.hpp"

#include <openais/saClm.h>

#include <gtest/gtest.h>

#include <cstdlib>

namespace ais::conformance::dying {
namespace {

void on_node(SaInvocationT, const SaClmClusterNodeT*, SaAisErrorT) {}
void on_track(const SaClmClusterNotificationBufferT*, SaUint32T, SaAisErrorT) {}

SaAisErrorT initialize(SaClmHandleT& handle) {
    const SaClmCallbacksT callbacks{on_node, on_track};
    SaVersionT version{'B', 1, 1};
    return saClmInitialize(&handle, &callbacks, &version);
}

SaAisErrorT initialize_4(SaClmHandleT& handle) {
    const SaClmCallbacksT_4 callbacks{};
    SaVersionT version{'B', 4, 1};
    return saClmInitialize_4(&handle, &callbacks, &version);
}

// The library frees it, or else we do.
template <typename T, typename Give>
SaAisErrorT give_back(SaClmHandleT handle, Give give) {
    auto* memory = static_cast<T*>(std::malloc(sizeof(T)));
    const SaAisErrorT error = give(handle, memory);
    if (error != SA_AIS_OK) {
        std::free(memory);
    }
    return error;
}

TEST(Dying, executive_dies_in_every_function_of_clm) {
    Executive executive;
    SaClmHandleT first = 0;
    SaClmHandleT later = 0;
    SaClmHandleT one = 0;
    SaClmHandleT other = 0;
    for (SaClmHandleT* handle : {&first, &one, &other}) {
        ASSERT_EQ(patiently([&] { return initialize(*handle); }), SA_AIS_OK);
    }
    ASSERT_EQ(patiently([&] { return initialize_4(later); }), SA_AIS_OK);
    Each<SaClmHandleT> ended({one, other});
    SaClmHandleT none = 0;
    SaSelectionObjectT fd = 0;
    SaClmClusterNotificationBufferT buffer{};
    SaClmClusterNotificationBufferT_4 buffer_4{};
    SaClmClusterNodeT node{};
    SaClmClusterNodeT_4 node_4{};
    constexpr SaClmNodeIdT here = SA_CLM_LOCAL_NODE_ID;
    using enum Course;
    const Calls calls = {
        {"saClmInitialize", connects, [&] { return initialize(none); }},
        {"saClmInitialize_4", connects, [&] { return initialize_4(none); }},
        {"saClmSelectionObjectGet", looks, [&] { return saClmSelectionObjectGet(first, &fd); }},
        {"saClmDispatch", looks, [&] { return saClmDispatch(first, SA_DISPATCH_ONE); }, "one"},
        {"saClmDispatch", looks, [&] { return saClmDispatch(first, SA_DISPATCH_ALL); }, "all"},
        {"saClmDispatch",
         waits,
         [&] { return saClmDispatch(first, SA_DISPATCH_BLOCKING); },
         "blocking"},
        {"saClmFinalize", local, [&] { return saClmFinalize(ended.next()); }},
        {"saClmClusterTrack",
         waits,
         [&] { return saClmClusterTrack(first, SA_TRACK_CURRENT, &buffer); }},
        {"saClmClusterTrack",
         waits,
         [&] { return saClmClusterTrack(first, SA_TRACK_CHANGES, nullptr); },
         "changes"},
        {"saClmClusterTrack_4",
         waits,
         [&] { return saClmClusterTrack_4(later, SA_TRACK_CURRENT, &buffer_4); }},
        {"saClmClusterTrackStop", waits, [&] { return saClmClusterTrackStop(first); }},
        {"saClmClusterNotificationFree",
         local,
         [&] { return give_back<SaClmClusterNotificationT>(first, saClmClusterNotificationFree); }},
        {"saClmClusterNotificationFree_4",
         local,
         [&] {
             return give_back<SaClmClusterNotificationT_4>(later, saClmClusterNotificationFree_4);
         }},
        {"saClmClusterNodeGet",
         waits,
         [&] { return saClmClusterNodeGet(first, here, SA_TIME_MAX, &node); }},
        {"saClmClusterNodeGet_4",
         waits,
         [&] { return saClmClusterNodeGet_4(later, here, SA_TIME_MAX, &node_4); }},
        {"saClmClusterNodeGetAsync",
         waits,
         [&] { return saClmClusterNodeGetAsync(first, 1, here); }},
        {"saClmResponse_4",
         waits,
         [&] { return saClmResponse_4(later, 1, SA_CLM_CALLBACK_RESPONSE_OK); }},
    };
    expect_all_functions(calls, "plugins/clm/include/saClm.h", "saClm");
    executive.dies_during(calls);
    EXPECT_EQ(saClmFinalize(first), SA_AIS_OK);
    EXPECT_EQ(saClmFinalize(later), SA_AIS_OK);
    expect_finalized(calls);

    executive.comes_back();
    ASSERT_EQ(patiently([&] { return initialize(first); }), SA_AIS_OK);
    EXPECT_EQ(patiently([&] { return saClmClusterNodeGet(first, here, SA_TIME_MAX, &node); }),
              SA_AIS_OK);
    EXPECT_EQ(node.nodeId, 1U);
    EXPECT_EQ(saClmFinalize(first), SA_AIS_OK);
}

}  // namespace
}  // namespace ais::conformance::dying
