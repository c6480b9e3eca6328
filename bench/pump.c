/* SPDX-License-Identifier: BSD-3-Clause
 *
 * pump: what the network and the ciphers of this machine carry without any protocol.  The physical limit beside
 * which bench/compare puts what was measured.
 *
 *   pump receive --bind PORT --interface ADDRESS [--group ADDRESS] …
 *   pump send --to ADDRESS[,ADDRESS…] --port PORT --receivers N …
 *
 * Datagrams of one size go from one sender to N receivers: to a multicast group, or to each receiver by itself,
 * 64 kB to a system call, cut by the system (UDP_SEGMENT) and joined again (UDP_GRO), or, with --offload no, 64
 * datagrams to a call.  With --cipher aes-256-gcm each datagram is sealed and opened in place by OpenSSL.
 *
 * A sender that is never told anything fills receivers' buffers and the rest is lost, and its processor time with
 * it; on a machine with fewer processors than nodes that is most of it.  So receivers return a byte count for each
 * 128 kB, and the sender keeps --window bytes under way.  That is all: no order, no repetition, no membership.
 *
 * One JSON object on stdout.
 */

#define _GNU_SOURCE

#include <openssl/evp.h>

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/udp.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#ifndef UDP_SEGMENT
#define UDP_SEGMENT 103
#endif
#ifndef UDP_GRO
#define UDP_GRO 104
#endif

#define BATCH 65000      /* bytes of one offloaded buffer, at most */
#define SEGMENTS_MAX 64
#define SLOTS 32
#define SLOT 65536
#define RECEIVERS_MAX 16
#define CREDIT 131072    /* bytes after which a receiver tells how far it is */
#define BUFFER (8 << 20) /* of a socket */
#define TAG 16
#define NONCE 12

static struct {
    const char *to, *interface, *group;
    int port, receivers, offload, sealed, segment;
    double seconds;
    long window;
} wish = {NULL, NULL, NULL, 5405, 1, 1, 0, 1472, 1.0, 1 << 20};

static EVP_CIPHER_CTX *cipher;
static const unsigned char key[32] = {1, 2, 3};

static double now(void) {
    struct timespec at;
    clock_gettime(CLOCK_MONOTONIC, &at);
    return (double)at.tv_sec + 1e-9 * (double)at.tv_nsec;
}

static void fail(const char *what) {
    fprintf(stderr, "pump: %s: %s\n", what, strerror(errno));
    exit(1);
}

static struct sockaddr_in address_of(const char *text, int port) {
    struct sockaddr_in address;
    memset(&address, 0, sizeof address);
    address.sin_family = AF_INET;
    address.sin_port = htons((uint16_t)port);
    if (inet_pton(AF_INET, text, &address.sin_addr) != 1) {
        fprintf(stderr, "pump: not an IPv4 address: %s\n", text);
        exit(2);
    }
    return address;
}

/* Nonce, ciphertext, tag: what an envelope costs, without its header. */
static void seal(unsigned char *datagram, int size, uint64_t number) {
    int length;
    memset(datagram, 0, NONCE);
    memcpy(datagram, &number, sizeof number);
    EVP_EncryptInit_ex(cipher, NULL, NULL, NULL, datagram);
    EVP_EncryptUpdate(cipher, datagram + NONCE, &length, datagram + NONCE, size - NONCE - TAG);
    EVP_EncryptFinal_ex(cipher, datagram + size - TAG, &length);
    EVP_CIPHER_CTX_ctrl(cipher, EVP_CTRL_AEAD_GET_TAG, TAG, datagram + size - TAG);
}

static int open_sealed(unsigned char *datagram, int size) {
    int length;
    EVP_DecryptInit_ex(cipher, NULL, NULL, NULL, datagram);
    EVP_DecryptUpdate(cipher, datagram + NONCE, &length, datagram + NONCE, size - NONCE - TAG);
    EVP_CIPHER_CTX_ctrl(cipher, EVP_CTRL_AEAD_SET_TAG, TAG, datagram + size - TAG);
    return EVP_DecryptFinal_ex(cipher, datagram + size - TAG, &length) == 1;
}

