// SPDX-License-Identifier: BSD-3-Clause
//
// What the conformance tests cannot reach from outside: the bound of the peer
// table, the change of sub-keys after 2^32 datagrams, the end of the counter.

#include "subkey.hpp"

#include <gtest/gtest.h>

#include <limits>
#include <string>
#include <vector>

namespace ais::crypto_sodium {
namespace {

using Session = envelope::Session<Suite>;
using Peers = envelope::Peers<Subkey>;

const std::string authkey(envelope::authkey_size, 'k');

envelope::SessionOptions options(ais_node_id node, std::uint64_t first_counter = 1) {
    envelope::SessionOptions result;
    result.local_node = node;
    result.salt.fill(static_cast<std::uint8_t>(node));
    result.first_counter = first_counter;
    return result;
}

class SodiumSession : public ::testing::Test {
  protected:
    void SetUp() override { ASSERT_GE(sodium_init(), 0); }

    static std::vector<std::uint8_t> seal(Session& session) {
        const std::string_view plain = "payload";
        std::vector<std::uint8_t> out(plain.size() + Session::overhead);
        EXPECT_EQ(session.seal(as_bytes(plain), out.data()), AIS_OK);
        return out;
    }
    // 0 if it was opened, else the cause.
    static std::uint32_t open(Session& session, std::vector<std::uint8_t> datagram) {
        Bytes plain;
        ais_node_id sender = 0;
        ais_crypto_fault fault{};
        if (session.open(datagram, plain, sender, fault) != AIS_OK) {
            return fault.cause;
        }
        EXPECT_EQ(as_text(plain), "payload");
        return 0;
    }
};

TEST_F(SodiumSession, takes_a_new_sub_key_after_2_to_the_32_datagrams_and_keeps_its_window) {
    const std::uint64_t edge = std::uint64_t{1} << 32;
    for (const Cipher cipher : {Cipher::aes_256_gcm, Cipher::xchacha20_poly1305}) {
        if (!Suite::is_available(cipher)) {
            continue;
        }
        auto from = options(1, edge - 2);
        from.cipher = cipher;
        Session a(from, as_bytes(authkey));
        Session b(options(2), as_bytes(authkey));
        std::vector<std::vector<std::uint8_t>> sealed;
        for (int i = 0; i < 5; ++i) {
            sealed.push_back(seal(a));
        }
        // The last of the old epoch comes after the first of the new one.
        for (const int i : {0, 2, 1, 3, 4}) {
            EXPECT_EQ(open(b, sealed[static_cast<std::size_t>(i)]), 0U) << i;
        }
        for (const auto& datagram : sealed) {
            EXPECT_EQ(open(b, datagram), AIS_FAULT_REPLAY);
        }
    }
}

TEST_F(SodiumSession, stops_sealing_before_a_counter_would_come_back) {
    Session a(options(1, std::numeric_limits<std::uint64_t>::max() - 1), as_bytes(authkey));
    seal(a);
    std::uint8_t out[Session::overhead];
    EXPECT_EQ(a.seal({}, out), AIS_ERR_FAILED);
    EXPECT_EQ(a.seal({}, out), AIS_ERR_FAILED);
}

TEST_F(SodiumSession, remembers_so_many_senders_and_then_forgets_the_one_not_heard_for_longest) {
    Session receiver(options(1000), as_bytes(authkey));
    std::vector<std::vector<std::uint8_t>> first;
    for (ais_node_id node = 1; node <= Peers::capacity; ++node) {
        Session sender(options(node), as_bytes(authkey));
        first.push_back(seal(sender));
        ASSERT_EQ(open(receiver, first.back()), 0U);
    }
    // Node 1 is heard again, so node 2 is the oldest when one more comes.
    EXPECT_EQ(open(receiver, first[0]), AIS_FAULT_REPLAY);
    Session late(options(Peers::capacity + 1), as_bytes(authkey));
    EXPECT_EQ(open(receiver, seal(late)), 0U);
    EXPECT_EQ(open(receiver, first[0]), AIS_FAULT_REPLAY);
    EXPECT_EQ(open(receiver, first[2]), AIS_FAULT_REPLAY);
    EXPECT_EQ(open(receiver, first[1]), 0U) << "forgotten, so taken as new";
}

TEST_F(SodiumSession, bounds_the_table_whatever_comes) {
    Peers peers;
    for (ais_node_id node = 1; node <= 3 * Peers::capacity; ++node) {
        envelope::Header header;
        header.sender = node;
        ASSERT_EQ(peers.find(header), nullptr);
        auto& added = peers.add(header);
        ASSERT_EQ(peers.find(header), &added);
        ASSERT_LE(peers.size(), Peers::capacity);
    }
}

TEST(ReplayWindow, accepts_each_counter_once_in_any_order_within_its_size) {
    ReplayWindow window;
    EXPECT_FALSE(window.accept(0));
    EXPECT_TRUE(window.accept(1));
    EXPECT_FALSE(window.accept(1));
    EXPECT_TRUE(window.accept(ReplayWindow::size));
    EXPECT_FALSE(window.accept(1));
    EXPECT_TRUE(window.accept(2));
    EXPECT_TRUE(window.accept(ReplayWindow::size + 2));
    EXPECT_FALSE(window.accept(2)) << "now too old";
    EXPECT_TRUE(window.accept(3));
}

TEST(ReplayWindow, agrees_with_a_plain_set_over_random_walks) {
    ReplayWindow window;
    std::vector<std::uint64_t> seen;
    std::uint64_t random = 42;
    std::uint64_t top = 0;
    for (int i = 0; i < 20000; ++i) {
        random = random * 6364136223846793005U + 1442695040888963407U;
        const std::uint64_t dice = random >> 33;
        std::uint64_t counter = top + 1 + dice % 3;
        if (dice % 5 < 2) {
            counter = top - std::min(top, (dice >> 3) % (ReplayWindow::size + 100));
        } else if (dice % 97 == 0) {
            counter = top + dice % (3 * ReplayWindow::size);
        }
        const bool is_old = counter == 0 || counter + ReplayWindow::size <= top;
        const bool is_new = !is_old && std::find(seen.begin(), seen.end(), counter) == seen.end();
        ASSERT_EQ(window.accept(counter), is_new) << "step " << i << ", counter " << counter;
        if (is_new) {
            seen.push_back(counter);
            top = std::max(top, counter);
        }
        std::erase_if(seen, [top](std::uint64_t one) { return one + ReplayWindow::size <= top; });
    }
    EXPECT_EQ(window.top(), top);
}

TEST(ReplayWindow, survives_jumps_to_the_end_of_the_counter) {
    ReplayWindow window;
    const std::uint64_t last = std::numeric_limits<std::uint64_t>::max();
    EXPECT_TRUE(window.accept(last - 1));
    EXPECT_TRUE(window.accept(last));
    EXPECT_FALSE(window.accept(last));
    EXPECT_TRUE(window.accept(last - ReplayWindow::size + 1));
    EXPECT_FALSE(window.accept(last - ReplayWindow::size));
}

}  // namespace
}  // namespace ais::crypto_sodium
