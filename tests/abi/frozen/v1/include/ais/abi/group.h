/* SPDX-License-Identifier: BSD-3-Clause
 *
 * ais.group/1, offered by the host: ordered multicast to all instances of this
 * service on all nodes, and who they are.
 */
#ifndef AIS_ABI_GROUP_H
#define AIS_ABI_GROUP_H

#include "host.h"
#include "types.h"

#ifdef __cplusplus
extern "C" {
#endif

#define AIS_GROUP_INTERFACE "ais.group/1"

struct ais_group_v1 {
    uint32_t struct_size;
    uint32_t reserved;

    /* Multicast the concatenation of `parts` to this service on every member,
     * this node included.  Copied at once.  It will be delivered in the same
     * place of the total order everywhere, as `kind`, in the configuration in
     * which it gets its place.  Messages of one node keep their order.
     * AIS_ERR_AGAIN: the send queue is full.  AIS_ERR_TOO_BIG: above
     * message_max.  [loop] */
    ais_status (*multicast)(const struct ais_host *host, uint16_t kind, uint32_t guarantee,
                            const struct ais_bytes *parts, uint32_t part_count);

    /* Identity of this node. */
    ais_node_id (*local_node)(const struct ais_host *host);

    /* Size in bytes of the largest message. */
    uint32_t (*message_max)(const struct ais_host *host);

    /* The last regular configuration, or NULL before the first.  Valid until
     * the next configure.  [loop] */
    const struct ais_configuration *(*configuration)(const struct ais_host *host);

    /* Non-zero while the send queue cannot take a message of message_max and
     * clients of this node are held back.  [loop] */
    uint32_t (*congested)(const struct ais_host *host);

    /* New members go here, and only here. */
};

#ifdef __cplusplus
}
#endif
#endif
