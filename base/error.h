/* SPDX-License-Identifier: Apache-2.0 */
/* Errors: every fallible function returns 0 (or a count) or a negative errno; ret_ parameters are set only on success.
 * Whoever handles an error logs it; whoever returns it does not.
 *   -EUCLEAN  structure on disk is corrupt (checksum, magic, impossible value)
 *   -EIO      the medium failed and redundancy could not make up for it
 *   -EAGAIN   (inside the file system only) a buffer is not in memory: the message is parked and runs again */
#ifndef BASE_ERROR_H
#define BASE_ERROR_H

#include <errno.h>

#define MUST_CHECK __attribute__((warn_unused_result))

/* A violated invariant of our own: never reachable from bytes of a client, a disk or an administrator. Stays on in
 * release. */
#define vc_assert(cond) ((cond) ? (void)0 : error_assert_failed(#cond, __FILE__, __LINE__))
/* The same for an invariant that the head of a file states under `name`: the log says which one was broken. */
#define vc_invariant(name, cond) ((cond) ? (void)0 : error_assert_failed(#name ": " #cond, __FILE__, __LINE__))
void error_assert_failed(const char *cond, const char *file, int line) __attribute__((noreturn, cold));

/* Short static name of a negative errno ("ENOENT"); "OK" for 0. Any thread. */
const char *error_name(int err);

#endif
