// SPDX-License-Identifier: BSD-3-Clause
//
// Scenarios C1 to C20; common.hpp has what a service says to take part.

#include "common.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <memory>
#include <mutex>
#include <set>
#include <thread>

namespace ais::conformance {
namespace {

using testing::AnyOf;
using testing::ElementsAre;
using testing::IsEmpty;

std::mutex calls_mutex;
std::vector<SaUint64T> calls;
std::function<void()> in_callback;

std::vector<SaUint64T> calls_so_far() {
    const std::lock_guard lock(calls_mutex);
    return calls;
}

}  // namespace

void called_back(SaUint64T number) {
    std::function<void()> then;
    {
        const std::lock_guard lock(calls_mutex);
        calls.push_back(number);
        then = in_callback;
    }
    if (then) {
        then();
    }
}

SaNameT name_of(std::string_view text, unsigned char filler) {
    SaNameT name{};
    name.length = static_cast<SaUint16T>(text.size());
    std::memset(name.value, filler, sizeof name.value);
    std::memcpy(name.value, text.data(), std::min<std::size_t>(text.size(), sizeof name.value));
    return name;
}

SaAisErrorT patiently(const std::function<SaAisErrorT()>& call) {
    SaAisErrorT error = SA_AIS_OK;
    wait_until([&] { return (error = call()) != SA_AIS_ERR_TRY_AGAIN; }, patience);
    return error;
}

SaUint64T initialize_at(const CommonService& service,
                        const std::string& run_dir,
                        bool with_callbacks) {
    setenv("OPENAIS_RUN_DIR", run_dir.c_str(), 1);
    SaUint64T handle = 0;
    EXPECT_EQ(patiently([&] {
                  SaVersionT version{'B', 1, 1};
                  return service.initialize(&handle, with_callbacks, &version);
              }),
              SA_AIS_OK);
    EXPECT_NE(handle, 0U);
    return handle;
}

namespace {

class Common : public testing::Test {
  protected:
    static void SetUpTestSuite() {
        service_ = std::make_unique<CommonService>(service_under_test());
        cluster_ = std::make_unique<Cluster>(1);
        cluster_->start_all();
    }
    static void TearDownTestSuite() {
        cluster_.reset();
        service_.reset();
    }
    void SetUp() override {
        const std::lock_guard lock(calls_mutex);
        calls.clear();
        in_callback = nullptr;
    }
    static SaUint64T begin(bool with_callbacks = true) {
        return initialize_at(*service_, cluster_->run_dir(1), with_callbacks);
    }
    static SaAisErrorT version(SaUint8T release, SaUint8T major, SaVersionT& out) {
        cluster_->use(1);
        SaUint64T handle = 42;
        out = {release, major, 0xee};
        const SaAisErrorT error = service_->initialize(&handle, true, &out);
        if (error == SA_AIS_OK) {
            EXPECT_EQ(service_->finalize(handle), SA_AIS_OK);
        } else {
            EXPECT_EQ(handle, 42U) << "the handle was touched";
        }
        return error;
    }
    static void expect_served(const SaVersionT& got) {
        EXPECT_EQ(got.releaseCode, service_->version.releaseCode);
        EXPECT_EQ(got.majorVersion, service_->version.majorVersion);
        EXPECT_EQ(got.minorVersion, service_->version.minorVersion);
    }
    static int fd_of(SaUint64T handle) {
        SaSelectionObjectT fd = ~SaSelectionObjectT{0};
        EXPECT_EQ(service_->selection_object_get(handle, &fd), SA_AIS_OK);
        return static_cast<int>(fd);
    }
    static bool is_readable(int fd, int milliseconds = 10000) {
        pollfd wait{fd, POLLIN, 0};
        return poll(&wait, 1, milliseconds) == 1;
    }
    // So many asked for, and all pending.
    static void ask(SaUint64T handle, SaUint64T count) {
        for (SaUint64T i = 1; i <= count; ++i) {
            ASSERT_EQ(patiently([&] { return service_->ask(handle, i); }), SA_AIS_OK);
        }
        // An answer that comes after the others: when a call has been answered, so have they.
        ASSERT_EQ(patiently([&] { return service_->call(handle); }), SA_AIS_OK);
        ASSERT_TRUE(is_readable(fd_of(handle)));
    }
    static std::vector<std::pair<std::string, std::function<SaAisErrorT(SaUint64T)>>> all() {
        auto list = service_->functions;
        list.emplace_back("SelectionObjectGet", [](SaUint64T handle) {
            SaSelectionObjectT fd = 0;
            return service_->selection_object_get(handle, &fd);
        });
        list.emplace_back("Dispatch", [](SaUint64T handle) {
            return service_->dispatch(handle, SA_DISPATCH_ALL);
        });
        list.emplace_back("call", service_->call);
        list.emplace_back("ask", [](SaUint64T handle) { return service_->ask(handle, 1); });
        return list;
    }

