/* SPDX-License-Identifier: Apache-2.0 */
/* A door: lists of guests in the order they came, and of strangers by address.
 *
 * INVARIANTS.
 *  1. A guest with a place is in one of the two lists; a stranger also in the list of its address, which exists while
 *     it has one.
 *  2. Strangers never have more than their part of the places, nor one address more than its part of that. */
#include "base/door.h"

#include <pthread.h>
#include <stdlib.h>

#include "base/peer_key.h"

#define BUCKETS 1024U
#define LOOK_MAX 64U /* guests that are looked at to find one who is to go */

TAILQ_HEAD(door_guest_list, door_guest);

struct door_address {
	LIST_ENTRY(door_address) link;
	struct peer_key key;
	unsigned n;
	struct door_guest_list strangers;
};
LIST_HEAD(door_address_list, door_address);

struct door {
	_Atomic unsigned refs;
	pthread_mutex_t lock;
	unsigned places, stranger_places, address_places;
	unsigned n_known, n_strangers;
	struct door_guest_list known, strangers;
	struct door_address_list buckets[BUCKETS];
	uint64_t n_left, n_refused;
};

int door_new(unsigned places, struct door **ret_door)
{
	struct door *door = calloc(1, sizeof *door);

	if (door == NULL)
		return -ENOMEM;
	vc_assert(places > 0);
	pthread_mutex_init(&door->lock, NULL);
	atomic_init(&door->refs, 1);
	door->places = places;
	door->stranger_places = MAX_OF(places / 4, 1U);
	door->address_places = MAX_OF(door->stranger_places / 4, 1U);
	TAILQ_INIT(&door->known);
	TAILQ_INIT(&door->strangers);
	*ret_door = door;
	return 0;
}

struct door *door_get(struct door *door)
{
	atomic_fetch_add_explicit(&door->refs, 1, memory_order_relaxed);
	return door;
}

void door_put(struct door *door)
{
	if (door == NULL || atomic_fetch_sub_explicit(&door->refs, 1, memory_order_acq_rel) > 1)
		return;
	vc_assert(door->n_known == 0 && door->n_strangers == 0);
	pthread_mutex_destroy(&door->lock);
	free(door);
}

unsigned door_places(const struct door *door)
{
	return door->places;
}

/* ---- places; all under the lock ---- */

static uint64_t heard_ns(const struct door_guest *guest)
{
	return atomic_load_explicit(&guest->heard_ns, memory_order_relaxed);
}

static struct door_address_list *bucket_of(struct door *door, const struct peer_key *key)
{
	return &door->buckets[peer_key_bucket(key, BUCKETS)];
}

static struct door_address *address_find(struct door *door, const struct peer_key *key)
{
	struct door_address *address;

	LIST_FOREACH(address, bucket_of(door, key), link) {
		if (peer_key_equal(&address->key, key))
			return address;
	}
	return NULL;
}

static struct door_address *address_get(struct door *door, const struct peer_key *key)
{
	struct door_address *address = address_find(door, key);

	if (address != NULL)
		return address;
	address = calloc(1, sizeof *address);
	if (address == NULL)
		return NULL;
	address->key = *key;
	TAILQ_INIT(&address->strangers);
	LIST_INSERT_HEAD(bucket_of(door, key), address, link);
	return address;
}

/* It is gone with its last stranger. */
static void address_put(struct door_address *address)
{
	if (address->n > 0)
		return;
	LIST_REMOVE(address, link);
	free(address);
}

static void place_take(struct door *door, struct door_guest *guest)
{
	guest->door = door;
	if (guest->known) {
		TAILQ_INSERT_TAIL(&door->known, guest, link);
		door->n_known++;
		return;
	}
	TAILQ_INSERT_TAIL(&door->strangers, guest, link);
	TAILQ_INSERT_TAIL(&guest->address->strangers, guest, address_link);
	guest->address->n++;
	door->n_strangers++;
}

static void place_give(struct door_guest *guest)
{
	struct door *door = guest->door;

	guest->door = NULL;
	if (guest->known) {
		TAILQ_REMOVE(&door->known, guest, link);
		door->n_known--;
		return;
	}
	TAILQ_REMOVE(&door->strangers, guest, link);
	TAILQ_REMOVE(&guest->address->strangers, guest, address_link);
	guest->address->n--;
	door->n_strangers--;
	address_put(guest->address);
	guest->address = NULL;
}

