// SPDX-License-Identifier: BSD-3-Clause
//
// --embedded: a private folder for one node that keeps nothing.
//
// Fills run_dir and state_dir of the options where they were not given, with
// folders below a fresh one in XDG_RUNTIME_DIR or /tmp, and removes that again at the end.

#pragma once

#include "options.hpp"

#include <ais/result.hpp>

#include <string>

namespace ais {

class EmbeddedHome {
  public:
    static Result<EmbeddedHome> make(Options& options);
    EmbeddedHome(EmbeddedHome&& other) noexcept;
    EmbeddedHome& operator=(EmbeddedHome&& other) noexcept;
    ~EmbeddedHome();

  private:
    explicit EmbeddedHome(std::string dir) : dir_(std::move(dir)) {}
    std::string dir_;  // empty: nothing to remove
};

}  // namespace ais
