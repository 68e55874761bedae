/* SPDX-License-Identifier: Apache-2.0 */
/* Sessions byte for byte: login, data phases, task management, and what broken or hostile initiators send. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "tests/base/cmocka_all.h"

#include "base/crc32c.h"
#include "base/page.h"
#include "proto/iscsi/iscsi_negotiate.h"
#include "proto/scsi/scsi_spec.h"
#include "tests/proto/iscsi_raw.h"
#include "tests/support/ramlun.h"

#define NAMES "InitiatorName=iqn.2026-01.test:raw\0TargetName=" RAW_IQN "\0SessionType=Normal"

static int setup(void **state)
{
	(void)state;
	raw_setup();
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	raw_teardown();
	return 0;
}

static struct raw *logged_in(const char *more, size_t len)
{
	struct raw *raw = raw_connect();

	assert_int_equal(raw_login(raw, more, len), 0);
	raw_settle(raw, 0);
	return raw;
}

static void write10(uint8_t cdb[10], uint32_t lba, uint16_t blocks)
{
	be32 l = be32_of(lba);
	be16 b = be16_of(blocks);

	memset(cdb, 0, 10);
	cdb[0] = OP_WRITE_10;
	memcpy(cdb + 2, &l, 4);
	memcpy(cdb + 7, &b, 2);
}

static void pattern(uint8_t *bytes, size_t len, uint8_t seed)
{
	for (size_t i = 0; i < len; i++)
		bytes[i] = (uint8_t)(seed + i * 7 + i / 251);
}

/* ---- login ---- */

static void login_in_one_step_ends_in_full_feature(void **state)
{
	struct raw *raw = raw_connect();

	(void)state;
	assert_int_equal(raw_login(raw, "MaxRecvDataSegmentLength=65536\0Foo=bar", 39), 0);
	assert_int_equal(raw->bhs.flags, 0x87);
	assert_int_not_equal(be16_get(raw->bhs.tsih), 0);
	assert_string_equal(raw_key(raw, "TargetPortalGroupTag"), "1");
	assert_string_equal(raw_key(raw, "MaxRecvDataSegmentLength"), "262144");
	assert_string_equal(raw_key(raw, "Foo"), "NotUnderstood");
	assert_int_equal(raw->max_cmdsn - raw->exp_cmdsn + 1, 128);
	raw_close(raw);
}

static void login_through_security_takes_two_steps(void **state)
{
	static const char first[] = NAMES "\0AuthMethod=CHAP,None", second[] = "HeaderDigest=None\0InitialR2T=No";
	struct raw *raw = raw_connect();

	(void)state;
	assert_int_equal(raw_login_step(raw, 0x81, first, sizeof first), 0);
	assert_string_equal(raw_key(raw, "AuthMethod"), "None");
	assert_int_equal(raw->bhs.flags, 0x81);
	assert_int_equal(raw_login_step(raw, 0x87, second, sizeof second), 0);
	assert_string_equal(raw_key(raw, "InitialR2T"), "No");
	raw_close(raw);
}

static const struct {
	uint8_t flags;
	const char *text;
	size_t len;
	int status;
} refusals[] = {
	{ 0x87, "SessionType=Normal", 19, 0x0207 },
	{ 0x87, "InitiatorName=iqn.2026-01.test:x", 33, 0x0207 },
	{ 0x87, "InitiatorName=iqn.2026-01.test:x\0TargetName=iqn.2026-01.test:nobody", 68, 0x0203 },
	{ 0x87, "InitiatorName=iqn.2026-01.test:x\0SessionType=Strange", 53, 0x0209 },
	{ 0x81, "InitiatorName=iqn.2026-01.test:x\0SessionType=Discovery\0AuthMethod=CHAP", 71, 0x0201 },
	{ 0x87, "InitiatorName=iqn.2026-01.test:x\0SessionType=Discovery\0broken", 62, 0x0200 },
	{ 0x86, "InitiatorName=iqn.2026-01.test:x", 33, 0x020B }, /* to a stage there is not */
	{ 0x85, "InitiatorName=iqn.2026-01.test:x", 33, 0x020B }, /* to the stage it is in */
	{ 0x8C, "InitiatorName=iqn.2026-01.test:x", 33, 0x020B }, /* from full feature phase */
	{ 0xC7, "InitiatorName=iqn.2026-01.test:x", 33, 0x020B }, /* transit and continue */
	{ 0x87, "InitiatorName=iqn.2026-01.test:x\0SessionType=Discovery\0DataDigest=None\0DataDigest=None", 87,
	  0x0200 },
};

