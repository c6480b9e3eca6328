// SPDX-License-Identifier: BSD-3-Clause
//
// libevs against running executives: the acceptance scenarios of the reference (EVS1 to
// EVS15), and each function's errors.
//
// Callbacks of this interface have no context, so what they say is for the one that
// dispatches.  Nothing waits by sleeping for a result.

#include "program.hpp"

#include <openais/evs.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fcntl.h>
#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <vector>

namespace {

using ais::conformance::beyond;
using ais::conformance::Clock;
using ais::conformance::dispatch_until;
using ais::conformance::patience;
using ais::process::Cluster;
using ais::process::wait_until;
using testing::AnyOf;
using testing::ElementsAre;
using testing::IsEmpty;
using namespace std::chrono_literals;

using Groups = std::vector<evs_group>;

evs_group group_of(std::string_view key) {
    evs_group group{};
    std::memcpy(group.key, key.data(), std::min(key.size(), sizeof group.key));
    return group;
}

struct Configuration {
    std::vector<unsigned> members;
    std::vector<unsigned> left;
    std::vector<unsigned> joined;
};

class Program {
  public:
    explicit Program(const std::string& run_dir) {
        setenv("OPENAIS_RUN_DIR", run_dir.c_str(), 1);
        evs_callbacks_t callbacks{on_message, on_configuration};
        evs_error_t error = EVS_OK;
        wait_until(
            [&] { return (error = evs_initialize(&handle, &callbacks)) != EVS_ERR_TRY_AGAIN; },
            patience);
        EXPECT_EQ(error, EVS_OK) << run_dir;
    }
    ~Program() { evs_finalize(handle); }
    Program(const Program&) = delete;
    Program& operator=(const Program&) = delete;

    evs_error_t join(Groups groups) {
        return evs_join(handle, groups.data(), static_cast<int>(groups.size()));
    }
    evs_error_t join(std::string_view group) { return join(Groups{group_of(group)}); }
    evs_error_t leave(Groups groups) {
        return evs_leave(handle, groups.data(), static_cast<int>(groups.size()));
    }
    evs_error_t leave(std::string_view group) { return leave(Groups{group_of(group)}); }
    evs_error_t try_say(Groups groups,
                        std::string_view text,
                        evs_guarantee_t guarantee = EVS_TYPE_AGREED) {
        iovec part{const_cast<char*>(text.data()), text.size()};
        return evs_mcast_groups(
            handle, guarantee, groups.data(), static_cast<int>(groups.size()), &part, 1);
    }
    // Dispatches while it is told to try again.
    void say(Groups groups, std::string_view text, evs_guarantee_t guarantee = EVS_TYPE_AGREED) {
        evs_error_t error = EVS_OK;
        ASSERT_TRUE(until([&] {
            error = try_say(groups, text, guarantee);
            return error != EVS_ERR_TRY_AGAIN;
        }));
        ASSERT_EQ(error, EVS_OK);
    }
    void say(std::string_view group,
             std::string_view text,
             evs_guarantee_t guarantee = EVS_TYPE_AGREED) {
        say(Groups{group_of(group)}, text, guarantee);
    }

    evs_error_t dispatch(evs_dispatch_t types = EVS_DISPATCH_ALL) {
        current_ = this;
        const evs_error_t error = evs_dispatch(handle, types);
        return error;
    }
    // Dispatches until it is true.  False: it took too long.
    template <typename Condition>
    bool until(Condition condition, Clock::duration longest = patience) {
        const auto descriptor = [&] {
            int fd = -1;
            evs_fd_get(handle, &fd);
            return fd;
        };
        return dispatch_until(
            descriptor, [&] { last_dispatch = dispatch(); }, condition, longest);
    }
    bool until_messages(std::size_t count) {
        return until([&] { return messages.size() >= count; });
    }
    // Until its own message has come back: everything that was before it has.
    void settle() {
        const std::size_t before = history.size();
        const std::string mark = "mark" + std::to_string(before);
        ASSERT_EQ(join(mark), EVS_OK);
        say(mark, mark);
        ASSERT_TRUE(until([&] {
            return std::find(messages.begin() + 0, messages.end(), mark) != messages.end();
        }));
        std::erase(messages, mark);
        std::erase(history, mark);
        ASSERT_EQ(leave(mark), EVS_OK);
    }
    [[nodiscard]] bool is_readable(int milliseconds = 0) const {
        int fd = -1;
        EXPECT_EQ(evs_fd_get(handle, &fd), EVS_OK);
        pollfd wait{fd, POLLIN, 0};
        return poll(&wait, 1, milliseconds) == 1;
    }
    [[nodiscard]] std::vector<unsigned> members() const {
        std::vector<unsigned> list(100);
        unsigned count = 100;
        EXPECT_EQ(evs_membership_get(handle, nullptr, list.data(), &count), EVS_OK);
        list.resize(count);
        return list;
    }

