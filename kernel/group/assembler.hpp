// SPDX-License-Identifier: BSD-3-Clause
//
// The assembler: payloads in total order → whole messages.
//
// A message that lies whole in its payload is handed up as a view of it.  Of one
// that was split the pieces are remembered where they lie, in the engine's log, and handed up as a
// list of views.  They are copied, once, into a buffer of the message's size where there is no
// other way: pieces that the log is about to forget, more pieces than a list may have, a service
// that wants a body in one piece.  Buffers and lists are kept and used again, so in steady state
// nothing is allocated.
//
// The bytes are a peer's: nothing in them is believed, nothing asserts.  What
// is malformed is told, and dropped with all that is open of that sender.
//
// Invariants:
//   1. At most one open message per sender and lane.
//   2. Of an open message, `kept` bytes are in its buffer and the rest in its pieces, in order.

#pragma once

#include "group/groups.hpp"

#include <cstdint>
#include <memory>
#include <vector>

namespace ais::group {

class Assembler {
  public:
    // `receiver` outlives it.
    Assembler(std::size_t message_max, Receiver& receiver);

    // False: malformed; what came before the fault was handed up.  `payload` must stay until
    // before_free(seq or more) or drop_partials().
    [[nodiscard]] bool on_payload(NodeId sender, totem::Seq seq, Bytes payload);

    // Payloads up to `last` go away when this returns.
    void before_free(totem::Seq last);
    static constexpr totem::Seq all = ~totem::Seq{0};

    // Forget what is not complete; the number of messages dropped.
    std::size_t drop_partials();

    [[nodiscard]] std::uint64_t delivered_messages() const { return delivered_messages_; }
    [[nodiscard]] std::uint64_t delivered_bytes() const { return delivered_bytes_; }

  private:
    struct Buffer {
        std::unique_ptr<std::uint8_t[]> bytes;
        std::size_t capacity = 0;
    };
    struct Piece {
        totem::Seq seq = 0;
        Bytes bytes;
    };
    struct Partial {
        Buffer buffer;
        std::size_t kept = 0;
        std::vector<Piece> pieces;
        std::size_t total = 0;  // 0: nothing is open
        std::size_t filled = 0;
        std::uint16_t service = 0;
        std::uint16_t kind = 0;
    };
    struct Sender {
        NodeId node;
        Partial lanes[2];
    };

    bool on_chunks(NodeId node, Sender*& sender, totem::Seq seq, Bytes payload);
    bool begin(Partial& partial,
               std::uint16_t service,
               std::uint16_t kind,
               std::size_t total,
               Piece piece);
    bool append(NodeId node, Partial& partial, Piece piece, bool is_last);
    void add_piece(Partial& partial, Piece piece);
    void keep(Partial& partial, totem::Seq last);
    void finish(NodeId node, Partial& partial);
    void hand_up(NodeId sender, std::uint16_t service, std::uint16_t kind, Bytes body);

    [[nodiscard]] Sender* find(NodeId node);
    [[nodiscard]] Sender* add(NodeId node);
    [[nodiscard]] Buffer get_buffer(std::size_t size);
    void put_buffer(Buffer buffer);
    void close(Partial& partial);
    std::size_t drop(Sender& sender);

    std::size_t message_max_;
    Receiver& receiver_;
    std::vector<Sender> senders_;  // those of this configuration that ever sent a fragment
    std::vector<Buffer> free_;
    std::size_t free_bytes_ = 0;
    std::vector<ais_bytes> list_;  // of the message that is handed up
    std::uint64_t delivered_messages_ = 0;
    std::uint64_t delivered_bytes_ = 0;
};

}  // namespace ais::group
