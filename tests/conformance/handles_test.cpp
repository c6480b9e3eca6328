// SPDX-License-Identifier: BSD-3-Clause
//
// Handles that are wrong, for every function of evt, evs and cpg that takes one: numbers that
// are none, closed and finalized ones, those of another kind or service, the parent's after
// fork, those that another thread finalizes meanwhile, and those whose executive is gone.
//
// The numbers of the results that matter here are the same in all three libraries.

#include "program.hpp"

#include <openais/cpg.h>
#include <openais/evs.h>
#include <openais/saEvt.h>

#include <gtest/gtest.h>

#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

namespace ais::conformance {
namespace {

constexpr int ok = SA_AIS_OK;
constexpr int gone = SA_AIS_ERR_LIBRARY;
constexpr int bad = SA_AIS_ERR_BAD_HANDLE;
static_assert(ok == CS_OK && gone == CS_ERR_LIBRARY && bad == CS_ERR_BAD_HANDLE);
static_assert(ok == EVS_OK && gone == EVS_ERR_LIBRARY && bad == EVS_ERR_BAD_HANDLE);

struct Call {
    enum class Nature {
        asks,   // the executive: not without it
        local,  // works on though the executive is gone
        ends,   // the handle: of several threads one succeeds
    };
    const char* name;
    std::function<int(std::uint64_t)> run;
    Nature nature = Nature::asks;
};
constexpr auto local = Call::Nature::local;
constexpr auto ends = Call::Nature::ends;

enum Kind { evt, channel, event, received, evs, cpg, iteration, kinds };
constexpr const char* kind_names[kinds] = {
    "evt", "channel", "event", "received event", "evs", "cpg", "iteration of cpg"};

const SaNameT channel_name{7, {'c', 'h', 'a', 'n', 'n', 'e', 'l'}};
const SaNameT other_name{5, {'o', 't', 'h', 'e', 'r'}};
const cpg_name group_name{5, "group"};
constexpr SaEvtChannelOpenFlagsT all =
    SA_EVT_CHANNEL_CREATE | SA_EVT_CHANNEL_PUBLISHER | SA_EVT_CHANNEL_SUBSCRIBER;

// Every function with a handle, with arguments that are good, by the kind of handle.
const std::vector<Call>& calls(int kind) {
    static const std::vector<Call> list[kinds] = {
        // evt
        {{"saEvtSelectionObjectGet",
          [](auto handle) {
              SaSelectionObjectT fd = 0;
              return saEvtSelectionObjectGet(handle, &fd);
          }},
         {"saEvtDispatch", [](auto handle) { return saEvtDispatch(handle, SA_DISPATCH_ALL); }},
         {"saEvtChannelOpen",
          [](auto handle) {
              SaEvtChannelHandleT opened = 0;
              return saEvtChannelOpen(handle, &other_name, all, SA_TIME_ONE_MINUTE, &opened);
          }},
         {"saEvtChannelOpenAsync",
          [](auto handle) { return saEvtChannelOpenAsync(handle, 1, &other_name, all); }},
         {"saEvtChannelUnlink",
          [](auto handle) { return saEvtChannelUnlink(handle, &other_name); }},
         {"saEvtLimitGet",
          [](auto handle) {
              SaLimitValueT value{};
              return saEvtLimitGet(handle, SA_EVT_MAX_EVT_SIZE_ID, &value);
          }},
         {"saEvtFinalize", [](auto handle) { return saEvtFinalize(handle); }, ends}},
        // channel
        {{"saEvtEventAllocate",
          [](auto handle) {
              SaEvtEventHandleT made = 0;
              return saEvtEventAllocate(handle, &made);
          }},
         {"saEvtEventSubscribe",
          [](auto handle) {
              const SaEvtEventFilterArrayT none{0, nullptr};
              return saEvtEventSubscribe(handle, &none, 2);
          }},
         {"saEvtEventUnsubscribe", [](auto handle) { return saEvtEventUnsubscribe(handle, 3); }},
         {"saEvtEventRetentionTimeClear",
          [](auto handle) { return saEvtEventRetentionTimeClear(handle, 5000); }},
         {"saEvtChannelClose", [](auto handle) { return saEvtChannelClose(handle); }, ends}},
        // event
        {{"saEvtEventAttributesSet",
          [](auto handle) { return saEvtEventAttributesSet(handle, nullptr, 1, 0, nullptr); },
          local},
         {"saEvtEventAttributesGet",
          [](auto handle) {
              SaEvtEventIdT id = 0;
              return saEvtEventAttributesGet(
                  handle, nullptr, nullptr, nullptr, nullptr, nullptr, &id);
          },
          local},
         {"saEvtEventPatternFree",
          [](auto handle) {
              auto* patterns =
                  static_cast<SaEvtEventPatternT*>(std::calloc(1, sizeof(SaEvtEventPatternT)));
              const int error = saEvtEventPatternFree(handle, patterns);
              if (error != ok) {
                  std::free(patterns);
              }
              return error;
          },
          local},
         {"saEvtEventPublish",
          [](auto handle) {
              SaEvtEventIdT id = 0;
              return saEvtEventPublish(handle, "data", 4, &id);
          }},
         {"saEvtEventFree", [](auto handle) { return saEvtEventFree(handle); }, ends}},
        // received
        {{"saEvtEventDataGet",
          [](auto handle) {
              char data[4];
              SaSizeT size = sizeof data;
              return saEvtEventDataGet(handle, data, &size);
          },
          local}},
        // evs
        {{"evs_fd_get",
          [](auto handle) {
              int fd = 0;
              return evs_fd_get(handle, &fd);
          },
          local},
         {"evs_dispatch", [](auto handle) { return evs_dispatch(handle, EVS_DISPATCH_ALL); }},
         {"evs_join",
          [](auto handle) {
              evs_group group{{'j'}};
              return evs_join(handle, &group, 1);
          }},
         {"evs_leave",
          [](auto handle) {
              evs_group group{{'l'}};
              return evs_leave(handle, &group, 1);
          }},
         {"evs_mcast_joined",
          [](auto handle) { return evs_mcast_joined(handle, EVS_TYPE_AGREED, nullptr, 0); }},
         {"evs_mcast_groups",
          [](auto handle) {
              evs_group group{{'m'}};
              return evs_mcast_groups(handle, EVS_TYPE_SAFE, &group, 1, nullptr, 0);
          }},
         {"evs_membership_get",
          [](auto handle) {
              unsigned count = 0;
              return evs_membership_get(handle, nullptr, nullptr, &count);
          }},
         {"evs_finalize", [](auto handle) { return evs_finalize(handle); }, ends}},
        // cpg
        {{"cpg_fd_get",
          [](auto handle) {
              int fd = 0;
              return cpg_fd_get(handle, &fd);
          },
          local},
         {"cpg_dispatch", [](auto handle) { return cpg_dispatch(handle, CS_DISPATCH_ALL); }},
         {"cpg_context_get",
          [](auto handle) {
              void* context = nullptr;
              return cpg_context_get(handle, &context);
          },
          local},
         {"cpg_context_set", [](auto handle) { return cpg_context_set(handle, nullptr); }, local},
         {"cpg_local_get",
          [](auto handle) {
              unsigned node = 0;
              return cpg_local_get(handle, &node);
          }},
         {"cpg_join", [](auto handle) { return cpg_join(handle, &group_name); }},
         {"cpg_membership_get",
          [](auto handle) {
              cpg_name name = group_name;
              cpg_address members[4];
              int count = 4;
              return cpg_membership_get(handle, &name, members, &count);
          }},
         {"cpg_mcast_joined",
          [](auto handle) { return cpg_mcast_joined(handle, CPG_TYPE_AGREED, nullptr, 0); }},
         {"cpg_max_atomic_msgsize_get",
          [](auto handle) {
              std::uint32_t size = 0;
              return cpg_max_atomic_msgsize_get(handle, &size);
          }},
         {"cpg_flow_control_state_get",
          [](auto handle) {
              cpg_flow_control_state_t state{};
              return cpg_flow_control_state_get(handle, &state);
          }},
         {"cpg_zcb_alloc",
          [](auto handle) {
              void* buffer = nullptr;
              return cpg_zcb_alloc(handle, 1, &buffer);
          },
          local},
         {"cpg_zcb_free",
          [](auto handle) {
              void* buffer = nullptr;
              const int error = cpg_zcb_alloc(handle, 1, &buffer);
              return error == ok ? cpg_zcb_free(handle, buffer) : cpg_zcb_free(handle, &buffer);
          },
          local},
         {"cpg_zcb_mcast_joined",
          [](auto handle) {
              void* buffer = nullptr;
              return cpg_zcb_alloc(handle, 1, &buffer) == ok
                         ? cpg_zcb_mcast_joined(handle, CPG_TYPE_AGREED, buffer, 1)
                         : cpg_zcb_mcast_joined(handle, CPG_TYPE_AGREED, &buffer, 1);
          }},
         {"cpg_iteration_initialize",
          [](auto handle) {
              cpg_iteration_handle_t made = 0;
              const cs_error_t error =
                  cpg_iteration_initialize(handle, CPG_ITERATION_ALL, nullptr, &made);
              return error == ok ? cpg_iteration_finalize(made) : error;
          }},
         {"cpg_leave", [](auto handle) { return cpg_leave(handle, nullptr); }},
         {"cpg_finalize", [](auto handle) { return cpg_finalize(handle); }, ends}},
        // iteration
        {{"cpg_iteration_next",
          [](auto handle) {
              cpg_iteration_description_t entry;
              const int error = cpg_iteration_next(handle, &entry);
              return error == CS_ERR_NO_SECTIONS ? ok : error;
          },
          local},
         {"cpg_iteration_finalize",
          [](auto handle) { return cpg_iteration_finalize(handle); },
          ends}}};
    return list[kind];
}

SaEvtEventHandleT last_received = 0;
void on_open(SaInvocationT, SaEvtChannelHandleT, SaAisErrorT) {}
void on_event(SaEvtSubscriptionIdT, SaEvtEventHandleT handle, SaSizeT) {
    last_received = handle;
}
void on_evs(unsigned, void*, int) {}
void on_cpg(cpg_handle_t, const cpg_name*, std::uint32_t, std::uint32_t, void*, std::size_t) {}

int patiently(const std::function<int()>& call) {
    int error = ok;
    wait_until([&] { return (error = call()) != SA_AIS_ERR_TRY_AGAIN; }, patience);
    return error;
}

// One good handle of each kind.
class Set {
  public:
    explicit Set(const Cluster& cluster) {
        cluster.use(1);
        const SaEvtCallbacksT of_evt{on_open, on_event};
        expect("saEvtInitialize", [&] {
            SaVersionT version{'B', 3, 1};
            return saEvtInitialize(&handles[evt], &of_evt, &version);
        });
        expect("saEvtChannelOpen", [&] {
            return saEvtChannelOpen(
                handles[evt], &channel_name, all, SA_TIME_MAX, &handles[channel]);
        });
        expect("saEvtEventAllocate",
               [&] { return saEvtEventAllocate(handles[channel], &handles[event]); });
        const SaEvtEventFilterArrayT none{0, nullptr};
        expect("saEvtEventSubscribe",
               [&] { return saEvtEventSubscribe(handles[channel], &none, 1); });
        SaEvtEventIdT id = 0;
        expect("saEvtEventPublish",
               [&] { return saEvtEventPublish(handles[event], "data", 4, &id); });
        last_received = 0;
        EXPECT_TRUE(wait_until(
            [&] {
                EXPECT_EQ(saEvtDispatch(handles[evt], SA_DISPATCH_ONE), SA_AIS_OK);
                return last_received != 0;
            },
            patience));
        handles[received] = last_received;
        evs_callbacks_t of_evs{on_evs, nullptr};
        expect("evs_initialize", [&] { return evs_initialize(&handles[evs], &of_evs); });
        cpg_callbacks_t of_cpg{on_cpg, nullptr};
        expect("cpg_initialize", [&] { return cpg_initialize(&handles[cpg], &of_cpg); });
        // In a group of its own: the membership of the last Set may end only now.
        static int count = 0;
        cpg_name group{4, "set"};
        group.value[3] = static_cast<char>(++count);
        expect("cpg_join", [&] { return cpg_join(handles[cpg], &group); });
        expect("cpg_iteration_initialize", [&] {
            return cpg_iteration_initialize(
                handles[cpg], CPG_ITERATION_ALL, nullptr, &handles[iteration]);
        });
    }
    ~Set() {
        saEvtFinalize(handles[evt]);
        evs_finalize(handles[evs]);
        cpg_finalize(handles[cpg]);
    }
    Set(const Set&) = delete;
    Set& operator=(const Set&) = delete;

