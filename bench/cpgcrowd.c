/* SPDX-License-Identifier: BSD-3-Clause
 *
 * cpgcrowd: very many members, or very many groups, at one node.
 *
 *   cpgcrowd members COUNT GROUP WAIT_FOR   COUNT processes (a process is a member once), all members of one group; each waits
 *                                           until it has been told of WAIT_FOR members
 *   cpgcrowd groups COUNT PREFIX            one process with COUNT handles, each in a group of its own: PREFIX and a number
 *
 * Commands come as lines on stdin and are answered with one JSON object each, times in seconds from the command on:
 *
 *   join    "asked": the last join was answered; "seen": all have been told of the whole membership (groups: each of its own join)
 *   leave   "asked"; "seen": all have been told of their own leave
 *   count   groups: how many groups this node knows of, by listing them, and how long the list took
 *   delivered   members: fewest and most messages that a member has been given so far
 *
 * The first line, when all are connected, is an answer, too.  The end of stdin ends all.  Exit status 1 if anything went wrong.
 */

#define _DEFAULT_SOURCE

#include <openais/cpg.h>

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define PATIENCE 120.0 /* seconds for one command */

static double now(void) {
    struct timespec at;
    clock_gettime(CLOCK_MONOTONIC, &at);
    return (double)at.tv_sec + 1e-9 * (double)at.tv_nsec;
}

static void pause_for(double seconds) {
    struct timespec time;
    time.tv_sec = (time_t)seconds;
    time.tv_nsec = (long)((seconds - (double)time.tv_sec) * 1e9);
    nanosleep(&time, NULL);
}

static void check(cs_error_t error, const char *what) {
    if (error != CS_OK) {
        fprintf(stderr, "cpgcrowd: %s: error %d\n", what, (int)error);
        exit(1);
    }
}

static void set_name(struct cpg_name *name, const char *text, long number) {
    char *at = name->value;
    name->length = (uint32_t)(number < 0 ? snprintf(at, sizeof name->value, "%s", text)
                                         : snprintf(at, sizeof name->value, "%s%ld", text, number));
}

static cpg_handle_t connect_to_node(cpg_callbacks_t *callbacks) {
    const double begin = now();
    cpg_handle_t handle = 0;
    cs_error_t error;
    while ((error = cpg_initialize(&handle, callbacks)) == CS_ERR_TRY_AGAIN && now() - begin < PATIENCE) {
        pause_for(0.002);
    }
    check(error, "cpg_initialize");
    return handle;
}

static void join_or_leave(cpg_handle_t handle, int is_join, struct cpg_name *group) {
    const double begin = now();
    cs_error_t error;
    while ((error = is_join ? cpg_join(handle, group) : cpg_leave(handle, group)) == CS_ERR_TRY_AGAIN && now() - begin < PATIENCE) {
        cpg_dispatch(handle, CS_DISPATCH_ALL);
        pause_for(0.001);
    }
    check(error, is_join ? "cpg_join" : "cpg_leave");
}

/* The next command is one of these; "" at the end of stdin. */
static const char *next_command(void) {
    static char line[64];
    if (fgets(line, sizeof line, stdin) == NULL) {
        return "";
    }
    line[strcspn(line, "\n")] = '\0';
    return line;
}

/* ---- members: one process each */

enum step { CONNECTED, JOINED, LEFT, STEPS };

/* One member's page of the wall; times are of CLOCK_MONOTONIC, 0: not yet. */
struct member {
    volatile double asked[STEPS], seen[STEPS];
    volatile uint64_t delivered, changes;
};

static struct member *wall, *mine;
static size_t wanted_members;
static uint32_t own_node, own_pid;

static void count_message(cpg_handle_t handle, const struct cpg_name *group, uint32_t node, uint32_t pid, void *message, size_t size) {
    (void)handle, (void)group, (void)node, (void)pid, (void)message, (void)size;
    ++mine->delivered;
}

static void see_members(cpg_handle_t handle, const struct cpg_name *group, const struct cpg_address *members, size_t member_count,
                        const struct cpg_address *left, size_t left_count, const struct cpg_address *joined, size_t joined_count) {
    size_t i;
    (void)handle, (void)group, (void)members, (void)joined, (void)joined_count;
    ++mine->changes;
    if (member_count >= wanted_members && mine->seen[JOINED] == 0) {
        mine->seen[JOINED] = now();
    }
    for (i = 0; i < left_count; ++i) {
        if (left[i].nodeid == own_node && left[i].pid == own_pid) {
            mine->seen[LEFT] = now();
        }
    }
}

