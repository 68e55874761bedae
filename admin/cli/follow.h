/* SPDX-License-Identifier: Apache-2.0 */
/* Waiting for a job: a progress bar on a terminal, a line per 10 % elsewhere; Ctrl-C detaches and the job goes on. */
#ifndef CLI_FOLLOW_H
#define CLI_FOLLOW_H

#include "admin/cli/client.h"

/* Follow it to its end. *ret_job is its last state (to be released). 0; -ETIMEDOUT after `timeout_s` (0: never);
 * -EINTR: detached; -ECONNREFUSED: no answer; -ENOENT: the server does not know it (any more). Progress goes to
 * stderr. */
MUST_CHECK int follow_job(struct client *client, const char *uuid, double timeout_s, json_t **ret_job);
/* Sleep; -EINTR when Ctrl-C was pressed. */
MUST_CHECK int follow_pause(double seconds);

#endif
