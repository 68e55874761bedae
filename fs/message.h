/* SPDX-License-Identifier: Apache-2.0 */
/* The door of the file system: every operation, from whichever protocol, is one message to a volume.
 *
 * THEORY. (§seed: the file system is "message-based"; the SCSI target "passes the message as a function call 665".) A
 * message names an operation, a target (volume and file), arguments and pages. The file system runs it on the volume's
 * home loop, may park it until buffers are in memory, and completes it exactly once. SCSI, NFS, the administration and
 * the cloner (the "backdoor" of §seed) send the same messages.
 * OWNERSHIP. The sender allocates the message, fills the in-part, and leaves the message alone until `done`. Names and
 * blobs of the in-part stay valid until then. Results that need memory belong to the message until fs_message_fini.
 * THREADS. fs_message_send: any thread. `done` runs on the thread of `origin` (NULL: the volume's home loop), never
 * inside fs_message_send.
 * ERRORS. `status` is 0 or a negative errno. -FS_EJUKEBOX and -FS_ENOTSYNC are numbers of our own (fs/fs_types.h).
 *  -ESTALE        no such file: handle, generation or snapshot
 *  -ENODEV        the volume is offline
 *  -EROFS         the snapshot, or the volume, is read-only
 *  -FS_EJUKEBOX   try again later
 *  -FS_ENOTSYNC   SETATTR: in.guard_ctime_ns is not the ctime
 *  -EUCLEAN       damage: what was read cannot be true
 *  -EIO           damage: it cannot be read; or the volume has failed
 *  -ENOSPC        no space
 *  -ENOMEM        no memory now; nothing was changed
 *  -EBUSY         others depend on the object, or it is at work
 *  -EMLINK        as many as there can be
 *  -ESRCH         no clone of it is running (MODIFY: nor stopped)
 *  -EALREADY      a clone of it is running, or the LUN has no backing store
 *  -ENOTSUP       made by another version: it has what this one does not know, or lacks what is asked for
 *  -ECANCELED     ended early: by its CANCEL, or because others needed the room
 *  and the usual POSIX ones (-ENOENT, -EEXIST, -ENOTDIR, -EISDIR, -ENOTEMPTY, -EINVAL, -EACCES, -EPERM, -EFBIG, ...).
 * WHAT AN ERROR LEAVES. Of `out` only error_text, and the attributes whose has_* or `valid` is set. All else is
 * empty: no bytes, no entries, no pages, nothing to give back. In the array of a READ every entry is NULL. */
#ifndef FS_MESSAGE_H
#define FS_MESSAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/list.h"
#include "base/world.h"
#include "fs/fs_info.h"
#include "fs/fs_types.h"

struct call;
struct fs_call;
struct fs_run;
struct fs_volume;
struct page;
struct raid_group_spec;
struct raid_limits;
struct raid_status;

