// SPDX-License-Identifier: BSD-3-Clause

//
// Random subsets of faults over bare engines, as the whole simulator has them
// over whole executives (tests/sim): few kinds at a time go deeper.  Here the
// engines are alone, so that many seeds fit into a second.

#include "mutation/cases.hpp"
#include "mutation/consensus_watch.hpp"
#include "sim/world.hpp"

#include <algorithm>

namespace ais::mutation_test {

namespace {

using std::chrono::microseconds;
using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr Duration length = seconds(15);

enum class Fault : unsigned {
    crash,
    leave,
    pause,
    partition,
    one_way,
    burst_loss,
    congestion,
    count
};

totem::Config choose_config(Prng& prng) {
    totem::Config config;
    static constexpr std::uint32_t windows[] = {1, 2, 5, 20, 50, 256};
    config.window_size = windows[prng.below(6)];
    config.max_messages = static_cast<std::uint32_t>(std::max<std::uint64_t>(
        1, prng.chance(1, 2) ? config.window_size : config.window_size / 2));
    switch (prng.below(3)) {
        case 0:
            config.accelerated_window = 0;
            break;
        case 1:
            config.accelerated_window = config.max_messages;
            break;
        default:
            config.accelerated_window = config.max_messages / 2;
            break;
    }
    config.log_slots = prng.chance(1, 2) ? 4096 : 12 * 256;
    config.datagram_max = prng.chance(1, 3) ? 700 : 1400;
    config.seqno_unchanged_rotations = prng.chance(1, 2) ? 30 : 4;
    return config;
}

sim::Conditions choose_conditions(Prng& prng) {
    sim::Conditions conditions;
    conditions.delay = microseconds(100 + prng.below(400));
    conditions.jitter = microseconds(prng.below(400));
    static constexpr std::uint32_t losses[] = {0, 0, 1000, 10000, 50000};
    conditions.loss_ppm = losses[prng.below(5)];
    conditions.duplicate_ppm = prng.chance(1, 3) ? 20000 : 0;
    conditions.reorder_ppm = prng.chance(1, 3) ? 30000 : 0;
    conditions.reorder_delay = milliseconds(1 + prng.below(10));
    return conditions;
}

class Swarm {
  public:
    explicit Swarm(std::uint64_t seed) : world_(seed), prng_(world_.prng()) {
        count_ = 1 + prng_.below(prng_.chance(1, 8) ? 12 : 6);
        world_.configure(choose_config(prng_));
        conditions_ = choose_conditions(prng_);
        world_.network().set(conditions_);
        for (unsigned fault = 0; fault < static_cast<unsigned>(Fault::count); ++fault) {
            if (prng_.chance(1, 3)) {
                faults_.push_back(static_cast<Fault>(fault));
            }
        }
        fault_gap_ =
            milliseconds(prng_.chance(1, 3) ? 30 + prng_.below(300) : 200 + prng_.below(3000));
        if (prng_.chance(1, 4)) {
            lose_one_type();
        } else {
            world_.network().set_filter([this](NodeId from, NodeId, Bytes datagram) {
                consensus_.see(from, datagram);
                return false;
            });
        }
        send_gap_ = microseconds(500 + prng_.below(prng_.chance(1, 3) ? 5000 : 200000));
        burst_max_ = 1 + prng_.below(prng_.chance(1, 4) ? 60 : 5);
        safe_percent_ = prng_.below(101);
    }

    sim::Violations run() {
        const Instant begin = world_.now();
        end_ = begin + length;
        for (std::size_t i = 1; i <= count_; ++i) {
            const NodeId node(static_cast<ais_node_id>(i));
            world_.at(begin + milliseconds(prng_.below(faults_.empty() ? 5 : 400)),
                      [this, node] { world_.start(node); });
        }
        schedule_send();
        if (!faults_.empty()) {
            schedule_fault();
        }
        world_.run_until(end_);
        calm_down();
        world_.run_until(end_ + seconds(6));
        world_.close_history();

        // Loss may break a ring at any time: then changes have a cause.
        world_.history().had_faults = !faults_.empty() || conditions_.loss_ppm > 0 || picky_;
        sim::Violations found = check_all(world_.history());
        for (const std::string& text : consensus_.found.texts) {
            found.add(text);
        }
        return found;
    }

  private:
    // The network has something against one type of packet.
    void lose_one_type() {
        const auto type = static_cast<std::uint8_t>(1 + prng_.below(6));
        const std::uint64_t percent = 3 + prng_.below(30);
        picky_ = true;
        world_.network().set_filter([this, type, percent](NodeId from, NodeId, Bytes datagram) {
            consensus_.see(from, datagram);
            return world_.now() < end_ && datagram.size() > 3 && datagram[3] == type &&
                   prng_.chance(percent, 100);
        });
    }

    NodeId any_node() { return NodeId(static_cast<ais_node_id>(1 + prng_.below(count_))); }

