// SPDX-License-Identifier: BSD-3-Clause

#include "client/handshake.hpp"

#include <poll.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <utility>

namespace ais::client {
namespace {

using Clock = std::chrono::steady_clock;

// An executive that is alive answers in microseconds; one that is stopped or
// in a long recovery lets us try again later.
constexpr auto reply_timeout = std::chrono::seconds(5);

Status status_of_errno() {
    switch (errno) {
        case EACCES:
        case EPERM:
            return Status::denied;
        case EMFILE:
        case ENFILE:
        case ENOMEM:
        case ENOBUFS:
            return Status::no_memory;
        default:  // ENOENT, ECONNREFUSED: not there; EAGAIN: its backlog is full
            return Status::try_again;
    }
}

Status connect_to(const char* run_dir, int& fd) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    const int length = std::snprintf(
        address.sun_path, sizeof address.sun_path, "%s/%s", run_dir, ipc::socket_name);
    if (length < 0 || static_cast<std::size_t>(length) >= sizeof address.sun_path) {
        return Status::try_again;  // no executive can be there
    }
    // Not blocking: connect would wait for a full backlog of a stopped executive.
    fd = ::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0) {
        return status_of_errno();
    }
    while (::connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
        if (errno != EINTR) {
            return status_of_errno();
        }
    }
    return Status::ok;
}

Status wait_for_reply(int fd) {
    const auto deadline = Clock::now() + reply_timeout;
    for (;;) {
        const auto left =
            std::chrono::duration_cast<std::chrono::milliseconds>(deadline - Clock::now());
        pollfd one{fd, POLLIN, 0};
        const int count = left.count() > 0 ? ::poll(&one, 1, static_cast<int>(left.count())) : 0;
        if (count > 0) {
            return Status::ok;
        }
        if (count == 0) {
            return Status::try_again;
        }
        if (errno != EINTR) {
            return status_of_errno();
        }
    }
}

// False: not a whole reply with the right number of descriptors; errno is EMFILE if there was no
// place for them in this process.
bool receive_reply(Handshake& hands) {
    iovec part{&hands.reply, sizeof hands.reply};
    alignas(cmsghdr) std::array<char, CMSG_SPACE(2 * sizeof(int))> control{};
    msghdr message{};
    message.msg_iov = &part;
    message.msg_iovlen = 1;
    message.msg_control = control.data();
    message.msg_controllen = control.size();
    ssize_t size = 0;
    do {
        size = ::recvmsg(hands.socket, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
    } while (size < 0 && errno == EINTR);
    if (size < 0) {
        return false;
    }
    errno = (message.msg_flags & MSG_CTRUNC) != 0 ? EMFILE : 0;
    for (cmsghdr* item = CMSG_FIRSTHDR(&message); item != nullptr;
         item = CMSG_NXTHDR(&message, item)) {
        if (item->cmsg_level == SOL_SOCKET && item->cmsg_type == SCM_RIGHTS) {
            std::array<int, 2> fds{-1, -1};
            const std::size_t bytes = item->cmsg_len - CMSG_LEN(0);
            std::memcpy(fds.data(), CMSG_DATA(item), std::min(bytes, sizeof fds));
            hands.memory = fds[0];
            hands.wake = fds[1];
        }
    }
    return size == static_cast<ssize_t>(sizeof hands.reply) &&
           hands.reply.magic == ipc::connect_magic &&
           (hands.reply.status != AIS_OK || (hands.memory >= 0 && hands.wake >= 0));
}

Status attempt(const char* run_dir,
               std::uint16_t service_id,
               Bytes hello,
               Handshake& out,
               ais_status* service_status) {
    if (const Status status = connect_to(run_dir, out.socket); status != Status::ok) {
        return status;
    }
    ipc::ConnectRequest request;
    request.service_id = service_id;
    request.hello_size = static_cast<std::uint32_t>(hello.size());
    copy_bytes(request.hello, hello);
    if (::send(out.socket, &request, sizeof request, MSG_DONTWAIT | MSG_NOSIGNAL) !=
        static_cast<ssize_t>(sizeof request)) {
        return Status::try_again;
    }
    if (const Status status = wait_for_reply(out.socket); status != Status::ok) {
        return status;
    }
    if (!receive_reply(out)) {
        // It stopped while we were at its door, or has no descriptor left for us.
        return errno == EMFILE ? Status::no_memory : Status::try_again;
    }
    if (service_status != nullptr) {
        *service_status = out.reply.status;
    }
    if (out.reply.version != ipc::protocol_version) {
        return Status::version;
    }
    switch (out.reply.status) {
        case AIS_OK:
            return Status::ok;
        case AIS_ERR_AGAIN:
            return Status::try_again;
        case AIS_ERR_DENIED:
            return Status::denied;
        case AIS_ERR_UNSUPPORTED:
            return Status::version;
        default:
            return Status::refused;
    }
}

}  // namespace

Status shake_hands(const char* run_dir,
                   std::uint16_t service_id,
                   Bytes hello,
                   Handshake& out,
                   ais_status* service_status) {
    if (hello.size() > ipc::hello_max) {
        return Status::too_big;
    }
    const Status status = attempt(run_dir, service_id, hello, out, service_status);
    if (status != Status::ok) {
        close_fd(out.socket);
        close_fd(out.memory);
        close_fd(out.wake);
    }
    return status;
}

bool is_peer_alive(int socket) {
    pollfd one{socket, POLLRDHUP, 0};
    return ::poll(&one, 1, 0) <= 0;
}

void close_fd(int& fd) {
    if (fd >= 0) {
        ::close(std::exchange(fd, -1));
    }
}

}  // namespace ais::client
