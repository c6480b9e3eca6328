/* SPDX-License-Identifier: BSD-3-Clause
 *
 * redisqueue: measure a stream of Redis as a queue; msgmeasure.h says what and how, `services_compare` compiles and runs it.
 *
 * send is XADD, which waits for its answer and keeps some 10,000 messages; get is XREAD BLOCK of all that are there, without a
 * consumer group and without deleting, which is the least work that Redis can have with it.
 */

#define _GNU_SOURCE

#include "msgmeasure.h"

#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

static int connection;
static char buffer[65536];
static size_t begin, have;
static char last_id[64] = "0-0";

static void fail(const char *what)
{
    fprintf(stderr, "redisqueue: %s\n", what);
    exit(1);
}

static void connect_to(const char *address)
{
    const struct addrinfo hints = {.ai_family = AF_INET, .ai_socktype = SOCK_STREAM};
    struct addrinfo *found;
    const int on = 1;
    char host[128];
    char *port;
    snprintf(host, sizeof host, "%s", address != NULL ? address : "");
    port = strchr(host, ':');
    if (port == NULL)
        fail("--address HOST:PORT is needed");
    *port++ = 0;
    if (getaddrinfo(host, port, &hints, &found) != 0)
        fail("no such address");
    connection = socket(found->ai_family, found->ai_socktype, 0);
    if (connection < 0 || connect(connection, found->ai_addr, found->ai_addrlen) != 0)
        fail("cannot connect");
    setsockopt(connection, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    freeaddrinfo(found);
}

static void send_all(const char *data, size_t size)
{
    if (write(connection, data, size) != (ssize_t)size)
        fail("cannot send");
}

static int next_char(void)
{
    if (begin == have) {
        const ssize_t got = read(connection, buffer, sizeof buffer);
        if (got <= 0)
            fail("the connection ended");
        begin = 0;
        have = (size_t)got;
    }
    return (unsigned char)buffer[begin++];
}

/* The number in a line that begins with `kind`: a length or a count. */
static size_t number_of(int kind)
{
    char line[256];
    size_t length = 0;
    int c;
    while ((c = next_char()) != '\n')
        if (length < sizeof line - 1)
            line[length++] = (char)c;
    line[length] = 0;
    if (line[0] != kind)
        fail(line);
    return strtoul(line + 1, NULL, 10);
}

static size_t string_to(char *out, size_t room)
{
    const size_t size = number_of('$');
    size_t i;
    if (size > room)
        fail("a long answer");
    for (i = 0; i < size; ++i)
        out[i] = (char)next_char();
    next_char();
    next_char();
    return size;
}

static void id_to_last(void)
{
    last_id[string_to(last_id, sizeof last_id - 1)] = 0;
}

static void add(const char *queue, const unsigned char *data, size_t size)
{
    char request[SIZE_MAX_BYTES + 256];
    size_t length = (size_t)snprintf(request, sizeof request,
                                     "*8\r\n$4\r\nXADD\r\n$%zu\r\n%s\r\n$6\r\nMAXLEN\r\n$1\r\n~\r\n$5\r\n10000\r\n"
                                     "$1\r\n*\r\n$1\r\nd\r\n$%zu\r\n", strlen(queue), queue, size);
    memcpy(request + length, data, size);
    length += size;
    memcpy(request + length, "\r\n", 2);
    send_all(request, length + 2);
    id_to_last();
}

static int send_one(const unsigned char *data, size_t size)
{
    add("queue", data, size);
    return 1;
}

static void get_one(unsigned char *data)
{
    static size_t left;
    char name[64], request[256];
    if (left == 0) {
        send_all(request, (size_t)snprintf(request, sizeof request,
                                           "*6\r\n$5\r\nXREAD\r\n$5\r\nBLOCK\r\n$1\r\n0\r\n$7\r\nSTREAMS\r\n$5\r\nqueue\r\n$%zu\r\n%s\r\n",
                                           strlen(last_id), last_id));
        number_of('*'); /* of one stream: its name, and its messages */
        number_of('*');
        string_to(name, sizeof name);
        left = number_of('*');
    }
    number_of('*');
    id_to_last();
    number_of('*');
    string_to(name, sizeof name);
    string_to((char *)data, SIZE_MAX_BYTES);
    left--;
}

int main(int argc, char **argv)
{
    const struct options options = read_options(argc, argv);
    connect_to(options.address);
    if (strcmp(options.mode, "hold") == 0) {
        char name[32];
        unsigned i;
        for (i = 0; i < options.queues; ++i) {
            snprintf(name, sizeof name, "held-%u", options.number + i);
            add(name, (const unsigned char *)"", 0);
        }
        wait_for_end_of_input();
    } else if (strcmp(options.mode, "get") == 0) {
        static const char clear[] = "*2\r\n$3\r\nDEL\r\n$5\r\nqueue\r\n";
        send_all(clear, sizeof clear - 1);
        number_of(':');
        measure_get(&options, get_one);
    } else {
        measure_send(&options, send_one);
    }
    return 0;
}
