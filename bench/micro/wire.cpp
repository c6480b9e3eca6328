// SPDX-License-Identifier: BSD-3-Clause
//
// What it costs to write and read the packets of the ring: a data header for each datagram, a token
// for each hop.

#include "fixed.hpp"
#include "totem/packet.hpp"

#include <ais/codec.hpp>

#include <benchmark/benchmark.h>

#include <array>
#include <vector>

namespace ais::totem {
namespace {

void codec_write_and_read_64_bytes(benchmark::State& state) {
    std::array<std::uint8_t, 64> room{};
    for (auto _ : state) {
        Writer to{MutableBytes(room)};
        for (std::uint64_t i = 0; i < 4; ++i) {
            to.u64(i);
            to.u32(static_cast<std::uint32_t>(i));
            to.u32(7);
        }
        Reader from{Bytes(room)};
        std::uint64_t sum = 0;
        for (int i = 0; i < 4; ++i) {
            sum += from.u64() + from.u32() + from.u32();
        }
        benchmark::DoNotOptimize(sum);
    }
}
BENCHMARK(codec_write_and_read_64_bytes)->Apply(fix_iterations);

void data_header_write(benchmark::State& state) {
    std::vector<std::uint8_t> datagram(1400);
    Message message;
    message.ring = RingId{4, NodeId(1)};
    for (auto _ : state) {
        ++message.seq;
        encode_data_header(MutableBytes(datagram), NodeId(1), message);
        benchmark::DoNotOptimize(datagram.data());
    }
}
BENCHMARK(data_header_write)->Apply(fix_iterations);

void data_header_read(benchmark::State& state) {
    std::vector<std::uint8_t> datagram(1400);
    Message message;
    message.ring = RingId{4, NodeId(1)};
    message.seq = 7;
    message.originator = NodeId(1);
    encode_data_header(MutableBytes(datagram), NodeId(1), message);
    for (auto _ : state) {
        PacketHeader header;
        benchmark::DoNotOptimize(decode(Bytes(datagram), header));
        benchmark::DoNotOptimize(decode(Bytes(datagram), message));
    }
}
BENCHMARK(data_header_read)->Apply(fix_iterations);

void token_write_and_read(benchmark::State& state) {
    std::vector<std::uint8_t> datagram(Token::size_max + 64);
    Token token;
    token.ring = RingId{4, NodeId(1)};
    for (int i = 0; i < state.range(0); ++i) {
        token.request(static_cast<Seq>(100 * i + 1));
    }
    for (auto _ : state) {
        ++token.token_seq;
        const std::size_t size = encode(MutableBytes(datagram), NodeId(1), token);
        Token read;
        benchmark::DoNotOptimize(decode(Bytes(datagram).first(size), read));
    }
}
BENCHMARK(token_write_and_read)->Apply(fix_iterations)->Arg(0)->Arg(8)->Arg(32);

}  // namespace
}  // namespace ais::totem
