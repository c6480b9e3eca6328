// SPDX-License-Identifier: BSD-3-Clause

#include "client_transfer.hpp"

#include <algorithm>

namespace ais::ckpt {
namespace {

SaAisErrorT send_pieces(Opened& checkpoint, Session& session, std::uint32_t element, Bytes data) {
    const std::size_t most = session.connection->payload_max() - Piece::head_size;
    std::vector<std::uint8_t> response;
    for (std::size_t offset = 0; offset < data.size(); offset += most) {
        std::uint8_t space[Piece::head_size];
        Writer head(space);
        Piece{checkpoint.number, element, offset, {}}.encode_head(head);
        const Bytes piece = data.subspan(offset, std::min(most, data.size() - offset));
        const ais_bytes parts[] = {to_abi(head.written()), to_abi(piece)};
        const SaAisErrorT error = call(session, Kind::piece, parts, response);
        if (error != SA_AIS_OK) {
            return error;
        }
    }
    return SA_AIS_OK;
}

}  // namespace

SaAisErrorT transfer(Opened& checkpoint,
                     Session& session,
                     Plan plan,
                     std::span<const Bytes> data,
                     std::vector<std::uint8_t>& response) {
    const std::lock_guard one_at_a_time(checkpoint.transfer);
    Appender body;
    Begin{checkpoint.number, std::move(plan)}.encode(body);
    if (body.size() > session.connection->payload_max()) {
        return SA_AIS_ERR_NO_RESOURCES;
    }
    const ais_bytes parts[] = {to_abi(body.written())};
    SaAisErrorT error = call(session, Kind::begin, parts, response);
    for (std::uint32_t i = 0; i < data.size() && error == SA_AIS_OK; ++i) {
        error = send_pieces(checkpoint, session, i, data[i]);
    }
    // An error leaves what has come to be given up by the next plan, a close or our end.
    return error != SA_AIS_OK ? error
                              : call_handle(session, Kind::finish, checkpoint.number, response);
}

}  // namespace ais::ckpt
