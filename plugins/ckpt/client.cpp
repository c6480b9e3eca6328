// SPDX-License-Identifier: BSD-3-Clause
//
// libSaCkpt: the association and its callbacks.

#include "client_session.hpp"

#include <ais/abi/plugin.h>

#include <array>
#include <cstdlib>

namespace ais::ckpt {

// The words of attributes.hpp are those of the standard.
static_assert(static_cast<int>(Error::ok) == SA_AIS_OK);
static_assert(static_cast<int>(Error::library) == SA_AIS_ERR_LIBRARY);
static_assert(static_cast<int>(Error::init) == SA_AIS_ERR_INIT);
static_assert(static_cast<int>(Error::timeout) == SA_AIS_ERR_TIMEOUT);
static_assert(static_cast<int>(Error::try_again) == SA_AIS_ERR_TRY_AGAIN);
static_assert(static_cast<int>(Error::invalid_param) == SA_AIS_ERR_INVALID_PARAM);
static_assert(static_cast<int>(Error::no_memory) == SA_AIS_ERR_NO_MEMORY);
static_assert(static_cast<int>(Error::bad_handle) == SA_AIS_ERR_BAD_HANDLE);
static_assert(static_cast<int>(Error::access) == SA_AIS_ERR_ACCESS);
static_assert(static_cast<int>(Error::not_exist) == SA_AIS_ERR_NOT_EXIST);
static_assert(static_cast<int>(Error::exist) == SA_AIS_ERR_EXIST);
static_assert(static_cast<int>(Error::no_space) == SA_AIS_ERR_NO_SPACE);
static_assert(static_cast<int>(Error::no_resources) == SA_AIS_ERR_NO_RESOURCES);
static_assert(static_cast<int>(Error::bad_operation) == SA_AIS_ERR_BAD_OPERATION);
static_assert(static_cast<int>(Error::bad_flags) == SA_AIS_ERR_BAD_FLAGS);
static_assert(static_cast<int>(Error::no_sections) == SA_AIS_ERR_NO_SECTIONS);
static_assert(time_end == SA_TIME_END && name_max == SA_MAX_NAME_LENGTH);
static_assert(wr_all_replicas == SA_CKPT_WR_ALL_REPLICAS &&
              collocated == SA_CKPT_CHECKPOINT_COLLOCATED);
static_assert(wr_active_replica == SA_CKPT_WR_ACTIVE_REPLICA);
static_assert(wr_active_replica_weak == SA_CKPT_WR_ACTIVE_REPLICA_WEAK);
static_assert(open_read == SA_CKPT_CHECKPOINT_READ && open_write == SA_CKPT_CHECKPOINT_WRITE);
static_assert(open_create == SA_CKPT_CHECKPOINT_CREATE);
static_assert(static_cast<int>(Chosen::forever) == SA_CKPT_SECTIONS_FOREVER);
static_assert(static_cast<int>(Chosen::any) == SA_CKPT_SECTIONS_ANY);
static_assert(static_cast<int>(SectionState::corrupted) == SA_CKPT_SECTION_CORRUPTED);

client::Library<Session>& sessions() {
    static client::Library<Session> table(0x434b5001U);
    return table;
}

client::Library<Opened>& checkpoints() {
    static client::Library<Opened> table(0x434b4f51U);
    return table;
}

client::Library<Iteration>& iterations() {
    static client::Library<Iteration> table(0x434b4971U);
    return table;
}

SaAisErrorT call(Session& session,
                 Kind kind,
                 std::span<const ais_bytes> parts,
                 std::vector<std::uint8_t>& response,
                 client::Duration timeout) {
    return client::call(*session.connection, number_of(kind), parts, response, timeout);
}

SaAisErrorT call(Session& session, Kind kind, Bytes body, client::Duration timeout) {
    const ais_bytes parts[] = {to_abi(body)};
    std::vector<std::uint8_t> response;
    return call(session, kind, parts, response, timeout);
}

SaAisErrorT call_handle(Session& session,
                        Kind kind,
                        std::uint32_t number,
                        std::vector<std::uint8_t>& response,
                        client::Duration timeout) {
    std::uint8_t space[HandleOnly::size];
    Writer body(space);
    body.u32(number);
    const ais_bytes parts[] = {to_abi(body.written())};
    return call(session, kind, parts, response, timeout);
}

std::uint32_t index_in(Bytes response) {
    Reader in(response);
    return in.u32();
}

void* allocate(Session& session, Opened& checkpoint, std::size_t size) {
    void* memory = std::malloc(size > 0 ? size : 1);
    if (memory != nullptr && session.is_b2) {
        const std::lock_guard lock(checkpoint.mutex);
        checkpoint.allocated.insert(memory);
    }
    return memory;
}

SaAisErrorT release(Opened& checkpoint, const Session& session, void* memory) {
    if (memory == nullptr) {
        return SA_AIS_ERR_INVALID_PARAM;
    }
    if (session.is_b2) {
        // Why not for B.01: its programs call free(), so the library does not know.
        const std::lock_guard lock(checkpoint.mutex);
        if (checkpoint.allocated.erase(memory) == 0) {
            return SA_AIS_ERR_INVALID_PARAM;
        }
    }
    std::free(memory);
    return SA_AIS_OK;
}

namespace {

constexpr std::array versions{client::Version{'B', 1, 1}, client::Version{'B', 2, 2}};

// The handle of this number; 0: it was closed meanwhile.
Handle handle_of(Session& session, std::uint32_t number, bool take) {
    const std::lock_guard lock(session.mutex);
    const auto found = session.opened.find(number);
    if (found == session.opened.end()) {
        return 0;
    }
    const Handle handle = found->second;
    if (take) {
        session.opened.erase(found);
    }
    return handle;
}

// Each returns whether a callback was called.
bool on_event(Handle, Session& session, const client::Event& event) {
    DoneEvent done;
    if (!DoneEvent::decode(event.body, done)) {
        return false;
    }
    const auto error = static_cast<SaAisErrorT>(done.error);
    const bool is_open = static_cast<EventKind>(event.kind) == EventKind::opened;
    const bool is_failed_open = is_open && error != SA_AIS_OK;
    const Handle handle = handle_of(session, done.number, is_failed_open);
    if (handle == 0) {
        return false;  // closing a checkpoint cancels its callbacks
    }
    if (is_open) {
        if (is_failed_open) {
            checkpoints().take(handle);
        }
        session.callbacks.saCkptCheckpointOpenCallback(
            done.invocation, is_failed_open ? 0 : handle, error);
        return true;
    }
    session.callbacks.saCkptCheckpointSynchronizeCallback(done.invocation, error);
    return true;
}

}  // namespace
}  // namespace ais::ckpt

