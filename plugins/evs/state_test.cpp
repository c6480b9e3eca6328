// SPDX-License-Identifier: BSD-3-Clause

#include "state.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <random>
#include <set>
#include <string>

namespace ais::evs {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

// Keys of one letter each; the bytes live as long as the object.
struct Keys {
    explicit Keys(const std::string& letters) {
        for (const char letter : letters) {
            bytes += letter + std::string(key_size - 1, '\0');
        }
    }
    operator KeyList() const { return KeyList(as_bytes(bytes)); }
    std::string bytes;
};

std::vector<State::ClientId> listeners(State& state, const std::string& letters) {
    const Keys keys(letters);
    const auto found = state.listeners(keys);
    return {found.begin(), found.end()};
}

TEST(State, client_hears_a_message_once_however_many_of_its_groups_it_has_joined) {
    State state;
    EXPECT_EQ(state.join(1, Keys("ab")), Outcome::done);
    EXPECT_EQ(state.join(2, Keys("b")), Outcome::done);
    EXPECT_THAT(listeners(state, "ab"), ElementsAre(1, 2));
    EXPECT_THAT(listeners(state, "a"), ElementsAre(1));
    EXPECT_THAT(listeners(state, "c"), IsEmpty());
    EXPECT_THAT(listeners(state, ""), IsEmpty());
}

TEST(State, all_bytes_of_a_key_count) {
    State state;
    std::string key(key_size, '\0');
    key.back() = 'x';
    EXPECT_EQ(state.join(1, KeyList(as_bytes(key))), Outcome::done);
    key.back() = 'y';
    EXPECT_THAT(state.listeners(KeyList(as_bytes(key))), IsEmpty());
    key.back() = 'x';
    EXPECT_EQ(state.listeners(KeyList(as_bytes(key))).size(), 1U);
}

TEST(State, group_that_was_joined_twice_is_left_twice) {
    State state;
    state.join(1, Keys("aa"));
    EXPECT_EQ(state.leave(1, Keys("a")), Outcome::done);
    EXPECT_THAT(listeners(state, "a"), ElementsAre(1));
    EXPECT_EQ(state.leave(1, Keys("a")), Outcome::done);
    EXPECT_THAT(listeners(state, "a"), IsEmpty());
    EXPECT_EQ(state.leave(1, Keys("a")), Outcome::not_joined);
}

TEST(State, leave_stops_at_the_first_that_was_not_joined) {
    State state;
    state.join(1, Keys("abc"));
    EXPECT_EQ(state.leave(1, Keys("axb")), Outcome::not_joined);
    EXPECT_THAT(listeners(state, "a"), IsEmpty());
    EXPECT_THAT(listeners(state, "b"), ElementsAre(1));
    EXPECT_EQ(state.leave(9, Keys("a")), Outcome::not_joined);
}

TEST(State, limit_is_of_all_joins_of_a_client) {
    State state;
    EXPECT_EQ(state.join(1, Keys(std::string(49, 'a'))), Outcome::done);
    EXPECT_EQ(state.join(1, Keys("bc")), Outcome::too_many);
    EXPECT_THAT(listeners(state, "b"), IsEmpty());
    EXPECT_EQ(state.join(1, Keys("b")), Outcome::done);
    EXPECT_EQ(state.join(1, Keys("b")), Outcome::too_many);
    EXPECT_EQ(state.join(2, Keys("b")), Outcome::done);
    EXPECT_EQ(state.leave(1, Keys("a")), Outcome::done);
    EXPECT_EQ(state.join(1, Keys("c")), Outcome::done);
}

TEST(State, client_that_is_gone_leaves_nothing_behind) {
    State state;
    state.join(1, Keys("abb"));
    state.join(2, Keys("b"));
    state.remove(1);
    EXPECT_THAT(listeners(state, "ab"), ElementsAre(2));
    EXPECT_EQ(state.group_count(), 1U);
    EXPECT_THAT(state.joined(1), IsEmpty());
    EXPECT_EQ(as_text(state.joined(2)), Keys("b").bytes);
}

TEST(State, agrees_with_a_simple_model_through_random_histories) {
    State state;
    std::map<std::uint32_t, std::multiset<char>> model;
    std::mt19937 random(7);
    for (int step = 0; step < 20000; ++step) {
        const auto client = static_cast<std::uint32_t>(random() % 5);
        const char letter = static_cast<char>('a' + random() % 6);
        auto& joins = model[client];
        switch (random() % 8) {
            case 0:
                state.remove(client);
                joins.clear();
                break;
            case 1:
            case 2:
            case 3: {
                const bool fits = joins.size() < groups_max;
                ASSERT_EQ(state.join(client, Keys({letter})),
                          fits ? Outcome::done : Outcome::too_many);
                if (fits) {
                    joins.insert(letter);
                }
                break;
            }
            default: {
                const auto known = joins.find(letter);
                ASSERT_EQ(state.leave(client, Keys({letter})),
                          known != joins.end() ? Outcome::done : Outcome::not_joined);
                if (known != joins.end()) {
                    joins.erase(known);
                }
            }
        }
        std::vector<State::ClientId> expected;
        for (const auto& [id, letters] : model) {
            if (letters.contains('a') || letters.contains(letter)) {
                expected.push_back(id);
            }
        }
        ASSERT_EQ(listeners(state, {'a', letter}), expected);
    }
}

}  // namespace
}  // namespace ais::evs
