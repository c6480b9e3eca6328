// SPDX-License-Identifier: BSD-3-Clause

#include "plugin/manifest.hpp"

#include <ais/abi/config.h>
#include <ais/abi/crypto.h>
#include <ais/abi/draft/bulk.h>
#include <ais/abi/draft/handover.h>
#include <ais/abi/draft/parts.h>
#include <ais/abi/parser.h>
#include <ais/abi/quorum.h>

#include <algorithm>
#include <cstddef>

namespace ais::plugin {

namespace {

// What the first release of the ABI had; a shorter manifest is no manifest.
constexpr std::size_t first_size = offsetof(ais_plugin, unload) + sizeof(ais_plugin::unload);

bool is_lower(char c) {
    return c >= 'a' && c <= 'z';
}
bool is_digit(char c) {
    return c >= '0' && c <= '9';
}

Error wrong(std::string text) {
    return {AIS_ERR_CORRUPT, std::move(text)};
}

std::string quoted(std::string_view text) {
    std::string out = "'";
    for (const char c : text.substr(0, text_max)) {
        out += c >= ' ' && c < 0x7f ? c : '?';
    }
    return out + "'";
}

Result<void> check_ids(const std::vector<std::string>& ids, const char* what) {
    for (auto at = ids.begin(); at != ids.end(); ++at) {
        if (!is_legal_interface(*at)) {
            return wrong(std::string(what) + " " + quoted(*at) +
                         ", which is no interface id like \"ais.service/1\"");
        }
        if (std::find(ids.begin(), at, *at) != at) {
            return wrong(std::string(what) + " " + *at + " twice");
        }
    }
    return {};
}

// A NUL-terminated text of at most text_max bytes.
bool copy_text(const char* from, std::string& to) {
    if (from == nullptr) {
        return false;
    }
    std::size_t size = 0;
    while (size <= text_max && from[size] != '\0') {
        ++size;
    }
    to.assign(from, size);
    return true;
}

Result<void> check_service(const void* theirs) {
    const auto table = copy_min<ais_service_v1>(theirs);
    if (table.deliver == nullptr) {
        return wrong("its ais.service/1 has no deliver");
    }
    if (table.service_id < 1 || table.service_id > 1023) {
        return wrong("its service id is " + std::to_string(table.service_id) +
                     "; 1 to 1023 are possible, 64 to 1023 are for third parties");
    }
    const int clients = (table.request != nullptr ? 1 : 0) +
                        (table.client_open != nullptr ? 1 : 0) +
                        (table.client_close != nullptr ? 1 : 0);
    if (clients != 0 && clients != 3) {
        return wrong("its ais.service/1 has only some of request, client_open and client_close");
    }
    if ((table.save == nullptr) != (table.merge == nullptr)) {
        return wrong("its ais.service/1 has only one of save and merge");
    }
    return {};
}

Result<void> check_crypto(const void* theirs) {
    const auto table = copy_min<ais_crypto_v1>(theirs);
    if (table.open_session == nullptr || table.close_session == nullptr ||
        table.overhead == nullptr || table.cipher == nullptr || table.seal == nullptr ||
        table.open == nullptr) {
        return wrong("its ais.crypto/1 is not complete");
    }
    return {};
}

Result<void> check_schema(const void* theirs) {
    const auto table = copy_min<ais_config_schema_v1>(theirs);
    constexpr std::size_t key_size_min = sizeof(ais_config_key);
    if (table.key_count == 0) {
        return {};
    }
    if (table.keys == nullptr || table.key_size < key_size_min || table.key_count > 4096) {
        return wrong("its ais.config.schema/1 has no readable keys");
    }
    const auto* at = reinterpret_cast<const unsigned char*>(table.keys);
    for (std::uint32_t i = 0; i < table.key_count; ++i, at += table.key_size) {
        const auto* key = reinterpret_cast<const ais_config_key*>(at);
        if (key->section == nullptr || key->key == nullptr) {
            return wrong("its ais.config.schema/1 has a key without a name");
        }
        if (key->type == AIS_KEY_CHOICE && key->choices == nullptr) {
            return wrong("its ais.config.schema/1 has no choices for " +
                         quoted(std::string(key->section) + "." + key->key));
        }
    }
    return {};
}

Result<void> check_table(std::string_view id, const void* table) {
    if (id == AIS_SERVICE_INTERFACE) {
        return check_service(table);
    }
    if (id == AIS_SERVICE_PARTS_INTERFACE) {
        const auto parts = copy_min<ais_service_parts_v1>(table);
        if (parts.list == nullptr || parts.save_part == nullptr || parts.merge_begin == nullptr ||
            parts.merge_part == nullptr || parts.merge_end == nullptr) {
            return wrong("its ais.service.parts/1 is not complete");
        }
    }
    if (id == AIS_SERVICE_HANDOVER_INTERFACE) {
        const auto handover = copy_min<ais_service_handover_v1>(table);
        if (handover.save_local == nullptr || handover.restore_local == nullptr) {
            return wrong("its ais.service.handover/1 is not complete");
        }
    }
    if (id == AIS_SERVICE_BULK_INTERFACE) {
        const auto bulk = copy_min<ais_service_bulk_v1>(table);
        if (bulk.deliver_pieces == nullptr && bulk.opaque_requests == 0) {
            return wrong("its ais.service.bulk/1 has neither deliver_pieces nor opaque_requests");
        }
    }
    if (id == AIS_CRYPTO_INTERFACE) {
        return check_crypto(table);
    }
    if (id == AIS_CONFIG_SCHEMA_INTERFACE) {
        return check_schema(table);
    }
    if (id == AIS_PARSER_INTERFACE && copy_min<ais_parser_v1>(table).parse == nullptr) {
        return wrong("its ais.config.parser/1 has no parse");
    }
    if (id == AIS_QUORUM_INTERFACE && copy_min<ais_quorum_v1>(table).is_primary == nullptr) {
        return wrong("its ais.quorum/1 has no is_primary");
    }
    return {};  // an id that others know
}

}  // namespace

bool Manifest::offers_interface(std::string_view id) const {
    return std::find(offers.begin(), offers.end(), id) != offers.end();
}

bool is_legal_name(std::string_view name) {
    return !name.empty() && name.size() <= name_max && is_lower(name.front()) &&
           std::all_of(name.begin(), name.end(), [](char c) {
               return is_lower(c) || is_digit(c) || c == '_';
           });
}

bool is_legal_interface(std::string_view id) {
    const auto slash = id.find('/');
    if (slash == std::string_view::npos || id.size() > 63) {
        return false;
    }
    const auto name = id.substr(0, slash);
    const auto revision = id.substr(slash + 1);
    const bool legal_name =
        !name.empty() && is_lower(name.front()) && name.find('.') != std::string_view::npos &&
        std::all_of(name.begin(), name.end(), [](char c) {
            return is_lower(c) || is_digit(c) || c == '_' || c == '-' || c == '.';
        });
    return legal_name && !revision.empty() && revision.size() <= 5 && revision.front() != '0' &&
           std::all_of(revision.begin(), revision.end(), is_digit);
}

Result<void> check(const Manifest& manifest, std::string_view stem) {
    if (manifest.abi_major != AIS_ABI_MAJOR) {
        return Error{AIS_ERR_UNSUPPORTED,
                     "built for plugin ABI " + std::to_string(manifest.abi_major) +
                         ", this kernel has " + std::to_string(AIS_ABI_MAJOR) +
                         ": build it with the SDK of this release"};
    }
    if (manifest.struct_size < first_size) {
        return wrong("its manifest has " + std::to_string(manifest.struct_size) +
                     " bytes; the first release has " + std::to_string(first_size));
    }
    if (!is_legal_name(manifest.name)) {
        return wrong("its name " + quoted(manifest.name) +
                     " is not [a-z][a-z0-9_]* of at most 31 bytes");
    }
    if (!stem.empty() && manifest.name != stem) {
        return wrong("its name is " + quoted(manifest.name) + " but the file is " +
                     quoted(std::string(stem) + ".so") + ": name the file " +
                     quoted(manifest.name + ".so"));
    }
    if (manifest.version.empty() || manifest.version.size() > text_max ||
        !std::all_of(manifest.version.begin(), manifest.version.end(), [](char c) {
            return c >= ' ' && c < 0x7f;
        })) {
        return wrong("its version is no text of 1 to 127 printable characters");
    }
    if (manifest.needs.size() > list_max || manifest.offers.size() > list_max) {
        return wrong("its manifest lists more than 64 interfaces");
    }
    if (auto result = check_ids(manifest.needs, "it needs"); !result) {
        return result;
    }
    if (auto result = check_ids(manifest.offers, "it offers"); !result) {
        return result;
    }
    if (!manifest.has_load || !manifest.has_unload) {
        return wrong("its manifest has no load or no unload");
    }
    return {};
}

Result<Manifest> read_manifest(const ais_plugin& theirs) {
    Manifest manifest;
    manifest.abi_major = theirs.abi_major;
    manifest.struct_size = theirs.struct_size;
    if (manifest.abi_major != AIS_ABI_MAJOR || manifest.struct_size < first_size) {
        return manifest;  // check() says what is wrong; the rest may lie elsewhere
    }
    const ais_plugin ours = copy_plugin(theirs);
    manifest.has_load = ours.load != nullptr;
    manifest.has_unload = ours.unload != nullptr;
    if (!copy_text(ours.name, manifest.name)) {
        return wrong("its manifest has no name");
    }
    if (!copy_text(ours.version, manifest.version)) {
        return wrong("its manifest has no version");
    }
    for (auto at = ours.needs; at != nullptr && *at != nullptr; ++at) {
        if (manifest.needs.size() > list_max) {
            break;  // check() refuses it
        }
        copy_text(*at, manifest.needs.emplace_back());
    }
    for (auto at = ours.offers; at != nullptr && at->id != nullptr; ++at) {
        if (manifest.offers.size() > list_max) {
            break;
        }
        copy_text(at->id, manifest.offers.emplace_back());
        if (at->table == nullptr) {
            return wrong("it offers " + quoted(at->id) + " without a table");
        }
    }
    return manifest;
}

ais_plugin copy_plugin(const ais_plugin& theirs) {
    ais_plugin ours{};
    std::memcpy(&ours, &theirs, std::min<std::size_t>(sizeof ours, theirs.struct_size));
    return ours;
}

Result<void> check_tables(const ais_plugin& plugin) {
    const auto service = copy_min<ais_service_v1>(offered_table(plugin, AIS_SERVICE_INTERFACE));
    if (service.save == nullptr && offered_table(plugin, AIS_SERVICE_PARTS_INTERFACE) != nullptr) {
        return wrong("it offers ais.service.parts/1 without save and merge in its ais.service/1");
    }
    for (auto at = plugin.offers; at != nullptr && at->id != nullptr; ++at) {
        std::uint32_t size = 0;
        std::memcpy(&size, at->table, sizeof size);
        if (size < sizeof size) {
            return wrong("the table of " + quoted(at->id) + " does not begin with its size");
        }
        if (auto result = check_table(at->id, at->table); !result) {
            return result;
        }
    }
    return {};
}

const void* offered_table(const ais_plugin& plugin, std::string_view id) {
    for (auto at = plugin.offers; at != nullptr && at->id != nullptr; ++at) {
        if (id == at->id) {
            return at->table;
        }
    }
    return nullptr;
}

}  // namespace ais::plugin
