// SPDX-License-Identifier: BSD-3-Clause

#include "sim/options.hpp"

#include "sim/plan.hpp"
#include "totem/members.hpp"

#include <charconv>
#include <set>
#include <string_view>

namespace ais::sim {

const char* const usage =
    R"(usage: ais-sim --seed S [options]               one run
       ais-sim --from S --seeds COUNT [options]  many; the last line names the seeds that failed
       ais-sim --replay FILE [options]           again, with the faults that --save has written
       ais-sim --stories FILE [options]          the seeds of a list, with their stories
       ais-sim --list                            workloads and kinds of faults
options:
  --nodes N            instead of the number that the seed chooses
  --minutes M          simulated minutes until the faults end (0.25)
  --links N            networks, 1 to 4, instead of the number that the seed chooses
  --seal KIND          plain, quick (the real session without cryptography) or sodium
  --workload NAME      instead of the one that the seed chooses
  --plugin FILE.so     a plugin of yours, with or without a workload; may be repeated
  --faults KIND,…      only these kinds of faults; `none`: no faults
  --trace              each transition is a line (docs/TESTING.md has the legend)
  --save FILE          write the list of faults, for --replay
  --shrink             leave out faults while the run fails; print (and save) what is left
  --coverage           which states of the protocol have seen which events
  --complete           the same, and fail if a possible one is missing
  --help, --version
Exit status: 0 all properties held in all runs, 1 some did not, 2 the command line is wrong.
)";

namespace {

template <typename Number>
bool parse(std::string_view text, Number& number) {
    const bool is_hex = text.starts_with("0x");
    const char* const begin = text.data() + (is_hex ? 2 : 0);
    const auto [end, error] =
        std::from_chars(begin, text.data() + text.size(), number, is_hex ? 16 : 10);
    return error == std::errc() && end == text.data() + text.size();
}

Error wrong(std::string_view option, std::string_view value, std::string_view right) {
    return invalid(std::string(option) + ' ' + std::string(value) + ": must be " +
                   std::string(right));
}

Result<void> parse_faults(std::string_view value, Options& options) {
    if (value == "none") {
        options.without_faults = true;
        return {};
    }
    for (std::size_t begin = 0; begin <= value.size();) {
        const std::size_t end = std::min(value.find(',', begin), value.size());
        const std::string name(value.substr(begin, end - begin));
        if (find_nemesis(name) == nullptr) {
            return wrong("--faults", name, "kinds that --list shows, with commas between, or none");
        }
        options.faults.push_back(name);
        begin = end + 1;
    }
    return {};
}

Result<void> parse_value(std::string_view option, const std::string& value, Options& options) {
    using Mode = Options::Mode;
    if (option == "--seed" || option == "--from") {
        options.mode = option == "--seed" ? Mode::one : Mode::many;
        if (!parse(value, options.from)) {
            return wrong(option, value, "a number of 64 bits, decimal or 0x…");
        }
    } else if (option == "--seeds") {
        options.mode = Mode::many;
        if (!parse(value, options.count) || options.count == 0) {
            return wrong(option, value, "how many seeds to run, at least 1");
        }
    } else if (option == "--nodes") {
        if (!parse(value, options.nodes) || options.nodes == 0 ||
            options.nodes > totem::Members::capacity) {
            return wrong(option, value, "1 to " + std::to_string(totem::Members::capacity));
        }
    } else if (option == "--links") {
        if (!parse(value, options.links) || options.links == 0 || options.links > links_max) {
            return wrong(option, value, "1 to " + std::to_string(links_max));
        }
    } else if (option == "--seal") {
        SealKind kind{};
        options.seal = value;
        if (!from_text(value, kind)) {
            return wrong(option, value, "plain, quick or sodium");
        }
    } else if (option == "--minutes") {
        double minutes = 0;
        const auto [end, error] =
            std::from_chars(value.data(), value.data() + value.size(), minutes);
        if (error != std::errc() || end != value.data() + value.size() || !(minutes > 0) ||
            minutes > 1e5) {
            return wrong(option, value, "simulated minutes, 0.25 or 60");
        }
        options.length = Duration(static_cast<std::int64_t>(minutes * 60e9));
    } else if (option == "--workload") {
        options.workload = value;
    } else if (option == "--plugin") {
        options.plugins.push_back(value);
    } else if (option == "--faults") {
        return parse_faults(value, options);
    } else if (option == "--replay" || option == "--stories") {
        options.mode = option == "--replay" ? Mode::replay : Mode::stories;
        options.file = value;
    } else {
        options.save = value;
    }
    return {};
}

}  // namespace

Result<Options> parse_options(std::span<const char* const> arguments) {
    using Mode = Options::Mode;
    static const std::set<std::string_view> with_value = {"--seed",
                                                          "--from",
                                                          "--seeds",
                                                          "--nodes",
                                                          "--minutes",
                                                          "--links",
                                                          "--seal",
                                                          "--workload",
                                                          "--plugin",
                                                          "--faults",
                                                          "--replay",
                                                          "--stories",
                                                          "--save"};
    Options options;
    std::set<std::string_view> modes;
    for (std::size_t i = 0; i < arguments.size(); ++i) {
        const std::string_view option = arguments[i];
        if (option == "--trace") {
            options.trace = true;
        } else if (option == "--shrink") {
            options.shrink = true;
        } else if (option == "--coverage") {
            options.coverage = true;
        } else if (option == "--complete") {
            options.coverage = options.complete = true;
        } else if (option == "--list") {
            options.mode = Mode::list;
        } else if (option == "--help" || option == "-h") {
            options.mode = Mode::help;
            return options;
        } else if (option == "--version") {
            options.mode = Mode::version;
            return options;
        } else if (!with_value.contains(option)) {
            return invalid(std::string(option) + " is no option; ais-sim --help shows them");
        } else if (i + 1 == arguments.size()) {
            return invalid(std::string(option) + " needs a value; ais-sim --help shows which");
        } else if (auto parsed = parse_value(option, arguments[++i], options); !parsed) {
            return parsed.error();
        }
        if (option == "--seed" || option == "--replay" || option == "--stories") {
            modes.insert(option);
        } else if (option == "--from" || option == "--seeds") {
            modes.insert("--from --seeds");
        }
    }
    if (modes.size() > 1) {
        return invalid(std::string(*modes.begin()) + " and " + std::string(*modes.rbegin()) +
                       " exclude each other");
    }
    if (options.mode == Mode::replay &&
        (options.nodes != 0 || options.links != 0 || !options.seal.empty() ||
         !options.workload.empty() || !options.faults.empty())) {
        return invalid(
            "--replay takes nodes, links, seal, workload and faults from its file; edit that");
    }
    if ((options.shrink || !options.save.empty()) && options.mode != Mode::one &&
        options.mode != Mode::replay) {
        return invalid("--shrink and --save are for one run: give its --seed, or --replay");
    }
    return options;
}

}  // namespace ais::sim
