// SPDX-License-Identifier: BSD-3-Clause
//
// Bodies: what is written is read again, what is broken is refused.

#include "wire.hpp"

#include "test_support.hpp"

#include <gtest/gtest.h>

#include <random>

namespace ais::ckpt {
namespace {

std::string body_of(const Open& open) {
    Appender out;
    open.encode(out);
    return out.take();
}

TEST(Attributes, exactly_one_way_to_write_is_wanted) {
    for (std::uint32_t flags = 0; flags < 64; ++flags) {
        const std::uint32_t way = flags & ~collocated;
        const bool expected = way == 1 || way == 2 || way == 4;
        EXPECT_EQ(are_valid(attributes_of(flags)), expected) << flags;
    }
}

TEST(Attributes, size_is_at_most_what_the_sections_can_hold) {
    Attributes a = attributes_of(wr_all_replicas, 7, 11);
    EXPECT_EQ(a.size, 77U);
    EXPECT_TRUE(are_valid(a));
    a.size = 78;
    EXPECT_FALSE(are_valid(a));
    a.size = 76;
    EXPECT_TRUE(are_valid(a));
    a = attributes_of(wr_all_replicas, 0xffffffff, 1);
    a.max_section_size = ~std::uint64_t{0};  // the product does not fit 64 bits
    a.size = ~std::uint64_t{0};
    EXPECT_TRUE(are_valid(a));
    a.max_section_size = 1;
    EXPECT_FALSE(are_valid(a));
    a = attributes_of(wr_all_replicas, 3, 0);
    EXPECT_TRUE(are_valid(a));
    a.size = 1;
    EXPECT_FALSE(are_valid(a));
}

TEST(Attributes, no_sections_and_negative_retention_are_refused) {
    EXPECT_FALSE(are_valid(attributes_of(wr_all_replicas, 0)));
    Attributes a = attributes_of(wr_all_replicas);
    a.retention = -1;
    EXPECT_FALSE(are_valid(a));
    a.retention = time_end;
    EXPECT_TRUE(are_valid(a));
}

TEST(Attributes, retention_does_not_make_a_checkpoint_another_one) {
    const Attributes a = attributes_of(wr_all_replicas);
    Attributes b = a;
    b.retention = 5;
    EXPECT_TRUE(are_alike(a, b));
    b.max_sections = 11;
    EXPECT_FALSE(are_alike(a, b));
}

TEST(Wire, open_is_read_as_it_was_written) {
    const std::string name("a\0b", 3);
    const std::string body = body_of(create_of(9, name, attributes_of(wr_active_replica)));
    Open open;
    ASSERT_TRUE(Open::decode(as_bytes(body), open));
    EXPECT_EQ(open.number, 9U);
    EXPECT_EQ(open.name, name);
    EXPECT_TRUE(open.has_attributes);
    EXPECT_EQ(open.attributes, attributes_of(wr_active_replica));
}

TEST(Wire, open_with_bad_flags_names_or_attributes_is_refused) {
    Open open;
    EXPECT_FALSE(Open::decode(as_bytes(body_of(open_of(1, "a", 0))), open));
    EXPECT_FALSE(Open::decode(as_bytes(body_of(open_of(1, "a", 8))), open));
    EXPECT_FALSE(Open::decode(as_bytes(body_of(open_of(1, "a", open_create))), open));
    EXPECT_FALSE(Open::decode(as_bytes(body_of(open_of(1, ""))), open));
    EXPECT_FALSE(Open::decode(as_bytes(body_of(open_of(1, std::string(257, 'x')))), open));
    EXPECT_TRUE(Open::decode(as_bytes(body_of(open_of(1, std::string(256, 'x')))), open));
    EXPECT_FALSE(Open::decode(as_bytes(body_of(create_of(1, "a", attributes_of(3)))), open));
}

TEST(Wire, write_keeps_its_elements_in_order) {
    Appender out;
    Write::encode_head(out, 4, 2);
    for (const auto& [id, offset, text] :
         {std::tuple{"one", 0U, "first"}, std::tuple{"two", 7U, "second"}}) {
        const WriteElement element{id, offset, as_bytes(text)};
        element.encode_head(out);
        out.bytes(element.data);
    }
    Write write;
    ASSERT_TRUE(Write::decode(out.written(), write));
    ASSERT_EQ(write.elements.size(), 2U);
    EXPECT_EQ(write.elements[1].id, "two");
    EXPECT_EQ(write.elements[1].offset, 7U);
    EXPECT_EQ(as_text(write.elements[1].data), "second");
}

TEST(Wire, plan_that_cannot_be_is_refused) {
    const auto decodes = [](const Plan& plan) {
        Appender out;
        Begin{1, plan}.encode(out);
        Begin begin;
        return Begin::decode(out.written(), begin) && begin.plan == plan;
    };
    EXPECT_TRUE(decodes({Kind::write, time_end, {{"a", 3, 5}, {"b", 0, 1}}}));
    EXPECT_TRUE(decodes({Kind::overwrite, time_end, {{"a", 0, 5}}}));
    EXPECT_FALSE(decodes({Kind::overwrite, time_end, {{"a", 1, 5}}}));
    EXPECT_FALSE(decodes({Kind::create, time_end, {{"a", 0, 5}, {"b", 0, 1}}}));
    EXPECT_FALSE(decodes({Kind::create, -1, {{"a", 0, 5}}}));
    EXPECT_FALSE(decodes({Kind::read, time_end, {{"a", 0, 5}}}));
    EXPECT_FALSE(decodes({Kind::write, time_end, {}}));
    EXPECT_FALSE(decodes({Kind::write, time_end, {{"a", ~std::uint64_t{0}, 1}}}));
}

TEST(Wire, page_that_promises_more_and_has_nothing_is_refused) {
    Appender out;
    Page{true, {}}.encode(out);
    Page page;
    EXPECT_FALSE(Page::decode(out.written(), page));
    Appender good;
    Page{true, {{"id", 5, 6, SectionState::corrupted, 7}}}.encode(good);
    ASSERT_TRUE(Page::decode(good.written(), page));
    EXPECT_EQ(page.sections.front(), (Descriptor{"id", 5, 6, SectionState::corrupted, 7}));
}

// Whatever comes is read within its bounds (the sanitizers see to that) or refused.
TEST(Wire, random_bytes_are_never_fatal) {
    std::mt19937 random(1);
    for (int round = 0; round < 20000; ++round) {
        std::string bytes(random() % 80, '\0');
        for (char& byte : bytes) {
            byte = static_cast<char>(random() % 4 == 0 ? random() : random() % 3);
        }
        const Bytes from = as_bytes(bytes);
        Reader in(from);
        Open open;
        Write write;
        Begin begin;
        Read read;
        ReadSizes sizes;
        Page page;
        NameList names;
        std::vector<Remaining> remaining;
        (void)Open::decode(from, open);
        (void)Write::decode(from, write);
        (void)Begin::decode(from, begin);
        (void)Read::decode(from, read);
        (void)ReadSizes::decode(in, sizes);
        (void)Page::decode(from, page);
        (void)NameList::decode(from, names);
        (void)Remaining::decode_all(from, remaining);
    }
}

}  // namespace
}  // namespace ais::ckpt
