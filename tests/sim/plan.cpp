// SPDX-License-Identifier: BSD-3-Clause

#include "sim/plan.hpp"

#include "base/assert.hpp"

#include <algorithm>
#include <charconv>
#include <iomanip>
#include <sstream>

namespace ais::sim {

namespace {

using std::chrono::microseconds;
using std::chrono::milliseconds;

// More than SpareLink::overlap, and what a renumbered host takes to come back.
constexpr Duration gap_between_links = milliseconds(300);

std::uint64_t named_seed(std::uint64_t seed, std::string_view name) {
    std::uint64_t hash = 0xcbf29ce484222325 ^ seed;
    for (const char c : name) {
        hash = (hash ^ static_cast<std::uint8_t>(c)) * 0x100000001b3;
    }
    return hash;
}

std::size_t choose_size(Prng& prng) {
    if (prng.chance(1, 100)) {
        return 16 + prng.below(49);
    }
    return 1 + prng.below(prng.chance(1, 10) ? 12 : 7);
}

totem::Config choose_config(Prng& prng, std::size_t nodes) {
    totem::Config config;
    static constexpr std::uint32_t windows[] = {1, 2, 5, 20, 50, 256};
    config.window_size = windows[prng.below(6)];
    config.max_messages = static_cast<std::uint32_t>(std::max<std::uint64_t>(
        1, prng.chance(1, 2) ? config.window_size : config.window_size / 2));
    static constexpr std::uint32_t halves[] = {0, 2, 1};
    config.accelerated_window = config.max_messages * halves[prng.below(3)] / 2;
    config.datagram_max = prng.chance(1, 3) ? 700 : 1400;
    config.seqno_unchanged_rotations = prng.chance(1, 2) ? 30 : 4;
    // Not drawn: seeds would be other stories.
    config.stay_max = std::chrono::milliseconds(config.accelerated_window == 0          ? 0
                                                : config.seqno_unchanged_rotations == 4 ? 1000
                                                                                        : 4);
    config.hold_off_max = std::chrono::seconds(2);  // who is left out must be back before the end
    // Faster and slower than usual, in the usual proportions; large rings keep the usual ones.
    static constexpr std::uint32_t percents[] = {100, 100, 40, 250};
    const std::uint32_t percent = nodes > 12 ? 100 : percents[prng.below(4)];
    for (Duration* timeout : {&config.token_timeout,
                              &config.token_retransmit_timeout,
                              &config.hold_timeout,
                              &config.join_timeout,
                              &config.consensus_timeout,
                              &config.merge_timeout}) {
        *timeout = *timeout * percent / 100;
    }
    AIS_ASSERT(config.validate());
    return config;
}

Conditions choose_conditions(Prng& prng, std::size_t nodes) {
    Conditions conditions;
    conditions.delay = microseconds(100 + prng.below(400));
    conditions.jitter = microseconds(prng.below(400));
    static constexpr std::uint32_t losses[] = {0, 0, 1000, 10000, 50000};
    // Why: a rotation of a large ring has so many hops that one of them is always lost.
    conditions.loss_ppm = losses[prng.below(nodes > 12 ? 3 : 5)];
    conditions.duplicate_ppm = prng.chance(1, 3) ? 20000 : 0;
    conditions.reorder_ppm = prng.chance(1, 3) ? 30000 : 0;
    conditions.reorder_delay = milliseconds(1 + prng.below(10));
    if (prng.chance(1, 4)) {
        conditions.tail_ppm = 2000;
        conditions.tail = milliseconds(1 + prng.below(30));
    }
    if (prng.chance(1, 5)) {
        conditions.burst_begin_ppm = static_cast<std::uint32_t>(100 + prng.below(2000));
        conditions.burst_end_ppm = static_cast<std::uint32_t>(20000 + prng.below(300000));
        conditions.burst_loss_ppm = static_cast<std::uint32_t>(300000 + prng.below(700001));
    }
    conditions.big_size = 200 + prng.below(1200);
    if (prng.chance(1, 5)) {
        conditions.bandwidth = 1000000 + prng.below(20000000);
        conditions.queue_max = (16U << 10) << prng.below(6);
    }
    return conditions;
}

// How many links, what runs on them, and what each is like; link 0 has `first`.
void choose_links(const Wishes& wishes, const Conditions& first, Plan& plan) {
    Prng prng(named_seed(wishes.seed, "links"));
    static constexpr std::size_t counts[] = {1, 1, 1, 1, 1, 2, 2, 2, 3, 4};
    std::size_t count = counts[prng.below(10)];
    // Why: hellos of a large ring on each link are most of what it sends.
    count = plan.nodes > 12 ? 1 : count;
    count = wishes.links != 0 ? wishes.links : count;
    using Mode = MachineSettings::Mode;
    static constexpr Mode modes[] = {Mode::none, Mode::passive, Mode::active};
    plan.mode = modes[prng.below(3)];
    plan.is_multicast = prng.chance(1, 2);
    plan.spares_a_link = prng.chance(1, 3) && count > 1;
    plan.conditions.assign(count, first);
    for (std::size_t link = 1; link < count; ++link) {
        Conditions& own = plan.conditions[link];
        own.delay = microseconds(100 + prng.below(400));
        own.jitter = microseconds(prng.below(400));
        if (prng.chance(1, 4)) {
            own.loss_ppm = static_cast<std::uint32_t>(prng.below(50000));
        }
    }
    if (plan.spares_a_link) {
        for (Conditions& own : plan.conditions) {
            own.loss_ppm = own.reorder_ppm = own.tail_ppm = own.burst_begin_ppm = 0;
            own.bandwidth = 0;
        }
    }
}

void choose_seal(const Wishes& wishes, Plan& plan) {
    Prng prng(named_seed(wishes.seed, "seal"));
    static constexpr SealKind kinds[] = {
        SealKind::plain, SealKind::plain, SealKind::quick, SealKind::quick, SealKind::sodium};
    plan.seal = kinds[prng.below(5)];
    if (!wishes.seal.empty()) {
        AIS_ASSERT(from_text(wishes.seal, plan.seal));
    }
    if (plan.seal == SealKind::plain) {
        return;
    }
    // Why never "auto" for all: what libsodium then takes depends on the machine, and a trace
    // must not.  Where some have another cipher, the backends that may give way do.
    static constexpr const char* names[] = {"xchacha20-poly1305", "chacha20-poly1305"};
    const bool is_mixed = prng.chance(1, 2);
    for (std::size_t i = 0; i < plan.nodes; ++i) {
        const bool is_auto = plan.seal == SealKind::quick && prng.chance(2, 3);
        plan.ciphers.emplace_back(is_auto ? "auto" : names[is_mixed ? prng.below(2) : 0]);
    }
}

// Half of the seeds; short, so that comparisons meet faults, but not so short that a slow ring
// never has a queue without one (seed 6012288, with 25 ms).
Duration choose_compare(const Wishes& wishes) {
    if (wishes.compare) {
        return *wishes.compare;
    }
    Prng prng(named_seed(wishes.seed, "compare"));
    return prng.chance(1, 2) ? milliseconds(100 + prng.below(prng.chance(1, 2) ? 200 : 3000))
                             : Duration::zero();
}

// Of two faults of links that are too near to each other, the later one goes.
void spare_a_link(std::size_t links, std::vector<Fault>& faults) {
    std::vector<Fault> kept;
    for (const Fault& fault : faults) {
        const auto is_too_near = [&](const Fault& other) {
            return link_of(other, links) != link_of(fault, links) &&
                   fault.at < other.at + other.length + gap_between_links;
        };
        if (fault.kind->link_at < 0 || std::none_of(kept.begin(), kept.end(), is_too_near)) {
            kept.push_back(fault);
        }
    }
    faults = std::move(kept);
}

std::vector<Fault> choose_faults(const Wishes& wishes, const Plan& plan) {
    const std::size_t nodes = plan.nodes;
    std::vector<Fault> faults;
    if (wishes.without_faults) {
        return faults;
    }
    Prng common(named_seed(wishes.seed, "faults"));
    const bool is_quiet = common.chance(1, 12);  // only what the conditions do
    const Duration gap = common.chance(1, 3) ? milliseconds(50 + common.below(500))
                                             : milliseconds(300 + common.below(5000));
    for (const Nemesis* kind : nemeses()) {
        Prng prng(named_seed(wishes.seed, kind->name));
        const bool is_chosen =
            plan.spares_a_link ? prng.chance(2, 3) && kind->link_at >= 0 : prng.chance(1, 5);
        const bool is_wanted = wishes.faults.empty() ? is_chosen && !is_quiet
                                                     : std::find(wishes.faults.begin(),
                                                                 wishes.faults.end(),
                                                                 kind->name) != wishes.faults.end();
        if (!is_wanted) {
            continue;
        }
        Duration at{};
        for (;;) {
            at += gap / 4 + Duration(static_cast<std::int64_t>(
                                prng.below(static_cast<std::uint64_t>(gap.count()) * 3 / 2)));
            at = std::chrono::duration_cast<microseconds>(at);
            if (at >= wishes.length) {
                break;
            }
            Fault fault;
            fault.at = at;
            fault.kind = kind;
            kind->choose(prng, nodes, fault);
            fault.length = std::chrono::duration_cast<microseconds>(
                std::min(fault.length, wishes.length - at));
            faults.push_back(std::move(fault));
        }
    }
    std::stable_sort(
        faults.begin(), faults.end(), [](const Fault& a, const Fault& b) { return a.at < b.at; });
    if (plan.spares_a_link) {
        spare_a_link(plan.conditions.size(), faults);
    }
    return faults;
}

// Each workload draws a lot, and the highest wins: one more workload takes some seeds from
// each of the others and changes none of the rest.
const WorkloadTable* choose_workload(std::uint64_t seed,
                                     std::span<const WorkloadTable* const> workloads) {
    const WorkloadTable* chosen = nullptr;
    std::uint64_t highest = 0;
    for (const WorkloadTable* workload : workloads) {
        const std::uint64_t lot = Prng(named_seed(seed, workload->name)).next();
        if (chosen == nullptr || lot > highest) {
            chosen = workload;
            highest = lot;
        }
    }
    return chosen;
}

// "1.234567"; all times of a plan are whole microseconds.
std::string to_seconds(Duration time) {
    std::ostringstream to;
    const auto us = std::chrono::duration_cast<microseconds>(time).count();
    to << us / 1000000 << '.' << std::setw(6) << std::setfill('0') << us % 1000000;
    return to.str();
}

bool from_seconds(std::string_view text, Duration& time) {
    double seconds = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), seconds);
    if (error != std::errc() || end != text.data() + text.size() || seconds < 0 || seconds > 1e6) {
        return false;
    }
    time = microseconds(static_cast<std::int64_t>(seconds * 1e6 + 0.5));
    return true;
}