static void login_that_is_wrong_is_refused_with_the_right_status(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof refusals / sizeof refusals[0]; i++) {
		struct raw *raw = raw_connect();

		assert_int_equal(raw_login_step(raw, refusals[i].flags, refusals[i].text, refusals[i].len),
		                 refusals[i].status);
		assert_true(raw_is_closed(raw));
		raw_close(raw);
	}
}

static void login_text_without_its_last_nul_is_taken(void **state)
{
	static const char text[] = NAMES;
	struct raw *raw = raw_connect();

	(void)state;
	assert_int_equal(raw_login_step(raw, 0x87, text, sizeof text - 1), 0);
	raw_close(raw);
}

static void login_over_continued_text_is_put_together(void **state)
{
	static const char text[] = NAMES;
	struct raw *raw = raw_connect();

	(void)state;
	assert_int_equal(raw_login_step(raw, 0x44, text, 30), 0);
	assert_int_equal(raw->data_len, 0);
	assert_int_equal(raw_login_step(raw, 0x87, text + 30, sizeof text - 30), 0);
	raw_close(raw);
}

static void login_with_2048_unknown_keys_gets_a_bounded_answer(void **state)
{
	struct raw *raw = raw_connect();
	char text[8192];
	size_t len = sizeof NAMES;

	(void)state;
	memcpy(text, NAMES, len);
	for (unsigned i = 0; i < 1360 && len + 6 <= sizeof text; i++, len += 5)
		memcpy(text + len, "k=v\0", 5); /* "k=v", NUL, NUL: what fits one PDU */
	assert_int_equal(raw_login_step(raw, 0x87, text, len), 0x0200);
	assert_int_equal(raw->data_len, 0);
	assert_true(raw_is_closed(raw));
	raw_close(raw);
	raw = raw_connect();
	for (unsigned i = 0; i < 3; i++) { /* 2,048 and more, over continuations: the text has a bound too */
		for (len = 0; len + 4 <= 8192; len += 4)
			memcpy(text + len, "k=v", 4);
		if (raw_login_step(raw, 0x44, text, len) != 0)
			break;
	}
	assert_true(raw_is_closed(raw));
	raw_close(raw);
}

static void login_with_long_names_and_values_is_refused(void **state)
{
	char text[8192];

	(void)state;
	for (size_t n = 222; n < 8000; n = n < 226 ? n + 1 : n * 2) {
		struct raw *raw = raw_connect();
		int status;

		memcpy(text, "SessionType=Discovery\0InitiatorName=", 36);
		memset(text + 36, 'x', n);
		memcpy(text + 36, "iqn.2026-01.", 12);
		text[36 + n] = '\0';
		status = raw_login_step(raw, 0x87, text, 37 + n);
		assert_int_equal(status, n <= 223 ? 0 : 0x0200);
		raw_close(raw);
	}
}

static void login_with_a_name_of_no_form_is_refused_and_not_believed(void **state)
{
	static const char *const names[] = {
		"x", /* no form at all */
		"iqn.x",
		"iqn.2026-13.example:a", /* no such month */
		"iqn.2026-01.",
		"iqn.2026-01.example:a b peer=10.0.0.1", /* would be a pair in the log */
		"iqn.2026-01.example:\"a\"",
		"iqn.2026-01.example:a\nerror raid disk_failed",
		"iqn.2026-01.example:\x1b[2J", /* would clear a terminal */
		"iqn.2026-01.example:\xc2\x9b"
		"2J",
		"iqn.2026-01.example:\xff\xfe", /* no UTF-8: no JSON */
		"iqn.2026-01.example:\xe2\x80\xae"
		"a",
		"iqn.2026-01.example:*",
		"eui.02004567A425678", /* 15 digits */
		"naa.52004567BA64678DG",
	};
	static const char *const good[] = {
		"iqn.2026-01.example",  "iqn.2026-01.example:gr\xc3\xbc\xc3\x9f\x65", "eui.02004567A425678D",
		"naa.52004567BA64678D", "naa.62004567BA64678D0123456789ABCDEF",       "IQN.2026-01.Example:A"
	};
	char text[256];

	(void)state;
	for (size_t i = 0; i < sizeof names / sizeof names[0] + sizeof good / sizeof good[0]; i++) {
		bool bad = i < sizeof names / sizeof names[0];
		struct raw *raw = raw_connect();
		int len = snprintf(text, sizeof text, "SessionType=Discovery%cInitiatorName=%s", 0,
		                   bad ? names[i] : good[i - sizeof names / sizeof names[0]]);
		assert_int_equal(raw_login_step(raw, 0x87, text, (size_t)len + 1), bad ? 0x0200 : 0);
		raw_close(raw);
	}
}

