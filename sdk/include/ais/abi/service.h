/* SPDX-License-Identifier: BSD-3-Clause
 *
 * ais.service/1, offered by a plugin: a replicated service.
 *
 * A service is a deterministic function of delivered messages and
 * configurations.  A clock, a random number, an unordered iteration or an
 * exception that gets out of deliver, configure or merge makes replicas differ;
 * the kernel then stops the node.
 *
 * Order of the calls:   load → configure (a first regular configuration) →
 * any of deliver, configure, request, client_open, client_close, timers →
 * unload.  After a regular configuration that brought components together the
 * kernel calls save (on all members for a digest, on one member of each component to
 * send it) and then merge on all nodes, at the same place of the total order; in
 * between there are no deliver and no request calls.  A large state is better
 * moved in parts (draft/parts.h); draft/handover.h has live replacement, draft/bulk.h
 * large messages without a copy.
 */
#ifndef AIS_ABI_SERVICE_H
#define AIS_ABI_SERVICE_H

#include "types.h"

#ifdef __cplusplus
extern "C" {
#endif

#define AIS_SERVICE_INTERFACE "ais.service/1"

struct ais_conn; /* one client; opaque, owned by the kernel */

/* Where save writes to.  The bytes are copied at once. */
struct ais_writer {
    uint32_t struct_size;
    uint32_t reserved;
    void *context;
    ais_status (*write)(void *context, struct ais_bytes bytes);
};

#define AIS_STATE_OWN 1u /* the state of the component this node belonged to */

/* The saved state of one component. */
struct ais_saved_state {
    uint32_t struct_size;
    uint32_t flags;
    ais_node_id saved_by;
    uint32_t member_count;
    const ais_node_id *members; /* of the component, ascending */
    struct ais_bytes bytes;
};

struct ais_service_v1 {
    uint32_t struct_size;

    /* Names the service on the wire and to client libraries.  1 to 31 are the
     * SA Forum services, 32 to 63 other services of this project, 64 to 1023
     * are for third parties. */
    uint16_t service_id;
    uint16_t reserved;

    /* One group message, in the order every member sees it.  `kind` is what
     * the sender gave to ais.group/1 multicast.  Deterministic: no clock, no
     * random, no I/O.  [loop & synced] */
    void (*deliver)(void *self, ais_node_id sender, uint16_t kind, struct ais_bytes body);

    /* The membership changed; ordered with deliver.  May be NULL.  [loop] */
    void (*configure)(void *self, const struct ais_configuration *now);

    /* One request of a client.  `serial` is 0 when the client waits for no
     * response; otherwise answer exactly once with ais.ipc/1 respond, now or
     * later.  Not called while the kernel's send queue is full: a multicast of
     * a message that fits a request succeeds here.  May be NULL, as may be the
     * next two, for a service without clients.  [loop & synced] */
    void (*request)(void *self, struct ais_conn *from, uint64_t serial, uint16_t kind, struct ais_bytes body);

    /* A client connected.  `hello` is what its library sent.  Non-zero refuses
     * it: the client library gets the status.  [loop] */
    ais_status (*client_open)(void *self, struct ais_conn *who, struct ais_bytes hello);

    /* The client is gone (finalized, died, was disconnected).  Called once for
     * each successful client_open; the conn is invalid afterwards.  [loop] */
    void (*client_close)(void *self, struct ais_conn *who);

    /* Write the whole replicated state in canonical form: equal states give
     * equal bytes.  NULL for a service whose state no other node needs.
     * [loop] */
    ais_status (*save)(void *self, const struct ais_writer *out);

    /* Replace the state by the merge of these, one per component that came
     * together, in an order that is the same on all nodes (ascending lowest
     * member).  A list of one is a restore.  Deterministic like deliver.
     * Non-zero stops the node.  [loop & syncing] */
    ais_status (*merge)(void *self, const struct ais_saved_state *states, uint32_t count);

    /* Write a short readable account of the instance (SIGUSR2).  May be NULL.
     * [loop] */
    void (*dump)(void *self, const struct ais_writer *out);

    /* New members go here, and only here. */
};

#ifdef __cplusplus
}
#endif
#endif
