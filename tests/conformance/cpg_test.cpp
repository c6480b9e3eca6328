// SPDX-License-Identifier: BSD-3-Clause
//
// libcpg against running executives: the acceptance scenarios of the reference
// (CP1 to CP20), and what a program relies on besides.
//
// A member of a group here is either a Member of this process, connected to the
// executive of a node's run directory (so one process can be on all nodes of the
// cluster), or a Child: a process of its own, where several members on one
// node or a SIGKILL are wanted.
//
// Nothing waits by sleeping for a result: until() dispatches until it is there
// or 20 s are over.

#include "program.hpp"

#include <openais/cpg.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <thread>
#include <vector>

namespace {

using ais::conformance::beyond;
using ais::conformance::Clock;
using ais::conformance::dispatch_until;
using ais::conformance::patience;
using ais::process::Cluster;
using testing::ElementsAre;
using testing::IsEmpty;
using namespace std::chrono_literals;

cpg_name name_of(std::string_view text) {
    cpg_name name{};
    name.length = static_cast<std::uint32_t>(text.size());
    std::memcpy(name.value, text.data(), std::min<std::size_t>(text.size(), sizeof name.value));
    return name;
}

struct Process {
    std::uint32_t node;
    std::uint32_t pid;
    std::uint32_t reason;
    friend bool operator==(const Process&, const Process&) = default;
    friend bool operator<(const Process& a, const Process& b) {
        return std::pair(a.node, a.pid) < std::pair(b.node, b.pid);
    }
    friend void PrintTo(const Process& process, std::ostream* out) {
        *out << process.node << ":" << process.pid << "/" << process.reason;
    }
};

struct Change {
    std::string group;
    std::vector<Process> members;
    std::vector<Process> left;
    std::vector<Process> joined;
};

struct Message {
    std::string group;
    std::uint32_t node;
    std::uint32_t pid;
    std::string text;
};

class Member {
  public:
    explicit Member(const std::string& run_dir, bool wants_ring = false) {
        setenv("OPENAIS_RUN_DIR", run_dir.c_str(), 1);
        cpg_model_v1_data_t model{};
        model.model = CPG_MODEL_V1;
        model.cpg_deliver_fn = on_message;
        model.cpg_confchg_fn = on_change;
        if (wants_ring) {
            model.cpg_totem_confchg_fn = on_ring;
            model.flags = CPG_MODEL_V1_DELIVER_INITIAL_TOTEM_CONF;
        }
        const auto give_up = Clock::now() + patience;
        cs_error_t error = CS_OK;
        while ((error = cpg_model_initialize(
                    &handle, CPG_MODEL_V1, reinterpret_cast<cpg_model_data_t*>(&model), this)) ==
                   CS_ERR_TRY_AGAIN &&
               Clock::now() < give_up) {
            std::this_thread::sleep_for(20ms);
        }
        EXPECT_EQ(error, CS_OK) << run_dir;
        EXPECT_EQ(cpg_local_get(handle, &node), CS_OK);
    }
    ~Member() { cpg_finalize(handle); }
    Member(const Member&) = delete;
    Member& operator=(const Member&) = delete;

    cs_error_t join(std::string_view group) {
        const cpg_name name = name_of(group);
        return cpg_join(handle, &name);
    }
    // Joins and waits for the own change, which must be the first event.
    void enter(std::string_view group) {
        ASSERT_EQ(join(group), CS_OK);
        const std::size_t before = changes.size();
        ASSERT_TRUE(until([&] { return changes.size() > before; }));
        EXPECT_THAT(changes[before].joined, testing::Contains(me(CPG_REASON_JOIN)));
    }
    cs_error_t leave() {
        const cpg_name name = name_of("whatever");
        return cpg_leave(handle, &name);
    }
    cs_error_t try_say(std::string_view text, cpg_guarantee_t guarantee = CPG_TYPE_AGREED) {
        iovec part{const_cast<char*>(text.data()), text.size()};
        return cpg_mcast_joined(handle, guarantee, &part, 1);
    }
    void say(std::string_view text, cpg_guarantee_t guarantee = CPG_TYPE_AGREED) {
        cs_error_t error = CS_OK;
        ASSERT_TRUE(until([&] {
            error = try_say(text, guarantee);
            return error != CS_ERR_TRY_AGAIN;
        }));
        ASSERT_EQ(error, CS_OK);
    }

    // Dispatches until it is true.  False: it took too long.
    template <typename Condition>
    bool until(Condition condition, Clock::duration longest = patience) {
        const auto descriptor = [&] {
            int fd = -1;
            cpg_fd_get(handle, &fd);
            return fd;
        };
        return dispatch_until(
            descriptor,
            [&] { last_dispatch = cpg_dispatch(handle, CS_DISPATCH_ALL); },
            condition,
            longest);
    }
    // Dispatches for a while in which nothing is expected.
    void linger(Clock::duration time = 300ms) {
        until([] { return false; }, time);
    }
    bool until_members(std::size_t count) {
        return until([&] { return !changes.empty() && changes.back().members.size() == count; });
    }

    [[nodiscard]] cpg_flow_control_state_t flow() const {
        auto state = beyond<cpg_flow_control_state_t>(9);
        EXPECT_EQ(cpg_flow_control_state_get(handle, &state), CS_OK);
        return state;
    }

    [[nodiscard]] Process me(std::uint32_t reason = 0) const {
        return {node, static_cast<std::uint32_t>(getpid()), reason};
    }
    [[nodiscard]] std::vector<std::string> texts() const {
        std::vector<std::string> all;
        for (const Message& message : messages) {
            all.push_back(message.text);
        }
        return all;
    }
    [[nodiscard]] std::vector<Process> membership(std::string_view group) const {
        cpg_name name = name_of(group);
        std::vector<cpg_address> list(1000);
        int count = static_cast<int>(list.size());
        EXPECT_EQ(cpg_membership_get(handle, &name, list.data(), &count), CS_OK);
        return convert(list.data(), static_cast<std::size_t>(count));
    }

    static std::vector<Process> convert(const cpg_address* list, std::size_t count) {
        std::vector<Process> all;
        for (std::size_t i = 0; i < count; ++i) {
            all.push_back({list[i].nodeid, list[i].pid, list[i].reason});
        }
        return all;
    }

    cpg_handle_t handle = 0;
    unsigned int node = 0;
    cs_error_t last_dispatch = CS_OK;
    std::vector<Change> changes;
    std::vector<Message> messages;
    std::vector<std::string> history;  // "change"/text in the order of callbacks
    std::vector<std::vector<std::uint32_t>> rings;
    std::function<void()> in_callback;

