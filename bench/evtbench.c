/* SPDX-License-Identifier: BSD-3-Clause
 *
 * evtbench: measure an event service from publish to the subscriber's callback.
 *
 *   evtbench subscribe --counters FILE --number I
 *   evtbench publish --counters FILE --subscribers N --size BYTES --seconds S --window W
 *
 * All processes run on one machine, so an event carries the time of its publication, and FILE (16 KiB of zeroes, mapped by all)
 * the number of events that each subscriber has got.  At most W events are under way: with 1 the latency of an event on
 * an idle cluster is measured, with some hundreds how many go through.  Nobody loses events: W is below the service's queue.
 * A subscriber checks that each event is the next one; it ends with the publisher and prints one JSON object.
 * `evtfigures` runs it on clusters.
 */

#define _POSIX_C_SOURCE 200809L

#include <openais/saEvt.h>

#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

#define SAMPLES_MAX 4000000
#define SUBSCRIBERS_MAX 64
#define COUNTERS_SIZE 16384
#define STEP (COUNTERS_SIZE / SUBSCRIBERS_MAX / sizeof(uint64_t)) /* a cache line or more for each */
#define READY 1 /* a counter begins with it: the subscription is there */

struct head {
    uint64_t number;
    uint64_t published_ns;
    uint64_t is_last;
};

static uint64_t *counters;
static uint64_t *samples;
static uint64_t received, first_ns, last_ns;
static unsigned number;
static int is_over;

static uint64_t now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static void rest_us(long us)
{
    const struct timespec time = {0, us * 1000};
    nanosleep(&time, NULL);
}

static int must_repeat(SaAisErrorT error, const char *what)
{
    if (error == SA_AIS_ERR_TRY_AGAIN) {
        rest_us(20);
        return 1;
    }
    if (error != SA_AIS_OK) {
        fprintf(stderr, "evtbench: %s: error %d\n", what, (int)error);
        exit(1);
    }
    return 0;
}

static void on_event(SaEvtSubscriptionIdT subscription, SaEvtEventHandleT event, SaSizeT size)
{
    static unsigned char data[65536];
    const uint64_t now = now_ns();
    SaSizeT room = sizeof data;
    struct head head;
    (void)subscription;
    if (size < sizeof head || saEvtEventDataGet(event, data, &room) != SA_AIS_OK) {
        fprintf(stderr, "evtbench: an event without data: some were lost\n");
        exit(1);
    }
    memcpy(&head, data, sizeof head);
    if (head.number != received) {
        fprintf(stderr, "evtbench: event %" PRIu64 " instead of %" PRIu64 "\n", head.number, received);
        exit(1);
    }
    if (received == 0)
        first_ns = head.published_ns;
    last_ns = now;
    if (received < SAMPLES_MAX)
        samples[received] = now - head.published_ns;
    received++;
    is_over = head.is_last != 0;
    __atomic_store_n(&counters[number * STEP], received + READY, __ATOMIC_RELEASE);
    saEvtEventFree(event);
}

static int ascending(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return x < y ? -1 : x > y;
}

static void subscribe(SaEvtHandleT evt, SaEvtChannelHandleT channel)
{
    SaEvtEventFilterT all;
    SaEvtEventFilterArrayT filters;
    SaSelectionObjectT selection;
    struct pollfd in;
    uint64_t count;
    memset(&all, 0, sizeof all);
    all.filterType = SA_EVT_PASS_ALL_FILTER;
    filters.filtersNumber = 1;
    filters.filters = &all;
    while (must_repeat(saEvtEventSubscribe(channel, &filters, 1), "subscribe")) {
    }
    while (must_repeat(saEvtSelectionObjectGet(evt, &selection), "selection object")) {
    }
    __atomic_store_n(&counters[number * STEP], READY, __ATOMIC_RELEASE);
    in.fd = (int)selection;
    in.events = POLLIN;
    while (!is_over) {
        poll(&in, 1, -1);
        while (must_repeat(saEvtDispatch(evt, SA_DISPATCH_ALL), "dispatch")) {
        }
    }
    count = received < SAMPLES_MAX ? received : SAMPLES_MAX;
    qsort(samples, count, sizeof *samples, ascending);
    printf("{\"events\": %" PRIu64 ", \"per_s\": %.0f, \"p50_us\": %.1f, \"p99_us\": %.1f, \"max_us\": %.1f}\n", received,
           (double)received / ((double)(last_ns - first_ns) / 1e9), (double)samples[count / 2] / 1e3,
           (double)samples[count * 99 / 100] / 1e3, (double)samples[count - 1] / 1e3);
}

