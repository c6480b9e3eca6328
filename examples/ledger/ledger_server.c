/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The server of the ledger.  Run one on each of two or more nodes: one is active, the others
 * are standbys.  The active one carries out requests, records the new state in a checkpoint
 * (CKPT), and only then answers.  When its node goes (CLM says so) or its process does (the process
 * group says so), a standby takes over from the checkpoint.
 *
 *   - Requests reach all servers in one order, so a standby has what the active one did
 *     not come to: it keeps the last of them, and skips what the checkpoint says is done.
 *   - The checkpoint has the last answers, too.  The new active server gives them again:
 *     an answer that died with the old one is not missed, and clients know those that they have.
 *   - Who takes over is who creates the section "epoch N": that succeeds for one only.
 *   - Everything is ordered: what the dead node wrote is in the checkpoint before CLM tells
 *     that it is gone.
 *
 * Usage: ledger_server            (OPENAIS_RUN_DIR chooses the executive)
 */
#define _POSIX_C_SOURCE 200809L

#include "ledger.h"

#include <openais/cpg.h>
#include <openais/saCkpt.h>
#include <openais/saClm.h>

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

/* ---- what the checkpoint holds */

struct client {
    uint32_t id; /* 0: free */
    uint32_t reserved;
    uint64_t done;                                     /* highest request carried out */
    struct ledger_answer answers[LEDGER_WINDOW];       /* of request n at n % LEDGER_WINDOW */
};

struct ledger {
    int64_t balance[LEDGER_ACCOUNTS];
    struct client clients[LEDGER_CLIENTS];
};

/* ---- what this server knows */

/* Enough for all that clients may have under way when a server dies, several times. */
enum { BACKLOG = 16 * LEDGER_CLIENTS * LEDGER_WINDOW };

static struct ledger ledger;
static struct ledger_request backlog[BACKLOG]; /* a ring: the last requests, in their order */
static uint64_t backlog_end, backlog_done;     /* positions */

static unsigned self_node;
static unsigned active_node, active_pid; /* 0: nobody that we know of */
static int is_active, must_look;
static uint64_t epoch; /* of the active server that we know of */

static cpg_handle_t group;
static SaClmHandleT cluster;
static SaCkptHandleT service;
static SaCkptCheckpointHandleT checkpoint;

static void fail(const char *what, int error)
{
    fprintf(stderr, "ledger_server: %s: error %d\n", what, error);
    exit(1);
}

static void pause_a_little(void)
{
    struct timespec time = { 0, 2000000 };
    nanosleep(&time, NULL);
}

/* Calls that say TRY_AGAIN are made again; anything else is the end of this server, and a
 * standby's turn. */
