/* SPDX-License-Identifier: BSD-3-Clause
 *
 * aisbench: measure a CPG service from a client's point of view.
 *
 * Written against the functions of <openais/cpg.h> that corosync's <corosync/cpg.h> has, too, so that the same
 * source measures both (compile with -DAISBENCH_COROSYNC for the latter).  One process is one member:
 *
 *   aisbench --members N --senders M --role send|pace|ping|receive|deaf --size BYTES --seconds S
 *
 * All members join one group and wait until N are there.  `send` multicasts as fast as flow control allows,
 * `pace` a given number of messages a second, `ping` sends one message, waits for its own delivery, and so on:
 * agreed latency.  `deaf` joins and takes nothing.  Whoever sends ends with a mark that says how many messages it sent.
 *
 * Every member, in every run, checks what it is given: numbers of each sender without gap, a checksum over the
 * whole content, at the end that nothing is lost; and it hashes the whole order, which must be equal on all
 * members.  The content is a window into one random pattern that moves with each message, so that a piece of an
 * older message in a newer one is found, and a sender needs no time to make it.
 *
 * One JSON object on stdout.  Exit status 0 if all was right, 1 if not, 2 for a wrong command line.
 */

#define _POSIX_C_SOURCE 200809L

#ifdef AISBENCH_COROSYNC
#include <corosync/cpg.h>
#define CPG_OK CS_OK
#define CPG_ERR_TRY_AGAIN CS_ERR_TRY_AGAIN
#define CPG_DISPATCH_ALL CS_DISPATCH_ALL
#else
#include <openais/cpg.h>
#endif

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#define SENDERS_MAX 256
#define SAMPLES_MAX 2000000
#define CONTENTS 61 /* different contents of messages, one after the other */
#define BURST_MESSAGES 64
#define BURST_BYTES 65536 /* between two looks at what was delivered */

struct header {
    uint64_t number;   /* per sender, from 1; in the end mark: how many there were */
    uint32_t checksum; /* of what follows the header */
    uint32_t kind;     /* 0: payload, 1: end of this sender */
};

struct sender {
    uint32_t nodeid, pid;
    uint64_t last;
    uint64_t in_window;
    int ended;
};

enum role { RECEIVE, SEND, PACE, PING, DEAF };

static struct {
    const char *role_name;
    enum role role;
    unsigned members, senders;
    size_t size;
    double seconds, warm, think, rate, patience; /* patience: until "nothing comes any more" is an error */
    cpg_guarantee_t guarantee;
    struct cpg_name group;
    int progress;
} wish;

static struct {
    cpg_handle_t handle;
    int fd;
    uint32_t node, pid;
    unsigned members_now, lost_members;
    struct sender senders[SENDERS_MAX];
    unsigned sender_count, ended;
    uint64_t sent, delivered, delivered_bytes, gaps, corrupt, lost, try_again;
    uint64_t order; /* FNV-1a over (sender, number) in the order of delivery */
    uint64_t own_delivered;
    /* The measured part of the run: what is delivered between these two. */
    double window_begin, window_end;
    uint64_t window_messages;
    int window_open;
    double deadline; /* after it the run is given up, and says so */
    int is_stuck;
} state;

static unsigned char *pattern;
static uint32_t checksums[CONTENTS];

static double now(void) {
    struct timespec at;
    clock_gettime(CLOCK_MONOTONIC, &at);
    return (double)at.tv_sec + 1e-9 * (double)at.tv_nsec;
}

/* Fletcher's sums over words of 64 bits: each byte counts, and so does its place. */
static uint32_t checksum(const unsigned char *data, size_t size) {
    uint64_t a = 1, b = size, word;
    size_t i;
    for (i = 0; i + sizeof word <= size; i += sizeof word) {
        memcpy(&word, data + i, sizeof word);
        a += word;
        b += a;
    }
    if (i < size) {
        word = 0;
        memcpy(&word, data + i, size - i);
        a += word;
        b += a;
    }
    b ^= a * UINT64_C(0x9e3779b97f4a7c15);
    return (uint32_t)(b ^ (b >> 32));
}

