// SPDX-License-Identifier: BSD-3-Clause

#include "dying.hpp"

#include <openais/saLck.h>

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace ais::conformance::dying {
namespace {

void on_open(SaInvocationT, SaLckResourceHandleT, SaAisErrorT) {}
void on_grant(SaInvocationT, SaLckLockStatusT, SaAisErrorT) {}
void on_unlock(SaInvocationT, SaAisErrorT) {}

SaAisErrorT initialize(SaLckHandleT& handle) {
    const SaLckCallbacksT callbacks{on_open, on_grant, nullptr, on_unlock};
    SaVersionT version{'B', 3, 1};
    return saLckInitialize(&handle, &callbacks, &version);
}

SaAisErrorT open(SaLckHandleT handle, SaLckResourceHandleT& resource) {
    const SaNameT name = name_of("resource");
    return saLckResourceOpen(handle, &name, SA_LCK_RESOURCE_CREATE, SA_TIME_MAX, &resource);
}

SaAisErrorT lock(SaLckResourceHandleT resource, SaLckLockIdT& id) {
    SaLckLockStatusT status{};
    return saLckResourceLock(resource, &id, SA_LCK_PR_LOCK_MODE, 0, 0, SA_TIME_MAX, &status);
}

TEST(Dying, executive_dies_in_every_function_of_lck) {
    Executive executive;
    SaLckHandleT lck = 0;
    SaLckHandleT sender = 0;  // its ring is filled
    SaLckHandleT one = 0;
    SaLckHandleT other = 0;
    for (SaLckHandleT* handle : {&lck, &sender, &one, &other}) {
        ASSERT_EQ(patiently([&] { return initialize(*handle); }), SA_AIS_OK);
    }
    SaLckResourceHandleT resource = 0;
    SaLckResourceHandleT closing = 0;
    SaLckResourceHandleT sent = 0;
    ASSERT_EQ(patiently([&] { return open(lck, resource); }), SA_AIS_OK);
    ASSERT_EQ(patiently([&] { return open(lck, closing); }), SA_AIS_OK);
    ASSERT_EQ(patiently([&] { return open(sender, sent); }), SA_AIS_OK);
    SaLckLockIdT held = 0;
    ASSERT_EQ(patiently([&] { return lock(resource, held); }), SA_AIS_OK);
    // Each can be unlocked once.
    std::vector<SaLckLockIdT> unlocked(4);
    for (SaLckLockIdT& id : unlocked) {
        ASSERT_EQ(patiently([&] { return lock(sent, id); }), SA_AIS_OK);
    }
    Each<SaLckLockIdT> to_unlock(unlocked);
    Each<SaLckHandleT> ended({one, other});
    SaLckHandleT none = 0;
    SaLckResourceHandleT opened = 0;
    SaLckLockIdT id = 0;
    SaLckLockIdT async_id = 0;
    SaSelectionObjectT fd = 0;
    SaLckOptionsT options = 0;
    SaLimitValueT limit{};
    SaLckFenceT fence{};
    const SaLckFenceT zero{};
    const SaNameT long_name = name_of(std::string(SA_MAX_NAME_LENGTH, 'n'));
    constexpr int gone = SA_AIS_ERR_NOT_EXIST;  // of a lock id
    using enum Course;
    const Calls calls = {
        {"saLckInitialize", connects, [&] { return initialize(none); }},
        {"saLckSelectionObjectGet", looks, [&] { return saLckSelectionObjectGet(lck, &fd); }},
        {"saLckOptionCheck", looks, [&] { return saLckOptionCheck(lck, &options); }},
        {"saLckDispatch", looks, [&] { return saLckDispatch(lck, SA_DISPATCH_ONE); }, "one"},
        {"saLckDispatch", looks, [&] { return saLckDispatch(lck, SA_DISPATCH_ALL); }, "all"},
        {"saLckDispatch",
         waits,
         [&] { return saLckDispatch(lck, SA_DISPATCH_BLOCKING); },
         "blocking"},
        {"saLckFinalize", local, [&] { return saLckFinalize(ended.next()); }},
        {"saLckResourceOpen", waits, [&] { return open(lck, opened); }},
        {"saLckResourceClose", waits, [&] { return saLckResourceClose(closing); }},
        {"saLckResourceLock", waits, [&] { return lock(resource, id); }},
        {"saLckResourceUnlock",
         waits,
         [&] { return saLckResourceUnlock(held, SA_TIME_MAX); },
         "",
         SA_AIS_OK,
         gone},
        {"saLckLockPurge", waits, [&] { return saLckLockPurge(resource); }},
        {"saLckLimitGet",
         looks,
         [&] { return saLckLimitGet(lck, SA_LCK_MAX_NUM_LOCKS_ID, &limit); }},
        {"saLckLockFenceGet",
         waits,
         [&] { return saLckLockFenceGet(held, &fence); },
         "",
         SA_AIS_OK,
         gone},
        {"saLckFenceCompare", local, [&] { return saLckFenceCompare(&fence, &zero); }, "", 0, 0},
        {"saLckLockLostCallbackSet", waits, [&] { return saLckLockLostCallbackSet(lck, nullptr); }},
        {"saLckResourceOpenAsync",
         fills,
         [&] { return saLckResourceOpenAsync(sender, 1, &long_name, SA_LCK_RESOURCE_CREATE); }},
        {"saLckResourceLockAsync",
         fills,
         [&] { return saLckResourceLockAsync(sent, 1, &async_id, SA_LCK_PR_LOCK_MODE, 0, 0); }},
        {"saLckResourceUnlockAsync",
         fills,
         [&] { return saLckResourceUnlockAsync(1, to_unlock.next()); },
         "",
         SA_AIS_OK,
         gone},
    };
    expect_all_functions(calls, "plugins/lck/include/saLck.h", "saLck");
    executive.dies_during(calls);
    EXPECT_EQ(saLckResourceUnlockAsync(1, unlocked[0]), SA_AIS_ERR_LIBRARY)
        << "it was asked for before, and nobody has answered";
    EXPECT_EQ(saLckFinalize(lck), SA_AIS_OK);
    EXPECT_EQ(saLckFinalize(sender), SA_AIS_OK);
    expect_finalized(calls);

    executive.comes_back();
    ASSERT_EQ(patiently([&] { return initialize(lck); }), SA_AIS_OK);
    ASSERT_EQ(patiently([&] { return open(lck, resource); }), SA_AIS_OK);
    EXPECT_EQ(patiently([&] { return lock(resource, id); }), SA_AIS_OK);
    EXPECT_EQ(saLckLockFenceGet(id, &fence), SA_AIS_OK);
    EXPECT_EQ(saLckFinalize(lck), SA_AIS_OK);
}

}  // namespace
}  // namespace ais::conformance::dying
