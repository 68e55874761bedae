/* SPDX-License-Identifier: Apache-2.0 */
/* What a check gives back to whoever asked. */
#include "fs/core/check_result.h"

#include <stdlib.h>

#include "fs/fs_info.h"

void check_finding_fini(struct fs_check_finding *finding)
{
	free(finding->text);
	free(finding->path);
	free(finding->disk);
}

void fs_check_result_fini(struct fs_check_result *result)
{
	for (size_t i = 0; i < result->n_findings; i++)
		check_finding_fini(&result->findings[i]);
	free(result->findings);
	free(result->absent);
	free(result->report);
	*result = (struct fs_check_result){ .report = NULL };
}
