// SPDX-License-Identifier: BSD-3-Clause
//
// Everything that ckpt says over a wire: library ↔ service on one node, and
// service ↔ service between nodes.  All fields are little-endian; a block is a
// u32 length and that many bytes.
//
// How a message names its checkpoint.  It names the *handle* by which the
// client has it open: node (the sender), connection, number.  A connection is
// numbered by its node and never again in that node's life, a handle by its
// library.  What the handle stands for is part of the replicated state, so a
// message that was queued before a merge finds, after it, what the handle stands for then.
// Decisions of timers name the *object* (ObjectId), which is never used twice,
// and a generation: a checkpoint or section that was made anew under the old
// name is not hit.
//
// Request and group message have one body and one kind: the service puts
// MessageHead in front and multicasts.
//
// request          kind            body                                    response body
//   open           open            Open                                    -
//   open async     open_async      invocation u64, Open                    none; event opened
//   close          close           number u32                              -
//   unlink         unlink          name (the rest)                         -
//   retention      set_retention   number u32, duration i64                -
//   active replica set_active      number u32                              -
//   status         status          number u32                              StatusReply
//   section create create          CreateHead, data (the rest)             id (the rest)
//   section delete remove          number u32, id (the rest)               -
//   expiration     set_expiration  SetExpiration                           -
//   iteration      iterate         Iterate                                 Page
//   write          write           number u32, count u32,                  index u32 on error
//   (none: 0)
//                                  count × (id block, offset u64, data block)
//   overwrite      overwrite       OverwriteHead, data (the rest)          -
//   read           read            number u32, count u32,                  see below
//                                  count × (id block, offset u64, size u64)
//   synchronize    synchronize     number u32                              -
//   … async        synchronize_async  invocation u64, number u32           none; event synchronized
//   list           list            after (the rest): a name                NameList
//
// Large data (more than a message holds): one `begin` with the plan, `piece`s in
// order, and `finish`, which has the response of what was planned.  Begin and
// pieces are answered as soon as they are queued.
//   begin          begin           number u32, PlanHead, count × (id block, offset u64, size u64)
//   piece          piece           number u32, element u32, offset u64, data (the rest)
//   finish         finish          number u32                              as create, write,
//   overwrite
//
// Reads.  One element whose data fits a response: ok, and nothing but the data.
// Several that fit: error `together`, count u32, count × size u64, all data.
// More: error `in_parts`, read u32, count u32, count × size u64; then
//   read part      read_part       read u32, element u32, offset u64, size u32     the data
//   read done      read_done       read u32                                none (one-way)
// The service keeps what was read as it was, so parts of one read fit together.
//
// event            kind            body
//   opened         opened          invocation u64, number u32, error i32
//   synchronized   synchronized    invocation u64, number u32, error i32
//
// Only between services:
//   depart         depart          -                  a client is gone (connection in the head)
//   expire         expire          Expire             a timer has fired
//   remaining      remaining       count u32, count × (Expire, remaining i64)
//   point          point           -                  a place in the order, for a read
//   applied        applied         ring seq u64, count u64

#pragma once

#include "attributes.hpp"

#include <ais/bytes.hpp>
#include <ais/codec.hpp>
#include <ais/service_wire.hpp>

#include <compare>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace ais::ckpt {

inline constexpr std::uint16_t service_id = 4;  // as SA_SVC_CKPT
inline constexpr std::uint32_t wire_version = 1;

// Limit: bytes of one page of an iteration; well below a message.
inline constexpr std::size_t page_max = 64U << 10;
// Limit: handles of one client.
inline constexpr std::size_t opens_max = 65536;
// Limit: elements of one write or read.
inline constexpr std::uint32_t elements_max = 65536;

enum class Kind : std::uint16_t {
    open = 1,
    open_async = 2,
    close = 3,
    unlink = 4,
    set_retention = 5,
    set_active = 6,
    status = 7,
    create = 8,
    remove = 9,
    set_expiration = 10,
    iterate = 11,
    write = 12,
    overwrite = 13,
    read = 14,
    synchronize = 15,
    synchronize_async = 16,
    list = 17,
    begin = 18,
    piece = 19,
    finish = 20,
    read_part = 21,
    read_done = 22,

    depart = 64,
    expire = 65,
    remaining = 66,
    point = 67,
    applied = 68,
};
enum class EventKind : std::uint16_t { opened = 1, synchronized = 2 };

constexpr std::uint16_t number_of(Kind kind) {
    return static_cast<std::uint16_t>(kind);
}