  private:
    static Member& self(cpg_handle_t handle) {
        void* context = nullptr;
        EXPECT_EQ(cpg_context_get(handle, &context), CS_OK);
        return *static_cast<Member*>(context);
    }
    static void on_message(cpg_handle_t handle,
                           const cpg_name* group,
                           std::uint32_t node,
                           std::uint32_t pid,
                           void* msg,
                           std::size_t size) {
        Member& member = self(handle);
        member.messages.push_back({std::string(group->value, group->length),
                                   node,
                                   pid,
                                   std::string(static_cast<const char*>(msg), size)});
        member.history.push_back(member.messages.back().text);
        if (member.in_callback) {
            member.in_callback();
        }
    }
    static void on_change(cpg_handle_t handle,
                          const cpg_name* group,
                          const cpg_address* members,
                          std::size_t member_count,
                          const cpg_address* left,
                          std::size_t left_count,
                          const cpg_address* joined,
                          std::size_t joined_count) {
        Member& member = self(handle);
        member.changes.push_back({std::string(group->value, group->length),
                                  convert(members, member_count),
                                  convert(left, left_count),
                                  convert(joined, joined_count)});
        member.history.emplace_back("change");
    }
    static void on_ring(cpg_handle_t handle,
                        cpg_ring_id,
                        std::uint32_t count,
                        const std::uint32_t* nodes) {
        self(handle).rings.emplace_back(nodes, nodes + count);
    }
};

// A process that joins a group and dispatches until it is killed.
class Child {
  public:
    Child(const std::string& run_dir, const std::string& group, int flood = 0) {
        int ready[2];
        EXPECT_EQ(pipe(ready), 0);
        pid_ = fork();
        if (pid_ == 0) {
            run(run_dir, group, flood, ready[1]);
        }
        close(ready[1]);
        char byte = 0;
        pollfd wait{ready[0], POLLIN, 0};
        EXPECT_EQ(poll(&wait, 1, 30000), 1);
        EXPECT_EQ(read(ready[0], &byte, 1), 1) << "the child did not become a member";
        close(ready[0]);
    }
    ~Child() { stop(); }
    Child(const Child&) = delete;
    Child& operator=(const Child&) = delete;
    void stop() {
        if (pid_ > 0) {
            kill(pid_, SIGKILL);
            waitpid(pid_, nullptr, 0);
            pid_ = -1;
        }
    }
    [[nodiscard]] std::uint32_t pid() const { return static_cast<std::uint32_t>(pid_); }

  private:
    [[noreturn]] static void run(const std::string& run_dir,
                                 const std::string& group,
                                 int flood,
                                 int ready) {
        {
            Member member(run_dir);
            if (member.join(group) != CS_OK ||
                !member.until([&] { return !member.changes.empty(); })) {
                _exit(1);
            }
            if (write(ready, "r", 1) != 1) {
                _exit(1);
            }
            // It ends when its executive is killed, so nothing here is expected.
            for (int i = 0; i < flood && member.last_dispatch == CS_OK;) {
                i += member.try_say(std::to_string(i)) == CS_OK ? 1 : 0;
                if (i % 20 == 0) {
                    member.linger(0ms);
                }
            }
            member.until([&] { return member.last_dispatch != CS_OK; }, 1h);
        }
        _exit(0);
    }

    pid_t pid_ = -1;
};

// One cluster of three for all scenarios that leave it whole.
class Cpg : public testing::Test {
  protected:
    static void SetUpTestSuite() {
        cluster_ = std::make_unique<Cluster>(3);
        cluster_->start_all();
        // The ring is formed when a ring of three is told.
        Member watcher(cluster_->run_dir(1), true);
        ASSERT_TRUE(watcher.until(
            [&] { return !watcher.rings.empty() && watcher.rings.back().size() == 3; }));
    }
    static void TearDownTestSuite() { cluster_.reset(); }

    static std::string dir(int node) { return cluster_->run_dir(node); }
    // A group of its own for each scenario.
    static std::string group() {
        return std::string("g.") + testing::UnitTest::GetInstance()->current_test_info()->name();
    }

