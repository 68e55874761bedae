/* SPDX-License-Identifier: Apache-2.0 */
/* The permission matrix. */
#include "base/list.h"
#include "fs/file/inode.h"
#include "fs/fs_types.h"
#include "tests/base/cmocka_all.h"

#include "fs/file/perm.h"

static const struct fs_cred admin = { .privileged = true, .uid = 99, .gid = 99 };
static const struct fs_cred root = { .uid = 0, .gid = 0 };
static const struct fs_cred owner = { .uid = 10, .gid = 77 };
static const struct fs_cred member = { .uid = 11, .gid = 20 };
static const struct fs_cred aux = { .uid = 12, .gid = 77, .n_gids = 3, .gids = { 1, 2, 20 } };
/* the third does not count */
static const struct fs_cred other = { .uid = 13, .gid = 77, .n_gids = 2, .gids = { 1, 2, 20 } };

static struct inode_attr attr_of(uint8_t type, unsigned mode)
{
	return (struct inode_attr){ .type = type, .mode = (uint16_t)mode, .uid = 10, .gid = 20 };
}

static void perm_check_takes_the_first_class_that_fits(void **state)
{
	static const struct {
		const struct fs_cred *cred;
		unsigned shift;
	} classes[] = { { &owner, 6 }, { &member, 3 }, { &aux, 3 }, { &other, 0 } };
	static const uint8_t types[] = { FS_TYPE_REG, FS_TYPE_DIR };
	(void)state;
	for (unsigned t = 0; t < 2; t++) {
		for (unsigned mode = 0; mode < 01000; mode++) {
			struct inode_attr attr = attr_of(types[t], mode);
			for (unsigned want = 0; want < 8; want++) {
				bool anybody_executes = types[t] == FS_TYPE_DIR || (mode & 0111) != 0;
				for (unsigned c = 0; c < 4; c++)
					assert_int_equal(perm_check(classes[c].cred, &attr, want),
					                 (want & ~(mode >> classes[c].shift & 7U)) != 0 ? -EACCES : 0);
				assert_int_equal(perm_check(NULL, &attr, want), 0);
				assert_int_equal(perm_check(&admin, &attr, want), 0);
				assert_int_equal(perm_check(&root, &attr, want),
				                 (want & PERM_EXEC) != 0 && !anybody_executes ? -EACCES : 0);
			}
		}
	}
}

static void perm_check_io_lets_the_owner_of_a_file(void **state)
{
	struct inode_attr file = attr_of(FS_TYPE_REG, 0), dir = attr_of(FS_TYPE_DIR, 0),
	                  program = attr_of(FS_TYPE_REG, 0111);
	(void)state;
	assert_int_equal(perm_check_io(&owner, &file, PERM_READ | PERM_WRITE), 0);
	assert_int_equal(perm_check_io(&owner, &dir, PERM_READ), -EACCES);
	assert_int_equal(perm_check_io(&member, &file, PERM_READ), -EACCES);
	assert_int_equal(perm_check_io(&other, &program, PERM_READ), 0);
	assert_int_equal(perm_check_io(&other, &program, PERM_WRITE), -EACCES);
	assert_int_equal(perm_check_io(&root, &file, PERM_READ | PERM_WRITE), 0);
}

static void perm_sticky_directories_protect_other_peoples_files(void **state)
{
	struct inode_attr dir = attr_of(FS_TYPE_DIR, 01777), plain = attr_of(FS_TYPE_DIR, 0777),
	                  mine = attr_of(FS_TYPE_REG, 0);
	(void)state;
	mine.uid = 11;
	assert_int_equal(perm_check_delete(&member, &dir, &mine), 0); /* the file's owner */
	assert_int_equal(perm_check_delete(&owner, &dir, &mine), 0); /* the directory's */
	assert_int_equal(perm_check_delete(&other, &dir, &mine), -EPERM);
	assert_int_equal(perm_check_delete(&root, &dir, &mine), 0);
	assert_int_equal(perm_check_delete(NULL, &dir, &mine), 0);
	assert_int_equal(perm_check_delete(&other, &plain, &mine), 0);
	plain.mode = 0775;
	assert_int_equal(perm_check_delete(&other, &plain, &mine), -EACCES);
	plain.mode = 0666;
	assert_int_equal(perm_check_delete(&other, &plain, &mine), -EACCES);
}

