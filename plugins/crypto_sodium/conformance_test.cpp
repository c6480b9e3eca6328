// SPDX-License-Identifier: BSD-3-Clause
//
// crypto_sodium against what every backend must do, once per cipher.

#include <ais/testing/crypto_conformance.hpp>

extern "C" const struct ais_plugin ais_plugin_crypto_sodium;

namespace ais::testing {

const auto cases = ::testing::Values(
    CryptoCase{&ais_plugin_crypto_sodium, "aes-256-gcm", Cipher::aes_256_gcm},
    CryptoCase{&ais_plugin_crypto_sodium, "xchacha20-poly1305", Cipher::xchacha20_poly1305},
    CryptoCase{&ais_plugin_crypto_sodium, "chacha20-poly1305", Cipher::chacha20_poly1305});

std::string name_of(const ::testing::TestParamInfo<CryptoCase>& tested) {
    std::string name = tested.param.cipher;
    std::ranges::replace(name, '-', '_');
    return name;
}

INSTANTIATE_TEST_SUITE_P(Sodium, CryptoConformance, cases, name_of);
INSTANTIATE_TEST_SUITE_P(Sodium, SealingConformance, cases, name_of);

TEST(CryptoSodium, mixes_all_ciphers_in_one_ring) {
    const auto& plugin = ais_plugin_crypto_sodium;
    CryptoNode x(plugin, "xchacha20-poly1305", 1, test_salt(1), test_authkey(1));
    CryptoNode c(plugin, "chacha20-poly1305", 2, test_salt(2), test_authkey(1));
    EXPECT_EQ(c.open(x.seal("x")).plain, "x");
    EXPECT_EQ(x.open(c.seal("c")).plain, "c");
    EXPECT_EQ(x.cipher(), "xchacha20-poly1305") << "a cipher that was named does not change";
    CryptoNode a(plugin, "aes-256-gcm", 3, test_salt(3), test_authkey(1));
    if (a.status() == AIS_OK) {
        EXPECT_EQ(x.open(a.seal("a")).plain, "a");
        EXPECT_EQ(a.open(x.seal("x")).plain, "x");
        EXPECT_EQ(a.cipher(), "aes-256-gcm");
    }
}

TEST(CryptoSodium, gives_way_to_a_node_without_aes_and_says_so) {
    const auto& plugin = ais_plugin_crypto_sodium;
    CryptoNode quick(plugin, "auto", 1, test_salt(1), test_authkey(1));
    if (quick.cipher() != "aes-256-gcm") {
        GTEST_SKIP() << "this machine has no AES instructions";
    }
    CryptoNode slow(plugin, "xchacha20-poly1305", 2, test_salt(2), test_authkey(1));
    EXPECT_TRUE(quick.open(quick.seal("own")).ok);
    EXPECT_EQ(quick.cipher(), "aes-256-gcm");

    Datagram forged = slow.seal("forged");
    forged.back() ^= 1;
    EXPECT_FALSE(quick.open(forged).ok);
    EXPECT_EQ(quick.cipher(), "aes-256-gcm") << "only an authentic datagram counts";

    const Datagram last_with_aes = quick.seal("sealed before");
    EXPECT_TRUE(quick.open(slow.seal("join")).ok);
    EXPECT_EQ(quick.cipher(), "xchacha20-poly1305");
    EXPECT_NE(quick.log().find("SODIUM-002: node 2 seals with xchacha20-poly1305"),
              std::string::npos)
        << quick.log();
    const Datagram first_without = quick.seal("sealed after");
    EXPECT_EQ(first_without[3], 2);
    // Both directions of the change arrive, in any order, each once.
    EXPECT_TRUE(slow.open(first_without).ok);
    EXPECT_TRUE(slow.open(last_with_aes).ok);
    EXPECT_EQ(slow.open(last_with_aes).cause(), AIS_FAULT_REPLAY);
    EXPECT_EQ(slow.open(first_without).cause(), AIS_FAULT_REPLAY);
}

}  // namespace ais::testing
