// SPDX-License-Identifier: BSD-3-Clause
//
// What stands behind the three kinds of handles of libSaCkpt: an association, a
// checkpoint that is open, an iteration.
//
// The number of a handle on the wire is chosen here, so that an open whose caller gave
// up waiting can be closed, whatever came of it.
//
// Threads: all functions from any thread; see client/library.hpp.  No lock is held
// while a callback runs or a call waits, except `transfer` of a checkpoint: large writes by
// one handle take turns.

#pragma once

#include "attributes.hpp"
#include "include/saCkpt.h"
#include "wire.hpp"

#include "client/ais_library.hpp"

#include <atomic>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace ais::ckpt {

struct Session {
    std::shared_ptr<client::Connection> connection;
    SaCkptCallbacksT callbacks{};
    // The version that was asked for has the rules of B.02: names, access, what to free.
    bool is_b2 = false;

    std::mutex mutex;
    std::uint32_t last_number = 0;
    std::map<std::uint32_t, Handle> opened;  // number → checkpoint handle
    std::vector<std::uint32_t> abandoned;    // to be closed when there is room
};

struct Opened {
    std::weak_ptr<Session> owner;
    std::uint32_t number = 0;
    std::uint32_t flags = 0;
    std::atomic<bool> is_closing{false};
    std::mutex transfer;
    // B.02: what was allocated for the application and not freed.
    std::mutex mutex;
    std::set<void*> allocated;
};

struct Iteration {
    std::weak_ptr<Session> owner;
    std::shared_ptr<Opened> checkpoint;
    std::mutex mutex;
    Iterate wanted;
    std::string after;             // what wanted.after names
    std::deque<Descriptor> known;  // the application has pointers into these
    std::size_t next = 0;
    bool more = true;
};

client::Library<Session>& sessions();
client::Library<Opened>& checkpoints();
client::Library<Iteration>& iterations();

// Find the checkpoint, then do it; the action gets it and its association.
template <typename Action>
SaAisErrorT with_checkpoint(SaCkptCheckpointHandleT handle, Action&& action) {
    return client::with_object(
        checkpoints(), handle, [&](const auto& checkpoint, const auto& session) {
            return checkpoint->is_closing ? SA_AIS_ERR_BAD_HANDLE : action(*checkpoint, *session);
        });
}

// An empty id is the default section's.
inline bool is_id(const SaCkptSectionIdT& id) {
    return id.idLen == 0 || id.id != nullptr;
}
inline std::string_view id_text(const SaCkptSectionIdT& id) {
    return {reinterpret_cast<const char*>(id.id), id.idLen};
}

// One request and its response.  `index`: of the element to blame, if the service names one.
SaAisErrorT call(Session& session,
                 Kind kind,
                 std::span<const ais_bytes> parts,
                 std::vector<std::uint8_t>& response,
                 client::Duration timeout = client::forever);
SaAisErrorT call(Session& session,
                 Kind kind,
                 Bytes body,
                 client::Duration timeout = client::forever);
std::uint32_t index_in(Bytes response);

// A request whose body is the number of a handle.
SaAisErrorT call_handle(Session& session,
                        Kind kind,
                        std::uint32_t number,
                        std::vector<std::uint8_t>& response,
                        client::Duration timeout = client::forever);

// Memory for the application, which gives it back with free() or the functions of B.02.
// Null: there is none.
void* allocate(Session& session, Opened& checkpoint, std::size_t size);
SaAisErrorT release(Opened& checkpoint, const Session& session, void* memory);

}  // namespace ais::ckpt
