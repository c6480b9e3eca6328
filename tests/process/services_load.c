/* SPDX-License-Identifier: BSD-3-Clause
 *
 * services_load NODE: use clm, ckpt, evt, evs, lck and msg at once while the network is cut and healed, and judge what is seen.
 *
 * Ends with status 1 and a sentence as soon as a promise is broken that one process can see:
 *   clm   numbers of views grow
 *   ckpt  two sections that are always written together are always read alike, and in one piece
 *   evt   no event is delivered twice to a subscription
 *   evs   a transitional configuration is the last one without those that left, the regular one after it adds those that
 *         joined; messages of a sender come in order, and only from members of the last ring
 *   lck   the numbers of a lock grow; one that is held is held, or was lost
 *   msg   services_msg.c
 * What needs all processes is answered on the standard input, one line of JSON for one line:
 *   report A B C   the state; of the checkpoints that nodes 1, 2, 3 made for themselves so many must be there
 *   calm           start nothing new from here on
 *   late           subscribe once more: retained events are due again
 */
#define _POSIX_C_SOURCE 200809L
#include "services_load.h"

#include <openais/evs.h>
#include <openais/saCkpt.h>
#include <openais/saClm.h>
#include <openais/saEvt.h>
#include <openais/saLck.h>

#include <inttypes.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define PAIRS 3
#define EVENTS_MAX 4096
#define OWN_SIZE 500

/* The last pair is larger than a message and moves in pieces. */
static const size_t pair_sizes[PAIRS] = {2000, 100000, 700000};
unsigned node;
static int is_calm;

void violation(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    fprintf(stderr, "services_load of node %u: ", node);
    vfprintf(stderr, format, arguments);
    fprintf(stderr, "\n");
    va_end(arguments);
    exit(1);
}

int must_repeat(int error, const char *what)
{
    if (error == SA_AIS_ERR_TRY_AGAIN) {
        const struct timespec wait = {0, 1000000};
        nanosleep(&wait, NULL);
        return 1;
    }
    if (error != SA_AIS_OK)
        violation("%s: error %d", what, error);
    return 0;
}

static double now(void)
{
    struct timespec at;
    clock_gettime(CLOCK_MONOTONIC, &at);
    return (double)at.tv_sec + 1e-9 * (double)at.tv_nsec;
}

static SaNameT name_of(const char *text)
{
    SaNameT name;
    memset(&name, 0, sizeof name);
    name.length = (SaUint16T)strlen(text);
    memcpy(name.value, text, name.length);
    return name;
}

/* ---- clm */

static SaClmHandleT clm;
static SaUint64T view;
static unsigned view_members;
static struct {
    SaUint32T id;
    SaUint64T since;
} views[16];

static void on_track(const SaClmClusterNotificationBufferT *buffer, SaUint32T members, SaAisErrorT error)
{
    SaUint32T i;
    if (error != SA_AIS_OK)
        violation("the track callback got error %d", (int)error);
    if (buffer->viewNumber <= view)
        violation("clm: view %" PRIu64 " after view %" PRIu64, buffer->viewNumber, view);
    view = buffer->viewNumber;
    view_members = 0;
    for (i = 0; i < buffer->numberOfItems; ++i) {
        const SaClmClusterNotificationT *item = &buffer->notification[i];
        if (item->clusterChange == SA_CLM_NODE_LEFT)
            continue;
        if (view_members == 16)
            violation("clm: more members than there are nodes");
        views[view_members].id = item->clusterNode.nodeId;
        views[view_members++].since = item->clusterNode.initialViewNumber;
    }
    if (members != view_members)
        violation("clm: %u members, and %u in the buffer", (unsigned)members, view_members);
}

/* ---- evs */

static evs_handle_t evs;
static unsigned members[16];
static int member_count;
static unsigned ring[16]; /* members of the last regular configuration */
static int ring_count;
static int must_read_all; /* since the last configuration */
static int configurations; /* 0: none yet; odd: the last one was regular */
static uint32_t evs_sent;
static uint32_t evs_last[NODES + 1];
static unsigned long evs_received;

static int is_in(const unsigned *list, int count, unsigned what)
{
    int i;
    for (i = 0; i < count; ++i)
        if (list[i] == what)
            return 1;
    return 0;
}

