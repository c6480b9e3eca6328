/* SPDX-License-Identifier: BSD-3-Clause
 *
 * aisbench: measure a CPG service from a client's point of view.
 *
 * Written against the functions of <openais/cpg.h> that corosync's <corosync/cpg.h> has, too, so that the same
 * source measures both (compile with -DAISBENCH_COROSYNC for the latter).  One process is one member:
 *
 *   aisbench --members N --role send|receive|ping --size BYTES --seconds S
 *
 * All members join one group and wait until N are there.  `send` multicasts
 * as fast as flow control allows; every member counts what is delivered and
 * checks each message: per-sender numbers without gaps, a checksum over the
 * content, and a running hash of the whole order, which must be equal on all
 * members at the end mark.  `ping` sends one message, waits for its own
 * delivery, and so on: agreed latency.  One JSON object per process on stdout.
 */

#define _POSIX_C_SOURCE 200809L

#ifdef AISBENCH_COROSYNC
#include <corosync/cpg.h>
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

#define SENDERS_MAX 64
#define SAMPLES_MAX 2000000

struct header {
    uint64_t number;   /* per sender, from 1 */
    uint32_t checksum; /* of the rest of the message */
    uint32_t kind;     /* 0: payload, 1: end of this sender */
};

struct sender {
    uint32_t nodeid, pid;
    uint64_t last;
    int ended;
};

static struct {
    unsigned members_wanted, members_now;
    size_t size;
    double seconds;
    int sends, pings;
    unsigned senders_wanted;
    uint32_t self_node, self_pid;
    struct sender senders[SENDERS_MAX];
    unsigned sender_count, ended;
    uint64_t delivered, delivered_bytes, gaps, corrupt, try_again;
    uint64_t order;    /* FNV-1a over (sender, number) in delivery order */
    double first, last;
    int own_arrived, lost_members;
} state;

static double now(void) {
    struct timespec at;
    clock_gettime(CLOCK_MONOTONIC, &at);
    return (double)at.tv_sec + 1e-9 * (double)at.tv_nsec;
}

