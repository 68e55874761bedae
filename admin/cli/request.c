/* SPDX-License-Identifier: Apache-2.0 */
/* A command line turned into a REST request. */
#include "admin/cli/request.h"

#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "admin/size.h"
#include "base/list.h"

#define WORDS_MAX 16

struct parse {
	int argc, at;
	char **argv;
	struct cli_options *options;
	const struct verb *verb;
	const char *words[WORDS_MAX];
	int n_words;
	json_t *values[VERB_PARAMS_MAX]; /* of each parameter, NULL: not given */
};

int request_complain(const char *format, ...)
{
	va_list args;
	va_start(args, format);
	(void)fputs("vcadm: ", stderr);
	(void)vfprintf(stderr, format, args);
	(void)fputc('\n', stderr);
	va_end(args);
	return -EINVAL;
}

/* ---- finding the verb -------------------------------------------------------------------------------------------- */

/* How many of `words` spell `text` ("lun clone"); 0: they don't. */
static int words_match(const char *text, int n_words, char *const *words)
{
	int n = 0;

	while (*text != '\0') {
		size_t len = strcspn(text, " ");
		if (n == n_words || strlen(words[n]) != len || strncmp(words[n], text, len) != 0)
			return 0;
		n++;
		text += len + (text[len] == ' ');
	}
	return n;
}

const struct verb *request_find_verb(int n_words, char *const *words, int *ret_words)
{
	const struct verb *found = NULL;

	*ret_words = 0;
	for (size_t i = 0; i < verbs_count; i++) {
		const struct verb *verb = &verbs[i];
		int noun = words_match(verb->noun, n_words, words), all = noun;
		if (noun == 0 || verb->flags & VERB_REST_ONLY)
			continue;
		if (verb->verb != NULL) {
			if (noun == n_words || strcmp(words[noun], verb->verb) != 0)
				continue;
			all++;
		}
		if (all > *ret_words) {
			found = verb;
			*ret_words = all;
		}
	}
	return found;
}

/* Every noun once, or every verb of `noun`, as "a, b, c". */
static void list_words(const char *noun, char *text, size_t size)
{
	const char *before = "";
	size_t len = 0;

	text[0] = '\0';
	for (size_t i = 0; i < verbs_count; i++) {
		const struct verb *verb = &verbs[i];
		const char *word = noun == NULL ? verb->noun : verb->verb;
		if (verb->flags & VERB_REST_ONLY || word == NULL ||
		    (noun == NULL ? strcmp(word, before) == 0 : strcmp(verb->noun, noun) != 0))
			continue;
		if (noun == NULL && strchr(word, ' ') != NULL) /* "lun clone": lun's own help has it */
			continue;
		before = word;
		int n = snprintf(text + len, size - len, "%s%s", len == 0 ? "" : ", ", word);
		len = MIN_OF(len + (size_t)MAX_OF(n, 0), size - 1);
	}
}

static int no_such_verb(int n_words, char *const *words)
{
	const char *noun = NULL;
	int n_noun = 0;
	char text[256];

	/* The longest noun that these words begin with. */
	for (size_t i = 0; i < verbs_count; i++) {
		int n = verbs[i].flags & VERB_REST_ONLY ? 0 : words_match(verbs[i].noun, n_words, words);
		if (n > n_noun) {
			noun = verbs[i].noun;
			n_noun = n;
		}
	}
	list_words(noun, text, sizeof text);
	if (noun == NULL)
		return request_complain("\"%s\" is not a noun, which are: %s; see: vcadm help", words[0], text);
	if (n_words > n_noun)
		return request_complain("%s has no verb \"%s\", only: %s; see: vcadm help %s", noun, words[n_noun],
		                        text, noun);
	return request_complain("%s wants a verb: %s; see: vcadm help %s", noun, text, noun);
}

/* ---- flags ------------------------------------------------------------------------------------------------------- */

static int output_of(const char *text, struct cli_options *options)
{
	static const char *const names[] = {
		[CLI_TABLE] = "table", [CLI_WIDE] = "wide", [CLI_JSON] = "json", [CLI_NAME] = "name"
	};

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		if (strcmp(names[i], text) == 0) {
			options->output = (enum cli_output)i;
			return 0;
		}
	}
	return request_complain("-o: \"%s\" is none of table, wide, json, name", text);
}

