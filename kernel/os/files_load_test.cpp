// SPDX-License-Identifier: BSD-3-Clause

#include "os/files.hpp"

#include "os/clock.hpp"
#include "os/folder_test.hpp"
#include "os/random.hpp"

#include <gtest/gtest.h>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>

namespace ais::os {
namespace {

TEST(Files, what_is_written_is_read_with_its_mode) {
    const TestDirectory directory;
    const std::string path = directory.file("key");
    ASSERT_TRUE(write_durably(path, as_bytes("secret"), 0400).ok());
    const auto read = read_file(path, 100);
    ASSERT_TRUE(read.ok());
    EXPECT_EQ(read->bytes, "secret");
    EXPECT_EQ(read->mode, 0400U);
    EXPECT_EQ(read->uid, ::getuid());
    ASSERT_TRUE(write_durably(path, as_bytes("second"), 0400).ok());  // replaces it whole
    EXPECT_EQ(content_of(path), "second");
    EXPECT_FALSE(std::filesystem::exists(path + ".new"));
}

TEST(Files, each_reason_not_to_read_has_its_own_words) {
    const TestDirectory directory;
    const auto missing = read_file(directory.file("none"), 100);
    ASSERT_FALSE(missing.ok());
    EXPECT_EQ(missing.error().code, AIS_ERR_NOT_FOUND);
    EXPECT_NE(missing.error().text.find(directory.file("none")), std::string::npos);

    const auto is_directory = read_file(directory.path, 100);
    ASSERT_FALSE(is_directory.ok());
    EXPECT_NE(is_directory.error().text.find("is a directory"), std::string::npos);

    ASSERT_EQ(::mkfifo(directory.file("fifo").c_str(), 0600), 0);
    const auto fifo = read_file(directory.file("fifo"), 100);  // does not hang
    ASSERT_FALSE(fifo.ok());
    EXPECT_NE(fifo.error().text.find("not a regular file"), std::string::npos);

    ASSERT_TRUE(write_durably(directory.file("large"), as_bytes(std::string(101, 'x')), 0600).ok());
    const auto large = read_file(directory.file("large"), 100);
    ASSERT_FALSE(large.ok());
    EXPECT_NE(large.error().text.find("too large"), std::string::npos);
    EXPECT_TRUE(read_file(directory.file("large"), 101).ok());
}

TEST(Files, an_unreadable_file_is_an_error_and_not_missing) {
    const TestDirectory directory;
    ASSERT_TRUE(write_durably(directory.file("key"), as_bytes("x"), 0000).ok());
    // Root may read everything: be somebody else for a moment.
    const bool is_root = ::geteuid() == 0;
    ASSERT_EQ(::chmod(directory.path.c_str(), 0755), 0);
    ASSERT_TRUE(!is_root || ::seteuid(65534) == 0);
    const auto read = read_file(directory.file("key"), 100);
    ASSERT_TRUE(!is_root || ::seteuid(0) == 0);
    ASSERT_FALSE(read.ok());
    EXPECT_EQ(read.error().code, AIS_ERR_FAILED);
    EXPECT_NE(read.error().text.find("Permission denied"), std::string::npos);
}

TEST(Files, a_directory_is_made_once_and_a_file_in_its_place_is_an_error) {
    const TestDirectory directory;
    EXPECT_TRUE(ensure_directory(directory.file("run"), 0755).ok());
    EXPECT_TRUE(ensure_directory(directory.file("run"), 0755).ok());
    ASSERT_TRUE(write_durably(directory.file("file"), as_bytes("x"), 0600).ok());
    EXPECT_FALSE(ensure_directory(directory.file("file"), 0755).ok());
    EXPECT_FALSE(ensure_directory(directory.file("no/such"), 0755).ok());
    EXPECT_FALSE(write_durably(directory.file("no/such"), as_bytes("x"), 0600).ok());
}

TEST(Files, directories_are_made_with_their_parents_whatever_the_umask_is) {
    const TestDirectory directory;
    const mode_t before = ::umask(0077);
    const auto made = make_directories(directory.file("a/b/run"), 0755);
    ::umask(before);
    ASSERT_TRUE(made.ok());
    struct stat about {};
    ASSERT_EQ(::stat(directory.file("a/b/run").c_str(), &about), 0);
    EXPECT_EQ(about.st_mode & 0777U, 0755U);
    EXPECT_TRUE(is_directory(directory.file("a/b")));
    EXPECT_FALSE(is_directory(directory.file("c")));
}

TEST(Files, only_a_directory_of_our_own_is_given_away) {
    if (::geteuid() != 0) {
        GTEST_SKIP() << "only root gives files away";
    }
    const TestDirectory directory;
    constexpr uid_t nobody = 65534;
    ASSERT_TRUE(make_directories(directory.file("run"), 0755).ok());
    ASSERT_TRUE(write_durably(directory.file("run/ring_seq.1"), as_bytes("x"), 0644).ok());
    ASSERT_TRUE(give_directory_to(directory.file("run"), nobody, nobody).ok());
    struct stat about {};
    ASSERT_EQ(::stat(directory.file("run/ring_seq.1").c_str(), &about), 0);
    EXPECT_EQ(about.st_uid, nobody);

    ASSERT_TRUE(make_directories(directory.file("etc/ssl"), 0755).ok());
    EXPECT_FALSE(give_directory_to(directory.file("etc"), nobody, nobody).ok());
    ASSERT_TRUE(make_directories(directory.file("tmp"), 01777).ok());
    EXPECT_FALSE(give_directory_to(directory.file("tmp"), nobody, nobody).ok());
    ASSERT_EQ(::stat(directory.file("etc").c_str(), &about), 0);
    EXPECT_EQ(about.st_uid, 0U);
}

TEST(Files, a_path_stays_right_when_the_working_directory_changes) {
    EXPECT_EQ(absolute_path("/etc/ais"), "/etc/ais");
    EXPECT_EQ(absolute_path(""), "");
    const std::string path = absolute_path("run");
    EXPECT_TRUE(path.starts_with('/') && path.ends_with("/run")) << path;
    EXPECT_TRUE(is_directory(program_directory()));
}

TEST(Random, two_draws_differ) {
    std::array<std::uint8_t, 32> a{};
    std::array<std::uint8_t, 32> b{};
    ASSERT_TRUE(fill_random(a).ok());
    ASSERT_TRUE(fill_random(b).ok());
    EXPECT_NE(a, b);
}

TEST(Clock, the_monotonic_clock_goes_on_and_the_wall_clock_is_of_this_century) {
    const Instant before = monotonic_now();
    EXPECT_GE(monotonic_now(), before);
    EXPECT_GT(wall_clock_ns(), 1'600'000'000'000'000'000);
}

}  // namespace
}  // namespace ais::os
