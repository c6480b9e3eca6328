// SPDX-License-Identifier: BSD-3-Clause
//
// The assembler with anything in its payloads.  Input: payloads of three
// senders, each as u8 (bits 0-1 sender, bit 7: a regular configuration
// first, bit 6: afterwards the older half of the payloads is forgotten), u16 size,
// bytes.  Checked: no message above the limit, and a message that is handed up, in one
// piece or in several, can be read to its end.

#include "base/assert.hpp"
#include "group/groups.hpp"

#include <ais/codec.hpp>

#include <deque>
#include <vector>

namespace {

constexpr std::size_t message_max = 5000;

struct Reading final : ais::group::Receiver {
    void on_message(ais::NodeId, std::uint16_t, std::uint16_t, ais::Bytes body) override {
        AIS_ASSERT(body.size() <= message_max);
        for (const std::uint8_t byte : body) {
            sum = sum * 31 + byte;
        }
    }
    bool takes_pieces(std::uint16_t service) const override { return service % 2 == 1; }
    void on_pieces(ais::NodeId,
                   std::uint16_t,
                   std::uint16_t,
                   std::span<const ais_bytes> pieces) override {
        AIS_ASSERT(pieces.size() >= 2 && pieces.size() <= pieces_max);
        std::size_t size = 0;
        for (const ais_bytes& piece : pieces) {
            size += piece.size;
            for (const std::uint8_t byte : ais::from_abi(piece)) {
                sum = sum * 31 + byte;
            }
        }
        AIS_ASSERT(size <= message_max);
    }
    std::uint64_t sum = 0;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    Reading reading;
    ais::group::Groups groups({message_max, 1, 1}, reading, ais::null_log());
    const ais::totem::Configuration regular;
    std::deque<std::vector<std::uint8_t>> log;
    ais::totem::Seq forgotten = 0;
    ais::Reader in(ais::Bytes(data, size));
    while (in.ok() && in.remaining() > 0) {
        const std::uint8_t what = in.u8();
        if ((what & 0x80) != 0) {
            groups.on_configure(regular);
        }
        const std::uint16_t wanted = in.u16();
        const ais::Bytes payload = in.bytes(std::min<std::size_t>(wanted, in.remaining()));
        log.emplace_back(payload.begin(), payload.end());
        groups.on_deliver({ais::NodeId(1 + what % 3),
                           {},
                           forgotten + log.size(),
                           ais::totem::Guarantee::agreed,
                           log.back()});
        if ((what & 0x40) != 0) {  // the older half
            const std::size_t half = (log.size() + 1) / 2;
            groups.before_free(forgotten + half);
            log.erase(log.begin(), log.begin() + static_cast<std::ptrdiff_t>(half));
            forgotten += half;
        }
    }
    return 0;
}
