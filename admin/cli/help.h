/* SPDX-License-Identifier: Apache-2.0 */
/* What vcadm says about itself, from the table of verbs: help, shell completion, the verb list of vcadm(8). */
#ifndef CLI_HELP_H
#define CLI_HELP_H

#include <stdio.h>

#include "admin/verbs.h"

/* Everything; or what the words name: a noun or a verb. -ENOENT: nothing of that name (said on stderr). */
int help_print(FILE *out, int n_words, char *const *words);
/* "bash", "zsh". -EINVAL. */
int help_completion(FILE *out, const char *shell);
/* The verbs as roff, for the man page. */
void help_man(FILE *out);

#endif
