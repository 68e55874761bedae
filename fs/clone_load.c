/* SPDX-License-Identifier: Apache-2.0 */
/* What clients feel of the clones: windows with and without, and the rate. */
#include "fs/clone_load.h"

#include <string.h>

#include "base/list.h"

#define REST_EVERY 4U
#define DECIDE_EVERY 16U /* windows */
#define STALE_WINDOWS 8U /* one that lasted so much longer has seen other things */
#define SAMPLES_MIN 40U
#define SAMPLES_KEPT 4096U
#define SLACK_NS 20000U /* of what is next to nothing, twice is still nothing */

/* How far up the tails the counts allow to look. */
static unsigned permille_of(const struct clone_load *load)
{
	uint32_t n = MIN_OF(load->without.n, load->beside.n);

	return n >= 1000U ? 990U : n >= 200U ? 950U : 900U;
}

static void rate_decide(struct clone_load *load)
{
	unsigned permille = permille_of(load);
	uint64_t without, beside;

	if (load->without.n < SAMPLES_MIN || load->beside.n < SAMPLES_MIN)
		return;
	without = latency_quantile_ns(&load->without, permille);
	beside = latency_quantile_ns(&load->beside, permille);
	if (beside > without + without * 3U / 20U + SLACK_NS)
		load->rate = MAX_OF(load->rate - load->rate / 4U, CLONE_LOAD_RATE_MIN);
	else if (beside < without + without / 20U + SLACK_NS)
		load->rate = MIN_OF(load->rate + load->rate / 8U, CLONE_LOAD_RATE_MAX);
	latency_age(&load->beside); /* the next ones are of the new rate */
}

static void window_open(struct clone_load *load, const struct latency *clients, bool cp_is_ours, uint64_t now_ns)
{
	load->rests = load->n_windows % REST_EVERY == 0;
	load->cp_was_ours = cp_is_ours;
	load->window_at_ns = now_ns;
	load->seen = *clients;
}

static void window_close(struct clone_load *load, const struct latency *clients)
{
	latency_add_difference(load->rests && !load->cp_was_ours ? &load->without : &load->beside, clients, &load->seen);
	if (load->without.n > SAMPLES_KEPT)
		latency_age(&load->without);
	if (load->beside.n > 4U * SAMPLES_KEPT)
		latency_age(&load->beside);
	if (++load->n_windows % DECIDE_EVERY == 0)
		rate_decide(load);
}

uint64_t clone_load_look(struct clone_load *load, const struct latency *clients, bool cp_is_ours, uint64_t now_ns)
{
	uint64_t age = now_ns - load->window_at_ns;

	if (load->rate == 0)
		load->rate = CLONE_LOAD_RATE_FIRST;
	load->cp_was_ours |= cp_is_ours;
	if (load->window_at_ns != 0 && age >= CLONE_LOAD_WINDOW_NS && age < STALE_WINDOWS * CLONE_LOAD_WINDOW_NS)
		window_close(load, clients);
	if (load->window_at_ns == 0 || age >= CLONE_LOAD_WINDOW_NS)
		window_open(load, clients, cp_is_ours, now_ns);
	return load->rests ? load->window_at_ns + CLONE_LOAD_WINDOW_NS - now_ns : 0;
}

void clone_load_pause(struct clone_load *load)
{
	load->window_at_ns = 0;
}