static void on_configuration(unsigned *list, int count, unsigned *left, int left_count, unsigned *joined, int joined_count)
{
    int i;
    if (!is_in(list, count, node) || count > 16)
        violation("evs: a configuration without its own node");
    if (configurations % 2 == 1) { /* transitional */
        if (joined_count != 0 || count + left_count != member_count)
            violation("evs: transitional with %d members, %d left, %d joined after %d members", count, left_count, joined_count,
                      member_count);
        for (i = 0; i < member_count; ++i)
            if (is_in(list, count, members[i]) == is_in(left, left_count, members[i]))
                violation("evs: transitional: node %u neither stays nor leaves, or both", members[i]);
    } else if (configurations > 0) { /* regular */
        if (left_count != 0 || count != member_count + joined_count)
            violation("evs: regular with %d members, %d left, %d joined after %d members", count, left_count, joined_count,
                      member_count);
        for (i = 0; i < count; ++i)
            if (is_in(members, member_count, list[i]) == is_in(joined, joined_count, list[i]))
                violation("evs: regular: node %u neither was there nor joined, or both", list[i]);
    }
    memcpy(members, list, (size_t)count * sizeof *list);
    member_count = count;
    configurations++;
    if (configurations % 2 == 1) {
        memcpy(ring, list, (size_t)count * sizeof *list);
        ring_count = count;
        must_read_all = 1;
    }
}

static void on_message(unsigned from, void *bytes, int length)
{
    uint32_t number;
    if (length != (int)sizeof number || from < 1 || from > NODES)
        violation("evs: a message that nobody sent: %d bytes from %u", length, from);
    memcpy(&number, bytes, sizeof number);
    /* In a transitional configuration those that left are still heard: the last messages of the old ring. */
    if (!is_in(ring, ring_count, from))
        violation("evs: a message from %u, which is no member", from);
    if (number <= evs_last[from])
        violation("evs: message %u of node %u after its message %u", (unsigned)number, from, (unsigned)evs_last[from]);
    evs_last[from] = number;
    evs_received++;
}

static void multicast(void)
{
    const uint32_t number = evs_sent + 1;
    uint32_t copy = number;
    struct iovec part;
    int error;
    part.iov_base = &copy;
    part.iov_len = sizeof copy;
    error = evs_mcast_joined(evs, number % 2 == 0 ? EVS_TYPE_SAFE : EVS_TYPE_AGREED, &part, 1);
    if (error == EVS_OK)
        evs_sent = number;
    else if (error != EVS_ERR_TRY_AGAIN)
        violation("evs_mcast_joined: error %d", error);
}

/* ---- evt */

enum { early = 1, late = 2 };
static SaEvtHandleT evt;
static SaEvtChannelHandleT channel;
static uint32_t published;
static uint8_t seen[3][NODES + 1][EVENTS_MAX];
static unsigned long counts[3][NODES + 1];

static void on_event(SaEvtSubscriptionIdT subscription, SaEvtEventHandleT event, SaSizeT size)
{
    uint32_t what[2];
    SaSizeT room = sizeof what;
    SaEvtEventIdT id = 0;
    if (saEvtEventAttributesGet(event, NULL, NULL, NULL, NULL, NULL, &id) == SA_AIS_OK && id == SA_EVT_EVENTID_LOST)
        violation("evt: events were lost, of a subscriber that keeps up");
    if (size != sizeof what || saEvtEventDataGet(event, what, &room) != SA_AIS_OK || what[0] < 1 || what[0] > NODES ||
        what[1] >= EVENTS_MAX)
        violation("evt: an event that nobody published");
    if (seen[subscription][what[0]][what[1]]++ != 0)
        violation("evt: event %u of node %u for the second time for subscription %u", (unsigned)what[1], (unsigned)what[0],
                  (unsigned)subscription);
    counts[subscription][what[0]]++;
    saEvtEventFree(event);
}

static void subscribe(SaEvtChannelHandleT where, SaEvtSubscriptionIdT subscription)
{
    SaEvtEventFilterT all;
    SaEvtEventFilterArrayT filters;
    memset(&all, 0, sizeof all);
    all.filterType = SA_EVT_PASS_ALL_FILTER;
    filters.filtersNumber = 1;
    filters.filters = &all;
    while (must_repeat(saEvtEventSubscribe(where, &filters, subscription), "saEvtEventSubscribe")) {
    }
}

