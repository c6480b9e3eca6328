/* SPDX-License-Identifier: BSD-3-Clause
 *
 * A plugin of the first release, compiled against frozen headers only: a service, a parser, a
 * crypto backend, a quorum backend and a schema in one.  Do not edit: it stands for the binaries that
 * others have.
 */
#include <ais/abi/config.h>
#include <ais/abi/crypto.h>
#include <ais/abi/group.h>
#include <ais/abi/ipc.h>
#include <ais/abi/parser.h>
#include <ais/abi/plugin.h>
#include <ais/abi/quorum.h>
#include <ais/abi/service.h>
#include <ais/abi/timer.h>

#include <stdlib.h>
#include <string.h>

struct witness {
    const struct ais_host *host;
    const struct ais_group_v1 *group;
    const struct ais_ipc_v1 *ipc;
    const struct ais_timer_v1 *timer;
    uint32_t delivered;
    uint32_t members;
    uint32_t fired;
};

static struct ais_bytes text(const char *words)
{
    return (struct ais_bytes){(const uint8_t *)words, strlen(words)};
}

static void fire(void *context) { ++((struct witness *)context)->fired; }

static void deliver(void *self, ais_node_id sender, uint16_t kind, struct ais_bytes body)
{
    struct witness *w = self;
    w->delivered += sender + kind + (uint32_t)body.size;
}

static void configure(void *self, const struct ais_configuration *now)
{
    ((struct witness *)self)->members = now->member_count;
}

static void request(void *self, struct ais_conn *from, uint64_t serial, uint16_t kind,
                    struct ais_bytes body)
{
    struct witness *w = self;
    uint64_t id = 0;
    const ais_status sent = w->group->multicast(w->host, kind, AIS_GUARANTEE_SAFE, &body, 1);
    w->timer->start(w->host, 1000, fire, w, &id);
    w->ipc->respond(w->host, from, serial, sent, &body, 1);
}

static ais_status client_open(void *self, struct ais_conn *who, struct ais_bytes hello)
{
    struct witness *w = self;
    struct ais_peer peer = {.struct_size = sizeof peer};
    w->ipc->set_context(w->host, who, w);
    w->ipc->peer(w->host, who, &peer);
    if (hello.size != 0 || peer.pid == 0)
        return AIS_ERR_DENIED;
    return w->ipc->notify(w->host, who, 9, AIS_NOTIFY_DROPPABLE, NULL, 0);
}

static void client_close(void *self, struct ais_conn *who)
{
    struct witness *w = self;
    if (w->ipc->context(w->host, who) != w)
        abort();
}

static ais_status save(void *self, const struct ais_writer *out)
{
    const uint32_t value = ((struct witness *)self)->delivered;
    return out->write(out->context, (struct ais_bytes){(const uint8_t *)&value, sizeof value});
}

static ais_status merge(void *self, const struct ais_saved_state *states, uint32_t count)
{
    struct witness *w = self;
    const uint8_t *at = (const uint8_t *)states;
    w->delivered = 0;
    for (uint32_t i = 0; i < count; ++i) {
        const struct ais_saved_state *state = (const struct ais_saved_state *)(const void *)at;
        uint32_t value;
        if (state->bytes.size != sizeof value || state->member_count == 0)
            return AIS_ERR_CORRUPT;
        memcpy(&value, state->bytes.data, sizeof value);
        w->delivered += value;
        at += state->struct_size; /* a later kernel's struct is longer */
    }
    return AIS_OK;
}

static void dump(void *self, const struct ais_writer *out)
{
    if (((struct witness *)self)->fired != 0)
        out->write(out->context, text("fired"));
}

static ais_status parse(void *self, const char *source, struct ais_bytes content,
                        const struct ais_parser_sink *sink)
{
    ais_status status;
    (void)self;
    (void)source;
    if (content.size == 0) {
        sink->error(sink->context, 1, text("empty"));
        return AIS_ERR_CORRUPT;
    }
    status = sink->begin_section(sink->context, text("all"), 1);
    if (status == AIS_OK)
        status = sink->key(sink->context, text("content"), content, 1);
    if (status == AIS_OK)
        status = sink->end_section(sink->context, 1);
    sink->warning(sink->context, 1, text("frozen"));
    return status;
}

