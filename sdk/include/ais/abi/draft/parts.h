/* SPDX-License-Identifier: BSD-3-Clause
 *
 * ais.service.parts/1 (draft), offered by a service beside ais.service/1: its
 * state in named parts.
 *
 * Why: save and merge of ais.service/1 handle the whole state in one call.
 * From some tens of MiB on that call holds up the ring, and one changed byte
 * costs the whole transfer.  A service that names its parts, with a digest of
 * each, moves only those that differ, and neither side ever works on more than
 * one part in one call.
 *
 * The exchange (docs/protocol/sync.md):
 *
 *   list         on every member, right after the configuration
 *   (equal?      nothing of this service is sent; merge_begin and merge_end follow all the same)
 *   merge_begin  on every member: which components come together
 *   save_part    on one member of a component, for each part that differs
 *   merge_part   on every member, for each part that differs: prepare what it
 *                will be, and change nothing yet
 *   merge_end    on every member: with 1 what was prepared becomes the state,
 *                with 0 (the membership changed again) it is forgotten
 *
 * From time to time (docs/protocol/sync.md) list is called without an exchange, for the
 * digests alone; merge_end with 0 follows at once, without merge_begin: what list has kept
 * may go.
 *
 * From the configuration to merge_end there are no deliver and no request
 * calls; the replicated state stands still, so save_part needs no copy, and
 * timers must not change it either (they multicast, as always).  client_close and configure may come
 * in between.  A service keeps save and merge: they serve rings in which some
 * members run a build without parts.
 *
 * How to cut a state: a part should take 64 KiB to 1 MiB, since one is saved or
 * merged in one call; 1,000 to 10,000 of them are well, AIS_PARTS_MAX the limit.
 * Many small things share a part (a hash of the name says which); what is larger is
 * cut by offset.  Keep digests up to date while messages are delivered, or
 * remember which parts have changed, so that list is quick.
 */
#ifndef AIS_ABI_DRAFT_PARTS_H
#define AIS_ABI_DRAFT_PARTS_H

#include <ais/abi/service.h>
#include <ais/abi/types.h>

#ifdef __cplusplus
extern "C" {
#endif

#define AIS_SERVICE_PARTS_INTERFACE "ais.service.parts/1"

#define AIS_PARTS_MAX 65536u     /* parts of one service */
#define AIS_PART_NAME_MAX 255u   /* bytes of a name, at least 1 */
#define AIS_PART_MAX 67108864u   /* bytes of one part, 64 MiB */

/* One part as list names it.  Names are any bytes; equal parts have equal names, digests and bytes on
 * all nodes.  The digest is the service's own function of the part's content
 * (64 bits of a good hash); the kernel only compares. */
struct ais_part {
    uint32_t struct_size;
    uint32_t reserved;
    struct ais_bytes name;
    uint64_t digest;
    uint64_t size; /* of the bytes that save_part would write; an estimate will do, it is for progress */
};

/* Where list writes to, strictly ascending by name (bytewise, a prefix first).  Copied at once. */
struct ais_part_writer {
    uint32_t struct_size;
    uint32_t reserved;
    void *context;
    ais_status (*part)(void *context, const struct ais_part *part);
};

/* One of the components that come together and have this service. */
struct ais_component {
    uint32_t struct_size;
    uint32_t flags; /* AIS_STATE_OWN */
    ais_node_id lowest; /* lowest member that has the service */
    uint32_t member_count;
    const ais_node_id *members; /* of the component, ascending */
};

/* With the state of a part: it is the part as this instance has it now; `bytes`
 * is empty, because nothing was sent that is here already. */
#define AIS_PART_HERE 2u

/* A part as one component has it. */
struct ais_part_state {
    uint32_t struct_size;
    uint32_t flags;     /* AIS_STATE_OWN, AIS_PART_HERE */
    uint32_t component; /* index into what merge_begin got */
    uint32_t reserved;
    uint64_t digest;    /* as list gave it */
    struct ais_bytes bytes;
};

struct ais_service_parts_v1 {
    uint32_t struct_size;
    uint32_t reserved;

    /* Name all parts.  The same on all members of a component.  [loop] */
    ais_status (*list)(void *self, const struct ais_part_writer *out);

    /* Write one part that list has named, in canonical form.  [loop & syncing] */
    ais_status (*save_part)(void *self, struct ais_bytes name, const struct ais_writer *out);

    /* Components come together; in the same order on all members.  [loop & syncing] */
    ais_status (*merge_begin)(void *self, const struct ais_component *components, uint32_t count);

    /* What becomes of one part: `states` has one entry for each component that
     * has it, in the order of components; those that are not there have no such
     * part.  Called only for parts that are not equal everywhere, ascending
     * names not promised.  count is never 0, except in a live replacement, where a name may come
     * again: the later call replaces the earlier, and with count 0 the part is gone.
     * Deterministic; what it prepares must not show before merge_end.  Non-zero stops the node.
     * [loop & syncing] */
    ais_status (*merge_part)(void *self, struct ais_bytes name, const struct ais_part_state *states, uint32_t count);

    /* With commit 1, at the same place of the total order everywhere: what was
     * prepared becomes the state; parts that were not named stay as they are.  Cheap: the
     * work was done in merge_part.  With 0: forget it.  [loop & syncing] */
    ais_status (*merge_end)(void *self, uint32_t commit);

    /* New members go here, and only here. */
};

#ifdef __cplusplus
}
#endif
#endif
