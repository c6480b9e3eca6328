/* SPDX-License-Identifier: BSD-3-Clause
 *
 * ckptbench: measure a checkpoint service from a client's point of view.
 *
 *   ckptbench --size BYTES --seconds S [--way all|active|weak] [--do overwrite|write|read]
 *
 * One process, one thread, one section: it calls the function again and again, each time when the last has
 * returned, and prints one JSON object: calls per second, and the latency of a call in microseconds.
 * What is read is checked.  `ckptfigures` runs it on clusters.
 */

#define _POSIX_C_SOURCE 200809L

#include <openais/saCkpt.h>

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define SAMPLES_MAX 4000000

static uint64_t now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static void must(SaAisErrorT error, const char *what)
{
    if (error != SA_AIS_OK) {
        fprintf(stderr, "ckptbench: %s: error %d\n", what, (int)error);
        exit(1);
    }
}

static int ascending(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return x < y ? -1 : x > y;
}

static void usage(void)
{
    fprintf(stderr, "usage: ckptbench --size BYTES --seconds S [--way all|active|weak] [--do overwrite|write|read]\n");
    exit(2);
}

int main(int argc, char **argv)
{
    size_t size = 64;
    double seconds = 2;
    const char *way = "all", *what = "overwrite";
    SaCkptHandleT handle;
    SaCkptCheckpointHandleT checkpoint;
    SaVersionT version = {'B', 1, 1};
    SaCkptCheckpointCreationAttributesT attributes;
    SaCkptSectionIdT section = SA_CKPT_DEFAULT_SECTION_ID;
    SaCkptIOVectorElementT element;
    SaAisErrorT error;
    SaNameT name;
    uint64_t *samples;
    uint64_t count = 0, start, end, last;
    unsigned char *data, *back;
    int i, tries;

    for (i = 1; i + 1 < argc; i += 2) {
        if (strcmp(argv[i], "--size") == 0)
            size = strtoul(argv[i + 1], NULL, 0);
        else if (strcmp(argv[i], "--seconds") == 0)
            seconds = atof(argv[i + 1]);
        else if (strcmp(argv[i], "--way") == 0)
            way = argv[i + 1];
        else if (strcmp(argv[i], "--do") == 0)
            what = argv[i + 1];
        else
            usage();
    }
    if (i != argc || size == 0)
        usage();

    memset(&attributes, 0, sizeof attributes);
    attributes.creationFlags = strcmp(way, "all") == 0      ? SA_CKPT_WR_ALL_REPLICAS
                               : strcmp(way, "active") == 0 ? SA_CKPT_WR_ACTIVE_REPLICA
                                                            : SA_CKPT_WR_ACTIVE_REPLICA_WEAK;
    attributes.checkpointSize = size;
    attributes.maxSections = 1;
    attributes.maxSectionSize = size;

    for (tries = 0; (error = saCkptInitialize(&handle, NULL, &version)) == SA_AIS_ERR_TRY_AGAIN && tries < 500; ++tries) {
        struct timespec wait = {0, 10000000};
        nanosleep(&wait, NULL);
    }
    must(error, "initialize");
    memset(&name, 0, sizeof name);
    name.length = (SaUint16T)snprintf((char *)name.value, sizeof name.value, "bench-%ld", (long)getpid());
    must(saCkptCheckpointOpen(handle, &name, &attributes,
                              SA_CKPT_CHECKPOINT_READ | SA_CKPT_CHECKPOINT_WRITE | SA_CKPT_CHECKPOINT_CREATE,
                              SA_TIME_MAX, &checkpoint),
         "open");

    data = malloc(size);
    back = malloc(size);
    samples = malloc(SAMPLES_MAX * sizeof *samples);
    if (data == NULL || back == NULL || samples == NULL)
        return 1;
    memset(data, 'd', size);
    must(saCkptSectionOverwrite(checkpoint, &section, data, size), "overwrite");
    memset(&element, 0, sizeof element);
    element.dataBuffer = strcmp(what, "read") == 0 ? back : data;
    element.dataSize = size;

    start = last = now_ns();
    end = start + (uint64_t)(seconds * 1e9);
    while (last < end && count < SAMPLES_MAX) {
        uint64_t now;
        if (strcmp(what, "read") == 0)
            must(saCkptCheckpointRead(checkpoint, &element, 1, NULL), "read");
        else if (strcmp(what, "write") == 0)
            must(saCkptCheckpointWrite(checkpoint, &element, 1, NULL), "write");
        else
            must(saCkptSectionOverwrite(checkpoint, &section, data, size), "overwrite");
        now = now_ns();
        samples[count++] = now - last;
        last = now;
    }
    if (strcmp(what, "read") == 0 && (element.readSize != size || memcmp(data, back, size) != 0)) {
        fprintf(stderr, "ckptbench: what was read is not what was written\n");
        return 1;
    }
    qsort(samples, count, sizeof *samples, ascending);
    printf("{\"do\": \"%s\", \"way\": \"%s\", \"size\": %zu, \"calls\": %" PRIu64 ", \"per_s\": %.0f, "
           "\"p50_us\": %.1f, \"p99_us\": %.1f, \"max_us\": %.1f}\n",
           what, way, size, count, (double)count / ((double)(last - start) / 1e9), (double)samples[count / 2] / 1e3,
           (double)samples[count * 99 / 100] / 1e3, (double)samples[count - 1] / 1e3);
    must(saCkptCheckpointClose(checkpoint), "close");
    must(saCkptFinalize(handle), "finalize");
    free(samples);
    free(back);
    free(data);
    return 0;
}
