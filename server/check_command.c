/* SPDX-License-Identifier: Apache-2.0 */
/* `vcd check`: findings and figures on stdout, as lines or JSON; progress and everything else on stderr. */
#include "server/check_command.h"

#include <errno.h>
#include <getopt.h>
#include <jansson.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "admin/checkjob.h"
#include "admin/size.h"
#include "admin/textjson.h"
#include "base/log.h"
#include "base/loop.h"
#include "base/page.h"
#include "base/text.h"
#include "fs/check/check_offline.h"
#include "fs/fs_info.h"
#include "fs/message.h"

#define DISKS_MAX 256U
#define MEMORY_DEFAULT (256ULL << 20)
#define MEMORY_MIN (64ULL << 20)

static const char usage[] =
    "Usage: vcd check [--repair] [--memory SIZE] [--rate SIZE] [-o text|json] [--quiet] DISK...\n"
    "Verify a volume that is not mounted; DISK... are all its disks, in any order. Without --repair nothing is "
    "written.\n"
    "  --repair        put right what can be without guessing, and check again\n"
    "  --memory SIZE   memory for blocks and for what is known of them (default 256m)\n"
    "  --rate SIZE     read no more than SIZE a second\n"
    "  -o text|json    the form of the report on standard output\n"
    "  --quiet         no progress on standard error\n"
    "Status: 0 clean, 1 damage found, 2 usage, 3 the disks are in use, 4 it could not be carried out,\n"
    "5 damage was found, and all of it is repaired, 6 no damage (any more), but the volume is degraded: a disk is "
    "missing.\n";

struct command {
	struct loop *loop;
	struct task start;
	char paths[DISKS_MAX][PATH_MAX];
	const char *disks[DISKS_MAX];
	unsigned n_disks;
	uint64_t memory_bytes, rate_bytes_s;
	bool json, quiet, repair;
	const char *stage; /* progress last told */
	unsigned percent;
	int status;
};

static int complain(const char *what, const char *which)
{
	(void)fprintf(stderr, "vcd check: %s%s%s%s\n", what, which != NULL ? " \"" : "", which != NULL ? which : "",
	              which != NULL ? "\"" : "");
	return CHECK_EXIT_USAGE;
}

/* Lines with names in them, which an image has from anybody, made fit for a terminal. */
static void put_shown(FILE *to, const char *text)
{
	char *shown = text_escape_lines(text, TEXT_SHOWN);

	(void)fputs(shown != NULL ? shown : "(no memory)\n", to);
	free(shown);
}

/* ---- the report -------------------------------------------------------------------------------------------------- */

static void report_json(const struct fs_check_offline *check)
{
	json_t *report = json_pack(
	    "{s:o,s:b,s:b,s:o,s:I,s:i,s:I,s:I,s:I,s:o}", "volume", textjson(check->volume), "closed", (int)check->clean,
	    "degraded", (int)(check->result.n_absent > 0), "missing_disks", checkjob_missing_json(&check->result),
	    "log_records", (json_int_t)check->n_log_records, "unsettled_stripes", (int)check->n_unsettled, "blocks",
	    (json_int_t)check->result.n_blocks, "inodes", (json_int_t)check->result.n_inodes, "errors",
	    (json_int_t)check->result.n_errors, "findings", checkjob_findings_json(&check->result));

	if (report != NULL) { /* findings and figures are the last check's */
		(void)json_object_set_new(report, "first_errors", json_integer((json_int_t)check->n_first_errors));
		(void)json_object_set_new(report, "repaired", json_integer((json_int_t)check->n_repaired));
		(void)json_dumpf(report, stdout, JSON_INDENT(2) | JSON_ENSURE_ASCII);
		(void)putchar('\n');
	}
	json_decref(report);
}

