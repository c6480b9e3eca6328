// SPDX-License-Identifier: BSD-3-Clause

#include "sim/checker/trace.hpp"

#include "sim/checker/tale.hpp"
#include "totem/trace.hpp"

#include <gtest/gtest.h>

namespace ais::sim {
namespace {

std::string written(const History& history) {
    std::ostringstream to;
    write_trace(to, history);
    return to.str();
}

// Empty, or why not.
std::string error_of(const std::string& text, const TraceLimits& limits = {}) {
    TraceReader reader(limits);
    std::istringstream from(text);
    const auto read = reader.read(from, "t");
    return read ? "" : read.error().text;
}

const std::string head = "ais-trace 1\n";
const std::string born = head + "5 1/b start\n5 1/b regular 1.4.1 1=-,2=- joined 1,2\n";

TEST(Trace, gives_back_the_history_that_it_was_written_from) {
    Tale tale;
    tale.together().send(a, 1, Guarantee::safe).deliver(a, a, 1, 1, Guarantee::safe);
    tale.deliver(b, a, 1, 1, Guarantee::safe).move(a);
    tale.history.quorum(a, true);
    tale.history.state(a, "lck", 3, 0xabc);
    tale.history.end(b);
    const std::string text = written(tale.history);
    TraceReader reader;
    std::istringstream from(text);
    ASSERT_TRUE(reader.read(from, "t"));
    const History read = reader.take();
    EXPECT_EQ(read.digest(), tale.history.digest());
    EXPECT_EQ(written(read), text);
    EXPECT_TRUE(read.lives()[1].crashed);
    EXPECT_EQ(check_all(read).texts, check_all(tale.history).texts);
}

TEST(Trace, finds_a_message_by_its_bytes) {
    TraceReader reader;
    // What is delivered in one file is sent in the next.
    std::istringstream one(head + "5 2/16 start\n5 2/16 regular 1.4.1 1=-,2=- joined 1,2\n" +
                           "9 2/16 deliver agreed 1.4.1 1 1:ff\n" +
                           "9 2/16 deliver agreed 1.4.1 2 1:ff\n");
    std::istringstream two(
        born + "6 1/b send agreed 1 ff\n7 1/b send agreed 2 ff\n" +
        "8 1/b deliver agreed 1.4.1 1 1:ff\n8 1/b deliver agreed 1.4.1 2 1:ff\n");
    ASSERT_TRUE(reader.read(one, "one"));
    ASSERT_TRUE(reader.read(two, "two"));
    const History history = reader.take();
    EXPECT_EQ(history.messages(), 2u);
    EXPECT_EQ(check_all(history).texts, std::vector<std::string>{});
}

TEST(Trace, finds_bytes_that_nobody_sent) {
    TraceReader reader;
    std::istringstream from(born + "8 1/b deliver agreed 1.4.1 1 1:ff\n");
    ASSERT_TRUE(reader.read(from, "t"));
    History history = reader.take();
    history.is_quiet = false;
    ASSERT_EQ(check_all(history).texts.size(), 1u);
    EXPECT_TRUE(check_all(history).texts[0].starts_with("basic delivery"));
}

TEST(Trace, takes_an_earlier_life_for_dead) {
    TraceReader reader;
    std::istringstream from(born + "\n" + head + "7 1/c start\n");
    ASSERT_TRUE(reader.read(from, "t"));
    const History history = reader.take();
    EXPECT_TRUE(history.lives()[0].crashed);
    EXPECT_FALSE(history.lives()[1].crashed);
}

TEST(Trace, ignores_the_torn_line_of_a_killed_process) {
    TraceReader reader;
    std::istringstream from(born + "8 1/b send agr");
    ASSERT_TRUE(reader.read(from, "t"));
    EXPECT_EQ(reader.torn_lines(), 1u);
    EXPECT_EQ(reader.take().messages(), 0u);
}

TEST(Trace, ignores_the_torn_line_before_a_later_life) {
    TraceReader reader;
    // It looks whole.
    std::istringstream from(born + "8 1/b send agreed 1 1\n" + head + "9 1/c start\n");
    ASSERT_TRUE(reader.read(from, "t"));
    EXPECT_EQ(reader.torn_lines(), 1u);
    const History history = reader.take();
    EXPECT_EQ(history.messages(), 0u);
    EXPECT_EQ(history.lives().size(), 2u);
}

TEST(Trace, says_where_it_breaks_the_format) {
    EXPECT_EQ(error_of(""), "t:0: expected the first line \"ais-trace 1\"");
    EXPECT_EQ(error_of("hello\n"), "t:1: expected the first line \"ais-trace 1\"");
    EXPECT_EQ(error_of(head + "x\n"), "t:2: expected TIME NODE/INCARNATION KIND");
    EXPECT_EQ(error_of(head + "5 1/b send agreed 1 -\n"),
              "t:2: expected start first: this life is not known");
    EXPECT_EQ(error_of(born + "5 1/b dance\n"),
              "t:4: expected start, regular, transitional, send, deliver, quorum, state or end");
    EXPECT_EQ(error_of(born + "5 1/b start\n"), "t:4: expected a life that has not started before");
    EXPECT_EQ(error_of(born + "6 1/b end\n7 1/b send agreed 1 -\n"),
              "t:5: expected nothing more of this life: it has ended");
    EXPECT_EQ(error_of(head + "5 1/b start\n6 1/b send agreed 1 -\n"),
              "t:3: expected a configuration before anything else");
    EXPECT_EQ(error_of(born + "6 1/b send agreed 1 - more\n"), "t:4: expected the end of the line");
}

TEST(Trace, refuses_what_is_out_of_range) {
    for (const char* line : {
             "99999999999999999999 1/b end",
             "5 0/b start",
             "5 1/b send fast 1 -",
             "5 1/b send agreed -1 -",
             "5 1/b send agreed 1 xyz",
             "5 1/b send agreed",
             "5 1/b deliver agreed 1.4.1 0 1/b#1",
             "5 1/b deliver agreed - 1 1/b#1",
             "5 1/b deliver agreed 1.4 1 1/b#1",
             "5 1/b deliver agreed 1.4.1 1 1",
             "5 1/b deliver agreed 1.4.1 1 1:",
             "5 1/b regular 1.8.1 1=-,1=- joined -",
             "5 1/b regular 1.8.1 - joined -",
             "5 1/b regular 1.8.1 1=x joined -",
             "5 1/b regular - 1=- joined -",
             "5 1/b transitional 1.4.1 1, left 2",
             "5 1/b transitional 1.4.1 1 gone 2",
             "5 1/b quorum maybe",
             "5 1/b state lck x 0",
             "5 1/b state lck 1",
         }) {
        EXPECT_NE(error_of(born + line + "\n"), "") << line;
    }
}

TEST(Trace, is_bounded) {
    TraceLimits limits;
    limits.line_max = 64;
    EXPECT_EQ(error_of(born + std::string(65, 'x') + "\n", limits),
              "t:4: expected a line of at most 64 bytes");
    limits.events_max = 2;
    EXPECT_EQ(error_of(born + "6 1/b send agreed 1 -\n7 1/b send agreed 2 -\n", limits),
              "t:5: expected at most 2 events; judge a shorter run");
}

TEST(Trace, writes_hashes_of_bytes) {
    EXPECT_EQ(totem::trace::hash_of(Bytes{}), 0xcbf29ce484222325u);
    EXPECT_NE(totem::trace::hash_of(as_bytes("a")), totem::trace::hash_of(as_bytes("b")));
}

}  // namespace
}  // namespace ais::sim
