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

__attribute__((format(printf, 1, 2))) static int complain(const char *format, ...)
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
		return complain("\"%s\" is not a noun, which are: %s; see: vcadm help", words[0], text);
	if (n_words > n_noun)
		return complain("%s has no verb \"%s\", only: %s; see: vcadm help %s", noun, words[n_noun], text, noun);
	return complain("%s wants a verb: %s; see: vcadm help %s", noun, text, noun);
}

/* ---- values ------------------------------------------------------------------------------------------------------ */

static json_t *list_append(json_t *list, const char *text)
{
	if (list == NULL)
		list = json_array();
	while (*text != '\0') {
		size_t len = strcspn(text, ",");
		if (len > 0)
			(void)json_array_append_new(list, json_stringn(text, len));
		text += len + (text[len] == ',');
	}
	return list;
}

static json_t *size_value(const struct verb_param *param, const char *text)
{
	uint64_t bytes;
	int err = size_parse(text, &bytes);

	if (err == 0)
		return json_integer((json_int_t)bytes);
	(void)complain("--%s: \"%s\" is not a size such as 512k, 200m, 1.5g%s", param->name, text,
	               err == -ERANGE ? " (too large)" : "");
	return NULL;
}

static const struct {
	const char *text, *key;
	int is; /* for "access": 1 rw, 0 ro */
} client_options[] = {
	{ "rw", "access", 1 },
	{ "ro", "access", 0 },
	{ "root_squash", "root_squash", 1 },
	{ "no_root_squash", "root_squash", 0 },
	{ "secure", "secure", 1 },
	{ "insecure", "secure", 0 },
	{ "all_squash", "all_squash", 1 },
};

/* "anonuid=99" */
static bool client_id_option(json_t *rule, const char *text, size_t len)
{
	static const char *const keys[] = { "anonuid", "anongid" };
	char number[16];
	uint64_t id;

	for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
		size_t key_len = strlen(keys[i]);
		if (strncmp(text, keys[i], key_len) != 0 || text[key_len] != '=')
			continue;
		(void)snprintf(number, sizeof number, "%.*s", (int)MIN_OF(len - key_len - 1U, sizeof number - 1),
		               text + key_len + 1U);
		if (size_parse_integer(number, UINT32_MAX, &id) != 0)
			return false;
		if (rule != NULL)
			(void)json_object_set_new(rule, keys[i], json_integer((json_int_t)id));
		return true;
	}
	return false;
}

static bool client_option(json_t *rule, const char *text, size_t len)
{
	for (size_t i = 0; i < ARRAY_SIZE(client_options); i++) {
		if (strlen(client_options[i].text) != len || strncmp(client_options[i].text, text, len) != 0)
			continue;
		if (rule != NULL)
			(void)json_object_set_new(rule, client_options[i].key,
			                          strcmp(client_options[i].key, "access") == 0
			                              ? json_string(client_options[i].is ? "rw" : "ro")
			                              : json_boolean(client_options[i].is));
		return true;
	}
	return client_id_option(rule, text, len);
}

/* "192.168.1.0/24:rw,no_root_squash": what follows the last colon are options, unless it is a part of an IPv6
 * address. */
static json_t *client_value(const char *text)
{
	const char *options = strrchr(text, ':');

	if (options != NULL && !client_option(NULL, options + 1, strcspn(options + 1, ",")) &&
	    strpbrk(options + 1, "ghijklmnopqrstuvwxyz") == NULL)
		options = NULL;
	size_t len = options == NULL ? strlen(text) : (size_t)(options - text);
	json_t *rule = json_pack("{s:s%,s:s}", "client", text, len, "access", "ro");
	for (const char *p = options; p != NULL && *p != '\0';) {
		size_t option_len = strcspn(++p, ",");
		if (!client_option(rule, p, option_len)) {
			(void)complain("--client: \"%.*s\" is none of rw, ro, root_squash, no_root_squash, all_squash, "
			               "anonuid=ID, "
			               "anongid=ID, secure, "
			               "insecure",
			               (int)option_len, p);
			json_decref(rule);
			return NULL;
		}
		p += option_len;
	}
	return rule;
}

static json_t *percent_value(const struct verb_param *param, const char *text)
{
	size_t len = strspn(text, "0123456789");
	long percent = strtol(text, NULL, 10);

	if (len > 0 && len <= 3 && percent <= 100 && (text[len] == '\0' || strcmp(text + len, "%") == 0))
		return json_integer(percent);
	(void)complain("--%s: \"%s\" is not 0%% to 100%%", param->name, text);
	return NULL;
}

