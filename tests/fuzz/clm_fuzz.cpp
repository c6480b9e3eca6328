// SPDX-License-Identifier: BSD-3-Clause
//
// What clm takes from other nodes, from clients and, in the library, from the
// executive.  Input: pieces, each as u8 (what), u8 (who), u16 size, bytes.
// Checked: a snapshot that is accepted is canonical (saved again it gives the same
// bytes), what the state says can be read by the library, this node is always a member, and
// the number of the view never shrinks but by a restore.

#include "service_fuzz.hpp"
#include "snapshot.hpp"
#include "state.hpp"
#include "wire.hpp"

namespace {

using namespace ais;
using fuzz::all_nodes;

void check_report(const clm::State& state, const clm::ViewReport& report) {
    AIS_ASSERT(!report.items.empty() && report.members > 0);
    for (const std::uint32_t flags :
         {clm::TrackRequest::changes, clm::TrackRequest::changes_only | clm::TrackRequest::local}) {
        if (const auto wanted = clm::select(report, flags, state.self())) {
            Appender out;
            wanted->encode(out);
            Reader in(out.written());
            clm::ViewReport back;
            AIS_ASSERT(clm::ViewReport::decode(in, back) && back == *wanted);
        }
    }
}

void configure(clm::State& state, std::uint8_t present, bool is_regular) {
    const fuzz::Configuration made(present, is_regular);
    const std::uint64_t before = state.view().number;
    if (const auto report = state.configure(made.now())) {
        check_report(state, *report);
        AIS_ASSERT(state.view().number > before);
    }
}

void merge(clm::State& state, Bytes snapshot) {
    fuzz::check_foreign(snapshot, clm::restore);
    const std::string own = clm::save(state.surviving());
    const auto states = fuzz::two_components(as_bytes(own), snapshot);
    const std::uint64_t before = state.view().number;
    const auto merged = clm::merge(states, state.nodes());
    if (merged && merged->members.contains(state.self())) {
        for (const clm::ViewReport& report : state.replace(*merged)) {
            check_report(state, report);
        }
        AIS_ASSERT(state.view().number > before);
    }
}

void read_all(Bytes bytes) {
    clm::Hello hello;
    clm::TrackRequest track;
    clm::NodeRequest node;
    clm::ViewReport view;
    clm::Member member;
    Reader of_view(bytes);
    Reader of_member(bytes);
    (void)clm::Hello::decode(bytes, hello);
    (void)clm::TrackRequest::decode(bytes, track);
    (void)clm::NodeRequest::decode_get(bytes, node);
    (void)clm::NodeRequest::decode_ask(bytes, node);
    (void)clm::ViewReport::decode(of_view, view);
    (void)clm::Member::decode(of_member, member);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    clm::State state({1, 1, "10.0.0.1", "one", "", 0});
    fuzz::for_each_piece(data, size, [&](std::uint8_t what, std::uint8_t who, Bytes bytes) {
        Reader of_facts(bytes);
        clm::Facts facts;
        switch (what % 4) {
            case 0:
                if (clm::Facts::decode(of_facts, facts)) {
                    if (const auto report = state.facts(all_nodes[who & 3], facts)) {
                        check_report(state, *report);
                    }
                }
                break;
            case 1:
                configure(state, who, (what & 0x80) != 0);
                break;
            case 2:
                merge(state, bytes);
                break;
            default:
                read_all(bytes);
        }
        AIS_ASSERT(state.find(state.self()) != nullptr);
    });
    return 0;
}
