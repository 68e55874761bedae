/* SPDX-License-Identifier: Apache-2.0 */
/* Hot spares: disks that wait to take the place of one that is lost (admin/sparewatch.h does it).
 *
 * THEORY. The list is the appliance's, in STATE_DIR/spares.json, for spares that all volumes share belong to none, and
 * one that belongs to a volume must be known while that is not mounted. The disk itself has a label that says the same
 * (raid/spare_label.h), by which it is recognised before it is taken. A spare that is in the list of a volume's disks
 * too (admin/known.h) has been taken: it is nobody else's from then on, and leaves this list when the volume has it as
 * a member. So whenever the daemon ends, what the disk and the volume say settles what the two lists mean.
 * THREADS. The admin loop's; looking at a disk, adding and removing one blocks a little. */
#ifndef ADMIN_SPARE_H
#define ADMIN_SPARE_H

#include "admin/known.h"

enum spare_state { SPARE_READY, SPARE_TAKEN, SPARE_MISSING, SPARE_BROKEN };

struct spare {
	TAILQ_ENTRY(spare) link;
	char url[256];
	struct uuid uuid;
	struct uuid volume; /* if has_volume: only for that one */
	bool has_volume;
	bool made; /* vcd made the file */
	uint64_t size_bytes;
	enum spare_state state; /* as of the last look */
	char why[256]; /* MISSING, BROKEN */
	bool refused; /* it was tried, and did not do: BROKEN until the next start */
};

/* Load STATE_DIR/spares.json. What makes no sense is logged and left out; a file that is no list is listed in
 * admin->unsound and stays as it is, and nothing can be added or removed. */
void spare_load(struct admin *admin);
void spare_fini(struct admin *admin);
/* The spare that is this disk, by this name or another of the same file or device. NULL: none. */
struct spare *spare_find(struct admin *admin, const char *url);

/* A disk that is to be one. Borrowed during the call. */
struct spare_new {
	const char *url;
	const struct known_volume *known; /* only for that volume, which was mounted before; NULL: for any */
	uint64_t size_bytes; /* of a file that is made; 0: it must exist */
	bool force; /* take a disk that holds something */
};
/* 0 and the spare, or an error and a sentence about it: those of diskfile_prepare; -EBUSY: it is a spare already. */
MUST_CHECK int spare_add(struct admin *admin, const struct spare_new *new, struct spare **ret_spare,
                         char ret_text[256]);
/* It is one no more: its label is wiped if it is still there, and a file that vcd made is removed. -EBUSY: it is just
 * being taken. */
MUST_CHECK int spare_remove(struct admin *admin, struct spare *spare, char ret_text[256]);

/* Is it still there, and what it was? An event tells when that has changed. */
void spare_look(struct admin *admin, struct spare *spare);
/* The best one for a disk of this volume of which `needed_bytes` are used: the volume's own before those of all, the
 * smallest that is large enough; looked at just now. NULL: there is none. */
struct spare *spare_choose(struct admin *admin, const struct known_volume *known, uint64_t needed_bytes);
/* How many could take the place of such a disk, as of the last look. */
unsigned spare_count(struct admin *admin, const struct known_volume *known, uint64_t needed_bytes);
/* May it take the place of a disk of this volume? 0, or an error and a sentence. */
MUST_CHECK int spare_fits(struct admin *admin, struct spare *spare, const struct known_volume *known,
                          uint64_t needed_bytes, char ret_text[256]);
/* It did not do: another is tried. */
void spare_refuse(struct spare *spare, const char *text);
/* It is a member of the volume, durably, and remembered among its disks. */
void spare_used(struct admin *admin, struct spare *spare);
/* It was taken, but has not become a member, and is among the volume's disks no more: it gets its label again if it
 * lost it on the way. */
void spare_give_back(struct admin *admin, struct spare *spare);
json_t *spare_json(struct admin *admin, const struct spare *spare);

#endif
