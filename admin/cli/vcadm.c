/* SPDX-License-Identifier: Apache-2.0 */
/* vcadm: the administration's command line, a client of the REST API and nothing else. */
#include <curl/curl.h>
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "admin/cli/client.h"
#include "admin/cli/columns.h"
#include "admin/cli/follow.h"
#include "admin/cli/help.h"
#include "admin/cli/render.h"
#include "admin/cli/request.h"
#include "admin/cli/shown.h"
#include "admin/fault.h"
#include "admin/record.h"
#include "config.h"

#define SERVER_DEFAULT "unix:/run/vcstore/admin.sock"

/* ---- errors ------------------------------------------------------------------------------------------------------ */

static int exit_of(long status)
{
	static const struct {
		long status;
		int code;
	} codes[] = { { 400, EXIT_USAGE },     { 401, EXIT_DENIED },   { 403, EXIT_DENIED },
		      { 404, EXIT_NOT_FOUND }, { 409, EXIT_CONFLICT }, { 412, EXIT_CONFLICT } };

	for (size_t i = 0; i < sizeof codes / sizeof codes[0]; i++) {
		if (codes[i].status == status)
			return codes[i].code;
	}
	return EXIT_OTHER;
}

static int refused(struct client *client, const struct cli_options *options, long status, json_t *json)
{
	json_t *shown = shown_copy(json);
	const char *message = json_string_value(record_member(shown, "error.message"));

	if (message != NULL && options->output == CLI_JSON)
		render_error(json);
	else if (message != NULL)
		(void)fprintf(stderr, "vcadm: %s\n", message);
	else
		(void)fprintf(stderr, "vcadm: the server answered with HTTP status %ld\n", status);
	if (status == 401 && client_wants_token(client) && options->output != CLI_JSON)
		(void)fputs("vcadm: give the token with --token-file FILE or in VCADM_TOKEN, or use the unix socket on "
		            "the server's machine\n",
		            stderr);
	json_decref(shown);
	return exit_of(status);
}

/* ---- the token --------------------------------------------------------------------------------------------------- */

/* One word, as a header can carry it; what ends the line of a file is no part of it. */
static int token_check(char *token, const char *from)
{
	token[strcspn(token, "\r\n")] = '\0';
	for (const char *p = token; *p != '\0'; p++) {
		if (*p <= ' ' || *p > '~') {
			(void)fprintf(stderr, "vcadm: %s holds no token\n", from);
			return -EINVAL;
		}
	}
	return 0;
}

/* From the file or the environment; "" when there is none. */
static int token_find(const struct cli_options *options, char token[512])
{
	const char *from = getenv("VCADM_TOKEN");

	token[0] = '\0';
	if (options->token_file == NULL) {
		(void)snprintf(token, 512, "%s", from == NULL ? "" : from);
		return token_check(token, "VCADM_TOKEN");
	}
	FILE *file = fopen(options->token_file, "re");
	if (file == NULL || fgets(token, 512, file) == NULL) {
		(void)fprintf(stderr, "vcadm: --token-file %s: %s\n", options->token_file,
		              file == NULL ? strerror(errno) : "it is empty");
		if (file != NULL)
			(void)fclose(file);
		return -EINVAL;
	}
	(void)fclose(file);
	return token_check(token, options->token_file);
}

/* ---- jobs -------------------------------------------------------------------------------------------------------- */

static int job_failed(json_t *exact)
{
	json_t *job = shown_copy(exact);
	int code = exit_of(fault_status_of(column_string(job, "error.code")));
	const char *message = json_string_value(record_member(job, "error.message"));
	const char *report = json_string_value(record_member(job, "result.report"));

	(void)fprintf(stderr, "vcadm: %s: %s\n", column_string(job, "description"),
	              message == NULL ? "failed" : message);
	if (report != NULL)
		(void)fputs(report, stdout);
	json_decref(job);
	return code;
}

static void job_done(json_t *job)
{
	json_t *shown = shown_copy(job);

	(void)fprintf(stderr, "%s: done\n", column_string(shown, "description"));
	json_decref(shown);
}