static int wait_of(const char *text, struct cli_options *options)
{
	char *end;

	options->wait = 1;
	if (text == NULL)
		return 0;
	options->wait_s = strtod(text, &end);
	if (*text == '\0' || *end != '\0' || !(options->wait_s > 0))
		return request_complain("--wait: \"%s\" is not a number of seconds", text);
	return 0;
}

/* The value of a flag: after '=', or the next word. NULL: none, complained. */
static const char *flag_value(struct parse *parse, const char *name, const char *inline_value)
{
	if (inline_value != NULL)
		return inline_value;
	if (parse->at + 1 < parse->argc)
		return parse->argv[++parse->at];
	(void)request_complain("%s wants a value", name);
	return NULL;
}

/* The flags of common_flag that have a value. */
static int valued_flag(struct parse *parse, const char *name, size_t len, const char *inline_value)
{
	static const char *const names[] = { "-o", "--output", "--server", "--token-file" };
	size_t i = 0;

	while (i < ARRAY_SIZE(names) && (strlen(names[i]) != len || strncmp(names[i], name, len) != 0))
		i++;
	if (i == ARRAY_SIZE(names))
		return 0;
	const char *value = flag_value(parse, names[i], inline_value);
	if (value == NULL)
		return -EINVAL;
	if (i < 2)
		return output_of(value, parse->options) == 0 ? 1 : -EINVAL;
	*(i == 2 ? &parse->options->server : &parse->options->token_file) = value;
	return 1;
}

/* 1: it was one of ours and is eaten; 0: not ours; negative: wrong. */
static int common_flag(struct parse *parse, const char *name, size_t len, const char *inline_value)
{
	struct cli_options *options = parse->options;
	static const struct {
		const char *name;
		size_t offset;
	} switches[] = { { "--watch", offsetof(struct cli_options, watch) },
		         { "--yes", offsetof(struct cli_options, yes) },
		         { "-y", offsetof(struct cli_options, yes) },
		         { "--help", offsetof(struct cli_options, help) },
		         { "-h", offsetof(struct cli_options, help) },
		         { "--version", offsetof(struct cli_options, version) } };

	for (size_t i = 0; i < ARRAY_SIZE(switches); i++) {
		if (strlen(switches[i].name) == len && strncmp(switches[i].name, name, len) == 0) {
			if (inline_value != NULL)
				return request_complain("%s takes no value", switches[i].name);
			*(bool *)((char *)options + switches[i].offset) = true;
			return 1;
		}
	}
	if (len == 9 && strncmp(name, "--no-wait", len) == 0) {
		options->wait = 0;
		return 1;
	}
	if (len == 6 && strncmp(name, "--wait", len) == 0)
		return wait_of(inline_value, options) == 0 ? 1 : -EINVAL;
	return valued_flag(parse, name, len, inline_value);
}

static bool is_flag_of(const struct verb_param *param, const char *name, size_t len)
{
	if (param->flags & (VERB_POSITIONAL | VERB_OPEN) || len < 3 || strncmp(name, "--", 2) != 0)
		return false;
	name += 2;
	len -= 2;
	if (param->flags & VERB_NEGATED) {
		if (len < 3 || strncmp(name, "no-", 3) != 0)
			return false;
		name += 3;
		len -= 3;
	}
	return strlen(param->name) == len && strncmp(param->name, name, len) == 0;
}

/* A flag and its opposite are two parameters of one key. */
static bool opposite_is_given(const struct parse *parse, size_t i)
{
	const struct verb_param *params = parse->verb->params;

	for (size_t k = 0; params[i].kind == VERB_BOOL && k < verb_n_params(parse->verb); k++)
		if (k != i && parse->values[k] != NULL && strcmp(params[k].key, params[i].key) == 0)
			return true;
	return false;
}

