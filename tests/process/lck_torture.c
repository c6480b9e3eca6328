/* SPDX-License-Identifier: BSD-3-Clause
 *
 * A client of lck_torture.py: locks one of the resources after the other, and writes into a file of
 * that resource, guarded by the fencing number, when it begins and when it is about to end.
 *
 *     lck_torture DIRECTORY NAME RESOURCES SEED
 *
 * A line is "B number name" or "E number name", and "U number name" when the lock was given back, with
 * whatever number was last.  One lock of fifty is held long enough for a division.  It ends with 3 when it sees what cannot be: a number
 * that is refused by a later one of the same ring.  SIGTERM ends it in order; then it prints how many
 * locks it has had, how many it has lost, how often its number was refused, and how
 * many locks had another number in the end: they were kept through a merge.
 */
#define _GNU_SOURCE
#include <openais/saLck.h>

#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#define RESOURCES_MAX 100
#define LINE_MAX_SIZE 128

static volatile sig_atomic_t is_over;
static const char *directory;
static const char *own_name;
static unsigned chance;
static unsigned long locks, losses, refusals, merges;

static void on_term(int number)
{
    (void)number;
    is_over = 1;
}

static unsigned random_below(unsigned bound)
{
    return (unsigned)rand_r(&chance) % bound;
}

static int is_of_one_ring(const SaLckFenceT *a, const SaLckFenceT *b)
{
    return a->high == b->high && a->low >> 48 == b->low >> 48;
}

/* The number of the last line; 0 if there is none. */
static SaLckFenceT last_number(int fd)
{
    char text[LINE_MAX_SIZE + 1];
    SaLckFenceT number = {0, 0};
    off_t size = lseek(fd, 0, SEEK_END);
    off_t from = size > LINE_MAX_SIZE ? size - LINE_MAX_SIZE : 0;
    ssize_t got = pread(fd, text, (size_t)(size - from), from);
    char *line;

    if (got <= 0)
        return number;
    text[got - 1] = '\0'; /* the last newline */
    line = strrchr(text, '\n');
    line = line != NULL ? line + 1 : text;
    if (sscanf(line, "%*c %16" SCNx64 "%16" SCNx64, &number.high, &number.low) != 2) {
        fprintf(stderr, "%s: a line that is none: %s\n", own_name, line);
        exit(3);
    }
    return number;
}

