/* SPDX-License-Identifier: Apache-2.0 */
/* Which directory each export is, and what it is called now. */
#include "admin/exportwatch.h"
#include "fs/message.h"

#include "admin/document.h"
#include "admin/known.h"
#include "admin/textjson.h"
#include "base/bytes.h"
#include "base/must.h"
#include "base/siphash.h"
#include "base/text.h"
#include "fs/volume.h"

#define LOOK_NS 1000000000U

/* ---- directories in entries -------------------------------------------------------------------------------------- */

struct fs_file_id exportwatch_directory(const json_t *entry)
{
	const json_t *directory = json_object_get(entry, "directory");

	return (struct fs_file_id){ (uint32_t)json_integer_value(json_object_get(directory, "snapshot")),
		                    (uint32_t)json_integer_value(json_object_get(directory, "inode")),
		                    (uint64_t)json_integer_value(json_object_get(directory, "generation")) };
}

json_t *exportwatch_directory_json(const struct fs_file_id *id)
{
	json_t *json = json_pack("{s:I,s:I}", "inode", (json_int_t)id->inode, "generation", (json_int_t)id->generation);

	if (id->snapshot != 0)
		(void)json_object_set_new(json, "snapshot", json_integer(id->snapshot));
	return must(json);
}

static bool id_is_taken(uint32_t id, const json_t *exports)
{
	for (size_t i = 0; i < json_array_size(exports); i++) {
		if (json_integer_value(json_object_get(json_array_get(exports, i), "id")) == (json_int_t)id)
			return true;
	}
	return id == 0;
}

/* A hash: of two directories that have the same one, the second gets the next. */
uint32_t exportwatch_id(const struct fs_file_id *directory, const json_t *exports)
{
	static const struct siphash_key key = { "vcstore exports" };
	struct {
		le32 snapshot, inode;
		le64 generation;
	} bytes = { le32_of(directory->snapshot), le32_of(directory->inode), le64_of(directory->generation) };
	uint32_t id;

	id = (uint32_t)siphash64(&key, &bytes, sizeof bytes);
	while (id_is_taken(id, exports))
		id++;
	return id;
}

/* ---- one look at a list of entries ------------------------------------------------------------------------------- */

struct look_item {
	struct fs_volume *volume; /* referenced */
	json_t *entry; /* referenced */
	char *path; /* unescaped */
};
struct look {
	struct admin *admin;
	struct fs_message msg;
	struct look_item *items;
	size_t n, next;
	bool changed; /* an entry has learned its directory */
	void (*done)(void *arg, bool changed);
	void *arg;
};

static void look_next(struct look *look);

static struct look *look_new(struct admin *admin, void (*done)(void *arg, bool changed), void *arg)
{
	struct look *look = must(calloc(1, sizeof *look));

	*look = (struct look){ .admin = admin, .done = done, .arg = arg };
	return look;
}

static void look_add(struct look *look, const struct known_volume *known)
{
	json_t *entry;
	size_t i;

	look->items = must(
	    reallocarray(look->items, look->n + json_array_size(known->exports) + 1, sizeof *look->items));
	json_array_foreach(known->exports, i, entry) {
		char *path = must(strdup(json_string_value(json_object_get(entry, "path"))));

		text_unescape(path);
		look->items[look->n++] = (struct look_item){ fs_volume_get(known->volume), json_incref(entry), path };
	}
}

static void look_end(struct look *look)
{
	for (size_t i = 0; i < look->n; i++) {
		fs_volume_put(look->items[i].volume);
		json_decref(look->items[i].entry);
		free(look->items[i].path);
	}
	look->done(look->arg, look->changed);
	free(look->items);
	free(look);
}

static void entry_is_missing(const struct look_item *item)
{
	if (json_object_get(item->entry, "missing") == NULL)
		log_warn("admin", "export_missing", "export=/vol/%s%s: its directory is gone",
		         fs_volume_name(item->volume), item->path);
	(void)json_object_set_new(item->entry, "missing", json_true());
}

