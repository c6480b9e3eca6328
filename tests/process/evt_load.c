/* SPDX-License-Identifier: BSD-3-Clause
 *
 * evt_load NUMBER: publish numbered events and judge what is delivered, until the standard input ends.
 *
 * Each process gets the events of all.  It ends with status 1 and a sentence as soon as an event of a publisher is missing or
 * there twice, is delivered to a subscription whose filter it does not pass, or is lost (the executives have long queues); a
 * publisher waits for its own events.  When the input has ended it prints how many of its own
 * it got, for each of its two subscriptions, and how many it published.
 *
 *   evt_load kept    print how many retained events a new subscription gets: every tenth of those published
 */
#define _POSIX_C_SOURCE 200809L
#include <openais/saEvt.h>

#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define PROCESSES 8
#define UNDER_WAY 50

enum { all = 1, even = 2, kept = 3 };
static unsigned long last[3][PROCESSES]; /* 0: nothing yet */
static unsigned long counts[4];
static unsigned long retained;
static unsigned self;

static void violation(const char *what, unsigned long number, unsigned from)
{
    fprintf(stderr, "evt_load of %u: %s: event %lu of %u\n", self, what, number, from);
    exit(1);
}

static int must_repeat(SaAisErrorT error, const char *what)
{
    if (error == SA_AIS_ERR_TRY_AGAIN) {
        const struct timespec wait = {0, 1000000};
        nanosleep(&wait, NULL);
        return 1;
    }
    if (error != SA_AIS_OK) {
        fprintf(stderr, "evt_load of %u: %s: error %d\n", self, what, (int)error);
        exit(1);
    }
    return 0;
}

static void on_event(SaEvtSubscriptionIdT subscription, SaEvtEventHandleT event, SaSizeT size)
{
    unsigned long what[2];
    SaSizeT room = sizeof what;
    SaEvtEventIdT id = 0;
    SaTimeT retention = 0;
    unsigned step;
    if (saEvtEventAttributesGet(event, NULL, NULL, &retention, NULL, NULL, &id) == SA_AIS_OK && id == SA_EVT_EVENTID_LOST)
        violation("events were lost", 0, 0);
    if (size != sizeof what || saEvtEventDataGet(event, what, &room) != SA_AIS_OK || what[0] >= PROCESSES)
        violation("nobody published this", 0, 0);
    if (subscription == kept) {
        retained += retention > 0;
        saEvtEventFree(event);
        return;
    }
    step = subscription == even ? 2 : 1;
    if (what[1] % step != 0)
        violation("does not pass the filter", what[1], (unsigned)what[0]);
    if (last[subscription][what[0]] == 0 && retention > 0) {
        saEvtEventFree(event); /* published before we subscribed */
        return;
    }
    if (last[subscription][what[0]] != 0 && what[1] != last[subscription][what[0]] + step)
        violation("is not the next one", what[1], (unsigned)what[0]);
    last[subscription][what[0]] = what[1];
    counts[subscription] += what[0] == self;
    saEvtEventFree(event);
}

static void subscribe(SaEvtChannelHandleT channel, SaEvtEventFilterTypeT type, const char *pattern, SaEvtSubscriptionIdT id)
{
    SaUint8T bytes[8];
    SaEvtEventFilterT filter;
    SaEvtEventFilterArrayT filters;
    memset(&filter, 0, sizeof filter);
    memcpy(bytes, pattern, strlen(pattern));
    filter.filterType = type;
    filter.filter.pattern = bytes;
    filter.filter.allocatedSize = filter.filter.patternSize = strlen(pattern);
    filters.filtersNumber = 1;
    filters.filters = &filter;
    while (must_repeat(saEvtEventSubscribe(channel, &filters, id), "subscribe")) {
    }
}

