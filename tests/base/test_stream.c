/* SPDX-License-Identifier: Apache-2.0 */
/* Streams against a plain socket on the same thread or another: what is received, what is sent, how it ends. */
#include "base/stream.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "tests/base/cmocka_all.h"

#define MS UINT64_C(1000000)

static struct loop *loop;
static struct stream *stream;
static int peer = -1;
static bool use_tcp;

static struct {
	void (*on_readable)(void);
	void (*on_filled)(void);
	void (*on_drained)(void);
	unsigned n_readable, n_filled, n_drained, n_ended;
	int end_err;
	uint8_t *got;
	size_t got_bytes;
} seen;

static void on_readable(void *owner)
{
	assert_ptr_equal(owner, &seen);
	seen.n_readable++;
	if (seen.on_readable != NULL)
		seen.on_readable();
}

static void on_filled(void *owner)
{
	assert_ptr_equal(owner, &seen);
	seen.n_filled++;
	if (seen.on_filled != NULL)
		seen.on_filled();
}

static void on_drained(void *owner)
{
	assert_ptr_equal(owner, &seen);
	seen.n_drained++;
	if (seen.on_drained != NULL)
		seen.on_drained();
}

static void on_ended(void *owner, int err)
{
	assert_ptr_equal(owner, &seen);
	seen.n_ended++;
	seen.end_err = err;
	loop_stop(loop);
}

static const struct stream_handler handler = {
	.readable = on_readable, .filled = on_filled, .drained = on_drained, .ended = on_ended
};

static int tcp_listen(struct sockaddr_in *ret_address)
{
	socklen_t len = sizeof *ret_address;
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	*ret_address = (struct sockaddr_in){ .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	assert_true(fd >= 0);
	assert_int_equal(bind(fd, (struct sockaddr *)ret_address, sizeof *ret_address), 0);
	assert_int_equal(listen(fd, 64), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)ret_address, &len), 0);
	return fd;
}

static int tcp_connect(const struct sockaddr_in *address)
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_int_equal(connect(fd, (const struct sockaddr *)(const void *)address, sizeof *address), 0);
	return fd;
}

static void make_pair(int fds[2])
{
	struct sockaddr_in address;
	int listen_fd;

	if (!use_tcp) {
		assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
		return;
	}
	listen_fd = tcp_listen(&address);
	fds[1] = tcp_connect(&address);
	fds[0] = accept(listen_fd, NULL, NULL);
	assert_true(fds[0] >= 0);
	close(listen_fd);
}

static int setup(void **state)
{
	int fds[2];

	(void)state;
	memset(&seen, 0, sizeof seen);
	assert_int_equal(page_arena_init(4096), 0);
	assert_int_equal(loop_new("test", &loop), 0);
	make_pair(fds);
	assert_int_equal(stream_new(loop, fds[0], &handler, &seen, &stream), 0);
	peer = fds[1];
	return 0;
}

static int setup_tcp(void **state)
{
	use_tcp = true;
	return setup(state);
}

static int teardown(void **state)
{
	(void)state;
	if (stream != NULL)
		stream_close(stream);
	stream = NULL;
	if (peer >= 0)
		close(peer);
	peer = -1;
	loop_free(loop);
	free(seen.got);
	page_arena_fini(); /* every page is back */
	use_tcp = false;
	return 0;
}

static void deadline_fire(struct timer *timer)
{
	(void)timer;
	loop_stop(loop);
}

/* Run until somebody stops the loop, at most `ms`. */
static void run_for(unsigned ms)
{
	struct timer deadline = { .fire = deadline_fire };

	world_timer_set(loop_world(loop), &deadline, ms * MS);
	loop_run(loop);
	world_timer_cancel(&deadline);
}

static void peer_write(const void *bytes, size_t len_bytes)
{
	assert_int_equal(write(peer, bytes, len_bytes), len_bytes);
}

static uint8_t pattern(size_t at)
{
	return (uint8_t)(at * 31 + (at >> 8) * 7 + (at >> 16));
}

static uint8_t *pattern_new(size_t len_bytes)
{
	uint8_t *bytes = malloc(len_bytes);

	for (size_t i = 0; i < len_bytes; i++)
		bytes[i] = pattern(i);
	return bytes;
}

