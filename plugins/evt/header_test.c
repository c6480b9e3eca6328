/* SPDX-License-Identifier: BSD-3-Clause
 * The public header as a program of C99 has it; layouts of the standard's binary interface. */

#include <openais/saEvt.h>

#include <stddef.h>

#define SAME(name, a, b) typedef char name[(a) == (b) ? 1 : -1]

SAME(publisher, SA_EVT_CHANNEL_PUBLISHER, 1);
SAME(subscriber, SA_EVT_CHANNEL_SUBSCRIBER, 2);
SAME(create, SA_EVT_CHANNEL_CREATE, 4);
SAME(flags_are_8_bits, sizeof(SaEvtChannelOpenFlagsT), 1);
SAME(highest, SA_EVT_HIGHEST_PRIORITY, 0);
SAME(lowest, SA_EVT_LOWEST_PRIORITY, 3);
SAME(priority_is_8_bits, sizeof(SaEvtEventPriorityT), 1);
SAME(id_none, SA_EVT_EVENTID_NONE, 0);
SAME(id_lost, SA_EVT_EVENTID_LOST, 1);
SAME(id_is_64_bits, sizeof(SaEvtEventIdT), 8);
SAME(subscription_is_32_bits, sizeof(SaEvtSubscriptionIdT), 4);
SAME(data_max, SA_EVT_DATA_MAX_LEN, 65536);
SAME(prefix, SA_EVT_PREFIX_FILTER, 1);
SAME(suffix, SA_EVT_SUFFIX_FILTER, 2);
SAME(exact, SA_EVT_EXACT_FILTER, 3);
SAME(pass_all, SA_EVT_PASS_ALL_FILTER, 4);
SAME(max_channels, SA_EVT_MAX_NUM_CHANNELS_ID, 1);
SAME(max_event_size, SA_EVT_MAX_EVT_SIZE_ID, 2);
SAME(max_pattern_size, SA_EVT_MAX_PATTERN_SIZE_ID, 3);
SAME(max_patterns, SA_EVT_MAX_NUM_PATTERNS_ID, 4);
SAME(max_retention, SA_EVT_MAX_RETENTION_DURATION_ID, 5);

typedef char pattern_is_24[sizeof(SaEvtEventPatternT) == 24 ? 1 : -1];
typedef char pattern_array_is_24[sizeof(SaEvtEventPatternArrayT) == 24 ? 1 : -1];
typedef char filter_is_32[sizeof(SaEvtEventFilterT) == 32 ? 1 : -1];
typedef char filter_array_is_16[sizeof(SaEvtEventFilterArrayT) == 16 ? 1 : -1];
typedef char open_comes_first[offsetof(SaEvtCallbacksT, saEvtChannelOpenCallback) == 0 ? 1 : -1];

/* A translation unit must not be empty. */
int saevt_header_is_c99(void);
int saevt_header_is_c99(void) { return sizeof SA_EVT_LOST_EVENT == 26; }
