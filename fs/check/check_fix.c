/* SPDX-License-Identifier: Apache-2.0 */
/* The list of fixes: bounded; what finds no room is found again by the check after the repair. */
#include "fs/check/check_fix.h"

#include <stdlib.h>

#include "base/array.h"
#include "fs/check/check_private.h"

#define FIXES_MAX (1U << 20)
#define FIX_BYTES_MAX ((size_t)256 << 20)

static struct check_fix *fix_new(struct check_fixes *fixes)
{
	if (fixes->n == FIXES_MAX || !ARRAY_ROOM(fixes->fixes, fixes->n, fixes->n_max, 64U))
		return NULL;
	return &fixes->fixes[fixes->n++];
}

void check_fix(struct check *check, enum check_fix_kind kind, uint32_t ino, uint32_t at, uint64_t value)
{
	struct check_fix *fix;

	if (check->fixes == NULL)
		return;
	fix = fix_new(check->fixes);
	if (fix == NULL)
		check->fixes->n_left_out++;
	else
		*fix = (struct check_fix){ .kind = kind, .ino = ino, .at = at, .value = value };
}

void check_fix_bytes(struct check *check, enum check_fix_kind kind, uint32_t ino, uint64_t value, const void *bytes,
                     size_t len)
{
	struct check_fixes *fixes = check->fixes;
	struct check_fix *fix;
	uint8_t *copy;

	if (fixes == NULL)
		return;
	copy = fixes->n_bytes + len > FIX_BYTES_MAX ? NULL : malloc(len);
	fix = copy == NULL ? NULL : fix_new(fixes);
	if (fix == NULL) {
		free(copy);
		fixes->n_left_out++;
		return;
	}
	memcpy(copy, bytes, len);
	fixes->n_bytes += len;
	*fix = (struct check_fix){ .kind = kind, .ino = ino, .value = value, .bytes = copy };
}

static int fix_order(const void *a, const void *b)
{
	const struct check_fix *x = a, *y = b;

	if (x->kind != y->kind)
		return x->kind < y->kind ? -1 : 1;
	if (x->ino != y->ino)
		return x->ino < y->ino ? -1 : 1;
	return x->at < y->at ? -1 : x->at > y->at;
}

void check_fixes_sort(struct check_fixes *fixes)
{
	if (fixes->n > 1)
		qsort(fixes->fixes, fixes->n, sizeof(fixes->fixes[0]), fix_order);
}

void check_fixes_fini(struct check_fixes *fixes)
{
	for (size_t i = 0; i < fixes->n; i++)
		free(fixes->fixes[i].bytes);
	free(fixes->fixes);
	*fixes = (struct check_fixes){ .n = 0 };
}
