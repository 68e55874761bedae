/* SPDX-License-Identifier: Apache-2.0 */
/* Random writes and reads on a LUN (iSCSI) or a file (NFS), every answer checked against an oracle that survives the
 * server.
 *
 * run: keeps `depth` requests of 1 to 16 blocks going, no write overlapping anything else in flight, with a flush now
 * and then; reports the longest any request took. When the connection breaks it says so ("lost": true, exit status 3)
 * and the state file knows what may be on the disk. verify: reads everything. Exactly the last acknowledged version, or
 * with --crash any version that a crash allows, which is then settled. */
#include "tests/bench/bench_driver.h"
#include "tests/system/stampmodel.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define MAX_DEPTH 64U
#define MAX_RUN 16U
#define MAX_RANGES 4096U
#define ANSWER_LIMIT_NS 60000000000ULL
#define WRONG_SHOWN 10U
#define EXIT_LOST 3

struct range {
	uint64_t first, n;
};

struct bench {
	const struct bench_driver *driver;
	void *state;
	const char *url, *file, *state_path, *image_path;
	uint64_t size_bytes;
	double seconds;
	unsigned depth, write_percent, sync_every;
	bool verify, crash;
	struct stamp_model model;
	struct range ranges[MAX_RANGES];
	unsigned n_ranges;
	/* running */
	struct bench_io io[MAX_DEPTH + 1U]; /* the last one flushes */
	bool busy[MAX_DEPTH + 1U];
	uint16_t *readers;
	bool *writing;
	uint64_t random_state, deadline_ns;
	unsigned in_flight, since_sync;
	uint64_t n_reads, n_writes, n_syncs, n_wrong, max_ns, max_at_ns, verify_next;
	bool lost;
};

static volatile sig_atomic_t stop_asked;

static void on_signal(int number)
{
	(void)number;
	stop_asked = 1;
}

static uint64_t now_ns(void)
{
	struct timespec ts;
	(void)clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000ULL + (uint64_t)ts.tv_nsec;
}

static uint64_t random_below(struct bench *b, uint64_t limit)
{
	uint64_t x = b->random_state;
	x ^= x << 13;
	x ^= x >> 7;
	x ^= x << 17;
	b->random_state = x;
	return x % limit;
}

static void wrong(struct bench *b, uint64_t block, const uint8_t *bytes)
{
	const struct stamp_state *state = &b->model.state[block];
	if (b->n_wrong++ >= WRONG_SHOWN)
		return;
	fprintf(stderr,
	        "lunstress: block %" PRIu64 " is wrong: durable %" PRIu32 " acked %" PRIu32 " issued %" PRIu32
	        ", holds ",
	        block, state->durable, state->acked, state->issued);
	for (unsigned i = 0; i < 24; i++)
		fprintf(stderr, "%02x", bytes[i]);
	fputc('\n', stderr);
}

static void check_block(struct bench *b, uint64_t block, const uint8_t *bytes)
{
	struct stamp_state *state = &b->model.state[block];
	uint32_t version;
	if (!b->crash) {
		if (!stamp_is(&b->model, block, state->acked, bytes))
			wrong(b, block, bytes);
		return;
	}
	if (!stamp_find(&b->model, block, bytes, &version)) {
		wrong(b, block, bytes);
		return;
	}
	state->durable = state->acked = version;
}

static void release(struct bench *b, const struct bench_io *io)
{
	uint64_t first = io->offset_bytes / STAMP_BLOCK, n = io->len_bytes / STAMP_BLOCK;
	for (uint64_t i = first; i < first + n; i++) {
		if (io->write) {
			b->writing[i] = false;
			b->model.state[i].acked = b->model.state[i].issued;
		} else {
			b->readers[i]--;
		}
	}
}

static void completed_io(struct bench *b, const struct bench_io *io, const uint8_t *data)
{
	if (io->flush) {
		stamp_flushed(&b->model);
		b->n_syncs++;
		return;
	}
	release(b, io);
	if (io->write) {
		b->n_writes++;
		return;
	}
	b->n_reads++;
	uint64_t first = io->offset_bytes / STAMP_BLOCK;
	for (uint32_t at = 0; at < io->len_bytes; at += STAMP_BLOCK)
		check_block(b, first + at / STAMP_BLOCK, data + at);
}