/* Body of the message with this number: the pattern from another place on. */
static const unsigned char *body_of(uint64_t number) {
    return pattern + number % CONTENTS * sizeof(uint64_t);
}

static void make_pattern(size_t body_size) {
    const size_t words = body_size / sizeof(uint64_t) + CONTENTS + 1;
    uint64_t x = UINT64_C(88172645463325252), number;
    size_t i;
    pattern = malloc(words * sizeof x);
    if (pattern == NULL) {
        fprintf(stderr, "aisbench: no memory for messages of %zu bytes\n", body_size);
        exit(1);
    }
    for (i = 0; i < words; ++i) {
        x ^= x << 13;
        x ^= x >> 7;
        x ^= x << 17;
        memcpy(pattern + i * sizeof x, &x, sizeof x);
    }
    for (number = 0; number < CONTENTS; ++number) {
        checksums[number] = checksum(body_of(number), body_size);
    }
}

static struct sender *find_sender(uint32_t nodeid, uint32_t pid) {
    unsigned i;
    for (i = 0; i < state.sender_count; ++i) {
        if (state.senders[i].nodeid == nodeid && state.senders[i].pid == pid) {
            return &state.senders[i];
        }
    }
    if (state.sender_count == SENDERS_MAX) {
        fprintf(stderr, "aisbench: more than %d senders\n", SENDERS_MAX);
        exit(1);
    }
    state.senders[state.sender_count].nodeid = nodeid;
    state.senders[state.sender_count].pid = pid;
    return &state.senders[state.sender_count++];
}

static void deliver(cpg_handle_t handle, const struct cpg_name *group, uint32_t nodeid, uint32_t pid, void *message,
                    size_t size) {
    struct header header;
    struct sender *from = find_sender(nodeid, pid);
    const unsigned char *body = (const unsigned char *)message + sizeof header;
    (void)handle;
    (void)group;
    if (size < sizeof header) {
        ++state.corrupt;
        return;
    }
    memcpy(&header, message, sizeof header);
    if (header.kind == 1) {
        state.lost += header.number - from->last;
        if (!from->ended) {
            from->ended = 1;
            ++state.ended;
        }
        return;
    }
    if (header.number != from->last + 1) {
        ++state.gaps;
    }
    from->last = header.number;
    if (header.checksum != checksum(body, size - sizeof header)) {
        ++state.corrupt;
    }
    state.order = (state.order ^ (((uint64_t)nodeid << 40) ^ ((uint64_t)pid << 20) ^ header.number)) * UINT64_C(1099511628211);
    ++state.delivered;
    state.delivered_bytes += size;
    if (state.window_open) {
        ++from->in_window;
        ++state.window_messages;
    }
    if (nodeid == state.node && pid == state.pid) {
        ++state.own_delivered;
    }
}

static void changed(cpg_handle_t handle, const struct cpg_name *group, const struct cpg_address *members,
                    size_t member_count, const struct cpg_address *left, size_t left_count,
                    const struct cpg_address *joined, size_t joined_count) {
    (void)handle;
    (void)group;
    (void)members;
    (void)left;
    (void)joined;
    (void)joined_count;
    if (member_count > state.members_now) {
        state.members_now = (unsigned)member_count;
    }
    if (state.ended < wish.senders) { /* who leaves after the last end mark is done */
        state.lost_members += (unsigned)left_count;
    }
}

static void fail(const char *what, int error) {
    fprintf(stderr, "aisbench: %s: error %d\n", what, error);
    exit(1);
}

static void dispatch(int wait_ms) {
    int error;
    if (wait_ms > 0) {
        struct pollfd ready = {0, POLLIN, 0};
        ready.fd = state.fd;
        if (poll(&ready, 1, wait_ms) < 0 && errno != EINTR) {
            fail("poll", errno);
        }
    }
    error = cpg_dispatch(state.handle, CPG_DISPATCH_ALL);
    if (error != CPG_OK && error != CPG_ERR_TRY_AGAIN) {
        fail("cpg_dispatch", error);
    }
}

