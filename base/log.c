/* SPDX-License-Identifier: Apache-2.0 */
/* The event log: lines to stderr by one write(2) each, or structured to the journal when stderr leads there.
 *
 * THEORY. systemd connects a service's stderr to the journal and says so in JOURNAL_STREAM (device:inode). Only then is
 * the journal's own protocol used, with component and event as fields; otherwise a line stays a line wherever stderr
 * goes. The text is made by base/logline.c: a name a client chose can forge neither a line nor a pair. */
#define SD_JOURNAL_SUPPRESS_LOCATION 1
#include "base/log.h"

#include <errno.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <systemd/sd-journal.h>

#include "base/list.h"
#include "base/loglimit.h"
#include "base/logline.h"

enum { LOG_LINE_MAX = LOGLINE_MAX + 256 };

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
static pthread_mutex_t limit_lock = PTHREAD_MUTEX_INITIALIZER;
static struct loglimit limit;

static void journal_detect(void)
{
	const char *stream = getenv("JOURNAL_STREAM");
	unsigned long long device, inode;
	struct stat st;

	if (stream == NULL || sscanf(stream, "%llu:%llu", &device, &inode) != 2)
		return;
	journal_on_stderr = fstat(STDERR_FILENO, &st) == 0 && st.st_dev == device && st.st_ino == inode;
}

static void write_line(enum log_level level, const char *component, const char *event, const char *text)
{
	char line[LOG_LINE_MAX];
	struct timespec now;
	struct tm tm;
	int len;

	clock_gettime(CLOCK_REALTIME, &now);
	gmtime_r(&now.tv_sec, &tm);
	len = snprintf(line, sizeof line, "%04d-%02d-%02dT%02d:%02d:%02d.%03ldZ %s %s %s%s%s\n", tm.tm_year + 1900,
	               tm.tm_mon + 1, tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec, now.tv_nsec / 1000000,
	               levels[level].name, component, event, *text != '\0' ? " " : "", text);
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

static bool level_is_on(enum log_level level)
{
	return (int)level <= atomic_load_explicit(&max_level, memory_order_relaxed) && level < ARRAY_SIZE(levels);
}

static void log_text(enum log_level level, bool peer, const char *component, const char *event, const char *text)
{
	log_sink *sink;

	pthread_once(&journal_once, journal_detect);
	if (!journal_on_stderr ||
	    sd_journal_send("MESSAGE=%s %s %s", component, event, text, "PRIORITY=%d", levels[level].priority,
	                    "VC_COMPONENT=%s", component, "VC_EVENT=%s", event, NULL) < 0)
		write_line(level, component, event, text);

	sink = atomic_load_explicit(&current_sink, memory_order_acquire);
	if (sink != NULL)
		sink(level, peer, component, event, text);
}

static void log_format(enum log_level level, bool peer, const char *component, const char *event, const char *format,
                       va_list args)
{
	char text[LOGLINE_MAX];

	logline_format(text, sizeof text, format, args);
	log_text(level, peer, component, event, text);
}

void log_event(enum log_level level, const char *component, const char *event, const char *format, ...)
{
	va_list args;
	int saved_errno = errno;

	if (!level_is_on(level))
		return;
	va_start(args, format);
	log_format(level, false, component, event, format, args);
	va_end(args);
	errno = saved_errno;
}

/* ---- what peers cause -------------------------------------------------------------------------------------------- */

static uint64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000U + (uint64_t)now.tv_nsec;
}

static void tell_window(const struct loglimit_kind *kind)
{
	char text[80];

	if (kind->suppressed == 0)
		return;
	snprintf(text, sizeof text, "suppressed=%llu", (unsigned long long)kind->suppressed);
	log_text((enum log_level)kind->level, true, kind->component, kind->event, text);
}

void log_peer_event(enum log_level level, const char *component, const char *event, const char *format, ...)
{
	struct loglimit_kind over;
	va_list args;
	int saved_errno = errno;
	bool admitted;

	if (!level_is_on(level))
		return;
	pthread_mutex_lock(&limit_lock);
	admitted = loglimit_admit(&limit, (int)level, component, event, now_ns(), &over);
	pthread_mutex_unlock(&limit_lock);
	if (over.component != NULL)
		tell_window(&over);
	if (admitted) {
		va_start(args, format);
		log_format(level, true, component, event, format, args);
		va_end(args);
	}
	errno = saved_errno;
}

void log_tell_suppressed(bool all)
{
	struct loglimit_kind over;
	bool more;

	do {
		pthread_mutex_lock(&limit_lock);
		more = loglimit_over(&limit, now_ns(), all, &over);
		pthread_mutex_unlock(&limit_lock);
		if (more)
			tell_window(&over);
	} while (more);
}

void log_set_level(enum log_level level)
{
	atomic_store_explicit(&max_level, (int)level, memory_order_relaxed);
}

void log_set_sink(log_sink *sink)
{
	atomic_store_explicit(&current_sink, sink, memory_order_release);
}
