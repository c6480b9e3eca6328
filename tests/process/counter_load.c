/* SPDX-License-Identifier: BSD-3-Clause
 *
 * counter_load NAME COUNT: add 1, COUNT times, one after the other; after each 50th print how many
 * and the longest time in ms that one of them took; then the last value.
 */
#define _POSIX_C_SOURCE 200809L
#include <counter.h>

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static double now(void)
{
    struct timespec at;
    clock_gettime(CLOCK_MONOTONIC, &at);
    return (double)at.tv_sec + 1e-9 * (double)at.tv_nsec;
}

int main(int argc, char **argv)
{
    counter_handle_t handle;
    counter_error_t error;
    int64_t value = 0;
    double longest = 0;
    long count = argc == 3 ? strtol(argv[2], NULL, 10) : 0;
    long i;

    if (count <= 0)
        return 2;
    error = counter_open(&handle);
    for (i = 1; error == COUNTER_OK && i <= count; ++i) {
        const double begun = now();
        do {
            error = counter_add(handle, argv[1], 1, &value);
        } while (error == COUNTER_ERR_TRY_AGAIN);
        if (now() - begun > longest)
            longest = now() - begun;
        if (i % 50 == 0) {
            printf("%ld %.3f\n", i, 1e3 * longest);
            fflush(stdout);
        }
    }
    if (error != COUNTER_OK) {
        fprintf(stderr, "counter_load: %s after %ld additions\n", counter_error_text(error), i);
        return 1;
    }
    printf("%" PRId64 "\n", value);
    return counter_close(handle) == COUNTER_OK ? 0 : 1;
}
