// SPDX-License-Identifier: BSD-3-Clause
//
// Everything that cpg says over a wire: library ↔ service on one node, and
// service ↔ service between nodes.  All fields are little-endian, a name is a
// u32 length and that many bytes.
//
// How a message names its group.  It does not.  A handle is a member of at
// most one group, messages of one node keep their order, and joins and leaves
// are messages themselves: so at the place of the total order where a message
// is delivered, the *sender's seat* says which group it is for, on every node
// alike.  A seat is a small number that the sender's node gave to the
// connection (an index, no hashing on delivery).  With it goes the `instance`
// of the membership: 24 bits that count the connections of the node and 8 bits
// that count the joins of this one, so that a seat given to somebody else
// meanwhile, a process id used again, or the same handle after leave and join
// is never taken for its predecessor.
//
// Why not a number per group: two components of a divided cluster create
// numbers on their own, so a merge would have to renumber; but messages that
// waited in a sender's queue while the merge went on carry the old numbers.
// Seats are given by one node for itself and never change, so there is nothing
// to renumber: a message queued before a merge means the same after it.
//
// How an event names its group.  By `number`, the count of the join by which
// the receiver got into it.  The library has chosen it and knows the name,
// whichever thread dispatches the event.
//
// group message   kind      body
//   multicast     message   seat u32, instance u32, payload (the rest)
//   join          join      seat u32, instance u32, pid u32, group (the rest)
//   leave         leave     seat u32, instance u32, reason u32
//
// request         kind            body                     response
//   multicast     mcast_agreed    payload                  none (one-way)
//                 mcast_safe      payload                  none
//   join          join            number u32, group        error only
//   leave         leave           -                        error only
//   membership    membership      at u32, limit u32,       digest u64, total u32, n u32,
//                                 group (the rest)         n × (node u32, pid u32)
//   iteration     iterate         type u32, group, after   more u8, n u32, n × entry
//                                 after = entry            entry = group, node u32, pid u32
//
// event           kind      body
//   message       message   node u32, pid u32, number u32, 0 u32, payload (the rest)
//   membership    change    number u32, flags u32, digest u64, members u32, left u32, joined u32,
//                           members × (node u32, pid u32),
//                           left+joined × (node u32, pid u32, reason u32)
//   configuration ring      representative u32, n u32, seq u64, n × node u32
//
// How a change is told.  As what left and what joined: the list itself is kept by
// the library (view.hpp), for it has n entries and n members are told of it.  The
// whole list goes to who is new, with the change that brings it in.  The digest is of
// the members afterwards, so a list that has gone astray is found at the next
// change.  What is too long for one event goes in several, all but the last with `more`.
//
// A list of members is asked for in pages, from the place `at` on; pages of equal
// digests are of one list.

#pragma once

#include <ais/bytes.hpp>
#include <ais/codec.hpp>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace ais::cpg {

inline constexpr std::uint16_t service_id = 33;
// A service takes libraries of its own version only, also from a build that it
// replaces (handover.cpp).  1: each change with the whole list.
inline constexpr std::uint32_t wire_version = 2;

// Limit: as CPG_MAX_NAME_LENGTH of the public header.
inline constexpr std::size_t group_name_max = 128;
// Limit: connections of one node; far above the kernel's clients_max, and
// small enough that a table indexed by seats cannot be used to eat memory.
inline constexpr std::uint32_t seats_max = 65536;
// Limit: bytes of one page of an iteration or a list, and of one event of a
// change; well below a message.
inline constexpr std::size_t page_max = 128U << 10;

enum class MessageKind : std::uint16_t { message = 1, join = 2, leave = 3 };
enum class RequestKind : std::uint16_t {
    mcast_agreed = 1,
    mcast_safe = 2,
    join = 3,
    leave = 4,
    membership = 5,
    iterate = 6,
};
enum class EventKind : std::uint16_t { message = 1, change = 2, ring = 3 };

// Why a process is in a list; the numbers are cpg_reason_t.
enum class Reason : std::uint32_t {
    none = 0,
    join = 1,
    leave = 2,
    node_down = 3,
    node_up = 4,
    process_down = 5,
};

struct Process {
    std::uint32_t node = 0;
    std::uint32_t pid = 0;
    Reason reason = Reason::none;

    friend bool operator==(const Process&, const Process&) = default;
};

// The two parts of an instance.
inline constexpr std::uint32_t join_count_mask = 0xff;
constexpr std::uint32_t connection_part(std::uint32_t instance) {
    return instance & ~join_count_mask;
}
constexpr std::uint32_t join_number(std::uint32_t instance) {
    return instance & join_count_mask;
}

constexpr bool is_group_name(Bytes name) {
    return !name.empty() && name.size() <= group_name_max;
}

// What a library says when it connects.
struct Hello {
    static constexpr std::uint32_t wants_ring = 1;          // configurations of the ring
    static constexpr std::uint32_t wants_initial_ring = 2;  // beginning with the present one
    static constexpr std::size_t size = 8;

    std::uint32_t version = wire_version;
    std::uint32_t flags = 0;