    static std::unique_ptr<Cluster> cluster_;
};
std::unique_ptr<Cluster> Cpg::cluster_;

TEST_F(Cpg, CP1_joiner_is_told_of_itself) {
    Member a(dir(1));
    ASSERT_EQ(a.join(group()), CS_OK);
    ASSERT_TRUE(a.until([&] { return !a.changes.empty(); }));
    EXPECT_EQ(a.changes[0].group, group());
    EXPECT_THAT(a.changes[0].members, ElementsAre(a.me()));
    EXPECT_THAT(a.changes[0].joined, ElementsAre(a.me(CPG_REASON_JOIN)));
    EXPECT_THAT(a.changes[0].left, IsEmpty());
}

TEST_F(Cpg, CP2_both_see_the_same_members_in_the_same_order) {
    Member a(dir(1));
    Member b(dir(2));
    a.enter(group());
    b.enter(group());
    ASSERT_TRUE(a.until_members(2));
    EXPECT_THAT(a.changes.back().joined, ElementsAre(b.me(CPG_REASON_JOIN)));
    EXPECT_THAT(b.changes.back().joined, ElementsAre(b.me(CPG_REASON_JOIN)));
    EXPECT_THAT(a.changes.back().members, ElementsAre(a.me(), b.me()));
    EXPECT_EQ(a.changes.back().members, b.changes.back().members);
}

TEST_F(Cpg, CP3_messages_of_all_senders_have_one_order) {
    Member a(dir(1));
    Member b(dir(2));
    Member c(dir(3));
    std::vector<Member*> all = {&a, &b, &c};
    for (Member* member : all) {
        member->enter(group());
    }
    constexpr int each = 500;
    for (int i = 0; i < each; ++i) {
        for (Member* member : all) {
            const auto guarantee = i % 7 == 0 ? CPG_TYPE_SAFE : CPG_TYPE_AGREED;
            member->say(std::to_string(member->node) + "." + std::to_string(i), guarantee);
        }
    }
    for (Member* member : all) {
        ASSERT_TRUE(member->until([&] { return member->messages.size() == 3 * each; }));
    }
    EXPECT_EQ(a.texts(), b.texts());
    EXPECT_EQ(a.texts(), c.texts());
    std::vector<int> next(4, 0);
    for (const Message& message : a.messages) {
        const auto text = std::to_string(message.node) + "." + std::to_string(next[message.node]++);
        EXPECT_EQ(message.text, text);
        EXPECT_EQ(message.pid, static_cast<std::uint32_t>(getpid()));
    }
}

TEST_F(Cpg, CP4_group_is_closed) {
    Member a(dir(1));
    Member c(dir(1));
    a.enter(group());
    EXPECT_EQ(c.try_say("x"), CS_ERR_NOT_EXIST);
    a.say("inside");
    ASSERT_TRUE(a.until([&] { return a.messages.size() == 1; }));
    c.linger();
    EXPECT_THAT(c.history, IsEmpty());
}

TEST_F(Cpg, CP5_second_join_of_the_process_is_refused) {
    Member a(dir(1));
    Member again(dir(1));
    a.enter(group());
    EXPECT_EQ(a.join(group()), CS_ERR_EXIST);
    EXPECT_EQ(a.join("another"), CS_ERR_EXIST);
    EXPECT_EQ(again.join(group()), CS_ERR_EXIST);
    EXPECT_EQ(again.join(group() + "2"), CS_OK);
}

TEST_F(Cpg, CP6_own_leave_is_the_last_event) {
    Member a(dir(1));
    Member b(dir(2));
    a.enter(group());
    b.enter(group());
    ASSERT_TRUE(a.until_members(2));
    ASSERT_EQ(a.leave(), CS_OK);
    EXPECT_EQ(a.try_say("x"), CS_ERR_NOT_EXIST);
    ASSERT_TRUE(a.until_members(1));
    EXPECT_THAT(a.changes.back().left, ElementsAre(a.me(CPG_REASON_LEAVE)));
    ASSERT_TRUE(b.until_members(1));
    EXPECT_THAT(b.changes.back().left, ElementsAre(a.me(CPG_REASON_LEAVE)));
    const std::size_t heard = a.history.size();
    b.say("alone");
    ASSERT_TRUE(b.until([&] { return !b.messages.empty(); }));
    a.linger();
    EXPECT_EQ(a.history.size(), heard);
}

TEST_F(Cpg, CP7_leave_and_join_at_once_is_left_then_joined) {
    Member a(dir(1));
    Member b(dir(2));
    a.enter(group());
    b.enter(group());
    ASSERT_EQ(a.leave(), CS_OK);
    cs_error_t error = CS_OK;
    ASSERT_TRUE(a.until([&] { return (error = a.join(group())) != CS_ERR_TRY_AGAIN; }));
    EXPECT_EQ(error, CS_OK);
    ASSERT_TRUE(b.until([&] { return b.changes.size() == 3; }));
    EXPECT_THAT(b.changes[1].left, ElementsAre(a.me(CPG_REASON_LEAVE)));
    EXPECT_THAT(b.changes[2].joined, ElementsAre(a.me(CPG_REASON_JOIN)));
}

TEST_F(Cpg, CP8_killed_process_is_procdown) {
    Member b(dir(2));
    b.enter(group());
    Child a(dir(1), group());
    ASSERT_TRUE(b.until_members(2));
    const Process gone{1, a.pid(), CPG_REASON_PROCDOWN};
    a.stop();
    ASSERT_TRUE(b.until_members(1));
    EXPECT_THAT(b.changes.back().left, ElementsAre(gone));
}

TEST_F(Cpg, CP9_finalize_while_joined_is_procdown) {
    Member b(dir(2));
    b.enter(group());
    {
        Member a(dir(1));
        a.enter(group());
        ASSERT_TRUE(b.until_members(2));
    }
    ASSERT_TRUE(b.until_members(1));
    ASSERT_EQ(b.changes.back().left.size(), 1U);
    EXPECT_EQ(b.changes.back().left[0].reason, CPG_REASON_PROCDOWN);
}

TEST_F(Cpg, CP13_joiner_under_a_flood_hears_its_change_and_then_a_gapless_rest) {
    Member a(dir(1));
    a.enter(group());
    std::atomic<bool> stop{false};
    std::atomic<int> sent{0};
    // In bursts: a dispatch of all returns only when nothing is pending.
    std::thread flood([&] {
        while (!stop) {
            for (int i = 0; i < 50 && a.try_say(std::to_string(sent)) == CS_OK; ++i) {
                ++sent;
            }
            std::this_thread::sleep_for(1ms);
        }
    });
    ASSERT_TRUE(a.until([&] { return a.messages.size() > 200; }));
    Member b(dir(2));
    ASSERT_EQ(b.join(group()), CS_OK);
    for (int i = 0; i < 50; ++i) {
        a.linger(5ms);
        b.linger(5ms);
    }
    stop = true;
    flood.join();
    const std::string last = std::to_string(sent - 1);
    ASSERT_TRUE(a.until([&] { return a.messages.back().text == last; }));
    ASSERT_TRUE(b.until([&] { return !b.messages.empty() && b.messages.back().text == last; }));
    EXPECT_EQ(b.history.front(), "change");
    int next = std::stoi(b.messages.front().text);
    EXPECT_GT(next, 0);
    for (const Message& message : b.messages) {
        ASSERT_EQ(message.text, std::to_string(next++));
    }
    EXPECT_EQ(a.messages.size(), static_cast<std::size_t>(sent));
}

TEST_F(Cpg, CP14_leave_without_join_does_not_exist) {
    Member a(dir(1));
    EXPECT_EQ(a.leave(), CS_ERR_NOT_EXIST);
}

TEST_F(Cpg, CP14_leave_looks_at_no_argument_and_holds_before_the_join_is_delivered) {
    Member a(dir(1));
    cpg_name longer{};
    longer.length = 129;
    ASSERT_EQ(a.join(group()), CS_OK);
    EXPECT_EQ(cpg_leave(a.handle, nullptr), CS_OK);
    EXPECT_EQ(a.leave(), CS_ERR_NOT_EXIST);
    EXPECT_EQ(a.try_say("x"), CS_ERR_NOT_EXIST);
    ASSERT_TRUE(a.until([&] { return a.changes.size() == 2; }));
    EXPECT_THAT(a.changes[0].joined, ElementsAre(a.me(CPG_REASON_JOIN)));
    EXPECT_THAT(a.changes[1].left, ElementsAre(a.me(CPG_REASON_LEAVE)));
    ASSERT_EQ(a.join(group()), CS_OK);
    EXPECT_EQ(cpg_leave(a.handle, &longer), CS_OK);
}

TEST_F(Cpg, CP15_two_hundred_members_are_listed) {
    Member a(dir(1));
    a.enter(group());
    std::deque<Child> children;
    for (int i = 0; i < 199; ++i) {
        children.emplace_back(dir(1 + i % 3), group());
    }
    ASSERT_TRUE(a.until_members(200));
    EXPECT_TRUE(std::is_sorted(a.changes.back().members.begin(), a.changes.back().members.end()));
    EXPECT_EQ(a.membership(group()), a.changes.back().members);
    cpg_address few[3];
    int count = 3;
    cpg_name name = name_of(group());
    EXPECT_EQ(cpg_membership_get(a.handle, &name, few, &count), CS_OK);
    EXPECT_EQ(count, 3);
    EXPECT_EQ(few[0].nodeid, 1U);
    children.clear();
    ASSERT_TRUE(a.until_members(1));
}

TEST_F(Cpg, CP16_context_is_kept) {
    Member a(dir(1));
    int mine = 0;
    void* got = nullptr;
    EXPECT_EQ(cpg_context_get(a.handle, &got), CS_OK);
    EXPECT_EQ(got, &a);
    EXPECT_EQ(cpg_context_set(a.handle, &mine), CS_OK);
    EXPECT_EQ(cpg_context_get(a.handle, &got), CS_OK);
    EXPECT_EQ(got, &mine);
    EXPECT_EQ(cpg_context_get(a.handle, nullptr), CS_ERR_INVALID_PARAM);
    cpg_context_set(a.handle, &a);
}

TEST_F(Cpg, CP17_dispatch_one_waits_for_one_callback) {
    Member a(dir(1));
    Member b(dir(2));
    a.enter(group());
    b.enter(group());
    ASSERT_TRUE(a.until_members(2));
    const auto begin = Clock::now();
    std::thread later([&] {
        std::this_thread::sleep_for(1s);
        b.say("one");
        b.say("two");
    });
    EXPECT_EQ(cpg_dispatch(a.handle, CS_DISPATCH_ONE), CS_OK);
    EXPECT_GE(Clock::now() - begin, 900ms);
    EXPECT_THAT(a.texts(), ElementsAre("one"));
    later.join();
    EXPECT_EQ(cpg_dispatch(a.handle, CS_DISPATCH_ONE), CS_OK);
    EXPECT_THAT(a.texts(), ElementsAre("one", "two"));
    EXPECT_EQ(cpg_dispatch(a.handle, CS_DISPATCH_ONE_NONBLOCKING), CS_ERR_TRY_AGAIN);
    EXPECT_EQ(cpg_dispatch(a.handle, CS_DISPATCH_ALL), CS_OK);
}

TEST_F(Cpg, CP18_membership_is_that_of_the_last_change) {
    Member a(dir(1));
    Member b(dir(2));
    Member outside(dir(3));
    b.enter(group());
    ASSERT_EQ(a.join(group()), CS_OK);
    EXPECT_EQ(a.membership(group()).size(), 2U);  // waits for the own join
    ASSERT_TRUE(a.until_members(2));
    EXPECT_EQ(a.membership(group()), a.changes.back().members);
    EXPECT_EQ(outside.membership(group()), a.changes.back().members);
    cpg_name nobody = name_of("no such group");
    cpg_address list[4];
    int count = 4;
    EXPECT_EQ(cpg_membership_get(a.handle, &nobody, list, &count), CS_ERR_NOT_EXIST);
    EXPECT_EQ(cpg_membership_get(a.handle, &nobody, nullptr, &count), CS_ERR_INVALID_PARAM);
    EXPECT_EQ(cpg_membership_get(a.handle, nullptr, list, &count), CS_ERR_INVALID_PARAM);
    EXPECT_EQ(cpg_membership_get(a.handle, &nobody, list, nullptr), CS_ERR_INVALID_PARAM);
    cpg_name wrong = name_of("");
    EXPECT_EQ(cpg_membership_get(a.handle, &wrong, list, &count), CS_ERR_INVALID_PARAM);
    wrong.length = 129;
    EXPECT_EQ(cpg_membership_get(a.handle, &wrong, list, &count), CS_ERR_NAME_TOO_LONG);
    count = -1;
    cpg_name known = name_of(group());
    EXPECT_EQ(cpg_membership_get(a.handle, &known, list, &count), CS_ERR_INVALID_PARAM);
    count = 0;
    EXPECT_EQ(cpg_membership_get(a.handle, &known, list, &count), CS_OK);
    EXPECT_EQ(count, 0);
}

TEST_F(Cpg, CP19_name_of_128_bytes_without_nul_is_kept_byte_for_byte) {
    std::string name(128, '\0');
    for (std::size_t i = 0; i < name.size(); ++i) {
        name[i] = static_cast<char>(255 - i);
    }
    Member a(dir(1));
    Member b(dir(2));
    a.enter(name);
    b.enter(name);
    a.say("hello");
    ASSERT_TRUE(b.until([&] { return b.messages.size() == 1; }));
    EXPECT_EQ(b.messages[0].group, name);
    EXPECT_EQ(b.changes[0].group, name);
    cpg_name longer{};
    longer.length = 129;
    Member c(dir(1));
    EXPECT_EQ(cpg_join(c.handle, &longer), CS_ERR_NAME_TOO_LONG);
    longer.length = 0;
    EXPECT_EQ(cpg_join(c.handle, &longer), CS_ERR_INVALID_PARAM);
    EXPECT_EQ(cpg_join(c.handle, nullptr), CS_ERR_INVALID_PARAM);
}

TEST_F(Cpg, CP19_names_that_differ_behind_a_nul_are_two_groups) {
    using std::string_view_literals::operator""sv;
    Member a(dir(1));
    Member b(dir(2));
    a.enter("nul\0a"sv);
    b.enter("nul\0b"sv);
    EXPECT_THAT(a.changes.back().members, ElementsAre(a.me()));
    EXPECT_THAT(b.changes.back().members, ElementsAre(b.me()));
    EXPECT_EQ(a.changes.back().group, "nul\0a"sv);
    b.say("to b");
    ASSERT_TRUE(b.until([&] { return b.messages.size() == 1; }));
    EXPECT_EQ(b.messages[0].group, "nul\0b"sv);
    EXPECT_THAT(a.messages, IsEmpty());
}

TEST_F(Cpg, CP20_flood_without_dispatch_is_stopped_and_nothing_is_lost) {
    Member a(dir(1));
    Member b(dir(2));
    a.enter(group());
    b.enter(group());
    ASSERT_TRUE(a.until_members(2));
    const std::string filler(1000, 'x');
    std::size_t accepted = 0;
    cs_error_t error = CS_OK;
    std::atomic<bool> stop{false};
    std::thread receiver([&] { b.until([&] { return stop.load(); }, 60s); });
    // Its ring of requests may be full for a moment; that it must dispatch is what it is told.
    bool is_told = false;
    const auto give_up = Clock::now() + patience;
    while (accepted < 500000 && !is_told && Clock::now() < give_up) {
        error = a.try_say(std::to_string(accepted) + " " + filler);
        accepted += error == CS_OK ? 1 : 0;
        is_told = error == CS_ERR_TRY_AGAIN && a.flow() == CPG_FLOW_CONTROL_ENABLED;
    }
    EXPECT_TRUE(is_told) << error;
    // Now it does dispatch, and all that was accepted arrives.
    EXPECT_TRUE(a.until([&] { return a.messages.size() == accepted; }));
    EXPECT_TRUE(a.until([&] { return a.flow() == CPG_FLOW_CONTROL_DISABLED; }));
    stop = true;
    receiver.join();
    EXPECT_TRUE(b.until([&] { return b.messages.size() == accepted; }));
    for (std::size_t i = 0; i < b.messages.size(); ++i) {
        ASSERT_EQ(b.messages[i].text, std::to_string(i) + " " + filler);
    }
}

// ---- beyond the reference's list

TEST_F(Cpg, messages_of_every_size_up_to_the_largest_arrive_whole) {
    Member a(dir(1));
    Member b(dir(2));
    a.enter(group());
    b.enter(group());
    std::uint32_t largest = 0;
    ASSERT_EQ(cpg_max_atomic_msgsize_get(a.handle, &largest), CS_OK);
    EXPECT_GE(largest, 1U << 20);
    std::vector<std::string> sent;
    for (const std::size_t size : {std::size_t{0},
                                   std::size_t{1},
                                   std::size_t{1400},
                                   std::size_t{65536},
                                   std::size_t{1000003},
                                   std::size_t{largest}}) {
        std::string text(size, '\0');
        for (std::size_t i = 0; i < size; ++i) {
            text[i] = static_cast<char>((i * 31 + size) >> 3);
        }
        a.say(text);
        sent.push_back(std::move(text));
    }
    ASSERT_TRUE(b.until([&] { return b.messages.size() == sent.size(); }));
    EXPECT_TRUE(b.texts() == sent);
    EXPECT_EQ(a.try_say(std::string(std::size_t{largest} + 1, 'x')), CS_ERR_INVALID_PARAM);
}

TEST_F(Cpg, parts_are_put_together) {
    Member a(dir(1));
    a.enter(group());
    std::vector<std::string> words;
    std::vector<iovec> parts;
    for (int i = 0; i < 64; ++i) {
        words.push_back(std::to_string(i) + ",");
    }
    for (std::string& word : words) {
        parts.push_back({word.data(), word.size()});
    }
    EXPECT_EQ(cpg_mcast_joined(a.handle, CPG_TYPE_AGREED, parts.data(), 64), CS_ERR_INVALID_PARAM);
    EXPECT_EQ(cpg_mcast_joined(a.handle, CPG_TYPE_AGREED, parts.data(), ~0U), CS_ERR_INVALID_PARAM);
    EXPECT_EQ(cpg_mcast_joined(a.handle, CPG_TYPE_AGREED, parts.data(), 3), CS_OK);
    EXPECT_EQ(cpg_mcast_joined(a.handle, CPG_TYPE_FIFO, nullptr, 0), CS_OK);
    EXPECT_EQ(cpg_mcast_joined(a.handle, CPG_TYPE_UNORDERED, nullptr, 1), CS_ERR_INVALID_PARAM);
    for (const int guarantee : {-1, 4}) {
        EXPECT_EQ(cpg_mcast_joined(a.handle, beyond<cpg_guarantee_t>(guarantee), nullptr, 0),
                  CS_ERR_INVALID_PARAM);
    }
    iovec wrong[] = {{nullptr, 1}, {words[0].data(), ~std::size_t{0}}};
    EXPECT_EQ(cpg_mcast_joined(a.handle, CPG_TYPE_AGREED, wrong, 1), CS_ERR_INVALID_PARAM);
    EXPECT_EQ(cpg_mcast_joined(a.handle, CPG_TYPE_AGREED, wrong + 1, 1), CS_ERR_INVALID_PARAM);
    wrong[0] = {nullptr, 0};
    EXPECT_EQ(cpg_mcast_joined(a.handle, CPG_TYPE_SAFE, wrong, 1), CS_OK) << "it is empty";
    EXPECT_EQ(cpg_mcast_joined(a.handle, CPG_TYPE_AGREED, parts.data(), 63), CS_OK);
    ASSERT_TRUE(a.until([&] { return a.messages.size() == 4; }));
    std::string most;
    for (int i = 0; i < 63; ++i) {
        most += words[static_cast<std::size_t>(i)];
    }
    EXPECT_THAT(a.texts(), ElementsAre("0,1,2,", "", "", most));
}

TEST_F(Cpg, buffers_of_the_library_are_sent) {
    Member a(dir(1));
    a.enter(group());
    void* buffer = nullptr;
    ASSERT_EQ(cpg_zcb_alloc(a.handle, 100, &buffer), CS_OK);
    std::memcpy(buffer, "zero copy", 9);
    EXPECT_EQ(cpg_zcb_mcast_joined(a.handle, CPG_TYPE_AGREED, buffer, 9), CS_OK);
    EXPECT_EQ(cpg_zcb_mcast_joined(a.handle, CPG_TYPE_AGREED, buffer, 101), CS_ERR_INVALID_PARAM);
    EXPECT_EQ(cpg_zcb_mcast_joined(a.handle, CPG_TYPE_AGREED, &buffer, 1), CS_ERR_INVALID_PARAM);
    EXPECT_EQ(cpg_zcb_free(a.handle, buffer), CS_OK);
    EXPECT_EQ(cpg_zcb_free(a.handle, buffer), CS_ERR_INVALID_PARAM);
    EXPECT_EQ(cpg_zcb_free(a.handle, nullptr), CS_ERR_INVALID_PARAM);
    EXPECT_EQ(cpg_zcb_mcast_joined(a.handle, CPG_TYPE_AGREED, nullptr, 0), CS_ERR_INVALID_PARAM);
    std::uint32_t largest = 0;
    ASSERT_EQ(cpg_max_atomic_msgsize_get(a.handle, &largest), CS_OK);
    EXPECT_EQ(cpg_zcb_alloc(a.handle, std::size_t{largest} + 1, &buffer), CS_ERR_INVALID_PARAM);
    EXPECT_EQ(cpg_zcb_alloc(a.handle, 1, nullptr), CS_ERR_INVALID_PARAM);
    ASSERT_EQ(cpg_zcb_alloc(a.handle, largest, &buffer), CS_OK);
    EXPECT_EQ(cpg_zcb_mcast_joined(a.handle, beyond<cpg_guarantee_t>(4), buffer, 1),
              CS_ERR_INVALID_PARAM);
    Member outside(dir(1));
    void* other = nullptr;
    ASSERT_EQ(cpg_zcb_alloc(outside.handle, 0, &other), CS_OK);
    EXPECT_EQ(cpg_zcb_mcast_joined(outside.handle, CPG_TYPE_AGREED, other, 0), CS_ERR_NOT_EXIST);
    EXPECT_EQ(cpg_zcb_free(a.handle, other), CS_ERR_INVALID_PARAM) << "it is another handle's";
    ASSERT_TRUE(a.until([&] { return a.messages.size() == 1; }));
    EXPECT_EQ(a.messages[0].text, "zero copy");
}

TEST_F(Cpg, iteration_lists_groups_and_members_of_all_nodes) {
    Member a(dir(1));
    Member b(dir(2));
    Member c(dir(3));
    a.enter(group() + ".a");
    b.enter(group() + ".a");
    c.enter(group() + ".b");
    const auto list = [&](cpg_iteration_type_t type, const std::string& one) {
        std::vector<std::string> lines;
        cpg_iteration_handle_t iteration = 0;
        const cpg_name name = name_of(one);
        EXPECT_EQ(cpg_iteration_initialize(a.handle, type, &name, &iteration), CS_OK);
        cpg_iteration_description_t entry;
        cs_error_t error = CS_OK;
        while ((error = cpg_iteration_next(iteration, &entry)) == CS_OK) {
            const std::string text(entry.group.value, entry.group.length);
            if (text.starts_with(group())) {
                lines.push_back(text.substr(group().size()) + " " + std::to_string(entry.nodeid));
            }
        }
        EXPECT_EQ(error, CS_ERR_NO_SECTIONS);
        EXPECT_EQ(cpg_iteration_finalize(iteration), CS_OK);
        EXPECT_EQ(cpg_iteration_next(iteration, &entry), CS_ERR_BAD_HANDLE);
        return lines;
    };
    // The joins of the others reach this node in their own time.
    EXPECT_TRUE(ais::process::wait_until([&] { return list(CPG_ITERATION_ALL, "").size() == 3; }));
    EXPECT_THAT(list(CPG_ITERATION_NAME_ONLY, ""), ElementsAre(".a 0", ".b 0"));
    EXPECT_THAT(list(CPG_ITERATION_ALL, ""), ElementsAre(".a 1", ".a 2", ".b 3"));
    EXPECT_THAT(list(CPG_ITERATION_ONE_GROUP, group() + ".a"), ElementsAre(".a 1", ".a 2"));
    EXPECT_THAT(list(CPG_ITERATION_ONE_GROUP, "no such group"), IsEmpty());
    cpg_iteration_handle_t iteration = 0;
    EXPECT_EQ(
        cpg_iteration_initialize(a.handle, beyond<cpg_iteration_type_t>(9), nullptr, &iteration),
        CS_ERR_INVALID_PARAM);
    EXPECT_EQ(
        cpg_iteration_initialize(a.handle, beyond<cpg_iteration_type_t>(0), nullptr, &iteration),
        CS_ERR_INVALID_PARAM);
    EXPECT_EQ(cpg_iteration_initialize(a.handle, CPG_ITERATION_ONE_GROUP, nullptr, &iteration),
              CS_ERR_INVALID_PARAM);
    EXPECT_EQ(cpg_iteration_initialize(a.handle, CPG_ITERATION_ALL, nullptr, nullptr),
              CS_ERR_INVALID_PARAM);
    cpg_name wrong = name_of("");
    EXPECT_EQ(cpg_iteration_initialize(a.handle, CPG_ITERATION_ONE_GROUP, &wrong, &iteration),
              CS_ERR_INVALID_PARAM);
    wrong.length = 129;
    EXPECT_EQ(cpg_iteration_initialize(a.handle, CPG_ITERATION_ONE_GROUP, &wrong, &iteration),
              CS_ERR_NAME_TOO_LONG);
    EXPECT_EQ(iteration, 0U);
    ASSERT_EQ(cpg_iteration_initialize(a.handle, CPG_ITERATION_ALL, nullptr, &iteration), CS_OK);
    EXPECT_EQ(cpg_iteration_next(iteration, nullptr), CS_ERR_INVALID_PARAM);
    EXPECT_EQ(cpg_iteration_finalize(iteration), CS_OK);
    EXPECT_EQ(cpg_iteration_finalize(iteration), CS_ERR_BAD_HANDLE);
}

TEST_F(Cpg, descriptor_is_a_socket_that_names_the_executive) {
    Member a(dir(1));
    int fd = -1;
    ASSERT_EQ(cpg_fd_get(a.handle, &fd), CS_OK);
    ucred peer{};
    socklen_t size = sizeof peer;
    ASSERT_EQ(getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size), 0);
    EXPECT_GT(peer.pid, 0);
    EXPECT_NE(peer.pid, getpid());
    EXPECT_TRUE(fcntl(fd, F_GETFD) & FD_CLOEXEC);
    EXPECT_EQ(cpg_fd_get(a.handle, nullptr), CS_ERR_INVALID_PARAM);
}

