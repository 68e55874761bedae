/* SPDX-License-Identifier: Apache-2.0 */
/* The job of a volume's check: FS_CHECK at work, its progress, its end before time. */
#ifndef ADMIN_CHECKJOB_H
#define ADMIN_CHECKJOB_H

#include "admin/jobs.h"

struct fs_check_result;

#define CHECKJOB_KIND "volume check"

/* Check the volume, reading no more than `rate_bytes_s` (0: no limit). NULL: too many jobs. */
struct job *checkjob_start(struct admin *admin, struct fs_volume *volume, uint64_t rate_bytes_s);
/* From now on no more than this. */
void checkjob_rate(struct job *job, uint64_t rate_bytes_s);

/* For reports: the findings; the disks without which the check had to do. */
json_t *checkjob_findings_json(const struct fs_check_result *result);
json_t *checkjob_missing_json(const struct fs_check_result *result);

#endif
