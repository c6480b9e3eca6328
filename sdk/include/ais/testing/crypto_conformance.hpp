// SPDX-License-Identifier: BSD-3-Clause
//
// What every crypto backend must do, as tests over its manifest.
//
// Include this in one test source of the backend and name what to run it on:
//
//     const auto cases = ::testing::Values(
//         CryptoCase{&ais_plugin_mine, "xchacha20-poly1305", Cipher::xchacha20_poly1305});
//     INSTANTIATE_TEST_SUITE_P(Mine, CryptoConformance, cases);
//     INSTANTIATE_TEST_SUITE_P(Mine, SealingConformance, cases);  // unless it is cipher "none"
//
// A cipher that this machine cannot do is skipped.  With AIS_ENVELOPE_VECTORS
// defined as the path of docs/protocol/envelope_vectors.txt, the backend is
// also held against that second implementation of the format, byte by byte.
//
// Only the C tables are used, as the kernel uses them.

#pragma once

#include <ais/abi/plugin.h>
#include <ais/envelope.hpp>
#include <ais/replay_window.hpp>

#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <fstream>
#include <map>
#include <memory>
#include <ostream>
#include <string>
#include <vector>

namespace ais::testing {

using envelope::Cipher;

struct CryptoCase {
    const ais_plugin* plugin;
    const char* cipher;  // as in the configuration
    Cipher on_the_wire;
};
inline void PrintTo(const CryptoCase& value, std::ostream* out) {
    *out << value.plugin->name << " " << value.cipher;
}

using Datagram = std::vector<std::uint8_t>;

inline std::string test_authkey(std::uint8_t seed) {
    std::string key(envelope::authkey_size, '\0');
    for (std::size_t i = 0; i < key.size(); ++i) {
        key[i] = static_cast<char>(seed + 31 * i);
    }
    return key;
}

inline envelope::Salt test_salt(std::uint8_t seed) {
    envelope::Salt salt;
    salt.fill(seed);
    salt[0] = 1;  // never all zeros
    return salt;
}

// One instance of the backend with one session: a node, as far as crypto goes.
class CryptoNode {
  public:
    CryptoNode(const ais_plugin& plugin,
               const char* cipher,
               ais_node_id node,
               const envelope::Salt& salt,
               std::string_view authkey)
        : plugin_(plugin) {
        host_.struct_size = sizeof host_;
        host_.log = &record;
        host_.find = [](const ais_host*, const char*) -> const void* { return nullptr; };
        for (const ais_interface* offer = plugin.offers; offer->id != nullptr; ++offer) {
            if (std::string_view(offer->id) == AIS_CRYPTO_INTERFACE) {
                table_ = static_cast<const ais_crypto_v1*>(offer->table);
            }
        }
        if (table_ == nullptr || plugin.load(&host_, &self_) != AIS_OK) {
            ADD_FAILURE() << plugin.name << " does not offer ais.crypto/1 or does not load";
            status_ = AIS_ERR_FAILED;
            return;
        }
        is_loaded_ = true;
        ais_crypto_params params{};
        params.struct_size = sizeof params;
        params.local_node = node;
        params.key = to_abi(authkey);
        params.cipher = cipher;
        std::copy(salt.begin(), salt.end(), params.boot_salt);
        status_ = table_->open_session(self_, &params, &session_);
    }
    ~CryptoNode() {
        if (session_ != nullptr) {
            table_->close_session(self_, session_);
        }
        if (is_loaded_) {
            plugin_.unload(self_);
        }
    }
    CryptoNode(const CryptoNode&) = delete;
    CryptoNode& operator=(const CryptoNode&) = delete;

    [[nodiscard]] ais_status status() const { return status_; }
    [[nodiscard]] const std::string& log() const { return host_.lines; }
    [[nodiscard]] std::uint32_t overhead() const { return table_->overhead(self_, session_); }
    [[nodiscard]] std::string cipher() const { return table_->cipher(self_, session_); }
    [[nodiscard]] std::uint32_t key_size_min() const { return table_->key_size_min; }

