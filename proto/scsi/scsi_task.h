/* SPDX-License-Identifier: Apache-2.0 */
/* A SCSI task: one command from its CDB to its status, whatever the transport.
 *
 * THEORY. The transport embeds a task in its own, fills the in-part and calls scsi_task_start. From then on the task
 * asks and the transport answers: `want_data` (bring me this piece of data-out) -> scsi_task_data_ready; `admit_read`
 * (may I read that much now?) -> scsi_task_resume when it said no; `data_in` (send this piece, more follows); and at
 * last, exactly once, `done`. A task that moves more than FS_IO_MAX goes through in pieces.
 * OWNERSHIP. The pages of a piece are the task's; the transport takes references of its own for what it sends. After
 * `done` the transport calls scsi_task_release, and may start the structure again.
 * WRITE PATH. previous hop: proto/iscsi/iscsi_command.c; next hop: the handler in the table of scsi_opcode.c
 * (scsi_io.c), which sends a message (fs/dispatch.c).
 * THREADS. The loop of the nexus. */
#ifndef PROTO_SCSI_TASK_H
#define PROTO_SCSI_TASK_H

#include <stdbool.h>
#include <stdint.h>

#include "base/list.h"
#include "base/page.h"
#include "fs/message.h"
#include "proto/scsi/scsi_nexus.h"
#include "proto/scsi/scsi_spec.h"

struct scsi_opcode;

struct scsi_transport {
	/* Bring `data.len_bytes` bytes of data-out into `data` (reserve first), then call scsi_task_data_ready. May be
	 * called inline. */
	void (*want_data)(struct scsi_task *task);
	/* May a read of `len_bytes` begin? False: the transport calls scsi_task_resume later. */
	bool (*admit_read)(struct scsi_task *task, uint32_t len_bytes);
	/* Send `data`, which is not the last piece. */
	void (*data_in)(struct scsi_task *task);
	/* The command is over: status, sense, and for data-in with GOOD the last piece in `data`. `aborted`: nobody
	 * wants to hear. */
	void (*done)(struct scsi_task *task);
};

/* Bytes of the present piece: parameter data in `bytes`, or pages whose first `first_offset` bytes do not count. */
struct scsi_data {
	uint8_t *bytes;
	struct page **pages;
	unsigned n_pages;
	uint32_t first_offset;
	uint32_t len_bytes;
	uint32_t position; /* of the piece in the data of the command */
};

enum scsi_task_state {
	TASK_IDLE,
	TASK_RUNNING,
	TASK_GATHERING,
	TASK_ORDER_WAIT,
	TASK_ADMIT_WAIT,
	TASK_IN_FS,
	TASK_OVER
};

#define SCSI_INLINE_PAGES 17U /* an unaligned 64 KiB */

struct scsi_task {
	/* the transport's in-part */
	const struct scsi_transport *transport;
	struct scsi_nexus *nexus;
	uint8_t lun_bytes[8];
	uint8_t cdb[SCSI_CDB_SIZE];
	enum scsi_attribute attribute;
	uint32_t in_limit, out_limit; /* most bytes the initiator expects in each direction */
	/* results */
	enum scsi_status status;
	uint8_t sense_len;
	uint8_t sense[SCSI_SENSE_SIZE];
	bool is_in, is_out; /* the direction of the command's data */
	bool aborted;
	bool cut_block; /* refused, because the out-limit ends within a block: the residual is that of the command */
	uint64_t transfer_bytes; /* what the command would transfer without the limits: residuals come from it */
	struct scsi_data data;
	/* the task's own */
	enum scsi_task_state state;
	const struct scsi_opcode *opcode;
	struct scsi_nexus_lun *lun; /* a reference; NULL: no such LUN */
	TAILQ_ENTRY(scsi_task) lun_link;
	void (*proceed)(struct scsi_task *task); /* what to do once data is there, or its turn has come */
	bool durable; /* each write is to be on stable storage before its status */
	bool verify_only; /* a read whose data nobody gets */
	bool pending_sense; /* status and sense are set; finish when what runs now ends */
	uint64_t offset_bytes; /* in the vdisk, of the present piece */
	uint64_t left_bytes; /* of the command, present piece included */
	unsigned param_at; /* parser's place in the parameter list */
	uint32_t param_len;
	uint8_t *param; /* SCSI_PARAM_SIZE bytes, made on first use and kept */
	struct page **big_pages; /* FS_IO_PAGES_MAX, likewise */
	struct page **medium; /* FS_IO_PAGES_MAX, likewise: what VERIFY compares with */
	unsigned n_medium;
	struct page *inline_pages[SCSI_INLINE_PAGES];
	struct fs_message msg;
};

