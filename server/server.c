/* SPDX-License-Identifier: Apache-2.0 */
/* The server: put together, run, taken apart. */
#include "server/server.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

#include "admin/admin.h"
#include "admin/statefile.h"
#include "base/budget.h"
#include "base/list.h"
#include "base/page.h"
#include "fs/volume.h"
#include "proto/iscsi/iscsi_server.h"
#include "proto/mount/mount.h"
#include "proto/nfs/nfs_server.h"
#include "server/descriptors.h"
#include "server/glue.h"
#include "server/listen.h"
#include "server/portal.h"
#include "server/targetname.h"
#include "server/watchdog.h"

#define INFO_MAX 12
#define TELL_NS 10000000000ULL
#define SPARE_BYTES ((size_t)8 << 20)

struct server {
	const struct settings *settings;
	const char *config_path;
	int lock_fd;
	int nfs_fd, iscsi_fd; /* listening, until a portal has them; -1: none */
	uint16_t nfs_port, iscsi_port;
	struct loop *admin_loop;
	struct loop *acceptor; /* nothing else runs there that could keep a new connection waiting */
	bool accepting; /* its thread was started */
	struct loop *loops[SETTINGS_THREADS_MAX];
	unsigned next_connection;
	unsigned n_loops, n_started, next_loop;
	struct glue glue;
	struct nfs_server *nfs;
	struct iscsi_server *iscsi;
	struct portal *nfs_portal, *iscsi_portal;
	struct admin *admin;
	struct watch signal_watch;
	int signal_fd;
	struct task start_task, stop_task;
	struct watchdog *watchdog; /* NULL: systemd does not ask for one */
	struct timer tell_timer; /* on the acceptor */
	struct descriptors_plan plan;
	const char *info[INFO_MAX];
	char info_text[4][256];
	bool stopping;
	int exit_status;
};

static int complain(const char *text)
{
	(void)fprintf(stderr, "vcd: %s\n", text);
	return -1;
}

/* ---- stopping ---------------------------------------------------------------------------------------------------- */

static void admin_stopped(void *arg, int err)
{
	struct server *server = arg;

	if (err != 0) {
		log_error("server", "stop_unclean", "error=%s", error_name(err));
		server->exit_status = 1;
	}
	loop_stop(server->admin_loop);
}

static void stop_admin(struct task *task)
{
	struct server *server = container_of(task, struct server, stop_task);
	admin_stop(server->admin, admin_stopped, server);
}

/* On whatever loop the last session ended. */
static void iscsi_stopped(void *arg)
{
	struct server *server = arg;
	server->stop_task = (struct task){ .run = stop_admin };
	world_post(loop_world(server->admin_loop), &server->stop_task);
}

static void stop_iscsi(struct task *task)
{
	struct server *server = container_of(task, struct server, stop_task);
	iscsi_server_stop(server->iscsi, iscsi_stopped, server);
}

static void nfs_stopped(void *arg)
{
	struct server *server = arg;
	server->stop_task = (struct task){ .run = stop_iscsi };
	world_post(loop_world(server->admin_loop), &server->stop_task);
}

/* On the acceptor, when it runs. */
static void close_portals(struct task *task)
{
	struct server *server = container_of(task, struct server, stop_task);

	portal_free(server->nfs_portal);
	portal_free(server->iscsi_portal);
	server->nfs_portal = server->iscsi_portal = NULL;
	nfs_server_stop(server->nfs, nfs_stopped, server);
}

static void server_stop(struct server *server)
{
	if (server->stopping) {
		log_warn("server", "killed",
		         "text=\"second signal: ending at once; the logs are replayed at the next start\"");
		_exit(1);
	}
	server->stopping = true;
	log_info("server", "stopping", "pid=%d", (int)getpid());
	(void)sd_notify(0, "STOPPING=1");
	server->stop_task = (struct task){ .run = close_portals };
	if (server->accepting)
		world_post(loop_world(server->acceptor), &server->stop_task);
	else
		close_portals(&server->stop_task);
}

