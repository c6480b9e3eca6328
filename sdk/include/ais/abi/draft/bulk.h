/* SPDX-License-Identifier: BSD-3-Clause
 *
 * ais.service.bulk/1 (draft), offered by a service beside ais.service/1: bodies
 * that cross the border without being copied for it.
 *
 * Why: a message of 64 KiB comes in some fifty datagrams, and deliver wants its
 * body in one piece.  A service that does no more with it than hand it on to its
 * clients (ais.ipc/1 notify takes a list) can have the pieces where they lie.  Likewise a
 * request whose body it only multicasts need not be copied out of the client's memory first.
 */
#ifndef AIS_ABI_DRAFT_BULK_H
#define AIS_ABI_DRAFT_BULK_H

#include <ais/abi/service.h>
#include <ais/abi/types.h>

#ifdef __cplusplus
extern "C" {
#endif

#define AIS_SERVICE_BULK_INTERFACE "ais.service.bulk/1"

#define AIS_PIECES_MAX 1000u /* of one message; notify takes them and 24 more parts */

struct ais_service_bulk_v1 {
    uint32_t struct_size;
    uint32_t reserved;

    /* As deliver; may be NULL.  For a message whose body is the concatenation of `pieces`: 2 to
     * AIS_PIECES_MAX of them, none empty, valid until the call returns.  A message that lies in
     * one piece comes to deliver.  Nodes may see the same message in different pieces, so
     * what the service does must not depend on them.  [loop & synced] */
    void (*deliver_pieces)(void *self, ais_node_id sender, uint16_t kind, const struct ais_bytes *pieces,
                           uint32_t count);

    /* Bit k: the body of a request of kind k (0 to 63) is only handed on, by multicast, respond or
     * notify, and never looked at.  Such a body may lie in memory that the client can still
     * change, also while the service runs: who reads it twice can be fooled.  Its size is fixed.
     * Bodies of other requests are private copies. */
    uint64_t opaque_requests;

    /* New members go here, and only here. */
};

#ifdef __cplusplus
}
#endif
#endif
