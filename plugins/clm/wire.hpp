// SPDX-License-Identifier: BSD-3-Clause
//
// Everything that clm says over a wire: library ↔ service on one node, and
// service ↔ service between nodes.  All fields are little-endian, a text is a
// u32 length and that many bytes.
//
// group message     kind         body
//   facts changed   facts        facts of the sender
//   administer      administer   operation u32, node u32, name text, ticket u64
//   step is over    step_over    invocation u64, verdict u32: on the sender's node
//
// request           kind         body                             response
//   track           track        flags u32, answer u32,           error; answer buffer: view
//                                capacity u32, epoch u32
//   stop tracking   track_stop   -                                error
//   get a node      node_get     node u32                         error; member
//   … by callback   node_ask     node u32, invocation u64         error
//   answer a step   response     invocation u64, response u32     error
//   administer      administer   operation u32, node u32,         error, when all is over
//                                name text (if node is 0)
//   list of nodes   nodes        -                                error; n u32, n × (member,
//                                                                 state u32, is up u32)
//
// event             kind         body
//   current view    current      epoch u32, view
//   changed view    changed      epoch u32, view
//   a node          node         invocation u64, error u32, member if it is OK
//   step of change  step         epoch u32, step u32, invocation u64, supervision i64 (ns),
//                                cause text, view
//
//   facts  = node u32, family u32, address text, name text, environment text, boot i64
//   member = facts, initial view u64
//   view   = number u64, members u32, n u32, n × (change u32, member)
//
// A hello is version u32, role u32; a program of a node that is no member is refused with
// not_a_member.  administer and nodes are for the operator's tool
// (aisctl), not for libSaClm.
//
// NO_SPACE comes with a body, u32, the capacity that is needed.  Errors are
// those of <openais/saAis.h>.
//
// `epoch` counts the TrackStops of a handle.  It is echoed in events, so that the
// library knows which of them were asked for before, and drops them.

#pragma once

#include <ais/abi/types.h>
#include <ais/bytes.hpp>
#include <ais/codec.hpp>

#include <cstdint>
#include <string>
#include <vector>

namespace ais::clm {

inline constexpr std::uint16_t service_id = 3;
inline constexpr std::uint32_t wire_version = 2;
// Why this one: those that would say it better mean something else to every client
// (sdk/client/handshake.cpp).
inline constexpr ais_status not_a_member = AIS_ERR_INVALID;

// Limits: those of the public header.
inline constexpr std::size_t address_max = 64;
inline constexpr std::size_t name_max = 256;

enum class MessageKind : std::uint16_t { facts = 1, administer = 2, step_over = 3 };
enum class RequestKind : std::uint16_t {
    track = 1,
    track_stop = 2,
    node_get = 3,
    node_ask = 4,
    response = 5,
    administer = 6,
    nodes = 7,
};
enum class EventKind : std::uint16_t { current = 1, changed = 2, node = 3, step = 4 };

// The numbers of these are the standard's: SaClmClusterChangesT, SaClmAdminOperationIdT,
// SaClmAdminStateT, SaClmChangeStepT, SaClmResponseT.
enum class Change : std::uint32_t {
    none = 1,
    joined = 2,
    left = 3,
    reconfigured = 4,
    unlocked = 5,
    shutdown = 6,
};
enum class Operation : std::uint32_t { unlock = 1, lock = 2, shutdown = 3 };
enum class AdminState : std::uint32_t { unlocked = 1, locked = 2, shutting_down = 3 };
enum class Step : std::uint32_t { validate = 1, start = 2, aborted = 3, completed = 4 };
enum class Verdict : std::uint32_t { ok = 1, rejected = 2, error = 3 };

enum class Role : std::uint32_t { program = 1, operators_tool = 2 };

// What a library says when it connects.
struct Hello {
    static constexpr std::size_t size = 8;
    std::uint32_t version = wire_version;
    Role role = Role::program;

    void encode(Appender& out) const {
        out.u32(version);
        out.u32(static_cast<std::uint32_t>(role));
    }
    static bool decode(Bytes from, Hello& hello) {
        Reader in(from);
        hello = {in.u32(), static_cast<Role>(in.u32())};
        return in.finished() && (hello.role == Role::program || hello.role == Role::operators_tool);
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
                item.change > Change::shutdown) {
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

// What an operator wants of a node, which is named by number, or if that is 0 by name.
struct AdminRequest {
    Operation operation = Operation::lock;
    std::uint32_t node = 0;
    std::string name;

    void encode(Appender& out) const {
        out.u32(static_cast<std::uint32_t>(operation));
        out.u32(node);
        out.text(name);
    }
    static bool decode(Reader& in, AdminRequest& request) {
        request.operation = static_cast<Operation>(in.u32());
        request.node = in.u32();
        request.name = in.text();
        return in.ok() && request.operation >= Operation::unlock &&
               request.operation <= Operation::shutdown && request.name.size() <= name_max;
    }
};

// A line of the operator's list.
struct NodeLine {
    Member member;  // of a node that is not up: its number and name, as last known
    AdminState state = AdminState::unlocked;
    bool is_up = false;

    void encode(Appender& out) const {
        member.encode(out);
        out.u32(static_cast<std::uint32_t>(state));
        out.u32(is_up ? 1 : 0);
    }
    static bool decode(Reader& in, NodeLine& line) {
        const bool good = Member::decode(in, line.member);
        line.state = static_cast<AdminState>(in.u32());
        line.is_up = in.u32() != 0;
        return good && in.ok() && line.state >= AdminState::unlocked &&
               line.state <= AdminState::shutting_down;
    }
};

// A step of a change that has not happened yet, or will not.
struct StepEvent {
    Step step = Step::validate;
    std::uint64_t invocation = 0;  // 0: no answer is awaited
    std::int64_t supervision = 0;  // nanoseconds
    std::string cause;
    ViewReport report;

    void encode(Appender& out) const {
        out.u32(static_cast<std::uint32_t>(step));
        out.u64(invocation);
        out.i64(supervision);
        out.text(cause);
        report.encode(out);
    }
    static bool decode(Reader& in, StepEvent& event) {
        event.step = static_cast<Step>(in.u32());
        event.invocation = in.u64();
        event.supervision = in.i64();
        event.cause = in.text();
        return ViewReport::decode(in, event.report) && event.step >= Step::validate &&
               event.step <= Step::aborted && event.cause.size() <= name_max;
    }
};

}  // namespace ais::clm
