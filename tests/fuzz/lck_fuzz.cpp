// SPDX-License-Identifier: BSD-3-Clause
//
// What lck takes from other nodes, from clients and, in the library, from the executive.
// Input: pieces, each as u8 (what), u8 (bits 0-1: sender), u16 size, bytes.
// Checked: a snapshot that is accepted is canonical (saved again it gives the same
// bytes), and so is what a merge makes of it and of a state that anything has happened to: so
// locks that are granted are never in conflict (restore() refuses that), and no open or place is
// lost.

#include "service_fuzz.hpp"
#include "snapshot.hpp"
#include "state.hpp"
#include "wire.hpp"

namespace {

using namespace ais;
using fuzz::all_nodes;

void configure(lck::State& state,
               std::uint64_t& ring,
               std::uint8_t present,
               bool is_regular,
               bool is_primary) {
    const fuzz::Configuration made(present, is_regular, ring += 4);
    lck::Effects effects;
    state.configure(made.now(), is_primary, effects);
}

void merge(lck::State& state, Bytes snapshot) {
    fuzz::check_foreign(snapshot, lck::restore);
    const std::string own = lck::save(state.image());
    const auto states = fuzz::two_components(as_bytes(own), snapshot);
    if (const auto merged = lck::merge(states, all_nodes)) {
        fuzz::check_canonical(*merged, lck::restore);
        lck::Effects effects;
        state.replace(*merged, true, effects);
    }
}

void read_as_others(Bytes bytes) {
    lck::Hello hello;
    lck::OpenRequest open;
    lck::LockRequest lock;
    lck::LockAnswer answer;
    lck::DoneEvent done;
    lck::GrantedEvent granted;
    lck::WaiterEvent waiter;
    lck::Fence fence;
    (void)lck::Hello::decode(bytes, hello);
    (void)lck::OpenRequest::decode(bytes, true, open);
    (void)lck::OpenRequest::decode(bytes, false, open);
    (void)lck::LockRequest::decode(bytes, true, lock);
    (void)lck::LockRequest::decode(bytes, false, lock);
    (void)lck::LockAnswer::decode(bytes, answer);
    (void)lck::DoneEvent::decode(bytes, done);
    (void)lck::GrantedEvent::decode(bytes, granted);
    (void)lck::WaiterEvent::decode(bytes, waiter);
    (void)lck::Fence::decode(bytes, fence);
    Reader in(bytes);
    lck::ListLine line;
    while (in.remaining() > 0 && lck::ListLine::decode(in, line)) {
    }
}

void deliver(lck::State& state, std::uint8_t what, ais_node_id sender, Bytes bytes) {
    lck::OpenMessage open;
    lck::LockMessage lock;
    lck::TargetMessage target;
    std::vector<std::uint64_t> numbers;
    lck::Effects effects;
    switch (what) {
        case 0:
            if (lck::OpenMessage::decode(bytes, open)) {
                (void)state.open(sender, open);
            }
            break;
        case 1:
            if (decode_numbers(bytes, numbers)) {
                state.close(sender, numbers, effects);
            }
            break;
        case 2:
            if (lck::LockMessage::decode(bytes, lock)) {
                (void)state.lock(sender, lock, effects);
            }
            break;
        case 3:
            if (lck::TargetMessage::decode(bytes, target)) {
                (void)state.unlock(sender, target.number, effects);
            }
            break;
        case 4:
            if (decode_numbers(bytes, numbers)) {
                for (const std::uint64_t number : numbers) {
                    (void)state.expire(sender, number, effects);
                }
            }
            break;
        case 5:
            if (lck::TargetMessage::decode(bytes, target)) {
                (void)state.purge(sender, target.number, effects);
            }
            break;
        default:
            state.thaw(effects);
    }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    lck::State state(1);
    std::uint64_t ring = 0;
    configure(state, ring, 0x1e, true, true);
    fuzz::for_each_piece(data, size, [&](std::uint8_t what, std::uint8_t who, Bytes bytes) {
        switch (what % 10) {
            case 7:
                configure(state, ring, who, (what & 0x80) != 0, (what & 0x40) == 0);
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
        fuzz::check_canonical(state.image(), lck::restore);
    });
    return 0;
}
