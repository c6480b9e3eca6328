// SPDX-License-Identifier: BSD-3-Clause
//
// The shared rings between a client and the kernel, both ends on one thread: what is left when
// nobody has to be woken.

#include "fixed.hpp"

#include <ais/ipc_ring.hpp>

#include <benchmark/benchmark.h>

#include <vector>

namespace ais::ipc {
namespace {

void put_and_take(benchmark::State& state) {
    const auto size = static_cast<std::size_t>(state.range(0));
    constexpr std::size_t ring_size = 4U << 20;
    std::vector<std::uint8_t> memory(2 *
                                     ring_size);  // plain: the second half stands for the mirror
    RingControl control{};
    RingProducer producer(control, memory.data(), ring_size);
    RingConsumer consumer(control, memory.data(), ring_size, 1U << 20);
    const std::vector<std::uint8_t> body(size, 7);
    const ais_bytes part = to_abi(Bytes(body));
    FrameHeader header;
    header.size = static_cast<std::uint32_t>(size);
    for (auto _ : state) {
        if (!producer.has_room(size)) {
            state.SkipWithError("the ring is full");
            break;
        }
        producer.put(header, {&part, 1});
        producer.publish();
        FrameHeader seen;
        const std::uint8_t* at = nullptr;
        benchmark::DoNotOptimize(consumer.look(seen, at));
        benchmark::DoNotOptimize(at);
        consumer.take(seen);
    }
    state.SetItemsProcessed(static_cast<std::int64_t>(state.iterations()));
    state.SetBytesProcessed(static_cast<std::int64_t>(state.iterations() * size));
}
BENCHMARK(put_and_take)->Apply(fix_iterations)->Arg(64)->Arg(1024)->Arg(65536)->Arg(524288);

}  // namespace
}  // namespace ais::ipc
