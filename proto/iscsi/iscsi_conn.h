/* SPDX-License-Identifier: Apache-2.0 */
/* An iSCSI connection: its state, which the files of this folder share. Private to the folder.
 *
 * THEORY. We allow one connection a session (MaxConnections=1), so the connection is its session too. Its work is
 * spread over the files of the folder: iscsi_receive.c takes PDUs from the stream, iscsi_login.c, iscsi_command.c and
 * iscsi_control.c act on them, iscsi_send.c answers.
 * STALLS. Data may come that nobody asked for (immediate and unsolicited data). When there is no memory for it, the
 * connection reads no further until there is; after ISCSI_STALL_MS the command is answered BUSY instead. Data that we
 * ask for with R2T waits in line: a command that has begun to get its data goes before one that has not.
 * MEMORY. Everything is taken from the connection's account (base/budget.h): tasks, text, data to come, data to be
 * read. An R2T asks for as much as there is room for, and takes that room at once; so asked data has its pages when it
 * comes. A PDU that makes us answer waits for room; in a session, no longer than until all answers before it have left.
 * An initiator that holds memory and does not go on (it sends no data for our R2Ts, half a PDU, or does not read
 * answers) is dropped (base/stall.h).
 * INVARIANTS.
 *  1. MaxCmdSN never goes back, and [ExpCmdSN, MaxCmdSN] is never larger than the number of free task slots.
 *  2. A connection is freed when it is closed, has no task, and no claim or kill is on its way to it.
 *  3. No page of a task is given back while the stream fills it.
 * BOUNDS. Unasked data: ISCSI_WINDOW x FirstBurstLength. Asked data: ISCSI_SOLICITED_MAX. Data to be read:
 * ISCSI_READ_MAX. And the budget.
 * THREADS. The loop of the connection; what the server's lock guards is marked. */
#ifndef PROTO_ISCSI_CONN_H
#define PROTO_ISCSI_CONN_H

#include <stdbool.h>
#include <stdint.h>

#include "base/counters.h"
#include "base/list.h"
#include "base/loop.h"
#include "base/stall.h"
#include "base/stream.h"
#include "proto/iscsi/iscsi_negotiate.h"
#include "proto/iscsi/iscsi_receive.h"
#include "proto/iscsi/iscsi_server.h"
#include "proto/iscsi/iscsi_spec.h"
#include "proto/iscsi/iscsi_task.h"
#include "proto/iscsi/iscsi_text.h"
#include "proto/scsi/scsi_nexus.h"

#define ISCSI_WINDOW 128U /* commands, at most; fewer where memory is small: one for each MiB of the budget */
#define ISCSI_WINDOW_LEAST 16U
#define ISCSI_IMMEDIATE_MAX 16U /* immediate commands on top of the window */
#define ISCSI_SLOTS (ISCSI_WINDOW + ISCSI_IMMEDIATE_MAX)
#define ISCSI_BUCKETS 64U
#define ISCSI_TMFS 8U
#define ISCSI_SOLICITED_MAX (16U << 20)
#define ISCSI_READ_MAX (16U << 20)
#define ISCSI_STALL_MS 2000U
#define ISCSI_IDLE_TASKS 32U /* kept for the next commands, while others run; then one */
#define ISCSI_PDU_ROOM 32768U /* what one PDU may make us keep: its text, and the answer */
#define ISCSI_ASK_LEAST 65536U /* R2T asks for no less, but for the end of a burst */
#define ISCSI_TEXT_MAX 16384U /* a request, over all its continuations */

struct iscsi_pdu;

enum iscsi_conn_state {
	CONN_LOGIN,
	CONN_CLAIMING, /* logged in, but an older session of the same initiator must end first */
	CONN_FULL, /* full feature phase */
	CONN_LOGOUT, /* a logout waits for its tasks */
	CONN_CLOSED,
};

