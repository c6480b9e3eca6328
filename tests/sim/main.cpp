// SPDX-License-Identifier: BSD-3-Clause
//
// ais-sim: runs of the simulated cluster, from seeds or saved lists of faults.
//
// The only file of the simulator that reads files and loads shared objects.

#include "plugin/loader.hpp"
#include "plugin/manifest.hpp"
#include "sim/catalogue.hpp"
#include "sim/options.hpp"
#include "sim/story.hpp"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <sstream>

namespace {

using namespace ais;
using sim::Options;

// Violations of one run that are printed; the first ones say most.
constexpr std::size_t texts_max = 10;
constexpr std::uint64_t runs_between_reports = 100;
constexpr std::size_t shrink_runs_max = 500;

// What is linked, and what came by --plugin.
struct Catalogue {
    std::vector<const ais_plugin*> plugins;
    std::vector<const sim::WorkloadTable*> workloads;
};

Result<void> add_file(const std::string& file, plugin::Loader& loader, Catalogue& to) {
    std::error_code failed;
    const auto path = std::filesystem::absolute(file, failed);
    auto mapped = loader.map(path.string());
    if (!mapped) {
        return mapped.error();
    }
    auto manifest = plugin::read_manifest(**mapped);
    if (!manifest) {
        return Error{manifest.error().code, file + ": " + manifest.error().text};
    }
    std::erase_if(to.plugins, [&](const ais_plugin* old) { return old->name == manifest->name; });
    to.plugins.push_back(*mapped);
    const auto* table = static_cast<const sim::WorkloadTable*>(
        plugin::offered_table(plugin::copy_plugin(**mapped), AIS_WORKLOAD_INTERFACE));
    if (table == nullptr) {
        return {};
    }
    if (table->version != sim::simulation_version || table->struct_size != sizeof *table) {
        return invalid(file +
                       ": its workload was built with another version of "
                       "ais/testing/simulation.hpp: build it with the SDK of this ais-sim");
    }
    std::erase_if(to.workloads,
                  [&](const auto* old) { return std::string_view(old->name) == table->name; });
    to.workloads.push_back(table);
    return {};
}

Result<std::string> read_file(const std::string& name) {
    std::ifstream from(name);
    if (!from) {
        return invalid(name + " cannot be read");
    }
    std::ostringstream text;
    text << from.rdbuf();
    return text.str();
}

void list(const Catalogue& catalogue) {
    std::cout << "workloads:\n";
    for (const auto* workload : catalogue.workloads) {
        std::cout << "  " << workload->name << ": " << workload->about << '\n';
    }
    std::cout << "kinds of faults (numbers in a saved list):\n";
    for (const sim::Nemesis* kind : sim::nemeses()) {
        std::cout << "  " << kind->name << ": " << kind->about << '\n';
    }
}

class Runner {
  public:
    Runner(const Options& options, const Catalogue& catalogue)
        : options_(options), catalogue_(catalogue) {
        watching_.trace = options.trace ? &std::cout : nullptr;
        watching_.coverage = options.coverage ? &coverage_ : nullptr;
        watching_.progress = [this](Duration done) {
            if (options_.length > std::chrono::minutes(2)) {
                std::cerr << "simulated " << done / std::chrono::minutes(1) << " of "
                          << options_.length / std::chrono::minutes(1) << " minutes" << std::endl;
            }
        };
    }

    [[nodiscard]] sim::Plan plan_of(std::uint64_t seed) const {
        sim::Wishes wishes;
        wishes.seed = seed;
        wishes.nodes = options_.nodes;
        wishes.links = options_.links;
        wishes.seal = options_.seal;
        wishes.length = options_.length;
        wishes.workload = options_.workload;
        wishes.faults = options_.faults;
        wishes.without_faults = options_.without_faults;
        return sim::make_plan(wishes, catalogue_.workloads);
    }

    // True: all held.
    bool run(const sim::Plan& plan, bool is_only_one) {
        const sim::Outcome outcome = sim::run(plan, catalogue_.plugins, watching_);
        const auto& texts = outcome.violations.texts;
        ++runs_;
        simulated_ += outcome.simulated;
        if (is_only_one || !texts.empty()) {
            std::cout << "seed " << plan.seed << ": " << outcome.about << '\n';
        }
        for (std::size_t i = 0; i < std::min(texts.size(), texts_max); ++i) {
            std::cout << "    " << texts[i] << '\n';
        }
        if (texts.size() > texts_max) {
            std::cout << "    and " << texts.size() - texts_max << " more\n";
        }
        if (!texts.empty()) {
            failed_ += ' ' + std::to_string(plan.seed);
            ++failures_;
        }
        return texts.empty();
    }

