// SPDX-License-Identifier: BSD-3-Clause
//
// Live replacement in the simulator: each service that runs is replaced on a node under load,
// and builds with each flaw are refused.

#include "sim/builds.hpp"
#include "sim/catalogue.hpp"
#include "sim/story.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sstream>

namespace ais::sim {
namespace {

using ::testing::HasSubstr;

// Two nodes, and one replacement on the first after the other, in three seconds.
std::string trace_of(const std::string& workload, std::vector<std::string>& violations) {
    std::string text = "seed 5\nnodes 2\nseconds 3\nworkload " + workload + "\n";
    for (std::uint32_t i = 0; i < 2 * flaws; ++i) {
        text += "fault " + std::to_string(1.0 + 0.15 * i) + " 0.001 replace 1 0 " +
                std::to_string(i % flaws) + "\n";
    }
    auto plan = load_plan(text, linked_workloads());
    EXPECT_TRUE(plan) << plan.error().text;
    std::ostringstream trace;
    Watching watching;
    watching.trace = &trace;
    violations = run(*plan, linked_plugins(), watching).violations.texts;
    return trace.str();
}

TEST(Replacement, puts_a_build_in_the_place_of_each_service_and_refuses_those_with_a_flaw) {
    for (const char* name : {"ckpt", "clm", "counter", "cpg", "evs", "evt"}) {
        SCOPED_TRACE(name);
        std::vector<std::string> violations;
        const std::string trace = trace_of(name, violations);
        EXPECT_EQ(violations, std::vector<std::string>());
        EXPECT_THAT(trace, HasSubstr(std::string(name) + " 1.0.0 is replaced by"));
        EXPECT_THAT(trace, HasSubstr("+0 is replaced by")) << "and once more";
        EXPECT_THAT(trace, HasSubstr("(flaw: load)"));
        EXPECT_THAT(trace, HasSubstr("(flaw: handover)"));
        if (std::string_view(name) != "evs") {
            EXPECT_THAT(trace, HasSubstr("(flaw: merge)"));
        } else {
            EXPECT_THAT(trace, HasSubstr("makes no sense now")) << "it has no state to merge";
        }
    }
}

TEST(Replacement, has_a_flaw_for_a_state_in_parts) {
    std::vector<std::string> violations;
    EXPECT_THAT(trace_of("ckpt", violations), HasSubstr("(flaw: part)"));
}

}  // namespace
}  // namespace ais::sim
