/* SPDX-License-Identifier: Apache-2.0 */
/* A double of the file system's door: volumes in memory. One thread. */
#include "tests/support/ramadmin.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fs/message.h"
#include "fs/volume.h"
#include "raid/disk.h"
#include "raid/disk_use.h"
#include "raid/raid.h"

#define MANY 16
#define SNAPSHOTS 64

struct ram_doc {
	char name[64];
	void *blob;
	size_t len;
};
struct ram_snapshot {
	char name[256];
	uint32_t id;
	bool used, deleting, scheduled;
	unsigned looks;
	int64_t created_ns;
};
struct ram_lun {
	bool used;
	struct fs_vdisk_info info;
};

struct fs_volume {
	bool used, mounted;
	char name[256];
	struct uuid uuid;
	char disks[MANY][256];
	bool parity[MANY];
	enum raid_disk_state states[MANY]; /* what administrators made of them */
	unsigned rebuilt[MANY]; /* percent */
	unsigned n_disks;
	struct world *world;
	unsigned refs;
	struct ram_doc docs[MANY];
	struct ram_snapshot snapshots[SNAPSHOTS];
	struct ram_lun luns[MANY];
	uint32_t next_id;
};

const char *ramadmin_directory = "/dir";
uint64_t ramadmin_tree_changes;
uint64_t ramadmin_clone_step = 64;
unsigned ramadmin_space_level;
unsigned ramadmin_reclaim_looks = 1;
int ramadmin_fail_format, ramadmin_fail_mount, ramadmin_fail_snapshot, ramadmin_fail_wipe, ramadmin_fail_replace;
bool ramadmin_grow_labels;
unsigned ramadmin_mounts;
uint64_t ramadmin_check_errors;
/* A volume that was made when nothing was ever due before: no test has a scrub that it did not start. */
#define SCRUB_AT_FIRST                                                                                                 \
	{                                                                                                              \
		.volume_created_ns = INT64_MAX, .eta_s = UINT64_MAX                                                    \
	}
struct fs_scrub_info ramadmin_scrub = SCRUB_AT_FIRST;
unsigned ramadmin_n_scrubs;
bool ramadmin_degraded, ramadmin_failed, ramadmin_rebuilding, ramadmin_worn, ramadmin_check_hangs;
struct raid_limits ramadmin_limits;
struct fs_autodelete ramadmin_autodelete;
static struct fs_volume volumes[MANY];
static struct fs_message *hanging_check;

void ramadmin_reset(void)
{
	for (unsigned i = 0; i < MANY; i++) {
		for (unsigned j = 0; j < MANY; j++) {
			free(volumes[i].docs[j].blob);
			free(volumes[i].luns[j].info.maps);
		}
	}
	memset(volumes, 0, sizeof volumes);
	ramadmin_directory = "/dir";
	ramadmin_tree_changes = 0;
	ramadmin_clone_step = 64;
	ramadmin_reclaim_looks = 1;
	ramadmin_fail_format = ramadmin_fail_mount = ramadmin_fail_snapshot = ramadmin_fail_wipe =
	    ramadmin_fail_replace = 0;
	ramadmin_check_errors = 0;
	ramadmin_scrub = (struct fs_scrub_info)SCRUB_AT_FIRST;
	ramadmin_n_scrubs = 0;
	ramadmin_space_level = 0;
	ramadmin_degraded = ramadmin_failed = ramadmin_rebuilding = ramadmin_worn = ramadmin_check_hangs = false;
	ramadmin_limits = (struct raid_limits){ { 64, 256, 256, 32U << 20 } };
	hanging_check = NULL;
}

/* ---- disks ------------------------------------------------------------------------------------------------------- */

int disk_driver_find(const char *url, const struct disk_driver **ret_driver, const char **ret_location)
{
	*ret_driver = NULL;
	*ret_location = strchr(url, ':') + 1;
	return strncmp(url, "file:", 5) == 0 ? 0 : -EINVAL;
}

int disk_create(const char *url, uint64_t size_bytes)
{
	if (strncmp(url, "file:", 5) != 0)
		return 0;
	FILE *file = fopen(url + 5, "wx");
	if (file == NULL)
		return -errno;
	int err = ftruncate(fileno(file), (off_t)size_bytes) < 0 ? -errno : 0;
	(void)fclose(file);
	return err;
}

int disk_preallocate(const char *url)
{
	(void)url;
	return 0;
}

static void forget_disk(const char *url)
{
	for (unsigned i = 0; i < MANY; i++) {
		for (unsigned d = 0; d < volumes[i].n_disks; d++) {
			if (strcmp(volumes[i].disks[d], url) == 0)
				volumes[i].disks[d][0] = '\0';
		}
	}
}