static ais_status open_session(void *self, const struct ais_crypto_params *params, void **session)
{
    if (params->key.size < 1 || strcmp(params->cipher, "xor") != 0)
        return AIS_ERR_UNSUPPORTED;
    *session = self;
    return AIS_OK;
}
static void close_session(void *self, void *session)
{
    if (self != session)
        abort();
}
static uint32_t overhead(void *self, void *session)
{
    (void)self;
    (void)session;
    return 1;
}
static const char *cipher(void *self, void *session)
{
    (void)self;
    (void)session;
    return "xor";
}
static ais_status seal(void *self, void *session, struct ais_bytes plain, uint8_t *out)
{
    (void)self;
    (void)session;
    out[0] = 0x5a;
    for (size_t i = 0; i < plain.size; ++i)
        out[i + 1] = plain.data[i] ^ 0x5a;
    return AIS_OK;
}
static ais_status open_datagram(void *self, void *session, uint8_t *datagram, size_t size,
                                struct ais_bytes *plain, ais_node_id *sender,
                                struct ais_crypto_fault *fault)
{
    (void)self;
    (void)session;
    if (size < 1 || datagram[0] != 0x5a) {
        fault->cause = AIS_FAULT_VERSION;
        fault->detail = size < 1 ? 0 : datagram[0];
        return AIS_ERR_CORRUPT;
    }
    for (size_t i = 1; i < size; ++i)
        datagram[i] ^= 0x5a;
    *plain = (struct ais_bytes){datagram + 1, size - 1};
    *sender = 7;
    return AIS_OK;
}

static uint32_t is_primary(void *self, const struct ais_configuration *now)
{
    (void)self;
    return now->member_count > 1;
}

static const struct ais_service_v1 service = {
    sizeof service, 77,          0,            deliver, configure, request,
    client_open,    client_close, save,        merge,   dump};
static const struct ais_parser_v1 parser = {sizeof parser, 0, parse};
static const struct ais_crypto_v1 crypto = {sizeof crypto, 1,      open_session, close_session,
                                            overhead,      cipher, seal,         open_datagram};
static const struct ais_quorum_v1 quorum = {sizeof quorum, 0, is_primary};
static const struct ais_config_key keys[] = {
    {"witness", "size", AIS_KEY_NUMBER, 0, 1, 9, NULL, "5", "a number"},
};
static const struct ais_config_schema_v1 schema = {sizeof schema, 1, sizeof keys[0], 0, keys};

static ais_status load(const struct ais_host *host, void **self)
{
    const struct ais_config_v1 *config = host->find(host, AIS_CONFIG_INTERFACE);
    struct ais_bytes word;
    int64_t size = 0;
    struct witness *w = calloc(1, sizeof *w);
    if (w == NULL)
        return AIS_ERR_NO_MEMORY;
    w->host = host;
    w->group = host->find(host, AIS_GROUP_INTERFACE);
    w->ipc = host->find(host, AIS_IPC_INTERFACE);
    w->timer = host->find(host, AIS_TIMER_INTERFACE);
    if (config->number(host, "demo.size", &size) != AIS_OK || size != 32 ||
        config->text(host, "demo.word", &word) != AIS_OK || word.size != 5 ||
        config->count(host, "demo") != 1 || w->group->local_node(host) != 3 ||
        w->timer->now(host) == 0 || w->group->configuration(host) != NULL ||
        host->find(host, "ais.future/1") != NULL || w->group->message_max(host) < 1048576 ||
        w->group->congested(host) != 0 || w->timer->cancel(host, 5) != AIS_ERR_NOT_FOUND) {
        host->log(host, AIS_LOG_ERROR, "FROZEN-001", text("this kernel is not what was promised"));
        free(w);
        return AIS_ERR_FAILED;
    }
    host->log(host, AIS_LOG_NOTICE, "FROZEN-002", text("here I am"));
    *self = w;
    return AIS_OK;
}

static void unload(void *self) { free(self); }

static const char *const needs[] = {AIS_GROUP_INTERFACE, AIS_IPC_INTERFACE, AIS_TIMER_INTERFACE,
                                    AIS_CONFIG_INTERFACE, NULL};
static const struct ais_interface offers[] = {
    {AIS_SERVICE_INTERFACE, &service}, {AIS_PARSER_INTERFACE, &parser},
    {AIS_CRYPTO_INTERFACE, &crypto},   {AIS_QUORUM_INTERFACE, &quorum},
    {AIS_CONFIG_SCHEMA_INTERFACE, &schema}, {NULL, NULL}};

AIS_EXPORT const struct ais_plugin ais_plugin = {
    AIS_ABI_MAJOR, sizeof ais_plugin, "frozen_v1", "1.0.0", needs, offers, load, unload};