struct iscsi_conn {
	struct iscsi_server *server;
	struct loop *loop;
	struct world *world;
	struct stream *stream;
	enum iscsi_conn_state state;
	struct task free_task;
	struct timer timer; /* login deadline, then looking after stalls */
	struct budget_account *account; /* a reference */
	struct stall input, output;
	struct stall_watch shortage;
	struct timer idle_timer; /* in full feature phase: is the initiator there? */
	uint64_t heard_ns; /* when the last whole PDU had come */
	uint64_t pinged_ns; /* when it was asked whether it is there; 0: it need not answer */

	/* the session */
	bool discovery;
	bool nexus_ready;
	uint8_t isid[6];
	uint16_t tsih, cid;
	char initiator[ISCSI_NAME_SIZE];
	char peer[64];
	int64_t since_ns;
	struct iscsi_params params;
	struct scsi_nexus nexus;
	struct counter commands, read_bytes, written_bytes;

	/* the server's list and the handing over of a session (under the server's lock) */
	TAILQ_ENTRY(iscsi_conn) server_link;
	uint64_t id;
	bool listed, established;
	bool kill_posted;
	struct task kill_task;
	struct iscsi_conn *successor; /* whoever waits for this session to end */
	struct iscsi_conn *claims; /* the session whose end this connection waits for */
	bool claim_posted;
	struct task claim_task;

	/* login */
	enum iscsi_stage stage;
	bool login_begun, named;
	uint32_t login_itt;
	struct iscsi_bhs login_final; /* the request whose answer waits for a claim */

	/* sequence numbers */
	uint32_t window;
	uint32_t exp_cmdsn, max_cmdsn, statsn;

	/* receiving */
	enum iscsi_rx rx;
	enum iscsi_sink sink;
	const struct iscsi_pdu *pdu; /* what to do with the one being received; NULL: nothing */
	bool digests_header, digests_data; /* in force */
	struct iscsi_bhs bhs;
	uint8_t ahs[ISCSI_AHS_MAX];
	uint32_t ahs_len;
	uint32_t data_len; /* of the PDU, without padding */
	uint32_t sink_len; /* of it, what the sink takes; the rest is dropped */
	uint32_t sink_at; /* where in the task's piece */
	uint32_t skip_left;
	struct iscsi_task *rx_task;
	uint64_t stalled_since_ns;
	uint8_t tail[8]; /* padding and digest */
	char *text; /* ISCSI_TEXT_MAX + 1, while there is need of it */
	uint32_t text_len;
	char *reply; /* ISCSI_TEXT_MAX, likewise; text answers not yet sent: [reply_at, reply_len) */
	uint32_t reply_at, reply_len;
	uint32_t text_ttt;

	/* tasks */
	struct iscsi_task *slots[ISCSI_SLOTS]; /* NULL: not made, or freed */
	unsigned n_idle;
	uint32_t next_generation; /* of target transfer tags */
	unsigned n_tasks, n_queued; /* active; of them in the window */
	struct iscsi_task_list active, idle;
	LIST_HEAD(, iscsi_task) buckets[ISCSI_BUCKETS];
	struct iscsi_task_list waiting; /* for pages to ask for data, or for room to read */
	uint32_t solicited_bytes, reading_bytes;
	struct iscsi_tmf tmfs[ISCSI_TMFS];
	bool running_waiters, refused; /* somebody was just put in line */
	struct iscsi_bhs logout;
};

/* Take a connected socket; `fd` is ours whatever the answer. -EMFILE: no place at the door. -ENOMEM, ... */
MUST_CHECK int iscsi_conn_new(struct iscsi_server *server, struct loop *loop, int fd, struct iscsi_conn **ret_conn);
/* End it now. `why` goes to the log; NULL: it ends as it should. Calling it twice is calling it once. The structure is
 * freed later (invariant 2). */
void iscsi_conn_close(struct iscsi_conn *conn, const char *why);
/* The same, but what is queued goes out first. */
void iscsi_conn_close_after_send(struct iscsi_conn *conn);
/* A task, a claim or a kill of it is gone. Perhaps a logout can be answered now, or a closed connection freed. */
void iscsi_conn_settle(struct iscsi_conn *conn);
/* Login is over: begin the full feature phase. -ENOMEM. */
MUST_CHECK int iscsi_conn_establish(struct iscsi_conn *conn);

#endif