/* ---- signals ----------------------------------------------------------------------------------------------------- */

static void server_reload(struct server *server)
{
	struct settings settings;
	char text[512];

	if (settings_load(server->config_path, &settings, text) != 0) {
		log_error("server", "reload_failed", "text=\"%s\"", text);
		return;
	}
	log_set_level(settings.log_level);
	log_info("server", "reloaded", "text=\"log_level taken over; other keys count at the next start\"");
}

static void signal_ready(struct watch *watch, unsigned events)
{
	struct server *server = container_of(watch, struct server, signal_watch);
	struct signalfd_siginfo info;

	(void)events;
	while (read(server->signal_fd, &info, sizeof info) == (ssize_t)sizeof info) {
		if (info.ssi_signo == SIGHUP)
			server_reload(server);
		else
			server_stop(server);
	}
}

static int watch_signals(struct server *server)
{
	sigset_t set;

	(void)sigemptyset(&set);
	(void)sigaddset(&set, SIGTERM);
	(void)sigaddset(&set, SIGINT);
	(void)sigaddset(&set, SIGHUP);
	(void)signal(SIGPIPE, SIG_IGN);
	if (pthread_sigmask(SIG_BLOCK, &set, NULL) != 0)
		return complain("cannot block signals");
	server->signal_fd = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
	if (server->signal_fd < 0)
		return complain("cannot make a signalfd");
	server->signal_watch.ready = signal_ready;
	if (loop_watch_start(server->admin_loop, &server->signal_watch, server->signal_fd, WATCH_READ) != 0)
		return complain("out of memory");
	return 0;
}

/* ---- ready ------------------------------------------------------------------------------------------------------- */

/* The loops that are home to a volume, one entry a volume. */
struct homes {
	const struct server *server;
	struct loop *loops[SETTINGS_THREADS_MAX];
	unsigned n;
};

static void homes_add(struct fs_volume *volume, void *arg)
{
	struct homes *homes = arg;

	for (unsigned i = 0; i < homes->server->n_loops && homes->n < SETTINGS_THREADS_MAX; i++)
		if (loop_world(homes->server->loops[i]) == fs_volume_world(volume))
			homes->loops[homes->n++] = homes->server->loops[i];
}

/* Where a new connection lives: on the home loop of a volume, where its requests are plain calls; of several, in
 * turn. */
static struct loop *pick_loop(void *owner)
{
	struct server *server = owner;
	struct homes homes = { .server = server };

	fs_volume_visit(homes_add, &homes);
	if (homes.n > 0)
		return homes.loops[server->next_connection++ % homes.n];
	return server->loops[server->next_connection++ % server->n_loops];
}

static void serve_nfs(void *owner, struct loop *loop, int fd)
{
	struct server *server = owner;
	nfs_server_accept(server->nfs, loop, fd);
}

static void serve_iscsi(void *owner, struct loop *loop, int fd)
{
	struct server *server = owner;
	iscsi_server_serve(server->iscsi, loop, fd);
}

/* The acceptor does not run yet. */
static int open_portals(struct server *server)
{
	int err = 0;

	if (server->nfs_fd >= 0)
		err = portal_new(server->acceptor, server->nfs_fd, pick_loop, serve_nfs, server, &server->nfs_portal);
	if (err == 0)
		server->nfs_fd = -1;
	if (err == 0 && server->iscsi_fd >= 0) {
		err = portal_new(server->acceptor, server->iscsi_fd, pick_loop, serve_iscsi, server,
		                 &server->iscsi_portal);
		if (err == 0)
			server->iscsi_fd = -1;
	}
	return err;
}

static void tell_suppressed(struct timer *timer)
{
	struct server *server = container_of(timer, struct server, tell_timer);

	log_tell_suppressed(false);
	world_timer_set(loop_world(server->acceptor), timer, TELL_NS);
}

static void alive(void *arg)
{
	(void)arg;
	(void)sd_notify(0, "WATCHDOG=1");
}

