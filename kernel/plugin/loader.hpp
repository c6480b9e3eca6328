// SPDX-License-Identifier: BSD-3-Clause
//
// Maps shared objects and keeps them mapped.
//
// A plugin is unloaded logically (its unload is called), but its object stays in memory
// as long as the Loader: a pointer that somebody kept, or a symbol that the dynamic linker
// has pinned, then still points to something (docs/adr/0004).  Everything is
// bound at once (rtld_now), so that a missing symbol is an error here and not later in the
// ring, and nothing is visible to other plugins (rtld_local).
//
// One of the two files that see Boost.DLL.  Threads: none.

#pragma once

#include <ais/abi/plugin.h>
#include <ais/result.hpp>

#include <memory>
#include <string>

namespace ais::plugin {

class Loader {
  public:
    Loader();
    ~Loader();  // in reverse order
    Loader(const Loader&) = delete;
    Loader& operator=(const Loader&) = delete;

    // Requires: `file` is an absolute path.  The plugin's static constructors run here, if it
    // has any; nothing else of it does.  Loading a file again gives the same constant.
    Result<const ais_plugin*> map(const std::string& file);

  private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

}  // namespace ais::plugin
