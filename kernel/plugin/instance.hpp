// SPDX-License-Identifier: BSD-3-Clause
//
// Instances: a plugin that runs in a kernel, and all that run in one.
//
// One plugin may have several instances in a process, each with a host and a `self` of its
// own.  Plugins (the set of one kernel) are loaded in the order of order.hpp and unloaded
// in reverse; if one does not load, those before it are unloaded again.
//
// Pure: where the constants come from (a file, a static library) is registry's matter.
// Threads: none.

#pragma once

#include "plugin/host.hpp"
#include "plugin/manifest.hpp"

#include <memory>
#include <span>

namespace ais::plugin {

class Instance {
  public:
    // Calls load.  Requires: the manifest has been checked; `kernel` outlives it.  `is_quiet`:
    // it does not speak yet (Host::set_quiet).
    static Result<std::unique_ptr<Instance>> load(
        const ais_plugin& plugin,
        const Manifest& manifest,
        const Kernel& kernel,
        std::map<std::string, Offered, std::less<>> needed,
        bool is_quiet = false);
    ~Instance();  // unload
    Instance(const Instance&) = delete;
    Instance& operator=(const Instance&) = delete;

    [[nodiscard]] const std::string& name() const { return manifest_.name; }
    [[nodiscard]] const Manifest& manifest() const { return manifest_; }
    [[nodiscard]] const ais_plugin& plugin() const { return plugin_; }
    [[nodiscard]] void* self() const { return self_; }
    [[nodiscard]] Host& host() { return host_; }
    [[nodiscard]] Calls& calls() { return calls_; }
    [[nodiscard]] const Kernel& kernel() const { return kernel_; }

    // min(theirs, ours) of an offered table; struct_size is 0 if it is not offered.
    template <typename Table>
    [[nodiscard]] Table table(std::string_view id) const {
        return copy_min<Table>(offered_table(plugin_, id));
    }

    // Lines for SIGUSR2: calls, times, clients, timers, misuse.
    [[nodiscard]] std::string describe() const;

  private:
    Instance(const ais_plugin& plugin,
             const Manifest& manifest,
             const Kernel& kernel,
             std::map<std::string, Offered, std::less<>> needed);

    ais_plugin plugin_;
    Manifest manifest_;
    const Kernel& kernel_;
    Calls calls_;
    Host host_;
    void* self_ = nullptr;
    bool loaded_ = false;
};

// A plugin to be started.
struct Chosen {
    const ais_plugin* plugin = nullptr;
    std::string file;  // empty for a static one
};

class Plugins {
  public:
    // Checks, orders and loads.  `kernel` outlives the result.
    static Result<std::unique_ptr<Plugins>> start(std::span<const Chosen> chosen,
                                                  const Kernel& kernel);
    ~Plugins();  // unloads in reverse

    // In the order of loading.
    [[nodiscard]] const std::vector<std::unique_ptr<Instance>>& all() const { return instances_; }
    [[nodiscard]] Instance* find(std::string_view name) const;
    // Those that offer an interface, in the order of loading.
    [[nodiscard]] std::vector<Instance*> offering(std::string_view id) const;

    // What a plugin that is loaded now gets of the others; an error names the need that is not met.
    Result<std::map<std::string, Offered, std::less<>>> needed_for(const Manifest& manifest,
                                                                   const Kernel& kernel) const;
    // `next` in the place of `old`, which is unloaded.
    void exchange(Instance& old, std::unique_ptr<Instance> next);

  private:
    Plugins() = default;
    std::vector<std::unique_ptr<Instance>> instances_;
};

}  // namespace ais::plugin