static void publish(void)
{
    SaUint8T text[] = {'n'};
    SaEvtEventPatternT pattern;
    SaEvtEventPatternArrayT patterns;
    const SaNameT name = name_of("services");
    SaEvtEventHandleT event;
    SaEvtEventIdT id;
    uint32_t what[2];
    if (published + 1 == EVENTS_MAX)
        return;
    while (must_repeat(saEvtEventAllocate(channel, &event), "saEvtEventAllocate")) {
    }
    pattern.allocatedSize = pattern.patternSize = sizeof text;
    pattern.pattern = text;
    patterns.allocatedNumber = patterns.patternsNumber = 1;
    patterns.patterns = &pattern;
    while (must_repeat(saEvtEventAttributesSet(event, &patterns, SA_EVT_LOWEST_PRIORITY, 10 * SA_TIME_ONE_MINUTE, &name),
                       "saEvtEventAttributesSet")) {
    }
    what[0] = node;
    what[1] = published;
    while (must_repeat(saEvtEventPublish(event, what, sizeof what, &id), "saEvtEventPublish")) {
    }
    published++;
    while (must_repeat(saEvtEventFree(event), "saEvtEventFree")) {
    }
}

static void subscribe_late(void)
{
    const SaNameT name = name_of("news");
    SaEvtChannelHandleT fresh;
    while (must_repeat(saEvtChannelOpen(evt, &name, SA_EVT_CHANNEL_SUBSCRIBER, SA_TIME_MAX, &fresh), "saEvtChannelOpen")) {
    }
    subscribe(fresh, late);
}

/* ---- ckpt */

static SaCkptHandleT ckpt;
static SaCkptCheckpointHandleT shared;
static unsigned long writes;
static unsigned long own_count;
static unsigned char *data;

static void element_of(SaCkptIOVectorElementT *element, SaUint8T *id, unsigned section, unsigned char *buffer)
{
    memset(element, 0, sizeof *element);
    *id = (SaUint8T)('a' + section);
    element->sectionId.idLen = 1;
    element->sectionId.id = id;
    element->dataBuffer = buffer;
    element->dataSize = pair_sizes[section / 2];
}

static SaCkptCheckpointHandleT open_checkpoint(const char *text, SaUint32T sections, SaSizeT size)
{
    const SaNameT name = name_of(text);
    SaCkptCheckpointCreationAttributesT attributes;
    SaCkptCheckpointHandleT checkpoint;
    memset(&attributes, 0, sizeof attributes);
    attributes.creationFlags = SA_CKPT_WR_ALL_REPLICAS;
    attributes.checkpointSize = sections * size;
    attributes.retentionDuration = SA_TIME_ONE_HOUR;
    attributes.maxSections = sections;
    attributes.maxSectionSize = size;
    attributes.maxSectionIdSize = 8;
    while (must_repeat(saCkptCheckpointOpen(ckpt, &name, &attributes,
                                            SA_CKPT_CHECKPOINT_READ | SA_CKPT_CHECKPOINT_WRITE | SA_CKPT_CHECKPOINT_CREATE,
                                            SA_TIME_MAX, &checkpoint),
                       "saCkptCheckpointOpen")) {
    }
    return checkpoint;
}

static void begin_shared(void)
{
    unsigned section;
    shared = open_checkpoint("shared", 2 * PAIRS, pair_sizes[PAIRS - 1]);
    memset(data, 0, 2 * pair_sizes[PAIRS - 1]);
    for (section = 0; section < 2 * PAIRS; ++section) {
        SaCkptIOVectorElementT element;
        SaUint8T id;
        SaCkptSectionCreationAttributesT attributes;
        SaAisErrorT error;
        element_of(&element, &id, section, data);
        attributes.sectionId = &element.sectionId;
        attributes.expirationTime = SA_TIME_END;
        do {
            error = saCkptSectionCreate(shared, &attributes, data, element.dataSize);
        } while (error != SA_AIS_ERR_EXIST && must_repeat(error, "saCkptSectionCreate"));
    }
}

