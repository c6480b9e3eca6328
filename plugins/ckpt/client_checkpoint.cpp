// SPDX-License-Identifier: BSD-3-Clause
//
// libSaCkpt: checkpoints as a whole.

#include "client_session.hpp"

#include <ais/abi/plugin.h>

#include <algorithm>
#include <cstring>
#include <limits>

namespace ais::ckpt {
namespace {

constexpr std::string_view name_prefix = "safCkpt=";

SaAisErrorT check_name(const Session& session, const SaNameT* name) {
    const SaAisErrorT error = client::check_name(name);
    if (error == SA_AIS_OK && session.is_b2 &&
        client::name_text(*name).substr(0, name_prefix.size()) != name_prefix) {
        return SA_AIS_ERR_INVALID_PARAM;
    }
    return error;
}

Attributes to_attributes(const SaCkptCheckpointCreationAttributesT& from) {
    return {from.creationFlags,
            from.checkpointSize,
            from.retentionDuration,
            from.maxSections,
            from.maxSectionSize,
            from.maxSectionIdSize};
}

// What can be said of an open without asking the service; fills the request in.
SaAisErrorT prepare(const Session& session,
                    const SaNameT* name,
                    const SaCkptCheckpointCreationAttributesT* attributes,
                    SaCkptCheckpointOpenFlagsT flags,
                    Open& open) {
    const SaAisErrorT error = check_name(session, name);
    if (error != SA_AIS_OK) {
        return error;
    }
    if (!are_valid_open_flags(flags)) {
        return SA_AIS_ERR_BAD_FLAGS;
    }
    open.has_attributes = (flags & SA_CKPT_CHECKPOINT_CREATE) != 0;
    if (open.has_attributes != (attributes != nullptr)) {
        return SA_AIS_ERR_INVALID_PARAM;
    }
    if (open.has_attributes) {
        open.attributes = to_attributes(*attributes);
        if (!are_valid(open.attributes)) {
            return SA_AIS_ERR_INVALID_PARAM;
        }
    }
    open.flags = flags;
    open.name = client::name_text(*name);
    return SA_AIS_OK;
}

// Closes what nobody waits for any more; what has no room now waits.
void give_back(Session& session, std::uint32_t number) {
    const std::lock_guard lock(session.mutex);
    if (number != 0) {
        session.abandoned.push_back(number);
    }
    while (!session.abandoned.empty()) {
        std::uint8_t space[HandleOnly::size];
        Writer body(space);
        body.u32(session.abandoned.back());
        const ais_bytes parts[] = {to_abi(body.written())};
        if (session.connection->send(number_of(Kind::close), parts) == client::Status::try_again) {
            return;
        }
        session.abandoned.pop_back();
    }
}

// A checkpoint handle with its number, known to callbacks from now on.
std::pair<Handle, std::uint32_t> insert(const std::shared_ptr<Session>& session,
                                        std::uint32_t flags) {
    auto opened = std::make_shared<Opened>();
    opened->owner = session;
    opened->flags = flags;
    const std::lock_guard lock(session->mutex);
    const std::uint32_t number = ++session->last_number;
    opened->number = number;
    const Handle handle = checkpoints().insert(std::move(opened));
    session->opened[number] = handle;
    return {handle, number};
}

void forget(Session& session, Handle handle, std::uint32_t number) {
    {
        const std::lock_guard lock(session.mutex);
        session.opened.erase(number);
    }
    checkpoints().take(handle);
}

void close_iterations(const Opened& checkpoint) {
    for (const auto& [handle, iteration] : iterations().all()) {
        if (iteration->checkpoint.get() == &checkpoint) {
            iterations().take(handle);
        }
    }
}

SaAisErrorT close(SaCkptCheckpointHandleT handle, Opened& checkpoint, Session& session) {
    if (checkpoint.is_closing.exchange(true)) {
        return SA_AIS_ERR_BAD_HANDLE;  // another thread was first
    }
    give_back(session, 0);
    std::vector<std::uint8_t> response;
    const SaAisErrorT error = call_handle(session, Kind::close, checkpoint.number, response);
    // BAD_HANDLE: a merge has closed it in the service already.
    if (error != SA_AIS_OK && error != SA_AIS_ERR_BAD_HANDLE) {
        checkpoint.is_closing = false;
        return error;
    }
    if (session.connection->is_closed()) {
        return SA_AIS_ERR_BAD_HANDLE;
    }
    close_iterations(checkpoint);
    forget(session, handle, checkpoint.number);
    return SA_AIS_OK;
}

SaAisErrorT get_status(Opened& checkpoint, Session& session, StatusReply& status) {
    if (session.is_b2 && (checkpoint.flags & open_read) == 0) {
        return SA_AIS_ERR_ACCESS;
    }
    std::vector<std::uint8_t> response;
    const SaAisErrorT error = call_handle(session, Kind::status, checkpoint.number, response);
    if (error != SA_AIS_OK) {
        return error;
    }
    return StatusReply::decode(response, status) ? SA_AIS_OK : SA_AIS_ERR_LIBRARY;
}

// The structure in either layout; `to` has room for it and no more.
void fill(const StatusReply& status, bool is_b2, void* to) {
    struct First {
        SaCkptCheckpointCreationAttributesT attributes;
        SaUint32T sections;
        SaUint32T used;
    } first{};
    struct Second {
        SaCkptCheckpointCreationAttributesT attributes;
        SaUint32T sections;
        SaSizeT used;
    } second{};
    static_assert(sizeof(First) == 56 && sizeof(Second) == 64);
    const Attributes& from = status.attributes;
    first.attributes.creationFlags = from.creation_flags;
    first.attributes.checkpointSize = from.size;
    first.attributes.retentionDuration = from.retention;
    first.attributes.maxSections = from.max_sections;
    first.attributes.maxSectionSize = from.max_section_size;
    first.attributes.maxSectionIdSize = from.max_id_size;
    second.attributes = first.attributes;
    second.sections = first.sections = status.sections;
    second.used = status.used;
    first.used = static_cast<SaUint32T>(
        std::min<std::uint64_t>(status.used, std::numeric_limits<SaUint32T>::max()));
    if (is_b2) {
        std::memcpy(to, &second, sizeof second);
    } else {
        std::memcpy(to, &first, sizeof first);
    }
}

// `layout`: of the structure; 0: that of the version that was asked for.
SaAisErrorT status_get(SaCkptCheckpointHandleT handle, int layout, void* to) {
    return with_checkpoint(handle, [=](Opened& checkpoint, Session& session) {
        if (to == nullptr) {
            return SA_AIS_ERR_INVALID_PARAM;
        }
        StatusReply status;
        const SaAisErrorT error = get_status(checkpoint, session, status);
        if (error == SA_AIS_OK) {
            fill(status, layout == 0 ? session.is_b2 : layout == 2, to);
        }
        return error;
    });
}

}  // namespace
}  // namespace ais::ckpt

