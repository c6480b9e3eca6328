// SPDX-License-Identifier: BSD-3-Clause

#include "os/control_server.hpp"

#include "os/descriptor.hpp"

#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <map>

namespace ais::os {
namespace {

constexpr Duration retry_interval = std::chrono::milliseconds(5);
// Without any progress.
constexpr int retries_max = 2000;

}  // namespace

struct ControlServer::Impl {
    struct Connection {
        Descriptor socket;
        WatchId watch = 0;
        std::string input;
        std::string output;
        int retries = 0;
        TimerId timer = 0;
    };

    Impl(std::string run_dir, Watcher& w, Timers& t, Log& l, Handler h)
        : path(std::move(run_dir) + "/control"),
          watcher(w),
          timers(t),
          log(l),
          handler(std::move(h)) {}

    void on_connect();
    void on_readable(ConnectionId id);
    void send(ConnectionId id);
    void close(ConnectionId id);

    std::string path;
    Watcher& watcher;
    Timers& timers;
    Log& log;
    Handler handler;
    Descriptor listener;
    WatchId listener_watch = 0;
    bool bound = false;
    ConnectionId last_id = 0;
    std::map<ConnectionId, Connection> connections;
};

ControlServer::ControlServer(
    std::string run_dir, Watcher& watcher, Timers& timers, Log& log, Handler handler)
    : impl_(std::make_unique<Impl>(std::move(run_dir), watcher, timers, log, std::move(handler))) {}

ControlServer::~ControlServer() {
    Impl& s = *impl_;
    while (!s.connections.empty()) {
        s.close(s.connections.begin()->first);
    }
    if (s.listener_watch != 0) {
        s.watcher.unwatch(s.listener_watch);
    }
    if (s.bound) {
        ::unlink(s.path.c_str());
    }
}

Result<void> ControlServer::open() {
    Impl& s = *impl_;
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if (s.path.size() >= sizeof address.sun_path) {
        return invalid("the run directory's name is too long for a socket: " + s.path);
    }
    std::memcpy(address.sun_path, s.path.c_str(), s.path.size() + 1);
    s.listener = Descriptor(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    struct stat about {};
    if (::lstat(s.path.c_str(), &about) == 0) {
        if (!S_ISSOCK(about.st_mode)) {
            return failed(s.path + " is in the way: it is not a socket");
        }
        ::unlink(s.path.c_str());  // stale: the run directory is ours
    }
    const auto* where = reinterpret_cast<const sockaddr*>(&address);
    if (!s.listener.is_open() || ::bind(s.listener.get(), where, sizeof address) != 0) {
        return failed("cannot bind " + s.path + ": " + std::strerror(errno));
    }
    s.bound = true;
    if (::chmod(s.path.c_str(), 0600) != 0 || ::listen(s.listener.get(), 8) != 0) {
        return failed("cannot listen on " + s.path + ": " + std::strerror(errno));
    }
    s.listener_watch = s.watcher.watch(s.listener.get(), [&s] { s.on_connect(); });
    return {};
}

void ControlServer::Impl::on_connect() {
    Descriptor fd(::accept4(listener.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
    if (!fd.is_open()) {
        return;
    }
    ucred who{};
    socklen_t size = sizeof who;
    if (::getsockopt(fd.get(), SOL_SOCKET, SO_PEERCRED, &who, &size) != 0 ||
        (who.uid != 0 && who.uid != ::geteuid())) {
        AIS_LOG(log,
                warning,
                "ipc",
                "IPC-012",
                "process ",
                who.pid,
                " of uid ",
                who.uid,
                " may not use the control socket: it is for root and the executive's user");
        return;
    }
    if (connections.size() >= connections_max) {
        return;
    }
    const ConnectionId id = ++last_id;
    Connection& made = connections[id];
    made.socket = std::move(fd);
    made.watch = watcher.watch(made.socket.get(), [this, id] { on_readable(id); });
}

void ControlServer::Impl::on_readable(ConnectionId id) {
    const auto found = connections.find(id);
    if (found == connections.end()) {
        return;
    }
    Connection& from = found->second;
    std::array<char, 4096> buffer;
    const ssize_t size = ::recv(from.socket.get(), buffer.data(), buffer.size(), MSG_DONTWAIT);
    if (size < 0 && (errno == EAGAIN || errno == EINTR)) {
        return;
    }
    if (size <= 0 || from.input.size() + static_cast<std::size_t>(size) > line_max) {
        close(id);
        return;
    }
    from.input.append(buffer.data(), static_cast<std::size_t>(size));
    for (;;) {
        // Looked up each time: the handler's reply may have closed it.
        const auto now = connections.find(id);
        if (now == connections.end()) {
            return;
        }
        const std::size_t end = now->second.input.find('\n');
        if (end == std::string::npos) {
            return;
        }
        const std::string line = now->second.input.substr(0, end);
        now->second.input.erase(0, end + 1);
        handler(id, line);
    }
}

void ControlServer::reply(ConnectionId to, std::string_view line) {
    const auto found = impl_->connections.find(to);
    if (found == impl_->connections.end()) {
        return;
    }
    std::string& output = found->second.output;
    if (output.size() + line.size() + 1 > output_max) {
        impl_->close(to);
        return;
    }
    output.append(line).push_back('\n');
    if (found->second.timer == 0) {
        impl_->send(to);
    }
}

void ControlServer::Impl::send(ConnectionId id) {
    Connection& to = connections.at(id);
    to.timer = 0;
    while (!to.output.empty()) {
        const ssize_t sent = ::send(
            to.socket.get(), to.output.data(), to.output.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
        if (sent > 0) {
            to.output.erase(0, static_cast<std::size_t>(sent));
            to.retries = 0;
            continue;
        }
        if (sent < 0 && errno == EINTR) {
            continue;
        }
        if (sent < 0 && errno != EAGAIN) {
            close(id);
            return;
        }
        if (++to.retries > retries_max) {
            close(id);
            return;
        }
        to.timer = timers.start(timers.now() + retry_interval, [this, id] { send(id); });
        return;
    }
}

void ControlServer::Impl::close(ConnectionId id) {
    const auto found = connections.find(id);
    watcher.unwatch(found->second.watch);
    if (found->second.timer != 0) {
        timers.cancel(found->second.timer);
    }
    connections.erase(found);
}

}  // namespace ais::os
