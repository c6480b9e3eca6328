/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Messages as a program sends them, is told of them and gets them.
 * Link: -lSaMsg -lsaMsg
 */
#include "program.h"

#include <openais/saMsg.h>

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#define PATIENCE (SA_TIME_ONE_SECOND * 20)

static int opened;
static int delivered;
static int received;
static int ends_with_message;
static SaMsgHandleT handle;
static SaMsgQueueHandleT queue;

static void on_open(SaInvocationT invocation, SaMsgQueueHandleT answer, SaAisErrorT error)
{
    if (invocation == 7 && error == SA_AIS_OK) {
        queue = answer;
        opened = 1;
    }
}

static void on_delivered(SaInvocationT invocation, SaAisErrorT error)
{
    if (invocation == 9 && error == SA_AIS_OK)
        delivered++;
}

static void on_received(SaMsgQueueHandleT from)
{
    if (from == queue || ends_with_message)
        received++;
    if (ends_with_message)
        saMsgFinalize(handle);
}

static SaMsgQueueCreationAttributesT attributes(void)
{
    SaMsgQueueCreationAttributesT wanted;
    int i;

    wanted.creationFlags = 0;
    wanted.retentionTime = 0;
    for (i = SA_MSG_MESSAGE_HIGHEST_PRIORITY; i <= SA_MSG_MESSAGE_LOWEST_PRIORITY; i++)
        wanted.size[i] = 1000;
    return wanted;
}

static SaMsgMessageT hello(void)
{
    static char text[] = "hello";
    SaMsgMessageT message;

    memset(&message, 0, sizeof message);
    message.type = 1;
    message.size = 5;
    message.data = text;
    message.priority = SA_MSG_MESSAGE_LOWEST_PRIORITY;
    return message;
}

static int send_hello(void)
{
    const SaNameT name = name_of_run();
    const SaMsgMessageT message = hello();
    int error = saMsgMessageSend(handle, &name, &message, PATIENCE);

    /* With a thread that ends the handle on the message, it may be gone before the answer. */
    if (error != SA_AIS_OK && !(ends_with_message && error == SA_AIS_ERR_BAD_HANDLE))
        return fail("saMsgMessageSend", error);
    return 0;
}

static int get_hello(void)
{
    SaMsgMessageT message;
    SaMsgSenderIdT sender = 1;
    SaTimeT sent = 0;
    int error;

    memset(&message, 0, sizeof message);
    error = saMsgMessageGet(queue, &message, &sent, &sender, PATIENCE);
    if (error != SA_AIS_OK)
        return fail("saMsgMessageGet", error);
    if (message.size != 5 || memcmp(message.data, "hello", 5) != 0 || sender != 0 || sent <= 0)
        return fail("another message", (int)message.size);
    free(message.data);
    return 0;
}

static int open_here(SaMsgQueueOpenFlagsT more)
{
    const SaNameT name = name_of_run();
    const SaMsgQueueCreationAttributesT wanted = attributes();
    int error = saMsgQueueOpen(handle, &name, &wanted, SA_MSG_QUEUE_CREATE | more, PATIENCE, &queue);

    return error != SA_AIS_OK ? fail("saMsgQueueOpen", error) : 0;
}

static int begin(void)
{
    SaVersionT version;
    SaMsgCallbacksT callbacks;
    int error;

    memset(&callbacks, 0, sizeof callbacks);
    callbacks.saMsgQueueOpenCallback = on_open;
    callbacks.saMsgMessageDeliveredCallback = on_delivered;
    callbacks.saMsgMessageReceivedCallback = on_received;
    version.releaseCode = 'B';
    version.majorVersion = 1;
    version.minorVersion = 1;
    do {
        error = saMsgInitialize(&handle, &callbacks, &version);
    } while (error == SA_AIS_ERR_TRY_AGAIN);
    return error;
}

static int use_sync(void)
{
    return open_here(0) != 0 || send_hello() != 0 || get_hello() != 0;
}

static int wait_for(const int *what)
{
    return dispatch_until(what, handle, saMsgSelectionObjectGet, saMsgDispatch);
}

static int use_poll(void)
{
    const SaNameT name = name_of_run();
    const SaMsgQueueCreationAttributesT wanted = attributes();
    const SaMsgMessageT message = hello();
    int error = saMsgQueueOpenAsync(handle, 7, &name, &wanted, SA_MSG_QUEUE_CREATE | SA_MSG_QUEUE_RECEIVE_CALLBACK);

    if (error != SA_AIS_OK)
        return fail("saMsgQueueOpenAsync", error);
    if (wait_for(&opened) != 0)
        return 1;
    error = saMsgMessageSendAsync(handle, 9, &name, &message, SA_MSG_MESSAGE_DELIVERED_ACK);
    if (error != SA_AIS_OK)
        return fail("saMsgMessageSendAsync", error);
    return wait_for(&delivered) != 0 || wait_for(&received) != 0 || get_hello() != 0;
}

static int dispatched;

static void *dispatch(void *unused)
{
    (void)unused;
    dispatched = saMsgDispatch(handle, SA_DISPATCH_BLOCKING);
    return NULL;
}

static int use_thread(void)
{
    pthread_t thread;

    ends_with_message = 1;
    if (open_here(SA_MSG_QUEUE_RECEIVE_CALLBACK) != 0)
        return 1;
    if (pthread_create(&thread, NULL, dispatch, NULL) != 0)
        return fail("pthread_create", 0);
    if (send_hello() != 0)
        return 1;
    pthread_join(thread, NULL);
    return dispatched != SA_AIS_OK || received != 1 ? fail("saMsgDispatch", dispatched) : 0;
}

int main(int argc, char **argv)
{
    const char *way = argc > 1 ? argv[1] : "sync";
    const SaNameT name = name_of_run();
    int error = begin();

    if (error != SA_AIS_OK)
        return fail("saMsgInitialize", error);
    if (strcmp(way, "thread") == 0)
        return use_thread();
    if ((strcmp(way, "poll") == 0 ? use_poll() : use_sync()) != 0)
        return 1;
    error = saMsgQueueUnlink(handle, &name);
    if (error != SA_AIS_OK)
        return fail("saMsgQueueUnlink", error);
    error = saMsgQueueClose(queue);
    if (error != SA_AIS_OK)
        return fail("saMsgQueueClose", error);
    error = saMsgFinalize(handle);
    return error != SA_AIS_OK ? fail("saMsgFinalize", error) : 0;
}
