// SPDX-License-Identifier: BSD-3-Clause
//
// libSaClm against running executives: the acceptance scenarios of the reference (CLM1 to
// CLM20), the error table of each function, and both generations.

#include "common.hpp"

#include <openais/saClm.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <functional>
#include <future>
#include <memory>
#include <string>
#include <thread>
#include <vector>

namespace ais::conformance {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

void on_common_node(SaInvocationT invocation, const SaClmClusterNodeT*, SaAisErrorT) {
    called_back(invocation);
}

}  // namespace

CommonService service_under_test() {
    CommonService clm;
    clm.name = "CLM";
    clm.initialize = [](SaUint64T* handle, bool with_callbacks, SaVersionT* version) {
        const SaClmCallbacksT callbacks{on_common_node, nullptr};
        return saClmInitialize(handle, with_callbacks ? &callbacks : nullptr, version);
    };
    clm.selection_object_get = saClmSelectionObjectGet;
    clm.dispatch = saClmDispatch;
    clm.finalize = saClmFinalize;
    clm.ask = [](SaUint64T handle, SaUint64T number) {
        return saClmClusterNodeGetAsync(handle, number, SA_CLM_LOCAL_NODE_ID);
    };
    clm.call = [](SaUint64T handle) {
        SaClmClusterNodeT node;
        return saClmClusterNodeGet(handle, SA_CLM_LOCAL_NODE_ID, SA_TIME_MAX, &node);
    };
    clm.functions = {
        {"ClusterTrack",
         [](SaUint64T handle) {
             SaClmClusterNotificationT room[4];
             SaClmClusterNotificationBufferT buffer{0, 4, room};
             return saClmClusterTrack(handle, SA_TRACK_CURRENT, &buffer);
         }},
        {"ClusterTrackStop", [](SaUint64T handle) { return saClmClusterTrackStop(handle); }},
    };
    return clm;
}

namespace {

// What a track callback said.
struct Told {
    SaUint64T view = 0;
    SaUint32T members = 0;
    std::string items;  // "1 2+ 3-": ids with their change
    std::vector<SaClmClusterNodeT> nodes;
};

std::string item_text(SaClmNodeIdT node, SaClmClusterChangesT change, SaBoolT member) {
    const char* sign[] = {"?", "", "+", "-", "!"};
    EXPECT_EQ(member, change == SA_CLM_NODE_LEFT ? SA_FALSE : SA_TRUE) << node;
    return std::to_string(node) + sign[change <= SA_CLM_NODE_RECONFIGURED ? change : 0];
}

template <typename Buffer>
std::string items_of(const Buffer& buffer) {
    std::string text;
    for (SaUint32T i = 0; i < buffer.numberOfItems; ++i) {
        const auto& item = buffer.notification[i];
        text += (i == 0 ? "" : " ") +
                item_text(item.clusterNode.nodeId, item.clusterChange, item.clusterNode.member);
    }
    return text;
}

// A program that tracks.  The callbacks have no context, so what they say is for the one
// that dispatches.
class Program {
  public:
    explicit Program(const std::string& run_dir, bool with_callbacks = true) {
        setenv("OPENAIS_RUN_DIR", run_dir.c_str(), 1);
        const SaClmCallbacksT callbacks{on_node, on_track};
        EXPECT_EQ(patiently([&] {
                      SaVersionT version{'B', 1, 1};
                      return saClmInitialize(
                          &handle, with_callbacks ? &callbacks : nullptr, &version);
                  }),
                  SA_AIS_OK);
    }
    ~Program() { saClmFinalize(handle); }
    Program(const Program&) = delete;
    Program& operator=(const Program&) = delete;

    SaAisErrorT track(SaUint8T flags, SaClmClusterNotificationBufferT* buffer = nullptr) {
        return saClmClusterTrack(handle, flags, buffer);
    }
    SaAisErrorT dispatch(SaDispatchFlagsT flags = SA_DISPATCH_ALL) {
        current_ = this;
        const SaAisErrorT error = saClmDispatch(handle, flags);
        current_ = nullptr;
        return error;
    }
    // Dispatches until it is true.  False: it took too long.
    template <typename Condition>
    bool until(Condition condition, Clock::duration longest = patience) {
        const auto descriptor = [&] {
            SaSelectionObjectT fd = 0;
            saClmSelectionObjectGet(handle, &fd);
            return fd;
        };
        return dispatch_until(
            descriptor, [&] { dispatch(); }, condition, longest);
    }
    bool until_told(std::size_t count) {
        return until([&] { return told.size() >= count; });
    }
    [[nodiscard]] SaUint32T members() {
        SaClmClusterNotificationBufferT buffer{};
        EXPECT_EQ(track(SA_TRACK_CURRENT, &buffer), SA_AIS_OK);
        std::free(buffer.notification);
        return buffer.numberOfItems;
    }
    bool until_members(SaUint32T count) {
        return wait_until([&] { return members() == count; }, patience);
    }

    SaClmHandleT handle = 0;
    std::vector<Told> told;
    std::vector<std::pair<SaInvocationT, SaAisErrorT>> nodes;
    SaClmClusterNodeT last_node{};  // of the last of them

  private:
    static void on_track(const SaClmClusterNotificationBufferT* buffer,
                         SaUint32T members,
                         SaAisErrorT error) {
        EXPECT_EQ(error, SA_AIS_OK);
        ASSERT_NE(current_, nullptr);
        Told one{buffer->viewNumber, members, items_of(*buffer), {}};
        for (SaUint32T i = 0; i < buffer->numberOfItems; ++i) {
            one.nodes.push_back(buffer->notification[i].clusterNode);
        }
        current_->told.push_back(std::move(one));
    }
    static void on_node(SaInvocationT invocation,
                        const SaClmClusterNodeT* node,
                        SaAisErrorT error) {
        EXPECT_NE(node, nullptr);
        ASSERT_NE(current_, nullptr);
        current_->nodes.emplace_back(invocation, error);
        current_->last_node = *node;
    }

    static inline Program* current_ = nullptr;
};

std::string address_of(const SaClmClusterNodeT& node) {
    return {reinterpret_cast<const char*>(node.nodeAddress.value), node.nodeAddress.length};
}

// A program of the later generation.
struct Later {
    explicit Later(const std::string& run_dir, SaUint8T major = 4) {
        setenv("OPENAIS_RUN_DIR", run_dir.c_str(), 1);
        const SaClmCallbacksT_4 callbacks{on_node, on_track};
        version = {'B', major, 0};
        error = saClmInitialize_4(&handle, &callbacks, &version);
    }
    ~Later() {
        if (error == SA_AIS_OK) {
            saClmFinalize(handle);
        }
    }
    Later(const Later&) = delete;
    Later& operator=(const Later&) = delete;

    static void on_node(SaInvocationT invocation,
                        const SaClmClusterNodeT_4* node,
                        SaAisErrorT result) {
        said += "node " + std::to_string(invocation) + " " + std::to_string(node->nodeId) + " " +
                std::to_string(result) + ";";
    }
    static void on_track(const SaClmClusterNotificationBufferT_4* buffer,
                         SaUint32T members,
                         SaInvocationT invocation,
                         const SaNameT* cause,
                         const SaNtfCorrelationIdsT* ids,
                         SaClmChangeStepT step,
                         SaTimeT,
                         SaAisErrorT result) {
        EXPECT_EQ(invocation, 0U);  // no answer is awaited
        EXPECT_NE(cause, nullptr);
        EXPECT_NE(ids, nullptr);
        EXPECT_EQ(step, SA_CLM_CHANGE_COMPLETED);
        EXPECT_EQ(result, SA_AIS_OK);
        said += "view " + std::to_string(members) + ": " + items_of(*buffer) + ";";
    }

