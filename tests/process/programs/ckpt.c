/* SPDX-License-Identifier: BSD-3-Clause
 *
 * A checkpoint as a program writes it and reads it back.
 * Link: -lSaCkpt -lsaCkpt
 */
#include "program.h"

#include <openais/saCkpt.h>

#include <poll.h>
#include <pthread.h>
#include <string.h>

enum { opening = 7, synchronizing, ending };

static int answers;
static SaCkptHandleT handle;
static SaCkptCheckpointHandleT checkpoint;

static void on_open(SaInvocationT invocation, SaCkptCheckpointHandleT opened, SaAisErrorT error)
{
    if (invocation == opening && error == SA_AIS_OK) {
        checkpoint = opened;
        answers++;
    }
}

static void on_synchronized(SaInvocationT invocation, SaAisErrorT error)
{
    if (invocation == synchronizing && error == SA_AIS_OK)
        answers++;
    /* The thread ends when its handle does. */
    if (invocation == ending)
        saCkptFinalize(handle);
}

static SaCkptCheckpointCreationAttributesT two_sections(void)
{
    SaCkptCheckpointCreationAttributesT attributes;

    memset(&attributes, 0, sizeof attributes);
    attributes.creationFlags = SA_CKPT_WR_ACTIVE_REPLICA;
    attributes.checkpointSize = 2000;
    attributes.retentionDuration = 0;
    attributes.maxSections = 2;
    attributes.maxSectionSize = 1000;
    attributes.maxSectionIdSize = 8;
    return attributes;
}

#define WAYS_IN (SA_CKPT_CHECKPOINT_READ | SA_CKPT_CHECKPOINT_WRITE | SA_CKPT_CHECKPOINT_CREATE)

static int begin(void)
{
    SaVersionT version;
    SaCkptCallbacksT callbacks;
    int error;

    callbacks.saCkptCheckpointOpenCallback = on_open;
    callbacks.saCkptCheckpointSynchronizeCallback = on_synchronized;
    version.releaseCode = 'B';
    version.majorVersion = 1;
    version.minorVersion = 1;
    do {
        error = saCkptInitialize(&handle, &callbacks, &version);
    } while (error == SA_AIS_ERR_TRY_AGAIN);
    return error;
}

static int open_here(void)
{
    const SaNameT name = name_of_run();
    const SaCkptCheckpointCreationAttributesT attributes = two_sections();

    return saCkptCheckpointOpen(handle, &name, &attributes, WAYS_IN, SA_TIME_ONE_SECOND * 20, &checkpoint);
}

/* One section: create, write a part of it, read all of it. */
static int write_and_read(void)
{
    SaUint8T id_bytes[] = {'o', 'n', 'e'};
    char back[32];
    SaCkptSectionIdT id;
    SaCkptSectionCreationAttributesT section;
    SaCkptIOVectorElementT element;
    SaUint32T wrong = 0;
    int error;

    id.idLen = sizeof id_bytes;
    id.id = id_bytes;
    section.sectionId = &id;
    section.expirationTime = SA_TIME_END;
    error = saCkptSectionCreate(checkpoint, &section, "state: 1", 8);
    if (error != SA_AIS_OK)
        return fail("saCkptSectionCreate", error);
    memset(&element, 0, sizeof element);
    element.sectionId = id;
    element.dataBuffer = (void *)"2";
    element.dataSize = 1;
    element.dataOffset = 7;
    error = saCkptCheckpointWrite(checkpoint, &element, 1, &wrong);
    if (error != SA_AIS_OK)
        return fail("saCkptCheckpointWrite", error);
    element.dataBuffer = back;
    element.dataSize = sizeof back;
    element.dataOffset = 0;
    error = saCkptCheckpointRead(checkpoint, &element, 1, &wrong);
    if (error != SA_AIS_OK || element.readSize != 8 || memcmp(back, "state: 2", 8) != 0)
        return fail("saCkptCheckpointRead", error);
    return 0;
}

static int use_sync(void)
{
    SaCkptCheckpointDescriptorT status;
    int error = open_here();

    if (error != SA_AIS_OK)
        return fail("saCkptCheckpointOpen", error);
    if (write_and_read() != 0)
        return 1;
    error = saCkptCheckpointStatusGet(checkpoint, &status);
    if (error != SA_AIS_OK || status.numberOfSections != 1 || status.memoryUsed != 8)
        return fail("saCkptCheckpointStatusGet", error);
    return 0;
}

static int wait_answers(int count)
{
    SaSelectionObjectT fd;
    int error = saCkptSelectionObjectGet(handle, &fd);

    if (error != SA_AIS_OK)
        return fail("saCkptSelectionObjectGet", error);
    while (answers < count) {
        struct pollfd wait;

        wait.fd = (int)fd;
        wait.events = POLLIN;
        if (poll(&wait, 1, 20000) != 1)
            return fail("poll", answers);
        error = saCkptDispatch(handle, SA_DISPATCH_ALL);
        if (error != SA_AIS_OK)
            return fail("saCkptDispatch", error);
    }
    return 0;
}

static int use_poll(void)
{
    const SaNameT name = name_of_run();
    const SaCkptCheckpointCreationAttributesT attributes = two_sections();
    int error = saCkptCheckpointOpenAsync(handle, opening, &name, &attributes, WAYS_IN);

    if (error != SA_AIS_OK)
        return fail("saCkptCheckpointOpenAsync", error);
    if (wait_answers(1) != 0 || write_and_read() != 0)
        return 1;
    error = saCkptCheckpointSynchronizeAsync(checkpoint, synchronizing);
    return error != SA_AIS_OK ? fail("saCkptCheckpointSynchronizeAsync", error) : wait_answers(2);
}

static int dispatched;

static void *dispatch(void *unused)
{
    (void)unused;
    dispatched = saCkptDispatch(handle, SA_DISPATCH_BLOCKING);
    return NULL;
}

static int use_thread(void)
{
    pthread_t thread;
    SaInvocationT i;
    int error = open_here();

    if (error != SA_AIS_OK)
        return fail("saCkptCheckpointOpen", error);
    if (pthread_create(&thread, NULL, dispatch, NULL) != 0)
        return fail("pthread_create", 0);
    if (write_and_read() != 0)
        return 1;
    for (i = synchronizing; i <= ending; i++) {
        error = saCkptCheckpointSynchronizeAsync(checkpoint, i);
        /* The second answer may have ended the handle before the call is back. */
        if (error != SA_AIS_OK && !(i == ending && error == SA_AIS_ERR_BAD_HANDLE))
            return fail("saCkptCheckpointSynchronizeAsync", error);
    }
    pthread_join(thread, NULL);
    return dispatched != SA_AIS_OK || answers != 1 ? fail("saCkptDispatch", dispatched) : 0;
}

int main(int argc, char **argv)
{
    const char *way = argc > 1 ? argv[1] : "sync";
    int error = begin();

    if (error != SA_AIS_OK)
        return fail("saCkptInitialize", error);
    if (strcmp(way, "thread") == 0)
        return use_thread();
    if ((strcmp(way, "poll") == 0 ? use_poll() : use_sync()) != 0)
        return 1;
    error = saCkptCheckpointClose(checkpoint);
    if (error != SA_AIS_OK)
        return fail("saCkptCheckpointClose", error);
    error = saCkptFinalize(handle);
    return error != SA_AIS_OK ? fail("saCkptFinalize", error) : 0;
}
