// SPDX-License-Identifier: BSD-3-Clause

#include "os/privileges.hpp"

#include <grp.h>
#include <pwd.h>
#include <sched.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <optional>

namespace ais::os {
namespace {

Error because(const std::string& what) {
    return failed(what + ": " + std::strerror(errno));
}

std::optional<std::uint32_t> as_number(const std::string& text) {
    std::uint32_t value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (text.empty() || error != std::errc() || end != text.data() + text.size()) {
        return std::nullopt;
    }
    return value;
}

bool raise_limit(__rlimit_resource resource, rlim_t wish) {
    rlimit now{};
    ::getrlimit(resource, &now);
    if (now.rlim_cur >= wish) {
        return true;
    }
    const rlimit more{wish, std::max(now.rlim_max, wish)};
    if (::setrlimit(resource, &more) == 0) {
        return true;
    }
    const rlimit most{std::min(now.rlim_max, wish), now.rlim_max};
    ::setrlimit(resource, &most);
    return false;
}

}  // namespace

Result<void> refuse_set_id() {
    if (::getauxval(AT_SECURE) != 0 || ::getuid() != ::geteuid() || ::getgid() != ::getegid()) {
        return {Error{AIS_ERR_DENIED,
                      "the executive must not be setuid or setgid (nor have file capabilities): "
                      "remove these bits from the program file and start it as root or as an "
                      "ordinary user"}};
    }
    return {};
}

bool is_root() {
    return ::geteuid() == 0;
}

Result<std::uint32_t> find_user_id(const std::string& name_or_number) {
    if (const auto number = as_number(name_or_number)) {
        return *number;
    }
    std::vector<char> room(16384);
    passwd entry{};
    passwd* found = nullptr;
    ::getpwnam_r(name_or_number.c_str(), &entry, room.data(), room.size(), &found);
    if (found == nullptr) {
        return not_found("there is no user '" + name_or_number + "'");
    }
    return std::uint32_t{entry.pw_uid};
}

Result<std::uint32_t> find_group_id(const std::string& name_or_number) {
    if (const auto number = as_number(name_or_number)) {
        return *number;
    }
    std::vector<char> room(16384);
    ::group entry{};
    ::group* found = nullptr;
    ::getgrnam_r(name_or_number.c_str(), &entry, room.data(), room.size(), &found);
    if (found == nullptr) {
        return not_found("there is no group '" + name_or_number + "'");
    }
    return std::uint32_t{entry.gr_gid};
}

Result<Account> find_account(const std::string& user, const std::string& group) {
    auto uid = find_user_id(user);
    if (!uid) {
        return not_found(uid.error().text +
                         " (aisexec.user): create it with 'useradd --system --user-group " + user +
                         "', or name another one");
    }
    auto gid = find_group_id(group);
    if (!gid) {
        return not_found(gid.error().text + " (aisexec.group): create it with 'groupadd --system " +
                         group + "', or name another one");
    }
    return Account{*uid, *gid, user, group};
}

Result<void> become(const Account& account) {
    const gid_t groups[] = {account.gid};
    if (::setgroups(1, groups) != 0 || ::setresgid(account.gid, account.gid, account.gid) != 0) {
        return because("cannot become group " + account.group);
    }
    ::prctl(PR_SET_KEEPCAPS, 0, 0, 0, 0);
    ::prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
    if (::setresuid(account.uid, account.uid, account.uid) != 0) {
        return because("cannot become user " + account.user);
    }
    if (account.uid != 0 && (::setuid(0) == 0 || ::seteuid(0) == 0 || ::geteuid() == 0)) {
        return failed("became user " + account.user +
                      ", but could become root again: not going on");
    }
    return {};
}

std::vector<std::string> claim_resources(const Resources& wish) {
    std::vector<std::string> missing;
    if (wish.descriptors != 0 && !raise_limit(RLIMIT_NOFILE, wish.descriptors)) {
        rlimit got{};
        ::getrlimit(RLIMIT_NOFILE, &got);
        missing.push_back(std::to_string(wish.descriptors) + " open files (only " +
                          std::to_string(got.rlim_cur) + ")");
    }
    if (wish.lock_memory) {
        // Why only without a limit: with one, mlockall succeeds today and a
        // client's mapping fails tomorrow.
        const bool is_unlimited = raise_limit(RLIMIT_MEMLOCK, RLIM_INFINITY);
        // ONFAULT: keep what is used, do not fetch what never is.
        if (!is_unlimited || ::mlockall(MCL_CURRENT | MCL_FUTURE | MCL_ONFAULT) != 0) {
            missing.emplace_back("locked memory");
        }
    }
    if (wish.round_robin > 0) {
        sched_param param{};
        param.sched_priority = wish.round_robin;
        // Children (components that amf starts) must not inherit it.
        if (::sched_setscheduler(0, SCHED_RR | SCHED_RESET_ON_FORK, &param) != 0) {
            missing.emplace_back("real-time scheduling");
        }
    }
    return missing;
}

void report_resources(const std::vector<std::string>& missing, Log& log) {
    if (missing.empty()) {
        return;
    }
    std::string text;
    for (const std::string& one : missing) {
        text += (text.empty() ? "" : ", ") + one;
    }
    AIS_LOG(log,
            notice,
            "os",
            "OS-005",
            "running as user ",
            ::getuid(),
            ", without: ",
            text,
            "; everything works, but a busy machine can delay this node");
}

}  // namespace ais::os