static void assert_pattern(const uint8_t *bytes, size_t from, size_t len_bytes)
{
	size_t bad = 0;

	for (size_t i = 0; i < len_bytes; i++)
		bad += bytes[i] != pattern(from + i);
	assert_int_equal(bad, 0);
}

/* --- Receiving --- */

/* Records: a length byte, then as many bytes of the pattern. */
static size_t records, record_bytes;

static void take_records(void)
{
	const uint8_t *bytes;
	size_t have;

	while ((have = stream_peek(stream, &bytes)) > 0 && have >= 1U + bytes[0]) {
		assert_pattern(bytes + 1, 0, bytes[0]);
		records++;
		record_bytes += bytes[0];
		stream_consume(stream, 1U + bytes[0]);
	}
}

static void *dribble(void *arg)
{
	uint8_t record[256];

	(void)arg;
	for (unsigned n = 0; n < 40; n++) {
		record[0] = (uint8_t)(n * 5);
		for (unsigned i = 0; i < record[0]; i++)
			record[1 + i] = pattern(i);
		for (unsigned i = 0; i < 1U + record[0]; i++) {
			if (write(peer, record + i, 1) != 1)
				return (void *)1;
		}
	}
	shutdown(peer, SHUT_WR);
	return NULL;
}

static void records_arrive_whole_though_sent_byte_by_byte(void **state)
{
	pthread_t thread;
	void *failed;

	(void)state;
	records = record_bytes = 0;
	seen.on_readable = take_records;
	assert_int_equal(pthread_create(&thread, NULL, dribble, NULL), 0);
	run_for(20000);
	pthread_join(thread, &failed);
	assert_null(failed);
	assert_int_equal(records, 40);
	assert_int_equal(record_bytes, 5 * 39 * 40 / 2);
	assert_int_equal(seen.n_ended, 1);
	assert_int_equal(seen.end_err, 0);
}

static size_t consumed;

/* Consume a byte or a few, and leave the rest for the next call. */
static void take_all_in_small_steps(void)
{
	const uint8_t *bytes;
	size_t have, step = 1;

	while ((have = stream_peek(stream, &bytes)) > 0) {
		step = step % 7 + 1;
		if (step > have)
			step = have;
		assert_pattern(bytes, consumed, step);
		stream_consume(stream, step);
		consumed += step;
	}
}

static void *write_pattern(void *arg)
{
	size_t len_bytes = (size_t)(uintptr_t)arg, done = 0;
	uint8_t *bytes = pattern_new(len_bytes);

	while (done < len_bytes) {
		ssize_t n = send(peer, bytes + done, len_bytes - done, MSG_NOSIGNAL);

		if (n <= 0)
			break;
		done += (size_t)n;
	}
	shutdown(peer, SHUT_WR);
	free(bytes);
	return NULL;
}

static void bytes_keep_their_order_across_the_buffer_s_end(void **state)
{
	pthread_t thread;

	(void)state;
	consumed = 0;
	seen.on_readable = take_all_in_small_steps;
	assert_int_equal(pthread_create(&thread, NULL, write_pattern, (void *)1000003), 0);
	run_for(20000);
	pthread_join(thread, NULL);
	assert_int_equal(consumed, 1000003);
	assert_int_equal(seen.n_ended, 1);
}

static void stop_loop(void)
{
	loop_stop(loop);
}

static void take_when_64k_are_there(void)
{
	const uint8_t *bytes;
	size_t have = stream_peek(stream, &bytes);

	if (have < STREAM_PEEK_MAX)
		return;
	assert_int_equal(have, STREAM_PEEK_MAX);
	assert_pattern(bytes, consumed, have);
	stream_consume(stream, have);
	consumed += have;
}

static void peek_gives_64k_in_one_piece(void **state)
{
	pthread_t thread;

	(void)state;
	consumed = 0;
	seen.on_readable = take_when_64k_are_there;
	assert_int_equal(pthread_create(&thread, NULL, write_pattern, (void *)(uintptr_t)(5 * STREAM_PEEK_MAX)), 0);
	run_for(20000);
	pthread_join(thread, NULL);
	assert_int_equal(consumed, 5 * STREAM_PEEK_MAX);
}

