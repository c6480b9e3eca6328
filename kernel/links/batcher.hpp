// SPDX-License-Identifier: BSD-3-Clause
//
// From the engine's datagrams to sealed batches, the same for every mode.
//
// Data is sealed straight into one buffer, datagram behind datagram, for as
// long as sizes and receivers are equal.  A batch ends when a longer datagram
// or one for another receiver comes (it starts the next batch), after a shorter
// one (only the last may be short), at the limits of the offload, before a
// token or control datagram, and on flush().
//
// Invariants:
//   1. Datagrams leave in the order of transmit().
//   2. batch_ holds segments_ sealed datagrams; all but the last have segment_ bytes.
//   3. Nothing is allocated after construction.
//   4. A datagram is sealed once, however many links carry it.

#pragma once

#include "base/log.hpp"
#include "links/seal.hpp"
#include "totem/engine.hpp"

#include <optional>
#include <vector>

namespace ais::links {

struct Batch {
    std::optional<NodeId> to;
    totem::Traffic traffic = totem::Traffic::data;
    bool is_repeat = false;
    Bytes bytes;
    std::size_t segment = 0;
    std::size_t count = 0;  // datagrams in it
};

// Where batches go.
class Outlet {
  public:
    virtual void send(const Batch& batch) = 0;

  protected:
    ~Outlet() = default;
};

class Batcher {
  public:
    // Requires: datagram_max is the engine's, before sealing.  All outlive it.
    Batcher(Seal& seal,
            Outlet& outlet,
            Log& log,
            std::size_t datagram_max,
            std::uint64_t& seal_failures);

    void transmit(const totem::Transmit& what);
    void flush();
    // One datagram of the links' own, valid until the next call; empty if it could not be sealed.
    [[nodiscard]] Bytes seal_alone(Bytes plain);

  private:
    void append(const totem::Transmit& what);
    bool seal(Bytes plain, MutableBytes out);

    Seal& seal_;
    Outlet& outlet_;
    Log& log_;
    const std::size_t overhead_;
    const std::size_t datagram_max_;

    // The batch being filled.
    std::vector<std::uint8_t> batch_;
    std::optional<NodeId> to_;
    bool is_repeat_ = false;
    std::size_t segment_ = 0;
    std::size_t segments_ = 0;
    std::size_t used_ = 0;

    std::vector<std::uint8_t> urgent_;  // one token or control datagram
    std::uint64_t& seal_failures_;
    bool is_seal_broken_ = false;
};

}  // namespace ais::links