// Names a checkpoint for ever: the ring in which it was created (ring ids are
// never used twice) and its number there.
struct ObjectId {
    static constexpr std::size_t size = 24;
    std::uint64_t ring_seq = 0;
    std::uint32_t representative = 0;
    std::uint32_t salt = 0;
    std::uint64_t count = 0;

    template <typename Out>
    void encode(Out& out) const {
        out.u64(ring_seq);
        out.u32(representative);
        out.u32(salt);
        out.u64(count);
    }
    static ObjectId decode(Reader& in) { return {in.u64(), in.u32(), in.u32(), in.u64()}; }

    friend auto operator<=>(const ObjectId&, const ObjectId&) = default;
};

// What a library says when it connects.
using Hello = VersionHello<wire_version>;

// In front of every group message.  `token` finds the request that waits for it
// on the sender's node; 0: none does.  `stamp` is the sender's wall clock, so that all replicas
// have the same time for the same thing.
struct MessageHead {
    static constexpr std::size_t size = 20;
    std::uint64_t token = 0;
    std::uint32_t connection = 0;
    std::int64_t stamp = 0;

    template <typename Out>
    void encode(Out& out) const {
        out.u64(token);
        out.u32(connection);
        out.i64(stamp);
    }
    static MessageHead decode(Reader& in) { return {in.u64(), in.u32(), in.i64()}; }
};

struct Open {
    std::uint32_t number = 0;
    std::uint32_t flags = 0;
    std::string_view name;
    bool has_attributes = false;
    Attributes attributes;

    template <typename Out>
    void encode(Out& out) const {
        out.u32(number);
        out.u32(flags);
        out.text(name);
        out.u8(has_attributes ? 1 : 0);
        if (has_attributes) {
            attributes.encode(out);
        }
    }
    static bool decode(Bytes from, Open& open) {
        Reader in(from);
        open.number = in.u32();
        open.flags = in.u32();
        open.name = in.text();
        const std::uint8_t has = in.u8();
        open.has_attributes = has == 1;
        open.attributes = open.has_attributes ? Attributes::decode(in) : Attributes{};
        return in.finished() && has <= 1 && is_name(as_bytes(open.name)) &&
               are_valid_open_flags(open.flags) &&
               open.has_attributes == ((open.flags & open_create) != 0) &&
               (!open.has_attributes || are_valid(open.attributes));
    }
};

// Bodies that are the number of a handle.
struct HandleOnly {
    static constexpr std::size_t size = 4;
    std::uint32_t number = 0;

    static bool decode(Bytes from, HandleOnly& body) {
        Reader in(from);
        body.number = in.u32();
        return in.finished();
    }
};

struct SetRetention {
    static constexpr std::size_t size = 12;
    std::uint32_t number = 0;
    std::int64_t duration = 0;

    void encode(Writer& out) const {
        out.u32(number);
        out.i64(duration);
    }
    static bool decode(Bytes from, SetRetention& body) {
        Reader in(from);
        body = {in.u32(), in.i64()};
        return in.finished() && body.duration >= 0;
    }
};

// Expirations are nanoseconds since 1970, or time_end.
constexpr bool is_expiration(std::int64_t at) {
    return at >= 0;
}

// An empty id: generate one.
struct CreateHead {
    std::uint32_t number = 0;
    std::int64_t expiration = time_end;
    std::string_view id;

    template <typename Out>
    void encode(Out& out) const {
        out.u32(number);
        out.i64(expiration);
        out.text(id);
    }
    static bool decode(Reader& in, CreateHead& head) {
        head.number = in.u32();
        head.expiration = in.i64();
        head.id = in.text();
        return in.ok() && is_expiration(head.expiration) && head.id.size() <= id_max;
    }
};

struct OverwriteHead {
    std::uint32_t number = 0;
    std::string_view id;

    template <typename Out>
    void encode(Out& out) const {
        out.u32(number);
        out.text(id);
    }
    static bool decode(Reader& in, OverwriteHead& head) {
        head.number = in.u32();
        head.id = in.text();
        return in.ok() && head.id.size() <= id_max;
    }
};

struct Remove {
    std::uint32_t number = 0;
    std::string_view id;

    static bool decode(Bytes from, Remove& body) {
        Reader in(from);
        body.number = in.u32();
        body.id = as_text(in.rest());
        return in.ok() && body.id.size() <= id_max;
    }
};

struct SetExpiration {
    static constexpr std::size_t head_size = 12;
    std::uint32_t number = 0;
    std::int64_t expiration = time_end;
    std::string_view id;

