/* SPDX-License-Identifier: Apache-2.0 */
/* Calls: changes that a client may send again. */
#ifndef FS_CALL_H
#define FS_CALL_H

#include <stdint.h>

struct fs_message;

/* A call: a change that its client may ask for again because the answer was lost. It is carried out once. A message
 * with the key of a call that is under way waits for that call. A message with the key of an answered call gets the
 * same reply, and changes nothing. The replies of logged changes survive restarts and crashes, exactly as the
 * changes do. What is kept is bounded (fs_mount_options.max_calls) and shared out by peer. Two kinds are not kept:
 * an answer that is no last word (-FS_EJUKEBOX, -ENODEV, -ENOMEM, damage, I/O errors), and a reply longer than
 * FS_REPLY_MAX. For SETATTR, CREATE, MKDIR, SYMLINK, MKNOD, REMOVE, RMDIR, RENAME, LINK; other operations are
 * carried out each time. */
#define FS_CALL_PEER_SIZE 16U
#define FS_CALL_ID_SIZE 32U
#define FS_REPLY_MAX 368U
struct fs_call_key {
	uint8_t peer[FS_CALL_PEER_SIZE]; /* whose */
	uint8_t id[FS_CALL_ID_SIZE]; /* which of theirs: with the arguments in it, for calls are told apart by nothing
	                              * else */
};
struct fs_call {
	struct fs_call_key key;
	/* Write the results into `bytes` (FS_REPLY_MAX): how many, 0: they do not fit. Runs once, on the home loop,
	 * when out.* and the status are known and `done` is still to come; must touch only what the sender leaves alone
	 * until then. */
	uint32_t (*encode)(const struct fs_message *msg, int status, uint8_t *bytes);
	uint8_t reply[FS_REPLY_MAX]; /* out.reply_len bytes of it are the answer; when that is 0, the rest of `out`
	                              * is */
};

#endif
