// SPDX-License-Identifier: BSD-3-Clause

#include "os/unix_server.hpp"

#include "base/assert.hpp"
#include "os/descriptor.hpp"
#include "os/shared_memory.hpp"

#include <ais/ipc_wire.hpp>

#include <fcntl.h>
#include <grp.h>
#include <linux/futex.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cerrno>
#include <climits>
#include <cstring>
#include <list>
#include <optional>

namespace ais::os {
namespace {

// Limit: connections that have not sent their request yet.  An honest library
// sends it at once, so more than a few are a flood.
constexpr std::size_t handshakes_max = 64;
// Limit: so that a flood of connections does not keep the loop from the ring.
constexpr int accepts_per_turn = 16;
constexpr int listen_backlog = 128;

std::string text_of_errno() {
    return std::strerror(errno);
}

void futex_wake_all(std::atomic<std::uint32_t>& word) {
    static_assert(sizeof word == sizeof(std::uint32_t));
    ::syscall(SYS_futex, &word, FUTEX_WAKE, INT_MAX, nullptr, nullptr, 0);
}

// What the operating system says of the process that connected, at that time.
struct Credentials {
    ucred who{};
    std::vector<gid_t> groups;  // supplementary
};

std::optional<Credentials> credentials_of(int fd) {
    Credentials result;
    socklen_t size = sizeof result.who;
    if (::getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &result.who, &size) != 0) {
        return std::nullopt;
    }
    // Why not getgrouplist: it asks the name service, which may read files or
    // talk to a directory server, and the loop must not wait for either.
    std::array<gid_t, 64> some{};
    size = sizeof some;
    if (::getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, some.data(), &size) == 0) {
        result.groups.assign(some.begin(), some.begin() + size / sizeof(gid_t));
    } else if (errno == ERANGE) {
        result.groups.resize(size / sizeof(gid_t));
        if (::getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, result.groups.data(), &size) != 0) {
            result.groups.clear();
        }
    }
    return result;
}

std::optional<gid_t> gid_of_group(const std::string& name) {
    std::vector<char> buffer(16384);
    group entry{};
    group* found = nullptr;
    if (name.empty() ||
        ::getgrnam_r(name.c_str(), &entry, buffer.data(), buffer.size(), &found) != 0 ||
        found == nullptr) {
        return std::nullopt;
    }
    return entry.gr_gid;
}

Result<void> make_directory(const std::string& path) {
    for (std::size_t at = path.find('/', 1);; at = path.find('/', at + 1)) {
        const std::string part = path.substr(0, at);
        if (::mkdir(part.c_str(), 0755) != 0 && errno != EEXIST) {
            return failed("cannot create the run directory " + path + " (" + part +
                          "): " + text_of_errno());
        }
        if (at == std::string::npos) {
            break;
        }
    }
    struct stat about {};
    if (::stat(path.c_str(), &about) != 0 || !S_ISDIR(about.st_mode)) {
        return failed("the run directory " + path + " is not a directory");
    }
    return {};
}

// Writes how often something happened without letting a client fill the log.
class Occasionally {
  public:
    bool now() {
        ++count_;
        return count_ <= 16 || std::has_single_bit(count_);
    }
    [[nodiscard]] std::uint64_t count() const { return count_; }

  private:
    std::uint64_t count_ = 0;
};

}  // namespace

struct UnixServer::Impl {
    // A connection before its request, then a client.
    struct Client final : ipc::Waker {
        Client(Impl& the_server, Descriptor the_socket)
            : server(the_server), socket(std::move(the_socket)) {}

        void wake_response() override { futex_wake_all(shared.memory().page->response.sleeping); }
        void wake_room() override { futex_wake_all(shared.memory().page->request.room); }
        void ring_doorbell() override;
        void close(std::string_view why) override;
        void finished() override { server.remove(*this); }

        Impl& server;
        Descriptor socket;
        Descriptor wake;     // eventfd: the client wakes us
        Descriptor process;  // pidfd, if the system gives one
        SharedMemory shared;
        std::unique_ptr<ipc::Session> session;
        WatchId socket_watch = 0;
        WatchId wake_watch = 0;
        WatchId process_watch = 0;
        std::list<Client>::iterator self;
    };

