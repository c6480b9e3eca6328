/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Plugins for the loader's tests, one for each compile definition FIXTURE_….  NAME is the
 * plugin's name as a string.
 */
#define _POSIX_C_SOURCE 200809L /* setenv */
#include <ais/abi/plugin.h>
#include <ais/abi/service.h>

#include <stdlib.h>
#include <string.h>

#ifdef FIXTURE_UNDEFINED
void nobody_has_this_function(void);
#endif

#ifdef FIXTURE_CONSTRUCTOR
/* Code that runs when the object is mapped.  --list-plugins must not do that. */
__attribute__((constructor)) static void early(void) { setenv("AIS_FIXTURE_CONSTRUCTOR_RAN", "1", 1); }
#endif

struct instance {
    const struct ais_host *host;
    int delivered;
};

static void log_text(const struct ais_host *host, const char *id, const char *text)
{
    host->log(host, AIS_LOG_NOTICE, id, (struct ais_bytes){(const uint8_t *)text, strlen(text)});
}

static void deliver(void *self, ais_node_id sender, uint16_t kind, struct ais_bytes body)
{
    (void)sender;
    (void)kind;
    (void)body;
    ++((struct instance *)self)->delivered;
#ifdef FIXTURE_UNDEFINED
    nobody_has_this_function();
#endif
}

static void dump(void *self, const struct ais_writer *out)
{
    const uint8_t digit = (uint8_t)('0' + ((struct instance *)self)->delivered);
    out->write(out->context, (struct ais_bytes){&digit, 1});
}

static ais_status load(const struct ais_host *host, void **self)
{
#ifdef FIXTURE_LOAD_FAILS
    (void)self;
    log_text(host, "FIXTURE-002", "the moon is not full");
    return AIS_ERR_DENIED;
#else
    struct instance *made = calloc(1, sizeof *made);
    if (made == NULL)
        return AIS_ERR_NO_MEMORY;
    made->host = host;
    log_text(host, "FIXTURE-001", "loaded");
    *self = made;
    return AIS_OK;
#endif
}

static void unload(void *self)
{
    log_text(((struct instance *)self)->host, "FIXTURE-003", "unloaded");
    free(self);
}

#ifndef SERVICE_ID
#define SERVICE_ID 200
#endif
#ifndef ABI_MAJOR
#define ABI_MAJOR AIS_ABI_MAJOR
#endif

static const struct ais_service_v1 service = {
    .struct_size = sizeof service, .service_id = SERVICE_ID, .deliver = deliver, .dump = dump};
#ifdef OFFERS
static const uint32_t other_table = sizeof other_table;
#endif
static const struct ais_interface offers[] = {
    {AIS_SERVICE_INTERFACE, &service},
#ifdef OFFERS
    {OFFERS, &other_table},
#endif
    {NULL, NULL}};
#ifdef NEEDS
static const char *const needs[] = {NEEDS, NULL};
#endif

#ifdef FIXTURE_NO_SYMBOL
AIS_EXPORT const struct ais_plugin some_other_symbol;
const struct ais_plugin some_other_symbol = {
#else
AIS_EXPORT const struct ais_plugin ais_plugin = {
#endif
    ABI_MAJOR,
    sizeof(struct ais_plugin),
    NAME,
    "3.2.1",
#ifdef NEEDS
    needs,
#else
    NULL,
#endif
    offers,
    load,
    unload};
