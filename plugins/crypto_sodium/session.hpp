// SPDX-License-Identifier: BSD-3-Clause
//
// Sealing and opening for one node, from start to stop of an executive.
//
// docs/protocol/envelope.md says what is done and why; this class is its
// sections "Sealing" and "Opening".  Nothing here knows of the C table or of
// the host (plugin.cpp does).
//
// Invariants:
//   1. A counter is used once, whatever cipher it is used with.
//   2. A datagram changes what is remembered only after its tag was right.
//   3. Keys are wiped when the session ends.
//
// Threads: none.  Allocates when a sender is new, never else.

#pragma once

#include "peers.hpp"
#include "subkey.hpp"

#include <ais/bytes.hpp>
#include <ais/envelope.hpp>

namespace ais::crypto_sodium {

class Session {
  public:
    struct Options {
        ais_node_id local_node = 0;
        envelope::Salt salt{};
        Cipher cipher = Cipher::xchacha20_poly1305;  // to seal with
        bool gives_way = false;                      // "auto"
        std::uint64_t first_counter = 1;             // other than 1 in tests only
    };

    // Requires: sodium_init(), is_available(options.cipher), local_node is not 0.
    Session(const Options& options, Bytes authkey);
    ~Session();
    Session(const Session&) = delete;
    Session& operator=(const Session&) = delete;

    static constexpr std::uint32_t overhead = envelope::header_size + envelope::tag_size;

    // What it seals with now, and whom it gave way to last (0: nobody).
    [[nodiscard]] Cipher cipher() const { return next_.cipher; }
    [[nodiscard]] ais_node_id gave_way_to() const { return gave_way_to_; }
    [[nodiscard]] std::uint32_t key_id() const { return next_.key_id; }

    // As ais.crypto/1 seal and open.
    ais_status seal(Bytes plain, std::uint8_t* out);
    ais_status open(MutableBytes datagram,
                    Bytes& plain,
                    ais_node_id& sender,
                    ais_crypto_fault& fault);

  private:
    void give_way(const envelope::Header& header);

    Key master_;
    envelope::Header next_;  // of the next datagram that is sealed
    Subkey sealing_;
    Subkey trial_;  // for datagrams whose sub-key no peer has
    Peers peers_;
    bool gives_way_;
    ais_node_id gave_way_to_ = 0;
};

}  // namespace ais::crypto_sodium
