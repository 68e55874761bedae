/* SPDX-License-Identifier: Apache-2.0 */
/* The latest events, in two rings: what peers can cause cannot push out what the server says by itself. */
#include "admin/journal.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "admin/moment.h"
#include "base/text.h"

struct journal_event {
	uint64_t number;
	int64_t wall_ns;
	enum log_level level;
	char component[24];
	char event[40];
	char text[JOURNAL_TEXT];
};

/* A ring: the newest is at (n - 1) % size. */
struct journal_ring {
	struct journal_event *events;
	unsigned size;
	uint64_t n;
};

static struct journal_event own_events[JOURNAL_EVENTS], peer_events[JOURNAL_PEER_EVENTS];

static struct {
	pthread_mutex_t lock;
	uint64_t last;
	struct world *world;
	struct task *wake;
	struct journal_ring own, peers;
} journal = { .lock = PTHREAD_MUTEX_INITIALIZER,
	      .own = { .events = own_events, .size = JOURNAL_EVENTS },
	      .peers = { .events = peer_events, .size = JOURNAL_PEER_EVENTS } };

static const char *const level_names[] = {
	[LOG_LEVEL_ERROR] = "error", [LOG_LEVEL_WARN] = "warn", [LOG_LEVEL_INFO] = "info", [LOG_LEVEL_DEBUG] = "debug"
};

/* The event `at` of all there ever were; NULL: it is not there any more, or not yet. */
static struct journal_event *ring_at(const struct journal_ring *ring, uint64_t at)
{
	return at < ring->n && ring->n - at <= ring->size ? &ring->events[at % ring->size] : NULL;
}

static void journal_sink(enum log_level level, bool peer, const char *component, const char *event, const char *text)
{
	struct timespec now;

	if (level > LOG_LEVEL_INFO)
		return;
	(void)clock_gettime(CLOCK_REALTIME, &now);
	pthread_mutex_lock(&journal.lock);
	struct journal_ring *ring = peer ? &journal.peers : &journal.own;
	struct journal_event *slot = &ring->events[ring->n++ % ring->size];
	slot->number = ++journal.last;
	slot->wall_ns = (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
	slot->level = level;
	(void)snprintf(slot->component, sizeof slot->component, "%s", component);
	(void)snprintf(slot->event, sizeof slot->event, "%s", event);
	(void)snprintf(slot->text, sizeof slot->text, "%.*s", (int)text_cut(text, sizeof slot->text - 1), text);
	struct task *wake = journal.wake;
	journal.wake = NULL; /* given back by journal_start when it has run */
	struct world *world = journal.world;
	pthread_mutex_unlock(&journal.lock);
	if (wake != NULL && world != NULL)
		world_post(world, wake);
}

void journal_start(struct world *world, struct task *wake)
{
	pthread_mutex_lock(&journal.lock);
	journal.world = world;
	journal.wake = wake;
	pthread_mutex_unlock(&journal.lock);
	log_set_sink(journal_sink);
}

void journal_stop(void)
{
	pthread_mutex_lock(&journal.lock);
	journal.world = NULL;
	journal.wake = NULL;
	pthread_mutex_unlock(&journal.lock);
}

static json_t *event_json(const struct journal_event *event)
{
	char when[MOMENT_TEXT_SIZE];

	moment_format(event->wall_ns, when);
	return json_pack("{s:I,s:s,s:s,s:s,s:s,s:s}", "number", (json_int_t)event->number, "time", when, "level",
	                 level_names[event->level], "component", event->component, "event", event->event, "text",
	                 event->text);
}

/* Where the first event numbered above `after` is. */
static uint64_t ring_begin(const struct journal_ring *ring, uint64_t after)
{
	uint64_t at = ring->n > ring->size ? ring->n - ring->size : 0;
	const struct journal_event *event;

	while ((event = ring_at(ring, at)) != NULL && event->number <= after)
		at++;
	return at;
}

json_t *journal_list(uint64_t after, enum log_level level)
{
	json_t *list = json_array();

	pthread_mutex_lock(&journal.lock);
	uint64_t own_at = ring_begin(&journal.own, after), peer_at = ring_begin(&journal.peers, after);
	for (;;) {
		const struct journal_event *own = ring_at(&journal.own, own_at),
		                           *peer = ring_at(&journal.peers, peer_at);
		const struct journal_event *event = peer == NULL || (own != NULL && own->number < peer->number) ? own
		                                                                                                : peer;
		if (event == NULL)
			break;
		*(event == own ? &own_at : &peer_at) += 1;
		if (event->level <= level)
			(void)json_array_append_new(list, event_json(event));
	}
	pthread_mutex_unlock(&journal.lock);
	return list;
}

uint64_t journal_last(void)
{
	pthread_mutex_lock(&journal.lock);
	uint64_t last = journal.last;
	pthread_mutex_unlock(&journal.lock);
	return last;
}

int journal_level_parse(const char *text, enum log_level *ret_level)
{
	for (unsigned i = 0; i < sizeof level_names / sizeof level_names[0]; i++) {
		if (strcmp(text, level_names[i]) == 0) {
			*ret_level = (enum log_level)i;
			return 0;
		}
	}
	return -EINVAL;
}
