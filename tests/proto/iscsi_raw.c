/* SPDX-License-Identifier: Apache-2.0 */
/* The raw initiator: see iscsi_raw.h. Asserts by cmocka. */
#include "tests/proto/iscsi_raw.h"

#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include "tests/base/cmocka_all.h"

#include "base/crc32c.h"
#include "base/log.h"
#include "base/loop.h"
#include "base/page.h"
#include "tests/support/ramlun.h"

#define LUN_BYTES (16U << 20)

static struct iscsi_server *server;
static struct lunmap *maps;
static struct loop *loop;
static struct lunmap_entry entries[2];

struct iscsi_server *raw_server(void)
{
	return server;
}
struct lunmap *raw_maps(void)
{
	return maps;
}
struct loop *raw_loop(void)
{
	return loop;
}

void raw_map(uint64_t lun0_bytes, unsigned n_luns, bool online)
{
	entries[0].size_bytes = lun0_bytes;
	entries[0].online = online;
	assert_int_equal(lunmap_replace(maps, ramlun_volume(), entries, n_luns), 0);
}

struct iscsi_times raw_times;
unsigned raw_max_connections;

void raw_setup(void)
{
	static const char *const portals[] = { "192.0.2.1:3260",     "192.0.2.2:3260",     "192.0.2.3:3260",
		                               "192.0.2.4:3260",     "192.0.2.5:3260",     "192.0.2.6:3260",
		                               "192.0.2.7:3260",     "192.0.2.8:3260",     "[2001:db8::1]:3260",
		                               "[2001:db8::2]:3260", "[2001:db8::3]:3260", "[2001:db8::4]:3260",
		                               "[2001:db8::5]:3260", "[2001:db8::6]:3260", "[2001:db8::7]:3260",
		                               "[2001:db8::8]:3260" };
	struct iscsi_server_config config = { .target_name = RAW_IQN,
		                              .portals = portals,
		                              .n_portals = 16,
		                              .max_connections = raw_max_connections,
		                              .times = raw_times };

	log_set_level(LOG_LEVEL_ERROR);
	assert_int_equal(page_arena_init(32768), 0);
	for (uint32_t i = 0; i < 2; i++)
		entries[i] = ramlun_add(i, LUN_BYTES);
	assert_int_equal(lunmap_new(&maps), 0);
	raw_map(LUN_BYTES, 2, true);
	config.maps = maps;
	assert_int_equal(iscsi_server_new(&config, &server), 0);
	assert_int_equal(loop_new("iscsi", &loop), 0);
	assert_int_equal(loop_start(loop), 0);
}

static void stopped(void *arg)
{
	loop_stop(arg);
}

void raw_teardown(void)
{
	iscsi_server_stop(server, stopped, loop);
	loop_join(loop);
	iscsi_server_free(server);
	loop_free(loop);
	lunmap_free(maps);
	ramlun_clear();
	page_arena_fini(); /* asserts that every page is back */
}

struct serve_task {
	struct task task;
	int fd;
};

static void serve_run(struct task *task)
{
	struct serve_task *serve = container_of(task, struct serve_task, task);

	iscsi_server_serve(server, loop, serve->fd);
	free(serve);
}

struct raw *raw_connect(void)
{
	struct serve_task *serve = calloc(1, sizeof *serve);
	struct raw *raw = calloc(1, sizeof *raw);
	int fds[2];

	assert_non_null(serve);
	assert_non_null(raw);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
	raw->fd = fds[0];
	raw->cmdsn = 100;
	raw->itt = 1;
	serve->fd = fds[1];
	serve->task.run = serve_run;
	world_post(loop_world(loop), &serve->task);
	return raw;
}

void raw_close(struct raw *raw)
{
	close(raw->fd);
	free(raw);
}

bool raw_write(struct raw *raw, const void *bytes, size_t len)
{
	const uint8_t *at = bytes;

	while (len > 0) {
		ssize_t n = send(raw->fd, at, len, MSG_NOSIGNAL);

		if (n <= 0)
			return false;
		at += n;
		len -= (size_t)n;
	}
	return true;
}