void bench_complete(struct bench_io *io, int status, const uint8_t *data, uint32_t len_bytes)
{
	struct bench *b = io->bench;
	uint64_t now = now_ns();
	b->in_flight--;
	b->busy[io - b->io] = false;
	if (now - io->start_ns > b->max_ns) {
		b->max_ns = now - io->start_ns;
		b->max_at_ns = now;
	}
	if (status || (!io->flush && len_bytes != io->len_bytes)) {
		if (!b->lost)
			fprintf(stderr, "lunstress: %s at %" PRIu64 ": status %d, %" PRIu32 " of %" PRIu32 " bytes\n",
			        io->flush   ? "flush"
			        : io->write ? "write"
			                    : "read",
			        io->offset_bytes, status, len_bytes, io->len_bytes);
		b->lost = true;
		return;
	}
	completed_io(b, io, data);
}

static void submit(struct bench *b, struct bench_io *io)
{
	io->start_ns = now_ns();
	b->busy[io - b->io] = true;
	b->in_flight++;
	if (b->driver->submit(b->state, io) != 0) {
		b->in_flight--;
		b->lost = true;
	}
}

static bool claim(struct bench *b, uint64_t first, uint64_t n, bool write)
{
	for (uint64_t i = first; i < first + n; i++)
		if (b->writing[i] || (write && b->readers[i]))
			return false;
	for (uint64_t i = first; i < first + n; i++) {
		if (write)
			b->writing[i] = true;
		else
			b->readers[i]++;
	}
	return true;
}

static void start_run(struct bench *b, struct bench_io *io, bool write, uint64_t first, uint64_t n)
{
	io->flush = false;
	io->write = write;
	io->offset_bytes = first * STAMP_BLOCK;
	io->len_bytes = (uint32_t)(n * STAMP_BLOCK);
	for (uint64_t i = 0; write && i < n; i++)
		stamp_fill(&b->model, first + i, ++b->model.state[first + i].issued, io->buffer + i * STAMP_BLOCK);
	submit(b, io);
}

/* Start a random request on a free slot; a place that is in use is tried again elsewhere a few times. */
static void start_random(struct bench *b, struct bench_io *io)
{
	for (unsigned attempt = 0; attempt < 8; attempt++) {
		bool write = b->n_ranges > 0 && random_below(b, 100) < b->write_percent;
		struct range range = { 0, b->model.n_blocks };
		if (write)
			range = b->ranges[random_below(b, b->n_ranges)];
		uint64_t first = range.first + random_below(b, range.n);
		uint64_t n = 1U + random_below(b, MAX_RUN);
		if (n > range.first + range.n - first)
			n = range.first + range.n - first;
		if (claim(b, first, n, write)) {
			start_run(b, io, write, first, n);
			b->since_sync += write;
			return;
		}
	}
}

static void start_flush(struct bench *b)
{
	struct bench_io *io = &b->io[MAX_DEPTH];
	b->since_sync = 0;
	io->flush = true;
	io->len_bytes = 0;
	stamp_flush_begin(&b->model);
	submit(b, io);
}

static void start_verify(struct bench *b, struct bench_io *io)
{
	uint64_t n = b->model.n_blocks - b->verify_next < MAX_RUN ? b->model.n_blocks - b->verify_next : MAX_RUN;
	if (n == 0)
		return;
	(void)claim(b, b->verify_next, n, false);
	start_run(b, io, false, b->verify_next, n);
	b->verify_next += n;
}

static void refill(struct bench *b)
{
	if (b->lost)
		return;
	bool time_left = !stop_asked && now_ns() < b->deadline_ns;
	for (unsigned i = 0; i < b->depth && !b->lost; i++) {
		if (b->busy[i])
			continue;
		if (b->verify)
			start_verify(b, &b->io[i]);
		else if (time_left)
			start_random(b, &b->io[i]);
	}
	if (!b->verify && time_left && b->sync_every && b->since_sync >= b->sync_every && !b->busy[MAX_DEPTH])
		start_flush(b);
}

static bool serve_once(struct bench *b)
{
	struct pollfd pfd = { .fd = b->driver->fd(b->state), .events = (short)b->driver->events(b->state) };
	int n = poll(&pfd, 1, 200);
	if (n < 0 && errno != EINTR)
		return false;
	if (b->driver->service(b->state, n > 0 ? pfd.revents : 0) < 0)
		return false;
	uint64_t now = now_ns();
	for (unsigned i = 0; i <= MAX_DEPTH; i++)
		if (b->busy[i] && now - b->io[i].start_ns > ANSWER_LIMIT_NS)
			return false;
	return true;
}