static void full_buffer_stops_reading_and_consuming_starts_it(void **state)
{
	pthread_t thread;
	const uint8_t *bytes;

	(void)state;
	assert_int_equal(pthread_create(&thread, NULL, write_pattern, (void *)(uintptr_t)(4 * STREAM_PEEK_MAX)), 0);
	run_for(100); /* nobody consumes */
	assert_int_equal(stream_peek(stream, &bytes), STREAM_PEEK_MAX);
	assert_int_equal(seen.n_ended, 0);
	consumed = 0;
	seen.on_readable = take_all_in_small_steps;
	take_all_in_small_steps();
	run_for(20000);
	pthread_join(thread, NULL);
	assert_int_equal(consumed, 4 * STREAM_PEEK_MAX);
	assert_int_equal(seen.n_ended, 1);
}

/* Frames: an 8-byte header with a length, then a payload that goes into pages. */
enum { FRAME_PAGES = 512, N_FRAMES = 60 };

static struct page *frame_pages[FRAME_PAGES];
static uint64_t frame_bytes;
static unsigned frames_done;
static size_t frame_n_pages;

static size_t frame_len(unsigned i)
{
	static const size_t sizes[] = { 0, 1, 4096, 5000, 8192, 32768, 40000, 65536, 131072, 1048576, 2097152, 7 };

	return sizes[i % ARRAY_SIZE(sizes)] + (i / ARRAY_SIZE(sizes) > 2 && i % ARRAY_SIZE(sizes) < 10 ? i : 0);
}

static void frame_begin(void)
{
	static struct iovec iov[FRAME_PAGES];
	const uint8_t *bytes;

	if (stream_peek(stream, &bytes) < sizeof frame_bytes)
		return;
	memcpy(&frame_bytes, bytes, sizeof frame_bytes);
	stream_consume(stream, sizeof frame_bytes);
	frame_n_pages = DIV_UP(frame_bytes, PAGE_SIZE);
	assert_true(frame_n_pages <= FRAME_PAGES);
	assert_int_equal(page_alloc_many(frame_pages, frame_n_pages), 0);
	for (size_t i = 0; i < frame_n_pages; i++)
		iov[i] = (struct iovec){ frame_pages[i]->data, MIN_OF(PAGE_SIZE, frame_bytes - i * PAGE_SIZE) };
	stream_fill(stream, iov, (unsigned)frame_n_pages, false);
	memset(iov, 0, sizeof iov); /* the vector was copied */
}

static void frame_end(void)
{
	for (size_t i = 0; i < frame_n_pages; i++)
		assert_pattern(frame_pages[i]->data, i * PAGE_SIZE, MIN_OF(PAGE_SIZE, frame_bytes - i * PAGE_SIZE));
	assert_int_equal(frame_bytes, frame_len(frames_done));
	page_put_many(frame_pages, frame_n_pages);
	frames_done++;
	frame_begin();
}

static void *write_frames(void *arg)
{
	(void)arg;
	for (unsigned i = 0; i < N_FRAMES; i++) {
		uint64_t header = frame_len(i);
		uint8_t *bytes = pattern_new(header + 1);
		struct iovec iov[2] = { { &header, sizeof header }, { bytes, header } };
		struct msghdr msg = { .msg_iov = iov, .msg_iovlen = 2 };
		ssize_t n = sendmsg(peer, &msg, MSG_NOSIGNAL | MSG_WAITALL);

		for (size_t at = (size_t)n - sizeof header; n > 0 && at < header; at += (size_t)n)
			n = send(peer, bytes + at, header - at, MSG_NOSIGNAL);
		free(bytes);
		if (n <= 0)
			return (void *)1;
	}
	shutdown(peer, SHUT_WR);
	return NULL;
}

static void payloads_land_in_pages_and_the_surplus_in_the_buffer(void **state)
{
	pthread_t thread;
	void *failed;

	(void)state;
	frames_done = 0;
	seen.on_readable = frame_begin;
	seen.on_filled = frame_end;
	assert_int_equal(pthread_create(&thread, NULL, write_frames, NULL), 0);
	run_for(30000);
	pthread_join(thread, &failed);
	assert_null(failed);
	assert_int_equal(frames_done, N_FRAMES);
	assert_int_equal(seen.n_filled, N_FRAMES);
	assert_int_equal(seen.n_ended, 1);
}

