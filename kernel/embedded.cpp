// SPDX-License-Identifier: BSD-3-Clause

#include "embedded.hpp"

#include "os/files.hpp"

#include <cstdlib>
#include <utility>

namespace ais {

Result<EmbeddedHome> EmbeddedHome::make(Options& options) {
    if (!options.run_dir.empty() && !options.state_dir.empty()) {
        return EmbeddedHome("");
    }
    const char* runtime = std::getenv("XDG_RUNTIME_DIR");
    auto made = os::make_private_directory(
        runtime != nullptr && *runtime != '\0' ? runtime : "/tmp", "ais-embedded-");
    if (!made) {
        // su and setpriv keep the variable of the user before, who has a directory of his own.
        made = os::make_private_directory("/tmp", "ais-embedded-");
    }
    if (!made) {
        return made.error();
    }
    EmbeddedHome home(*made);
    for (auto [given, name] :
         {std::pair(&options.run_dir, "/run"), std::pair(&options.state_dir, "/state")}) {
        if (given->empty()) {
            *given = *made + name;
            if (auto there = os::ensure_directory(*given, 0700); !there) {
                return there.error();
            }
        }
    }
    return home;
}

EmbeddedHome::EmbeddedHome(EmbeddedHome&& other) noexcept : dir_(std::exchange(other.dir_, {})) {}

EmbeddedHome& EmbeddedHome::operator=(EmbeddedHome&& other) noexcept {
    std::swap(dir_, other.dir_);
    return *this;
}

EmbeddedHome::~EmbeddedHome() {
    if (!dir_.empty()) {
        os::remove_directory(dir_);
    }
}

}  // namespace ais