static void perm_setattr_belongs_to_the_owner(void **state)
{
	struct inode_attr file = attr_of(FS_TYPE_REG, 0666);
	static const struct {
		struct fs_setattr set;
		int by_owner, by_member, by_other;
	} cases[] = {
		{ { .set_mode = true, .mode = 0600 }, 0, -EPERM, -EPERM },
		{ { .set_uid = true, .uid = 10 }, 0, -EPERM, -EPERM }, /* to what it is */
		{ { .set_uid = true, .uid = 11 }, -EPERM, -EPERM, -EPERM }, /* nobody gives files away */
		{ { .set_gid = true, .gid = 20 }, 0, -EPERM, -EPERM },
		{ { .set_gid = true, .gid = 77 }, 0, -EPERM, -EPERM }, /* a group of the owner's */
		{ { .set_gid = true, .gid = 78 }, -EPERM, -EPERM, -EPERM },
		{ { .set_mtime = FS_TIME_SERVER }, 0, 0, 0 }, /* writing would do the same */
		{ { .set_atime = FS_TIME_SERVER }, 0, 0, 0 },
		{ { .set_mtime = FS_TIME_CLIENT }, 0, -EPERM, -EPERM },
		{ { .set_atime = FS_TIME_CLIENT }, 0, -EPERM, -EPERM },
		{ { .set_size = true }, 0, 0, 0 },
		{ { 0 }, 0, 0, 0 },
	};
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		assert_int_equal(perm_check_setattr(&owner, &file, &cases[i].set), cases[i].by_owner);
		assert_int_equal(perm_check_setattr(&member, &file, &cases[i].set), cases[i].by_member);
		assert_int_equal(perm_check_setattr(&other, &file, &cases[i].set), cases[i].by_other);
		assert_int_equal(perm_check_setattr(&root, &file, &cases[i].set), 0);
		assert_int_equal(perm_check_setattr(NULL, &file, &cases[i].set), 0);
	}
	file.mode = 0444;
	assert_int_equal(perm_check_setattr(&other, &file, &(struct fs_setattr){ .set_mtime = FS_TIME_SERVER }),
	                 -EACCES);
	assert_int_equal(perm_check_setattr(&other, &file, &(struct fs_setattr){ .set_size = true }), -EACCES);
	assert_int_equal(perm_check_setattr(&owner, &file, &(struct fs_setattr){ .set_size = true }), 0);
}

static void perm_setuid_and_setgid_go_when_they_must(void **state)
{
	struct inode_attr program = attr_of(FS_TYPE_REG, 06755), locked = attr_of(FS_TYPE_REG, 02644),
	                  dir = attr_of(FS_TYPE_DIR, 02755);
	struct fs_setattr chown_ = { .set_uid = true, .uid = 5 }, chgrp = { .set_gid = true, .gid = 77 },
	                  size = { .set_size = true };
	struct fs_setattr sgid = { .set_mode = true, .mode = 02755 },
	                  both = { .set_gid = true, .gid = 78, .set_mode = true, .mode = 02755 };
	(void)state;
	assert_int_equal(perm_setattr_mode(&root, &program, &chown_), 0755);
	assert_int_equal(perm_setattr_mode(&owner, &program, &chgrp), 0755);
	assert_int_equal(perm_setattr_mode(&owner, &locked, &chgrp), 02644);
	assert_int_equal(perm_setattr_mode(&owner, &dir, &chgrp), 02755);
	assert_int_equal(perm_setattr_mode(&other, &program, &size), 0755);
	assert_int_equal(perm_setattr_mode(&root, &program, &size), 06755);
	assert_int_equal(perm_setattr_mode(&owner, &program, &sgid), 0755); /* not a member of the group */
	assert_int_equal(perm_setattr_mode(&aux, &program, &sgid), 02755);
	assert_int_equal(perm_setattr_mode(&aux, &program, &both), 0755); /* not of the new one */
	assert_int_equal(perm_setattr_mode(&root, &program, &sgid), 02755);
	assert_int_equal(perm_kill_suid(&other, &program), 0755);
	assert_int_equal(perm_kill_suid(&root, &program), 06755);
	assert_int_equal(perm_kill_suid(NULL, &program), 06755);
	assert_int_equal(perm_setattr_mode(&root, &program, &(struct fs_setattr){ .set_mode = true, .mode = 0177777 }),
	                 07777);
}

