/* SPDX-License-Identifier: BSD-3-Clause
 *
 * What the kernel offers to every plugin: a log, and its other interfaces by
 * name.  A host belongs to one instance of one plugin; the pointer stays valid
 * from load() until unload() returns and is passed back as the first argument
 * of every host function, so that the kernel knows who calls.
 */
#ifndef AIS_ABI_HOST_H
#define AIS_ABI_HOST_H

#include "types.h"

#ifdef __cplusplus
extern "C" {
#endif

#define AIS_LOG_ERROR 1u   /* something does not work; an operator must act */
#define AIS_LOG_WARNING 2u /* it works, but not as it should */
#define AIS_LOG_NOTICE 3u  /* an operator wants to know: state changes */
#define AIS_LOG_INFO 4u
#define AIS_LOG_DEBUG 5u

struct ais_host {
    uint32_t struct_size;
    uint32_t reserved;

    /* Write one line to the executive's log.  `id` is the stable message id,
     * e.g. "CPG-001", explained under DIAGNOSTICS of the plugin's man page.
     * [loop] */
    void (*log)(const struct ais_host *host, uint32_t level, const char *id, struct ais_bytes text);

    /* The table of an interface: of the host, e.g. "ais.group/1", or one that
     * another plugin offers and this one's manifest lists in `needs`.  NULL if
     * there is none.  Valid as long as the host.  Ids listed in `needs` are
     * never NULL.  [loop] */
    const void *(*find)(const struct ais_host *host, const char *id);

    /* For an interface that another plugin offers: its instance, the first
     * argument of the table's functions.  NULL for interfaces of the host,
     * whose functions take the host itself.  [loop] */
    void *(*find_self)(const struct ais_host *host, const char *id);

    /* New members go here, and only here. */
};

#ifdef __cplusplus
}
#endif
#endif
