/* SPDX-License-Identifier: Apache-2.0 */
/* How many lines of one kind the log takes. */
#include "base/loglimit.h"

#include <string.h>

static struct loglimit_kind *kind_of(struct loglimit *limit, int level, const char *component, const char *event,
                                     uint64_t now_ns)
{
	for (unsigned i = 0; i < limit->n; i++) {
		struct loglimit_kind *kind = &limit->kinds[i];

		if (strcmp(kind->event, event) == 0 && strcmp(kind->component, component) == 0)
			return kind;
	}
	if (limit->n == LOGLIMIT_KINDS)
		return &limit->kinds[LOGLIMIT_KINDS - 1];
	limit->kinds[limit->n] = (struct loglimit_kind){
		.component = component, .event = event, .level = level, .since_ns = now_ns
	};
	return &limit->kinds[limit->n++];
}

static bool window_is_over(const struct loglimit_kind *kind, uint64_t now_ns)
{
	return now_ns - kind->since_ns >= LOGLIMIT_WINDOW_NS;
}

static void window_begin(struct loglimit_kind *kind, uint64_t now_ns, struct loglimit_kind *ret_over)
{
	*ret_over = *kind;
	kind->since_ns = now_ns;
	kind->lines = 0;
	kind->suppressed = 0;
}

bool loglimit_admit(struct loglimit *limit, int level, const char *component, const char *event, uint64_t now_ns,
                    struct loglimit_kind *ret_over)
{
	struct loglimit_kind *kind = kind_of(limit, level, component, event, now_ns);

	ret_over->component = NULL;
	if (window_is_over(kind, now_ns))
		window_begin(kind, now_ns, ret_over);
	if (kind->lines == LOGLIMIT_BURST) {
		kind->suppressed++;
		return false;
	}
	kind->lines++;
	return true;
}

bool loglimit_over(struct loglimit *limit, uint64_t now_ns, bool all, struct loglimit_kind *ret_over)
{
	for (unsigned i = 0; i < limit->n; i++) {
		struct loglimit_kind *kind = &limit->kinds[i];

		if (kind->suppressed == 0 || (!all && !window_is_over(kind, now_ns)))
			continue;
		window_begin(kind, now_ns, ret_over);
		return true;
	}
	return false;
}
