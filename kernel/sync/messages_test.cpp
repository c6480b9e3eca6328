// SPDX-License-Identifier: BSD-3-Clause

#include "sync/messages.hpp"

#include <gtest/gtest.h>

namespace ais::sync {
namespace {

const totem::RingId ring{24, NodeId(1), 77};

TEST(SyncMessages, hello_comes_back_as_it_was) {
    const Hello sent{ring, {0x1122334455667788}, {1, 32, 1023}};
    Hello got;
    ASSERT_TRUE(decode(as_bytes(encode(sent)), got));
    EXPECT_EQ(got.ring, ring);
    EXPECT_EQ(got.lineage, sent.lineage);
    EXPECT_EQ(got.services, sent.services);
    EXPECT_TRUE(got.has(32));
    EXPECT_FALSE(got.has(33));
}

TEST(SyncMessages, hello_is_laid_out_as_the_page_says) {
    const std::string bytes = encode(Hello{ring, {0x0807060504030201}, {0x0102}});
    const std::uint8_t expected[] = {1, 0,  1, 0, 24, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0,
                                     0, 77, 0, 0, 0,  1, 2, 3, 4, 5, 6, 7, 8, 2, 1};
    EXPECT_EQ(bytes, as_text(Bytes(expected)));
}

TEST(SyncMessages, hello_of_every_wrong_length_or_order_is_refused) {
    const std::string good = encode(Hello{ring, {1}, {1, 2, 3}});
    Hello got;
    for (std::size_t size = 0; size < good.size(); ++size) {
        EXPECT_FALSE(decode(as_bytes(good).first(size), got)) << size;
    }
    EXPECT_FALSE(decode(as_bytes(good + "x"), got));
    EXPECT_FALSE(decode(as_bytes(encode(Hello{ring, {1}, {2, 1}})), got));
    EXPECT_FALSE(decode(as_bytes(encode(Hello{ring, {1}, {2, 2}})), got));
    EXPECT_FALSE(decode(as_bytes(encode(Hello{ring, {1}, {0}})), got));
    EXPECT_FALSE(decode(as_bytes(encode(Hello{ring, {1}, {1024}})), got));
    std::string other = good;
    other[0] = 2;
    EXPECT_FALSE(decode(as_bytes(other), got)) << "another version";
}

std::string chunk_of(std::uint32_t index,
                     std::uint64_t total,
                     std::size_t data,
                     std::uint16_t service = 5) {
    return encode_header({ring, service, index, total, 99, {}}) + std::string(data, 'd');
}

TEST(SyncMessages, chunk_has_exactly_the_data_of_its_index) {
    Chunk got;
    ASSERT_TRUE(decode(as_bytes(chunk_of(0, 70000, 65536)), got));
    EXPECT_EQ(got.ring, ring);
    EXPECT_EQ(got.service, 5);
    EXPECT_EQ(got.total, 70000u);
    EXPECT_EQ(got.digest, 99u);
    EXPECT_EQ(got.data.size(), 65536u);
    EXPECT_TRUE(decode(as_bytes(chunk_of(1, 70000, 70000 - 65536)), got));
    EXPECT_TRUE(decode(as_bytes(chunk_of(0, 0, 0)), got));
    EXPECT_FALSE(decode(as_bytes(chunk_of(1, 70000, 70000 - 65536 - 1)), got));
    EXPECT_FALSE(decode(as_bytes(chunk_of(1, 70000, 70000 - 65536 + 1)), got));
    EXPECT_FALSE(decode(as_bytes(chunk_of(2, 70000, 0)), got));
    EXPECT_FALSE(decode(as_bytes(chunk_of(1, 65536, 0)), got))
        << "an empty chunk is for empty snapshots";
    EXPECT_FALSE(decode(as_bytes(chunk_of(0xffffffff, snapshot_max, 0)), got));
    EXPECT_FALSE(decode(as_bytes(chunk_of(0, snapshot_max + 1, 65536)), got));
    EXPECT_FALSE(decode(as_bytes(chunk_of(0, 1, 1, 0)), got));
    EXPECT_FALSE(decode(as_bytes(chunk_of(0, 1, 1, 1024)), got));
    EXPECT_FALSE(decode(as_bytes(chunk_of(0, 1, 1)).first(30), got));
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
