/* SPDX-License-Identifier: BSD-3-Clause
 *
 * What all services of the SA Forum's Application Interface Specification have
 * in common: types, constants, results.  saAis(3) explains them.  Every service header
 * includes this one; no library belongs to it.  C99 and C++.
 */
#ifndef OPENAIS_SA_AIS_H
#define OPENAIS_SA_AIS_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ---- Numbers */

typedef int8_t SaInt8T;
typedef int16_t SaInt16T;
typedef int32_t SaInt32T;
typedef int64_t SaInt64T;
typedef uint8_t SaUint8T;
typedef uint16_t SaUint16T;
typedef uint32_t SaUint32T;
typedef uint64_t SaUint64T;
typedef float SaFloatT;
typedef double SaDoubleT;
typedef char *SaStringT;

typedef enum { SA_FALSE = 0, SA_TRUE = 1 } SaBoolT;

typedef SaUint64T SaSizeT;
typedef SaUint64T SaOffsetT;
typedef SaUint64T SaInvocationT;      /* chosen by who asks, returned with the answer */
typedef SaUint64T SaSelectionObjectT; /* a file descriptor, for poll(2) and select(2) */
typedef SaUint64T SaNtfIdentifierT;

#define SA_NTF_IDENTIFIER_UNUSED ((SaNtfIdentifierT)0)

/* No handle is 0. */
#define SA_HANDLE_INVALID 0

typedef union {
    SaInt64T int64Value;
    SaUint64T uint64Value;
    SaInt64T timeValue; /* SaTimeT */
    SaFloatT floatValue;
    SaDoubleT doubleValue;
} SaLimitValueT;

typedef struct {
    SaSizeT bufferSize;
    SaUint8T *bufferAddr;
} SaAnyT;

typedef struct {
    SaNtfIdentifierT rootCorrelationId;
    SaNtfIdentifierT parentCorrelationId;
    SaNtfIdentifierT notificationId;
} SaNtfCorrelationIdsT;

/* ---- Time: nanoseconds, a duration or since 1970-01-01 00:00 UTC */

typedef SaInt64T SaTimeT;

#define SA_TIME_BEGIN ((SaTimeT)0)
#define SA_TIME_END ((SaTimeT)0x7FFFFFFFFFFFFFFFLL)
#define SA_TIME_MAX SA_TIME_END /* as a timeout: for ever */
#define SA_TIME_UNKNOWN ((SaTimeT)(-0x7FFFFFFFFFFFFFFFLL - 1))
#define SA_TIME_ONE_MICROSECOND ((SaTimeT)1000LL)
#define SA_TIME_ONE_MILLISECOND ((SaTimeT)1000000LL)
#define SA_TIME_ONE_SECOND ((SaTimeT)1000000000LL)
#define SA_TIME_ONE_MINUTE ((SaTimeT)60000000000LL)
#define SA_TIME_ONE_HOUR ((SaTimeT)3600000000000LL)
#define SA_TIME_ONE_DAY ((SaTimeT)86400000000000LL)

/* ---- Names: `length` bytes, compared as bytes; no NUL is needed or counted */

#define SA_MAX_NAME_LENGTH 256

typedef struct {
    SaUint16T length;
    SaUint8T value[SA_MAX_NAME_LENGTH];
} SaNameT;

/* ---- Versions, e.g. 'B', 1, 1 */

typedef struct {
    SaUint8T releaseCode;
    SaUint8T majorVersion;
    SaUint8T minorVersion;
} SaVersionT;

/* ---- Flags */

/* What to track. */
#define SA_TRACK_CURRENT 0x01       /* what is now, once */
#define SA_TRACK_CHANGES 0x02       /* everything, at each change */
#define SA_TRACK_CHANGES_ONLY 0x04  /* what has changed, at each change */
#define SA_TRACK_LOCAL 0x08         /* about the own node only */
#define SA_TRACK_START_STEP 0x10    /* also before a change happens */
#define SA_TRACK_VALIDATE_STEP 0x20 /* also when a change is asked for, to refuse it */

