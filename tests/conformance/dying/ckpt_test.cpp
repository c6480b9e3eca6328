// SPDX-License-Identifier: BSD-3-Clause

#include "dying.hpp"

#include <openais/saCkpt.h>

#include <gtest/gtest.h>

#include <atomic>
#include <cstdlib>
#include <string>
#include <thread>

namespace ais::conformance::dying {
namespace {

constexpr SaCkptCheckpointOpenFlagsT all_flags =
    SA_CKPT_CHECKPOINT_CREATE | SA_CKPT_CHECKPOINT_READ | SA_CKPT_CHECKPOINT_WRITE;
constexpr SaCkptCheckpointCreationAttributesT attributes{
    SA_CKPT_WR_ACTIVE_REPLICA, 4U << 20, SA_TIME_MAX, 10, 4U << 20, 16};

void on_open(SaInvocationT, SaCkptCheckpointHandleT, SaAisErrorT) {}
void on_synchronized(SaInvocationT, SaAisErrorT) {}

SaAisErrorT initialize(SaCkptHandleT& handle) {
    const SaCkptCallbacksT callbacks{on_open, on_synchronized};
    SaVersionT version{'B', 1, 1};
    return saCkptInitialize(&handle, &callbacks, &version);
}

SaAisErrorT open(SaCkptHandleT handle, SaCkptCheckpointHandleT& checkpoint) {
    const SaNameT name = name_of("checkpoint");
    return saCkptCheckpointOpen(handle, &name, &attributes, all_flags, SA_TIME_MAX, &checkpoint);
}

// The library frees it, or else we do.
template <typename Give>
SaAisErrorT give_back(SaCkptCheckpointHandleT checkpoint, Give give) {
    auto* memory = static_cast<SaUint8T*>(std::malloc(1));
    const SaAisErrorT error = give(checkpoint, memory);
    if (error != SA_AIS_OK) {
        std::free(memory);
    }
    return error;
}

TEST(Dying, executive_dies_in_every_function_of_ckpt) {
    Executive executive;
    SaCkptHandleT ckpt = 0;
    SaCkptHandleT sender = 0;  // its ring is filled
    SaCkptHandleT one = 0;
    SaCkptHandleT other = 0;
    for (SaCkptHandleT* handle : {&ckpt, &sender, &one, &other}) {
        ASSERT_EQ(patiently([&] { return initialize(*handle); }), SA_AIS_OK);
    }
    SaCkptCheckpointHandleT here = 0;
    SaCkptCheckpointHandleT closing = 0;
    SaCkptCheckpointHandleT sent = 0;
    ASSERT_EQ(patiently([&] { return open(ckpt, here); }), SA_AIS_OK);
    ASSERT_EQ(patiently([&] { return open(ckpt, closing); }), SA_AIS_OK);
    ASSERT_EQ(patiently([&] { return open(sender, sent); }), SA_AIS_OK);
    SaUint8T letter[] = {'s'};
    SaCkptSectionIdT section{1, letter};
    SaCkptSectionCreationAttributesT made{&section, SA_TIME_END};
    const std::string large(3U << 20, 'l');
    ASSERT_EQ(patiently([&] { return saCkptSectionCreate(here, &made, "data", 4); }), SA_AIS_OK);
    const auto iterate = [&](SaCkptSectionIterationHandleT& iteration) {
        return saCkptSectionIterationInitialize(here, SA_CKPT_SECTIONS_ANY, 0, &iteration);
    };
    SaCkptSectionIterationHandleT iterations[4]{};
    for (SaCkptSectionIterationHandleT& iteration : iterations) {
        ASSERT_EQ(patiently([&] { return iterate(iteration); }), SA_AIS_OK);
    }
    Each<SaCkptHandleT> ended({one, other});
    Each<SaCkptSectionIterationHandleT> left({iterations[0], iterations[1], iterations[2]});
    SaCkptHandleT none = 0;
    SaCkptCheckpointHandleT opened = 0;
    SaCkptSectionIterationHandleT begun = 0;
    SaCkptCheckpointDescriptorT status{};
    SaCkptSectionDescriptorT descriptor{};
    SaSelectionObjectT fd = 0;
    const SaNameT name = name_of("checkpoint");
    const SaNameT long_name = name_of(std::string(SA_MAX_NAME_LENGTH, 'n'));
    const auto write = [&](const char* data, SaSizeT size, SaUint32T elements) {
        SaCkptIOVectorElementT element{};
        element.sectionId = section;
        element.dataBuffer = const_cast<char*>(data);
        element.dataSize = size;
        const SaCkptIOVectorElementT list[] = {element, element};
        return saCkptCheckpointWrite(here, list, elements, nullptr);
    };
    const auto read = [&](SaUint32T elements) {
        char room[2][4];
        SaCkptIOVectorElementT list[2]{};
        for (int i = 0; i < 2; ++i) {
            list[i].sectionId = section;
            list[i].dataBuffer = room[i];
            list[i].dataSize = sizeof room[i];
        }
        return saCkptCheckpointRead(here, list, elements, nullptr);
    };
    using enum Course;
    const Calls calls = {
        {"saCkptInitialize", connects, [&] { return initialize(none); }},
        {"saCkptSelectionObjectGet", looks, [&] { return saCkptSelectionObjectGet(ckpt, &fd); }},
        {"saCkptDispatch", looks, [&] { return saCkptDispatch(ckpt, SA_DISPATCH_ONE); }, "one"},
        {"saCkptDispatch", looks, [&] { return saCkptDispatch(ckpt, SA_DISPATCH_ALL); }, "all"},
        {"saCkptDispatch",
         waits,
         [&] { return saCkptDispatch(ckpt, SA_DISPATCH_BLOCKING); },
         "blocking"},
        {"saCkptFinalize", local, [&] { return saCkptFinalize(ended.next()); }},
        {"saCkptCheckpointOpen", waits, [&] { return open(ckpt, opened); }},
        {"saCkptCheckpointClose", waits, [&] { return saCkptCheckpointClose(closing); }},
        {"saCkptCheckpointUnlink", waits, [&] { return saCkptCheckpointUnlink(ckpt, &name); }},
        {"saCkptCheckpointRetentionDurationSet",
         waits,
         [&] { return saCkptCheckpointRetentionDurationSet(here, SA_TIME_ONE_HOUR); }},
        {"saCkptActiveReplicaSet", waits, [&] { return saCkptActiveReplicaSet(here); }},
        {"saCkptCheckpointStatusGet",
         waits,
         [&] { return saCkptCheckpointStatusGet(here, &status); }},
        {"saCkptSectionCreate", waits, [&] { return saCkptSectionCreate(here, &made, "data", 4); }},
        {"saCkptSectionCreate",
         waits,
         [&] { return saCkptSectionCreate(here, &made, large.data(), large.size()); },
         "in parts"},
        {"saCkptSectionDelete", waits, [&] { return saCkptSectionDelete(here, &section); }},
        {"saCkptSectionIdFree", local, [&] { return give_back(here, saCkptSectionIdFree); }},
        {"saCkptSectionExpirationTimeSet",
         waits,
         [&] { return saCkptSectionExpirationTimeSet(here, &section, SA_TIME_END); }},
        {"saCkptSectionIterationInitialize", waits, [&] { return iterate(begun); }},
        {"saCkptSectionIterationNext",
         waits,
         [&] { return saCkptSectionIterationNext(iterations[3], &descriptor); }},
        {"saCkptSectionIterationFinalize",
         local,
         [&] { return saCkptSectionIterationFinalize(left.next()); }},
        {"saCkptCheckpointWrite", waits, [&] { return write("data", 4, 1); }, "one element"},
        {"saCkptCheckpointWrite", waits, [&] { return write("data", 4, 2); }, "two elements"},
        {"saCkptCheckpointWrite",
         waits,
         [&] { return write(large.data(), large.size(), 1); },
         "in parts"},
        {"saCkptSectionOverwrite",
         waits,
         [&] { return saCkptSectionOverwrite(here, &section, "data", 4); }},
        {"saCkptSectionOverwrite",
         waits,
         [&] { return saCkptSectionOverwrite(here, &section, large.data(), large.size()); },
         "in parts"},
        {"saCkptCheckpointRead", waits, [&] { return read(1); }, "one element"},
        {"saCkptCheckpointRead", waits, [&] { return read(2); }, "two elements"},
        {"saCkptIOVectorElementDataFree",
         local,
         [&] { return give_back(here, saCkptIOVectorElementDataFree); }},
        {"saCkptCheckpointSynchronize",
         waits,
         [&] { return saCkptCheckpointSynchronize(here, SA_TIME_MAX); }},
        {"saCkptCheckpointOpenAsync",
         refuses,
         [&] { return saCkptCheckpointOpenAsync(sender, 1, &long_name, &attributes, all_flags); }},
        {"saCkptCheckpointSynchronizeAsync",
         refuses,
         [&] { return saCkptCheckpointSynchronizeAsync(sent, 1); }},
    };
    expect_all_functions(calls, "plugins/ckpt/include/saCkpt.h", "saCkpt");
    executive.dies_during(calls);
    EXPECT_EQ(saCkptFinalize(ckpt), SA_AIS_OK);
    EXPECT_EQ(saCkptFinalize(sender), SA_AIS_OK);
    expect_finalized(calls);

    executive.comes_back();
    ASSERT_EQ(patiently([&] { return initialize(ckpt); }), SA_AIS_OK);
    ASSERT_EQ(patiently([&] { return open(ckpt, here); }), SA_AIS_OK);
    EXPECT_EQ(patiently([&] { return saCkptSectionCreate(here, &made, "data", 4); }), SA_AIS_OK);
    EXPECT_EQ(read(1), SA_AIS_OK);
    EXPECT_EQ(saCkptFinalize(ckpt), SA_AIS_OK);
}

// Data above the size of a message goes in several, so the executive may die between two of them,
// and leave half a write or a buffer that is half full.
TEST(Dying, executive_dies_between_the_parts_of_large_data) {
    Executive executive;
    SaCkptHandleT ckpt = 0;
    SaCkptCheckpointHandleT here = 0;
    ASSERT_EQ(patiently([&] { return initialize(ckpt); }), SA_AIS_OK);
    ASSERT_EQ(patiently([&] { return open(ckpt, here); }), SA_AIS_OK);
    SaUint8T letter[] = {'s'};
    SaCkptSectionIdT section{1, letter};
    SaCkptSectionCreationAttributesT made{&section, SA_TIME_END};
    const std::string large(3U << 20, 'l');
    ASSERT_EQ(
        patiently([&] { return saCkptSectionCreate(here, &made, large.data(), large.size()); }),
        SA_AIS_OK);
    std::atomic<int> written{0};
    std::atomic<int> read{0};
    std::thread writer([&] {
        SaAisErrorT error = SA_AIS_OK;
        while ((error = saCkptSectionOverwrite(here, &section, large.data(), large.size())) ==
               SA_AIS_OK) {
            ++written;
        }
        EXPECT_EQ(error, SA_AIS_ERR_LIBRARY);
    });
    std::thread reader([&] {
        SaCkptIOVectorElementT element{};
        element.sectionId = section;
        SaAisErrorT error = SA_AIS_OK;
        while ((error = saCkptCheckpointRead(here, &element, 1, nullptr)) == SA_AIS_OK) {
            ++read;
            EXPECT_EQ(element.readSize, large.size());
            EXPECT_EQ(saCkptIOVectorElementDataFree(here, element.dataBuffer), SA_AIS_OK);
            element.dataBuffer = nullptr;
        }
        EXPECT_EQ(error, SA_AIS_ERR_LIBRARY);
        EXPECT_EQ(element.dataBuffer, nullptr) << "nobody would give it back";
    });
    EXPECT_TRUE(process::wait_until([&] { return written > 3 && read > 3; }, patience));
    executive.dies_during({});
    writer.join();
    reader.join();
    EXPECT_EQ(saCkptFinalize(ckpt), SA_AIS_OK);
}

}  // namespace
}  // namespace ais::conformance::dying
