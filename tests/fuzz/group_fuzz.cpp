// SPDX-License-Identifier: BSD-3-Clause
//
// The assembler with anything in its payloads.  Input: payloads of three
// senders, each as u8 (bits 0-1 sender, bit 7: a regular configuration
// first), u16 size, bytes.  Checked: no message above the limit, and a
// message that is handed up can be read to its end.

#include "base/assert.hpp"
#include "group/groups.hpp"

#include <ais/codec.hpp>

namespace {

constexpr std::size_t message_max = 5000;

struct Reading final : ais::group::Receiver {
    void on_message(ais::NodeId, std::uint16_t, std::uint16_t, ais::Bytes body) override {
        AIS_ASSERT(body.size() <= message_max);
        for (const std::uint8_t byte : body) {
            sum = sum * 31 + byte;
        }
    }
    std::uint64_t sum = 0;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    Reading reading;
    ais::group::Groups groups({message_max, 1, 1}, reading, ais::null_log());
    const ais::totem::Configuration regular;
    ais::Reader in(ais::Bytes(data, size));
    while (in.ok() && in.remaining() > 0) {
        const std::uint8_t what = in.u8();
        if ((what & 0x80) != 0) {
            groups.on_configure(regular);
        }
        const std::uint16_t wanted = in.u16();
        const ais::Bytes payload = in.bytes(std::min<std::size_t>(wanted, in.remaining()));
        groups.on_deliver(
            {ais::NodeId(1 + what % 3), {}, 1, ais::totem::Guarantee::agreed, payload});
    }
    return 0;
}