static void write_pair(unsigned pair)
{
    SaCkptIOVectorElementT elements[2];
    SaUint8T ids[2];
    memset(data, (int)(writes * NODES + node) % 256, pair_sizes[pair]);
    element_of(&elements[0], &ids[0], 2 * pair, data);
    element_of(&elements[1], &ids[1], 2 * pair + 1, data);
    while (must_repeat(saCkptCheckpointWrite(shared, elements, 2, NULL), "saCkptCheckpointWrite")) {
    }
    writes++;
}

/* The byte of which both sections are full. */
static unsigned char read_pair(unsigned pair)
{
    SaCkptIOVectorElementT elements[2];
    SaUint8T ids[2];
    const size_t size = pair_sizes[pair];
    memset(data, 255, 2 * size);
    data[0] = 254;
    element_of(&elements[0], &ids[0], 2 * pair, data);
    element_of(&elements[1], &ids[1], 2 * pair + 1, data + size);
    while (must_repeat(saCkptCheckpointRead(shared, elements, 2, NULL), "saCkptCheckpointRead")) {
    }
    if (elements[0].readSize != size || elements[1].readSize != size)
        violation("ckpt: %u and %u bytes in pair %u", (unsigned)elements[0].readSize, (unsigned)elements[1].readSize, pair);
    if (memcmp(data, data + 1, 2 * size - 1) != 0) {
        size_t at = 0;
        while (data[at] == data[0])
            at++;
        violation("ckpt: pair %u mixes write %d with write %d, from byte %zu on", pair, data[0], data[at], at);
    }
    return data[0];
}

static void make_own(void)
{
    const SaCkptSectionIdT only = SA_CKPT_DEFAULT_SECTION_ID;
    char name[32];
    SaCkptCheckpointHandleT checkpoint;
    snprintf(name, sizeof name, "own-%u-%lu", node, own_count);
    checkpoint = open_checkpoint(name, 1, OWN_SIZE);
    memset(data, (int)(1 + own_count % 250), OWN_SIZE);
    while (must_repeat(saCkptSectionOverwrite(checkpoint, &only, data, OWN_SIZE), "saCkptSectionOverwrite")) {
    }
    while (must_repeat(saCkptCheckpointClose(checkpoint), "saCkptCheckpointClose")) {
    }
    own_count++;
}

/* Prints for each checkpoint that a node made: 0 missing, 1 made and not yet written, 2 written. */
static void print_own(unsigned of, unsigned long count)
{
    unsigned long i;
    printf("\"");
    for (i = 0; i < count; ++i) {
        SaCkptIOVectorElementT element;
        SaCkptCheckpointHandleT checkpoint = 0;
        SaAisErrorT error;
        SaNameT name;
        char text[32];
        snprintf(text, sizeof text, "own-%u-%lu", of, i);
        name = name_of(text);
        do {
            error = saCkptCheckpointOpen(ckpt, &name, NULL, SA_CKPT_CHECKPOINT_READ, SA_TIME_MAX, &checkpoint);
        } while (error != SA_AIS_ERR_NOT_EXIST && must_repeat(error, "saCkptCheckpointOpen"));
        if (error == SA_AIS_ERR_NOT_EXIST) {
            printf("0");
            continue;
        }
        memset(&element, 0, sizeof element);
        element.dataBuffer = data;
        element.dataSize = OWN_SIZE;
        while (must_repeat(saCkptCheckpointRead(checkpoint, &element, 1, NULL), "saCkptCheckpointRead")) {
        }
        if (element.readSize != 0 && (element.readSize != OWN_SIZE || data[0] != 1 + i % 250 ||
                                      memcmp(data, data + 1, OWN_SIZE - 1) != 0))
            violation("ckpt: %s is not what was written", text);
        printf("%d", element.readSize == 0 ? 1 : 2);
        while (must_repeat(saCkptCheckpointClose(checkpoint), "saCkptCheckpointClose")) {
        }
    }
    printf("\"");
}

/* ---- lck */

static SaLckHandleT lck;
static SaLckResourceHandleT resource;
static SaLckLockIdT lock;
static SaLckFenceT last_number;
static int has_lock;
static unsigned long locks, locks_lost;

