// SPDX-License-Identifier: BSD-3-Clause
//
// Known bugs that a test build can put back, to prove that the simulator finds
// them: tests/mutation.
//
//     if (entry.guarantee == Guarantee::safe && !AIS_MUTATION(safe_as_agreed)) {
//
// In every other build AIS_MUTATION is the constant false.  In the build with
// AIS_MUTATIONS one program has all of them, and `mutation` says which one is
// in force.  The list is in the order of the story of a ring.

#pragma once

#if defined(AIS_MUTATIONS)

#include <string_view>

#define AIS_MUTATION_LIST(X)                                                              \
    /* Gather and Commit */                                                               \
    X(consensus_without_agreement) /* any join counts as agreement */                     \
    X(number_not_from_joins)       /* a new ring's number ignores what joins say */       \
    X(number_reused)               /* and what we were part of ourselves */               \
    X(id_without_salt)             /* a ring's id does not tell boots apart */            \
    X(number_not_stored)           /* and the number is forgotten by a crash */           \
    X(incarnation_ignored)         /* a restarted node is taken for its former self */    \
    X(commit_of_other_set)         /* a commit token of other members is accepted */      \
    X(commit_waits_forever)        /* no timer behind the commit token */                 \
    X(merge_not_announced)         /* an idle ring does not look for others */            \
    /* Recovery */                                                                        \
    X(transitional_by_members) /* company by old members, not by the old ring */          \
    X(recovery_sends_nothing)  /* everybody thinks that all are equal */                  \
    X(recovery_of_other_ring)  /* old messages of another ring are taken */               \
    X(recovery_not_aborted)    /* a new recovery goes on with the former one's state */   \
    X(one_quiet_visit)         /* instead of three */                                     \
    X(no_complete_visit)       /* install without everybody's aru */                      \
    X(obligation_dropped)      /* what others relied on is not delivered behind a hole */ \
    X(obligation_not_carried)  /* it is not told to those who had the message */          \
    /* The end of the old ring */                                                         \
    X(regular_first)        /* new configuration before the old ring's messages */        \
    X(no_transitional_part) /* all before the transitional configuration */               \
    X(hole_ignored)         /* what may depend on a lost message is delivered */          \
    X(hole_ends_all)        /* nothing is delivered behind a hole */                      \
    X(safe_not_withheld)    /* safe messages of the old ring in the old configuration */  \
    /* Operational */                                                                     \
    X(token_twice) /* a repeated token is accepted */                                     \
    X(aru_raised_by_anyone)                                                               \
    X(aru_not_lowered)                                                                    \
    X(stable_after_one_visit)                                                             \
    X(safe_as_agreed)                                                                     \
    X(freed_before_stable) /* what others may still ask for is gone */                    \
    X(requests_unanswered)                                                                \
    X(requests_too_early) /* what the token knows only since this round */                \
    X(hold_before_stable) /* the token is held while work is left */                      \
    X(hold_not_cancelled)                                                                 \
    X(stay_never_ends) /* a lone sender keeps the token until somebody asks */            \
    /* Redundant links */                                                                 \
    X(token_on_one_link) /* control goes where data goes */                               \
    X(no_probation)      /* a link that was down is trusted at its first hello */         \
    X(never_up_again)    /* and one that is good for long is not trusted */               \
    X(address_of_anyone) /* a datagram that is played again moves its sender */           \
    /* Group and sync */                                                                  \
    X(partial_kept)   /* fragments of a node that left are kept */                        \
    X(gate_open)      /* messages pass while snapshots are exchanged */                   \
    X(message_missed) /* a service of one node is not given some messages */

namespace ais {

enum class Mutation {
    none,
#define AIS_MUTATION_NAME(name) name,
    AIS_MUTATION_LIST(AIS_MUTATION_NAME)
#undef AIS_MUTATION_NAME
        count
};

// The one in force.  Set before anything is simulated.
inline Mutation mutation = Mutation::none;

inline std::string_view name_of(Mutation which) {
    static constexpr std::string_view names[] = {"none",
#define AIS_MUTATION_NAME(name) #name,
                                                 AIS_MUTATION_LIST(AIS_MUTATION_NAME)
#undef AIS_MUTATION_NAME
    };
    return names[static_cast<int>(which)];
}

}  // namespace ais

#define AIS_MUTATION(name) (::ais::mutation == ::ais::Mutation::name)
#else
#define AIS_MUTATION(name) false
#endif
