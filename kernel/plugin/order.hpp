// SPDX-License-Identifier: BSD-3-Clause
//
// In which order plugins are loaded: who offers something comes before who needs it, and
// among those that are ready the lowest name is first, so that all nodes with the same
// plugins load alike, whatever the order of files or of the command line.
//
// Threads: none.  Pure.

#pragma once

#include "plugin/manifest.hpp"

#include <span>

namespace ais::plugin {

// Indices into `plugins`.  Fails if a need is met neither by the host nor by one of them
// (named, with who needs it), and if needs go round in a circle (named, link by link).
Result<std::vector<std::size_t>> load_order(std::span<const Manifest> plugins,
                                            std::span<const std::string_view> host_interfaces);

}  // namespace ais::plugin
