// SPDX-License-Identifier: BSD-3-Clause

#include "cluster.hpp"

#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <regex>
#include <sstream>
#include <stdexcept>
#include <thread>

namespace ais::process {
namespace {

std::string read_file(const std::string& path) {
    std::ifstream in(path);
    std::ostringstream text;
    text << in.rdbuf();
    return text.str();
}

void write_file(const std::string& path, const std::string& text) {
    std::ofstream out(path);
    out << text;
    if (!out.flush()) {
        throw std::runtime_error("cannot write " + path);
    }
}

// Runs in the forked child.
[[noreturn]] void become_executive(const std::string& dir, const std::string& build, int node) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    const std::string home = dir + "/node" + std::to_string(node);
    setenv("OPENAIS_RUN_DIR", (home + "/run").c_str(), 1);
    setenv("OPENAIS_MAIN_CONFIG_FILE", (home + "/openais.conf").c_str(), 1);
    setenv("OPENAIS_TOTEM_AUTHKEY_FILE", (dir + "/authkey").c_str(), 1);
    const int log = open((home + "/log").c_str(), O_WRONLY | O_CREAT | O_APPEND, 0644);
    const int null = open("/dev/null", O_RDONLY);
    dup2(null, 0);
    dup2(log, 1);
    dup2(log, 2);
    const std::string program = build + "/bin/aisexec-kernel";
    const std::string plugins = build + "/plugins";
    const std::string state = home + "/state";
    execl(program.c_str(),
          program.c_str(),
          "--foreground",
          "--plugin-dir",
          plugins.c_str(),
          "--state-dir",
          state.c_str(),
          static_cast<char*>(nullptr));
    _exit(127);
}

}  // namespace

bool wait_until(const std::function<bool()>& condition, std::chrono::milliseconds timeout) {
    const auto end = std::chrono::steady_clock::now() + timeout;
    while (!condition()) {
        if (std::chrono::steady_clock::now() > end) {
            return false;
        }
        std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }
    return true;
}

Cluster::Cluster(int nodes, std::string totem, std::string sections)
    : pids_(static_cast<std::size_t>(nodes), -1) {
    if (totem.empty()) {
        // Why: a machine that builds or tests beside us stops whole nodes for a while, and that is
        // not a fault here.
        totem = "detection_time: wan\n    join: 20\n    consensus: 240";
    }
    const char* build = std::getenv("AIS_BUILD_DIR");
    if (build == nullptr) {
        throw std::runtime_error("AIS_BUILD_DIR is not set: run the test by ctest");
    }
    build_ = build;
    char name[] = "/tmp/ais-test-XXXXXX";
    if (mkdtemp(name) == nullptr) {
        throw std::runtime_error("cannot make a folder in /tmp");
    }
    dir_ = name;
    // Why 0755: executives that drop their privileges, and clients of other users, pass through it.
    std::filesystem::permissions(dir_, std::filesystem::perms(0755));
    if (std::system((build_ + "/bin/ais-keygen -k " + dir_ + "/authkey >/dev/null").c_str()) != 0) {
        throw std::runtime_error("ais-keygen failed");
    }
    // Why by process id: tests of one machine run side by side.
    const int port = 20000 + 2 * (static_cast<int>(getpid()) % 10000) + 1;
    std::string nodelist = "nodelist {\n";
    for (int i = 1; i <= nodes; ++i) {
        const std::string n = std::to_string(i);
        nodelist +=
            "    node {\n        ring0_addr: 127.0.0." + n + "\n        nodeid: " + n + "\n    }\n";
    }
    nodelist += "}\n";
    for (int i = 1; i <= nodes; ++i) {
        const std::string n = std::to_string(i);
        const std::string home = dir_ + "/node" + n;
        std::filesystem::create_directories(home + "/run");
        std::filesystem::create_directories(home + "/state");
        std::ostringstream text;
        text << "totem {\n    version: 2\n    secauth: on\n    transport: udpu\n    nodeid: " << n
             << "\n    " << totem
             << "\n    interface {\n        ringnumber: 0\n        bindnetaddr: 127.0.0." << n
             << "\n        mcastport: " << port << "\n    }\n}\n"
             << nodelist << "logging {\n    to_stderr: yes\n    timestamp: on\n}\n";
        // Nodes of one machine share its processors with the test.
        text << "aisexec {\n    realtime: no\n"
             << (geteuid() == 0 ? "    user: root\n    group: root\n" : "") << "}\n";
        text << sections;
        write_file(home + "/openais.conf", text.str());
    }
}

Cluster::~Cluster() {
    for (int i = 1; i <= size(); ++i) {
        if (pid(i) > 0) {
            kill(i);
        }
    }
    if (std::getenv("AIS_KEEP") == nullptr) {
        std::error_code ignored;
        std::filesystem::remove_all(dir_, ignored);
    }
}

void Cluster::start_all() {
    std::set<int> all;
    for (int i = 1; i <= size(); ++i) {
        start(i);
        all.insert(i);
    }
    wait_ring(all);
}

void Cluster::start(int node) {
    const pid_t child = fork();
    if (child == 0) {
        become_executive(dir_, build_, node);
    }
    pid(node) = child;
}

void Cluster::kill(int node) {
    ::kill(pid(node), SIGKILL);
    waitpid(pid(node), nullptr, 0);
    pid(node) = -1;
}

int Cluster::stop(int node) {
    ::kill(pid(node), SIGTERM);
    int status = -1;
    const bool ended =
        wait_until([&] { return waitpid(pid(node), &status, WNOHANG) == pid(node); });
    if (!ended) {
        throw std::runtime_error("node " + std::to_string(node) + " did not end on SIGTERM:\n" +
                                 log(node));
    }
    pid(node) = -1;
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

void Cluster::restart(int node) {
    if (pid(node) > 0) {
        kill(node);
    }
    start(node);
}

void Cluster::signal(int node, int number) {
    ::kill(pid(node), number);
}
void Cluster::pause(int node) {
    signal(node, SIGSTOP);
}
void Cluster::resume(int node) {
    signal(node, SIGCONT);
}

void Cluster::wait_ring(const std::set<int>& nodes) {
    const bool formed = wait_until(
        [&] {
            for (const int node : nodes) {
                if (members(node) != nodes) {
                    return false;
                }
            }
            return true;
        },
        std::chrono::seconds(20));
    if (!formed) {
        std::string logs;
        for (const int node : nodes) {
            logs += "--- node " + std::to_string(node) + "\n" + log(node);
        }
        throw std::runtime_error("the ring did not form\n" + logs);
    }
}

std::string Cluster::run_dir(int node) const {
    return dir_ + "/node" + std::to_string(node) + "/run";
}

std::string Cluster::log(int node) const {
    return read_file(dir_ + "/node" + std::to_string(node) + "/log");
}

void Cluster::use(int node) const {
    setenv("OPENAIS_RUN_DIR", run_dir(node).c_str(), 1);
}

std::set<int> Cluster::members(int node) const {
    static const std::regex formed("formed: \\d+ processors?: (.*?); joined");
    const std::string text = log(node);
    std::smatch last;
    for (auto at = std::sregex_iterator(text.begin(), text.end(), formed);
         at != std::sregex_iterator();
         ++at) {
        last = *at;
    }
    std::set<int> found;
    if (!last.empty()) {
        static const std::regex number("(?:^|, )(\\d+)");
        const std::string list = last[1];
        for (auto at = std::sregex_iterator(list.begin(), list.end(), number);
             at != std::sregex_iterator();
             ++at) {
            found.insert(std::stoi((*at)[1]));
        }
    }
    return found;
}

}  // namespace ais::process