static char fill_target[8];

static void fill_never_calls_back_inline(void **state)
{
	struct iovec iov = { fill_target, 4 };
	const uint8_t *bytes;

	(void)state;
	peer_write("abcdefgh", 8);
	seen.on_readable = stop_loop;
	run_for(5000);
	assert_int_equal(seen.n_readable, 1);
	seen.on_readable = NULL;
	seen.on_filled = stop_loop;
	stream_fill(stream, &iov, 1, false); /* all of it is there already */
	assert_int_equal(seen.n_filled, 0);
	run_for(5000);
	assert_int_equal(seen.n_filled, 1);
	assert_memory_equal(fill_target, "abcd", 4);
	assert_int_equal(stream_peek(stream, &bytes), 4);
	assert_memory_equal(bytes, "efgh", 4);
	stream_fill(stream, NULL, 0, false); /* nothing to fill is filled at once, but later */
	assert_int_equal(seen.n_filled, 1);
	run_for(5000);
	assert_int_equal(seen.n_filled, 2);
}

static void cancelled_fill_is_not_reported_and_reading_goes_on(void **state)
{
	struct iovec iov = { fill_target, 8 };
	const uint8_t *bytes;

	(void)state;
	stream_fill(stream, &iov, 1, false);
	peer_write("abc", 3);
	run_for(50);
	assert_int_equal(seen.n_readable, 0);
	stream_fill_cancel(stream);
	peer_write("xyz", 3);
	seen.on_readable = stop_loop;
	run_for(5000);
	assert_int_equal(seen.n_filled, 0);
	assert_int_equal(stream_peek(stream, &bytes), 3);
	assert_memory_equal(bytes, "xyz", 3);
}

static void take_one_and_pause(void)
{
	const uint8_t *bytes;

	if (stream_peek(stream, &bytes) == 0)
		return;
	stream_consume(stream, 1);
	consumed++;
	stream_pause(stream);
}

static void pause_holds_bytes_back_and_resume_calls_again(void **state)
{
	(void)state;
	consumed = 0;
	seen.on_readable = take_one_and_pause;
	peer_write("abc", 3);
	shutdown(peer, SHUT_WR);
	for (unsigned i = 1; i <= 3; i++) {
		run_for(20);
		assert_int_equal(consumed, i);
		assert_int_equal(seen.n_readable, i);
		assert_int_equal(seen.n_ended, 0);
		stream_resume(stream);
		assert_int_equal(seen.n_readable, i); /* not inline */
	}
	run_for(5000);
	assert_int_equal(seen.n_ended, 1); /* the end comes after all bytes */
}

/* --- Sending --- */

static void send_copy(const void *bytes, size_t len_bytes)
{
	struct stream_seg seg = { .base = bytes, .len_bytes = len_bytes };

	stream_send(stream, &seg, 1);
}

static void sends_of_one_turn_go_out_together(void **state)
{
	char text[32] = "one", received[64];
	ssize_t n;

	(void)state;
	send_copy(text, 3);
	memcpy(text, "two", 3); /* was copied */
	send_copy(text, 3);
	send_copy(text, 0);
	assert_int_equal(stream_unsent(stream), 6);
	assert_int_equal(recv(peer, received, sizeof received, MSG_DONTWAIT), -1);
	run_for(20);
	n = recv(peer, received, sizeof received, MSG_DONTWAIT);
	assert_int_equal(n, 6);
	assert_memory_equal(received, "onetwo", 6);
	assert_int_equal(stream_unsent(stream), 0);
}

enum { REPLY_HEADER = 48, N_REPLIES = 5000 };

struct reader {
	pthread_t thread;
	size_t expect_bytes;
	size_t got_bytes;
	size_t bad;
	unsigned delay_us;
	int fd;
};

static void *read_replies(void *arg)
{
	struct reader *reader = arg;
	uint8_t bytes[70000];

	while (reader->got_bytes < reader->expect_bytes) {
		ssize_t n = recv(reader->fd, bytes, sizeof bytes, 0);

		if (n <= 0)
			break;
		for (ssize_t i = 0; i < n; i++) {
			size_t at = (reader->got_bytes + (size_t)i) % (REPLY_HEADER + PAGE_SIZE);
			size_t number = (reader->got_bytes + (size_t)i) / (REPLY_HEADER + PAGE_SIZE);
			uint8_t expect = at < REPLY_HEADER ? (uint8_t)(number + at) : pattern(at - REPLY_HEADER);

			reader->bad += bytes[i] != expect;
		}
		reader->got_bytes += (size_t)n;
		if (reader->delay_us > 0)
			usleep(reader->delay_us);
	}
	return NULL;
}

