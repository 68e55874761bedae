/* SPDX-License-Identifier: Apache-2.0 */
/* Findings of the check: all are counted, of each kind the first ones are kept and the others summed, so that no
 * damage, however much of it there is, takes more memory than that or hides another. */
#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "fs/check/check_private.h"
#include "fs/core/check_result.h"
#include "fs/core/core.h"
#include "fs/fs_info.h"
#include "raid/raid.h"

#define KIND_MAX 100U
#define KIND_PLACED_MAX 1000U /* of files: each is one to restore */
#define FINDINGS_MAX 5000U
#define TEXT_MAX 512U
#define MERGE_BACK 8U /* so many findings back a run of lost blocks may have begun */

static struct check_kind *kind_of(struct check_report *report, enum check_rule rule, const char *format)
{
	for (size_t i = 0; i < report->n_kinds; i++)
		if (report->kinds[i].format == format && report->kinds[i].rule == rule)
			return &report->kinds[i];
	if (!ARRAY_ROOM(report->kinds, report->n_kinds, report->n_kinds_max, 8U))
		return NULL;
	report->kinds[report->n_kinds] = (struct check_kind){ .format = format, .rule = rule };
	return &report->kinds[report->n_kinds++];
}

static struct check_finding *finding_new(struct check_report *report)
{
	if (!ARRAY_ROOM(report->findings, report->n, report->n_max, 16U))
		return NULL;
	report->findings[report->n] = (struct check_finding){ .public = { .count = 1 } };
	return &report->findings[report->n++];
}

/* The finding of the block of the same file before this one. */
static struct check_finding *finding_before(const struct check_report *report, const char *format,
                                            const struct check_place *place)
{
	for (size_t i = report->n; i-- > 0 && report->n - i <= MERGE_BACK;) {
		struct check_finding *finding = &report->findings[i];

		if (finding->placed && finding->format == format && finding->place.snapshot == place->snapshot &&
		    finding->place.ino == place->ino && finding->place.level == 0 && place->level == 0 &&
		    finding->place.fbn + finding->public.count == place->fbn)
			return finding;
	}
	return NULL;
}

static char *text_new(const char *format, va_list args) __attribute__((format(printf, 1, 0)));
static char *text_new(const char *format, va_list args)
{
	char *text = malloc(TEXT_MAX);

	if (text != NULL)
		(void)vsnprintf(text, TEXT_MAX, format, args);
	return text;
}

static void found(struct check *check, enum check_rule rule, const struct check_place *place, const char *format,
                  va_list args) __attribute__((format(printf, 4, 0)));
static void found(struct check *check, enum check_rule rule, const struct check_place *place, const char *format,
                  va_list args)
{
	struct check_report *report = &check->report;
	struct check_finding *finding = place != NULL ? finding_before(report, format, place) : NULL;
	struct check_kind *kind = kind_of(report, rule, format);

	report->last = finding;
	report->last_summed = NULL;
	if (finding != NULL) {
		finding->public.count++;
		return;
	}
	report->n_errors++;
	check->no_memory = check->no_memory || kind == NULL;
	if (kind == NULL)
		return;
	if (kind->n < (place != NULL ? KIND_PLACED_MAX : KIND_MAX) && report->n < FINDINGS_MAX)
		check->no_memory = (finding = finding_new(report)) == NULL || check->no_memory;
	if (finding == NULL) {
		if (kind->n_summed++ == 0) {
			kind->text = text_new(format, args);
			check->no_memory = check->no_memory || kind->text == NULL;
		}
		report->last_summed = kind;
		return;
	}
	kind->n++;
	finding->public.rule = rule;
	finding->public.text = text_new(format, args);
	check->no_memory = check->no_memory || finding->public.text == NULL;
	finding->format = format;
	finding->placed = place != NULL;
	if (place != NULL)
		finding->place = *place;
	report->last = finding;
}

void check_found(struct check *check, enum check_rule rule, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	found(check, rule, NULL, format, args);
	va_end(args);
}

void check_found_at(struct check *check, enum check_rule rule, const struct check_place *place, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	found(check, rule, place, format, args);
	va_end(args);
}

void check_found_repairable(struct check *check)
{
	if (check->report.last != NULL)
		check->report.last->public.repairable = true;
	else if (check->report.last_summed != NULL)
		check->report.last_summed->n_repairable++;
}

void check_found_disk(struct check *check, const char *path)
{
	struct check_finding *last = check->report.last;

	if (last != NULL && last->public.disk == NULL) {
		last->public.disk = strdup(path);
		check->no_memory = check->no_memory || last->public.disk == NULL;
	}
}

