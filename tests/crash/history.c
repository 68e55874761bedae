/* SPDX-License-Identifier: Apache-2.0 */
/* A history: operations sent to a machine, many at a time, and a model that follows them. */
#include "tests/crash/history.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/list.h"
#include "base/page.h"
#include "tests/crash/fullhost.h"
#include "tests/crash/ops.h"

#define PATIENCE_NS 900000000000ULL /* no message takes longer in virtual time */
#define LAND_STEPS 5000000U

void history_init(struct history *h, uint64_t seed, struct history_counts *counts)
{
	h->random = (seed + 77) * 0x9E3779B97F4A7C15ULL | 1U;
	h->clock = 1;
	h->stamp = 1000;
	h->victim = -1;
	h->counts = counts;
	for (unsigned i = 0; i < 10; i++)
		(void)history_draw(h, 2);
	model_init(&h->model, h->clock);
}

void history_fini(struct history *h)
{
	machine_fini(&h->machine);
	impostor_fini(h);
	model_fini(&h->model);
}

uint64_t history_draw(struct history *h, uint64_t n)
{
	h->random ^= h->random << 13;
	h->random ^= h->random >> 7;
	h->random ^= h->random << 17;
	return (h->random >> 11) % n;
}

void history_note(struct history *h, uint64_t value)
{
	h->digest = (h->digest ^ value) * 0x9E3779B97F4A7C15ULL;
	h->digest ^= h->digest >> 29;
}

void history_say(struct history *h, const char *format, ...)
{
	va_list args;

	if (!h->verbose)
		return;
	printf("%8llu  ", (unsigned long long)h->clock);
	va_start(args, format);
	vprintf(format, args);
	va_end(args);
	putchar('\n');
}

void history_fail(struct history *h, enum history_failure failure, const char *format, ...)
{
	static const char *const names[] = { "acknowledged change lost", "wrong data", "the check found errors",
		                             "it does not go on" };
	va_list args;

	fflush(stdout);
	fprintf(stderr, "FAILED %s: %s: ", h->what, names[failure - FAIL_LOST]);
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fprintf(stderr, "\n  replay: tests/crash/replay %s\n", h->what);
	fflush(stderr);
	_exit((int)failure);
}

/* ---- operations ---- */

const struct op_kind *history_kind_at(unsigned i)
{
	static const struct op_kind *const tables[] = { ops_file, ops_name, ops_lun, ops_volume };

	for (unsigned t = 0; t < ARRAY_SIZE(tables); t++)
		for (const struct op_kind *kind = tables[t]; kind->name != NULL; kind++)
			if (i-- == 0)
				return kind;
	return NULL;
}

const struct op_kind *history_kind(const char *name)
{
	const struct op_kind *kind;

	for (unsigned i = 0; (kind = history_kind_at(i)) != NULL; i++)
		if (strcmp(kind->name, name) == 0)
			return kind;
	return NULL;
}

static void op_names_log(struct history *h, const struct op *op)
{
	char text[MODEL_PATH * 2U] = "";
	size_t at = 0;

	for (unsigned i = 0; i < op->n_changes; i++)
		at += (size_t)snprintf(text + at, sizeof text - at, " %u/n%u: %d -> %d", op->changes[i].dir,
		                       op->changes[i].name,
		                       op->changes[i].before == NOBODY ? -1 : op->changes[i].before,
		                       op->changes[i].after == NOBODY ? -1 : op->changes[i].after);
	history_say(h, "send  %2u %s object %d (inode %u) cells %u+%u stamp %llu size %llu slot %u%s%s",
	            (unsigned)(op - h->ops), op->kind->name, op->object == NOBODY ? -1 : op->object,
	            op->object == NOBODY ? 0 : h->model.objects[op->object].id.inode, op->first, op->n,
	            (unsigned long long)op->stamp, (unsigned long long)op->size, op->snapshot,
	            op->durable ? " durable" : "", text);
}

/* Its object has lost its last name, or an operation that may take it is under way. */
static bool object_may_be_gone(const struct op *op)
{
	const struct history *h = op->history;

	for (unsigned i = 0; i < HISTORY_OPS && !op->moot && op->object != NOBODY; i++)
		for (unsigned c = 0; h->ops[i].state == OP_FLYING && c < h->ops[i].n_changes; c++)
			if (h->ops[i].changes[c].before == op->object && h->ops[i].changes[c].after != op->object)
				return true;
	return op->moot;
}

