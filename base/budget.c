/* SPDX-License-Identifier: Apache-2.0 */
/* The budget: counters of the process, of peers and of accounts.
 *
 * INVARIANTS.
 *  1. A peer holds what its accounts hold, the budget what its peers hold.
 *  2. A peer is in the table while it has an account.
 *  3. An account is in its last_slot, if it has one, and in no other.
 * THREADS. Sums are atomic; two loops that take at the same instant may go over by what one of them took. The table has
 * a lock. */
#include "base/budget.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "base/list.h"
#include "base/peer_key.h"

#define BUCKETS 1024U
#define RESERVE_PARTS 4U /* one of them is kept back */
#define LITTLE_BYTES ((size_t)128 << 10) /* a peer that holds no more may have a request out of it */
#define REQUEST_BYTES ((size_t)1280 << 10) /* the biggest one, with what belongs to it */

struct budget_peer {
	LIST_ENTRY(budget_peer) link;
	struct peer_key key;
	unsigned n_accounts; /* under the lock */
	_Atomic size_t held;
	_Atomic(struct budget_account *) last; /* like the budget's, while the peer holds no more than a request */
};

struct budget_account {
	struct budget_peer *peer;
	size_t held;
	_Atomic(struct budget_account *) *last_slot; /* of the peer or of the budget, while it holds what its share does
	                                              * not allow */
	size_t last_floor; /* back to this, and it has given that back */
	unsigned refs;
};

static struct {
	_Atomic size_t held;
	_Atomic size_t max;
	_Atomic uint64_t refusals;
	_Atomic(struct budget_account *) last; /* who was given what its share does not allow; NULL: nobody */
	pthread_mutex_t lock;
	LIST_HEAD(, budget_peer) buckets[BUCKETS];
} budget = { .lock = PTHREAD_MUTEX_INITIALIZER };

/* ---- peers ---- */

/* Under the lock. */
static struct budget_peer *peer_find(const struct peer_key *key)
{
	struct budget_peer *peer;

	LIST_FOREACH(peer, &budget.buckets[peer_key_bucket(key, BUCKETS)], link) {
		if (peer_key_equal(&peer->key, key))
			return peer;
	}
	peer = calloc(1, sizeof *peer);
	if (peer == NULL)
		return NULL;
	peer->key = *key;
	LIST_INSERT_HEAD(&budget.buckets[peer_key_bucket(key, BUCKETS)], peer, link);
	return peer;
}

static struct budget_peer *peer_join(const struct sockaddr_storage *address)
{
	struct peer_key key = peer_key_of(address);
	struct budget_peer *peer;

	pthread_mutex_lock(&budget.lock);
	peer = peer_find(&key);
	if (peer != NULL)
		peer->n_accounts++;
	pthread_mutex_unlock(&budget.lock);
	return peer;
}

static void peer_leave(struct budget_peer *peer)
{
	pthread_mutex_lock(&budget.lock);
	if (--peer->n_accounts == 0) { /* invariant 2 */
		vc_assert(atomic_load_explicit(&peer->held, memory_order_relaxed) == 0); /* invariant 1 */
		LIST_REMOVE(peer, link);
		free(peer);
	}
	pthread_mutex_unlock(&budget.lock);
}

/* ---- accounts ---- */

int budget_account_new(const struct sockaddr_storage *peer, struct budget_account **ret_account)
{
	struct budget_account *account = calloc(1, sizeof *account);

	if (account == NULL)
		return -ENOMEM;
	account->refs = 1;
	account->peer = peer_join(peer);
	if (account->peer == NULL) {
		free(account);
		return -ENOMEM;
	}
	*ret_account = account;
	return 0;
}

struct budget_account *budget_account_get(struct budget_account *account)
{
	account->refs++;
	return account;
}

void budget_account_put(struct budget_account *account)
{
	if (account == NULL || --account->refs > 0)
		return;
	vc_assert(account->held == 0 && account->last_slot == NULL);
	peer_leave(account->peer);
	free(account);
}

