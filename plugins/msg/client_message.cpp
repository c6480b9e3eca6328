// SPDX-License-Identifier: BSD-3-Clause
//
// libSaMsg: messages from Send to Get, requests and replies.

#include "client_session.hpp"

#include <cstdlib>
#include <cstring>
#include <new>
#include <utility>

namespace ais::msg {
namespace {

// Of what is sent.  `is_reply`: its priority does not count.
SaAisErrorT check_message(const SaMsgMessageT* message, bool is_reply) {
    if (message == nullptr || (!is_reply && message->priority > SA_MSG_MESSAGE_LOWEST_PRIORITY) ||
        (message->data == nullptr && message->size > 0) ||
        (message->senderName != nullptr && message->senderName->length > SA_MAX_NAME_LENGTH)) {
        return SA_AIS_ERR_INVALID_PARAM;
    }
    return message->size > (is_reply ? reply_size_max : message_size_max) ? SA_AIS_ERR_TOO_BIG
                                                                          : SA_AIS_OK;
}

void encode_head(Appender& out, const SaMsgMessageT& from, bool is_reply) {
    Message message;
    message.type = from.type;
    message.version = from.version;
    message.priority = is_reply ? 0 : from.priority;
    message.sent = client::time_of_day();
    message.sender =
        from.senderName != nullptr ? client::name_text(*from.senderName) : std::string_view();
    message.encode_head(out);
}

Bytes data_of(const SaMsgMessageT& message) {
    return {static_cast<const std::uint8_t*>(message.data), message.size};
}

SaAisErrorT check_acknowledgement(const Session& session, SaMsgAckFlagsT flags) {
    if ((flags & ~SaMsgAckFlagsT{SA_MSG_MESSAGE_DELIVERED_ACK}) != 0) {
        return SA_AIS_ERR_BAD_FLAGS;
    }
    return flags != 0 && session.callbacks.saMsgMessageDeliveredCallback == nullptr
               ? SA_AIS_ERR_INIT
               : SA_AIS_OK;
}

std::uint64_t capacity_of(const SaMsgMessageT& message) {
    return message.data == nullptr ? any_size : message.size;
}

// Into the application's message.  Requires: its buffer is large enough, or null.
SaAisErrorT fill(SaMsgMessageT& to, const Message& from) {
    if (to.data == nullptr && !from.data.empty()) {
        to.data = std::malloc(from.data.size());
        if (to.data == nullptr) {
            return SA_AIS_ERR_NO_MEMORY;
        }
    }
    copy_bytes(static_cast<std::uint8_t*>(to.data), from.data);
    to.size = from.data.size();
    to.type = from.type;
    to.version = from.version;
    to.priority = from.priority;
    if (to.senderName != nullptr) {
        *to.senderName = client::to_name(from.sender);
    }
    return SA_AIS_OK;
}

// The size that a buffer would have had to have.
SaAisErrorT fill_needed(SaMsgMessageT& to, Bytes response) {
    Reader in(response);
    const std::uint64_t needed = in.u64();
    if (!in.finished()) {
        return SA_AIS_ERR_LIBRARY;
    }
    to.size = needed;
    return SA_AIS_ERR_NO_SPACE;
}

// Asks, and fills in what comes.
SaAisErrorT take(Session& session,
                 const GetRequest& wanted,
                 SaMsgMessageT& message,
                 SaTimeT& sent,
                 SaMsgSenderIdT& sender,
                 client::Duration timeout) {
    std::uint8_t space[GetRequest::size];
    Writer body(space);
    wanted.encode(body);
    std::vector<std::uint8_t> response;
    const SaAisErrorT error = ask(session, RequestKind::get, response, timeout, body.written());
    if (error == SA_AIS_ERR_NO_SPACE) {
        return fill_needed(message, response);
    }
    if (error != SA_AIS_OK) {
        return error;
    }
    Reader in(response);
    const std::uint64_t sender_id = in.u64();
    Message got;
    if (!in.ok() || !Message::decode(in.rest(), got)) {
        return SA_AIS_ERR_LIBRARY;
    }
    sender = sender_id;
    sent = got.sent;
    return fill(message, got);
}

SaAisErrorT get(Session& session,
                const Queue& queue,
                SaMsgMessageT& message,
                SaTimeT* sent,
                SaMsgSenderIdT& sender,
                client::Duration timeout) {
    const std::uint64_t id = ++session.last_id;
    const bool waits = timeout > client::Duration::zero();
    const bool allocates = message.data == nullptr;
    const GetRequest wanted{queue.tag, id, capacity_of(message), waits};
    SaTimeT when = 0;
    SaMsgSenderIdT whom = 0;
    SaAisErrorT error = SA_AIS_ERR_NO_MEMORY;
    try {
        error = take(session, wanted, message, when, whom, waits ? timeout : client::forever);
    } catch (const std::bad_alloc&) {
        error = SA_AIS_ERR_NO_MEMORY;
    }
    // What the service is told of this get from now on.
    std::uint8_t space[12];
    Writer about(space);
    about.u32(queue.tag);
    about.u64(id);
    if (error == SA_AIS_OK) {
        // From here on it is ours, even if this process dies: the receipt is in the ring.  If the
        // executive is gone others will hand the message out again, and this call says so.
        error = tell(session, RequestKind::got, client::forever, about.written());
        if (error == SA_AIS_OK) {
            sender = whom;
            if (sent != nullptr) {
                *sent = when;
            }
        } else if (allocates) {
            std::free(std::exchange(message.data, nullptr));
        }
        return error;
    }
    if ((error == SA_AIS_ERR_TIMEOUT && waits) || error == SA_AIS_ERR_NO_MEMORY ||
        error == SA_AIS_ERR_LIBRARY) {
        // A message that comes for it now is for the next one, and a close need not wait for it.
        tell(session, RequestKind::abandon_get, client::forever, about.written());
    }
    return error;
}

SaAisErrorT send_receive(Session& session,
                         const SaNameT& destination,
                         const SaMsgMessageT& request,
                         SaMsgMessageT& reply,
                         SaTimeT* sent,
                         client::Duration timeout) {
    const std::uint64_t id = ++session.last_id;
    Appender head;
    head.u64(id);
    head.u64(capacity_of(reply));
    client::write_name(head, destination);
    encode_head(head, request, false);
    std::vector<std::uint8_t> response;
    const SaAisErrorT error =
        ask(session, RequestKind::send_receive, response, timeout, head, data_of(request));
    if (error == SA_AIS_ERR_TIMEOUT) {
        // When this returns a reply is refused.  If the ring does not go on it ends with the next
        // chance; the standard wants this call back.
        std::vector<std::uint8_t> nothing;
        const auto patience = client::Duration(std::chrono::seconds(1));
        ask(session, RequestKind::forget, nothing, patience, Bytes(bytes_of(id)));
        return error;
    }
    if (error == SA_AIS_ERR_NO_SPACE) {
        return fill_needed(reply, response);
    }
    if (error != SA_AIS_OK) {
        return error;
    }
    Message got;
    if (!Message::decode(response, got)) {
        return SA_AIS_ERR_LIBRARY;
    }
    if (sent != nullptr) {
        *sent = got.sent;
    }
    return fill(reply, got);
}

}  // namespace
}  // namespace ais::msg

