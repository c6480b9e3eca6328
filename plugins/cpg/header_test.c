/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The public header as a C99 program of either generation sees it.  That this file
 * compiles is most of the test (-std=c99 -pedantic -Werror).
 */
#include "include/cpg.h"

#define SAME(name, a, b) typedef char name[(a) == (b) ? 1 : -1]

SAME(one, CS_DISPATCH_ONE, 1);
SAME(all, CS_DISPATCH_ALL, 2);
SAME(unordered, CPG_TYPE_UNORDERED, 0);
SAME(fifo, CPG_TYPE_FIFO, 1);
SAME(agreed, CPG_TYPE_AGREED, 2);
SAME(safe, CPG_TYPE_SAFE, 3);
SAME(disabled, CPG_FLOW_CONTROL_DISABLED, 0);
SAME(enabled, CPG_FLOW_CONTROL_ENABLED, 1);
SAME(undefined, CPG_REASON_UNDEFINED, 0);
SAME(join, CPG_REASON_JOIN, 1);
SAME(leave, CPG_REASON_LEAVE, 2);
SAME(node_down, CPG_REASON_NODEDOWN, 3);
SAME(node_up, CPG_REASON_NODEUP, 4);
SAME(process_down, CPG_REASON_PROCDOWN, 5);
SAME(name_length, CPG_MAX_NAME_LENGTH, 128);
SAME(members, CPG_MEMBERS_MAX, 128);
SAME(name_only, CPG_ITERATION_NAME_ONLY, 1);
SAME(one_group, CPG_ITERATION_ONE_GROUP, 2);
SAME(all_groups, CPG_ITERATION_ALL, 3);
SAME(initial_configuration, CPG_MODEL_V1_DELIVER_INITIAL_TOTEM_CONF, 1);
SAME(address_size, sizeof(struct cpg_address), 12);
SAME(name_size, sizeof(struct cpg_name), 132);
SAME(ok, CS_OK, 1);
SAME(library, CS_ERR_LIBRARY, 2);
SAME(try_again, CS_ERR_TRY_AGAIN, 6);
SAME(invalid_param, CS_ERR_INVALID_PARAM, 7);
SAME(no_memory, CS_ERR_NO_MEMORY, 8);
SAME(bad_handle, CS_ERR_BAD_HANDLE, 9);
SAME(access_denied, CS_ERR_ACCESS, 11);
SAME(not_exist, CS_ERR_NOT_EXIST, 12);
SAME(name_too_long, CS_ERR_NAME_TOO_LONG, 13);
SAME(exist, CS_ERR_EXIST, 14);
SAME(no_resources, CS_ERR_NO_RESOURCES, 18);
SAME(not_supported, CS_ERR_NOT_SUPPORTED, 19);
SAME(no_sections, CS_ERR_NO_SECTIONS, 27);

static int delivered;

/* As programs of the newer generation declare their callbacks. */
static void deliver(cpg_handle_t handle, const struct cpg_name *group_name, uint32_t nodeid,
                    uint32_t pid, void *msg, size_t msg_len)
{
    (void)handle;
    (void)group_name;
    (void)nodeid;
    (void)pid;
    (void)msg;
    delivered += (int)msg_len;
}

static void change(cpg_handle_t handle, const struct cpg_name *group_name,
                   const struct cpg_address *member_list, size_t member_list_entries,
                   const struct cpg_address *left_list, size_t left_list_entries,
                   const struct cpg_address *joined_list, size_t joined_list_entries)
{
    (void)handle;
    (void)group_name;
    (void)member_list;
    (void)left_list;
    (void)joined_list;
    delivered += (int)(member_list_entries + left_list_entries + joined_list_entries);
}

int cpg_header_test(void);

int cpg_header_test(void)
{
    cpg_callbacks_t callbacks = {deliver, change};
    cpg_model_v1_data_t model = {CPG_MODEL_V1, deliver, change, NULL, 0};
    struct cpg_name name = {1, "g"};
    cpg_error_t old_error = CPG_OK;
    cs_error_t new_error = CS_OK;
    cpg_dispatch_t old_flags = CPG_DISPATCH_ALL;
    cs_dispatch_flags_t new_flags = CS_DISPATCH_ALL;

    callbacks.cpg_deliver_fn(0, &name, 0, 0, NULL, 3);
    model.cpg_confchg_fn(0, &name, NULL, 1, NULL, 1, NULL, 1);
    switch (old_error) {
    case CPG_ERR_TRY_AGAIN:
    case CPG_ERR_BUSY:
        return 1;
    default:
        break;
    }
    return delivered == 6 && old_error == new_error && old_flags == new_flags &&
                   (int)CPG_DISPATCH_ONE_NONBLOCKING == 4 && (int)CPG_DISPATCH_BLOCKING == 3
               ? 0
               : 1;
}
