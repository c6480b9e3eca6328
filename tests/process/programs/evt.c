/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Events as a program publishes them and hears them.
 * Link: -lSaEvt -lsaEvt
 */
#include "program.h"

#include <openais/saEvt.h>

#include <pthread.h>
#include <string.h>

#define WAYS_IN (SA_EVT_CHANNEL_PUBLISHER | SA_EVT_CHANNEL_SUBSCRIBER | SA_EVT_CHANNEL_CREATE)

static int opened;
static int events;
static int ends_with_event;
static SaEvtHandleT handle;
static SaEvtChannelHandleT channel;

static void on_open(SaInvocationT invocation, SaEvtChannelHandleT answer, SaAisErrorT error)
{
    if (invocation == 7 && error == SA_AIS_OK) {
        channel = answer;
        opened = 1;
    }
}

static void on_event(SaEvtSubscriptionIdT subscription, SaEvtEventHandleT event, SaSizeT size)
{
    char data[5];
    SaSizeT room = sizeof data;

    if (subscription == 3 && size == 5 && saEvtEventDataGet(event, data, &room) == SA_AIS_OK &&
        memcmp(data, "hello", 5) == 0)
        events++;
    saEvtEventFree(event);
    if (ends_with_event)
        saEvtFinalize(handle);
}

static int subscribe(void)
{
    SaUint8T prefix[] = {'w', 'e'};
    SaEvtEventFilterT filter;
    SaEvtEventFilterArrayT filters;
    int error;

    filter.filterType = SA_EVT_PREFIX_FILTER;
    filter.filter.allocatedSize = 0;
    filter.filter.patternSize = sizeof prefix;
    filter.filter.pattern = prefix;
    filters.filtersNumber = 1;
    filters.filters = &filter;
    error = saEvtEventSubscribe(channel, &filters, 3);
    return error != SA_AIS_OK ? fail("saEvtEventSubscribe", error) : 0;
}

static int publish(void)
{
    SaUint8T text[] = {'w', 'e', 'a', 't', 'h', 'e', 'r'};
    SaEvtEventPatternT pattern;
    SaEvtEventPatternArrayT patterns;
    const SaNameT name = name_of_run();
    SaEvtEventHandleT event;
    SaEvtEventIdT id = 0;
    int error = saEvtEventAllocate(channel, &event);

    if (error != SA_AIS_OK)
        return fail("saEvtEventAllocate", error);
    pattern.allocatedSize = sizeof text;
    pattern.patternSize = sizeof text;
    pattern.pattern = text;
    patterns.allocatedNumber = 1;
    patterns.patternsNumber = 1;
    patterns.patterns = &pattern;
    error = saEvtEventAttributesSet(event, &patterns, SA_EVT_LOWEST_PRIORITY, 0, &name);
    if (error != SA_AIS_OK)
        return fail("saEvtEventAttributesSet", error);
    error = saEvtEventPublish(event, "hello", 5, &id);
    /* With a thread that ends the handle on the event, it may be gone with all that belongs to it. */
    if (error != SA_AIS_OK && !(ends_with_event && error == SA_AIS_ERR_BAD_HANDLE))
        return fail("saEvtEventPublish", error);
    if (ends_with_event)
        return 0;
    error = saEvtEventFree(event);
    return error != SA_AIS_OK ? fail("saEvtEventFree", error) : 0;
}

static int open_here(void)
{
    const SaNameT name = name_of_run();
    int error = saEvtChannelOpen(handle, &name, WAYS_IN, SA_TIME_ONE_SECOND * 20, &channel);

    return error != SA_AIS_OK ? fail("saEvtChannelOpen", error) : 0;
}

static int begin(void)
{
    SaVersionT version;
    SaEvtCallbacksT callbacks;
    int error;

    callbacks.saEvtChannelOpenCallback = on_open;
    callbacks.saEvtEventDeliverCallback = on_event;
    version.releaseCode = 'B';
    version.majorVersion = 1;
    version.minorVersion = 1;
    do {
        error = saEvtInitialize(&handle, &callbacks, &version);
    } while (error == SA_AIS_ERR_TRY_AGAIN);
    return error;
}

static int use_sync(void)
{
    if (open_here() != 0 || subscribe() != 0 || publish() != 0)
        return 1;
    while (events == 0) {
        int error = saEvtDispatch(handle, SA_DISPATCH_ONE);

        if (error != SA_AIS_OK)
            return fail("saEvtDispatch", error);
    }
    return 0;
}

static int wait_for(const int *what)
{
    return dispatch_until(what, handle, saEvtSelectionObjectGet, saEvtDispatch);
}

static int use_poll(void)
{
    const SaNameT name = name_of_run();
    int error = saEvtChannelOpenAsync(handle, 7, &name, WAYS_IN);

    if (error != SA_AIS_OK)
        return fail("saEvtChannelOpenAsync", error);
    if (wait_for(&opened) != 0 || subscribe() != 0 || publish() != 0)
        return 1;
    return wait_for(&events);
}

static int dispatched;

static void *dispatch(void *unused)
{
    (void)unused;
    dispatched = saEvtDispatch(handle, SA_DISPATCH_BLOCKING);
    return NULL;
}

static int use_thread(void)
{
    pthread_t thread;

    ends_with_event = 1;
    if (open_here() != 0 || subscribe() != 0)
        return 1;
    if (pthread_create(&thread, NULL, dispatch, NULL) != 0)
        return fail("pthread_create", 0);
    if (publish() != 0)
        return 1;
    pthread_join(thread, NULL);
    return dispatched != SA_AIS_OK || events != 1 ? fail("saEvtDispatch", dispatched) : 0;
}

int main(int argc, char **argv)
{
    const char *way = argc > 1 ? argv[1] : "sync";
    const SaNameT name = name_of_run();
    int error = begin();

    if (error != SA_AIS_OK)
        return fail("saEvtInitialize", error);
    if (strcmp(way, "thread") == 0)
        return use_thread();
    if ((strcmp(way, "poll") == 0 ? use_poll() : use_sync()) != 0)
        return 1;
    error = saEvtChannelUnlink(handle, &name);
    if (error != SA_AIS_OK)
        return fail("saEvtChannelUnlink", error);
    error = saEvtChannelClose(channel);
    if (error != SA_AIS_OK)
        return fail("saEvtChannelClose", error);
    error = saEvtFinalize(handle);
    return error != SA_AIS_OK ? fail("saEvtFinalize", error) : 0;
}
