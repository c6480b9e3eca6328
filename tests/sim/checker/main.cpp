// SPDX-License-Identifier: BSD-3-Clause
//
// ais-check: do these traces have the properties of extended virtual synchrony?
//
// Exit status: 0 all hold, 1 one is violated, 2 a trace cannot be read.

#include "sim/checker/trace.hpp"

#include <fstream>
#include <iostream>
#include <string_view>
#include <vector>

namespace {

constexpr int status_violated = 1;
constexpr int status_unreadable = 2;

int usage(std::ostream& to, int status) {
    to << "usage: ais-check [--quiet] [--one-clock] [--no-faults] TRACE...\n"
          "  --quiet      the traces end after a time of rest: judge liveness, too\n"
          "  --one-clock  all processes have the same clock: judge times, too\n"
          "  --no-faults  nothing went wrong: no configuration may change\n"
          "See ais-check(1).\n";
    return status;
}

}  // namespace

int main(int argc, char** argv) {
    bool quiet = false;
    bool one_clock = false;
    bool no_faults = false;
    std::vector<std::string> files;
    for (int i = 1; i < argc; ++i) {
        const std::string_view word = argv[i];
        if (word == "--help") {
            return usage(std::cout, 0);
        }
        if (word == "--quiet") {
            quiet = true;
        } else if (word == "--one-clock") {
            one_clock = true;
        } else if (word == "--no-faults") {
            no_faults = true;
        } else if (word.starts_with("--")) {
            std::cerr << "ais-check: unknown option " << word << '\n';
            return usage(std::cerr, status_unreadable);
        } else {
            files.emplace_back(word);
        }
    }
    if (files.empty()) {
        return usage(std::cerr, status_unreadable);
    }

    ais::sim::TraceReader reader;
    for (const std::string& file : files) {
        std::ifstream from(file);
        if (!from) {
            std::cerr << "ais-check: " << file << ": cannot be opened\n";
            return status_unreadable;
        }
        if (const auto read = reader.read(from, file); !read) {
            std::cerr << "ais-check: " << read.error().text << '\n';
            return status_unreadable;
        }
    }
    ais::sim::History history = reader.take();
    history.is_quiet = quiet;
    history.has_one_clock = one_clock;
    history.had_faults = !no_faults;
    const auto found = ais::sim::check_all(history);
    for (const std::string& text : found.texts) {
        std::cout << text << '\n';
    }
    std::cout << history.lives().size() << " lives, " << history.rings() << " rings, "
              << history.messages() << " messages, " << history.deliveries() << " deliveries";
    if (reader.torn_lines() > 0) {
        std::cout << ", " << reader.torn_lines() << " torn lines";
    }
    std::cout << (found.texts.empty() ? ": all properties hold\n" : ": violated\n");
    return found.texts.empty() ? 0 : status_violated;
}
