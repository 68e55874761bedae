/* SPDX-License-Identifier: Apache-2.0 */
/* SCSI tasks: life, data pieces, ordering, abort. What each command does is in the handlers (scsi_io.c, scsi_zero.c,
 * ...). */
#include "proto/scsi/scsi_task.h"

#include <stdlib.h>
#include <string.h>

#include "proto/scsi/scsi_opcode.h"
#include "proto/scsi/scsi_sense.h"

void scsi_task_init(struct scsi_task *task)
{
	memset(task, 0, sizeof *task);
}

void scsi_task_fini(struct scsi_task *task)
{
	vc_assert(task->state == TASK_IDLE);
	free(task->param);
	free(task->big_pages);
	free(task->medium);
}

/* ---- the end ---- */

/* A task may run when no ORDERED task came before it, and an ORDERED one when nothing did. HEAD OF QUEUE never
 * waits. */
static bool task_may_run(const struct scsi_task *task)
{
	const struct scsi_task *other;

	if (task->lun == NULL || task->lun->n_ordered == 0 || task->attribute == SCSI_HEAD_OF_QUEUE)
		return true;
	TAILQ_FOREACH(other, &task->lun->tasks, lun_link) {
		if (other == task)
			return true;
		if (task->attribute == SCSI_ORDERED || other->attribute == SCSI_ORDERED)
			return false;
	}
	return true;
}

/* Let go on whoever waited for a task that has left the list. One at a time: each may end, and change the list, at
 * once. */
static void lun_run_waiting(struct scsi_nexus_lun *lun)
{
	struct scsi_task *task;

	lun->refs++;
again:
	TAILQ_FOREACH(task, &lun->tasks, lun_link) {
		if (task->state == TASK_ORDER_WAIT && task_may_run(task)) {
			task->state = TASK_RUNNING;
			task->proceed(task);
			goto again;
		}
	}
	scsi_nexus_lun_put(lun);
}

static void task_over(struct scsi_task *task)
{
	struct scsi_nexus_lun *lun = task->lun;
	bool was_ordered = lun != NULL && lun->n_ordered > 0;

	vc_assert(task->state != TASK_OVER && task->state != TASK_IDLE);
	task->state = TASK_OVER;
	if (lun != NULL) {
		TAILQ_REMOVE(&lun->tasks, task, lun_link);
		if (task->attribute == SCSI_ORDERED)
			lun->n_ordered--;
		lun->refs++;
	}
	task->transport->done(task); /* may release the task */
	if (was_ordered)
		lun_run_waiting(lun);
	scsi_nexus_lun_put(lun);
}

void scsi_task_finish_status(struct scsi_task *task, enum scsi_status status)
{
	task->status = status;
	if (status != SCSI_GOOD)
		task->data.len_bytes = 0;
	task_over(task);
}

void scsi_task_finish(struct scsi_task *task)
{
	if (task->is_out)
		task->data.len_bytes = 0;
	scsi_task_finish_status(task, SCSI_GOOD);
}

void scsi_task_fail(struct scsi_task *task, enum scsi_sense_key key, enum scsi_asc asc)
{
	scsi_sense_encode(task->sense, key, asc);
	task->sense_len = SCSI_SENSE_SIZE;
	scsi_task_finish_status(task, SCSI_CHECK_CONDITION);
}

void scsi_task_fail_errno(struct scsi_task *task, int err)
{
	struct scsi_error error = scsi_error_of(err, task->msg.op != FS_READ && task->msg.op != FS_EXTENTS);

	if (error.status == SCSI_CHECK_CONDITION)
		scsi_task_fail(task, error.key, error.asc);
	else
		scsi_task_finish_status(task, error.status);
}

void scsi_task_abort(struct scsi_task *task)
{
	task->aborted = true;
	if (task->state == TASK_GATHERING || task->state == TASK_ORDER_WAIT || task->state == TASK_ADMIT_WAIT)
		scsi_task_finish_status(task, SCSI_TASK_ABORTED);
}

void scsi_task_give_up(struct scsi_task *task, enum scsi_status status, enum scsi_sense_key key, enum scsi_asc asc)
{
	vc_assert(task->state == TASK_GATHERING || task->state == TASK_ADMIT_WAIT);
	if (status == SCSI_CHECK_CONDITION)
		scsi_task_fail(task, key, asc);
	else
		scsi_task_finish_status(task, status);
}

void scsi_task_put_pages(struct scsi_task *task)
{
	page_put_many(task->data.pages, task->data.n_pages);
	task->data.n_pages = 0;
	page_put_many(task->medium, task->n_medium);
	task->n_medium = 0;
}

void scsi_task_release(struct scsi_task *task)
{
	vc_assert(task->state == TASK_OVER);
	scsi_task_put_pages(task);
	scsi_nexus_lun_put(task->lun);
	task->lun = NULL;
	task->state = TASK_IDLE;
}

