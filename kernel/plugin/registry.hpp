// SPDX-License-Identifier: BSD-3-Clause
//
// The registry: which plugins there are, and the way from a list of names to running
// instances.
//
//     Registry registry;
//     registry.scan(directories);                                   nothing runs
//     std::cout << registry.list();                                 --list-plugins
//     auto parsers = registry.start({"config_openais"}, early);     phase 1: no configuration yet
//     auto rest = registry.start(names, kernel);                    phase 2
//
// Each start() makes instances of its own, so several kernels in one process use one
// registry.  The registry outlives them: it keeps the files mapped.
//
// Static plugins (tests, simulator) are added by their constants.  Threads: none.

#pragma once

#include "plugin/discovery.hpp"
#include "plugin/instance.hpp"
#include "plugin/loader.hpp"

#include <set>
#include <span>
#include <string>
#include <vector>

namespace ais::plugin {

class Registry {
  public:
    // Looks at every *.so of the directories.  What was found by an earlier call hides a
    // file of the same name.
    void scan(std::span<const std::string> directories);
    // A plugin that is linked into this program.  Goes before a file of the same name.
    void add_static(const ais_plugin& plugin);

    // In ascending order of names; refused ones with their reason.
    [[nodiscard]] const std::vector<Candidate>& candidates() const { return candidates_; }
    // Directories that could not be read.
    [[nodiscard]] const std::vector<std::string>& notes() const { return notes_; }
    // Names of those that are not refused.
    [[nodiscard]] std::vector<std::string> names() const;
    // Not refused, offering `id`.
    [[nodiscard]] std::vector<std::string> names_offering(std::string_view id) const;

    // A table for people: name, version, interfaces, file; then what was refused and why.
    [[nodiscard]] std::string list() const;

    // The table that a plugin offers as `id`, without loading the plugin: constant data.
    // AIS_ERR_NOT_FOUND if it does not offer it.  Valid as long as the registry.
    Result<const void*> table(const std::string& name, std::string_view id);

    // Maps the named plugins, orders them by what they need and loads them.  A name that
    // is there twice counts once.  On failure nothing of it runs any more.  `kernel` and the
    // registry outlive the result.
    Result<std::unique_ptr<Plugins>> start(std::span<const std::string> names,
                                           const Kernel& kernel);

    // Maps a file that scan() has not seen: another build of a running plugin.  Absolute path.
    // AIS_ERR_EXISTS if it is mapped already: the dynamic linker does not look at a file twice.
    Result<Chosen> map(const std::string& file);

  private:
    Result<Chosen> choose(const std::string& name);

    std::vector<Candidate> candidates_;
    std::vector<std::string> notes_;
    std::vector<const ais_plugin*> static_;
    Loader loader_;
    std::set<const ais_plugin*> mapped_;
};

}  // namespace ais::plugin
