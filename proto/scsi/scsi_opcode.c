/* SPDX-License-Identifier: Apache-2.0 */
/* The table of commands. The busiest rows come first: lookup is a walk. */
#include "proto/scsi/scsi_opcode.h"

#include "base/bytes.h"
#include "base/list.h"

#define IO OPCODE_MEDIUM
#define SA OPCODE_SERVICE_ACTION

static const struct scsi_opcode rows[] = {
	{ OP_READ_10, 0, 10, IO, scsi_io_read, "\x18\xFF\xFF\xFF\xFF\x00\xFF\xFF\x04" },
	{ OP_WRITE_10, 0, 10, IO, scsi_io_write, "\x18\xFF\xFF\xFF\xFF\x00\xFF\xFF\x04" },
	{ OP_READ_16, 0, 16, IO, scsi_io_read, "\x18\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\x00\x04" },
	{ OP_WRITE_16, 0, 16, IO, scsi_io_write, "\x18\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\x00\x04" },
	{ OP_SYNCHRONIZE_CACHE_10, 0, 10, IO, scsi_io_synchronize, "\x02\xFF\xFF\xFF\xFF\x00\xFF\xFF\x04" },
	{ OP_SYNCHRONIZE_CACHE_16, 0, 16, IO, scsi_io_synchronize,
	  "\x02\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\x00\x04" },
	{ OP_UNMAP, 0, 10, IO, scsi_zero_unmap, "\x00\x00\x00\x00\x00\x00\xFF\xFF\x04" },
	{ OP_WRITE_SAME_10, 0, 10, IO, scsi_zero_write_same, "\x08\xFF\xFF\xFF\xFF\x00\xFF\xFF\x04" },
	{ OP_WRITE_SAME_16, 0, 16, IO, scsi_zero_write_same,
	  "\x09\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\x00\x04" },
	{ OP_TEST_UNIT_READY, 0, 6, IO, scsi_report_ready, "\x00\x00\x00\x00\x04" },
	{ OP_REQUEST_SENSE, 0, 6, OPCODE_ANY_LUN | OPCODE_NO_ATTENTION, scsi_report_sense, "\x01\x00\x00\xFF\x04" },
	{ OP_READ_6, 0, 6, IO, scsi_io_read, "\x1F\xFF\xFF\xFF\x04" },
	{ OP_WRITE_6, 0, 6, IO, scsi_io_write, "\x1F\xFF\xFF\xFF\x04" },
	{ OP_INQUIRY, 0, 6, OPCODE_ANY_LUN | OPCODE_NO_ATTENTION, scsi_inquiry_run, "\x01\xFF\xFF\xFF\x04" },
	{ OP_MODE_SELECT_6, 0, 6, 0, scsi_mode_select, "\x11\x00\x00\xFF\x04" },
	{ OP_MODE_SENSE_6, 0, 6, 0, scsi_mode_sense, "\x08\xFF\xFF\xFF\x04" },
	{ OP_START_STOP_UNIT, 0, 6, 0, scsi_io_start_stop, "\x01\x00\x00\xF7\x04" },
	{ OP_READ_CAPACITY_10, 0, 10, IO, scsi_report_capacity_10, "\x00\xFF\xFF\xFF\xFF\x00\x00\x01\x04" },
	{ OP_WRITE_VERIFY_10, 0, 10, IO, scsi_io_write_verify, "\x12\xFF\xFF\xFF\xFF\x00\xFF\xFF\x04" },
	{ OP_VERIFY_10, 0, 10, IO, scsi_io_verify, "\x12\xFF\xFF\xFF\xFF\x00\xFF\xFF\x04" },
	{ OP_PREFETCH_10, 0, 10, IO, scsi_io_prefetch, "\x02\xFF\xFF\xFF\xFF\x00\xFF\xFF\x04" },
	{ OP_MODE_SELECT_10, 0, 10, 0, scsi_mode_select, "\x11\x00\x00\x00\x00\x00\xFF\xFF\x04" },
	{ OP_MODE_SENSE_10, 0, 10, 0, scsi_mode_sense, "\x18\xFF\xFF\x00\x00\x00\xFF\xFF\x04" },
	{ OP_WRITE_VERIFY_16, 0, 16, IO, scsi_io_write_verify,
	  "\x12\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\x00\x04" },
	{ OP_VERIFY_16, 0, 16, IO, scsi_io_verify, "\x12\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\x00\x04" },
	{ OP_PREFETCH_16, 0, 16, IO, scsi_io_prefetch, "\x02\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\x00\x04" },
	{ OP_SERVICE_ACTION_IN_16, SA_READ_CAPACITY_16, 16, IO | SA, scsi_report_capacity_16,
	  "\x10\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\x01\x04" },
	{ OP_SERVICE_ACTION_IN_16, SA_GET_LBA_STATUS, 16, IO | SA, scsi_report_lba_status,
	  "\x12\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\x00\x04" },
	{ OP_REPORT_LUNS, 0, 12, OPCODE_ANY_LUN | OPCODE_NO_ATTENTION, scsi_report_luns,
	  "\x00\xFF\x00\x00\x00\xFF\xFF\xFF\xFF\x00\x04" },
	{ OP_MAINTENANCE_IN, SA_REPORT_SUPPORTED_OPCODES, 12, SA, scsi_report_opcodes,
	  "\x0C\x87\xFF\xFF\xFF\xFF\xFF\xFF\xFF\x00\x04" },
	{ OP_READ_12, 0, 12, IO, scsi_io_read, "\x18\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\x00\x04" },
	{ OP_WRITE_12, 0, 12, IO, scsi_io_write, "\x18\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\x00\x04" },
	{ OP_WRITE_VERIFY_12, 0, 12, IO, scsi_io_write_verify, "\x12\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\x00\x04" },
	{ OP_VERIFY_12, 0, 12, IO, scsi_io_verify, "\x12\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\x00\x04" },
};

const struct scsi_opcode *scsi_opcode_find(const uint8_t cdb[SCSI_CDB_SIZE])
{
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		if (rows[i].code == cdb[0] && ((rows[i].flags & SA) == 0 || rows[i].service_action == (cdb[1] & 0x1FU)))
			return &rows[i];
	}
	return NULL;
}

bool scsi_opcode_exists(uint8_t code)
{
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		if (rows[i].code == code)
			return true;
	}
	return false;
}

const struct scsi_opcode *scsi_opcode_rows(unsigned *ret_n)
{
	*ret_n = ARRAY_SIZE(rows);
	return rows;
}

static uint32_t get32(const uint8_t *at)
{
	be32 v;

	memcpy(&v, at, sizeof v);
	return be32_get(v);
}

struct scsi_extent scsi_opcode_extent(const uint8_t cdb[SCSI_CDB_SIZE])
{
	switch (cdb[0] >> 5) {
	case 0: /* 6 bytes: 21 bits of LBA, and 0 blocks means 256 */
		return (struct scsi_extent){ (uint64_t)(cdb[1] & 0x1FU) << 16 | (uint64_t)cdb[2] << 8 | cdb[3],
			                     cdb[4] == 0 ? 256U : cdb[4] };
	case 4: return (struct scsi_extent){ (uint64_t)get32(cdb + 2) << 32 | get32(cdb + 6), get32(cdb + 10) };
	case 5: return (struct scsi_extent){ get32(cdb + 2), get32(cdb + 6) };
	default: return (struct scsi_extent){ get32(cdb + 2), (uint32_t)cdb[7] << 8 | cdb[8] };
	}
}