static uint32_t checksum(const unsigned char *data, size_t size) {
    uint32_t a = 1, b = 0; /* Adler-like, cheap: first and last 64 bytes and the length */
    size_t i;
    for (i = 0; i < size && i < 64; ++i) {
        a += data[i];
        b += a;
    }
    for (i = size > 128 ? size - 64 : i; i < size; ++i) {
        a += data[i];
        b += a;
    }
    return a ^ (b << 16) ^ (uint32_t)size;
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
    state.order = (state.order ^ (((uint64_t)nodeid << 40) ^ header.number)) * UINT64_C(1099511628211);
    state.last = now();
    if (state.delivered == 0) {
        state.first = state.last;
    }
    ++state.delivered;
    state.delivered_bytes += size;
    if (nodeid == state.self_node && pid == state.self_pid) {
        state.own_arrived = 1;
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
    if (state.ended < state.senders_wanted) { /* who leaves after the last end mark is done */
        state.lost_members += (int)left_count;
    }
}

static void fail(const char *what, int error) {
    fprintf(stderr, "aisbench: %s: error %d\n", what, error);
    exit(1);
}

static void dispatch(cpg_handle_t handle, int fd, int wait_ms) {
    struct pollfd ready = {fd, POLLIN, 0};
    int error;
    if (poll(&ready, 1, wait_ms) < 0 && errno != EINTR) {
        fail("poll", errno);
    }
    error = cpg_dispatch(handle, CPG_DISPATCH_ALL);
    if (error != CPG_OK && error != CPG_ERR_TRY_AGAIN) {
        fail("cpg_dispatch", error);
    }
}

static void multicast(cpg_handle_t handle, int fd, struct header *header, unsigned char *body, size_t size) {
    struct iovec parts[2];
    int error;
    header->checksum = checksum(body, size);
    parts[0].iov_base = header;
    parts[0].iov_len = sizeof *header;
    parts[1].iov_base = body;
    parts[1].iov_len = size;
    while ((error = cpg_mcast_joined(handle, CPG_TYPE_AGREED, parts, 2)) == CPG_ERR_TRY_AGAIN) {
        ++state.try_again;
        dispatch(handle, fd, 1);
    }
    if (error != CPG_OK) {
        fail("cpg_mcast_joined", error);
    }
}

static int ascending(const void *a, const void *b) {
    const double x = *(const double *)a, y = *(const double *)b;
    return x < y ? -1 : x > y;
}

int main(int argc, char **argv) {
    static cpg_callbacks_t callbacks = {deliver, changed};
    struct cpg_name group;
    struct header header = {0, 0, 0};
    struct rusage usage;
    unsigned char *body;
    double *samples = NULL, start, end;
    size_t sample_count = 0, body_size;
    cpg_handle_t handle;
    unsigned node;
    uint64_t warm_delivered = 0, sent = 0;
    double warm_at = 0, warm_seconds = 0.25, window = 0, think = 0;
    uint64_t window_messages = 0;
    int fd, error, i;

    memcpy(group.value, "aisbench", 8);
    group.length = 8;
    state.members_wanted = 1;
    state.senders_wanted = 1;
    state.size = 1024;
    state.seconds = 2;
    for (i = 1; i + 1 < argc; i += 2) {
        if (strcmp(argv[i], "--members") == 0) {
            state.members_wanted = (unsigned)atoi(argv[i + 1]);
        } else if (strcmp(argv[i], "--senders") == 0) {
            state.senders_wanted = (unsigned)atoi(argv[i + 1]);
        } else if (strcmp(argv[i], "--size") == 0) {
            state.size = (size_t)atol(argv[i + 1]);
        } else if (strcmp(argv[i], "--seconds") == 0) {
            state.seconds = atof(argv[i + 1]);
        } else if (strcmp(argv[i], "--think-ms") == 0) {
            think = atof(argv[i + 1]) / 1e3;
        } else if (strcmp(argv[i], "--group") == 0 && strlen(argv[i + 1]) <= sizeof group.value) {
            group.length = (uint32_t)strlen(argv[i + 1]);
            memcpy(group.value, argv[i + 1], group.length);
        } else if (strcmp(argv[i], "--role") == 0) {
            state.sends = strcmp(argv[i + 1], "send") == 0;
            state.pings = strcmp(argv[i + 1], "ping") == 0;
        } else {
            fprintf(stderr, "usage: aisbench --members N --senders N --role send|receive|ping --size BYTES --seconds S"
                            " [--think-ms MS] [--group NAME]\n");
            return 2;
        }
    }
    if (state.size < sizeof header) {
        state.size = sizeof header;
    }
    body_size = state.size - sizeof header;
    body = malloc(body_size + 1);
    samples = malloc(sizeof *samples * SAMPLES_MAX);
    if (body == NULL || samples == NULL) {
        return 1;
    }
    for (i = 0; (size_t)i < body_size; ++i) {
        body[i] = (unsigned char)(i * 7);
    }
    state.order = UINT64_C(14695981039346656037);
    state.self_pid = (uint32_t)getpid();

    if ((error = cpg_initialize(&handle, &callbacks)) != CPG_OK) {
        fail("cpg_initialize", error);
    }
    if ((error = cpg_join(handle, &group)) != CPG_OK) {
        fail("cpg_join", error);
    }
    if ((error = cpg_local_get(handle, &node)) != CPG_OK || (error = cpg_fd_get(handle, &fd)) != CPG_OK) {
        fail("cpg_local_get", error);
    }
    state.self_node = node;
    for (start = now(); state.members_now < state.members_wanted;) {
        dispatch(handle, fd, 100);
        if (now() - start > 30) {
            fprintf(stderr, "aisbench: only %u of %u members after 30 s\n", state.members_now, state.members_wanted);
            return 1;
        }
    }

    start = now();
    end = start + state.seconds + warm_seconds;
    if (state.sends) {
        while (now() < end) {
            int burst;
            for (burst = 0; burst < 64; ++burst) {
                header.number = ++sent;
                multicast(handle, fd, &header, body, body_size);
            }
            dispatch(handle, fd, 0);
            if (warm_at == 0 && now() >= start + warm_seconds) {
                warm_at = now();
                warm_delivered = state.delivered;
            }
        }
    } else if (state.pings) {
        while (now() < end && sample_count < SAMPLES_MAX) {
            double sent_at;
            if (think > 0) {
                struct timespec pause;
                pause.tv_sec = (time_t)think;
                pause.tv_nsec = (long)((think - (double)pause.tv_sec) * 1e9);
                nanosleep(&pause, NULL);
            }
            sent_at = now();
            header.number = ++sent;
            state.own_arrived = 0;
            multicast(handle, fd, &header, body, body_size);
            while (!state.own_arrived) {
                dispatch(handle, fd, 1000);
                if (now() - sent_at > 20) {
                    fprintf(stderr, "aisbench: no answer for 20 s\n");
                    return 1;
                }
            }
            samples[sample_count++] = now() - sent_at;
        }
    }
    if (state.sends || state.pings) {
        window = now() - warm_at;
        window_messages = state.delivered - warm_delivered;
        header.kind = 1;
        multicast(handle, fd, &header, body, 0);
    }
    /* Everybody ends when every sender's end mark is there. */
    for (start = now(); state.ended < state.senders_wanted;) {
        dispatch(handle, fd, 100);
        if (warm_at == 0 && state.delivered > 0) {
            warm_at = now();
            warm_delivered = state.delivered;
        }
        if (state.ended < state.senders_wanted && now() - start > state.seconds + 60) {
            fprintf(stderr, "aisbench: end marks of %u of %u senders\n", state.ended, state.senders_wanted);
            return 1;
        }
    }
    if (!state.sends) {
        window = state.last - warm_at;
        window_messages = state.delivered - warm_delivered;
    }
    getrusage(RUSAGE_SELF, &usage);
    printf("{\"node\":%u,\"role\":\"%s\",\"size\":%zu,\"delivered\":%" PRIu64 ",\"gaps\":%" PRIu64 ",\"corrupt\":%" PRIu64
           ",\"order\":\"%016" PRIx64 "\",\"try_again\":%" PRIu64 ",\"msgs_per_s\":%.0f,\"mb_per_s\":%.2f,\"cpu_s\":%.3f",
           node, state.sends ? "send" : state.pings ? "ping" : "receive", state.size, state.delivered, state.gaps,
           state.corrupt, state.order, state.try_again, window > 0 ? (double)window_messages / window : 0,
           window > 0 ? (double)window_messages * (double)state.size / window / 1e6 : 0,
           (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec)
               + 1e-6 * (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec));
    if (sample_count > 0) {
        qsort(samples, sample_count, sizeof *samples, ascending);
        printf(",\"samples\":%zu,\"p50_us\":%.1f,\"p90_us\":%.1f,\"p99_us\":%.1f,\"p999_us\":%.1f", sample_count,
               samples[sample_count / 2] * 1e6, samples[sample_count * 9 / 10] * 1e6, samples[sample_count * 99 / 100] * 1e6,
               samples[sample_count * 999 / 1000] * 1e6);
    }
    printf("}\n");
    cpg_finalize(handle);
    free(body);
    free(samples);
    return state.gaps == 0 && state.corrupt == 0 && state.lost_members == 0 ? 0 : 1;
}
