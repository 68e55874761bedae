/* SPDX-License-Identifier: Apache-2.0 */
/* A door: the places a service has for connections, and who gives way to whom when they are taken.
 *
 * THEORY. A connection is a stranger's until its owner knows that its peer has a right (an export names its address, a
 * LUN is mapped to its name). Strangers have a part of the places in all, and a part of that for one address; the other
 * places are kept for who is known. A newcomer is never refused because of strangers: where their places are taken, one
 * of those who came first goes, the one that was silent longest. When all places are taken by those who are known, one
 * that can do without (see door_enter) and has been silent for DOOR_SILENT_NS goes; if there is none, the newcomer is
 * refused. Example: of 5,120 places 1,280 may be strangers', 320 of one address. Who is to go has given up its place at
 * once; it learns of it by its `leave`.
 * THREADS. Any; a guest's owner must not free it while `leave` has work under way. */
#ifndef BASE_DOOR_H
#define BASE_DOOR_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

#include "base/error.h"
#include "base/list.h"

#define DOOR_SILENT_NS 10000000000ULL

struct door;
struct door_address;

/* One connection. Zeroed before door_enter. */
struct door_guest {
	struct door *door; /* NULL: it has no place; under the door's lock */
	struct door_address *address;
	TAILQ_ENTRY(door_guest) link;
	TAILQ_ENTRY(door_guest) address_link; /* of a stranger */
	bool known;
	bool patient; /* it may be asked to leave though it is known: its peer comes back by itself */
	_Atomic uint64_t heard_ns; /* when its peer was last heard; its owner keeps it */
	/* It has lost its place and is to go. Called under the door's lock, on another guest's thread: post, do not
	 * call the door. */
	void (*leave)(struct door_guest *guest);
};

/* With one reference. `places`: at least 1. -ENOMEM. */
MUST_CHECK int door_new(unsigned places, struct door **ret_door);
struct door *door_get(struct door *door);
/* With the last reference nobody has a place any more. NULL is allowed. */
void door_put(struct door *door);
unsigned door_places(const struct door *door);

/* Take a place for a connection from `peer`: an IPv4 address, or the 64 bits of an IPv6 network, is one address; all
 * that is neither is one. known, patient, heard_ns and leave are set. -EMFILE: refused. -ENOMEM. */
MUST_CHECK int door_enter(struct door *door, struct door_guest *guest, const struct sockaddr_storage *peer);
/* Its peer has a right, from now on. Nothing happens when it has lost its place. */
void door_know(struct door *door, struct door_guest *guest);
/* Give the place back, if it has one still. `leave` is not called after it. */
void door_leave(struct door *door, struct door_guest *guest);

/* For people: connections inside, strangers among them, and how many were ever asked to leave or refused. */
struct door_figures {
	unsigned n, n_strangers;
	uint64_t n_left, n_refused;
};
void door_look(struct door *door, struct door_figures *ret_figures);

#endif