TEST_F(Cpg, descriptor_is_readable_exactly_while_something_is_pending) {
    Member a(dir(1));
    int fd = -1;
    cpg_fd_get(a.handle, &fd);
    pollfd wait{fd, POLLIN, 0};
    EXPECT_EQ(poll(&wait, 1, 200), 0);
    ASSERT_EQ(a.join(group()), CS_OK);
    EXPECT_EQ(poll(&wait, 1, 10000), 1);
    EXPECT_EQ(cpg_dispatch(a.handle, CS_DISPATCH_ALL), CS_OK);
    EXPECT_EQ(a.changes.size(), 1U);
    EXPECT_EQ(poll(&wait, 1, 0), 0);
}

// Threads take changes in their order, whichever of them tells one: each list is whole.
TEST_F(Cpg, changes_that_several_threads_dispatch_have_whole_lists) {
    struct Watch {
        std::mutex mutex;
        std::vector<Change> changes;
        static void on_change(cpg_handle_t handle,
                              const cpg_name* group,
                              const cpg_address* members,
                              std::size_t member_count,
                              const cpg_address* left,
                              std::size_t left_count,
                              const cpg_address* joined,
                              std::size_t joined_count) {
            void* context = nullptr;
            EXPECT_EQ(cpg_context_get(handle, &context), CS_OK);
            std::this_thread::yield();  // the others may go on with the next change meanwhile
            auto& watch = *static_cast<Watch*>(context);
            const std::lock_guard lock(watch.mutex);
            watch.changes.push_back({std::string(group->value, group->length),
                                     Member::convert(members, member_count),
                                     Member::convert(left, left_count),
                                     Member::convert(joined, joined_count)});
        }
        std::size_t count() {
            const std::lock_guard lock(mutex);
            return changes.size();
        }
    } watch;
    constexpr int rounds = 100;
    setenv("OPENAIS_RUN_DIR", dir(1).c_str(), 1);
    cpg_callbacks_t callbacks{nullptr, Watch::on_change};
    cpg_handle_t handle = 0;
    ASSERT_EQ(cpg_initialize(&handle, &callbacks), CS_OK);
    ASSERT_EQ(cpg_context_set(handle, &watch), CS_OK);
    const cpg_name name = name_of(group());
    ASSERT_EQ(cpg_join(handle, &name), CS_OK);
    std::vector<std::thread> threads;
    std::atomic<int> results{0};
    for (int i = 0; i < 3; ++i) {
        threads.emplace_back(
            [&] { results += cpg_dispatch(handle, CS_DISPATCH_BLOCKING) == CS_OK ? 1 : 0; });
    }
    Member b(dir(2));
    Member c(dir(3));
    for (int round = 0; round < rounds; ++round) {
        for (Member* member : {&b, &c}) {
            ASSERT_EQ(member->join(group()), CS_OK);
            ASSERT_EQ(member->leave(), CS_OK);
        }
    }
    constexpr std::size_t all = 1 + 4 * rounds;
    ASSERT_TRUE(b.until([&] { return watch.count() >= all; }));
    EXPECT_EQ(cpg_finalize(handle), CS_OK);
    for (std::thread& thread : threads) {
        thread.join();
    }
    EXPECT_EQ(results, 3);
    ASSERT_EQ(watch.changes.size(), all);
    for (const Change& change : watch.changes) {
        EXPECT_EQ(change.group, group());
        EXPECT_TRUE(std::is_sorted(change.members.begin(), change.members.end()));
        EXPECT_EQ(change.members.front().node, 1U);
        EXPECT_EQ(change.left.size() + change.joined.size(), 1U);
        for (const Process& process : change.joined) {
            EXPECT_THAT(change.members, testing::Contains(Process{process.node, process.pid, 0}));
        }
        for (const Process& process : change.left) {
            EXPECT_THAT(change.members,
                        testing::Not(testing::Contains(Process{process.node, process.pid, 0})));
        }
    }
}

