/* SPDX-License-Identifier: Apache-2.0 */
/* What a check gives back to whoever asked (fs_check_result_fini: fs/message.h). */
#ifndef FS_CHECK_RESULT_H
#define FS_CHECK_RESULT_H

struct fs_check_finding;

void check_finding_fini(struct fs_check_finding *finding);

#endif
