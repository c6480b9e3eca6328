/* SPDX-License-Identifier: BSD-3-Clause
 *
 * cpg_faulty: a client that is about to die, does not dispatch, or sees its executive die.
 *
 *   cpg_faulty repeat CALL GROUP    the call again and again, for a kill in its middle
 *   cpg_faulty lost CALL GROUP      the same until it returns an error that is not TRY_AGAIN; then checks that all
 *                                   other calls say the same, that finalize works, and prints the error's number
 *   cpg_faulty silent GROUP         join, and never dispatch
 *
 * CALL: initialize, join, leave, mcast, membership, iterate, dispatch, block (dispatch that waits), finalize.  "ready" is
 * written once the first call is about to begin.  Exit status: 0 as above, 1 something else happened.
 */
#define _POSIX_C_SOURCE 200809L

#include <openais/cpg.h>

#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

static cpg_handle_t handle;
static struct cpg_name group;

static void deliver(cpg_handle_t from, const struct cpg_name *name, uint32_t nodeid, uint32_t pid, void *message,
                    size_t size)
{
    (void)from, (void)name, (void)nodeid, (void)pid, (void)message, (void)size;
}

static void change(cpg_handle_t from, const struct cpg_name *name, const struct cpg_address *members, size_t count,
                   const struct cpg_address *left, size_t left_count, const struct cpg_address *joined,
                   size_t joined_count)
{
    (void)from, (void)name, (void)members, (void)count, (void)left, (void)left_count, (void)joined, (void)joined_count;
}

static cpg_callbacks_t callbacks = {deliver, change};

static void die(const char *what, cs_error_t error)
{
    fprintf(stderr, "cpg_faulty: %s: error %d\n", what, (int)error);
    exit(1);
}

static cs_error_t multicast(void)
{
    static char body[50000];
    struct iovec part;
    part.iov_base = body;
    part.iov_len = sizeof body;
    return cpg_mcast_joined(handle, CPG_TYPE_AGREED, &part, 1);
}

static cs_error_t iterate(void)
{
    cpg_iteration_handle_t iteration;
    struct cpg_iteration_description_t one;
    cs_error_t error = cpg_iteration_initialize(handle, CPG_ITERATION_ALL, NULL, &iteration);
    if (error != CS_OK)
        return error;
    while ((error = cpg_iteration_next(iteration, &one)) == CS_OK) {
    }
    (void)cpg_iteration_finalize(iteration);
    return error == CS_ERR_NO_SECTIONS ? CS_OK : error;
}

static cs_error_t membership(void)
{
    struct cpg_address members[CPG_MEMBERS_MAX];
    int count = CPG_MEMBERS_MAX;
    return cpg_membership_get(handle, &group, members, &count);
}

/* What is not the call's own matter goes on through TRY_AGAIN (queues are full, the ring changes). */
static cs_error_t patiently(cs_error_t (*what)(void))
{
    const struct timespec pause = {0, 1000000};
    cs_error_t error;
    while ((error = what()) == CS_ERR_TRY_AGAIN) {
        (void)cpg_dispatch(handle, CS_DISPATCH_ALL);
        nanosleep(&pause, NULL);
    }
    return error;
}

static cs_error_t join(void) { return cpg_join(handle, &group); }
static cs_error_t leave(void) { return cpg_leave(handle, &group); }
static cs_error_t initialize(void) { return cpg_initialize(&handle, &callbacks); }

/* One round of the call and of what it needs. */
static cs_error_t round_of(const char *call)
{
    cs_error_t error;
    if (strcmp(call, "initialize") == 0 || strcmp(call, "finalize") == 0) {
        if ((error = cpg_finalize(handle)) != CS_OK)
            return error;
        return initialize();
    }
    if (strcmp(call, "join") == 0 || strcmp(call, "leave") == 0) {
        if ((error = patiently(join)) != CS_OK || (error = patiently(leave)) != CS_OK)
            return error;
        return cpg_dispatch(handle, CS_DISPATCH_ALL);
    }
    if (strcmp(call, "mcast") == 0) {
        error = multicast();
        return error == CS_ERR_TRY_AGAIN ? cpg_dispatch(handle, CS_DISPATCH_ALL) : error;
    }
    if (strcmp(call, "membership") == 0)
        return membership();
    if (strcmp(call, "iterate") == 0)
        return iterate();
    if (strcmp(call, "dispatch") == 0) {
        (void)multicast();
        return cpg_dispatch(handle, CS_DISPATCH_ALL);
    }
    if (strcmp(call, "block") == 0)
        return cpg_dispatch(handle, CS_DISPATCH_BLOCKING);
    fprintf(stderr, "cpg_faulty: no such call: %s\n", call);
    exit(2);
}

static void ready(void)
{
    printf("ready\n");
    fflush(stdout);
}

/* The executive is gone: every call says so, and none hangs. */
static void check_lost(const char *call, cs_error_t lost)
{
    const cs_error_t wanted = CS_ERR_LIBRARY;
    cs_error_t error;
    if (strcmp(call, "initialize") == 0 || strcmp(call, "finalize") == 0) {
        /* It was between two associations, or in the first words of one: not there. */
        if (lost != CS_ERR_TRY_AGAIN && lost != CS_ERR_LIBRARY)
            die("initialize without an executive", lost);
        return;
    }
    if (lost != wanted)
        die(call, lost);
    error = join(); /* a member is told that first */
    if (error != wanted && error != CS_ERR_EXIST)
        die("join after the loss", error);
    if ((error = multicast()) != wanted)
        die("mcast after the loss", error);
    if ((error = membership()) != wanted)
        die("membership after the loss", error);
    if ((error = leave()) != wanted)
        die("leave after the loss", error);
    /* What had come before the loss may still be dispatched. */
    while ((error = cpg_dispatch(handle, CS_DISPATCH_ONE)) == CS_OK) {
    }
    if (error != wanted)
        die("dispatch after the loss", error);
    if ((error = cpg_finalize(handle)) != CS_OK)
        die("finalize after the loss", error);
    if ((error = cpg_finalize(handle)) != CS_ERR_BAD_HANDLE)
        die("finalize twice", error);
}

int main(int argc, char **argv)
{
    const char *mode = argc > 2 ? argv[1] : "";
    const char *call = argc == 4 ? argv[2] : "";
    const char *name = argv[argc - 1];
    cs_error_t error;
    if ((argc != 4 && strcmp(mode, "silent") != 0) || argc < 3 || strlen(name) > CPG_MAX_NAME_LENGTH) {
        fprintf(stderr, "usage: cpg_faulty repeat|lost CALL GROUP | silent GROUP\n");
        return 2;
    }
    group.length = (uint32_t)strlen(name);
    memcpy(group.value, name, group.length);
    if ((error = patiently(initialize)) != CS_OK)
        die("initialize", error);
    if (strcmp(call, "join") != 0 && strcmp(call, "leave") != 0 && (error = patiently(join)) != CS_OK)
        die("join", error);
    ready();
    if (strcmp(mode, "silent") == 0) {
        for (;;)
            pause();
    }
    while ((error = round_of(call)) == CS_OK || (error == CS_ERR_TRY_AGAIN && strcmp(call, "initialize") != 0
                                                  && strcmp(call, "finalize") != 0)) {
    }
    if (strcmp(mode, "lost") != 0)
        die(call, error);
    check_lost(call, error);
    printf("%d\n", (int)error);
    return 0;
}
