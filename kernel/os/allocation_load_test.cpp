// SPDX-License-Identifier: BSD-3-Clause
//
// The hot path of this folder takes nothing from the heap: turns of the loop,
// batches out and in.  allocation_count.cpp counts.

#include "os/allocation_count.hpp"
#include "os/folder_test.hpp"
#include "os/loop.hpp"
#include "os/udp.hpp"

#include <gtest/gtest.h>

#include <vector>

namespace ais::os {
namespace {

using namespace std::chrono_literals;

class Counter final : public DatagramSink {
  public:
    void on_received(totem::LinkId, MutableBytes datagram) override {
        transport->learn(NodeId(2));
        count += datagram.empty() ? 0 : 1;
    }
    UdpTransport* transport = nullptr;
    std::uint64_t count = 0;
};

TEST(HotPath, turns_and_batches_allocate_nothing) {
    for (const bool offload : {true, false}) {
        Loop loop;
        KeptLines log;
        UdpConfig config;
        config.interface = *choose_interface(*parse_address("127.0.0.1"), *list_interfaces());
        config.port = 25605;
        config.offload = offload;
        config.self = NodeId(1);
        config.peers = {{NodeId(2), *parse_address("127.0.0.2")}};
        const auto a = UdpTransport::open(config, loop, loop, log).take();
        config.self = NodeId(2);
        config.interface = *choose_interface(*parse_address("127.0.0.2"), *list_interfaces());
        config.peers = {{NodeId(1), *parse_address("127.0.0.1")}};
        const auto b = UdpTransport::open(config, loop, loop, log).take();
        Counter from_b;
        Counter from_a;
        from_b.transport = a.get();
        from_a.transport = b.get();
        a->start(from_b);
        b->start(from_a);
        const std::vector<std::uint8_t> batch(20000, 1);

        std::uint64_t before = 0;
        std::uint64_t sleeps = 0;
        for (int round = 0; round < 300; ++round) {
            if (round == 100) {  // everything has had its first time
                before = allocation_count();
                sleeps = loop.stats().sleeps;
            }
            a->send(std::nullopt, totem::Traffic::data, batch, 1000);
            b->send(NodeId(1), totem::Traffic::token, Bytes(batch.data(), 100), 100);
            loop.wake_at(loop.now() + 1ms * (round % 3));
            loop.run_once(5ms);
            loop.run_once(1ms);
        }
        EXPECT_EQ(allocation_count(), before) << "offload " << offload;
        EXPECT_GT(loop.stats().sleeps, sleeps);
        EXPECT_GE(from_a.count, 200U * 20U);
        EXPECT_GE(from_b.count, 200U);
    }
}

}  // namespace
}  // namespace ais::os