static int start_accepting(struct server *server)
{
	uint64_t limit_us;
	int err = open_portals(server);

	if (err == 0 && sd_watchdog_enabled(0, &limit_us) > 0)
		err = watchdog_new(&(struct watchdog_settings){ server->acceptor, server->loops, server->n_loops,
		                                                limit_us * 1000, alive, server },
		                   &server->watchdog);
	if (err != 0)
		return err;
	server->tell_timer.fire = tell_suppressed;
	world_timer_set(loop_world(server->acceptor), &server->tell_timer, TELL_NS);
	err = loop_start(server->acceptor);
	server->accepting = err == 0;
	return err;
}

static void volumes_ready(void *arg, unsigned n_failed)
{
	struct server *server = arg;

	if (server->stopping)
		return;
	int err = start_accepting(server);
	if (err != 0) {
		log_error("server", "portals_failed", "error=%s", error_name(err));
		server->exit_status = 1;
		server_stop(server);
		return;
	}
	log_info("server", "ready", "pid=%d http_port=%u nfs_port=%u iscsi_port=%u volumes_failed=%u", (int)getpid(),
	         (unsigned)admin_http_port(server->admin), (unsigned)server->nfs_port, (unsigned)server->iscsi_port,
	         n_failed);
	(void)sd_notifyf(0, "READY=1\nSTATUS=serving%s", n_failed == 0 ? "" : "; some volumes could not be mounted");
}

static void start_admin(struct task *task)
{
	struct server *server = container_of(task, struct server, start_task);
	admin_start(server->admin, volumes_ready, server);
}

/* ---- putting together -------------------------------------------------------------------------------------------- */

static int take_state_dir(struct server *server)
{
	const char *dir = server->settings->state_dir;
	char text[512];

	if (mkdir(dir, 0700) < 0 && errno != EEXIST) {
		(void)snprintf(text, sizeof text, "cannot make the state directory %.300s: %s", dir, strerror(errno));
		return complain(text);
	}
	int err = statefile_lock(dir, &server->lock_fd);
	if (err == 0)
		return 0;
	if (err == -EBUSY)
		(void)snprintf(text, sizeof text, "another vcd is running on the state directory %.300s", dir);
	else
		(void)snprintf(text, sizeof text, "cannot lock the state directory %.300s: %s", dir, strerror(-err));
	return complain(text);
}

/* "127.0.0.1:0" and the port it got. */
static void say_address(struct server *server, unsigned i, const char *name, const char *address, uint16_t port)
{
	const char *colon = strrchr(address, ':');

	(void)snprintf(server->info_text[i], sizeof server->info_text[i], "%.*s:%u", (int)(colon - address), address,
	               (unsigned)port);
	for (unsigned at = 0; at + 2 < INFO_MAX; at += 2) {
		if (server->info[at] == NULL) {
			server->info[at] = name;
			server->info[at + 1] = server->info_text[i];
			return;
		}
	}
}

static int open_sockets(struct server *server)
{
	const struct settings *settings = server->settings;
	char text[256];

	if (settings->nfs[0] != '\0') {
		if (listen_tcp("nfs", settings->nfs, &server->nfs_fd, &server->nfs_port, text) != 0)
			return complain(text);
		say_address(server, 0, "nfs", settings->nfs, server->nfs_port);
	}
	if (settings->iscsi[0] != '\0') {
		if (listen_tcp("iscsi", settings->iscsi, &server->iscsi_fd, &server->iscsi_port, text) != 0)
			return complain(text);
		say_address(server, 1, "iscsi", settings->iscsi, server->iscsi_port);
	}
	return 0;
}

static int make_loops(struct server *server)
{
	long cores = sysconf(_SC_NPROCESSORS_ONLN);
	unsigned n = server->settings->threads != 0 ? server->settings->threads
	             : cores < 1                    ? 1
	                                            : (unsigned)MIN_OF(cores, (long)SETTINGS_THREADS_MAX);
	char name[16];

	if (loop_new("admin", &server->admin_loop) != 0)
		return complain("cannot make the admin loop");
	if (loop_new("accept", &server->acceptor) != 0)
		return complain("cannot make the accepting loop");
	for (; server->n_loops < n; server->n_loops++) {
		(void)snprintf(name, sizeof name, "loop%u", server->n_loops);
		if (loop_new(name, &server->loops[server->n_loops]) != 0)
			return complain("cannot make the loops");
	}
	return 0;
}

