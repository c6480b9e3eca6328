// SPDX-License-Identifier: BSD-3-Clause

#include "os/lifeline.hpp"

#include "base/mark.hpp"
#include "os/address_system.hpp"
#include "os/descriptor.hpp"

#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <vector>

namespace ais::os {
namespace {

// Limit: two from each member, since the old one may not have ended yet.
constexpr std::size_t accepted_max = std::size_t{2} * AIS_NODES_MAX;
// Limit: connections accepted in one turn.
constexpr int accepts_per_turn = 16;
// A peer's process may begin to listen a little after it joined.
constexpr Duration retry_min = std::chrono::milliseconds(500);
constexpr Duration retry_max = std::chrono::seconds(60);

}  // namespace

struct Lifelines::Impl {
    struct Line {
        NodeId node;
        Descriptor fd;
        WatchId watch = 0;
        TimerId retry = 0;
        Duration wait = retry_min;
    };
    struct Guest {
        Descriptor fd;
        WatchId watch = 0;
    };

    Impl(NodeId us, Watcher& w, Timers& t, Where at, IsKnown known, Ended end)
        : self(us),
          watcher(w),
          timers(t),
          where(std::move(at)),
          is_known(std::move(known)),
          ended(std::move(end)) {}

    ~Impl() { close_all(); }

    void close_all() {
        for (auto& line : lines) {
            drop(*line);
        }
        lines.clear();
        for (auto& guest : guests) {
            watcher.unwatch(guest->watch);
        }
        guests.clear();
        if (listener.is_open()) {
            watcher.unwatch(listener_watch);
            listener.reset();
        }
    }

    void drop(Line& line) {
        if (line.fd.is_open()) {
            watcher.unwatch(line.watch);
            line.fd.reset();
        }
        timers.cancel(line.retry);
        line.retry = 0;
    }

