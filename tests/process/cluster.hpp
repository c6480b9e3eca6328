// SPDX-License-Identifier: BSD-3-Clause
//
// A cluster of real executives for GoogleTest programs: N processes of the
// freshly built aisexec-kernel on 127.0.0.1..N, each with its own run and
// state folder below one temporary folder.  The destructor leaves no process
// and no file behind; children die with the test program, too.
//
// The executables are found by AIS_BUILD_DIR (set by CMake for every test).
// tools/aiscluster.py is the same for scripts.  Throws std::runtime_error with
// the ends of the logs when a wait is in vain.

#pragma once

#include <sys/types.h>

#include <chrono>
#include <functional>
#include <set>
#include <string>
#include <vector>

namespace ais::process {

// Polls until condition() holds; false after `timeout`.
bool wait_until(const std::function<bool()>& condition,
                std::chrono::milliseconds timeout = std::chrono::seconds(10));

class Cluster {
  public:
    // `totem` is put into the totem section, `sections` at the end of each
    // configuration file.
    explicit Cluster(int nodes, std::string totem = "", std::string sections = "");
    ~Cluster();
    Cluster(const Cluster&) = delete;
    Cluster& operator=(const Cluster&) = delete;

    // Nodes count from 1.
    void start_all();  // and wait for the ring of all
    void start(int node);
    void kill(int node);     // SIGKILL, and reaped
    int stop(int node);      // SIGTERM; exit status
    void restart(int node);  // kill if it runs, start
    void signal(int node, int number);
    void pause(int node);
    void resume(int node);

    // All of these nodes have logged a ring of exactly these nodes last.
    void wait_ring(const std::set<int>& nodes);

    [[nodiscard]] std::string run_dir(int node) const;
    [[nodiscard]] std::string log(int node) const;
    [[nodiscard]] int size() const { return static_cast<int>(pids_.size()); }

    // Makes the client libraries of this process talk to that node: sets
    // OPENAIS_RUN_DIR.
    void use(int node) const;

  private:
    [[nodiscard]] std::set<int> members(int node) const;
    pid_t& pid(int node) { return pids_.at(static_cast<std::size_t>(node - 1)); }

    std::string dir_;
    std::string build_;
    std::vector<pid_t> pids_;
};

}  // namespace ais::process
