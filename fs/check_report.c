/* SPDX-License-Identifier: Apache-2.0 */
/* Findings of the check: all are counted, the first thousand are kept. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "fs/check_private.h"

#define FINDINGS_MAX 1000U
#define TEXT_MAX 512U

static struct check_finding *finding_new(struct check_report *report)
{
	struct check_finding *grown;

	report->n_errors++;
	if (report->n >= FINDINGS_MAX)
		return NULL;
	if (report->n == report->n_max) {
		grown = reallocarray(report->findings, report->n_max * 2U + 16U, sizeof(*grown));
		if (grown == NULL)
			return NULL;
		report->findings = grown;
		report->n_max = report->n_max * 2U + 16U;
	}
	report->findings[report->n] = (struct check_finding){ .public.text = malloc(TEXT_MAX) };
	return report->findings[report->n].public.text != NULL ? &report->findings[report->n++] : NULL;
}

static void found(struct check *check, enum check_rule rule, const struct check_place *place, const char *format, va_list args)
    __attribute__((format(printf, 4, 0)));
static void found(struct check *check, enum check_rule rule, const struct check_place *place, const char *format, va_list args)
{
	struct check_finding *finding = finding_new(&check->report);

	check->report.last_kept = finding != NULL;
	if (finding == NULL)
		return;
	finding->public.rule = rule;
	(void)vsnprintf(finding->public.text, TEXT_MAX, format, args);
	finding->placed = place != NULL;
	if (place != NULL)
		finding->place = *place;
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
	struct check_report *report = &check->report;

	if (report->last_kept)
		report->findings[report->n - 1U].public.repairable = true;
}

/* ---- the report's end --------------------------------------------------------------------------------------------- */

static char *text_of(const struct fs_check_result *result)
{
	char *text = NULL;
	size_t len = 0;
	FILE *stream = result->n_errors == 0 ? NULL : open_memstream(&text, &len);

	if (stream == NULL)
		return NULL;
	for (size_t i = 0; i < result->n_findings; i++)
		(void)fprintf(stream, "rule %u: %s\n", result->findings[i].rule, result->findings[i].text);
	if (result->n_errors > result->n_findings)
		(void)fprintf(stream, "and %llu more\n", (unsigned long long)(result->n_errors - result->n_findings));
	return fclose(stream) == 0 ? text : NULL;
}

void check_report_take(struct check *check, struct fs_check_result *ret_result)
{
	struct check_report *report = &check->report;

	*ret_result = (struct fs_check_result){ .n_blocks = check->n_blocks, .n_inodes = check->n_inodes, .n_errors = report->n_errors };
	if (report->n > 0)
		ret_result->findings = calloc(report->n, sizeof(*ret_result->findings));
	for (size_t i = 0; ret_result->findings != NULL && i < report->n; i++) {
		ret_result->findings[ret_result->n_findings++] = report->findings[i].public;
		report->findings[i].public = (struct fs_check_finding){ .rule = 0 };
	}
	ret_result->report = text_of(ret_result);
}

void check_report_fini(struct check *check)
{
	struct check_report *report = &check->report;

	for (size_t i = 0; i < report->n; i++) {
		free(report->findings[i].public.text);
		free(report->findings[i].public.path);
	}
	free(report->findings);
}

void fs_check_result_fini(struct fs_check_result *result)
{
	for (size_t i = 0; i < result->n_findings; i++) {
		free(result->findings[i].text);
		free(result->findings[i].path);
	}
	free(result->findings);
	free(result->report);
	*result = (struct fs_check_result){ .report = NULL };
}
