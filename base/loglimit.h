/* SPDX-License-Identifier: Apache-2.0 */
/* How many lines of one kind (component and event) the log takes: a burst in each window of time, the rest is counted.
 *
 * THEORY. What a peer can cause it can cause a hundred thousand times a second. The first LOGLIMIT_BURST lines of a
 * kind in a window are written, so that what happens once is seen at once; the others are a number, told in one line
 * when the window is over. Example: 5,000 refused logins in a second are 20 lines, and after 10 s "suppressed=4980".
 * THREADS. A limit is guarded by its user. */
#ifndef BASE_LOGLIMIT_H
#define BASE_LOGLIMIT_H

#include <stdbool.h>
#include <stdint.h>

#define LOGLIMIT_BURST 20U
#define LOGLIMIT_WINDOW_NS 10000000000ULL
#define LOGLIMIT_KINDS 64U /* kinds beyond that share the last place */

struct loglimit_kind {
	const char *component, *event; /* literals */
	int level;
	uint64_t since_ns; /* the window's beginning */
	unsigned lines;
	uint64_t suppressed;
};

/* All zero: nothing said yet. */
struct loglimit {
	struct loglimit_kind kinds[LOGLIMIT_KINDS];
	unsigned n;
};

/* May a line of this kind be written now? When its window has gone by, *ret_over is a copy of what the window was (else
 * its component is NULL): tell its `suppressed` when it is not 0. The texts are kept: literals. */
bool loglimit_admit(struct loglimit *limit, int level, const char *component, const char *event, uint64_t now_ns,
                    struct loglimit_kind *ret_over);
/* A kind with something suppressed whose window has gone by (or any, with `all`): true, and it is *ret_over's to
 * tell. */
bool loglimit_over(struct loglimit *limit, uint64_t now_ns, bool all, struct loglimit_kind *ret_over);

#endif
