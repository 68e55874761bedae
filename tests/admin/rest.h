/* SPDX-License-Identifier: Apache-2.0 */
/* The administration of a test program (tests/admin/host.h), and questions to it that must be answered as expected. */
#ifndef TESTS_ADMIN_REST_H
#define TESTS_ADMIN_REST_H

#include "tests/admin/host.h"

#define V1 "/api/v1/"
#define MAKE_VOL0                                                                                                      \
	"{\"name\": \"vol0\", \"raid_groups\": [{\"disks\": [\"d0\", \"d1\", \"p0\"]}], \"disk_size\": 1048576}"
#define A_RULE "{\"rules\": [{\"client\": \"*\", \"access\": \"ro\"}]}"

extern struct host rest_host;

/* cmocka's: start in a fresh directory; the same, and make vol0; stop, and remove everything. */
int rest_setup(void **state);
int rest_setup_vol0(void **state);
int rest_teardown(void **state);
/* Stop, and start again in the same directory. */
void rest_restart(void);
/* In vol0: a LUN test, a snapshot s1 of it, and a LUN test2 that is backed by it. */
void rest_make_backed(void);
/* Is there a disk file of this name in the state directory? */
bool rest_has_disk(const char *name);
/* The answer must have this status. */
void rest_does(const char *method, const char *path, const char *body, int expected);
/* The same; what it is, borrowed until the next call. */
json_t *rest_answer(const char *method, const char *path, const char *body, int expected);
/* What a GET gives, to be released; it must give something. */
json_t *rest_get(const char *path);
/* How many records are in a list. */
size_t rest_count(const char *path);
/* Is it refused with this status and a message that has these words? When not, what came is printed. */
bool rest_refuses(const char *method, const char *path, const char *body, int expected, const char *words);

#endif
