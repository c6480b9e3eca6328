// SPDX-License-Identifier: BSD-3-Clause
//
// Parser, crypto and quorum plugins as classes: what they offer, and that nothing they throw
// crosses the border.

#include <ais/crypto.hpp>
#include <ais/parser.hpp>
#include <ais/quorum.hpp>
#include <ais/testing/fake_host.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace {

using ais::Bytes;

// One "key value" per line.
class Lines {
  public:
    explicit Lines(const ais_host&) {}
    ais_status parse(std::string_view source, Bytes text, ais::TreeSink& sink) {
        if (source == "boom") {
            throw std::runtime_error("went boom");
        }
        std::string_view rest = ais::as_text(text);
        for (std::uint32_t line = 1; !rest.empty(); ++line) {
            const auto end = std::min(rest.find('\n'), rest.size());
            const auto one = rest.substr(0, end);
            rest.remove_prefix(std::min(end + 1, rest.size()));
            const auto space = one.find(' ');
            if (space == std::string_view::npos) {
                sink.error(line, "'", one, "' is no \"key value\"");
                continue;
            }
            if (const auto status = sink.key(one.substr(0, space), one.substr(space + 1), line);
                status != AIS_OK) {
                return status;
            }
        }
        return sink.status();
    }
};
constexpr ais_plugin lines = ais::describe<Lines>("lines", "1");

struct Collected {
    std::vector<std::string> events;
    ais_status answer = AIS_OK;
    ais_parser_sink sink() {
        return {sizeof(ais_parser_sink),
                0,
                this,
                [](void*, ais_bytes, std::uint32_t) { return AIS_OK; },
                [](void*, std::uint32_t) { return AIS_OK; },
                [](void* self, ais_bytes name, ais_bytes value, std::uint32_t line) {
                    auto& me = *static_cast<Collected*>(self);
                    me.events.push_back(std::to_string(line) + " " +
                                        std::string(ais::as_text(name)) + "=" +
                                        std::string(ais::as_text(value)));
                    return me.answer;
                },
                [](void* self, std::uint32_t line, ais_bytes what) {
                    static_cast<Collected*>(self)->events.push_back(
                        "error " + std::to_string(line) + ": " + std::string(ais::as_text(what)));
                },
                nullptr};
    }
};

TEST(Parser, reports_keys_and_errors_with_their_lines) {
    ais::FakeBus bus;
    auto& host = bus.add(1, lines);
    const auto table = host.offer<ais_parser_v1>(AIS_PARSER_INTERFACE);
    ASSERT_NE(table.parse, nullptr);
    Collected got;
    const auto sink = got.sink();
    EXPECT_EQ(table.parse(host.self(), "f", ais::to_abi(std::string_view("a 1\nbad\nb 2")), &sink),
              AIS_ERR_CORRUPT);
    EXPECT_THAT(got.events,
                testing::ElementsAre("1 a=1", "error 2: 'bad' is no \"key value\"", "3 b=2"));
}

TEST(Parser, stops_with_the_status_of_the_sink) {
    ais::FakeBus bus;
    auto& host = bus.add(1, lines);
    const auto table = host.offer<ais_parser_v1>(AIS_PARSER_INTERFACE);
    Collected got;
    got.answer = AIS_ERR_TOO_BIG;
    const auto sink = got.sink();
    EXPECT_EQ(table.parse(host.self(), "f", ais::to_abi(std::string_view("a 1\nb 2")), &sink),
              AIS_ERR_TOO_BIG);
    EXPECT_EQ(got.events.size(), 1U);
}

TEST(Parser, turns_an_exception_into_an_error_of_the_sink) {
    ais::FakeBus bus;
    auto& host = bus.add(1, lines);
    const auto table = host.offer<ais_parser_v1>(AIS_PARSER_INTERFACE);
    Collected got;
    const auto sink = got.sink();
    EXPECT_EQ(table.parse(host.self(), "boom", {}, &sink), AIS_ERR_FAILED);
    EXPECT_THAT(got.events, testing::ElementsAre("error 0: went boom"));
}

