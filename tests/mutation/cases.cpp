// SPDX-License-Identifier: BSD-3-Clause

#include "mutation/cases.hpp"

#include <iterator>

namespace ais::mutation_test {

namespace {

// Some times the seeds that it took when this was written.
// Not here: log_not_frozen, "Commit stores messages that its slot of the commit
// token does not count".  It cannot be seen: enter_recovery compares every slot
// with the log as it is then, so what came late is either sent to the others, or
// lies behind a hole; its originator, who would have filled that, is then not
// among those who move together, so nobody delivers it.
constexpr Case table[] = {
    {Mutation::consensus_without_agreement, swarm, 20},
    {Mutation::number_not_from_joins, late_comer, 2},
    {Mutation::number_reused, swarm, 20},
    {Mutation::id_without_salt, reuse, 20},
    {Mutation::number_not_stored, reuse, 10},
    {Mutation::incarnation_ignored, restart, 5},
    {Mutation::commit_of_other_set, swarm, 20},
    {Mutation::commit_waits_forever, no_commit, 10},
    {Mutation::merge_not_announced, swarm, 40},
    {Mutation::transitional_by_members, swarm, 10},
    {Mutation::recovery_sends_nothing, swarm, 20},
    {Mutation::recovery_of_other_ring, cascade, 40},
    {Mutation::recovery_not_aborted, swarm, 20},
    {Mutation::one_quiet_visit, cascade, 60},
    {Mutation::no_complete_visit, cascade, 20},
    {Mutation::obligation_dropped, cascade, 20},
    {Mutation::obligation_not_carried, cascade, 4000},
    {Mutation::regular_first, swarm, 5},
    {Mutation::no_transitional_part, swarm, 10},
    {Mutation::hole_ignored, cascade, 120},
    {Mutation::hole_ends_all, swarm, 100},
    {Mutation::safe_not_withheld, swarm, 10},
    {Mutation::token_twice, swarm, 20},
    {Mutation::aru_raised_by_anyone, cascade, 40},
    {Mutation::aru_not_lowered, cascade, 20},
    {Mutation::stable_after_one_visit, swarm, 60},
    {Mutation::safe_as_agreed, swarm, 10},
    {Mutation::freed_before_stable, swarm, 20},
    {Mutation::requests_unanswered, loss, 2},
    {Mutation::requests_too_early, no_faults, 2},
    {Mutation::hold_before_stable, idle, 60},
    {Mutation::hold_not_cancelled, idle, 2},
    {Mutation::stay_never_ends, lone, 2},
    {Mutation::token_on_one_link, on_links, 40},
    {Mutation::no_probation, on_links, 40},
    {Mutation::never_up_again, on_links, 40},
    {Mutation::address_of_anyone, replayed, 400},
    {Mutation::gate_open, whole, 10},
    {Mutation::partial_kept, whole, 40},
    {Mutation::message_missed, compared, 5},
};

}  // namespace

// All but `none`.
static_assert(std::size(table) + 1 == static_cast<std::size_t>(Mutation::count),
              "a mutation has no case, or two");

std::span<const Case> cases() {
    return table;
}

}  // namespace ais::mutation_test
