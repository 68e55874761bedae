/* SPDX-License-Identifier: Apache-2.0 */
/* The table of commands: operation code (and service action) to handler, CDB length, rules and usage mask. */
#ifndef PROTO_SCSI_OPCODE_H
#define PROTO_SCSI_OPCODE_H

#include <stdbool.h>
#include <stdint.h>

#include "proto/scsi/scsi_spec.h"

struct scsi_task;

#define OPCODE_ANY_LUN 1U /* answered for a LUN that is not there, too */
#define OPCODE_NO_ATTENTION 2U /* does not report unit attentions */
#define OPCODE_MEDIUM 4U /* needs the LUN online */
#define OPCODE_SERVICE_ACTION 8U /* byte 1, bits 0-4 choose the row */

struct scsi_opcode {
	uint8_t code;
	uint8_t service_action;
	uint8_t cdb_len;
	uint8_t flags;
	void (*run)(struct scsi_task *task);
	const char *usage; /* cdb_len bytes after the first: 1 where a bit of the CDB is looked at (SPC-4 6.27.3) */
};

/* NULL: no such command. */
const struct scsi_opcode *scsi_opcode_find(const uint8_t cdb[SCSI_CDB_SIZE]);
/* True when some row has this code. */
bool scsi_opcode_exists(uint8_t code);
/* The rows, for REPORT SUPPORTED OPERATION CODES. */
const struct scsi_opcode *scsi_opcode_rows(unsigned *ret_n);

/* The handlers. Each ends, now or later, in exactly one finish of its task. */
void scsi_io_read(struct scsi_task *task);
void scsi_io_write(struct scsi_task *task);
void scsi_io_write_verify(struct scsi_task *task);
void scsi_io_verify(struct scsi_task *task);
void scsi_io_prefetch(struct scsi_task *task);
void scsi_io_synchronize(struct scsi_task *task);
void scsi_io_start_stop(struct scsi_task *task);
void scsi_zero_unmap(struct scsi_task *task);
void scsi_zero_write_same(struct scsi_task *task);
void scsi_inquiry_run(struct scsi_task *task);
void scsi_mode_sense(struct scsi_task *task);
void scsi_mode_select(struct scsi_task *task);
void scsi_report_ready(struct scsi_task *task);
void scsi_report_sense(struct scsi_task *task);
void scsi_report_luns(struct scsi_task *task);
void scsi_report_capacity_10(struct scsi_task *task);
void scsi_report_capacity_16(struct scsi_task *task);
void scsi_report_lba_status(struct scsi_task *task);
void scsi_report_opcodes(struct scsi_task *task);

/* The LBA and the block count of a 6, 10, 12 or 16 byte CDB of the READ/WRITE kind. */
struct scsi_extent {
	uint64_t lba;
	uint32_t blocks;
};
struct scsi_extent scsi_opcode_extent(const uint8_t cdb[SCSI_CDB_SIZE]);

#endif
