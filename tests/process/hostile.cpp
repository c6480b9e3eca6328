// SPDX-License-Identifier: BSD-3-Clause
//
// hostile WHAT [SEED]: a client of a real executive that breaks the rules of the protocol
// (docs/protocol/ipc_wire.md), written against the wire and not against the client library.
//
// At the door: short, magic, version, hello (a length above the packet), service (one that is not
// there). In the memory: unaligned, ahead, huge, back (positions of the request ring), long,
// truncated (lengths in a frame), misread, misread_events (positions of the rings that it reads),
// noise (random bytes everywhere, again and again), flip (a length that changes while it is read),
// socket (bytes where none may be).
//
// Exit status: 0 when the executive has cut it off (or refused it, at the door), 3 when it was
// still connected after five seconds.  noise and flip may be lucky; they end with 0 after a second,
// too.

#include <ais/abi/types.h>
#include <ais/codec.hpp>
#include <ais/ipc_wire.hpp>

#include <poll.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <random>
#include <string>
#include <string_view>
#include <thread>

namespace {

using namespace ais;
using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

constexpr std::uint16_t cpg_service = 33;
constexpr std::uint16_t cpg_join = 3;
constexpr std::uint16_t cpg_mcast = 1;

[[noreturn]] void fail(const char* what) {
    std::fprintf(stderr, "hostile: %s: %s\n", what, std::strerror(errno));
    std::exit(1);
}

struct Client {
    int socket = -1;
    int wake = -1;
    ipc::ConnectReply reply;
    std::uint8_t* memory = nullptr;
    std::size_t memory_size = 0;
    std::uint64_t written = 0;
    std::mt19937_64 chance;

    [[nodiscard]] ipc::SharedPage& page() const {
        return *reinterpret_cast<ipc::SharedPage*>(memory);
    }
    [[nodiscard]] std::uint8_t* requests() const { return memory + 4096; }

