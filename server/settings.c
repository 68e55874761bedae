/* SPDX-License-Identifier: Apache-2.0 */
/* The configuration file, by inih. */
#include "server/settings.h"

#include <ini.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "admin/http/hostname.h"
#include "admin/size.h"
#include "base/iscsiname.h"
#include "fs/volume.h"
#include "server/listen.h"

struct load {
	struct settings *settings;
	char why[256]; /* of the first line that is wrong */
	unsigned seen; /* bits of the keys given so far */
};

typedef const char *setter(struct settings *settings, const char *value);

static const char *copy(char *to, size_t size, const char *value)
{
	if (strlen(value) >= size)
		return "is too long";
	(void)snprintf(to, size, "%s", value);
	return NULL;
}

static const char *set_state_dir(struct settings *settings, const char *value)
{
	return value[0] != '/' ? "must be an absolute path"
	                       : copy(settings->state_dir, sizeof settings->state_dir, value);
}

/* Absolute paths with commas between them; blanks around them are none of theirs. */
static const char *set_disk_paths(struct settings *settings, const char *value)
{
	char *to = settings->disk_paths;

	if (strlen(value) >= sizeof settings->disk_paths)
		return "is too long";
	while (*value != '\0') {
		value += strspn(value, " \t");
		size_t len = strcspn(value, ","), end = len;
		while (end > 0 && (value[end - 1] == ' ' || value[end - 1] == '\t'))
			end--;
		if (end == 0 || value[0] != '/')
			return "must be absolute paths of directories or devices, with commas between them";
		if (to != settings->disk_paths)
			*to++ = ',';
		memcpy(to, value, end);
		to += end;
		value += len + (value[len] == ',');
	}
	*to = '\0';
	return NULL;
}

static const char *set_admin_socket(struct settings *settings, const char *value)
{
	return value[0] != '/' ? "must be an absolute path"
	                       : copy(settings->admin_socket, sizeof settings->admin_socket, value);
}

static const char *set_admin_token_file(struct settings *settings, const char *value)
{
	return value[0] != '/' ? "must be an absolute path"
	                       : copy(settings->admin_token_file, sizeof settings->admin_token_file, value);
}

/* ADDRESS:PORT, or none. */
static const char *set_address(char *to, size_t size, const char *value)
{
	if (strcmp(value, "none") == 0)
		return copy(to, size, "");
	return listen_is_address(value) ? copy(to, size, value)
	                                : "must be ADDRESS:PORT (127.0.0.1:2049, [::1]:2049) or none";
}

static const char *set_http(struct settings *settings, const char *value)
{
	char host[64];
	uint16_t port;
	int err = strcmp(value, "none") == 0 ? 0 : hostname_address(value, host, &port);

	return err != 0 ? hostname_fault(err) : set_address(settings->http, sizeof settings->http, value);
}

/* Names with commas between them; blanks around them are none of theirs. */
static const char *set_http_allowed_hosts(struct settings *settings, const char *value)
{
	char *to = settings->http_allowed_hosts, *name, *rest;
	const char *why = copy(to, sizeof settings->http_allowed_hosts, value);
	size_t used = 0;

	if (why != NULL)
		return why;
	rest = to;
	while ((name = strsep(&rest, ",")) != NULL) {
		name += strspn(name, " \t");
		name[strcspn(name, " \t")] = '\0';
		size_t len = strlen(name);
		if (!hostname_can_be_listed(name))
			return "must be names or addresses, each with or without a port, with commas between them";
		memmove(to + used, name, len);
		used += len;
		to[used++] = rest == NULL ? '\0' : ',';
	}
	return NULL;
}
static const char *set_nfs(struct settings *settings, const char *value)
{
	return set_address(settings->nfs, sizeof settings->nfs, value);
}
static const char *set_iscsi(struct settings *settings, const char *value)
{
	return set_address(settings->iscsi, sizeof settings->iscsi, value);
}

static const char *set_iscsi_target(struct settings *settings, const char *value)
{
	return iscsiname_is_valid(value) ? copy(settings->iscsi_target, sizeof settings->iscsi_target, value)
	                                 : "must be an iSCSI name (iqn.2026-11.org.example:name)";
}

static uint64_t machine_bytes(void)
{
	long pages = sysconf(_SC_PHYS_PAGES), size = sysconf(_SC_PAGESIZE);
	return pages > 0 && size > 0 ? (uint64_t)pages * (uint64_t)size : UINT64_MAX;
}

static const char *set_memory(struct settings *settings, const char *value)
{
	if (size_parse(value, &settings->memory_bytes) != 0)
		return "must be a size such as 512m or 4g";
	if (settings->memory_bytes < SETTINGS_MEMORY_MIN)
		return "must be at least 64m";
	return settings->memory_bytes > machine_bytes() ? "is more than this machine has" : NULL;
}

static const char *set_threads(struct settings *settings, const char *value)
{
	uint64_t threads;

	if (size_parse_integer(value, SETTINGS_THREADS_MAX, &threads) != 0)
		return "must be a number from 1 to 64, or 0 for as many as cores";
	settings->threads = (unsigned)threads;
	return NULL;
}

