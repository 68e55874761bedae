/* SPDX-License-Identifier: Apache-2.0 */
/* Ill-behaved peers, in numbers: clients that do not read, do not send what they announced, or send a byte at a time.
 *
 * usage: illpeers --kind KIND --nfs PORT --iscsi PORT [--from ADDRESS] [--count N] [--seconds N] [--export PATH]
 * [--file NAME]
 *                 [--target NAME] [--lun N]          illpeers --list
 *
 * THEORY. One process is one kind, from one address. A kind is a row of `kinds`: `begin` connects and says what a good
 * client would say (it waits for answers), `feed` puts the next bytes to be sent into the peer's buffer, or nothing
 * when the peer has nothing more to say. From then on nobody reads. A peer that is cut off comes back, at most
 * RETURNS_MAX times each. Prints "ready N" when the first round is connected or kept out, and one line of figures at
 * the end, which is after --seconds or at a SIGTERM. To add a kind, add a row. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/list.h"
#include "proto/iscsi/iscsi_spec.h"
#include "proto/rpc/rpc_out.h"

#define COUNT_MAX 8192U
#define RETURNS_MAX 1000U
#define OUT_SIZE 65536U
#define ANSWER_SIZE 65536U
#define IO_BYTES (1U << 20)
#define RETURN_MS 200U
#define DRIBBLE_MS 1000U
#define HANDSHAKE_S 3
#define READY_MS 5000U /* who is not let in by then tries again later */

struct kind;

struct peer {
	int fd; /* -1: away */
	uint32_t sequence; /* XID or CmdSN */
	uint64_t wait_until_ms; /* nothing to do before */
	unsigned returns;
	uint8_t out[OUT_SIZE];
	size_t out_at, out_len;
};

struct kind {
	const char *name;
	const char *what;
	bool iscsi; /* else NFS */
	size_t at_once; /* of what was fed; the rest goes a byte each DRIBBLE_MS. 0: all of it */
	bool (*begin)(struct peer *peer);
	void (*feed)(struct peer *peer);
};

static struct {
	const struct kind *kind;
	const char *from, *export, *file, *target;
	uint16_t nfs_port, iscsi_port;
	unsigned count, seconds, lun;
	struct peer *peers;
	uint64_t n_connected, n_cut, n_failed, sent_bytes;
	uint8_t handle[64]; /* of the export's root, and of the file in it */
	uint32_t handle_len;
	uint8_t file_handle[64];
	uint32_t file_handle_len;
} the;

static volatile sig_atomic_t terminated;

static uint64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000U + (uint64_t)now.tv_nsec / 1000000U;
}

/* ---- sockets ---- */

static bool send_all(int fd, const void *bytes, size_t len)
{
	return send(fd, bytes, len, MSG_NOSIGNAL) == (ssize_t)len;
}

static bool read_all(int fd, void *bytes, size_t len)
{
	return recv(fd, bytes, len, MSG_WAITALL) == (ssize_t)len;
}

/* A connection from `the.from`, which blocks for HANDSHAKE_S at most, with next to no room for what is not read. */
static int peer_connect(uint16_t port)
{
	struct sockaddr_in own = { .sin_family = AF_INET }, server = { .sin_family = AF_INET, .sin_port = htons(port) };
	struct timeval limit = { .tv_sec = HANDSHAKE_S };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), small = 4096, one = 1;

	server.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (fd < 0)
		return -1;
	(void)setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof small);
	(void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
	(void)setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
	(void)setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &one, sizeof one);
	if (inet_pton(AF_INET, the.from, &own.sin_addr) != 1 || bind(fd, (struct sockaddr *)&own, sizeof own) != 0 ||
	    connect(fd, (struct sockaddr *)&server, sizeof server) != 0) {
		close(fd);
		return -1;
	}
	return fd;
}

/* ---- NFS and MOUNT ---- */

enum { MOUNT_PROGRAM = 100005, NFS_PROGRAM = 100003, PROGRAM_VERSION = 3 };
enum {
	MOUNT_MNT = 1,
	MOUNT_DUMP = 2,
	MOUNT_EXPORT = 5,
	NFS_LOOKUP = 3,
	NFS_READ = 6,
	NFS_WRITE = 7,
	NFS_READDIRPLUS = 17
};
#define ACCEPTED_SIZE 24U /* XID to accept status of a reply without a verifier */

