// SPDX-License-Identifier: BSD-3-Clause
//
// libSaLck against running executives: the acceptance scenarios of the reference (LK1 to
// LK23), and what a program relies on besides.  lck_table_test.cpp has the tables of the
// functions, common_test.cpp what all services promise alike.

#include "lck_program.hpp"

#include <poll.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <filesystem>
#include <random>
#include <thread>

namespace ais::conformance {
namespace {

// An id that the library has written in another thread, before it asked the executive, which has
// answered since.  Why the attribute: ThreadSanitizer does not see an order that goes through
// another process.
__attribute__((no_sanitize("thread"), noinline)) SaLckLockIdT written(const SaLckLockIdT& id) {
    return id;
}

TEST_F(Lck, LK1_resource_must_be_created_before_it_can_be_opened) {
    Program a(*cluster_, 1);
    SaLckResourceHandleT resource = 42;
    EXPECT_EQ(a.try_open(name, 0, resource), SA_AIS_ERR_NOT_EXIST);
    EXPECT_EQ(resource, 42U);
    EXPECT_EQ(a.try_open(name, SA_LCK_RESOURCE_CREATE, resource), SA_AIS_OK);
    EXPECT_EQ(a.try_open(name, 0, resource), SA_AIS_OK);
    EXPECT_EQ(a.try_open(name, SA_LCK_RESOURCE_CREATE, resource), SA_AIS_OK);
}

TEST_F(Lck, LK2_request_that_has_timed_out_leaves_no_ghost) {
    Program a(*cluster_, 1);
    Program b(*cluster_, 2);
    const auto on_a = a.open(name);
    const auto on_b = b.open(name);
    const Result held = lock(on_a, ex);
    ASSERT_EQ(held, granted);
    const auto before = std::chrono::steady_clock::now();
    EXPECT_EQ(lock(on_b, ex, 0, second), timed_out);
    EXPECT_GE(std::chrono::steady_clock::now() - before, 1s) << "not early";
    EXPECT_EQ(unlock(held.id), SA_AIS_OK);
    EXPECT_EQ(lock(on_b, ex), granted);
}

TEST_F(Lck, LK3_request_that_must_not_wait_is_not_queued) {
    Program a(*cluster_, 1);
    Program b(*cluster_, 2);
    ASSERT_EQ(lock(a.open(name), ex), granted);
    const Result refused = lock(b.open(name), ex, SA_LCK_LOCK_NO_QUEUE);
    EXPECT_EQ(refused, status(SA_LCK_LOCK_NOT_QUEUED));
    EXPECT_EQ(unlock(refused.id), SA_AIS_ERR_NOT_EXIST);
}

TEST_F(Lck, LK4_readers_who_wait_are_granted_together) {
    Program a(*cluster_, 1);
    Program b(*cluster_, 2);
    Program c(*cluster_, 3);
    const Result held = lock(a.open(name), ex);
    ASSERT_EQ(held, granted);
    auto on_b = lock_in_thread(b.open(name), pr);
    auto on_c = lock_in_thread(c.open(name), pr);
    ASSERT_TRUE(a.until([] { return heard_count() == 2; })) << "both wait";
    EXPECT_EQ(unlock(held.id), SA_AIS_OK);
    EXPECT_EQ(on_b.get(), granted);
    EXPECT_EQ(on_c.get(), granted);
}

TEST_F(Lck, LK5_readers_are_granted_when_the_holder_is_killed) {
    int ready[2];
    ASSERT_EQ(pipe(ready), 0);
    const pid_t child = fork();
    if (child == 0) {
        Program a(*cluster_, 1);
        const bool ok = lock(a.open(name), ex) == granted && write(ready[1], "r", 1) == 1;
        while (ok) {
            ::pause();
        }
        _exit(1);
    }
    close(ready[1]);
    char byte = 0;
    ASSERT_EQ(read(ready[0], &byte, 1), 1);
    close(ready[0]);
    Program b(*cluster_, 2);
    Program c(*cluster_, 3);
    lock_async(b.open(name), 1, pr);
    lock_async(c.open(name), 2, pr);
    b.settle();
    c.settle();
    EXPECT_THAT(heard(), IsEmpty());
    kill(child, SIGKILL);
    waitpid(child, nullptr, 0);
    EXPECT_TRUE(b.until([] { return heard_count() >= 1; }));
    EXPECT_TRUE(c.until([] { return heard_count() >= 2; }));
    EXPECT_THAT(heard(),
                UnorderedElementsAre("decided 1 status 1 error 1", "decided 2 status 1 error 1"));
}

TEST_F(Lck, LK6_LK7_writer_waits_for_all_readers_and_is_not_overtaken) {
    Program a(*cluster_, 1);
    Program b(*cluster_, 2);
    Program c(*cluster_, 3);
    Program d(*cluster_, 1);
    const Result on_a = lock(a.open(name), pr);
    const Result on_b = lock(b.open(name), pr);
    ASSERT_EQ(on_a, granted);
    ASSERT_EQ(on_b, granted);
    const SaLckLockIdT on_c = lock_async(c.open(name), 3, ex);
    c.settle();
    lock_async(d.open(name), 4, pr);
    d.settle();
    heard();
    EXPECT_EQ(unlock(on_a.id), SA_AIS_OK);
    c.settle();
    d.settle();
    EXPECT_THAT(heard(), IsEmpty());
    EXPECT_EQ(unlock(on_b.id), SA_AIS_OK);
    EXPECT_TRUE(c.until([] { return heard_count() >= 1; }));
    EXPECT_EQ(heard().front(), "decided 3 status 1 error 1");
    EXPECT_EQ(unlock(on_c), SA_AIS_OK);
    EXPECT_TRUE(d.until([] { return heard_count() >= 1; }));
    EXPECT_THAT(heard(), ElementsAre("decided 4 status 1 error 1"));
}

TEST_F(Lck, LK8_LK9_holders_are_told_who_waits) {
    Program a(*cluster_, 1);
    Program b(*cluster_, 2);
    Program c(*cluster_, 3);
    const Result on_a = lock(a.open(name), ex);
    lock_async(b.open(name), 1, ex, 7);
    b.settle();
    lock_async(c.open(name), 2, ex, 9);
    c.settle();
    a.settle();
    const std::string suffix = " for " + std::to_string(on_a.id) + " 2/2";
    ASSERT_TRUE(a.until([] { return heard_count() >= 2; }));
    EXPECT_THAT(heard(), ElementsAre("waiter 7" + suffix, "waiter 9" + suffix));

    const std::string readers = name + " for readers";
    const Result read_a = lock(a.open(readers), pr);
    const Result read_b = lock(b.open(readers), pr);
    lock_async(c.open(readers), 3, ex, 5);
    c.settle();
    ASSERT_TRUE(a.until([] { return heard_count() >= 1; }));
    ASSERT_TRUE(b.until([] { return heard_count() >= 2; }));
    EXPECT_THAT(heard(),
                UnorderedElementsAre("waiter 5 for " + std::to_string(read_a.id) + " 1/2",
                                     "waiter 5 for " + std::to_string(read_b.id) + " 1/2"));
}

TEST_F(Lck, LK10_handle_that_has_the_exclusive_lock_cannot_have_more) {
    Program a(*cluster_, 1);
    const auto resource = a.open(name);
    const auto other = a.open(name);
    const Result held = lock(resource, ex);
    ASSERT_EQ(held, granted);
    EXPECT_EQ(lock(resource, ex), status(SA_LCK_LOCK_DUPLICATE_EX));
    EXPECT_EQ(lock(resource, pr), status(SA_LCK_LOCK_DEADLOCK));
    EXPECT_EQ(lock(other, ex), status(SA_LCK_LOCK_DEADLOCK));
    EXPECT_EQ(lock(other, pr), status(SA_LCK_LOCK_DEADLOCK));
    EXPECT_EQ(unlock(held.id), SA_AIS_OK);
    const Result one = lock(resource, pr);
    const Result two = lock(resource, pr);
    EXPECT_EQ(one, granted);
    EXPECT_EQ(two, granted);
    EXPECT_NE(one.id, two.id);
    EXPECT_EQ(lock(resource, ex), status(SA_LCK_LOCK_DEADLOCK));
}

TEST_F(Lck, LK11_circle_of_two_is_found) {
    Program a(*cluster_, 1);
    Program b(*cluster_, 2);
    const std::string other = name + " 2";
    ASSERT_EQ(lock(a.open(name), ex), granted);
    const Result on_b = lock(b.open(other), ex);
    ASSERT_EQ(on_b, granted);
    lock_async(a.open(other), 1, ex);
    a.settle();
    EXPECT_EQ(lock(b.open(name), ex), status(SA_LCK_LOCK_DEADLOCK));
    heard();
    EXPECT_EQ(unlock(on_b.id), SA_AIS_OK);
    EXPECT_TRUE(a.until([] { return heard_count() >= 1; }));
    EXPECT_THAT(heard(), ElementsAre("decided 1 status 1 error 1"));
}

TEST_F(Lck, LK12_LK13_orphan_stays_until_it_is_purged) {
    {
        Program a(*cluster_, 1);
        ASSERT_EQ(lock(a.open(name), ex, SA_LCK_LOCK_ORPHAN), granted);
        a.settle();
    }
    Program b(*cluster_, 2);
    SaLckResourceHandleT resource = 0;
    ASSERT_EQ(b.try_open(name, 0, resource), SA_AIS_OK) << "it is still there";
    EXPECT_EQ(lock(resource, ex, 0, second), timed_out);
    EXPECT_EQ(lock(resource, ex, SA_LCK_LOCK_ORPHAN), status(SA_LCK_LOCK_ORPHANED));
    EXPECT_EQ(lock(resource, ex, SA_LCK_LOCK_NO_QUEUE), status(SA_LCK_LOCK_NOT_QUEUED));
    EXPECT_EQ(lock(resource, ex, SA_LCK_LOCK_NO_QUEUE | SA_LCK_LOCK_ORPHAN),
              status(SA_LCK_LOCK_NOT_QUEUED));
    EXPECT_EQ(purge(resource), SA_AIS_OK);
    const Result held = lock(resource, ex);
    EXPECT_EQ(held, granted);
    EXPECT_EQ(purge(resource), SA_AIS_OK) << "nothing to do";
    EXPECT_EQ(unlock(held.id), SA_AIS_OK) << "and what somebody has is left alone";
}

TEST_F(Lck, LK14_resource_goes_with_its_last_handle) {
    Program a(*cluster_, 1);
    const auto resource = a.open(name);
    EXPECT_EQ(patiently([=] { return saLckResourceClose(resource); }), SA_AIS_OK);
    SaLckResourceHandleT again = 0;
    EXPECT_EQ(a.try_open(name, 0, again), SA_AIS_ERR_NOT_EXIST);
}

TEST_F(Lck, LK15_request_that_is_unlocked_has_no_callback_and_is_never_granted) {
    Program a(*cluster_, 1);
    Program b(*cluster_, 2);
    const Result held = lock(a.open(name), ex);
    const auto resource = b.open(name);
    const SaLckLockIdT id = lock_async(resource, 1, ex);
    EXPECT_EQ(unlock(id), SA_AIS_OK);
    EXPECT_EQ(unlock(held.id), SA_AIS_OK);
    b.settle();
    EXPECT_THAT(heard(), IsEmpty());
    // The grant is there already, and not dispatched.
    const SaLckLockIdT other = lock_async(resource, 2, ex);
    SaLckFenceT fence{};
    ASSERT_TRUE(
        wait_until([&] { return saLckLockFenceGet(other, &fence) == SA_AIS_OK; }, patience));
    EXPECT_EQ(unlock(other), SA_AIS_OK);
    b.settle();
    EXPECT_THAT(heard(), IsEmpty());
    EXPECT_EQ(lock(a.open(name), ex, SA_LCK_LOCK_NO_QUEUE), granted);
}

TEST_F(Lck, thread_that_waits_comes_back_when_another_one_unlocks_or_closes) {
    Program a(*cluster_, 1);
    Program b(*cluster_, 2);
    ASSERT_EQ(lock(a.open(name), ex), granted);
    const auto resource = b.open(name);
    SaLckLockIdT id = 0;
    SaLckLockStatusT decided{};
    std::atomic<int> error{0};
    std::thread waiting(
        [&] { error = saLckResourceLock(resource, &id, ex, 0, 77, SA_TIME_MAX, &decided); });
    ASSERT_TRUE(a.until([] { return heard_count() >= 1; })) << "it waits";
    EXPECT_EQ(unlock(written(id)), SA_AIS_OK);
    waiting.join();
    EXPECT_EQ(error, SA_AIS_OK);
    EXPECT_EQ(decided, SA_LCK_LOCK_NOT_QUEUED);
    heard();

    for (const bool by_finalize : {false, true}) {
        std::thread closing([&] {
            error = saLckResourceLock(b.open(name), &id, ex, 0, 78, SA_TIME_MAX, &decided);
        });
        // Its handle is the newest: close what it has by ending the lot.
        ASSERT_TRUE(a.until([] { return heard_count() >= 1; }));
        heard();
        if (by_finalize) {
            EXPECT_EQ(saLckFinalize(b.handle), SA_AIS_OK);
            closing.join();
            EXPECT_EQ(error, SA_AIS_ERR_BAD_HANDLE);
        } else {
            EXPECT_EQ(unlock(written(id)), SA_AIS_OK);
            closing.join();
            EXPECT_EQ(error, SA_AIS_OK);
        }
    }
}

TEST_F(Lck, close_brings_back_the_threads_that_wait_on_the_handle) {
    Program a(*cluster_, 1);
    Program b(*cluster_, 2);
    ASSERT_EQ(lock(a.open(name), ex), granted);
    const auto resource = b.open(name);
    auto one = lock_in_thread(resource, ex);
    auto two = lock_in_thread(resource, pr);
    ASSERT_TRUE(a.until([] { return heard_count() >= 2; })) << "both wait";
    EXPECT_EQ(patiently([=] { return saLckResourceClose(resource); }), SA_AIS_OK);
    EXPECT_EQ(one.get().error, SA_AIS_ERR_BAD_HANDLE);
    EXPECT_EQ(two.get().error, SA_AIS_ERR_BAD_HANDLE);
}

TEST_F(Lck, LK16_lock_can_be_unlocked_once) {
    Program a(*cluster_, 1);
    const auto resource = a.open(name);
    const Result held = lock(resource, ex);
    EXPECT_EQ(saLckResourceUnlock(held.id, 0), SA_AIS_ERR_TIMEOUT);
    EXPECT_EQ(saLckResourceUnlock(held.id, -1), SA_AIS_ERR_INVALID_PARAM);
    EXPECT_EQ(unlock(held.id), SA_AIS_OK);
    EXPECT_EQ(unlock(held.id), SA_AIS_ERR_NOT_EXIST);
    EXPECT_EQ(unlock(12345), SA_AIS_ERR_NOT_EXIST);
    EXPECT_EQ(saLckResourceUnlockAsync(1, 12345), SA_AIS_ERR_NOT_EXIST);
    Program silent(*cluster_, 1, false);
    const Result other = lock(silent.open(name), ex);
    EXPECT_EQ(saLckResourceUnlockAsync(1, other.id), SA_AIS_ERR_INIT);
    EXPECT_EQ(unlock(other.id), SA_AIS_OK) << "it is held still";

    const Result again = lock(resource, ex);
    EXPECT_EQ(saLckResourceUnlockAsync(5, again.id), SA_AIS_OK);
    EXPECT_EQ(saLckResourceUnlockAsync(6, again.id), SA_AIS_ERR_NOT_EXIST);
    ASSERT_TRUE(a.until([] { return heard_count() >= 1; }));
    EXPECT_THAT(heard(), ElementsAre("unlocked 5 error 1"));
    EXPECT_EQ(unlock(again.id), SA_AIS_ERR_NOT_EXIST);
}

TEST_F(Lck, LK17_closed_handle_is_bad) {
    Program a(*cluster_, 1);
    const auto resource = a.open(name);
    const Result held = lock(resource, ex);
    EXPECT_EQ(patiently([=] { return saLckResourceClose(resource); }), SA_AIS_OK);
    EXPECT_EQ(saLckResourceClose(resource), SA_AIS_ERR_BAD_HANDLE);
    EXPECT_EQ(lock(resource, ex).error, SA_AIS_ERR_BAD_HANDLE);
    SaLckLockIdT id = 0;
    EXPECT_EQ(saLckResourceLockAsync(resource, 1, &id, ex, 0, 0), SA_AIS_ERR_BAD_HANDLE);
    EXPECT_EQ(saLckLockPurge(resource), SA_AIS_ERR_BAD_HANDLE);
    EXPECT_EQ(unlock(held.id), SA_AIS_ERR_NOT_EXIST);
    SaLckFenceT fence{};
    EXPECT_EQ(saLckLockFenceGet(held.id, &fence), SA_AIS_ERR_NOT_EXIST);
}

TEST_F(Lck, LK18_finalize_releases_everything) {
    SaLckLockIdT id = 0;
    SaLckResourceHandleT resource = 0;
    {
        Program a(*cluster_, 1);
        resource = a.open(name);
        id = lock(resource, ex).id;
    }
    EXPECT_EQ(unlock(id), SA_AIS_ERR_NOT_EXIST);
    EXPECT_EQ(lock(resource, ex).error, SA_AIS_ERR_BAD_HANDLE);
    Program b(*cluster_, 2);
    SaLckResourceHandleT again = 0;
    EXPECT_TRUE(wait_until(
        [&] {
            if (b.try_open(name, 0, again) == SA_AIS_ERR_NOT_EXIST) {
                return true;
            }
            saLckResourceClose(again);
            return false;
        },
        patience));
}

TEST_F(Lck, LK19_functions_say_what_is_wrong_with_their_arguments) {
    Program a(*cluster_, 1);
    const auto resource = a.open(name);
    SaLckLockIdT id = 0;
    SaLckLockStatusT decided{};
    for (const int mode : {0, 3, -1}) {
        const auto bad = beyond<SaLckLockModeT>(mode);
        EXPECT_EQ(saLckResourceLock(resource, &id, bad, 0, 0, second, &decided),
                  SA_AIS_ERR_INVALID_PARAM);
        EXPECT_EQ(saLckResourceLockAsync(resource, 1, &id, bad, 0, 0), SA_AIS_ERR_INVALID_PARAM);
    }
    for (SaLckLockFlagsT flag = 4; flag != 0; flag <<= 1) {
        EXPECT_EQ(saLckResourceLock(resource, &id, ex, flag, 0, second, &decided),
                  SA_AIS_ERR_BAD_FLAGS);
        EXPECT_EQ(saLckResourceLockAsync(resource, 1, &id, ex, flag | 1, 0), SA_AIS_ERR_BAD_FLAGS);
    }
    EXPECT_EQ(saLckResourceLock(resource, nullptr, ex, 0, 0, second, &decided),
              SA_AIS_ERR_INVALID_PARAM);
    EXPECT_EQ(saLckResourceLock(resource, &id, ex, 0, 0, second, nullptr),
              SA_AIS_ERR_INVALID_PARAM);
    EXPECT_EQ(saLckResourceLock(resource, &id, ex, 0, 0, 0, &decided), SA_AIS_ERR_TIMEOUT);
    EXPECT_EQ(saLckResourceLock(resource, &id, ex, 0, 0, -5, &decided), SA_AIS_ERR_INVALID_PARAM);
    EXPECT_EQ(saLckResourceLockAsync(resource, 1, nullptr, ex, 0, 0), SA_AIS_ERR_INVALID_PARAM);
    Program silent(*cluster_, 1, false);
    EXPECT_EQ(saLckResourceLockAsync(silent.open(name), 1, &id, ex, 0, 0), SA_AIS_ERR_INIT);

    const SaNameT good = name_of(name);
    SaLckResourceHandleT out = 0;
    const auto open = [&](const SaNameT* wanted, SaLckResourceOpenFlagsT flags, SaTimeT timeout) {
        return saLckResourceOpen(a.handle, wanted, flags, timeout, &out);
    };
    EXPECT_EQ(open(nullptr, 1, second), SA_AIS_ERR_INVALID_PARAM);
    EXPECT_EQ(open(&good, 2, second), SA_AIS_ERR_BAD_FLAGS);
    EXPECT_EQ(open(&good, 1, 0), SA_AIS_ERR_TIMEOUT);
    EXPECT_EQ(open(&good, 1, -1), SA_AIS_ERR_INVALID_PARAM);
    const SaNameT empty = name_of("");
    EXPECT_EQ(open(&empty, 1, second), SA_AIS_ERR_INVALID_PARAM);
    EXPECT_EQ(saLckResourceOpen(a.handle, &good, 1, second, nullptr), SA_AIS_ERR_INVALID_PARAM);
    EXPECT_EQ(saLckResourceOpenAsync(a.handle, 1, nullptr, 1), SA_AIS_ERR_INVALID_PARAM);
    EXPECT_EQ(saLckResourceOpenAsync(a.handle, 1, &good, 4), SA_AIS_ERR_BAD_FLAGS);
    EXPECT_EQ(saLckResourceOpenAsync(silent.handle, 1, &good, 1), SA_AIS_ERR_INIT);
    EXPECT_EQ(saLckOptionCheck(a.handle, nullptr), SA_AIS_ERR_INVALID_PARAM);
    SaLckOptionsT options = 0;
    EXPECT_EQ(saLckOptionCheck(a.handle, &options), SA_AIS_OK);
    EXPECT_EQ(options, SA_LCK_OPT_ORPHAN_LOCKS | SA_LCK_OPT_DEADLOCK_DETECTION);
    EXPECT_EQ(saLckLockFenceGet(12345, nullptr), SA_AIS_ERR_NOT_EXIST);
    const Result held = lock(resource, pr);
    EXPECT_EQ(saLckLockFenceGet(held.id, nullptr), SA_AIS_ERR_INVALID_PARAM);
}

TEST_F(Lck, open_that_has_timed_out_leaves_nothing_open) {
    Program a(*cluster_, 1);
    const SaNameT wanted = name_of(name);
    for (int i = 0; i < 200; ++i) {
        SaLckResourceHandleT resource = 0;
        const SaAisErrorT error =
            saLckResourceOpen(a.handle, &wanted, SA_LCK_RESOURCE_CREATE, 1, &resource);
        ASSERT_TRUE(error == SA_AIS_ERR_TIMEOUT || error == SA_AIS_OK) << error;
        if (error == SA_AIS_OK) {
            ASSERT_EQ(patiently([=] { return saLckResourceClose(resource); }), SA_AIS_OK);
        }
    }
    a.settle();
    SaLckResourceHandleT resource = 0;
    EXPECT_EQ(a.try_open(name, 0, resource), SA_AIS_ERR_NOT_EXIST);
}

TEST_F(Lck, asynchronous_open_gives_its_handle_in_the_callback) {
    Program a(*cluster_, 1);
    const SaNameT wanted = name_of(name);
    EXPECT_EQ(saLckResourceOpenAsync(a.handle, 1, &wanted, 0), SA_AIS_OK);
    EXPECT_EQ(saLckResourceOpenAsync(a.handle, 2, &wanted, SA_LCK_RESOURCE_CREATE), SA_AIS_OK);
    ASSERT_TRUE(a.until([] { return heard_count() >= 2; }));
    EXPECT_THAT(heard(), ElementsAre("opened 1 error 12", "opened 2 error 1"));
    EXPECT_EQ(opened_handles[1], 0U);
    EXPECT_EQ(lock(opened_handles[2], ex), granted);
}

TEST_F(Lck, LK20_each_handle_holds_for_itself) {
    Program a(*cluster_, 1);
    Program b(*cluster_, 2);
    const auto one = a.open(name);
    const auto two = a.open(name);
    ASSERT_EQ(lock(one, pr), granted);
    const Result kept = lock(two, pr);
    ASSERT_EQ(kept, granted);
    EXPECT_EQ(patiently([=] { return saLckResourceClose(one); }), SA_AIS_OK);
    EXPECT_EQ(lock(b.open(name), ex, SA_LCK_LOCK_NO_QUEUE), status(SA_LCK_LOCK_NOT_QUEUED));
    EXPECT_EQ(unlock(kept.id), SA_AIS_OK);
    EXPECT_EQ(lock(b.open(name), ex), granted);
}

TEST_F(Lck, LK22_random_requests_of_many_never_hold_against_each_other) {
    constexpr int programs_per_node = 4;
    constexpr int rounds = 60;
    std::atomic<int> readers{0};
    std::atomic<int> writers{0};
    std::atomic<int> locked{0};
    std::vector<std::thread> threads;
    std::vector<std::unique_ptr<Program>> programs;
    for (int i = 0; i < 3 * programs_per_node; ++i) {
        programs.push_back(std::make_unique<Program>(*cluster_, i % 3 + 1, false));
        const auto resource = programs.back()->open(name);
        threads.emplace_back([&, resource, i] {
            std::minstd_rand chance(static_cast<unsigned>(i + 1));
            for (int round = 0; round < rounds; ++round) {
                const bool writes = chance() % 2 == 0;
                const SaTimeT timeout =
                    chance() % 4 == 0 ? SaTimeT{1000000} * (1 + chance() % 5) : 60 * second;
                const Result result = lock(resource, writes ? ex : pr, 0, timeout);
                if (result.error == SA_AIS_ERR_TIMEOUT) {
                    continue;
                }
                ASSERT_EQ(result, granted);
                ++locked;
                (writes ? writers : readers)++;
                EXPECT_LE(writers, 1);
                EXPECT_FALSE(writes && readers > 0);
                (writes ? writers : readers)--;
                ASSERT_EQ(unlock(result.id), SA_AIS_OK);
            }
        });
    }
    for (std::thread& thread : threads) {
        thread.join();
    }
    EXPECT_GT(locked, rounds);
    EXPECT_EQ(lock(programs[0]->open(name), ex, SA_LCK_LOCK_NO_QUEUE), granted)
        << "nothing is left";
}

TEST_F(Lck, LK23_id_is_known_before_the_callback_comes) {
    Program a(*cluster_, 1);
    const auto resource = a.open(name);
    SaLckLockIdT id = 0;
    std::atomic<SaLckLockIdT> seen{0};
    in_grant = [&](SaInvocationT) { seen = written(id); };
    std::thread dispatching([&] { saLckDispatch(a.handle, SA_DISPATCH_BLOCKING); });
    for (int i = 0; i < 100; ++i) {
        seen = id = 0;
        ASSERT_EQ(saLckResourceLockAsync(resource, 1, &id, ex, 0, 0), SA_AIS_OK);
        ASSERT_TRUE(wait_until([&] { return seen != 0; }, patience));
        EXPECT_EQ(seen, id);
        ASSERT_EQ(unlock(id), SA_AIS_OK);
    }
    EXPECT_EQ(saLckFinalize(a.handle), SA_AIS_OK);
    dispatching.join();
    in_grant = nullptr;
}

TEST_F(Lck, fencing_numbers_grow_with_each_grant) {
    Program a(*cluster_, 1);
    Program b(*cluster_, 3);
    const SaLckResourceHandleT resources[] = {a.open(name), b.open(name)};
    SaLckFenceT last{0, 0};
    for (int i = 0; i < 20; ++i) {
        const Result held = lock(resources[i % 2], i % 3 == 0 ? pr : ex);
        ASSERT_EQ(held, granted);
        const SaLckFenceT mine = fence_of(held.id);
        EXPECT_GT(saLckFenceCompare(&mine, &last), 0);
        EXPECT_EQ(saLckFenceCompare(&mine, &mine), 0);
        last = mine;
        ASSERT_EQ(unlock(held.id), SA_AIS_OK);
        SaLckFenceT none{};
        EXPECT_EQ(saLckLockFenceGet(held.id, &none), SA_AIS_ERR_NOT_EXIST);
    }
}

TEST_F(Lck, limit_is_told_to_those_who_know_of_it) {
    Program a(*cluster_, 1);
    SaLimitValueT value{};
    EXPECT_EQ(saLckLimitGet(a.handle, SA_LCK_MAX_NUM_LOCKS_ID, &value), SA_AIS_OK);
    EXPECT_EQ(value.uint64Value, 131072U);
    EXPECT_EQ(saLckLimitGet(a.handle, beyond<SaLckLimitIdT>(0), &value), SA_AIS_ERR_INVALID_PARAM);
    EXPECT_EQ(saLckLimitGet(a.handle, beyond<SaLckLimitIdT>(2), &value), SA_AIS_ERR_INVALID_PARAM);
    EXPECT_EQ(saLckLimitGet(a.handle, SA_LCK_MAX_NUM_LOCKS_ID, nullptr), SA_AIS_ERR_INVALID_PARAM);
    SaVersionT old{'B', 1, 1};
    SaLckHandleT handle = 0;
    ASSERT_EQ(saLckInitialize(&handle, nullptr, &old), SA_AIS_OK);
    EXPECT_EQ(saLckLimitGet(handle, SA_LCK_MAX_NUM_LOCKS_ID, &value), SA_AIS_ERR_VERSION);
    EXPECT_EQ(saLckFinalize(handle), SA_AIS_OK);
}

TEST_F(Lck, handles_and_ids_are_not_inherited_by_a_child) {
    Program a(*cluster_, 1);
    const auto resource = a.open(name);
    const Result held = lock(resource, ex);
    const pid_t child = fork();
    if (child == 0) {
        SaLckFenceT fence{};
        const bool all_bad = saLckResourceUnlock(held.id, second) == SA_AIS_ERR_NOT_EXIST &&
                             saLckResourceClose(resource) == SA_AIS_ERR_BAD_HANDLE &&
                             saLckLockFenceGet(held.id, &fence) == SA_AIS_ERR_NOT_EXIST;
        _exit(all_bad ? 0 : 1);
    }
    int exit_status = -1;
    ASSERT_EQ(waitpid(child, &exit_status, 0), child);
    EXPECT_EQ(exit_status, 0);
    EXPECT_EQ(unlock(held.id), SA_AIS_OK) << "the parent's still work";
}

TEST_F(Lck, handles_of_another_kind_are_bad) {
    Program a(*cluster_, 1);
    const auto resource = a.open(name);
    const Result held = lock(resource, ex);
    EXPECT_EQ(saLckResourceClose(a.handle), SA_AIS_ERR_BAD_HANDLE);
    EXPECT_EQ(saLckResourceClose(held.id), SA_AIS_ERR_BAD_HANDLE);
    EXPECT_EQ(saLckFinalize(resource), SA_AIS_ERR_BAD_HANDLE);
    EXPECT_EQ(saLckResourceUnlock(resource, second), SA_AIS_ERR_NOT_EXIST);
}

// Faults of executives have a cluster of their own.
class LckFaults : public testing::Test {
  protected:
    void SetUp() override {
        heard();
        in_grant = nullptr;
        cluster_ = std::make_unique<Cluster>(3);
        cluster_->start_all();
    }
    std::unique_ptr<Cluster> cluster_;
};

TEST_F(LckFaults, LK5_LK21_node_that_dies_frees_its_locks_and_the_order_stays) {
    Program b(*cluster_, 2);
    Program c(*cluster_, 3);
    SaLckFenceT first{};
    const auto on_b = b.open("r");
    const auto on_c = c.open("r");
    auto a = std::make_unique<Program>(*cluster_, 1);
    const Result held = lock(a->open("r"), ex);
    ASSERT_EQ(held, granted);
    first = fence_of(held.id);
    ASSERT_EQ(lock(a->open("orphan"), ex, SA_LCK_LOCK_ORPHAN), granted);
    const auto orphaned = b.open("orphan");
    const SaLckLockIdT id_b = lock_async(on_b, 2, ex);
    b.settle();
    const SaLckLockIdT id_c = lock_async(on_c, 3, ex);
    c.settle();
    heard();
    cluster_->kill(1);
    ASSERT_TRUE(b.until([] { return heard_count() >= 1; }));
    EXPECT_EQ(heard().front(), "decided 2 status 1 error 1");
    EXPECT_EQ(lock(orphaned, ex, SA_LCK_LOCK_ORPHAN), status(SA_LCK_LOCK_ORPHANED))
        << "nobody has it, and it blocks";
    const SaLckFenceT second_fence = fence_of(id_b);
    EXPECT_GT(saLckFenceCompare(&second_fence, &first), 0);
    cluster_->start(1);
    cluster_->wait_ring({1, 2, 3});
    Program again(*cluster_, 1);
    EXPECT_EQ(lock(again.open("r"), pr, SA_LCK_LOCK_NO_QUEUE), status(SA_LCK_LOCK_NOT_QUEUED));
    const auto inherited = again.open("orphan");
    EXPECT_EQ(lock(inherited, ex, SA_LCK_LOCK_ORPHAN), status(SA_LCK_LOCK_ORPHANED));
    EXPECT_EQ(purge(inherited), SA_AIS_OK);
    EXPECT_EQ(lock(orphaned, ex), granted);
    heard();
    EXPECT_EQ(unlock(id_b), SA_AIS_OK);
    ASSERT_TRUE(c.until([] { return heard_count() >= 1; }));
    EXPECT_EQ(heard().front(), "decided 3 status 1 error 1");
    const SaLckFenceT third = fence_of(id_c);
    EXPECT_GT(saLckFenceCompare(&third, &second_fence), 0);
}

class LckStop : public LckFaults, public testing::WithParamInterface<bool> {};

// What the state directories hold is there afterwards, or not.
TEST_P(LckStop, numbers_grow_over_a_stop_of_the_whole_cluster) {
    SaLckFenceT before{};
    {
        Program a(*cluster_, 2);
        const auto resource = a.open("r");
        for (int i = 0; i < 5; ++i) {
            const Result held = lock(resource, ex);
            before = fence_of(held.id);
            ASSERT_EQ(unlock(held.id), SA_AIS_OK);
        }
    }
    for (int node = 1; node <= 3; ++node) {
        cluster_->kill(node);
    }
    if (GetParam()) {
        const auto home = std::filesystem::path(cluster_->run_dir(3)).parent_path();
        ASSERT_GT(std::filesystem::remove_all(home / "state"), 1U);
        std::filesystem::create_directory(home / "state");
    }
    cluster_->start(3);
    Program c(*cluster_, 3);
    const Result held = lock(c.open("r"), ex);
    ASSERT_EQ(held, granted);
    const SaLckFenceT after = fence_of(held.id);
    EXPECT_GT(saLckFenceCompare(&after, &before), 0);
}

INSTANTIATE_TEST_SUITE_P(Files, LckStop, testing::Bool(), [](const auto& wiped) {
    return wiped.param ? "lost" : "kept";
});

// A node that stands still is given up by the others: two components, until it goes on.
TEST_F(LckFaults, loser_of_a_merge_is_told_and_its_lock_is_gone) {
    Program a(*cluster_, 1);
    Program b(*cluster_, 2);
    Program c(*cluster_, 3);
    ASSERT_EQ(saLckLockLostCallbackSet(a.handle, on_lost), SA_AIS_OK);
    const auto on_a = a.open("r");
    const auto on_b = b.open("r");
    const Result held = lock(on_a, ex);
    ASSERT_EQ(held, granted);
    const SaLckFenceT first = fence_of(held.id);
    c.settle();
    heard();
    cluster_->pause(1);
    const Result taken = lock(on_b, ex);
    ASSERT_EQ(taken, granted);
    const SaLckFenceT second_fence = fence_of(taken.id);
    EXPECT_GT(saLckFenceCompare(&second_fence, &first), 0);
    cluster_->resume(1);
    const std::string line = "lost " + std::to_string(held.id);
    // Before it is left behind, it may have heard of the request that waited for it.
    std::vector<std::string> all;
    ASSERT_TRUE(a.until([&] {
        const auto more = heard();
        all.insert(all.end(), more.begin(), more.end());
        return std::find(all.begin(), all.end(), line) != all.end();
    })) << testing::PrintToString(all);
    EXPECT_EQ(std::count(all.begin(), all.end(), line), 1);
    EXPECT_LE(all.size(), 2U) << testing::PrintToString(all);
    SaLckFenceT none{};
    EXPECT_EQ(patiently([&] { return saLckLockFenceGet(held.id, &none); }), SA_AIS_ERR_NOT_EXIST);
    EXPECT_EQ(unlock(held.id), SA_AIS_ERR_NOT_EXIST);
    const SaLckFenceT now = fence_of(taken.id);
    EXPECT_GE(saLckFenceCompare(&now, &second_fence), 0);
    EXPECT_EQ(lock(on_a, ex, SA_LCK_LOCK_NO_QUEUE), status(SA_LCK_LOCK_NOT_QUEUED));
}

}  // namespace

CommonService service_under_test() {
    CommonService lck;
    lck.name = "LCK";
    lck.version = {'B', 3, 1};
    lck.initialize = [](SaUint64T* handle, bool with_callbacks, SaVersionT* version) {
        const SaLckCallbacksT callbacks{on_open, on_grant, on_waiter, on_unlock};
        return saLckInitialize(handle, with_callbacks ? &callbacks : nullptr, version);
    };
    lck.selection_object_get = saLckSelectionObjectGet;
    lck.dispatch = saLckDispatch;
    lck.finalize = saLckFinalize;
    lck.ask = [](SaUint64T handle, SaUint64T number) {
        const SaNameT name = name_of("asked");
        return saLckResourceOpenAsync(handle, number, &name, SA_LCK_RESOURCE_CREATE);
    };
    lck.call = [](SaUint64T handle) {
        const SaNameT name = name_of("called");
        SaLckResourceHandleT resource = 0;
        const SaAisErrorT error =
            saLckResourceOpen(handle, &name, SA_LCK_RESOURCE_CREATE, 10 * second, &resource);
        return error == SA_AIS_OK ? saLckResourceClose(resource) : error;
    };
    lck.functions = {
        {"Open",
         [](SaUint64T handle) {
             const SaNameT name = name_of("opened");
             SaLckResourceHandleT resource = 0;
             return saLckResourceOpen(handle, &name, SA_LCK_RESOURCE_CREATE, second, &resource);
         }},
        {"OptionCheck",
         [](SaUint64T handle) {
             SaLckOptionsT options = 0;
             return saLckOptionCheck(handle, &options);
         }},
        {"LostCallbackSet",
         [](SaUint64T handle) { return saLckLockLostCallbackSet(handle, nullptr); }},
    };
    lck.open = [](SaUint64T handle, const SaNameT* name) {
        SaLckResourceHandleT resource = 0;
        return saLckResourceOpen(handle, name, SA_LCK_RESOURCE_CREATE, 10 * second, &resource);
    };
    lck.same = [](SaUint64T handle, const SaNameT* one, const SaNameT* other) {
        SaLckResourceHandleT first = 0;
        SaLckResourceHandleT then = 0;
        saLckResourceOpen(handle, one, SA_LCK_RESOURCE_CREATE, 10 * second, &first);
        const bool is_same = saLckResourceOpen(handle, other, 0, 10 * second, &then) == SA_AIS_OK;
        saLckResourceClose(first);
        if (is_same) {
            saLckResourceClose(then);
        }
        return is_same;
    };
    const auto open_held = [](SaUint64T handle) {
        const SaNameT name = name_of("held");
        SaLckResourceHandleT resource = 0;
        patiently([&] {
            return saLckResourceOpen(handle, &name, SA_LCK_RESOURCE_CREATE, 10 * second, &resource);
        });
        return resource;
    };
    lck.hold = [open_held](SaUint64T handle) { lock(open_held(handle), ex); };
    lck.is_held = [open_held](SaUint64T handle) {
        const SaLckResourceHandleT resource = open_held(handle);
        const Result result = lock(resource, ex, SA_LCK_LOCK_NO_QUEUE);
        saLckResourceClose(resource);
        return result == status(SA_LCK_LOCK_NOT_QUEUED);
    };
    return lck;
}

}  // namespace ais::conformance
