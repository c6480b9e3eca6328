// SPDX-License-Identifier: BSD-3-Clause
//
// Knock, say for whom, and get the descriptors.

#pragma once

#include "client/connection.hpp"

#include <ais/ipc_wire.hpp>

namespace ais::client {

// Descriptors, all close-on-exec; -1 if not there.  The receiver closes them.
struct Handshake {
    int socket = -1;
    int memory = -1;
    int wake = -1;
    ipc::ConnectReply reply;
};

Status shake_hands(const char* run_dir,
                   std::uint16_t service_id,
                   Bytes hello,
                   Handshake& out,
                   ais_status* service_status);

// Whether the other end of a socket is there; never blocks.
bool is_peer_alive(int socket);

void close_fd(int& fd);

}  // namespace ais::client
