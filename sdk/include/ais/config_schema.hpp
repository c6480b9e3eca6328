// SPDX-License-Identifier: BSD-3-Clause
//
// Keys of the configuration that a plugin understands, as constants:
//
//     static constexpr ais_config_key config_keys[] = {
//         ais::number_key("cpg", "queue_max", 1, 65536, "1024", "messages kept for one client"),
//         ais::bool_key("cpg", "trace", "no", "log every membership change"),
//     };
//
// A class with such a member offers ais.config.schema/1 (describe() finds it);
// the kernel then checks values with file and line, fills defaults in and
// knows the keys of a section when it meets an unknown one.

#pragma once

#include <ais/abi/config.h>

#include <iterator>

namespace ais {

constexpr ais_config_key text_key(const char* section,
                                  const char* key,
                                  const char* fallback,
                                  const char* help) {
    return {section, key, AIS_KEY_TEXT, 0, 0, 0, nullptr, fallback, help};
}
// `fallback` is text, too, as it would be in the file; nullptr: no default.
constexpr ais_config_key number_key(const char* section,
                                    const char* key,
                                    std::int64_t minimum,
                                    std::int64_t maximum,
                                    const char* fallback,
                                    const char* help) {
    return {section, key, AIS_KEY_NUMBER, 0, minimum, maximum, nullptr, fallback, help};
}
constexpr ais_config_key bool_key(const char* section,
                                  const char* key,
                                  const char* fallback,
                                  const char* help) {
    return {section, key, AIS_KEY_BOOL, 0, 0, 1, nullptr, fallback, help};
}
// `choices`: "one|two|three".
constexpr ais_config_key choice_key(const char* section,
                                    const char* key,
                                    const char* choices,
                                    const char* fallback,
                                    const char* help) {
    return {section, key, AIS_KEY_CHOICE, 0, 0, 0, choices, fallback, help};
}
constexpr ais_config_key address_key(const char* section,
                                     const char* key,
                                     const char* fallback,
                                     const char* help) {
    return {section, key, AIS_KEY_ADDRESS, 0, 0, 0, nullptr, fallback, help};
}

// The class says which keys it understands.
template <typename T>
concept Configurable = requires {
    std::size(T::config_keys);
    static_cast<const ais_config_key*>(std::data(T::config_keys));
};

namespace sdk {

template <typename T>
requires Configurable<T>
struct SchemaTable {
    static constexpr ais_config_schema_v1 table = {
        sizeof(ais_config_schema_v1),
        static_cast<std::uint32_t>(std::size(T::config_keys)),
        sizeof(ais_config_key),
        0,
        std::data(T::config_keys)};
};

}  // namespace sdk
}  // namespace ais