// A callback that dispatches hears the next change; its own list stays as it was.
TEST_F(Cpg, list_of_a_change_stays_while_its_callback_dispatches) {
    struct Nested {
        std::size_t told = 0;
        std::vector<std::size_t> sizes;
        static void on_change(cpg_handle_t handle,
                              const cpg_name*,
                              const cpg_address* members,
                              std::size_t member_count,
                              const cpg_address*,
                              std::size_t,
                              const cpg_address*,
                              std::size_t) {
            void* context = nullptr;
            EXPECT_EQ(cpg_context_get(handle, &context), CS_OK);
            auto& nested = *static_cast<Nested*>(context);
            const auto before = Member::convert(members, member_count);
            if (++nested.told < 4) {
                EXPECT_EQ(cpg_dispatch(handle, CS_DISPATCH_ONE), CS_OK);
            }
            EXPECT_EQ(Member::convert(members, member_count), before);
            nested.sizes.push_back(member_count);
        }
    } nested;
    setenv("OPENAIS_RUN_DIR", dir(1).c_str(), 1);
    cpg_callbacks_t callbacks{nullptr, Nested::on_change};
    cpg_handle_t handle = 0;
    ASSERT_EQ(cpg_initialize(&handle, &callbacks), CS_OK);
    ASSERT_EQ(cpg_context_set(handle, &nested), CS_OK);
    const cpg_name name = name_of(group());
    ASSERT_EQ(cpg_join(handle, &name), CS_OK);
    Member b(dir(2));
    Member c(dir(3));
    b.enter(group());
    c.enter(group());
    EXPECT_EQ(b.leave(), CS_OK);
    EXPECT_EQ(cpg_dispatch(handle, CS_DISPATCH_ONE), CS_OK);
    EXPECT_THAT(nested.sizes, ElementsAre(2, 3, 2, 1));  // the innermost ends first
    EXPECT_EQ(cpg_finalize(handle), CS_OK);
}