void ramadmin_move_disk(const char *from, const char *to)
{
	for (unsigned i = 0; i < MANY; i++) {
		for (unsigned d = 0; d < volumes[i].n_disks; d++) {
			if (strcmp(volumes[i].disks[d] + 5, from) == 0)
				(void)snprintf(volumes[i].disks[d], 256, "file:%s", to);
		}
	}
}

int disk_destroy(const char *url)
{
	forget_disk(url);
	return strncmp(url, "file:", 5) != 0 || unlink(url + 5) == 0 ? 0 : -errno;
}

static struct fs_volume *find_on(const char *url);

/* The double's label of a spare. */
#define SPARE_MARK "SPARE"
struct ram_spare {
	char mark[8];
	struct uuid spare, volume;
};

/* A file that begins with "ext4" holds a file system, one of a volume has its label, a spare its own, others are
 * empty. */
int disk_use_look(const char *url, struct disk_use *ret_use)
{
	const struct fs_volume *volume = find_on(url);
	struct ram_spare begin = { 0 };

	*ret_use = (struct disk_use){ .kind = DISK_USE_NONE };
	if (strncmp(url, "file:", 5) != 0)
		return 0;
	FILE *file = fopen(url + 5, "re");
	if (file == NULL)
		return -errno;
	(void)fseek(file, 0, SEEK_END);
	ret_use->size_bytes = (uint64_t)ftell(file);
	rewind(file);
	(void)!fread(&begin, 1, sizeof begin, file);
	if (memcmp(begin.mark, "ext4", 4) == 0)
		*ret_use = (struct disk_use){ .kind = DISK_USE_KNOWN,
			                      .size_bytes = ret_use->size_bytes,
			                      .text = "a file system (ext4)" };
	else if (volume != NULL)
		*ret_use = (struct disk_use){ .kind = DISK_USE_LABEL,
			                      .volume = volume->uuid,
			                      .text = "a disk of a volume" };
	else if (strcmp(begin.mark, SPARE_MARK) == 0)
		*ret_use = (struct disk_use){ .kind = DISK_USE_SPARE,
			                      .size_bytes = ret_use->size_bytes,
			                      .spare = begin.spare,
			                      .volume = begin.volume,
			                      .text = "a hot spare" };
	(void)fclose(file);
	return 0;
}

int disk_use_glance(const char *url, struct disk_use *ret_use)
{
	return disk_use_look(url, ret_use);
}

static int put_front(const char *url, const void *bytes, size_t len)
{
	FILE *file = fopen(url + 5, "r+e");

	if (file == NULL)
		return -errno;
	size_t n = fwrite(bytes, 1, len, file);
	return fclose(file) == 0 && n == len ? 0 : -EIO;
}

int disk_use_mark_spare(const char *url, const struct uuid *spare, const struct uuid *volume)
{
	struct ram_spare label = { .mark = SPARE_MARK, .spare = *spare };

	if (volume != NULL)
		label.volume = *volume;
	return put_front(url, &label, sizeof label);
}

int disk_use_wipe(const char *url, const struct uuid *volume)
{
	(void)volume;
	if (ramadmin_fail_wipe != 0)
		return ramadmin_fail_wipe;
	int err = put_front(url, "wiped", 5);
	if (err == 0)
		forget_disk(url);
	return err;
}

/* ---- volumes ----------------------------------------------------------------------------------------------------- */

struct later {
	struct task task;
	int err;
	struct fs_volume *volume;
	void (*done)(void *arg, int err);
	void (*mounted)(void *arg, int err, struct fs_volume *volume);
	void *arg;
};

static void later_run(struct task *task)
{
	struct later *later = container_of(task, struct later, task);
	if (later->mounted != NULL)
		later->mounted(later->arg, later->err, later->volume);
	else
		later->done(later->arg, later->err);
	free(later);
}

static struct later *later_post(struct world *world, int err, void *arg)
{
	struct later *later = calloc(1, sizeof *later);
	later->task.run = later_run;
	later->err = err;
	later->arg = arg;
	world_post(world, &later->task);
	return later;
}

void fs_volume_format(struct world *world, const char *name, const struct raid_spec *spec,
                      void (*done)(void *arg, int err), void *arg)
{
	struct fs_volume *volume = volumes;

	while (volume->used)
		volume++;
	int err = ramadmin_fail_format;
	if (err == 0) {
		*volume = (struct fs_volume){ .used = true, .next_id = 1 };
		(void)snprintf(volume->name, sizeof volume->name, "%s", name);
		world_random(world, &volume->uuid, sizeof volume->uuid);
		for (unsigned g = 0; g < spec->n_groups; g++) {
			for (unsigned d = 0; d < spec->groups[g].n_disks; d++) {
				volume->parity[volume->n_disks] = d + spec->groups[g].n_parity >=
				                                  spec->groups[g].n_disks;
				(void)snprintf(volume->disks[volume->n_disks++], 256, "%s",
				               spec->groups[g].disk_urls[d]);
			}
		}
	}
	later_post(world, err, arg)->done = done;
}

