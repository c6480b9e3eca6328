// SPDX-License-Identifier: BSD-3-Clause
//
// A window of datagrams through the message log: copied in, looked at in order, freed.

#include "totem/message_log.hpp"

#include "fixed.hpp"

#include <benchmark/benchmark.h>

#include <vector>

namespace ais::totem {
namespace {

void store_and_free_a_window(benchmark::State& state) {
    constexpr Seq window = 256;
    const auto size = static_cast<std::size_t>(state.range(0));
    const std::vector<std::uint8_t> datagram(size, 7);
    MessageLog log(12 * window, size);
    log.reset();
    Seq seq = 0;
    for (auto _ : state) {
        for (Seq i = 0; i < window; ++i) {
            copy_bytes(log.room().data(), datagram);
            log.store(++seq, size);
        }
        for (Seq i = seq - window + 1; i <= seq; ++i) {
            benchmark::DoNotOptimize(log.datagram(i).data());
        }
        log.free_to(seq);
    }
    state.SetItemsProcessed(static_cast<std::int64_t>(state.iterations() * window));
    state.SetBytesProcessed(static_cast<std::int64_t>(state.iterations() * window * size));
}
BENCHMARK(store_and_free_a_window)->Apply(fix_iterations)->Arg(200)->Arg(1400)->Arg(8900);

}  // namespace
}  // namespace ais::totem
