// SPDX-License-Identifier: BSD-3-Clause
//
// Changes that are struck by the next one at the worst moment: when the first
// member has installed a ring and the others have not.  Only then does it
// matter what a node owes to others that relied on it (kernel/totem/recovery.cpp).
//
// Nobody hears the data of one node, so that the ring ends with holes, and then
// it dies or is cut off; others miss this and that.  As soon as somebody has
// installed the next ring every path is cut for a moment, so that the rest
// does not get so far; and then the nodes find together in another company.

#include "mutation/cases.hpp"
#include "mutation/consensus_watch.hpp"
#include "sim/world.hpp"
#include "totem/packet.hpp"

#include <algorithm>
#include <set>

namespace ais::mutation_test {

namespace {

using std::chrono::microseconds;
using std::chrono::milliseconds;
using std::chrono::seconds;

class Cascade final : sim::World::Watcher {
  public:
    explicit Cascade(std::uint64_t seed) : world_(seed), prng_(world_.prng()) {
        count_ = 3 + prng_.below(4);
        totem::Config config;
        config.window_size = 50;
        config.max_messages = static_cast<std::uint32_t>(5 + prng_.below(20));
        config.accelerated_window = prng_.chance(1, 2) ? 0 : config.max_messages / 2;
        config.log_slots = 12 * 256;
        world_.configure(config);
        world_.watch(this);
        world_.network().set_filter([this](NodeId from, NodeId to, Bytes datagram) {
            consensus_.see(from, datagram);
            strike_in_recovery(datagram);
            return datagram[3] == 1 &&
                   (from == mute_ || (deaf_.contains(to) && prng_.below(100) < loss_percent_));
        });
    }

    sim::Violations run() {
        for (std::size_t i = 1; i <= count_; ++i) {
            world_.start(node(i));
        }
        world_.run_until(world_.now() + seconds(1));
        for (int round = 0; round < 12; ++round) {
            disturb();
        }
        is_armed_ = false;
        mend();
        world_.run_until(world_.now() + seconds(5));
        world_.close_history();
        sim::Violations found = check_all(world_.history());
        for (const std::string& text : consensus_.found.texts) {
            found.add(text);
        }
        return found;
    }

  private:
    static NodeId node(std::size_t number) { return NodeId(static_cast<ais_node_id>(number)); }
    NodeId any() { return node(1 + prng_.below(count_)); }

    void send_some() {
        const std::size_t many = 2 + prng_.below(12);
        for (std::size_t i = 0; i < many; ++i) {
            const NodeId from = any();
            if (world_.is_alive(from) && world_.backlog(from) < 30) {
                world_.send(from,
                            prng_.chance(2, 3) ? totem::Guarantee::safe : totem::Guarantee::agreed,
                            30);
            }
        }
    }

    void split() {
        std::vector<totem::Members> groups(2);
        for (std::size_t i = 1; i <= count_; ++i) {
            groups[prng_.below(2)].insert(node(i));
        }
        world_.network().partition(groups);
    }

    void crash(NodeId victim) {
        if (world_.is_alive(victim) && world_.living().size() > 2) {
            world_.crash(victim);
        }
    }

    void disturb() {
        deaf_.clear();
        loss_percent_ = 20 + prng_.below(81);
        if (prng_.chance(1, 2)) {
            deaf_.insert(any());
        }
        mute_ = prng_.chance(3, 4) ? any() : NodeId();
        send_some();
        world_.run_until(world_.now() + microseconds(prng_.below(8000)));
        send_some();
        world_.run_until(world_.now() + microseconds(prng_.below(2000)));
        if (mute_.is_valid() && prng_.chance(2, 3)) {
            crash(mute_);
        } else {
            prng_.chance(1, 2) ? split() : crash(any());
        }
        mute_ = NodeId();
        if (prng_.chance(1, 2)) {
            deaf_.clear();
        }
        is_armed_ = true;
        strikes_ = 1 + prng_.below(3);
        recovered_ = prng_.chance(1, 2) ? 1 + prng_.below(40) : 0;
        world_.run_until(world_.now() + milliseconds(1000 + prng_.below(2500)));
        is_armed_ = false;
        if (prng_.chance(2, 3)) {
            mend();
            world_.run_until(world_.now() + milliseconds(prng_.below(1200)));
        }
    }

    void mend() {
        deaf_.clear();
        world_.network().heal();
        for (std::size_t i = 1; i <= count_; ++i) {
            if (!world_.is_alive(node(i))) {
                world_.start(node(i), prng_.chance(1, 4));
            }
        }
    }

    void strike() {
        std::vector<totem::Members> alone(count_);
        for (std::size_t i = 1; i <= count_; ++i) {
            alone[i - 1].insert(node(i));
        }
        world_.network().partition(alone);
        if (recovered_ == 0 && prng_.chance(1, 2)) {
            recovered_ = 1 + prng_.below(12);  // the next exchange is struck, too
        }
        const NodeId victim = prng_.chance(1, 2) ? any() : NodeId();
        world_.at(world_.now() + milliseconds(prng_.below(700)), [this, victim] {
            if (is_armed_) {
                crash(victim);
                split();
            }
        });
    }

    // Now and then amid the exchange, not at its end.
    void strike_in_recovery(Bytes datagram) {
        totem::Message message;
        if (!is_armed_ || strikes_ == 0 || recovered_ == 0 || datagram[3] != 1 ||
            !decode(datagram.subspan(totem::PacketHeader::size), message) ||
            !message.encapsulated) {
            return;
        }
        if (--recovered_ == 0) {
            --strikes_;
            world_.at(world_.now(), [this] { strike(); });
        }
    }

    void on_configure(NodeId, const totem::Configuration& now) override {
        if (now.kind != totem::Configuration::Kind::regular || !is_armed_ || strikes_ == 0 ||
            now.members.size() < 2 || !known_.insert(now.ring).second || prng_.chance(1, 4)) {
            return;
        }
        --strikes_;
        strike();
    }
    void on_deliver(NodeId, const totem::Deliver&, Bytes) override {}

    sim::World world_;
    Prng& prng_;
    ConsensusWatch consensus_;
    std::size_t count_ = 0;
    std::set<NodeId> deaf_;
    NodeId mute_;
    std::uint64_t loss_percent_ = 0;
    bool is_armed_ = false;
    std::uint64_t strikes_ = 0;
    std::uint64_t recovered_ = 0;  // datagrams of Recovery until a strike; 0: none
    std::set<totem::RingId> known_;
};

}  // namespace

sim::Violations cascade(std::uint64_t seed) {
    return Cascade(seed).run();
}

}  // namespace ais::mutation_test
