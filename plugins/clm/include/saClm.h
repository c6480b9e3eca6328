/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Cluster Membership Service of the SA Forum's AIS: which nodes are members of
 * the cluster, and how that changes.  clm(7) is the overview, saClm(3) has every
 * function with every error, saAis(3) what all services share.
 *
 * B.01.01 by the plain names, B.04.01 by those with _4; a handle is of the one
 * with which it was initialized.  C99 and C++.
 */
#ifndef OPENAIS_SA_CLM_H
#define OPENAIS_SA_CLM_H

#include <openais/saAis.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef SaUint64T SaClmHandleT;
typedef SaUint32T SaClmNodeIdT;

#define SA_CLM_LOCAL_NODE_ID 0xffffffff /* the node that the caller runs on */
#define SA_CLM_MAX_ADDRESS_LENGTH 64

typedef enum { SA_CLM_AF_INET = 1, SA_CLM_AF_INET6 = 2 } SaClmNodeAddressFamilyT;

/* An address as text, "10.0.0.1" or "fe80::1"; `length` counts no NUL. */
typedef struct {
    SaClmNodeAddressFamilyT family;
    SaUint16T length;
    SaUint8T value[SA_CLM_MAX_ADDRESS_LENGTH];
} SaClmNodeAddressT;

/* ---- B.01.01 */

typedef struct {
    SaClmNodeIdT nodeId;
    SaClmNodeAddressT nodeAddress;
    SaNameT nodeName;
    SaBoolT member;
    SaTimeT bootTimestamp;
    SaUint64T initialViewNumber; /* of the view in which it became a member */
} SaClmClusterNodeT;

typedef enum {
    SA_CLM_NODE_NO_CHANGE = 1,
    SA_CLM_NODE_JOINED = 2,
    SA_CLM_NODE_LEFT = 3,
    SA_CLM_NODE_RECONFIGURED = 4, /* its name or address is another now */
    SA_CLM_NODE_UNLOCK = 5,       /* B.04 */
    SA_CLM_NODE_SHUTDOWN = 6      /* B.04 */
} SaClmClusterChangesT;

typedef struct {
    SaClmClusterNodeT clusterNode;
    SaClmClusterChangesT clusterChange;
} SaClmClusterNotificationT;

typedef struct {
    SaUint64T viewNumber;
    SaUint32T numberOfItems;
    SaClmClusterNotificationT *notification;
} SaClmClusterNotificationBufferT;

typedef void (*SaClmClusterNodeGetCallbackT)(SaInvocationT invocation,
                                             const SaClmClusterNodeT *clusterNode,
                                             SaAisErrorT error);
typedef void (*SaClmClusterTrackCallbackT)(
    const SaClmClusterNotificationBufferT *notificationBuffer, SaUint32T numberOfMembers,
    SaAisErrorT error);

typedef struct {
    SaClmClusterNodeGetCallbackT saClmClusterNodeGetCallback;
    SaClmClusterTrackCallbackT saClmClusterTrackCallback;
} SaClmCallbacksT;

SaAisErrorT saClmInitialize(SaClmHandleT *clmHandle, const SaClmCallbacksT *clmCallbacks,
                            SaVersionT *version);
SaAisErrorT saClmSelectionObjectGet(SaClmHandleT clmHandle, SaSelectionObjectT *selectionObject);
SaAisErrorT saClmDispatch(SaClmHandleT clmHandle, SaDispatchFlagsT dispatchFlags);
SaAisErrorT saClmFinalize(SaClmHandleT clmHandle);
SaAisErrorT saClmClusterTrack(SaClmHandleT clmHandle, SaUint8T trackFlags,
                              SaClmClusterNotificationBufferT *notificationBuffer);
SaAisErrorT saClmClusterTrackStop(SaClmHandleT clmHandle);
SaAisErrorT saClmClusterNodeGet(SaClmHandleT clmHandle, SaClmNodeIdT nodeId, SaTimeT timeout,
                                SaClmClusterNodeT *clusterNode);
SaAisErrorT saClmClusterNodeGetAsync(SaClmHandleT clmHandle, SaInvocationT invocation,
                                     SaClmNodeIdT nodeId);

/* ---- B.02.01 */

typedef enum {
    SA_CLM_CLUSTER_CHANGE_STATUS = 1,
    SA_CLM_ADMIN_STATE = 2 /* B.04 */
} SaClmStateT;

