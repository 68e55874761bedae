/* SPDX-License-Identifier: Apache-2.0 */
/* A command line turned into a REST request, by the table of verbs. */
#ifndef CLI_REQUEST_H
#define CLI_REQUEST_H

#include <jansson.h>

#include "admin/verbs.h"
#include "base/error.h"

enum cli_output { CLI_TABLE, CLI_WIDE, CLI_JSON, CLI_NAME };

/* Flags every verb takes. */
struct cli_options {
	const char *server; /* "unix:/path", "http://host:port" */
	const char *token_file; /* NULL: none was named */
	enum cli_output output;
	int wait; /* -1: as the verb is used, 0: no, 1: yes */
	double wait_s; /* 0: for ever */
	bool watch, yes, help, version;
};

struct cli_request {
	const struct verb *verb;
	char *path; /* "/api/v1/storage/luns/..." with its query */
	json_t *body; /* NULL: none */
	char object[512]; /* all positionals, for messages */
	bool destroys; /* ask before */
};

/* Exit statuses. */
enum {
	EXIT_OK = 0,
	EXIT_OTHER = 1,
	EXIT_USAGE = 2,
	EXIT_NOT_FOUND = 3,
	EXIT_CONFLICT = 4,
	EXIT_DENIED = 5,
	EXIT_UNREACHABLE = 6,
	EXIT_TIMED_OUT = 7,
	EXIT_DEGRADED = 8
};

/* Take a command line apart. -EINVAL: what is wrong was said on stderr. ret_request->verb is NULL when help or version
 * is wanted, or for words before any verb ("help", "completion"). `ret_rest` is the index of the first word not
 * eaten. */
MUST_CHECK int request_parse(int argc, char **argv, struct cli_options *options, struct cli_request *ret_request,
                             int *ret_rest);
void request_free(struct cli_request *request);
/* The rows of a noun (its words joined by a blank); NULL and *ret_n 0: none. *ret_words: how many of argv named it and
 * its verb. */
const struct verb *request_find_verb(int n_words, char *const *words, int *ret_words);
/* Say on stderr what is wrong with the command line. -EINVAL. */
__attribute__((format(printf, 1, 2))) int request_complain(const char *format, ...);
/* One value of a parameter as JSON, as it goes into the body. NULL: said on stderr. */
json_t *request_value(const struct verb_param *param, const char *text, json_t *present);

#endif
