// SPDX-License-Identifier: BSD-3-Clause
//
// Everything that evt says over a wire: library ↔ service on one node, and
// service ↔ service between nodes.  All fields are little-endian; a name or block is a
// u32 length and that many bytes.
//
// How a message names its channel.  By the sender's open: the node gave it a number when
// it was opened, and messages of one node keep their order, so at the place of the total
// order where a message is delivered, (sender, open) says which channel it is for, on every
// node alike.  Channels of two components that a merge unites get one id, and what was
// queued before the merge means the same after it.
//
// A library names its opens by `tag`, a number of its own choice that it uses once: so it can
// close an open whose answer it has not waited for.
//
// group message     kind         body
//   open            open         number u64, request u64, flags u32, name (the rest)
//   close           close        n × number u64 (the rest)
//   unlink          unlink       request u64, name (the rest)
//   publish         publish      number u64, event (the rest)
//   clear           clear        number u64, request u64, event id u64
//   expired         expire       n × event id u64 (the rest)
//   time passed     tick         nanoseconds u64
//
// event = id u64, publish time i64, retention i64, priority u32, publisher block,
//         patterns u32, patterns × block, data (the rest)
//
// request           kind         body                                    response
//   open            open         tag u32, flags u32, name (the rest)     error only
//   open, async     open_async   invocation u64, tag u32, flags u32, name  none; event opened
//   close           close        tag u32                                 error only
//   forget an open  abandon      tag u32                                 none
//   unlink          unlink       name                                    error only
//   event ids       ids                                                  first u64, count u32
//   publish         publish      tag u32, event                          none
//   publish, kept   retain       tag u32, event                          error only
//   subscribe       subscribe    tag u32, subscription u32, filters      error only
//   unsubscribe     unsubscribe  tag u32, subscription u32               error only
//   clear           clear        tag u32, event id u64                   error only
//   dispatched      consumed     4 × u32, events of each priority        none
//
// filters = n u32, n × (type u32, block)
//
// event             kind         body
//   opened          opened       invocation u64, tag u32, error i32
//   event           deliver      tag u32, subscription u32, event (the rest)

#pragma once

#include <ais/bytes.hpp>
#include <ais/codec.hpp>
#include <ais/service_wire.hpp>

#include <cstdint>
#include <limits>
#include <string_view>
#include <vector>

namespace ais::evt {

inline constexpr std::uint16_t service_id = 5;  // as SA_SVC_EVT
inline constexpr std::uint32_t wire_version = 1;

// Limits; saEvtLimitGet tells them.
inline constexpr std::size_t channels_max = 65536;     // in the cluster
inline constexpr std::size_t event_size_max = 65536;   // bytes of data: SA_EVT_DATA_MAX_LEN
inline constexpr std::size_t pattern_size_max = 4096;  // bytes of one pattern
inline constexpr std::size_t patterns_max = 64;        // of an event, filters of a subscription
inline constexpr std::int64_t retention_max = std::numeric_limits<std::int64_t>::max();
inline constexpr std::size_t name_max = 256;  // SA_MAX_NAME_LENGTH
// Limit: data, patterns and names of all events that are kept, unless event.retained_bytes says
// otherwise; publishing one that should be kept is NO_RESOURCES beyond it.
inline constexpr std::size_t retained_bytes_max = 256U << 20;
// Limit: opens of one client.
inline constexpr std::size_t opens_max = 65536;
// Limit: bytes of the filters of all subscriptions of one client, each subscription counted with
// subscription_cost besides: so many subscriptions without a pattern, too.
inline constexpr std::size_t subscriptions_bytes_max = 16U << 20;
inline constexpr std::size_t subscription_cost = 256;
// Ids up to here are the standard's own.
inline constexpr std::uint64_t reserved_ids = 1000;
inline constexpr std::uint64_t lost_event_id = 1;
inline constexpr std::string_view lost_event_pattern = "SA_EVT_LOST_EVENT_PATTERN";
inline constexpr std::uint32_t priorities = 4;  // 0 is the highest
// How many event ids a library gets at a time.
inline constexpr std::uint32_t ids_per_block = 4096;

// Bits of SaEvtChannelOpenFlagsT.
inline constexpr std::uint32_t flag_publisher = 1;
inline constexpr std::uint32_t flag_subscriber = 2;
inline constexpr std::uint32_t flag_create = 4;
inline constexpr std::uint32_t flags_all = 7;

enum class MessageKind : std::uint16_t {
    open = 1,
    close = 2,
    unlink = 3,
    publish = 4,
    clear = 5,
    expire = 6,
    tick = 7,
};
enum class RequestKind : std::uint16_t {
    open = 1,
    open_async = 2,
    close = 3,
    abandon = 4,
    unlink = 5,
    ids = 6,
    publish = 7,
    retain = 8,
    subscribe = 9,
    unsubscribe = 10,
    clear = 11,
    consumed = 12,
};
enum class EventKind : std::uint16_t { opened = 1, deliver = 2 };

constexpr bool is_name(Bytes name) {
    return !name.empty() && name.size() <= name_max;
}

using Hello = VersionHello<wire_version>;

// An event; views into whatever it was decoded from.
struct Event {
    // Bytes in front of publisher, patterns and data.
    static constexpr std::size_t head_size = 28;