static struct fs_volume *find_on(const char *url)
{
	for (unsigned i = 0; i < MANY; i++) {
		for (unsigned d = 0; d < volumes[i].n_disks; d++) {
			if (volumes[i].used && strcmp(volumes[i].disks[d], url) == 0)
				return &volumes[i];
		}
	}
	return NULL;
}

void fs_volume_mount(struct world *world, const char *const *disk_urls, unsigned n_disks,
                     const struct fs_mount_options *options, void (*done)(void *arg, int err, struct fs_volume *volume),
                     void *arg)
{
	struct fs_volume *volume = n_disks == 0 ? NULL : find_on(disk_urls[0]);
	ramadmin_mounts++;
	int err = ramadmin_fail_mount != 0      ? ramadmin_fail_mount
	          : volume == NULL              ? -ENOENT
	          : options->cache_pages < 2048 ? -EINVAL
	                                        : 0;

	if (err == 0) {
		if (options->name != NULL)
			(void)snprintf(volume->name, sizeof volume->name, "%s", options->name);
		volume->mounted = true;
		volume->world = world;
		volume->refs = 1;
	}
	struct later *later = later_post(world, err, arg);
	later->mounted = done;
	later->volume = err == 0 ? volume : NULL;
}

void fs_volume_unmount(struct fs_volume *volume, void (*done)(void *arg, int err), void *arg)
{
	volume->mounted = false;
	volume->refs--;
	later_post(volume->world, 0, arg)->done = done;
}

struct fs_volume *fs_volume_get(struct fs_volume *volume)
{
	volume->refs++;
	return volume;
}
void fs_volume_put(struct fs_volume *volume)
{
	vc_assert(volume->refs > 0);
	volume->refs--;
}
const char *fs_volume_name(const struct fs_volume *volume)
{
	return volume->name;
}
const struct uuid *fs_volume_uuid(const struct fs_volume *volume)
{
	return &volume->uuid;
}
uint64_t fs_volume_tree_changes(const struct fs_volume *volume)
{
	(void)volume;
	return ramadmin_tree_changes;
}
struct world *fs_volume_world(const struct fs_volume *volume)
{
	return volume->world;
}

/* ---- operations -------------------------------------------------------------------------------------------------- */

static struct ram_snapshot *snapshot_find(struct fs_volume *volume, const char *name, size_t len)
{
	for (unsigned i = 0; i < SNAPSHOTS; i++) {
		struct ram_snapshot *snapshot = &volume->snapshots[i];
		if (snapshot->used && strlen(snapshot->name) == len && memcmp(snapshot->name, name, len) == 0)
			return snapshot;
	}
	return NULL;
}

static struct ram_lun *lun_find(struct fs_volume *volume, const char *path)
{
	for (unsigned i = 0; i < MANY; i++) {
		if (volume->luns[i].used && strcmp(volume->luns[i].info.path, path) == 0)
			return &volume->luns[i];
	}
	return NULL;
}

static int snapshot_create(struct fs_message *msg)
{
	struct fs_volume *volume = msg->volume;
	unsigned i = 0;

	if (ramadmin_fail_snapshot != 0)
		return ramadmin_fail_snapshot;
	if (snapshot_find(volume, msg->in.name, msg->in.name_len) != NULL)
		return -EEXIST;
	while (i < SNAPSHOTS && volume->snapshots[i].used)
		i++;
	if (i == SNAPSHOTS)
		return -ENOSPC;
	volume->snapshots[i] = (struct ram_snapshot){ .used = true,
		                                      .id = volume->next_id++,
		                                      .scheduled = msg->in.scheduled,
		                                      .created_ns = world_wall_ns(volume->world) };
	memcpy(volume->snapshots[i].name, msg->in.name, msg->in.name_len);
	return 0;
}

static int snapshot_delete(struct fs_message *msg)
{
	struct ram_snapshot *snapshot = snapshot_find(msg->volume, msg->in.name, msg->in.name_len);

	if (snapshot == NULL)
		return -ENOENT;
	for (unsigned i = 0; i < MANY; i++) {
		struct ram_lun *lun = &msg->volume->luns[i];
		if (lun->used && strcmp(lun->info.backing_snapshot, snapshot->name) == 0) {
			(void)snprintf(msg->out.error_text, sizeof msg->out.error_text,
			               "LUN %.100s is backed by snapshot %.100s; clone or destroy it first",
			               lun->info.path, snapshot->name);
			return -EBUSY;
		}
	}
	snapshot->deleting = true;
	snapshot->looks = ramadmin_reclaim_looks;
	return 0;
}

