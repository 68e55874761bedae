/* SPDX-License-Identifier: Apache-2.0 */
/* The iSCSI initiator of a history: libiscsi's commands on two sessions, a guest that comes and goes, and a model of
 * the LUN that follows them. */
#ifndef TESTS_FRONT_ISCSI_SIDE_H
#define TESTS_FRONT_ISCSI_SIDE_H

#include <iscsi/iscsi.h>
#include <iscsi/scsi-lowlevel.h>

#include "tests/crash/cell.h"
#include "tests/front/front.h"

#define ISCSI_PEERS 2U
#define ISCSI_CALLS 8U /* in flight */
#define LUN_UNIT 512U
#define LUN_UNITS (STAGE_LUN_BYTES / LUN_UNIT)
#define ISCSI_BHS_BYTES 48U

struct iscsi_side;

/* A session. */
struct iscsi_peer {
	struct iscsi_side *side;
	struct iscsi_context *context; /* NULL: none */
	struct watch watch;
	bool ready, refused, resting;
	bool lost; /* libiscsi has given up what was in flight: it has found the end of the session */
	unsigned n_flying;
	unsigned n_attentions; /* unit attentions that may still come */
};

struct iscsi_row;

struct iscsi_call {
	struct front *front;
	struct iscsi_peer *peer;
	const struct iscsi_row *row;
	bool flying; /* the slot is taken */
	uint64_t sent;
	struct scsi_task *task; /* NULL: no SCSI command */
	uint8_t *out; /* its data, ours */
	uint32_t out_len, in_len;
	unsigned first, n; /* cells it looks at or changes */
	bool changes, durable, compares;
	bool syncs; /* everything answered before is durable */
	uint64_t stamp;
	struct iscsi_call *victim; /* of ABORT TASK */
	bool aborted; /* it has been one */
	uint64_t victim_sent;
};

#define ROW_MEDIUM 1U /* it may find that the medium cannot be read or written */
#define ROW_WRITES 2U /* it takes space */
#define ROW_PAYLOAD 4U /* data follow the header of the command */
#define ROW_GUEST 8U /* a session of its own */
#define ROW_SYNCS 16U /* it may flush */
#define ROW_MAPS 32U /* it may find that what says where the blocks are cannot be read */
struct iscsi_row {
	const char *name;
	unsigned flags;
	uint8_t opcode, cdb_len;
	/* Choose, tell the model, and hand it to libiscsi. False: there is nothing to do it to. */
	bool (*send)(struct iscsi_call *call);
	/* What came with GOOD agrees with the model. May be NULL. */
	void (*check)(struct iscsi_call *call);
};

struct iscsi_side {
	struct front *front;
	struct cell *cells; /* LUN_UNITS; one without candidates is zero */
	struct iscsi_peer peers[ISCSI_PEERS];
	struct iscsi_peer guest;
	struct iscsi_call calls[ISCSI_CALLS];
	bool power_cut; /* since the last audit */
};

extern const struct iscsi_row iscsi_rows[];
unsigned iscsi_n_rows(void);
const struct iscsi_row *iscsi_row_of(uint8_t opcode);

static inline struct iscsi_side *iscsi_side_of(const struct front *front)
{
	return front->side;
}

/* ---- iscsi_side.c ---- */
/* Log in whoever is not. */
void iscsi_connect(struct iscsi_side *side);
/* A connection for `peer`; `connected` is called when it is there or not. */
void iscsi_peer_open(struct iscsi_peer *peer, const char *initiator, enum iscsi_session_type type,
                     iscsi_command_cb connected, void *arg);
void iscsi_peer_watch(struct iscsi_peer *peer);
/* Send a call of this kind on a session; FAULT_CUT_*: and cut it there. NULL: not possible now. */
struct iscsi_call *iscsi_call_send(struct iscsi_peer *peer, const struct iscsi_row *row, enum fault cut);
/* A command is answered: the callback of all of them. */
void iscsi_answered(struct iscsi_context *context, int status, void *data, void *private_data);
/* What is no SCSI command is done. */
void iscsi_call_done(struct iscsi_call *call);
/* libiscsi has given the call up. */
void iscsi_call_given_up(struct iscsi_call *call);

/* ---- iscsi_look.c: the model of the LUN ---- */
void iscsi_cells_send(struct iscsi_call *call);
void iscsi_cells_settle(struct iscsi_call *call, bool done);
/* A cell of the call may have held more than one value since it was sent. */
bool iscsi_cells_unsure(const struct iscsi_call *call);
void iscsi_cells_durable(struct iscsi_side *side, uint64_t sent);
/* `n` cells from `first`, as they were read. */
void iscsi_check_cells(struct iscsi_side *side, unsigned first, unsigned n, const uint8_t *bytes, uint64_t since);

/* ---- iscsi_audit.c ---- */
void iscsi_audit(struct front *front);

/* ---- the rows ---- */
/* Fill in LBA and number of blocks of a CDB of 6, 10, 12 or 16 bytes. */
void iscsi_cdb_extent(uint8_t *cdb, unsigned cdb_len, unsigned lba, unsigned n);
/* Send the CDB with call->out, expecting call->in_len bytes. */
bool iscsi_cdb_send(struct iscsi_call *call, uint8_t cdb[16]);
uint8_t *iscsi_out_new(struct iscsi_call *call, uint32_t len);

bool iscsi_read_send(struct iscsi_call *call);
void iscsi_read_check(struct iscsi_call *call);
bool iscsi_write_send(struct iscsi_call *call);
bool iscsi_write_verify_send(struct iscsi_call *call);
bool iscsi_verify_send(struct iscsi_call *call);
bool iscsi_prefetch_send(struct iscsi_call *call);
bool iscsi_synchronize_send(struct iscsi_call *call);
bool iscsi_unmap_send(struct iscsi_call *call);
bool iscsi_write_same_send(struct iscsi_call *call);

bool iscsi_plain_send(struct iscsi_call *call); /* a CDB with nothing in it */
bool iscsi_start_stop_send(struct iscsi_call *call);
bool iscsi_inquiry_send(struct iscsi_call *call);
void iscsi_inquiry_check(struct iscsi_call *call);
bool iscsi_sense_send(struct iscsi_call *call);
bool iscsi_mode_sense_send(struct iscsi_call *call);
void iscsi_mode_sense_check(struct iscsi_call *call);
bool iscsi_mode_select_send(struct iscsi_call *call);
bool iscsi_capacity_send(struct iscsi_call *call);
void iscsi_capacity_check(struct iscsi_call *call);
bool iscsi_lba_status_send(struct iscsi_call *call);
void iscsi_lba_status_check(struct iscsi_call *call);
bool iscsi_luns_send(struct iscsi_call *call);
void iscsi_luns_check(struct iscsi_call *call);
bool iscsi_opcodes_send(struct iscsi_call *call);
void iscsi_opcodes_check(struct iscsi_call *call);

bool iscsi_nop_send(struct iscsi_call *call);
bool iscsi_abort_send(struct iscsi_call *call);
bool iscsi_reset_send(struct iscsi_call *call);
bool iscsi_login_send(struct iscsi_call *call);
bool iscsi_logout_send(struct iscsi_call *call);
bool iscsi_discover_send(struct iscsi_call *call);

#endif