/* Opens and closes the measured window at its instants. */
static void watch_window(double at) {
    static double shown;
    if (!state.window_open && state.window_end == 0 && at >= state.window_begin) {
        state.window_begin = at;
        state.window_open = 1;
    } else if (state.window_open && at >= state.window_begin + wish.seconds) {
        state.window_end = at;
        state.window_open = 0;
    }
    if (wish.progress && at > shown + 1) {
        shown = at;
        fprintf(stderr, "aisbench: %" PRIu64 " messages delivered\n", state.delivered);
    }
}

static int is_late(const char *for_what) {
    if (now() < state.deadline) {
        return 0;
    }
    if (!state.is_stuck) {
        fprintf(stderr, "aisbench: %.0f s after its end: no %s\n", wish.patience, for_what);
    }
    state.is_stuck = 1;
    return 1;
}

static void multicast(struct header *header, size_t size) {
    struct iovec parts[2];
    int error;
    parts[0].iov_base = header;
    parts[0].iov_len = sizeof *header;
    parts[1].iov_base = (void *)body_of(header->number);
    parts[1].iov_len = size;
    while ((error = cpg_mcast_joined(state.handle, wish.guarantee, parts, size > 0 ? 2 : 1)) == CPG_ERR_TRY_AGAIN) {
        ++state.try_again;
        dispatch(1);
        watch_window(now());
        if (is_late("room to send")) {
            return;
        }
    }
    if (error != CPG_OK) {
        fail("cpg_mcast_joined", error);
    }
}

static void send_next(void) {
    struct header header;
    header.number = ++state.sent;
    header.kind = 0;
    header.checksum = checksums[header.number % CONTENTS];
    multicast(&header, wish.size - sizeof header);
}

static void send_end(void) {
    struct header header;
    header.number = state.sent;
    header.kind = 1;
    header.checksum = 0;
    multicast(&header, 0);
}

static void pause_for(double seconds) {
    struct timespec time;
    time.tv_sec = (time_t)seconds;
    time.tv_nsec = (long)((seconds - (double)time.tv_sec) * 1e9);
    nanosleep(&time, NULL);
}

static void send_all_the_time(void) {
    size_t burst = BURST_BYTES / wish.size;
    burst = burst < 1 ? 1 : burst > BURST_MESSAGES ? BURST_MESSAGES : burst;
    while (state.window_end == 0 && !state.is_stuck) {
        size_t i;
        for (i = 0; i < burst && state.window_end == 0; ++i) {
            send_next();
        }
        dispatch(0);
        watch_window(now());
    }
}

static void send_at_rate(void) {
    const double begin = now();
    while (state.window_end == 0 && !state.is_stuck) {
        const double at = now();
        const double due = (at - begin) * wish.rate;
        unsigned burst = 0;
        while ((double)state.sent < due && burst++ < BURST_MESSAGES) {
            send_next();
        }
        dispatch(0);
        if (burst < BURST_MESSAGES) {
            pause_for(50e-6);
        }
        watch_window(now());
    }
}

static size_t send_and_wait(double *samples) {
    size_t count = 0;
    while (state.window_end == 0 && !state.is_stuck && count < SAMPLES_MAX) {
        const uint64_t own = state.own_delivered;
        double sent_at, at;
        if (wish.think > 0) {
            pause_for(wish.think);
        }
        sent_at = now();
        send_next();
        do {
            dispatch(1000);
            at = now();
        } while (state.own_delivered == own && !is_late("answer"));
        if (state.window_open) {
            samples[count++] = at - sent_at;
        }
        watch_window(at);
    }
    return count;
}

static int ascending(const void *a, const void *b) {
    const double x = *(const double *)a, y = *(const double *)b;
    return x < y ? -1 : x > y;
}

