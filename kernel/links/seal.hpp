// SPDX-License-Identifier: BSD-3-Clause
//
// The port to cryptography: plugin/guard implements it on top of ais.crypto/1,
// tests and the simulator with a few lines.

#pragma once

#include "base/node_id.hpp"

#include <ais/abi/crypto.h>
#include <ais/bytes.hpp>

#include <string_view>

namespace ais::links {

class Seal {
  public:
    // Bytes that seal() adds.
    [[nodiscard]] virtual std::size_t overhead() const = 0;
    [[nodiscard]] virtual std::string_view cipher() const = 0;

    // Requires: out has plain.size() + overhead() bytes and does not overlap.
    // False if the backend failed: nothing may be sent.
    [[nodiscard]] virtual bool seal(Bytes plain, MutableBytes out) = 0;

    struct Opened {
        Bytes plain;    // a view into the datagram, or of `to`
        NodeId sender;  // authenticated
    };
    // Opens in place.  False: `fault` says why.
    [[nodiscard]] virtual bool open(MutableBytes datagram,
                                    Opened& opened,
                                    ais_crypto_fault& fault) = 0;
    // Opens to `to` if the backend can and it has the room, which is the datagram's size less the
    // overhead; else in place.
    [[nodiscard]] virtual bool open_to(MutableBytes datagram,
                                       MutableBytes to,
                                       Opened& opened,
                                       ais_crypto_fault& fault) {
        static_cast<void>(to);
        return open(datagram, opened, fault);
    }

  protected:
    ~Seal() = default;
};

}  // namespace ais::links
