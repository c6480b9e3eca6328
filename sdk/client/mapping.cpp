// SPDX-License-Identifier: BSD-3-Clause

#include "client/mapping.hpp"

#include <fcntl.h>
#include <linux/futex.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <bit>
#include <cerrno>
#include <climits>
#include <ctime>
#include <utility>

namespace ais::client {
namespace {

std::size_t page_size() {
    return static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
}

std::uint8_t* map_twice(int fd, std::size_t offset, std::size_t size) {
    void* place = ::mmap(nullptr, 2 * size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (place == MAP_FAILED) {
        return nullptr;
    }
    auto* base = static_cast<std::uint8_t*>(place);
    for (const std::size_t half : {std::size_t{0}, size}) {
        if (::mmap(base + half,
                   size,
                   PROT_READ | PROT_WRITE,
                   MAP_SHARED | MAP_FIXED,
                   fd,
                   static_cast<off_t>(offset)) == MAP_FAILED) {
            const int why = errno;
            ::munmap(place, 2 * size);
            errno = why;
            return nullptr;
        }
    }
    // What the child does not have, it cannot damage.
    ::madvise(place, 2 * size, MADV_DONTFORK);
    return base;
}

}  // namespace

Mapping::~Mapping() {
    if (page_ != nullptr) {
        ::munmap(page_, page_size());
    }
    const auto drop = [](std::uint8_t* data, std::size_t size) {
        if (data != nullptr) {
            ::munmap(data, 2 * size);
        }
    };
    drop(request_, request_size_);
    drop(response_, response_size_);
    drop(event_, event_size_);
}

void Mapping::forget() {
    page_ = nullptr;
    request_ = response_ = event_ = nullptr;
}

bool Mapping::map(int fd, const ipc::ConnectReply& reply) {
    const std::size_t page = page_size();
    const std::size_t total = page + std::size_t{reply.request_ring_size} +
                              reply.response_ring_size + reply.event_ring_size;
    for (const std::size_t size :
         {reply.request_ring_size, reply.response_ring_size, reply.event_ring_size}) {
        if (!std::has_single_bit(size) || size < page ||
            size < ipc::frame_space(reply.message_max)) {
            errno = EPROTO;
            return false;
        }
    }
    struct stat about {};
    const int seals = ::fcntl(fd, F_GET_SEALS);
    if (seals < 0 || (seals & F_SEAL_SHRINK) == 0 || ::fstat(fd, &about) != 0 ||
        static_cast<std::size_t>(about.st_size) != total) {
        errno = EPROTO;
        return false;
    }
    void* control = ::mmap(nullptr, page, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (control == MAP_FAILED) {
        return false;
    }
    ::madvise(control, page, MADV_DONTFORK);
    page_ = static_cast<ipc::SharedPage*>(control);
    std::size_t offset = page;
    const auto add = [&](std::uint8_t*& data, std::size_t& size, std::size_t wanted) {
        size = wanted;
        data = map_twice(fd, offset, wanted);
        offset += wanted;
        return data != nullptr;
    };
    return add(request_, request_size_, reply.request_ring_size) &&
           add(response_, response_size_, reply.response_ring_size) &&
           add(event_, event_size_, reply.event_ring_size);
}

void futex_wait(std::atomic<std::uint32_t>& word,
                std::uint32_t value,
                std::chrono::nanoseconds timeout) {
    timespec time{};
    time.tv_sec = static_cast<time_t>(timeout.count() / 1'000'000'000);
    time.tv_nsec = static_cast<long>(timeout.count() % 1'000'000'000);
    // Not FUTEX_PRIVATE: the other side is another process.
    ::syscall(SYS_futex, &word, FUTEX_WAIT, value, &time, nullptr, 0);
}

void futex_wake_all(std::atomic<std::uint32_t>& word) {
    ::syscall(SYS_futex, &word, FUTEX_WAKE, INT_MAX, nullptr, nullptr, 0);
}

}  // namespace ais::client