static int follow(struct client *client, const struct cli_options *options, const char *uuid)
{
	json_t *job = NULL;
	int code = EXIT_OK, err = follow_job(client, uuid, options->wait_s, &job);

	if (err == -EINTR) {
		(void)fprintf(stderr, "vcadm: detached, the job goes on: vcadm job watch %s\n", uuid);
	} else if (err == -ETIMEDOUT) {
		(void)fprintf(stderr, "vcadm: not done yet, the job goes on: vcadm job watch %s\n", uuid);
		code = EXIT_TIMED_OUT;
	} else if (err != 0) {
		if (err == -ENOENT)
			(void)fprintf(stderr, "vcadm: the server does not know job %s any more\n", uuid);
		code = err == -ENOENT ? EXIT_NOT_FOUND : EXIT_UNREACHABLE;
	} else if (strcmp(column_string(job, "state"), "success") != 0) {
		code = job_failed(job);
		if (options->output == CLI_JSON)
			render_job(job, CLI_JSON);
	} else {
		job_done(job);
		if (options->output == CLI_JSON)
			render_job(job, CLI_JSON);
	}
	json_decref(job);
	return code;
}

/* ---- one request ------------------------------------------------------------------------------------------------- */

/* A job's name goes into a path and into sentences: the server's word is not enough. */
static const char *uuid_of(json_t *uuid)
{
	const char *text = json_string_value(uuid);
	return text != NULL && strspn(text, "0123456789abcdef-") == strlen(text) ? text : NULL;
}

static int answered(struct client *client, const struct cli_options *options, const struct verb *verb, json_t *json)
{
	const char *uuid = uuid_of(record_member(json, "job.uuid"));

	if (uuid != NULL) {
		bool wait = options->wait == 1 || (options->wait == -1 && (verb->flags & VERB_WAITS || options->watch));
		if (wait)
			return follow(client, options, uuid);
		render_job(json_object_get(json, "job"), options->output);
		return EXIT_OK;
	}
	if (verb->flags & VERB_WATCHES) {
		uuid = uuid_of(json_object_get(json, "uuid"));
		return uuid == NULL ? EXIT_OTHER : follow(client, options, uuid);
	}
	render_answer(verb, json, options->output);
	const char *state = json_string_value(json_object_get(json, "state"));
	return strcmp(verb->noun, "status") == 0 && state != NULL && strcmp(state, "degraded") == 0 ? EXIT_DEGRADED
	                                                                                            : EXIT_OK;
}

/* An answer, and of a list all its pages as one. */
static int ask_whole(struct client *client, const struct cli_request *request, long *ret_status, json_t **ret_json)
{
	const char *method = verb_method_name(request->verb->method);
	int err = client_ask(client, method, request->path, request->body, ret_status, ret_json);
	json_t *records = json_object_get(*ret_json, "records"), *next, *page;

	if (err != 0 || *ret_status != 200 || (request->verb->flags & VERB_COLLECTION) == 0)
		return err;
	while (err == 0 && (next = json_object_get(*ret_json, "next")) != NULL) {
		page = NULL;
		err = json_is_string(next)
		          ? client_ask(client, method, json_string_value(next), NULL, ret_status, &page)
		          : -EPROTO;
		if (err == 0 && *ret_status == 200 && json_array_size(json_object_get(page, "records")) > 0) {
			(void)json_array_extend(records, json_object_get(page, "records"));
			(void)json_object_set_new(*ret_json, "num_records",
			                          json_integer((json_int_t)json_array_size(records)));
			next = json_object_get(page, "next");
		} else {
			next = NULL;
		}
		if (next != NULL)
			(void)json_object_set(*ret_json, "next", next);
		else
			(void)json_object_del(*ret_json, "next");
		json_decref(page);
	}
	return err;
}

static int run_once(struct client *client, const struct cli_options *options, const struct cli_request *request)
{
	json_t *json = NULL;
	long status = 0;
	int code;

	int err = ask_whole(client, request, &status, &json);
	if (err != 0) {
		json_decref(json);
		return err == -EACCES ? EXIT_DENIED : EXIT_UNREACHABLE;
	}
	code = status >= 200 && status < 300 ? answered(client, options, request->verb, json)
	                                     : refused(client, options, status, json);
	json_decref(json);
	(void)fflush(stdout);
	return code;
}

static int run(struct client *client, const struct cli_options *options, const struct cli_request *request)
{
	bool watch = options->watch && request->verb->method == VERB_GET && !(request->verb->flags & VERB_WATCHES);
	int code = run_once(client, options, request);

	while (watch && (code == EXIT_OK || code == EXIT_DEGRADED) && follow_pause(1) == 0) {
		if (isatty(STDOUT_FILENO) == 1 && options->output != CLI_JSON)
			(void)fputs("\033[H\033[2J", stdout);
		code = run_once(client, options, request);
	}
	return code;
}

