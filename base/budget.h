/* SPDX-License-Identifier: Apache-2.0 */
/* The budget: memory that connections make the process keep, bounded over all of them, and who may take how much of it.
 *
 * THEORY. What a connection makes us keep (bytes received and not yet taken, requests, payloads, replies not yet sent)
 * is charged to its account, and given back when it goes. The accounts of one address form a peer. An account may hold
 * as much as its peer leaves free, and a peer as much as all leave free: whoever is greedy leaves as much again to the
 * next, and no share needs to be configured. With M in all, one connection alone may hold M/3; a peer of many greedy
 * connections M/2; of 9 such peers each has M/10, and M/10 is free for a tenth. A quarter of M is kept back: out of it
 * a peer that holds next to nothing gets a request that is too big for its share (1 MiB). A peer that holds no more
 * than one request may also end what it has begun: one of its accounts at a time takes as much as a request there,
 * until it has given that back. Of all the others so does one at a time: were all to hold a part and to wait for the
 * rest, that one can end. Whoever is refused stops reading, and tries again when something came back: its own replies
 * left, or a few milliseconds went by. What the file system holds (cache, consistency points) is not in here: the arena
 * has room for the whole budget beside it.
 * THREADS. The budget is the process's, from any thread. An account belongs to one loop. */
#ifndef BASE_BUDGET_H
#define BASE_BUDGET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#include "base/error.h"

struct budget_account;

/* Bound the budget; 0 (as it is before): no bound. Not while accounts hold anything. */
void budget_set_max(size_t max_bytes);

/* An account with one reference for a connection from `peer`: an IPv4 address, or the 64 bits of an IPv6 network, is
 * one peer; all that is neither is one peer. -ENOMEM. */
MUST_CHECK int budget_account_new(const struct sockaddr_storage *peer, struct budget_account **ret_account);
struct budget_account *budget_account_get(struct budget_account *account);
/* Give a reference back; with the last one nothing may be held any more. NULL is allowed. */
void budget_account_put(struct budget_account *account);

/* Take `len_bytes`, if that leaves the others what is theirs. False: nothing was taken. */
MUST_CHECK bool budget_take(struct budget_account *account, size_t len_bytes);
/* Take what cannot be refused any more, such as the reply to a request that was let in. May go over every bound. */
void budget_charge(struct budget_account *account, size_t len_bytes);
void budget_give(struct budget_account *account, size_t len_bytes);
/* How much budget_take would grant now. */
size_t budget_room(const struct budget_account *account);
size_t budget_held(const struct budget_account *account);

/* All that is held, its bound (0: none), and how often somebody was refused. */
size_t budget_used(void);
size_t budget_max(void);
uint64_t budget_refusals(void);

#endif
