// SPDX-License-Identifier: BSD-3-Clause
//
// Bad input that needs more than one service in a process, or is the same for all: handles of
// another service, times that are hardly any.  What belongs to one service is in its own file; what
// all SA Forum services share in common_test.cpp; executives that die during calls in dying/.

#include "program.hpp"

#include <openais/cpg.h>
#include <openais/evs.h>
#include <openais/saCkpt.h>
#include <openais/saClm.h>
#include <openais/saEvt.h>
#include <openais/saLck.h>
#include <openais/saMsg.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>
#include <functional>
#include <string>
#include <string_view>

namespace ais::conformance {
namespace {

using testing::AnyOf;

SaNameT name_of(const std::string& text) {
    SaNameT name{};
    name.length = static_cast<SaUint16T>(text.size());
    std::memcpy(name.value, text.data(), text.size());
    return name;
}

void on_node(SaInvocationT, const SaClmClusterNodeT*, SaAisErrorT) {}
void on_open(SaInvocationT, SaCkptCheckpointHandleT, SaAisErrorT) {}
void on_event(SaEvtSubscriptionIdT, SaEvtEventHandleT, SaSizeT) {}
void on_cpg(cpg_handle_t, const cpg_name*, std::uint32_t, std::uint32_t, void*, std::size_t) {}
void on_evs(unsigned, void*, int) {}
void on_evs_change(unsigned*, int, unsigned*, int, unsigned*, int) {}

// A handle of each service, of one process.
class AllServices : public ::testing::Test {
  protected:
    AllServices() {
        cluster.start_all();
        cluster.use(1);
        SaVersionT version{'B', 1, 1};
        const SaClmCallbacksT of_clm{on_node, nullptr};
        EXPECT_TRUE(begins([&] { return saClmInitialize(&clm, &of_clm, &version); }));
        version = {'B', 1, 1};
        const SaCkptCallbacksT of_ckpt{on_open, nullptr};
        EXPECT_TRUE(begins([&] { return saCkptInitialize(&ckpt, &of_ckpt, &version); }));
        version = {'B', 1, 1};
        const SaEvtCallbacksT of_evt{nullptr, on_event};
        EXPECT_TRUE(begins([&] { return saEvtInitialize(&evt, &of_evt, &version); }));
        cpg_callbacks_t of_cpg{on_cpg, nullptr};
        EXPECT_TRUE(begins([&] { return cpg_initialize(&cpg, &of_cpg); }));
        evs_callbacks_t of_evs{on_evs, on_evs_change};
        EXPECT_TRUE(begins([&] { return evs_initialize(&evs, &of_evs); }));
    }
    ~AllServices() override {
        saClmFinalize(clm);
        saCkptFinalize(ckpt);
        saEvtFinalize(evt);
        cpg_finalize(cpg);
        evs_finalize(evs);
    }
    // Replicas may still be made equal.  The numbers of errors are the same in all libraries.
    static bool begins(const std::function<int()>& call) {
        int error = 0;
        wait_until([&] { return (error = call()) != SA_AIS_ERR_TRY_AGAIN; }, patience);
        return error == SA_AIS_OK;
    }
    static int settled(const std::function<int()>& call) {
        int error = 0;
        wait_until([&] { return (error = call()) != SA_AIS_ERR_TRY_AGAIN; }, patience);
        return error;
    }
    SaAisErrorT open_checkpoint(SaCkptHandleT handle,
                                SaTimeT timeout,
                                SaCkptCheckpointHandleT* checkpoint) const {
        const SaNameT name = name_of("a");
        const SaCkptCheckpointCreationAttributesT how{
            SA_CKPT_WR_ACTIVE_REPLICA, 100, SA_TIME_ONE_HOUR, 1, 100, 16};
        return saCkptCheckpointOpen(
            handle,
            &name,
            &how,
            SA_CKPT_CHECKPOINT_CREATE | SA_CKPT_CHECKPOINT_READ | SA_CKPT_CHECKPOINT_WRITE,
            timeout,
            checkpoint);
    }
    SaAisErrorT open_channel(SaEvtHandleT handle,
                             SaTimeT timeout,
                             SaEvtChannelHandleT* channel) const {
        const SaNameT name = name_of("c");
        return saEvtChannelOpen(
            handle, &name, SA_EVT_CHANNEL_CREATE | SA_EVT_CHANNEL_PUBLISHER, timeout, channel);
    }

