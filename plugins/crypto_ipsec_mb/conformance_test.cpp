// SPDX-License-Identifier: BSD-3-Clause
//
// crypto_ipsec_mb against what every backend must do, once per cipher, and against the other
// backends: nodes with any of them are one ring.

#include <ais/testing/crypto_conformance.hpp>

extern "C" const struct ais_plugin ais_plugin_crypto_ipsec_mb;
#ifdef AIS_WITH_SODIUM
extern "C" const struct ais_plugin ais_plugin_crypto_sodium;
#endif
#ifdef AIS_WITH_OPENSSL
extern "C" const struct ais_plugin ais_plugin_crypto_openssl;
#endif

namespace ais::testing {

const auto cases = ::testing::Values(
    CryptoCase{&ais_plugin_crypto_ipsec_mb, "aes-256-gcm", Cipher::aes_256_gcm},
    CryptoCase{&ais_plugin_crypto_ipsec_mb, "xchacha20-poly1305", Cipher::xchacha20_poly1305},
    CryptoCase{&ais_plugin_crypto_ipsec_mb, "chacha20-poly1305", Cipher::chacha20_poly1305});

std::string name_of(const ::testing::TestParamInfo<CryptoCase>& tested) {
    std::string name = tested.param.cipher;
    std::ranges::replace(name, '-', '_');
    return name;
}

INSTANTIATE_TEST_SUITE_P(IpsecMb, CryptoConformance, cases, name_of);
INSTANTIATE_TEST_SUITE_P(IpsecMb, SealingConformance, cases, name_of);

const std::vector<const ais_plugin*> others{
#ifdef AIS_WITH_SODIUM
    &ais_plugin_crypto_sodium,
#endif
#ifdef AIS_WITH_OPENSSL
    &ais_plugin_crypto_openssl,
#endif
};

TEST(CryptoIpsecMb, is_one_ring_with_every_other_backend_in_every_cipher_and_size) {
    for (const ais_plugin* other : others) {
        for (const char* cipher : {"aes-256-gcm", "xchacha20-poly1305", "chacha20-poly1305"}) {
            CryptoNode ours(ais_plugin_crypto_ipsec_mb, cipher, 1, test_salt(1), test_authkey(1));
            CryptoNode theirs(*other, cipher, 2, test_salt(2), test_authkey(1));
            ASSERT_EQ(ours.status(), AIS_OK);
            ASSERT_EQ(theirs.status(), AIS_OK) << other->name << " has AES where IPSec_MB runs";
            const auto both_ways = [&](std::size_t size) {
                const std::string plain = test_payload(size);
                ASSERT_EQ(theirs.open(ours.seal(plain)).plain, plain)
                    << other->name << ", " << cipher << ", " << size;
                ASSERT_EQ(ours.open(theirs.seal(plain)).plain, plain)
                    << other->name << ", " << cipher << ", " << size;
            };
            // Sizes twice: opening in place and to another place take turns.
            for (std::size_t size = 0; size <= 2000; ++size) {
                both_ways(size);
                both_ways(size);
            }
            both_ways(9000);
            both_ways(65507 - ours.overhead());
            both_ways(65507 - ours.overhead());
        }
    }
}

TEST(CryptoIpsecMb, agrees_on_a_cipher_with_other_backends_by_giving_way) {
    for (const ais_plugin* other : others) {
        CryptoNode ours(ais_plugin_crypto_ipsec_mb, "auto", 1, test_salt(1), test_authkey(1));
        CryptoNode slow(*other, "xchacha20-poly1305", 2, test_salt(2), test_authkey(1));
        EXPECT_EQ(ours.cipher(), "aes-256-gcm");
        EXPECT_TRUE(ours.open(slow.seal("join")).ok);
        EXPECT_EQ(ours.cipher(), "xchacha20-poly1305");
        EXPECT_NE(ours.log().find("IPSECMB-002: node 2 seals with xchacha20-poly1305"),
                  std::string::npos)
            << ours.log();
        EXPECT_TRUE(slow.open(ours.seal("answer")).ok);
    }
}

TEST(CryptoIpsecMb, refuses_each_changed_byte_of_a_datagram_of_a_whole_packet) {
    CryptoNode a(ais_plugin_crypto_ipsec_mb, "aes-256-gcm", 1, test_salt(1), test_authkey(1));
    CryptoNode b(ais_plugin_crypto_ipsec_mb, "aes-256-gcm", 2, test_salt(2), test_authkey(1));
    const std::string payload = test_payload(1400);
    const Datagram datagram = a.seal(payload);
    for (std::size_t i = 0; i < datagram.size(); ++i) {
        Datagram changed = datagram;
        changed[i] = static_cast<std::uint8_t>(changed[i] ^ (1U << (i % 8)));
        ASSERT_FALSE(b.open(changed).ok) << "byte " << i;
        ASSERT_FALSE(b.open(changed).ok) << "byte " << i;  // the other way of opening
    }
    EXPECT_EQ(b.open(datagram).plain, payload);
}

TEST(CryptoIpsecMb, seals_nothing_that_is_nowhere) {
    CryptoNode a(ais_plugin_crypto_ipsec_mb, "aes-256-gcm", 1, test_salt(1), test_authkey(1));
    CryptoNode b(ais_plugin_crypto_ipsec_mb, "aes-256-gcm", 2, test_salt(2), test_authkey(1));
    const auto opened = b.open(a.seal(Bytes{}));
    EXPECT_TRUE(opened.ok);
    EXPECT_EQ(opened.plain, "");
}

}  // namespace ais::testing
