/* SPDX-License-Identifier: BSD-3-Clause
 *
 * ais.service.handover/1 (draft), offered by a service beside ais.service/1:
 * what a new build takes over from the running one, besides the replicated state.
 *
 * Live replacement (docs/adr/0019), all in one turn of the loop, while replicas are equal:
 *
 *   old  save                       replicated state
 *   old  save_local                 state of this node only: clients, open requests, numbers given out
 *   new  load, configure            the last regular configuration
 *   new  merge                      a list of one
 *   new  restore_local              or, without this interface, client_open for each client
 *   old  unload                     no client_close: its clients live on
 *
 * If a step of the new build fails, it is unloaded, and the old one goes on as
 * if nothing had been; so save and save_local change nothing, and until
 * restore_local has returned AIS_OK the new instance must not multicast, and
 * must not respond or notify outside of restore_local.
 *
 * Conns keep their pointers and serials stay valid: a request that the old instance
 * was given is answered by the new one.  The context pointer (ais.ipc/1
 * set_context) is NULL for the new instance.  Timers die with the old instance; start
 * what is needed in restore_local.
 *
 * A service without this interface can be replaced, too, but only at a moment when no
 * client waits for a response; what a client had asked for beyond its hello is lost to the new instance.
 */
#ifndef AIS_ABI_DRAFT_HANDOVER_H
#define AIS_ABI_DRAFT_HANDOVER_H

#include <ais/abi/service.h>
#include <ais/abi/types.h>

#ifdef __cplusplus
extern "C" {
#endif

#define AIS_SERVICE_HANDOVER_INTERFACE "ais.service.handover/1"

struct ais_service_handover_v1 {
    uint32_t struct_size;
    uint32_t reserved;

    /* Write this node's local state.  `conns` are all open clients; refer to
     * them by index.  The bytes never leave this process, but another build
     * reads them: begin with a version.  [loop & synced] */
    ais_status (*save_local)(void *self, struct ais_conn *const *conns, uint32_t conn_count,
                             const struct ais_writer *out);

    /* Take over: the same conns in the same order, and what save_local of the old build wrote;
     * `from_version` is its manifest's version.  Refuse what does not decode: the
     * old build then stays.  [loop & synced] */
    ais_status (*restore_local)(void *self, struct ais_conn *const *conns, uint32_t conn_count,
                                struct ais_bytes saved, const char *from_version);

    /* New members go here, and only here. */
};

#ifdef __cplusplus
}
#endif
#endif