static void check_number(void)
{
    SaLckFenceT number;
    SaAisErrorT error;
    do {
        error = saLckLockFenceGet(lock, &number);
    } while (error != SA_AIS_ERR_NOT_EXIST && must_repeat(error, "saLckLockFenceGet"));
    if (error == SA_AIS_ERR_NOT_EXIST) {
        has_lock = 0;
        locks_lost++;
        return;
    }
    if (saLckFenceCompare(&number, &last_number) < 0)
        violation("lck: a number has become lower");
    last_number = number;
}

static void begin_lock(SaLckLockFlagsT flags)
{
    SaLckLockStatusT status;
    const SaLckFenceT before = last_number;
    while (must_repeat(saLckResourceLock(resource, &lock, SA_LCK_EX_LOCK_MODE, flags, 0, SA_TIME_MAX, &status),
                       "saLckResourceLock")) {
    }
    if (status != SA_LCK_LOCK_GRANTED && (status != SA_LCK_LOCK_NOT_QUEUED || flags == 0))
        violation("lck: status %d", (int)status);
    if (status != SA_LCK_LOCK_GRANTED)
        return;
    has_lock = 1;
    locks++;
    check_number();
    if (has_lock && saLckFenceCompare(&last_number, &before) <= 0)
        violation("lck: the number of a new lock is not higher");
}

static void end_lock(void)
{
    SaAisErrorT error;
    do {
        error = saLckResourceUnlock(lock, SA_TIME_MAX);
    } while (error != SA_AIS_ERR_NOT_EXIST && must_repeat(error, "saLckResourceUnlock"));
    has_lock = 0;
    locks_lost += error == SA_AIS_ERR_NOT_EXIST ? 1 : 0;
}

static void use_lock(unsigned long turn)
{
    if (has_lock)
        check_number();
    if (has_lock && turn % 3 == 0)
        end_lock();
    else if (!has_lock)
        begin_lock(SA_LCK_LOCK_NO_QUEUE);
}

/* ---- the whole */

static void dispatch(void)
{
    int error = evs_dispatch(evs, EVS_DISPATCH_ALL);
    if (error != EVS_OK && error != EVS_ERR_TRY_AGAIN)
        violation("evs_dispatch: error %d", error);
    while (must_repeat(saClmDispatch(clm, SA_DISPATCH_ALL), "saClmDispatch")) {
    }
    while (must_repeat(saEvtDispatch(evt, SA_DISPATCH_ALL), "saEvtDispatch")) {
    }
}

static void report(const char *asked)
{
    unsigned long wanted[NODES + 1] = {0};
    unsigned i;
    sscanf(asked, "report %lu %lu %lu", &wanted[1], &wanted[2], &wanted[3]);
    printf("{\"view\": %" PRIu64 ", \"members\": {", view);
    for (i = 0; i < view_members; ++i)
        printf("%s\"%u\": %" PRIu64, i > 0 ? ", " : "", (unsigned)views[i].id, views[i].since);
    printf("}, \"configurations\": %d, \"ring\": [", configurations);
    for (i = 0; i < (unsigned)member_count; ++i)
        printf("%s%u", i > 0 ? ", " : "", members[i]);
    printf("], \"messages\": %lu, \"published\": %u, \"writes\": %lu, \"own_count\": %lu, \"shared\": [", evs_received,
           (unsigned)published, writes, own_count);
    for (i = 0; i < PAIRS; ++i)
        printf("%s%d", i > 0 ? ", " : "", read_pair(i));
    if (is_calm) {
        /* Whole again: each gets it in turn. */
        if (!has_lock)
            begin_lock(0);
        if (has_lock)
            end_lock();
    }
    empty_queue();
    printf("], \"locks\": [%lu, %lu", locks, locks_lost);
    printf("], \"queue\": [%lu, %lu", queue_sent, queue_got);
    printf("], \"early\": [%lu, %lu, %lu], \"late\": [%lu, %lu, %lu], \"own\": [", counts[early][1], counts[early][2],
           counts[early][3], counts[late][1], counts[late][2], counts[late][3]);
    for (i = 1; i <= NODES; ++i) {
        printf("%s", i > 1 ? ", " : "");
        print_own(i, wanted[i]);
    }
    printf("]}\n");
    fflush(stdout);
}

