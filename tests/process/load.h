/* SPDX-License-Identifier: BSD-3-Clause
 *
 * What the programs that put load on one service share.  Define PROGRAM, their name, before.
 */
#ifndef LOAD_H
#define LOAD_H

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static long again; /* times that a call was to be made again */

static double now(void)
{
    struct timespec at;
    clock_gettime(CLOCK_MONOTONIC, &at);
    return (double)at.tv_sec + 1e-9 * (double)at.tv_nsec;
}

/* Whether a call is to be made again; ends the program if it failed. */
static int must_repeat(SaAisErrorT error, const char *what)
{
    if (error == SA_AIS_ERR_TRY_AGAIN) {
        const struct timespec wait = {0, 1000000};
        again++;
        nanosleep(&wait, NULL);
        return 1;
    }
    if (error != SA_AIS_OK) {
        fprintf(stderr, PROGRAM ": %s: error %d\n", what, (int)error);
        exit(1);
    }
    return 0;
}

static int input_has_ended(void)
{
    struct pollfd in = {STDIN_FILENO, POLLIN, 0};
    char byte;
    return poll(&in, 1, 0) == 1 && read(STDIN_FILENO, &byte, 1) <= 0;
}

static SaNameT name_of(const char *text, long number)
{
    SaNameT name;
    memset(&name, 0, sizeof name);
    name.length = (SaUint16T)(number < 0 ? snprintf((char *)name.value, sizeof name.value, "%s", text)
                                         : snprintf((char *)name.value, sizeof name.value, "%s-%ld", text, number));
    return name;
}

#endif
