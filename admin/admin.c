/* SPDX-License-Identifier: Apache-2.0 */
/* The administration: start and stop. */
#include "admin/admin.h"

#include <stdio.h>
#include <sys/stat.h>

#include "admin/admin_private.h"
#include "admin/exportwatch.h"
#include "admin/http/http_server.h"
#include "admin/http/signin.h"
#include "admin/jobfile.h"
#include "admin/jobs.h"
#include "admin/journal.h"
#include "admin/known.h"
#include "admin/lifecycle.h"
#include "admin/remount.h"
#include "admin/san.h"
#include "admin/spare.h"
#include "admin/sparewatch.h"
#include "admin/tokenfile.h"
#include "fs/message.h"

/* ---- start ------------------------------------------------------------------------------------------------------- */

static int load_state(struct admin *admin, char text[256])
{
	char disks[4096];

	int n = snprintf(disks, sizeof disks, "%s/disks", admin->state_dir);
	if (n < 0 || (size_t)n >= sizeof disks)
		return -ENAMETOOLONG;
	if (mkdir(disks, 0700) < 0 && errno != EEXIST) {
		int err = -errno;
		(void)snprintf(text, 256, "cannot make the directory for disk files %.200s: %s", disks,
		               strerror(errno));
		return err;
	}
	int err = known_load(admin);
	if (err != 0)
		(void)snprintf(text, 256,
		               "the list of volumes in %.100s/volumes.json is not readable (%s); make it so, or move "
		               "it away and import again",
		               admin->state_dir, error_name(err));
	if (err == 0) {
		spare_load(admin);
		jobfile_load(admin);
	}
	return err;
}

/* Without `http` there is nobody to sign in, and no token to look after. */
static int load_signin(struct admin *admin, const struct admin_settings *settings, char text[256])
{
	char path[4096], token[TOKEN_MAX + 1U];

	if (settings->http == NULL)
		return signin_new(admin->world, NULL, &admin->signin);
	int n = settings->token_path != NULL ? snprintf(path, sizeof path, "%s", settings->token_path)
	                                     : snprintf(path, sizeof path, "%s/admin.token", admin->state_dir);
	int err = n < 0 || (size_t)n >= sizeof path ? -ENAMETOOLONG : tokenfile_load(path, admin->world, token, text);
	if (err == 0)
		err = signin_new(admin->world, token, &admin->signin);
	return err;
}

static void journal_woke(struct task *task)
{
	struct admin *admin = container_of(task, struct admin, event_task);

	if (admin->stopping)
		return;
	journal_start(admin->world, &admin->event_task);
	http_server_events(admin->http);
}

int admin_new(struct loop *loop, const struct admin_settings *settings, const struct admin_hooks *hooks,
              struct admin **ret_admin, char ret_text[256])
{
	struct admin *admin = calloc(1, sizeof *admin);

	if (admin == NULL)
		return -ENOMEM;
	ret_text[0] = '\0';
	admin->loop = loop;
	admin->world = loop_world(loop);
	admin->hooks = *hooks;
	admin->cache_pages = settings->cache_pages;
	admin->max_calls = settings->max_calls;
	admin->remount_ns = (settings->remount_ms != 0 ? settings->remount_ms : REMOUNT_MS) * 1000000ULL;
	admin->started_ns = world_wall_ns(admin->world);
	admin->state_dir = strdup(settings->state_dir);
	admin->disk_paths = strdup(settings->disk_paths != NULL ? settings->disk_paths : settings->state_dir);
	admin->info = json_object();
	for (size_t i = 0; settings->info != NULL && settings->info[i] != NULL; i += 2)
		(void)json_object_set_new(admin->info, settings->info[i], json_string(settings->info[i + 1]));
	TAILQ_INIT(&admin->volumes);
	TAILQ_INIT(&admin->jobs);
	TAILQ_INIT(&admin->spares);
	TAILQ_INIT(&admin->turns);
	admin->event_task.run = journal_woke;
	admin->san = san_new(admin);
	admin->exportwatch = exportwatch_new(admin);
	int err = admin->state_dir == NULL || admin->disk_paths == NULL || admin->san == NULL ||
	                  admin->exportwatch == NULL
	              ? -ENOMEM
	              : load_state(admin, ret_text);
	if (err == 0)
		err = load_signin(admin, settings, ret_text);
	if (err == 0)
		err = http_server_new(admin, settings, &admin->http, ret_text);
	if (err != 0) {
		admin_free(admin);
		return err;
	}
	journal_start(admin->world, &admin->event_task);
	*ret_admin = admin;
	return 0;
}

