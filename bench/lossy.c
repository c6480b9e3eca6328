/* SPDX-License-Identifier: BSD-3-Clause
 *
 * lossy: bad weather for a real executive, where the system has no netem.  A shared object for LD_PRELOAD that
 * stands in front of recvmmsg(2): of what the system gives, some datagrams are lost and some come later.
 *
 *   LOSSY_CONTROL=FILE LD_PRELOAD=liblossy.so aisexec-kernel ...
 *
 * FILE is `struct control` in shared memory.  Whoever runs the measurement writes the two rates there, at any time,
 * so that fair and foul weather take turns in one ring; the counts are kept there as well and outlive the process.
 *
 * Loss: each datagram, one by one, those inside of an aggregate (UDP_GRO) too, on all sockets, the token's too.
 *
 * Reordering: a datagram changes places with its successor in the same call, if both are in one aggregate and of one
 * size, or both came alone; the last one of a call is held, and comes after all of the next call that brings something, or
 * in the first call after `hold_ns`.  Not on the sockets for control (SO_PRIORITY 6): on these datagrams come alone, and one
 * that is held until the next comes is a lost one.
 *
 * Limit: one thread calls; at most `holds_max` sockets.
 */

#define _GNU_SOURCE

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/udp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#ifndef UDP_GRO
#define UDP_GRO 104
#endif

/* bench/loss knows this layout: native byte order, no gaps. */
struct control {
    uint32_t loss_ppm, reorder_ppm; /* of a million datagrams */
    uint64_t state;                 /* of the generator; the seed at first, not 0 */
    uint64_t received, lost, swapped, held;
};

enum { holds_max = 8, datagram_max = 65536 };
static const uint64_t hold_ns = 200000; /* more than a rotation under load, less than anybody's patience */

static struct hold {
    int fd;
    int is_full;
    size_t size;
    struct sockaddr_storage from;
    socklen_t from_size;
    uint64_t since;
    unsigned char bytes[datagram_max];
} holds[holds_max];
static unsigned hold_count;

static struct control *control;
static int (*receive)(int, struct mmsghdr *, unsigned, int, struct timespec *);

__attribute__((constructor)) static void begin(void) {
    const char *path = getenv("LOSSY_CONTROL");
    const int fd = path != NULL ? open(path, O_RDWR | O_CLOEXEC) : -1;
    void *symbol = dlsym(RTLD_NEXT, "recvmmsg");
    memcpy(&receive, &symbol, sizeof receive);
    if (path == NULL) {
        return;
    }
    control = fd >= 0 ? mmap(NULL, sizeof *control, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0) : MAP_FAILED;
    if (control == MAP_FAILED) {
        fprintf(stderr, "lossy: %s: %s\n", path, strerror(errno));
        exit(1);
    }
    close(fd);
}

/* xorshift64*: the same seed and the same datagrams give the same weather. */
static int happens(uint32_t ppm) {
    uint64_t x = control->state;
    x ^= x >> 12;
    x ^= x << 25;
    x ^= x >> 27;
    control->state = x;
    return (x * UINT64_C(2685821657736338717) >> 32) * 1000000 >> 32 < ppm;
}

static uint64_t now_ns(void) {
    struct timespec at;
    clock_gettime(CLOCK_MONOTONIC, &at);
    return (uint64_t)at.tv_sec * 1000000000 + (uint64_t)at.tv_nsec;
}

static unsigned char *bytes_of(struct mmsghdr *message) {
    return message->msg_hdr.msg_iov[0].iov_base;
}

/* Size of each datagram of this message but the last, which may be shorter. */
static size_t segment_of(struct mmsghdr *message) {
    struct cmsghdr *at;
    for (at = CMSG_FIRSTHDR(&message->msg_hdr); at != NULL; at = CMSG_NXTHDR(&message->msg_hdr, at)) {
        if (at->cmsg_level == IPPROTO_UDP && at->cmsg_type == UDP_GRO) {
            int size = 0;
            memcpy(&size, CMSG_DATA(at), sizeof size);
            if (size > 0) {
                return (size_t)size;
            }
        }
    }
    return message->msg_len;
}

/* The content of a message into the room of another one of the same call. */
static void copy_message(struct mmsghdr *to, const struct mmsghdr *from) {
    memcpy(to->msg_hdr.msg_iov[0].iov_base, from->msg_hdr.msg_iov[0].iov_base, from->msg_len);
    memcpy(to->msg_hdr.msg_name, from->msg_hdr.msg_name, from->msg_hdr.msg_namelen);
    memcpy(to->msg_hdr.msg_control, from->msg_hdr.msg_control, from->msg_hdr.msg_controllen);
    to->msg_hdr.msg_namelen = from->msg_hdr.msg_namelen;
    to->msg_hdr.msg_controllen = from->msg_hdr.msg_controllen;
    to->msg_hdr.msg_flags = from->msg_hdr.msg_flags;
    to->msg_len = from->msg_len;
}

static void swap_bytes(unsigned char *a, unsigned char *b, size_t size) {
    while (size-- > 0) {
        const unsigned char byte = *a;
        *a++ = *b;
        *b++ = byte;
    }
}