    void encode(Writer& out) const {
        out.u32(version);
        out.u32(flags);
    }
    static bool decode(Bytes from, Hello& hello) {
        Reader in(from);
        hello = {in.u32(), in.u32()};
        return in.finished();
    }
};

// In front of every payload between nodes.
struct MessageHead {
    static constexpr std::size_t size = 8;
    std::uint32_t seat = 0;
    std::uint32_t instance = 0;

    void encode(Writer& out) const {
        out.u32(seat);
        out.u32(instance);
    }
    static MessageHead decode(Reader& in) { return {in.u32(), in.u32()}; }
};

struct JoinMessage {
    static constexpr std::size_t head_size = 12;
    std::uint32_t seat = 0;
    std::uint32_t instance = 0;
    std::uint32_t pid = 0;
    Bytes group;

    void encode_head(Writer& out) const {
        out.u32(seat);
        out.u32(instance);
        out.u32(pid);
    }
    static bool decode(Bytes from, JoinMessage& join) {
        Reader in(from);
        join = {in.u32(), in.u32(), in.u32(), in.rest()};
        return in.ok() && join.seat < seats_max && join.instance != 0 && is_group_name(join.group);
    }
};

struct LeaveMessage {
    static constexpr std::size_t size = 12;
    std::uint32_t seat = 0;
    std::uint32_t instance = 0;
    Reason reason = Reason::leave;

    void encode(Writer& out) const {
        out.u32(seat);
        out.u32(instance);
        out.u32(static_cast<std::uint32_t>(reason));
    }
    static bool decode(Bytes from, LeaveMessage& leave) {
        Reader in(from);
        leave = {in.u32(), in.u32(), static_cast<Reason>(in.u32())};
        return in.finished() && leave.seat < seats_max &&
               (leave.reason == Reason::leave || leave.reason == Reason::process_down);
    }
};

struct JoinRequest {
    static constexpr std::size_t head_size = 4;
    std::uint32_t number = 0;  // at most join_count_mask
    Bytes group;

    void encode_head(Writer& out) const { out.u32(number); }
    static bool decode(Bytes from, JoinRequest& join) {
        Reader in(from);
        join = {in.u32(), in.rest()};
        return in.ok() && join.number <= join_count_mask;
    }
};

struct MembershipRequest {
    static constexpr std::size_t head_size = 8;
    std::uint32_t at = 0;     // entries that the library has already
    std::uint32_t limit = 0;  // no more than these
    Bytes group;

    void encode_head(Writer& out) const {
        out.u32(at);
        out.u32(limit);
    }
    static bool decode(Bytes from, MembershipRequest& request) {
        Reader in(from);
        request = {in.u32(), in.u32(), in.rest()};
        return in.ok();
    }
};

// In front of every payload on its way to a library.  16 bytes, so that the
// payload is as aligned as the body.
struct DeliveryHead {
    static constexpr std::size_t size = 16;
    std::uint32_t node = 0;
    std::uint32_t pid = 0;
    std::uint32_t number = 0;
    std::uint32_t reserved = 0;

    void encode(Writer& out) const {
        out.u32(node);
        out.u32(pid);
        out.u32(number);
        out.u32(reserved);
    }
    static DeliveryHead decode(Reader& in) { return {in.u32(), in.u32(), in.u32(), in.u32()}; }
};

// A list of processes in few bytes: equal lists have equal digests, others hardly ever.
// It is the sum of what each process contributes, so a change costs what it changes.
constexpr std::uint64_t digest_of(std::uint32_t node, std::uint32_t pid) {
    std::uint64_t x = (std::uint64_t{node} << 32 | pid) + 0x9e3779b97f4a7c15;
    x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9;
    x = (x ^ x >> 27) * 0x94d049bb133111eb;
    return x ^ x >> 31;
}

// One event of a change.  Without its number, which is the receiver's, it is the
// same for all who have the list already.
struct ChangeEvent {
    static constexpr std::uint32_t more = 1;   // the next event goes on with it
    static constexpr std::uint32_t whole = 2;  // with the list, for who has none
    static constexpr std::size_t number_size = 4;
    static constexpr std::size_t head_size = number_size + 4 + 8 + 3 * 4;
    static constexpr std::size_t member_size = 8;
    static constexpr std::size_t process_size = 12;

    std::uint32_t number = 0;
    std::uint32_t flags = 0;
    std::uint64_t digest = 0;
    std::vector<Process> members;  // afterwards, without reasons; only of a whole one
    std::vector<Process> left;
    std::vector<Process> joined;

    [[nodiscard]] bool has_more() const { return (flags & more) != 0; }
    [[nodiscard]] bool is_whole() const { return (flags & whole) != 0; }