/* What a restore takes with it: the snapshots after the one in the request's path, ".../snapshots/NAME/restore". */
static void show_newer(struct client *client, const struct cli_request *request)
{
	char *path = strdup(request->path), *name;
	json_t *json = NULL, *shown, *record;
	bool newer = false;
	size_t i;
	long status;

	if (path == NULL || (name = strrchr(path, '/')) == NULL)
		goto out;
	*name = '\0'; /* "/restore" */
	if ((name = strrchr(path, '/')) == NULL)
		goto out;
	*name++ = '\0';
	if (client_ask(client, "GET", path, NULL, &status, &json) != 0 || status != 200)
		goto out;
	shown = shown_copy(json);
	json_decref(json);
	json = shown;
	json_array_foreach(json_object_get(json, "records"), i, record) {
		const char *of = json_string_value(json_object_get(record, "name"));

		if (newer && of != NULL)
			(void)fprintf(stderr, "snapshot %s is newer and will go\n", of);
		newer = newer || (of != NULL && strcmp(of, name) == 0);
	}
out:
	json_decref(json);
	free(path);
}

/* "y" on the terminal, or --yes: EXIT_OK. */
static int may_destroy(struct client *client, const struct cli_options *options, const struct cli_request *request)
{
	const struct verb *verb = request->verb;
	char answer[16];

	if (!request->destroys || options->yes)
		return EXIT_OK;
	if (verb->handler == VERB_H_SNAPSHOT_RESTORE)
		show_newer(client, request);
	if (isatty(STDIN_FILENO) != 1) {
		(void)fprintf(stderr, "vcadm: %s %s %s: %s; say --yes if that is meant\n", verb->noun, verb->verb,
		              request->object, verb->help);
		return EXIT_USAGE;
	}
	(void)fprintf(stderr, "%s %s %s: %s. Go on? [y/N] ", verb->noun, verb->verb, request->object, verb->help);
	if (fgets(answer, sizeof answer, stdin) != NULL && (answer[0] == 'y' || answer[0] == 'Y'))
		return EXIT_OK;
	(void)fputs("vcadm: nothing was done\n", stderr);
	return EXIT_OTHER;
}

static int say(const struct cli_options *options, int n_words, char **words)
{
	if (options->version) {
		(void)printf("vcadm %s\n", PACKAGE_VERSION);
		return EXIT_OK;
	}
	if (n_words > 0 && strcmp(words[0], "completion") == 0) {
		if (n_words == 2 && help_completion(stdout, words[1]) == 0)
			return EXIT_OK;
		(void)fputs("vcadm: completion wants bash or zsh\n", stderr);
		return EXIT_USAGE;
	}
	if (n_words > 0 && strcmp(words[0], "help") == 0) {
		if (n_words == 2 && strcmp(words[1], "--man") == 0) {
			help_man(stdout);
			return EXIT_OK;
		}
		return help_print(stdout, n_words - 1, words + 1) == 0 ? EXIT_OK : EXIT_USAGE;
	}
	if (options->help) {
		int n = 0;
		while (n < n_words && words[n][0] != '-')
			n++;
		return help_print(stdout, n, words) == 0 ? EXIT_OK : EXIT_USAGE;
	}
	(void)help_print(stderr, 0, NULL);
	return EXIT_USAGE;
}

/* What was printed and did not get out is an error, whatever came before. */
static int written(int code)
{
	if (fflush(stdout) == 0 && ferror(stdout) == 0)
		return code;
	(void)fprintf(stderr, "vcadm: the output could not be written: %s\n", strerror(errno));
	return code == EXIT_OK ? EXIT_OTHER : code;
}

int main(int argc, char **argv)
{
	struct cli_options options = { .wait = -1 };
	struct cli_request request;
	struct client *client;
	char token[512];
	int rest;

	(void)setlocale(LC_ALL, "");
	const char *server = getenv("VCADM_SERVER");
	options.server = server != NULL && *server != '\0' ? server : SERVER_DEFAULT;
	if (request_parse(argc, argv, &options, &request, &rest) != 0)
		return EXIT_USAGE;
	if (request.verb == NULL)
		return written(say(&options, argc - rest, argv + rest));
	int code = EXIT_USAGE;
	if (token_find(&options, token) == 0 &&
	    client_new(options.server, token[0] == '\0' ? NULL : token, &client) == 0) {
		code = may_destroy(client, &options, &request);
		if (code == EXIT_OK)
			code = run(client, &options, &request);
		client_free(client);
	}
	request_free(&request);
	curl_global_cleanup();
	return written(code);
}
