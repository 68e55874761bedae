/* SPDX-License-Identifier: Apache-2.0 */
/* The door of the file system: every operation, from whichever protocol, is one message to a volume.
 *
 * THEORY. (§seed: the file system is "message-based"; the SCSI target "passes the message as a function call 665".) A message names an
 * operation, a target (volume and file), arguments and pages; the file system runs it on the volume's home loop, may park it until
 * buffers are in memory, and completes it exactly once. SCSI, NFS, the administration and the cloner (the "backdoor" of §seed) send
 * the same messages.
 * OWNERSHIP. The sender allocates the message, fills the in-part, and leaves it alone until `done`. Names and blobs of the in-part stay
 * valid until then. Results that need memory belong to the message until fs_message_fini.
 * THREADS. fs_message_send from any thread; `done` runs on the thread of `origin` (NULL: the volume's home loop), never inline.
 * ERRORS. `status` is 0 or a negative errno:
 *   -ESTALE no such file (handle, generation, snapshot)   -ENODEV volume offline   -EROFS snapshot or volume read-only
 *   -EJUKEBOX (FS_EJUKEBOX) try again later               -EUCLEAN, -EIO damage    -ENOSPC, -EDQUOT no space
 *   -FS_ENOTSYNC SETATTR: in.guard_ctime_ns is not the ctime
 *   -EBUSY an object others depend on                     -EMLINK as many as there can be
 *   -ESRCH no clone of it is running                      -ENOTSUP not for this type of object, the usual POSIX ones
 * WHAT AN ERROR LEAVES. Of `out` only the attributes whose has_* or `valid` is set, and error_text. All else is empty: no bytes, no entries, no
 * pages, nothing to give back. Every entry of the array that a READ was given is NULL. */
#ifndef FS_MESSAGE_H
#define FS_MESSAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/page.h"
#include "base/uuid.h"
#include "base/world.h"

struct fs_volume;
struct fs_message;

#define FS_BLOCK_SIZE 4096U
#define FS_IO_MAX (1U << 20) /* most bytes of one read or write */
#define FS_IO_PAGES_MAX 257U /* an unaligned FS_IO_MAX */
#define FS_FILE_SIZE_MAX (0xFFFFFFFEULL * FS_BLOCK_SIZE) /* of any file: beyond it -EFBIG */
#define FS_NAME_MAX 255U
#define FS_PATH_MAX 4096U /* symlink targets, administrative paths */
#define FS_LINK_MAX 65000U
#define FS_EJUKEBOX 528
#define FS_ENOTSYNC 522

enum fs_type {
	FS_TYPE_NONE,
	FS_TYPE_REG,
	FS_TYPE_DIR,
	FS_TYPE_SYMLINK,
	FS_TYPE_BLK,
	FS_TYPE_CHR,
	FS_TYPE_FIFO,
	FS_TYPE_SOCK,
	FS_TYPE_VDISK,
	FS_TYPE_STREAM_DIR,
	FS_TYPE_STREAM,
	FS_TYPE_META
};

/* Which file of a volume. snapshot 0 is the active file system. */
struct fs_file_id {
	uint32_t snapshot;
	uint32_t inode;
	uint64_t generation;
};
#define FS_INO_ROOT 64U /* the root directory of every volume */
#define FS_INO_SNAPSHOTS 0xFFFFFFF0U /* the pseudo directories "DIR/.snapshot" (snapshot 0; generation: whose, 0 the root's) */

struct fs_attr {
	enum fs_type type;
	uint32_t mode; /* permission bits, 07777 */
	uint32_t nlink;
	uint32_t uid, gid;
	uint32_t rdev_major, rdev_minor;
	uint64_t size_bytes;
	uint64_t used_bytes;
	uint64_t fsid; /* differs between volumes and between snapshots */
	struct fs_file_id id; /* id.inode is the fileid */
	int64_t atime_ns, mtime_ns, ctime_ns; /* since 1970 */
};
struct fs_extent {
	uint64_t offset_bytes, len_bytes;
	bool is_hole; /* reads as zeros and has no block */
};
struct fs_wcc {
	bool valid;
	uint64_t size_bytes;
	int64_t mtime_ns, ctime_ns;
};

/* Who asks. privileged: no permission check (administration, SCSI). NFS root without squash is uid 0, checked as POSIX checks root. */
struct fs_cred {
	bool privileged;
	uint32_t uid, gid;
	uint32_t n_gids;
	uint32_t gids[16];
};

