/* SPDX-License-Identifier: Apache-2.0 */
/* Counters of the NFS server, registered for /metrics. */
#include "proto/nfs/nfs_metrics.h"

#include <stdlib.h>

#include "base/list.h"
#include "base/metrics.h"
#include "fs/volume.h"

enum { N_RPC = 8, N_CALLS = 6 };

struct nfs_metrics {
	struct counter requests[NFS_METRICS_PROCEDURES];
	struct counter errors[NFS_METRICS_PROCEDURES];
	struct histogram latency;
	struct rpc_counters rpc;
	struct metric request_metrics[NFS_METRICS_PROCEDURES];
	struct metric error_metrics[NFS_METRICS_PROCEDURES];
	struct metric latency_metric;
	struct metric rpc_metrics[N_RPC];
	struct metric call_metrics[N_CALLS];
};

static const char *const labels[NFS_METRICS_PROCEDURES] = {
	"proc=\"null\"",     "proc=\"getattr\"", "proc=\"setattr\"",     "proc=\"lookup\"", "proc=\"access\"",
	"proc=\"readlink\"", "proc=\"read\"",    "proc=\"write\"",       "proc=\"create\"", "proc=\"mkdir\"",
	"proc=\"symlink\"",  "proc=\"mknod\"",   "proc=\"remove\"",      "proc=\"rmdir\"",  "proc=\"rename\"",
	"proc=\"link\"",     "proc=\"readdir\"", "proc=\"readdirplus\"", "proc=\"fsstat\"", "proc=\"fsinfo\"",
	"proc=\"pathconf\"", "proc=\"commit\"",
};

static void add(struct metric *metric, const char *name, const char *label, const char *help, enum metric_kind kind,
                const void *value)
{
	*metric = (struct metric){ .name = name, .help = help, .labels = label, .kind = kind, .value = value };
	metrics_register(metric);
}

static void add_rpc(struct nfs_metrics *metrics)
{
	const struct {
		const char *name, *help;
		enum metric_kind kind;
		const struct counter *value;
	} rows[N_RPC] = {
		{ "vc_rpc_garbage_total", "Calls whose arguments could not be decoded.", METRIC_COUNTER,
		  &metrics->rpc.garbage },
		{ "vc_rpc_bad_records_total", "Records that were not calls; each closed its connection.",
		  METRIC_COUNTER, &metrics->rpc.bad_records },
		{ "vc_rpc_refused_total", "Connections refused because there were too many.", METRIC_COUNTER,
		  &metrics->rpc.refused },
		{ "vc_rpc_connections", "RPC connections now open.", METRIC_GAUGE, &metrics->rpc.conns },
		{ "vc_rpc_stalled_total", "Connections closed because they held memory without progress.",
		  METRIC_COUNTER, &metrics->rpc.stalled },
		{ "vc_rpc_idle_total", "Connections closed because no call came for too long.", METRIC_COUNTER,
		  &metrics->rpc.idle },
		{ "vc_rpc_waits_total", "Times a connection waited for memory.", METRIC_COUNTER, &metrics->rpc.waits },
		{ "vc_rpc_calls_total", "Calls taken, of any program.", METRIC_COUNTER, &metrics->rpc.calls },
	};

	for (unsigned i = 0; i < N_RPC; i++)
		add(&metrics->rpc_metrics[i], rows[i].name, NULL, rows[i].help, rows[i].kind, rows[i].value);
}

/* The duplicate request cache, which is the volumes'. */
static void add_calls(struct nfs_metrics *metrics)
{
	const struct fs_call_counters *calls = fs_call_counters();
	const struct {
		const char *name, *help;
		enum metric_kind kind;
		const struct counter *value;
	} rows[N_CALLS] = {
		{ "vc_nfs_drc_hits_total", "Calls sent again and answered with the kept reply.", METRIC_COUNTER,
		  &calls->hits },
		{ "vc_nfs_drc_waits_total", "Calls sent again while the first was under way.", METRIC_COUNTER,
		  &calls->waits },
		{ "vc_nfs_drc_misses_total", "Calls that are not idempotent, carried out.", METRIC_COUNTER,
		  &calls->misses },
		{ "vc_nfs_drc_evicted_total", "Kept replies dropped: too old, or for room.", METRIC_COUNTER,
		  &calls->evicted },
		{ "vc_nfs_drc_unkept_total", "Calls carried out whose replies could not be kept.", METRIC_COUNTER,
		  &calls->unkept },
		{ "vc_nfs_drc_kept", "Replies now kept.", METRIC_GAUGE, &calls->kept },
	};

	for (unsigned i = 0; i < N_CALLS; i++)
		add(&metrics->call_metrics[i], rows[i].name, NULL, rows[i].help, rows[i].kind, rows[i].value);
}

struct nfs_metrics *nfs_metrics_new(void)
{
	struct nfs_metrics *metrics = calloc(1, sizeof *metrics);

	if (metrics == NULL)
		return NULL;
	for (unsigned i = 0; i < NFS_METRICS_PROCEDURES; i++)
		add(&metrics->request_metrics[i], "vc_nfs_requests_total", labels[i], "NFS requests answered.",
		    METRIC_COUNTER, &metrics->requests[i]);
	for (unsigned i = 0; i < NFS_METRICS_PROCEDURES; i++)
		add(&metrics->error_metrics[i], "vc_nfs_errors_total", labels[i],
		    "NFS requests answered with an error.", METRIC_COUNTER, &metrics->errors[i]);
	add(&metrics->latency_metric, "vc_nfs_request_seconds", NULL, "Time from a request taken to its reply queued.",
	    METRIC_HISTOGRAM, &metrics->latency);
	add_rpc(metrics);
	add_calls(metrics);
	return metrics;
}

void nfs_metrics_free(struct nfs_metrics *metrics)
{
	for (unsigned i = 0; i < NFS_METRICS_PROCEDURES; i++) {
		metrics_unregister(&metrics->request_metrics[i]);
		metrics_unregister(&metrics->error_metrics[i]);
	}
	metrics_unregister(&metrics->latency_metric);
	for (unsigned i = 0; i < N_RPC; i++)
		metrics_unregister(&metrics->rpc_metrics[i]);
	for (unsigned i = 0; i < N_CALLS; i++)
		metrics_unregister(&metrics->call_metrics[i]);
	free(metrics);
}

void nfs_metrics_count(struct nfs_metrics *metrics, uint32_t procedure, uint32_t status, uint64_t ns)
{
	counter_add(&metrics->requests[procedure], 1);
	if (status != 0)
		counter_add(&metrics->errors[procedure], 1);
	histogram_add(&metrics->latency, ns);
}

struct rpc_counters *nfs_metrics_rpc(struct nfs_metrics *metrics)
{
	return &metrics->rpc;
}
