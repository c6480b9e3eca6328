// SPDX-License-Identifier: BSD-3-Clause

#include "sync/messages.hpp"

#include <gtest/gtest.h>

namespace ais::sync {
namespace {

const totem::RingId ring{24, NodeId(1), 77};

TEST(SyncMessages, hello_comes_back_as_it_was) {
    const Hello sent{
        ring, {0x1122334455667788}, {{1, false, 5, 6}, {32, true, 7, 8}, {1023, false, 0, 0}}};
    Hello got;
    ASSERT_TRUE(decode(as_bytes(encode(sent)), got));
    EXPECT_EQ(got.ring, ring);
    EXPECT_EQ(got.lineage, sent.lineage);
    EXPECT_EQ(got.offers, sent.offers);
    ASSERT_NE(got.find(32), nullptr);
    EXPECT_EQ(got.find(32)->digest, 7u);
    EXPECT_EQ(got.find(33), nullptr);
}

TEST(SyncMessages, hello_is_laid_out_as_the_page_says) {
    const std::string bytes =
        encode(Hello{ring, {0x0807060504030201}, {{0x0102, true, 0x1817161514131211, 9}}});
    const std::uint8_t expected[] = {2,    0,    1,    0,    24, 0, 0, 0, 0,    0,    0,    0,
                                     1,    0,    0,    0,    77, 0, 0, 0, 1,    2,    3,    4,
                                     5,    6,    7,    8,    2,  1, 1, 0, 0x11, 0x12, 0x13, 0x14,
                                     0x15, 0x16, 0x17, 0x18, 9,  0, 0, 0, 0,    0,    0,    0};
    EXPECT_EQ(bytes, as_text(Bytes(expected)));
}

TEST(SyncMessages, hello_of_every_wrong_length_or_order_is_refused) {
    const auto with = [](std::vector<std::uint16_t> ids) {
        Hello hello{ring, {1}, {}};
        for (const std::uint16_t id : ids) {
            hello.offers.push_back({id, false, 1, 1});
        }
        return encode(hello);
    };
    const std::string good = with({1, 2, 3});
    Hello got;
    for (std::size_t size = 0; size < good.size(); ++size) {
        EXPECT_FALSE(decode(as_bytes(good).first(size), got)) << size;
    }
    EXPECT_TRUE(decode(as_bytes(good), got));
    EXPECT_FALSE(decode(as_bytes(good + "x"), got));
    EXPECT_FALSE(decode(as_bytes(with({2, 1})), got));
    EXPECT_FALSE(decode(as_bytes(with({2, 2})), got));
    EXPECT_FALSE(decode(as_bytes(with({0})), got));
    EXPECT_FALSE(decode(as_bytes(with({1024})), got));
    std::string other = good;
    other[0] = 1;
    EXPECT_FALSE(decode(as_bytes(other), got)) << "another version";
    other = good;
    other[30] = 2;
    EXPECT_FALSE(decode(as_bytes(other), got)) << "another form";
}

std::string chunk_of(std::uint32_t index, std::uint64_t total, std::size_t data) {
    return encode_header({ring, 5, index, total, 99, {}}) + std::string(data, 'd');
}

TEST(SyncMessages, chunk_has_exactly_the_data_of_its_index) {
    Chunk got;
    ASSERT_TRUE(decode(as_bytes(chunk_of(0, 70000, 65536)), got));
    EXPECT_EQ(got.ring, ring);
    EXPECT_EQ(got.stream, 5u);
    EXPECT_EQ(got.total, 70000u);
    EXPECT_EQ(got.digest, 99u);
    EXPECT_EQ(got.data.size(), 65536u);
    EXPECT_TRUE(decode(as_bytes(chunk_of(1, 70000, 70000 - 65536)), got));
    EXPECT_TRUE(decode(as_bytes(chunk_of(0, 0, 0)), got));
    EXPECT_FALSE(decode(as_bytes(chunk_of(1, 70000, 70000 - 65536 - 1)), got));
    EXPECT_FALSE(decode(as_bytes(chunk_of(1, 70000, 70000 - 65536 + 1)), got));
    EXPECT_FALSE(decode(as_bytes(chunk_of(2, 70000, 0)), got));
    EXPECT_FALSE(decode(as_bytes(chunk_of(1, 65536, 0)), got))
        << "an empty chunk is for empty streams";
    EXPECT_FALSE(decode(as_bytes(chunk_of(0xffffffff, snapshot_max, 0)), got));
    EXPECT_FALSE(decode(as_bytes(chunk_of(0, snapshot_max + 1, 65536)), got));
    EXPECT_FALSE(decode(as_bytes(chunk_of(0, 1, 1)).first(30), got));
}

TEST(SyncMessages, done_is_a_ring_and_nothing_else) {
    Done got;
    const std::string good = encode(Done{ring});
    ASSERT_TRUE(decode(as_bytes(good), got));
    EXPECT_EQ(got.ring, ring);
    EXPECT_FALSE(decode(as_bytes(good + "x"), got));
    EXPECT_FALSE(decode(as_bytes(good).first(15), got));
}

TEST(SyncMessages, list_of_parts_is_sorted_and_bounded) {
    const std::vector<Part> sent = {{"a", 1, 2}, {"ab", 3, 4}, {"b", 5, 6}};
    std::vector<Part> got;
    ASSERT_TRUE(decode_list(as_bytes(encode_list(sent)), got));
    EXPECT_EQ(got, sent);
    EXPECT_EQ(size_of(got), 12u);
    EXPECT_TRUE(decode_list({}, got));
    EXPECT_TRUE(got.empty());
    EXPECT_FALSE(decode_list(as_bytes(encode_list({{"b", 1, 1}, {"a", 1, 1}})), got));
    EXPECT_FALSE(decode_list(as_bytes(encode_list({{"a", 1, 1}, {"a", 1, 1}})), got));
    EXPECT_FALSE(decode_list(as_bytes(encode_list({{"", 1, 1}})), got));
    const std::string bytes = encode_list(sent);
    EXPECT_FALSE(decode_list(as_bytes(bytes).first(bytes.size() - 1), got));
    std::vector<Part> many;
    for (std::uint32_t i = 0; i <= AIS_PARTS_MAX; ++i) {
        many.push_back({std::to_string(1000000 + i), i, 1});
    }
    EXPECT_FALSE(decode_list(as_bytes(encode_list(many)), got));
    many.pop_back();
    EXPECT_TRUE(decode_list(as_bytes(encode_list(many)), got));
}

TEST(SyncMessages, of_a_comparison_survive_the_wire_and_nothing_else_does) {
    const Compare asked{ring, 7, {1, 5, 1023}};
    Compare got;
    ASSERT_TRUE(decode(as_bytes(encode(asked)), got));
    EXPECT_EQ(got.ring, ring);
    EXPECT_EQ(got.number, 7u);
    EXPECT_EQ(got.services, asked.services);
    for (const Compare& bad : {Compare{ring, 1, {}},
                               Compare{ring, 1, {0}},
                               Compare{ring, 1, {1024}},
                               Compare{ring, 1, {2, 2}},
                               Compare{ring, 1, {3, 2}}}) {
        EXPECT_FALSE(decode(as_bytes(encode(bad)), got));
    }
    const Compared answered{ring, 7, {{1, false, 2, 3}, {5, true, 4, 5}}};
    Compared back;
    ASSERT_TRUE(decode(as_bytes(encode(answered)), back));
    EXPECT_EQ(back.ring, ring);
    EXPECT_EQ(back.number, 7u);
    EXPECT_EQ(back.offers, answered.offers);
    EXPECT_TRUE(decode(as_bytes(encode(Compared{ring, 7, {}})), back));
    EXPECT_TRUE(back.offers.empty());
    EXPECT_FALSE(
        decode(as_bytes(encode(Compared{ring, 7, {{5, true, 4, 5}, {5, true, 4, 5}}})), back));
    for (const std::string& bytes : {encode(asked), encode(answered)}) {
        for (std::size_t size = 0; size < bytes.size(); ++size) {
            EXPECT_FALSE(decode(as_bytes(bytes).first(size), got));
            EXPECT_FALSE(decode(as_bytes(bytes).first(size), back));
        }
        EXPECT_FALSE(decode(as_bytes(bytes + '\0'), got));
        EXPECT_FALSE(decode(as_bytes(bytes + '\0'), back));
    }
}

TEST(SyncMessages, running_digest_is_that_of_the_whole) {
    const std::string bytes(300000, 'q');
    RunningDigest running;
    running.add(as_bytes(bytes).first(1000));
    running.add({});
    running.add(as_bytes(bytes).subspan(1000));
    EXPECT_EQ(running.value(), digest_of(as_bytes(bytes)));
}

TEST(Lineage, differs_by_node_ring_and_past) {
    const Lineage a = lineage_of_fresh(NodeId(1));
    EXPECT_EQ(a, lineage_of_fresh(NodeId(1)));
    EXPECT_NE(a, lineage_of_fresh(NodeId(2)));
    EXPECT_NE(lineage_of_synced(ring), lineage_of_synced({25, NodeId(1), 77}));
    EXPECT_NE(lineage_of_synced(ring), lineage_of_synced({24, NodeId(1), 78}));
    const Lineage once = lineage_of_unsynced(a, ring);
    EXPECT_NE(once, a);
    EXPECT_NE(once, lineage_of_synced(ring));
    EXPECT_NE(once, lineage_of_unsynced(lineage_of_fresh(NodeId(2)), ring));
    EXPECT_NE(once, lineage_of_unsynced(a, {25, NodeId(1), 77}));
    EXPECT_NE(once, lineage_of_unsynced(once, ring));
}

}  // namespace
}  // namespace ais::sync