/* Begin a call of user 0 in `out`; call_end fills in its mark. */
static void call_begin(struct peer *peer, struct rpc_out *out, uint8_t *bytes, size_t size, uint32_t program,
                       uint32_t procedure)
{
	rpc_out_init(out, bytes, size);
	rpc_out_u32(out, 0);
	rpc_out_u32(out, ++peer->sequence);
	rpc_out_u32(out, 0); /* a call */
	rpc_out_u32(out, 2);
	rpc_out_u32(out, program);
	rpc_out_u32(out, PROGRAM_VERSION);
	rpc_out_u32(out, procedure);
	rpc_out_u32(out, 1); /* AUTH_SYS: stamp, name, uid, gid, gids */
	rpc_out_u32(out, 20);
	for (unsigned i = 0; i < 5; i++)
		rpc_out_u32(out, 0);
	rpc_out_u32(out, 0); /* no verifier */
	rpc_out_u32(out, 0);
}

/* `more` bytes are promised to follow what is in `out`. */
static size_t call_end(struct rpc_out *out, uint32_t more)
{
	be32 mark = be32_of(0x80000000U | ((uint32_t)rpc_out_len(out) - 4U + more));

	memcpy(out->base, &mark, sizeof mark);
	return rpc_out_len(out);
}

/* Send a call and read its reply's results into `answer`; their length, 0: no. */
static uint32_t call_wait(struct peer *peer, struct rpc_out *out, uint8_t *answer)
{
	size_t len = call_end(out, 0);
	uint32_t size;
	be32 mark;

	if (!send_all(peer->fd, out->base, len) || !read_all(peer->fd, &mark, sizeof mark))
		return 0;
	size = be32_get(mark) & 0x7FFFFFFFU;
	if (size < ACCEPTED_SIZE || size > ANSWER_SIZE || !read_all(peer->fd, answer, size))
		return 0;
	memmove(answer, answer + ACCEPTED_SIZE, size - ACCEPTED_SIZE);
	return size - ACCEPTED_SIZE;
}

/* An OK status and a file handle. */
static bool handle_take(const uint8_t *answer, uint32_t len, uint8_t *ret_handle, uint32_t *ret_len)
{
	be32 words[2];

	if (len < sizeof words)
		return false;
	memcpy(words, answer, sizeof words);
	*ret_len = be32_get(words[1]);
	if (be32_get(words[0]) != 0 || *ret_len > 64 || len < sizeof words + *ret_len)
		return false;
	memcpy(ret_handle, answer + sizeof words, *ret_len);
	return true;
}

static bool begin_plain(struct peer *peer)
{
	peer->fd = peer_connect(the.kind->iscsi ? the.iscsi_port : the.nfs_port);
	return peer->fd >= 0;
}

/* Mounted, with the handles of the root and, when there is one, of the file. Once is enough for all. */
static bool begin_mounted(struct peer *peer)
{
	uint8_t call[512], answer[ANSWER_SIZE];
	struct rpc_out out;

	if (!begin_plain(peer))
		return false;
	if (the.handle_len > 0)
		return true;
	call_begin(peer, &out, call, sizeof call, MOUNT_PROGRAM, MOUNT_MNT);
	rpc_out_opaque(&out, the.export, (uint32_t)strlen(the.export));
	if (!handle_take(answer, call_wait(peer, &out, answer), the.handle, &the.handle_len))
		return false;
	call_begin(peer, &out, call, sizeof call, NFS_PROGRAM, NFS_LOOKUP);
	rpc_out_opaque(&out, the.handle, the.handle_len);
	rpc_out_opaque(&out, the.file, (uint32_t)strlen(the.file));
	return handle_take(answer, call_wait(peer, &out, answer), the.file_handle, &the.file_handle_len);
}

static void out_begin(struct peer *peer, struct rpc_out *out, uint32_t program, uint32_t procedure)
{
	call_begin(peer, out, peer->out + peer->out_len, OUT_SIZE - peer->out_len, program, procedure);
}

static void out_end(struct peer *peer, struct rpc_out *out, uint32_t more)
{
	if (!out->overflow)
		peer->out_len += call_end(out, more);
}

static void feed_export(struct peer *peer)
{
	struct rpc_out out;

	out_begin(peer, &out, MOUNT_PROGRAM, MOUNT_EXPORT);
	out_end(peer, &out, 0);
}

static void feed_dump(struct peer *peer)
{
	struct rpc_out out;

	out_begin(peer, &out, MOUNT_PROGRAM, MOUNT_DUMP);
	out_end(peer, &out, 0);
}

