/* SPDX-License-Identifier: Apache-2.0 */
/* Igroups with an initiator in common: a square of bits, made from the sorted list of all names. */
#include "admin/overlap.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/must.h"

struct named {
	const char *name;
	size_t igroup;
};

struct overlap {
	size_t n;
	uint8_t bits[]; /* n * n of them */
};

static void bit_set(struct overlap *overlap, size_t one, size_t other)
{
	size_t at = one * overlap->n + other;

	overlap->bits[at / 8] |= (uint8_t)(1U << at % 8);
}

bool overlap_between(const struct overlap *overlap, size_t one, size_t other)
{
	size_t at = one * overlap->n + other;

	return one < overlap->n && other < overlap->n && (overlap->bits[at / 8] & 1U << at % 8) != 0;
}

static int by_name(const void *a, const void *b)
{
	return strcasecmp(((const struct named *)a)->name, ((const struct named *)b)->name);
}

/* All initiators of all igroups, sorted: who has the same one stands side by side. To be freed. */
static struct named *names_of(json_t *igroups, size_t *ret_n)
{
	struct named *names;
	json_t *igroup, *initiator;
	size_t i, j, n = 0;

	json_array_foreach(igroups, i, igroup)
		n += json_array_size(json_object_get(igroup, "initiators"));
	names = must(calloc(n + 1, sizeof *names));
	*ret_n = 0;
	json_array_foreach(igroups, i, igroup) {
		json_array_foreach(json_object_get(igroup, "initiators"), j, initiator) {
			if (json_is_string(initiator))
				names[(*ret_n)++] = (struct named){ .name = json_string_value(initiator), .igroup = i };
		}
	}
	qsort(names, *ret_n, sizeof *names, by_name);
	return names;
}

/* "*" is everybody: it has all the initiators that any igroup has. */
static void everybody(struct overlap *overlap, size_t igroup, const struct named *names, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		bit_set(overlap, igroup, names[i].igroup);
		bit_set(overlap, names[i].igroup, igroup);
	}
}

struct overlap *overlap_new(json_t *igroups)
{
	size_t n = json_array_size(igroups), n_names, end;
	struct overlap *overlap = must(calloc(1, sizeof *overlap + n * n / 8 + 1));
	struct named *names = names_of(igroups, &n_names);

	overlap->n = n;
	for (size_t first = 0; first < n_names; first = end) {
		for (end = first; end < n_names && by_name(&names[first], &names[end]) == 0; end++) {
			for (size_t i = first; i <= end; i++) {
				bit_set(overlap, names[i].igroup, names[end].igroup);
				bit_set(overlap, names[end].igroup, names[i].igroup);
			}
			if (strcmp(names[end].name, "*") == 0)
				everybody(overlap, names[end].igroup, names, n_names);
		}
	}
	free(names);
	return overlap;
}

void overlap_free(struct overlap *overlap)
{
	free(overlap);
}
