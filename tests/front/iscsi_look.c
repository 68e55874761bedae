/* SPDX-License-Identifier: Apache-2.0 */
/* What must stand on the LUN. */
#include <string.h>

#include "tests/front/iscsi_side.h"

void iscsi_cells_send(struct iscsi_call *call)
{
	struct cell *cells = iscsi_side_of(call->front)->cells;

	call->changes = true;
	for (unsigned u = call->first; u < call->first + call->n; u++) {
		if (cells[u].n == 0)
			cell_reset(&cells[u], 0, 0);
		cell_send(&cells[u], call->stamp, call->sent);
	}
}

void iscsi_cells_settle(struct iscsi_call *call, bool done)
{
	struct cell *cells = iscsi_side_of(call->front)->cells;
	bool durable = call->durable || !call->front->stage.write_cache;

	for (unsigned u = call->first; u < call->first + call->n; u++) {
		if (done)
			cell_ack(&cells[u], call->stamp, call->sent, call->front->clock, durable);
		else
			cell_refuse(&cells[u], call->stamp, call->sent);
	}
}

bool iscsi_cells_unsure(const struct iscsi_call *call)
{
	const struct cell *cells = iscsi_side_of(call->front)->cells;

	for (unsigned u = call->first; u < call->first + call->n; u++) {
		unsigned n_values = 0;

		for (unsigned i = 0; i < cells[u].n; i++)
			n_values += cell_may_read(&cells[u], cells[u].c[i].stamp, call->sent);
		if (n_values > 1)
			return true;
	}
	return false;
}

void iscsi_cells_durable(struct iscsi_side *side, uint64_t sent)
{
	for (unsigned u = 0; u < LUN_UNITS; u++)
		cell_durable(&side->cells[u], sent);
}

static bool may_hold(const struct iscsi_side *side, unsigned unit, uint64_t stamp, uint64_t since)
{
	const struct cell *cell = &side->cells[unit];

	if (cell->n == 0)
		return stamp == 0;
	return side->power_cut ? cell_may_survive(cell, stamp) : cell_may_read(cell, stamp, since);
}

void iscsi_check_cells(struct iscsi_side *side, unsigned first, unsigned n, const uint8_t *bytes, uint64_t since)
{
	uint64_t words[LUN_UNIT / 8U];

	for (unsigned i = 0; i < n; i++) {
		memcpy(words, bytes + (size_t)i * LUN_UNIT, LUN_UNIT);
		for (unsigned k = 1; k < ARRAY_SIZE(words); k++)
			if (words[k] != words[0])
				front_fail(side->front, FAIL_WRONG, "block %u of the LUN is made of %llu and %llu",
				           first + i, (unsigned long long)words[0], (unsigned long long)words[k]);
		if (!may_hold(side, first + i, words[0], since))
			front_fail(side->front, side->power_cut ? FAIL_LOST : FAIL_WRONG, "block %u of the LUN is %llu",
			           first + i, (unsigned long long)words[0]);
	}
}
