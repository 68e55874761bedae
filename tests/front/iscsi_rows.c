/* SPDX-License-Identifier: Apache-2.0 */
/* What an initiator can send, as rows of a table. */
#include "tests/front/iscsi_side.h"

#define MEDIUM ROW_MEDIUM
#define WRITES (ROW_MEDIUM | ROW_WRITES | ROW_PAYLOAD)

const struct iscsi_row iscsi_rows[] = {
	{ "TEST-UNIT-READY", 0, 0x00, 6, iscsi_plain_send, NULL },
	{ "REQUEST-SENSE", 0, 0x03, 6, iscsi_sense_send, NULL },
	{ "READ(6)", MEDIUM, 0x08, 6, iscsi_read_send, iscsi_read_check },
	{ "READ(10)", MEDIUM, 0x28, 10, iscsi_read_send, iscsi_read_check },
	{ "READ(12)", MEDIUM, 0xA8, 12, iscsi_read_send, iscsi_read_check },
	{ "READ(16)", MEDIUM, 0x88, 16, iscsi_read_send, iscsi_read_check },
	{ "WRITE(6)", WRITES, 0x0A, 6, iscsi_write_send, NULL },
	{ "WRITE(10)", WRITES, 0x2A, 10, iscsi_write_send, NULL },
	{ "WRITE(12)", WRITES, 0xAA, 12, iscsi_write_send, NULL },
	{ "WRITE(16)", WRITES, 0x8A, 16, iscsi_write_send, NULL },
	{ "WRITE-VERIFY(10)", WRITES, 0x2E, 10, iscsi_write_verify_send, NULL },
	{ "WRITE-VERIFY(12)", WRITES, 0xAE, 12, iscsi_write_verify_send, NULL },
	{ "WRITE-VERIFY(16)", WRITES, 0x8E, 16, iscsi_write_verify_send, NULL },
	{ "VERIFY(10)", MEDIUM, 0x2F, 10, iscsi_verify_send, NULL },
	{ "VERIFY(12)", MEDIUM, 0xAF, 12, iscsi_verify_send, NULL },
	{ "VERIFY(16)", MEDIUM, 0x8F, 16, iscsi_verify_send, NULL },
	{ "PRE-FETCH(10)", MEDIUM, 0x34, 10, iscsi_prefetch_send, NULL },
	{ "PRE-FETCH(16)", MEDIUM, 0x90, 16, iscsi_prefetch_send, NULL },
	{ "SYNC-CACHE(10)", ROW_SYNCS, 0x35, 10, iscsi_synchronize_send, NULL },
	{ "SYNC-CACHE(16)", ROW_SYNCS, 0x91, 16, iscsi_synchronize_send, NULL },
	{ "UNMAP", ROW_MEDIUM | ROW_PAYLOAD, 0x42, 10, iscsi_unmap_send, NULL },
	{ "WRITE-SAME(10)", WRITES, 0x41, 10, iscsi_write_same_send, NULL },
	{ "WRITE-SAME(16)", WRITES, 0x93, 16, iscsi_write_same_send, NULL },
	{ "START-STOP-UNIT", ROW_SYNCS, 0x1B, 6, iscsi_start_stop_send, NULL },
	{ "INQUIRY", 0, 0x12, 6, iscsi_inquiry_send, iscsi_inquiry_check },
	{ "MODE-SENSE(6)", 0, 0x1A, 6, iscsi_mode_sense_send, iscsi_mode_sense_check },
	{ "MODE-SENSE(10)", 0, 0x5A, 10, iscsi_mode_sense_send, iscsi_mode_sense_check },
	{ "MODE-SELECT(6)", ROW_PAYLOAD, 0x15, 6, iscsi_mode_select_send, NULL },
	{ "MODE-SELECT(10)", ROW_PAYLOAD, 0x55, 10, iscsi_mode_select_send, NULL },
	{ "READ-CAP(10)", 0, 0x25, 10, iscsi_capacity_send, iscsi_capacity_check },
	{ "READ-CAP(16)", 0, 0x9E, 16, iscsi_capacity_send, iscsi_capacity_check },
	{ "LBA-STATUS", ROW_MAPS, 0x9E, 16, iscsi_lba_status_send, iscsi_lba_status_check },
	{ "REPORT-LUNS", 0, 0xA0, 12, iscsi_luns_send, iscsi_luns_check },
	{ "REPORT-OPCODES", 0, 0xA3, 12, iscsi_opcodes_send, iscsi_opcodes_check },
	{ "NOP-OUT", ROW_PAYLOAD, 0, 0, iscsi_nop_send, NULL },
	{ "ABORT-TASK", 0, 0, 0, iscsi_abort_send, NULL },
	{ "LUN-RESET", 0, 0, 0, iscsi_reset_send, NULL },
	{ "LOGIN", ROW_GUEST | ROW_PAYLOAD, 0, 0, iscsi_login_send, NULL },
	{ "LOGOUT", ROW_GUEST | ROW_PAYLOAD, 0, 0, iscsi_logout_send, NULL },
	{ "DISCOVERY", ROW_GUEST | ROW_PAYLOAD, 0, 0, iscsi_discover_send, NULL },
};

unsigned iscsi_n_rows(void)
{
	return ARRAY_SIZE(iscsi_rows);
}

const struct iscsi_row *iscsi_row_of(uint8_t opcode)
{
	const struct iscsi_row *row = iscsi_rows;

	while (row->opcode != opcode)
		row++;
	return row;
}
