// SPDX-License-Identifier: BSD-3-Clause
//
// One request to the executive's control socket and its answer
// (docs/protocol/control.md).  Threads: any, each with its own.

#pragma once

#include <nlohmann/json.hpp>

#include <stdexcept>
#include <string>

namespace ais::ctl {

using Json = nlohmann::ordered_json;

// Exit statuses, for scripts.
enum class Exit : int {
    ok = 0,
    failed = 1,       // the executive said no
    usage = 2,        // the command line
    unreachable = 3,  // no executive, or not ours to ask
    try_again = 4,    // not now
};

struct Failure : std::runtime_error {
    Failure(Exit exit, const std::string& text) : std::runtime_error(text), status(exit) {}
    Exit status;
};

class Connection {
  public:
    explicit Connection(std::string run_dir) : run_dir_(std::move(run_dir)) {}

    // What the executive answers; throws Failure.  Waits at most `timeout_s` seconds.
    [[nodiscard]] Json ask(const Json& request, int timeout_s = 10) const;

  private:
    std::string run_dir_;
};

}  // namespace ais::ctl