enum fs_set_time { FS_TIME_KEEP, FS_TIME_SERVER, FS_TIME_CLIENT };
struct fs_setattr {
	bool set_mode, set_uid, set_gid, set_size;
	enum fs_set_time set_atime, set_mtime;
	uint32_t mode, uid, gid;
	uint64_t size_bytes;
	int64_t atime_ns, mtime_ns;
};

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
	FS_EXTENTS, /* in.extents.found (the sender's), out.n: which parts of a range have blocks, of their own or in the backing store, and which are holes, in
	             * order from offset_bytes on and without a gap; neighbours differ. As far as a bounded look reached, at least one; none at or beyond the end
	             * of the file */
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
	FS_RESOLVE, /* in.path: path inside the volume ("/dir/x", "/.snapshot/s1/x"); follows no symlink; out.attr, out.dir (its parent) */
	FS_PATH_OF, /* `file`: a directory of the active file system; out.blob: its path inside the volume, now. -ESTALE: it is gone */
	/* snapshots: in.name */
	FS_SNAPSHOT_CREATE, /* in.scheduled */
	FS_SNAPSHOT_DELETE,
	FS_SNAPSHOT_RENAME /* in.to_name; it is no schedule's any more */,
	FS_SNAPSHOT_LIST, /* out.snapshots, oldest first, with the figures known so far */
	FS_SNAPSHOT_SPACE, /* the same, figures brought up to date first, for at most in.wait_ns (0: however long it takes) */
	FS_SNAPSHOT_RESTORE, /* make ready to put the volume back to in.name: what comes next is an unmount, and a mount with restore_to. Until then no
	                      * snapshot is taken. in.restore; out.snapshots: the newer ones, which will go. -EBUSY a LUN is backed by one of them */
	FS_FILE_RESTORE, /* in.name, in.path: a regular file is as it was in the snapshot, under a new id, in place of what stands there; answered when it is
	                  * (which is long for a big one); out.attr. -EISDIR, -EINVAL another type; -ENOENT no such file, snapshot or directory; -EBUSY a LUN stands
	                  * there, or too many at once; -ENOSPC; -ECANCELED: ended early, nothing has changed */
	FS_FILE_RESTORE_STATUS, /* in.path; out.progress; -ENOENT: it is not being restored */
	FS_FILE_RESTORE_CANCEL, /* the same; it ends at its next step, unless it is done before */
	FS_AUTODELETE_SET, /* in.autodelete: from now on, until the volume goes offline */
	/* vdisks: in.path */
	FS_VDISK_CREATE, /* in.vdisk; out.vdisk (one) */
	FS_VDISK_DESTROY,
	FS_VDISK_RESIZE, /* in.vdisk.size_bytes */
	FS_VDISK_SET, /* in.vdisk.set: online, write cache, comment, maps; out.vdisk */
	FS_VDISK_GET, /* in.path, or `file` when path is NULL; out.vdisk */
	FS_VDISK_RESTORE, /* in.name: a snapshot. The LUN is as it was in it, at once, and stays the LUN it is for initiators (identity, maps, options); its
	                   * `file` is another one. A LUN that is no more is made anew. Its clone runs. out.vdisk (one) */
	FS_VDISK_LIST, /* out.vdisk[n] of the active file system */
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
	FS_SYNC, /* a consistency point: everything answered before is durable and in place */
	FS_CHECK, /* in.check_rate_bytes_s; out.check: the whole volume is verified against a private snapshot */
	FS_CHECK_RATE, /* in.check_rate_bytes_s: of the running check from now on; -ENOENT: none runs */
	FS_CHECK_CANCEL, /* the running check is answered with -ECANCELED at its next step; -ENOENT: none runs */
	FS_OP_COUNT
};

enum fs_class { FS_CLASS_CLIENT, FS_CLASS_ADMIN, FS_CLASS_BACKDOOR };
enum fs_stable { FS_UNSTABLE, FS_DATA_SYNC, FS_FILE_SYNC };

/* Bytes [offset, offset+len) of a file in pages laid out as the file's blocks are: pages[0] holds block offset / 4096, its first
 * offset % 4096 bytes do not count; and so on.
 * WRITE: the pages are shared from the send on (whole blocks are kept, not copied); the sender drops its own references after `done`.
 * READ: the sender gives the array (n_pages_max entries); the file system fills out.io.n_pages of it with references the sender must put. */
struct fs_io {
	uint64_t offset_bytes;
	uint32_t len_bytes;
	unsigned n_pages;
	unsigned n_pages_max;
	struct page **pages;
};

enum fs_create_mode { FS_CREATE_UNCHECKED, FS_CREATE_GUARDED, FS_CREATE_EXCLUSIVE };

#define FS_ACCESS_READ 0x01U
#define FS_ACCESS_LOOKUP 0x02U
#define FS_ACCESS_MODIFY 0x04U
#define FS_ACCESS_EXTEND 0x08U
#define FS_ACCESS_DELETE 0x10U
#define FS_ACCESS_EXECUTE 0x20U