static uint64_t slowest(unsigned subscribers)
{
    uint64_t least = UINT64_MAX;
    unsigned i;
    for (i = 0; i < subscribers; ++i) {
        const uint64_t got = __atomic_load_n(&counters[i * STEP], __ATOMIC_ACQUIRE);
        least = got < least ? got : least;
    }
    return least;
}

static void publish(SaEvtChannelHandleT channel, unsigned subscribers, size_t size, double seconds, uint64_t window)
{
    SaEvtEventHandleT event;
    SaEvtEventIdT id;
    unsigned char *data = calloc(1, size);
    struct head head = {0, 0, 0};
    uint64_t end;
    if (data == NULL)
        exit(1);
    while (must_repeat(saEvtEventAllocate(channel, &event), "allocate")) {
    }
    while (slowest(subscribers) < READY)
        rest_us(1000);
    end = now_ns() + (uint64_t)(seconds * 1e9);
    while (head.is_last == 0) {
        while (head.number + READY >= slowest(subscribers) + window)
            rest_us(5);
        head.published_ns = now_ns();
        head.is_last = head.published_ns >= end;
        memcpy(data, &head, sizeof head);
        while (must_repeat(saEvtEventPublish(event, data, size, &id), "publish")) {
        }
        head.number++;
    }
    while (slowest(subscribers) < head.number + READY)
        rest_us(100);
    free(data);
}

static void usage(void)
{
    fprintf(stderr, "usage: evtbench subscribe --counters FILE --number I\n"
                    "       evtbench publish --counters FILE --subscribers N --size BYTES --seconds S --window W\n");
    exit(2);
}

int main(int argc, char **argv)
{
    const SaEvtCallbacksT callbacks = {NULL, on_event};
    SaVersionT version = {'B', 1, 1};
    SaEvtHandleT evt;
    SaEvtChannelHandleT channel;
    SaNameT name;
    const char *file = NULL;
    unsigned subscribers = 1;
    size_t size = 64;
    double seconds = 2;
    uint64_t window = 1;
    int i, fd, publishes;

    if (argc < 2)
        usage();
    publishes = strcmp(argv[1], "publish") == 0;
    for (i = 2; i + 1 < argc; i += 2) {
        if (strcmp(argv[i], "--counters") == 0)
            file = argv[i + 1];
        else if (strcmp(argv[i], "--number") == 0)
            number = (unsigned)atoi(argv[i + 1]);
        else if (strcmp(argv[i], "--subscribers") == 0)
            subscribers = (unsigned)atoi(argv[i + 1]);
        else if (strcmp(argv[i], "--size") == 0)
            size = strtoul(argv[i + 1], NULL, 0);
        else if (strcmp(argv[i], "--seconds") == 0)
            seconds = atof(argv[i + 1]);
        else if (strcmp(argv[i], "--window") == 0)
            window = strtoul(argv[i + 1], NULL, 0);
        else
            usage();
    }
    if (i != argc || file == NULL || (!publishes && strcmp(argv[1], "subscribe") != 0) || number >= SUBSCRIBERS_MAX ||
        subscribers == 0 || subscribers > SUBSCRIBERS_MAX || size < sizeof(struct head) || size > 65536 || window == 0)
        usage();
    fd = open(file, O_RDWR);
    counters = fd < 0 ? MAP_FAILED : mmap(NULL, COUNTERS_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    samples = malloc(SAMPLES_MAX * sizeof *samples);
    if (counters == MAP_FAILED || samples == NULL) {
        perror(file);
        return 1;
    }
    while (must_repeat(saEvtInitialize(&evt, &callbacks, &version), "initialize")) {
    }
    memset(&name, 0, sizeof name);
    memcpy(name.value, "evtbench", name.length = 8);
    while (must_repeat(saEvtChannelOpen(evt, &name, (publishes ? SA_EVT_CHANNEL_PUBLISHER : SA_EVT_CHANNEL_SUBSCRIBER) |
                                                        SA_EVT_CHANNEL_CREATE, SA_TIME_MAX, &channel), "open")) {
    }
    if (publishes)
        publish(channel, subscribers, size, seconds, window);
    else
        subscribe(evt, channel);
    while (must_repeat(saEvtFinalize(evt), "finalize")) {
    }
    free(samples);
    return 0;
}
