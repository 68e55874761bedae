/* SPDX-License-Identifier: Apache-2.0 */
/* New sessions look at the whole LUN: what they find counts from now on. */
#include <string.h>

#include "tests/front/iscsi_side.h"

#define AUDIT_UNITS 128U
#define BLOCK_UNITS 8U
#define TRIES 200U
#define RETRY_NS 20000000U

/* A READ that is nobody's call. */
struct look {
	bool answered;
	int status;
};

static void look_answered(struct iscsi_context *context, int status, void *data, void *private_data)
{
	struct look *look = private_data;

	(void)context, (void)data;
	look->answered = true;
	look->status = status;
}

/* Wait for the answer; false: the connection has ended. */
static bool look_wait(struct iscsi_side *side, struct look *look)
{
	struct machine *machine = &side->front->stage.machine;
	uint64_t since = world_now_ns(machine->world);

	iscsi_peer_watch(&side->peers[0]);
	while (!look->answered && !side->front->broken)
		if (!sim_step(machine->sim) || world_now_ns(machine->world) - since > 300000000000ULL)
			front_fail(side->front, FAIL_STUCK, "the audit has no answer");
	return look->answered;
}

static bool is_passing(const struct scsi_task *task, int status)
{
	return status == SCSI_STATUS_BUSY || status == SCSI_STATUS_TASK_SET_FULL ||
	       (status == SCSI_STATUS_CHECK_CONDITION && task->sense.key == SCSI_SENSE_UNIT_ATTENTION);
}

static void adopt(struct iscsi_side *side, unsigned first, unsigned n, const uint8_t *bytes)
{
	for (unsigned i = 0; i < n; i++) {
		uint64_t stamp;

		memcpy(&stamp, bytes + (size_t)i * LUN_UNIT, sizeof stamp);
		if (stamp != 0 || side->cells[first + i].n != 0)
			cell_reset(&side->cells[first + i], stamp, side->front->clock);
	}
}

/* False: an error that the history's fault excuses. */
static bool look_at(struct iscsi_side *side, unsigned first, unsigned n)
{
	for (unsigned i = 0; i < TRIES; i++) {
		uint8_t cdb[16] = { 0x88 };
		struct scsi_task *task;
		struct look look = { 0 };
		bool passing;

		iscsi_connect(side);
		iscsi_cdb_extent(cdb, 16, first, n);
		task = scsi_create_task(16, cdb, SCSI_XFER_READ, (int)(n * LUN_UNIT));
		vc_assert(task != NULL);
		if (iscsi_scsi_command_async(side->peers[0].context, 0, task, look_answered, NULL, &look) == 0 &&
		    look_wait(side, &look) && look.status == SCSI_STATUS_GOOD) {
			if ((uint32_t)task->datain.size != n * LUN_UNIT)
				front_fail(side->front, FAIL_WRONG, "%d bytes of %u blocks", task->datain.size, n);
			iscsi_check_cells(side, first, n, task->datain.data, side->front->clock);
			adopt(side, first, n, task->datain.data);
			scsi_free_scsi_task(task);
			return true;
		}
		if (side->front->broken)
			front_fail(side->front, FAIL_STUCK, "the session of the audit has ended");
		passing = is_passing(task, look.status);
		if (!passing && !front_excuses(side->front, EXCUSE_IO))
			front_fail(side->front, FAIL_WRONG, "the audit's READ was answered %d, key %d, %04x",
			           look.status, task->sense.key, (unsigned)task->sense.ascq);
		scsi_free_scsi_task(task);
		if (!passing)
			return false;
		sim_run_for(side->front->stage.machine.sim, RETRY_NS);
	}
	front_fail(side->front, FAIL_STUCK, "the LUN is busy for ever");
}

void iscsi_audit(struct front *front)
{
	struct iscsi_side *side = iscsi_side_of(front);

	iscsi_connect(side);
	front->clock++;
	for (unsigned first = 0; first < LUN_UNITS; first += AUDIT_UNITS) {
		if (look_at(side, first, AUDIT_UNITS))
			continue;
		for (unsigned at = first; at < first + AUDIT_UNITS; at += BLOCK_UNITS)
			(void)look_at(side, at, BLOCK_UNITS);
	}
	front->clock++;
	side->power_cut = false;
}
