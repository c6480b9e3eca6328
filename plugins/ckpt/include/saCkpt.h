/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The Checkpoint Service of the SA Forum, B.01.01 with the additions of
 * B.02.02: named objects with sections of bytes, replicated on the nodes of a
 * cluster.  ckpt(7) is the overview, saCkpt(3) has every function with every
 * error.
 *
 * One structure differs between the two versions under one name:
 * SaCkptCheckpointDescriptorT has memoryUsed with 32 bits in B.01.01 (56 bytes
 * in all) and with 64 bits in B.02.02 (64 bytes).  This header has the first;
 * a program that defines OPENAIS_CKPT_B02 before including it gets the
 * second.  Either way the library fills what the program has, whatever version it asks for at
 * initialization.  C99 and C++.
 */
#ifndef OPENAIS_SACKPT_H
#define OPENAIS_SACKPT_H

#include <openais/saAis.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef SaUint64T SaCkptHandleT;
typedef SaUint64T SaCkptCheckpointHandleT;
typedef SaUint64T SaCkptSectionIterationHandleT;

/* How a checkpoint is written: exactly one of the first three. */
#define SA_CKPT_WR_ALL_REPLICAS 0x1
#define SA_CKPT_WR_ACTIVE_REPLICA 0x2
#define SA_CKPT_WR_ACTIVE_REPLICA_WEAK 0x4
#define SA_CKPT_CHECKPOINT_COLLOCATED 0x8
typedef SaUint32T SaCkptCheckpointCreationFlagsT;

typedef struct {
    SaCkptCheckpointCreationFlagsT creationFlags;
    SaSizeT checkpointSize; /* bytes of all sections together; at most maxSections * maxSectionSize */
    SaTimeT retentionDuration;
    SaUint32T maxSections;
    SaSizeT maxSectionSize;
    SaSizeT maxSectionIdSize;
} SaCkptCheckpointCreationAttributesT;

#define SA_CKPT_CHECKPOINT_READ 0x1
#define SA_CKPT_CHECKPOINT_WRITE 0x2
#define SA_CKPT_CHECKPOINT_CREATE 0x4
typedef SaUint32T SaCkptCheckpointOpenFlagsT;

#define SA_CKPT_DEFAULT_SECTION_ID \
    {                              \
        0, NULL                    \
    }
#define SA_CKPT_GENERATED_SECTION_ID \
    {                                \
        0, NULL                      \
    }

typedef struct {
    SaUint16T idLen;
    SaUint8T *id;
} SaCkptSectionIdT;

typedef struct {
    SaCkptSectionIdT *sectionId;
    SaTimeT expirationTime; /* absolute; SA_TIME_END: never */
} SaCkptSectionCreationAttributesT;

typedef enum {
    SA_CKPT_SECTION_VALID = 1,
    SA_CKPT_SECTION_CORRUPTED = 2 /* a write to a weak checkpoint was cut off */
} SaCkptSectionStateT;

typedef struct {
    SaCkptSectionIdT sectionId;
    SaTimeT expirationTime;
    SaSizeT sectionSize;
    SaCkptSectionStateT sectionState;
    SaTimeT lastUpdate;
} SaCkptSectionDescriptorT;

typedef enum {
    SA_CKPT_SECTIONS_FOREVER = 1,
    SA_CKPT_SECTIONS_LEQ_EXPIRATION_TIME = 2,
    SA_CKPT_SECTIONS_GEQ_EXPIRATION_TIME = 3,
    SA_CKPT_SECTIONS_CORRUPTED = 4,
    SA_CKPT_SECTIONS_ANY = 5
} SaCkptSectionsChosenT;

typedef struct {
    SaCkptSectionIdT sectionId;
    void *dataBuffer;
    SaSizeT dataSize;
    SaOffsetT dataOffset;
    SaSizeT readSize; /* of a read: how much was there */
} SaCkptIOVectorElementT;

typedef struct {
    SaCkptCheckpointCreationAttributesT checkpointCreationAttributes;
    SaUint32T numberOfSections;
#ifdef OPENAIS_CKPT_B02
    SaSizeT memoryUsed; /* bytes of all sections */
#else
    SaUint32T memoryUsed; /* bytes of all sections; 0xffffffff: that many or more */
#endif
} SaCkptCheckpointDescriptorT;

/* B.02.02: what notifications about checkpoints say. */
typedef enum {
    SA_CKPT_SECTION_RESOURCES_EXHAUSTED = 1,
    SA_CKPT_SECTION_RESOURCES_AVAILABLE = 2
} SaCkptCheckpointStatusT;
typedef enum { SA_CKPT_CHECKPOINT_STATUS = 1 } SaCkptStateT;

typedef void (*SaCkptCheckpointOpenCallbackT)(SaInvocationT invocation, SaCkptCheckpointHandleT checkpointHandle,
                                              SaAisErrorT error);
typedef void (*SaCkptCheckpointSynchronizeCallbackT)(SaInvocationT invocation, SaAisErrorT error);

typedef struct {
    SaCkptCheckpointOpenCallbackT saCkptCheckpointOpenCallback;
    SaCkptCheckpointSynchronizeCallbackT saCkptCheckpointSynchronizeCallback;
} SaCkptCallbacksT;

