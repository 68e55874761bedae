/* SPDX-License-Identifier: Apache-2.0 */
/* The event log: lines to stderr by one write(2) each, or structured to the journal when stderr leads there.
 *
 * THEORY. systemd connects a service's stderr to the journal and says so in JOURNAL_STREAM (device:inode). Only then is the
 * journal's own protocol used, with component and event as fields; otherwise a line stays a line wherever stderr goes.
 * Control characters become '?': a name a client chose cannot forge a line. */
#define SD_JOURNAL_SUPPRESS_LOCATION 1
#include "base/log.h"

#include <errno.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <systemd/sd-journal.h>

#include "base/list.h"

enum { LOG_TEXT_MAX = 2048, LOG_LINE_MAX = LOG_TEXT_MAX + 256 };

typedef void log_sink(enum log_level level, const char *component, const char *event, const char *text);

static const struct {
	const char *name;
	int priority;
} levels[] = {
	[LOG_LEVEL_ERROR] = { "error", 3 },
	[LOG_LEVEL_WARN] = { "warn", 4 },
	[LOG_LEVEL_INFO] = { "info", 6 },
	[LOG_LEVEL_DEBUG] = { "debug", 7 },
};

static _Atomic int max_level = LOG_LEVEL_INFO;
static _Atomic(log_sink *) current_sink;
static pthread_once_t journal_once = PTHREAD_ONCE_INIT;
static bool journal_on_stderr;

static void journal_detect(void)
{
	const char *stream = getenv("JOURNAL_STREAM");
	unsigned long long device, inode;
	struct stat st;

	if (stream == NULL || sscanf(stream, "%llu:%llu", &device, &inode) != 2)
		return;
	journal_on_stderr = fstat(STDERR_FILENO, &st) == 0 && st.st_dev == device && st.st_ino == inode;
}

static void text_clean(char *text)
{
	for (; *text != '\0'; text++) {
		if ((unsigned char)*text < 0x20 || *text == 0x7f)
			*text = '?';
	}
}

static void write_line(enum log_level level, const char *component, const char *event, const char *text)
{
	char line[LOG_LINE_MAX];
	struct timespec now;
	struct tm tm;
	int len;

	clock_gettime(CLOCK_REALTIME, &now);
	gmtime_r(&now.tv_sec, &tm);
	len = snprintf(line, sizeof line, "%04d-%02d-%02dT%02d:%02d:%02d.%03ldZ %s %s %s%s%s\n", tm.tm_year + 1900, tm.tm_mon + 1,
	               tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec, now.tv_nsec / 1000000, levels[level].name, component, event,
	               *text != '\0' ? " " : "", text);
	if (len < 0)
		return;
	if ((size_t)len >= sizeof line) {
		len = (int)sizeof line - 1;
		line[len - 1] = '\n';
	}
	/* A log that cannot be written has nobody to tell. */
	if (write(STDERR_FILENO, line, (size_t)len) < 0)
		return;
}

void log_event(enum log_level level, const char *component, const char *event, const char *format, ...)
{
	char text[LOG_TEXT_MAX];
	log_sink *sink;
	va_list args;
	int saved_errno = errno;

	if ((int)level > atomic_load_explicit(&max_level, memory_order_relaxed) || level >= ARRAY_SIZE(levels))
		return;
	va_start(args, format);
	if (vsnprintf(text, sizeof text, format, args) < 0)
		text[0] = '\0';
	va_end(args);
	text_clean(text);

	pthread_once(&journal_once, journal_detect);
	if (!journal_on_stderr || sd_journal_send("MESSAGE=%s %s %s", component, event, text, "PRIORITY=%d", levels[level].priority,
	                                          "VC_COMPONENT=%s", component, "VC_EVENT=%s", event, NULL) < 0)
		write_line(level, component, event, text);

	sink = atomic_load_explicit(&current_sink, memory_order_acquire);
	if (sink != NULL)
		sink(level, component, event, text);
	errno = saved_errno;
}

void log_set_level(enum log_level level)
{
	atomic_store_explicit(&max_level, (int)level, memory_order_relaxed);
}

void log_set_sink(log_sink *sink)
{
	atomic_store_explicit(&current_sink, sink, memory_order_release);
}
