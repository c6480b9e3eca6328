// SPDX-License-Identifier: BSD-3-Clause

#include "os/daemonize.hpp"

#include "os/folder_test.hpp"
#include "os/systemd_notify.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstring>

namespace ais::os {
namespace {

using testing::HasSubstr;

// The exit status of a "command" that detaches and then runs `in_background`.
template <typename Body>
int status_of_command(const Body& in_background) {
    const pid_t command = ::fork();
    if (command == 0) {
        auto readiness = Readiness::detach();  // the parent of this fork ends inside
        if (!readiness) {
            ::_exit(99);
        }
        in_background(*readiness);
        ::_exit(98);  // only the background process comes here: nobody sees it
    }
    int ended = 0;
    ::waitpid(command, &ended, 0);
    return WIFEXITED(ended) ? WEXITSTATUS(ended) : -1;
}

TEST(Detach, the_command_ends_with_0_when_the_executive_is_ready) {
    EXPECT_EQ(status_of_command([](Readiness& readiness) { readiness.ready(); }), 0);
}

TEST(Detach, the_command_ends_with_the_status_of_a_failed_start) {
    EXPECT_EQ(status_of_command([](Readiness& readiness) { readiness.failed(3); }), 3);
    EXPECT_EQ(status_of_command([](Readiness& readiness) { readiness.failed(0); }), 1);
}

TEST(Detach, a_silent_death_is_noticed) {
    EXPECT_EQ(status_of_command([](Readiness&) { ::_exit(7); }), 7);
    EXPECT_EQ(status_of_command([](Readiness&) { ::_exit(0); }), 1);
    EXPECT_EQ(status_of_command([](Readiness&) { ::kill(::getpid(), SIGKILL); }), 1);
}

TEST(Detach, the_background_process_has_its_own_session_and_no_terminal_after_ready) {
    const TestDirectory directory;
    const std::string path = directory.file("result");
    EXPECT_EQ(status_of_command([&](Readiness& readiness) {
                  const bool is_leader = ::getsid(0) == ::getpid();
                  readiness.ready();
                  char target[64] = {};
                  [[maybe_unused]] const auto got =
                      ::readlink("/proc/self/fd/2", target, sizeof target - 1);
                  std::ofstream(path + ".new") << (is_leader ? "leader " : "member ") << target;
                  std::rename((path + ".new").c_str(), path.c_str());
              }),
              0);
    for (int i = 0; i < 500 && !std::filesystem::exists(path); ++i) {
        ::usleep(10000);
    }
    EXPECT_EQ(content_of(path), "leader /dev/null");
}

TEST(PidFile, holds_our_pid_until_the_end) {
    const TestDirectory directory;
    const std::string path = directory.file("aisexec.pid");
    {
        auto file = PidFile::take(path);
        ASSERT_TRUE(file.ok());
        EXPECT_EQ(content_of(path), std::to_string(::getpid()) + "\n");
        const auto second = PidFile::take(path);
        ASSERT_FALSE(second.ok());
        EXPECT_THAT(second.error().text, HasSubstr("as process " + std::to_string(::getpid())));
    }
    EXPECT_FALSE(std::filesystem::exists(path));
}

TEST(PidFile, left_over_from_a_crash_is_taken) {
    const TestDirectory directory;
    const std::string path = directory.file("aisexec.pid");
    // Process 1 lives, but does not hold the lock.
    std::ofstream(path) << "1\nand some longer text of another time\n";
    auto file = PidFile::take(path);
    ASSERT_TRUE(file.ok());
    EXPECT_EQ(content_of(path), std::to_string(::getpid()) + "\n");
}

TEST(PidFile, in_a_missing_directory_is_an_error_with_its_path) {
    const auto file = PidFile::take("/no/such/directory/aisexec.pid");
    ASSERT_FALSE(file.ok());
    EXPECT_THAT(file.error().text, HasSubstr("/no/such/directory/aisexec.pid"));
}

TEST(SystemdNotify, sends_to_the_socket_that_the_manager_names) {
    const TestDirectory directory;
    const Descriptor manager(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    const std::string path = directory.file("notify");
    ASSERT_LT(path.size(), sizeof address.sun_path);
    std::memcpy(address.sun_path, path.c_str(), path.size());
    ASSERT_EQ(::bind(manager.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address),
              0);

    ::unsetenv("NOTIFY_SOCKET");
    EXPECT_FALSE(systemd_notify("READY=1"));
    ::setenv("NOTIFY_SOCKET", path.c_str(), 1);
    EXPECT_TRUE(systemd_notify("READY=1"));
    char text[32] = {};
    EXPECT_EQ(::recv(manager.get(), text, sizeof text, MSG_DONTWAIT), 7);
    EXPECT_STREQ(text, "READY=1");
    ::setenv("NOTIFY_SOCKET", directory.file("nobody").c_str(), 1);
    EXPECT_FALSE(systemd_notify("READY=1"));
    ::unsetenv("NOTIFY_SOCKET");
}

}  // namespace
}  // namespace ais::os
