/* SPDX-License-Identifier: Apache-2.0 */
/* Sense data in the fixed format, and the one table that turns the file system's errors into it. */
#ifndef PROTO_SCSI_SENSE_H
#define PROTO_SCSI_SENSE_H

#include <stdbool.h>
#include <stdint.h>

#include "proto/scsi/scsi_spec.h"

/* Write the 18 bytes of fixed-format sense (response code 70h). */
void scsi_sense_encode(uint8_t ret_sense[SCSI_SENSE_SIZE], enum scsi_sense_key key, enum scsi_asc asc);
/* The descriptor format (72h), 8 bytes without descriptors: REQUEST SENSE with DESC. */
#define SCSI_SENSE_DESCRIPTOR_SIZE 8U
void scsi_sense_encode_descriptor(uint8_t ret_sense[SCSI_SENSE_DESCRIPTOR_SIZE], enum scsi_sense_key key,
                                  enum scsi_asc asc);

struct scsi_error {
	enum scsi_status status; /* CHECK CONDITION with the sense below, or BUSY */
	enum scsi_sense_key key;
	enum scsi_asc asc;
};
/* What an initiator is told for a negative errno of the file system. `write`: the command was changing data. */
struct scsi_error scsi_error_of(int err, bool write);

#endif
