// SPDX-License-Identifier: BSD-3-Clause
//
// The inside of a Session, for session.cpp (one client) and sessions.cpp (all
// of them).  Nobody else includes this.
//
// A session is in up to three lists of its Sessions: ready (requests may be
// waiting), dozing (they were not, but more will come) or asleep (they were not, and the
// client has been told to ring); touched (flush has work); slow (its event ring has
// overflowed).
// The links are here, so that no request allocates anything.

#pragma once

#include "base/assert.hpp"
#include "ipc/outbox.hpp"
#include "ipc/session.hpp"

#include <ais/ipc_ring.hpp>

namespace ais::ipc {

// One link of an intrusive list, and the list itself: a ring of links whose
// head is a link of its own.
struct Link {
    Link* previous = this;
    Link* next = this;
    std::size_t* count = nullptr;  // of the list that it is in
    Session* session = nullptr;

    Link() = default;
    Link(const Link&) = delete;
    Link& operator=(const Link&) = delete;
    ~Link() { unlink(); }

    [[nodiscard]] bool is_linked() const { return next != this; }
    void unlink() {
        previous->next = next;
        next->previous = previous;
        previous = next = this;
        if (count != nullptr) {
            --*count;
            count = nullptr;
        }
    }
};

class List {
  public:
    List() = default;
    List(const List&) = delete;
    List& operator=(const List&) = delete;
    // Sessions may live longer: their links must not count here any more.
    ~List() {
        while (!empty()) {
            begin()->unlink();
        }
    }
    [[nodiscard]] bool empty() const { return !head_.is_linked(); }
    [[nodiscard]] std::size_t size() const { return size_; }
    [[nodiscard]] Link* begin() { return head_.next; }
    [[nodiscard]] Link* last() { return head_.previous; }
    [[nodiscard]] Link* end() { return &head_; }
    // At the end; does nothing if it is in a list already.
    void push(Link& link) {
        if (link.is_linked()) {
            return;
        }
        link.previous = head_.previous;
        link.next = &head_;
        head_.previous->next = &link;
        head_.previous = &link;
        link.count = &size_;
        ++size_;
    }
    // Requires: !empty().
    Session& pop() {
        AIS_ASSERT(!empty());
        Link* first = head_.next;
        first->unlink();
        return *first->session;
    }

  private:
    Link head_;
    std::size_t size_ = 0;
};

// What a session tells the Sessions it is part of.
class Owner {
  public:
    virtual void touch(Session& session) = 0;
    // Requests may be taken again.
    virtual void resume(Session& session) = 0;

  protected:
    ~Owner() = default;
};

struct Session::Impl {
    Impl(const Limits& limits,
         const Memory& memory,
         Waker& waker,
         Peer peer,
         std::uint16_t service,
         Log& log);

    // The client broke the rules of the memory: say how, count it, cut it off.
    void break_rules(const char* ring, RingFault fault);
    void cut_off(std::string_view why);
    [[nodiscard]] bool outbox_has_room(std::size_t space) const;
    void set_held(std::uint32_t bit, bool on);
    // Of the bytes that clients may have waiting.
    void set_share(std::size_t share);
    void wake_for_room();
    void flush_responses();
    void flush_events(Instant now);
    void watch_for_stall(Instant now);
    [[nodiscard]] bool may_take() const {
        return !disconnected && !held_by_service && response_outbox.empty();
    }
    // The client has not taken all that it was sent.
    [[nodiscard]] bool has_unread_events();
    // A request was taken: is the client in the middle of a stream?  `waits`: messages of this
    // node wait for the token.
    void judge_stream(bool wants_response, bool waits);

    const Limits limits;
    const std::size_t body_max;
    SharedPage& page;
    Waker& waker;
    const Peer peer;
    const std::uint16_t service;
    Log& log;

    RingConsumer requests;
    RingProducer responses;
    RingProducer events;
    Outbox response_outbox;
    Outbox event_outbox;

    FrameHeader request;  // the one that is being worked on
    bool request_open = false;
    std::vector<std::uint8_t> body;  // its private copy; grows to the largest request
    bool requests_taken = false;     // since the last flush

    bool has_spoken = false;           // since it fell asleep last
    std::uint32_t taken_in_a_row = 0;  // requests since the ring was found empty
    bool streams = false;
    Instant doze_until{};  // meaningful while dozing

    void* context = nullptr;
    std::string hello;
    std::uint64_t number = 0;
    std::uint64_t outstanding = 0;
    bool disconnected = false;
    bool finishing = false;  // gone, but requests are left
    bool held_by_service = false;
    bool held_by_queue = false;
    std::uint32_t held = 0;  // what the shared page says
    std::size_t share;       // the same

    std::uint64_t events_published = 0;
    std::uint64_t events_shown = 0;
    std::uint64_t responses_published = 0;

    // Since when the event ring is full without the client having taken
    // anything; meaningful while `slow`.
    bool slow = false;
    bool stalled = false;
    Instant progress_at{};
    std::uint64_t progress_position = 0;

    Owner* owner = nullptr;
    IpcStats own_stats;
    IpcStats* stats = &own_stats;
    Link in_ready;
    Link in_dozing;
    Link in_asleep;
    Link in_touched;
    Link in_slow;
};

}  // namespace ais::ipc
