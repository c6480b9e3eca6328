// SPDX-License-Identifier: BSD-3-Clause
//
// All clients of this node: who is next, and who must be flushed.

#include "base/mark.hpp"
#include "ipc/session_state.hpp"

#include <algorithm>
#include <bit>
#include <utility>

namespace ais::ipc {

namespace {

// Limit: sleepers that one look() asks, each of which may cost a cache miss
// while the token waits.  Who wrote lately is likely to write again.
constexpr int looked_at_max = 16;

// How long a stream that has paused is left alone.  Why 100 us: a wake-up costs 5 to 50 us, and
// the last messages of a burst wait no longer than a rotation of the ring takes under load.
constexpr Duration stream_rest = std::chrono::microseconds(100);

// What a client may have waiting however many there are.  Why 32 KiB: some hundred small messages,
// so that a client that is woken has something to do; one message of any size goes into an empty
// ring.
constexpr std::size_t share_min = 32U << 10;

}  // namespace

struct Sessions::Impl final : Owner {
    Impl(Dispatcher& the_dispatcher, Log& the_log) : dispatcher(the_dispatcher), log(the_log) {}

    void touch(Session& session) override { touched.push(session.impl_->in_touched); }
    void resume(Session& session) override {
        // Asked anew: what was true at the last turn with requests may be long ago.
        if (!check_dispatcher()) {
            session.set_held_back_flag(true);
        }
        session.impl_->in_dozing.unlink();
        session.impl_->in_asleep.unlink();
        session.impl_->taken_in_a_row = 0;
        ready.push(session.impl_->in_ready);
    }

    // Its ring is empty.
    void rest(Session& session, Instant now) {
        if (session.impl_->streams) {
            AIS_MARK("ipc.stream_is_not_told_to_ring");
            session.impl_->streams = false;
            session.impl_->doze_until = now + stream_rest;
            dozing.push(session.impl_->in_dozing);
        } else if (session.sleep()) {
            has_served_a_caller |= std::exchange(session.impl_->has_spoken, false);
            give_share(session, count);
            asleep.push(session.impl_->in_asleep);
        } else {
            ready.push(session.impl_->in_ready);
        }
    }

    void look_at_streams(Instant now) {
        for (Link* link = dozing.begin(); link != dozing.end();) {
            Session& session = *link->session;
            link = link->next;
            if (session.has_awoken()) {
                AIS_MARK("ipc.finds_request_of_a_stream");
                resume(session);
            } else if (session.impl_->doze_until <= now) {
                session.impl_->in_dozing.unlink();
                rest(session, now);
            }
        }
    }

    // So many clients share the room of one ring.  Why: what waits is time, which grows with the
    // number of clients, and the last of a hundred full rings would be taken after minutes.  Powers
    // of two, so that the word seldom changes.
    static void give_share(Session& session, std::size_t clients) {
        const std::size_t ring = session.impl_->requests.size();
        session.impl_->set_share(
            std::min(ring, std::max(ring / std::bit_ceil(clients), share_min)));
    }
    // One that is quiet may speak up together with all others.
    void share_with_all() {
        for (Link* link = asleep.begin(); link != asleep.end(); link = link->next) {
            give_share(*link->session, count);
        }
    }

    // May requests be taken?  Tells the clients that have some when the answer
    // changes.
    bool check_dispatcher() {
        const bool may = dispatcher.may_request();
        if (may == !held) {
            return may;
        }
        held = !may;
        for (Link* link = ready.begin(); link != ready.end(); link = link->next) {
            link->session->set_held_back_flag(held);
        }
        return may;
    }

