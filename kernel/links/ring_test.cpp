// SPDX-License-Identifier: BSD-3-Clause
//
// A ring of engines on redundant links, with a clock and networks of the test's own, from a
// seed: as long as one link between every two nodes works, whatever happens to the others,
// nobody leaves, nothing is lost, and all deliver in one order.

#include "links/clear_seal_test.hpp"
#include "links/links.hpp"

#include "base/prng.hpp"
#include "totem/stats.hpp"

#include <gtest/gtest.h>

#include <map>
#include <string>
#include <tuple>
#include <vector>

namespace ais::links {
namespace {

using namespace std::chrono_literals;
using totem::LinkId;

class World;

// What node `from` has plugged into link `link`.
class Port final : public Transport {
  public:
    Port(World& world, std::size_t from, LinkId link) : world_(world), from_(from), link_(link) {}
    void send(std::optional<NodeId> to,
              totem::Traffic traffic,
              Bytes batch,
              std::size_t segment) override;
    [[nodiscard]] std::string_view address_of(NodeId) const override { return {}; }
    void learn(NodeId) override {}

  private:
    World& world_;
    std::size_t from_;
    LinkId link_;
};

class Processor final : public totem::Source, public totem::Effects, private Receiver {
  public:
    Processor(World& world, std::size_t index, std::size_t links, std::unique_ptr<Mode> mode);

    void start() {
        engine_->start(now(), *this);
        links_->flush();
        links_->start(now());
    }
    void hear(LinkId link, std::vector<std::uint8_t>& bytes) {
        links_->on_received(now(), link, bytes, {});
        links_->flush();
    }
    void expire() {
        engine_->expire(now(), *this);
        if (waiting_ > 0) {
            engine_->wake(now(), *this);
        }
        links_->flush();
        links_->expire(now());
    }
    [[nodiscard]] Instant deadline() const {
        return std::min(engine_->deadline().value_or(Instant::max()),
                        links_->deadline().value_or(Instant::max()));
    }
    void say(std::size_t messages) { waiting_ += messages; }
    [[nodiscard]] Instant now() const;

    // totem::Source
    [[nodiscard]] std::size_t backlog() const override { return waiting_; }
    std::size_t take(MutableBytes room, totem::Guarantee& guarantee) override {
        if (waiting_ == 0) {
            return 0;
        }
        --waiting_;
        guarantee = said_ % 3 == 0 ? totem::Guarantee::safe : totem::Guarantee::agreed;
        const std::string text =
            std::to_string(self_.value()) + "." + std::to_string(said_++) + std::string(200, 'x');
        copy_bytes(room.data(), as_bytes(text));
        return text.size();
    }
    // totem::Effects
    void emit(const totem::Effect& effect) override {
        if (const auto* what = std::get_if<totem::Transmit>(&effect)) {
            links_->transmit(*what);
        } else if (const auto* message = std::get_if<totem::Deliver>(&effect)) {
            delivered.emplace_back(as_text(message->payload));
        } else if (const auto* change = std::get_if<totem::Configure>(&effect)) {
            if (change->now->kind == totem::Configuration::Kind::regular) {
                ++configurations;
                members = change->now->members.size();
                links_->on_configuration(*change->now);
            }
        }
    }

    std::vector<std::string> delivered;
    int configurations = 0;
    std::size_t members = 0;
    [[nodiscard]] const Links& links() const { return *links_; }

  private:
    void on_datagram(LinkId link, NodeId sender, Bytes plain) override {
        engine_->receive(now(), link, sender, plain, *this);
    }

    World& world_;
    NodeId self_;
    ClearSeal seal_;
    std::vector<std::unique_ptr<Port>> ports_;
    std::unique_ptr<Links> links_;
    std::unique_ptr<totem::Engine> engine_;
    std::size_t waiting_ = 0;
    std::size_t said_ = 0;
};

class World {
  public:
    World(std::uint64_t seed, std::size_t nodes, std::size_t links, std::unique_ptr<Mode> (*mode)())
        : chance(seed), link_count(links) {
        for (std::size_t i = 0; i < nodes; ++i) {
            all.push_back(std::make_unique<Processor>(*this, i, links, mode()));
        }
        for (const auto& node : all) {
            node->start();
        }
    }

    void send(std::size_t from, LinkId link, std::optional<NodeId> to, Bytes datagram) {
        for (std::size_t i = 0; i < all.size(); ++i) {
            if (i == from || (to && to->value() != i + 1) || cut.contains({from, i, link})) {
                continue;
            }
            // A pair is FIFO on one link; links differ.
            const auto delay = std::chrono::microseconds(80 + 60 * link + chance.below(60));
            Instant& last = last_[{from, i, link}];
            last = std::max(last, now + delay);
            flying_.emplace(std::make_pair(last, ++serial_),
                            Flight{i, link, {datagram.begin(), datagram.end()}});
        }
    }

    void run(Duration time) {
        for (const Instant end = now + time;;) {
            Instant next = flying_.empty() ? end : flying_.begin()->first.first;
            for (const auto& node : all) {
                next = std::min(next, std::max(now, node->deadline()));
            }
            if (next >= end) {
                now = end;
                return;
            }
            now = next;
            if (!flying_.empty() && flying_.begin()->first.first <= now) {
                Flight flight = std::move(flying_.begin()->second);
                flying_.erase(flying_.begin());
                all[flight.to]->hear(flight.link, flight.bytes);
            }
            for (const auto& node : all) {
                if (node->deadline() <= now || node->backlog() > 0) {
                    node->expire();
                }
            }
        }
    }