static int snapshot_rename(struct fs_message *msg)
{
	struct ram_snapshot *snapshot = snapshot_find(msg->volume, msg->in.name, msg->in.name_len);

	if (snapshot == NULL)
		return -ENOENT;
	memset(snapshot->name, 0, sizeof snapshot->name);
	memcpy(snapshot->name, msg->in.to_name, msg->in.to_name_len);
	snapshot->scheduled = false;
	return 0;
}

/* Those reclaimed go, the others close up. */
static void snapshots_settle(struct fs_volume *volume)
{
	unsigned n = 0;

	for (unsigned i = 0; i < SNAPSHOTS; i++) {
		struct ram_snapshot *snapshot = &volume->snapshots[i];
		if (snapshot->used && !(snapshot->deleting && snapshot->looks-- == 0))
			volume->snapshots[n++] = *snapshot;
	}
	memset(&volume->snapshots[n], 0, (SNAPSHOTS - n) * sizeof volume->snapshots[0]);
}

static int snapshot_list(struct fs_message *msg)
{
	msg->out.snapshots = calloc(SNAPSHOTS, sizeof *msg->out.snapshots);
	snapshots_settle(msg->volume);
	for (unsigned i = 0; i < SNAPSHOTS && msg->volume->snapshots[i].used; i++) {
		struct ram_snapshot *snapshot = &msg->volume->snapshots[i];
		struct fs_snapshot_info *info = &msg->out.snapshots[msg->out.n++];
		info->id = snapshot->id;
		info->created_ns = snapshot->created_ns;
		info->deleting = snapshot->deleting;
		info->summed = msg->op == FS_SNAPSHOT_SPACE;
		info->used_bytes = info->summed ? snapshot->id * 1048576ULL : 0;
		info->since_bytes = info->summed ? snapshot->id * 4096ULL : 0;
		info->scheduled = snapshot->scheduled;
		(void)snprintf(info->name, sizeof info->name, "%s", snapshot->name);
		for (unsigned j = 0; j < MANY; j++)
			info->n_dependants += msg->volume->luns[j].used &&
			                      strcmp(msg->volume->luns[j].info.backing_snapshot, snapshot->name) == 0;
	}
	return 0;
}

static int out_lun(struct fs_message *msg, struct ram_lun *lun)
{
	msg->out.vdisks = calloc(1, sizeof *msg->out.vdisks);
	msg->out.vdisks[0] = lun->info;
	if (lun->info.maps != NULL)
		msg->out.vdisks[0].maps = strdup(lun->info.maps);
	msg->out.n = 1;
	return 0;
}

static int vdisk_create(struct fs_message *msg)
{
	struct fs_volume *volume = msg->volume;

	if (lun_find(volume, msg->in.path) != NULL)
		return -EEXIST;
	for (unsigned i = 0; i < MANY; i++) {
		struct ram_lun *lun = &volume->luns[i];
		if (lun->used)
			continue;
		*lun = (struct ram_lun){ .used = true };
		struct fs_vdisk_info *info = &lun->info;
		(void)snprintf(info->path, sizeof info->path, "%s", msg->in.path);
		(void)snprintf(info->serial, sizeof info->serial, "RAM%02u%015u", (unsigned)(volume - volumes),
		               volume->next_id);
		info->id.inode = volume->next_id++;
		world_random(volume->world, &info->uuid, sizeof info->uuid);
		info->size_bytes = msg->in.vdisk.size_bytes;
		info->reserved = msg->in.vdisk.reserve;
		info->online = info->write_cache = true;
		if (msg->in.vdisk.comment != NULL)
			(void)snprintf(info->comment, sizeof info->comment, "%s", msg->in.vdisk.comment);
		if (msg->in.vdisk.backing_path != NULL)
			(void)sscanf(msg->in.vdisk.backing_path, "/.snapshot/%255[^/]%255s", info->backing_snapshot,
			             info->backing_path);
		return out_lun(msg, lun);
	}
	return -ENOSPC;
}

static int vdisk_set(struct fs_message *msg, struct ram_lun *lun)
{
	if (msg->in.vdisk.set & FS_VDISK_SET_ONLINE)
		lun->info.online = msg->in.vdisk.online;
	if (msg->in.vdisk.set & FS_VDISK_SET_COMMENT)
		(void)snprintf(lun->info.comment, sizeof lun->info.comment, "%s", msg->in.vdisk.comment);
	if (msg->in.vdisk.set & FS_VDISK_SET_MAPS) {
		free(lun->info.maps);
		lun->info.maps = strdup(msg->in.vdisk.maps);
	}
	lun->info.state_generation++;
	return out_lun(msg, lun);
}

