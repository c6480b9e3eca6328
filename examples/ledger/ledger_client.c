/* SPDX-License-Identifier: BSD-3-Clause
 *
 * A client of the ledger: streams requests, checks every answer against accounts of its own,
 * and tells how long it had to wait.
 *
 * Usage: ledger_client SECONDS [GAP_MS]
 *   Sends for so long or until SIGTERM, then waits for the last answers.  A line "gap" is printed
 *   when another server answers than before, and when an answer took GAP_MS (default 100) or more.
 *   Exit status 0 only if every request has got its answer, once, in order, and right.
 *   It must be the only client that moves money.
 */
#define _POSIX_C_SOURCE 200809L

#include "ledger.h"

#include <openais/cpg.h>

#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

static cpg_handle_t group;
static struct ledger_request sent[LEDGER_WINDOW]; /* request n at n % LEDGER_WINDOW */
static uint64_t last_sent, last_answered, repeated;
static int64_t balance[LEDGER_ACCOUNTS];
static double answered_at, gap_min = 0.100, gap_max;
static volatile sig_atomic_t stopping;
static unsigned answering_node;
static uint32_t self;
static uint32_t seed = 1;

static void on_signal(int number)
{
    (void)number;
    stopping = 1;
}

static double now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

static void fail(const char *what)
{
    fprintf(stderr, "ledger_client: request %llu: %s\n", (unsigned long long)(last_answered + 1), what);
    exit(1);
}

static uint32_t chance(uint32_t below)
{
    seed = seed * 1664525u + 1013904223u;
    return (seed >> 8) % below;
}

static int send_request(const struct ledger_request *request)
{
    struct iovec part;
    cs_error_t error;
    part.iov_base = (void *)request;
    part.iov_len = sizeof *request;
    error = cpg_mcast_joined(group, CPG_TYPE_AGREED, &part, 1);
    if (error != CS_OK && error != CS_ERR_TRY_AGAIN)
        fail("the executive is gone");
    return error == CS_OK;
}

/* What the answer must be. */
static void check(const struct ledger_answer *answer)
{
    const struct ledger_request *request = &sent[answer->number % LEDGER_WINDOW];
    int ok = balance[request->from] >= request->amount;
    if (ok) {
        balance[request->from] -= request->amount;
        balance[request->to] += request->amount;
    }
    if ((int)answer->ok != ok || answer->from_balance != balance[request->from])
        fail("the answer is wrong: the servers have lost or repeated a request");
}

static void on_answer(const struct ledger_answer *answer)
{
    double time = now();
    if (answer->number <= last_answered) {
        ++repeated; /* given again by a server that has taken over */
        return;
    }
    if (answer->number != last_answered + 1)
        fail("its answer is missing");
    check(answer);
    if (last_answered > 0 && time - answered_at > gap_max)
        gap_max = time - answered_at;
    if (last_answered > 0 && (time - answered_at >= gap_min || answer->node != answering_node)) {
        printf("gap %.1f ms, node %u answers after node %u\n", (time - answered_at) * 1000, answer->node,
               answering_node);
        fflush(stdout);
    }
    answering_node = answer->node;
    answered_at = time;
    last_answered = answer->number;
}

static void on_message(cpg_handle_t handle, const struct cpg_name *name, uint32_t node, uint32_t pid, void *message,
                       size_t size)
{
    struct ledger_answer answer;
    (void)handle, (void)name, (void)node, (void)pid;
    if (size != sizeof answer)
        return;
    memcpy(&answer, message, sizeof answer);
    if (answer.kind == LEDGER_ANSWER && answer.client == self)
        on_answer(&answer);
}

static void on_group(cpg_handle_t handle, const struct cpg_name *name, const struct cpg_address *members,
                     size_t member_count, const struct cpg_address *left, size_t left_count,
                     const struct cpg_address *joined, size_t joined_count)
{
    (void)handle, (void)name, (void)members, (void)member_count, (void)left, (void)left_count, (void)joined,
        (void)joined_count;
}

static void begin(void)
{
    static cpg_callbacks_t calls;
    struct cpg_name name;
    unsigned node = 0;
    int i;
    calls.cpg_deliver_fn = on_message;
    calls.cpg_confchg_fn = on_group;
    while (cpg_initialize(&group, &calls) == CS_ERR_TRY_AGAIN)
        poll(NULL, 0, 20);
    name.length = (uint32_t)strlen(LEDGER_GROUP);
    memcpy(name.value, LEDGER_GROUP, name.length);
    if (cpg_local_get(group, &node) != CS_OK || cpg_join(group, &name) != CS_OK)
        fail("cannot join");
    self = (node << 24) ^ (uint32_t)getpid() ^ (uint32_t)(now() * 1000) << 4;
    self = self != 0 ? self : 1;
    for (i = 0; i < LEDGER_ACCOUNTS; ++i)
        balance[i] = LEDGER_OPENING_BALANCE;
}

/* As many requests as the window allows. */
static void send_more(void)
{
    while (last_sent - last_answered < LEDGER_WINDOW) {
        struct ledger_request *request = &sent[(last_sent + 1) % LEDGER_WINDOW];
        memset(request, 0, sizeof *request);
        request->kind = LEDGER_REQUEST;
        request->client = self;
        request->number = last_sent + 1;
        request->from = chance(LEDGER_ACCOUNTS);
        request->to = chance(LEDGER_ACCOUNTS);
        request->amount = (int64_t)chance(200);
        if (!send_request(request))
            return;
        ++last_sent;
    }
}

static void send_again(void)
{
    uint64_t number;
    for (number = last_answered + 1; number <= last_sent; ++number)
        if (!send_request(&sent[number % LEDGER_WINDOW]))
            return;
}

int main(int argc, char **argv)
{
    double seconds = argc > 1 ? atof(argv[1]) : 0, end, started, sent_again_at, told_at;
    struct pollfd wait;
    if (seconds <= 0) {
        fprintf(stderr, "usage: ledger_client SECONDS [GAP_MS]\n");
        return 2;
    }
    if (argc > 2)
        gap_min = atof(argv[2]) / 1000;
    begin();
    if (cpg_fd_get(group, &wait.fd) != CS_OK)
        fail("no descriptor");
    wait.events = POLLIN;
    signal(SIGTERM, on_signal);
    started = answered_at = sent_again_at = told_at = now();
    end = started + seconds;
    while ((!stopping && now() < end) || last_answered < last_sent) {
        if (!stopping && now() < end)
            send_more();
        if (now() - told_at >= 0.2) {
            told_at = now();
            printf("so far %llu\n", (unsigned long long)last_answered);
            fflush(stdout);
        }
        poll(&wait, 1, 20);
        if (cpg_dispatch(group, CS_DISPATCH_ALL) != CS_OK)
            fail("the executive is gone");
        /* A request is lost if no server was there to hear it. */
        if (last_sent > last_answered && now() - answered_at > 0.2 && now() - sent_again_at > 0.2) {
            sent_again_at = now();
            send_again();
        }
        if (now() - answered_at > 60)
            fail("no answer for a minute");
    }
    printf("answers %llu in %.1f s, each once, in order and right; %llu were given again; longest wait %.1f ms\n",
           (unsigned long long)last_answered, now() - started, (unsigned long long)repeated, gap_max * 1000);
    cpg_finalize(group);
    return last_answered > 0 ? 0 : 1;
}
