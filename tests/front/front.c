/* SPDX-License-Identifier: Apache-2.0 */
/* A history of the front ends. */
#include "tests/front/front.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/page.h"
#include "tests/front/mischief.h"
#include "tests/support/allocfail.h"

#define PATIENCE_NS 300000000000ULL /* no call takes longer in virtual time */
#define LAND_STEPS 3000000U
#define CALLS_AT_ONCE 4U
#define CALLS_LEAST 20U
#define CALLS_REFUSED 6U
#define STEPS_REFUSED 3000U
#define CALLS_AGAIN 20U
#define POWER_CUTS_AGAIN 4U
#define SEND_TRIES 8U
#define OTHERS_LATE 7U
#define LATE_NS 30000000U

static const struct front_client *const clients[] = { &nfs_client, &iscsi_client };

static struct machine image;

/* ---- for clients ---- */

uint64_t front_draw(struct front *front, uint64_t n)
{
	front->random ^= front->random << 13;
	front->random ^= front->random >> 7;
	front->random ^= front->random << 17;
	return (front->random >> 11) % n;
}

void front_note(struct front *front, uint64_t value)
{
	front->digest = (front->digest ^ value) * 0x9E3779B97F4A7C15ULL;
	front->digest ^= front->digest >> 29;
}

void front_say(struct front *front, const char *format, ...)
{
	va_list args;

	if (!front->verbose)
		return;
	printf("%12llu %5llu  ", (unsigned long long)world_now_ns(front->stage.machine.world),
	       (unsigned long long)front->clock);
	va_start(args, format);
	vprintf(format, args);
	va_end(args);
	putchar('\n');
}

void front_fail(struct front *front, enum history_failure failure, const char *format, ...)
{
	static const char *const names[] = { "acknowledged change lost", "wrong answer", "the check found errors",
		                             "it does not go on" };
	va_list args;

	fflush(stdout);
	fprintf(stderr, "FAILED front %llu (%s, %s, %s): %s: ", (unsigned long long)front->seed, front->client->name,
	        fault_names[front->fault], front->client->call_name(front->focus), names[failure - FAIL_LOST]);
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fprintf(stderr, "\n  replay: tests/crash/replay front %llu\n", (unsigned long long)front->seed);
	fflush(stderr);
	_exit((int)failure);
}

static unsigned first_row(const struct front_client *client)
{
	unsigned row = 0;

	for (unsigned i = 0; clients[i] != client; i++)
		row += clients[i]->n_calls;
	return row;
}

const char *front_row_name(unsigned row)
{
	for (unsigned i = 0; i < ARRAY_SIZE(clients); i++) {
		if (row < clients[i]->n_calls)
			return clients[i]->call_name(row);
		row -= clients[i]->n_calls;
	}
	return NULL;
}

void front_met(struct front *front, unsigned call)
{
	unsigned row = first_row(front->client) + call;

	vc_assert(row < HISTORY_ROWS);
	front->counts->met[row][front->fault]++;
}

void front_land(struct front *front)
{
	struct machine *machine = &front->stage.machine;
	uint64_t since = world_now_ns(machine->world);

	for (unsigned i = 0; front->n_flying > 0 && !front->broken; i++) {
		if (i == LAND_STEPS || world_now_ns(machine->world) - since > PATIENCE_NS || !sim_step(machine->sim))
			front_fail(front, FAIL_STUCK, "%u calls have no answer after %u turns and %llu ms",
			           front->n_flying, i,
			           (unsigned long long)((world_now_ns(machine->world) - since) / 1000000U));
	}
}

/* ---- a history ---- */

/* Up to n turns, while there is something to wait for; now and then without, so that seconds pass and consistency
 * points come by the clock. */
static void steps(struct front *front, unsigned n)
{
	bool idle = front_draw(front, 8) == 0;

	for (unsigned i = 0; i < n && !front->broken && (idle || front->n_flying > 0); i++)
		(void)sim_step(front->stage.machine.sim);
}

/* Connections have ended: what was asked comes to its end, and somebody looks. */
static void mend(struct front *front)
{
	front->client->drop(front, false);
	stage_settle(&front->stage);
	front->client->audit(front);
}

static void calm(struct front *front)
{
	front_land(front);
	if (front->broken)
		mend(front);
}

/* The one in the focus, once in `share`. */
static unsigned any_call(struct front *front, unsigned share)
{
	return (unsigned)(front_draw(front, share) == 0 ? front->focus : front_draw(front, front->client->n_calls));
}

