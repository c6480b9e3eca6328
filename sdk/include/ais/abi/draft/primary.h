/* SPDX-License-Identifier: BSD-3-Clause
 *
 * ais.primary/1 (draft), offered by the host: is the component that this node
 * is in the primary one?  What the quorum plugin (../quorum.h) said when the last
 * regular configuration came; yes, if none is loaded.
 *
 * For services that must not act on two sides of a divided network.  The answer
 * changes at a regular configuration only, before configure is called with it, and
 * is the same on all members; so it may be asked for in configure, deliver and
 * merge.
 */
#ifndef AIS_ABI_DRAFT_PRIMARY_H
#define AIS_ABI_DRAFT_PRIMARY_H

#include <ais/abi/host.h>
#include <ais/abi/types.h>

#ifdef __cplusplus
extern "C" {
#endif

#define AIS_PRIMARY_INTERFACE "ais.primary/1"

struct ais_primary_v1 {
    uint32_t struct_size;
    uint32_t reserved;

    /* Non-zero: it is; also before the first regular configuration.  [loop] */
    uint32_t (*is_primary)(const struct ais_host *host);

    /* New members go here, and only here. */
};

#ifdef __cplusplus
}
#endif
#endif