static void clone_go_on(struct ram_lun *lun)
{
	struct fs_clone_info *clone = &lun->info.clone;

	if (clone->state != FS_CLONE_RUNNING)
		return;
	clone->blocks_done += ramadmin_clone_step;
	if (clone->blocks_done >= clone->blocks_total) {
		clone->blocks_done = clone->blocks_total;
		clone->state = FS_CLONE_DONE;
		lun->info.backing_snapshot[0] = '\0';
	}
}

static int clone_op(struct fs_message *msg, struct ram_lun *lun)
{
	struct fs_clone_info *clone = &lun->info.clone;

	if (msg->op == FS_CLONE_START) {
		if (lun->info.backing_snapshot[0] == '\0')
			return -EALREADY;
		clone->state = FS_CLONE_RUNNING;
		clone->blocks_total = lun->info.size_bytes / FS_BLOCK_SIZE;
		clone->rate_bytes_s = msg->in.clone.rate_bytes_s;
		clone->priority = msg->in.clone.priority == 0 ? FS_CLONE_PRIORITY_NORMAL : msg->in.clone.priority;
		clone->flags = msg->in.clone.flags;
		clone->eta_s = UINT64_MAX;
		clone->error_offset = UINT64_MAX;
	} else if (msg->op == FS_CLONE_MODIFY) {
		if (clone->state != FS_CLONE_RUNNING && clone->state != FS_CLONE_STOPPED)
			return -ESRCH;
		if ((msg->in.clone.set & FS_CLONE_SET_RATE) != 0)
			clone->rate_bytes_s = msg->in.clone.rate_bytes_s;
		if ((msg->in.clone.set & FS_CLONE_SET_PRIORITY) != 0)
			clone->priority = msg->in.clone.priority;
		if ((msg->in.clone.set & FS_CLONE_SET_VERIFY) != 0)
			clone->flags = (clone->flags & ~FS_CLONE_VERIFY) | (msg->in.clone.flags & FS_CLONE_VERIFY);
		if ((msg->in.clone.set & FS_CLONE_SET_DELETE_SNAPSHOT) != 0)
			clone->flags = (clone->flags & ~FS_CLONE_DELETE_SNAPSHOT) |
			               (msg->in.clone.flags & FS_CLONE_DELETE_SNAPSHOT);
	} else if (msg->op == FS_CLONE_STOP) {
		if (clone->state != FS_CLONE_RUNNING)
			return -ESRCH;
		clone->state = FS_CLONE_STOPPED;
	} else {
		clone_go_on(lun);
	}
	return out_lun(msg, lun);
}

static int vdisk_op(struct fs_message *msg)
{
	struct ram_lun *lun = lun_find(msg->volume, msg->in.path);

	if (lun == NULL)
		return -ENOENT;
	switch (msg->op) {
	case FS_VDISK_DESTROY:
		lun->used = false;
		free(lun->info.maps);
		lun->info.maps = NULL;
		return 0;
	case FS_VDISK_RESIZE:
		lun->info.size_bytes = msg->in.vdisk.size_bytes;
		lun->info.state_generation++;
		return out_lun(msg, lun);
	case FS_VDISK_SET: return vdisk_set(msg, lun);
	case FS_VDISK_GET: return out_lun(msg, lun);
	default: return clone_op(msg, lun);
	}
}

static int vdisk_list(struct fs_message *msg)
{
	msg->out.vdisks = calloc(MANY, sizeof *msg->out.vdisks);
	for (unsigned i = 0; i < MANY; i++) {
		struct ram_lun *lun = &msg->volume->luns[i];
		if (!lun->used)
			continue;
		msg->out.vdisks[msg->out.n] = lun->info;
		if (lun->info.maps != NULL)
			msg->out.vdisks[msg->out.n].maps = strdup(lun->info.maps);
		msg->out.n++;
	}
	return 0;
}

static int doc_op(struct fs_message *msg)
{
	struct ram_doc *doc = NULL;

	for (unsigned i = 0; i < MANY && doc == NULL; i++) {
		struct ram_doc *at = &msg->volume->docs[i];
		if (at->blob == NULL ||
		    (strlen(at->name) == msg->in.name_len && memcmp(at->name, msg->in.name, msg->in.name_len) == 0))
			doc = at;
	}
	if (msg->op == FS_DOC_GET) {
		if (doc == NULL || doc->blob == NULL)
			return -ENOENT;
		msg->out.blob = malloc(doc->len);
		memcpy(msg->out.blob, doc->blob, doc->len);
		msg->out.blob_len = doc->len;
		return 0;
	}
	free(doc->blob);
	doc->blob = malloc(msg->in.blob_len);
	memcpy(doc->blob, msg->in.blob, msg->in.blob_len);
	doc->len = msg->in.blob_len;
	memcpy(doc->name, msg->in.name, msg->in.name_len);
	return 0;
}