static void every_header_length_before_login_is_survived(void **state)
{
	static const uint32_t lengths[] = { 0, 1, 3, 8189, 8190, 8191, 8192, 8193, 0xFFFFFF };
	uint8_t bytes[48 + 1020];

	(void)state;
	for (unsigned words = 0; words < 256; words += words < 4 ? 1 : 21) {
		for (size_t i = 0; i < sizeof lengths / sizeof lengths[0]; i++) {
			struct raw *raw = raw_connect();
			struct iscsi_bhs bhs = { .opcode = 0x43,
				                 .flags = 0x87,
				                 .ahs_words = (uint8_t)words,
				                 .data_len = be24_of(lengths[i]) };
			uint8_t *data = calloc(1, 8196);

			memset(bytes, 0xA5, sizeof bytes);
			memcpy(bytes, &bhs, sizeof bhs);
			assert_true(raw_write(raw, bytes, 48 + words * 4));
			(void)raw_write(raw, data, lengths[i] > 8192 ? 100 : (lengths[i] + 3) & ~3U);
			assert_true(raw_is_closed(raw)); /* no InitiatorName in it, whatever its lengths */
			free(data);
			raw_close(raw);
		}
	}
}

static void login_a_byte_at_a_time_works(void **state)
{
	static const char text[] = NAMES;
	struct iscsi_bhs bhs = { .opcode = 0x43, .flags = 0x87, .data_len = be24_of(sizeof text) };
	uint8_t bytes[48 + sizeof text + 4] = { 0 };
	struct raw *raw = raw_connect();

	(void)state;
	memcpy(bytes, &bhs, 48);
	memcpy(bytes + 48, text, sizeof text);
	for (size_t i = 0; i < 48 + ((sizeof text + 3) & ~3U); i++) {
		assert_true(raw_write(raw, bytes + i, 1));
		if (i % 16 == 0)
			usleep(500);
	}
	assert_true(raw_recv(raw, 2000));
	assert_int_equal(raw->bhs.login_status[0], 0);
	raw_close(raw);
}

static void anything_but_a_login_first_is_dropped(void **state)
{
	(void)state;
	for (unsigned opcode = 0; opcode < 64; opcode++) {
		struct iscsi_bhs bhs = { .opcode = (uint8_t)opcode, .flags = 0x80 };
		struct raw *raw;

		if (opcode == ISCSI_LOGIN_REQUEST)
			continue;
		raw = raw_connect();
		assert_true(raw_send(raw, &bhs, NULL, 0, NULL, 0));
		assert_true(raw_is_closed(raw));
		raw_close(raw);
	}
}

/* ---- discovery ---- */

static void send_targets_goes_on_over_continuations(void **state)
{
	static const char names[] =
	    "InitiatorName=iqn.2026-01.test:raw\0SessionType=Discovery\0MaxRecvDataSegmentLength=512",
	                  ask[] = "SendTargets=All";
	struct iscsi_bhs bhs = { .opcode = ISCSI_TEXT_REQUEST | ISCSI_IMMEDIATE,
		                 .flags = 0x80,
		                 .itt = be32_of(9),
		                 .ttt = be32_of(ISCSI_TAG_NONE) };
	struct raw *raw = raw_connect();
	char all[8192];
	size_t n = 0;
	unsigned parts = 1, portals = 0;

	(void)state;
	assert_int_equal(raw_login_step(raw, 0x87, names, sizeof names), 0);
	assert_true(raw_send(raw, &bhs, NULL, 0, ask, sizeof ask));
	for (;;) {
		assert_true(raw_recv(raw, 2000));
		assert_int_equal(raw->bhs.opcode, ISCSI_TEXT_RESPONSE);
		assert_true(raw->data_len <= 512);
		memcpy(all + n, raw->data, raw->data_len);
		n += raw->data_len;
		if ((raw->bhs.flags & ISCSI_FINAL) != 0)
			break;
		assert_int_equal(raw->bhs.flags, ISCSI_TEXT_CONTINUE);
		bhs.ttt = raw->bhs.ttt;
		assert_true(raw_send(raw, &bhs, NULL, 0, NULL, 0));
		parts++;
	}
	assert_true(parts > 1);
	assert_string_equal(all, "TargetName=" RAW_IQN);
	for (size_t at = 0; at < n; at += strlen(all + at) + 1)
		portals += strncmp(all + at, "TargetAddress=", 14) == 0;
	assert_int_equal(portals, 16); /* a unix socket has no address of its own */
	raw_close(raw);
}

/* ---- full feature phase ---- */