static int usage(void) {
    fprintf(stderr, "usage: aisbench [--members N] [--senders N] [--role send|pace|ping|receive|deaf] [--size BYTES]\n"
                    "                [--seconds S] [--warm S] [--think-ms MS] [--rate MESSAGES_PER_S]\n"
                    "                [--guarantee agreed|safe] [--group NAME]\n"
                    "                [--patience S] [--progress yes]\n");
    return 2;
}

static int read_command_line(int argc, char **argv) {
    static const char *const roles[] = {"receive", "send", "pace", "ping", "deaf"};
    int i, role;
    memcpy(wish.group.value, "aisbench", 8);
    wish.group.length = 8;
    wish.role_name = "receive";
    wish.members = wish.senders = 1;
    wish.size = 1024;
    wish.seconds = 2;
    wish.warm = 0.25;
    wish.patience = 60;
    wish.rate = 1000;
    wish.guarantee = CPG_TYPE_AGREED;
    for (i = 1; i < argc; i += 2) {
        const char *name = argv[i], *value = argv[i + 1];
        if (value == NULL) {
            return usage();
        }
        if (strcmp(name, "--members") == 0) {
            wish.members = (unsigned)atoi(value);
        } else if (strcmp(name, "--senders") == 0) {
            wish.senders = (unsigned)atoi(value);
        } else if (strcmp(name, "--size") == 0) {
            wish.size = (size_t)atol(value);
        } else if (strcmp(name, "--seconds") == 0) {
            wish.seconds = atof(value);
        } else if (strcmp(name, "--warm") == 0) {
            wish.warm = atof(value);
        } else if (strcmp(name, "--patience") == 0) {
            wish.patience = atof(value);
        } else if (strcmp(name, "--think-ms") == 0) {
            wish.think = atof(value) / 1e3;
        } else if (strcmp(name, "--rate") == 0) {
            wish.rate = atof(value);
        } else if (strcmp(name, "--guarantee") == 0) {
            wish.guarantee = strcmp(value, "safe") == 0 ? CPG_TYPE_SAFE : CPG_TYPE_AGREED;
        } else if (strcmp(name, "--progress") == 0) {
            wish.progress = strcmp(value, "yes") == 0;
        } else if (strcmp(name, "--group") == 0 && strlen(value) <= sizeof wish.group.value) {
            wish.group.length = (uint32_t)strlen(value);
            memcpy(wish.group.value, value, wish.group.length);
        } else if (strcmp(name, "--role") == 0) {
            for (role = 0; role < 5 && strcmp(value, roles[role]) != 0; ++role) {
            }
            if (role == 5) {
                return usage();
            }
            wish.role = (enum role)role;
            wish.role_name = roles[role];
        } else {
            return usage();
        }
    }
    if (wish.size < sizeof(struct header)) {
        wish.size = sizeof(struct header);
    }
    return 0;
}

static void connect_and_join(void) {
    static cpg_callbacks_t callbacks; /* corosync's has more members than these two */
    const double start = now();
    unsigned node;
    int error;
    callbacks.cpg_deliver_fn = deliver;
    callbacks.cpg_confchg_fn = changed;
    while ((error = cpg_initialize(&state.handle, &callbacks)) == CPG_ERR_TRY_AGAIN && now() - start < 30) {
        pause_for(0.01);
    }
    if (error != CPG_OK) {
        fail("cpg_initialize", error);
    }
    while ((error = cpg_join(state.handle, &wish.group)) == CPG_ERR_TRY_AGAIN && now() - start < 30) {
        pause_for(0.01);
    }
    if (error != CPG_OK) {
        fail("cpg_join", error);
    }
    if ((error = cpg_local_get(state.handle, &node)) != CPG_OK
        || (error = cpg_fd_get(state.handle, &state.fd)) != CPG_OK) {
        fail("cpg_local_get", error);
    }
    state.node = node;
    while (state.members_now < wish.members) {
        dispatch(100);
        if (now() - start > 30) {
            fprintf(stderr, "aisbench: only %u of %u members after 30 s\n", state.members_now, wish.members);
            exit(1);
        }
    }
}