static void all_started(struct admin *admin)
{
	admin->ready = true;
	if (admin->ready_done != NULL)
		admin->ready_done(admin->ready_arg, admin->n_start_failed);
}

static void one_started(void *arg, int err, const char *text, struct known_volume *known)
{
	struct admin *admin = arg;

	(void)text;
	(void)known;
	admin->n_start_failed += err != 0;
	if (--admin->n_starting == 0)
		all_started(admin);
}

void admin_start(struct admin *admin, void (*ready)(void *arg, unsigned n_failed), void *arg)
{
	struct known_volume *known;

	admin->ready_done = ready;
	admin->ready_arg = arg;
	admin->n_starting = 1;
	sparewatch_begin(admin);
	TAILQ_FOREACH(known, &admin->volumes, link) {
		if (!known->want_online)
			continue;
		admin->n_starting++;
		lifecycle_online(admin, known, one_started, admin);
	}
	one_started(admin, 0, NULL, NULL);
}

/* ---- stop -------------------------------------------------------------------------------------------------------- */

static void one_parked(void *arg, int err, const char *text, struct known_volume *known)
{
	struct admin *admin = arg;

	(void)text;
	(void)known;
	if (admin->stop_err == 0)
		admin->stop_err = err;
	admin_stop_go_on(admin);
}

static void stop_look(struct timer *timer)
{
	struct admin *admin = container_of(timer, struct admin, stop_timer);
	struct known_volume *known;
	bool busy = http_server_n_calls(admin->http) != 0 || jobs_n_own(admin) != 0 || admin->san->painting ||
	            exportwatch_is_busy(admin->exportwatch);

	if (!busy) {
		TAILQ_FOREACH(known, &admin->volumes, link) {
			busy = busy || known->busy || known->state == KNOWN_ONLINE;
			if (!known->busy && known->state == KNOWN_ONLINE)
				lifecycle_park(admin, known, one_parked, admin);
		}
	}
	if (busy || admin->stop_done == NULL)
		return;
	void (*done)(void *arg, int err) = admin->stop_done;
	admin->stop_done = NULL;
	done(admin->stop_arg, admin->stop_err);
}

/* Look again, later this turn: callers are in the middle of ending something. */
void admin_stop_go_on(struct admin *admin)
{
	if (!admin->stopping || admin->stop_done == NULL)
		return;
	admin->stop_timer.fire = stop_look;
	world_timer_set(admin->world, &admin->stop_timer, 0);
}

void admin_stop(struct admin *admin, void (*done)(void *arg, int err), void *arg)
{
	admin->stopping = true;
	admin->stop_done = done;
	admin->stop_arg = arg;
	world_timer_cancel(&admin->job_timer);
	remount_stop(admin);
	sparewatch_end(admin);
	exportwatch_stop(admin->exportwatch);
	journal_stop();
	http_server_stop(admin->http);
	jobs_cancel_working(admin);
	admin_stop_go_on(admin);
}

void admin_free(struct admin *admin)
{
	journal_stop();
	world_timer_cancel(&admin->stop_timer);
	if (admin->http != NULL)
		http_server_free(admin->http);
	if (admin->signin != NULL)
		signin_free(admin->signin);
	jobs_fini(admin);
	known_fini(admin);
	spare_fini(admin);
	if (admin->exportwatch != NULL)
		exportwatch_free(admin->exportwatch);
	if (admin->san != NULL)
		san_free(admin->san);
	json_decref(admin->info);
	free(admin->state_dir);
	free(admin->disk_paths);
	free(admin);
}

uint16_t admin_http_port(const struct admin *admin)
{
	return http_server_port(admin->http);
}