/* Removing works on a full volume; what was taken in comes to the disks; and reserved LUNs have theirs. */
static bool may_be_short_of_space(const struct op *op)
{
	switch (op->msg.op) {
	case FS_REMOVE:
	case FS_RMDIR:
	case FS_COMMIT:
	case FS_SYNC:
	case FS_READ:
	case FS_VDISK_DESTROY:
	case FS_SNAPSHOT_DELETE:
	case FS_DOC_DELETE: return false;
	case FS_WRITE:
	case FS_ZERO: return op->object == NOBODY || !op->history->model.objects[op->object].reserved;
	default: return true;
	}
}

static bool status_is_expected(const struct op *op)
{
	int status = op->msg.status;

	if (status == op->expect || status == op->also || (status == 0 && op->may_succeed) || op->history->faulty)
		return true;
	if (status == -ENOSPC && may_be_short_of_space(op))
		return true;
	return (status == -ESTALE || status == -ENOENT) && object_may_be_gone(op);
}

static void op_clean(struct op *op)
{
	if (op->msg.op == FS_WRITE)
		page_put_many(op->pages, op->msg.in.io.n_pages);
	else if (op->msg.op == FS_READ && op->msg.status == 0)
		page_put_many(op->pages, op->msg.out.io.n_pages);
	fs_message_fini(&op->msg);
}

/* The client comes again, as it does on its own: nothing is known of the operation meanwhile. */
static void op_wait(struct history *h, struct op *op)
{
	op->again_ns = world_now_ns(h->machine.world) + (1U + history_draw(h, 20)) * 100000000ULL;
	history_say(h, "wait  %2u %s", (unsigned)(op - h->ops), op->kind->name);
}

static void op_again(struct history *h, struct op *op)
{
	history_say(h, "again %2u %s", (unsigned)(op - h->ops), op->kind->name);
	fs_message_fini(&op->msg);
	op->msg = op->asked;
	op->again_ns = 0;
	fs_message_send(&op->msg);
}

static void op_answered(struct fs_message *msg)
{
	struct op *op = msg->owner;
	struct history *h = op->history;

	if (op->state == OP_CUT) { /* the old world's answer reached nobody */
		op_clean(op);
		return;
	}
	if (msg->status == -FS_EJUKEBOX && h->host_was_full) {
		op_wait(h, op);
		return;
	}
	h->clock++;
	h->n_flying--;
	history_say(h, "reply %2u %s: %s", (unsigned)(op - h->ops), op->kind->name, error_name(msg->status));
	history_note(h, (uint64_t)(op - h->ops) << 32 ^ (uint64_t)(uint32_t)msg->status);
	if (!status_is_expected(op))
		history_fail(h, FAIL_WRONG, "%s answered %s, expected %s: %s", op->kind->name, error_name(msg->status),
		             error_name(op->expect), msg->out.error_text);
	resend_answered(h, op);
	op->kind->answered(h, op);
	op_clean(op);
	op->state = OP_FREE;
}

void history_op_init(struct history *h, struct op *op, enum fs_op fs_op)
{
	fs_message_init(&op->msg, fs_op, h->machine.vol, op_answered, op);
}

bool history_send(struct history *h, const struct op_kind *kind)
{
	struct op *op = h->ops;

	while (op < h->ops + HISTORY_OPS && op->state != OP_FREE)
		op++;
	if (op == h->ops + HISTORY_OPS)
		return false;
	*op = (struct op){ .history = h, .kind = kind, .object = NOBODY, .made = NOBODY, .sent = h->clock + 1U };
	if (!kind->generate(h, op))
		return false;
	if (h->only_good && op->expect != 0) {
		op->msg.status = -ECANCELED;
		kind->answered(h, op);
		return false;
	}
	if (op->also == 0)
		op->also = op->expect;
	h->clock++;
	op->sent_ns = world_now_ns(h->machine.world);
	op->state = OP_FLYING;
	h->n_flying++;
	h->counts->ops++;
	op_names_log(h, op);
	resend_prepare(op);
	op->asked = op->msg;
	fs_message_send(&op->msg);
	return true;
}

