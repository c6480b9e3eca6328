/* SPDX-License-Identifier: BSD-3-Clause
 *
 * cpg_stream: multicast a text line by line to a group, and write down what the
 * group delivers.
 *
 * Several of these, on several nodes, are the demonstration and the checks of
 * total order: each joins the group, waits until it has --expect-members
 * members, sends its file, and writes every delivered line, its own included,
 * in the order of delivery as "nodeid:pid:lineno:text".  The files of members
 * that were there from beginning to end must be equal.
 *
 * The end is decided in the order, too: each member says that it has sent its
 * last line, and all end at the delivery of the message (or the change of membership)
 * with which every member has said so.  Who has already said it says it
 * again when somebody joins, so that a late joiner knows.
 *
 * On the way it checks that the lines of each sender come without gap, repetition
 * or change of order, and that its own have all come back.
 *
 * Exit status: 0 all of that held, 1 it did not, 2 usage or files, 3 the
 * executive ended or cut us off, 4 --timeout.
 */
#define _POSIX_C_SOURCE 200809L

#include <openais/cpg.h>

#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <poll.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { exit_held = 0, exit_broken = 1, exit_usage = 2, exit_lost = 3, exit_timeout = 4 };

/* A member, and what we know of its stream. */
struct sender {
    uint32_t nodeid;
    uint32_t pid;
    bool is_member;
    bool has_ended;
    uint64_t next_line; /* 0: nothing seen yet */
};

static struct {
    const char *group;
    const char *send_path;
    const char *out_path;
    const char *events_path;
    double rate; /* lines per second, 0: as fast as it goes */
    unsigned long expect_members;
    double timeout;   /* 0: none */
    double wait_time; /* for an executive */
    bool safe;
    bool progress;
} options = {.expect_members = 1, .wait_time = 30};

static cpg_handle_t handle;
static struct cpg_name group_name;
static FILE *out_file;
static FILE *events_file;
static FILE *send_file;
static unsigned int own_node;
static uint32_t own_pid;

static struct sender *senders;
static size_t sender_count;
static size_t member_count;
static bool is_member;       /* our own join has been delivered */
static bool may_send;        /* all expected members were there */
static bool end_wanted;      /* an end message must go out (again) */
static bool has_sent_all;    /* the whole file is sent */
static bool is_complete;     /* every member has said that it is at its end */
static bool is_broken;
static uint64_t lines_sent;
static uint64_t own_lines;   /* delivered */
static uint64_t lines_total; /* delivered */

static double now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

/* One line with the time of day, to the events file. */
static void event(const char *format, ...)
{
    struct timespec time;
    struct tm local;
    char stamp[32];
    va_list arguments;
    clock_gettime(CLOCK_REALTIME, &time);
    localtime_r(&time.tv_sec, &local);
    strftime(stamp, sizeof stamp, "%H:%M:%S", &local);
    fprintf(events_file, "%s.%03ld ", stamp, time.tv_nsec / 1000000);
    va_start(arguments, format);
    vfprintf(events_file, format, arguments);
    va_end(arguments);
    fputc('\n', events_file);
    fflush(events_file);
}

static void broken(const char *what, uint32_t nodeid, uint32_t pid, uint64_t line, uint64_t wanted)
{
    is_broken = true;
    event("BROKEN %s: %" PRIu32 ":%" PRIu32 " line %" PRIu64 ", expected %" PRIu64, what, nodeid,
          pid, line, wanted);
}

static struct sender *find_sender(uint32_t nodeid, uint32_t pid)
{
    size_t i;
    struct sender *grown;
    for (i = 0; i < sender_count; ++i) {
        if (senders[i].nodeid == nodeid && senders[i].pid == pid) {
            return &senders[i];
        }
    }
    grown = realloc(senders, (sender_count + 1) * sizeof *senders);
    if (grown == NULL) {
        fprintf(stderr, "cpg_stream: out of memory\n");
        exit(exit_usage);
    }
    senders = grown;
    memset(&senders[sender_count], 0, sizeof *senders);
    senders[sender_count].nodeid = nodeid;
    senders[sender_count].pid = pid;
    return &senders[sender_count++];
}

static void check_complete(void)
{
    size_t i;
    if (!is_member || !has_sent_all) {
        return;
    }
    for (i = 0; i < sender_count; ++i) {
        if (senders[i].is_member && !senders[i].has_ended) {
            return;
        }
    }
    is_complete = true;
}

