/* SPDX-License-Identifier: Apache-2.0 */
/* A stage: a simulated machine with the front ends in front of it. */
#include "tests/front/stage.h"

#include <stdio.h>
#include <string.h>

#include "base/stream.h"
#include "proto/iscsi/iscsi_server.h"
#include "proto/mount/mount.h"
#include "proto/nfs/nfs_server.h"
#include "proto/scsi/lunmap.h"
#include "tests/support/simsock.h"

#define STEPS_MAX 5000000ULL
#define TAKEN_INODES 64U /* two blocks of them */
#define CALLS_FEW 10U /* more than clients need at once, so that each call drives out an old one */
#define SETTLE_NS 15000000000ULL /* longer than any deadline of the servers but those for clients that hold something */

static bool flag_is_set(void *arg)
{
	return *(bool *)arg;
}

static void set_flag(void *arg)
{
	*(bool *)arg = true;
}

static void wait_for(struct stage *stage, bool *flag)
{
	vc_assert(sim_run_until(stage->machine.sim, flag_is_set, flag, STEPS_MAX));
}

/* ---- the image ---- */

static struct fs_file_id made(struct machine *image, enum fs_op op, struct fs_file_id dir, const char *name)
{
	struct fs_message msg;

	fs_message_init(&msg, op, image->vol, NULL, NULL);
	msg.file = dir;
	msg.in.name = name;
	msg.in.name_len = (uint32_t)strlen(name);
	vc_assert(machine_send(image, &msg) && msg.status == 0);
	return msg.out.attr.id;
}

/* So that what clients make later is in blocks of the inode file that a mount does not read. */
static void take_inodes(struct machine *image)
{
	struct fs_file_id dir = made(image, FS_MKDIR, (struct fs_file_id){ 0, FS_INO_ROOT, 1 }, "taken");
	char name[8];

	for (unsigned i = 0; i < TAKEN_INODES; i++) {
		(void)snprintf(name, sizeof name, "%u", i);
		(void)made(image, FS_CREATE, dir, name);
	}
}

void stage_image_init(struct machine *image)
{
	struct fs_message msg;

	*image = (struct machine){ .n_disks = STAGE_DISKS, .disk_blocks = STAGE_BLOCKS, .log_half_blocks = 320 };
	vc_assert(machine_init(image, 'i', 2, 0) == 0);
	take_inodes(image);
	fs_message_init(&msg, FS_VDISK_CREATE, image->vol, NULL, NULL);
	msg.in.path = STAGE_LUN_PATH;
	msg.in.vdisk.size_bytes = STAGE_LUN_BYTES;
	vc_assert(machine_send(image, &msg) && msg.status == 0);
	fs_message_fini(&msg);
}

/* ---- serving ---- */

static void nfs_accepted(void *owner, int fd)
{
	struct stage *stage = owner;

	nfs_server_accept(stage->nfs, stage->loop, fd);
}

static void iscsi_accepted(void *owner, int fd)
{
	struct stage *stage = owner;

	iscsi_server_serve(stage->iscsi, stage->loop, fd);
}

static void serve_nfs(struct stage *stage)
{
	const struct nfs_server_options options = { .mount = &mount_program };
	struct export_client client;
	const struct export_spec spec = { .id = 1, .path = "/", .clients = &client, .n_clients = 1 };

	vc_assert(export_table_new(&stage->exports) == 0);
	vc_assert(export_client_init(&client, "127.0.0.0/8") == 0);
	vc_assert(export_client_set_options(&client, "rw,no_root_squash,insecure") == 0);
	vc_assert(export_table_set(stage->exports, fs_volume_uuid(stage->machine.vol), "vol0", &spec, 1) == 0);
	vc_assert(nfs_server_new(&stage->loop, 1, stage->exports, &options, &stage->nfs) == 0);
	vc_assert(
	    listener_new(stage->loop, simsock_listen(STAGE_NFS_PORT), nfs_accepted, stage, &stage->listeners[0]) == 0);
}