    Datagram seal(Bytes plain) {
        // A guard byte behind the promised size shows a write too far.
        Datagram out(plain.size() + overhead() + 1, 0xEE);
        EXPECT_EQ(table_->seal(self_, session_, to_abi(plain), out.data()), AIS_OK);
        EXPECT_EQ(out.back(), 0xEE) << "seal wrote behind plain.size + overhead";
        out.pop_back();
        return out;
    }
    Datagram seal(std::string_view plain) { return seal(as_bytes(plain)); }

    struct Opened {
        bool ok = false;
        std::string plain;
        ais_node_id sender = 0;
        ais_crypto_fault fault{};
        // 0 if it was opened.
        [[nodiscard]] std::uint32_t cause() const { return ok ? 0 : fault.cause; }
    };
    // In place and, if the backend has open_to, to another place: in turns.
    Opened open(Datagram datagram) {  // a copy: it is opened in place
        const bool has_open_to =
            table_->struct_size >= sizeof(ais_crypto_v1) && table_->open_to != nullptr;
        turn_ = !turn_;
        return has_open_to && turn_ ? open_to(datagram) : open_in_place(datagram);
    }

  private:
    Opened open_to(const Datagram& datagram) {
        Opened result;
        result.fault.struct_size = sizeof result.fault;
        ais_bytes plain{};
        // Both exactly as large as they must be.
        const std::unique_ptr<std::uint8_t[]> from(new std::uint8_t[datagram.size()]);
        copy_bytes(from.get(), datagram);
        const std::size_t size =
            datagram.size() - std::min<std::size_t>(overhead(), datagram.size());
        const std::unique_ptr<std::uint8_t[]> to(new std::uint8_t[size]);
        const ais_status status = table_->open_to(self_,
                                                  session_,
                                                  from.get(),
                                                  datagram.size(),
                                                  to.get(),
                                                  &plain,
                                                  &result.sender,
                                                  &result.fault);
        EXPECT_TRUE(std::equal(datagram.begin(), datagram.end(), from.get()))
            << "open_to has changed the datagram";
        result.ok = status == AIS_OK;
        if (result.ok) {
            EXPECT_TRUE(plain.size == 0 || plain.data == to.get());
            EXPECT_EQ(plain.size, size);
            result.plain = as_text(plain);
        } else {
            EXPECT_EQ(status, AIS_ERR_CORRUPT);
            EXPECT_NE(result.fault.cause, 0U) << "a fault without a cause";
        }
        return result;
    }
    Opened open_in_place(const Datagram& datagram) {
        Opened result;
        result.fault.struct_size = sizeof result.fault;
        ais_bytes plain{};
        // Exactly as large as the datagram, so that a sanitizer sees a read too far.
        const std::unique_ptr<std::uint8_t[]> place(new std::uint8_t[datagram.size()]);
        copy_bytes(place.get(), datagram);
        const ais_status status = table_->open(
            self_, session_, place.get(), datagram.size(), &plain, &result.sender, &result.fault);
        result.ok = status == AIS_OK;
        if (result.ok) {
            EXPECT_TRUE(plain.size == 0 ||
                        (plain.data >= place.get() &&
                         plain.data + plain.size <= place.get() + datagram.size()))
                << "the payload is no view into the datagram";
            result.plain = as_text(plain);
        } else {
            EXPECT_EQ(status, AIS_ERR_CORRUPT);
            EXPECT_NE(result.fault.cause, 0U) << "a fault without a cause";
        }
        return result;
    }

    struct RecordingHost : ais_host {
        std::string lines;
    };
    static void record(const ais_host* host, std::uint32_t, const char* id, ais_bytes text) {
        // The host is const to plugins; the log behind it is ours.
        auto* self = const_cast<RecordingHost*>(static_cast<const RecordingHost*>(host));
        self->lines += std::string(id) + ": " + std::string(as_text(text)) + "\n";
    }