enum fs_op {
	/* files: `file` is the object, or the directory that `name` is in */
	FS_GETATTR,
	FS_SETATTR, /* in.setattr, in.guard_ctime; out.attr, out.pre */
	FS_LOOKUP, /* in.name ("." and ".." too; ".snapshot"); out.attr, out.dir_attr */
	FS_ACCESS, /* in.access; out.access, out.attr */
	FS_READLINK, /* out.blob (NUL-terminated, len without it), out.attr */
	FS_READ, /* in.io; out.io, out.eof, out.attr */
	FS_WRITE, /* in.io, in.stable; out.io.len_bytes, out.stable, out.verifier, out.attr, out.pre */
	FS_COMMIT, /* in.io.offset_bytes / 64-bit len 0 = whole file; out.verifier, out.attr, out.pre */
	FS_EXTENTS, /* in.extents.found (the sender's), out.n: which parts of a range have blocks (of their own or in
	             * the backing store), and which are holes. In order from offset_bytes on, without a gap;
	             * neighbours differ. The answer goes as far as a bounded look: at least one extent, but none at
	             * or beyond the end of the file */
	FS_ZERO, /* in.zero: make a range read as zeros, freeing what can be (UNMAP, WRITE SAME of zeros) */
	FS_CREATE, /* in.name, in.create, in.setattr; out.attr, out.dir_attr, out.dir_pre */
	FS_MKDIR,
	FS_SYMLINK,
	FS_MKNOD,
	FS_REMOVE,
	FS_RMDIR,
	FS_RENAME, /* file/name -> in.to_dir/in.to_name; out.dir_*, out.to_dir_* */
	FS_LINK, /* file = existing object; in.to_dir/in.to_name; out.attr, out.to_dir_* */
	FS_READDIR, /* in.readdir; out.dirents, out.eof, out.dir_attr */
	FS_FSSTAT, /* out.fsstat, out.attr */
	FS_RESOLVE, /* in.path: path inside the volume ("/dir/x", "/.snapshot/s1/x"); follows no symlink; out.attr,
	             * out.dir (its parent) */
	FS_PATH_OF, /* `file`: a directory of the active file system; out.blob: its path inside the volume, now.
	             * -ESTALE: it is gone */
	/* snapshots: in.name */
	FS_SNAPSHOT_CREATE, /* in.scheduled */
	FS_SNAPSHOT_DELETE,
	FS_SNAPSHOT_RENAME /* in.to_name; it is no schedule's any more */,
	FS_SNAPSHOT_LIST, /* out.snapshots, oldest first, with the figures known so far */
	FS_SNAPSHOT_SPACE, /* the same, figures brought up to date first, for at most in.wait_ns (0: however long it
	                    * takes) */
	FS_SNAPSHOT_RESTORE, /* make the volume ready to be put back to in.name. Next come an unmount, and a mount with
	                      * restore_to. Until then no snapshot is taken. in.restore; out.snapshots: the newer ones,
	                      * which will be deleted. -EBUSY: a LUN is backed by one of them */
	FS_FILE_RESTORE, /* in.name, in.path: the regular file becomes what it was in the snapshot. It gets a new id,
	                  * and takes the place of what stands there. Answered when that is done (a big file takes
	                  * long); out.attr. -EISDIR, -EINVAL: it is no regular file; -ENOENT: no such file, snapshot or
	                  * directory; -EBUSY: a LUN stands there, or the file is being restored already; -EMLINK: too
	                  * many at once; -ENOSPC; -ECANCELED: ended early, nothing was changed */
	FS_FILE_RESTORE_STATUS, /* in.path; out.progress; -ENOENT: it is not being restored */
	FS_FILE_RESTORE_CANCEL, /* the same; it ends at its next step, unless it is done before */
	FS_AUTODELETE_SET, /* in.autodelete: from now on, until the volume goes offline */
	/* vdisks: in.path */
	FS_VDISK_CREATE, /* in.vdisk; out.vdisk (one) */
	FS_VDISK_DESTROY,
	FS_VDISK_RESIZE, /* in.vdisk.size_bytes */
	FS_VDISK_SET, /* in.vdisk.set: online, write cache, comment, maps; out.vdisk */
	FS_VDISK_GET, /* in.path, or `file` when path is NULL; out.vdisk */
	FS_VDISK_RESTORE, /* in.name: a snapshot. The LUN has at once the content it had in the snapshot. For initiators
	                   * it stays the same LUN (identity, maps, options); its `file` is another one. A LUN that was
	                   * destroyed is made anew. Its clone runs. out.vdisk (one) */
	FS_VDISK_LIST, /* out.vdisk[n] of the active file system: those there are at the end, each as it was at some
	                * time since the message was sent */
	/* lun clone: in.path, in.clone */
	FS_CLONE_START,
	FS_CLONE_STOP,
	FS_CLONE_MODIFY, /* in.clone.set: rate, priority, flags of one that is running or stopped; out.vdisk */
	FS_CLONE_STATUS, /* out.vdisk (one, its clone part) */
	/* small named documents kept with the volume (exports, igroups, schedules): in.name, in.blob */
	FS_DOC_PUT,
	FS_DOC_GET /* out.blob; -ENOENT */,
	FS_DOC_DELETE,
	FS_DOC_LIST, /* out.names */
	/* the volume */
	FS_VOLUME_STAT, /* out.volume */
	FS_RAID_STATUS, /* out.raid */
	FS_RAID_REPLACE, /* in.raid: the disk of `url` takes the place of the lost one there (raid_replace) */
	FS_RAID_ONLINE, /* in.raid: the lost disk there, now at `url`, gets its place back (raid_online) */
	FS_RAID_FAIL, /* in.raid: the disk there is called failed (raid_fail) */
	FS_RAID_MODIFY, /* in.raid.limits: those that are not 0 count from now on (raid_limits_change) */
	FS_RAID_ADD_DISK, /* in.raid: the disk of `url` becomes a data disk of `group`, and the volume larger
	                   * (raid_add_disk) */
	FS_RAID_CONVERT, /* in.raid: the disk of `url` becomes the second parity disk of `group` (raid_convert) */
	FS_RAID_ADD_GROUP, /* in.raid.spec: so do the disks of a new group (raid_add_group) */
	FS_SYNC, /* a consistency point: everything answered before is durable and in place */
	FS_CHECK, /* in.check_rate_bytes_s; out.check: the whole volume is verified against a private snapshot */
	FS_CHECK_RATE, /* in.check_rate_bytes_s: of the running check from now on; -ENOENT: none runs */
	FS_CHECK_CANCEL, /* the running check is answered with -ECANCELED at its next step; -ENOENT: none runs */
	/* scrub: every stripe in use is read and what is wrong in it repaired, in the background. It survives unmounts
	 * and crashes: one that was under way goes on with the first of these after a mount */
	FS_SCRUB_START, /* in.scrub; one that was stopped goes on. -EALREADY: it runs */
	FS_SCRUB_STOP, /* -ESRCH: none runs */
	FS_SCRUB_MODIFY, /* in.scrub.floor_bytes_s; counts at once */
	FS_SCRUB_STATUS, /* out.scrub */
	FS_OP_COUNT
};