    evs_handle_t handle = 0;
    evs_error_t last_dispatch = EVS_OK;
    std::vector<std::string> messages;
    std::vector<unsigned> senders;
    std::vector<Configuration> configurations;
    std::vector<std::string> history;  // texts, and "transitional" or "regular"
    std::function<void()> in_callback;

  private:
    static std::vector<unsigned> list_of(const unsigned* list, int count) {
        return {list, list + count};
    }
    static void on_message(unsigned node, void* msg, int size) {
        Program& self = *current_;
        self.messages.emplace_back(static_cast<const char*>(msg), static_cast<std::size_t>(size));
        self.senders.push_back(node);
        self.history.push_back(self.messages.back());
        if (self.in_callback) {
            self.in_callback();
        }
    }
    static void on_configuration(unsigned* members,
                                 int member_count,
                                 unsigned* left,
                                 int left_count,
                                 unsigned* joined,
                                 int joined_count) {
        Program& self = *current_;
        self.configurations.push_back({list_of(members, member_count),
                                       list_of(left, left_count),
                                       list_of(joined, joined_count)});
        self.history.emplace_back("change");
    }

    static inline thread_local Program* current_ = nullptr;
};

// One cluster of three for all scenarios that leave it whole.
class Evs : public testing::Test {
  protected:
    static void SetUpTestSuite() {
        cluster_ = std::make_unique<Cluster>(3);
        cluster_->start_all();
        for (int node = 1; node <= 3; ++node) {
            const Program watcher(cluster_->run_dir(node));
            ASSERT_TRUE(wait_until([&] { return watcher.members().size() == 3; }, patience));
        }
    }
    static void TearDownTestSuite() { cluster_.reset(); }
    static std::string dir(int node) { return cluster_->run_dir(node); }