/* "7@00:10": how many to keep, and when. */
static json_t *rule_value(const struct verb_param *param, const char *text)
{
	size_t len = strcspn(text, "@");
	char keep[16];
	uint64_t number;

	(void)snprintf(keep, sizeof keep, "%.*s", (int)MIN_OF(len, sizeof keep - 1), text);
	if (len >= sizeof keep || size_parse_integer(keep, INT64_MAX, &number) != 0) {
		(void)complain("--%s: \"%s\" is not %s", param->name, text, param->value);
		return NULL;
	}
	json_t *rule = json_pack("{s:I}", "keep", (json_int_t)number);
	if (text[len] == '@')
		(void)json_object_set_new(rule, "at", json_string(text + len + 1));
	return rule;
}

static json_t *volume_value(const char *text)
{
	text += *text == '/';
	if (strncmp(text, "vol/", 4) == 0)
		text += 4;
	size_t len = strlen(text);
	while (len > 0 && text[len - 1] == '/')
		len--;
	return json_stringn(text, len);
}

json_t *request_value(const struct verb_param *param, const char *text, json_t *present)
{
	uint64_t number;
	json_t *value;

	switch (param->kind) {
	case VERB_TEXT: return json_string(text);
	case VERB_VOLUME: return volume_value(text);
	case VERB_PATH:
		return *text == '/' || strncmp(text, "vol/", 4) != 0 ? json_string(text) : json_sprintf("/%s", text);
	case VERB_SIZE: return size_value(param, text);
	case VERB_INTEGER:
		if (size_parse_integer(text, INT64_MAX, &number) == 0)
			return json_integer((json_int_t)number);
		(void)complain("--%s: \"%s\" is not a number", param->name, text);
		return NULL;
	case VERB_PERCENT: return percent_value(param, text);
	case VERB_BOOL: return json_boolean((param->flags & (VERB_NEGATED | VERB_FALSE)) == 0);
	case VERB_RULE: return rule_value(param, text);
	case VERB_LIST:
	case VERB_DISKS: return list_append(json_incref(present), text);
	case VERB_GROUPS:
		present = present == NULL ? json_array() : json_incref(present);
		(void)json_array_append_new(present, json_pack("{s:o}", "disks", list_append(NULL, text)));
		return present;
	case VERB_CLIENTS:
		value = client_value(text);
		if (value == NULL)
			return NULL;
		present = present == NULL ? json_array() : json_incref(present);
		(void)json_array_append_new(present, value);
		return present;
	}
	return NULL;
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
	return complain("-o: \"%s\" is none of table, wide, json, name", text);
}

static int wait_of(const char *text, struct cli_options *options)
{
	char *end;

	options->wait = 1;
	if (text == NULL)
		return 0;
	options->wait_s = strtod(text, &end);
	if (*text == '\0' || *end != '\0' || !(options->wait_s > 0))
		return complain("--wait: \"%s\" is not a number of seconds", text);
	return 0;
}

/* The value of a flag: after '=', or the next word. NULL: none, complained. */
static const char *flag_value(struct parse *parse, const char *name, const char *inline_value)
{
	if (inline_value != NULL)
		return inline_value;
	if (parse->at + 1 < parse->argc)
		return parse->argv[++parse->at];
	(void)complain("%s wants a value", name);
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
				return complain("%s takes no value", switches[i].name);
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
		return complain("%s was given twice", param->name);
	if (opposite_is_given(parse, i))
		return complain("--%s%s and its opposite were given", param->flags & VERB_NEGATED ? "no-" : "",
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
			return inline_value != NULL ? complain("--%s takes no value", param->name)
			                            : set_value(parse, i, "");
		const char *value = flag_value(parse, name, inline_value);
		return value == NULL ? -EINVAL : set_value(parse, i, value);
	}
	if (parse->verb == NULL)
		return complain("unknown flag %.*s; see: vcadm help", (int)len, name);
	return complain("unknown flag %.*s; see: vcadm help %s%s%s", (int)len, name, parse->verb->noun,
	                parse->verb->verb == NULL ? "" : " ", parse->verb->verb == NULL ? "" : parse->verb->verb);
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
		return complain("one word too many: \"%s\"", parse->words[word]);
	for (size_t i = 0; i < verb_n_params(parse->verb); i++) {
		const struct verb_param *param = &parse->verb->params[i];
		if (param->flags & VERB_REQUIRED && parse->values[i] == NULL)
			return complain(
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
			return complain("too many words");
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
