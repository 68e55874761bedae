/* SPDX-License-Identifier: Apache-2.0 */
/* Routes: from method and path to a row of the table of verbs, and the checks of query and body against that row. */
#ifndef ADMIN_ROUTER_H
#define ADMIN_ROUTER_H

#include <jansson.h>

#include "admin/verbs.h"
#include "base/error.h"
#include "base/list.h"

#include <event2/keyvalq_struct.h> /* after base/list.h, whose TAILQ it uses */

/* One REST call: the verbs that share a method and a route. */
#define ROUTE_SEGMENTS_MAX 8
#define ROUTE_VERBS_MAX 4
struct route {
	enum verb_method method;
	const char *path;
	enum verb_handler handler;
	unsigned flags;
	const struct verb *rows[ROUTE_VERBS_MAX];
	size_t n_rows;
};

/* All routes, made from the table at first use; any thread after that. */
const struct route *router_routes(size_t *ret_n);
/* Find the route of `method` and the part of the path after /api/v1/ (still percent-encoded). ret_params[i] gets the
 * decoded i-th {parameter}, to be freed. -ENOENT: no such path; -EOPNOTSUPP: not with this method; -EINVAL: bad
 * encoding. */
MUST_CHECK int router_find(enum verb_method method, const char *path, const struct route **ret_route,
                           char *ret_params[], size_t max_params);
/* Which parameter of the path `key` is; -1: none. */
int router_param(const struct route *route, const char *key);
/* The body (NULL: none) and the query fit one of the rows. -EINVAL: `ret_target` is the member, `ret_text` a
 * sentence. */
MUST_CHECK int router_check_body(const struct route *route, json_t *body, const char **ret_target, char ret_text[256]);
MUST_CHECK int router_check_query(const struct route *route, const struct evkeyvalq *query, const char **ret_target,
                                  char ret_text[256]);

#endif
