// SPDX-License-Identifier: BSD-3-Clause
//
// The door for clients: an AF_UNIX SEQPACKET listener in the run directory.
//
// It checks who knocks (SO_PEERCRED), makes the shared memory, hands it over
// and connects an ipc::Session to it.  From then on a client's socket is used
// for doorbells and to notice its end; data does not pass through here.
//
// A client's end is its socket's EOF or the end of its process (pidfd),
// whichever comes first: a child that was forked and lives on keeps the socket
// open.
//
// Nothing here blocks: descriptors that a client holds, too, are used only
// with calls that cannot (MSG_DONTWAIT, RWF_NOWAIT), since O_NONBLOCK of a
// shared eventfd is the client's to change.
//
// Bounds: Limits::clients_max clients; in unix_server.cpp: connections that
// have not sent their request yet, and connections accepted in one turn.
//
// Threads: the loop's only.

#pragma once

#include "base/log.hpp"
#include "base/node_id.hpp"
#include "base/watcher.hpp"
#include "ipc/session.hpp"

#include <ais/result.hpp>

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace ais::os {

// Who may connect besides root and the kernel's own user.
struct AccessRules {
    std::string group = "ais";        // its members; no such group: nobody
    std::vector<std::uint32_t> uids;  // `uidgid` sections of the configuration
    std::vector<std::uint32_t> gids;  // primary or supplementary group
    struct Both {
        std::uint32_t uid = 0;
        std::uint32_t gid = 0;
    };
    std::vector<Both> both;  // this user, and only as a member of this group
};

struct UnixServerConfig {
    std::string run_dir = "/run/ais";  // created if missing
    AccessRules access;
    ipc::Limits limits;
    NodeId node;
};

class UnixServer {
  public:
    // All outlive it.
    UnixServer(UnixServerConfig config, Watcher& watcher, ipc::Sessions& sessions, Log& log);
    ~UnixServer();

    // Make the directory, replace a stale socket, listen.  Call it in the
    // process that stays (after daemonizing): clients see its pid in
    // SO_PEERCRED.  Fails, naming the pid, if somebody listens there already.
    Result<void> open();
    // Disconnect all clients and remove the socket.
    void close();

    [[nodiscard]] std::size_t client_count() const;

  private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

}  // namespace ais::os