/* B and E with `mine`; U: none.  1: written; 0: refused, somebody else has had a later number. */
static int write_guarded(int resource, char what, const SaLckFenceT *mine)
{
    char path[512];
    char line[LINE_MAX_SIZE];
    SaLckFenceT seen;
    int fd;
    int length;
    int is_later;

    snprintf(path, sizeof path, "%s/resource-%d", directory, resource);
    fd = open(path, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
    if (fd < 0 || flock(fd, LOCK_EX) != 0) {
        perror(path);
        exit(1);
    }
    seen = last_number(fd);
    if (mine == NULL)
        mine = &seen;
    is_later = saLckFenceCompare(&seen, mine);
    if (is_later > 0) {
        close(fd);
        if (is_of_one_ring(&seen, mine)) {
            fprintf(stderr, "%s: resource %d: %016" PRIx64 "%016" PRIx64 " was granted while this has it\n", own_name,
                    resource, seen.high, seen.low);
            exit(3);
        }
        refusals++;
        return 0;
    }
    length = snprintf(line, sizeof line, "%c %016" PRIx64 "%016" PRIx64 " %s\n", what, mine->high, mine->low, own_name);
    if (write(fd, line, (size_t)length) != length) {
        perror(path);
        exit(1);
    }
    close(fd);
    return 1;
}

/* OK: held; NOT_EXIST: lost. */
static SaAisErrorT ask_number(SaLckLockIdT id, SaLckFenceT *fence)
{
    SaAisErrorT error;

    do {
        error = saLckLockFenceGet(id, fence);
    } while (error == SA_AIS_ERR_TRY_AGAIN && !is_over);
    return error;
}

/* What does not end with OK ends the association. */
static SaAisErrorT use_lock(SaLckResourceHandleT handle, int resource)
{
    SaLckLockIdT id;
    SaLckLockStatusT status;
    SaLckFenceT fence;
    int has_ended = 0;
    SaTimeT timeout = (SaTimeT)(1 + random_below(2000)) * SA_TIME_ONE_MILLISECOND;
    SaLckLockFlagsT flags = random_below(10) == 0 ? SA_LCK_LOCK_NO_QUEUE : 0;
    SaAisErrorT error = saLckResourceLock(handle, &id, SA_LCK_EX_LOCK_MODE, flags, 0, timeout, &status);

    if (error == SA_AIS_ERR_TRY_AGAIN || error == SA_AIS_ERR_TIMEOUT)
        return SA_AIS_OK;
    if (error != SA_AIS_OK || status != SA_LCK_LOCK_GRANTED)
        return error;
    locks++;
    error = ask_number(id, &fence);
    if (error == SA_AIS_OK && write_guarded(resource, 'B', &fence)) {
        SaLckFenceT before = fence;

        usleep(random_below(50) == 0 ? random_below(1500000) : random_below(3000));
        error = ask_number(id, &fence);
        if (error == SA_AIS_OK) {
            has_ended = write_guarded(resource, 'E', &fence);
            merges += saLckFenceCompare(&before, &fence) != 0;
        }
    }
    if (error == SA_AIS_ERR_NOT_EXIST) {
        losses++;
        return SA_AIS_OK;
    }
    if (error != SA_AIS_OK)
        return error;
    do {
        error = saLckResourceUnlock(id, SA_TIME_ONE_SECOND * 30);
    } while (error == SA_AIS_ERR_TRY_AGAIN && !is_over);
    if (error == SA_AIS_OK && has_ended)
        write_guarded(resource, 'U', NULL);
    if (error == SA_AIS_ERR_NOT_EXIST) {
        losses++;
        error = SA_AIS_OK;
    }
    return error;
}

static void use_association(SaLckHandleT handle, int resources)
{
    SaLckResourceHandleT handles[RESOURCES_MAX] = {0};

    while (!is_over) {
        int resource = (int)random_below((unsigned)resources);
        SaAisErrorT error;

        if (handles[resource] == 0) {
            SaNameT name;

            memset(&name, 0, sizeof name);
            name.length = (SaUint16T)snprintf((char *)name.value, sizeof name.value, "torture-%d", resource);
            error = saLckResourceOpen(handle, &name, SA_LCK_RESOURCE_CREATE, SA_TIME_ONE_SECOND * 10, &handles[resource]);
            if (error == SA_AIS_ERR_TRY_AGAIN || error == SA_AIS_ERR_TIMEOUT)
                continue;
            if (error != SA_AIS_OK)
                return;
        }
        error = use_lock(handles[resource], resource);
        if (error != SA_AIS_OK && error != SA_AIS_ERR_LIBRARY && error != SA_AIS_ERR_TIMEOUT) {
            fprintf(stderr, "%s: error %d\n", own_name, (int)error);
            exit(3);
        }
        if (error != SA_AIS_OK)
            return;
        usleep(random_below(30000)); /* so that the machine has time for faults */
    }
}

int main(int argc, char **argv)
{
    struct sigaction action;
    int resources;

    if (argc != 5)
        return 2;
    directory = argv[1];
    own_name = argv[2];
    resources = atoi(argv[3]);
    chance = (unsigned)strtoul(argv[4], NULL, 10);
    if (resources < 1 || resources > RESOURCES_MAX)
        return 2;
    memset(&action, 0, sizeof action);
    action.sa_handler = on_term;
    sigaction(SIGTERM, &action, NULL);
    while (!is_over) {
        SaLckHandleT handle;
        SaVersionT version = {'B', 1, 1};

        /* The executive may be away for a while. */
        if (saLckInitialize(&handle, NULL, &version) != SA_AIS_OK) {
            usleep(20000);
            continue;
        }
        use_association(handle, resources);
        saLckFinalize(handle);
    }
    printf("%lu %lu %lu %lu\n", locks, losses, refusals, merges);
    return 0;
}