static void feed_read(struct peer *peer)
{
	struct rpc_out out;

	out_begin(peer, &out, NFS_PROGRAM, NFS_READ);
	rpc_out_opaque(&out, the.file_handle, the.file_handle_len);
	rpc_out_u64(&out, (uint64_t)(peer->sequence % 16U) * IO_BYTES);
	rpc_out_u32(&out, IO_BYTES);
	out_end(peer, &out, 0);
}

static void feed_readdirplus(struct peer *peer)
{
	struct rpc_out out;

	out_begin(peer, &out, NFS_PROGRAM, NFS_READDIRPLUS);
	rpc_out_opaque(&out, the.handle, the.handle_len);
	rpc_out_u64(&out, 0);
	rpc_out_u64(&out, 0);
	rpc_out_u32(&out, 65536);
	rpc_out_u32(&out, 65536);
	out_end(peer, &out, 0);
}

static void write_head(struct peer *peer)
{
	struct rpc_out out;

	out_begin(peer, &out, NFS_PROGRAM, NFS_WRITE);
	rpc_out_opaque(&out, the.file_handle, the.file_handle_len);
	rpc_out_u64(&out, 0);
	rpc_out_u32(&out, IO_BYTES);
	rpc_out_u32(&out, 0); /* UNSTABLE */
	rpc_out_u32(&out, IO_BYTES);
	out_end(peer, &out, IO_BYTES);
}

/* The head of a WRITE and a KiB of its data (what decides about it may look that far), then nothing. */
static void feed_write_unsent(struct peer *peer)
{
	write_head(peer);
	memset(peer->out + peer->out_len, 0, 1024);
	peer->out_len += 1024;
	peer->wait_until_ms = UINT64_MAX;
}

static void feed_write(struct peer *peer)
{
	write_head(peer);
	memset(peer->out + peer->out_len, 0, OUT_SIZE - peer->out_len);
	peer->out_len = OUT_SIZE;
}

/* A fragment that is not the last, of 16 KiB; what follows it would be the next one. */
static void feed_fragment(struct peer *peer)
{
	be32 mark = be32_of(16384);

	memcpy(peer->out, &mark, sizeof mark);
	memset(peer->out + sizeof mark, 0, 16384);
	peer->out_len = sizeof mark + 16384;
}

/* ---- iSCSI ---- */

static void pdu_number(struct peer *peer, struct iscsi_bhs *bhs)
{
	bhs->itt = be32_of(peer->sequence);
	bhs->cmdsn = be32_of(peer->sequence++);
}

/* Read a PDU; its header in `ret_bhs`. */
static bool pdu_read(struct peer *peer, struct iscsi_bhs *ret_bhs)
{
	uint8_t data[ANSWER_SIZE];
	uint32_t len;

	if (!read_all(peer->fd, ret_bhs, sizeof *ret_bhs))
		return false;
	len = ROUND_UP(be24_get(ret_bhs->data_len), 4U);
	return len == 0 || (len <= sizeof data && read_all(peer->fd, data, len));
}

static bool login(struct peer *peer, bool discovery)
{
	struct iscsi_bhs bhs = { .opcode = ISCSI_LOGIN_REQUEST | ISCSI_IMMEDIATE, .flags = 0x87U }, answer;
	unsigned index = (unsigned)(peer - the.peers);
	char text[1024];
	size_t len;

	if (!begin_plain(peer))
		return false;
	len = (size_t)snprintf(text, sizeof text, "InitiatorName=iqn.2026-11.org.vcstore:ill.%s.%u%cSessionType=%s%c",
	                       the.kind->name, index, 0, discovery ? "Discovery" : "Normal", 0);
	if (!discovery)
		len += (size_t)snprintf(text + len, sizeof text - len,
		                        "TargetName=%s%cInitialR2T=Yes%cImmediateData=Yes%c", the.target, 0, 0, 0);
	memcpy(bhs.isid, "\x80\x00\x00\x00", 4);
	bhs.isid[4] = (uint8_t)(index >> 8);
	bhs.isid[5] = (uint8_t)index;
	bhs.data_len = be24_of((uint32_t)len);
	peer->sequence = 1;
	bhs.cmdsn = be32_of(1);
	memset(text + len, 0, 4);
	return send_all(peer->fd, &bhs, sizeof bhs) && send_all(peer->fd, text, ROUND_UP(len, 4U)) &&
	       pdu_read(peer, &answer) && be32_get(*(be32 *)(void *)answer.login_status) >> 16 == 0;
}

