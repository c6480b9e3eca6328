/* SPDX-License-Identifier: BSD-3-Clause
 * The public header as a program of C99 has it; layouts of the standard's binary interface. */

#include <openais/saLck.h>

#include <stddef.h>

typedef char callbacks_are_32[sizeof(SaLckCallbacksT) == 32 ? 1 : -1];
typedef char open_comes_first[offsetof(SaLckCallbacksT, saLckResourceOpenCallback) == 0 ? 1 : -1];
typedef char grant_is_second[offsetof(SaLckCallbacksT, saLckLockGrantCallback) == 8 ? 1 : -1];
typedef char waiter_is_third[offsetof(SaLckCallbacksT, saLckLockWaiterCallback) == 16 ? 1 : -1];
typedef char unlock_is_last[offsetof(SaLckCallbacksT, saLckResourceUnlockCallback) == 24 ? 1 : -1];
typedef char fence_is_16[sizeof(SaLckFenceT) == 16 ? 1 : -1];
typedef char enums_are_int[sizeof(SaLckLockStatusT) == 4 && sizeof(SaLckLockModeT) == 4 ? 1 : -1];

/* Both spellings of the type. */
static void on_grant(SaInvocationT invocation, SaLckLockStatusT status, SaAisErrorT error) {
    (void)invocation;
    (void)status;
    (void)error;
}

/* A translation unit must not be empty. */
int salck_header_is_c99(void);
int salck_header_is_c99(void) {
    SaLckLockGrantCallbackT standard = on_grant;
    SaLckLockGrantcallbackT openais = standard;
    return openais == on_grant && SA_LCK_LOCK_DUPLICATE_EX == 6;
}