struct fs_dirent {
	uint64_t cookie; /* of the entry itself: pass it to go on after it; 1 ".", 2 ".." */
	struct fs_file_id id;
	enum fs_type type;
	bool has_attr;
	struct fs_attr attr; /* when in.readdir.want_attr */
	uint32_t name_len;
	char name[FS_NAME_MAX + 1U];
};

struct fs_snapshot_info {
	uint32_t id;
	char name[FS_NAME_MAX + 1U];
	int64_t created_ns;
	bool summed; /* the two figures are known (FS_SNAPSHOT_SPACE) */
	uint64_t used_bytes; /* only this snapshot holds them: they come back when it is deleted */
	uint64_t since_bytes; /* in this snapshot and not in the one before it */
	bool deleting;
	bool scheduled; /* made by a schedule (in.scheduled) and not renamed since: may be deleted by it */
	bool delete_when_free; /* goes by itself with its last dependant (FS_CLONE_DELETE_SNAPSHOT) */
	uint32_t n_dependants; /* LUNs backed by it */
};

enum fs_clone_state { FS_CLONE_NONE, FS_CLONE_RUNNING, FS_CLONE_STOPPED, FS_CLONE_PAUSED, FS_CLONE_FAILED, FS_CLONE_DONE };
enum fs_clone_phase { FS_CLONE_COPYING, FS_CLONE_VERIFYING, FS_CLONE_RELEASING };
#define FS_CLONE_VERIFY 1U
#define FS_CLONE_DELETE_SNAPSHOT 2U
#define FS_CLONE_PRIORITY_LOW 2U
#define FS_CLONE_PRIORITY_NORMAL 5U
#define FS_CLONE_PRIORITY_HIGH 10U
#define FS_CLONE_PRIORITY_MAX 10U

struct fs_clone_info {
	enum fs_clone_state state;
	enum fs_clone_phase phase; /* RUNNING, PAUSED: what it is at */
	int error; /* FAILED, PAUSED: why */
	uint64_t error_offset; /* FAILED: where in the LUN; UINT64_MAX: at no place */
	uint64_t blocks_total; /* blocks of the LUN's backed length */
	uint64_t blocks_done; /* examined, filled, or overwritten by the host */
	uint64_t blocks_copied;
	uint64_t blocks_verified; /* FS_CLONE_VERIFY: looked at again, on the disks */
	uint64_t blocks_reserved; /* set aside for what is still to be copied */
	uint64_t rate_bytes_s; /* limit; 0: none */
	uint64_t speed_bytes_s; /* as it goes on now; 0: not known, or not at all */
	unsigned priority; /* 1..FS_CLONE_PRIORITY_MAX: its weight among the clones of the volume */
	int64_t started_ns;
	uint64_t eta_s; /* UINT64_MAX: not known */
	uint32_t flags;
};

struct fs_vdisk_info {
	char path[FS_PATH_MAX]; /* inside the volume: "/test" */
	struct fs_file_id id;
	struct uuid uuid;
	char serial[21]; /* 20 printable characters */
	uint64_t size_bytes, used_bytes;
	bool online, reserved, write_cache;
	char backing_snapshot[FS_NAME_MAX + 1U]; /* "" when independent */
	char backing_path[FS_PATH_MAX];
	struct fs_clone_info clone;
	char comment[256];
	char *maps; /* LUN maps, a document of the administration's (JSON text), NULL: none; owned by the message */
	uint64_t state_generation; /* rises with every FS_VDISK_SET, RESIZE */
};

#define FS_CLONE_SET_RATE 1U
#define FS_CLONE_SET_PRIORITY 2U
#define FS_CLONE_SET_VERIFY 4U /* as in.clone.flags has it */
#define FS_CLONE_SET_DELETE_SNAPSHOT 8U

#define FS_VDISK_SET_ONLINE 1U
#define FS_VDISK_SET_WRITE_CACHE 2U
#define FS_VDISK_SET_COMMENT 4U
#define FS_VDISK_SET_MAPS 8U

struct fs_volume_info {
	char name[FS_NAME_MAX + 1U];
	struct uuid uuid;
	/* size = used + metadata + snapshot + reserved + kept + free, exactly. used: files and LUNs, changes on their way to the disks too; snapshot:
	 * only snapshots hold it; reserved: promised to LUNs and not used yet; kept: held back for metadata; free: what a client can still write */
	uint64_t size_bytes, free_bytes, used_bytes, snapshot_bytes, reserved_bytes, metadata_bytes, kept_bytes;
	unsigned space_level; /* enum fs_space_level of fs/volume.h */
	uint64_t n_inodes_used, n_inodes_free;
	uint32_t n_snapshots;
	uint64_t cp_count, cp_last_ms, cp_generation;
	uint64_t nvlog_bytes_used, nvlog_bytes_half;
	uint64_t cache_pages, cache_pages_max, dirty_pages;
	bool degraded, failed, read_only;
	bool waits_for_room; /* the host's file system is full: changes wait */
	bool check_running;
	unsigned check_percent;
};

