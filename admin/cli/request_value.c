/* SPDX-License-Identifier: Apache-2.0 */
/* The values of a command line as they go into the body of a request. */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "admin/cli/request.h"
#include "admin/size.h"
#include "base/list.h"

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
	(void)request_complain("--%s: \"%s\" is not a size such as 512k, 200m, 1.5g%s", param->name, text,
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
			(void)request_complain(
			    "--client: \"%.*s\" is none of rw, ro, root_squash, no_root_squash, all_squash, "
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
	(void)request_complain("--%s: \"%s\" is not 0%% to 100%%", param->name, text);
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
		(void)request_complain("--%s: \"%s\" is not %s", param->name, text, param->value);
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
		(void)request_complain("--%s: \"%s\" is not a number", param->name, text);
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
