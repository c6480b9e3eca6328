// SPDX-License-Identifier: BSD-3-Clause
//
// The manifest out of a file that nobody has loaded.
//
// To map a shared object is to run it: DT_INIT, DT_INIT_ARRAY and the resolvers of indirect
// functions are its code, and those of the libraries it wants, too.  So what --list-plugins
// prints is read from the bytes: find the dynamic symbol ais_plugin, and follow its pointers
// through the relocations that the dynamic linker would apply.
//
// Understands 64-bit little-endian ELF for x86-64, AArch64, RISC-V and POWER, which is where
// this executive runs.  For other machines `cannot_tell` is set, and the manifest is
// checked when the plugin is loaded.
//
// The bytes are not trusted: every offset is checked, every text and list is bounded, and
// a file that is wrong gives a sentence.  Pure.

#pragma once

#include "plugin/manifest.hpp"

#include <ais/bytes.hpp>

namespace ais::plugin {

struct Image {
    Manifest manifest;
    bool cannot_tell = false;
};

// The manifest in the shared object `file` (all of it), or why there is none.
Result<Image> read_image(Bytes file);

}  // namespace ais::plugin
