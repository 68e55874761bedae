/* SPDX-License-Identifier: Apache-2.0 */
/* Who sees which LUN: igroups and LUN maps, gathered from all online volumes and handed to the server as one table.
 *
 * THEORY. The truth is in the volumes: each LUN carries its maps ([{"igroup": UUID, "lun": N}]) and every volume
 * carries a copy of the igroups, so that a volume moved elsewhere brings both. What is here is a picture of it, painted
 * again after every change. Igroups of the same UUID that differ (a volume was offline meanwhile): the higher
 * generation counts. Two LUNs that claim the same number of a group (after an import): the first volume's keeps it, the
 * other stays unmapped and says "conflict". A LUN whose number some initiators of its group know as another LUN's, by
 * another group, is served to the rest and says "hidden". */
#ifndef ADMIN_SAN_H
#define ADMIN_SAN_H

#include "admin/admin_private.h"
#include "admin/overlap.h"
#include "fs/message.h"

struct san_lun {
	struct fs_volume *volume; /* referenced */
	char *path; /* "/vol/vol0/test" */
	const char *inner; /* points into path: "/test" */
	struct fs_file_id id;
	struct uuid uuid;
	char serial[21];
	uint64_t size_bytes;
	bool online, write_cache, reserved;
	json_t *maps; /* [{"igroup", "lun", "state": "mapped" | "hidden" | "conflict" | "no igroup", "name"}] */
};

/* Wait for a picture that was begun after the call. */
struct san_wait {
	TAILQ_ENTRY(san_wait) link;
	void (*done)(struct san_wait *wait);
};
TAILQ_HEAD(san_wait_list, san_wait);

struct san {
	struct admin *admin;
	struct san_lun *luns;
	size_t n_luns;
	json_t *igroups; /* array of {"uuid", "name", "initiators", "generation"} */
	json_t *places; /* UUID -> place in it */
	struct overlap *overlap; /* of it */
	json_t *past; /* lunnumber.c */
	/* while it is being painted */
	struct fs_message msg;
	struct fs_volume **walk;
	size_t n_walk, next_walk;
	struct san_lun *new_luns;
	size_t n_new_luns;
	bool painting;
	struct san_wait_list now, next;
	bool again; /* asked for while painting, by someone who does not wait */
};

struct san *san_new(struct admin *admin);
void san_free(struct san *san);
/* Paint it again and hand it to the server; wait->done when that is done. `wait` may be NULL. Never inline. */
void san_refresh(struct san *san, struct san_wait *wait);
/* By UUID or path; NULL: none. Valid until the next refresh. */
const struct san_lun *san_find_lun(const struct san *san, const struct uuid *uuid);
/* The igroup (borrowed) by name or UUID, and its place; NULL: none. */
json_t *san_find_igroup(const struct san *san, const char *name, size_t *ret_index);
/* How many LUNs are mapped to it. */
size_t san_igroup_n_maps(const struct san *san, const char *uuid);
/* Its place by UUID; SIZE_MAX: none. */
size_t san_igroup_place(const struct san *san, const char *uuid);
/* What a LUN's maps document says, as the array above without states; empty when `text` is NULL or damaged. */
json_t *san_maps_parse(const char *text);
/* The inverse: text to be freed. NULL: no memory. */
char *san_maps_format(json_t *maps);

#endif