    SaClmHandleT handle = 42;
    SaVersionT version{};
    SaAisErrorT error;
    static inline std::string said;
};

// One cluster of three for all scenarios that leave it whole.
class Clm : public testing::Test {
  protected:
    static void SetUpTestSuite() {
        cluster_ = std::make_unique<Cluster>(3);
        cluster_->start_all();
        for (int node = 1; node <= 3; ++node) {
            Program watcher(cluster_->run_dir(node));
            ASSERT_TRUE(watcher.until_members(3));
        }
    }
    static void TearDownTestSuite() { cluster_.reset(); }
    static std::string dir(int node) { return cluster_->run_dir(node); }

    static std::unique_ptr<Cluster> cluster_;
};
std::unique_ptr<Cluster> Clm::cluster_;

TEST_F(Clm, CLM1_current_allocates_where_there_is_no_room) {
    Program a(dir(1));
    SaClmClusterNotificationBufferT buffer{0, 77, nullptr};
    ASSERT_EQ(a.track(SA_TRACK_CURRENT, &buffer), SA_AIS_OK);
    EXPECT_EQ(buffer.numberOfItems, 3U);
    EXPECT_EQ(items_of(buffer), "1 2 3");
    EXPECT_GT(buffer.viewNumber, 0U);
    std::free(buffer.notification);
    buffer = {};
    ASSERT_EQ(a.track(SA_TRACK_CURRENT, &buffer), SA_AIS_OK);
    EXPECT_EQ(saClmClusterNotificationFree(a.handle, buffer.notification), SA_AIS_OK);
    EXPECT_EQ(saClmClusterNotificationFree(a.handle, nullptr), SA_AIS_ERR_INVALID_PARAM);
    EXPECT_EQ(saClmClusterNotificationFree(0, buffer.notification), SA_AIS_ERR_BAD_HANDLE);
}

TEST_F(Clm, CLM2_too_small_a_room_names_the_room_that_is_needed) {
    Program a(dir(1));
    SaClmClusterNotificationT room[2];
    SaClmClusterNotificationBufferT buffer{0, 2, room};
    EXPECT_EQ(a.track(SA_TRACK_CURRENT, &buffer), SA_AIS_ERR_NO_SPACE);
    EXPECT_EQ(buffer.numberOfItems, 3U);
    EXPECT_EQ(buffer.notification, room);
}

TEST_F(Clm, CLM3_what_is_not_needed_of_the_room_is_not_touched) {
    Program a(dir(1));
    std::vector<SaClmClusterNotificationT> room(10);
    std::memset(room.data(), 0x5a, room.size() * sizeof room[0]);
    SaClmClusterNotificationBufferT buffer{0, 10, room.data()};
    ASSERT_EQ(a.track(SA_TRACK_CURRENT, &buffer), SA_AIS_OK);
    EXPECT_EQ(buffer.numberOfItems, 3U);
    const auto* rest = reinterpret_cast<const unsigned char*>(&room[3]);
    for (std::size_t i = 0; i < 7 * sizeof room[0]; ++i) {
        ASSERT_EQ(rest[i], 0x5a);
    }
    // And exactly as much as is needed is enough.
    buffer = {0, 3, room.data()};
    EXPECT_EQ(a.track(SA_TRACK_CURRENT, &buffer), SA_AIS_OK);
}

TEST_F(Clm, CLM4_current_by_callback_is_one_callback_for_each_call) {
    Program a(dir(2));
    for (int i = 0; i < 4; ++i) {
        ASSERT_EQ(a.track(SA_TRACK_CURRENT), SA_AIS_OK);
    }
    EXPECT_EQ(a.dispatch(), SA_AIS_OK);
    ASSERT_EQ(a.told.size(), 4U);
    for (const Told& one : a.told) {
        EXPECT_EQ(one.items, "1 2 3");
        EXPECT_EQ(one.members, 3U);
    }
}

TEST_F(Clm, CLM5_without_the_callback_only_a_buffer_works) {
    Program a(dir(1), false);
    EXPECT_EQ(a.track(SA_TRACK_CURRENT), SA_AIS_ERR_INIT);
    EXPECT_EQ(a.track(SA_TRACK_CHANGES), SA_AIS_ERR_INIT);
    EXPECT_EQ(a.track(SA_TRACK_CHANGES_ONLY), SA_AIS_ERR_INIT);
    SaClmClusterNotificationBufferT buffer{};
    EXPECT_EQ(a.track(SA_TRACK_CURRENT | SA_TRACK_CHANGES, &buffer), SA_AIS_ERR_INIT);
    EXPECT_EQ(a.track(SA_TRACK_CURRENT, &buffer), SA_AIS_OK);
    std::free(buffer.notification);
}

TEST_F(Clm, CLM6_other_flags_are_bad) {
    Program a(dir(1));
    for (const int flags : {0,
                            SA_TRACK_CHANGES | SA_TRACK_CHANGES_ONLY,
                            SA_TRACK_CURRENT | SA_TRACK_CHANGES | SA_TRACK_CHANGES_ONLY,
                            SA_TRACK_LOCAL,
                            SA_TRACK_CURRENT | SA_TRACK_LOCAL,
                            0x10 | SA_TRACK_CURRENT,
                            0x20,
                            0x40 | SA_TRACK_CURRENT,
                            0x80}) {
        EXPECT_EQ(a.track(static_cast<SaUint8T>(flags)), SA_AIS_ERR_BAD_FLAGS) << flags;
    }
}

TEST_F(Clm, CLM6_each_of_the_256_flags_is_good_or_bad) {
    Program first(dir(1));
    const Later later(dir(1));
    SaClmClusterNotificationT room[3];
    SaClmClusterNotificationT_4 room_4[3];
    for (unsigned flags = 0; flags < 256; ++flags) {
        SaClmClusterNotificationBufferT buffer{0, 3, room};
        SaClmClusterNotificationBufferT_4 buffer_4{0, 3, room_4};
        // 1 and one of 2 and 4 at most; 8 adds to any of them, 16 and 32 to 2 and 4.
        const unsigned way = flags & 7U;
        const bool is_way = way == 1 || way == 2 || way == 3 || way == 4 || way == 5;
        const bool is_good_4 = is_way && flags < 64 && (flags < 16 || way != 1);
        EXPECT_EQ(first.track(static_cast<SaUint8T>(flags), &buffer),
                  is_way && flags < 8 ? SA_AIS_OK : SA_AIS_ERR_BAD_FLAGS)
            << flags;
        EXPECT_EQ(saClmClusterTrack_4(later.handle, static_cast<SaUint8T>(flags), &buffer_4),
                  is_good_4 ? SA_AIS_OK : SA_AIS_ERR_BAD_FLAGS)
            << flags;
    }
}

TEST_F(Clm, CLM7_a_room_for_nothing_is_refused) {
    Program a(dir(1));
    SaClmClusterNotificationT room[1];
    SaClmClusterNotificationBufferT buffer{0, 0, room};
    EXPECT_EQ(a.track(SA_TRACK_CURRENT, &buffer), SA_AIS_ERR_INVALID_PARAM);
    // Without CURRENT nobody looks at it.
    EXPECT_EQ(a.track(SA_TRACK_CHANGES, &buffer), SA_AIS_OK);
}

TEST_F(Clm, CLM11_tracking_is_stopped_once) {
    Program a(dir(1));
    EXPECT_EQ(saClmClusterTrackStop(a.handle), SA_AIS_ERR_NOT_EXIST);
    EXPECT_EQ(a.track(SA_TRACK_CHANGES), SA_AIS_OK);
    EXPECT_EQ(saClmClusterTrackStop(a.handle), SA_AIS_OK);
    EXPECT_EQ(saClmClusterTrackStop(a.handle), SA_AIS_ERR_NOT_EXIST);
    EXPECT_EQ(a.track(SA_TRACK_CHANGES_ONLY), SA_AIS_OK);
    EXPECT_EQ(saClmClusterTrackStop(a.handle), SA_AIS_OK);
}

TEST_F(Clm, CLM11_stop_discards_what_is_pending) {
    Program a(dir(1));
    EXPECT_EQ(a.track(SA_TRACK_CURRENT | SA_TRACK_CHANGES), SA_AIS_OK);
    EXPECT_EQ(saClmClusterTrackStop(a.handle), SA_AIS_OK);
    EXPECT_EQ(a.dispatch(), SA_AIS_OK);
    EXPECT_THAT(a.told, IsEmpty());
    EXPECT_EQ(a.track(SA_TRACK_CURRENT), SA_AIS_OK);
    EXPECT_EQ(a.dispatch(), SA_AIS_OK);
    EXPECT_EQ(a.told.size(), 1U);
}

TEST_F(Clm, CLM12_current_alone_is_no_tracking) {
    Program a(dir(1));
    EXPECT_EQ(a.track(SA_TRACK_CURRENT), SA_AIS_OK);
    EXPECT_EQ(saClmClusterTrackStop(a.handle), SA_AIS_ERR_NOT_EXIST);
}

TEST_F(Clm, CLM13_local_node_is_known_by_its_real_id) {
    Program a(dir(2));
    SaClmClusterNodeT node;
    ASSERT_EQ(saClmClusterNodeGet(a.handle, SA_CLM_LOCAL_NODE_ID, SA_TIME_MAX, &node), SA_AIS_OK);
    EXPECT_EQ(node.nodeId, 2U);
    EXPECT_EQ(node.member, SA_TRUE);
    EXPECT_EQ(address_of(node), "127.0.0.2");
    EXPECT_EQ(node.nodeAddress.family, SA_CLM_AF_INET);
    char host[257] = {};
    ASSERT_EQ(gethostname(host, sizeof host - 1), 0);
    EXPECT_EQ(text_of(node.nodeName), host);
    // It was started in this century and not in the future.
    const SaTimeT now = std::chrono::system_clock::now().time_since_epoch() / 1ns;
    EXPECT_GT(node.bootTimestamp, SA_TIME_ONE_DAY * 365 * 30);
    EXPECT_LT(node.bootTimestamp, now);
    EXPECT_GT(node.initialViewNumber, 0U);
}

TEST_F(Clm, CLM14_all_nodes_say_the_same_of_each) {
    for (SaClmNodeIdT id = 1; id <= 3; ++id) {
        std::vector<SaClmClusterNodeT> answers(3);
        for (int node = 1; node <= 3; ++node) {
            Program a(dir(node));
            SaClmClusterNodeT& answer = answers[static_cast<std::size_t>(node - 1)];
            std::memset(&answer, 0, sizeof answer);
            ASSERT_EQ(saClmClusterNodeGet(a.handle, id, 5 * SA_TIME_ONE_SECOND, &answer),
                      SA_AIS_OK);
            EXPECT_EQ(answer.nodeId, id);
            EXPECT_EQ(std::memcmp(&answer, &answers[0], sizeof answer), 0) << id;
        }
    }
}

TEST_F(Clm, CLM15_unknown_node_does_not_exist_and_output_is_not_touched) {
    Program a(dir(1));
    SaClmClusterNodeT node;
    std::memset(&node, 0x5a, sizeof node);
    const SaClmClusterNodeT before = node;
    for (const SaClmNodeIdT id : {0U, 4U, 0xfffffffeU}) {
        EXPECT_EQ(saClmClusterNodeGet(a.handle, id, SA_TIME_MAX, &node), SA_AIS_ERR_NOT_EXIST);
    }
    EXPECT_EQ(std::memcmp(&node, &before, sizeof node), 0);
}

TEST_F(Clm, CLM16_timeouts_are_taken_at_their_word) {
    Program a(dir(1));
    SaClmClusterNodeT node;
    const auto get = [&](SaTimeT timeout) {
        return saClmClusterNodeGet(a.handle, SA_CLM_LOCAL_NODE_ID, timeout, &node);
    };
    EXPECT_EQ(get(0), SA_AIS_ERR_TIMEOUT);
    EXPECT_EQ(get(-1), SA_AIS_ERR_INVALID_PARAM);
    EXPECT_EQ(get(SA_TIME_UNKNOWN), SA_AIS_ERR_INVALID_PARAM);
    EXPECT_EQ(get(SA_TIME_MAX - 1), SA_AIS_OK);
    EXPECT_EQ(get(SA_TIME_ONE_MINUTE), SA_AIS_OK);
    EXPECT_THAT(get(1), testing::AnyOf(SA_AIS_OK, SA_AIS_ERR_TIMEOUT));
    EXPECT_EQ(get(SA_TIME_MAX), SA_AIS_OK);
    EXPECT_EQ(saClmClusterNodeGet(a.handle, 1, SA_TIME_MAX, nullptr), SA_AIS_ERR_INVALID_PARAM);
}

TEST_F(Clm, CLM16_executive_that_stands_still_means_timeout) {
    Program a(dir(3));
    Program b(dir(3));
    cluster_->pause(3);
    SaClmClusterNodeT node;
    EXPECT_EQ(
        saClmClusterNodeGet(a.handle, SA_CLM_LOCAL_NODE_ID, 20 * SA_TIME_ONE_MILLISECOND, &node),
        SA_AIS_ERR_TIMEOUT);
    EXPECT_EQ(saClmClusterNodeGet(a.handle, 1, 1, &node), SA_AIS_ERR_TIMEOUT);
    // Who waits comes back when another thread finalizes the handle.
    std::atomic<pid_t> thread_id{0};
    SaAisErrorT ended = SA_AIS_OK;
    std::thread blocked([&] {
        thread_id = static_cast<pid_t>(syscall(SYS_gettid));
        SaClmClusterNodeT other;
        ended = saClmClusterNodeGet(b.handle, 1, SA_TIME_MAX, &other);
    });
    EXPECT_TRUE(wait_until(
        [&] {
            std::ifstream stat("/proc/self/task/" + std::to_string(thread_id) + "/stat");
            std::string text;
            std::getline(stat, text);
            return thread_id != 0 && text.find(") S ") != std::string::npos;
        },
        patience));
    EXPECT_EQ(saClmFinalize(b.handle), SA_AIS_OK);
    blocked.join();
    EXPECT_EQ(ended, SA_AIS_ERR_BAD_HANDLE);
    cluster_->resume(3);
    EXPECT_TRUE(a.until_members(3));
    for (int other = 1; other <= 2; ++other) {
        Program watcher(dir(other));
        EXPECT_TRUE(watcher.until_members(3));
    }
}

TEST_F(Clm, CLM17_node_by_callback_has_its_invocation) {
    Program a(dir(1));
    EXPECT_EQ(saClmClusterNodeGetAsync(a.handle, 42, SA_CLM_LOCAL_NODE_ID), SA_AIS_OK);
    EXPECT_EQ(saClmClusterNodeGetAsync(a.handle, 0, 3), SA_AIS_OK);
    EXPECT_EQ(saClmClusterNodeGetAsync(a.handle, ~SaInvocationT{0}, 99), SA_AIS_OK);
    EXPECT_EQ(a.dispatch(), SA_AIS_OK);
    EXPECT_THAT(a.nodes,
                ElementsAre(std::pair(SaInvocationT{42}, SA_AIS_OK),
                            std::pair(SaInvocationT{0}, SA_AIS_OK),
                            std::pair(~SaInvocationT{0}, SA_AIS_ERR_NOT_EXIST)));
    // What is said about no node is nothing; about one, what the synchronous call says.
    const SaClmClusterNodeT nothing{};
    EXPECT_EQ(std::memcmp(&a.last_node, &nothing, sizeof nothing), 0);
    SaClmClusterNodeT node{};
    EXPECT_EQ(saClmClusterNodeGet(a.handle, 3, SA_TIME_MAX, &node), SA_AIS_OK);
    EXPECT_EQ(saClmClusterNodeGetAsync(a.handle, 1, 3), SA_AIS_OK);
    EXPECT_EQ(a.dispatch(), SA_AIS_OK);
    EXPECT_EQ(std::memcmp(&a.last_node, &node, sizeof node), 0);
}

TEST_F(Clm, CLM18_without_the_callback_asking_says_init) {
    Program a(dir(1), false);
    EXPECT_EQ(saClmClusterNodeGetAsync(a.handle, 1, SA_CLM_LOCAL_NODE_ID), SA_AIS_ERR_INIT);
}

TEST_F(Clm, CLM18_each_callback_is_for_its_own_function) {
    cluster_->use(1);
    const auto ignore_node = [](SaInvocationT, const SaClmClusterNodeT*, SaAisErrorT) {};
    const auto ignore_view = [](const SaClmClusterNotificationBufferT*, SaUint32T, SaAisErrorT) {};
    const SaClmCallbacksT of_node{ignore_node, nullptr};
    const SaClmCallbacksT of_view{nullptr, ignore_view};
    const SaClmCallbacksT_4 of_node_4{Later::on_node, nullptr};
    const SaClmCallbacksT_4 of_view_4{nullptr, Later::on_track};
    for (const bool has_node : {true, false}) {
        SCOPED_TRACE(has_node);
        SaClmHandleT first = 0;
        SaClmHandleT later = 0;
        SaVersionT version{'B', 1, 1};
        ASSERT_EQ(saClmInitialize(&first, has_node ? &of_node : &of_view, &version), SA_AIS_OK);
        version = {'B', 4, 1};
        ASSERT_EQ(saClmInitialize_4(&later, has_node ? &of_node_4 : &of_view_4, &version),
                  SA_AIS_OK);
        const SaAisErrorT node = has_node ? SA_AIS_OK : SA_AIS_ERR_INIT;
        const SaAisErrorT view = has_node ? SA_AIS_ERR_INIT : SA_AIS_OK;
        for (const SaClmHandleT handle : {first, later}) {
            EXPECT_EQ(saClmClusterNodeGetAsync(handle, 1, 1), node);
        }
        for (const int flags : {SA_TRACK_CURRENT, SA_TRACK_CHANGES, SA_TRACK_CHANGES_ONLY}) {
            EXPECT_EQ(saClmClusterTrack(first, static_cast<SaUint8T>(flags), nullptr), view);
            EXPECT_EQ(saClmClusterTrack_4(later, static_cast<SaUint8T>(flags), nullptr), view);
        }
        SaClmClusterNotificationBufferT_4 buffer{};
        EXPECT_EQ(saClmClusterTrack_4(later, SA_TRACK_CURRENT, &buffer), SA_AIS_OK);
        EXPECT_EQ(saClmClusterNotificationFree_4(later, buffer.notification), SA_AIS_OK);
        EXPECT_EQ(saClmFinalize(first), SA_AIS_OK);
        EXPECT_EQ(saClmFinalize(later), SA_AIS_OK);
    }
}

// All functions that take a handle, with good arguments; each returns what it makes of the handle.
std::vector<SaAisErrorT> call_all(SaClmHandleT handle) {
    SaClmClusterNotificationT room[4];
    SaClmClusterNotificationBufferT buffer{0, 4, room};
    SaClmClusterNotificationT_4 room_4[4];
    SaClmClusterNotificationBufferT_4 buffer_4{0, 4, room_4};
    SaClmClusterNodeT node;
    SaClmClusterNodeT_4 node_4;
    SaSelectionObjectT fd = 0;
    auto* list = static_cast<SaClmClusterNotificationT*>(std::malloc(sizeof room[0]));
    auto* list_4 = static_cast<SaClmClusterNotificationT_4*>(std::malloc(sizeof room_4[0]));
    const SaAisErrorT freed = saClmClusterNotificationFree(handle, list);
    const SaAisErrorT freed_4 = saClmClusterNotificationFree_4(handle, list_4);
    if (freed != SA_AIS_OK) {
        std::free(list);
    }
    if (freed_4 != SA_AIS_OK) {
        std::free(list_4);
    }
    return {freed,
            freed_4,
            saClmSelectionObjectGet(handle, &fd),
            saClmDispatch(handle, SA_DISPATCH_ALL),
            saClmClusterTrack(handle, SA_TRACK_CURRENT, &buffer),
            saClmClusterTrack_4(handle, SA_TRACK_CURRENT, &buffer_4),
            saClmClusterTrackStop(handle),
            saClmClusterNodeGet(handle, 1, SA_TIME_MAX, &node),
            saClmClusterNodeGet_4(handle, 1, SA_TIME_MAX, &node_4),
            saClmClusterNodeGetAsync(handle, 1, 1),
            saClmResponse_4(handle, 1, SA_CLM_CALLBACK_RESPONSE_OK)};
}

TEST_F(Clm, handles_that_are_none_are_refused_by_every_function) {
    Program first(dir(1));
    const Later later(dir(1));
    EXPECT_THAT(call_all(first.handle),
                testing::Each(testing::AnyOf(SA_AIS_OK, SA_AIS_ERR_NOT_EXIST, SA_AIS_ERR_VERSION)));
    const pid_t child = fork();
    if (child == 0) {
        bool is_well = true;
        for (const SaClmHandleT handle : {first.handle, later.handle}) {
            for (const SaAisErrorT error : call_all(handle)) {
                is_well = is_well && error == SA_AIS_ERR_BAD_HANDLE;
            }
            is_well = is_well && saClmFinalize(handle) == SA_AIS_ERR_BAD_HANDLE;
        }
        _exit(is_well ? 0 : 1);
    }
    int status = 1;
    waitpid(child, &status, 0);
    EXPECT_EQ(status, 0);
    SaClmHandleT number = 0x9e3779b97f4a7c15U;
    for (int i = 0; i < 500; ++i) {
        number = number * 6364136223846793005U + 1442695040888963407U;
        EXPECT_THAT(call_all(i == 0 ? 0 : number), testing::Each(SA_AIS_ERR_BAD_HANDLE));
    }
    for (const SaClmHandleT handle : {first.handle, later.handle}) {
        EXPECT_EQ(saClmFinalize(handle), SA_AIS_OK);
        EXPECT_THAT(call_all(handle), testing::Each(SA_AIS_ERR_BAD_HANDLE));
        EXPECT_EQ(saClmFinalize(handle), SA_AIS_ERR_BAD_HANDLE);
    }
}

TEST_F(Clm, every_function_ends_with_bad_handle_when_another_thread_finalizes) {
    cluster_->use(1);
    const SaClmCallbacksT callbacks{[](SaInvocationT, const SaClmClusterNodeT*, SaAisErrorT) {},
                                    nullptr};
    const SaClmCallbacksT_4 callbacks_4{
        [](SaInvocationT, const SaClmClusterNodeT_4*, SaAisErrorT) {}, nullptr};
    for (int round = 0; round < 6; ++round) {
        SaClmHandleT handle = 0;
        SaVersionT version{'B', static_cast<SaUint8T>(round % 2 == 0 ? 1 : 4), 1};
        ASSERT_EQ(round % 2 == 0 ? saClmInitialize(&handle, &callbacks, &version)
                                 : saClmInitialize_4(&handle, &callbacks_4, &version),
                  SA_AIS_OK);
        constexpr std::size_t callers = 4;
        std::atomic<std::size_t> busy{0};
        std::vector<std::thread> threads;
        for (std::size_t i = 0; i < callers; ++i) {
            threads.emplace_back([&] {
                bool is_over = false;
                for (bool is_first = true; !is_over; is_first = false) {
                    for (const SaAisErrorT error : call_all(handle)) {
                        is_over = is_over || error == SA_AIS_ERR_BAD_HANDLE;
                        EXPECT_THAT(error,
                                    testing::AnyOf(SA_AIS_OK,
                                                   SA_AIS_ERR_NOT_EXIST,
                                                   SA_AIS_ERR_VERSION,
                                                   SA_AIS_ERR_INVALID_PARAM,
                                                   SA_AIS_ERR_BAD_HANDLE));
                    }
                    busy += is_first ? 1 : 0;
                }
                EXPECT_THAT(call_all(handle), testing::Each(SA_AIS_ERR_BAD_HANDLE));
            });
        }
        EXPECT_TRUE(wait_until([&] { return busy == callers; }, patience));
        EXPECT_EQ(saClmFinalize(handle), SA_AIS_OK);
        for (std::thread& thread : threads) {
            thread.join();
        }
    }
}

TEST_F(Clm, program_that_dies_while_it_tracks_is_no_change) {
    Program witness(dir(1));
    ASSERT_EQ(witness.track(SA_TRACK_CHANGES), SA_AIS_OK);
    int ready[2];
    ASSERT_EQ(pipe(ready), 0);
    const pid_t child = fork();
    if (child == 0) {
        Program doomed(dir(2));
        const bool is_tracking = doomed.track(SA_TRACK_CHANGES) == SA_AIS_OK;
        if (!is_tracking || write(ready[1], "t", 1) != 1) {
            _exit(1);
        }
        pause();
        _exit(0);
    }
    close(ready[1]);
    char byte = 0;
    EXPECT_EQ(read(ready[0], &byte, 1), 1);
    close(ready[0]);
    kill(child, SIGKILL);
    waitpid(child, nullptr, 0);
    Program again(dir(2));
    EXPECT_EQ(again.members(), 3U);
    EXPECT_EQ(witness.members(), 3U);
    EXPECT_EQ(witness.dispatch(), SA_AIS_OK);
    EXPECT_THAT(witness.told, IsEmpty());
}

TEST_F(Clm, view_has_one_number_however_it_is_asked_for) {
    SaUint64T number = 0;
    for (int node = 1; node <= 3; ++node) {
        Program a(dir(node));
        SaClmClusterNotificationBufferT buffer{};
        ASSERT_EQ(a.track(SA_TRACK_CURRENT, &buffer), SA_AIS_OK);
        std::free(buffer.notification);
        number = node == 1 ? buffer.viewNumber : number;
        EXPECT_EQ(buffer.viewNumber, number);
        EXPECT_EQ(a.track(SA_TRACK_CURRENT | SA_TRACK_CHANGES_ONLY), SA_AIS_OK);
        EXPECT_EQ(a.dispatch(), SA_AIS_OK);
        ASSERT_EQ(a.told.size(), 1U);
        EXPECT_EQ(a.told[0].view, number);
        for (const SaClmClusterNodeT& each : a.told[0].nodes) {
            EXPECT_LE(each.initialViewNumber, number);
        }
    }
}

// ---- the later generation

TEST_F(Clm, later_generation_is_served_from_major_2_to_4) {
    for (const SaUint8T major : {SaUint8T{2}, SaUint8T{3}, SaUint8T{4}}) {
        const Later later(dir(1), major);
        EXPECT_EQ(later.error, SA_AIS_OK);
        EXPECT_EQ(later.version.majorVersion, 4);
        EXPECT_EQ(later.version.minorVersion, 1);
    }
    for (const SaUint8T major : {SaUint8T{0}, SaUint8T{1}, SaUint8T{5}}) {
        const Later refused(dir(1), major);
        EXPECT_EQ(refused.error, SA_AIS_ERR_VERSION) << int{major};
        EXPECT_EQ(refused.version.majorVersion, 4);
        EXPECT_EQ(refused.handle, 42U);
    }
    SaClmHandleT handle = 42;
    SaVersionT version{};
    for (const SaUint8T release : {'A', 'C', 'Z', '\0'}) {
        version = {release, 4, 1};
        EXPECT_EQ(saClmInitialize_4(&handle, nullptr, &version), SA_AIS_ERR_VERSION);
        EXPECT_EQ(version.releaseCode, 'B');
        EXPECT_EQ(version.majorVersion, 4);
    }
    // What one function serves is no version of the other's.
    version = {'B', 4, 1};
    EXPECT_EQ(saClmInitialize(&handle, nullptr, &version), SA_AIS_ERR_VERSION);
    EXPECT_EQ(version.majorVersion, 1);
    EXPECT_EQ(handle, 42U);
    version = {'B', 4, 1};
    EXPECT_EQ(saClmInitialize_4(nullptr, nullptr, &version), SA_AIS_ERR_INVALID_PARAM);
    EXPECT_EQ(saClmInitialize_4(&handle, nullptr, nullptr), SA_AIS_ERR_INVALID_PARAM);
    EXPECT_EQ(saClmInitialize_4(&handle, nullptr, &version), SA_AIS_OK);
    EXPECT_EQ(saClmClusterTrack_4(handle, SA_TRACK_CURRENT, nullptr), SA_AIS_ERR_INIT);
    EXPECT_EQ(saClmClusterNodeGetAsync(handle, 1, 1), SA_AIS_ERR_INIT);
    EXPECT_EQ(saClmFinalize(handle), SA_AIS_OK);
}

TEST_F(Clm, functions_of_the_other_generation_say_version) {
    Program first(dir(1));
    const Later later(dir(1));
    SaClmClusterNotificationT one[3];
    SaClmClusterNotificationT_4 four[3];
    SaClmClusterNotificationBufferT buffer{0, 3, one};
    SaClmClusterNotificationBufferT_4 buffer_4{0, 3, four};
    SaClmClusterNodeT node;
    SaClmClusterNodeT_4 node_4;
    EXPECT_EQ(saClmClusterTrack(later.handle, SA_TRACK_CURRENT, &buffer), SA_AIS_ERR_VERSION);
    EXPECT_EQ(saClmClusterTrack_4(first.handle, SA_TRACK_CURRENT, &buffer_4), SA_AIS_ERR_VERSION);
    EXPECT_EQ(saClmClusterNodeGet(later.handle, 1, SA_TIME_MAX, &node), SA_AIS_ERR_VERSION);
    EXPECT_EQ(saClmClusterNodeGet_4(first.handle, 1, SA_TIME_MAX, &node_4), SA_AIS_ERR_VERSION);
    EXPECT_EQ(saClmClusterNotificationFree(later.handle, one), SA_AIS_ERR_VERSION);
    EXPECT_EQ(saClmClusterNotificationFree_4(first.handle, four), SA_AIS_ERR_VERSION);
    EXPECT_EQ(saClmResponse_4(first.handle, 1, SA_CLM_CALLBACK_RESPONSE_OK), SA_AIS_ERR_VERSION);
}

TEST_F(Clm, later_generation_tells_the_same_in_its_own_structures) {
    const Later later(dir(2));
    SaClmClusterNotificationBufferT_4 buffer{};
    ASSERT_EQ(saClmClusterTrack_4(later.handle, SA_TRACK_CURRENT, &buffer), SA_AIS_OK);
    EXPECT_EQ(items_of(buffer), "1 2 3");
    EXPECT_EQ(saClmClusterNotificationFree_4(later.handle, buffer.notification), SA_AIS_OK);
    EXPECT_EQ(saClmClusterNotificationFree_4(later.handle, nullptr), SA_AIS_ERR_INVALID_PARAM);
    SaClmClusterNotificationT_4 room[1];
    buffer = {0, 1, room};
    EXPECT_EQ(saClmClusterTrack_4(later.handle, SA_TRACK_CURRENT, &buffer), SA_AIS_ERR_NO_SPACE);
    EXPECT_EQ(buffer.numberOfItems, 3U);
    buffer = {0, 1, room};
    EXPECT_EQ(saClmClusterTrack_4(later.handle, SA_TRACK_CURRENT | SA_TRACK_LOCAL, &buffer),
              SA_AIS_OK);
    EXPECT_EQ(items_of(buffer), "2");
    SaClmClusterNodeT_4 node;
    EXPECT_EQ(saClmClusterNodeGet_4(later.handle, 3, SA_TIME_MAX, &node), SA_AIS_OK);
    EXPECT_EQ(node.nodeId, 3U);
    EXPECT_EQ(saClmClusterNodeGet_4(later.handle, 9, SA_TIME_MAX, &node), SA_AIS_ERR_NOT_EXIST);
    EXPECT_EQ(saClmClusterNodeGet_4(later.handle, 3, 0, &node), SA_AIS_ERR_TIMEOUT);
    EXPECT_EQ(saClmClusterNodeGet_4(later.handle, 3, -1, &node), SA_AIS_ERR_INVALID_PARAM);
    EXPECT_EQ(saClmClusterNodeGet_4(later.handle, 3, 1, nullptr), SA_AIS_ERR_INVALID_PARAM);
    EXPECT_EQ(saClmClusterNodeGet_4(later.handle, 3, SA_TIME_UNKNOWN, &node),
              SA_AIS_ERR_INVALID_PARAM);
    EXPECT_THAT(saClmClusterNodeGet_4(later.handle, 3, 1, &node),
                testing::AnyOf(SA_AIS_OK, SA_AIS_ERR_TIMEOUT));
    buffer = {0, 0, room};
    EXPECT_EQ(saClmClusterTrack_4(later.handle, SA_TRACK_CURRENT, &buffer),
              SA_AIS_ERR_INVALID_PARAM);
    Later::said.clear();
    EXPECT_EQ(saClmClusterTrack_4(later.handle, SA_TRACK_CURRENT, nullptr), SA_AIS_OK);
    EXPECT_EQ(saClmClusterNodeGetAsync(later.handle, 5, SA_CLM_LOCAL_NODE_ID), SA_AIS_OK);
    EXPECT_EQ(saClmClusterNodeGetAsync(later.handle, 0, 9), SA_AIS_OK);
    EXPECT_EQ(saClmDispatch(later.handle, SA_DISPATCH_ALL), SA_AIS_OK);
    EXPECT_EQ(Later::said, "view 3: 1 2 3;node 5 2 1;node 0 0 12;");
}

TEST_F(Clm, later_generation_has_flags_of_its_own) {
    const Later later(dir(1));
    for (const int flags : {0,
                            SA_TRACK_LOCAL,
                            SA_TRACK_START_STEP,
                            SA_TRACK_VALIDATE_STEP,
                            SA_TRACK_CURRENT | SA_TRACK_START_STEP,
                            SA_TRACK_CURRENT | SA_TRACK_VALIDATE_STEP,
                            SA_TRACK_CHANGES | SA_TRACK_CHANGES_ONLY,
                            SA_TRACK_CHANGES | 0x40}) {
        EXPECT_EQ(saClmClusterTrack_4(later.handle, static_cast<SaUint8T>(flags), nullptr),
                  SA_AIS_ERR_BAD_FLAGS)
            << flags;
    }
    EXPECT_EQ(
        saClmClusterTrack_4(
            later.handle, SA_TRACK_CHANGES | SA_TRACK_START_STEP | SA_TRACK_VALIDATE_STEP, nullptr),
        SA_AIS_OK);
    EXPECT_EQ(saClmClusterTrackStop(later.handle), SA_AIS_OK);
    EXPECT_EQ(saClmClusterTrackStop(later.handle), SA_AIS_ERR_NOT_EXIST);
}

TEST_F(Clm, response_that_was_not_asked_for_is_refused) {
    const Later later(dir(1));
    EXPECT_EQ(saClmResponse_4(0, 0, SA_CLM_CALLBACK_RESPONSE_OK), SA_AIS_ERR_BAD_HANDLE);
    EXPECT_EQ(saClmResponse_4(later.handle, 0, SA_CLM_CALLBACK_RESPONSE_OK),
              SA_AIS_ERR_INVALID_PARAM);
    for (const int response : {0, 4, -1, 0x7fffffff}) {
        EXPECT_EQ(saClmResponse_4(later.handle, 1, beyond<SaClmResponseT>(response)),
                  SA_AIS_ERR_INVALID_PARAM);
    }
    EXPECT_EQ(saClmResponse_4(later.handle, 1, SA_CLM_CALLBACK_RESPONSE_REJECTED),
              SA_AIS_ERR_INVALID_PARAM);
}

// ---- scenarios that break the cluster: each has its own

class ClmFaults : public testing::Test {
  protected:
    std::string dir(int node) const { return cluster_->run_dir(node); }
    void start(int nodes) {
        cluster_ = std::make_unique<Cluster>(nodes);
        cluster_->start_all();
        for (int node = 1; node <= nodes; ++node) {
            Program watcher(dir(node));
            ASSERT_TRUE(watcher.until_members(static_cast<SaUint32T>(nodes)));
        }
    }
    std::unique_ptr<Cluster> cluster_;
};

TEST_F(ClmFaults, CLM8_CLM9_CLM10_killed_node_leaves_and_comes_back_as_a_new_member) {
    start(3);
    Program all(dir(1));
    Program only(dir(1));
    Program replaced(dir(2));
    Program finalized(dir(2));
    ASSERT_EQ(all.track(SA_TRACK_CHANGES), SA_AIS_OK);
    ASSERT_EQ(only.track(SA_TRACK_CHANGES_ONLY), SA_AIS_OK);
    ASSERT_EQ(replaced.track(SA_TRACK_CHANGES), SA_AIS_OK);
    ASSERT_EQ(replaced.track(SA_TRACK_CHANGES_ONLY), SA_AIS_OK);
    ASSERT_EQ(finalized.track(SA_TRACK_CHANGES), SA_AIS_OK);
    SaClmClusterNotificationBufferT before{};
    ASSERT_EQ(all.track(SA_TRACK_CURRENT, &before), SA_AIS_OK);
    std::free(before.notification);
    cluster_->kill(3);
    ASSERT_TRUE(all.until_told(1));
    EXPECT_EQ(all.told[0].items, "1 2 3-");
    EXPECT_EQ(all.told[0].members, 2U);
    EXPECT_GT(all.told[0].view, before.viewNumber);
    ASSERT_TRUE(only.until_told(1));
    EXPECT_EQ(only.told[0].items, "3-");
    EXPECT_EQ(only.told[0].members, 2U);
    SaClmClusterNodeT gone;
    EXPECT_EQ(saClmClusterNodeGet(all.handle, 3, SA_TIME_MAX, &gone), SA_AIS_ERR_NOT_EXIST);

    // CLM20: what is pending when a handle is finalized is told to nobody.
    EXPECT_EQ(saClmFinalize(finalized.handle), SA_AIS_OK);
    EXPECT_EQ(finalized.dispatch(), SA_AIS_ERR_BAD_HANDLE);
    EXPECT_THAT(finalized.told, IsEmpty());

    cluster_->restart(3);
    ASSERT_TRUE(only.until_told(2));
    EXPECT_EQ(only.told[1].items, "3+");
    EXPECT_EQ(only.told[1].members, 3U);
    EXPECT_EQ(only.told[1].nodes[0].initialViewNumber, only.told[1].view);
    EXPECT_GT(only.told[1].view, only.told[0].view);
    ASSERT_TRUE(all.until_told(2));
    EXPECT_EQ(all.told[1].items, "1 2 3+");
    EXPECT_EQ(all.told[1].view, only.told[1].view);
    ASSERT_TRUE(replaced.until_told(2));
    EXPECT_EQ(replaced.told.size(), 2U);
    EXPECT_EQ(replaced.told[0].items, "3-");
    EXPECT_EQ(replaced.told[1].items, "3+");
    EXPECT_EQ(replaced.told[1].view, only.told[1].view);

    // An orderly end is told as any other.
    EXPECT_EQ(cluster_->stop(3), 0);
    ASSERT_TRUE(all.until_told(3));
    EXPECT_EQ(all.told[2].items, "1 2 3-");
    EXPECT_EQ(all.told[2].members, 2U);
    EXPECT_GT(all.told[2].view, all.told[1].view);
}

// While nodes make their replicas equal, a call waits for ipc.request_wait, here not at all.
TEST_F(ClmFaults, calls_that_cannot_wait_for_an_exchange_say_try_again) {
    cluster_ = std::make_unique<Cluster>(2, "", "ipc {\n    request_wait: 0\n}\n");
    cluster_->start(1);
    cluster_->wait_ring({1});
    Program one(dir(1));
    SaClmClusterNodeT node;
    struct Call {
        const char* name;
        std::function<SaAisErrorT()> make;
    };
    const std::vector<Call> calls = {
        {"Track",
         [&] {
             SaClmClusterNotificationT room[2];
             SaClmClusterNotificationBufferT buffer{0, 2, room};
             return one.track(SA_TRACK_CURRENT, &buffer);
         }},
        {"TrackStop",
         [&] {
             const SaAisErrorT error = saClmClusterTrackStop(one.handle);
             return error == SA_AIS_ERR_NOT_EXIST ? SA_AIS_OK : error;
         }},
        {"NodeGet", [&] { return saClmClusterNodeGet(one.handle, 1, SA_TIME_MAX, &node); }},
        {"NodeGetAsync", [&] { return saClmClusterNodeGetAsync(one.handle, 1, 1); }},
    };
    std::atomic<bool> over{false};
    std::vector<std::atomic<bool>> told(calls.size());
    std::vector<std::thread> threads;
    for (std::size_t i = 0; i < calls.size(); ++i) {
        threads.emplace_back([&, i] {
            SaAisErrorT error = SA_AIS_OK;
            while (!over && error == SA_AIS_OK) {
                error = calls[i].make();
                if (i == 3) {
                    one.dispatch();
                }
            }
            told[i] = error == SA_AIS_ERR_TRY_AGAIN;
            EXPECT_TRUE(over || told[i]) << calls[i].name << " " << error;
        });
    }
    const auto all_told = [&] {
        return std::all_of(told.begin(), told.end(), [](const auto& each) { return each.load(); });
    };
    // A node that comes makes an exchange; what was not under way then is asked at the next.
    for (int round = 0; round < 8 && !all_told(); ++round) {
        cluster_->restart(2);
        wait_until(all_told, 2s);
    }
    over = true;
    for (std::thread& thread : threads) {
        thread.join();
    }
    for (std::size_t i = 0; i < calls.size(); ++i) {
        EXPECT_TRUE(told[i]) << calls[i].name;
        EXPECT_EQ(patiently(calls[i].make), SA_AIS_OK) << calls[i].name;
    }
}

// ---- administration

// A program of B.04 that tracks with steps.  One at a time dispatches.
class Stepper {
  public:
    Stepper(const std::string& run_dir, SaUint8T flags) {
        setenv("OPENAIS_RUN_DIR", run_dir.c_str(), 1);
        const SaClmCallbacksT_4 callbacks{nullptr, on_track};
        EXPECT_EQ(patiently([&] {
                      SaVersionT version{'B', 4, 1};
                      return saClmInitialize_4(&handle, &callbacks, &version);
                  }),
                  SA_AIS_OK);
        EXPECT_EQ(saClmClusterTrack_4(handle, flags, nullptr), SA_AIS_OK);
    }
    ~Stepper() { saClmFinalize(handle); }
    Stepper(const Stepper&) = delete;
    Stepper& operator=(const Stepper&) = delete;

