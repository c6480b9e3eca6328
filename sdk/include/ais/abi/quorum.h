/* SPDX-License-Identifier: BSD-3-Clause
 *
 * ais.quorum/1, offered by a plugin: is this component primary?
 */
#ifndef AIS_ABI_QUORUM_H
#define AIS_ABI_QUORUM_H

#include "types.h"

#ifdef __cplusplus
extern "C" {
#endif

#define AIS_QUORUM_INTERFACE "ais.quorum/1"

struct ais_quorum_v1 {
    uint32_t struct_size;
    uint32_t reserved;

    /* Called at each regular configuration, once or more: non-zero if it is
     * primary.  Must give the same answer on all members, and each time.  Services
     * hear of it by ais.primary/1.  [loop] */
    uint32_t (*is_primary)(void *self, const struct ais_configuration *now);

    /* New members go here, and only here. */
};

#ifdef __cplusplus
}
#endif
#endif