namespace msg = ais::msg;
namespace client = ais::client;

extern "C" {

AIS_EXPORT SaAisErrorT saMsgMessageSend(SaMsgHandleT msgHandle,
                                        const SaNameT* destination,
                                        const SaMsgMessageT* message,
                                        SaTimeT timeout) {
    return client::with(msg::sessions(), msgHandle, [=](const auto& session) {
        const auto patience = client::to_duration(timeout);
        if (!patience || client::check_name(destination) != SA_AIS_OK) {
            return SA_AIS_ERR_INVALID_PARAM;
        }
        const SaAisErrorT checked = msg::check_message(message, false);
        if (checked != SA_AIS_OK) {
            return checked;
        }
        if (timeout == 0) {
            return SA_AIS_ERR_TIMEOUT;
        }
        ais::Appender head;
        client::write_name(head, *destination);
        msg::encode_head(head, *message, false);
        std::vector<std::uint8_t> response;
        return msg::ask(
            *session, msg::RequestKind::send, response, *patience, head, msg::data_of(*message));
    });
}

AIS_EXPORT SaAisErrorT saMsgMessageSendAsync(SaMsgHandleT msgHandle,
                                             SaInvocationT invocation,
                                             const SaNameT* destination,
                                             const SaMsgMessageT* message,
                                             SaMsgAckFlagsT ackFlags) {
    return client::with(msg::sessions(), msgHandle, [=](const auto& session) {
        if (client::check_name(destination) != SA_AIS_OK) {
            return SA_AIS_ERR_INVALID_PARAM;
        }
        SaAisErrorT checked = msg::check_message(message, false);
        if (checked == SA_AIS_OK) {
            checked = msg::check_acknowledgement(*session, ackFlags);
        }
        if (checked != SA_AIS_OK) {
            return checked;
        }
        ais::Appender head;
        head.u64(invocation);
        head.u8(ackFlags != 0 ? 1 : 0);
        client::write_name(head, *destination);
        msg::encode_head(head, *message, false);
        // It does not block: without room it is TRY_AGAIN.
        return msg::tell(*session,
                         msg::RequestKind::send_async,
                         client::Duration::zero(),
                         head,
                         msg::data_of(*message));
    });
}

AIS_EXPORT SaAisErrorT saMsgMessageGet(SaMsgQueueHandleT queueHandle,
                                       SaMsgMessageT* message,
                                       SaTimeT* sendTime,
                                       SaMsgSenderIdT* senderId,
                                       SaTimeT timeout) {
    return msg::with_queue(queueHandle, [=](const auto& queue, const auto& session) {
        const auto patience = client::to_duration(timeout);
        if (message == nullptr || senderId == nullptr || !patience) {
            return SA_AIS_ERR_INVALID_PARAM;
        }
        return msg::get(*session, *queue, *message, sendTime, *senderId, *patience);
    });
}

AIS_EXPORT SaAisErrorT saMsgMessageCancel(SaMsgQueueHandleT queueHandle) {
    return msg::with_queue(queueHandle, [=](const auto& queue, const auto& session) {
        return msg::ask(*session, msg::RequestKind::cancel, ais::Bytes(msg::bytes_of(queue->tag)));
    });
}

AIS_EXPORT SaAisErrorT saMsgMessageSendReceive(SaMsgHandleT msgHandle,
                                               const SaNameT* destination,
                                               const SaMsgMessageT* sendMessage,
                                               SaMsgMessageT* receiveMessage,
                                               SaTimeT* replySendTime,
                                               SaTimeT timeout) {
    return client::with(msg::sessions(), msgHandle, [=](const auto& session) {
        const auto patience = client::to_duration(timeout);
        if (!patience || client::check_name(destination) != SA_AIS_OK ||
            receiveMessage == nullptr) {
            return SA_AIS_ERR_INVALID_PARAM;
        }
        const SaAisErrorT checked = msg::check_message(sendMessage, false);
        if (checked != SA_AIS_OK) {
            return checked;
        }
        if (timeout == 0) {
            return SA_AIS_ERR_TIMEOUT;
        }
        return msg::send_receive(
            *session, *destination, *sendMessage, *receiveMessage, replySendTime, *patience);
    });
}

AIS_EXPORT SaAisErrorT saMsgMessageReply(SaMsgHandleT msgHandle,
                                         const SaMsgMessageT* replyMessage,
                                         const SaMsgSenderIdT* senderId,
                                         SaTimeT timeout) {
    return client::with(msg::sessions(), msgHandle, [=](const auto& session) {
        const auto patience = client::to_duration(timeout);
        if (!patience || senderId == nullptr) {
            return SA_AIS_ERR_INVALID_PARAM;
        }
        const SaAisErrorT checked = msg::check_message(replyMessage, true);
        if (checked != SA_AIS_OK) {
            return checked;
        }
        if (timeout == 0) {
            return SA_AIS_ERR_TIMEOUT;
        }
        ais::Appender head;
        head.u64(*senderId);
        msg::encode_head(head, *replyMessage, true);
        std::vector<std::uint8_t> response;
        return msg::ask(*session,
                        msg::RequestKind::reply,
                        response,
                        *patience,
                        head,
                        msg::data_of(*replyMessage));
    });
}

AIS_EXPORT SaAisErrorT saMsgMessageReplyAsync(SaMsgHandleT msgHandle,
                                              SaInvocationT invocation,
                                              const SaMsgMessageT* replyMessage,
                                              const SaMsgSenderIdT* senderId,
                                              SaMsgAckFlagsT ackFlags) {
    return client::with(msg::sessions(), msgHandle, [=](const auto& session) {
        if (senderId == nullptr) {
            return SA_AIS_ERR_INVALID_PARAM;
        }
        SaAisErrorT checked = msg::check_message(replyMessage, true);
        if (checked == SA_AIS_OK) {
            checked = msg::check_acknowledgement(*session, ackFlags);
        }
        if (checked != SA_AIS_OK) {
            return checked;
        }
        ais::Appender head;
        head.u64(invocation);
        head.u8(ackFlags != 0 ? 1 : 0);
        head.u64(*senderId);
        msg::encode_head(head, *replyMessage, true);
        return msg::tell(*session,
                         msg::RequestKind::reply_async,
                         client::Duration::zero(),
                         head,
                         msg::data_of(*replyMessage));
    });
}

}  // extern "C"
