/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The manifest: the one symbol that a plugin exports.  It is a constant; the
 * kernel reads it (`aisexec-kernel --list-plugins`) before it runs any code of
 * the plugin.
 *
 *     const struct ais_plugin ais_plugin = { AIS_ABI_MAJOR, sizeof (struct ais_plugin), "hello", … };
 */
#ifndef AIS_ABI_PLUGIN_H
#define AIS_ABI_PLUGIN_H

#include "host.h"
#include "types.h"

#ifdef __cplusplus
extern "C" {
#endif

#define AIS_ABI_MAJOR 1u

/* Something a plugin offers.  Ids carry their revision: "ais.service/1"; third
 * parties use their domain: "com.acme.thing/1".  The table's first member is
 * its uint32_t struct_size. */
struct ais_interface {
    const char *id;
    const void *table;
};

struct ais_plugin {
    uint32_t abi_major;   /* AIS_ABI_MAJOR when compiled */
    uint32_t struct_size; /* sizeof (struct ais_plugin) when compiled */

    const char *name;    /* [a-z][a-z0-9_]*, at most 31 bytes, equal to the file's stem */
    const char *version; /* of the plugin, free form */

    /* Ids that must be there before load: host interfaces, or interfaces that
     * other plugins offer.  Ends with NULL; may be NULL. */
    const char *const *needs;

    /* Ends with {NULL, NULL}; may be NULL. */
    const struct ais_interface *offers;

    /* Build one instance; *self is handed to every later call.  May be called
     * several times in one process for instances that know nothing of each
     * other, so a plugin has no writable globals.  On failure log why and
     * return non-zero; unload is then not called.  [loop] */
    ais_status (*load)(const struct ais_host *host, void **self);

    /* Undo load.  No call follows for this instance.  [loop] */
    void (*unload)(void *self);

    /* New members go here, and only here. */
};

/* The exported symbol; a plugin linked statically (tests, simulator) is
 * compiled with AIS_STATIC_PLUGIN=name and calls it ais_plugin_name. */
#define AIS_PLUGIN_SYMBOL "ais_plugin"

#if defined(__GNUC__)
#define AIS_EXPORT __attribute__((visibility("default")))
#else
#define AIS_EXPORT
#endif

#ifdef __cplusplus
}
#endif
#endif