static int open_socket(const struct sockaddr_in *bound) {
    const int on = 1, buffer = BUFFER;
    const int fd = socket(AF_INET, SOCK_DGRAM, 0);
    if (fd < 0) {
        fail("socket");
    }
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &buffer, sizeof buffer) != 0) {
        setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &buffer, sizeof buffer);
    }
    if (setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &buffer, sizeof buffer) != 0) {
        setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &buffer, sizeof buffer);
    }
    if (bind(fd, (const struct sockaddr *)bound, sizeof *bound) != 0) {
        fail("bind");
    }
    return fd;
}

static double processor_time(void) {
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec)
           + 1e-6 * (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec);
}

/* -- the sender */

static struct sockaddr_in targets[RECEIVERS_MAX];
static int target_count;
static uint64_t acknowledged[RECEIVERS_MAX];
static struct in_addr receivers[RECEIVERS_MAX];
static int receiver_count;

/* Takes what receivers tell, without waiting or for so long; returns the bytes that the slowest one has. */
static uint64_t take_credit(int fd, int wait_ms) {
    struct sockaddr_in from;
    socklen_t from_size = sizeof from;
    uint64_t bytes, least;
    int i;
    if (wait_ms > 0) {
        struct pollfd ready = {0, POLLIN, 0};
        ready.fd = fd;
        poll(&ready, 1, wait_ms);
    }
    while (recvfrom(fd, &bytes, sizeof bytes, MSG_DONTWAIT, (struct sockaddr *)&from, &from_size) == sizeof bytes) {
        for (i = 0; i < receiver_count && receivers[i].s_addr != from.sin_addr.s_addr; ++i) {
        }
        if (i == receiver_count && i < RECEIVERS_MAX) {
            receivers[receiver_count++] = from.sin_addr;
        }
        acknowledged[i] = bytes;
    }
    if (receiver_count < wish.receivers) {
        return 0;
    }
    least = acknowledged[0];
    for (i = 1; i < receiver_count; ++i) {
        least = acknowledged[i] < least ? acknowledged[i] : least;
    }
    return least;
}

static void send_buffer(int fd, unsigned char *batch, int size) {
    static struct mmsghdr messages[SEGMENTS_MAX * RECEIVERS_MAX];
    static struct iovec parts[SEGMENTS_MAX * RECEIVERS_MAX];
    static char control[RECEIVERS_MAX][CMSG_SPACE(sizeof(uint16_t))];
    unsigned count = 0, done = 0;
    int target, at;
    for (target = 0; target < target_count; ++target) {
        for (at = 0; at < size; at += wish.offload ? size : wish.segment) {
            struct msghdr *header = &messages[count].msg_hdr;
            memset(header, 0, sizeof *header);
            parts[count].iov_base = batch + at;
            parts[count].iov_len = (size_t)(wish.offload ? size : wish.segment);
            header->msg_name = &targets[target];
            header->msg_namelen = sizeof targets[target];
            header->msg_iov = &parts[count];
            header->msg_iovlen = 1;
            if (wish.offload) {
                const uint16_t segment = (uint16_t)wish.segment;
                struct cmsghdr *option;
                header->msg_control = control[target];
                header->msg_controllen = sizeof control[target];
                option = CMSG_FIRSTHDR(header);
                option->cmsg_level = IPPROTO_UDP;
                option->cmsg_type = UDP_SEGMENT;
                option->cmsg_len = CMSG_LEN(sizeof segment);
                memcpy(CMSG_DATA(option), &segment, sizeof segment);
            }
            ++count;
        }
    }
    while (done < count) {
        const int sent = sendmmsg(fd, messages + done, count - done, 0);
        if (sent < 0 && errno != EINTR) {
            fail("sendmmsg");
        }
        done += sent > 0 ? (unsigned)sent : 0;
    }
}

