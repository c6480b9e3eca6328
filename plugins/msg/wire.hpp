// SPDX-License-Identifier: BSD-3-Clause
//
// Everything that msg says over a wire: library ↔ service on one node, and
// service ↔ service between nodes.  All fields are little-endian; a name or block is a
// u32 length and that many bytes.  What happens is in docs/protocol/msg.md.
//
// An open of a queue is named by its node and a number (evt does it alike), so messages about
// it mean the same before and after a merge.  A message of an application is named by MessageId.
// A library names its opens by `tag`, and its blocked gets by `get`, numbers that it uses once.
//
// group message       kind            body
//   open              open            number u64, flags u32, attributes, name (the rest)
//   close             close           time of day i64, n × number u64
//   send              send            start u64, number u64, sender id u64, capacity u64,
//                                     destination block, message (the rest)
//   take              take            number of the open u64, message id
//   got               got             number of the open u64, message id, queue (the rest)
//   unlink            unlink          request u64, name (the rest)
//   set retention     set_retention   number u64, request u64, retention i64
//   set thresholds    set_thresholds  number u64, request u64, 8 × u64
//   create a group    group_create    request u64, policy u32, name (the rest)
//   insert, remove    group_insert…   request u64, group block, queue (the rest)
//   delete a group    group_delete    request u64, name (the rest)
//   reply             reply           request u64, sender id u64, message (the rest)
//   nobody waits      forget          request u64 or 0, n × sender id u64
//   a place in order  query           request u64; its sender looks at its state there
//   retention is over expire          n × (node u32, number u64, closing u64)
//   time passed       tick            nanoseconds u64, time of day i64
//
// attributes = creation flags u32, 4 × size u64, retention i64
// message id = node u32, start u64, number u64
// message    = type u32, version u32, priority u8, sent i64, sender block, data (the rest)
//
// request             kind            body                                      response
//   open              open            tag u32, flags u32, attributes, name      error only
//   open, async       open_async      invocation u64, and as open               none; event opened
//   close             close           tag u32                                   error only
//   forget an open    abandon         tag u32                                   none
//   status            status          name                                      status
//   unlink            unlink          name                                      error only
//   set retention     set_retention   tag u32, retention i64                    error only
//   set thresholds    set_thresholds  tag u32, 8 × u64                          error only
//   get thresholds    thresholds      tag u32                                   8 × u64
//   groups            group_create    policy u32, name                          error only
//                     group_insert…   group block, queue (the rest)             error only
//                     group_delete    name                                      error only
//   track             track           flags u8, room u32, name                  members
//   stop tracking     track_stop      name                                      error only
//   send              send            destination block, message                error only
//   send, async       send_async      invocation u64, ack u8, and as send       none; event
//   delivered send and receive  send_receive    id u64, capacity u64, and as send         message,
//   or size u64 give that up      forget          id u64                                    error
//   only reply             reply           sender id u64, message                    error only
//   reply, async      reply_async     invocation u64, ack u8, and as reply      none; event
//   delivered get               get             tag u32, get u64, capacity u64, waits u8  sender id
//   u64, message;
//                                                                               or size u64
//   it was received   got             tag u32, get u64                          none
//   it was not        abandon_get     tag u32, get u64                          none
//   wake all gets     cancel          tag u32                                   error only
//   callbacks made    heard           tag u32, count u32                        none
//   for operators     list            what u8, name to begin after              list
//
// status  = creation flags u32, retention i64, closed i64, 4 × (size u64, used u64, messages u32)
// members = policy u32, n u32, n × (change u8, name block)
// list    = more u8, n u32, n × entry;  entry of a queue: name block, open at u32 (0: closed),
//           reached u8 (a bit for each area), status; of a group: name block, members
//
// event               kind            body
//   opened            opened          invocation u64, tag u32, error i32
//   received          received        tag u32
//   delivered         delivered       invocation u64, error i32
//   members changed   tracked         group block, members in all u32, members

#pragma once

#include <ais/bytes.hpp>
#include <ais/codec.hpp>
#include <ais/service_wire.hpp>

#include <array>
#include <cstdint>
#include <string_view>
#include <vector>

