/* SPDX-License-Identifier: Apache-2.0 */
/* Calls kept: the table. */
#include "fs/cp/calls.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/counters.h"
#include "base/error.h"
#include "base/list.h"
#include "base/page.h"
#include "base/siphash.h"
#include "fs/format/fsformat.h"
#include "fs/fs_call.h"
#include "fs/message.h"
#include "fs/volume.h"

#define CALLS_PER_PAGE 8U
#define PEER_BUCKETS 64U
static_assert(sizeof(struct call) * CALLS_PER_PAGE <= PAGE_SIZE, "eight calls a page");

struct call_peer {
	struct call_peer *hash_next;
	TAILQ_ENTRY(call_peer) link;
	uint8_t address[FS_CALL_PEER_SIZE];
	unsigned n; /* calls of its */
	struct call_list replied; /* oldest first */
	struct call *next_collected; /* calls_collect */
};
TAILQ_HEAD(call_peer_list, call_peer);

struct calls {
	unsigned n_max, n_made, n_peers;
	unsigned n_buckets; /* a power of two */
	struct siphash_key hash_key;
	struct call_list free;
	struct call_peer_list peers;
	struct call_peer *victim; /* whom room was taken from last */
	struct call_peer *peer_buckets[PEER_BUCKETS];
	struct page **pages;
	unsigned n_pages;
	struct call *buckets[];
};

static struct fs_call_counters counters;

struct fs_call_counters *fs_call_counters(void)
{
	return &counters;
}

int calls_new(unsigned n_max, const struct siphash_key *hash_key, struct calls **ret_calls)
{
	unsigned n_buckets = 64;
	struct calls *calls;

	while (n_buckets < n_max)
		n_buckets *= 2;
	calls = calloc(1, sizeof *calls + n_buckets * sizeof(struct call *));
	if (calls == NULL)
		return -ENOMEM;
	calls->pages = calloc(DIV_UP(n_max, CALLS_PER_PAGE), sizeof(struct page *));
	if (calls->pages == NULL) {
		free(calls);
		return -ENOMEM;
	}
	calls->n_max = n_max;
	calls->n_buckets = n_buckets;
	calls->hash_key = *hash_key;
	TAILQ_INIT(&calls->free);
	TAILQ_INIT(&calls->peers);
	*ret_calls = calls;
	return 0;
}

void calls_free(struct calls *calls)
{
	struct call_peer *peer;

	if (calls == NULL)
		return;
	while ((peer = TAILQ_FIRST(&calls->peers)) != NULL) {
		TAILQ_REMOVE(&calls->peers, peer, link);
		counter_sub(&counters.kept, peer->n);
		free(peer);
	}
	page_put_many(calls->pages, calls->n_pages);
	free(calls->pages);
	free(calls);
}

/* ---- peers ------------------------------------------------------------------------------------------------------- */

static struct call_peer **peer_bucket(struct calls *calls, const uint8_t *address)
{
	return &calls->peer_buckets[siphash64(&calls->hash_key, address, FS_CALL_PEER_SIZE) % PEER_BUCKETS];
}

static struct call_peer *peer_get(struct calls *calls, const uint8_t *address)
{
	struct call_peer **bucket = peer_bucket(calls, address), *peer;

	for (peer = *bucket; peer != NULL; peer = peer->hash_next)
		if (memcmp(peer->address, address, FS_CALL_PEER_SIZE) == 0)
			return peer;
	peer = calloc(1, sizeof *peer);
	if (peer == NULL)
		return NULL;
	memcpy(peer->address, address, FS_CALL_PEER_SIZE);
	TAILQ_INIT(&peer->replied);
	peer->hash_next = *bucket;
	*bucket = peer;
	TAILQ_INSERT_TAIL(&calls->peers, peer, link);
	calls->n_peers++;
	return peer;
}

static void peer_drop_if_empty(struct calls *calls, struct call_peer *peer)
{
	struct call_peer **at = peer_bucket(calls, peer->address);

	if (peer->n > 0)
		return;
	while (*at != peer)
		at = &(*at)->hash_next;
	*at = peer->hash_next;
	if (calls->victim == peer)
		calls->victim = NULL;
	TAILQ_REMOVE(&calls->peers, peer, link);
	calls->n_peers--;
	free(peer);
}

/* ---- calls ------------------------------------------------------------------------------------------------------- */

static struct call **call_bucket(struct calls *calls, const struct fs_call_key *key)
{
	return &calls->buckets[siphash64(&calls->hash_key, key, sizeof *key) & (calls->n_buckets - 1U)];
}

/* Out of the table, but for its peer's list of finished ones. */
static void call_forget(struct calls *calls, struct call *call)
{
	struct call_peer *peer = call->peer;
	struct call **at = call_bucket(calls, &call->key);

	while (*at != call)
		at = &(*at)->hash_next;
	*at = call->hash_next;
	peer->n--;
	peer_drop_if_empty(calls, peer);
	TAILQ_INSERT_HEAD(&calls->free, call, link);
	counter_sub(&counters.kept, 1);
}

static void call_evict(struct calls *calls, struct call *call)
{
	TAILQ_REMOVE(&call->peer->replied, call, link);
	call_forget(calls, call);
	counter_add(&counters.evicted, 1);
}

static bool is_too_old(const struct call *call, uint64_t now_ns)
{
	return call->reply_len != 0 && call->first == NULL && now_ns - call->replied_ns > CALLS_AGE_NS;
}

struct call *calls_find(struct calls *calls, const struct fs_call_key *key, uint64_t now_ns)
{
	struct call *call = *call_bucket(calls, key);

