// SPDX-License-Identifier: BSD-3-Clause

#include "os/privileges.hpp"

#include "os/folder_test.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

namespace ais::os {
namespace {

using testing::HasSubstr;

// Runs `body` in a process of its own and gives what it returns.
template <typename Body>
int in_child(const Body& body) {
    const pid_t child = ::fork();
    if (child == 0) {
        ::_exit(body());
    }
    int ended = 0;
    ::waitpid(child, &ended, 0);
    return WIFEXITED(ended) ? WEXITSTATUS(ended) : -1;
}

TEST(Privileges, an_ordinary_start_is_not_refused) {
    EXPECT_TRUE(refuse_set_id().ok());
}

TEST(Privileges, different_real_and_effective_users_are_refused) {
    if (!is_root()) {
        GTEST_SKIP() << "only root can change its user";
    }
    EXPECT_EQ(in_child([] { return ::setreuid(65534, 0) == 0 && !refuse_set_id() ? 0 : 1; }), 0);
    EXPECT_EQ(in_child([] { return ::setregid(65534, 0) == 0 && !refuse_set_id() ? 0 : 1; }), 0);
}

TEST(Privileges, an_unknown_user_or_group_is_named_with_the_remedy) {
    const auto user = find_account("no_such_user_x", "root");
    ASSERT_FALSE(user.ok());
    EXPECT_THAT(user.error().text, HasSubstr("useradd"));
    const auto group = find_account("root", "no_such_group_x");
    ASSERT_FALSE(group.ok());
    EXPECT_THAT(group.error().text, HasSubstr("no_such_group_x"));
}

TEST(Privileges, dropped_ones_cannot_be_had_back) {
    if (!is_root()) {
        GTEST_SKIP() << "only root has something to drop";
    }
    EXPECT_EQ(in_child([] {
                  const auto account = find_account("nobody", "nogroup");
                  if (!account || !become(*account)) {
                      return 1;
                  }
                  gid_t groups[32];
                  const int count = ::getgroups(32, groups);
                  if (count != 1 || groups[0] != account->gid || ::getuid() != account->uid ||
                      ::getegid() != account->gid) {
                      return 2;
                  }
                  return ::setuid(0) == 0 || ::access("/proc/1/environ", R_OK) == 0 ? 3 : 0;
              }),
              0);
}

TEST(Privileges, an_ordinary_user_cannot_become_another_one) {
    EXPECT_EQ(in_child([] {
                  const auto account = find_account("nobody", "nogroup");
                  if (!account || (is_root() && !become(*account))) {
                      return 1;
                  }
                  return become(Account{1, 1, "daemon", "daemon"}).ok() ? 2 : 0;
              }),
              0);
}

TEST(Resources, what_an_ordinary_user_does_not_get_is_one_line) {
    KeptLines log;
    EXPECT_EQ(in_child([&] {
                  const rlimit small{1U << 16, 1U << 16};
                  ::setrlimit(RLIMIT_MEMLOCK, &small);
                  if (is_root()) {
                      const auto account = find_account("nobody", "nogroup");
                      if (!account || !become(*account)) {
                          return 1;
                      }
                  }
                  Resources wish;
                  wish.round_robin = 1;
                  wish.descriptors = 0;
                  const auto missing = claim_resources(wish);
                  report_resources(missing, log);
                  return missing.size() == 2 && log.all.size() == 1 &&
                                 log.all[0].find("locked memory, real-time scheduling") !=
                                     std::string::npos
                             ? 0
                             : 2;
              }),
              0);
    report_resources({}, log);
    EXPECT_TRUE(log.all.empty());
}

}  // namespace
}  // namespace ais::os