typedef enum {
    SA_DISPATCH_ONE = 1,     /* at most one callback; does not wait for it */
    SA_DISPATCH_ALL = 2,     /* all that are pending; does not wait */
    SA_DISPATCH_BLOCKING = 3 /* until the handle is finalized */
} SaDispatchFlagsT;

/* ---- Results */

typedef enum {
    SA_AIS_OK = 1,
    SA_AIS_ERR_LIBRARY = 2,          /* the executive is gone, or has a fault */
    SA_AIS_ERR_VERSION = 3,          /* not this version, or not for this version */
    SA_AIS_ERR_INIT = 4,             /* the callback that this needs was not given */
    SA_AIS_ERR_TIMEOUT = 5,          /* the time ran out; whether it took effect is not known */
    SA_AIS_ERR_TRY_AGAIN = 6,        /* not now */
    SA_AIS_ERR_INVALID_PARAM = 7,
    SA_AIS_ERR_NO_MEMORY = 8,
    SA_AIS_ERR_BAD_HANDLE = 9,       /* never one, finalized, or of another process */
    SA_AIS_ERR_BUSY = 10,
    SA_AIS_ERR_ACCESS = 11,          /* the mode of opening, or the user, does not allow it */
    SA_AIS_ERR_NOT_EXIST = 12,
    SA_AIS_ERR_NAME_TOO_LONG = 13,
    SA_AIS_ERR_EXIST = 14,
    SA_AIS_ERR_NO_SPACE = 15,        /* a buffer or a configured room is too small */
    SA_AIS_ERR_INTERRUPT = 16,
    SA_AIS_ERR_NAME_NOT_FOUND = 17,
    SA_AIS_ERR_NO_RESOURCES = 18,
    SA_AIS_ERR_NOT_SUPPORTED = 19,
    SA_AIS_ERR_BAD_OPERATION = 20,
    SA_AIS_ERR_FAILED_OPERATION = 21,
    SA_AIS_ERR_MESSAGE_ERROR = 22,
    SA_AIS_ERR_QUEUE_FULL = 23,
    SA_AIS_ERR_QUEUE_NOT_AVAILABLE = 24,
    SA_AIS_ERR_BAD_FLAGS = 25,
    SA_AIS_ERR_TOO_BIG = 26,
    SA_AIS_ERR_NO_SECTIONS = 27,
    SA_AIS_ERR_NO_OP = 28,
    SA_AIS_ERR_REPAIR_PENDING = 29,
    SA_AIS_ERR_NO_BINDINGS = 30,
    SA_AIS_ERR_UNAVAILABLE = 31,     /* this node is no member of the cluster */
    SA_AIS_ERR_CAMPAIGN_ERROR_DETECTED = 32,
    SA_AIS_ERR_CAMPAIGN_PROC_FAILED = 33,
    SA_AIS_ERR_CAMPAIGN_CANCELED = 34,
    SA_AIS_ERR_CAMPAIGN_FAILED = 35,
    SA_AIS_ERR_CAMPAIGN_SUSPENDED = 36,
    SA_AIS_ERR_CAMPAIGN_SUSPENDING = 37,
    SA_AIS_ERR_ACCESS_DENIED = 38,
    SA_AIS_ERR_NOT_READY = 39,
    SA_AIS_ERR_DEPLOYMENT = 40,
    SA_AIS_ERR_SECURITY = 100        /* for old sources; never returned */
} SaAisErrorT;
#define SA_AIS_ERR_SECURITY SA_AIS_ERR_SECURITY

/* ---- Services by number, as of B.05 */

typedef enum {
    SA_SVC_HPI = 1,
    SA_SVC_AMF = 2,
    SA_SVC_CLM = 3,
    SA_SVC_CKPT = 4,
    SA_SVC_EVT = 5,
    SA_SVC_MSG = 6,
    SA_SVC_LCK = 7,
    SA_SVC_IMMS = 8,
    SA_SCV_LOG = 9, /* spelt as in the standard */
    SA_SVC_NTF = 10,
    SA_SVC_NAM = 11,
    SA_SVC_TMR = 12,
    SA_SVC_SMF = 13,
    SA_SVC_SEC = 14,
    SA_SVC_PLM = 15
} SaServicesT;

#ifdef __cplusplus
}
#endif
#endif
