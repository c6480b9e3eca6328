// SPDX-License-Identifier: BSD-3-Clause
//
// libSaCkpt against running executives: the acceptance scenarios of the reference (CK1 to
// CK26), the error table of each function, bad input, threads, fork, and the executive's death.

#include "ckpt.hpp"

#include <openais/saCkpt.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <random>
#include <set>
#include <string>
#include <thread>
#include <vector>

// The other two symbols behind the name of the header.
extern "C" SaAisErrorT plain_status_get(SaCkptCheckpointHandleT checkpointHandle,
                                        void* status) __asm__("saCkptCheckpointStatusGet");
extern "C" SaAisErrorT second_status_get(SaCkptCheckpointHandleT checkpointHandle,
                                         void* status) __asm__("saCkptCheckpointStatusGet_B02");

namespace ais::conformance {
namespace {

using testing::Each;

void on_common_open(SaInvocationT invocation, SaCkptCheckpointHandleT, SaAisErrorT) {
    called_back(invocation);
}

}  // namespace

CommonService service_under_test() {
    CommonService ckpt;
    ckpt.name = "CKPT";
    ckpt.version = {'B', 2, 2};
    ckpt.initialize = [](SaUint64T* handle, bool with_callbacks, SaVersionT* version) {
        const SaCkptCallbacksT callbacks{on_common_open, nullptr};
        return saCkptInitialize(handle, with_callbacks ? &callbacks : nullptr, version);
    };
    ckpt.selection_object_get = saCkptSelectionObjectGet;
    ckpt.dispatch = saCkptDispatch;
    ckpt.finalize = saCkptFinalize;
    ckpt.ask = [](SaUint64T handle, SaUint64T number) {
        const SaNameT name = name_of("nobody has created this");
        return saCkptCheckpointOpenAsync(handle, number, &name, nullptr, both);
    };
    ckpt.call = [](SaUint64T handle) {
        const SaNameT name = name_of("nobody has created this");
        const SaAisErrorT error = saCkptCheckpointUnlink(handle, &name);
        return error == SA_AIS_ERR_NOT_EXIST ? SA_AIS_OK : error;
    };
    ckpt.functions = {
        {"CheckpointOpen",
         [](SaUint64T handle) {
             const SaNameT name = name_of("common");
             const auto attributes = attributes_of(SA_CKPT_WR_ALL_REPLICAS);
             SaCkptCheckpointHandleT opened = 0;
             return saCkptCheckpointOpen(
                 handle, &name, &attributes, both | create_flag, forever, &opened);
         }},
        {"CheckpointOpenAsync",
         [](SaUint64T handle) {
             const SaNameT name = name_of("nobody has created this");
             return saCkptCheckpointOpenAsync(handle, 1, &name, nullptr, both);
         }},
        {"CheckpointUnlink",
         [](SaUint64T handle) {
             const SaNameT name = name_of("nobody has created this");
             const SaAisErrorT error = saCkptCheckpointUnlink(handle, &name);
             return error == SA_AIS_ERR_NOT_EXIST ? SA_AIS_OK : error;
         }},
    };
    ckpt.open = [](SaUint64T handle, const SaNameT* name) {
        const auto attributes = attributes_of(SA_CKPT_WR_ALL_REPLICAS);
        SaCkptCheckpointHandleT opened = 0;
        return saCkptCheckpointOpen(
            handle, name, &attributes, both | create_flag, forever, &opened);
    };
    ckpt.same = [](SaUint64T handle, const SaNameT* one, const SaNameT* other) {
        // They are, if what is written by one is read by the other.
        const auto attributes = attributes_of(SA_CKPT_WR_ALL_REPLICAS);
        SaCkptCheckpointHandleT a = 0;
        SaCkptCheckpointHandleT b = 0;
        if (saCkptCheckpointOpen(handle, one, &attributes, both | create_flag, forever, &a) !=
                SA_AIS_OK ||
            saCkptCheckpointOpen(handle, other, &attributes, both | create_flag, forever, &b) !=
                SA_AIS_OK) {
            return false;
        }
        const std::string mark = "mark";
        SaCkptSectionIdT id = id_of(mark);
        SaCkptSectionCreationAttributesT create{&id, SA_TIME_END};
        const bool is_same = saCkptSectionCreate(a, &create, "x", 1) == SA_AIS_OK &&
                             saCkptSectionDelete(b, &id) == SA_AIS_OK;
        saCkptCheckpointClose(a);
        saCkptCheckpointClose(b);
        return is_same;
    };
    ckpt.hold = [](SaUint64T handle) {
        const SaNameT name = name_of("held");
        const auto attributes = attributes_of(SA_CKPT_WR_ALL_REPLICAS);
        SaCkptCheckpointHandleT opened = 0;
        EXPECT_EQ(
            saCkptCheckpointOpen(handle, &name, &attributes, both | create_flag, forever, &opened),
            SA_AIS_OK);
    };
    ckpt.is_held = [](SaUint64T handle) {
        const SaNameT name = name_of("held");
        SaCkptCheckpointHandleT opened = 0;
        const bool is =
            saCkptCheckpointOpen(handle, &name, nullptr, both, forever, &opened) == SA_AIS_OK;
        if (is) {
            saCkptCheckpointClose(opened);
        }
        return is;
    };
    return ckpt;
}

namespace {

TEST_F(Ckpt, is_opened_by_name_on_all_nodes) {  // CK1 to CK4
    Program one(dir(1));
    Program two(dir(2));
    EXPECT_EQ(one.probe(a(), read_flag), SA_AIS_ERR_NOT_EXIST);
    const auto attributes = attributes_of(SA_CKPT_WR_ALL_REPLICAS);
    one.create(a(), attributes);
    two.open(a(), read_flag);
    SaCkptCheckpointHandleT other = 0;
    auto changed = attributes;
    changed.maxSections = 9;
    changed.checkpointSize = 900;
    EXPECT_EQ(two.try_open(a(), other, both | create_flag, changed), SA_AIS_ERR_EXIST);
    changed = attributes;
    changed.retentionDuration = 12345;
    EXPECT_EQ(two.try_open(a(), other, both | create_flag, changed), SA_AIS_OK);
}

TEST_F(Ckpt, default_section_is_written_and_read_elsewhere) {  // CK5, CK6
    Program one(dir(1));
    Program two(dir(2));
    const auto here = one.create(a(), attributes_of(SA_CKPT_WR_ALL_REPLICAS, 1));
    const auto there = two.open(a());
    const std::string bytes(100, 'z');
    EXPECT_EQ(write(here, "", bytes), SA_AIS_OK);
    EXPECT_EQ(read(there, ""), bytes);
    const auto status = status_of(there);
    EXPECT_EQ(status.numberOfSections, 1U);
    EXPECT_EQ(status.memoryUsed, 100U);
    EXPECT_EQ(status.checkpointCreationAttributes.maxSectionSize, 100U);
    SaCkptSectionIdT id = SA_CKPT_DEFAULT_SECTION_ID;
    SaCkptSectionCreationAttributesT create{&id, SA_TIME_END};
    EXPECT_EQ(saCkptSectionCreate(here, &create, nullptr, 0), SA_AIS_ERR_EXIST);
    EXPECT_EQ(create_section(here, "x"), SA_AIS_ERR_EXIST);
    EXPECT_EQ(delete_section(here, ""), SA_AIS_ERR_INVALID_PARAM);
    EXPECT_EQ(set_expiration(here, "", SA_TIME_END), SA_AIS_ERR_INVALID_PARAM);
    EXPECT_EQ(overwrite(here, "", "short"), SA_AIS_OK);
    EXPECT_EQ(read(there, ""), "short");
    EXPECT_EQ(iterate(there), std::multiset<std::string>{""});
}

TEST_F(Ckpt, sections_are_counted) {  // CK7
    Program one(dir(1));
    const auto here = one.create(a(), attributes_of(SA_CKPT_WR_ALL_REPLICAS, 3));
    for (const char* id : {"x", "y", "z"}) {
        EXPECT_EQ(create_section(here, id), SA_AIS_OK);
    }
    EXPECT_EQ(create_section(here, "more"), SA_AIS_ERR_NO_SPACE);
    EXPECT_EQ(create_section(here, "x"), SA_AIS_ERR_EXIST);
}

TEST_F(Ckpt, generated_ids_differ_and_work) {  // CK8
    Program one(dir(1));
    const auto here = one.create(a(), attributes_of(SA_CKPT_WR_ALL_REPLICAS));
    std::set<std::string> ids;
    for (int i = 0; i < 2; ++i) {
        SaCkptSectionIdT id = SA_CKPT_GENERATED_SECTION_ID;
        SaCkptSectionCreationAttributesT create{&id, SA_TIME_END};
        ASSERT_EQ(saCkptSectionCreate(here, &create, "abc", 3), SA_AIS_OK);
        ASSERT_GT(id.idLen, 0U);
        ASSERT_LE(id.idLen, 16U);
        const std::string text(reinterpret_cast<char*>(id.id), id.idLen);
        EXPECT_TRUE(ids.insert(text).second);
        EXPECT_EQ(read(here, text), "abc");
        std::free(id.id);
    }
    EXPECT_EQ(iterate(here).size(), 2U);
}

TEST_F(Ckpt, write_beyond_the_end_fills_with_zeroes) {  // CK9, CK10
    Program one(dir(1));
    const auto here = one.create(a(), attributes_of(SA_CKPT_WR_ALL_REPLICAS));
    create_section(here, "s", "0123456789");
    EXPECT_EQ(write(here, "s", "abcdefghij", 50), SA_AIS_OK);
    const std::string all = read(here, "s", 60);
    EXPECT_EQ(all, "0123456789" + std::string(40, '\0') + "abcdefghij");
    SaUint32T index = 77;
    EXPECT_EQ(write(here, "s", "abcdefghij", 95, &index), SA_AIS_ERR_INVALID_PARAM);
    EXPECT_EQ(index, 0U);
    EXPECT_EQ(read(here, "s"), all);
    EXPECT_EQ(write(here, "s", "x", ~SaOffsetT{0}, &index), SA_AIS_ERR_INVALID_PARAM);
}

TEST_F(Ckpt, write_of_several_elements_is_one) {  // CK11
    Program one(dir(1));
    const auto here = one.create(a(), attributes_of(SA_CKPT_WR_ALL_REPLICAS));
    create_section(here, "s", "0123456789");
    create_section(here, "t", "tttt");
    const std::string s = "s";
    const std::string t = "t";
    const std::string nobody = "nobody";
    char data[] = "xxx";
    SaCkptIOVectorElementT elements[] = {{id_of(s), data, 3, 0, 0}, {id_of(nobody), data, 3, 0, 0}};
    SaUint32T index = 77;
    EXPECT_EQ(saCkptCheckpointWrite(here, elements, 2, &index), SA_AIS_ERR_NOT_EXIST);
    EXPECT_EQ(index, 1U);
    EXPECT_EQ(saCkptCheckpointWrite(here, elements, 2, nullptr), SA_AIS_ERR_NOT_EXIST);
    EXPECT_EQ(read(here, "s"), "0123456789");
    elements[1].sectionId = id_of(t);
    EXPECT_EQ(saCkptCheckpointWrite(here, elements, 2, &index), SA_AIS_OK);
    char s_buffer[20];
    SaCkptIOVectorElementT back[] = {{id_of(s), s_buffer, 20, 0, 0}, {id_of(t), nullptr, 0, 1, 0}};
    ASSERT_EQ(saCkptCheckpointRead(here, back, 2, nullptr), SA_AIS_OK);
    EXPECT_EQ(std::string(s_buffer, back[0].readSize), "xxx3456789");
    EXPECT_EQ(std::string(static_cast<char*>(back[1].dataBuffer), back[1].readSize), "xxt");
    std::free(back[1].dataBuffer);
    back[1] = {id_of(nobody), nullptr, 0, 1, 0};
    EXPECT_EQ(saCkptCheckpointRead(here, back, 2, &index), SA_AIS_ERR_NOT_EXIST);
    EXPECT_EQ(index, 1U);
}

TEST_F(Ckpt, read_gives_what_is_there) {  // CK12, CK13
    Program one(dir(1));
    const auto here = one.create(a(), attributes_of(SA_CKPT_WR_ALL_REPLICAS));
    create_section(here, "s", "0123456789");
    EXPECT_EQ(read(here, "s", 95, 5), "56789");
    EXPECT_EQ(read(here, "s", 90, 10), "");
    EXPECT_EQ(read(here, "s", 3, 2), "234");
    EXPECT_EQ(read(here, "s", 10, 11), "error 7");
    EXPECT_EQ(read(here, "s", 101, 0), "error 7");
    EXPECT_EQ(read(here, "s", 96, 5), "error 7");
    EXPECT_EQ(read(here, "nobody"), "error 12");
    EXPECT_EQ(read_all(here, "s"), "0123456789");
}

TEST_F(Ckpt, way_it_was_opened_counts) {  // CK14, CK15
    Program one(dir(1));
    const auto owner = one.create(a(), attributes_of(SA_CKPT_WR_ACTIVE_REPLICA));
    create_section(owner, "s", "x");
    const auto reader = one.open(a(), read_flag);
    EXPECT_EQ(write(reader, "s", "y"), SA_AIS_ERR_ACCESS);
    EXPECT_EQ(overwrite(reader, "s", "y"), SA_AIS_ERR_ACCESS);
    EXPECT_EQ(create_section(reader, "t"), SA_AIS_ERR_ACCESS);
    EXPECT_EQ(delete_section(reader, "s"), SA_AIS_ERR_ACCESS);
    EXPECT_EQ(set_expiration(reader, "s", SA_TIME_END), SA_AIS_ERR_ACCESS);
    EXPECT_EQ(saCkptActiveReplicaSet(reader), SA_AIS_ERR_ACCESS);
    EXPECT_EQ(saCkptCheckpointSynchronize(reader, forever), SA_AIS_ERR_ACCESS);
    EXPECT_EQ(saCkptCheckpointSynchronizeAsync(reader, 1), SA_AIS_ERR_ACCESS);
    const auto writer = one.open(a(), write_flag);
    EXPECT_EQ(read(writer, "s"), "error 11");
    EXPECT_EQ(write(writer, "s", "y"), SA_AIS_OK);
    EXPECT_EQ(read(reader, "s"), "y");
}

TEST_F(Ckpt, retention_begins_with_the_last_close) {  // CK16
    Program one(dir(1));
    Program two(dir(2));
    constexpr SaTimeT two_seconds = 2 * SA_TIME_ONE_SECOND;
    const auto here = one.create(a(), attributes_of(SA_CKPT_WR_ALL_REPLICAS, 10, 100, two_seconds));
    EXPECT_EQ(saCkptCheckpointClose(here), SA_AIS_OK);
    const auto again = two.open(a());
    const auto closed_at = Clock::now();
    EXPECT_EQ(saCkptCheckpointClose(again), SA_AIS_OK);
    // Never early; and gone some day.
    EXPECT_TRUE(is_listed(dir(3), a()) || Clock::now() >= closed_at + 2s);
    EXPECT_TRUE(wait_until([&] { return !is_listed(dir(3), a()); }, patience));
    EXPECT_GE(Clock::now(), closed_at + 2s);
    EXPECT_EQ(Program(dir(3)).probe(a()), SA_AIS_ERR_NOT_EXIST);
}

TEST_F(Ckpt, unlinked_one_lives_on_in_its_handles) {  // CK18, CK19
    Program one(dir(1));
    Program two(dir(2));
    const auto old = one.create(a(), attributes_of(SA_CKPT_WR_ALL_REPLICAS));
    create_section(old, "s", "old");
    EXPECT_EQ(two.unlink(a()), SA_AIS_OK);
    EXPECT_EQ(two.unlink(a()), SA_AIS_ERR_NOT_EXIST);
    EXPECT_EQ(two.probe(a(), read_flag), SA_AIS_ERR_NOT_EXIST);
    const auto fresh = two.create(a(), attributes_of(SA_CKPT_WR_ACTIVE_REPLICA, 5));
    EXPECT_EQ(read(old, "s"), "old");
    EXPECT_EQ(read(fresh, "s"), "error 12");
    EXPECT_EQ(saCkptCheckpointRetentionDurationSet(old, 5), SA_AIS_ERR_BAD_OPERATION);
    EXPECT_EQ(saCkptCheckpointRetentionDurationSet(fresh, 5), SA_AIS_OK);
    EXPECT_EQ(status_of(fresh).checkpointCreationAttributes.retentionDuration, 5);
}

TEST_F(Ckpt, collocated_one_waits_for_an_active_replica) {  // CK20
    Program one(dir(1));
    Program two(dir(2));
    const auto here =
        one.create(a(), attributes_of(SA_CKPT_WR_ACTIVE_REPLICA | SA_CKPT_CHECKPOINT_COLLOCATED));
    SaCkptCheckpointDescriptorT status;
    SaCkptSectionIterationHandleT iteration = 0;
    EXPECT_EQ(create_section(here, "s"), SA_AIS_ERR_NOT_EXIST);
    EXPECT_EQ(write(here, "s", "x"), SA_AIS_ERR_NOT_EXIST);
    EXPECT_EQ(overwrite(here, "s", "x"), SA_AIS_ERR_NOT_EXIST);
    EXPECT_EQ(read(here, "s"), "error 12");
    EXPECT_EQ(saCkptCheckpointStatusGet(here, &status), SA_AIS_ERR_NOT_EXIST);
    EXPECT_EQ(saCkptSectionIterationInitialize(here, SA_CKPT_SECTIONS_ANY, 0, &iteration),
              SA_AIS_ERR_NOT_EXIST);
    EXPECT_EQ(saCkptCheckpointSynchronize(here, forever), SA_AIS_ERR_NOT_EXIST);
    EXPECT_EQ(saCkptActiveReplicaSet(here), SA_AIS_OK);
    const auto there = two.open(a());
    EXPECT_EQ(create_section(there, "s", "x"), SA_AIS_OK);
    EXPECT_EQ(read(here, "s"), "x");
    EXPECT_EQ(status_of(here).numberOfSections, 1U);
    EXPECT_EQ(iterate(there).size(), 1U);
    EXPECT_EQ(saCkptCheckpointSynchronize(here, forever), SA_AIS_OK);
    EXPECT_EQ(saCkptActiveReplicaSet(there), SA_AIS_OK);
}

TEST_F(Ckpt, synchronize_and_active_replica_are_not_for_all_replicas) {  // CK21
    Program one(dir(1));
    for (const SaUint32T flags : {0U, 0U + SA_CKPT_CHECKPOINT_COLLOCATED}) {
        const auto here =
            one.create(a(std::to_string(flags)), attributes_of(SA_CKPT_WR_ALL_REPLICAS | flags));
        EXPECT_EQ(saCkptCheckpointSynchronize(here, forever), SA_AIS_ERR_BAD_OPERATION);
        EXPECT_EQ(saCkptActiveReplicaSet(here), SA_AIS_ERR_BAD_OPERATION);
    }
    const auto other = one.create(a("async"), attributes_of(SA_CKPT_WR_ACTIVE_REPLICA_WEAK));
    EXPECT_EQ(saCkptActiveReplicaSet(other), SA_AIS_ERR_BAD_OPERATION);
    EXPECT_EQ(saCkptCheckpointSynchronize(other, 0), SA_AIS_ERR_TIMEOUT);
    EXPECT_EQ(saCkptCheckpointSynchronize(other, -1), SA_AIS_ERR_INVALID_PARAM);
    EXPECT_EQ(saCkptCheckpointSynchronize(other, forever), SA_AIS_OK);
}

TEST_F(Ckpt, iteration_gives_what_stays_exactly_once) {  // CK22
    Program one(dir(1));
    Program two(dir(2));
    const auto here = one.create(a(), attributes_of(SA_CKPT_WR_ALL_REPLICAS, 3000));
    for (int i = 0; i < 1500; ++i) {
        ASSERT_EQ(create_section(here, "stable" + std::to_string(i)), SA_AIS_OK);
    }
    std::atomic<bool> done{false};
    const auto there = two.open(a());
    std::thread busy([&] {
        for (int i = 0; !done; ++i) {
            const std::string id = "other" + std::to_string(i % 50);
            create_section(there, id);
            delete_section(there, id);
        }
    });
    for (int round = 0; round < 5; ++round) {
        const auto ids = iterate(here);
        for (int i = 0; i < 1500; ++i) {
            ASSERT_EQ(ids.count("stable" + std::to_string(i)), 1U);
        }
        for (const std::string& id : ids) {
            ASSERT_EQ(ids.count(id), 1U) << id;
        }
    }
    done = true;
    busy.join();
}

TEST_F(Ckpt, iteration_chooses) {
    Program one(dir(1));
    const auto here = one.create(a(), attributes_of(SA_CKPT_WR_ALL_REPLICAS));
    const SaTimeT hour = wall_now() + SA_TIME_ONE_HOUR;
    create_section(here, "forever", "12");
    create_section(here, "hour", "123", hour);
    create_section(here, "later", "", hour + SA_TIME_ONE_HOUR);
    using Ids = std::multiset<std::string>;
    EXPECT_EQ(iterate(here, SA_CKPT_SECTIONS_FOREVER), Ids{"forever"});
    EXPECT_EQ(iterate(here, SA_CKPT_SECTIONS_LEQ_EXPIRATION_TIME, hour), Ids{"hour"});
    EXPECT_EQ(iterate(here, SA_CKPT_SECTIONS_GEQ_EXPIRATION_TIME, hour),
              (Ids{"forever", "hour", "later"}));
    EXPECT_EQ(iterate(here, SA_CKPT_SECTIONS_CORRUPTED), Ids{});
    SaCkptSectionIterationHandleT iteration = 0;
    const auto begin = [&](int chosen, SaTimeT expiration) {
        return saCkptSectionIterationInitialize(
            here, beyond<SaCkptSectionsChosenT>(chosen), expiration, &iteration);
    };
    EXPECT_EQ(begin(0, 0), SA_AIS_ERR_INVALID_PARAM);
    EXPECT_EQ(begin(6, 0), SA_AIS_ERR_INVALID_PARAM);
    EXPECT_EQ(begin(-1, 0), SA_AIS_ERR_INVALID_PARAM);
    EXPECT_EQ(begin(SA_CKPT_SECTIONS_LEQ_EXPIRATION_TIME, -1), SA_AIS_ERR_INVALID_PARAM);
    EXPECT_EQ(begin(SA_CKPT_SECTIONS_ANY, -1), SA_AIS_OK);
    EXPECT_EQ(saCkptSectionIterationInitialize(here, SA_CKPT_SECTIONS_ANY, 0, nullptr),
              SA_AIS_ERR_INVALID_PARAM);
    EXPECT_EQ(saCkptSectionIterationNext(iteration, nullptr), SA_AIS_ERR_INVALID_PARAM);
    SaCkptSectionDescriptorT section{};
    EXPECT_EQ(saCkptSectionIterationNext(iteration, &section), SA_AIS_OK);
    EXPECT_EQ(section.sectionSize, 2U);
    EXPECT_EQ(section.expirationTime, SA_TIME_END);
    EXPECT_EQ(section.sectionState, SA_CKPT_SECTION_VALID);
    EXPECT_LT(std::abs(section.lastUpdate - wall_now()), SA_TIME_ONE_HOUR);
    EXPECT_EQ(saCkptCheckpointClose(here), SA_AIS_OK);
    EXPECT_EQ(saCkptSectionIterationNext(iteration, &section), SA_AIS_ERR_BAD_HANDLE);
    EXPECT_EQ(saCkptSectionIterationFinalize(iteration), SA_AIS_ERR_BAD_HANDLE);
}

TEST_F(Ckpt, section_expires_everywhere) {  // CK23
    std::vector<std::unique_ptr<Program>> programs;
    std::vector<SaCkptCheckpointHandleT> handles;
    for (int node = 1; node <= 3; ++node) {
        programs.push_back(std::make_unique<Program>(dir(node)));
        handles.push_back(node == 1
                              ? programs[0]->create(a(), attributes_of(SA_CKPT_WR_ALL_REPLICAS))
                              : programs.back()->open(a()));
    }
    const SaTimeT end = wall_now() + 2 * SA_TIME_ONE_SECOND;
    ASSERT_EQ(create_section(handles[0], "s", "x", end), SA_AIS_OK);
    create_section(handles[0], "t", "x");
    for (const auto handle : handles) {
        const std::string seen = read(handle, "s");
        if (wall_now() < end) {
            EXPECT_EQ(seen, "x");
        }
    }
    for (const auto handle : handles) {
        EXPECT_TRUE(wait_until([&] { return read(handle, "s") == "error 12"; }, patience));
        EXPECT_GE(wall_now(), end);
        EXPECT_EQ(status_of(handle).numberOfSections, 1U);
    }
    EXPECT_EQ(create_section(handles[0], "u", "x", wall_now() - 1), SA_AIS_ERR_INVALID_PARAM);
    EXPECT_EQ(set_expiration(handles[0], "t", wall_now() - 1), SA_AIS_ERR_INVALID_PARAM);
    EXPECT_EQ(set_expiration(handles[0], "t", -1), SA_AIS_ERR_INVALID_PARAM);
    EXPECT_EQ(set_expiration(handles[0], "nobody", SA_TIME_END), SA_AIS_ERR_NOT_EXIST);
    EXPECT_EQ(set_expiration(handles[0], "t", wall_now() + SA_TIME_ONE_SECOND), SA_AIS_OK);
    EXPECT_EQ(set_expiration(handles[0], "t", SA_TIME_END), SA_AIS_OK);
}

TEST_F(Ckpt, process_that_is_killed_closes_everything) {  // CK25
    const auto attributes = attributes_of(SA_CKPT_WR_ALL_REPLICAS);
    int ready[2];
    ASSERT_EQ(pipe(ready), 0);
    const pid_t child = fork();
    if (child == 0) {
        Program program(dir(1));
        for (int i = 0; i < 5; ++i) {
            program.create(a(std::to_string(i)), attributes);
        }
        const char byte = 1;
        (void)!::write(ready[1], &byte, 1);
        pause();
        _exit(0);
    }
    char byte = 0;
    ASSERT_EQ(::read(ready[0], &byte, 1), 1);
    Program two(dir(2));
    EXPECT_EQ(two.probe(a("0"), read_flag), SA_AIS_OK);
    kill(child, SIGKILL);
    waitpid(child, nullptr, 0);
    close(ready[0]);
    close(ready[1]);
    for (int i = 0; i < 5; ++i) {
        EXPECT_TRUE(wait_until(
            [&] { return two.probe(a(std::to_string(i))) == SA_AIS_ERR_NOT_EXIST; }, patience));
    }
}

TEST_F(Ckpt, asynchronous_open_tells_by_callback) {  // CK26
    Program one(dir(1));
    const SaNameT name = name_of(a());
    EXPECT_EQ(saCkptCheckpointOpenAsync(one.handle, 7, &name, nullptr, both), SA_AIS_OK);
    ASSERT_TRUE(one.until([&] { return one.answers.size() == 1; }));
    EXPECT_EQ(one.answers[0].invocation, 7U);
    EXPECT_EQ(one.answers[0].error, SA_AIS_ERR_NOT_EXIST);
    EXPECT_EQ(one.answers[0].checkpoint, 0U);
    const auto attributes = attributes_of(SA_CKPT_WR_ACTIVE_REPLICA);
    EXPECT_EQ(saCkptCheckpointOpenAsync(one.handle, 0, &name, &attributes, both | create_flag),
              SA_AIS_OK);
    ASSERT_TRUE(one.until([&] { return one.answers.size() == 2; }));
    EXPECT_EQ(one.answers[1].error, SA_AIS_OK);
    const auto here = one.answers[1].checkpoint;
    EXPECT_EQ(create_section(here, "s", "x"), SA_AIS_OK);
    EXPECT_EQ(saCkptCheckpointSynchronizeAsync(here, 99), SA_AIS_OK);
    ASSERT_TRUE(one.until([&] { return one.synchronized.size() == 1; }));
    EXPECT_EQ(one.synchronized[0], std::pair(SaInvocationT{99}, SA_AIS_OK));
    auto other = attributes;
    other.maxSections = 1;
    other.checkpointSize = 1;
    EXPECT_EQ(saCkptCheckpointOpenAsync(one.handle, 3, &name, &other, both | create_flag),
              SA_AIS_OK);
    ASSERT_TRUE(one.until([&] { return one.answers.size() == 3; }));
    EXPECT_EQ(one.answers[2].error, SA_AIS_ERR_EXIST);
    // Wrong parameters are told directly, and by nothing else.
    EXPECT_EQ(saCkptCheckpointOpenAsync(one.handle, 4, nullptr, nullptr, both),
              SA_AIS_ERR_INVALID_PARAM);
    EXPECT_EQ(saCkptCheckpointOpenAsync(one.handle, 4, &name, nullptr, 8), SA_AIS_ERR_BAD_FLAGS);
    EXPECT_EQ(one.probe(a()), SA_AIS_OK);
    one.dispatch();
    EXPECT_EQ(one.answers.size(), 3U);
}

TEST_F(Ckpt, closing_cancels_the_callbacks_of_this_checkpoint_only) {
    Program one(dir(1));
    const auto first = one.create(a("1"), attributes_of(SA_CKPT_WR_ACTIVE_REPLICA));
    const auto second = one.create(a("2"), attributes_of(SA_CKPT_WR_ACTIVE_REPLICA));
    EXPECT_EQ(saCkptCheckpointSynchronizeAsync(first, 1), SA_AIS_OK);
    EXPECT_EQ(saCkptCheckpointSynchronizeAsync(second, 2), SA_AIS_OK);
    EXPECT_EQ(saCkptCheckpointClose(first), SA_AIS_OK);
    ASSERT_TRUE(one.until([&] { return !one.synchronized.empty(); }));
    EXPECT_EQ(one.synchronized.size(), 1U);
    EXPECT_EQ(one.synchronized[0].first, 2U);
}

TEST_F(Ckpt, functions_without_callbacks_say_init) {
    Program one(dir(1), false);
    const SaNameT name = name_of(a());
    EXPECT_EQ(saCkptCheckpointOpenAsync(one.handle, 7, &name, nullptr, both), SA_AIS_ERR_INIT);
    const auto here = one.create(a(), attributes_of(SA_CKPT_WR_ACTIVE_REPLICA));
    EXPECT_EQ(saCkptCheckpointSynchronizeAsync(here, 1), SA_AIS_ERR_INIT);
}

TEST_F(Ckpt, open_checks_its_parameters) {
    Program one(dir(1));
    const auto good = attributes_of(SA_CKPT_WR_ALL_REPLICAS);
    SaCkptCheckpointHandleT opened = 0;
    const SaNameT name = name_of(a());
    EXPECT_EQ(saCkptCheckpointOpen(one.handle, &name, &good, both | create_flag, forever, nullptr),
              SA_AIS_ERR_INVALID_PARAM);
    EXPECT_EQ(
        saCkptCheckpointOpen(one.handle, nullptr, &good, both | create_flag, forever, &opened),
        SA_AIS_ERR_INVALID_PARAM);
    const auto with = [&](SaCkptCheckpointCreationAttributesT attributes) {
        return one.try_open(a(), opened, both | create_flag, attributes);
    };
    for (const SaUint32T flags : {0U, 8U, 3U, 5U, 6U, 7U, 16U, 17U, 0xffffffffU}) {
        auto bad = good;
        bad.creationFlags = flags;
        EXPECT_EQ(with(bad), SA_AIS_ERR_INVALID_PARAM) << flags;
    }
    auto bad = good;
    bad.maxSections = 0;
    EXPECT_EQ(with(bad), SA_AIS_ERR_INVALID_PARAM);
    bad = good;
    ++bad.checkpointSize;
    EXPECT_EQ(with(bad), SA_AIS_ERR_INVALID_PARAM);
    bad = good;
    bad.retentionDuration = -1;
    EXPECT_EQ(with(bad), SA_AIS_ERR_INVALID_PARAM);
    EXPECT_EQ(one.try_open(a(), opened, both | create_flag), SA_AIS_ERR_INVALID_PARAM);
    EXPECT_EQ(one.try_open(a(), opened, both, good), SA_AIS_ERR_INVALID_PARAM);
    for (const SaUint32T flags : {0U, 8U, 16U, 0x80000001U}) {
        EXPECT_EQ(one.try_open(a(), opened, flags), SA_AIS_ERR_BAD_FLAGS) << flags;
    }
    EXPECT_EQ(one.try_open(a(), opened, both | create_flag, good, -1), SA_AIS_ERR_INVALID_PARAM);
    EXPECT_EQ(one.try_open(a(), opened, both | create_flag, good, 0), SA_AIS_ERR_TIMEOUT);
    EXPECT_EQ(opened, 0U);
    EXPECT_EQ(one.probe(a()), SA_AIS_ERR_NOT_EXIST);
    // What timed out is not open.
    for (int i = 0; i < 50; ++i) {
        const SaAisErrorT error = one.try_open(a(), opened, both | create_flag, good, 1);
        if (error == SA_AIS_OK) {
            EXPECT_EQ(saCkptCheckpointClose(opened), SA_AIS_OK);
        } else {
            EXPECT_EQ(error, SA_AIS_ERR_TIMEOUT);
        }
    }
    EXPECT_TRUE(wait_until([&] { return one.probe(a()) == SA_AIS_ERR_NOT_EXIST; }, patience));
    EXPECT_EQ(saCkptCheckpointUnlink(one.handle, nullptr), SA_AIS_ERR_INVALID_PARAM);
    SaNameT long_name = name_of("x");
    long_name.length = 257;
    EXPECT_EQ(saCkptCheckpointUnlink(one.handle, &long_name), SA_AIS_ERR_INVALID_PARAM);
}

TEST_F(Ckpt, section_functions_check_their_parameters) {
    Program one(dir(1));
    const auto here = one.create(a(), attributes_of(SA_CKPT_WR_ALL_REPLICAS));
    const std::string text = "s";
    SaCkptSectionIdT id = id_of(text);
    SaCkptSectionCreationAttributesT create{&id, SA_TIME_END};
    EXPECT_EQ(saCkptSectionCreate(here, nullptr, "x", 1), SA_AIS_ERR_INVALID_PARAM);
    EXPECT_EQ(saCkptSectionCreate(here, &create, nullptr, 1), SA_AIS_ERR_INVALID_PARAM);
    EXPECT_EQ(saCkptSectionCreate(here, &create, nullptr, 0), SA_AIS_OK);
    create.sectionId = nullptr;
    EXPECT_EQ(saCkptSectionCreate(here, &create, "x", 1), SA_AIS_ERR_INVALID_PARAM);
    create.sectionId = &id;
    id = id_of(text);
    id.idLen = 0;
    EXPECT_EQ(saCkptSectionCreate(here, &create, "x", 1), SA_AIS_ERR_INVALID_PARAM);
    id = {3, nullptr};
    EXPECT_EQ(saCkptSectionCreate(here, &create, "x", 1), SA_AIS_ERR_INVALID_PARAM);
    EXPECT_EQ(create_section(here, std::string(16, 'i')), SA_AIS_OK);
    EXPECT_EQ(create_section(here, std::string(17, 'i')), SA_AIS_ERR_INVALID_PARAM);
    EXPECT_EQ(create_section(here, "t", std::string(100, 'x')), SA_AIS_OK);
    EXPECT_EQ(create_section(here, "u", std::string(101, 'x')), SA_AIS_ERR_INVALID_PARAM);
    EXPECT_EQ(create_section(here, "u", "", -1), SA_AIS_ERR_INVALID_PARAM);
    EXPECT_EQ(saCkptSectionDelete(here, nullptr), SA_AIS_ERR_INVALID_PARAM);
    EXPECT_EQ(delete_section(here, "nobody"), SA_AIS_ERR_NOT_EXIST);
    EXPECT_EQ(saCkptSectionExpirationTimeSet(here, nullptr, 5), SA_AIS_ERR_INVALID_PARAM);
    const SaCkptSectionIdT s = id_of(text);
    EXPECT_EQ(saCkptSectionOverwrite(here, &s, nullptr, 0), SA_AIS_ERR_INVALID_PARAM);
    EXPECT_EQ(saCkptSectionOverwrite(here, nullptr, "x", 1), SA_AIS_ERR_INVALID_PARAM);
    EXPECT_EQ(saCkptSectionOverwrite(here, &s, "x", 0), SA_AIS_OK);
    EXPECT_EQ(overwrite(here, "s", std::string(101, 'x')), SA_AIS_ERR_INVALID_PARAM);
    EXPECT_EQ(overwrite(here, "nobody", "x"), SA_AIS_ERR_NOT_EXIST);
    EXPECT_EQ(saCkptCheckpointStatusGet(here, nullptr), SA_AIS_ERR_INVALID_PARAM);
    EXPECT_EQ(saCkptCheckpointRetentionDurationSet(here, -1), SA_AIS_ERR_INVALID_PARAM);
    EXPECT_EQ(saCkptCheckpointRetentionDurationSet(here, 0), SA_AIS_OK);
    EXPECT_EQ(saCkptSectionIdFree(here, nullptr), SA_AIS_ERR_INVALID_PARAM);
    EXPECT_EQ(saCkptIOVectorElementDataFree(here, nullptr), SA_AIS_ERR_INVALID_PARAM);
}

TEST_F(Ckpt, data_functions_check_their_parameters) {
    Program one(dir(1));
    const auto here = one.create(a(), attributes_of(SA_CKPT_WR_ALL_REPLICAS));
    create_section(here, "s", "0123");
    const std::string s = "s";
    char data[200] = "xxx";
    SaCkptIOVectorElementT elements[2] = {{id_of(s), data, 3, 0, 0}, {id_of(s), data, 3, 0, 0}};
    SaUint32T index = 77;
    EXPECT_EQ(saCkptCheckpointWrite(here, nullptr, 1, &index), SA_AIS_ERR_INVALID_PARAM);
    EXPECT_EQ(saCkptCheckpointWrite(here, elements, 0, &index), SA_AIS_ERR_INVALID_PARAM);
    EXPECT_EQ(saCkptCheckpointRead(here, nullptr, 1, &index), SA_AIS_ERR_INVALID_PARAM);
    EXPECT_EQ(saCkptCheckpointRead(here, elements, 0, &index), SA_AIS_ERR_INVALID_PARAM);
    EXPECT_EQ(index, 77U);
    elements[1].dataBuffer = nullptr;
    EXPECT_EQ(saCkptCheckpointWrite(here, elements, 2, &index), SA_AIS_ERR_INVALID_PARAM);
    EXPECT_EQ(index, 1U);
    elements[1] = {id_of(s), data, 0, 0, 0};
    index = 77;
    EXPECT_EQ(saCkptCheckpointWrite(here, elements, 2, &index), SA_AIS_ERR_INVALID_PARAM);
    EXPECT_EQ(index, 1U);
    elements[1] = {{4, nullptr}, data, 3, 0, 0};
    index = 77;
    EXPECT_EQ(saCkptCheckpointWrite(here, elements, 2, &index), SA_AIS_ERR_INVALID_PARAM);
    EXPECT_EQ(saCkptCheckpointRead(here, elements, 2, &index), SA_AIS_ERR_INVALID_PARAM);
    EXPECT_EQ(index, 1U);
    for (const SaSizeT size : {SaSizeT{101}, SaSizeT{1} << 40, ~SaSizeT{0}}) {
        elements[1] = {id_of(s), data, size, 1, 0};
        index = 77;
        EXPECT_EQ(saCkptCheckpointRead(here, elements, 2, &index), SA_AIS_ERR_INVALID_PARAM)
            << size;
        EXPECT_EQ(index, 1U);
    }
    EXPECT_EQ(read(here, "s"), "0123");
}

TEST_F(Ckpt, rules_of_the_later_version_are_for_who_asks_for_it) {
    Program later(dir(1), true, 2);
    SaCkptCheckpointHandleT opened = 0;
    const auto attributes = attributes_of(SA_CKPT_WR_ALL_REPLICAS);
    EXPECT_EQ(later.try_open(a(), opened, both | create_flag, attributes),
              SA_AIS_ERR_INVALID_PARAM);
    EXPECT_EQ(later.unlink(a()), SA_AIS_ERR_INVALID_PARAM);
    const std::string name = "safCkpt=" + a();
    const auto here = later.create(name, attributes);
    const auto writer = later.open(name, write_flag);
    SaCkptCheckpointDescriptorT status;
    SaCkptSectionIterationHandleT iteration = 0;
    EXPECT_EQ(saCkptCheckpointStatusGet(writer, &status), SA_AIS_ERR_ACCESS);
    EXPECT_EQ(saCkptSectionIterationInitialize(writer, SA_CKPT_SECTIONS_ANY, 0, &iteration),
              SA_AIS_ERR_ACCESS);
    const auto reader = later.open(name, read_flag);
    EXPECT_EQ(saCkptCheckpointRetentionDurationSet(reader, 1), SA_AIS_ERR_ACCESS);
    SaCkptSectionIdT id = SA_CKPT_GENERATED_SECTION_ID;
    SaCkptSectionCreationAttributesT create{&id, SA_TIME_END};
    ASSERT_EQ(saCkptSectionCreate(here, &create, "abc", 3), SA_AIS_OK);
    SaCkptIOVectorElementT element{id, nullptr, 0, 0, 0};
    ASSERT_EQ(saCkptCheckpointRead(here, &element, 1, nullptr), SA_AIS_OK);
    EXPECT_EQ(saCkptIOVectorElementDataFree(here, element.dataBuffer), SA_AIS_OK);
    EXPECT_EQ(saCkptIOVectorElementDataFree(here, element.dataBuffer), SA_AIS_ERR_INVALID_PARAM);
    EXPECT_EQ(saCkptSectionIdFree(here, id.id), SA_AIS_OK);
    SaUint8T mine = 0;
    EXPECT_EQ(saCkptSectionIdFree(here, &mine), SA_AIS_ERR_INVALID_PARAM);
}

TEST_F(Ckpt, status_has_the_layout_of_the_caller) {
    Program first(dir(1));
    const auto here = first.create(a(), attributes_of(SA_CKPT_WR_ALL_REPLICAS));
    create_section(here, "s", "12345");
    struct {
        unsigned char bytes[64];
    } room;
    const auto ask = [&](SaCkptCheckpointHandleT handle, auto function) {
        std::memset(&room, 0xee, sizeof room);
        EXPECT_EQ(function(handle, &room), SA_AIS_OK);
        return room.bytes[56] == 0xee ? 56 : 64;
    };
    EXPECT_EQ(ask(here, plain_status_get), 56);
    EXPECT_EQ(ask(here, second_status_get), 64);
    std::uint64_t used = 0;
    std::memcpy(&used, room.bytes + 56, sizeof used);
    EXPECT_EQ(used, 5U);
    Program second(dir(1), true, 2);
    const auto later = second.create("safCkpt=" + a(), attributes_of(SA_CKPT_WR_ALL_REPLICAS));
    EXPECT_EQ(ask(later, plain_status_get), 64);
    EXPECT_EQ(ask(later,
                  [](SaCkptCheckpointHandleT handle, void* to) {
                      return saCkptCheckpointStatusGet(
                          handle, static_cast<SaCkptCheckpointDescriptorT*>(to));
                  }),
              56);
}

TEST_F(Ckpt, handles_that_are_none_are_refused_by_every_function) {
    Program one(dir(1));
    const auto here =
        one.create(a(), attributes_of(SA_CKPT_WR_ACTIVE_REPLICA | SA_CKPT_CHECKPOINT_COLLOCATED));
    ASSERT_EQ(saCkptActiveReplicaSet(here), SA_AIS_OK);
    EXPECT_THAT(call_all(here), Each(SA_AIS_OK));
    EXPECT_EQ(saCkptCheckpointClose(here), SA_AIS_OK);
    EXPECT_EQ(saCkptCheckpointClose(here), SA_AIS_ERR_BAD_HANDLE);
    EXPECT_THAT(call_all(here), Each(SA_AIS_ERR_BAD_HANDLE));
    EXPECT_THAT(call_all(one.handle), Each(SA_AIS_ERR_BAD_HANDLE));
    std::mt19937_64 random(1);
    for (int i = 0; i < 500; ++i) {
        EXPECT_THAT(call_all(random()), Each(SA_AIS_ERR_BAD_HANDLE));
    }
    SaCkptSectionDescriptorT section;
    EXPECT_EQ(saCkptSectionIterationNext(here, &section), SA_AIS_ERR_BAD_HANDLE);
    EXPECT_EQ(saCkptSectionIterationFinalize(one.handle), SA_AIS_ERR_BAD_HANDLE);
}

TEST_F(Ckpt, finalize_ends_checkpoints_and_iterations) {
    auto one = std::make_unique<Program>(dir(1));
    const auto here = one->create(a(), attributes_of(SA_CKPT_WR_ALL_REPLICAS));
    SaCkptSectionIterationHandleT iteration = 0;
    EXPECT_EQ(saCkptSectionIterationInitialize(here, SA_CKPT_SECTIONS_ANY, 0, &iteration),
              SA_AIS_OK);
    EXPECT_EQ(saCkptFinalize(one->handle), SA_AIS_OK);
    EXPECT_THAT(call_all(here), Each(SA_AIS_ERR_BAD_HANDLE));
    SaCkptSectionDescriptorT section;
    EXPECT_EQ(saCkptSectionIterationNext(iteration, &section), SA_AIS_ERR_BAD_HANDLE);
    Program two(dir(2));
    EXPECT_TRUE(wait_until([&] { return two.probe(a()) == SA_AIS_ERR_NOT_EXIST; }, patience));
}

TEST_F(Ckpt, handles_mean_nothing_in_a_child) {
    Program one(dir(1));
    const auto here = one.create(a(), attributes_of(SA_CKPT_WR_ALL_REPLICAS));
    const pid_t child = fork();
    if (child == 0) {
        const auto results = call_all(here);
        const bool is_well =
            std::all_of(results.begin(),
                        results.end(),
                        [](SaAisErrorT error) { return error == SA_AIS_ERR_BAD_HANDLE; }) &&
            saCkptCheckpointClose(here) == SA_AIS_ERR_BAD_HANDLE;
        _exit(is_well ? 0 : 1);
    }
    int status = 0;
    waitpid(child, &status, 0);
    EXPECT_EQ(status, 0);
    EXPECT_EQ(create_section(here, "s", "x"), SA_AIS_OK);
    EXPECT_EQ(read(here, "s"), "x");
}

TEST_F(Ckpt, threads_may_use_a_handle_while_it_is_closed_and_finalized) {
    for (int round = 0; round < 6; ++round) {
        Program one(dir(1));
        const auto here = one.create(a(), attributes_of(SA_CKPT_WR_ALL_REPLICAS));
        create_section(here, "s", "x");
        std::atomic<bool> go{true};
        std::vector<std::thread> threads;
        for (int i = 0; i < 3; ++i) {
            threads.emplace_back([&] {
                std::string data;
                SaAisErrorT error = SA_AIS_OK;
                while (go && error == SA_AIS_OK) {
                    error = write(here, "s", "abc");
                    error = error == SA_AIS_OK ? try_read(here, "s", data) : error;
                }
                EXPECT_TRUE(error == SA_AIS_OK || error == SA_AIS_ERR_BAD_HANDLE) << error;
            });
        }
        std::this_thread::sleep_for(20ms);
        EXPECT_EQ(round % 2 == 0 ? saCkptCheckpointClose(here) : saCkptFinalize(one.handle),
                  SA_AIS_OK);
        for (std::thread& thread : threads) {
            thread.join();
        }
        go = false;
    }
}

TEST_F(Ckpt, large_sections_travel_in_pieces) {
    Program one(dir(1));
    Program two(dir(2));
    constexpr SaSizeT size = 20U << 20;
    for (const SaUint32T flags : {SA_CKPT_WR_ALL_REPLICAS, SA_CKPT_WR_ACTIVE_REPLICA_WEAK}) {
        const auto here = one.create(a(std::to_string(flags)), attributes_of(flags, 3, size));
        const auto there = two.open(a(std::to_string(flags)));
        std::string big(size, '\0');
        for (std::size_t i = 0; i < big.size(); ++i) {
            big[i] = static_cast<char>(i * 2654435761U >> 13);
        }
        ASSERT_EQ(create_section(here, "s", big), SA_AIS_OK);
        EXPECT_TRUE(read(there, "s", size) == big);
        EXPECT_TRUE(read_all(there, "s") == big);
        const std::string part(3U << 20, 'p');
        ASSERT_EQ(write(there, "s", part, 1234567), SA_AIS_OK);
        big.replace(1234567, part.size(), part);
        EXPECT_TRUE(read(here, "s", size) == big);
        ASSERT_EQ(overwrite(here, "s", part), SA_AIS_OK);
        EXPECT_TRUE(read(there, "s", size) == part);
        SaUint32T index = 77;
        EXPECT_EQ(write(here, "nobody", part, 0, &index), SA_AIS_ERR_NOT_EXIST);
        EXPECT_EQ(index, 0U);
        EXPECT_EQ(write(here, "s", part, size - 5, &index), SA_AIS_ERR_INVALID_PARAM);
        EXPECT_EQ(status_of(here).memoryUsed, part.size());
        // Two elements that only together are too large for a message.
        const std::string s = "s";
        SaCkptIOVectorElementT elements[] = {
            {id_of(s), const_cast<char*>(part.data()), 700000, 0, 0},
            {id_of(s), const_cast<char*>(big.data()), 700000, 700000, 0}};
        ASSERT_EQ(saCkptCheckpointWrite(here, elements, 2, nullptr), SA_AIS_OK);
        EXPECT_TRUE(read(there, "s", 700000, 700000) == big.substr(0, 700000));
        SaCkptIOVectorElementT back[] = {{id_of(s), nullptr, 0, 0, 0},
                                         {id_of(s), nullptr, 0, 700000, 0}};
        ASSERT_EQ(saCkptCheckpointRead(there, back, 2, nullptr), SA_AIS_OK);
        EXPECT_EQ(back[0].readSize, part.size());
        EXPECT_EQ(back[1].readSize, part.size() - 700000);
        std::free(back[0].dataBuffer);
        std::free(back[1].dataBuffer);
    }
    // Above the limit of the configuration.
    const auto huge = one.create(a("huge"), attributes_of(SA_CKPT_WR_ALL_REPLICAS, 2, 1U << 30));
    create_section(huge, "s");
    EXPECT_EQ(write(huge, "s", "x", 300U << 20), SA_AIS_ERR_NO_RESOURCES);
}

// A reader sees all of a large write or nothing of it.
TEST_F(Ckpt, large_writes_are_never_seen_by_half) {
    Program one(dir(1));
    Program two(dir(2));
    constexpr SaSizeT size = 3U << 20;
    const auto here = one.create(a(), attributes_of(SA_CKPT_WR_ALL_REPLICAS, 3, size));
    create_section(here, "s", std::string(size, 'a'));
    const auto there = two.open(a());
    std::atomic<bool> done{false};
    std::thread writer([&] {
        for (int i = 0; i < 15; ++i) {
            EXPECT_EQ(overwrite(here, "s", std::string(size, static_cast<char>('b' + i))),
                      SA_AIS_OK);
        }
        done = true;
    });
    while (!done) {
        const std::string seen = read(there, "s", size);
        ASSERT_EQ(seen.size(), size);
        ASSERT_EQ(seen.find_first_not_of(seen[0]), std::string::npos);
    }
    writer.join();
}

TEST_F(Ckpt, writer_that_is_killed_corrupts_only_weak_ones) {
    constexpr SaSizeT size = 64U << 20;
    Program two(dir(2));
    for (const SaUint32T flags : {SA_CKPT_WR_ACTIVE_REPLICA, SA_CKPT_WR_ACTIVE_REPLICA_WEAK}) {
        const std::string name = a(std::to_string(flags));
        const auto there = two.create(name, attributes_of(flags, 3, size));
        ASSERT_EQ(create_section(there, "s", "before"), SA_AIS_OK);
        int ready[2];
        ASSERT_EQ(pipe(ready), 0);
        const pid_t child = fork();
        if (child == 0) {
            Program program(dir(1));
            const auto here = program.open(name);
            const std::string data(size, 'n');
            const char byte = 1;
            (void)!::write(ready[1], &byte, 1);
            for (;;) {
                overwrite(here, "s", data);
            }
        }
        char byte = 0;
        ASSERT_EQ(::read(ready[0], &byte, 1), 1);
        if (flags == SA_CKPT_WR_ACTIVE_REPLICA_WEAK) {
            // In the middle, as far as it can be seen.
            wait_until(
                [&] {
                    const auto used = status_of(there).memoryUsed;
                    return used > 6 && used < size;
                },
                patience);
        }
        kill(child, SIGKILL);
        waitpid(child, nullptr, 0);
        close(ready[0]);
        close(ready[1]);
        if (flags == SA_CKPT_WR_ACTIVE_REPLICA) {
            const auto used = status_of(there).memoryUsed;
            EXPECT_TRUE(used == 6 || used == size) << used;
            EXPECT_EQ(iterate(there, SA_CKPT_SECTIONS_CORRUPTED).size(), 0U);
        } else if (status_of(there).memoryUsed != size) {
            EXPECT_TRUE(wait_until(
                [&] { return iterate(there, SA_CKPT_SECTIONS_CORRUPTED).size() == 1; }, patience));
            EXPECT_EQ(overwrite(there, "s", "healed"), SA_AIS_OK);
            EXPECT_EQ(iterate(there, SA_CKPT_SECTIONS_CORRUPTED).size(), 0U);
        }
    }
}

// Clusters of their own: nodes die.
TEST(CkptNodes, late_node_has_everything_when_the_others_die) {  // CK24
    Cluster cluster(3);
    cluster.start(1);
    cluster.start(2);
    cluster.wait_ring({1, 2});
    {
        Program one(cluster.run_dir(1));
        Program two(cluster.run_dir(2));
        const auto here =
            one.create("a", attributes_of(SA_CKPT_WR_ALL_REPLICAS, 2000, 1000, SA_TIME_ONE_HOUR));
        two.open("a");
        for (int i = 0; i < 1000; ++i) {
            ASSERT_EQ(
                create_section(
                    here, std::to_string(i), std::string(1000, static_cast<char>('a' + i % 26))),
                SA_AIS_OK);
        }
    }
    // One that has no name any more can still be written when a node has come.
    Program keeper(cluster.run_dir(1));
    const auto unlinked = keeper.create("u", attributes_of(SA_CKPT_WR_ALL_REPLICAS));
    EXPECT_EQ(create_section(unlinked, "s", "before"), SA_AIS_OK);
    EXPECT_EQ(keeper.unlink("u"), SA_AIS_OK);
    cluster.start(3);
    cluster.wait_ring({1, 2, 3});
    Program three(cluster.run_dir(3));
    ASSERT_EQ(three.probe("a"), SA_AIS_OK);
    EXPECT_EQ(three.probe("u"), SA_AIS_ERR_NOT_EXIST);
    EXPECT_EQ(patiently([&] { return overwrite(unlinked, "s", "after"); }), SA_AIS_OK);
    EXPECT_EQ(read(unlinked, "s"), "after");
    cluster.kill(1);
    cluster.kill(2);
    cluster.wait_ring({3});
    const auto there = three.open("a");
    for (int i = 0; i < 1000; ++i) {
        ASSERT_EQ(read(there, std::to_string(i), 1000),
                  std::string(1000, static_cast<char>('a' + i % 26)));
    }
}

TEST(CkptNodes, retention_begins_after_the_last_close_on_any_node) {  // CK17
    Cluster cluster(3);
    cluster.start_all();
    auto one = std::make_unique<Program>(cluster.run_dir(1));
    Program two(cluster.run_dir(2));
    Program three(cluster.run_dir(3));
    one->create("a", attributes_of(SA_CKPT_WR_ALL_REPLICAS, 1, 10, 2 * SA_TIME_ONE_SECOND));
    const auto second = two.open("a");
    cluster.kill(1);
    cluster.wait_ring({2, 3});
    // Another one, which nobody has open from now on, tells when the retention would be over.
    const auto clock =
        two.create("clock", attributes_of(SA_CKPT_WR_ALL_REPLICAS, 1, 10, 2 * SA_TIME_ONE_SECOND));
    EXPECT_EQ(saCkptCheckpointClose(clock), SA_AIS_OK);
    EXPECT_TRUE(wait_until([&] { return !is_listed(cluster.run_dir(3), "clock"); }, patience));
    EXPECT_TRUE(is_listed(cluster.run_dir(3), "a")) << "somebody has it open";
    const auto closed_at = Clock::now();
    EXPECT_EQ(saCkptCheckpointClose(second), SA_AIS_OK);
    EXPECT_TRUE(wait_until([&] { return !is_listed(cluster.run_dir(3), "a"); }, patience));
    EXPECT_GE(Clock::now(), closed_at + 2s);
}

TEST(CkptNodes, reads_after_writes_are_never_old_whatever_node_answers) {
    Cluster cluster(3);
    cluster.start_all();
    Program one(cluster.run_dir(1));
    Program three(cluster.run_dir(3));
    for (const SaUint32T flags : {SA_CKPT_WR_ALL_REPLICAS, SA_CKPT_WR_ACTIVE_REPLICA}) {
        const auto here = one.create(std::to_string(flags), attributes_of(flags, 1));
        const auto there = three.open(std::to_string(flags));
        for (int i = 0; i < 300; ++i) {
            const std::string text = std::to_string(i);
            ASSERT_EQ(overwrite(here, "", text), SA_AIS_OK);
            ASSERT_EQ(read(there, ""), text);
        }
    }
}

TEST(CkptNodes, active_replica_goes_with_its_node) {
    Cluster cluster(3);
    cluster.start_all();
    auto one = std::make_unique<Program>(cluster.run_dir(1));
    Program two(cluster.run_dir(2));
    const auto flags = SA_CKPT_WR_ACTIVE_REPLICA | SA_CKPT_CHECKPOINT_COLLOCATED;
    const auto here = one->create("a", attributes_of(flags));
    EXPECT_EQ(saCkptActiveReplicaSet(here), SA_AIS_OK);
    create_section(here, "s", "x");
    create_section(here, "t", "x");
    const auto there = two.open("a");
    SaCkptSectionIterationHandleT iteration = 0;
    SaCkptSectionDescriptorT section;
    ASSERT_EQ(saCkptSectionIterationInitialize(there, SA_CKPT_SECTIONS_ANY, 0, &iteration),
              SA_AIS_OK);
    EXPECT_EQ(saCkptSectionIterationNext(iteration, &section), SA_AIS_OK);
    cluster.kill(1);
    cluster.wait_ring({2, 3});
    EXPECT_EQ(read(there, "s"), "error 12");
    EXPECT_EQ(saCkptSectionIterationNext(iteration, &section), SA_AIS_ERR_NOT_EXIST);
    EXPECT_EQ(saCkptActiveReplicaSet(there), SA_AIS_OK);
    EXPECT_EQ(read(there, "s"), "x");
    EXPECT_EQ(saCkptSectionIterationNext(iteration, &section), SA_AIS_OK);
}

// A node that was away comes back with another history of the same name.
TEST(CkptNodes, sides_become_one_again_and_the_larger_one_is_believed) {
    Cluster cluster(3);
    cluster.start_all();
    Program one(cluster.run_dir(1));
    Program three(cluster.run_dir(3));
    // Why with a retention: nodes may come together in any order, and one that is alone for a
    // moment has no process that has it open.
    const auto here =
        one.create("a", attributes_of(SA_CKPT_WR_ALL_REPLICAS, 10, 100, SA_TIME_ONE_HOUR));
    create_section(here, "s", "before");
    const auto there = three.open("a");
    cluster.pause(3);
    cluster.wait_ring({1, 2});
    EXPECT_EQ(overwrite(here, "s", "after"), SA_AIS_OK);
    EXPECT_EQ(create_section(here, "t", "new"), SA_AIS_OK);
    cluster.resume(3);
    cluster.wait_ring({1, 2, 3});
    EXPECT_TRUE(wait_until([&] { return read(there, "s") == "after"; }, patience))
        << read(there, "s") << " " << read(here, "s") << "\n"
        << cluster.log(1) << "\n\n"
        << cluster.log(3);
    EXPECT_EQ(read(there, "t"), "new");
    EXPECT_EQ(overwrite(there, "s", "together"), SA_AIS_OK);
    EXPECT_EQ(read(here, "s"), "together");
}

}  // namespace
}  // namespace ais::conformance
