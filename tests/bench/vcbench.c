/* SPDX-License-Identifier: Apache-2.0 */
/* Load generator: one connection, a queue depth, reads or writes or both, random or sequential; prints one JSON object.
 *
 * Without --rate the loop is closed: a request follows the answer of another. With it requests fall due at a fixed rate
 * whatever the server does, and their latency counts from then: a stall is felt by all that it delays, not by `depth`
 * of them. Every 4 KiB written begins with its own offset, and every read checks it: a server that is fast because it
 * is wrong fails the run. The CPU time of the server's processes is read from their CPU clocks around the run (all
 * threads; kernel threads that work for them are not in it). With --gaps, requests that were under way while the
 * hypervisor had taken a core away do not count in the latencies (bench_gaps.h). Writes are unstable / write-back, and
 * the flush at the end counts into the time. */
#include "tests/bench/bench_driver.h"
#include "tests/bench/bench_gaps.h"
#include "tests/bench/bench_histogram.h"

#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <time.h>

#define MAX_DEPTH 256U
#define MAX_PIDS 16U
#define DRAIN_LIMIT_NS 120000000000ULL

struct bench {
	const struct bench_driver *driver;
	void *state;
	const char *url;
	const char *op;
	bool write, random, fill, mixed;
	unsigned read_percent; /* of a mixed run */
	unsigned share_percent; /* of the blocks of a fill: which are written */
	uint32_t block_bytes;
	uint64_t span_bytes;
	unsigned depth;
	double rate; /* requests a second; 0: closed loop */
	double seconds;
	double ramp; /* seconds at the beginning that do not count */
	pid_t pids[MAX_PIDS];
	unsigned n_pids;
	/* running */
	struct bench_io io[MAX_DEPTH];
	uint64_t next_bytes, random_state;
	uint64_t start_ns, counted_ns, deadline_ns; /* requests begun before counted_ns do not count */
	uint64_t n_due; /* of an open loop: requests begun */
	struct bench_io *idle; /* of an open loop: requests not under way */
	unsigned in_flight;
	uint64_t n_ops, n_bytes, n_wrong;
	int error;
	struct bench_histogram histogram;
	struct bench_gaps *gaps; /* or NULL */
	struct span {
		uint64_t begin_ns, end_ns;
	} * spans; /* with gaps: all requests that count; n_ops of them */
	uint64_t n_spans_max, n_disturbed;
	struct bench_histogram all; /* with gaps: of the disturbed ones too */
};

static volatile sig_atomic_t stop_wanted;

static void on_signal(int number)
{
	(void)number;
	stop_wanted = 1;
}

static uint64_t now_ns(void)
{
	struct timespec ts;
	(void)clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000ULL + (uint64_t)ts.tv_nsec;
}

static uint64_t clock_ns(clockid_t id)
{
	struct timespec ts;
	if (clock_gettime(id, &ts) != 0)
		return 0;
	return (uint64_t)ts.tv_sec * 1000000000ULL + (uint64_t)ts.tv_nsec;
}

static uint64_t server_cpu_ns(const struct bench *b)
{
	uint64_t sum = 0;
	for (unsigned i = 0; i < b->n_pids; i++) {
		clockid_t id;
		if (clock_getcpuclockid(b->pids[i], &id) == 0)
			sum += clock_ns(id);
	}
	return sum;
}

static uint64_t random_next(struct bench *b)
{
	uint64_t x = b->random_state;
	x ^= x << 13;
	x ^= x >> 7;
	x ^= x << 17;
	return b->random_state = x;
}

static uint64_t next_offset(struct bench *b)
{
	uint64_t n_blocks = b->span_bytes / b->block_bytes;
	if (b->random)
		return random_next(b) % n_blocks * b->block_bytes;
	uint64_t offset = b->next_bytes;
	b->next_bytes += b->block_bytes;
	if (!b->fill && b->next_bytes + b->block_bytes > b->span_bytes)
		b->next_bytes = 0;
	return offset;
}

static void stamp(uint8_t *buffer, uint64_t offset_bytes, uint32_t len_bytes)
{
	for (uint32_t at = 0; at < len_bytes; at += BENCH_BLOCK) {
		uint64_t mark = offset_bytes + at;
		memcpy(buffer + at, &mark, sizeof mark);
	}
}