#define MUST(call)                                           \
    do {                                                     \
        SaAisErrorT error_;                                  \
        while ((error_ = (call)) == SA_AIS_ERR_TRY_AGAIN)    \
            pause_a_little();                                \
        if (error_ != SA_AIS_OK)                             \
            fail(#call, (int)error_);                        \
    } while (0)

/* ---- the checkpoint */

static SaCkptSectionIdT section(const char *name)
{
    SaCkptSectionIdT id;
    id.idLen = (SaUint16T)strlen(name);
    id.id = (SaUint8T *)name;
    return id;
}

/* The state as one atomic write. */
static void record(void)
{
    SaCkptSectionIdT id = section("state");
    MUST(saCkptSectionOverwrite(checkpoint, &id, &ledger, sizeof ledger));
}

/* SA_AIS_ERR_NOT_EXIST: there is no such section. */
static SaAisErrorT read_section(const char *name, void *to, SaSizeT size)
{
    SaCkptIOVectorElementT element;
    SaUint32T wrong = 0;
    SaAisErrorT error;
    memset(&element, 0, sizeof element);
    element.sectionId = section(name);
    element.dataBuffer = to;
    element.dataSize = size;
    while ((error = saCkptCheckpointRead(checkpoint, &element, 1, &wrong)) == SA_AIS_ERR_TRY_AGAIN)
        pause_a_little();
    return error == SA_AIS_OK && element.readSize != size ? SA_AIS_ERR_LIBRARY : error;
}

static SaAisErrorT create_section(const char *name, const void *data, SaSizeT size)
{
    SaCkptSectionIdT id = section(name);
    SaCkptSectionCreationAttributesT attributes;
    SaAisErrorT error;
    attributes.sectionId = &id;
    attributes.expirationTime = SA_TIME_END;
    while ((error = saCkptSectionCreate(checkpoint, &attributes, data, size)) == SA_AIS_ERR_TRY_AGAIN)
        pause_a_little();
    return error;
}

static void open_checkpoint(void)
{
    SaVersionT version = { 'B', 1, 1 };
    SaNameT name;
    SaCkptCheckpointCreationAttributesT attributes;
    memset(&name, 0, sizeof name);
    name.length = (SaUint16T)strlen(LEDGER_CHECKPOINT);
    memcpy(name.value, LEDGER_CHECKPOINT, name.length);
    attributes.creationFlags = SA_CKPT_WR_ALL_REPLICAS;
    attributes.maxSections = 8;
    attributes.maxSectionSize = sizeof ledger;
    attributes.checkpointSize = attributes.maxSections * attributes.maxSectionSize;
    attributes.retentionDuration = SA_TIME_ONE_HOUR;
    attributes.maxSectionIdSize = 32;
    MUST(saCkptInitialize(&service, NULL, &version));
    MUST(saCkptCheckpointOpen(service, &name, &attributes,
                              SA_CKPT_CHECKPOINT_READ | SA_CKPT_CHECKPOINT_WRITE | SA_CKPT_CHECKPOINT_CREATE,
                              10 * SA_TIME_ONE_SECOND, &checkpoint));
}

/* ---- the work */

static struct client *find_client(uint32_t id)
{
    int i;
    struct client *oldest = &ledger.clients[0];
    for (i = 0; i < LEDGER_CLIENTS; ++i) {
        if (ledger.clients[i].id == id)
            return &ledger.clients[i];
        if (ledger.clients[i].id == 0 && oldest->id != 0)
            oldest = &ledger.clients[i];
    }
    if (oldest->id != 0)
        return NULL; /* all places are taken */
    oldest->id = id;
    return oldest;
}

/* Returns whether the state has changed. */
static int carry_out(const struct ledger_request *request)
{
    struct client *client = find_client(request->client);
    struct ledger_answer *answer;
    if (client == NULL || request->number != client->done + 1)
        return 0; /* done already, or one is missing: the client sends it again */
    answer = &client->answers[request->number % LEDGER_WINDOW];
    answer->kind = LEDGER_ANSWER;
    answer->client = request->client;
    answer->number = request->number;
    answer->node = self_node;
    answer->ok = request->from < LEDGER_ACCOUNTS && request->to < LEDGER_ACCOUNTS && request->amount >= 0 &&
                 ledger.balance[request->from] >= request->amount;
    if (answer->ok) {
        ledger.balance[request->from] -= request->amount;
        ledger.balance[request->to] += request->amount;
    }
    answer->from_balance = request->from < LEDGER_ACCOUNTS ? ledger.balance[request->from] : 0;
    client->done = request->number;
    return 1;
}

static void send_answer(struct ledger_answer *answer)
{
    struct iovec part;
    cs_error_t error;
    part.iov_base = answer;
    part.iov_len = sizeof *answer;
    while ((error = cpg_mcast_joined(group, CPG_TYPE_AGREED, &part, 1)) == CS_ERR_TRY_AGAIN)
        pause_a_little();
    if (error != CS_OK)
        fail("cpg_mcast_joined", (int)error);
}

/* The answer to this request, from what is recorded. */
static void answer_again(const struct ledger_request *request)
{
    struct client *client = find_client(request->client);
    struct ledger_answer answer;
    if (client == NULL || request->number > client->done)
        return;
    answer = client->answers[request->number % LEDGER_WINDOW];
    answer.node = self_node; /* another may have carried it out */
    if (answer.number == request->number)
        send_answer(&answer);
}

/* All that has come: carried out, recorded, answered, in this order. */
static void work(void)
{
    uint64_t from = backlog_done, at;
    int changed = 0;
    if (!is_active || backlog_done == backlog_end)
        return;
    for (at = from; at != backlog_end; ++at)
        changed |= carry_out(&backlog[at % BACKLOG]);
    if (changed)
        record();
    for (at = from; at != backlog_end; ++at)
        answer_again(&backlog[at % BACKLOG]);
    backlog_done = backlog_end;
}

/* ---- who is active */

static void take_over(void)
{
    SaAisErrorT error;
    char old[32];
    int i;
    is_active = 1;
    error = read_section("state", &ledger, sizeof ledger);
    if (error == SA_AIS_ERR_NOT_EXIST) {
        for (i = 0; i < LEDGER_ACCOUNTS; ++i)
            ledger.balance[i] = LEDGER_OPENING_BALANCE;
        MUST(create_section("state", &ledger, sizeof ledger));
    } else if (error != SA_AIS_OK) {
        fail("read of the state", (int)error);
    }
    if (epoch > 1) {
        SaCkptSectionIdT id;
        snprintf(old, sizeof old, "epoch %llu", (unsigned long long)(epoch - 1));
        id = section(old);
        saCkptSectionDelete(checkpoint, &id);
    }
    printf("active: node %u, epoch %llu\n", self_node, (unsigned long long)epoch);
    fflush(stdout);
    /* Requests that we have seen and the old one may not have answered. */
    backlog_done = backlog_end > BACKLOG ? backlog_end - BACKLOG : 0;
    work();
}

static int is_in_group(unsigned node, unsigned pid)
{
    struct cpg_name name;
    struct cpg_address members[CPG_MEMBERS_MAX];
    int count = CPG_MEMBERS_MAX, i;
    name.length = (uint32_t)strlen(LEDGER_GROUP);
    memcpy(name.value, LEDGER_GROUP, name.length);
    if (cpg_membership_get(group, &name, members, &count) != CS_OK)
        return 1; /* not known: nobody takes over without cause */
    for (i = 0; i < count; ++i)
        if (members[i].nodeid == node && members[i].pid == pid)
            return 1;
    return 0;
}

/* Find the newest epoch, and if its server is gone begin the next one. */
static void look_for_active(void)
{
    uint32_t who[2];
    char name[32];
    must_look = 0;
    while (!is_active) {
        snprintf(name, sizeof name, "epoch %llu", (unsigned long long)(epoch + 1));
        if (read_section(name, who, sizeof who) == SA_AIS_OK) {
            ++epoch; /* there is a newer one than we knew */
            active_node = who[0];
            active_pid = who[1];
            continue;
        }
        if (active_node != 0 && is_in_group(active_node, active_pid)) {
            printf("standby: node %u, active is node %u, epoch %llu\n", self_node, active_node,
                   (unsigned long long)epoch);
            fflush(stdout);
            return;
        }
        who[0] = self_node;
        who[1] = (uint32_t)getpid();
        if (create_section(name, who, sizeof who) == SA_AIS_OK) {
            ++epoch;
            active_node = self_node;
            active_pid = who[1];
            take_over();
        }
        /* Else another one was first: look again. */
    }
}

/* A server that comes later does not know how far the epochs are. */
static void find_epoch(void)
{
    SaCkptSectionIterationHandleT iteration;
    SaCkptSectionDescriptorT found;
    MUST(saCkptSectionIterationInitialize(checkpoint, SA_CKPT_SECTIONS_ANY, 0, &iteration));
    while (saCkptSectionIterationNext(iteration, &found) == SA_AIS_OK) {
        unsigned long long number;
        char name[33] = { 0 };
        if (found.sectionId.idLen < sizeof name) {
            memcpy(name, found.sectionId.id, found.sectionId.idLen);
            if (sscanf(name, "epoch %llu", &number) == 1 && number > epoch + 1)
                epoch = number - 1;
        }
    }
    saCkptSectionIterationFinalize(iteration);
}

/* ---- callbacks */

static void on_nodes(const SaClmClusterNotificationBufferT *buffer, SaUint32T members, SaAisErrorT error)
{
    SaUint32T i;
    (void)members;
    for (i = 0; error == SA_AIS_OK && i < buffer->numberOfItems; ++i) {
        const SaClmClusterNotificationT *change = &buffer->notification[i];
        if (change->clusterChange == SA_CLM_NODE_LEFT && change->clusterNode.nodeId == active_node)
            must_look = 1;
    }
}

static void on_group(cpg_handle_t handle, const struct cpg_name *name, const struct cpg_address *members,
                     size_t member_count, const struct cpg_address *left, size_t left_count,
                     const struct cpg_address *joined, size_t joined_count)
{
    size_t i;
    (void)handle, (void)name, (void)members, (void)member_count, (void)joined, (void)joined_count;
    for (i = 0; i < left_count; ++i)
        if (left[i].nodeid == active_node && left[i].pid == active_pid)
            must_look = 1;
}

static void on_message(cpg_handle_t handle, const struct cpg_name *name, uint32_t node, uint32_t pid, void *message,
                       size_t size)
{
    struct ledger_request request;
    (void)handle, (void)name, (void)node, (void)pid;
    if (size != sizeof request)
        return;
    memcpy(&request, message, sizeof request);
    if (request.kind != LEDGER_REQUEST || request.client == 0)
        return;
    backlog[backlog_end % BACKLOG] = request;
    ++backlog_end;
    if (is_active && backlog_end - backlog_done == BACKLOG)
        work();
}

static void begin(void)
{
    static cpg_callbacks_t group_calls;
    static SaClmCallbacksT cluster_calls;
    SaVersionT version = { 'B', 1, 1 };
    struct cpg_name name;
    cs_error_t error;
    group_calls.cpg_deliver_fn = on_message;
    group_calls.cpg_confchg_fn = on_group;
    cluster_calls.saClmClusterTrackCallback = on_nodes;
    while ((error = cpg_initialize(&group, &group_calls)) == CS_ERR_TRY_AGAIN)
        pause_a_little();
    if (error != CS_OK || cpg_local_get(group, &self_node) != CS_OK)
        fail("cpg_initialize", (int)error);
    MUST(saClmInitialize(&cluster, &cluster_calls, &version));
    MUST(saClmClusterTrack(cluster, SA_TRACK_CHANGES_ONLY, NULL));
    open_checkpoint();
    name.length = (uint32_t)strlen(LEDGER_GROUP);
    memcpy(name.value, LEDGER_GROUP, name.length);
    while ((error = cpg_join(group, &name)) == CS_ERR_TRY_AGAIN)
        pause_a_little();
    if (error != CS_OK)
        fail("cpg_join", (int)error);
    find_epoch();
    look_for_active();
}

int main(void)
{
    struct pollfd wait[2];
    SaSelectionObjectT cluster_fd;
    begin();
    if (cpg_fd_get(group, &wait[0].fd) != CS_OK || saClmSelectionObjectGet(cluster, &cluster_fd) != SA_AIS_OK)
        fail("selection object", 0);
    wait[1].fd = (int)cluster_fd;
    wait[0].events = wait[1].events = POLLIN;
    for (;;) {
        cs_error_t error;
        poll(wait, 2, -1);
        error = cpg_dispatch(group, CS_DISPATCH_ALL);
        if (error != CS_OK)
            fail("the executive is gone: cpg_dispatch", (int)error);
        MUST(saClmDispatch(cluster, SA_DISPATCH_ALL));
        if (must_look)
            look_for_active();
        work();
    }
}
