/* SPDX-License-Identifier: Apache-2.0 */
/* MODE SENSE and MODE SELECT: the caching page, whose WCE can be set; the control page, in which nothing can, and, of a
 * thin LUN, the logical block provisioning page, which tells where the soft threshold is.
 * THEORY. A page is built for a page control (current, changeable, default) by one function; MODE SELECT accepts a page
 * when it equals the current one in every bit that the changeable one has clear. WCE is the vdisk's own attribute: it
 * is kept with the volume.
 * REFERENCES. SPC-4 6.13, 6.10, 7.5; SBC-3 6.4. */
#include <string.h>

#include "base/bytes.h"
#include "proto/scsi/scsi_opcode.h"
#include "proto/scsi/scsi_task.h"

enum page_control { PC_CURRENT, PC_CHANGEABLE, PC_DEFAULT, PC_SAVED };

#define PAGE_CACHING 0x08U
#define PAGE_CONTROL 0x0AU
#define PAGE_EXCEPTIONS 0x1CU
#define SUBPAGE_PROVISIONING 0x02U
#define PAGE_SPF 0x40U /* subpage format */
#define PAGE_BYTES_MAX 24U
#define PAGE_ALL 0x3FU
#define SUBPAGE_ALL 0xFFU
#define WCE 0x04U
#define DEVICE_WP 0x80U
#define DEVICE_DPOFUA 0x10U

static uint32_t page_caching(struct scsi_task *task, enum page_control pc, uint8_t *p)
{
	/* can be changed; is on by default */
	bool wce = pc != PC_CURRENT || atomic_load(&scsi_task_lu(task)->write_cache);

	p[0] = PAGE_CACHING;
	p[1] = 0x12;
	p[2] = wce ? WCE : 0;
	return 20;
}

static uint32_t page_control(struct scsi_task *task, enum page_control pc, uint8_t *p)
{
	(void)task;
	p[0] = PAGE_CONTROL;
	p[1] = 0x0A;
	if (pc == PC_CHANGEABLE)
		return 12;
	p[2] = 0x20; /* TST: a task set for each I_T nexus; D_SENSE 0 */
	p[3] = 0x10; /* unrestricted reordering: initiators order what must be ordered */
	p[8] = 0xFF; /* busy timeout period: no limit */
	p[9] = 0xFF;
	return 12;
}

/* One descriptor: a unit attention when so many sets of blocks, and fewer, are available to the LUN and its
 * neighbours. */
static uint32_t page_provisioning(struct scsi_task *task, enum page_control pc, uint8_t *p)
{
	struct fs_space_notice notice;
	be32 n_sets;

	p[0] = PAGE_SPF | PAGE_EXCEPTIONS;
	p[1] = SUBPAGE_PROVISIONING;
	p[3] = PAGE_BYTES_MAX - 4U;
	if (pc == PC_CHANGEABLE)
		return PAGE_BYTES_MAX;
	fs_volume_space(scsi_task_lu(task)->volume, &notice);
	n_sets = be32_of(
	    (uint32_t)MIN_OF(notice.soft_bytes >> SCSI_BLOCK_SHIFT >> SCSI_THRESHOLD_EXPONENT, (uint64_t)UINT32_MAX));
	p[16] = 0x81; /* enabled, soft, armed while the resource decreases */
	p[17] = 0x01; /* the resource: LBA mapping resources that are available */
	memcpy(p + 20, &n_sets, sizeof n_sets);
	return PAGE_BYTES_MAX;
}

static const struct {
	uint8_t code, subpage;
	bool thin_only;
	uint32_t (*build)(struct scsi_task *task, enum page_control pc, uint8_t *p);
} pages[] = { { PAGE_CACHING, 0, false, page_caching },
	      { PAGE_CONTROL, 0, false, page_control },
	      { PAGE_EXCEPTIONS, SUBPAGE_PROVISIONING, true, page_provisioning } };

static bool page_exists(struct scsi_task *task, size_t i)
{
	return !pages[i].thin_only || !atomic_load(&scsi_task_lu(task)->reserved);
}

/* ---- MODE SENSE ---- */

