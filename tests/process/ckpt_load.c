/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Checkpoints in numbers, for tests of what happens to them meanwhile.
 *
 *   ckpt_load fill COUNT SECTIONS SIZE    make COUNT checkpoints "full-N" of SECTIONS sections of SIZE bytes, and stay
 *                                         until the standard input ends
 *   ckpt_load check COUNT SECTIONS SIZE   read all of that: the bytes must be those that `fill` wrote
 *   ckpt_load work NAME                   write to one checkpoint and read it back, until the standard input ends:
 *                                         what is read must be what was written last, and no write may mix with another
 *
 * Tries again what shall be tried again and fails at any other error.  `work` prints "COUNT LONGEST AGAIN" over and over:
 * writes so far, the longest call in ms with its repetitions, and how often it was told to try again.
 */
#define _POSIX_C_SOURCE 200809L
#include <openais/saCkpt.h>

#define PROGRAM "ckpt_load"
#include "load.h"

#define PAIR 2
#define PAIR_SIZE 3000

static SaCkptHandleT handle;

static SaCkptCheckpointHandleT open_checkpoint(SaNameT name, SaUint32T sections, SaSizeT size, int creates)
{
    SaCkptCheckpointHandleT checkpoint = 0;
    SaCkptCheckpointCreationAttributesT attributes;
    SaCkptCheckpointOpenFlagsT flags = SA_CKPT_CHECKPOINT_READ | SA_CKPT_CHECKPOINT_WRITE;

    memset(&attributes, 0, sizeof attributes);
    attributes.creationFlags = SA_CKPT_WR_ALL_REPLICAS;
    attributes.checkpointSize = sections * size;
    attributes.retentionDuration = SA_TIME_ONE_HOUR;
    attributes.maxSections = sections;
    attributes.maxSectionSize = size;
    attributes.maxSectionIdSize = 8;
    if (creates)
        flags |= SA_CKPT_CHECKPOINT_CREATE;
    while (must_repeat(saCkptCheckpointOpen(handle, &name, creates ? &attributes : NULL, flags, SA_TIME_MAX, &checkpoint),
                       "open")) {
    }
    return checkpoint;
}

static SaCkptSectionIdT id_of(SaUint32T section, SaUint8T bytes[2])
{
    SaCkptSectionIdT id;
    bytes[0] = (SaUint8T)('a' + section / 26 % 26);
    bytes[1] = (SaUint8T)('a' + section % 26);
    id.idLen = 2;
    id.id = bytes;
    return id;
}

/* A section that differs from all others, in all of its parts. */
static void paint(unsigned char *data, SaSizeT size, long checkpoint, SaUint32T section)
{
    SaUint64T state = (SaUint64T)checkpoint * 1000003u + section + 1;
    SaSizeT at;
    for (at = 0; at < size; ++at) {
        state = state * 6364136223846793005u + 1442695040888963407u;
        data[at] = (unsigned char)(state >> 56);
    }
}

static void fill(long count, SaUint32T sections, SaSizeT size)
{
    unsigned char *data = malloc(size);
    long i;
    for (i = 0; data != NULL && i < count; ++i) {
        const SaCkptCheckpointHandleT checkpoint = open_checkpoint(name_of("full", i), sections, size, 1);
        SaUint32T s;
        for (s = 0; s < sections; ++s) {
            SaUint8T bytes[2];
            SaCkptSectionIdT id = id_of(s, bytes);
            SaCkptSectionCreationAttributesT section = {&id, SA_TIME_END};
            const SaCkptSectionIdT only = SA_CKPT_DEFAULT_SECTION_ID;
            paint(data, size, i, s);
            while (must_repeat(sections == 1 ? saCkptSectionOverwrite(checkpoint, &only, data, size)
                                             : saCkptSectionCreate(checkpoint, &section, data, size), "write")) {
            }
        }
        while (must_repeat(saCkptCheckpointClose(checkpoint), "close")) {
        }
    }
    free(data);
    printf("filled\n");
    fflush(stdout);
    while (!input_has_ended()) {
        struct pollfd in = {STDIN_FILENO, POLLIN, 0};
        poll(&in, 1, -1);
    }
}