    const ais_plugin& plugin_;
    RecordingHost host_{};
    const ais_crypto_v1* table_ = nullptr;
    void* self_ = nullptr;
    void* session_ = nullptr;
    bool is_loaded_ = false;
    bool turn_ = false;
    ais_status status_ = AIS_OK;
};

inline std::string test_payload(std::size_t size) {
    std::string text(size, '\0');
    for (std::size_t i = 0; i < size; ++i) {
        text[i] = static_cast<char>(i * 131 + size);
    }
    return text;
}

class CryptoConformance : public ::testing::TestWithParam<CryptoCase> {
  protected:
    std::unique_ptr<CryptoNode> node(ais_node_id id, std::uint8_t salt = 1, std::uint8_t key = 1) {
        return std::make_unique<CryptoNode>(
            *GetParam().plugin, GetParam().cipher, id, test_salt(salt), test_authkey(key));
    }
    void SetUp() override {
        if (node(1)->status() == AIS_ERR_UNSUPPORTED) {
            GTEST_SKIP() << GetParam().cipher << " is not possible on this machine";
        }
    }
    [[nodiscard]] static bool encrypts() { return GetParam().on_the_wire != Cipher::none; }
    [[nodiscard]] static std::size_t overhead() {
        return envelope::header_size + (encrypts() ? envelope::tag_size : 0);
    }
    // A cipher id that this node cannot open.
    [[nodiscard]] static std::uint8_t foreign_cipher() { return encrypts() ? 0 : 2; }
};

// For backends that encrypt; one that does not leaves it out.
class SealingConformance : public CryptoConformance {};
GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(SealingConformance);

TEST_P(CryptoConformance, opens_what_another_node_sealed_at_every_size) {
    const auto a = node(1);
    const auto b = node(2, 2);
    ASSERT_EQ(a->status(), AIS_OK);
    ASSERT_EQ(b->status(), AIS_OK);
    for (std::size_t size = 0; size <= 9000; ++size) {
        const std::string payload = test_payload(size);
        const Datagram datagram = a->seal(payload);
        ASSERT_EQ(datagram.size(), size + overhead());
        const auto opened = b->open(datagram);
        ASSERT_TRUE(opened.ok) << "size " << size << ", cause " << opened.fault.cause;
        ASSERT_EQ(opened.sender, 1U);
        ASSERT_EQ(opened.plain, payload);
    }
}

TEST_P(CryptoConformance, seals_datagrams_of_64_kib) {
    const std::string payload = test_payload(65507 - overhead());
    EXPECT_EQ(node(2, 2)->open(node(1)->seal(payload)).plain, payload);
}

TEST_P(CryptoConformance, writes_the_header_of_the_specification) {
    const auto a = node(0x01020304, 9);
    const Datagram datagram = a->seal("x");
    const envelope::Salt salt = test_salt(9);
    EXPECT_EQ(std::memcmp(datagram.data(), "AS\1", 3), 0);
    EXPECT_EQ(datagram[3], static_cast<std::uint8_t>(GetParam().on_the_wire));
    Reader fields(Bytes(datagram).subspan(8));
    EXPECT_EQ(fields.u32(), 0x01020304U);
    EXPECT_TRUE(std::ranges::equal(fields.bytes(salt.size()), salt));
    EXPECT_EQ(fields.u64(), 1U);
    EXPECT_EQ(Reader(Bytes(a->seal("x")).subspan(28)).u64(), 2U);
    EXPECT_EQ(a->overhead(), overhead());
}

TEST_P(CryptoConformance, opens_its_own_datagrams) {
    const auto a = node(1);
    EXPECT_EQ(a->open(a->seal("to myself")).sender, 1U);
}

TEST_P(SealingConformance, shows_nothing_of_the_payload) {
    const auto a = node(1);
    const std::string secret = "the quick brown fox jumps over the lazy dog";
    const Datagram first = a->seal(secret);
    const Datagram second = a->seal(secret);
    EXPECT_EQ(as_text(Bytes(first)).find(secret.substr(0, 8)), std::string_view::npos);
    const auto payload = [](const Datagram& datagram) {
        return Datagram(datagram.begin() + envelope::header_size, datagram.end());
    };
    EXPECT_NE(payload(first), payload(second))
        << "equal payloads look equal: a nonce was used twice";
}

TEST_P(CryptoConformance, refuses_a_datagram_that_was_changed_in_any_bit) {
    const auto a = node(1);
    const auto b = node(2, 2);
    const Datagram datagram = a->seal(test_payload(100));
    const std::size_t covered = encrypts() ? datagram.size() : 4;
    for (std::size_t i = 0; i < covered; ++i) {
        for (unsigned bit = 0; bit < 8; ++bit) {
            Datagram changed = datagram;
            changed[i] = static_cast<std::uint8_t>(changed[i] ^ (1U << bit));
            const std::uint32_t cause = b->open(changed).cause();
            if (i < 2) {
                ASSERT_EQ(cause, AIS_FAULT_MALFORMED) << "byte " << i;
            } else if (i == 2) {
                ASSERT_EQ(cause, AIS_FAULT_VERSION) << "byte " << i;
            } else if (i == 3) {
                ASSERT_TRUE(cause == AIS_FAULT_CIPHER || (encrypts() && cause == AIS_FAULT_TAG))
                    << cause;
            } else if (i < 8) {
                ASSERT_EQ(cause, AIS_FAULT_KEY_ID) << "byte " << i;
            } else {
                ASSERT_EQ(cause, AIS_FAULT_TAG) << "byte " << i;
            }
        }
    }
    EXPECT_TRUE(b->open(datagram).ok) << "the forgeries before must not spoil the true one";
}

TEST_P(CryptoConformance, refuses_a_datagram_cut_at_any_length_or_grown) {
    const auto a = node(1);
    const auto b = node(2, 2);
    Datagram datagram = a->seal(test_payload(50));
    const std::size_t must_fail_below = encrypts() ? datagram.size() : envelope::header_size;
    for (std::size_t size = 0; size < must_fail_below; ++size) {
        const Datagram cut(datagram.begin(), datagram.begin() + static_cast<std::ptrdiff_t>(size));
        const std::uint32_t cause = b->open(cut).cause();
        ASSERT_EQ(cause, size < overhead() ? AIS_FAULT_MALFORMED : AIS_FAULT_TAG)
            << "size " << size;
    }
    if (encrypts()) {
        datagram.push_back(0);
        EXPECT_EQ(b->open(datagram).cause(), AIS_FAULT_TAG);
    }
}

TEST_P(SealingConformance, opens_a_datagram_once) {
    const auto a = node(1);
    const auto b = node(2, 2);
    const Datagram datagram = a->seal("once");
    EXPECT_TRUE(b->open(datagram).ok);
    const auto again = b->open(datagram);
    EXPECT_EQ(again.cause(), AIS_FAULT_REPLAY);
    EXPECT_EQ(again.fault.claimed_sender, 1U);
}

TEST_P(SealingConformance, opens_reordered_datagrams_within_the_window_each_once) {
    const auto a = node(1);
    const auto b = node(2, 2);
    std::vector<Datagram> sealed;
    for (std::size_t i = 0; i < 3 * ReplayWindow::size; ++i) {
        sealed.push_back(a->seal("n" + std::to_string(i)));
    }
    // Backwards from the end: the window is full, what is older is refused.
    for (std::size_t i = sealed.size(); i-- > 0;) {
        const bool in_window = i >= 2 * ReplayWindow::size;
        ASSERT_EQ(b->open(sealed[i]).cause(), in_window ? 0U : AIS_FAULT_REPLAY) << i;
    }
    for (const Datagram& datagram : sealed) {
        ASSERT_EQ(b->open(datagram).cause(), AIS_FAULT_REPLAY);
    }
}

TEST_P(SealingConformance, names_a_different_key) {
    const auto a = node(1);
    const auto stranger = node(3, 3, 2);
    const Datagram datagram = stranger->seal("let me in");
    const auto refused = a->open(datagram);
    EXPECT_EQ(refused.cause(), AIS_FAULT_KEY_ID);
    EXPECT_EQ(refused.fault.claimed_sender, 3U);
    EXPECT_EQ(refused.fault.key_id, Reader(Bytes(datagram).subspan(4)).u32());
    EXPECT_EQ(stranger->open(a->seal("x")).cause(), AIS_FAULT_KEY_ID);
}

TEST_P(SealingConformance, counts_every_byte_of_the_key) {
    std::string key = test_authkey(1);
    key.back() = static_cast<char>(key.back() ^ 1);
    CryptoNode other(*GetParam().plugin, GetParam().cipher, 2, test_salt(2), key);
    EXPECT_EQ(other.open(node(1)->seal("x")).cause(), AIS_FAULT_KEY_ID);
    CryptoNode longer(
        *GetParam().plugin, GetParam().cipher, 2, test_salt(2), test_authkey(1) + "x");
    EXPECT_EQ(longer.open(node(1)->seal("x")).cause(), AIS_FAULT_KEY_ID);
}

TEST_P(SealingConformance, does_not_let_one_sender_pass_for_another) {
    const auto a = node(1);
    const auto b = node(2, 2);
    Datagram datagram = a->seal("I am 3");
    datagram[8] = 3;
    const auto refused = b->open(datagram);
    EXPECT_EQ(refused.cause(), AIS_FAULT_TAG);
    EXPECT_EQ(refused.fault.claimed_sender, 3U);
}

TEST_P(CryptoConformance, opens_a_node_that_started_again) {
    const auto b = node(2, 2);
    for (std::uint8_t boot = 3; boot < 20; ++boot) {
        const auto a = node(1, boot);
        for (int i = 0; i < 10; ++i) {
            ASSERT_TRUE(b->open(a->seal("hello again")).ok) << "boot " << int{boot};
        }
    }
}

TEST_P(SealingConformance, seals_the_same_payload_differently_after_a_restart) {
    const Datagram before = node(1, 3)->seal("same");
    const Datagram after = node(1, 4)->seal("same");
    EXPECT_NE(Datagram(before.begin() + envelope::header_size, before.end()),
              Datagram(after.begin() + envelope::header_size, after.end()));
}

TEST_P(CryptoConformance, names_another_version_and_another_cipher) {
    const auto a = node(1);
    const auto b = node(2, 2);
    Datagram datagram = a->seal("x");
    datagram[2] = 7;
    const auto version = b->open(datagram);
    EXPECT_EQ(version.cause(), AIS_FAULT_VERSION);
    EXPECT_EQ(version.fault.detail, 7U);
    datagram[2] = AIS_ENVELOPE_VERSION;
    for (const std::uint8_t cipher : {foreign_cipher(), std::uint8_t{4}, std::uint8_t{255}}) {
        datagram[3] = cipher;
        const auto refused = b->open(datagram);
        EXPECT_EQ(refused.cause(), AIS_FAULT_CIPHER);
        EXPECT_EQ(refused.fault.detail, cipher);
        EXPECT_EQ(refused.fault.claimed_sender, 1U);
    }
}

TEST_P(CryptoConformance, is_not_opened_or_confused_by_garbage) {
    const auto a = node(1);
    const auto b = node(2, 2);
    const Datagram seen = a->seal("first");
    EXPECT_TRUE(b->open(seen).ok);
    std::uint64_t random = 0x5eed;
    const auto next = [&random] {
        random = random * 6364136223846793005U + 1442695040888963407U;
        return static_cast<std::uint8_t>(random >> 56);
    };
    for (int i = 0; i < 20000; ++i) {
        Datagram garbage(next() * std::size_t{2});
        std::ranges::generate(garbage, next);
        // Half of them with a header that passes up to the tag, from many senders.
        if (encrypts() && i % 2 == 0 && garbage.size() >= envelope::header_size) {
            std::copy_n(seen.begin(), 8, garbage.begin());
        }
        ASSERT_FALSE(b->open(garbage).ok);
    }
    if (encrypts()) {
        EXPECT_EQ(b->open(seen).cause(), AIS_FAULT_REPLAY)
            << "garbage displaced what was remembered";
    }
    EXPECT_TRUE(b->open(a->seal("second")).ok);
}

TEST_P(CryptoConformance, refuses_bad_parameters_and_says_why) {
    const auto& plugin = *GetParam().plugin;
    CryptoNode no_id(plugin, GetParam().cipher, 0, test_salt(1), test_authkey(1));
    EXPECT_EQ(no_id.status(), AIS_ERR_INVALID);
    EXPECT_FALSE(no_id.log().empty());
    CryptoNode no_cipher(plugin, "rot13", 1, test_salt(1), test_authkey(1));
    EXPECT_EQ(no_cipher.status(), AIS_ERR_UNSUPPORTED);
    EXPECT_NE(no_cipher.log().find("rot13"), std::string::npos) << no_cipher.log();
    if (!encrypts()) {
        return;
    }
    EXPECT_EQ(no_id.key_size_min(), envelope::authkey_size);
    const std::string key = test_authkey(1);
    CryptoNode short_key(
        plugin, GetParam().cipher, 1, test_salt(1), std::string_view(key).substr(1));
    EXPECT_EQ(short_key.status(), AIS_ERR_INVALID);
    EXPECT_NE(short_key.log().find("127"), std::string::npos) << short_key.log();
    CryptoNode no_salt(plugin, GetParam().cipher, 1, envelope::Salt{}, key);
    EXPECT_EQ(no_salt.status(), AIS_ERR_INVALID) << "nonces would repeat";
}

TEST_P(CryptoConformance, names_its_cipher) {
    const auto a = node(1);
    EXPECT_EQ(a->cipher(), envelope::cipher_name(GetParam().on_the_wire));
}

#if defined(AIS_ENVELOPE_VECTORS)
TEST_P(CryptoConformance, agrees_with_the_vectors_of_the_specification) {
    std::ifstream file(AIS_ENVELOPE_VECTORS);
    ASSERT_TRUE(file) << AIS_ENVELOPE_VECTORS;
    const auto from_hex = [](const std::string& hex) {
        Datagram bytes;
        for (std::size_t i = 0; hex != "-" && i + 1 < hex.size(); i += 2) {
            bytes.push_back(static_cast<std::uint8_t>(std::stoul(hex.substr(i, 2), nullptr, 16)));
        }
        return bytes;
    };
    std::map<std::string, std::string> vector;
    int checked = 0;
    const auto check = [&] {
        if (std::stoul(vector["cipher"]) != static_cast<unsigned long>(GetParam().on_the_wire)) {
            return;
        }
        const Datagram authkey = from_hex(vector["authkey"]);
        const Datagram plain = from_hex(vector["plain"]);
        const Datagram datagram = from_hex(vector["datagram"]);
        const auto sender = static_cast<ais_node_id>(std::stoul(vector["sender"]));
        envelope::Salt salt{};
        const Datagram salt_bytes = from_hex(vector["salt"]);
        ASSERT_EQ(salt_bytes.size(), salt.size());
        std::ranges::copy(salt_bytes, salt.begin());
        SCOPED_TRACE("counter " + vector["counter"] + ", plain " + vector["plain"]);

        CryptoNode receiver(
            *GetParam().plugin, GetParam().cipher, 99, test_salt(99), as_text(Bytes(authkey)));
        const auto opened = receiver.open(datagram);
        EXPECT_TRUE(opened.ok) << "cause " << opened.fault.cause;
        EXPECT_EQ(opened.sender, sender);
        EXPECT_EQ(opened.plain, as_text(Bytes(plain)));
        if (vector["counter"] == "1") {
            CryptoNode same(
                *GetParam().plugin, GetParam().cipher, sender, salt, as_text(Bytes(authkey)));
            EXPECT_EQ(same.seal(plain), datagram);
        }
        ++checked;
    };
    for (std::string line; std::getline(file, line);) {
        if (line.empty() || line[0] == '#') {
            continue;
        }
        const std::size_t space = line.find(' ');
        ASSERT_NE(space, std::string::npos) << line;
        const std::string name = line.substr(0, space);
        vector[name] = line.substr(space + 1);
        if (name == "datagram") {  // the last of a block
            check();
            vector.clear();
        }
    }
    EXPECT_EQ(checked, 10);
}
#endif

}  // namespace ais::testing
