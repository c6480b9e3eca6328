// SPDX-License-Identifier: BSD-3-Clause
//
// One client.  The order of every store and load of the shared page is
// explained in docs/protocol/ipc_wire.md.

#include "ipc/session.hpp"

#include "base/assert.hpp"
#include "base/mark.hpp"
#include "ipc/session_state.hpp"

#include <bit>

namespace ais::ipc {
namespace {

// While one turn of the loop writes many events, a client that is awake may
// begin with the first of them after so many bytes.
constexpr std::size_t show_after = 64U << 10;
// Below this a copy costs less than the question whether it may be spared.
constexpr std::size_t opaque_min = 512;

std::size_t sum(std::span<const ais_bytes> parts) {
    std::size_t size = 0;
    for (const ais_bytes& part : parts) {
        size += part.size;
    }
    return size;
}

}  // namespace

Session::Impl::Impl(const Limits& the_limits,
                    const Memory& memory,
                    Waker& the_waker,
                    Peer the_peer,
                    std::uint16_t the_service,
                    Log& the_log)
    : limits(the_limits),
      body_max(the_limits.message_max + the_limits.header_room),
      page(*memory.page),
      waker(the_waker),
      peer(the_peer),
      service(the_service),
      log(the_log),
      requests(memory.page->request, memory.request, memory.request_size, body_max),
      responses(memory.page->response, memory.response, memory.response_size),
      events(memory.page->event, memory.event, memory.event_size),
      share(memory.request_size) {
    for (const std::size_t size : {memory.request_size, memory.response_size, memory.event_size}) {
        AIS_ASSERT(std::has_single_bit(size));
        AIS_ASSERT(size >= frame_space(body_max));
    }
}

void Session::Impl::cut_off(std::string_view why) {
    if (disconnected) {
        return;
    }
    disconnected = true;
    response_outbox.clear();
    event_outbox.clear();
    slow = false;
    waker.close(why);
}

void Session::Impl::break_rules(const char* ring, RingFault fault) {
    if (disconnected) {
        return;
    }
    ++stats->broke_rules;
    AIS_LOG(log,
            warning,
            "ipc",
            "IPC-002",
            "client pid ",
            peer.pid,
            " uid ",
            peer.uid,
            " of service ",
            service,
            " broke the rules of its ",
            ring,
            " ring (",
            to_text(fault),
            "): disconnected");
    cut_off("broke the rules of shared memory");
}

bool Session::Impl::has_unread_events() {
    return events.observe() && events.read_seen() != events.written();
}

// Limit: requests without response in a row that make a stream, whatever else is known.
constexpr std::uint32_t stream_min = 4;

// Why so: a program that waits for an answer, or for its own message, has taken what it was sent
// and has nothing under way when it asks again.  Who has not done so does not wait for us.
void Session::Impl::judge_stream(bool wants_response, bool waits) {
    if (wants_response) {
        taken_in_a_row = 0;
        streams = false;
    } else if (++taken_in_a_row == 1) {
        streams = waits || has_unread_events();
    } else if (taken_in_a_row == stream_min) {
        streams = true;
    }
}

bool Session::Impl::outbox_has_room(std::size_t space) const {
    return response_outbox.bytes() + event_outbox.bytes() + space <= limits.outbox_max;
}

void Session::Impl::set_held(std::uint32_t bit, bool on) {
    const std::uint32_t wanted = on ? held | bit : held & ~bit;
    if (wanted == held || disconnected) {
        return;
    }
    held = wanted;
    page.held_back.store(held, std::memory_order_seq_cst);
    if (page.request.room_wanted.load(std::memory_order_seq_cst) != 0) {
        wake_for_room();
    }
}

void Session::Impl::set_share(std::size_t wanted) {
    if (wanted == share) {
        return;
    }
    share = wanted;
    page.request_share.store(static_cast<std::uint32_t>(share), std::memory_order_relaxed);
}

void Session::Impl::wake_for_room() {
    page.request.room_wanted.store(0, std::memory_order_seq_cst);
    page.request.room.fetch_add(1, std::memory_order_seq_cst);
    waker.wake_room();
}

void Session::Impl::flush_responses() {
    if (!response_outbox.empty()) {
        response_outbox.move_to(responses);
        if (!response_outbox.empty()) {
            // Say so first, then look again: the client looks after it has taken.
            page.response.room_wanted.store(1, std::memory_order_seq_cst);
            response_outbox.move_to(responses);
        }
        if (response_outbox.empty() && owner != nullptr) {
            owner->resume(*in_ready.session);
        }
        if (responses.fault() != RingFault::none) {
            break_rules("response", responses.fault());
            return;
        }
    }
    if (responses.written() == responses_published) {
        return;
    }
    responses.publish();
    responses_published = responses.written();
    if (page.response.sleeping.load(std::memory_order_seq_cst) != 0 &&
        page.response.sleeping.exchange(0, std::memory_order_seq_cst) != 0) {
        waker.wake_response();
    }
}

void Session::Impl::flush_events(Instant now) {
    if (!event_outbox.empty()) {
        event_outbox.move_to(events);
        if (!event_outbox.empty()) {
            page.event.room_wanted.store(1, std::memory_order_seq_cst);
            event_outbox.move_to(events);
        }
        if (events.fault() != RingFault::none) {
            break_rules("event", events.fault());
            return;
        }
    }
    watch_for_stall(now);
    if (events.written() == events_published) {
        return;
    }
    events.publish();
    events_published = events_shown = events.written();
    if (must_ring(page.event.sleeping, events_published)) {
        waker.ring_doorbell();
    }
}

void Session::Impl::watch_for_stall(Instant now) {
    if (event_outbox.empty()) {
        slow = stalled = false;
        set_held(held_by_events, false);
        return;
    }
    set_held(held_by_events, true);
    if (!slow || events.read_seen() != progress_position) {
        slow = true;
        stalled = false;
        progress_at = now;
        progress_position = events.read_seen();
        return;
    }
    if (!stalled && now - progress_at >= limits.stall_timeout) {
        AIS_MARK("ipc.stalled_client_does_not_slow_the_ring");
        stalled = true;
        AIS_LOG(log,
                warning,
                "ipc",
                "IPC-004",
                "client pid ",
                peer.pid,
                " uid ",
                peer.uid,
                " of service ",
                service,
                " has not dispatched for ",
                to_ms(now - progress_at),
                " ms and its event ring is full: it does not slow the ring of nodes any more");
    }
}

Session::Session(const Limits& limits,
                 const Memory& memory,
                 Waker& waker,
                 Peer peer,
                 std::uint16_t service,
                 Log& log)
    : impl_(std::make_unique<Impl>(limits, memory, waker, peer, service, log)) {
    impl_->in_ready.session = this;
    impl_->in_dozing.session = this;
    impl_->in_asleep.session = this;
    impl_->in_touched.session = this;
    impl_->in_slow.session = this;
}

Session::~Session() = default;

std::uint16_t Session::service() const {
    return impl_->service;
}
const Peer& Session::peer() const {
    return impl_->peer;
}
void* Session::context() const {
    return impl_->context;
}
void Session::set_context(void* context) {
    impl_->context = context;
}
Bytes Session::hello() const {
    return as_bytes(impl_->hello);
}
std::uint64_t Session::number() const {
    return impl_->number;
}
std::uint64_t Session::outstanding() const {
    return impl_->outstanding;
}
bool Session::is_disconnected() const {
    return impl_->disconnected;
}

ais_status Session::respond(std::uint64_t serial,
                            std::int32_t error,
                            std::span<const ais_bytes> parts) {
    Impl& s = *impl_;
    const std::size_t size = sum(parts);
    if (serial == 0) {
        return AIS_ERR_INVALID;  // the client waits for nothing
    }
    if (size > s.body_max) {
        return AIS_ERR_TOO_BIG;
    }
    s.outstanding -= s.outstanding > 0 ? 1 : 0;
    if (s.disconnected || s.finishing) {
        return AIS_ERR_FAILED;
    }
    FrameHeader header;
    header.size = static_cast<std::uint32_t>(size);
    header.serial = serial;
    header.error = error;
    return answer(header, parts);
}

ais_status Session::answer(const FrameHeader& header, std::span<const ais_bytes> parts) {
    Impl& s = *impl_;
    const std::size_t size = header.size;
    if (s.response_outbox.empty() && s.responses.has_room(size)) {
        s.responses.put(header, parts);
    } else if (s.responses.fault() != RingFault::none) {
        s.break_rules("response", s.responses.fault());
        return AIS_ERR_FAILED;
    } else if (s.outbox_has_room(frame_space(size))) {
        AIS_MARK("ipc.response_waits_in_outbox");
        s.response_outbox.append(header, parts);
    } else {
        ++s.stats->overflowed;
        AIS_LOG(s.log,
                warning,
                "ipc",
                "IPC-003",
                "client pid ",
                s.peer.pid,
                " uid ",
                s.peer.uid,
                " of service ",
                s.service,
                " does not take its responses, ",
                s.response_outbox.bytes(),
                " bytes wait: disconnected");
        s.cut_off("response queue overflow");
        return AIS_ERR_FAILED;
    }
    if (s.owner != nullptr) {
        s.owner->touch(*this);
    }
    return AIS_OK;
}

ais_status Session::notify(std::uint16_t kind,
                           std::uint32_t flags,
                           std::span<const ais_bytes> parts) {
    Impl& s = *impl_;
    const std::size_t size = sum(parts);
    if (size > s.body_max) {
        return AIS_ERR_TOO_BIG;
    }
    if (s.disconnected || s.finishing) {
        return AIS_ERR_FAILED;
    }
    FrameHeader header;
    header.size = static_cast<std::uint32_t>(size);
    header.kind = kind;
    if (!s.event_outbox.empty() && !s.outbox_has_room(frame_space(size))) {
        s.event_outbox.move_to(s.events);  // perhaps the client has taken something meanwhile
    }
    const bool fits = s.event_outbox.empty() && s.events.has_room(size);
    if (s.events.fault() != RingFault::none) {
        s.break_rules("event", s.events.fault());
        return AIS_ERR_FAILED;
    }
    if (fits) {
        s.events.put(header, parts);
        if (s.events.written() - s.events_shown >= show_after) {
            s.events.show();
            s.events_shown = s.events.written();
        }
    } else if ((flags & AIS_NOTIFY_DROPPABLE) != 0) {
        AIS_MARK("ipc.droppable_notification_is_dropped");
        ++s.stats->dropped_events;
        return AIS_ERR_AGAIN;
    } else if (s.outbox_has_room(frame_space(size))) {
        s.event_outbox.append(header, parts);
    } else {
        AIS_MARK("ipc.overflow_disconnects");
        ++s.stats->overflowed;
        AIS_LOG(s.log,
                warning,
                "ipc",
                "IPC-003",
                "client pid ",
                s.peer.pid,
                " uid ",
                s.peer.uid,
                " of service ",
                s.service,
                " does not dispatch, ",
                s.event_outbox.bytes(),
                " bytes wait beyond its full event ring: disconnected");
        s.cut_off("event queue overflow");
        return AIS_ERR_FAILED;
    }
    ++s.stats->events;
    if (s.owner != nullptr) {
        s.owner->touch(*this);
    }
    return AIS_OK;
}

void Session::hold_back(bool on) {
    Impl& s = *impl_;
    s.held_by_service = on;
    s.set_held(held_by_kernel, s.held_by_service || s.held_by_queue);
    if (!on && s.owner != nullptr) {
        s.owner->resume(*this);
    }
}

void Session::set_held_back_flag(bool on) {
    Impl& s = *impl_;
    s.held_by_queue = on;
    s.set_held(held_by_kernel, s.held_by_service || s.held_by_queue);
}

void Session::disconnect(std::string_view why) {
    Impl& s = *impl_;
    if (s.disconnected) {
        return;
    }
    AIS_LOG(s.log,
            notice,
            "ipc",
            "IPC-005",
            "client pid ",
            s.peer.pid,
            " uid ",
            s.peer.uid,
            " of service ",
            s.service,
            " is disconnected: ",
            why);
    s.cut_off(why);
}

bool Session::finish() {
    Impl& s = *impl_;
    if (s.disconnected || s.finishing || s.held_by_service || s.owner == nullptr ||
        (!s.requests.refresh() && s.requests.waiting() == 0)) {
        return false;
    }
    AIS_MARK("ipc.requests_outlive_their_client");
    s.finishing = true;
    s.response_outbox.clear();
    s.event_outbox.clear();
    s.slow = false;
    s.owner->resume(*this);
    return true;
}

bool Session::next_request(Request& out, const Dispatcher* dispatcher) {
    Impl& s = *impl_;
    AIS_ASSERT(!s.request_open);
    if (!s.may_take()) {
        return false;
    }
    const std::uint8_t* body = nullptr;
    switch (s.requests.look(s.request, body)) {
        case RingConsumer::Look::empty:
            return false;
        case RingConsumer::Look::broken:
            s.break_rules("request", s.requests.fault());
            return false;
        case RingConsumer::Look::frame:
            break;
    }
    out.serial = s.request.serial;
    out.kind = s.request.kind;
    out.body = Bytes(body, s.request.size);
    const bool stays = s.request.size >= opaque_min && dispatcher != nullptr &&
                       dispatcher->is_opaque(s.service, s.request.kind);
    if (!stays) {
        // Why: a service decodes the body, and a hostile client could change it
        // between the check of a length and its use.
        if (s.body.size() < s.request.size) {
            s.body.resize(std::bit_ceil(std::size_t{s.request.size}));
        }
        copy_bytes(s.body.data(), out.body);
        out.body = Bytes(s.body.data(), s.request.size);
    }
    s.request_open = true;
    s.outstanding += out.serial != 0 ? 1 : 0;
    return true;
}

void Session::release_request() {
    Impl& s = *impl_;
    AIS_ASSERT(s.request_open);
    s.request_open = false;
    s.requests.take(s.request);
    s.requests_taken = true;
    if (s.owner != nullptr) {
        s.owner->touch(*this);
    }
}

bool Session::refuse_request() {
    Impl& s = *impl_;
    AIS_ASSERT(!s.request_open);
    const std::uint8_t* body = nullptr;
    FrameHeader request;
    if (!s.may_take() || s.finishing) {
        return false;
    }
    switch (s.requests.look(request, body)) {
        case RingConsumer::Look::empty:
            return false;
        case RingConsumer::Look::broken:
            s.break_rules("request", s.requests.fault());
            return false;
        case RingConsumer::Look::frame:
            break;
    }
    if (request.serial == 0) {
        return false;
    }
    AIS_MARK("ipc.refuses_request_that_waited_too_long");
    s.requests.take(request);
    s.requests_taken = true;
    ++s.stats->refused_requests;
    FrameHeader header;
    header.kind = kernel_answer;
    header.serial = request.serial;
    header.error = AIS_ERR_AGAIN;
    return answer(header, {}) == AIS_OK;
}

bool Session::sleep() {
    Impl& s = *impl_;
    s.page.request.sleeping.store(1, std::memory_order_seq_cst);
    if (!s.requests.refresh() && s.requests.fault() == RingFault::none) {
        return true;
    }
    s.page.request.sleeping.store(0, std::memory_order_relaxed);
    return false;
}

bool Session::has_awoken() {
    Impl& s = *impl_;
    if (!s.requests.refresh() && s.requests.fault() == RingFault::none) {
        return false;
    }
    // If the client was quicker it rings, and we look once for nothing.
    s.page.request.sleeping.exchange(0, std::memory_order_seq_cst);
    return true;
}

void Session::flush(Instant now) {
    Impl& s = *impl_;
    if (s.finishing) {
        return;
    }
    // Why events first: what a service has said before it answers is there when the call returns,
    // so a program that dispatches then finds it.
    if (!s.disconnected) {
        s.flush_events(now);
    }
    if (!s.disconnected) {
        s.flush_responses();
    }
    if (s.disconnected || !s.requests_taken) {
        return;
    }
    s.requests_taken = false;
    // Wake a producer only when half of what it may have waiting is free: one wake-up for many
    // requests.  If more than that is used, more will be taken, and we come back.
    if (s.page.request.room_wanted.load(std::memory_order_seq_cst) != 0 &&
        s.requests.waiting() <= s.share / 2) {
        s.wake_for_room();
    }
}

bool Session::is_congested(Instant now) const {
    const Impl& s = *impl_;
    return s.slow && !s.stalled && now - s.progress_at < s.limits.stall_timeout;
}

}  // namespace ais::ipc