static void nop_out_is_echoed(void **state)
{
	struct iscsi_bhs bhs = { .opcode = ISCSI_NOP_OUT | ISCSI_IMMEDIATE,
		                 .flags = 0x80,
		                 .itt = be32_of(33),
		                 .ttt = be32_of(ISCSI_TAG_NONE) };
	struct raw *raw = logged_in(NULL, 0);
	uint8_t ping[5000];

	(void)state;
	pattern(ping, sizeof ping, 3);
	for (size_t n = 0; n < sizeof ping; n = n * 2 + 1) {
		assert_true(raw_send(raw, &bhs, NULL, 0, ping, n));
		assert_true(raw_recv(raw, 2000));
		assert_int_equal(raw->bhs.opcode, ISCSI_NOP_IN);
		assert_int_equal(raw->data_len, n);
		assert_memory_equal(raw->data, ping, n);
	}
	raw_close(raw);
}

/* Write `len` bytes at `lba` in the given parts, read them back. */
static void write_and_read_back(struct raw *raw, uint32_t lba, uint32_t len, bool immediate, bool unsolicited)
{
	uint32_t first = 65536, sent = 0, sn = 0, itt, offset, want;
	uint8_t cdb[10], *data = malloc(len);

	pattern(data, len, (uint8_t)(lba + len));
	write10(cdb, lba, (uint16_t)(len / 512));
	sent = immediate ? (len < 4000 ? len : 4000) : 0;
	itt = raw_command(raw, 0, cdb, 10, unsolicited && sent < len && sent < first ? 0x21 : 0xA1, len, data, sent);
	while (unsolicited && sent < len && sent < first) {
		uint32_t part = len - sent < 20000 ? len - sent : 20000;

		part = part < first - sent ? part : first - sent;
		assert_true(raw_data_out(raw, itt, ISCSI_TAG_NONE, sn++, sent, data + sent, part,
		                         sent + part == len || sent + part == first));
		sent += part;
	}
	for (;;) {
		assert_true(raw_recv(raw, 5000));
		if (raw->bhs.opcode != ISCSI_R2T)
			break;
		offset = be32_get(raw->bhs.offset);
		want = be32_get(raw->bhs.desired_len);
		assert_int_equal(offset, sent);
		sn = 0;
		for (uint32_t done = 0; done < want;) {
			uint32_t part = want - done < 100000 ? want - done : 100000;

			assert_true(raw_data_out(raw, itt, be32_get(raw->bhs.ttt), sn++, offset + done,
			                         data + offset + done, part, done + part == want));
			done += part;
		}
		sent += want;
	}
	assert_int_equal(raw->bhs.opcode, ISCSI_SCSI_RESPONSE);
	assert_int_equal(raw->bhs.byte3, 0);
	assert_int_equal(sent, len);
	cdb[0] = OP_READ_10;
	assert_int_equal(raw_scsi(raw, 0, cdb, 10, len, NULL, 0), 0);
	assert_int_equal(raw->data_len, len);
	assert_memory_equal(raw->data, data, len);
	free(data);
}

static void data_moves_in_every_way_there_is(void **state)
{
	static const uint32_t lengths[] = { 512, 4096, 4608, 65536, 66048, 131072, 1048576, 1048576 + 4096 };
	static const char keys[] = "InitialR2T=No\0ImmediateData=Yes\0FirstBurstLength=65536\0MaxBurstLength="
	                           "262144\0MaxRecvDataSegmentLength=32768";

	(void)state;
	for (unsigned digests = 0; digests < 2; digests++) {
		char more[256];
		struct raw *raw;

		memcpy(more, keys, sizeof keys);
		memcpy(more + sizeof keys, "HeaderDigest=CRC32C\0DataDigest=CRC32C", 38);
		raw = logged_in(more, sizeof keys + (digests ? 38 : 0));
		assert_int_equal(raw->data_digest, digests);
		for (size_t i = 0; i < sizeof lengths / sizeof lengths[0]; i++) {
			for (unsigned how = 0; how < 4; how++)
				write_and_read_back(raw, 1 + how * 3, lengths[i], how & 1, how & 2);
		}
		raw_close(raw);
	}
	assert_int_equal(ramlun_seen.longest_io, FS_IO_MAX);
}

