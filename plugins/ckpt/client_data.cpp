// SPDX-License-Identifier: BSD-3-Clause
//
// libSaCkpt: writes and reads.  A small write of one element is one copy into the
// shared ring, a read of one element one copy out of it into the application's buffer.

#include "client_transfer.hpp"

#include <ais/abi/plugin.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>

namespace ais::ckpt {
namespace {

void tell_index(SaUint32T* index, std::uint32_t value) {
    if (index != nullptr) {
        *index = value;
    }
}

Bytes data_of(const SaCkptIOVectorElementT& element) {
    return {static_cast<const std::uint8_t*>(element.dataBuffer), element.dataSize};
}

// One element, without memory of its own.
SaAisErrorT write_one(Opened& checkpoint,
                      Session& session,
                      const SaCkptIOVectorElementT& element,
                      std::vector<std::uint8_t>& response) {
    std::uint8_t space[Write::head_size + 16];
    Writer head(space);
    Write::encode_head(head, checkpoint.number, 1);
    head.u32(element.sectionId.idLen);
    std::uint8_t more_space[12];
    Writer more(more_space);
    more.u64(element.dataOffset);
    more.u32(static_cast<std::uint32_t>(element.dataSize));
    const ais_bytes parts[] = {to_abi(head.written()),
                               to_abi(id_text(element.sectionId)),
                               to_abi(more.written()),
                               to_abi(data_of(element))};
    return call(session, Kind::write, parts, response);
}

SaAisErrorT write_all(Opened& checkpoint,
                      Session& session,
                      std::span<const SaCkptIOVectorElementT> elements,
                      std::vector<std::uint8_t>& response) {
    std::vector<Appender> heads(elements.size());
    std::vector<ais_bytes> parts;
    parts.reserve(2 * elements.size());
    for (std::size_t i = 0; i < elements.size(); ++i) {
        if (i == 0) {
            Write::encode_head(heads[0], checkpoint.number, elements.size());
        }
        const WriteElement element{
            id_text(elements[i].sectionId), elements[i].dataOffset, data_of(elements[i])};
        element.encode_head(heads[i]);
        parts.push_back(to_abi(heads[i].written()));
        parts.push_back(to_abi(element.data));
    }
    return call(session, Kind::write, parts, response);
}

SaAisErrorT write(Opened& checkpoint,
                  Session& session,
                  std::span<const SaCkptIOVectorElementT> elements,
                  SaUint32T* index) {
    std::size_t size = Write::head_size;
    for (const SaCkptIOVectorElementT& element : elements) {
        // Each term is below 2^63 or the sum is far above the limit at once.
        size += 16 + element.sectionId.idLen + std::min<std::size_t>(element.dataSize, 1U << 31);
    }
    std::vector<std::uint8_t> response;
    SaAisErrorT error = SA_AIS_OK;
    if (size > session.connection->payload_max()) {
        Plan plan;
        std::vector<Bytes> data;
        for (const SaCkptIOVectorElementT& element : elements) {
            plan.elements.push_back(
                {std::string(id_text(element.sectionId)), element.dataOffset, element.dataSize});
            data.push_back(data_of(element));
        }
        error = transfer(checkpoint, session, std::move(plan), data, response);
    } else if (elements.size() == 1) {
        error = write_one(checkpoint, session, elements[0], response);
    } else {
        error = write_all(checkpoint, session, elements, response);
    }
    if (error != SA_AIS_OK) {
        tell_index(index, index_in(response));
    }
    return error;
}

// Offset and size that cannot be added, or an element that is not there.
bool is_writable(const SaCkptIOVectorElementT& element) {
    return element.dataBuffer != nullptr && element.dataSize != 0 && is_id(element.sectionId) &&
           element.dataOffset + element.dataSize > element.dataOffset;
}

// Where the data of an element goes: the application's buffer, or one that is made.
class Target {
  public:
    Target(Session& session, Opened& checkpoint, SaCkptIOVectorElementT& element)
        : session_(session), checkpoint_(checkpoint), element_(element) {}

