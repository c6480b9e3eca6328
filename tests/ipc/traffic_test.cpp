// SPDX-License-Identifier: BSD-3-Clause
//
// Kernel and client library together, over real sockets and memory: what goes
// in comes out, at all sizes, from many threads, and the selection object
// tells the truth.

#include "client/connection.hpp"
#include "client/dispatch.hpp"
#include "toy_executive.hpp"

#include <gtest/gtest.h>

#include <poll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <algorithm>
#include <new>
#include <random>
#include <thread>

namespace ais {
namespace {

using client::Connection;
using client::DispatchMode;
using client::Event;
using client::Status;
using std::chrono::milliseconds;
using std::chrono::seconds;
using Client = std::shared_ptr<Connection>;

Client connect(const char* dir, std::uint16_t service = toy::service) {
    Client result;
    EXPECT_EQ(Connection::open_at(dir, service, {}, result), Status::ok);
    return result;
}

std::vector<std::uint8_t> pattern(std::size_t size, std::uint32_t seed) {
    std::vector<std::uint8_t> bytes(size);
    std::minstd_rand random(seed + 1);
    for (auto& byte : bytes) {
        byte = static_cast<std::uint8_t>(random());
    }
    return bytes;
}

Status echo(Connection& connection,
            const std::vector<std::uint8_t>& body,
            std::vector<std::uint8_t>& back) {
    // In two parts, to see that they are put together.
    const std::size_t half = body.size() / 3;
    const ais_bytes parts[] = {{body.data(), half}, {body.data() + half, body.size() - half}};
    client::Response response;
    const Status status = connection.call(toy::echo, parts, back, response, seconds(20));
    EXPECT_TRUE(status != Status::ok || response.error == 1234);
    return status;
}

Status ask(Connection& connection, std::uint16_t kind, const toy::Flood& flood) {
    const ais_bytes part{reinterpret_cast<const std::uint8_t*>(&flood), sizeof flood};
    client::Response response;
    return connection.call(kind, {&part, 1}, MutableBytes(), response, seconds(20));
}

bool is_readable(int fd, int timeout_ms = 0) {
    pollfd one{fd, POLLIN, 0};
    return ::poll(&one, 1, timeout_ms) > 0;
}

std::uint32_t number_of(const Event& event) {
    std::uint32_t number = 0;
    std::memcpy(&number, event.body.data(), 4);
    return number;
}

TEST(Traffic, tells_who_and_where_the_executive_is) {
    toy::ThreadExecutive executive;
    const Client one = connect(executive.dir());
    EXPECT_EQ(one->node(), 7U);
    EXPECT_EQ(one->executive_pid(), static_cast<std::uint32_t>(::getpid()));
    EXPECT_EQ(one->payload_max(), 1U << 20);
    EXPECT_GT(one->message_max(), one->payload_max());
    ucred peer{};
    socklen_t size = sizeof peer;
    ASSERT_EQ(::getsockopt(one->fd(), SOL_SOCKET, SO_PEERCRED, &peer, &size), 0);
    EXPECT_EQ(peer.pid, ::getpid());
}

TEST(Traffic, echoes_all_sizes_up_to_the_limit_many_times_round_the_ring) {
    toy::ThreadExecutive executive;
    const Client one = connect(executive.dir());
    std::vector<std::uint8_t> back;
    std::minstd_rand random(5);
    const std::size_t largest = one->message_max();
    for (std::size_t size : {std::size_t{0},
                             std::size_t{1},
                             std::size_t{7},
                             std::size_t{8},
                             std::size_t{1} << 20,
                             largest - 1,
                             largest}) {
        const auto body = pattern(size, 1);
        ASSERT_EQ(echo(*one, body, back), Status::ok) << size;
        ASSERT_TRUE(back == body) << size;
    }
    for (std::uint32_t i = 0; i < 60; ++i) {
        const auto body = pattern(random() % largest, i);
        ASSERT_EQ(echo(*one, body, back), Status::ok);
        ASSERT_TRUE(back == body) << i;
    }
    for (std::uint32_t i = 0; i < 5000; ++i) {
        const auto body = pattern(i % 300, i);
        ASSERT_EQ(echo(*one, body, back), Status::ok);
        ASSERT_TRUE(back == body) << i;
    }
    EXPECT_EQ(echo(*one, pattern(largest + 1, 1), back), Status::too_big);
}

TEST(Traffic, gives_a_short_buffer_what_fits_and_tells_the_size) {
    toy::ThreadExecutive executive;
    const Client one = connect(executive.dir());
    const auto body = pattern(1000, 3);
    const ais_bytes part{body.data(), body.size()};
    std::array<std::uint8_t, 10> small{};
    client::Response response;
    ASSERT_EQ(one->call(toy::echo, {&part, 1}, small, response), Status::ok);
    EXPECT_EQ(response.size, 1000U);
    EXPECT_TRUE(std::equal(small.begin(), small.end(), body.begin()));
}

TEST(Traffic, matches_responses_of_several_threads_on_one_connection) {
    toy::ThreadExecutive executive;
    const Client one = connect(executive.dir());
    std::atomic<int> wrong{0};
    std::vector<std::thread> threads;
    for (std::uint32_t t = 0; t < 3; ++t) {
        threads.emplace_back([&, t] {
            std::vector<std::uint8_t> back;
            for (std::uint32_t i = 0; i < 2000; ++i) {
                const auto body = pattern((i * 37 + t) % 700, i * 3 + t);
                if (echo(*one, body, back) != Status::ok || back != body) {
                    ++wrong;
                }
            }
        });
    }
    for (auto& thread : threads) {
        thread.join();
    }
    EXPECT_EQ(wrong, 0);
}

TEST(Traffic, times_out_a_call_and_drops_its_late_response) {
    toy::ThreadExecutive executive;
    const Client one = connect(executive.dir());
    client::Response response;
    EXPECT_EQ(one->call(toy::silence, {}, MutableBytes(), response, milliseconds(30)),
              Status::timeout);
    EXPECT_EQ(one->call(toy::echo, {}, MutableBytes(), response, milliseconds(0)), Status::timeout);
    executive->service.open_for_requests = false;
    const auto late = pattern(500, 1);
    const ais_bytes part{late.data(), late.size()};
    EXPECT_EQ(one->call(toy::echo, {&part, 1}, MutableBytes(), response, milliseconds(30)),
              Status::timeout);
    executive->service.open_for_requests = true;
    executive->wake();
    const auto body = pattern(20, 9);
    std::vector<std::uint8_t> back;
    ASSERT_EQ(echo(*one, body, back), Status::ok);
    EXPECT_TRUE(back == body);
}

TEST(Traffic, delivers_events_in_order_under_back_pressure) {
    ipc::Limits limits;
    limits.message_max = 64U << 10;
    limits.header_room = 1U << 10;
    limits.request_ring = limits.response_ring = limits.event_ring = 128U << 10;
    toy::ThreadExecutive executive(limits);
    const Client one = connect(executive.dir());
    constexpr std::uint32_t count = 60000;
    ASSERT_EQ(ask(*one, toy::flood, {count, 100, 0, 500}), Status::ok);
    std::uint32_t next = 0;
    while (next < count) {
        const auto done = client::dispatch(*one, DispatchMode::one, [&](const Event& event) {
            EXPECT_EQ(event.kind, 9);
            EXPECT_EQ(number_of(event), next);
            ++next;
            return true;
        });
        ASSERT_EQ(done.status, Status::ok);
        ASSERT_EQ(done.callbacks, 1U);
        if (next == 1000) {  // let it fill ring and outbox
            std::this_thread::sleep_for(milliseconds(100));
        }
    }
    EXPECT_GT(executive->was_congested, 0U);
    EXPECT_EQ(executive->overflowed, 0U);
    EXPECT_FALSE(is_readable(one->fd(), 50));
}

TEST(Traffic, is_readable_exactly_while_a_callback_is_pending) {
    toy::ThreadExecutive executive;
    const Client one = connect(executive.dir());
    const auto count_one = [](const Event&) { return true; };
    EXPECT_FALSE(is_readable(one->fd(), 50));
    EXPECT_EQ(client::dispatch(*one, DispatchMode::one_nonblocking, count_one).callbacks, 0U);
    ASSERT_EQ(ask(*one, toy::burst, {3, 10, 0, 0}), Status::ok);
    for (int i = 0; i < 3; ++i) {
        EXPECT_TRUE(is_readable(one->fd(), 1000));
        EXPECT_EQ(client::dispatch(*one, DispatchMode::one_nonblocking, count_one).callbacks, 1U);
    }
    EXPECT_FALSE(is_readable(one->fd(), 50));
    ASSERT_EQ(ask(*one, toy::burst, {3, 10, 0, 0}), Status::ok);
    EXPECT_TRUE(is_readable(one->fd(), 1000));
    EXPECT_EQ(client::dispatch(*one, DispatchMode::all, count_one).callbacks, 3U);
    EXPECT_FALSE(is_readable(one->fd(), 50));
}

TEST(Traffic, dispatches_what_becomes_pending_and_returns_in_a_stream_that_does_not_end) {
    ipc::Limits limits;
    limits.message_max = 4U << 10;
    limits.header_room = 1U << 10;
    limits.request_ring = limits.response_ring = limits.event_ring = 16U << 10;
    toy::ThreadExecutive executive(limits);
    const Client one = connect(executive.dir());
    ASSERT_EQ(ask(*one, toy::burst, {2, 10, 0, 0}), Status::ok);
    ASSERT_TRUE(is_readable(one->fd(), 1000));
    std::uint32_t made = 2;
    const auto done = client::dispatch(*one, DispatchMode::all, [&](const Event&) {
        EXPECT_EQ(ask(*one, toy::burst, {1, 1000, 0, 0}), Status::ok);  // each brings the next one
        ++made;
        return true;
    });
    EXPECT_EQ(done.status, Status::ok);
    EXPECT_GT(done.callbacks, 10U);
    EXPECT_LT(done.callbacks, 20U);
    EXPECT_TRUE(is_readable(one->fd(), 1000)) << "the last ones that came meanwhile";
    std::uint32_t rest = 0;
    client::dispatch(*one, DispatchMode::all, [&](const Event&) {
        ++rest;
        return true;
    });
    EXPECT_EQ(done.callbacks + rest, made);
    EXPECT_FALSE(is_readable(one->fd(), 50));
}

TEST(Traffic, does_not_count_an_unwanted_event_as_the_one) {
    toy::ThreadExecutive executive;
    const Client one = connect(executive.dir());
    ASSERT_EQ(ask(*one, toy::burst, {4, 10, 0, 0}), Status::ok);
    ASSERT_TRUE(is_readable(one->fd(), 1000));
    std::uint32_t seen = 0;
    const auto done = client::dispatch(*one, DispatchMode::one, [&](const Event& event) {
        seen = number_of(event);
        return seen == 2;
    });
    EXPECT_EQ(done.callbacks, 1U);
    EXPECT_EQ(seen, 2U);
}

// Bytes in the socket == told, whatever the two sides do at the same time:
// after each event the reader sometimes asks the socket itself.
TEST(Traffic, keeps_the_doorbell_exact_under_load) {
    toy::ThreadExecutive executive;
    const Client one = connect(executive.dir());
    constexpr std::uint32_t rounds = 40;
    std::minstd_rand random(11);
    std::uint64_t lies = 0;
    for (std::uint32_t round = 0; round < rounds; ++round) {
        const auto count = static_cast<std::uint32_t>(200 + random() % 400);
        ASSERT_EQ(
            ask(*one, toy::flood, {count, 20, 0, 1 + static_cast<std::uint32_t>(random() % 7)}),
            Status::ok);
        std::uint32_t next = 0;
        Event event;
        while (next < count) {
            // Readable means that there is something to take; there is no other reader.
            ASSERT_EQ(one->wait_event(seconds(10)), Status::ok);
            const Status status = one->take_event(event);
            lies += status == Status::try_again ? 1 : 0;
            if (status == Status::ok) {
                ASSERT_EQ(number_of(event), next);
                ++next;
                if (next % 3 == 0) {
                    while (one->take_event(event) == Status::ok) {
                        ASSERT_EQ(number_of(event), next);
                        ++next;
                    }
                }
            }
            int bytes = 0;
            ASSERT_EQ(::ioctl(one->fd(), FIONREAD, &bytes), 0);
            ASSERT_LE(bytes, 2);
        }
        ASSERT_FALSE(is_readable(one->fd(), 1)) << "round " << round;
    }
    EXPECT_EQ(lies, 0U);
}

TEST(Traffic, shares_events_among_dispatching_threads) {
    toy::ThreadExecutive executive;
    const Client one = connect(executive.dir());
    constexpr std::uint32_t count = 20000;
    std::vector<std::atomic<int>> seen(count);
    std::atomic<std::uint32_t> total{0};
    std::vector<std::thread> threads;
    for (int t = 0; t < 3; ++t) {
        threads.emplace_back([&] {
            const auto done =
                client::dispatch(*one, DispatchMode::blocking, [&](const Event& event) {
                    ++seen[number_of(event)];
                    if (++total == count) {
                        one->close();  // from a callback, with others in dispatch
                    }
                    return true;
                });
            EXPECT_EQ(done.status, Status::closed);
        });
    }
    ASSERT_EQ(ask(*one, toy::flood, {count, 30, 0, 50}), Status::ok);
    for (auto& thread : threads) {
        thread.join();
    }
    EXPECT_TRUE(std::all_of(seen.begin(), seen.end(), [](auto& n) { return n == 1; }));
}

TEST(Traffic, shows_events_in_their_order_whichever_thread_takes_them) {
    toy::ThreadExecutive executive;
    const Client one = connect(executive.dir());
    constexpr std::uint32_t count = 20000;
    std::uint32_t next = 0;  // of in_order alone, which one thread at a time is in
    std::uint32_t misplaced = 0;
    std::atomic<std::uint32_t> total{0};
    std::vector<std::thread> threads;
    for (int t = 0; t < 3; ++t) {
        threads.emplace_back([&] {
            std::uint32_t mine = count;
            const auto done = client::dispatch(
                *one,
                DispatchMode::blocking,
                [&](const Event& event) {
                    EXPECT_EQ(number_of(event), mine);  // what this thread was shown last
                    ++total;
                    return true;
                },
                [&](const Event& event) {
                    mine = number_of(event);
                    misplaced += mine == next++ ? 0 : 1;
                    return true;
                });
            EXPECT_EQ(done.status, Status::closed);
        });
    }
    ASSERT_EQ(ask(*one, toy::flood, {count, 20, 0, 1}), Status::ok);
    const auto give_up = std::chrono::steady_clock::now() + seconds(20);
    while (total < count && std::chrono::steady_clock::now() < give_up) {
        std::this_thread::yield();
    }
    one->close();
    for (std::thread& thread : threads) {
        thread.join();
    }
    EXPECT_EQ(total, count);
    EXPECT_EQ(misplaced, 0U);
}

TEST(Traffic, event_that_does_not_fit_memory_is_taken_later_and_one_that_cannot_be_is_the_end) {
    toy::ThreadExecutive executive;
    const Client one = connect(executive.dir());
    ASSERT_EQ(ask(*one, toy::flood, {3, 20, 0, 1}), Status::ok);
    std::uint32_t shown = 0;
    std::vector<std::uint32_t> told;
    const auto dispatch = [&] {
        return client::dispatch(
                   *one,
                   DispatchMode::one,
                   [&](const Event& event) {
                       told.push_back(number_of(event));
                       return true;
                   },
                   [&](const Event& event) {
                       if (++shown == 2) {
                           throw std::bad_alloc();
                       }
                       return number_of(event) != 2;
                   })
            .status;
    };
    EXPECT_EQ(dispatch(), Status::ok);
    EXPECT_EQ(dispatch(), Status::no_memory);
    EXPECT_EQ(dispatch(), Status::ok);
    EXPECT_EQ(dispatch(), Status::lost);
    EXPECT_EQ(told, (std::vector<std::uint32_t>{0, 1}));
    EXPECT_EQ(one->state(), Status::lost);
}

TEST(Traffic, lets_a_callback_call_dispatch_and_close) {
    toy::ThreadExecutive executive;
    const Client one = connect(executive.dir());
    ASSERT_EQ(ask(*one, toy::burst, {3, 10, 0, 0}), Status::ok);
    ASSERT_TRUE(is_readable(one->fd(), 1000));
    int inner = 0;
    const auto done = client::dispatch(*one, DispatchMode::all, [&](const Event&) {
        std::vector<std::uint8_t> back;
        EXPECT_EQ(echo(*one, pattern(10, 1), back), Status::ok);
        client::dispatch(*one, DispatchMode::one_nonblocking, [&](const Event&) {
            ++inner;
            return true;
        });
        one->close();
        return true;
    });
    EXPECT_EQ(done.status, Status::closed);
    EXPECT_EQ(done.callbacks, 1U);
    EXPECT_EQ(inner, 1);
}

TEST(Traffic, says_try_again_when_the_request_ring_is_full_and_wakes_a_waiting_sender) {
    ipc::Limits limits;
    limits.message_max = 4U << 10;
    limits.header_room = 1U << 10;
    limits.request_ring = limits.response_ring = limits.event_ring = 16U << 10;
    toy::ThreadExecutive executive(limits);
    const Client one = connect(executive.dir());
    executive->service.open_for_requests = false;
    const auto body = pattern(500, 1);
    const ais_bytes part{body.data(), body.size()};
    std::uint64_t sent = 0;
    Status status = Status::ok;
    while ((status = one->send(toy::sink, {&part, 1})) == Status::ok) {
        ++sent;
        ASSERT_LT(sent, 1000U);
    }
    EXPECT_EQ(status, Status::try_again);
    EXPECT_GT(sent, 20U);
    for (int i = 0; i < 200 && !one->is_held_back(); ++i) {
        std::this_thread::sleep_for(milliseconds(5));
    }
    EXPECT_TRUE(one->is_held_back());
    EXPECT_EQ(one->send(toy::sink, {&part, 1}, milliseconds(20)), Status::try_again);
    std::thread opener([&] {
        std::this_thread::sleep_for(milliseconds(50));
        executive->service.open_for_requests = true;
        executive->wake();
    });
    EXPECT_EQ(one->send(toy::sink, {&part, 1}, seconds(10)), Status::ok);
    opener.join();
    client::Response response;
    std::uint64_t arrived = 0;
    MutableBytes to(reinterpret_cast<std::uint8_t*>(&arrived), sizeof arrived);
    ASSERT_EQ(one->call(toy::question, {}, to, response, seconds(10)), Status::ok);
    EXPECT_EQ(arrived, sent + 1);
    EXPECT_FALSE(one->is_held_back());
}

TEST(Traffic, streams_from_many_senders_through_a_small_ring) {
    ipc::Limits limits;
    limits.message_max = 4U << 10;
    limits.header_room = 1U << 10;
    limits.request_ring = limits.response_ring = limits.event_ring = 8U << 10;
    toy::ThreadExecutive executive(limits);
    const Client one = connect(executive.dir());
    std::atomic<int> failed{0};
    std::vector<std::thread> threads;
    for (std::uint32_t t = 0; t < 3; ++t) {
        threads.emplace_back([&, t] {
            for (std::uint32_t i = 0; i < 3000; ++i) {
                // One of them sends large messages, which need most of the ring.
                const auto body = pattern(t == 0 ? 5000 : 40, i);
                const ais_bytes part{body.data(), body.size()};
                failed += one->send(toy::sink, {&part, 1}, seconds(20)) == Status::ok ? 0 : 1;
            }
        });
    }
    for (auto& thread : threads) {
        thread.join();
    }
    EXPECT_EQ(failed, 0);
    client::Response response;
    std::uint64_t arrived = 0;
    MutableBytes to(reinterpret_cast<std::uint8_t*>(&arrived), sizeof arrived);
    ASSERT_EQ(one->call(toy::question, {}, to, response, seconds(10)), Status::ok);
    EXPECT_EQ(arrived, 9000U);
}

TEST(Traffic, takes_what_was_sent_before_the_client_left) {
    toy::ThreadExecutive executive;
    {
        const Client one = connect(executive.dir());
        executive->service.open_for_requests = false;
        const auto body = pattern(50, 1);
        const ais_bytes part{body.data(), body.size()};
        for (int i = 0; i < 3000; ++i) {
            ASSERT_EQ(one->send(toy::sink, {&part, 1}), Status::ok);
        }
    }
    std::this_thread::sleep_for(milliseconds(30));
    EXPECT_EQ(executive->service.closed, 0U);
    executive->service.open_for_requests = true;
    executive->wake();
    for (int i = 0; i < 1000 && executive->service.closed == 0; ++i) {
        std::this_thread::sleep_for(milliseconds(5));
    }
    EXPECT_EQ(executive->service.closed, 1U);
    EXPECT_EQ(executive->service.sinks, 3000U);
}

TEST(Traffic, is_fair_to_many_clients) {
    toy::ThreadExecutive executive;
    std::vector<Client> clients;
    for (int i = 0; i < 50; ++i) {
        clients.push_back(connect(executive.dir()));
    }
    // One has a full ring of work; the others are served all the same.
    const auto body = pattern(50, 1);
    const ais_bytes part{body.data(), body.size()};
    while (clients[0]->send(toy::sink, {&part, 1}) == Status::ok) {
        if (executive->service.sinks > 200000) {
            break;  // it is taken as fast as it is written
        }
    }
    std::vector<std::uint8_t> back;
    for (std::uint32_t i = 1; i < clients.size(); ++i) {
        const auto mine = pattern(100, i);
        ASSERT_EQ(echo(*clients[i], mine, back), Status::ok);
        ASSERT_TRUE(back == mine);
    }
}

// A figure, not a check: round trips and one-way messages per second.
TEST(Traffic, prints_its_speed) {
    toy::ProcessExecutive executive;
    const Client one = connect(executive.dir());
    const auto clock = [] { return std::chrono::steady_clock::now(); };
    for (const std::size_t size :
         {std::size_t{64}, std::size_t{1024}, std::size_t{65536}, std::size_t{1} << 20}) {
        const auto body = pattern(size, 1);
        const ais_bytes part{body.data(), body.size()};
        client::Response response;
        std::vector<std::uint8_t> back;
        auto start = clock();
        std::uint64_t calls = 0;
        while (clock() - start < milliseconds(200)) {
            ASSERT_EQ(one->call(toy::echo, {&part, 1}, back, response), Status::ok);
            ++calls;
        }
        const double call_seconds = std::chrono::duration<double>(clock() - start).count();
        start = clock();
        std::uint64_t sends = 0;
        while (clock() - start < milliseconds(200)) {
            ASSERT_EQ(one->send(toy::sink, {&part, 1}, seconds(5)), Status::ok);
            ++sends;
        }
        const double send_seconds = std::chrono::duration<double>(clock() - start).count();
        std::printf("%8zu bytes: %7.1f us per call, %9.0f one-way messages/s, %7.1f MB/s\n",
                    size,
                    call_seconds * 1e6 / static_cast<double>(calls),
                    static_cast<double>(sends) / send_seconds,
                    static_cast<double>(sends * size) / send_seconds / 1e6);
    }
}

}  // namespace
}  // namespace ais