static void damaged_data_fails_the_command_and_damaged_headers_the_connection(void **state)
{
	struct raw *raw = logged_in("HeaderDigest=CRC32C\0DataDigest=CRC32C", 38);
	struct iscsi_bhs bhs = { .opcode = ISCSI_SCSI_COMMAND,
		                 .flags = 0xA1,
		                 .itt = be32_of(77),
		                 .edtl = be32_of(512),
		                 .cmdsn = be32_of(raw->cmdsn++) };
	uint8_t bytes[48 + 4 + 512 + 4] = { 0 };
	unsigned writes = ramlun_seen.writes;
	le32 digest;

	(void)state;
	write10(bhs.cdb, 0, 1);
	bhs.data_len = be24_of(512);
	memcpy(bytes, &bhs, 48);
	digest = le32_of(crc32c(bytes, 48));
	memcpy(bytes + 48, &digest, 4);
	bytes[60] = 1; /* and the digest says nothing of the sort */
	assert_true(raw_write(raw, bytes, sizeof bytes));
	assert_true(raw_recv(raw, 2000));
	assert_int_equal(raw->bhs.opcode, ISCSI_REJECT);
	assert_int_equal(raw->bhs.byte2, REJECT_DATA_DIGEST);
	assert_true(raw_recv(raw, 2000));
	assert_int_equal(raw->bhs.byte3, SCSI_CHECK_CONDITION);
	assert_int_equal(raw_sense(raw), 0xB4705);
	assert_int_equal(ramlun_seen.writes, writes);
	raw_settle(raw, 0);
	bytes[48] ^= 1;
	assert_true(raw_write(raw, bytes, sizeof bytes));
	assert_true(raw_is_closed(raw));
	raw_close(raw);
}

/* Each spoils one thing of a Data-Out that answers an R2T for 8192 bytes. */
static void data_out_that_breaks_the_rules_fails_the_command_only(void **state)
{
	struct raw *raw = logged_in(NULL, 0);
	uint8_t cdb[10], data[16384] = { 0 };

	(void)state;
	write10(cdb, 0, 16);
	for (unsigned how = 0; how < 5; how++) {
		uint32_t itt = raw_command(raw, 0, cdb, 10, 0xA1, 8192, NULL, 0), ttt;

		assert_true(raw_recv(raw, 2000));
		assert_int_equal(raw->bhs.opcode, ISCSI_R2T);
		assert_int_equal(be32_get(raw->bhs.desired_len), 8192);
		ttt = be32_get(raw->bhs.ttt);
		switch (how) {
		case 0: assert_true(raw_data_out(raw, itt, ttt, 0, 4096, data, 4096, true)); break; /* wrong offset */
		case 1:
			assert_true(raw_data_out(raw, itt, ttt, 1, 0, data, 8192, true));
			break; /* wrong DataSN */
		/* more than asked for */
		case 2: assert_true(raw_data_out(raw, itt, ttt, 0, 0, data, 16384, true)); break;
		case 3: assert_true(raw_data_out(raw, itt, ttt, 0, 0, data, 4096, true)); break; /* less */
		default:
			assert_true(raw_data_out(raw, itt, ttt, 0, 0, data, 4096, false));
			assert_true(raw_data_out(raw, itt, ttt, 0, 4096, data, 4096, true)); /* the same DataSN again */
			break;
		}
		assert_true(raw_recv(raw, 2000));
		assert_int_equal(raw->bhs.opcode, ISCSI_REJECT);
		assert_true(raw_recv(raw, 2000));
		assert_int_equal(raw->bhs.opcode, ISCSI_SCSI_RESPONSE);
		assert_int_equal(raw_sense(raw) >> 8, 0xB4B);
		/* and what still comes for it is dropped, as is what never belonged to anything */
		assert_true(raw_data_out(raw, itt, ttt, 0, 0, data, 8192, true));
		assert_true(raw_data_out(raw, 0xABCDEF, 0x123, 0, 0, data, 8192, true));
		assert_true(raw_data_out(raw, 0xABCDEF, ISCSI_TAG_NONE, 0, 0, data, 8192, true));
		raw_settle(raw, 0);
	}
	raw_close(raw);
}

static void commands_that_break_the_negotiated_rules_are_rejected(void **state)
{
	struct raw *raw = logged_in("ImmediateData=No", 17); /* and InitialR2T is Yes */
	uint8_t cdb[10], data[512] = { 0 };

	(void)state;
	write10(cdb, 0, 1);
	(void)raw_command(raw, 0, cdb, 10, 0xA1, 512, data, 512);
	assert_true(raw_recv(raw, 2000));
	assert_int_equal(raw->bhs.opcode, ISCSI_REJECT);
	(void)raw_command(raw, 0, cdb, 10, 0x21, 512, NULL, 0);
	assert_true(raw_recv(raw, 2000));
	assert_int_equal(raw->bhs.opcode, ISCSI_REJECT);
	raw_settle(raw, 0);
	raw_close(raw);
}

