/* SPDX-License-Identifier: BSD-3-Clause
 *
 * counter-demo add NAME [AMOUNT]     add, and print the new value
 * counter-demo get NAME              print the value
 * counter-demo watch [COUNT]         print changes (for ever, or COUNT of them)
 *
 * OPENAIS_RUN_DIR says which executive of this host to talk to.
 */
#include <counter.h>

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int usage(void)
{
    fputs("usage: counter-demo add NAME [AMOUNT] | get NAME | watch [COUNT]\n", stderr);
    return 2;
}

static int failed(const char *what, counter_error_t error)
{
    fprintf(stderr, "counter-demo: %s: %s\n", what, counter_error_text(error));
    return 1;
}

static void changed(const char *name, int64_t value, void *context)
{
    (void)context;
    printf("%s = %" PRId64 "\n", name, value);
    fflush(stdout);
}

int main(int argc, char **argv)
{
    counter_handle_t handle;
    counter_error_t error;
    int64_t value = 0;
    const char *what = argc > 1 ? argv[1] : "";
    const int is_add = strcmp(what, "add") == 0 && (argc == 3 || argc == 4);
    const int is_get = strcmp(what, "get") == 0 && argc == 3;
    const int is_watch = strcmp(what, "watch") == 0 && argc <= 3;

    if (!is_add && !is_get && !is_watch)
        return usage();
    error = counter_open(&handle);
    if (error != COUNTER_OK)
        return failed("open", error);
    if (is_watch) {
        long rest = argc == 3 ? strtol(argv[2], NULL, 10) : -1;
        while (error == COUNTER_OK && rest != 0) {
            error = counter_dispatch(handle, 1, changed, NULL);
            if (rest > 0)
                --rest;
        }
    } else if (is_add) {
        error = counter_add(handle, argv[2], argc == 4 ? strtoll(argv[3], NULL, 10) : 1, &value);
    } else {
        error = counter_get(handle, argv[2], &value);
    }
    if (error != COUNTER_OK)
        return failed(what, error);
    if (!is_watch)
        printf("%" PRId64 "\n", value);
    counter_close(handle);
    return 0;
}
