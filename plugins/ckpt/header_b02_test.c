/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The public header as a program for B.02.02 sees it: one structure is larger.
 */
#define OPENAIS_CKPT_B02 1
#include "include/saCkpt.h"

#include <stddef.h>

#define SAME(name, a, b) typedef char name[(a) == (b) ? 1 : -1]

SAME(checkpoint_size, sizeof(SaCkptCheckpointDescriptorT), 64);
SAME(checkpoint_used, offsetof(SaCkptCheckpointDescriptorT, memoryUsed), 56);

int ckpt_header_b02_test(void);

int ckpt_header_b02_test(void)
{
    return SA_CKPT_SECTION_RESOURCES_AVAILABLE == 2 && SA_CKPT_CHECKPOINT_STATUS == 1 ? 0 : 1;
}
