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

#include "sim/engine_cluster.hpp"

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <iomanip>
#include <iostream>
#include <sstream>
#include <string>
#include <vector>

namespace {

using namespace ais;
using namespace ais::sim;

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
        EngineCluster cluster(
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
    EngineCluster cluster(
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
