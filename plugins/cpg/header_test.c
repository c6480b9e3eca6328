/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The public header as a C99 program of either generation sees it.  That this file
 * compiles is most of the test (-std=c99 -pedantic -Werror).
 */
#include "include/cpg.h"

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