static bool begin_discovery(struct peer *peer)
{
	return login(peer, true);
}

static void lun_set(struct iscsi_bhs *bhs)
{
	bhs->lun[1] = (uint8_t)the.lun;
}

/* Logged in, unit attentions taken. */
static bool begin_session(struct peer *peer)
{
	struct iscsi_bhs answer;

	if (!login(peer, false))
		return false;
	for (unsigned i = 0; i < 4; i++) {
		struct iscsi_bhs bhs = { .opcode = ISCSI_SCSI_COMMAND, .flags = ISCSI_FINAL };

		lun_set(&bhs);
		pdu_number(peer, &bhs);
		if (!send_all(peer->fd, &bhs, sizeof bhs) || !pdu_read(peer, &answer))
			return false;
		if (answer.byte3 == 0)
			return true;
	}
	return false;
}

static void pdu_put(struct peer *peer, struct iscsi_bhs *bhs, const void *data, uint32_t len)
{
	uint32_t padded = ROUND_UP(len, 4U);

	if (OUT_SIZE - peer->out_len < sizeof *bhs + padded)
		return;
	bhs->data_len = be24_of(len);
	memcpy(peer->out + peer->out_len, bhs, sizeof *bhs);
	peer->out_len += sizeof *bhs;
	memset(peer->out + peer->out_len, 0, padded);
	if (len > 0)
		memcpy(peer->out + peer->out_len, data, len);
	peer->out_len += padded;
}

static void feed_nop(struct peer *peer)
{
	static const uint8_t ping[8192];
	struct iscsi_bhs bhs = { .opcode = ISCSI_NOP_OUT | ISCSI_IMMEDIATE,
		                 .flags = ISCSI_FINAL,
		                 .itt = be32_of(7),
		                 .ttt = be32_of(ISCSI_TAG_NONE) };

	bhs.cmdsn = be32_of(peer->sequence);
	pdu_put(peer, &bhs, ping, sizeof ping);
}

static void feed_targets(struct peer *peer)
{
	static const char text[] = "SendTargets=All";
	struct iscsi_bhs bhs = { .opcode = ISCSI_TEXT_REQUEST | ISCSI_IMMEDIATE,
		                 .flags = ISCSI_FINAL,
		                 .itt = be32_of(7),
		                 .ttt = be32_of(ISCSI_TAG_NONE) };

	bhs.cmdsn = be32_of(peer->sequence);
	pdu_put(peer, &bhs, text, sizeof text);
}

/* READ(10) or WRITE(10) of a MiB. */
static void command(struct peer *peer, struct iscsi_bhs *bhs, bool write)
{
	*bhs = (struct iscsi_bhs){ .opcode = ISCSI_SCSI_COMMAND, .flags = ISCSI_FINAL, .edtl = be32_of(IO_BYTES) };
	bhs->flags |= write ? ISCSI_COMMAND_WRITE : ISCSI_COMMAND_READ;
	lun_set(bhs);
	pdu_number(peer, bhs);
	bhs->cdb[0] = write ? 0x2A : 0x28;
	bhs->cdb[4] = (uint8_t)(peer->sequence % 16U * 8U); /* LBA in steps of a MiB */
	bhs->cdb[7] = IO_BYTES / 512 >> 8;
}

static void feed_scsi_read(struct peer *peer)
{
	struct iscsi_bhs bhs;

	if (peer->sequence > 120) { /* the window is closed: nothing more to say */
		peer->wait_until_ms = UINT64_MAX;
		return;
	}
	command(peer, &bhs, false);
	pdu_put(peer, &bhs, NULL, 0);
}

static void feed_r2t(struct peer *peer)
{
	struct iscsi_bhs bhs;

	for (unsigned i = 0; i < 32; i++) {
		command(peer, &bhs, true);
		pdu_put(peer, &bhs, NULL, 0);
	}
	peer->wait_until_ms = UINT64_MAX;
}

/* A WRITE whose 32 KiB of immediate data are announced, and one of them sent. */
static void feed_immediate(struct peer *peer)
{
	static const uint8_t data[32768];
	struct iscsi_bhs bhs;

	command(peer, &bhs, true);
	pdu_put(peer, &bhs, data, sizeof data);
}

static void feed_immediate_unsent(struct peer *peer)
{
	feed_immediate(peer);
	peer->out_len -= 31744;
	peer->wait_until_ms = UINT64_MAX;
}