    Impl(UnixServerConfig the_config,
         Watcher& the_watcher,
         ipc::Sessions& the_sessions,
         Log& the_log)
        : config(std::move(the_config)),
          sizes(ring_sizes(config.limits)),
          watcher(the_watcher),
          sessions(the_sessions),
          log(the_log) {}

    Result<void> take_place();
    [[nodiscard]] std::string who_listens() const;
    void on_connect();
    void on_full();
    void add_handshake(Descriptor fd);
    void on_socket(Client& client);
    void on_request(Client& client, const ipc::ConnectRequest& request, std::size_t size);
    void on_wake(Client& client);
    ais_status admit(Client& client, const ipc::ConnectRequest& request);
    [[nodiscard]] bool may_connect(const Credentials& credentials) const;
    bool reply(Client& client, ais_status status);
    void on_gone(Client& client);
    void unwatch(Client& client);
    void remove(Client& client);

    UnixServerConfig config;
    RingSizes sizes;
    Watcher& watcher;
    ipc::Sessions& sessions;
    Log& log;

    std::string path;
    Descriptor lock;
    Descriptor listener;
    Descriptor reserve;  // given up for a moment when descriptors run out
    WatchId listener_watch = 0;
    bool bound = false;
    std::optional<gid_t> ais_gid;
    std::list<Client> handshakes;
    std::list<Client> clients;
    Occasionally refused;
    Occasionally malformed;
    Occasionally full;
};

UnixServer::UnixServer(UnixServerConfig config, Watcher& watcher, ipc::Sessions& sessions, Log& log)
    : impl_(std::make_unique<Impl>(std::move(config), watcher, sessions, log)) {}

UnixServer::~UnixServer() {
    close();
}

std::size_t UnixServer::client_count() const {
    return impl_->clients.size();
}

Result<void> UnixServer::open() {
    Impl& s = *impl_;
    AIS_ASSERT(!s.listener.is_open());
    if (auto made = make_directory(s.config.run_dir); !made) {
        return made;
    }
    if (auto taken = s.take_place(); !taken) {
        close();
        return taken;
    }
    s.ais_gid = gid_of_group(s.config.access.group);
    s.reserve = Descriptor(::open("/dev/null", O_RDONLY | O_CLOEXEC));
    s.listener_watch = s.watcher.watch(s.listener.get(), [&s] { s.on_connect(); });
    AIS_LOG(s.log, info, "ipc", "IPC-008", "clients are welcome at ", s.path);
    return {};
}

void UnixServer::close() {
    Impl& s = *impl_;
    if (s.listener_watch != 0) {
        s.watcher.unwatch(std::exchange(s.listener_watch, 0));
    }
    while (!s.handshakes.empty()) {
        s.remove(s.handshakes.front());
    }
    while (!s.clients.empty()) {
        s.clients.front().close("the executive stops");
        s.remove(s.clients.front());
    }
    s.listener.reset();
    if (s.bound) {
        ::unlink(s.path.c_str());
        s.bound = false;
    }
    s.reserve.reset();
    s.lock.reset();
}