TEST_F(Cpg, blocking_dispatch_of_two_threads_ends_with_finalize) {
    Member a(dir(1));
    a.enter(group());
    std::atomic<int> results{0};
    const auto wait = [&] {
        if (cpg_dispatch(a.handle, CS_DISPATCH_BLOCKING) == CS_OK) {
            ++results;
        }
    };
    std::thread one(wait);
    std::thread two(wait);
    std::this_thread::sleep_for(100ms);
    EXPECT_EQ(cpg_finalize(a.handle), CS_OK);
    one.join();
    two.join();
    EXPECT_EQ(results, 2);
}

TEST_F(Cpg, callback_may_finalize_its_handle) {
    Member a(dir(1));
    a.enter(group());
    a.in_callback = [&] { EXPECT_EQ(cpg_finalize(a.handle), CS_OK); };
    a.say("now");
    EXPECT_EQ(cpg_dispatch(a.handle, CS_DISPATCH_BLOCKING), CS_OK);
    EXPECT_EQ(cpg_finalize(a.handle), CS_ERR_BAD_HANDLE);
}

TEST_F(Cpg, callback_may_call_everything) {
    Member a(dir(1));
    a.enter(group());
    a.in_callback = [&] {
        EXPECT_EQ(a.membership(group()).size(), 1U);
        if (a.messages.size() < 10) {
            a.try_say(std::to_string(a.messages.size()));
        } else {
            EXPECT_EQ(a.leave(), CS_OK);
        }
    };
    a.say("begin");
    ASSERT_TRUE(a.until([&] { return !a.changes.back().left.empty(); }));
    EXPECT_EQ(a.messages.size(), 10U);
}

