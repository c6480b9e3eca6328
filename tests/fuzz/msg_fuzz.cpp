// SPDX-License-Identifier: BSD-3-Clause
//
// What msg takes from other nodes, from clients and, in the library, from the executive.
// Input: pieces, each as u8 (what), u8 (bits 0-1: sender), u16 size, bytes.
// Checked: a snapshot that is accepted is canonical (saved again it gives the same
// bytes), and so is what a merge makes of it and of a state that anything has happened to.  Parts
// that are accepted make a state that a reader of snapshots accepts, and a state that is cut into
// parts is the same when it is put together again.

#include "parts.hpp"
#include "service_fuzz.hpp"
#include "snapshot.hpp"
#include "state.hpp"
#include "wire.hpp"

namespace {

using namespace ais;
using fuzz::all_nodes;

void configure(msg::State& state, std::uint8_t present, bool is_regular) {
    const fuzz::Configuration made(present, is_regular);
    state.configure(made.now());
}

void merge_with(msg::State& state, msg::Image other) {
    std::vector<msg::Component> components;
    components.push_back({{1, 2}, state.image()});
    components.push_back({{3, 4}, std::move(other)});
    state.replace(msg::merge(std::move(components), all_nodes));
}

void merge(msg::State& state, Bytes snapshot) {
    fuzz::check_foreign(snapshot, msg::restore);
    if (auto restored = msg::restore(snapshot)) {
        merge_with(state, restored.take());
    }
}

// Our own state goes to another node, but for the parts that somebody has sent instead: u8 length
// of the name, name, u16 size, bytes.
void merge_parts(msg::State& state, Bytes sent) {
    msg::Parts ours(200, 20);
    std::vector<std::string> names;
    for (const auto& [name, listed] : ours.list(state.image())) {
        names.push_back(name);
    }
    ours.begin(2);
    for (const std::string& name : names) {
        std::string bytes;
        AIS_ASSERT(ours.save(name, [&](Bytes piece) { bytes.append(as_text(piece)); }));
        const PartState states[] = {{.is_here = true}, {.component = 1, .bytes = as_bytes(bytes)}};
        AIS_ASSERT(ours.take(name, states));
    }
    const auto copied = ours.image_of(1);
    AIS_ASSERT(copied.has_value());
    AIS_ASSERT(msg::save(*copied) == msg::save(state.image()));
    Reader in(sent);
    while (in.remaining() > 0) {
        const std::string_view name = as_text(in.bytes(in.u8()));
        const std::uint16_t size = in.u16();
        const Bytes bytes = in.bytes(std::min<std::size_t>(size, in.remaining()));
        const PartState state_of_1{.component = 1, .bytes = bytes};
        if (!in.ok() || !ours.take(name, {&state_of_1, 1})) {
            return;
        }
    }
    if (auto image = ours.image_of(1)) {
        fuzz::check_canonical(*image, msg::restore);
        merge_with(state, std::move(*image));
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
            if (decode_numbers(in, numbers)) {
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
    fuzz::for_each_piece(data, size, [&](std::uint8_t what, std::uint8_t who, Bytes bytes) {
        switch (what % 16) {
            case 13:
                configure(state, who, (what & 0x80) != 0);
                break;
            case 14:
                if ((what & 0x80) != 0) {
                    merge_parts(state, bytes);
                } else {
                    merge(state, bytes);
                }
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
        fuzz::check_canonical(state.image(), msg::restore);
    });
    return 0;
}
