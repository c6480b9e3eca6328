// SPDX-License-Identifier: BSD-3-Clause
//
// What evt takes from other nodes, from clients and, in the library, from the executive.
// Input: pieces, each as u8 (what), u8 (bits 0-1: sender), u16 size, bytes.
// Checked: a snapshot that is accepted is canonical (saved again it gives the same
// bytes), and so is what a merge makes of it and of a state that anything has happened to.

#include "base/assert.hpp"
#include "filter.hpp"
#include "snapshot.hpp"
#include "state.hpp"
#include "wire.hpp"

#include <algorithm>
#include <array>

namespace {

using namespace ais;

constexpr std::array<ais_node_id, 4> all_nodes{1, 2, 3, 4};

void configure(evt::State& state, std::uint8_t present, bool is_regular) {
    std::vector<ais_node_id> members;
    std::vector<ais_node_id> left;
    for (const ais_node_id node : all_nodes) {
        (node == state.self() || (present >> node & 1) != 0 ? members : left).push_back(node);
    }
    ais_configuration now{};
    now.struct_size = sizeof now;
    now.kind = is_regular ? AIS_CONFIGURATION_REGULAR : AIS_CONFIGURATION_TRANSITIONAL;
    now.members = members.data();
    now.member_count = static_cast<std::uint32_t>(members.size());
    now.left = left.data();
    now.left_count = static_cast<std::uint32_t>(left.size());
    state.configure(now);
}

void check_canonical(const evt::Image& image) {
    const std::string saved = evt::save(image);
    const auto again = evt::restore(as_bytes(saved));
    AIS_ASSERT(again);
    AIS_ASSERT(evt::save(*again) == saved);
}

void merge(evt::State& state, Bytes snapshot) {
    if (const auto restored = evt::restore(snapshot)) {
        AIS_ASSERT(as_text(snapshot) == evt::save(*restored));
    }
    const std::string own = evt::save(state.image());
    const SavedState states[] = {{true, 1, std::span(all_nodes).first(2), as_bytes(own)},
                                 {false, 3, std::span(all_nodes).last(2), snapshot}};
    if (const auto merged = evt::merge(states, all_nodes)) {
        check_canonical(*merged);
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
            if (evt::decode_numbers(bytes, numbers)) {
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
            if (evt::decode_numbers(bytes, numbers)) {
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
    Reader in(Bytes(data, size));
    while (in.ok() && in.remaining() > 0) {
        const std::uint8_t what = in.u8();
        const std::uint8_t who = in.u8();
        const std::uint16_t wanted = in.u16();
        const Bytes bytes = in.bytes(std::min<std::size_t>(wanted, in.remaining()));
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
        check_canonical(state.image());
    }
    return 0;
}
