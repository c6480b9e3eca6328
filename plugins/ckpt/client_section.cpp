// SPDX-License-Identifier: BSD-3-Clause
//
// libSaCkpt: sections and iterations over them.

#include "client_transfer.hpp"

#include <ais/abi/plugin.h>

#include <cstdlib>
#include <cstring>

namespace ais::ckpt {
namespace {

SaAisErrorT create(Opened& checkpoint,
                   Session& session,
                   SaCkptSectionCreationAttributesT& attributes,
                   Bytes data) {
    SaCkptSectionIdT& id = *attributes.sectionId;
    const bool is_generated = id.idLen == 0;
    CreateHead create{checkpoint.number, attributes.expirationTime, id_text(id)};
    Appender head;
    create.encode(head);
    std::vector<std::uint8_t> response;
    SaAisErrorT error = SA_AIS_OK;
    if (head.size() + data.size() <= session.connection->payload_max()) {
        const ais_bytes parts[] = {to_abi(head.written()), to_abi(data)};
        error = call(session, Kind::create, parts, response);
    } else {
        Plan plan{Kind::create, create.expiration, {{std::string(create.id), 0, data.size()}}};
        error = transfer(checkpoint, session, std::move(plan), {&data, 1}, response);
    }
    if (error != SA_AIS_OK || !is_generated) {
        return error;
    }
    if (response.empty() || response.size() > id_max) {
        return SA_AIS_ERR_LIBRARY;
    }
    void* memory = allocate(session, checkpoint, response.size());
    if (memory == nullptr) {
        return SA_AIS_ERR_NO_MEMORY;
    }
    std::memcpy(memory, response.data(), response.size());
    id.id = static_cast<SaUint8T*>(memory);
    id.idLen = static_cast<SaUint16T>(response.size());
    return SA_AIS_OK;
}

// The next sections, if there are any.
SaAisErrorT fetch(Iteration& iteration, Session& session) {
    Appender body;
    iteration.wanted.after = iteration.after;
    iteration.wanted.encode(body);
    const ais_bytes parts[] = {to_abi(body.written())};
    std::vector<std::uint8_t> response;
    const SaAisErrorT error = call(session, Kind::iterate, parts, response);
    if (error != SA_AIS_OK) {
        return error;
    }
    Page page;
    if (!Page::decode(response, page)) {
        return SA_AIS_ERR_LIBRARY;
    }
    iteration.more = page.more;
    for (Descriptor& section : page.sections) {
        iteration.known.push_back(std::move(section));
    }
    if (!page.sections.empty()) {
        iteration.wanted.has_after = true;
        iteration.after = iteration.known.back().id;
    }
    return SA_AIS_OK;
}

SaAisErrorT next(Iteration& iteration, Session& session, SaCkptSectionDescriptorT& to) {
    const std::lock_guard lock(iteration.mutex);
    if (iteration.next == iteration.known.size() && iteration.more) {
        const SaAisErrorT error = fetch(iteration, session);
        if (error != SA_AIS_OK) {
            return error;
        }
    }
    if (iteration.next == iteration.known.size()) {
        return SA_AIS_ERR_NO_SECTIONS;
    }
    Descriptor& section = iteration.known[iteration.next++];
    to = {};
    to.sectionId.idLen = static_cast<SaUint16T>(section.id.size());
    to.sectionId.id = section.id.empty() ? nullptr : reinterpret_cast<SaUint8T*>(section.id.data());
    to.expirationTime = section.expiration;
    to.sectionSize = section.size;
    to.sectionState = static_cast<SaCkptSectionStateT>(section.state);
    to.lastUpdate = section.last_update;
    return SA_AIS_OK;
}

}  // namespace
}  // namespace ais::ckpt

namespace client = ais::client;
using ais::ckpt::Iteration;
using ais::ckpt::Kind;
using ais::ckpt::Opened;
using ais::ckpt::Session;
using ais::ckpt::with_checkpoint;

