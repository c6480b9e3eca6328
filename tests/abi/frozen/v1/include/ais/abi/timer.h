/* SPDX-License-Identifier: BSD-3-Clause
 *
 * ais.timer/1, offered by the host: one-shot timers on the kernel's loop
 * (monotonic, never early).  A timer is local to this node; a decision that
 * replicas share must be multicast when it fires, never taken from it.
 */
#ifndef AIS_ABI_TIMER_H
#define AIS_ABI_TIMER_H

#include "host.h"
#include "types.h"

#ifdef __cplusplus
extern "C" {
#endif

#define AIS_TIMER_INTERFACE "ais.timer/1"

struct ais_timer_v1 {
    uint32_t struct_size;
    uint32_t reserved;

    /* Call fire(context) once, `delay_ns` from now.  *id is never 0.
     * AIS_ERR_NO_MEMORY above 65,536 timers of one plugin.  [loop] */
    ais_status (*start)(const struct ais_host *host, uint64_t delay_ns, void (*fire)(void *context), void *context,
                        uint64_t *id);

    /* Forget the timer.  AIS_ERR_NOT_FOUND if it has fired or never was.  [loop] */
    ais_status (*cancel)(const struct ais_host *host, uint64_t id);

    /* Monotonic time of this node in nanoseconds, constant during one call of
     * the plugin.  Not the same on other nodes.  [loop] */
    uint64_t (*now)(const struct ais_host *host);

    /* New members go here, and only here. */
};

#ifdef __cplusplus
}
#endif
#endif
