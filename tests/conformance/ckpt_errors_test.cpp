// SPDX-License-Identifier: BSD-3-Clause
//
// libSaCkpt: the rows of the reference's error tables that ckpt_test.cpp leaves out, every
// argument at, below and above its limit, and what a call says when the executive has no room,
// no time or no equal replicas.  docs/conformance/ckpt.md says which row is where.

#include "ckpt.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cstring>
#include <fstream>
#include <functional>
#include <limits>
#include <thread>

namespace ais::conformance {
namespace {

using testing::AnyOf;
using testing::Each;

constexpr SaTimeT hour = SA_TIME_ONE_HOUR;
constexpr SaSizeT size_most = std::numeric_limits<SaSizeT>::max();

// One executive with low limits, for what one node is enough to show.
class CkptAlone : public testing::Test {
  protected:
    static constexpr SaSizeT section_most = 2500000;  // ckpt.section_size_max
    static constexpr SaSizeT memory_most = 6000000;   // ckpt.memory_max

    static void SetUpTestSuite() {
        cluster_ = std::make_unique<Cluster>(
            1, "", "ckpt {\n    section_size_max: 2500000\n    memory_max: 6000000\n}\n");
        cluster_->start_all();
    }
    static void TearDownTestSuite() { cluster_.reset(); }
    // Why: what another case has left open counts until its end has been delivered.
    void SetUp() override {
        ASSERT_TRUE(wait_until([] { return listing(dir()).find("\"name\"") == std::string::npos; },
                               patience));
    }
    static std::string dir() { return cluster_->run_dir(1); }
    static std::string a(const std::string& suffix = "") {
        return std::string(testing::UnitTest::GetInstance()->current_test_info()->name()) + suffix;
    }
    static inline std::unique_ptr<Cluster> cluster_;
};

SaAisErrorT open_later(Program& program,
                       const SaNameT* name,
                       SaCkptCheckpointOpenFlagsT flags,
                       const SaCkptCheckpointCreationAttributesT* attributes = nullptr,
                       SaInvocationT invocation = 5) {
    return saCkptCheckpointOpenAsync(program.handle, invocation, name, attributes, flags);
}

TEST_F(CkptAlone, open_compares_every_attribute_but_the_retention) {
    Program one(dir());
    const auto good = attributes_of(SA_CKPT_WR_ALL_REPLICAS);
    one.create(a(), good);
    auto flags = good;
    flags.creationFlags |= SA_CKPT_CHECKPOINT_COLLOCATED;
    auto way = good;
    way.creationFlags = SA_CKPT_WR_ACTIVE_REPLICA;
    auto size = good;
    --size.checkpointSize;
    auto sections = good;
    ++sections.maxSections;
    auto section_size = good;
    ++section_size.maxSectionSize;
    auto id_size = good;
    ++id_size.maxSectionIdSize;
    const SaNameT name = name_of(a());
    SaCkptCheckpointHandleT opened = 42;
    SaInvocationT invocation = 0;
    for (const auto& other : {flags, way, size, sections, section_size, id_size}) {
        SCOPED_TRACE(invocation);
        EXPECT_EQ(one.try_open(a(), opened, both | create_flag, other), SA_AIS_ERR_EXIST);
        EXPECT_EQ(opened, 42U);
        EXPECT_EQ(open_later(one, &name, both | create_flag, &other, ++invocation), SA_AIS_OK);
        ASSERT_TRUE(one.until([&] { return one.answers.size() == invocation; }));
        EXPECT_EQ(one.answers.back().invocation, invocation);
        EXPECT_EQ(one.answers.back().error, SA_AIS_ERR_EXIST);
        EXPECT_EQ(one.answers.back().checkpoint, 0U);
    }
    // What lies between the members of the structure is nobody's business.
    SaCkptCheckpointCreationAttributesT untidy;
    std::memset(&untidy, 0xa5, sizeof untidy);
    untidy.creationFlags = good.creationFlags;
    untidy.checkpointSize = good.checkpointSize;
    untidy.retentionDuration = hour;
    untidy.maxSections = good.maxSections;
    untidy.maxSectionSize = good.maxSectionSize;
    untidy.maxSectionIdSize = good.maxSectionIdSize;
    const SaNameT wire = name_of(a());
    EXPECT_EQ(
        saCkptCheckpointOpen(one.handle, &wire, &untidy, both | create_flag, forever, &opened),
        SA_AIS_OK);
}

TEST_F(CkptAlone, open_refuses_each_unknown_bit_and_sizes_that_cannot_be) {
    Program one(dir());
    const SaNameT name = name_of(a());
    const auto good = attributes_of(SA_CKPT_WR_ALL_REPLICAS);
    SaCkptCheckpointHandleT opened = 0;
    for (SaUint32T bit = 8; bit != 0; bit <<= 1) {
        EXPECT_EQ(one.try_open(a(), opened, both | bit), SA_AIS_ERR_BAD_FLAGS) << bit;
        EXPECT_EQ(open_later(one, &name, both | bit), SA_AIS_ERR_BAD_FLAGS) << bit;
    }
    EXPECT_EQ(open_later(one, &name, 0), SA_AIS_ERR_BAD_FLAGS);
    std::vector<SaCkptCheckpointCreationAttributesT> wrong;
    const auto without = [&](auto member, auto value) {
        auto attributes = good;
        attributes.*member = value;
        wrong.push_back(attributes);
    };
    using Attributes = SaCkptCheckpointCreationAttributesT;
    for (SaUint32T bit = 16; bit != 0; bit <<= 1) {
        without(&Attributes::creationFlags, SA_CKPT_WR_ALL_REPLICAS | bit);
    }
    for (const SaUint32T way : {0U, 3U, 5U, 6U, 7U, 8U, 11U, 15U}) {
        without(&Attributes::creationFlags, way);
    }
    without(&Attributes::maxSections, SaUint32T{0});
    without(&Attributes::checkpointSize, good.checkpointSize + 1);
    without(&Attributes::checkpointSize, size_most);
    without(&Attributes::retentionDuration, SaTimeT{-1});
    without(&Attributes::retentionDuration, SaTimeT{SA_TIME_UNKNOWN});
    // The product of these two is one below what is asked for, and above 2^64 - 2.
    wrong.push_back({SA_CKPT_WR_ALL_REPLICAS, size_most, 0, 2, size_most / 2, 16});
    for (std::size_t i = 0; i < wrong.size(); ++i) {
        EXPECT_EQ(one.try_open(a(), opened, both | create_flag, wrong[i]), SA_AIS_ERR_INVALID_PARAM)
            << i;
        EXPECT_EQ(open_later(one, &name, both | create_flag, &wrong[i]), SA_AIS_ERR_INVALID_PARAM)
            << i;
    }
    EXPECT_EQ(open_later(one, &name, both | create_flag), SA_AIS_ERR_INVALID_PARAM);
    EXPECT_EQ(open_later(one, &name, both, &good), SA_AIS_ERR_INVALID_PARAM);
    EXPECT_EQ(one.probe(a()), SA_AIS_ERR_NOT_EXIST) << "nothing was made";
    // Those at the border are good.
    const std::vector<SaCkptCheckpointCreationAttributesT> right = {
        {SA_CKPT_WR_ALL_REPLICAS, size_most, 0, 2, size_most / 2 + 1, size_most},
        {SA_CKPT_WR_ACTIVE_REPLICA, size_most, 0, ~SaUint32T{0}, size_most, 0},
        {SA_CKPT_WR_ACTIVE_REPLICA_WEAK, 0, 0, 1, 0, 0},
        {SA_CKPT_WR_ALL_REPLICAS | SA_CKPT_CHECKPOINT_COLLOCATED, 1000, 0, 10, 100, 16}};
    for (std::size_t i = 0; i < right.size(); ++i) {
        EXPECT_EQ(one.try_open(a(std::to_string(i)), opened, both | create_flag, right[i]),
                  SA_AIS_OK)
            << i;
    }
    one.dispatch();
    EXPECT_TRUE(one.answers.empty()) << "what is refused directly has no callback";
}

TEST_F(CkptAlone, names_are_bytes_from_1_to_256) {
    Program one(dir());
    const auto attributes = attributes_of(SA_CKPT_WR_ALL_REPLICAS);
    SaCkptCheckpointHandleT opened = 0;
    std::size_t answers = 0;
    for (const std::string& text : {std::string("\0", 1),
                                    std::string("a\0b", 3),
                                    std::string("\xff\xfe\x80"),
                                    std::string(255, 'n'),
                                    std::string(256, '\0'),
                                    std::string(256, '\xfe')}) {
        SCOPED_TRACE(text.size());
        const SaNameT name = name_of(text, 0x77);
        EXPECT_EQ(one.unlink(text), SA_AIS_ERR_NOT_EXIST);
        EXPECT_EQ(open_later(one, &name, both | create_flag, &attributes), SA_AIS_OK);
        ASSERT_TRUE(one.until([&] { return one.answers.size() == answers + 1; }));
        EXPECT_EQ(one.answers[answers++].error, SA_AIS_OK);
        EXPECT_EQ(one.try_open(text, opened), SA_AIS_OK);
        EXPECT_EQ(one.probe(text.substr(0, text.size() - 1) + "x"), SA_AIS_ERR_NOT_EXIST);
        EXPECT_EQ(one.unlink(text), SA_AIS_OK);
        EXPECT_EQ(one.unlink(text), SA_AIS_ERR_NOT_EXIST);
    }
    for (const SaUint16T length :
         {SaUint16T{0}, SaUint16T{257}, SaUint16T{258}, SaUint16T{65535}}) {
        SCOPED_TRACE(length);
        SaNameT name = name_of("x");
        name.length = length;
        EXPECT_EQ(saCkptCheckpointOpen(one.handle, &name, nullptr, both, forever, &opened),
                  SA_AIS_ERR_INVALID_PARAM);
        EXPECT_EQ(open_later(one, &name, both), SA_AIS_ERR_INVALID_PARAM);
        EXPECT_EQ(saCkptCheckpointUnlink(one.handle, &name), SA_AIS_ERR_INVALID_PARAM);
    }
    EXPECT_EQ(open_later(one, nullptr, both), SA_AIS_ERR_INVALID_PARAM);
    // At B.02 they have a beginning, whichever function takes them.
    Program later(dir(), true, 2);
    for (const std::string& text : {a(), std::string("safCkpt"), "safckpt=" + a()}) {
        const SaNameT name = name_of(text);
        EXPECT_EQ(later.try_open(text, opened), SA_AIS_ERR_INVALID_PARAM) << text;
        EXPECT_EQ(open_later(later, &name, both), SA_AIS_ERR_INVALID_PARAM) << text;
        EXPECT_EQ(later.unlink(text), SA_AIS_ERR_INVALID_PARAM) << text;
    }
    EXPECT_EQ(later.unlink("safCkpt=" + a()), SA_AIS_ERR_NOT_EXIST);
}

TEST_F(CkptAlone, retention_is_what_was_set_last) {
    Program one(dir());
    const auto close_with = [&](const std::string& name, SaTimeT created, SaTimeT set) {
        const auto here =
            one.create(name, attributes_of(SA_CKPT_WR_ALL_REPLICAS, 10, 100, created));
        EXPECT_EQ(saCkptCheckpointRetentionDurationSet(here, set), SA_AIS_OK);
        EXPECT_EQ(status_of(here).checkpointCreationAttributes.retentionDuration, set);
        EXPECT_EQ(saCkptCheckpointClose(here), SA_AIS_OK);
    };
    close_with(a("0"), hour, 0);
    EXPECT_EQ(one.probe(a("0")), SA_AIS_ERR_NOT_EXIST);
    EXPECT_EQ(one.unlink(a("0")), SA_AIS_ERR_NOT_EXIST);
    close_with(a("1"), hour, 1);  // a nanosecond
    EXPECT_TRUE(wait_until([&] { return !is_listed(dir(), a("1")); }, patience));
    EXPECT_EQ(one.unlink(a("1")), SA_AIS_ERR_NOT_EXIST);
    for (const SaTimeT long_time : {hour, SaTimeT{SA_TIME_MAX - 1}, SaTimeT{SA_TIME_END}}) {
        close_with(a("long"), 0, long_time);
        EXPECT_TRUE(is_listed(dir(), a("long"))) << long_time;
        EXPECT_EQ(one.unlink(a("long")), SA_AIS_OK) << "open or not";
        EXPECT_FALSE(is_listed(dir(), a("long")));
    }
    const auto here = one.create(a(), attributes_of(SA_CKPT_WR_ALL_REPLICAS, 10, 100, hour));
    for (const SaTimeT negative : {SaTimeT{-1}, -SA_TIME_MAX, SaTimeT{SA_TIME_UNKNOWN}}) {
        EXPECT_EQ(saCkptCheckpointRetentionDurationSet(here, negative), SA_AIS_ERR_INVALID_PARAM);
    }
    EXPECT_EQ(status_of(here).checkpointCreationAttributes.retentionDuration, hour);
    // B.01 asks for no way of opening.
    EXPECT_EQ(saCkptCheckpointRetentionDurationSet(one.open(a(), read_flag), 0), SA_AIS_OK);
    EXPECT_EQ(one.unlink(a()), SA_AIS_OK);
}

// openais forgot to give the handle back where it said ACCESS, so nothing ever ended.
TEST_F(CkptAlone, refused_calls_do_not_keep_a_checkpoint_open) {
    Program one(dir());
    const auto owner = one.create(a(), attributes_of(SA_CKPT_WR_ACTIVE_REPLICA));
    const auto reader = one.open(a(), read_flag);
    const auto writer = one.open(a(), write_flag);
    std::string data;
    for (int i = 0; i < 3; ++i) {
        EXPECT_EQ(overwrite(reader, "s", "x"), SA_AIS_ERR_ACCESS);
        EXPECT_EQ(write(reader, "s", "x"), SA_AIS_ERR_ACCESS);
        EXPECT_EQ(try_read(writer, "s", data), SA_AIS_ERR_ACCESS);
        EXPECT_EQ(write(writer, "nobody", "x"), SA_AIS_ERR_NOT_EXIST);
    }
    for (const auto handle : {owner, reader, writer}) {
        EXPECT_EQ(saCkptCheckpointClose(handle), SA_AIS_OK);
    }
    EXPECT_EQ(one.probe(a()), SA_AIS_ERR_NOT_EXIST);
}

TEST_F(CkptAlone, ids_of_sections_are_checked_by_every_function) {
    Program one(dir());
    const auto here = one.create(a(), attributes_of(SA_CKPT_WR_ALL_REPLICAS));
    SaUint8T byte = 's';
    char data[4] = "abc";
    SaCkptIOVectorElementT element{{}, data, 3, 0, 0};
    const auto all = [&](SaCkptSectionIdT id) {
        element.sectionId = id;
        SaUint32T written = 77;
        SaUint32T was_read = 77;
        const std::vector<SaAisErrorT> results = {
            saCkptSectionDelete(here, &id),
            saCkptSectionExpirationTimeSet(here, &id, SA_TIME_END),
            saCkptSectionOverwrite(here, &id, "x", 1),
            saCkptCheckpointWrite(here, &element, 1, &written),
            saCkptCheckpointRead(here, &element, 1, &was_read)};
        EXPECT_EQ(written, 0U);
        EXPECT_EQ(was_read, 0U);
        return results;
    };
    EXPECT_THAT(all({5, nullptr}), Each(SA_AIS_ERR_INVALID_PARAM));
    // The default section is in checkpoints for one section only.
    using testing::ElementsAre;
    for (SaUint8T* pointer : {static_cast<SaUint8T*>(nullptr), &byte}) {
        EXPECT_THAT(all({0, pointer}),
                    ElementsAre(SA_AIS_ERR_INVALID_PARAM,
                                SA_AIS_ERR_INVALID_PARAM,
                                SA_AIS_ERR_NOT_EXIST,
                                SA_AIS_ERR_NOT_EXIST,
                                SA_AIS_ERR_NOT_EXIST));
    }
    std::string long_id(65535, 'i');
    for (const std::size_t size : {17U, 65535U}) {
        EXPECT_THAT(all({static_cast<SaUint16T>(size), reinterpret_cast<SaUint8T*>(&long_id[0])}),
                    Each(SA_AIS_ERR_NOT_EXIST))
            << size;
        EXPECT_EQ(create_section(here, long_id.substr(0, size)), SA_AIS_ERR_INVALID_PARAM);
    }
    // Ids are bytes: a NUL is one of them.
    for (const std::string& id : {std::string("a"), std::string("a\0", 2), std::string("\0", 1)}) {
        EXPECT_EQ(create_section(here, id, "of " + std::to_string(id.size())), SA_AIS_OK);
        EXPECT_EQ(create_section(here, id), SA_AIS_ERR_EXIST);
    }
    EXPECT_EQ(read(here, "a"), "of 1");
    EXPECT_EQ(read(here, std::string("a\0", 2)), "of 2");
    EXPECT_EQ(iterate(here).count(std::string("a\0", 2)), 1U);
    EXPECT_EQ(delete_section(here, std::string("a\0", 2)), SA_AIS_OK);
    EXPECT_EQ(read(here, "a"), "of 1");
    // The longest ids that there are.
    auto wide = attributes_of(SA_CKPT_WR_ALL_REPLICAS);
    wide.maxSectionIdSize = 65535;
    const auto there = one.create(a("wide"), wide);
    EXPECT_EQ(create_section(there, long_id, "far"), SA_AIS_OK);
    EXPECT_EQ(write(there, long_id, "FAR"), SA_AIS_OK);
    EXPECT_EQ(read(there, long_id), "FAR");
    EXPECT_EQ(iterate(there), std::multiset<std::string>{long_id});
    EXPECT_EQ(delete_section(there, long_id), SA_AIS_OK);
}

TEST_F(CkptAlone, generated_id_needs_room_for_an_id) {
    Program one(dir());
    auto attributes = attributes_of(SA_CKPT_WR_ALL_REPLICAS, 100);
    attributes.maxSectionIdSize = 0;
    const auto none = one.create(a("0"), attributes);
    EXPECT_EQ(create_section(none, ""), SA_AIS_ERR_NO_SPACE);
    EXPECT_EQ(create_section(none, "x"), SA_AIS_ERR_INVALID_PARAM);
    attributes.maxSectionIdSize = 1;
    const auto few = one.create(a("1"), attributes);
    std::set<std::string> ids;
    SaAisErrorT error = SA_AIS_OK;
    for (int i = 0; i < 100 && error == SA_AIS_OK; ++i) {
        SaCkptSectionIdT id = SA_CKPT_GENERATED_SECTION_ID;
        SaCkptSectionCreationAttributesT create{&id, SA_TIME_END};
        error = saCkptSectionCreate(few, &create, nullptr, 0);
        if (error == SA_AIS_OK) {
            EXPECT_EQ(id.idLen, 1U);
            EXPECT_TRUE(ids.insert(std::string(1, static_cast<char>(*id.id))).second);
            std::free(id.id);
        } else {
            EXPECT_EQ(id.id, nullptr);
        }
    }
    EXPECT_EQ(error, SA_AIS_ERR_NO_SPACE) << "there are not that many ids of one byte";
    EXPECT_EQ(status_of(few).numberOfSections, ids.size());
}

TEST_F(CkptAlone, sizes_and_offsets_at_their_limits) {
    Program one(dir());
    const auto here = one.create(a(), attributes_of(SA_CKPT_WR_ALL_REPLICAS));
    const auto of = [](std::size_t size) { return std::string(size, 'x'); };
    EXPECT_EQ(create_section(here, "99", of(99)), SA_AIS_OK);
    EXPECT_EQ(create_section(here, "s", of(100)), SA_AIS_OK);
    EXPECT_EQ(create_section(here, "101", of(101)), SA_AIS_ERR_INVALID_PARAM);
    EXPECT_EQ(overwrite(here, "s", of(101)), SA_AIS_ERR_INVALID_PARAM);
    EXPECT_EQ(overwrite(here, "s", of(99)), SA_AIS_OK);
    struct Case {
        SaSizeT size;
        SaOffsetT offset;
        SaAisErrorT written;
        SaAisErrorT was_read;
    };
    for (const auto& [size, offset, written, was_read] :
         {Case{100, 0, SA_AIS_OK, SA_AIS_OK},
          Case{101, 0, SA_AIS_ERR_INVALID_PARAM, SA_AIS_ERR_INVALID_PARAM},
          Case{1, 99, SA_AIS_OK, SA_AIS_OK},
          Case{1, 100, SA_AIS_ERR_INVALID_PARAM, SA_AIS_ERR_INVALID_PARAM},
          Case{1, size_most, SA_AIS_ERR_INVALID_PARAM, SA_AIS_ERR_INVALID_PARAM},
          Case{50, 50, SA_AIS_OK, SA_AIS_OK},
          Case{51, 50, SA_AIS_ERR_INVALID_PARAM, SA_AIS_ERR_INVALID_PARAM},
          Case{100, size_most - 50, SA_AIS_ERR_INVALID_PARAM, SA_AIS_ERR_INVALID_PARAM}}) {
        SCOPED_TRACE(std::to_string(size) + " at " + std::to_string(offset));
        SaUint32T index = 77;
        std::string data;
        EXPECT_EQ(write(here, "s", of(size), offset, &index), written);
        EXPECT_EQ(index, written == SA_AIS_OK ? 77U : 0U);
        EXPECT_EQ(try_read(here, "s", data, size, offset), was_read);
    }
    EXPECT_EQ(status_of(here).memoryUsed, 199U);
    // An offset inside the limit and behind the end is for writes only.
    EXPECT_EQ(overwrite(here, "s", of(10)), SA_AIS_OK);
    EXPECT_EQ(read(here, "s", 1, 10), "");
    EXPECT_EQ(read(here, "s", 1, 11), "error 7");
    EXPECT_EQ(write(here, "s", "y", 11), SA_AIS_OK);
    EXPECT_EQ(read(here, "s", 2, 10), std::string("\0y", 2));
}

TEST_F(CkptAlone, sections_together_are_no_larger_than_the_checkpoint) {
    Program one(dir());
    auto attributes = attributes_of(SA_CKPT_WR_ALL_REPLICAS);
    attributes.checkpointSize = 150;
    const auto here = one.create(a(), attributes);
    EXPECT_EQ(create_section(here, "s", std::string(100, 's')), SA_AIS_OK);
    EXPECT_EQ(create_section(here, "t", std::string(51, 't')), SA_AIS_ERR_NO_SPACE);
    EXPECT_EQ(create_section(here, "t", std::string(50, 't')), SA_AIS_OK);
    EXPECT_EQ(create_section(here, "empty"), SA_AIS_OK);
    EXPECT_EQ(overwrite(here, "t", std::string(51, 'T')), SA_AIS_ERR_NO_SPACE);
    const std::string s = "s";
    const std::string t = "t";
    char data[60] = {};
    SaCkptIOVectorElementT elements[] = {{id_of(s), data, 10, 0, 0}, {id_of(t), data, 51, 0, 0}};
    SaUint32T index = 77;
    EXPECT_EQ(saCkptCheckpointWrite(here, elements, 2, &index), SA_AIS_ERR_NO_SPACE);
    EXPECT_EQ(index, 1U);
    EXPECT_EQ(read(here, "s"), std::string(100, 's'));
    EXPECT_EQ(read(here, "t"), std::string(50, 't'));
    EXPECT_EQ(overwrite(here, "s", "short"), SA_AIS_OK);
    EXPECT_EQ(saCkptCheckpointWrite(here, elements, 2, &index), SA_AIS_OK);
}

TEST_F(CkptAlone, elements_are_counted) {
    Program one(dir());
    const auto here = one.create(a(), attributes_of(SA_CKPT_WR_ALL_REPLICAS));
    create_section(here, "s", "0123");
    const std::string s = "s";
    const std::string nobody = "n";
    char byte = 'x';
    std::vector<SaCkptIOVectorElementT> elements(65537, {id_of(s), &byte, 1, 0, 0});
    SaUint32T index = 77;
    // Beyond the number, and beyond what the ids take of a message.
    for (const SaUint32T count : {65537U, 65536U}) {
        EXPECT_EQ(saCkptCheckpointWrite(here, elements.data(), count, &index),
                  SA_AIS_ERR_NO_RESOURCES);
        EXPECT_EQ(saCkptCheckpointRead(here, elements.data(), count, &index),
                  SA_AIS_ERR_NO_RESOURCES);
    }
    EXPECT_EQ(read(here, "s"), "0123");
    constexpr SaUint32T many = 40000;
    EXPECT_EQ(saCkptCheckpointWrite(here, elements.data(), many, &index), SA_AIS_OK);
    byte = '?';
    EXPECT_EQ(saCkptCheckpointRead(here, elements.data(), many, &index), SA_AIS_OK);
    EXPECT_EQ(byte, 'x');
    EXPECT_EQ(elements[many - 1].readSize, 1U);
    elements[many - 1].sectionId = id_of(nobody);
    byte = 'y';
    EXPECT_EQ(saCkptCheckpointWrite(here, elements.data(), many, &index), SA_AIS_ERR_NOT_EXIST);
    EXPECT_EQ(index, many - 1);
    EXPECT_EQ(read(here, "s"), "x123");
    index = 77;
    EXPECT_EQ(saCkptCheckpointRead(here, elements.data(), many, &index), SA_AIS_ERR_NOT_EXIST);
    EXPECT_EQ(index, many - 1);
}

TEST_F(CkptAlone, reads_take_the_buffer_that_is_given) {
    Program one(dir());
    const auto here = one.create(a(), attributes_of(SA_CKPT_WR_ALL_REPLICAS));
    create_section(here, "s", "0123456789");
    const std::string s = "s";
    // Without one, dataSize is no question but an answer.
    for (const SaSizeT size : {SaSizeT{0}, SaSizeT{3}, size_most}) {
        SaCkptIOVectorElementT element{id_of(s), nullptr, size, 4, 0};
        ASSERT_EQ(saCkptCheckpointRead(here, &element, 1, nullptr), SA_AIS_OK) << size;
        EXPECT_EQ(element.readSize, 6U);
        EXPECT_EQ(element.dataSize, 6U);
        EXPECT_EQ(std::string(static_cast<char*>(element.dataBuffer), 6), "456789");
        std::free(element.dataBuffer);
    }
    SaCkptIOVectorElementT at_end{id_of(s), nullptr, 0, 10, 7};
    ASSERT_EQ(saCkptCheckpointRead(here, &at_end, 1, nullptr), SA_AIS_OK);
    EXPECT_EQ(at_end.readSize, 0U);
    EXPECT_NE(at_end.dataBuffer, nullptr) << "to be freed as any other";
    std::free(at_end.dataBuffer);
    SaCkptIOVectorElementT behind{id_of(s), nullptr, 0, 11, 7};
    SaUint32T index = 77;
    EXPECT_EQ(saCkptCheckpointRead(here, &behind, 1, &index), SA_AIS_ERR_INVALID_PARAM);
    EXPECT_EQ(index, 0U);
    EXPECT_EQ(behind.dataBuffer, nullptr);
    // A byte behind the buffer is not touched, nor one that was not read.
    char room[] = "????????????";
    SaCkptIOVectorElementT part{id_of(s), room, 4, 2, 0};
    EXPECT_EQ(saCkptCheckpointRead(here, &part, 1, nullptr), SA_AIS_OK);
    EXPECT_STREQ(room, "2345????????");
    EXPECT_EQ(part.readSize, 4U);
    part = {id_of(s), room, 8, 8, 0};
    EXPECT_EQ(saCkptCheckpointRead(here, &part, 1, nullptr), SA_AIS_OK);
    EXPECT_STREQ(room, "8945????????");
    EXPECT_EQ(part.readSize, 2U);
    part = {id_of(s), room, 0, 0, 7};
    EXPECT_EQ(saCkptCheckpointRead(here, &part, 1, nullptr), SA_AIS_OK);
    EXPECT_EQ(part.readSize, 0U);
    EXPECT_STREQ(room, "8945????????");
}

TEST_F(CkptAlone, data_of_any_size_around_that_of_a_message_goes_both_ways) {
    Program one(dir());
    constexpr SaSizeT message = 1 << 20;  // ipc.message_max
    const auto here = one.create(a(), attributes_of(SA_CKPT_WR_ALL_REPLICAS, 2, 2 * message));
    ASSERT_EQ(create_section(here, "s"), SA_AIS_OK);
    for (SaSizeT size = message - 80; size <= message + 8; size += 4) {
        const std::string data(size, static_cast<char>('a' + size % 23));
        ASSERT_EQ(overwrite(here, "s", data), SA_AIS_OK) << size;
        ASSERT_TRUE(read(here, "s", size) == data) << size;
        ASSERT_TRUE(read_all(here, "s") == data) << size;
        const std::string other(size, '.');
        ASSERT_EQ(write(here, "s", other), SA_AIS_OK) << size;
        ASSERT_EQ(create_section(here, "t", data), SA_AIS_OK) << size;
        ASSERT_TRUE(read(here, "t", size) == data) << size;
        ASSERT_EQ(delete_section(here, "t"), SA_AIS_OK);
        ASSERT_TRUE(read(here, "s", size) == other) << size;
    }
}

TEST_F(CkptAlone, beyond_the_limits_of_the_configuration_there_are_no_resources) {
    Program one(dir());
    const auto attributes = attributes_of(SA_CKPT_WR_ALL_REPLICAS, 10, section_most + 1);
    const auto here = one.create(a(), attributes);
    EXPECT_EQ(create_section(here, "s"), SA_AIS_OK);
    const std::string most(section_most, 'm');
    EXPECT_EQ(create_section(here, "t", most + "m"), SA_AIS_ERR_NO_RESOURCES);
    EXPECT_EQ(overwrite(here, "s", most + "m"), SA_AIS_ERR_NO_RESOURCES);
    EXPECT_EQ(write(here, "s", most + "m"), SA_AIS_ERR_NO_RESOURCES);
    EXPECT_EQ(write(here, "s", "m", section_most), SA_AIS_ERR_NO_RESOURCES);
    EXPECT_EQ(write(here, "s", "m", section_most - 1), SA_AIS_OK);
    EXPECT_EQ(overwrite(here, "s", most), SA_AIS_OK);
    EXPECT_EQ(create_section(here, "t", most), SA_AIS_OK);
    // Both together leave less than another one.
    constexpr SaSizeT left = memory_most - 2 * section_most;
    EXPECT_EQ(create_section(here, "u", std::string(left + 1, 'u')), SA_AIS_ERR_NO_RESOURCES);
    EXPECT_EQ(create_section(here, "u", std::string(left, 'u')), SA_AIS_OK);
    EXPECT_EQ(create_section(here, "v", "v"), SA_AIS_ERR_NO_RESOURCES);
    EXPECT_EQ(overwrite(here, "s", "v"), SA_AIS_ERR_NO_RESOURCES);
    EXPECT_EQ(delete_section(here, "u"), SA_AIS_OK);
    EXPECT_EQ(create_section(here, "v", "v"), SA_AIS_OK);
    EXPECT_EQ(status_of(here).memoryUsed, 2 * section_most + 1);
}

TEST_F(CkptAlone, too_many_checkpoints_and_empty_sections_are_no_resources_either) {
    Program one(dir());
    auto attributes = attributes_of(SA_CKPT_WR_ALL_REPLICAS, 1000, 0);
    attributes.maxSectionIdSize = 65535;
    const auto here = one.create(a(), attributes);
    const auto id = [](int i) { return std::to_string(1000 + i) + std::string(65000, 'i'); };
    int sections = 0;
    SaAisErrorT error = SA_AIS_OK;
    while (sections < 200 && (error = create_section(here, id(sections))) == SA_AIS_OK) {
        ++sections;
    }
    EXPECT_EQ(error, SA_AIS_ERR_NO_RESOURCES);
    EXPECT_GT(sections, 80);
    // With what is left, small ones; then nothing, whichever way it is asked for.
    int small = 0;
    while (small < 1000 && (error = create_section(here, std::to_string(small))) == SA_AIS_OK) {
        ++small;
    }
    EXPECT_EQ(error, SA_AIS_ERR_NO_RESOURCES);
    SaCkptCheckpointHandleT opened = 0;
    EXPECT_EQ(one.try_open(a("more"), opened, both | create_flag, attributes),
              SA_AIS_ERR_NO_RESOURCES);
    const SaNameT name = name_of(a("more"));
    EXPECT_EQ(open_later(one, &name, both | create_flag, &attributes), SA_AIS_OK);
    ASSERT_TRUE(one.until([&] { return one.answers.size() == 1; }));
    EXPECT_EQ(one.answers[0].error, SA_AIS_ERR_NO_RESOURCES);
    EXPECT_EQ(one.answers[0].checkpoint, 0U);
    // Nobody is kept from what is there.
    EXPECT_EQ(one.try_open(a(), opened, both | create_flag, attributes), SA_AIS_OK);
    EXPECT_EQ(delete_section(opened, id(0)), SA_AIS_OK);
    EXPECT_EQ(one.try_open(a("more"), opened, both | create_flag, attributes), SA_AIS_OK);
}

TEST_F(CkptAlone, times_of_sections_are_in_the_future) {
    Program one(dir());
    const auto here = one.create(a(), attributes_of(SA_CKPT_WR_ALL_REPLICAS));
    create_section(here, "s");
    for (const SaTimeT past :
         {SaTimeT{0}, SaTimeT{1}, SaTimeT{-1}, SaTimeT{SA_TIME_UNKNOWN}, wall_now()}) {
        EXPECT_EQ(create_section(here, "t", "", past), SA_AIS_ERR_INVALID_PARAM) << past;
        EXPECT_EQ(set_expiration(here, "s", past), SA_AIS_ERR_INVALID_PARAM) << past;
    }
    for (const SaTimeT future :
         {wall_now() + hour, SaTimeT{SA_TIME_MAX - 1}, SaTimeT{SA_TIME_END}}) {
        EXPECT_EQ(create_section(here, "t", "", future), SA_AIS_OK) << future;
        EXPECT_EQ(delete_section(here, "t"), SA_AIS_OK);
        EXPECT_EQ(set_expiration(here, "s", future), SA_AIS_OK) << future;
    }
    // One that was to end, and was told in time not to.
    const SaTimeT soon = wall_now() + SA_TIME_ONE_SECOND / 2;
    const bool is_in_time = create_section(here, "saved", "x", soon) == SA_AIS_OK &&
                            set_expiration(here, "saved", SA_TIME_END) == SA_AIS_OK;
    EXPECT_TRUE(is_in_time || wall_now() >= soon);
    if (is_in_time && create_section(here, "mark", "", soon) == SA_AIS_OK) {
        EXPECT_TRUE(wait_until([&] { return read(here, "mark") == "error 12"; }, patience));
        EXPECT_EQ(read(here, "saved"), "x");
    }
}

TEST_F(CkptAlone, without_active_replica_all_that_touches_sections_says_so) {
    Program one(dir());
    for (const SaUint32T way : {SA_CKPT_WR_ACTIVE_REPLICA, SA_CKPT_WR_ACTIVE_REPLICA_WEAK}) {
        const auto here =
            one.create(a(std::to_string(way)),
                       attributes_of(way | SA_CKPT_CHECKPOINT_COLLOCATED, 10, 2 << 20));
        SaCkptCheckpointDescriptorT status;
        SaCkptSectionIterationHandleT iteration = 42;
        std::string data;
        const std::vector<SaAisErrorT> results = {
            create_section(here, "s", "x"),
            delete_section(here, "s"),
            set_expiration(here, "s", SA_TIME_END),
            write(here, "s", "x"),
            overwrite(here, "s", "x"),
            overwrite(here, "s", std::string(3 << 19, 'x')),  // in pieces
            try_read(here, "s", data),
            saCkptCheckpointStatusGet(here, &status),
            saCkptSectionIterationInitialize(here, SA_CKPT_SECTIONS_ANY, 0, &iteration),
            saCkptCheckpointSynchronize(here, forever)};
        EXPECT_THAT(results, Each(SA_AIS_ERR_NOT_EXIST));
        EXPECT_EQ(iteration, 42U);
        one.synchronized.clear();
        EXPECT_EQ(saCkptCheckpointSynchronizeAsync(here, 11), SA_AIS_OK);
        ASSERT_TRUE(one.until([&] { return one.synchronized.size() == 1; }));
        EXPECT_EQ(one.synchronized[0], std::pair(SaInvocationT{11}, SA_AIS_ERR_NOT_EXIST));
        EXPECT_EQ(saCkptCheckpointRetentionDurationSet(here, 5), SA_AIS_OK) << "no section's";
        EXPECT_EQ(saCkptActiveReplicaSet(here), SA_AIS_OK);
        EXPECT_EQ(create_section(here, "s", "x"), SA_AIS_OK);
    }
    // All replicas are active ones.
    const auto synchronous = one.create(
        a("sync"), attributes_of(SA_CKPT_WR_ALL_REPLICAS | SA_CKPT_CHECKPOINT_COLLOCATED));
    EXPECT_EQ(create_section(synchronous, "s", "x"), SA_AIS_OK);
    one.synchronized.clear();
    EXPECT_EQ(saCkptCheckpointSynchronizeAsync(synchronous, 0), SA_AIS_OK);
    ASSERT_TRUE(one.until([&] { return one.synchronized.size() == 1; }));
    EXPECT_EQ(one.synchronized[0], std::pair(SaInvocationT{0}, SA_AIS_ERR_BAD_OPERATION));
    one.dispatch();
    EXPECT_EQ(one.synchronized.size(), 1U) << "one answer, not two";
}

TEST_F(CkptAlone, ids_that_an_iteration_gave_are_there_until_it_ends) {
    Program one(dir());
    const auto here = one.create(a(), attributes_of(SA_CKPT_WR_ALL_REPLICAS, 1000));
    for (int i = 0; i < 1000; ++i) {
        ASSERT_EQ(create_section(
                      here, std::to_string(i), std::string(static_cast<std::size_t>(i) % 7, 'x')),
                  SA_AIS_OK);
    }
    SaCkptSectionIterationHandleT iteration = 0;
    ASSERT_EQ(saCkptSectionIterationInitialize(here, SA_CKPT_SECTIONS_ANY, 0, &iteration),
              SA_AIS_OK);
    std::vector<SaCkptSectionDescriptorT> all;
    SaCkptSectionDescriptorT section{};
    while (saCkptSectionIterationNext(iteration, &section) == SA_AIS_OK) {
        all.push_back(section);
        EXPECT_EQ(delete_section(here, std::to_string(all.size() - 1)), SA_AIS_OK);
    }
    std::set<std::string> ids;
    for (const auto& each : all) {
        const std::string id(reinterpret_cast<char*>(each.sectionId.id), each.sectionId.idLen);
        ids.insert(id);
        EXPECT_EQ(each.sectionSize, std::stoul(id) % 7) << id;
    }
    EXPECT_EQ(ids.size(), all.size());
    EXPECT_EQ(saCkptSectionIterationFinalize(iteration), SA_AIS_OK);
    EXPECT_EQ(saCkptSectionIterationInitialize(
                  here, SA_CKPT_SECTIONS_GEQ_EXPIRATION_TIME, -1, &iteration),
              SA_AIS_ERR_INVALID_PARAM);
    // The default section has no bytes in its id.
    const auto single = one.create(a("single"), attributes_of(SA_CKPT_WR_ALL_REPLICAS, 1));
    ASSERT_EQ(saCkptSectionIterationInitialize(single, SA_CKPT_SECTIONS_FOREVER, 0, &iteration),
              SA_AIS_OK);
    section.sectionId = {9, reinterpret_cast<SaUint8T*>(&section)};
    EXPECT_EQ(saCkptSectionIterationNext(iteration, &section), SA_AIS_OK);
    EXPECT_EQ(section.sectionId.idLen, 0U);
    EXPECT_EQ(section.sectionId.id, nullptr);
    EXPECT_EQ(saCkptSectionIterationNext(iteration, &section), SA_AIS_ERR_NO_SECTIONS);
}

TEST_F(CkptAlone, change_of_a_section_is_dated) {
    Program one(dir());
    const auto here = one.create(a(), attributes_of(SA_CKPT_WR_ALL_REPLICAS));
    const SaTimeT before = wall_now();
    const auto dated = [&] {
        SaCkptSectionIterationHandleT iteration = 0;
        SaCkptSectionDescriptorT section{};
        EXPECT_EQ(saCkptSectionIterationInitialize(here, SA_CKPT_SECTIONS_ANY, 0, &iteration),
                  SA_AIS_OK);
        EXPECT_EQ(saCkptSectionIterationNext(iteration, &section), SA_AIS_OK);
        EXPECT_EQ(saCkptSectionIterationFinalize(iteration), SA_AIS_OK);
        return section.lastUpdate;
    };
    create_section(here, "s", "0");
    const SaTimeT created = dated();
    write(here, "s", "1");
    const SaTimeT written = dated();
    overwrite(here, "s", "2");
    const SaTimeT overwritten = dated();
    EXPECT_LE(before, created);
    EXPECT_LT(created, written);
    EXPECT_LT(written, overwritten);
    EXPECT_LE(overwritten, wall_now());
    read(here, "s");
    set_expiration(here, "s", wall_now() + hour);
    EXPECT_EQ(dated(), overwritten);
}

TEST_F(CkptAlone, section_that_is_deleted_is_there_or_not) {
    Program one(dir());
    const auto here = one.create(a(), attributes_of(SA_CKPT_WR_ALL_REPLICAS));
    std::atomic<bool> done{false};
    std::thread deleter([&] {
        for (int i = 0; i < 300; ++i) {
            EXPECT_EQ(create_section(here, "s", "0123456789"), SA_AIS_OK);
            EXPECT_EQ(delete_section(here, "s"), SA_AIS_OK);
        }
        done = true;
    });
    while (!done) {
        EXPECT_THAT(read(here, "s"), AnyOf("0123456789", "error 12"));
    }
    deleter.join();
}

TEST_F(CkptAlone, many_retentions_end_at_one_moment) {
    constexpr int many = 400;
    auto one = std::make_unique<Program>(dir());
    for (int i = 0; i < many; ++i) {
        one->create(a(std::to_string(i)),
                    attributes_of(SA_CKPT_WR_ALL_REPLICAS, 1, 10, SA_TIME_ONE_MILLISECOND * 10));
    }
    one.reset();
    Program two(dir());
    EXPECT_TRUE(wait_until([&] { return !is_listed(dir(), a("0")); }, patience));
    EXPECT_TRUE(
        wait_until([&] { return !is_listed(dir(), a(std::to_string(many - 1))); }, patience));
    for (int i = 0; i < many; ++i) {
        EXPECT_EQ(two.probe(a(std::to_string(i))), SA_AIS_ERR_NOT_EXIST) << i;
    }
}

TEST_F(CkptAlone, handles_of_each_kind_are_bad_as_the_others) {
    Program one(dir());
    const auto here = one.create(a(), attributes_of(SA_CKPT_WR_ALL_REPLICAS));
    SaCkptSectionIterationHandleT iteration = 0;
    ASSERT_EQ(saCkptSectionIterationInitialize(here, SA_CKPT_SECTIONS_ANY, 0, &iteration),
              SA_AIS_OK);
    SaSelectionObjectT fd = 0;
    SaCkptCheckpointHandleT opened = 0;
    SaCkptSectionDescriptorT section;
    const SaNameT name = name_of(a());
    for (const SaUint64T handle : {here, iteration}) {
        EXPECT_EQ(saCkptSelectionObjectGet(handle, &fd), SA_AIS_ERR_BAD_HANDLE);
        EXPECT_EQ(saCkptDispatch(handle, SA_DISPATCH_ALL), SA_AIS_ERR_BAD_HANDLE);
        EXPECT_EQ(saCkptCheckpointOpen(handle, &name, nullptr, both, forever, &opened),
                  SA_AIS_ERR_BAD_HANDLE);
        EXPECT_EQ(saCkptCheckpointOpenAsync(handle, 1, &name, nullptr, both),
                  SA_AIS_ERR_BAD_HANDLE);
        EXPECT_EQ(saCkptCheckpointUnlink(handle, &name), SA_AIS_ERR_BAD_HANDLE);
        EXPECT_EQ(saCkptFinalize(handle), SA_AIS_ERR_BAD_HANDLE);
    }
    for (const SaUint64T handle : {one.handle, iteration}) {
        EXPECT_THAT(call_all(handle), Each(SA_AIS_ERR_BAD_HANDLE));
        EXPECT_EQ(saCkptCheckpointClose(handle), SA_AIS_ERR_BAD_HANDLE);
    }
    for (const SaUint64T handle : {one.handle, here}) {
        EXPECT_EQ(saCkptSectionIterationNext(handle, &section), SA_AIS_ERR_BAD_HANDLE);
        EXPECT_EQ(saCkptSectionIterationFinalize(handle), SA_AIS_ERR_BAD_HANDLE);
    }
    const pid_t child = fork();
    if (child == 0) {
        const auto results = call_all(here);
        const auto is_bad = [](SaAisErrorT error) { return error == SA_AIS_ERR_BAD_HANDLE; };
        const bool is_well = std::all_of(results.begin(), results.end(), is_bad) &&
                             is_bad(saCkptSectionIterationNext(iteration, &section)) &&
                             is_bad(saCkptSectionIterationFinalize(iteration)) &&
                             is_bad(saCkptCheckpointClose(here)) &&
                             is_bad(saCkptCheckpointUnlink(one.handle, &name)) &&
                             is_bad(saCkptFinalize(one.handle));
        _exit(is_well ? 0 : 1);
    }
    int status = 1;
    waitpid(child, &status, 0);
    EXPECT_EQ(status, 0);
    EXPECT_EQ(saCkptSectionIterationNext(iteration, &section), SA_AIS_ERR_NO_SECTIONS);
    EXPECT_EQ(saCkptSectionIterationFinalize(iteration), SA_AIS_OK);
    EXPECT_EQ(saCkptCheckpointClose(here), SA_AIS_OK);
}

// Each function by a thread of its own, until the handle is gone.
TEST_F(CkptAlone, every_function_ends_with_bad_handle_when_another_thread_ends_the_handle) {
    for (int round = 0; round < 4; ++round) {
        Program one(dir());
        const auto here = one.create(
            a(std::to_string(round)),
            attributes_of(SA_CKPT_WR_ACTIVE_REPLICA | SA_CKPT_CHECKPOINT_COLLOCATED, 100));
        ASSERT_EQ(saCkptActiveReplicaSet(here), SA_AIS_OK);
        ASSERT_EQ(create_section(here, "s", "x"), SA_AIS_OK);
        const auto data = [&](const std::string& id) { return create_section(here, id); };
        std::vector<std::function<SaAisErrorT()>> calls = {
            [&] {
                SaCkptCheckpointDescriptorT status;
                return saCkptCheckpointStatusGet(here, &status);
            },
            [&] { return saCkptCheckpointRetentionDurationSet(here, 0); },
            [&] { return saCkptActiveReplicaSet(here); },
            [&] {
                const SaAisErrorT error = data("mine");
                return error == SA_AIS_OK ? delete_section(here, "mine") : error;
            },
            [&] { return set_expiration(here, "s", SA_TIME_END); },
            [&] { return write(here, "s", "y"); },
            [&] { return overwrite(here, "s", "z"); },
            [&] {
                std::string text;
                return try_read(here, "s", text);
            },
            [&] {
                SaCkptSectionIterationHandleT iteration = 0;
                SaCkptSectionDescriptorT section;
                SaAisErrorT error =
                    saCkptSectionIterationInitialize(here, SA_CKPT_SECTIONS_ANY, 0, &iteration);
                while (error == SA_AIS_OK) {
                    error = saCkptSectionIterationNext(iteration, &section);
                }
                return error == SA_AIS_ERR_NO_SECTIONS ? saCkptSectionIterationFinalize(iteration)
                                                       : error;
            },
            [&] { return saCkptCheckpointSynchronize(here, forever); },
            [&] {
                // Nobody dispatches, so there is room for some only.
                const SaAisErrorT error = saCkptCheckpointSynchronizeAsync(here, 1);
                return error == SA_AIS_ERR_TRY_AGAIN ? SA_AIS_OK : error;
            },
            [&] {
                // Memory of the application is taken back while the handle is good.
                void* memory = std::malloc(1);
                const SaAisErrorT error = saCkptIOVectorElementDataFree(here, memory);
                if (error != SA_AIS_OK) {
                    std::free(memory);
                }
                return error;
            },
        };
        std::atomic<std::size_t> busy{0};
        std::vector<std::thread> threads;
        for (std::size_t i = 0; i < calls.size(); ++i) {
            threads.emplace_back([&, i] {
                SaAisErrorT error = calls[i]();
                ++busy;
                while (error == SA_AIS_OK) {
                    error = calls[i]();
                }
                EXPECT_EQ(error, SA_AIS_ERR_BAD_HANDLE) << i;
            });
        }
        EXPECT_TRUE(wait_until([&] { return busy == calls.size(); }, patience));
        EXPECT_EQ(round % 2 == 0 ? saCkptCheckpointClose(here) : saCkptFinalize(one.handle),
                  SA_AIS_OK);
        for (std::thread& thread : threads) {
            thread.join();
        }
    }
}

// The executive stands still: there is time for nothing, and at last no room, either.
TEST_F(CkptAlone, calls_that_get_no_answer_time_out_or_end_with_their_handle) {
    Program one(dir());
    Program other(dir());
    const auto attributes = attributes_of(SA_CKPT_WR_ACTIVE_REPLICA);
    const auto here = one.create(a(), attributes);
    const auto there = other.open(a());
    ASSERT_EQ(create_section(here, "s", "before"), SA_AIS_OK);
    const SaTimeT moment = 20 * SA_TIME_ONE_MILLISECOND;
    cluster_->pause(1);
    SaCkptCheckpointHandleT opened = 42;
    EXPECT_EQ(one.try_open(a("late"), opened, both | create_flag, attributes, moment),
              SA_AIS_ERR_TIMEOUT);
    EXPECT_EQ(opened, 42U);
    EXPECT_EQ(saCkptCheckpointSynchronize(here, moment), SA_AIS_ERR_TIMEOUT);
    EXPECT_EQ(saCkptCheckpointSynchronize(here, 1), SA_AIS_ERR_TIMEOUT);
    std::atomic<pid_t> thread_id{0};
    SaAisErrorT written = SA_AIS_OK;
    std::thread blocked([&] {
        thread_id = static_cast<pid_t>(syscall(SYS_gettid));
        written = overwrite(there, "s", "after");
    });
    EXPECT_TRUE(wait_until(
        [&] {
            std::ifstream stat("/proc/self/task/" + std::to_string(thread_id) + "/stat");
            std::string text;
            std::getline(stat, text);
            return thread_id != 0 && text.find(") S ") != std::string::npos;
        },
        patience));
    EXPECT_EQ(saCkptFinalize(other.handle), SA_AIS_OK);
    blocked.join();
    EXPECT_EQ(written, SA_AIS_ERR_BAD_HANDLE);
    // One-way requests are queued until the queue is full.
    const SaNameT name = name_of(a("nobody"));
    SaAisErrorT error = SA_AIS_OK;
    for (int i = 0; i < 1000000 && error == SA_AIS_OK; ++i) {
        error = open_later(one, &name, both);
    }
    EXPECT_EQ(error, SA_AIS_ERR_TRY_AGAIN);
    error = SA_AIS_OK;
    for (int i = 0; i < 1000000 && error == SA_AIS_OK; ++i) {
        error = saCkptCheckpointSynchronizeAsync(here, 1);
    }
    EXPECT_EQ(error, SA_AIS_ERR_TRY_AGAIN);
    EXPECT_EQ(one.try_open(a("full"), opened, both | create_flag, attributes, moment),
              SA_AIS_ERR_TIMEOUT);
    cluster_->resume(1);
    // What came too late is not open, and what found no room has left no trace.
    Program witness(dir());
    for (const std::string& late : {a("late"), a("full")}) {
        EXPECT_TRUE(wait_until(
            [&] {
                return one.dispatch() == SA_AIS_OK && witness.probe(late) == SA_AIS_ERR_NOT_EXIST;
            },
            patience));
    }
    EXPECT_EQ(patiently([&] { return create_section(here, "t", "x"); }), SA_AIS_OK);
}

TEST_F(CkptAlone, nothing_outlives_the_last_executive) {
    {
        Program one(dir());
        const auto attributes =
            attributes_of(SA_CKPT_WR_ALL_REPLICAS, 10, 100, SaTimeT{SA_TIME_END});
        EXPECT_EQ(saCkptCheckpointClose(one.create(a(), attributes)), SA_AIS_OK);
        EXPECT_EQ(one.probe(a()), SA_AIS_OK);
    }
    cluster_->restart(1);
    cluster_->wait_ring({1});
    Program one(dir());
    EXPECT_EQ(one.probe(a()), SA_AIS_ERR_NOT_EXIST);
}

// While nodes make their replicas equal, a call waits for ipc.request_wait, here not at all.
TEST(CkptNodes, calls_that_cannot_wait_for_an_exchange_say_try_again_and_change_nothing) {
    Cluster cluster(2, "", "ipc {\n    request_wait: 0\n}\n");
    cluster.start(1);
    cluster.wait_ring({1});
    Program one(cluster.run_dir(1));
    const auto here = one.create(
        "a", attributes_of(SA_CKPT_WR_ACTIVE_REPLICA | SA_CKPT_CHECKPOINT_COLLOCATED, 100));
    ASSERT_EQ(saCkptActiveReplicaSet(here), SA_AIS_OK);
    ASSERT_EQ(create_section(here, "s", "x"), SA_AIS_OK);
    ASSERT_EQ(create_section(here, "t", "x"), SA_AIS_OK);
    // So much that the exchange outlasts all the calls.
    constexpr SaSizeT bulk_size = 100U << 20;
    const auto bulk = one.create("bulk", attributes_of(SA_CKPT_WR_ALL_REPLICAS, 2, bulk_size));
    ASSERT_EQ(create_section(bulk, "s", std::string(bulk_size, 'b')), SA_AIS_OK);

    SaCkptCheckpointHandleT opened = 0;
    SaCkptCheckpointHandleT to_close = 0;
    SaCkptSectionIterationHandleT iteration = 0;
    SaCkptSectionIterationHandleT other = 0;
    SaCkptSectionDescriptorT section;
    SaCkptCheckpointDescriptorT status;
    std::string data;
    const auto nothing = [] { return SA_AIS_OK; };
    const auto iterate_to = [here](SaCkptSectionIterationHandleT* to) {
        return saCkptSectionIterationInitialize(here, SA_CKPT_SECTIONS_ANY, 0, to);
    };
    struct Call {
        const char* name;
        std::function<SaAisErrorT()> prepare;
        std::function<SaAisErrorT()> make;
        bool is_told = false;
    };
    std::vector<Call> calls = {
        {"Open", nothing, [&] { return one.try_open("a", opened); }},
        {"Close",
         [&] { return one.try_open("a", to_close); },
         [&] { return saCkptCheckpointClose(to_close); }},
        {"Unlink",
         [&] {
             return one.try_open(
                 "u", other, both | create_flag, attributes_of(SA_CKPT_WR_ALL_REPLICAS));
         },
         [&] { return one.unlink("u"); }},
        {"RetentionDurationSet",
         nothing,
         [&] { return saCkptCheckpointRetentionDurationSet(here, 5); }},
        {"ActiveReplicaSet", nothing, [&] { return saCkptActiveReplicaSet(here); }},
        {"StatusGet", nothing, [&] { return saCkptCheckpointStatusGet(here, &status); }},
        {"SectionCreate",
         [&] {
             const SaAisErrorT error = delete_section(here, "made");
             return error == SA_AIS_ERR_NOT_EXIST ? SA_AIS_OK : error;
         },
         [&] { return create_section(here, "made"); }},
        {"SectionDelete",
         [&] { return create_section(here, "gone"); },
         [&] { return delete_section(here, "gone"); }},
        {"ExpirationTimeSet", nothing, [&] { return set_expiration(here, "s", SA_TIME_END); }},
        {"IterationInitialize", nothing, [&] { return iterate_to(&other); }},
        {"IterationNext",
         [&] { return iterate_to(&iteration); },
         [&] { return saCkptSectionIterationNext(iteration, &section); }},
        {"Write", nothing, [&] { return write(here, "t", "y"); }},
        {"Overwrite", nothing, [&] { return overwrite(here, "t", "z"); }},
        {"Read", nothing, [&] { return try_read(here, "s", data); }},
        {"Synchronize", nothing, [&] { return saCkptCheckpointSynchronize(here, forever); }},
    };
    for (const Call& call : calls) {
        ASSERT_EQ(call.prepare(), SA_AIS_OK) << call.name;
    }
    const auto all_told = [&] {
        return std::all_of(
            calls.begin(), calls.end(), [](const Call& call) { return call.is_told; });
    };
    for (int round = 0; round < 5 && !all_told(); ++round) {
        cluster.restart(2);
        // The exchange has begun when it is the reason not to answer.
        ASSERT_TRUE(wait_until(
            [&] { return saCkptCheckpointStatusGet(here, &status) == SA_AIS_ERR_TRY_AGAIN; },
            patience));
        for (Call& call : calls) {
            if (call.is_told) {
                continue;
            }
            const SaAisErrorT error = call.make();
            call.is_told = error == SA_AIS_ERR_TRY_AGAIN;
            if (!call.is_told) {
                // It was over before this one: again with the next.
                EXPECT_EQ(error, SA_AIS_OK) << call.name;
                EXPECT_EQ(patiently(call.prepare), SA_AIS_OK) << call.name;
            }
        }
    }
    // What was not done can be done now, handles that were not closed are open.
    EXPECT_EQ(patiently([&] { return try_read(to_close, "t", data); }), SA_AIS_OK);
    EXPECT_EQ(data, "x");
    for (const Call& call : calls) {
        EXPECT_TRUE(call.is_told) << call.name;
        EXPECT_EQ(patiently(call.make), SA_AIS_OK) << call.name;
    }
}

}  // namespace
}  // namespace ais::conformance
