// SPDX-License-Identifier: BSD-3-Clause
//
// Groups: messages of any size, addressed to a service, over datagrams of one size.
//
// Downwards it is the engine's Source: messages wait in two lanes until the
// token comes, and are then packed (packer.hpp): small ones share a datagram,
// large ones fill datagrams exactly.  Upwards it joins fragments again
// (assembler.hpp) and hands whole messages to the Receiver.
//
// The ordinary lane has a gate.  It is closed from a regular configuration
// until the exchange of snapshots is over, so in between only the kernel lane
// (sync's own messages) is sent and nothing of an application can get a place
// in the order before all replicas are equal.  Messages wait in order; none
// is lost.
//
// At a regular configuration a message of ours that has only partly been sent
// is started again from its first fragment, and partly received messages of others are
// dropped: their sender does the same, or is gone.  What waits in the kernel
// lane then is forgotten: it speaks about the old ring, and sync starts anew.
//
// Wire format: docs/protocol/group_wire.md.  Threads: none.  Bounded by Limits.

#pragma once

#include "base/log.hpp"
#include "totem/engine.hpp"

#include <ais/abi/draft/bulk.h>
#include <ais/bytes.hpp>

#include <cstdint>
#include <memory>
#include <span>

namespace ais::group {

struct Limits {
    std::size_t message_max =
        (1U << 20) + (64U << 10);  // largest message: 1 MiB of a client and headers on top
    std::size_t queue_max =
        4U << 20;  // bytes waiting in the ordinary lane, message_max of it reserved
    std::size_t kernel_queue_max = 4U << 20;
};

enum class Lane : std::uint8_t { ordinary, kernel };

class Receiver {
  public:
    // A whole message, in the order every member sees it.  `body` is valid
    // until the call returns.
    virtual void on_message(NodeId sender,
                            std::uint16_t service,
                            std::uint16_t kind,
                            Bytes body) = 0;

    // A message that came in fragments may go up as it lies in the datagrams: `pieces` in a row
    // are its body, 2 to pieces_max of them, each valid until the call returns.  False: it wants
    // on_message with a body in one piece, which costs a copy.
    static constexpr std::size_t pieces_max = AIS_PIECES_MAX;
    [[nodiscard]] virtual bool takes_pieces(std::uint16_t service) const {
        static_cast<void>(service);
        return false;
    }
    // Requires: takes_pieces(service).
    virtual void on_pieces(NodeId sender,
                           std::uint16_t service,
                           std::uint16_t kind,
                           std::span<const ais_bytes> pieces) {
        static_cast<void>(sender);
        static_cast<void>(service);
        static_cast<void>(kind);
        static_cast<void>(pieces);
    }

  protected:
    ~Receiver() = default;
};

struct GroupStats {
    std::uint64_t sent_messages = 0;
    std::uint64_t sent_fragments = 0;
    std::uint64_t delivered_messages = 0;
    std::uint64_t delivered_bytes = 0;
    std::uint64_t dropped_partial = 0;  // at a configuration change
    std::uint64_t malformed = 0;        // payloads that do not decode
};

class Groups final : public totem::Source {
  public:
    // `receiver` and `log` outlive it.
    Groups(const Limits& limits, Receiver& receiver, Log& log);
    ~Groups();

    // Queue the concatenation of `parts`; copied.  AIS_ERR_AGAIN: the lane is
    // full.  AIS_ERR_TOO_BIG: above message_max.
    ais_status multicast(Lane lane,
                         std::uint16_t service,
                         std::uint16_t kind,
                         totem::Guarantee guarantee,
                         std::span<const ais_bytes> parts);

    // May clients be asked for more?  The ordinary lane takes one more message of message_max, and
    // what waits in it is no more than some visits send.  Why not until it is full: what waits
    // longer has left the caches when it is sent.
    [[nodiscard]] bool has_room() const;

    void set_gate(bool open);
    [[nodiscard]] bool gate_is_open() const;

    // From the engine's effects.
    void on_deliver(const totem::Deliver& message);
    void before_free(totem::Seq last);
    void on_configure(const totem::Configuration& now);

    // Of the message that is being handed up, if one is (totem::Deliver).
    [[nodiscard]] bool is_behind_hole() const;

    // totem::Source.
    [[nodiscard]] std::size_t backlog() const override;
    std::size_t take(MutableBytes room, totem::Guarantee& guarantee) override;
    [[nodiscard]] std::uint64_t messages_taken() const override;

    // Bytes one datagram carries (Engine::payload_max), for backlog().
    void set_payload_max(std::size_t bytes);

    [[nodiscard]] const Limits& limits() const;
    [[nodiscard]] const GroupStats& stats() const;

  private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

}  // namespace ais::group