static void entry_is_at(const struct look_item *item, const char *path)
{
	(void)json_object_del(item->entry, "missing");
	if (strcmp(path, item->path) == 0)
		return;
	log_info("admin", "export_renamed", "volume=%s from=%s to=%s", fs_volume_name(item->volume), item->path, path);
	(void)json_object_set_new(item->entry, "path", textjson(path));
}

static void path_answered(struct fs_message *msg)
{
	struct look *look = msg->owner;
	const struct look_item *item = &look->items[look->next++];

	if (msg->status == 0)
		entry_is_at(item, msg->out.blob);
	else if (msg->status == -ESTALE || msg->status == -ENOENT || msg->status == -ENOTDIR)
		entry_is_missing(item);
	else if (msg->status != -ENODEV)
		log_warn("admin", "export_not_found", "export=/vol/%s%s error=%s", fs_volume_name(item->volume),
		         item->path, error_name(msg->status));
	fs_message_fini(msg);
	look_next(look);
}

/* What is at the path: the directory in the snapshot still, or whatever an entry of an older version means, which says
 * no more than a path. */
static void directory_answered(struct fs_message *msg)
{
	struct look *look = msg->owner;
	const struct look_item *item = &look->items[look->next++];
	struct fs_file_id was = exportwatch_directory(item->entry), is = msg->out.attr.id;

	if (msg->status == 0 && msg->out.attr.type == FS_TYPE_DIR && was.inode == 0) {
		(void)json_object_set_new(item->entry, "directory", exportwatch_directory_json(&is));
		look->changed = true;
	}
	if (msg->status == 0 && msg->out.attr.type == FS_TYPE_DIR &&
	    (was.inode == 0 || memcmp(&was, &is, sizeof is) == 0)) {
		(void)json_object_del(item->entry, "missing");
	} else if (msg->status != -ENODEV) {
		entry_is_missing(item);
	}
	fs_message_fini(msg);
	look_next(look);
}

static void look_begin(struct task *task)
{
	look_next(container_of(task, struct look, msg.task));
}

static void look_start(struct look *look)
{
	look->msg.task.run = look_begin;
	world_defer(look->admin->world, &look->msg.task);
}

static void look_next(struct look *look)
{
	if (look->next == look->n) {
		look_end(look);
		return;
	}
	const struct look_item *item = &look->items[look->next];
	struct fs_file_id directory = exportwatch_directory(item->entry);
	bool known = directory.inode != 0 && directory.snapshot == 0;

	fs_message_init(&look->msg, known ? FS_PATH_OF : FS_RESOLVE, item->volume,
	                known ? path_answered : directory_answered, look);
	look->msg.cls = FS_CLASS_ADMIN;
	look->msg.origin = look->admin->world;
	look->msg.file = directory;
	look->msg.in.path = item->path;
	fs_message_send(&look->msg);
}

struct learning {
	struct admin *admin;
	struct known_volume *known; /* busy meanwhile, so it stays */
	void (*done)(void *arg);
	void *arg;
};

static void learned(void *arg, int err)
{
	struct learning *learning = arg;

	if (err != 0)
		log_warn("admin", "exports_not_written", "volume=%s error=%s", learning->known->name, error_name(err));
	learning->done(learning->arg);
	free(learning);
}

static void learned_paths(void *arg, bool changed)
{
	struct learning *learning = arg;
	struct known_volume *known = learning->known;

	if (changed && !known->exports_damaged)
		document_exports_put(learning->admin, known->volume, known->exports, learned, learning);
	else
		learned(learning, 0);
}

void exportwatch_learn(struct admin *admin, struct known_volume *known, void (*done)(void *arg), void *arg)
{
	struct learning *learning = must(malloc(sizeof *learning));
	struct look *look = look_new(admin, learned_paths, learning);

	*learning = (struct learning){ admin, known, done, arg };
	known->tree_seen = fs_volume_tree_changes(known->volume);
	look_add(look, known);
	look_start(look);
}

/* ---- all of them, again and again -------------------------------------------------------------------------------- */

struct exportwatch {
	struct admin *admin;
	struct timer timer;
	bool looking, again, stopped;
	bool repaint; /* when this look has ended */
	struct san_wait_list now, next;
	struct san_wait painted;
};

