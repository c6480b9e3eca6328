// SPDX-License-Identifier: BSD-3-Clause

#include "group/packer.hpp"

#include "base/mark.hpp"
#include "group/chunk.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace ais::group {
namespace {

using totem::Guarantee;
using Open = Packer::Open;

struct Payload {
    std::vector<std::uint8_t> bytes;
    Guarantee guarantee = Guarantee::agreed;
};

class PackerOf : public ::testing::Test {
  protected:
    ais_status push(std::size_t size,
                    Lane lane = Lane::ordinary,
                    Guarantee guarantee = Guarantee::agreed) {
        const std::string body(size, 'x');
        const ais_bytes parts[] = {to_abi(std::string_view(body))};
        return packer_.push(lane, 0x0102, 0x0304, guarantee, parts);
    }
    Payload take(std::size_t room, Open open = Open::both) {
        Payload payload;
        payload.bytes.resize(room);
        payload.bytes.resize(packer_.take(payload.bytes, payload.guarantee, open));
        return payload;
    }

    Packer packer_{Limits{100000, 400000, 400000}};
};
using APacker = PackerOf;

TEST_F(APacker, writes_a_whole_message_as_the_page_says) {
    push(2);
    EXPECT_EQ(take(200).bytes,
              (std::vector<std::uint8_t>{0x03, 2, 0, 0x02, 0x01, 0x04, 0x03, 'x', 'x'}));
    EXPECT_EQ(packer_.backlog(Open::both, 1400), 0u);
}

TEST_F(APacker, writes_a_first_fragment_with_the_total_and_marks_the_kernel_lane) {
    push(150, Lane::kernel);
    const Payload first = take(128);
    ASSERT_EQ(first.bytes.size(), 128u);
    const std::vector<std::uint8_t> header(first.bytes.begin(), first.bytes.begin() + 11);
    EXPECT_EQ(header,
              (std::vector<std::uint8_t>{0x05, 117, 0, 0x02, 0x01, 0x04, 0x03, 150, 0, 0, 0}));
    const Payload last = take(128);
    ASSERT_EQ(last.bytes.size(), 3u + 33u);
    EXPECT_EQ(last.bytes[0], 0x06);
    EXPECT_EQ(last.bytes[1], 33);
}

TEST_F(APacker, shares_one_payload_between_small_messages) {
    for (int i = 0; i < 10; ++i) {
        push(64);
    }
    EXPECT_EQ(take(1400).bytes.size(), 10u * 71u);
    EXPECT_EQ(take(1400).bytes.size(), 0u);
    EXPECT_EQ(packer_.messages_taken(), 10u);
    EXPECT_EQ(packer_.fragments_taken(), 0u);
}

TEST_F(APacker, fills_every_payload_but_the_last_to_one_size) {
    for (std::size_t size : {64u, 9000u, 1u, 0u, 500u, 20000u, 1393u, 1394u, 700u, 64u, 64u, 64u}) {
        push(size);
    }
    std::size_t shorter = 0;
    while (packer_.backlog(Open::both, 1400) > 0) {
        EXPECT_EQ(shorter, 0u) << "only the last payload may be short";
        shorter += take(1400).bytes.size() < 1400 ? 1 : 0;
    }
    EXPECT_LE(shorter, 1u);
    EXPECT_EQ(packer_.messages_taken(), 12u);
}

TEST_F(APacker, pads_where_a_fragment_would_be_too_small) {
    push(1400 - 7 - 26);  // leaves 26 bytes, one less than a first fragment needs
    push(64);
    Payload payload;
    EXPECT_MARK("packer.pads", payload = take(1400));
    ASSERT_EQ(payload.bytes.size(), 1400u);
    EXPECT_EQ(payload.bytes[1374], chunk::flag_padding);
    EXPECT_EQ(payload.bytes[1399], 0);
    EXPECT_EQ(take(1400).bytes.size(), 71u);
}

TEST_F(APacker, never_mixes_guarantees) {
    push(10, Lane::ordinary, Guarantee::agreed);
    push(10, Lane::ordinary, Guarantee::safe);
    push(10, Lane::ordinary, Guarantee::safe);
    push(10, Lane::ordinary, Guarantee::agreed);
    Payload payload = take(1400);
    EXPECT_EQ(payload.guarantee, Guarantee::agreed);
    EXPECT_EQ(payload.bytes.size(), 17u);
    EXPECT_MARK("packer.ends_payload_at_other_guarantee", payload = take(1400));
    EXPECT_EQ(payload.guarantee, Guarantee::safe);
    EXPECT_EQ(payload.bytes.size(), 34u);
    payload = take(1400);
    EXPECT_EQ(payload.guarantee, Guarantee::agreed);
    EXPECT_EQ(payload.bytes.size(), 17u);
}

TEST_F(APacker, sends_the_kernel_lane_first_even_between_fragments) {
    push(5000);
    EXPECT_EQ(take(1400).bytes[0], chunk::flag_first);
    push(30, Lane::kernel);
    const Payload mixed = take(1400);
    EXPECT_EQ(mixed.bytes[0], chunk::flag_first | chunk::flag_last | chunk::flag_kernel);
    EXPECT_EQ(mixed.bytes[37], 0) << "then a middle fragment of the ordinary message";
    EXPECT_EQ(mixed.bytes.size(), 1400u);
}

TEST_F(APacker, keeps_the_ordinary_lane_back_behind_the_gate) {
    push(10);
    EXPECT_EQ(packer_.backlog(Open::kernel_only, 1400), 0u);
    EXPECT_EQ(take(1400, Open::kernel_only).bytes.size(), 0u);
    push(20, Lane::kernel);
    EXPECT_EQ(packer_.backlog(Open::kernel_only, 1400), 1u);
    EXPECT_EQ(take(1400, Open::kernel_only).bytes.size(), 27u);
    EXPECT_EQ(take(1400).bytes.size(), 17u);
}

TEST_F(APacker, estimates_its_backlog_in_payloads) {
    EXPECT_EQ(packer_.backlog(Open::both, 1400), 0u);
    push(0);
    EXPECT_EQ(packer_.backlog(Open::both, 1400), 1u) << "an empty message is something to send";
    push(14000);
    EXPECT_EQ(packer_.backlog(Open::both, 1400), 11u);
    take(1400);
    EXPECT_EQ(packer_.backlog(Open::both, 1400), 10u);
}

TEST_F(APacker, begins_a_partly_sent_message_again_after_rewind) {
    push(2000);
    const Payload before = take(1400);
    packer_.rewind();
    EXPECT_EQ(take(1400).bytes, before.bytes);
    EXPECT_EQ(take(1400).bytes.size(), 3u + 2000u - (1400u - 11u));
    EXPECT_EQ(packer_.messages_taken(), 1u);
}

TEST_F(APacker, refuses_too_large_and_too_much) {
    EXPECT_EQ(push(100001), AIS_ERR_TOO_BIG);
    EXPECT_EQ(push(100000), AIS_OK);
    EXPECT_EQ(push(100000), AIS_OK);
    EXPECT_EQ(push(100000), AIS_OK);
    EXPECT_TRUE(packer_.has_room_for(Lane::ordinary, 99000));
    EXPECT_FALSE(packer_.has_room_for(Lane::ordinary, 100000));
    EXPECT_EQ(push(100000), AIS_ERR_AGAIN);
    EXPECT_EQ(push(100000, Lane::kernel), AIS_OK) << "lanes do not share their room";
    const ais_bytes huge[] = {{nullptr, 0},
                              {reinterpret_cast<const std::uint8_t*>(this), SIZE_MAX},
                              {reinterpret_cast<const std::uint8_t*>(this), 2}};
    EXPECT_EQ(packer_.push(Lane::ordinary, 1, 1, Guarantee::agreed, huge), AIS_ERR_TOO_BIG)
        << "sizes do not overflow";
}

TEST(PackerLimits, always_have_room_for_one_largest_message) {
    Packer packer(Limits{5000, 100, 100});
    const std::string body(5000, 'x');
    const ais_bytes parts[] = {to_abi(std::string_view(body))};
    EXPECT_EQ(packer.push(Lane::ordinary, 1, 1, Guarantee::agreed, parts), AIS_OK);
    EXPECT_EQ(packer.push(Lane::ordinary, 1, 1, Guarantee::agreed, {}), AIS_ERR_AGAIN);
}

}  // namespace
}  // namespace ais::group