/* The association with the executive of this node. */
SaAisErrorT saCkptInitialize(SaCkptHandleT *ckptHandle, const SaCkptCallbacksT *callbacks, SaVersionT *version);
SaAisErrorT saCkptSelectionObjectGet(SaCkptHandleT ckptHandle, SaSelectionObjectT *selectionObject);
SaAisErrorT saCkptDispatch(SaCkptHandleT ckptHandle, SaDispatchFlagsT dispatchFlags);
SaAisErrorT saCkptFinalize(SaCkptHandleT ckptHandle);

/* Checkpoints. */
SaAisErrorT saCkptCheckpointOpen(SaCkptHandleT ckptHandle, const SaNameT *checkpointName,
                                 const SaCkptCheckpointCreationAttributesT *checkpointCreationAttributes,
                                 SaCkptCheckpointOpenFlagsT checkpointOpenFlags, SaTimeT timeout,
                                 SaCkptCheckpointHandleT *checkpointHandle);
SaAisErrorT saCkptCheckpointOpenAsync(SaCkptHandleT ckptHandle, SaInvocationT invocation,
                                      const SaNameT *checkpointName,
                                      const SaCkptCheckpointCreationAttributesT *checkpointCreationAttributes,
                                      SaCkptCheckpointOpenFlagsT checkpointOpenFlags);
SaAisErrorT saCkptCheckpointClose(SaCkptCheckpointHandleT checkpointHandle);
SaAisErrorT saCkptCheckpointUnlink(SaCkptHandleT ckptHandle, const SaNameT *checkpointName);
SaAisErrorT saCkptCheckpointRetentionDurationSet(SaCkptCheckpointHandleT checkpointHandle, SaTimeT retentionDuration);
SaAisErrorT saCkptActiveReplicaSet(SaCkptCheckpointHandleT checkpointHandle);

/* Programs of either layout are bound to the function that fills theirs; the
 * plain name, which programs built against other headers call, fills that of the version asked for. */
#if !defined(OPENAIS_CKPT_PLAIN_NAMES) && defined(OPENAIS_CKPT_B02)
#define OPENAIS_CKPT_STATUS_GET __asm__("saCkptCheckpointStatusGet_B02")
#elif !defined(OPENAIS_CKPT_PLAIN_NAMES)
#define OPENAIS_CKPT_STATUS_GET __asm__("saCkptCheckpointStatusGet_B01")
#else
#define OPENAIS_CKPT_STATUS_GET
#endif
SaAisErrorT saCkptCheckpointStatusGet(SaCkptCheckpointHandleT checkpointHandle,
                                      SaCkptCheckpointDescriptorT *checkpointStatus) OPENAIS_CKPT_STATUS_GET;

/* Sections. */
SaAisErrorT saCkptSectionCreate(SaCkptCheckpointHandleT checkpointHandle,
                                SaCkptSectionCreationAttributesT *sectionCreationAttributes, const void *initialData,
                                SaSizeT initialDataSize);
SaAisErrorT saCkptSectionDelete(SaCkptCheckpointHandleT checkpointHandle, const SaCkptSectionIdT *sectionId);
SaAisErrorT saCkptSectionIdFree(SaCkptCheckpointHandleT checkpointHandle, SaUint8T *id);
SaAisErrorT saCkptSectionExpirationTimeSet(SaCkptCheckpointHandleT checkpointHandle, const SaCkptSectionIdT *sectionId,
                                           SaTimeT expirationTime);
SaAisErrorT saCkptSectionIterationInitialize(SaCkptCheckpointHandleT checkpointHandle,
                                             SaCkptSectionsChosenT sectionsChosen, SaTimeT expirationTime,
                                             SaCkptSectionIterationHandleT *sectionIterationHandle);
SaAisErrorT saCkptSectionIterationNext(SaCkptSectionIterationHandleT sectionIterationHandle,
                                       SaCkptSectionDescriptorT *sectionDescriptor);
SaAisErrorT saCkptSectionIterationFinalize(SaCkptSectionIterationHandleT sectionIterationHandle);

/* Data. */
SaAisErrorT saCkptCheckpointWrite(SaCkptCheckpointHandleT checkpointHandle, const SaCkptIOVectorElementT *ioVector,
                                  SaUint32T numberOfElements, SaUint32T *erroneousVectorIndex);
SaAisErrorT saCkptSectionOverwrite(SaCkptCheckpointHandleT checkpointHandle, const SaCkptSectionIdT *sectionId,
                                   const void *dataBuffer, SaSizeT dataSize);
SaAisErrorT saCkptCheckpointRead(SaCkptCheckpointHandleT checkpointHandle, SaCkptIOVectorElementT *ioVector,
                                 SaUint32T numberOfElements, SaUint32T *erroneousVectorIndex);
SaAisErrorT saCkptIOVectorElementDataFree(SaCkptCheckpointHandleT checkpointHandle, void *data);
SaAisErrorT saCkptCheckpointSynchronize(SaCkptCheckpointHandleT checkpointHandle, SaTimeT timeout);
SaAisErrorT saCkptCheckpointSynchronizeAsync(SaCkptCheckpointHandleT checkpointHandle, SaInvocationT invocation);

#ifdef __cplusplus
}
#endif
#endif