static void reader_start(struct reader *reader, size_t expect_bytes, unsigned delay_us)
{
	*reader = (struct reader){ .expect_bytes = expect_bytes, .delay_us = delay_us, .fd = peer };
	assert_int_equal(pthread_create(&reader->thread, NULL, read_replies, reader), 0);
}

static struct page *pattern_page(void)
{
	struct page *page = page_alloc();

	for (size_t i = 0; i < PAGE_SIZE; i++)
		page->data[i] = pattern(i);
	return page;
}

static void send_reply(struct page *page, unsigned number)
{
	uint8_t header[REPLY_HEADER];
	struct stream_seg segs[2] = { { .base = header, .len_bytes = sizeof header },
		                      { .base = page->data, .len_bytes = PAGE_SIZE, .page = page } };

	for (unsigned i = 0; i < sizeof header; i++)
		header[i] = (uint8_t)(number + i);
	stream_send(stream, segs, 2);
}

static struct timer poll_timer;

static void poll_until_sent(struct timer *timer)
{
	if (stream_unsent(stream) == 0)
		loop_stop(loop);
	else
		world_timer_set(loop_world(loop), timer, MS);
}

static void run_until_sent(void)
{
	poll_timer.fire = poll_until_sent;
	world_timer_set(loop_world(loop), &poll_timer, 0);
	run_for(30000);
	world_timer_cancel(&poll_timer);
	assert_int_equal(stream_unsent(stream), 0);
}

static void replies_reach_a_slow_reader_whole_and_pages_come_back(void **state)
{
	struct page *page = pattern_page();
	struct reader reader;
	const size_t total = (size_t)N_REPLIES * (REPLY_HEADER + PAGE_SIZE);

	(void)state;
	for (unsigned i = 0; i < N_REPLIES; i++)
		send_reply(page, i);
	assert_int_equal(stream_unsent(stream), total);
	assert_false(page_is_exclusive(page));
	reader_start(&reader, total, 200);
	run_until_sent();
	pthread_join(reader.thread, NULL);
	assert_int_equal(reader.got_bytes, total);
	assert_int_equal(reader.bad, 0);
	assert_true(page_is_exclusive(page)); /* the references left with the bytes */
	assert_int_equal(seen.n_drained, 1); /* 20 MB were above the high mark */
	page_put(page);
	assert_int_equal(page_arena_used(), 0);
}

static unsigned replies_sent;
static struct page *reply_page;

static void send_until_high(void)
{
	while (replies_sent < N_REPLIES && stream_unsent(stream) <= STREAM_HIGH_MARK)
		send_reply(reply_page, replies_sent++);
}

static void drained_lets_the_owner_go_on(void **state)
{
	struct reader reader;
	const size_t total = (size_t)N_REPLIES * (REPLY_HEADER + PAGE_SIZE);

	(void)state;
	reply_page = pattern_page();
	replies_sent = 0;
	seen.on_drained = send_until_high;
	send_until_high();
	assert_true(replies_sent < N_REPLIES);
	reader_start(&reader, total, 0);
	run_until_sent();
	pthread_join(reader.thread, NULL);
	assert_int_equal(replies_sent, N_REPLIES);
	assert_int_equal(reader.got_bytes, total);
	assert_int_equal(reader.bad, 0);
	assert_in_range(seen.n_drained, 1, 10);
	page_put(reply_page);
}

static void *read_pattern(void *arg)
{
	struct reader *reader = arg;
	uint8_t bytes[5000];
	ssize_t n;

	while ((n = recv(reader->fd, bytes, sizeof bytes, 0)) > 0) {
		for (ssize_t i = 0; i < n; i++)
			reader->bad += bytes[i] != pattern(reader->got_bytes + (size_t)i);
		reader->got_bytes += (size_t)n;
	}
	return NULL;
}

