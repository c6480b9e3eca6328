// SPDX-License-Identifier: BSD-3-Clause

#include "plugin/instance.hpp"

#include "base/assert.hpp"
#include "plugin/order.hpp"

#include <algorithm>
#include <exception>
#include <sstream>

namespace ais::plugin {

namespace {

std::uint16_t service_id_of(const ais_plugin& plugin) {
    return copy_min<ais_service_v1>(offered_table(plugin, AIS_SERVICE_INTERFACE)).service_id;
}

// "plugin 'x' (/usr/lib/…/x.so)".
std::string called(const std::string& name, const std::string& file) {
    return "plugin '" + name + "'" + (file.empty() ? "" : " (" + file + ")");
}

}  // namespace

Instance::Instance(const ais_plugin& plugin,
                   const Manifest& manifest,
                   const Kernel& kernel,
                   std::map<std::string, Offered, std::less<>> needed)
    : plugin_(copy_plugin(plugin)),
      manifest_(manifest),
      kernel_(kernel),
      calls_(manifest_.name, kernel),
      host_(kernel, calls_, service_id_of(plugin_), std::move(needed)) {}

Result<std::unique_ptr<Instance>> Instance::load(const ais_plugin& plugin,
                                                 const Manifest& manifest,
                                                 const Kernel& kernel,
                                                 std::map<std::string, Offered, std::less<>> needed,
                                                 bool is_quiet) {
    std::unique_ptr<Instance> instance(new Instance(plugin, manifest, kernel, std::move(needed)));
    instance->host_.set_quiet(is_quiet);
    // Why the try: load of a plugin written in C++ without the SDK may throw in spite of the
    // ABI.  Here, before anything runs, that can still be told apart from a crash.
    std::string thrown;
    ais_status status = AIS_ERR_FAILED;
    try {
        const CallScope scope(instance->calls_, Call::load);
        status =
            Host::known_status(instance->plugin_.load(instance->host_.abi(), &instance->self_));
    } catch (const std::exception& error) {
        thrown = std::string(": its load threw '") + error.what() + "' across the ABI";
    } catch (...) {
        thrown = ": its load threw across the ABI";
    }
    if (status != AIS_OK) {
        instance->host_.stop();
        return Error{status,
                     "plugin '" + manifest.name + "' does not start" +
                         (thrown.empty() ? " (status " + std::to_string(status) +
                                               "); its own log lines say why"
                                         : thrown)};
    }
    instance->loaded_ = true;
    return instance;
}

Instance::~Instance() {
    if (!loaded_) {
        return;
    }
    const auto service = table<ais_service_v1>(AIS_SERVICE_INTERFACE);
    while (!host_.clients().empty()) {
        ais_conn* const last = host_.clients().back();
        {
            const CallScope scope(calls_, Call::client_close);
            service.client_close(self_, last);
        }
        host_.client_closed(last);
    }
    host_.stop();
    const CallScope scope(calls_, Call::unload);
    plugin_.unload(self_);
}

std::string Instance::describe() const {
    std::ostringstream text;
    text << "plugin " << manifest_.name << ' ' << manifest_.version << ": "
         << host_.clients().size() << " clients, " << host_.timers() << " timers, "
         << host_.misuses() << " forbidden calls\n";
    for (std::size_t i = 0; i < static_cast<std::size_t>(Call::count); ++i) {
        const auto call = static_cast<Call>(i);
        const CallStats& stats = calls_.of(call);
        if (stats.calls != 0) {
            text << "  " << to_text(call) << ": " << stats.calls << " calls";
            if (stats.total.count() != 0) {
                text << ", " << stats.total.count() / 1000 << " us in all, "
                     << stats.longest.count() / 1000 << " us the longest";
            }
            text << '\n';
        }
    }
    return text.str();
}

Result<std::unique_ptr<Plugins>> Plugins::start(std::span<const Chosen> chosen,
                                                const Kernel& kernel) {
    std::vector<Manifest> manifests;
    for (const Chosen& one : chosen) {
        auto manifest = read_manifest(*one.plugin);
        std::string stem;
        if (!one.file.empty()) {
            const auto slash = one.file.rfind('/');
            stem = one.file.substr(slash == std::string::npos ? 0 : slash + 1);
            stem = stem.substr(0, stem.rfind(".so"));
        }
        auto checked = manifest ? check(*manifest, stem) : Result<void>(manifest.error());
        if (checked) {
            checked = check_tables(copy_plugin(*one.plugin));
        }
        if (!checked) {
            const std::string name =
                manifest && is_legal_name(manifest->name) ? manifest->name : stem;
            return Error{checked.error().code,
                         called(name, one.file) + " is refused: " + checked.error().text};
        }
        const bool twice = std::any_of(manifests.begin(), manifests.end(), [&](const Manifest& m) {
            return m.name == manifest->name;
        });
        if (twice) {
            return invalid(called(manifest->name, one.file) + " is chosen twice");
        }
        manifests.push_back(manifest.take());
    }
    const auto interfaces = host_interfaces(kernel);
    const auto order = load_order(manifests, interfaces);
    if (!order) {
        return order.error();
    }

    std::unique_ptr<Plugins> plugins(new Plugins());
    for (const std::size_t at : *order) {
        std::map<std::string, Offered, std::less<>> needed;
        for (const std::string& id : manifests[at].needs) {
            const auto providers = plugins->offering(id);
            if (!providers.empty()) {
                Instance& provider = *providers.front();
                needed[id] = {offered_table(provider.plugin(), id), provider.self()};
            }
        }
        auto instance =
            Instance::load(*chosen[at].plugin, manifests[at], kernel, std::move(needed));
        if (!instance) {
            return instance.error();
        }
        plugins->instances_.push_back(instance.take());
        AIS_LOG(*kernel.log,
                info,
                "plugin",
                "PLUGIN-001",
                "loaded ",
                called(manifests[at].name, chosen[at].file),
                " version ",
                manifests[at].version);
    }
    return plugins;
}

Result<std::map<std::string, Offered, std::less<>>> Plugins::needed_for(
    const Manifest& manifest, const Kernel& kernel) const {
    std::map<std::string, Offered, std::less<>> needed;
    const auto interfaces = host_interfaces(kernel);
    for (const std::string& id : manifest.needs) {
        const auto providers = offering(id);
        if (!providers.empty()) {
            needed[id] = {offered_table(providers.front()->plugin(), id),
                          providers.front()->self()};
        } else if (std::find(interfaces.begin(), interfaces.end(), id) == interfaces.end()) {
            return not_found("plugin '" + manifest.name + "' needs " + id +
                             ", which neither the kernel nor a running plugin offers");
        }
    }
    return needed;
}

void Plugins::exchange(Instance& old, std::unique_ptr<Instance> next) {
    const auto place = std::find_if(instances_.begin(),
                                    instances_.end(),
                                    [&](const auto& instance) { return instance.get() == &old; });
    AIS_ASSERT(place != instances_.end() && next != nullptr);
    std::swap(*place, next);
}

Plugins::~Plugins() {
    while (!instances_.empty()) {
        instances_.pop_back();
    }
}

Instance* Plugins::find(std::string_view name) const {
    const auto found = std::find_if(instances_.begin(),
                                    instances_.end(),
                                    [&](const auto& instance) { return instance->name() == name; });
    return found == instances_.end() ? nullptr : found->get();
}

std::vector<Instance*> Plugins::offering(std::string_view id) const {
    std::vector<Instance*> list;
    for (const auto& instance : instances_) {
        if (instance->manifest().offers_interface(id)) {
            list.push_back(instance.get());
        }
    }
    return list;
}

}  // namespace ais::plugin