static void map_lun(struct stage *stage)
{
	struct lunmap_entry entry = { .igroup = "all", .initiator = "*" };
	struct fs_message msg;

	fs_message_init(&msg, FS_VDISK_GET, stage->machine.vol, NULL, NULL);
	msg.in.path = STAGE_LUN_PATH;
	vc_assert(machine_send(&stage->machine, &msg) && msg.status == 0);
	entry.file = msg.out.vdisks[0].id;
	entry.uuid = msg.out.vdisks[0].uuid;
	entry.serial = msg.out.vdisks[0].serial;
	entry.size_bytes = msg.out.vdisks[0].size_bytes;
	entry.write_cache = stage->write_cache;
	entry.online = msg.out.vdisks[0].online;
	vc_assert(lunmap_replace(stage->maps, stage->machine.vol, &entry, 1) == 0);
	fs_message_fini(&msg);
}

static void serve_iscsi(struct stage *stage)
{
	struct iscsi_server_config config = { .target_name = STAGE_TARGET };

	vc_assert(lunmap_new(&stage->maps) == 0);
	map_lun(stage);
	config.maps = stage->maps;
	vc_assert(iscsi_server_new(&config, &stage->iscsi) == 0);
	vc_assert(listener_new(stage->loop, simsock_listen(STAGE_ISCSI_PORT), iscsi_accepted, stage,
	                       &stage->listeners[1]) == 0);
}

static void serve(struct stage *stage)
{
	serve_nfs(stage);
	serve_iscsi(stage);
}

static void serve_no_more(struct stage *stage)
{
	bool nfs_stopped = false, iscsi_stopped = false;

	listener_free(stage->listeners[0]);
	listener_free(stage->listeners[1]);
	nfs_server_stop(stage->nfs, set_flag, &nfs_stopped);
	iscsi_server_stop(stage->iscsi, set_flag, &iscsi_stopped);
	wait_for(stage, &nfs_stopped);
	wait_for(stage, &iscsi_stopped);
	nfs_server_free(stage->nfs);
	iscsi_server_free(stage->iscsi);
	export_table_free(stage->exports);
	lunmap_free(stage->maps);
}

/* ---- lives ---- */

void stage_open(struct stage *stage, const struct machine *image, uint64_t seed)
{
	struct machine *machine = &stage->machine;

	machine_branch(machine, image, 'f', seed);
	machine->max_calls = seed * 0x9E3779B97F4A7C15ULL >> 63 != 0 ? CALLS_FEW : 0U;
	for (unsigned i = 0; i < machine->n_disks; i++)
		vc_assert(memdisk_clone(machine_medium(image, i), machine_medium(machine, i)) == 0);
	memdisk_set_latency(seed % 2 == 0 ? 3000000U : 0U);
	stage->write_cache = seed / 2 % 3 != 0;
	simsock_begin(machine->sim, seed);
	stage->loop = simloop_new(machine->sim);
	vc_assert(machine_mount(machine) == 0);
	serve(stage);
}

static void end(struct stage *stage)
{
	serve_no_more(stage);
	(void)machine_unmount(&stage->machine);
	loop_free(stage->loop);
	simsock_end();
}

void stage_close(struct stage *stage)
{
	end(stage);
	machine_fini(&stage->machine);
}

void stage_keep(struct stage *stage, struct machine *ret_image)
{
	end(stage);
	machine_branch(ret_image, &stage->machine, 'k', 1);
	for (unsigned i = 0; i < ret_image->n_disks; i++)
		vc_assert(memdisk_clone(machine_medium(&stage->machine, i), machine_medium(ret_image, i)) == 0);
	machine_fini(&stage->machine);
}

int stage_power_cut(struct stage *stage, uint64_t seed)
{
	int err;

	machine_cut_begin(&stage->machine, seed);
	serve_no_more(stage);
	machine_cut_end(&stage->machine);
	err = machine_mount(&stage->machine);
	if (err == 0)
		serve(stage);
	return err;
}

void stage_settle(struct stage *stage)
{
	sim_run_for(stage->machine.sim, SETTLE_NS);
}
