// SPDX-License-Identifier: BSD-3-Clause

#include "sim/story.hpp"

#include "sim/cluster.hpp"
#include "sim/spare_link.hpp"

#include <algorithm>
#include <bit>
#include <iomanip>
#include <memory>
#include <sstream>

namespace ais::sim {

namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

// How long a cluster may take to become whole and to settle.  Far above what it needs; what it took
// is in the outcome.
constexpr Duration settle_max = seconds(30);
// Why longer: 62 nodes with a window of one datagram, on paths of 27 ms, need more for what they
// had waiting (seeds 7004231, 7063843).
constexpr Duration settle_max_narrow = seconds(120);
constexpr std::size_t many_nodes = 30;
constexpr std::uint32_t narrow_window = 2;
// In step with no interval that a plan may choose (comparisons of replicas, for one).
constexpr Duration settle_step = milliseconds(47);
// What is on its way when all has settled arrives.
constexpr Duration last_step = milliseconds(500);
constexpr Duration quiet_step = milliseconds(1);
constexpr int quiet_steps_max = 5000;
// Nodes start within so long.
constexpr Duration start_spread = milliseconds(400);
// Datagrams kept, if the faults want old ones.
constexpr std::size_t kept_max = 256;

const ais_plugin* find_plugin(std::string_view name, std::span<const ais_plugin* const> plugins) {
    const auto at = std::find_if(plugins.begin(), plugins.end(), [&](const ais_plugin* plugin) {
        return plugin->name == name;
    });
    return at != plugins.end() ? *at : nullptr;
}

// The backend for crypto, and what the workload wants.
std::vector<std::string> plugins_of(const Plan& plan) {
    std::vector<std::string> names = {plan.seal == SealKind::plain   ? "crypto_none"
                                      : plan.seal == SealKind::quick ? "crypto_quick"
                                                                     : "crypto_sodium"};
    for (const char* const* name = plan.workload->plugins; name != nullptr && *name != nullptr;
         ++name) {
        names.emplace_back(*name);
    }
    return names;
}

// Loss may break a ring at any time, and so may what comes late.
bool is_fair(const Conditions& weather) {
    return weather.loss_ppm == 0 && weather.burst_begin_ppm == 0 && weather.tail_ppm == 0 &&
           weather.reorder_ppm == 0 && weather.bandwidth == 0;
}

MachineSettings settings_of(const Plan& plan, std::span<const ais_plugin* const> plugins) {
    MachineSettings settings;
    settings.totem = plan.totem;
    settings.compare = plan.compare;
    settings.ipc.message_max = plan.workload->message_max;
    settings.ipc.header_room = 4U << 10;
    const std::size_t frame = ipc::frame_space(settings.ipc.message_max + settings.ipc.header_room);
    settings.ipc.request_ring = settings.ipc.response_ring = settings.ipc.event_ring =
        std::bit_ceil(2 * frame);
    settings.ipc.outbox_max = 16 * frame;
    // Room for a chunk of the exchange of snapshots, as in a real executive, whatever clients may
    // send.
    settings.group.message_max =
        std::max<std::size_t>(settings.ipc.message_max + settings.ipc.header_room, 68U << 10);
    settings.group.queue_max = 4 * settings.group.message_max;
    settings.links = plan.conditions.size();
    settings.mode = plan.mode;
    settings.is_multicast = plan.is_multicast;
    settings.ciphers = plan.ciphers;
    settings.is_sealed = plan.seal != SealKind::plain;
    for (const std::string& name : plugins_of(plan)) {
        settings.plugins.push_back({find_plugin(name, plugins), {}});
    }
    return settings;
}

class Run {
  public:
    Run(const Plan& plan, std::span<const ais_plugin* const> plugins, const Watching& watching)
        : plan_(plan),
          watching_(watching),
          workload_(plan.workload->make()),
          cluster_(plan.seed, plan.nodes, settings_of(plan, plugins), watching.trace),
          active_(plan.faults.size(), false),
          spare_(plan.conditions.size()) {
        for (std::size_t link = 0; link < plan.conditions.size(); ++link) {
            cluster_.network().set(static_cast<totem::LinkId>(link), plan.conditions[link]);
            if (!is_fair(plan.conditions[link])) {
                spare_.begin({}, link);
            }
        }
        cluster_.set_workload(*workload_);
        cluster_.set_coverage(watching.coverage);
    }

