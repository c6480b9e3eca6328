// SPDX-License-Identifier: BSD-3-Clause
//
// Promises beside the order of messages, each with a small workload.

#include "mutation/cases.hpp"
#include "sim/world.hpp"
#include "totem/packet.hpp"

namespace ais::mutation_test {

namespace {

using std::chrono::microseconds;
using std::chrono::milliseconds;
using std::chrono::seconds;

NodeId node(std::size_t number) {
    return NodeId(static_cast<ais_node_id>(number));
}

// Some nodes in one ring.
struct Bench {
    Bench(std::uint64_t seed, std::size_t nodes, const sim::Conditions& conditions = {})
        : world(seed), count(nodes) {
        totem::Config config;
        config.seqno_unchanged_rotations = 4;
        world.configure(config);
        world.network().set(conditions);
        for (std::size_t i = 1; i <= count; ++i) {
            world.start(node(i));
        }
        advance(seconds(1));
    }

    void advance(Duration time) { world.run_until(world.now() + time); }
    NodeId any() { return node(1 + world.prng().below(count)); }

    sim::Violations judge(bool had_faults) {
        world.close_history();
        world.history().had_faults = had_faults;
        return check_all(world.history());
    }

    sim::World world;
    std::size_t count;
};

}  // namespace

sim::Violations loss(std::uint64_t seed) {
    sim::Conditions conditions;
    conditions.loss_ppm = 10000;
    Bench bench(seed, 3, conditions);
    for (int i = 0; i < 300; ++i) {
        bench.world.send(bench.any(), totem::Guarantee::safe, 100);
        bench.advance(milliseconds(bench.world.prng().below(10)));
    }
    bench.advance(seconds(1));
    return bench.judge(false);  // loss is no reason to change
}

sim::Violations no_faults(std::uint64_t seed) {
    Bench bench(seed, 2 + seed % 4);
    for (int i = 0; i < 200; ++i) {
        const NodeId from = bench.any();
        for (int k = 0; k < 20; ++k) {
            bench.world.send(from, totem::Guarantee::agreed, 1000);
        }
        bench.advance(microseconds(bench.world.prng().below(3000)));
    }
    bench.advance(seconds(1));
    sim::Violations found = bench.judge(false);
    for (const NodeId id : bench.world.living()) {
        const totem::Stats& stats = bench.world.engine(id)->stats();
        if (stats.retransmitted > 0) {
            found.add("no needless retransmission: node ",
                      id.value(),
                      " has sent ",
                      stats.retransmitted,
                      " messages again, and none was lost");
        }
    }
    return found;
}

sim::Violations idle(std::uint64_t seed) {
    Bench bench(seed, 3);
    sim::Violations found;
    for (int i = 0; i < 40; ++i) {
        bench.advance(milliseconds(20 + bench.world.prng().below(250)));
        const std::size_t before = bench.world.history().deliveries();
        bench.world.send(bench.any(), totem::Guarantee::safe, 100);
        // Many rotations, and a fraction of the time for which a token is held.
        bench.advance(milliseconds(20));
        if (bench.world.history().deliveries() != before + bench.count) {
            found.add("prompt after rest: a safe message took more than 20 ms");
        }
    }
    bench.advance(seconds(1));
    for (const std::string& text : bench.judge(false).texts) {
        found.add(text);
    }
    return found;
}

sim::Violations lone(std::uint64_t seed) {
    Bench bench(seed, 3);
    for (int i = 0; i < 10; ++i) {
        const NodeId who = bench.any();
        for (int calls = 0; calls < 20; ++calls) {
            bench.world.send(who, totem::Guarantee::agreed, 50);
            bench.advance(microseconds(bench.world.prng().below(400)));
        }
        bench.advance(seconds(2));
    }
    return bench.judge(false);
}

sim::Violations restart(std::uint64_t seed) {
    Bench bench(seed, 3);
    sim::Violations found;
    for (int i = 0; i < 5; ++i) {
        const NodeId who = bench.any();
        bench.world.crash(who);
        bench.advance(milliseconds(1));
        bench.world.start(who, true);
        // Long before the token would be missed.
        bench.advance(milliseconds(100));
        for (const NodeId id : bench.world.living()) {
            const totem::Engine& engine = *bench.world.engine(id);
            if (!engine.is_operational() || engine.configuration().members.size() != bench.count) {
                found.add("restart noticed: node ", id.value(), " waits for the former life");
                break;
            }
        }
        bench.advance(seconds(1));
    }
    for (const std::string& text : bench.judge(true).texts) {
        found.add(text);
    }
    return found;
}

sim::Violations late_comer(std::uint64_t seed) {
    Bench bench(seed, 3);
    bench.world.crash(node(1));
    // Rings come and go.
    for (int i = 0; i < 80; ++i) {
        bench.world.is_alive(node(3)) ? bench.world.crash(node(3)) : bench.world.start(node(3));
        bench.advance(seconds(1));
    }
    // The lowest of all, so that it names the ring, and it knows no number.
    bench.world.start(node(1), true);
    bench.advance(milliseconds(800));
    return bench.judge(true);
}

sim::Violations no_commit(std::uint64_t seed) {
    Bench bench(seed, 2 + seed % 3);
    const NodeId gone = bench.any();
    bench.world.crash(gone);
    bench.advance(seconds(1));
    bench.world.network().set_filter([](NodeId, NodeId, Bytes datagram) {
        totem::PacketHeader header;
        return decode(datagram, header) == totem::Verdict::ok &&
               header.type == totem::PacketType::commit_token;
    });
    bench.world.start(gone);
    bench.advance(milliseconds(100 + bench.world.prng().below(1500)));
    bench.world.network().set_filter(sim::Network::Filter{});
    bench.advance(seconds(10));
    sim::Violations found = bench.judge(true);
    for (const NodeId id : bench.world.living()) {
        if (bench.world.engine(id)->configuration().members.size() != bench.count) {
            found.add("liveness: node ", id.value(), " has no ring with all of the others");
        }
    }
    return found;
}

sim::Violations reuse(std::uint64_t seed) {
    Bench bench(seed, 2 + seed % 3);
    for (int i = 0; i < 12; ++i) {
        // All forget what they knew, or some do.
        for (std::size_t k = 1; k <= bench.count; ++k) {
            if (bench.world.prng().chance(2, 3)) {
                bench.world.crash(node(k));
                bench.world.start(node(k), bench.world.prng().chance(1, 2));
            }
        }
        bench.advance(milliseconds(200 + bench.world.prng().below(1000)));
        bench.world.send(bench.any(), totem::Guarantee::safe, 50);
        bench.advance(milliseconds(bench.world.prng().below(20)));
    }
    bench.advance(seconds(3));
    return bench.judge(true);
}

}  // namespace ais::mutation_test