    std::uint64_t id = 0;
    std::int64_t publish_time = 0;  // nanoseconds since 1970-01-01 UTC
    std::int64_t retention = 0;     // nanoseconds; retention_max: for ever
    std::uint32_t priority = 3;
    std::string_view publisher;
    std::vector<std::string_view> patterns;
    Bytes data;

    // All but the data, which follows.
    void encode_head(Appender& out) const {
        out.u64(id);
        out.i64(publish_time);
        out.i64(retention);
        out.u32(priority);
        out.text(publisher);
        out.u32(static_cast<std::uint32_t>(patterns.size()));
        for (const std::string_view pattern : patterns) {
            out.text(pattern);
        }
    }

    static bool decode(Bytes from, Event& event) {
        Reader in(from);
        event.id = in.u64();
        event.publish_time = in.i64();
        event.retention = in.i64();
        event.priority = in.u32();
        event.publisher = in.text();
        const std::uint32_t count = in.u32();
        event.patterns.clear();
        if (!in.ok() || count > patterns_max || event.priority >= priorities ||
            event.retention < 0 || event.publisher.size() > name_max) {
            return false;
        }
        for (std::uint32_t i = 0; i < count; ++i) {
            event.patterns.push_back(in.text());
            if (event.patterns.back().size() > pattern_size_max) {
                return false;
            }
        }
        event.data = in.rest();
        return in.ok() && event.data.size() <= event_size_max;
    }
};

struct OpenMessage {
    static constexpr std::size_t head_size = 20;
    std::uint64_t number = 0;
    std::uint64_t request = 0;
    std::uint32_t flags = 0;
    std::string_view name;

    void encode_head(Writer& out) const {
        out.u64(number);
        out.u64(request);
        out.u32(flags);
    }
    static bool decode(Bytes from, OpenMessage& open) {
        Reader in(from);
        open = {in.u64(), in.u64(), in.u32(), as_text(in.rest())};
        return in.ok() && open.number != 0 && open.flags != 0 && (open.flags & ~flags_all) == 0 &&
               is_name(as_bytes(open.name));
    }
};

struct UnlinkMessage {
    std::uint64_t request = 0;
    std::string_view name;

    static bool decode(Bytes from, UnlinkMessage& unlink) {
        Reader in(from);
        unlink = {in.u64(), as_text(in.rest())};
        return in.ok() && is_name(as_bytes(unlink.name));
    }
};

struct ClearMessage {
    static constexpr std::size_t size = 24;
    std::uint64_t number = 0;
    std::uint64_t request = 0;
    std::uint64_t id = 0;

    void encode(Writer& out) const {
        out.u64(number);
        out.u64(request);
        out.u64(id);
    }
    static bool decode(Bytes from, ClearMessage& clear) {
        Reader in(from);
        clear = {in.u64(), in.u64(), in.u64()};
        return in.finished();
    }
};

// `invocation` is there in open_async only.
struct OpenRequest {
    std::uint64_t invocation = 0;
    std::uint32_t tag = 0;
    std::uint32_t flags = 0;
    std::string_view name;

    static bool decode(Bytes from, bool is_async, OpenRequest& open) {
        Reader in(from);
        open.invocation = is_async ? in.u64() : 0;
        open.tag = in.u32();
        open.flags = in.u32();
        open.name = as_text(in.rest());
        return in.ok() && open.flags != 0 && (open.flags & ~flags_all) == 0 &&
               is_name(as_bytes(open.name));
    }
};

struct IdBlock {
    std::uint64_t first = 0;
    std::uint32_t count = 0;

    static bool decode(Bytes from, IdBlock& block) {
        Reader in(from);
        block = {in.u64(), in.u32()};
        return in.finished() && block.count > 0 && block.first > reserved_ids;
    }
};

using OpenedEvent = DoneEvent<std::uint32_t>;  // of a tag

// In front of an event on its way to a library.
struct DeliverHead {
    static constexpr std::size_t size = 8;
    std::uint32_t tag = 0;
    std::uint32_t subscription = 0;

    void encode(Writer& out) const {
        out.u32(tag);
        out.u32(subscription);
    }
    static DeliverHead decode(Reader& in) { return {in.u32(), in.u32()}; }
};

}  // namespace ais::evt