namespace ais::msg {

inline constexpr std::uint16_t service_id = 7;  // as SA_SVC_MSG of B.02
inline constexpr std::uint32_t wire_version = 1;

inline constexpr std::size_t priorities = 4;  // 0 is the highest

// Limits; saMsgLimitGet tells those of the standard.
inline constexpr std::uint64_t area_size_max = 64U << 20;
inline constexpr std::uint64_t queue_size_max = priorities * area_size_max;
inline constexpr std::size_t queues_max = 65536;
inline constexpr std::size_t groups_max = 4096;
inline constexpr std::size_t members_max = 1024;  // queues of a group
inline constexpr std::size_t message_size_max = 1U << 20;
inline constexpr std::size_t reply_size_max = message_size_max;
// Events `received` of one open that its library has not said to have heard; more are counted, and
// sent later.  512 of them are 32 KiB of a client's ring, so that other events have room.
inline constexpr std::uint32_t received_credit = 512;
inline constexpr std::size_t name_max = 256;  // SA_MAX_NAME_LENGTH
// Limit: messages of an area, since those without data need no room in it.
inline constexpr std::size_t area_messages_max = 65536;
// Limit: bytes of all messages in all queues; sending is NO_RESOURCES beyond it.
inline constexpr std::size_t stored_bytes_max = 256U << 20;
// Limit: opens of one client.
inline constexpr std::size_t opens_max = 65536;

// A buffer that is allocated when the size is known.
inline constexpr std::uint64_t any_size = ~std::uint64_t{0};

// Bits of SaMsgQueueOpenFlagsT and SaMsgQueueCreationFlagsT.
inline constexpr std::uint32_t flag_create = 1;
inline constexpr std::uint32_t flag_receive_callback = 2;
inline constexpr std::uint32_t flag_empty = 4;
inline constexpr std::uint32_t flags_all = 7;
inline constexpr std::uint32_t creation_persistent = 1;

// SaMsgQueueGroupPolicyT.
enum class Policy : std::uint32_t {
    round_robin = 1,
    local_round_robin = 2,
    local_best_queue = 3,
    broadcast = 4
};
// SaMsgQueueGroupChangesT.
enum class Change : std::uint8_t { none = 1, added = 2, removed = 3 };

// Flags of a track request: those of the standard, and where the members now are wanted.
inline constexpr std::uint8_t track_current = 1;
inline constexpr std::uint8_t track_changes = 2;
inline constexpr std::uint8_t track_changes_only = 4;
inline constexpr std::uint8_t track_by_callback = 8;  // else in the response

enum class MessageKind : std::uint16_t {
    open = 1,
    close = 2,
    send = 3,
    take = 4,
    got = 5,
    unlink = 6,
    set_retention = 7,
    set_thresholds = 8,
    group_create = 9,
    group_insert = 10,
    group_remove = 11,
    group_delete = 12,
    reply = 13,
    forget = 14,
    query = 15,
    expire = 16,
    tick = 17,
};
enum class RequestKind : std::uint16_t {
    open = 1,
    open_async = 2,
    close = 3,
    abandon = 4,
    status = 5,
    unlink = 6,
    set_retention = 7,
    set_thresholds = 8,
    thresholds = 9,
    group_create = 10,
    group_insert = 11,
    group_remove = 12,
    group_delete = 13,
    track = 14,
    track_stop = 15,
    send = 16,
    send_async = 17,
    send_receive = 18,
    forget = 19,
    reply = 20,
    reply_async = 21,
    get = 22,
    got = 23,
    abandon_get = 24,
    cancel = 25,
    list = 26,
    heard = 27,
};
enum class EventKind : std::uint16_t { opened = 1, received = 2, delivered = 3, tracked = 4 };

constexpr bool is_name(Bytes name) {
    return !name.empty() && name.size() <= name_max;
}
inline bool is_name(std::string_view name) {
    return is_name(as_bytes(name));
}
constexpr bool is_policy(std::uint32_t policy) {
    return policy >= 1 && policy <= 4;
}

using Hello = VersionHello<wire_version>;

// An open, and also the name of the queue that it created.
struct OpenId {
    std::uint32_t node = 0;  // 0: none
    std::uint64_t number = 0;

    template <typename Out>
    void encode(Out& out) const {
        out.u32(node);
        out.u64(number);
    }
    static OpenId decode(Reader& in) {
        const std::uint32_t node = in.u32();
        return {node, in.u64()};
    }
    friend auto operator<=>(const OpenId&, const OpenId&) = default;
};

// Ids of one node ascend in the order in which it sent, as long as its clock does not go back
// between two starts.
struct MessageId {
    static constexpr std::size_t size = 20;
    std::uint32_t node = 0;
    std::uint64_t start = 0;  // of the node's service: its time of day then
    std::uint64_t number = 0;

    template <typename Out>
    void encode(Out& out) const {
        out.u32(node);
        out.u64(start);
        out.u64(number);
    }
    static MessageId decode(Reader& in) {
        const std::uint32_t node = in.u32();
        const std::uint64_t start = in.u64();
        return {node, start, in.u64()};
    }
    friend auto operator<=>(const MessageId&, const MessageId&) = default;
};

struct Attributes {
    std::uint32_t flags = 0;
    std::array<std::uint64_t, priorities> sizes{};
    std::int64_t retention = 0;  // nanoseconds