static int set_value(struct parse *parse, size_t i, const char *text)
{
	const struct verb_param *param = &parse->verb->params[i];
	bool may_repeat = param->kind == VERB_LIST || param->kind == VERB_DISKS || param->kind == VERB_GROUPS ||
	                  param->kind == VERB_CLIENTS;

	if (parse->values[i] != NULL && !may_repeat)
		return request_complain("%s was given twice", param->name);
	if (opposite_is_given(parse, i))
		return request_complain("--%s%s and its opposite were given", param->flags & VERB_NEGATED ? "no-" : "",
		                        param->name);
	json_t *value = request_value(param, text, parse->values[i]);
	if (value == NULL)
		return -EINVAL;
	json_decref(parse->values[i]);
	parse->values[i] = value;
	return 0;
}

static int parse_flag(struct parse *parse)
{
	const char *name = parse->argv[parse->at], *equals = strchr(name, '=');
	size_t len = equals == NULL ? strlen(name) : (size_t)(equals - name);
	const char *inline_value = equals == NULL ? NULL : equals + 1;

	int taken = common_flag(parse, name, len, inline_value);
	if (taken != 0)
		return taken < 0 ? taken : 0;
	for (size_t i = 0; parse->verb != NULL && i < verb_n_params(parse->verb); i++) {
		const struct verb_param *param = &parse->verb->params[i];
		if (!is_flag_of(param, name, len))
			continue;
		if (param->kind == VERB_BOOL)
			return inline_value != NULL ? request_complain("--%s takes no value", param->name)
			                            : set_value(parse, i, "");
		const char *value = flag_value(parse, name, inline_value);
		return value == NULL ? -EINVAL : set_value(parse, i, value);
	}
	if (parse->verb == NULL)
		return request_complain("unknown flag %.*s; see: vcadm help", (int)len, name);
	return request_complain("unknown flag %.*s; see: vcadm help %s%s%s", (int)len, name, parse->verb->noun,
	                        parse->verb->verb == NULL ? "" : " ",
	                        parse->verb->verb == NULL ? "" : parse->verb->verb);
}

/* ---- the request ------------------------------------------------------------------------------------------------- */

static int place_positionals(struct parse *parse)
{
	int word = 0;

	for (size_t i = 0; i < verb_n_params(parse->verb); i++) {
		const struct verb_param *param = &parse->verb->params[i];
		if (!(param->flags & VERB_POSITIONAL) || word == parse->n_words)
			continue;
		int err = set_value(parse, i, parse->words[word++]);
		if (err != 0)
			return err;
	}
	if (word < parse->n_words)
		return request_complain("one word too many: \"%s\"", parse->words[word]);
	for (size_t i = 0; i < verb_n_params(parse->verb); i++) {
		const struct verb_param *param = &parse->verb->params[i];
		if (param->flags & VERB_REQUIRED && parse->values[i] == NULL)
			return request_complain(
			    "%s%s is missing; see: vcadm help %s%s%s", param->flags & VERB_POSITIONAL ? "" : "--",
			    param->flags & VERB_POSITIONAL ? param->value : param->name, parse->verb->noun,
			    parse->verb->verb == NULL ? "" : " ", parse->verb->verb == NULL ? "" : parse->verb->verb);
	}
	return 0;
}

static char *value_text(json_t *value)
{
	char *text = NULL;
	if (json_is_string(value))
		return strdup(json_string_value(value));
	if (json_is_boolean(value))
		return strdup(json_is_true(value) ? "true" : "false");
	return asprintf(&text, "%lld", (long long)json_integer_value(value)) < 0 ? NULL : text;
}

static void print_escaped(FILE *out, json_t *value)
{
	char *text = value_text(value), *escaped = text == NULL ? NULL : curl_easy_escape(NULL, text, 0);
	if (escaped != NULL)
		(void)fputs(escaped, out);
	curl_free(escaped);
	free(text);
}

static json_t *value_of_key(const struct parse *parse, const char *key, size_t len)
{
	for (size_t i = 0; i < verb_n_params(parse->verb); i++) {
		const struct verb_param *param = &parse->verb->params[i];
		if (param->place == VERB_IN_ROUTE && strlen(param->key) == len && strncmp(param->key, key, len) == 0)
			return parse->values[i];
	}
	return NULL;
}