    void encode_head(Writer& out) const {
        out.u32(number);
        out.i64(expiration);
    }
    static bool decode(Bytes from, SetExpiration& body) {
        Reader in(from);
        body.number = in.u32();
        body.expiration = in.i64();
        body.id = as_text(in.rest());
        return in.ok() && is_expiration(body.expiration) && body.id.size() <= id_max;
    }
};

// One element of a write.
struct WriteElement {
    std::string_view id;
    std::uint64_t offset = 0;
    Bytes data;

    // All but the data, with its length.
    template <typename Out>
    void encode_head(Out& out) const {
        out.text(id);
        out.u64(offset);
        out.u32(static_cast<std::uint32_t>(data.size()));
    }
};

struct Write {
    static constexpr std::size_t head_size = 8;
    std::uint32_t number = 0;
    std::vector<WriteElement> elements;

    template <typename Out>
    static void encode_head(Out& out, std::uint32_t number, std::size_t count) {
        out.u32(number);
        out.u32(static_cast<std::uint32_t>(count));
    }
    // `write` may be used again and again; its memory is kept.
    static bool decode(Bytes from, Write& write) {
        Reader in(from);
        write.number = in.u32();
        const std::uint32_t count = in.u32();
        write.elements.clear();
        if (!in.ok() || count == 0 || count > elements_max) {
            return false;
        }
        for (std::uint32_t i = 0; i < count && in.ok(); ++i) {
            const std::string_view id = in.text();
            const std::uint64_t offset = in.u64();
            write.elements.push_back({id, offset, in.block()});
            if (id.size() > id_max) {
                return false;
            }
        }
        return in.finished();
    }
};

// What a large write is going to be: the sizes, and the data follows in pieces.
struct Plan {
    struct Element {
        std::string id;
        std::uint64_t offset = 0;
        std::uint64_t size = 0;

        friend bool operator==(const Element&, const Element&) = default;
    };

    Kind kind = Kind::write;             // create, write or overwrite
    std::int64_t expiration = time_end;  // of create
    std::vector<Element> elements;

    template <typename Out>
    void encode(Out& out) const {
        out.u16(number_of(kind));
        out.i64(expiration);
        out.u32(static_cast<std::uint32_t>(elements.size()));
        for (const Element& element : elements) {
            out.text(element.id);
            out.u64(element.offset);
            out.u64(element.size);
        }
    }
    static bool decode(Reader& in, Plan& plan) {
        plan.kind = static_cast<Kind>(in.u16());
        plan.expiration = in.i64();
        const std::uint32_t count = in.u32();
        plan.elements.clear();
        if (!in.ok() || count == 0 || count > elements_max || !is_expiration(plan.expiration)) {
            return false;
        }
        for (std::uint32_t i = 0; i < count && in.ok(); ++i) {
            plan.elements.push_back({std::string(in.text()), in.u64(), in.u64()});
            const Element& last = plan.elements.back();
            if (last.id.size() > id_max || last.offset + last.size < last.offset) {
                return false;
            }
        }
        const bool is_one = plan.kind == Kind::create || plan.kind == Kind::overwrite;
        return in.ok() && (is_one || plan.kind == Kind::write) &&
               (!is_one || (count == 1 && plan.elements[0].offset == 0));
    }

    friend bool operator==(const Plan&, const Plan&) = default;
};

struct Begin {
    std::uint32_t number = 0;
    Plan plan;

    template <typename Out>
    void encode(Out& out) const {
        out.u32(number);
        plan.encode(out);
    }
    static bool decode(Bytes from, Begin& begin) {
        Reader in(from);
        begin.number = in.u32();
        return Plan::decode(in, begin.plan) && in.finished();
    }
};

struct Piece {
    static constexpr std::size_t head_size = 16;
    std::uint32_t number = 0;
    std::uint32_t element = 0;
    std::uint64_t offset = 0;  // in the data of the element
    Bytes data;

    void encode_head(Writer& out) const {
        out.u32(number);
        out.u32(element);
        out.u64(offset);
    }
    static bool decode(Bytes from, Piece& piece) {
        Reader in(from);
        piece = {in.u32(), in.u32(), in.u64(), in.rest()};
        return in.ok() && !piece.data.empty();
    }
};

struct ReadElement {
    // Size that asks for all from the offset on.
    static constexpr std::uint64_t rest = ~std::uint64_t{0};

    std::string_view id;
    std::uint64_t offset = 0;
    std::uint64_t size = 0;

