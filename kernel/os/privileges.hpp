// SPDX-License-Identifier: BSD-3-Clause
//
// What the executive may do, and gives up.
//
// Started by root it opens what only root can open, claims memory and
// scheduling, and becomes the user and group `ais` for good.  Started by anybody
// else it works all the same; one line says what it has to do without.  As a
// setuid or setgid program it refuses to run: its environment would belong to
// somebody with fewer rights.
//
// Order at start: refuse_set_id, sockets and files, claim_resources, become.

#pragma once

#include "base/log.hpp"

#include <ais/result.hpp>

#include <cstdint>
#include <string>
#include <vector>

namespace ais::os {

Result<void> refuse_set_id();

[[nodiscard]] bool is_root();

struct Account {
    std::uint32_t uid = 0;
    std::uint32_t gid = 0;
    std::string user;
    std::string group;
};
// The error says how to create what is missing.
Result<Account> find_account(const std::string& user, const std::string& group);

// Requires: is_root().  Ensures: user, group and supplementary groups are the
// account's, no capability is left, and there is no way back (tried).
// By name or by number, as `uidgid` has them.
Result<std::uint32_t> find_user_id(const std::string& name_or_number);
Result<std::uint32_t> find_group_id(const std::string& name_or_number);

Result<void> become(const Account& account);

struct Resources {
    bool lock_memory = true;
    int round_robin = 0;  // SCHED_RR priority; 0: ordinary scheduling
    std::uint64_t descriptors = 16384;
};
// Takes what it can get and gives the names of what it could not.
std::vector<std::string> claim_resources(const Resources& wish);
// Logs OS-005 if something is missing.
void report_resources(const std::vector<std::string>& missing, Log& log);

}  // namespace ais::os
