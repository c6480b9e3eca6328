// SPDX-License-Identifier: BSD-3-Clause
//
// Any mix of messages through packer and assembler, with payloads of any
// size and configuration changes at any point: each lane arrives complete, in
// order and once.

#include "base/prng.hpp"
#include "group/assembler.hpp"
#include "group/chunk.hpp"
#include "group/packer.hpp"

#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <deque>
#include <string>
#include <vector>

namespace ais::group {
namespace {

using totem::Guarantee;

constexpr std::size_t message_max = 1U << 20;

struct Sent {
    std::uint16_t kind = 0;  // its number in its lane
    std::size_t size = 0;
    std::uint64_t seed = 0;

    [[nodiscard]] std::string body() const {
        std::string text(size, '\0');
        Prng random(seed);
        for (std::size_t at = 0; at < size; at += 8) {
            const std::uint64_t word = random.next();
            std::memcpy(text.data() + at, &word, std::min<std::size_t>(8, size - at));
        }
        return text;
    }
};

struct Checker final : Receiver {
    void on_message(NodeId sender, std::uint16_t service, std::uint16_t, Bytes body) override {
        RC_ASSERT(sender == NodeId(9));
        RC_ASSERT(service < 2);
        RC_ASSERT(next[service] < sent[service].size());
        RC_ASSERT(as_text(body) == sent[service][next[service]].body());
        ++next[service];
    }
    bool takes_pieces(std::uint16_t service) const override { return service == wants_pieces; }
    void on_pieces(NodeId sender,
                   std::uint16_t service,
                   std::uint16_t kind,
                   std::span<const ais_bytes> pieces) override {
        RC_ASSERT(pieces.size() >= 2 && pieces.size() <= pieces_max);
        std::string body;
        for (const ais_bytes& piece : pieces) {
            RC_ASSERT(piece.size > 0);
            body += as_text(piece);
        }
        on_message(sender, service, kind, as_bytes(body));
    }
    std::uint16_t wants_pieces = 2;  // of this lane; 2: of none
    std::vector<Sent> sent[2];       // by lane, which is the service here
    std::size_t next[2] = {0, 0};
};

std::size_t some_size(Prng& random) {
    switch (random.below(10)) {
        case 0:
            return random.below(message_max + 1);
        case 1:
            return random.below(20000);
        case 2:
            return 1380 + random.below(30);  // around a payload
        case 3:
            return 0;
        default:
            return random.below(300);
    }
}

void run(std::uint64_t seed, bool with_configurations) {
    Prng random(seed);
    Checker checker;
    Packer packer(Limits{message_max, 4U << 20, 4U << 20});
    Assembler assembler(message_max, checker);
    const std::size_t fixed_room =
        random.chance(1, 2) ? chunk::payload_min + random.below(9000) : 0;
    const std::size_t wanted = 1 + random.below(120);
    std::size_t pushed = 0;
    bool gate_open = true;
    checker.wants_pieces = static_cast<std::uint16_t>(random.below(3));
    std::deque<std::vector<std::uint8_t>> log;  // of the payloads seq - log.size() + 1 to seq
    totem::Seq seq = 0;
    // Bounded: a large message needs thousands of payloads without a change.
    std::size_t configurations = with_configurations ? 20 : 0;

    for (;;) {
        if (pushed < wanted && random.chance(1, 2)) {
            const std::size_t lane = random.chance(1, 4) ? 1 : 0;
            const Sent message{0, some_size(random), random.next()};
            const std::string body = message.body();
            const std::size_t cut = random.below(message.size + 1);
            const ais_bytes parts[] = {to_abi(std::string_view(body).substr(0, cut)),
                                       to_abi(std::string_view(body).substr(cut))};
            const ais_status status =
                packer.push(lane == 1 ? Lane::kernel : Lane::ordinary,
                            static_cast<std::uint16_t>(lane),
                            0,
                            random.chance(1, 3) ? Guarantee::safe : Guarantee::agreed,
                            parts);
            if (status == AIS_OK) {
                checker.sent[lane].push_back(message);
                ++pushed;
            } else {
                RC_ASSERT(status == AIS_ERR_AGAIN);
            }
        }
        if (configurations > 0 && random.chance(1, 50)) {
            --configurations;
            assembler.drop_partials();
            packer.rewind();
            gate_open = random.chance(1, 2);
        } else if (random.chance(1, 20)) {
            gate_open = true;
        }
        const Packer::Open open = gate_open ? Packer::Open::both : Packer::Open::kernel_only;
        const std::size_t room =
            fixed_room != 0 ? fixed_room : chunk::payload_min + random.below(2000);
        std::vector<std::uint8_t>& payload = log.emplace_back(room);
        ++seq;
        const std::size_t backlog = packer.backlog(open, room);
        Guarantee guarantee = Guarantee::agreed;
        const std::size_t size = packer.take(payload, guarantee, open);
        RC_ASSERT((size == 0) == (backlog == 0));
        if (size > 0) {
            payload.resize(size);
            RC_ASSERT(assembler.on_payload(NodeId(9), seq, payload));
            if (random.chance(1, 10)) {
                const std::size_t freed = random.below(log.size() + 1);
                assembler.before_free(seq - log.size() + freed);
                log.erase(log.begin(), log.begin() + static_cast<std::ptrdiff_t>(freed));
            }
        } else if (pushed == wanted && gate_open) {
            break;
        }
    }
    for (std::size_t lane : {0, 1}) {
        RC_ASSERT(checker.next[lane] == checker.sent[lane].size());
    }
    RC_ASSERT(assembler.drop_partials() == 0);
}

TEST(GroupProperty, same_messages_in_the_same_order_per_lane) {
    EXPECT_TRUE(rc::check([](std::uint64_t seed) { run(seed, false); }));
}

TEST(GroupProperty, each_message_once_whatever_configurations_come) {
    EXPECT_TRUE(rc::check([](std::uint64_t seed) { run(seed, true); }));
}

}  // namespace
}  // namespace ais::group