static void check(long count, SaUint32T sections, SaSizeT size)
{
    unsigned char *data = malloc(size), *back = malloc(size);
    long i;
    for (i = 0; data != NULL && back != NULL && i < count; ++i) {
        const SaCkptCheckpointHandleT checkpoint = open_checkpoint(name_of("full", i), sections, size, 0);
        SaUint32T s;
        for (s = 0; s < sections; ++s) {
            SaUint8T bytes[2];
            SaCkptIOVectorElementT element;
            memset(&element, 0, sizeof element);
            if (sections > 1)
                element.sectionId = id_of(s, bytes);
            element.dataBuffer = back;
            element.dataSize = size;
            while (must_repeat(saCkptCheckpointRead(checkpoint, &element, 1, NULL), "read")) {
            }
            paint(data, size, i, s);
            if (element.readSize != size || memcmp(data, back, size) != 0) {
                fprintf(stderr, "ckpt_load: section %u of checkpoint %ld is not what was written\n", s, i);
                exit(1);
            }
        }
        while (must_repeat(saCkptCheckpointClose(checkpoint), "close")) {
        }
    }
    free(data);
    free(back);
    printf("equal\n");
}

static void work(const char *name)
{
    const SaCkptCheckpointHandleT checkpoint = open_checkpoint(name_of(name, -1), PAIR, PAIR_SIZE, 1);
    static unsigned char data[PAIR][PAIR_SIZE], back[PAIR][PAIR_SIZE];
    SaUint8T bytes[PAIR][2];
    SaCkptIOVectorElementT out[PAIR], in[PAIR];
    double longest = 0, told = now();
    long count = 0;
    SaUint32T s;

    memset(out, 0, sizeof out);
    for (s = 0; s < PAIR; ++s) {
        SaCkptSectionIdT id = id_of(s, bytes[s]);
        SaCkptSectionCreationAttributesT section = {&id, SA_TIME_END};
        while (must_repeat(saCkptSectionCreate(checkpoint, &section, data[s], PAIR_SIZE), "section")) {
        }
        out[s].sectionId = id;
        out[s].dataBuffer = data[s];
        out[s].dataSize = PAIR_SIZE;
        in[s] = out[s];
        in[s].dataBuffer = back[s];
    }
    while (!input_has_ended()) {
        double begun = now();
        memset(data, 1 + (int)(count % 251), sizeof data);
        while (must_repeat(saCkptCheckpointWrite(checkpoint, out, PAIR, NULL), "write")) {
        }
        if (now() - begun > longest)
            longest = now() - begun;
        begun = now();
        while (must_repeat(saCkptCheckpointRead(checkpoint, in, PAIR, NULL), "read")) {
        }
        if (now() - begun > longest)
            longest = now() - begun;
        if (memcmp(data, back, sizeof data) != 0 || in[0].readSize != PAIR_SIZE || in[1].readSize != PAIR_SIZE) {
            fprintf(stderr, "ckpt_load: write %ld is not what is read after it: %d and %d for %d\n", count, back[0][0], back[1][0],
                    data[0][0]);
            exit(1);
        }
        count++;
        if (count == 1 || now() - told > 0.05) {
            printf("%ld %.3f %ld\n", count, 1e3 * longest, again);
            fflush(stdout);
            told = now();
        }
    }
    printf("%ld %.3f %ld\n", count, 1e3 * longest, again);
    while (must_repeat(saCkptCheckpointClose(checkpoint), "close")) {
    }
}

int main(int argc, char **argv)
{
    SaVersionT version = {'B', 1, 1};
    const int has_size = argc == 5;

    if (!(argc == 3 && strcmp(argv[1], "work") == 0) &&
        !(has_size && (strcmp(argv[1], "fill") == 0 || strcmp(argv[1], "check") == 0)))
        return 2;
    while (must_repeat(saCkptInitialize(&handle, NULL, &version), "initialize")) {
    }
    if (!has_size)
        work(argv[2]);
    else if (strcmp(argv[1], "fill") == 0)
        fill(atol(argv[2]), (SaUint32T)atol(argv[3]), strtoul(argv[4], NULL, 10));
    else
        check(atol(argv[2]), (SaUint32T)atol(argv[3]), strtoul(argv[4], NULL, 10));
    while (must_repeat(saCkptFinalize(handle), "finalize")) {
    }
    return 0;
}
