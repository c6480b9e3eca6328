/* SPDX-License-Identifier: BSD-3-Clause
 *
 * counter_load NAME COUNT: add 1, COUNT times, one after the other; print each 500th
 * value, the last one, and to standard error the longest time that an addition took.
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
        if (i % 500 == 0) {
            printf("%ld\n", i);
            fflush(stdout);
        }
    }
    if (error != COUNTER_OK) {
        fprintf(stderr, "counter_load: %s after %ld additions\n", counter_error_text(error), i);
        return 1;
    }
    printf("%" PRId64 "\n", value);
    fprintf(stderr, "longest %.3f ms\n", 1e3 * longest);
    return counter_close(handle) == COUNTER_OK ? 0 : 1;
}