    // Ends the association that a handle of this kind belongs to.
    [[nodiscard]] int finalize(int kind) const {
        return kind <= received ? static_cast<int>(saEvtFinalize(handles[evt]))
               : kind == evs    ? static_cast<int>(evs_finalize(handles[evs]))
                                : static_cast<int>(cpg_finalize(handles[cpg]));
    }

    std::uint64_t handles[kinds] = {};

  private:
    static void expect(const char* what, const std::function<int()>& call) {
        EXPECT_EQ(patiently(call), ok) << what;
    }
};

// What the calls of this kind say of a handle that is bad, other than that it is.
std::string not_bad(int kind, std::uint64_t handle) {
    std::string wrong;
    for (const Call& call : calls(kind)) {
        const int error = call.run(handle);
        if (error != bad) {
            wrong += std::string(call.name) + " says " + std::to_string(error) + "; ";
        }
    }
    return wrong;
}

class Handles : public testing::Test {
  protected:
    static void SetUpTestSuite() {
        cluster_ = std::make_unique<Cluster>(1);
        cluster_->start_all();
    }
    static void TearDownTestSuite() { cluster_.reset(); }
    static std::unique_ptr<Cluster> cluster_;
};
std::unique_ptr<Cluster> Handles::cluster_;

TEST_F(Handles, numbers_that_are_none_are_bad_for_every_function) {
    const Set mine(*cluster_);
    std::vector<std::uint64_t> numbers = {0, 1, ~std::uint64_t{0}};
    for (const std::uint64_t handle : mine.handles) {
        for (const std::uint64_t near : {handle + 1,
                                         handle - 1,
                                         ~handle,
                                         handle ^ (std::uint64_t{1} << 32),
                                         handle ^ (std::uint64_t{1} << 63),
                                         handle & 0xffffffffU}) {
            numbers.push_back(near);
        }
    }
    std::uint64_t random = 0x9e3779b97f4a7c15U;
    for (int i = 0; i < 2000; ++i) {
        random = random * 6364136223846793005U + 1442695040888963407U;
        numbers.push_back(random);
    }
    for (const std::uint64_t number : numbers) {
        for (int kind = 0; kind < kinds; ++kind) {
            ASSERT_EQ(not_bad(kind, number), "") << kind_names[kind] << " " << number;
        }
    }
}

TEST_F(Handles, closed_ones_are_bad_for_every_function) {
    const Set mine(*cluster_);
    const auto& handles = mine.handles;
    ASSERT_EQ(saEvtEventFree(handles[received]), SA_AIS_OK);
    EXPECT_EQ(not_bad(received, handles[received]), "");
    EXPECT_EQ(not_bad(event, handles[received]), "");
    ASSERT_EQ(saEvtEventFree(handles[event]), SA_AIS_OK);
    EXPECT_EQ(not_bad(event, handles[event]), "");
    ASSERT_EQ(patiently([&] { return saEvtChannelClose(handles[channel]); }), ok);
    EXPECT_EQ(not_bad(channel, handles[channel]), "");
    ASSERT_EQ(cpg_iteration_finalize(handles[iteration]), CS_OK);
    EXPECT_EQ(not_bad(iteration, handles[iteration]), "");
    for (const int kind : {evt, evs, cpg}) {
        ASSERT_EQ(mine.finalize(kind), ok);
        EXPECT_EQ(not_bad(kind, handles[kind]), "");
    }
}

TEST_F(Handles, events_go_with_their_channel) {
    const Set mine(*cluster_);
    ASSERT_EQ(patiently([&] { return saEvtChannelClose(mine.handles[channel]); }), ok);
    for (const int kind : {channel, event, received}) {
        EXPECT_EQ(not_bad(kind, mine.handles[kind]), "") << kind_names[kind];
    }
}

TEST_F(Handles, all_that_belongs_to_a_finalized_association_is_bad_for_every_function) {
    const Set mine(*cluster_);
    for (const int kind : {evt, evs, cpg}) {
        ASSERT_EQ(mine.finalize(kind), ok);
    }
    for (int kind = 0; kind < kinds; ++kind) {
        EXPECT_EQ(not_bad(kind, mine.handles[kind]), "") << kind_names[kind];
    }
}

TEST_F(Handles, those_of_another_kind_or_service_are_bad_for_every_function) {
    const Set mine(*cluster_);
    for (int of = 0; of < kinds; ++of) {
        for (int kind = 0; kind < kinds; ++kind) {
            const bool are_both_events =
                (kind == event || kind == received) && (of == event || of == received);
            if (kind != of && !are_both_events) {
                EXPECT_EQ(not_bad(kind, mine.handles[of]), "")
                    << "a handle of " << kind_names[of] << " for functions of " << kind_names[kind];
            }
        }
    }
    EXPECT_EQ(not_bad(received, mine.handles[event]), "") << "it has no data to get";
    for (int kind = 0; kind < kinds; ++kind) {
        EXPECT_NE(calls(kind).front().run(mine.handles[kind]), bad)
            << "nothing of it has harmed " << kind_names[kind];
    }
}

TEST_F(Handles, those_of_the_parent_are_bad_for_every_function_in_a_child) {
    const Set mine(*cluster_);
    const pid_t child = fork();
    if (child == 0) {
        alarm(20);
        std::string wrong;
        for (int kind = 0; kind < kinds; ++kind) {
            wrong += not_bad(kind, mine.handles[kind]);
        }
        if (!wrong.empty()) {
            fprintf(stderr, "in the child: %s\n", wrong.c_str());
        }
        _exit(wrong.empty() ? 0 : 1);
    }
    int status = 1;
    ASSERT_EQ(waitpid(child, &status, 0), child);
    EXPECT_EQ(status, 0);
    for (int kind = 0; kind < kinds; ++kind) {
        EXPECT_NE(calls(kind).front().run(mine.handles[kind]), bad) << kind_names[kind];
    }
}

TEST_F(Handles, two_threads_may_be_in_every_function_while_it_is_finalized) {
    for (int kind = 0; kind < kinds; ++kind) {
        for (const Call& call : calls(kind)) {
            SCOPED_TRACE(call.name);
            const Set mine(*cluster_);
            std::atomic<int> turns{0};
            std::atomic<int> ended{0};
            std::atomic<int> lies{0};
            int last[2] = {};
            const auto use = [&, handle = mine.handles[kind]](int& result) {
                const auto give_up = Clock::now() + patience;
                do {
                    result = call.run(handle);
                    ended += call.nature == ends && result == ok ? 1 : 0;
                    lies += result == gone ? 1 : 0;
                    ++turns;
                } while (result != bad && Clock::now() < give_up);
            };
            std::thread one(use, std::ref(last[0]));
            std::thread other(use, std::ref(last[1]));
            EXPECT_TRUE(
                wait_until([&] { return turns > (call.nature == ends ? 1 : 20); }, patience));
            const int finalized = mine.finalize(kind);
            one.join();
            other.join();
            EXPECT_EQ(last[0], bad);
            EXPECT_EQ(last[1], bad);
            EXPECT_EQ(lies, 0) << "the executive is not gone";
            if (call.nature == ends) {
                EXPECT_EQ(ended, 1) << "one thread ends it";
            } else {
                EXPECT_EQ(finalized, ok);
            }
        }
    }
}

TEST(HandlesFault, say_in_every_function_that_the_executive_is_gone_or_work_on) {
    Cluster cluster(1);
    cluster.start_all();
    const Set mine(cluster);
    int fd = -1;
    ASSERT_EQ(cpg_fd_get(mine.handles[cpg], &fd), CS_OK);
    cluster.kill(1);
    pollfd wait{fd, POLLIN | POLLRDHUP, 0};
    EXPECT_EQ(poll(&wait, 1, 20000), 1);
    EXPECT_TRUE(wait_until([&] {
        return saEvtDispatch(mine.handles[evt], SA_DISPATCH_ALL) == SA_AIS_ERR_LIBRARY &&
               evs_dispatch(mine.handles[evs], EVS_DISPATCH_ALL) == EVS_ERR_LIBRARY &&
               cpg_dispatch(mine.handles[cpg], CS_DISPATCH_ALL) == CS_ERR_LIBRARY;
    }));
    // Those that belong to others first, so that their ends are seen.
    for (const int kind : {received, event, channel, evt, evs, iteration, cpg}) {
        for (const Call& call : calls(kind)) {
            const bool is_channel = std::string_view(call.name) == "saEvtChannelClose";
            EXPECT_EQ(call.run(mine.handles[kind]),
                      call.nature == Call::Nature::asks || is_channel ? gone : ok)
                << call.name;
        }
    }
}

}  // namespace
}  // namespace ais::conformance