/* What vcd.conf says, or the name that is kept. */
static int choose_target_name(const struct server *server, char ret_name[ISCSINAME_MAX + 1U])
{
	const struct settings *settings = server->settings;
	char text[512];
	int err;

	if (settings->iscsi_target[0] != '\0') {
		(void)snprintf(ret_name, ISCSINAME_MAX + 1U, "%s", settings->iscsi_target);
		return 0;
	}
	err = targetname_take(settings->state_dir, ret_name);
	if (err == 0)
		return 0;
	(void)snprintf(text, sizeof text,
	               "the target's name in %.300s/iscsi-target can't be used: %s; or say iscsi_target= in vcd.conf",
	               settings->state_dir, error_name(err));
	return complain(text);
}

static int make_services(struct server *server)
{
	char target[ISCSINAME_MAX + 1U];
	const struct iscsi_server_config iscsi = {
		.target_name = target,
		.maps = server->glue.maps,
		.max_connections = server->plan.iscsi,
	};
	struct rpc_limits limits = rpc_limits_default;
	const struct nfs_server_options nfs = { .mount = &mount_program,
		                                .no_drc = server->settings->nfs_drc == 0,
		                                .limits = &limits };

	limits.max_conns = server->plan.nfs;
	if (choose_target_name(server, target) != 0)
		return -1;
	if (nfs_server_new(server->loops, server->n_loops, server->glue.exports, &nfs, &server->nfs) != 0)
		return complain("cannot make the NFS service: out of memory");
	if (iscsi_server_new(&iscsi, &server->iscsi) != 0)
		return complain("cannot make the iSCSI service: is iscsi_target a good iSCSI name?");
	for (unsigned at = 0; at + 2 < INFO_MAX; at += 2) {
		if (server->info[at] == NULL) {
			server->info[at] = "iscsi_target";
			server->info[at + 1] = iscsi_server_target_name(server->iscsi);
			break;
		}
	}
	return 0;
}

static struct world *hook_volume_world(void *arg)
{
	struct server *server = arg;
	return loop_world(server->loops[server->next_loop++ % server->n_loops]);
}

static void hook_exports(void *arg, const struct admin_export *exports, size_t n)
{
	struct server *server = arg;
	glue_exports(&server->glue, exports, n);
}

static void hook_san(void *arg, const struct admin_igroup *igroups, size_t n_igroups, const struct admin_lun *luns,
                     size_t n_luns)
{
	struct server *server = arg;
	glue_san(&server->glue, igroups, n_igroups, luns, n_luns);
}

static int make_admin(struct server *server)
{
	const struct settings *settings = server->settings;
	const struct admin_settings admin = {
		.state_dir = settings->state_dir,
		.disk_paths = settings->disk_paths[0] == '\0' ? NULL : settings->disk_paths,
		.socket_path = settings->admin_socket,
		.http = settings->http[0] == '\0' ? NULL : settings->http,
		.http_allowed_hosts = settings->http_allowed_hosts,
		.token_path = settings->admin_token_file[0] == '\0' ? NULL : settings->admin_token_file,
		.http_connections = server->plan.http,
		.cache_pages = (size_t)(settings->memory_bytes / PAGE_SIZE / 4 * 3),
		.max_calls = settings->nfs_drc,
		.info = server->info
	};
	const struct admin_hooks hooks = {
		.arg = server, .volume_world = hook_volume_world, .exports = hook_exports, .san = hook_san
	};
	char text[256];

	int err = admin_new(server->admin_loop, &admin, &hooks, &server->admin, text);
	return err == 0 ? 0 : complain(text[0] != '\0' ? text : error_name(err));
}