/* Messages are "L <lineno> <text>" and "E <number of lines>". */
static void on_message(cpg_handle_t from_handle, const struct cpg_name *name, uint32_t nodeid,
                       uint32_t pid, void *msg, size_t msg_len)
{
    struct sender *sender = find_sender(nodeid, pid);
    char *text = msg;
    char *end = NULL;
    uint64_t line;
    char digits[32];
    size_t digits_len = 0;
    (void)from_handle;
    (void)name;

    if (is_complete) {
        return; /* behind the common end */
    }
    if (!sender->is_member) {
        broken("message of a process that is no member", nodeid, pid, 0, 0);
    }
    if (msg_len < 3 || text[1] != ' ') {
        broken("message of unknown form", nodeid, pid, 0, 0);
        return;
    }
    while (2 + digits_len < msg_len && digits_len + 1 < sizeof digits &&
           text[2 + digits_len] >= '0' && text[2 + digits_len] <= '9') {
        digits[digits_len] = text[2 + digits_len];
        ++digits_len;
    }
    digits[digits_len] = '\0';
    line = strtoull(digits, &end, 10);
    if (text[0] == 'E') {
        sender->has_ended = true;
        if (sender->next_line != 0 && sender->next_line != line + 1) {
            broken("end too early", nodeid, pid, sender->next_line - 1, line);
        }
        if (nodeid == own_node && pid == own_pid && own_lines != line) {
            broken("own lines are missing", nodeid, pid, own_lines, line);
        }
        check_complete();
        return;
    }
    if (text[0] != 'L' || 2 + digits_len >= msg_len) {
        broken("message of unknown form", nodeid, pid, 0, 0);
        return;
    }
    if (sender->next_line != 0 && sender->next_line != line) {
        broken("stream", nodeid, pid, line, sender->next_line);
    }
    sender->next_line = line + 1;
    ++lines_total;
    if (nodeid == own_node && pid == own_pid) {
        ++own_lines;
    }
    fprintf(out_file, "%" PRIu32 ":%" PRIu32 ":%" PRIu64 ":", nodeid, pid, line);
    fwrite(text + 3 + digits_len, 1, msg_len - 3 - digits_len, out_file);
    fputc('\n', out_file);
}

static const char *reason_name(uint32_t reason)
{
    switch (reason) {
    case CPG_REASON_JOIN:
        return "JOIN";
    case CPG_REASON_LEAVE:
        return "LEAVE";
    case CPG_REASON_NODEDOWN:
        return "NODEDOWN";
    case CPG_REASON_NODEUP:
        return "NODEUP";
    case CPG_REASON_PROCDOWN:
        return "PROCDOWN";
    default:
        return "";
    }
}

/* "1:10,2:20(NODEUP)", to be freed. */
static char *list_text(const struct cpg_address *list, size_t count)
{
    size_t size = count * 40 + 2;
    size_t used = 0;
    size_t i;
    char *text = malloc(size);
    if (text == NULL) {
        exit(exit_usage);
    }
    strcpy(text, "-");
    for (i = 0; i < count; ++i) {
        const char *reason = reason_name(list[i].reason);
        used += (size_t)snprintf(text + used, size - used, "%s%" PRIu32 ":%" PRIu32 "%s%s%s",
                                 i == 0 ? "" : ",", list[i].nodeid, list[i].pid,
                                 *reason == '\0' ? "" : "(", reason, *reason == '\0' ? "" : ")");
    }
    return text;
}

static void on_change(cpg_handle_t from_handle, const struct cpg_name *name,
                      const struct cpg_address *members, size_t members_len,
                      const struct cpg_address *left, size_t left_len,
                      const struct cpg_address *joined, size_t joined_len)
{
    size_t i;
    char *members_text = list_text(members, members_len);
    char *left_text = list_text(left, left_len);
    char *joined_text = list_text(joined, joined_len);
    (void)from_handle;
    (void)name;
    event("members %zu: %s left: %s joined: %s", members_len, members_text, left_text, joined_text);
    free(members_text);
    free(left_text);
    free(joined_text);
    if (is_complete) {
        return;
    }

    for (i = 0; i < left_len; ++i) {
        struct sender *gone = find_sender(left[i].nodeid, left[i].pid);
        gone->is_member = false;
        gone->has_ended = false;
        gone->next_line = 0;
    }
    for (i = 0; i < members_len; ++i) {
        find_sender(members[i].nodeid, members[i].pid)->is_member = true;
        if (members[i].nodeid == own_node && members[i].pid == own_pid) {
            is_member = true;
        }
    }
    member_count = members_len;
    if (member_count >= options.expect_members) {
        may_send = true;
    }
    if (joined_len > 0 && has_sent_all) {
        end_wanted = true;
    }
    check_complete();
}