static char *make_path(const struct parse *parse)
{
	char *path = NULL, separator = '?';
	size_t size;
	FILE *out = open_memstream(&path, &size);

	if (out == NULL)
		return NULL;
	(void)fputs(VERB_API_PREFIX, out);
	for (const char *p = parse->verb->route; *p != '\0'; p++) {
		if (*p != '{') {
			(void)fputc(*p, out);
			continue;
		}
		size_t len = strcspn(++p, "}");
		print_escaped(out, value_of_key(parse, p, len));
		p += len;
	}
	for (size_t i = 0; i < verb_n_params(parse->verb); i++) {
		if (parse->verb->params[i].place != VERB_IN_QUERY || parse->values[i] == NULL)
			continue;
		(void)fprintf(out, "%c%s=", separator, parse->verb->params[i].key);
		print_escaped(out, parse->values[i]);
		separator = '&';
	}
	return fclose(out) == 0 ? path : NULL;
}

static json_t *make_body(const struct parse *parse)
{
	json_t *body = json_object();

	for (size_t i = 0; i < verb_n_params(parse->verb); i++) {
		if (parse->verb->params[i].place == VERB_IN_BODY && parse->values[i] != NULL)
			(void)json_object_set(body, parse->verb->params[i].key, parse->values[i]);
	}
	if (parse->verb->fixed_key != NULL)
		(void)json_object_set_new(body, parse->verb->fixed_key, json_string(parse->verb->fixed_value));
	if (json_object_size(body) > 0)
		return body;
	json_decref(body);
	return NULL;
}

/* Everything after the verb. */
static int parse_rest(struct parse *parse)
{
	bool words_only = false;

	for (; parse->at < parse->argc; parse->at++) {
		char *word = parse->argv[parse->at];
		if (!words_only && strcmp(word, "--") == 0) {
			words_only = true;
		} else if (!words_only && word[0] == '-' && word[1] != '\0') {
			int err = parse_flag(parse);
			if (err != 0)
				return err;
		} else if (parse->n_words == WORDS_MAX) {
			return request_complain("too many words");
		} else {
			parse->words[parse->n_words++] = word;
		}
	}
	return 0;
}

static bool is_destructive(const struct parse *parse)
{
	if (parse->verb->flags & VERB_DESTROYS)
		return true;
	for (size_t i = 0; i < verb_n_params(parse->verb); i++) {
		if (parse->verb->params[i].flags & VERB_DESTROYING && parse->values[i] != NULL)
			return true;
	}
	return false;
}

static void name_object(const struct parse *parse, char *ret_text, size_t size)
{
	size_t len = 0;

	ret_text[0] = '\0';
	for (int i = 0; i < parse->n_words && len < size; i++)
		len += (size_t)snprintf(ret_text + len, size - len, "%s%s", i == 0 ? "" : " ", parse->words[i]);
}

int request_parse(int argc, char **argv, struct cli_options *options, struct cli_request *ret_request, int *ret_rest)
{
	struct parse parse = { .argc = argc, .argv = argv, .at = 1, .options = options };
	int n_words, err = 0;

	*ret_request = (struct cli_request){ 0 };
	for (; err == 0 && parse.at < argc && argv[parse.at][0] == '-'; parse.at++)
		err = parse_flag(&parse);
	*ret_rest = parse.at;
	if (err != 0 || parse.at >= argc || options->help || options->version || strcmp(argv[parse.at], "help") == 0 ||
	    strcmp(argv[parse.at], "completion") == 0)
		return err;
	parse.verb = request_find_verb(argc - parse.at, argv + parse.at, &n_words);
	if (parse.verb == NULL) {
		for (int i = parse.at; i < argc; i++)
			options->help = options->help || strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0;
		return options->help ? 0 : no_such_verb(argc - parse.at, argv + parse.at);
	}
	parse.at += n_words;
	err = parse_rest(&parse);
	if (err == 0 && !options->help)
		err = place_positionals(&parse);
	if (err == 0 && !options->help) {
		ret_request->verb = parse.verb;
		ret_request->path = make_path(&parse);
		ret_request->body = make_body(&parse);
		ret_request->destroys = is_destructive(&parse);
		name_object(&parse, ret_request->object, sizeof ret_request->object);
	}
	for (size_t i = 0; i < VERB_PARAMS_MAX; i++)
		json_decref(parse.values[i]);
	return err;
}

void request_free(struct cli_request *request)
{
	free(request->path);
	json_decref(request->body);
}