void ramadmin_put_document(const char *volume, const char *name, const char *text)
{
	struct fs_message msg = { .op = FS_DOC_PUT };

	for (unsigned i = 0; i < MANY; i++) {
		if (volumes[i].used && strcmp(volumes[i].name, volume) == 0)
			msg.volume = &volumes[i];
	}
	msg.in.name = name;
	msg.in.name_len = (uint32_t)strlen(name);
	msg.in.blob = text;
	msg.in.blob_len = strlen(text);
	(void)doc_op(&msg);
}

bool ramadmin_document_is(const char *volume, const char *name, const char *text)
{
	for (unsigned i = 0; i < MANY; i++) {
		if (!volumes[i].used || strcmp(volumes[i].name, volume) != 0)
			continue;
		for (unsigned d = 0; d < MANY; d++) {
			const struct ram_doc *doc = &volumes[i].docs[d];
			if (doc->blob != NULL && strcmp(doc->name, name) == 0)
				return doc->len == strlen(text) && memcmp(doc->blob, text, doc->len) == 0;
		}
	}
	return false;
}

static const struct fs_file_id directory_id = { 0, 100, 7 };

static int path_of(struct fs_message *msg)
{
	const char *path = msg->file.inode == FS_INO_ROOT          ? "/"
	                   : msg->file.inode == directory_id.inode ? ramadmin_directory
	                                                           : NULL;

	if (path == NULL)
		return -ESTALE;
	msg->out.blob = strdup(path);
	msg->out.blob_len = strlen(path);
	return msg->out.blob == NULL ? -ENOMEM : 0;
}

static int resolve(struct fs_message *msg)
{
	char snapshot[256], path[256];

	msg->out.attr.type = FS_TYPE_DIR;
	msg->out.attr.id = (struct fs_file_id){ 0, FS_INO_ROOT, 1 };
	if (strcmp(msg->in.path, "/") == 0)
		return 0;
	msg->out.attr.id = directory_id;
	if (ramadmin_directory != NULL && strcmp(msg->in.path, ramadmin_directory) == 0)
		return 0;
	const char *inner = msg->in.path;
	if (sscanf(msg->in.path, "/.snapshot/%255[^/]%255s", snapshot, path) == 2) {
		if (snapshot_find(msg->volume, snapshot, strlen(snapshot)) == NULL)
			return -ENOENT;
		inner = path;
	}
	struct ram_lun *lun = lun_find(msg->volume, inner);
	if (lun == NULL)
		return -ENOENT;
	msg->out.attr.type = FS_TYPE_VDISK;
	msg->out.attr.size_bytes = lun->info.size_bytes;
	return 0;
}

static int volume_stat(struct fs_message *msg)
{
	struct fs_volume_info *info = msg->out.volume = calloc(1, sizeof *info);

	(void)snprintf(info->name, sizeof info->name, "%s", msg->volume->name);
	info->uuid = msg->volume->uuid;
	info->size_bytes = 3ULL << 30;
	info->free_bytes = 2ULL << 30;
	info->used_bytes = 1ULL << 30;
	info->degraded = ramadmin_degraded;
	info->space_level = ramadmin_space_level;
	if (ramadmin_space_level > 0)
		info->free_bytes = 210ULL << 20; /* 94 % used */
	info->check_running = hanging_check != NULL;
	info->check_percent = hanging_check != NULL ? 42 : 0;
	return 0;
}

/* A rebuild gets on a fifth with every look at it. */
static void disk_stat(struct fs_volume *volume, unsigned i, struct raid_disk_status *disk)
{
	disk->uuid.b[15] = (uint8_t)(i + 1U);
	disk->size_bytes = disk->needed_bytes = 1048576;
	if (volume->states[i] == RAID_DISK_REBUILDING && (volume->rebuilt[i] += 20U) > 100U)
		volume->states[i] = RAID_DISK_ONLINE;
	if (volume->states[i] == RAID_DISK_ONLINE)
		return;
	disk->state = volume->states[i];
	if (disk->state == RAID_DISK_REBUILDING) {
		disk->rebuilt_blocks = volume->rebuilt[i];
		disk->rebuild_blocks = 100;
	}
}

