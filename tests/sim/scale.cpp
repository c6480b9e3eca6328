// SPDX-License-Identifier: BSD-3-Clause
//
// ais-scale: what a ring costs at each size; prints the tables of docs/SCALING.md.
//
//     ais-scale [--profile lan|fast] [--sizes N,N,…] [--trials N] [--transport udp|udpu]
//               [--window N] [--instructions]
//
// Times are virtual: bare engines, a switch with ports of 1 Gbit/s, and processors that spend a
// fixed time on each datagram (docs/SCALING.md states the model).  --instructions counts those
// of the engines while they are saturated, by running this program under callgrind.
// Exit status 1 if a ring did not form, or a lost node was not noticed.

#include "sim/engine_cluster.hpp"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <iomanip>
#include <iostream>
#include <sstream>
#include <string>
#include <vector>

#if __has_include(<valgrind/callgrind.h>)
#include <valgrind/callgrind.h>
#define AIS_HAS_CALLGRIND 1
#endif

namespace {

using namespace ais;
using namespace ais::sim;

// The model.  Why these: a rack with one switch; the work is about what sealing or opening 1,400
// bytes and a share of a batched system call take on a server of today.
constexpr microseconds delay(50);
constexpr microseconds jitter(30);
constexpr std::int64_t ns_per_byte = 8;
constexpr microseconds work(3);
constexpr std::size_t payload = 1000;

struct Wanted {
    const Profile* profile = &profiles[1];
    std::vector<std::size_t> sizes = {2, 3, 5, 8, 16, 32, 64, 128};
    std::size_t trials = 8;
    bool is_unicast = false;
    std::uint32_t window = 0;  // of the profile
    bool counts_instructions = false;
    std::size_t counted = 0;  // we are the one under callgrind: the size
};

Config config_for(const Wanted& wanted) {
    Config config = config_of(*wanted.profile);
    if (wanted.window != 0) {
        config.window_size = wanted.window;
        config.max_messages = std::max<std::uint32_t>(1, wanted.window / 2);
        config.accelerated_window = config.max_messages / 2;
        config.log_slots = std::size_t{12} * std::max<std::uint32_t>(wanted.window, 128);
    }
    return config;
}

EngineNetwork network_for(const Wanted& wanted) {
    return {delay, jitter, 0, ns_per_byte, wanted.is_unicast, work};
}

struct Sample {
    std::vector<Duration> all;
    void add(Duration time) { all.push_back(time); }
    // Milliseconds: median and worst.
    [[nodiscard]] std::string text() {
        if (all.empty()) {
            return "–";
        }
        std::sort(all.begin(), all.end());
        std::ostringstream to;
        const auto ms = [](Duration time) { return static_cast<double>(time.count()) / 1e6; };
        to << std::fixed << std::setprecision(ms(all.back()) < 10 ? 1 : 0)
           << ms(all[all.size() / 2]) << " / " << ms(all.back());
        return to.str();
    }
};

struct Membership {
    Sample form, cut, frozen, without, merge;
};

bool one_trial(const Wanted& wanted, std::size_t count, std::size_t trial, Membership& to) {
    Prng prng(count * 1000 + trial);
    const bool is_frozen = trial % 2 == 1;
    const bool is_busy = trial / 2 % 2 == 1;
    EngineCluster cluster(count, config_for(wanted), network_for(wanted), prng.next());
    const auto is_whole = [&] { return cluster.is_ring_of(count, count); };
    const Instant began = cluster.now;
    if (!cluster.run_while_not(is_whole, std::chrono::seconds(30))) {
        std::cerr << "no ring of " << count << '\n';
        return false;
    }
    to.form.add(cluster.now - began);

    const std::size_t victim = trial < 2 ? trial * (count - 1) : prng.below(count);
    Instant next = cluster.now;
    // Does not change whether it is done.
    const auto talk = [&](std::size_t silent) {
        if (is_busy && cluster.now >= next) {
            next = cluster.now + milliseconds(2);
            const std::size_t who = prng.below(count);
            cluster.send(who == silent ? (who + 1) % count : who);
        }
    };
    const auto run_for = [&](Duration time, std::size_t silent) {
        for (const Instant end = cluster.now + time; cluster.now < end;) {
            talk(silent);
            cluster.run_until(std::min(end, cluster.now + milliseconds(2)));
        }
    };
    run_for(milliseconds(1200) + microseconds(static_cast<int>(prng.below(200000))), count);
    const auto gathers = [&] {
        std::uint64_t sum = 0;
        for (std::size_t i = 0; i < count; ++i) {
            sum += i == victim ? 0 : cluster.nodes[i]->engine->stats().gathers;
        }
        return sum;
    };
    const auto before = gathers();
    const Instant fault = cluster.now;
    is_frozen ? cluster.pause(victim) : void(cluster.nodes[victim]->is_cut = true);
    const auto until = [&](auto done) {
        return cluster.run_while_not(
            [&] {
                talk(victim);
                return done();
            },
            std::chrono::seconds(30));
    };
    if (!until([&] { return gathers() != before; })) {
        std::cerr << "of " << count << " nodes nobody noticed that one was lost\n";
        return false;
    }
    const Instant noticed = cluster.now;
    (is_frozen ? to.frozen : to.cut).add(noticed - fault);
    if (!until([&] { return cluster.is_ring_of(count - 1, victim); })) {
        std::cerr << "no ring of " << count - 1 << '\n';
        return false;
    }
    to.without.add(cluster.now - noticed);
    run_for(milliseconds(1000), victim);
    const Instant mended = cluster.now;
    is_frozen ? cluster.resume(victim) : void(cluster.nodes[victim]->is_cut = false);
    if (!until(is_whole)) {
        std::cerr << "the lost one of " << count << " did not come back\n";
        return false;
    }
    to.merge.add(cluster.now - mended);
    return true;
}

struct Load {
    double idle_ms = 0;  // one rotation, with 500 messages/s of all together
    double full_ms = 0;  // and saturated
    double per_second = 0;
    double got = 0;   // bytes by a node's port, for each message
    double sent = 0;  // by all ports together
};

bool form(EngineCluster& cluster, std::size_t count) {
    if (cluster.run_while_not([&] { return cluster.is_ring_of(count, count); },
                              std::chrono::seconds(30))) {
        return true;
    }
    std::cerr << "no ring of " << count << '\n';
    return false;
}

bool measure_load(const Wanted& wanted, std::size_t count, Load& to) {
    EngineCluster cluster(count, config_for(wanted), network_for(wanted), count);
    if (!form(cluster, count)) {
        return false;
    }
    Prng prng(count);
    const auto ms = [](Duration time) { return static_cast<double>(time.count()) / 1e6; };
    const auto talk = [&](Duration time) {
        for (const Instant end = cluster.now + time; cluster.now < end;) {
            cluster.send(prng.below(count));
            cluster.run_until(cluster.now + milliseconds(2));
        }
    };
    EngineCluster::Node& one = *cluster.nodes[1];
    const auto tokens = [&] { return one.engine->stats().tokens; };
    talk(milliseconds(100));
    auto tokens_before = tokens();
    Instant began = cluster.now;
    talk(milliseconds(500));
    to.idle_ms = ms(cluster.now - began) / static_cast<double>(tokens() - tokens_before);

    cluster.message_size = payload;
    cluster.saturate();
    cluster.run_until(cluster.now + milliseconds(100));
    const auto sent = [&] {
        std::uint64_t sum = 0;
        for (const auto& node : cluster.nodes) {
            sum += node->bytes_sent;
        }
        return sum;
    };
    tokens_before = tokens();
    const auto sent_before = sent();
    const auto got_before = one.bytes_got;
    const auto delivered_before = one.delivered;
    began = cluster.now;
    const Duration time = milliseconds(300);
    cluster.run_until(began + time);
    const auto delivered = static_cast<double>(one.delivered - delivered_before);
    to.full_ms =
        ms(time) / static_cast<double>(std::max<std::uint64_t>(1, tokens() - tokens_before));
    to.per_second = delivered / (ms(time) / 1000);
    to.got = static_cast<double>(one.bytes_got - got_before) / delivered;
    to.sent = static_cast<double>(sent() - sent_before) / delivered;
    if (!cluster.is_ring_of(count, count)) {
        std::cerr << "the ring of " << count << " broke under load\n";
        return false;
    }
    return true;
}

// Under callgrind: form a ring, then count what its engines do for some messages.
int be_counted(const Wanted& wanted) {
    const std::size_t count = wanted.counted;
    EngineCluster cluster(count, config_for(wanted), network_for(wanted), count);
    if (!form(cluster, count)) {
        return 1;
    }
    cluster.message_size = payload;
    cluster.saturate();
    cluster.run_until(cluster.now + milliseconds(20));
#if defined(AIS_HAS_CALLGRIND)
    CALLGRIND_START_INSTRUMENTATION;
    cluster.toggle_meter = [] { CALLGRIND_TOGGLE_COLLECT; };
#endif
    const auto delivered = [&] {
        std::uint64_t sum = 0;
        for (const auto& node : cluster.nodes) {
            sum += node->delivered;
        }
        return sum;
    };
    const auto before = delivered();
    const std::uint64_t wanted_deliveries = std::max<std::uint64_t>(20000, 200 * count);
    while (delivered() - before < wanted_deliveries) {
        cluster.run_until(cluster.now + milliseconds(1));
    }
    cluster.toggle_meter = nullptr;
    std::cout << "deliveries " << delivered() - before << std::endl;
    return 0;
}

// For one delivery at one node; 0: could not be counted.
double instructions(const Wanted& wanted, const std::string& program, std::size_t count) {
    const std::string command =
        "valgrind --tool=callgrind --instr-atstart=no --collect-atstart=no "
        "--callgrind-out-file=/dev/null '" +
        program + "' --counted " + std::to_string(count) + " --profile " + wanted.profile->name +
        (wanted.window != 0 ? " --window " + std::to_string(wanted.window) : "") + " 2>&1";
    std::FILE* const from = popen(command.c_str(), "r");
    if (from == nullptr) {
        return 0;
    }
    double deliveries = 0;
    double collected = 0;
    char line[512];
    while (std::fgets(line, sizeof line, from) != nullptr) {
        if (std::strncmp(line, "deliveries ", 11) == 0) {
            deliveries = std::atof(line + 11);
        } else if (const char* at = std::strstr(line, "Collected : ")) {
            collected = std::atof(at + 12);
        }
    }
    return pclose(from) == 0 && deliveries > 0 ? collected / deliveries : 0;
}

int print_tables(const Wanted& wanted, const std::string& program) {
    const Config config = config_for(wanted);
    std::cout << "Profile " << wanted.profile->name << ", transport "
              << (wanted.is_unicast ? "udpu" : "udp") << ", window " << config.window_size << '/'
              << config.max_messages << '/' << config.accelerated_window << ", " << wanted.trials
              << " trials (4 of 128 nodes), virtual ms, median / worst\n\n"
              << "| nodes | form | notice cut | notice frozen | ring without it | merge again |\n"
              << "|---|---|---|---|---|---|\n";
    for (const std::size_t count : wanted.sizes) {
        Membership membership;
        const std::size_t trials =
            count > 64 ? std::min<std::size_t>(4, wanted.trials) : wanted.trials;
        for (std::size_t trial = 0; trial < trials; ++trial) {
            if (!one_trial(wanted, count, trial, membership)) {
                return 1;
            }
        }
        std::cout << "| " << count << " | " << membership.form.text() << " | "
                  << membership.cut.text() << " | " << membership.frozen.text() << " | "
                  << membership.without.text() << " | " << membership.merge.text() << " |"
                  << std::endl;
    }
    std::cout << "\n| nodes | rotation, 500 msg/s, ms | rotation, saturated, ms | messages of "
              << payload
              << " bytes/s | bytes each node gets per message | bytes all send per message | "
                 "engine instructions per delivery |\n|---|---|---|---|---|---|---|\n";
    for (const std::size_t count : wanted.sizes) {
        Load load;
        if (!measure_load(wanted, count, load)) {
            return 1;
        }
        const double counted =
            wanted.counts_instructions ? instructions(wanted, program, count) : 0;
        std::cout << "| " << count << std::fixed << std::setprecision(2) << " | " << load.idle_ms
                  << " | " << load.full_ms << std::setprecision(0) << " | " << load.per_second
                  << " | " << load.got << " | " << load.sent << " | ";
        (counted > 0 ? std::cout << counted : std::cout << "–") << " |" << std::endl;
    }
    return 0;
}

[[noreturn]] void usage() {
    std::cerr << "usage: ais-scale [--profile lan|fast] [--sizes N,N,...] [--trials N]\n"
                 "                 [--transport udp|udpu] [--window N] [--instructions]\n"
                 "sizes are 2 to "
              << Members::capacity << ", a window 2 to 65536; --instructions needs valgrind\n";
    std::exit(2);
}

Wanted parse(int argc, char** argv) {
    Wanted wanted;
    for (int i = 1; i < argc; ++i) {
        const std::string option = argv[i];
        if (option == "--instructions") {
            wanted.counts_instructions = true;
            continue;
        }
        if (++i == argc) {
            usage();
        }
        const std::string value = argv[i];
        if (option == "--profile") {
            wanted.profile = nullptr;
            for (const Profile& known : profiles) {
                wanted.profile = value == known.name ? &known : wanted.profile;
            }
        } else if (option == "--sizes") {
            wanted.sizes.clear();
            std::istringstream from(value);
            for (std::string size; std::getline(from, size, ',');) {
                wanted.sizes.push_back(static_cast<std::size_t>(std::atoi(size.c_str())));
            }
        } else if (option == "--trials") {
            wanted.trials = static_cast<std::size_t>(std::atoi(value.c_str()));
        } else if (option == "--transport" && (value == "udp" || value == "udpu")) {
            wanted.is_unicast = value == "udpu";
        } else if (option == "--window") {
            wanted.window = static_cast<std::uint32_t>(std::atoi(value.c_str()));
        } else if (option == "--counted") {
            wanted.counted = static_cast<std::size_t>(std::atoi(value.c_str()));
            wanted.sizes = {wanted.counted};
        } else {
            usage();
        }
    }
    const bool are_sizes = std::all_of(wanted.sizes.begin(), wanted.sizes.end(), [](auto size) {
        return size >= 2 && size <= Members::capacity;
    });
    if (wanted.profile == nullptr || wanted.sizes.empty() || !are_sizes || wanted.trials < 1 ||
        wanted.trials > 1000 || wanted.window == 1 || wanted.window > 65536) {
        usage();
    }
    return wanted;
}

}  // namespace

int main(int argc, char** argv) {
    const Wanted wanted = parse(argc, argv);
    return wanted.counted != 0 ? be_counted(wanted) : print_tables(wanted, argv[0]);
}
