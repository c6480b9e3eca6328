// SPDX-License-Identifier: BSD-3-Clause
//
// Everything that lck says over a wire: library ↔ service on one node, and
// service ↔ service between nodes.  All fields are little-endian; a name or block is a
// u32 length and that many bytes.  docs/protocol/lck.md has the rules.
//
// Between nodes an open and a lock are (node, number): the node counts, and messages of one
// node keep their order.  A library names its own by the handles that the program has: so
// a lock can be unlocked whose answer has not come.
//
// group message     kind         body
//   open            open         number u64, client u64, pid u32, flags u32, name
//   close           close        request u64, n × number u64 (the rest)
//   lock            lock         number u64, open u64, signal u64, mode u32, flags u32
//   unlock          unlock       request u64, number u64
//   timed out       expire       n × number u64 (the rest)
//   purge           purge        request u64, open u64
//   serve           serve        (none)
//
// request           kind         body                                        response
//   open            open         handle u64, flags u32, name (the rest)      error only
//   open, async     open_async   invocation u64, handle u64, flags u32, name none; event opened
//   close           close        handle u64                                  error only
//   forget an open  abandon      handle u64                                  none
//   lock            lock         lock body, timeout i64                      status u32, fence
//   lock, async     lock_async   invocation u64, lock body                   none; event granted
//   unlock          unlock       id u64                                      error only
//   unlock, async   unlock_async invocation u64, id u64                      none; event unlocked
//   give up         cancel       id u64                                      none
//   purge           purge        handle u64                                  error only
//   fencing number  fence        id u64                                      fence
//   events wanted   watch        bits u32                                    error only
//   all locks       list         skip u32, cursor block                      n × line (the rest)
//
// lock body = id u64, handle u64, signal u64, mode u32, flags u32
// fence     = high u64, low u64
// line      = name block, kind u32, mode u32, node u32, pid u32, signal u64, fence;
//             kind 0: nothing is locked there.  In the order of names; the cursor is the name
//             to go on with, of which `skip` lines are known; no line: that is all.
//
// event             kind         body
//   opened          opened       invocation u64, handle u64, error i32
//   decided         granted      invocation u64, id u64, status u32, error i32
//   somebody waits  waiter       signal u64, id u64, mode held u32, mode requested u32
//   unlocked        unlocked     invocation u64, id u64, error i32
//   lost            lost         id u64

#pragma once

#include <ais/bytes.hpp>
#include <ais/codec.hpp>
#include <ais/service_wire.hpp>

#include <compare>
#include <cstdint>
#include <string_view>
#include <vector>

namespace ais::lck {

inline constexpr std::uint16_t service_id = 6;  // as SA_SVC_LCK of B.02.01
inline constexpr std::uint32_t wire_version = 1;

// Limits.
inline constexpr std::size_t locks_max = 131072;     // in the cluster: granted, orphans, waiting
inline constexpr std::size_t resources_max = 65536;  // in the cluster
inline constexpr std::size_t opens_max = 65536;      // of one client
inline constexpr std::size_t name_max = 256;         // SA_MAX_NAME_LENGTH
inline constexpr std::size_t lines_max = 32;         // of one answer to list

// Bits of SaLckResourceOpenFlagsT and SaLckLockFlagsT.
inline constexpr std::uint32_t flag_create = 1;
inline constexpr std::uint32_t flag_no_queue = 1;
inline constexpr std::uint32_t flag_orphan = 2;
inline constexpr std::uint32_t lock_flags_all = 3;

// Bits of watch.
inline constexpr std::uint32_t watch_waiters = 1;
inline constexpr std::uint32_t watch_losses = 2;
inline constexpr std::uint32_t watch_all = 3;

// As SaLckLockModeT and SaLckLockStatusT.
enum class Mode : std::uint8_t { protected_read = 1, exclusive = 2 };
enum class Status : std::uint8_t {
    granted = 1,
    deadlock = 2,
    not_queued = 3,
    orphaned = 4,
    no_more = 5,
    duplicate_ex = 6,
};

enum class MessageKind : std::uint16_t {
    open = 1,
    close = 2,
    lock = 3,
    unlock = 4,
    expire = 5,
    purge = 6,
    serve = 7,
};
enum class RequestKind : std::uint16_t {
    open = 1,
    open_async = 2,
    close = 3,
    abandon = 4,
    lock = 5,
    lock_async = 6,
    unlock = 7,
    unlock_async = 8,
    cancel = 9,
    purge = 10,
    fence = 11,
    watch = 12,
    list = 13,
};
enum class EventKind : std::uint16_t {
    opened = 1,
    granted = 2,
    waiter = 3,
    unlocked = 4,
    lost = 5
};

constexpr std::uint16_t number_of(MessageKind kind) {
    return static_cast<std::uint16_t>(kind);
}
constexpr std::uint16_t number_of(RequestKind kind) {
    return static_cast<std::uint16_t>(kind);
}
constexpr std::uint16_t number_of(EventKind kind) {
    return static_cast<std::uint16_t>(kind);
}

constexpr bool is_name(Bytes name) {
    return !name.empty() && name.size() <= name_max;
}
constexpr bool is_mode(std::uint32_t mode) {
    return mode == 1 || mode == 2;
}
constexpr bool are_in_conflict(Mode one, Mode other) {
    return one == Mode::exclusive || other == Mode::exclusive;
}

// A fencing number.
struct Fence {
    static constexpr std::size_t size = 16;
    std::uint64_t high = 0;
    std::uint64_t low = 0;

