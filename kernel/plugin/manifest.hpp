// SPDX-License-Identifier: BSD-3-Clause
//
// What a plugin says about itself, and whether we believe it.
//
// A Manifest is the readable copy of struct ais_plugin.  It comes from two places: from a
// file that is only read (image.hpp), so that --list-plugins runs no code of the plugin, and
// from the mapped constant just before load.  Both pass the same check, and what is wrong is
// said in a sentence that names the remedy.
//
// Threads: none.  Pure.

#pragma once

#include <ais/abi/plugin.h>
#include <ais/abi/service.h>
#include <ais/copy_min.hpp>
#include <ais/result.hpp>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace ais::plugin {

// Limit: of every list in a manifest, and of every text; a file may hold anything.
inline constexpr std::size_t list_max = 64;
inline constexpr std::size_t text_max = 127;
inline constexpr std::size_t name_max = 31;

struct Manifest {
    std::uint32_t abi_major = 0;
    std::uint32_t struct_size = 0;
    std::string name;
    std::string version;
    std::vector<std::string> needs;
    std::vector<std::string> offers;  // ids
    bool has_load = false;
    bool has_unload = false;

    [[nodiscard]] bool offers_interface(std::string_view id) const;
};

// [a-z][a-z0-9_]*, at most 31 bytes.
[[nodiscard]] bool is_legal_name(std::string_view name);
// "ais.service/1", "com.acme.thing/2".
[[nodiscard]] bool is_legal_interface(std::string_view id);

// Is it for this kernel, complete and legal?  `stem` is the file's name without ".so", which
// must be the plugin's name; empty for a plugin that is linked statically.
Result<void> check(const Manifest& manifest, std::string_view stem);

// Copies a mapped manifest, min(theirs, ours); members behind their size read as NULL.
// Nothing but abi_major and struct_size is looked at if the major is not ours.
Result<Manifest> read_manifest(const ais_plugin& theirs);

// The constant itself, copied likewise.  Requires: check() was ok.
[[nodiscard]] ais_plugin copy_plugin(const ais_plugin& theirs);

// Do the offered tables of ids that this kernel knows have what they must have?
Result<void> check_tables(const ais_plugin& plugin);

// Where the table for `id` is, or nullptr.
[[nodiscard]] const void* offered_table(const ais_plugin& plugin, std::string_view id);

}  // namespace ais::plugin
