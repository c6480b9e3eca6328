/* SPDX-License-Identifier: BSD-3-Clause
 *
 * What the parts of services_load share.
 */
#ifndef SERVICES_LOAD_H
#define SERVICES_LOAD_H

#define NODES 3

extern unsigned node;

/* Say it and end with status 1. */
void violation(const char *format, ...);
/* Whether a call is to be made again. */
int must_repeat(int error, const char *what);

/* services_msg.c: a queue of this node, to which all send. */
void begin_queue(void);
void use_queue(unsigned long turn);
/* What waits is got; then nothing that this node has sent to itself is missing. */
void empty_queue(void);
extern unsigned long queue_sent, queue_got;

#endif