	while (call != NULL && memcmp(&call->key, key, sizeof *key) != 0)
		call = call->hash_next;
	if (call == NULL || !is_too_old(call, now_ns) || call->n_waiting > 0)
		return call;
	call_evict(calls, call);
	return NULL;
}

/* ---- room -------------------------------------------------------------------------------------------------------- */

static struct call *peer_oldest(const struct call_peer *peer)
{
	struct call *call;

	TAILQ_FOREACH(call, &peer->replied, link)
		if (call->n_waiting == 0 && call->first == NULL)
			return call;
	return NULL;
}

/* The next peer, from the last victim on, that has more than its share and something to give. */
static struct call *greedy_oldest(struct calls *calls, unsigned share)
{
	struct call_peer *peer = calls->victim != NULL ? calls->victim : TAILQ_FIRST(&calls->peers);

	for (unsigned i = 0; i < calls->n_peers; i++) {
		struct call *oldest = peer->n > share ? peer_oldest(peer) : NULL;

		calls->victim = peer;
		if (oldest != NULL)
			return oldest;
		peer = TAILQ_NEXT(peer, link) != NULL ? TAILQ_NEXT(peer, link) : TAILQ_FIRST(&calls->peers);
	}
	return NULL;
}

static void room_make(struct calls *calls, const struct call_peer *own)
{
	unsigned share = calls->n_made / calls->n_peers;
	struct call *call = own->n > 0 && own->n >= share ? peer_oldest(own) : greedy_oldest(calls, share);

	if (call != NULL)
		call_evict(calls, call);
}

static void page_of_calls(struct calls *calls)
{
	struct page *page = calls->n_made + CALLS_PER_PAGE <= ROUND_UP(calls->n_max, CALLS_PER_PAGE) ? page_alloc()
	                                                                                             : NULL;
	struct call *call;

	if (page == NULL)
		return;
	calls->pages[calls->n_pages++] = page;
	call = (struct call *)(void *)page->data;
	for (unsigned i = 0; i < CALLS_PER_PAGE && calls->n_made < calls->n_max; i++, calls->n_made++)
		TAILQ_INSERT_TAIL(&calls->free, &call[i], link);
}

static struct call *call_take(struct calls *calls, const struct call_peer *own)
{
	struct call *call;

	if (TAILQ_EMPTY(&calls->free))
		page_of_calls(calls);
	if (TAILQ_EMPTY(&calls->free))
		room_make(calls, own);
	call = TAILQ_FIRST(&calls->free);
	if (call != NULL)
		TAILQ_REMOVE(&calls->free, call, link);
	return call;
}

struct call *calls_add(struct calls *calls, const struct fs_call_key *key, const struct fs_message *first)
{
	struct call_peer *peer = peer_get(calls, key->peer);
	struct call *call = peer != NULL ? call_take(calls, peer) : NULL;
	struct call **bucket = call_bucket(calls, key);

	if (call == NULL) {
		if (peer != NULL)
			peer_drop_if_empty(calls, peer);
		counter_add(&counters.unkept, 1);
		return NULL;
	}
	memset(call, 0, offsetof(struct call, reply));
	call->key = *key;
	call->first = first;
	call->peer = peer;
	TAILQ_INIT(&call->waiters);
	call->hash_next = *bucket;
	*bucket = call;
	peer->n++;
	counter_add(&counters.kept, 1);
	return call;
}

/* ---- a call's life ----------------------------------------------------------------------------------------------- */

void calls_reply(struct call *call, const struct call_reply *reply, uint64_t now_ns)
{
	vc_assert(reply->len_bytes > 0 && reply->len_bytes <= FS_REPLY_MAX && call->reply_len == 0);
	call->status = reply->status;
	memcpy(call->reply, reply->bytes, reply->len_bytes);
	call->reply_len = (uint16_t)reply->len_bytes;
	call->sequence = reply->sequence;
	call->logged = reply->logged;
	call->replied_ns = now_ns;
	TAILQ_INSERT_TAIL(&call->peer->replied, call, link);
}

void calls_end(struct calls *calls, struct call *call)
{
	call->first = NULL;
	if (call->reply_len == 0 && call->n_waiting == 0)
		call_forget(calls, call);
}

void calls_wait(struct call *call)
{
	call->n_waiting++;
}

void calls_leave(struct calls *calls, struct call *call)
{
	vc_assert(call->n_waiting > 0);
	if (--call->n_waiting == 0 && call->first == NULL && call->reply_len == 0)
		call_forget(calls, call);
}

/* ---- what is to survive ------------------------------------------------------------------------------------------ */

/* From `call` on towards older ones: the first that counts. */
static struct call *older_logged(struct call *call, uint64_t sequence, uint64_t now_ns)
{
	while (call != NULL && (!call->logged || call->sequence > sequence))
		call = TAILQ_PREV(call, call_list, link);
	return call == NULL || now_ns - call->replied_ns > CALLS_AGE_NS ? NULL : call;
}

unsigned calls_collect(struct calls *calls, uint64_t sequence, uint64_t now_ns, struct call **ret_calls, unsigned n_max)
{
	struct call_peer *peer;
	unsigned n = 0, n_before;

	TAILQ_FOREACH(peer, &calls->peers, link)
		peer->next_collected = older_logged(TAILQ_LAST(&peer->replied, call_list), sequence, now_ns);
	do {
		n_before = n;
		TAILQ_FOREACH(peer, &calls->peers, link) {
			struct call *call = peer->next_collected;

			if (call == NULL || n == n_max)
				continue;
			ret_calls[n++] = call;
			peer->next_collected = older_logged(TAILQ_PREV(call, call_list, link), sequence, now_ns);
		}
	} while (n > n_before);
	return n;
}