static void wait_for_end_marks(void) {
    while (state.ended < wish.senders && !is_late("end marks of all senders")) {
        dispatch(10);
        watch_window(now());
    }
    if (state.window_end == 0) {
        state.window_end = now();
    }
}

static void print_result(double *samples, size_t count, double drain) {
    const double window = state.window_end - state.window_begin;
    const double rate = window > 0 ? (double)state.window_messages / window : 0;
    struct rusage usage;
    unsigned i;
    getrusage(RUSAGE_SELF, &usage);
    printf("{\"node\":%u,\"role\":\"%s\",\"size\":%zu,\"msgs_per_s\":%.0f,\"mb_per_s\":%.2f,\"window_s\":%.3f,"
           "\"drain_s\":%.3f,\"drained\":%s,\"sent\":%" PRIu64 ",\"delivered\":%" PRIu64 ",\"delivered_bytes\":%" PRIu64
           ",\"lost\":%" PRIu64 ",\"gaps\":%" PRIu64 ",\"corrupt\":%" PRIu64 ",\"lost_members\":%u,\"order\":\"%016" PRIx64
           "\",\"try_again\":%" PRIu64 ",\"cpu_s\":%.3f,\"rss_mib\":%.1f,\"senders\":[",
           state.node, wish.role_name, wish.size, rate, rate * (double)wish.size / 1e6, window, drain,
           state.ended >= wish.senders ? "true" : "false", state.sent,
           state.delivered, state.delivered_bytes, state.lost, state.gaps, state.corrupt, state.lost_members, state.order,
           state.try_again,
           (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec)
               + 1e-6 * (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec),
           (double)usage.ru_maxrss / 1024);
    for (i = 0; i < state.sender_count; ++i) {
        printf("%s{\"node\":%u,\"pid\":%u,\"messages\":%" PRIu64 "}", i > 0 ? "," : "", state.senders[i].nodeid,
               state.senders[i].pid, state.senders[i].in_window);
    }
    printf("]");
    if (count > 0) {
        qsort(samples, count, sizeof *samples, ascending);
        printf(",\"samples\":%zu,\"p50_us\":%.1f,\"p90_us\":%.1f,\"p99_us\":%.1f,\"p999_us\":%.1f,\"max_us\":%.1f", count,
               samples[count / 2] * 1e6, samples[count * 9 / 10] * 1e6, samples[count * 99 / 100] * 1e6,
               samples[count * 999 / 1000] * 1e6, samples[count - 1] * 1e6);
    }
    printf("}\n");
}

int main(int argc, char **argv) {
    double *samples = NULL, stopped;
    size_t count = 0;
    int error = read_command_line(argc, argv);
    if (error != 0) {
        return error;
    }
    make_pattern(wish.size - sizeof(struct header));
    if (wish.role == PING && (samples = malloc(sizeof *samples * SAMPLES_MAX)) == NULL) {
        fail("malloc", errno);
    }
    state.order = UINT64_C(14695981039346656037);
    state.pid = (uint32_t)getpid();
    connect_and_join();
    state.window_begin = now() + wish.warm;
    state.deadline = state.window_begin + wish.seconds + wish.patience;
    switch (wish.role) {
        case SEND:
            send_all_the_time();
            break;
        case PACE:
            send_at_rate();
            break;
        case PING:
            count = send_and_wait(samples);
            break;
        case DEAF: /* a member that takes nothing: what does it cost the others? */
            pause_for(wish.warm + wish.seconds);
            return 0;
        case RECEIVE:
            break;
    }
    if (wish.role != RECEIVE) {
        send_end();
    }
    stopped = now();
    wait_for_end_marks();
    print_result(samples, count, now() - stopped);
    cpg_finalize(state.handle);
    free(pattern);
    free(samples);
    return state.ended >= wish.senders && state.gaps == 0 && state.corrupt == 0 && state.lost == 0 && state.lost_members == 0 ? 0 : 1;
}
