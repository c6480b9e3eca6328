// SPDX-License-Identifier: BSD-3-Clause

#include "plugin/registry.hpp"

#include <algorithm>
#include <iomanip>
#include <sstream>

namespace ais::plugin {

namespace {

constexpr const char* hidden_by_static = "hidden by a plugin that is linked into this program";

std::string join(const std::vector<std::string>& words) {
    std::string text;
    for (const std::string& word : words) {
        text += (text.empty() ? "" : ", ") + word;
    }
    return text;
}

}  // namespace

void Registry::scan(std::span<const std::string> directories) {
    Discovery found = discover(directories);
    for (Candidate& candidate : found.candidates) {
        const bool is_static =
            std::any_of(static_.begin(), static_.end(), [&](const ais_plugin* p) {
                return candidate.name == p->name;
            });
        if (is_static && candidate.refused.empty()) {
            candidate.refused = hidden_by_static;
        }
        const auto earlier =
            std::find_if(candidates_.begin(), candidates_.end(), [&](const Candidate& c) {
                return c.name == candidate.name && c.refused.empty();
            });
        if (earlier != candidates_.end() && candidate.refused.empty()) {
            candidate.refused = "hidden by " + earlier->file;
        }
        candidates_.push_back(std::move(candidate));
    }
    notes_.insert(notes_.end(), found.notes.begin(), found.notes.end());
    std::stable_sort(candidates_.begin(),
                     candidates_.end(),
                     [](const Candidate& a, const Candidate& b) { return a.name < b.name; });
}

void Registry::add_static(const ais_plugin& plugin) {
    Candidate candidate;
    auto manifest = read_manifest(plugin);
    if (auto checked = manifest ? check(*manifest, {}) : Result<void>(manifest.error()); !checked) {
        candidate.refused = checked.error().text;
    }
    if (manifest) {
        candidate.name = manifest->name;
        for (Candidate& other : candidates_) {
            if (other.name == candidate.name && other.refused.empty()) {
                other.refused = hidden_by_static;
            }
        }
        candidate.manifest = manifest.take();
        static_.push_back(&plugin);
    }
    const auto at = std::find_if(candidates_.begin(), candidates_.end(), [&](const Candidate& c) {
        return c.name >= candidate.name;
    });
    candidates_.insert(at, std::move(candidate));
}

std::vector<std::string> Registry::names() const {
    std::vector<std::string> list;
    for (const Candidate& candidate : candidates_) {
        if (candidate.refused.empty()) {
            list.push_back(candidate.name);
        }
    }
    return list;
}

std::vector<std::string> Registry::names_offering(std::string_view id) const {
    std::vector<std::string> list;
    for (const Candidate& candidate : candidates_) {
        if (candidate.refused.empty() && candidate.manifest &&
            candidate.manifest->offers_interface(id)) {
            list.push_back(candidate.name);
        }
    }
    return list;
}

std::string Registry::list() const {
    struct Row {
        std::string name, version, interfaces, file;
    };
    std::vector<Row> rows = {{"NAME", "VERSION", "INTERFACES", "FILE"}};
    for (const Candidate& candidate : candidates_) {
        Row row{candidate.name, "-", "-", candidate.file.empty() ? "(linked in)" : candidate.file};
        if (!candidate.refused.empty()) {
            row.interfaces = "refused: " + candidate.refused;
        } else if (candidate.manifest) {
            row.version = candidate.manifest->version;
            row.interfaces =
                candidate.manifest->offers.empty() ? "none" : join(candidate.manifest->offers);
        } else {
            row.interfaces = "known when it is loaded";
        }
        rows.push_back(std::move(row));
    }
    std::size_t name = 0;
    std::size_t version = 0;
    std::size_t interfaces = 0;
    for (const Row& row : rows) {
        name = std::max(name, row.name.size());
        version = std::max(version, row.version.size());
        // One long reason does not push every file off the screen.
        if (row.interfaces.size() <= 60) {
            interfaces = std::max(interfaces, row.interfaces.size());
        }
    }
    std::ostringstream text;
    text << std::left;
    for (const Row& row : rows) {
        text << std::setw(static_cast<int>(name)) << row.name << "  "
             << std::setw(static_cast<int>(version)) << row.version << "  "
             << std::setw(static_cast<int>(interfaces)) << row.interfaces << "  " << row.file
             << '\n';
    }
    for (const std::string& note : notes_) {
        text << "note: " << note << '\n';
    }
    return text.str();
}

Result<Chosen> Registry::choose(const std::string& name) {
    // The one that is not hidden comes first of its name.
    const auto found = std::find_if(
        candidates_.begin(), candidates_.end(), [&](const Candidate& c) { return c.name == name; });
    if (found == candidates_.end()) {
        const auto there = names();
        return not_found("no plugin is named '" + name + "'; there " +
                         (there.empty() ? std::string("are none: see --plugin-dir")
                                        : (there.size() == 1 ? "is " : "are ") + join(there)));
    }
    if (!found->refused.empty()) {
        return invalid("plugin '" + name + "' (" + found->file + ") is refused: " + found->refused);
    }
    if (found->file.empty()) {
        const auto constant = std::find_if(
            static_.begin(), static_.end(), [&](const ais_plugin* p) { return name == p->name; });
        return Chosen{*constant, {}};
    }
    const auto mapped = loader_.map(found->file);
    if (!mapped) {
        return Error{
            mapped.error().code,
            "plugin '" + name + "' (" + found->file + ") cannot be loaded: " + mapped.error().text};
    }
    mapped_.insert(*mapped);
    return Chosen{*mapped, found->file};
}

Result<Chosen> Registry::map(const std::string& file) {
    if (file.empty() || file.front() != '/') {
        return invalid("the file must be an absolute path: '" + file + "'");
    }
    // Why read first: what is no plugin, or of another ABI, is refused before code of it runs.
    const Candidate candidate = inspect_file(file);
    if (!candidate.refused.empty()) {
        return invalid(file + " is refused: " + candidate.refused);
    }
    const auto mapped = loader_.map(file);
    if (!mapped) {
        return Error{mapped.error().code, file + " cannot be loaded: " + mapped.error().text};
    }
    if (!mapped_.insert(*mapped).second) {
        return Error{AIS_ERR_EXISTS,
                     file +
                         " is mapped already, and the dynamic linker does not read a file twice: "
                         "give the new build another name"};
    }
    return Chosen{*mapped, file};
}

Result<const void*> Registry::table(const std::string& name, std::string_view id) {
    auto chosen = choose(name);
    if (!chosen) {
        return chosen.error();
    }
    const ais_plugin plugin = copy_plugin(*chosen->plugin);
    if (auto checked = check_tables(plugin); !checked) {
        return Error{checked.error().code, "plugin '" + name + "': " + checked.error().text};
    }
    const void* found = offered_table(plugin, id);
    if (found == nullptr) {
        return not_found("plugin '" + name + "' does not offer " + std::string(id));
    }
    return found;
}

Result<std::unique_ptr<Plugins>> Registry::start(std::span<const std::string> names,
                                                 const Kernel& kernel) {
    std::vector<Chosen> chosen;
    for (auto name = names.begin(); name != names.end(); ++name) {
        if (std::find(names.begin(), name, *name) != name) {
            continue;
        }
        auto one = choose(*name);
        if (!one) {
            return one.error();
        }
        chosen.push_back(one.take());
    }
    auto plugins = Plugins::start(chosen, kernel);
    if (!plugins && plugins.error().code == AIS_ERR_NOT_FOUND) {
        // A missing need: say who would have it.
        std::string text = plugins.error().text;
        for (const Candidate& candidate : candidates_) {
            if (!candidate.refused.empty() || !candidate.manifest) {
                continue;
            }
            for (const std::string& id : candidate.manifest->offers) {
                if (text.find("needs " + id + ",") != std::string::npos) {
                    text += "; plugin '" + candidate.name + "' offers it: choose it, too";
                }
            }
        }
        return Error{plugins.error().code, text};
    }
    return plugins;
}

}  // namespace ais::plugin
