/* SPDX-License-Identifier: Apache-2.0 */
/* The administration on the double, in this process. */
#include "tests/admin/host.h"

#include <arpa/inet.h>
#include <ftw.h>
#include <poll.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "admin/admin.h"
#include "base/loop.h"

static struct {
	struct loop *loop;
	struct admin *admin;
	struct task task;
	sem_t done;
	struct host *host;
} one;

static struct world *hook_world(void *arg)
{
	(void)arg;
	return loop_world(one.loop);
}

static void hook_exports(void *arg, const struct admin_export *exports, size_t n)
{
	(void)arg;
	for (size_t i = 0; i < n; i++) {
		const struct admin_rule *rule = exports[i].rules;

		if (exports[i].id == 0 || exports[i].n_rules == 0)
			abort();
		(void)snprintf(one.host->export.path, sizeof one.host->export.path, "%s", exports[i].path);
		one.host->export.id = exports[i].id;
		one.host->export.root = exports[i].root.inode;
		one.host->export.all_squash = rule->all_squash;
		one.host->export.anon_uid = rule->anon_uid;
		one.host->export.anon_gid = rule->anon_gid;
	}
	one.host->n_exports = (unsigned)n;
}

static void hook_san(void *arg, const struct admin_igroup *igroups, size_t n_igroups, const struct admin_lun *luns,
                     size_t n_luns)
{
	(void)arg;
	(void)igroups;
	one.host->n_maps = 0;
	for (size_t i = 0; i < n_luns; i++) {
		for (size_t m = 0; m < luns[i].n_maps; m++) {
			if (luns[i].maps[m].igroup >= n_igroups)
				abort();
			one.host->n_maps++;
		}
	}
}

static void is_ready(void *arg, unsigned n_failed)
{
	(void)arg;
	(void)n_failed;
	(void)sem_post(&one.done);
}

static void start_run(struct task *task)
{
	(void)task;
	admin_start(one.admin, is_ready, NULL);
}

static void wait_done(void)
{
	while (sem_wait(&one.done) != 0)
		;
}

const char *host_allowed_hosts;
unsigned host_request_ms, host_remount_ms, host_http_connections;

static void read_token(struct host *host)
{
	char path[96];

	(void)snprintf(path, sizeof path, "%s/admin.token", host->dir);
	FILE *file = fopen(path, "re");
	if (file == NULL || fscanf(file, "%71s", host->token) != 1)
		abort();
	(void)fclose(file);
}

void host_start(struct host *host, const char *dir)
{
	const struct admin_hooks hooks = { .volume_world = hook_world, .exports = hook_exports, .san = hook_san };
	char text[256];

	*host = (struct host){ 0 };
	if (dir != NULL) {
		(void)snprintf(host->dir, sizeof host->dir, "%s", dir);
	} else {
		(void)snprintf(host->dir, sizeof host->dir, "/tmp/vcadmin.XXXXXX");
		if (mkdtemp(host->dir) == NULL)
			abort();
	}
	(void)snprintf(host->socket_path, sizeof host->socket_path, "%s/admin.sock", host->dir);
	const struct admin_settings settings = {
		.state_dir = host->dir,
		.socket_path = host->socket_path,
		.http = "127.0.0.1:0",
		.http_allowed_hosts = host_allowed_hosts,
		.request_ms = host_request_ms,
		.remount_ms = host_remount_ms,
		.http_connections = host_http_connections,
		.cache_pages = 65536,
	};
	one.host = host;
	(void)sem_init(&one.done, 0, 0);
	if (loop_new("admin", &one.loop) != 0)
		abort();
	if (admin_new(one.loop, &settings, &hooks, &one.admin, text) != 0) {
		(void)fprintf(stderr, "admin_new: %s\n", text);
		abort();
	}
	host->port = admin_http_port(one.admin);
	read_token(host);
	if (loop_start(one.loop) != 0)
		abort();
	one.task = (struct task){ .run = start_run };
	world_post(loop_world(one.loop), &one.task);
	wait_done();
}

static void is_stopped(void *arg, int err)
{
	(void)arg;
	(void)err;
	(void)sem_post(&one.done);
}

static void stop_run(struct task *task)
{
	(void)task;
	admin_stop(one.admin, is_stopped, NULL);
}

void host_stop(struct host *host)
{
	(void)host;
	one.task = (struct task){ .run = stop_run };
	world_post(loop_world(one.loop), &one.task);
	wait_done();
	loop_stop(one.loop);
	loop_join(one.loop);
	admin_free(one.admin);
	loop_free(one.loop);
	(void)sem_destroy(&one.done);
}