/* ---- data ---- */

uint8_t *scsi_task_param(struct scsi_task *task)
{
	if (task->param == NULL)
		task->param = malloc(SCSI_PARAM_SIZE);
	if (task->param == NULL) {
		scsi_task_finish_status(task, SCSI_BUSY);
		return NULL;
	}
	memset(task->param, 0, SCSI_PARAM_SIZE);
	return task->param;
}

void scsi_task_finish_param(struct scsi_task *task, uint32_t len_bytes, uint32_t allocation_bytes)
{
	vc_assert(len_bytes <= SCSI_PARAM_SIZE);
	task->is_in = true;
	task->transfer_bytes = MIN_OF(len_bytes, allocation_bytes);
	task->data.bytes = task->param;
	task->data.len_bytes = MIN_OF((uint32_t)task->transfer_bytes, task->in_limit);
	scsi_task_finish(task);
}

bool scsi_task_lay_out(struct scsi_task *task, uint32_t len_bytes)
{
	struct scsi_data *data = &task->data;
	uint32_t first = (uint32_t)(task->offset_bytes % PAGE_SIZE);

	data->bytes = NULL;
	data->first_offset = first;
	data->len_bytes = len_bytes;
	data->n_pages = 0;
	data->pages = task->inline_pages;
	if (DIV_UP(first + len_bytes, PAGE_SIZE) <= SCSI_INLINE_PAGES)
		return true;
	if (task->big_pages == NULL)
		task->big_pages = calloc(FS_IO_PAGES_MAX, sizeof(struct page *));
	data->pages = task->big_pages;
	if (task->big_pages == NULL)
		scsi_task_finish_status(task, SCSI_BUSY);
	return task->big_pages != NULL;
}

int scsi_task_reserve(struct scsi_task *task, uint32_t upto_bytes)
{
	struct scsi_data *data = &task->data;
	unsigned want = DIV_UP(data->first_offset + upto_bytes, PAGE_SIZE);
	int err;

	if (data->bytes != NULL || want <= data->n_pages)
		return 0;
	err = page_alloc_many(data->pages + data->n_pages, want - data->n_pages);
	if (err == 0)
		data->n_pages = want;
	return err;
}

unsigned scsi_data_pieces(const struct scsi_data *data, uint32_t at, uint32_t len_bytes, struct scsi_piece *ret_pieces,
                          unsigned n_max)
{
	unsigned n = 0;

	vc_assert(at <= data->len_bytes && len_bytes <= data->len_bytes - at);
	if (data->bytes != NULL && len_bytes > 0) {
		ret_pieces[0] = (struct scsi_piece){ data->bytes + at, len_bytes, NULL };
		return 1;
	}
	at += data->first_offset;
	while (len_bytes > 0) {
		uint32_t in_page = at % PAGE_SIZE, part = MIN_OF(PAGE_SIZE - in_page, len_bytes);
		struct page *page = data->pages[at / PAGE_SIZE];

		vc_assert(n < n_max && at / PAGE_SIZE < data->n_pages);
		ret_pieces[n++] = (struct scsi_piece){ page->data + in_page, part, page };
		at += part;
		len_bytes -= part;
	}
	return n;
}

void scsi_task_want_param(struct scsi_task *task, uint32_t len_bytes, void (*proceed)(struct scsi_task *task))
{
	vc_assert(len_bytes <= SCSI_PARAM_SIZE);
	task->is_out = true;
	task->transfer_bytes = len_bytes;
	task->param_len = MIN_OF(len_bytes, task->out_limit);
	if (scsi_task_param(task) == NULL)
		return;
	if (task->param_len == 0) {
		proceed(task);
		return;
	}
	task->data.bytes = task->param;
	task->data.len_bytes = task->param_len;
	task->proceed = proceed;
	task->state = TASK_GATHERING;
	task->transport->want_data(task);
}

void scsi_task_want_pages(struct scsi_task *task, void (*proceed)(struct scsi_task *task))
{
	if (!scsi_task_lay_out(task, (uint32_t)MIN_OF(task->left_bytes, (uint64_t)FS_IO_MAX)))
		return;
	task->proceed = proceed;
	task->state = TASK_GATHERING;
	task->transport->want_data(task);
}

void scsi_task_data_ready(struct scsi_task *task)
{
	vc_assert(task->state == TASK_GATHERING);
	scsi_task_in_order(task, task->proceed);
}

void scsi_task_in_order(struct scsi_task *task, void (*proceed)(struct scsi_task *task))
{
	task->proceed = proceed;
	task->state = TASK_ORDER_WAIT;
	if (!task_may_run(task))
		return;
	task->state = TASK_RUNNING;
	proceed(task);
}

