// SPDX-License-Identifier: BSD-3-Clause
//
// Locks, and what each protects:
//   send_mutex     the request ring's producer
//   receive_mutex  the response ring's consumer and the list of waiting calls
//   event_mutex    the event ring's consumer and the doorbell
// None is held while anything waits, and no two are held at once.
//
// Of the threads that wait for a response one is the leader: it alone reads
// the ring and sleeps on the futex; it hands the others theirs through
// condition variables, and leadership on when it has its own.

#include "client/connection.hpp"

#include "client/handshake.hpp"
#include "client/mapping.hpp"
#include "client/process_mark.hpp"

#include <ais/ipc_ring.hpp>
#include <ais/ipc_wire.hpp>

#include <poll.h>
#include <sched.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <condition_variable>
#include <cstdlib>
#include <ctime>
#include <mutex>
#include <new>
#include <optional>
#include <utility>

namespace ais::client {
namespace {

using Clock = std::chrono::steady_clock;

// How long a wait for a response may go without looking whether the
// executive is still there.  Limit: invariant 2 promises 100 ms.
constexpr Duration slice = std::chrono::milliseconds(50);
// A wake-up across cores costs about 50 µs, so waiting awake pays only if the
// answer comes sooner.
constexpr Duration spin_time = std::chrono::microseconds(25);

// When to give up; none: never.
class Deadline {
  public:
    explicit Deadline(Duration timeout) {
        if (timeout == forever) {
            return;
        }
        const auto now = Clock::now();
        if (timeout < Clock::time_point::max() - now) {
            at_ = now + timeout;
        }
    }
    [[nodiscard]] bool passed() const { return at_ && Clock::now() >= *at_; }
    // Not negative, and at most `most`.
    [[nodiscard]] Duration left(Duration most) const {
        if (!at_) {
            return most;
        }
        return std::clamp<Duration>(*at_ - Clock::now(), Duration::zero(), most);
    }
    [[nodiscard]] const std::optional<Clock::time_point>& at() const { return at_; }

  private:
    std::optional<Clock::time_point> at_;
};

void relax() {
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    asm volatile("yield");
#endif
}

bool has_several_cpus() {
    cpu_set_t set;
    CPU_ZERO(&set);
    return ::sched_getaffinity(0, sizeof set, &set) == 0 && CPU_COUNT(&set) > 1;
}

// Waits awake for a moment, if that has been worth it lately.
class Spinner {
  public:
    template <typename Ready>
    bool wait(Ready ready) {
        if (!useful_) {
            return ready();
        }
        const std::uint32_t misses = misses_.load(std::memory_order_relaxed);
        // Limit: after 8 vain spins in a row only every 16th wait spins.
        if (misses >= 8 && (misses % 16) != 0) {
            misses_.store(misses + 1, std::memory_order_relaxed);
            return ready();
        }
        const auto end = Clock::now() + spin_time;
        do {
            for (int i = 0; i < 32; ++i) {
                if (ready()) {
                    misses_.store(0, std::memory_order_relaxed);
                    return true;
                }
                relax();
            }
        } while (Clock::now() < end);
        misses_.store(misses + 1, std::memory_order_relaxed);
        return false;
    }

  private:
    const bool useful_ = has_several_cpus();
    std::atomic<std::uint32_t> misses_{0};
};

// The byte of the doorbell.
struct DoorbellSocket {
    int fd;

    bool peek() const {
        std::uint8_t byte = 0;
        return receive(byte, MSG_PEEK);
    }
    void swallow() const {
        std::uint8_t byte = 0;
        receive(byte, 0);
    }

  private:
    bool receive(std::uint8_t& byte, int flags) const {
        ssize_t size = 0;
        do {
            size = ::recv(fd, &byte, 1, flags | MSG_DONTWAIT);
        } while (size < 0 && errno == EINTR);
        return size == 1;
    }
};

}  // namespace

struct Connection::Impl {
    // A call that waits for its response; lives on the caller's stack, in the
    // list from before the request is written until it is answered or given up.
    struct Waiter {
        std::uint64_t serial = 0;
        MutableBytes body;
        std::vector<std::uint8_t>* grown = nullptr;
        Response* response = nullptr;
        Status status = Status::ok;
        bool done = false;
        std::condition_variable answered;
        Waiter* next = nullptr;
    };

