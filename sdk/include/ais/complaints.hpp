// SPDX-License-Identifier: BSD-3-Clause
//
// What a service says when bytes from outside do not decode: of another node, whose message is
// dropped, and of a client, which is disconnected.  Neither comes from a program's mistake: the
// library or the other executive is of a foreign build, or somebody attacks.

#pragma once

#include <ais/host.hpp>

#include <cstdint>
#include <string>
#include <string_view>

namespace ais {

class Complaints {
  public:
    // The ids of the two log messages; both are explained in the plugin's man page.
    Complaints(const ais_host& host, const char* malformed_id, const char* broken_id)
        : log_(host), ipc_(host), malformed_id_(malformed_id), broken_id_(broken_id) {}

    // `what`: "an open that does not decode".  The first is logged, further ones are counted.
    void malformed(ais_node_id sender, std::string_view what) {
        if (malformed_count_++ == 0) {
            log_.warning(
                malformed_id_, "node ", sender, " sent ", what, "; further ones are only counted");
        }
    }
    void malformed(ais_node_id sender, std::uint16_t kind) {
        malformed(sender, "a message of kind " + std::to_string(kind) + " that does not decode");
    }
    [[nodiscard]] std::uint64_t malformed_count() const { return malformed_count_; }
    // After a live replacement: go on from what the former build has counted.
    void set_malformed_count(std::uint64_t count) { malformed_count_ = count; }

    // `what`: of the request that does not decode.  The client is gone when this returns or soon
    // after; nothing more may be sent to it.
    void broken_request(ais_conn* from, std::string_view what) const {
        log_.warning(broken_id_,
                     "pid ",
                     ipc_.peer(from).pid,
                     ": its library sent a request that does not decode (",
                     what,
                     ")");
        ipc_.disconnect(from, "a request that does not decode");
    }
    void broken_request(ais_conn* from, std::uint16_t kind) const {
        broken_request(from, "kind " + std::to_string(kind));
    }

  private:
    host::Log log_;
    host::Ipc ipc_;
    const char* malformed_id_;
    const char* broken_id_;
    std::uint64_t malformed_count_ = 0;
};

}  // namespace ais