static bool stamps_match(const uint8_t *data, uint64_t offset_bytes, uint32_t len_bytes)
{
	for (uint32_t at = 0; at + sizeof(uint64_t) <= len_bytes; at += BENCH_BLOCK) {
		uint64_t mark;
		memcpy(&mark, data + at, sizeof mark);
		if (mark != offset_bytes + at)
			return false;
	}
	return true;
}

static void submit(struct bench *b, struct bench_io *io)
{
	b->in_flight++;
	int err = b->driver->submit(b->state, io);
	if (err) {
		b->in_flight--;
		b->error = err;
	}
}

/* A fill of a share leaves out blocks evenly. */
static void skip_blocks(struct bench *b)
{
	uint64_t number = b->next_bytes / b->block_bytes;
	while (b->fill && b->share_percent < 100U && number * 61U % 100U >= b->share_percent)
		number++;
	b->next_bytes = number * b->block_bytes;
}

static bool more_to_do(struct bench *b, uint64_t now)
{
	skip_blocks(b);
	if (b->error || stop_wanted)
		return false;
	return b->fill ? b->next_bytes + b->block_bytes <= b->span_bytes : now < b->deadline_ns;
}

static void start_next(struct bench *b, struct bench_io *io, uint64_t start_ns)
{
	io->start_ns = start_ns;
	io->flush = false;
	io->write = b->mixed ? (random_next(b) >> 20 & 0xffff) % 100U >= b->read_percent : b->write;
	io->len_bytes = b->block_bytes;
	io->offset_bytes = next_offset(b);
	if (io->write)
		stamp(io->buffer, io->offset_bytes, io->len_bytes);
	submit(b, io);
}

/* Which requests a gap has touched is known at the end. */
static void note(struct bench *b, uint64_t begin_ns, uint64_t end_ns)
{
	if (b->gaps == NULL) {
		bench_histogram_add(&b->histogram, end_ns - begin_ns);
		return;
	}
	if (b->n_ops == b->n_spans_max) {
		uint64_t max = 2U * b->n_spans_max + 4096U;
		struct span *grown = reallocarray(b->spans, max, sizeof *grown);
		if (grown == NULL) {
			perror("vcbench");
			exit(1);
		}
		b->spans = grown;
		b->n_spans_max = max;
	}
	b->spans[b->n_ops] = (struct span){ begin_ns, end_ns };
}

static void gaps_take_out(struct bench *b)
{
	bench_gaps_stop(b->gaps);
	for (uint64_t i = 0; i < b->n_ops; i++) {
		bench_histogram_add(&b->all, b->spans[i].end_ns - b->spans[i].begin_ns);
		if (bench_gaps_overlap(b->gaps, b->spans[i].begin_ns, b->spans[i].end_ns))
			b->n_disturbed++;
		else
			bench_histogram_add(&b->histogram, b->spans[i].end_ns - b->spans[i].begin_ns);
	}
}

void bench_complete(struct bench_io *io, int status, const uint8_t *data, uint32_t len_bytes)
{
	struct bench *b = io->bench;
	uint64_t now = now_ns();
	b->in_flight--;
	if (status) {
		b->error = status;
		return;
	}
	if (io->flush)
		return;
	if (len_bytes != io->len_bytes || (!io->write && !stamps_match(data, io->offset_bytes, len_bytes)))
		b->n_wrong++;
	if (io->start_ns >= b->counted_ns) {
		note(b, io->start_ns, now);
		b->n_ops++;
		b->n_bytes += len_bytes;
	}
	if (b->rate > 0) {
		io->next = b->idle;
		b->idle = io;
	} else if (more_to_do(b, now)) {
		start_next(b, io, now_ns());
	}
}

static uint64_t due_ns(const struct bench *b)
{
	return b->start_ns + (uint64_t)((double)b->n_due * 1e9 / b->rate);
}

static bool more_is_due(const struct bench *b)
{
	return b->rate > 0 && !b->error && !stop_wanted && due_ns(b) < b->deadline_ns;
}