static int raid_stat(struct fs_message *msg)
{
	struct raid_status *status = msg->out.raid = calloc(1, sizeof *status);

	status->n_groups = 1;
	status->n_disks = msg->volume->n_disks;
	status->degraded = ramadmin_degraded;
	status->limits = ramadmin_limits;
	for (unsigned i = 0; i < msg->volume->n_disks; i++) {
		(void)snprintf(status->disks[i].url, sizeof status->disks[i].url, "%.200s", msg->volume->disks[i]);
		status->disks[i].position = i;
		status->disks[i].is_parity = msg->volume->parity[i];
		if (i == 1)
			status->disks[i].errors[RAID_ERROR_CHECKSUM] = (struct raid_error_count){ 3, 2 };
		status->disks[i].state = (ramadmin_degraded && i == 0) || (ramadmin_failed && i < 2) ? RAID_DISK_MISSING
		                                                                                     : RAID_DISK_ONLINE;
		if (ramadmin_rebuilding && i == 0) {
			status->disks[i].state = RAID_DISK_REBUILDING;
			status->disks[i].rebuilt_blocks = 42;
			status->disks[i].rebuild_blocks = 100;
		}
		if (ramadmin_worn && i == 1)
			(void)snprintf(status->disks[i].worn, sizeof status->disks[i].worn, "70 read errors");
		disk_stat(msg->volume, i, &status->disks[i]);
		status->disks[i].is_second = status->disks[i].is_parity && status->groups[0].n_parity > 0;
		status->groups[0].n_parity += status->disks[i].is_parity;
		status->groups[0].n_data += !status->disks[i].is_parity;
		status->groups[0].n_lost += status->disks[i].state != RAID_DISK_ONLINE;
	}
	status->groups[0].level = status->groups[0].n_parity > 1 ? "dp" : "raid4";
	return 0;
}

static int raid_modify(struct fs_message *msg)
{
	for (unsigned i = 0; i < RAID_N_LIMITS; i++)
		if (msg->in.raid.limits->of[i] != 0)
			ramadmin_limits.of[i] = msg->in.raid.limits->of[i];
	return ramadmin_limits.of[RAID_LIMIT_REBUILD_FLOOR] < 65536 ? -ERANGE : 0;
}

static bool can_lose(const struct fs_volume *volume)
{
	unsigned n_lost = 0, n_parity = 0;

	for (unsigned i = 0; i < volume->n_disks; i++) {
		n_lost += volume->states[i] != RAID_DISK_ONLINE;
		n_parity += volume->parity[i];
	}
	return n_lost < n_parity;
}

static int raid_change(struct fs_message *msg)
{
	struct fs_volume *volume = msg->volume;
	unsigned i = msg->in.raid.position;

	if (msg->in.raid.group != 0 || i >= volume->n_disks)
		return -ENOENT;
	if (msg->op == FS_RAID_FAIL) {
		if (volume->states[i] == RAID_DISK_FAILED)
			return -EALREADY;
		if (!can_lose(volume))
			return -EBUSY;
		volume->states[i] = RAID_DISK_FAILED;
		return 0;
	}
	if (volume->states[i] != RAID_DISK_FAILED)
		return -EALREADY;
	struct ram_spare blank = { 0 };
	(void)put_front(msg->in.raid.url, &blank, sizeof blank);
	if (ramadmin_fail_replace != 0)
		return ramadmin_fail_replace;
	(void)snprintf(volume->disks[i], sizeof volume->disks[i], "%.200s", msg->in.raid.url);
	volume->states[i] = RAID_DISK_REBUILDING;
	volume->rebuilt[i] = 0;
	return 0;
}

/* As far as this host tells: the disks are there, and have joined. */
static int raid_grow(struct fs_message *msg)
{
	struct fs_volume *volume = msg->volume;
	const struct raid_group_spec *spec = msg->in.raid.spec;
	unsigned n = msg->op == FS_RAID_ADD_GROUP ? spec->n_disks : 1U;

	if (ramadmin_fail_replace != 0 && !ramadmin_grow_labels)
		return ramadmin_fail_replace;
	for (unsigned d = 0; d < n; d++) {
		volume->parity[volume->n_disks] = msg->op == FS_RAID_CONVERT || (n > 1 && d + spec->n_parity >= n);
		volume->rebuilt[volume->n_disks] = 0;
		volume->states[volume->n_disks] = msg->op == FS_RAID_CONVERT ? RAID_DISK_REBUILDING : RAID_DISK_ONLINE;
		(void)snprintf(volume->disks[volume->n_disks++], 256, "%.200s",
		               n > 1 ? spec->disk_urls[d] : msg->in.raid.url);
	}
	return ramadmin_fail_replace;
}

static int scrub_op(struct fs_message *msg)
{
	struct fs_scrub_result *now = &ramadmin_scrub.now;

	switch (msg->op) {
	case FS_SCRUB_START:
		if (now->state == FS_SCRUB_RUNNING)
			return -EALREADY;
		now->state = FS_SCRUB_RUNNING;
		now->started_ns = world_wall_ns(msg->origin);
		ramadmin_scrub.percent = 42;
		ramadmin_n_scrubs++;
		break;
	case FS_SCRUB_STOP:
		if (now->state != FS_SCRUB_RUNNING)
			return -ESRCH;
		now->state = FS_SCRUB_STOPPED;
		break;
	case FS_SCRUB_MODIFY: break;
	default:
		msg->out.scrub = calloc(1, sizeof *msg->out.scrub);
		*msg->out.scrub = ramadmin_scrub;
		if (now->state == FS_SCRUB_DONE)
			msg->out.scrub->last = *now;
		return 0;
	}
	if (msg->in.scrub.floor_bytes_s != 0)
		ramadmin_scrub.floor_bytes_s = msg->in.scrub.floor_bytes_s;
	return 0;
}

