/* SPDX-License-Identifier: Apache-2.0 */
/* A cell: the smallest thing the model knows, and every value it may hold. */
#include "tests/crash/cell.h"

#include <stdlib.h>

#include "base/error.h"

#define PRUNE_ABOVE 4U

static void cell_add(struct cell *cell, const struct candidate *candidate)
{
	if (cell->n == cell->max) {
		cell->max = (uint16_t)(cell->max * 2U + 1U);
		cell->c = realloc(cell->c, cell->max * sizeof cell->c[0]);
		vc_assert(cell->c != NULL);
	}
	cell->c[cell->n++] = *candidate;
}

void cell_fini(struct cell *cell)
{
	free(cell->c);
	*cell = (struct cell){ NULL, 0, 0 };
}

void cell_reset(struct cell *cell, uint64_t stamp, uint64_t now)
{
	cell->n = 0;
	cell_add(cell, &(struct candidate){ .stamp = stamp, .sent = now, .acked = now });
}

void cell_send(struct cell *cell, uint64_t stamp, uint64_t sent)
{
	cell_add(cell, &(struct candidate){ .stamp = stamp, .sent = sent });
}

void cell_ack(struct cell *cell, uint64_t stamp, uint64_t sent, uint64_t now, bool durable)
{
	for (unsigned i = 0; i < cell->n; i++) {
		struct candidate *c = &cell->c[i];

		if (c->stamp == stamp && c->sent == sent) {
			c->acked = now;
		} else if (c->acked != 0 && c->acked < sent) {
			if (c->gone == 0)
				c->gone = now;
			c->dead = c->dead || durable;
		}
	}
}

void cell_refuse(struct cell *cell, uint64_t stamp, uint64_t sent)
{
	for (unsigned i = 0; i < cell->n; i++) {
		if (cell->c[i].stamp == stamp && cell->c[i].sent == sent) {
			cell->c[i] = cell->c[--cell->n];
			return;
		}
	}
}

/* A candidate dies when one that came surely after it was answered before `sent`. */
void cell_durable(struct cell *cell, uint64_t sent)
{
	for (unsigned i = 0; i < cell->n; i++)
		if (cell->c[i].gone != 0 && cell->c[i].gone < sent)
			cell->c[i].dead = true;
}

void cell_prune(struct cell *cell, uint64_t oldest)
{
	unsigned kept = 0;

	if (cell->n <= PRUNE_ABOVE)
		return;
	for (unsigned i = 0; i < cell->n; i++)
		if (!cell->c[i].dead || cell->c[i].gone >= oldest)
			cell->c[kept++] = cell->c[i];
	cell->n = (uint16_t)kept;
}

bool cell_may_read(const struct cell *cell, uint64_t stamp, uint64_t since)
{
	for (unsigned i = 0; i < cell->n; i++)
		if (cell->c[i].stamp == stamp && (cell->c[i].gone == 0 || cell->c[i].gone >= since))
			return true;
	return false;
}

bool cell_may_survive(const struct cell *cell, uint64_t stamp)
{
	for (unsigned i = 0; i < cell->n; i++)
		if (cell->c[i].stamp == stamp && !cell->c[i].dead)
			return true;
	return false;
}

bool cell_settled(const struct cell *cell, uint64_t *ret_stamp)
{
	const struct candidate *visible = NULL;

	for (unsigned i = 0; i < cell->n; i++) {
		const struct candidate *c = &cell->c[i];

		if (c->gone != 0)
			continue;
		if (visible != NULL && visible->stamp != c->stamp)
			return false;
		visible = c;
	}
	if (visible == NULL)
		return false;
	*ret_stamp = visible->stamp;
	return true;
}

uint64_t cell_most(const struct cell *cell)
{
	uint64_t most = 0;

	for (unsigned i = 0; i < cell->n; i++)
		if (cell->c[i].gone == 0 && cell->c[i].stamp > most)
			most = cell->c[i].stamp;
	return most;
}

const struct candidate *cell_find(const struct cell *cell, uint64_t stamp)
{
	const struct candidate *found = NULL;

	for (unsigned i = 0; i < cell->n; i++)
		if (cell->c[i].stamp == stamp && (found == NULL || !cell->c[i].dead))
			found = &cell->c[i];
	return found;
}

void cell_freeze(const struct cell *cell, uint64_t since, uint64_t now, struct cell *to)
{
	to->n = 0;
	for (unsigned i = 0; i < cell->n; i++)
		if (cell->c[i].gone == 0 || cell->c[i].gone >= since)
			cell_add(to, &(struct candidate){ .stamp = cell->c[i].stamp, .sent = now, .acked = now });
}
