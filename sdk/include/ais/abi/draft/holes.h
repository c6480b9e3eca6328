/* SPDX-License-Identifier: BSD-3-Clause
 *
 * ais.holes/1 (draft), offered by the host: is the message that is delivered now
 * behind a hole of the order?
 *
 * When a ring breaks, a message may be lost to all who go on together.  What comes
 * before it in the order they have as everybody has it: whoever delivers such a
 * message, here or in another component, has delivered the same ones before.  Behind
 * the hole they deliver only messages of each other, and another component may have
 * delivered the lost one in between: a decision that depends on what came before may
 * there have another result.  (Messages before a hole may be delivered in the
 * transitional configuration, too.)
 *
 * For services that tell a client a result on which it relies in every component.  It
 * is the same on all who deliver the message in this configuration; so it may be asked
 * for in deliver.
 */
#ifndef AIS_ABI_DRAFT_HOLES_H
#define AIS_ABI_DRAFT_HOLES_H

#include <ais/abi/host.h>
#include <ais/abi/types.h>

#ifdef __cplusplus
extern "C" {
#endif

#define AIS_HOLES_INTERFACE "ais.holes/1"

struct ais_holes_v1 {
    uint32_t struct_size;
    uint32_t reserved;

    /* Non-zero: it is.  Outside of deliver it means nothing.  [loop] */
    uint32_t (*is_behind_hole)(const struct ais_host *host);

    /* New members go here, and only here. */
};

#ifdef __cplusplus
}
#endif
#endif
