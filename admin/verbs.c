/* SPDX-License-Identifier: Apache-2.0 */
/* The rows of the table of verbs. */
#include "admin/verbs.h"

#include <string.h>

/* clang-format off */
#define ROUTE_VOLUME(n) { n, "volume", "VOLUME", "the volume", VERB_VOLUME, VERB_IN_ROUTE, VERB_POSITIONAL | VERB_REQUIRED }
#define ROUTE_SNAPSHOT { "snapshot", "snapshot", "SNAPSHOT", "the snapshot", VERB_TEXT, VERB_IN_ROUTE, VERB_POSITIONAL | VERB_REQUIRED }
#define ROUTE_LUN { "path", "lun", "PATH", "the LUN: /vol/VOLUME/NAME (REST: or its UUID)", VERB_PATH, VERB_IN_ROUTE, VERB_POSITIONAL | VERB_REQUIRED }
#define ROUTE_IGROUP { "igroup", "igroup", "IGROUP", "the initiator group", VERB_TEXT, VERB_IN_ROUTE, VERB_POSITIONAL | VERB_REQUIRED }
#define ROUTE_JOB { "job", "job", "JOB", "UUID of the job", VERB_TEXT, VERB_IN_ROUTE, VERB_POSITIONAL | VERB_REQUIRED }
#define ROUTE_EXPORT { "path", "path", "PATH", "what is exported: /vol/VOLUME[/DIR]", VERB_PATH, VERB_IN_ROUTE, VERB_POSITIONAL | VERB_REQUIRED }
#define QUERY_VOLUME { "volume", "volume", "VOLUME", "only of this volume", VERB_VOLUME, VERB_IN_QUERY, VERB_POSITIONAL }
#define LOST_DISK(what) { "disk", "disk", "DISK", what ": its name, or its place as GROUP.POSITION", VERB_TEXT, VERB_IN_BODY, VERB_POSITIONAL | VERB_REQUIRED }
#define PREALLOCATE { "preallocate", "preallocate", NULL, "take the space of files that are made from the host at once, and keep it", VERB_BOOL, VERB_IN_BODY, 0 }
#define FORCE(what) { "force", "force", NULL, what, VERB_BOOL, VERB_IN_BODY, VERB_DESTROYING }
#define RAID_LEVEL(usual) { "raid", "raid", "LEVEL", "raid4: one parity disk; dp: two; mirror: a disk and one or two copies; " usual, VERB_TEXT, VERB_IN_BODY, 0 }
#define CLONE_RATE { "rate", "rate", "SIZE", "at most this much a second; 0: no limit", VERB_SIZE, VERB_IN_BODY, 0 }
#define CLONE_PRIORITY \
	{ "priority", "priority", "PRIORITY", "its weight among the clones of the volume: low, normal, high, or 1 to 10", VERB_TEXT, VERB_IN_BODY, 0 }
#define ERROR_LIMIT(kind, usual) \
	{ kind "-errors", kind "_errors", "N", "so many " kind " errors, of which half are forgotten every hour (" usual "); 0: no limit", VERB_INTEGER, VERB_IN_BODY, 0 }
#define SCRUB_FLOOR(must) \
	{ "floor", "floor", "SIZE", "read at least this much a second of each disk, whatever clients do; 0: the usual, 2m", VERB_SIZE, VERB_IN_BODY, must }
#define INITIATORS(must) \
	{ "initiator", "initiators", "IQN", "name of an initiator, * for every one; may repeat", VERB_LIST, VERB_IN_BODY, must }