static uint32_t block_descriptor(struct scsi_task *task, bool is_long, uint8_t *p)
{
	uint64_t blocks = scsi_lu_blocks(scsi_task_lu(task));
	be64 blocks8 = be64_of(blocks);
	be32 blocks4 = be32_of(blocks > UINT32_MAX ? UINT32_MAX : (uint32_t)blocks), size = be32_of(SCSI_BLOCK_SIZE);

	if (is_long) {
		memcpy(p, &blocks8, sizeof blocks8);
		memcpy(p + 12, &size, sizeof size);
		return 16;
	}
	memcpy(p, &blocks4, sizeof blocks4);
	memcpy(p + 4, &size, sizeof size); /* one reserved byte and 24 bits */
	return 8;
}

/* The pages asked for; 0: there is none such. */
static uint32_t mode_pages(struct scsi_task *task, enum page_control pc, uint8_t *p)
{
	uint8_t code = task->cdb[2] & 0x3FU, subpage = task->cdb[3];
	uint32_t n = 0;

	if (code == PAGE_ALL && subpage != 0 && subpage != SUBPAGE_ALL)
		return 0;
	for (size_t i = 0; i < ARRAY_SIZE(pages); i++) {
		if ((code == PAGE_ALL || code == pages[i].code) &&
		    (subpage == SUBPAGE_ALL || subpage == pages[i].subpage) && page_exists(task, i))
			n += pages[i].build(task, pc, p + n);
	}
	return n;
}

void scsi_mode_sense(struct scsi_task *task)
{
	bool ten = task->cdb[0] == OP_MODE_SENSE_10, no_descriptor = (task->cdb[1] & 0x08U) != 0,
	     is_long = ten && (task->cdb[1] & 0x10U) != 0;
	uint32_t allocation = ten ? (uint32_t)task->cdb[7] << 8 | task->cdb[8] : task->cdb[4];
	uint32_t header = ten ? 8 : 4, n = header, descriptor = 0, pages_len;
	enum page_control pc = (enum page_control)(task->cdb[2] >> 6);
	uint8_t *p, device = DEVICE_DPOFUA;

	if (pc == PC_SAVED) {
		scsi_task_fail(task, SCSI_ILLEGAL_REQUEST, ASC_SAVING_NOT_SUPPORTED);
		return;
	}
	p = scsi_task_param(task);
	if (p == NULL)
		return;
	if (!no_descriptor)
		descriptor = block_descriptor(task, is_long, p + n);
	n += descriptor;
	pages_len = mode_pages(task, pc, p + n);
	if (pages_len == 0) {
		scsi_task_fail(task, SCSI_ILLEGAL_REQUEST, ASC_INVALID_FIELD_IN_CDB);
		return;
	}
	n += pages_len;
	if (scsi_task_lu(task)->file.snapshot != 0)
		device |= DEVICE_WP;
	if (ten) {
		p[0] = (uint8_t)((n - 2) >> 8);
		p[1] = (uint8_t)(n - 2);
		p[3] = device;
		p[4] = is_long && !no_descriptor; /* LONGLBA */
		p[7] = (uint8_t)descriptor;
	} else {
		p[0] = (uint8_t)(n - 1);
		p[2] = device;
		p[3] = (uint8_t)descriptor;
	}
	scsi_task_finish_param(task, n, allocation);
}

/* ---- MODE SELECT ---- */

static void select_flushed(struct scsi_task *task)
{
	if (task->msg.status != 0)
		scsi_task_fail_errno(task, task->msg.status);
	else
		scsi_task_finish(task);
}

/* Whoever set it knows: only the others get MODE PARAMETERS CHANGED. */
static void select_apply(struct scsi_task *task, bool wce)
{
	scsi_lu_set_write_cache(scsi_task_lu(task), wce);
	task->lun->seen[LU_EVENT_MODE] = atomic_load(&scsi_task_lu(task)->event[LU_EVENT_MODE]);
}

static void select_done(struct scsi_task *task)
{
	bool wce = task->msg.in.vdisk.write_cache;

	if (task->msg.status != 0) {
		scsi_task_fail_errno(task, task->msg.status);
		return;
	}
	select_apply(task, wce);
	if (wce) {
		scsi_task_finish(task);
		return;
	}
	(void)scsi_task_message(task, FS_COMMIT); /* from here on all is durable: what was written before as well */
	scsi_task_send(task, select_flushed);
}

