/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The public header as a C99 program sees it, and its layouts, which are the
 * standard's on 64-bit Linux.  That this file compiles is most of the test
 * (-std=c99 -pedantic -Werror).
 */
#include "include/saClm.h"

#include <stddef.h>

#define SAME(name, a, b) typedef char name[(a) == (b) ? 1 : -1]

SAME(address_size, sizeof(SaClmNodeAddressT), 72);
SAME(address_value, offsetof(SaClmNodeAddressT, value), 6);
SAME(node_size, sizeof(SaClmClusterNodeT), 360);
SAME(node_name, offsetof(SaClmClusterNodeT, nodeName), 76);
SAME(node_member, offsetof(SaClmClusterNodeT, member), 336);
SAME(node_view, offsetof(SaClmClusterNodeT, initialViewNumber), 352);
SAME(notification_size, sizeof(SaClmClusterNotificationT), 368);
SAME(notification_change, offsetof(SaClmClusterNotificationT, clusterChange), 360);
SAME(buffer_size, sizeof(SaClmClusterNotificationBufferT), 24);
SAME(node_4_size, sizeof(SaClmClusterNodeT_4), 616);
SAME(node_4_environment, offsetof(SaClmClusterNodeT_4, executionEnvironment), 334);
SAME(node_4_member, offsetof(SaClmClusterNodeT_4, member), 592);
SAME(node_4_boot, offsetof(SaClmClusterNodeT_4, bootTimestamp), 600);
SAME(notification_4_size, sizeof(SaClmClusterNotificationT_4), 624);

static int called;

static void on_node(SaInvocationT invocation, const SaClmClusterNodeT *clusterNode, SaAisErrorT error)
{
    (void)clusterNode;
    called += invocation == 7 && error == SA_AIS_OK;
}

static void on_track(const SaClmClusterNotificationBufferT *notificationBuffer, SaUint32T numberOfMembers,
                     SaAisErrorT error)
{
    called += notificationBuffer->numberOfItems == 0 && numberOfMembers == 1 && error == SA_AIS_OK;
}

int clm_header_test(void);

int clm_header_test(void)
{
    SaClmCallbacksT callbacks = {on_node, on_track};
    SaClmCallbacksT_4 later = {NULL, NULL};
    SaClmClusterNotificationBufferT buffer = {1, 0, NULL};

    callbacks.saClmClusterNodeGetCallback(7, NULL, SA_AIS_OK);
    callbacks.saClmClusterTrackCallback(&buffer, 1, SA_AIS_OK);
    return called == 2 && later.saClmClusterNodeGetCallback == NULL && SA_CLM_LOCAL_NODE_ID == 0xffffffffU ? 0 : 1;
}
