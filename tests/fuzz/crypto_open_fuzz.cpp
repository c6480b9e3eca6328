// SPDX-License-Identifier: BSD-3-Clause
//
// Opening of datagrams by a crypto backend (AIS_FUZZED_PLUGIN), fed with anything.
//
// What may never happen: a crash, a read outside the datagram, a view outside
// it, or a datagram that opens although it is not byte for byte one that was
// sealed and not yet opened.
//
// The first byte of an input chooses: below 64 the rest is the datagram as it is. Otherwise it
// chooses a cipher, and the rest is read as edits of a datagram that was truly
// sealed (offset, value), or as its new length, so that the fuzzer reaches
// what lies behind the tag.

#include <ais/testing/crypto_conformance.hpp>

#include <cstdlib>

extern "C" const struct ais_plugin AIS_FUZZED_PLUGIN;

namespace {

using ais::testing::CryptoNode;
using ais::testing::Datagram;

void expect(bool condition) {
    if (!condition) {
        std::abort();
    }
}

void open_raw(CryptoNode& receiver, ais::Bytes input) {
    const auto opened = receiver.open(Datagram(input.begin(), input.end()));
    expect(!opened.ok);
    expect(opened.fault.cause >= AIS_FAULT_MALFORMED && opened.fault.cause <= AIS_FAULT_REPLAY);
}

void open_edited(CryptoNode& sender, CryptoNode& receiver, ais::Bytes edits) {
    const Datagram sealed = sender.seal(ais::testing::test_payload(edits.size() % 200));
    Datagram edited = sealed;
    ais::Reader from(edits);
    edited.resize(from.u8() % 4 == 0 ? from.u8() : sealed.size());
    while (from.remaining() >= 2 && !edited.empty()) {
        const std::size_t offset = from.u8() % edited.size();
        edited[offset] = from.u8();
    }
    const bool is_untouched = edited == sealed;
    expect(receiver.open(edited).ok == is_untouched);
    expect(receiver.open(sealed).ok == !is_untouched);
}

}  // namespace

// CryptoNode checks with EXPECT_…: make a failure fatal.
extern "C" int LLVMFuzzerInitialize(int*, char***) {
    GTEST_FLAG_SET(throw_on_failure, true);
    return 0;
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    static constexpr const char* ciphers[] = {"auto", "xchacha20-poly1305", "chacha20-poly1305"};
    if (size == 0) {
        return 0;
    }
    const auto node = [&](ais_node_id id, std::uint8_t key) {
        return CryptoNode(AIS_FUZZED_PLUGIN,
                          ciphers[data[0] % 3],
                          id,
                          ais::testing::test_salt(static_cast<std::uint8_t>(id)),
                          ais::testing::test_authkey(key));
    };
    const ais::Bytes rest(data + 1, size - 1);
    if (data[0] < 64) {
        // Why a key of its own: libFuzzer learns from comparisons, and so finds a
        // datagram that open_edited has sealed, and it would open.
        CryptoNode receiver = node(2, 2);
        open_raw(receiver, rest);
    } else {
        CryptoNode sender = node(1, 1);
        CryptoNode receiver = node(2, 1);
        open_edited(sender, receiver, rest);
    }
    return 0;
}
