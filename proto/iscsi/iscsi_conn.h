/* SPDX-License-Identifier: Apache-2.0 */
/* An iSCSI connection, which with MaxConnections=1 is also its session: state shared by the files of this folder
 * (private).
 *
 * THEORY. A PDU is taken in three steps: its header is decoded and its opcode's `begin` says where the data segment is
 * to go (the sink: text buffer, task pages, or nowhere); the data is received there, straight from the socket when it
 * is long; `end` acts on it. A connection that cannot have memory for data that comes unasked stalls: it reads no
 * further until it has it, or answers BUSY after ISCSI_STALL_MS. What it asks for with R2T waits in line instead, and
 * who has begun goes before who has not.
 * MEMORY. Tasks, text, data to come and data to be read are taken from the connection's account (base/budget.h). R2T
 * asks for as much as there is room for; the data it asked for is taken at that moment, so that it never waits, and has
 * its pages when its PDU comes. A PDU that makes us answer waits for room, or, in a session, until all answers before
 * it have left. Who holds memory and does not go on (R2Ts, half a PDU, answers not read) is dropped (base/stall.h).
 * INVARIANTS.
 *  1. MaxCmdSN never goes back, and [ExpCmdSN, MaxCmdSN] is never larger than the free task slots.
 *  2. A connection is freed when it is closed, has no task, and nobody has a claim or a kill on its way to it.
 *  3. No page of a task is given back while a fill into it is under way.
 * BOUNDS. Unasked data: ISCSI_WINDOW x FirstBurstLength; asked data and replies: ISCSI_SOLICITED_MAX and
 * ISCSI_READ_MAX; and the budget.
 * THREADS. Its loop; what iscsi_server.c guards with the server's lock is marked. */
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
#include "proto/iscsi/iscsi_server.h"
#include "proto/iscsi/iscsi_spec.h"
#include "proto/iscsi/iscsi_text.h"
#include "proto/scsi/scsi_nexus.h"
#include "proto/scsi/scsi_task.h"

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

struct iscsi_conn;
struct iscsi_pdu;

/* A task management function that waits for what it aborted. */
struct iscsi_tmf {
	bool active;
	uint32_t itt;
	unsigned pending;
};

struct iscsi_task {
	struct scsi_task scsi;
	struct iscsi_conn *conn;
	TAILQ_ENTRY(iscsi_task) link; /* active, by arrival; or free */
	TAILQ_ENTRY(iscsi_task) wait_link;
	LIST_ENTRY(iscsi_task) bucket_link;
	struct iscsi_tmf *tmf;
	uint32_t slot, generation; /* make the target transfer tag */
	uint32_t itt;
	uint32_t edtl;
	bool immediate; /* outside the window */
	bool unsolicited; /* Data-Out is to come unasked, until F */
	bool over; /* the SCSI part has ended; only `unsolicited` keeps it */
	bool r2t; /* one is outstanding */
	bool waiting; /* in conn->waiting */
	bool admitted;
	uint32_t data_sn; /* expected of him (Data-Out) or next of ours (Data-In) */
	uint32_t r2tsn;
	uint32_t unsolicited_at; /* next unasked byte, in the command's data */
	uint32_t got; /* bytes of the present piece received */
	uint32_t granted; /* and asked for so far */
	uint32_t burst; /* Data-In bytes since the last F */
	uint32_t solicited_bytes, reading_bytes; /* our share in the connection's */
};
TAILQ_HEAD(iscsi_task_list, iscsi_task);

enum iscsi_conn_state { CONN_LOGIN, CONN_CLAIMING, CONN_FULL, CONN_LOGOUT, CONN_CLOSED };
enum iscsi_rx { RX_HEADER, RX_DATA, RX_SKIP, RX_STALLED };
enum iscsi_sink { SINK_NONE, SINK_TEXT, SINK_TASK };

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
	struct timer idle_timer; /* in full feature phase: is he there? */
	uint64_t heard_ns; /* when the last whole PDU had come */
	uint64_t pinged_ns; /* 0: he need not answer */

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
	struct iscsi_conn *claims; /* whose end this one waits for */
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

/* ---- iscsi_conn.c ---- */
/* `fd` is taken, whatever happens. -EMFILE: no place; -ENOMEM, ... */
MUST_CHECK int iscsi_conn_new(struct iscsi_server *server, struct loop *loop, int fd, struct iscsi_conn **ret_conn);
/* End it now; `why` goes to the log, NULL: as it should be. Idempotent; the structure goes away later. */
void iscsi_conn_close(struct iscsi_conn *conn, const char *why);
/* The same, but let what is queued go out first. */
void iscsi_conn_close_after_send(struct iscsi_conn *conn);
/* A task, claim or kill is gone: finish a logout, free a closed connection. */
void iscsi_conn_settle(struct iscsi_conn *conn);
/* Go on receiving after a stall. */
void iscsi_conn_continue(struct iscsi_conn *conn);
/* Full feature phase begins. -ENOMEM. */
MUST_CHECK int iscsi_conn_establish(struct iscsi_conn *conn);