static void plan_descriptors(struct server *server)
{
	const struct settings *settings = server->settings;
	unsigned limit = descriptors_raise();

	server->plan = descriptors_deal(limit, settings->nfs_connections, settings->iscsi_connections);
	if (server->plan.nfs < settings->nfs_connections || server->plan.iscsi < settings->iscsi_connections)
		log_warn("server", "few_descriptors", "limit=%u nfs_connections=%u iscsi_connections=%u", limit,
		         server->plan.nfs, server->plan.iscsi);
}

/* What connections may hold: an eighth of memory=, which cache and RAID leave to them, and SPARE_BYTES beside it. */
static int make_memory(struct server *server)
{
	size_t memory_bytes = (size_t)server->settings->memory_bytes;

	budget_set_max(memory_bytes / 8 + SPARE_BYTES);
	if (page_arena_init((memory_bytes + SPARE_BYTES) / PAGE_SIZE) != 0)
		return complain("cannot reserve the memory that memory= asks for");
	return 0;
}

static int server_make(struct server *server)
{
	plan_descriptors(server);
	if (take_state_dir(server) != 0 || open_sockets(server) != 0)
		return -1;
	if (make_memory(server) != 0)
		return -1;
	if (make_loops(server) != 0 || watch_signals(server) != 0)
		return -1;
	if (glue_init(&server->glue) != 0)
		return complain("out of memory");
	if (make_services(server) != 0)
		return -1;
	return make_admin(server);
}

/* ---- running ----------------------------------------------------------------------------------------------------- */

static int start_loops(struct server *server)
{
	for (; server->n_started < server->n_loops; server->n_started++) {
		if (loop_start(server->loops[server->n_started]) != 0)
			return complain("cannot start a thread");
	}
	return 0;
}

static void stop_loops(struct server *server)
{
	if (server->accepting) {
		loop_stop(server->acceptor);
		loop_join(server->acceptor);
	}
	for (unsigned i = 0; i < server->n_started; i++)
		loop_stop(server->loops[i]);
	for (unsigned i = 0; i < server->n_started; i++)
		loop_join(server->loops[i]);
}

/* Everything that was made, in reverse; the loops have stopped. */
static void server_free(struct server *server)
{
	if (server->admin != NULL)
		admin_free(server->admin);
	if (server->iscsi != NULL)
		iscsi_server_free(server->iscsi);
	if (server->nfs != NULL)
		nfs_server_free(server->nfs);
	glue_fini(&server->glue);
	if (server->signal_watch.loop != NULL)
		loop_watch_stop(&server->signal_watch);
	watchdog_stop(server->watchdog);
	world_timer_cancel(&server->tell_timer);
	for (unsigned i = 0; i < server->n_loops; i++)
		loop_free(server->loops[i]);
	loop_free(server->acceptor); /* what the loops have left for it is done now */
	loop_free(server->admin_loop);
	watchdog_free(server->watchdog);
	int fds[] = { server->signal_fd, server->nfs_fd, server->iscsi_fd, server->lock_fd };
	for (size_t i = 0; i < ARRAY_SIZE(fds); i++) {
		if (fds[i] >= 0)
			(void)close(fds[i]);
	}
}

int server_run(const struct settings *settings, const char *config_path)
{
	struct server *server = calloc(1, sizeof *server);

	if (server == NULL)
		return 1;
	server->settings = settings;
	server->config_path = config_path;
	server->lock_fd = server->nfs_fd = server->iscsi_fd = server->signal_fd = -1;
	log_set_level(settings->log_level);
	if (server_make(server) != 0 || start_loops(server) != 0) {
		stop_loops(server);
		_exit(1); /* nothing was mounted; what was made is not taken apart */
	}
	server->start_task = (struct task){ .run = start_admin };
	world_post(loop_world(server->admin_loop), &server->start_task);
	loop_run(server->admin_loop);
	stop_loops(server);
	int status = server->exit_status;
	log_tell_suppressed(true);
	log_info("server", "stopped", "status=%d", status);
	server_free(server);
	free(server);
	return status;
}
