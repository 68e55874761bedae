/* SPDX-License-Identifier: Apache-2.0 */
/* The administration: volumes remembered and mounted, exports, igroups and LUN maps, jobs, and the REST server in front
 * of them.
 *
 * THEORY. Everything runs on one loop (the admin loop) and speaks to volumes by fs messages only. What the protocols
 * need to know (who may mount what, which LUN is whose) is handed out through struct admin_hooks as whole tables,
 * replaced after every change, so that admin/ knows no protocol and a protocol knows no documents.
 * THREADS. The admin loop's, unless said otherwise; hooks are called there. */
#ifndef ADMIN_ADMIN_H
#define ADMIN_ADMIN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/loop.h"
#include "base/uuid.h"
#include "fs/fs_types.h"

struct admin;

struct admin_rule {
	const char *client; /* "192.168.1.0/24", "10.0.0.7", "::1", "fd00::/8" */
	bool read_write, root_squash, all_squash, secure;
	uint32_t anon_uid, anon_gid;
};
struct admin_export {
	struct fs_volume *volume; /* referenced during the call; take an own reference to keep it */
	const char *path; /* "/vol/vol0/dir", as clients mount it */
	const char *inner; /* "/dir" inside the volume, "/" for all of it */
	uint32_t id; /* in file handles: for the life of the export, not used again */
	struct fs_file_id root; /* which directory it is */
	const struct admin_rule *rules; /* the smallest network counts, in whatever order; no match: no access */
	size_t n_rules;
};
struct admin_igroup {
	struct uuid uuid;
	const char *name;
	const char *const *initiators; /* "*" matches every one */
	size_t n_initiators;
};
struct admin_map {
	size_t igroup; /* index into the igroups of the same call */
	uint32_t lun;
};
struct admin_lun {
	struct fs_volume *volume; /* as in admin_export */
	struct fs_file_id id;
	struct uuid uuid;
	const char *path; /* "/vol/vol0/test" */
	const char *serial;
	uint64_t size_bytes;
	bool online, write_cache, reserved;
	const struct admin_map *maps; /* conflicting ones left out */
	size_t n_maps;
};

/* What the administration asks of the server. `exports` and `san` replace the whole table; what they point to is theirs
 * only during the call. When a volume goes offline they are called without it before it is unmounted. */
struct admin_hooks {
	void *arg;
	struct world *(*volume_world)(void *arg); /* where the next volume shall live */
	void (*exports)(void *arg, const struct admin_export *exports, size_t n_exports);
	void (*san)(void *arg, const struct admin_igroup *igroups, size_t n_igroups, const struct admin_lun *luns,
	            size_t n_luns);
};

struct admin_settings {
	const char *state_dir; /* exists and is locked by the caller */
	const char *disk_paths; /* directories and devices, with commas, where disks may lie; NULL: the state
	                         * directory */
	const char *socket_path; /* unix socket; NULL: none */
	unsigned http_connections; /* to each of socket_path and http: who came first of those that say nothing gives
	                            * way; 0: 128 */
	const char *http; /* "127.0.0.1:8080", "[::1]:8080", port 0: any; NULL: none */
	const char *http_allowed_hosts; /* names besides the loopback's that `http` may be asked under, with commas;
	                                 * NULL: none */
	const char *token_path; /* the token for `http`, made when it is not there; NULL: STATE_DIR/admin.token */
	unsigned request_ms; /* a client has so long to send a whole request; 0: 10 s */
	unsigned remount_ms; /* a volume for which the host had no room is tried again after so long; 0: 10 s */
	size_t cache_pages; /* for the buffer caches of all volumes together */
	unsigned max_calls; /* as in fs_mount_options, of every volume */
	const char *const *info; /* name, value, name, value, ..., NULL: shown by `status` (addresses of the
	                          * protocols) */
};

/* Make it, load the remembered state, open the listening sockets. -EUCLEAN: the state file is damaged; -EADDRINUSE,
 * -EACCES, ...; `ret_text` then says what and where in a sentence. Before the loop runs, or on it. */
MUST_CHECK int admin_new(struct loop *loop, const struct admin_settings *settings, const struct admin_hooks *hooks,
                         struct admin **ret_admin, char ret_text[256]);
/* Mount what was online; `ready(arg, n)` when all are up or have failed (n of them; each is logged). */
void admin_start(struct admin *admin, void (*ready)(void *arg, unsigned n_failed), void *arg);
/* Refuse new requests, finish running ones, unmount everything (last CPs); then `done(arg, err)`: the first error of an
 * unmount. */
void admin_stop(struct admin *admin, void (*done)(void *arg, int err), void *arg);
/* After admin_stop is done. */
void admin_free(struct admin *admin);
/* The port the TCP listener got; 0: none. */
uint16_t admin_http_port(const struct admin *admin);

#endif
