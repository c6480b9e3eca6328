/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Extended virtual synchrony as the ring has it: messages to groups that anybody
 * may send to, and all configurations of the ring, in one order.  evs(7) is the
 * overview, evs(3) has every function with every error.
 *
 * Results and dispatch flags are those of openais 0.80; they differ from
 * those of other interfaces in value.  C99 and C++.
 */
#ifndef OPENAIS_EVS_H
#define OPENAIS_EVS_H

#include <netinet/in.h>
#include <stdint.h>
#include <sys/types.h>
#include <sys/uio.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef uint64_t evs_handle_t;

typedef enum {
    EVS_DISPATCH_ONE,     /* one callback; waits for it */
    EVS_DISPATCH_ALL,     /* everything pending; never waits */
    EVS_DISPATCH_BLOCKING /* until the handle is finalized */
} evs_dispatch_t;

/* What a multicast asks for. */
typedef enum {
    EVS_TYPE_UNORDERED, /* served as AGREED */
    EVS_TYPE_FIFO,      /* served as AGREED */
    EVS_TYPE_AGREED,    /* one total order at all receivers */
    EVS_TYPE_SAFE       /* and not delivered before every node has it */
} evs_guarantee_t;

typedef enum {
    EVS_OK = 1,
    EVS_ERR_LIBRARY = 2,
    EVS_ERR_TIMEOUT = 5,
    EVS_ERR_TRY_AGAIN = 6,
    EVS_ERR_INVALID_PARAM = 7,
    EVS_ERR_NO_MEMORY = 8,
    EVS_ERR_BAD_HANDLE = 9,
    EVS_ERR_ACCESS = 11,
    EVS_ERR_NOT_EXIST = 12,
    EVS_ERR_EXIST = 14,
    EVS_ERR_NOT_SUPPORTED = 20,
    EVS_ERR_SECURITY = 29,
    EVS_ERR_TOO_MANY_GROUPS = 30
} evs_error_t;

/* For old sources; nothing here uses it. */
#ifndef TOTEMIP_ADDRLEN
#define TOTEMIP_ADDRLEN (sizeof(struct in6_addr))
#endif
struct evs_address {
    unsigned int nodeid;
    unsigned short family;
    unsigned char addr[TOTEMIP_ADDRLEN];
};

/* A group is its key, all 32 bytes of it. */
struct evs_group {
    char key[32];
};

typedef void (*evs_deliver_fn_t)(unsigned int nodeid, void *msg, int msg_len);

typedef void (*evs_confchg_fn_t)(unsigned int *member_list, int member_list_entries,
                                 unsigned int *left_list, int left_list_entries,
                                 unsigned int *joined_list, int joined_list_entries);

typedef struct {
    evs_deliver_fn_t evs_deliver_fn;
    evs_confchg_fn_t evs_confchg_fn;
} evs_callbacks_t;

/* The association with the executive of this node. */
evs_error_t evs_initialize(evs_handle_t *handle, evs_callbacks_t *callbacks);
evs_error_t evs_finalize(evs_handle_t handle);
evs_error_t evs_fd_get(evs_handle_t handle, int *fd);
evs_error_t evs_dispatch(evs_handle_t handle, evs_dispatch_t dispatch_types);

/* Groups that this handle hears; of this handle only, and at once. */
evs_error_t evs_join(evs_handle_t handle, struct evs_group *groups, int group_cnt);
evs_error_t evs_leave(evs_handle_t handle, struct evs_group *groups, int group_cnt);

/* Messages, to the groups that were joined or to any others. */
evs_error_t evs_mcast_joined(evs_handle_t handle, evs_guarantee_t guarantee, struct iovec *iovec,
                             int iov_len);
evs_error_t evs_mcast_groups(evs_handle_t handle, evs_guarantee_t guarantee,
                             struct evs_group *groups, int group_cnt, struct iovec *iovec,
                             int iov_len);

/* The nodes of the ring. */
evs_error_t evs_membership_get(evs_handle_t handle, unsigned int *local_nodeid,
                               unsigned int *member_list, unsigned int *member_list_entries);

#ifdef __cplusplus
}
#endif
#endif