    static std::unique_ptr<CommonService> service_;
    static std::unique_ptr<Cluster> cluster_;
};
std::unique_ptr<CommonService> Common::service_;
std::unique_ptr<Cluster> Common::cluster_;

TEST_F(Common, C1_version_that_is_supported_is_served) {
    SaVersionT got{};
    for (const SaUint8T minor : {SaUint8T{0}, SaUint8T{1}, SaUint8T{0xff}}) {
        cluster_->use(1);
        SaUint64T handle = 0;
        got = {'B', 1, minor};
        ASSERT_EQ(service_->initialize(&handle, true, &got), SA_AIS_OK);
        expect_served(got);
        EXPECT_NE(handle, 0U);
        EXPECT_EQ(service_->finalize(handle), SA_AIS_OK);
    }
}

TEST_F(Common, C2_major_version_that_is_too_high_is_answered_with_ours) {
    SaVersionT got{};
    EXPECT_EQ(version('B', 0x7f, got), SA_AIS_ERR_VERSION);
    expect_served(got);
}

TEST_F(Common, C3_other_releases_and_no_version_are_answered_with_ours) {
    SaVersionT got{};
    for (const SaUint8T release : {'A', 'C', 'Z', '\0'}) {
        EXPECT_EQ(version(release, 1, got), SA_AIS_ERR_VERSION) << int{release};
        expect_served(got);
    }
    EXPECT_EQ(version('B', 0, got), SA_AIS_ERR_VERSION);
    expect_served(got);
}

TEST_F(Common, C4_initialize_without_its_pointers_is_refused) {
    cluster_->use(1);
    SaUint64T handle = 42;
    SaVersionT version{'B', 1, 1};
    EXPECT_EQ(service_->initialize(nullptr, true, &version), SA_AIS_ERR_INVALID_PARAM);
    EXPECT_EQ(service_->initialize(&handle, true, nullptr), SA_AIS_ERR_INVALID_PARAM);
    EXPECT_EQ(handle, 42U);
}

TEST_F(Common, C4_where_no_executive_is_initialize_says_try_again) {
    setenv("OPENAIS_RUN_DIR", "/nonexistent", 1);
    SaUint64T handle = 42;
    SaVersionT version{'B', 1, 1};
    EXPECT_EQ(service_->initialize(&handle, true, &version), SA_AIS_ERR_TRY_AGAIN);
    EXPECT_EQ(handle, 42U);
}

TEST_F(Common, C5_without_callbacks_asynchronous_calls_say_init) {
    const SaUint64T handle = begin(false);
    EXPECT_EQ(service_->ask(handle, 1), service_->without_callback);
    EXPECT_EQ(service_->dispatch(handle, SA_DISPATCH_ALL), SA_AIS_OK);
    EXPECT_EQ(service_->finalize(handle), SA_AIS_OK);
}

TEST_F(Common, C6_finalized_handle_is_bad_for_every_function) {
    const SaUint64T handle = begin();
    EXPECT_EQ(service_->finalize(handle), SA_AIS_OK);
    EXPECT_EQ(service_->finalize(handle), SA_AIS_ERR_BAD_HANDLE);
    for (const auto& [name, function] : all()) {
        EXPECT_EQ(function(handle), SA_AIS_ERR_BAD_HANDLE) << name;
    }
}

TEST_F(Common, C7_numbers_that_are_no_handles_are_bad_for_every_function) {
    const SaUint64T mine = begin();
    SaUint64T number = 0x9e3779b97f4a7c15U;
    for (int i = 0; i < 10000; ++i) {
        number = number * 6364136223846793005U + 1442695040888963407U;
        const SaUint64T bad = i == 0 ? 0 : i == 1 ? mine + 1 : i == 2 ? ~mine : number;
        for (const auto& [name, function] : all()) {
            ASSERT_EQ(function(bad), SA_AIS_ERR_BAD_HANDLE) << name << " " << bad;
        }
        ASSERT_EQ(service_->finalize(bad), SA_AIS_ERR_BAD_HANDLE);
    }
    EXPECT_EQ(service_->finalize(mine), SA_AIS_OK);
}

TEST_F(Common, C8_dispatch_of_nothing_returns_at_once) {
    const SaUint64T handle = begin();
    EXPECT_EQ(service_->dispatch(handle, SA_DISPATCH_ONE), SA_AIS_OK);
    EXPECT_EQ(service_->dispatch(handle, SA_DISPATCH_ALL), SA_AIS_OK);
    EXPECT_THAT(calls_so_far(), IsEmpty());
    EXPECT_EQ(service_->finalize(handle), SA_AIS_OK);
}

TEST_F(Common, C9_dispatch_one_makes_one_callback_while_the_descriptor_is_readable) {
    const SaUint64T handle = begin();
    const int fd = fd_of(handle);
    EXPECT_EQ(fd, fd_of(handle));
    ask(handle, 3);
    for (std::size_t i = 1; i <= 3; ++i) {
        EXPECT_TRUE(is_readable(fd, 0));
        EXPECT_EQ(service_->dispatch(handle, SA_DISPATCH_ONE), SA_AIS_OK);
        EXPECT_EQ(calls_so_far().size(), i);
    }
    EXPECT_FALSE(is_readable(fd, 0));
    EXPECT_EQ(service_->finalize(handle), SA_AIS_OK);
}

TEST_F(Common, C10_dispatch_all_makes_all_callbacks_in_order) {
    const SaUint64T handle = begin();
    ask(handle, 3);
    EXPECT_EQ(service_->dispatch(handle, SA_DISPATCH_ALL), SA_AIS_OK);
    EXPECT_THAT(calls_so_far(), ElementsAre(1, 2, 3));
    EXPECT_EQ(service_->finalize(handle), SA_AIS_OK);
}

TEST_F(Common, C11_finalize_ends_blocking_dispatch_of_two_threads) {
    const SaUint64T handle = begin();
    // Both are inside when each is in a callback of its own.
    std::atomic<int> inside{0};
    {
        const std::lock_guard lock(calls_mutex);
        in_callback = [&] {
            ++inside;
            EXPECT_TRUE(wait_until([&] { return inside == 2; }));
        };
    }
    std::atomic<int> good{0};
    const auto wait = [&] {
        good += service_->dispatch(handle, SA_DISPATCH_BLOCKING) == SA_AIS_OK ? 1 : 0;
    };
    std::thread one(wait);
    std::thread two(wait);
    EXPECT_EQ(patiently([&] { return service_->ask(handle, 7); }), SA_AIS_OK);
    EXPECT_EQ(patiently([&] { return service_->ask(handle, 8); }), SA_AIS_OK);
    EXPECT_TRUE(wait_until([&] { return inside == 2; }));
    EXPECT_EQ(service_->finalize(handle), SA_AIS_OK);
    one.join();
    two.join();
    EXPECT_EQ(good, 2);
}

TEST_F(Common, C12_callback_may_finalize_its_handle) {
    const SaUint64T handle = begin();
    SaAisErrorT finalized = SA_AIS_ERR_LIBRARY;
    {
        const std::lock_guard lock(calls_mutex);
        in_callback = [&] { finalized = service_->finalize(handle); };
    }
    ask(handle, 2);
    EXPECT_EQ(service_->dispatch(handle, SA_DISPATCH_BLOCKING), SA_AIS_OK);
    EXPECT_EQ(finalized, SA_AIS_OK);
    EXPECT_EQ(calls_so_far().size(), 1U);  // the second one was cancelled
    EXPECT_EQ(service_->finalize(handle), SA_AIS_ERR_BAD_HANDLE);
}

TEST_F(Common, C12_callback_may_call_and_dispatch) {
    const SaUint64T handle = begin();
    std::vector<SaAisErrorT> results;
    {
        const std::lock_guard lock(calls_mutex);
        in_callback = [&] {
            results.push_back(service_->call(handle));
            results.push_back(service_->dispatch(handle, SA_DISPATCH_ONE));
        };
    }
    ask(handle, 3);
    EXPECT_EQ(service_->dispatch(handle, SA_DISPATCH_ONE), SA_AIS_OK);
    EXPECT_THAT(calls_so_far(), ElementsAre(1, 2, 3));
    EXPECT_THAT(results, testing::Each(SA_AIS_OK));
    EXPECT_EQ(service_->finalize(handle), SA_AIS_OK);
}

TEST_F(Common, C13_other_dispatch_flags_are_refused) {
    const SaUint64T handle = begin();
    for (const int flags : {0, 4, -1, 0x7fffffff}) {
        EXPECT_EQ(service_->dispatch(handle, beyond<SaDispatchFlagsT>(flags)),
                  SA_AIS_ERR_INVALID_PARAM);
    }
    EXPECT_EQ(service_->selection_object_get(handle, nullptr), SA_AIS_ERR_INVALID_PARAM);
    EXPECT_EQ(service_->finalize(handle), SA_AIS_OK);
}

TEST_F(Common, C14_descriptor_is_not_readable_while_nothing_is_pending) {
    const SaUint64T handle = begin();
    EXPECT_FALSE(is_readable(fd_of(handle), 200));
    EXPECT_EQ(service_->finalize(handle), SA_AIS_OK);
}

TEST_F(Common, C16_what_a_killed_process_held_is_released) {
    if (!service_->hold) {
        GTEST_SKIP() << service_->name << " has no objects that a process holds";
    }
    const SaUint64T handle = begin();
    int ready[2];
    ASSERT_EQ(pipe(ready), 0);
    const pid_t child = fork();
    if (child == 0) {
        service_->hold(begin());
        if (write(ready[1], "r", 1) != 1) {
            _exit(1);
        }
        pause();
        _exit(0);
    }
    close(ready[1]);
    char byte = 0;
    EXPECT_TRUE(is_readable(ready[0], 30000));
    EXPECT_EQ(read(ready[0], &byte, 1), 1);
    close(ready[0]);
    EXPECT_TRUE(wait_until([&] { return service_->is_held(handle); }, patience));
    kill(child, SIGKILL);
    waitpid(child, nullptr, 0);
    EXPECT_TRUE(wait_until([&] { return !service_->is_held(handle); }, patience));
    EXPECT_EQ(service_->finalize(handle), SA_AIS_OK);
}

TEST_F(Common, C17_C18_name_of_256_bytes_is_one_and_of_257_is_none) {
    if (!service_->open) {
        GTEST_SKIP() << service_->name << " has no objects with names";
    }
    const SaUint64T handle = begin();
    const SaNameT longest = name_of(std::string(256, '\xfe'));
    EXPECT_EQ(patiently([&] { return service_->open(handle, &longest); }), SA_AIS_OK);
    SaNameT longer = longest;
    longer.length = 257;
    EXPECT_EQ(service_->open(handle, &longer), service_->too_long);
    const SaNameT empty{};
    EXPECT_EQ(service_->open(handle, &empty), SA_AIS_ERR_INVALID_PARAM);
    EXPECT_EQ(service_->open(handle, nullptr), SA_AIS_ERR_INVALID_PARAM);
    EXPECT_EQ(service_->finalize(handle), SA_AIS_OK);
}

TEST_F(Common, C19_what_is_behind_a_name_does_not_count) {
    if (!service_->same) {
        GTEST_SKIP() << service_->name << " has no objects with names";
    }
    const SaUint64T handle = begin();
    const std::string_view text("same\0name", 9);
    const SaNameT one = name_of(text, 0x11);
    const SaNameT other = name_of(text, 0x22);
    const SaNameT different = name_of(text.substr(0, 8), 0x11);
    EXPECT_TRUE(service_->same(handle, &one, &other));
    EXPECT_FALSE(service_->same(handle, &one, &different));
    EXPECT_EQ(service_->finalize(handle), SA_AIS_OK);
}

void on_alarm(int) {}

TEST_F(Common, C20_signals_interrupt_nothing) {
    struct sigaction action {};
    struct sigaction before {};
    action.sa_handler = on_alarm;  // without SA_RESTART
    sigaction(SIGALRM, &action, &before);
    const itimerval storm{{0, 1000}, {0, 1000}};
    setitimer(ITIMER_REAL, &storm, nullptr);
    const SaUint64T handle = begin();
    for (int i = 0; i < 1000; ++i) {
        EXPECT_EQ(service_->call(handle), SA_AIS_OK);
    }
    EXPECT_EQ(service_->finalize(handle), SA_AIS_OK);
    const itimerval calm{};
    setitimer(ITIMER_REAL, &calm, nullptr);
    sigaction(SIGALRM, &before, nullptr);
}

TEST_F(Common, handle_is_bad_in_a_forked_child_and_good_in_the_parent) {
    const SaUint64T handle = begin();
    const pid_t child = fork();
    if (child == 0) {
        alarm(20);
        bool good = service_->finalize(handle) == SA_AIS_ERR_BAD_HANDLE;
        for (const auto& [name, function] : all()) {
            good = good && function(handle) == SA_AIS_ERR_BAD_HANDLE;
        }
        const SaUint64T own = begin();
        good = good && own != 0 && service_->call(own) == SA_AIS_OK &&
               service_->finalize(own) == SA_AIS_OK;
        _exit(good ? 0 : 1);
    }
    int status = 1;
    ASSERT_EQ(waitpid(child, &status, 0), child);
    EXPECT_EQ(status, 0);
    EXPECT_EQ(service_->call(handle), SA_AIS_OK);
    EXPECT_EQ(service_->finalize(handle), SA_AIS_OK);
}

TEST_F(Common, one_of_two_threads_finalizes_and_calls_of_others_end) {
    for (int round = 0; round < 50; ++round) {
        const SaUint64T handle = begin();
        std::atomic<int> finalized{0};
        std::atomic<int> wrong{0};
        std::atomic<bool> go{false};
        std::vector<std::thread> threads;
        for (int i = 0; i < 2; ++i) {
            threads.emplace_back([&] {
                while (!go) {
                }
                finalized += service_->finalize(handle) == SA_AIS_OK ? 1 : 0;
            });
            threads.emplace_back([&] {
                while (!go) {
                }
                const SaAisErrorT error = service_->call(handle);
                wrong += error == SA_AIS_OK || error == SA_AIS_ERR_BAD_HANDLE ? 0 : 1;
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

TEST_F(Common, associations_of_one_process_are_independent) {
    const SaUint64T one = begin();
    const SaUint64T other = begin();
    EXPECT_NE(one, other);
    EXPECT_NE(fd_of(one), fd_of(other));
    ask(one, 1);
    EXPECT_EQ(service_->dispatch(other, SA_DISPATCH_ALL), SA_AIS_OK);
    EXPECT_THAT(calls_so_far(), IsEmpty());
    EXPECT_EQ(service_->finalize(one), SA_AIS_OK);  // with a callback pending
    EXPECT_EQ(service_->dispatch(other, SA_DISPATCH_ALL), SA_AIS_OK);
    EXPECT_THAT(calls_so_far(), IsEmpty());
    EXPECT_EQ(service_->finalize(other), SA_AIS_OK);
}

TEST_F(Common, dispatch_all_makes_callbacks_that_become_pending_meanwhile) {
    const SaUint64T handle = begin();
    {
        const std::lock_guard lock(calls_mutex);
        in_callback = [&] {
            const SaUint64T count = calls_so_far().size();
            if (count < 5) {
                EXPECT_EQ(service_->ask(handle, count + 1), SA_AIS_OK);
                EXPECT_EQ(service_->call(handle), SA_AIS_OK);  // so it is answered by now
            }
        };
    }
    ask(handle, 1);
    EXPECT_EQ(service_->dispatch(handle, SA_DISPATCH_ALL), SA_AIS_OK);
    EXPECT_THAT(calls_so_far(), ElementsAre(1, 2, 3, 4, 5));
    EXPECT_FALSE(is_readable(fd_of(handle), 0));
    EXPECT_EQ(service_->finalize(handle), SA_AIS_OK);
}

std::set<int> numbers_in(const std::string& folder) {
    std::set<int> found;
    for (const auto& entry : std::filesystem::directory_iterator(folder)) {
        found.insert(std::stoi(entry.path().filename().string()));
    }
    return found;
}

TEST_F(Common, library_starts_no_thread_takes_no_signal_and_closes_its_descriptors_on_exec) {
    const auto handlers = [] {
        std::vector<void (*)(int)> list;
        for (int signal = 1; signal < NSIG; ++signal) {
            struct sigaction action {};
            sigaction(signal, nullptr, &action);
            list.push_back(action.sa_handler);
        }
        return list;
    };
    const auto signals = handlers();
    const auto threads = numbers_in("/proc/self/task");
    const auto before = numbers_in("/proc/self/fd");
    const SaUint64T handle = begin();
    ask(handle, 1);
    EXPECT_EQ(service_->dispatch(handle, SA_DISPATCH_ALL), SA_AIS_OK);
    EXPECT_EQ(handlers(), signals);
    EXPECT_EQ(numbers_in("/proc/self/task"), threads);
    std::size_t own = 0;
    for (const int fd : numbers_in("/proc/self/fd")) {
        const int flags = before.count(fd) != 0 ? -1 : fcntl(fd, F_GETFD);
        if (flags >= 0) {  // the one by which the folder was read is closed
            EXPECT_NE(flags & FD_CLOEXEC, 0) << fd;
            ++own;
        }
    }
    EXPECT_GT(own, 0U);
    EXPECT_EQ(service_->finalize(handle), SA_AIS_OK);
    EXPECT_EQ(numbers_in("/proc/self/fd"), before);
}

TEST_F(Common, without_descriptors_there_is_no_association) {
    cluster_->use(1);
    rlimit before{};
    ASSERT_EQ(getrlimit(RLIMIT_NOFILE, &before), 0);
    // Some more than are open, so that it ends at each of its steps.
    const int lowest = dup(0);
    for (int more = 0; more < 8; ++more) {
        SCOPED_TRACE(more);
        SaUint64T handle = 42;
        SaVersionT version{'B', 1, 1};
        const rlimit few{static_cast<rlim_t>(lowest + more), before.rlim_max};
        const int closed = more == 0 ? close(lowest) : 0;
        EXPECT_EQ(closed, 0);
        ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &few), 0);
        const SaAisErrorT error = service_->initialize(&handle, true, &version);
        ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &before), 0);
        if (error == SA_AIS_OK) {
            EXPECT_GT(more, 0);
            EXPECT_EQ(service_->finalize(handle), SA_AIS_OK);
        } else {
            EXPECT_THAT(error, AnyOf(SA_AIS_ERR_NO_MEMORY, SA_AIS_ERR_NO_RESOURCES));
            EXPECT_EQ(handle, 42U);
        }
    }
    const SaUint64T handle = begin();
    EXPECT_EQ(service_->call(handle), SA_AIS_OK);
    EXPECT_EQ(service_->finalize(handle), SA_AIS_OK);
}

// Has an executive of its own, which it kills.
TEST(CommonFault, C15_without_executive_all_functions_but_finalize_say_library) {
    const CommonService service = service_under_test();
    Cluster cluster(1);
    cluster.start_all();
    const SaUint64T handle = initialize_at(service, cluster.run_dir(1));
    const SaUint64T waiting = initialize_at(service, cluster.run_dir(1));
    SaSelectionObjectT fd = 0;
    ASSERT_EQ(service.selection_object_get(handle, &fd), SA_AIS_OK);
    std::atomic<int> blocked{0};
    std::thread blocking([&] { blocked = service.dispatch(waiting, SA_DISPATCH_BLOCKING); });
    cluster.kill(1);
    pollfd wait{static_cast<int>(fd), POLLIN, 0};
    EXPECT_EQ(poll(&wait, 1, 10000), 1);
    blocking.join();
    EXPECT_EQ(blocked, SA_AIS_ERR_LIBRARY);
    EXPECT_EQ(service.dispatch(handle, SA_DISPATCH_ONE), SA_AIS_ERR_LIBRARY);
    EXPECT_EQ(service.dispatch(handle, SA_DISPATCH_ALL), SA_AIS_ERR_LIBRARY);
    EXPECT_EQ(service.dispatch(handle, SA_DISPATCH_BLOCKING), SA_AIS_ERR_LIBRARY);
    EXPECT_EQ(service.selection_object_get(handle, &fd), SA_AIS_ERR_LIBRARY);
    EXPECT_EQ(service.call(handle), SA_AIS_ERR_LIBRARY);
    EXPECT_EQ(service.ask(handle, 1), SA_AIS_ERR_LIBRARY);
    for (const auto& [name, function] : service.functions) {
        EXPECT_EQ(function(handle), SA_AIS_ERR_LIBRARY) << name;
    }
    EXPECT_EQ(service.finalize(handle), SA_AIS_OK);
    EXPECT_EQ(service.finalize(handle), SA_AIS_ERR_BAD_HANDLE);
    EXPECT_EQ(service.finalize(waiting), SA_AIS_OK);
    SaUint64T again = 42;
    SaVersionT version{'B', 1, 1};
    EXPECT_EQ(service.initialize(&again, true, &version), SA_AIS_ERR_TRY_AGAIN);
}

}  // namespace
}  // namespace ais::conformance
