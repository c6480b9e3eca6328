// SPDX-License-Identifier: BSD-3-Clause
//
// What the conformance tests cannot reach from outside: a processor without AES, the change of
// sub-keys, and what a forgery leaves behind.

#include "subkey.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <limits>
#include <string>
#include <vector>

namespace ais::crypto_ipsec_mb {
namespace {

using Session = envelope::Session<Suite>;

const std::string authkey(envelope::authkey_size, 'k');

envelope::SessionOptions options(ais_node_id node, std::uint64_t first_counter = 1) {
    envelope::SessionOptions result;
    result.local_node = node;
    result.salt.fill(static_cast<std::uint8_t>(node));
    result.cipher = Cipher::aes_256_gcm;
    result.first_counter = first_counter;
    return result;
}

Suite started() {
    Suite suite;
    EXPECT_TRUE(suite.start());
    return suite;
}

std::vector<std::uint8_t> seal(Session& session, std::string_view plain) {
    std::vector<std::uint8_t> out(plain.size() + Session::overhead);
    EXPECT_EQ(session.seal(as_bytes(plain), out.data()), AIS_OK);
    return out;
}

// 0 if it was opened, else the cause.
std::uint32_t open(Session& session, std::vector<std::uint8_t> datagram) {
    Bytes plain;
    ais_node_id sender = 0;
    ais_crypto_fault fault{};
    return session.open(datagram, plain, sender, fault) == AIS_OK ? 0 : fault.cause;
}

TEST(AesGcm, names_the_remedy_on_a_processor_without_aes) {
    EXPECT_TRUE(check_processor(~std::uint64_t{0}));
    for (const std::uint64_t lacks :
         {IMB_FEATURE_AESNI, IMB_FEATURE_PCLMULQDQ, IMB_FEATURE_SSE4_2}) {
        const Result<void> checked = check_processor(~std::uint64_t{lacks});
        ASSERT_FALSE(checked) << lacks;
        EXPECT_EQ(checked.error().code, AIS_ERR_UNSUPPORTED);
        EXPECT_NE(checked.error().text.find("this processor has no AES"), std::string::npos);
        EXPECT_NE(checked.error().text.find("crypto_sodium"), std::string::npos);
    }
}

TEST(AesGcm, leaves_zeros_of_what_does_not_open) {
    const Suite suite = started();
    AesGcm aes;
    aes.expand(suite.functions, Key{1, 2, 3});
    for (const std::size_t size : {0, 1, 15, 16, 100, 1400}) {
        const std::vector<std::uint8_t> plain(size, 'p');
        std::vector<std::uint8_t> datagram(envelope::header_size + size + envelope::tag_size);
        aes.seal(7, plain, datagram.data());
        std::vector<std::uint8_t> opened(size + 1, 0xEE);
        EXPECT_TRUE(aes.open(7, datagram, opened.data()));
        EXPECT_TRUE(std::equal(plain.begin(), plain.end(), opened.begin()));

        datagram.back() ^= 1;
        EXPECT_FALSE(aes.open(7, datagram, opened.data()));
        EXPECT_EQ(std::count(opened.begin(), opened.end(), 0), static_cast<std::ptrdiff_t>(size));
        EXPECT_EQ(opened.back(), 0xEE);

        datagram.back() ^= 1;
        EXPECT_FALSE(aes.open(8, datagram, opened.data())) << "another nonce";
    }
}

TEST(AesGcm, has_several_keys_at_once) {
    const Suite suite = started();
    std::vector<AesGcm> keys(9);
    std::vector<std::vector<std::uint8_t>> datagrams;
    const std::vector<std::uint8_t> plain(300, 'p');
    for (std::size_t i = 0; i < keys.size(); ++i) {
        keys[i].expand(suite.functions, Key{static_cast<std::uint8_t>(i)});
        datagrams.emplace_back(envelope::header_size + plain.size() + envelope::tag_size);
        keys[i].seal(1, plain, datagrams.back().data());
    }
    std::vector<std::uint8_t> opened(plain.size());
    for (std::size_t key = 0; key < keys.size(); ++key) {
        for (std::size_t i = 0; i < datagrams.size(); ++i) {
            EXPECT_EQ(keys[key].open(1, datagrams[i], opened.data()), key == i);
        }
    }
}

TEST(IpsecMbSession, takes_a_new_sub_key_after_2_to_the_32_datagrams_and_keeps_its_window) {
    const std::uint64_t edge = std::uint64_t{1} << 32;
    const Suite suite = started();
    Session a(options(1, edge - 2), as_bytes(authkey), suite);
    Session b(options(2), as_bytes(authkey), suite);
    std::vector<std::vector<std::uint8_t>> sealed;
    for (int i = 0; i < 5; ++i) {
        sealed.push_back(seal(a, "payload"));
    }
    // The last of the old epoch comes after the first of the new one.
    for (const std::size_t i : {0, 2, 1, 3, 4}) {
        EXPECT_EQ(open(b, sealed[i]), 0U) << i;
    }
    for (const auto& datagram : sealed) {
        EXPECT_EQ(open(b, datagram), AIS_FAULT_REPLAY);
    }
}

TEST(IpsecMbSession, stops_sealing_before_a_counter_would_come_back) {
    Session a(options(1, std::numeric_limits<std::uint64_t>::max() - 1),
              as_bytes(authkey),
              started());
    seal(a, "last");
    std::uint8_t out[Session::overhead];
    EXPECT_EQ(a.seal({}, out), AIS_ERR_FAILED);
}

}  // namespace
}  // namespace ais::crypto_ipsec_mb