template <typename Number>
bool from_text(std::string_view text, Number& number) {
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    return error == std::errc() && end == text.data() + text.size();
}

std::vector<std::string> words_of(const std::string& line) {
    std::istringstream from(line.substr(0, line.find('#')));
    std::vector<std::string> words;
    for (std::string word; from >> word;) {
        words.push_back(word);
    }
    return words;
}

std::string add_fault(const std::vector<std::string>& words, Plan& plan) {
    Fault fault;
    if (words.size() < 4 || !from_seconds(words[1], fault.at) ||
        !from_seconds(words[2], fault.length)) {
        return "a fault is: fault SECONDS LENGTH KIND NUMBERS…";
    }
    fault.kind = find_nemesis(words[3]);
    if (fault.kind == nullptr) {
        std::string known;
        for (const Nemesis* kind : nemeses()) {
            known += std::string(" ") + kind->name;
        }
        return "no kind of fault is called " + words[3] + "; there are" + known;
    }
    for (std::size_t i = 4; i < words.size(); ++i) {
        std::uint32_t number = 0;
        if (!from_text(words[i], number)) {
            return words[i] + " is no number";
        }
        fault.numbers.push_back(number);
    }
    if (fault.numbers.size() < fault.kind->numbers_min) {
        return words[3] + " needs: " + fault.kind->about;
    }
    plan.faults.push_back(std::move(fault));
    return {};
}

