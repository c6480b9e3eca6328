# SPDX-License-Identifier: BSD-3-Clause
# Level 7, the part that needs no system: command line, and settings for the other parts.
find_package(CLI11 REQUIRED)
add_library(kernel_options STATIC options.cpp settings.cpp)
add_library(ais::options ALIAS kernel_options)
target_include_directories(kernel_options PUBLIC ${CMAKE_CURRENT_SOURCE_DIR})
target_compile_definitions(kernel_options PRIVATE AIS_VERSION="${PROJECT_VERSION}")
target_link_libraries(kernel_options PUBLIC ais::config ais::totem PRIVATE CLI11::CLI11)
ais_add_test(NAME kernel_options_test LABEL unit SOURCES options_test.cpp settings_test.cpp LINK kernel_options)
ais_install_man(man/aisexec-kernel.8)
