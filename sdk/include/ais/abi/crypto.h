/* SPDX-License-Identifier: BSD-3-Clause
 *
 * ais.crypto/1, offered by a plugin: seal and open datagrams.
 *
 * A sealed datagram is   envelope header | sealed payload | tag   (docs/protocol/envelope.md).  The header is
 * in clear and authenticated; its first 4 bytes are the magic and the version, which are the same for every
 * backend, so that a foreign datagram is named as such before any cryptography.
 */
#ifndef AIS_ABI_CRYPTO_H
#define AIS_ABI_CRYPTO_H

#include "types.h"

#ifdef __cplusplus
extern "C" {
#endif

#define AIS_CRYPTO_INTERFACE "ais.crypto/1"

/* Bytes 0..3 of every datagram. */
#define AIS_ENVELOPE_MAGIC_0 0x41u /* 'A' */
#define AIS_ENVELOPE_MAGIC_1 0x53u /* 'S' */
#define AIS_ENVELOPE_VERSION 1u    /* byte 2 */
/* byte 3: cipher, 0 = none */

struct ais_crypto_params {
    uint32_t struct_size;
    ais_node_id local_node;
    struct ais_bytes key;    /* contents of the authkey file; wiped by the kernel after the call */
    const char *cipher;      /* "auto", or a name the backend knows; never NULL */
    uint8_t boot_salt[16];   /* random, new at every start of this node: nonces never repeat */
};

/* Why a datagram was not opened. */
#define AIS_FAULT_MALFORMED 1u   /* too short or not an envelope */
#define AIS_FAULT_VERSION 2u     /* another version of the envelope */
#define AIS_FAULT_CIPHER 3u      /* another cipher than this ring uses; encrypted here and plain there, too */
#define AIS_FAULT_KEY_ID 4u      /* sealed with a key that is not known here */
#define AIS_FAULT_TAG 5u         /* known key, but the tag is wrong: changed on the way, or a forgery */
#define AIS_FAULT_REPLAY 6u      /* seen before */

struct ais_crypto_fault {
    uint32_t struct_size;
    uint32_t cause;
    ais_node_id claimed_sender; /* from the header, not authenticated; 0 if unknown */
    uint32_t key_id;            /* from the header */
    uint32_t detail;            /* the other version or cipher */
    uint32_t reserved;
};

struct ais_crypto_v1 {
    uint32_t struct_size;
    uint32_t key_size_min; /* bytes of key that open_session needs at least; 0 if it needs none */

    /* Start sealing and opening with these parameters.  AIS_ERR_UNSUPPORTED:
     * cipher unknown or not possible on this machine.  AIS_ERR_INVALID: key too
     * short.  The reason is logged.  [loop] */
    ais_status (*open_session)(void *self, const struct ais_crypto_params *params, void **session);
    void (*close_session)(void *self, void *session);

    /* Bytes that sealing adds; constant for a session. */
    uint32_t (*overhead)(void *self, void *session);

    /* Name of the cipher in use, for the log. */
    const char *(*cipher)(void *self, void *session);

    /* Seal `plain` to `out`, which has room for plain.size + overhead bytes and
     * does not overlap it.  [loop] */
    ais_status (*seal)(void *self, void *session, struct ais_bytes plain, uint8_t *out);

    /* Open `datagram` in place.  On AIS_OK *plain is a view into it and *sender
     * the authenticated sender.  On AIS_ERR_CORRUPT *fault says why, and the
     * datagram's bytes are undefined.  [loop] */
    ais_status (*open)(void *self, void *session, uint8_t *datagram, size_t size, struct ais_bytes *plain,
                       ais_node_id *sender, struct ais_crypto_fault *fault);

    /* Open `datagram` to `out`, which has room for `size` bytes less the overhead and does not overlap it.
     * As open otherwise; on AIS_OK *plain begins at `out`, else what is in `out` is undefined.  The datagram
     * stays as it is.  May be NULL: then open is called and the kernel copies.  Why: opening writes
     * every byte anyway, and here it writes them where the kernel keeps them.  [loop] */
    ais_status (*open_to)(void *self, void *session, const uint8_t *datagram, size_t size, uint8_t *out,
                          struct ais_bytes *plain, ais_node_id *sender, struct ais_crypto_fault *fault);

    /* New members go here, and only here. */
};

#ifdef __cplusplus
}
#endif
#endif