    // Something happens to one link, between all nodes, around one, or in one direction.
    void break_link(LinkId link) {
        const auto kind = chance.below(3);
        const auto who = chance.below(all.size());
        const auto other = chance.below(all.size());
        for (std::size_t a = 0; a < all.size(); ++a) {
            for (std::size_t b = 0; b < all.size(); ++b) {
                if (kind == 0 || (kind == 1 && (a == who || b == who)) ||
                    (kind == 2 && a == who && b == other)) {
                    cut.insert({a, b, link});
                }
            }
        }
    }

    Prng chance;
    std::size_t link_count;
    Instant now{10s};
    std::set<std::tuple<std::size_t, std::size_t, LinkId>> cut;
    std::vector<std::unique_ptr<Processor>> all;

  private:
    struct Flight {
        std::size_t to;
        LinkId link;
        std::vector<std::uint8_t> bytes;
    };
    std::map<std::pair<Instant, std::uint64_t>, Flight> flying_;
    std::map<std::tuple<std::size_t, std::size_t, LinkId>, Instant> last_;
    std::uint64_t serial_ = 0;
};

void Port::send(std::optional<NodeId> to, totem::Traffic, Bytes batch, std::size_t segment) {
    for (; !batch.empty(); batch = batch.subspan(std::min(segment, batch.size()))) {
        world_.send(from_, link_, to, batch.first(std::min(segment, batch.size())));
    }
}

Processor::Processor(World& world, std::size_t index, std::size_t links, std::unique_ptr<Mode> mode)
    : world_(world), self_(static_cast<ais_node_id>(index + 1)), seal_(self_) {
    std::vector<LinkPort> ports;
    for (std::size_t link = 0; link < links; ++link) {
        ports_.push_back(std::make_unique<Port>(world, index, static_cast<LinkId>(link)));
        ports.push_back({static_cast<LinkId>(link), ports_.back().get()});
    }
    totem::Config config;
    config.window_size = 60;
    config.max_messages = 20;
    config.accelerated_window = 10;
    config.log_slots = std::size_t{16} * AIS_NODES_MAX;
    links_ = make_redundant(
        seal_, ports, std::move(mode), {}, *this, null_log(), self_, config.datagram_max);
    totem::Engine::Identity identity;
    identity.self = self_;
    identity.incarnation = 1000 + index;
    identity.seed = index + 1;
    engine_ = std::make_unique<totem::Engine>(config, identity, *this, null_log());
}

Instant Processor::now() const {
    return world_.now;
}

class RingOnLinks : public testing::TestWithParam<std::tuple<std::string, int>> {};

TEST_P(RingOnLinks, loses_nobody_and_nothing_while_one_link_of_each_pair_works) {
    const auto& [name, seed] = GetParam();
    const auto mode = name == "active" ? make_active : name == "passive" ? make_passive : make_best;
    const std::size_t nodes = 2 + static_cast<std::size_t>(seed) % 3;
    const std::size_t links = 2 + static_cast<std::size_t>(seed) % 2;
    World world(static_cast<std::uint64_t>(seed), nodes, links, mode);
    world.run(2s);
    for (const auto& node : world.all) {
        ASSERT_EQ(node->members, nodes);
    }
    std::vector<int> before;
    for (const auto& node : world.all) {
        before.push_back(node->configurations);
    }
    std::size_t said = 0;
    std::uint64_t falls = 0;
    for (int round = 0; round < 12; ++round) {
        // All links but one may be broken, and then others: the next one to stay was well before.
        world.cut.clear();
        world.run(std::chrono::milliseconds(world.chance.below(400)));
        const auto stays = static_cast<LinkId>(world.chance.below(links));
        for (std::size_t link = 0; link < links; ++link) {
            if (link != stays && world.chance.below(3) != 0) {
                world.break_link(static_cast<LinkId>(link));
            }
        }
        for (int i = 0; i < 4; ++i) {
            for (const auto& node : world.all) {
                const auto more = world.chance.below(30);
                node->say(more);
                said += more;
            }
            world.run(std::chrono::milliseconds(20 + world.chance.below(150)));
        }
    }
    world.cut.clear();
    world.run(1s);
    for (std::size_t i = 0; i < nodes; ++i) {
        EXPECT_EQ(world.all[i]->configurations, before[i]) << "node " << i + 1;
        EXPECT_EQ(world.all[i]->delivered.size(), said) << "node " << i + 1;
        EXPECT_EQ(world.all[i]->delivered, world.all[0]->delivered) << "node " << i + 1;
        for (std::size_t link = 0; link < links; ++link) {
            falls += world.all[i]->links().stats(static_cast<LinkId>(link)).falls;
        }
    }
    EXPECT_GT(falls, 0U);  // it was no peaceful world
}

INSTANTIATE_TEST_SUITE_P(,
                         RingOnLinks,
                         testing::Combine(testing::Values("none", "passive", "active"),
                                          testing::Range(1, 13)),
                         [](const auto& one) {
                             return std::get<0>(one.param) + "_seed_" +
                                    std::to_string(std::get<1>(one.param));
                         });

}  // namespace
}  // namespace ais::links