static void some_calls(struct front *front, unsigned n)
{
	unsigned until = front->n_sent + n;

	for (unsigned tries = 0; front->n_sent < until && tries < 200; tries++) {
		unsigned call = any_call(front, 3);

		if (front->n_flying < CALLS_AT_ONCE)
			(void)front->client->send(front, call, FAULT_NONE);
		steps(front, (unsigned)front_draw(front, 40));
		if (front->broken || front->n_flying >= CALLS_AT_ONCE)
			calm(front);
	}
}

static void cut_a_call(struct front *front)
{
	calm(front);
	for (unsigned tries = 0; tries < 20 && !front->client->send(front, front->focus, front->fault); tries++)
		some_calls(front, 1);
	calm(front);
	if (!front->broken) /* the cut may lie behind the last byte of a short message */
		mend(front);
}

static void answer_some(struct front *front)
{
	calm(front);
	/* what was answered a moment ago is in no consistency point: only a promise keeps it */
	for (unsigned i = (unsigned)front_draw(front, 8); i > 0; i--) {
		(void)front->client->send(front, any_call(front, 2), FAULT_NONE);
		calm(front);
	}
}

/* A new life begins. Connections are gone, or will find that they are. */
static void power_fails(struct front *front)
{
	if (stage_power_cut(&front->stage, front_draw(front, 1U << 30)) != 0)
		front_fail(front, FAIL_LOST, "the volume does not mount");
	front->counts->states++;
}

static void cut_power(struct front *front)
{
	unsigned turns = (unsigned)front_draw(front, front_draw(front, 2) == 0 ? 20U : 300U);

	answer_some(front);
	for (unsigned i = 0; i < 3; i++)
		(void)front->client->send(
		    front, i == 0 ? front->focus : (unsigned)front_draw(front, front->client->n_calls), FAULT_NONE);
	steps(front, turns);
	front->client->drop(front, true);
	power_fails(front);
	front->client->audit(front);
}

/* The one in the focus, or one that must not be carried out twice. */
static unsigned focus_or_change(struct front *front)
{
	unsigned call = any_call(front, 2);

	while (call != front->focus && !front->client->changes(call))
		call = any_call(front, 2);
	return call;
}

/* There is something to do it to, mostly. */
static void send_again(struct front *front, enum fault cut)
{
	unsigned call = focus_or_change(front);

	for (unsigned tries = 0; tries < SEND_TRIES && !front->client->send(front, call, cut); tries++)
		call = focus_or_change(front);
}

/* A call comes again, others beside it; now and then so late that many have come in between. */
static void lose_a_reply(struct front *front)
{
	bool late = front_draw(front, 3) == 0;

	calm(front);
	front->client->rest(front, late);
	send_again(front, FAULT_REPLY_LOST);
	for (unsigned others = (unsigned)front_draw(front, late ? OTHERS_LATE : 3U); others > 0; others--) {
		(void)front->client->send(front, focus_or_change(front), FAULT_NONE);
		if (late)
			sim_run_for(front->stage.machine.sim, front_draw(front, LATE_NS));
	}
	front->client->rest(front, false);
	calm(front);
}

/* A call that came again is answered, which is a promise, and the power fails at once. */
static void lose_a_reply_and_power(struct front *front)
{
	calm(front);
	send_again(front, FAULT_REPLY_LOST);
	calm(front);
	front->client->drop(front, true);
	power_fails(front);
	front->client->audit(front);
}

static void lose_replies(struct front *front)
{
	for (unsigned i = 0; i < CALLS_AGAIN; i++) {
		if (front_draw(front, 3) == 0)
			lose_a_reply_and_power(front);
		else
			lose_a_reply(front);
	}
}

static void cut_power_and_send_again(struct front *front)
{
	for (unsigned i = 0; i < POWER_CUTS_AGAIN; i++) {
		unsigned turns = (unsigned)front_draw(front, front_draw(front, 2) == 0 ? 12U : 120U);

		answer_some(front);
		send_again(front, FAULT_NONE);
		steps(front, turns);
		front->client->outlive(front, false);
		power_fails(front);
		front->client->outlive(front, true);
		front_land(front);
		mend(front);
	}
}

static void slow(struct front *front)
{
	uint64_t ns = 1000000U + front_draw(front, front_draw(front, 4) == 0 ? 60000000000ULL : 500000000ULL);

	front->client->rest(front, true);
	for (unsigned i = 0; i < 12; i++)
		if (front->client->send(front,
		                        (unsigned)(i == 0 ? front->focus : front_draw(front, front->client->n_calls)),
		                        FAULT_NONE) &&
		    i == 0)
			front_met(front, front->focus);
	sim_run_for(front->stage.machine.sim, ns);
	front->client->rest(front, false);
	calm(front);
}