static void publish(SaEvtChannelHandleT channel, unsigned long number)
{
    SaUint8T text[] = "odd ";
    SaEvtEventPatternT pattern;
    SaEvtEventPatternArrayT patterns;
    SaEvtEventHandleT event;
    SaEvtEventIdT id;
    unsigned long what[2];
    if (number % 2 == 0)
        memcpy(text, "even", 4);
    pattern.allocatedSize = pattern.patternSize = 4;
    pattern.pattern = text;
    patterns.allocatedNumber = patterns.patternsNumber = 1;
    patterns.patterns = &pattern;
    while (must_repeat(saEvtEventAllocate(channel, &event), "allocate")) {
    }
    while (must_repeat(saEvtEventAttributesSet(event, &patterns, SA_EVT_LOWEST_PRIORITY,
                                               number % 10 == 0 ? 10 * SA_TIME_ONE_MINUTE : 0, NULL), "attributes")) {
    }
    what[0] = self;
    what[1] = number;
    while (must_repeat(saEvtEventPublish(event, what, sizeof what, &id), "publish")) {
    }
    while (must_repeat(saEvtEventFree(event), "free")) {
    }
}

static double now(void)
{
    struct timespec at;
    clock_gettime(CLOCK_MONOTONIC, &at);
    return (double)at.tv_sec + 1e-9 * (double)at.tv_nsec;
}

static int input_has_ended(void)
{
    struct pollfd in = {STDIN_FILENO, POLLIN, 0};
    char byte;
    return poll(&in, 1, 0) == 1 && read(STDIN_FILENO, &byte, 1) != 1;
}

static void dispatch(SaEvtHandleT evt, int wait_ms)
{
    struct pollfd in = {-1, POLLIN, 0};
    SaSelectionObjectT selection;
    while (must_repeat(saEvtSelectionObjectGet(evt, &selection), "selection object")) {
    }
    in.fd = (int)selection;
    poll(&in, 1, wait_ms);
    while (must_repeat(saEvtDispatch(evt, SA_DISPATCH_ALL), "dispatch")) {
    }
}

int main(int argc, char **argv)
{
    const SaEvtCallbacksT callbacks = {NULL, on_event};
    SaVersionT version = {'B', 1, 1};
    const int is_late = argc == 2 && strcmp(argv[1], "kept") == 0;
    SaEvtHandleT evt;
    SaEvtChannelHandleT channel;
    SaNameT name;
    unsigned long published = 0;
    double told = 0;

    self = argc == 2 && !is_late ? (unsigned)atoi(argv[1]) : 0;
    if (argc != 2 || self >= PROCESSES)
        return 2;
    memset(&name, 0, sizeof name);
    memcpy(name.value, "replaced", name.length = 8);
    while (must_repeat(saEvtInitialize(&evt, &callbacks, &version), "initialize")) {
    }
    while (must_repeat(saEvtChannelOpen(evt, &name, SA_EVT_CHANNEL_PUBLISHER | SA_EVT_CHANNEL_SUBSCRIBER | SA_EVT_CHANNEL_CREATE,
                                        SA_TIME_MAX, &channel), "open")) {
    }
    if (is_late) {
        unsigned long before;
        subscribe(channel, SA_EVT_PASS_ALL_FILTER, "", kept);
        do { /* those that are retained are there when the subscription is */
            before = retained;
            dispatch(evt, 2000);
        } while (retained != before);
        printf("%lu\n", retained);
        return 0;
    }
    subscribe(channel, SA_EVT_PASS_ALL_FILTER, "", all);
    subscribe(channel, SA_EVT_EXACT_FILTER, "even", even);
    while (!input_has_ended()) {
        while (published < counts[all] + UNDER_WAY)
            publish(channel, ++published);
        dispatch(evt, 100);
        if (now() - told > 0.05) {
            printf("%lu\n", counts[all]);
            fflush(stdout);
            told = now();
        }
    }
    while (counts[all] < published || counts[even] < published / 2)
        dispatch(evt, 100);
    printf("%lu %lu %lu\n", counts[all], counts[even], published);
    while (must_repeat(saEvtFinalize(evt), "finalize")) {
    }
    return 0;
}
