// SPDX-License-Identifier: BSD-3-Clause

#include "os/ring_store.hpp"

#include <gtest/gtest.h>

namespace ais::os {
namespace {

TEST(RingFile, is_read_back_as_written) {
    for (const std::uint64_t seq : {0ULL, 4ULL, 18446744073709551615ULL}) {
        const auto read = parse_ring_file(format_ring_file(seq, NodeId(7)), NodeId(7));
        ASSERT_TRUE(read.ok());
        EXPECT_EQ(*read, seq);
    }
    EXPECT_EQ(format_ring_file(1032, NodeId(7)), "aisexec ring_seq 1032 node 7\n");
}

TEST(RingFile, every_cut_and_every_foreign_text_is_refused) {
    const std::string good = format_ring_file(1032, NodeId(7));
    for (std::size_t size = 0; size < good.size(); ++size) {
        EXPECT_FALSE(parse_ring_file(good.substr(0, size), NodeId(7)).ok()) << size;
    }
    for (const char* text : {"aisexec ring_seq -1 node 7\n",
                             "aisexec ring_seq 18446744073709551616 node 7\n",
                             "aisexec ring_seq 1 node \n",
                             "aisexec ring_seq 1 node 7 \n",
                             "1032\n",
                             "aisexec ring_seq 1 node 4294967296\n"}) {
        EXPECT_FALSE(parse_ring_file(text, NodeId(7)).ok()) << text;
    }
}

TEST(RingFile, of_another_node_is_refused_with_its_id) {
    const auto read = parse_ring_file(format_ring_file(1032, NodeId(8)), NodeId(7));
    ASSERT_FALSE(read.ok());
    EXPECT_NE(read.error().text.find("node 8"), std::string::npos);
}

}  // namespace
}  // namespace ais::os
