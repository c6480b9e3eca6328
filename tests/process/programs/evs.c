/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Messages of the ring as a program sends and hears them.
 * Link: -levs
 */
#include <openais/evs.h>

#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

static int changes;
static int messages;
static int ends_with_message;
static evs_handle_t handle;

static void deliver(unsigned int nodeid, void *msg, int msg_len)
{
    if (nodeid != 0 && msg_len == 5 && memcmp(msg, "hello", 5) == 0)
        messages++;
    if (ends_with_message)
        evs_finalize(handle);
}

static void change(unsigned int *member_list, int member_list_entries, unsigned int *left_list, int left_list_entries,
                   unsigned int *joined_list, int joined_list_entries)
{
    (void)member_list;
    (void)left_list;
    (void)joined_list;
    (void)joined_list_entries;
    if (member_list_entries == 1 && left_list_entries == 0)
        changes++;
}

static int fail(const char *what, int error)
{
    fprintf(stderr, "%s: %d\n", what, error);
    return 1;
}

static int say(evs_guarantee_t guarantee)
{
    char text[] = "hello";
    struct iovec part;
    int error;

    part.iov_base = text;
    part.iov_len = 5;
    error = evs_mcast_joined(handle, guarantee, &part, 1);
    return error != EVS_OK ? fail("evs_mcast_joined", error) : 0;
}

static int use_sync(void)
{
    unsigned int local = 0;
    unsigned int list[4];
    unsigned int count = 4;
    int error = evs_membership_get(handle, &local, list, &count);

    if (error != EVS_OK || count != 1 || list[0] != local)
        return fail("evs_membership_get", error);
    if (say(EVS_TYPE_AGREED) != 0)
        return 1;
    while (messages == 0) {
        error = evs_dispatch(handle, EVS_DISPATCH_ONE);
        if (error != EVS_OK)
            return fail("evs_dispatch", error);
    }
    return changes == 1 ? 0 : fail("configurations", changes);
}

static int use_poll(void)
{
    int fd = -1;
    int error = evs_fd_get(handle, &fd);

    if (error != EVS_OK)
        return fail("evs_fd_get", error);
    if (say(EVS_TYPE_SAFE) != 0)
        return 1;
    while (messages == 0) {
        struct pollfd wait;

        wait.fd = fd;
        wait.events = POLLIN;
        if (poll(&wait, 1, 20000) != 1)
            return fail("poll", messages);
        error = evs_dispatch(handle, EVS_DISPATCH_ALL);
        if (error != EVS_OK)
            return fail("evs_dispatch", error);
    }
    return 0;
}

static int dispatched;

static void *dispatch(void *unused)
{
    (void)unused;
    dispatched = evs_dispatch(handle, EVS_DISPATCH_BLOCKING);
    return NULL;
}

static int use_thread(void)
{
    pthread_t thread;

    ends_with_message = 1;
    if (pthread_create(&thread, NULL, dispatch, NULL) != 0)
        return fail("pthread_create", 0);
    if (say(EVS_TYPE_AGREED) != 0)
        return 1;
    pthread_join(thread, NULL);
    return dispatched != EVS_OK || messages != 1 ? fail("evs_dispatch", dispatched) : 0;
}

int main(int argc, char **argv)
{
    const char *way = argc > 1 ? argv[1] : "sync";
    evs_callbacks_t callbacks;
    struct evs_group group;
    int error;

    callbacks.evs_deliver_fn = deliver;
    callbacks.evs_confchg_fn = change;
    do {
        error = evs_initialize(&handle, &callbacks);
    } while (error == EVS_ERR_TRY_AGAIN);
    if (error != EVS_OK)
        return fail("evs_initialize", error);
    memset(&group, 0, sizeof group);
    memcpy(group.key, "programs", 8);
    error = evs_join(handle, &group, 1);
    if (error != EVS_OK)
        return fail("evs_join", error);
    if (strcmp(way, "thread") == 0)
        return use_thread();
    if ((strcmp(way, "poll") == 0 ? use_poll() : use_sync()) != 0)
        return 1;
    error = evs_leave(handle, &group, 1);
    if (error != EVS_OK)
        return fail("evs_leave", error);
    error = evs_finalize(handle);
    return error != EVS_OK ? fail("evs_finalize", error) : 0;
}
