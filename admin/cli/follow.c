/* SPDX-License-Identifier: Apache-2.0 */
/* Waiting for a job. */
#include "admin/cli/follow.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "admin/cli/columns.h"
#include "admin/cli/shown.h"
#include "base/list.h"

#define BAR_WIDTH 40

static volatile sig_atomic_t interrupted;

static void on_interrupt(int number)
{
	(void)number;
	interrupted = 1;
}

static void watch_interrupt(void)
{
	struct sigaction action = { .sa_handler = on_interrupt };
	(void)sigaction(SIGINT, &action, NULL);
}

int follow_pause(double seconds)
{
	struct timespec pause = { .tv_sec = (time_t)seconds,
		                  .tv_nsec = (long)((seconds - (double)(time_t)seconds) * 1e9) };

	watch_interrupt();
	if (!interrupted)
		(void)nanosleep(&pause, NULL);
	return interrupted ? -EINTR : 0;
}

static double now_s(void)
{
	struct timespec now;
	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

struct shown {
	bool terminal;
	int percent; /* last shown, -1: nothing yet */
};

static void show_progress(struct shown *shown, json_t *exact)
{
	json_t *job = shown_copy(exact);
	const char *what = column_string(job, "description"), *state = column_string(job, "state");
	json_int_t given = json_integer_value(json_object_get(job, "progress"));
	int percent = (int)MAX_OF(0, MIN_OF(given, 100));

	if (shown->terminal) {
		char bar[BAR_WIDTH + 1];
		int full = percent * BAR_WIDTH / 100;
		memset(bar, '#', (size_t)full);
		memset(bar + full, '.', (size_t)(BAR_WIDTH - full));
		bar[BAR_WIDTH] = '\0';
		(void)fprintf(stderr, "\r\033[K%s [%s] %3d %% %s", what, bar, percent, state);
		(void)fflush(stderr);
	} else if (shown->percent < 0 ? percent > 0 : percent / 10 > shown->percent / 10) {
		(void)fprintf(stderr, "%s: %d %% (%s)\n", what, percent, state);
	}
	shown->percent = percent;
	json_decref(job);
}

static int ask_job(struct client *client, const char *uuid, json_t **ret_job)
{
	char path[128];
	long status;
	json_t *job = NULL;

	(void)snprintf(path, sizeof path, "/api/v1/jobs/%.64s", uuid);
	int err = client_ask(client, "GET", path, NULL, &status, &job);
	if (err == 0 && (status != 200 || job == NULL))
		err = -ENOENT;
	if (err == 0)
		*ret_job = job;
	else
		json_decref(job);
	return err;
}

static bool is_over(json_t *job)
{
	const char *state = json_string_value(json_object_get(job, "state"));
	return state != NULL && strcmp(state, "queued") != 0 && strcmp(state, "running") != 0 &&
	       strcmp(state, "paused") != 0;
}

int follow_job(struct client *client, const char *uuid, double timeout_s, json_t **ret_job)
{
	struct shown shown = { .terminal = isatty(STDERR_FILENO) == 1, .percent = -1 };
	double until = now_s() + timeout_s, pause = 0.02;
	json_t *job = NULL;
	int err;

	for (;;) {
		json_t *latest = NULL;
		err = ask_job(client, uuid, &latest);
		if (err != 0)
			break;
		json_decref(job);
		job = latest;
		show_progress(&shown, job);
		if (is_over(job))
			break;
		if (timeout_s > 0 && now_s() >= until) {
			err = -ETIMEDOUT;
			break;
		}
		err = follow_pause(pause);
		if (err != 0)
			break;
		pause = pause < 0.5 ? pause * 1.5 : 0.5;
	}
	if (shown.terminal && shown.percent >= 0)
		(void)fputc('\n', stderr);
	*ret_job = job;
	return err;
}