SaAisErrorT saClmClusterNotificationFree(SaClmHandleT clmHandle,
                                         SaClmClusterNotificationT *notification);

/* ---- B.04.01 */

typedef enum {
    SA_CLM_ADMIN_UNLOCK = 1,
    SA_CLM_ADMIN_LOCK = 2,
    SA_CLM_ADMIN_SHUTDOWN = 3,
    SA_CLM_ADMIN_RESET = 4,
    SA_CLM_ADMIN_ACTION = 5
} SaClmAdminOperationIdT;

typedef enum {
    SA_CLM_ADMIN_UNLOCKED = 1,
    SA_CLM_ADMIN_LOCKED = 2,
    SA_CLM_ADMIN_SHUTTING_DOWN = 3
} SaClmAdminStateT;

typedef enum { SA_CLM_ROOT_CAUSE_ENTITY = 1 } SaClmAdditionalInfoIdT_4;

typedef enum {
    SA_CLM_CHANGE_VALIDATE = 1,
    SA_CLM_CHANGE_START = 2,
    SA_CLM_CHANGE_ABORTED = 3,
    SA_CLM_CHANGE_COMPLETED = 4
} SaClmChangeStepT;

typedef enum {
    SA_CLM_CALLBACK_RESPONSE_OK = 1,
    SA_CLM_CALLBACK_RESPONSE_REJECTED = 2,
    SA_CLM_CALLBACK_RESPONSE_ERROR = 3
} SaClmResponseT;

typedef enum {
    SA_CLM_NTFID_NODE_JOIN = 0x065,
    SA_CLM_NTFID_NODE_LEAVE = 0x066,
    SA_CLM_NTFID_NODE_RECONFIG = 0x067,
    SA_CLM_NTFID_NODE_ADMIN_STATE = 0x068
} SaClmNotificationMinorIdT;

typedef struct {
    SaClmNodeIdT nodeId;
    SaClmNodeAddressT nodeAddress;
    SaNameT nodeName;
    SaNameT executionEnvironment;
    SaBoolT member;
    SaTimeT bootTimestamp;
    SaUint64T initialViewNumber;
} SaClmClusterNodeT_4;

typedef struct {
    SaClmClusterNodeT_4 clusterNode;
    SaClmClusterChangesT clusterChange;
} SaClmClusterNotificationT_4;

typedef struct {
    SaUint64T viewNumber;
    SaUint32T numberOfItems;
    SaClmClusterNotificationT_4 *notification;
} SaClmClusterNotificationBufferT_4;

typedef void (*SaClmClusterNodeGetCallbackT_4)(SaInvocationT invocation,
                                               const SaClmClusterNodeT_4 *clusterNode,
                                               SaAisErrorT error);
typedef void (*SaClmClusterTrackCallbackT_4)(
    const SaClmClusterNotificationBufferT_4 *notificationBuffer, SaUint32T numberOfMembers,
    SaInvocationT invocation, const SaNameT *rootCauseEntity,
    const SaNtfCorrelationIdsT *correlationIds, SaClmChangeStepT step, SaTimeT timeSupervision,
    SaAisErrorT error);

typedef struct {
    SaClmClusterNodeGetCallbackT_4 saClmClusterNodeGetCallback;
    SaClmClusterTrackCallbackT_4 saClmClusterTrackCallback;
} SaClmCallbacksT_4;

SaAisErrorT saClmInitialize_4(SaClmHandleT *clmHandle, const SaClmCallbacksT_4 *clmCallbacks,
                              SaVersionT *version);
SaAisErrorT saClmClusterTrack_4(SaClmHandleT clmHandle, SaUint8T trackFlags,
                                SaClmClusterNotificationBufferT_4 *notificationBuffer);
SaAisErrorT saClmClusterNotificationFree_4(SaClmHandleT clmHandle,
                                           SaClmClusterNotificationT_4 *notification);
SaAisErrorT saClmClusterNodeGet_4(SaClmHandleT clmHandle, SaClmNodeIdT nodeId, SaTimeT timeout,
                                  SaClmClusterNodeT_4 *clusterNode);
SaAisErrorT saClmResponse_4(SaClmHandleT clmHandle, SaInvocationT invocation,
                            SaClmResponseT response);

#ifdef __cplusplus
}
#endif
#endif