// Adds one byte, the sum of the others.
class Sum {
  public:
    static constexpr std::uint32_t key_size_min = 0;
    class Session {
      public:
        [[nodiscard]] std::uint32_t overhead() const { return 1; }
        [[nodiscard]] const char* cipher() const { return "sum"; }
        ais_status seal(Bytes plain, std::uint8_t* out) {
            ais::copy_bytes(out, plain);
            out[plain.size()] = sum(plain);
            return AIS_OK;
        }
        ais_status open(ais::MutableBytes datagram,
                        Bytes& plain,
                        ais_node_id& sender,
                        ais_crypto_fault& fault) {
            if (datagram.empty()) {
                throw 5;
            }
            plain = datagram.first(datagram.size() - 1);
            if (sum(plain) != datagram.back()) {
                fault.cause = AIS_FAULT_TAG;
                fault.detail = 77;
                return AIS_ERR_CORRUPT;
            }
            sender = 3;
            return AIS_OK;
        }

      private:
        static std::uint8_t sum(Bytes of) {
            unsigned total = 0;
            for (const auto byte : of) {
                total += byte;
            }
            return static_cast<std::uint8_t>(total);
        }
    };
    explicit Sum(const ais_host&) {}
    ais::Result<std::unique_ptr<Session>> open_session(const ais_crypto_params& params) {
        if (std::string_view(params.cipher) != "auto") {
            return ais::Error{AIS_ERR_UNSUPPORTED, "no cipher " + std::string(params.cipher)};
        }
        return std::make_unique<Session>();
    }
};
constexpr ais_plugin sum = ais::describe<Sum>("sum", "1");

TEST(Crypto, opens_what_it_sealed_and_names_the_fault) {
    ais::FakeBus bus;
    auto& host = bus.add(1, sum);
    const auto table = host.offer<ais_crypto_v1>(AIS_CRYPTO_INTERFACE);
    ais_crypto_params params{};
    params.struct_size = sizeof params;
    params.cipher = "auto";
    void* session = nullptr;
    ASSERT_EQ(table.open_session(host.self(), &params, &session), AIS_OK);
    std::uint8_t datagram[4];
    ASSERT_EQ(table.seal(host.self(), session, ais::to_abi(std::string_view("abc")), datagram),
              AIS_OK);
    ais_bytes plain{};
    ais_node_id sender = 0;
    // A caller compiled before `detail` existed: nothing is written behind its struct.
    struct {
        ais_crypto_fault fault;
    } room{};
    room.fault.struct_size = offsetof(ais_crypto_fault, detail);
    room.fault.detail = 1;
    EXPECT_EQ(table.open(host.self(), session, datagram, 4, &plain, &sender, &room.fault), AIS_OK);
    EXPECT_EQ(ais::as_text(plain), "abc");
    EXPECT_EQ(sender, 3U);
    datagram[0] ^= 1;
    EXPECT_EQ(table.open(host.self(), session, datagram, 4, &plain, &sender, &room.fault),
              AIS_ERR_CORRUPT);
    EXPECT_EQ(room.fault.cause, AIS_FAULT_TAG);
    EXPECT_EQ(room.fault.detail, 1U);
    EXPECT_EQ(table.open(host.self(), session, datagram, 0, &plain, &sender, &room.fault),
              AIS_ERR_FAILED);
    table.close_session(host.self(), session);

    params.cipher = "rot13";
    EXPECT_EQ(table.open_session(host.self(), &params, &session), AIS_ERR_UNSUPPORTED);
    EXPECT_TRUE(host.logged("SDK-002 no cipher rot13"));
}

class Odd {
  public:
    explicit Odd(const ais_host&) {}
    bool is_primary(const ais_configuration& now) { return now.member_count % 2 == 1; }
};
constexpr ais_plugin odd = ais::describe<Odd>("odd", "1");

TEST(Quorum, answers_through_its_table) {
    ais::FakeBus bus;
    auto& host = bus.add(1, odd);
    const auto table = host.offer<ais_quorum_v1>(AIS_QUORUM_INTERFACE);
    ais_configuration now{};
    now.struct_size = sizeof now;
    now.member_count = 3;
    EXPECT_EQ(table.is_primary(host.self(), &now), 1U);
    now.member_count = 2;
    EXPECT_EQ(table.is_primary(host.self(), &now), 0U);
}

}  // namespace