/* There are no pages for a while. */
static void starve(struct front *front)
{
	calm(front);
	fault_begin(front);
	if (front->client->send(front, front->focus, FAULT_NONE))
		front_met(front, front->focus);
	sim_run_for(front->stage.machine.sim, front_draw(front, 3000000000ULL));
	fault_end(front);
	calm(front);
}

/* One call after the other meets an allocation that fails. */
static void refuse(struct front *front)
{
	for (unsigned i = 0; i < CALLS_REFUSED; i++) {
		bool sent;

		calm(front);
		fault_begin(front);
		sent = front->client->send(front, front->focus, FAULT_NONE);
		steps(front, STEPS_REFUSED);
		allocfail_stop();
		if (sent && allocfail_failed() > 0)
			front_met(front, front->focus);
		calm(front); /* what was refused may be told now */
		fault_end(front);
	}
}

static void disturb(struct front *front)
{
	switch (front->fault) {
	case FAULT_SLOW: slow(front); return;
	case FAULT_CUT_MARK:
	case FAULT_CUT_HEAD:
	case FAULT_CUT_ARGUMENTS:
	case FAULT_CUT_PAYLOAD:
	case FAULT_CUT_REPLY: cut_a_call(front); return;
	case FAULT_POWER: cut_power(front); return;
	case FAULT_NO_PAGES: starve(front); return;
	case FAULT_NO_MEMORY: refuse(front); return;
	case FAULT_REPLY_LOST: lose_replies(front); return;
	case FAULT_POWER_AGAIN: cut_power_and_send_again(front); return;
	default: break;
	}
	calm(front);
	fault_begin(front);
	(void)front->client->send(front, front->focus, FAULT_NONE);
	some_calls(front, 12);
	calm(front);
	fault_end(front);
}

static void check(struct front *front)
{
	struct fs_message msg;
	uint64_t n;

	fs_message_init(&msg, FS_CHECK, front->stage.machine.vol, NULL, NULL);
	if (!machine_send(&front->stage.machine, &msg) || msg.status != 0)
		front_fail(front, FAIL_CHECK, "the check was answered %s", error_name(msg.status));
	n = msg.out.check.n_errors;
	if (n > 0)
		front_fail(front, FAIL_CHECK, "%s", msg.out.check.report);
	fs_message_fini(&msg);
}

static void play(struct front *front)
{
	/* half of the histories find nothing in memory */
	some_calls(front, front_draw(front, 2) == 0 ? 0 : 1U + (unsigned)front_draw(front, 8));
	disturb(front);
	while (front->n_sent < CALLS_LEAST)
		some_calls(front, CALLS_LEAST - front->n_sent);
	calm(front);
	mend(front);
	/* the check tells of blocks that only parity still knows, and rightly so */
	if (!front_excuses(front, EXCUSE_IO) && front->fault != FAULT_READ_ERRORS && front->seed % 8U == 0)
		check(front);
}

uint64_t front_run(uint64_t seed, bool verbose, struct history_counts *counts)
{
	struct front front = {
		.seed = seed, .verbose = verbose, .counts = counts, .clock = 1000000, .stamp = 1000 + seed % 1000
	};
	uint64_t n = seed;
	unsigned n_faults;

	front.random = (seed + 77) * 0x9E3779B97F4A7C15ULL | 1U;
	for (unsigned i = 0; i < 10; i++)
		(void)front_draw(&front, 2);
	front.client = clients[n % ARRAY_SIZE(clients)];
	n /= ARRAY_SIZE(clients);
	n_faults = front.client->outlive != NULL ? FAULT_COUNT : FAULTS_OF_ALL;
	front.fault = (enum fault)(n % n_faults);
	front.focus = (unsigned)(n / n_faults % front.client->n_calls);
	stage_open(&front.stage, &image, seed);
	front.client->begin(&front);
	play(&front);
	front.client->end(&front);
	stage_close(&front.stage);
	if (page_arena_used() != 0)
		front_fail(&front, FAIL_CHECK, "%zu pages are still in use when everything is closed",
		           page_arena_used());
	counts->seeds++;
	counts->states++;
	counts->ops += front.n_sent;
	return front.digest;
}

/* ---- the image ---- */

void front_prepare(void)
{
	struct history_counts counts = { 0 };
	struct front front = { .counts = &counts, .clock = 1, .stamp = 1 };
	struct machine fresh;

	stage_image_init(&fresh);
	vc_assert(machine_unmount(&fresh) == 0);
	stage_open(&front.stage, &fresh, 1);
	for (unsigned i = 0; i < ARRAY_SIZE(clients); i++) {
		front.client = clients[i];
		front.random = 0x9E3779B97F4A7C15ULL;
		clients[i]->furnish(&front);
	}
	stage_keep(&front.stage, &image);
	machine_fini(&fresh);
}
