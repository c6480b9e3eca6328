/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Cluster membership as a program asks for it.
 * Link: -lSaClm -lsaClm
 */
#include "program.h"

#include <openais/saClm.h>

#include <poll.h>
#include <pthread.h>
#include <string.h>

static int answers;
static SaClmHandleT handle;

static void on_node(SaInvocationT invocation, const SaClmClusterNodeT *node, SaAisErrorT error)
{
    if (invocation == 7 && error == SA_AIS_OK && node->member == SA_TRUE)
        answers++;
    /* The thread ends when its handle does. */
    if (invocation == 8)
        saClmFinalize(handle);
}

static void on_track(const SaClmClusterNotificationBufferT *buffer, SaUint32T members, SaAisErrorT error)
{
    if (error == SA_AIS_OK && members == 1 && buffer->numberOfItems == 1)
        answers++;
}

static int begin(void)
{
    SaVersionT version;
    SaClmCallbacksT callbacks;
    int error;

    callbacks.saClmClusterNodeGetCallback = on_node;
    callbacks.saClmClusterTrackCallback = on_track;
    version.releaseCode = 'B';
    version.majorVersion = 1;
    version.minorVersion = 1;
    do {
        error = saClmInitialize(&handle, &callbacks, &version);
    } while (error == SA_AIS_ERR_TRY_AGAIN);
    return error;
}

static int use_sync(void)
{
    SaClmClusterNotificationBufferT now = {0, 0, NULL};
    SaClmClusterNodeT node;
    int error = saClmClusterTrack(handle, SA_TRACK_CURRENT, &now);

    if (error != SA_AIS_OK || now.numberOfItems != 1)
        return fail("saClmClusterTrack", error);
    error = saClmClusterNodeGet(handle, now.notification[0].clusterNode.nodeId, SA_TIME_ONE_SECOND * 20, &node);
    if (error != SA_AIS_OK || node.nodeName.length == 0)
        return fail("saClmClusterNodeGet", error);
    error = saClmClusterNotificationFree(handle, now.notification);
    return error != SA_AIS_OK ? fail("saClmClusterNotificationFree", error) : 0;
}

static int use_poll(void)
{
    SaSelectionObjectT fd;
    int error = saClmClusterTrack(handle, SA_TRACK_CURRENT | SA_TRACK_CHANGES, NULL);

    if (error != SA_AIS_OK)
        return fail("saClmClusterTrack", error);
    error = saClmClusterNodeGetAsync(handle, 7, SA_CLM_LOCAL_NODE_ID);
    if (error != SA_AIS_OK)
        return fail("saClmClusterNodeGetAsync", error);
    error = saClmSelectionObjectGet(handle, &fd);
    if (error != SA_AIS_OK)
        return fail("saClmSelectionObjectGet", error);
    while (answers < 2) {
        struct pollfd wait;

        wait.fd = (int)fd;
        wait.events = POLLIN;
        if (poll(&wait, 1, 20000) != 1)
            return fail("poll", answers);
        error = saClmDispatch(handle, SA_DISPATCH_ALL);
        if (error != SA_AIS_OK)
            return fail("saClmDispatch", error);
    }
    error = saClmClusterTrackStop(handle);
    return error != SA_AIS_OK ? fail("saClmClusterTrackStop", error) : 0;
}

static int dispatched;

static void *dispatch(void *unused)
{
    (void)unused;
    dispatched = saClmDispatch(handle, SA_DISPATCH_BLOCKING);
    return NULL;
}

static int use_thread(void)
{
    pthread_t thread;
    SaInvocationT i;
    int error;

    if (pthread_create(&thread, NULL, dispatch, NULL) != 0)
        return fail("pthread_create", 0);
    for (i = 7; i <= 8; i++) {
        error = saClmClusterNodeGetAsync(handle, i, SA_CLM_LOCAL_NODE_ID);
        /* The second answer may have ended the handle before the call is back. */
        if (error != SA_AIS_OK && !(i == 8 && error == SA_AIS_ERR_BAD_HANDLE))
            return fail("saClmClusterNodeGetAsync", error);
    }
    pthread_join(thread, NULL);
    return dispatched != SA_AIS_OK || answers != 1 ? fail("saClmDispatch", dispatched) : 0;
}

int main(int argc, char **argv)
{
    const char *way = argc > 1 ? argv[1] : "sync";
    int error = begin();

    if (error != SA_AIS_OK)
        return fail("saClmInitialize", error);
    if (strcmp(way, "thread") == 0)
        return use_thread();
    if ((strcmp(way, "poll") == 0 ? use_poll() : use_sync()) != 0)
        return 1;
    error = saClmFinalize(handle);
    return error != SA_AIS_OK ? fail("saClmFinalize", error) : 0;
}
