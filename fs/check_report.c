/* SPDX-License-Identifier: Apache-2.0 */
/* Findings of the check: all are counted, the first thousand are kept as lines. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "fs/check_private.h"

#define LINES_MAX 1000U
#define LINE_MAX_BYTES 512U

static bool report_room(struct check_report *report)
{
	char *grown;

	if (report->n_lines >= LINES_MAX)
		return false;
	if (report->len_max - report->len >= LINE_MAX_BYTES)
		return true;
	grown = realloc(report->text, report->len_max * 2U + 4096U);
	if (grown == NULL)
		return false;
	report->text = grown;
	report->len_max = report->len_max * 2U + 4096U;
	return true;
}

static void report_append(struct check_report *report, const char *format, va_list args) __attribute__((format(printf, 2, 0)));
static void report_append(struct check_report *report, const char *format, va_list args)
{
	size_t room = report->len_max - report->len - 1U;
	int n = vsnprintf(report->text + report->len, room, format, args);

	if (n > 0)
		report->len += MIN_OF((size_t)n, room - 1U);
}

static void report_line(struct check_report *report, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void report_line(struct check_report *report, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	report_append(report, format, args);
	va_end(args);
}

void check_found(struct check *check, enum check_rule rule, const char *format, ...)
{
	struct check_report *report = &check->report;
	va_list args;

	report->n_errors++;
	if (!report_room(report))
		return;
	report_line(report, "rule %d: ", (int)rule);
	va_start(args, format);
	report_append(report, format, args);
	va_end(args);
	report->text[report->len++] = '\n';
	report->text[report->len] = '\0';
	report->n_lines++;
}

char *check_report_take(struct check *check)
{
	struct check_report *report = &check->report;
	char *text = report->text;

	if (report->n_errors > report->n_lines && text != NULL && report->len_max - report->len >= 64U)
		report_line(report, "and %llu more\n", (unsigned long long)(report->n_errors - report->n_lines));
	report->text = NULL;
	report->len = report->len_max = 0;
	return text;
}
