// SPDX-License-Identifier: BSD-3-Clause

#include <ais/testing/crypto_conformance.hpp>

extern "C" const struct ais_plugin ais_plugin_crypto_none;

namespace ais::testing {

INSTANTIATE_TEST_SUITE_P(None,
                         CryptoConformance,
                         ::testing::Values(CryptoCase{
                             &ais_plugin_crypto_none, "none", Cipher::none}));

TEST(CryptoNone, warns_when_it_starts) {
    const CryptoNode node(ais_plugin_crypto_none, "auto", 1, test_salt(1), "");
    EXPECT_EQ(node.status(), AIS_OK);
    EXPECT_NE(node.log().find("NOCRYPTO-001"), std::string::npos);
}

TEST(CryptoNone, refuses_every_encrypted_datagram_as_another_cipher) {
    CryptoNode node(ais_plugin_crypto_none, "none", 1, test_salt(1), "");
    Datagram datagram = node.seal("payload that is long enough for a tag");
    for (std::uint8_t cipher = 1; cipher < envelope::cipher_count; ++cipher) {
        datagram[3] = cipher;
        const auto refused = node.open(datagram);
        EXPECT_EQ(refused.cause(), AIS_FAULT_CIPHER);
        EXPECT_EQ(refused.fault.detail, cipher);
    }
}

TEST(CryptoNone, refuses_a_datagram_without_sender) {
    CryptoNode node(ais_plugin_crypto_none, "none", 1, test_salt(1), "");
    Datagram datagram = node.seal("x");
    datagram[8] = 0;
    EXPECT_EQ(node.open(datagram).cause(), AIS_FAULT_MALFORMED);
}

}  // namespace ais::testing
