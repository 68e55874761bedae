/* SPDX-License-Identifier: Apache-2.0 */
/* Collections: {records, num_records, next} by fields, order_by, max_records and start. */
#ifndef ADMIN_COLLECTION_H
#define ADMIN_COLLECTION_H

#include <jansson.h>

#include "base/error.h"
#include "base/list.h"

#include <event2/keyvalq_struct.h> /* after base/list.h, whose TAILQ it uses */

#define COLLECTION_MAX 1000U /* records of an answer, when not said otherwise */

/* Order, cut and strip `records`. fields=a,b.c (name, uuid and path always stay); order_by=a desc,b; max_records=N;
 * start=N. -EINVAL: `ret_text` says which is wrong. `path` is where `next` points. */
MUST_CHECK int collection_page(json_t *records, const struct evkeyvalq *query, const char *path, json_t **ret_page,
                               char ret_text[256]);

#endif