TEST_F(Cpg, wrong_handles_are_refused) {
    Member a(dir(1));
    const cpg_handle_t stale = [] {
        Member gone(dir(1));
        return gone.handle;
    }();
    const cpg_name name = name_of("g");
    for (const cpg_handle_t bad :
         {cpg_handle_t{0}, stale, a.handle + 1, a.handle ^ (cpg_handle_t{1} << 40)}) {
        unsigned int node = 0;
        int fd = 0;
        void* context = nullptr;
        std::uint32_t size = 0;
        cpg_flow_control_state_t state{};
        EXPECT_EQ(cpg_finalize(bad), CS_ERR_BAD_HANDLE);
        EXPECT_EQ(cpg_dispatch(bad, CS_DISPATCH_ALL), CS_ERR_BAD_HANDLE);
        EXPECT_EQ(cpg_join(bad, &name), CS_ERR_BAD_HANDLE);
        EXPECT_EQ(cpg_leave(bad, &name), CS_ERR_BAD_HANDLE);
        EXPECT_EQ(cpg_mcast_joined(bad, CPG_TYPE_AGREED, nullptr, 0), CS_ERR_BAD_HANDLE);
        EXPECT_EQ(cpg_local_get(bad, &node), CS_ERR_BAD_HANDLE);
        EXPECT_EQ(cpg_fd_get(bad, &fd), CS_ERR_BAD_HANDLE);
        EXPECT_EQ(cpg_context_get(bad, &context), CS_ERR_BAD_HANDLE);
        EXPECT_EQ(cpg_max_atomic_msgsize_get(bad, &size), CS_ERR_BAD_HANDLE);
        EXPECT_EQ(cpg_flow_control_state_get(bad, &state), CS_ERR_BAD_HANDLE);
    }
}

TEST_F(Cpg, arguments_that_are_none_are_refused) {
    Member a(dir(1));
    for (const int flags : {-1, 0, 5, 0x7fffffff}) {
        EXPECT_EQ(cpg_dispatch(a.handle, beyond<cs_dispatch_flags_t>(flags)), CS_ERR_INVALID_PARAM);
    }
    EXPECT_EQ(cpg_local_get(a.handle, nullptr), CS_ERR_INVALID_PARAM);
    EXPECT_EQ(cpg_fd_get(a.handle, nullptr), CS_ERR_INVALID_PARAM);
    EXPECT_EQ(cpg_context_get(a.handle, nullptr), CS_ERR_INVALID_PARAM);
    EXPECT_EQ(cpg_max_atomic_msgsize_get(a.handle, nullptr), CS_ERR_INVALID_PARAM);
    EXPECT_EQ(cpg_flow_control_state_get(a.handle, nullptr), CS_ERR_INVALID_PARAM);
    EXPECT_EQ(a.flow(), CPG_FLOW_CONTROL_DISABLED);
    EXPECT_EQ(a.node, 1U);
}

TEST_F(Cpg, initialize_without_its_arguments_is_refused) {
    cpg_handle_t handle = 0;
    cpg_callbacks_t callbacks{};
    cpg_model_v1_data_t model{};
    model.model = CPG_MODEL_V1;
    model.flags = 0x80;
    auto* data = reinterpret_cast<cpg_model_data_t*>(&model);
    EXPECT_EQ(cpg_initialize(nullptr, &callbacks), CS_ERR_INVALID_PARAM);
    EXPECT_EQ(cpg_initialize(&handle, nullptr), CS_ERR_INVALID_PARAM);
    EXPECT_EQ(cpg_model_initialize(&handle, beyond<cpg_model_t>(2), data, nullptr),
              CS_ERR_INVALID_PARAM);
    EXPECT_EQ(cpg_model_initialize(&handle, CPG_MODEL_V1, data, nullptr), CS_ERR_INVALID_PARAM);
    EXPECT_EQ(cpg_model_initialize(nullptr, CPG_MODEL_V1, data, nullptr), CS_ERR_INVALID_PARAM);
    EXPECT_EQ(cpg_model_initialize(&handle, CPG_MODEL_V1, nullptr, nullptr), CS_ERR_INVALID_PARAM);
    setenv("OPENAIS_RUN_DIR", "/nonexistent", 1);
    EXPECT_EQ(cpg_initialize(&handle, &callbacks), CS_ERR_TRY_AGAIN);
    EXPECT_EQ(handle, 0U);
}

TEST_F(Cpg, handle_is_of_no_use_in_a_forked_child) {
    Member a(dir(1));
    a.enter(group());
    const pid_t child = fork();
    if (child == 0) {
        const bool refused = a.try_say("from the child") == CS_ERR_BAD_HANDLE &&
                             cpg_dispatch(a.handle, CS_DISPATCH_ALL) == CS_ERR_BAD_HANDLE &&
                             cpg_finalize(a.handle) == CS_ERR_BAD_HANDLE;
        _exit(refused ? 0 : 1);
    }
    int status = 1;
    ASSERT_EQ(waitpid(child, &status, 0), child);
    EXPECT_EQ(status, 0);
    a.say("from the parent");
    ASSERT_TRUE(a.until([&] { return a.messages.size() == 1; }));
    EXPECT_EQ(a.messages[0].text, "from the parent");
}