void history_send_any(struct history *h)
{
	const struct op_kind *kind;
	uint64_t total = 0, at;

	for (unsigned i = 0; (kind = history_kind_at(i)) != NULL; i++)
		total += kind->weight;
	for (unsigned tries = 0; tries < 20; tries++) {
		at = history_draw(h, total);
		for (unsigned i = 0; (kind = history_kind_at(i)) != NULL && at >= kind->weight; i++)
			at -= kind->weight;
		if (kind != NULL && history_send(h, kind))
			return;
	}
}

/* ---- for kinds ---- */

void history_cell_send(struct op *op, struct cell *cell, uint64_t stamp)
{
	cell_send(cell, stamp, op->sent);
}

static uint64_t oldest_flying(const struct history *h)
{
	uint64_t oldest = h->clock;

	for (unsigned i = 0; i < HISTORY_OPS; i++)
		if (h->ops[i].state == OP_FLYING)
			oldest = MIN_OF(oldest, h->ops[i].sent);
	return oldest;
}

void history_cell_answered(struct op *op, struct cell *cell, uint64_t stamp)
{
	const struct history *h = op->history;

	if (op->msg.status == 0)
		cell_ack(cell, stamp, op->sent, h->clock, op->durable);
	else if (!h->faulty)
		cell_refuse(cell, stamp, op->sent);
	if (cell->n > 6)
		cell_prune(cell, oldest_flying(h));
}

void history_name_change(struct op *op, unsigned dir, unsigned k, uint8_t after)
{
	struct entry *entry = &op->history->model.names[dir][k];

	vc_assert(op->n_changes < OP_CHANGES && !entry->busy);
	entry->busy = true;
	entry->touched = op->sent;
	op->changes[op->n_changes++] = (struct op_change){ (uint8_t)dir, (uint8_t)k, entry->object, after };
}

void history_object_gone(struct history *h, uint8_t object)
{
	for (unsigned i = 0; i < HISTORY_OPS; i++)
		if (h->ops[i].state != OP_FREE && h->ops[i].object == object)
			h->ops[i].moot = true;
	if (h->model.objects[object].kind == OBJECT_LUN)
		model_release(&h->model, &h->model.objects[object], h->clock);
	if (h->model.objects[object].kind == OBJECT_DIR)
		h->model.dirs[h->model.objects[object].dir] = NOBODY;
	model_object_free(&h->model, object);
}

void history_names_answered(struct history *h, struct op *op)
{
	bool done = op->msg.status == 0;

	for (unsigned i = 0; i < op->n_changes; i++) {
		const struct op_change *change = &op->changes[i];
		struct entry *entry = &h->model.names[change->dir][change->name];

		entry->busy = false;
		entry->touched = h->clock;
		if (done)
			entry->object = change->after == OBJECT_NEW ? op->made : change->after;
	}
	if (!done && op->made != NOBODY)
		history_object_gone(h, op->made);
	if (done && op->made != NOBODY) {
		h->model.objects[op->made].id = op->msg.out.attr.id;
		h->model.objects[op->made].known = true;
		h->model.objects[op->made].born = h->clock;
	}
	for (unsigned i = 0; done && i < op->n_changes; i++) {
		uint8_t before = op->changes[i].before;

		if (before != NOBODY && h->model.objects[before].kind != OBJECT_FREE &&
		    model_links(&h->model, before) == 0)
			history_object_gone(h, before);
	}
}

void history_set_name(struct op *op, const char *name)
{
	(void)snprintf(op->name, sizeof op->name, "%s", name);
	op->msg.in.name = op->name;
	op->msg.in.name_len = (uint32_t)strlen(op->name);
}

void history_set_to_name(struct op *op, const char *name)
{
	(void)snprintf(op->to_name, sizeof op->to_name, "%s", name);
	op->msg.in.to_name = op->to_name;
	op->msg.in.to_name_len = (uint32_t)strlen(op->to_name);
}

/* ---- the world ---- */

static void watch(struct history *h)
{
	uint64_t now = world_now_ns(h->machine.world);

	for (unsigned i = 0; i < HISTORY_OPS; i++)
		if (h->ops[i].state == OP_FLYING && now - h->ops[i].sent_ns > PATIENCE_NS)
			history_fail(h, FAIL_STUCK, "%s sent at %llu has no answer", h->ops[i].kind->name,
			             (unsigned long long)h->ops[i].sent);
}