/* Of an open loop: begin what is due. Returns how long until the next one is, as poll wants it. */
static struct timespec start_due(struct bench *b)
{
	uint64_t now = now_ns();
	while (b->idle && due_ns(b) <= now && due_ns(b) < b->deadline_ns && !b->error && !stop_wanted) {
		struct bench_io *io = b->idle;
		b->idle = io->next;
		start_next(b, io, due_ns(b));
		b->n_due++;
	}
	if (!b->idle || !more_is_due(b))
		return (struct timespec){ .tv_sec = 1 };
	uint64_t wait = due_ns(b) > now ? due_ns(b) - now : 0;
	return (struct timespec){ .tv_sec = (time_t)(wait / 1000000000U), .tv_nsec = (long)(wait % 1000000000U) };
}

/* Service the connection until nothing is in flight. */
static void drive(struct bench *b)
{
	uint64_t limit = now_ns() + (uint64_t)(b->seconds * 1e9) + DRAIN_LIMIT_NS;
	while (b->in_flight > 0 || more_is_due(b)) {
		struct timespec timeout = b->rate > 0 ? start_due(b) : (struct timespec){ .tv_sec = 1 };
		struct pollfd pfd = { .fd = b->driver->fd(b->state), .events = (short)b->driver->events(b->state) };
		int n = ppoll(&pfd, 1, &timeout, NULL);
		if (n < 0 && errno != EINTR) {
			b->error = -errno;
			return;
		}
		if (b->driver->service(b->state, n > 0 ? pfd.revents : 0) < 0) {
			fprintf(stderr, "vcbench: %s: %s\n", b->url, b->driver->error(b->state));
			b->error = -EIO;
			return;
		}
		if (now_ns() > limit) {
			fprintf(stderr, "vcbench: %s: %u requests never answered\n", b->url, b->in_flight);
			b->error = -ETIMEDOUT;
			return;
		}
	}
}

static void flush(struct bench *b)
{
	if (b->error || !b->write)
		return;
	struct bench_io *io = &b->io[0];
	io->flush = true;
	b->rate = 0;
	submit(b, io);
	drive(b);
}

static bool buffers_new(struct bench *b)
{
	for (unsigned i = 0; i < b->depth; i++) {
		b->io[i].bench = b;
		b->io[i].buffer = aligned_alloc(BENCH_BLOCK,
		                                (b->block_bytes + BENCH_BLOCK - 1U) / BENCH_BLOCK * BENCH_BLOCK);
		if (!b->io[i].buffer)
			return false;
		for (uint32_t at = 0; at < b->block_bytes; at++)
			b->io[i].buffer[at] = (uint8_t)(random_next(b) >> 24);
	}
	return true;
}

static const struct {
	const char *name;
	double share;
} quantiles[] = { { "p50", 0.50 }, { "p90", 0.90 }, { "p99", 0.99 }, { "p999", 0.999 } };

static void print_result(const struct bench *b, double elapsed_s, uint64_t client_ns, uint64_t server_ns)
{
	double ops = b->n_ops ? (double)b->n_ops : 1.0;
	printf("{\"op\": \"%s\", \"block\": %" PRIu32 ", \"depth\": %u, \"seconds\": %.3f, \"ops\": %" PRIu64 ", ",
	       b->op, b->block_bytes, b->depth, elapsed_s, b->n_ops);
	printf("\"ops_s\": %.1f, \"mb_s\": %.2f, ", (double)b->n_ops / elapsed_s, (double)b->n_bytes / elapsed_s / 1e6);
	printf("\"mean_us\": %.2f, ", bench_histogram_mean(&b->histogram) / 1e3);
	for (unsigned i = 0; i < sizeof quantiles / sizeof *quantiles; i++)
		printf("\"%s_us\": %.2f, ", quantiles[i].name,
		       (double)bench_histogram_quantile(&b->histogram, quantiles[i].share) / 1e3);
	printf("\"max_us\": %.2f, ", (double)b->histogram.max_ns / 1e3);
	printf("\"client_cpu_us_op\": %.2f", (double)client_ns / 1e3 / ops);
	if (b->n_pids)
		printf(", \"server_cpu_us_op\": %.2f, \"server_cpu_share\": %.3f", (double)server_ns / 1e3 / ops,
		       (double)server_ns / 1e9 / elapsed_s);
	if (b->gaps != NULL)
		printf(", \"p99_all_us\": %.2f, \"disturbed\": %.5f, \"away\": %.5f",
		       (double)bench_histogram_quantile(&b->all, 0.99) / 1e3, (double)b->n_disturbed / ops,
		       (double)bench_gaps_total_ns(b->gaps) / 1e9 / (elapsed_s + b->ramp));
	printf(", \"wrong\": %" PRIu64 "}\n", b->n_wrong);
}

