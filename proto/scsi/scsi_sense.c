/* SPDX-License-Identifier: Apache-2.0 */
/* Sense data: encoding, and errno to sense.
 * REFERENCES. SPC-4 4.5 (sense data formats); SBC-3 4.11 (thin provisioning errors). */
#include "proto/scsi/scsi_sense.h"

#include <string.h>

#include "base/error.h"
#include "base/list.h"
#include "fs/message.h"

void scsi_sense_encode(uint8_t ret_sense[SCSI_SENSE_SIZE], enum scsi_sense_key key, enum scsi_asc asc)
{
	memset(ret_sense, 0, SCSI_SENSE_SIZE);
	ret_sense[0] = 0x70;
	ret_sense[2] = (uint8_t)key;
	ret_sense[7] = SCSI_SENSE_SIZE - 8U;
	ret_sense[12] = (uint8_t)((unsigned)asc >> 8);
	ret_sense[13] = (uint8_t)((unsigned)asc & 0xFFU);
}

void scsi_sense_encode_descriptor(uint8_t ret_sense[SCSI_SENSE_DESCRIPTOR_SIZE], enum scsi_sense_key key,
                                  enum scsi_asc asc)
{
	memset(ret_sense, 0, SCSI_SENSE_DESCRIPTOR_SIZE);
	ret_sense[0] = 0x72;
	ret_sense[1] = (uint8_t)key;
	ret_sense[2] = (uint8_t)((unsigned)asc >> 8);
	ret_sense[3] = (uint8_t)((unsigned)asc & 0xFFU);
}

/* BUSY is for what passes by itself: initiators retry it without asking anybody. */
static const struct {
	int err;
	struct scsi_error read, write;
} errors[] = {
	{ EIO,
	  { SCSI_CHECK_CONDITION, SCSI_MEDIUM_ERROR, ASC_UNRECOVERED_READ },
	  { SCSI_CHECK_CONDITION, SCSI_MEDIUM_ERROR, ASC_WRITE_ERROR } },
	{ EUCLEAN,
	  { SCSI_CHECK_CONDITION, SCSI_MEDIUM_ERROR, ASC_UNRECOVERED_READ },
	  { SCSI_CHECK_CONDITION, SCSI_MEDIUM_ERROR, ASC_WRITE_ERROR } },
	/* The volume is away for a moment (it is being put back to a snapshot), or its maps go next: hosts wait for
	 * this one, and not for the one that wants somebody to do something. */
	{ ENODEV,
	  { SCSI_CHECK_CONDITION, SCSI_NOT_READY, ASC_BECOMING_READY },
	  { SCSI_CHECK_CONDITION, SCSI_NOT_READY, ASC_BECOMING_READY } },
	{ ENOENT,
	  { SCSI_CHECK_CONDITION, SCSI_ILLEGAL_REQUEST, ASC_LUN_NOT_SUPPORTED },
	  { SCSI_CHECK_CONDITION, SCSI_ILLEGAL_REQUEST, ASC_LUN_NOT_SUPPORTED } },
	{ EROFS,
	  { SCSI_CHECK_CONDITION, SCSI_DATA_PROTECT, ASC_WRITE_PROTECTED },
	  { SCSI_CHECK_CONDITION, SCSI_DATA_PROTECT, ASC_WRITE_PROTECTED } },
	{ ENOSPC,
	  { SCSI_CHECK_CONDITION, SCSI_DATA_PROTECT, ASC_SPACE_ALLOCATION_FAILED },
	  { SCSI_CHECK_CONDITION, SCSI_DATA_PROTECT, ASC_SPACE_ALLOCATION_FAILED } },
	{ EDQUOT,
	  { SCSI_CHECK_CONDITION, SCSI_DATA_PROTECT, ASC_SPACE_ALLOCATION_FAILED },
	  { SCSI_CHECK_CONDITION, SCSI_DATA_PROTECT, ASC_SPACE_ALLOCATION_FAILED } },
	{ EFBIG,
	  { SCSI_CHECK_CONDITION, SCSI_ILLEGAL_REQUEST, ASC_LBA_OUT_OF_RANGE },
	  { SCSI_CHECK_CONDITION, SCSI_ILLEGAL_REQUEST, ASC_LBA_OUT_OF_RANGE } },
	{ EINVAL,
	  { SCSI_CHECK_CONDITION, SCSI_ILLEGAL_REQUEST, ASC_LBA_OUT_OF_RANGE },
	  { SCSI_CHECK_CONDITION, SCSI_ILLEGAL_REQUEST, ASC_LBA_OUT_OF_RANGE } },
	{ FS_EJUKEBOX, { .status = SCSI_BUSY }, { .status = SCSI_BUSY } },
	/* Another file is the LUN now, or none: the maps that follow say which, so the next try is served or finds no
	 * LUN. */
	{ ESTALE, { .status = SCSI_BUSY }, { .status = SCSI_BUSY } },
	{ EAGAIN, { .status = SCSI_BUSY }, { .status = SCSI_BUSY } },
	{ EBUSY, { .status = SCSI_BUSY }, { .status = SCSI_BUSY } },
	{ ENOMEM, { .status = SCSI_BUSY }, { .status = SCSI_BUSY } },
};

struct scsi_error scsi_error_of(int err, bool write)
{
	for (size_t i = 0; i < ARRAY_SIZE(errors); i++) {
		if (errors[i].err == -err)
			return write ? errors[i].write : errors[i].read;
	}
	return (struct scsi_error){ SCSI_CHECK_CONDITION, SCSI_HARDWARE_ERROR, ASC_INTERNAL_FAILURE };
}