/* Dispatches until the pipe says that the next step begins; its other end is closed then. */
static void dispatch_until(cpg_handle_t handle, int fd, int pipe_end) {
    struct pollfd ready[2] = {{fd, POLLIN, 0}, {pipe_end, POLLIN, 0}};
    while ((ready[1].revents & (POLLHUP | POLLIN)) == 0) {
        if (poll(ready, 2, -1) < 0 && errno != EINTR) {
            exit(1);
        }
        if (ready[0].revents != 0) {
            const cs_error_t error = cpg_dispatch(handle, CS_DISPATCH_ALL);
            check(error == CS_ERR_TRY_AGAIN ? CS_OK : error, "cpg_dispatch");
        }
    }
}

static void live_as_member(const int *steps, const char *group_text) {
    cpg_callbacks_t callbacks = {count_message, see_members};
    struct cpg_name group;
    cpg_handle_t handle;
    int fd = -1;
    set_name(&group, group_text, -1);
    own_pid = (uint32_t)getpid();
    handle = connect_to_node(&callbacks);
    check(cpg_local_get(handle, &own_node), "cpg_local_get");
    check(cpg_fd_get(handle, &fd), "cpg_fd_get");
    mine->asked[CONNECTED] = mine->seen[CONNECTED] = now();
    dispatch_until(handle, fd, steps[0]);
    join_or_leave(handle, 1, &group);
    mine->asked[JOINED] = now();
    dispatch_until(handle, fd, steps[1]);
    join_or_leave(handle, 0, &group);
    mine->asked[LEFT] = now();
    dispatch_until(handle, fd, steps[2]);
    cpg_finalize(handle);
    exit(0);
}

static void answer_step(long count, enum step step, const char *name, double begin) {
    double asked = 0, seen = 0;
    long done = 0, i;
    uint64_t changes = 0;
    while (done < count) {
        pause_for(0.005);
        for (done = 0; done < count && wall[done].asked[step] > 0 && wall[done].seen[step] > 0; ++done) {
        }
        if (now() - begin > PATIENCE || waitpid(-1, NULL, WNOHANG) > 0) {
            fprintf(stderr, "cpgcrowd: %s: member %ld of %ld did not get there\n", name, done + 1, count);
            exit(1);
        }
    }
    for (i = 0; i < count; ++i) {
        asked = wall[i].asked[step] > asked ? wall[i].asked[step] : asked;
        seen = wall[i].seen[step] > seen ? wall[i].seen[step] : seen;
        changes += wall[i].changes;
    }
    printf("{\"step\":\"%s\",\"count\":%ld,\"asked\":%.4f,\"seen\":%.4f,\"changes_told\":%" PRIu64 "}\n", name, count, asked - begin,
           seen - begin, changes);
    fflush(stdout);
}

