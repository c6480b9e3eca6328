// SPDX-License-Identifier: BSD-3-Clause
//
// Runs as a whole: equal seeds give equal traces, saved lists of faults are what they were, and
// a failure is found, told and made short.

#include "sim/story.hpp"
#include "sim/catalogue.hpp"
#include "sim/options.hpp"
#include "sim/spare_link.hpp"

#include <gtest/gtest.h>

#include <sstream>

namespace ais::sim {
namespace {

Plan plan_of(std::uint64_t seed, const std::string& workload = {}) {
    Wishes wishes;
    wishes.seed = seed;
    wishes.length = std::chrono::seconds(3);
    wishes.workload = workload;
    return make_plan(wishes, linked_workloads());
}

struct Told {
    Outcome outcome;
    std::string trace;
};

Told tell(const Plan& plan) {
    std::ostringstream trace;
    Watching watching;
    watching.trace = &trace;
    Outcome outcome = run(plan, linked_plugins(), watching);
    return {std::move(outcome), trace.str()};
}

TEST(Story, gives_the_same_trace_for_the_same_seed) {
    for (const std::uint64_t seed : {4U, 14U, 15U, 2U, 21U}) {
        const Told once = tell(plan_of(seed));
        const Told again = tell(plan_of(seed));
        EXPECT_EQ(once.trace, again.trace);
        EXPECT_EQ(once.outcome.digest, again.outcome.digest);
        EXPECT_EQ(once.outcome.violations.texts, std::vector<std::string>());
        EXPECT_NE(once.outcome.digest, tell(plan_of(seed + 1)).outcome.digest);
    }
}

TEST(Story, is_the_same_whether_it_is_traced_or_not) {
    const Plan plan = plan_of(7);
    EXPECT_EQ(run(plan, linked_plugins()).digest, tell(plan).outcome.digest);
}

TEST(Story, is_the_same_from_a_saved_list) {
    const Plan plan = plan_of(21);
    ASSERT_FALSE(plan.faults.empty());
    auto loaded = load_plan(save_plan(plan), linked_workloads());
    ASSERT_TRUE(loaded) << loaded.error().text;
    EXPECT_EQ(save_plan(*loaded), save_plan(plan));
    EXPECT_EQ(tell(*loaded).trace, tell(plan).trace);
}

TEST(Plan, takes_a_list_that_names_no_links_for_one_of_a_single_one) {
    const auto of = [](std::string_view text) {
        return load_plan(text, linked_workloads()).take();
    };
    const Plan old = of("seed 2\n");
    EXPECT_EQ(old.conditions.size(), 1U);
    EXPECT_EQ(old.seal, SealKind::plain);
    EXPECT_EQ(old.compare, Duration::zero());
    EXPECT_EQ(of("seed 2\ncompare 0.25\n").compare, std::chrono::milliseconds(250));
    const Plan plan = of("seed 2\nlinks 3\nseal sodium\n");
    EXPECT_EQ(plan.conditions.size(), 3U);
    EXPECT_EQ(plan.seal, SealKind::sodium);
}

TEST(SpareLink, is_lost_when_a_link_falls_before_another_has_been_well_for_a_while) {
    using std::chrono::milliseconds;
    SpareLink spare(2);
    spare.begin(milliseconds(1000), 0);
    spare.begin(milliseconds(1050), 0);
    spare.end(milliseconds(1100), 0);
    EXPECT_FALSE(spare.is_well(0));
    spare.end(milliseconds(1200), 0);
    spare.begin(milliseconds(1200) + SpareLink::overlap, 1);
    EXPECT_TRUE(spare.held());
    spare.end(milliseconds(1600), 1);
    spare.begin(milliseconds(1601), 0);
    EXPECT_FALSE(spare.held());
}

TEST(SpareLink, is_there_only_if_there_is_a_second_link) {
    SpareLink spare(1);
    EXPECT_TRUE(spare.held());
    spare.begin(std::chrono::seconds(1), 0);
    EXPECT_FALSE(spare.held());
}

// The property that the plan promises is the one that is judged.
TEST(Story, changes_nothing_while_one_link_is_always_well) {
    std::size_t judged = 0;
    for (std::uint64_t seed = 1; seed <= 12; ++seed) {
        Wishes wishes;
        wishes.seed = seed;
        wishes.links = 2;
        wishes.nodes = 3;
        wishes.workload = "chatter";
        wishes.length = std::chrono::seconds(5);
        const Plan plan = make_plan(wishes, linked_workloads());
        if (!plan.spares_a_link || plan.faults.empty()) {
            continue;
        }
        const Outcome outcome = run(plan, linked_plugins());
        EXPECT_EQ(outcome.violations.texts, std::vector<std::string>()) << "seed " << seed;
        EXPECT_NE(outcome.about.find("nothing may change"), std::string::npos) << outcome.about;
        ++judged;
    }
    EXPECT_GT(judged, 1U);
}

TEST(Plan, names_the_line_that_is_wrong) {
    const auto load = [](std::string_view text) {
        auto plan = load_plan(text, linked_workloads());
        return plan ? std::string() : plan.error().text;
    };
    EXPECT_EQ(load("nodes 3\n"), "there is no seed in it");
    EXPECT_EQ(load("seed x\n"), "line 1: x is no seed");
    EXPECT_EQ(load("seed 1\nfault 1 1 crash\n"),
              "line 2: crash needs: node, 1: its ring number is lost");
    EXPECT_TRUE(load("seed 1\nfault 1 1 flood 1\n")
                    .starts_with("line 2: no kind of fault is called flood"));
    EXPECT_TRUE(load("seed 1\nfault soon 1 crash 1 0\n").starts_with("line 2: a fault is: "));
    EXPECT_EQ(load("seed 1\nworkload nothing\n"),
              "line 2: there is no workload nothing (--list shows all)");
    EXPECT_EQ(load("seed 1\nlinks 9\n"), "line 2: 9 is no number of links (1 to 4)");
    EXPECT_EQ(load("seed 1\nseal wax\n"), "line 2: wax is no seal: plain, quick, sodium");
    EXPECT_EQ(load("# all is well\nseed 1\n\nfault 1 0.5 crash 1 0  # here\n"), "");
}

TEST(Options, say_what_would_be_right) {
    const auto wrong = [](std::vector<const char*> arguments) {
        auto options = parse_options(arguments);
        return options ? std::string() : options.error().text;
    };
    EXPECT_EQ(wrong({"--seed", "0x10", "--nodes", "3", "--minutes", "0.5", "--trace"}), "");
    EXPECT_EQ(wrong({"--seed"}), "--seed needs a value; ais-sim --help shows which");
    EXPECT_EQ(wrong({"--sed", "1"}), "--sed is no option; ais-sim --help shows them");
    EXPECT_EQ(wrong({"--nodes", "0"}).substr(0, 26), "--nodes 0: must be 1 to 12");
    EXPECT_EQ(wrong({"--minutes", "long"}),
              "--minutes long: must be simulated minutes, 0.25 or 60");
    EXPECT_EQ(wrong({"--seed", "1", "--from", "2"}),
              "--from --seeds and --seed exclude each other");
    EXPECT_EQ(wrong({"--from", "2", "--shrink"}),
              "--shrink and --save are for one run: give its --seed, or --replay");
    EXPECT_EQ(wrong({"--faults", "crash,flood"}),
              "--faults flood: must be kinds that --list shows, with commas between, or none");
}

// A workload that fails when a node was down: whatever else happens has nothing to do with it.
class Touchy final : public Workload {
  public:
    void on_node_down(Simulation& sim, ais_node_id) override {
        sim.fail("touchy: a node was down");
    }
};
constexpr WorkloadTable touchy = describe_workload<Touchy>("touchy", "fails at a crash", nullptr);

TEST(Story, is_made_short) {
    const WorkloadTable* const workloads[] = {&touchy};
    Wishes wishes;
    wishes.seed = 5;
    wishes.nodes = 3;
    wishes.length = std::chrono::seconds(3);
    wishes.faults = {"crash", "pause", "partition", "loss_burst"};
    const Plan plan = make_plan(wishes, workloads);
    ASSERT_GT(plan.faults.size(), 4U);
    const Plan least = shrink(plan, linked_plugins(), 200, [](const std::string&) {});
    ASSERT_EQ(least.faults.size(), 1U);
    EXPECT_STREQ(least.faults[0].kind->name, "crash");
}

TEST(Catalogue, is_in_order_and_complete) {
    const auto workloads = linked_workloads();
    ASSERT_FALSE(workloads.empty());
    for (std::size_t i = 0; i < workloads.size(); ++i) {
        EXPECT_EQ(workloads[i]->version, simulation_version);
        if (i > 0) {
            EXPECT_LT(std::string_view(workloads[i - 1]->name), workloads[i]->name);
        }
        for (const char* const* name = workloads[i]->plugins; name != nullptr && *name != nullptr;
             ++name) {
            EXPECT_TRUE(std::any_of(
                linked_plugins().begin(),
                linked_plugins().end(),
                [&](const ais_plugin* plugin) { return std::string_view(plugin->name) == *name; }))
                << workloads[i]->name << " needs " << *name;
        }
    }
}

}  // namespace
}  // namespace ais::sim