const struct verb verbs[] = {
	/* ---- volume ---- */
	{ "volume", "create", "make a volume on new disk files, or on empty files and devices", VERB_POST, "storage/volumes", VERB_H_VOLUME_CREATE, VERB_JOB | VERB_WAITS, NULL, NULL,
	  { { "name", "name", "VOLUME", "its name", VERB_VOLUME, VERB_IN_BODY, VERB_POSITIONAL | VERB_REQUIRED },
	    { "raid-group", "raid_groups", "D0,D1,..,P", "disks of a RAID group, the parity disks last; may repeat", VERB_GROUPS, VERB_IN_BODY, VERB_REQUIRED },
	    RAID_LEVEL("raid4 when not given"),
	    { "disk-size", "disk_size", "SIZE", "size of the disk files that do not exist yet", VERB_SIZE, VERB_IN_BODY, 0 },
	    PREALLOCATE,
	    FORCE("also on disks that hold something: it is lost") } },
	{ "volume", "import", "mount a volume that is already on disks", VERB_POST, "storage/volumes", VERB_H_VOLUME_CREATE, VERB_JOB | VERB_WAITS, NULL, NULL,
	  { { "disks", "disks", "D0,D1,..", "all its disks, in any order", VERB_DISKS, VERB_IN_BODY, VERB_POSITIONAL | VERB_REQUIRED },
	    { "name", "name", "VOLUME", "what it is called from now on; its own name when not given", VERB_VOLUME, VERB_IN_BODY, 0 },
	    { "new-identity", "new_identity", NULL, "it is a copy of a volume that lives on: give it a UUID of its own, and its LUNs other serial numbers and names", VERB_BOOL, VERB_IN_BODY, 0 } } },
	{ "volume", "list", "list the volumes", VERB_GET, "storage/volumes", VERB_H_VOLUME_LIST, VERB_COLLECTION, NULL, NULL, { { 0 } } },
	{ "volume", "show", "show a volume", VERB_GET, "storage/volumes/{volume}", VERB_H_VOLUME_SHOW, 0, NULL, NULL, { ROUTE_VOLUME("volume") } },
	{ "volume", "offline", "unmount a volume; its clients lose it until it is online again", VERB_PATCH, "storage/volumes/{volume}",
	  VERB_H_VOLUME_MODIFY, VERB_DESTROYS | VERB_JOB | VERB_WAITS, "state", "offline", { ROUTE_VOLUME("volume") } },
	{ "volume", "online", "mount a volume that is offline", VERB_PATCH, "storage/volumes/{volume}",
	  VERB_H_VOLUME_MODIFY, VERB_JOB | VERB_WAITS, "state", "online", { ROUTE_VOLUME("volume") } },
	{ "volume", "check", "verify a whole volume while it serves", VERB_POST, "storage/volumes/{volume}/check", VERB_H_VOLUME_CHECK,
	  VERB_JOB | VERB_WAITS, NULL, NULL,
	  { ROUTE_VOLUME("volume"), { "rate", "rate", "SIZE", "read no more than this a second; given while it runs: from now on", VERB_SIZE, VERB_IN_BODY, 0 } } },
	{ "volume", "add-disk", "make a volume larger, at work, by a data disk for one of its RAID groups", VERB_POST, "storage/volumes/{volume}/disks", VERB_H_VOLUME_ADD_DISK,
	  VERB_JOB | VERB_WAITS, NULL, NULL,
	  { ROUTE_VOLUME("volume"), { "disk", "disk", "DISK", "the disk; a file that does not exist is made", VERB_TEXT, VERB_IN_BODY, VERB_POSITIONAL | VERB_REQUIRED },
	    { "group", "group", "N", "the RAID group it joins; 0 when not given", VERB_INTEGER, VERB_IN_BODY, 0 },
	    { "disk-size", "disk_size", "SIZE", "size of a file that is made; as the parity disk of the group when not given", VERB_SIZE, VERB_IN_BODY, 0 },
	    PREALLOCATE,
	    FORCE("also a disk that holds something: it is lost") } },
	{ "volume", "add-group", "make a volume larger, at work, by a RAID group of new disks", VERB_POST, "storage/volumes/{volume}/raid-groups", VERB_H_VOLUME_ADD_GROUP,
	  VERB_JOB | VERB_WAITS, NULL, NULL,
	  { ROUTE_VOLUME("volume"), { "raid-group", "disks", "D0,D1,..,P", "its disks, the parity disks last", VERB_DISKS, VERB_IN_BODY, VERB_REQUIRED },
	    RAID_LEVEL("as the volume's groups when not given"),
	    { "disk-size", "disk_size", "SIZE", "size of the disk files that do not exist yet", VERB_SIZE, VERB_IN_BODY, 0 },
	    PREALLOCATE,
	    FORCE("also disks that hold something: it is lost") } },
	{ "volume", "destroy", "erase a volume: disk files that vcd made are removed, labels of other disks wiped", VERB_DELETE, "storage/volumes/{volume}", VERB_H_VOLUME_DESTROY,
	  VERB_DESTROYS | VERB_JOB | VERB_WAITS, NULL, NULL, { ROUTE_VOLUME("volume") } },

	{ "volume autodelete", "set", "let the volume delete snapshots when space runs short (off by default); what is not given stays", VERB_PATCH,
	  "storage/volumes/{volume}/snapshot-autodelete", VERB_H_AUTODELETE_SET, 0, NULL, NULL,
	  { ROUTE_VOLUME("volume"),
	    { "enable", "enabled", NULL, "do it", VERB_BOOL, VERB_IN_BODY, 0 },
	    { "disable", "enabled", NULL, "do it no more", VERB_BOOL, VERB_IN_BODY, VERB_FALSE },
	    { "trigger-free", "trigger_free", "PERCENT", "begin when less of the volume is available (5%)", VERB_PERCENT, VERB_IN_BODY, 0 },
	    { "target-free", "target_free", "PERCENT", "end when so much is (10%)", VERB_PERCENT, VERB_IN_BODY, 0 },
	    { "order", "order", "ORDER", "oldest-first or newest-first", VERB_TEXT, VERB_IN_BODY, 0 },
	    { "delete", "delete", "WHICH", "scheduled: only those a schedule made; all: others too", VERB_TEXT, VERB_IN_BODY, 0 },
	    { "defer", "defer", "WHICH", "these go last: user-created, scheduled or none", VERB_TEXT, VERB_IN_BODY, 0 },
	    { "keep-prefix", "keep_prefix", "PREFIX", "never those whose names begin so; \"\" for no such names", VERB_TEXT, VERB_IN_BODY, 0 } } },
	{ "volume autodelete", "show", "show what the volume may delete when space runs short", VERB_GET, "storage/volumes/{volume}/snapshot-autodelete",
	  VERB_H_AUTODELETE_SHOW, 0, NULL, NULL, { ROUTE_VOLUME("volume") } },
	{ "volume autodelete", "list", "the same of all volumes", VERB_GET, "storage/snapshot-autodeletes", VERB_H_AUTODELETE_LIST, VERB_COLLECTION,
	  NULL, NULL, { QUERY_VOLUME } },

	/* ---- snapshot ---- */
	{ "snapshot", "create", "keep the volume as it is now", VERB_POST, "storage/volumes/{volume}/snapshots", VERB_H_SNAPSHOT_CREATE, 0, NULL, NULL,
	  { ROUTE_VOLUME("volume"), { "name", "name", "SNAPSHOT", "its name", VERB_TEXT, VERB_IN_BODY, VERB_POSITIONAL | VERB_REQUIRED } } },
	{ "snapshot", "list", "list the snapshots of a volume", VERB_GET, "storage/volumes/{volume}/snapshots", VERB_H_SNAPSHOT_LIST, VERB_COLLECTION,
	  NULL, NULL, { ROUTE_VOLUME("volume") } },
	{ "snapshot", "delete", "delete a snapshot; its space comes back in the background", VERB_DELETE, "storage/volumes/{volume}/snapshots/{snapshot}",
	  VERB_H_SNAPSHOT_DELETE, VERB_DESTROYS | VERB_JOB, NULL, NULL, { ROUTE_VOLUME("volume"), ROUTE_SNAPSHOT } },
	{ "snapshot", "rename", "give a snapshot another name", VERB_PATCH, "storage/volumes/{volume}/snapshots/{snapshot}", VERB_H_SNAPSHOT_RENAME, 0,
	  NULL, NULL,
	  { ROUTE_VOLUME("volume"), ROUTE_SNAPSHOT, { "new-name", "name", "NEW", "the new name", VERB_TEXT, VERB_IN_BODY, VERB_POSITIONAL | VERB_REQUIRED } } },

	{ "snapshot", "restore", "put a volume back to a snapshot: newer snapshots, and all that changed since, are lost", VERB_POST,
	  "storage/volumes/{volume}/snapshots/{snapshot}/restore", VERB_H_SNAPSHOT_RESTORE, VERB_DESTROYS | VERB_JOB | VERB_WAITS, NULL, NULL,
	  { ROUTE_VOLUME("volume"), ROUTE_SNAPSHOT, FORCE("also when LUNs are backed by newer snapshots: they are lost") } },

	{ "snapshot", "restore-file", "put one file or LUN back to a snapshot: what was written to it since is lost", VERB_POST,
	  "storage/volumes/{volume}/snapshots/{snapshot}/restore-file", VERB_H_SNAPSHOT_RESTORE_FILE, VERB_DESTROYS | VERB_JOB, NULL, NULL,
	  { ROUTE_VOLUME("volume"),
	    ROUTE_SNAPSHOT,
	    { "path", "path", "PATH", "/vol/VOLUME/NAME", VERB_PATH, VERB_IN_BODY, VERB_POSITIONAL | VERB_REQUIRED } } },

	{ "snapshot schedule", "set", "let the server make and delete snapshots; times are UTC, what is not given is off", VERB_PUT,
	  "storage/volumes/{volume}/snapshot-schedule", VERB_H_SCHEDULE_SET, 0, NULL, NULL,
	  { ROUTE_VOLUME("volume"),
	    { "hourly", "hourly", "KEEP[@MM]", "one an hour, at this minute (5); 6 keeps the last six", VERB_RULE, VERB_IN_BODY, 0 },
	    { "daily", "daily", "KEEP[@HH:MM]", "one a day, at this time (00:10)", VERB_RULE, VERB_IN_BODY, 0 },
	    { "weekly", "weekly", "KEEP[@DAY[@HH:MM]]", "one a week, on this day (sun) at this time (00:15)", VERB_RULE, VERB_IN_BODY, 0 } } },
	{ "snapshot schedule", "show", "show the snapshot schedule of a volume", VERB_GET, "storage/volumes/{volume}/snapshot-schedule",
	  VERB_H_SCHEDULE_SHOW, 0, NULL, NULL, { ROUTE_VOLUME("volume") } },
	{ "snapshot schedule", "list", "list the snapshot schedules", VERB_GET, "storage/snapshot-schedules", VERB_H_SCHEDULE_LIST, VERB_COLLECTION,
	  NULL, NULL, { QUERY_VOLUME } },
	{ "snapshot schedule", "delete", "end a snapshot schedule; its snapshots stay", VERB_DELETE, "storage/volumes/{volume}/snapshot-schedule",
	  VERB_H_SCHEDULE_DELETE, 0, NULL, NULL, { ROUTE_VOLUME("volume") } },

	/* ---- lun ---- */
	{ "lun", "create", "make a LUN, empty or backed by one in a snapshot", VERB_POST, "storage/luns", VERB_H_LUN_CREATE, 0, NULL, NULL,
	  { { "path", "path", "PATH", "/vol/VOLUME/NAME", VERB_PATH, VERB_IN_BODY, VERB_POSITIONAL | VERB_REQUIRED },
	    { "size", "size", "SIZE", "its size; for a backed LUN, that of the backing LUN when not given", VERB_SIZE, VERB_IN_BODY, 0 },
	    { "backing", "backing", "PATH", "/vol/VOLUME/.snapshot/SNAPSHOT/NAME: share its blocks until they are overwritten", VERB_PATH, VERB_IN_BODY, 0 },
	    { "reserve", "reserved", NULL, "do not set space aside for it", VERB_BOOL, VERB_IN_BODY, VERB_NEGATED },
	    { "comment", "comment", "TEXT", "a note", VERB_TEXT, VERB_IN_BODY, 0 } } },
	{ "lun", "list", "list the LUNs", VERB_GET, "storage/luns", VERB_H_LUN_LIST, VERB_COLLECTION, NULL, NULL, { QUERY_VOLUME } },
	{ "lun", "show", "show a LUN", VERB_GET, "storage/luns/{lun}", VERB_H_LUN_SHOW, 0, NULL, NULL, { ROUTE_LUN } },
	{ "lun", "resize", "make a LUN larger, or with --force smaller", VERB_PATCH, "storage/luns/{lun}", VERB_H_LUN_MODIFY, 0, NULL, NULL,
	  { ROUTE_LUN, { "size", "size", "SIZE", "its new size", VERB_SIZE, VERB_IN_BODY, VERB_REQUIRED }, FORCE("also make it smaller: what is cut off is lost"),
	    { "comment", "comment", "TEXT", "a note", VERB_TEXT, VERB_IN_BODY, VERB_OPEN } } },
	{ "lun", "online", "let initiators use a LUN", VERB_PATCH, "storage/luns/{lun}", VERB_H_LUN_MODIFY, 0, "state", "online", { ROUTE_LUN } },
	{ "lun", "offline", "keep initiators from a LUN", VERB_PATCH, "storage/luns/{lun}", VERB_H_LUN_MODIFY, 0, "state", "offline", { ROUTE_LUN } },
	{ "lun", "map", "show a LUN to the initiators of a group", VERB_POST, "protocols/san/lun-maps", VERB_H_MAP_CREATE, 0, NULL, NULL,
	  { { "path", "path", "PATH", "/vol/VOLUME/NAME", VERB_PATH, VERB_IN_BODY, VERB_POSITIONAL | VERB_REQUIRED },
	    { "igroup", "igroup", "IGROUP", "the initiator group", VERB_TEXT, VERB_IN_BODY, VERB_REQUIRED },
	    { "lun", "lun", "N", "LUN number 0..255; when not given, the lowest that is free for all of them", VERB_INTEGER, VERB_IN_BODY, 0 } } },
	{ "lun", "unmap", "hide a LUN from the initiators of a group", VERB_DELETE, "protocols/san/lun-maps/{lun}/{igroup}", VERB_H_MAP_DELETE, 0, NULL, NULL,
	  { ROUTE_LUN, { "igroup", "igroup", "IGROUP", "the initiator group", VERB_TEXT, VERB_IN_ROUTE, VERB_REQUIRED } } },
	{ "lun map", "list", "list the LUN maps", VERB_GET, "protocols/san/lun-maps", VERB_H_MAP_LIST, VERB_COLLECTION, NULL, NULL, { QUERY_VOLUME } },
	{ "lun", "destroy", "erase a LUN", VERB_DELETE, "storage/luns/{lun}", VERB_H_LUN_DESTROY, VERB_DESTROYS, NULL, NULL,
	  { ROUTE_LUN, { "force", "force", NULL, "also when it is online or mapped", VERB_BOOL, VERB_IN_QUERY, 0 } } },

	/* ---- lun clone ---- */
	{ "lun clone", "start", "cut a backed LUN loose from its snapshot, in the background", VERB_POST, "storage/luns/{lun}/clone", VERB_H_CLONE_START,
	  VERB_JOB, NULL, NULL,
	  { ROUTE_LUN, CLONE_RATE, CLONE_PRIORITY,
	    { "verify", "verify", NULL, "before the end compare on the disks what was copied with the snapshot", VERB_BOOL, VERB_IN_BODY, 0 },
	    { "delete-snapshot", "delete_snapshot", NULL, "delete the snapshot too, as soon as nothing depends on it", VERB_BOOL, VERB_IN_BODY, 0 } } },
	{ "lun clone", "status", "how far the clone of a LUN is", VERB_GET, "storage/luns/{lun}/clone", VERB_H_CLONE_STATUS, 0, NULL, NULL, { ROUTE_LUN } },
	{ "lun clone", "show", "the clones of a volume, or of all", VERB_GET, "storage/clones", VERB_H_CLONE_LIST, VERB_COLLECTION, NULL, NULL,
	  { { "volume", "volume", "VOLUME", "only of this volume (vol/VOLUME/)", VERB_VOLUME, VERB_IN_QUERY, VERB_POSITIONAL } } },
	{ "lun clone", "modify", "change limit, priority or options of a clone that runs or is stopped; at once", VERB_PATCH, "storage/luns/{lun}/clone",
	  VERB_H_CLONE_MODIFY, 0, NULL, NULL,
	  { ROUTE_LUN, CLONE_RATE, CLONE_PRIORITY,
	    { "verify", "verify", NULL, "compare what was copied before the end", VERB_BOOL, VERB_IN_BODY, 0 },
	    { "verify", "verify", NULL, "do not compare it", VERB_BOOL, VERB_IN_BODY, VERB_NEGATED },
	    { "delete-snapshot", "delete_snapshot", NULL, "delete the snapshot as soon as nothing depends on it", VERB_BOOL, VERB_IN_BODY, 0 },
	    { "delete-snapshot", "delete_snapshot", NULL, "keep the snapshot", VERB_BOOL, VERB_IN_BODY, VERB_NEGATED } } },
	{ "lun clone", "stop", "stop it; what is filled is kept, the LUN stays backed", VERB_DELETE, "storage/luns/{lun}/clone", VERB_H_CLONE_STOP, 0,
	  NULL, NULL, { ROUTE_LUN } },

	/* ---- igroup ---- */
	{ "igroup", "create", "make an initiator group", VERB_POST, "protocols/san/igroups", VERB_H_IGROUP_CREATE, 0, NULL, NULL,
	  { { "name", "name", "IGROUP", "its name", VERB_TEXT, VERB_IN_BODY, VERB_POSITIONAL | VERB_REQUIRED }, INITIATORS(0) } },
	{ "igroup", "list", "list the initiator groups", VERB_GET, "protocols/san/igroups", VERB_H_IGROUP_LIST, VERB_COLLECTION, NULL, NULL, { { 0 } } },
	{ "igroup", "show", "show an initiator group", VERB_GET, "protocols/san/igroups/{igroup}", VERB_H_IGROUP_SHOW, 0, NULL, NULL, { ROUTE_IGROUP } },
	{ "igroup", "add", "add initiators to a group", VERB_POST, "protocols/san/igroups/{igroup}/initiators", VERB_H_IGROUP_ADD, 0, NULL, NULL,
	  { ROUTE_IGROUP, INITIATORS(VERB_REQUIRED) } },
	{ "igroup", "remove", "take an initiator out of a group", VERB_DELETE, "protocols/san/igroups/{igroup}/initiators/{initiator}", VERB_H_IGROUP_REMOVE, 0,
	  NULL, NULL,
	  { ROUTE_IGROUP, { "initiator", "initiator", "IQN", "its name", VERB_TEXT, VERB_IN_ROUTE, VERB_REQUIRED } } },
	{ "igroup", "destroy", "delete an initiator group", VERB_DELETE, "protocols/san/igroups/{igroup}", VERB_H_IGROUP_DESTROY, VERB_DESTROYS, NULL, NULL,
	  { ROUTE_IGROUP } },

	/* ---- export ---- */
	{ "export", "set", "export a volume or a directory of it over NFS", VERB_PUT, "protocols/nfs/exports/{path}", VERB_H_EXPORT_SET, 0, NULL, NULL,
	  { ROUTE_EXPORT,
	    { "client", "rules", "CIDR[:OPT,..]", "who, and how: rw or ro (ro), root_squash, no_root_squash or all_squash (root_squash), anonuid=ID, anongid=ID (65534), secure or insecure (secure); may "
	      "repeat: the smallest network that a client is in counts, in whatever order",
	      VERB_CLIENTS, VERB_IN_BODY, VERB_REQUIRED } } },
	{ "export", "list", "list the exports", VERB_GET, "protocols/nfs/exports", VERB_H_EXPORT_LIST, VERB_COLLECTION, NULL, NULL, { QUERY_VOLUME } },
	{ "export", "delete", "export it no more: clients that have it mounted lose it", VERB_DELETE, "protocols/nfs/exports/{path}", VERB_H_EXPORT_DELETE, VERB_DESTROYS, NULL, NULL, { ROUTE_EXPORT } },

	/* ---- raid, disks ---- */
	{ "raid", "show", "the disks of a volume's RAID groups and their state", VERB_GET, "storage/raid-groups", VERB_H_RAID_LIST, VERB_COLLECTION, NULL, NULL,
	  { QUERY_VOLUME } },
	{ "raid", "replace", "put another disk in the place of one that is lost; it is rebuilt from the others", VERB_POST, "storage/volumes/{volume}/disks/replace",
	  VERB_H_RAID_REPLACE, VERB_JOB, NULL, NULL,
	  { ROUTE_VOLUME("volume"), LOST_DISK("the lost disk"),
	    { "with", "with", "NEW", "the disk that takes its place; a file that does not exist is made", VERB_TEXT, VERB_IN_BODY, VERB_POSITIONAL | VERB_REQUIRED },
	    PREALLOCATE,
	    FORCE("also a disk that holds something: it is lost") } },
	{ "raid", "online", "take back a disk that was away: what has changed since is written to it, or everything when that is not known", VERB_POST,
	  "storage/volumes/{volume}/disks/online", VERB_H_RAID_ONLINE, VERB_JOB, NULL, NULL,
	  { ROUTE_VOLUME("volume"), LOST_DISK("the disk"),
	    { "at", "at", "PATH", "where it is now; when not given, where it was", VERB_TEXT, VERB_IN_BODY, 0 } } },
	{ "raid", "convert", "give a RAID group a second parity disk, at work: it survives the loss of any two disks as soon as that is computed", VERB_POST,
	  "storage/volumes/{volume}/raid/convert", VERB_H_RAID_CONVERT, VERB_JOB, NULL, NULL,
	  { ROUTE_VOLUME("volume"), { "to", "to", "LEVEL", "its level from then on: dp", VERB_TEXT, VERB_IN_BODY, VERB_REQUIRED },
	    { "disk", "disk", "DISK", "the new parity disk; a file that does not exist is made", VERB_TEXT, VERB_IN_BODY, VERB_REQUIRED },
	    { "group", "group", "N", "the RAID group; the first with one parity disk when not given", VERB_INTEGER, VERB_IN_BODY, 0 },
	    { "disk-size", "disk_size", "SIZE", "size of a file that is made; as the parity disk of the group when not given", VERB_SIZE, VERB_IN_BODY, 0 },
	    PREALLOCATE,
	    FORCE("also a disk that holds something: it is lost") } },
	{ "raid", "fail", "call a disk failed: it is not used any more, and can be replaced", VERB_POST, "storage/volumes/{volume}/disks/fail", VERB_H_RAID_FAIL,
	  VERB_DESTROYS, NULL, NULL, { ROUTE_VOLUME("volume"), LOST_DISK("the disk") } },
	{ "raid", "modify", "change what is borne of the disks of a volume: a disk with more errors than that fails when its group can do without it; at once, and kept", VERB_PATCH,
	  "storage/volumes/{volume}/raid", VERB_H_RAID_MODIFY, 0, NULL, NULL,
	  { ROUTE_VOLUME("volume"), ERROR_LIMIT("read", "64"), ERROR_LIMIT("checksum", "256"), ERROR_LIMIT("identity", "256"),
	    { "rebuild-floor", "rebuild_floor", "SIZE", "rebuild at least this much a second of each disk, whatever clients do (32m)", VERB_SIZE, VERB_IN_BODY, 0 } } },
	{ "raid spare", "add", "keep an empty disk ready: it takes the place of the next one that is lost", VERB_POST, "storage/spares", VERB_H_SPARE_ADD, 0, NULL, NULL,
	  { { "disk", "disk", "DISK", "the spare; a file that does not exist is made", VERB_TEXT, VERB_IN_BODY, VERB_POSITIONAL | VERB_REQUIRED },
	    { "volume", "volume", "VOLUME", "only for this volume; otherwise for all of them", VERB_VOLUME, VERB_IN_BODY, 0 },
	    { "disk-size", "disk_size", "SIZE", "size of a disk file that does not exist yet", VERB_SIZE, VERB_IN_BODY, 0 },
	    FORCE("also a disk that holds something: it is lost") } },
	{ "raid spare", "remove", "keep it ready no more; its label goes, and a file that vcd made", VERB_DELETE, "storage/spares/{disk}", VERB_H_SPARE_REMOVE, 0, NULL, NULL,
	  { { "disk", "disk", "DISK", "the spare", VERB_TEXT, VERB_IN_ROUTE, VERB_POSITIONAL | VERB_REQUIRED } } },
	{ "raid spare", "list", "list the hot spares, and whether they can be used", VERB_GET, "storage/spares", VERB_H_SPARE_LIST, VERB_COLLECTION, NULL, NULL,
	  { QUERY_VOLUME } },
	{ "raid scrub", "start", "read every block in use with parity and checksums, and repair what is wrong, in the background; one that was stopped goes on", VERB_POST,
	  "storage/volumes/{volume}/scrub", VERB_H_SCRUB_START, VERB_JOB, NULL, NULL,
	  { ROUTE_VOLUME("volume"), SCRUB_FLOOR(0),
	    { "afresh", "afresh", NULL, "from the beginning, also when one was stopped", VERB_BOOL, VERB_IN_BODY, 0 } } },
	{ "raid scrub", "status", "how far the scrub of a volume is, and what it found", VERB_GET, "storage/volumes/{volume}/scrub", VERB_H_SCRUB_STATUS, 0,
	  NULL, NULL, { ROUTE_VOLUME("volume") } },
	{ "raid scrub", "modify", "change the floor of the scrubs of a volume; at once", VERB_PATCH, "storage/volumes/{volume}/scrub", VERB_H_SCRUB_MODIFY, 0,
	  NULL, NULL, { ROUTE_VOLUME("volume"), SCRUB_FLOOR(VERB_REQUIRED) } },
	{ "raid scrub", "stop", "stop it; it goes on from there when it is started again", VERB_DELETE, "storage/volumes/{volume}/scrub", VERB_H_SCRUB_STOP, 0,
	  NULL, NULL, { ROUTE_VOLUME("volume") } },
	{ "raid schedule", "set", "say when a volume is scrubbed", VERB_PUT, "storage/volumes/{volume}/scrub-schedule", VERB_H_SCRUB_SCHEDULE_SET, 0, NULL, NULL,
	  { ROUTE_VOLUME("volume"),
	    { "at", "at", "WHEN", "every week: sun, sun@02:00; every day: 02:00; or off (UTC; sun@02:00 unless set)", VERB_TEXT, VERB_IN_BODY, VERB_POSITIONAL | VERB_REQUIRED } } },
	{ "raid schedule", "show", "when a volume is scrubbed", VERB_GET, "storage/volumes/{volume}/scrub-schedule", VERB_H_SCRUB_SCHEDULE_SHOW, 0, NULL, NULL,
	  { ROUTE_VOLUME("volume") } },
	{ "disk", "list", "the disks of all volumes that are online, and the hot spares", VERB_GET, "storage/disks", VERB_H_DISK_LIST, VERB_COLLECTION, NULL, NULL,
	  { QUERY_VOLUME } },

	/* ---- job ---- */
	{ "job", "list", "list running and recent jobs", VERB_GET, "jobs", VERB_H_JOB_LIST, VERB_COLLECTION, NULL, NULL, { { 0 } } },
	{ "job", "show", "show a job", VERB_GET, "jobs/{job}", VERB_H_JOB_SHOW, 0, NULL, NULL, { ROUTE_JOB } },
	{ "job", "watch", "follow a job to its end", VERB_GET, "jobs/{job}", VERB_H_JOB_SHOW, VERB_WATCHES, NULL, NULL, { ROUTE_JOB } },
	{ "job", "cancel", "stop a job that can be stopped", VERB_DELETE, "jobs/{job}", VERB_H_JOB_CANCEL, 0, NULL, NULL, { ROUTE_JOB } },

	/* ---- signing in ---- */
	{ "signin", "start", "sign in: the answer sets the cookie of a session", VERB_POST, "session", VERB_H_SIGNIN_START, VERB_REST_ONLY | VERB_ANYONE,
	  NULL, NULL, { { "token", "token", "TOKEN", "the administrator's token", VERB_TEXT, VERB_IN_BODY, VERB_REQUIRED } } },
	{ "signin", "show", "as whom these requests come: by socket, token or session", VERB_GET, "session", VERB_H_SIGNIN_SHOW, VERB_REST_ONLY, NULL, NULL,
	  { { 0 } } },
	{ "signin", "end", "sign out: the session of the cookie ends", VERB_DELETE, "session", VERB_H_SIGNIN_END, VERB_REST_ONLY, NULL, NULL, { { 0 } } },

	/* ---- events, status ---- */
	{ "event", "list", "the latest events, oldest first (REST: Accept text/event-stream follows them)", VERB_GET, "events", VERB_H_EVENT_LIST,
	  VERB_COLLECTION, NULL, NULL,
	  { { "after", "after", "N", "only later than this event number", VERB_INTEGER, VERB_IN_QUERY, 0 },
	    { "level", "level", "LEVEL", "only this severe: error, warn, info", VERB_TEXT, VERB_IN_QUERY, 0 } } },
	{ "status", NULL, "is everything well? exit status 8 when degraded", VERB_GET, "status", VERB_H_STATUS, 0, NULL, NULL, { { 0 } } },
	{ "stats", NULL, "the counters", VERB_GET, "stats", VERB_H_STATS, VERB_COLLECTION, NULL, NULL, { { 0 } } },
};
/* clang-format on */
const size_t verbs_count = sizeof verbs / sizeof verbs[0];

const char *verb_method_name(enum verb_method method)
{
	static const char *const names[] = { [VERB_GET] = "GET",
		                             [VERB_POST] = "POST",
		                             [VERB_PUT] = "PUT",
		                             [VERB_PATCH] = "PATCH",
		                             [VERB_DELETE] = "DELETE" };
	return names[method];
}

size_t verb_n_params(const struct verb *verb)
{
	size_t n = 0;
	while (n < VERB_PARAMS_MAX && verb->params[n].name != NULL)
		n++;
	return n;
}

bool verb_same_call(const struct verb *a, const struct verb *b)
{
	return a->method == b->method && strcmp(a->route, b->route) == 0;
}