static void run_members(long count, const char *group) {
    const double begin = now();
    int pipes[3][2], steps[3], i;
    long n;
    wall = mmap(NULL, (size_t)count * sizeof *wall, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (wall == MAP_FAILED) {
        check(CS_ERR_NO_MEMORY, "mmap");
    }
    for (i = 0; i < 3; ++i) {
        if (pipe(pipes[i]) != 0) {
            check(CS_ERR_NO_MEMORY, "pipe");
        }
        steps[i] = pipes[i][0];
    }
    for (n = 0; n < count; ++n) {
        const pid_t child = fork();
        if (child == 0) {
            prctl(PR_SET_PDEATHSIG, SIGKILL);
            for (i = 0; i < 3; ++i) {
                close(pipes[i][1]);
            }
            mine = &wall[n];
            live_as_member(steps, group);
        } else if (child < 0) {
            check(CS_ERR_NO_MEMORY, "fork");
        }
    }
    answer_step(count, CONNECTED, "connect", begin);
    while (1) {
        const char *command = next_command();
        const double at = now();
        if (strcmp(command, "join") == 0) {
            close(pipes[0][1]);
            answer_step(count, JOINED, command, at);
        } else if (strcmp(command, "leave") == 0) {
            close(pipes[1][1]);
            answer_step(count, LEFT, command, at);
        } else if (strcmp(command, "delivered") == 0) {
            uint64_t fewest = UINT64_MAX, most = 0;
            for (n = 0; n < count; ++n) {
                fewest = wall[n].delivered < fewest ? wall[n].delivered : fewest;
                most = wall[n].delivered > most ? wall[n].delivered : most;
            }
            printf("{\"step\":\"delivered\",\"fewest\":%" PRIu64 ",\"most\":%" PRIu64 "}\n", fewest, most);
            fflush(stdout);
        } else {
            break;
        }
    }
    for (i = 0; i < 3; ++i) {
        close(pipes[i][1]);
    }
    while (waitpid(-1, NULL, 0) > 0) {
    }
}

/* ---- groups: one process with many handles */

static long seen_joins, seen_leaves;

static void see_own(cpg_handle_t handle, const struct cpg_name *group, const struct cpg_address *members, size_t member_count,
                    const struct cpg_address *left, size_t left_count, const struct cpg_address *joined, size_t joined_count) {
    (void)handle, (void)group, (void)members, (void)member_count, (void)left, (void)joined;
    seen_joins += (long)joined_count;
    seen_leaves += (long)left_count;
}

static void dispatch_ready(int poller, const cpg_handle_t *handles) {
    struct epoll_event ready[64];
    const int got = epoll_wait(poller, ready, 64, 100);
    int i;
    for (i = 0; i < got; ++i) {
        const cs_error_t error = cpg_dispatch(handles[ready[i].data.u32], CS_DISPATCH_ALL);
        check(error == CS_ERR_TRY_AGAIN ? CS_OK : error, "cpg_dispatch");
    }
}

static void all_groups(int poller, const cpg_handle_t *handles, long count, const char *prefix, int is_join) {
    long *const seen = is_join ? &seen_joins : &seen_leaves;
    const double begin = now();
    double asked;
    long i;
    for (i = 0; i < count; ++i) {
        struct cpg_name group;
        set_name(&group, prefix, i);
        join_or_leave(handles[i], is_join, &group);
    }
    asked = now();
    while (*seen < count) {
        dispatch_ready(poller, handles);
        if (now() - begin > PATIENCE) {
            fprintf(stderr, "cpgcrowd: only %ld of %ld were told\n", *seen, count);
            exit(1);
        }
    }
    printf("{\"step\":\"%s\",\"count\":%ld,\"asked\":%.4f,\"seen\":%.4f}\n", is_join ? "join" : "leave", count, asked - begin, now() - begin);
    fflush(stdout);
}

static void count_groups(cpg_handle_t handle) {
    const double begin = now();
    cpg_iteration_handle_t iteration;
    struct cpg_iteration_description_t entry;
    long count = 0;
    cs_error_t error;
    check(cpg_iteration_initialize(handle, CPG_ITERATION_NAME_ONLY, NULL, &iteration), "cpg_iteration_initialize");
    while ((error = cpg_iteration_next(iteration, &entry)) == CS_OK) {
        ++count;
    }
    cpg_iteration_finalize(iteration);
    check(error == CS_ERR_NO_SECTIONS ? CS_OK : error, "cpg_iteration_next");
    printf("{\"step\":\"count\",\"count\":%ld,\"seen\":%.4f}\n", count, now() - begin);
    fflush(stdout);
}

static void run_groups(long count, const char *prefix) {
    static cpg_callbacks_t callbacks = {NULL, see_own};
    const double begin = now();
    cpg_handle_t *handles = calloc((size_t)count, sizeof *handles);
    const int poller = epoll_create1(EPOLL_CLOEXEC);
    long i;
    if (handles == NULL || poller < 0) {
        check(CS_ERR_NO_MEMORY, "calloc");
    }
    for (i = 0; i < count; ++i) {
        struct epoll_event event = {EPOLLIN, {0}};
        int fd = -1;
        event.data.u32 = (uint32_t)i;
        handles[i] = connect_to_node(&callbacks);
        check(cpg_fd_get(handles[i], &fd), "cpg_fd_get");
        if (epoll_ctl(poller, EPOLL_CTL_ADD, fd, &event) != 0) {
            check(CS_ERR_LIBRARY, "epoll_ctl");
        }
    }
    printf("{\"step\":\"connect\",\"count\":%ld,\"asked\":%.4f,\"seen\":%.4f}\n", count, now() - begin, now() - begin);
    fflush(stdout);
    while (1) {
        const char *command = next_command();
        if (strcmp(command, "join") == 0 || strcmp(command, "leave") == 0) {
            all_groups(poller, handles, count, prefix, command[0] == 'j');
        } else if (strcmp(command, "count") == 0) {
            count_groups(handles[0]);
        } else {
            break;
        }
    }
    for (i = 0; i < count; ++i) {
        cpg_finalize(handles[i]);
    }
    free(handles);
}

int main(int argc, char **argv) {
    const long count = argc > 2 ? atol(argv[2]) : 0;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (argc == 5 && strcmp(argv[1], "members") == 0 && count > 0) {
        wanted_members = (size_t)atol(argv[4]);
        run_members(count, argv[3]);
    } else if (argc == 4 && strcmp(argv[1], "groups") == 0 && count > 0) {
        run_groups(count, argv[3]);
    } else {
        fprintf(stderr, "usage: cpgcrowd members COUNT GROUP WAIT_FOR | groups COUNT PREFIX\n");
        return 2;
    }
    return 0;
}