static void copied_segments_of_any_size_arrive_and_need_no_page_of_the_arena(void **state)
{
	enum { TOTAL = 3000000 };
	uint8_t *bytes = pattern_new(TOTAL);
	struct page *all[4096];
	struct reader reader = { .fd = peer };
	size_t at = 0, step = 1;

	(void)state;
	assert_int_equal(page_alloc_many(all, 4096), 0); /* nothing left: the heap must help */
	assert_null(page_alloc());
	while (at < TOTAL) {
		step = MIN_OF(step * 3 % 20011, TOTAL - at);
		send_copy(bytes + at, step);
		at += step;
	}
	free(bytes);
	assert_int_equal(pthread_create(&reader.thread, NULL, read_pattern, &reader), 0);
	run_until_sent();
	stream_close(stream);
	stream = NULL;
	pthread_join(reader.thread, NULL);
	assert_int_equal(reader.got_bytes, TOTAL);
	assert_int_equal(reader.bad, 0);
	page_put_many(all, 4096);
}

static void closing_with_a_full_queue_gives_the_pages_back(void **state)
{
	struct page *page = pattern_page();

	(void)state;
	for (unsigned i = 0; i < N_REPLIES; i++)
		send_reply(page, i);
	run_for(20);
	assert_true(stream_unsent(stream) > 0);
	stream_close(stream);
	stream = NULL;
	assert_true(page_is_exclusive(page));
	page_put(page);
	assert_int_equal(page_arena_used(), 0);
}

/* --- Ends --- */

static void end_of_the_peer_is_told_once_without_error(void **state)
{
	(void)state;
	close(peer);
	peer = -1;
	run_for(5000);
	run_for(20);
	assert_int_equal(seen.n_ended, 1);
	assert_int_equal(seen.end_err, 0);
}

static void reset_by_the_peer_is_told_as_an_error(void **state)
{
	struct linger hard = { .l_onoff = 1 };

	(void)state;
	setsockopt(peer, SOL_SOCKET, SO_LINGER, &hard, sizeof hard);
	close(peer);
	peer = -1;
	run_for(5000);
	run_for(20);
	assert_int_equal(seen.n_ended, 1);
	assert_int_equal(seen.end_err, -ECONNRESET);
	send_copy("late", 4); /* dropped, not an error of the caller */
	assert_int_equal(stream_unsent(stream), 0);
}

static void reset_while_sending_is_told_once_and_drops_the_queue(void **state)
{
	struct page *page = pattern_page();
	struct linger hard = { .l_onoff = 1 };

	(void)state;
	stream_pause(stream); /* only the sending side can notice */
	for (unsigned i = 0; i < N_REPLIES; i++)
		send_reply(page, i);
	run_for(20);
	setsockopt(peer, SOL_SOCKET, SO_LINGER, &hard, sizeof hard);
	close(peer);
	peer = -1;
	run_for(5000);
	run_for(20);
	assert_int_equal(seen.n_ended, 1);
	assert_true(seen.end_err == -ECONNRESET || seen.end_err == -EPIPE);
	assert_true(page_is_exclusive(page));
	page_put(page);
}

static void bytes_before_the_end_are_seen_before_the_end(void **state)
{
	(void)state;
	consumed = 0;
	seen.on_readable = take_all_in_small_steps;
	uint8_t *bytes = pattern_new(60000);

	peer_write(bytes, 60000);
	free(bytes);
	shutdown(peer, SHUT_WR);
	run_for(5000);
	assert_int_equal(consumed, 60000);
	assert_int_equal(seen.n_ended, 1);
}

static void close_now(void)
{
	stream_close(stream);
	stream = NULL;
	loop_stop(loop);
}

static void assert_peer_sees_the_end(void)
{
	char byte;

	while (recv(peer, &byte, 1, 0) == 1)
		;
	assert_int_equal(recv(peer, &byte, 1, 0), 0);
}

static void stream_may_be_closed_in_readable(void **state)
{
	(void)state;
	seen.on_readable = close_now;
	peer_write("abc", 3);
	run_for(5000);
	assert_int_equal(seen.n_readable, 1);
	assert_int_equal(seen.n_ended, 0);
}