    void connect() {
        sockaddr_un address{};
        address.sun_family = AF_UNIX;
        const char* dir = std::getenv("OPENAIS_RUN_DIR");
        std::snprintf(
            address.sun_path, sizeof address.sun_path, "%s/ipc", dir != nullptr ? dir : "/run/ais");
        socket = ::socket(AF_UNIX, SOCK_SEQPACKET, 0);
        if (socket < 0 ||
            ::connect(socket, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) {
            fail("connect");
        }
    }

    void say(const void* what, std::size_t size) const {
        if (::send(socket, what, size, MSG_NOSIGNAL) != static_cast<ssize_t>(size)) {
            fail("send");
        }
    }

    // The whole handshake, as a good client does it.
    void enter() {
        connect();
        ipc::ConnectRequest request;
        request.service_id = cpg_service;
        Appender hello;
        hello.u32(2);  // wire_version of cpg
        hello.u32(0);  // flags
        request.hello_size = static_cast<std::uint32_t>(hello.written().size());
        std::memcpy(request.hello, hello.written().data(), hello.written().size());
        say(&request, sizeof request);
        iovec part{&reply, sizeof reply};
        alignas(cmsghdr) char control[CMSG_SPACE(2 * sizeof(int))] = {};
        msghdr message{};
        message.msg_iov = &part;
        message.msg_iovlen = 1;
        message.msg_control = control;
        message.msg_controllen = sizeof control;
        if (::recvmsg(socket, &message, 0) != static_cast<ssize_t>(sizeof reply) ||
            reply.status != AIS_OK) {
            std::fprintf(stderr, "hostile: refused with status %d\n", reply.status);
            std::exit(1);
        }
        int fds[2];
        std::memcpy(fds, CMSG_DATA(CMSG_FIRSTHDR(&message)), sizeof fds);
        wake = fds[1];
        memory_size = 4096 + std::size_t{reply.request_ring_size} + reply.response_ring_size +
                      reply.event_ring_size;
        void* at = ::mmap(nullptr, memory_size, PROT_READ | PROT_WRITE, MAP_SHARED, fds[0], 0);
        if (at == MAP_FAILED) {
            fail("mmap");
        }
        memory = static_cast<std::uint8_t*>(at);
    }

    void knock() const {
        const std::uint64_t one = 1;
        [[maybe_unused]] const ssize_t done = ::write(wake, &one, sizeof one);
    }

    // Over the end of the ring, too: we have it mapped once.
    void store(std::uint64_t position, const void* from, std::size_t size) const {
        for (std::size_t i = 0; i < size; ++i) {
            requests()[(position + i) % reply.request_ring_size] =
                static_cast<const std::uint8_t*>(from)[i];
        }
    }

    // A frame that is right, unless `claimed` says another size.
    void put(std::uint16_t kind,
             std::string_view body,
             std::uint64_t serial,
             std::uint32_t claimed) {
        ipc::FrameHeader header;
        header.size = claimed;
        header.kind = kind;
        header.serial = serial;
        store(written, &header, sizeof header);
        store(written + sizeof header, body.data(), body.size());
        written += ipc::frame_space(body.size());
        page().request.written.store(written);
        knock();
    }
    void join() {
        Appender body;
        body.u32(1);
        body.text("hostile");
        const Bytes bytes = body.written();
        put(cpg_join,
            {reinterpret_cast<const char*>(bytes.data()), bytes.size()},
            1,
            static_cast<std::uint32_t>(bytes.size()));
        const auto end = Clock::now() + 5s;
        while (page().response.written.load() == 0 && Clock::now() < end && is_connected(1ms)) {
        }
    }

    // Doorbells are swallowed.
    [[nodiscard]] bool is_connected(std::chrono::milliseconds wait) const {
        pollfd one{socket, POLLIN, 0};
        if (::poll(&one, 1, static_cast<int>(wait.count())) <= 0) {
            return true;
        }
        char bell[64];
        return ::recv(socket, bell, sizeof bell, MSG_DONTWAIT) > 0;
    }

    [[nodiscard]] int wait_for_the_end(bool knocking) const {
        const auto end = Clock::now() + 5s;
        while (Clock::now() < end) {
            if (!is_connected(10ms)) {
                return 0;
            }
            if (knocking) {
                knock();
            }
        }
        std::fprintf(stderr, "hostile: still connected\n");
        return 3;
    }
};

// Wrong from the first packet.
int at_the_door(Client& me, std::string_view what) {
    me.connect();
    ipc::ConnectRequest request;
    request.service_id = cpg_service;
    std::size_t size = sizeof request;
    if (what == "short") {
        size = 7;
    } else if (what == "magic") {
        request.magic = 0x41414141;
    } else if (what == "version") {
        request.version = 77;
    } else if (what == "hello") {
        request.hello_size = 0xfffffff0;
    } else {
        request.service_id = 999;
    }
    me.say(&request, size);
    char reply[512];
    while (::recv(me.socket, reply, sizeof reply, 0) > 0) {
    }
    return 0;  // it ended: refused
}

int with_noise(Client& me) {
    const auto end = Clock::now() + 1s;
    std::uniform_int_distribution<int> die(0, 9);
    while (Clock::now() < end && me.is_connected(0ms)) {
        if (die(me.chance) < 7) {  // bytes in the ring, and a position that is possible
            const std::size_t at = me.chance() % (me.reply.request_ring_size - 4096);
            for (std::size_t i = 0; i < 512; ++i) {
                me.requests()[at + i] = static_cast<std::uint8_t>(me.chance());
            }
            me.written += 8 * (me.chance() % 64);
            me.page().request.written.store(me.written);
        } else if (die(me.chance) < 5) {
            me.put(static_cast<std::uint16_t>(me.chance() % 8),
                   std::string(me.chance() % 300, 'x'),
                   me.chance() % 3,
                   200);
        } else {  // any word of the page
            auto* words = reinterpret_cast<std::atomic<std::uint32_t>*>(me.memory);
            words[me.chance() % 1024].store(static_cast<std::uint32_t>(me.chance()));
        }
        me.knock();
    }
    return 0;
}

int with_flips(Client& me) {
    me.join();
    std::atomic<bool> enough{false};
    std::thread flipper([&] {
        auto* sizes = reinterpret_cast<std::atomic<std::uint32_t>*>(me.requests());
        for (std::size_t i = 0; !enough; ++i) {
            // The length words of the frames that the other thread writes (128 bytes apart).
            sizes[32 * (i % 1024)].store(i % 2 == 0 ? 104 : 0x7fffffff);
        }
    });
    const auto end = Clock::now() + 1s;
    // Frames at multiples of 128 bytes from now on.
    while (me.written % 128 != 0) {
        me.put(0, {}, 0, 0);
    }
    while (Clock::now() < end && me.is_connected(0ms)) {
        if (me.written - me.page().request.read.load() < me.reply.request_ring_size / 2) {
            me.put(cpg_mcast, std::string(104, 'f'), 0, 104);
        }
    }
    enough = true;
    flipper.join();
    return 0;
}

int in_the_memory(Client& me, std::string_view what) {
    me.enter();
    auto& page = me.page();
    if (what == "noise") {
        return with_noise(me);
    }
    if (what == "flip") {
        return with_flips(me);
    }
    if (what == "unaligned") {
        page.request.written.store(12);
    } else if (what == "ahead") {
        page.request.written.store(std::uint64_t{me.reply.request_ring_size} + 8);
    } else if (what == "huge") {
        page.request.written.store(~std::uint64_t{7});
    } else if (what == "back") {
        me.join();
        page.request.written.store(8);
    } else if (what == "long") {
        me.put(cpg_mcast, "abcdefgh", 1, me.reply.message_max + 1);
    } else if (what == "truncated") {
        me.put(cpg_mcast, "abcdefgh", 1, 4000);
    } else if (what == "misread") {
        page.response.read.store(std::uint64_t{1} << 40);
        me.join();
        // Only who fills the ring looks at the reader's position.
        for (int i = 0; i < 2000000 && me.is_connected(0ms); ++i) {
            if (me.written - page.request.read.load() < me.reply.request_ring_size / 2) {
                me.put(5, "hostile", static_cast<std::uint64_t>(i) + 2, 7);
            }
        }
    } else if (what == "misread_events") {
        me.join();
        page.event.read.store(std::uint64_t{1} << 40);
        for (int i = 0; i < 2000 && me.is_connected(0ms); ++i) {
            const auto end = Clock::now() + 1s;
            while (me.written - page.request.read.load() > me.reply.request_ring_size / 2 &&
                   Clock::now() < end) {
            }
            me.put(cpg_mcast, std::string(20000, 'm'), 0, 20000);
        }
    } else if (what == "socket") {
        me.say("x", 1);
    } else {
        std::fprintf(stderr, "hostile: what is %s?\n", std::string(what).c_str());
        return 2;
    }
    return me.wait_for_the_end(true);
}

}  // namespace

int main(int argc, char** argv) {
    const std::string_view what = argc > 1 ? argv[1] : "";
    Client me;
    me.chance.seed(argc > 2 ? std::strtoull(argv[2], nullptr, 10) : 1);
    for (const std::string_view door : {"short", "magic", "version", "hello", "service"}) {
        if (what == door) {
            return at_the_door(me, what);
        }
    }
    return in_the_memory(me, what);
}
