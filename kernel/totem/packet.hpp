// SPDX-License-Identifier: BSD-3-Clause
//
// The datagrams of docs/protocol/totem_wire.md as structs, both ways.
//
// Decoders are total: any bytes give either a struct that keeps every rule of
// the page or a refusal, without allocation.  Whether a packet makes sense now
// (its ring, its turn) is for the state's file to say.

#pragma once

#include "base/time.hpp"
#include "totem/extensions.hpp"
#include "totem/types.hpp"

#include <ais/bytes.hpp>

#include <array>
#include <optional>

namespace ais::totem {

constexpr std::uint16_t wire_magic = 0x4154;
constexpr std::uint8_t wire_version = 1;

enum class PacketType : std::uint8_t {
    data = 1,
    token = 2,
    join = 3,
    commit_token = 4,
    merge_detect = 5,
    hold_cancel = 6,
    probe = 7,
    probe_answer = 8,
    probe_request = 9,
};

// No honest ring number is so far above those that we know.  Why: without this
// one wrong number would use up all numbers for ever.
// Why 2^43: a node without a stored number begins at the milliseconds since 1970, and must be let
// in by one that began at 0 or has a wrong clock.
constexpr std::uint64_t ring_seq_jump_max = std::uint64_t{1} << 43;

struct PacketHeader {
    PacketType type = PacketType::data;
    NodeId sender;

    static constexpr std::size_t size = 8;
};

// A number that no honest ring reaches; above it arithmetic could wrap.
constexpr std::uint64_t seq_limit = std::uint64_t{1} << 62;

struct Message {
    RingId ring;
    Seq seq = 0;
    NodeId originator;
    std::uint32_t round = 0;
    Guarantee guarantee = Guarantee::agreed;
    bool encapsulated = false;
    bool retransmitted = false;
    bool obliged = false;
    bool token_stays = false;  // its originator keeps the token for now (stay.cpp)
    Bytes payload;

    static constexpr std::size_t header_size = 36;
};

constexpr std::size_t data_header_size = PacketHeader::size + Message::header_size;
// What a datagram holds beside the payload once it is encapsulated.
constexpr std::size_t data_overhead = data_header_size + Message::header_size;

// Asks for start + i for every set bit i.
struct Request {
    // Place among the ring's members; or more than one node asks, or it is not said.
    static constexpr std::uint8_t several = 255;

    Seq start = 0;
    std::uint64_t bitmap = 0;
    std::uint8_t asker = several;
};
static_assert(Members::capacity <= Request::several);

struct Token {
    static constexpr std::size_t requests_max = 32;
    static constexpr std::size_t size_max = 70 + 16 * requests_max + 4 + requests_max;

    RingId ring;
    std::uint64_t token_seq = 0;
    Seq seq = 0;
    Seq aru = 0;
    NodeId aru_id;
    std::uint32_t fcc = 0;
    std::uint32_t backlog = 0;
    std::uint16_t congested = 0;
    bool retrans_flg = false;
    std::uint8_t request_count = 0;
    std::array<Request, requests_max> requests;

    // False if there is no room left.  Asking twice is asking once; if the askers differ,
    // it is several that ask.
    bool request(Seq seq, std::uint8_t asker = Request::several);
};

struct Join {
    std::uint64_t incarnation = 0;
    std::uint64_t ring_seq = 0;
    std::uint8_t version_min = wire_version;
    std::uint8_t version_max = wire_version;
    bool leave = false;
    Members processors;
    Members failed;
    Patience patience;
    HearingRows hearing;
    Members heard_across;  // beside processors
    Bytes terms;           // well formed, or empty; a view
    Features features;
};

struct CommitToken {
    struct Slot {
        NodeId node;
        bool filled = false;
        bool received = false;
        std::uint32_t window = 0;
        std::uint64_t incarnation = 0;
        RingId old_ring;
        Seq old_aru = 0;
        Seq old_high = 0;
        Seq high_delivered = 0;

        friend bool operator==(const Slot&, const Slot&) = default;
    };
    static constexpr std::size_t slot_size = 57;

    RingId ring;
    std::uint32_t hop = 0;
    std::size_t count = 0;
    std::array<Slot, Members::capacity> slots;
    Patience patience;  // of the most patient member

    [[nodiscard]] Members members() const;
    [[nodiscard]] bool is_filled() const;
};

// Merge detect and hold cancel.
struct RingNotice {
    RingId ring;
    Members heard_across{};  // merge detect only: of other rings
    Members apart{};         // likewise: a path is broken
    Bytes terms{};           // likewise, as in Join
    Features features{};
};

enum class Verdict : std::uint8_t { ok, malformed, wrong_version };

// Probe, its answer, and the request to others (docs/protocol/detection.md).
struct Probe {
    RingId ring;                  // the sender's, or none; of an answer: the subject's
    std::uint64_t token_seq = 0;  // of the last token accepted on it
    std::uint32_t id = 0;         // chosen by the origin
    NodeId origin;                // who wants to know
    NodeId subject;               // whose life is in question
};

// The body is what follows PacketHeader::size bytes.
Verdict decode(Bytes datagram, PacketHeader& to);
[[nodiscard]] bool decode(Bytes body, Message& to);
[[nodiscard]] bool decode(Bytes body, Token& to);
[[nodiscard]] bool decode(Bytes body, NodeId sender, Join& to);
[[nodiscard]] bool decode(Bytes body, CommitToken& to);
[[nodiscard]] bool decode(Bytes body, RingNotice& to);
[[nodiscard]] bool decode(Bytes body, PacketType type, NodeId sender, Probe& to);

// Each writes a whole datagram and returns its size, or 0 if it does not fit.
std::size_t encode(MutableBytes to, NodeId sender, const Token& token);
std::size_t encode(MutableBytes to, NodeId sender, const Join& join);
std::size_t encode(MutableBytes to, NodeId sender, const CommitToken& token);
std::size_t encode(MutableBytes to, NodeId sender, PacketType type, const RingNotice& notice);
std::size_t encode(MutableBytes to, NodeId sender, PacketType type, const Probe& probe);
// Only the header; the payload stands behind it already, or will.
// Requires: to.size() >= data_header_size.
void encode_data_header(MutableBytes to, NodeId sender, const Message& message);
// The inner header of an encapsulated message.  Requires: to.size() >= Message::header_size.
void encode_message_header(MutableBytes to, const Message& message);
// What changes when a stored message is sent (again).
void patch_sender(MutableBytes datagram, NodeId sender);
enum class Sending : std::uint8_t { first, token_stays, again };
void patch_data_header(MutableBytes datagram, std::uint32_t round, Sending sending);

}  // namespace ais::totem
