/* SPDX-License-Identifier: BSD-3-Clause
 *
 * ais.node/1, offered by the host: facts of this node that no service can find
 * out by itself.  They are of this node only: what replicas share of them is
 * multicast or part of a snapshot, never asked for in deliver or merge.
 */
#ifndef AIS_ABI_NODE_H
#define AIS_ABI_NODE_H

#include "host.h"
#include "types.h"

#ifdef __cplusplus
extern "C" {
#endif

#define AIS_NODE_INTERFACE "ais.node/1"

struct ais_node_v1 {
    uint32_t struct_size;
    uint32_t reserved;

    /* The name of the machine, as its operator has set it; not empty.  The view
     * is valid until the next call of the plugin.  [loop] */
    struct ais_bytes (*host_name)(const struct ais_host *host);

    /* The address by which ring `ring` (0 is the first) reaches this node, as
     * text: "10.0.0.1", "fe80::1".  AIS_ERR_NOT_FOUND: there is no such ring,
     * or it has no address now.  The view is valid as that of host_name.  It may
     * change while the executive runs.  [loop] */
    ais_status (*address)(const struct ais_host *host, uint32_t ring, struct ais_bytes *text);

    /* When the machine was started: nanoseconds since 1970-01-01 00:00 UTC,
     * found out once, so that it does not wander when the clock is set.  [loop] */
    int64_t (*boot_time)(const struct ais_host *host);

    /* The wall clock in the same unit: a time stamp for people and programs to
     * read.  It jumps when it is set, and differs from node to node; delays are
     * measured with ais.timer/1.  [loop] */
    int64_t (*wall_clock)(const struct ais_host *host);

    /* New members go here, and only here. */
};

#ifdef __cplusplus
}
#endif
#endif
