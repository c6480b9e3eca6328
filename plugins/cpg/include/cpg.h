/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Closed process groups: processes on the nodes of a cluster join groups by
 * name, multicast to them, and see all messages and all changes of membership
 * in one order that is the same at every member.  cpg(7) is the overview,
 * cpg(3) has every function with every error.
 *
 * One header for both generations of this interface.  Types and numbers are
 * those of the newer one (cs_error_t, dispatch flags from 1, const-correct
 * callbacks); the names of the older one (CPG_OK, CPG_DISPATCH_ALL, ...) are
 * other words for the same values.  C99 and C++.
 */
#ifndef OPENAIS_CPG_H
#define OPENAIS_CPG_H

#include <netinet/in.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <sys/uio.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Results and dispatch flags are shared with other interfaces of the same
 * generation; whoever is included first defines them. */
#if !defined(OPENAIS_CS_TYPES) && !defined(COROTYPES_H_DEFINED)
#define OPENAIS_CS_TYPES 1

typedef enum {
    CS_OK = 1,
    CS_ERR_LIBRARY = 2,
    CS_ERR_VERSION = 3,
    CS_ERR_INIT = 4,
    CS_ERR_TIMEOUT = 5,
    CS_ERR_TRY_AGAIN = 6,
    CS_ERR_INVALID_PARAM = 7,
    CS_ERR_NO_MEMORY = 8,
    CS_ERR_BAD_HANDLE = 9,
    CS_ERR_BUSY = 10,
    CS_ERR_ACCESS = 11,
    CS_ERR_NOT_EXIST = 12,
    CS_ERR_NAME_TOO_LONG = 13,
    CS_ERR_EXIST = 14,
    CS_ERR_NO_SPACE = 15,
    CS_ERR_INTERRUPT = 16,
    CS_ERR_NAME_NOT_FOUND = 17,
    CS_ERR_NO_RESOURCES = 18,
    CS_ERR_NOT_SUPPORTED = 19,
    CS_ERR_BAD_OPERATION = 20,
    CS_ERR_FAILED_OPERATION = 21,
    CS_ERR_MESSAGE_ERROR = 22,
    CS_ERR_QUEUE_FULL = 23,
    CS_ERR_QUEUE_NOT_AVAILABLE = 24,
    CS_ERR_BAD_FLAGS = 25,
    CS_ERR_TOO_BIG = 26,
    CS_ERR_NO_SECTIONS = 27,
    CS_ERR_CONTEXT_NOT_FOUND = 28,
    CS_ERR_TOO_MANY_GROUPS = 30,
    CS_ERR_SECURITY = 100
} cs_error_t;

typedef enum {
    CS_DISPATCH_ONE = 1,            /* one callback; waits for it */
    CS_DISPATCH_ALL = 2,            /* everything pending; never waits */
    CS_DISPATCH_BLOCKING = 3,       /* until the handle is finalized */
    CS_DISPATCH_ONE_NONBLOCKING = 4 /* at most one callback; never waits */
} cs_dispatch_flags_t;
#endif

/* The older names. */
typedef cs_error_t cpg_error_t;
typedef cs_dispatch_flags_t cpg_dispatch_t;
#ifndef CPG_OK
#define CPG_OK CS_OK
#define CPG_ERR_LIBRARY CS_ERR_LIBRARY
#define CPG_ERR_TIMEOUT CS_ERR_TIMEOUT
#define CPG_ERR_TRY_AGAIN CS_ERR_TRY_AGAIN
#define CPG_ERR_INVALID_PARAM CS_ERR_INVALID_PARAM
#define CPG_ERR_NO_MEMORY CS_ERR_NO_MEMORY
#define CPG_ERR_BAD_HANDLE CS_ERR_BAD_HANDLE
#define CPG_ERR_BUSY CS_ERR_BUSY
#define CPG_ERR_ACCESS CS_ERR_ACCESS
#define CPG_ERR_NOT_EXIST CS_ERR_NOT_EXIST
#define CPG_ERR_EXIST CS_ERR_EXIST
#define CPG_ERR_NOT_SUPPORTED CS_ERR_NOT_SUPPORTED
#define CPG_ERR_SECURITY CS_ERR_SECURITY
#define CPG_ERR_TOO_MANY_GROUPS CS_ERR_TOO_MANY_GROUPS
#endif
#ifndef CPG_DISPATCH_ONE
#define CPG_DISPATCH_ONE CS_DISPATCH_ONE
#define CPG_DISPATCH_ALL CS_DISPATCH_ALL
#define CPG_DISPATCH_BLOCKING CS_DISPATCH_BLOCKING
#define CPG_DISPATCH_ONE_NONBLOCKING CS_DISPATCH_ONE_NONBLOCKING
#endif

typedef uint64_t cpg_handle_t;
typedef uint64_t cpg_iteration_handle_t;

/* What a multicast asks for.  UNORDERED and FIFO are served as AGREED. */
typedef enum {
    CPG_TYPE_UNORDERED = 0,
    CPG_TYPE_FIFO = 1,
    CPG_TYPE_AGREED = 2, /* one total order at all members */
    CPG_TYPE_SAFE = 3    /* and not delivered before every node has it */
} cpg_guarantee_t;

typedef enum {
    CPG_FLOW_CONTROL_DISABLED = 0, /* go on */
    CPG_FLOW_CONTROL_ENABLED = 1   /* do not send now */
} cpg_flow_control_state_t;