    Outcome play() {
        cluster_.tell({}, "plan", plan_.to_text());
        workload_->setup(cluster_);
        workload_->start(cluster_);
        schedule_starts();
        schedule_faults();
        run_to_the_end();
        calm_down();
        const Duration settled_after = settle();
        cluster_.close();
        if (cluster_.is_whole()) {
            workload_->check(cluster_);
        }

        // What comes back is a cause, and so is what happened to every link.
        cluster_.history().had_faults = cluster_.stats().ends > 0 || !spare_.held();
        judge_paths();
        Outcome outcome;
        outcome.violations = check_all(cluster_.history());
        for (const std::string& text : cluster_.violations()) {
            outcome.violations.texts.push_back(text);
        }
        outcome.digest = cluster_.history().digest();
        outcome.settled_after = settled_after;
        outcome.simulated = cluster_.age();
        outcome.events = cluster_.stats().events;
        outcome.about = about(settled_after);
        for (const std::string& text : outcome.violations.texts) {
            cluster_.tell({}, "judgement", text);
        }
        return outcome;
    }

  private:
    void schedule_starts() {
        // Together, or one after the other.
        const auto spread_us = static_cast<std::uint64_t>(
            plan_.faults.empty() ? 5000 : start_spread / std::chrono::microseconds(1));
        for (std::size_t i = 1; i <= plan_.nodes; ++i) {
            const NodeId node(static_cast<ais_node_id>(i));
            const auto at = std::chrono::microseconds(cluster_.prng().below(spread_us));
            cluster_.at(at, [this, node] {
                if (!cluster_.is_up(node.value())) {
                    cluster_.start(node, false);
                }
            });
        }
    }

    void schedule_faults() {
        for (std::size_t i = 0; i < plan_.faults.size(); ++i) {
            const Fault& fault = plan_.faults[i];
            if (fault.kind == find_nemesis("replay") || fault.kind == find_nemesis("garbage")) {
                cluster_.keep_for_replay(kept_max);
            }
            cluster_.at(fault.at, [this, i] { begin(i); });
        }
    }

    void begin(std::size_t i) {
        const Fault& fault = plan_.faults[i];
        if (cluster_.is_traced()) {
            std::ostringstream text;
            text << fault.to_text() << " for " << std::fixed << std::setprecision(6)
                 << std::chrono::duration<double>(fault.length).count() << " s";
            cluster_.tell({}, "fault", text.view());
        }
        if (!fault.kind->begin(cluster_, fault)) {
            cluster_.tell({}, "fault", "makes no sense now");
            return;
        }
        ++begun_;
        if (fault.kind->link_at < 0) {
            if (fault.kind != find_nemesis("replace")) {  // a replacement is no cause
                spare_.give_up();
            }
        } else {
            spare_.begin(cluster_.age(), link_of(fault, plan_.conditions.size()));
        }
        if (fault.kind->end != nullptr) {
            active_[i] = true;
            cluster_.at(fault.at + fault.length, [this, i] { end(i); });
        }
    }

    void end(std::size_t i) {
        if (active_[i]) {
            active_[i] = false;
            if (cluster_.is_traced()) {
                cluster_.tell({}, "fault ends", plan_.faults[i].to_text());
            }
            const Fault& fault = plan_.faults[i];
            fault.kind->end(cluster_, fault);
            if (fault.kind->link_at >= 0) {
                spare_.end(cluster_.age(), link_of(fault, plan_.conditions.size()));
            }
        }
    }

    void run_to_the_end() {
        Duration next{};
        while (next < plan_.length) {
            next = std::min<Duration>(next + std::chrono::minutes(1), plan_.length);
            cluster_.run_until(next);
            if (watching_.progress) {
                watching_.progress(next);
            }
        }
    }

    // No more faults: everything is mended, everybody is there, the weather is fair.
    void calm_down() {
        cluster_.tell({}, "calm", "everything is mended");
        for (std::size_t i = 0; i < plan_.faults.size(); ++i) {
            end(i);
        }
        for (std::size_t link = 0; link < plan_.conditions.size(); ++link) {
            Conditions good = plan_.conditions[link];
            good.loss_ppm = std::min<std::uint32_t>(good.loss_ppm, 1000);
            good.reorder_ppm = 0;
            good.burst_begin_ppm = 0;
            cluster_.network().set(static_cast<totem::LinkId>(link), good);
        }
        cluster_.network().heal();
        for (std::size_t i = 1; i <= plan_.nodes; ++i) {
            const NodeId node(static_cast<ais_node_id>(i));
            cluster_.machine(node).resume();
            if (!cluster_.machine(node).is_up()) {
                cluster_.start(node, false);
            }
        }
        cluster_.set_calm();
    }

    [[nodiscard]] Duration longest_settling() const {
        return plan_.nodes > many_nodes && plan_.totem.window_size <= narrow_window
                   ? settle_max_narrow
                   : settle_max;
    }

    // What late datagrams of the faults have broken once more must become whole as well, and those
    // who are told of it must have heard: whole is a cluster one step before its clients know.
    Duration settle() {
        const Duration begin = cluster_.age();
        const Duration end = begin + longest_settling();
        bool in_time = wait_until_settled(end);
        const Duration took = cluster_.age() - begin;
        for (rest(); in_time && !is_settled(); rest()) {
            in_time = wait_until_settled(end);
        }
        return took;
    }