static void commands_outside_the_window_are_ignored(void **state)
{
	static const uint8_t ready[6] = { 0 };
	struct raw *raw = logged_in(NULL, 0);
	uint32_t good = raw->cmdsn;

	(void)state;
	raw->cmdsn = raw->max_cmdsn + 1;
	(void)raw_command(raw, 0, ready, 6, 0x81, 0, NULL, 0);
	assert_false(raw_recv(raw, 100));
	raw->cmdsn = good - 1;
	(void)raw_command(raw, 0, ready, 6, 0x81, 0, NULL, 0);
	assert_false(raw_recv(raw, 100));
	raw->cmdsn = good;
	assert_int_equal(raw_scsi(raw, 0, ready, 6, 0, NULL, 0), 0);
	raw_close(raw);
}

static void the_window_closes_when_commands_are_held_and_opens_again(void **state)
{
	static const uint8_t read10[10] = { OP_READ_10, 0, 0, 0, 0, 0, 0, 0, 8 };
	struct raw *raw = logged_in(NULL, 0);

	(void)state;
	ramlun_hold(true);
	for (unsigned i = 0; i < 128; i++)
		(void)raw_command(raw, 0, read10, 10, 0xC1, 4096, NULL, 0);
	raw_wait_held(128);
	(void)raw_command(raw, 0, read10, 10, 0xC1, 4096, NULL, 0); /* one too many: must be ignored */
	raw->cmdsn--;
	usleep(50000);
	assert_int_equal(ramlun_held(), 128);
	ramlun_hold(false);
	for (unsigned i = 0; i < 128; i++) {
		assert_true(raw_recv(raw, 2000));
		assert_int_equal(raw->bhs.opcode, ISCSI_DATA_IN);
		assert_int_equal(raw->bhs.flags & 0x81, 0x81);
	}
	assert_int_equal(raw->max_cmdsn - raw->exp_cmdsn + 1, 128);
	raw_settle(raw, 0);
	raw_close(raw);
}

static void writes_wait_for_pages_when_there_are_none(void **state)
{
	static uint8_t data[65536];
	struct raw *raw = logged_in(NULL, 0);
	struct page **all = calloc(page_arena_max(), sizeof(*all));
	uint8_t cdb[10];
	size_t n = 0;

	(void)state;
	assert_non_null(all);
	ramlun_hold(true);
	write10(cdb, 0, 128);
	while ((all[n] = page_alloc()) != NULL)
		n++;
	for (unsigned i = 0; i < 4; i++)
		(void)raw_command(raw, 0, cdb, 10, 0xA1, 65536, NULL, 0); /* these ask for their data when they can */
	for (unsigned i = 0; i < 2; i++)
		(void)raw_command(raw, 0, cdb, 10, 0xA1, 4096, data,
		                  4096); /* and these bring it: pages of the thread's own cache, at most */
	assert_true(ramlun_held() <= 2);
	usleep(100000);
	page_put_many(all, n);
	free(all);
	ramlun_hold(false);
	for (unsigned done = 0; done < 6;) {
		assert_true(raw_recv(raw, 5000));
		if (raw->bhs.opcode == ISCSI_R2T) {
			assert_true(
			    raw_data_out(raw, be32_get(raw->bhs.itt), be32_get(raw->bhs.ttt), 0, 0, data, 65536, true));
			continue;
		}
		assert_int_equal(raw->bhs.opcode, ISCSI_SCSI_RESPONSE);
		assert_int_equal(raw->bhs.byte3, SCSI_GOOD);
		done++;
	}
	raw_close(raw);
}

/* ---- task management ---- */

static int tmf(struct raw *raw, uint8_t function, uint32_t lun, uint32_t referenced)
{
	struct iscsi_bhs bhs = { .opcode = ISCSI_TASK_REQUEST | ISCSI_IMMEDIATE,
		                 .flags = (uint8_t)(0x80 | function),
		                 .itt = be32_of(0x7000),
		                 .referenced_tag = be32_of(referenced),
		                 .cmdsn = be32_of(raw->cmdsn) };

	bhs.lun[1] = (uint8_t)lun;
	assert_true(raw_send(raw, &bhs, NULL, 0, NULL, 0));
	if (!raw_recv(raw, 300))
		return -1;
	assert_int_equal(raw->bhs.opcode, ISCSI_TASK_RESPONSE);
	return raw->bhs.byte2;
}