/* Why a process is in the joined or left list of a membership change. */
typedef enum {
    CPG_REASON_UNDEFINED = 0,
    CPG_REASON_JOIN = 1,     /* it called cpg_join */
    CPG_REASON_LEAVE = 2,    /* it called cpg_leave */
    CPG_REASON_NODEDOWN = 3, /* its node left this part of the cluster */
    CPG_REASON_NODEUP = 4,   /* its node came, and it was a member there */
    CPG_REASON_PROCDOWN = 5  /* it ended, or finalized its handle */
} cpg_reason_t;

typedef enum {
    CPG_ITERATION_NAME_ONLY = 1, /* the groups, nodeid and pid are 0 */
    CPG_ITERATION_ONE_GROUP = 2, /* the members of one group */
    CPG_ITERATION_ALL = 3        /* the members of all groups */
} cpg_iteration_type_t;

typedef enum { CPG_MODEL_V1 = 1 } cpg_model_t;

struct cpg_address {
    uint32_t nodeid;
    uint32_t pid;
    uint32_t reason; /* cpg_reason_t; 0 in member lists */
};

/* A name is `length` bytes, compared as bytes; no NUL is needed. */
#define CPG_MAX_NAME_LENGTH 128
struct cpg_name {
    uint32_t length;
    char value[CPG_MAX_NAME_LENGTH];
};

/* A customary size for an array of members.  Lists given to callbacks may be
 * longer. */
#define CPG_MEMBERS_MAX 128

struct cpg_iteration_description_t {
    struct cpg_name group;
    uint32_t nodeid;
    uint32_t pid;
};

/* Names a configuration of the cluster's ring. */
struct cpg_ring_id {
    uint32_t nodeid; /* its representative */
    uint64_t seq;
};

typedef void (*cpg_deliver_fn_t)(cpg_handle_t handle, const struct cpg_name *group_name,
                                 uint32_t nodeid, uint32_t pid, void *msg, size_t msg_len);

typedef void (*cpg_confchg_fn_t)(cpg_handle_t handle, const struct cpg_name *group_name,
                                 const struct cpg_address *member_list, size_t member_list_entries,
                                 const struct cpg_address *left_list, size_t left_list_entries,
                                 const struct cpg_address *joined_list, size_t joined_list_entries);

typedef void (*cpg_totem_confchg_fn_t)(cpg_handle_t handle, struct cpg_ring_id ring_id,
                                       uint32_t member_list_entries, const uint32_t *member_list);

typedef struct {
    cpg_deliver_fn_t cpg_deliver_fn;
    cpg_confchg_fn_t cpg_confchg_fn;
} cpg_callbacks_t;

typedef struct {
    cpg_model_t model;
} cpg_model_data_t;

/* Flag of the model: tell the current configuration of the ring first. */
#define CPG_MODEL_V1_DELIVER_INITIAL_TOTEM_CONF 0x01

typedef struct {
    cpg_model_t model;
    cpg_deliver_fn_t cpg_deliver_fn;
    cpg_confchg_fn_t cpg_confchg_fn;
    cpg_totem_confchg_fn_t cpg_totem_confchg_fn;
    unsigned int flags;
} cpg_model_v1_data_t;

/* The association with the executive of this node. */
cs_error_t cpg_initialize(cpg_handle_t *handle, cpg_callbacks_t *callbacks);
cs_error_t cpg_model_initialize(cpg_handle_t *handle, cpg_model_t model,
                                cpg_model_data_t *model_data, void *context);
cs_error_t cpg_finalize(cpg_handle_t handle);
cs_error_t cpg_fd_get(cpg_handle_t handle, int *fd);
cs_error_t cpg_dispatch(cpg_handle_t handle, cs_dispatch_flags_t dispatch_types);
cs_error_t cpg_context_get(cpg_handle_t handle, void **context);
cs_error_t cpg_context_set(cpg_handle_t handle, void *context);
cs_error_t cpg_local_get(cpg_handle_t handle, unsigned int *local_nodeid);

/* Membership. */
cs_error_t cpg_join(cpg_handle_t handle, const struct cpg_name *group);
cs_error_t cpg_leave(cpg_handle_t handle, const struct cpg_name *group);
cs_error_t cpg_membership_get(cpg_handle_t handle, struct cpg_name *group_name,
                              struct cpg_address *member_list, int *member_list_entries);

/* Messages to the group that the handle has joined. */
cs_error_t cpg_mcast_joined(cpg_handle_t handle, cpg_guarantee_t guarantee,
                            const struct iovec *iovec, unsigned int iov_len);
cs_error_t cpg_max_atomic_msgsize_get(cpg_handle_t handle, uint32_t *size);
cs_error_t cpg_flow_control_state_get(cpg_handle_t handle,
                                      cpg_flow_control_state_t *flow_control_state);
cs_error_t cpg_zcb_alloc(cpg_handle_t handle, size_t size, void **buffer);
cs_error_t cpg_zcb_free(cpg_handle_t handle, void *buffer);
cs_error_t cpg_zcb_mcast_joined(cpg_handle_t handle, cpg_guarantee_t guarantee, void *msg,
                                size_t msg_len);

/* All groups and processes of the cluster. */
cs_error_t cpg_iteration_initialize(cpg_handle_t handle, cpg_iteration_type_t iteration_type,
                                    const struct cpg_name *group,
                                    cpg_iteration_handle_t *cpg_iteration_handle);
cs_error_t cpg_iteration_next(cpg_iteration_handle_t handle,
                              struct cpg_iteration_description_t *description);
cs_error_t cpg_iteration_finalize(cpg_iteration_handle_t handle);

#ifdef __cplusplus
}
#endif
#endif
