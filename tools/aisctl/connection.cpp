// SPDX-License-Identifier: BSD-3-Clause

#include "connection.hpp"

#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>

namespace ais::ctl {
namespace {

class Socket {
  public:
    explicit Socket(int fd) : fd_(fd) {}
    ~Socket() { ::close(fd_); }
    Socket(const Socket&) = delete;
    Socket& operator=(const Socket&) = delete;
    [[nodiscard]] int get() const { return fd_; }

  private:
    int fd_;
};

}  // namespace

Json Connection::ask(const Json& request, int timeout_s) const {
    const std::string path = run_dir_ + "/control";
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if (path.size() >= sizeof address.sun_path) {
        throw Failure(Exit::usage, "the run directory's name is too long: " + run_dir_);
    }
    std::memcpy(address.sun_path, path.c_str(), path.size() + 1);
    const Socket socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    const timeval limit{timeout_s, 0};
    ::setsockopt(socket.get(), SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    const auto* where = reinterpret_cast<const sockaddr*>(&address);
    if (::connect(socket.get(), where, sizeof address) != 0) {
        const bool is_denied = errno == EACCES;
        throw Failure(Exit::unreachable,
                      is_denied ? "only root and the executive's user may use " + path
                                : "no executive answers at " + path + " (" + std::strerror(errno) +
                                      "); --run-dir or OPENAIS_RUN_DIR chooses another one");
    }
    const std::string line = request.dump() + "\n";
    if (::send(socket.get(), line.data(), line.size(), MSG_NOSIGNAL) !=
        static_cast<ssize_t>(line.size())) {
        throw Failure(Exit::unreachable, "the executive closed the connection");
    }
    std::string answer;
    while (answer.find('\n') == std::string::npos) {
        std::array<char, 65536> buffer;
        const ssize_t size = ::recv(socket.get(), buffer.data(), buffer.size(), 0);
        if (size < 0 && errno == EINTR) {
            continue;
        }
        if (size <= 0) {
            throw Failure(Exit::unreachable,
                          size < 0 ? "no answer within " + std::to_string(timeout_s) + " s"
                                   : std::string("the executive closed the connection; only root "
                                                 "and its own user may ask"));
        }
        answer.append(buffer.data(), static_cast<std::size_t>(size));
    }
    const Json reply = Json::parse(answer, nullptr, false);
    if (!reply.is_object() || !reply.contains("ok")) {
        throw Failure(Exit::failed, "the executive's answer is not understood");
    }
    if (!reply["ok"].get<bool>()) {
        throw Failure(reply.value("status", "") == "try_again" ? Exit::try_again : Exit::failed,
                      reply.value("error", "no reason given"));
    }
    return reply["result"];
}

}  // namespace ais::ctl
