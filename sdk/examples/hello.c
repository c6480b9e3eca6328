/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The smallest plugin that takes part in a ring: at each new configuration it
 * says hello to all nodes, and it logs who said hello to it.
 *
 *     cc -std=c11 -shared -fPIC $(pkg-config --cflags ais-sdk) -o hello.so hello.c
 *     aisexec-kernel --plugin-dir . --plugin hello …
 */
#include <ais/abi/group.h>
#include <ais/abi/plugin.h>
#include <ais/abi/service.h>

#include <stdio.h>
#include <string.h>

static void say(const struct ais_host *host, const char *what, unsigned node)
{
    char line[80];
    const int size = snprintf(line, sizeof line, "%s node %u", what, node);
    host->log(host, AIS_LOG_NOTICE, "HELLO-001",
              (struct ais_bytes){(const uint8_t *)line, (size_t)size});
}

static void deliver(void *self, ais_node_id sender, uint16_t kind, struct ais_bytes body)
{
    (void)kind;
    (void)body;
    say(self, "hello from", sender);
}

static void configure(void *self, const struct ais_configuration *now)
{
    const struct ais_host *host = self;
    const struct ais_group_v1 *group = host->find(host, AIS_GROUP_INTERFACE);
    if (now->kind == AIS_CONFIGURATION_REGULAR)
        group->multicast(host, 1, AIS_GUARANTEE_AGREED, NULL, 0);
}

static const struct ais_service_v1 service = {
    .struct_size = sizeof service, .service_id = 1001, .deliver = deliver, .configure = configure};

static ais_status load(const struct ais_host *host, void **self)
{
    const struct ais_group_v1 *group = host->find(host, AIS_GROUP_INTERFACE);
    say(host, "hello, this is", group->local_node(host));
    *self = (void *)host; /* no state of its own */
    return AIS_OK;
}

static void unload(void *self) { (void)self; }

static const char *const needs[] = {AIS_GROUP_INTERFACE, NULL};
static const struct ais_interface offers[] = {{AIS_SERVICE_INTERFACE, &service}, {NULL, NULL}};

AIS_EXPORT const struct ais_plugin ais_plugin = {
    AIS_ABI_MAJOR, sizeof ais_plugin, "hello", "1.0.0", needs, offers, load, unload};