static void begin(struct exportwatch *watch);

static void all_done(struct exportwatch *watch)
{
	struct san_wait_list done = TAILQ_HEAD_INITIALIZER(done);
	struct san_wait *wait;

	watch->looking = false;
	TAILQ_CONCAT(&done, &watch->now, link);
	if (watch->again)
		begin(watch);
	while ((wait = TAILQ_FIRST(&done)) != NULL) {
		TAILQ_REMOVE(&done, wait, link);
		wait->done(wait);
	}
	admin_stop_go_on(watch->admin);
}

static void luns_painted(struct san_wait *wait)
{
	all_done(container_of(wait, struct exportwatch, painted));
}

/* An export whose directory is gone gives way to one whose directory has its path now. */
static void drop_replaced(struct known_volume *known)
{
	json_t *entry, *other;
	size_t i, j, n;

	n = json_array_size(known->exports);
	for (i = n; i-- > 0;) {
		bool replaced = false;

		entry = json_array_get(known->exports, i);
		json_array_foreach(known->exports, j, other)
			replaced = replaced ||
			           (j != i && json_object_get(other, "missing") == NULL &&
			            json_equal(json_object_get(other, "path"), json_object_get(entry, "path")) == 1);
		if (replaced && json_object_get(entry, "missing") != NULL)
			(void)json_array_remove(known->exports, i);
	}
}

static void looked(void *arg, bool changed)
{
	struct exportwatch *watch = arg;
	struct known_volume *known;

	(void)changed; /* it is written with the next change */
	TAILQ_FOREACH(known, &watch->admin->volumes, link) {
		if (known->state == KNOWN_ONLINE)
			drop_replaced(known);
	}
	document_exports_publish(watch->admin);
	watch->painted.done = luns_painted;
	if (watch->repaint)
		san_refresh(watch->admin->san, &watch->painted);
	else
		all_done(watch);
}

static void begin(struct exportwatch *watch)
{
	struct look *look = look_new(watch->admin, looked, watch);
	struct known_volume *known;

	watch->looking = true;
	watch->again = false;
	watch->repaint = exportwatch_is_stale(watch);
	TAILQ_CONCAT(&watch->now, &watch->next, link);
	TAILQ_FOREACH(known, &watch->admin->volumes, link) {
		if (known->state != KNOWN_ONLINE)
			continue;
		known->tree_seen = fs_volume_tree_changes(known->volume);
		look_add(look, known);
	}
	look_start(look);
}

void exportwatch_refresh(struct exportwatch *watch, struct san_wait *wait)
{
	if (wait != NULL)
		TAILQ_INSERT_TAIL(&watch->next, wait, link);
	if (watch->looking)
		watch->again = true;
	else
		begin(watch);
}

bool exportwatch_is_stale(const struct exportwatch *watch)
{
	const struct known_volume *known;

	TAILQ_FOREACH(known, &watch->admin->volumes, link) {
		if (known->state == KNOWN_ONLINE && known->tree_seen != fs_volume_tree_changes(known->volume))
			return true;
	}
	return false;
}

bool exportwatch_is_busy(const struct exportwatch *watch)
{
	return watch->looking;
}

static void timer_fired(struct timer *timer)
{
	struct exportwatch *watch = container_of(timer, struct exportwatch, timer);

	if (!watch->looking && exportwatch_is_stale(watch))
		begin(watch);
	world_timer_set(watch->admin->world, &watch->timer, LOOK_NS);
}

struct exportwatch *exportwatch_new(struct admin *admin)
{
	struct exportwatch *watch = calloc(1, sizeof *watch);

	if (watch == NULL)
		return NULL;
	watch->admin = admin;
	TAILQ_INIT(&watch->now);
	TAILQ_INIT(&watch->next);
	watch->timer.fire = timer_fired;
	world_timer_set(admin->world, &watch->timer, LOOK_NS);
	return watch;
}

void exportwatch_stop(struct exportwatch *watch)
{
	world_timer_cancel(&watch->timer);
}

void exportwatch_free(struct exportwatch *watch)
{
	exportwatch_stop(watch);
	free(watch);
}