// A lock of the library that another thread holds at the fork is never released in the child.
TEST_F(Cpg, child_can_begin_anew_whatever_other_threads_did_at_the_fork) {
    Member a(dir(1));
    std::atomic<bool> done{false};
    std::vector<std::thread> busy;
    for (int i = 0; i < 3; ++i) {
        busy.emplace_back([&] {
            unsigned int node = 0;
            while (!done) {
                cpg_local_get(a.handle, &node);
            }
        });
    }
    int bad = 0;
    for (int i = 0; i < 100 && bad == 0; ++i) {
        const pid_t child = fork();
        if (child == 0) {
            alarm(5);
            unsigned int node = 0;
            cpg_handle_t handle = 0;
            cpg_callbacks_t callbacks{};
            const bool good = cpg_local_get(a.handle, &node) == CS_ERR_BAD_HANDLE &&
                              cpg_initialize(&handle, &callbacks) == CS_OK &&
                              cpg_local_get(handle, &node) == CS_OK &&
                              cpg_finalize(handle) == CS_OK;
            _exit(good ? 0 : 1);
        }
        int status = 1;
        ASSERT_EQ(waitpid(child, &status, 0), child);
        bad = status;
    }
    done = true;
    for (std::thread& one : busy) {
        one.join();
    }
    EXPECT_EQ(bad, 0);
}

// ---- scenarios that break the cluster: each has its own

class CpgFaults : public testing::Test {
  protected:
    std::string dir(int node) const { return cluster_->run_dir(node); }
    void start(int nodes) {
        cluster_ = std::make_unique<Cluster>(nodes);
        cluster_->start_all();
        watch(1, static_cast<std::size_t>(nodes));
    }
    void watch(int node, std::size_t nodes) {
        Member watcher(dir(node), true);
        ASSERT_TRUE(watcher.until(
            [&] { return !watcher.rings.empty() && watcher.rings.back().size() == nodes; }));
    }
    std::unique_ptr<Cluster> cluster_;
};

TEST_F(CpgFaults, CP10_members_of_a_dead_node_are_nodedown) {
    start(2);
    Member a(dir(1));
    Member b(dir(2));
    Child c(dir(2), "g");
    a.enter("g");
    b.enter("g");
    ASSERT_TRUE(a.until_members(3));
    const std::vector<Process> before = a.changes.back().members;
    cluster_->kill(2);
    ASSERT_TRUE(a.until_members(1));
    EXPECT_THAT(a.changes.back().members, ElementsAre(a.me()));
    std::vector<Process> expected(before.begin() + 1, before.end());
    for (Process& process : expected) {
        process.reason = CPG_REASON_NODEDOWN;
    }
    EXPECT_EQ(a.changes.back().left, expected);
    // Its clients learn that their executive is gone.
    ASSERT_TRUE(b.until([&] { return b.last_dispatch == CS_ERR_LIBRARY; }));
    EXPECT_EQ(b.try_say("x"), CS_ERR_LIBRARY);
    EXPECT_EQ(b.join("h"), CS_ERR_LIBRARY);
    EXPECT_EQ(cpg_finalize(b.handle), CS_OK);
    EXPECT_EQ(cpg_finalize(b.handle), CS_ERR_BAD_HANDLE);
}

TEST_F(CpgFaults, CP11_sides_of_a_division_see_each_other_go_and_come) {
    start(3);
    Member a(dir(1));
    Member b(dir(2));
    Member c(dir(3));
    for (Member* member : {&a, &b, &c}) {
        member->enter("g");
    }
    ASSERT_TRUE(a.until_members(3));
    ASSERT_TRUE(b.until_members(3));
    std::size_t seen = a.changes.size();
    cluster_->pause(1);
    ASSERT_TRUE(b.until_members(2));
    ASSERT_TRUE(c.until_members(2));
    EXPECT_THAT(b.changes.back().left, ElementsAre(a.me(CPG_REASON_NODEDOWN)));
    b.say("without node 1");
    ASSERT_TRUE(c.until([&] { return c.messages.size() == 1; }));
    cluster_->resume(1);
    ASSERT_TRUE(b.until_members(3));
    EXPECT_THAT(b.changes.back().joined, ElementsAre(a.me(CPG_REASON_NODEUP)));
    // Node 1 sees the others go and come.
    std::set<std::uint32_t> gone;
    std::set<std::uint32_t> came;
    EXPECT_TRUE(a.until([&] {
        for (; seen < a.changes.size(); ++seen) {
            for (const Process& process : a.changes[seen].left) {
                EXPECT_EQ(process.reason, CPG_REASON_NODEDOWN);
                gone.insert(process.node);
            }
            for (const Process& process : a.changes[seen].joined) {
                EXPECT_EQ(process.reason, CPG_REASON_NODEUP);
                EXPECT_TRUE(gone.contains(process.node));
                came.insert(process.node);
            }
        }
        return came.size() == 2;
    }));
    EXPECT_THAT(gone, ElementsAre(2, 3));
    EXPECT_THAT(a.messages, IsEmpty());  // nothing of the other side's past
    EXPECT_EQ(a.changes.back().members, b.changes.back().members);
    b.say("together");
    ASSERT_TRUE(a.until([&] { return a.messages.size() == 1; }));
}

TEST_F(CpgFaults, CP12_node_that_comes_hides_no_node_that_goes) {
    start(4);
    cluster_->kill(1);
    Member b(dir(2));
    Member c(dir(3));
    Member d(dir(4));
    for (Member* member : {&b, &c, &d}) {
        member->enter("g");
    }
    ASSERT_TRUE(b.until_members(3));
    cluster_->kill(3);
    cluster_->restart(1);  // the lowest id of all
    ASSERT_TRUE(b.until_members(2));
    EXPECT_THAT(b.changes.back().left, ElementsAre(c.me(CPG_REASON_NODEDOWN)));
    ASSERT_TRUE(d.until_members(2));
    EXPECT_THAT(d.changes.back().left, ElementsAre(c.me(CPG_REASON_NODEDOWN)));
    Member again(dir(1));
    again.enter("g");
    ASSERT_TRUE(b.until_members(3));
    // Its executive may have been alone when it joined.
    ASSERT_TRUE(again.until_members(3));
    EXPECT_EQ(again.changes.back().members, b.changes.back().members);
}

TEST_F(CpgFaults, survivors_deliver_the_same_messages_before_the_same_change) {
    start(3);
    Member b(dir(2));
    Member c(dir(3));
    b.enter("g");
    c.enter("g");
    Child flood(dir(1), "g", 1000000);
    ASSERT_TRUE(b.until([&] { return b.messages.size() > 2000; }));
    cluster_->kill(1);
    ASSERT_TRUE(b.until([&] { return !b.changes.back().left.empty(); }));
    ASSERT_TRUE(c.until([&] { return !c.changes.back().left.empty(); }));
    b.linger();
    c.linger();
    // Equal histories from the flood's join on.
    const auto rest = [](const Member& member) {
        const auto first = std::find(member.history.begin(), member.history.end(), "0");
        return std::vector<std::string>(first, member.history.end());
    };
    EXPECT_EQ(rest(b), rest(c));
    EXPECT_EQ(b.history.back(), "change");
    int next = 0;
    for (const Message& message : b.messages) {
        ASSERT_EQ(message.text, std::to_string(next++));
    }
}

}  // namespace