    Result<void> run_one(sim::Plan plan) {
        if (!run(plan, true) && options_.shrink) {
            const std::size_t before = plan.faults.size();
            plan = sim::shrink(plan, catalogue_.plugins, shrink_runs_max, [](const auto& text) {
                std::cerr << text << std::endl;
            });
            std::cout << "of " << before << " faults these are needed:\n" << sim::save_plan(plan);
        }
        if (!options_.save.empty()) {
            std::ofstream to(options_.save);
            to << sim::save_plan(plan);
            if (!to.flush()) {
                return invalid(options_.save + " cannot be written");
            }
        }
        return {};
    }

    void run_many() {
        for (std::uint64_t i = 0; i < options_.count; ++i) {
            run(plan_of(options_.from + i), false);
            if (runs_ % runs_between_reports == 0) {
                std::cout << runs_ << " runs, " << failures_ << " failures so far" << std::endl;
            }
        }
    }

    // Lines are: SEED DATE LIST-OF-FAULTS-or-dash STORY.
    Result<void> run_stories() {
        auto text = read_file(options_.file);
        if (!text) {
            return text.error();
        }
        std::istringstream lines(*text);
        std::size_t number = 0;
        for (std::string line; std::getline(lines, line);) {
            ++number;
            std::istringstream words(line);
            std::uint64_t seed = 0;
            std::string date;
            std::string file;
            if (line.empty() || line.front() == '#') {
                continue;
            }
            if (!(words >> seed >> date >> file)) {
                return invalid(options_.file + ':' + std::to_string(number) +
                               ": a line is SEED DATE FILE STORY (FILE may be -)");
            }
            sim::Plan plan = plan_of(seed);
            if (file != "-") {
                const auto folder = std::filesystem::path(options_.file).parent_path();
                auto saved = read_file((folder / file).string());
                auto loaded = saved ? sim::load_plan(*saved, catalogue_.workloads)
                                    : Result<sim::Plan>(saved.error());
                if (!loaded) {
                    return invalid(file + ": " + loaded.error().text);
                }
                plan = loaded.take();
            }
            if (!run(plan, false)) {
                std::cout << "    the story:" << words.rdbuf() << '\n';
            }
        }
        return {};
    }

    Result<void> play() {
        switch (options_.mode) {
            case Options::Mode::many:
                run_many();
                return {};
            case Options::Mode::stories:
                return run_stories();
            case Options::Mode::replay: {
                auto text = read_file(options_.file);
                auto plan = text ? sim::load_plan(*text, catalogue_.workloads)
                                 : Result<sim::Plan>(text.error());
                return plan ? run_one(plan.take())
                            : Result<void>(invalid(options_.file + ": " + plan.error().text));
            }
            default:
                return run_one(plan_of(options_.from));
        }
    }

    // The last line.
    bool report() {
        const bool is_complete = !options_.coverage || coverage_.report(std::cout);
        std::cout << "runs " << runs_ << ", simulated " << simulated_ / std::chrono::seconds(60)
                  << " minutes, failures " << failures_ << (failed_.empty() ? "" : ", seeds")
                  << failed_ << std::endl;
        return failures_ == 0 && (is_complete || !options_.complete);
    }

  private:
    const Options& options_;
    const Catalogue& catalogue_;
    sim::Coverage coverage_;
    sim::Watching watching_;
    std::uint64_t runs_ = 0;
    std::uint64_t failures_ = 0;
    std::string failed_;
    Duration simulated_{};
};

int complain(const Error& error) {
    std::cerr << "ais-sim: " << error.text << '\n';
    return 2;
}

}  // namespace

int main(int argc, char** argv) {
    auto options = sim::parse_options({argv + 1, static_cast<std::size_t>(argc - 1)});
    if (!options) {
        return complain(options.error());
    }
    if (options->mode == Options::Mode::help) {
        std::cout << sim::usage;
        return 0;
    }
    if (options->mode == Options::Mode::version) {
        std::cout << "ais-sim " AIS_VERSION "\n";
        return 0;
    }
    plugin::Loader loader;
    Catalogue catalogue;
    const auto plugins = sim::linked_plugins();
    const auto workloads = sim::linked_workloads();
    catalogue.plugins.assign(plugins.begin(), plugins.end());
    catalogue.workloads.assign(workloads.begin(), workloads.end());
    for (const std::string& file : options->plugins) {
        if (auto added = add_file(file, loader, catalogue); !added) {
            return complain(added.error());
        }
    }
    if (options->mode == Options::Mode::list) {
        list(catalogue);
        return 0;
    }
    if (!options->workload.empty() &&
        sim::find_workload(options->workload, catalogue.workloads) == nullptr) {
        return complain(invalid("--workload " + options->workload +
                                ": there is none of this name; ais-sim --list shows all"));
    }
    Runner runner(*options, catalogue);
    if (auto played = runner.play(); !played) {
        return complain(played.error());
    }
    return runner.report() ? 0 : 1;
}
