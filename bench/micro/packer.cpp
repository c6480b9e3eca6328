// SPDX-License-Identifier: BSD-3-Clause
//
// From waiting messages to full datagrams: a push for each message, takes until nothing is left.
// Bytes are of messages.

#include "group/packer.hpp"

#include "fixed.hpp"

#include <benchmark/benchmark.h>

#include <vector>

namespace ais::group {
namespace {

void pack(benchmark::State& state) {
    const auto size = static_cast<std::size_t>(state.range(0));
    const std::size_t count = std::max<std::size_t>(1, 65536 / size);
    const std::vector<std::uint8_t> message(size, 7);
    const ais_bytes part = to_abi(Bytes(message));
    std::vector<std::uint8_t> room(1360);
    Packer packer{Limits{}};
    for (auto _ : state) {
        for (std::size_t i = 0; i < count; ++i) {
            benchmark::DoNotOptimize(
                packer.push(Lane::ordinary, 40, 1, totem::Guarantee::agreed, {&part, 1}));
        }
        totem::Guarantee guarantee{};
        while (packer.take(MutableBytes(room), guarantee, Packer::Open::both) > 0) {
        }
    }
    state.SetItemsProcessed(static_cast<std::int64_t>(state.iterations() * count));
    state.SetBytesProcessed(static_cast<std::int64_t>(state.iterations() * count * size));
}
BENCHMARK(pack)
    ->Apply(fix_iterations)
    ->Arg(64)
    ->Arg(256)
    ->Arg(1024)
    ->Arg(16384)
    ->Arg(65536)
    ->Arg(524288);

}  // namespace
}  // namespace ais::group
