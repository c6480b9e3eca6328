/* SPDX-License-Identifier: BSD-3-Clause
 *
 * msgbench: measure the message service; msgmeasure.h says what and how, `services_compare` runs it on a cluster.
 */

#define _POSIX_C_SOURCE 200809L

#include "msgmeasure.h"

#include <openais/saMsg.h>

#define AREA_BYTES 1048576

static SaMsgHandleT msg;
static SaMsgQueueHandleT queue;

static int must_repeat(SaAisErrorT error, const char *what)
{
    if (error == SA_AIS_ERR_TRY_AGAIN) {
        rest_us(20);
        return 1;
    }
    if (error != SA_AIS_OK) {
        fprintf(stderr, "msgbench: %s: error %d\n", what, (int)error);
        exit(1);
    }
    return 0;
}

static SaNameT name_of(const char *kind, unsigned number)
{
    SaNameT name;
    memset(&name, 0, sizeof name);
    name.length = (SaUint16T)snprintf((char *)name.value, sizeof name.value, "msgbench-%s-%u", kind, number);
    return name;
}

static void open_queue(SaNameT name, SaSizeT bytes)
{
    SaMsgQueueCreationAttributesT attributes;
    unsigned i;
    memset(&attributes, 0, sizeof attributes);
    for (i = 0; i <= SA_MSG_MESSAGE_LOWEST_PRIORITY; ++i)
        attributes.size[i] = bytes;
    while (must_repeat(saMsgQueueOpen(msg, &name, &attributes, SA_MSG_QUEUE_CREATE | SA_MSG_QUEUE_EMPTY, SA_TIME_MAX, &queue), "open")) {
    }
}

static int send_one(const unsigned char *data, size_t size)
{
    static SaNameT name;
    static unsigned char copy[SIZE_MAX_BYTES];
    SaMsgMessageT message;
    SaAisErrorT error;
    if (name.length == 0)
        name = name_of("queue", 0);
    memset(&message, 0, sizeof message);
    memcpy(copy, data, size);
    message.size = size;
    message.data = copy;
    message.priority = SA_MSG_MESSAGE_HIGHEST_PRIORITY;
    error = saMsgMessageSend(msg, &name, &message, SA_TIME_MAX);
    return error != SA_AIS_ERR_QUEUE_FULL && !must_repeat(error, "send");
}

static void get_one(unsigned char *data)
{
    SaMsgMessageT message;
    SaMsgSenderIdT sender;
    SaTimeT sent;
    do {
        memset(&message, 0, sizeof message);
        message.size = SIZE_MAX_BYTES;
        message.data = data;
    } while (must_repeat(saMsgMessageGet(queue, &message, &sent, &sender, SA_TIME_MAX), "get"));
}

int main(int argc, char **argv)
{
    const struct options options = read_options(argc, argv);
    SaVersionT version = {'B', 1, 1};
    unsigned i;

    while (must_repeat(saMsgInitialize(&msg, NULL, &version), "initialize")) {
    }
    if (strcmp(options.mode, "hold") == 0) {
        for (i = 0; i < options.queues; ++i)
            open_queue(name_of("held", options.number + i), 4096);
        wait_for_end_of_input();
    } else if (strcmp(options.mode, "get") == 0) {
        open_queue(name_of("queue", 0), AREA_BYTES);
        measure_get(&options, get_one);
    } else {
        measure_send(&options, send_one);
    }
    while (must_repeat(saMsgFinalize(msg), "finalize")) {
    }
    return 0;
}
