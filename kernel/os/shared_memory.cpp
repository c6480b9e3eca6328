// SPDX-License-Identifier: BSD-3-Clause

#include "os/shared_memory.hpp"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <bit>
#include <cerrno>
#include <cstring>
#include <new>

namespace ais::os {
namespace {

std::size_t page_size() {
    static const auto size = static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
    return size;
}

// `size` bytes of the file, twice in a row; nullptr with errno on failure.
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
    return base;
}

Error because(const char* what) {
    const bool scarce = errno == ENOMEM || errno == EMFILE || errno == ENFILE || errno == EAGAIN;
    return {scarce ? AIS_ERR_NO_MEMORY : AIS_ERR_FAILED,
            std::string(what) + ": " + std::strerror(errno)};
}

}  // namespace

RingSizes ring_sizes(const ipc::Limits& limits) {
    const std::size_t frame = ipc::frame_space(limits.message_max + limits.header_room);
    const auto round = [&](std::size_t wanted) {
        return std::bit_ceil(std::max({wanted, frame, page_size()}));
    };
    return {round(limits.request_ring), round(limits.response_ring), round(limits.event_ring)};
}

Result<SharedMemory> SharedMemory::make(const RingSizes& sizes) {
    const std::size_t page = page_size();
    SharedMemory shared;
    shared.fd_ = Descriptor(::memfd_create("ais-ipc", MFD_CLOEXEC | MFD_ALLOW_SEALING));
    if (!shared.fd_.is_open()) {
        return because("memfd_create");
    }
    const std::size_t total = page + sizes.request + sizes.response + sizes.event;
    if (::ftruncate(shared.fd(), static_cast<off_t>(total)) != 0) {
        return because("ftruncate of shared memory");
    }
    if (::fcntl(shared.fd(), F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) != 0) {
        return because("sealing of shared memory");
    }
    void* control = ::mmap(nullptr, page, PROT_READ | PROT_WRITE, MAP_SHARED, shared.fd(), 0);
    if (control == MAP_FAILED) {
        return because("mmap of shared memory");
    }
    ipc::Memory& memory = shared.memory_;
    memory.page = new (control) ipc::SharedPage;
    std::size_t offset = page;
    const auto add = [&](std::uint8_t*& data, std::size_t& size, std::size_t wanted) {
        data = map_twice(shared.fd(), offset, wanted);
        size = wanted;
        offset += wanted;
        return data != nullptr;
    };
    if (!add(memory.request, memory.request_size, sizes.request) ||
        !add(memory.response, memory.response_size, sizes.response) ||
        !add(memory.event, memory.event_size, sizes.event)) {
        return because("mmap of shared memory");
    }
    return shared;
}

SharedMemory::SharedMemory(SharedMemory&& other) noexcept
    : fd_(std::move(other.fd_)), memory_(std::exchange(other.memory_, {})) {}

SharedMemory& SharedMemory::operator=(SharedMemory&& other) noexcept {
    if (this != &other) {
        unmap();
        fd_ = std::move(other.fd_);
        memory_ = std::exchange(other.memory_, {});
    }
    return *this;
}

SharedMemory::~SharedMemory() {
    unmap();
}

void SharedMemory::unmap() {
    if (memory_.page != nullptr) {
        ::munmap(memory_.page, page_size());
    }
    const auto drop = [](std::uint8_t* data, std::size_t size) {
        if (data != nullptr) {
            ::munmap(data, 2 * size);
        }
    };
    drop(memory_.request, memory_.request_size);
    drop(memory_.response, memory_.response_size);
    drop(memory_.event, memory_.event_size);
    memory_ = {};
}

}  // namespace ais::os