void add_weather(const Conditions& conditions, std::ostream& to) {
    to << "delay " << conditions.delay.count() / 1000 << '+' << conditions.jitter.count() / 1000
       << " us, loss " << conditions.loss_ppm << " ppm";
    if (conditions.burst_begin_ppm > 0) {
        to << " in bursts";
    }
    if (conditions.duplicate_ppm > 0) {
        to << ", duplicates";
    }
    if (conditions.reorder_ppm > 0) {
        to << ", reordering";
    }
    if (conditions.tail_ppm > 0) {
        to << ", tail " << to_ms(conditions.tail) << " ms";
    }
    if (conditions.bandwidth > 0) {
        to << ", " << conditions.bandwidth / 1000 << " kB/s";
    }
}

}  // namespace

const WorkloadTable* find_workload(std::string_view name,
                                   std::span<const WorkloadTable* const> workloads) {
    for (const WorkloadTable* workload : workloads) {
        if (workload->name == name) {
            return workload;
        }
    }
    return nullptr;
}

Plan make_plan(const Wishes& wishes, std::span<const WorkloadTable* const> workloads) {
    Plan plan;
    plan.seed = wishes.seed;
    plan.length = std::chrono::duration_cast<microseconds>(wishes.length);
    Prng size(named_seed(wishes.seed, "size"));
    const std::size_t chosen = choose_size(size);
    plan.nodes = wishes.nodes != 0 ? wishes.nodes : chosen;
    Prng config(named_seed(wishes.seed, "config"));
    plan.totem = choose_config(config, plan.nodes);
    Prng conditions(named_seed(wishes.seed, "conditions"));
    choose_links(wishes, choose_conditions(conditions, plan.nodes), plan);
    choose_seal(wishes, plan);
    plan.compare = choose_compare(wishes);
    plan.workload = wishes.workload.empty() ? choose_workload(wishes.seed, workloads)
                                            : find_workload(wishes.workload, workloads);
    AIS_ASSERT(plan.workload != nullptr);
    plan.faults = choose_faults(wishes, plan);
    return plan;
}