namespace client = ais::client;
using ais::ckpt::Session;
using ais::ckpt::sessions;

extern "C" {

AIS_EXPORT SaAisErrorT saCkptInitialize(SaCkptHandleT* ckptHandle,
                                        const SaCkptCallbacksT* callbacks,
                                        SaVersionT* version) {
    const bool is_b2 = version != nullptr && version->majorVersion >= 2;
    return client::initialize(sessions(),
                              ais::ckpt::service_id,
                              ais::ckpt::versions,
                              ckptHandle,
                              version,
                              [=](Session& session, client::Version) {
                                  session.is_b2 = is_b2;
                                  if (callbacks != nullptr) {
                                      session.callbacks = *callbacks;
                                  }
                                  return client::pack(ais::ckpt::Hello{});
                              });
}

AIS_EXPORT SaAisErrorT saCkptSelectionObjectGet(SaCkptHandleT ckptHandle,
                                                SaSelectionObjectT* selectionObject) {
    return client::selection_object_get(sessions(), ckptHandle, selectionObject);
}

AIS_EXPORT SaAisErrorT saCkptDispatch(SaCkptHandleT ckptHandle, SaDispatchFlagsT dispatchFlags) {
    return client::dispatch(sessions(), ckptHandle, dispatchFlags, ais::ckpt::on_event);
}

AIS_EXPORT SaAisErrorT saCkptFinalize(SaCkptHandleT ckptHandle) {
    return client::finalize(sessions(), ckptHandle, [](const auto& session) {
        client::close_objects(ais::ckpt::iterations(), session);
        client::close_objects(ais::ckpt::checkpoints(), session);
    });
}

}  // extern "C"