/* ---- iscsi_send.c ---- */
/* Send a PDU: numbers are stamped (StatSN taken when `takes_statsn`), lengths, padding and digests added. */
void iscsi_send(struct iscsi_conn *conn, struct iscsi_bhs *bhs, const void *data, uint32_t len_bytes,
                bool takes_statsn);
void iscsi_send_reject(struct iscsi_conn *conn, enum iscsi_reject reason);
/* Send the present piece of a task as Data-In; `last` carries the status. */
void iscsi_send_data_in(struct iscsi_task *task, bool last);
void iscsi_send_response(struct iscsi_task *task);
void iscsi_send_r2t(struct iscsi_task *task, uint32_t offset, uint32_t len_bytes);

/* ---- iscsi_login.c ---- */
void iscsi_login_begin(struct iscsi_conn *conn);
void iscsi_login_end(struct iscsi_conn *conn);
/* The claim came through (0) or not: answer the last login request. */
void iscsi_login_claimed(struct iscsi_conn *conn, int err);

/* ---- iscsi_command.c ---- */
void iscsi_command_begin(struct iscsi_conn *conn);
void iscsi_command_end(struct iscsi_conn *conn);
void iscsi_data_out_begin(struct iscsi_conn *conn);
void iscsi_data_out_end(struct iscsi_conn *conn);
/* The data segment for rx_task was damaged on the way. */
void iscsi_command_damaged(struct iscsi_conn *conn);
/* Memory for the data segment of rx_task: -ENOMEM. */
MUST_CHECK int iscsi_command_reserve(struct iscsi_conn *conn);
struct iscsi_task *iscsi_command_find(struct iscsi_conn *conn, uint32_t itt);
void iscsi_command_run_waiters(struct iscsi_conn *conn);
/* Bytes that were asked for, or are to come unasked, and are not here. */
uint64_t iscsi_command_missing(const struct iscsi_conn *conn);
/* Free all tasks but `keep`; none is active. */
void iscsi_command_trim(struct iscsi_conn *conn, unsigned keep);
/* Nobody wants its status: it goes now, or when the file system is done with it. */
void iscsi_command_abort(struct iscsi_task *task);
void iscsi_command_abort_all(struct iscsi_conn *conn);

/* ---- iscsi_control.c ---- */
void iscsi_text_gather(struct iscsi_conn *conn); /* `begin` of PDUs with text */
void iscsi_nop_end(struct iscsi_conn *conn);
/* Ask the initiator whether it is there: any PDU is an answer. */
void iscsi_ping(struct iscsi_conn *conn);
void iscsi_text_end(struct iscsi_conn *conn);
void iscsi_logout_end(struct iscsi_conn *conn);
void iscsi_logout_finish(struct iscsi_conn *conn);
void iscsi_tmf_end(struct iscsi_conn *conn);
/* A task that a function aborted is gone. */
void iscsi_tmf_task_gone(struct iscsi_conn *conn, struct iscsi_tmf *tmf);
/* CmdSN of a request that is not a command: false when the PDU is to be ignored. */
bool iscsi_cmdsn_take(struct iscsi_conn *conn);
/* Free the text buffers, if nothing of an exchange is in them. */
void iscsi_text_release(struct iscsi_conn *conn);

/* ---- iscsi_server.c ---- */
MUST_CHECK int iscsi_server_add(struct iscsi_server *server, struct iscsi_conn *conn); /* -ESHUTDOWN */
/* A closed connection without tasks: true when nobody can reach it any more, and it may be freed. */
MUST_CHECK bool iscsi_server_remove(struct iscsi_conn *conn);
/* It is freed: the last one lets iscsi_server_stop end. */
void iscsi_server_gone(struct iscsi_server *server);
/* Become the session of this initiator and ISID. 0: it is; -EINPROGRESS: iscsi_login_claimed will be called, when the
 * old one has ended; -EBUSY: somebody waits for it already. */
MUST_CHECK int iscsi_server_claim(struct iscsi_conn *conn);
/* There is a session of this initiator and ISID with that TSIH. */
bool iscsi_server_has_session(struct iscsi_conn *conn, uint16_t tsih);
unsigned iscsi_server_portals(const struct iscsi_server *server, const char *const **ret_portals);
struct door *iscsi_server_door(const struct iscsi_server *server);
const struct iscsi_times *iscsi_server_times(const struct iscsi_server *server);
struct lunmap *iscsi_server_maps(const struct iscsi_server *server);

#endif