extern "C" {

AIS_EXPORT SaAisErrorT
saCkptSectionCreate(SaCkptCheckpointHandleT checkpointHandle,
                    SaCkptSectionCreationAttributesT* sectionCreationAttributes,
                    const void* initialData,
                    SaSizeT initialDataSize) {
    return with_checkpoint(checkpointHandle, [=](Opened& checkpoint, Session& session) {
        if (sectionCreationAttributes == nullptr ||
            sectionCreationAttributes->sectionId == nullptr ||
            sectionCreationAttributes->expirationTime < 0 ||
            (initialData == nullptr && initialDataSize > 0)) {
            return SA_AIS_ERR_INVALID_PARAM;
        }
        const SaCkptSectionIdT& id = *sectionCreationAttributes->sectionId;
        if ((id.idLen == 0) != (id.id == nullptr)) {
            return SA_AIS_ERR_INVALID_PARAM;
        }
        if ((checkpoint.flags & SA_CKPT_CHECKPOINT_WRITE) == 0) {
            return SA_AIS_ERR_ACCESS;
        }
        return ais::ckpt::create(
            checkpoint,
            session,
            *sectionCreationAttributes,
            ais::Bytes(static_cast<const std::uint8_t*>(initialData), initialDataSize));
    });
}

AIS_EXPORT SaAisErrorT saCkptSectionDelete(SaCkptCheckpointHandleT checkpointHandle,
                                           const SaCkptSectionIdT* sectionId) {
    return with_checkpoint(checkpointHandle, [=](Opened& checkpoint, Session& session) {
        if (sectionId == nullptr || sectionId->idLen == 0 || sectionId->id == nullptr) {
            return SA_AIS_ERR_INVALID_PARAM;
        }
        if ((checkpoint.flags & SA_CKPT_CHECKPOINT_WRITE) == 0) {
            return SA_AIS_ERR_ACCESS;
        }
        ais::Appender body;
        body.u32(checkpoint.number);
        body.bytes(ais::as_bytes(ais::ckpt::id_text(*sectionId)));
        return ais::ckpt::call(session, Kind::remove, body.written());
    });
}

AIS_EXPORT SaAisErrorT saCkptSectionIdFree(SaCkptCheckpointHandleT checkpointHandle, SaUint8T* id) {
    return with_checkpoint(checkpointHandle, [=](Opened& checkpoint, Session& session) {
        return ais::ckpt::release(checkpoint, session, id);
    });
}

AIS_EXPORT SaAisErrorT saCkptSectionExpirationTimeSet(SaCkptCheckpointHandleT checkpointHandle,
                                                      const SaCkptSectionIdT* sectionId,
                                                      SaTimeT expirationTime) {
    return with_checkpoint(checkpointHandle, [=](Opened& checkpoint, Session& session) {
        if (sectionId == nullptr || sectionId->idLen == 0 || sectionId->id == nullptr ||
            expirationTime < 0) {
            return SA_AIS_ERR_INVALID_PARAM;
        }
        if ((checkpoint.flags & SA_CKPT_CHECKPOINT_WRITE) == 0) {
            return SA_AIS_ERR_ACCESS;
        }
        std::uint8_t space[ais::ckpt::SetExpiration::head_size];
        ais::Writer head(space);
        ais::ckpt::SetExpiration{checkpoint.number, expirationTime, {}}.encode_head(head);
        const ais_bytes parts[] = {ais::to_abi(head.written()),
                                   ais::to_abi(ais::ckpt::id_text(*sectionId))};
        std::vector<std::uint8_t> response;
        return ais::ckpt::call(session, Kind::set_expiration, parts, response);
    });
}

AIS_EXPORT SaAisErrorT
saCkptSectionIterationInitialize(SaCkptCheckpointHandleT checkpointHandle,
                                 SaCkptSectionsChosenT sectionsChosen,
                                 SaTimeT expirationTime,
                                 SaCkptSectionIterationHandleT* sectionIterationHandle) {
    return with_checkpoint(checkpointHandle, [=](Opened& checkpoint, Session& session) {
        const auto chosen = static_cast<std::int64_t>(sectionsChosen);
        const bool is_by_time = sectionsChosen == SA_CKPT_SECTIONS_LEQ_EXPIRATION_TIME ||
                                sectionsChosen == SA_CKPT_SECTIONS_GEQ_EXPIRATION_TIME;
        if (sectionIterationHandle == nullptr || chosen < SA_CKPT_SECTIONS_FOREVER ||
            chosen > SA_CKPT_SECTIONS_ANY || (is_by_time && expirationTime < 0)) {
            return SA_AIS_ERR_INVALID_PARAM;
        }
        if (session.is_b2 && (checkpoint.flags & SA_CKPT_CHECKPOINT_READ) == 0) {
            return SA_AIS_ERR_ACCESS;
        }
        const auto pinned = ais::ckpt::checkpoints().pin(checkpointHandle);
        if (pinned == nullptr) {
            return SA_AIS_ERR_BAD_HANDLE;
        }
        // Whether there is a replica that answers; the sections come with the first Next.
        std::vector<std::uint8_t> response;
        const SaAisErrorT error =
            ais::ckpt::call_handle(session, Kind::status, checkpoint.number, response);
        if (error != SA_AIS_OK) {
            return error;
        }
        auto iteration = std::make_shared<Iteration>();
        iteration->owner = pinned->owner;
        iteration->checkpoint = pinned;
        iteration->wanted = {checkpoint.number,
                             static_cast<ais::ckpt::Chosen>(sectionsChosen),
                             expirationTime,
                             false,
                             {}};
        *sectionIterationHandle = ais::ckpt::iterations().insert(std::move(iteration));
        return SA_AIS_OK;
    });
}

AIS_EXPORT SaAisErrorT
saCkptSectionIterationNext(SaCkptSectionIterationHandleT sectionIterationHandle,
                           SaCkptSectionDescriptorT* sectionDescriptor) {
    return client::with_object(
        ais::ckpt::iterations(),
        sectionIterationHandle,
        [=](const auto& iteration, const auto& session) {
            if (iteration->checkpoint->is_closing) {
                return SA_AIS_ERR_BAD_HANDLE;
            }
            if (sectionDescriptor == nullptr) {
                return SA_AIS_ERR_INVALID_PARAM;
            }
            const SaAisErrorT alive = client::check_alive(*session);
            return alive != SA_AIS_OK ? alive
                                      : ais::ckpt::next(*iteration, *session, *sectionDescriptor);
        });
}

AIS_EXPORT SaAisErrorT
saCkptSectionIterationFinalize(SaCkptSectionIterationHandleT sectionIterationHandle) {
    return client::with_object(
        ais::ckpt::iterations(), sectionIterationHandle, [=](const auto&, const auto&) {
            return ais::ckpt::iterations().take(sectionIterationHandle) != nullptr
                       ? SA_AIS_OK
                       : SA_AIS_ERR_BAD_HANDLE;
        });
}

}  // extern "C"