    template <typename Out>
    void encode(Out& out) const {
        out.text(id);
        out.u64(offset);
        out.u64(size);
    }
};

struct Read {
    std::uint32_t number = 0;
    std::vector<ReadElement> elements;

    static bool decode(Bytes from, Read& read) {
        Reader in(from);
        read.number = in.u32();
        const std::uint32_t count = in.u32();
        read.elements.clear();
        if (!in.ok() || count == 0 || count > elements_max) {
            return false;
        }
        for (std::uint32_t i = 0; i < count && in.ok(); ++i) {
            const std::string_view id = in.text();
            const std::uint64_t offset = in.u64();
            read.elements.push_back({id, offset, in.u64()});
            if (id.size() > id_max) {
                return false;
            }
        }
        return in.finished();
    }
};

// The sizes of what was read, in front of the data or of the parts.
struct ReadSizes {
    std::uint32_t read = 0;  // in_parts only
    std::vector<std::uint64_t> sizes;

    void encode(Appender& out) const {
        out.u32(read);
        out.u32(static_cast<std::uint32_t>(sizes.size()));
        for (const std::uint64_t size : sizes) {
            out.u64(size);
        }
    }
    static bool decode(Reader& in, ReadSizes& all) {
        all.read = in.u32();
        const std::uint32_t count = in.u32();
        all.sizes.clear();
        if (!in.ok() || count == 0 || count > in.remaining() / 8) {
            return false;
        }
        for (std::uint32_t i = 0; i < count; ++i) {
            all.sizes.push_back(in.u64());
        }
        return in.ok();
    }
};

struct ReadPart {
    static constexpr std::size_t size_of = 20;
    std::uint32_t read = 0;
    std::uint32_t element = 0;
    std::uint64_t offset = 0;
    std::uint32_t size = 0;

    void encode(Writer& out) const {
        out.u32(read);
        out.u32(element);
        out.u64(offset);
        out.u32(size);
    }
    static bool decode(Bytes from, ReadPart& part) {
        Reader in(from);
        part = {in.u32(), in.u32(), in.u64(), in.u32()};
        return in.finished();
    }
};

struct StatusReply {
    Attributes attributes;
    std::uint32_t sections = 0;
    std::uint64_t used = 0;

    void encode(Appender& out) const {
        attributes.encode(out);
        out.u32(sections);
        out.u64(used);
    }
    static bool decode(Bytes from, StatusReply& status) {
        Reader in(from);
        status.attributes = Attributes::decode(in);
        status.sections = in.u32();
        status.used = in.u64();
        return in.finished();
    }
};

// The numbers are SaCkptSectionsChosenT.
enum class Chosen : std::uint32_t {
    forever = 1,
    at_most = 2,
    at_least = 3,
    corrupted = 4,
    any = 5,
};

struct Iterate {
    std::uint32_t number = 0;
    Chosen chosen = Chosen::any;
    std::int64_t expiration = 0;
    bool has_after = false;
    std::string_view after;  // the id of the last one that was told

    template <typename Out>
    void encode(Out& out) const {
        out.u32(number);
        out.u32(static_cast<std::uint32_t>(chosen));
        out.i64(expiration);
        out.u8(has_after ? 1 : 0);
        out.text(after);
    }
    static bool decode(Bytes from, Iterate& iterate) {
        Reader in(from);
        iterate.number = in.u32();
        const std::uint32_t chosen = in.u32();
        iterate.chosen = static_cast<Chosen>(chosen);
        iterate.expiration = in.i64();
        const std::uint8_t has = in.u8();
        iterate.has_after = has == 1;
        iterate.after = in.text();
        return in.finished() && chosen >= 1 && chosen <= 5 && has <= 1 &&
               iterate.after.size() <= id_max;
    }
};

// The numbers are SaCkptSectionStateT.
enum class SectionState : std::uint32_t { valid = 1, corrupted = 2 };

struct Descriptor {
    static constexpr std::size_t size_without_id = 4 + 8 + 8 + 4 + 8;
    std::string id;
    std::int64_t expiration = time_end;
    std::uint64_t size = 0;
    SectionState state = SectionState::valid;
    std::int64_t last_update = 0;

    friend bool operator==(const Descriptor&, const Descriptor&) = default;
};

struct Page {
    static constexpr std::size_t head_size = 1 + 4;
    bool more = false;
    std::vector<Descriptor> sections;