static const struct kind kinds[] = {
	{ "export-unread", "MOUNT EXPORT, replies not read", false, 0, begin_plain, feed_export },
	{ "dump-unread", "MOUNT DUMP, replies not read", false, 0, begin_plain, feed_dump },
	{ "read-unread", "NFS READs of 1 MiB, replies not read", false, 0, begin_mounted, feed_read },
	{ "readdirplus-unread", "READDIRPLUS, replies not read", false, 0, begin_mounted, feed_readdirplus },
	{ "write-unsent", "an NFS WRITE of 1 MiB announced and not sent", false, 0, begin_mounted, feed_write_unsent },
	{ "write-dribbled", "an NFS WRITE of 1 MiB, a byte a second", false, 1024, begin_mounted, feed_write },
	{ "record-dribbled", "an RPC record, a byte a second", false, 1, begin_plain, feed_export },
	{ "fragments-dribbled", "an RPC record of several fragments, a byte a second", false, 16384, begin_plain,
	  feed_fragment },
	{ "nop-unread", "discovery session, NOP-Out with 8 KiB, answers not read", true, 0, begin_discovery, feed_nop },
	{ "targets-unread", "discovery session, SendTargets, answers not read", true, 0, begin_discovery,
	  feed_targets },
	{ "scsi-read-unread", "READ(10) of 1 MiB, data not read", true, 0, begin_session, feed_scsi_read },
	{ "r2t-unanswered", "WRITE(10) of 1 MiB, R2Ts not answered", true, 0, begin_session, feed_r2t },
	{ "immediate-unsent", "WRITE(10), 32 KiB of immediate data announced and not sent", true, 0, begin_session,
	  feed_immediate_unsent },
	{ "immediate-dribbled", "WRITE(10), 32 KiB of immediate data, a byte a second", true, 48, begin_session,
	  feed_immediate },
};

/* ---- running ---- */

static void peer_away(struct peer *peer)
{
	if (peer->fd >= 0)
		close(peer->fd);
	peer->fd = -1;
	peer->wait_until_ms = peer->returns++ < RETURNS_MAX ? now_ms() + RETURN_MS : UINT64_MAX;
}

static void peer_begin(struct peer *peer)
{
	peer->sequence = 0;
	peer->wait_until_ms = 0;
	peer->out_at = peer->out_len = 0;
	if (!the.kind->begin(peer)) {
		the.n_failed++;
		peer_away(peer);
		return;
	}
	the.n_connected++;
	(void)fcntl(peer->fd, F_SETFL, O_NONBLOCK);
}

/* Something to send now: what was fed before, or anew. */
static bool peer_has_bytes(struct peer *peer)
{
	if (now_ms() < peer->wait_until_ms)
		return false;
	if (peer->out_at < peer->out_len)
		return true;
	peer->out_at = peer->out_len = 0;
	the.kind->feed(peer);
	return peer->out_len > 0;
}

/* How many bytes at a time: all, or what the kind dribbles. */
static size_t peer_step(struct peer *peer)
{
	size_t left = peer->out_len - peer->out_at, at_once = the.kind->at_once;

	if (at_once == 0)
		return left;
	if (peer->out_at < at_once)
		return MIN_OF(left, at_once - peer->out_at);
	peer->wait_until_ms = now_ms() + DRIBBLE_MS;
	return 1;
}

/* Send on; true: there is more to send, but no room. */
static bool peer_send(struct peer *peer)
{
	for (unsigned i = 0; i < 64; i++) {
		ssize_t n;

		if (peer->out_at == peer->out_len && !peer_has_bytes(peer))
			return false;
		if (the.kind->at_once != 0 && now_ms() < peer->wait_until_ms)
			return false;
		n = send(peer->fd, peer->out + peer->out_at, peer_step(peer), MSG_NOSIGNAL);
		if (n < 0 && errno == EAGAIN)
			return true;
		if (n < 0) {
			the.n_cut++;
			peer_away(peer);
			return false;
		}
		peer->out_at += (size_t)n;
		the.sent_bytes += (uint64_t)n;
	}
	return true;
}

static void turn(struct pollfd *polls)
{
	uint64_t now = now_ms();

	for (unsigned i = 0; i < the.count; i++) {
		struct peer *peer = &the.peers[i];
		bool more = false;

		if (peer->fd < 0 && now >= peer->wait_until_ms)
			peer_begin(peer);
		if (peer->fd >= 0)
			more = peer_send(peer);
		polls[i] = (struct pollfd){ .fd = peer->fd, .events = (short)(POLLRDHUP | (more ? POLLOUT : 0)) };
	}
	(void)poll(polls, the.count, 50);
	for (unsigned i = 0; i < the.count; i++) {
		if (polls[i].fd >= 0 && (polls[i].revents & (POLLHUP | POLLERR | POLLRDHUP)) != 0) {
			the.n_cut++;
			peer_away(&the.peers[i]);
		}
	}
}

