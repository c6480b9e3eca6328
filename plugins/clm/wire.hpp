// SPDX-License-Identifier: BSD-3-Clause
//
// Everything that clm says over a wire: library ↔ service on one node, and
// service ↔ service between nodes.  All fields are little-endian, a text is a
// u32 length and that many bytes.
//
// group message     kind         body
//   facts changed   facts        facts of the sender
//
// request           kind         body                             response
//   track           track        flags u32, answer u32,           error; answer buffer: view
//                                capacity u32, epoch u32
//   stop tracking   track_stop   -                                error
//   get a node      node_get     node u32                         error; member
//   … by callback   node_ask     node u32, invocation u64         error
//   answer a step   response     invocation u64, response u32     error
//
// event             kind         body
//   current view    current      epoch u32, view
//   changed view    changed      epoch u32, view
//   a node          node         invocation u64, error u32, member if it is OK
//
//   facts  = node u32, family u32, address text, name text, environment text, boot i64
//   member = facts, initial view u64
//   view   = number u64, members u32, n u32, n × (change u32, member)
//
// NO_SPACE comes with a body, u32, the capacity that is needed.  Errors are
// those of <openais/saAis.h>.
//
// `epoch` counts the TrackStops of a handle.  It is echoed in events, so that the
// library knows which of them were asked for before, and drops them.

#pragma once

#include <ais/bytes.hpp>
#include <ais/codec.hpp>

#include <cstdint>
#include <string>
#include <vector>

namespace ais::clm {

inline constexpr std::uint16_t service_id = 3;
inline constexpr std::uint32_t wire_version = 1;

// Limits: those of the public header.
inline constexpr std::size_t address_max = 64;
inline constexpr std::size_t name_max = 256;

enum class MessageKind : std::uint16_t { facts = 1 };
enum class RequestKind : std::uint16_t {
    track = 1,
    track_stop = 2,
    node_get = 3,
    node_ask = 4,
    response = 5,
};
enum class EventKind : std::uint16_t { current = 1, changed = 2, node = 3 };

// The numbers are SaClmClusterChangesT.
enum class Change : std::uint32_t { none = 1, joined = 2, left = 3, reconfigured = 4 };

// What a library says when it connects.
struct Hello {
    static constexpr std::size_t size = 4;
    std::uint32_t version = wire_version;

    void encode(Appender& out) const { out.u32(version); }
    static bool decode(Bytes from, Hello& hello) {
        Reader in(from);
        hello = {in.u32()};
        return in.finished();
    }
};

// What a node says about itself.
struct Facts {
    std::uint32_t node = 0;
    std::uint32_t family = 0;  // SaClmNodeAddressFamilyT; 0: no address
    std::string address;
    std::string name;
    std::string environment;
    std::int64_t boot_time = 0;

    void encode(Appender& out) const {
        out.u32(node);
        out.u32(family);
        out.text(address);
        out.text(name);
        out.text(environment);
        out.i64(boot_time);
    }
    static bool decode(Reader& in, Facts& facts) {
        facts.node = in.u32();
        facts.family = in.u32();
        facts.address = in.text();
        facts.name = in.text();
        facts.environment = in.text();
        facts.boot_time = in.i64();
        return in.ok() && facts.node != 0 && facts.family <= 2 &&
               facts.address.size() <= address_max && facts.name.size() <= name_max &&
               facts.environment.size() <= name_max;
    }

    friend bool operator==(const Facts&, const Facts&) = default;
};

struct Member {
    Facts facts;
    std::uint64_t initial_view = 0;

    void encode(Appender& out) const {
        facts.encode(out);
        out.u64(initial_view);
    }
    static bool decode(Reader& in, Member& member) {
        const bool good = Facts::decode(in, member.facts);
        member.initial_view = in.u64();
        return good && in.ok();
    }

    friend bool operator==(const Member&, const Member&) = default;
};

// A line of what a program is told.
struct Item {
    Change change = Change::none;
    Member member;

    friend bool operator==(const Item&, const Item&) = default;
};

struct ViewReport {
    std::uint64_t number = 0;
    std::uint32_t members = 0;  // of the view; items may be fewer, or more
    std::vector<Item> items;    // ascending nodes

    void encode(Appender& out) const {
        out.u64(number);
        out.u32(members);
        out.u32(static_cast<std::uint32_t>(items.size()));
        for (const Item& item : items) {
            out.u32(static_cast<std::uint32_t>(item.change));
            item.member.encode(out);
        }
    }
    static bool decode(Reader& in, ViewReport& view) {
        view.number = in.u64();
        view.members = in.u32();
        const std::uint32_t count = in.u32();
        view.items.clear();
        for (std::uint32_t i = 0; i < count && in.ok(); ++i) {
            Item& item = view.items.emplace_back();
            item.change = static_cast<Change>(in.u32());
            if (!Member::decode(in, item.member) || item.change < Change::none ||
                item.change > Change::reconfigured) {
                return false;
            }
        }
        return in.finished();
    }

    friend bool operator==(const ViewReport&, const ViewReport&) = default;
};

enum class Answer : std::uint32_t { none = 0, buffer = 1, callback = 2 };

struct TrackRequest {
    // The bits are SA_TRACK_…
    static constexpr std::uint32_t current = 0x01;
    static constexpr std::uint32_t changes = 0x02;
    static constexpr std::uint32_t changes_only = 0x04;
    static constexpr std::uint32_t local = 0x08;
    static constexpr std::uint32_t start_step = 0x10;
    static constexpr std::uint32_t validate_step = 0x20;
    static constexpr std::uint32_t known = 0x3f;
    static constexpr std::uint32_t unlimited = 0xffffffff;

    std::uint32_t flags = 0;
    Answer answer = Answer::none;  // for `current`
    std::uint32_t capacity = unlimited;
    std::uint32_t epoch = 0;

    void encode(Appender& out) const {
        out.u32(flags);
        out.u32(static_cast<std::uint32_t>(answer));
        out.u32(capacity);
        out.u32(epoch);
    }
    static bool decode(Bytes from, TrackRequest& track) {
        Reader in(from);
        track = {in.u32(), static_cast<Answer>(in.u32()), in.u32(), in.u32()};
        return in.finished() && (track.flags & ~known) == 0 && track.answer <= Answer::callback &&
               (track.flags & (changes | changes_only)) != (changes | changes_only);
    }
};

struct NodeRequest {
    std::uint32_t node = 0;
    std::uint64_t invocation = 0;  // of node_ask only

    static bool decode_get(Bytes from, NodeRequest& request) {
        Reader in(from);
        request = {in.u32(), 0};
        return in.finished();
    }
    static bool decode_ask(Bytes from, NodeRequest& request) {
        Reader in(from);
        request = {in.u32(), in.u64()};
        return in.finished();
    }
};

}  // namespace ais::clm
