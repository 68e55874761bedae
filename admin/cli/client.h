/* SPDX-License-Identifier: Apache-2.0 */
/* vcadm's side of HTTP: one request, one answer, by libcurl over the unix socket or http://. */
#ifndef CLI_CLIENT_H
#define CLI_CLIENT_H

#include <jansson.h>

#include <stdbool.h>

#include "base/error.h"

struct client;

/* `server`: "unix:/path" or "http://host:port"; `token` (NULL: none) goes along over http. Both stay the caller's.
 * -EINVAL (said on stderr), -ENOMEM. */
MUST_CHECK int client_new(const char *server, const char *token, struct client **ret_client);
/* Over http, where a token is wanted? */
bool client_wants_token(const struct client *client);
void client_free(struct client *client);
/* *ret_json is the answer's JSON or NULL, to be released. -ECONNREFUSED: no answer, -EACCES: not allowed to ask; said
 * on stderr. */
MUST_CHECK int client_ask(struct client *client, const char *method, const char *path, json_t *body, long *ret_status,
                          json_t **ret_json);

#endif