static void an_abort_is_answered_when_the_task_is_gone_and_the_task_never(void **state)
{
	static const uint8_t read10[10] = { OP_READ_10, 0, 0, 0, 0, 0, 0, 0, 8 };
	struct raw *raw = logged_in(NULL, 0);
	uint8_t cdb[10], data[8192] = { 0 };
	uint32_t itt, ttt;

	(void)state;
	ramlun_hold(true);
	itt = raw_command(raw, 0, read10, 10, 0xC1, 4096, NULL, 0);
	raw_wait_held(1);
	assert_int_equal(tmf(raw, TMF_ABORT_TASK, 0, itt), -1); /* still at work */
	ramlun_hold(false);
	assert_true(raw_recv(raw, 2000));
	assert_int_equal(raw->bhs.opcode, ISCSI_TASK_RESPONSE);
	assert_int_equal(raw->bhs.byte2, TMF_COMPLETE);
	assert_int_equal(tmf(raw, TMF_ABORT_TASK, 0, itt), TMF_NO_TASK);
	assert_int_equal(tmf(raw, TMF_ABORT_TASK, 9, itt), TMF_NO_LUN);
	write10(cdb, 0, 16); /* one that waits for data */
	itt = raw_command(raw, 0, cdb, 10, 0xA1, 8192, NULL, 0);
	assert_true(raw_recv(raw, 2000));
	ttt = be32_get(raw->bhs.ttt);
	assert_int_equal(tmf(raw, TMF_ABORT_TASK, 0, itt), TMF_COMPLETE);
	assert_true(raw_data_out(raw, itt, ttt, 0, 0, data, 8192, true));
	raw_settle(raw, 0);
	raw_close(raw);
}

static void a_lun_reset_aborts_its_tasks_and_tells_every_nexus(void **state)
{
	static const uint8_t read10[10] = { OP_READ_10, 0, 0, 0, 0, 0, 0, 0, 8 }, ready[6] = { 0 };
	struct raw *raw = logged_in(NULL, 0), *other = raw_connect();

	(void)state;
	other->isid_tail = 9;
	assert_int_equal(raw_login(other, NULL, 0), 0);
	raw_settle(other, 0);
	ramlun_hold(true);
	for (unsigned i = 0; i < 5; i++)
		(void)raw_command(raw, 0, read10, 10, 0xC1, 4096, NULL, 0);
	(void)raw_command(raw, 1, read10, 10, 0xC1, 4096, NULL, 0);
	raw_wait_held(5); /* LUN 1 answers POWER ON, and holds nothing */
	assert_true(raw_recv(raw, 2000));
	assert_int_equal(raw_sense(raw), 0x62900);
	assert_int_equal(tmf(raw, TMF_LOGICAL_UNIT_RESET, 0, 0), -1);
	ramlun_hold(false);
	assert_true(raw_recv(raw, 2000));
	assert_int_equal(raw->bhs.opcode, ISCSI_TASK_RESPONSE); /* and nothing of the five */
	assert_int_equal(raw_scsi(other, 0, ready, 6, 0, NULL, 0), SCSI_CHECK_CONDITION);
	assert_int_equal(raw_sense(other), 0x62903);
	raw_settle(other, 0);
	assert_int_equal(tmf(other, TMF_TARGET_COLD_RESET, 0, 0), TMF_NOT_SUPPORTED);
	assert_int_equal(tmf(other, TMF_TASK_REASSIGN, 0, 0), TMF_NO_FAILOVER);
	assert_int_equal(tmf(other, TMF_TARGET_WARM_RESET, 0, 0), TMF_COMPLETE);
	raw_close(raw);
	raw_close(other);
}

/* ---- sessions come and go ---- */

static void a_new_login_of_the_same_name_and_isid_waits_for_the_old_session(void **state)
{
	static const uint8_t read10[10] = { OP_READ_10, 0, 0, 0, 0, 0, 0, 0, 8 };
	struct raw *old = logged_in(NULL, 0), *fresh = raw_connect();
	struct iscsi_bhs bhs = { .opcode = 0x43, .flags = 0x87, .itt = be32_of(7) };
	struct iscsi_session_info info;

	(void)state;
	ramlun_hold(true);
	(void)raw_command(old, 0, read10, 10, 0xC1, 4096, NULL, 0);
	raw_wait_held(1);
	bhs.isid[0] = 0x80;
	assert_true(raw_send(fresh, &bhs, NULL, 0, NAMES, sizeof NAMES));
	assert_true(raw_is_closed(old));
	assert_false(raw_recv(fresh, 100)); /* a task of the old one is still in the file system */
	ramlun_hold(false);
	assert_true(raw_recv(fresh, 2000));
	assert_int_equal(fresh->bhs.login_status[0], 0);
	assert_int_equal(iscsi_server_sessions(raw_server(), &info, 1), 1);
	assert_string_equal(info.initiator, "iqn.2026-01.test:raw");
	assert_int_equal(iscsi_server_end_session(raw_server(), info.id), 0);
	assert_true(raw_is_closed(fresh));
	assert_int_equal(iscsi_server_end_session(raw_server(), 12345), -ENOENT);
	raw_close(old);
	raw_close(fresh);
}