    void schedule_send() {
        world_.at(world_.now() + send_gap_ +
                      Duration(static_cast<std::int64_t>(
                          prng_.below(static_cast<std::uint64_t>(send_gap_.count())))),
                  [this] {
                      if (world_.now() >= end_) {
                          return;
                      }
                      send_some();
                      schedule_send();
                  });
    }

    void send_some() {
        const NodeId node = any_node();
        // A slow ring must not drown in what nobody could deliver in time.
        if (!world_.is_alive(node) || world_.backlog(node) > 200) {
            return;
        }
        const std::size_t burst = 1 + prng_.below(burst_max_);
        for (std::size_t i = 0; i < burst; ++i) {
            const totem::Guarantee guarantee = prng_.below(100) < safe_percent_
                                                   ? totem::Guarantee::safe
                                                   : totem::Guarantee::agreed;
            world_.send(node, guarantee, prng_.chance(1, 10) ? 1400 : 20 + prng_.below(100));
        }
    }

    void schedule_fault() {
        world_.at(world_.now() + fault_gap_ / 4 +
                      Duration(static_cast<std::int64_t>(
                          prng_.below(static_cast<std::uint64_t>(fault_gap_.count())))),
                  [this] {
                      if (world_.now() >= end_) {
                          return;
                      }
                      fail(faults_[prng_.below(faults_.size())]);
                      schedule_fault();
                  });
    }

    Duration a_while(std::uint64_t max_ms) { return milliseconds(1 + prng_.below(max_ms)); }

    void start_later(NodeId node) {
        const bool wiped = prng_.chance(1, 4);
        const Duration delay = a_while(prng_.chance(1, 3) ? 20 : 3000);
        world_.at(world_.now() + delay, [this, node, wiped] {
            if (!world_.is_alive(node)) {
                world_.start(node, wiped);
            }
        });
    }

    void fail(Fault fault) {
        const NodeId node = any_node();
        switch (fault) {
            case Fault::crash:
            case Fault::leave:
                if (world_.is_alive(node) && !world_.is_paused(node)) {
                    fault == Fault::crash ? world_.crash(node) : world_.leave(node);
                    start_later(node);
                }
                break;
            case Fault::pause:
                if (world_.is_alive(node) && !world_.is_paused(node)) {
                    world_.pause(node);
                    world_.at(world_.now() + a_while(prng_.chance(1, 2) ? 300 : 3000),
                              [this, node] { world_.resume(node); });
                }
                break;
            case Fault::partition: {
                std::vector<totem::Members> groups(2 + prng_.below(2));
                for (std::size_t i = 1; i <= count_; ++i) {
                    groups[prng_.below(groups.size())].insert(NodeId(static_cast<ais_node_id>(i)));
                }
                if (prng_.chance(1, 3)) {
                    world_.network().heal();
                } else {
                    world_.network().partition(groups);
                }
                break;
            }
            case Fault::one_way: {
                const NodeId to = any_node();
                world_.network().cut(node, to);
                world_.at(world_.now() + a_while(2000),
                          [this, node, to] { world_.network().mend(node, to); });
                break;
            }
            case Fault::burst_loss: {
                sim::Conditions bad = conditions_;
                bad.loss_ppm = static_cast<std::uint32_t>(100000 + prng_.below(700000));
                world_.network().set(bad);
                world_.at(world_.now() + a_while(200),
                          [this] { world_.network().set(conditions_); });
                break;
            }
            case Fault::congestion:
                world_.set_congested(node, true);
                world_.at(world_.now() + a_while(500),
                          [this, node] { world_.set_congested(node, false); });
                break;
            case Fault::count:
                break;
        }
    }

    // No more faults: everything is mended, everybody is there.
    void calm_down() {
        sim::Conditions good = conditions_;
        good.loss_ppm = std::min<std::uint32_t>(good.loss_ppm, 1000);
        good.reorder_ppm = 0;
        conditions_ = good;
        world_.network().set(good);
        world_.network().heal();
        for (std::size_t i = 1; i <= count_; ++i) {
            const NodeId node(static_cast<ais_node_id>(i));
            if (!world_.is_alive(node)) {
                world_.start(node);
            }
            if (world_.is_paused(node)) {
                world_.resume(node);
            }
            world_.set_congested(node, false);
        }
    }

    sim::World world_;
    Prng& prng_;
    std::size_t count_ = 0;
    sim::Conditions conditions_;
    std::vector<Fault> faults_;
    Duration fault_gap_{};
    Duration send_gap_{};
    std::uint64_t burst_max_ = 1;
    std::uint64_t safe_percent_ = 0;
    Instant end_{};
    bool picky_ = false;
    ConsensusWatch consensus_;
};

}  // namespace

sim::Violations swarm(std::uint64_t seed) {
    return Swarm(seed).run();
}

}  // namespace ais::mutation_test
