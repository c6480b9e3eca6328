/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Message service of the SA Forum's Application Interface Specification, version B.01.01
 * with the additions of B.02.01 and B.03.01.  Link with -lSaMsg, -lsaMsg or -lais.
 *
 * Queues belong to the cluster and are open by one handle at a time; anyone sends to them by
 * name, alone or in groups.  Sizes are bytes, times nanoseconds.
 * Guide: msg(7).  Every function with every error and its cause: saMsg(3).
 */
#ifndef OPENAIS_SAMSG_H
#define OPENAIS_SAMSG_H

#include <openais/saAis.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef SaUint64T SaMsgHandleT;
typedef SaUint64T SaMsgQueueHandleT;
typedef SaUint64T SaMsgSenderIdT; /* whom to answer; 0: nobody waits */

#define SA_MSG_MESSAGE_DELIVERED_ACK 0x1
typedef SaUint32T SaMsgAckFlagsT;

#define SA_MSG_QUEUE_PERSISTENT 0x1
typedef SaUint32T SaMsgQueueCreationFlagsT;

#define SA_MSG_MESSAGE_HIGHEST_PRIORITY 0
#define SA_MSG_MESSAGE_LOWEST_PRIORITY 3

typedef struct {
    SaMsgQueueCreationFlagsT creationFlags;
    SaSizeT size[SA_MSG_MESSAGE_LOWEST_PRIORITY + 1]; /* of each priority area */
    SaTimeT retentionTime;                            /* of a queue that is closed and not persistent */
} SaMsgQueueCreationAttributesT;

#define SA_MSG_QUEUE_CREATE 0x1
#define SA_MSG_QUEUE_RECEIVE_CALLBACK 0x2
#define SA_MSG_QUEUE_EMPTY 0x4
typedef SaUint32T SaMsgQueueOpenFlagsT;

typedef struct {
    SaSizeT queueSize;
    SaSizeT queueUsed; /* bytes of data */
    SaUint32T numberOfMessages;
} SaMsgQueueUsageT;

typedef struct {
    SaMsgQueueCreationFlagsT creationFlags;
    SaTimeT retentionTime;
    SaTimeT closeTime; /* since 1970-01-01 UTC; 0: it is open */
    SaMsgQueueUsageT saMsgQueueUsage[SA_MSG_MESSAGE_LOWEST_PRIORITY + 1];
} SaMsgQueueStatusT;

typedef enum {
    SA_MSG_QUEUE_GROUP_ROUND_ROBIN = 1,
    SA_MSG_QUEUE_GROUP_LOCAL_ROUND_ROBIN = 2,
    SA_MSG_QUEUE_GROUP_LOCAL_BEST_QUEUE = 3,
    SA_MSG_QUEUE_GROUP_BROADCAST = 4
} SaMsgQueueGroupPolicyT;

typedef enum {
    SA_MSG_QUEUE_GROUP_NO_CHANGE = 1,
    SA_MSG_QUEUE_GROUP_ADDED = 2,
    SA_MSG_QUEUE_GROUP_REMOVED = 3,
    SA_MSG_QUEUE_GROUP_STATE_CHANGED = 4 /* never: a state of queues was withdrawn from the standard */
} SaMsgQueueGroupChangesT;

typedef struct {
    SaNameT queueName;
} SaMsgQueueGroupMemberT;

typedef struct {
    SaMsgQueueGroupMemberT member;
    SaMsgQueueGroupChangesT change;
} SaMsgQueueGroupNotificationT;

typedef struct {
    SaUint32T numberOfItems;
    SaMsgQueueGroupNotificationT *notification;
    SaMsgQueueGroupPolicyT queueGroupPolicy;
} SaMsgQueueGroupNotificationBufferT;

typedef struct {
    SaUint32T type;    /* the application's own */
    SaUint32T version; /* the application's own */
    SaSizeT size;      /* of data */
    SaNameT *senderName;
    void *data;
    SaUint8T priority;
} SaMsgMessageT;

