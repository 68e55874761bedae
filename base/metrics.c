/* SPDX-License-Identifier: Apache-2.0 */
/* The registry of metrics. */
#include "base/metrics.h"

#include <pthread.h>
#include <stddef.h>

#include "base/error.h"

static pthread_mutex_t registry_lock = PTHREAD_MUTEX_INITIALIZER;
static struct metric *registry;
static struct metric **registry_tail = &registry;

void metrics_register(struct metric *metric)
{
	metric->next = NULL;
	pthread_mutex_lock(&registry_lock);
	*registry_tail = metric;
	registry_tail = &metric->next;
	pthread_mutex_unlock(&registry_lock);
}

void metrics_unregister(struct metric *metric)
{
	struct metric **link;

	pthread_mutex_lock(&registry_lock);
	for (link = &registry; *link != NULL && *link != metric; link = &(*link)->next)
		;
	vc_assert(*link == metric);
	*link = metric->next;
	if (registry_tail == &metric->next)
		registry_tail = link;
	pthread_mutex_unlock(&registry_lock);
}

void metrics_visit(void (*visit)(const struct metric *metric, void *arg), void *arg)
{
	pthread_mutex_lock(&registry_lock);
	for (const struct metric *metric = registry; metric != NULL; metric = metric->next)
		visit(metric, arg);
	pthread_mutex_unlock(&registry_lock);
}
