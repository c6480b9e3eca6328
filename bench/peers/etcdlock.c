/* SPDX-License-Identifier: BSD-3-Clause
 *
 * etcdlock: measure the locks of etcd 3.4; ../lockmeasure.h says what and how, `services_compare` compiles and runs it.
 *
 * It speaks the JSON form of etcd's v3 interface over one connection that stays: /v3/lease/grant once, then /v3/lock/lock and
 * /v3/lock/unlock.  etcd turns JSON into gRPC itself, so a gRPC client saves the time that this takes.
 */

#define _GNU_SOURCE

#include "lockmeasure.h"

#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#define LEASE_SECONDS 600 /* longer than any run; it is not kept alive */

static int connection;
static const char *address;
static char answer[16384]; /* head and body */
static char lease[32], key[512], name[64];

static void fail(const char *what)
{
    fprintf(stderr, "etcdlock: %s: %.300s\n", what, answer);
    exit(1);
}

static void connect_to(char *host)
{
    const struct addrinfo hints = {.ai_family = AF_INET, .ai_socktype = SOCK_STREAM};
    struct addrinfo *found;
    const int on = 1;
    char *port = strchr(host, ':');
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

/* The body of the answer, which stays in `answer` until the next call. */
static const char *call(const char *path, const char *body)
{
    char request[2048];
    size_t have = 0;
    const int length = snprintf(request, sizeof request, "POST %s HTTP/1.1\r\nHost: %s\r\nContent-Type: application/json\r\n"
                                "Content-Length: %zu\r\n\r\n%s", path, address, strlen(body), body);
    if (length >= (int)sizeof request || write(connection, request, (size_t)length) != length)
        fail("cannot send");
    for (;;) {
        const ssize_t got = read(connection, answer + have, sizeof answer - 1 - have);
        const char *end, *size;
        if (got <= 0)
            fail("the connection ended, or a long answer");
        answer[have += (size_t)got] = 0;
        end = strstr(answer, "\r\n\r\n");
        size = strcasestr(answer, "\r\nContent-Length:");
        if (end == NULL)
            continue;
        if (size == NULL || size > end)
            fail("an answer without its length");
        if (have < (size_t)(end + 4 - answer) + strtoul(size + 17, NULL, 10))
            continue;
        if (strncmp(answer, "HTTP/1.1 200", 12) != 0)
            fail(path);
        return end + 4;
    }
}

static void string_of(const char *body, const char *field, char *value, size_t room)
{
    char quoted[32];
    const char *at, *end;
    snprintf(quoted, sizeof quoted, "\"%s\":\"", field);
    at = strstr(body, quoted);
    end = at == NULL ? NULL : strchr(at + strlen(quoted), '"');
    if (end == NULL || (size_t)(end - at) - strlen(quoted) >= room)
        fail(field);
    at += strlen(quoted);
    memcpy(value, at, (size_t)(end - at));
    value[end - at] = 0;
}

static void base64(const char *in, char *out)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    const size_t length = strlen(in);
    size_t i;
    for (i = 0; i < length; i += 3) {
        const unsigned a = (unsigned char)in[i], b = i + 1 < length ? (unsigned char)in[i + 1] : 0,
                       c = i + 2 < length ? (unsigned char)in[i + 2] : 0, all = a << 16 | b << 8 | c;
        *out++ = digits[all >> 18];
        *out++ = digits[all >> 12 & 63];
        *out++ = i + 1 < length ? digits[all >> 6 & 63] : '=';
        *out++ = i + 2 < length ? digits[all & 63] : '=';
    }
    *out = 0;
}

static void set_name(const char *kind, unsigned number)
{
    char plain[40];
    snprintf(plain, sizeof plain, "bench-%.8s-%u", kind, number);
    base64(plain, name);
}

static void take(void)
{
    char body[256];
    snprintf(body, sizeof body, "{\"name\":\"%s\",\"lease\":\"%s\"}", name, lease);
    string_of(call("/v3/lock/lock", body), "key", key, sizeof key);
}

static void release(void)
{
    char body[640];
    snprintf(body, sizeof body, "{\"key\":\"%s\"}", key);
    call("/v3/lock/unlock", body);
}

int main(int argc, char **argv)
{
    const struct options options = read_options(argc, argv);
    char host[128], body[64];
    unsigned i;

    address = options.address != NULL ? options.address : "";
    snprintf(host, sizeof host, "%s", address);
    connect_to(host);
    snprintf(body, sizeof body, "{\"TTL\":\"%d\"}", LEASE_SECONDS);
    string_of(call("/v3/lease/grant", body), "ID", lease, sizeof lease);
    if (strcmp(options.mode, "hold") == 0) {
        for (i = 0; i < options.locks; ++i) {
            set_name("held", options.number + i);
            take();
        }
        wait_for_end_of_input();
    } else {
        set_name(options.mode, options.board != NULL ? 0 : options.number);
        measure(&options, take, release);
    }
    snprintf(body, sizeof body, "{\"ID\":\"%s\"}", lease);
    call("/v3/lease/revoke", body);
    return 0;
}