/* B.03.01: capacity of priority areas. */
typedef enum {
    SA_MSG_QUEUE_CAPACITY_REACHED = 1,
    SA_MSG_QUEUE_CAPACITY_AVAILABLE = 2,
    SA_MSG_QUEUE_GROUP_CAPACITY_REACHED = 3,
    SA_MSG_QUEUE_GROUP_CAPACITY_AVAILABLE = 4
} SaMsgMessageCapacityStatusT;

typedef struct {
    SaSizeT capacityReached[SA_MSG_MESSAGE_LOWEST_PRIORITY + 1];
    SaSizeT capacityAvailable[SA_MSG_MESSAGE_LOWEST_PRIORITY + 1];
} SaMsgQueueThresholdsT;

typedef enum { SA_MSG_DEST_CAPACITY_STATUS = 1 } SaMsgStateT;

/* B.03.01: limits of the implementation. */
typedef enum {
    SA_MSG_MAX_PRIORITY_AREA_SIZE_ID = 1,
    SA_MSG_MAX_QUEUE_SIZE_ID = 2,
    SA_MSG_MAX_NUM_QUEUES_ID = 3,
    SA_MSG_MAX_NUM_QUEUE_GROUPS_ID = 4,
    SA_MSG_MAX_NUM_QUEUES_PER_GROUP_ID = 5,
    SA_MSG_MAX_MESSAGE_SIZE_ID = 6,
    SA_MSG_MAX_REPLY_SIZE_ID = 7
} SaMsgLimitIdT;

/* A queue was opened (or not: error) that saMsgQueueOpenAsync asked for. */
typedef void (*SaMsgQueueOpenCallbackT)(SaInvocationT invocation, SaMsgQueueHandleT queueHandle,
                                        SaAisErrorT error);
/* Members of a tracked group.  What the pointers show is valid until the callback returns. */
typedef void (*SaMsgQueueGroupTrackCallbackT)(const SaNameT *queueGroupName,
                                              const SaMsgQueueGroupNotificationBufferT *notificationBuffer,
                                              SaUint32T numberOfMembers, SaAisErrorT error);
/* What became of a message that was sent, or a reply, with SA_MSG_MESSAGE_DELIVERED_ACK. */
typedef void (*SaMsgMessageDeliveredCallbackT)(SaInvocationT invocation, SaAisErrorT error);
/* One message is in the queue: get it. */
typedef void (*SaMsgMessageReceivedCallbackT)(SaMsgQueueHandleT queueHandle);
typedef struct {
    SaMsgQueueOpenCallbackT saMsgQueueOpenCallback;
    SaMsgQueueGroupTrackCallbackT saMsgQueueGroupTrackCallback;
    SaMsgMessageDeliveredCallbackT saMsgMessageDeliveredCallback;
    SaMsgMessageReceivedCallbackT saMsgMessageReceivedCallback;
} SaMsgCallbacksT;

SaAisErrorT saMsgInitialize(SaMsgHandleT *msgHandle, const SaMsgCallbacksT *msgCallbacks, SaVersionT *version);
SaAisErrorT saMsgSelectionObjectGet(SaMsgHandleT msgHandle, SaSelectionObjectT *selectionObject);
SaAisErrorT saMsgDispatch(SaMsgHandleT msgHandle, SaDispatchFlagsT dispatchFlags);
SaAisErrorT saMsgFinalize(SaMsgHandleT msgHandle);

SaAisErrorT saMsgQueueOpen(SaMsgHandleT msgHandle, const SaNameT *queueName,
                           const SaMsgQueueCreationAttributesT *creationAttributes,
                           SaMsgQueueOpenFlagsT openFlags, SaTimeT timeout, SaMsgQueueHandleT *queueHandle);
SaAisErrorT saMsgQueueOpenAsync(SaMsgHandleT msgHandle, SaInvocationT invocation, const SaNameT *queueName,
                                const SaMsgQueueCreationAttributesT *creationAttributes,
                                SaMsgQueueOpenFlagsT openFlags);