void scsi_task_resume(struct scsi_task *task)
{
	vc_assert(task->state == TASK_ADMIT_WAIT);
	task->state = TASK_RUNNING;
	task->proceed(task);
}

/* ---- the door ---- */

/* The references a READ left in the array it was given. */
static void task_adopt_pages(struct scsi_task *task, const struct fs_message *msg)
{
	unsigned n = msg->status == 0 ? msg->out.io.n_pages : 0;

	if (msg->in.io.pages == task->data.pages)
		task->data.n_pages = n;
	else
		task->n_medium = n;
}

static void task_message_done(struct fs_message *msg)
{
	struct scsi_task *task = msg->owner;

	vc_assert(task->state == TASK_IN_FS);
	task->state = TASK_RUNNING;
	if (msg->op == FS_READ)
		task_adopt_pages(task, msg);
	fs_message_fini(msg);
	if (task->aborted)
		scsi_task_finish_status(task, SCSI_TASK_ABORTED);
	else
		task->proceed(task);
}

struct fs_message *scsi_task_message(struct scsi_task *task, enum fs_op op)
{
	struct scsi_lu *lu = scsi_task_lu(task);

	fs_message_init(&task->msg, op, lu->volume, task_message_done, task);
	task->msg.cls = FS_CLASS_CLIENT;
	task->msg.file = lu->file;
	task->msg.origin = task->nexus->world;
	return &task->msg;
}

void scsi_task_send(struct scsi_task *task, void (*proceed)(struct scsi_task *task))
{
	task->proceed = proceed;
	task->state = TASK_IN_FS;
	fs_message_send(&task->msg);
}

bool scsi_task_write_through(const struct scsi_task *task)
{
	return task->durable || !atomic_load_explicit(&task->lun->lu->write_cache, memory_order_relaxed);
}

/* ---- the beginning ---- */

static void task_reset(struct scsi_task *task)
{
	task->status = SCSI_GOOD;
	task->sense_len = 0;
	task->is_in = task->is_out = task->aborted = task->durable = task->verify_only = task->cut_block = false;
	task->transfer_bytes = 0;
	memset(&task->data, 0, sizeof task->data);
	task->lun = NULL;
	task->param_at = 0;
	task->param_len = 0;
	task->offset_bytes = task->left_bytes = 0;
	task->msg.op = FS_OP_COUNT;
	task->state = TASK_RUNNING;
}

static void task_enter_lun(struct scsi_task *task)
{
	scsi_nexus_refresh(task->nexus);
	task->lun = scsi_nexus_find(task->nexus, task->lun_bytes);
	if (task->lun == NULL)
		return;
	task->lun->refs++;
	TAILQ_INSERT_TAIL(&task->lun->tasks, task, lun_link);
	if (task->attribute == SCSI_ORDERED)
		task->lun->n_ordered++;
}

/* What is checked before any handler runs: true when the task has been finished. */
static bool task_refused(struct scsi_task *task)
{
	unsigned flags = task->opcode == NULL ? 0 : task->opcode->flags;
	enum scsi_asc attention;

	if (task->lun == NULL && (flags & OPCODE_ANY_LUN) == 0) {
		scsi_task_fail(task, SCSI_ILLEGAL_REQUEST, ASC_LUN_NOT_SUPPORTED);
		return true;
	}
	if (task->opcode == NULL) {
		scsi_task_fail(task, SCSI_ILLEGAL_REQUEST,
		               scsi_opcode_exists(task->cdb[0]) ? ASC_INVALID_FIELD_IN_CDB : ASC_INVALID_OPCODE);
		return true;
	}
	if (task->lun != NULL && (flags & OPCODE_NO_ATTENTION) == 0) {
		attention = scsi_nexus_take_attention(task->lun);
		if (attention != ASC_NONE) {
			scsi_task_fail(task, SCSI_UNIT_ATTENTION, attention);
			return true;
		}
	}
	if (task->attribute == SCSI_ACA || (task->cdb[task->opcode->cdb_len - 1U] & 0x04U) != 0) {
		/* no ACA here: NACA is refused */
		scsi_task_fail(task, SCSI_ILLEGAL_REQUEST, ASC_INVALID_FIELD_IN_CDB);
		return true;
	}
	if ((flags & OPCODE_MEDIUM) != 0 && !atomic_load_explicit(&task->lun->lu->online, memory_order_relaxed)) {
		scsi_task_fail(task, SCSI_NOT_READY, ASC_NOT_READY_MANUAL);
		return true;
	}
	return false;
}

void scsi_task_start(struct scsi_task *task)
{
	vc_assert(task->state == TASK_IDLE);
	task_reset(task);
	task_enter_lun(task);
	task->opcode = scsi_opcode_find(task->cdb);
	if (!task_refused(task))
		task->opcode->run(task);
}
