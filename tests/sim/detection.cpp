// SPDX-License-Identifier: BSD-3-Clause
//
// ais-detection: how soon a lost node is noticed, and whether a living one is left out.
//
//     ais-detection --table PROFILE [--trials N]     cut and frozen nodes, 2 to 64 members
//     ais-detection --quiet HOURS [--nodes N] [--seed S] [--pause MS]
//
// The table: one member is cut off, or frozen, at a random moment, on an idle ring and on
// one in use; printed are the times until a survivor gives it up and until all have
// installed the ring without it, median and worst of the trials.  Exit status 1 if a worst
// one exceeds detection_time.
//
// Quiet: members that live all the time, with 1 % loss, delays of up to 20 ms, pauses of MS (100)
// and a little traffic.  Exit status 1 if anybody was left out.
//
// Only engines and a queue of events: docs/protocol/detection.md is what is measured here.

#include "base/prng.hpp"
#include "totem/engine.hpp"
#include "totem/stats.hpp"

#include <ais/codec.hpp>

#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <iomanip>
#include <iostream>
#include <memory>
#include <queue>
#include <string>
#include <vector>

namespace {

using namespace ais;
using namespace ais::totem;
using std::chrono::microseconds;
using std::chrono::milliseconds;

struct Profile {
    const char* name;
    int detection, token, retransmit, hold, join, consensus, merge;  // ms
};
// As kernel/config/settings.cpp derives them (kernel/settings_test.cpp holds them together).
constexpr Profile profiles[] = {{"fast", 100, 200, 18, 10, 4, 48, 200},
                                {"lan", 500, 1000, 90, 100, 20, 240, 200}};

Config config_of(const Profile& profile) {
    Config config;
    config.detection_time = milliseconds(profile.detection);
    config.token_timeout = milliseconds(profile.token);
    config.token_retransmit_timeout = milliseconds(profile.retransmit);
    config.hold_timeout = milliseconds(profile.hold);
    config.join_timeout = milliseconds(profile.join);
    config.consensus_timeout = milliseconds(profile.consensus);
    config.merge_timeout = milliseconds(profile.merge);
    config.window_size = 128;
    config.log_slots = 12 * 128;
    return config;
}

struct Network {
    Duration delay{};
    Duration jitter{};
    std::uint32_t loss_ppm = 0;
};

class Cluster {
  public:
    struct Node final : Source, Effects {
        Node(Cluster& of, NodeId self) : cluster(of), id(self) {}
        [[nodiscard]] std::size_t backlog() const override { return waiting; }
        std::size_t take(MutableBytes room, Guarantee&) override {
            if (waiting == 0) {
                return 0;
            }
            --waiting;
            std::fill_n(room.begin(), 64, std::uint8_t{7});
            return 64;
        }
        void emit(const Effect& effect) override {
            if (const auto* what = std::get_if<Transmit>(&effect)) {
                cluster.transmit(id, *what);
            } else if (const auto* configure = std::get_if<Configure>(&effect)) {
                if (configure->now->kind == Configuration::Kind::regular) {
                    ++cluster.changes;
                    cluster.left += configure->now->members.size() < cluster.nodes.size() ? 1 : 0;
                }
            }
        }
        Cluster& cluster;
        NodeId id;
        std::unique_ptr<Engine> engine;
        std::size_t waiting = 0;
        bool is_paused = false;
        bool is_cut = false;
        Instant armed = Instant::max();
        std::deque<std::pair<NodeId, std::shared_ptr<const std::string>>> queued;
    };

    Cluster(std::size_t count, const Config& config, const Network& network, std::uint64_t seed)
        : network_(network), prng_(seed) {
        for (std::size_t i = 1; i <= count; ++i) {
            const NodeId id(static_cast<ais_node_id>(i));
            nodes.push_back(std::make_unique<Node>(*this, id));
            Engine::Identity identity;
            identity.self = id;
            identity.incarnation = prng_.next() | 1;
            identity.seed = prng_.next();
            nodes.back()->engine =
                std::make_unique<Engine>(config, identity, *nodes.back(), null_log());
        }
        for (auto& node : nodes) {
            node->engine->start(now, *node);
            rearm(*node);
        }
    }