const char* name_of(SealKind kind) {
    static constexpr const char* names[] = {"plain", "quick", "sodium"};
    return names[static_cast<std::size_t>(kind)];
}

bool from_text(std::string_view text, SealKind& kind) {
    for (const SealKind one : {SealKind::plain, SealKind::quick, SealKind::sodium}) {
        if (text == name_of(one)) {
            kind = one;
            return true;
        }
    }
    return false;
}

std::string Plan::to_text() const {
    std::ostringstream to;
    to << nodes << " nodes, " << workload->name << ", window " << totem.window_size << '/'
       << totem.max_messages << '/' << totem.accelerated_window << ", token "
       << to_ms(totem.token_timeout) << " ms, datagrams " << totem.datagram_max << ", seal "
       << name_of(seal) << (is_multicast ? ", udp" : ", udpu");
    if (compare != Duration::zero()) {
        to << ", compared every " << to_ms(compare) << " ms";
    }
    if (conditions.size() > 1) {
        static constexpr const char* modes[] = {"none", "passive", "active"};
        to << ", rrp_mode " << modes[static_cast<std::size_t>(mode)]
           << (spares_a_link ? ", always a link" : "");
    }
    for (std::size_t link = 0; link < conditions.size(); ++link) {
        to << (conditions.size() > 1 ? "; link " + std::to_string(link) + ": " : ", ");
        add_weather(conditions[link], to);
    }
    to << "; faults:";
    std::size_t kinds = 0;
    for (const Nemesis* kind : nemeses()) {
        const auto count = std::count_if(
            faults.begin(), faults.end(), [&](const Fault& fault) { return fault.kind == kind; });
        if (count > 0) {
            to << ' ' << count << ' ' << kind->name;
            ++kinds;
        }
    }
    if (kinds == 0) {
        to << " none";
    }
    return to.str();
}

