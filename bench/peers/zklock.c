/* SPDX-License-Identifier: BSD-3-Clause
 *
 * zklock: measure locks in ZooKeeper 3.8 by its own lock recipe; ../lockmeasure.h says what and how, `services_compare` compiles and
 * runs it against Debian's libzookeeper-mt-dev.
 *
 * A lock is a node with ephemeral sequential children: who made the lowest has it, everybody else watches the child before its own.
 */
#include "lockmeasure.h"

#include <semaphore.h>
#include <zookeeper/zookeeper.h>

#define SESSION_MS 30000
#define PREFIX "c-"

static zhandle_t *connection;
static sem_t connected, before_is_gone;
static char directory[64], mine[128];

static void fail(const char *what, int code)
{
    fprintf(stderr, "zklock: %s: %s\n", what, zerror(code));
    exit(1);
}

static void on_session(zhandle_t *handle, int type, int state, const char *path, void *context)
{
    (void)handle, (void)path, (void)context;
    if (type == ZOO_SESSION_EVENT && state == ZOO_CONNECTED_STATE)
        sem_post(&connected);
}

static void on_change(zhandle_t *handle, int type, int state, const char *path, void *context)
{
    (void)handle, (void)state, (void)path, (void)context;
    if (type == ZOO_DELETED_EVENT)
        sem_post(&before_is_gone);
}

static void set_name(const char *kind, unsigned number)
{
    int code;
    snprintf(directory, sizeof directory, "/bench-%.8s-%u", kind, number);
    code = zoo_create(connection, directory, NULL, -1, &ZOO_OPEN_ACL_UNSAFE, 0, NULL, 0);
    if (code != ZOK && code != ZNODEEXISTS)
        fail(directory, code);
}

/* The child that comes before ours, in `before`; 0 if ours is the lowest. */
static int find_before(char *before, size_t room)
{
    const char *own = strrchr(mine, '/') + 1, *best = NULL;
    struct String_vector children;
    int i, found, code = zoo_get_children(connection, directory, 0, &children);
    if (code != ZOK)
        fail("get children", code);
    for (i = 0; i < children.count; ++i)
        if (strcmp(children.data[i], own) < 0 && (best == NULL || strcmp(children.data[i], best) > 0))
            best = children.data[i];
    found = best != NULL;
    if (found)
        snprintf(before, room, "%s/%s", directory, best);
    deallocate_String_vector(&children);
    return found;
}

static void take(void)
{
    char path[96], before[192];
    int code;
    snprintf(path, sizeof path, "%s/" PREFIX, directory);
    code = zoo_create(connection, path, NULL, -1, &ZOO_OPEN_ACL_UNSAFE, ZOO_EPHEMERAL | ZOO_SEQUENCE, mine, sizeof mine);
    if (code != ZOK)
        fail("create", code);
    while (find_before(before, sizeof before)) { /* ZNONODE: it went meanwhile, look again */
        code = zoo_wexists(connection, before, on_change, NULL, NULL);
        if (code == ZOK)
            sem_wait(&before_is_gone);
        else if (code != ZNONODE)
            fail("exists", code);
    }
}

static void release(void)
{
    const int code = zoo_delete(connection, mine, -1);
    if (code != ZOK)
        fail("delete", code);
}

int main(int argc, char **argv)
{
    const struct options options = read_options(argc, argv);
    unsigned i;

    zoo_set_debug_level(ZOO_LOG_LEVEL_ERROR);
    sem_init(&connected, 0, 0);
    sem_init(&before_is_gone, 0, 0);
    connection = zookeeper_init(options.address, on_session, SESSION_MS, NULL, NULL, 0);
    if (connection == NULL) {
        perror("zklock: --address HOST:PORT");
        return 1;
    }
    sem_wait(&connected);
    if (strcmp(options.mode, "hold") == 0) {
        for (i = 0; i < options.locks; ++i) {
            set_name("held", options.number + i);
            take();
        }
        wait_for_end_of_input();
    } else {
        set_name(options.mode, options.board != NULL ? 0 : options.number);
        measure(&options, take, release);
    }
    zookeeper_close(connection);
    return 0;
}