bool raw_send(struct raw *raw, struct iscsi_bhs *bhs, const void *ahs, size_t ahs_len, const void *data, size_t len)
{
	size_t padding = -len & 3U, n = 0;
	uint8_t *out = calloc(1, ISCSI_BHS_SIZE + ahs_len + len + 16);
	le32 digest;
	bool sent;

	assert_non_null(out);
	bhs->ahs_words = (uint8_t)(ahs_len / 4);
	bhs->data_len = be24_of((uint32_t)len);
	memcpy(out, bhs, ISCSI_BHS_SIZE);
	if (ahs_len > 0)
		memcpy(out + ISCSI_BHS_SIZE, ahs, ahs_len);
	n = ISCSI_BHS_SIZE + ahs_len;
	if (raw->header_digest) {
		digest = le32_of(crc32c(out, n));
		memcpy(out + n, &digest, 4);
		n += 4;
	}
	if (len > 0) {
		memcpy(out + n, data, len);
		digest = le32_of(crc32c(out + n, len + padding));
		n += len + padding;
		if (raw->data_digest) {
			memcpy(out + n, &digest, 4);
			n += 4;
		}
	}
	sent = raw_write(raw, out, n);
	free(out);
	return sent;
}

static bool read_all(struct raw *raw, void *bytes, size_t len, int timeout_ms)
{
	uint8_t *at = bytes;

	while (len > 0) {
		struct pollfd p = { .fd = raw->fd, .events = POLLIN };
		ssize_t n;

		if (poll(&p, 1, timeout_ms) <= 0)
			return false;
		n = recv(raw->fd, at, len, 0);
		if (n <= 0)
			return false;
		at += n;
		len -= (size_t)n;
	}
	return true;
}

bool raw_recv(struct raw *raw, int timeout_ms)
{
	uint8_t tail[8];
	size_t padding;
	uint32_t crc;
	le32 digest;

	if (!read_all(raw, &raw->bhs, ISCSI_BHS_SIZE, timeout_ms))
		return false;
	raw->data_len = be24_get(raw->bhs.data_len);
	assert_true(raw->data_len < RAW_DATA_MAX && raw->bhs.ahs_words == 0);
	if (raw->header_digest) {
		if (!read_all(raw, &digest, 4, 1000))
			return false;
		assert_int_equal(le32_get(digest), crc32c(&raw->bhs, ISCSI_BHS_SIZE));
	}
	padding = -raw->data_len & 3U;
	if (raw->data_len > 0) {
		if (!read_all(raw, raw->data, raw->data_len, 1000) ||
		    !read_all(raw, tail, padding + (raw->data_digest ? 4 : 0), 1000))
			return false;
		crc = crc32c_more(crc32c(raw->data, raw->data_len), tail, padding);
		if (raw->data_digest) {
			memcpy(&digest, tail + padding, 4);
			assert_int_equal(le32_get(digest), crc);
		}
	}
	raw->data[raw->data_len] = 0;
	/* never goes back */
	assert_false(iscsi_sn_before(be32_get(raw->bhs.max_cmdsn), raw->max_cmdsn) && raw->max_cmdsn != 0);
	raw->exp_cmdsn = be32_get(raw->bhs.exp_cmdsn);
	raw->max_cmdsn = be32_get(raw->bhs.max_cmdsn);
	return true;
}

bool raw_is_closed(struct raw *raw)
{
	uint8_t byte[4096];

	for (;;) {
		struct pollfd p = { .fd = raw->fd, .events = POLLIN };

		if (poll(&p, 1, 1000) <= 0)
			return false;
		if (recv(raw->fd, byte, sizeof byte, 0) <= 0)
			return true;
	}
}

int raw_login_step(struct raw *raw, uint8_t flags, const void *text, size_t len)
{
	struct iscsi_bhs bhs = { .opcode = ISCSI_LOGIN_REQUEST | ISCSI_IMMEDIATE,
		                 .flags = flags,
		                 .itt = be32_of(7),
		                 .cmdsn = be32_of(raw->cmdsn) };

	bhs.isid[0] = 0x80;
	bhs.isid[5] = raw->isid_tail;
	if (!raw_send(raw, &bhs, NULL, 0, text, len) || !raw_recv(raw, 5000) || raw->bhs.opcode != ISCSI_LOGIN_RESPONSE)
		return -1;
	return raw->bhs.login_status[0] << 8 | raw->bhs.login_status[1];
}

