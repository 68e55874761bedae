/* SPDX-License-Identifier: Apache-2.0 */
/* Metrics: counters and histograms (base/counters.h) registered with name, labels and help, so that /metrics can list
 * them. */
#ifndef BASE_METRICS_H
#define BASE_METRICS_H

enum metric_kind { METRIC_COUNTER, METRIC_GAUGE, METRIC_HISTOGRAM };

struct metric {
	const char *name; /* "vc_nfs_requests_total" */
	const char *help;
	const char *labels; /* "proc=\"read\"" or NULL; must outlive the registration */
	enum metric_kind kind;
	const void *value; /* struct counter * or struct histogram * */
	struct metric *next;
};

/* Add / remove a metric; the struct is the caller's and stays until removed. Any thread. */
void metrics_register(struct metric *metric);
void metrics_unregister(struct metric *metric);
/* Call `visit` for each, in registration order, with the registry locked. */
void metrics_visit(void (*visit)(const struct metric *metric, void *arg), void *arg);

#endif
