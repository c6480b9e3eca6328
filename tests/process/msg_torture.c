/* SPDX-License-Identifier: BSD-3-Clause
 *
 * A client of msg_torture.py: sends jobs to a group of queues, or takes them out and writes down
 * which.
 *
 *     msg_torture send|get DIRECTORY NAME QUEUES SEED
 *
 * A job is "sender number priority", filled up; a sender is one association of one producer.  Lines
 * of DIRECTORY/NAME.log, with the time of CLOCK_MONOTONIC in ns:
 *
 *     T sender number priority time     about to send it
 *     S sender number priority time     sent with OK
 *     O queue session time              opened, and in the group; a session is one open
 *     G queue session sender number priority time    got
 *     M queue session sender number priority time    perhaps got: the executive was gone
 *     X session time                    the association broke
 *
 * Get copies a job into DIRECTORY/NAME.slot, which is mapped: so the observer sees what this process
 * had when it was killed between Get and the line.  It ends with 3 when it sees what cannot be.
 * SIGTERM ends it in order.
 */
#define _GNU_SOURCE
#include <openais/saMsg.h>

#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#define JOB_SIZE_MAX 2048
#define AREA_SIZE 65536
#define PRIORITIES 4
/* Jobs of one session, then another queue. */
#define SESSION_MAX 60

static volatile sig_atomic_t is_over;
static const char *own_name;
static int log_fd;
static int queues;
static char *slot;
static unsigned chance;
static unsigned associations, sessions;

static void on_term(int number)
{
    (void)number;
    is_over = 1;
}

static unsigned random_below(unsigned bound)
{
    return (unsigned)rand_r(&chance) % bound;
}

static long long now(void)
{
    struct timespec time;

    clock_gettime(CLOCK_MONOTONIC, &time);
    return time.tv_sec * 1000000000LL + time.tv_nsec;
}

static void note(const char *format, ...) __attribute__((format(printf, 1, 2)));
static void note(const char *format, ...)
{
    char line[512];
    va_list arguments;
    int length;

    va_start(arguments, format);
    length = vsnprintf(line, sizeof line, format, arguments);
    va_end(arguments);
    length += snprintf(line + length, sizeof line - (size_t)length, " %lld\n", now());
    if (write(log_fd, line, (size_t)length) != length) {
        perror(own_name);
        exit(1);
    }
}

static void unexpected(const char *what, SaAisErrorT error)
{
    fprintf(stderr, "%s: %s: error %d\n", own_name, what, (int)error);
    exit(3);
}

static SaNameT name_of(const char *what, int number)
{
    SaNameT name;

    memset(&name, 0, sizeof name);
    if (number < 0)
        name.length = (SaUint16T)snprintf((char *)name.value, sizeof name.value, "%s", what);
    else
        name.length = (SaUint16T)snprintf((char *)name.value, sizeof name.value, "%s-%d", what, number);
    return name;
}

/* Until the association breaks. */
static void produce(SaMsgHandleT handle)
{
    unsigned long number[PRIORITIES] = {0};

    while (!is_over) {
        char data[JOB_SIZE_MAX];
        char id[128];
        unsigned priority = random_below(PRIORITIES);
        SaNameT to = random_below(4) == 0 ? name_of("work", (int)random_below((unsigned)queues)) : name_of("works", -1);
        SaMsgMessageT message;
        SaAisErrorT error;

        memset(&message, 0, sizeof message);
        memset(data, '.', sizeof data);
        snprintf(id, sizeof id, "%s/%u %lu %u", own_name, associations, ++number[priority], priority);
        message.size = 256 + random_below(JOB_SIZE_MAX - 256);
        message.data = data;
        message.priority = (SaUint8T)priority;
        snprintf(data, sizeof data, "%s !", id);
        data[strlen(data)] = '.';
        note("T %s", id);
        error = saMsgMessageSend(handle, &to, &message, (SaTimeT)(1 + random_below(3000)) * SA_TIME_ONE_MILLISECOND);
        switch (error) {
        case SA_AIS_OK:
            note("S %s", id);
            break;
        case SA_AIS_ERR_QUEUE_FULL:
            usleep(20000);
            break;
        case SA_AIS_ERR_TRY_AGAIN:
        case SA_AIS_ERR_TIMEOUT:
        /* A node that has just begun may be a side of its own for a moment, on which there is nothing. */
        case SA_AIS_ERR_NOT_EXIST:
        case SA_AIS_ERR_QUEUE_NOT_AVAILABLE:
            break;
        case SA_AIS_ERR_LIBRARY:
            return;
        default:
            unexpected("Send", error);
        }
        usleep(random_below(20000));
    }
}

