// SPDX-License-Identifier: BSD-3-Clause
//
// Decoders on raw bytes, and engines of a live cluster on datagrams that were
// changed on the way by an authenticated liar.  Nothing may crash, assert or loop; the
// order of deliveries is not judged, since a liar can break it.
//
// Input: first byte 0: decode the rest.  Else a list of steps of 4 bytes:
// how many datagrams pass untouched, where the next one is changed, to what, and how.

#include "totem/packet.hpp"
#include "totem/testing/tiny_cluster.hpp"

#include <cstdint>

namespace {

using namespace ais;
using namespace ais::totem;

void decode_all(Bytes bytes) {
    PacketHeader header;
    if (decode(bytes, header) != Verdict::ok) {
        return;
    }
    const Bytes body = bytes.subspan(PacketHeader::size);
    Message message;
    Token token;
    Join join;
    CommitToken commit;
    RingNotice notice;
    Probe probe;
    static_cast<void>(decode(body, header.type, header.sender, probe) || decode(body, message) ||
                      decode(body, token) || decode(body, header.sender, join) ||
                      decode(body, commit) || decode(body, notice));
}

void lie(Bytes steps) {
    testing::TinyCluster cluster(3);
    if (!cluster.form()) {
        __builtin_trap();
    }
    for (auto& node : cluster.nodes) {
        node->waiting = 30;
        node->next_guarantee = node->id.value() == 2 ? Guarantee::safe : Guarantee::agreed;
        node->engine->wake(cluster.now, *node);
    }
    for (std::size_t i = 0; i + 4 <= steps.size() && i < 400; i += 4) {
        cluster.run(steps[i] % 32);
        if (cluster.wire.empty()) {
            cluster.tick();
            continue;
        }
        std::string& bytes = cluster.wire.front().bytes;
        if (bytes.empty()) {
            continue;
        }
        // The first bytes are more interesting than payload.
        const std::size_t at = steps[i + 1] % bytes.size();
        switch (steps[i + 3] % 6) {
            case 0:
                bytes[at] = static_cast<char>(steps[i + 2]);
                break;
            case 1:
                bytes[at] = static_cast<char>(bytes[at] + 1);
                break;
            case 2:
                bytes.resize(at);
                break;
            case 3:
                cluster.wire.push_back(cluster.wire.front());  // again, later
                break;
            case 4:
                cluster.wire.front().to.reset();  // to everybody
                break;
            case 5:
                cluster.wire.pop_front();
                break;
        }
    }
    cluster.run(200);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const Bytes input(data, size);
    if (input.empty()) {
        return 0;
    }
    if (input[0] == 0) {
        decode_all(input.subspan(1));
    } else {
        lie(input.subspan(1));
    }
    return 0;
}
