// SPDX-License-Identifier: BSD-3-Clause
//
// What cpg takes from other nodes, from clients and, in the library, from the
// executive.  Input: pieces, each as u8 (what), u8 (bits 0-1: sender), u16 size, bytes.
// Checked: a snapshot that is accepted is canonical (saved again it gives the
// same bytes), what the state says can be read by the library, and
// the state's two ways to find a member agree whatever has come.

#include "service_fuzz.hpp"
#include "snapshot.hpp"
#include "state.hpp"
#include "wire.hpp"

namespace {

using namespace ais;
using fuzz::all_nodes;

void check_change(const cpg::Change& change) {
    Appender out;
    out.u32(1);
    change.encode(out);
    cpg::ChangeEvent event;
    AIS_ASSERT(cpg::ChangeEvent::decode(out.written(), event));
    AIS_ASSERT(event.members.size() == change.members.size() && event.group == change.group);
}

void check_state(const cpg::State& state) {
    for (const auto& [name, members] : state.membership()) {
        AIS_ASSERT(!members.empty());
        for (const cpg::Member& member : members) {
            const auto sender = state.sender(member.node, {member.seat, member.instance});
            AIS_ASSERT(sender.group != nullptr && sender.group->name == name &&
                       sender.pid == member.pid);
        }
    }
}

// Every second node may be gone.
void configure(cpg::State& state, std::uint8_t present, bool is_regular) {
    const fuzz::Configuration made(present, is_regular);
    for (const cpg::Change& change : state.configure(made.now())) {
        check_change(change);
    }
}

void merge(cpg::State& state, Bytes snapshot) {
    fuzz::check_foreign(snapshot, cpg::restore);
    const std::string own = cpg::save(state.membership());
    const auto states = fuzz::two_components(as_bytes(own), snapshot);
    if (const auto merged = cpg::merge(states, all_nodes)) {
        for (const cpg::Change& change : state.replace(*merged)) {
            check_change(change);
        }
    }
}

void read_as_library(Bytes event) {
    cpg::ChangeEvent change;
    cpg::RingEvent ring;
    cpg::IteratePage page;
    cpg::Hello hello;
    cpg::JoinRequest join;
    (void)cpg::ChangeEvent::decode(event, change);
    (void)cpg::RingEvent::decode(event, ring);
    (void)cpg::IteratePage::decode(event, page);
    (void)cpg::Hello::decode(event, hello);
    (void)cpg::JoinRequest::decode(event, join);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    cpg::State state(1);
    fuzz::for_each_piece(data, size, [&](std::uint8_t what, std::uint8_t who, Bytes bytes) {
        const ais_node_id sender = all_nodes[who & 3];
        cpg::JoinMessage join;
        cpg::LeaveMessage leave;
        cpg::IterateRequest iterate;
        switch (what % 6) {
            case 0:
                if (cpg::JoinMessage::decode(bytes, join)) {
                    if (const auto change = state.join(sender, join)) {
                        check_change(*change);
                    }
                }
                break;
            case 1:
                if (cpg::LeaveMessage::decode(bytes, leave)) {
                    if (const auto change = state.leave(sender, leave)) {
                        check_change(*change);
                    }
                }
                break;
            case 2:
                configure(state, who, (what & 0x80) != 0);
                break;
            case 3:
                merge(state, bytes);
                break;
            case 4:
                if (cpg::IterateRequest::decode(bytes, iterate)) {
                    Appender out;
                    state.iterate(iterate).encode(out);
                    cpg::IteratePage page;
                    AIS_ASSERT(cpg::IteratePage::decode(out.written(), page));
                }
                break;
            default:
                read_as_library(bytes);
                Reader head(bytes);
                (void)state.sender(sender, cpg::MessageHead::decode(head));
        }
        check_state(state);
    });
    return 0;
}
