/* SPDX-License-Identifier: BSD-3-Clause
 * The public header as a program of C99 has it; layouts of the standard's binary interface. */

#include <openais/saEvt.h>

#include <stddef.h>

typedef char pattern_is_24[sizeof(SaEvtEventPatternT) == 24 ? 1 : -1];
typedef char pattern_array_is_24[sizeof(SaEvtEventPatternArrayT) == 24 ? 1 : -1];
typedef char filter_is_32[sizeof(SaEvtEventFilterT) == 32 ? 1 : -1];
typedef char filter_array_is_16[sizeof(SaEvtEventFilterArrayT) == 16 ? 1 : -1];
typedef char open_comes_first[offsetof(SaEvtCallbacksT, saEvtChannelOpenCallback) == 0 ? 1 : -1];

/* A translation unit must not be empty. */
int saevt_header_is_c99(void);
int saevt_header_is_c99(void) { return sizeof SA_EVT_LOST_EVENT == 26; }
