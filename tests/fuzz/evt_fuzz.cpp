// SPDX-License-Identifier: BSD-3-Clause
//
// What evt takes from other nodes, from clients and, in the library, from the executive.
// Input: pieces, each as u8 (what), u8 (bits 0-1: sender), u16 size, bytes.
// Checked: a snapshot that is accepted is canonical (saved again it gives the same
// bytes), and so is what a merge makes of it and of a state that anything has happened to.

#include "filter.hpp"
#include "service_fuzz.hpp"
#include "snapshot.hpp"
#include "state.hpp"
#include "wire.hpp"

namespace {

using namespace ais;
using fuzz::all_nodes;

void configure(evt::State& state, std::uint8_t present, bool is_regular) {
    const fuzz::Configuration made(present, is_regular);
    state.configure(made.now());
}

void merge(evt::State& state, Bytes snapshot) {
    fuzz::check_foreign(snapshot, evt::restore);
    const std::string own = evt::save(state.image());
    const auto states = fuzz::two_components(as_bytes(own), snapshot);
    if (const auto merged = evt::merge(states, all_nodes)) {
        fuzz::check_canonical(*merged, evt::restore);
        (void)state.replace(*merged);
    }
}

void read_as_others(Bytes bytes) {
    evt::OpenedEvent opened;
    evt::IdBlock ids;
    evt::Hello hello;
    evt::OpenRequest open;
    std::vector<evt::Filter> filters;
    (void)evt::OpenedEvent::decode(bytes, opened);
    (void)evt::IdBlock::decode(bytes, ids);
    (void)evt::Hello::decode(bytes, hello);
    (void)evt::OpenRequest::decode(bytes, true, open);
    (void)evt::OpenRequest::decode(bytes, false, open);
    Reader in(bytes);
    (void)evt::decode_filters(in, filters);
}

void deliver(evt::State& state, std::uint8_t what, ais_node_id sender, Bytes bytes) {
    Reader in(bytes);
    evt::OpenMessage open;
    evt::UnlinkMessage unlink;
    evt::ClearMessage clear;
    evt::Event event;
    std::vector<std::uint64_t> numbers;
    switch (what) {
        case 0:
            if (evt::OpenMessage::decode(bytes, open)) {
                (void)state.open(sender, open);
            }
            break;
        case 1:
            if (decode_numbers(bytes, numbers)) {
                for (const std::uint64_t number : numbers) {
                    state.close(sender, number);
                }
            }
            break;
        case 2:
            if (evt::UnlinkMessage::decode(bytes, unlink)) {
                (void)state.unlink(unlink.name);
            }
            break;
        case 3: {
            const std::uint64_t number = in.u64();
            if (in.ok() && evt::Event::decode(in.rest(), event) && event.id > evt::reserved_ids) {
                (void)state.publish(sender, number, event, in.rest());
            }
            break;
        }
        case 4:
            if (evt::ClearMessage::decode(bytes, clear)) {
                (void)state.clear(sender, clear.number, clear.id);
            }
            break;
        case 5:
            if (decode_numbers(bytes, numbers)) {
                state.expire(numbers);
            }
            break;
        default:
            state.tick(in.u64());
    }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    evt::State state(1);
    fuzz::for_each_piece(data, size, [&](std::uint8_t what, std::uint8_t who, Bytes bytes) {
        switch (what % 10) {
            case 7:
                configure(state, who, (what & 0x80) != 0);
                break;
            case 8:
                merge(state, bytes);
                break;
            case 9:
                read_as_others(bytes);
                break;
            default:
                deliver(state, what % 10, all_nodes[who & 3], bytes);
        }
        fuzz::check_canonical(state.image(), evt::restore);
    });
    return 0;
}
