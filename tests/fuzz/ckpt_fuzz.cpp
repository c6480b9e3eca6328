// SPDX-License-Identifier: BSD-3-Clause
//
// What ckpt takes from other nodes, from clients and, in the library, from the executive.
// Input: pieces, each as u8 (what), u8 (bits 0-1: sender, 2-3: connection), u16 size, bytes.
// Checked: a snapshot that is accepted is canonical, the state after whatever has come is
// one that a reader of snapshots accepts, and the sum of its bytes is right.

#include "service_fuzz.hpp"
#include "snapshot.hpp"
#include "state.hpp"
#include "wire.hpp"

namespace {

using namespace ais;
using fuzz::all_nodes;
using namespace ais::ckpt;

void check_state(const State& state) {
    const std::string bytes = save(state.image());
    const auto restored = restore(as_bytes(bytes));
    AIS_ASSERT(restored.ok());
    AIS_ASSERT(save(*restored) == bytes);
    std::uint64_t sum = 0;
    for (const auto& [id, checkpoint] : state.image().checkpoints) {
        std::uint64_t used = 0;
        for (const auto& [name, section] : checkpoint.sections) {
            used += section.size();
        }
        AIS_ASSERT(used == checkpoint.used);
        sum += used;
    }
    for (const auto& [who, opener] : state.image().openers) {
        if (opener.transfer != nullptr) {
            for (const Blob& blob : opener.transfer->staged) {
                sum += blob->size();
            }
        }
    }
    AIS_ASSERT(sum == state.bytes_used());
}

// Every second node may be gone.
void configure(State& state, std::uint8_t present, bool is_regular) {
    const fuzz::Configuration made(present, is_regular, present);
    state.configure(made.now());
}

void merge_with(State& state, Bytes snapshot) {
    auto restored = restore(snapshot);
    if (!restored) {
        return;
    }
    const std::string again = save(*restored);
    AIS_ASSERT(again == as_text(snapshot));
    std::vector<ckpt::Component> components;
    components.push_back({{1, 2}, state.take_image()});
    components.push_back({{3, 4}, restored.take()});
    state.replace(merge(std::move(components), all_nodes));
}

// Bodies of group messages, as the service takes them apart.
void deliver(State& state, Kind kind, const HandleId& from, Bytes body) {
    Reader in(body);
    HandleId who = from;
    constexpr std::int64_t stamp = 1000;
    Open open;
    Write write;
    CreateHead create;
    OverwriteHead overwrite;
    Remove remove;
    SetExpiration expiration;
    SetRetention retention;
    Begin begin;
    Piece piece;
    HandleOnly only;
    Expire expire;
    switch (kind) {
        case Kind::open:
            if (Open::decode(body, open)) {
                who.number = open.number;
                state.open(who, open, stamp);
            }
            break;
        case Kind::write:
            if (Write::decode(body, write)) {
                who.number = write.number;
                std::vector<Data> all;
                for (const WriteElement& element : write.elements) {
                    // Sections of any size are fine, but not for the memory of a fuzzer.
                    if (element.offset > 4096) {
                        return;
                    }
                    all.push_back({element.id, element.offset, element.data, nullptr});
                }
                state.write(who, all, stamp);
            }
            break;
        case Kind::create:
            if (CreateHead::decode(in, create)) {
                who.number = create.number;
                state.create(who, {create.id, 0, in.rest(), nullptr}, create.expiration, stamp);
            }
            break;
        case Kind::overwrite:
            if (OverwriteHead::decode(in, overwrite)) {
                who.number = overwrite.number;
                state.overwrite(who, {overwrite.id, 0, in.rest(), nullptr}, stamp);
            }
            break;
        case Kind::remove:
            if (Remove::decode(body, remove)) {
                who.number = remove.number;
                state.remove(who, remove.id);
            }
            break;
        case Kind::set_expiration:
            if (SetExpiration::decode(body, expiration)) {
                who.number = expiration.number;
                state.set_expiration(who, expiration.id, expiration.expiration, stamp);
            }
            break;
        case Kind::set_retention:
            if (SetRetention::decode(body, retention)) {
                who.number = retention.number;
                state.set_retention(who, retention.duration);
            }
            break;
        case Kind::begin:
            if (Begin::decode(body, begin)) {
                who.number = begin.number;
                for (const Plan::Element& element : begin.plan.elements) {
                    if (element.offset > 4096 || element.size > 4096) {
                        return;
                    }
                }
                state.begin(who, begin.plan, stamp);
            }
            break;
        case Kind::piece:
            if (Piece::decode(body, piece)) {
                who.number = piece.number;
                state.piece(who, piece, stamp);
            }
            break;
        case Kind::unlink:
            if (is_name(body)) {
                state.unlink(as_text(body));
            }
            break;
        case Kind::depart:
            state.depart(who.node, who.connection);
            break;
        case Kind::expire:
            if (Expire::decode(in, expire)) {
                state.expire(expire);
            }
            break;
        default:
            if (HandleOnly::decode(body, only)) {
                who.number = only.number;
                kind == Kind::finish       ? (void)state.finish(who, stamp)
                : kind == Kind::set_active ? (void)state.set_active(who)
                                           : (void)state.close(who);
            }
    }
}

void read_as_library(Bytes bytes) {
    Reader in(bytes);
    ReadSizes sizes;
    Page page;
    StatusReply status;
    NameList names;
    ckpt::DoneEvent done;
    Read read;
    ReadPart part;
    Iterate iterate;
    Hello hello;
    Applied applied;
    std::vector<Remaining> remaining;
    (void)ReadSizes::decode(in, sizes);
    (void)Page::decode(bytes, page);
    (void)StatusReply::decode(bytes, status);
    (void)NameList::decode(bytes, names);
    (void)ckpt::DoneEvent::decode(bytes, done);
    (void)Read::decode(bytes, read);
    (void)ReadPart::decode(bytes, part);
    (void)Iterate::decode(bytes, iterate);
    (void)Hello::decode(bytes, hello);
    (void)Applied::decode(bytes, applied);
    (void)Remaining::decode_all(bytes, remaining);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    State state;
    configure(state, 0x1e, true);
    fuzz::for_each_piece(data, size, [&](std::uint8_t what, std::uint8_t who, Bytes bytes) {
        const HandleId from{all_nodes[who & 3], who >> 2 & 3U, 0};
        switch (what) {
            case 200:
                configure(state, who, true);
                break;
            case 201:
                configure(state, who, false);
                break;
            case 202:
                merge_with(state, bytes);
                break;
            case 203:
                read_as_library(bytes);
                break;
            default:
                deliver(state, static_cast<Kind>(what % 70), from, bytes);
        }
        (void)state.take_timer_changes();
    });
    check_state(state);
    return 0;
}