static void stream_may_be_closed_in_filled_with_a_send_queued(void **state)
{
	struct iovec iov = { fill_target, 2 };

	(void)state;
	seen.on_filled = close_now;
	stream_fill(stream, &iov, 1, false);
	peer_write("abc", 3); /* the third byte would be readable */
	send_copy("reply", 5);
	run_for(5000);
	assert_int_equal(seen.n_filled, 1);
	assert_int_equal(seen.n_readable, 0);
}

static void stream_may_be_closed_in_drained(void **state)
{
	struct page *page = pattern_page();
	struct reader reader;

	(void)state;
	seen.on_drained = close_now;
	for (unsigned i = 0; i < N_REPLIES; i++)
		send_reply(page, i);
	reader_start(&reader, SIZE_MAX, 0);
	run_for(20000);
	pthread_join(reader.thread, NULL);
	assert_int_equal(seen.n_drained, 1);
	assert_null(stream);
	page_put(page);
}

static void close_after_send_sends_everything_first(void **state)
{
	struct page *page = pattern_page();
	const size_t total = (size_t)N_REPLIES * (REPLY_HEADER + PAGE_SIZE);
	struct reader reader;

	(void)state;
	for (unsigned i = 0; i < N_REPLIES; i++)
		send_reply(page, i);
	peer_write("unread", 6); /* would make a plain close a reset */
	stream_close_after_send(stream, 20000);
	stream = NULL;
	reader_start(&reader, total, 0);
	run_for(1500);
	pthread_join(reader.thread, NULL);
	assert_int_equal(reader.got_bytes, total);
	assert_int_equal(reader.bad, 0);
	assert_peer_sees_the_end();
	assert_int_equal(seen.n_readable + seen.n_ended, 0);
	assert_true(page_is_exclusive(page));
	page_put(page);
}

static void close_after_send_gives_up_after_its_time(void **state)
{
	struct page *page = pattern_page();

	(void)state;
	for (unsigned i = 0; i < N_REPLIES; i++)
		send_reply(page, i);
	stream_close_after_send(stream, 50); /* nobody reads */
	stream = NULL;
	run_for(20);
	assert_false(page_is_exclusive(page));
	run_for(200);
	assert_true(page_is_exclusive(page));
	page_put(page);
}

static void lingering_stream_goes_with_its_loop(void **state)
{
	struct page *page = pattern_page();

	(void)state;
	for (unsigned i = 0; i < N_REPLIES; i++)
		send_reply(page, i);
	stream_close_after_send(stream, 60000);
	stream = NULL;
	run_for(10);
	page_put(page); /* teardown frees the loop, then asserts that every page is back */
}

static void stream_knows_its_peer(void **state)
{
	struct sockaddr_storage address;
	struct sockaddr_in mine;
	socklen_t len = sizeof mine;
	int nodelay = 0;
	socklen_t nodelay_len = sizeof nodelay;

	(void)state;
	stream_peer(stream, &address);
	assert_true(fcntl(stream_fd(stream), F_GETFL) & O_NONBLOCK);
	if (!use_tcp) {
		assert_int_equal(address.ss_family, AF_UNIX);
		return;
	}
	assert_int_equal(getsockname(peer, (struct sockaddr *)&mine, &len), 0);
	assert_memory_equal(&address, &mine, 8); /* family, port, address */
	assert_int_equal(getsockopt(stream_fd(stream), IPPROTO_TCP, TCP_NODELAY, &nodelay, &nodelay_len), 0);
	assert_int_equal(nodelay, 1);
}

static void stream_refuses_what_is_no_socket(void **state)
{
	struct stream *none = NULL;
	int fds[2];

	(void)state;
	assert_int_equal(pipe(fds), 0);
	assert_int_equal(stream_new(loop, fds[0], &handler, &seen, &none), -ENOTSOCK);
	assert_null(none);
	close(fds[0]);
	close(fds[1]);
}

/* --- Listener --- */

static struct listener *listener;
static int accepted_fds[32];
static unsigned n_accepted, n_wanted;

static void on_accepted(void *owner, int fd)
{
	assert_ptr_equal(owner, &seen);
	assert_true(fcntl(fd, F_GETFL) & O_NONBLOCK);
	assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
	accepted_fds[n_accepted++] = fd;
	if (n_accepted == n_wanted)
		loop_stop(loop);
}

