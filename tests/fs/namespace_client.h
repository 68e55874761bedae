/* SPDX-License-Identifier: Apache-2.0 */
/* Short names for messages of the namespace, for its tests. Each sends one message to `ns_ram` and leaves it in
 * `ns_msg`. */
#ifndef TESTS_FS_NAMESPACE_CLIENT_H
#define TESTS_FS_NAMESPACE_CLIENT_H

#include "fs/message.h"
#include "tests/base/cmocka_all.h"

#include <stdio.h>
#include <stdlib.h>

#include "tests/support/ramfile.h"

static struct ram *ns_ram;
static struct fs_message ns_msg;
static const struct fs_cred *ns_cred; /* NULL: privileged */

static const struct fs_file_id ns_root = { 0, FS_INO_ROOT, 1 };
static const struct fs_file_id ns_snapdir = { 0, FS_INO_SNAPSHOTS, 0 };

static inline struct fs_message *ns_new(enum fs_op op, struct fs_file_id file, const char *name)
{
	fs_message_fini(&ns_msg);
	fs_message_init(&ns_msg, op, &ns_ram->vol, NULL, NULL);
	ns_msg.file = file;
	ns_msg.cred = ns_cred;
	ns_msg.in.name = name;
	ns_msg.in.name_len = name == NULL ? 0 : (uint32_t)strlen(name);
	return &ns_msg;
}

static inline int ns_send(void)
{
	return ram_send(ns_ram, &ns_msg);
}

static inline int ns_create_mode(enum fs_op op, struct fs_file_id dir, const char *name, uint32_t mode)
{
	struct fs_message *msg = ns_new(op, dir, name);
	msg->in.setattr.set_mode = true;
	msg->in.setattr.mode = mode;
	msg->in.create.mode = FS_CREATE_GUARDED;
	msg->in.blob = "target";
	msg->in.blob_len = 6;
	msg->in.create.type = FS_TYPE_FIFO;
	return ns_send();
}
static inline int ns_file(struct fs_file_id dir, const char *name)
{
	return ns_create_mode(FS_CREATE, dir, name, 0644);
}
static inline int ns_dir(struct fs_file_id dir, const char *name)
{
	return ns_create_mode(FS_MKDIR, dir, name, 0755);
}
static inline struct fs_file_id ns_made(int status)
{
	assert_int_equal(status, 0);
	assert_true(ns_msg.out.has_attr);
	return ns_msg.out.attr.id;
}
static inline int ns_look(struct fs_file_id dir, const char *name)
{
	ns_new(FS_LOOKUP, dir, name);
	return ns_send();
}
static inline int ns_getattr(struct fs_file_id file)
{
	ns_new(FS_GETATTR, file, NULL);
	return ns_send();
}
static inline struct fs_attr ns_attr_of(struct fs_file_id file)
{
	assert_int_equal(ns_getattr(file), 0);
	return ns_msg.out.attr;
}
static inline int ns_unlink(struct fs_file_id dir, const char *name)
{
	ns_new(FS_REMOVE, dir, name);
	return ns_send();
}
static inline int ns_rmdir(struct fs_file_id dir, const char *name)
{
	ns_new(FS_RMDIR, dir, name);
	return ns_send();
}
static inline int ns_move(struct fs_file_id dir, const char *name, struct fs_file_id to_dir, const char *to_name)
{
	struct fs_message *msg = ns_new(FS_RENAME, dir, name);
	msg->in.to_dir = to_dir;
	msg->in.to_name = to_name;
	msg->in.to_name_len = (uint32_t)strlen(to_name);
	return ns_send();
}
static inline int ns_hardlink(struct fs_file_id file, struct fs_file_id to_dir, const char *to_name)
{
	struct fs_message *msg = ns_new(FS_LINK, file, NULL);
	msg->in.to_dir = to_dir;
	msg->in.to_name = to_name;
	msg->in.to_name_len = (uint32_t)strlen(to_name);
	return ns_send();
}
static inline int ns_set(struct fs_file_id file, const struct fs_setattr *set)
{
	ns_new(FS_SETATTR, file, NULL)->in.setattr = *set;
	return ns_send();
}
static inline int ns_list(struct fs_file_id dir, uint64_t cookie, uint32_t max_entries, uint32_t max_bytes,
                          bool want_attr)
{
	struct fs_message *msg = ns_new(FS_READDIR, dir, NULL);
	msg->in.readdir.cookie = cookie;
	msg->in.readdir.max_entries = max_entries;
	msg->in.readdir.max_bytes = max_bytes;
	msg->in.readdir.want_attr = want_attr;
	return ns_send();
}

static inline int ns_setup(void **state)
{
	(void)state;
	ns_ram = ram_new(42, 20);
	ns_cred = NULL;
	return 0;
}
static inline int ns_teardown(void **state)
{
	(void)state;
	fs_message_fini(&ns_msg);
	fs_message_init(&ns_msg, FS_GETATTR, NULL, NULL, NULL);
	ram_free(ns_ram);
	return 0;
}

#endif
