// SPDX-License-Identifier: BSD-3-Clause
//
// ais-mutation: is this bug found?
//
//     ais-mutation NAME     put the bug back; exit status 0 if it is found in time
//     ais-mutation --clean  the same seeds without a bug; 0 if nothing is found
//     ais-mutation --all    one line for each bug
//
// A bug may break an assertion of the engine or keep it busy without end: that
// is found, too, so runs are made in a child process.

#include "mutation/cases.hpp"

#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstring>
#include <iostream>
#include <map>
#include <string>

namespace {

using namespace ais::mutation_test;

// Seconds of CPU for all seeds of one bug.
constexpr unsigned patience = 60;

// Runs seeds until something is found; true if so.
bool find(const Case& what) {
    for (std::uint64_t seed = 1; seed <= what.seeds; ++seed) {
        const auto found = what.workload(seed);
        if (!found.texts.empty()) {
            std::cout << name_of(what.mutation) << ": seed " << seed << ": " << found.texts[0]
                      << std::endl;
            return true;
        }
    }
    return false;
}

bool is_found(const Case& what) {
    const pid_t child = fork();
    if (child == 0) {
        // An assertion prints its reason; no core is wanted.
        const rlimit none{0, 0};
        setrlimit(RLIMIT_CORE, &none);
        const rlimit cpu{patience, patience};
        setrlimit(RLIMIT_CPU, &cpu);
        ais::mutation = what.mutation;
        const bool found = find(what);
        std::cout.flush();
        _exit(found ? 0 : 1);
    }
    int status = 0;
    while (child > 0 && waitpid(child, &status, 0) < 0 && errno == EINTR) {
    }
    if (child < 0 || (WIFEXITED(status) && WEXITSTATUS(status) > 1)) {
        std::cout << name_of(what.mutation) << ": could not be run\n";
        return false;
    }
    if (WIFSIGNALED(status)) {
        const int signal = WTERMSIG(status);
        std::cout << name_of(what.mutation) << ": "
                  << (signal == SIGABRT ? "an assertion" : strsignal(signal)) << std::endl;
        return true;
    }
    if (WEXITSTATUS(status) == 1) {
        std::cout << name_of(what.mutation) << ": NOT FOUND in " << what.seeds << " seeds"
                  << std::endl;
    }
    return WEXITSTATUS(status) == 0;
}

// Every workload with the most seeds that a bug gets.
bool is_clean() {
    std::map<Workload, std::uint64_t> most;
    for (const Case& each : cases()) {
        most[each.workload] = std::max(most[each.workload], each.seeds);
    }
    std::uint64_t runs = 0;
    for (const auto& [workload, seeds] : most) {
        if (find({ais::Mutation::none, workload, seeds})) {
            return false;
        }
        runs += seeds;
    }
    std::cout << runs << " runs without a bug: nothing found\n";
    return true;
}

}  // namespace

int main(int argc, char** argv) {
    const std::string wanted = argc == 2 ? argv[1] : "";
    if (wanted == "--clean") {
        return is_clean() ? 0 : 1;
    }
    bool all_found = true;
    std::size_t run = 0;
    for (const Case& each : cases()) {
        if (wanted == "--all" || wanted == name_of(each.mutation)) {
            all_found = is_found(each) && all_found;
            ++run;
        }
    }
    if (run == 0) {
        std::cerr << "usage: ais-mutation NAME | --clean | --all\n";
        return 2;
    }
    return all_found ? 0 : 1;
}
