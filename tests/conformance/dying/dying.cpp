// SPDX-License-Identifier: BSD-3-Clause

#include "dying.hpp"

#include <gtest/gtest.h>

#include <unistd.h>

#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <memory>
#include <regex>
#include <set>
#include <thread>

namespace ais::conformance::dying {
namespace {

using process::wait_until;

std::string title_of(const Call& call) {
    return call.how.empty() ? call.function : call.function + ", " + call.how;
}

bool is_of_the_ring(const Call& call) {
    return call.course == Course::fills || call.course == Course::refuses;
}

// A thread that makes one call, and where it is.
class Caller {
  public:
    Caller(const Call& call, std::function<int()> body) : call_(call) {
        thread_ = std::thread([this, body = std::move(body)] {
            tid_ = gettid();
            result_ = body();
            done_ = true;
        });
    }
    ~Caller() {
        if (!wait_until([this] { return done_.load(); }, patience)) {
            std::fprintf(stderr, "%s does not come back\n", title_of(call_).c_str());
            std::abort();
        }
        thread_.join();
    }
    Caller(const Caller&) = delete;
    Caller& operator=(const Caller&) = delete;

    // Until it is back, or asleep at two looks in a row: in the library it waits for nothing else
    // so long.
    void settle() {
        int asleep = 0;
        EXPECT_TRUE(wait_until(
            [&] {
                asleep = is_asleep() ? asleep + 1 : 0;
                return done_.load() || asleep == 2;
            },
            patience))
            << title_of(call_);
    }
    // Waits until it is back.
    int result() {
        wait_until([this] { return done_.load(); }, patience);
        return done_ ? result_.load() : -1;
    }
    [[nodiscard]] bool is_back() const { return done_; }
    [[nodiscard]] const Call& call() const { return call_; }

  private:
    [[nodiscard]] bool is_asleep() const {
        std::ifstream in("/proc/self/task/" + std::to_string(tid_.load()) + "/stat");
        std::string text;
        std::getline(in, text);
        const auto end = text.rfind(')');  // of the name
        return tid_ != 0 && end != std::string::npos && text.compare(end, 3, ") S") == 0;
    }

    const Call& call_;
    std::atomic<pid_t> tid_{0};
    std::atomic<int> result_{-1};
    std::atomic<bool> done_{false};
    std::thread thread_;
};
using Callers = std::vector<std::unique_ptr<Caller>>;

int until_it_fails(const std::function<int()>& call) {
    int error = SA_AIS_OK;
    while (error == SA_AIS_OK) {
        error = call();
    }
    return error;
}

void expect_where_it_should_be(Caller& caller) {
    const Call& call = caller.call();
    caller.settle();
    switch (call.course) {
        case Course::waits:
        case Course::fills:
        case Course::connects:
            EXPECT_FALSE(caller.is_back()) << title_of(call) << " has returned " << caller.result()
                                           << " while the executive stood still";
            return;
        case Course::refuses:
            EXPECT_EQ(caller.result(), SA_AIS_ERR_TRY_AGAIN)
                << title_of(call) << ", the ring is full";
            return;
        case Course::looks:
        case Course::local:
            EXPECT_EQ(caller.result(), call.when_alive)
                << title_of(call) << ", the executive stands still";
            return;
    }
}

// Nothing: it was back before.
void expect_after_death(Caller& caller) {
    const Call& call = caller.call();
    if (call.course == Course::connects) {
        EXPECT_EQ(caller.result(), SA_AIS_ERR_TRY_AGAIN)
            << title_of(call) << ", the executive died";
    } else if (call.course == Course::waits || call.course == Course::fills) {
        EXPECT_EQ(caller.result(), SA_AIS_ERR_LIBRARY) << title_of(call) << ", the executive died";
    }
}

int without_executive(const Call& call) {
    // Who is not answered may be taken for a moment longer (client/connection.hpp).
    const int for_a_moment = call.course == Course::looks ? call.when_alive : SA_AIS_OK;
    int error = call.call();
    if (call.course == Course::looks || is_of_the_ring(call)) {
        wait_until([&] { return error != for_a_moment || (error = call.call()) != for_a_moment; },
                   patience);
    }
    return error;
}

int expected_without_executive(const Call& call) {
    switch (call.course) {
        case Course::local:
            return call.when_alive;
        case Course::connects:
            return SA_AIS_ERR_TRY_AGAIN;
        default:
            return SA_AIS_ERR_LIBRARY;
    }
}

}  // namespace

Executive::Executive() {
    cluster_.start_all();
    cluster_.use(1);
}

void Executive::dies_during(const Calls& calls) {
    cluster_.pause(1);
    Callers callers;
    for (const Call& call : calls) {
        if (is_of_the_ring(call)) {
            EXPECT_EQ(call.call(), SA_AIS_OK) << title_of(call) << ", there is room in the ring";
        } else {
            callers.push_back(std::make_unique<Caller>(call, call.call));
        }
    }
    for (const auto& caller : callers) {
        expect_where_it_should_be(*caller);
    }
    for (const Call& call : calls) {
        if (is_of_the_ring(call)) {
            callers.push_back(
                std::make_unique<Caller>(call, [&call] { return until_it_fails(call.call); }));
            expect_where_it_should_be(*callers.back());
        }
    }
    cluster_.kill(1);
    for (const auto& caller : callers) {
        expect_after_death(*caller);
    }
    callers.clear();
    for (const Call& call : calls) {
        Caller again(call, [&call] { return without_executive(call); });
        EXPECT_EQ(again.result(), expected_without_executive(call))
            << title_of(call) << ", without an executive";
    }
}

void Executive::comes_back() {
    cluster_.start(1);
    cluster_.wait_ring({1});
}

void expect_finalized(const Calls& calls) {
    for (const Call& call : calls) {
        Caller last(call, call.call);
        EXPECT_EQ(last.result(),
                  call.course == Course::connects ? SA_AIS_ERR_TRY_AGAIN : call.when_finalized)
            << title_of(call) << ", after Finalize";
    }
}

void expect_all_functions(const Calls& calls,
                          const std::string& header,
                          const std::string& prefix) {
    std::ifstream in(std::string(AIS_SOURCE_DIR "/") + header);
    const std::string text{std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
    const std::regex declared("\\b(" + prefix + "\\w+)\\s*\\(");
    std::set<std::string> functions;
    for (std::sregex_iterator at(text.begin(), text.end(), declared); at != std::sregex_iterator();
         ++at) {
        functions.insert((*at)[1]);
    }
    std::set<std::string> called;
    for (const Call& call : calls) {
        called.insert(call.function);
    }
    EXPECT_FALSE(functions.empty()) << header;
    EXPECT_EQ(called, functions) << "a function of " << header
                                 << " is not in the list of calls, or the other way round";
}

int patiently(const std::function<int()>& call) {
    int error = SA_AIS_ERR_TRY_AGAIN;
    wait_until([&] { return (error = call()) != SA_AIS_ERR_TRY_AGAIN; }, patience);
    return error;
}

}  // namespace ais::conformance::dying
