/* SPDX-License-Identifier: Apache-2.0 */
/* The administration on the double as a program: prints its directory and port, runs until standard input ends. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/admin/host.h"
#include "tests/support/ramadmin.h"

int main(void)
{
	struct host host;
	char line[64];

	host_start(&host, NULL);
	(void)printf("%s %u\n", host.dir, (unsigned)host.port);
	(void)fflush(stdout);
	while (fgets(line, sizeof line, stdin) != NULL) {
		ramadmin_degraded = strcmp(line, "degrade\n") == 0;
		ramadmin_rebuilding = strcmp(line, "rebuild\n") == 0;
		if (sscanf(line, "check %lu", &ramadmin_check_errors) != 1)
			ramadmin_check_errors = 0;
		(void)sscanf(line, "space %u", &ramadmin_space_level);
		(void)sscanf(line, "clone %lu", &ramadmin_clone_step);
		(void)puts("ok");
		(void)fflush(stdout);
	}
	host_stop(&host);
	host_remove_dir(&host);
	ramadmin_reset();
	return 0;
}
