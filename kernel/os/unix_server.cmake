# SPDX-License-Identifier: BSD-3-Clause
# The door for clients: the part of kernel/os that stands above kernel/ipc.
add_library(kernel_unix_server STATIC
    ${CMAKE_CURRENT_LIST_DIR}/shared_memory.cpp
    ${CMAKE_CURRENT_LIST_DIR}/unix_server.cpp)
add_library(ais::unix_server ALIAS kernel_unix_server)
target_include_directories(kernel_unix_server PUBLIC ${CMAKE_SOURCE_DIR}/kernel)
target_link_libraries(kernel_unix_server PUBLIC ais::sdk ais::ipc ais::os)
