/* SPDX-License-Identifier: BSD-3-Clause
 * The public header as a program of C99 has it; layouts of the standard's binary interface. */

#include <openais/saMsg.h>

#include <stddef.h>

typedef char attributes_are_48[sizeof(SaMsgQueueCreationAttributesT) == 48 ? 1 : -1];
typedef char usage_is_24[sizeof(SaMsgQueueUsageT) == 24 ? 1 : -1];
typedef char status_is_120[sizeof(SaMsgQueueStatusT) == 120 ? 1 : -1];
typedef char member_is_258[sizeof(SaMsgQueueGroupMemberT) == 258 ? 1 : -1];
typedef char notification_is_264[sizeof(SaMsgQueueGroupNotificationT) == 264 ? 1 : -1];
typedef char buffer_is_24[sizeof(SaMsgQueueGroupNotificationBufferT) == 24 ? 1 : -1];
typedef char message_is_40[sizeof(SaMsgMessageT) == 40 ? 1 : -1];
typedef char sender_is_at_16[offsetof(SaMsgMessageT, senderName) == 16 ? 1 : -1];
typedef char data_is_at_24[offsetof(SaMsgMessageT, data) == 24 ? 1 : -1];
typedef char priority_is_at_32[offsetof(SaMsgMessageT, priority) == 32 ? 1 : -1];
typedef char open_comes_first[offsetof(SaMsgCallbacksT, saMsgQueueOpenCallback) == 0 ? 1 : -1];
typedef char track_comes_second[offsetof(SaMsgCallbacksT, saMsgQueueGroupTrackCallback) == 8 ? 1 : -1];
typedef char received_comes_last[offsetof(SaMsgCallbacksT, saMsgMessageReceivedCallback) == 24 ? 1 : -1];

/* A translation unit must not be empty. */
int samsg_header_is_c99(void);
int samsg_header_is_c99(void) { return SA_MSG_MESSAGE_LOWEST_PRIORITY == 3; }
