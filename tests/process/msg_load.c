/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Queues with many messages, for tests of what happens to them meanwhile.
 *
 *   msg_load fill QUEUES MESSAGES SIZE    make QUEUES persistent queues "full-N" and send MESSAGES of SIZE bytes to each, in turn
 *                                         over the queues and with all priorities, and stay until the standard input ends
 *   msg_load check QUEUES MESSAGES SIZE   get all of that: each message once, in order, with the bytes that `fill` sent, and nothing else
 *   msg_load work NAME                    send a message to a queue and get it, until the standard input ends
 *
 * Tries again what shall be tried again and fails at any other error.  `work` prints "COUNT LONGEST AGAIN" over and over:
 * messages so far, the longest call in ms with its repetitions, and how often it was told to try again.
 */
#define _POSIX_C_SOURCE 200809L
#include <openais/saMsg.h>

#define PROGRAM "msg_load"
#include "load.h"

static SaMsgHandleT handle;

/* `bytes`: of an area, 0 if the queue is there. */
static SaMsgQueueHandleT open_queue(SaNameT name, SaSizeT bytes)
{
    SaMsgQueueHandleT queue = 0;
    const SaMsgQueueCreationAttributesT attributes = {SA_MSG_QUEUE_PERSISTENT, {bytes, bytes, bytes, bytes}, 0};

    while (must_repeat(saMsgQueueOpen(handle, &name, bytes != 0 ? &attributes : NULL, bytes != 0 ? SA_MSG_QUEUE_CREATE : 0,
                                      SA_TIME_MAX, &queue), "open")) {
    }
    return queue;
}

static void send_to(SaNameT name, void *data, SaSizeT size, SaUint8T priority)
{
    SaMsgMessageT message;

    memset(&message, 0, sizeof message);
    message.size = size;
    message.data = data;
    message.priority = priority;
    while (must_repeat(saMsgMessageSend(handle, &name, &message, SA_TIME_MAX), "send")) {
    }
}

/* A message that differs from all others, in all of its parts. */
static void paint(unsigned char *data, SaSizeT size, long queue, long number)
{
    SaUint64T state = (SaUint64T)queue * 1000003u + (SaUint64T)number + 1;
    SaSizeT at;
    for (at = 0; at < size; ++at) {
        state = state * 6364136223846793005u + 1442695040888963407u;
        data[at] = (unsigned char)(state >> 56);
    }
}

static SaUint8T priority_of(long number)
{
    return (SaUint8T)(number % (SA_MSG_MESSAGE_LOWEST_PRIORITY + 1));
}

static void fill(long queues, long messages, SaSizeT size)
{
    unsigned char *data = malloc(size);
    SaMsgQueueHandleT queue;
    long i, n;

    for (i = 0; i < queues; ++i) {
        queue = open_queue(name_of("full", i), (SaSizeT)messages * size);
        while (must_repeat(saMsgQueueClose(queue), "close")) {
        }
    }
    for (n = 0; data != NULL && n < messages; ++n) {
        for (i = 0; i < queues; ++i) {
            paint(data, size, i, n);
            send_to(name_of("full", i), data, size, priority_of(n));
        }
    }
    free(data);
    printf("filled\n");
    fflush(stdout);
    while (!input_has_ended()) {
        struct pollfd in = {STDIN_FILENO, POLLIN, 0};
        poll(&in, 1, -1);
    }
}

/* The next message of the queue must be this one. */
static void check_one(SaMsgQueueHandleT queue, const unsigned char *expected, SaSizeT size, long i, long n)
{
    SaMsgMessageT message;
    SaTimeT sent;
    SaMsgSenderIdT sender;
    SaAisErrorT error;

    do {
        memset(&message, 0, sizeof message);
        error = saMsgMessageGet(queue, &message, &sent, &sender, SA_TIME_ONE_MINUTE);
    } while (must_repeat(error, "get"));
    if (message.size != size || message.priority != priority_of(n) || memcmp(message.data, expected, size) != 0) {
        fprintf(stderr, "msg_load: queue %ld does not give message %ld\n", i, n);
        exit(1);
    }
    saMsgMessageDataFree(handle, message.data);
}

static void check(long queues, long messages, SaSizeT size)
{
    unsigned char *expected = malloc(size);
    long i, n;
    SaUint8T priority;

    for (i = 0; expected != NULL && i < queues; ++i) {
        const SaMsgQueueHandleT queue = open_queue(name_of("full", i), 0);
        SaMsgMessageT message;
        SaTimeT sent;
        SaMsgSenderIdT sender;
        SaAisErrorT error;
        for (priority = 0; priority <= SA_MSG_MESSAGE_LOWEST_PRIORITY; ++priority) {
            for (n = 0; n < messages; ++n) {
                if (priority_of(n) != priority)
                    continue;
                paint(expected, size, i, n);
                check_one(queue, expected, size, i, n);
            }
        }
        do {
            memset(&message, 0, sizeof message);
            error = saMsgMessageGet(queue, &message, &sent, &sender, SA_TIME_ONE_MILLISECOND);
        } while (error == SA_AIS_ERR_TRY_AGAIN);
        if (error != SA_AIS_ERR_TIMEOUT) {
            fprintf(stderr, "msg_load: queue %ld is not empty at its end: error %d\n", i, (int)error);
            exit(1);
        }
        while (must_repeat(saMsgQueueClose(queue), "close")) {
        }
    }
    free(expected);
    printf("equal\n");
}

static void work(const char *name)
{
    long count = 0;
    double longest = 0;
    double said = now();
    const SaMsgQueueHandleT queue = open_queue(name_of(name, -1), 4096);

    while (!input_has_ended()) {
        SaMsgMessageT message;
        SaTimeT sent;
        SaMsgSenderIdT sender;
        SaAisErrorT error;
        long got = 0;
        double begun = now();
        double took;

        send_to(name_of(name, -1), &count, sizeof count, SA_MSG_MESSAGE_LOWEST_PRIORITY);
        took = now() - begun;
        longest = took > longest ? took : longest;
        begun = now();
        do {
            memset(&message, 0, sizeof message);
            message.data = &got;
            message.size = sizeof got;
            error = saMsgMessageGet(queue, &message, &sent, &sender, SA_TIME_ONE_MINUTE);
        } while (must_repeat(error, "get"));
        took = now() - begun;
        longest = took > longest ? took : longest;
        if (got != count) {
            fprintf(stderr, "msg_load: message %ld came instead of %ld\n", got, count);
            exit(1);
        }
        ++count;
        if (count == 1 || now() - said > 0.05) {
            said = now();
            printf("%ld %.3f %ld\n", count, longest * 1e3, again);
            fflush(stdout);
        }
    }
    printf("%ld %.3f %ld\n", count, longest * 1e3, again);
}

int main(int argc, char **argv)
{
    SaVersionT version = {'B', 1, 1};

    if (argc != 3 && argc != 5)
        return 2;
    while (must_repeat(saMsgInitialize(&handle, NULL, &version), "saMsgInitialize")) {
    }
    if (argc == 3)
        work(argv[2]);
    else if (strcmp(argv[1], "fill") == 0)
        fill(atol(argv[2]), atol(argv[3]), (SaSizeT)atol(argv[4]));
    else
        check(atol(argv[2]), atol(argv[3]), (SaSizeT)atol(argv[4]));
    saMsgFinalize(handle);
    return 0;
}