static void drive(struct bench *b)
{
	b->deadline_ns = now_ns() + (uint64_t)(b->seconds * 1e9);
	for (;;) {
		refill(b);
		if (b->lost || b->in_flight == 0)
			break;
		if (!serve_once(b)) {
			fprintf(stderr, "lunstress: connection lost: %s\n", b->driver->error(b->state));
			b->lost = true;
			break;
		}
	}
	if (b->lost || b->verify)
		return;
	start_flush(b);
	while (!b->lost && b->in_flight > 0)
		b->lost = !serve_once(b);
}

static int verify_file(struct bench *b)
{
	int fd = open(b->file, O_RDONLY | O_CLOEXEC);
	if (fd < 0) {
		fprintf(stderr, "lunstress: %s: %s\n", b->file, strerror(errno));
		return 1;
	}
	uint8_t bytes[STAMP_BLOCK];
	for (uint64_t block = 0; block < b->model.n_blocks; block++) {
		if (pread(fd, bytes, STAMP_BLOCK, (off_t)(block * STAMP_BLOCK)) != (ssize_t)STAMP_BLOCK) {
			fprintf(stderr, "lunstress: %s ends before block %" PRIu64 "\n", b->file, block);
			b->n_wrong++;
			break;
		}
		b->n_reads++;
		check_block(b, block, bytes);
	}
	(void)close(fd);
	return 0;
}

static bool read_ranges(struct bench *b, const char *path)
{
	FILE *f = fopen(path, "re");
	if (!f)
		return false;
	b->n_ranges = 0;
	uint64_t first, n;
	while (b->n_ranges < MAX_RANGES && fscanf(f, "%" SCNu64 " %" SCNu64, &first, &n) == 2)
		if (n > 0)
			b->ranges[b->n_ranges++] = (struct range){ first, n };
	(void)fclose(f);
	return b->n_ranges > 0;
}

static bool parse_number(const char *text, uint64_t max, uint64_t *ret)
{
	char *end;
	errno = 0;
	*ret = strtoull(text, &end, 10);
	return !errno && end != text && !*end && *ret <= max;
}

static bool choose_driver(struct bench *b, const char *url)
{
	b->url = url;
	if (strncmp(url, bench_iscsi_driver.scheme, strlen(bench_iscsi_driver.scheme)) == 0)
		b->driver = &bench_iscsi_driver;
	else if (strncmp(url, bench_nfs_driver.scheme, strlen(bench_nfs_driver.scheme)) == 0)
		b->driver = &bench_nfs_driver;
	return b->driver != NULL;
}

static bool set_option(struct bench *b, int option, const char *value, const char **ranges, uint32_t *seed)
{
	uint64_t n = 0;
	switch (option) {
	case 'u': return choose_driver(b, value);
	case 'f': b->file = value; return true;
	case 'm': b->state_path = value; return true;
	case 'i': b->image_path = value; return true;
	case 'r': *ranges = value; return true;
	case 's': return parse_number(value, 1ULL << 44, &b->size_bytes);
	case 't': b->seconds = strtod(value, NULL); return b->seconds > 0;
	case 'v': b->verify = true; return true;
	case 'c': b->crash = true; return true;
	case 'S': return parse_number(value, UINT32_MAX, &n) && ((*seed = (uint32_t)n), true);
	case 'q': return parse_number(value, MAX_DEPTH, &n) && ((b->depth = (unsigned)n), n > 0);
	case 'w': return parse_number(value, 100, &n) && ((b->write_percent = (unsigned)n), true);
	case 'y': return parse_number(value, 1000000, &n) && ((b->sync_every = (unsigned)n), true);
	default: return false;
	}
}

static const char usage[] =
    "usage: lunstress --url URL|--file FILE --state FILE --size BYTES [--image FILE] [--seed N] [--verify [--crash]]\n"
    "                 [--ranges FILE] [--seconds 5] [--depth 8] [--writes 50] [--sync-every 256]\n";