static void connections_die_in_every_state_with_io_in_flight(void **state)
{
	uint8_t cdb[10], data[4096] = { 0 };

	(void)state;
	write10(cdb, 0, 128);
	for (unsigned how = 0; how < 24; how++) {
		struct raw *raw = logged_in("InitialR2T=No", 14);

		ramlun_hold(how & 1);
		if (how & 2)
			(void)raw_command(raw, 0, cdb, 10, 0xA1, 65536, data, 4096);
		if (how & 4)
			(void)raw_command(raw, 0, cdb, 10, 0x21, 65536, data, 4096); /* unsolicited data to come */
		if (how & 8) {
			static const uint8_t read10[10] = { OP_READ_10, 0, 0, 0, 0, 0, 0, 1, 0 };

			(void)raw_command(raw, 0, read10, 10, 0xC1, 131072, NULL, 0);
		}
		if (how & 16) {
			struct iscsi_bhs bhs = { .opcode = ISCSI_LOGOUT_REQUEST | ISCSI_IMMEDIATE,
				                 .flags = 0x80,
				                 .itt = be32_of(99) };

			assert_true(raw_send(raw, &bhs, NULL, 0, NULL, 0));
		} else {
			(void)raw_write(raw, data, how); /* part of a header */
		}
		if (how % 3 == 0)
			usleep(1000);
		raw_close(raw);
		ramlun_hold(false);
	}
}

static void logout_is_answered_and_the_connection_closed(void **state)
{
	struct raw *raw = logged_in(NULL, 0);
	struct iscsi_bhs bhs = {
		.opcode = ISCSI_LOGOUT_REQUEST, .flags = 0x82, .itt = be32_of(5), .cmdsn = be32_of(raw->cmdsn++)
	};

	(void)state;
	assert_true(raw_send(raw, &bhs, NULL, 0, NULL, 0));
	assert_true(raw_recv(raw, 2000));
	assert_int_equal(raw->bhs.byte2, LOGOUT_NO_RECOVERY);
	bhs.flags = 0x80;
	bhs.cmdsn = be32_of(raw->cmdsn);
	assert_true(raw_send(raw, &bhs, NULL, 0, NULL, 0));
	assert_true(raw_recv(raw, 2000));
	assert_int_equal(raw->bhs.opcode, ISCSI_LOGOUT_RESPONSE);
	assert_int_equal(raw->bhs.byte2, LOGOUT_DONE);
	assert_true(raw_is_closed(raw));
	raw_close(raw);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(login_in_one_step_ends_in_full_feature),
		cmocka_unit_test(login_through_security_takes_two_steps),
		cmocka_unit_test(login_that_is_wrong_is_refused_with_the_right_status),
		cmocka_unit_test(login_text_without_its_last_nul_is_taken),
		cmocka_unit_test(login_over_continued_text_is_put_together),
		cmocka_unit_test(login_with_2048_unknown_keys_gets_a_bounded_answer),
		cmocka_unit_test(login_with_long_names_and_values_is_refused),
		cmocka_unit_test(login_with_a_name_of_no_form_is_refused_and_not_believed),
		cmocka_unit_test(every_header_length_before_login_is_survived),
		cmocka_unit_test(login_a_byte_at_a_time_works),
		cmocka_unit_test(anything_but_a_login_first_is_dropped),
		cmocka_unit_test(send_targets_goes_on_over_continuations),
		cmocka_unit_test(nop_out_is_echoed),
		cmocka_unit_test(data_moves_in_every_way_there_is),
		cmocka_unit_test(damaged_data_fails_the_command_and_damaged_headers_the_connection),
		cmocka_unit_test(data_out_that_breaks_the_rules_fails_the_command_only),
		cmocka_unit_test(commands_that_break_the_negotiated_rules_are_rejected),
		cmocka_unit_test(commands_outside_the_window_are_ignored),
		cmocka_unit_test(the_window_closes_when_commands_are_held_and_opens_again),
		cmocka_unit_test(writes_wait_for_pages_when_there_are_none),
		cmocka_unit_test(an_abort_is_answered_when_the_task_is_gone_and_the_task_never),
		cmocka_unit_test(a_lun_reset_aborts_its_tasks_and_tells_every_nexus),
		cmocka_unit_test(a_new_login_of_the_same_name_and_isid_waits_for_the_old_session),
		cmocka_unit_test(connections_die_in_every_state_with_io_in_flight),
		cmocka_unit_test(logout_is_answered_and_the_connection_closed),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