static void on_terminate(int signal_number)
{
	(void)signal_number;
	terminated = 1;
}

static void run(void)
{
	struct pollfd *polls = calloc(the.count, sizeof *polls);
	uint64_t end = now_ms() + the.seconds * 1000ULL, ready = now_ms() + READY_MS;

	the.peers = calloc(the.count, sizeof *the.peers);
	if (polls == NULL || the.peers == NULL)
		exit(1);
	for (unsigned i = 0; i < the.count; i++)
		the.peers[i].fd = -1;
	for (unsigned i = 0; i < the.count && now_ms() < ready; i++)
		peer_begin(&the.peers[i]);
	printf("ready %llu\n", (unsigned long long)the.n_connected);
	(void)fflush(stdout);
	while (now_ms() < end && terminated == 0)
		turn(polls);
	printf("kind=%s connected=%llu cut=%llu failed=%llu sent_bytes=%llu\n", the.kind->name,
	       (unsigned long long)the.n_connected, (unsigned long long)the.n_cut, (unsigned long long)the.n_failed,
	       (unsigned long long)the.sent_bytes);
	free(polls);
	free(the.peers);
}

static const struct kind *kind_find(const char *name)
{
	for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
		if (strcmp(kinds[i].name, name) == 0)
			return &kinds[i];
	}
	(void)fprintf(stderr, "illpeers: no kind \"%s\" (--list shows them)\n", name);
	exit(2);
}

static void list(void)
{
	for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++)
		printf("%s\t%s\n", kinds[i].name, kinds[i].what);
	exit(0);
}

static unsigned number(const char *text, unsigned max)
{
	char *end;
	unsigned long value = strtoul(text, &end, 10);

	if (*text == '\0' || *end != '\0' || value > max) {
		(void)fprintf(stderr, "illpeers: not a number up to %u: %s\n", max, text);
		exit(2);
	}
	return (unsigned)value;
}

static void arguments(int argc, char **argv)
{
	static const struct option options[] = {
		{ "kind", required_argument, NULL, 'k' },   { "nfs", required_argument, NULL, 'n' },
		{ "iscsi", required_argument, NULL, 'i' },  { "from", required_argument, NULL, 'f' },
		{ "count", required_argument, NULL, 'c' },  { "seconds", required_argument, NULL, 's' },
		{ "export", required_argument, NULL, 'e' }, { "file", required_argument, NULL, 'F' },
		{ "target", required_argument, NULL, 't' }, { "lun", required_argument, NULL, 'l' },
		{ "list", no_argument, NULL, 'L' },         { NULL, 0, NULL, 0 },
	};
	int option;

	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
		switch (option) {
		case 'k': the.kind = kind_find(optarg); break;
		case 'n': the.nfs_port = (uint16_t)number(optarg, 65535); break;
		case 'i': the.iscsi_port = (uint16_t)number(optarg, 65535); break;
		case 'f': the.from = optarg; break;
		case 'c': the.count = number(optarg, COUNT_MAX); break;
		case 's': the.seconds = number(optarg, 600); break;
		case 'e': the.export = optarg; break;
		case 'F': the.file = optarg; break;
		case 't': the.target = optarg; break;
		case 'l': the.lun = number(optarg, 255); break;
		case 'L': list(); break;
		default: exit(2);
		}
	}
}

int main(int argc, char **argv)
{
	struct rlimit files;

	the.from = "127.0.0.2";
	the.export = "/vol/vol0";
	the.file = "big";
	the.target = "";
	the.count = 64;
	the.seconds = 10;
	arguments(argc, argv);
	if (the.kind == NULL) {
		(void)fprintf(
		    stderr,
		    "usage: illpeers --kind KIND --nfs PORT --iscsi PORT [--from ADDRESS] [--count N] [--seconds N]\n");
		return 2;
	}
	if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
		files.rlim_cur = files.rlim_max;
		(void)setrlimit(RLIMIT_NOFILE, &files);
	}
	(void)signal(SIGPIPE, SIG_IGN);
	(void)signal(SIGTERM, on_terminate);
	run();
	return 0;
}