/* Which snapshots go when space runs short. */
enum fs_defer { FS_DEFER_USER_CREATED, FS_DEFER_SCHEDULED, FS_DEFER_NONE };
struct fs_autodelete {
	bool enabled;
	uint32_t trigger_percent; /* of the volume: when less than this is available, deleting begins */
	uint32_t target_percent; /* it ends when this is */
	bool newest_first;
	bool user_created; /* also those that no schedule made */
	enum fs_defer defer; /* these go last */
	char keep_prefix[104]; /* those whose names begin so never go; "": no such names */
};

struct fs_fsstat {
	uint64_t total_bytes, free_bytes, avail_bytes, total_files, free_files;
};

struct fs_check_finding {
	unsigned rule; /* docs/TESTING.md has the list */
	char *text; /* what is wrong, and where */
	char *path; /* a damaged block: the file it belongs to, as a client would name it; NULL: no file's, or not known */
	uint64_t offset_bytes, len_bytes; /* with a path: what of the file is damaged */
	char *disk; /* the disk that is wrong; NULL: no disk's, or not known */
	uint64_t count; /* blocks or stripes of one disk or file, or findings of one kind, that are summed here; else 1 */
	bool repairable; /* `vcd check --repair` puts it right without guessing */
};
/* A disk without which the check had to do: the parity of its group was not looked at. */
struct fs_check_absent {
	char path[256]; /* "": not known */
	struct uuid uuid;
	unsigned group, position;
	bool is_parity;
	bool failed; /* there, and not trusted; else missing */
};
struct fs_check_result {
	uint64_t n_blocks, n_inodes;
	uint64_t n_errors; /* what is summed by disk or file counts as one */
	struct fs_check_absent *absent;
	size_t n_absent;
	char *report; /* text, a line a finding; owned by the message, as all of it */
	struct fs_check_finding *findings;
	size_t n_findings;
};
void fs_check_result_fini(struct fs_check_result *result);

/* A call: a change that its client may ask for again because the answer was lost. It is carried out once: a message with the key of one that is
 * under way waits for it, and one with the key of one that was answered is answered so too, with the same reply, and changes nothing. The replies of
 * logged changes survive restarts and crashes, exactly as the changes do. What is kept is bounded (fs_mount_options.max_calls) and shared out by peer;
 * an answer that is no last word (-FS_EJUKEBOX, -ENODEV, -ENOMEM, damage, I/O errors) and a reply longer than FS_REPLY_MAX are not kept.
 * For SETATTR, CREATE, MKDIR, SYMLINK, MKNOD, REMOVE, RMDIR, RENAME, LINK; others are carried out each time. */
#define FS_CALL_PEER_SIZE 16U
#define FS_CALL_ID_SIZE 32U
#define FS_REPLY_MAX 368U
struct fs_call_key {
	uint8_t peer[FS_CALL_PEER_SIZE]; /* whose */
	uint8_t id[FS_CALL_ID_SIZE]; /* which of theirs: with the arguments in it, for calls are told apart by nothing else */
};
struct fs_call {
	struct fs_call_key key;
	/* Write the results into `bytes` (FS_REPLY_MAX): how many, 0: they do not fit. Runs once, on the home loop, when out.* and the status are known
	 * and `done` is still to come; must touch only what the sender leaves alone until then. */
	uint32_t (*encode)(const struct fs_message *msg, int status, uint8_t *bytes);
	uint8_t reply[FS_REPLY_MAX]; /* out.reply_len bytes of it are the answer; when that is 0, the rest of `out` is */
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
		    beneath; /* inode 0: anywhere. Else a directory, of the active file system or a snapshot: directories that `file` and to_dir name,
		                            * and what RESOLVE finds, must be it or below it (-ESTALE; RESOLVE: -ENOENT), and there is no way up
		                            * from it, nor in snapshots: ".." is "." */
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
		uint64_t check_rate_bytes_s; /* CHECK: limit of what it reads; 0 none */
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
		struct {
			uint64_t done_bytes, total_bytes;
		} progress;
		char error_text[256]; /* administration: what, which object, what to do ("" when the errno says it all) */
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
void fs_message_init(struct fs_message *msg, enum fs_op op, struct fs_volume *volume, void (*done)(struct fs_message *msg), void *owner);
/* Send. Errors come as msg->status. */
void fs_message_send(struct fs_message *msg);
/* Free what out.* owns (pages of a READ are the sender's own business). */
void fs_message_fini(struct fs_message *msg);

#endif
