// SPDX-License-Identifier: BSD-3-Clause
//
// A crypto backend for simulations: the real session (envelope, sub-keys, replay windows, giving
// way to another cipher) with arithmetic in the place of cryptography.  It keeps nobody away who
// tries; a datagram that was changed, or sealed with another key, does not open.

#include <ais/envelope_backend.hpp>

#include <cstring>

namespace ais::crypto_quick {
namespace {

using envelope::Cipher;
using envelope::Header;
using envelope::Key;

std::uint64_t mix(std::uint64_t a, std::uint64_t b) {
    a = (a ^ b) * 0x9e3779b97f4a7c15;
    return a ^ (a >> 29);
}

// Eight bytes at a time; what is left over counts with its length.
std::uint64_t digest(std::uint64_t hash, Bytes bytes) {
    std::uint64_t word = 0;
    for (; bytes.size() >= sizeof word; bytes = bytes.subspan(sizeof word)) {
        std::memcpy(&word, bytes.data(), sizeof word);
        hash = mix(hash, word);
    }
    word = bytes.size() << 56;
    for (std::size_t i = 0; i < bytes.size(); ++i) {
        word ^= std::uint64_t{bytes[i]} << (8 * i);
    }
    return mix(hash, word);
}

struct Suite;

class Subkey {
  public:
    void derive(const Suite&, const Key& master, const Header& header) {
        cipher_ = header.cipher;
        epoch_ = header.epoch();
        key_ = digest(digest(0, master), envelope::subkey_message(header));
    }
    [[nodiscard]] bool fits(const Header& header) const {
        return cipher_ == header.cipher && epoch_ == header.epoch();
    }
    void seal(std::uint64_t counter, Bytes plain, std::uint8_t* datagram) const {
        std::uint8_t* const to = datagram + envelope::header_size;
        copy_bytes(to, plain);
        mask(counter, {to, plain.size()});
        write_tag({datagram, envelope::header_size + plain.size()}, to + plain.size());
    }
    [[nodiscard]] bool open(std::uint64_t counter, Bytes datagram, std::uint8_t* to) const {
        const std::size_t end = datagram.size() - envelope::tag_size;
        std::uint8_t tag[envelope::tag_size];
        write_tag(datagram.first(end), tag);
        if (std::memcmp(tag, datagram.data() + end, sizeof tag) != 0) {
            return false;
        }
        const Bytes sealed = datagram.first(end).subspan(envelope::header_size);
        if (to != sealed.data()) {
            copy_bytes(to, sealed);
        }
        mask(counter, {to, sealed.size()});
        return true;
    }

  private:
    void mask(std::uint64_t counter, MutableBytes bytes) const {
        std::uint64_t word = mix(key_, counter);
        for (std::size_t at = 0; at < bytes.size(); at += sizeof word) {
            std::uint64_t part = 0;
            const std::size_t size = std::min(sizeof part, bytes.size() - at);
            std::memcpy(&part, bytes.data() + at, size);
            part ^= word;
            std::memcpy(bytes.data() + at, &part, size);
            word = word * 6364136223846793005 + 1442695040888963407;
        }
    }
    // Header and payload.
    void write_tag(Bytes datagram, std::uint8_t* out) const {
        const std::uint64_t hash = digest(key_, datagram);
        Writer to(MutableBytes(out, envelope::tag_size));
        to.u64(hash);
        to.u64(mix(hash, key_));
    }

    Cipher cipher_ = Cipher::none;
    std::uint32_t epoch_ = 0;
    std::uint64_t key_ = 0;
};

struct Suite {
    using Subkey = crypto_quick::Subkey;
    static constexpr const char* sealing_id = "seals";
    static constexpr const char* gave_way_id = "gives way";

    static Result<void> start() { return {}; }
    static bool is_available(Cipher cipher) { return cipher != Cipher::none; }
    static bool has_fast_aes() { return true; }
    static Key derive_master(Bytes authkey) {
        Key master{};
        Writer(MutableBytes(master)).u64(digest(1, authkey));
        return master;
    }
    static std::uint32_t derive_key_id(const Key& master) {
        return static_cast<std::uint32_t>(digest(2, master));
    }
    static void wipe(void* memory, std::size_t size) { std::memset(memory, 0, size); }
};

}  // namespace
}  // namespace ais::crypto_quick

AIS_EXPORT_PLUGIN =
    ais::describe<ais::envelope::Backend<ais::crypto_quick::Suite>>("crypto_quick", "1.0.0");
