/* SPDX-License-Identifier: BSD-3-Clause
 *
 * ledger: accounts that survive the node they live on.
 *
 * Words of client and server.  All nodes of the example are of one kind, so the
 * structures go as they are.
 */
#ifndef LEDGER_H
#define LEDGER_H

#include <stdint.h>

#define LEDGER_GROUP "ledger" /* the process group that requests and answers go to */
#define LEDGER_CHECKPOINT "safCkpt=ledger"

enum {
    LEDGER_ACCOUNTS = 64,
    LEDGER_OPENING_BALANCE = 1000, /* of every account */
    LEDGER_WINDOW = 64,            /* most requests of a client without an answer */
    LEDGER_CLIENTS = 16
};

enum { LEDGER_REQUEST = 1, LEDGER_ANSWER = 2 };

/* Move an amount from one account to another.  Numbers of a client begin with 1 and
 * leave nothing out: request n is carried out after n - 1, once, however often it comes. */
struct ledger_request {
    uint32_t kind;
    uint32_t client; /* never 0, different for each client that ever was */
    uint64_t number;
    uint32_t from;
    uint32_t to;
    int64_t amount;
};

struct ledger_answer {
    uint32_t kind;
    uint32_t client;
    uint64_t number;
    int64_t from_balance; /* afterwards */
    uint32_t ok;          /* 0: there was not enough */
    uint32_t node;        /* who answers */
};

#endif
