/* SPDX-License-Identifier: BSD-3-Clause
 *
 * What the programs of this folder do alike.
 */
#ifndef PROGRAM_H
#define PROGRAM_H

#include <openais/saAis.h>

#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static inline int fail(const char *what, int error)
{
    fprintf(stderr, "%s: %d\n", what, error);
    return 1;
}

/* A name that no other run of a program uses. */
static inline SaNameT name_of_run(void)
{
    SaNameT name;

    memset(&name, 0, sizeof name);
    name.length = (SaUint16T)snprintf((char *)name.value, sizeof name.value, "programs-%ld", (long)getpid());
    return name;
}

/* Dispatch what the selection object of `handle` announces until a callback has changed *what. */
static inline int dispatch_until(const int *what, SaUint64T handle,
                                 SaAisErrorT (*selection_object_get)(SaUint64T, SaSelectionObjectT *),
                                 SaAisErrorT (*dispatch)(SaUint64T, SaDispatchFlagsT))
{
    SaSelectionObjectT fd;
    int error = selection_object_get(handle, &fd);

    if (error != SA_AIS_OK)
        return fail("SelectionObjectGet", error);
    while (*what == 0) {
        struct pollfd wait;

        wait.fd = (int)fd;
        wait.events = POLLIN;
        if (poll(&wait, 1, 20000) != 1)
            return fail("poll", *what);
        error = dispatch(handle, SA_DISPATCH_ALL);
        if (error != SA_AIS_OK)
            return fail("Dispatch", error);
    }
    return 0;
}

#endif
