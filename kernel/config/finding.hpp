// SPDX-License-Identifier: BSD-3-Clause
//
// What is wrong, or odd, in a configuration: one finding is one line for the
// operator, with the file, the line, the key, and what would be right.  An
// error keeps the executive from starting; a warning does not.
//
// Every finding belongs to a kind with a stable message id (DIAGNOSTICS.md in
// this folder; DIAGNOSTICS of aisexec-kernel(8)).

#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace ais::config {

enum class Severity : std::uint8_t { warning, error };

namespace id {
inline constexpr std::string_view syntax = "CONFIG-001";
inline constexpr std::string_view parser_warning = "CONFIG-002";
inline constexpr std::string_view unknown = "CONFIG-003";
inline constexpr std::string_view bad_value = "CONFIG-004";
inline constexpr std::string_view out_of_range = "CONFIG-005";
inline constexpr std::string_view repeated = "CONFIG-006";
inline constexpr std::string_view missing = "CONFIG-007";
inline constexpr std::string_view contradiction = "CONFIG-008";
inline constexpr std::string_view no_effect = "CONFIG-009";
inline constexpr std::string_view parser_failed = "CONFIG-010";
}  // namespace id

struct Finding {
    Severity severity = Severity::error;
    std::string_view id;     // one of the above
    std::uint32_t line = 0;  // 0: the file as a whole
    std::string path;        // "totem.token", may be empty
    std::string text;
};

using Findings = std::vector<Finding>;

// "/etc/ais/openais.conf:12: totem.token: …"
[[nodiscard]] std::string to_string(const Finding& finding, std::string_view source);
[[nodiscard]] bool has_errors(const Findings& findings);

}  // namespace ais::config
