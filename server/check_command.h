/* SPDX-License-Identifier: Apache-2.0 */
/* `vcd check DISK...`: a volume that no vcd serves, verified from its disks. */
#ifndef SERVER_CHECK_COMMAND_H
#define SERVER_CHECK_COMMAND_H

/* Exit statuses. */
enum {
	CHECK_EXIT_CLEAN = 0,
	CHECK_EXIT_FOUND = 1, /* damage was found */
	CHECK_EXIT_USAGE = 2,
	CHECK_EXIT_BUSY = 3, /* another process has the disks open */
	CHECK_EXIT_FAILED = 4, /* it could not be carried out */
	CHECK_EXIT_REPAIRED = 5, /* damage was found, and none is left */
	CHECK_EXIT_DEGRADED = 6, /* no damage is left, but a disk is missing */
};

/* `argv` begins with "check". Returns the exit status; runs to its end. */
int check_command(int argc, char **argv);

#endif