/* Once for the life of the structure. */
void scsi_task_init(struct scsi_task *task);
void scsi_task_fini(struct scsi_task *task);

/* In-part filled: go. Calls back at will, inline too. */
void scsi_task_start(struct scsi_task *task);
/* Pages for the first `upto_bytes` of the wanted piece are there; -ENOMEM: ask again later. Parameter data needs
 * none. */
MUST_CHECK int scsi_task_reserve(struct scsi_task *task, uint32_t upto_bytes);
void scsi_task_data_ready(struct scsi_task *task);
void scsi_task_resume(struct scsi_task *task);
/* Nobody wants the result: `done` comes with `aborted` set, inline unless the file system is at work on it. */
void scsi_task_abort(struct scsi_task *task);
/* Give up a task that waits for data or admission, with this status: `done` comes inline. */
void scsi_task_give_up(struct scsi_task *task, enum scsi_status status, enum scsi_sense_key key, enum scsi_asc asc);
/* After `done`: give back pages and the LUN. */
void scsi_task_release(struct scsi_task *task);

/* The memory behind bytes [at, at + len) of the present piece: fills at most `n_max` pieces, returns how many. The
 * memory of pages not reserved yet must not be asked for. */
struct scsi_piece {
	uint8_t *base;
	size_t len_bytes;
	struct page *page;
};
unsigned scsi_data_pieces(const struct scsi_data *data, uint32_t at, uint32_t len_bytes, struct scsi_piece *ret_pieces,
                          unsigned n_max);

/* ---- for the handlers of proto/scsi ---- */
void scsi_task_finish(struct scsi_task *task); /* with GOOD */
void scsi_task_finish_status(struct scsi_task *task, enum scsi_status status);
void scsi_task_fail(struct scsi_task *task, enum scsi_sense_key key, enum scsi_asc asc);
void scsi_task_fail_errno(struct scsi_task *task, int err);
/* A zeroed SCSI_PARAM_SIZE buffer for data-in; NULL: no memory, and the task has been finished with BUSY. */
uint8_t *scsi_task_param(struct scsi_task *task);
/* Answer with the first min(len, allocation) bytes of the buffer. */
void scsi_task_finish_param(struct scsi_task *task, uint32_t len_bytes, uint32_t allocation_bytes);
/* Gather `len_bytes` of parameter data (at most SCSI_PARAM_SIZE), then call `proceed`; task->param_len tells how much
 * came. */
void scsi_task_want_param(struct scsi_task *task, uint32_t len_bytes, void (*proceed)(struct scsi_task *task));
/* Gather the next piece of the write at offset_bytes / left_bytes, then call `proceed`. */
void scsi_task_want_pages(struct scsi_task *task, void (*proceed)(struct scsi_task *task));
/* Room for the pages of `len_bytes` at offset_bytes, none there yet; false: no memory, and the task has been finished
 * with BUSY. */
MUST_CHECK bool scsi_task_lay_out(struct scsi_task *task, uint32_t len_bytes);
void scsi_task_put_pages(struct scsi_task *task);
/* Run `proceed` when all that must come before is over (at once, mostly). */
void scsi_task_in_order(struct scsi_task *task, void (*proceed)(struct scsi_task *task));
/* Prepare task->msg for the task's vdisk; the handler fills msg.in and calls scsi_task_send. `done` runs unless the
 * task was aborted meanwhile. */
struct fs_message *scsi_task_message(struct scsi_task *task, enum fs_op op);
void scsi_task_send(struct scsi_task *task, void (*proceed)(struct scsi_task *task));
/* True when writes of this task must be durable before they are answered. */
bool scsi_task_write_through(const struct scsi_task *task);

static inline struct scsi_lu *scsi_task_lu(struct scsi_task *task)
{
	return task->lun->lu;
}

#endif