/* The next line of the standard input, or NULL if none is complete; ends the program when the input has ended. */
static char *line_of_input(void)
{
    static char line[256];
    static size_t length;
    struct pollfd in = {STDIN_FILENO, POLLIN, 0};
    while (poll(&in, 1, 0) == 1) {
        char byte;
        if (read(STDIN_FILENO, &byte, 1) != 1)
            exit(0);
        if (byte == '\n') {
            line[length] = '\0';
            length = 0;
            return line;
        }
        if (length + 1 < sizeof line)
            line[length++] = byte;
    }
    return NULL;
}

static void begin(void)
{
    SaVersionT clm_version = {'B', 1, 1}, evt_version = {'B', 1, 1}, ckpt_version = {'B', 1, 1};
    SaVersionT lck_version = {'B', 1, 1};
    const SaClmCallbacksT clm_callbacks = {NULL, on_track};
    const SaEvtCallbacksT evt_callbacks = {NULL, on_event};
    evs_callbacks_t evs_callbacks = {on_message, on_configuration};
    struct evs_group group;
    const SaNameT name = name_of("news");

    while (must_repeat(saClmInitialize(&clm, &clm_callbacks, &clm_version), "saClmInitialize")) {
    }
    while (must_repeat(saClmClusterTrack(clm, SA_TRACK_CURRENT | SA_TRACK_CHANGES, NULL), "saClmClusterTrack")) {
    }
    while (must_repeat(saEvtInitialize(&evt, &evt_callbacks, &evt_version), "saEvtInitialize")) {
    }
    while (must_repeat(saEvtChannelOpen(evt, &name,
                                        SA_EVT_CHANNEL_PUBLISHER | SA_EVT_CHANNEL_SUBSCRIBER | SA_EVT_CHANNEL_CREATE,
                                        SA_TIME_MAX, &channel),
                       "saEvtChannelOpen")) {
    }
    subscribe(channel, early);
    while (must_repeat(saLckInitialize(&lck, NULL, &lck_version), "saLckInitialize")) {
    }
    while (must_repeat(saLckResourceOpen(lck, &name, SA_LCK_RESOURCE_CREATE, SA_TIME_MAX, &resource),
                       "saLckResourceOpen")) {
    }
    begin_queue();
    while (must_repeat(saCkptInitialize(&ckpt, NULL, &ckpt_version), "saCkptInitialize")) {
    }
    begin_shared();
    while (must_repeat((int)evs_initialize(&evs, &evs_callbacks), "evs_initialize")) {
    }
    memset(&group, 0, sizeof group);
    memcpy(group.key, "services", 8);
    while (must_repeat((int)evs_join(evs, &group, 1), "evs_join")) {
    }
}

int main(int argc, char **argv)
{
    double next_event = 0, next_own = 0;
    unsigned long turns = 0;

    node = argc == 2 ? (unsigned)atoi(argv[1]) : 0;
    data = malloc(2 * pair_sizes[PAIRS - 1]);
    if (node < 1 || node > NODES || data == NULL)
        return 2;
    begin();
    for (;;) {
        const struct timespec think = {0, 2000000};
        char *line;
        dispatch();
        while ((line = line_of_input()) != NULL) {
            if (strcmp(line, "calm") == 0)
                is_calm = 1;
            else if (strcmp(line, "late") == 0)
                subscribe_late();
            else
                report(line);
        }
        nanosleep(&think, NULL);
        if (must_read_all) { /* what a merge has made of them, before it is overwritten */
            unsigned pair;
            must_read_all = 0;
            for (pair = 0; pair < PAIRS; ++pair)
                read_pair(pair);
        }
        if (is_calm)
            continue;
        multicast();
        if (now() >= next_event) {
            publish();
            next_event = now() + 0.1;
        }
        if (now() >= next_own) {
            make_own();
            next_own = now() + 0.4;
        }
        write_pair(turns % 40 == 7 ? 2 : turns % 8 == 3 ? 1 : 0);
        read_pair((unsigned)(turns % PAIRS));
        use_lock(turns);
        use_queue(turns);
        turns++;
    }
}