    friend auto operator<=>(const Fence&, const Fence&) = default;

    template <typename Out>
    void encode(Out& out) const {
        out.u64(high);
        out.u64(low);
    }
    static Fence decode(Reader& in) {
        const std::uint64_t high = in.u64();
        return {high, in.u64()};
    }
    static bool decode(Bytes from, Fence& fence) {
        Reader in(from);
        fence = decode(in);
        return in.finished();
    }
};

struct Hello {
    static constexpr std::size_t size = 8;
    std::uint32_t version = wire_version;
    std::uint32_t watch = 0;

    void encode(Writer& out) const {
        out.u32(version);
        out.u32(watch);
    }
    static bool decode(Bytes from, Hello& hello) {
        Reader in(from);
        hello = {in.u32(), in.u32()};
        return in.finished() && (hello.watch & ~watch_all) == 0;
    }
};

struct OpenMessage {
    static constexpr std::size_t head_size = 24;
    std::uint64_t number = 0;
    std::uint64_t client = 0;
    std::uint32_t pid = 0;
    std::uint32_t flags = 0;
    std::string_view name;

    void encode_head(Writer& out) const {
        out.u64(number);
        out.u64(client);
        out.u32(pid);
        out.u32(flags);
    }
    static bool decode(Bytes from, OpenMessage& open) {
        Reader in(from);
        open = {in.u64(), in.u64(), in.u32(), in.u32(), as_text(in.rest())};
        return in.ok() && open.number != 0 && open.flags <= flag_create &&
               is_name(as_bytes(open.name));
    }
};

struct LockMessage {
    static constexpr std::size_t size = 32;
    std::uint64_t number = 0;
    std::uint64_t open = 0;
    std::uint64_t signal = 0;
    Mode mode = Mode::exclusive;
    std::uint32_t flags = 0;

    void encode(Writer& out) const {
        out.u64(number);
        out.u64(open);
        out.u64(signal);
        out.u32(static_cast<std::uint32_t>(mode));
        out.u32(flags);
    }
    static bool decode(Bytes from, LockMessage& lock) {
        Reader in(from);
        lock.number = in.u64();
        lock.open = in.u64();
        lock.signal = in.u64();
        const std::uint32_t mode = in.u32();
        lock.flags = in.u32();
        lock.mode = static_cast<Mode>(mode);
        return in.finished() && lock.number != 0 && is_mode(mode) &&
               (lock.flags & ~lock_flags_all) == 0;
    }
};

// Of unlock and purge: who waits for the answer (0: nobody), and for what.
struct TargetMessage {
    static constexpr std::size_t size = 16;
    std::uint64_t request = 0;
    std::uint64_t number = 0;

    void encode(Writer& out) const {
        out.u64(request);
        out.u64(number);
    }
    static bool decode(Bytes from, TargetMessage& target) {
        Reader in(from);
        target = {in.u64(), in.u64()};
        return in.finished();
    }
};

// `invocation` is there in open_async only.
struct OpenRequest {
    std::uint64_t invocation = 0;
    std::uint64_t handle = 0;
    std::uint32_t flags = 0;
    std::string_view name;

    static bool decode(Bytes from, bool is_async, OpenRequest& open) {
        Reader in(from);
        open.invocation = is_async ? in.u64() : 0;
        open.handle = in.u64();
        open.flags = in.u32();
        open.name = as_text(in.rest());
        return in.ok() && open.flags <= flag_create && is_name(as_bytes(open.name));
    }
};

// `invocation` is there in lock_async only, `timeout` (nanoseconds, above 0; for_ever) in lock.
struct LockRequest {
    static constexpr std::int64_t for_ever = INT64_MAX;
    std::uint64_t invocation = 0;
    std::uint64_t id = 0;
    std::uint64_t handle = 0;
    std::uint64_t signal = 0;
    Mode mode = Mode::exclusive;
    std::uint32_t flags = 0;
    std::int64_t timeout = for_ever;

