/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The queues of services_load: each node has one open all the time, so no side of a division hands out
 * what is in it but its own.  Judged: a sender's messages come in order and once; none that was sent with
 * OK on this node to its own queue is missing.
 */
#define _POSIX_C_SOURCE 200809L
#include "services_load.h"

#include <openais/saMsg.h>

#include <stdio.h>
#include <string.h>

#define AREA_SIZE 4000
#define OWN_MAX 4096

struct job {
    unsigned sender;
    unsigned long number;
};

unsigned long queue_sent, queue_got;

static SaMsgHandleT msg;
static SaMsgQueueHandleT queue;
static unsigned long tried;
static unsigned long last_of[NODES + 1];
/* Sent with OK to the own queue and not got yet, a ring. */
static unsigned long own[OWN_MAX];
static unsigned long own_begin, own_end;

static SaNameT queue_of(unsigned of)
{
    SaNameT name;

    memset(&name, 0, sizeof name);
    name.length = (SaUint16T)snprintf((char *)name.value, sizeof name.value, "services-%u", of);
    return name;
}

void begin_queue(void)
{
    SaVersionT version = {'B', 1, 1};
    const SaMsgQueueCreationAttributesT attributes = {
        SA_MSG_QUEUE_PERSISTENT, {AREA_SIZE, AREA_SIZE, AREA_SIZE, AREA_SIZE}, 0};
    const SaNameT name = queue_of(node);

    while (must_repeat(saMsgInitialize(&msg, NULL, &version), "saMsgInitialize")) {
    }
    while (must_repeat(saMsgQueueOpen(msg, &name, &attributes, SA_MSG_QUEUE_CREATE, SA_TIME_MAX, &queue), "saMsgQueueOpen")) {
    }
}

/* A number is used once: what was not sent with OK may come all the same. */
static void send_to(unsigned to)
{
    struct job job;
    SaMsgMessageT message;
    SaAisErrorT error;
    const SaNameT name = queue_of(to);

    memset(&job, 0, sizeof job);
    job.sender = node;
    job.number = ++tried;
    memset(&message, 0, sizeof message);
    message.size = sizeof job;
    message.data = &job;
    message.priority = 2;
    error = saMsgMessageSend(msg, &name, &message, SA_TIME_MAX);
    /* The others' queues are not there at first, and full while they are cut off; the own one is so when what
     * they have sent meanwhile comes together. */
    if (error == SA_AIS_ERR_TRY_AGAIN || error == SA_AIS_ERR_QUEUE_FULL || (to != node && error == SA_AIS_ERR_NOT_EXIST))
        return;
    if (error != SA_AIS_OK)
        violation("saMsgMessageSend: error %d", (int)error);
    queue_sent++;
    if (to == node) {
        if (own_end - own_begin == OWN_MAX)
            violation("msg: the own queue has more than it can hold");
        own[own_end++ % OWN_MAX] = job.number;
    }
}

/* 0: nothing is there. */
static int get_one(void)
{
    struct job job;
    SaMsgMessageT message;
    SaMsgSenderIdT sender;
    SaAisErrorT error;

    do {
        memset(&message, 0, sizeof message);
        message.data = &job;
        message.size = sizeof job;
        error = saMsgMessageGet(queue, &message, NULL, &sender, 0);
    } while (error != SA_AIS_ERR_TIMEOUT && must_repeat(error, "saMsgMessageGet"));
    if (error == SA_AIS_ERR_TIMEOUT)
        return 0;
    if (message.size != sizeof job || job.sender < 1 || job.sender > NODES)
        violation("msg: a message that nobody sent");
    if (job.number <= last_of[job.sender])
        violation("msg: number %lu of node %u after %lu", job.number, job.sender, last_of[job.sender]);
    last_of[job.sender] = job.number;
    queue_got++;
    if (job.sender == node && own_begin != own_end && own[own_begin % OWN_MAX] <= job.number) {
        if (own[own_begin % OWN_MAX] != job.number)
            violation("msg: number %lu of the own ones is missing", own[own_begin % OWN_MAX]);
        own_begin++;
    }
    return 1;
}

void empty_queue(void)
{
    while (get_one()) {
    }
    if (own_begin != own_end)
        violation("msg: number %lu of the own ones does not come", own[own_begin % OWN_MAX]);
}

void use_queue(unsigned long turn)
{
    send_to((unsigned)(turn % NODES) + 1);
    if (turn % 5 == 0)
        empty_queue();
}
