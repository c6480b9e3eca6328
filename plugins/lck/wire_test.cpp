// SPDX-License-Identifier: BSD-3-Clause

#include "wire.hpp"

#include <gtest/gtest.h>

namespace ais::lck {
namespace {

template <typename Message>
std::string encoded(const Message& message) {
    std::uint8_t space[64];
    Writer out(space);
    message.encode(out);
    EXPECT_EQ(out.size(), Message::size);
    return std::string(as_text(out.written()));
}

TEST(LckWire, lock_message_comes_back_and_refuses_what_is_not_one) {
    const LockMessage message{7, 8, 9, Mode::protected_read, flag_orphan};
    std::string bytes = encoded(message);
    LockMessage read;
    ASSERT_TRUE(LockMessage::decode(as_bytes(bytes), read));
    EXPECT_EQ(read.number, 7U);
    EXPECT_EQ(read.open, 8U);
    EXPECT_EQ(read.signal, 9U);
    EXPECT_EQ(read.mode, Mode::protected_read);
    EXPECT_EQ(read.flags, flag_orphan);
    for (std::size_t size = 0; size < bytes.size(); ++size) {
        EXPECT_FALSE(LockMessage::decode(as_bytes(bytes.substr(0, size)), read)) << size;
    }
    EXPECT_FALSE(LockMessage::decode(as_bytes(bytes + "x"), read));
    bytes[24] = 3;
    EXPECT_FALSE(LockMessage::decode(as_bytes(bytes), read)) << "no such mode";
    bytes[24] = 1;
    bytes[28] = 4;
    EXPECT_FALSE(LockMessage::decode(as_bytes(bytes), read)) << "no such flag";
}

TEST(LckWire, lock_request_has_a_timeout_or_an_invocation) {
    LockRequest wanted;
    wanted.id = 1;
    wanted.handle = 2;
    wanted.timeout = 5;
    Appender sync;
    wanted.encode(false, sync);
    LockRequest read;
    ASSERT_TRUE(LockRequest::decode(sync.written(), false, read));
    EXPECT_EQ(read.timeout, 5);
    wanted.timeout = 0;
    Appender none;
    wanted.encode(false, none);
    EXPECT_FALSE(LockRequest::decode(none.written(), false, read));
    wanted.invocation = 77;
    Appender async;
    wanted.encode(true, async);
    ASSERT_TRUE(LockRequest::decode(async.written(), true, read));
    EXPECT_EQ(read.invocation, 77U);
    EXPECT_EQ(read.timeout, LockRequest::for_ever);
}

TEST(LckWire, events_and_answers_come_back) {
    DoneEvent done;
    ASSERT_TRUE(DoneEvent::decode(as_bytes(encoded(DoneEvent{1, 2, -3})), done));
    EXPECT_EQ(done.error, -3);
    GrantedEvent granted;
    ASSERT_TRUE(
        GrantedEvent::decode(as_bytes(encoded(GrantedEvent{1, 2, Status::orphaned, 1})), granted));
    EXPECT_EQ(granted.status, Status::orphaned);
    WaiterEvent waiter;
    ASSERT_TRUE(WaiterEvent::decode(
        as_bytes(encoded(WaiterEvent{1, 2, Mode::exclusive, Mode::protected_read})), waiter));
    EXPECT_EQ(waiter.requested, Mode::protected_read);
    LockAnswer answer;
    ASSERT_TRUE(LockAnswer::decode(as_bytes(encoded(LockAnswer{Status::granted, {3, 4}})), answer));
    EXPECT_EQ(answer.fence, (Fence{3, 4}));
    std::string bytes = encoded(LockAnswer{});
    bytes[0] = 7;
    EXPECT_FALSE(LockAnswer::decode(as_bytes(bytes), answer)) << "no such status";
}

TEST(LckWire, names_have_1_to_256_bytes) {
    Appender head;
    head.u64(1);
    head.u32(flag_create);
    const std::string start = head.take();
    OpenRequest open;
    EXPECT_FALSE(OpenRequest::decode(as_bytes(start), false, open));
    const std::string longest = start + std::string(256, 'n');
    EXPECT_TRUE(OpenRequest::decode(as_bytes(longest), false, open));
    const std::string too_long = longest + "n";
    EXPECT_FALSE(OpenRequest::decode(as_bytes(too_long), false, open));
}

}  // namespace
}  // namespace ais::lck
