// SPDX-License-Identifier: BSD-3-Clause
//
// Many random histories of partitions, merges, joins, restarts and messages on
// the bus.  In each: whoever is synced in a ring equals the others that are;
// no service sees a message unsynced; when all is quiet all are equal and
// every word that its speaker's side kept is everywhere, once.

#include "base/prng.hpp"
#include "sync/test_bus.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>

namespace ais::sync {
namespace {

class World {
  public:
    explicit World(std::uint64_t seed) : random_(seed) {
        bus_.compare = std::chrono::seconds(1);
        for (std::uint32_t id = 1; id <= count_; ++id) {
            start(id);
        }
    }

    void run() {
        for (int event = 0; event < 300; ++event) {
            switch (random_.below(13)) {
                case 0:
                    reconfigure();
                    break;
                case 1:
                case 2:
                case 3:
                    speak();
                    break;
                case 4:
                    bus_.advance(std::chrono::milliseconds(700));
                    break;
                default:
                    steps(1 + random_.below(6));
                    break;
            }
            check();
        }
        bus_.configure(all());
        bus_.run(1);
        bus_.advance({});
        bus_.advance(std::chrono::seconds(1));
        bus_.run(1);
        check();
        for (const std::uint32_t id : all()) {
            ASSERT_GE(bus_[id].barrier.stats().comparisons, 1u);
        }
        ASSERT_TRUE(bus_.is_equal(all()));
        for (std::uint32_t id = 1; id <= count_; ++id) {
            for (const auto& [service, word] : said_[id]) {
                const auto& got = bus_[id].delivered;
                ASSERT_EQ(std::count(got.begin(), got.end(), word), 1) << word;
                ASSERT_EQ(bus_[id % count_ + 1].replicas[service].words.count(word), 1u) << word;
            }
        }
    }

  private:
    static constexpr std::uint32_t count_ = 5;

    [[nodiscard]] std::vector<std::uint32_t> all() const { return {1, 2, 3, 4, 5}; }

    void start(std::uint32_t id) {
        // Not all have the second service; its snapshot takes several payloads.
        std::vector<std::uint16_t> services{1};
        if (id % 2 == 0) {
            services.push_back(2);
        }
        services.push_back(3);
        TestNode& node = bus_.add(id, services);
        node.replicas[3].in_parts = true;
        // A build that does not know parts yet, here and there.
        node.replicas[2].in_parts = random_.chance(1, 2);
        said_[id].clear();
        bus_.configure({id});
    }

    void speak() {
        const auto id = static_cast<std::uint32_t>(1 + random_.below(count_));
        std::string word = std::to_string(id) + "." + std::to_string(++words_);
        if (random_.chance(1, 3)) {
            word.append(random_.below(4000), '.');
        }
        const std::uint16_t service = random_.chance(1, 2) ? 1 : 3;
        if (bus_[id].say(service, word) == AIS_OK) {
            said_[id].emplace_back(service, word);
        }
    }

    void steps(std::size_t wanted) {
        const auto id = static_cast<std::uint32_t>(1 + random_.below(count_));
        for (std::size_t i = 0; i < wanted && bus_.step(id); ++i) {
        }
    }

    // Each node goes to one of three sides; those who leave a ring together may
    // first see some last payloads of it that the others do not.
    void reconfigure() {
        std::vector<std::uint32_t> sides[3];
        for (const std::uint32_t id : all()) {
            sides[random_.below(3)].push_back(id);
        }
        for (auto& side : sides) {
            std::vector<std::uint32_t> rest = side;
            while (!rest.empty()) {
                std::vector<std::uint32_t> together;
                std::vector<std::uint32_t> others;
                for (const std::uint32_t id : rest) {
                    (bus_[id].ring == bus_[rest[0]].ring ? together : others).push_back(id);
                }
                for (std::size_t i = random_.below(4); i > 0; --i) {
                    bus_.step(together[random_.below(together.size())], together);
                }
                rest = others;
            }
        }
        for (auto& side : sides) {
            if (!side.empty()) {
                bus_.configure(side);
            }
        }
        if (random_.chance(1, 6)) {
            start(static_cast<std::uint32_t>(1 + random_.below(count_)));
        }
    }

    void check() {
        for (const std::uint32_t id : all()) {
            ASSERT_TRUE(bus_[id].stopped.empty()) << bus_[id].stopped;
            ASSERT_FALSE(bus_[id].delivered_unsynced);
            std::vector<std::uint32_t> members;
            for (const std::uint32_t other : all()) {
                if (bus_[other].ring == bus_[id].ring) {
                    members.push_back(other);
                }
            }
            if (bus_[id].barrier.is_synced()) {
                ASSERT_TRUE(bus_.is_equal(members));
            }
        }
    }

    Prng random_;
    TestBus bus_;
    std::map<std::uint32_t, std::vector<std::pair<std::uint16_t, std::string>>> said_;
    std::size_t words_ = 0;
};

// In eight parts, which sanitizers make long, and which may run side by side.
class SyncWorld : public ::testing::TestWithParam<std::uint64_t> {};

TEST_P(SyncWorld, keeps_replicas_equal_through_any_history) {
    for (std::uint64_t seed = GetParam(); seed < GetParam() + 25; ++seed) {
        SCOPED_TRACE("seed " + std::to_string(seed));
        World(seed).run();
        if (::testing::Test::HasFatalFailure()) {
            return;
        }
    }
}

INSTANTIATE_TEST_SUITE_P(Seeds,
                         SyncWorld,
                         ::testing::Range(std::uint64_t{1}, std::uint64_t{201}, std::uint64_t{25}));

}  // namespace
}  // namespace ais::sync
