// SPDX-License-Identifier: BSD-3-Clause

#include "os/link_events.hpp"

#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

namespace ais::os {
namespace {

// Limit: of one turn; a storm of routes does not starve the token.
constexpr int reads_per_turn = 64;

}  // namespace

LinkEvents::LinkEvents(Watcher& watcher, Descriptor fd, std::function<void()> on_change)
    : watcher_(watcher),
      fd_(std::move(fd)),
      on_change_(std::move(on_change)),
      watch_(watcher_.watch(fd_.get(), [this] { take(); })) {}

LinkEvents::~LinkEvents() {
    watcher_.unwatch(watch_);
}

Result<std::unique_ptr<LinkEvents>> LinkEvents::open(Watcher& watcher,
                                                     std::function<void()> on_change) {
    Descriptor fd(::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_ROUTE));
    sockaddr_nl name{};
    name.nl_family = AF_NETLINK;
    name.nl_groups = RTMGRP_LINK | RTMGRP_IPV4_IFADDR | RTMGRP_IPV6_IFADDR;
    if (!fd.is_open() ||
        ::bind(fd.get(), reinterpret_cast<const sockaddr*>(&name), sizeof name) != 0) {
        return failed(std::string("the system does not tell of changes of interfaces: ") +
                      std::strerror(errno));
    }
    return std::unique_ptr<LinkEvents>(
        new LinkEvents(watcher, std::move(fd), std::move(on_change)));
}

void LinkEvents::take() {
    bool is_changed = false;
    std::array<char, 16384> room;
    for (int i = 0; i < reads_per_turn; ++i) {
        const ssize_t size = ::recv(fd_.get(), room.data(), room.size(), MSG_DONTWAIT);
        if (size < 0 && errno == EINTR) {
            continue;
        }
        if (size < 0 && errno != ENOBUFS) {
            break;
        }
        // ENOBUFS: something was lost, and something has changed.
        is_changed = true;
    }
    if (is_changed) {
        on_change_();
    }
}

}  // namespace ais::os
