/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Event service of the SA Forum's Application Interface Specification, version B.01.01
 * with the additions of B.02.01 and B.03.01.  Link with -lSaEvt, -lsaEvt or -lais.
 *
 * Guide: evt(7).  Every function with every error and its cause: saEvt(3).
 */
#ifndef OPENAIS_SAEVT_H
#define OPENAIS_SAEVT_H

#include <openais/saAis.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef SaUint64T SaEvtHandleT;
typedef SaUint64T SaEvtEventHandleT;
typedef SaUint64T SaEvtChannelHandleT;
typedef SaUint32T SaEvtSubscriptionIdT; /* chosen by the application, unique for a channel handle */

/* A channel was opened (or not: error) that saEvtChannelOpenAsync asked for. */
typedef void (*SaEvtChannelOpenCallbackT)(SaInvocationT invocation, SaEvtChannelHandleT channelHandle,
                                          SaAisErrorT error);
/* An event arrived.  eventHandle stays valid after the callback, until saEvtEventFree. */
typedef void (*SaEvtEventDeliverCallbackT)(SaEvtSubscriptionIdT subscriptionId, SaEvtEventHandleT eventHandle,
                                           SaSizeT eventDataSize);
typedef struct {
    SaEvtChannelOpenCallbackT saEvtChannelOpenCallback;
    SaEvtEventDeliverCallbackT saEvtEventDeliverCallback;
} SaEvtCallbacksT;

#define SA_EVT_CHANNEL_PUBLISHER 0x1
#define SA_EVT_CHANNEL_SUBSCRIBER 0x2
#define SA_EVT_CHANNEL_CREATE 0x4
typedef SaUint8T SaEvtChannelOpenFlagsT;

typedef struct {
    SaSizeT allocatedSize; /* bytes that `pattern` has room for: of saEvtEventAttributesGet only */
    SaSizeT patternSize;   /* bytes that count */
    SaUint8T *pattern;
} SaEvtEventPatternT;

typedef struct {
    SaSizeT allocatedNumber; /* elements that `patterns` has room for: of saEvtEventAttributesGet only */
    SaSizeT patternsNumber;
    SaEvtEventPatternT *patterns;
} SaEvtEventPatternArrayT;

#define SA_EVT_HIGHEST_PRIORITY 0
#define SA_EVT_LOWEST_PRIORITY 3
typedef SaUint8T SaEvtEventPriorityT;

typedef SaUint64T SaEvtEventIdT;
#define SA_EVT_EVENTID_NONE 0 /* allocated and not published yet */
#define SA_EVT_EVENTID_LOST 1 /* a notice that events were lost */
/* The one pattern of such a notice; 25 bytes, and a NUL behind them in memory. */
#define SA_EVT_LOST_EVENT "SA_EVT_LOST_EVENT_PATTERN"

/* Most bytes of data of an event (an addition of openais). */
#define SA_EVT_DATA_MAX_LEN (64 * 1024)

typedef enum {
    SA_EVT_PREFIX_FILTER = 1,
    SA_EVT_SUFFIX_FILTER = 2,
    SA_EVT_EXACT_FILTER = 3,
    SA_EVT_PASS_ALL_FILTER = 4
} SaEvtEventFilterTypeT;

typedef struct {
    SaEvtEventFilterTypeT filterType;
    SaEvtEventPatternT filter; /* allocatedSize does not count */
} SaEvtEventFilterT;

typedef struct {
    SaSizeT filtersNumber;
    SaEvtEventFilterT *filters;
} SaEvtEventFilterArrayT;

/* B.03.01: limits of the implementation. */
typedef enum {
    SA_EVT_MAX_NUM_CHANNELS_ID = 1,
    SA_EVT_MAX_EVT_SIZE_ID = 2,
    SA_EVT_MAX_PATTERN_SIZE_ID = 3,
    SA_EVT_MAX_NUM_PATTERNS_ID = 4,
    SA_EVT_MAX_RETENTION_DURATION_ID = 5
} SaEvtLimitIdT;

SaAisErrorT saEvtInitialize(SaEvtHandleT *evtHandle, const SaEvtCallbacksT *callbacks, SaVersionT *version);
SaAisErrorT saEvtSelectionObjectGet(SaEvtHandleT evtHandle, SaSelectionObjectT *selectionObject);
SaAisErrorT saEvtDispatch(SaEvtHandleT evtHandle, SaDispatchFlagsT dispatchFlags);
SaAisErrorT saEvtFinalize(SaEvtHandleT evtHandle);

SaAisErrorT saEvtChannelOpen(SaEvtHandleT evtHandle, const SaNameT *channelName,
                             SaEvtChannelOpenFlagsT channelOpenFlags, SaTimeT timeout,
                             SaEvtChannelHandleT *channelHandle);
SaAisErrorT saEvtChannelOpenAsync(SaEvtHandleT evtHandle, SaInvocationT invocation, const SaNameT *channelName,
                                  SaEvtChannelOpenFlagsT channelOpenFlags);
SaAisErrorT saEvtChannelClose(SaEvtChannelHandleT channelHandle);
SaAisErrorT saEvtChannelUnlink(SaEvtHandleT evtHandle, const SaNameT *channelName);

SaAisErrorT saEvtEventAllocate(SaEvtChannelHandleT channelHandle, SaEvtEventHandleT *eventHandle);
SaAisErrorT saEvtEventFree(SaEvtEventHandleT eventHandle);
SaAisErrorT saEvtEventAttributesSet(SaEvtEventHandleT eventHandle, const SaEvtEventPatternArrayT *patternArray,
                                    SaEvtEventPriorityT priority, SaTimeT retentionTime,
                                    const SaNameT *publisherName);
SaAisErrorT saEvtEventAttributesGet(SaEvtEventHandleT eventHandle, SaEvtEventPatternArrayT *patternArray,
                                    SaEvtEventPriorityT *priority, SaTimeT *retentionTime, SaNameT *publisherName,
                                    SaTimeT *publishTime, SaEvtEventIdT *eventId);
SaAisErrorT saEvtEventPatternFree(SaEvtEventHandleT eventHandle, SaEvtEventPatternT *patterns); /* B.02.01 */
SaAisErrorT saEvtEventDataGet(SaEvtEventHandleT eventHandle, void *eventData, SaSizeT *eventDataSize);

SaAisErrorT saEvtEventPublish(SaEvtEventHandleT eventHandle, const void *eventData, SaSizeT eventDataSize,
                              SaEvtEventIdT *eventId);
SaAisErrorT saEvtEventSubscribe(SaEvtChannelHandleT channelHandle, const SaEvtEventFilterArrayT *filters,
                                SaEvtSubscriptionIdT subscriptionId);
SaAisErrorT saEvtEventUnsubscribe(SaEvtChannelHandleT channelHandle, SaEvtSubscriptionIdT subscriptionId);
SaAisErrorT saEvtEventRetentionTimeClear(SaEvtChannelHandleT channelHandle, SaEvtEventIdT eventId);

SaAisErrorT saEvtLimitGet(SaEvtHandleT evtHandle, SaEvtLimitIdT limitId, SaLimitValueT *limitValue); /* B.03.01 */

#ifdef __cplusplus
}
#endif
#endif
