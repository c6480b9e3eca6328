/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Locks as a program takes them and gives them back.
 * Link: -lSaLck -lsaLck
 */
#include "program.h"

#include <openais/saLck.h>

#include <pthread.h>
#include <string.h>

static int opened;
static int granted;
static int asked_for;
static int unlocked;
static int ends_when_asked;
static SaLckHandleT handle;
static SaLckResourceHandleT resource;
static SaLckLockIdT lock;

static void on_open(SaInvocationT invocation, SaLckResourceHandleT answer, SaAisErrorT error)
{
    if (invocation == 7 && error == SA_AIS_OK) {
        resource = answer;
        opened = 1;
    }
}

static void on_grant(SaInvocationT invocation, SaLckLockStatusT status, SaAisErrorT error)
{
    if (invocation == 8 && status == SA_LCK_LOCK_GRANTED && error == SA_AIS_OK)
        granted = 1;
}

static void on_waiter(SaLckWaiterSignalT signal, SaLckLockIdT id, SaLckLockModeT held, SaLckLockModeT wanted)
{
    if (signal == 42 && id == lock && held == SA_LCK_EX_LOCK_MODE && wanted == SA_LCK_PR_LOCK_MODE)
        asked_for++;
    if (ends_when_asked)
        saLckFinalize(handle);
}

static void on_unlock(SaInvocationT invocation, SaAisErrorT error)
{
    if (invocation == 9 && error == SA_AIS_OK)
        unlocked = 1;
}

static int begin(SaLckHandleT *out, int with_callbacks)
{
    SaVersionT version;
    SaLckCallbacksT callbacks;
    int error;

    callbacks.saLckResourceOpenCallback = on_open;
    callbacks.saLckLockGrantCallback = on_grant;
    callbacks.saLckLockWaiterCallback = on_waiter;
    callbacks.saLckResourceUnlockCallback = on_unlock;
    version.releaseCode = 'B';
    version.majorVersion = 1;
    version.minorVersion = 1;
    do {
        error = saLckInitialize(out, with_callbacks ? &callbacks : NULL, &version);
    } while (error == SA_AIS_ERR_TRY_AGAIN);
    return error;
}

static int open_here(SaLckHandleT which, SaLckResourceHandleT *out)
{
    const SaNameT name = name_of_run();
    int error = saLckResourceOpen(which, &name, SA_LCK_RESOURCE_CREATE, SA_TIME_ONE_SECOND * 20, out);

    return error != SA_AIS_OK ? fail("saLckResourceOpen", error) : 0;
}

static int lock_here(void)
{
    SaLckLockStatusT status;
    int error = saLckResourceLock(resource, &lock, SA_LCK_EX_LOCK_MODE, 0, 1, SA_TIME_ONE_SECOND * 20, &status);

    if (error != SA_AIS_OK || status != SA_LCK_LOCK_GRANTED)
        return fail("saLckResourceLock", error);
    return 0;
}

static int use_sync(void)
{
    SaLckFenceT first;
    SaLckFenceT second;
    SaLckLockStatusT status;
    SaLckLockIdT other;
    int error;

    if (open_here(handle, &resource) != 0 || lock_here() != 0)
        return 1;
    error = saLckResourceLock(resource, &other, SA_LCK_EX_LOCK_MODE, 0, 1, SA_TIME_ONE_SECOND, &status);
    if (error != SA_AIS_OK || status != SA_LCK_LOCK_DUPLICATE_EX)
        return fail("a second exclusive lock", error);
    error = saLckLockFenceGet(lock, &first);
    if (error != SA_AIS_OK)
        return fail("saLckLockFenceGet", error);
    error = saLckResourceUnlock(lock, SA_TIME_ONE_SECOND * 20);
    if (error != SA_AIS_OK)
        return fail("saLckResourceUnlock", error);
    if (lock_here() != 0)
        return 1;
    error = saLckLockFenceGet(lock, &second);
    if (error != SA_AIS_OK || saLckFenceCompare(&second, &first) <= 0)
        return fail("the number has not grown", error);
    return 0;
}

static int wait_for(const int *what)
{
    return dispatch_until(what, handle, saLckSelectionObjectGet, saLckDispatch);
}

static int use_poll(void)
{
    const SaNameT name = name_of_run();
    int error = saLckResourceOpenAsync(handle, 7, &name, SA_LCK_RESOURCE_CREATE);

    if (error != SA_AIS_OK)
        return fail("saLckResourceOpenAsync", error);
    if (wait_for(&opened) != 0)
        return 1;
    error = saLckResourceLockAsync(resource, 8, &lock, SA_LCK_EX_LOCK_MODE, 0, 1);
    if (error != SA_AIS_OK)
        return fail("saLckResourceLockAsync", error);
    if (wait_for(&granted) != 0)
        return 1;
    error = saLckResourceUnlockAsync(9, lock);
    if (error != SA_AIS_OK)
        return fail("saLckResourceUnlockAsync", error);
    return wait_for(&unlocked);
}

static int dispatched;

static void *dispatch(void *unused)
{
    (void)unused;
    dispatched = saLckDispatch(handle, SA_DISPATCH_BLOCKING);
    return NULL;
}

/* One association holds, another one waits, until the holder hears of it and goes. */
static int use_thread(void)
{
    pthread_t thread;
    SaLckHandleT other;
    SaLckResourceHandleT same;
    SaLckLockIdT id;
    SaLckLockStatusT status;
    int error;

    ends_when_asked = 1;
    if (open_here(handle, &resource) != 0 || lock_here() != 0)
        return 1;
    error = begin(&other, 0);
    if (error != SA_AIS_OK)
        return fail("saLckInitialize", error);
    if (open_here(other, &same) != 0)
        return 1;
    if (pthread_create(&thread, NULL, dispatch, NULL) != 0)
        return fail("pthread_create", 0);
    error = saLckResourceLock(same, &id, SA_LCK_PR_LOCK_MODE, 0, 42, SA_TIME_ONE_SECOND * 20, &status);
    if (error != SA_AIS_OK || status != SA_LCK_LOCK_GRANTED)
        return fail("saLckResourceLock", error);
    pthread_join(thread, NULL);
    if (dispatched != SA_AIS_OK || asked_for != 1)
        return fail("saLckDispatch", dispatched);
    error = saLckFinalize(other);
    return error != SA_AIS_OK ? fail("saLckFinalize", error) : 0;
}

int main(int argc, char **argv)
{
    const char *way = argc > 1 ? argv[1] : "sync";
    int error = begin(&handle, 1);

    if (error != SA_AIS_OK)
        return fail("saLckInitialize", error);
    if (strcmp(way, "thread") == 0)
        return use_thread();
    if ((strcmp(way, "poll") == 0 ? use_poll() : use_sync()) != 0)
        return 1;
    error = saLckResourceClose(resource);
    if (error != SA_AIS_OK)
        return fail("saLckResourceClose", error);
    error = saLckFinalize(handle);
    return error != SA_AIS_OK ? fail("saLckFinalize", error) : 0;
}