    explicit Impl(const Handshake& hands)
        : socket(hands.socket), wake(hands.wake), facts(hands.reply), bell_socket{hands.socket} {}
    ~Impl();

    bool start(int memory_fd);
    [[nodiscard]] Status state() const;
    Status look();
    bool check_alive();
    void close();

    Status write(std::uint16_t kind,
                 std::uint64_t serial,
                 std::span<const ais_bytes> parts,
                 std::size_t size,
                 bool may_wait,
                 const Deadline& deadline);
    Status call(std::uint16_t kind,
                std::span<const ais_bytes> parts,
                Waiter& waiter,
                Duration timeout);
    Status await(Waiter& waiter, const Deadline& deadline);
    void drain_responses();
    void drain_if_nobody_else_does();
    void deliver(const ipc::FrameHeader& header, const std::uint8_t* body);
    void idle(std::uint64_t position, const Deadline& deadline);
    void wake_kernel();
    void make_room(ipc::RingControl& ring);
    void forget(Waiter& waiter);

    ProcessMark mark;
    int socket;
    int wake;
    const ipc::ConnectReply facts;
    Mapping memory;
    std::atomic<bool> closed{false};
    std::atomic<bool> lost{false};
    std::atomic<std::int64_t> next_look{0};  // of the coarse clock, ns
    Spinner spinner;

    std::mutex send_mutex;
    std::optional<ipc::RingProducer> requests;
    std::uint32_t room_waiters = 0;

    std::mutex receive_mutex;
    std::optional<ipc::RingConsumer> responses;
    Waiter* waiters = nullptr;
    bool has_leader = false;
    std::atomic<std::uint64_t> serials{0};

    std::mutex event_mutex;
    std::optional<ipc::RingConsumer> events;
    // Requires: event_mutex, bell->heard().
    void settle() {
        bell->settle(events->position(), [this] { return events->refresh(); });
    }

