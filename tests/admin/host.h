/* SPDX-License-Identifier: Apache-2.0 */
/* The administration on the double, in this process: a loop on a thread of its own, a unix socket and a TCP port in a
 * directory of its own. */
#ifndef TESTS_ADMIN_HOST_H
#define TESTS_ADMIN_HOST_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

struct host {
	char dir[64];
	char socket_path[96];
	uint16_t port;
	char token[72]; /* what DIR/admin.token holds */
	unsigned n_exports, n_maps; /* what the hooks were told last */
	struct {
		char path[128];
		uint32_t id, root; /* root: the directory's inode number */
		bool all_squash;
		uint32_t anon_uid, anon_gid; /* of its first rule */
	} export; /* the last of the exports */
};

/* How long a request may take to come in, for the next host_start; 0: the usual 10 s. */
extern unsigned host_request_ms;
/* How many connections to each socket, for the next host_start; 0: the usual 128. */
extern unsigned host_http_connections;
/* After how long a volume for which the host had no room is tried again; 0: the usual 10 s. */
extern unsigned host_remount_ms;
/* Other names that the next host_start answers to. */
extern const char *host_allowed_hosts;
/* Jobs are asked for over HTTP, with the token. */
extern bool host_by_token;
/* Start; NULL dir: a fresh temporary one. */
void host_start(struct host *host, const char *dir);
/* Stop gracefully; keeps the directory and the double's volumes. */
void host_stop(struct host *host);
void host_remove_dir(struct host *host);

/* Send raw bytes to the TCP port and read the answer until the end or 1 s of silence. Returns how many;
 * NUL-terminated. */
size_t host_raw(const struct host *host, const void *bytes, size_t len, char *answer, size_t size);
/* The same question over HTTP, with the token. */
int host_ask_tcp(const struct host *host, const char *method, const char *path, const char *body, json_t **ret_json);
/* One request over the unix socket; returns the status, *ret_json (may be NULL to drop). `extra`: further header lines,
 * each ended by CRLF. */
int host_ask(const struct host *host, const char *method, const char *path, const char *body, const char *extra,
             json_t **ret_json);
/* Ask for a job, over HTTP with the token when host_by_token, wait until it is over: the state's first letter ('s' or
 * 'f'), message in `text` (256 bytes). */
char host_job(const struct host *host, const char *method, const char *path, const char *body, char *text);

#endif