std::string save_plan(const Plan& plan) {
    std::ostringstream to;
    to << "# " << plan.to_text() << "\nseed " << plan.seed << "\nnodes " << plan.nodes
       << "\nseconds " << to_seconds(plan.length) << "\nworkload " << plan.workload->name
       << "\nlinks " << plan.conditions.size() << "\nseal " << name_of(plan.seal) << "\ncompare "
       << to_seconds(plan.compare) << '\n';
    for (const Fault& fault : plan.faults) {
        to << "fault " << to_seconds(fault.at) << ' ' << to_seconds(fault.length) << ' '
           << fault.to_text() << '\n';
    }
    return to.str();
}

Result<Plan> load_plan(std::string_view text, std::span<const WorkloadTable* const> workloads) {
    std::istringstream from{std::string(text)};
    Wishes wishes;
    wishes.without_faults = true;
    // A file that does not say so is of a time when there was nothing else.
    wishes.links = 1;
    wishes.seal = name_of(SealKind::plain);
    wishes.compare = Duration::zero();
    bool has_seed = false;
    Plan faults;
    std::size_t number = 0;
    for (std::string line; std::getline(from, line);) {
        ++number;
        const auto words = words_of(line);
        if (words.empty()) {
            continue;
        }
        std::string wrong;
        if (words[0] == "fault") {
            wrong = add_fault(words, faults);
        } else if (words.size() != 2) {
            wrong = words[0] + " takes one value";
        } else if (words[0] == "seed") {
            has_seed = from_text(words[1], wishes.seed);
            wrong = has_seed ? "" : words[1] + " is no seed";
        } else if (words[0] == "nodes") {
            if (!from_text(words[1], wishes.nodes) || wishes.nodes == 0 ||
                wishes.nodes > totem::Members::capacity) {
                wrong = words[1] + " is no size of a cluster";
            }
        } else if (words[0] == "links") {
            if (!from_text(words[1], wishes.links) || wishes.links == 0 ||
                wishes.links > links_max) {
                wrong = words[1] + " is no number of links (1 to 4)";
            }
        } else if (words[0] == "seal") {
            SealKind kind{};
            wishes.seal = words[1];
            wrong = from_text(words[1], kind) ? "" : words[1] + " is no seal: plain, quick, sodium";
        } else if (words[0] == "compare") {
            Duration compare{};
            wrong = from_seconds(words[1], compare) ? "" : words[1] + " is no time";
            wishes.compare = compare;
        } else if (words[0] == "seconds") {
            wrong = from_seconds(words[1], wishes.length) ? "" : words[1] + " is no time";
        } else if (words[0] == "workload") {
            wishes.workload = words[1];
            if (find_workload(words[1], workloads) == nullptr) {
                wrong = "there is no workload " + words[1] + " (--list shows all)";
            }
        } else {
            wrong =
                words[0] +
                " is not known: seed, nodes, seconds, workload, links, seal, compare, fault are";
        }
        if (!wrong.empty()) {
            return invalid("line " + std::to_string(number) + ": " + wrong);
        }
    }
    if (!has_seed) {
        return invalid("there is no seed in it");
    }
    Plan plan = make_plan(wishes, workloads);
    plan.faults = std::move(faults.faults);
    std::stable_sort(plan.faults.begin(), plan.faults.end(), [](const Fault& a, const Fault& b) {
        return a.at < b.at;
    });
    return plan;
}

}  // namespace ais::sim