static const struct option options[] = {
	{ "url", required_argument, NULL, 'u' },
	{ "file", required_argument, NULL, 'f' },
	{ "state", required_argument, NULL, 'm' },
	{ "image", required_argument, NULL, 'i' },
	{ "ranges", required_argument, NULL, 'r' },
	{ "size", required_argument, NULL, 's' },
	{ "seconds", required_argument, NULL, 't' },
	{ "verify", no_argument, NULL, 'v' },
	{ "crash", no_argument, NULL, 'c' },
	{ "seed", required_argument, NULL, 'S' },
	{ "depth", required_argument, NULL, 'q' },
	{ "writes", required_argument, NULL, 'w' },
	{ "sync-every", required_argument, NULL, 'y' },
	{ NULL, 0, NULL, 0 },
};

static bool set_up(struct bench *b, const char *ranges, uint32_t seed)
{
	int err = stamp_model_open(&b->model, b->state_path, b->image_path, b->size_bytes, seed);
	if (err) {
		fprintf(stderr, "lunstress: %s or %s: %s\n", b->state_path, b->image_path ? b->image_path : "",
		        strerror(-err));
		return false;
	}
	b->n_ranges = 1;
	b->ranges[0] = (struct range){ 0, b->model.n_blocks };
	if (ranges && !read_ranges(b, ranges)) {
		fprintf(stderr, "lunstress: %s: no ranges\n", ranges);
		return false;
	}
	b->readers = calloc(b->model.n_blocks, sizeof *b->readers);
	b->writing = calloc(b->model.n_blocks, sizeof *b->writing);
	for (unsigned i = 0; i <= MAX_DEPTH; i++) {
		b->io[i].bench = b;
		b->io[i].buffer = aligned_alloc(STAMP_BLOCK, MAX_RUN * STAMP_BLOCK);
		if (!b->io[i].buffer)
			return false;
	}
	return b->readers && b->writing;
}

static int finish(const struct bench *b, uint64_t start_ns)
{
	printf("{\"reads\": %" PRIu64 ", \"writes\": %" PRIu64 ", \"flushes\": %" PRIu64 ", \"wrong\": %" PRIu64 ", ",
	       b->n_reads, b->n_writes, b->n_syncs, b->n_wrong);
	printf("\"max_ms\": %.1f, \"max_at_s\": %.1f, \"lost\": %s}\n", (double)b->max_ns / 1e6,
	       b->max_at_ns ? (double)(b->max_at_ns - start_ns) / 1e9 : 0.0, b->lost ? "true" : "false");
	if (b->n_wrong)
		return 1;
	return b->lost ? EXIT_LOST : 0;
}

/* While it logs in: the library takes a call that a signal interrupts for a connection that is lost. */
static void hold_back_sigterm(bool back)
{
	sigset_t set;

	(void)sigemptyset(&set);
	(void)sigaddset(&set, SIGTERM);
	(void)sigprocmask(back ? SIG_BLOCK : SIG_UNBLOCK, &set, NULL);
}

int main(int argc, char **argv)
{
	static struct bench bench = { .seconds = 5, .depth = 8, .write_percent = 50, .sync_every = 256 };
	struct bench *b = &bench;
	const char *ranges = NULL;
	uint32_t seed = 1;
	int option;
	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1)
		if (!set_option(b, option, optarg, &ranges, &seed)) {
			fputs(usage, stderr);
			return 2;
		}
	if (!b->state_path || b->size_bytes < STAMP_BLOCK || (!b->driver) == (!b->file) || optind != argc) {
		fputs(usage, stderr);
		return 2;
	}
	b->random_state = (uint64_t)seed << 32 ^ (uint64_t)now_ns() ^ 0x9e3779b97f4a7c15ULL;
	hold_back_sigterm(true);
	(void)signal(SIGTERM, on_signal);
	(void)signal(SIGPIPE, SIG_IGN);
	if (!set_up(b, ranges, seed))
		return 1;
	uint64_t start_ns = now_ns();
	if (b->file)
		return verify_file(b) ? 1 : finish(b, start_ns);
	b->state = b->driver->open(b->url, b->size_bytes);
	if (!b->state)
		return EXIT_LOST;
	hold_back_sigterm(false);
	drive(b);
	int result = finish(b, start_ns);
	(void)fflush(stdout);
	_exit(result); /* no farewell to a server that may be gone */
}