    Result<void> open(const Address& at) {
        const auto members = wanted;
        close_all();
        own = at;
        const int family = at.family == Family::ipv4 ? AF_INET : AF_INET6;
        listener = Descriptor(::socket(family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
        const int on = 1;
        sockaddr_storage name{};
        const socklen_t size = to_sockaddr(at, name);
        // Why reuse: connections of our former process may still be closing.
        if (!listener.is_open() ||
            ::setsockopt(listener.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) != 0 ||
            ::bind(listener.get(), reinterpret_cast<const sockaddr*>(&name), size) != 0 ||
            ::listen(listener.get(), AIS_NODES_MAX) != 0) {
            const int error = errno;
            listener.reset();
            return failed("cannot listen on TCP " + at.text() + ": " + std::strerror(error));
        }
        listener_watch = watcher.watch(listener.get(), [this] { accept(); });
        keep(members);
        return {};
    }

    // -- those who connect to us

    void accept() {
        for (int i = 0; i < accepts_per_turn; ++i) {
            sockaddr_storage from{};
            socklen_t size = sizeof from;
            Descriptor fd(::accept4(listener.get(),
                                    reinterpret_cast<sockaddr*>(&from),
                                    &size,
                                    SOCK_CLOEXEC | SOCK_NONBLOCK));
            if (!fd.is_open()) {
                return;
            }
            if (guests.size() >= accepted_max ||
                !is_known(from_sockaddr(reinterpret_cast<const sockaddr*>(&from)))) {
                AIS_MARK("lifeline.refuses_stranger");
                continue;
            }
            auto guest = std::make_unique<Guest>();
            Guest* const at = guest.get();
            guest->fd = std::move(fd);
            // Whatever is readable, an end or bytes that nobody should send, is the end.
            guest->watch = watcher.watch(at->fd.get(), [this, at] { part_with(at); });
            guests.push_back(std::move(guest));
        }
    }

    void part_with(const Guest* guest) {
        const auto at = std::find_if(
            guests.begin(), guests.end(), [&](const auto& entry) { return entry.get() == guest; });
        if (at != guests.end()) {
            watcher.unwatch((*at)->watch);
            guests.erase(at);
        }
    }

    // -- those whom we connect to

    void keep(const totem::Members& members) {
        wanted = members;
        std::erase_if(lines, [&](auto& line) {
            if (members.contains(line->node)) {
                return false;
            }
            drop(*line);
            return true;
        });
        if (!listener.is_open()) {
            return;
        }
        for (const NodeId node : members) {
            const bool is_there = std::any_of(
                lines.begin(), lines.end(), [&](const auto& line) { return line->node == node; });
            if (node == self || is_there) {
                continue;
            }
            auto line = std::make_unique<Line>();
            line->node = node;
            lines.push_back(std::move(line));
            connect(*lines.back());
        }
    }

    void connect(Line& line) {
        const auto to = where(line.node);
        if (!to || to->family != own.family) {
            retry_later(line);
            return;
        }
        const int family = own.family == Family::ipv4 ? AF_INET : AF_INET6;
        line.fd = Descriptor(::socket(family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
        // From our own address: the peer knows us by it.
        sockaddr_storage name{};
        const socklen_t own_size = to_sockaddr(own.with_port(0), name);
        sockaddr_storage peer{};
        const socklen_t peer_size = to_sockaddr(*to, peer);
        if (!line.fd.is_open() ||
            ::bind(line.fd.get(), reinterpret_cast<const sockaddr*>(&name), own_size) != 0 ||
            (::connect(line.fd.get(), reinterpret_cast<const sockaddr*>(&peer), peer_size) != 0 &&
             errno != EINPROGRESS)) {
            line.fd.reset();
            retry_later(line);
            return;
        }
        Line* const at = &line;
        line.watch = watcher.watch(line.fd.get(), [this, at] { on_event(*at); });
    }

    void retry_later(Line& line) {
        Line* const at = &line;
        line.retry = timers.start(timers.now() + line.wait, [this, at] {
            at->retry = 0;
            connect(*at);
        });
        line.wait = std::min(2 * line.wait, retry_max);
    }

    // A line that was held ends with an end or a reset; one that never came about
    // with another error.
    void on_event(Line& line) {
        char byte = 0;
        const ssize_t got = ::recv(line.fd.get(), &byte, 1, MSG_DONTWAIT);
        const int error = errno;
        if (got < 0 && (error == EAGAIN || error == EINTR)) {
            return;
        }
        const bool was_held = got >= 0 || error == ECONNRESET || error == EPIPE;
        const NodeId node = line.node;
        drop(line);
        if (was_held) {
            line.wait = retry_min;
        }
        retry_later(line);
        if (was_held) {
            AIS_MARK("lifeline.ended");
            ended(node);  // last: it may call keep()
        }
    }

    const NodeId self;
    Watcher& watcher;
    Timers& timers;
    const Where where;
    const IsKnown is_known;
    const Ended ended;

    Address own;
    Descriptor listener;
    WatchId listener_watch = 0;
    totem::Members wanted;
    std::vector<std::unique_ptr<Line>> lines;  // addresses are stable for the watches
    std::vector<std::unique_ptr<Guest>> guests;
};

Lifelines::Lifelines(
    NodeId self, Watcher& watcher, Timers& timers, Where where, IsKnown is_known, Ended ended)
    : impl_(std::make_unique<Impl>(
          self, watcher, timers, std::move(where), std::move(is_known), std::move(ended))) {}

Lifelines::~Lifelines() = default;

Result<void> Lifelines::open(const Address& own) {
    return impl_->open(own);
}

void Lifelines::keep(const totem::Members& members) {
    impl_->keep(members);
}

std::size_t Lifelines::held() const {
    return static_cast<std::size_t>(
        std::count_if(impl_->lines.begin(), impl_->lines.end(), [](const auto& line) {
            return line->fd.is_open();
        }));
}

std::size_t Lifelines::accepted() const {
    return impl_->guests.size();
}

}  // namespace ais::os
