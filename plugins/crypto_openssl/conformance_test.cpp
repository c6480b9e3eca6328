// SPDX-License-Identifier: BSD-3-Clause
//
// crypto_openssl against what every backend must do, once per cipher, and against
// crypto_sodium: nodes with either are one ring.

#include <ais/testing/crypto_conformance.hpp>

extern "C" const struct ais_plugin ais_plugin_crypto_openssl;
#ifdef AIS_WITH_SODIUM
extern "C" const struct ais_plugin ais_plugin_crypto_sodium;
#endif

namespace ais::testing {

const auto cases = ::testing::Values(
    CryptoCase{&ais_plugin_crypto_openssl, "aes-256-gcm", Cipher::aes_256_gcm},
    CryptoCase{&ais_plugin_crypto_openssl, "xchacha20-poly1305", Cipher::xchacha20_poly1305},
    CryptoCase{&ais_plugin_crypto_openssl, "chacha20-poly1305", Cipher::chacha20_poly1305});

std::string name_of(const ::testing::TestParamInfo<CryptoCase>& tested) {
    std::string name = tested.param.cipher;
    std::ranges::replace(name, '-', '_');
    return name;
}

INSTANTIATE_TEST_SUITE_P(Openssl, CryptoConformance, cases, name_of);
INSTANTIATE_TEST_SUITE_P(Openssl, SealingConformance, cases, name_of);

#ifdef AIS_WITH_SODIUM

TEST(CryptoOpenssl, is_one_ring_with_crypto_sodium_in_every_cipher_and_size) {
    for (const char* cipher : {"aes-256-gcm", "xchacha20-poly1305", "chacha20-poly1305"}) {
        CryptoNode ours(ais_plugin_crypto_openssl, cipher, 1, test_salt(1), test_authkey(1));
        CryptoNode theirs(ais_plugin_crypto_sodium, cipher, 2, test_salt(2), test_authkey(1));
        if (theirs.status() != AIS_OK) {
            continue;  // libsodium without AES instructions
        }
        for (const std::size_t size : {0, 1, 15, 16, 17, 63, 64, 65, 255, 1400, 9000}) {
            const std::string plain = test_payload(size);
            EXPECT_EQ(theirs.open(ours.seal(plain)).plain, plain) << cipher << ", " << size;
            EXPECT_EQ(ours.open(theirs.seal(plain)).plain, plain) << cipher << ", " << size;
        }
    }
}

TEST(CryptoOpenssl, agrees_on_a_cipher_with_crypto_sodium_by_giving_way) {
    CryptoNode ours(ais_plugin_crypto_openssl, "auto", 1, test_salt(1), test_authkey(1));
    CryptoNode slow(
        ais_plugin_crypto_sodium, "xchacha20-poly1305", 2, test_salt(2), test_authkey(1));
    EXPECT_TRUE(ours.open(slow.seal("join")).ok);
    EXPECT_EQ(ours.cipher(), "xchacha20-poly1305");
    EXPECT_TRUE(slow.open(ours.seal("answer")).ok);
}

#endif

}  // namespace ais::testing