    void run_until(Instant end) {
        while (!events_.empty() && events_.top().at <= end) {
            const Event event = events_.top();
            events_.pop();
            now = std::max(now, event.at);
            Node& node = *nodes[event.to];
            if (!event.datagram) {
                if (node.armed == event.at && !node.is_paused) {
                    node.armed = Instant::max();
                    node.engine->expire(now, node);
                    rearm(node);
                }
            } else if (node.is_paused) {
                if (node.queued.size() < 400) {
                    node.queued.emplace_back(event.from, event.datagram);
                }
            } else {
                node.engine->receive(now, 0, event.from, as_bytes(*event.datagram), node);
                rearm(node);
            }
        }
        now = std::max(now, end);
    }

    template <typename Done>
    bool run_while_not(Done done, Duration limit) {
        const Instant end = now + limit;
        while (!done()) {
            if (now >= end) {
                return false;
            }
            run_until(now + microseconds(100));
        }
        return true;
    }

    bool is_ring_of(std::size_t count, std::size_t without) const {
        for (std::size_t i = 0; i < nodes.size(); ++i) {
            const auto& engine = *nodes[i]->engine;
            if (i != without &&
                (!engine.is_operational() || engine.configuration().members.size() != count)) {
                return false;
            }
        }
        return true;
    }

    void send(std::size_t at) {
        Node& node = *nodes[at];
        ++node.waiting;
        if (!node.is_paused) {
            node.engine->wake(now, node);
            rearm(node);
        }
    }

    void pause(std::size_t at) { nodes[at]->is_paused = true; }

    void resume(std::size_t at) {
        Node& node = *nodes[at];
        node.is_paused = false;
        if (prng_.chance(1, 2)) {
            node.engine->expire(now, node);
        }
        auto queued = std::move(node.queued);
        node.queued.clear();
        for (const auto& [from, datagram] : queued) {
            node.engine->receive(now, 0, from, as_bytes(*datagram), node);
        }
        node.engine->expire(now, node);
        node.engine->wake(now, node);
        node.armed = Instant::max();
        rearm(node);
    }

    std::vector<std::unique_ptr<Node>> nodes;
    Instant now{std::chrono::seconds(1)};
    std::uint64_t changes = 0;  // regular configurations
    std::uint64_t left = 0;     // of these, with less than all
    std::uint64_t datagrams = 0;

  private:
    struct Event {
        Instant at;
        std::uint64_t order = 0;
        std::size_t to = 0;
        NodeId from;
        std::shared_ptr<const std::string> datagram;  // none: a timer
        bool operator<(const Event& other) const {
            return at != other.at ? at > other.at : order > other.order;
        }
    };

    void rearm(Node& node) {
        const auto at = node.engine->deadline();
        if (node.is_paused || !at || (node.armed <= *at && node.armed >= now)) {
            return;
        }
        node.armed = std::max(*at, now);
        events_.push({node.armed, ++order_, node.id.value() - 1, {}, nullptr});
    }

    void transmit(NodeId from, const Transmit& what) {
        std::shared_ptr<const std::string> bytes;
        const Node& sender = *nodes[from.value() - 1];
        for (auto& node : nodes) {
            if (node->id == from || (what.to && *what.to != node->id) || sender.is_cut ||
                node->is_cut || prng_.chance(network_.loss_ppm, 1000000)) {
                continue;
            }
            if (!bytes) {
                bytes = std::make_shared<const std::string>(as_text(what.datagram));
            }
            ++datagrams;
            const auto extra = prng_.below(static_cast<std::uint64_t>(network_.jitter.count()) + 1);
            events_.push({now + network_.delay + Duration(static_cast<std::int64_t>(extra)),
                          ++order_,
                          node->id.value() - 1,
                          from,
                          bytes});
        }
    }

