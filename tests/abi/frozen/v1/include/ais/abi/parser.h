/* SPDX-License-Identifier: BSD-3-Clause
 *
 * ais.config.parser/1, offered by a plugin: text → configuration tree.
 * Chosen by OPENAIS_DEFAULT_CONFIG_IFACE=plugin name.
 */
#ifndef AIS_ABI_PARSER_H
#define AIS_ABI_PARSER_H

#include "types.h"

#ifdef __cplusplus
extern "C" {
#endif

#define AIS_PARSER_INTERFACE "ais.config.parser/1"

/* Receives the tree in document order.  Every call copies its arguments.  A
 * non-zero return means: stop and return that status. */
struct ais_parser_sink {
    uint32_t struct_size;
    uint32_t reserved;
    void *context;
    ais_status (*begin_section)(void *context, struct ais_bytes name, uint32_t line);
    ais_status (*end_section)(void *context, uint32_t line);
    ais_status (*key)(void *context, struct ais_bytes name, struct ais_bytes value, uint32_t line);
    /* Something is wrong at `line` (1 is the first; 0: unknown): say what, and what would be right.  The
     * parser may go on to report more, and returns AIS_ERR_CORRUPT in the end. */
    void (*error)(void *context, uint32_t line, struct ais_bytes what);
    void (*warning)(void *context, uint32_t line, struct ais_bytes what);
};

#define AIS_PARSER_OWN_SOURCE 1u /* gets its configuration elsewhere: the kernel reads no file, text is empty */

struct ais_parser_v1 {
    uint32_t struct_size;
    uint32_t flags;

    /* Parse `text`, the whole file `source` (for messages only).  The bytes
     * are not trusted: they may hold NULs, be truncated or be no text at all.
     * [loop] */
    ais_status (*parse)(void *self, const char *source, struct ais_bytes text, const struct ais_parser_sink *sink);

    /* New members go here, and only here. */
};

#ifdef __cplusplus
}
#endif
#endif