    static std::unique_ptr<Cluster> cluster_;
};
std::unique_ptr<Cluster> Evs::cluster_;

TEST_F(Evs, EVS1_the_first_event_is_the_configuration) {
    Program a(dir(2));
    EXPECT_TRUE(a.is_readable());
    EXPECT_EQ(a.dispatch(), EVS_OK);
    ASSERT_EQ(a.configurations.size(), 1U);
    EXPECT_THAT(a.configurations[0].members, ElementsAre(1, 2, 3));
    EXPECT_THAT(a.configurations[0].left, IsEmpty());
    EXPECT_FALSE(a.is_readable());
    EXPECT_EQ(a.dispatch(), EVS_OK) << "ALL does not wait";
    EXPECT_EQ(a.configurations.size(), 1U);
}

TEST_F(Evs, EVS1_callbacks_that_are_null_are_not_called) {
    evs_callbacks_t none{};
    evs_handle_t handle = 0;
    ASSERT_EQ(evs_initialize(&handle, &none), EVS_OK);
    auto group = group_of("nobody");
    iovec part{const_cast<char*>("x"), 1};
    EXPECT_EQ(evs_join(handle, &group, 1), EVS_OK);
    EXPECT_EQ(evs_mcast_joined(handle, EVS_TYPE_AGREED, &part, 1), EVS_OK);
    Program a(dir(1));
    a.settle();
    EXPECT_EQ(evs_dispatch(handle, EVS_DISPATCH_ALL), EVS_OK);
    EXPECT_EQ(evs_finalize(handle), EVS_OK);
}

TEST_F(Evs, EVS2_sender_need_not_have_joined_and_then_hears_nothing) {
    Program a(dir(1));
    Program b(dir(2));
    ASSERT_EQ(a.join("g1"), EVS_OK);
    b.say("g1", "hello");
    ASSERT_TRUE(a.until_messages(1));
    EXPECT_THAT(a.messages, ElementsAre("hello"));
    EXPECT_THAT(a.senders, ElementsAre(2));
    b.settle();
    EXPECT_THAT(b.messages, IsEmpty());
    EXPECT_EQ(b.configurations.size(), 1U) << "of a join nobody is told";
    // Who has joined nothing sends to nobody.
    iovec part{const_cast<char*>("to nobody"), 9};
    EXPECT_EQ(evs_mcast_joined(b.handle, EVS_TYPE_AGREED, &part, 1), EVS_OK);
    b.say("g1", "end");
    ASSERT_TRUE(a.until_messages(2));
    EXPECT_THAT(a.messages, ElementsAre("hello", "end"));
}

TEST_F(Evs, EVS2_message_that_was_accepted_outlives_its_sender) {
    Program a(dir(1));
    ASSERT_EQ(a.join("last words"), EVS_OK);
    {
        Program b(dir(2));
        b.say("last words", "agreed");
        b.say("last words", "safe", EVS_TYPE_SAFE);
    }
    ASSERT_TRUE(a.until_messages(2));
    EXPECT_THAT(a.messages, ElementsAre("agreed", "safe"));
}

TEST_F(Evs, EVS3_two_matching_groups_are_one_delivery) {
    Program a(dir(1));
    Program b(dir(2));
    ASSERT_EQ(a.join(Groups{group_of("g1"), group_of("g2")}), EVS_OK);
    b.say(Groups{group_of("g1"), group_of("g2")}, "once");
    b.say("g1", "end");
    ASSERT_TRUE(a.until_messages(2));
    EXPECT_THAT(a.messages, ElementsAre("once", "end"));
}

TEST_F(Evs, EVS3_each_handle_in_the_cluster_that_hears_a_group_gets_the_message) {
    Program a(dir(1));
    Program again(dir(1));
    Program c(dir(3));
    Program* const hearing[] = {&a, &again, &c};
    for (Program* one : hearing) {
        ASSERT_EQ(one->join("all of them"), EVS_OK);
    }
    Program b(dir(2));
    b.say(Groups{group_of("all of them"), group_of("none")}, "x");
    b.say("all of them", "end");
    for (Program* one : hearing) {
        ASSERT_TRUE(one->until_messages(2));
        EXPECT_THAT(one->messages, ElementsAre("x", "end"));
        EXPECT_THAT(one->senders, ElementsAre(2, 2));
    }
}

TEST_F(Evs, EVS4_all_hear_the_same_sequence_of_all_guarantees) {
    Program a(dir(1));
    Program b(dir(2));
    Program c(dir(3));
    constexpr std::size_t each = 10000;
    std::vector<Program*> all = {&a, &b, &c};
    for (Program* one : all) {
        ASSERT_EQ(one->join("order"), EVS_OK);
    }
    for (std::size_t i = 0; i < each; ++i) {
        for (std::size_t k = 0; k < all.size(); ++k) {
            const auto guarantee = static_cast<evs_guarantee_t>(i % 4);
            all[k]->say("order", std::to_string(k + 1) + "." + std::to_string(i), guarantee);
        }
    }
    for (Program* one : all) {
        ASSERT_TRUE(one->until_messages(3 * each));
    }
    EXPECT_TRUE(a.messages == b.messages);
    EXPECT_TRUE(a.messages == c.messages);
    std::vector<std::size_t> next(4, 0);
    for (std::size_t i = 0; i < a.messages.size(); ++i) {
        const unsigned node = a.senders[i];
        ASSERT_EQ(a.messages[i], std::to_string(node) + "." + std::to_string(next[node]++));
    }
}

TEST_F(Evs, EVS5_group_that_was_left_is_not_heard) {
    Program a(dir(1));
    Program b(dir(2));
    ASSERT_EQ(a.join("g5"), EVS_OK);
    ASSERT_EQ(a.leave("g5"), EVS_OK);
    EXPECT_EQ(a.leave("g5"), EVS_ERR_NOT_EXIST);
    ASSERT_EQ(a.join("end"), EVS_OK);
    b.say("g5", "no");
    b.say("end", "end");
    ASSERT_TRUE(a.until_messages(1));
    EXPECT_THAT(a.messages, ElementsAre("end"));
}

TEST_F(Evs, EVS5_joins_are_counted_and_leave_stops_at_the_first_that_was_not_joined) {
    Program a(dir(1));
    ASSERT_EQ(a.join("twice"), EVS_OK);
    ASSERT_EQ(a.join("twice"), EVS_OK);
    EXPECT_EQ(a.leave("twice"), EVS_OK);
    a.say("twice", "still");
    ASSERT_TRUE(a.until_messages(1));
    ASSERT_EQ(a.join("later"), EVS_OK);
    EXPECT_EQ(a.leave(Groups{group_of("twice"), group_of("none"), group_of("later")}),
              EVS_ERR_NOT_EXIST);
    a.say("twice", "no");
    a.say("later", "yes");
    ASSERT_TRUE(a.until_messages(2));
    EXPECT_THAT(a.messages, ElementsAre("still", "yes"));
}

TEST_F(Evs, EVS6_fifty_groups_are_the_limit) {
    Program a(dir(1));
    EXPECT_EQ(a.join(Groups(51, group_of("g"))), EVS_ERR_TOO_MANY_GROUPS);
    EXPECT_EQ(a.join(Groups(50, group_of("g"))), EVS_OK);
    EXPECT_EQ(a.join("h"), EVS_ERR_TOO_MANY_GROUPS);
    EXPECT_EQ(a.try_say(Groups(51, group_of("g")), "x"), EVS_ERR_TOO_MANY_GROUPS);
    EXPECT_EQ(a.try_say(Groups(50, group_of("g")), "x"), EVS_OK);
    ASSERT_TRUE(a.until_messages(1));
    EXPECT_EQ(a.leave(Groups(50, group_of("g"))), EVS_OK);
    EXPECT_EQ(a.leave("g"), EVS_ERR_NOT_EXIST);
}

TEST_F(Evs, EVS9_dispatch_one_waits_for_one_callback) {
    Program a(dir(1));
    Program b(dir(2));
    ASSERT_EQ(a.join("g9"), EVS_OK);
    EXPECT_EQ(a.dispatch(EVS_DISPATCH_ONE), EVS_OK);  // the configuration
    std::atomic<bool> done{false};
    std::thread waiting([&] {
        EXPECT_EQ(a.dispatch(EVS_DISPATCH_ONE), EVS_OK);
        done = true;
    });
    int fd = -1;
    ASSERT_EQ(evs_fd_get(a.handle, &fd), EVS_OK);
    pollfd wait{fd, POLLIN, 0};
    EXPECT_EQ(poll(&wait, 1, 200), 0);
    EXPECT_FALSE(done);
    b.say("g9", "one");
    waiting.join();
    EXPECT_THAT(a.messages, ElementsAre("one"));
    EXPECT_FALSE(a.is_readable());
    b.say("g9", "two");
    EXPECT_TRUE(a.is_readable(20000));
    b.say("g9", "three");
    EXPECT_EQ(a.dispatch(EVS_DISPATCH_ONE), EVS_OK);
    EXPECT_THAT(a.messages, ElementsAre("one", "two"));
}

TEST_F(Evs, EVS10_finalize_ends_blocking_dispatch) {
    Program a(dir(1));
    ASSERT_EQ(a.join("g10"), EVS_OK);
    std::atomic<bool> inside{false};
    a.in_callback = [&] { inside = true; };
    evs_error_t result = EVS_ERR_LIBRARY;
    std::thread waiting([&] { result = a.dispatch(EVS_DISPATCH_BLOCKING); });
    EXPECT_EQ(a.try_say(Groups{group_of("g10")}, "in"), EVS_OK);
    EXPECT_TRUE(wait_until([&] { return inside.load(); }));
    EXPECT_EQ(evs_finalize(a.handle), EVS_OK);
    waiting.join();
    EXPECT_EQ(result, EVS_OK);
    EXPECT_EQ(evs_finalize(a.handle), EVS_ERR_BAD_HANDLE);
}

TEST_F(Evs, EVS10_callback_may_finalize_its_handle_and_call_everything) {
    Program a(dir(1));
    ASSERT_EQ(a.join("g"), EVS_OK);
    a.in_callback = [&] {
        EXPECT_EQ(a.members().size(), 3U);
        EXPECT_EQ(a.join("h"), EVS_OK);
        if (a.messages.size() == 3) {
            EXPECT_EQ(evs_finalize(a.handle), EVS_OK);
        } else {
            EXPECT_EQ(a.try_say(Groups{group_of("h")}, "more"), EVS_OK);
        }
    };
    a.say("g", "begin");
    EXPECT_EQ(a.dispatch(EVS_DISPATCH_BLOCKING), EVS_OK);
    EXPECT_EQ(a.messages.size(), 3U);
}

TEST_F(Evs, EVS11_members_are_cut_to_the_room_there_is) {
    const Program a(dir(2));
    unsigned local = 0;
    unsigned list[4] = {99, 99, 99, 99};
    unsigned count = 1;
    EXPECT_EQ(evs_membership_get(a.handle, &local, list, &count), EVS_OK);
    EXPECT_EQ(count, 1U);
    EXPECT_EQ(local, 2U);
    EXPECT_EQ(list[0], 1U);
    EXPECT_EQ(list[1], 99U);
    count = 4;
    EXPECT_EQ(evs_membership_get(a.handle, nullptr, list, &count), EVS_OK);
    EXPECT_EQ(count, 3U);
    EXPECT_THAT(list, ElementsAre(1, 2, 3, 99));
    count = 0;
    EXPECT_EQ(evs_membership_get(a.handle, &local, nullptr, &count), EVS_OK);
    EXPECT_EQ(evs_membership_get(a.handle, &local, list, nullptr), EVS_ERR_INVALID_PARAM);
}

TEST_F(Evs, EVS12_all_bytes_of_a_key_count) {
    Program a(dir(1));
    Program b(dir(2));
    const std::string zeros(31, '\0');
    ASSERT_EQ(a.join(zeros + "1"), EVS_OK);
    ASSERT_EQ(a.join("end"), EVS_OK);
    b.say(zeros + "2", "no");
    b.say(zeros + "1", "yes");
    b.say("end", "end");
    ASSERT_TRUE(a.until_messages(2));
    EXPECT_THAT(a.messages, ElementsAre("yes", "end"));
}

TEST_F(Evs, EVS13_messages_of_every_size_arrive_whole) {
    Program a(dir(1));
    Program b(dir(2));
    ASSERT_EQ(a.join("size"), EVS_OK);
    std::vector<std::string> sent;
    for (const std::size_t size : {0, 1, 1400, 100'000, 900'000, 1 << 20}) {
        std::string text(size, '\0');
        for (std::size_t i = 0; i < size; ++i) {
            text[i] = static_cast<char>((i * 31 + size) >> 3);
        }
        b.say("size", text, size % 2 == 0 ? EVS_TYPE_AGREED : EVS_TYPE_SAFE);
        sent.push_back(std::move(text));
    }
    ASSERT_TRUE(a.until_messages(sent.size()));
    EXPECT_TRUE(a.messages == sent);
    EXPECT_EQ(b.try_say(Groups{group_of("size")}, std::string((1 << 20) + 1, 'x')),
              EVS_ERR_INVALID_PARAM);
    iovec two[] = {{sent.back().data(), 1 << 20}, {sent.back().data(), 1}};
    EXPECT_EQ(evs_mcast_joined(a.handle, EVS_TYPE_AGREED, two, 2), EVS_ERR_INVALID_PARAM);
}

TEST_F(Evs, EVS13_parts_are_put_together_however_many) {
    Program a(dir(1));
    ASSERT_EQ(a.join("parts"), EVS_OK);
    std::vector<std::string> words;
    std::string expected;
    for (int i = 0; i < 500; ++i) {
        words.push_back(std::to_string(i) + ",");
        expected += words.back();
    }
    std::vector<iovec> parts;
    for (std::string& word : words) {
        parts.push_back({word.data(), word.size()});
    }
    auto group = group_of("parts");
    EXPECT_EQ(evs_mcast_joined(a.handle, EVS_TYPE_AGREED, parts.data(), 500), EVS_OK);
    EXPECT_EQ(evs_mcast_groups(a.handle, EVS_TYPE_SAFE, &group, 1, parts.data(), 500), EVS_OK);
    EXPECT_EQ(evs_mcast_joined(a.handle, EVS_TYPE_FIFO, nullptr, 0), EVS_OK);
    iovec some[] = {{nullptr, 0}, parts[7], {nullptr, 0}};
    EXPECT_EQ(evs_mcast_joined(a.handle, EVS_TYPE_UNORDERED, some, 3), EVS_OK);
    ASSERT_TRUE(a.until_messages(4));
    EXPECT_THAT(a.messages, ElementsAre(expected, expected, "", "7,"));
}

TEST_F(Evs, EVS14_flood_is_stopped_and_nothing_is_lost_or_reordered) {
    Program a(dir(1));
    Program b(dir(2));
    ASSERT_EQ(a.join("flood"), EVS_OK);
    ASSERT_EQ(b.join("flood"), EVS_OK);
    std::atomic<bool> stop{false};
    std::thread receiver([&] { b.until([&] { return stop.load(); }, 60s); });
    const std::string filler(1000, 'x');
    std::size_t accepted = 0;
    evs_error_t error = EVS_OK;
    while (accepted < 500'000 && error == EVS_OK) {
        error = a.try_say(Groups{group_of("flood")}, std::to_string(accepted) + " " + filler);
        accepted += error == EVS_OK ? 1 : 0;
    }
    EXPECT_EQ(error, EVS_ERR_TRY_AGAIN);
    EXPECT_TRUE(a.until_messages(accepted));
    a.say("flood", "end");
    stop = true;
    receiver.join();
    EXPECT_TRUE(b.until_messages(accepted + 1));
    ASSERT_EQ(b.messages.size(), accepted + 1);
    for (std::size_t i = 0; i < accepted; ++i) {
        ASSERT_EQ(b.messages[i], std::to_string(i) + " " + filler);
    }
}

// ---- errors

TEST_F(Evs, arguments_that_are_none_are_refused) {
    Program a(dir(1));
    evs_callbacks_t callbacks{};
    evs_handle_t handle = 42;
    iovec part{nullptr, 1};
    EXPECT_EQ(evs_initialize(nullptr, &callbacks), EVS_ERR_INVALID_PARAM);
    EXPECT_EQ(evs_initialize(&handle, nullptr), EVS_ERR_INVALID_PARAM);
    EXPECT_EQ(evs_fd_get(a.handle, nullptr), EVS_ERR_INVALID_PARAM);
    for (const int types : {-1, 3, 4}) {
        EXPECT_EQ(evs_dispatch(a.handle, beyond<evs_dispatch_t>(types)), EVS_ERR_INVALID_PARAM);
    }
    EXPECT_EQ(evs_join(a.handle, nullptr, 1), EVS_ERR_INVALID_PARAM);
    EXPECT_EQ(evs_join(a.handle, nullptr, -1), EVS_ERR_INVALID_PARAM);
    EXPECT_EQ(evs_join(a.handle, nullptr, 0), EVS_OK);
    EXPECT_EQ(evs_leave(a.handle, nullptr, 1), EVS_ERR_INVALID_PARAM);
    EXPECT_EQ(evs_leave(a.handle, nullptr, -1), EVS_ERR_INVALID_PARAM);
    Groups many(51, group_of("g"));
    EXPECT_EQ(evs_leave(a.handle, many.data(), 51), EVS_ERR_TOO_MANY_GROUPS);
    EXPECT_EQ(evs_join(a.handle, many.data(), 0x7fffffff), EVS_ERR_TOO_MANY_GROUPS);
    EXPECT_EQ(evs_leave(a.handle, nullptr, 0), EVS_OK);
    for (const int guarantee : {-1, 4}) {
        EXPECT_EQ(evs_mcast_joined(a.handle, beyond<evs_guarantee_t>(guarantee), nullptr, 0),
                  EVS_ERR_INVALID_PARAM);
        EXPECT_EQ(
            evs_mcast_groups(a.handle, beyond<evs_guarantee_t>(guarantee), nullptr, 0, nullptr, 0),
            EVS_ERR_INVALID_PARAM);
    }
    EXPECT_EQ(evs_mcast_joined(a.handle, EVS_TYPE_AGREED, nullptr, 1), EVS_ERR_INVALID_PARAM);
    EXPECT_EQ(evs_mcast_joined(a.handle, EVS_TYPE_AGREED, &part, 1), EVS_ERR_INVALID_PARAM);
    EXPECT_EQ(evs_mcast_joined(a.handle, EVS_TYPE_AGREED, &part, -1), EVS_ERR_INVALID_PARAM);
    EXPECT_EQ(evs_mcast_groups(a.handle, EVS_TYPE_AGREED, nullptr, 1, nullptr, 0),
              EVS_ERR_INVALID_PARAM);
    EXPECT_EQ(evs_mcast_groups(a.handle, EVS_TYPE_AGREED, many.data(), -1, nullptr, 0),
              EVS_ERR_INVALID_PARAM);
    EXPECT_EQ(evs_mcast_groups(a.handle, EVS_TYPE_AGREED, many.data(), 1, nullptr, 1),
              EVS_ERR_INVALID_PARAM);
    EXPECT_EQ(evs_mcast_groups(a.handle, EVS_TYPE_AGREED, many.data(), 1, &part, 1),
              EVS_ERR_INVALID_PARAM);
    EXPECT_EQ(evs_mcast_groups(a.handle, EVS_TYPE_AGREED, many.data(), 1, &part, -1),
              EVS_ERR_INVALID_PARAM);
    // Lengths whose sum is small, since it does not fit its type.
    char byte = 'x';
    iovec huge[] = {{&byte, 2}, {&byte, ~std::size_t{0}}};
    EXPECT_EQ(evs_mcast_joined(a.handle, EVS_TYPE_AGREED, huge, 2), EVS_ERR_INVALID_PARAM);
    EXPECT_EQ(evs_mcast_groups(a.handle, EVS_TYPE_AGREED, many.data(), 1, huge, 2),
              EVS_ERR_INVALID_PARAM);
    EXPECT_EQ(evs_mcast_groups(a.handle, EVS_TYPE_AGREED, nullptr, 0, nullptr, 0), EVS_OK);
    setenv("OPENAIS_RUN_DIR", "/nonexistent", 1);
    EXPECT_EQ(evs_initialize(&handle, &callbacks), EVS_ERR_TRY_AGAIN);
    EXPECT_EQ(handle, 42U);
}

TEST_F(Evs, wrong_handles_are_refused) {
    const Program a(dir(1));
    const evs_handle_t stale = [] {
        const Program gone(dir(1));
        return gone.handle;
    }();
    auto group = group_of("g");
    evs_handle_t random = 0x9e3779b97f4a7c15U;
    std::vector<evs_handle_t> bad = {0, stale, a.handle + 1, ~a.handle};
    for (int i = 0; i < 1000; ++i) {
        random = random * 6364136223846793005U + 1442695040888963407U;
        bad.push_back(random);
    }
    for (const evs_handle_t handle : bad) {
        int fd = 0;
        unsigned count = 0;
        ASSERT_EQ(evs_finalize(handle), EVS_ERR_BAD_HANDLE);
        ASSERT_EQ(evs_fd_get(handle, &fd), EVS_ERR_BAD_HANDLE);
        ASSERT_EQ(evs_dispatch(handle, EVS_DISPATCH_ALL), EVS_ERR_BAD_HANDLE);
        ASSERT_EQ(evs_join(handle, &group, 1), EVS_ERR_BAD_HANDLE);
        ASSERT_EQ(evs_leave(handle, &group, 1), EVS_ERR_BAD_HANDLE);
        ASSERT_EQ(evs_mcast_joined(handle, EVS_TYPE_AGREED, nullptr, 0), EVS_ERR_BAD_HANDLE);
        ASSERT_EQ(evs_mcast_groups(handle, EVS_TYPE_AGREED, &group, 1, nullptr, 0),
                  EVS_ERR_BAD_HANDLE);
        ASSERT_EQ(evs_membership_get(handle, nullptr, nullptr, &count), EVS_ERR_BAD_HANDLE);
    }
}

TEST_F(Evs, handle_is_of_no_use_in_a_forked_child) {
    Program a(dir(1));
    ASSERT_EQ(a.join("fork"), EVS_OK);
    const pid_t child = fork();
    if (child == 0) {
        alarm(20);
        bool good = a.try_say(Groups{group_of("fork")}, "child") == EVS_ERR_BAD_HANDLE &&
                    a.dispatch() == EVS_ERR_BAD_HANDLE && a.join("x") == EVS_ERR_BAD_HANDLE &&
                    evs_finalize(a.handle) == EVS_ERR_BAD_HANDLE;
        evs_callbacks_t callbacks{};
        evs_handle_t own = 0;
        good = good && evs_initialize(&own, &callbacks) == EVS_OK && evs_finalize(own) == EVS_OK;
        _exit(good ? 0 : 1);
    }
    int status = 1;
    ASSERT_EQ(waitpid(child, &status, 0), child);
    EXPECT_EQ(status, 0);
    a.say("fork", "parent");
    ASSERT_TRUE(a.until_messages(1));
    EXPECT_THAT(a.messages, ElementsAre("parent"));
}

TEST_F(Evs, one_of_two_threads_finalizes_and_calls_of_others_end) {
    for (int round = 0; round < 50; ++round) {
        Program a(dir(1));
        std::atomic<int> finalized{0};
        std::atomic<int> wrong{0};
        std::atomic<bool> go{false};
        std::vector<std::thread> threads;
        for (int i = 0; i < 2; ++i) {
            threads.emplace_back([&] {
                while (!go) {
                }
                finalized += evs_finalize(a.handle) == EVS_OK ? 1 : 0;
            });
            threads.emplace_back([&] {
                while (!go) {
                }
                const evs_error_t error = a.join("g");
                wrong += error == EVS_OK || error == EVS_ERR_BAD_HANDLE ? 0 : 1;
            });
        }
        go = true;
        for (std::thread& one : threads) {
            one.join();
        }
        EXPECT_EQ(finalized, 1);
        EXPECT_EQ(wrong, 0);
    }
}

// ---- scenarios that break the cluster: each has its own

class EvsFaults : public testing::Test {
  protected:
    std::string dir(int node) const { return cluster_->run_dir(node); }
    void start(int nodes) {
        cluster_ = std::make_unique<Cluster>(nodes);
        cluster_->start_all();
        for (int node = 1; node <= nodes; ++node) {
            const Program watcher(dir(node));
            const auto count = static_cast<std::size_t>(nodes);
            ASSERT_TRUE(wait_until([&] { return watcher.members().size() == count; }, patience));
        }
    }
    std::unique_ptr<Cluster> cluster_;
};

TEST_F(EvsFaults, EVS7_EVS8_changes_are_a_transitional_and_a_regular_configuration) {
    start(2);
    Program a(dir(1));
    Program b(dir(2));
    ASSERT_TRUE(a.until([&] { return a.configurations.size() == 1; }));
    a.configurations.clear();
    cluster_->kill(2);
    ASSERT_TRUE(a.until([&] { return a.configurations.size() == 2; }));
    EXPECT_THAT(a.configurations[0].members, ElementsAre(1));
    EXPECT_THAT(a.configurations[0].left, ElementsAre(2));
    EXPECT_THAT(a.configurations[0].joined, IsEmpty());
    EXPECT_THAT(a.configurations[1].members, ElementsAre(1));
    EXPECT_THAT(a.configurations[1].left, IsEmpty());
    EXPECT_THAT(a.configurations[1].joined, IsEmpty());

    // Clients of the dead executive learn it (from which function, and how: dying/groups_test.cpp).
    ASSERT_TRUE(b.until([&] { return b.last_dispatch == EVS_ERR_LIBRARY; }));

    a.configurations.clear();
    cluster_->restart(2);
    ASSERT_TRUE(a.until(
        [&] { return !a.configurations.empty() && a.configurations.back().members.size() == 2; }));
    EXPECT_THAT(a.configurations.back().joined, ElementsAre(2));
    ASSERT_GE(a.configurations.size(), 2U);
    EXPECT_THAT(a.configurations[a.configurations.size() - 2].members, ElementsAre(1));
}

TEST_F(EvsFaults, EVS15_survivors_deliver_the_same_before_the_regular_configuration) {
    start(3);
    Program b(dir(2));
    Program c(dir(3));
    ASSERT_EQ(b.join("g"), EVS_OK);
    ASSERT_EQ(c.join("g"), EVS_OK);
    ASSERT_TRUE(b.until([&] { return b.configurations.size() == 1; }));
    ASSERT_TRUE(c.until([&] { return c.configurations.size() == 1; }));
    b.history.clear();
    c.history.clear();
    std::atomic<bool> stop{false};
    std::thread flood([&] {
        Program a(dir(1));
        for (int i = 0; !stop; ++i) {
            while (a.try_say(Groups{group_of("g")}, std::to_string(i)) == EVS_ERR_TRY_AGAIN) {
                if (stop) {
                    break;
                }
                a.dispatch();
            }
        }
    });
    EXPECT_TRUE(b.until_messages(2000));
    cluster_->kill(1);
    EXPECT_TRUE(b.until([&] { return b.configurations.size() == 3; }));
    EXPECT_TRUE(c.until([&] { return c.configurations.size() == 3; }));
    stop = true;
    flood.join();
    EXPECT_TRUE(b.history == c.history);
    EXPECT_EQ(b.history.back(), "change");
    EXPECT_THAT(b.configurations[1].left, ElementsAre(1));
    EXPECT_THAT(b.configurations[2].members, ElementsAre(2, 3));
    for (std::size_t i = 0; i < b.messages.size(); ++i) {
        ASSERT_EQ(b.messages[i], std::to_string(i));
    }
}

TEST_F(EvsFaults, divided_sides_hear_of_each_other_and_not_of_the_past) {
    start(3);
    Program a(dir(1));
    Program b(dir(2));
    ASSERT_EQ(a.join("g"), EVS_OK);
    ASSERT_EQ(b.join("g"), EVS_OK);
    cluster_->pause(1);
    ASSERT_TRUE(b.until(
        [&] { return !b.configurations.empty() && b.configurations.back().members.size() == 2; }));
    b.say("g", "without node 1", EVS_TYPE_SAFE);
    ASSERT_TRUE(b.until_messages(1));
    cluster_->resume(1);
    ASSERT_TRUE(b.until([&] { return b.configurations.back().members.size() == 3; }));
    EXPECT_THAT(b.configurations.back().joined, ElementsAre(1));
    ASSERT_TRUE(a.until([&] {
        return a.configurations.size() > 2 && a.configurations.back().members.size() == 3;
    }));
    b.say("g", "together");
    ASSERT_TRUE(a.until_messages(1));
    EXPECT_THAT(a.messages, ElementsAre("together"));
}

}  // namespace
