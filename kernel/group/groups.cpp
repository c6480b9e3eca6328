// SPDX-License-Identifier: BSD-3-Clause
//
// Wires packer and assembler together and owns the gate; see groups.hpp.

#include "group/groups.hpp"

#include "base/mutation.hpp"
#include "group/assembler.hpp"
#include "group/chunk.hpp"
#include "group/packer.hpp"

#include <bit>

namespace ais::group {
namespace {

// Limit: what clients are asked for ahead of a visit of the token.  Why 1 MiB: some visits' worth,
// so that a client that gets no processor for a while is not missed.
constexpr std::size_t asked_ahead = 1U << 20;

}  // namespace

struct Groups::Impl {
    Impl(const Limits& given, Receiver& receiver, Log& to)
        : limits(given), log(to), packer(given), assembler(given.message_max, receiver) {}

    [[nodiscard]] Packer::Open open() const {
        return gate_open ? Packer::Open::both : Packer::Open::kernel_only;
    }

    Limits limits;
    Log& log;
    Packer packer;
    Assembler assembler;
    bool gate_open = false;
    bool is_behind_hole = false;
    std::size_t payload_max = 1024;  // until the engine has told
    mutable GroupStats stats;
};

Groups::Groups(const Limits& limits, Receiver& receiver, Log& log)
    : impl_(std::make_unique<Impl>(limits, receiver, log)) {}

Groups::~Groups() = default;

ais_status Groups::multicast(Lane lane,
                             std::uint16_t service,
                             std::uint16_t kind,
                             totem::Guarantee guarantee,
                             std::span<const ais_bytes> parts) {
    return impl_->packer.push(lane, service, kind, guarantee, parts);
}

bool Groups::has_room() const {
    return impl_->packer.waiting_bytes(Lane::ordinary) < asked_ahead &&
           impl_->packer.has_room_for(Lane::ordinary, impl_->limits.message_max);
}

void Groups::set_gate(bool open) {
    impl_->gate_open = open;
}
bool Groups::gate_is_open() const {
    return impl_->gate_open;
}
bool Groups::is_behind_hole() const {
    return impl_->is_behind_hole;
}

void Groups::on_deliver(const totem::Deliver& message) {
    impl_->is_behind_hole = message.is_behind_hole;
    if (impl_->assembler.on_payload(message.sender, message.seq, message.payload)) {
        return;
    }
    const std::uint64_t count = ++impl_->stats.malformed;
    if (std::has_single_bit(
            count)) {  // Why: 1, 2, 4, …: a flood of them must not be a flood of lines
        AIS_LOG(impl_->log,
                warning,
                "group",
                "GROUP-001",
                "node ",
                message.sender.value(),
                " sent a payload that does not decode (",
                count,
                " so far from all nodes)");
    }
}

void Groups::before_free(totem::Seq last) {
    impl_->assembler.before_free(last);
}

void Groups::on_configure(const totem::Configuration& now) {
    impl_->is_behind_hole = false;
    if (now.kind != totem::Configuration::Kind::regular) {
        return;  // the last fragments of nodes that left may still come
    }
    impl_->gate_open = AIS_MUTATION(gate_open);
    if (AIS_MUTATION(partial_kept)) {
        impl_->assembler.before_free(Assembler::all);
    } else {
        impl_->stats.dropped_partial += impl_->assembler.drop_partials();
    }
    impl_->packer.rewind();
    impl_->packer.clear(Lane::kernel);
}

std::size_t Groups::backlog() const {
    return impl_->packer.backlog(impl_->open(), impl_->payload_max);
}

std::uint64_t Groups::messages_taken() const {
    return impl_->packer.messages_taken();
}
std::size_t Groups::take(MutableBytes room, totem::Guarantee& guarantee) {
    return impl_->packer.take(room, guarantee, impl_->open());
}

void Groups::set_payload_max(std::size_t bytes) {
    AIS_ASSERT(bytes >= chunk::payload_min && bytes <= chunk::payload_max);
    impl_->payload_max = bytes;
}

const Limits& Groups::limits() const {
    return impl_->limits;
}

const GroupStats& Groups::stats() const {
    GroupStats& stats = impl_->stats;
    stats.sent_messages = impl_->packer.messages_taken();
    stats.sent_fragments = impl_->packer.fragments_taken();
    stats.delivered_messages = impl_->assembler.delivered_messages();
    stats.delivered_bytes = impl_->assembler.delivered_bytes();
    return stats;
}

}  // namespace ais::group