    static bool decode(Bytes from, ChangeEvent& change) {
        Reader in(from);
        change.number = in.u32();
        change.flags = in.u32();
        change.digest = in.u64();
        const std::uint32_t members = in.u32();
        const std::uint32_t left = in.u32();
        const std::uint32_t joined = in.u32();
        const std::uint64_t bytes =
            std::uint64_t{members} * member_size + (std::uint64_t{left} + joined) * process_size;
        if (!in.ok() || change.number > join_count_mask || (change.flags & ~(more | whole)) != 0 ||
            (members != 0 && !change.is_whole()) || bytes != in.remaining()) {
            return false;
        }
        read_list(in, members, false, change.members);
        read_list(in, left, true, change.left);
        read_list(in, joined, true, change.joined);
        return in.finished();
    }

  private:
    static void read_list(Reader& in,
                          std::uint32_t count,
                          bool has_reasons,
                          std::vector<Process>& out) {
        out.clear();
        out.reserve(count);
        for (std::uint32_t i = 0; i < count; ++i) {
            out.push_back(
                {in.u32(), in.u32(), has_reasons ? static_cast<Reason>(in.u32()) : Reason::none});
        }
    }
};

inline void encode_process(Appender& out, const Process& process) {
    out.u32(process.node);
    out.u32(process.pid);
    out.u32(static_cast<std::uint32_t>(process.reason));
}

struct RingEvent {
    std::uint32_t representative = 0;
    std::uint64_t seq = 0;
    std::vector<std::uint32_t> members;

    void encode(Appender& out) const {
        out.u32(representative);
        out.u32(static_cast<std::uint32_t>(members.size()));
        out.u64(seq);
        for (const std::uint32_t node : members) {
            out.u32(node);
        }
    }
    static bool decode(Bytes from, RingEvent& ring) {
        Reader in(from);
        ring.representative = in.u32();
        const std::uint32_t count = in.u32();
        ring.seq = in.u64();
        if (!in.ok() || std::uint64_t{count} * 4 != in.remaining()) {
            return false;
        }
        ring.members.clear();
        for (std::uint32_t i = 0; i < count; ++i) {
            ring.members.push_back(in.u32());
        }
        return in.finished();
    }
};

// One line of an iteration, and the place after which the next page begins.
struct Entry {
    std::string group;  // empty in a cursor: from the beginning
    std::uint32_t node = 0;
    std::uint32_t pid = 0;

    void encode(Appender& out) const {
        out.text(group);
        out.u32(node);
        out.u32(pid);
    }
    static Entry decode(Reader& in) { return {std::string(in.text()), in.u32(), in.u32()}; }

    friend auto operator<=>(const Entry&, const Entry&) = default;
};

// The numbers are cpg_iteration_type_t.
enum class IterationType : std::uint32_t { name_only = 1, one_group = 2, all = 3 };

struct IterateRequest {
    IterationType type = IterationType::all;
    std::string group;  // of one_group
    Entry after;

    void encode(Appender& out) const {
        out.u32(static_cast<std::uint32_t>(type));
        out.text(group);
        after.encode(out);
    }
    static bool decode(Bytes from, IterateRequest& request) {
        Reader in(from);
        request.type = static_cast<IterationType>(in.u32());
        request.group = in.text();
        request.after = Entry::decode(in);
        const auto type = static_cast<std::uint32_t>(request.type);
        return in.finished() && type >= 1 && type <= 3 && request.group.size() <= group_name_max &&
               request.after.group.size() <= group_name_max;
    }
};

struct IteratePage {
    static constexpr std::size_t head_size = 1 + 4;
    bool more = false;
    std::vector<Entry> entries;

    void encode(Appender& out) const {
        out.u8(more ? 1 : 0);
        out.u32(static_cast<std::uint32_t>(entries.size()));
        for (const Entry& entry : entries) {
            entry.encode(out);
        }
    }
    static bool decode(Bytes from, IteratePage& page) {
        Reader in(from);
        page.more = in.u8() != 0;
        const std::uint32_t count = in.u32();
        page.entries.clear();
        for (std::uint32_t i = 0; i < count && in.ok(); ++i) {
            page.entries.push_back(Entry::decode(in));
        }
        // A page that promises more without having anything would never end.
        return in.finished() && !(page.more && page.entries.empty());
    }
};

struct MembershipPage {
    static constexpr std::size_t head_size = 8 + 4 + 4;
    static constexpr std::size_t entry_size = 8;
    std::uint64_t digest = 0;  // of the whole list
    std::uint32_t total = 0;   // its entries
    std::vector<Process> members;

    void encode(Appender& out) const {
        out.u64(digest);
        out.u32(total);
        out.u32(static_cast<std::uint32_t>(members.size()));
        for (const Process& member : members) {
            out.u32(member.node);
            out.u32(member.pid);
        }
    }
    static bool decode(Bytes from, MembershipPage& page) {
        Reader in(from);
        page.digest = in.u64();
        page.total = in.u32();
        const std::uint32_t count = in.u32();
        if (!in.ok() || count > page.total || std::uint64_t{count} * entry_size != in.remaining()) {
            return false;
        }
        page.members.clear();
        page.members.reserve(count);
        for (std::uint32_t i = 0; i < count; ++i) {
            page.members.push_back({in.u32(), in.u32(), Reason::none});
        }
        return in.finished();
    }
};

}  // namespace ais::cpg