    Cluster cluster{1};
    SaClmHandleT clm = 0;
    SaCkptHandleT ckpt = 0;
    SaEvtHandleT evt = 0;
    cpg_handle_t cpg = 0;
    evs_handle_t evs = 0;
};

TEST_F(AllServices, handle_of_one_service_is_bad_for_the_functions_of_the_others) {
    SaCkptCheckpointHandleT checkpoint = 0;
    SaEvtChannelHandleT channel = 0;
    ASSERT_EQ(settled([&] { return open_checkpoint(ckpt, SA_TIME_MAX, &checkpoint); }), SA_AIS_OK);
    ASSERT_EQ(settled([&] { return open_channel(evt, SA_TIME_MAX, &channel); }), SA_AIS_OK);
    SaLckHandleT lck = 0;
    SaLckResourceHandleT resource = 0;
    SaLckLockIdT lock = 0;
    SaLckLockStatusT lock_status{};
    SaMsgHandleT msg = 0;
    SaMsgQueueHandleT queue = 0;
    SaVersionT version{'B', 1, 1};
    const SaNameT name = name_of("n");
    const SaMsgQueueCreationAttributesT usual{0, {100, 100, 100, 100}, 0};
    ASSERT_EQ(settled([&] { return saLckInitialize(&lck, nullptr, &version); }), SA_AIS_OK);
    ASSERT_EQ(settled([&] {
                  return saLckResourceOpen(
                      lck, &name, SA_LCK_RESOURCE_CREATE, SA_TIME_MAX, &resource);
              }),
              SA_AIS_OK);
    ASSERT_EQ(settled([&] {
                  return saLckResourceLock(
                      resource, &lock, SA_LCK_EX_LOCK_MODE, 0, 0, SA_TIME_MAX, &lock_status);
              }),
              SA_AIS_OK);
    version = {'B', 1, 1};
    ASSERT_EQ(settled([&] { return saMsgInitialize(&msg, nullptr, &version); }), SA_AIS_OK);
    ASSERT_EQ(settled([&] {
                  return saMsgQueueOpen(
                      msg, &name, &usual, SA_MSG_QUEUE_CREATE, SA_TIME_MAX, &queue);
              }),
              SA_AIS_OK);
    struct Named {
        const char* of;
        SaUint64T handle;
    };
    for (const auto& [of, handle] : {Named{"clm", clm},
                                     Named{"ckpt", ckpt},
                                     Named{"checkpoint", checkpoint},
                                     Named{"evt", evt},
                                     Named{"channel", channel},
                                     Named{"cpg", cpg},
                                     Named{"evs", evs},
                                     Named{"lck", lck},
                                     Named{"resource", resource},
                                     Named{"lock", lock},
                                     Named{"msg", msg},
                                     Named{"queue", queue}}) {
        SCOPED_TRACE(of);
        const std::string_view owner = of;
        SaSelectionObjectT selection = 0;
        int fd = 0;
        if (owner != "clm") {
            SaClmClusterNodeT node{};
            EXPECT_EQ(saClmSelectionObjectGet(handle, &selection), SA_AIS_ERR_BAD_HANDLE);
            EXPECT_EQ(saClmDispatch(handle, SA_DISPATCH_ALL), SA_AIS_ERR_BAD_HANDLE);
            EXPECT_EQ(saClmClusterNodeGet(handle, 1, SA_TIME_MAX, &node), SA_AIS_ERR_BAD_HANDLE);
            EXPECT_EQ(saClmFinalize(handle), SA_AIS_ERR_BAD_HANDLE);
        }
        if (owner != "ckpt") {
            SaCkptCheckpointHandleT other = 0;
            EXPECT_EQ(saCkptSelectionObjectGet(handle, &selection), SA_AIS_ERR_BAD_HANDLE);
            EXPECT_EQ(saCkptDispatch(handle, SA_DISPATCH_ALL), SA_AIS_ERR_BAD_HANDLE);
            EXPECT_EQ(open_checkpoint(handle, SA_TIME_MAX, &other), SA_AIS_ERR_BAD_HANDLE);
            EXPECT_EQ(saCkptFinalize(handle), SA_AIS_ERR_BAD_HANDLE);
        }
        if (owner != "checkpoint") {
            EXPECT_EQ(saCkptCheckpointSynchronize(handle, SA_TIME_MAX), SA_AIS_ERR_BAD_HANDLE);
            EXPECT_EQ(saCkptCheckpointClose(handle), SA_AIS_ERR_BAD_HANDLE);
        }
        if (owner != "evt") {
            SaEvtChannelHandleT other = 0;
            EXPECT_EQ(saEvtSelectionObjectGet(handle, &selection), SA_AIS_ERR_BAD_HANDLE);
            EXPECT_EQ(saEvtDispatch(handle, SA_DISPATCH_ALL), SA_AIS_ERR_BAD_HANDLE);
            EXPECT_EQ(open_channel(handle, SA_TIME_MAX, &other), SA_AIS_ERR_BAD_HANDLE);
            EXPECT_EQ(saEvtFinalize(handle), SA_AIS_ERR_BAD_HANDLE);
        }
        if (owner != "channel") {
            SaEvtEventHandleT event = 0;
            EXPECT_EQ(saEvtEventAllocate(handle, &event), SA_AIS_ERR_BAD_HANDLE);
            EXPECT_EQ(saEvtChannelClose(handle), SA_AIS_ERR_BAD_HANDLE);
        }
        if (owner != "cpg") {
            EXPECT_EQ(cpg_fd_get(handle, &fd), CS_ERR_BAD_HANDLE);
            EXPECT_EQ(cpg_dispatch(handle, CS_DISPATCH_ALL), CS_ERR_BAD_HANDLE);
            EXPECT_EQ(cpg_finalize(handle), CS_ERR_BAD_HANDLE);
        }
        if (owner != "evs") {
            EXPECT_EQ(evs_fd_get(handle, &fd), EVS_ERR_BAD_HANDLE);
            EXPECT_EQ(evs_dispatch(handle, EVS_DISPATCH_ALL), EVS_ERR_BAD_HANDLE);
            EXPECT_EQ(evs_finalize(handle), EVS_ERR_BAD_HANDLE);
        }
        if (owner != "lck") {
            SaLckResourceHandleT other = 0;
            EXPECT_EQ(saLckSelectionObjectGet(handle, &selection), SA_AIS_ERR_BAD_HANDLE);
            EXPECT_EQ(saLckDispatch(handle, SA_DISPATCH_ALL), SA_AIS_ERR_BAD_HANDLE);
            EXPECT_EQ(saLckResourceOpen(handle, &name, 0, SA_TIME_MAX, &other),
                      SA_AIS_ERR_BAD_HANDLE);
            EXPECT_EQ(saLckFinalize(handle), SA_AIS_ERR_BAD_HANDLE);
        }
        if (owner != "resource") {
            EXPECT_EQ(saLckLockPurge(handle), SA_AIS_ERR_BAD_HANDLE);
            EXPECT_EQ(saLckResourceClose(handle), SA_AIS_ERR_BAD_HANDLE);
        }
        if (owner != "lock") {
            EXPECT_EQ(saLckResourceUnlock(handle, SA_TIME_MAX), SA_AIS_ERR_NOT_EXIST);
        }
        if (owner != "msg") {
            EXPECT_EQ(saMsgSelectionObjectGet(handle, &selection), SA_AIS_ERR_BAD_HANDLE);
            EXPECT_EQ(saMsgDispatch(handle, SA_DISPATCH_ALL), SA_AIS_ERR_BAD_HANDLE);
            EXPECT_EQ(saMsgQueueUnlink(handle, &name), SA_AIS_ERR_BAD_HANDLE);
            EXPECT_EQ(saMsgFinalize(handle), SA_AIS_ERR_BAD_HANDLE);
        }
        if (owner != "queue") {
            EXPECT_EQ(saMsgMessageCancel(handle), SA_AIS_ERR_BAD_HANDLE);
            EXPECT_EQ(saMsgQueueClose(handle), SA_AIS_ERR_BAD_HANDLE);
        }
    }
    EXPECT_EQ(saCkptCheckpointClose(checkpoint), SA_AIS_OK) << "nothing of it has harmed them";
    EXPECT_EQ(saEvtChannelClose(channel), SA_AIS_OK);
    EXPECT_EQ(saLckResourceUnlock(lock, SA_TIME_MAX), SA_AIS_OK);
    EXPECT_EQ(saMsgQueueClose(queue), SA_AIS_OK);
    EXPECT_EQ(saLckFinalize(lck), SA_AIS_OK);
    EXPECT_EQ(saMsgFinalize(msg), SA_AIS_OK);
}

// Of clm and ckpt every function, with good arguments but for the handle.
TEST_F(AllServices, every_function_of_clm_and_ckpt_refuses_handles_of_all_others) {
    SaCkptCheckpointHandleT checkpoint = 0;
    SaEvtChannelHandleT channel = 0;
    SaCkptSectionIterationHandleT iteration = 0;
    ASSERT_EQ(settled([&] { return open_checkpoint(ckpt, SA_TIME_MAX, &checkpoint); }), SA_AIS_OK);
    ASSERT_EQ(settled([&] { return open_channel(evt, SA_TIME_MAX, &channel); }), SA_AIS_OK);
    ASSERT_EQ(saCkptSectionIterationInitialize(checkpoint, SA_CKPT_SECTIONS_ANY, 0, &iteration),
              SA_AIS_OK);
    const SaNameT name = name_of("a");
    SaSelectionObjectT fd = 0;
    const auto of_clm = [&](SaUint64T handle) {
        SaClmClusterNotificationT item;
        SaClmClusterNotificationT_4 item_4;
        SaClmClusterNotificationBufferT buffer{0, 1, &item};
        SaClmClusterNotificationBufferT_4 buffer_4{0, 1, &item_4};
        SaClmClusterNodeT node;
        SaClmClusterNodeT_4 node_4;
        return std::vector<SaAisErrorT>{saClmSelectionObjectGet(handle, &fd),
                                        saClmDispatch(handle, SA_DISPATCH_ALL),
                                        saClmClusterTrack(handle, SA_TRACK_CURRENT, &buffer),
                                        saClmClusterTrack_4(handle, SA_TRACK_CURRENT, &buffer_4),
                                        saClmClusterTrackStop(handle),
                                        saClmClusterNodeGet(handle, 1, SA_TIME_MAX, &node),
                                        saClmClusterNodeGet_4(handle, 1, SA_TIME_MAX, &node_4),
                                        saClmClusterNodeGetAsync(handle, 1, 1),
                                        saClmClusterNotificationFree(handle, &item),
                                        saClmClusterNotificationFree_4(handle, &item_4),
                                        saClmResponse_4(handle, 1, SA_CLM_CALLBACK_RESPONSE_OK),
                                        saClmFinalize(handle)};
    };
    const auto of_ckpt = [&](SaUint64T handle) {
        SaCkptCheckpointHandleT opened = 0;
        return std::vector<SaAisErrorT>{
            saCkptSelectionObjectGet(handle, &fd),
            saCkptDispatch(handle, SA_DISPATCH_ALL),
            saCkptCheckpointOpen(
                handle, &name, nullptr, SA_CKPT_CHECKPOINT_READ, SA_TIME_MAX, &opened),
            saCkptCheckpointOpenAsync(handle, 1, &name, nullptr, SA_CKPT_CHECKPOINT_READ),
            saCkptCheckpointUnlink(handle, &name),
            saCkptFinalize(handle)};
    };
    const auto of_checkpoint = [&](SaUint64T handle) {
        SaUint8T byte = 's';
        SaCkptSectionIdT id{1, &byte};
        SaCkptSectionCreationAttributesT create{&id, SA_TIME_END};
        SaCkptCheckpointDescriptorT status;
        SaCkptSectionIterationHandleT other = 0;
        char data[1];
        SaCkptIOVectorElementT element{id, data, 1, 0, 0};
        return std::vector<SaAisErrorT>{
            saCkptCheckpointRetentionDurationSet(handle, 1),
            saCkptActiveReplicaSet(handle),
            saCkptCheckpointStatusGet(handle, &status),
            saCkptSectionCreate(handle, &create, data, 1),
            saCkptSectionDelete(handle, &id),
            saCkptSectionExpirationTimeSet(handle, &id, SA_TIME_END),
            saCkptSectionIterationInitialize(handle, SA_CKPT_SECTIONS_ANY, 0, &other),
            saCkptCheckpointWrite(handle, &element, 1, nullptr),
            saCkptSectionOverwrite(handle, &id, data, 1),
            saCkptCheckpointRead(handle, &element, 1, nullptr),
            saCkptCheckpointSynchronize(handle, SA_TIME_MAX),
            saCkptCheckpointSynchronizeAsync(handle, 1),
            saCkptSectionIdFree(handle, &byte),
            saCkptIOVectorElementDataFree(handle, data),
            saCkptCheckpointClose(handle)};
    };
    const auto of_iteration = [&](SaUint64T handle) {
        SaCkptSectionDescriptorT section;
        return std::vector<SaAisErrorT>{saCkptSectionIterationNext(handle, &section),
                                        saCkptSectionIterationFinalize(handle)};
    };
    const std::vector<SaUint64T> handles = {
        clm, ckpt, checkpoint, iteration, evt, channel, cpg, evs};
    for (std::size_t i = 0; i < handles.size(); ++i) {
        SCOPED_TRACE(i);
        const std::vector<std::function<std::vector<SaAisErrorT>(SaUint64T)>> all = {
            of_clm, of_ckpt, of_checkpoint, of_iteration};
        for (std::size_t own = 0; own < all.size(); ++own) {
            if (i != own) {
                EXPECT_THAT(all[own](handles[i]), testing::Each(SA_AIS_ERR_BAD_HANDLE)) << own;
            }
        }
    }
    EXPECT_THAT(of_iteration(iteration), testing::Each(SA_AIS_OK));
    EXPECT_EQ(saCkptCheckpointClose(checkpoint), SA_AIS_OK);
}

TEST_F(AllServices, times_from_none_to_the_longest_are_taken_at_their_word) {
    SaCkptCheckpointHandleT checkpoint = 0;
    ASSERT_EQ(settled([&] { return open_checkpoint(ckpt, SA_TIME_MAX, &checkpoint); }), SA_AIS_OK);
    EXPECT_EQ(saCkptCheckpointSynchronize(checkpoint, SA_TIME_MAX), SA_AIS_OK);
    for (const SaTimeT short_time : {SaTimeT{0}, SaTimeT{1}}) {
        SCOPED_TRACE(short_time);
        SaCkptCheckpointHandleT other = 0;
        SaEvtChannelHandleT channel = 0;
        SaClmClusterNodeT node{};
        const auto hardly = AnyOf(SA_AIS_OK, SA_AIS_ERR_TIMEOUT, SA_AIS_ERR_TRY_AGAIN);
        EXPECT_THAT(open_checkpoint(ckpt, short_time, &other), hardly);
        EXPECT_THAT(saCkptCheckpointSynchronize(checkpoint, short_time), hardly);
        EXPECT_THAT(open_channel(evt, short_time, &channel), hardly);
        EXPECT_THAT(saClmClusterNodeGet(clm, 1, short_time, &node), hardly);
    }
    for (const SaTimeT negative : {SaTimeT{-1}, -SA_TIME_MAX}) {
        SCOPED_TRACE(negative);
        SaCkptCheckpointHandleT other = 0;
        SaEvtChannelHandleT channel = 0;
        SaClmClusterNodeT node{};
        EXPECT_EQ(open_checkpoint(ckpt, negative, &other), SA_AIS_ERR_INVALID_PARAM);
        EXPECT_EQ(saCkptCheckpointSynchronize(checkpoint, negative), SA_AIS_ERR_INVALID_PARAM);
        EXPECT_EQ(open_channel(evt, negative, &channel), SA_AIS_ERR_TIMEOUT);
        EXPECT_EQ(saClmClusterNodeGet(clm, 1, negative, &node), SA_AIS_ERR_INVALID_PARAM);
    }
    // Whatever became of them, the associations are good.
    SaCkptCheckpointHandleT after = 0;
    SaEvtChannelHandleT channel = 0;
    EXPECT_EQ(settled([&] { return open_checkpoint(ckpt, SA_TIME_MAX, &after); }), SA_AIS_OK);
    EXPECT_EQ(settled([&] { return open_channel(evt, SA_TIME_MAX - 1, &channel); }), SA_AIS_OK);
}

}  // namespace
}  // namespace ais::conformance