    void encode(Appender& out) const {
        out.u8(more ? 1 : 0);
        out.u32(static_cast<std::uint32_t>(sections.size()));
        for (const Descriptor& section : sections) {
            out.text(section.id);
            out.i64(section.expiration);
            out.u64(section.size);
            out.u32(static_cast<std::uint32_t>(section.state));
            out.i64(section.last_update);
        }
    }
    static bool decode(Bytes from, Page& page) {
        Reader in(from);
        page.more = in.u8() != 0;
        const std::uint32_t count = in.u32();
        page.sections.clear();
        for (std::uint32_t i = 0; i < count && in.ok(); ++i) {
            Descriptor section;
            section.id = in.text();
            section.expiration = in.i64();
            section.size = in.u64();
            section.state = static_cast<SectionState>(in.u32());
            section.last_update = in.i64();
            page.sections.push_back(std::move(section));
        }
        // A page that promises more without having anything would never end.
        return in.finished() && !(page.more && page.sections.empty());
    }
};

// Checkpoints by name, for tools.
struct NameList {
    struct Line {
        std::string name;
        StatusReply status;
        std::uint32_t openers = 0;
    };
    bool more = false;
    std::vector<Line> lines;

    void encode(Appender& out) const {
        out.u8(more ? 1 : 0);
        out.u32(static_cast<std::uint32_t>(lines.size()));
        for (const Line& line : lines) {
            out.text(line.name);
            line.status.encode(out);
            out.u32(line.openers);
        }
    }
    static bool decode(Bytes from, NameList& list) {
        Reader in(from);
        list.more = in.u8() != 0;
        const std::uint32_t count = in.u32();
        list.lines.clear();
        for (std::uint32_t i = 0; i < count && in.ok(); ++i) {
            Line line;
            line.name = in.text();
            line.status.attributes = Attributes::decode(in);
            line.status.sections = in.u32();
            line.status.used = in.u64();
            line.openers = in.u32();
            list.lines.push_back(std::move(line));
        }
        return in.finished() && !(list.more && list.lines.empty());
    }
};

// Both events.
struct DoneEvent {
    static constexpr std::size_t size = 16;
    std::uint64_t invocation = 0;
    std::uint32_t number = 0;
    Error error = Error::ok;

    void encode(Writer& out) const {
        out.u64(invocation);
        out.u32(number);
        out.i32(static_cast<std::int32_t>(error));
    }
    static bool decode(Bytes from, DoneEvent& event) {
        Reader in(from);
        event = {in.u64(), in.u32(), static_cast<Error>(in.i32())};
        return in.finished();
    }
};

// What a timer is about: the retention of a checkpoint, or one of its sections.
struct TimerKey {
    ObjectId object;
    bool is_section = false;
    std::string section;

    friend auto operator<=>(const TimerKey&, const TimerKey&) = default;
};

// A timer has fired, or is running with so much left.  Generation and expiration
// must be those of the object when it is delivered, or it means another.
struct Expire {
    TimerKey key;
    std::uint64_t generation = 0;
    std::int64_t expiration = time_end;  // of a section

    template <typename Out>
    void encode(Out& out) const {
        key.object.encode(out);
        out.u8(key.is_section ? 1 : 0);
        out.text(key.section);
        out.u64(generation);
        out.i64(expiration);
    }
    static bool decode(Reader& in, Expire& expire) {
        expire.key.object = ObjectId::decode(in);
        const std::uint8_t is_section = in.u8();
        expire.key.is_section = is_section == 1;
        expire.key.section = in.text();
        expire.generation = in.u64();
        expire.expiration = in.i64();
        return in.ok() && is_section <= 1 && expire.key.section.size() <= id_max;
    }
};

struct Remaining {
    Expire timer;
    std::int64_t left = 0;

    static bool decode_all(Bytes from, std::vector<Remaining>& all) {
        Reader in(from);
        const std::uint32_t count = in.u32();
        all.clear();
        for (std::uint32_t i = 0; i < count && in.ok(); ++i) {
            Remaining one;
            if (!Expire::decode(in, one.timer)) {
                return false;
            }
            one.left = in.i64();
            if (one.left < 0) {
                return false;
            }
            all.push_back(std::move(one));
        }
        return in.finished();
    }
};

struct Applied {
    static constexpr std::size_t size = 16;
    std::uint64_t ring_seq = 0;
    std::uint64_t count = 0;

    void encode(Writer& out) const {
        out.u64(ring_seq);
        out.u64(count);
    }
    static bool decode(Bytes from, Applied& applied) {
        Reader in(from);
        applied = {in.u64(), in.u64()};
        return in.finished();
    }
};

}  // namespace ais::ckpt