    [[nodiscard]] bool is_settled() {
        return cluster_.is_whole() && workload_->is_settled(cluster_);
    }

    // False: it took too long, which is a failure.
    bool wait_until_settled(Duration end) {
        while (!is_settled()) {
            if (cluster_.age() >= end) {
                const std::string why = cluster_.why_not_whole();
                cluster_.fail("settling: " + std::to_string(longest_settling() / seconds(1)) +
                              " s after the last fault " +
                              (why.empty() ? std::string("the workload still waits") : why));
                return false;
            }
            cluster_.run_until(cluster_.age() + settle_step);
        }
        return true;
    }

    void rest() {
        cluster_.run_until(cluster_.age() + last_step);
        // A service with a clock of its own has something to say at any time: end between its
        // words.  And what was sent last as safe takes long on a slow link.
        for (int i = 0; i < quiet_steps_max && !cluster_.is_quiet(); ++i) {
            cluster_.run_until(cluster_.age() + quiet_step);
        }
    }

    // Links that nothing disturbs are in use again.  Only where nothing else went wrong.
    void judge_paths() {
        if (cluster_.history().had_faults || plan_.conditions.size() == 1) {
            return;
        }
        for (std::size_t i = 0; i < plan_.conditions.size(); ++i) {
            if (!spare_.is_well(i)) {
                continue;
            }
            const Duration since = std::max(spare_.well_since(i), start_spread);
            for (std::size_t from = 1; from <= plan_.nodes; ++from) {
                for (std::size_t to = 1; to <= plan_.nodes; ++to) {
                    if (from != to) {
                        cluster_.machine(NodeId(static_cast<ais_node_id>(from)))
                            .judge_paths(static_cast<totem::LinkId>(i),
                                         NodeId(static_cast<ais_node_id>(to)),
                                         cluster_.age() - since);
                    }
                }
            }
        }
    }

    std::string about(Duration settled_after) {
        std::ostringstream to;
        to << plan_.to_text() << "; " << cluster_.history().deliveries() << " datagrams delivered, "
           << cluster_.history().configurations() << " configurations, " << cluster_.state_digests()
           << " digests of states, " << cluster_.stats().datagrams << " datagrams, "
           << cluster_.stats().events << " events, "
           << (cluster_.history().had_faults ? "" : "nothing may change, ") << "settled after "
           << to_ms(settled_after) << " ms";
        return to.str();
    }

    const Plan& plan_;
    const Watching& watching_;
    // Why in this order: clients that end with the cluster may still speak to the workload.
    std::unique_ptr<Workload> workload_;
    Cluster cluster_;
    std::vector<bool> active_;
    SpareLink spare_;
    std::size_t begun_ = 0;
};

// "agreed order: node 1 …" → "agreed order".
std::string property_of(const Outcome& outcome) {
    if (outcome.violations.texts.empty()) {
        return {};
    }
    const std::string& text = outcome.violations.texts.front();
    return text.substr(0, text.find(':'));
}

}  // namespace

Outcome run(const Plan& plan,
            std::span<const ais_plugin* const> plugins,
            const Watching& watching) {
    for (const std::string& name : plugins_of(plan)) {
        if (find_plugin(name, plugins) == nullptr) {
            Outcome outcome;
            outcome.violations.texts.push_back(std::string("setup: the workload ") +
                                               plan.workload->name + " needs the plugin " + name +
                                               ", which is not there: name it with --plugin");
            return outcome;
        }
    }
    return Run(plan, plugins, watching).play();
}

Plan shrink(const Plan& plan,
            std::span<const ais_plugin* const> plugins,
            std::size_t runs_max,
            const std::function<void(const std::string&)>& tell) {
    const std::string wanted = property_of(run(plan, plugins));
    Plan best = plan;
    std::size_t runs = 1;
    // Leave out halves, then quarters, … as long as that helps.
    for (std::size_t size = std::max<std::size_t>(1, best.faults.size() / 2); !wanted.empty();) {
        bool helped = false;
        for (std::size_t begin = 0; begin < best.faults.size() && runs < runs_max;) {
            Plan less = best;
            const auto first = less.faults.begin() + static_cast<std::ptrdiff_t>(begin);
            const auto last = less.faults.begin() + static_cast<std::ptrdiff_t>(
                                                        std::min(begin + size, less.faults.size()));
            less.faults.erase(first, last);
            ++runs;
            if (property_of(run(less, plugins)) == wanted) {
                best = std::move(less);
                helped = true;
                tell("run " + std::to_string(runs) + ": fails with " +
                     std::to_string(best.faults.size()) + " faults");
            } else {
                begin += size;
            }
        }
        if (runs >= runs_max || best.faults.empty() || (size == 1 && !helped)) {
            break;
        }
        size = std::max<std::size_t>(1, helped ? size : size / 2);
    }
    return best;
}

}  // namespace ais::sim