    template <typename Out>
    void encode(Out& out) const {
        out.u32(flags);
        for (const std::uint64_t size : sizes) {
            out.u64(size);
        }
        out.i64(retention);
    }
    static Attributes decode(Reader& in) {
        Attributes attributes;
        attributes.flags = in.u32();
        for (std::uint64_t& size : attributes.sizes) {
            size = in.u64();
        }
        attributes.retention = in.i64();
        if ((attributes.flags & ~creation_persistent) != 0 || attributes.retention < 0) {
            in.fail();
        }
        return attributes;
    }
    [[nodiscard]] bool is_persistent() const { return (flags & creation_persistent) != 0; }
    [[nodiscard]] bool is_too_big() const {
        for (const std::uint64_t size : sizes) {
            if (size > area_size_max) {
                return true;
            }
        }
        return false;
    }
    friend bool operator==(const Attributes&, const Attributes&) = default;
};

struct Thresholds {
    static constexpr std::size_t size = 2 * priorities * 8;
    std::array<std::uint64_t, priorities> reached{};
    std::array<std::uint64_t, priorities> available{};

    template <typename Out>
    void encode(Out& out) const {
        for (const auto* list : {&reached, &available}) {
            for (const std::uint64_t bytes : *list) {
                out.u64(bytes);
            }
        }
    }
    static Thresholds decode(Reader& in) {
        Thresholds thresholds;
        for (auto* list : {&thresholds.reached, &thresholds.available}) {
            for (std::uint64_t& bytes : *list) {
                bytes = in.u64();
            }
        }
        return thresholds;
    }
    // What the standard wants of them.
    [[nodiscard]] bool fits(const std::array<std::uint64_t, priorities>& sizes) const {
        for (std::size_t i = 0; i < priorities; ++i) {
            if (available[i] > reached[i] || reached[i] > sizes[i]) {
                return false;
            }
        }
        return true;
    }
    friend bool operator==(const Thresholds&, const Thresholds&) = default;
};

// A message of an application; views into whatever it was decoded from.
struct Message {
    std::uint32_t type = 0;
    std::uint32_t version = 0;
    std::uint8_t priority = 0;
    std::int64_t sent = 0;  // nanoseconds since 1970-01-01 UTC
    std::string_view sender;
    Bytes data;

    // All but the data, which follows.
    void encode_head(Appender& out) const {
        out.u32(type);
        out.u32(version);
        out.u8(priority);
        out.i64(sent);
        out.text(sender);
    }
    static bool decode(Bytes from, Message& message) {
        Reader in(from);
        message.type = in.u32();
        message.version = in.u32();
        message.priority = in.u8();
        message.sent = in.i64();
        message.sender = in.text();
        message.data = in.rest();
        return in.ok() && message.priority < priorities && message.sender.size() <= name_max &&
               message.data.size() <= message_size_max;
    }
};

struct OpenMessage {
    std::uint64_t number = 0;
    std::uint32_t flags = 0;
    Attributes attributes;  // counts with flag_create
    std::string_view name;

    void encode_head(Appender& out) const {
        out.u64(number);
        out.u32(flags);
        attributes.encode(out);
    }
    static bool decode(Bytes from, OpenMessage& open) {
        Reader in(from);
        open.number = in.u64();
        open.flags = in.u32();
        open.attributes = Attributes::decode(in);
        open.name = as_text(in.rest());
        return in.ok() && open.number != 0 && (open.flags & ~flags_all) == 0 &&
               !open.attributes.is_too_big() && is_name(open.name);
    }
};

struct SendMessage {
    std::uint64_t start = 0;
    std::uint64_t number = 0;
    std::uint64_t sender_id = 0;  // 0: no reply is wanted
    std::uint64_t capacity = 0;   // for the reply
    std::string_view destination;
    Bytes message;

    void encode_head(Appender& out) const {
        out.u64(start);
        out.u64(number);
        out.u64(sender_id);
        out.u64(capacity);
        out.text(destination);
    }
    static bool decode(Bytes from, SendMessage& send) {
        Reader in(from);
        send.start = in.u64();
        send.number = in.u64();
        send.sender_id = in.u64();
        send.capacity = in.u64();
        send.destination = in.text();
        send.message = in.rest();
        return in.ok() && is_name(send.destination);
    }
};

struct TakeMessage {
    static constexpr std::size_t size = 8 + MessageId::size;
    std::uint64_t number = 0;
    MessageId id;

    void encode(Writer& out) const {
        out.u64(number);
        id.encode(out);
    }
    static bool decode(Bytes from, TakeMessage& take) {
        Reader in(from);
        take.number = in.u64();
        take.id = MessageId::decode(in);
        return in.finished();
    }
};

// The name is for a merge that has given the queue to another's open meanwhile.
struct GotMessage {
    std::uint64_t number = 0;
    MessageId id;
    std::string_view queue;

