// SPDX-License-Identifier: BSD-3-Clause
//
// Sealing and opening for one node, from start to stop of an executive, with the
// ciphers of any library.
//
// docs/protocol/envelope.md says what is done and why; this class is its
// sections "Sealing" and "Opening".  Nothing here knows of the C table or of
// the host (envelope_backend.hpp does).
//
// A suite is what a library brings, and a value: each session has a copy of the one that was
// started, so what is found out at the start (which functions this processor has) needs no global.
//
//   class Subkey: default constructible, swappable, wiped at its end
//       void derive(const Suite& suite, const Key& master, const Header& header)
//       bool fits(const Header& header) const           derived for its cipher and epoch
//       void seal(std::uint64_t counter, Bytes plain, std::uint8_t* datagram)
//       bool open(std::uint64_t counter, Bytes datagram, std::uint8_t* to)     also in place
//   static bool is_available(Cipher cipher)             on this machine, with this library
//   static Key derive_master(Bytes authkey)
//   static std::uint32_t derive_key_id(const Key& master)
//   static void wipe(void* memory, std::size_t size)
//
// Invariants:
//   1. A counter is used once, whatever cipher it is used with.
//   2. A datagram changes what is remembered only after its tag was right.
//   3. Keys are wiped when the session ends.
//
// Threads: none.  Allocates when a sender is new, never else.

#pragma once

#include <ais/envelope.hpp>
#include <ais/envelope_peers.hpp>

#include <limits>
#include <utility>

namespace ais::envelope {

using Key = std::array<std::uint8_t, key_size>;

struct SessionOptions {
    ais_node_id local_node = 0;
    Salt salt{};
    Cipher cipher = Cipher::xchacha20_poly1305;  // to seal with
    bool gives_way = false;                      // "auto"
    std::uint64_t first_counter = 1;             // other than 1 in tests only
};

template <typename Suite>
class Session {
  public:
    // Requires: the suite was started, Suite::is_available(options.cipher),
    // local_node is not 0.
    Session(const SessionOptions& options, Bytes authkey, const Suite& suite = {})
        : suite_(suite),
          master_(Suite::derive_master(authkey)),
          next_{options.cipher,
                Suite::derive_key_id(master_),
                options.local_node,
                options.salt,
                options.first_counter},
          gives_way_(options.gives_way) {
        sealing_.derive(suite_, master_, next_);
    }
    ~Session() { Suite::wipe(master_.data(), master_.size()); }
    Session(const Session&) = delete;
    Session& operator=(const Session&) = delete;

    static constexpr std::uint32_t overhead = header_size + tag_size;

    // What it seals with now, and whom it gave way to last (0: nobody).
    [[nodiscard]] Cipher cipher() const { return next_.cipher; }
    [[nodiscard]] ais_node_id gave_way_to() const { return gave_way_to_; }
    [[nodiscard]] std::uint32_t key_id() const { return next_.key_id; }

    // As ais.crypto/1 seal.
    ais_status seal(Bytes plain, std::uint8_t* out) {
        if (next_.counter == std::numeric_limits<std::uint64_t>::max()) {
            return AIS_ERR_FAILED;  // one more would repeat a nonce
        }
        if (!sealing_.fits(next_)) {
            sealing_.derive(suite_, master_, next_);
        }
        write_header(next_, out);
        sealing_.seal(next_.counter, plain, out);
        ++next_.counter;
        return AIS_OK;
    }

    // As ais.crypto/1 open.
    ais_status open(MutableBytes datagram,
                    Bytes& plain,
                    ais_node_id& sender,
                    ais_crypto_fault& fault) {
        return open_to(datagram, datagram.data() + header_size, plain, sender, fault);
    }

    // As ais.crypto/1 open_to; `to` may also be where the sealed payload is.
    ais_status open_to(Bytes datagram,
                       std::uint8_t* to,
                       Bytes& plain,
                       ais_node_id& sender,
                       ais_crypto_fault& fault) {
        Header header;
        const ais_status status =
            inspect(datagram, next_.key_id, &Suite::is_available, header, fault);
        if (status != AIS_OK) {
            return status;
        }
        auto* peer = peers_.find(header);
        const bool is_known = peer != nullptr && peer->subkey.fits(header);
        if (!is_known) {
            trial_.derive(suite_, master_, header);
        }
        auto& subkey = is_known ? peer->subkey : trial_;
        if (!subkey.open(header.counter, datagram, to)) {
            return refuse(fault, AIS_FAULT_TAG, header.sender, header.key_id);
        }

        if (peer == nullptr) {
            peer = &peers_.add(header);
        }
        if (!peer->window.accept(header.counter)) {
            return refuse(fault, AIS_FAULT_REPLAY, header.sender, header.key_id);
        }
        // Why only the newest: a straggler of the epoch or cipher before must not
        // make every datagram behind it derive its sub-key again.
        if (!is_known && header.counter == peer->window.top()) {
            std::swap(peer->subkey, trial_);
        }
        give_way(header);
        plain = Bytes(to, datagram.size() - header_size - tag_size);
        sender = header.sender;
        return AIS_OK;
    }

  private:
    void give_way(const Header& header) {
        if (gives_way_ && header.cipher > next_.cipher && header.sender != next_.sender) {
            next_.cipher = header.cipher;
            gave_way_to_ = header.sender;
        }
    }

    Suite suite_;
    Key master_;
    Header next_;  // of the next datagram that is sealed
    typename Suite::Subkey sealing_;
    typename Suite::Subkey trial_;  // for datagrams whose sub-key no peer has
    Peers<typename Suite::Subkey> peers_;
    bool gives_way_;
    ais_node_id gave_way_to_ = 0;
};

}  // namespace ais::envelope
