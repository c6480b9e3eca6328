// SPDX-License-Identifier: BSD-3-Clause
//
// ais-sim: one seed, or many.
//
//     ais-sim --seed S [--nodes N] [--minutes M] [--trace]
//     ais-sim --from S --seeds COUNT [--nodes N] [--minutes M]
//
// Exit status 0 only if every property held in every run.  The last line
// gives runs, failures and the seeds that failed.

#include "sim/story.hpp"

#include <charconv>
#include <cstdlib>
#include <iostream>
#include <string_view>

namespace {

using namespace ais;

class StderrLog final : public Log {
  public:
    void write(Level, std::string_view, std::string_view id, std::string_view text) override {
        std::cout << "    " << id << ' ' << text << '\n';
    }
    [[nodiscard]] bool wants(Level, std::string_view) const override { return true; }
};

[[noreturn]] void usage() {
    std::cerr << "usage: ais-sim --seed S | --from S --seeds COUNT  [--nodes N] [--minutes M] "
                 "[--trace]\n";
    std::exit(2);
}

double number(std::string_view text) {
    if (text.starts_with("0x")) {
        std::uint64_t value = 0;
        const auto [end, error] =
            std::from_chars(text.data() + 2, text.data() + text.size(), value, 16);
        if (error != std::errc() || end != text.data() + text.size()) {
            usage();
        }
        return static_cast<double>(value);
    }
    double value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc() || end != text.data() + text.size() || value < 0) {
        usage();
    }
    return value;
}

}  // namespace

int main(int argc, char** argv) {
    std::uint64_t from = 1;
    std::uint64_t count = 1;
    bool one = true;
    sim::Story story;
    StderrLog log;
    for (int i = 1; i < argc; ++i) {
        const std::string_view option = argv[i];
        if (option == "--trace") {
            story.trace = true;
            story.log = &log;
            continue;
        }
        if (i + 1 == argc) {
            usage();
        }
        const double value = number(argv[++i]);
        if (option == "--seed" || option == "--from") {
            from = static_cast<std::uint64_t>(value);
        } else if (option == "--seeds") {
            count = static_cast<std::uint64_t>(value);
            one = false;
        } else if (option == "--nodes") {
            story.nodes = static_cast<std::size_t>(value);
            if (story.nodes > totem::Members::capacity) {
                usage();
            }
        } else if (option == "--minutes") {
            story.length = ais::Duration(static_cast<std::int64_t>(value * 60e9));
        } else {
            usage();
        }
    }

    std::string failed;
    std::uint64_t failures = 0;
    for (std::uint64_t seed = from; seed < from + count; ++seed) {
        story.seed = seed;
        const sim::Outcome outcome = sim::tell(story);
        if (one || !outcome.violations.texts.empty()) {
            std::cout << "seed " << seed << ": " << outcome.about << '\n';
        }
        for (const std::string& text : outcome.violations.texts) {
            std::cout << "    " << text << '\n';
        }
        if (!outcome.violations.texts.empty()) {
            ++failures;
            failed += ' ';
            failed += std::to_string(seed);
        }
        if (!one && (seed - from + 1) % 100 == 0) {
            std::cout << seed - from + 1 << " runs, " << failures << " failures so far"
                      << std::endl;
        }
    }
    std::cout << "runs " << count << ", failures " << failures << (failed.empty() ? "" : ", seeds")
              << failed << std::endl;
    return failures == 0 ? 0 : 1;
}
