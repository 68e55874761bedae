/* SPDX-License-Identifier: Apache-2.0 */
/* The volumes this appliance knows: remembered in STATE_DIR/volumes.json with their disks, online or not. */
#ifndef ADMIN_KNOWN_H
#define ADMIN_KNOWN_H

#include "admin/admin_private.h"
#include "raid/raid.h"

struct keeper;
struct scrubwatch;
struct sparewatch;

enum known_state { KNOWN_OFFLINE, KNOWN_MOUNTING, KNOWN_ONLINE, KNOWN_UNMOUNTING, KNOWN_FAILED };

struct known_volume {
	TAILQ_ENTRY(known_volume) link;
	char name[FS_NAME_MAX + 1U];
	json_t *disks; /* array of URLs */
	json_t *made; /* those of them that vcd made as files, to be removed with the volume; NULL: none */
	struct uuid uuid;
	bool has_uuid; /* it was mounted since this is remembered */
	enum known_state state;
	bool want_online;
	bool remembered; /* in the state file (a volume being made is not yet) */
	struct fs_volume *volume; /* ONLINE, UNMOUNTING: referenced */
	size_t cache_pages; /* granted while mounted */
	json_t *exports; /* array, as in the volume's document, and "missing" (exportwatch.h); ONLINE */
	uint64_t tree_seen; /* fs_volume_tree_changes at the last look at its paths; ONLINE */
	json_t *igroups;
	json_t *igroups_held; /* UUIDs, as of the last time the state was saved while it was online; may be NULL */
	json_t *kept_out; /* UUIDs (trust.h); may be NULL */
	json_t *policy; /* admin/policy.h */
	struct keeper *keeper; /* ONLINE */
	struct scrubwatch *scrubwatch; /* ONLINE */
	struct sparewatch *sparewatch; /* ONLINE */
	bool exports_damaged, igroups_damaged,
	    policy_damaged; /* the document was not all understood: to be used as far as it goes, not to be replaced */
	char error[1280]; /* FAILED: why */
	struct raid_report disk_report; /* of the last mount */
	bool remount; /* FAILED: to be tried again soon */
	bool busy; /* a lifecycle operation runs */
};

/* Load STATE_DIR/volumes.json. A file that is not there is an empty list. What of it makes no sense is logged and
 * listed in admin->unsound, the rest is used: an entry stays in the file as it is; a file that is no list at all is
 * moved aside. -ENOTSUP: a newer version wrote it. */
MUST_CHECK int known_load(struct admin *admin);
MUST_CHECK int known_save(struct admin *admin);
struct known_volume *known_find(struct admin *admin, const char *name);
struct known_volume *known_find_uuid(struct admin *admin, const struct uuid *uuid);
/* Whose disk it is, by this name or another of the same file or device; NULL: nobody's. */
struct known_volume *known_find_disk(struct admin *admin, const char *url);
/* Are they one file or one device? */
bool known_same_disk(const char *a, const char *b);
/* vcd has made this disk's file: it goes with the volume. */
void known_add_made(struct known_volume *known, const char *url);
/* A new entry, at the end; `disks` is taken. NULL: no memory. */
struct known_volume *known_add_take(struct admin *admin, const char *name, json_t *disks);
void known_remove(struct admin *admin, struct known_volume *known);
/* The file-system volume of an online volume, with a reference. -ENOENT: not known; -ENODEV: not online. */
MUST_CHECK int known_volume_get(struct admin *admin, const char *name, struct fs_volume **ret_volume);
/* May a volume be called so here? */
bool known_name_is_good(const char *name);
#define KNOWN_NAME_RULE "1 to 63 bytes of UTF-8 that can be seen, no slash, no space, no dot in front"
/* "d0" -> "file:STATE_DIR/disks/d0", "/x" -> "file:/x", "file:/x" as it is. NULL: not a disk's name. */
json_t *known_disk_url(const struct admin *admin, const char *name);
const char *known_state_name(enum known_state state);
void known_fini(struct admin *admin);

#endif