int raw_login(struct raw *raw, const char *more, size_t more_len)
{
	static const char names[] = "InitiatorName=iqn.2026-01.test:raw\0TargetName=" RAW_IQN "\0SessionType=Normal";
	char text[8192];
	const char *digest;
	int status;

	memcpy(text, names, sizeof names);
	if (more_len > 0)
		memcpy(text + sizeof names, more, more_len);
	status = raw_login_step(raw, 0x87, text, sizeof names + more_len);
	digest = raw_key(raw, "HeaderDigest");
	raw->header_digest = status == 0 && digest != NULL && strcmp(digest, "CRC32C") == 0;
	digest = raw_key(raw, "DataDigest");
	raw->data_digest = status == 0 && digest != NULL && strcmp(digest, "CRC32C") == 0;
	return status;
}

const char *raw_key(const struct raw *raw, const char *key)
{
	size_t n = strlen(key);

	for (size_t at = 0; at < raw->data_len; at += strlen((const char *)raw->data + at) + 1) {
		if (strncmp((const char *)raw->data + at, key, n) == 0 && raw->data[at + n] == '=')
			return (const char *)raw->data + at + n + 1;
	}
	return NULL;
}

uint32_t raw_command(struct raw *raw, uint32_t lun, const uint8_t *cdb, size_t cdb_len, uint8_t flags, uint32_t edtl,
                     const void *data, size_t len)
{
	struct iscsi_bhs bhs = { .opcode = ISCSI_SCSI_COMMAND,
		                 .flags = flags,
		                 .itt = be32_of(raw->itt),
		                 .edtl = be32_of(edtl),
		                 .cmdsn = be32_of(raw->cmdsn) };

	bhs.lun[1] = (uint8_t)lun;
	memcpy(bhs.cdb, cdb, cdb_len);
	if (!raw_send(raw, &bhs, NULL, 0, data, len))
		return 0;
	raw->cmdsn++;
	return raw->itt++;
}

int raw_scsi(struct raw *raw, uint32_t lun, const uint8_t *cdb, size_t cdb_len, uint32_t in_len, const void *out,
             uint32_t out_len)
{
	uint8_t flags = (uint8_t)(0x81U | (in_len > 0 ? 0x40U : 0U) | (out_len > 0 ? 0x20U : 0U));
	uint32_t itt = raw_command(raw, lun, cdb, cdb_len, flags, in_len > 0 ? in_len : out_len, out, out_len), got = 0;
	uint8_t *all = malloc(RAW_DATA_MAX);
	int status = -1;

	assert_non_null(all);
	while (itt != 0 && raw_recv(raw, 5000) && be32_get(raw->bhs.itt) == itt) {
		if (raw->bhs.opcode == ISCSI_DATA_IN) {
			assert_int_equal(be32_get(raw->bhs.offset), got);
			memcpy(all + got, raw->data, raw->data_len);
			got += raw->data_len;
			if ((raw->bhs.flags & ISCSI_DATA_STATUS) == 0)
				continue;
			memcpy(raw->data, all, got);
			raw->data_len = got;
		} else if (raw->bhs.opcode != ISCSI_SCSI_RESPONSE) {
			break;
		}
		status = raw->bhs.byte3;
		break;
	}
	free(all);
	return status;
}

uint32_t raw_sense(const struct raw *raw)
{
	if (raw->data_len < 20 || raw->data[2] != 0x70)
		return 0;
	return (uint32_t)raw->data[4] << 16 | (uint32_t)raw->data[14] << 8 | raw->data[15];
}

void raw_settle(struct raw *raw, uint32_t lun)
{
	static const uint8_t ready[6] = { 0 };

	for (int i = 0; i < 8; i++) {
		if (raw_scsi(raw, lun, ready, sizeof ready, 0, NULL, 0) == 0)
			return;
	}
	fail_msg("unit attentions do not end");
}

bool raw_data_out(struct raw *raw, uint32_t itt, uint32_t ttt, uint32_t data_sn, uint32_t offset, const void *data,
                  size_t len, bool final)
{
	struct iscsi_bhs bhs = { .opcode = ISCSI_DATA_OUT,
		                 .flags = final ? ISCSI_FINAL : 0,
		                 .itt = be32_of(itt),
		                 .ttt = be32_of(ttt),
		                 .data_sn = be32_of(data_sn),
		                 .offset = be32_of(offset) };

	return raw_send(raw, &bhs, NULL, 0, data, len);
}

void raw_wait_held(unsigned n)
{
	for (int i = 0; i < 2000 && ramlun_held() != n; i++)
		usleep(1000);
	assert_int_equal(ramlun_held(), n);
}