#define FS_CLONE_SET_RATE 1U
#define FS_CLONE_SET_PRIORITY 2U
#define FS_CLONE_SET_VERIFY 4U /* as in.clone.flags has it */
#define FS_CLONE_SET_DELETE_SNAPSHOT 8U

#define FS_VDISK_SET_ONLINE 1U
#define FS_VDISK_SET_WRITE_CACHE 2U
#define FS_VDISK_SET_COMMENT 4U
#define FS_VDISK_SET_MAPS 8U

/* Bytes [offset, offset+len) of a file in pages laid out as the file's blocks are: pages[0] holds block offset / 4096,
 * its first offset % 4096 bytes do not count; and so on.
 * WRITE: the pages are shared from the send on (whole blocks are kept, not copied); the sender drops its own references
 * after `done`. READ: the sender gives the array (n_pages_max entries); the file system fills out.io.n_pages of it with
 * references the sender must put. */
struct fs_io {
	uint64_t offset_bytes;
	uint32_t len_bytes;
	unsigned n_pages;
	unsigned n_pages_max;
	struct page **pages;
};

struct fs_message {
	/* in */
	enum fs_op op;
	enum fs_class cls;
	struct fs_volume *volume;
	struct fs_file_id file;
	const struct fs_cred *cred; /* NULL: privileged */
	struct world *origin;
	void (*done)(struct fs_message *msg);
	void *owner;
	struct fs_call *call; /* NULL: none */
	struct {
		const char *name; /* one component or a document's or snapshot's name; name_len bytes, no NUL needed */
		uint32_t name_len;
		uint32_t to_name_len;
		const char *to_name;
		struct fs_file_id to_dir;
		struct fs_file_id
		    beneath; /* inode 0: anywhere. Else a directory, of the active file system or a snapshot:
		              * directories that `file` and to_dir name, and what RESOLVE finds, must be it or below it
		              * (-ESTALE; RESOLVE: -ENOENT), and there is no way up from it, nor in snapshots: ".." is
		              * "." */
		bool scheduled; /* the snapshot is a schedule's */
		uint64_t wait_ns;
		const struct fs_autodelete *autodelete;
		const char *path; /* NUL-terminated */
		const void *blob; /* symlink target, document */
		size_t blob_len;
		struct fs_io io;
		enum fs_stable stable;
		uint32_t access;
		struct fs_setattr setattr;
		bool has_guard;
		int64_t guard_ctime_ns;
		struct {
			enum fs_create_mode mode;
			uint64_t verifier;
			enum fs_type type;
			uint32_t rdev_major, rdev_minor;
		} create;
		struct {
			uint64_t cookie;
			uint32_t max_entries;
			uint32_t max_bytes; /* of names and fixed parts, 24 + name */
			bool want_attr;
		} readdir;
		struct {
			uint64_t offset_bytes, len_bytes;
			bool stable;
		} zero;
		struct {
			uint64_t offset_bytes, len_bytes;
			struct fs_extent *found;
			unsigned n_max;
		} extents;
		struct {
			uint64_t size_bytes;
			bool reserve;
			const char *backing_path; /* "/.snapshot/s1/test" or NULL */
			uint32_t set; /* FS_VDISK_SET_* */
			bool online, write_cache, force;
			const char *comment;
			const char *maps;
		} vdisk;
		struct {
			uint64_t rate_bytes_s;
			uint32_t flags;
			unsigned priority; /* 0: normal */
			uint32_t set; /* FS_CLONE_SET_* */
		} clone;
		struct {
			bool force; /* also when LUNs are backed by newer snapshots */
			bool look; /* only say what would go */
		} restore;
		struct {
			uint64_t floor_bytes_s; /* each disk is read at least so fast, whatever clients do; 0: START: as
			                         * before, MODIFY: the usual */
			bool afresh; /* START: from the beginning, also when one was stopped */
		} scrub;
		uint64_t check_rate_bytes_s; /* CHECK: limit of what it reads; 0 none */
		struct {
			unsigned group, position;
			const char *url;
			const struct raid_limits *limits;
			const struct raid_group_spec *spec; /* ADD_GROUP */
		} raid;
	} in;
	/* out */
	int status;
	struct {
		struct fs_attr attr, dir_attr, to_dir_attr;
		bool has_attr, has_dir_attr, has_to_dir_attr; /* also after errors, where the protocol wants them */
		struct fs_wcc pre, dir_pre, to_dir_pre;
		struct fs_io io; /* READ: in.io.pages filled; WRITE: len_bytes */
		bool eof;
		enum fs_stable stable;
		uint32_t reply_len; /* of call->reply */
		uint64_t verifier;
		uint32_t access;
		void *blob;
		size_t blob_len;
		struct fs_dirent *dirents;
		struct fs_snapshot_info *snapshots;
		struct fs_vdisk_info *vdisks;
		char (*names)[FS_NAME_MAX + 1U];
		unsigned n; /* entries of whichever array above */
		struct fs_fsstat fsstat;
		struct fs_volume_info *volume;
		struct raid_status *raid;
		struct fs_check_result check;
		struct fs_scrub_info *scrub;
		struct {
			uint64_t done_bytes, total_bytes;
		} progress;
		char error_text[256]; /* administration: what, which object, what to do ("" when the errno says it
		                       * all) */
	} out;
	/* the file system's, while sent */
	struct task task;
	TAILQ_ENTRY(fs_message) link;
	struct fs_run *run;
	bool repeatable; /* it does no harm to make its change again */
	struct call *kept; /* fs/cp/calls.h: the entry of its call */
	uint64_t begun_ns;
	uint64_t word[2];
};
TAILQ_HEAD(fs_message_list, fs_message);

/* Zero and set up; cheap enough for every request. */
void fs_message_init(struct fs_message *msg, enum fs_op op, struct fs_volume *volume,
                     void (*done)(struct fs_message *msg), void *owner);
/* Send. Errors come as msg->status. */
void fs_message_send(struct fs_message *msg);
/* Free what out.* owns (pages of a READ are the sender's own business). */
void fs_message_fini(struct fs_message *msg);

#endif
