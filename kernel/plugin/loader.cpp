// SPDX-License-Identifier: BSD-3-Clause

#include "plugin/loader.hpp"

#include "base/assert.hpp"

#include <exception>
#include <vector>

#include <boost/dll/shared_library.hpp>

namespace ais::plugin {

struct Loader::Impl {
    std::vector<boost::dll::shared_library> mapped;
};

Loader::Loader() : impl_(std::make_unique<Impl>()) {}

Loader::~Loader() {
    while (!impl_->mapped.empty()) {
        impl_->mapped.pop_back();
    }
}

Result<const ais_plugin*> Loader::map(const std::string& file) {
    AIS_ASSERT(!file.empty() && file.front() == '/');
    try {
        boost::dll::shared_library library(
            file, boost::dll::load_mode::rtld_now | boost::dll::load_mode::rtld_local);
        if (!library.has(AIS_PLUGIN_SYMBOL)) {
            return not_found("not a plugin: a shared object without the symbol ais_plugin");
        }
        const auto* plugin = &library.get<const ais_plugin>(AIS_PLUGIN_SYMBOL);
        impl_->mapped.push_back(std::move(library));
        return plugin;
    } catch (const std::exception& error) {
        // Boost puts the dynamic linker's own sentence at the end.
        return failed(error.what());
    }
}

}  // namespace ais::plugin