SaAisErrorT saMsgQueueClose(SaMsgQueueHandleT queueHandle);
SaAisErrorT saMsgQueueStatusGet(SaMsgHandleT msgHandle, const SaNameT *queueName, SaMsgQueueStatusT *queueStatus);
SaAisErrorT saMsgQueueRetentionTimeSet(SaMsgQueueHandleT queueHandle, SaTimeT *retentionTime); /* B.03.01 */
SaAisErrorT saMsgQueueUnlink(SaMsgHandleT msgHandle, const SaNameT *queueName);

SaAisErrorT saMsgQueueGroupCreate(SaMsgHandleT msgHandle, const SaNameT *queueGroupName,
                                  SaMsgQueueGroupPolicyT queueGroupPolicy);
SaAisErrorT saMsgQueueGroupInsert(SaMsgHandleT msgHandle, const SaNameT *queueGroupName, const SaNameT *queueName);
SaAisErrorT saMsgQueueGroupRemove(SaMsgHandleT msgHandle, const SaNameT *queueGroupName, const SaNameT *queueName);
SaAisErrorT saMsgQueueGroupDelete(SaMsgHandleT msgHandle, const SaNameT *queueGroupName);
SaAisErrorT saMsgQueueGroupTrack(SaMsgHandleT msgHandle, const SaNameT *queueGroupName, SaUint8T trackFlags,
                                 SaMsgQueueGroupNotificationBufferT *notificationBuffer);
SaAisErrorT saMsgQueueGroupTrackStop(SaMsgHandleT msgHandle, const SaNameT *queueGroupName);
SaAisErrorT saMsgQueueGroupNotificationFree(SaMsgHandleT msgHandle,
                                            SaMsgQueueGroupNotificationT *notification); /* B.02.01 */

SaAisErrorT saMsgMessageSend(SaMsgHandleT msgHandle, const SaNameT *destination, const SaMsgMessageT *message,
                             SaTimeT timeout);
SaAisErrorT saMsgMessageSendAsync(SaMsgHandleT msgHandle, SaInvocationT invocation, const SaNameT *destination,
                                  const SaMsgMessageT *message, SaMsgAckFlagsT ackFlags);
/* message->data NULL: the library allocates it, saMsgMessageDataFree or free() ends it.  Else message->size says
 * how much fits, and a larger message stays in the queue (SA_AIS_ERR_NO_SPACE). */
SaAisErrorT saMsgMessageGet(SaMsgQueueHandleT queueHandle, SaMsgMessageT *message, SaTimeT *sendTime,
                            SaMsgSenderIdT *senderId, SaTimeT timeout);
SaAisErrorT saMsgMessageCancel(SaMsgQueueHandleT queueHandle);
SaAisErrorT saMsgMessageDataFree(SaMsgHandleT msgHandle, void *data); /* B.02.01 */
SaAisErrorT saMsgMessageSendReceive(SaMsgHandleT msgHandle, const SaNameT *destination,
                                    const SaMsgMessageT *sendMessage, SaMsgMessageT *receiveMessage,
                                    SaTimeT *replySendTime, SaTimeT timeout);
SaAisErrorT saMsgMessageReply(SaMsgHandleT msgHandle, const SaMsgMessageT *replyMessage,
                              const SaMsgSenderIdT *senderId, SaTimeT timeout);
SaAisErrorT saMsgMessageReplyAsync(SaMsgHandleT msgHandle, SaInvocationT invocation,
                                   const SaMsgMessageT *replyMessage, const SaMsgSenderIdT *senderId,
                                   SaMsgAckFlagsT ackFlags);

/* B.03.01 */
SaAisErrorT saMsgQueueCapacityThresholdsSet(SaMsgQueueHandleT queueHandle, const SaMsgQueueThresholdsT *thresholds);
SaAisErrorT saMsgQueueCapacityThresholdsGet(SaMsgQueueHandleT queueHandle, SaMsgQueueThresholdsT *thresholds);
SaAisErrorT saMsgMetadataSizeGet(SaMsgHandleT msgHandle, SaUint32T *metadataSize);
SaAisErrorT saMsgLimitGet(SaMsgHandleT msgHandle, SaMsgLimitIdT limitId, SaLimitValueT *value);

#ifdef __cplusplus
}
#endif
#endif