/* Remove one entry; nftw goes from the leaves up. */
static int remove_one(const char *path, const struct stat *st, int flag, struct FTW *ftw)
{
	(void)st;
	(void)flag;
	(void)ftw;
	return remove(path);
}

void host_remove_dir(struct host *host)
{
	if (nftw(host->dir, remove_one, 8, FTW_DEPTH | FTW_PHYS) != 0)
		abort();
}

/* ---- as a client ------------------------------------------------------------------------------------------------- */

static size_t exchange(int fd, const void *bytes, size_t len, char *answer, size_t size)
{
	size_t used = 0;
	struct pollfd ready = { .fd = fd, .events = POLLIN };
	const char *from = bytes;

	while (len > 0) {
		ssize_t n = send(fd, from, len, MSG_NOSIGNAL);
		if (n <= 0)
			break;
		from += n;
		len -= (size_t)n;
	}
	while (used + 1 < size && poll(&ready, 1, 1000) > 0) {
		ssize_t n = read(fd, answer + used, size - used - 1);
		if (n <= 0)
			break;
		used += (size_t)n;
	}
	answer[used] = '\0';
	(void)close(fd);
	return used;
}

size_t host_raw(const struct host *host, const void *bytes, size_t len, char *answer, size_t size)
{
	struct sockaddr_in address = { .sin_family = AF_INET,
		                       .sin_port = htons(host->port),
		                       .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof address) != 0)
		abort();
	return exchange(fd, bytes, len, answer, size);
}

static int ask_by(const struct host *host, bool tcp, const char *method, const char *path, const char *body,
                  const char *extra, json_t **ret_json)
{
	static char answer[1 << 20];
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	char *request, name[32] = "localhost", authorization[128] = "";
	int status = 0;

	if (tcp) {
		(void)snprintf(name, sizeof name, "127.0.0.1:%u", (unsigned)host->port);
		(void)snprintf(authorization, sizeof authorization, "Authorization: Bearer %s\r\n", host->token);
	}
	int len = asprintf(&request,
	                   "%s %s HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n%s%s%sContent-Length: %zu\r\n\r\n%s",
	                   method, path, name, authorization, extra == NULL ? "" : extra,
	                   body == NULL ? "" : "Content-Type: application/json\r\n", body == NULL ? 0 : strlen(body),
	                   body == NULL ? "" : body);
	if (tcp) {
		(void)host_raw(host, request, (size_t)len, answer, sizeof answer);
	} else {
		int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
		(void)snprintf(address.sun_path, sizeof address.sun_path, "%s", host->socket_path);
		if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof address) != 0)
			abort();
		(void)exchange(fd, request, (size_t)len, answer, sizeof answer);
	}
	free(request);
	if (sscanf(answer, "HTTP/1.1 %d", &status) != 1)
		return -1;
	const char *end = strstr(answer, "\r\n\r\n");
	if (ret_json != NULL)
		*ret_json = end == NULL ? NULL : json_loads(end + 4, 0, NULL);
	return status;
}

int host_ask(const struct host *host, const char *method, const char *path, const char *body, const char *extra,
             json_t **ret_json)
{
	return ask_by(host, false, method, path, body, extra, ret_json);
}

int host_ask_tcp(const struct host *host, const char *method, const char *path, const char *body, json_t **ret_json)
{
	return ask_by(host, true, method, path, body, NULL, ret_json);
}

bool host_by_token;

char host_job(const struct host *host, const char *method, const char *path, const char *body, char *text)
{
	json_t *json = NULL;
	char job_path[128], state = '?';

	text[0] = '\0';
	int status = ask_by(host, host_by_token, method, path, body, NULL, &json);
	const char *uuid = json_string_value(json_object_get(json_object_get(json, "job"), "uuid"));
	if (status != 202 || uuid == NULL) {
		(void)snprintf(text, 256, "%d %.200s", status,
		               json_string_value(json_object_get(json_object_get(json, "error"), "message")));
		json_decref(json);
		return '?';
	}
	(void)snprintf(job_path, sizeof job_path, "/api/v1/jobs/%s", uuid);
	json_decref(json);
	for (int i = 0; i < 200 && state != 's' && state != 'f'; i++) {
		json = NULL;
		(void)usleep(i == 0 ? 0 : 20000);
		(void)host_ask(host, "GET", job_path, NULL, NULL, &json);
		const char *said = json_string_value(json_object_get(json, "state"));
		const char *message = json_string_value(json_object_get(json_object_get(json, "error"), "message"));
		state = said == NULL ? '?' : said[0];
		(void)snprintf(text, 256, "%.250s", message == NULL ? "" : message);
		json_decref(json);
	}
	return state;
}