static int run(struct bench *b)
{
	uint64_t server_before = server_cpu_ns(b), client_before = clock_ns(CLOCK_PROCESS_CPUTIME_ID);
	uint64_t start = now_ns();
	b->start_ns = start;
	b->counted_ns = start + (uint64_t)(b->ramp * 1e9);
	b->deadline_ns = b->counted_ns + (uint64_t)(b->seconds * 1e9);
	for (unsigned i = 0; i < b->depth && b->rate > 0; i++) {
		b->io[i].next = b->idle;
		b->idle = &b->io[i];
	}
	for (unsigned i = 0; i < b->depth && b->rate <= 0 && more_to_do(b, start); i++)
		start_next(b, &b->io[i], now_ns());
	drive(b);
	flush(b);
	double elapsed_s = (double)(now_ns() - start) / 1e9 - b->ramp;
	uint64_t client_ns = clock_ns(CLOCK_PROCESS_CPUTIME_ID) - client_before;
	uint64_t server_ns = server_cpu_ns(b) - server_before;
	if (b->gaps != NULL)
		gaps_take_out(b);
	if (b->error) {
		fprintf(stderr, "vcbench: %s %s: %s (%s)\n", b->op, b->url, strerror(-b->error),
		        b->driver->error(b->state));
		return 1;
	}
	print_result(b, elapsed_s, client_ns, server_ns);
	if (b->n_wrong)
		fprintf(stderr, "vcbench: %s: %" PRIu64 " answers were wrong (data or length)\n", b->url, b->n_wrong);
	return b->n_wrong ? 1 : 0;
}

static bool parse_size(const char *text, uint64_t *ret)
{
	char *end;
	errno = 0;
	uint64_t value = strtoull(text, &end, 10);
	static const char units[] = "kmgt";
	const char *unit = *end ? strchr(units, *end | 0x20) : NULL;
	if (errno || end == text || (*end && (!unit || end[1])))
		return false;
	unsigned shift = unit ? (unsigned)(unit - units + 1) * 10U : 0U;
	if (value == 0 || value > UINT64_MAX >> shift)
		return false;
	*ret = value << shift;
	return true;
}

static const struct {
	const char *name;
	bool write, random, fill, mixed;
} operations[] = {
	{ "randread", false, true, false, false }, { "randwrite", true, true, false, false },
	{ "seqread", false, false, false, false }, { "seqwrite", true, false, false, false },
	{ "fill", true, false, true, false },      { "readall", false, false, true, false },
	{ "randrw", true, true, false, true },
};

static bool choose_operation(struct bench *b, const char *name)
{
	for (unsigned i = 0; i < sizeof operations / sizeof *operations; i++) {
		if (strcmp(name, operations[i].name) != 0)
			continue;
		b->op = operations[i].name;
		b->write = operations[i].write;
		b->random = operations[i].random;
		b->fill = operations[i].fill;
		b->mixed = operations[i].mixed;
		return true;
	}
	return false;
}

static bool choose_driver(struct bench *b, const char *url)
{
	static const struct bench_driver *const drivers[] = {
		&bench_nfs_driver,
		&bench_iscsi_driver,
#ifdef WITH_NBD
		&bench_nbd_driver,
#endif
	};
	for (unsigned i = 0; i < sizeof drivers / sizeof *drivers; i++) {
		if (strncmp(url, drivers[i]->scheme, strlen(drivers[i]->scheme)) != 0)
			continue;
		b->driver = drivers[i];
		b->url = url;
		return true;
	}
	return false;
}

static bool add_pids(struct bench *b, const char *list)
{
	while (*list) {
		char *end;
		long pid = strtol(list, &end, 10);
		if (end == list || pid <= 0 || b->n_pids == MAX_PIDS || (*end && *end != ','))
			return false;
		b->pids[b->n_pids++] = (pid_t)pid;
		list = *end ? end + 1 : end;
	}
	return true;
}

