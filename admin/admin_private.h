/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of admin/ share: the administration's own state. Private to admin/. */
#ifndef ADMIN_ADMIN_PRIVATE_H
#define ADMIN_ADMIN_PRIVATE_H

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "admin/admin.h"
#include "admin/turn.h"
#include "base/list.h"
#include "base/log.h"

struct http_server;
struct signin;
struct job;
struct san;
struct exportwatch;
struct spare;

TAILQ_HEAD(job_list, job);
TAILQ_HEAD(known_list, known_volume);
TAILQ_HEAD(spare_list, spare);

struct admin {
	struct loop *loop;
	struct world *world;
	struct admin_hooks hooks;
	char *state_dir;
	char *disk_paths; /* where disks may lie besides STATE_DIR/disks, with commas */
	json_t *info; /* addresses, for status */
	size_t cache_pages, cache_pages_given;
	unsigned max_calls;
	struct known_list volumes;
	json_t *unsound; /* [{"entry"?, "why"}]: what of the list of volumes was not understood (known.h) */
	struct spare_list spares;
	bool spares_damaged; /* their file could not be read: it is not written */
	struct timer spare_timer;
	struct job_list jobs; /* newest first */
	unsigned n_jobs;
	struct timer job_timer;
	struct turn_list turns;
	struct turn *turn_owner;
	struct san *san;
	struct exportwatch *exportwatch;
	struct signin *signin;
	struct http_server *http;
	struct task event_task; /* the journal has something new */
	int64_t started_ns;
	bool ready, stopping;
	unsigned n_starting, n_start_failed;
	void (*ready_done)(void *arg, unsigned n_failed);
	void *ready_arg;
	void (*stop_done)(void *arg, int err);
	void *stop_arg;
	int stop_err;
	struct timer stop_timer;
	struct timer remount_timer;
	uint64_t remount_ns; /* between two tries */
};

/* Start the stop again after something it waited for has ended. */
void admin_stop_go_on(struct admin *admin);

#endif