static int run_sender(void) {
    static unsigned char batch[BATCH + SLOT];
    const struct in_addr interface = address_of(wish.interface, 0).sin_addr;
    struct sockaddr_in own = address_of(wish.interface, wish.port);
    int segments = BATCH / wish.segment < SEGMENTS_MAX ? BATCH / wish.segment : SEGMENTS_MAX;
    const int size = segments * wish.segment, fd = open_socket(&own);
    uint64_t sent = 0, at_begin = 0, credit = 0, given_up = 0;
    double start, begin = 0, end, at, cpu = 0;
    char *list = strdup(wish.to), *one;
    for (one = strtok(list, ","); one != NULL && target_count < RECEIVERS_MAX; one = strtok(NULL, ",")) {
        targets[target_count++] = address_of(one, wish.port);
    }
    setsockopt(fd, IPPROTO_IP, IP_MULTICAST_IF, &interface, sizeof interface);
    start = now();
    end = start + 0.2 + wish.seconds;
    do {
        at = now();
        if (begin == 0 && at >= start + 0.2) {
            begin = at;
            at_begin = take_credit(fd, 0);
            cpu = processor_time();
        }
        credit = take_credit(fd, 0);
        if (sent >= credit + given_up + (uint64_t)wish.window) {
            if (take_credit(fd, 20) == credit) { /* what is under way is lost; go on without it */
                given_up = sent - credit;
            }
            continue;
        }
        if (wish.sealed) {
            int i;
            for (i = 0; i < segments; ++i) {
                seal(batch + i * wish.segment, wish.segment, sent + (uint64_t)i);
            }
        }
        send_buffer(fd, batch, size);
        sent += (uint64_t)size;
    } while (at < end);
    credit = take_credit(fd, 0);
    printf("{\"mb_per_s\":%.2f,\"cpu_s\":%.3f,\"window_s\":%.3f,\"given_up_bytes\":%llu,\"receivers\":%d}\n",
           (double)(credit - at_begin) / (at - begin) / 1e6, processor_time() - cpu, at - begin,
           (unsigned long long)given_up, receiver_count);
    free(list);
    return receiver_count == wish.receivers ? 0 : 1;
}

/* -- a receiver */

static int run_receiver(void) {
    static unsigned char room[SLOTS][SLOT];
    static struct mmsghdr messages[SLOTS];
    static struct iovec parts[SLOTS];
    static char control[SLOTS][CMSG_SPACE(sizeof(int))];
    static struct sockaddr_in from;
    struct sockaddr_in bound = address_of(wish.group != NULL ? wish.group : wish.interface, wish.port);
    struct sockaddr_in own = address_of(wish.interface, 0);
    const int fd = open_socket(&bound), reply = open_socket(&own), on = 1;
    uint64_t bytes = 0, told = 0, broken = 0, datagrams = 0, calls = 0;
    int i;
    double quiet_since = now();
    if (wish.group != NULL) {
        struct ip_mreq join;
        join.imr_multiaddr = bound.sin_addr;
        join.imr_interface = own.sin_addr;
        if (setsockopt(fd, IPPROTO_IP, IP_ADD_MEMBERSHIP, &join, sizeof join) != 0) {
            fail("joining the group");
        }
    }
    if (wish.offload) {
        setsockopt(fd, IPPROTO_UDP, UDP_GRO, &on, sizeof on);
    }
    printf("ready\n");
    fflush(stdout);
    while (now() - quiet_since < (bytes > 0 ? 0.5 : 20)) {
        struct pollfd ready = {0, POLLIN, 0};
        int count;
        for (i = 0; i < SLOTS; ++i) {
            struct msghdr *header = &messages[i].msg_hdr;
            parts[i].iov_base = room[i];
            parts[i].iov_len = SLOT;
            memset(header, 0, sizeof *header);
            header->msg_iov = &parts[i];
            header->msg_iovlen = 1;
            header->msg_control = control[i];
            header->msg_controllen = sizeof control[i];
            header->msg_name = i == 0 ? &from : NULL;
            header->msg_namelen = i == 0 ? sizeof from : 0;
        }
        count = recvmmsg(fd, messages, SLOTS, MSG_DONTWAIT, NULL);
        ++calls;
        if (count <= 0) {
            ready.fd = fd;
            poll(&ready, 1, 100);
            continue;
        }
        quiet_since = now();
        for (i = 0; i < count; ++i) {
            const int size = (int)messages[i].msg_len;
            int at;
            for (at = 0; at + wish.segment <= size; at += wish.segment) {
                ++datagrams;
                if (wish.sealed && !open_sealed(room[i] + at, wish.segment)) {
                    ++broken;
                }
            }
            bytes += (uint64_t)size;
        }
        if (bytes - told >= CREDIT) {
            told = bytes;
            sendto(reply, &bytes, sizeof bytes, MSG_DONTWAIT, (struct sockaddr *)&from, sizeof from);
        }
    }
    printf("{\"bytes\":%llu,\"datagrams\":%llu,\"broken\":%llu,\"calls\":%llu,\"cpu_s\":%.3f}\n", (unsigned long long)bytes,
           (unsigned long long)datagrams, (unsigned long long)broken, (unsigned long long)calls, processor_time());
    return broken == 0 ? 0 : 1;
}

