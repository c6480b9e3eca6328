// SPDX-License-Identifier: BSD-3-Clause

#include "os/udp_sender.hpp"

#include "base/assert.hpp"
#include "base/mark.hpp"
#include "os/clock.hpp"
#include "os/udp_errors.hpp"

#include <netinet/udp.h>
#include <poll.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#ifndef UDP_SEGMENT
#define UDP_SEGMENT 103
#endif

namespace ais::os {
namespace {

// Limit: a gigabit network empties 250,000 bytes in this time; longer waits
// would be felt by clients and timers.
constexpr Duration wait_max = std::chrono::milliseconds(2);

// Limit: of one UDP_SEGMENT message, on every kernel that has it.
constexpr std::size_t segments_max = 64;
constexpr std::size_t bytes_max = 65000;

// Limit: errors of earlier datagrams that one call may stumble over.
constexpr int left_behind_max = 16;

// What drivers and kernels say that cannot cut a buffer into segments.
bool may_be_offload(int error) {
    return error == EIO || error == EINVAL || error == EMSGSIZE || error == EOPNOTSUPP ||
           error == ENOPROTOOPT;
}

std::size_t datagrams(std::size_t bytes, std::size_t segment) {
    return (bytes + segment - 1) / segment;
}

}  // namespace

UdpSender::UdpSender(bool offload, UdpStats& stats, Trouble trouble)
    : is_offload_on_(offload), stats_(stats), trouble_(std::move(trouble)) {}

void UdpSender::send(int fd, std::span<const UdpTarget> targets, Bytes batch, std::size_t segment) {
    AIS_ASSERT(segment > 0 && !batch.empty());
    may_wait_ = wait_max;
    // Limit: what one offloaded message may carry.
    const std::size_t offloaded =
        std::max(std::min(segments_max * segment, bytes_max / segment * segment), segment);
    for (const UdpTarget& target : targets) {
        for (Bytes rest = batch; !rest.empty();) {
            const std::size_t size = std::min(is_offload_on_ ? offloaded : segment, rest.size());
            add(target, rest.first(size), segment);
            rest = rest.subspan(size);
            if (count_ == messages_max) {
                push(fd);
            }
        }
    }
    push(fd);
}

void UdpSender::add(const UdpTarget& target, Bytes part, std::size_t segment) {
    const std::size_t at = count_++;
    parts_[at] = {const_cast<std::uint8_t*>(part.data()), part.size()};
    targets_[at] = &target;
    segments_[at] = std::min(segment, part.size());
    msghdr& header = messages_[at].msg_hdr;
    header = {};
    header.msg_name = const_cast<sockaddr_storage*>(&target.address);
    header.msg_namelen = target.size;
    header.msg_iov = &parts_[at];
    header.msg_iovlen = 1;
    if (part.size() <= segment) {
        return;
    }
    header.msg_control = controls_[at].room.data();
    header.msg_controllen = controls_[at].room.size();
    cmsghdr* const control = CMSG_FIRSTHDR(&header);
    control->cmsg_level = IPPROTO_UDP;
    control->cmsg_type = UDP_SEGMENT;
    control->cmsg_len = CMSG_LEN(sizeof(std::uint16_t));
    const auto size = static_cast<std::uint16_t>(segment);
    std::memcpy(CMSG_DATA(control), &size, sizeof size);
}

void UdpSender::push(int fd) {
    std::size_t at = 0;
    int left_behind = 0;
    while (at < count_) {
        ++stats_.send_calls;
        const int done =
            ::sendmmsg(fd, messages_.data() + at, static_cast<unsigned>(count_ - at), MSG_DONTWAIT);
        if (done > 0) {
            for (const std::size_t end = at + static_cast<std::size_t>(done); at < end; ++at) {
                stats_.sent += datagrams(parts_[at].iov_len, segments_[at]);
            }
            continue;
        }
        if (errno == EINTR) {
            continue;
        }
        if (errno == EAGAIN && wait_for_room(fd)) {
            continue;
        }
        if (may_be_left_behind(errno) && left_behind++ < left_behind_max) {
            AIS_MARK("udp.repeats_after_error_of_another");
            continue;
        }
        on_error(fd, at, errno);
        ++at;
    }
    count_ = 0;
}

bool UdpSender::wait_for_room(int fd) {
    if (may_wait_ <= Duration(0)) {
        errno = EAGAIN;
        return false;
    }
    ++stats_.waits;
    const Instant before = monotonic_now();
    pollfd socket{fd, POLLOUT, 0};
    const timespec limit{0, static_cast<long>(may_wait_.count())};
    ::ppoll(&socket, 1, &limit, nullptr);
    // At least a little, so that a socket that is never full enough to be seen so ends, too.
    may_wait_ -= std::max<Duration>(monotonic_now() - before, std::chrono::microseconds(10));
    return true;
}

void UdpSender::on_error(int fd, std::size_t at, int error) {
    const std::size_t lost = datagrams(parts_[at].iov_len, segments_[at]);
    if (error == EAGAIN || error == ENOBUFS) {
        stats_.dropped_full += lost;
        return;
    }
    if (lost == 1 || !may_be_offload(error)) {
        stats_.dropped_error += lost;
        trouble_(*targets_[at], error, lost);
        return;
    }
    // Was it the offload?  The same bytes without it tell.
    const Bytes whole(static_cast<const std::uint8_t*>(parts_[at].iov_base), parts_[at].iov_len);
    std::size_t sent = 0;
    int plain_error = 0;
    for (Bytes rest = whole; !rest.empty();) {
        const std::size_t size = std::min(segments_[at], rest.size());
        ++stats_.send_calls;
        const ssize_t done = ::sendto(fd,
                                      rest.data(),
                                      size,
                                      MSG_DONTWAIT,
                                      reinterpret_cast<const sockaddr*>(&targets_[at]->address),
                                      targets_[at]->size);
        if (done < 0 && (errno == EINTR || (errno == EAGAIN && wait_for_room(fd)))) {
            continue;
        }
        if (done < 0) {
            plain_error = errno;
            break;
        }
        ++sent;
        rest = rest.subspan(size);
    }
    stats_.sent += sent;
    if (plain_error == EAGAIN || plain_error == ENOBUFS) {
        stats_.dropped_full += lost - sent;
    } else if (plain_error != 0) {
        stats_.dropped_error += lost - sent;
        trouble_(*targets_[at], plain_error, lost - sent);
    }
    if (sent > 0 && is_offload_on_) {
        AIS_MARK("udp.offload_refused");
        is_offload_on_ = false;
        trouble_(*targets_[at], error, 0);
    }
}

}  // namespace ais::os
