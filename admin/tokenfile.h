/* SPDX-License-Identifier: Apache-2.0 */
/* The file with the administrator's token: one line, for the daemon's user alone to read. */
#ifndef ADMIN_TOKENFILE_H
#define ADMIN_TOKENFILE_H

#include "base/error.h"
#include "base/world.h"

#define TOKEN_MIN 32U /* what is shorter could be guessed */
#define TOKEN_MAX 255U

/* Read the token; where there is no file it is made, with 256 bits of the world's randomness, whole or not at all.
 * -EACCES: others than its owner (root or our own user) and a group may read it, or it is not theirs; -EINVAL: it holds
 * no token; ... `ret_text` says it in a sentence. */
MUST_CHECK int tokenfile_load(const char *path, struct world *world, char ret_token[TOKEN_MAX + 1U],
                              char ret_text[256]);

#endif