/* Who was told to come again does so when it is time, or when nothing else happens. */
static bool come_again(struct history *h, bool now)
{
	bool any = false;

	for (unsigned i = 0; h->host_was_full && i < HISTORY_OPS; i++) {
		struct op *op = &h->ops[i];

		if (op->state != OP_FLYING || op->again_ns == 0 ||
		    (!now && world_now_ns(h->machine.world) < op->again_ns))
			continue;
		op_again(h, op);
		any = true;
	}
	return any;
}

void history_steps(struct history *h, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		bool moved = sim_step(h->machine.sim);

		disks_look(h);
		if (!come_again(h, !moved) && !moved)
			break;
	}
	watch(h);
}

void history_land(struct history *h)
{
	for (unsigned i = 0; h->n_flying > 0; i++) {
		if (i == LAND_STEPS)
			history_fail(h, FAIL_STUCK, "%u messages are not answered after %u turns", h->n_flying, i * 8U);
		history_steps(h, 8);
	}
	h->host_was_full = false;
}

int history_ask(struct history *h, struct machine *machine, struct fs_message *msg)
{
	if (!machine_send(machine, msg))
		history_fail(h, FAIL_STUCK, "a message (operation %d) has no answer", (int)msg->op);
	return msg->status;
}

/* ---- power cuts ---- */

static void recover(struct history *h, unsigned n_cuts, bool was_closed)
{
	uint64_t verifier = h->machine.verifier;
	int err = 0;

	h->autodelete = false;
	if (h->bad_disk >= 0 && history_draw(h, 4) == 0) {
		history_say(h, "====  disk %d does not come back", h->bad_disk);
		h->victim = h->bad_disk;
		memdisk_lose(machine_medium(&h->machine, (unsigned)h->bad_disk));
	}
	impostor_keep(h, true);
	impostor_strike(h);
	disks_before_mount(h);
	while (n_cuts > 0 &&
	       machine_cut_in_mount(&h->machine, history_draw(h, 1U << 30), 1U + history_draw(h, 120), &err)) {
		h->counts->crashes_in_recovery++;
		history_say(h, "====  power cut during the recovery");
		n_cuts--;
	}
	if (h->machine.vol == NULL && err == 0 && h->fills_host && history_draw(h, 3) == 0)
		fullhost_mount(h);
	if (h->machine.vol == NULL && err == 0)
		err = machine_mount(&h->machine);
	if (err != 0)
		history_fail(h, FAIL_LOST, "the volume cannot be mounted after a power cut: %s", error_name(err));
	impostor_look(h);
	disks_after_mount(h);
	if (h->machine.verifier == verifier && !was_closed)
		history_fail(h, FAIL_LOST, "the write verifier is the same after a power cut");
}

/* No answer reaches anybody any more. */
static void flights_end(struct history *h)
{
	for (unsigned i = 0; i < HISTORY_OPS; i++) {
		struct op *op = &h->ops[i];

		if (op->state == OP_FLYING)
			op->state = OP_CUT;
		if (op->state == OP_CUT && op->again_ns != 0)
			op_clean(op);
	}
	h->n_flying = 0;
	h->host_was_full = false;
}

static void adopt(struct history *h)
{
	h->clock++;
	h->counts->states++;
	oracle_compare(h, &h->machine, ORACLE_ADOPT);
	for (unsigned i = 0; i < HISTORY_OPS; i++)
		h->ops[i].state = OP_FREE;
}

void history_crash(struct history *h, unsigned n_cuts)
{
	history_say(h, "====  power cut, %u operations under way", h->n_flying);
	flights_end(h);
	machine_cut(&h->machine, history_draw(h, 1U << 30));
	recover(h, n_cuts, false);
	adopt(h);
}

void history_stop(struct history *h)
{
	history_say(h, "====  unmount, %u operations under way", h->n_flying);
	flights_end(h);
	int err = machine_unmount(&h->machine);
	history_say(h, "====  unmounted: %s", error_name(err));
	fullhost_room(h);
	recover(h, 0, err == 0);
	adopt(h);
}
