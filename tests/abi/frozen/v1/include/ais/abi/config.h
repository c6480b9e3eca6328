/* SPDX-License-Identifier: BSD-3-Clause
 *
 * ais.config/1, offered by the host: read the configuration tree.
 * ais.config.schema/1, offered by a plugin: which keys it understands, so that
 * the kernel checks types and ranges, fills defaults in, and can name an
 * unknown key with file and line.
 *
 * The tree: named sections hold keys with text values, and sections; names may
 * repeat.  A path is written "totem.interface[1].bindnetaddr"; [0] may be
 * left out.
 */
#ifndef AIS_ABI_CONFIG_H
#define AIS_ABI_CONFIG_H

#include "host.h"
#include "types.h"

#ifdef __cplusplus
extern "C" {
#endif

#define AIS_CONFIG_INTERFACE "ais.config/1"
#define AIS_CONFIG_SCHEMA_INTERFACE "ais.config.schema/1"

struct ais_config_v1 {
    uint32_t struct_size;
    uint32_t reserved;

    /* Value of the key at `path` as text: what the file says, else the
     * schema's default.  AIS_ERR_NOT_FOUND if neither.  The view is valid as
     * long as the host.  [loop] */
    ais_status (*text)(const struct ais_host *host, const char *path, struct ais_bytes *value);

    /* The same as a number; the schema has checked it.  [loop] */
    ais_status (*number)(const struct ais_host *host, const char *path, int64_t *value);

    /* How many sections `path` names.  [loop] */
    uint32_t (*count)(const struct ais_host *host, const char *path);

    /* New members go here, and only here. */
};

#define AIS_KEY_TEXT 1u
#define AIS_KEY_NUMBER 2u  /* decimal or 0x…, within minimum..maximum */
#define AIS_KEY_BOOL 3u    /* yes/no, on/off, true/false, 1/0; number() gives 1 or 0 */
#define AIS_KEY_CHOICE 4u  /* one of the words in `choices`, separated by '|' */
#define AIS_KEY_ADDRESS 5u /* an IPv4 or IPv6 address */

struct ais_config_key {
    const char *section; /* path without indices: "totem", "totem.interface" */
    const char *key;
    uint32_t type;
    uint32_t reserved;
    int64_t minimum, maximum; /* for AIS_KEY_NUMBER */
    const char *choices;      /* for AIS_KEY_CHOICE, else NULL */
    const char *fallback;     /* the default, or NULL if there is none */
    const char *help;         /* one line for --check-config and messages */
};

struct ais_config_schema_v1 {
    uint32_t struct_size;
    uint32_t key_count;
    uint32_t key_size; /* sizeof (struct ais_config_key) when compiled */
    uint32_t reserved;
    const struct ais_config_key *keys;
};

#ifdef __cplusplus
}
#endif
#endif