static int check(struct fs_message *msg)
{
	msg->out.check.n_errors = ramadmin_check_errors;
	msg->out.check.report = strdup(
	    ramadmin_check_errors == 0 ? "" : "active map: block 7 is marked used, nothing refers to it\n");
	return 0;
}

static void message_done(struct task *task)
{
	struct fs_message *msg = container_of(task, struct fs_message, task);
	msg->done(msg);
}

static void message_end(struct fs_message *msg, int status)
{
	msg->status = status;
	msg->task.run = message_done;
	world_post(msg->origin, &msg->task);
}

static int check_cancel(struct fs_message *msg)
{
	struct fs_message *check = hanging_check;

	(void)msg;
	hanging_check = NULL;
	if (check == NULL)
		return -ENOENT;
	message_end(check, -ECANCELED);
	return 0;
}

static int run(struct fs_message *msg)
{
	switch (msg->op) {
	case FS_SNAPSHOT_CREATE: return snapshot_create(msg);
	case FS_SNAPSHOT_DELETE: return snapshot_delete(msg);
	case FS_SNAPSHOT_RENAME: return snapshot_rename(msg);
	case FS_SNAPSHOT_LIST:
	case FS_SNAPSHOT_SPACE: return snapshot_list(msg);
	case FS_AUTODELETE_SET: ramadmin_autodelete = *msg->in.autodelete; return 0;
	case FS_VDISK_CREATE: return vdisk_create(msg);
	case FS_VDISK_LIST: return vdisk_list(msg);
	case FS_VDISK_DESTROY:
	case FS_VDISK_RESIZE:
	case FS_VDISK_SET:
	case FS_VDISK_GET:
	case FS_CLONE_START:
	case FS_CLONE_STOP:
	case FS_CLONE_MODIFY:
	case FS_CLONE_STATUS: return vdisk_op(msg);
	case FS_DOC_GET:
	case FS_DOC_PUT: return doc_op(msg);
	case FS_RESOLVE: return resolve(msg);
	case FS_PATH_OF: return path_of(msg);
	case FS_VOLUME_STAT: return volume_stat(msg);
	case FS_RAID_STATUS: return raid_stat(msg);
	case FS_RAID_REPLACE:
	case FS_RAID_ONLINE:
	case FS_RAID_FAIL: return raid_change(msg);
	case FS_RAID_CONVERT:
	case FS_RAID_ADD_DISK:
	case FS_RAID_ADD_GROUP: return raid_grow(msg);
	case FS_RAID_MODIFY: return raid_modify(msg);
	case FS_SCRUB_START:
	case FS_SCRUB_STOP:
	case FS_SCRUB_MODIFY:
	case FS_SCRUB_STATUS: return scrub_op(msg);
	case FS_CHECK: return check(msg);
	case FS_CHECK_RATE: return hanging_check == NULL ? -ENOENT : 0;
	case FS_CHECK_CANCEL: return check_cancel(msg);
	default: return -ENOSYS;
	}
}

void fs_message_init(struct fs_message *msg, enum fs_op op, struct fs_volume *volume,
                     void (*done)(struct fs_message *msg), void *owner)
{
	memset(msg, 0, sizeof *msg);
	msg->op = op;
	msg->volume = volume;
	msg->done = done;
	msg->owner = owner;
}

void fs_message_send(struct fs_message *msg)
{
	if (msg->op == FS_CHECK && ramadmin_check_hangs)
		hanging_check = msg;
	else
		message_end(msg, msg->volume->mounted ? run(msg) : -ENODEV);
}

void fs_message_fini(struct fs_message *msg)
{
	for (unsigned i = 0; msg->out.vdisks != NULL && i < msg->out.n; i++)
		free(msg->out.vdisks[i].maps);
	free(msg->out.vdisks);
	free(msg->out.snapshots);
	free(msg->out.blob);
	free(msg->out.volume);
	free(msg->out.raid);
	free(msg->out.scrub); /* its lists are the test's */
	free(msg->out.check.report);
	memset(&msg->out, 0, sizeof msg->out);
}

void ramadmin_rename(const char *volume, const char *name)
{
	for (unsigned i = 0; i < MANY; i++) {
		if (volumes[i].used && strcmp(volumes[i].name, volume) == 0)
			(void)snprintf(volumes[i].name, sizeof volumes[i].name, "%s", name);
	}
}
