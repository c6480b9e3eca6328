/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Lock service of the SA Forum's Application Interface Specification, version B.01.01
 * with the additions of B.02.01 and B.03.01.  Link with -lSaLck, -lsaLck or -lais.
 *
 * Guide: lck(7).  Every function with every error and its cause: saLck(3).
 *
 * At the end are extensions of aisexec, which no other implementation has: fencing numbers,
 * and the notice that a lock was lost.
 */
#ifndef OPENAIS_SALCK_H
#define OPENAIS_SALCK_H

#include <openais/saAis.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef SaUint64T SaLckHandleT;
typedef SaUint64T SaLckLockIdT; /* unique in the process; no call needs a handle besides */
typedef SaUint64T SaLckResourceHandleT;
typedef SaUint64T SaLckWaiterSignalT; /* chosen by who requests, given to those who hold */

#define SA_LCK_RESOURCE_CREATE 0x1
typedef SaUint32T SaLckResourceOpenFlagsT;

#define SA_LCK_LOCK_NO_QUEUE 0x1 /* do not wait */
#define SA_LCK_LOCK_ORPHAN 0x2   /* stay locked when the holder goes; and do not wait for an orphan */
typedef SaUint32T SaLckLockFlagsT;

/* What the implementation offers; this one both. */
#define SA_LCK_OPT_ORPHAN_LOCKS 0x1
#define SA_LCK_OPT_DEADLOCK_DETECTION 0x2
typedef SaUint32T SaLckOptionsT;

/* What became of a request.  Only after GRANTED is anything held. */
typedef enum {
    SA_LCK_LOCK_GRANTED = 1,
    SA_LCK_LOCK_DEADLOCK = 2,    /* it would wait for ever */
    SA_LCK_LOCK_NOT_QUEUED = 3,  /* NO_QUEUE and not free, or unlocked while it waited */
    SA_LCK_LOCK_ORPHANED = 4,    /* an orphan is in the way */
    SA_LCK_LOCK_NO_MORE = 5,     /* the cluster has SA_LCK_MAX_NUM_LOCKS_ID locks */
    SA_LCK_LOCK_DUPLICATE_EX = 6 /* this resource handle has the exclusive lock */
} SaLckLockStatusT;

typedef enum {
    SA_LCK_PR_LOCK_MODE = 1, /* protected read: shared */
    SA_LCK_EX_LOCK_MODE = 2  /* exclusive */
} SaLckLockModeT;

/* A resource was opened (or not: error) that saLckResourceOpenAsync asked for. */
typedef void (*SaLckResourceOpenCallbackT)(SaInvocationT invocation, SaLckResourceHandleT lockResourceHandle,
                                           SaAisErrorT error);
/* A request of saLckResourceLockAsync is decided; lockStatus counts if error is SA_AIS_OK. */
typedef void (*SaLckLockGrantCallbackT)(SaInvocationT invocation, SaLckLockStatusT lockStatus, SaAisErrorT error);
typedef SaLckLockGrantCallbackT SaLckLockGrantcallbackT; /* as openais spells it */
/* Somebody waits for a lock of this process. */
typedef void (*SaLckLockWaiterCallbackT)(SaLckWaiterSignalT waiterSignal, SaLckLockIdT lockId,
                                         SaLckLockModeT modeHeld, SaLckLockModeT modeRequested);
/* saLckResourceUnlockAsync is done. */
typedef void (*SaLckResourceUnlockCallbackT)(SaInvocationT invocation, SaAisErrorT error);

typedef struct {
    SaLckResourceOpenCallbackT saLckResourceOpenCallback;
    SaLckLockGrantCallbackT saLckLockGrantCallback;
    SaLckLockWaiterCallbackT saLckLockWaiterCallback;
    SaLckResourceUnlockCallbackT saLckResourceUnlockCallback;
} SaLckCallbacksT;

/* B.03.01: limits of the implementation. */
typedef enum { SA_LCK_MAX_NUM_LOCKS_ID = 1 } SaLckLimitIdT;

