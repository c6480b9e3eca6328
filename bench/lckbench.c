/* SPDX-License-Identifier: BSD-3-Clause
 *
 * lckbench: measure the lock service; lockmeasure.h says what and how, `services_compare` runs it on a cluster.
 */

#define _POSIX_C_SOURCE 200809L

#include "lockmeasure.h"

#include <openais/saLck.h>

static SaLckHandleT lck;
static SaLckResourceHandleT resource;
static SaLckLockIdT lock;

static int must_repeat(SaAisErrorT error, const char *what)
{
    if (error == SA_AIS_ERR_TRY_AGAIN) {
        rest_us(20);
        return 1;
    }
    if (error != SA_AIS_OK) {
        fprintf(stderr, "lckbench: %s: error %d\n", what, (int)error);
        exit(1);
    }
    return 0;
}

static void open_resource(const char *kind, unsigned number)
{
    SaNameT name;
    memset(&name, 0, sizeof name);
    name.length = (SaUint16T)snprintf((char *)name.value, sizeof name.value, "lckbench-%s-%u", kind, number);
    while (must_repeat(saLckResourceOpen(lck, &name, SA_LCK_RESOURCE_CREATE, SA_TIME_MAX, &resource), "open")) {
    }
}

static void take(void)
{
    SaLckLockStatusT status;
    while (must_repeat(saLckResourceLock(resource, &lock, SA_LCK_EX_LOCK_MODE, 0, 0, SA_TIME_MAX, &status), "lock")) {
    }
    if (status != SA_LCK_LOCK_GRANTED) {
        fprintf(stderr, "lckbench: lock: status %d\n", (int)status);
        exit(1);
    }
}

static void release(void)
{
    while (must_repeat(saLckResourceUnlock(lock, SA_TIME_MAX), "unlock")) {
    }
}

int main(int argc, char **argv)
{
    const struct options options = read_options(argc, argv);
    SaVersionT version = {'B', 1, 1};
    unsigned i;

    while (must_repeat(saLckInitialize(&lck, NULL, &version), "initialize")) {
    }
    if (strcmp(options.mode, "hold") == 0) {
        for (i = 0; i < options.locks; ++i) {
            open_resource("held", options.number + i);
            take();
        }
        wait_for_end_of_input();
    } else {
        open_resource(options.mode, options.board != NULL ? 0 : options.number);
        measure(&options, take, release);
    }
    while (must_repeat(saLckFinalize(lck), "finalize")) {
    }
    return 0;
}
