/* SPDX-License-Identifier: Apache-2.0 */
/* The latest events, in a ring. */
#include "admin/journal.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "admin/moment.h"

struct journal_event {
	uint64_t number;
	int64_t wall_ns;
	enum log_level level;
	char component[24];
	char event[40];
	char text[JOURNAL_TEXT];
};

static struct {
	pthread_mutex_t lock;
	uint64_t last;
	struct world *world;
	struct task *wake;
	struct journal_event ring[JOURNAL_EVENTS];
} journal = { .lock = PTHREAD_MUTEX_INITIALIZER };

static const char *const level_names[] = {
	[LOG_LEVEL_ERROR] = "error", [LOG_LEVEL_WARN] = "warn", [LOG_LEVEL_INFO] = "info", [LOG_LEVEL_DEBUG] = "debug"
};

static void journal_sink(enum log_level level, const char *component, const char *event, const char *text)
{
	struct timespec now;

	if (level > LOG_LEVEL_INFO)
		return;
	(void)clock_gettime(CLOCK_REALTIME, &now);
	pthread_mutex_lock(&journal.lock);
	struct journal_event *slot = &journal.ring[++journal.last % JOURNAL_EVENTS];
	slot->number = journal.last;
	slot->wall_ns = (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
	slot->level = level;
	(void)snprintf(slot->component, sizeof slot->component, "%s", component);
	(void)snprintf(slot->event, sizeof slot->event, "%s", event);
	(void)snprintf(slot->text, sizeof slot->text, "%s", text);
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
	return json_pack("{s:I,s:s,s:s,s:s,s:s,s:s%}", "number", (json_int_t)event->number, "time", when, "level",
	                 level_names[event->level], "component", event->component, "event", event->event, "text", event->text,
	                 strlen(event->text));
}

json_t *journal_list(uint64_t after, enum log_level level)
{
	json_t *list = json_array();

	pthread_mutex_lock(&journal.lock);
	uint64_t first = journal.last >= JOURNAL_EVENTS ? journal.last - JOURNAL_EVENTS + 1 : 1;
	if (after >= first)
		first = after + 1;
	for (uint64_t number = first; number <= journal.last; number++) {
		const struct journal_event *event = &journal.ring[number % JOURNAL_EVENTS];
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