static void on_ring(cpg_handle_t from_handle, struct cpg_ring_id ring, uint32_t count,
                    const uint32_t *nodes)
{
    char text[1024] = "";
    size_t used = 0;
    uint32_t i;
    (void)from_handle;
    for (i = 0; i < count && used + 16 < sizeof text; ++i) {
        used += (size_t)snprintf(text + used, sizeof text - used, " %" PRIu32, nodes[i]);
    }
    event("ring %" PRIu32 ".%" PRIu64 ":%s", ring.nodeid, ring.seq, text);
}

static void lost(const char *function, cs_error_t error)
{
    event("LOST %s: error %d: the executive of this node ended or cut this process off", function,
          (int)error);
    fprintf(stderr,
            "cpg_stream: %s: error %d: the executive of this node ended or cut this process off\n",
            function, (int)error);
    fflush(NULL);
    exit(exit_lost);
}

static void check(const char *function, cs_error_t error)
{
    if (error == CS_ERR_LIBRARY || error == CS_ERR_BAD_HANDLE) {
        lost(function, error);
    }
    if (error != CS_OK) {
        fprintf(stderr, "cpg_stream: %s: error %d\n", function, (int)error);
        exit(exit_usage);
    }
}

/* True: sent.  False: not now. */
static bool try_send(struct iovec *parts, unsigned int count)
{
    cs_error_t error = cpg_mcast_joined(handle, options.safe ? CPG_TYPE_SAFE : CPG_TYPE_AGREED,
                                        parts, count);
    if (error == CS_ERR_TRY_AGAIN) {
        return false;
    }
    check("cpg_mcast_joined", error);
    return true;
}

/* Send what may be sent.  True: there is more, and it must wait for room. */
static bool send_some(double start)
{
    static char *line;
    static size_t line_space;
    static ssize_t line_len = -1; /* -1: the next one must be read */
    unsigned int burst = 64;      /* then dispatch, so that nobody's queue grows */
    char head[40];
    struct iovec parts[2];

    while (may_send && !has_sent_all && burst-- > 0) {
        if (options.rate > 0 && (double)lines_sent >= (now() - start) * options.rate) {
            return false;
        }
        if (line_len < 0) {
            line_len = send_file == NULL ? -1 : getline(&line, &line_space, send_file);
            if (line_len < 0) {
                has_sent_all = true;
                end_wanted = true;
                break;
            }
            if (line_len > 0 && line[line_len - 1] == '\n') {
                --line_len;
            }
        }
        parts[0].iov_base = head;
        parts[0].iov_len = (size_t)snprintf(head, sizeof head, "L %" PRIu64 " ", lines_sent + 1);
        parts[1].iov_base = line;
        parts[1].iov_len = (size_t)line_len;
        if (!try_send(parts, 2)) {
            return true;
        }
        ++lines_sent;
        line_len = -1;
    }
    if (end_wanted) {
        parts[0].iov_base = head;
        parts[0].iov_len = (size_t)snprintf(head, sizeof head, "E %" PRIu64, lines_sent);
        if (!try_send(parts, 1)) {
            return true;
        }
        end_wanted = false;
    }
    return false;
}

static void usage(FILE *to)
{
    fprintf(to,
            "usage: cpg_stream --group NAME --out FILE [options]\n"
            "  --send FILE           the text to multicast, line by line (default: nothing)\n"
            "  --events FILE         membership changes with their times (default: stderr)\n"
            "  --expect-members N    begin to send when the group has N members (default 1)\n"
            "  --rate N              at most N lines per second\n"
            "  --safe                safe instead of agreed delivery\n"
            "  --wait SECONDS        for an executive to appear (default 30)\n"
            "  --timeout SECONDS     give up after that\n"
            "  --progress            a line per second to stderr\n"
            "The executive is that of OPENAIS_RUN_DIR.\n");
}

static void parse(int argc, char **argv)
{
    static const struct option known[] = {
        {"group", required_argument, NULL, 'g'},   {"send", required_argument, NULL, 's'},
        {"out", required_argument, NULL, 'o'},     {"events", required_argument, NULL, 'e'},
        {"rate", required_argument, NULL, 'r'},    {"expect-members", required_argument, NULL, 'n'},
        {"timeout", required_argument, NULL, 't'}, {"wait", required_argument, NULL, 'w'},
        {"safe", no_argument, NULL, 'S'},          {"progress", no_argument, NULL, 'p'},
        {"help", no_argument, NULL, 'h'},          {NULL, 0, NULL, 0}};
    int option;
    while ((option = getopt_long(argc, argv, "", known, NULL)) != -1) {
        switch (option) {
        case 'g':
            options.group = optarg;
            break;
        case 's':
            options.send_path = optarg;
            break;
        case 'o':
            options.out_path = optarg;
            break;
        case 'e':
            options.events_path = optarg;
            break;
        case 'r':
            options.rate = strtod(optarg, NULL);
            break;
        case 'n':
            options.expect_members = strtoul(optarg, NULL, 10);
            break;
        case 't':
            options.timeout = strtod(optarg, NULL);
            break;
        case 'w':
            options.wait_time = strtod(optarg, NULL);
            break;
        case 'S':
            options.safe = true;
            break;
        case 'p':
            options.progress = true;
            break;
        case 'h':
            usage(stdout);
            exit(exit_held);
        default:
            usage(stderr);
            exit(exit_usage);
        }
    }
    if (options.group == NULL || options.out_path == NULL || optind != argc ||
        *options.group == '\0' || strlen(options.group) > CPG_MAX_NAME_LENGTH) {
        usage(stderr);
        exit(exit_usage);
    }
}