    template <typename Out>
    void encode(bool is_async, Out& out) const {
        if (is_async) {
            out.u64(invocation);
        }
        out.u64(id);
        out.u64(handle);
        out.u64(signal);
        out.u32(static_cast<std::uint32_t>(mode));
        out.u32(flags);
        if (!is_async) {
            out.i64(timeout);
        }
    }
    static bool decode(Bytes from, bool is_async, LockRequest& lock) {
        Reader in(from);
        lock.invocation = is_async ? in.u64() : 0;
        lock.id = in.u64();
        lock.handle = in.u64();
        lock.signal = in.u64();
        const std::uint32_t mode = in.u32();
        lock.mode = static_cast<Mode>(mode);
        lock.flags = in.u32();
        lock.timeout = is_async ? for_ever : in.i64();
        return in.finished() && is_mode(mode) && (lock.flags & ~lock_flags_all) == 0 &&
               lock.timeout > 0;
    }
};

struct LockAnswer {
    static constexpr std::size_t size = 4 + Fence::size;
    Status status = Status::granted;
    Fence fence;

    void encode(Writer& out) const {
        out.u32(static_cast<std::uint32_t>(status));
        fence.encode(out);
    }
    static bool decode(Bytes from, LockAnswer& answer) {
        Reader in(from);
        const std::uint32_t status = in.u32();
        answer.status = static_cast<Status>(status);
        answer.fence = Fence::decode(in);
        return in.finished() && status >= 1 && status <= 6;
    }
};

// Of opened and unlocked: a handle, or the id of a lock.
using DoneEvent = ais::DoneEvent<std::uint64_t>;

struct GrantedEvent {
    static constexpr std::size_t size = 24;
    std::uint64_t invocation = 0;
    std::uint64_t id = 0;
    Status status = Status::granted;
    std::int32_t error = 0;

    void encode(Writer& out) const {
        out.u64(invocation);
        out.u64(id);
        out.u32(static_cast<std::uint32_t>(status));
        out.i32(error);
    }
    static bool decode(Bytes from, GrantedEvent& granted) {
        Reader in(from);
        granted.invocation = in.u64();
        granted.id = in.u64();
        const std::uint32_t status = in.u32();
        granted.status = static_cast<Status>(status);
        granted.error = in.i32();
        return in.finished() && status >= 1 && status <= 6;
    }
};

struct WaiterEvent {
    static constexpr std::size_t size = 24;
    std::uint64_t signal = 0;
    std::uint64_t id = 0;
    Mode held = Mode::exclusive;
    Mode requested = Mode::exclusive;

    void encode(Writer& out) const {
        out.u64(signal);
        out.u64(id);
        out.u32(static_cast<std::uint32_t>(held));
        out.u32(static_cast<std::uint32_t>(requested));
    }
    static bool decode(Bytes from, WaiterEvent& waiter) {
        Reader in(from);
        waiter.signal = in.u64();
        waiter.id = in.u64();
        const std::uint32_t held = in.u32();
        const std::uint32_t requested = in.u32();
        waiter.held = static_cast<Mode>(held);
        waiter.requested = static_cast<Mode>(requested);
        return in.finished() && is_mode(held) && is_mode(requested);
    }
};

// A line of the list; `kind` as Lock::Kind, 0 for a resource without locks.
struct ListLine {
    std::string_view name;
    std::uint32_t kind = 0;
    std::uint32_t mode = 0;
    std::uint32_t node = 0;
    std::uint32_t pid = 0;  // of an orphan: 0
    std::uint64_t signal = 0;
    Fence fence;

    void encode(Appender& out) const {
        out.text(name);
        out.u32(kind);
        out.u32(mode);
        out.u32(node);
        out.u32(pid);
        out.u64(signal);
        fence.encode(out);
    }
    static bool decode(Reader& in, ListLine& line) {
        line.name = in.text();
        line.kind = in.u32();
        line.mode = in.u32();
        line.node = in.u32();
        line.pid = in.u32();
        line.signal = in.u64();
        line.fence = Fence::decode(in);
        return in.ok() && is_name(as_bytes(line.name)) && line.kind <= 4;
    }
};

}  // namespace ais::lck
