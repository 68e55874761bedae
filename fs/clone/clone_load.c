/* SPDX-License-Identifier: Apache-2.0 */
/* Windows with and without the clones, and the rate that follows: fs/clone/clone_load.h has the rules. */
#include "fs/clone/clone_load.h"

#include <string.h>

#include "base/list.h"
#include "fs/core/latency.h"

#define REST_EVERY 4U
#define DECIDE_EVERY 16U /* windows */
#define STALE_WINDOWS 8U /* one that lasted so much longer has seen other things */
#define SAMPLES_MIN 40U
#define SAMPLES_KEPT 4096U
#define BESIDE_KEPT 2000U /* half of it shows a 99th percentile still */
#define WORK_MOST 40U /* thousandths of the loop's time that the clones may take more than is taken without them */
#define WORK_ENOUGH 30U
#define SHARE_KEPT_NS (DECIDE_EVERY / 2U * CLONE_LOAD_WINDOW_NS)
#define SLACK_NS 20000U /* of what is next to nothing, twice is still nothing */

/* The highest quantile, in thousandths, that both counts can show. */
static unsigned permille_of(const struct clone_load *load)
{
	uint32_t n = MIN_OF(load->without.n, load->beside.n);

	return n >= 1000U ? 990U : n >= 200U ? 950U : 900U;
}

/* Thousandths of the time that the loop was at work. */
static uint64_t busy_permille(const struct clone_load_share *share)
{
	return share->all_ns == 0 ? 0 : share->busy_ns * 1000U / share->all_ns;
}

static void share_add(struct clone_load_share *share, uint64_t busy_ns, uint64_t all_ns)
{
	share->busy_ns += busy_ns;
	share->all_ns += all_ns;
}

/* Forget half, unless little is left: while CPs of the clones follow each other, no window counts as "without". */
static void share_age(struct clone_load_share *share)
{
	if (share->all_ns < SHARE_KEPT_NS)
		return;
	share->busy_ns /= 2U;
	share->all_ns /= 2U;
}

static void rate_decide(struct clone_load *load)
{
	uint64_t work = busy_permille(&load->work_beside), work_without = busy_permille(&load->work_without);
	unsigned permille = permille_of(load);
	uint64_t without, beside;

	if (load->without.n < SAMPLES_MIN || load->beside.n < SAMPLES_MIN)
		return;
	without = latency_quantile_ns(&load->without, permille);
	beside = latency_quantile_ns(&load->beside, permille);
	if (beside > without + without / 10U + SLACK_NS || work > work_without + WORK_MOST) {
		load->rate = MAX_OF(load->rate - load->rate / 4U, CLONE_LOAD_RATE_MIN);
		latency_age(&load->beside); /* the next ones are of the new rate */
	} else if (beside < without + without / 32U + SLACK_NS && work < work_without + WORK_ENOUGH) {
		load->rate = MIN_OF(load->rate + load->rate / 20U, CLONE_LOAD_RATE_MAX);
	}
	if (load->beside.n > BESIDE_KEPT)
		latency_age(&load->beside);
	share_age(&load->work_beside);
	share_age(&load->work_without);
}

static void window_open(struct clone_load *load, const struct clone_load_view *view)
{
	load->rests = load->n_windows % REST_EVERY == 0;
	load->cp_was_ours = view->cp_is_ours;
	load->window_at_ns = view->now_ns;
	load->busy_ns = view->busy_ns;
	load->seen = *view->clients;
}

static void window_close(struct clone_load *load, const struct clone_load_view *view)
{
	bool without = load->rests && !load->cp_was_ours;

	latency_add_difference(without ? &load->without : &load->beside, view->clients, &load->seen);
	share_add(without ? &load->work_without : &load->work_beside, view->busy_ns - load->busy_ns,
	          view->now_ns - load->window_at_ns);
	if (load->without.n > SAMPLES_KEPT)
		latency_age(&load->without);
	if (load->beside.n > 4U * SAMPLES_KEPT) /* also while there is nothing to compare with */
		latency_age(&load->beside);
	if (++load->n_windows % DECIDE_EVERY == 0)
		rate_decide(load);
}

uint64_t clone_load_look(struct clone_load *load, const struct clone_load_view *view)
{
	uint64_t age = view->now_ns - load->window_at_ns;

	if (load->rate == 0)
		load->rate = CLONE_LOAD_RATE_FIRST;
	load->cp_was_ours |= view->cp_is_ours;
	if (load->window_at_ns != 0 && age >= CLONE_LOAD_WINDOW_NS && age < STALE_WINDOWS * CLONE_LOAD_WINDOW_NS)
		window_close(load, view);
	if (load->window_at_ns == 0 || age >= CLONE_LOAD_WINDOW_NS)
		window_open(load, view);
	return load->rests ? load->window_at_ns + CLONE_LOAD_WINDOW_NS - view->now_ns : 0;
}

void clone_load_pause(struct clone_load *load)
{
	load->window_at_ns = 0;
}