/* Of an aggregate of datagrams, or of one; false if nothing is left of it. */
static int lose_some(struct mmsghdr *message) {
    const size_t segment = segment_of(message), size = message->msg_len;
    unsigned char *const bytes = bytes_of(message);
    size_t from, kept = 0;
    if (segment == 0) {
        return 1;
    }
    for (from = 0; from < size; from += segment) {
        const size_t length = size - from < segment ? size - from : segment;
        ++control->received;
        if (happens(control->loss_ppm)) {
            ++control->lost;
            continue;
        }
        if (kept != from) {
            memmove(bytes + kept, bytes + from, length);
        }
        kept += length;
    }
    message->msg_len = (unsigned)kept;
    return kept > 0;
}

static int lose(struct mmsghdr *messages, int got) {
    int from, kept = 0;
    for (from = 0; from < got; ++from) {
        if (lose_some(&messages[from])) {
            if (kept != from) {
                copy_message(&messages[kept], &messages[from]);
            }
            ++kept;
        }
    }
    return kept;
}

static void swap_messages(struct mmsghdr *a, struct mmsghdr *b) {
    static unsigned char bytes[datagram_max], name[sizeof(struct sockaddr_storage)], extra[256];
    struct iovec part = {bytes, sizeof bytes};
    struct mmsghdr third = {{name, sizeof name, &part, 1, extra, sizeof extra, 0}, 0};
    copy_message(&third, a);
    copy_message(a, b);
    copy_message(b, &third);
}

static void reorder(struct mmsghdr *messages, int got) {
    int i;
    for (i = 0; i < got; ++i) {
        const size_t segment = segment_of(&messages[i]), size = messages[i].msg_len;
        size_t at;
        for (at = 0; at + 2 * segment <= size && segment > 0; at += segment) {
            if (happens(control->reorder_ppm)) {
                swap_bytes(bytes_of(&messages[i]) + at, bytes_of(&messages[i]) + at + segment, segment);
                ++control->swapped;
                at += segment;
            }
        }
        if (segment == size && i + 1 < got && segment_of(&messages[i + 1]) == messages[i + 1].msg_len
            && happens(control->reorder_ppm)) {
            swap_messages(&messages[i], &messages[i + 1]);
            ++control->swapped;
            ++i;
        }
    }
}

static int is_for_control(int fd) {
    int priority = 0;
    socklen_t size = sizeof priority;
    return getsockopt(fd, SOL_SOCKET, SO_PRIORITY, &priority, &size) == 0 && priority == 6;
}

static struct hold *hold_of(int fd) {
    unsigned i;
    for (i = 0; i < hold_count; ++i) {
        if (holds[i].fd == fd) {
            return &holds[i];
        }
    }
    if (hold_count == holds_max) {
        return NULL;
    }
    holds[hold_count].fd = fd;
    return &holds[hold_count++];
}

/* What was held comes now, after everything else. */
static int release(struct mmsghdr *messages, int got, unsigned room, struct hold *hold) {
    struct mmsghdr *to = &messages[got];
    if (!hold->is_full || (unsigned)got >= room || (got == 0 && now_ns() - hold->since < hold_ns)) {
        return got;
    }
    memcpy(bytes_of(to), hold->bytes, hold->size);
    memcpy(to->msg_hdr.msg_name, &hold->from, hold->from_size);
    to->msg_hdr.msg_namelen = hold->from_size;
    to->msg_hdr.msg_controllen = 0;
    to->msg_hdr.msg_flags = 0;
    to->msg_len = (unsigned)hold->size;
    hold->is_full = 0;
    return got + 1;
}

static int hold_last(struct mmsghdr *messages, int got, struct hold *hold) {
    struct mmsghdr *last = &messages[got - 1];
    const size_t segment = segment_of(last);
    size_t begin;
    if (hold->is_full || last->msg_len == 0) {
        return got;
    }
    begin = (last->msg_len - 1) / segment * segment;
    hold->size = last->msg_len - begin;
    hold->from_size = last->msg_hdr.msg_namelen;
    memcpy(hold->bytes, bytes_of(last) + begin, hold->size);
    memcpy(&hold->from, last->msg_hdr.msg_name, hold->from_size);
    hold->since = now_ns();
    hold->is_full = 1;
    ++control->held;
    last->msg_len = (unsigned)begin;
    return begin > 0 ? got : got - 1;
}

__attribute__((visibility("default"))) int recvmmsg(int fd, struct mmsghdr *messages, unsigned room, int flags, struct timespec *timeout) {
    struct hold *const hold = control != NULL ? hold_of(fd) : NULL;
    /* What the caller has prepared; a call in which all is lost has changed it. */
    const socklen_t name_size = room > 0 ? messages[0].msg_hdr.msg_namelen : 0;
    const size_t control_size = room > 0 ? messages[0].msg_hdr.msg_controllen : 0;
    if (hold == NULL) {
        return receive(fd, messages, room, flags, timeout);
    }
    while (1) {
        int got = receive(fd, messages, room, flags, timeout), error = errno, i, all = got;
        if (got < 0 && error != EAGAIN) {
            return got;
        }
        got = got > 0 ? lose(messages, got) : 0;
        if (got > 0 && control->reorder_ppm > 0) {
            const int is_last_held = happens(control->reorder_ppm) && !hold->is_full && !is_for_control(fd);
            reorder(messages, got);
            got = is_last_held ? hold_last(messages, got, hold) : release(messages, got, room, hold);
        } else {
            got = release(messages, got, room, hold);
        }
        if (got > 0) {
            return got;
        }
        if (all <= 0) { /* nothing was there */
            errno = error;
            return all;
        }
        for (i = 0; i < all; ++i) {
            messages[i].msg_hdr.msg_namelen = name_size;
            messages[i].msg_hdr.msg_controllen = control_size;
        }
    }
}
