// SPDX-License-Identifier: BSD-3-Clause

#include "os/trace_file.hpp"

#include "os/clock.hpp"
#include "os/folder_test.hpp"

#include <gtest/gtest.h>

namespace ais::os {
namespace {

class TraceFileOnDisk : public testing::Test {
  protected:
    std::unique_ptr<TraceFile> open(const std::string& path, std::uint64_t incarnation) {
        auto trace = TraceFile::open(
            path, {NodeId(7), incarnation}, [] { return Instant{}; }, log);
        EXPECT_TRUE(trace);
        return trace ? trace.take() : nullptr;
    }
    std::vector<std::uint8_t> payload{1, 2, 3};
    TestDirectory directory;
    KeptLines log;
};

TEST_F(TraceFileOnDisk, has_a_send_before_it_leaves_and_deliveries_at_the_flush) {
    const std::string path = directory.file("trace");
    const auto trace = open(path, 0x16);
    const std::string begun = "\nais-trace 1\n0 7/16 start\n";
    EXPECT_EQ(content_of(path), begun);
    totem::Deliver message{};
    message.sender = NodeId(7);
    message.ring = totem::RingId{4, NodeId(1), 0xa};
    message.seq = 9;
    message.guarantee = totem::Guarantee::agreed;
    message.payload = payload;
    trace->on_deliver(message);
    EXPECT_EQ(content_of(path), begun);
    trace->on_take(payload, totem::Guarantee::safe);
    const std::string hash = "d0aa6218672cf5ab";
    const std::string seen =
        begun + "0 7/16 deliver agreed 1.4.a 9 7:" + hash + "\n0 7/16 send safe 1 " + hash + "\n";
    EXPECT_EQ(content_of(path), seen);
    trace->end();
    EXPECT_EQ(content_of(path), seen + "0 7/16 end\n");
}

TEST_F(TraceFileOnDisk, of_a_later_life_goes_on_behind_the_former) {
    const std::string path = directory.file("trace");
    open(path, 1)->end();
    open(path, 2);
    EXPECT_EQ(content_of(path),
              "\nais-trace 1\n0 7/1 start\n0 7/1 end\n\nais-trace 1\n0 7/2 start\n");
}

TEST_F(TraceFileOnDisk, that_cannot_be_opened_is_an_error_with_its_name) {
    const auto trace =
        TraceFile::open(directory.file("none/trace"), {NodeId(7), 1}, os::monotonic_now, log);
    ASSERT_FALSE(trace);
    EXPECT_NE(trace.error().text.find("none/trace cannot be opened"), std::string::npos);
}

TEST_F(TraceFileOnDisk, that_is_full_ends_the_trace_with_a_line_of_log) {
    const auto trace = TraceFile::open("/dev/full", {NodeId(7), 1}, os::monotonic_now, log);
    ASSERT_TRUE(trace);
    EXPECT_EQ(log.count("OS-009"), 1u);
}

}  // namespace
}  // namespace ais::os