    bool until_said(const std::string& what) {
        return wait_until(
            [&] {
                current_ = this;
                EXPECT_EQ(saClmDispatch(handle, SA_DISPATCH_ALL), SA_AIS_OK);
                current_ = nullptr;
                return said == what;
            },
            patience);
    }
    SaAisErrorT answer(SaClmResponseT response) {
        return saClmResponse_4(handle, invocation, response);
    }

    SaClmHandleT handle = 0;
    SaInvocationT invocation = 0;
    std::string said;

  private:
    static void on_track(const SaClmClusterNotificationBufferT_4* buffer,
                         SaUint32T members,
                         SaInvocationT invocation,
                         const SaNameT*,
                         const SaNtfCorrelationIdsT*,
                         SaClmChangeStepT step,
                         SaTimeT supervision,
                         SaAisErrorT error) {
        EXPECT_EQ(error, SA_AIS_OK);
        ASSERT_NE(current_, nullptr);
        ASSERT_EQ(buffer->numberOfItems, 1U);
        const char* names[] = {"?", "validate", "start", "aborted", "completed"};
        const auto& item = buffer->notification[0];
        current_->said += std::string(names[step]) + " " + std::to_string(item.clusterNode.nodeId) +
                          " change " + std::to_string(item.clusterChange) + " of " +
                          std::to_string(members) +
                          (item.clusterNode.member == SA_TRUE ? ";" : " gone;");
        EXPECT_EQ(supervision, invocation == 0 ? 0 : 10 * SA_TIME_ONE_SECOND);
        if (invocation != 0) {
            current_->invocation = invocation;
        }
    }
    static inline Stepper* current_ = nullptr;
};

// aisctl, which waits until the change is over, so it may run beside the test.
std::future<int> aisctl(const std::string& run_dir, const std::string& words) {
    const char* build = std::getenv("AIS_BUILD_DIR");
    const std::string command = std::string(build != nullptr ? build : ".") +
                                "/bin/aisctl --run-dir " + run_dir + " clm " + words +
                                " >/dev/null 2>&1";
    return std::async(std::launch::async, [command] {
        const int status = std::system(command.c_str());
        return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
    });
}

TEST_F(ClmFaults, operator_locks_and_unlocks_a_node_and_programs_have_their_say) {
    start(3);
    Stepper judge(dir(1), SA_TRACK_CHANGES_ONLY | SA_TRACK_VALIDATE_STEP | SA_TRACK_START_STEP);
    Stepper own(dir(3), SA_TRACK_CHANGES_ONLY | SA_TRACK_LOCAL);
    Program first(dir(3));

    // An objection.
    auto refused = aisctl(dir(2), "lock 3");
    ASSERT_TRUE(judge.until_said("validate 3 change 3 of 3;"));
    EXPECT_EQ(judge.answer(SA_CLM_CALLBACK_RESPONSE_REJECTED), SA_AIS_OK);
    EXPECT_EQ(refused.get(), 1);
    ASSERT_TRUE(judge.until_said("validate 3 change 3 of 3;aborted 3 change 3 of 3;"));
    EXPECT_EQ(judge.answer(SA_CLM_CALLBACK_RESPONSE_OK), SA_AIS_ERR_INVALID_PARAM);

    // A consent.
    judge.said.clear();
    auto done = aisctl(dir(2), "shutdown 3");
    ASSERT_TRUE(judge.until_said("validate 3 change 6 of 3;"));
    EXPECT_EQ(judge.answer(SA_CLM_CALLBACK_RESPONSE_OK), SA_AIS_OK);
    ASSERT_TRUE(judge.until_said("validate 3 change 6 of 3;start 3 change 6 of 3;"));
    EXPECT_EQ(judge.answer(SA_CLM_CALLBACK_RESPONSE_REJECTED), SA_AIS_ERR_INVALID_PARAM);
    EXPECT_EQ(judge.answer(SA_CLM_CALLBACK_RESPONSE_OK), SA_AIS_OK);
    EXPECT_EQ(done.get(), 0);
    ASSERT_TRUE(judge.until_said(
        "validate 3 change 6 of 3;start 3 change 6 of 3;completed 3 change 3 of 2 gone;"));
    ASSERT_TRUE(own.until_said("completed 3 change 3 of 2 gone;"));
    EXPECT_EQ(aisctl(dir(1), "lock 3").get(), 1);  // it is

    // What a node that is no member says, to each generation.
    SaClmClusterNodeT_4 node_4;
    EXPECT_EQ(saClmClusterNodeGet_4(own.handle, 3, SA_TIME_MAX, &node_4), SA_AIS_ERR_UNAVAILABLE);
    EXPECT_EQ(saClmClusterTrack_4(own.handle, SA_TRACK_CHANGES, nullptr), SA_AIS_ERR_UNAVAILABLE);
    EXPECT_EQ(saClmClusterTrackStop(own.handle), SA_AIS_ERR_UNAVAILABLE);
    EXPECT_EQ(saClmResponse_4(own.handle, 1, SA_CLM_CALLBACK_RESPONSE_OK), SA_AIS_ERR_UNAVAILABLE);
    EXPECT_EQ(first.track(SA_TRACK_CURRENT), SA_AIS_ERR_TRY_AGAIN);
    EXPECT_EQ(saClmClusterTrackStop(first.handle), SA_AIS_ERR_TRY_AGAIN);
    SaClmClusterNodeT node;
    EXPECT_EQ(saClmClusterNodeGet(first.handle, 1, SA_TIME_MAX, &node), SA_AIS_ERR_TRY_AGAIN);
    EXPECT_EQ(saClmClusterNodeGetAsync(first.handle, 1, 1), SA_AIS_ERR_TRY_AGAIN);
    EXPECT_EQ(first.dispatch(), SA_AIS_OK);
    const Later later(dir(3));
    EXPECT_EQ(later.error, SA_AIS_ERR_UNAVAILABLE);
    SaVersionT version{'B', 1, 1};
    SaClmHandleT handle = 42;
    EXPECT_EQ(saClmInitialize(&handle, nullptr, &version), SA_AIS_ERR_TRY_AGAIN);
    EXPECT_EQ(handle, 42U);
    SaClmClusterNodeT_4 other;
    EXPECT_EQ(saClmClusterNodeGet_4(judge.handle, 3, SA_TIME_MAX, &other), SA_AIS_ERR_NOT_EXIST);

    // It stays so when its executive starts anew, and ends when the operator says so.
    cluster_->kill(3);
    cluster_->restart(3);
    judge.said.clear();
    EXPECT_TRUE(wait_until([&] { return aisctl(dir(3), "unlock 3").get() == 0; }, patience));
    ASSERT_TRUE(judge.until_said("completed 3 change 2 of 3;"));
    EXPECT_EQ(saClmClusterNodeGet_4(judge.handle, 3, SA_TIME_MAX, &other), SA_AIS_OK);
    Program back(dir(3));
    EXPECT_TRUE(back.until_members(3));
    EXPECT_EQ(aisctl(dir(1), "list").get(), 0);
    EXPECT_EQ(aisctl(dir(1), "lock nobody").get(), 1);
    EXPECT_EQ(aisctl(dir(1), "lock 0").get(), 2);
}

TEST_F(ClmFaults, program_that_is_gone_does_not_block_the_operator) {
    start(2);
    auto judge = std::make_unique<Stepper>(dir(1), SA_TRACK_CHANGES_ONLY | SA_TRACK_VALIDATE_STEP);
    auto done = aisctl(dir(1), "lock 2");
    ASSERT_TRUE(judge->until_said("validate 2 change 3 of 2;"));
    judge.reset();
    EXPECT_EQ(done.get(), 0);
}

TEST_F(ClmFaults, CLM19_divided_sides_see_each_other_leave_and_join_in_one_view_each) {
    start(3);
    Program one(dir(1));
    Program two(dir(2));
    ASSERT_EQ(one.track(SA_TRACK_CHANGES_ONLY), SA_AIS_OK);
    ASSERT_EQ(two.track(SA_TRACK_CHANGES_ONLY), SA_AIS_OK);
    cluster_->pause(1);
    ASSERT_TRUE(two.until_told(1));
    EXPECT_EQ(two.told[0].items, "1-");
    cluster_->resume(1);
    ASSERT_TRUE(two.until_told(2));
    EXPECT_EQ(two.told[1].items, "1+");
    ASSERT_TRUE(one.until([&] { return !one.told.empty() && one.told.back().members == 3; }));
    EXPECT_EQ(one.told.back().view, two.told[1].view);
    for (std::size_t i = 1; i < one.told.size(); ++i) {
        EXPECT_GT(one.told[i].view, one.told[i - 1].view);
    }
    EXPECT_GT(two.told[1].view, two.told[0].view);
    for (const SaClmNodeIdT id : {1U, 2U, 3U}) {
        SaClmClusterNodeT here{};
        SaClmClusterNodeT there{};
        ASSERT_EQ(saClmClusterNodeGet(one.handle, id, SA_TIME_MAX, &here), SA_AIS_OK);
        ASSERT_EQ(saClmClusterNodeGet(two.handle, id, SA_TIME_MAX, &there), SA_AIS_OK);
        EXPECT_EQ(std::memcmp(&here, &there, sizeof here), 0) << id;
    }
}

TEST_F(ClmFaults, configuration_gives_name_and_address) {
    cluster_ =
        std::make_unique<Cluster>(1,
                                  "",
                                  "clm {\n node_name: safNode=alpha\n node_address: fd00::5\n "
                                  "execution_environment: safEE=one\n }\n");
    cluster_->start_all();
    const Later later(dir(1));
    ASSERT_EQ(later.error, SA_AIS_OK);
    SaClmClusterNodeT_4 node;
    ASSERT_EQ(saClmClusterNodeGet_4(later.handle, SA_CLM_LOCAL_NODE_ID, SA_TIME_MAX, &node),
              SA_AIS_OK);
    EXPECT_EQ(text_of(node.nodeName), "safNode=alpha");
    EXPECT_EQ(text_of(node.executionEnvironment), "safEE=one");
    EXPECT_EQ(node.nodeAddress.family, SA_CLM_AF_INET6);
    EXPECT_EQ(
        std::string(reinterpret_cast<const char*>(node.nodeAddress.value), node.nodeAddress.length),
        "fd00::5");
}

}  // namespace
}  // namespace ais::conformance
