// SPDX-License-Identifier: BSD-3-Clause

#include "client/ais.hpp"

#include "client/ais_library.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <cstring>
#include <limits>
#include <string>

namespace ais::client {
namespace {

using testing::Each;

static_assert(sizeof(SaNameT) == 258 && offsetof(SaNameT, value) == 2);
static_assert(sizeof(SaVersionT) == 3 && sizeof(SaBoolT) == 4 && sizeof(SaAisErrorT) == 4);
static_assert(sizeof(SaLimitValueT) == 8 && sizeof(SaAnyT) == 16);
static_assert(SA_TIME_UNKNOWN == std::numeric_limits<SaTimeT>::min());
static_assert(SA_TIME_ONE_DAY == 24 * SA_TIME_ONE_HOUR &&
              SA_TIME_ONE_HOUR == 60 * SA_TIME_ONE_MINUTE);
static_assert(SA_AIS_ERR_BAD_FLAGS == 25 && SA_AIS_ERR_DEPLOYMENT == 40);

// A value that the enumeration does not have, as a C program can pass it.
SaDispatchFlagsT flags_of(int value) {
    SaDispatchFlagsT flags{};
    static_assert(sizeof flags == sizeof value);
    std::memcpy(&flags, &value, sizeof flags);
    return flags;
}

SaNameT name_of(std::size_t length) {
    SaNameT name{};
    name.length = static_cast<SaUint16T>(length);
    std::fill(std::begin(name.value), std::end(name.value), SaUint8T{0xfe});
    return name;
}

TEST(SaTime, becomes_a_duration_without_rounding_or_overflow) {
    EXPECT_EQ(to_duration(0), Duration::zero());
    EXPECT_EQ(to_duration(1), Duration(1));
    EXPECT_EQ(to_duration(999'999), Duration(999'999));
    EXPECT_EQ(to_duration(SA_TIME_ONE_DAY), std::chrono::hours(24));
    EXPECT_EQ(to_duration(SA_TIME_MAX), forever);
    EXPECT_EQ(to_duration(SA_TIME_MAX - 1), forever);
    EXPECT_EQ(to_duration(-1), std::nullopt);
    EXPECT_EQ(to_duration(SA_TIME_UNKNOWN), std::nullopt);
}

TEST(SaDispatch, flags_are_the_three_of_the_standard) {
    EXPECT_EQ(to_mode(SA_DISPATCH_ONE), DispatchMode::one_nonblocking);
    EXPECT_EQ(to_mode(SA_DISPATCH_ALL), DispatchMode::all);
    EXPECT_EQ(to_mode(SA_DISPATCH_BLOCKING), DispatchMode::blocking);
    for (const int other : {0, 4, -1, 1 << 30}) {
        EXPECT_EQ(to_mode(flags_of(other)), std::nullopt) << other;
    }
}

TEST(SaName, is_checked_by_its_length_alone) {
    const SaNameT empty = name_of(0);
    const SaNameT one = name_of(1);
    const SaNameT longest = name_of(256);
    const SaNameT longer = name_of(257);
    EXPECT_EQ(check_name(nullptr), SA_AIS_ERR_INVALID_PARAM);
    EXPECT_EQ(check_name(&empty), SA_AIS_ERR_INVALID_PARAM);
    EXPECT_EQ(check_name(&one), SA_AIS_OK);
    EXPECT_EQ(check_name(&longest), SA_AIS_OK);
    EXPECT_EQ(check_name(&longer), SA_AIS_ERR_INVALID_PARAM);
    EXPECT_EQ(check_name(&longer, SA_AIS_ERR_NAME_TOO_LONG), SA_AIS_ERR_NAME_TOO_LONG);
}

TEST(SaName, goes_over_a_wire_byte_for_byte) {
    for (const std::size_t length : {0, 1, 255, 256}) {
        const SaNameT name = name_of(length);
        Appender out;
        write_name(out, name);
        Reader in(out.written());
        const SaNameT back = read_name(in);
        EXPECT_TRUE(in.finished());
        EXPECT_EQ(name_text(back), name_text(name));
        // What is behind the name is of no interest and not passed on.
        EXPECT_THAT(std::string(reinterpret_cast<const char*>(back.value) + length, 256 - length),
                    Each('\0'));
    }
}

TEST(SaName, that_is_too_long_or_cut_off_is_refused_by_the_reader) {
    Appender out;
    out.text(std::string(257, 'x'));
    Reader longer(out.written());
    (void)read_name(longer);
    EXPECT_FALSE(longer.ok());
    Reader cut(out.written().first(100));
    (void)read_name(cut);
    EXPECT_FALSE(cut.ok());
}

TEST(SaName, keeps_nul_and_cuts_off_what_does_not_fit) {
    EXPECT_EQ(name_text(to_name(std::string_view("a\0b", 3))), std::string_view("a\0b", 3));
    EXPECT_EQ(to_name(std::string(300, 'y')).length, 256);
}

TEST(SaError, of_a_connection_is_what_the_standard_calls_it) {
    EXPECT_EQ(to_sa_error(Status::ok), SA_AIS_OK);
    EXPECT_EQ(to_sa_error(Status::try_again), SA_AIS_ERR_TRY_AGAIN);
    EXPECT_EQ(to_sa_error(Status::timeout), SA_AIS_ERR_TIMEOUT);
    EXPECT_EQ(to_sa_error(Status::lost), SA_AIS_ERR_LIBRARY);
    EXPECT_EQ(to_sa_error(Status::closed), SA_AIS_ERR_BAD_HANDLE);
    EXPECT_EQ(to_sa_error(Status::forked), SA_AIS_ERR_BAD_HANDLE);
    EXPECT_EQ(to_sa_error(Status::denied), SA_AIS_ERR_ACCESS);
    EXPECT_EQ(to_sa_error(Status::version), SA_AIS_ERR_LIBRARY);
    EXPECT_EQ(to_sa_error(Status::no_memory), SA_AIS_ERR_NO_MEMORY);
    EXPECT_EQ(to_sa_error(Status::refused, AIS_ERR_NOT_FOUND), SA_AIS_ERR_NOT_SUPPORTED);
    EXPECT_EQ(to_sa_error(Status::refused, AIS_ERR_NO_MEMORY), SA_AIS_ERR_NO_RESOURCES);
    EXPECT_EQ(to_sa_error(Status::refused, AIS_ERR_CORRUPT), SA_AIS_ERR_LIBRARY);
    EXPECT_EQ(to_sa_error(Status::denied, AIS_ERR_DENIED), SA_AIS_ERR_ACCESS);
}

struct Session {
    std::shared_ptr<Connection> connection;
    int callbacks = 0;
};
struct Object {
    std::weak_ptr<Session> owner;
};
constexpr std::array versions{Version{'B', 1, 1}};

// Without an executive: everything that is decided before one is asked.
class SaLife : public testing::Test {
  protected:
    SaLife() { setenv("OPENAIS_RUN_DIR", "/nonexistent", 1); }
    SaAisErrorT initialize(SaUint64T* out, SaVersionT* version) {
        return client::initialize(
            library, 3, versions, out, version, [&](Session&, Version served) {
                asked = served;
                return std::string();
            });
    }
    Library<Session> library{0x1234567};
    Version asked;
};

TEST_F(SaLife, initialize_checks_pointers_then_version_then_the_executive) {
    SaUint64T handle = 42;
    SaVersionT version{'B', 1, 0};
    EXPECT_EQ(initialize(nullptr, &version), SA_AIS_ERR_INVALID_PARAM);
    EXPECT_EQ(initialize(&handle, nullptr), SA_AIS_ERR_INVALID_PARAM);
    version = {'B', 5, 0};
    EXPECT_EQ(initialize(&handle, &version), SA_AIS_ERR_VERSION);
    EXPECT_EQ(version.majorVersion, 1);
    EXPECT_EQ(version.minorVersion, 1);
    version = {'B', 1, 0};
    EXPECT_EQ(initialize(&handle, &version), SA_AIS_ERR_TRY_AGAIN);
    EXPECT_EQ(asked, (Version{'B', 1, 1}));
    EXPECT_EQ(version.minorVersion, 0);  // not touched
    EXPECT_EQ(handle, 42U);
}

TEST_F(SaLife, handles_that_never_were_are_bad) {
    SaSelectionObjectT fd = 0;
    const auto nothing = [](Handle, Session&, const Event&) { return false; };
    for (const SaUint64T handle : {SaUint64T{0}, SaUint64T{1}, ~SaUint64T{0}}) {
        EXPECT_EQ(selection_object_get(library, handle, &fd), SA_AIS_ERR_BAD_HANDLE);
        EXPECT_EQ(dispatch(library, handle, SA_DISPATCH_ALL, nothing), SA_AIS_ERR_BAD_HANDLE);
        EXPECT_EQ(finalize(library, handle), SA_AIS_ERR_BAD_HANDLE);
    }
}

TEST_F(SaLife, objects_go_with_their_association) {
    static Library<Object> objects(0x7654321);
    const auto mine = std::make_shared<Session>();
    const auto other = std::make_shared<Session>();
    const Handle first = objects.insert(std::make_shared<Object>(Object{mine}));
    const Handle second = objects.insert(std::make_shared<Object>(Object{other}));
    close_objects(objects, mine);
    EXPECT_EQ(objects.pin(first), nullptr);
    EXPECT_NE(objects.pin(second), nullptr);
}

}  // namespace
}  // namespace ais::client