    // False: there is no memory.  Limit: what the buffer does not hold is cut off.
    bool take(std::uint64_t size) {
        if (element_.dataBuffer == nullptr) {
            element_.dataBuffer = allocate(session_, checkpoint_, size);
            if (element_.dataBuffer == nullptr) {
                return false;
            }
            element_.dataSize = size;
            is_made_ = true;
        }
        element_.readSize = std::min<std::uint64_t>(size, element_.dataSize);
        return true;
    }
    [[nodiscard]] MutableBytes bytes() const {
        return {static_cast<std::uint8_t*>(element_.dataBuffer), element_.readSize};
    }
    // Of a read that has failed the application gets no memory.
    void undo() {
        if (is_made_) {
            release(checkpoint_, session_, element_.dataBuffer);
            element_.dataBuffer = nullptr;
        }
    }

  private:
    Session& session_;
    Opened& checkpoint_;
    SaCkptIOVectorElementT& element_;
    bool is_made_ = false;
};

std::vector<Target> targets_of(Session& session,
                               Opened& checkpoint,
                               std::span<SaCkptIOVectorElementT> elements) {
    std::vector<Target> targets;
    targets.reserve(elements.size());
    for (SaCkptIOVectorElementT& element : elements) {
        targets.emplace_back(session, checkpoint, element);
    }
    return targets;
}

SaAisErrorT fetch_part(Session& session,
                       std::uint32_t read,
                       std::uint32_t element,
                       MutableBytes to) {
    const std::size_t most = session.connection->payload_max();
    for (std::size_t offset = 0; offset < to.size();) {
        const std::size_t size = std::min(most, to.size() - offset);
        std::uint8_t space[ReadPart::size_of];
        Writer body(space);
        ReadPart{read, element, offset, static_cast<std::uint32_t>(size)}.encode(body);
        const ais_bytes parts[] = {to_abi(body.written())};
        client::Response head;
        const auto status = session.connection->call(
            number_of(Kind::read_part), parts, to.subspan(offset, size), head);
        if (status != client::Status::ok) {
            return client::to_sa_error(status);
        }
        if (head.error != SA_AIS_OK || head.size == 0 || head.size > size) {
            return SA_AIS_ERR_LIBRARY;
        }
        offset += head.size;
    }
    return SA_AIS_OK;
}

// The service holds what was read until we have it.
SaAisErrorT fetch_parts(Opened& checkpoint,
                        Session& session,
                        std::span<SaCkptIOVectorElementT> elements,
                        const ReadSizes& sizes) {
    SaAisErrorT error = sizes.sizes.size() == elements.size() ? SA_AIS_OK : SA_AIS_ERR_LIBRARY;
    auto targets = targets_of(session, checkpoint, elements);
    for (std::uint32_t i = 0; i < targets.size() && error == SA_AIS_OK; ++i) {
        error = targets[i].take(sizes.sizes[i])
                    ? fetch_part(session, sizes.read, i, targets[i].bytes())
                    : SA_AIS_ERR_NO_MEMORY;
    }
    if (error != SA_AIS_OK) {
        std::for_each(targets.begin(), targets.end(), [](Target& one) { one.undo(); });
    }
    std::uint8_t space[HandleOnly::size];
    Writer body(space);
    body.u32(sizes.read);
    const ais_bytes parts[] = {to_abi(body.written())};
    session.connection->send(number_of(Kind::read_done), parts, client::forever);
    return error;
}

SaAisErrorT take_together(Opened& checkpoint,
                          Session& session,
                          std::span<SaCkptIOVectorElementT> elements,
                          Reader& in,
                          const ReadSizes& sizes) {
    SaAisErrorT error = sizes.sizes.size() == elements.size() ? SA_AIS_OK : SA_AIS_ERR_LIBRARY;
    auto targets = targets_of(session, checkpoint, elements);
    for (std::size_t i = 0; i < targets.size() && error == SA_AIS_OK; ++i) {
        const Bytes data = in.bytes(sizes.sizes[i]);
        error = !in.ok()                        ? SA_AIS_ERR_LIBRARY
                : !targets[i].take(data.size()) ? SA_AIS_ERR_NO_MEMORY
                                                : SA_AIS_OK;
        if (error == SA_AIS_OK) {
            copy_bytes(targets[i].bytes().data(), data.first(targets[i].bytes().size()));
        }
    }
    if (error != SA_AIS_OK) {
        std::for_each(targets.begin(), targets.end(), [](Target& one) { one.undo(); });
    }
    return error;
}

// What an application asks for by a size, however large, is not "the rest".
std::uint64_t wanted_size(const SaCkptIOVectorElementT& element) {
    return element.dataBuffer == nullptr
               ? ReadElement::rest
               : std::min<std::uint64_t>(element.dataSize, ReadElement::rest - 1);
}

// One element into the application's own buffer: the common case.
SaAisErrorT read_one(Opened& checkpoint, Session& session, SaCkptIOVectorElementT& element) {
    std::uint8_t space[12];
    Writer head(space);
    head.u32(checkpoint.number);
    head.u32(1);
    head.u32(element.sectionId.idLen);
    std::uint8_t more_space[16];
    Writer more(more_space);
    more.u64(element.dataOffset);
    more.u64(wanted_size(element));
    const ais_bytes parts[] = {
        to_abi(head.written()), to_abi(id_text(element.sectionId)), to_abi(more.written())};
    const MutableBytes to(static_cast<std::uint8_t*>(element.dataBuffer), element.dataSize);
    client::Response response;
    const auto status = session.connection->call(number_of(Kind::read), parts, to, response);
    if (status != client::Status::ok) {
        return client::to_sa_error(status);
    }
    if (response.error == SA_AIS_OK) {
        element.readSize = std::min<std::size_t>(response.size, to.size());
        return SA_AIS_OK;
    }
    if (response.error != static_cast<std::int32_t>(Error::in_parts)) {
        return static_cast<SaAisErrorT>(response.error);
    }
    // What does not fit a message leaves room for its sizes in the buffer.
    Reader in(to.first(std::min<std::size_t>(response.size, to.size())));
    ReadSizes sizes;
    if (!ReadSizes::decode(in, sizes)) {
        return SA_AIS_ERR_LIBRARY;
    }
    return fetch_parts(checkpoint, session, {&element, 1}, sizes);
}

SaAisErrorT read_all(Opened& checkpoint,
                     Session& session,
                     std::span<SaCkptIOVectorElementT> elements,
                     SaUint32T* index) {
    Appender body;
    body.u32(checkpoint.number);
    body.u32(static_cast<std::uint32_t>(elements.size()));
    for (const SaCkptIOVectorElementT& element : elements) {
        const ReadElement wanted{
            id_text(element.sectionId), element.dataOffset, wanted_size(element)};
        wanted.encode(body);
    }
    if (body.size() > session.connection->payload_max()) {
        return SA_AIS_ERR_NO_RESOURCES;
    }
    const ais_bytes parts[] = {to_abi(body.written())};
    std::vector<std::uint8_t> response;
    const SaAisErrorT error = call(session, Kind::read, parts, response);
    if (error == SA_AIS_OK) {
        Target target(session, checkpoint, elements[0]);
        if (elements.size() != 1) {
            return SA_AIS_ERR_LIBRARY;
        }
        if (!target.take(response.size())) {
            return SA_AIS_ERR_NO_MEMORY;
        }
        copy_bytes(target.bytes().data(), Bytes(response).first(target.bytes().size()));
        return SA_AIS_OK;
    }
    const auto how = static_cast<Error>(static_cast<std::int32_t>(error));
    if (how != Error::together && how != Error::in_parts) {
        tell_index(index, index_in(response));
        return error;
    }
    Reader in(response);
    ReadSizes sizes;
    if (!ReadSizes::decode(in, sizes)) {
        return SA_AIS_ERR_LIBRARY;
    }
    return how == Error::together ? take_together(checkpoint, session, elements, in, sizes)
                                  : fetch_parts(checkpoint, session, elements, sizes);
}

}  // namespace
}  // namespace ais::ckpt

