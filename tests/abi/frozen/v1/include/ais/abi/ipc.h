/* SPDX-License-Identifier: BSD-3-Clause
 *
 * ais.ipc/1, offered by the host: words to the clients of this node.
 * A conn is valid from client_open until client_close has returned.
 */
#ifndef AIS_ABI_IPC_H
#define AIS_ABI_IPC_H

#include "host.h"
#include "service.h"
#include "types.h"

#ifdef __cplusplus
extern "C" {
#endif

#define AIS_IPC_INTERFACE "ais.ipc/1"

/* The client process, as the operating system told when it connected. */
struct ais_peer {
    uint32_t struct_size;
    uint32_t pid;
    uint32_t uid;
    uint32_t gid;
};

#define AIS_NOTIFY_DROPPABLE 1u /* rather drop this one than queue beyond the client's ring */

struct ais_ipc_v1 {
    uint32_t struct_size;
    uint32_t reserved;

    /* Answer the request with this serial, once.  `error` is the service's own
     * code (the value the client's API function returns) and travels as it is.
     * The concatenation of `parts` is the body; copied at once.  [loop] */
    ais_status (*respond)(const struct ais_host *host, struct ais_conn *to, uint64_t serial, int32_t error,
                          const struct ais_bytes *parts, uint32_t part_count);

    /* Queue a callback for the client's dispatch.  Order is kept.  A client
     * whose queue overflows its limit is disconnected, unless the notification
     * is droppable: then AIS_ERR_AGAIN says that it was dropped.  [loop] */
    ais_status (*notify)(const struct ais_host *host, struct ais_conn *to, uint16_t kind, uint32_t flags,
                         const struct ais_bytes *parts, uint32_t part_count);

    /* Who the client is.  [loop] */
    void (*peer)(const struct ais_host *host, struct ais_conn *conn, struct ais_peer *out);

    /* One pointer of the service's own per client; NULL at first.  [loop] */
    void (*set_context)(const struct ais_host *host, struct ais_conn *conn, void *context);
    void *(*context)(const struct ais_host *host, struct ais_conn *conn);

    /* Stop (non-zero) or go on (0) reading requests of this client.  [loop] */
    void (*hold_back)(const struct ais_host *host, struct ais_conn *conn, uint32_t on);

    /* Cut the client off; client_close follows later, not from inside this
     * call.  [loop] */
    void (*disconnect)(const struct ais_host *host, struct ais_conn *conn, const char *why);

    /* New members go here, and only here. */
};

#ifdef __cplusplus
}
#endif
#endif
