/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The public header as a C99 program sees it, with the values of openais 0.80.
 * That this file compiles is most of the test (-std=c99 -pedantic -Werror).
 */
#include "include/evs.h"

#include <stddef.h>

#define SAME(name, a, b) typedef char name[(a) == (b) ? 1 : -1]

SAME(dispatch_begins_at_0, EVS_DISPATCH_ONE, 0);
SAME(all, EVS_DISPATCH_ALL, 1);
SAME(blocking, EVS_DISPATCH_BLOCKING, 2);
SAME(unordered, EVS_TYPE_UNORDERED, 0);
SAME(fifo, EVS_TYPE_FIFO, 1);
SAME(agreed, EVS_TYPE_AGREED, 2);
SAME(safe, EVS_TYPE_SAFE, 3);
SAME(ok, EVS_OK, 1);
SAME(library, EVS_ERR_LIBRARY, 2);
SAME(timeout, EVS_ERR_TIMEOUT, 5);
SAME(try_again, EVS_ERR_TRY_AGAIN, 6);
SAME(invalid_param, EVS_ERR_INVALID_PARAM, 7);
SAME(no_memory, EVS_ERR_NO_MEMORY, 8);
SAME(bad_handle, EVS_ERR_BAD_HANDLE, 9);
SAME(access_denied, EVS_ERR_ACCESS, 11);
SAME(not_exist, EVS_ERR_NOT_EXIST, 12);
SAME(exist, EVS_ERR_EXIST, 14);
SAME(too_many_groups, EVS_ERR_TOO_MANY_GROUPS, 30);
SAME(not_supported, EVS_ERR_NOT_SUPPORTED, 20);
SAME(security, EVS_ERR_SECURITY, 29);
SAME(group_size, sizeof(struct evs_group), 32);
SAME(address_size, sizeof(struct evs_address), 24);

static int delivered;

static void deliver(unsigned int nodeid, void *msg, int msg_len)
{
    (void)msg;
    delivered += (int)nodeid + msg_len;
}

static void change(unsigned int *member_list, int member_list_entries, unsigned int *left_list, int left_list_entries,
                   unsigned int *joined_list, int joined_list_entries)
{
    (void)member_list;
    (void)left_list;
    (void)joined_list;
    delivered += member_list_entries + left_list_entries + joined_list_entries;
}

int evs_header_test(void);

int evs_header_test(void)
{
    evs_callbacks_t callbacks = {deliver, change};
    struct evs_group group = {"g"};

    callbacks.evs_deliver_fn(1, NULL, 2);
    callbacks.evs_confchg_fn(NULL, 1, NULL, 1, NULL, 1);
    return delivered == 6 && group.key[31] == 0 ? 0 : 1;
}