static const char *set_connections(unsigned *to, const char *value)
{
	uint64_t n;

	if (size_parse_integer(value, SETTINGS_CONNECTIONS_MAX, &n) != 0 || n < SETTINGS_CONNECTIONS_MIN)
		return "must be a number from 16 to 65536";
	*to = (unsigned)n;
	return NULL;
}

static const char *set_nfs_connections(struct settings *settings, const char *value)
{
	return set_connections(&settings->nfs_connections, value);
}
static const char *set_iscsi_connections(struct settings *settings, const char *value)
{
	return set_connections(&settings->iscsi_connections, value);
}

static const char *set_nfs_drc(struct settings *settings, const char *value)
{
	uint64_t n;

	if (size_parse_integer(value, SETTINGS_DRC_MAX, &n) != 0 || (n != 0 && n < SETTINGS_DRC_MIN))
		return "must be a number from 64 to 65536, or 0 for none";
	settings->nfs_drc = (unsigned)n;
	return NULL;
}

static const char *set_log_level(struct settings *settings, const char *value)
{
	static const char *const names[] = { [LOG_LEVEL_ERROR] = "error",
		                             [LOG_LEVEL_WARN] = "warn",
		                             [LOG_LEVEL_INFO] = "info",
		                             [LOG_LEVEL_DEBUG] = "debug" };

	for (unsigned i = 0; i < sizeof names / sizeof names[0]; i++) {
		if (strcmp(names[i], value) == 0) {
			settings->log_level = (enum log_level)i;
			return NULL;
		}
	}
	return "must be error, warn, info or debug";
}

static const struct {
	const char *key;
	setter *set;
} keys[] = {
	{ "state_dir", set_state_dir },
	{ "admin_socket", set_admin_socket },
	{ "http", set_http },
	{ "nfs", set_nfs },
	{ "iscsi", set_iscsi },
	{ "iscsi_target", set_iscsi_target },
	{ "memory", set_memory },
	{ "threads", set_threads },
	{ "log_level", set_log_level },
	{ "admin_token_file", set_admin_token_file },
	{ "nfs_connections", set_nfs_connections },
	{ "iscsi_connections", set_iscsi_connections },
	{ "nfs_drc", set_nfs_drc },
	{ "disk_paths", set_disk_paths },
	{ "http_allowed_hosts", set_http_allowed_hosts },
};

static const char *set_key(struct load *load, const char *name, const char *value)
{
	for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++) {
		if (strcmp(keys[i].key, name) != 0)
			continue;
		if (load->seen & 1U << i)
			return "is given twice";
		load->seen |= 1U << i;
		return keys[i].set(load->settings, value);
	}
	return "is not a key of the section [server]";
}

/* inih: 0 is an error; the first one's line number is what ini_parse returns. */
static int take_line(void *arg, const char *section, const char *name, const char *value)
{
	struct load *load = arg;
	const char *why = strcmp(section, "server") == 0 ? set_key(load, name, value)
	                                                 : "stands in an unknown section; the only one is [server]";

	if (why == NULL)
		return 1;
	if (load->why[0] == '\0')
		(void)snprintf(load->why, sizeof load->why, "\"%.80s\" %s", name, why);
	return 0;
}

/* Two services on one port of one address. */
static bool has_clash(const struct settings *settings)
{
	const char *const addresses[] = { settings->nfs, settings->iscsi, settings->http };

	for (size_t i = 0; i < 3; i++) {
		const char *port = strrchr(addresses[i], ':');
		if (port != NULL && strcmp(port, ":0") != 0 && strcmp(addresses[i], addresses[(i + 1) % 3]) == 0)
			return true;
	}
	return false;
}

int settings_load(const char *path, struct settings *ret_settings, char ret_text[512])
{
	struct settings settings = { .state_dir = "/var/lib/vcstore",
		                     .admin_socket = "/run/vcstore/admin.sock",
		                     .nfs = "127.0.0.1:2049",
		                     .iscsi = "127.0.0.1:3260",
		                     .memory_bytes = 1ULL << 30,
		                     .nfs_connections = 5120,
		                     .iscsi_connections = 5000,
		                     .nfs_drc = FS_MAX_CALLS,
		                     .log_level = LOG_LEVEL_INFO };
	struct load load = { .settings = &settings };
	FILE *file = fopen(path, "re");

	if (file == NULL) {
		int err = -errno;
		(void)snprintf(ret_text, 512, "cannot read the configuration file %.300s: %s", path, strerror(errno));
		return err;
	}
	int line = ini_parse_file(file, take_line, &load);
	(void)fclose(file);
	if (line != 0) {
		(void)snprintf(ret_text, 512, "%.200s:%d: %s", path, line,
		               load.why[0] != '\0' ? load.why : "not a line of the form key = value");
		return -EINVAL;
	}
	if (has_clash(&settings)) {
		(void)snprintf(ret_text, 512, "%.200s: nfs, iscsi and http need an address and port each", path);
		return -EINVAL;
	}
	*ret_settings = settings;
	return 0;
}
