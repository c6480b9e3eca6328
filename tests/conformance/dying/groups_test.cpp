// SPDX-License-Identifier: BSD-3-Clause
//
// The two libraries that are not the SA Forum's: cpg and evs.

#include "dying.hpp"

#include <openais/cpg.h>
#include <openais/evs.h>

#include <gtest/gtest.h>

#include <string>

namespace ais::conformance::dying {
namespace {

void on_message(cpg_handle_t, const cpg_name*, std::uint32_t, std::uint32_t, void*, std::size_t) {}
void on_deliver(unsigned, void*, int) {}
void on_change(unsigned*, int, unsigned*, int, unsigned*, int) {}

cs_error_t initialize(cpg_handle_t& handle) {
    cpg_callbacks_t callbacks{on_message, nullptr};
    return cpg_initialize(&handle, &callbacks);
}

cs_error_t initialize_model(cpg_handle_t& handle) {
    cpg_model_v1_data_t data{};
    data.model = CPG_MODEL_V1;
    data.cpg_deliver_fn = on_message;
    return cpg_model_initialize(
        &handle, CPG_MODEL_V1, reinterpret_cast<cpg_model_data_t*>(&data), nullptr);
}

cpg_name group_of(const std::string& text) {
    cpg_name name{};
    name.length = static_cast<std::uint32_t>(text.copy(name.value, sizeof name.value));
    return name;
}

TEST(Dying, executive_dies_in_every_function_of_cpg) {
    Executive executive;
    cpg_handle_t alone = 0;  // in no group, so nothing is pending
    cpg_handle_t leaver = 0;
    cpg_handle_t sender = 0;  // its ring is filled
    cpg_handle_t one = 0;
    cpg_handle_t other = 0;
    for (cpg_handle_t* handle : {&alone, &leaver, &sender, &one, &other}) {
        ASSERT_EQ(patiently([&] { return initialize(*handle); }), CS_OK);
    }
    cpg_name left = group_of("left");
    cpg_name flooded = group_of("flooded");
    cpg_name joined = group_of("joined");
    ASSERT_EQ(patiently([&] { return cpg_join(leaver, &left); }), CS_OK);
    ASSERT_EQ(patiently([&] { return cpg_join(sender, &flooded); }), CS_OK);
    cpg_address members[4];
    int count = 4;
    const auto ask_members = [&] {
        count = 4;
        return cpg_membership_get(alone, &flooded, members, &count);
    };
    ASSERT_TRUE(
        process::wait_until([&] { return ask_members() == CS_OK && count == 1; }, patience));
    const auto iterate = [&](cpg_iteration_handle_t& iteration) {
        return cpg_iteration_initialize(alone, CPG_ITERATION_ALL, nullptr, &iteration);
    };
    cpg_iteration_handle_t iterations[6]{};
    for (cpg_iteration_handle_t& iteration : iterations) {
        ASSERT_EQ(patiently([&] { return iterate(iteration); }), CS_OK);
    }
    Each<cpg_iteration_handle_t> read({iterations[0], iterations[1], iterations[2]});
    Each<cpg_iteration_handle_t> finished({iterations[3], iterations[4], iterations[5]});
    Each<cpg_handle_t> ended({one, other});
    cpg_handle_t none = 0;
    cpg_iteration_handle_t begun = 0;
    cpg_iteration_description_t description{};
    int fd = 0;
    unsigned node = 0;
    std::uint32_t size = 0;
    void* context = nullptr;
    cpg_flow_control_state_t flow{};
    std::string data(100000, 'd');
    const iovec part{data.data(), data.size()};
    void* buffer = nullptr;
    ASSERT_EQ(cpg_zcb_alloc(sender, data.size(), &buffer), CS_OK);
    // Each is given back at once.
    const auto allocate = [&](bool is_about_free) {
        void* memory = nullptr;
        const cs_error_t allocated = cpg_zcb_alloc(alone, 100, &memory);
        const cs_error_t freed = cpg_zcb_free(alone, memory);
        return is_about_free ? freed : allocated;
    };
    using enum Course;
    const Calls calls = {
        {"cpg_initialize", connects, [&] { return initialize(none); }},
        {"cpg_model_initialize", connects, [&] { return initialize_model(none); }},
        {"cpg_finalize", local, [&] { return cpg_finalize(ended.next()); }},
        {"cpg_fd_get", local, [&] { return cpg_fd_get(alone, &fd); }},
        {"cpg_dispatch", waits, [&] { return cpg_dispatch(alone, CS_DISPATCH_ONE); }, "one"},
        {"cpg_dispatch", looks, [&] { return cpg_dispatch(alone, CS_DISPATCH_ALL); }, "all"},
        {"cpg_dispatch",
         waits,
         [&] { return cpg_dispatch(alone, CS_DISPATCH_BLOCKING); },
         "blocking"},
        {"cpg_dispatch",
         looks,
         [&] { return cpg_dispatch(alone, CS_DISPATCH_ONE_NONBLOCKING); },
         "one, without waiting",
         CS_ERR_TRY_AGAIN},
        {"cpg_context_get", local, [&] { return cpg_context_get(alone, &context); }},
        {"cpg_context_set", local, [&] { return cpg_context_set(alone, &node); }},
        {"cpg_local_get", looks, [&] { return cpg_local_get(alone, &node); }},
        {"cpg_join", waits, [&] { return cpg_join(alone, &joined); }},
        {"cpg_leave", waits, [&] { return cpg_leave(leaver, &left); }},
        {"cpg_membership_get", waits, ask_members},
        {"cpg_max_atomic_msgsize_get",
         looks,
         [&] { return cpg_max_atomic_msgsize_get(alone, &size); }},
        {"cpg_flow_control_state_get",
         looks,
         [&] { return cpg_flow_control_state_get(alone, &flow); }},
        {"cpg_zcb_alloc", local, [&] { return allocate(false); }},
        {"cpg_zcb_free", local, [&] { return allocate(true); }},
        {"cpg_iteration_initialize", waits, [&] { return iterate(begun); }},
        {"cpg_iteration_next",
         local,
         [&] { return cpg_iteration_next(read.next(), &description); }},
        {"cpg_iteration_finalize", local, [&] { return cpg_iteration_finalize(finished.next()); }},
        {"cpg_mcast_joined",
         refuses,
         [&] { return cpg_mcast_joined(sender, CPG_TYPE_AGREED, &part, 1); }},
        {"cpg_zcb_mcast_joined",
         refuses,
         [&] { return cpg_zcb_mcast_joined(sender, CPG_TYPE_SAFE, buffer, data.size()); }},
    };
    expect_all_functions(calls, "plugins/cpg/include/cpg.h", "cpg_");
    executive.dies_during(calls);
    for (const cpg_handle_t handle : {alone, leaver, sender}) {
        EXPECT_EQ(cpg_finalize(handle), CS_OK);
    }
    expect_finalized(calls);

    executive.comes_back();
    ASSERT_EQ(patiently([&] { return initialize(alone); }), CS_OK);
    EXPECT_EQ(patiently([&] { return cpg_join(alone, &joined); }), CS_OK);
    EXPECT_EQ(patiently([&] { return cpg_mcast_joined(alone, CPG_TYPE_AGREED, &part, 1); }), CS_OK);
    EXPECT_EQ(cpg_finalize(alone), CS_OK);
}

evs_error_t initialize_evs(evs_handle_t& handle) {
    evs_callbacks_t callbacks{on_deliver, on_change};
    return evs_initialize(&handle, &callbacks);
}

TEST(Dying, executive_dies_in_every_function_of_evs) {
    Executive executive;
    evs_handle_t evs = 0;
    evs_handle_t sender = 0;  // its ring is filled
    evs_handle_t one = 0;
    evs_handle_t other = 0;
    for (evs_handle_t* handle : {&evs, &sender, &one, &other}) {
        ASSERT_EQ(patiently([&] { return initialize_evs(*handle); }), EVS_OK);
    }
    evs_group group{};
    group.key[0] = 'g';
    evs_group left{};
    left.key[0] = 'l';
    ASSERT_EQ(patiently([&] { return evs_join(evs, &left, 1); }), EVS_OK);
    ASSERT_EQ(patiently([&] { return evs_join(sender, &group, 1); }), EVS_OK);
    ASSERT_EQ(evs_dispatch(evs, EVS_DISPATCH_ALL), EVS_OK);  // the present configuration
    Each<evs_handle_t> ended({one, other});
    evs_handle_t none = 0;
    int fd = 0;
    unsigned node = 0;
    unsigned members[4];
    unsigned count = 4;
    std::string data(100000, 'd');
    iovec part{data.data(), data.size()};
    using enum Course;
    const Calls calls = {
        {"evs_initialize", connects, [&] { return initialize_evs(none); }},
        {"evs_finalize", local, [&] { return evs_finalize(ended.next()); }},
        {"evs_fd_get", local, [&] { return evs_fd_get(evs, &fd); }},
        {"evs_dispatch", waits, [&] { return evs_dispatch(evs, EVS_DISPATCH_ONE); }, "one"},
        {"evs_dispatch", looks, [&] { return evs_dispatch(evs, EVS_DISPATCH_ALL); }, "all"},
        {"evs_dispatch",
         waits,
         [&] { return evs_dispatch(evs, EVS_DISPATCH_BLOCKING); },
         "blocking"},
        {"evs_join", waits, [&] { return evs_join(evs, &group, 1); }},
        {"evs_join", looks, [&] { return evs_join(evs, nullptr, 0); }, "no group"},
        {"evs_leave", waits, [&] { return evs_leave(evs, &left, 1); }},
        {"evs_membership_get",
         waits,
         [&] { return evs_membership_get(evs, &node, members, &count); }},
        {"evs_mcast_joined",
         refuses,
         [&] { return evs_mcast_joined(sender, EVS_TYPE_AGREED, &part, 1); }},
        {"evs_mcast_groups",
         refuses,
         [&] { return evs_mcast_groups(sender, EVS_TYPE_SAFE, &group, 1, &part, 1); }},
    };
    expect_all_functions(calls, "plugins/evs/include/evs.h", "evs_");
    executive.dies_during(calls);
    EXPECT_EQ(evs_finalize(evs), EVS_OK);
    EXPECT_EQ(evs_finalize(sender), EVS_OK);
    expect_finalized(calls);

    executive.comes_back();
    ASSERT_EQ(patiently([&] { return initialize_evs(evs); }), EVS_OK);
    count = 4;
    EXPECT_EQ(patiently([&] { return evs_membership_get(evs, &node, members, &count); }), EVS_OK);
    EXPECT_EQ(node, 1U);
    EXPECT_EQ(evs_finalize(evs), EVS_OK);
}

}  // namespace
}  // namespace ais::conformance::dying