void check_found_count(struct check *check, uint64_t count)
{
	if (check->report.last != NULL)
		check->report.last->public.count = count;
}

void check_finding_add(struct check *check, struct check_finding *finding, const char *what, const char *more)
{
	char *text;

	if (finding->public.text == NULL || asprintf(&text, "%s%s%s", finding->public.text, what, more) < 0) {
		check->no_memory = true;
		return;
	}
	free(finding->public.text);
	finding->public.text = text;
}

/* ---- the report's end -------------------------------------------------------------------------------------------- */

/* A line stays a line, whatever names are in it. */
static void text_tame(char *text)
{
	for (; text != NULL && *text != '\0'; text++)
		if (iscntrl((unsigned char)*text))
			*text = '?';
}

static int kind_end(struct check_report *report, const struct check_kind *kind)
{
	struct check_finding *finding;

	if (kind->n_summed == 0)
		return 0;
	finding = finding_new(report);
	if (finding == NULL)
		return -ENOMEM;
	finding->public = (struct fs_check_finding){ .rule = kind->rule,
		                                     .count = kind->n_summed,
		                                     .repairable = kind->n_repairable == kind->n_summed };
	if (asprintf(&finding->public.text, "%llu more like this: %s", (unsigned long long)kind->n_summed,
	             kind->text != NULL ? kind->text : "") < 0) {
		finding->public.text = NULL;
		return -ENOMEM;
	}
	return 0;
}

static int text_make(struct fs_check_result *result)
{
	size_t len = 0;
	FILE *stream;

	if (result->n_errors == 0)
		return 0;
	stream = open_memstream(&result->report, &len);
	if (stream == NULL)
		return -ENOMEM;
	for (size_t i = 0; i < result->n_findings; i++)
		(void)fprintf(stream, "rule %u: %s\n", result->findings[i].rule, result->findings[i].text);
	return fclose(stream) == 0 ? 0 : -ENOMEM;
}

/* Without which disks was it? */
static int absent_list(const struct check *check, struct fs_check_result *result)
{
	struct raid_status *status = malloc(sizeof(*status));

	if (status == NULL)
		return -ENOMEM;
	raid_status(check->vol->raid, status);
	result->absent = calloc(status->n_disks, sizeof(*result->absent));
	for (unsigned i = 0; i < status->n_disks && result->absent != NULL; i++) {
		const struct raid_disk_status *disk = &status->disks[i];
		struct fs_check_absent *absent = &result->absent[result->n_absent];

		if (disk->state == RAID_DISK_ONLINE)
			continue;
		*absent = (struct fs_check_absent){ .uuid = disk->uuid,
			                            .group = disk->group,
			                            .position = disk->position,
			                            .is_parity = disk->is_parity,
			                            .is_second = disk->is_second,
			                            .failed = disk->state == RAID_DISK_FAILED };
		memcpy(absent->path, disk->url, sizeof(absent->path));
		result->n_absent++;
	}
	free(status);
	return result->absent == NULL ? -ENOMEM : 0;
}

static int findings_take(struct check_report *report, struct fs_check_result *result)
{
	for (size_t i = 0; i < report->n_kinds; i++) {
		int err = kind_end(report, &report->kinds[i]);
		if (err != 0)
			return err;
	}
	if (report->n == 0)
		return 0;
	result->findings = calloc(report->n, sizeof(*result->findings));
	if (result->findings == NULL)
		return -ENOMEM;
	for (size_t i = 0; i < report->n; i++) {
		text_tame(report->findings[i].public.text);
		result->findings[result->n_findings++] = report->findings[i].public;
		report->findings[i].public = (struct fs_check_finding){ .rule = 0 };
	}
	return 0;
}

int check_report_take(struct check *check, struct fs_check_result *ret_result)
{
	int err = check_has_no_memory(check) ? -ENOMEM : 0;

	*ret_result = (struct fs_check_result){ .n_blocks = check->n_blocks,
		                                .n_inodes = check->n_inodes,
		                                .n_errors = check->report.n_errors };
	if (err == 0)
		err = findings_take(&check->report, ret_result);
	if (err == 0)
		err = text_make(ret_result);
	if (err == 0)
		err = absent_list(check, ret_result);
	if (err != 0)
		fs_check_result_fini(ret_result);
	return err;
}

void check_report_fini(struct check *check)
{
	struct check_report *report = &check->report;

	for (size_t i = 0; i < report->n; i++)
		check_finding_fini(&report->findings[i].public);
	for (size_t i = 0; i < report->n_kinds; i++)
		free(report->kinds[i].text);
	free(report->findings);
	free(report->kinds);
}