    DoorbellSocket bell_socket;
    std::optional<ipc::BellListener<std::atomic<std::uint32_t>, DoorbellSocket>> bell;
    Spinner event_spinner;
};

Connection::Impl::~Impl() {
    if (!mark.is_owner()) {
        // A child has no mapping, and the numbers of the descriptors may mean
        // something else by now.
        memory.forget();
        return;
    }
    close_fd(socket);
    close_fd(wake);
}

bool Connection::Impl::start(int memory_fd) {
    if (!memory.map(memory_fd, facts)) {
        return false;
    }
    ipc::SharedPage& page = memory.page();
    requests.emplace(page.request, memory.request(), memory.request_size());
    responses.emplace(page.response, memory.response(), memory.response_size(), facts.message_max);
    events.emplace(page.event, memory.event(), memory.event_size(), facts.message_max);
    bell.emplace(page.event.sleeping, bell_socket);
    return true;
}

Status Connection::Impl::state() const {
    if (!mark.is_owner()) {
        return Status::forked;
    }
    if (closed.load(std::memory_order_seq_cst)) {
        return Status::closed;
    }
    return lost.load(std::memory_order_seq_cst) ? Status::lost : Status::ok;
}

// The state, after a look at the socket if the last one is a slice ago.  Why: who only sends one
// way, or asks nothing but this library, learns that the executive is gone from nobody else.  The
// coarse clock costs a few nanoseconds.
Status Connection::Impl::look() {
    const Status known = state();
    if (known != Status::ok) {
        return known;
    }
    timespec time{};
    ::clock_gettime(CLOCK_MONOTONIC_COARSE, &time);
    const std::int64_t now = std::int64_t{time.tv_sec} * 1'000'000'000 + time.tv_nsec;
    std::int64_t due = next_look.load(std::memory_order_relaxed);
    if (now < due ||
        !next_look.compare_exchange_strong(due, now + slice.count(), std::memory_order_relaxed)) {
        return known;
    }
    return check_alive() ? known : state();
}

bool Connection::Impl::check_alive() {
    if (!lost.load(std::memory_order_relaxed) && !is_peer_alive(socket)) {
        lost.store(true, std::memory_order_seq_cst);
    }
    return !lost.load(std::memory_order_relaxed);
}

void Connection::Impl::close() {
    if (!mark.is_owner() || closed.exchange(true, std::memory_order_seq_cst)) {
        return;
    }
    // Pollers and the kernel see the end of the socket, the rest is woken.
    ::shutdown(socket, SHUT_RDWR);
    ipc::SharedPage& page = memory.page();
    page.response.sleeping.store(0, std::memory_order_seq_cst);
    futex_wake_all(page.response.sleeping);
    page.request.room.fetch_add(1, std::memory_order_seq_cst);
    futex_wake_all(page.request.room);
    const std::lock_guard lock(receive_mutex);
    for (Waiter* waiter = waiters; waiter != nullptr; waiter = waiter->next) {
        waiter->answered.notify_all();
    }
}

void Connection::Impl::wake_kernel() {
    const std::uint64_t one = 1;
    ssize_t written = 0;
    do {
        // EAGAIN: it has been woken 2^64 times and will come.
        written = ::write(wake, &one, sizeof one);
    } while (written < 0 && errno == EINTR);
}

// After a take: the kernel keeps frames for us that did not fit.  It is told
// when half the ring is free, so that one wake-up moves many of them.
void Connection::Impl::make_room(ipc::RingControl& ring) {
    if (ring.room_wanted.load(std::memory_order_seq_cst) != 0 &&
        ring.room_wanted.exchange(0, std::memory_order_seq_cst) != 0) {
        wake_kernel();
    }
}

Status Connection::Impl::write(std::uint16_t kind,
                               std::uint64_t serial,
                               std::span<const ais_bytes> parts,
                               std::size_t size,
                               bool may_wait,
                               const Deadline& deadline) {
    ipc::FrameHeader header;
    header.size = static_cast<std::uint32_t>(size);
    header.kind = kind;
    header.serial = serial;
    ipc::RingControl& ring = memory.page().request;
    const auto has_room = [&] {
        return requests->has_room(size,
                                  memory.page().request_share.load(std::memory_order_relaxed));
    };
    bool waiting = false;
    std::unique_lock lock(send_mutex);
    Status status = Status::ok;
    // Who comes while others wait for room goes behind them, or a large
    // message would never find room among small ones.
    while (status == Status::ok && ((room_waiters > 0 && !waiting) || !has_room())) {
        if (requests->fault() != ipc::RingFault::none) {
            lost.store(true, std::memory_order_seq_cst);
        }
        status = state();
        if (status == Status::ok && !may_wait) {
            status = Status::try_again;
        }
        if (status == Status::ok && deadline.passed()) {
            status = Status::timeout;
        }
        if (status != Status::ok) {
            break;
        }
        if (!waiting) {
            waiting = true;
            ++room_waiters;
            continue;
        }
        // Say that we wait, look again, sleep; the kernel does it the other
        // way round.
        const std::uint32_t seen = ring.room.load(std::memory_order_seq_cst);
        ring.room_wanted.store(1, std::memory_order_seq_cst);
        if (has_room()) {
            continue;
        }
        lock.unlock();
        // The kernel takes no requests while our responses lie about, e.g. of
        // calls that have timed out.
        drain_if_nobody_else_does();
        if (state() == Status::ok) {
            futex_wait(ring.room, seen, deadline.left(slice));
            check_alive();
        }
        lock.lock();
    }
    if (waiting) {
        --room_waiters;
    }
    if (status != Status::ok) {
        return status;
    }
    requests->put(header, parts);
    requests->publish();
    lock.unlock();
    if (ring.sleeping.load(std::memory_order_seq_cst) != 0 &&
        ring.sleeping.exchange(0, std::memory_order_seq_cst) != 0) {
        wake_kernel();
    }
    return Status::ok;
}

Status Connection::Impl::call(std::uint16_t kind,
                              std::span<const ais_bytes> parts,
                              Waiter& waiter,
                              Duration timeout) {
    Status status = state();
    if (status != Status::ok) {
        return status;
    }
    std::size_t size = 0;
    for (const ais_bytes& part : parts) {
        size += part.size;
    }
    if (size > facts.message_max) {
        return Status::too_big;
    }
    const Deadline deadline(timeout);
    if (timeout <= Duration::zero()) {
        return Status::timeout;
    }
    waiter.serial = serials.fetch_add(1, std::memory_order_relaxed) + 1;
    {
        const std::lock_guard lock(receive_mutex);
        waiter.next = waiters;
        waiters = &waiter;
    }
    status = write(kind, waiter.serial, parts, size, true, deadline);
    if (status != Status::ok) {
        const std::lock_guard lock(receive_mutex);
        forget(waiter);
        return status;
    }
    return await(waiter, deadline);
}

// Requires: receive_mutex.
void Connection::Impl::forget(Waiter& waiter) {
    for (Waiter** place = &waiters; *place != nullptr; place = &(*place)->next) {
        if (*place == &waiter) {
            *place = waiter.next;
            return;
        }
    }
}

Status Connection::Impl::await(Waiter& waiter, const Deadline& deadline) {
    bool leading = false;
    Status status = Status::ok;
    std::unique_lock lock(receive_mutex);
    for (;;) {
        leading = leading || !std::exchange(has_leader, true);
        if (leading) {
            drain_responses();
        }
        if (waiter.done) {
            status = waiter.status;
            break;
        }
        status = state();
        if (status == Status::ok && deadline.passed()) {
            status = Status::timeout;
        }
        if (status != Status::ok) {
            break;
        }
        if (leading) {
            const std::uint64_t position = responses->position();
            lock.unlock();
            idle(position, deadline);
            lock.lock();
        } else if (deadline.at()) {
            waiter.answered.wait_until(lock, *deadline.at());
        } else {
            waiter.answered.wait(lock);
        }
    }
    forget(waiter);
    if (leading) {
        has_leader = false;
        if (waiters != nullptr) {
            waiters->answered.notify_all();
        }
    }
    return status;
}

// Requires: receive_mutex.
void Connection::Impl::drain_responses() {
    ipc::FrameHeader header;
    const std::uint8_t* body = nullptr;
    bool taken = false;
    for (;;) {
        switch (responses->look(header, body)) {
            case ipc::RingConsumer::Look::frame:
                deliver(header, body);
                responses->take(header);
                taken = true;
                continue;
            case ipc::RingConsumer::Look::broken:
                lost.store(true, std::memory_order_seq_cst);
                break;
            case ipc::RingConsumer::Look::empty:
                break;
        }
        break;
    }
    if (taken) {
        make_room(memory.page().response);
    }
}

void Connection::Impl::drain_if_nobody_else_does() {
    const std::lock_guard lock(receive_mutex);
    if (!has_leader) {
        drain_responses();
    }
}

void Connection::Impl::deliver(const ipc::FrameHeader& header, const std::uint8_t* body) {
    for (Waiter* waiter = waiters; waiter != nullptr; waiter = waiter->next) {
        if (waiter->serial != header.serial || waiter->done) {
            continue;
        }
        if (waiter->grown != nullptr) {
            try {
                waiter->grown->resize(header.size);
            } catch (const std::bad_alloc&) {
                waiter->status = Status::no_memory;
            }
            waiter->body =
                waiter->status == Status::ok ? MutableBytes(*waiter->grown) : MutableBytes();
        }
        copy_bytes(waiter->body.data(),
                   {body, std::min<std::size_t>(header.size, waiter->body.size())});
        if (header.kind == ipc::kernel_answer && waiter->status == Status::ok) {
            // Replicas have not been equal for too long (ipc.request_wait).
            waiter->status = Status::try_again;
        }
        waiter->response->error = header.error;
        waiter->response->size = header.size;
        waiter->done = true;
        waiter->answered.notify_all();
        return;
    }
    // Nobody: its caller has timed out.
}

// The leader's wait, without any lock: returns when something may have come,
// after a slice, or when the executive is gone.
void Connection::Impl::idle(std::uint64_t position, const Deadline& deadline) {
    ipc::RingControl& ring = memory.page().response;
    const auto ready = [&] {
        return ring.written.load(std::memory_order_seq_cst) != position ||
               closed.load(std::memory_order_relaxed);
    };
    if (spinner.wait(ready)) {
        return;
    }
    ring.sleeping.store(1, std::memory_order_seq_cst);
    if (!ready() && !closed.load(std::memory_order_seq_cst)) {
        futex_wait(ring.sleeping, 1, deadline.left(slice));
    }
    ring.sleeping.store(0, std::memory_order_relaxed);
    if (!ready()) {
        check_alive();
    }
}

Connection::Connection(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

Connection::~Connection() {
    impl_->close();
}

Status Connection::open(std::uint16_t service_id,
                        Bytes hello,
                        std::shared_ptr<Connection>& out,
                        ais_status* service_status) {
    // A program with raised privileges must not be told where to go.
    const char* run_dir = ::secure_getenv("OPENAIS_RUN_DIR");
    return open_at(run_dir != nullptr && *run_dir != '\0' ? run_dir : "/run/ais",
                   service_id,
                   hello,
                   out,
                   service_status);
}

Status Connection::open_at(const char* run_dir,
                           std::uint16_t service_id,
                           Bytes hello,
                           std::shared_ptr<Connection>& out,
                           ais_status* service_status) {
    Handshake hands;
    const Status status = shake_hands(run_dir, service_id, hello, hands, service_status);
    if (status != Status::ok) {
        return status;
    }
    std::unique_ptr<Impl> impl;
    try {
        impl = std::make_unique<Impl>(hands);  // owns socket and wake from now on
        const bool mapped = impl->start(hands.memory);
        const int why = errno;
        close_fd(hands.memory);
        if (!mapped) {
            return why == EPROTO ? Status::lost : Status::no_memory;
        }
        out = std::shared_ptr<Connection>(new Connection(std::move(impl)));
        return Status::ok;
    } catch (const std::bad_alloc&) {
        close_fd(hands.memory);
        if (impl == nullptr) {
            close_fd(hands.socket);
            close_fd(hands.wake);
        }
        return Status::no_memory;
    }
}

Status Connection::call(std::uint16_t kind,
                        std::span<const ais_bytes> parts,
                        MutableBytes body,
                        Response& response,
                        Duration timeout) {
    Impl::Waiter waiter;
    waiter.body = body;
    waiter.response = &response;
    return impl_->call(kind, parts, waiter, timeout);
}

Status Connection::call(std::uint16_t kind,
                        std::span<const ais_bytes> parts,
                        std::vector<std::uint8_t>& body,
                        Response& response,
                        Duration timeout) {
    Impl::Waiter waiter;
    waiter.grown = &body;
    waiter.response = &response;
    return impl_->call(kind, parts, waiter, timeout);
}

Status Connection::send(std::uint16_t kind, std::span<const ais_bytes> parts, Duration timeout) {
    const Status status = impl_->look();
    if (status != Status::ok) {
        return status;
    }
    std::size_t size = 0;
    for (const ais_bytes& part : parts) {
        size += part.size;
    }
    if (size > impl_->facts.message_max) {
        return Status::too_big;
    }
    // Why asked: where nobody makes room any more, nobody says so either.
    const auto again = [this] { return impl_->check_alive() ? Status::try_again : impl_->state(); };
    const bool may_wait = timeout > Duration::zero();
    if (!may_wait && (impl_->memory.page().held_back.load(std::memory_order_relaxed) &
                      ipc::held_by_events) != 0) {
        return again();
    }
    const Status written =
        impl_->write(kind, 0, parts, size, may_wait, Deadline(may_wait ? timeout : forever));
    return written == Status::timeout || written == Status::try_again ? again() : written;
}

std::uint64_t Connection::events_bound() {
    Impl& c = *impl_;
    if (c.state() == Status::forked) {
        return no_events_end;
    }
    const std::lock_guard lock(c.event_mutex);
    c.events->refresh();
    return c.events->position() + c.events->waiting() + c.events->size();
}

Status Connection::take_event(Event& out,
                              Settle when,
                              std::uint64_t until,
                              const InOrder* in_order) {
    Impl& c = *impl_;
    const Status status = c.state();
    if (status == Status::closed || status == Status::forked) {
        return status;
    }
    const std::lock_guard lock(c.event_mutex);
    if (!c.bell->heard()) {
        return c.check_alive() ? Status::try_again : c.state();
    }
    if (c.events->position() >= until) {
        return Status::try_again;
    }
    ipc::FrameHeader header;
    const std::uint8_t* body = nullptr;
    const auto look = c.events->look(header, body);
    const auto lose = [&c] {
        c.lost.store(true, std::memory_order_seq_cst);
        return Status::lost;
    };
    if (look == ipc::RingConsumer::Look::broken) {
        return lose();
    }
    const auto settle = [&] {
        if (when == Settle::at_once) {
            c.settle();
        }
    };
    if (look == ipc::RingConsumer::Look::empty) {
        settle();  // the kernel never rings for nothing, but what if
        return Status::try_again;
    }
    try {
        out.body.resize(header.size);
        out.kind = header.kind;
        copy_bytes(out.body.data(), {body, header.size});
        if (in_order != nullptr && !(*in_order)(out)) {
            return lose();
        }
    } catch (const std::bad_alloc&) {
        return Status::no_memory;
    }
    c.events->take(header);
    settle();
    if (c.events->waiting() <= c.events->size() / 2) {
        c.make_room(c.memory.page().event);
    }
    return Status::ok;
}

void Connection::settle_events() {
    Impl& c = *impl_;
    if (c.state() == Status::forked) {
        return;
    }
    const std::lock_guard lock(c.event_mutex);
    if (c.bell->heard()) {
        c.settle();
    }
}

Status Connection::wait_event(Duration timeout) {
    Impl& c = *impl_;
    const Deadline deadline(timeout);
    std::atomic<std::uint32_t>& word = c.memory.page().event.sleeping;
    for (;;) {
        const Status status = c.state();
        if (status == Status::closed || status == Status::forked) {
            return status;
        }
        // If it is rung the byte has come or is about to: the socket knows.
        const bool rung = (word.load(std::memory_order_seq_cst) & ipc::bell_rung) != 0;
        if (!rung && deadline.left(spin_time) == spin_time) {
            c.event_spinner.wait([&] {
                return (word.load(std::memory_order_relaxed) & ipc::bell_rung) != 0 ||
                       c.closed.load(std::memory_order_relaxed);
            });
        }
        pollfd one{c.socket, POLLIN, 0};
        timespec time{};
        const Duration left = deadline.left(std::chrono::hours(1));
        time.tv_sec = static_cast<time_t>(left.count() / 1'000'000'000);
        time.tv_nsec = static_cast<long>(left.count() % 1'000'000'000);
        const int count = ::ppoll(&one, 1, &time, nullptr);
        if (count > 0) {
            // Closed: said above, next time round.  Hung up with nothing to
            // read: take_event says lost.
            return c.closed.load(std::memory_order_seq_cst) ? Status::closed : Status::ok;
        }
        if (count == 0 && deadline.passed()) {
            return Status::timeout;
        }
        if (count < 0 && errno != EINTR) {
            return Status::lost;
        }
    }
}

int Connection::fd() const {
    return impl_->socket;
}

bool Connection::is_held_back() const {
    return impl_->mark.is_owner() &&
           impl_->memory.page().held_back.load(std::memory_order_relaxed) != 0;
}

void Connection::close() {
    impl_->close();
}
bool Connection::is_closed() const {
    return impl_->closed.load(std::memory_order_seq_cst);
}
Status Connection::state() const {
    return impl_->look();
}

std::uint32_t Connection::node() const {
    return impl_->facts.node;
}
std::uint32_t Connection::executive_pid() const {
    return impl_->facts.executive_pid;
}
std::size_t Connection::message_max() const {
    return impl_->facts.message_max;
}
std::size_t Connection::payload_max() const {
    return impl_->facts.message_max - std::min(impl_->facts.header_room, impl_->facts.message_max);
}

}  // namespace ais::client