using ais::ckpt::Opened;
using ais::ckpt::Session;
using ais::ckpt::with_checkpoint;

extern "C" {

AIS_EXPORT SaAisErrorT saCkptCheckpointWrite(SaCkptCheckpointHandleT checkpointHandle,
                                             const SaCkptIOVectorElementT* ioVector,
                                             SaUint32T numberOfElements,
                                             SaUint32T* erroneousVectorIndex) {
    return with_checkpoint(checkpointHandle, [=](Opened& checkpoint, Session& session) {
        if (ioVector == nullptr || numberOfElements == 0) {
            return SA_AIS_ERR_INVALID_PARAM;
        }
        const std::span elements(ioVector, numberOfElements);
        for (SaUint32T i = 0; i < numberOfElements; ++i) {
            if (!ais::ckpt::is_writable(elements[i])) {
                ais::ckpt::tell_index(erroneousVectorIndex, i);
                return SA_AIS_ERR_INVALID_PARAM;
            }
        }
        if ((checkpoint.flags & SA_CKPT_CHECKPOINT_WRITE) == 0) {
            return SA_AIS_ERR_ACCESS;
        }
        if (numberOfElements > ais::ckpt::elements_max) {
            return SA_AIS_ERR_NO_RESOURCES;
        }
        return ais::ckpt::write(checkpoint, session, elements, erroneousVectorIndex);
    });
}

AIS_EXPORT SaAisErrorT saCkptSectionOverwrite(SaCkptCheckpointHandleT checkpointHandle,
                                              const SaCkptSectionIdT* sectionId,
                                              const void* dataBuffer,
                                              SaSizeT dataSize) {
    return with_checkpoint(checkpointHandle, [=](Opened& checkpoint, Session& session) {
        if (dataBuffer == nullptr || sectionId == nullptr || !ais::ckpt::is_id(*sectionId)) {
            return SA_AIS_ERR_INVALID_PARAM;
        }
        if ((checkpoint.flags & SA_CKPT_CHECKPOINT_WRITE) == 0) {
            return SA_AIS_ERR_ACCESS;
        }
        const std::string_view id = ais::ckpt::id_text(*sectionId);
        const ais::Bytes data(static_cast<const std::uint8_t*>(dataBuffer), dataSize);
        std::vector<std::uint8_t> response;
        const std::size_t room = session.connection->payload_max() - 8 - id.size();
        if (data.size() > room) {
            const ais::Bytes all[] = {data};
            return ais::ckpt::transfer(checkpoint,
                                       session,
                                       {ais::ckpt::Kind::overwrite,
                                        ais::ckpt::time_end,
                                        {{std::string(id), 0, data.size()}}},
                                       all,
                                       response);
        }
        std::uint8_t space[8];
        ais::Writer head(space);
        head.u32(checkpoint.number);
        head.u32(static_cast<std::uint32_t>(id.size()));
        const ais_bytes parts[] = {ais::to_abi(head.written()), ais::to_abi(id), ais::to_abi(data)};
        return ais::ckpt::call(session, ais::ckpt::Kind::overwrite, parts, response);
    });
}

AIS_EXPORT SaAisErrorT saCkptCheckpointRead(SaCkptCheckpointHandleT checkpointHandle,
                                            SaCkptIOVectorElementT* ioVector,
                                            SaUint32T numberOfElements,
                                            SaUint32T* erroneousVectorIndex) {
    return with_checkpoint(checkpointHandle, [=](Opened& checkpoint, Session& session) {
        if (ioVector == nullptr || numberOfElements == 0) {
            return SA_AIS_ERR_INVALID_PARAM;
        }
        const std::span elements(ioVector, numberOfElements);
        for (SaUint32T i = 0; i < numberOfElements; ++i) {
            if (!ais::ckpt::is_id(elements[i].sectionId)) {
                ais::ckpt::tell_index(erroneousVectorIndex, i);
                return SA_AIS_ERR_INVALID_PARAM;
            }
        }
        if ((checkpoint.flags & SA_CKPT_CHECKPOINT_READ) == 0) {
            return SA_AIS_ERR_ACCESS;
        }
        if (numberOfElements > ais::ckpt::elements_max) {
            return SA_AIS_ERR_NO_RESOURCES;
        }
        if (numberOfElements > 1 || elements[0].dataBuffer == nullptr) {
            return ais::ckpt::read_all(checkpoint, session, elements, erroneousVectorIndex);
        }
        const SaAisErrorT error = ais::ckpt::read_one(checkpoint, session, elements[0]);
        if (error != SA_AIS_OK) {
            ais::ckpt::tell_index(erroneousVectorIndex, 0);
        }
        return error;
    });
}

AIS_EXPORT SaAisErrorT saCkptIOVectorElementDataFree(SaCkptCheckpointHandleT checkpointHandle,
                                                     void* data) {
    return with_checkpoint(checkpointHandle, [=](Opened& checkpoint, Session& session) {
        return ais::ckpt::release(checkpoint, session, data);
    });
}

}  // extern "C"
