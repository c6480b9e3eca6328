/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Words that every interface of the ABI uses.
 *
 * Conventions of all headers in this folder:
 *   - C11, and legal C++20; nothing but <stddef.h> and <stdint.h>.
 *   - A table begins with its own size in bytes, written by whoever fills it.
 *     The reader copies min(theirs, ours) into a zeroed table of its own and
 *     takes a NULL function as "not offered" (docs/abi/plugin_abi.md).
 *   - Views (ais_bytes, arrays) live until the call returns.  Who must keep,
 *     copies.  Text is UTF-8 with a length, or a NUL-terminated `const char *`
 *     where a name or an id is meant.
 *   - Each function carries a tag: [loop] on the kernel's loop, [loop & synced]
 *     only while all replicas are equal, [loop & syncing] inside an exchange of
 *     snapshots, [any thread].
 *   - No function of either side throws.  Times are nanoseconds.
 */
#ifndef AIS_ABI_TYPES_H
#define AIS_ABI_TYPES_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Result of a call.  Values are fixed for ever; new ones are appended. */
typedef int32_t ais_status;
#define AIS_OK 0
#define AIS_ERR_INVALID 1     /* an argument is out of its range */
#define AIS_ERR_AGAIN 2       /* not now: a queue is full or replicas are being synchronised */
#define AIS_ERR_NOT_FOUND 3   /* no such thing */
#define AIS_ERR_EXISTS 4      /* it is there already */
#define AIS_ERR_TOO_BIG 5     /* above a limit that the function names */
#define AIS_ERR_NO_MEMORY 6   /* memory or another resource is exhausted */
#define AIS_ERR_DENIED 7      /* the caller may not */
#define AIS_ERR_CORRUPT 8     /* bytes from outside do not decode */
#define AIS_ERR_UNSUPPORTED 9 /* optional feature that is not there */
#define AIS_ERR_FAILED 10     /* anything else; a log line says what */

/* A view of bytes; data may be NULL if size is 0. */
struct ais_bytes {
    const uint8_t *data;
    size_t size;
};

/* Identity of a node: configured, never derived from an address.  Never 0. */
typedef uint32_t ais_node_id;

/* Most nodes in one configuration. */
#define AIS_NODES_MAX 128

/* A ring (configuration) is named by the sequence number that grows with every
 * new ring, its representative, and a salt of the representative's boot, so
 * that an id is never used twice even if a node lost its stored number. */
struct ais_ring_id {
    uint64_t seq;
    ais_node_id representative;
    uint32_t salt;
};

/* What kind of guarantee a multicast asks for. */
#define AIS_GUARANTEE_AGREED 0u /* total order; delivered once everything before it is here */
#define AIS_GUARANTEE_SAFE 1u   /* and once every member is known to have it */

#define AIS_CONFIGURATION_TRANSITIONAL 1u
#define AIS_CONFIGURATION_REGULAR 2u

/* One configuration change, as extended virtual synchrony orders it among the
 * messages.  A change is told as two events: first a transitional
 * configuration with the members that move together out of the old ring (the
 * rest is in `left`), then, after the last messages of the old ring, a regular
 * one (those who came from elsewhere are in `joined`).  A node that went away
 * and came back between two regular configurations is in both lists. */
struct ais_configuration {
    uint32_t struct_size;
    uint32_t kind;
    struct ais_ring_id ring;
    const ais_node_id *members; /* ascending */
    const ais_node_id *joined;  /* ascending; empty when transitional */
    const ais_node_id *left;    /* ascending; empty when regular */
    uint32_t member_count;
    uint32_t joined_count;
    uint32_t left_count;
    uint32_t reserved;
};

#ifdef __cplusplus
}
#endif
#endif