    Network network_;
    Prng prng_;
    std::uint64_t order_ = 0;
    std::priority_queue<Event> events_;
};

struct Times {
    std::vector<Duration> all;
    Duration median() {
        std::sort(all.begin(), all.end());
        return all[all.size() / 2];
    }
    Duration worst() { return *std::max_element(all.begin(), all.end()); }
};

std::string show(Duration time) {
    std::ostringstream text;
    text << std::fixed << std::setprecision(1)
         << static_cast<double>(std::chrono::duration_cast<microseconds>(time).count()) / 1000;
    return text.str();
}

bool measure(const Profile& profile, std::size_t count, bool is_frozen, bool is_busy, int trials) {
    Times noticed;
    Times installed;
    Prng prng(count * 4 + (is_frozen ? 2 : 0) + (is_busy ? 1 : 0));
    for (int trial = 0; trial < trials; ++trial) {
        Cluster cluster(
            count, config_of(profile), {microseconds(50), microseconds(30), 0}, prng.next());
        const auto all = [&] { return cluster.is_ring_of(count, count); };
        if (!cluster.run_while_not(all, std::chrono::seconds(20))) {
            std::cerr << "no ring of " << count << '\n';
            return false;
        }
        // The representative, its neighbours and anybody are victims in turn.
        const std::size_t victim =
            trial < 2 ? static_cast<std::size_t>(trial) * (count - 1) : prng.below(count);
        const Instant fault =
            cluster.now + milliseconds(1500) + microseconds(static_cast<int>(prng.below(200000)));
        for (Instant at = cluster.now; at < fault; at += milliseconds(2)) {
            cluster.run_until(at);
            if (is_busy) {
                cluster.send(prng.below(count));
            }
        }
        cluster.run_until(fault);
        const auto gathers = [&] {
            std::uint64_t sum = 0;
            for (std::size_t i = 0; i < count; ++i) {
                sum += i == victim ? 0 : cluster.nodes[i]->engine->stats().gathers;
            }
            return sum;
        };
        const auto before = gathers();
        is_frozen ? cluster.pause(victim) : void(cluster.nodes[victim]->is_cut = true);
        Instant next = cluster.now;
        const auto step = [&] {
            if (is_busy && cluster.now >= next) {
                next += milliseconds(2);
                cluster.send((victim + 1 + prng.below(count - 1)) % count);
            }
        };
        const bool is_noticed = cluster.run_while_not(
            [&] {
                step();
                return gathers() != before;
            },
            std::chrono::seconds(10));
        noticed.all.push_back(cluster.now - fault);
        const bool is_installed = cluster.run_while_not(
            [&] {
                step();
                return cluster.is_ring_of(count - 1, victim);
            },
            std::chrono::seconds(10));
        installed.all.push_back(cluster.now - fault);
        if (!is_noticed || !is_installed) {
            std::cerr << "no new ring of " << count - 1 << '\n';
            return false;
        }
    }
    const bool is_good = installed.worst() <= milliseconds(profile.detection);
    std::cout << std::setw(5) << profile.name << std::setw(5) << count << std::setw(8)
              << (is_frozen ? "frozen" : "cut") << std::setw(6) << (is_busy ? "busy" : "idle")
              << std::setw(10) << show(noticed.median()) << std::setw(8) << show(noticed.worst())
              << std::setw(10) << show(installed.median()) << std::setw(8)
              << show(installed.worst()) << (is_good ? "" : "  too late") << std::endl;
    return is_good;
}

int table(const Profile& profile, int trials) {
    std::cout << "                         noticed, ms       new ring, ms\n"
                 "                        median   worst    median   worst   of "
              << trials << " trials\n";
    bool is_good = true;
    for (const std::size_t count : {2, 3, 5, 8, 16, 32, 64}) {
        for (const bool is_frozen : {false, true}) {
            for (const bool is_busy : {false, true}) {
                is_good = measure(profile, count, is_frozen, is_busy, trials) && is_good;
            }
        }
    }
    return is_good ? 0 : 1;
}

int quiet(double hours, std::size_t count, std::uint64_t seed, int pause) {
    Cluster cluster(
        count, config_of(profiles[1]), {microseconds(50), milliseconds(20), 10000}, seed);
    if (!cluster.run_while_not([&] { return cluster.is_ring_of(count, count); },
                               std::chrono::seconds(60))) {
        std::cerr << "no ring of " << count << '\n';
        return 1;
    }
    cluster.changes = cluster.left = 0;
    Prng prng(seed + 1);
    const Instant end = cluster.now + Duration(static_cast<std::int64_t>(hours * 3600e9));
    std::uint64_t pauses = 0;
    std::uint64_t messages = 0;
    // Each second somebody pauses; every other minute has some messages.
    while (cluster.now < end) {
        const Instant second = cluster.now;
        const std::size_t who = prng.below(count);
        const auto begins = second + microseconds(static_cast<int>(prng.below(900000)));
        const bool is_busy = (second.time_since_epoch() / std::chrono::minutes(1)) % 2 == 0;
        for (int i = 0; is_busy && i < 2; ++i) {
            cluster.send(prng.below(count));
            ++messages;
        }
        cluster.run_until(begins);
        cluster.pause(who);
        ++pauses;
        cluster.run_until(begins + milliseconds(pause));
        cluster.resume(who);
        cluster.run_until(std::max(cluster.now, second + std::chrono::seconds(1)));
    }
    std::uint64_t exclusions = 0;
    std::uint64_t suspicions = 0;
    std::uint64_t probes = 0;
    for (const auto& node : cluster.nodes) {
        exclusions += node->engine->stats().exclusions;
        suspicions += node->engine->stats().suspicions;
        probes += node->engine->stats().probes_sent;
    }
    std::cout << hours << " h, " << count << " nodes, seed " << seed << ": " << cluster.datagrams
              << " datagrams, " << messages << " messages, " << pauses << " pauses, " << probes
              << " probes, " << suspicions << " suspicions, " << exclusions << " exclusions, "
              << cluster.left << " configurations without a living node, " << cluster.changes
              << " in all\n";
    return exclusions == 0 && cluster.left == 0 ? 0 : 1;
}

[[noreturn]] void usage() {
    std::cerr << "usage: ais-detection --table fast|lan [--trials N]\n"
                 "       ais-detection --quiet HOURS [--nodes N] [--seed S] [--pause MS]\n";
    std::exit(2);
}

}  // namespace

int main(int argc, char** argv) {
    const Profile* profile = nullptr;
    double hours = 0;
    int trials = 12;
    std::size_t nodes = 5;
    std::uint64_t seed = 1;
    int pause = 100;
    for (int i = 1; i + 1 < argc; i += 2) {
        const std::string option = argv[i];
        const char* const value = argv[i + 1];
        if (option == "--table") {
            for (const Profile& known : profiles) {
                profile = std::strcmp(known.name, value) == 0 ? &known : profile;
            }
        } else if (option == "--quiet") {
            hours = std::atof(value);
        } else if (option == "--trials") {
            trials = std::atoi(value);
        } else if (option == "--nodes") {
            nodes = static_cast<std::size_t>(std::atoi(value));
        } else if (option == "--seed") {
            seed = static_cast<std::uint64_t>(std::atoll(value));
        } else if (option == "--pause") {
            pause = std::atoi(value);
        } else {
            usage();
        }
    }
    if (argc % 2 == 0 || (profile == nullptr) == (hours <= 0) || trials < 1 || pause < 0 ||
        nodes < 2 || nodes > Members::capacity) {
        usage();
    }
    return profile != nullptr ? table(*profile, trials) : quiet(hours, nodes, seed, pause);
}