SaAisErrorT saLckInitialize(SaLckHandleT *lckHandle, const SaLckCallbacksT *lckCallbacks, SaVersionT *version);
SaAisErrorT saLckSelectionObjectGet(SaLckHandleT lckHandle, SaSelectionObjectT *selectionObject);
SaAisErrorT saLckOptionCheck(SaLckHandleT lckHandle, SaLckOptionsT *lckOptions);
SaAisErrorT saLckDispatch(SaLckHandleT lckHandle, SaDispatchFlagsT dispatchFlags);
SaAisErrorT saLckFinalize(SaLckHandleT lckHandle);

SaAisErrorT saLckResourceOpen(SaLckHandleT lckHandle, const SaNameT *lockResourceName,
                              SaLckResourceOpenFlagsT resourceFlags, SaTimeT timeout,
                              SaLckResourceHandleT *lockResourceHandle);
SaAisErrorT saLckResourceOpenAsync(SaLckHandleT lckHandle, SaInvocationT invocation,
                                   const SaNameT *lockResourceName, SaLckResourceOpenFlagsT resourceFlags);
SaAisErrorT saLckResourceClose(SaLckResourceHandleT lockResourceHandle);

/* *lockId is written before the request is sent. */
SaAisErrorT saLckResourceLock(SaLckResourceHandleT lockResourceHandle, SaLckLockIdT *lockId,
                              SaLckLockModeT lockMode, SaLckLockFlagsT lockFlags,
                              SaLckWaiterSignalT waiterSignal, SaTimeT timeout, SaLckLockStatusT *lockStatus);
SaAisErrorT saLckResourceLockAsync(SaLckResourceHandleT lockResourceHandle, SaInvocationT invocation,
                                   SaLckLockIdT *lockId, SaLckLockModeT lockMode, SaLckLockFlagsT lockFlags,
                                   SaLckWaiterSignalT waiterSignal);
SaAisErrorT saLckResourceUnlock(SaLckLockIdT lockId, SaTimeT timeout);
SaAisErrorT saLckResourceUnlockAsync(SaInvocationT invocation, SaLckLockIdT lockId);
SaAisErrorT saLckLockPurge(SaLckResourceHandleT lockResourceHandle);

SaAisErrorT saLckLimitGet(SaLckHandleT lckHandle, SaLckLimitIdT limitId, SaLimitValueT *limitValue); /* B.03.01 */

/* ---- Extensions of aisexec.
 *
 * A process that was stopped for a while, or cut off from the others, may believe that it has
 * a lock that somebody else has by now.  So what the lock protects must look for itself: it remembers
 * the highest fencing number that it has seen, and refuses whoever comes with a lower one.
 *
 *     SaLckFenceT fence;
 *     if (saLckLockFenceGet(lockId, &fence) != SA_AIS_OK) { the lock is lost: do not write }
 *     UPDATE account SET balance = …, fence_high = :high, fence_low = :low
 *      WHERE id = … AND (fence_high, fence_low) <= (:high, :low)
 */
#define SA_LCK_HAVE_FENCE 1

/* A number of 128 bits.  Each grant of a resource has a higher one than all before it, anywhere in the
 * cluster, also when the network was divided or nodes were started anew. */
typedef struct {
    SaUint64T high;
    SaUint64T low;
} SaLckFenceT;

/* The number of a lock that is granted, as it is now: a merge of two parts of the cluster raises it.
 * Asks the executive of this node.  NOT_EXIST: it is not granted, or is lost. */
SaAisErrorT saLckLockFenceGet(SaLckLockIdT lockId, SaLckFenceT *fence);

/* Below 0, 0 or above 0 if a is lower, equal or higher.  Neither may be null. */
int saLckFenceCompare(const SaLckFenceT *a, const SaLckFenceT *b);

/* A lock that was granted is gone without having been unlocked: two parts of the cluster had granted the
 * resource and have come together, or this part is not the primary one any more.  Its id is invalid. */
typedef void (*SaLckLockLostCallbackT)(SaLckResourceHandleT lockResourceHandle, SaLckLockIdT lockId);

/* From now on; called by saLckDispatch.  Null: not any more. */
SaAisErrorT saLckLockLostCallbackSet(SaLckHandleT lckHandle, SaLckLockLostCallbackT lostCallback);

#ifdef __cplusplus
}
#endif
#endif