    Dispatcher& dispatcher;
    Log& log;
    List ready;
    List dozing;  // the earliest doze_until is first
    List asleep;  // who fell asleep last is last
    List touched;
    List slow;
    bool has_served_a_caller = false;
    bool held = false;  // may_request() was false when last asked
    std::size_t count = 0;
    std::uint64_t last_number = 0;
    IpcStats stats;
};

Sessions::Sessions(Dispatcher& dispatcher, Log& log)
    : impl_(std::make_unique<Impl>(dispatcher, log)) {}
Sessions::~Sessions() = default;

ais_status Sessions::open(Session& session, Bytes hello) {
    session.impl_->owner = impl_.get();
    session.impl_->stats = &impl_->stats;
    session.impl_->hello = as_text(hello);
    session.impl_->number = ++impl_->last_number;
    const ais_status status = impl_->dispatcher.on_open(session, hello);
    if (status != AIS_OK) {
        ++impl_->stats.refused;
        session.impl_->in_ready.unlink();
        session.impl_->in_dozing.unlink();
        session.impl_->in_asleep.unlink();
        session.impl_->in_touched.unlink();
        session.impl_->owner = nullptr;
        session.impl_->stats = &session.impl_->own_stats;
        return status;
    }
    ++impl_->stats.opened;
    ++impl_->count;
    if (std::has_single_bit(impl_->count - 1)) {
        impl_->share_with_all();
    }
    Impl::give_share(session, impl_->count);
    on_wake(session);
    return AIS_OK;
}

void Sessions::close(Session& session) {
    AIS_ASSERT(session.impl_->owner == impl_.get());
    AIS_ASSERT(impl_->count > 0);
    session.impl_->disconnected = true;
    session.impl_->in_ready.unlink();
    impl_->dispatcher.on_close(session);
    // Again: the service may have said something while it closed.
    session.impl_->in_ready.unlink();
    session.impl_->in_dozing.unlink();
    session.impl_->in_asleep.unlink();
    session.impl_->in_touched.unlink();
    session.impl_->in_slow.unlink();
    session.impl_->owner = nullptr;
    session.impl_->stats = &session.impl_->own_stats;
    ++impl_->stats.closed;
    --impl_->count;
}

void Sessions::on_wake(Session& session) {
    // Requests have come, or there is room in a ring where something waits.
    impl_->resume(session);
    impl_->touched.push(session.impl_->in_touched);
}

void Sessions::look() {
    impl_->look_at_streams(Instant::min());
    Link* link = impl_->asleep.last();
    for (int left = looked_at_max; left > 0 && link != impl_->asleep.end(); --left) {
        Session& session = *link->session;
        link = link->previous;
        if (session.has_awoken()) {
            AIS_MARK("ipc.finds_request_before_the_bell");
            impl_->resume(session);
        }
    }
}

bool Sessions::run(Instant now, std::size_t budget) {
    Impl& all = *impl_;
    all.look_at_streams(now);
    for (; budget > 0 && !all.ready.empty(); --budget) {
        if (!all.check_dispatcher()) {
            return false;  // they stay in the list, and in order
        }
        Session& session = all.ready.pop();
        Session::Request request;
        if (session.next_request(request, &all.dispatcher)) {
            ++all.stats.requests;
            session.impl_->has_spoken = true;
            session.impl_->judge_stream(request.serial != 0, all.dispatcher.is_waiting_to_send());
            Impl::give_share(session, all.ready.size() + all.dozing.size() + 1);
            all.dispatcher.on_request(session, request);
            session.release_request();
            all.ready.push(session.impl_->in_ready);
        } else if (session.impl_->finishing) {
            session.impl_->waker.finished();  // the session may be gone now
        } else if (session.impl_->may_take()) {
            all.rest(session, now);
        }
        // Else: disconnected, held back by its service, or it does not take
        // its responses; resume() follows if ever.
    }
    return !all.ready.empty() && all.check_dispatcher();
}

void Sessions::refuse(std::size_t budget) {
    for (Link* link = impl_->ready.begin(); budget > 0 && link != impl_->ready.end();) {
        Session& session = *link->session;
        link = link->next;
        while (budget > 0 && session.refuse_request()) {
            --budget;
        }
    }
}

void Sessions::flush(Instant now) {
    Impl& all = *impl_;
    while (!all.touched.empty()) {
        Session& session = all.touched.pop();
        session.flush(now);
        if (session.impl_->slow) {
            all.slow.push(session.impl_->in_slow);
        }
    }
    for (Link* link = all.slow.begin(); link != all.slow.end();) {
        Session& session = *link->session;
        link = link->next;
        session.flush(now);
        if (!session.impl_->slow) {
            session.impl_->in_slow.unlink();
        }
    }
}

bool Sessions::has_served_a_caller() {
    return std::exchange(impl_->has_served_a_caller, false);
}

std::optional<Instant> Sessions::deadline() const {
    std::optional<Instant> first;
    if (!impl_->dozing.empty()) {
        first = impl_->dozing.begin()->session->impl_->doze_until;
    }
    for (Link* link = impl_->slow.begin(); link != impl_->slow.end(); link = link->next) {
        const Session::Impl& s = *link->session->impl_;
        if (s.slow && !s.stalled) {
            const Instant at = s.progress_at + s.limits.stall_timeout;
            first = first ? std::min(*first, at) : at;
        }
    }
    return first;
}

bool Sessions::congested(Instant now) const {
    for (Link* link = impl_->slow.begin(); link != impl_->slow.end(); link = link->next) {
        if (link->session->is_congested(now)) {
            return true;
        }
    }
    return false;
}

std::size_t Sessions::count() const {
    return impl_->count;
}
IpcStats& Sessions::stats() {
    return impl_->stats;
}

}  // namespace ais::ipc
