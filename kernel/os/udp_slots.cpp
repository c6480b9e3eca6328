// SPDX-License-Identifier: BSD-3-Clause

#include "os/udp_slots.hpp"

#include <netinet/udp.h>

#include <cerrno>
#include <cstring>

#ifndef UDP_GRO
#define UDP_GRO 104
#endif

namespace ais::os {

// Why an odd stride: slots 64 KiB apart would share the same few cache sets.
UdpSlots::UdpSlots(std::size_t count, std::size_t size)
    : count_(count),
      size_(size),
      stride_((size + 63) / 64 * 64 + 4160),
      arena_(new std::uint8_t[count * stride_]),
      messages_(count),
      parts_(count),
      controls_(count),
      sources_(count) {
    for (std::size_t i = 0; i < count; ++i) {
        parts_[i] = {arena_.get() + i * stride_, size_};
    }
}

int UdpSlots::receive(int fd) {
    for (std::size_t i = 0; i < count_; ++i) {
        msghdr& header = messages_[i].msg_hdr;
        header.msg_name = &sources_[i];
        header.msg_namelen = sizeof sources_[i];
        header.msg_iov = &parts_[i];
        header.msg_iovlen = 1;
        header.msg_control = controls_[i].room;
        header.msg_controllen = sizeof controls_[i].room;
        header.msg_flags = 0;
    }
    while (true) {
        const int got =
            ::recvmmsg(fd, messages_.data(), static_cast<unsigned>(count_), MSG_DONTWAIT, nullptr);
        if (got >= 0) {
            return got;
        }
        if (errno != EINTR) {
            return errno == EAGAIN ? 0 : -errno;
        }
    }
}

UdpSlots::Content UdpSlots::at(std::size_t slot) const {
    const mmsghdr& message = messages_[slot];
    Content content;
    content.bytes = MutableBytes(arena_.get() + slot * stride_, message.msg_len);
    content.segment = message.msg_len;
    content.is_truncated = (message.msg_hdr.msg_flags & MSG_TRUNC) != 0;
    content.source = &sources_[slot];
    // CMSG_NXTHDR takes a pointer that is not const.
    auto* const header = const_cast<msghdr*>(&message.msg_hdr);
    for (cmsghdr* control = CMSG_FIRSTHDR(header); control != nullptr;
         control = CMSG_NXTHDR(header, control)) {
        if (control->cmsg_level == IPPROTO_UDP && control->cmsg_type == UDP_GRO) {
            int size = 0;
            std::memcpy(&size, CMSG_DATA(control), sizeof size);
            if (size > 0) {
                content.segment = static_cast<std::size_t>(size);
            }
        } else if (control->cmsg_level == SOL_SOCKET && control->cmsg_type == SO_RXQ_OVFL) {
            std::uint32_t lost = 0;
            std::memcpy(&lost, CMSG_DATA(control), sizeof lost);
            content.overruns = lost;
        }
    }
    return content;
}

}  // namespace ais::os