/* ---- taking and giving back ---- */

/* What is left of `whole` when `parts` have gone. */
static size_t less(size_t whole, size_t parts)
{
	return whole > parts ? whole - parts : 0;
}

/* Taking n leaves free - n to all and (free - n) - (peer + n) to the peer; own + n may be no more than that. */
static size_t room_by_share(const struct budget_account *account, size_t max, size_t used, size_t peer)
{
	size_t free = less(max - max / RESERVE_PARTS, used);

	return less(free, peer + account->held) / 3;
}

size_t budget_room(const struct budget_account *account)
{
	size_t max = atomic_load_explicit(&budget.max, memory_order_relaxed);
	size_t used = atomic_load_explicit(&budget.held, memory_order_relaxed);
	size_t peer = atomic_load_explicit(&account->peer->held, memory_order_relaxed);
	size_t share;

	if (max == 0)
		return SIZE_MAX / 2;
	share = room_by_share(account, max, used, peer);
	return peer <= LITTLE_BYTES ? MAX_OF(share, MIN_OF(less(max, used), REQUEST_BYTES)) : share;
}

void budget_charge(struct budget_account *account, size_t len_bytes)
{
	account->held += len_bytes;
	atomic_fetch_add_explicit(&account->peer->held, len_bytes, memory_order_relaxed);
	atomic_fetch_add_explicit(&budget.held, len_bytes, memory_order_relaxed);
}

/* Become the one of its peer, or of all, that may go beyond its share. */
static bool last_enter(struct budget_account *account)
{
	struct budget_peer *peer = account->peer;
	struct budget_account *nobody = NULL;
	size_t peer_held = atomic_load_explicit(&peer->held, memory_order_relaxed);

	if (account->last_slot != NULL)
		return true;
	account->last_slot = peer_held <= REQUEST_BYTES ? &peer->last : &budget.last;
	if (!atomic_compare_exchange_strong(account->last_slot, &nobody, account))
		account->last_slot = NULL;
	account->last_floor = account->held;
	return account->last_slot != NULL;
}

/* Beyond its share, if nobody else is. */
static bool last_take(struct budget_account *account, size_t len_bytes)
{
	size_t left = less(budget_max(), budget_used());

	if (len_bytes > MIN_OF(left, REQUEST_BYTES) || !last_enter(account))
		return false;
	return account->held + len_bytes <= account->last_floor + REQUEST_BYTES;
}

/* It is back where it was before. */
static void last_leave(struct budget_account *account)
{
	atomic_store(account->last_slot, NULL);
	account->last_slot = NULL;
}

bool budget_take(struct budget_account *account, size_t len_bytes)
{
	if (budget_room(account) < len_bytes && !last_take(account, len_bytes)) {
		atomic_fetch_add_explicit(&budget.refusals, 1, memory_order_relaxed);
		return false;
	}
	budget_charge(account, len_bytes);
	return true;
}

void budget_give(struct budget_account *account, size_t len_bytes)
{
	vc_assert(len_bytes <= account->held);
	account->held -= len_bytes;
	atomic_fetch_sub_explicit(&account->peer->held, len_bytes, memory_order_relaxed);
	atomic_fetch_sub_explicit(&budget.held, len_bytes, memory_order_relaxed);
	if (account->last_slot != NULL && account->held <= account->last_floor)
		last_leave(account);
}

size_t budget_held(const struct budget_account *account)
{
	return account->held;
}

/* ---- the whole ---- */

void budget_set_max(size_t max_bytes)
{
	vc_assert(budget_used() == 0);
	atomic_store_explicit(&budget.max, max_bytes, memory_order_relaxed);
}

size_t budget_used(void)
{
	return atomic_load_explicit(&budget.held, memory_order_relaxed);
}

size_t budget_max(void)
{
	return atomic_load_explicit(&budget.max, memory_order_relaxed);
}

uint64_t budget_refusals(void)
{
	return atomic_load_explicit(&budget.refusals, memory_order_relaxed);
}
