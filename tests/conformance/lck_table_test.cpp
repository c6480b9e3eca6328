// SPDX-License-Identifier: BSD-3-Clause
//
// libSaLck, row by row: what the tables of the reference say about each function, and bad input
// of every kind for each of them.  docs/conformance/lck.md has the rows and their tests.

#include "lck_program.hpp"

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <limits>
#include <thread>

namespace ais::conformance {
namespace {

using testing::AnyOf;

SaAisErrorT close(SaLckResourceHandleT resource) {
    return patiently([=] { return saLckResourceClose(resource); });
}
SaAisErrorT unlock_async(SaInvocationT invocation, SaLckLockIdT id) {
    return patiently([=] { return saLckResourceUnlockAsync(invocation, id); });
}
std::string decided(SaInvocationT invocation, SaLckLockStatusT status) {
    return "decided " + std::to_string(invocation) + " status " + std::to_string(status) +
           " error 1";
}
std::string waiter(int signal, SaLckLockIdT id, const char* modes) {
    return "waiter " + std::to_string(signal) + " for " + std::to_string(id) + " " + modes;
}
// Nothing can be done with such an id.
void expect_dead(SaLckLockIdT id) {
    SaLckFenceT fence{};
    EXPECT_EQ(unlock(id), SA_AIS_ERR_NOT_EXIST);
    EXPECT_EQ(saLckResourceUnlockAsync(1, id), SA_AIS_ERR_NOT_EXIST);
    EXPECT_EQ(saLckLockFenceGet(id, &fence), SA_AIS_ERR_NOT_EXIST);
}
// Neither with such a resource handle.
void expect_bad(SaLckResourceHandleT resource) {
    SaLckLockIdT id = 0;
    SaLckLockStatusT status{};
    EXPECT_EQ(saLckResourceLock(resource, &id, ex, 0, 0, second, &status), SA_AIS_ERR_BAD_HANDLE);
    EXPECT_EQ(saLckResourceLockAsync(resource, 1, &id, ex, 0, 0), SA_AIS_ERR_BAD_HANDLE);
    EXPECT_EQ(saLckLockPurge(resource), SA_AIS_ERR_BAD_HANDLE);
    EXPECT_EQ(saLckResourceClose(resource), SA_AIS_ERR_BAD_HANDLE);
}
// Nor with such a handle of an association.
void expect_no_association(SaLckHandleT handle) {
    const SaNameT name = name_of("n");
    SaSelectionObjectT fd = 0;
    SaLckOptionsT options = 0;
    SaLckResourceHandleT resource = 0;
    SaLimitValueT value{};
    EXPECT_EQ(saLckSelectionObjectGet(handle, &fd), SA_AIS_ERR_BAD_HANDLE);
    EXPECT_EQ(saLckOptionCheck(handle, &options), SA_AIS_ERR_BAD_HANDLE);
    EXPECT_EQ(saLckDispatch(handle, SA_DISPATCH_ALL), SA_AIS_ERR_BAD_HANDLE);
    EXPECT_EQ(saLckResourceOpen(handle, &name, 1, second, &resource), SA_AIS_ERR_BAD_HANDLE);
    EXPECT_EQ(saLckResourceOpenAsync(handle, 1, &name, 1), SA_AIS_ERR_BAD_HANDLE);
    EXPECT_EQ(saLckLimitGet(handle, SA_LCK_MAX_NUM_LOCKS_ID, &value), SA_AIS_ERR_BAD_HANDLE);
    EXPECT_EQ(saLckLockLostCallbackSet(handle, on_lost), SA_AIS_ERR_BAD_HANDLE);
    EXPECT_EQ(saLckFinalize(handle), SA_AIS_ERR_BAD_HANDLE);
}

// ---- Numbers of the binary interface; header_test.c has the layouts

TEST(LckHeader, has_the_numbers_of_the_standard) {
    EXPECT_EQ(SA_LCK_RESOURCE_CREATE, 1);
    EXPECT_EQ(SA_LCK_LOCK_NO_QUEUE, 1);
    EXPECT_EQ(SA_LCK_LOCK_ORPHAN, 2);
    EXPECT_EQ(SA_LCK_OPT_ORPHAN_LOCKS, 1);
    EXPECT_EQ(SA_LCK_OPT_DEADLOCK_DETECTION, 2);
    EXPECT_EQ(SA_LCK_LOCK_GRANTED, 1);
    EXPECT_EQ(SA_LCK_LOCK_DEADLOCK, 2);
    EXPECT_EQ(SA_LCK_LOCK_NOT_QUEUED, 3);
    EXPECT_EQ(SA_LCK_LOCK_ORPHANED, 4);
    EXPECT_EQ(SA_LCK_LOCK_NO_MORE, 5);
    EXPECT_EQ(SA_LCK_LOCK_DUPLICATE_EX, 6);
    EXPECT_EQ(SA_LCK_PR_LOCK_MODE, 1);
    EXPECT_EQ(SA_LCK_EX_LOCK_MODE, 2);
    EXPECT_EQ(SA_LCK_MAX_NUM_LOCKS_ID, 1);
    for (const std::size_t size : {sizeof(SaLckHandleT),
                                   sizeof(SaLckLockIdT),
                                   sizeof(SaLckResourceHandleT),
                                   sizeof(SaLckWaiterSignalT)}) {
        EXPECT_EQ(size, 8U);
    }
    const SaLckLockGrantcallbackT as_openais_spells_it = on_grant;
    const SaLckLockGrantCallbackT as_the_standard = as_openais_spells_it;
    EXPECT_EQ(as_the_standard, &on_grant);
}

// ---- Names, flags, times, handles

TEST_F(Lck, open_knows_one_flag_and_names_of_1_to_256_bytes) {
    Program a(*cluster_, 1);
    const SaNameT good = name_of(name);
    SaLckResourceHandleT resource = 42;
    for (SaLckResourceOpenFlagsT flag = 2; flag != 0; flag <<= 1) {
        EXPECT_EQ(saLckResourceOpen(a.handle, &good, flag | 1, second, &resource),
                  SA_AIS_ERR_BAD_FLAGS);
        EXPECT_EQ(saLckResourceOpenAsync(a.handle, 1, &good, flag), SA_AIS_ERR_BAD_FLAGS);
    }
    for (const int length : {0, 257, 65535}) {
        SaNameT bad = good;
        bad.length = static_cast<SaUint16T>(length);
        EXPECT_EQ(saLckResourceOpen(a.handle, &bad, 1, second, &resource),
                  SA_AIS_ERR_INVALID_PARAM);
        EXPECT_EQ(saLckResourceOpenAsync(a.handle, 1, &bad, 1), SA_AIS_ERR_INVALID_PARAM);
    }
    EXPECT_EQ(resource, 42U);
    a.settle();
    EXPECT_THAT(heard(), IsEmpty()) << "no callback follows an error";
    // Bytes are bytes: also those that are no text.
    Program b(*cluster_, 2);
    const std::string with_nul = name + std::string("\0\xff\xc0", 3);
    const std::string longest(256, '\xfe');
    for (const std::string& odd : {with_nul, longest}) {
        ASSERT_EQ(lock(a.open(odd), ex), granted);
        EXPECT_EQ(lock(b.open(odd), ex, SA_LCK_LOCK_NO_QUEUE), status(SA_LCK_LOCK_NOT_QUEUED));
    }
    EXPECT_EQ(lock(b.open(name + std::string("\0\xff", 2)), ex, SA_LCK_LOCK_NO_QUEUE), granted)
        << "another name";
}

TEST_F(Lck, times_are_taken_at_their_word) {
    Program a(*cluster_, 1);
    Program b(*cluster_, 2);
    const SaNameT good = name_of(name);
    const auto resource = a.open(name);
    SaLckLockIdT id = 0;
    SaLckLockStatusT decided_as{};
    for (const SaTimeT negative :
         {SaTimeT{-1}, -SA_TIME_MAX, std::numeric_limits<SaTimeT>::min()}) {
        SaLckResourceHandleT other = 0;
        EXPECT_EQ(saLckResourceOpen(a.handle, &good, 1, negative, &other),
                  SA_AIS_ERR_INVALID_PARAM);
        EXPECT_EQ(saLckResourceLock(resource, &id, ex, 0, 0, negative, &decided_as),
                  SA_AIS_ERR_INVALID_PARAM);
    }
    EXPECT_EQ(saLckResourceLock(resource, &id, ex, 0, 0, 0, &decided_as), SA_AIS_ERR_TIMEOUT)
        << "though it is free";
    for (const SaTimeT long_time : {SA_TIME_MAX, SA_TIME_MAX - 1, SaTimeT{3600} * second}) {
        SaLckResourceHandleT other = 0;
        EXPECT_EQ(
            patiently([&] { return saLckResourceOpen(a.handle, &good, 1, long_time, &other); }),
            SA_AIS_OK);
        const Result held = lock(other, ex, 0, long_time);
        EXPECT_EQ(held, granted);
        EXPECT_EQ(saLckResourceUnlock(held.id, -1), SA_AIS_ERR_INVALID_PARAM);
        EXPECT_EQ(saLckResourceUnlock(held.id, 0), SA_AIS_ERR_TIMEOUT) << "and it is held";
        EXPECT_EQ(lock(b.open(name), ex, SA_LCK_LOCK_NO_QUEUE), status(SA_LCK_LOCK_NOT_QUEUED));
        EXPECT_EQ(patiently([&] { return saLckResourceUnlock(held.id, long_time); }), SA_AIS_OK);
    }
    // Hardly any time: it was enough or not, and nothing is left behind.
    for (int i = 0; i < 50; ++i) {
        const SaAisErrorT error = saLckResourceLock(resource, &id, ex, 0, 0, 1, &decided_as);
        ASSERT_THAT(error, AnyOf(SA_AIS_OK, SA_AIS_ERR_TIMEOUT, SA_AIS_ERR_TRY_AGAIN));
        if (error != SA_AIS_OK) {
            expect_dead(id);
            continue;
        }
        ASSERT_EQ(decided_as, SA_LCK_LOCK_GRANTED);
        const SaAisErrorT undone = saLckResourceUnlock(id, 1);
        ASSERT_THAT(undone, AnyOf(SA_AIS_OK, SA_AIS_ERR_TIMEOUT, SA_AIS_ERR_TRY_AGAIN));
        if (undone != SA_AIS_OK) {
            ASSERT_THAT(unlock(id), AnyOf(SA_AIS_OK, SA_AIS_ERR_NOT_EXIST));
        }
    }
    EXPECT_EQ(lock(b.open(name), ex), granted);
}

TEST_F(Lck, every_function_refuses_numbers_that_are_not_its_handles) {
    auto a = std::make_unique<Program>(*cluster_, 1);
    const SaLckHandleT association = a->handle;
    const auto resource = a->open(name);
    const SaLckLockIdT id = lock(resource, ex).id;
    for (const SaUint64T number : {SaUint64T{0}, SaUint64T{1}, ~SaUint64T{0}, association + 1}) {
        expect_no_association(number);
        expect_bad(number);
        expect_dead(number);
    }
    expect_no_association(resource);
    expect_no_association(id);
    expect_bad(association);
    expect_bad(id);
    expect_dead(association);
    expect_dead(resource);
    const pid_t child = fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
        alarm(20);
        expect_no_association(association);
        expect_bad(resource);
        expect_dead(id);
        _exit(testing::Test::HasFailure() ? 1 : 0);
    }
    int exit_status = -1;
    ASSERT_EQ(waitpid(child, &exit_status, 0), child);
    EXPECT_EQ(exit_status, 0) << "what the parent has is nothing in its child";
    ASSERT_EQ(unlock(id), SA_AIS_OK) << "nothing of it has done harm";
    const SaLckLockIdT again = lock(resource, ex).id;
    a.reset();
    expect_no_association(association);
    expect_bad(resource);
    expect_dead(again);
}

// Each function in a thread of its own, again and again, until what it works on goes.
TEST_F(Lck, calls_of_other_threads_end_when_the_handle_is_closed_or_finalized) {
    for (const bool finalizes : {false, true}) {
        SCOPED_TRACE(finalizes ? "finalize" : "close");
        Program a(*cluster_, 1);
        const auto resource = a.open(name);
        const SaLckLockIdT kept = lock(resource, pr).id;
        std::vector<std::function<SaAisErrorT()>> functions{
            [=] {
                const Result held = lock(resource, pr);
                return held.error == SA_AIS_OK ? unlock(held.id) : held.error;
            },
            [=] {
                SaLckLockIdT id = 0;
                const SaAisErrorT error = saLckResourceLockAsync(resource, 1, &id, pr, 0, 0);
                return error == SA_AIS_OK ? unlock(id) : error;
            },
            [=] {
                SaLckLockIdT id = 0;
                SaLckFenceT fence{};
                SaAisErrorT error = saLckResourceLockAsync(resource, 1, &id, pr, 0, 0);
                error = error == SA_AIS_OK ? saLckResourceUnlockAsync(1, id) : error;
                // Waits until these have arrived.
                return error == SA_AIS_OK ? saLckLockFenceGet(kept, &fence) : error;
            },
            [=] { return saLckLockPurge(resource); },
            [=] {
                SaLckFenceT fence{};
                return saLckLockFenceGet(kept, &fence);
            },
        };
        if (finalizes) {
            functions.emplace_back([&a, this] {
                SaLckResourceHandleT other = 0;
                const SaNameT wanted = name_of(name);
                const SaAisErrorT error =
                    saLckResourceOpen(a.handle, &wanted, 0, 20 * second, &other);
                return error == SA_AIS_OK ? saLckResourceClose(other) : error;
            });
            functions.emplace_back([&a] { return saLckLockLostCallbackSet(a.handle, nullptr); });
        }
        std::thread dispatching([&a] { saLckDispatch(a.handle, SA_DISPATCH_BLOCKING); });
        std::vector<std::atomic<int>> calls(functions.size());
        std::vector<SaAisErrorT> last(functions.size());
        std::vector<std::thread> threads;
        for (std::size_t i = 0; i < functions.size(); ++i) {
            threads.emplace_back([&, i] {
                do {
                    last[i] = functions[i]();
                    ++calls[i];
                } while (last[i] == SA_AIS_OK || last[i] == SA_AIS_ERR_TRY_AGAIN);
            });
        }
        for (const std::atomic<int>& count : calls) {
            EXPECT_TRUE(wait_until([&] { return count > 5; }, patience));
        }
        EXPECT_EQ(finalizes ? saLckFinalize(a.handle) : close(resource), SA_AIS_OK);
        for (std::thread& thread : threads) {
            thread.join();
        }
        for (const SaAisErrorT error : last) {
            EXPECT_THAT(error, AnyOf(SA_AIS_ERR_BAD_HANDLE, SA_AIS_ERR_NOT_EXIST));
        }
        saLckFinalize(a.handle);
        dispatching.join();
    }
}

// ---- What becomes of a request

TEST_F(Lck, id_of_a_request_that_was_refused_is_dead) {
    Program a(*cluster_, 1);
    Program b(*cluster_, 2);
    const auto on_a = a.open(name);
    const Result held = lock(on_a, ex);
    expect_dead(lock(on_a, ex).id);  // DUPLICATE_EX
    expect_dead(lock(on_a, pr).id);  // DEADLOCK
    const auto on_b = b.open(name);
    expect_dead(lock(on_b, ex, SA_LCK_LOCK_NO_QUEUE).id);
    expect_dead(lock(on_b, ex, 0, second / 100).id);
    EXPECT_EQ(unlock(held.id), SA_AIS_OK);
    EXPECT_EQ(lock(on_b, ex, SA_LCK_LOCK_NO_QUEUE), granted) << "nothing of it is left";
    // One that waits is not granted, and has no number yet.
    const SaLckLockIdT waiting = lock_async(on_a, 1, ex);
    SaLckFenceT fence{};
    EXPECT_EQ(saLckLockFenceGet(waiting, &fence), SA_AIS_ERR_NOT_EXIST);
    EXPECT_EQ(unlock(waiting), SA_AIS_OK);
}

TEST_F(Lck, asynchronous_request_that_is_refused_has_one_callback) {
    Program a(*cluster_, 1);
    Program b(*cluster_, 2);
    const auto on_a = a.open(name);
    ASSERT_EQ(lock(on_a, ex), granted);
    expect_dead(lock(b.open(name), ex, SA_LCK_LOCK_NO_QUEUE).id);
    const SaLckLockIdT ids[] = {
        lock_async(on_a, 1, ex),
        lock_async(on_a, 2, pr),
        lock_async(a.open(name), 3, ex, 0, SA_LCK_LOCK_NO_QUEUE),
    };
    ASSERT_TRUE(a.until([] { return heard_count() >= 3; }));
    a.settle();
    EXPECT_THAT(heard(),
                ElementsAre(decided(1, SA_LCK_LOCK_DUPLICATE_EX),
                            decided(2, SA_LCK_LOCK_DEADLOCK),
                            decided(3, SA_LCK_LOCK_NOT_QUEUED)));
    for (const SaLckLockIdT id : ids) {
        expect_dead(id);
    }
    const std::string orphaned = name + " orphaned";
    const auto left = a.open(orphaned);
    ASSERT_EQ(lock(left, ex, SA_LCK_LOCK_ORPHAN), granted);
    const auto on_b = b.open(orphaned);
    ASSERT_EQ(close(left), SA_AIS_OK);
    lock_async(on_b, 4, pr, 0, SA_LCK_LOCK_ORPHAN);
    ASSERT_TRUE(b.until([] { return heard_count() >= 1; }));
    EXPECT_THAT(heard(), ElementsAre(decided(4, SA_LCK_LOCK_ORPHANED)));
    EXPECT_EQ(purge(on_b), SA_AIS_OK);
}

TEST_F(Lck, readers_up_to_the_next_writer_are_granted_together) {
    Program a(*cluster_, 1);
    std::vector<std::unique_ptr<Program>> others;
    std::vector<SaLckLockIdT> ids;
    const Result held = lock(a.open(name), ex);
    ASSERT_EQ(held, granted);
    const SaLckLockModeT modes[] = {pr, pr, ex, pr};
    for (std::size_t i = 0; i < 4; ++i) {
        others.push_back(std::make_unique<Program>(*cluster_, static_cast<int>(i % 3) + 1));
        ids.push_back(lock_async(others[i]->open(name), i + 1, modes[i]));
        others[i]->settle();
    }
    EXPECT_EQ(unlock(held.id), SA_AIS_OK);
    const auto hear_all = [&] {
        for (const auto& one : others) {
            one->settle();
        }
        auto lines = heard();
        std::erase_if(lines, [](const std::string& line) { return line.starts_with("waiter"); });
        return lines;
    };
    EXPECT_THAT(hear_all(),
                ElementsAre(decided(1, SA_LCK_LOCK_GRANTED), decided(2, SA_LCK_LOCK_GRANTED)));
    EXPECT_EQ(unlock(ids[0]), SA_AIS_OK);
    EXPECT_THAT(hear_all(), IsEmpty()) << "the other one still reads";
    EXPECT_EQ(unlock(ids[1]), SA_AIS_OK);
    EXPECT_THAT(hear_all(), ElementsAre(decided(3, SA_LCK_LOCK_GRANTED)));
    EXPECT_EQ(unlock(ids[2]), SA_AIS_OK);
    EXPECT_THAT(hear_all(), ElementsAre(decided(4, SA_LCK_LOCK_GRANTED)));
}

TEST_F(Lck, unlock_without_waiting_follows_the_table_of_unlock) {
    Program a(*cluster_, 1);
    Program b(*cluster_, 2);
    const auto on_a = a.open(name);
    const auto on_b = b.open(name);
    const Result held = lock(on_a, ex);
    // Of a request that waits: it is dropped, and its own callback with it.
    const SaLckLockIdT waiting = lock_async(on_b, 1, ex);
    EXPECT_EQ(unlock_async(2, waiting), SA_AIS_OK);
    ASSERT_TRUE(b.until([] { return heard_count() >= 1; }));
    b.settle();
    EXPECT_THAT(heard(), ElementsAre("unlocked 2 error 1"));
    expect_dead(waiting);
    EXPECT_EQ(unlock_async(3, held.id), SA_AIS_OK);
    ASSERT_TRUE(a.until([] { return heard_count() >= 2; }));
    EXPECT_THAT(heard(), testing::Contains("unlocked 3 error 1"));
    // Of one that is granted and not told yet.
    const SaLckLockIdT fresh = lock_async(on_b, 4, ex);
    SaLckFenceT fence{};
    ASSERT_TRUE(
        wait_until([&] { return saLckLockFenceGet(fresh, &fence) == SA_AIS_OK; }, patience));
    EXPECT_EQ(unlock_async(5, fresh), SA_AIS_OK);
    ASSERT_TRUE(b.until([] { return heard_count() >= 1; }));
    EXPECT_THAT(heard(), ElementsAre("unlocked 5 error 1"));
    const Result last = lock(on_b, ex);
    EXPECT_EQ(close(on_b), SA_AIS_OK);
    EXPECT_EQ(saLckResourceUnlockAsync(6, last.id), SA_AIS_ERR_NOT_EXIST);
    b.settle();
    EXPECT_THAT(heard(), IsEmpty());
}

// What is dropped is no callback, and not the one of SA_DISPATCH_ONE.
TEST_F(Lck, dispatch_of_one_passes_over_what_was_dropped) {
    Program a(*cluster_, 1);
    const auto resource = a.open(name);
    const SaLckLockIdT dropped = lock_async(resource, 1, pr);
    const SaLckLockIdT kept = lock_async(resource, 2, pr);
    SaLckFenceT fence{};
    ASSERT_TRUE(wait_until([&] { return saLckLockFenceGet(kept, &fence) == SA_AIS_OK; }, patience));
    EXPECT_EQ(unlock(dropped), SA_AIS_OK);
    EXPECT_EQ(saLckDispatch(a.handle, SA_DISPATCH_ONE), SA_AIS_OK);
    EXPECT_THAT(heard(), ElementsAre(decided(2, SA_LCK_LOCK_GRANTED)));
}

// ---- Who waits for whom

TEST_F(Lck, holders_are_told_once_of_each_request_that_waits_for_each_lock) {
    Program a(*cluster_, 1);
    Program b(*cluster_, 2);
    Program c(*cluster_, 3);
    Program d(*cluster_, 1);
    Program e(*cluster_, 2);
    const auto hear_all = [&] {
        for (Program* one : {&a, &b, &c, &d, &e}) {
            one->settle();
        }
        return heard();
    };
    const Result on_a = lock(a.open(name), pr);
    const Result on_b = lock(b.open(name), pr);
    const SaLckLockIdT on_c = lock_async(c.open(name), 1, ex, 5);
    c.settle();
    lock_async(d.open(name), 2, ex, 6);
    d.settle();
    EXPECT_THAT(hear_all(),
                UnorderedElementsAre(waiter(5, on_a.id, "1/2"),
                                     waiter(6, on_a.id, "1/2"),
                                     waiter(5, on_b.id, "1/2"),
                                     waiter(6, on_b.id, "1/2")));
    const auto resource = e.open(name);
    EXPECT_EQ(lock(resource, ex, SA_LCK_LOCK_NO_QUEUE, second, 7), status(SA_LCK_LOCK_NOT_QUEUED));
    lock_async(resource, 3, pr, 8);
    EXPECT_THAT(hear_all(), IsEmpty())
        << "of one that does not wait, and of one that no granted lock is in the way of";
    EXPECT_EQ(unlock(on_a.id), SA_AIS_OK);
    EXPECT_EQ(unlock(on_b.id), SA_AIS_OK);
    ASSERT_TRUE(c.until([] { return heard_count() >= 3; }));
    EXPECT_THAT(
        heard(),
        UnorderedElementsAre(
            decided(1, SA_LCK_LOCK_GRANTED), waiter(6, on_c, "2/2"), waiter(8, on_c, "2/1")))
        << "who was granted while others wait is told of them";
}

TEST_F(Lck, circle_of_three_on_three_nodes_is_found) {
    std::vector<std::unique_ptr<Program>> programs;
    std::vector<SaLckLockIdT> ids;
    for (int i = 0; i < 3; ++i) {
        programs.push_back(std::make_unique<Program>(*cluster_, i + 1));
        const Result held = lock(programs.back()->open(name + std::to_string(i)), ex);
        ASSERT_EQ(held, granted);
        ids.push_back(held.id);
    }
    for (int i = 0; i < 2; ++i) {
        lock_async(programs[static_cast<std::size_t>(i)]->open(name + std::to_string(i + 1)),
                   static_cast<SaInvocationT>(i),
                   pr);
        programs[static_cast<std::size_t>(i)]->settle();
    }
    EXPECT_EQ(lock(programs[2]->open(name + "0"), pr), status(SA_LCK_LOCK_DEADLOCK));
    heard();
    EXPECT_EQ(unlock(ids[2]), SA_AIS_OK);
    ASSERT_TRUE(programs[1]->until([] { return heard_count() >= 1; }));
    EXPECT_THAT(heard(), ElementsAre(decided(1, SA_LCK_LOCK_GRANTED)));
}

// ---- Orphans

TEST_F(Lck, lock_is_orphaned_by_close_finalize_and_death) {
    Program b(*cluster_, 2);
    const auto resource = b.open(name);
    for (const int way : {0, 1, 2}) {
        SCOPED_TRACE(way);
        if (way < 2) {
            Program a(*cluster_, 1);
            const auto left = a.open(name);
            ASSERT_EQ(lock(left, ex, SA_LCK_LOCK_ORPHAN), granted);
            if (way == 0) {
                ASSERT_EQ(close(left), SA_AIS_OK);
                EXPECT_EQ(lock(resource, ex, SA_LCK_LOCK_ORPHAN), status(SA_LCK_LOCK_ORPHANED))
                    << "by the time that Close returns";
            }
        } else {
            const pid_t child = fork();
            ASSERT_GE(child, 0);
            if (child == 0) {
                Program a(*cluster_, 3);
                const bool ok = lock(a.open(name), ex, SA_LCK_LOCK_ORPHAN) == granted;
                ::kill(getpid(), ok ? SIGKILL : SIGABRT);
            }
            int exit_status = 0;
            ASSERT_EQ(waitpid(child, &exit_status, 0), child);
            ASSERT_TRUE(WIFSIGNALED(exit_status) && WTERMSIG(exit_status) == SIGKILL);
        }
        // Waits until its holder is known to be gone, and is told then.
        EXPECT_EQ(lock(resource, ex, SA_LCK_LOCK_ORPHAN), status(SA_LCK_LOCK_ORPHANED));
        EXPECT_EQ(lock(resource, pr, SA_LCK_LOCK_NO_QUEUE), status(SA_LCK_LOCK_NOT_QUEUED));
        EXPECT_EQ(purge(resource), SA_AIS_OK);
        const Result held = lock(resource, ex, SA_LCK_LOCK_NO_QUEUE);
        EXPECT_EQ(held, granted);
        EXPECT_EQ(unlock(held.id), SA_AIS_OK);
    }
}

TEST_F(Lck, purge_takes_all_orphans_leaves_locks_and_serves_the_queue) {
    Program a(*cluster_, 1);
    Program b(*cluster_, 2);
    Program c(*cluster_, 3);
    const auto resource = a.open(name);
    for (int i = 0; i < 2; ++i) {
        const auto left = a.open(name);
        ASSERT_EQ(lock(left, pr, SA_LCK_LOCK_ORPHAN), granted);
        ASSERT_EQ(close(left), SA_AIS_OK);
    }
    const Result reader = lock(b.open(name), pr);
    ASSERT_EQ(reader, granted) << "an orphan blocks as the lock that it was";
    lock_async(c.open(name), 1, ex, 9);
    c.settle();
    a.settle();
    b.settle();
    EXPECT_THAT(heard(), ElementsAre(waiter(9, reader.id, "1/2")))
        << "nobody is told for an orphan";
    EXPECT_EQ(unlock(reader.id), SA_AIS_OK);
    c.settle();
    EXPECT_THAT(heard(), IsEmpty()) << "without the flag it waits until the purge";
    EXPECT_EQ(purge(resource), SA_AIS_OK);
    ASSERT_TRUE(c.until([] { return heard_count() >= 1; }));
    EXPECT_THAT(heard(), ElementsAre(decided(1, SA_LCK_LOCK_GRANTED)));
    EXPECT_EQ(purge(resource), SA_AIS_OK);
    EXPECT_EQ(lock(resource, pr, SA_LCK_LOCK_NO_QUEUE), status(SA_LCK_LOCK_NOT_QUEUED))
        << "what is held stays";
}

TEST_F(Lck, request_for_an_orphan_that_was_not_granted_goes_with_its_handle) {
    Program a(*cluster_, 1);
    Program b(*cluster_, 2);
    const Result held = lock(a.open(name), ex);
    const auto left = b.open(name);
    lock_async(left, 1, ex, 0, SA_LCK_LOCK_ORPHAN);
    EXPECT_EQ(close(left), SA_AIS_OK);
    EXPECT_EQ(unlock(held.id), SA_AIS_OK);
    EXPECT_EQ(lock(b.open(name), ex, SA_LCK_LOCK_NO_QUEUE), granted);
}

// ---- Close and finalize

TEST_F(Lck, close_frees_what_it_held_and_drops_what_it_asked_for) {
    Program a(*cluster_, 1);
    Program b(*cluster_, 2);
    Program c(*cluster_, 3);
    const auto on_a = a.open(name);
    ASSERT_EQ(lock(on_a, ex), granted);
    EXPECT_EQ(close(on_a), SA_AIS_OK);
    const Result held = lock(b.open(name), ex, SA_LCK_LOCK_NO_QUEUE);
    EXPECT_EQ(held, granted) << "free for all when it returns";
    const auto left = a.open(name);
    lock_async(left, 1, ex);
    a.settle();
    lock_async(c.open(name), 2, ex);
    c.settle();
    heard();
    EXPECT_EQ(close(left), SA_AIS_OK);
    EXPECT_EQ(unlock(held.id), SA_AIS_OK);
    ASSERT_TRUE(c.until([] { return heard_count() >= 1; }));
    a.settle();
    EXPECT_THAT(heard(), ElementsAre(decided(2, SA_LCK_LOCK_GRANTED)));
    // A callback that is there already.
    const std::string other = name + " 2";
    const auto resource = a.open(other);
    const SaLckLockIdT id = lock_async(resource, 3, ex);
    SaLckFenceT fence{};
    ASSERT_TRUE(wait_until([&] { return saLckLockFenceGet(id, &fence) == SA_AIS_OK; }, patience));
    EXPECT_EQ(close(resource), SA_AIS_OK);
    a.settle();
    EXPECT_THAT(heard(), IsEmpty());
}

TEST_F(Lck, finalize_drops_requests_as_well) {
    Program a(*cluster_, 1);
    auto b = std::make_unique<Program>(*cluster_, 2);
    Program c(*cluster_, 3);
    const Result held = lock(a.open(name), ex);
    lock_async(b->open(name), 1, ex);
    b->settle();
    lock_async(c.open(name), 2, ex);
    c.settle();
    heard();
    b.reset();
    EXPECT_EQ(unlock(held.id), SA_AIS_OK);
    ASSERT_TRUE(c.until([] { return heard_count() >= 1; }));
    EXPECT_THAT(heard(), ElementsAre(decided(2, SA_LCK_LOCK_GRANTED)));
}

}  // namespace
}  // namespace ais::conformance
