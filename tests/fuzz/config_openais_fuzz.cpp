// SPDX-License-Identifier: BSD-3-Clause

#include "config_fuzz.hpp"

extern "C" const ais_plugin ais_plugin_config_openais;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    ais::fuzz::parse_and_check(ais_plugin_config_openais, data, size);
    return 0;
}