namespace client = ais::client;
using ais::Handle;
using ais::ckpt::Kind;
using ais::ckpt::Opened;
using ais::ckpt::Session;
using ais::ckpt::with_checkpoint;

extern "C" {

AIS_EXPORT SaAisErrorT
saCkptCheckpointOpen(SaCkptHandleT ckptHandle,
                     const SaNameT* checkpointName,
                     const SaCkptCheckpointCreationAttributesT* checkpointCreationAttributes,
                     SaCkptCheckpointOpenFlagsT checkpointOpenFlags,
                     SaTimeT timeout,
                     SaCkptCheckpointHandleT* checkpointHandle) {
    return client::with(ais::ckpt::sessions(), ckptHandle, [&](const auto& session) {
        if (checkpointHandle == nullptr) {
            return SA_AIS_ERR_INVALID_PARAM;
        }
        ais::ckpt::Open open;
        SaAisErrorT error = ais::ckpt::prepare(
            *session, checkpointName, checkpointCreationAttributes, checkpointOpenFlags, open);
        const auto longest = client::to_duration(timeout);
        if (error == SA_AIS_OK && !longest) {
            error = SA_AIS_ERR_INVALID_PARAM;
        }
        if (error != SA_AIS_OK) {
            return error;
        }
        ais::ckpt::give_back(*session, 0);
        const auto [handle, number] = ais::ckpt::insert(session, open.flags);
        open.number = number;
        ais::Appender body;
        open.encode(body);
        error = ais::ckpt::call(*session, Kind::open, body.written(), *longest);
        if (error == SA_AIS_OK) {
            *checkpointHandle = handle;
            return error;
        }
        ais::ckpt::forget(*session, handle, number);
        if (error == SA_AIS_ERR_TIMEOUT) {
            ais::ckpt::give_back(*session, number);
        }
        return error;
    });
}

AIS_EXPORT SaAisErrorT
saCkptCheckpointOpenAsync(SaCkptHandleT ckptHandle,
                          SaInvocationT invocation,
                          const SaNameT* checkpointName,
                          const SaCkptCheckpointCreationAttributesT* checkpointCreationAttributes,
                          SaCkptCheckpointOpenFlagsT checkpointOpenFlags) {
    return client::with(ais::ckpt::sessions(), ckptHandle, [&](const auto& session) {
        ais::ckpt::Open open;
        const SaAisErrorT error = ais::ckpt::prepare(
            *session, checkpointName, checkpointCreationAttributes, checkpointOpenFlags, open);
        if (error != SA_AIS_OK) {
            return error;
        }
        if (session->callbacks.saCkptCheckpointOpenCallback == nullptr) {
            return SA_AIS_ERR_INIT;
        }
        // Before it is sent: the callback may come before this function has returned.
        const auto [handle, number] = ais::ckpt::insert(session, open.flags);
        open.number = number;
        ais::Appender body;
        body.u64(invocation);
        open.encode(body);
        const ais_bytes parts[] = {ais::to_abi(body.written())};
        const auto sent = session->connection->send(ais::ckpt::number_of(Kind::open_async), parts);
        if (sent != client::Status::ok) {
            ais::ckpt::forget(*session, handle, number);
        }
        return client::to_sa_error(sent);
    });
}

AIS_EXPORT SaAisErrorT saCkptCheckpointClose(SaCkptCheckpointHandleT checkpointHandle) {
    return with_checkpoint(checkpointHandle, [=](Opened& checkpoint, Session& session) {
        return ais::ckpt::close(checkpointHandle, checkpoint, session);
    });
}

AIS_EXPORT SaAisErrorT saCkptCheckpointUnlink(SaCkptHandleT ckptHandle,
                                              const SaNameT* checkpointName) {
    return client::with(ais::ckpt::sessions(), ckptHandle, [&](const auto& session) {
        const SaAisErrorT error = ais::ckpt::check_name(*session, checkpointName);
        return error != SA_AIS_OK
                   ? error
                   : ais::ckpt::call(*session, Kind::unlink, client::name_bytes(*checkpointName));
    });
}

AIS_EXPORT SaAisErrorT saCkptCheckpointRetentionDurationSet(
    SaCkptCheckpointHandleT checkpointHandle, SaTimeT retentionDuration) {
    return with_checkpoint(checkpointHandle, [=](Opened& checkpoint, Session& session) {
        if (retentionDuration < 0) {
            return SA_AIS_ERR_INVALID_PARAM;
        }
        if (session.is_b2 && (checkpoint.flags & SA_CKPT_CHECKPOINT_WRITE) == 0) {
            return SA_AIS_ERR_ACCESS;
        }
        std::uint8_t space[ais::ckpt::SetRetention::size];
        ais::Writer body(space);
        ais::ckpt::SetRetention{checkpoint.number, retentionDuration}.encode(body);
        return ais::ckpt::call(session, Kind::set_retention, body.written());
    });
}

AIS_EXPORT SaAisErrorT saCkptActiveReplicaSet(SaCkptCheckpointHandleT checkpointHandle) {
    return with_checkpoint(checkpointHandle, [=](Opened& checkpoint, Session& session) {
        if ((checkpoint.flags & SA_CKPT_CHECKPOINT_WRITE) == 0) {
            return SA_AIS_ERR_ACCESS;
        }
        std::vector<std::uint8_t> response;
        return ais::ckpt::call_handle(session, Kind::set_active, checkpoint.number, response);
    });
}

// The three symbols behind saCkptCheckpointStatusGet of the header; which a program
// calls says which layout it has.
AIS_EXPORT SaAisErrorT
saCkptCheckpointStatusGet_plain(SaCkptCheckpointHandleT checkpointHandle,
                                void* checkpointStatus) __asm__("saCkptCheckpointStatusGet");
AIS_EXPORT SaAisErrorT saCkptCheckpointStatusGet_plain(SaCkptCheckpointHandleT checkpointHandle,
                                                       void* checkpointStatus) {
    return ais::ckpt::status_get(checkpointHandle, 0, checkpointStatus);
}
AIS_EXPORT SaAisErrorT
saCkptCheckpointStatusGet_first(SaCkptCheckpointHandleT checkpointHandle,
                                void* checkpointStatus) __asm__("saCkptCheckpointStatusGet_B01");
AIS_EXPORT SaAisErrorT saCkptCheckpointStatusGet_first(SaCkptCheckpointHandleT checkpointHandle,
                                                       void* checkpointStatus) {
    return ais::ckpt::status_get(checkpointHandle, 1, checkpointStatus);
}
AIS_EXPORT SaAisErrorT
saCkptCheckpointStatusGet_second(SaCkptCheckpointHandleT checkpointHandle,
                                 void* checkpointStatus) __asm__("saCkptCheckpointStatusGet_B02");
AIS_EXPORT SaAisErrorT saCkptCheckpointStatusGet_second(SaCkptCheckpointHandleT checkpointHandle,
                                                        void* checkpointStatus) {
    return ais::ckpt::status_get(checkpointHandle, 2, checkpointStatus);
}

AIS_EXPORT SaAisErrorT saCkptCheckpointSynchronize(SaCkptCheckpointHandleT checkpointHandle,
                                                   SaTimeT timeout) {
    return with_checkpoint(checkpointHandle, [=](Opened& checkpoint, Session& session) {
        const auto longest = client::to_duration(timeout);
        if (!longest) {
            return SA_AIS_ERR_INVALID_PARAM;
        }
        if ((checkpoint.flags & SA_CKPT_CHECKPOINT_WRITE) == 0) {
            return SA_AIS_ERR_ACCESS;
        }
        std::vector<std::uint8_t> response;
        return ais::ckpt::call_handle(
            session, Kind::synchronize, checkpoint.number, response, *longest);
    });
}

AIS_EXPORT SaAisErrorT saCkptCheckpointSynchronizeAsync(SaCkptCheckpointHandleT checkpointHandle,
                                                        SaInvocationT invocation) {
    return with_checkpoint(checkpointHandle, [=](Opened& checkpoint, Session& session) {
        if (session.callbacks.saCkptCheckpointSynchronizeCallback == nullptr) {
            return SA_AIS_ERR_INIT;
        }
        if ((checkpoint.flags & SA_CKPT_CHECKPOINT_WRITE) == 0) {
            return SA_AIS_ERR_ACCESS;
        }
        ais::Appender body;
        body.u64(invocation);
        body.u32(checkpoint.number);
        const ais_bytes parts[] = {ais::to_abi(body.written())};
        return client::to_sa_error(
            session.connection->send(ais::ckpt::number_of(Kind::synchronize_async), parts));
    });
}

}  // extern "C"
