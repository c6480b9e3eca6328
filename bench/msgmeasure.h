/* SPDX-License-Identifier: BSD-3-Clause
 *
 * What msgbench and the peers' clients have in common, so that all are measured by the same code: one sender and one
 * receiver of one queue.  A client brings send_one(), which returns when the message is in the queue (0: full, again), and get_one().
 *
 *   PROGRAM get …  --board FILE                              until the last message; prints one JSON object
 *   PROGRAM send … --board FILE --seconds S --window W --size BYTES
 *   PROGRAM hold … --queues N                                has N queues, prints "ready", keeps them until its input ends
 *
 * A message carries the time of its sending and its number; the receiver ends with an error if it is not the next one.  At most W are on
 * the way: FILE (a page of zeroes, mapped by both) has the number of those that were received.
 */
#ifndef BENCH_MSGMEASURE_H
#define BENCH_MSGMEASURE_H

#include <fcntl.h>
#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#define SAMPLES_MAX 2000000
#define BOARD_SIZE 4096
#define SIZE_MAX_BYTES 4096

struct board {
    uint64_t ready; /* the receiver has its queue */
    uint64_t received;
};

struct head {
    uint64_t number;
    uint64_t sent_ns;
    uint64_t is_last;
};

struct options {
    const char *mode, *board, *address;
    unsigned number, queues;
    size_t size;
    uint64_t window;
    double seconds;
};

static uint64_t now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static void rest_us(long us)
{
    const struct timespec time = {0, us * 1000};
    nanosleep(&time, NULL);
}

static int ascending(const void *a, const void *b)
{
    const uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return x < y ? -1 : x > y;
}

static struct options read_options(int argc, char **argv)
{
    struct options o = {"", NULL, NULL, 0, 0, 64, 1, 2};
    int i;
    if (argc > 1)
        o.mode = argv[1];
    for (i = 2; i + 1 < argc; i += 2) {
        if (strcmp(argv[i], "--board") == 0)
            o.board = argv[i + 1];
        else if (strcmp(argv[i], "--address") == 0)
            o.address = argv[i + 1];
        else if (strcmp(argv[i], "--number") == 0)
            o.number = (unsigned)strtoul(argv[i + 1], NULL, 10);
        else if (strcmp(argv[i], "--queues") == 0)
            o.queues = (unsigned)strtoul(argv[i + 1], NULL, 10);
        else if (strcmp(argv[i], "--size") == 0)
            o.size = strtoul(argv[i + 1], NULL, 10);
        else if (strcmp(argv[i], "--window") == 0)
            o.window = strtoul(argv[i + 1], NULL, 10);
        else if (strcmp(argv[i], "--seconds") == 0)
            o.seconds = atof(argv[i + 1]);
        else
            break;
    }
    if (argc < 2 || i != argc || (strcmp(o.mode, "hold") == 0) != (o.board == NULL) || o.size < sizeof(struct head) ||
        o.size > SIZE_MAX_BYTES || o.window == 0 ||
        (strcmp(o.mode, "get") != 0 && strcmp(o.mode, "send") != 0 && strcmp(o.mode, "hold") != 0)) {
        fprintf(stderr, "usage: %s get|send|hold [--board FILE] [--seconds S] [--window W] [--size BYTES] [--number I] [--queues N]"
                        " [--address HOST:PORT]\n", argv[0]);
        exit(2);
    }
    return o;
}

static struct board *map_board(const char *file)
{
    const int fd = open(file, O_RDWR);
    void *at = fd < 0 ? MAP_FAILED : mmap(NULL, BOARD_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (at == MAP_FAILED) {
        perror(file);
        exit(1);
    }
    return at;
}

static void wait_for_end_of_input(void)
{
    char c;
    printf("ready\n");
    fflush(stdout);
    while (read(0, &c, 1) > 0) {
    }
}

static void measure_get(const struct options *o, void (*get_one)(unsigned char *data))
{
    static unsigned char data[SIZE_MAX_BYTES];
    struct board *board = map_board(o->board);
    uint64_t *samples = malloc(SAMPLES_MAX * sizeof *samples);
    uint64_t first = 0, last = 0, received = 0, count;
    struct head head = {0, 0, 0};
    if (samples == NULL)
        exit(1);
    __atomic_store_n(&board->ready, 1, __ATOMIC_RELEASE);
    while (head.is_last == 0) {
        get_one(data);
        last = now_ns();
        memcpy(&head, data, sizeof head);
        if (head.number != received) {
            fprintf(stderr, "message %" PRIu64 " instead of %" PRIu64 "\n", head.number, received);
            exit(1);
        }
        if (received == 0)
            first = head.sent_ns;
        if (received < SAMPLES_MAX)
            samples[received] = last - head.sent_ns;
        __atomic_store_n(&board->received, ++received, __ATOMIC_RELEASE);
    }
    count = received < SAMPLES_MAX ? received : SAMPLES_MAX;
    qsort(samples, count, sizeof *samples, ascending);
    printf("{\"messages\": %" PRIu64 ", \"per_s\": %.1f, \"p50_us\": %.1f, \"p99_us\": %.1f}\n", received,
           (double)received / ((double)(last - first) / 1e9), (double)samples[count / 2] / 1e3,
           (double)samples[count * 99 / 100] / 1e3);
    free(samples);
}

static void measure_send(const struct options *o, int (*send_one)(const unsigned char *data, size_t size))
{
    static unsigned char data[SIZE_MAX_BYTES];
    struct board *board = map_board(o->board);
    struct head head = {0, 0, 0};
    uint64_t end;
    while (__atomic_load_n(&board->ready, __ATOMIC_ACQUIRE) == 0)
        rest_us(200);
    end = now_ns() + (uint64_t)(o->seconds * 1e9);
    while (head.is_last == 0) {
        while (head.number >= __atomic_load_n(&board->received, __ATOMIC_ACQUIRE) + o->window)
            rest_us(5);
        head.sent_ns = now_ns();
        head.is_last = head.sent_ns >= end;
        memcpy(data, &head, sizeof head);
        while (!send_one(data, o->size))
            rest_us(20);
        head.number++;
    }
}

#endif
