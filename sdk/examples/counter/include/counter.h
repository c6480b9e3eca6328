/* SPDX-License-Identifier: BSD-3-Clause
 *
 * libcounter: named counters shared by all nodes of the cluster.
 *
 * All functions may be called from any thread.  A handle belongs to the process
 * that opened it.  When the executive of this node ends, every call returns
 * COUNTER_ERR_LOST; close the handle and open a new one.
 */
#ifndef COUNTER_H
#define COUNTER_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef uint64_t counter_handle_t;

typedef enum {
    COUNTER_OK = 0,
    COUNTER_ERR_INVALID = 1,     /* an argument is out of its range */
    COUNTER_ERR_BAD_HANDLE = 2,  /* closed, never opened, or the parent's */
    COUNTER_ERR_TRY_AGAIN = 3,   /* no executive is running here, or it is busy */
    COUNTER_ERR_LOST = 4,        /* the executive has ended or cut this program off */
    COUNTER_ERR_DENIED = 5,      /* this user may not use the executive */
    COUNTER_ERR_NO_SERVICE = 6,  /* the executive does not run the plugin counter */
    COUNTER_ERR_NO_MEMORY = 7
} counter_error_t;

/* Names have 1 to 63 bytes. */
#define COUNTER_NAME_MAX 63

counter_error_t counter_open(counter_handle_t *handle);
counter_error_t counter_close(counter_handle_t handle);

/* Add (or, with a negative amount, take away).  Returns when every node of
 * this component has it; *value, if not NULL, is the sum at that moment. */
counter_error_t counter_add(counter_handle_t handle, const char *name, int64_t amount,
                            int64_t *value);

/* What this node knows; 0 for a name that nobody has added to. */
counter_error_t counter_get(counter_handle_t handle, const char *name, int64_t *value);

/* Becomes readable when a counter has changed; then call counter_dispatch. */
counter_error_t counter_fd_get(counter_handle_t handle, int *fd);

/* Calls `changed` for each change that is waiting; with wait != 0 waits for
 * the first one. */
typedef void (*counter_changed_fn)(const char *name, int64_t value, void *context);
counter_error_t counter_dispatch(counter_handle_t handle, int wait, counter_changed_fn changed,
                                 void *context);

const char *counter_error_text(counter_error_t error);

#ifdef __cplusplus
}
#endif
#endif