    void encode(Appender& out) const {
        out.u64(number);
        id.encode(out);
        out.bytes(as_bytes(queue));
    }
    static bool decode(Bytes from, GotMessage& got) {
        Reader in(from);
        got.number = in.u64();
        got.id = MessageId::decode(in);
        got.queue = as_text(in.rest());
        return in.ok() && is_name(got.queue);
    }
};

struct Closing {
    static constexpr std::size_t size = 20;
    OpenId queue;
    std::uint64_t closing = 0;  // which closing of the queue it is about

    friend auto operator<=>(const Closing&, const Closing&) = default;
};
inline bool decode_closings(Bytes from, std::vector<Closing>& closings) {
    Reader in(from);
    closings.clear();
    if (from.size() % Closing::size != 0) {
        return false;
    }
    while (in.remaining() > 0) {
        const OpenId queue = OpenId::decode(in);
        closings.push_back({queue, in.u64()});
    }
    return in.finished();
}

// `invocation` is there in open_async only.
struct OpenRequest {
    std::uint64_t invocation = 0;
    std::uint32_t tag = 0;
    std::uint32_t flags = 0;
    Attributes attributes;
    std::string_view name;

    void encode_head(Appender& out, bool is_async) const {
        if (is_async) {
            out.u64(invocation);
        }
        out.u32(tag);
        out.u32(flags);
        attributes.encode(out);
    }
    static bool decode(Bytes from, bool is_async, OpenRequest& open) {
        Reader in(from);
        open.invocation = is_async ? in.u64() : 0;
        open.tag = in.u32();
        open.flags = in.u32();
        open.attributes = Attributes::decode(in);
        open.name = as_text(in.rest());
        return in.ok() && (open.flags & ~flags_all) == 0 && is_name(open.name);
    }
};

struct GetRequest {
    static constexpr std::size_t size = 21;
    std::uint32_t tag = 0;
    std::uint64_t get = 0;
    std::uint64_t capacity = any_size;
    bool waits = true;

    void encode(Writer& out) const {
        out.u32(tag);
        out.u64(get);
        out.u64(capacity);
        out.u8(waits ? 1 : 0);
    }
    static bool decode(Bytes from, GetRequest& request) {
        Reader in(from);
        request.tag = in.u32();
        request.get = in.u64();
        request.capacity = in.u64();
        request.waits = in.u8() != 0;
        return in.finished();
    }
};

struct AreaStatus {
    std::uint64_t size = 0;
    std::uint64_t used = 0;
    std::uint32_t messages = 0;
};
struct Status {
    std::uint32_t flags = 0;
    std::int64_t retention = 0;
    std::int64_t closed = 0;
    std::array<AreaStatus, priorities> areas;

    void encode(Appender& out) const {
        out.u32(flags);
        out.i64(retention);
        out.i64(closed);
        for (const AreaStatus& area : areas) {
            out.u64(area.size);
            out.u64(area.used);
            out.u32(area.messages);
        }
    }
    static Status decode(Reader& in) {
        Status status;
        status.flags = in.u32();
        status.retention = in.i64();
        status.closed = in.i64();
        for (AreaStatus& area : status.areas) {
            area.size = in.u64();
            area.used = in.u64();
            area.messages = in.u32();
        }
        return status;
    }
};

struct Member {
    Change change = Change::none;
    std::string_view name;
};
struct Members {
    Policy policy = Policy::round_robin;
    std::vector<Member> members;

    void encode(Appender& out) const {
        out.u32(static_cast<std::uint32_t>(policy));
        out.u32(static_cast<std::uint32_t>(members.size()));
        for (const Member& member : members) {
            out.u8(static_cast<std::uint8_t>(member.change));
            out.text(member.name);
        }
    }
    static bool decode(Reader& in, Members& members) {
        const std::uint32_t policy = in.u32();
        const std::uint32_t count = in.u32();
        if (!in.ok() || !is_policy(policy) || count > in.remaining() / 5) {
            return false;
        }
        members.policy = static_cast<Policy>(policy);
        members.members.clear();
        for (std::uint32_t i = 0; i < count; ++i) {
            const std::uint8_t change = in.u8();
            const std::string_view name = in.text();
            if (!in.ok() || change < 1 || change > 3 || !is_name(name)) {
                return false;
            }
            members.members.push_back({static_cast<Change>(change), name});
        }
        return in.ok();
    }
};

using OpenedEvent = DoneEvent<std::uint32_t>;  // of a tag

struct DeliveredEvent {
    static constexpr std::size_t size = 12;
    std::uint64_t invocation = 0;
    std::int32_t error = 0;

    void encode(Writer& out) const {
        out.u64(invocation);
        out.i32(error);
    }
    static bool decode(Bytes from, DeliveredEvent& delivered) {
        Reader in(from);
        delivered = {in.u64(), in.i32()};
        return in.finished();
    }
};

}  // namespace ais::msg
