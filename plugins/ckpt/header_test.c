/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The public header as a C99 program sees it, and its layouts, which are the
 * standard's on 64-bit Linux.  That this file compiles is most of the test
 * (-std=c99 -pedantic -Werror).
 */
#include "include/saCkpt.h"

#include <stddef.h>

#define SAME(name, a, b) typedef char name[(a) == (b) ? 1 : -1]

SAME(attributes_size, sizeof(SaCkptCheckpointCreationAttributesT), 48);
SAME(attributes_checkpoint_size, offsetof(SaCkptCheckpointCreationAttributesT, checkpointSize), 8);
SAME(attributes_retention, offsetof(SaCkptCheckpointCreationAttributesT, retentionDuration), 16);
SAME(attributes_sections, offsetof(SaCkptCheckpointCreationAttributesT, maxSections), 24);
SAME(attributes_section_size, offsetof(SaCkptCheckpointCreationAttributesT, maxSectionSize), 32);
SAME(attributes_id_size, offsetof(SaCkptCheckpointCreationAttributesT, maxSectionIdSize), 40);
SAME(id_size, sizeof(SaCkptSectionIdT), 16);
SAME(descriptor_size, sizeof(SaCkptSectionDescriptorT), 48);
SAME(element_size, sizeof(SaCkptIOVectorElementT), 48);
SAME(checkpoint_size, sizeof(SaCkptCheckpointDescriptorT), 56);
SAME(checkpoint_used, offsetof(SaCkptCheckpointDescriptorT, memoryUsed), 52);

static int called;

static void on_open(SaInvocationT invocation, SaCkptCheckpointHandleT checkpointHandle, SaAisErrorT error)
{
    called += invocation == 7 && checkpointHandle == 8 && error == SA_AIS_OK;
}

static void on_synchronize(SaInvocationT invocation, SaAisErrorT error)
{
    called += invocation == 9 && error == SA_AIS_ERR_TIMEOUT;
}

int ckpt_header_test(void);

int ckpt_header_test(void)
{
    SaCkptCallbacksT callbacks = {on_open, on_synchronize};
    SaCkptSectionIdT id = SA_CKPT_DEFAULT_SECTION_ID;
    SaCkptSectionIdT generated = SA_CKPT_GENERATED_SECTION_ID;

    callbacks.saCkptCheckpointOpenCallback(7, 8, SA_AIS_OK);
    callbacks.saCkptCheckpointSynchronizeCallback(9, SA_AIS_ERR_TIMEOUT);
    return called == 2 && id.id == NULL && generated.idLen == 0 ? 0 : 1;
}