// Two executives that start at once must not both take a stale socket for
// theirs, so the place is decided by a lock that the holder keeps for life.
Result<void> UnixServer::Impl::take_place() {
    path = config.run_dir + "/" + ipc::socket_name;
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if (path.size() >= sizeof address.sun_path) {
        return invalid("the run directory's name is too long for a socket: " + path + " has " +
                       std::to_string(path.size()) + " bytes, at most " +
                       std::to_string(sizeof address.sun_path - 1) + " are possible");
    }
    std::memcpy(address.sun_path, path.c_str(), path.size() + 1);

    const std::string lock_path = path + ".lock";
    lock = Descriptor(
        ::open(lock_path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0600));
    if (!lock.is_open()) {
        return failed("cannot open " + lock_path + ": " + text_of_errno());
    }
    if (::flock(lock.get(), LOCK_EX | LOCK_NB) != 0) {
        return failed("another executive uses " + config.run_dir + who_listens() +
                      "; choose another run directory (OPENAIS_RUN_DIR)");
    }

    listener = Descriptor(::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    if (!listener.is_open()) {
        return failed("socket: " + text_of_errno());
    }
    struct stat about {};
    if (::lstat(path.c_str(), &about) == 0) {
        if (!S_ISSOCK(about.st_mode)) {
            return failed(path + " is in the way: it is not a socket");
        }
        const std::string other = who_listens();
        if (!other.empty()) {
            return failed("somebody listens on " + path + other +
                          "; choose another run directory (OPENAIS_RUN_DIR)");
        }
        if (::unlink(path.c_str()) != 0) {
            return failed("cannot remove the stale socket " + path + ": " + text_of_errno());
        }
    }
    const auto* where = reinterpret_cast<const sockaddr*>(&address);
    if (::bind(listener.get(), where, sizeof address) != 0) {
        return failed("cannot bind " + path + ": " + text_of_errno());
    }
    bound = true;
    // Everybody may knock; who may come in is decided by credentials.
    if (::chmod(path.c_str(), 0666) != 0) {
        return failed("cannot set the mode of " + path + ": " + text_of_errno());
    }
    if (::listen(listener.get(), listen_backlog) != 0) {
        return failed("cannot listen on " + path + ": " + text_of_errno());
    }
    return {};
}

// " (pid 123)" of the process that accepts connections at our path, or "".
std::string UnixServer::Impl::who_listens() const {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::memcpy(address.sun_path, path.c_str(), path.size() + 1);
    const Descriptor probe(::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    if (::connect(probe.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
        // EAGAIN: its backlog is full, so somebody is there.
        return errno == EAGAIN ? " (busy)" : "";
    }
    const auto credentials = credentials_of(probe.get());
    return credentials ? " (pid " + std::to_string(credentials->who.pid) + ")" : " (unknown pid)";
}

void UnixServer::Impl::on_connect() {
    for (int i = 0; i < accepts_per_turn; ++i) {
        Descriptor fd(::accept4(listener.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
        if (fd.is_open()) {
            add_handshake(std::move(fd));
            continue;
        }
        if (errno == EMFILE || errno == ENFILE) {
            on_full();
        }
        if (errno != EINTR && errno != ECONNABORTED) {
            return;
        }
    }
}

// No descriptor is left.  Without this the listener would stay readable and
// the loop would spin; so the next in line is let in and out again.
void UnixServer::Impl::on_full() {
    if (full.now()) {
        AIS_LOG(log,
                warning,
                "ipc",
                "IPC-009",
                "no descriptor is left for a client (",
                full.count(),
                " times so far): raise LimitNOFILE or lower the number of clients");
    }
    reserve.reset();
    const Descriptor fd(::accept4(listener.get(), nullptr, nullptr, SOCK_CLOEXEC));
    reserve = Descriptor(::open("/dev/null", O_RDONLY | O_CLOEXEC));
    errno = EMFILE;
}

void UnixServer::Impl::add_handshake(Descriptor fd) {
    if (handshakes.size() >= handshakes_max) {
        remove(handshakes.front());
    }
    Client& client = handshakes.emplace_back(*this, std::move(fd));
    client.self = std::prev(handshakes.end());
    client.socket_watch =
        watcher.watch(client.socket.get(), [this, &client] { on_socket(client); });
}

void UnixServer::Impl::on_socket(Client& client) {
    // One byte more than a request, to see what is too long.
    std::array<std::uint8_t, sizeof(ipc::ConnectRequest) + 1> buffer;
    const ssize_t size = ::recv(client.socket.get(), buffer.data(), buffer.size(), MSG_DONTWAIT);
    if (size < 0 && (errno == EAGAIN || errno == EINTR)) {
        return;
    }
    if (size <= 0) {  // gone, or shut down by close()
        on_gone(client);
        return;
    }
    if (client.session == nullptr) {
        ipc::ConnectRequest request;
        std::memcpy(
            &request, buffer.data(), std::min(static_cast<std::size_t>(size), sizeof request));
        on_request(client, request, static_cast<std::size_t>(size));
        return;
    }
    // A client has nothing to say here.
    if (!client.session->is_disconnected()) {
        ++sessions.stats().broke_rules;
        client.session->disconnect("it sent data on the socket");
    }
    // What it sent before is still in the socket, so do not wait for its end.
    remove(client);
}

void UnixServer::Impl::on_request(Client& client,
                                  const ipc::ConnectRequest& request,
                                  std::size_t size) {
    const bool well_formed = size == sizeof request && request.magic == ipc::connect_magic;
    ais_status status = AIS_ERR_CORRUPT;
    if (well_formed && request.version != ipc::protocol_version) {
        status = AIS_ERR_UNSUPPORTED;
    } else if (well_formed && request.hello_size <= ipc::hello_max) {
        status = admit(client, request);
    }
    if (status == AIS_ERR_CORRUPT || status == AIS_ERR_UNSUPPORTED) {
        ++sessions.stats().refused;
        if (malformed.now()) {
            AIS_LOG(log,
                    warning,
                    "ipc",
                    "IPC-006",
                    "a connection was refused: ",
                    well_formed ? "it speaks another version of the protocol or is malformed"
                                : "what it sent is no request of a client library",
                    " (",
                    malformed.count(),
                    " so far)");
        }
    }
    const bool told = reply(client, status);
    if (status != AIS_OK || !told) {
        remove(client);
    }
}

// Ensures: with AIS_OK the client is in `clients` and its session is open.
ais_status UnixServer::Impl::admit(Client& client, const ipc::ConnectRequest& request) {
    const auto credentials = credentials_of(client.socket.get());
    if (!credentials || !may_connect(*credentials)) {
        ++sessions.stats().refused;
        if (refused.now()) {
            AIS_LOG(log,
                    warning,
                    "ipc",
                    "IPC-001",
                    "process ",
                    credentials ? credentials->who.pid : 0,
                    " of uid ",
                    credentials ? static_cast<long>(credentials->who.uid) : -1L,
                    " may not connect: it is neither root nor in group ",
                    config.access.group,
                    " nor allowed by a uidgid section (",
                    refused.count(),
                    " refused so far)");
        }
        return AIS_ERR_DENIED;
    }
    if (clients.size() >= config.limits.clients_max) {
        ++sessions.stats().refused;
        if (full.now()) {
            AIS_LOG(log,
                    warning,
                    "ipc",
                    "IPC-007",
                    "process ",
                    credentials->who.pid,
                    " may not connect: all ",
                    config.limits.clients_max,
                    " places are taken");
        }
        return AIS_ERR_NO_MEMORY;
    }
    auto shared = SharedMemory::make(sizes);
    client.wake = Descriptor(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
    if (!shared || !client.wake.is_open()) {
        ++sessions.stats().refused;
        AIS_LOG(log,
                error,
                "ipc",
                "IPC-010",
                "no resources for a client: ",
                shared ? "eventfd: " + text_of_errno() : shared.error().text);
        return AIS_ERR_NO_MEMORY;
    }
    client.shared = shared.take();
    const ucred& who = credentials->who;
    client.session = std::make_unique<ipc::Session>(
        config.limits,
        client.shared.memory(),
        client,
        ipc::Peer{static_cast<std::uint32_t>(who.pid), who.uid, who.gid},
        request.service_id,
        log);
    const ais_status status =
        sessions.open(*client.session, Bytes(request.hello, request.hello_size));
    if (status != AIS_OK) {
        client.session.reset();
        return status;
    }
    clients.splice(clients.end(), handshakes, client.self);
    client.wake_watch = watcher.watch(client.wake.get(), [this, &client] { on_wake(client); });
    if (who.pid > 0) {  // 0: a process of a pid namespace that we do not see
        client.process = Descriptor(static_cast<int>(::syscall(SYS_pidfd_open, who.pid, 0)));
    }
    if (client.process.is_open()) {
        client.process_watch =
            watcher.watch(client.process.get(), [this, &client] { on_gone(client); });
    }
    return AIS_OK;
}

bool UnixServer::Impl::may_connect(const Credentials& credentials) const {
    const ucred& who = credentials.who;
    if (who.uid == 0 || who.uid == ::geteuid()) {
        return true;
    }
    const std::vector<std::uint32_t>& uids = config.access.uids;
    const std::vector<std::uint32_t>& gids = config.access.gids;
    if (std::find(uids.begin(), uids.end(), who.uid) != uids.end()) {
        return true;
    }
    const auto is_member = [&](gid_t gid) {
        return who.gid == gid ||
               std::find(credentials.groups.begin(), credentials.groups.end(), gid) !=
                   credentials.groups.end();
    };
    if (std::any_of(config.access.both.begin(),
                    config.access.both.end(),
                    [&](const AccessRules::Both& rule) {
                        return who.uid == rule.uid && is_member(rule.gid);
                    })) {
        return true;
    }
    const auto allowed = [&](gid_t gid) {
        return (ais_gid && gid == *ais_gid) ||
               std::find(gids.begin(), gids.end(), gid) != gids.end();
    };
    return allowed(who.gid) ||
           std::any_of(credentials.groups.begin(), credentials.groups.end(), allowed);
}

bool UnixServer::Impl::reply(Client& client, ais_status status) {
    ipc::ConnectReply answer;
    answer.status = status;
    answer.node = config.node.value();
    answer.executive_pid = static_cast<std::uint32_t>(::getpid());
    answer.message_max =
        static_cast<std::uint32_t>(config.limits.message_max + config.limits.header_room);
    answer.header_room = static_cast<std::uint32_t>(config.limits.header_room);
    answer.request_ring_size = static_cast<std::uint32_t>(sizes.request);
    answer.response_ring_size = static_cast<std::uint32_t>(sizes.response);
    answer.event_ring_size = static_cast<std::uint32_t>(sizes.event);

    iovec part{&answer, sizeof answer};
    msghdr message{};
    message.msg_iov = &part;
    message.msg_iovlen = 1;
    alignas(cmsghdr) std::array<char, CMSG_SPACE(2 * sizeof(int))> control{};
    if (status == AIS_OK) {
        message.msg_control = control.data();
        message.msg_controllen = control.size();
        cmsghdr* rights = CMSG_FIRSTHDR(&message);
        rights->cmsg_level = SOL_SOCKET;
        rights->cmsg_type = SCM_RIGHTS;
        rights->cmsg_len = CMSG_LEN(2 * sizeof(int));
        const std::array<int, 2> fds{client.shared.fd(), client.wake.get()};
        std::memcpy(CMSG_DATA(rights), fds.data(), sizeof fds);
    }
    const bool sent = ::sendmsg(client.socket.get(), &message, MSG_DONTWAIT | MSG_NOSIGNAL) ==
                      static_cast<ssize_t>(sizeof answer);
    client.shared.drop_fd();
    return sent;
}

// The client has written requests, or made room where something waits for it.
void UnixServer::Impl::on_wake(Client& client) {
    std::uint64_t count = 0;
    iovec part{&count, sizeof count};
    // RWF_NOWAIT: the client could have read the eventfd before us and
    // cleared O_NONBLOCK.
    if (::preadv2(client.wake.get(), &part, 1, -1, RWF_NOWAIT) < 0 && errno != EAGAIN &&
        errno != EINTR) {
        AIS_LOG(log,
                error,
                "ipc",
                "IPC-011",
                "cannot read an eventfd: ",
                text_of_errno(),
                "; Linux 5.10 or newer is needed");
        client.session->disconnect("its eventfd cannot be read");
        remove(client);
        return;
    }
    if (!client.session->is_disconnected()) {
        sessions.on_wake(*client.session);
    }
}

void UnixServer::Impl::Client::ring_doorbell() {
    const std::uint8_t byte = 1;
    ssize_t sent = 0;
    do {
        sent = ::send(socket.get(), &byte, 1, MSG_DONTWAIT | MSG_NOSIGNAL);
    } while (sent < 0 && errno == EINTR);
    if (sent != 1 && errno != EPIPE && errno != ECONNRESET) {
        // EAGAIN: it lets bytes pile up while it claims to have read them.
        // Otherwise: a client that cannot be told would wait for ever.
        session->disconnect("its doorbell cannot be rung");
    }
}

// The socket becomes readable (EOF), so the loop comes back to on_socket, and
// the client learns at the same time.
void UnixServer::Impl::Client::close(std::string_view /*why*/) {
    ::shutdown(socket.get(), SHUT_RDWR);
    if (shared.memory().page != nullptr) {
        futex_wake_all(shared.memory().page->response.sleeping);
        futex_wake_all(shared.memory().page->request.room);
    }
}

void UnixServer::Impl::on_gone(Client& client) {
    if (client.session != nullptr && client.session->finish()) {
        unwatch(client);  // finished() follows
        return;
    }
    remove(client);
}

void UnixServer::Impl::unwatch(Client& client) {
    for (WatchId* watch : {&client.socket_watch, &client.wake_watch, &client.process_watch}) {
        if (*watch != 0) {
            watcher.unwatch(std::exchange(*watch, 0));
        }
    }
}

void UnixServer::Impl::remove(Client& client) {
    unwatch(client);
    if (client.session == nullptr) {
        handshakes.erase(client.self);
        return;
    }
    sessions.close(*client.session);
    ::shutdown(client.socket.get(), SHUT_RDWR);
    clients.erase(client.self);
}

}  // namespace ais::os