static FILE *open_file(const char *path, const char *mode)
{
    FILE *file = fopen(path, mode);
    if (file == NULL) {
        fprintf(stderr, "cpg_stream: %s: %s\n", path, strerror(errno));
        exit(exit_usage);
    }
    return file;
}

static void associate(void)
{
    cpg_model_v1_data_t model = {CPG_MODEL_V1, on_message, on_change, on_ring,
                                 CPG_MODEL_V1_DELIVER_INITIAL_TOTEM_CONF};
    const double give_up = now() + options.wait_time;
    const struct timespec pause = {0, 50000000};
    cs_error_t error;
    for (;;) {
        error = cpg_model_initialize(&handle, CPG_MODEL_V1, (cpg_model_data_t *)&model, NULL);
        if (error != CS_ERR_TRY_AGAIN || now() > give_up) {
            break;
        }
        nanosleep(&pause, NULL);
    }
    if (error != CS_OK) {
        fprintf(stderr, "cpg_stream: no executive in %s: error %d\n",
                getenv("OPENAIS_RUN_DIR") != NULL ? getenv("OPENAIS_RUN_DIR") : "/run/ais",
                (int)error);
        exit(exit_lost);
    }
    check("cpg_local_get", cpg_local_get(handle, &own_node));
    own_pid = (uint32_t)getpid();
    group_name.length = (uint32_t)strlen(options.group);
    memcpy(group_name.value, options.group, group_name.length);
    while ((error = cpg_join(handle, &group_name)) == CS_ERR_TRY_AGAIN && now() < give_up) {
        nanosleep(&pause, NULL);
    }
    check("cpg_join", error);
}

int main(int argc, char **argv)
{
    struct pollfd selection;
    double begin;
    double sending_since = 0;
    double next_progress;
    parse(argc, argv);
    out_file = open_file(options.out_path, "w");
    events_file = options.events_path == NULL ? stderr : open_file(options.events_path, "w");
    send_file = options.send_path == NULL ? NULL : open_file(options.send_path, "r");
    associate();
    selection.events = POLLIN;
    check("cpg_fd_get", cpg_fd_get(handle, &selection.fd));

    begin = now();
    next_progress = begin + 1;
    /* The end is complete when our own last word is out, too: a late joiner waits for it. */
    while (!is_complete || end_wanted) {
        bool is_waiting;
        int pause = 100;
        if (may_send && sending_since == 0) {
            sending_since = now();
        }
        is_waiting = send_some(sending_since);
        if (may_send && !has_sent_all && !is_waiting) {
            pause = options.rate > 0 ? 5 : 0;
        } else if (is_waiting) {
            pause = 1;
        }
        (void)poll(&selection, 1, pause);
        check("cpg_dispatch", cpg_dispatch(handle, CS_DISPATCH_ALL));
        if (pause > 0) {
            fflush(out_file);
        }
        if (options.progress && now() >= next_progress) {
            fprintf(stderr, "%s: %zu members, sent %" PRIu64 ", delivered %" PRIu64 " lines\n",
                    options.group, member_count, lines_sent, lines_total);
            next_progress += 1;
        }
        if (options.timeout > 0 && now() - begin > options.timeout) {
            fprintf(stderr, "cpg_stream: timeout: %zu members, sent %" PRIu64 ", delivered %" PRIu64
                            " lines\n", member_count, lines_sent, lines_total);
            event("TIMEOUT");
            return exit_timeout;
        }
    }
    event("end: sent %" PRIu64 ", delivered %" PRIu64 " lines in %.3f s", lines_sent, lines_total,
          sending_since == 0 ? 0.0 : now() - sending_since);
    (void)cpg_leave(handle, &group_name);
    (void)cpg_finalize(handle);
    free(senders);
    if (fclose(out_file) != 0) {
        fprintf(stderr, "cpg_stream: %s: %s\n", options.out_path, strerror(errno));
        return exit_usage;
    }
    return is_broken ? exit_broken : exit_held;
}
