// SPDX-License-Identifier: BSD-3-Clause
//
// What cpg takes from other nodes, from clients and, in the library, from the
// executive.  Input: pieces, each as u8 (what), u8 (bits 0-1: sender), u16 size, bytes.
// Checked: a snapshot that is accepted is canonical (saved again it gives the
// same bytes), a library that follows the changes has the members that the state has, and
// the state's two ways to find a member agree whatever has come.

#include "service_fuzz.hpp"
#include "snapshot.hpp"
#include "state.hpp"
#include "view.hpp"
#include "wire.hpp"

#include <algorithm>
#include <map>
#include <string>

namespace {

using namespace ais;
using fuzz::all_nodes;

// What libraries keep: of each group, as a member that was there from the beginning.
using Views = std::map<std::string, cpg::View>;

void check_change(const cpg::State& state, const cpg::Change& change, Views& views) {
    const cpg::Group* group = state.find(change.group);
    if (group == nullptr) {
        views.erase(change.group);
        return;
    }
    const auto [view, is_new] = views.try_emplace(change.group);
    cpg::Told told;
    auto heard = cpg::View::Heard::part;
    // 100: some come in parts.
    for (const std::string& bytes : change.encode(is_new ? group : nullptr, 100)) {
        cpg::ChangeEvent event;
        AIS_ASSERT(heard == cpg::View::Heard::part &&
                   cpg::ChangeEvent::decode(as_bytes(std::string(4, '\0') + bytes), event));
        heard = view->second.hear(event, told);
    }
    AIS_ASSERT(heard == cpg::View::Heard::change);
    const auto is_same = [](const cpg_address& a, const cpg::Member& b) {
        return a.nodeid == b.node && a.pid == b.pid;
    };
    AIS_ASSERT(std::equal(told.members().begin(),
                          told.members().end(),
                          group->members.begin(),
                          group->members.end(),
                          is_same));
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
void configure(cpg::State& state, std::uint8_t present, bool is_regular, Views& views) {
    const fuzz::Configuration made(present, is_regular);
    for (const cpg::Change& change : state.configure(made.now())) {
        check_change(state, change, views);
    }
}

void merge(cpg::State& state, Bytes snapshot, Views& views) {
    fuzz::check_foreign(snapshot, cpg::restore);
    const std::string own = cpg::save(state.membership());
    const auto states = fuzz::two_components(as_bytes(own), snapshot);
    if (const auto merged = cpg::merge(states, all_nodes)) {
        for (const cpg::Change& change : state.replace(*merged)) {
            check_change(state, change, views);
        }
    }
}

void read_as_library(Bytes event, cpg::View& view) {
    cpg::ChangeEvent change;
    cpg::Told told;
    if (cpg::ChangeEvent::decode(event, change)) {
        (void)view.hear(change, told);
    }
    cpg::MembershipPage members;
    cpg::MembershipRequest request;
    cpg::RingEvent ring;
    cpg::IteratePage page;
    cpg::Hello hello;
    cpg::JoinRequest join;
    (void)cpg::MembershipPage::decode(event, members);
    (void)cpg::MembershipRequest::decode(event, request);
    (void)cpg::RingEvent::decode(event, ring);
    (void)cpg::IteratePage::decode(event, page);
    (void)cpg::Hello::decode(event, hello);
    (void)cpg::JoinRequest::decode(event, join);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    cpg::State state(1);
    Views views;
    cpg::View hostile;  // of a library whose executive says anything
    fuzz::for_each_piece(data, size, [&](std::uint8_t what, std::uint8_t who, Bytes bytes) {
        const ais_node_id sender = all_nodes[who & 3];
        cpg::JoinMessage join;
        cpg::LeaveMessage leave;
        cpg::IterateRequest iterate;
        switch (what % 6) {
            case 0:
                if (cpg::JoinMessage::decode(bytes, join)) {
                    if (const auto change = state.join(sender, join)) {
                        check_change(state, *change, views);
                    }
                }
                break;
            case 1:
                if (cpg::LeaveMessage::decode(bytes, leave)) {
                    if (const auto change = state.leave(sender, leave)) {
                        check_change(state, *change, views);
                    }
                }
                break;
            case 2:
                configure(state, who, (what & 0x80) != 0, views);
                break;
            case 3:
                merge(state, bytes, views);
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
                read_as_library(bytes, hostile);
                Reader head(bytes);
                (void)state.sender(sender, cpg::MessageHead::decode(head));
        }
        check_state(state);
    });
    return 0;
}