static void put_out(struct door_guest *guest)
{
	guest->door->n_left++;
	place_give(guest);
	guest->leave(guest);
}

/* ---- who goes ---- */

/* Of the strangers who came first, the one that was silent longest. `list` is not empty. */
static struct door_guest *stranger_silent(const struct door_guest_list *list, bool of_address)
{
	struct door_guest *guest = TAILQ_FIRST(list), *silent = guest;

	for (unsigned i = 0; i < LOOK_MAX && guest != NULL; i++) {
		if (heard_ns(guest) < heard_ns(silent))
			silent = guest;
		guest = of_address ? TAILQ_NEXT(guest, address_link) : TAILQ_NEXT(guest, link);
	}
	return silent;
}

/* One who is known, patient, and silent; those who were looked at go to the end, so that all have their turn. NULL:
 * none of these. */
static struct door_guest *known_silent(struct door *door, uint64_t now_ns)
{
	for (unsigned i = 0; i < MIN_OF(LOOK_MAX, door->n_known); i++) {
		struct door_guest *guest = TAILQ_FIRST(&door->known);

		if (guest->patient && now_ns > heard_ns(guest) + DOOR_SILENT_NS)
			return guest;
		TAILQ_REMOVE(&door->known, guest, link);
		TAILQ_INSERT_TAIL(&door->known, guest, link);
	}
	return NULL;
}

/* Make room for one more stranger, of this address. */
static int make_room_for_stranger(struct door *door, const struct peer_key *key)
{
	const struct door_address *address = address_find(door, key);

	if (address != NULL && address->n >= door->address_places)
		put_out(stranger_silent(&address->strangers, true));
	else if (door->n_strangers > 0 &&
	         (door->n_strangers >= door->stranger_places || door->n_known + door->n_strangers >= door->places))
		put_out(stranger_silent(&door->strangers, false));
	return door->n_known + door->n_strangers < door->places ? 0 : -EMFILE;
}

static int make_room_for_known(struct door *door, uint64_t now_ns)
{
	struct door_guest *goes;

	if (door->n_known + door->n_strangers < door->places)
		return 0;
	goes = door->n_strangers > 0 ? stranger_silent(&door->strangers, false) : known_silent(door, now_ns);
	if (goes == NULL)
		return -EMFILE;
	put_out(goes);
	return 0;
}

static int enter_locked(struct door *door, struct door_guest *guest, const struct peer_key *key)
{
	int err = guest->known ? make_room_for_known(door, heard_ns(guest)) : make_room_for_stranger(door, key);

	if (err == 0 && !guest->known) {
		guest->address = address_get(door, key);
		err = guest->address == NULL ? -ENOMEM : 0;
	}
	if (err == 0)
		place_take(door, guest);
	else
		door->n_refused++;
	return err;
}

int door_enter(struct door *door, struct door_guest *guest, const struct sockaddr_storage *peer)
{
	struct peer_key key = peer_key_of(peer);
	int err;

	vc_assert(guest->door == NULL);
	pthread_mutex_lock(&door->lock);
	err = enter_locked(door, guest, &key);
	pthread_mutex_unlock(&door->lock);
	return err;
}

void door_know(struct door *door, struct door_guest *guest)
{
	pthread_mutex_lock(&door->lock);
	if (guest->door != NULL && !guest->known) {
		place_give(guest);
		guest->known = true;
		place_take(door, guest);
	}
	pthread_mutex_unlock(&door->lock);
}

void door_leave(struct door *door, struct door_guest *guest)
{
	pthread_mutex_lock(&door->lock);
	if (guest->door != NULL)
		place_give(guest);
	pthread_mutex_unlock(&door->lock);
}

void door_look(struct door *door, struct door_figures *ret_figures)
{
	pthread_mutex_lock(&door->lock);
	*ret_figures = (struct door_figures){ .n = door->n_known + door->n_strangers,
		                              .n_strangers = door->n_strangers,
		                              .n_left = door->n_left,
		                              .n_refused = door->n_refused };
	pthread_mutex_unlock(&door->lock);
}