static void close_accepted(void)
{
	while (n_accepted > 0)
		close(accepted_fds[--n_accepted]);
}

static void listener_accepts_and_survives_running_out_of_descriptors(void **state)
{
	struct sockaddr_in address;
	struct rlimit before, tight;
	int fd = tcp_listen(&address), clients[4], top;

	(void)state;
	n_accepted = 0;
	n_wanted = 2;
	assert_int_equal(listener_new(loop, fd, on_accepted, &seen, &listener), 0);
	for (unsigned i = 0; i < 2; i++)
		clients[i] = tcp_connect(&address);
	run_for(5000);
	assert_int_equal(n_accepted, 2);

	for (unsigned i = 2; i < 4; i++)
		clients[i] = tcp_connect(&address);
	top = dup(0);
	close(top);
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
	tight = before;
	tight.rlim_cur = (rlim_t)top;
	n_wanted = 4;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &tight), 0);
	run_for(150);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
	assert_int_equal(n_accepted, 2);
	run_for(5000);
	assert_int_equal(n_accepted, 4);
	close_accepted();
	for (unsigned i = 0; i < 4; i++)
		close(clients[i]);
	listener_free(listener);
}

static void accept_one_and_free(void *owner, int fd)
{
	(void)owner;
	close(fd);
	n_accepted++;
	listener_free(listener);
	loop_stop(loop);
}

static void listener_may_be_freed_in_accepted(void **state)
{
	struct sockaddr_in address;
	int fd = tcp_listen(&address), clients[3];

	(void)state;
	n_accepted = 0;
	assert_int_equal(listener_new(loop, fd, accept_one_and_free, &seen, &listener), 0);
	for (unsigned i = 0; i < 3; i++)
		clients[i] = tcp_connect(&address);
	run_for(5000);
	assert_int_equal(n_accepted, 1);
	for (unsigned i = 0; i < 3; i++)
		close(clients[i]);
	n_accepted = 0;
}

#define UNIX_TEST(f)                                                                                                   \
	{                                                                                                              \
#f " (unix)", f, setup, teardown, NULL                                                                 \
	}
#define TCP_TEST(f)                                                                                                    \
	{                                                                                                              \
#f " (tcp)", f, setup_tcp, teardown, NULL                                                              \
	}
#define BOTH(f) UNIX_TEST(f), TCP_TEST(f)

int main(void)
{
	static const struct CMUnitTest tests[] = {
		BOTH(records_arrive_whole_though_sent_byte_by_byte),
		BOTH(bytes_keep_their_order_across_the_buffer_s_end),
		BOTH(peek_gives_64k_in_one_piece),
		BOTH(full_buffer_stops_reading_and_consuming_starts_it),
		BOTH(payloads_land_in_pages_and_the_surplus_in_the_buffer),
		UNIX_TEST(fill_never_calls_back_inline),
		UNIX_TEST(cancelled_fill_is_not_reported_and_reading_goes_on),
		BOTH(pause_holds_bytes_back_and_resume_calls_again),
		UNIX_TEST(sends_of_one_turn_go_out_together),
		BOTH(replies_reach_a_slow_reader_whole_and_pages_come_back),
		BOTH(drained_lets_the_owner_go_on),
		BOTH(copied_segments_of_any_size_arrive_and_need_no_page_of_the_arena),
		BOTH(closing_with_a_full_queue_gives_the_pages_back),
		BOTH(end_of_the_peer_is_told_once_without_error),
		TCP_TEST(reset_by_the_peer_is_told_as_an_error),
		TCP_TEST(reset_while_sending_is_told_once_and_drops_the_queue),
		BOTH(bytes_before_the_end_are_seen_before_the_end),
		BOTH(stream_may_be_closed_in_readable),
		BOTH(stream_may_be_closed_in_filled_with_a_send_queued),
		BOTH(stream_may_be_closed_in_drained),
		BOTH(close_after_send_sends_everything_first),
		BOTH(close_after_send_gives_up_after_its_time),
		BOTH(lingering_stream_goes_with_its_loop),
		BOTH(stream_knows_its_peer),
		UNIX_TEST(stream_refuses_what_is_no_socket),
		UNIX_TEST(listener_accepts_and_survives_running_out_of_descriptors),
		UNIX_TEST(listener_may_be_freed_in_accepted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