static void perm_access_tells_what_would_be_allowed(void **state)
{
	const uint32_t all = 0x3F;
	struct inode_attr dir = attr_of(FS_TYPE_DIR, 0751), file = attr_of(FS_TYPE_REG, 0751),
	                  wdir = attr_of(FS_TYPE_DIR, 0222);
	(void)state;
	assert_int_equal(perm_access(&owner, &dir, all, false),
	                 FS_ACCESS_READ | FS_ACCESS_LOOKUP | FS_ACCESS_MODIFY | FS_ACCESS_EXTEND | FS_ACCESS_DELETE);
	assert_int_equal(perm_access(&owner, &dir, all, true), FS_ACCESS_READ | FS_ACCESS_LOOKUP);
	assert_int_equal(perm_access(&other, &dir, all, false), FS_ACCESS_LOOKUP);
	assert_int_equal(perm_access(&other, &file, all, false), FS_ACCESS_EXECUTE);
	assert_int_equal(perm_access(&owner, &file, all, false),
	                 FS_ACCESS_READ | FS_ACCESS_EXECUTE | FS_ACCESS_MODIFY | FS_ACCESS_EXTEND);
	assert_int_equal(perm_access(&owner, &file, FS_ACCESS_READ, false), FS_ACCESS_READ);
	assert_int_equal(perm_access(&owner, &wdir, all, false), 0);
	file.mode = 0;
	assert_int_equal(perm_access(&root, &file, all, false), FS_ACCESS_READ | FS_ACCESS_MODIFY | FS_ACCESS_EXTEND);
}

static void perm_new_objects_belong_to_their_maker(void **state)
{
	struct inode_attr dir = attr_of(FS_TYPE_DIR, 0777), sgid = attr_of(FS_TYPE_DIR, 02777),
	                  attr = { .type = FS_TYPE_REG };
	struct fs_setattr set = {
		.set_mode = true, .mode = 06755, .set_uid = true, .uid = 1234, .set_gid = true, .gid = 1235
	};
	(void)state;
	perm_new_object(&other, &dir, &set, &attr);
	assert_true(attr.uid == 13 && attr.gid == 77 && attr.mode == 06755);
	perm_new_object(&root, &dir, &set, &attr);
	assert_true(attr.uid == 1234 && attr.gid == 1235 && attr.mode == 06755);
	perm_new_object(NULL, &dir, &(struct fs_setattr){ 0 }, &attr);
	assert_true(attr.uid == 0 && attr.gid == 0 && attr.mode == 0);
	perm_new_object(&other, &sgid, &set, &attr);
	assert_true(attr.uid == 13 && attr.gid == 20 && attr.mode == 04755); /* not a member: no setgid */
	attr.type = FS_TYPE_DIR;
	perm_new_object(&other, &sgid, &set, &attr);
	assert_true(attr.gid == 20 && (attr.mode & 02000) != 0);
	set.gid = 2;
	perm_new_object(&other, &dir, &set, &attr);
	assert_true(attr.uid == 13 && attr.gid == 2);
	attr.type = FS_TYPE_SYMLINK;
	perm_new_object(&other, &dir, &set, &attr);
	assert_int_equal(attr.mode, 0777);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(perm_check_takes_the_first_class_that_fits),
		cmocka_unit_test(perm_check_io_lets_the_owner_of_a_file),
		cmocka_unit_test(perm_sticky_directories_protect_other_peoples_files),
		cmocka_unit_test(perm_setattr_belongs_to_the_owner),
		cmocka_unit_test(perm_setuid_and_setgid_go_when_they_must),
		cmocka_unit_test(perm_access_tells_what_would_be_allowed),
		cmocka_unit_test(perm_new_objects_belong_to_their_maker),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
