// SPDX-License-Identifier: BSD-3-Clause

#include "os/pause.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace ais::os {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;
using testing::Not;

TEST(Pause, blames_a_lack_of_processors) {
    PauseCounters after;
    after.waited = 280ms;
    EXPECT_EQ(explain_pause({}, after, 300ms),
              "runnable without a processor for 280 ms: other programs had them");
    // The readings span more than the pause.
    after.waited = 900ms;
    EXPECT_THAT(explain_pause({}, after, 300ms), HasSubstr("for 300 ms"));
}

TEST(Pause, blames_the_hypervisor_and_the_disk) {
    PauseCounters after;
    after.stolen = 200ms;
    after.major_faults = 3;
    EXPECT_EQ(explain_pause({}, after, 300ms),
              "the hypervisor took 200 ms from this machine, 3 pages had to be read from disk");
}

TEST(Pause, says_so_when_the_process_itself_was_busy) {
    PauseCounters after;
    after.ran = 250ms;
    EXPECT_EQ(explain_pause({}, after, 300ms), "it was itself busy for 250 ms");
}

TEST(Pause, has_an_answer_when_no_counter_moved) {
    EXPECT_THAT(explain_pause({}, {}, 300ms), HasSubstr("it was stopped"));
    PauseCounters after;
    after.waited = 20ms;
    EXPECT_THAT(explain_pause({}, after, 300ms), HasSubstr("20 ms"));
    EXPECT_THAT(explain_pause({}, after, 300ms), HasSubstr("it was stopped"));
}

TEST(Pause, counters_of_this_process_can_be_read) {
    // They move with the scheduler's ticks; all processes of a system see some after a while.
    const PauseCounterFiles files;
    PauseCounters now;
    for (int i = 0; i < 1000000 && now.ran == Duration(0); ++i) {
        now = files.read();
    }
    EXPECT_GT(now.ran, Duration(0));
    // And go on moving in the same open files.
    PauseCounters later;
    for (int i = 0; i < 1000000 && later.ran <= now.ran; ++i) {
        later = files.read();
    }
    EXPECT_GT(later.ran, now.ran);
}

}  // namespace
}  // namespace ais::os
