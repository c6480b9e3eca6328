// SPDX-License-Identifier: BSD-3-Clause

#include "session.hpp"

#include <limits>

namespace ais::crypto_sodium {

using envelope::header_size;
using envelope::refuse;
using envelope::tag_size;

Session::Session(const Options& options, Bytes authkey)
    : master_(derive_master(authkey)),
      next_{options.cipher,
            derive_key_id(master_),
            options.local_node,
            options.salt,
            options.first_counter},
      gives_way_(options.gives_way) {
    sealing_.derive(master_, next_);
}

Session::~Session() {
    sodium_memzero(master_.data(), master_.size());
}

ais_status Session::seal(Bytes plain, std::uint8_t* out) {
    if (next_.counter == std::numeric_limits<std::uint64_t>::max()) {
        return AIS_ERR_FAILED;  // one more would repeat a nonce
    }
    if (!sealing_.fits(next_)) {
        sealing_.derive(master_, next_);
    }
    envelope::write_header(next_, out);
    sealing_.seal(next_.counter, plain, out);
    ++next_.counter;
    return AIS_OK;
}

ais_status Session::open(MutableBytes datagram,
                         Bytes& plain,
                         ais_node_id& sender,
                         ais_crypto_fault& fault) {
    envelope::Header header;
    const ais_status status =
        envelope::inspect(datagram, next_.key_id, is_available, header, fault);
    if (status != AIS_OK) {
        return status;
    }
    Peer* peer = peers_.find(header);
    const bool is_known = peer != nullptr && peer->subkey.fits(header);
    if (!is_known) {
        trial_.derive(master_, header);
    }
    const Subkey& subkey = is_known ? peer->subkey : trial_;
    if (!subkey.open(header.counter, datagram)) {
        return refuse(fault, AIS_FAULT_TAG, header.sender, header.key_id);
    }

    if (peer == nullptr) {
        peer = &peers_.add(header);
    }
    if (!peer->window.accept(header.counter)) {
        return refuse(fault, AIS_FAULT_REPLAY, header.sender, header.key_id);
    }
    // Why only the newest: a straggler of the epoch or cipher before must not
    // make every datagram behind it derive its sub-key again.
    if (!is_known && header.counter == peer->window.top()) {
        peer->subkey = trial_;
    }
    give_way(header);
    plain = datagram.subspan(header_size, datagram.size() - header_size - tag_size);
    sender = header.sender;
    return AIS_OK;
}

void Session::give_way(const envelope::Header& header) {
    if (gives_way_ && header.cipher > next_.cipher && header.sender != next_.sender) {
        next_.cipher = header.cipher;
        gave_way_to_ = header.sender;
    }
}

}  // namespace ais::crypto_sodium
