// SPDX-License-Identifier: BSD-3-Clause
//
// What the commands of services have in common: aisctl is a client of the service like any
// other, through its library.

#pragma once

#include "commands.hpp"

#include "client/connection.hpp"

#include <openais/saAis.h>

#include <cstdlib>
#include <memory>
#include <string>
#include <string_view>
#include <thread>

namespace ais::ctl {

// The libraries find the executive of `context`.  Fails if there is none: they would only say
// that one should try again.
inline void choose_executive(const Context& context) {
    ::setenv("OPENAIS_RUN_DIR", context.run_dir.c_str(), 1);
    std::shared_ptr<client::Connection> connection;
    ais_status refusal = AIS_OK;
    if (client::Connection::open_at(context.run_dir.c_str(), 1, {}, connection, &refusal) ==
        client::Status::try_again) {
        throw Failure(Exit::unreachable,
                      "no executive answers at " + context.run_dir +
                          "; --run-dir or OPENAIS_RUN_DIR chooses another one");
    }
}

// Throws what a person should read and a script should get.  `what`: "checkpoint a".
inline void must(SaAisErrorT error, const Context& context, const std::string& what) {
    switch (error) {
        case SA_AIS_OK:
            return;
        case SA_AIS_ERR_LIBRARY:
        case SA_AIS_ERR_BAD_HANDLE:
            throw Failure(Exit::unreachable,
                          "no executive answers at " + context.run_dir +
                              "; --run-dir or OPENAIS_RUN_DIR chooses another one");
        case SA_AIS_ERR_ACCESS:
            throw Failure(Exit::unreachable, what + ": this user may not do that");
        case SA_AIS_ERR_NOT_SUPPORTED:
            throw Failure(Exit::failed, what + ": this executive does not run the service");
        case SA_AIS_ERR_TRY_AGAIN:
            throw Failure(Exit::try_again, what + ": the executive has no ring now; try again");
        case SA_AIS_ERR_TIMEOUT:
            throw Failure(Exit::try_again, what + ": no answer in time; try again");
        case SA_AIS_ERR_NOT_EXIST:
            throw Failure(Exit::failed, what + " does not exist");
        case SA_AIS_ERR_EXIST:
            throw Failure(Exit::failed, what + " exists already, and is another one");
        case SA_AIS_ERR_NO_SPACE:
        case SA_AIS_ERR_NO_RESOURCES:
            throw Failure(Exit::failed, what + ": there is no room");
        case SA_AIS_ERR_INVALID_PARAM:
            throw Failure(Exit::failed, what + ": a value is out of its range");
        default:
            throw Failure(Exit::failed, what + ": error " + std::to_string(error));
    }
}

// `call` again while there is no ring or replicas are made equal, for some seconds.
template <typename Call>
SaAisErrorT repeat(Call call) {
    SaAisErrorT error = call();
    for (int i = 0; i < 500 && error == SA_AIS_ERR_TRY_AGAIN; ++i) {
        std::this_thread::sleep_for(std::chrono::milliseconds(10));
        error = call();
    }
    return error;
}

// Requires: at most SA_MAX_NAME_LENGTH bytes (check_name).
inline SaNameT name_of(std::string_view text) {
    SaNameT name{};
    name.length = static_cast<SaUint16T>(text.size());
    text.copy(reinterpret_cast<char*>(name.value), sizeof name.value);
    return name;
}
inline std::string check_name(const std::string& text) {
    return text.empty() || text.size() > SA_MAX_NAME_LENGTH
               ? "a name has 1 to " + std::to_string(SA_MAX_NAME_LENGTH) + " bytes"
               : std::string();
}

// Bytes as a table shows them: what cannot be printed as \xNN.
inline std::string shown(std::string_view bytes) {
    static constexpr char digits[] = "0123456789abcdef";
    std::string text;
    for (const char c : bytes) {
        const auto byte = static_cast<unsigned char>(c);
        if (byte < 0x20 || byte == 0x7f || c == '\\') {
            text += {'\\', 'x', digits[byte >> 4], digits[byte & 15]};
        } else {
            text += c;
        }
    }
    return text;
}

}  // namespace ais::ctl
