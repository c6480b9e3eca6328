// SPDX-License-Identifier: BSD-3-Clause
//
// Layouts: what is written is read, and what is broken is refused, whatever it is.

#include "wire.hpp"

#include "include/cpg.h"

#include <gtest/gtest.h>

extern "C" int cpg_header_test(void);

namespace ais::cpg {
namespace {

TEST(Header, serves_programs_of_both_generations_in_c99) {
    EXPECT_EQ(cpg_header_test(), 0);
}

static_assert(static_cast<int>(Reason::join) == CPG_REASON_JOIN);
static_assert(static_cast<int>(Reason::leave) == CPG_REASON_LEAVE);
static_assert(static_cast<int>(Reason::node_down) == CPG_REASON_NODEDOWN);
static_assert(static_cast<int>(Reason::node_up) == CPG_REASON_NODEUP);
static_assert(static_cast<int>(Reason::process_down) == CPG_REASON_PROCDOWN);
static_assert(static_cast<int>(IterationType::name_only) == CPG_ITERATION_NAME_ONLY);
static_assert(static_cast<int>(IterationType::one_group) == CPG_ITERATION_ONE_GROUP);
static_assert(static_cast<int>(IterationType::all) == CPG_ITERATION_ALL);
static_assert(group_name_max == CPG_MAX_NAME_LENGTH);
// Sizes that programs compiled against either generation have built in.
static_assert(sizeof(cpg_name) == 132);
static_assert(sizeof(cpg_address) == 12);
static_assert(sizeof(cpg_iteration_description_t) == 140);
static_assert(sizeof(cpg_ring_id) == 16);
static_assert(sizeof(cpg_model_v1_data_t) == 40);
static_assert(CS_ERR_NO_SECTIONS == 27 && CS_ERR_NOT_SUPPORTED == 19 && CS_ERR_SECURITY == 100);
static_assert(CPG_OK == 1 && CPG_ERR_EXIST == 14 && CPG_DISPATCH_ONE == 1);

std::string join_bytes(std::uint32_t seat,
                       std::uint32_t instance,
                       std::uint32_t pid,
                       std::string_view name) {
    Appender out;
    out.u32(seat);
    out.u32(instance);
    out.u32(pid);
    out.bytes(as_bytes(name));
    return out.take();
}

TEST(Wire, join_carries_a_name_of_every_length_up_to_128) {
    for (std::size_t length = 0; length <= 130; ++length) {
        const std::string name(length, '\xfe');
        const std::string bytes = join_bytes(3, 0x100, 77, name);
        JoinMessage join;
        EXPECT_EQ(JoinMessage::decode(as_bytes(bytes), join), length >= 1 && length <= 128);
        if (length >= 1 && length <= 128) {
            EXPECT_EQ(join.seat, 3U);
            EXPECT_EQ(join.pid, 77U);
            EXPECT_EQ(as_text(join.group), name);
        }
    }
}

TEST(Wire, join_with_a_seat_out_of_range_is_refused) {
    JoinMessage join;
    const std::string last = join_bytes(seats_max - 1, 0x100, 1, "g");
    const std::string beyond = join_bytes(seats_max, 0x100, 1, "g");
    const std::string nobody = join_bytes(0, 0, 1, "g");
    EXPECT_TRUE(JoinMessage::decode(as_bytes(last), join));
    EXPECT_FALSE(JoinMessage::decode(as_bytes(beyond), join));
    EXPECT_FALSE(JoinMessage::decode(as_bytes(nobody), join));
}

TEST(Wire, leave_has_one_of_two_reasons) {
    for (std::uint32_t reason = 0; reason < 8; ++reason) {
        std::uint8_t space[LeaveMessage::size];
        Writer out(space);
        LeaveMessage{1, 0x101, static_cast<Reason>(reason)}.encode(out);
        ASSERT_TRUE(out.ok());
        LeaveMessage leave;
        EXPECT_EQ(LeaveMessage::decode(out.written(), leave), reason == 2 || reason == 5);
    }
}

TEST(Wire, every_truncation_is_refused) {
    Appender change;
    change.u32(7);
    change.u32(ChangeEvent::whole);
    change.u64(digest_of(1, 10) + digest_of(2, 20));
    change.u32(2);
    change.u32(0);
    change.u32(1);
    for (const std::uint32_t number : {1, 10, 2, 20}) {
        change.u32(number);
    }
    encode_process(change, {2, 20, Reason::join});
    Appender ring;
    RingEvent{4, 88, {4, 5, 6}}.encode(ring);
    Appender iterate;
    IterateRequest{IterationType::one_group, "g", {"g", 1, 2}}.encode(iterate);
    Appender page;
    IteratePage{true, {{"a", 1, 2}, {"b", 3, 4}}}.encode(page);
    Appender members;
    MembershipPage{9, 2, {{1, 2, Reason::none}, {3, 4, Reason::none}}}.encode(members);

    const auto check = [](Bytes whole, auto decode) {
        EXPECT_TRUE(decode(whole));
        for (std::size_t size = 0; size < whole.size(); ++size) {
            EXPECT_FALSE(decode(whole.first(size))) << "of " << whole.size() << " only " << size;
        }
        std::string longer(as_text(whole));
        longer += '\0';
        EXPECT_FALSE(decode(as_bytes(longer)));
    };
    check(change.written(), [](Bytes bytes) {
        ChangeEvent out;
        return ChangeEvent::decode(bytes, out);
    });
    check(ring.written(), [](Bytes bytes) {
        RingEvent out;
        return RingEvent::decode(bytes, out);
    });
    check(iterate.written(), [](Bytes bytes) {
        IterateRequest out;
        return IterateRequest::decode(bytes, out);
    });
    check(page.written(), [](Bytes bytes) {
        IteratePage out;
        return IteratePage::decode(bytes, out);
    });
    check(members.written(), [](Bytes bytes) {
        MembershipPage out;
        return MembershipPage::decode(bytes, out);
    });
}

std::string change_head(std::uint32_t number,
                        std::uint32_t flags,
                        std::uint32_t members,
                        std::uint32_t left,
                        std::uint32_t joined) {
    Appender out;
    out.u32(number);
    out.u32(flags);
    out.u64(0);
    out.u32(members);
    out.u32(left);
    out.u32(joined);
    return out.take();
}

TEST(Wire, change_with_counts_that_overflow_is_refused) {
    ChangeEvent out;
    // × 12 or × 8 they wrap around in 32 bits, and to 0 in sum.
    for (const auto& bytes : {change_head(0, 0, 0, 0x55555556, 0),
                              change_head(0, 0, 0, 0xffffffff, 0x55555557),
                              change_head(0, ChangeEvent::whole, 0x20000000, 0, 0),
                              change_head(0, ChangeEvent::whole, 0xffffffff, 0xffffffff, 2)}) {
        EXPECT_FALSE(ChangeEvent::decode(as_bytes(bytes), out));
        EXPECT_TRUE(out.members.empty() && out.left.empty() && out.joined.empty());
    }
}

TEST(Wire, change_of_unknown_kind_or_number_is_refused) {
    ChangeEvent out;
    EXPECT_TRUE(ChangeEvent::decode(as_bytes(change_head(255, 3, 0, 0, 0)), out));
    EXPECT_FALSE(ChangeEvent::decode(as_bytes(change_head(255, 4, 0, 0, 0)), out));
    EXPECT_FALSE(ChangeEvent::decode(as_bytes(change_head(256, 0, 0, 0, 0)), out));
    // Only a whole one has a list.
    std::string listed = change_head(1, 0, 1, 0, 0) + std::string(8, '\1');
    EXPECT_FALSE(ChangeEvent::decode(as_bytes(listed), out));
    listed[4] = ChangeEvent::whole;
    EXPECT_TRUE(ChangeEvent::decode(as_bytes(listed), out));
}

TEST(Wire, page_of_members_with_more_than_there_are_is_refused) {
    Appender bytes;
    MembershipPage{9, 1, {{1, 2, Reason::none}, {3, 4, Reason::none}}}.encode(bytes);
    MembershipPage out;
    EXPECT_FALSE(MembershipPage::decode(bytes.written(), out));
}

TEST(Wire, digest_is_of_whom_and_not_of_how_many) {
    EXPECT_NE(digest_of(1, 2), digest_of(2, 1));
    EXPECT_NE(digest_of(1, 2) + digest_of(3, 4), digest_of(1, 4) + digest_of(3, 2));
    EXPECT_NE(digest_of(0, 0), 0U);
}

TEST(Wire, page_that_promises_more_of_nothing_is_refused) {
    Appender page;
    IteratePage{true, {}}.encode(page);
    IteratePage out;
    EXPECT_FALSE(IteratePage::decode(page.written(), out));
}

TEST(Wire, hello_is_read_as_written) {
    std::uint8_t space[Hello::size];
    Writer out(space);
    Hello{wire_version, Hello::wants_ring}.encode(out);
    Hello hello;
    ASSERT_TRUE(Hello::decode(out.written(), hello));
    EXPECT_EQ(hello.flags, Hello::wants_ring);
    EXPECT_FALSE(Hello::decode({}, hello));
}

TEST(Wire, payload_behind_a_delivery_head_is_as_aligned_as_the_body) {
    EXPECT_EQ(DeliveryHead::size % 16, 0U);
}

}  // namespace
}  // namespace ais::cpg