static void absent_text(const struct fs_check_offline *check, const char *volume)
{
	for (size_t i = 0; i < check->result.n_absent; i++) {
		const struct fs_check_absent *absent = &check->result.absent[i];
		char uuid[UUID_TEXT_SIZE];

		uuid_format(&absent->uuid, uuid);
		(void)printf("volume %s is degraded: the %s disk %s%s%s (group %u, position %u) %s; without it nothing "
		             "says whether the parity "
		             "of its group is right\n",
		             volume, raid_role_name(absent->is_parity, absent->is_second), uuid,
		             absent->path[0] != '\0' ? " " : "", absent->path, absent->group, absent->position,
		             absent->failed ? "has failed" : "is missing");
	}
}

static void report_text(const struct fs_check_offline *check)
{
	char volume[4 * sizeof check->volume];

	(void)text_escape(volume, sizeof volume, check->volume, strlen(check->volume), TEXT_SHOWN);
	if (!check->clean)
		(void)fprintf(stderr,
		              "vcd check: volume %s was not closed: %llu records in the log are not in its last "
		              "consistency point and %u stripes "
		              "are to be settled; the next mount does both. What was checked is that consistency "
		              "point, and the log\n",
		              volume, (unsigned long long)check->n_log_records, check->n_unsettled);
	if (check->result.report != NULL)
		put_shown(stdout, check->result.report);
	absent_text(check, volume);
	if (check->n_repaired > 0)
		(void)printf("volume %s: %llu errors were found, %llu changes made to repair them\n", volume,
		             (unsigned long long)check->n_first_errors, (unsigned long long)check->n_repaired);
	(void)printf("volume %s: %llu errors in %llu blocks and %llu inodes\n", volume,
	             (unsigned long long)check->result.n_errors, (unsigned long long)check->result.n_blocks,
	             (unsigned long long)check->result.n_inodes);
}

/* ---- the run ----------------------------------------------------------------------------------------------------- */

static void progress(void *arg, const char *stage, unsigned percent)
{
	struct command *command = arg;

	if (command->quiet || (stage == command->stage && percent < command->percent + 10U))
		return;
	command->stage = stage;
	command->percent = percent;
	(void)fprintf(stderr, "%3u%% %s\n", percent, stage);
}

static int status_of(int err, const struct raid_report *disks)
{
	if (disks->text[0] != '\0') {
		(void)fputs("vcd check: ", stderr);
		put_shown(stderr, disks->text);
		(void)fputc('\n', stderr);
	}
	switch (err) {
	case -EBUSY:
		(void)complain("another process has the disks open: is the volume mounted? Take it offline, or use "
		               "`vcadm volume check`",
		               NULL);
		return CHECK_EXIT_BUSY;
	case -ENOENT: (void)complain("none of these is a disk of a volume, or they cannot be opened", NULL); break;
	case -ENXIO:
		(void)complain("too many disks of the volume are missing or not what they were: name all of them",
		               NULL);
		break;
	case -EUCLEAN: (void)complain("the disks' labels contradict each other: are they of one volume?", NULL); break;
	case -ENOTSUP: (void)complain("a newer version made this volume", NULL); break;
	default: (void)complain("it could not be carried out", error_name(err));
	}
	return CHECK_EXIT_FAILED;
}

static void check_done(void *arg, int err, const struct fs_check_offline *check)
{
	struct command *command = arg;
	struct fs_check_result result = check->result;

	if (err != 0) {
		command->status = status_of(err, &check->disks);
	} else {
		(command->json ? report_json : report_text)(check);
		command->status = result.n_errors > 0         ? CHECK_EXIT_FOUND
		                  : result.n_absent > 0       ? CHECK_EXIT_DEGRADED
		                  : check->n_first_errors > 0 ? CHECK_EXIT_REPAIRED
		                                              : CHECK_EXIT_CLEAN;
	}
	fs_check_result_fini(&result);
	loop_stop(command->loop);
}