static bool set_option(struct bench *b, int option, const char *value)
{
	uint64_t size = 0;
	char *end;
	switch (option) {
	case 'u': return choose_driver(b, value);
	case 'o': return choose_operation(b, value);
	case 'b':
		if (!parse_size(value, &size) || size < 512 || size > 1U << 20)
			return false;
		b->block_bytes = (uint32_t)size;
		return true;
	case 's': return parse_size(value, &b->span_bytes);
	case 'q':
		if (!parse_size(value, &size) || size > MAX_DEPTH)
			return false;
		b->depth = (unsigned)size;
		return true;
	case 't':
		b->seconds = strtod(value, &end);
		return end != value && !*end && b->seconds > 0 && b->seconds < 86400;
	case 'r': b->rate = strtod(value, &end); return end != value && !*end && b->rate > 0 && b->rate < 1e7;
	case 'w': b->ramp = strtod(value, &end); return end != value && !*end && b->ramp >= 0 && b->ramp < 3600;
	case 'm':
		if (!parse_size(value, &size) || size > 100)
			return false;
		b->read_percent = (unsigned)size;
		return true;
	case 'f':
		if (!parse_size(value, &size) || size > 100)
			return false;
		b->share_percent = (unsigned)size;
		return true;
	case 'e':
		if (!parse_size(value, &size))
			return false;
		b->random_state = size * 88172645463325253ULL | 1U;
		return true;
	case 'p': return add_pids(b, value);
	default: return false;
	}
}

static const char usage[] =
    "usage: vcbench --url nfs://HOST/DIR/FILE?nfsport=N&mountport=N | iscsi://HOST:PORT/IQN/LUN | "
    "nbd://HOST:PORT/EXPORT\n"
    "               --op randread|randwrite|randrw|seqread|seqwrite|fill|readall [--block 4k] [--depth 1] [--span "
    "64m]\n"
    "               [--reads 70] (percent of randrw)  [--rate N] (requests a second: open loop)  [--seed N]\n"
    "               [--share 100] (percent of the blocks that fill writes)  [--ramp 0] (seconds before --seconds that "
    "do not count)\n"
    "               [--seconds 3] [--pid PID,...] (whose CPU time to report)\n"
    "               [--gaps] (requests during which the hypervisor took a core away do not count in the latencies; "
    "root)\n";

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{ "url", required_argument, NULL, 'u' },   { "op", required_argument, NULL, 'o' },
		{ "block", required_argument, NULL, 'b' }, { "span", required_argument, NULL, 's' },
		{ "depth", required_argument, NULL, 'q' }, { "seconds", required_argument, NULL, 't' },
		{ "reads", required_argument, NULL, 'm' }, { "rate", required_argument, NULL, 'r' },
		{ "seed", required_argument, NULL, 'e' },  { "pid", required_argument, NULL, 'p' },
		{ "share", required_argument, NULL, 'f' }, { "ramp", required_argument, NULL, 'w' },
		{ "gaps", no_argument, NULL, 'g' },        { NULL, 0, NULL, 0 },
	};
	static struct bench bench = { .block_bytes = BENCH_BLOCK,
		                      .span_bytes = 64U << 20,
		                      .depth = 1,
		                      .seconds = 3,
		                      .read_percent = 70,
		                      .share_percent = 100,
		                      .random_state = 88172645463325252ULL };
	struct bench *b = &bench;
	bool gaps = false;
	int option;
	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (option == 'g') {
			gaps = true;
		} else if (!set_option(b, option, optarg)) {
			fputs(usage, stderr);
			return 2;
		}
	}
	if (!b->driver || !b->op || optind != argc || b->span_bytes < b->block_bytes || !buffers_new(b)) {
		fputs(usage, stderr);
		return 2;
	}
	b->state = b->driver->open(b->url, b->span_bytes);
	if (!b->state || (gaps && (b->gaps = bench_gaps_start()) == NULL))
		return 1;
	(void)signal(SIGTERM, on_signal); /* the run ends early, its figures are good */
	int result = run(b);
	b->driver->close(b->state);
	for (unsigned i = 0; i < b->depth; i++)
		free(b->io[i].buffer);
	free(b->spans);
	if (b->gaps)
		bench_gaps_free(b->gaps);
	return result;
}
