/* SPDX-License-Identifier: Apache-2.0 */
/* The configuration file: what must be known before anything else (vcd.conf(5)). */
#ifndef SERVER_SETTINGS_H
#define SERVER_SETTINGS_H

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/log.h"

#define SETTINGS_MEMORY_MIN (64ULL << 20)
#define SETTINGS_THREADS_MAX 64U
#define SETTINGS_CONNECTIONS_MIN 16U
#define SETTINGS_CONNECTIONS_MAX 65536U
#define SETTINGS_DRC_MIN 64U
#define SETTINGS_DRC_MAX 65536U

struct settings {
	char state_dir[4096];
	char disk_paths[4096]; /* with commas; "": the state directory */
	char admin_socket[108]; /* as long as a unix socket's address may be */
	char http[96]; /* "" when "none" */
	char http_allowed_hosts[1024]; /* with commas */
	char admin_token_file[4096]; /* "": STATE_DIR/admin.token */
	char nfs[96];
	char iscsi[96];
	char iscsi_target[224]; /* "": made from the host's name */
	uint64_t memory_bytes;
	unsigned threads; /* 0: as many as cores */
	unsigned nfs_connections, iscsi_connections;
	unsigned nfs_drc; /* entries of each volume's duplicate request cache; 0: off */
	enum log_level log_level;
};

/* Defaults, then the file. -EINVAL with a sentence naming file, line and key; -ENOENT, -EACCES, ... Whatever the start
 * would refuse is refused here, as far as the file and the machine's memory tell. */
MUST_CHECK int settings_load(const char *path, struct settings *ret_settings, char ret_text[512]);

#endif