static void select_set(struct scsi_task *task, bool wce)
{
	struct fs_message *msg;

	if (wce == atomic_load(&scsi_task_lu(task)->write_cache)) {
		scsi_task_finish(task);
		return;
	}
	msg = scsi_task_message(task, FS_VDISK_SET);
	msg->in.vdisk.set = FS_VDISK_SET_WRITE_CACHE;
	msg->in.vdisk.write_cache = wce;
	scsi_task_send(task, select_done);
}

/* Bytes of the page at `p` (at most `left`) when it may be set; 0: it may not. */
static uint32_t select_page(struct scsi_task *task, const uint8_t *p, uint32_t left, bool *wce)
{
	uint8_t current[PAGE_BYTES_MAX] = { 0 }, changeable[PAGE_BYTES_MAX] = { 0 };

	for (size_t i = 0; i < ARRAY_SIZE(pages); i++) {
		uint32_t len = pages[i].build(task, PC_CURRENT, current), head = pages[i].subpage != 0 ? 4 : 2;

		if (!page_exists(task, i) || left < len || memcmp(p, current, head) != 0) /* code, subpage, length */
			continue;
		(void)pages[i].build(task, PC_CHANGEABLE, changeable);
		for (uint32_t b = head; b < len; b++) {
			if (((p[b] ^ current[b]) & (uint8_t)~changeable[b]) != 0)
				return 0;
		}
		if (p[0] == PAGE_CACHING)
			*wce = (p[2] & WCE) != 0;
		return len;
	}
	return 0;
}

/* Where the pages begin; 0: header or block descriptor is not acceptable. */
static uint32_t select_header(const struct scsi_task *task, uint32_t len)
{
	bool ten = task->cdb[0] == OP_MODE_SELECT_10;
	uint32_t header = ten ? 8 : 4, descriptor;
	const uint8_t *p = task->param;

	if (len < header)
		return 0;
	descriptor = ten ? (uint32_t)p[6] << 8 | p[7] : p[3];
	if (descriptor == 0)
		return header;
	if ((ten && (p[4] & 1U) != 0) || descriptor != 8 || len < header + 8)
		return 0;
	if (p[header + 5] != 0 || p[header + 6] != SCSI_BLOCK_SIZE >> 8 || p[header + 7] != 0) /* 512 it is */
		return 0;
	return header + 8;
}

static void select_begin(struct scsi_task *task)
{
	bool wce = atomic_load(&scsi_task_lu(task)->write_cache);
	uint32_t at = select_header(task, task->param_len);

	if (at == 0) {
		scsi_task_fail(task, SCSI_ILLEGAL_REQUEST,
		               task->param_len < 8 ? ASC_PARAMETER_LIST_LENGTH : ASC_INVALID_FIELD_IN_PARAMETERS);
		return;
	}
	while (at < task->param_len) {
		uint32_t len = task->param_len - at < 2
		                   ? 0
		                   : select_page(task, task->param + at, task->param_len - at, &wce);

		if (len == 0) {
			scsi_task_fail(task, SCSI_ILLEGAL_REQUEST, ASC_INVALID_FIELD_IN_PARAMETERS);
			return;
		}
		at += len;
	}
	select_set(task, wce);
}

void scsi_mode_select(struct scsi_task *task)
{
	bool ten = task->cdb[0] == OP_MODE_SELECT_10, page_format = (task->cdb[1] & 0x10U) != 0,
	     save = (task->cdb[1] & 1U) != 0;
	uint32_t len = ten ? (uint32_t)task->cdb[7] << 8 | task->cdb[8] : task->cdb[4];

	if (!page_format || save || len > SCSI_PARAM_SIZE)
		scsi_task_fail(task, SCSI_ILLEGAL_REQUEST, ASC_INVALID_FIELD_IN_CDB);
	else if (len == 0)
		scsi_task_finish(task);
	else
		scsi_task_want_param(task, len, select_begin);
}
