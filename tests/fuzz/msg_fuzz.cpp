// SPDX-License-Identifier: BSD-3-Clause
//
// What msg takes from other nodes, from clients and, in the library, from the executive.
// Input: pieces, each as u8 (what), u8 (bits 0-1: sender), u16 size, bytes.
// Checked: a snapshot that is accepted is canonical (saved again it gives the same
// bytes), and so is what a merge makes of it and of a state that anything has happened to.

#include "base/assert.hpp"
#include "snapshot.hpp"
#include "state.hpp"
#include "wire.hpp"

#include <algorithm>
#include <array>

namespace {

using namespace ais;

constexpr std::array<ais_node_id, 4> all_nodes{1, 2, 3, 4};

void configure(msg::State& state, std::uint8_t present, bool is_regular) {
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

void check_canonical(const msg::Image& image) {
    const std::string saved = msg::save(image);
    const auto again = msg::restore(as_bytes(saved));
    AIS_ASSERT(again);
    AIS_ASSERT(msg::save(*again) == saved);
}

void merge(msg::State& state, Bytes snapshot) {
    if (const auto restored = msg::restore(snapshot)) {
        AIS_ASSERT(as_text(snapshot) == msg::save(*restored));
    }
    const std::string own = msg::save(state.image());
    const SavedState states[] = {{true, 1, std::span(all_nodes).first(2), as_bytes(own)},
                                 {false, 3, std::span(all_nodes).last(2), snapshot}};
    if (const auto merged = msg::merge(states, all_nodes)) {
        check_canonical(*merged);
        state.replace(*merged);
    }
}

void read_as_others(Bytes bytes) {
    msg::OpenedEvent opened;
    msg::DeliveredEvent delivered;
    msg::Hello hello;
    msg::OpenRequest open;
    msg::GetRequest get;
    msg::Members members;
    Reader in(bytes);
    (void)msg::OpenedEvent::decode(bytes, opened);
    (void)msg::DeliveredEvent::decode(bytes, delivered);
    (void)msg::Hello::decode(bytes, hello);
    (void)msg::OpenRequest::decode(bytes, true, open);
    (void)msg::OpenRequest::decode(bytes, false, open);
    (void)msg::GetRequest::decode(bytes, get);
    (void)msg::Members::decode(in, members);
}

void close_and_the_like(msg::State& state, std::uint8_t what, ais_node_id sender, Bytes bytes) {
    Reader in(bytes);
    std::vector<std::uint64_t> numbers;
    std::vector<msg::Closing> closings;
    const std::uint64_t first = in.u64();
    const std::uint64_t second = in.u64();
    switch (what) {
        case 0:
            state.close(sender, first, static_cast<std::int64_t>(second >> 1));
            break;
        case 1:
            (void)state.set_retention(sender, first, static_cast<std::int64_t>(second >> 1));
            break;
        case 2:
            (void)state.set_thresholds(sender, first, msg::Thresholds::decode(in));
            break;
        case 3:
            (void)state.reply(first, second);
            break;
        case 4:
            if (msg::decode_numbers(in, numbers)) {
                state.forget(numbers);
            }
            break;
        case 5:
            if (msg::decode_closings(bytes, closings)) {
                state.expire(closings);
            }
            break;
        default:
            state.tick(first, static_cast<std::int64_t>(second >> 1));
    }
}

void deliver(msg::State& state, std::uint8_t what, ais_node_id sender, Bytes bytes) {
    Reader in(bytes);
    msg::OpenMessage open;
    msg::SendMessage send;
    msg::Message message;
    msg::TakeMessage take;
    msg::GotMessage got;
    switch (what) {
        case 0:
            if (msg::OpenMessage::decode(bytes, open)) {
                (void)state.open(sender, open);
            }
            break;
        case 1:
            if (msg::SendMessage::decode(bytes, send) &&
                msg::Message::decode(send.message, message)) {
                (void)state.send(sender, send, message);
            }
            break;
        case 2:
            if (msg::TakeMessage::decode(bytes, take)) {
                (void)state.take(sender, take);
            }
            break;
        case 3:
            if (msg::GotMessage::decode(bytes, got)) {
                state.got(sender, got);
            }
            break;
        case 4: {
            const std::uint8_t which = in.u8();
            const std::string_view group = in.text();
            const std::string_view queue = as_text(in.rest());
            if (msg::is_name(group) && which % 4 == 0) {
                (void)state.group_create(group, static_cast<msg::Policy>(1 + which / 4 % 4));
            } else if (msg::is_name(group) && which % 4 == 1) {
                (void)state.group_insert(group, queue);
            } else if (which % 4 == 2) {
                (void)state.group_remove(group, queue);
            } else {
                (void)state.group_delete(group);
            }
            break;
        }
        default:
            (void)state.unlink(as_text(bytes));
    }
    (void)state.take_changes();
    (void)state.take_started();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    msg::State state(1);
    Reader in(Bytes(data, size));
    while (in.ok() && in.remaining() > 0) {
        const std::uint8_t what = in.u8();
        const std::uint8_t who = in.u8();
        const std::uint16_t wanted = in.u16();
        const Bytes bytes = in.bytes(std::min<std::size_t>(wanted, in.remaining()));
        switch (what % 16) {
            case 13:
                configure(state, who, (what & 0x80) != 0);
                break;
            case 14:
                merge(state, bytes);
                break;
            case 15:
                read_as_others(bytes);
                break;
            case 0:
            case 1:
            case 2:
            case 3:
            case 4:
            case 5:
                deliver(state, what % 16, all_nodes[who & 3], bytes);
                break;
            default:
                close_and_the_like(state, what % 16 - 6, all_nodes[who & 3], bytes);
        }
        check_canonical(state.image());
    }
    return 0;
}