/* 0: the association broke. */
static int get_one(SaMsgQueueHandleT queue, int number, unsigned session)
{
    SaMsgMessageT message;
    SaMsgSenderIdT sender;
    SaAisErrorT error;
    char *end;

    memset(&message, 0, sizeof message);
    memset(slot, 0, JOB_SIZE_MAX);
    message.data = slot;
    message.size = JOB_SIZE_MAX;
    error = saMsgMessageGet(queue, &message, NULL, &sender, (SaTimeT)(1 + random_below(400)) * SA_TIME_ONE_MILLISECOND);
    end = memmem(slot, JOB_SIZE_MAX, " !", 2);
    if (error == SA_AIS_OK || (error == SA_AIS_ERR_LIBRARY && end != NULL)) {
        if (end == NULL)
            unexpected("a job that is none", error);
        note("%c %d %s/%u %.*s", error == SA_AIS_OK ? 'G' : 'M', number, own_name, session, (int)(end - slot), slot);
    }
    if (error == SA_AIS_ERR_LIBRARY)
        return 0;
    if (error == SA_AIS_ERR_BAD_HANDLE)
        return 2; /* a merge has given the queue to another */
    if (error != SA_AIS_OK && error != SA_AIS_ERR_TIMEOUT && error != SA_AIS_ERR_TRY_AGAIN)
        unexpected("Get", error);
    return 1;
}

static void consume(SaMsgHandleT handle)
{
    static const SaMsgQueueCreationAttributesT attributes = {
        SA_MSG_QUEUE_PERSISTENT, {AREA_SIZE, AREA_SIZE, AREA_SIZE, AREA_SIZE}, 0};
    SaNameT group = name_of("works", -1);

    while (!is_over) {
        SaMsgQueueHandleT queue;
        int number = (int)random_below((unsigned)queues);
        SaNameT name = name_of("work", number);
        SaAisErrorT error = saMsgQueueOpen(handle, &name, &attributes, SA_MSG_QUEUE_CREATE, SA_TIME_ONE_SECOND * 10, &queue);
        unsigned left = 1 + random_below(SESSION_MAX);
        int state = 1;

        if (error == SA_AIS_ERR_LIBRARY)
            return;
        if (error == SA_AIS_ERR_BUSY || error == SA_AIS_ERR_TRY_AGAIN || error == SA_AIS_ERR_TIMEOUT) {
            usleep(1000 + random_below(20000));
            continue;
        }
        if (error != SA_AIS_OK)
            unexpected("Open", error);
        sessions++;
        error = saMsgQueueGroupCreate(handle, &group, SA_MSG_QUEUE_GROUP_ROUND_ROBIN);
        if (error == SA_AIS_OK || error == SA_AIS_ERR_EXIST)
            error = saMsgQueueGroupInsert(handle, &group, &name);
        if (error != SA_AIS_OK && error != SA_AIS_ERR_EXIST && error != SA_AIS_ERR_TRY_AGAIN && error != SA_AIS_ERR_LIBRARY)
            unexpected("Insert", error);
        note("O %d %s/%u", number, own_name, sessions);
        while (!is_over && state == 1 && left-- > 0)
            state = get_one(queue, number, sessions);
        if (state == 0)
            return;
        do {
            error = saMsgQueueClose(queue);
        } while (error == SA_AIS_ERR_TRY_AGAIN && !is_over);
        if (error == SA_AIS_ERR_LIBRARY)
            return;
        if (error != SA_AIS_OK && error != SA_AIS_ERR_BAD_HANDLE && error != SA_AIS_ERR_TRY_AGAIN)
            unexpected("Close", error);
    }
}

static void open_files(const char *directory)
{
    char path[512];
    int fd;

    snprintf(path, sizeof path, "%s/%s.log", directory, own_name);
    log_fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
    snprintf(path, sizeof path, "%s/%s.slot", directory, own_name);
    fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
    if (log_fd < 0 || fd < 0 || ftruncate(fd, JOB_SIZE_MAX) != 0) {
        perror(path);
        exit(1);
    }
    slot = mmap(NULL, JOB_SIZE_MAX, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    close(fd);
    if (slot == MAP_FAILED) {
        perror(path);
        exit(1);
    }
}

int main(int argc, char **argv)
{
    struct sigaction action;
    int is_producer;

    if (argc != 6)
        return 2;
    is_producer = strcmp(argv[1], "send") == 0;
    own_name = argv[3];
    queues = atoi(argv[4]);
    chance = (unsigned)strtoul(argv[5], NULL, 10);
    if (queues < 1)
        return 2;
    open_files(argv[2]);
    memset(&action, 0, sizeof action);
    action.sa_handler = on_term;
    sigaction(SIGTERM, &action, NULL);
    while (!is_over) {
        SaMsgHandleT handle;
        SaVersionT version = {'B', 1, 1};

        /* The executive may be away for a while. */
        if (saMsgInitialize(&handle, NULL, &version) != SA_AIS_OK) {
            usleep(20000);
            continue;
        }
        associations++;
        if (is_producer)
            produce(handle);
        else
            consume(handle);
        if (!is_over)
            note("X %s/%u", own_name, sessions);
        saMsgFinalize(handle);
    }
    return 0;
}
