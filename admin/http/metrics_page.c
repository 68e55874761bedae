/* SPDX-License-Identifier: Apache-2.0 */
/* /metrics: the registered counters and each volume's gauges as Prometheus text (exposition format 0.0.4). */
#include <event2/buffer.h>

#include "admin/http/handlers.h"
#include "admin/spare.h"
#include "admin/textjson.h"
#include "base/budget.h"
#include "base/counters.h"
#include "base/metrics.h"
#include "base/must.h"
#include "base/page.h"
#include "fs/fs_info.h"
#include "fs/message.h"
#include "fs/volume.h"
#include "raid/raid.h"

/* ---- registered metrics ------------------------------------------------------------------------------------------ */

static void print_head(struct evbuffer *out, const char *name, const char *help, const char *type)
{
	(void)evbuffer_add_printf(out, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

static uint64_t bucket(const struct histogram *h, unsigned i)
{
	return atomic_load_explicit(&((struct histogram *)(uintptr_t)h)->buckets[i], memory_order_relaxed);
}

static void print_histogram(struct evbuffer *out, const struct metric *metric)
{
	const struct histogram *h = metric->value;
	const char *labels = metric->labels == NULL ? "" : metric->labels, *comma = metric->labels == NULL ? "" : ",";
	const char *open = metric->labels == NULL ? "" : "{", *close = metric->labels == NULL ? "" : "}";
	uint64_t count = 0;

	for (unsigned i = 0; i + 1 < HISTOGRAM_BUCKETS; i++) {
		count += bucket(h, i);
		(void)evbuffer_add_printf(out, "%s_bucket{%s%sle=\"%g\"} %llu\n", metric->name, labels, comma,
		                          (double)(1ULL << i) / 1e6, (unsigned long long)count);
	}
	count += bucket(h, HISTOGRAM_BUCKETS - 1);
	(void)evbuffer_add_printf(out, "%s_bucket{%s%sle=\"+Inf\"} %llu\n", metric->name, labels, comma,
	                          (unsigned long long)count);
	uint64_t sum = atomic_load_explicit(&((struct histogram *)(uintptr_t)h)->sum_us, memory_order_relaxed);
	(void)evbuffer_add_printf(out, "%s_sum%s%s%s %.6f\n", metric->name, open, labels, close, (double)sum / 1e6);
	(void)evbuffer_add_printf(out, "%s_count%s%s%s %llu\n", metric->name, open, labels, close,
	                          (unsigned long long)count);
}

struct gather {
	const struct metric **list;
	size_t n, size;
};

static void metric_gather(const struct metric *metric, void *arg)
{
	struct gather *gather = arg;

	if (gather->n == gather->size) {
		gather->size = gather->size * 2 + 64;
		gather->list = must(reallocarray(gather->list, gather->size, sizeof *gather->list));
	}
	gather->list[gather->n++] = metric;
}

/* All samples of a name must follow its one HELP and TYPE, in whatever order they were registered. */
static void metrics_print(struct evbuffer *out)
{
	static const char *const types[] = {
		[METRIC_COUNTER] = "counter", [METRIC_GAUGE] = "gauge", [METRIC_HISTOGRAM] = "histogram"
	};
	struct gather gather = { .n = 0 };

	metrics_visit(metric_gather, &gather);
	for (size_t i = 0; i < gather.n; i++) {
		const struct metric *first = gather.list[i];
		if (first == NULL)
			continue;
		print_head(out, first->name, first->help, types[first->kind]);
		for (size_t j = i; j < gather.n; j++) {
			const struct metric *metric = gather.list[j];
			if (metric == NULL || strcmp(metric->name, first->name) != 0)
				continue;
			if (metric->kind == METRIC_HISTOGRAM)
				print_histogram(out, metric);
			else if (metric->labels != NULL)
				(void)evbuffer_add_printf(out, "%s{%s} %llu\n", metric->name, metric->labels,
				                          (unsigned long long)counter_get(metric->value));
			else
				(void)evbuffer_add_printf(out, "%s %llu\n", metric->name,
				                          (unsigned long long)counter_get(metric->value));
			gather.list[j] = NULL;
		}
	}
	free(gather.list);
}

/* ---- volumes ----------------------------------------------------------------------------------------------------- */

static const struct {
	const char *name, *help, *type;
	size_t offset;
	unsigned scale;
	bool is_bool;
} volume_metrics[] = {
	{ "vc_volume_size_bytes", "Size of the volume.", "gauge", offsetof(struct fs_volume_info, size_bytes), 1,
	  false },
	{ "vc_volume_free_bytes", "Space of the volume that can still be written.", "gauge",
	  offsetof(struct fs_volume_info, free_bytes), 1, false },
	{ "vc_volume_used_bytes", "Space that files and LUNs use.", "gauge",
	  offsetof(struct fs_volume_info, used_bytes), 1, false },
	{ "vc_volume_snapshot_bytes", "Space only snapshots hold.", "gauge",
	  offsetof(struct fs_volume_info, snapshot_bytes), 1, false },
	{ "vc_volume_reserved_bytes", "Space promised to LUNs and not used yet.", "gauge",
	  offsetof(struct fs_volume_info, reserved_bytes), 1, false },
	{ "vc_volume_metadata_bytes", "Space of maps, inodes and tables.", "gauge",
	  offsetof(struct fs_volume_info, metadata_bytes), 1, false },
	{ "vc_volume_kept_bytes", "Space kept back for metadata and consistency points.", "gauge",
	  offsetof(struct fs_volume_info, kept_bytes), 1, false },
	{ "vc_volume_inodes", "Inodes in use.", "gauge", offsetof(struct fs_volume_info, n_inodes_used), 1, false },
	{ "vc_volume_consistency_points_total", "Consistency points taken.", "counter",
	  offsetof(struct fs_volume_info, cp_count), 1, false },
	{ "vc_volume_nvlog_used_bytes", "Bytes in the present half of the log.", "gauge",
	  offsetof(struct fs_volume_info, nvlog_bytes_used), 1, false },
	{ "vc_volume_cache_bytes", "Bytes in the buffer cache.", "gauge", offsetof(struct fs_volume_info, cache_pages),
	  FS_BLOCK_SIZE, false },
	{ "vc_volume_dirty_bytes", "Bytes waiting for a consistency point.", "gauge",
	  offsetof(struct fs_volume_info, dirty_pages), FS_BLOCK_SIZE, false },
	{ "vc_volume_degraded", "1 when a RAID group is short of a disk.", "gauge",
	  offsetof(struct fs_volume_info, degraded), 1, true },
	{ "vc_volume_scrub_running", "1 while the volume is being scrubbed.", "gauge",
	  offsetof(struct fs_volume_info, scrub_running), 1, true },
	{ "vc_volume_scrub_progress_percent", "How far the scrub that runs is.", "gauge",
	  offsetof(struct fs_volume_info, scrub_percent), 1, false },
	{ "vc_volume_scrub_wrong", "Blocks and checksum entries that the latest scrub found wrong or unreadable.",
	  "gauge", offsetof(struct fs_volume_info, scrub_wrong), 1, false },
	{ "vc_volume_scrub_repaired", "Of them those it repaired.", "gauge",
	  offsetof(struct fs_volume_info, scrub_repaired), 1, false },
	{ "vc_volume_scrub_lost", "Blocks in use that it found lost.", "gauge",
	  offsetof(struct fs_volume_info, scrub_lost), 1, false },
	{ "vc_volume_scrub_end_time_seconds", "When the last whole scrub ended, since 1970; 0: there was none.",
	  "gauge", offsetof(struct fs_volume_info, scrub_ended_s), 1, false },
	{ "vc_volume_lost_blocks",
	  "Blocks that neither their disk nor parity gave when they were read or rebuilt last.", "gauge",
	  offsetof(struct fs_volume_info, n_lost_blocks), 1, false },
	{ "vc_volume_failed", "1 when a RAID group has lost more than parity carries.", "gauge",
	  offsetof(struct fs_volume_info, failed), 1, true },
};

static json_int_t field(const struct fs_volume_info *info, size_t i)
{
	const char *at = (const char *)info + volume_metrics[i].offset;
	uint64_t value = 0;

	if (volume_metrics[i].is_bool)
		return *(const bool *)at;
	memcpy(&value, at, sizeof value);
	return (json_int_t)(value * volume_metrics[i].scale);
}

static void volume_gathered(struct call *call)
{
	json_t *values = json_array();

	for (size_t i = 0; i < ARRAY_SIZE(volume_metrics); i++)
		(void)json_array_append_new(values, json_integer(field(call->msg.out.volume, i)));
	(void)json_array_append_new(
	    call->records,
	    json_pack("{s:o,s:o}", "name", textjson_lines(fs_volume_name(call->msg.volume)), "values", values));
}

/* As the text format has it: any UTF-8, with a backslash before a backslash and a quote, and \n for the end of a
 * line. */
static void print_label_value(struct evbuffer *out, const char *text)
{
	while (*text != '\0') {
		size_t plain = strcspn(text, "\\\"\n");
		(void)evbuffer_add(out, text, plain);
		text += plain;
		if (*text != '\0')
			(void)evbuffer_add_printf(out, "\\%c", *text == '\n' ? 'n' : *text);
		text += *text != '\0';
	}
}

static void print_volume_metric(struct evbuffer *out, json_t *records, size_t i)
{
	json_t *record;
	size_t j;

	print_head(out, volume_metrics[i].name, volume_metrics[i].help, volume_metrics[i].type);
	json_array_foreach(records, j, record) {
		(void)evbuffer_add_printf(out, "%s{volume=\"", volume_metrics[i].name);
		print_label_value(out, json_string_value(json_object_get(record, "name")));
		(void)evbuffer_add_printf(
		    out, "\"} %lld\n",
		    (long long)json_integer_value(json_array_get(json_object_get(record, "values"), i)));
	}
}

/* ---- disks ------------------------------------------------------------------------------------------------------- */

static const struct {
	const char *name, *help, *type, *key;
	const char *label; /* what tells its samples of one disk apart */
} disk_metrics[] = {
	{ "vc_disk_state", "1 for the state that a disk is in.", "gauge", "state", "state" },
	{ "vc_disk_bytes_total", "Bytes that went to and from a disk since its volume was opened.", "counter", "bytes",
	  "direction" },
	{ "vc_disk_rebuilt_ratio", "How much of a disk that is being rebuilt is there; 1: all of it.", "gauge",
	  "rebuilt", NULL },
	{ "vc_disk_errors_total", "What went wrong on a disk since its volume was opened.", "counter", "errors",
	  "kind" },
	{ "vc_disk_errors_repaired_total", "Blocks of a disk that were written anew because of it.", "counter",
	  "repaired", "kind" },
};

static double rebuilt_ratio(const struct raid_disk_status *disk)
{
	return disk->rebuild_blocks == 0 ? disk->state == RAID_DISK_ONLINE
	                                 : (double)disk->rebuilt_blocks / disk->rebuild_blocks;
}

/* For each metric its samples, by the values of its label. */
static json_t *disk_samples(const struct raid_disk_status *disk)
{
	json_t *errors = json_object(), *repaired = json_object();

	for (unsigned kind = 0; kind < RAID_N_ERRORS; kind++) {
		const char *name = raid_error_name((enum raid_error)kind);
		(void)json_object_set_new(errors, name, json_integer((json_int_t)disk->errors[kind].n));
		(void)json_object_set_new(repaired, name, json_integer((json_int_t)disk->errors[kind].n_repaired));
	}
	return json_pack("{s:o,s:{s:i},s:{s:I,s:I},s:{s:f},s:o,s:o}", "disk", textjson_lines(disk->url), "state",
	                 raid_disk_state_name(disk->state), 1, "bytes", "read", (json_int_t)disk->read_bytes, "written",
	                 (json_int_t)disk->written_bytes, "rebuilt", "", rebuilt_ratio(disk), "errors", errors,
	                 "repaired", repaired);
}

/* Into the record of their volume. */
static void disks_gathered(struct call *call)
{
	const struct raid_status *status = call->msg.out.raid;
	json_t *name = textjson_lines(fs_volume_name(call->msg.volume)), *disks = json_array(), *record;
	size_t i;

	for (unsigned d = 0; d < status->n_disks; d++)
		(void)json_array_append_new(disks, disk_samples(&status->disks[d]));
	json_array_foreach(call->records, i, record) {
		if (json_equal(json_object_get(record, "name"), name))
			(void)json_object_set(record, "disks", disks);
	}
	json_decref(disks);
	json_decref(name);
}

static void print_disk(struct evbuffer *out, json_t *volume, json_t *disk, size_t metric)
{
	const char *label = disk_metrics[metric].label, *value;
	json_t *sample;

	json_object_foreach(json_object_get(disk, disk_metrics[metric].key), value, sample) {
		(void)evbuffer_add_printf(out, "%s{volume=\"", disk_metrics[metric].name);
		print_label_value(out, json_string_value(volume));
		(void)evbuffer_add_printf(out, "\",disk=\"");
		print_label_value(out, json_string_value(json_object_get(disk, "disk")));
		if (label != NULL)
			(void)evbuffer_add_printf(out, "\",%s=\"%s", label, value);
		if (json_is_real(sample))
			(void)evbuffer_add_printf(out, "\"} %.4g\n", json_real_value(sample));
		else
			(void)evbuffer_add_printf(out, "\"} %lld\n", (long long)json_integer_value(sample));
	}
}

static void print_disk_metric(struct evbuffer *out, json_t *records, size_t metric)
{
	json_t *record, *disk;
	size_t i, j;

	print_head(out, disk_metrics[metric].name, disk_metrics[metric].help, disk_metrics[metric].type);
	json_array_foreach(records, i, record) {
		json_array_foreach(json_object_get(record, "disks"), j, disk)
			print_disk(out, json_object_get(record, "name"), disk, metric);
	}
}

/* ---- spares ------------------------------------------------------------------------------------------------------ */

static void print_spares(struct evbuffer *out, struct admin *admin)
{
	const struct spare *spare;

	if (TAILQ_EMPTY(&admin->spares))
		return;
	print_head(out, "vc_spare_ready", "1 when a hot spare can be used, as of the last look at it.", "gauge");
	TAILQ_FOREACH(spare, &admin->spares, link) {
		(void)evbuffer_add_printf(out, "vc_spare_ready{disk=\"");
		print_label_value(out, spare->url);
		(void)evbuffer_add_printf(out, "\"} %d\n", spare->state == SPARE_READY);
	}
}

/* ---- the page ---------------------------------------------------------------------------------------------------- */

static void print_gauge(struct evbuffer *out, const char *name, const char *help, uint64_t value)
{
	print_head(out, name, help, "gauge");
	(void)evbuffer_add_printf(out, "%s %llu\n", name, (unsigned long long)value);
}

static void metrics_end(struct call *call)
{
	struct evbuffer *out = must(evbuffer_new());

	print_gauge(out, "vc_memory_arena_used_bytes", "Pages of the arena in use.", page_arena_used() * PAGE_SIZE);
	print_gauge(out, "vc_memory_arena_size_bytes", "Size of the page arena.", page_arena_max() * PAGE_SIZE);
	print_gauge(out, "vc_memory_connections_used_bytes", "Held for connections: received, in work, not yet sent.",
	            budget_used());
	print_gauge(out, "vc_memory_connections_size_bytes", "Most that may be held for connections.", budget_max());
	for (size_t i = 0; i < ARRAY_SIZE(volume_metrics) && json_array_size(call->records) > 0; i++)
		print_volume_metric(out, call->records, i);
	for (size_t i = 0; i < ARRAY_SIZE(disk_metrics) && json_array_size(call->records) > 0; i++)
		print_disk_metric(out, call->records, i);
	print_spares(out, call->admin);
	metrics_print(out);
	call_reply_text_take(call, "text/plain; version=0.0.4; charset=utf-8", out);
}

static void metrics_disks(struct call *call)
{
	call_each_again(call, FS_RAID_STATUS, disks_gathered, metrics_end);
}

void metrics_page_show(struct call *call)
{
	call->records = json_array();
	call_each_volume(call, FS_VOLUME_STAT, volume_gathered, metrics_disks);
}