static void command_start(struct task *task)
{
	struct command *command = container_of(task, struct command, start);
	const struct fs_check_offline_options options = { .cache_pages = (size_t)(command->memory_bytes / 2U /
		                                                                  PAGE_SIZE),
		                                          .memory_bytes = command->memory_bytes / 2U,
		                                          .rate_bytes_s = command->rate_bytes_s,
		                                          .repair = command->repair,
		                                          .progress = progress,
		                                          .arg = command };

	fs_check_offline(loop_world(command->loop), command->disks, command->n_disks, &options, check_done, command);
}

/* ---- command line ------------------------------------------------------------------------------------------------ */

static int disk_add(struct command *command, const char *path)
{
	char *real;

	if (command->n_disks == DISKS_MAX)
		return complain("too many disks", NULL);
	if (strncmp(path, "file:/", 6) == 0)
		path += 5;
	real = realpath(path, NULL);
	if (real == NULL && strchr(path, ':') != NULL)
		return complain("a disk is a path or file:/path, but not", path);
	if (real == NULL) {
		(void)fprintf(stderr, "vcd check: disk \"%s\": %s\n", path, strerror(errno));
		return CHECK_EXIT_FAILED;
	}
	(void)snprintf(command->paths[command->n_disks], PATH_MAX, "%s", real);
	free(real);
	command->disks[command->n_disks] = command->paths[command->n_disks];
	command->n_disks++;
	return 0;
}

static int option_take(struct command *command, int flag)
{
	switch (flag) {
	case 'm':
		if (size_parse(optarg, &command->memory_bytes) != 0 || command->memory_bytes < MEMORY_MIN)
			return complain("--memory takes a size of at least 64m, not", optarg);
		return 0;
	case 'r':
		return size_parse(optarg, &command->rate_bytes_s) != 0 ? complain("--rate takes a size, not", optarg)
		                                                       : 0;
	case 'o':
		command->json = strcmp(optarg, "json") == 0;
		return command->json || strcmp(optarg, "text") == 0 ? 0
		                                                    : complain("-o takes text or json, not", optarg);
	case 'q': command->quiet = true; return 0;
	case 'R': command->repair = true; return 0;
	default: (void)fputs(usage, stderr); return CHECK_EXIT_USAGE;
	}
}

static int arguments_take(struct command *command, int argc, char **argv)
{
	static const struct option flags[] = { { "memory", required_argument, NULL, 'm' },
		                               { "rate", required_argument, NULL, 'r' },
		                               { "output", required_argument, NULL, 'o' },
		                               { "quiet", no_argument, NULL, 'q' },
		                               { "repair", no_argument, NULL, 'R' },
		                               { "help", no_argument, NULL, 'h' },
		                               { 0 } };
	int flag, err = 0;

	while (err == 0 && (flag = getopt_long(argc, argv, "o:qh", flags, NULL)) != -1) {
		if (flag == 'h') {
			(void)fputs(usage, stdout);
			exit(CHECK_EXIT_CLEAN);
		}
		err = option_take(command, flag);
	}
	for (; err == 0 && optind < argc; optind++)
		err = disk_add(command, argv[optind]);
	if (err == 0 && command->n_disks == 0)
		err = complain("name the disks of the volume", NULL);
	return err;
}

int check_command(int argc, char **argv)
{
	static struct command command;

	command.memory_bytes = MEMORY_DEFAULT;
	command.status = arguments_take(&command, argc, argv);
	if (command.status != 0)
		return command.status;
	log_set_level(LOG_LEVEL_ERROR);
	/* Half for blocks: the cache's, a megabyte of reads, and what RAID repairs with. */
	if (page_arena_init((size_t)(command.memory_bytes / 2U / PAGE_SIZE) + 4096U) != 0 ||
	    loop_new("check", &command.loop) != 0) {
		(void)complain("there is not enough memory", NULL);
		return CHECK_EXIT_FAILED;
	}
	command.start.run = command_start;
	world_post(loop_world(command.loop), &command.start);
	loop_run(command.loop);
	loop_free(command.loop);
	page_arena_fini();
	return command.status;
}