int main(int argc, char **argv) {
    int i;
    if (argc < 2 || (strcmp(argv[1], "send") != 0 && strcmp(argv[1], "receive") != 0)) {
        fprintf(stderr, "usage: pump send|receive --interface ADDRESS [--to ADDRESS,…] [--group ADDRESS] [--port PORT]\n"
                        "            [--receivers N] [--segment BYTES] [--offload yes|no] [--cipher none|aes-256-gcm]\n"
                        "            [--seconds S] [--window BYTES]\n");
        return 2;
    }
    for (i = 2; i + 1 < argc; i += 2) {
        const char *name = argv[i], *value = argv[i + 1];
        if (strcmp(name, "--to") == 0) {
            wish.to = value;
        } else if (strcmp(name, "--interface") == 0) {
            wish.interface = value;
        } else if (strcmp(name, "--group") == 0) {
            wish.group = value;
        } else if (strcmp(name, "--port") == 0) {
            wish.port = atoi(value);
        } else if (strcmp(name, "--receivers") == 0) {
            wish.receivers = atoi(value);
        } else if (strcmp(name, "--segment") == 0) {
            wish.segment = atoi(value);
        } else if (strcmp(name, "--offload") == 0) {
            wish.offload = strcmp(value, "yes") == 0;
        } else if (strcmp(name, "--cipher") == 0) {
            wish.sealed = strcmp(value, "none") != 0;
        } else if (strcmp(name, "--seconds") == 0) {
            wish.seconds = atof(value);
        } else if (strcmp(name, "--window") == 0) {
            wish.window = atol(value);
        } else {
            fprintf(stderr, "pump: unknown option %s\n", name);
            return 2;
        }
    }
    if (wish.interface == NULL || wish.segment < NONCE + TAG + 1 || wish.segment > 9000 || wish.receivers < 1
        || wish.receivers > RECEIVERS_MAX || (strcmp(argv[1], "send") == 0 && wish.to == NULL)) {
        fprintf(stderr, "pump: --interface is needed, --to by the sender, 29..9000 bytes, 1..%d receivers\n", RECEIVERS_MAX);
        return 2;
    }
    cipher = EVP_CIPHER_CTX_new();
    if (strcmp(argv[1], "send") == 0) {
        EVP_EncryptInit_ex(cipher, EVP_aes_256_gcm(), NULL, key, NULL);
        return run_sender();
    }
    EVP_DecryptInit_ex(cipher, EVP_aes_256_gcm(), NULL, key, NULL);
    return run_receiver();
}
