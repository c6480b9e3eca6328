/* SPDX-License-Identifier: BSD-3-Clause
 *
 * What lckbench and the peers' clients have in common, so that all are measured by the same code.  A client brings
 * take() and release() of one lock; both return when it is done, and end the process with a word if it cannot be.
 *
 *   PROGRAM alone …  --seconds S                one pair after the other; a sample is the time of a pair
 *   PROGRAM share …  --seconds S --board FILE   FILE (a page of zeroes, mapped by all) shows who had the lock last and when it
 *                                               began to release it; a sample is the time from there until another has it
 *   PROGRAM hold …   --locks N                  takes N locks, prints "ready", keeps them until its input ends
 *
 * Two holders at once end the run with an error.  All processes are on one machine and have one clock.
 */
#ifndef BENCH_LOCKMEASURE_H
#define BENCH_LOCKMEASURE_H

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

struct board {
    uint64_t ready;       /* clients that may begin */
    uint64_t holders;     /* 0 or 1 */
    uint64_t last;        /* who had it: number + 1 */
    uint64_t released_ns; /* when release() was called */
};

struct options {
    const char *mode, *board, *address;
    unsigned number, members, locks;
    double seconds;
};

static uint64_t *samples;
static uint64_t taken, sampled;

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

static void add_sample(uint64_t ns)
{
    if (sampled < SAMPLES_MAX)
        samples[sampled++] = ns;
}

static int ascending(const void *a, const void *b)
{
    const uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return x < y ? -1 : x > y;
}

static struct options read_options(int argc, char **argv)
{
    struct options o = {"", NULL, NULL, 0, 1, 0, 2};
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
        else if (strcmp(argv[i], "--members") == 0)
            o.members = (unsigned)strtoul(argv[i + 1], NULL, 10);
        else if (strcmp(argv[i], "--locks") == 0)
            o.locks = (unsigned)strtoul(argv[i + 1], NULL, 10);
        else if (strcmp(argv[i], "--seconds") == 0)
            o.seconds = atof(argv[i + 1]);
        else
            break;
    }
    if (argc < 2 || i != argc || (strcmp(o.mode, "share") == 0) != (o.board != NULL) ||
        (strcmp(o.mode, "alone") != 0 && strcmp(o.mode, "share") != 0 && strcmp(o.mode, "hold") != 0)) {
        fprintf(stderr, "usage: %s alone|share|hold [--seconds S] [--board FILE] [--number I] [--members N] [--locks N]"
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

static void measure_alone(double seconds, void (*take)(void), void (*release)(void))
{
    const uint64_t end = now_ns() + (uint64_t)(seconds * 1e9);
    uint64_t before = now_ns();
    while (before < end) {
        uint64_t after;
        take();
        release();
        taken++;
        after = now_ns();
        add_sample(after - before);
        before = after;
    }
}

static void measure_share(struct board *board, const struct options *o, void (*take)(void), void (*release)(void))
{
    uint64_t end;
    __atomic_add_fetch(&board->ready, 1, __ATOMIC_SEQ_CST);
    while (__atomic_load_n(&board->ready, __ATOMIC_SEQ_CST) < o->members)
        rest_us(200);
    end = now_ns() + (uint64_t)(o->seconds * 1e9);
    while (now_ns() < end) {
        uint64_t got;
        take();
        got = now_ns();
        if (__atomic_add_fetch(&board->holders, 1, __ATOMIC_SEQ_CST) != 1) {
            fprintf(stderr, "two holders of one lock\n");
            exit(1);
        }
        if (board->last != 0 && board->last != o->number + 1)
            add_sample(got - board->released_ns);
        taken++;
        board->last = o->number + 1;
        __atomic_sub_fetch(&board->holders, 1, __ATOMIC_SEQ_CST);
        board->released_ns = now_ns();
        release();
    }
}

static void measure(const struct options *o, void (*take)(void), void (*release)(void))
{
    const uint64_t begin = now_ns();
    double seconds;
    samples = malloc(SAMPLES_MAX * sizeof *samples);
    if (samples == NULL)
        exit(1);
    if (strcmp(o->mode, "share") == 0)
        measure_share(map_board(o->board), o, take, release);
    else
        measure_alone(o->seconds, take, release);
    seconds = (double)(now_ns() - begin) / 1e9;
    qsort(samples, sampled, sizeof *samples, ascending);
    printf("{\"taken\": %" PRIu64 ", \"samples\": %" PRIu64 ", \"per_s\": %.1f, \"p50_us\": %.1f, \"p99_us\": %.1f}\n", taken,
           sampled, (double)taken / seconds, sampled ? (double)samples[sampled / 2] / 1e3 : 0,
           sampled ? (double)samples[sampled * 99 / 100] / 1e3 : 0);
    free(samples);
}

#endif
